//! What the formats ask of a run record: its bugs over time, its kept fixes, the outputs.

use crate::contract::bug::{BugReport, Fingerprint};
use crate::contract::outcome::Outcome;
use crate::contract::report::{PartialProof, ProposalReport, ProposalVerdict, RunReport};

/// Every root cause found in the run, once each, in the order they came up.
pub(super) fn all_bugs(report: &RunReport) -> Vec<&BugReport> {
    let mut bugs: Vec<&BugReport> = Vec::new();
    let later = report.iterations.iter().flat_map(|iteration| &iteration.bugs);
    for bug in report.bugs().into_iter().chain(later) {
        if !bugs.iter().any(|known| known.fingerprint == bug.fingerprint) {
            bugs.push(bug);
        }
    }
    bugs
}

/// Whether the run's fixes fixed it: all of them when the run is proven, else those that kept fixes removed.
pub(super) fn is_fixed(report: &RunReport, bug: &Fingerprint) -> bool {
    if is_proven(&report.outcome) {
        return true;
    }
    if let Some(partial) = partly_proven(report) {
        return partial.fixed.contains(bug);
    }
    let mut fixed = false;
    for progress in report.iterations.iter().filter_map(|iteration| iteration.progress.as_ref()) {
        if progress.made && progress.fixed.contains(bug) {
            fixed = true;
        } else if progress.made && (progress.remaining.contains(bug) || progress.new.contains(bug)) {
            fixed = false;
        }
    }
    fixed
}

/// What became of a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Fixed, and the fix is proven.
    Proven,
    /// A fix that was kept removed it, and no proof of that came to stand.
    NotProven,
    Open,
}

pub(super) fn standing(report: &RunReport, bug: &Fingerprint) -> Standing {
    let is_proven = is_proven(&report.outcome) || partly_proven(report).is_some();
    match (is_proven, is_fixed(report, bug)) {
        (true, true) => Standing::Proven,
        (false, true) => Standing::NotProven,
        (_, false) => Standing::Open,
    }
}

/// The sandbox is green with the fixes applied.
pub(super) fn is_proven(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Healed | Outcome::Patched)
}

/// What of a run that ended partly healed is proven.
fn partly_proven(report: &RunReport) -> Option<&PartialProof> {
    report.partial.as_ref().filter(|_| matches!(report.outcome, Outcome::Partial { .. }))
}

/// What is left of a part that the code of the last green run fails with, too.
pub(super) fn old_bugs(report: &RunReport) -> Vec<&BugReport> {
    let Some(partial) = &report.partial else { return Vec::new() };
    let proofs = report.jobs.iter().filter_map(|job| job.final_proof.as_ref()).chain(&report.final_proof);
    let mut old: Vec<&BugReport> = Vec::new();
    for bug in proofs.flat_map(|proof| &proof.bugs).filter(|bug| partial.old.contains(&bug.fingerprint)) {
        if !old.iter().any(|known| known.fingerprint == bug.fingerprint) {
            old.push(bug);
        }
    }
    old
}

pub(super) fn proposals(report: &RunReport) -> impl Iterator<Item = &ProposalReport> {
    report.iterations.iter().flat_map(|iteration| &iteration.proposals)
}

pub(super) fn kept(report: &RunReport) -> impl Iterator<Item = &ProposalReport> {
    proposals(report).filter(|proposal| proposal.verdict == ProposalVerdict::Kept)
}

/// The reports a proposal means to fix.
pub(super) fn bugs_of<'a>(report: &'a RunReport, proposal: &ProposalReport) -> Vec<&'a BugReport> {
    all_bugs(report).into_iter().filter(|bug| proposal.offer.bugs.contains(&bug.fingerprint)).collect()
}

/// The step that failed: as CI names it, else as the baseline found it.
pub(super) fn failing_step(report: &RunReport) -> Option<&str> {
    if let Some(step) = report.run.as_ref().and_then(|run| run.step.as_deref()) {
        return Some(step);
    }
    let execution = &report.baseline.as_ref()?.execution;
    Some(&execution.steps.get(execution.failed_step?)?.name)
}
