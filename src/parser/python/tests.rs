//! Lines that recorded logs do not hold: older versions, rarer failures, traps.

use crate::contract::bug::{BugReport, Category};
use crate::parser::{ParseOptions, diagnose};

fn bugs(log: &str) -> Vec<BugReport> {
    diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs
}

fn one(log: &str) -> BugReport {
    let mut bugs = bugs(log);
    assert_eq!(bugs.len(), 1, "{bugs:#?}");
    bugs.remove(0)
}

fn at(bug: &BugReport) -> (&str, Option<u32>) {
    (bug.file.as_deref().unwrap_or(""), bug.line)
}

#[test]
fn an_old_session_without_summary_gives_the_id_from_title_and_frame() {
    let bug = one("============================= test session starts ==============================\n\
        collected 3 items\n\ntests/test_a.py .F.\n\n\
        =================================== FAILURES ===================================\n\
        ____________________________ TestA.test_b[x.y-1] _____________________________\n\n\
        self = <tests.test_a.TestA object at 0x7f>\n\n    def test_b(self):\n>       assert 1 == 2\nE       assert 1 == 2\n\n\
        tests/test_a.py:12: AssertionError\n\
        ===================== 1 failed, 2 passed in 0.02 seconds ======================\n");
    assert_eq!(bug.test.as_deref(), Some("tests/test_a.py::TestA::test_b[x.y-1]"));
    assert_eq!(at(&bug), ("tests/test_a.py", Some(12)));
}

#[test]
fn a_session_inside_captured_output_is_not_the_builds() {
    let bug = one("============================= test session starts ==============================\n\
        =================================== FAILURES ===================================\n\
        __________________________________ test_outer __________________________________\n\n\
        >       assert False\nE       assert False\n\ntesting/test_outer.py:9: AssertionError\n\
        ----------------------------- Captured stdout call -----------------------------\n\
        ============================= test session starts ==============================\n\
        =================================== FAILURES ===================================\n\
        __________________________________ test_inner __________________________________\n\
        test_inner.py:1: AssertionError\n\
        =========================== short test summary info ============================\n\
        FAILED test_inner.py::test_inner - assert 0\n\
        ============================== 1 failed in 0.01s ===============================\n\
        =========================== short test summary info ============================\n\
        FAILED testing/test_outer.py::test_outer - assert False\n\
        ============================== 1 failed in 0.11s ===============================\n");
    assert_eq!(bug.test.as_deref(), Some("testing/test_outer.py::test_outer"));
}

#[test]
fn a_conftest_that_cannot_be_imported_is_found() {
    let bug = one("ImportError while loading conftest '/home/runner/work/x/x/tests/conftest.py'.\n\
        tests/conftest.py:3: in <module>\n    import yaml\nE   ModuleNotFoundError: No module named 'yaml'\n");
    assert_eq!((at(&bug), bug.category), (("tests/conftest.py", Some(3)), Category::Import));
}

#[test]
fn a_crash_of_pytest_itself_is_found() {
    let bug = one("============================= test session starts ==============================\n\
        INTERNALERROR> Traceback (most recent call last):\n\
        INTERNALERROR>   File \"/usr/lib/python3/dist-packages/_pytest/main.py\", line 2, in wrap_session\n\
        INTERNALERROR>     config._do_configure()\n\
        INTERNALERROR>   File \"/home/runner/work/x/x/conftest.py\", line 7, in pytest_configure\n\
        INTERNALERROR>     raise ValueError(1)\n\
        INTERNALERROR> ValueError: 1\n");
    assert_eq!((at(&bug), bug.code.as_deref()), (("conftest.py", Some(7)), Some("ValueError")));
}

#[test]
fn addresses_and_times_are_no_places() {
    for log in [
        "http://localhost:3000:80\n12:30:45: F401 x\n",
        "Listening at http://localhost:3000:80\nsee 10.0.0.1:8080: error: none\n",
        "12:30:45 INFO a.py:12 started\n",
    ] {
        assert!(bugs(log).iter().all(|b| b.file.is_none()), "{log}");
    }
}

#[test]
fn a_passing_run_says_nothing_whatever_was_logged_on_the_way() {
    assert!(bugs("...s\n----------------------------------------------------------------------\nRan 4 tests in 0.1s\n\nOK (skipped=1)\n").is_empty());
    assert!(bugs("Success: no issues found in 3 source files\n").is_empty());
    assert!(bugs("All done!\n3 files would be left unchanged.\n").is_empty());
}

#[test]
fn older_formats_of_linters_are_read() {
    let bug = one(
        "src/a.py:1:8: F401 [*] `os` imported but unused\n  |\n1 | import os\n  |        ^^ F401\n  |\n  = help: Remove unused import: `os`\n\nFound 1 error.\n",
    );
    assert_eq!((bug.tool.as_str(), at(&bug), bug.column), ("ruff", ("src/a.py", Some(1)), Some(8)));
    assert!(bug.hint.is_some());
    let bug = one(
        "C: 12, 4: Missing docstring (missing-docstring)\n************* Module shop.cart\nE: 12, 4: Undefined variable 'x' (undefined-variable)\n",
    );
    assert_eq!(at(&bug), ("shop/cart.py", Some(12)));
    let bug = one(
        "error: cannot format src/a.py: Cannot parse: 3:6: def f(:\nOh no!\n1 file would fail to reformat.\n",
    );
    assert_eq!((at(&bug), bug.category), (("src/a.py", Some(3)), Category::Syntax));
}
