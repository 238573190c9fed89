//! `cargo test` and doc tests: the harness's own output (`test x ... FAILED`, `---- x stdout ----`, `test result:`).

use std::collections::BTreeSet;

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

#[derive(Default)]
struct Libtest {
    /// Between `running` and `test result`.
    running: bool,
    executed: TestIds,
    failed: BTreeSet<String>,
    reported: BTreeSet<String>,
    section: Option<Section>,
    /// In the list of names behind the last `failures:`.
    listing: bool,
    /// A panic printed while tests run (`--nocapture`).
    loose: Option<(Panic, u64)>,
    ignored: u64,
    /// Findings there were when these tests began.
    before: usize,
    /// How many test binaries have begun and not ended: one of a passing test's own (`--nocapture`) is nested in its. What
    /// cargo says between them comes through another pipe and stands anywhere: behind one that ended without a result, no
    /// summary is a final word any more.
    depth: u32,
    /// What tests of those have run that another one is nested in: their own summaries count them.
    outer: Vec<TestIds>,
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
            if self.depth == 0 {
                self.end(line.number, out);
            } else {
                self.close(line.number, out);
                let executed = std::mem::take(&mut self.executed);
                self.begin_anew(out);
                self.outer.push(executed);
            }
            self.running = true;
            self.depth += 1;
            self.reported.clear();
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
            self.depth = self.depth.saturating_sub(1);
            self.summary(&c[1], count(2), count(3), count(4), line.number, out);
            return Response::Consumed(Next::Idle);
        }
        if text.starts_with("error: ")
            && re!(r"^error: (?:(?:doc)?test failed, to rerun pass|\d+ targets? failed)").is_match(text)
        {
            self.end(line.number, out);
            out.bug(
                FindingBuilder::new("cargo-test", Category::Logic, text.trim_start_matches("error: "))
                    .consequence(),
            );
            return Response::Consumed(Next::Idle);
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
        self.end(now, out);
    }
}

impl Libtest {
    /// A line of no failing test's section.
    fn outside(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some((name, verdict, output)) = verdict_of(text) {
            self.close_loose(line.number, out);
            match verdict {
                Verdict::Failed => {
                    self.executed.push(name);
                    self.failed.insert(name.to_owned());
                }
                Verdict::Ignored => self.ignored += 1,
                Verdict::Passed | Verdict::Open => self.executed.push(name),
            }
            if let Some(panic) = Panic::start(output) {
                self.loose = Some((panic, line.number));
            }
            return Response::Consumed(Next::Active);
        }
        if !self.running && !self.listing {
            return Response::Declined(Next::Idle);
        }
        if let Some(panic) = Panic::start(text) {
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
            let name = text.trim().to_owned();
            self.failed.insert(name);
            return Response::Consumed(Next::Active);
        }
        if re!(r"^(?:\s*(?:Running|Doc-tests) |error: (?:could not compile|process didn't exit))")
            .is_match(text)
        {
            // The binary ended without a result: it crashed or was killed.
            self.end(line.number, out);
            return Response::Declined(Next::Idle);
        }
        Response::Declined(Next::Active)
    }

    fn close(&mut self, now: u64, out: &mut Findings) {
        self.close_loose(now, out);
        if let Some(section) = self.section.take() {
            let last = now.saturating_sub(1).max(section.first);
            let (test, first) = (section.test.clone(), section.first);
            let finding = section.into_finding().span(first, last);
            // Its panic was read where it was printed (`--nocapture`); what is left here names no place.
            let known =
                !self.reported.insert(test) && finding.frames.is_empty() && finding.location.is_none();
            if !known {
                out.bug(finding);
            }
        }
    }

    fn close_loose(&mut self, now: u64, out: &mut Findings) {
        let Some((panic, first)) = self.loose.take() else { return };
        let thread = panic.thread.clone();
        // Only a test's own thread carries its name; other threads may panic on purpose.
        if thread != "main" && thread != "<unnamed>" {
            self.reported.insert(thread.clone());
            let finding = panic.into_finding("cargo-test", Category::Logic).test(thread);
            out.bug(finding.span(first, now.saturating_sub(1).max(first)));
        }
    }

    fn summary(
        &mut self,
        verdict: &str,
        passed: u64,
        failed: u64,
        skipped: u64,
        now: u64,
        out: &mut Findings,
    ) {
        if verdict == "ok" {
            // What panicked in passing tests was expected.
            let expected = &self.reported;
            out.retract(self.before, |d| {
                d.tool == "cargo-test" && d.test.as_ref().is_some_and(|t| expected.contains(t))
            });
        } else {
            let failing: BTreeSet<&String> = self.failed.iter().collect();
            let expected: BTreeSet<&String> = self.reported.iter().filter(|t| !failing.contains(t)).collect();
            if !failing.is_empty() {
                out.retract(self.before, |d| {
                    d.tool == "cargo-test" && d.test.as_ref().is_some_and(|t| expected.contains(t))
                });
            }
            for test in &self.failed {
                if !self.reported.contains(test) {
                    out.bug(
                        FindingBuilder::new("cargo-test", Category::Logic, format!("test {test} failed"))
                            .test(test)
                            .span(now, now),
                    );
                }
            }
        }
        let ids = std::mem::take(&mut self.executed);
        if self.depth == 0 {
            out.named_tests("cargo-test", passed, failed, skipped, ids);
        } else {
            out.nested_tests("cargo-test", Counts::known(passed, failed, skipped), ids);
        }
        self.begin_anew(out);
        self.executed = self.outer.pop().unwrap_or_default();
    }

    fn begin_anew(&mut self, out: &Findings) {
        let outer = std::mem::take(&mut self.outer);
        *self = Self { before: out.count(), depth: self.depth, outer, ..Self::default() };
    }

    /// The output stops, with or without a result.
    fn end(&mut self, now: u64, out: &mut Findings) {
        self.close(now, out);
        if self.running && (!self.executed.is_empty() || !self.failed.is_empty()) {
            let (failed, executed) = (self.failed.len() as u64, self.executed.len());
            let ignored = self.ignored;
            self.summary("FAILED", executed.saturating_sub(failed), failed, ignored, now, out);
        }
        self.begin_anew(out);
    }
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
