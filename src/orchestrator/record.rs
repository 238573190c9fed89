//! Keeps the record of the run while it happens: what `results.json`, the summary and the proof are made from.

use std::time::{Duration, Instant};

use crate::contract::bug::{BugReport, Diagnosis, Fingerprint};
use crate::contract::build::ExecutionResult;
use crate::contract::event::Purpose;
use crate::contract::fix::{FixProposal, Rejection};
use crate::contract::report::{
    Baseline, FinalProof, Iteration, Progress, ProposalReport, ProposalVerdict, RunReport,
};

use super::progress::Observation;

/// The report as it grows, and the clocks.
#[derive(Debug)]
pub struct Record {
    pub report: RunReport,
    started: Instant,
    building: Duration,
    asking: Duration,
    waiting: Duration,
}

impl Record {
    #[must_use]
    pub fn new(report: RunReport, started: Instant) -> Self {
        Self { report, started, building: Duration::ZERO, asking: Duration::ZERO, waiting: Duration::ZERO }
    }

    pub fn built_for(&mut self, time: Duration) {
        self.building += time;
    }

    pub fn asked_for(&mut self, time: Duration) {
        self.asking += time;
    }

    pub fn waited_for(&mut self, time: Duration) {
        self.waiting += time;
    }

    /// A run of the plan and what it showed.
    pub fn ran(&mut self, purpose: Purpose, result: &ExecutionResult, diagnosis: &Diagnosis) {
        // A run without a verdict counts as none; what it said stands only until another one speaks.
        let counts = u32::from(result.has_verdict());
        let green = u32::from(result.is_green());
        match purpose {
            Purpose::Baseline | Purpose::Repeat => {
                let baseline = self.report.baseline.get_or_insert_with(|| Baseline {
                    execution: result.clone(),
                    runs: 0,
                    failed: 0,
                    bugs: diagnosis.bugs.clone(),
                    tests: diagnosis.tests.clone(),
                });
                baseline.runs += counts;
                baseline.failed += counts - green;
                if result.tells_more_than(&baseline.execution) {
                    baseline.execution = result.clone();
                    baseline.bugs.clone_from(&diagnosis.bugs);
                    baseline.tests.clone_from(&diagnosis.tests);
                }
            }
            Purpose::Attempt => {
                if let Some(iteration) = self.report.iterations.last_mut() {
                    iteration.execution = Some(result.clone());
                }
            }
            Purpose::FinalProof => {
                let proof = self.report.final_proof.get_or_insert_with(|| FinalProof {
                    execution: result.clone(),
                    tests: diagnosis.tests.clone(),
                    bugs: diagnosis.bugs.clone(),
                    runs: 0,
                    green: 0,
                    protected: None,
                });
                proof.runs += counts;
                proof.green += green;
                if result.tells_more_than(&proof.execution) {
                    proof.execution = result.clone();
                    proof.bugs.clone_from(&diagnosis.bugs);
                    proof.tests.clone_from(&diagnosis.tests);
                }
            }
            Purpose::ProtectedProof => {
                if let Some(proof) = &mut self.report.final_proof {
                    proof.protected = Some(result.clone());
                }
            }
        }
    }

    /// The code has changed since: an earlier proof says nothing about it.
    pub fn forget_proof(&mut self) {
        self.report.final_proof = None;
    }

    /// A turn of the loop begins, unless the last one has not come to a run yet.
    pub fn begin_iteration(&mut self, bugs: &[BugReport]) {
        let open = self.report.iterations.last().is_some_and(|i| i.execution.is_none());
        if open {
            return;
        }
        let number = u32::try_from(self.report.iterations.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.report.iterations.push(Iteration { number, bugs: bugs.to_vec(), ..Iteration::default() });
    }

    pub fn rejected(&mut self, proposal: &FixProposal, diff: String, rejection: Rejection) {
        self.proposed(ProposalReport::new(proposal, diff, ProposalVerdict::Rejected { rejection }));
    }

    /// Applied; until a run says otherwise it counts as taken back.
    pub fn applied(&mut self, proposal: &FixProposal, diff: String) {
        let verdict = ProposalVerdict::Reverted { why: "the run ended before its verdict".to_owned() };
        self.proposed(ProposalReport::new(proposal, diff, verdict));
    }

    fn proposed(&mut self, proposal: ProposalReport) {
        if let Some(iteration) = self.report.iterations.last_mut() {
            iteration.proposals.push(proposal);
        }
    }

    pub fn judged(&mut self, verdict: ProposalVerdict) {
        let last = self.report.iterations.last_mut().and_then(|i| i.proposals.last_mut());
        if let Some(proposal) = last {
            proposal.verdict = verdict;
        }
    }

    /// The last `count` fixes kept are taken back: those that are not published.
    pub fn unkeep(&mut self, count: usize, why: &str) {
        let proposals = self.report.iterations.iter_mut().flat_map(|i| &mut i.proposals);
        let kept: Vec<_> = proposals.filter(|p| p.verdict == ProposalVerdict::Kept).collect();
        for proposal in kept.into_iter().rev().take(count) {
            proposal.verdict = ProposalVerdict::Reverted { why: why.to_owned() };
        }
    }

    pub fn progressed(&mut self, before: &Observation, after: &Observation, made: bool) {
        let keys = |o: &Observation| o.failures.keys().cloned().collect::<Vec<Fingerprint>>();
        let (was, is) = (keys(before), keys(after));
        let progress = Progress {
            made,
            fixed: was.iter().filter(|f| !is.contains(f)).cloned().collect(),
            remaining: was.iter().filter(|f| is.contains(f)).cloned().collect(),
            new: is.iter().filter(|f| !was.contains(f)).cloned().collect(),
            step_before: before.failing_step,
            step_after: after.failing_step,
        };
        if let Some(iteration) = self.report.iterations.last_mut() {
            iteration.progress = Some(progress);
        }
    }

    /// Books the clocks into the report.
    pub fn stop_clocks(&mut self) {
        let whole = self.started.elapsed();
        let timings = &mut self.report.timings;
        timings.build = self.building;
        timings.llm = self.asking;
        timings.ci = self.waiting;
        timings.own = whole.saturating_sub(self.building + self.asking + self.waiting);
        timings.total = whole;
        self.report.budget.time.spent = (whole.as_secs_f64() * 1000.0).round() / 1000.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::build::Exit;

    fn execution(exit: Exit) -> ExecutionResult {
        ExecutionResult {
            exit,
            steps: Vec::new(),
            failed_step: None,
            duration: Duration::ZERO,
            image_id: String::new(),
            image_ref: String::new(),
            log: Vec::new(),
            log_cut: 0,
            notes: Vec::new(),
        }
    }

    fn record_of(purpose: Purpose, exits: &[Exit]) -> RunReport {
        let mut record = Record::new(RunReport::begun("heal"), Instant::now());
        for exit in exits {
            record.ran(purpose, &execution(exit.clone()), &Diagnosis::default());
        }
        record.report
    }

    const GREEN: Exit = Exit::Exited { code: 0 };
    const RED: Exit = Exit::Exited { code: 1 };

    fn broken() -> Exit {
        Exit::Infrastructure { what: "the engine went away".to_owned() }
    }

    #[test]
    fn a_machine_that_failed_is_no_baseline() {
        for exits in [[broken(), RED], [RED, broken()], [GREEN, RED], [RED, GREEN]] {
            let baseline = record_of(Purpose::Baseline, &exits).baseline.unwrap();
            assert_eq!(baseline.execution.exit, RED, "{exits:?}");
            let judged = u32::from(!exits.contains(&broken())) + 1;
            assert_eq!((baseline.runs, baseline.failed), (judged, 1), "{exits:?}");
        }
        let alone = record_of(Purpose::Baseline, &[broken()]).baseline.unwrap();
        assert_eq!((alone.execution.exit, alone.runs, alone.failed), (broken(), 0, 0));
    }

    #[test]
    fn a_machine_that_failed_does_not_spoil_a_proof() {
        for exits in [[broken(), GREEN], [GREEN, broken()]] {
            let proof = record_of(Purpose::FinalProof, &exits).final_proof.unwrap();
            assert_eq!(proof.execution.exit, GREEN, "{exits:?}");
            assert_eq!((proof.runs, proof.green), (1, 1), "{exits:?}");
        }
        let proof = record_of(Purpose::FinalProof, &[GREEN, RED]).final_proof.unwrap();
        assert_eq!((proof.execution.exit, proof.runs, proof.green), (RED, 2, 1));
    }
}
