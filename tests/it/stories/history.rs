//! The provider `history`: one change since CI was green is taken back, offered as a pull request, and never more than that.

use serde_json::{Value, json};

use super::placements::{MERGE, pull_request_step, pull_request_with};
use super::stage::*;
use crate::support::git::git;
use crate::support::github::{CiScript, FakePull, SLUG};
use crate::support::runner::{Checkout, Credentials, Runner, Step};

const RIGHT: &str = "def passes(points):\n    return points >= 50\n";
const WRONG: &str = "def passes(points):\n    return points > 50\n";
const BOUNDARY: &str = "\
import unittest

from grade import passes


class GradeTest(unittest.TestCase):
    def test_boundary(self):
        self.assertTrue(passes(50))
";

/// Green with the first files, and what came upon them; the checkout has the history.
fn stage(green: &[(&str, &str)], failing: &[(&str, &str)]) -> Stage {
    let (stage, commit) = Stage::since_green(green, failing);
    stage.hub.past_run(CI_FILE, &commit, "main", CiScript::passes());
    stage
}

fn boundary() -> Stage {
    stage(&[(CI_FILE, CI), ("grade.py", RIGHT), ("test_grade.py", BOUNDARY)], &[("grade.py", WRONG)])
}

fn step(stage: &Stage) -> Step {
    stage.step().with("providers", "toolchain,history")
}

#[track_caller]
fn nothing_offered(stage: &Stage, ended: &Ended) {
    assert!(stage.heal_branches().is_empty() && stage.hub.pulls().is_empty());
    assert!(!ended.results["iterations"].to_string().contains("\"history\""), "{:#}", ended.results);
}

#[test]
fn a_boundary_that_moved_since_green_is_offered_back_as_a_pull_request() {
    let stage = boundary();
    stage.hub.script(CI_FILE, CiScript::passes());
    let runner = stage.runner();
    let ended = stage.heal(&runner, &step(&stage));
    ended.expect("healed", 0);
    let (branch, commit, parent, changed) = stage.heal_commit();
    assert_eq!((parent.as_str(), changed), (stage.head.as_str(), vec!["grade.py".to_owned()]));
    assert_eq!(stage.show(&format!("{branch}:grade.py")), RIGHT);
    let pulls = stage.hub.pulls();
    let [pull] = pulls.as_slice() else { panic!("{}", pulls.len()) };
    let short = &stage.head[..7];
    assert_eq!(pull.title, format!("revert \"broken\" ({short})"));
    assert!(pull.body.contains(&format!("Made in {} by", stage.head)), "{}", pull.body);
    assert!(pull.body.contains("line 2 of `grade.py`"), "{}", pull.body);
    assert_eq!(git(&stage.bare(), &["log", "-1", "--format=%s", &commit]), pull.title);
    let offered = &ended.results["iterations"][0]["proposals"][0];
    assert_eq!((&offered["provider"], &offered["verdict"]), (&json!("history"), &json!("kept")));
    assert_eq!(offered["reverts"]["commit"]["sha"], stage.head.as_str());
    // What the failing test ran was looked at without a model.
    assert_eq!(ended.results["traced"][0]["suspects"][0]["name"], "passes");
    assert!(ended.proof.is_some());
}

#[test]
fn a_test_that_came_with_the_change_is_believed() {
    let other = BOUNDARY.replace("passes(50)", "passes(51)");
    let green = [(CI_FILE, CI), ("grade.py", RIGHT), ("test_grade.py", other.as_str())];
    let stage = stage(&green, &[("grade.py", WRONG), ("test_grade.py", BOUNDARY)]);
    let ended = stage.heal(&stage.runner(), &step(&stage));
    ended.expect("exhausted", 1);
    nothing_offered(&stage, &ended);
}

#[test]
fn left_out_of_the_providers_it_is_off() {
    let stage = boundary();
    let ended = stage.heal(&stage.runner(), &stage.step());
    ended.expect("exhausted", 1);
    nothing_offered(&stage, &ended);
    assert_eq!(ended.results["traced"], Value::Null, "nobody needs to know what ran");
}

#[test]
fn a_pull_request_s_own_change_is_its_author_s() {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    stage.hub.past_run(CI_FILE, &stage.head, "main", CiScript::passes());
    let (head, merge) = pull_request_with(&stage, "def add(a, b):\n    return a - b\n");
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::V6);
    let step = pull_request_step(&stage, &head, &merge, SLUG).with("providers", "toolchain,history");
    let ended = stage.heal(&runner, &step);
    ended.expect("exhausted", 1);
    nothing_offered(&stage, &ended);
    assert!(ended.results["changed_since_green"].is_object(), "what changed is known all the same");
}

/// The step after a failed push to `topic`, which was green where `main` was, and its checkout.
fn on_topic(stage: &Stage) -> (Runner, Step) {
    git(&stage.bare(), &["branch", "topic", "main"]);
    let run = stage.failed_run(&stage.head, "topic");
    let green = git(&stage.bare(), &["rev-parse", "main^"]);
    stage.hub.past_run(CI_FILE, &green, "topic", CiScript::passes());
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, Checkout::Branch("topic"), Credentials::V6);
    let step = step(stage)
        .context("REF", "refs/heads/topic")
        .context("REF_NAME", "topic")
        .context("RUN_ID", &run.to_string())
        .with("check-run-id", &(run * 1000).to_string());
    (runner, step)
}

#[test]
fn a_push_to_a_pull_request_s_branch_is_no_other_thing() {
    let stage = boundary();
    let (runner, step) = on_topic(&stage);
    stage.hub.add_pull(FakePull {
        number: 7,
        head: "topic".to_owned(),
        base: "main".to_owned(),
        title: "work".to_owned(),
        body: String::new(),
        draft: false,
        open: true,
        merged: false,
    });
    let ended = stage.heal(&runner, &step);
    ended.expect("exhausted", 1);
    assert!(stage.heal_branches().is_empty());
    assert_eq!(stage.hub.pulls().len(), 1);
    // Without one it is a branch as any other.
    stage.hub.change_pull(stage.hub.pulls()[0].number, |pull| pull.open = false);
    stage.hub.script(CI_FILE, CiScript::passes());
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, Checkout::Branch("topic"), Credentials::V6);
    stage.heal(&runner, &step).expect("healed", 0);
    assert_eq!(stage.hub.pulls().last().unwrap().base, "topic");
}

#[test]
fn upon_the_failing_branch_no_revert_is_pushed() {
    let stage = boundary();
    let (runner, step) = on_topic(&stage);
    let step = step.with("branch", "{ref}");
    let ended = stage.heal(&runner, &step);
    ended.expect("exhausted", 1);
    nothing_offered(&stage, &ended);
    assert!(
        ended.results["warnings"].to_string().contains("`history` is off"),
        "{:#}",
        ended.results["warnings"]
    );
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic"]), stage.head);
}
