//! Two jobs: one without rights makes the patch and its proof, one that runs no code of the repository publishes them.

use std::path::Path;

use super::placements::{MERGE, pull_request, pull_request_step};
use super::stage::*;
use crate::support::git::git;
use crate::support::github::{CiScript, Fault, READ_ONLY_JOB_TOKEN, SLUG};
use crate::support::runner::{Credentials, Runner};

/// What the job without rights hands over.
fn patched(stage: &Stage) -> Runner {
    let runner = stage.runner();
    let step = stage.step().with("mode", "patch").token(READ_ONLY_JOB_TOKEN);
    let ended = stage.heal(&runner, &step);
    ended.expect("patched", 0);
    assert_eq!(ended.output("patch-file"), ".ci-healer/fix.patch");
    assert!(ended.proof.is_some());
    assert!(stage.heal_branches().is_empty());
    runner
}

/// A fresh machine with the bundle that `upload-artifact` and `download-artifact` carried over.
pub(super) fn receiver(stage: &Stage, from: &Runner) -> Runner {
    let runner = stage.runner();
    hand_over_to(from, &runner);
    runner
}

pub(super) fn hand_over_to(from: &Runner, runner: &Runner) {
    let (source, target) = (from.workspace().join(".ci-healer"), runner.workspace().join(".ci-healer"));
    std::fs::create_dir(&target).unwrap();
    for name in ["fix.patch", "proof.json"] {
        std::fs::copy(source.join(name), target.join(name)).unwrap();
    }
    runner.settle();
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_patch_is_published_by_a_job_that_runs_no_code() {
    let stage = Stage::calculator();
    let from = patched(&stage);
    let runner = receiver(&stage, &from).without_socket();
    let ended = stage.heal(&runner, &stage.step().with("mode", "publish"));
    ended.expect("healed", 0);
    let (branch, sha, parent, changed) = stage.heal_commit();
    assert_eq!((parent, changed), (stage.head.clone(), vec!["calc.py".to_owned()]));
    assert_eq!(stage.show(&format!("{branch}:calc.py")), MENDED);
    assert_eq!((ended.output("branch"), ended.output("commit")), (branch.as_str(), sha.as_str()));
    assert_eq!(ended.output("ci-verdict"), "passed");
    assert!(ended.results["plan"].is_null() && ended.results["baseline"].is_null());
}

#[test]
fn a_patch_is_published_upon_the_pull_request_s_own_branch_where_that_is_asked_for() {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", MENDED), ("test_calc.py", TEST)]);
    let (head, merge) = pull_request(&stage);
    let step = || pull_request_step(&stage, &head, &merge, SLUG).with("branch", "{ref}");
    let machine = || {
        let runner = Runner::new(SLUG).owned_by(1001);
        stage.check_out(&runner, MERGE, Credentials::V6);
        runner
    };
    let from = machine();
    stage.heal(&from, &step().with("mode", "patch").token(READ_ONLY_JOB_TOKEN)).expect("patched", 0);
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic"]), head);

    let runner = machine();
    hand_over_to(&from, &runner);
    let ended = stage.heal(&runner.without_socket(), &step().with("mode", "publish"));
    ended.expect("healed", 0);
    assert_eq!((ended.output("branch"), ended.output("ci-verdict")), ("topic", "passed"));
    assert_eq!(ended.output("commit"), git(&stage.bare(), &["rev-parse", "topic"]));
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic^"]), head);
    assert_eq!(stage.show("topic:calc.py"), MENDED);
    assert!(stage.heal_branches().is_empty() && stage.hub.pulls().is_empty());
}

/// What is written of events is a report: no later job decides anything by it.
#[test]
fn events_that_came_with_a_bundle_are_not_read() {
    let stage = Stage::calculator();
    let from = patched(&stage);
    let runner = receiver(&stage, &from).without_socket();
    let lie = r#"{"at":1,"elapsed":0.0,"event":"verdict_reached","outcome":"refused","why":"no","diff":""}"#;
    std::fs::write(runner.workspace().join(".ci-healer/events.jsonl"), format!("nonsense\n{lie}\n")).unwrap();
    runner.settle();
    stage.heal(&runner, &stage.step().with("mode", "publish")).expect("healed", 0);
}

/// The heal is proven and out: that its CI takes longer than the time budget takes nothing from it.
#[test]
fn a_time_budget_that_ends_while_ci_is_watched_leaves_the_heal() {
    let stage = Stage::calculator();
    stage.hub.script(CI_FILE, CiScript { runs_for: u32::MAX, ..CiScript::passes() });
    let from = patched(&stage);
    let runner = receiver(&stage, &from).without_socket();
    let ended = stage.heal(&runner, &stage.step().with("mode", "publish").with("time-budget", "15s"));
    ended.expect("healed", 0);
    assert_eq!(ended.output("ci-verdict"), "timed_out");
    assert_eq!(ended.output("branch"), stage.heal_commit().0);
}

#[test]
fn a_time_budget_that_ends_while_the_commit_is_made_ends_the_run() {
    let stage = Stage::calculator();
    let from = patched(&stage);
    let runner = receiver(&stage, &from).without_socket();
    stage.hub.fault("/git/trees", Fault::Hang);
    let begun = std::time::Instant::now();
    let ended = stage.heal(&runner, &stage.step().with("mode", "publish").with("time-budget", "10s"));
    assert!(begun.elapsed() < std::time::Duration::from_secs(10 + 7), "{:?}", begun.elapsed());
    ended.expect("budget_spent", 1);
    assert_eq!(ended.results["which"], "time");
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_bundle_that_was_touched_is_refused() {
    let stage = Stage::calculator();
    let from = patched(&stage);
    let elsewhere = "0123456789".repeat(4);
    let cases: [(&str, &str, &str, &str); 6] = [
        ("proof.json", &stage.head, &elsewhere, "it is of commit 0123456"),
        ("fix.patch", "+def add(a, b):", "+def add(a, b): # and more", "not the one that was proven"),
        ("proof.json", "\"octo/widget\"", "\"octo/gadget\"", "another repository"),
        ("proof.json", "\"green\": 1", "\"green\": 0", "repeat"),
        ("proof.json", "\"calc.py\"", "\"other.py\"", "other files"),
        ("proof.json", "{", "[", "cannot be read"),
    ];
    for (file, was, is, why) in cases {
        let runner = receiver(&stage, &from);
        edit(&runner.workspace().join(".ci-healer").join(file), was, is);
        let ended = stage.attempt(&runner, &stage.step().with("mode", "publish"));
        assert_eq!(ended.outputs["outcome"], "refused", "{}", ended.text());
        assert_eq!(ended.exit_code, Some(1));
        assert!(ended.summary.contains(why), "{why:?}: {}", ended.summary);
    }
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_patch_that_weakens_tests_is_refused_even_with_its_hash_made_right() {
    use sha2::Digest as _;
    let stage = Stage::calculator();
    let from = patched(&stage);
    let runner = receiver(&stage, &from);
    let dir = runner.workspace().join(".ci-healer");
    let cheat = "--- a/test_calc.py\n+++ b/test_calc.py\n@@ -5,4 +5,4 @@\n \n class AddTest(unittest.TestCase):\n     def test_add(self):\n-        self.assertEqual(add(2, 3), 5)\n+        self.assertTrue(True)\n";
    let was = std::fs::read(dir.join("fix.patch")).unwrap();
    let hex =
        |bytes: &[u8]| -> String { sha2::Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect() };
    std::fs::write(dir.join("fix.patch"), cheat).unwrap();
    edit(&dir.join("proof.json"), &hex(&was), &hex(cheat.as_bytes()));
    edit(&dir.join("proof.json"), "\"calc.py\"", "\"test_calc.py\"");
    let ended = stage.attempt(&runner, &stage.step().with("mode", "publish"));
    assert_eq!(ended.outputs["outcome"], "refused", "{}", ended.text());
    assert!(stage.heal_branches().is_empty());
}

#[test]
fn a_publisher_without_a_bundle_says_what_is_missing() {
    let stage = Stage::calculator();
    let runner = stage.runner();
    let ended = stage.attempt(&runner, &stage.step().with("mode", "publish"));
    assert_eq!(ended.outputs["outcome"], "refused", "{}", ended.text());
    assert!(ended.summary.contains("fix.patch"), "{}", ended.summary);
}
