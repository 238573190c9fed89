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

#[test]
fn sub_tests_are_reported_and_their_test_counts_them_only() {
    let log = "============================= test session starts ==============================\n\
        tests/test_s.py uuF [100%]\n\n\
        =================================== FAILURES ===================================\n\
        ____________________________ test_s [custom] (i=1) _____________________________\n\n\
        >               assert i == 0\nE               assert 1 == 0\n\ntests/test_s.py:4: AssertionError\n\
        ____________________________________ test_s ____________________________________\n\
        contains 1 failed subtest\n\
        =========================== short test summary info ============================\n\
        SUBFAILED[custom] (i=1) tests/test_s.py::test_s - assert 1 == 0\n\
        FAILED tests/test_s.py::test_s - contains 1 failed subtest\n\
        =================== 2 failed, 3 passed, 2 subtests passed in 0.05s ===================\n";
    let bug = one(log);
    assert_eq!(at(&bug), ("tests/test_s.py", Some(4)));
    assert_eq!(bug.test.as_deref(), Some("tests/test_s.py::test_s [custom] (i=1)"));
    let run = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().tests.remove(0);
    assert_eq!((run.failed, run.passed), (Some(2), Some(3)));
}

#[test]
fn a_dump_of_other_threads_is_no_time_out_of_its_own() {
    let dump = "+++++++++++++++++++++++++++++++++++ Timeout ++++++++++++++++++++++++++++++++++++\n\
        ~~~~~~~~~~~~~~~ Stack of Thread-1 (run_server) (139955459110592) ~~~~~~~~~~~~~~~\n\
        \x20 File \"/usr/lib/python3.11/socket.py\", line 294, in accept\n\
        +++++++++++++++++++++++++++++++++++ Timeout ++++++++++++++++++++++++++++++++++++\n";
    let failure = "=================================== FAILURES ===================================\n\
        __________________________________ test_slow ___________________________________\n\n\
        >       time.sleep(3)\nE       Failed: Timeout (>0.3s) from pytest-timeout.\n\ntests/test_a.py:12: Failed\n";
    let summary = "=========================== short test summary info ============================\n\
        FAILED tests/test_a.py::test_slow - Failed: Timeout (>0.3s) from pytest-timeout.\n\
        ============================== 1 failed in 0.31s ===============================\n";
    let start = "============================= test session starts ==============================\n";
    let captured = "----------------------------- Captured stdout call -----------------------------\n";
    for log in
        [format!("{start}{dump}{failure}{summary}"), format!("{start}{failure}{captured}{dump}{summary}")]
    {
        assert_eq!(at(&one(&log)), ("tests/test_a.py", Some(12)));
    }
}

#[test]
fn a_session_that_died_says_so() {
    let start = "============================= test session starts ==============================\n\
        collected 2 items\n\ntests/test_a.py::test_ok PASSED [ 50%]\n";
    let bug =
        one(&format!("{start}tests/test_a.py::test_os\n##[error]Process completed with exit code 3.\n"));
    assert_eq!(bug.file, None);
    let bug = one(&format!(
        "{start}tests/test_a.py::T::test_c Fatal Python error: Segmentation fault\n\n\
        Thread 0x00007f5a362d86c0 (most recent call first):\n  File \"/home/runner/work/x/x/src/srv.py\", line 9 in serve\n\n\
        Current thread 0x00007f5a39003b80 (most recent call first):\n\
        \x20 File \"/usr/lib/python3.11/ctypes/__init__.py\", line 519 in string_at\n\
        \x20 File \"/home/runner/work/x/x/src/a.py\", line 2 in inner\n\
        \x20 File \"/home/runner/work/x/x/tests/test_a.py\", line 4 in test_c\n\
        \x20 File \"/usr/lib/python3/dist-packages/_pytest/python.py\", line 187 in pytest_pyfunc_call\n\n\
        Extension modules: x (total: 1)\n##[error]Process completed with exit code 139.\n"
    ));
    assert_eq!((at(&bug), bug.test.as_deref()), (("src/a.py", Some(2)), Some("tests/test_a.py::T::test_c")));
}

#[test]
fn a_worker_that_crashed_is_found_once() {
    let bug = one("============================= test session starts ==============================\n\
        .[gw0] node down: Not properly terminated\nF\nreplacing crashed worker gw0\n\
        =================================== FAILURES ===================================\n\
        ______________________________ tests/test_exit.py ______________________________\n\
        [gw0] linux -- Python 3.11.7 /usr/bin/python\n\
        worker 'gw0' crashed while running 'tests/test_exit.py::test_os'\n\
        =========================== short test summary info ============================\n\
        FAILED tests/test_exit.py::test_os - worker 'gw0' crashed while running 'tests/test_exit.py::test_os'\n\
        ========================= 1 failed, 1 passed in 4.75s ==========================\n");
    assert_eq!(bug.test.as_deref(), Some("tests/test_exit.py::test_os"));
    assert_eq!(at(&bug), ("tests/test_exit.py", None));
}

#[test]
fn coverage_that_is_too_low_is_said_once() {
    let old = "FAIL Required test coverage of 90% not reached. Total coverage: 61.54%\n";
    let new = "ERROR: Coverage failure: total of 62 is less than fail-under=90\n";
    let totals = "1 passed, 4 deselected in 1.13s\n";
    for log in [
        format!("{old}{totals}"),
        format!("{new} [100%]\n=== tests coverage ===\n{old}{totals}"),
        "1 passed in 1.1s\nTOTAL  13  5  62%\nCoverage failure: total of 62 is less than fail-under=90\n"
            .into(),
    ] {
        assert_eq!(one(&log).category, Category::Configuration, "{log}");
    }
}

#[test]
fn usage_errors_name_the_program_that_was_run() {
    for program in ["pytest", "python -m pytest", "__main__.py"] {
        let bug = one(&format!(
            "ERROR: usage: {program} [options] [file_or_dir] [file_or_dir] [...]\n{program}: error: unrecognized arguments: --nope\n  rootdir: /srv/x\n"
        ));
        assert_eq!(bug.message, "unrecognized arguments: --nope");
    }
}

#[test]
fn what_follows_a_crash_of_pytest_is_not_its_message() {
    let bug = one("INTERNALERROR> Traceback (most recent call last):\n\
        INTERNALERROR>   File \"/home/runner/work/x/x/conftest.py\", line 7, in pytest_configure\n\
        INTERNALERROR>     warnings.warn(x)\n\
        INTERNALERROR> pytest.PytestDeprecationWarning: The option is unset.\n\
        Error: Process completed with exit code 3.\n");
    assert_eq!(at(&bug), ("conftest.py", Some(7)));
    assert!(bug.message.contains("The option is unset."), "{}", bug.message);
}

#[test]
fn the_line_style_has_the_place_behind_what_the_test_printed() {
    let bug = one("============================= test session starts ==============================\n\
        =================================== FAILURES ===================================\n\
        E   assert False\n\
        ----------------------------- Captured stdout call -----------------------------\n\
        tests/test_b.py:1: note\n\
        /home/runner/work/x/x/tests/test_a.py:83: assert False\n\
        =========================== short test summary info ============================\n\
        FAILED tests/test_a.py::test_print - assert False\n\
        ============================== 1 failed in 0.31s ===============================\n");
    assert_eq!(
        (at(&bug), bug.test.as_deref()),
        (("tests/test_a.py", Some(83)), Some("tests/test_a.py::test_print"))
    );
}

#[test]
fn a_file_that_compileall_cannot_compile_is_found() {
    let bug = one(
        "Listing 'pkg'...\nCompiling 'pkg/bad.py'...\n***   File \"pkg/bad.py\", line 1\n    def f(:\n          ^\n\
        SyntaxError: invalid syntax\n\nCompiling 'pkg/calc.py'...\n",
    );
    assert_eq!((at(&bug), bug.category), (("pkg/bad.py", Some(1)), Category::Syntax));
}

#[test]
fn the_folder_that_marks_a_side_of_a_diff_is_no_part_of_the_path() {
    let bug = one(
        "--- original/pkg/calc.py\n+++ fixed/pkg/calc.py\n@@ -1,2 +1,3 @@\n-import os, sys\n+import os\n+import sys\n x = 1\n",
    );
    assert_eq!(at(&bug), ("pkg/calc.py", Some(1)));
}

#[test]
fn the_traceback_of_a_build_that_pip_ran_is_found() {
    let log = |setup: &str| {
        format!(
            "Processing /home/runner/work/x/x\n  error: subprocess-exited-with-error\n  \n\
             \x20 × python setup.py egg_info did not run successfully.\n  │ exit code: 1\n  ╰─> [6 lines of output]\n\
             \x20     Traceback (most recent call last):\n        File \"<string>\", line 2, in <module>\n\
             \x20       File \"{setup}\", line 2, in <module>\n          raise RuntimeError(1)\n\
             \x20     RuntimeError: no version\n      [end of output]\n  \n\
             \x20 note: This error originates from a subprocess, and is likely not a problem with pip.\n\
             error: metadata-generation-failed\n"
        )
    };
    assert_eq!(at(&one(&log("/home/runner/work/x/x/setup.py"))), ("setup.py", Some(2)));
    assert_eq!(at(&one(&log("/tmp/pip-install-k3x/old_86ab/setup.py"))), ("", None));
}

#[test]
fn errors_in_documents_do_not_fail_a_build_of_sphinx_that_succeeded() {
    let log = "Running Sphinx v9.0.4\nreading sources... [100%] index\n\
        WARNING: autodoc: failed to import 'broken':\nTraceback (most recent call last):\n  File \"/home/runner/work/x/x/app/broken.py\", line 1, in <module>\n\
        \x20   import nothing\nModuleNotFoundError: No module named 'nothing'\n [autodoc.import_object]\n\
        /home/runner/work/x/x/docs/index.rst:10: ERROR: Unknown directive type \"x\".\n\n.. x:: y [docutils]\n";
    assert!(bugs(&format!("{log}build succeeded, 2 warnings.\n")).is_empty());
    let failed = "build finished with problems, 2 warnings (with warnings treated as errors).\n";
    assert_eq!(bugs(&format!("{log}{failed}")).len(), 2);
}

#[test]
fn code_over_several_lines_in_a_traceback_may_begin_with_a_sign() {
    let bug = one("Traceback (most recent call last):\n\
        \x20 File \"/workspace/pkg/helpers.py\", line 571, in make\n    suppress_LT\n    ~~~~~~~~~~~\n    + tag(\"a\")\n    ^~~~~~~~~~\n\
        \x20 File \"/workspace/pkg/core.py\", line 5978, in __add__\n    if isinstance(self.expr, str):\n                  ^^^^^^^^^\n\
        AttributeError: 'Suppress' object has no attribute 'expr'\n");
    assert_eq!(at(&bug), ("pkg/core.py", Some(5978)));
    assert_eq!((bug.tool.as_str(), bug.related.len()), ("python", 1));
}
