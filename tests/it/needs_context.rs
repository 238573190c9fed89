//! Right fixes that lie outside of what a model was shown, through a real engine: they run at the first offer, or once
//! what was asked for is shown; and what never ran is never called tried.

use crate::heal::{CI, Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

/// What became of each proposal: the kind of rejection, or the verdict.
fn verdicts(ended: &Ended) -> Vec<String> {
    let iterations = ended.results["iterations"].as_array().unwrap();
    let proposals = iterations.iter().flat_map(|i| i["proposals"].as_array().unwrap());
    proposals.map(|p| p["rejection"]["kind"].as_str().or(p["verdict"].as_str()).unwrap().to_owned()).collect()
}

fn story(files: &[(&str, &str)]) -> Story {
    let ci = [(".github/workflows/ci.yml", CI)];
    Story::new(&[&ci, files].concat()).flag("flaky-runs", "0")
}

/// Heals with these answers, asked for in turn.
async fn heal(story: Story, answers: Vec<Answer>) -> (Story, Ended, ScriptedLlm) {
    let gemini = ScriptedLlm::new(Speaks::Gemini, answers).await;
    let story = story.with_gemini(&gemini);
    let ended = story.heal().await;
    assert_eq!(gemini.complaints(), [""; 0]);
    (story, ended, gemini)
}

const SHOP: &str = "\
def one():
    return 1


def one_old():
    x = 1
    y = 2
    return x + y


def two():
    return 2
";

const GONE_TEST: &str = "\
import unittest

import shop


class GoneTest(unittest.TestCase):
    def test_gone(self):
        self.assertFalse(hasattr(shop, 'one' + '_old'))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_right_edit_outside_of_what_was_shown_runs_at_the_first_offer() {
    let fix =
        Answer::fix(0.9, &[("shop.py", "def one_old():\n    x = 1\n    y = 2\n    return x + y\n\n\n", "")]);
    // Further down than a model is shown of a file at first.
    let shop = "LIMIT = 1\n".repeat(200) + SHOP;
    let files = [("shop.py", shop.as_str()), ("test_shop.py", GONE_TEST)];
    let (story, ended, gemini) = heal(story(&files), vec![fix]).await;
    ended.expect("healed", 0);
    assert!(!story.healed_file("shop.py").contains("one_old"));
    assert_eq!((gemini.asked().len(), ended.results["budget"]["attempts"]["spent"].as_u64()), (1, Some(1)));
    assert_eq!(verdicts(&ended), ["needs_context", "kept"], "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_asks_is_shown_what_it_asked_for() {
    let files = [
        ("shop/__init__.py", ""),
        (
            "shop/cart.py",
            "import importlib\n\n\ndef total(price):\n    rates = importlib.import_module('shop.' + 'rates')\n    return price * rates.FACTOR\n",
        ),
        ("shop/rates.py", "FACTOR = 1.9\n"),
        (
            "test_cart.py",
            "import unittest\n\nfrom shop.cart import total\n\n\nclass CartTest(unittest.TestCase):\n    def test_total(self):\n        self.assertEqual(total(10), 20)\n",
        ),
    ];
    let asks = Answer::Text(
        r#"{"reason":"where is it","confidence":0,"edits":[{"needs":"shop/rates.py"}]}"#.to_owned(),
    );
    let fix = Answer::fix(0.9, &[("shop/rates.py", "FACTOR = 1.9", "FACTOR = 2")]);
    let (story, ended, gemini) = heal(story(&files), vec![asks, fix]).await;
    ended.expect("healed", 0);
    assert_eq!(story.healed_file("shop/rates.py"), "FACTOR = 2\n");
    let asked = gemini.asked();
    assert!(!asked[0].prompt().contains("FACTOR = 1.9"), "it was not shown at first: {}", asked[0].prompt());
    assert!(asked[1].prompt().contains("FACTOR = 1.9") && !asked[1].prompt().contains("Tried before"));
    assert_eq!(verdicts(&ended), ["needs_context", "kept"], "{}", ended.text);
    assert_eq!(ended.results["budget"]["attempts"]["spent"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fix_that_adds_a_module_lands_at_the_first_offer() {
    let files = [
        ("shop/__init__.py", ""),
        (
            "test_shop.py",
            "import unittest\n\nfrom shop.discount import percent\n\n\nclass DiscountTest(unittest.TestCase):\n    def test_percent(self):\n        self.assertEqual(percent(200, 10), 20)\n",
        ),
    ];
    let module = "def percent(price, rate):\n    return price * rate / 100\n";
    let fix = Answer::fix(0.9, &[("shop/discount.py", "", module)]);
    let (story, ended, gemini) = heal(story(&files), vec![fix]).await;
    ended.expect("healed", 0);
    assert_eq!(story.healed_file("shop/discount.py"), module);
    assert_eq!((gemini.asked().len(), ended.results["budget"]["attempts"]["spent"].as_u64()), (1, Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_file_is_deleted_and_one_in_use_is_not() {
    let loads = "\
import importlib
import pkgutil
import unittest

import shop


class LoadTest(unittest.TestCase):
    def test_all_load(self):
        for module in pkgutil.iter_modules(shop.__path__):
            importlib.import_module('shop.' + module.name)
";
    let files = [
        ("shop/__init__.py", ""),
        ("shop/cart.py", "x = 1\n"),
        ("shop/attic.py", "import nowhere\n"),
        ("test_load.py", loads),
    ];
    let delete = || Answer::fix(0.9, &[("shop/attic.py", "import nowhere\n", "")]);
    let (story_, ended, gemini) = heal(story(&files), vec![delete()]).await;
    ended.expect("healed", 0);
    assert_eq!(gemini.asked().len(), 1);
    let diff = ended.results["diff"].as_str().unwrap();
    assert!(diff.contains("deleted file") && diff.contains("shop/attic.py"), "{diff}");
    assert_eq!(story_.healed_file("shop/attic.py"), "", "it is gone from the branch");

    // Where somebody names it, it is not dead.
    let used = [("run.py", "from shop import attic\n")];
    let (_, ended, _) =
        heal(story(&[&files[..], &used[..]].concat()).flag("max-attempts", "1"), vec![delete()]).await;
    assert_eq!(verdicts(&ended), ["test_weakening"], "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_line_of_a_finding_over_ten_lines_can_be_edited_at_once() {
    let table = "TABLE = [\n    2,\n    3,\n    4,\n    5,\n    6,\n    7,\n    8,\n    9,\n    11,\n]\n";
    // Prints as ruff does.
    let lint = r#"import sys
lines = open("table.py").read().split("\n")
if lines[9] != "    10,":
    print("RUF999 The table has a gap\n  --> table.py:1:1\n   |")
    for number, line in enumerate(lines[:10], 1):
        print(f"{number:2} | {'/' if number == 1 else '|'} {line}")
    print("   | |_____^\n   |\n\nFound 1 error.")
    sys.exit(1)
"#;
    let ci = CI.replace("python3 -m unittest", "python3 lint.py");
    let files = [(".github/workflows/ci.yml", ci.as_str()), ("lint.py", lint), ("table.py", table)];
    let story = Story::new(&files).flag("flaky-runs", "0").flag("providers", "gemini");
    let fix = Answer::fix(0.9, &[("table.py", "    11,", "    10,")]);
    let (_, ended, gemini) = heal(story, vec![fix]).await;
    ended.expect("healed", 0);
    assert_eq!(ended.results["baseline"]["bugs"][0]["end_line"], 10, "{}", ended.text);
    assert_eq!(verdicts(&ended), ["kept"], "{}", ended.text);
    assert_eq!(gemini.asked().len(), 1);
}
