//! What cannot work is said at once, and what is broken off leaves nothing behind.

use std::time::Instant;

use super::stage::*;
use crate::support::github::READ_ONLY_JOB_TOKEN;

#[test]
fn a_token_that_may_not_push_stops_the_run_at_its_start() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let ended = stage.heal(&runner, &stage.step().token(READ_ONLY_JOB_TOKEN));
    ended.expect("refused", 1);
    ended.says("permissions:\n  contents: write\n  actions: write\n  pull-requests: write");
    assert!(ended.results["baseline"].is_null(), "nothing ran before");
    let error = &ended.step.log.annotations[0];
    assert_eq!(error.name, "error");
    assert!(error.data.contains("may not push"), "{}", error.data);
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_machine_without_docker_is_told_apart() {
    let stage = Stage::calculator();
    let runner = stage.runner().without_socket();
    let ended = stage.heal(&runner, &stage.step());
    ended.expect("error", 3);
    let error = &ended.step.log.annotations[0];
    assert_eq!(error.name, "error");
    assert!(error.data.contains("/var/run/docker.sock"), "{}", error.data);
    ended.says("/var/run/docker.sock");
}

#[test]
fn a_bad_input_is_named_before_anything_runs() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let step = runner.run(&stage.step().with("max-attempts", "many"));
    assert_eq!(step.exit_code, Some(2), "{}", step.text());
    let error = &step.log.annotations[0];
    for part in ["max-attempts", "many", "from 1 to 100"] {
        assert!(error.data.contains(part), "{part}: {}", error.data);
    }
    assert!(!runner.workspace().join(".ci-healer").exists());
    assert!(stage.hub.requests().is_empty(), "{:?}", stage.hub.requests());
}

#[test]
fn a_cancelled_run_ends_in_time_reports_and_leaves_nothing() {
    let ci = CI.replace("python3 -m unittest", "echo begun\n          sleep 600");
    let stage = Stage::new(&[(CI_FILE, &ci), ("calc.py", NO_COLON), ("test_calc.py", TEST)]);
    let runner = stage.runner();
    let step = stage.step();
    let mut running = runner.start(&step);
    let owner = running.container_id();
    running.wait_for("begun");
    // The echo of the script shows the word as well.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let asked = Instant::now();
    let cancelled = running.cancel();
    let took = asked.elapsed();
    let ended = Ended::after(&runner, cancelled, owner);
    // 130 says that the first, gentle signal was enough: after 7.5 s the runner sends the next.
    ended.expect("cancelled", 130);
    println!("ended {took:?} after the signal");
    ended.says("ancelled");
    let post = runner.run_post(&step, &ended.step);
    assert_eq!(post.exit_code, Some(0), "{}", post.text());
}

#[test]
fn what_a_killed_step_left_is_gone_after_the_post_step() {
    let ci = CI.replace("python3 -m unittest", "sleep 600");
    let stage = Stage::new(&[(CI_FILE, &ci), ("calc.py", NO_COLON), ("test_calc.py", TEST)]);
    let runner = stage.runner();
    let step = stage.step();
    // Every start beside this test sweeps as well, and may be quicker than the look at what is left.
    let (killed, owner) = (0..5)
        .find_map(|_| {
            let mut running = runner.start(&step);
            let owner = running.container_id();
            running.wait_for("GITHUB_WORKSPACE=");
            let killed = running.kill_container();
            assert_eq!(killed.exit_code, Some(137), "{}", killed.text());
            (!leftovers(&owner).is_empty()).then_some((killed, owner))
        })
        .expect("there is something to sweep");
    let post = runner.run_post(&step, &killed);
    assert_eq!(post.exit_code, Some(0), "{}", post.text());
    assert_eq!(leftovers(&owner), "");
}
