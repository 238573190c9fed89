//! A release broke the build while nobody changed a line of code: what comes of it on GitHub.

use super::stage::*;
use crate::support::github::CiScript;

/// setuptools 82.0.0 left `pkg_resources` out. The fewer releases there are to choose from, the fewer worlds are asked for.
const REQUIREMENTS: &str = "setuptools>=80.9.0,<82.0.1\n";
const NEWER: &str = "\
import pkg_resources


def newer(a, b):
    return pkg_resources.parse_version(a) > pkg_resources.parse_version(b)
";
const TEST: &str = "\
import unittest

from newer import newer


class NewerTest(unittest.TestCase):
    def test_ten_is_more_than_nine(self):
        self.assertTrue(newer('1.10', '1.9'))
";

/// Red since the commit before, which changed a word for readers.
fn stage() -> Stage {
    let ci = "\
name: CI
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: Install
        run: pip install -U -r requirements.txt
      - name: Test
        run: python3 -m unittest
      - name: Heal
        if: failure()
        uses: ci-healer/ci-healer@v1
";
    let green =
        [(CI_FILE, ci), ("requirements.txt", REQUIREMENTS), ("newer.py", NEWER), ("test_newer.py", TEST)];
    let (stage, commit) = Stage::since_green(&green, &[("README.md", "Which is newer?\n")]);
    // On 2 January 2026.
    stage.hub.past_run(CI_FILE, &commit, "main", CiScript::passes());
    stage
}

#[test]
fn a_pin_is_pushed_where_that_is_let_in() {
    let stage = stage();
    stage.hub.script(CI_FILE, CiScript::passes());
    let runner = stage.runner();
    let mut step = stage.step().with("allow-manifest-edits", "true");
    if let Ok(bundle) = std::env::var("SSL_CERT_FILE") {
        let copy = runner.workspace().join("ca.pem");
        std::fs::copy(bundle, &copy).unwrap();
        std::os::unix::fs::chown(&copy, Some(1001), Some(1001)).unwrap();
        step = step.with("ca-bundle", "ca.pem");
    }
    let ended = stage.heal(&runner, &step);
    ended.expect("healed", 0);
    let drift = &ended.results["drift"];
    assert_eq!((&drift["package"], &drift["to"]), (&"setuptools".into(), &"82.0.0".into()), "{drift:#}");
    assert_eq!(drift["proven"], true, "{drift:#}");
    let (branch, _, parent, changed) = stage.heal_commit();
    assert_eq!((parent.as_str(), changed), (stage.head.as_str(), vec!["requirements.txt".to_owned()]));
    let pinned = stage.show(&format!("{branch}:requirements.txt"));
    assert!(pinned.contains("<82.0.0") && pinned.contains("setuptools 82.0.0"), "{pinned}");
    assert_eq!(stage.hub.pulls().len(), 1);
}
