//! What the runner says about the workflow run (`GITHUB_*`, `RUNNER_*`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::contract::git::{CommitSha, RepoSlug};
use crate::error::ExpectedError;

/// The workflow run we are in; all empty outside of one. Empty variables count as absent.
#[derive(Debug, Clone, Default)]
pub struct Workflow {
    /// `GITHUB_ACTIONS=true`
    pub is_active: bool,
    pub workspace: Option<PathBuf>,
    pub repository: Option<RepoSlug>,
    pub sha: Option<CommitSha>,
    pub git_ref: Option<String>,
    pub ref_name: Option<String>,
    pub head_ref: Option<String>,
    pub base_ref: Option<String>,
    pub event_name: Option<String>,
    pub event_path: Option<PathBuf>,
    pub actor: Option<String>,
    pub run_id: Option<u64>,
    pub run_attempt: Option<u64>,
    pub run_number: Option<u64>,
    /// The job's key in the workflow file, which is not its name in the API.
    pub job: Option<String>,
    pub workflow: Option<String>,
    /// `owner/name/.github/workflows/ci.yml@ref`
    pub workflow_ref: Option<String>,
    pub api_url: Option<String>,
    pub server_url: Option<String>,
    /// Where npm gets its packages from on this machine, if not from its own registry.
    pub npm_registry: Option<String>,
    pub runner_name: Option<String>,
    pub runner_temp: Option<PathBuf>,
    pub output_file: Option<PathBuf>,
    pub summary_file: Option<PathBuf>,
    pub state_file: Option<PathBuf>,
    /// `RUNNER_DEBUG=1`
    pub debug: bool,
}

impl Workflow {
    pub(super) fn read(variables: &BTreeMap<String, String>) -> Result<Self, ExpectedError> {
        let text = |name: &str| variables.get(name).filter(|v| !v.is_empty()).cloned();
        let is_active = text("GITHUB_ACTIONS").as_deref() == Some("true");
        let npm_registry = text("npm_config_registry").or_else(|| text("NPM_CONFIG_REGISTRY"));
        if !is_active {
            // A developer's shell may hold single GITHUB_* variables; they do not make a workflow run. The server's
            // address is no fact of a run.
            let (api_url, server_url) = (text("GITHUB_API_URL"), text("GITHUB_SERVER_URL"));
            return Ok(Self { api_url, server_url, npm_registry, ..Self::default() });
        }
        let path = |name: &str| text(name).map(PathBuf::from);
        let count = |name: &str| -> Result<Option<u64>, ExpectedError> {
            text(name)
                .map(|v| {
                    v.parse().map_err(|_| {
                        ExpectedError::usage(format!("variable {name}: {v:?} is not a whole number"))
                    })
                })
                .transpose()
        };
        let checked = |e: crate::contract::git::InvalidName| ExpectedError::usage(e.to_string());
        Ok(Self {
            is_active,
            workspace: path("GITHUB_WORKSPACE"),
            repository: text("GITHUB_REPOSITORY").map(|v| RepoSlug::new(&v)).transpose().map_err(checked)?,
            sha: text("GITHUB_SHA").map(|v| CommitSha::new(&v)).transpose().map_err(checked)?,
            git_ref: text("GITHUB_REF"),
            ref_name: text("GITHUB_REF_NAME"),
            head_ref: text("GITHUB_HEAD_REF"),
            base_ref: text("GITHUB_BASE_REF"),
            event_name: text("GITHUB_EVENT_NAME"),
            event_path: path("GITHUB_EVENT_PATH"),
            actor: text("GITHUB_ACTOR"),
            run_id: count("GITHUB_RUN_ID")?,
            run_attempt: count("GITHUB_RUN_ATTEMPT")?,
            run_number: count("GITHUB_RUN_NUMBER")?,
            job: text("GITHUB_JOB"),
            workflow: text("GITHUB_WORKFLOW"),
            workflow_ref: text("GITHUB_WORKFLOW_REF"),
            api_url: text("GITHUB_API_URL"),
            server_url: text("GITHUB_SERVER_URL"),
            npm_registry,
            runner_name: text("RUNNER_NAME"),
            runner_temp: path("RUNNER_TEMP"),
            output_file: path("GITHUB_OUTPUT"),
            summary_file: path("GITHUB_STEP_SUMMARY"),
            state_file: path("GITHUB_STATE"),
            debug: text("RUNNER_DEBUG").as_deref() == Some("1"),
        })
    }
}
