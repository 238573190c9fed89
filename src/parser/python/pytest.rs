//! pytest: sessions in every `--tb` style, collection errors, xdist, and what the session says it ran.
//!
//! A failure is printed up to three times: as a letter or word while running, as a block under `FAILURES` or
//! `ERRORS`, and as a line of the short summary. The block has the stack, the summary the id; they are joined at
//! the session's end. What tests printed (`Captured stdout`, sessions inside it) is never read as a failure.

use std::sync::LazyLock;

use regex::Regex;

use super::exception::{Raised, without_addresses};
use super::traceback::{Trace, frame, is_chain_link};
use crate::contract::bug::{Applicability, Category, Location, Suggestion};
use crate::parser::findings::{Counts, FindingBuilder, Findings, location, number};
use crate::parser::lines::{Line, Mark};
use crate::parser::paths::is_own;
use crate::parser::registry::{Next, Response, Tool, ToolParser};
use crate::parser::test_ids::TestIds;

/// Failures kept of one session.
const MAX_BLOCKS: usize = 5_000;
/// Lines of an assertion's explanation that go into the message.
const MAX_EXPLANATION: usize = 6;

pub(super) const PYTEST: Tool = Tool {
    name: "pytest",
    triggers: &[
        r"^=+ test session starts =+$",
        r"^=+ (FAILURES|ERRORS|short test summary info) =+$",
        r"^=* ?[0-9]+ (failed|passed|skipped|errors?|deselected|xfailed|xpassed|warnings?)\b.* in [0-9.]+ ?s",
        r"^=* ?no tests ran in [0-9.]+ ?s",
        r"^ImportError while loading conftest '",
        r"^INTERNALERROR> ",
        r"^ERROR: (usage: |file or directory not found: |not found: |found no collectors |Wrong expression |Missing required plugins|Error importing plugin )",
        r"^pytest: error: ",
        r"^\++ Timeout \++$",
        r"^((FAIL|ERROR:) )?(Required test coverage|Coverage failure: total of)",
    ],
    new: |_| Box::new(Pytest::default()),
};

/// pytest-cov's last word.
const UNCOVERED: &str = "FAIL Required test coverage";

/// Newer versions have said it before.
fn uncovered(text: &str, begun: bool, out: &mut Findings) {
    if out.last_of("pytest").is_none_or(|d| !d.message.starts_with("Coverage failure")) {
        let tool = if !begun && text.starts_with("Coverage failure") { "coverage" } else { "pytest" };
        out.bug(FindingBuilder::new(tool, Category::Configuration, text).sequel());
    }
}

fn pattern(text: &'static str) -> Regex {
    Regex::new(text).expect("a literal pattern")
}

static SECTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^=+ (.+?) =+$"));
static BLOCK: LazyLock<Regex> = LazyLock::new(|| pattern(r"^_+ (.*[^_ ].*?) _+$"));
static SUBSECTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^-{3,} ?[A-Za-z].* ?-{3,}$"));
/// `tests/test_a.py:20: `, `a.py:19: in total`, `a.py:11: ValueError`.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^((?:[A-Za-z]:)?[^\s:<>][^:<>]*):(\d+)(?::(?: (.*))?)?$"));
/// The line that ends a session: `=== 5 failed, 3 passed in 1.79s ===`, without the frame under `-q`.
static TOTALS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^=* ?((?:\d+ (?:subtests )?[a-z]+(?:, )?)+|no tests ran) in [\d.]+ ?s(?:econds)?(?: \([\d:. a-z,]+\))? ?=*$",
    )
});
static RESULTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^Results \([\d.]+s.*\):$"));
static COUNT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d+) ([a-z]+)"));
/// `tests/test_a.py::test_b PASSED   [ 11%]`
static RAN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(\S.*::.+?) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: \(.*\))?(?: +\[ *\d+%\])?\s*$")
});
/// `[gw0] [ 10%] PASSED tests/test_a.py::test_b`
static RAN_BY_WORKER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^\[gw\d+\](?: \[ *\d+%\])? (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (\S.*?)\s*$")
});
static SUMMARY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(FAILED|FAIL|ERROR|SUBFAILED?|SUBFAIL)((?:\[.*?\]| ?\(.*?\))*) (\S.*)$"));
/// What is said when the process died, by whoever ran it.
static ENDED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:Error: Process completed with exit code|(?:.*: line \d+: +\d+ )?(?:Segmentation fault|Killed|Aborted|Terminated|Bus error)\b)|^\S*make(?:\[\d+\])?: \*\*\* ",
    )
});
static CRASHED: LazyLock<Regex> = LazyLock::new(|| pattern(r"worker '\w+' crashed while running '(.+)'"));

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Start,
    Failures,
    Errors,
    Summary,
    /// Warnings, durations, passes, coverage: nothing of a failure.
    Other,
}

/// How far a dump of faulthandler is read.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Threads that did not crash.
    Others,
    Current,
    #[default]
    Over,
}

/// One failure as its block tells it.
#[derive(Debug, Default)]
struct Block {
    /// As between the underscores; empty in styles without.
    title: String,
    error: bool,
    trace: Trace,
    /// The lines marked `E` since the last frame.
    message: Vec<String>,
    message_open: bool,
    /// Of the first of them.
    indent: usize,
    /// Within the marked lines a file was named: its source line follows.
    syntax: bool,
    /// Behind the block's own text: captured output.
    captured: bool,
    first: u64,
    last: u64,
    missing_fixture: bool,
    /// Lines of a doctest's words so far.
    explained: usize,
    /// A plain text at the block's start, where nothing is marked `E`.
    plain: Option<String>,
}

/// A line of the short summary.
#[derive(Debug)]
struct Summed {
    id: String,
    message: String,
    error: bool,
    /// Of a sub-test, which is reported beside its test.
    sub: bool,
    line: u64,
    taken: bool,
}

#[derive(Default)]
struct Pytest {
    part: Part,
    begun: bool,
    blocks: Vec<Block>,
    block: Option<Block>,
    summed: Vec<Summed>,
    passed: TestIds,
    failed: TestIds,
    /// Sessions inside captured output that have begun and not ended.
    nested: u32,
    collected_none: bool,
    /// The thread-dump of a time-out is being read.
    timeout: Option<Block>,
    /// The process has died, unless a worker printed so.
    killed: bool,
    faults: Vec<Block>,
    fault: Fault,
    /// The counts under `Results (1.2s):`, which some plugins print in place of the last line.
    results: Option<String>,
    root: Option<String>,
}

impl Pytest {
    /// A title between `=`: a section of the output begins, or a session does, or ends.
    fn section(&mut self, text: &str, title: &str, captured: bool, out: &mut Findings) -> Response {
        let title = title.trim_matches('=').trim();
        if title == "test session starts" {
            if captured || self.part == Part::Other && self.begun {
                self.nested += 1;
                return Response::Consumed(Next::Active);
            }
            if self.begun {
                // The session before was cut off.
                self.end(out, None);
            }
            self.begun = true;
            return Response::Consumed(Next::Active);
        }
        if let Some(totals) = TOTALS.captures(text) {
            if self.nested > 0 {
                self.nested -= 1;
                return Response::Consumed(Next::Active);
            }
            self.end(out, Some(&totals[1]));
            return Response::Consumed(Next::Finished);
        }
        if self.nested > 0 {
            return Response::Consumed(Next::Active);
        }
        self.close_block();
        self.begun = true;
        self.part = match title {
            "FAILURES" => Part::Failures,
            "ERRORS" => Part::Errors,
            "short test summary info" => Part::Summary,
            _ => Part::Other,
        };
        Response::Consumed(Next::Active)
    }
}

impl ToolParser for Pytest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(rest) = text.strip_prefix("INTERNALERROR>") {
            return self.internal(line, rest.strip_prefix(' ').unwrap_or(rest));
        }
        if self.block.as_ref().is_some_and(|b| b.title == "INTERNALERROR") {
            // What follows is no more of it: the session ends.
            self.close_block();
            self.part = Part::Start;
            self.killed = true;
        }
        if let Some(flow) = self.timeout_dump(line, text) {
            return flow;
        }
        let captured = self.block.as_ref().is_some_and(|b| b.captured);
        if text.starts_with('=')
            && let Some(section) = SECTION.captures(text)
        {
            return self.section(text, &section[1], captured, out);
        }
        if self.nested > 0 {
            return Response::Consumed(Next::Active);
        }
        if !captured && self.begun && RESULTS.is_match(text) {
            self.results = Some(String::new());
            return Response::Consumed(Next::Active);
        }
        if let Some(results) = &mut self.results {
            if text.starts_with("    ") {
                if let Some(count) = Some(text.trim()).filter(|t| t.as_bytes()[0].is_ascii_digit()) {
                    results.push_str(count);
                    results.push_str(", ");
                }
                return Response::Consumed(Next::Active);
            }
            let results = std::mem::take(results);
            self.end(out, Some(&results));
            return Response::Declined(Next::Finished);
        }
        if !captured
            && text.starts_with(|c: char| c.is_ascii_digit() || c == 'n')
            && let Some(totals) = TOTALS.captures(text)
        {
            self.end(out, Some(&totals[1]));
            return Response::Consumed(Next::Finished);
        }
        match self.part {
            Part::Start => self.progress(line, text, out),
            Part::Failures | Part::Errors => self.in_block(line, text),
            Part::Summary => self.in_summary(line, text),
            Part::Other => {
                if text.starts_with(UNCOVERED) {
                    uncovered(text, self.begun, out);
                } else if BLOCK.is_match(text) {
                    // A passed test whose output is shown: sessions in it are not ours.
                    self.block = Some(Block { captured: true, ..Block::default() });
                }
                Response::Consumed(Next::Active)
            }
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        let results = self.results.take();
        self.end(out, results.as_deref());
    }
}

impl Pytest {
    /// Lines before the first section: progress, ids, collection counts, errors of the command line.
    fn progress(&mut self, line: &Line<'_>, text: &str, out: &mut Findings) -> Response {
        if let Some(block) = &mut self.block {
            // `ImportError while loading conftest`: frames and words without a section.
            if self.begun || text.is_empty() && !block.message.is_empty() {
                self.close_block();
            } else {
                return self.in_block(line, text);
            }
        }
        if self.fault(line, text) {
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("ImportError while loading conftest '") {
            self.block =
                Some(Block { first: line.number, last: line.number, error: true, ..Block::default() });
            return Response::Consumed(Next::Active);
        }
        if let Some(root) = text.strip_prefix("rootdir: ") {
            let root = root.split(", ").next().unwrap_or(root);
            out.root(root);
            self.root = Some(root.to_owned());
            return Response::Consumed(Next::Active);
        }
        if let Some(rest) = text.strip_prefix("collected ") {
            self.collected_none =
                rest.starts_with("0 items") && !rest.contains('/') || rest.ends_with("/ 0 selected");
            return Response::Consumed(Next::Active);
        }
        if let Some(found) = RAN.captures(text) {
            self.ran(&found[1], &found[2]);
            return Response::Consumed(Next::Active);
        }
        if let Some(found) = RAN_BY_WORKER.captures(text) {
            let (id, how) = (found[2].to_owned(), found[1].to_owned());
            self.ran(&id, &how);
            return Response::Consumed(Next::Active);
        }
        let usage = text
            .split_once("pytest: error: ")
            .or_else(|| text.split_once("__main__.py: error: "))
            .map(|(_, message)| message)
            .or_else(|| text.strip_prefix("ERROR: "));
        if let Some(message) = usage.filter(|w| !w.starts_with("usage: ")) {
            let message = message.trim_end();
            if message.starts_with("Coverage failure: total of") {
                out.bug(FindingBuilder::new("pytest", Category::Configuration, message).sequel());
            } else if !message.is_empty() {
                out.bug(FindingBuilder::new("pytest", Category::Configuration, message));
            }
            return if self.begun {
                Response::Consumed(Next::Active)
            } else {
                Response::Consumed(Next::Finished)
            };
        }
        // `coverage report` says it without a session.
        if text.starts_with(UNCOVERED) || text.starts_with("Coverage failure: total of") {
            uncovered(text, self.begun, out);
            return Response::Consumed(Next::Active);
        }
        if self.killed || line.mark == Mark::Error || ENDED.is_match(text) {
            return Response::Declined(Next::Active);
        }
        if self.begun || text.starts_with("ERROR: usage: ") {
            Response::Consumed(Next::Active)
        } else {
            Response::Declined(Next::Finished)
        }
    }

    fn ran(&mut self, id: &str, how: &str) {
        let list = match how {
            "PASSED" | "XFAIL" | "XPASS" => &mut self.passed,
            "FAILED" | "ERROR" => &mut self.failed,
            _ => return,
        };
        if list.last() != Some(id) {
            list.push(id);
        }
    }

    fn in_block(&mut self, line: &Line<'_>, text: &str) -> Response {
        if text.starts_with('_')
            && let Some(title) = BLOCK.captures(text)
            && title[1].chars().any(|c| c != '_' && c != ' ')
        {
            self.close_block();
            self.block = Some(Block {
                title: title[1].to_owned(),
                error: self.part == Part::Errors,
                first: line.number,
                last: line.number,
                ..Block::default()
            });
            return Response::Consumed(Next::Active);
        }
        if self.block.is_none() {
            // `--tb=line` prints no titles.
            self.block = Some(Block {
                error: self.part == Part::Errors,
                first: line.number,
                last: line.number,
                ..Block::default()
            });
        }
        let Some(block) = &mut self.block else { return Response::Consumed(Next::Active) };
        block.line(line.number, text);
        if block.title.is_empty() && self.begun && block.ends_in_line_style(text) {
            self.close_block();
        }
        Response::Consumed(Next::Active)
    }

    fn close_block(&mut self) {
        if let Some(block) = self.block.take()
            && (!block.title.is_empty() || !block.trace.frames.is_empty())
            && self.blocks.len() < MAX_BLOCKS
            && self.part != Part::Other
        {
            self.blocks.push(block);
        }
    }

    fn in_summary(&mut self, line: &Line<'_>, text: &str) -> Response {
        if let Some(id) = text.strip_prefix("PASSED ").or_else(|| text.strip_prefix("XPASS ")) {
            let id = id.to_owned();
            self.ran(&id, "PASSED");
        } else if let Some(found) = SUMMARY.captures(text)
            && self.summed.len() < MAX_BLOCKS
        {
            let (id, message) = split_summary(&found[3]);
            let sub = found[2].trim_start();
            self.summed.push(Summed {
                id: if sub.is_empty() { id.to_owned() } else { format!("{id} {sub}") },
                message: message.to_owned(),
                error: &found[1] == "ERROR",
                sub: found[1].starts_with("SUB"),
                line: line.number,
                taken: false,
            });
        } else if text.starts_with(UNCOVERED) || text.starts_with("ERROR: Coverage failure") {
            self.blocks.push(Block {
                plain: Some(text.to_owned()),
                first: line.number,
                last: line.number,
                ..Block::default()
            });
        } else if !text.is_empty() && !text.starts_with([' ', '+', '-', '?']) {
            // More of a message, or, where no totals end the summary (`-qq`), the next program.
            return Response::Declined(Next::Active);
        }
        Response::Consumed(Next::Active)
    }

    /// pytest itself crashed.
    fn internal(&mut self, line: &Line<'_>, text: &str) -> Response {
        let block =
            self.block.get_or_insert_with(|| Block { first: line.number, error: true, ..Block::default() });
        block.last = line.number;
        if is_chain_link(text) {
            block.trace.link();
        } else if text.starts_with("Traceback ") {
            block.title = "INTERNALERROR".to_owned();
        } else {
            block.line(line.number, text);
        }
        self.part = Part::Errors;
        self.begun = true;
        Response::Consumed(Next::Active)
    }

    /// faulthandler's dump of a crash: deepest call first, that of the thread that crashed under `Current thread`.
    fn fault(&mut self, line: &Line<'_>, text: &str) -> bool {
        // Behind the letters or the id of what is running.
        if let Some((running, message)) = text.split_once("Fatal Python error: ") {
            let running = running.trim_end();
            let mut block =
                Block { first: line.number, last: line.number, title: "Fatal".into(), ..Block::default() };
            block.plain = running.contains("::").then(|| running.to_owned());
            block.trace.raised =
                Some(Raised { kind: "Fatal".into(), text: message.into(), ..Raised::default() });
            self.faults.push(block);
            self.fault = Fault::Others;
            self.killed = true;
            return true;
        }
        let Some(block) = self.faults.last_mut().filter(|_| self.fault != Fault::Over) else { return false };
        if text.starts_with("Current thread ") {
            self.fault = Fault::Current;
        } else if let Some((file, at, function)) = frame(text) {
            if self.fault == Fault::Current && block.trace.frames.len() < MAX_BLOCKS {
                block.trace.push(file, at, function);
                block.last = line.number;
            }
        } else if self.fault == Fault::Current && !block.trace.frames.is_empty() {
            block.trace.frames.reverse();
            block.trace.functions.reverse();
            self.fault = Fault::Over;
            return false;
        } else {
            return text.starts_with("Thread 0x");
        }
        true
    }

    /// The dump of the worker that crashed in this test.
    fn fault_in(&mut self, id: &str) -> Option<Block> {
        let name = id.rsplit("::").next()?.split('[').next()?;
        let at = self.faults.iter().position(|f| f.trace.functions.iter().flatten().any(|f| f == name))?;
        Some(self.faults.remove(at))
    }

    /// pytest-timeout's `thread` method: a dump of all stacks between two `+++ Timeout +++`, then the end.
    fn timeout_dump(&mut self, line: &Line<'_>, text: &str) -> Option<Response> {
        // The first of them stands behind the file whose tests are running.
        let mark = text.ends_with("++ Timeout ++++++++++++++++++++++++++++++++++++")
            || text.ends_with("++ Timeout ++");
        // Inside a failure's block it is captured output: the session went on.
        if mark && self.nested == 0 && self.part == Part::Start {
            match self.timeout.take() {
                None => {
                    self.timeout = Some(Block { first: line.number, last: line.number, ..Block::default() });
                }
                Some(mut block) => {
                    block.last = line.number;
                    block.title = "Timeout".to_owned();
                    self.blocks.push(block);
                    self.killed = true;
                }
            }
            return Some(Response::Consumed(Next::Active));
        }
        let block = self.timeout.as_mut()?;
        if text.starts_with("~~") {
            // The stack of the test's thread is the one with frames of the repository; it comes last.
            if block.trace.own().is_none() {
                block.trace = Trace::default();
            }
        } else if let Some((file, at, function)) = frame(text) {
            block.trace.push(file, at, function);
        }
        Some(Response::Consumed(Next::Active))
    }

    /// The session is over: joins blocks and summary, and says how many tests ran.
    fn end(&mut self, out: &mut Findings, totals: Option<&str>) {
        self.close_block();
        if let Some(block) = self.timeout.take() {
            self.blocks.push(block);
        }
        let blocks = std::mem::take(&mut self.blocks);
        let mut reported = 0;
        let sub_tests = self.summed.iter().any(|s| s.sub);
        for mut block in blocks {
            if block.trace.frames.is_empty()
                && block.plain.as_deref().is_some_and(|message| CRASHED.is_match(message))
                && let Some(fault) = self.fault_in(&block.title)
            {
                block.trace.frames = fault.trace.frames;
                block.trace.functions = fault.trace.functions;
            }
            if totals.is_some() && block.title == "Timeout" && block.trace.own().is_none() {
                // The `signal` method's dump of the other threads; the test's own failure has its stack.
                continue;
            }
            let summed = self.find_summed(&block);
            let known = summed.map(|at| {
                let entry = &mut self.summed[at];
                entry.taken = true;
                (entry.id.clone(), entry.message.clone())
            });
            let message = block.plain.as_deref().filter(|_| block.trace.frames.is_empty());
            if sub_tests && message.is_some_and(counts_sub_tests) {
                continue;
            }
            reported += 1;
            out.bug(block.finding(known, self.root.as_deref()));
        }
        for block in std::mem::take(&mut self.faults).into_iter().filter(|_| totals.is_none()) {
            reported += 1;
            out.bug(block.finding(None, self.root.as_deref()));
        }
        for entry in self.summed.drain(..).filter(|s| !s.taken) {
            if sub_tests && counts_sub_tests(&entry.message) {
                continue;
            }
            reported += 1;
            out.bug(entry.finding());
        }
        self.count(out, totals, reported);
        *self = Self::default();
    }

    /// The summary's line for a block: same title, else (without titles) same words, first come first served.
    fn find_summed(&self, block: &Block) -> Option<usize> {
        let wanted = block.wanted();
        let sub_test = block.sub_test();
        let open = || self.summed.iter().enumerate().filter(|(_, s)| !s.taken && s.error == block.error);
        if let Some(wanted) = &wanted {
            if let Some(full) = sub_test
                && let Some((at, _)) = open().find(|(_, s)| s.id.ends_with(&format!("::{full}")))
            {
                return Some(at);
            }
            let exact = open().find(|(_, s)| s.id == *wanted || s.id.ends_with(&format!("::{wanted}")));
            return exact
                .or_else(|| {
                    open().find(|(_, s)| {
                        s.id.split(" (").next().is_some_and(|id| id.ends_with(&format!("::{wanted}")))
                    })
                })
                .map(|(at, _)| at);
        }
        let message = block.trace.raised.as_ref().map(|r| r.text.clone()).unwrap_or_default();
        let kind = block.trace.raised.as_ref().map_or("", |r| r.kind.as_str());
        let first = message.lines().next().unwrap_or_default().to_owned();
        open()
            .find(|(_, s)| {
                (first.is_empty() && !kind.is_empty() && s.message.rsplit('.').next() == Some(kind))
                    || !first.is_empty()
                        && (s.message.contains(&first) || first.contains(s.message.trim_end_matches("...")))
            })
            .map(|(at, _)| at)
    }

    fn count(&mut self, out: &mut Findings, totals: Option<&str>, reported: u64) {
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        let mut other = 0;
        for found in totals.map(|t| COUNT.captures_iter(t)).into_iter().flatten() {
            let n: u64 = found[1].parse().unwrap_or(0);
            match &found[2] {
                "passed" | "xfailed" | "xpassed" => passed += n,
                "failed" | "error" | "errors" => failed += n,
                "skipped" => skipped += n,
                "deselected" => {}
                // `subtests passed`, `rerun`, `warnings`
                _ => other += 1,
            }
        }
        let _ = other;
        if totals.is_none() && self.passed.is_empty() && self.failed.is_empty() {
            return;
        }
        let mut ids = std::mem::take(&mut self.passed).distinct();
        let named_passed = ids.len();
        ids.append(std::mem::take(&mut self.failed));
        let ids = ids.distinct();
        match totals {
            Some(_) => out.named_tests("pytest", passed, failed, skipped, ids),
            // Cut off, or `-qq`: what failed is listed, and nothing is said of what passed.
            None if named_passed == 0 => {
                out.some_tests("pytest", Counts::failed(ids.len()));
                out.silent_when_green("pytest");
            }
            None => out.named_tests("pytest", named_passed, ids.len() - named_passed, 0, ids),
        }
        if totals.is_some() && failed == 0 && reported == 0 {
            if passed + skipped > 0 {
                out.succeeded();
            } else if self.collected_none || totals == Some("no tests ran") {
                // Exit code 5: to CI that is a failure.
                out.bug(FindingBuilder::new("pytest", Category::Configuration, "no tests ran").fallback());
            }
        }
    }
}

impl Block {
    fn line(&mut self, line_number: u64, text: &str) {
        if self.captured && !self.ends_behind_captured(text) {
            return;
        }
        self.captured = false;
        if SUBSECTION.is_match(text) {
            self.captured = true;
            return;
        }
        self.last = line_number;
        if is_chain_link(text) {
            self.settle_message();
            self.trace.link();
            self.message.clear();
            return;
        }
        if let Some(message) = text.strip_prefix("E  ").or_else(|| (text == "E").then_some("")) {
            self.marked(message);
            return;
        }
        self.message_open = false;
        if self.title.starts_with("[doctest]")
            && (self.explained > 0 || matches!(text, "Expected:" | "Expected nothing"))
            && !PLACE.is_match(text)
        {
            self.explained += 1;
            if self.explained == 1 {
                self.plain = None;
            }
            if self.explained > MAX_EXPLANATION * 2 {
                return;
            }
            let plain = self.plain.get_or_insert_default();
            plain.push_str(text);
            plain.push('\n');
            return;
        }
        if let Some((file, line, function)) = frame(text.trim_start_matches(['|', ' ', '+'])) {
            if !file.starts_with('<') {
                self.trace.push(file, line, function);
            }
            return;
        }
        if let Some(rest) = text.strip_prefix("file ")
            && let Some((file, line)) = rest.rsplit_once(", line ")
            && let Some(line) = number(line)
        {
            self.missing_fixture = true;
            self.trace.push(file, line, None);
            return;
        }
        if let Some(found) = CRASHED.captures(text) {
            self.title = found[1].to_owned();
            self.plain = Some(text.to_owned());
            return;
        }
        if self.place(text) {
            return;
        }
        self.raised_or_source(text);
    }

    /// `a.py:11: ValueError`, `a.py:11: in test_x`.
    fn place(&mut self, text: &str) -> bool {
        let Some(found) = PLACE.captures(text).filter(|found| looks_like_python(&found[1])) else {
            return false;
        };
        let Some(line) = number(&found[2]) else { return false };
        let rest = found.get(3).map_or("", |m| m.as_str());
        let function = rest.strip_prefix("in ");
        self.trace.push(&found[1], line, function);
        // `a.py:11: ValueError` and, by line, `a.py:11: ValueError: words`.
        if function.is_none() && !rest.is_empty() && (self.title.is_empty() || self.message.is_empty()) {
            self.trace.raised = Raised::read(rest).or_else(|| {
                Some(Raised { kind: "AssertionError".into(), text: rest.into(), ..Raised::default() })
            });
        } else if function.is_none() && !rest.is_empty() {
            let kind = rest.rsplit('.').next().unwrap_or(rest);
            if let Some(raised) = self.trace.raised.as_mut().filter(|r| r.kind == "AssertionError") {
                kind.clone_into(&mut raised.kind);
            }
        }
        true
    }

    fn raised_or_source(&mut self, text: &str) {
        // `--tb=native`: the traceback's last line stands at the margin.
        if !text.starts_with([' ', '>', '[', '_']) && self.message.is_empty() && !self.trace.frames.is_empty()
        {
            if let Some(raised) = Raised::read(text) {
                self.trace.raised = Some(raised);
            }
        } else if let Some(group) = text.trim_start().strip_prefix("| ")
            && self.trace.raised.is_none()
            && let Some(raised) = Raised::read(group)
        {
            self.trace.raised = Some(raised);
        } else if let Some(source) = text.strip_prefix('>') {
            self.trace.detail(source);
        } else if self.plain.is_none()
            && !text.is_empty()
            && !text.starts_with([' ', '['])
            && self.trace.frames.is_empty()
        {
            self.plain = Some(text.to_owned());
        }
    }

    /// A line marked `E`.
    fn marked(&mut self, message: &str) {
        let message = message.strip_prefix(' ').unwrap_or(message);
        if !self.message_open {
            // A later run of marked lines is the later exception.
            self.message.clear();
            self.message_open = true;
        }
        if let Some((file, line, _)) = frame(message) {
            // A syntax error: the place is in the words.
            self.trace.push(file, line, None);
            self.message.clear();
            self.syntax = true;
            return;
        }
        let bare = message.trim();
        let indented = message.starts_with("   ");
        let exception = bare.split(':').next().is_some_and(|kind| kind.ends_with("Error"));
        if self.syntax && indented && !exception {
            self.trace.detail(message);
            return;
        }
        if bare.starts_with("fixture '") && bare.ends_with("not found") {
            self.missing_fixture = true;
        }
        if self.message.is_empty() {
            let raised = Raised::read(bare).filter(|r| !bare.starts_with("assert ") && !r.kind.is_empty());
            self.trace.raised = Some(match raised {
                Some(mut raised) => {
                    self.trace.mark(&mut raised);
                    raised
                }
                None => Raised { kind: "AssertionError".into(), text: bare.to_owned(), ..Raised::default() },
            });
        } else if self.message.len() < MAX_EXPLANATION
            && let Some(raised) = &mut self.trace.raised
            && !bare.is_empty()
        {
            // In the long style all marked lines are indented alike.
            let blanks = message.len() - message.trim_start().len();
            raised.text.push('\n');
            raised.text.push_str(message[blanks.min(self.indent)..].trim_end());
        }
        if self.message.is_empty() {
            self.indent = message.len() - message.trim_start().len();
        }
        self.message.push(String::new());
    }

    fn settle_message(&mut self) {
        self.message_open = false;
    }

    /// The id's end that this block's title stands for.
    fn wanted(&self) -> Option<String> {
        let title = self.title.as_str();
        if title.is_empty() {
            return None;
        }
        if let Some(path) = title.strip_prefix("ERROR collecting ") {
            return Some(path.to_owned());
        }
        let title = title
            .strip_prefix("ERROR at setup of ")
            .or_else(|| title.strip_prefix("ERROR at teardown of "))
            .unwrap_or(title);
        if let Some(name) = title.strip_prefix("[doctest] ") {
            return Some(name.to_owned());
        }
        if title.contains(".py::") {
            // Of a worker that crashed: the id itself.
            return Some(title.to_owned());
        }
        // `Class.test[a.b]` is `Class::test[a.b]` in ids; sub-tests carry ` [message] (i=1)` behind it.
        let (head, tail) = title.split_at(title.find('[').unwrap_or(title.len()));
        let (head, tail) = if let Some(at) = head.find(" (") { (&head[..at], "") } else { (head, tail) };
        let tail = if head.ends_with(' ') { "" } else { tail };
        Some(format!("{}{tail}", head.trim_end().replace('.', "::")))
    }

    /// Id's end of a sub-test with its message and parameters: `Class::test [message] (i=1)`.
    fn sub_test(&self) -> Option<String> {
        let at = [" (", " ["].iter().filter_map(|mark| self.title.find(mark)).min()?;
        let (name, of) = self.title.split_at(at);
        Some(format!("{}{of}", name.replace('.', "::")))
    }

    /// In the line style the place stands behind what the test printed, with the words once more.
    fn ends_behind_captured(&self, text: &str) -> bool {
        let Some(raised) = self.trace.raised.as_ref().filter(|_| self.title.is_empty()) else { return false };
        let message = PLACE.captures(text).and_then(|found| found.get(3));
        let first = raised.text.lines().next().unwrap_or(&raised.kind);
        message.is_some_and(|message| message.as_str().ends_with(first))
    }

    /// Without titles each place with words ends a failure.
    fn ends_in_line_style(&self, text: &str) -> bool {
        self.trace.raised.is_some() && PLACE.is_match(text) && !text.starts_with("E ")
    }

    fn finding(self, known: Option<(String, String)>, root: Option<&str>) -> FindingBuilder {
        let timeout = self.title == "Timeout"
            || self.trace.raised.is_none() && self.title.is_empty() && self.plain.is_none();
        let mut finding = if let Some(raised) = &self.trace.raised {
            let collecting = self.title.starts_with("ERROR collecting");
            let otherwise = if collecting || matches!(self.title.as_str(), "INTERNALERROR" | "Fatal") {
                Category::Runtime
            } else {
                Category::Logic
            };
            let mut finding = self.trace.finding("pytest", otherwise);
            finding.message = without_addresses(&raised.message());
            if let Some(plain) = self.plain.as_ref().filter(|_| raised.kind == "DocTestFailure") {
                plain.trim_end().clone_into(&mut finding.message);
            }
            if raised.kind == "AssertionError"
                && !raised.text.is_empty()
                && !raised.text.contains("AssertionError")
            {
                finding.message = without_addresses(&raised.text);
            }
            finding
        } else {
            let message = match (&self.plain, &known) {
                (Some(plain), _) => plain.clone(),
                (None, Some((_, message))) if !message.is_empty() => message.clone(),
                _ if timeout => "the test ran into its time limit".to_owned(),
                _ => format!("{} failed", self.title),
            };
            let category = if timeout { Category::Timeout } else { Category::Logic };
            let mut finding = self.trace.finding("pytest", category);
            finding.category = category;
            finding.message = message;
            finding
        };
        if self.missing_fixture {
            finding.category = Category::Logic;
        }
        if self.plain.as_deref().is_some_and(|p| p.contains("coverage")) && self.title.is_empty() {
            finding.category = Category::Configuration;
        }
        let id = known.map(|(id, _)| id).or_else(|| self.guessed_id(root));
        // The failing test's own file, should no frame be the repository's.
        if let Some(id) = &id
            && !finding.frames.iter().any(|f| is_own(&f.file))
            && let Some((file, _)) = id.split_once("::")
        {
            finding.frames.clear();
            finding.location = Some(location(file, None, None));
        } else if finding.frames.is_empty()
            && let Some(path) = self.title.strip_prefix("ERROR collecting ")
        {
            finding.location = Some(location(path, None, None));
        }
        finding.test = id;
        finding.span(self.first, self.last)
    }

    /// The id that a session without a summary would have printed: the first frame is in the test's file.
    fn guessed_id(&self, root: Option<&str>) -> Option<String> {
        if self.title == "INTERNALERROR" {
            return None;
        }
        if let Some(path) = self.title.strip_prefix("ERROR collecting ") {
            return Some(path.to_owned());
        }
        let frames = || self.trace.before.iter().chain(&self.trace.frames);
        let own: Vec<&Location> = frames().filter(|f| is_own(&f.file)).collect();
        let in_test = own
            .iter()
            .find(|f| is_test_file(&f.file))
            .or_else(|| own.iter().find(|f| !f.file.ends_with("conftest.py")));
        if self.title == "Timeout" || self.title == "Fatal" {
            if let Some(running) = &self.plain {
                return Some(running.clone());
            }
            let named = |f: &Option<String>| f.as_deref().is_some_and(|f| f.starts_with("test"));
            let at = (0..self.trace.frames.len())
                .rfind(|at| is_own(&self.trace.frames[*at].file) && named(&self.trace.functions[*at]))?;
            let name = self.trace.functions[at].as_deref()?;
            let roots: Vec<String> = root.map(str::to_owned).into_iter().collect();
            let file = crate::parser::paths::relative(&self.trace.frames[at].file, &roots);
            return Some(format!("{file}::{name}"));
        }
        let wanted = self.wanted()?;
        if wanted.contains(".py::") {
            return Some(wanted);
        }
        // A fixture's file is not the test's: the name alone is certain.
        let Some(Location { file, .. }) = in_test else { return Some(wanted) };
        let file = root
            .and_then(|root| file.strip_prefix(root.trim_end_matches('/')))
            .map_or(file.as_str(), |f| f.trim_start_matches('/'));
        Some(format!("{file}::{wanted}"))
    }
}

impl Summed {
    fn finding(self) -> FindingBuilder {
        let raised = Raised::read(&self.message);
        let message = if self.message.is_empty() {
            format!("{} failed", self.id)
        } else {
            without_addresses(&self.message)
        };
        let category = raised.as_ref().map_or(Category::Logic, |r| r.category(Category::Logic));
        let mut finding = FindingBuilder::new("pytest", category, message).span(self.line, self.line);
        if let Some(raised) = raised.filter(|r| r.kind.ends_with("Error") || r.kind.ends_with("Exception")) {
            finding = finding.code(raised.kind.clone());
            if raised.kind == "ModuleNotFoundError"
                && let Some(name) = raised.text.split('\'').nth(1).filter(|n| !n.contains('.'))
            {
                let wanted = Suggestion::AddDependency { name: name.to_owned() };
                finding = finding.suggest(&raised.message(), Applicability::MaybeIncorrect, wanted);
            }
        }
        let file = self.id.split("::").next().unwrap_or(&self.id).trim();
        if looks_like_python(file) {
            finding = finding.at(file, None, None);
        }
        finding.test(self.id)
    }
}

fn looks_like_python(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    [".py", ".pyi", ".pyx", ".txt", ".rst", ".md", ".ipynb", ".yaml", ".yml", ".pxd", ".feature"]
        .iter()
        .any(|e| name.ends_with(e))
}

fn is_test_file(path: &str) -> bool {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    name.starts_with("test_") || name.ends_with("_test.py") || name.starts_with("tests.")
}

/// What a test says whose sub-tests failed: they are reported themselves.
fn counts_sub_tests(message: &str) -> bool {
    let message = message.trim();
    message.starts_with("contains ") && message.contains(" failed subtest")
}

/// Splits `tests/a.py::test[x - y] - KeyError: 'z'` into id and message.
fn split_summary(text: &str) -> (&str, &str) {
    let from = match text.find('[') {
        // Parameters may hold anything: the id ends at the first `]` before ` - `, or with the line.
        Some(open) if text.find(" - ").is_none_or(|dash| open < dash) => {
            if text.ends_with(']') && !text.contains("] - ") {
                return (text, "");
            }
            text.find("] - ").map_or(open, |at| at + 1)
        }
        _ => 0,
    };
    match text[from..].find(" - ") {
        Some(at) => (text[..from + at].trim_end(), text[from + at + 3..].trim()),
        None => (text.trim_end(), ""),
    }
}
