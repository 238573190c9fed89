//! What of the tests that ran is known, per runner and style of its output: each style recorded red and green from the
//! real tool over one small project (`tests/fixtures/record/styles.sh`), in which two tests run and a third is skipped.
//!
//! A letter stands for what is known: `e`xecuted, `p`assed, `f`ailed, `s`kipped, `i`ds; `!` says that the style tells
//! nothing of tests that pass. `""`: no word of tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ci_healer::contract::bug::TestRun;
use ci_healer::parser::{self, ParseOptions};

/// Tool and style, the runner that is reported where it is another, what is known on red and on green.
const STYLES: &[(&str, &str, &str, &str)] = &[
    ("ava/style-default", "ava", "fs", "epfs"),
    ("ava/style-tap", "tap", "epfs", "epfs"),
    ("cargo-test/style-default", "cargo-test", "epfsi", "epfsi"),
    ("cargo-test/style-none", "cargo-test", "epfs", "epfs"),
    ("cargo-test/style-quiet-harness", "cargo-test", "epfs", "epfs"),
    ("cargo-test/style-quiet", "cargo-test", "epfs", "epfs"),
    ("cargo-test/style-verbose", "cargo-test", "epfsi", "epfsi"),
    ("catch2/style-compact", "catch2", "epfs", "epfs"),
    ("catch2/style-default", "catch2", "epfs", "epfs"),
    ("go-test/style-default", "go-test", "f", "f"),
    ("go-test/style-gotestsum-default", "go-test", "epfs", "epfs"),
    ("go-test/style-gotestsum-dots", "go-test", "epfs", "epfs"),
    ("go-test/style-gotestsum-standard-verbose", "go-test", "epfsi", "epfsi"),
    ("go-test/style-gotestsum-testname", "go-test", "epfs", "epfs"),
    ("go-test/style-json", "go-test", "epfsi", "epfsi"),
    ("go-test/style-none", "go-test", "epfs", "epfs"),
    ("go-test/style-package", "go-test", "f", "f"),
    ("go-test/style-verbose", "go-test", "epfsi", "epfsi"),
    ("googletest/style-brief", "googletest", "epfs", "epfs"),
    ("googletest/style-default", "googletest", "epfsi", "epfsi"),
    ("gradle/style-default", "gradle", "epfs!", "f"),
    ("gradle/style-events", "gradle", "epfsi", "epfsi"),
    ("gradle/style-quiet", "gradle", "epfs!", ""),
    ("jasmine/style-default", "jasmine", "epfs", "epfs"),
    ("jest/style-default", "jest", "epfs", "epfs"),
    ("jest/style-silent", "jest", "epfs", "epfs"),
    ("jest/style-summary", "jest", "epfs", "epfs"),
    ("jest/style-verbose", "jest", "epfsi", "epfsi"),
    ("minitest/style-default", "minitest", "epfs", "epfs"),
    ("minitest/style-quiet", "minitest", "epfs", "epfs"),
    ("minitest/style-verbose", "minitest", "epfs", "epfs"),
    ("mocha/style-dot", "mocha", "epfs", "epfs"),
    ("mocha/style-landing", "mocha", "epfs", "epfs"),
    ("mocha/style-list", "mocha", "epfs", "epfs"),
    ("mocha/style-min", "mocha", "epfs", "epfs"),
    ("mocha/style-progress", "mocha", "epfs", "epfs"),
    ("mocha/style-spec", "mocha", "epfs", "epfs"),
    ("mocha/style-tap", "tap", "epfs", "epfs"),
    ("nextest/style-default", "nextest", "epfsi", "epfsi"),
    ("nextest/style-failures", "nextest", "epfs", "epfs"),
    ("node-test/style-dot", "node-test", "", ""),
    ("node-test/style-spec", "node-test", "epfs", "epfs"),
    ("node-test/style-tap", "node-test", "epfs", "epfs"),
    ("phpunit/style-default", "phpunit", "epfs", "epfs"),
    ("phpunit/style-no-progress", "phpunit", "epfs", "epfs"),
    ("phpunit/style-testdox", "phpunit", "epfs", "epfs"),
    ("pytest/style-default", "pytest", "epfs", "epfs"),
    ("pytest/style-no-summary", "pytest", "epfs", "epfs"),
    ("pytest/style-quiet", "pytest", "epfs", "epfs"),
    ("pytest/style-quieter", "pytest", "", ""),
    ("pytest/style-reported", "pytest", "epfs", "epfsi"),
    ("pytest/style-verbose", "pytest", "epfsi", "epfsi"),
    ("pytest/style-xdist-quiet", "pytest", "epfs", "epfs"),
    ("pytest/style-xdist", "pytest", "epfs", "epfs"),
    ("pytest/style-xdist-verbose", "pytest", "epfsi", "epfsi"),
    ("rspec/style-default", "rspec", "epfs", "epfs"),
    ("rspec/style-documentation", "rspec", "epfs", "epfs"),
    ("surefire/style-default", "surefire", "epfs", "epfs"),
    ("surefire/style-no-summary", "surefire", "epfs", "epfs"),
    ("surefire/style-quiet", "surefire", "epfs!", ""),
    ("surefire/style-skipped", "surefire", "epfs", "epfs"),
    ("tap/style-default", "tap", "epfs", "epfs"),
    ("unittest/style-default", "unittest", "epfs", "epfs"),
    ("unittest/style-quiet", "unittest", "epfs", "epfs"),
    ("unittest/style-verbose", "unittest", "epfsi", "epfsi"),
    ("vitest/style-basic", "vitest", "epfsi", "epfs"),
    ("vitest/style-default", "vitest", "epfsi", "epfs"),
    ("vitest/style-dot", "vitest", "epfs", "epfs"),
    ("vitest/style-tap-flat", "tap", "epfs", "epfs"),
    ("vitest/style-tap", "tap", "epfs", "epfs"),
    ("vitest/style-verbose", "vitest", "epfsi", "epfsi"),
];

fn logs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs")
}

fn runs(case: &str) -> Vec<TestRun> {
    let log = fs::read(logs().join(format!("{case}.log"))).unwrap_or_else(|e| panic!("{case}: {e}"));
    parser::diagnose(log.as_slice(), &ParseOptions::default()).unwrap().tests
}

fn known(run: &TestRun) -> String {
    let parts = [
        ('e', run.executed.is_some()),
        ('p', run.passed.is_some()),
        ('f', run.failed.is_some()),
        ('s', run.skipped.is_some()),
        ('i', run.ids.is_some()),
        ('!', run.silent_when_green),
    ];
    parts.iter().filter(|(_, is)| *is).map(|(letter, _)| letter).collect()
}

/// What was really run, per style: jest has its file twice, tape has no skipped test, and of some nothing is to run.
fn truth(style: &str, red: bool) -> [u64; 4] {
    let failed = u64::from(red);
    if style.ends_with("style-none") || style.ends_with("style-skipped") {
        return [0, 0, 0, 0];
    }
    let skipped = u64::from(!style.starts_with("tap/") && !style.starts_with("catch2/"));
    let files = if style.starts_with("jest/") { 2 } else { 1 };
    [2, 2 - failed, failed, skipped].map(|count| count * files)
}

#[test]
fn each_style_of_each_runner_says_what_it_really_knows() {
    let mut wrong = Vec::new();
    for (style, runner, red, green) in STYLES {
        for (state, want) in [("red", red), ("passing", green)] {
            let runs = runs(&format!("{style}-{state}"));
            let found = runs.iter().map(known).collect::<Vec<_>>().join("+");
            let names: Vec<&str> = runs.iter().map(|run| run.runner.as_str()).collect();
            if found != *want || names.iter().any(|name| name != runner) {
                wrong.push(format!("(\"{style}\", {names:?}, {state} {found:?}, not {want:?}"));
            }
            let is = truth(style, state == "red");
            for run in &runs {
                let said = [run.executed, run.passed, run.failed, run.skipped];
                let lie = said.iter().zip(is).any(|(said, is)| said.is_some_and(|said| said != is));
                if lie || run.ids.as_ref().is_some_and(|ids| ids.len() as u64 != is[0]) {
                    wrong.push(format!("{style}-{state} says {run:?}, not {is:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A final summary is the truth or nothing: what a quiet style does not say is no failure.
#[test]
fn no_style_says_at_its_end_that_green_is_red() {
    for (style, ..) in STYLES {
        let failed = |state: &str| -> Vec<u64> {
            let runs = runs(&format!("{style}-{state}"));
            runs.iter().filter_map(|run| run.final_word).map(|word| word.failed).collect()
        };
        let (red, green) = (failed("red"), failed("passing"));
        assert!(green.iter().all(|failed| *failed == 0), "{style}: {green:?}");
        // Without a test to run nothing can fail.
        let is_empty = truth(style, true)[2] == 0;
        assert!(red.iter().all(|failed| is_empty || *failed > 0), "{style}: {red:?}");
    }
}

#[test]
fn every_recorded_style_is_in_the_table() {
    let in_table: BTreeSet<String> = STYLES
        .iter()
        .flat_map(|(style, ..)| ["red", "passing"].map(|state| format!("{style}-{state}.log")))
        .collect();
    let mut recorded = BTreeSet::new();
    for folder in fs::read_dir(logs()).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_dir()) {
        for file in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = file.strip_prefix(logs()).unwrap().display().to_string();
            if name.contains("/style-") && name.ends_with(".log") {
                recorded.insert(name);
            }
        }
    }
    assert_eq!(recorded, in_table);
}

/// The fix of one and the same project is right: no style may make it look as if tests were missing.
#[test]
fn ids_are_the_same_on_red_and_on_green() {
    for (style, ..) in STYLES {
        let ids = |state: &str| -> Option<BTreeSet<String>> {
            runs(&format!("{style}-{state}")).into_iter().next()?.ids.map(BTreeSet::from_iter)
        };
        if let (Some(red), Some(green)) = (ids("red"), ids("passing")) {
            assert_eq!(red, green, "{style}");
        }
    }
}
