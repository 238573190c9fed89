//! What CI's record says of steps that cannot run here.

use super::stage::*;
use crate::support::github::{CiScript, FakeJob};
use crate::support::runner::Step;

const BEFORE: &str = "      - name: Database
        run: docker run -d --name pg postgres:16
      - uses: someone/generates@v1
      - name: Test
";

fn stage() -> Stage {
    let ci = CI.replace("      - name: Test\n", BEFORE);
    assert_ne!(ci, CI);
    Stage::new(&[(CI_FILE, &ci), ("calc.py", NO_COLON), ("test_calc.py", TEST)])
}

fn step(stage: &Stage, database: &'static str, action: &'static str) -> Step {
    let steps = vec![
        ("Set up job", "success"),
        ("Database", database),
        ("Run someone/generates@v1", action),
        ("Test", if action == "success" { "failure" } else { "skipped" }),
        ("Heal", ""),
    ];
    let job = FakeJob { steps, runner: "GitHub Actions 7", ..FakeJob::new("test", "", "") };
    let script = CiScript { conclusion: "", jobs: vec![job], ..CiScript::passes() };
    let run = stage.hub.past_run(CI_FILE, &stage.head, "main", script);
    stage.step().context("RUN_ID", &run.to_string()).with("check-run-id", &(run * 1000).to_string())
}

#[test]
fn steps_that_cannot_run_here_and_passed_in_ci_are_passed_over_and_said_first() {
    let stage = stage();
    let runner = stage.runner();
    let ended = stage.heal(&runner, &step(&stage, "success", "success"));
    ended.expect("healed", 0);
    let over = &ended.proof.as_ref().unwrap()["passed_over"];
    let names: Vec<_> = over.as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(names, ["Database", "Run someone/generates@v1"], "{over}");
    assert!(
        over[1]["why"].as_str().unwrap().contains("is not known")
            && over[0]["why"].as_str().unwrap().contains("Docker")
    );
    let summary = &ended.step.summary;
    let said = summary.find("Not run here:").unwrap();
    assert!(said < summary.find("**").unwrap(), "{summary}");
}

#[test]
fn an_action_that_failed_in_ci_ends_the_run_by_its_name() {
    let stage = stage();
    let runner = stage.runner();
    let ended = stage.heal(&runner, &step(&stage, "success", "failure"));
    ended.expect("refused", 1);
    ended.says("\"Run someone/generates@v1\" cannot be reproduced");
    let summary = &ended.step.summary;
    assert!(summary.contains("give the commands that fail as `command`"), "{summary}");
    assert!(stage.heal_branches().is_empty());
}
