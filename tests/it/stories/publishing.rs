//! From the failed run to a verdict of CI on the heal, by every way in which GitHub lets a run start.

use super::stage::*;
use crate::support::github::{CLASSIC_PAT, CiScript, SLUG};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};
use crate::support::runner::{Checkout, Credentials, Runner};

/// What CI's Python says of code that passes in the sandbox.
const RED: &str = "\
##[group]Run python3 -m unittest
F
======================================================================
FAIL: test_add (test_calc.AddTest.test_add)
----------------------------------------------------------------------
Traceback (most recent call last):
  File \"/home/runner/work/widget/widget/test_calc.py\", line 8, in test_add
    self.assertEqual(add(2, 3), 5)
AssertionError: 6 != 5

----------------------------------------------------------------------
Ran 1 test in 0.000s

FAILED (failures=1)
##[error]Process completed with exit code 1.
";

#[test]
fn a_failed_push_is_healed_and_ci_is_dispatched_on_the_heal() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("healed", 0);
    let (branch, sha, parent, changed) = stage.heal_commit();
    assert_eq!(parent, stage.head);
    assert_eq!(changed, ["calc.py"]);
    assert_eq!(stage.show(&format!("{branch}:calc.py")), MENDED);
    let runs = stage.hub.runs();
    let run = runs.iter().find(|r| r.head_sha == sha).unwrap();
    assert_eq!(run.event, "workflow_dispatch");
    assert_eq!(ended.output("healed"), "true");
    assert_eq!(ended.output("branch"), branch);
    assert_eq!(ended.output("commit"), sha);
    assert_eq!(ended.output("ci-verdict"), "passed");
    assert!(ended.output("run-url").ends_with(&format!("/runs/{}", run.id)), "{:?}", ended.step.outputs);
    assert_eq!(ended.output("patch-file"), ".ci-healer/fix.patch");
    ended.says(&branch);
    ended.says("def add(a, b):");
    let levels: Vec<&str> = ended.step.log.annotations.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(
        levels,
        ["notice", "notice"],
        "the verdict and what is healed: {:?}",
        ended.step.log.annotations
    );
    assert_eq!(ended.step.log.annotations[1].properties["file"], "calc.py");
    let proof = ended.proof.as_ref().unwrap();
    assert_eq!(
        (&proof["tested"], &proof["base"]),
        (&stage.head.as_str().into(), &stage.head.as_str().into())
    );
    assert_eq!(ended.results["run"]["step"], "Test");
    assert_eq!(ended.results["plan"]["notes"], serde_json::json!([]), "nothing to doubt in such a job");
    assert!(ended.results["timings"]["ci"].as_f64().unwrap() > 0.0);
    // CI needed no pull request; people do.
    let pulls = stage.hub.pulls();
    assert_eq!((pulls.len(), &pulls[0].head, pulls[0].base.as_str()), (1, &branch, "main"));
    assert!(ended.output("pull-request-url").ends_with("/pull/1"), "{:?}", ended.step.outputs);
    assert!(pulls[0].body.contains("passed"), "{}", pulls[0].body);
}

#[test]
fn a_personal_token_s_push_starts_the_run_itself() {
    let ci = CI.replace("branches: [main]", "branches: ['**']");
    let stage = Stage::new(&[(CI_FILE, &ci), ("calc.py", NO_COLON), ("test_calc.py", TEST)]);
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step().with("push-token", CLASSIC_PAT));
    ended.expect("healed", 0);
    assert_eq!(ended.output("ci-verdict"), "passed");
    let (_, sha, _, _) = stage.heal_commit();
    let runs = stage.hub.runs();
    let heal: Vec<&str> = runs.iter().filter(|r| r.head_sha == sha).map(|r| r.event).collect();
    assert_eq!(
        heal,
        ["push", "pull_request"],
        "the push's own run, then that of the pull request offered at the end"
    );
    assert!(!ended.step.log.raw.contains(CLASSIC_PAT));
}

#[tokio::test(flavor = "multi_thread")]
async fn red_ci_after_a_green_sandbox_leads_to_another_round() {
    let stage = Stage::calculator();
    stage.hub.script(CI_FILE, CiScript::fails(RED));
    stage.hub.script(CI_FILE, CiScript::passes());
    let sum = Answer::fix(0.9, &[("calc.py", "return a + b", "return sum((a, b))")]);
    let gemini = ScriptedLlm::answering_on(Speaks::Gemini, host(), move |_, _| sum.clone()).await;
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step().with_gemini(&gemini));
    ended.expect("healed", 0);
    assert_eq!(ended.output("ci-verdict"), "passed");
    let (branch, sha, parent, _) = stage.heal_commit();
    assert_eq!(stage.show(&format!("{branch}:calc.py")), "def add(a, b):\n    return sum((a, b))\n");
    assert_eq!(stage.show(&format!("{parent}:calc.py")), MENDED, "one commit upon the other");
    assert_eq!(ended.output("commit"), sha);
    assert_eq!(ended.results["budget"]["pushes"]["spent"], 2);
    let prompt = gemini.asked()[0].prompt();
    assert!(prompt.contains("6 != 5"), "CI's own log is what is asked about: {prompt}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ci_that_stays_red_ends_within_the_attempts_allowed() {
    let stage = Stage::calculator();
    for _ in 0..5 {
        stage.hub.script(CI_FILE, CiScript::fails(RED));
    }
    let other = |n: usize| Answer::fix(0.9, &[("calc.py", "return a", &format!("return {n} - {n} + a"))]);
    let gemini = ScriptedLlm::answering_on(Speaks::Gemini, host(), move |n, _| other(n)).await;
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step().with_gemini(&gemini).with("max-attempts", "2"));
    ended.expect("budget_spent", 1);
    assert_eq!(ended.output("ci-verdict"), "failed");
    assert_eq!(ended.output("healed"), "false");
    assert_eq!(ended.results["budget"]["pushes"]["spent"], 2);
    stage.heal_commit();
}

#[test]
fn where_no_ci_can_run_it_says_so_and_what_to_add() {
    let ci = CI.replace("  pull_request:\n  workflow_dispatch:\n", "");
    let stage = Stage::new(&[(CI_FILE, &ci), ("calc.py", NO_COLON), ("test_calc.py", TEST)]);
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("healed", 0);
    assert_eq!(ended.output("ci-verdict"), "no_ci");
    assert_eq!(ended.output("run-url"), "");
    ended.says("workflow_dispatch:");
    ended.says("actions: write");
    assert_eq!(stage.hub.runs().len(), 1, "only the failed one");
}

/// A step in a folder prints paths from there, and another folder has a file of that name.
#[test]
fn annotations_carry_the_repository_s_paths() {
    let ci = CI
        .replace("      - name: Test\n", "      - name: Test\n        working-directory: srv\n")
        .replace("          cat .git/config || true\n", "")
        .replace("python3 -m unittest", "python3 -m py_compile calc.py");
    let stage = Stage::new(&[(CI_FILE, &ci), ("srv/calc.py", NO_COLON), ("old/calc.py", MENDED)]);
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, Checkout::Branch("main"), Credentials::V6);
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("healed", 0);
    let annotations = &ended.step.log.annotations;
    let files: Vec<&str> =
        annotations.iter().filter_map(|a| a.properties.get("file")).map(String::as_str).collect();
    assert_eq!(files, ["srv/calc.py"], "{annotations:?}");
    assert_eq!(ended.results["baseline"]["bugs"][0]["file"], "srv/calc.py");
}
