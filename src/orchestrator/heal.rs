//! One run from its configuration to its report: prepared stage by stage, driven to its end, cleared up, and told. Whatever
//! stops it on the way becomes a typed outcome; the report comes back in every case.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Config;
use crate::contract::event::{EVENTS_SCHEMA, Event, EventSink};
use crate::contract::git::CommitSha;
use crate::contract::outcome::Outcome;
use crate::contract::report::{BudgetReport, Spent, Timings};
use crate::contract::settings::Mode;
use crate::diff;
use crate::executor::{Executor, close_patience};
use crate::report::event_log::EventLog;
use crate::report::results;
use crate::scope::{Scope, StopReason};

use super::bundle::{Bundle, Finished};
use super::driver::{Clocks, PUBLISH_GRACE};
use super::journal::Journal;
use super::outcome_from::stopped_outcome;
use super::publisher::{Publisher, PushedRevision};
use super::run_dir::RunDir;
use super::setup::{self, Prepared, Session};

/// Whether heals leave the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    Yes,
    No,
}

/// What is healed of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// What the event says, else the commit that is checked out.
    Event,
    /// The working tree, with what is not committed yet.
    WorkingTree,
    Commit(CommitSha),
}

/// What to heal, and with what.
pub struct Heal {
    pub config: Config,
    /// When it began.
    pub started: Instant,
    /// The checkout.
    pub source: PathBuf,
    pub base: Base,
    /// Ours alone: the private clone goes here. Removed at the end.
    pub run_dir: RunDir,
    pub push: Push,
    /// Who hears what happens.
    pub events: Arc<dyn EventSink>,
    /// Where it is written down.
    pub event_log: Option<EventLog>,
    /// Ends it from outside.
    pub scope: Scope,
    /// Our own variables: facts of the workflow for expressions.
    pub variables: BTreeMap<String, String>,
}

/// How long the stages before the loop may take to end in order once the run was stopped.
const UNWINDING: Duration = Duration::from_secs(4);
/// How long GitHub may take to hear how a run ended that was not stopped.
const CONCLUDING: Duration = Duration::from_secs(60);

/// How a run came out, before all is cleared up.
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    pub(super) clocks: Clocks,
    /// What to make the patch and its proof of.
    pub(super) bundle: Option<Bundle>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, clocks: Clocks::default(), bundle: None }
    }
}

/// Runs the whole loop, or `mode: publish`. The report's outcome says how it went.
pub async fn run(heal: Heal) -> Finished {
    let Heal { config, started, source, base, run_dir, push, events, event_log, scope, variables } = heal;
    let journal = Arc::new(begin(&config, started, event_log, events));
    let scope = scope.with_time_budget(started + config.time_budget);
    let report_dir = config.report_dir.clone();
    let work_dir = run_dir.path().to_owned();
    let mode = config.mode;
    let session = Session {
        config,
        source,
        base,
        work_dir,
        push,
        journal: journal.clone(),
        scope: scope.clone(),
        variables,
    };
    let ending = match mode {
        Mode::Publish => super::publish::run(session).await,
        Mode::Heal | Mode::Patch | Mode::Diagnose => heal_loop(session).await,
    };
    run_dir.remove();
    finish(&journal, ending, &report_dir)
}

/// Only looks for the release that broke an untouched repository, since `since` or the commit's date.
pub async fn run_drift(heal: Heal, since: Option<crate::drift::Time>) -> Finished {
    let Heal { config, started, source, base, run_dir, push, events, event_log, scope, variables } = heal;
    let journal = Arc::new(begin_as("drift", &config, started, event_log, events));
    let scope = scope.with_time_budget(started + config.time_budget);
    let report_dir = config.report_dir.clone();
    let work_dir = run_dir.path().to_owned();
    let session = Session {
        config,
        source,
        base,
        work_dir,
        push,
        journal: journal.clone(),
        scope: scope.clone(),
        variables,
    };
    let ending = super::drift::run(session, since).await;
    run_dir.remove();
    finish(&journal, ending, &report_dir)
}

async fn heal_loop(session: Session) -> Ending {
    let (scope, journal) = (session.scope.clone(), session.journal.clone());
    // Each stage ends with the scope by itself and clears up; what does not is dropped.
    let prepared = scope.with_grace(UNWINDING).run("preparing", setup::prepare(session)).await;
    let Prepared { mut driver, rules, base } = match prepared {
        Ok(Ok(prepared)) => prepared,
        Ok(Err(outcome)) => return outcome.into(),
        Err(stopped) => return stopped_outcome(stopped).into(),
    };
    let looks_back = rules.diagnose_only.is_none();
    let (state, mut outcome) = driver.run(rules).await;
    if matches!(outcome, Outcome::Exhausted { .. }) && looks_back && state.is_trusted() {
        driver.suspect_drift(&state).await;
    }
    if state.is_trusted() {
        outcome = driver.ends_as_drift(outcome);
    }
    if looks_back && journal.report().baseline.is_some_and(|baseline| baseline.failed > 0) {
        // Whoever asked before has the answers already.
        let looked = driver.last_green.changes(&mut driver.workspace);
        let _ = scope.run("looking for what changed since the last green run", looked).await;
    }
    let changes = if state.is_trusted() { driver.workspace.changes() } else { Vec::new() };
    let is_drift = matches!(outcome, Outcome::Drift { .. });
    let of_workflows = if is_drift { driver.pin_of_workflows() } else { Vec::new() };
    let patch: Vec<_> = changes.iter().cloned().chain(of_workflows).collect();
    journal.emit(Event::VerdictReached { outcome: outcome.clone(), diff: diff::unified(&patch) });
    if let Some(publisher) = driver.publisher.as_ref().filter(|_| state.is_trusted()) {
        conclude(publisher, state.revision(), &journal, &scope).await;
    }
    let bundle = state.is_trusted().then(|| {
        let (changed, before): (Vec<_>, Vec<_>) =
            changes.into_iter().map(|change| (change.path.clone(), (change.path, change.before))).unzip();
        if is_drift {
            // Its patch is a pin, for people; no proof goes with it.
            let (restored, left_out, findings) = (Vec::new(), Vec::new(), Vec::new());
            return Bundle { base, changed, before, restored, left_out, findings };
        }
        let parted = driver.protected_changes(&state, state.leg());
        Bundle {
            base,
            before,
            restored: parted.restored.into_iter().map(|change| change.path).collect(),
            findings: driver.findings_in_tests(&changed),
            changed,
            left_out: parted.left_out,
        }
    });
    if let Some(what) = close(driver.executor, &scope).await {
        journal.emit(Event::Warning { what });
    }
    Ending { outcome, clocks: driver.clocks, bundle }
}

/// Tells GitHub how the run ended, where it was not told to stop.
pub(super) async fn conclude(
    publisher: &Publisher,
    revision: Option<&PushedRevision>,
    journal: &Journal,
    scope: &Scope,
) {
    if scope.stopped().is_some_and(StopReason::is_signal) {
        return;
    }
    // The publisher's own requests end with the grace of the run; here, that a slow server does not hold up the end.
    let bounds = scope.with_grace(PUBLISH_GRACE).child(CONCLUDING);
    let concluding = publisher.conclude(revision, journal);
    if let Err(stopped) = bounds.run("telling GitHub how it ended", concluding).await {
        journal.emit(Event::Warning { what: stopped.to_string() });
    }
}

/// Puts the bundle together and tells the end.
fn finish(journal: &Journal, ending: Ending, report_dir: &str) -> Finished {
    let Ending { outcome, clocks, bundle } = ending;
    let report = journal.report();
    let before = bundle.as_ref().map(|bundle| bundle.before.clone()).unwrap_or_default();
    let (patch, proof) = bundle.map_or((None, None), |bundle| bundle.make(&report));
    let files = results::files(report_dir, patch.is_some(), proof.is_some());
    let total = journal.started().elapsed();
    let timings = Timings {
        total,
        build: clocks.build,
        llm: clocks.llm,
        ci: clocks.ci,
        own: total.saturating_sub(clocks.build + clocks.llm + clocks.ci),
    };
    let mut budget = Box::new(report.budget);
    budget.time.spent = (total.as_secs_f64() * 1000.0).round() / 1000.0;
    journal.emit(Event::RunFinished { outcome, timings, budget, files: Some(files.clone()) });
    Finished { report: journal.report(), files, patch, proof, before }
}

/// A run that ended before there was anything to heal.
pub fn ended(
    outcome: Outcome,
    config: &Config,
    started: Instant,
    run_dir: RunDir,
    events: Arc<dyn EventSink>,
    event_log: Option<EventLog>,
) -> Finished {
    let journal = begin(config, started, event_log, events);
    run_dir.remove();
    finish(&journal, outcome.into(), &config.report_dir)
}

fn begin(
    config: &Config,
    started: Instant,
    event_log: Option<EventLog>,
    events: Arc<dyn EventSink>,
) -> Journal {
    begin_as(config.mode.as_str(), config, started, event_log, events)
}

fn begin_as(
    mode: &str,
    config: &Config,
    started: Instant,
    event_log: Option<EventLog>,
    events: Arc<dyn EventSink>,
) -> Journal {
    let journal = Journal::new(started, event_log, events);
    journal.emit(Event::RunStarted {
        schema: EVENTS_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        mode: mode.to_owned(),
        budget: limits(config),
    });
    journal
}

fn limits(config: &Config) -> BudgetReport {
    let mut limits = BudgetReport::default();
    limits.attempts.limit = Some(config.max_attempts);
    limits.pushes.limit = Some(config.max_attempts);
    limits.time = Spent { spent: 0.0, limit: Some(config.time_budget.as_secs_f64()) };
    limits.tokens.limit = Some(config.token_budget);
    limits.cost.limit = config.cost_budget;
    limits
}

/// Removes what the run made in the engine; says by name what has to wait for the next start's sweep.
pub(super) async fn close(executor: Executor, scope: &Scope) -> Option<String> {
    let left = executor.close(close_patience(scope)).await.err()?;
    Some(format!("the Docker engine did not remove everything of this run; the next start does: {left}"))
}
