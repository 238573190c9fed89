//! A part of a heal: what is fixed is proven for itself, something else stays red, and nobody is told otherwise.

use super::placements::{MERGE, pull_request, pull_request_step};
use super::split::{hand_over_to, receiver};
use super::stage::*;
use crate::support::git::git;
use crate::support::github::{READ_ONLY_JOB_TOKEN, SLUG};
use crate::support::runner::{Credentials, Runner};

/// A step that the toolchain can heal, and one behind it, never reached by CI, that it cannot.
pub(super) const TWO_STEPS: &str = "\
name: CI
on:
  push:
    branches: [main]
  workflow_dispatch:
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: Test
        run: python3 -m py_compile calc.py
      - name: More
        run: python3 -m unittest -v
      - name: Heal
        if: failure()
        uses: ci-healer/ci-healer@v1
";
pub(super) const WRONG: &str = "def area(a, b):\n    return a + b\n";
pub(super) const WRONG_TEST: &str = "import unittest\n\nfrom area import area\n\n\nclass AreaTest(unittest.TestCase):\n    def test_area(self):\n        self.assertEqual(area(2, 3), 6)\n";

fn half_healed() -> Stage {
    Stage::new(&[
        (CI_FILE, TWO_STEPS),
        ("calc.py", NO_COLON),
        ("test_calc.py", TEST),
        ("area.py", WRONG),
        ("test_area.py", WRONG_TEST),
    ])
}

#[test]
fn what_is_proven_is_offered_as_a_pull_request_that_says_what_is_still_red() {
    let stage = half_healed();
    let ended = stage.heal(&stage.runner(), &stage.step());
    ended.expect("partial", 1);
    assert_eq!(ended.output("healed"), "false");
    let (branch, _, parent, changed) = stage.heal_commit();
    assert_eq!((parent, changed), (stage.head.clone(), vec!["calc.py".to_owned()]));
    assert_eq!(stage.show("main:calc.py"), NO_COLON, "the failing branch is as it was");
    let pulls = stage.hub.pulls();
    assert_eq!((pulls.len(), &pulls[0].head, pulls[0].base.as_str()), (1, &branch, "main"));
    assert!(
        pulls[0].body.contains("not green yet") && pulls[0].body.contains("test_area"),
        "{}",
        pulls[0].body
    );
    let partial = &ended.results["partial"];
    assert!(
        !partial["fixed"].as_array().unwrap().is_empty() && !partial["left"].as_array().unwrap().is_empty()
    );
    assert_eq!(&ended.proof.as_ref().unwrap()["partial"], partial);
    ended.says("Partly healed");
    // The failure that was found behind it is no healed one.
    for annotation in &ended.step.log.annotations {
        let title = annotation.properties.get("title").map_or("", String::as_str);
        assert!(!title.starts_with("healed:") || annotation.properties["file"] == "calc.py", "{title}");
    }
}

#[test]
fn a_part_never_goes_upon_the_failing_branch() {
    let stage = Stage::new(&[
        (CI_FILE, TWO_STEPS),
        ("calc.py", MENDED),
        ("test_calc.py", TEST),
        ("area.py", WRONG),
        ("test_area.py", WRONG_TEST),
    ]);
    let (head, merge) = pull_request(&stage);
    let runner = Runner::new(SLUG).owned_by(1001);
    stage.check_out(&runner, MERGE, Credentials::V6);
    let step = pull_request_step(&stage, &head, &merge, SLUG).with("branch", "{ref}");
    let ended = stage.heal(&runner, &step);
    ended.expect("partial", 1);
    assert_eq!(git(&stage.bare(), &["rev-parse", "topic"]), head);
    let branch = stage.heal_branches().pop().unwrap();
    assert_eq!(git(&stage.bare(), &["rev-parse", &format!("{branch}^")]), head);
    let pulls = stage.hub.pulls();
    assert_eq!((pulls.len(), &pulls[0].head, pulls[0].base.as_str()), (1, &branch, "topic"));
}

#[test]
fn a_part_stays_here_where_that_is_wanted_or_no_pull_request_may_say_what_is_red() {
    for (input, value) in [("on-partial", "patch"), ("push-partial", "false"), ("pull-request", "never")] {
        let stage = half_healed();
        let ended = stage.heal(&stage.runner(), &stage.step().with(input, value));
        ended.expect("partial", 1);
        assert!(stage.heal_branches().is_empty() && stage.hub.pulls().is_empty(), "{input}: {value}");
        assert_eq!(ended.output("patch-file"), ".ci-healer/fix.patch");
    }
}

#[test]
fn a_part_is_published_by_a_job_that_runs_no_code() {
    let stage = half_healed();
    let from = stage.runner();
    let patch = stage.step().with("mode", "patch").token(READ_ONLY_JOB_TOKEN);
    stage.heal(&from, &patch).expect("partial", 1);
    assert!(stage.heal_branches().is_empty());
    let refused = receiver(&stage, &from).without_socket();
    let step = || stage.step().with("mode", "publish");
    stage.heal(&refused, &step().with("on-partial", "patch")).expect("refused", 1);

    let runner = stage.runner();
    hand_over_to(&from, &runner);
    let ended = stage.heal(&runner.without_socket(), &step());
    ended.expect("partial", 1);
    let (branch, ..) = stage.heal_commit();
    let pulls = stage.hub.pulls();
    assert_eq!((pulls.len(), &pulls[0].head), (1, &branch));
}
