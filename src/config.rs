//! Inputs, flags and the workflow environment, read once and checked before anything runs.
//!
//! The only reader of `INPUT_*`, `GITHUB_*` and flags. One table, `INPUTS`, says what every input is; a field of
//! `Config` and its row in `Config::load` say what it is for. An empty value means "not given".

mod environment;
mod flags;
mod inputs;
mod lookup;
mod model_command;
mod repository_file;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

pub use environment::Workflow;
pub use flags::{Flags, flags, nearest};
pub use inputs::{Fallback, INPUTS, Input, Kind, Secret, group};
pub use model_command::FLAG as MODEL_COMMAND;
pub use repository_file::{MOST_BYTES, REPOSITORY_FILE, RepositoryFile, repository_file_schema};

use crate::contract::ci::RunAddress;
use crate::contract::git::RepoPath;
use crate::contract::policy::Policy;
use crate::contract::settings::{
    ActionsMode, CommitMode, CounterProofRule, FailOn, Hardening, Mode, Network, OnPartial, ProviderName,
    PullRequestMode, SandboxDocker, SandboxToken,
};
use crate::error::ExpectedError;
use lookup::Lookup;

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
    pub model_fallback: bool,
    pub model_timeout: Option<Duration>,
    /// A program in the place of a model server, and its arguments; empty: none.
    pub model_command: Vec<String>,
    pub command: Option<String>,
    pub workflow: Option<String>,
    pub jobs: Vec<String>,
    /// A run of GitHub's that is named instead of the one that we are in.
    pub run: Option<RunAddress>,
    pub all_jobs: bool,
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
    pub allow_manifest_edits: bool,
    pub policy: Policy,
    /// As given: lines of `@path` stand for files of the default branch.
    pub guidance: String,
    pub require_counter_proof: CounterProofRule,
    /// `None`: `auto`.
    pub sandbox_image: Option<String>,
    pub sandbox_network: Network,
    pub sandbox_memory: u64,
    /// `None`: all.
    pub sandbox_cpus: Option<f64>,
    pub sandbox_pids: u32,
    pub actions_mode: ActionsMode,
    pub sandbox_hardening: Hardening,
    pub sandbox_docker: SandboxDocker,
    pub sandbox_token: SandboxToken,
    pub sandbox_timeout: Duration,
    /// `NAME` alone has been looked up in our own environment.
    pub sandbox_env: BTreeMap<String, SecretString>,
    pub ca_bundle: Option<PathBuf>,
    pub flaky_runs: u32,
    pub rerun_flaky: bool,
    pub drift_runs: u32,
    pub branch: String,
    pub commit_prefix: String,
    pub commit_mode: CommitMode,
    pub pull_request: PullRequestMode,
    pub wait_for_ci: bool,
    pub ci_timeout: Duration,
    pub on_partial: OnPartial,
    pub fail_on: FailOn,
    pub report_dir: String,
    pub check_run_id: Option<u64>,
    pub workflow_run: Workflow,
    /// Every value that the table marks as secret.
    secrets: Vec<SecretString>,
}

impl Config {
    /// Reads everything; nothing has run before this succeeds.
    pub fn load(flags: &Flags, variables: &BTreeMap<String, String>) -> Result<Self, ExpectedError> {
        Self::load_with(flags, variables, &RepositoryFile::default())
    }

    /// The same, with what the repository's own file says beneath the inputs.
    pub fn load_with(
        flags: &Flags,
        variables: &BTreeMap<String, String>,
        file: &RepositoryFile,
    ) -> Result<Self, ExpectedError> {
        let workflow_run = Workflow::read(variables)?;
        let from = Lookup { flags, variables, file, in_workflow: workflow_run.is_active };
        let server = |key, model, url| -> Result<ModelServer, ExpectedError> {
            Ok(ModelServer {
                api_key: from.secret(key)?,
                model: from.find(model)?,
                base_url: from.find(url)?,
            })
        };
        let config = Self {
            mode: from.need("mode")?,
            github_token: from.secret("github-token")?,
            push_token: from.secret("push-token")?,
            providers: from.need("providers")?,
            gemini: server("gemini-api-key", "gemini-model", "gemini-base-url")?,
            groq: server("groq-api-key", "groq-model", "groq-base-url")?,
            openai: server("openai-api-key", "openai-model", "openai-base-url")?,
            model_fallback: from.need("model-fallback")?,
            model_timeout: from.find("model-timeout")?,
            model_command: model_command::read(&from)?,
            command: from.find("command")?,
            workflow: from.find("workflow")?,
            jobs: from.find("job")?.unwrap_or_default(),
            run: from.find("run")?,
            all_jobs: from.need("all-jobs")?,
            working_directory: from.need("working-directory")?,
            max_attempts: from.need("max-attempts")?,
            time_budget: from.need("time-budget")?,
            token_budget: from.need("token-budget")?,
            cost_budget: from.find("cost-budget")?,
            min_confidence: from.need("min-confidence")?,
            max_changed_lines: from.need("max-changed-lines")?,
            max_changed_files: from.need("max-changed-files")?,
            protected_paths: from.find("protected-paths")?.unwrap_or_default(),
            allow_test_edits: from.need("allow-test-edits")?,
            allow_manifest_edits: from.need("allow-manifest-edits")?,
            policy: from.find("policy")?.unwrap_or_default(),
            guidance: from.find("guidance")?.unwrap_or_default(),
            require_counter_proof: from.need("require-counter-proof")?,
            sandbox_image: from.unless("auto", "sandbox-image")?,
            sandbox_network: from.need("sandbox-network")?,
            sandbox_memory: from.need("sandbox-memory")?,
            sandbox_cpus: from.unless("all", "sandbox-cpus")?,
            sandbox_pids: from.need("sandbox-pids")?,
            actions_mode: from.need("actions-mode")?,
            sandbox_hardening: from.need("sandbox-hardening")?,
            sandbox_docker: from.need("sandbox-docker")?,
            sandbox_token: from.need("sandbox-token")?,
            sandbox_timeout: from.need("sandbox-timeout")?,
            sandbox_env: from.environment("sandbox-env")?,
            ca_bundle: from.certificates("ca-bundle")?,
            flaky_runs: from.need("flaky-runs")?,
            rerun_flaky: from.need("rerun-flaky")?,
            drift_runs: from.need("drift-runs")?,
            branch: from.need("branch")?,
            commit_prefix: from.need("commit-prefix")?,
            // `auto` where we run.
            commit_mode: from.unless("auto", "commit-mode")?.unwrap_or(if workflow_run.is_active {
                CommitMode::Api
            } else {
                CommitMode::Git
            }),
            pull_request: from.need("pull-request")?,
            wait_for_ci: from.need("wait-for-ci")?,
            ci_timeout: from.need("ci-timeout")?,
            on_partial: on_partial(&from)?,
            fail_on: from.need("fail-on")?,
            report_dir: report_dir(&from)?,
            check_run_id: from.find("check-run-id")?,
            secrets: from.secrets()?,
            workflow_run,
        };
        if config.openai.base_url.is_some() && config.openai.model.is_none() {
            return Err(ExpectedError::usage("input openai-base-url is given without openai-model")
                .hint("name the model that server offers"));
        }
        config.check_docker()?;
        config.check_sandbox_token()?;
        Ok(config)
    }

    /// What repository code holds may go anywhere: it is never a token that can write.
    fn check_sandbox_token(&self) -> Result<(), ExpectedError> {
        const GIVEN: &str = "sandbox-token is read";
        if self.sandbox_token == SandboxToken::Off {
            return Ok(());
        }
        self.check_nothing_can_write(GIVEN)?;
        if self.github_token.is_none() {
            return Err(refused(
                GIVEN,
                "and there is no github-token",
                "give github-token, or leave sandbox-token off",
            ));
        }
        Ok(())
    }

    /// An engine for steps is root's own on this machine: nothing that can write may be near.
    fn check_docker(&self) -> Result<(), ExpectedError> {
        const GIVEN: &str = "sandbox-docker is on";
        if self.sandbox_docker == SandboxDocker::Off {
            return Ok(());
        }
        self.check_nothing_can_write(GIVEN)?;
        if self.sandbox_hardening == Hardening::Strict {
            return Err(refused(GIVEN, "and sandbox-hardening is strict", "switch one of them off"));
        }
        Ok(())
    }

    /// As far as the inputs tell; the token's own rights are asked later.
    fn check_nothing_can_write(&self, given: &str) -> Result<(), ExpectedError> {
        if !matches!(self.mode, Mode::Patch | Mode::Diagnose) {
            return Err(refused(
                given,
                &format!("and mode is {}", self.mode.as_str()),
                "use mode: patch, and publish in a job of its own (\"split\" in the README)",
            ));
        }
        if self.push_token.is_some() {
            return Err(refused(
                given,
                "and there is a push-token",
                "leave push-token to the job that publishes",
            ));
        }
        Ok(())
    }

    /// Every secret we were given, for masks and redaction.
    #[must_use]
    pub fn secrets(&self) -> &[SecretString] {
        &self.secrets
    }
}

fn refused(given: &str, why: &str, hint: &str) -> ExpectedError {
    ExpectedError::usage(format!("input {given}, {why}")).hint(hint)
}

/// Somewhere in the workspace, where later steps of a workflow find it; in a clone, anywhere.
fn report_dir(from: &Lookup<'_>) -> Result<String, ExpectedError> {
    if from.in_workflow {
        return Ok(from.need::<RepoPath>("report-dir")?.as_str().to_owned());
    }
    from.need("report-dir")
}

/// `on-partial`, or what its older name says.
fn on_partial(from: &Lookup<'_>) -> Result<OnPartial, ExpectedError> {
    let older = from.find::<bool>("push-partial")?;
    let older = older.map(|push| if push { OnPartial::Publish } else { OnPartial::Patch });
    let named = from.find::<OnPartial>("on-partial")?;
    match (named, older) {
        (Some(named), Some(older)) if named != older => Err(ExpectedError::usage(format!(
            "input push-partial says {}, and on-partial says {}",
            older.as_str(),
            named.as_str()
        ))
        .hint("leave push-partial out: it is the older name of on-partial")),
        (named, older) => Ok(named.or(older).unwrap_or(OnPartial::Publish)),
    }
}

#[cfg(test)]
mod tests;
