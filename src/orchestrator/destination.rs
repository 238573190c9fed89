//! Where a heal goes and whether it may, found out before anything expensive runs.

use std::path::Path;

use secrecy::SecretString;

use crate::config::{Config, INPUTS};
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::{BranchName, CommitSha, RepoPath, RepoSlug, SourceTree as _};
use crate::contract::outcome::Outcome;
use crate::contract::settings::CommitMode;
use crate::git::{self, Remote, Workspace};
use crate::github::{self, BranchFacts, Client, Severity, Timeouts, TokenFacts, Trigger};
use crate::report::commands::Redactor;
use crate::report::pull_request;
use crate::scope::Scope;

use super::bundle::short_name;
use super::journal::Journal;
use super::outcome_from::{api_outcome, stopped_outcome};
use super::publisher::{GitHubRepo, Publisher, Rerun};
use super::way_out::WaysOut;

pub(super) struct PublisherSetup<'a> {
    pub(super) config: &'a Config,
    pub(super) slug: &'a RepoSlug,
    pub(super) trigger: &'a Trigger,
    pub(super) source: &'a Path,
    /// The job of the matrix that failed.
    pub(super) job: String,
    pub(super) journal: &'a Journal,
    /// What publishing is bound to.
    pub(super) scope: Scope,
}

impl PublisherSetup<'_> {
    /// Finds out where the heal goes and whether it may, before anything expensive runs.
    pub(super) async fn make(
        &self,
        workspace: &Workspace,
        workflow_file: Option<String>,
        client: Option<Client>,
    ) -> Result<Publisher, Outcome> {
        let Self { config, slug, trigger, source, .. } = self;
        let head = trigger.head.as_ref().map_or_else(|| workspace.base().clone(), |h| h.sha.clone());
        let reference = trigger
            .base_branch
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| workspace.branch_name())
            .unwrap_or_else(|| "detached".to_owned());
        let branch = heal_branch(config, trigger, &reference, &head)?;
        let token = config.push_token.clone().or_else(|| config.github_token.clone());
        let repo = match (client, &token) {
            (Some(client), Some(token)) => {
                Some(self.examine(client, token, &branch, workspace, workflow_file).await?)
            }
            _ => None,
        };
        let in_place = trigger.base_branch.as_ref() == Some(&branch);
        let partial_branch = if in_place {
            render(own_branch_template(), trigger, &reference, &head)?
        } else {
            branch.clone()
        };
        let (repo, default_branch) = match repo {
            Some((repo, default_branch)) => {
                (Some(GitHubRepo { client: repo.client.with_scope(&self.scope), ..repo }), default_branch)
            }
            None => (None, trigger.default_branch.clone()),
        };
        let remote = match config.commit_mode {
            CommitMode::Git => self.remote(source, token).await?,
            CommitMode::Api => None,
        };
        if config.commit_mode == CommitMode::Git && remote.is_none() {
            return Err(Outcome::Refused {
                why: "the repository has no remote named origin to push to".to_owned(),
                remedy: Some("add one, or use --no-push".to_owned()),
            });
        }
        Ok(Publisher {
            mode: config.commit_mode,
            remote,
            github: repo,
            default_branch,
            branch,
            partial_branch,
            in_place,
            head,
            commit_prefix: config.commit_prefix.clone(),
            redactor: Redactor::new(config.secrets()),
            job: short_name(&self.job),
            server_url: config.workflow_run.server_url.clone(),
            repository: config.workflow_run.repository.as_ref().map(|_| (*slug).clone()),
            ways: WaysOut {
                policy: config.policy.clone(),
                has_push_token: config.push_token.is_some(),
                ..WaysOut::default()
            },
            scope: self.scope.clone(),
        })
    }

    async fn remote(&self, source: &Path, token: Option<SecretString>) -> Result<Option<Remote>, Outcome> {
        let facts = &self.config.workflow_run;
        Ok(match (&facts.server_url, &facts.repository) {
            (Some(server), Some(slug)) => Some(Remote { url: format!("{server}/{slug}.git"), token }),
            _ => git::origin(source, &self.scope)
                .await
                .map_err(stopped_outcome)?
                .map(|url| Remote { url, token: None }),
        })
    }

    async fn examine(
        &self,
        client: Client,
        token: &SecretString,
        branch: &BranchName,
        workspace: &Workspace,
        workflow_file: Option<String>,
    ) -> Result<(GitHubRepo, Option<BranchName>), Outcome> {
        let Self { config, slug, trigger, .. } = self;
        let outcome = |e: github::ApiError| api_outcome(&e);
        let facts: TokenFacts = github::examine_token(&client, slug, token, workflow_file.as_deref(), true)
            .await
            .map_err(outcome)?;
        let text = workflow_file
            .as_deref()
            .and_then(|f| RepoPath::new(f).ok())
            .and_then(|path| workspace.read_text(&path))
            .unwrap_or_default();
        let triggers = github::read_triggers(&text);
        let has_approval_runs =
            config.workflow_run.server_url.as_deref().is_none_or(|url| url == "https://github.com");
        let preflight = github::preflight(
            &client,
            github::PreflightInput {
                repo: slug,
                trigger,
                token: Some(&facts),
                publishes: true,
                waits_for_ci: config.wait_for_ci,
                pull_request: config.pull_request,
                workflow_file: workflow_file.as_deref(),
                triggers: &triggers,
                branch,
                has_approval_runs,
                commits_by_api: config.commit_mode == CommitMode::Api,
                findings: Vec::new(),
            },
        )
        .await
        .map_err(outcome)?;
        if let Some(finding) = preflight.blocking() {
            return Err(Outcome::Refused { why: finding.message.clone(), remedy: finding.hint.clone() });
        }
        for finding in preflight.findings.iter().filter(|f| f.severity == Severity::Warning) {
            let what = match &finding.hint {
                Some(remedy) => format!("{}\n{remedy}", finding.message),
                None => finding.message.clone(),
            };
            self.journal.emit(Event::Warning { what });
        }
        let timeouts = Timeouts { total: config.ci_timeout, ..Timeouts::default() };
        let repo = GitHubRepo {
            client,
            repository: (*slug).clone(),
            token: facts,
            triggers,
            workflow_file,
            base: trigger.base_branch.clone(),
            open_pull_request_into: trigger.pull_request_into.clone(),
            pull_request: config.pull_request,
            failing_pull_request: trigger.pull_request,
            rerun: Rerun::of(config.rerun_flaky, trigger.run_is_over, trigger.run_id, trigger.run_attempt),
            has_approval_runs,
            timeouts,
        };
        Ok((repo, preflight.default_branch))
    }
}

/// Whether what failed is a heal: on a branch of its own, or, where heals go upon the failing branch, by its commit.
pub(super) async fn is_of_a_heal(
    config: &Config,
    trigger: &Trigger,
    client: Option<&Client>,
    slug: &RepoSlug,
) -> Result<bool, Outcome> {
    let prefix = config.branch.split('{').next().unwrap_or_default();
    if trigger.is_heal_branch(prefix) {
        return Ok(true);
    }
    let (Some(head), Some(branch), Some(client)) = (&trigger.head, &trigger.base_branch, client) else {
        return Ok(false);
    };
    if heal_branch(config, trigger, branch.as_str(), &head.sha)? != *branch {
        return Ok(false);
    }
    let message = github::commit_message(client, slug, &head.sha).await.map_err(|e| api_outcome(&e))?;
    Ok(message.lines().any(|line| line.trim() == pull_request::TRAILER))
}

/// The branch that a heal of `reference` at `head` goes to.
fn heal_branch(
    config: &Config,
    trigger: &Trigger,
    reference: &str,
    head: &CommitSha,
) -> Result<BranchName, Outcome> {
    render(&config.branch, trigger, reference, head)
}

fn render(
    template: &str,
    trigger: &Trigger,
    reference: &str,
    head: &CommitSha,
) -> Result<BranchName, Outcome> {
    let facts = BranchFacts { reference, sha: head, run_id: trigger.run_id, fingerprint: head.short() };
    github::render_branch(template, &facts).map_err(|e| api_outcome(&e))
}

/// The default of `branch`: a branch of the heal's own.
fn own_branch_template() -> &'static str {
    INPUTS.iter().find(|input| input.name == "branch").map_or("", |input| input.default)
}
