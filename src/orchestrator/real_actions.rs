//! The fetch stage: brings the actions that a plan wants to run, plans again, until none is missing.
//!
//! Each repository at a ref is fetched once per run, as the archive of the commit that the ref stands for now, through the
//! API of the server that the workflow names. What cannot be had is left out of the plan, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::outcome_from::{expected_outcome, plan_outcome, stopped_outcome};
use super::real_artifacts::ArtifactsOf;
use super::setup::{Session, anonymous_client, client};
use crate::contract::action::{ActionSource, ActionTree, ActionTrees, MAX_DEPTH};
use crate::contract::artifact::FetchedArtifact;
use crate::contract::build::PlanStep;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::{CommitSha, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::contract::settings::ActionsMode;
use crate::executor::{self, ActionArchive, Brought};
use crate::git;
use crate::github::{self, ApiError, Client};
use crate::http;
use crate::plan::{self, PlanRequest, Planned};
use crate::scope::{Scope, Stopped};

/// For all that one stage fetches.
const LIMIT: Duration = Duration::from_secs(300);
/// Of one archive as it is sent; unpacked it may be larger.
const MAX_PACKED: usize = 60 << 20;
/// Of all archives of a run: they are kept in memory until the sandbox has them.
const MAX_ALL: usize = 300 << 20;
/// Of Node's package.
const MAX_NODE: usize = 120 << 20;

/// The plans with all actions that could be had, and what the sandbox needs to run them.
pub(super) async fn plan_with_actions(
    session: &Session,
    ca: Option<&[u8]>,
    request: &PlanRequest<'_>,
    run: Option<&ArtifactsOf>,
) -> Result<(Vec<Planned>, Brought), Outcome> {
    let mut trees = ActionTrees::new();
    let mut artifacts: Option<Vec<FetchedArtifact>> = None;
    let mut brought = Brought::default();
    let scope = session.scope.child(LIMIT);
    // Made when it is first needed: most runs fetch nothing.
    let mut fetcher = None;
    for depth in 0..=MAX_DEPTH {
        let wanted = Mutex::new(BTreeSet::new());
        let wanted_artifacts = Mutex::new(BTreeSet::new());
        let request = PlanRequest {
            actions: Some(&trees),
            wanted: Some(&wanted),
            artifacts: artifacts.as_deref(),
            wanted_artifacts: Some(&wanted_artifacts),
            ..request.clone()
        };
        let planned = plan::plan(&request);
        let take = |wanted: &Mutex<BTreeSet<_>>| {
            std::mem::take(&mut *wanted.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let wanted = take(&wanted);
        let downloads = std::mem::take(&mut *wanted_artifacts.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(run) = run.filter(|_| artifacts.is_none() && !downloads.is_empty())
            && request.actions_mode != ActionsMode::Rules
        {
            let (archives, found) = run.fetch(session, ca, &scope, &downloads).await?;
            (brought.artifacts, artifacts) = (archives, Some(found));
            continue;
        }
        if wanted.is_empty() || depth == MAX_DEPTH || request.actions_mode == ActionsMode::Rules {
            let plans = planned.map_err(plan_outcome)?;
            let is_program = |step: &PlanStep| step.action.as_ref().is_some_and(|a| !a.is_container());
            if !plans.iter().any(|planned| planned.plan.steps.iter().any(is_program)) {
                return Ok((plans, brought));
            }
            return match node(session, ca, &scope).await {
                Ok(node) => Ok((plans, Brought { node: Some(node), ..brought })),
                Err(outcome) if request.actions_mode == ActionsMode::Real => Err(outcome),
                Err(outcome) => {
                    // As where actions cannot be had at all: what they would have made may not be needed.
                    session.journal.emit(Event::Warning { what: outcome.reason() });
                    let rules = PlanRequest { actions_mode: ActionsMode::Rules, ..request.clone() };
                    Ok((plan::plan(&rules).map_err(plan_outcome)?, Brought::default()))
                }
            };
        }
        let fetcher = match &mut fetcher {
            Some(fetcher) => fetcher,
            none => none.insert(Fetcher::new(session, ca, &scope)?),
        };
        for source in wanted {
            session.journal.emit(Event::Progress { what: format!("fetching the action {source}") });
            let fetched = fetcher.fetch(&source).await;
            if let Some(reason) = session.scope.stopped() {
                return Err(stopped_outcome(Stopped { reason, during: "fetching actions" }));
            }
            let tree = match fetched {
                Ok((archive, tree)) => {
                    brought.actions.push(archive);
                    Ok(tree)
                }
                Err(problem) => {
                    let what = format!("the action {source} could not be fetched: {problem}");
                    session.journal.emit(Event::Warning { what });
                    Err(problem)
                }
            };
            trees.insert(source, tree);
        }
    }
    Ok((Vec::new(), brought))
}

/// How a server's archives are had where its API does not answer.
struct ByGit {
    server: String,
    work_dir: std::path::PathBuf,
    scope: Scope,
}

struct Fetcher {
    /// Outside of GitHub's own runs alone: in them the API is what there is.
    by_git: Option<ByGit>,
    /// With the job's token, where there is one.
    client: Client,
    /// The server does not answer at all; what it said.
    unreachable: Option<String>,
    archives: BTreeMap<String, Bytes>,
}

impl Fetcher {
    fn new(session: &Session, ca: Option<&[u8]>, scope: &Scope) -> Result<Self, Outcome> {
        let config = &session.config;
        // Never the push token, which may read what this repository's code must not see.
        let client = match config.github_token.clone() {
            Some(token) => client(config, ca, token, scope)?,
            None => anonymous_client(config, ca, scope)?,
        };
        let facts = &config.workflow_run;
        // Another server's API says nothing of where its repositories are.
        let server = match (&facts.server_url, &facts.api_url) {
            (Some(server), _) => Some(server.clone()),
            (None, None) => Some("https://github.com".to_owned()),
            (None, Some(_)) => None,
        };
        let (work_dir, scope) = (session.work_dir.clone(), scope.clone());
        let by_git = server.filter(|_| !facts.is_active).map(|server| ByGit { server, work_dir, scope });
        Ok(Self { by_git, client, unreachable: None, archives: BTreeMap::new() })
    }

    async fn fetch(&mut self, source: &ActionSource) -> Result<(ActionArchive, ActionTree), String> {
        let repo = RepoSlug::new(&source.repository).map_err(|error| error.to_string())?;
        if let Some(why) = self.unreachable.clone() {
            return self.fetch_by_git(source, &repo, why).await;
        }
        let fetched = async {
            let commit = github::commit_of(&self.client, &repo, &source.reference).await?;
            let key = format!("{repo}@{commit}");
            let packed = match self.archives.get(&key) {
                Some(packed) => packed.clone(),
                None => github::archive_of(&self.client, &repo, &commit, MAX_PACKED).await?,
            };
            Ok::<_, ApiError>((key, commit, packed))
        };
        let (key, commit, packed) = match fetched.await {
            Ok(fetched) => fetched,
            Err(error) => {
                let why = error.to_string();
                if matches!(error, ApiError::Transport { .. } | ApiError::Stopped(_)) {
                    self.unreachable = Some("the server could not be reached before".to_owned());
                    return self.fetch_by_git(source, &repo, why).await;
                }
                return Err(why);
            }
        };
        self.open((source, &commit), key, packed)
    }

    /// The same by git, where that may be; else `why` the API has nothing.
    async fn fetch_by_git(
        &mut self,
        source: &ActionSource,
        repo: &RepoSlug,
        why: String,
    ) -> Result<(ActionArchive, ActionTree), String> {
        let Some(ByGit { server, work_dir, scope }) = &self.by_git else { return Err(why) };
        let place = (work_dir.as_path(), MAX_PACKED as u64);
        let fetched = git::archive_of_ref(server, repo, &source.reference, place, scope).await;
        let (commit, packed) = fetched.map_err(|error| format!("{why}; by git: {error}"))?;
        let key = format!("{repo}@{commit}");
        self.open((source, &commit), key, packed.into())
    }

    fn open(
        &mut self,
        (source, commit): (&ActionSource, &CommitSha),
        key: String,
        packed: Bytes,
    ) -> Result<(ActionArchive, ActionTree), String> {
        self.archives.insert(key, packed.clone());
        if self.archives.values().map(Bytes::len).sum::<usize>() > MAX_ALL {
            self.archives.retain(|_, kept| *kept != packed);
            return Err(format!("the run's actions come to more than {} MB together", MAX_ALL >> 20));
        }
        ActionArchive::open(source, commit, packed)
    }
}

/// Where Node's package is, in the registry that npm uses on this machine; wherever it comes from, it is the pinned one.
fn node_url(registry: Option<&str>) -> String {
    const OWN: &str = "https://registry.npmjs.org";
    let registry = registry.map_or(OWN, |registry| registry.trim_end_matches('/'));
    executor::NODE.url.replacen(OWN, registry, 1)
}

/// Node's package, which is the pinned one.
async fn node(session: &Session, ca: Option<&[u8]>, scope: &Scope) -> Result<Bytes, Outcome> {
    const WHAT: &str = "fetching Node for actions";
    session.journal.emit(Event::Progress { what: WHAT.to_owned() });
    let url = node_url(session.config.workflow_run.npm_registry.as_deref());
    let failed = |why: String| Outcome::Environment {
        why: format!("Node, which JavaScript actions run on, could not be fetched from {url}: {why}"),
    };
    let http =
        http::Client::new(scope, ca, http::Redirects::Follow).map_err(|error| expected_outcome(&error))?;
    let parsed = http::Url::parse(&url).map_err(|error| failed(error.to_string()))?;
    let mut response = http.get(parsed).timeout(LIMIT).send(WHAT).await.map_err(|e| failed(e.to_string()))?;
    if !response.status().is_success() {
        return Err(failed(format!("status {}", response.status().as_u16())));
    }
    let mut packed = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| failed(e.to_string()))? {
        packed.extend_from_slice(&chunk);
        if packed.len() > MAX_NODE {
            return Err(failed(format!("it is longer than {MAX_NODE} bytes")));
        }
    }
    executor::check_node(&packed).map_err(failed)?;
    Ok(packed.into())
}
