//! Failures that may come and go by chance are looked at more than once, at the least cost: CI's own log of the job is a
//! second look at a failure, and a step that is run again in its container is one as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::contract::bug::Fingerprint;
use crate::contract::build::{RepeatedStep, ReportVariable, StepRepeats};
use crate::contract::git::RepoSlug;
use crate::github::{self, Client, FailedJob};

use super::evidence::Evidence;
use super::progress::Observation;

/// Between two looks for what GitHub shows late.
const LAG: Duration = Duration::from_millis(1500);
/// Most of a job's log that is kept: head and tail.
const LOG_BYTES: usize = 16 << 20;

/// What CI's logs of the failed jobs say, where there are any.
#[derive(Default)]
pub struct CiLogs {
    source: Option<(Client, RepoSlug)>,
    /// One for each plan.
    jobs: Vec<Option<FailedJob>>,
}

impl CiLogs {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(client: Option<&Client>, repository: &RepoSlug, jobs: Vec<Option<FailedJob>>) -> Self {
        Self { source: client.map(|client| (client.clone(), repository.clone())), jobs }
    }

    /// The failures that CI's log of this job shows; `None` where it cannot be had.
    pub(super) async fn failures(&self, leg: usize) -> Option<BTreeSet<Fingerprint>> {
        let (client, repository) = self.source.as_ref()?;
        let job = self.jobs.get(leg)?.as_ref().filter(|job| !job.is_own)?;
        match github::job_log(client, repository, job, LOG_BYTES, LAG).await {
            Ok(log) => Some(Evidence::of_log(log.bytes).observation.failures.into_keys().collect()),
            Err(error) => {
                log::debug!("CI's log of {} is not known: {error}", job.name);
                None
            }
        }
    }
}

/// Which steps of a run are run again, and how often.
pub(super) enum Repeats {
    /// A failure of the unchanged code, once, unless CI's log is known by then and shows the same.
    OfFailure { in_ci: Arc<OnceLock<BTreeSet<Fingerprint>>> },
    /// Each of these steps, if it passes.
    OfFixed { steps: BTreeSet<usize>, times: u32, reports: BTreeMap<usize, ReportVariable> },
}

impl StepRepeats for Repeats {
    fn after(&self, step: usize, exit_code: i64, log: &[u8]) -> u32 {
        match self {
            Self::OfFailure { in_ci } if exit_code != 0 => {
                let seen = Evidence::of_log(log.to_vec()).observation;
                u32::from(seen.may_be_flaky() && !is_shown(&seen, in_ci.get()))
            }
            Self::OfFixed { steps, times, .. } if exit_code == 0 && steps.contains(&step) => *times,
            _ => 0,
        }
    }

    fn report(&self, step: usize) -> Option<&ReportVariable> {
        match self {
            Self::OfFixed { reports, .. } => reports.get(&step),
            Self::OfFailure { .. } => None,
        }
    }
}

/// Whether CI's log shows each of these failures.
pub(super) fn is_shown(seen: &Observation, in_ci: Option<&BTreeSet<Fingerprint>>) -> bool {
    !seen.failures.is_empty() && in_ci.is_some_and(|shown| seen.failures.keys().all(|f| shown.contains(f)))
}

/// How often the unchanged code has to be seen red before its failure is taken for real, as its first run tells: a repeat
/// that passed speaks against it, and takes one look more to outweigh.
pub(super) fn looks_wanted(first: &Evidence, flaky_runs: u32) -> u32 {
    let failing = first.observation.failing_step;
    let was_repeated = first.repeats.iter().any(|repeat| Some(repeat.step) == failing);
    match (flaky_runs, first.observation.may_be_flaky()) {
        (0, _) | (_, false) => 1,
        _ if first.is_red_in_ci || shown_again(&first.repeats, failing) > 0 => 1,
        _ if was_repeated => 3,
        _ => 2,
    }
}

/// How often steps that a fix made green are to be run again after the proof `seen`. A repeat that failed speaks against
/// the fix, or of what the step's last run left: it takes twice the runs from scratch to outweigh.
pub(super) fn proofs_wanted(seen: &Evidence, steps: &BTreeSet<usize>, flaky_runs: u32) -> u32 {
    let failed = seen.repeats.iter().any(|r| steps.contains(&r.step) && r.exit_code != 0);
    if failed { flaky_runs * 2 } else { flaky_runs.saturating_sub(held_again(&seen.repeats, steps)) }
}

/// How often the failure of a run showed again, with no repeat that did not show it.
fn shown_again(repeats: &[RepeatedStep], failing: Option<usize>) -> u32 {
    agreeing(repeats, failing, |code| code != 0)
}

/// How often each of the steps passed again, with no repeat that failed.
fn held_again(repeats: &[RepeatedStep], steps: &BTreeSet<usize>) -> u32 {
    steps.iter().map(|step| agreeing(repeats, Some(*step), |code| code == 0)).min().unwrap_or(0)
}

fn agreeing(repeats: &[RepeatedStep], step: Option<usize>, agrees: impl Fn(i64) -> bool) -> u32 {
    let of_step: Vec<i64> = repeats.iter().filter(|r| Some(r.step) == step).map(|r| r.exit_code).collect();
    if of_step.iter().all(|code| agrees(*code)) {
        u32::try_from(of_step.len()).unwrap_or(u32::MAX)
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: &[u8] = b"FAIL: test_add (test_calc.AddTest.test_add)\n\
        ----------------------------------------------------------------------\n\
        Traceback (most recent call last):\n  File \"/workspace/test_calc.py\", line 8, in test_add\n    \
        self.assertEqual(add(2, 3), 5)\nAssertionError: 6 != 5\n\nRan 1 test in 0.001s\n\nFAILED (failures=1)\n";

    fn ran(codes: &[(usize, i64)]) -> Vec<RepeatedStep> {
        codes.iter().map(|(step, exit_code)| RepeatedStep { step: *step, exit_code: *exit_code }).collect()
    }

    #[test]
    fn one_repeat_that_differs_makes_all_of_them_tell_nothing() {
        assert_eq!(shown_again(&ran(&[(2, 1), (2, 1)]), Some(2)), 2);
        assert_eq!(shown_again(&ran(&[(2, 1), (2, 0)]), Some(2)), 0);
        assert_eq!(shown_again(&ran(&[(1, 1)]), Some(2)), 0, "another step's");
        assert_eq!(shown_again(&ran(&[(2, 1)]), None), 0);
        let both = BTreeSet::from([1, 2]);
        assert_eq!(held_again(&ran(&[(1, 0), (2, 0), (2, 0)]), &both), 1);
        assert_eq!(held_again(&ran(&[(1, 0), (1, 0), (2, 0), (2, 1)]), &both), 0);
        assert_eq!(held_again(&ran(&[(1, 0)]), &both), 0, "one of them was not repeated");
        assert_eq!(held_again(&ran(&[(1, 0)]), &BTreeSet::new()), 0);
    }

    #[test]
    fn a_failure_is_repeated_only_where_it_may_come_by_chance_and_ci_does_not_show_it() {
        let in_ci = Arc::new(OnceLock::new());
        let repeats = Repeats::OfFailure { in_ci: in_ci.clone() };
        assert_eq!(repeats.after(0, 1, RED), 1);
        assert_eq!(repeats.after(0, 0, RED), 0, "it passed");
        assert_eq!(repeats.after(0, 1, b"app.py:1:1: F401 `os` imported but unused\n"), 0, "a linter's");
        assert_eq!(repeats.after(0, 1, b"make: *** [Makefile:2: all] Error 1\n"), 0, "nobody knows what");
        let failures = Evidence::of_log(RED.to_vec()).observation.failures;
        in_ci.set(failures.into_keys().collect()).unwrap();
        assert_eq!(repeats.after(0, 1, RED), 0, "CI shows the same");
        let other = String::from_utf8_lossy(RED).replace("test_calc", "test_cart").into_bytes();
        assert_eq!(repeats.after(0, 1, &other), 1, "CI shows another");
    }

    #[test]
    fn what_a_fix_made_green_is_repeated_in_its_own_step() {
        let repeats = Repeats::OfFixed { steps: BTreeSet::from([3]), times: 2, reports: BTreeMap::new() };
        assert_eq!([(3, 0), (3, 1), (2, 0)].map(|(step, code)| repeats.after(step, code, b"")), [2, 0, 0]);
    }
}
