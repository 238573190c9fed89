//! Whether steps may have a Docker engine of their own: only where no token of ours can write. A privileged container is
//! root on this machine, and root reads what this process holds.

use crate::config::Config;
use crate::contract::git::RepoSlug;
use crate::contract::outcome::Outcome;
use crate::contract::settings::SandboxDocker;
use crate::github::{self, Client, Permission};

use super::outcome_from::api_outcome;

/// What helps where the job's own token can write, or nobody can tell.
const REMEDY: &str = "give the job `permissions: { contents: read, actions: read }` and publish in a job of its own, or leave \
    `sandbox-docker` off";

/// Refuses the run where `sandbox-docker` is on and the token may write, as far as that can be probed.
pub(super) async fn check(config: &Config, client: Option<&Client>, slug: &RepoSlug) -> Result<(), Outcome> {
    let (SandboxDocker::On, Some(token)) = (config.sandbox_docker, &config.github_token) else {
        return Ok(());
    };
    let refused = |why: String| {
        Err(Outcome::Refused {
            why: format!("`sandbox-docker` is on, {why}"),
            remedy: Some(REMEDY.to_owned()),
        })
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
