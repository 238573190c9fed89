//! Node itself: uncaught errors and their stacks, unhandled rejections, modules that cannot be found, scripts that
//! cannot be parsed, a heap that is full.
//!
//! Node prints the place and the source line first, then the error and its stack. A stack without that head may have
//! been caught and logged, so it counts only where nothing else is known to have failed.

use std::sync::LazyLock;

use regex::Regex;

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::paths::is_own;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame, is_internal};
use super::hints::{hint, missing_module, quoted};
use super::message::Message;
use crate::contract::bug::{Applicability, Category, Hint, Location, Severity, Suggestion};

/// Lines that trigger [`Uncaught`].
pub(super) const TRIGGERS: &[&str] = &[
    // The head: a place alone on its line.
    r"^(file://)?(/|[A-Za-z]:\\)[^:]*:[0-9]+$",
    r"^(node:|internal/)[A-Za-z0-9_/]+(\.js)?:[0-9]+$",
    r"^[a-z_]+\.js:[0-9]+$",
    r"^<anonymous_script>:[0-9]+$",
    // An error's first line.
    r"^(Uncaught |Unhandled [A-Za-z ]*: ?)?[A-Z][A-Za-z0-9_]*(Error|Exception|Rejection)( \[[A-Z_0-9]+\])?(: |$)",
    r"^\([a-z]*:[0-9]+\) (UnhandledPromiseRejectionWarning|Warning: Accessing)",
    r"^FATAL ERROR: .*(heap out of memory|Allocation failed)",
    r"^\s+at .*\.[cm]?[jt]sx?:[0-9]+:[0-9]+\)?$",
];

/// `TypeError: …`, `Error [ERR_X]: …`, `AssertionError [ERR_ASSERTION]: …`.
static ERROR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*(?:Uncaught |Unhandled [A-Za-z ]*: ?)?(?P<name>[A-Z][A-Za-z0-9_]*(?:Error|Exception|Rejection))(?: \[(?P<code>[A-Z_0-9]+)\])?(?:: |$)")
        .expect("a literal")
});
static IMPORTED_FROM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r" imported from ['\x22]?(?P<path>[^'\x22\n]+?)['\x22]?$").expect("a literal")
});

#[derive(Default)]
pub(super) struct Uncaught {
    open: Option<Thrown>,
}

#[derive(Default)]
struct Thrown {
    /// The place above the source line.
    head: Option<Location>,
    /// Lines since the head in which the error has not begun: source and marks.
    waiting: u32,
    column: Option<u32>,
    error: bool,
    caught: bool,
    warning: bool,
    first: u64,
    last: u64,
    code: Option<String>,
    message: Message,
    frames: Vec<Location>,
    /// Frames of the cause and of wrapped errors.
    causes: Vec<Location>,
    require_stack: Vec<Location>,
    in_require_stack: bool,
    stack: bool,
    /// What a compiler that ran within node has found, in the error's message.
    diagnostics: Vec<FindingBuilder>,
    /// Inside the braces that list the error's properties.
    properties: bool,
}

impl ToolParser for Uncaught {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(open) = &mut self.open {
            if open.line(text, line.number) {
                return open.flow();
            }
            // `Node.js v20.20.2` says that node gave up.
            let gave_up = text.starts_with("Node.js v");
            if gave_up {
                open.caught = false;
            }
            if text.trim().is_empty() && !open.caught {
                return Response::Consumed(Next::Active);
            }
            self.close(out);
            if gave_up {
                return Response::Consumed(Next::Idle);
            }
        }
        if let Some(rest) = text.strip_prefix("FATAL ERROR: ") {
            out.bug(FindingBuilder::new("node", Category::Environment, rest));
            return Response::Consumed(Next::Idle);
        }
        match Thrown::start(text, line.number) {
            Some(open) => {
                let flow = open.flow();
                self.open = Some(open);
                flow
            }
            None => Response::Declined(Next::Idle),
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Uncaught {
    fn close(&mut self, out: &mut Findings) {
        let Some(mut open) = self.open.take() else { return };
        // Where the lines stayed free, the compiler's own machine has read them.
        let read = std::mem::take(&mut open.diagnostics);
        if !read.is_empty() {
            if !open.caught {
                read.into_iter().for_each(|finding| out.bug(finding));
            }
        } else if let Some(finding) = open.into_finding() {
            out.bug(finding);
        }
    }
}

/// What ts-node and tsx throw: a line of tsc's or esbuild's.
fn diagnostic(text: &str, line_number: u64) -> Option<FindingBuilder> {
    if let Some(header) = super::tsc::header(text) {
        return Some(header.finding(line_number));
    }
    let caps = re!(r"^(\S.*?):(\d+):(\d+): ERROR: (.*)$").captures(text)?;
    let at = (number(&caps[2]), number(&caps[3]));
    let finding = FindingBuilder::new("esbuild", Category::Syntax, &caps[4]).span(line_number, line_number);
    Some(finding.at(frames::clean(&caps[1]), at.0, at.1))
}

/// A place alone on its line, without a column.
fn head(text: &str) -> Option<Location> {
    let found = frames::location(text)?;
    (found.column.is_none() && !text.contains(' ') && !text.starts_with(' ')).then_some(found)
}

impl Thrown {
    fn start(text: &str, line_number: u64) -> Option<Self> {
        let mut open = Self { first: line_number, last: line_number, ..Self::default() };
        if let Some(location) = head(text) {
            open.head = Some(location);
            return Some(open);
        }
        if text.starts_with("<anonymous_script>:") {
            open.head = Some(location("<anonymous>", None, None));
            return Some(open);
        }
        open.caught = true;
        let warning = text.split_once(") UnhandledPromiseRejectionWarning: ").map(|(_, rest)| rest);
        open.warning = warning.is_some();
        let text = warning.unwrap_or(text);
        if ERROR.is_match(text) || open.warning {
            open.begin(text);
            return Some(open);
        }
        None
    }

    /// An error's first line alone may be another tool's: until a stack follows, the lines stay free.
    fn flow(&self) -> Response {
        if self.caught && !self.stack {
            Response::Declined(Next::Active)
        } else {
            Response::Consumed(Next::Active)
        }
    }

    fn begin(&mut self, text: &str) {
        self.error = true;
        if let Some(caps) = ERROR.captures(text) {
            self.code = caps.name("code").map(|c| c.as_str().to_owned());
        }
        self.message.line(text.trim_start());
    }

    /// Takes what belongs to the error; whether it did.
    fn line(&mut self, text: &str, line_number: u64) -> bool {
        let trimmed = text.trim();
        if !self.error {
            self.waiting += 1;
            if ERROR.is_match(text) && !text.starts_with(' ') {
                self.begin(text);
            } else if trimmed.starts_with("Thrown at:")
                || (trimmed.is_empty() && self.waiting > 4)
                || self.waiting > 12
            {
                return false;
            } else if !trimmed.is_empty() && trimmed.bytes().all(|b| b == b'^') {
                let at = text.len() - text.trim_start().len();
                self.column = u32::try_from(at + 1).ok();
            } else if self.column.is_some() && !trimmed.is_empty() && !text.starts_with(' ') {
                // Something that is no error was thrown: its text stands below the marks.
                self.begin(text);
            }
            return true;
        }
        if trimmed.is_empty() {
            // A blank line within a message; after the stack, or after another one, it is the end.
            if self.stack && !self.properties {
                return false;
            }
            self.message.blank();
            return true;
        }
        if self.properties {
            return self.property(text, trimmed, line_number);
        }
        if let Some(frame) = frames::frame(text).filter(|_| text.starts_with(' ')) {
            self.stack = true;
            self.in_require_stack = false;
            self.message.end();
            self.last = line_number;
            self.properties = trimmed.ends_with(" {");
            if let Frame::At(location) = frame {
                self.frames.push(location);
            }
            return true;
        }
        if self.stack {
            // `... 5 lines matching cause stack trace ...`
            return text.starts_with("    ...");
        }
        if trimmed == "Require stack:" {
            self.in_require_stack = true;
            return true;
        }
        if self.in_require_stack
            && let Some(path) = trimmed.strip_prefix("- ")
        {
            self.require_stack.push(location(frames::clean(path), None, None));
            return true;
        }
        if trimmed.starts_with("Node.js v") || (!text.starts_with(' ') && self.is_foreign(text)) {
            return false;
        }
        if self.caught && line_number > self.first + 20 {
            return false;
        }
        self.diagnostics.extend(diagnostic(text, line_number));
        self.message.line(text);
        self.last = line_number;
        true
    }

    /// Another command's output: only the lines of a message that is still open can stand at the left.
    fn is_foreign(&self, text: &str) -> bool {
        text.starts_with("> ") && !re!(r"^> \d+ \|").is_match(text)
            || text.starts_with("npm ")
            || text.starts_with("error Command failed")
            || text.starts_with("##[")
    }

    fn property(&mut self, text: &str, trimmed: &str, line_number: u64) -> bool {
        self.last = line_number;
        if text.starts_with('}') {
            self.properties = false;
            return true;
        }
        if let Some(Frame::At(location)) = frames::frame(text) {
            self.causes.push(location);
        } else if let Some(code) = trimmed.strip_prefix("code: '") {
            self.code.get_or_insert_with(|| code.trim_end_matches([',', '\'']).to_owned());
        }
        text.starts_with(' ')
    }

    fn into_finding(self) -> Option<FindingBuilder> {
        if !self.error || (self.caught && !self.stack) {
            return None;
        }
        let message = self.message.text("uncaught error");
        let first = message.lines().next().unwrap_or_default().to_owned();
        let own_head = self.head.as_ref().filter(|h| is_own(&h.file) && !is_internal(&h.file)).cloned();
        let own_frame = self.frames.iter().any(|f| is_own(&f.file));
        // A file that cannot be parsed stands in the head alone: the stack is that of whoever loads it.
        let threw = |head: &Location| self.frames.iter().any(|f| f.file == head.file && f.line == head.line);
        let unparsed = first.starts_with("SyntaxError") && own_head.as_ref().is_some_and(|head| !threw(head));
        let missing = missing_specifier(&message);
        let environment = self.code.as_deref().is_some_and(is_environment);
        let category = if environment {
            Category::Environment
        } else if missing.is_some() || first.contains("does not provide an export named") {
            Category::Import
        } else if unparsed {
            Category::Syntax
        } else if first.starts_with("AssertionError") {
            Category::Logic
        } else {
            Category::Runtime
        };
        let importer = message
            .lines()
            .find_map(|l| IMPORTED_FROM.captures(l))
            .map(|c| location(frames::clean(&c["path"]), None, None));
        let (first_line, last_line) = (self.first, self.last);
        if let Some(finding) = of_babel(&first) {
            return Some(finding.span(first_line, last_line));
        }
        let mut finding = FindingBuilder::new("node", category, message.clone()).span(self.first, self.last);
        finding.code = self.code;
        finding.frames = self.frames;
        let marked = own_head.map(|h| Location { column: self.column, ..h });
        if unparsed {
            finding.frames.splice(0..0, marked);
        } else if !own_frame {
            finding.frames.extend(marked.or(importer).or_else(|| self.require_stack.into_iter().next()));
        }
        finding.related = self.causes;
        finding.hint =
            missing.and_then(|specifier| missing_hint(&message, &first, &specifier, &finding.frames));
        if self.warning {
            finding = finding.severity(Severity::Warning);
        }
        // A stack alone may have been caught and logged.
        Some(if self.caught { finding.fallback() } else { finding })
    }
}

/// `SyntaxError: /app/a.js: Unexpected token (1:10)`: Babel's, whoever let it run. It counts columns from 0.
fn of_babel(first: &str) -> Option<FindingBuilder> {
    let c = re!(r"^SyntaxError: ((?:[A-Za-z]:)?[^\s:]\S*\.[cm]?[jt]sx?): (.+) \((\d+):(\d+)\)$")
        .captures(first)?;
    let column = number(&c[4]).and_then(|from_zero| from_zero.checked_add(1));
    Some(FindingBuilder::new("babel", Category::Syntax, &c[2]).at(&c[1], number(&c[3]), column))
}

/// `Cannot find module 'x'`, `Cannot find package 'x'`.
fn missing_specifier(message: &str) -> Option<String> {
    let at = message.find("Cannot find module ").or_else(|| message.find("Cannot find package "))?;
    quoted(message, at).map(|(specifier, _)| specifier.to_owned())
}

fn missing_hint(message: &str, first: &str, specifier: &str, frames: &[Location]) -> Option<Hint> {
    // `Did you mean to import "./lib/join.js"?`
    if let Some((new, _)) = message.find("Did you mean to import ").and_then(|at| quoted(message, at)) {
        let importer = frames.iter().find(|f| is_own(&f.file))?;
        let stem = new.rsplit_once('.').map(|(stem, _)| stem)?;
        let suggestion = Suggestion::ReplaceText {
            file: importer.file.clone(),
            line: importer.line?,
            column: None,
            old: stem.to_owned(),
            new: new.to_owned(),
        };
        return Some(hint(message, Applicability::MachineApplicable, suggestion));
    }
    missing_module(first, specifier)
}

/// Codes of the system and the network that no change of the code fixes.
fn is_environment(code: &str) -> bool {
    matches!(
        code,
        "ECONNREFUSED"
            | "ECONNRESET"
            | "ENOTFOUND"
            | "EAI_AGAIN"
            | "ETIMEDOUT"
            | "ENOSPC"
            | "EMFILE"
            | "EADDRINUSE"
            | "ENETUNREACH"
            | "EHOSTUNREACH"
            | "EPIPE"
            | "ENOMEM"
            | "EROFS"
    )
}

#[cfg(test)]
mod tests {
    use crate::contract::bug::Category;
    use crate::parser::{ParseOptions, diagnose};

    const LOADED: &str = "/home/runner/work/app/app/lib.js:2\n  return a +;\n            ^\n\nSyntaxError: Unexpected token ';'\n    at wrapSafe (node:internal/modules/cjs/loader:1464:18)\n    at Module._compile (node:internal/modules/cjs/loader:1495:20)\n    at require (node:internal/modules/helpers:182:18)\n    at Object.<anonymous> (/home/runner/work/app/app/test/a.test.js:2:19)\n    at Module._compile (node:internal/modules/cjs/loader:1521:14)\n\nNode.js v20.20.2\n";

    fn places(log: &str) -> Vec<(Category, Option<String>, Option<u32>)> {
        let diagnosis = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        diagnosis.bugs.into_iter().map(|b| (b.category, b.file, b.line)).collect()
    }

    #[test]
    fn a_required_file_that_cannot_be_parsed_is_the_place() {
        let wanted = [(Category::Syntax, Some("lib.js".to_owned()), Some(2))];
        assert_eq!(places(LOADED), wanted);
        let comments: String = LOADED.lines().filter(|l| !l.is_empty()).map(|l| format!("# {l}\n")).collect();
        let tap = format!(
            "TAP version 13\n{comments}# Subtest: /home/runner/work/app/app/test/a.test.js\nnot ok 1 - /home/runner/work/app/app/test/a.test.js\n  ---\n  duration_ms: 7.5\n  location: '/home/runner/work/app/app/test/a.test.js:1:1'\n  failureType: 'testCodeFailure'\n  exitCode: 1\n  error: 'test failed'\n  code: 'ERR_TEST_FAILURE'\n  ...\n1..1\n# tests 1\n# pass 0\n# fail 1\n"
        );
        assert_eq!(places(&tap), wanted);
    }

    #[test]
    fn a_syntax_error_that_code_throws_is_its_own() {
        let log = "/home/runner/work/app/app/lib.js:2\n  throw new SyntaxError('no');\n  ^\n\nSyntaxError: no\n    at parse (/home/runner/work/app/app/lib.js:2:9)\n    at Object.<anonymous> (/home/runner/work/app/app/run.js:1:1)\n\nNode.js v20.20.2\n";
        assert_eq!(places(log), [(Category::Runtime, Some("lib.js".to_owned()), Some(2))]);
    }
}
