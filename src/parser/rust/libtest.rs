//! `cargo test` and doc tests: the harness's own output (`test x ... FAILED`, `---- x stdout ----`, `test result:`).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::super::findings::{Counts, FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::super::test_ids::TestIds;
use super::panic::{Panic, snapshot};
use crate::contract::bug::{Category, Location};

pub(super) const TOOL: Tool = Tool {
    name: "cargo-test",
    triggers: &[
        r"^running [0-9]+ tests?$",
        r"^test .+ \.\.\. ",
        r"^test .+ has been running for over",
        r"^---- .+ stdout ----$",
        r"^failures:$",
        r"^test result: ",
        r"^\s*Doc-tests ",
        r"^error: (?:(?:doc)?test failed, to rerun pass|[0-9]+ targets? failed)",
    ],
    new: |_| Box::new(Libtest::default()),
};

/// Lines kept of one failing test's output where it tells no panic.
const MAX_OUTPUT: usize = 60;

/// The harness's output is one pipe, and what cargo says of its test binaries another one (with `--nocapture` the panics
/// as well): which of two lines comes first is chance. So the harness's own lines alone say where tests begin and end.
#[derive(Default)]
struct Libtest {
    /// The test binaries that have begun and not ended: one that a test runs (`--nocapture`) is nested in the test's. One
    /// that crashed never ends: behind it no summary is a final word any more.
    open: Vec<Binary>,
    section: Option<Section>,
    /// In the list of names behind the last `failures:`.
    listing: bool,
    /// A panic printed while tests run (`--nocapture`).
    loose: Option<(Panic, u64)>,
    /// Failed tests of binaries that have ended of which no place is known: their panic may still come.
    unplaced: BTreeSet<String>,
}

/// What one test binary has said.
#[derive(Default)]
struct Binary {
    executed: TestIds,
    /// Failed tests, and where that was said.
    failed: BTreeMap<String, u64>,
    reported: BTreeSet<String>,
    ignored: u64,
    /// Findings there were when these tests began.
    before: usize,
    /// The test whose verdict stands behind its own output.
    speaking: Option<String>,
    /// Where binaries spoke that a test ran, and which test.
    nested: Vec<(RangeInclusive<u64>, Option<String>)>,
    /// Its first line; 0 where the log does not hold it.
    first: u64,
}

/// `---- name stdout ----` and what follows.
struct Section {
    test: String,
    first: u64,
    panics: Vec<Panic>,
    /// Places a compiler names in a doc test that does not compile.
    compiler: Option<(Option<String>, String, Option<Location>)>,
    /// The assertion a snapshot belongs to.
    snapshot: Option<Location>,
    output: Vec<String>,
}

/// What is said of a test behind its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// Or measured.
    Ignored,
    /// Its verdict stands behind its own output.
    Open,
}

/// `test name ... ok`, and what follows on the line.
fn verdict_of(text: &str) -> Option<(&str, Verdict, &str)> {
    let (name, rest) = text.strip_prefix("test ")?.split_once(" ... ")?;
    // How it is run stands behind the name, here only.
    let modes = [" - should panic", " - compile fail", " - compile"];
    let name = modes.iter().find_map(|mode| name.strip_suffix(mode)).unwrap_or(name);
    let verdict = [("ok", Verdict::Passed), ("FAILED", Verdict::Failed)];
    let reported =
        verdict.iter().find_map(|(word, verdict)| Some((name, *verdict, rest.strip_prefix(word)?)));
    let unsaid = || {
        let ignored = rest.starts_with("ignored") || rest.starts_with("bench:");
        if ignored { (name, Verdict::Ignored, "") } else { (name, Verdict::Open, rest) }
    };
    (!name.is_empty()).then(|| reported.unwrap_or_else(unsaid))
}

impl ToolParser for Libtest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with("running ") && re!(r"^running \d+ tests?$").is_match(text) {
            self.close(line.number, out);
            self.listing = false;
            self.open.push(Binary { before: out.count(), first: line.number, ..Binary::default() });
            return Response::Consumed(Next::Active);
        }
        if let Some(test) = text.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.close(line.number, out);
            self.listing = false;
            self.section = Some(Section {
                test: test.to_owned(),
                first: line.number,
                panics: Vec::new(),
                compiler: None,
                snapshot: None,
                output: Vec::new(),
            });
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("test result: ")
            && let Some(c) =
                re!(r"^test result: (ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;").captures(text)
        {
            self.close(line.number, out);
            let count = |at: usize| c[at].parse().unwrap_or(0);
            let counts = Counts::known(count(2), count(3), count(4));
            self.listing = false;
            let binary = self.open.pop().unwrap_or_default();
            self.summary(binary, &c[1] == "ok", counts, line.number, out);
            return Response::Consumed(self.awaited());
        }
        if text.starts_with("error: ")
            && re!(r"^error: (?:(?:doc)?test failed, to rerun pass|\d+ targets? failed)").is_match(text)
        {
            self.close(line.number, out);
            out.bug(
                FindingBuilder::new("cargo-test", Category::Logic, text.trim_start_matches("error: "))
                    .consequence(),
            );
            return Response::Consumed(self.awaited());
        }
        if matches!(text, "failures:" | "successes:") {
            self.close(line.number, out);
            self.listing = text == "failures:";
            return Response::Consumed(Next::Active);
        }
        if let Some(section) = &mut self.section {
            section.line(text);
            return Response::Consumed(Next::Active);
        }
        self.outside(line, out)
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now() + 1;
        self.close(now, out);
        // What has not ended by now crashed or was killed.
        while let Some(mut binary) = self.open.pop() {
            let (failed, executed) = (binary.failed.len() as u64, binary.executed.len());
            // What spoke behind it was none of its tests.
            binary.nested.clear();
            if binary.first > 0 && (executed > 0 || failed > 0) {
                let counts = Counts::known(executed.saturating_sub(failed), failed, binary.ignored);
                self.summary(binary, false, counts, now, out);
            }
        }
    }
}

impl Libtest {
    /// A line of no failing test's section.
    fn outside(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some((name, verdict, output)) = verdict_of(text) {
            self.close_loose(line.number, out);
            let binary = self.binary(out.count());
            binary.speaking = None;
            match verdict {
                Verdict::Failed => {
                    binary.executed.push(name);
                    binary.failed.insert(name.to_owned(), line.number);
                }
                Verdict::Ignored => binary.ignored += 1,
                Verdict::Passed => binary.executed.push(name),
                Verdict::Open => {
                    binary.executed.push(name);
                    binary.speaking = Some(name.to_owned());
                }
            }
            if let Some(panic) = Panic::start(output) {
                self.loose = Some((panic, line.number));
            }
            return Response::Consumed(Next::Active);
        }
        if self.open.is_empty() && !self.listing && self.unplaced.is_empty() {
            return Response::Declined(Next::Idle);
        }
        if let Some(panic) = Panic::start(text)
            && (!self.open.is_empty() || self.listing || self.unplaced.contains(&panic.thread))
        {
            self.close_loose(line.number, out);
            self.loose = Some((panic, line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some((panic, _)) = &mut self.loose {
            if panic.line(text) {
                return Response::Consumed(Next::Active);
            }
            self.close_loose(line.number, out);
        }
        if self.listing && text.starts_with("    ") {
            self.binary(out.count()).failed.entry(text.trim().to_owned()).or_insert(line.number);
            return Response::Consumed(Next::Active);
        }
        if let Some(binary) = self.open.last_mut()
            && matches!(text, "ok" | "FAILED")
            && let Some(test) = binary.speaking.take()
            && text == "FAILED"
        {
            binary.failed.insert(test, line.number);
        }
        Response::Declined(Next::Active)
    }

    /// The binary that speaks. One whose beginning the log does not hold begins here.
    fn binary(&mut self, before: usize) -> &mut Binary {
        if self.open.is_empty() {
            self.open.push(Binary { before, ..Binary::default() });
        }
        self.open.last_mut().expect("one is open")
    }

    /// Whether lines are read that no trigger knows.
    fn awaited(&self) -> Next {
        if self.open.is_empty() && self.unplaced.is_empty() { Next::Idle } else { Next::Active }
    }

    fn close(&mut self, now: u64, out: &mut Findings) {
        self.close_loose(now, out);
        if let Some(section) = self.section.take() {
            let last = now.saturating_sub(1).max(section.first);
            let (test, first) = (section.test.clone(), section.first);
            let finding = section.into_finding().span(first, last);
            // Its panic was read where it was printed (`--nocapture`); what is left here names no place.
            let known = !self.binary(out.count()).reported.insert(test)
                && finding.frames.is_empty()
                && finding.location.is_none();
            if !known {
                out.bug(finding);
            }
        }
    }

    fn close_loose(&mut self, now: u64, out: &mut Findings) {
        let Some((panic, first)) = self.loose.take() else { return };
        let thread = panic.thread.clone();
        // Only a test's own thread carries its name; other threads may panic on purpose.
        if thread == "main" || thread == "<unnamed>" {
            return;
        }
        if self.unplaced.remove(&thread) {
            out.retract(0, |d| is_placeless(d) && d.test.as_ref() == Some(&thread));
        } else {
            self.binary(out.count()).reported.insert(thread.clone());
        }
        let finding = panic.into_finding("cargo-test", Category::Logic).test(thread);
        out.bug(finding.span(first, now.saturating_sub(1).max(first)));
    }

    /// A binary ended.
    fn summary(&mut self, binary: Binary, passed: bool, counts: Counts, now: u64, out: &mut Findings) {
        let Binary { executed, failed, reported, before, nested, first, .. } = binary;
        // What panicked in passing tests was expected, and so was what a test binary said that they ran.
        if passed || !failed.is_empty() {
            let expected = |test: &String| passed || !failed.contains_key(test);
            let inner: Vec<_> =
                nested.iter().filter(|(_, test)| test.as_ref().map_or(passed, expected)).collect();
            out.retract(before, |d| {
                d.tool == "cargo-test"
                    && (d.test.as_ref().is_some_and(|t| reported.contains(t) && expected(t))
                        || inner.iter().any(|(lines, _)| lines.contains(&d.log.first)))
            });
        }
        if !passed {
            for (test, line) in failed.iter().filter(|(test, _)| !reported.contains(*test)) {
                let message = format!("test {test} failed");
                let finding = FindingBuilder::new("cargo-test", Category::Logic, message).test(test);
                out.bug(finding.span(*line, *line));
                self.unplaced.insert(test.clone());
            }
        }
        if let Some(outer) = self.open.last_mut() {
            outer.nested.push((first..=now, outer.speaking.clone()));
            out.nested_tests("cargo-test", counts, executed);
        } else {
            out.named_counts("cargo-test", counts, executed);
        }
    }
}

/// A failed test of which the harness said no more than its name.
fn is_placeless(finding: &FindingBuilder) -> bool {
    finding.tool == "cargo-test" && finding.frames.is_empty() && finding.location.is_none()
}

impl Section {
    fn line(&mut self, text: &str) {
        if let Some(panic) = Panic::start(text) {
            self.panics.push(panic);
            return;
        }
        if let Some(panic) = self.panics.last_mut()
            && !panic.is_over()
            && panic.line(text)
        {
            return;
        }
        if let Some(c) = re!(r"^error(?:\[(E\d+)\])?: (.*)$").captures(text) {
            if self.compiler.is_none() && !c[2].starts_with("aborting") {
                self.compiler = Some((c.get(1).map(|m| m.as_str().to_owned()), c[2].to_owned(), None));
            }
        } else if let Some(c) = re!(r"^\s*--> (.+?):(\d+):(\d+)$").captures(text)
            && let Some((_, _, at @ None)) = &mut self.compiler
        {
            *at = Some(location(&c[1], number(&c[2]), number(&c[3])));
        }
        self.snapshot = snapshot(text).or_else(|| self.snapshot.take());
        if self.output.len() < MAX_OUTPUT && !text.trim().is_empty() {
            self.output.push(text.to_owned());
        }
    }

    fn into_finding(mut self) -> FindingBuilder {
        // `src/lib.rs - path::item (line 12)`: the doc test's place is in its name.
        let doc = re!(r"^(\S+\.(?:rs|md)) - (?:.* )?\(line (\d+)\)(?: - .*)?$")
            .captures(&self.test)
            .map(|c| location(&c[1], number(&c[2]), None));
        let own = self.panics.iter().position(|p| p.thread == self.test).unwrap_or(0);
        let mut finding = if let Some((code, message, at)) = self.compiler.take().filter(|_| doc.is_some()) {
            let mut finding = FindingBuilder::new("cargo-test", Category::Type, message);
            finding.code = code;
            finding.frames.extend(at);
            finding
        } else if own < self.panics.len() {
            let panic = self.panics.remove(own);
            let mut finding = panic.into_finding("cargo-test", Category::Logic);
            finding.frames.splice(0..0, self.snapshot.take());
            // Threads it started, on whose end it may only have waited.
            finding.related.extend(self.panics.iter().filter_map(|other| other.frames.first().cloned()));
            finding
        } else {
            let error = self.output.iter().find(|l| l.starts_with("Error: ") || l.starts_with("note: "));
            let reported = error.cloned().unwrap_or_else(|| self.output.join("\n"));
            let mut finding = FindingBuilder::new("cargo-test", Category::Logic, reported.clone());
            // `note: test did not panic as expected at src/lib.rs:10:8`
            if let Some(c) = re!(r" at (\S+\.rs):(\d+):(\d+)$").captures(&reported) {
                finding.location = Some(location(&c[1], number(&c[2]), number(&c[3])));
            }
            finding
        };
        if let Some(doc) = doc {
            // A panic's place in a doc test counts lines of the test's own text.
            if finding.category == Category::Logic {
                finding.frames.insert(0, doc);
                finding.frames.truncate(1);
            } else {
                finding.frames.push(doc);
            }
        }
        finding.test = Some(self.test);
        finding
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, verdict_of};
    use crate::contract::bug::TestRun;
    use crate::parser::{ParseOptions, diagnose};

    /// The two pipes of `cargo test -- --nocapture --test-threads=1`, where a passing test runs a test binary that fails.
    const OUTPUT: &str = "
running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s


running 3 tests
test a_failing_sample_fails ... 
running 1 test
test fails ... FAILED

failures:

---- fails stdout ----

thread 'fails' panicked at tests/ui/failing.rs:3:5:
assertion `left == right` failed
  left: 1
 right: 2
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace


failures:
    fails

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

ok
test does_not_compile ... ok
test doubles ... FAILED

failures:

failures:
    doubles

test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.84s
";
    const ERRORS: &str = "    Finished `test` profile [unoptimized + debuginfo] target(s) in 4.77s
     Running unittests src/lib.rs (target/debug/deps/calc-0cbce3d64a753757)
     Running tests/calc.rs (target/debug/deps/calc-7a3c8e9647eeda58)
thread 'doubles' panicked at tests/calc.rs:9:5:
assertion `left == right` failed
  left: 0
 right: 4
note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
error: test failed, to rerun pass `--test calc`";

    /// Of each line of the error output, before which line of the output it comes.
    fn merged(at: &[usize]) -> String {
        let (output, errors): (Vec<_>, Vec<_>) = (OUTPUT.lines().collect(), ERRORS.lines().collect());
        let mut log = Vec::new();
        let mut said = 0;
        for (number, line) in output.iter().map(Some).chain([None]).enumerate() {
            while said < errors.len() && (at[said] <= number || line.is_none()) {
                log.push(errors[said]);
                said += 1;
            }
            log.extend(line);
        }
        log.join("\n")
    }

    /// What is told of tests, and of what failed.
    fn read(log: &str) -> (TestRun, Vec<String>) {
        let read = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        let bugs = read.bugs.iter().map(|bug| format!("{:?} {:?}", bug.test, bug.line)).collect();
        (read.tests.into_iter().next().unwrap(), bugs)
    }

    #[test]
    fn two_pipes_in_any_order_say_the_same() {
        let lines = OUTPUT.lines().count();
        let number = ERRORS.lines().count();
        let earliest = OUTPUT.lines().position(|line| line == "ok").unwrap();
        // A panic is one piece, and later than what its process said long before; the rest comes line by line.
        let mut state = 12_345_u64;
        for round in 0..300 {
            let mut at: Vec<usize> = (0..number)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) as usize % (lines + 1)
                })
                .collect();
            at.sort_unstable();
            let panic = at[3].max(earliest);
            at[8] = at[8].max(panic);
            at[3..8].fill(panic);
            let log = merged(&at);
            let (tests, bugs) = read(&log);
            let counts = (tests.executed, tests.failed, tests.final_word.map(|word| word.failed));
            assert_eq!(counts, (Some(4), Some(2), Some(1)), "round {round}: {at:?}\n{log}");
            assert_eq!(bugs, ["Some(\"doubles\") Some(9)"], "round {round}: {at:?}\n{log}");
        }
    }

    #[test]
    fn how_a_test_is_run_is_not_its_name() {
        for (text, name) in [
            ("test a::b - should panic ... FAILED", "a::b"),
            ("test src/lib.rs - add (line 11) - compile fail ... FAILED", "src/lib.rs - add (line 11)"),
            ("test src/lib.rs - add (line 3) - compile ... FAILED", "src/lib.rs - add (line 3)"),
        ] {
            assert_eq!(verdict_of(text), Some((name, Verdict::Failed, "")), "{text}");
        }
    }
}
