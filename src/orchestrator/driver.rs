//! Carries the table's actions out through the layers and turns their results into events. Decides nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::contract::bug::{BugReport, Diagnosis, Fingerprint};
use crate::contract::build::{BuildPlan, ExecutionResult, Exit, StepOutcome};
use crate::contract::ci::CiVerdict;
use crate::contract::event::{Event, EventSink, Purpose};
use crate::contract::fix::{FileChange, FixProposal, Rejection};
use crate::contract::git::{CommitSha, FileMode, RepoPath, SourceTree, TreeFile};
use crate::contract::outcome::Outcome;
use crate::contract::report::{FinalProof, ProposalVerdict};
use crate::diff::{self, LineDiff};
use crate::executor::{Executor, Request};
use crate::fixer::{self, FixOptions, FixRequest, PastAttempt, Proposed, Protection};
use crate::git::{CommitRequest, Workspace};
use crate::parser::{self, ParseOptions};
use crate::plan::Planned;
use crate::report::pull_request;
use crate::scope::{Scope, StopReason};

use super::budget::Purse;
use super::bundle::Finished;
use super::heal::Advisor;
use super::progress::{End, Observation, Touched};
use super::publisher::{Publisher, Seen, no_verdict};
use super::record::Record;
use super::state::{Effect, Happened, Next, Rules, Source, State, step};

/// Everything one run works with.
pub struct Driver {
    pub workspace: Workspace,
    /// The plans to heal, one for each failed leg of the job; never empty. Attempts run the first, proofs all.
    pub plans: Vec<Planned>,
    pub executor: Executor,
    /// `None`: no model server may be asked.
    pub agent: Option<Advisor>,
    pub fix_options: FixOptions,
    pub publisher: Option<Publisher>,
    pub events: Arc<dyn EventSink>,
    pub cancel: Scope,
    pub purse: Purse,
    pub record: Record,
    pub commit_prefix: String,
    pub working: Working,
}

/// What the loop holds between two actions.
#[derive(Default)]
pub struct Working {
    /// What the run to improve on showed; for the fix agent.
    diagnosis: Diagnosis,
    log: Vec<u8>,
    observation: Option<Observation>,
    /// The unchanged code, to go back to.
    baseline: Option<(Diagnosis, Vec<u8>, Observation)>,
    /// What the last attempt showed: becomes the above when it is kept.
    trial: Option<(Diagnosis, Vec<u8>, Observation)>,
    history: Vec<PastAttempt>,
    /// The proposal applied and not yet judged.
    on_trial: Option<(FixProposal, Vec<FileChange>)>,
    kept: Vec<Kept>,
    /// How many of `kept` are published.
    published: usize,
}

/// A kept fix: one commit.
#[derive(Debug, Clone)]
pub struct Kept {
    pub proposal: FixProposal,
    pub commit: CommitRequest,
}

impl Driver {
    /// Runs to the end; the record's outcome is set on return, whatever happened.
    pub async fn run(&mut self, rules: Rules) {
        let mut state = State::new(rules);
        let mut event = Happened::Begin;
        loop {
            log::debug!("{event:?}");
            let transition = step(state, event);
            state = transition.state;
            let note = transition.note.unwrap_or_default();
            for effect in transition.effects {
                self.carry_out(effect, &note);
            }
            self.record.report.budget.attempts.spent = state.attempts();
            self.record.report.budget.pushes.spent = state.pushes();
            event = match transition.next {
                Next::Finish(outcome) => {
                    self.record.report.outcome = outcome;
                    break;
                }
                next => self.perform(next).await,
            };
        }
        let changes = self.workspace.changes();
        self.record.report.diff = diff::unified(&changes);
        self.purse.report(&mut self.record.report.budget);
        self.record.stop_clocks();
        if let Some(publisher) = &mut self.publisher
            && self.cancel.stopped().is_none()
        {
            publisher.conclude(&mut self.record.report, self.events.as_ref()).await;
        }
    }

    async fn perform(&mut self, next: Next) -> Happened {
        if self.cancel.stopped().is_some() {
            return Happened::Cancelled;
        }
        if self.purse.time_left().is_zero() {
            return Happened::BudgetSpent(crate::contract::outcome::Budget::Time);
        }
        let cancel = self.cancel.clone();
        let happened = match next {
            Next::Run(purpose) => self.execute(purpose).await,
            Next::Propose { source: Source::Toolchain, .. } => self.ask_toolchain().await,
            Next::Propose { source: Source::Model, bugs, level } => {
                tokio::select! {
                    happened = self.ask_model(&bugs, level) => happened,
                    _ = cancel.ended() => Happened::Cancelled,
                }
            }
            Next::Publish { .. } => {
                tokio::select! {
                    happened = self.publish() => happened,
                    _ = cancel.ended() => Happened::Cancelled,
                }
            }
            Next::Watch => {
                tokio::select! {
                    happened = self.watch() => happened,
                    _ = cancel.ended() => Happened::Cancelled,
                }
            }
            Next::Finish(_) => Happened::Cancelled,
        };
        if self.cancel.stopped().is_some() { Happened::Cancelled } else { happened }
    }

    fn carry_out(&mut self, effect: Effect, note: &str) {
        match effect {
            Effect::Keep => {
                let Some((proposal, changes)) = self.working.on_trial.take() else { return };
                self.record.judged(ProposalVerdict::Kept);
                self.close_iteration(true);
                self.events.emit(Event::Kept { improved: note.to_owned() });
                let message = pull_request::commit_message(&self.commit_prefix, &proposal, &changes);
                self.working.kept.push(Kept { proposal, commit: CommitRequest { message, changes } });
                self.working.history.clear();
                if let Some((diagnosis, log, observation)) = self.working.trial.take() {
                    self.aim(diagnosis, log, observation);
                }
            }
            Effect::Revert => {
                let Some((proposal, changes)) = self.working.on_trial.take() else { return };
                let why = if note.is_empty() { "the run ended before its verdict" } else { note }.to_owned();
                self.take_back(&changes);
                self.record.judged(ProposalVerdict::Reverted { why: why.clone() });
                self.close_iteration(false);
                self.events.emit(Event::Reverted { why: why.clone() });
                let bugs = self.working.trial.take().map(|(d, _, _)| d.bugs).unwrap_or_default();
                let patch = fixer::patch_fingerprint(&changes);
                self.working.history.push(PastAttempt::reverted(proposal, patch, why, bugs));
            }
            Effect::RevertKept => {
                let kept: Vec<Kept> = self.working.kept.drain(self.working.published..).collect();
                let count = kept.len();
                for Kept { proposal, commit } in kept.into_iter().rev() {
                    self.take_back(&commit.changes);
                    let patch = fixer::patch_fingerprint(&commit.changes);
                    let past = PastAttempt::reverted(proposal, patch, note.to_owned(), Vec::new());
                    self.working.history.push(past);
                }
                if let Some((diagnosis, log, observation)) = self.working.baseline.clone() {
                    self.aim(diagnosis, log, observation);
                }
                self.record.unkeep(count, note);
                self.events.emit(Event::Reverted { why: note.to_owned() });
            }
        }
    }

    fn take_back(&mut self, changes: &[FileChange]) {
        if let Err(error) = self.workspace.revert(changes) {
            // The overlay is ours alone; this would be a bug, and nothing may be published from it.
            log::error!("cannot take a change back: {error}");
            self.publisher = None;
        }
    }

    fn aim(&mut self, diagnosis: Diagnosis, log: Vec<u8>, observation: Observation) {
        self.working.diagnosis = diagnosis;
        self.working.log = log;
        self.working.observation = Some(observation);
    }

    fn close_iteration(&mut self, made: bool) {
        if let (Some(before), Some((_, _, after))) = (&self.working.observation, &self.working.trial) {
            self.record.progressed(before, after, made);
        }
    }

    /// Runs the plan and reads its log. A proof is of every failed leg: the first red one decides.
    async fn execute(&mut self, purpose: Purpose) -> Happened {
        let legs = if matches!(purpose, Purpose::FinalProof | Purpose::ProtectedProof) {
            self.plans.len()
        } else {
            1
        };
        let mut seen = None;
        for leg in 0..legs {
            let (observation, red) = self.execute_leg(leg, purpose).await;
            seen = Some(observation);
            if red {
                break;
            }
        }
        match seen {
            Some(observation) => Happened::Ran(observation),
            None => Happened::Ran(Observation {
                end: End::Infrastructure { what: "there is no plan".to_owned() },
                failing_step: None,
                failures: Default::default(),
                tests: Vec::new(),
            }),
        }
    }

    async fn execute_leg(&mut self, leg: usize, purpose: Purpose) -> (Observation, bool) {
        let started = Instant::now();
        let mut result = self.run_in_time(leg, purpose).await;
        self.record.built_for(started.elapsed());
        let log = std::mem::take(&mut result.log);
        let diagnosis = read_log(&log, &result);
        let observation = Observation::new(&result, &diagnosis);
        self.record.ran(purpose, &result, &diagnosis);
        if result.has_verdict() && !result.is_green() && purpose != Purpose::Repeat {
            self.events
                .emit(Event::Diagnosed { bugs: diagnosis.bugs.clone(), tests: diagnosis.tests.clone() });
        }
        let red = !result.is_green();
        match purpose {
            Purpose::Baseline | Purpose::Repeat if !result.has_verdict() => {}
            Purpose::Baseline | Purpose::Repeat if red || self.working.baseline.is_none() => {
                self.working.baseline = Some((diagnosis.clone(), log.clone(), observation.clone()));
                self.aim(diagnosis, log, observation.clone());
            }
            Purpose::Attempt => self.working.trial = Some((diagnosis, log, observation.clone())),
            _ => {}
        }
        (observation, red)
    }

    /// One execution; the end of the time budget or a cancellation ends it as well.
    async fn run_in_time(&mut self, leg: usize, purpose: Purpose) -> ExecutionResult {
        let restored = (purpose == Purpose::ProtectedProof).then(|| {
            let rules = &self.fix_options.paths;
            let is_protected =
                |c: &FileChange| rules.protection(c.path.as_str()).is_some_and(Protection::restored_in_proof);
            let restored = self.workspace.changes().into_iter().filter(is_protected).collect();
            ProtectedView::new(&self.workspace, restored)
        });
        let tree: &dyn SourceTree = match &restored {
            Some(tree) => tree,
            None => &self.workspace,
        };
        let planned = &self.plans[leg];
        let is_proof = matches!(purpose, Purpose::FinalProof | Purpose::ProtectedProof);
        let started = Instant::now();
        let request = Request {
            purpose,
            tree,
            git_dir: self.workspace.sanitised_git_dir(),
            fresh: is_proof,
            from_snapshot: !is_proof,
        };
        let time_left = self.purse.time_left();
        let stop = Scope::unbounded();
        let execution =
            self.executor.execute(&planned.plan, &planned.evaluator, &request, self.events.as_ref(), &stop);
        tokio::pin!(execution);
        tokio::select! {
            result = &mut execution => result,
            reason = self.cancel.ended() => {
                stop.stop(reason);
                execution.await
            }
            () = tokio::time::sleep(time_left) => {
                stop.stop(StopReason::TimeBudget);
                let mut result = execution.await;
                if result.exit == Exit::Cancelled {
                    result.exit = Exit::TimedOut { after_seconds: started.elapsed().as_secs() };
                }
                result
            }
        }
    }

    /// What the log itself states. Tries idea after idea until one passes the gates.
    async fn ask_toolchain(&mut self) -> Happened {
        self.record.begin_iteration(&self.working.diagnosis.bugs);
        loop {
            let proposals = fixer::toolchain_proposals(
                &self.working.diagnosis.bugs,
                &self.workspace,
                &self.working.history,
            );
            let Some(proposal) = proposals.into_iter().next() else { return Happened::NothingOffered };
            self.events.emit(Event::Proposed { proposal: Box::new(proposal.clone()) });
            match self.consider(proposal).await {
                Some(offered) => return offered,
                None if self.cancel.stopped().is_some() => return Happened::Cancelled,
                None => {}
            }
        }
    }

    /// Applies a proposal that passes the gates; a refused one goes into the history.
    async fn consider(&mut self, proposal: FixProposal) -> Option<Happened> {
        let changes = match &proposal.command {
            Some(command) => match self.run_command(command).await {
                Ok(changes) => changes,
                Err(why) => {
                    let path = command.clone();
                    self.refuse(proposal, None, String::new(), Rejection::NotApplicable { path, why });
                    return None;
                }
            },
            None => match fixer::apply(&proposal.edits, &proposal.window, &self.workspace) {
                Ok(changes) => changes,
                Err(rejection) => {
                    self.refuse(proposal, None, String::new(), rejection);
                    return None;
                }
            },
        };
        let diff = diff::unified(&changes);
        let patch = fixer::patch_fingerprint(&changes);
        let bugs: Vec<BugReport> = self
            .working
            .diagnosis
            .bugs
            .iter()
            .filter(|b| proposal.bugs.contains(&b.fingerprint))
            .cloned()
            .collect();
        let verdict = fixer::gate(
            &proposal,
            &changes,
            &bugs,
            &self.workspace,
            &self.fix_options,
            &self.working.history,
        );
        let notes = match verdict {
            Ok(notes) => notes,
            Err(rejection) => {
                self.refuse(proposal, Some(patch), diff, rejection);
                return None;
            }
        };
        if let Err(error) = self.workspace.apply(&changes) {
            let rejection = Rejection::NotApplicable { path: String::new(), why: error.to_string() };
            self.refuse(proposal, Some(patch), diff, rejection);
            return None;
        }
        for note in &notes.notes {
            self.record.report.warnings.push(note.clone());
            self.events.emit(Event::Warning { what: note.clone() });
        }
        self.record.applied(&proposal, diff);
        self.events.emit(Event::Applied { changes: changes.clone() });
        let touched = touched(&changes);
        let protected = changes.iter().any(|c| {
            self.fix_options.paths.protection(c.path.as_str()).is_some_and(|p| p.restored_in_proof())
        });
        self.working.on_trial = Some((proposal, changes));
        Some(Happened::Offered { touched, protected })
    }

    fn refuse(&mut self, proposal: FixProposal, patch: Option<String>, diff: String, reason: Rejection) {
        self.record.rejected(&proposal, diff, reason.clone());
        self.events.emit(Event::Rejected { proposal: Box::new(proposal.clone()), reason: reason.clone() });
        self.working.history.push(PastAttempt::refused(proposal, patch, reason));
    }

    /// Runs a tool's own fixing command where the failing step runs, and reads back what it changed.
    async fn run_command(&mut self, command: &str) -> Result<Vec<FileChange>, String> {
        let planned = &self.plans[0];
        let plan = command_plan(&planned.plan, self.working.observation.as_ref(), command);
        let started = Instant::now();
        let request = Request {
            purpose: Purpose::Attempt,
            tree: &self.workspace,
            git_dir: self.workspace.sanitised_git_dir(),
            fresh: false,
            from_snapshot: true,
        };
        let result = self
            .executor
            .execute(&plan, &planned.evaluator, &request, self.events.as_ref(), &self.cancel)
            .await;
        self.record.built_for(started.elapsed());
        let ran = result.steps.last().is_some_and(|s| s.outcome == StepOutcome::Success);
        if !ran {
            return Err(match result.exit {
                Exit::Infrastructure { what } => what,
                _ => "the command failed in the sandbox".to_owned(),
            });
        }
        let changed =
            self.executor.changed_files(&self.workspace, &self.cancel).await.map_err(|e| e.to_string())?;
        let mut changes = Vec::new();
        for (path, content) in changed {
            let before = self.workspace.read_text(&path);
            let after = content
                .map(|bytes| String::from_utf8(bytes).map_err(|_| format!("{path} is not text any more")))
                .transpose()?;
            changes.push(FileChange { path, before, after });
        }
        Ok(changes)
    }

    /// One question to the model servers about `bugs`, with as much context as `level` says.
    async fn ask_model(&mut self, bugs: &[Fingerprint], level: u8) -> Happened {
        let limits = match self.purse.limits() {
            Ok(limits) => limits,
            Err(budget) => return Happened::BudgetSpent(budget),
        };
        self.record.begin_iteration(&self.working.diagnosis.bugs);
        let Some((agent, model)) = &mut self.agent else {
            return Happened::ProvidersGone { why: "no model server has a key".to_owned() };
        };
        let bugs: Vec<BugReport> =
            self.working.diagnosis.bugs.iter().filter(|b| bugs.contains(&b.fingerprint)).cloned().collect();
        let excerpt = excerpt(&self.working.log, &bugs);
        let facts = facts(&self.plans[0].plan, self.working.observation.as_ref());
        let history: Vec<PastAttempt> = self
            .working
            .history
            .iter()
            .filter(|past| past.proposal.bugs.iter().any(|f| bugs.iter().any(|b| b.fingerprint == *f)))
            .cloned()
            .collect();
        self.events.emit(Event::Progress { what: format!("asking for a fix (context level {level})") });
        let started = Instant::now();
        let request = FixRequest {
            bugs: &bugs,
            tree: &self.workspace,
            level,
            history: &history,
            log: &excerpt,
            facts: &facts,
            tokens_left: limits.tokens,
            cost_left: limits.cost,
            deadline: limits.deadline,
        };
        let proposed = agent.propose(model.as_mut(), &request).await;
        self.record.asked_for(started.elapsed());
        self.purse.book(proposed.usage());
        match proposed {
            Proposed::Proposal(proposal) => {
                self.events.emit(Event::Proposed { proposal: proposal.clone() });
                self.consider(*proposal).await.unwrap_or(Happened::Rejected)
            }
            Proposed::Rejected { proposal, reason } => {
                self.events.emit(Event::Proposed { proposal: proposal.clone() });
                self.refuse(*proposal, None, String::new(), reason);
                Happened::Rejected
            }
            Proposed::Nothing { proposal, why } => {
                self.events.emit(Event::Progress { what: format!("no fix offered: {why}") });
                self.refuse(*proposal, None, String::new(), Rejection::NoChange);
                Happened::NothingOffered
            }
            Proposed::Exhausted { causes, .. } => {
                let causes: Vec<String> = causes
                    .iter()
                    .map(|c| format!("{}: {} ({})", c.provider, c.message, c.kind.as_str()))
                    .collect();
                Happened::ProvidersGone { why: format!("no model server is left: {}", causes.join("; ")) }
            }
            Proposed::Budget { which, .. } => Happened::BudgetSpent(which),
        }
    }

    async fn publish(&mut self) -> Happened {
        let Some(publisher) = &mut self.publisher else {
            let what = "there is nowhere to publish to".to_owned();
            return Happened::PublishFailed { outcome: Outcome::Error { what } };
        };
        // People read all of this in the pull request, which is opened in here.
        self.record.report.diff = diff::unified(&self.workspace.changes());
        self.purse.report(&mut self.record.report.budget);
        self.record.stop_clocks();
        if self.record.report.final_proof.as_ref().is_some_and(FinalProof::holds) {
            self.record.report.outcome = Outcome::Patched;
        }
        let failures = self.record.report.bugs().iter().map(|b| b.fingerprint.clone()).collect();
        publisher.be_about(failures);
        let requests: Vec<CommitRequest> =
            self.working.kept[self.working.published..].iter().map(|k| k.commit.clone()).collect();
        let done = publisher
            .publish(&mut self.workspace, &requests, &mut self.record.report, self.events.as_ref())
            .await;
        match done {
            Ok(()) => {
                self.working.published = self.working.kept.len();
                Happened::Published
            }
            Err(outcome) => Happened::PublishFailed { outcome },
        }
    }

    async fn watch(&mut self) -> Happened {
        let Some(publisher) = &self.publisher else { return Happened::CiUnknown };
        let started = Instant::now();
        let left = self.purse.time_left();
        let seen = tokio::time::timeout(left, publisher.watch(self.events.as_ref())).await;
        self.record.waited_for(started.elapsed());
        let (result, happened) = match seen {
            Err(_) => (no_verdict(CiVerdict::TimedOut), Happened::CiUnknown),
            Ok(Err(error)) => {
                let why = error.to_string();
                (no_verdict(CiVerdict::NoCi { why, remedy: error.hint() }), Happened::CiUnknown)
            }
            Ok(Ok(Seen::Verdict(result))) => {
                let happened = if result.verdict == CiVerdict::Passed {
                    Happened::CiPassed
                } else {
                    Happened::CiUnknown
                };
                (result, happened)
            }
            Ok(Ok(Seen::Red(result, diagnosis, log))) => {
                let observation = Observation::of_log(&diagnosis);
                self.events
                    .emit(Event::Diagnosed { bugs: diagnosis.bugs.clone(), tests: diagnosis.tests.clone() });
                self.aim(*diagnosis, log, observation.clone());
                self.working.history.clear();
                self.record.forget_proof();
                (result, Happened::CiFailed(observation))
            }
        };
        self.record.report.ci = Some(result);
        happened
    }

    /// The record with its bundle; the executor, to be closed. `base` is the commit that the heal sits on.
    #[must_use]
    pub fn finish(self, base: &CommitSha) -> (Finished, Executor) {
        let changed: Vec<RepoPath> = self.workspace.changes().into_iter().map(|c| c.path).collect();
        let is_restored = |p: &RepoPath| {
            self.fix_options.paths.protection(p.as_str()).is_some_and(Protection::restored_in_proof)
        };
        let restored = changed.iter().filter(|p| is_restored(p)).cloned().collect();
        (Finished::new(self.record.report, base, changed, restored), self.executor)
    }
}

/// A tree in which some changes are not made.
struct ProtectedView<'a> {
    tree: &'a Workspace,
    files: Vec<TreeFile>,
    restored: BTreeMap<RepoPath, Option<Vec<u8>>>,
}

impl<'a> ProtectedView<'a> {
    fn new(tree: &'a Workspace, restored: Vec<FileChange>) -> Self {
        let mut files: BTreeMap<RepoPath, TreeFile> =
            tree.files().iter().map(|f| (f.path.clone(), f.clone())).collect();
        let mut contents = BTreeMap::new();
        for change in restored {
            match &change.before {
                Some(_) => {
                    let id = format!("restored-{}", change.path);
                    files
                        .entry(change.path.clone())
                        .and_modify(|f| f.id.clone_from(&id))
                        .or_insert(TreeFile { path: change.path.clone(), mode: FileMode::Regular, id });
                }
                None => {
                    files.remove(&change.path);
                }
            }
            contents.insert(change.path, change.before.map(String::into_bytes));
        }
        Self { tree, files: files.into_values().collect(), restored: contents }
    }
}

impl SourceTree for ProtectedView<'_> {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        match self.restored.get(path) {
            Some(content) => content.clone(),
            None => self.tree.read(path),
        }
    }
}

/// What a run's log says. Only the failing step's reports count: an earlier step that was allowed to fail is no cause.
fn read_log(log: &[u8], result: &ExecutionResult) -> Diagnosis {
    // Reading from memory cannot fail.
    let mut diagnosis = parser::diagnose(log, &ParseOptions::default()).unwrap_or_default();
    // What a run broken off by the machine left in its log is no bug.
    if result.is_green() || !result.has_verdict() {
        diagnosis.bugs.clear();
        return diagnosis;
    }
    let span = result.failed_step.and_then(|i| result.steps.get(i)).and_then(|s| s.log);
    if let Some(span) = span.filter(|_| result.log_cut == 0) {
        let inside = |b: &BugReport| b.log.last >= span.first && b.log.first <= span.last;
        if diagnosis.bugs.iter().any(inside) {
            diagnosis.bugs.retain(inside);
        }
    }
    diagnosis
}

/// The part of the log that belongs to the reports, else its end: what a model is shown of it.
#[must_use]
pub fn excerpt(log: &[u8], bugs: &[BugReport]) -> String {
    const BEFORE: u64 = 3;
    const LINES: usize = 120;
    let text = String::from_utf8_lossy(log);
    let spans: Vec<(u64, u64)> = bugs
        .iter()
        .filter(|b| b.log.first > 0)
        .map(|b| (b.log.first.saturating_sub(BEFORE), b.log.last))
        .collect();
    let inside: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(i, _)| {
            let number = *i as u64 + 1;
            spans.iter().any(|(first, last)| (*first..=*last).contains(&number))
        })
        .map(|(_, line)| line)
        .take(LINES)
        .collect();
    if !inside.is_empty() {
        return inside.join("\n");
    }
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(LINES)..].join("\n")
}

/// What ran, in a line.
fn facts(plan: &BuildPlan, seen: Option<&Observation>) -> String {
    let step = seen.and_then(|o| o.failing_step).and_then(|i| plan.steps.get(i)).or(plan.steps.last());
    step.map_or_else(String::new, |s| {
        format!("step {:?}: {}", s.name, s.run.lines().next().unwrap_or_default())
    })
}

/// The steps before the failing one, then the command in the failing one's place.
fn command_plan(plan: &BuildPlan, seen: Option<&Observation>, command: &str) -> BuildPlan {
    let failing = seen.and_then(|o| o.failing_step).unwrap_or(0).min(plan.steps.len().saturating_sub(1));
    let mut fixing = plan.clone();
    fixing.steps.truncate(failing + 1);
    if let Some(step) = fixing.steps.last_mut() {
        step.id = None;
        step.name = format!("Fix: {command}");
        step.run = command.to_owned();
        step.shell = Some("bash".to_owned());
        step.condition = None;
        step.continue_on_error = false;
        step.setup = false;
        step.background = false;
    }
    fixing
}

/// Where the changes lie, in lines of the new files.
fn touched(changes: &[FileChange]) -> Vec<Touched> {
    let mut found = Vec::new();
    for change in changes {
        for op in LineDiff::of(change).hunks() {
            let lines = op.new_range();
            let first = u32::try_from(lines.start + 1).unwrap_or(u32::MAX);
            let last = u32::try_from(lines.end.max(lines.start + 1)).unwrap_or(u32::MAX);
            found.push(Touched { file: change.path.to_string(), first, last });
        }
    }
    found
}
