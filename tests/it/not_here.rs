//! What is not here: steps that cannot run, actions that are not known, secrets that nobody passed on. What fails for it
//! ends the run by its name and costs no token; what fails by itself is healed all the same.

use crate::heal::{CI, Story, right};
use crate::support::llm::{ScriptedLlm, Speaks};

const ADD: &str = "def add(a, b):\n    return a - b\n";
const ADD_TEST: &str = "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n";
const STEP: &str = "      - name: Test\n";

fn calculator(ci: &str) -> Story {
    Story::new(&[(".github/workflows/ci.yml", ci), ("calc.py", ADD), ("test_calc.py", ADD_TEST)])
        .flag("flaky-runs", "1")
}

/// Nobody says what became of the actions: what fails behind them is the code's by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_of_the_code_is_healed_behind_actions_that_nobody_knows() {
    let before = "      - uses: Swatinem/rust-cache@v2\n      - uses: someone/setup-thing@v1\n      - uses: docker/setup-buildx-action@v3\n      - uses: dorny/paths-filter@v3\n      - name: Test\n";
    let after = "        run: python3 -m unittest\n      - uses: someone/tell-us@v1\n        if: always()\n      - uses: codecov/codecov-action@v5\n        with:\n          token: ${{ secrets.CODECOV_TOKEN }}\n";
    let ci = CI.replace(STEP, before).replace("        run: python3 -m unittest\n", after);
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = calculator(&ci).with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_unknown_action_may_have_brought_is_not_looked_for_in_the_code() {
    let ci = CI.replace(STEP, "      - uses: someone/generates@v1\n      - name: Test\n");
    let test = "import unittest\n\nfrom generated import table\n\n\nclass T(unittest.TestCase):\n    def test_table(self):\n        self.assertEqual(table(), 3)\n";
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![]).await;
    let story =
        Story::new(&[(".github/workflows/ci.yml", &ci), ("test_table.py", test)]).with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("refused", 1);
    let summary = std::fs::read_to_string(story.repo().join(".ci-healer/summary.md")).unwrap();
    for words in ["`Test` fails behind `someone/generates@v1`", "is not known", "`command`", "actions: read"]
    {
        assert!(summary.contains(words), "{words}: {summary}");
    }
    assert!(gemini.asked().is_empty());
    assert_eq!(ended.executions, 1);
}

/// The fix is right as far as anything can be run here: it is neither lost nor called healed.
#[tokio::test(flavor = "multi_thread")]
async fn a_fix_before_a_step_that_cannot_run_here_is_part_of_a_heal() {
    let ci = format!(
        "{CI}      - name: Image\n        run: docker build .\n      - name: Rest\n        run: 'false'\n"
    );
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = calculator(&ci).with_gemini(&gemini).flag("mode", "patch");
    let ended = story.heal().await;
    ended.expect("partial", 1);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
    assert!(ended.text.contains("\"Image\" cannot be reproduced"), "{}", ended.text);
    assert_eq!(gemini.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_which_nothing_can_run_here_ends_before_anything_is_fetched() {
    let ci =
        "on: push\njobs:\n  image:\n    runs-on: ubuntu-latest\n    steps:\n      - run: docker build .\n";
    let story = calculator(ci);
    let ended = story.heal().await;
    ended.expect("refused", 1);
    let summary = std::fs::read_to_string(story.repo().join(".ci-healer/summary.md")).unwrap();
    assert!(summary.contains("sandbox-docker: on"), "{summary}");
    assert!(
        ended.text.contains("has no step that can be run here: it needs a Docker engine"),
        "{}",
        ended.text
    );
    assert_eq!(ended.executions, 0);
}

fn with_secret(run: &str) -> String {
    let step = format!("{run}\n        env:\n          CODECOV_TOKEN: ${{{{ secrets.CODECOV_TOKEN }}}}\n");
    CI.replace("python3 -m unittest\n", &step)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_for_a_secret_ends_with_its_name_and_costs_nothing() {
    let needs = "import os\nimport unittest\n\n\nclass T(unittest.TestCase):\n    def test_key(self):\n        if not os.environ.get('API_KEY'):\n            raise RuntimeError('API_KEY is not set')\n";
    let by_test = CI.replace(
        "python3 -m unittest\n",
        "python3 -m unittest\n        env:\n          API_KEY: ${{ secrets.SERVICE_KEY }}\n",
    );
    let by_shell = CI.replace(
        "python3 -m unittest\n",
        "'echo \"${API_KEY:?}\"'\n        env:\n          API_KEY: ${{ secrets.SERVICE_KEY }}\n",
    );
    let of_job =
        CI.replace("    steps:\n", "    env:\n      API_KEY: ${{ secrets.SERVICE_KEY }}\n    steps:\n");
    for ci in [by_test, by_shell, of_job] {
        let gemini = ScriptedLlm::new(Speaks::Gemini, vec![]).await;
        let story =
            Story::new(&[(".github/workflows/ci.yml", &ci), ("test_key.py", needs)]).with_gemini(&gemini);
        let ended = story.heal().await;
        ended.expect("environment", 3);
        let summary = std::fs::read_to_string(story.repo().join(".ci-healer/summary.md")).unwrap();
        let advice = "sandbox-env: |\n    SERVICE_KEY=${{ secrets.SERVICE_KEY }}";
        assert!(summary.contains(advice), "{ci}\n{summary}");
        assert!(ended.text.contains("secrets.SERVICE_KEY"), "{}", ended.text);
        assert!(gemini.asked().is_empty());
        assert_eq!(ended.executions, 1, "{}", ended.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_only_passes_a_secret_is_healed() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = calculator(&with_secret("python3 -m unittest")).with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
}

/// An image without what hosted runners have: the report says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_only_hosted_runners_have_is_the_image_s_lack() {
    let ci = CI.replace("run: python3 -m unittest", "run: kubectl version --client");
    let story = Story::new(&[(".github/workflows/ci.yml", &ci)]).flag("providers", "toolchain");
    let ended = story.heal().await;
    assert_ne!(ended.outcome(), "healed");
    assert!(ended.text.contains("lacks `kubectl`, which GitHub's hosted runners have"), "{}", ended.text);
    let summary = std::fs::read_to_string(story.repo().join(".ci-healer/summary.md")).unwrap();
    assert!(summary.contains("that is not the code's fault"), "{summary}");
}
