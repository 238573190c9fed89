//! What GitHub says to a run, for people who want to know beforehand.

use std::path::Path;

use crate::config::Config;
use crate::contract::git::{BranchName, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::contract::settings::{CommitMode, Mode};
use crate::git;
use crate::github::{self, PreflightCheck, Severity};
use crate::scope::Scope;

use super::outcome_from::{api_outcome, stopped_outcome};
use super::setup::{ca_bundle, client, own_workflow, read_trigger};

/// What GitHub says to a run of `config` from the checkout at `source`; for people who want to know beforehand.
pub async fn preflight(
    config: &Config,
    source: &Path,
    scope: &Scope,
) -> Result<Vec<PreflightCheck>, Outcome> {
    let trigger = read_trigger(config)?.trigger;
    let origin = git::origin(source, scope).await.map_err(stopped_outcome)?;
    let slug = match (&config.workflow_run.repository, origin.as_deref().and_then(slug_of)) {
        (Some(slug), _) => slug.clone(),
        (None, Some(slug)) => slug,
        (None, None) => {
            return Ok(vec![PreflightCheck::new(
                Severity::Note,
                "the checkout has no origin on GitHub, so GitHub is not asked",
            )]);
        }
    };
    let Some(token) = config.push_token.clone().or_else(|| config.github_token.clone()) else {
        let finding = PreflightCheck::new(Severity::Warning, "there is no token, so GitHub is not asked")
            .hint("pass github-token: ${{ github.token }}");
        return Ok(vec![finding]);
    };
    let client = client(config, ca_bundle(config)?.as_deref(), token.clone(), scope)?;
    let outcome = |e: github::ApiError| api_outcome(&e);
    let workflow =
        config.workflow.clone().or_else(|| trigger.workflow_file.clone()).or_else(|| own_workflow(config));
    let facts =
        github::examine_token(&client, &slug, &token, workflow.as_deref(), true).await.map_err(outcome)?;
    let text = workflow.as_deref().and_then(|file| std::fs::read_to_string(source.join(file)).ok());
    let triggers = github::read_triggers(&text.unwrap_or_default());
    let branch = BranchName::new("heal/doctor").map_err(|e| Outcome::Error { what: e.to_string() })?;
    let input = github::PreflightInput {
        repo: &slug,
        trigger: &trigger,
        token: Some(&facts),
        publishes: config.mode == Mode::Heal,
        waits_for_ci: config.wait_for_ci,
        pull_request: config.pull_request,
        workflow_file: workflow.as_deref(),
        triggers: &triggers,
        branch: &branch,
        has_approval_runs: config
            .workflow_run
            .server_url
            .as_deref()
            .is_none_or(|u| u == "https://github.com"),
        commits_by_api: config.commit_mode == CommitMode::Api,
        findings: Vec::new(),
    };
    Ok(github::preflight(&client, input).await.map_err(outcome)?.findings)
}

/// `owner/name` of an address on github.com.
fn slug_of(url: &str) -> Option<RepoSlug> {
    let rest = url.split_once("github.com").map(|(_, rest)| rest.trim_start_matches([':', '/']))?;
    RepoSlug::new(rest.trim_end_matches('/').trim_end_matches(".git")).ok()
}
