//! The last green run before the failure, asked for once and only where somebody wants to know.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::contract::changes::ChangedSinceGreen;
use crate::contract::ci::LastGreenRun;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::{BranchName, RepoPath, RepoSlug};
use crate::git::Workspace;
use crate::github::{self, Client, Trigger};

use super::changed_since::changed_files;
use super::journal::Journal;

/// Between two looks for what GitHub shows late.
const LAG: Duration = Duration::from_millis(1500);
/// Most of the log that is kept: head and tail.
const LOG_BYTES: usize = 16 << 20;

/// Finds it through the API. Trouble with that is no trouble of the run's: then nothing is known of it.
pub struct LastGreen {
    /// `None` where there is nobody to ask.
    source: Option<Source>,
    found: OnceCell<Option<LastGreenRun>>,
    /// The clone had its commit before anything of it was brought.
    is_in_checkout: OnceCell<bool>,
    changes: OnceCell<Option<Arc<ChangedSinceGreen>>>,
    journal: Arc<Journal>,
}

struct Source {
    client: Client,
    repository: RepoSlug,
    workflow: String,
    branch: BranchName,
}

impl LastGreen {
    /// Nothing is asked yet. `workflow` is the file that the failed run is of.
    pub fn new(
        client: Option<&Client>,
        repository: &RepoSlug,
        workflow: Option<String>,
        trigger: &Trigger,
        journal: Arc<Journal>,
    ) -> Self {
        // A pull request's own branch may never have been green: its base was, or should have been.
        let branch = trigger.pull_request_into.as_ref().or(trigger.base_branch.as_ref());
        let source = match (client, workflow, branch) {
            (Some(client), Some(workflow), Some(branch)) => Some(Source {
                client: client.clone(),
                repository: repository.clone(),
                workflow,
                branch: branch.clone(),
            }),
            _ => None,
        };
        let (found, is_in_checkout, changes) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { source, found, is_in_checkout, changes, journal }
    }

    /// The run. The first question costs one request, and what it gave is told.
    pub async fn run(&self) -> Option<&LastGreenRun> {
        let source = self.source.as_ref()?;
        let look = async || {
            let Source { client, repository, workflow, branch } = source;
            let found = github::last_green_run(client, repository, workflow, branch).await;
            let found = found.unwrap_or_else(|error| {
                log::debug!("the last green run is not known: {error}");
                None
            });
            if let Some(run) = &found {
                self.journal.emit(Event::LastGreenKnown { run: Box::new(run.clone()) });
            }
            found
        };
        self.found.get_or_init(look).await.as_ref()
    }

    /// What the job of that name, as GitHub shows it, printed there.
    pub async fn log(&self, job: &str) -> Option<Vec<u8>> {
        let (source, run) = (self.source.as_ref()?, self.run().await?);
        let log = github::last_green_log(&source.client, &source.repository, run, job, LOG_BYTES, LAG).await;
        log.unwrap_or_else(|error| {
            log::debug!("the log of the last green run is not known: {error}");
            None
        })
        .map(|log| log.bytes)
    }

    /// A file as it was there: from the objects of the checkout, else from the API. The checkout itself is never fetched
    /// into.
    pub async fn file(&self, workspace: &mut Workspace, path: &RepoPath) -> Option<Vec<u8>> {
        let (source, run) = (self.source.as_ref()?, self.run().await?);
        let is_here = *self.is_in_checkout.get_or_init(async || workspace.has_commit(&run.commit)).await;
        if !is_here {
            let paths = std::slice::from_ref(path);
            let objects =
                github::remote_objects(&source.client, &source.repository, &run.commit, paths).await;
            let brought = match objects {
                Ok(objects) => workspace.import(objects).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = brought {
                log::debug!("{path} of the last green run is not known: {why}");
                return None;
            }
        }
        workspace.file_at(&run.commit, path)
    }

    /// All its files, as a tree that can be run: from the objects of the checkout and, as far as they lack, from the API.
    pub async fn tree(&self, workspace: &mut Workspace) -> Option<Workspace> {
        let (source, run) = (self.source.as_ref()?, self.run().await?);
        if let Ok(past) = workspace.at(&run.commit) {
            return Some(past);
        }
        let is_here = |id: &str| workspace.has_object(id);
        let objects =
            github::missing_objects(&source.client, &source.repository, &run.commit, &is_here).await;
        let past = match objects {
            Ok(Some(objects)) => workspace
                .import(objects)
                .and_then(|()| workspace.at(&run.commit))
                .map_err(|error| error.to_string()),
            Ok(None) => Err("it has too much that is not here".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        past.inspect_err(|why| log::debug!("the code of the last green run is not known: {why}")).ok()
    }

    /// What changed in the code from there to the failing commit. Found once, and told.
    pub async fn changes(&self, workspace: &mut Workspace) -> Option<Arc<ChangedSinceGreen>> {
        let (source, run) = (self.source.as_ref()?, self.run().await?);
        let look = async || {
            let past = self.tree(workspace).await?;
            let failing = workspace.at(workspace.base()).ok()?;
            let (files, more_files) = changed_files(&past, &failing);
            let (older, newer) = (&run.commit, workspace.base());
            let commits_ago = match workspace.commits_between(older, newer) {
                Some(count) => Some(count),
                None => github::commits_between(&source.client, &source.repository, older, newer).await.ok(),
            };
            let changes = ChangedSinceGreen { commit: older.clone(), commits_ago, files, more_files };
            self.journal.emit(Event::ChangedSinceGreen { changes: Box::new(changes.clone()) });
            Some(Arc::new(changes))
        };
        self.changes.get_or_init(look).await.clone()
    }
}
