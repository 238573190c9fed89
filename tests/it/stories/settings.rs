//! What inputs and the other placements change.

use super::stage::*;
use crate::support::git::git;
use crate::support::github::{CiScript, FakeJob, SLUG};
use crate::support::runner::{Checkout, Credentials, Runner};

#[test]
fn a_job_after_the_failed_one_heals_what_its_need_names() {
    let ci = "\
name: CI
on: [push, workflow_dispatch]
jobs:
  lint:
    runs-on: ubuntu-latest
    steps:
      - run: 'true'
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: Test
        run: python3 -m unittest
  heal:
    needs: [lint, test]
    if: ${{ failure() }}
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - uses: ci-healer/ci-healer@v1
";
    let stage = Stage::new(&[(CI_FILE, ci), ("calc.py", NO_COLON), ("test_calc.py", TEST)]);
    let healing = FakeJob {
        steps: vec![("Set up job", "success"), ("Heal", "")],
        runner: "GitHub Actions 7",
        ..FakeJob::new("heal", "", "")
    };
    let jobs =
        vec![FakeJob::new("lint", "success", "ok\n"), FakeJob::new("test", "failure", "no\n"), healing];
    let script = CiScript { conclusion: "", jobs, ..CiScript::passes() };
    let run = stage.hub.past_run(CI_FILE, &stage.head, "main", script);
    let runner = stage.runner();
    let step = stage
        .step()
        .context("JOB", "heal")
        .context("RUN_ID", &run.to_string())
        .with("check-run-id", &(run * 1000 + 2).to_string());
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    assert_eq!(ended.results["plan"]["job"], "test");
    assert_eq!(ended.output("ci-verdict"), "passed");
    stage.heal_commit();
}

#[test]
fn nobody_waits_where_told_not_to_and_failures_can_be_let_pass() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step().with("wait-for-ci", "false"));
    ended.expect("healed", 0);
    assert_eq!(ended.output("ci-verdict"), "skipped");
    let silent = Stage::new(&[
        (CI_FILE, CI),
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        ("test_calc.py", TEST),
    ]);
    let runner = silent.runner();
    let ended = silent.heal(&runner, &silent.step().with("fail-on", "never"));
    ended.expect("exhausted", 0);
    assert!(silent.heal_branches().is_empty());
    let error = ended.step.log.annotations.iter().find(|a| a.properties.contains_key("file")).unwrap();
    assert_eq!(error.name, "error");
    assert_eq!(error.properties["file"], "test_calc.py");
}

#[test]
fn diagnose_reports_and_needs_no_right() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let ended = stage.heal(
        &runner,
        &stage.step().with("mode", "diagnose").token(crate::support::github::READ_ONLY_JOB_TOKEN),
    );
    ended.expect("diagnosed", 0);
    assert_eq!(ended.output("bugs"), "1");
    assert_eq!(ended.output("attempts"), "0");
    assert_eq!(ended.output("patch-file"), "");
    assert!(
        ended.step.log.annotations.iter().any(|a| a.properties.get("file").is_some_and(|f| f == "calc.py"))
    );
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_run_of_a_heal_branch_heals_nothing() {
    let stage = Stage::calculator();
    git(&stage.bare(), &["branch", "heal/main-1234567", "main"]);
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, Checkout::Branch("heal/main-1234567"), Credentials::V6);
    let step =
        stage.step().context("REF", "refs/heads/heal/main-1234567").context("REF_NAME", "heal/main-1234567");
    let ended = stage.heal(&runner, &step);
    ended.expect("refused", 1);
    ended.says("do not heal themselves");
    assert_eq!(stage.heal_branches(), ["heal/main-1234567"]);

    // A step that runs on green builds too does not make the heal's own build red.
    let run = stage.green_run(&stage.head, "heal/main-1234567");
    let green = step.context("RUN_ID", &run.to_string()).with("check-run-id", &(run * 1000).to_string());
    stage.heal(&runner, &green).expect("already_green", 0);
}

#[test]
fn a_workspace_without_a_checkout_is_told_so() {
    let stage = Stage::calculator();
    let runner = Runner::new(SLUG).owned_by(1001);
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("refused", 1);
    ended.says("actions/checkout");
}
