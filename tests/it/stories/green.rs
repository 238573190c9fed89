//! A healing step that runs on green builds too (`if: always()`): it leaves them green, and never takes for green what
//! GitHub does not say.

use super::stage::*;
use crate::support::events::kinds;
use crate::support::github::{CiScript, FakeJob};
use crate::support::runner::{Runner, Step};

/// `main` is fine; the healing step runs whatever came before.
fn stage() -> Stage {
    let ci = CI.replace("if: failure()", "if: always()");
    Stage::new(&[(CI_FILE, &ci), ("calc.py", MENDED), ("test_calc.py", TEST)])
}

fn healing_job(name: &str) -> FakeJob {
    let steps = vec![("Set up job", "success"), ("Test", "success"), ("Heal", ""), ("Post Heal", "")];
    FakeJob { steps, runner: "GitHub Actions 7", ..FakeJob::new(name, "", "") }
}

/// The healing step in a run of these jobs, the first of which is its own.
fn step_in(stage: &Stage, jobs: Vec<FakeJob>) -> Step {
    let script = CiScript { conclusion: "", jobs, ..CiScript::passes() };
    let run = stage.hub.past_run(CI_FILE, &stage.head, "main", script);
    let id = (run * 1000).to_string();
    stage.step().context("RUN_ID", &run.to_string()).with("check-run-id", &id)
}

fn events(runner: &Runner) -> Vec<String> {
    kinds(&runner.workspace().join(".ci-healer/events.jsonl"))
}

#[track_caller]
fn nothing_ran(runner: &Runner, ended: &Ended) {
    assert!(ended.results["plan"].is_null() && ended.results["baseline"].is_null(), "{:#}", ended.results);
    let told = events(runner);
    assert!(told.contains(&"green_in_ci".to_owned()), "{told:?}");
    assert!(
        !told.iter().any(|kind| ["checked_out", "planned", "executed"].contains(&kind.as_str())),
        "{told:?}"
    );
}

#[test]
fn a_green_build_stays_green_and_costs_nothing() {
    let stage = stage();
    let runner = stage.runner();
    let beside = ["success", "skipped", "neutral", ""].map(|end| FakeJob::new(&format!("a {end}"), end, ""));
    let jobs = [vec![healing_job("test")], beside.to_vec()].concat();
    let ended = stage.heal(&runner, &step_in(&stage, jobs));
    ended.expect("already_green", 0);
    nothing_ran(&runner, &ended);
    for (name, value) in
        [("healed", "false"), ("bugs", "0"), ("attempts", "0"), ("tokens", "0"), ("branch", "")]
    {
        assert_eq!(ended.output(name), value, "{name}");
    }
    assert_eq!(ended.results["sha"], stage.head.as_str());
    ended.says("Looked at: job `test`");
    assert_eq!(ended.results["warnings"], serde_json::json!([]));
    assert!(
        ended.step.log.annotations.iter().all(|a| a.name == "notice"),
        "{:?}",
        ended.step.log.annotations
    );
    assert!(
        !stage.hub.requests().iter().any(|r| r.contains("/workflows/")),
        "nobody asked for the last green run"
    );
}

#[test]
fn a_job_after_green_ones_is_told_by_what_it_needs() {
    let ci = "\
name: CI
on: [push]
jobs:
  test:
    name: Unit tests
    strategy: {matrix: {n: [1, 2]}}
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - run: python3 -m unittest
  slow:
    runs-on: ubuntu-latest
    steps: [{run: 'true'}]
  heal:
    needs: [test]
    if: always()
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - uses: ci-healer/ci-healer@v1
";
    let stage = Stage::new(&[(CI_FILE, ci), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    let mut healing = healing_job("heal");
    healing.steps = vec![("Set up job", "success"), ("Run ci-healer/ci-healer@v1", "")];
    let leg = |n: u32, end| FakeJob::new(&format!("Unit tests ({n})"), end, "");
    let of = |second| {
        step_in(
            &stage,
            vec![healing.clone(), leg(1, "success"), leg(2, second), FakeJob::new("slow", "cancelled", "")],
        )
    };
    let runner = stage.runner();
    let ended = stage.heal(&runner, &of("success").context("JOB", "heal"));
    ended.expect("already_green", 0);
    nothing_ran(&runner, &ended);

    // What it needs was cancelled: nobody says that the code is fine.
    let runner = stage.runner();
    let ended =
        stage.heal(&runner, &of("cancelled").context("JOB", "heal").with("command", "python3 -m unittest"));
    ended.expect("already_green", 0);
    ended.says("nor that the run is green: the job `Unit tests (2)` ended as `cancelled`");
    assert!(events(&runner).contains(&"executed".to_owned()), "the plan is run");
}

#[test]
fn what_github_does_not_say_is_found_by_running_it() {
    let cases = [
        (
            "a cancelled sibling",
            vec![healing_job("test"), FakeJob::new("lint", "cancelled", "")],
            "the job `lint` ended as `cancelled`",
        ),
        ("our own job is not in the list", Vec::new(), "the job of the healing step is not in its list"),
        (
            "the step before shows no end",
            vec![FakeJob { steps: vec![("Test", ""), ("Heal", "")], ..healing_job("test") }],
            "the step `Test` shows no result yet",
        ),
    ];
    let stage = stage();
    for (what, jobs, why) in cases {
        let runner = stage.runner();
        let ended = stage.heal(&runner, &step_in(&stage, jobs));
        ended.expect("already_green", 0);
        assert!(events(&runner).contains(&"executed".to_owned()), "{what}: the plan is run");
        let warnings = ended.results["warnings"].to_string();
        assert!(warnings.contains("GitHub does not say") && warnings.contains(why), "{what}: {warnings}");
    }
    // The same, and it is not green at all.
    let stage = Stage::calculator();
    let runner = stage.runner();
    let jobs = vec![healing_job("test"), FakeJob::new("lint", "cancelled", "")];
    stage.heal(&runner, &step_in(&stage, jobs)).expect("healed", 0);
}

#[test]
fn a_heal_tells_the_last_green_run() {
    let stage = Stage::calculator();
    let green = stage.hub.past_run(CI_FILE, &"9".repeat(40), "main", CiScript::passes());
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step().with("wait-for-ci", "false"));
    ended.expect("healed", 0);
    let told = &ended.results["last_green"];
    assert_eq!((told["run_id"].as_u64(), told["sha"].as_str()), (Some(green), Some("9".repeat(40).as_str())));
    assert!(told["url"].as_str().unwrap().ends_with(&green.to_string()));
    // Nobody has that commit.
    assert!(ended.results["changed_since_green"].is_null());
    // Where nothing may be fixed, nobody asks.
    let asked = || {
        stage
            .hub
            .requests()
            .iter()
            .filter(|r| r.starts_with("GET") && r.contains("/actions/workflows/"))
            .count()
    };
    assert_eq!(asked(), 1);
    let ended = stage.heal(&stage.runner(), &stage.step().with("mode", "diagnose"));
    ended.expect("diagnosed", 0);
    assert_eq!(asked(), 1);
    assert!(ended.results["last_green"].is_null());
}

#[test]
fn with_nothing_changed_since_green_the_environment_is_suspected() {
    let stage = Stage::calculator();
    stage.hub.past_run(CI_FILE, &stage.head, "main", CiScript::passes());
    let ended = stage.heal(&stage.runner(), &stage.step().with("wait-for-ci", "false"));
    ended.expect("healed", 0);
    ended.says("nothing changed in the code since: the environment is suspected");
    assert_eq!(ended.results["changed_since_green"]["files"], serde_json::json!([]));
}
