//! Did the tests that ran before run afterwards? What is not known is not compared: a number that a runner's output does
//! not give is no zero.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::bug::{BugReport, Category, Diagnosis, TestRun};
use crate::parser::{self, ParseOptions};

/// Stands behind a runner's name in what a probe says of it.
pub(super) const ASKED_AGAIN: &str = " (asked again)";

/// What is known of one runner's tests, over all of its runs.
#[derive(Default)]
struct Known<'a> {
    executed: Option<u64>,
    at_least: u64,
    ids: Option<Vec<&'a str>>,
    silent_when_green: bool,
    runs: usize,
    /// How often it has run: what it repeats may be the same tests.
    rounds: u64,
}

impl<'a> Known<'a> {
    fn of(runs: &'a [TestRun], runner: &str) -> Self {
        let mine = || runs.iter().filter(|run| run.runner == runner);
        let names = |run: &'a TestRun| Some(run.ids.as_ref()?.iter().map(String::as_str).collect::<Vec<_>>());
        Self {
            executed: mine().try_fold(0u64, |sum, run| Some(sum.saturating_add(run.executed?))),
            at_least: mine().map(TestRun::at_least).fold(0, u64::saturating_add),
            ids: mine().map(names).collect::<Option<Vec<_>>>().map(|ids| ids.concat()),
            silent_when_green: mine().any(|run| run.silent_when_green),
            runs: mine().count(),
            rounds: mine()
                .filter_map(|run| run.final_word)
                .map(|word| u64::from(word.before) + 1)
                .max()
                .unwrap_or(1),
        }
    }
}

/// Why the tests of a green run are known to be fewer than those of the run before it, or other ones.
///
/// Ask it of a green run only: one that failed early ran less.
#[must_use]
pub(super) fn missing(before: &[TestRun], after: &[TestRun]) -> Option<String> {
    let runners: BTreeSet<&str> = before.iter().map(|run| run.runner.as_str()).collect();
    runners.into_iter().find_map(|runner| {
        let (was, is) = (Known::of(before, runner), Known::of(after, runner));
        if is.runs == 0 {
            // A runner that would have spoken of its tests did not run.
            let refuted = was.at_least > 0 && !was.silent_when_green;
            return refuted.then(|| format!("{runner} executed no tests, at least {} before", was.at_least));
        }
        let ids = was.ids.as_deref().zip(is.ids.as_deref());
        if let Some((had, has)) = ids {
            let gone = first_missing(had, has, was.rounds > 1)?;
            return Some(format!("test {gone} was executed before and is not now"));
        }
        // A suite that is run until it passes runs less often once it does: then less in each round.
        let in_rounds =
            |executed: u64| executed.saturating_mul(was.rounds) < was.at_least.saturating_mul(is.rounds);
        let is_fewer = |executed: &u64| *executed < was.at_least && (was.rounds == 1 || in_rounds(*executed));
        let executed = is.executed.filter(is_fewer)?;
        let before = was.executed.map_or(format!("at least {}", was.at_least), |n| n.to_string());
        Some(format!("{runner} executed {executed} tests, {before} before"))
    })
}

/// The first id that is found less often than it was. Where the runner was run `again` and all of them ran several times (a
/// suite that is run until it passes), less often in each of these rounds.
fn first_missing<'a>(before: &[&'a str], after: &[&str], again: bool) -> Option<&'a str> {
    let counted = |ids: &mut dyn Iterator<Item = &'a str>| {
        let mut counts = BTreeMap::<&str, usize>::new();
        ids.for_each(|id| *counts.entry(id).or_default() += 1);
        counts
    };
    let was = counted(&mut before.iter().copied());
    let mut is: BTreeMap<&str, usize> = was.keys().map(|id| (*id, 0)).collect();
    for id in after {
        is.entry(*id).and_modify(|count| *count += 1);
    }
    let rounds = |counts: &BTreeMap<&str, usize>| counts.values().min().copied().unwrap_or(1).max(1);
    let (was_rounds, is_rounds) = (rounds(&was), rounds(&is));
    before.iter().copied().find(|id| {
        let (had, has) = (was[id], is.get(id).copied().unwrap_or(0));
        if again && was_rounds > 1 { has * was_rounds < had * is_rounds || has == 0 } else { has < had }
    })
}

/// What a probe's answer says of the tests, as runs of their own: they are compared with another probe's alone, and no
/// answer is as good as none.
pub(super) fn of_probe(report: &[u8]) -> Vec<TestRun> {
    // Reading from memory cannot fail.
    let mut diagnosis = parser::diagnose(report, &ParseOptions::default()).unwrap_or_default();
    leave_out_unloaded(&mut diagnosis);
    for run in &mut diagnosis.tests {
        run.runner.push_str(ASKED_AGAIN);
        run.silent_when_green = true;
    }
    diagnosis.tests
}

/// Marks the runs of a runner that its script tells to print nothing of a green run: its output cannot tell that from a
/// style which would have spoken.
pub(super) fn mark_silent<'s>(scripts: impl IntoIterator<Item = &'s str>, runs: &mut [TestRun]) {
    if scripts
        .into_iter()
        .any(|script| script.contains("--details=none") || script.contains("--details none"))
    {
        runs.iter_mut().filter(|run| run.runner == "junit").for_each(|run| run.silent_when_green = true);
    }
}

/// Runners list a file that could not be loaded as a failed test of its own. It is none, and is gone once it loads.
pub(super) fn leave_out_unloaded(diagnosis: &mut Diagnosis) {
    let before_running = |bug: &&BugReport| {
        matches!(bug.category, Category::Syntax | Category::Indentation | Category::Import | Category::Type)
    };
    let files: BTreeSet<&str> =
        diagnosis.bugs.iter().filter(before_running).filter_map(|bug| bug.test.as_deref()).collect();
    for run in &mut diagnosis.tests {
        let Some(ids) = &mut run.ids else { continue };
        let listed = ids.len();
        ids.retain(|id| !files.contains(id.as_str()));
        let left_out = (listed - ids.len()) as u64;
        for count in [&mut run.executed, &mut run.failed] {
            *count = count.map(|n| n.saturating_sub(left_out));
        }
    }
}

/// More tests ran than before, which both runs know.
#[must_use]
pub(super) fn more(before: &[TestRun], after: &[TestRun]) -> bool {
    let executed =
        |runs: &[TestRun]| runs.iter().try_fold(0u64, |sum, run| Some(sum.saturating_add(run.executed?)));
    matches!((executed(before), executed(after)), (Some(was), Some(is)) if is > was)
}

/// How many tests failed for certain.
#[must_use]
pub(super) fn failed(runs: &[TestRun]) -> u64 {
    runs.iter().filter_map(|run| run.failed).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::bug::FinalWord;

    fn counted(executed: u64) -> TestRun {
        TestRun::counted("pytest", executed, 0, 0)
    }

    #[test]
    fn a_suite_that_is_run_until_it_passes_is_counted_round_by_round() {
        let rounds = |executed, rounds: u32| {
            let word = FinalWord { failed: 0, line: 1, before: rounds - 1 };
            TestRun { final_word: Some(word), ..counted(executed) }
        };
        // Some output between its lines, and the tests of a run are not known by name.
        assert_eq!(missing(&[rounds(9, 3)], &[rounds(6, 2)]), None);
        assert_eq!(missing(&[rounds(9, 3)], &[rounds(3, 1)]), None);
        assert!(missing(&[rounds(9, 3)], &[rounds(4, 2)]).is_some());
        assert!(missing(&[rounds(9, 3)], &[rounds(2, 1)]).is_some());
        // Other suites of later steps are no rounds of the first.
        assert_eq!(missing(&[rounds(3, 2)], &[rounds(6, 5)]), None);
        // What ran once is not less for being run again.
        assert!(missing(&[rounds(9, 1)], &[rounds(6, 2)]).is_some());
    }

    fn named(ids: &[&str]) -> TestRun {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        TestRun { ids: Some(ids.clone()), ..counted(ids.len() as u64) }
    }

    fn failed_only(failed: u64) -> TestRun {
        TestRun { runner: "pytest".to_owned(), failed: Some(failed), ..TestRun::default() }
    }

    #[test]
    fn fewer_tests_and_other_ones_are_noticed_where_they_are_known() {
        assert_eq!(missing(&[counted(3)], &[counted(3)]), None);
        assert_eq!(missing(&[counted(3)], &[counted(2), counted(1)]), None);
        assert_eq!(missing(&[], &[counted(1)]), None);
        assert!(missing(&[counted(3)], &[counted(2)]).unwrap().contains("executed 2 tests, 3 before"));
        assert!(missing(&[counted(3)], &[]).unwrap().contains("no tests"));
        assert!(missing(&[named(&["a", "b"])], &[named(&["a", "c"])]).unwrap().contains("test b"));
        assert!(missing(&[named(&["a", "a"])], &[named(&["a", "c"])]).unwrap().contains("test a"));
        // Ids of one side alone say nothing.
        assert_eq!(missing(&[named(&["a", "b"])], &[counted(2)]), None);
    }

    #[test]
    fn what_is_not_known_is_not_compared() {
        let unknown = || failed_only(0);
        assert_eq!(missing(&[failed_only(2)], &[unknown()]), None);
        assert_eq!(missing(&[counted(3)], &[unknown()]), None);
        assert_eq!(missing(&[named(&["a"])], &[unknown()]), None);
        assert_eq!(missing(&[failed_only(2)], &[counted(2)]), None);
        // Two ran for certain.
        assert!(missing(&[failed_only(2)], &[counted(1)]).unwrap().contains("at least 2"));
        // One unknown part makes the sum unknown.
        assert_eq!(missing(&[counted(5)], &[counted(1), unknown()]), None);
        assert!(!more(&[counted(1)], &[counted(2), unknown()]));
        assert!(!more(&[failed_only(1)], &[counted(2)]));
        assert!(more(&[counted(1)], &[counted(2)]));
    }

    #[test]
    fn silence_tells_something_only_of_a_runner_that_would_have_spoken() {
        let silent = TestRun { silent_when_green: true, ..counted(3) };
        assert_eq!(missing(std::slice::from_ref(&silent), &[]), None);
        assert!(missing(&[failed_only(1)], &[]).is_some());
        // That nothing ran is a word, too.
        assert!(missing(&[silent], &[counted(0)]).is_some());
        assert!(missing(&[failed_only(1)], &[counted(0)]).is_some());
        assert_eq!(missing(&[failed_only(0)], &[counted(0)]), None);
    }

    #[test]
    fn a_script_may_tell_the_launcher_to_be_silent() {
        let was = || vec![TestRun::counted("junit", 2, 1, 0)];
        for (script, refuted) in [
            ("java -jar junit.jar --scan-classpath --details=none", false),
            ("java -jar junit.jar --scan-classpath", true),
        ] {
            let mut runs = was();
            mark_silent([script], &mut runs);
            assert_eq!(missing(&runs, &[]).is_some(), refuted, "{script}");
        }
    }

    #[test]
    fn a_file_that_could_not_be_loaded_is_no_test() {
        let log = "src/a.ts(7,3): error TS2304: Cannot find name 'x'.\n";
        let mut found = parser::diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        found.bugs[0].test = Some("a.test.ts".to_owned());
        found.tests =
            vec![TestRun { ids: Some(vec!["a.test.ts".to_owned()]), ..TestRun::counted("pytest", 0, 1, 0) }];
        leave_out_unloaded(&mut found);
        assert_eq!((found.tests[0].executed, found.tests[0].failed), (Some(0), Some(0)));
        assert_eq!(missing(&found.tests, &[named(&["a.test.ts > adds"])]), None);
    }
}
