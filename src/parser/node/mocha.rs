//! Mocha (and Cypress, which prints through it): the counts, then a numbered block per failure with its title, error
//! and stack.
//!
//! The error may hold lines at the very left; only a stack ends it. Titles stand on one line (old versions) or on one
//! line per suite, the last with a colon.

use std::sync::LazyLock;

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings, location};
use super::super::lines::Line;
use super::super::paths::is_own;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame};
use super::hints::{missing_module, quoted};
use super::message::Message;
use crate::contract::bug::{Category, Location};

/// Lines that trigger [`Mocha`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^\s+[0-9]+ passing( \([0-9.]+ ?[a-z]+\))?$",
    r"^\s+[0-9]+ failing$",
    r"^\s*(\xe2\x9c\x93|\xe2\x9c\x94|\xe2\x88\x9a) ",
    r"^\s*Exception during run: ",
    r"^ Error: No test files found",
];

static START: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\s{0,4}(\d+)\) (.*)$").expect("a literal"));
static COUNT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\s+(\d+) (passing|pending|failing|skipped)\b").expect("a literal"));
/// `… resolves. (/path/of/the.test.js)`: timeouts name the file at their end.
static IN_FILE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\(((?:/|[A-Z]:\\)[^()]+\.[cm]?[jt]sx?)\)$").expect("a literal"));

#[derive(Default)]
struct Counts {
    passing: u64,
    pending: u64,
    failing: u64,
}

struct Failure {
    title: Vec<String>,
    titled: bool,
    first: u64,
    last: u64,
    head: Option<Location>,
    message: Message,
    frames: Vec<Location>,
    stack: bool,
    blanks: u32,
}

#[derive(Default)]
pub(super) struct Mocha {
    counts: Option<Counts>,
    failures: Vec<Failure>,
    open: Option<Failure>,
}

impl ToolParser for Mocha {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        let inner = text.trim_start();
        if inner.starts_with(|c: char| c.is_ascii_digit())
            && let Some(caps) = COUNT.captures(text)
        {
            let n = caps[1].parse().unwrap_or(0);
            if &caps[2] == "passing" {
                self.close(out);
            }
            let counts = self.counts.get_or_insert_default();
            match &caps[2] {
                "passing" => counts.passing = n,
                "failing" => counts.failing = n,
                _ => counts.pending += n,
            }
            return Response::Consumed(Next::Active);
        }
        if let Some(error) = inner.strip_prefix("Exception during run: ") {
            let mut failure = Failure::new(line.number);
            failure.titled = true;
            // Node's head of a script it cannot parse or link: the place, then the source.
            failure.head = frames::location(error).filter(|at| at.column.is_none() && !error.contains(' '));
            if failure.head.is_none() {
                failure.message.line(error);
            }
            self.counts.get_or_insert_default().failing = 1;
            self.open = Some(failure);
            return Response::Consumed(Next::Active);
        }
        if text.starts_with(" Error: No test files found") {
            out.bug(FindingBuilder::new("mocha", Category::Configuration, text.trim()));
            return Response::Consumed(Next::Idle);
        }
        let failing = self.counts.as_ref().map_or(0, |c| c.failing);
        if failing == 0 {
            return if self.counts.is_some() && text.trim().is_empty() {
                Response::Declined(Next::Active)
            } else {
                self.idle(out)
            };
        }
        if let Some(caps) = START.captures(text)
            && caps[1].parse() == Ok(self.failures.len() + usize::from(self.open.is_some()) + 1)
        {
            self.failures.extend(self.open.take());
            let mut failure = Failure::new(line.number);
            failure.title_line(&caps[2]);
            self.open = Some(failure);
            return Response::Consumed(Next::Active);
        }
        let taken = match &mut self.open {
            Some(open) => open.line(text, line.number),
            None => text.trim().is_empty(),
        };
        if taken { Response::Consumed(Next::Active) } else { self.idle(out) }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Mocha {
    /// The line is none of mocha's: what was gathered is complete.
    fn idle(&mut self, out: &mut Findings) -> Response {
        self.close(out);
        Response::Declined(Next::Idle)
    }

    fn close(&mut self, out: &mut Findings) {
        self.failures.extend(self.open.take());
        for failure in self.failures.drain(..) {
            out.bug(failure.into_finding());
        }
        if let Some(counts) = self.counts.take() {
            out.tests("mocha", counts.passing, counts.failing, counts.pending);
            if counts.failing == 0 && counts.passing > 0 {
                out.succeeded();
            }
        }
    }
}

impl Failure {
    fn new(line_number: u64) -> Self {
        Self {
            title: Vec::new(),
            titled: false,
            first: line_number,
            last: line_number,
            head: None,
            message: Message::default(),
            frames: Vec::new(),
            stack: false,
            blanks: 0,
        }
    }

    /// A part of the title; the last one ends with a colon.
    fn title_line(&mut self, text: &str) {
        let text = text.trim();
        self.titled = text.ends_with(':');
        self.title.push(text.strip_suffix(':').unwrap_or(text).to_owned());
    }

    /// Takes a line of the failure; whether it was one.
    fn line(&mut self, text: &str, line_number: u64) -> bool {
        let blank = text.trim().is_empty();
        if blank {
            self.blanks += 1;
            self.message.blank();
            return true;
        }
        // A title never goes on below a blank line.
        if !self.titled && self.blanks == 0 && text.starts_with("    ") && self.title.len() < 30 {
            self.title_line(text);
            self.last = line_number;
            return true;
        }
        self.titled = true;
        if let Some(frame) = frames::frame(text).filter(|_| text.starts_with(' ')) {
            self.stack = true;
            self.message.end();
            self.last = line_number;
            if let Frame::At(location) = frame {
                self.frames.push(location);
            }
            return true;
        }
        // After the stack only what belongs to it, indented, can follow; two blank lines end a failure without one.
        if (self.stack || self.blanks > 4) && !text.starts_with(' ') && !text.starts_with('}') {
            return false;
        }
        self.last = line_number;
        self.message.line(text.trim_start());
        true
    }

    fn into_finding(self) -> FindingBuilder {
        let mut message = self.message.text("the test failed");
        if self.head.is_some()
            && let Some(error) = message.lines().find(|line| line.contains("Error: "))
            && let Some(at) = message.find(error)
        {
            message.drain(..at);
        }
        let first = message.lines().next().unwrap_or_default().to_owned();
        let category = if first.contains("Timeout of ") {
            Category::Timeout
        } else if !self.title.is_empty() {
            Category::Logic
        } else if first.contains("Cannot find module") || first.contains("Cannot find package") {
            Category::Import
        } else if first.contains("SyntaxError") {
            Category::Syntax
        } else {
            Category::Runtime
        };
        let mut finding = FindingBuilder::new("mocha", category, message).span(self.first, self.last);
        if !self.title.is_empty() {
            // As mocha's own `fullTitle`, which `--grep` matches.
            finding.test = Some(self.title.join(" "));
        }
        finding.frames = self.frames;
        let threw =
            |head: &Location| finding.frames.iter().any(|f| f.file == head.file && f.line == head.line);
        if category == Category::Syntax && self.head.as_ref().is_some_and(|h| is_own(&h.file) && !threw(h)) {
            // The stack is that of whoever loads the file that cannot be parsed.
            finding.frames.splice(0..0, self.head);
        } else if !finding.frames.iter().any(|f| is_own(&f.file)) {
            finding.frames.extend(self.head);
        }
        if !finding.frames.iter().any(|f| is_own(&f.file))
            && let Some(caps) = IN_FILE.captures(&first)
        {
            finding.frames.push(location(&caps[1], None, None));
        }
        if let Some(at) = first.find("Cannot find module").or_else(|| first.find("Cannot find package")) {
            finding.hint = quoted(&first, at).and_then(|(name, _)| missing_module(&first, name));
        }
        finding
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_required_file_that_cannot_be_parsed_is_the_place() {
        let log = "\n Exception during run: /home/runner/work/app/app/lib.js:2\n  return a +;\n            ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe (node:internal/modules/cjs/loader:1464:18)\n    at require (node:internal/modules/helpers:182:18)\n    at Object.<anonymous> (/home/runner/work/app/app/test/a.spec.js:2:19)\n    at Module._compile (node:internal/modules/cjs/loader:1521:14)\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        assert_eq!((bugs[0].file.as_deref(), bugs[0].line), (Some("lib.js"), Some(2)), "{bugs:?}");
    }

    #[test]
    fn a_script_that_cannot_be_linked_has_its_place_in_the_head() {
        let log = "\n Exception during run: file:///home/runner/work/app/app/t/a.spec.mjs:1\nimport { nope } from '../a.js';\n         ^^^^\nSyntaxError: Named export 'nope' not found.\n    at ModuleJob._instantiate (node:internal/modules/esm/module_job:213:21)\n    at async exports.loadFilesAsync (/home/runner/work/app/app/node_modules/mocha/lib/nodejs/esm-utils.js:158:20)\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let [bug] = &bugs[..] else { panic!("{bugs:?}") };
        assert_eq!((bug.file.as_deref(), bug.line), (Some("t/a.spec.mjs"), Some(1)));
        assert_eq!(bug.message, "SyntaxError: Named export 'nope' not found.");
    }
}
