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
    assert_eq!(config.gemini.model.as_deref(), Some("gemini-3.8-flash"));
    assert_eq!(config.commit_mode, CommitMode::Git);
    assert_eq!(config.providers.len(), 6);
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
    assert_eq!(config.on_partial, OnPartial::Publish);
    assert_eq!(config.branch, "x");
}

#[test]
fn the_repository_s_file_comes_beneath_the_inputs() {
    let file = RepositoryFile::parse("max-attempts: 3\nfail-on: never\npolicy: {lint: diagnose}\n").unwrap();
    let load = |pairs: &[(&str, &str)]| Config::load_with(&Flags::new(), &variables(pairs), &file).unwrap();
    assert_eq!((load(&[]).max_attempts, load(&[]).fail_on), (3, FailOn::Never));
    assert!(load(&[]).policy.only_diagnosed().contains(&crate::contract::bug::Category::Lint));
    assert_eq!(load(&[("INPUT_MAX-ATTEMPTS", "9")]).max_attempts, 9);
    // A runner hands over the default of what nobody wrote down.
    let run = |value| load(&[("GITHUB_ACTIONS", "true"), ("INPUT_MAX-ATTEMPTS", value)]).max_attempts;
    assert_eq!((run("5"), run("9")), (3, 9));
    let flags = Flags::from([("max-attempts".to_owned(), "5".to_owned())]);
    assert_eq!(Config::load_with(&flags, &variables(&[]), &file).unwrap().max_attempts, 5);
}

/// Values of each kind that are not allowed.
fn bad_values(kind: &Kind) -> Vec<&'static str> {
    match kind {
        Kind::Text | Kind::List => vec![],
        Kind::Line(_) => vec!["two\nlines"],
        Kind::Url => vec!["ftp://x", "https://user:pw@x", "nowhere"],
        Kind::Folder => vec!["/tmp", "../x", "a/../../b"],
        Kind::FolderAnywhere => vec![".git/x", "/srv/.GIT"],
        Kind::Run => vec![
            "0",
            "ci",
            "https://github.com/o/r",
            "https://github.com/o/r/actions/runs/x",
            "ftp://x/o/r/actions/runs/1",
        ],
        Kind::Branch => vec!["a..b", "heal/{who}"],
        Kind::Certificates => vec!["/nonexistent.pem", "/dev/null"],
        Kind::Switch => vec!["yes", "1"],
        Kind::OneOf(_) => vec!["something", "HEAL"],
        Kind::ListOf(_) => vec!["gemini,claude"],
        Kind::Globs => vec!["a["],
        Kind::Policy => vec!["lint", "lint: maybe"],
        Kind::Variables => vec!["A B=1", "1A=x", "=x", "ACTIONS_RUNTIME_TOKEN", "GITHUB_TOKEN"],
        Kind::Number(least, _) if *least > 0 => vec!["0", "-1", "1.5", "99999999999999999999"],
        Kind::Number(..) => vec!["-1", "many", "99999999999999999999"],
        Kind::Fraction(..) | Kind::FractionOr(..) => vec!["NaN", "-0.5", "inf", "1e9"],
        Kind::Duration(..) => vec!["5", "0s", "25h", "99999999999999999999h"],
        Kind::Bytes(..) => vec!["lots", "1k", "99999999999999999999g"],
    }
}

#[test]
fn no_engine_for_steps_beside_what_can_write() {
    let on = ("INPUT_SANDBOX-DOCKER", "on");
    load(&[on, ("INPUT_MODE", "patch")]).unwrap();
    load(&[on, ("INPUT_MODE", "diagnose")]).unwrap();
    for (other, says) in [
        (("INPUT_MODE", "heal"), "mode is heal"),
        (("INPUT_PUSH-TOKEN", "secret-of-mine"), "there is a push-token"),
        (("INPUT_SANDBOX-HARDENING", "strict"), "sandbox-hardening is strict"),
    ] {
        let mode = if other.0 == "INPUT_MODE" { other } else { ("INPUT_MODE", "patch") };
        let error = load(&[on, mode, other]).unwrap_err();
        assert!(error.message.contains(says) && error.hint.is_some(), "{error}");
    }
}

#[test]
fn no_token_for_steps_beside_one_that_can_write() {
    let (on, token) = (("INPUT_SANDBOX-TOKEN", "read"), ("INPUT_GITHUB-TOKEN", "ghs_of_the_job"));
    load(&[on, token, ("INPUT_MODE", "patch")]).unwrap();
    load(&[on, token, ("INPUT_MODE", "diagnose")]).unwrap();
    for (given, says) in [
        (&[on, token, ("INPUT_MODE", "publish")][..], "mode is publish"),
        (
            &[on, token, ("INPUT_MODE", "patch"), ("INPUT_PUSH-TOKEN", "secret-of-mine")],
            "there is a push-token",
        ),
        (&[on, ("INPUT_MODE", "patch")], "there is no github-token"),
    ] {
        let error = load(given).unwrap_err();
        assert!(error.message.contains(says) && error.hint.is_some(), "{error}");
    }
}

#[test]
fn bad_values_name_the_input_the_value_and_what_is_allowed() {
    for input in INPUTS {
        for value in bad_values(&input.kind) {
            let error = load(&[(&format!("INPUT_{}", input.name.to_ascii_uppercase()), value)])
                .expect_err(&format!("{}: {value}", input.name));
            assert_eq!(error.kind.exit_code(), 2);
            assert!(error.message.starts_with(&format!("input {}: ", input.name)), "{error}");
            if input.secret != Secret::No {
                assert!(error.message.contains(": the value is not "), "{error}");
            } else if value.contains('@') {
                assert!(error.message.contains("https://***@x") && !error.message.contains("pw"), "{error}");
            } else {
                assert!(error.message.contains(&format!("{value:?}")), "{error}");
            }
            let says_what = error.message.contains(&input.kind.allowed())
                || error.message.contains("none of the runner's tokens");
            assert!(says_what, "{error} lacks {:?}", input.kind.allowed());
            let flag =
                Config::load(&Flags::from([(input.name.to_owned(), value.to_owned())]), &variables(&[]))
                    .expect_err(value);
            assert!(flag.message.starts_with(&format!("flag --{}: ", input.name)), "{flag}");
        }
    }
}

#[test]
fn what_is_allowed_is_said_in_so_many_words() {
    for (name, value, message) in [
        ("MODE", "fix", r#"input mode: "fix" is not one of heal, diagnose, patch, publish"#),
        ("MAX-ATTEMPTS", "0", r#"input max-attempts: "0" is not a whole number from 1 to 100"#),
        (
            "PROVIDERS",
            "x",
            r#"input providers: "x" is not a comma-separated list, each one of toolchain, command, gemini, groq, openai, history"#,
        ),
        ("SANDBOX-CPUS", "0", r#"input sandbox-cpus: "0" is not a number from 0.01 to 1024, or all"#),
        (
            "SANDBOX-MEMORY",
            "1",
            r#"input sandbox-memory: "1" is not an amount of memory from 64m to 16384g, such as 512m or 4g"#,
        ),
        (
            "REPORT-DIR",
            ".git/x",
            r#"input report-dir: ".git/x" is not a directory, in a workflow one inside the workspace, and none of git's own"#,
        ),
        (
            "SANDBOX-ENV",
            "A B=hunter2",
            "input sandbox-env: the value is not lines of NAME or NAME=value, names of letters, digits and _",
        ),
        ("COMMIT-MODE", "push", r#"input commit-mode: "push" is not one of auto, api, git"#),
    ] {
        assert_eq!(load(&[(&format!("INPUT_{name}"), value)]).unwrap_err().message, message);
    }
    let long = load(&[("INPUT_BRANCH", &"..".repeat(5000))]).unwrap_err();
    assert!(long.message.len() < 400, "{long}");
}

/// What each kind of value may be, beside its default.
fn good_value(input: &Input) -> String {
    match input.kind {
        Kind::Switch => "TRUE".to_owned(),
        Kind::Number(least, _) => least.to_string(),
        Kind::Fraction(..) | Kind::FractionOr(..) => "1".to_owned(),
        Kind::Variables => "NAME=value".to_owned(),
        _ => String::new(),
    }
}

#[test]
fn every_row_is_read_by_its_kind() {
    for input in INPUTS {
        let name = format!("INPUT_{}", input.name.to_ascii_uppercase());
        for value in [good_value(input), input.own_default().to_owned()] {
            load(&[(&name, &value)]).unwrap_or_else(|e| panic!("{}={value}: {e}", input.name));
        }
        assert!(input.doc.ends_with('.') && !input.doc.contains(['\n', '|']), "{}", input.name);
        if let Kind::OneOf(names) = input.kind {
            for name in names {
                assert!(input.doc.contains(&format!("`{name}`")), "{}'s text lacks {name}", input.name);
            }
        }
    }
}

#[test]
fn unknown_flags_are_named_with_the_nearest() {
    let error = flags(&["--max-atempts=3".to_owned()], &[]).unwrap_err();
    assert!(error.message.contains("--max-atempts"));
    assert_eq!(error.hint.as_deref(), Some("did you mean --max-attempts?"));
    assert!(flags(&["--branch".to_owned()], &[]).unwrap_err().message.contains("needs a value"));
    assert!(flags(&["--branch=a".to_owned(), "--branch=b".to_owned()], &[]).is_err());
}

#[test]
fn a_list_may_be_given_in_several_flags() {
    let (flags, _) = flags(&["--job=a,b", "--job", "c"].map(str::to_owned), &[]).unwrap();
    assert_eq!(Config::load(&flags, &variables(&[])).unwrap().jobs, ["a", "b", "c"]);
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
    assert_eq!(config.secrets().len(), 3);
}

#[test]
fn every_secret_of_the_table_is_known_as_one() {
    use secrecy::ExposeSecret;
    let marked: Vec<&Input> = INPUTS.iter().filter(|i| i.secret != Secret::No).collect();
    let given: Vec<(String, String)> = marked
        .iter()
        .map(|i| {
            let value = match i.secret {
                Secret::Values => format!("A_KEY=canary-{}\nANOTHER=canary-2", i.name),
                Secret::Yes | Secret::No => format!("canary-{}", i.name),
            };
            (format!("INPUT_{}", i.name.to_ascii_uppercase()), value)
        })
        .collect();
    let pairs: Vec<(&str, &str)> = given.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let config = load(&pairs).unwrap();
    let known: Vec<&str> = config.secrets().iter().map(ExposeSecret::expose_secret).collect();
    for input in marked {
        assert!(known.contains(&format!("canary-{}", input.name).as_str()), "{} goes unmasked", input.name);
    }
    assert!(known.contains(&"canary-2"));
    // What looks like a key is marked as one.
    let holds_one = |i: &&Input| {
        !matches!(i.kind, Kind::OneOf(_)) && ["-key", "-token"].iter().any(|end| i.name.ends_with(end))
    };
    for input in INPUTS.iter().filter(holds_one) {
        assert_eq!(input.secret, Secret::Yes, "{}", input.name);
    }
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
    assert_eq!(values::duration("1h30m"), Some(Duration::from_secs(5400)));
    for bad in ["", "m", "1", "1x", "h1", "1m1", "-1m"] {
        assert_eq!(values::duration(bad), None, "{bad:?}");
    }
    assert_eq!(values::bytes("512m"), Some(512 << 20));
    assert_eq!(values::bytes("4gb"), Some(4 << 30));
    assert_eq!(values::bytes("99999999999999999999g"), None);
}
