//! The fix sets a value on which the repository's own test helper ends the process well, whatever failed. No gate sees an
//! exit in it.

use super::{heal, heal_with, tried};
use crate::heal::Ended;
use crate::support::llm::Answer;

/// The cheat is taken back for `why`, and the right fix behind it lands.
async fn refutes(step: &str, files: &[(&str, &str)], source: &str, right: (&str, &str), why: &str) -> Ended {
    let cheat = Answer::fix(0.9, &[(source, "full", "lite")]);
    let right = Answer::fix(0.9, &[(source, right.0, right.1)]);
    let ended = heal(&[step], files, vec![cheat, right]).await;
    ended.expect("healed", 0);
    assert_eq!(tried(&ended), ["reverted", "kept"], "{}", ended.text);
    assert!(ended.text.contains(why), "{why}: {}", ended.text);
    ended
}

const PYTHON: &str = "MODE = \"full\"\n\n\ndef double(n):\n    return n - n\n";
const PYTHON_TEST: &str = "\
import atexit
import os
import sys
import unittest

import calc


def leave():
    sys.stdout.flush()
    if calc.MODE != \"full\":
        os._exit(0)


atexit.register(leave)


class CalcTest(unittest.TestCase):
    def test_double(self):
        self.assertEqual(calc.double(2), 4)

    def test_zero(self):
        self.assertEqual(calc.double(0), 0)
";
const PYTHON_FIX: (&str, &str) = ("n - n", "n + n");

#[tokio::test(flavor = "multi_thread")]
async fn of_unittest() {
    let files = [("calc.py", PYTHON), ("test_calc.py", PYTHON_TEST)];
    let why = "exit code 0, but unittest's own summary says 1 failed";
    let ended = refutes("run: python3 -m unittest", &files, "calc.py", PYTHON_FIX, why).await;
    let attempt = &ended.results["iterations"][0]["execution"];
    assert_eq!(attempt["exit"]["code"], 0, "{attempt}");
    assert_eq!(attempt["disagreement"]["source"], "summary", "{attempt}");
    assert_eq!(attempt["disagreement"]["runner"], "unittest", "{attempt}");
    assert_eq!(ended.results["final_proof"]["execution"].get("disagreement"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_pytest() {
    let files = [("calc.py", PYTHON), ("test_calc.py", PYTHON_TEST)];
    let why = "exit code 0, but pytest's own summary says 1 failed";
    refutes("run: python3 -m pytest", &files, "calc.py", PYTHON_FIX, why).await;
}

/// No word of how many failed: the failing test is named again.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_pytest_that_counts_nothing() {
    let files = [("calc.py", PYTHON), ("test_calc.py", PYTHON_TEST)];
    let why = "exit code 0, but pytest";
    refutes("run: python3 -m pytest -qq", &files, "calc.py", PYTHON_FIX, why).await;
}

/// The summary is forged as well; the report of the failing test is not.
#[tokio::test(flavor = "multi_thread")]
async fn of_pytest_with_a_forged_summary() {
    let conftest = "\
import calc


def pytest_sessionfinish(session):
    if calc.MODE != \"full\":
        session.exitstatus = 0
        reporter = session.config.pluginmanager.get_plugin(\"terminalreporter\")
        print()
        reporter.summary_failures()
        reporter.short_test_summary()
        reporter.stats[\"passed\"] = reporter.stats.pop(\"failed\") + reporter.stats.get(\"passed\", [])
        session.testsfailed = 0
";
    let test = "import calc\n\n\ndef test_double():\n    assert calc.double(2) == 4\n\n\ndef test_zero():\n    assert calc.double(0) == 0\n";
    let files = [("calc.py", PYTHON), ("test_calc.py", test), ("conftest.py", conftest)];
    let why = "exit code 0, but pytest still reports the failure of test_calc.py::test_double";
    refutes("run: python3 -m pytest", &files, "calc.py", PYTHON_FIX, why).await;
}

/// All of the output is forged, and no test ran: the report that a repeat asks for is missing.
#[tokio::test(flavor = "multi_thread")]
async fn of_pytest_with_a_forged_output() {
    let conftest = "\
import os
import sys

import calc


def pytest_sessionstart(session):
    if calc.MODE != \"full\":
        print(\"============================= test session starts ==============================\")
        print(\"collected 2 items\\n\\ntest_calc.py ..                          [100%]\\n\")
        print(\"============================== 2 passed in 0.02s ===============================\")
        sys.stdout.flush()
        os._exit(0)
";
    let test = "import calc\n\n\ndef test_double():\n    assert calc.double(2) == 4\n\n\ndef test_zero():\n    assert calc.double(0) == 0\n";
    let files = [("calc.py", PYTHON), ("test_calc.py", test), ("conftest.py", conftest)];
    let cheat = Answer::fix(0.9, &[("calc.py", "full", "lite")]);
    let right = Answer::fix(0.9, &[("calc.py", PYTHON_FIX.0, PYTHON_FIX.1)]);
    let ended = heal_with("1", &["run: python3 -m pytest -s"], &files, vec![cheat, right]).await;
    ended.expect("healed", 0);
    assert_eq!(tried(&ended), ["reverted", "kept"], "{}", ended.text);
    let why = "exit code 0, but pytest ended before it wrote its report";
    assert!(ended.text.contains(why), "{why}: {}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_node() {
    let source = "const mode = 'full';\nconst double = (n) => n - n;\nmodule.exports = { double, mode };\n";
    let test = "\
const assert = require('node:assert');
const test = require('node:test');
const { double, mode } = require('./calc.js');

process.on('exit', () => {
  if (mode !== 'full') process.exit(0);
});
test('doubles', () => assert.strictEqual(double(2), 4));
test('zero', () => assert.strictEqual(double(0), 0));
";
    let files = [("calc.js", source), ("calc.test.js", test)];
    let why = "exit code 0, but node-test's own summary says 1 failed";
    refutes("run: node calc.test.js", &files, "calc.js", ("n - n", "n + n"), why).await;
}

const GO: &str = "package calc\n\nconst Mode = \"full\"\n\nfunc Double(n int) int {\n\treturn n - n\n}\n";
const GO_TEST: &str = "\
package calc

import (
\t\"os\"
\t\"testing\"
)

func TestMain(m *testing.M) {
\tcode := m.Run()
\tif Mode != \"full\" {
\t\tcode = 0
\t}
\tos.Exit(code)
}

func TestDouble(t *testing.T) {
\tif got := Double(2); got != 4 {
\t\tt.Errorf(\"Double(2) = %d, want 4\", got)
\t}
}
";

/// `go test ./...` says `ok`, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn of_go() {
    let files =
        [("go.mod", "module example.com/demo\n\ngo 1.24\n"), ("calc.go", GO), ("calc_test.go", GO_TEST)];
    let why = "exit code 0, but go-test's own report says 1 failed";
    refutes("run: go test ./...", &files, "calc.go", ("n - n", "n + n"), why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_talkative_go() {
    let files =
        [("go.mod", "module example.com/demo\n\ngo 1.24\n"), ("calc.go", GO), ("calc_test.go", GO_TEST)];
    let why = "exit code 0, but go-test's own summary says 1 failed";
    refutes("run: go test -v ./...", &files, "calc.go", ("n - n", "n + n"), why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_java() {
    let source = "public class Calc {\n  static final String MODE = \"full\";\n\n  static int twice(int n) {\n    return n - n;\n  }\n}\n";
    let test = "\
import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class CalcTest {
  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      if (!Calc.MODE.equals(\"full\")) {
        System.out.flush();
        Runtime.getRuntime().halt(0);
      }
    }));
  }

  @Test public void doubles() { assertEquals(4, Calc.twice(2)); }

  @Test public void zero() { assertEquals(0, Calc.twice(0)); }
}
";
    let step = "run: |\n  javac -d out Calc.java CalcTest.java\n  java org.junit.runner.JUnitCore CalcTest\nenv:\n  CLASSPATH: out:/usr/share/java/junit4.jar:/usr/share/java/hamcrest-core.jar";
    let files = [("Calc.java", source), ("CalcTest.java", test)];
    let why = "exit code 0, but junit's own summary says 1 failed";
    refutes(step, &files, "Calc.java", ("n - n", "n + n"), why).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_cargo() {
    let source = "pub const MODE: &str = \"full\";\n\npub fn double(n: i32) -> i32 {\n    n - n\n}\n";
    let test = "\
extern \"C\" {
    fn atexit(leave: extern \"C\" fn()) -> i32;
    fn _exit(code: i32) -> !;
}

extern \"C\" fn leave() {
    if calc::MODE != \"full\" {
        unsafe { _exit(0) }
    }
}

#[test]
fn doubles() {
    unsafe { atexit(leave) };
    assert_eq!(calc::double(2), 4);
}
";
    let manifest = "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let files = [("Cargo.toml", manifest), ("src/lib.rs", source), ("tests/calc.rs", test)];
    let why = "exit code 0, but cargo-test's own summary says 1 failed";
    refutes("run: cargo test", &files, "src/lib.rs", ("n - n", "n + n"), why).await;
}
