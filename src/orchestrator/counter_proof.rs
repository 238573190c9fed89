//! Asks a healed step whether it can still say no: it runs once more in a sandbox of its own, over a copy of what is proven
//! with failures planted into it.
//!
//! It starts where the proof stood just before the step, where that was kept. What comes out there and is not plain (an
//! earlier step may have built what this one reads) is asked once more from scratch.

use std::time::Instant;

use super::driver::{Driver, plan_for};
use super::evidence::{Evidence, step_folders};
use super::protected_view::ProtectedView;
use super::state::{LoopEvent, State};
use crate::contract::bug::BugReport;
use crate::contract::build::{BuildPlan, ExecutionResult, Exit, StepOutcome};
use crate::contract::control::{CounterProof, Planted};
use crate::contract::event::{Event, EventSink as _, Purpose};
use crate::contract::fix::FileChange;
use crate::contract::settings::CounterProofRule;
use crate::executor::{Copies, Request};
use crate::fixer::controls::{self, ControlRequest, ControlRun};

impl Driver {
    pub(super) async fn counter_prove(&mut self, state: &State, leg: usize) -> LoopEvent {
        let answer = |shown| LoopEvent::CounterProven(Ok(shown));
        let Some((step, seen)) = state.counter_proving() else {
            return answer(CounterProof::none("there is nothing to ask"));
        };
        let restored =
            if state.touches_protected() { self.protected_changes(state, leg).restored } else { Vec::new() };
        let planted = match self.plant(state, leg, step, &restored) {
            Ok(planted) => Planted { ran_before: seen.observation.tests.clone(), ..planted },
            Err(why) => return answer(CounterProof::None { why }),
        };
        for _ in 0..2 {
            if let Some(event) = self.ask_planted((leg, step), &planted, &restored).await {
                return event;
            }
        }
        answer(CounterProof::none("the run with the planted failures says nothing"))
    }

    /// The steps of a proof that are asked with planted failures once it holds.
    pub(super) fn asked_after(
        &self,
        state: &State,
        purpose: Purpose,
        leg: usize,
        restored: &[FileChange],
    ) -> Vec<usize> {
        if !purpose.is_proof() || state.rules.counter_proof == CounterProofRule::Off {
            return Vec::new();
        }
        let can_be_asked = |step: &usize| *step > 0 && self.plant(state, leg, *step, restored).is_ok();
        state.open_counter_proofs(leg).into_iter().filter(can_be_asked).collect()
    }

    /// One run with the planted failures, from the state that the proof kept or from scratch. `None`: the kept state leaves
    /// open what it showed.
    async fn ask_planted(
        &mut self,
        (leg, step): (usize, usize),
        planted: &Planted,
        restored: &[FileChange],
    ) -> Option<LoopEvent> {
        // A copy is used once.
        let from_copy = self.executor.has_copy(leg, step);
        let planned = &self.plans[leg];
        let checkout = planned.plan.checkout.as_ref();
        let git_dir = match self.workspace.sandbox_git_dir_with(checkout, restored, &planted.changes) {
            Ok(git_dir) => git_dir,
            Err(error) => return Some(LoopEvent::CounterProven(Err(error.to_string()))),
        };
        let tree = ProtectedView::new(&self.workspace, restored.to_vec()).with(&planted.changes);
        let purpose = Purpose::CounterProof;
        let plan = plan_for(&planned.plan, purpose, Some(step));
        let request = Request {
            purpose,
            leg,
            tree: &tree,
            git_dir: git_dir.as_deref(),
            fresh: purpose.is_from_scratch(),
            from_snapshot: false,
            copies: Copies::StartFrom { step, changes: &planted.changes },
            probes: &[],
            repeats: None,
            watched: None,
            tracer: None,
        };
        let (started, journal) = (Instant::now(), self.journal.as_ref());
        let mut result =
            self.executor.execute(&plan, &planned.evaluator, &request, journal, &self.scope).await;
        self.clocks.build += started.elapsed();
        let folders = step_folders(&result, &plan);
        let evidence = Evidence::of_run(&mut result).placed(&folders, &tree).spoken(&plan);
        let shown = judged(planted, &self.plans[leg].plan, step, &result, &evidence);
        let exit = result.exit.clone();
        // What it reports was planted: it is nobody's failure, and nothing but its size is told.
        let (result, log) = (Box::new(result), evidence.log_facts());
        let (bugs, tests) = (Vec::new(), Vec::new());
        self.journal.emit(Event::Executed { purpose, job: leg, result, log, bugs, tests });
        let is_plain = shown.is_caught() || controls::has_run(planted, &evidence.diagnosis);
        match (exit, self.scope.stopped()) {
            (Exit::Cancelled, Some(reason)) => Some(LoopEvent::Stopped(reason)),
            _ if from_copy && !is_plain => None,
            (Exit::Infrastructure { what }, _) => Some(LoopEvent::CounterProven(Err(what))),
            _ => Some(LoopEvent::CounterProven(Ok(shown))),
        }
    }

    /// The controls of a step, upon the code that was proven.
    fn plant(
        &self,
        state: &State,
        leg: usize,
        step: usize,
        restored: &[FileChange],
    ) -> Result<Planted, String> {
        let mut seed = [0u8; 32];
        getrandom::fill(&mut seed).map_err(|_| "the operating system gives no random numbers".to_owned())?;
        // What the green step reports as well was never what it failed for: a sample that is to fail.
        let green = state.counter_proving().and_then(|(_, seen)| seen.said.get(&step));
        let is_healed = |bug: &&BugReport| green.is_none_or(|said| !said.shows(&bug.fingerprint));
        let reports = state.kept_for(leg, step).flat_map(|kept| &kept.reports);
        let faults: Vec<BugReport> = reports.filter(is_healed).cloned().collect();
        let changes: Vec<FileChange> =
            state.kept_for(leg, step).flat_map(|kept| kept.changes.clone()).collect();
        let script = self.plans[leg].plan.steps.get(step).map_or("", |step| step.run.as_str());
        controls::plant(&ControlRequest {
            faults: &faults,
            changes: &changes,
            tree: &ProtectedView::new(&self.workspace, restored.to_vec()),
            paths: &self.fix_options.paths,
            script,
            seed,
        })
    }
}

fn judged(
    planted: &Planted,
    plan: &BuildPlan,
    step: usize,
    result: &ExecutionResult,
    evidence: &Evidence,
) -> CounterProof {
    let before = result.steps.iter().zip(&plan.steps).take(step);
    let failed =
        |(ran, planned): &(&crate::contract::build::StepResult, &crate::contract::build::PlanStep)| {
            ran.outcome == StepOutcome::Failure && !planned.continue_on_error
        };
    let failed_before = before.clone().find(failed).map(|(ran, _)| ran.name.as_str());
    let run = ControlRun {
        exit: &result.exit,
        exit_code: result.steps.get(step).and_then(|step| step.exit_code),
        failed_before,
        diagnosis: &evidence.diagnosis,
        log: &evidence.log,
    };
    controls::judge(planted, &run)
}
