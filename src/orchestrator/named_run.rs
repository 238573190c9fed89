//! A run that somebody names by its address, in a workflow (`run`) or from a clone (`--run`): it is healed as if we had
//! heard of its end. Only a run of this repository; what its head is of another one is diagnosed.

use super::outcome_from::{api_outcome, git_outcome, stopped_outcome};
use super::setup::{Session, ca_bundle, github_client};
use crate::contract::ci::RunAddress;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::RepoSlug;
use crate::contract::outcome::Outcome;
use crate::git::{self, DEFAULT_GIT_TIMEOUT, Remote};
use crate::github::{self, Client, RunContext, TriggerContext};

/// The run that is named, as its event would have told of it; `None` where none is.
pub(super) async fn trigger(session: &mut Session) -> Result<Option<TriggerContext>, Outcome> {
    let Some(address) = session.config.run.clone() else { return Ok(None) };
    let repository = repository(session, &address).await?;
    let facts = &mut session.config.workflow_run;
    let is_local = !facts.is_active;
    if is_local {
        facts.is_active = true;
        facts.server_url = Some(address.server.clone().unwrap_or_else(|| "https://github.com".to_owned()));
        facts.repository = Some(repository.clone());
    }
    let ca = ca_bundle(&session.config)?;
    let client = github_client(&session.config, ca.as_deref(), &session.scope)?;
    let client = client.ok_or_else(|| Outcome::Refused {
        why: format!("there is no token to ask for the run {} with", address.id),
        remedy: Some("give one as --github-token or in GITHUB_TOKEN (`gh auth token` prints one)".to_owned()),
    })?;
    let (payload, is_over) =
        github::run_payload(&client, &repository, address.id).await.map_err(|e| api_outcome(&e))?;
    if !is_over {
        let why = format!("the run {} is not over yet", address.id);
        return Err(Outcome::Refused { why, remedy: Some("name it again once it has failed".to_owned()) });
    }
    let context = RunContext {
        event_name: "workflow_run".to_owned(),
        repository: Some(repository.clone()),
        ..RunContext::default()
    };
    let found = github::read_trigger_context(payload, &context);
    refuse_moved(&client, &repository, &found).await?;
    if is_local {
        bring_commit(session, &repository, &found).await?;
    }
    Ok(Some(found))
}

/// The repository, which the address and the checkout agree upon.
async fn repository(session: &Session, address: &RunAddress) -> Result<RepoSlug, Outcome> {
    let facts = &session.config.workflow_run;
    let here = match facts.repository.clone().filter(|_| facts.is_active) {
        Some(here) => Some(here),
        None => git::origin(&session.source, &session.scope)
            .await
            .map_err(stopped_outcome)?
            .and_then(|url| slug_of(&url)),
    };
    let same = |a: &RepoSlug, b: &RepoSlug| a.to_string().eq_ignore_ascii_case(&b.to_string());
    match (here, &address.repository) {
        (Some(here), None) => Ok(here),
        (Some(here), Some(there)) if same(&here, there) => Ok(here),
        (Some(here), Some(there)) => Err(Outcome::Refused {
            why: format!("the run {} is of {there}, and this is {here}", address.id),
            remedy: Some(
                "name a run of this repository, or call ci-healer in a clone of that one".to_owned(),
            ),
        }),
        (None, _) => Err(Outcome::Refused {
            why: "the checkout's remote `origin` names no repository on a server".to_owned(),
            remedy: Some("call ci-healer in a clone of the run's repository".to_owned()),
        }),
    }
}

/// The last two parts of a remote's address.
fn slug_of(url: &str) -> Option<RepoSlug> {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => url.split_once(':')?.1,
    };
    let mut parts = rest.trim_matches('/').trim_end_matches(".git").rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    RepoSlug::new(&format!("{owner}/{name}")).ok()
}

/// A branch that has moved on since is not what was named: its newest run is.
async fn refuse_moved(client: &Client, repository: &RepoSlug, found: &TriggerContext) -> Result<(), Outcome> {
    let trigger = &found.trigger;
    let (Some(head), Some(branch), None) = (&trigger.head, &trigger.base_branch, &trigger.diagnose_only)
    else {
        return Ok(());
    };
    let stands = github::branch_head(client, repository, branch).await.map_err(|e| api_outcome(&e))?;
    match stands {
        Some(now) if now != head.sha => Err(Outcome::Refused {
            why: format!(
                "{branch} has moved on from {}, which the run is of, to {}",
                head.sha.short(),
                now.short()
            ),
            remedy: Some("name a run of the branch's head".to_owned()),
        }),
        _ => Ok(()),
    }
}

/// Takes a clone of our own where the checkout does not have the run's commit: nothing is fetched into it.
async fn bring_commit(
    session: &mut Session,
    repository: &RepoSlug,
    found: &TriggerContext,
) -> Result<(), Outcome> {
    let Some(head) = &found.trigger.head else { return Ok(()) };
    let has = git::has_commit(&session.source, &head.sha, &session.scope).await.map_err(stopped_outcome)?;
    if has || found.trigger.diagnose_only.is_some() {
        return Ok(());
    }
    let config = &session.config;
    let server = config.workflow_run.server_url.clone().unwrap_or_default();
    let remote = Remote { url: format!("{server}/{repository}.git"), token: config.github_token.clone() };
    let what = format!("the checkout does not have {}: cloning {repository}", head.sha.short());
    session.journal.emit(Event::Progress { what });
    let target = session.work_dir.join("source");
    git::clone(&remote, &target, &session.scope, DEFAULT_GIT_TIMEOUT).await.map_err(|e| git_outcome(&e))?;
    session.source = target;
    Ok(())
}
