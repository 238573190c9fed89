use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn load(pairs: &[(&str, &str)]) -> Result<Config, ExpectedError> {
    Config::load(&Flags::new(), &variables(pairs))
}

#[test]
fn defaults_are_those_of_the_interface() {
    let config = load(&[]).unwrap();
    assert_eq!(config.mode, Mode::Heal);
    assert_eq!(config.max_attempts, 5);
    assert_eq!(config.time_budget, Duration::from_secs(1800));
    assert_eq!(config.sandbox_memory, 4 << 30);
    assert_eq!(config.sandbox_cpus, None);
    assert_eq!(config.sandbox_image, None);
    assert_eq!(config.gemini.model.as_deref(), Some("gemini-3.5-flash"));
    assert_eq!(config.commit_mode, CommitMode::Git);
    assert_eq!(config.providers.len(), 4);
}

#[test]
fn empty_means_not_given() {
    let config = load(&[("INPUT_MAX-ATTEMPTS", ""), ("INPUT_GEMINI-API-KEY", "  ")]).unwrap();
    assert_eq!(config.max_attempts, 5);
    assert!(config.gemini.api_key.is_none());
}

#[test]
fn flags_win_over_inputs() {
    let (flags, rest) = flags(
        &["--max-attempts=2", "log.txt", "--push-partial", "--branch", "x"].map(str::to_owned),
        &["repo"],
    )
    .unwrap();
    assert_eq!(rest, ["log.txt"]);
    let config = Config::load(&flags, &variables(&[("INPUT_MAX-ATTEMPTS", "9")])).unwrap();
    assert_eq!(config.max_attempts, 2);
    assert!(config.push_partial);
    assert_eq!(config.branch, "x");
}

#[test]
fn bad_values_name_the_input_the_value_and_what_is_allowed() {
    for (name, value, allowed) in [
        ("MODE", "fix", "one of heal, diagnose, patch, publish"),
        ("PROVIDERS", "gemini,claude", "one of toolchain, gemini, groq, openai"),
        ("MAX-ATTEMPTS", "0", "a whole number from 1 to 100"),
        ("TIME-BUDGET", "5", "a duration from 1m to 24h"),
        ("TIME-BUDGET", "99999999999999999999h", "a duration"),
        ("TOKEN-BUDGET", "-1", "a whole number"),
        ("COST-BUDGET", "NaN", "a number from 0"),
        ("MIN-CONFIDENCE", "1.5", "a number from 0 to 1"),
        ("PROTECTED-PATHS", "a[", "globs"),
        ("ALLOW-TEST-EDITS", "yes", "true or false"),
        ("SANDBOX-NETWORK", "none", "one of on, off, setup-only"),
        ("SANDBOX-MEMORY", "lots", "an amount of memory"),
        ("SANDBOX-CPUS", "0", "a number from 0.01"),
        ("SANDBOX-ENV", "A B=1", "lines of NAME"),
        ("SANDBOX-ENV", "ACTIONS_RUNTIME_TOKEN", "none of the runner's tokens"),
        ("CA-BUNDLE", "/nonexistent.pem", "cannot read"),
        ("BRANCH", "a..b", "a branch name"),
        ("BRANCH", "heal/{who}", "a branch name"),
        ("COMMIT-MODE", "push", "one of auto, api, git"),
        ("PULL-REQUEST", "yes", "one of auto, always, draft, never"),
        ("FAIL-ON", "all", "one of unhealed, error, never"),
        ("REPORT-DIR", "/tmp", "a directory inside the workspace"),
        ("REPORT-DIR", ".git/x", "a directory inside the workspace"),
        ("WORKING-DIRECTORY", "../x", "a directory inside the workspace"),
        ("GEMINI-BASE-URL", "ftp://x", "an http(s) address"),
        ("GROQ-BASE-URL", "https://user:pw@x", "without credentials"),
    ] {
        let error = load(&[(&format!("INPUT_{name}"), value)]).expect_err(value);
        assert_eq!(error.kind.exit_code(), 2);
        let name = name.to_ascii_lowercase();
        assert!(error.message.contains(&format!("input {name}")), "{error}");
        assert!(error.message.contains(allowed), "{error} lacks {allowed:?}");
    }
}

#[test]
fn unknown_flags_are_named_with_the_nearest() {
    let error = flags(&["--max-atempts=3".to_owned()], &[]).unwrap_err();
    assert!(error.message.contains("--max-atempts"));
    assert_eq!(error.hint.as_deref(), Some("did you mean --max-attempts?"));
    assert!(flags(&["--branch".to_owned()], &[]).unwrap_err().message.contains("needs a value"));
    assert!(flags(&["--job=a".to_owned(), "--job=b".to_owned()], &[]).is_err());
}

#[test]
fn secrets_stay_out_of_debug() {
    let config = load(&[
        ("GITHUB_ACTIONS", "true"),
        ("INPUT_GITHUB-TOKEN", "canary-one"),
        ("INPUT_GEMINI-API-KEY", "canary-two"),
        ("INPUT_SANDBOX-ENV", "NPM_TOKEN=canary-three"),
    ])
    .unwrap();
    assert!(!format!("{config:?}").contains("canary"));
    assert_eq!(config.secrets().len(), 2);
}

#[test]
fn in_a_workflow_only_inputs_count() {
    let outside = load(&[("GEMINI_API_KEY", "k")]).unwrap();
    assert!(outside.gemini.api_key.is_some());
    let inside = load(&[("GITHUB_ACTIONS", "true"), ("GEMINI_API_KEY", "k")]).unwrap();
    assert!(inside.gemini.api_key.is_none());
    assert_eq!(inside.commit_mode, CommitMode::Api);
}

#[test]
fn durations_and_amounts() {
    assert_eq!(duration("1h30m", "1s", "24h"), Ok(Duration::from_secs(5400)));
    for bad in ["", "m", "1", "1x", "h1", "1m1", "-1m"] {
        assert!(duration(bad, "1s", "24h").is_err(), "{bad:?}");
    }
    assert_eq!(bytes("512m", 0, u64::MAX), Ok(512 << 20));
    assert_eq!(bytes("4gb", 0, u64::MAX), Ok(4 << 30));
    assert!(bytes("99999999999999999999g", 0, u64::MAX).is_err());
}
