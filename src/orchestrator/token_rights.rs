//! What steps may only have where the token of this step cannot write: a Docker engine of their own, since a privileged
//! container is root on this machine and root reads what this process holds, and the token itself.

use crate::config::Config;
use crate::contract::git::RepoSlug;
use crate::contract::outcome::Outcome;
use crate::contract::settings::{SandboxDocker, SandboxToken};
use crate::github::{self, Client, Permission};

use super::outcome_from::api_outcome;

/// What helps where the job's own token can write, or nobody can tell.
fn remedy(input: &str) -> String {
    format!(
        "give the job `permissions: {{ contents: read, actions: read }}` and publish in a job of its own, or leave \
         `{input}` off"
    )
}

/// Refuses the run where steps are to have one of these and the token may write, as far as that can be probed.
pub(super) async fn check(config: &Config, client: Option<&Client>, slug: &RepoSlug) -> Result<(), Outcome> {
    let asked = [
        ("sandbox-docker", "on", config.sandbox_docker == SandboxDocker::On),
        ("sandbox-token", "read", config.sandbox_token == SandboxToken::Read),
    ];
    let Some((input, value, _)) = asked.into_iter().find(|(_, _, is_asked)| *is_asked) else { return Ok(()) };
    let Some(token) = &config.github_token else { return Ok(()) };
    let refused = |why: String| {
        Err(Outcome::Refused { why: format!("`{input}` is {value}, {why}"), remedy: Some(remedy(input)) })
    };
    let Some(client) = client else {
        return refused(
            "and nobody can tell what the token may write: this is no run of GitHub's".to_owned(),
        );
    };
    let workflow = super::setup::own_workflow(config);
    let facts = github::examine_token(client, slug, token, workflow.as_deref(), true)
        .await
        .map_err(|error| api_outcome(&error))?;
    let rights = facts.permissions;
    let named =
        [("contents", rights.contents), ("actions", rights.actions), ("pull requests", rights.pull_requests)];
    match named.iter().find(|(_, right)| *right != Permission::No) {
        None => Ok(()),
        Some((what, Permission::Yes)) => refused(format!("and this step's token can write {what}")),
        Some((what, _)) => refused(format!("and nobody can tell whether this step's token can write {what}")),
    }
}
