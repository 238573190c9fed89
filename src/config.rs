//! Inputs, flags and the workflow environment, read once and checked before anything runs.
//!
//! The only reader of `INPUT_*`, `GITHUB_*` and flags. One table, [`INPUTS`], names every input; action.yml, the
//! README and this table are held against each other by a test. An empty value means "not given".

mod environment;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

pub use environment::Workflow;

use crate::diff::similarity;
use crate::error::ExpectedError;
use values::{bytes, duration, lines, list, number, one_of, switch};

/// One input of the action and flag of the command line.
#[derive(Debug, Clone, Copy)]
pub struct Input {
    /// kebab-case; `INPUT_<NAME>` in upper case, `--<name>` as a flag.
    pub name: &'static str,
    /// As in action.yml; empty: none.
    pub default: &'static str,
    pub secret: Secret,
    /// A variable that gives the value outside a workflow.
    pub fallback_variable: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    Yes,
    No,
}

const fn input(name: &'static str, default: &'static str) -> Input {
    Input { name, default, secret: Secret::No, fallback_variable: None }
}

const fn secret(name: &'static str, fallback_variable: Option<&'static str>) -> Input {
    Input { name, default: "", secret: Secret::Yes, fallback_variable }
}

/// Every input, in the order of the documentation.
pub const INPUTS: &[Input] = &[
    input("mode", "heal"),
    // In a workflow its default is the job's own token, which only action.yml can express.
    secret("github-token", Some("GITHUB_TOKEN")),
    secret("push-token", None),
    input("providers", "toolchain,gemini,groq,openai"),
    secret("gemini-api-key", Some("GEMINI_API_KEY")),
    input("gemini-model", "gemini-3.5-flash"),
    input("gemini-base-url", "https://generativelanguage.googleapis.com"),
    secret("groq-api-key", Some("GROQ_API_KEY")),
    input("groq-model", "openai/gpt-oss-120b"),
    input("groq-base-url", "https://api.groq.com/openai/v1"),
    secret("openai-api-key", Some("OPENAI_API_KEY")),
    input("openai-model", ""),
    input("openai-base-url", ""),
    input("command", ""),
    input("workflow", ""),
    input("job", ""),
    input("working-directory", "."),
    input("max-attempts", "5"),
    input("time-budget", "30m"),
    input("token-budget", "200000"),
    input("cost-budget", ""),
    input("min-confidence", "0.6"),
    input("max-changed-lines", "50"),
    input("max-changed-files", "5"),
    input("protected-paths", ""),
    input("allow-test-edits", "false"),
    input("sandbox-image", "auto"),
    input("sandbox-network", "on"),
    input("sandbox-memory", "4g"),
    input("sandbox-cpus", ""),
    input("sandbox-pids", "4096"),
    input("sandbox-hardening", "compatible"),
    input("sandbox-timeout", "20m"),
    input("sandbox-env", ""),
    Input { name: "ca-bundle", default: "", secret: Secret::No, fallback_variable: Some("SSL_CERT_FILE") },
    input("flaky-runs", "2"),
    input("branch", "heal/{ref}-{sha7}"),
    input("commit-prefix", "fix:"),
    input("commit-mode", "auto"),
    input("pull-request", "auto"),
    input("wait-for-ci", "true"),
    input("ci-timeout", "30m"),
    input("push-partial", "false"),
    input("fail-on", "unhealed"),
    input("report-dir", ".ci-healer"),
    // The job's own id in the API, which no variable carries; action.yml's default fills it in.
    input("check-run-id", ""),
];

/// `mode`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Heal,
    Diagnose,
    Patch,
    Publish,
}

/// `sandbox-network`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    On,
    Off,
    SetupOnly,
}

/// `sandbox-hardening`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hardening {
    Compatible,
    Strict,
}

/// `commit-mode`, after `auto` has been decided by where we run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitMode {
    Api,
    Git,
}

/// `pull-request`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestMode {
    Auto,
    Always,
    Draft,
    Never,
}

/// `fail-on`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailOn {
    Unhealed,
    Error,
    Never,
}

/// One name of `providers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderName {
    Toolchain,
    Gemini,
    Groq,
    OpenAi,
}

impl ProviderName {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Toolchain => "toolchain",
            Self::Gemini => "gemini",
            Self::Groq => "groq",
            Self::OpenAi => "openai",
        }
    }
}

/// A model server's settings. `Debug` shows no key: `SecretString` redacts itself.
#[derive(Debug, Clone)]
pub struct ModelServer {
    pub api_key: Option<SecretString>,
    pub model: Option<String>,
    pub base_url: Option<String>,
}

/// Everything a run is told, typed and checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub mode: Mode,
    pub github_token: Option<SecretString>,
    pub push_token: Option<SecretString>,
    pub providers: Vec<ProviderName>,
    pub gemini: ModelServer,
    pub groq: ModelServer,
    pub openai: ModelServer,
    pub command: Option<String>,
    pub workflow: Option<String>,
    pub jobs: Vec<String>,
    pub working_directory: String,
    pub max_attempts: u32,
    pub time_budget: Duration,
    pub token_budget: u64,
    /// Dollars.
    pub cost_budget: Option<f64>,
    pub min_confidence: f64,
    pub max_changed_lines: u64,
    pub max_changed_files: u64,
    /// Globs beside the built-in list.
    pub protected_paths: Vec<String>,
    pub allow_test_edits: bool,
    /// `None`: `auto`.
    pub sandbox_image: Option<String>,
    pub sandbox_network: Network,
    pub sandbox_memory: u64,
    /// `None`: all.
    pub sandbox_cpus: Option<f64>,
    pub sandbox_pids: u32,
    pub sandbox_hardening: Hardening,
    pub sandbox_timeout: Duration,
    /// `NAME` alone has been looked up in our own environment.
    pub sandbox_env: BTreeMap<String, SecretString>,
    pub ca_bundle: Option<PathBuf>,
    pub flaky_runs: u32,
    pub branch: String,
    pub commit_prefix: String,
    pub commit_mode: CommitMode,
    pub pull_request: PullRequestMode,
    pub wait_for_ci: bool,
    pub ci_timeout: Duration,
    pub push_partial: bool,
    pub fail_on: FailOn,
    pub report_dir: String,
    pub check_run_id: Option<u64>,
    pub workflow_run: Workflow,
}

/// Flags as given, before they are understood: `name` → value.
pub type Flags = BTreeMap<String, String>;

/// Splits `--name value`, `--name=value` and, for switches, a bare `--name` into flags; the rest is positional.
///
/// `extra` names flags that belong to one command only (`repo`, `format`); those ending in `!` take no value.
pub fn flags(args: &[String], extra: &[&str]) -> Result<(Flags, Vec<String>), ExpectedError> {
    let mut found = Flags::new();
    let mut positional = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.strip_prefix("--").filter(|f| !f.is_empty()) else {
            positional.push(arg.clone());
            continue;
        };
        let (name, inline) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let bare = extra.iter().any(|e| e.strip_suffix('!') == Some(name));
        let known = bare || extra.contains(&name) || INPUTS.iter().any(|i| i.name == name);
        if !known {
            let near = nearest(name, INPUTS.iter().map(|i| i.name).chain(extra.iter().copied()));
            let error = ExpectedError::usage(format!("unknown flag --{name}"));
            return Err(match near {
                Some(near) => error.hint(format!("did you mean --{}?", near.trim_end_matches('!'))),
                None => error.hint("`ci-healer help` lists the flags"),
            });
        }
        let is_switch = INPUTS.iter().any(|i| i.name == name && matches!(i.default, "true" | "false"));
        let value = match inline {
            Some(value) => value,
            None if bare => "true".to_owned(),
            None if is_switch
                && args.peek().is_none_or(|next| !matches!(next.as_str(), "true" | "false")) =>
            {
                "true".to_owned()
            }
            None => {
                args.next().cloned().ok_or_else(|| ExpectedError::usage(format!("--{name} needs a value")))?
            }
        };
        if found.insert(name.to_owned(), value).is_some() {
            return Err(ExpectedError::usage(format!("--{name} is given twice")));
        }
    }
    Ok((found, positional))
}

/// The candidate at most two edits away.
fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (similarity(name, c), c))
        .filter(|(ratio, _)| *ratio > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// Looks inputs up: flags first, then `INPUT_*`, then (outside a workflow) the usual variable, then the default.
struct Lookup<'a> {
    flags: &'a Flags,
    variables: &'a BTreeMap<String, String>,
    in_workflow: bool,
}

impl Lookup<'_> {
    /// The value, where one is given or there is a default; the name under which it was given, for errors.
    fn get(&self, name: &'static str) -> (Option<String>, String) {
        let input = INPUTS.iter().find(|i| i.name == name);
        debug_assert!(input.is_some(), "{name} is not in INPUTS");
        let given = |value: &String| Some(value.trim().to_owned()).filter(|v| !v.is_empty());
        if let Some(value) = self.flags.get(name).and_then(given) {
            return (Some(value), format!("flag --{name}"));
        }
        // The runner keeps hyphens in the name.
        let variable = format!("INPUT_{}", name.to_ascii_uppercase());
        if let Some(value) = self.variables.get(&variable).and_then(given) {
            return (Some(value), format!("input {name}"));
        }
        let fallback = input.and_then(|i| i.fallback_variable).filter(|v| {
            // A workflow's inputs are explicit; only the CA bundle is a fact of the machine.
            !self.in_workflow || *v == "SSL_CERT_FILE"
        });
        if let Some(value) = fallback.and_then(|v| self.variables.get(v)).and_then(given) {
            return (Some(value), format!("variable {}", fallback.unwrap_or_default()));
        }
        let default = input.map_or("", |i| i.default);
        (Some(default.to_owned()).filter(|d| !d.is_empty()), format!("input {name}"))
    }

    fn text(&self, name: &'static str) -> Option<String> {
        self.get(name).0
    }

    fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(SecretString::from)
    }

    fn parse<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ExpectedError> {
        let (value, origin) = self.get(name);
        match value {
            None => Ok(None),
            Some(value) => parse(&value)
                .map(Some)
                .map_err(|allowed| ExpectedError::usage(format!("{origin}: {value:?} is not {allowed}"))),
        }
    }

    /// For inputs with a default: there is always a value.
    fn need<T>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ExpectedError> {
        self.parse(name, parse)?.ok_or_else(|| ExpectedError::usage(format!("input {name} needs a value")))
    }

    fn url(&self, name: &'static str) -> Result<Option<String>, ExpectedError> {
        self.parse(name, |text| {
            let url = reqwest::Url::parse(text).ok().filter(|u| matches!(u.scheme(), "http" | "https"));
            match url {
                Some(url) if url.username().is_empty() && url.password().is_none() => {
                    Ok(text.trim_end_matches('/').to_owned())
                }
                _ => Err("an http(s) address without credentials".to_owned()),
            }
        })
    }
}

impl Config {
    /// Reads everything; nothing has run before this succeeds.
    pub fn load(flags: &Flags, variables: &BTreeMap<String, String>) -> Result<Self, ExpectedError> {
        let workflow_run = Workflow::read(variables)?;
        let from = Lookup { flags, variables, in_workflow: workflow_run.is_active };
        let providers = from.need("providers", |text| {
            let mut providers = Vec::new();
            for name in list(text) {
                let provider = one_of(
                    &name,
                    &[
                        ("toolchain", ProviderName::Toolchain),
                        ("gemini", ProviderName::Gemini),
                        ("groq", ProviderName::Groq),
                        ("openai", ProviderName::OpenAi),
                    ],
                )
                .map_err(|e| format!("a comma-separated list, each {e}"))?;
                if !providers.contains(&provider) {
                    providers.push(provider);
                }
            }
            Ok(providers)
        })?;
        let server = |key, model, url| -> Result<ModelServer, ExpectedError> {
            Ok(ModelServer { api_key: from.secret(key), model: from.text(model), base_url: from.url(url)? })
        };
        let openai = server("openai-api-key", "openai-model", "openai-base-url")?;
        if openai.base_url.is_some() && openai.model.is_none() {
            return Err(ExpectedError::usage("input openai-base-url is given without openai-model")
                .hint("name the model that server offers"));
        }
        let commit_mode = from.need("commit-mode", |text| {
            let auto = if workflow_run.is_active { CommitMode::Api } else { CommitMode::Git };
            one_of(text, &[("auto", auto), ("api", CommitMode::Api), ("git", CommitMode::Git)])
        })?;
        let working_directory = from.need("working-directory", |text| {
            let inside = !text.starts_with('/') && text.split('/').all(|part| part != "..");
            if inside { Ok(text.to_owned()) } else { Err("a directory inside the workspace".to_owned()) }
        })?;
        let report_dir = from.need("report-dir", |text| {
            crate::contract::git::RepoPath::new(text)
                .ok()
                .filter(|p| !p.as_str().split('/').any(|part| part.eq_ignore_ascii_case(".git")))
                .map(|p| p.as_str().to_owned())
                .ok_or_else(|| "a directory inside the workspace".to_owned())
        })?;
        let branch = from.need("branch", values::branch_template)?;
        Ok(Self {
            mode: from.need("mode", |text| {
                one_of(
                    text,
                    &[
                        ("heal", Mode::Heal),
                        ("diagnose", Mode::Diagnose),
                        ("patch", Mode::Patch),
                        ("publish", Mode::Publish),
                    ],
                )
            })?,
            github_token: from.secret("github-token"),
            push_token: from.secret("push-token"),
            providers,
            gemini: server("gemini-api-key", "gemini-model", "gemini-base-url")?,
            groq: server("groq-api-key", "groq-model", "groq-base-url")?,
            openai,
            command: from.text("command"),
            workflow: from.text("workflow"),
            jobs: from.text("job").map(|text| list(&text)).unwrap_or_default(),
            working_directory,
            max_attempts: from.need("max-attempts", |t| number(t, 1, 100))?,
            time_budget: from.need("time-budget", |t| duration(t, "1m", "24h"))?,
            token_budget: from.need("token-budget", |t| number(t, 0, 1_000_000_000))?,
            cost_budget: from.parse("cost-budget", |t| values::fraction(t, 0.0, 100_000.0))?,
            min_confidence: from.need("min-confidence", |t| values::fraction(t, 0.0, 1.0))?,
            max_changed_lines: from.need("max-changed-lines", |t| number(t, 1, 100_000))?,
            max_changed_files: from.need("max-changed-files", |t| number(t, 1, 1_000))?,
            protected_paths: from
                .parse("protected-paths", |text| {
                    let globs = lines(text);
                    for glob in &globs {
                        globset::Glob::new(glob).map_err(|e| format!("a list of globs ({e})"))?;
                    }
                    Ok(globs)
                })?
                .unwrap_or_default(),
            allow_test_edits: from.need("allow-test-edits", switch)?,
            sandbox_image: from.text("sandbox-image").filter(|image| image != "auto"),
            sandbox_network: from.need("sandbox-network", |text| {
                one_of(
                    text,
                    &[("on", Network::On), ("off", Network::Off), ("setup-only", Network::SetupOnly)],
                )
            })?,
            sandbox_memory: from.need("sandbox-memory", |t| bytes(t, 64 << 20, 1 << 44))?,
            sandbox_cpus: from
                .parse("sandbox-cpus", |text| {
                    if text == "all" { Ok(None) } else { values::fraction(text, 0.01, 1024.0).map(Some) }
                })?
                .flatten(),
            sandbox_pids: from.need("sandbox-pids", |t| number(t, 16, 4_194_304))?,
            sandbox_hardening: from.need("sandbox-hardening", |text| {
                one_of(text, &[("compatible", Hardening::Compatible), ("strict", Hardening::Strict)])
            })?,
            sandbox_timeout: from.need("sandbox-timeout", |t| duration(t, "1s", "24h"))?,
            sandbox_env: from
                .parse("sandbox-env", |text| values::environment(text, variables))?
                .unwrap_or_default(),
            ca_bundle: ca_bundle(&from)?,
            flaky_runs: from.need("flaky-runs", |t| number(t, 0, 100))?,
            branch,
            commit_prefix: from.need("commit-prefix", |text| {
                let sound = !text.chars().any(char::is_control) && text.len() <= 100;
                if sound { Ok(text.to_owned()) } else { Err("one line of at most 100 characters".to_owned()) }
            })?,
            commit_mode,
            pull_request: from.need("pull-request", |text| {
                one_of(
                    text,
                    &[
                        ("auto", PullRequestMode::Auto),
                        ("always", PullRequestMode::Always),
                        ("draft", PullRequestMode::Draft),
                        ("never", PullRequestMode::Never),
                    ],
                )
            })?,
            wait_for_ci: from.need("wait-for-ci", switch)?,
            ci_timeout: from.need("ci-timeout", |t| duration(t, "10s", "24h"))?,
            push_partial: from.need("push-partial", switch)?,
            fail_on: from.need("fail-on", |text| {
                one_of(
                    text,
                    &[("unhealed", FailOn::Unhealed), ("error", FailOn::Error), ("never", FailOn::Never)],
                )
            })?,
            report_dir,
            check_run_id: from.parse("check-run-id", |t| number(t, 1, u64::MAX))?,
            workflow_run,
        })
    }

    /// Every secret we were given, for masks and redaction.
    #[must_use]
    pub fn secrets(&self) -> Vec<&SecretString> {
        [&self.github_token, &self.push_token, &self.gemini.api_key, &self.groq.api_key, &self.openai.api_key]
            .into_iter()
            .flatten()
            .collect()
    }
}

fn ca_bundle(from: &Lookup<'_>) -> Result<Option<PathBuf>, ExpectedError> {
    let (value, origin) = from.get("ca-bundle");
    let Some(path) = value.map(PathBuf::from) else { return Ok(None) };
    match std::fs::read(&path) {
        Ok(pem) if memchr::memmem::find(&pem, b"-----BEGIN CERTIFICATE-----").is_some() => Ok(Some(path)),
        Ok(_) => Err(ExpectedError::usage(format!("{origin}: {} holds no PEM certificate", path.display()))),
        // The variable may be a leftover of another system; only an explicit wish must be met.
        Err(_) if origin.starts_with("variable") => Ok(None),
        Err(error) => Err(ExpectedError::usage(format!("{origin}: cannot read {}: {error}", path.display()))),
    }
}

#[cfg(test)]
mod tests;
