//! Carries the table's actions out through the layers and answers each with one event. Decides nothing and remembers
//! nothing: what is true stands in [`State`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::contract::bug::{BugReport, TestRun};
use crate::contract::build::{BuildPlan, ExecutionResult, Exit, StepOutcome};
use crate::contract::ci::CiVerdict;
use crate::contract::event::{Event, EventSink as _, Offer, Purpose};
use crate::contract::fix::{FileChange, FixProposal, Rejection, Usage};
use crate::contract::git::{RepoPath, SourceTree};
use crate::contract::outcome::Outcome;
use crate::contract::proof::{LeftOut, LeftOutReason};
use crate::contract::report::BudgetReport;
use crate::diff::{self, LineDiff};
use crate::executor::{Executor, ExecutorError, Request};
use crate::fixer::{self, FixOptions, FixRequest, PastAttempt, Proposed, Protection};
use crate::git::{CommitRequest, Workspace};
use crate::plan::Planned;
use crate::report::pull_request;
use crate::scope::{Scope, StopReason};

use super::evidence::{Evidence, excerpt};
use super::journal::Journal;
use super::models::Advisor;
use super::progress::{Observation, Touched};
use super::protected_view::{ProtectedChanges, ProtectedView};
use super::publisher::{CiOutcome, Publication, Publisher, RootCause, no_verdict};
use super::state::{Action, Answer, AppliedProposal, FixSource, LoopEvent, Rules, State};
use super::tests_ran::TestsRan;
use super::transition::transition;

/// How long publishing may still take when the run is over: a push must not be left half done, and the report has to be
/// written before the runner kills us.
pub(super) const PUBLISH_GRACE: Duration = Duration::from_secs(3);

/// Everything one run works with.
pub struct Driver {
    pub workspace: Workspace,
    /// The plans to heal, one for each failed job of the matrix; never empty. Attempts run the first, proofs all.
    pub plans: Vec<Planned>,
    pub executor: Executor,
    /// `None`: no model server may be asked.
    pub advisor: Option<Advisor>,
    pub fix_options: FixOptions,
    pub publisher: Option<Publisher>,
    pub journal: Arc<Journal>,
    pub scope: Scope,
    pub commit_prefix: String,
    pub clocks: Clocks,
}

/// Where the time went, as far as others took it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clocks {
    /// Running the plan in sandboxes.
    pub build: Duration,
    /// Waiting for models.
    pub llm: Duration,
    /// Waiting for CI.
    pub ci: Duration,
}

impl Driver {
    /// Runs to the end. Gives back all that is known then, and how it ended.
    pub async fn run(&mut self, rules: Rules) -> (State, Outcome) {
        let limits = self.journal.report().budget;
        let mut state = State::new(rules);
        let mut spent = state.budget_report(&limits);
        let mut event = LoopEvent::Begin;
        loop {
            let next = transition(state, event);
            state = next.state;
            for fact in next.facts {
                self.journal.emit(fact);
            }
            self.tell_budget(&state, &limits, &mut spent);
            log::debug!("{}", action_name(&next.action));
            event = match next.action {
                Action::Finish(outcome) => return (state, outcome),
                action => self.perform(&state, action).await,
            };
        }
    }

    fn tell_budget(&self, state: &State, limits: &BudgetReport, spent: &mut BudgetReport) {
        let now = state.budget_report(limits);
        if now != *spent {
            spent.clone_from(&now);
            self.journal.emit(Event::BudgetChanged { budget: Box::new(now) });
        }
    }

    async fn perform(&mut self, state: &State, action: Action) -> LoopEvent {
        // In memory and never given up: whatever ends the run, nothing unproven stays applied.
        if let Action::Revert { changes } = &action {
            return self.revert(changes);
        }
        if let Some(reason) = self.scope.stopped() {
            return LoopEvent::Stopped(reason);
        }
        let scope = self.scope.clone();
        let done = match action {
            Action::Run(purpose) => Ok(self.execute(state, purpose).await),
            Action::Propose { source: FixSource::ToolSuggestions, .. } => Ok(self.suggest(state).await),
            Action::Propose { source: FixSource::Model, bugs, level } => {
                scope.run("asking for a fix", self.ask_model(state, &bugs, level)).await
            }
            Action::Publish { .. } => {
                scope.with_grace(PUBLISH_GRACE).run("publishing", self.publish(state)).await
            }
            Action::Watch => {
                let started = Instant::now();
                let watched = scope.run("watching CI", self.watch(state)).await;
                self.clocks.ci += started.elapsed();
                match watched {
                    // The heal is proven and out; only what CI says of it is not known.
                    Err(stopped) if !stopped.reason.is_signal() => {
                        self.tell_ci(CiVerdict::TimedOut);
                        Ok(LoopEvent::CiUnknown)
                    }
                    watched => watched,
                }
            }
            Action::Revert { .. } | Action::Finish(_) => Ok(LoopEvent::Stopped(StopReason::Limit)),
        };
        done.unwrap_or_else(|stopped| LoopEvent::Stopped(stopped.reason))
    }

    fn revert(&mut self, changes: &[Vec<FileChange>]) -> LoopEvent {
        for changes in changes {
            if let Err(error) = self.workspace.revert(changes) {
                return LoopEvent::RevertFailed { what: error.to_string() };
            }
        }
        LoopEvent::Reverted
    }

    /// Runs the plan and reads its log. A proof is of every failed job: the first red one decides.
    async fn execute(&mut self, state: &State, purpose: Purpose) -> LoopEvent {
        let jobs = if is_proof(purpose) { self.plans.len() } else { 1 };
        let mut seen = None;
        for job in 0..jobs {
            let started = Instant::now();
            let mut result = self.run_plan(state, job, purpose).await;
            self.clocks.build += started.elapsed();
            let evidence = Evidence::of_run(&mut result);
            let is_green = result.is_green();
            let was_stopped = result.exit == Exit::Cancelled;
            self.journal.emit(Event::Executed {
                purpose,
                job,
                result: Box::new(result),
                log: evidence.log_facts(),
                bugs: evidence.diagnosis.bugs.clone(),
                tests: evidence.diagnosis.tests.clone(),
            });
            if let Some(reason) = self.scope.stopped().filter(|_| was_stopped) {
                return LoopEvent::Stopped(reason);
            }
            seen = Some(evidence);
            if !is_green {
                break;
            }
        }
        let nothing = || Evidence {
            observation: Observation::infrastructure("there is no plan"),
            diagnosis: state.baseline().map(|b| b.diagnosis.clone()).unwrap_or_default(),
            log: Vec::new(),
        };
        LoopEvent::Ran(Arc::new(seen.unwrap_or_else(nothing)))
    }

    /// One execution of one job's plan.
    async fn run_plan(&mut self, state: &State, job: usize, purpose: Purpose) -> ExecutionResult {
        let restored = if purpose == Purpose::ProtectedProof {
            let parted = self.protected_changes(state);
            if job == 0 && !parted.left_out.is_empty() {
                self.journal.emit(Event::Warning { what: left_out(&parted.left_out) });
            }
            Some(ProtectedView::new(&self.workspace, parted.restored))
        } else {
            None
        };
        let tree: &dyn SourceTree = match &restored {
            Some(tree) => tree,
            None => &self.workspace,
        };
        let planned = &self.plans[job];
        let request = Request {
            purpose,
            tree,
            git_dir: self.workspace.sanitised_git_dir(),
            fresh: is_proof(purpose),
            from_snapshot: !is_proof(purpose),
        };
        let journal = self.journal.as_ref();
        self.executor.execute(&planned.plan, &planned.evaluator, &request, journal, &self.scope).await
    }

    /// What the protected proof does with what is changed by now.
    pub(super) fn protected_changes(&self, state: &State) -> ProtectedChanges {
        let after = state.current().map_or(&[][..], |seen| &seen.diagnosis.tests);
        self.protected_changes_with(self.tests_ran(state, after))
    }

    fn tests_ran(&self, state: &State, after: &[TestRun]) -> TestsRan {
        let before = state.baseline().map_or(&[][..], |seen| &seen.diagnosis.tests);
        let scripts = self.plans.iter().flat_map(|p| &p.plan.steps).map(|step| step.run.as_str());
        TestsRan::of(scripts, before, after)
    }

    fn protected_changes_with(&self, tests: TestsRan) -> ProtectedChanges {
        let changes = self.workspace.changes();
        let base = ProtectedView::new(&self.workspace, changes.clone());
        ProtectedChanges::of(changes, &self.fix_options, &self.findings(), &base, tests)
    }

    /// All that the failing check has named so far.
    fn findings(&self) -> Vec<BugReport> {
        let report = self.journal.report();
        let later = report.iterations.iter().flat_map(|iteration| &iteration.bugs);
        report.bugs().iter().chain(later).cloned().collect()
    }

    /// What it named in the test files among `changed`.
    pub(super) fn findings_in_tests(&self, changed: &[RepoPath]) -> Vec<BugReport> {
        const MOST: usize = 200;
        let tests: Vec<&RepoPath> = changed
            .iter()
            .filter(|path| self.fix_options.paths.protection(path.as_str()) == Some(Protection::Test))
            .collect();
        let mut found: Vec<BugReport> = Vec::new();
        for bug in self.findings() {
            let named =
                bug.file.as_deref().is_some_and(|file| tests.iter().any(|t| t.as_str().ends_with(file)));
            if named && found.len() < MOST && !found.iter().any(|f| f.fingerprint == bug.fingerprint) {
                found.push(bug);
            }
        }
        found
    }

    /// What the log itself suggests: one idea that was not tried yet.
    async fn suggest(&mut self, state: &State) -> LoopEvent {
        let bugs = state.current().map_or(&[][..], |seen| &seen.diagnosis.bugs);
        let proposals = fixer::toolchain_proposals(bugs, &self.workspace, state.history());
        let answer = match proposals.into_iter().next() {
            None => Answer::Nothing,
            Some(proposal) => {
                self.journal.emit(Event::Proposed { proposal: Box::new(Offer::from(&proposal)) });
                match self.apply(state, proposal).await {
                    Ok(answer) => answer,
                    Err(reason) => return LoopEvent::Stopped(reason),
                }
            }
        };
        LoopEvent::Answered { usage: Usage::default(), answer }
    }

    /// Applies a proposal that passes the gates.
    async fn apply(&mut self, state: &State, proposal: FixProposal) -> Result<Answer, StopReason> {
        let reject = |proposal: FixProposal, patch: Option<String>, diff: String, reason: Rejection| {
            Ok(Answer::Rejected { proposal: Box::new(proposal), patch, diff, reason })
        };
        let changes = match &proposal.command {
            Some(command) => match self.run_command(state, command).await? {
                Ok(changes) => changes,
                Err(why) => {
                    let reason = Rejection::NotApplicable { path: command.clone(), why };
                    return reject(proposal, None, String::new(), reason);
                }
            },
            None => match fixer::apply(&proposal.edits, &proposal.window, &self.workspace) {
                Ok(changes) => changes,
                Err(reason) => return reject(proposal, None, String::new(), reason),
            },
        };
        let diff = diff::unified(&changes);
        let patch = Some(fixer::patch_fingerprint(&changes));
        let bugs: Vec<BugReport> =
            state.current().map(|seen| seen.bugs(&proposal.bugs).cloned().collect()).unwrap_or_default();
        let findings = state.current().map_or(&[][..], |seen| &seen.diagnosis.bugs);
        let verdict = fixer::gate(
            &proposal,
            &changes,
            (&bugs, findings),
            &self.workspace,
            &self.fix_options,
            state.history(),
        );
        let notes = match verdict {
            Ok(notes) => notes,
            Err(reason) => return reject(proposal, patch, diff, reason),
        };
        if let Err(error) = self.workspace.apply(&changes) {
            let reason = Rejection::NotApplicable { path: String::new(), why: error.to_string() };
            return reject(proposal, patch, diff, reason);
        }
        for what in notes.notes {
            self.journal.emit(Event::Warning { what });
        }
        let touched = touched(&changes);
        // What will have run is not known before it ran: where the plan runs tests, neutral edits of them are taken back
        // in a proof of their own, if at all.
        let ran = self.tests_ran(state, &[]);
        let protected = !self.protected_changes_with(ran).restored.is_empty();
        let classes = notes.classes;
        Ok(Answer::Applied(Box::new(AppliedProposal { proposal, changes, touched, classes, protected })))
    }

    /// Runs a tool's own fixing command where the failing step runs, and reads back what it changed.
    async fn run_command(
        &mut self,
        state: &State,
        command: &str,
    ) -> Result<Result<Vec<FileChange>, String>, StopReason> {
        let planned = &self.plans[0];
        let plan = command_plan(&planned.plan, state.current().map(|seen| &seen.observation), command);
        let started = Instant::now();
        let request = Request {
            purpose: Purpose::Attempt,
            tree: &self.workspace,
            git_dir: self.workspace.sanitised_git_dir(),
            fresh: false,
            from_snapshot: true,
        };
        let journal = self.journal.as_ref();
        let result = self.executor.execute(&plan, &planned.evaluator, &request, journal, &self.scope).await;
        self.clocks.build += started.elapsed();
        if let Some(reason) = self.scope.stopped().filter(|_| result.exit == Exit::Cancelled) {
            return Err(reason);
        }
        let ran = result.steps.last().is_some_and(|s| s.outcome == StepOutcome::Success);
        if !ran {
            return Ok(Err(match result.exit {
                Exit::Infrastructure { what } => what,
                _ => "the command failed in the sandbox".to_owned(),
            }));
        }
        Ok(match self.executor.changed_files(&self.workspace, &self.scope).await {
            Err(ExecutorError::Stopped(stopped)) => return Err(stopped.reason),
            Err(error) => Err(error.to_string()),
            Ok(changed) => changed
                .into_iter()
                .map(|(path, content)| {
                    let before = self.workspace.read_text(&path);
                    let after = content
                        .map(|bytes| {
                            String::from_utf8(bytes).map_err(|_| format!("{path} is not text any more"))
                        })
                        .transpose()?;
                    Ok(FileChange { path, before, after })
                })
                .collect(),
        })
    }

    /// One question to the model servers about `bugs`, with as much context as `level` says.
    async fn ask_model(
        &mut self,
        state: &State,
        bugs: &[crate::contract::bug::Fingerprint],
        level: u8,
    ) -> LoopEvent {
        let free = |answer| LoopEvent::Answered { usage: Usage::default(), answer };
        let (tokens_left, cost_left) = match state.budget().left() {
            Ok(left) => left,
            Err(which) => return free(Answer::BudgetSpent(which)),
        };
        let Some(seen) = state.current() else { return free(Answer::Nothing) };
        let Some((agent, model)) = &mut self.advisor else {
            return free(Answer::ProvidersGone { why: "no model server has a key".to_owned() });
        };
        let bugs: Vec<BugReport> = seen.bugs(bugs).cloned().collect();
        let excerpt = excerpt(&seen.log, &bugs);
        let facts = facts(&self.plans[0].plan, &seen.observation);
        let history: Vec<PastAttempt> = state
            .history()
            .iter()
            .filter(|past| past.proposal.bugs.iter().any(|f| bugs.iter().any(|b| b.fingerprint == *f)))
            .cloned()
            .collect();
        self.journal.emit(Event::Progress { what: format!("asking for a fix (context level {level})") });
        let started = Instant::now();
        let request = FixRequest {
            bugs: &bugs,
            tree: &self.workspace,
            level,
            history: &history,
            log: &excerpt,
            facts: &facts,
            tokens_left,
            cost_left,
            deadline: self.scope.deadline().unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400)),
        };
        let proposed = agent.propose(model.as_mut(), &request).await;
        self.clocks.llm += started.elapsed();
        let usage = proposed.usage();
        let answer = match proposed {
            Proposed::Proposal(proposal) => {
                self.journal.emit(Event::Proposed { proposal: Box::new(Offer::from(&*proposal)) });
                match self.apply(state, *proposal).await {
                    Ok(answer) => answer,
                    Err(reason) => return LoopEvent::Stopped(reason),
                }
            }
            Proposed::Rejected { proposal, reason } => {
                self.journal.emit(Event::Proposed { proposal: Box::new(Offer::from(&*proposal)) });
                Answer::Rejected { proposal, patch: None, diff: String::new(), reason }
            }
            Proposed::Nothing { proposal, why } => {
                self.journal.emit(Event::Progress { what: format!("no fix offered: {why}") });
                Answer::Rejected { proposal, patch: None, diff: String::new(), reason: Rejection::NoChange }
            }
            Proposed::Exhausted { causes, .. } => {
                let causes: Vec<String> = causes
                    .iter()
                    .map(|c| format!("{}: {} ({})", c.provider, c.message, c.kind.as_str()))
                    .collect();
                Answer::ProvidersGone { why: format!("no model server is left: {}", causes.join("; ")) }
            }
            Proposed::Budget { which, .. } => Answer::BudgetSpent(which),
            Proposed::Stopped { stopped, .. } => return LoopEvent::Stopped(stopped.reason),
        };
        LoopEvent::Answered { usage, answer }
    }

    async fn publish(&mut self, state: &State) -> LoopEvent {
        let Some(publisher) = &self.publisher else {
            let what = "there is nowhere to publish to".to_owned();
            return LoopEvent::PublishFailed { outcome: Outcome::Error { what } };
        };
        let report = self.journal.report();
        let proven = report.final_proof.as_ref().is_some_and(crate::contract::report::FinalProof::holds);
        self.journal.emit(Event::PublishStarted { diff: diff::unified(&self.workspace.changes()), proven });
        let commits: Vec<CommitRequest> = state
            .unpublished()
            .iter()
            .map(|kept| CommitRequest {
                message: pull_request::commit_message(&self.commit_prefix, &kept.proposal, &kept.changes),
                changes: kept.changes.clone(),
            })
            .collect();
        let failures = report.bugs().iter().map(|b| b.fingerprint.clone()).collect();
        let publication = Publication {
            commits: &commits,
            cause: RootCause::of(failures, publisher.head()),
            previous: state.revision(),
        };
        match publisher.publish(&mut self.workspace, publication, &self.journal).await {
            Ok(revision) => LoopEvent::Published(Box::new(revision)),
            Err(outcome) => LoopEvent::PublishFailed { outcome },
        }
    }

    async fn watch(&mut self, state: &State) -> LoopEvent {
        let (Some(publisher), Some(revision)) = (&self.publisher, state.revision()) else {
            return LoopEvent::CiUnknown;
        };
        match publisher.watch(revision, &self.journal).await {
            Err(error) => {
                let (why, remedy) = (error.to_string(), error.hint());
                self.tell_ci(CiVerdict::NoCi { why, remedy });
                LoopEvent::CiUnknown
            }
            Ok(CiOutcome::Verdict(CiVerdict::Passed)) => LoopEvent::CiPassed,
            Ok(CiOutcome::Verdict(_)) => LoopEvent::CiUnknown,
            Ok(CiOutcome::Red(evidence)) => {
                self.journal.emit(Event::CiDiagnosed {
                    log: evidence.log_facts(),
                    bugs: evidence.diagnosis.bugs.clone(),
                    tests: evidence.diagnosis.tests.clone(),
                });
                LoopEvent::CiFailed(Arc::new(evidence))
            }
        }
    }

    fn tell_ci(&self, verdict: CiVerdict) {
        self.journal.emit(Event::Watched { result: Box::new(no_verdict(verdict)) });
    }
}

fn is_proof(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::FinalProof | Purpose::ProtectedProof)
}

fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Run(_) => "run the plan",
        Action::Propose { .. } => "propose a fix",
        Action::Revert { .. } => "take changes back",
        Action::Publish { .. } => "publish",
        Action::Watch => "watch CI",
        Action::Finish(_) => "finish",
    }
}

/// Which protected files the protected proof leaves as the fix makes them, in words.
fn left_out(files: &[LeftOut]) -> String {
    let each: Vec<String> = files
        .iter()
        .map(|file| {
            let why = match file.reason {
                LeftOutReason::LayoutOnly => "its layout alone changes",
                LeftOutReason::Neutral => "nothing changes that a test is about",
                LeftOutReason::AllowTestEdits => "`allow-test-edits`",
            };
            format!("{} ({why})", file.path)
        })
        .collect();
    format!("the proof with protected files restored keeps the changes to {}", each.join(", "))
}

/// What ran, in a line.
fn facts(plan: &BuildPlan, seen: &Observation) -> String {
    let step = seen.failing_step.and_then(|i| plan.steps.get(i)).or(plan.steps.last());
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
