//! What may be changed in test files: without leave, by leave, and what the proof makes of it.

use crate::heal::Story;
use crate::support::git::git;
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

/// A lint job, which runs no test.
const FORMAT_CI: &str = "\
name: CI
on: [push, workflow_dispatch]
jobs:
  format:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - name: Format
        run: |
          pip install -q ruff==0.14.0
          ruff format --check --diff .
";

const APP: &str = "def double(n):\n    return n * 2\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_format_failure_in_a_test_file_heals_without_any_input() {
    let test = "from app import double\n\n\ndef test_double( ):\n    assert double( 2 )==4,'twice'\n";
    let story =
        Story::new(&[(".github/workflows/ci.yml", FORMAT_CI), ("app.py", APP), ("tests/test_app.py", test)])
            .flag("providers", "toolchain");
    let ended = story.heal().await;
    ended.expect("healed", 0);
    let formatted = "from app import double\n\n\ndef test_double():\n    assert double(2) == 4, \"twice\"\n";
    assert_eq!(story.healed_file("tests/test_app.py"), formatted);
}

const TEST_CI: &str = "\
name: CI
on: [push, workflow_dispatch]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - name: Test
        run: python3 -m unittest -v
";
const WRONG_TEST: &str = "import unittest\n\nfrom app import double\n\n\nclass DoubleTest(unittest.TestCase):\n    def test_double(self):\n        self.assertEqual(double(2), 5)\n";

fn wrong_test() -> Story {
    Story::new(&[(".github/workflows/ci.yml", TEST_CI), ("app.py", APP), ("test_app.py", WRONG_TEST)])
        .flag("flaky-runs", "0")
}

fn corrected() -> Answer {
    Answer::fix(0.9, &[("test_app.py", "double(2), 5", "double(2), 4")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_test_is_corrected_where_the_user_allows_it() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![corrected()]).await;
    let story = wrong_test().with_gemini(&gemini).flag("allow-test-edits", "true");
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
    assert!(story.healed_file("test_app.py").contains("double(2), 4"));
    let proof = std::fs::read_to_string(story.repo().join(".ci-healer/proof.json")).unwrap();
    let proof: serde_json::Value = serde_json::from_str(&proof).unwrap();
    assert_eq!(proof["left_out"][0]["reason"], "allow_test_edits", "{proof}");
    assert!(gemini.asked()[0].prompt().contains("`allow-test-edits` is true"));
    assert_eq!(git(&story.repo(), &["status", "--porcelain", "--untracked-files=no"]), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_the_rule_is_told_before_the_first_answer() {
    let gemini = ScriptedLlm::answering(Speaks::Gemini, |_, _| corrected()).await;
    let story = wrong_test().with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("exhausted", 1);
    assert!(gemini.asked()[0].prompt().contains("`allow-test-edits` is false"));
    assert!(story.heal_branches().is_empty());
}
