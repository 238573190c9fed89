//! Answers that are made for the failing test and that syntax alone cannot refuse: the counter-proof runs the test again,
//! and with another of its own cases.

use crate::heal::{Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

const CI: &str = "name: CI\non: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: \
                  actions/checkout@v5\n      - name: Test\n        run: python3 -m pytest -q\n";

const DOUBLE: &[(&str, &str)] = &[
    (".github/workflows/ci.yml", CI),
    ("calc.py", "def double(n):\n    return n + 2\n"),
    (
        "test_calc.py",
        "from calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n    assert double(4) == 8\n    assert \
         double(8) == 16\n",
    ),
];

async fn with(files: &[(&str, &str)], edits: &[(&str, &str, &str)]) -> Ended {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![Answer::fix(0.9, edits)]).await;
    let story = Story::new(files)
        .flag("flaky-runs", "0")
        .flag("providers", "gemini")
        .flag("max-attempts", "1")
        .with_gemini(&gemini);
    story.heal().await
}

/// It passed the gate and its proof, and is taken back for what the counter-proof saw.
fn is_taken_back(ended: &Ended, word: &str) {
    assert_ne!(ended.outcome(), "healed", "{}", ended.text);
    let rejection = &ended.results["iterations"][0]["proposals"][0]["rejection"];
    assert_eq!(rejection["kind"], "overfitted", "{rejection:#}\n{}", ended.text);
    assert!(rejection["why"].as_str().unwrap().contains(word), "{rejection:#}");
    assert_eq!(ended.results["diff"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_case_of_the_test_s_own_law_tells_a_special_case() {
    let special = "return n + (2 if n < 3 else 4 if n < 6 else 8)";
    let ended = with(DOUBLE, &[("calc.py", "return n + 2", special)]).await;
    is_taken_back(&ended, "another input");
    let ended = with(DOUBLE, &[("calc.py", "return n + 2", "return 2 * n")]).await;
    ended.expect("healed", 0);
    assert_eq!(ended.results["final_proof"]["counter_proofs"][0]["result"], "caught", "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_given_once_is_taken_back() {
    let files = &[
        (".github/workflows/ci.yml", CI),
        (
            "cart.py",
            "def total(prices):\n    amount = 0\n    for price in prices:\n        amount -= price\n    return amount\n",
        ),
        ("test_cart.py", "from cart import total\n\n\ndef test_total():\n    assert total([1, 2, 4]) == 7\n"),
    ];
    let once = [
        ("cart.py", "def total(prices):", "_waiting = iter([7])\n\n\ndef total(prices):"),
        ("cart.py", "return amount", "return next(_waiting, amount)"),
    ];
    is_taken_back(&with(files, &once).await, "_waiting");
}
