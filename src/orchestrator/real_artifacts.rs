//! Brings the artifacts of the failed run that a plan's steps download; what cannot be had is left to the plan.

use std::collections::BTreeSet;

use super::outcome_from::stopped_outcome;
use super::setup::{Session, client};
use crate::config::Config;
use crate::contract::artifact::{FetchedArtifact, WantedArtifacts};
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::RepoSlug;
use crate::contract::outcome::Outcome;
use crate::executor::ArtifactArchive;
use crate::github::{self, Trigger};
use crate::plan;
use crate::scope::{Scope, Stopped};

/// Of one artifact as it is sent.
const MAX_PACKED: usize = 100 << 20;
/// Of all of a run: they are kept in memory until the sandbox has them.
const MAX_ALL: usize = 300 << 20;

/// The run whose artifacts they are.
pub(super) struct ArtifactsOf {
    repository: RepoSlug,
    run: u64,
}

impl ArtifactsOf {
    /// The failed run, where there is one.
    pub(super) fn run(config: &Config, trigger: &Trigger) -> Option<Self> {
        let facts = &config.workflow_run;
        let run = trigger.run_id.filter(|_| facts.is_active)?;
        Some(Self { repository: facts.repository.clone()?, run })
    }

    /// Downloads those that are wanted, outside of the sandbox; each is looked through before it is taken.
    pub(super) async fn fetch(
        &self,
        session: &Session,
        ca: Option<&[u8]>,
        scope: &Scope,
        wanted: &BTreeSet<WantedArtifacts>,
    ) -> Result<(Vec<ArtifactArchive>, Vec<FetchedArtifact>), Outcome> {
        let mut taken = (Vec::new(), Vec::new());
        let warn = |what: String| session.journal.emit(Event::Warning { what });
        // Never the push token, which may read what this repository's code must not see.
        let Some(token) = session.config.github_token.clone() else {
            warn("the failed run's artifacts could not be listed: there is no token to ask with".to_owned());
            return Ok(taken);
        };
        let client = client(&session.config, ca, token, scope)?;
        let listed = github::artifacts_of(&client, &self.repository, self.run).await;
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.check_stopped(session)?;
                warn(format!("the failed run's artifacts could not be listed: {error}"));
                return Ok(taken);
            }
        };
        let mut all = 0;
        for artifact in listed {
            let is_wanted = |wanted: &WantedArtifacts| {
                plan::takes(wanted, &artifact.name) || wanted.ids.contains(&artifact.id)
            };
            if !wanted.iter().any(is_wanted) {
                continue;
            }
            let name = &artifact.name;
            session.journal.emit(Event::Progress { what: format!("fetching the artifact {name}") });
            let fetched = match github::artifact(&client, &self.repository, artifact.id, MAX_PACKED).await {
                Ok(packed) if all + packed.len() > MAX_ALL => {
                    Err(format!("the run's artifacts come to more than {} MB together", MAX_ALL >> 20))
                }
                Ok(packed) => {
                    all += packed.len();
                    let name = name.clone();
                    let opened = scope.blocking("looking through an artifact", move || {
                        ArtifactArchive::open(&name, artifact.id, packed)
                    });
                    opened.await.map_err(stopped_outcome)?
                }
                Err(error) => Err(error.to_string()),
            };
            self.check_stopped(session)?;
            match fetched {
                Ok((archive, found)) => {
                    taken.0.push(archive);
                    taken.1.push(found);
                }
                Err(why) => warn(format!("the artifact {name} is not used: {why}")),
            }
        }
        Ok(taken)
    }

    #[expect(clippy::unused_self, reason = "it is part of fetching")]
    fn check_stopped(&self, session: &Session) -> Result<(), Outcome> {
        match session.scope.stopped() {
            Some(reason) => Err(stopped_outcome(Stopped { reason, during: "fetching artifacts" })),
            None => Ok(()),
        }
    }
}
