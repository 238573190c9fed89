//! What the last green commit shows in a step that CI never reached on the failing one: CI's own log of it where that is
//! enough, else a run of its code here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::driver::{Driver, plan_for};
use super::evidence::{Evidence, StepEvidence, step_folders};
use super::never_reached::old_at_last_green;
use super::progress::Observation;
use super::state::{LoopEvent, State};
use crate::contract::build::Exit;
use crate::contract::event::Purpose;
use crate::executor::{Copies, Request};

impl Driver {
    pub(super) async fn ask_last_green(&mut self, state: &State, leg: usize) -> LoopEvent {
        let (Some(step), Some(seen)) = (state.last_failed_step(leg, Purpose::LastGreen), state.in_question())
        else {
            return LoopEvent::LastGreenUnknown;
        };
        let Some(commit) = self.last_green.run().await.map(|run| run.commit.clone()) else {
            return LoopEvent::LastGreenUnknown;
        };
        if let Some(seen) = self.log_of_last_green(leg, step, seen).await {
            return LoopEvent::LastGreenSaid { commit, seen: Arc::new(seen) };
        }
        self.run_last_green(leg, step).await.map_or(LoopEvent::LastGreenUnknown, |answer| match answer {
            Ok(seen) => LoopEvent::LastGreenSaid { commit, seen: Arc::new(seen) },
            Err(stopped) => stopped,
        })
    }

    /// CI's log of the job there, if it shows every failure in question.
    async fn log_of_last_green(&self, leg: usize, step: usize, seen: &Observation) -> Option<Evidence> {
        let log = self.last_green.log(self.plans[leg].ci_job.as_deref()?).await?;
        let evidence = Evidence::of_log(log);
        let failures = evidence.observation.failures.keys().cloned().collect();
        // Which step printed it does not matter: that commit had the failure.
        let shown = StepEvidence { succeeded: true, failed: false, failures };
        let evidence = evidence.with_steps(BTreeMap::from([(step, shown)]));
        let old = old_at_last_green(&evidence, seen)?;
        (old.len() == seen.failures.len()).then_some(evidence)
    }

    /// Runs the leg's plan, up to the step, on the code of that commit; `None` where it cannot be had. From scratch: what
    /// other code left behind would be in the way, now and afterwards.
    async fn run_last_green(&mut self, leg: usize, step: usize) -> Option<Result<Evidence, LoopEvent>> {
        let past = self.last_green.tree(&mut self.workspace).await?;
        let planned = &self.plans[leg];
        let git_dir = past.sandbox_git_dir(planned.plan.checkout.as_ref(), &[]).ok()?;
        let purpose = Purpose::LastGreen;
        let plan = plan_for(&planned.plan, purpose, Some(step));
        let request = Request {
            purpose,
            leg,
            tree: &past,
            git_dir: git_dir.as_deref(),
            fresh: true,
            from_snapshot: false,
            copies: Copies::None,
            probes: &[],
            repeats: None,
            watched: None,
            tracer: None,
        };
        let started = Instant::now();
        let journal = self.journal.as_ref();
        let mut result =
            self.executor.execute(&plan, &planned.evaluator, &request, journal, &self.scope).await;
        self.clocks.build += started.elapsed();
        let steps = step_folders(&result, &plan);
        let evidence = Evidence::of_every_step(&mut result).placed(&steps, &past);
        let was_stopped = result.exit == Exit::Cancelled;
        self.tell_executed(purpose, leg, result, &evidence);
        match self.scope.stopped().filter(|_| was_stopped) {
            Some(reason) => Some(Err(LoopEvent::Stopped(reason))),
            None => Some(Ok(evidence)),
        }
    }
}
