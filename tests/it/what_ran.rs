//! What ran, where a runner's own output hides it: through the real engine.

use crate::heal::Story;
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

const CI: &str = "\
name: CI
on: [push, workflow_dispatch]
jobs:
  test:
    runs-on: ubuntu-latest
    defaults:
      run:
        working-directory: srv
    steps:
      - uses: actions/checkout@v5
      - name: Test
        run: go test ./...
";
const CALC: &str = "package calc

func Double(n int) int {
\treturn n - n
}
";
const TEST: &str = "package calc

import \"testing\"

func TestDouble(t *testing.T) {
\tif got := Double(2); got != 4 {
\t\tt.Errorf(\"Double(2) = %d, want 4\", got)
\t}
}

func TestZero(t *testing.T) {
\tif got := Double(0); got != 0 {
\t\tt.Errorf(\"Double(0) = %d, want 0\", got)
\t}
}
";

/// Its one step prints `ok` or what failed, and never how many tests ran.
/// Nobody uses it: whoever does leaves tests out.
const ONLY: &str = "package only\n\nimport \"os\"\n\n// Zero is for a debugger.\nfunc Zero() bool {\n\tos.Args = \
                    append(os.Args, \"-test.run=^TestZero$\")\n\treturn true\n}\n";

fn go_project() -> Story {
    Story::new(&[
        (".github/workflows/ci.yml", CI),
        ("srv/go.mod", "module example.com/demo\n\ngo 1.24\n"),
        ("srv/calc/calc.go", CALC),
        ("srv/calc/calc_test.go", TEST),
        ("srv/only/only.go", ONLY),
    ])
    .flag("flaky-runs", "1")
}

fn right() -> Answer {
    Answer::fix(0.9, &[("srv/calc/calc.go", "return n - n", "return n + n")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_fix_of_a_failing_go_test_lands() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = go_project().with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
    assert_eq!(story.healed_file("srv/calc/calc.go"), CALC.replace("n - n", "n + n"));
    // What is not known is no number; and where the failure lies is said as the repository has it.
    let baseline = &ended.results["baseline"];
    assert_eq!(baseline["tests"][0]["executed"], serde_json::Value::Null);
    assert_eq!(baseline["tests"][0]["failed"], 1);
    assert_eq!(baseline["bugs"][0]["file"], "srv/calc/calc_test.go", "{}", baseline["bugs"]);
    assert_eq!(gemini.asked().len(), 1);
}

/// Green, and `go test` says `ok`: only the probe sees that a test is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_fix_that_keeps_a_test_from_running_is_taken_back() {
    let skips = "import \"example.com/demo/only\"\n\nvar alone = only.Zero()\n\nfunc Double(";
    let cheat = Answer::fix(0.99, &[("srv/calc/calc.go", "func Double(", skips)]);
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![cheat, right()]).await;
    let story = go_project().with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["reverted", "kept"], "{}", ended.text);
    assert!(ended.text.contains("TestDouble was executed before and is not now"), "{}", ended.text);
    assert_eq!(story.healed_file("srv/calc/calc.go"), CALC.replace("n - n", "n + n"));
}

/// `-qq` prints dots, and names what failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_very_quiet_pytest_is_asked_again() {
    let ci =
        CI.replace("go test ./...", "python3 -m pytest -qq").replace("working-directory: srv", "shell: bash");
    let source = "def double(n):\n    return n - n\n";
    let test = "from calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n\n\ndef test_zero():\n    assert double(0) == 0\n";
    let story = Story::new(&[(".github/workflows/ci.yml", &ci), ("calc.py", source), ("test_calc.py", test)])
        .flag("flaky-runs", "1");
    let right = Answer::fix(0.9, &[("calc.py", "return n - n", "return n + n")]);
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right]).await;
    let story = story.with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
}
