//! Is a step with exit code 0 green? What it says of itself has to agree: its runner's final summary, its report, the tests
//! that ran, and the failures that it reports. What is not known is no reason; and what the unchanged code says beside exit
//! code 0, or CI's log of the last green commit, speaks against no fix.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::evidence::Evidence;
use super::progress::{Touched, same_file};
use super::state::{Phase, State};
use super::step_said::StepSaid;
use super::tests_ran;
use crate::contract::bug::{BugReport, Category, Fingerprint};
use crate::contract::build::{BuildPlan, PlanStep};
use crate::contract::event::Purpose;
use crate::contract::verdict::{DisagreeingSource, Disagreement};

/// What a run with a fix is held against.
pub(super) struct Known<'a> {
    pub(super) plan: &'a BuildPlan,
    /// Runs of the unchanged code; the first one is the baseline.
    pub(super) unchanged: Vec<&'a Evidence>,
    /// What a step said when it failed, the latest first.
    pub(super) red: Vec<(usize, Arc<StepSaid>)>,
    /// Lines of the fix.
    pub(super) touched: Vec<Touched>,
    /// The unchanged code can be asked of steps that it never came to.
    pub(super) may_ask: bool,
    /// CI's own log of the last green commit.
    pub(super) last_green: Option<&'a Evidence>,
}

impl<'a> Known<'a> {
    /// What `state` knows for a run of this leg.
    pub(super) fn of(state: &'a State, leg: usize, purpose: Purpose, plan: &'a BuildPlan) -> Self {
        let of_leg = &state.legs[leg];
        let at_last_green = of_leg.at_last_green.values().flatten().map(|green| green.seen.as_ref());
        let unchanged = [&of_leg.baseline, &of_leg.uncovered].into_iter().flatten().map(AsRef::as_ref);
        let current = state.current.as_deref().filter(|_| leg == state.leg);
        let kept = state.kept.iter().rev().filter(|kept| kept.leg == leg);
        let red = current
            .and_then(red_step)
            .into_iter()
            .chain(kept.filter_map(|kept| Some((kept.step?, kept.said.clone()?))))
            .chain(of_leg.baseline.as_deref().and_then(red_step))
            .collect();
        let mut touched: Vec<_> = state.kept.iter().flat_map(|kept| kept.touched.clone()).collect();
        if let Phase::Trying(trial) = &state.phase {
            touched.extend(trial.offer.touched.clone());
        }
        let unchanged = unchanged.chain(at_last_green).collect();
        Self { plan, unchanged, red, touched, may_ask: purpose == Purpose::Attempt, last_green: None }
    }

    /// The first step with exit code 0 that another source calls red.
    pub(super) fn disagreement(&self, seen: &Evidence) -> Option<Disagreement> {
        let until = seen.observation.failing_step.unwrap_or(usize::MAX);
        seen.said.range(..until).find_map(|(step, said)| {
            let planned = self.plan.steps.get(*step)?;
            if said.exit_code != Some(0) || planned.continue_on_error {
                return None;
            }
            let source = self
                .summary(*step, planned, said)
                .or_else(|| self.report(*step, planned, said))
                .or_else(|| self.tests(*step, planned, said))
                .or_else(|| self.failures(*step, seen, said))?;
            Some(Disagreement { step: *step, source })
        })
    }

    /// The runner's own final summary.
    fn summary(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> Option<DisagreeingSource> {
        let (run, failed, _) = said.last_word().filter(|(_, failed, _)| *failed > 0)?;
        let is_old = self.passing(step).any(|was| was.says_failed(&run.runner));
        let was_green = |green: &Evidence| {
            green.diagnosis.tests.iter().any(|was| was.runner == run.runner && was.failed.unwrap_or(0) > 0)
        };
        if is_old || self.last_green.is_some_and(was_green) || !self.decides(step, planned, said) {
            return None;
        }
        Some(DisagreeingSource::Summary { runner: run.runner.clone(), failed })
    }

    /// What the runner wrote, or says when it is asked for a report.
    fn report(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> Option<DisagreeingSource> {
        // It has run: a summary of its stands in the log.
        if let Some((run, ..)) = said.last_word().filter(|_| said.lacks_report())
            && self.was_asked(step)
            && self.decides(step, planned, said)
        {
            return Some(DisagreeingSource::NoReport { runner: run.runner.clone() });
        }
        let (runner, failed) = said.reported()?;
        let is_old = self.passing(step).any(|was| was.reported().is_some());
        if is_old || !self.was_asked(step) || !self.decides(step, planned, said) {
            return None;
        }
        Some(DisagreeingSource::Report { runner: runner.to_owned(), failed })
    }

    /// Fewer tests than on the unchanged code, or other ones.
    fn tests(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> Option<DisagreeingSource> {
        let was = self.unchanged.first()?.said.get(&step)?;
        let (mut before, mut after) = (was.tests.clone(), said.tests.clone());
        for runs in [&mut before, &mut after] {
            tests_ran::mark_silent([planned.run.as_str()], runs);
        }
        let why = tests_ran::missing(&before, &after).filter(|_| planned.installs.is_none())?;
        Some(DisagreeingSource::Tests { why })
    }

    /// A failure that was to be healed, or one in the changed lines.
    fn failures(&self, step: usize, seen: &Evidence, said: &StepSaid) -> Option<DisagreeingSource> {
        let old = self.printed_beside_success(step, seen);
        let shown = || said.errors().filter(|bug| !old.contains(&bug.fingerprint));
        if let Some(bug) = self.to_heal(step, &shown().collect::<Vec<_>>()) {
            return Some(DisagreeingSource::SameFailure { tool: bug.tool.clone(), what: named(bug) });
        }
        // A stack alone is no failure: code prints those of the errors that it handles.
        let is_report = |bug: &BugReport| bug.test.is_some() || bug.category != Category::Runtime;
        let was_shown = |bug: &BugReport| self.red.iter().any(|(_, red)| red.shows(&bug.fingerprint));
        let bug = shown().find(|bug| is_report(bug) && !was_shown(bug) && lies_in(bug, &self.touched))?;
        Some(DisagreeingSource::ChangedLines { tool: bug.tool.clone(), what: named(bug) })
    }

    /// The first of the failures shown that was to be healed and is not.
    ///
    /// A step that fails may report more than its runner counts: tests that passed when they were run again, runs of other
    /// runners in its tests. Which of them made it fail is not said: but as many as were counted have to be gone.
    fn to_heal<'b>(&self, step: usize, shown: &[&'b BugReport]) -> Option<&'b BugReport> {
        let own = self.red.iter().find(|(red, _)| *red == step);
        let (expected, counted): (BTreeSet<&Fingerprint>, usize) = match own {
            Some((_, red)) => {
                let all: BTreeSet<_> =
                    red.errors().chain(red.failed_behind()).map(|bug| &bug.fingerprint).collect();
                let failed = red.last_word().map(|(_, failed, _)| failed).filter(|failed| *failed > 0);
                let counted = failed.and_then(|n| usize::try_from(n).ok()).unwrap_or(all.len());
                let counted = counted.min(all.len());
                (all, counted)
            }
            None => {
                let all: BTreeSet<_> =
                    self.red.iter().flat_map(|(_, red)| red.errors()).map(|bug| &bug.fingerprint).collect();
                let counted = all.len();
                (all, counted)
            }
        };
        let again: Vec<_> = shown.iter().filter(|bug| expected.contains(&bug.fingerprint)).copied().collect();
        let gone = expected.len().saturating_sub(again.len());
        again.first().copied().filter(|_| gone < counted)
    }

    /// What earlier steps of this run, steps of the unchanged code, and CI's last green log print beside success.
    fn printed_beside_success(&self, step: usize, seen: &Evidence) -> BTreeSet<Fingerprint> {
        let earlier = seen.said.range(..step).map(|(_, said)| said);
        let unchanged = self.unchanged.iter().flat_map(|run| run.said.values());
        let printed = earlier.chain(unchanged).filter(|said| said.exit_code == Some(0));
        let printed = printed.flat_map(|said| said.errors()).map(|bug| bug.fingerprint.clone());
        let green = self.last_green.into_iter().flat_map(|green| green.observation.failures.keys().cloned());
        printed.chain(green).collect()
    }

    /// This step of the unchanged code, where it passed.
    fn passing(&self, step: usize) -> impl Iterator<Item = &StepSaid> {
        let said = self.unchanged.iter().filter_map(move |run| run.said.get(&step));
        said.map(AsRef::as_ref).filter(|said| said.exit_code == Some(0))
    }

    /// The unchanged code came to this step.
    fn was_asked(&self, step: usize) -> bool {
        self.unchanged.iter().any(|run| run.said.contains_key(&step))
    }

    /// Whether failed tests make this step fail, as far as is known: where the script itself lets them pass, or where the
    /// step failed for something behind them, they do not.
    fn decides(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> bool {
        let red = self.red.iter().find(|(red, _)| *red == step).map(|(_, red)| red);
        match red.filter(|red| red.last_word().is_some_and(|(_, failed, _)| failed > 0)) {
            // What failed behind the summary is gone: that is what the step failed for.
            Some(red) => red.failed_behind().all(|bug| said.shows(&bug.fingerprint)),
            None => (self.may_ask || self.was_asked(step)) && !lets_pass(&planned.run),
        }
    }
}

/// What `source` says of a step, the unchanged code says beside exit code 0 as well.
#[must_use]
pub(super) fn is_said_without_the_fix(unchanged: &Evidence, by: &Disagreement) -> bool {
    let said = unchanged.said.get(&by.step).filter(|said| said.exit_code == Some(0));
    said.is_some_and(|said| match &by.source {
        DisagreeingSource::Summary { runner, .. } => said.says_failed(runner),
        DisagreeingSource::Report { .. } => said.reported().is_some(),
        DisagreeingSource::SameFailure { what, .. } | DisagreeingSource::ChangedLines { what, .. } => {
            said.errors().any(|bug| named(bug) == *what)
        }
        DisagreeingSource::Tests { .. } | DisagreeingSource::NoReport { .. } => false,
    })
}

/// The step that failed a run, and what it said.
pub(super) fn red_step(run: &Evidence) -> Option<(usize, Arc<StepSaid>)> {
    let step = run.observation.failing_step?;
    Some((step, run.said.get(&step)?.clone()))
}

/// The script goes on, or ends well, where a command of it fails.
fn lets_pass(script: &str) -> bool {
    static PASSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x) \|\| | \| | \bset\s+\+e\b | \bset\s+\+o\s+errexit\b | ;\s*(true|:|exit\s+0)\b | --exit-zero\b
            | ^\s*(if|while|until)\s | \btrap\b | &\s*$",
        )
        .ok()
    });
    PASSES.as_ref().is_some_and(|passes| script.lines().any(|line| passes.is_match(line)))
}

fn lies_in(bug: &BugReport, touched: &[Touched]) -> bool {
    let (Some(file), Some(line)) = (&bug.file, bug.line) else { return false };
    touched.iter().any(|t| same_file(file, &t.file) && (t.first..=t.last).contains(&line))
}

/// A failure as people know it.
fn named(bug: &BugReport) -> String {
    let place = || Some(format!("{}:{}", bug.file.as_ref()?, bug.line?));
    let first = || bug.message.lines().next().unwrap_or_default().to_owned();
    bug.test.clone().or_else(place).unwrap_or_else(first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contract::bug::Diagnosis;
    use crate::contract::build::{ExecutionResult, Exit, ProbeResult, StepOutcome, StepResult};
    use crate::orchestrator::progress::Observation;
    use crate::orchestrator::step_said::{StepsSaid, add_report, of_log};
    use crate::orchestrator::tests_ran::of_probe;

    const FAILED: &str = "\
test_calc.py F.                                                          [100%]

=================================== FAILURES ===================================
_________________________________ test_double __________________________________

    def test_double():
>       assert double(2) == 4
E       assert 0 == 4
E        +  where 0 = double(2)

test_calc.py:5: AssertionError
=========================== short test summary info ============================
FAILED test_calc.py::test_double - assert 0 == 4
";
    const ONE_FAILED: &str =
        "========================= 1 failed, 1 passed in 0.12s ==========================\n";
    const PASSED: &str = "============================== 2 passed in 0.12s ===============================\n";
    const SESSION: &str = "============================= test session starts ==============================\ncollected 2 items\n\n";

    fn failed() -> String {
        [SESSION, FAILED, ONE_FAILED].concat()
    }

    fn passed() -> String {
        [
            SESSION,
            "test_calc.py ..                                                          [100%]\n\n",
            PASSED,
        ]
        .concat()
    }

    fn plan(scripts: &[&str]) -> BuildPlan {
        let steps: Vec<_> =
            scripts.iter().map(|run| PlanStep { run: (*run).to_owned(), ..PlanStep::default() }).collect();
        serde_json::from_value(serde_json::json!({
            "workflow": null, "job": null, "matrix": {}, "image": {"ref": "x", "why": ""}, "steps": steps,
            "services": [], "skipped": [], "notes": []
        }))
        .unwrap()
    }

    fn said(steps: &[(i64, &str)]) -> StepsSaid {
        let mut result = ExecutionResult::infrastructure(&plan(&[]), String::new());
        result.exit = Exit::Exited { code: 0 };
        let (mut log, mut line) = (String::new(), 1);
        for (exit_code, text) in steps {
            let lines = text.lines().count() as u64;
            let span = crate::contract::bug::LogSpan { first: line, last: line + lines.max(1) - 1 };
            result.steps.push(StepResult {
                name: String::new(),
                outcome: StepOutcome::Success,
                conclusion: StepOutcome::Success,
                exit_code: Some(*exit_code),
                duration: std::time::Duration::ZERO,
                log: (lines > 0).then_some(span),
                note: None,
            });
            log.push_str(text);
            line += lines;
        }
        of_log(log.as_bytes(), &result)
    }

    fn evidence(said: StepsSaid) -> Evidence {
        let failing = said.iter().find(|(_, said)| said.exit_code != Some(0)).map(|(step, _)| *step);
        let observation = Observation { failing_step: failing, ..Observation::of_log(&Diagnosis::default()) };
        Evidence::of_nothing(observation, Diagnosis::default()).with_said(said)
    }

    /// What speaks against a run with a fix, after a baseline.
    fn judge(scripts: &[&str], before: &[(i64, &str)], after: &[(i64, &str)]) -> Option<DisagreeingSource> {
        judge_said(scripts, said(before), said(after), "")
    }

    fn judge_said(
        scripts: &[&str],
        before: StepsSaid,
        after: StepsSaid,
        last_green: &str,
    ) -> Option<DisagreeingSource> {
        let (plan, before, after) = (plan(scripts), evidence(before), evidence(after));
        let green = Evidence::of_log(last_green.as_bytes().to_vec());
        let known = Known {
            plan: &plan,
            unchanged: vec![&before],
            red: red_step(&before).into_iter().collect(),
            touched: vec![Touched { file: "calc.py".to_owned(), first: 2, last: 2 }],
            may_ask: true,
            last_green: (!last_green.is_empty()).then_some(&green),
        };
        known.disagreement(&after).map(|found| found.source)
    }

    fn says_one_failed() -> Option<DisagreeingSource> {
        Some(DisagreeingSource::Summary { runner: "pytest".to_owned(), failed: 1 })
    }

    #[test]
    fn a_summary_that_says_failed_is_red_beside_exit_code_0() {
        let (red, green) = (failed(), passed());
        let of = |after: &str| judge(&["pytest"], &[(1, &red)], &[(0, after)]);
        assert_eq!(of(&red), says_one_failed());
        assert_eq!(of(&green), None);
        // The last one is the runner's own: what runs inside of it has ended before.
        let inner = [failed(), passed()].concat();
        let both = judge(
            &["pytest -s"],
            &[(1, &[failed(), failed().replace("test_", "check_")].concat())],
            &[(0, &inner)],
        );
        assert_eq!(both, None);
    }

    #[test]
    fn a_failure_that_was_to_be_healed_is_red_whatever_the_summary_says() {
        let forged = [SESSION, FAILED, PASSED].concat();
        let found = judge(&["pytest"], &[(1, &failed())], &[(0, &forged)]);
        let what = "test_calc.py::test_double".to_owned();
        assert_eq!(found, Some(DisagreeingSource::SameFailure { tool: "pytest".to_owned(), what }));
        // Another one, in no line of the fix.
        let other = forged.replace("double", "triple");
        assert_eq!(judge(&["pytest"], &[(1, &failed())], &[(0, &other)]), None);
    }

    #[test]
    fn what_the_step_said_beside_exit_code_0_before_is_old() {
        let red = failed();
        let scripts = ["make old", "pytest"];
        assert_eq!(judge(&scripts, &[(0, &red), (1, "")], &[(0, &red), (0, "")]), None);
        assert_eq!(judge(&scripts, &[(0, &passed()), (1, "")], &[(0, &red), (0, "")]), says_one_failed());
        // So is what CI's last green log shows, and what the script itself lets pass.
        let (before, after) = (said(&[(1, ""), (0, "")]), said(&[(0, ""), (0, &red)]));
        assert_eq!(judge_said(&["a", "make b"], before.clone(), after.clone(), &red), None);
        assert_eq!(judge_said(&["a", "make b"], before.clone(), after.clone(), ""), says_one_failed());
        assert_eq!(judge_said(&["a", "pytest || true"], before, after, ""), None);
        // In the step that failed, the script is known not to.
        assert_eq!(judge(&["pytest || exit 1"], &[(1, &red)], &[(0, &red)]), says_one_failed());
    }

    #[test]
    fn a_step_that_failed_for_something_behind_the_summary_is_not_decided_by_it() {
        let behind = |what: &str| {
            format!(
                "{}Traceback (most recent call last):\n  File \"/workspace/check.py\", line 8, in <module>\n    main()\n{what}\n",
                failed()
            )
        };
        let of = |what: &str| judge(&["python check.py"], &[(1, &behind(what))], &[(0, &failed())]);
        assert_eq!(of("AssertionError: the sample gave 1, not 2"), None);
        let ran = "subprocess.CalledProcessError: Command '['pytest']' returned non-zero exit status 1.";
        assert_eq!(of(ran), says_one_failed());
    }

    #[test]
    fn what_is_not_known_is_no_reason() {
        for (before, after) in [("..F\n", "...\n"), ("", ""), ("boom\n", "1 failed\n")] {
            assert_eq!(judge(&["make test"], &[(1, before)], &[(0, after)]), None, "{after}");
        }
        let mut plan_step = plan(&["pytest"]);
        plan_step.steps[0].continue_on_error = true;
        let after = evidence(said(&[(0, &failed())]));
        let known = Known {
            plan: &plan_step,
            unchanged: Vec::new(),
            red: Vec::new(),
            touched: Vec::new(),
            may_ask: true,
            last_green: None,
        };
        assert_eq!(known.disagreement(&after), None, "it cannot fail the job");
        // Nobody knows what a step says of the unchanged code that this never came to.
        let known = Known { plan: &plan(&["make test"]), may_ask: false, ..known };
        assert_eq!(known.disagreement(&after), None);
    }

    #[test]
    fn each_step_runs_its_own_tests() {
        let (red, green) = (failed(), passed());
        let none = "============================ no tests ran in 0.01s =============================\n";
        let found = judge(&["pytest a", "pytest b"], &[(1, &red)], &[(0, none), (0, &green)]);
        assert!(matches!(found, Some(DisagreeingSource::Tests { .. })), "{found:?}");
    }

    #[test]
    fn a_report_of_a_step_that_passed_is_held_against_it() {
        let events = |action: &str| {
            let word = if action == "fail" { "FAIL" } else { "PASS" };
            [
                r#"{"Action":"run","Package":"demo","Test":"TestA"}"#.to_owned(),
                r#"{"Action":"output","Package":"demo","Test":"TestA","Output":"=== RUN   TestA\n"}"#.to_owned(),
                format!(r#"{{"Action":"output","Package":"demo","Test":"TestA","Output":"--- {word}: TestA (0.00s)\n"}}"#),
                format!(r#"{{"Action":"{action}","Package":"demo","Test":"TestA"}}"#),
                format!(r#"{{"Action":"output","Package":"demo","Output":"{word}\n"}}"#),
                r#"{"Action":"output","Package":"demo","Output":"ok  \tdemo\t0.01s\n"}"#.to_owned(),
                r#"{"Action":"pass","Package":"demo"}"#.to_owned(),
            ]
            .join("\n")
        };
        let of = |action: &str, exit_code: i64| {
            let mut after = said(&[(0, "ok  \tdemo\t0.01s\n")]);
            let report = events(action).into_bytes();
            let probe = ProbeResult { step: 0, report, exit_code, of_step: false, lacks_report: false };
            add_report(&mut after, &probe, &of_probe(&probe.report));
            let before =
                said(&[(1, "--- FAIL: TestA (0.00s)\n    a_test.go:3: no\nFAIL\nFAIL\tdemo\t0.01s\nFAIL\n")]);
            judge_said(&["go test ./..."], before, after, "")
        };
        let source = DisagreeingSource::Report { runner: "go-test".to_owned(), failed: 1 };
        assert_eq!(of("fail", 0), Some(source));
        assert_eq!(of("pass", 0), None);
        assert_eq!(of("fail", 1), None, "it ran again, and failed by chance");
    }

    #[test]
    fn a_failure_in_the_changed_lines_is_red_and_a_stack_is_none() {
        let lint = "calc.py:2:5: F821 Undefined name `m`\n";
        let found = judge(&["make"], &[(1, "")], &[(0, lint)]);
        assert!(matches!(found, Some(DisagreeingSource::ChangedLines { .. })), "{found:?}");
        assert_eq!(judge(&["make"], &[(1, "")], &[(0, &lint.replace(":2:", ":9:"))]), None);
        let handled = "Traceback (most recent call last):\n  File \"/workspace/calc.py\", line 2, in double\n    raise ValueError(n)\nValueError: three\n";
        assert_eq!(judge(&["make"], &[(1, "")], &[(0, handled)]), None);
    }

    /// What is nested in a runner's output is not its own, in whatever order two pipes arrive.
    #[test]
    fn a_final_word_is_the_runners_own() {
        let word = |log: &str| {
            let found = said(&[(0, log)]);
            found[&0].last_word().map(|(run, failed, _)| (run.runner.clone(), failed))
        };
        let inner = "\nrunning 1 test\ntest fails ... FAILED\n\nfailures:\n    fails\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\n";
        let ok =
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        let cargo = format!(
            "\nrunning 2 tests\ntest a ...      Running tests/calc.rs (target/debug/deps/calc-7a3c8e9647eeda58)\n{inner}ok\ntest b ... ok\n\n{ok}"
        );
        assert_eq!(word(&cargo), Some(("cargo-test".to_owned(), 0)));
        // Of one binary among several.
        let two = format!(
            "{inner}     Running tests/b.rs (target/debug/deps/b-1)\n\nrunning 2 tests\ntest a ... ok\ntest b ... ok\n\n{ok}"
        );
        assert_eq!(word(&two), Some(("cargo-test".to_owned(), 1)));
        let go = |inner: &str, last: &str| {
            format!("=== RUN   TestA\n{inner}--- {last}: TestA (0.00s)\n{last}\nok  \tdemo\t0.01s\n")
        };
        let printed = "--- FAIL: TestInner (0.00s)\nFAIL\nFAIL\texample.com/inner\t0.01s\n";
        assert_eq!(word(&go(printed, "PASS")), Some(("go-test".to_owned(), 0)));
        assert_eq!(word(&go("", "FAIL")), Some(("go-test".to_owned(), 1)));
    }

    /// A suite that is run until it passes runs its tests as often as it takes.
    #[test]
    fn a_suite_may_run_again() {
        let round = |failed: &[&str]| {
            let mut log = String::new();
            for test in ["test_a", "test_b"] {
                let word = if failed.contains(&test) { "FAIL" } else { "ok" };
                log.push_str(&format!("{test} (test_calc.CalcTest.{test}) ... {word}\n"));
            }
            log.push_str("\n----------------------------------------------------------------------\nRan 2 tests in 0.001s\n\n");
            let last = if failed.is_empty() {
                "OK\n".to_owned()
            } else {
                format!("FAILED (failures={})\n", failed.len())
            };
            log + &last
        };
        let before = [round(&["test_a", "test_b"]), round(&["test_a"]), round(&["test_a"])].concat();
        let of = |rounds: &[String]| judge(&["python run.py"], &[(1, &before)], &[(0, &rounds.concat())]);
        assert_eq!(of(&[round(&["test_b"]), round(&[])]), None);
        assert_eq!(of(&[round(&[])]), None);
        let without = |log: String| {
            log.replace("test_b (test_calc.CalcTest.test_b) ... ok\n", "")
                .replace("Ran 2 tests", "Ran 1 test")
        };
        assert!(matches!(of(&[without(round(&[]))]), Some(DisagreeingSource::Tests { .. })));
    }

    #[test]
    fn the_unchanged_code_may_say_the_same() {
        let by = Disagreement { step: 1, source: says_one_failed().unwrap() };
        let unchanged = |code: i64, text: &str| evidence(said(&[(1, ""), (code, text)]));
        assert!(is_said_without_the_fix(&unchanged(0, &failed()), &by));
        assert!(!is_said_without_the_fix(&unchanged(1, &failed()), &by));
        assert!(!is_said_without_the_fix(&unchanged(0, &passed()), &by));
        assert!(!is_said_without_the_fix(&evidence(BTreeMap::new()), &by));
    }
}
