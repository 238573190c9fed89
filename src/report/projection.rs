//! The run's record as a projection of its events: nothing else writes it, so that no format can contradict another and
//! `events.jsonl` alone gives the same `results.json` and summary again.

use std::collections::BTreeMap;

use crate::contract::bug::{BugReport, TestRun};
use crate::contract::build::ExecutionResult;
use crate::contract::event::{Event, Offer, Purpose, Stamped};
use crate::contract::fix::Rejection;
use crate::contract::outcome::Outcome;
use crate::contract::report::{
    Baseline, FinalProof, Iteration, JobReport, PartialProof, ProposalReport, ProposalVerdict, ReportFiles,
    RunReport,
};

/// The record as far as the run has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    report: RunReport,
    /// The failed jobs, in the order of their plans.
    jobs: Vec<JobReport>,
    files: Option<ReportFiles>,
    is_finished: bool,
}

impl Default for Projection {
    fn default() -> Self {
        Self { report: RunReport::begun("heal"), jobs: Vec::new(), files: None, is_finished: false }
    }
}

impl Projection {
    /// The record of a run whose events these are. One that was broken off claims nothing.
    pub fn of<'a>(events: impl IntoIterator<Item = &'a Stamped>) -> Self {
        let mut projection = Self::default();
        for stamped in events {
            projection.apply(stamped);
        }
        if !projection.is_finished {
            projection.report.outcome = RunReport::begun("heal").outcome;
        }
        projection
    }

    #[must_use]
    pub fn report(&self) -> &RunReport {
        &self.report
    }

    /// Where the run's files lie; `None` where it never came to write them.
    #[must_use]
    pub fn files(&self) -> Option<&ReportFiles> {
        self.files.as_ref()
    }

    /// Whether the run's end has been told.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Takes one event up.
    pub fn apply(&mut self, stamped: &Stamped) {
        self.take_up(&stamped.event);
        if !self.is_finished {
            self.report.timings.total = stamped.elapsed;
            self.report.budget.time.spent = (stamped.elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
        }
    }

    /// Every variant is named: a new one is a decision to take here.
    #[expect(clippy::too_many_lines, reason = "one arm per event")]
    fn take_up(&mut self, event: &Event) {
        let report = &mut self.report;
        match event {
            Event::RunStarted { mode, version, budget, .. } => {
                report.mode.clone_from(mode);
                report.versions.insert("ci-healer".to_owned(), version.clone());
                report.budget.clone_from(budget);
            }
            Event::RepositoryKnown { repository, reference } => {
                report.repository = Some(repository.clone());
                report.reference.clone_from(reference);
            }
            Event::FailedRunKnown { run } => report.run = Some((**run).clone()),
            Event::GreenInCi { sha, .. } => report.sha.clone_from(sha),
            Event::DriftSought { drift } => report.drift = Some((**drift).clone()),
            Event::LastGreenKnown { run } => report.last_green = Some((**run).clone()),
            Event::ChangedReached { functions } => report.changed_functions = Some(*functions),
            Event::Traced { ran, .. } => report.traced.push((**ran).clone()),
            Event::ChangedSinceGreen { changes } => report.changed_since_green = Some((**changes).clone()),
            Event::ModelServersKnown { servers } => report.model_servers = Some(servers.clone()),
            Event::CheckedOut { sha } => report.sha = Some(sha.clone()),
            Event::Planned { plan } => {
                self.jobs.push(JobReport { plan: (**plan).clone(), baseline: None, final_proof: None });
                self.show_jobs();
            }
            Event::Executed { purpose, job, result, bugs, tests, .. } => {
                report.executions += 1;
                self.executed(*purpose, *job, result, bugs, tests);
                self.show_jobs();
            }
            Event::IterationStarted { number, bugs } => {
                report.iterations.push(Iteration {
                    number: *number,
                    bugs: bugs.clone(),
                    ..Iteration::default()
                });
            }
            Event::Rejected { proposal, diff, reason } => {
                self.turned_down(proposal, diff, reason.clone());
            }
            Event::NeedsContext { proposal, diff, needs } => {
                self.turned_down(proposal, diff, Rejection::NeedsContext { needs: needs.clone() });
            }
            Event::Applied { proposal, diff } => {
                // Until a run says otherwise it counts as taken back.
                let why = "the run ended before its verdict".to_owned();
                let verdict = ProposalVerdict::Reverted { why, rejection: None };
                self.proposed(ProposalReport { offer: (**proposal).clone(), diff: diff.clone(), verdict });
            }
            Event::Reverted { why, progress } => {
                self.judged(
                    ProposalVerdict::Reverted { why: why.clone(), rejection: None },
                    progress.as_ref(),
                );
            }
            Event::Kept { progress, .. } => self.judged(ProposalVerdict::Kept, progress.as_ref()),
            Event::KeptReverted { count, why, rejection } => {
                self.kept_reverted(*count, why, rejection.as_ref());
            }
            Event::CounterProven { job, counter_proof } => {
                let proof = self.jobs.get_mut(*job).and_then(|job| job.final_proof.as_mut());
                if let Some(proof) = proof {
                    proof.counter_proofs.retain(|known| known.step != counter_proof.step);
                    proof.counter_proofs.push(counter_proof.clone());
                }
                self.show_jobs();
            }
            Event::ProofExpired => {
                self.jobs.iter_mut().for_each(|job| job.final_proof = None);
                self.show_jobs();
            }
            Event::PartiallyProven { fixed, left, old } => {
                let (fixed, left, old) = (fixed.clone(), left.clone(), old.clone());
                report.partial = Some(PartialProof { fixed, left, old });
            }
            Event::BudgetChanged { budget } => report.budget.clone_from(budget),
            Event::PublishStarted { diff, proven } => {
                report.diff.clone_from(diff);
                // People read this in the pull request while the run goes on.
                if *proven {
                    report.outcome = Outcome::Patched;
                }
            }
            Event::BranchMoved { commits, published } => {
                report.commits.extend(commits.iter().cloned());
                report.push = Some((**published).clone());
            }
            Event::Published { published } => report.push = Some((**published).clone()),
            Event::PullRequestOpened { pull_request } => {
                report.push.iter_mut().for_each(|push| push.pull_request = Some(pull_request.clone()));
            }
            Event::Suggested { suggested } => {
                report.push.iter_mut().for_each(|push| push.suggested = Some(*suggested));
            }
            Event::Watched { result } => report.ci = Some((**result).clone()),
            Event::Warning { what } => report.warnings.push(what.clone()),
            Event::VerdictReached { outcome, diff } => {
                report.outcome = outcome.clone();
                report.diff.clone_from(diff);
            }
            Event::RunFinished { outcome, timings, budget, files } => {
                report.outcome = outcome.clone();
                report.timings = *timings;
                report.budget.clone_from(budget);
                self.files.clone_from(files);
                self.is_finished = true;
            }
            Event::Progress { .. }
            | Event::StepStarted { .. }
            | Event::Output { .. }
            | Event::StepEnded { .. }
            | Event::CiDiagnosed { .. }
            | Event::Proposed { .. }
            | Event::ProviderSwitched { .. }
            | Event::Unknown => {}
        }
    }

    /// The job whose failure was reproduced first stands for the run.
    fn show_jobs(&mut self) {
        let failed =
            |job: &JobReport| job.baseline.as_ref().is_some_and(|b| b.failed > 0 && !b.bugs.is_empty());
        let shown = self.jobs.iter().find(|job| failed(job)).or(self.jobs.first());
        if let Some(JobReport { plan, baseline, final_proof }) = shown.cloned() {
            self.report.plan = Some(plan);
            (self.report.baseline, self.report.final_proof) = (baseline, final_proof);
        }
        if self.jobs.len() > 1 {
            self.report.jobs.clone_from(&self.jobs);
        }
    }

    /// A run of a job's plan and what it showed.
    fn executed(
        &mut self,
        purpose: Purpose,
        job: usize,
        result: &ExecutionResult,
        bugs: &[BugReport],
        tests: &[TestRun],
    ) {
        // A run without a verdict counts as none; what it said stands only until another one speaks.
        let counts = u32::from(result.has_verdict());
        let green = u32::from(result.is_green());
        let again = agreeing_repeats(result);
        let Some(job) = self.jobs.get_mut(job) else { return };
        match purpose {
            Purpose::Baseline | Purpose::Repeat => {
                let baseline = job.baseline.get_or_insert_with(|| Baseline {
                    execution: result.clone(),
                    runs: 0,
                    failed: 0,
                    bugs: bugs.to_vec(),
                    tests: tests.to_vec(),
                });
                baseline.runs += counts + again;
                baseline.failed += counts - green + again;
                if result.tells_more_than(&baseline.execution) {
                    baseline.execution = result.clone();
                    baseline.bugs = bugs.to_vec();
                    baseline.tests = tests.to_vec();
                }
            }
            Purpose::Attempt => {
                if let Some(iteration) = self.report.iterations.last_mut() {
                    iteration.execution = Some(result.clone());
                }
            }
            // What it shows is in the decision that rests on it.
            Purpose::Uncover | Purpose::LastGreen | Purpose::CounterProof => {}
            Purpose::FinalProof | Purpose::ProtectedProof | Purpose::RepeatedProof => {
                let proof = job.final_proof.get_or_insert_with(|| FinalProof {
                    execution: result.clone(),
                    tests: tests.to_vec(),
                    bugs: bugs.to_vec(),
                    runs: 0,
                    green: 0,
                    protected: None,
                    counter_proofs: Vec::new(),
                });
                proof.runs += counts + again;
                proof.green += green + again;
                if purpose == Purpose::ProtectedProof {
                    proof.protected = Some(result.clone());
                }
                if result.tells_more_than(&proof.execution) {
                    proof.execution = result.clone();
                    proof.bugs = bugs.to_vec();
                    proof.tests = tests.to_vec();
                }
            }
        }
    }

    fn turned_down(&mut self, offer: &Offer, diff: &str, rejection: Rejection) {
        let (offer, diff) = (offer.clone(), diff.to_owned());
        self.proposed(ProposalReport { offer, diff, verdict: ProposalVerdict::Rejected { rejection } });
    }

    fn proposed(&mut self, proposal: ProposalReport) {
        if let Some(iteration) = self.report.iterations.last_mut() {
            iteration.proposals.push(proposal);
        }
    }

    fn judged(&mut self, verdict: ProposalVerdict, progress: Option<&crate::contract::report::Progress>) {
        let Some(iteration) = self.report.iterations.last_mut() else { return };
        if let Some(proposal) = iteration.proposals.last_mut() {
            proposal.verdict = verdict;
        }
        if let Some(progress) = progress {
            iteration.progress = Some(progress.clone());
        }
    }

    fn kept_reverted(&mut self, count: usize, why: &str, rejection: Option<&Rejection>) {
        let proposals = self.report.iterations.iter_mut().flat_map(|i| &mut i.proposals);
        let kept: Vec<_> = proposals.filter(|p| p.verdict == ProposalVerdict::Kept).collect();
        for proposal in kept.into_iter().rev().take(count) {
            let rejection = rejection.cloned();
            proposal.verdict = ProposalVerdict::Reverted { why: why.to_owned(), rejection };
        }
    }
}

/// How often its steps were run again with the result that the run had; of several steps the one with the most repeats.
/// A repeat that differs decides nothing: a run of its own follows.
fn agreeing_repeats(result: &ExecutionResult) -> u32 {
    let (green, mut times) = (result.is_green(), BTreeMap::<usize, u32>::new());
    if result.repeats.iter().any(|repeat| (repeat.exit_code == 0) != green) {
        return 0;
    }
    for repeat in &result.repeats {
        *times.entry(repeat.step).or_default() += 1;
    }
    times.into_values().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::contract::build::{BuildPlan, Exit};
    use crate::contract::event::LogFacts;

    fn executed(purpose: Purpose, exit: Exit) -> Event {
        let result = ExecutionResult {
            exit,
            steps: Vec::new(),
            failed_step: None,
            duration: Duration::ZERO,
            image_id: String::new(),
            image_ref: String::new(),
            log: Vec::new(),
            probes: Vec::new(),
            trace: None,
            log_cut: 0,
            disagreement: None,
            repeats: Vec::new(),
            notes: Vec::new(),
        };
        let result = Box::new(result);
        Event::Executed {
            purpose,
            job: 0,
            result,
            log: LogFacts::default(),
            bugs: Vec::new(),
            tests: Vec::new(),
        }
    }

    fn report_of(purpose: Purpose, exits: &[Exit]) -> RunReport {
        let mut projection = Projection::default();
        let plan = crate::report::sample::healed().plan.unwrap();
        projection.take_up(&Event::Planned { plan: Box::new(plan) });
        for exit in exits {
            projection.take_up(&executed(purpose, exit.clone()));
        }
        projection.report
    }

    const GREEN: Exit = Exit::Exited { code: 0 };
    const RED: Exit = Exit::Exited { code: 1 };

    fn broken() -> Exit {
        Exit::Infrastructure { what: "the engine went away".to_owned() }
    }

    #[test]
    fn a_machine_that_failed_is_no_baseline() {
        for exits in [[broken(), RED], [RED, broken()], [GREEN, RED], [RED, GREEN]] {
            let baseline = report_of(Purpose::Baseline, &exits).baseline.unwrap();
            assert_eq!(baseline.execution.exit, RED, "{exits:?}");
            let judged = u32::from(!exits.contains(&broken())) + 1;
            assert_eq!((baseline.runs, baseline.failed), (judged, 1), "{exits:?}");
        }
        let alone = report_of(Purpose::Baseline, &[broken()]).baseline.unwrap();
        assert_eq!((alone.execution.exit, alone.runs, alone.failed), (broken(), 0, 0));
    }

    #[test]
    fn a_machine_that_failed_does_not_spoil_a_proof() {
        for exits in [[broken(), GREEN], [GREEN, broken()]] {
            let proof = report_of(Purpose::FinalProof, &exits).final_proof.unwrap();
            assert_eq!(proof.execution.exit, GREEN, "{exits:?}");
            assert_eq!((proof.runs, proof.green), (1, 1), "{exits:?}");
        }
        let proof = report_of(Purpose::FinalProof, &[GREEN, RED]).final_proof.unwrap();
        assert_eq!((proof.execution.exit, proof.runs, proof.green), (RED, 2, 1));
    }

    #[test]
    fn the_job_whose_failure_shows_stands_for_the_run() {
        let mut projection = Projection::default();
        let sample = crate::report::sample::healed();
        let plan = |job: &str| {
            let plan = BuildPlan { job: Some(job.to_owned()), ..sample.plan.clone().unwrap() };
            Event::Planned { plan: Box::new(plan) }
        };
        let run = |purpose, job, exit, bugs: &[BugReport]| match executed(purpose, exit) {
            Event::Executed { result, log, tests, .. } => {
                Event::Executed { purpose, job, result, log, bugs: bugs.to_vec(), tests }
            }
            other => other,
        };
        let bugs: Vec<BugReport> = sample.bugs().into_iter().cloned().collect();
        for event in [
            plan("deploy"),
            plan("test"),
            run(Purpose::Baseline, 0, broken(), &[]),
            run(Purpose::Baseline, 1, RED, &bugs),
            run(Purpose::FinalProof, 1, GREEN, &[]),
        ] {
            projection.take_up(&event);
        }
        let report = projection.report();
        assert_eq!(report.plan.as_ref().unwrap().job.as_deref(), Some("test"));
        assert_eq!((report.jobs.len(), report.bugs().len()), (2, bugs.len()));
        assert!(report.final_proof.as_ref().unwrap().holds());
        assert!(!report.is_proven(), "the other job is not");
        projection.take_up(&Event::ProofExpired);
        assert!(projection.report().final_proof.is_none());
    }

    #[test]
    fn a_run_that_was_broken_off_claims_nothing() {
        let stamped = Stamped {
            at: 0,
            elapsed: Duration::from_secs(3),
            event: Event::PublishStarted { diff: "x".to_owned(), proven: true },
        };
        let projection = Projection::of([&stamped]);
        assert!(matches!(projection.report().outcome, Outcome::Error { .. }));
        assert_eq!(projection.report().timings.total, Duration::from_secs(3));
        assert!(!projection.is_finished());
    }
}
