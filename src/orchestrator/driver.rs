//! Carries the table's actions out through the layers and answers each with one event. Decides nothing and remembers
//! nothing: what is true stands in [`State`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::contract::bug::{BugReport, Fingerprint};
use crate::contract::build::{BuildPlan, ExecutionResult, Exit, StepRepeats};
use crate::contract::ci::{CiVerdict, Conclusion};
use crate::contract::event::{Event, EventSink as _, Offer, Purpose};
use crate::contract::executed::{TracedRun, Tracer};
use crate::contract::fix::{FileChange, Rejection, Usage};
use crate::contract::git::{RepoPath, SourceTree};
use crate::contract::outcome::Outcome;
use crate::contract::proof::{LeftOut, LeftOutReason};
use crate::contract::report::BudgetReport;
use crate::contract::verdict::Disagreement;
use crate::diff;
use crate::executor::{Copies, Executor, Request};
use crate::fixer::{self, FixOptions, FixRequest, Leads, PastAttempt, Proposed, Protection};
use crate::git::{CommitRequest, Workspace};
use crate::plan::{self, Planned};
use crate::report::pull_request;
use crate::scope::{Scope, StopReason};

use super::by_chance::{CiLogs, Repeats, is_shown};
use super::drift::DriftWatch;
use super::evidence::{Evidence, excerpt, step_folders};
use super::journal::Journal;
use super::last_green::LastGreen;
use super::models::Advisor;
use super::progress::Observation;
use super::protected_view::{ProtectedChanges, ProtectedView};
use super::publisher::{CiOutcome, Publication, Publisher, RootCause, no_verdict};
use super::same_tests::TestsRan;
use super::state::{Action, Answer, FixSource, LoopEvent, Rules, State};
use super::tracing::{self, TestTracer, Traces};
use super::transition::transition;
use super::verdict::Known;

/// How long publishing may still take when the run is over: a push must not be left half done, and the report has to be
/// written before the runner kills us.
pub(super) const PUBLISH_GRACE: Duration = Duration::from_secs(3);

/// Everything one run works with.
pub struct Driver {
    pub workspace: Workspace,
    /// The plans to heal, one for each failed job; never empty. A leg of the loop is an index into them.
    pub plans: Vec<Planned>,
    pub executor: Executor,
    /// `None`: no model server may be asked.
    pub advisor: Option<Advisor>,
    pub fix_options: FixOptions,
    pub publisher: Option<Publisher>,
    pub ci_logs: CiLogs,
    /// What failing tests ran.
    pub traces: Traces,
    /// When CI passed last.
    pub last_green: LastGreen,
    /// Whether a release broke it.
    pub(super) drift: DriftWatch,
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
            Action::Run { purpose: Purpose::LastGreen, leg } => Ok(self.ask_last_green(state, leg).await),
            Action::Run { purpose: Purpose::CounterProof, leg } => Ok(self.counter_prove(state, leg).await),
            Action::Run { purpose, leg } => Ok(self.execute(state, purpose, leg).await),
            Action::Propose { source: FixSource::ToolSuggestions, .. } => Ok(self.suggest(state).await),
            Action::Propose { source: FixSource::Pin, bugs, .. } => Ok(self.propose_pin(state, bugs).await),
            Action::Propose { source: FixSource::History, bugs, .. } => {
                scope.run("looking for what to revert", self.propose_revert(state, &bugs)).await
            }
            Action::Propose { source: FixSource::Model, bugs, level } => {
                scope.run("asking for a fix", self.ask_model(state, &bugs, level)).await
            }
            Action::Reconsider { proposal } => {
                scope.run("judging a fix again", self.reconsider(state, *proposal)).await
            }
            Action::Publish { partial } => {
                scope.with_grace(PUBLISH_GRACE).run("publishing", self.publish(state, partial)).await
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

    /// Runs a leg's plan and reads its log.
    async fn execute(&mut self, state: &State, purpose: Purpose, leg: usize) -> LoopEvent {
        let started = Instant::now();
        let in_ci = Arc::new(OnceLock::new());
        let mut result = self.run_plan(state, purpose, leg, &in_ci).await;
        self.clocks.build += started.elapsed();
        let steps = step_folders(&result, &self.plans[leg].plan);
        let evidence = match purpose {
            Purpose::Uncover => Evidence::of_every_step(&mut result),
            _ => Evidence::of_run(&mut result),
        };
        let mut evidence = evidence.placed(&steps, &self.workspace).spoken(&self.plans[leg].plan);
        if purpose == Purpose::Baseline {
            evidence = evidence.judged(&result, &self.plans[leg].plan, &self.workspace);
        }
        if let Some(by) = self.disagreement(state, purpose, leg, &evidence).await {
            (result.failed_step, result.disagreement) = (Some(by.step), Some(by.clone()));
            evidence = evidence.disputed(by);
        }
        evidence.is_red_in_ci = is_shown(&evidence.observation, in_ci.get());
        if evidence.is_red_in_ci {
            result.notes.push("CI's own log shows the same failures".to_owned());
        }
        let traced = result.trace.take().and_then(|output| self.traces.add(&output, &self.workspace));
        let was_stopped = result.exit == Exit::Cancelled;
        self.tell_executed(purpose, leg, result, &evidence);
        if let Some(functions) = traced {
            self.journal.emit(Event::Traced { job: leg, ran: Box::new(TracedRun::of(functions)) });
        }
        match self.scope.stopped().filter(|_| was_stopped) {
            Some(reason) => LoopEvent::Stopped(reason),
            None => LoopEvent::Ran(Arc::new(evidence)),
        }
    }

    /// What speaks against a step's exit code 0 in a run with a fix. Only where something does, CI's log of the last green
    /// commit is asked as well.
    async fn disagreement(
        &self,
        state: &State,
        purpose: Purpose,
        leg: usize,
        seen: &Evidence,
    ) -> Option<Disagreement> {
        if purpose.is_of_unchanged_code() || purpose == Purpose::LastGreen {
            return None;
        }
        let planned = &self.plans[leg];
        let known = Known::of(state, leg, purpose, &planned.plan);
        let found = known.disagreement(seen)?;
        let Some(job) = planned.ci_job.as_deref() else { return Some(found) };
        let log = self.scope.run("reading the last green log", self.last_green.log(job)).await;
        let Some(green) = log.ok().flatten().map(Evidence::of_log) else { return Some(found) };
        Known { last_green: Some(&green), ..known }.disagreement(seen)
    }

    pub(super) fn tell_executed(
        &self,
        purpose: Purpose,
        job: usize,
        result: ExecutionResult,
        evidence: &Evidence,
    ) {
        self.journal.emit(Event::Executed {
            purpose,
            job,
            result: Box::new(result),
            log: evidence.log_facts(),
            bugs: evidence.diagnosis.bugs.clone(),
            tests: evidence.diagnosis.tests.clone(),
        });
    }

    /// One execution of one leg's plan.
    async fn run_plan(
        &mut self,
        state: &State,
        purpose: Purpose,
        leg: usize,
        in_ci: &Arc<OnceLock<BTreeSet<Fingerprint>>>,
    ) -> ExecutionResult {
        let changes = self.workspace.changes();
        let left_out = match purpose {
            Purpose::ProtectedProof => {
                let parted = self.protected_changes(state, leg);
                if !parted.left_out.is_empty() {
                    self.journal.emit(Event::Warning { what: words_of_left_out(&parted.left_out) });
                }
                parted.restored
            }
            purpose if purpose.is_of_unchanged_code() => changes,
            _ => Vec::new(),
        };
        let planned = &self.plans[leg];
        let git_dir = match self.workspace.sandbox_git_dir(planned.plan.checkout.as_ref(), &left_out) {
            Ok(git_dir) => git_dir,
            Err(error) => return ExecutionResult::infrastructure(&planned.plan, error.to_string()),
        };
        let kept_before = self.asked_after(state, purpose, leg, &left_out);
        let restored = (!left_out.is_empty()).then(|| ProtectedView::new(&self.workspace, left_out));
        let tree: &dyn SourceTree = match &restored {
            Some(tree) => tree,
            None => &self.workspace,
        };
        let probes = if asks_probes(purpose) { plan::probes(&planned.plan) } else { Vec::new() };
        let plan = plan_for(&planned.plan, purpose, state.last_failed_step(leg, purpose));
        let repeats = state.repeats(in_ci, plan::report_variables(&planned.plan));
        // What a test ran is for models, and for what may be reverted.
        let is_traced = (self.advisor.is_some() || state.may_revert()) && purpose.is_worth_a_trace();
        let tracer = is_traced.then_some(TestTracer { plan: &planned.plan, tree, known: &self.traces });
        let request = Request {
            purpose,
            leg,
            tree,
            git_dir: git_dir.as_deref(),
            fresh: purpose.is_from_scratch(),
            from_snapshot: !purpose.is_from_scratch(),
            copies: Copies::Keep(&kept_before),
            probes: &probes,
            repeats: repeats.as_ref().map(|r| r as &dyn StepRepeats),
            watched: None,
            tracer: tracer.as_ref().map(|t| t as &dyn Tracer),
        };
        let journal = self.journal.as_ref();
        let unhealed;
        let evaluator = if purpose.is_of_unchanged_code() {
            unhealed = planned.evaluator.unhealed(&self.what_jobs_gave(state));
            &unhealed
        } else {
            &planned.evaluator
        };
        let running = self.executor.execute(&plan, evaluator, &request, journal, &self.scope);
        // Beside the run: nobody waits for it.
        let asking = async {
            if matches!(repeats, Some(Repeats::OfFailure { .. }))
                && let Some(failures) = self.ci_logs.failures(leg).await
            {
                let _ = in_ci.set(failures);
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            result = running => result,
            () = asking => ExecutionResult::infrastructure(&planned.plan, String::new()),
        }
    }

    /// What the unchanged code of each leg came to here, by the job's id.
    fn what_jobs_gave(&self, state: &State) -> BTreeMap<String, Conclusion> {
        let gave = |(leg, planned): (usize, &Planned)| {
            let job = planned.plan.job.clone()?;
            let is_green = state.baseline(leg)?.observation.is_green();
            Some((job, if is_green { Conclusion::Success } else { Conclusion::Failure }))
        };
        self.plans.iter().enumerate().filter_map(gave).collect()
    }

    /// What a leg's proof with protected files restored does with what is changed by now.
    pub(super) fn protected_changes(&self, state: &State, leg: usize) -> ProtectedChanges {
        let ran = |seen: Option<&Evidence>| seen.map_or(&[][..], |seen| &seen.observation.tests).to_vec();
        let scripts = self.plans[leg].plan.steps.iter().map(|step| step.run.as_str());
        // Of another leg than the one that is being healed nothing ran with the fix yet.
        let after = state.current().filter(|_| leg == state.leg());
        self.protected_changes_with(TestsRan::of(scripts, &ran(state.baseline(leg)), &ran(after)))
    }

    pub(super) fn protected_changes_with(&self, tests: TestsRan) -> ProtectedChanges {
        let changes = self.workspace.changes();
        let base = ProtectedView::new(&self.workspace, changes.clone());
        ProtectedChanges::of(changes, &self.fix_options, &self.findings(), &base, tests)
    }

    /// All that the failing checks have named so far.
    fn findings(&self) -> Vec<BugReport> {
        let report = self.journal.report();
        let later = report.iterations.iter().flat_map(|iteration| &iteration.bugs);
        report.bugs().into_iter().chain(later).cloned().collect()
    }

    /// What they named in the test files among `changed`.
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
        let drift = self.drift_facts(state).await;
        let Some(seen) = state.current() else { return free(Answer::Nothing) };
        let Some((agent, model)) = &mut self.advisor else {
            return free(Answer::ProvidersGone { why: "no model server has a key".to_owned() });
        };
        let changed = self.last_green.changes(&mut self.workspace).await;
        let changed =
            changed.map(|changes| fixer::changed_definitions(&changes, &self.workspace)).unwrap_or_default();
        let needs = state.needs_of(bugs);
        let bugs: Vec<BugReport> = seen.bugs(bugs).cloned().collect();
        let excerpt = excerpt(&seen.log, &bugs);
        let traced = self.traces.of(&bugs);
        if let Some(functions) = traced.as_ref().and_then(|traced| tracing::reached(&changed, traced)) {
            self.journal.emit(Event::ChangedReached { functions });
        }
        let facts = facts(&self.plans[state.leg()].plan, &seen.observation) + &drift;
        let named =
            plan::named_files(&self.plans[state.leg()].plan, seen.observation.failing_step, &self.workspace);
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
            needs: &needs,
            history: &history,
            log: &excerpt,
            facts: &facts,
            leads: Leads { named: &named, changed: &changed, traced: traced.as_ref() },
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
                match self.apply(state, *proposal, None).await {
                    Ok(answer) => answer,
                    Err(reason) => return LoopEvent::Stopped(reason),
                }
            }
            Proposed::Rejected { proposal, reason } => {
                self.journal.emit(Event::Proposed { proposal: Box::new(Offer::from(&*proposal)) });
                Answer::Rejected { proposal, patch: None, diff: String::new(), reason }
            }
            Proposed::Needs { proposal, needs } => {
                Answer::NeedsContext { proposal, diff: String::new(), needs }
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

    async fn publish(&mut self, state: &State, partial: bool) -> LoopEvent {
        let Some(publisher) = &mut self.publisher else {
            let what = "there is nowhere to publish to".to_owned();
            return LoopEvent::PublishFailed { outcome: Outcome::Error { what } };
        };
        // A revert is people's to decide, as is a part of a heal: neither goes out without a pull request of its own.
        let only_offered = if partial { Some("a partial heal") } else { None };
        let only_offered = only_offered.or(state.holds_a_revert().then_some("a revert"));
        if let Some(what) = only_offered
            && let Err(outcome) = publisher.only_offer(what)
        {
            return LoopEvent::PublishFailed { outcome };
        }
        if only_offered.is_none() {
            let changes = self.workspace.changes();
            let chosen = publisher.choose_way(state.kept(), &changes, state.revision(), &self.journal).await;
            if let Err(outcome) = chosen {
                return LoopEvent::PublishFailed { outcome };
            }
        }
        let report = self.journal.report();
        let proven = !partial && report.is_proven();
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
                // CI's steps are not told apart in its log; what is printed of packages is.
                let evidence = evidence.placed(&[], &self.workspace);
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

/// What ran is compared between the first run of the failing commit and each attempt. A proof runs what an attempt ran.
fn asks_probes(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Baseline | Purpose::Attempt)
}

fn action_name(action: &Action) -> &'static str {
    match action {
        Action::Run { .. } => "run the plan",
        Action::Propose { .. } => "propose a fix",
        Action::Reconsider { .. } => "judge a fix again",
        Action::Revert { .. } => "take changes back",
        Action::Publish { .. } => "publish",
        Action::Watch => "watch CI",
        Action::Finish(_) => "finish",
    }
}

/// Which protected files the protected proof leaves as the fix makes them.
fn words_of_left_out(files: &[LeftOut]) -> String {
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

/// The plan as this run needs it. `failing` is the step that the run is about.
pub(super) fn plan_for(plan: &BuildPlan, purpose: Purpose, failing: Option<usize>) -> BuildPlan {
    let mut plan = plan.clone();
    let Some(failing) = failing else { return plan };
    match purpose {
        // Whether the failure comes and goes shows in its own step.
        Purpose::Repeat | Purpose::RepeatedProof => plan.steps.truncate(failing + 1),
        Purpose::Uncover => {
            for step in plan.steps.iter_mut().skip(failing) {
                step.continue_on_error = true;
            }
        }
        Purpose::CounterProof => {
            plan.steps.truncate(failing + 1);
            // Another check may not like what is planted: that is not the question.
            for step in plan.steps.iter_mut().take(failing) {
                step.continue_on_error = true;
            }
        }
        Purpose::LastGreen => {
            plan.steps.truncate(failing + 1);
            for step in &mut plan.steps {
                step.continue_on_error = true;
            }
        }
        _ => {}
    }
    plan
}
