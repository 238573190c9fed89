//! Looks ahead, in seconds and before any build: what the tokens are and may do, whether a push will start CI, and what
//! would stop the run at its end. Each finding says what to change.
//!
//! Permissions are tried where GitHub does not tell them, by calls that cannot take effect: an empty file nobody refers to, a
//! pull request from and a dispatch on a branch that does not exist.

use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ci_trigger::{CiTrigger, CiTriggerOptions, Permission, choose_ci_trigger};
use super::client::{Client, Repeat};
use super::dto;
use super::error::ApiError;
use super::event::Trigger;
use super::publish::encode;
use super::triggers::Triggers;
use crate::contract::git::{BranchName, RepoSlug};
use crate::contract::settings::PullRequestMode;

/// A branch that nobody has.
const NOWHERE: &str = "ci-healer-preflight-no-such-branch";

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// The job's own `GITHUB_TOKEN`: what it does starts no workflow runs.
    Job,
    App,
    ClassicPat,
    FineGrainedPat,
    OAuth,
    Unknown,
}

impl TokenKind {
    /// Whether a push with it starts workflow runs.
    #[must_use]
    pub fn starts_runs(self) -> bool {
        self != Self::Job
    }

    fn name(self) -> &'static str {
        match self {
            Self::Job => "the job's own token",
            Self::App => "a GitHub App's token",
            Self::ClassicPat => "a classic personal access token",
            Self::FineGrainedPat => "a fine-grained personal access token",
            Self::OAuth => "an OAuth token",
            Self::Unknown => "a token of an unknown kind",
        }
    }
}

/// What a token may do in the repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Make commits and branches.
    pub contents: Permission,
    /// Dispatch workflows.
    pub actions: Permission,
    pub pull_requests: Permission,
    /// Change workflow files, which a heal never does.
    pub workflows: Permission,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenFacts {
    pub kind: TokenKind,
    pub permissions: Permissions,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Fine,
    Note,
    Warning,
    /// The run cannot do what it is for.
    Blocking,
}

/// One thing found, and what to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightCheck {
    pub severity: Severity,
    #[serde(rename = "what")]
    pub message: String,
    /// What to change.
    #[serde(rename = "remedy")]
    pub hint: Option<String>,
}

impl PreflightCheck {
    /// A finding without a hint.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), hint: None }
    }

    /// Says what to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// What the preflight rests on beside GitHub's answers.
#[derive(Debug, Clone)]
pub struct PreflightInput<'a> {
    pub repo: &'a RepoSlug,
    pub trigger: &'a Trigger,
    /// The token that pushes, as [`examine_token`] found it.
    pub token: Option<&'a TokenFacts>,
    /// The mode pushes at its end.
    pub publishes: bool,
    pub waits_for_ci: bool,
    pub pull_request: PullRequestMode,
    pub workflow_file: Option<&'a str>,
    pub triggers: &'a Triggers,
    pub branch: &'a BranchName,
    pub has_approval_runs: bool,
    /// Commits go through the API, where GitHub signs them.
    pub commits_by_api: bool,
    /// Found by others: Docker, the model servers.
    pub findings: Vec<PreflightCheck>,
}

/// Everything found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preflight {
    pub findings: Vec<PreflightCheck>,
    pub trigger: CiTrigger,
    /// The default branch, as GitHub tells it.
    pub default_branch: Option<BranchName>,
    /// Publishing is not for this run; diagnose instead.
    pub diagnose_only: Option<String>,
}

impl Preflight {
    /// The first finding that stops the run.
    #[must_use]
    pub fn blocking(&self) -> Option<&PreflightCheck> {
        self.findings.iter().find(|f| f.severity == Severity::Blocking)
    }
}

/// Finds out what a token is and, with `probe`, what it may do. `workflow_file` is the one that would be dispatched.
pub async fn examine_token(
    client: &Client,
    repo: &RepoSlug,
    token: &SecretString,
    workflow_file: Option<&str>,
    probe: bool,
) -> Result<TokenFacts, ApiError> {
    let kind = match kind_by_prefix(token.expose_secret()) {
        Some(kind) => kind,
        None => installation_kind(client).await?,
    };
    if kind == TokenKind::ClassicPat {
        let path = format!("/repos/{repo}");
        let (repository, headers) = client.get_with_headers::<dto::Repository>(&path).await?;
        let scopes = headers.get("x-oauth-scopes").and_then(|s| s.to_str().ok()).unwrap_or_default();
        return Ok(TokenFacts { kind, permissions: permissions_of_scopes(scopes, repository.permissions) });
    }
    if !probe {
        return Ok(TokenFacts { kind, permissions: Permissions::default() });
    }
    let (contents, pull_requests, actions) = tokio::join!(
        probe_contents(client, repo),
        probe_pull_requests(client, repo),
        probe_actions(client, repo, workflow_file),
    );
    let workflows = if kind == TokenKind::Job { Permission::No } else { Permission::Unknown };
    let permissions =
        Permissions { contents: contents?, actions: actions?, pull_requests: pull_requests?, workflows };
    Ok(TokenFacts { kind, permissions })
}

/// What the first letters say; installation tokens say too little.
fn kind_by_prefix(token: &str) -> Option<TokenKind> {
    const PREFIXES: [(&str, TokenKind); 4] = [
        ("ghp_", TokenKind::ClassicPat),
        ("github_pat_", TokenKind::FineGrainedPat),
        ("gho_", TokenKind::OAuth),
        ("ghu_", TokenKind::App),
    ];
    if token.starts_with("ghs_") {
        return None;
    }
    let known = PREFIXES.iter().find(|(prefix, _)| token.starts_with(prefix)).map(|(_, kind)| *kind);
    Some(known.unwrap_or(TokenKind::Unknown))
}

/// A job's own token and an App's look alike; only GraphQL tells whose they are.
async fn installation_kind(client: &Client) -> Result<TokenKind, ApiError> {
    let body = json!({"query": "query { viewer { login } }"});
    let answer: Result<Value, ApiError> = client.create(Method::POST, "/graphql", &body, Repeat::Yes).await;
    match answer {
        Ok(value) => Ok(match value.pointer("/data/viewer/login").and_then(Value::as_str) {
            Some("github-actions[bot]" | "github-actions") => TokenKind::Job,
            Some(_) => TokenKind::App,
            // In doubt no promise of runs.
            None => TokenKind::Job,
        }),
        Err(ApiError::Forbidden { .. } | ApiError::NotFound { .. }) => Ok(TokenKind::Job),
        Err(error) => Err(error),
    }
}

fn permissions_of_scopes(scopes: &str, permissions: Option<dto::RepositoryPermissions>) -> Permissions {
    let has = |name: &str| scopes.split(',').any(|s| s.trim() == name);
    let may_push = permissions.is_none_or(|p| p.push);
    let right = |granted: bool| if granted && may_push { Permission::Yes } else { Permission::No };
    let repo = has("repo") || has("public_repo");
    Permissions {
        contents: right(repo),
        actions: right(repo),
        pull_requests: right(repo),
        workflows: right(has("workflow")),
    }
}

async fn probe_contents(client: &Client, repo: &RepoSlug) -> Result<Permission, ApiError> {
    let body = json!({"content": "", "encoding": "utf-8"});
    let path = format!("/repos/{repo}/git/blobs");
    permission_shown_by(client.send::<Value>(Method::POST, &path, &body, Repeat::Yes).await)
}

async fn probe_pull_requests(client: &Client, repo: &RepoSlug) -> Result<Permission, ApiError> {
    let body = json!({"title": "preflight", "head": NOWHERE, "base": NOWHERE});
    let path = format!("/repos/{repo}/pulls");
    permission_shown_by(client.send::<Value>(Method::POST, &path, &body, Repeat::Yes).await)
}

async fn probe_actions(client: &Client, repo: &RepoSlug, file: Option<&str>) -> Result<Permission, ApiError> {
    let Some(file) = file else { return Ok(Permission::Unknown) };
    let name = encode(file.rsplit('/').next().unwrap_or(file));
    let path = format!("/repos/{repo}/actions/workflows/{name}/dispatches");
    match client.send::<Value>(Method::POST, &path, &json!({"ref": NOWHERE}), Repeat::No).await {
        // No such workflow on the default branch.
        Err(ApiError::NotFound { .. }) => Ok(Permission::Unknown),
        other => permission_shown_by(other),
    }
}

/// Refused for lack of rights, or for the nonsense we asked for?
fn permission_shown_by<T>(answer: Result<T, ApiError>) -> Result<Permission, ApiError> {
    match answer {
        Ok(_) | Err(ApiError::Invalid { .. }) => Ok(Permission::Yes),
        Err(ApiError::Forbidden { .. } | ApiError::NotFound { .. }) => Ok(Permission::No),
        Err(ApiError::Server { .. } | ApiError::RateLimited { .. }) => Ok(Permission::Unknown),
        Err(error) => Err(error),
    }
}

/// Looks at the repository and judges everything together.
pub async fn preflight(client: &Client, input: PreflightInput<'_>) -> Result<Preflight, ApiError> {
    let repo_path = format!("/repos/{}", input.repo);
    let rules_path = format!("{repo_path}/rules/branches/{}", encode(input.branch.as_str()));
    let (repository, rules) = tokio::join!(
        client.get::<dto::Repository>(&repo_path),
        client.get_all::<dto::Rule>(&rules_path, None),
    );
    let rules = match rules {
        Err(stopped @ ApiError::Stopped(_)) => return Err(stopped),
        // Not every server and token shows rules.
        rules => rules.unwrap_or_default(),
    };
    Ok(assess(input, &repository?, &rules))
}

fn assess(input: PreflightInput<'_>, repository: &dto::Repository, rules: &[dto::Rule]) -> Preflight {
    let mut findings = input.findings.clone();
    let default_branch = repository.default_branch.as_deref().and_then(|b| BranchName::new(b).ok());
    let kind = input.token.map_or(TokenKind::Unknown, |t| t.kind);
    let permissions = input.token.map(|t| t.permissions).unwrap_or_default();
    let in_place = input.trigger.base_branch.as_ref() == Some(input.branch);
    let trigger = choose_ci_trigger(&CiTriggerOptions {
        token_starts_runs: kind.starts_runs(),
        may_dispatch: permissions.actions,
        may_open_pull_request: permissions.pull_requests,
        pull_request: input.pull_request,
        workflow_file: input.workflow_file,
        triggers: input.triggers,
        branch: input.branch,
        base: input.trigger.base_branch.as_ref().filter(|_| !in_place),
        changed: &[],
        open_pull_request_into: input.trigger.pull_request_into.as_ref().filter(|_| in_place),
        has_approval_runs: input.has_approval_runs,
    });
    if let Some(why) = &input.trigger.diagnose_only {
        findings.push(PreflightCheck::new(Severity::Note, why.clone()));
    } else if input.publishes {
        check_publishing(
            &input,
            kind,
            permissions,
            repository,
            rules,
            default_branch.as_ref(),
            &mut findings,
        );
        if input.waits_for_ci {
            findings.push(check_ci(&trigger, kind));
        }
    }
    Preflight { findings, trigger, default_branch, diagnose_only: input.trigger.diagnose_only.clone() }
}

fn check_publishing(
    input: &PreflightInput<'_>,
    kind: TokenKind,
    permissions: Permissions,
    repository: &dto::Repository,
    rules: &[dto::Rule],
    default_branch: Option<&BranchName>,
    findings: &mut Vec<PreflightCheck>,
) {
    let mut block = |message: String, hint: &str| {
        findings.push(PreflightCheck::new(Severity::Blocking, message).hint(hint));
    };
    if input.token.is_none() {
        block(
            "there is no token to push with".to_owned(),
            "pass github-token: ${{ github.token }}, or use mode: patch",
        );
    }
    if repository.archived {
        block("the repository is archived, so nothing can be pushed".to_owned(), "use mode: patch");
    }
    if default_branch == Some(input.branch) {
        block(
            format!("{} is the default branch, which is never pushed to", input.branch),
            "choose another `branch` template",
        );
    }
    if permissions.contents == Permission::No {
        let hint = match kind {
            TokenKind::Job => {
                "add to the healing job:\npermissions:\n  contents: write\n  actions: write\n  pull-requests: write"
            }
            TokenKind::ClassicPat => "give the token the `repo` scope",
            _ => "give the token the right \"Contents: read and write\"",
        };
        block(format!("{} may not push to {}", kind.name(), input.repo), hint);
    }
    for rule in rules {
        match rule.kind.as_str() {
            "creation" => block(
                format!("a branch rule keeps {} from being made", input.branch),
                "exclude heal/** from the ruleset, or let the token bypass it",
            ),
            "required_signatures" if !input.commits_by_api => block(
                format!("a branch rule wants signed commits on {}", input.branch),
                "use commit-mode: api, whose commits GitHub signs",
            ),
            _ => {}
        }
    }
    if permissions.pull_requests == Permission::No && input.pull_request != PullRequestMode::Never {
        let finding =
            PreflightCheck::new(Severity::Warning, format!("{} may not open pull requests", kind.name()));
        findings.push(finding.hint(match kind {
            TokenKind::Job => {
                "add to the healing job:\npermissions:\n  pull-requests: write\nand allow it in the repository's settings, Actions, General"
            }
            _ => "give the token the right \"Pull requests: read and write\"",
        }));
    }
}

fn check_ci(trigger: &CiTrigger, kind: TokenKind) -> PreflightCheck {
    match trigger {
        CiTrigger::Push => {
            PreflightCheck::new(Severity::Fine, format!("a push with {} starts CI", kind.name()))
        }
        CiTrigger::Dispatch => PreflightCheck::new(Severity::Fine, "CI will be started by workflow_dispatch"),
        CiTrigger::PullRequest { approval: false } => {
            PreflightCheck::new(Severity::Fine, "CI will be started by a pull request")
        }
        CiTrigger::PullRequest { approval: true } => PreflightCheck::new(
            Severity::Note,
            "CI will wait on the pull request until someone with write access approves it",
        )
        .hint("give a push-token, or add `workflow_dispatch:` to the workflow, for CI without a click"),
        CiTrigger::Nothing { reason, hint } => {
            PreflightCheck::new(Severity::Warning, format!("no CI will run on the heal: {reason}"))
                .hint(hint.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_their_first_letters() {
        assert_eq!(kind_by_prefix("ghp_x"), Some(TokenKind::ClassicPat));
        assert_eq!(kind_by_prefix("github_pat_x"), Some(TokenKind::FineGrainedPat));
        assert_eq!(kind_by_prefix("ghs_x"), None);
        assert_eq!(kind_by_prefix("v1.abc"), Some(TokenKind::Unknown));
    }

    #[test]
    fn scopes() {
        let permissions = permissions_of_scopes("repo, workflow", None);
        assert_eq!((permissions.contents, permissions.workflows), (Permission::Yes, Permission::Yes));
        let read_only = permissions_of_scopes("repo", Some(dto::RepositoryPermissions { push: false }));
        assert_eq!(read_only.contents, Permission::No);
        assert_eq!(permissions_of_scopes("gist", None).actions, Permission::No);
    }
}
