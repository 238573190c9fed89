//! Vitest: a header per failure (`FAIL path > suite > test`), its error, its frames (`❯ f path:line:column`).
//!
//! Tests that fail alike share one error under several headers. The inline tree (`× test`, `→ message`) says the same
//! before and only names the tests.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::paths::is_own;
use super::super::registry::{Next, Response, ToolParser};
use super::super::test_ids::TestIds;
use super::frames::{self, Frame};
use super::hints::{missing_module, quoted};
use super::message::Message;
use super::tree::{self, Mark};
use crate::contract::bug::{Category, Location};

/// Lines that trigger [`Vitest`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^ (RUN|DEV)  v[0-9]",
    r"^ FAIL  .+( > | \[ .* \]$)",
    r"^\xe2\x8e\xaf+ (Failed (Tests|Suites|Benchmarks)|Unhandled|Uncaught|Startup Error|Typecheck)",
    r"^\s+Tests  .*\([0-9]+\)$",
    r"^No test files found, exiting with code 1",
];

static COUNT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(\d+) (failed|passed|skipped|todo)").expect("a literal"));
/// `4 tests | 1 failed` or `1 test` after a file's path.
static FILE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^ [❯✓×↓] (?:\|.*?\| )?(?P<path>\S.*?) \(\d+ tests?\b.*$").expect("a literal")
});
/// esbuild's and oxc's own words within the message: `/path/a.ts:4:18: ERROR: …`.
static PLACED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?P<path>\S.*?):(?P<l>\d+):(?P<c>\d+): ERROR: ").expect("a literal"));
static TIMED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\s+\d+(?:\.\d+)?m?s$").expect("a literal"));

struct Failure {
    /// Headers as printed, without the project's name.
    headers: Vec<String>,
    first: u64,
    last: u64,
    message: Message,
    frames: Vec<Location>,
    named: Option<Location>,
    suite: bool,
    unhandled: bool,
}

/// Marked tests that are kept.
const MAX_CROSSED: usize = 1_000;

struct Crossed {
    id: String,
    file: Option<String>,
    message: String,
    line: u64,
}

#[derive(Default)]
pub(super) struct Vitest {
    open: Option<Failure>,
    /// The file whose tests the tree lists.
    file: Option<String>,
    ids: TestIds,
    /// Tests that the tree marks as failed: with their files, what is said below them, and where.
    crossed: Vec<Crossed>,
    /// What the headers of failures call their tests last.
    told: BTreeSet<String>,
    /// Between the title of unhandled errors and the first of them.
    unhandled: bool,
    failed_before: u64,
}

impl ToolParser for Vitest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(header) = text.strip_prefix(" FAIL  ") {
            return self.header(header, line.number, out);
        }
        if text.starts_with('⎯') {
            self.rule(text, line.number, out);
            return Response::Consumed(Next::Active);
        }
        if let Some(root) = run_root(text) {
            if root.starts_with('/') {
                out.root(root);
            }
            return Response::Consumed(Next::Active);
        }
        if let Some(counts) = text.trim_start().strip_prefix("Tests  ").filter(|_| text.starts_with("  ")) {
            self.count(counts, out);
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("No test files found, exiting with code 1") {
            out.bug(FindingBuilder::new("vitest", Category::Configuration, text));
            return Response::Consumed(Next::Active);
        }
        if self.open.is_some() {
            return self.body(text, line.number, out);
        }
        self.listed(text, line.number)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        self.tell_crossed(out);
    }
}

fn last_name(id: &str) -> &str {
    id.rsplit(" > ").next().unwrap_or(id)
}

/// ` RUN  v3.2.4 /path`: the folder vitest runs in.
fn run_root(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(" RUN  v").or_else(|| text.strip_prefix(" DEV  v"))?;
    Some(rest.split_once(' ').map_or("", |(_, root)| root.trim()))
}

/// `|unit| path > test` → `path > test`.
fn without_project(header: &str) -> &str {
    let header = header.trim();
    header.strip_prefix('|').and_then(|h| h.split_once("| ")).map_or(header, |(_, rest)| rest.trim_start())
}

impl Vitest {
    fn header(&mut self, header: &str, line_number: u64, out: &mut Findings) -> Response {
        let header = without_project(header);
        let suite = header.ends_with(" ]") && header.contains(" [ ");
        let id =
            if suite { header.rsplit_once(" [ ").map_or(header, |(path, _)| path.trim()) } else { header };
        match &mut self.open {
            Some(open) if open.message.is_empty() && !open.unhandled => {
                open.headers.push(id.to_owned());
            }
            _ => {
                self.close(out);
                self.open = Some(Failure::new(vec![id.to_owned()], suite, false, line_number));
            }
        }
        Response::Consumed(Next::Active)
    }

    /// A line of rules, with or without a title.
    fn rule(&mut self, text: &str, line_number: u64, out: &mut Findings) {
        self.close(out);
        let title = text.trim_matches(|c: char| c == '⎯' || c == ' ');
        if title.starts_with("Unhandled Errors") {
            self.unhandled = true;
        } else if title.starts_with("Unhandled")
            || title.starts_with("Uncaught")
            || title.starts_with("Startup Error")
        {
            self.open = Some(Failure::new(Vec::new(), false, true, line_number));
        }
    }

    fn body(&mut self, text: &str, line_number: u64, out: &mut Findings) -> Response {
        let Some(open) = &mut self.open else { return Response::Declined(Next::Active) };
        if text.trim().is_empty() {
            open.message.blank();
            return Response::Consumed(Next::Active);
        }
        if text.starts_with(" Test Files  ") || text.starts_with("   Duration  ") {
            self.close(out);
            return Response::Consumed(Next::Active);
        }
        open.line(text, line_number);
        Response::Consumed(Next::Active)
    }

    /// The inline tree: names of the tests, for the ids.
    fn listed(&mut self, text: &str, line_number: u64) -> Response {
        if let Some(caps) = FILE.captures(text) {
            self.file = Some(caps["path"].to_owned());
            return Response::Consumed(Next::Active);
        }
        let Some((mark, name)) = tree::marked(text).filter(|_| text.starts_with(' ')) else {
            // `     → message` under a failed test
            return if let Some(said) = text.trim_start().strip_prefix('→') {
                if let Some(test) = self.crossed.last_mut().filter(|test| test.message.is_empty()) {
                    said.trim().clone_into(&mut test.message);
                }
                Response::Consumed(Next::Active)
            } else {
                Response::Declined(Next::Active)
            };
        };
        let name = without_project(name);
        let name = TIMED.find(name).map_or(name, |time| &name[..time.start()]);
        if mark != Mark::Skipped {
            // The verbose reporter repeats the path, the default one names it once.
            let id = match &self.file {
                Some(file) if text.starts_with("   ") => format!("{file} > {name}"),
                _ => name.to_owned(),
            };
            if mark == Mark::Failed && self.crossed.len() < MAX_CROSSED {
                let (id, file) = (id.clone(), self.file.clone());
                self.crossed.push(Crossed { id, file, message: String::new(), line: line_number });
            }
            self.ids.push(id);
        }
        Response::Consumed(Next::Active)
    }

    /// Failed tests that no block tells more of. Blocks may stand behind the summary, where the streams were not one.
    fn tell_crossed(&mut self, out: &mut Findings) {
        for test in std::mem::take(&mut self.crossed) {
            if self.told.contains(last_name(&test.id)) || test.message.is_empty() {
                continue;
            }
            let mut finding = FindingBuilder::new("vitest", Category::Logic, test.message)
                .test(&*test.id)
                .span(test.line, test.line);
            let named = || test.id.split_once(" > ").map(|(file, _)| file.to_owned());
            finding.location = test.file.or_else(named).map(|file| location(&file, None, None));
            out.bug(finding);
        }
    }

    fn count(&mut self, counts: &str, out: &mut Findings) {
        self.close(out);
        let of = |what: &str| {
            COUNT
                .captures_iter(counts)
                .filter(|c| &c[2] == what)
                .filter_map(|c| c[1].parse::<u64>().ok())
                .sum::<u64>()
        };
        let (passed, failed, skipped) = (of("passed"), of("failed"), of("skipped") + of("todo"));
        out.named_tests("vitest", passed, failed, skipped, std::mem::take(&mut self.ids));
        if failed == 0 && self.failed_before == 0 && passed > 0 {
            out.succeeded();
        }
    }

    fn close(&mut self, out: &mut Findings) {
        let Some(open) = self.open.take() else { return };
        self.told.extend(open.headers.iter().map(|header| last_name(header).to_owned()));
        self.failed_before += 1;
        open.report(out);
    }
}

impl Failure {
    fn new(headers: Vec<String>, suite: bool, unhandled: bool, line_number: u64) -> Self {
        Self {
            headers,
            first: line_number,
            last: line_number,
            message: Message::default(),
            frames: Vec::new(),
            named: None,
            suite,
            unhandled,
        }
    }

    fn line(&mut self, text: &str, line_number: u64) {
        self.last = line_number;
        if let Some(frame) = frames::frame(text) {
            self.message.end();
            if let Frame::At(location) = frame {
                self.frames.push(location);
            }
            return;
        }
        if let Some(caps) = PLACED.captures(text) {
            self.named.get_or_insert_with(|| {
                location(frames::clean(&caps["path"]), number(&caps["l"]), number(&caps["c"]))
            });
        } else if let Some(found) = text.trim_start().strip_prefix("File: ").and_then(frames::location) {
            self.named.get_or_insert(found);
        } else if let Some(file) =
            text.strip_prefix("This error originated in \"").and_then(|t| t.split('"').next())
        {
            self.headers.push(file.to_owned());
        }
        self.message.line(text);
    }

    fn report(mut self, out: &mut Findings) {
        let message = self.message.text("the test failed");
        let first_line = message.lines().next().unwrap_or_default();
        let category = if first_line.contains("Test timed out in") || first_line.contains("Hook timed out in")
        {
            Category::Timeout
        } else if !self.suite && !self.unhandled {
            Category::Logic
        } else if message.contains("Cannot find module")
            || message.contains("Failed to resolve import")
            || message.contains("Cannot find package")
        {
            Category::Import
        } else if first_line.contains("SyntaxError")
            || first_line.contains("Transform failed")
            || message.contains("RolldownError: Parse")
        {
            Category::Syntax
        } else if first_line.contains("No test suite found") {
            Category::Configuration
        } else {
            Category::Runtime
        };
        let hint = ["Cannot find package ", "Cannot find module ", "Failed to resolve import "]
            .iter()
            .find_map(|lead| message.find(lead))
            .and_then(|at| quoted(&message, at))
            .and_then(|(name, _)| missing_module(first_line, name));
        if self.headers.is_empty() {
            self.headers.push(String::new());
        }
        let own = self.frames.iter().any(|f| is_own(&f.file));
        for header in self.headers {
            let mut finding =
                FindingBuilder::new("vitest", category, message.clone()).span(self.first, self.last);
            finding.hint = hint.clone();
            finding.frames = self.frames.clone();
            let file = header.split(" > ").next().unwrap_or_default().to_owned();
            if !own && !file.is_empty() {
                match self.named.clone().filter(|n| is_own(&n.file)) {
                    Some(named) => finding.frames.push(named),
                    // The file of the test is no location of the failure where every frame is a dependency's.
                    None if !self.suite => finding.related.push(location(&file, None, None)),
                    None => finding.frames.push(location(&file, None, None)),
                }
            }
            finding.test = Some(header).filter(|h| !h.is_empty());
            out.bug(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_test_that_is_only_marked_is_a_failure_and_one_with_a_block_is_told_once() {
        let tree = " RUN  v4.0.1 /home/runner/work/app/app\n\n ❯ a.test.js (2 tests | 1 failed) 5ms\n   × sums > adds 3ms\n     \
            → expected 2 to be 3 // Object.is equality\n   ✓ takes 1ms\n\n";
        let block = " FAIL  a.test.js > sums > adds\nAssertionError: expected 2 to be 3 // Object.is equality\n ❯ a.test.js:4:17\n\n";
        let end = " Test Files  1 failed (1)\n      Tests  1 failed | 1 passed (2)\n";
        let (alone, in_order) = (format!("{tree}{end}"), format!("{tree}{block}{end}"));
        for (log, line) in [(alone, None), (in_order, Some(4)), (format!("{tree}{end}{block}"), Some(4))] {
            let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
            let read: Vec<_> =
                bugs.iter().map(|bug| (bug.file.as_deref(), bug.line, bug.test.as_deref())).collect();
            assert_eq!(read, [(Some("a.test.js"), line, Some("a.test.js > sums > adds"))], "{log}");
        }
    }
}
