//! Right fixes in repositories whose green output names failures.

use super::{heal, tried};
use crate::support::llm::Answer;

/// The one answer is right, and lands at once.
async fn lands(steps: &[&str], files: &[(&str, &str)], edit: (&str, &str, &str)) {
    let ended = heal(steps, files, vec![Answer::fix(0.9, &[edit])]).await;
    ended.expect("healed", 0);
    assert_eq!(tried(&ended), ["kept"], "{}", ended.text);
}

const PYTHON: &str = "def double(n):\n    return n - n\n";
const PYTHON_TEST: &str = "\
import unittest

from calc import double


class CalcTest(unittest.TestCase):
    def test_double(self):
        self.assertEqual(double(2), 4)

    def test_zero(self):
        self.assertEqual(double(0), 0)
";
const PYTHON_FIX: (&str, &str, &str) = ("calc.py", "n - n", "n + n");

/// A test of a test runner, which prints what that said.
#[tokio::test(flavor = "multi_thread")]
async fn a_pytest_inside_of_pytest() {
    let source = "\
import subprocess
import sys


def failures(folder):
    ran = subprocess.run(
        [sys.executable, \"-m\", \"pytest\", \"-p\", \"no:cacheprovider\", folder], capture_output=True, text=True
    )
    print(ran.stdout)
    return ran.stdout.count(\"FAILED \") + 1
";
    let test = "\
from runner import failures


def test_a_failing_sample():
    assert failures(\"samples/failing\") == 1


def test_a_passing_sample():
    assert failures(\"samples/passing\") == 0
";
    let files = [
        ("runner.py", source),
        ("test_runner.py", test),
        ("pytest.ini", "[pytest]\ntestpaths = .\nnorecursedirs = samples\n"),
        (
            "samples/failing/test_sample.py",
            "def test_wrong():\n    assert 1 == 2\n\n\ndef test_right():\n    assert True\n",
        ),
        ("samples/passing/test_fine.py", "def test_fine():\n    assert True\n"),
    ];
    let edit = ("runner.py", "count(\"FAILED \") + 1", "count(\"FAILED \")");
    lands(&["run: python3 -m pytest"], &files, edit).await;
    lands(&["run: python3 -m pytest -s"], &files, edit).await;
}

/// No runner of its own: what is printed last is the sample's summary.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_wants_a_sample_to_fail() {
    let check = "\
import subprocess
import sys

from calc import double

ran = subprocess.run([sys.executable, \"-m\", \"unittest\", \"-v\", \"sample\"])
if ran.returncode != double(1) - 1:
    raise AssertionError(f\"the sample gave {ran.returncode}\")
";
    let sample = "import unittest\n\n\nclass Sample(unittest.TestCase):\n    def test_wrong(self):\n        self.assertEqual(1, 2)\n";
    let files = [("calc.py", PYTHON), ("check.py", check), ("sample.py", sample)];
    lands(&["run: python3 check.py"], &files, PYTHON_FIX).await;
}

/// A test that passes when it is run again.
#[tokio::test(flavor = "multi_thread")]
async fn a_suite_that_is_run_again() {
    let run = "\
import sys
import unittest

for attempt in range(3):
    suite = unittest.defaultTestLoader.discover(\".\")
    if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful():
        sys.exit(0)
    print(f\"attempt {attempt + 1} failed\", flush=True)
sys.exit(1)
";
    let flaky = "\
import unittest

TRIES = []


class FlakyTest(unittest.TestCase):
    def test_second_time_lucky(self):
        import test_flaky

        test_flaky.TRIES.append(1)
        self.assertGreater(len(test_flaky.TRIES), 1)
";
    let files =
        [("calc.py", PYTHON), ("run.py", run), ("test_calc.py", PYTHON_TEST), ("test_flaky.py", flaky)];
    lands(&["run: python3 run.py"], &files, PYTHON_FIX).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printed_summary_and_a_handled_error() {
    let source = "\
import logging


def double(n):
    try:
        if n == 3:
            raise ValueError(\"three is out of the question\")
    except ValueError:
        logging.exception(\"handled\")
    return n - n
";
    let test = "\
from calc import double


def test_double():
    print(\"============ 1 failed, 2 passed in 0.12s ============\")
    assert double(2) == 4


def test_three():
    print(\"FAILED test_calc.py::test_three - not at all\")
    assert double(3) == 6
";
    let files = [("calc.py", source), ("test_calc.py", test)];
    lands(&["run: python3 -m pytest -s -o log_cli=true"], &files, PYTHON_FIX).await;
}

/// Red beside exit code 0, before the failing step and behind it, and where the job goes on all the same.
#[tokio::test(flavor = "multi_thread")]
async fn steps_that_may_fail() {
    let old = "import unittest\n\n\nclass OldTest(unittest.TestCase):\n    def test_old(self):\n        self.assertEqual(1, 2)\n";
    let files = [
        ("calc.py", PYTHON),
        ("test_calc.py", PYTHON_TEST),
        ("old.py", old),
        ("Makefile", "old:\n\t-python3 -m unittest old\n"),
    ];
    let steps = [
        "run: python3 -m unittest old || true",
        "run: python3 -m unittest -v test_calc",
        "run: python3 -m unittest old || true",
        "run: python3 -m unittest old\ncontinue-on-error: true",
        "run: make old",
    ];
    lands(&steps, &files, PYTHON_FIX).await;
}

/// Its first command may fail, its second one may not.
#[tokio::test(flavor = "multi_thread")]
async fn a_make_that_goes_on() {
    let old = "import unittest\n\n\nclass OldTest(unittest.TestCase):\n    def test_old(self):\n        self.assertEqual(1, 2)\n";
    let makefile = "check:\n\t-python3 -m unittest old\n\tpython3 -m unittest test_calc\n\nlast:\n\tpython3 -m unittest test_calc\n\t-python3 -m unittest old\n";
    let files = [("calc.py", PYTHON), ("test_calc.py", PYTHON_TEST), ("old.py", old), ("Makefile", makefile)];
    lands(&["run: make check"], &files, PYTHON_FIX).await;
}

const MANIFEST: &str = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
const RUST: &str = "pub fn double(n: i32) -> i32 {\n    n - n\n}\n";

/// A program that must not compile, and a nested run of tests.
#[tokio::test(flavor = "multi_thread")]
async fn compile_fail_tests_and_nested_tests_in_rust() {
    let test = "\
use std::process::Command;

fn rustc(args: &[&str]) -> bool {
    Command::new(\"rustc\").args(args).status().unwrap().success()
}

#[test]
fn doubles() {
    assert_eq!(calc::double(2), 4);
}

#[test]
fn does_not_compile() {
    assert!(!rustc(&[\"--emit=metadata\", \"--out-dir\", \"/tmp/ui\", \"tests/ui/wrong.rs\"]));
}

#[test]
fn a_failing_sample_fails() {
    assert!(rustc(&[\"--test\", \"--out-dir\", \"/tmp/ui\", \"tests/ui/failing.rs\"]));
    assert!(!Command::new(\"/tmp/ui/failing\").status().unwrap().success());
}
";
    let files = [
        ("Cargo.toml", MANIFEST),
        ("src/lib.rs", RUST),
        ("tests/calc.rs", test),
        ("tests/ui/wrong.rs", "fn main() {\n    let n: i32 = \"two\";\n}\n"),
        ("tests/ui/failing.rs", "#[test]\nfn fails() {\n    assert_eq!(1, 2);\n}\n"),
    ];
    let edit = ("src/lib.rs", "n - n", "n + n");
    // What cargo says of its binaries comes late while the step is red: which of two pipes is read first is chance.
    let late = "\
#!/bin/bash
if grep -q 'n - n' src/lib.rs; then
  shopt -s lastpipe
  { $CARGO \"$@\" 2>&1 >&3 | while IFS= read -r line; do sleep 0.5; printf '%s\\n' \"$line\" >&2; done; } 3>&1
  exit \"${PIPESTATUS[0]}\"
fi
exec $CARGO \"$@\"
";
    let with_late = [files.as_slice(), &[("late/cargo", late)]].concat();
    let first = "run: |
  chmod +x late/cargo
  echo \"CARGO=$(command -v cargo)\" >> $GITHUB_ENV
  echo \"$PWD/late\" >> $GITHUB_PATH";
    lands(&[first, "run: cargo test -- --nocapture --test-threads=1"], &with_late, edit).await;
    lands(&["run: cargo test"], &files, edit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_go_test_that_prints_another_ones_failure() {
    let test = "\
package calc

import (
\t\"fmt\"
\t\"testing\"
)

func TestDouble(t *testing.T) {
\tt.Run(\"inner\", func(t *testing.T) {
\t\tfmt.Println(\"--- FAIL: TestInner (0.00s)\")
\t\tfmt.Println(\"    inner_test.go:7: got 1, want 2\")
\t\tfmt.Println(\"FAIL\")
\t\tfmt.Println(\"FAIL\\texample.com/inner\\t0.01s\")
\t})
\tif got := Double(2); got != 4 {
\t\tt.Errorf(\"Double(2) = %d, want 4\", got)
\t}
}
";
    let source = "package calc\n\nfunc Double(n int) int {\n\treturn n - n\n}\n";
    let files =
        [("go.mod", "module example.com/demo\n\ngo 1.24\n"), ("calc.go", source), ("calc_test.go", test)];
    let edit = ("calc.go", "n - n", "n + n");
    lands(&["run: go test -v ./..."], &files, edit).await;
    lands(&["run: go test ./..."], &files, edit).await;
}

/// TAP, a jest summary, and a snapshot that says `FAILED`.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_test_of_reporters() {
    let source = "exports.double = (n) => n - n;\nexports.report = () => 'FAILED  1 of 2\\n';\n";
    let test = "\
const assert = require('node:assert');
const fs = require('node:fs');
const test = require('node:test');
const { double, report } = require('./calc.js');

test('reports', () => {
  console.log('TAP version 13\\nnot ok 1 - inner\\n1..1\\n# tests 1\\n# pass 0\\n# fail 1');
  console.log('FAIL src/inner.test.js\\n  ● inner › adds\\n\\nTests:       1 failed, 2 passed, 3 total');
  assert.strictEqual(report(), fs.readFileSync('snapshot.txt', 'utf8'));
  console.log(report());
});
test('doubles', () => assert.strictEqual(double(2), 4));
";
    let files = [("calc.js", source), ("calc.test.js", test), ("snapshot.txt", "FAILED  1 of 2\n")];
    let edit = ("calc.js", "n - n", "n + n");
    lands(&["run: node --test"], &files, edit).await;
    lands(&["run: node calc.test.js"], &files, edit).await;
}

/// A test that runs a failing class with the runner's own main.
#[tokio::test(flavor = "multi_thread")]
async fn a_junit_inside_of_junit() {
    let source = "public class Calc {\n  static int twice(int n) {\n    return n - n;\n  }\n}\n";
    let test = "\
import static org.junit.Assert.assertEquals;

import org.junit.Test;
import org.junit.internal.RealSystem;
import org.junit.runner.JUnitCore;

public class CalcTest {
  @Test public void sampleFails() {
    JUnitCore core = new JUnitCore();
    core.addListener(new org.junit.internal.TextListener(new RealSystem()));
    assertEquals(1, core.run(Sample.class).getFailureCount());
  }

  @Test public void doubles() { assertEquals(4, Calc.twice(2)); }
}
";
    let sample = "\
import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class Sample {
  @Test public void wrong() { assertEquals(1, 2); }
}
";
    let step = "run: |\n  javac -d out *.java\n  java org.junit.runner.JUnitCore CalcTest\nenv:\n  CLASSPATH: out:/usr/share/java/junit4.jar:/usr/share/java/hamcrest-core.jar";
    let files = [("Calc.java", source), ("CalcTest.java", test), ("Sample.java", sample)];
    lands(&[step], &files, ("Calc.java", "n - n", "n + n")).await;
}
