//! Tests behind a compile error: CI never came to them. The last green commit tells what of their failures is old.

use serde_json::json;

use super::partial::{TWO_STEPS, WRONG, WRONG_TEST};
use super::stage::*;
use crate::support::events::read;
use crate::support::github::{CiScript, FakeJob};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};
use crate::support::runner::Runner;

/// Of what the fix changes, and needs what only CI's own runners have.
const LACKS: &str = "\
import shutil
import unittest

from calc import add


class ToolTest(unittest.TestCase):
    def test_tool(self):
        self.assertIsNotNone(shutil.which('tool-of-hosted-runners'))
        self.assertEqual(add(2, 3), 5)
";
const RIGHT: &str = "def area(a, b):\n    return a * b\n";

/// How often its code was run.
fn runs_at_last_green(runner: &Runner) -> usize {
    let events = read(&runner.workspace().join(".ci-healer/events.jsonl"));
    events.iter().filter(|event| event["purpose"] == "last_green").count()
}

fn is_green(stage: &Stage, commit: &str, log: &str) -> u64 {
    let jobs = vec![FakeJob::new("test", "success", log)];
    stage.hub.past_run(CI_FILE, commit, "main", CiScript { jobs, ..CiScript::passes() })
}

fn lacks_a_tool() -> (Stage, String) {
    let green = [(CI_FILE, TWO_STEPS), ("calc.py", MENDED), ("test_calc.py", TEST), ("test_tool.py", LACKS)];
    Stage::since_green(&green, &[("calc.py", NO_COLON), ("notes/new.txt", "new\n")])
}

#[test]
fn a_test_that_fails_at_the_last_green_commit_too_keeps_no_fix_back() {
    let (stage, green) = lacks_a_tool();
    is_green(&stage, &green, "Ran 2 tests in 0.001s\n\nOK\n");
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("partial", 1);
    let (branch, _, parent, changed) = stage.heal_commit();
    assert_eq!((parent, changed), (stage.head.clone(), vec!["calc.py".to_owned()]));
    let pulls = stage.hub.pulls();
    assert_eq!((pulls.len(), &pulls[0].head), (1, &branch));
    let partial = &ended.results["partial"];
    assert_eq!(partial["old"], partial["left"], "{partial:#}");
    assert_eq!(partial["old"].as_array().unwrap().len(), 1);
    assert_eq!(&ended.proof.as_ref().unwrap()["partial"], partial);
    let short = &green[..7];
    for text in [&pulls[0].body, &ended.step.summary] {
        assert!(
            text.contains("Also fails on `main`") && text.contains("test_tool") && text.contains(short),
            "{text}"
        );
    }
    ended.says(&format!("fails here at {short}, the last green commit, too"));
    let changes = &ended.results["changed_since_green"];
    assert_eq!((&changes["sha"], &changes["commits_ago"]), (&json!(green), &json!(1)));
    let paths: Vec<&str> =
        changes["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["calc.py", "notes/new.txt"]);
    assert_eq!(changes["files"][0]["hunks"][0]["new_count"], 1);
    ended.says(&format!("Green at `{short}`, 1 commit ago; 2 changed files."));
    assert_eq!(runs_at_last_green(&runner), 1);
}

#[test]
fn what_ci_itself_shows_of_the_last_green_commit_needs_no_run() {
    let (stage, green) = lacks_a_tool();
    // The step of that commit was allowed to fail.
    let log = "\
##[group]Run python3 -m unittest -v || true
======================================================================
FAIL: test_tool (test_tool.ToolTest.test_tool)
----------------------------------------------------------------------
Traceback (most recent call last):
  File \"/home/runner/work/widget/widget/test_tool.py\", line 9, in test_tool
    self.assertIsNotNone(shutil.which('tool-of-hosted-runners'))
    ~~~~~~~~~~~~~~~~~~~~^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
AssertionError: unexpectedly None

----------------------------------------------------------------------
Ran 2 tests in 0.001s

FAILED (failures=1)
";
    is_green(&stage, &green, log);
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("partial", 1);
    assert_eq!(ended.results["partial"]["old"].as_array().unwrap().len(), 1);
    stage.heal_commit();
    assert_eq!(runs_at_last_green(&runner), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_result_that_came_with_the_compile_error_is_the_next_bug_and_heals_in_one_run() {
    let area = format!("from calc import add\n\n\n{RIGHT}");
    let wrong = format!("from calc import add\n\n\n{WRONG}");
    let green = [
        (CI_FILE, TWO_STEPS),
        ("calc.py", MENDED),
        ("test_calc.py", TEST),
        ("area.py", area.as_str()),
        ("test_area.py", WRONG_TEST),
    ];
    let (stage, commit) = Stage::since_green(&green, &[("calc.py", NO_COLON), ("area.py", &wrong)]);
    is_green(&stage, &commit, "Ran 2 tests in 0.001s\n\nOK\n");
    stage.hub.script(CI_FILE, CiScript::passes());
    let fix = Answer::fix(0.9, &[("area.py", "return a + b", "return a * b")]);
    let gemini = ScriptedLlm::answering_on(Speaks::Gemini, host(), move |_, _| fix.clone()).await;
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step().with_gemini(&gemini));
    ended.expect("healed", 0);
    let (branch, ..) = stage.heal_commit();
    assert_eq!(stage.show(&format!("{branch}:area.py")), area);
    assert_eq!(stage.show(&format!("{branch}:calc.py")), MENDED);
    assert_eq!(gemini.asked().len(), 1);
    assert_eq!(runs_at_last_green(&runner), 1);
}

#[test]
fn without_a_green_run_the_failure_is_the_next_bug() {
    let (stage, green) = lacks_a_tool();
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step());
    // Nobody knows since when a test of what the fix changes fails.
    ended.expect("exhausted", 1);
    assert!(stage.heal_branches().is_empty(), "{green}");
}
