//! The Test Anything Protocol as node, tape, AVA, mocha and others print it: `not ok 3 - name` and details below.
//!
//! Details are YAML between `---` and `...`, or plain indented lines. Node nests subtests by indentation and prints a
//! parent after its children; a parent that only failed for its children is no failure of its own.

use super::super::findings::{FindingBuilder, Findings, location};
use super::super::lines::Line;
use super::super::registry::{Next, Response, ToolParser};
use super::super::{re, unread};
use super::frames::{self, Frame};
use super::message::Message;
use super::uncaught::Uncaught;
use crate::contract::bug::{Category, Location, Severity};

/// Lines that trigger [`Tap`].
pub(super) const TRIGGERS: &[&str] = &[
    r"^\s*(not )?ok [0-9]+( |$)",
    r"^TAP version 1[0-9]",
    r"^\s*# Subtest: ",
    r"^# (tests|pass|fail) +[0-9]+$",
];

#[derive(Default)]
pub(super) struct Tap {
    /// Indentation and name of the subtests that have begun.
    subtests: Vec<(usize, String)>,
    /// The last comment at the left: tape's name of what its assertions belong to.
    comment: Option<String>,
    nested: bool,
    open: Option<Failure>,
    /// What the test files print themselves comes as comments.
    printed: Uncaught,
    passed: u64,
    failed: u64,
    skipped: u64,
    summary: [Option<u64>; 3],
    /// Test files that failed as a whole, which node lists like tests.
    files: u64,
    /// Results carry the time they took: the library tap, not node.
    timed: bool,
    /// Failures so far.
    told: u64,
}

struct Failure {
    id: String,
    indent: usize,
    first: u64,
    last: u64,
    message: Message,
    frames: Vec<Location>,
    /// Where the test stands.
    test: Option<Location>,
    parent: bool,
    timeout: bool,
    yaml: bool,
    /// Of the first key between `---` and `...`.
    keys: Option<usize>,
    /// Behind `...`.
    told: bool,
    /// `at:` as a mapping, or folded over lines: what it has said so far.
    key: String,
    file: Option<String>,
    /// What a linter found in the file that the result is called by.
    found: Vec<Found>,
}

#[derive(Default)]
struct Found {
    message: String,
    line: Option<u32>,
    column: Option<u32>,
    rule: Option<String>,
    warning: bool,
}

impl Found {
    fn finding(self, file: &str) -> FindingBuilder {
        let (code, message) = match self.rule {
            Some(rule) => (Some(rule), self.message),
            None => match unread::rule(&self.message) {
                (Some(code), message) => (Some(code.to_owned()), message.to_owned()),
                (None, _) => (None, self.message),
            },
        };
        let mut finding =
            FindingBuilder::new("tap", Category::Lint, message).at(file, self.line, self.column);
        finding.code = code;
        if self.warning { finding.severity(Severity::Warning).counted() } else { finding }
    }
}

impl ToolParser for Tap {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        let indent = text.bytes().take_while(|b| *b == b' ').count();
        if let Some(caps) =
            re!(r"^\s*(not )?ok \d+(?: -)?(?: (.*?))?(?:\s+# (SKIP|TODO|skip|todo)\b.*| # time=.*)?$")
                .captures(text)
            && !self.open.as_ref().is_some_and(|open| open.yaml)
        {
            self.close(out);
            self.timed |= text.contains(" # time=");
            let name = caps.get(2).map_or("", |m| m.as_str());
            let name = name.strip_suffix(" {").unwrap_or(name);
            if text.ends_with(" {") {
                // Its children stand below, in braces.
                self.subtests.retain(|(at, _)| *at < indent);
                self.subtests.push((indent, name.to_owned()));
                return Response::Consumed(Next::Active);
            }
            self.result(caps.get(1).is_some(), name, caps.get(3).is_some(), indent, line.number);
            return Response::Consumed(Next::Active);
        }
        if let Some(open) = &mut self.open {
            if open.line(text, indent, line.number) {
                return Response::Consumed(Next::Active);
            }
            self.close(out);
        }
        // Node says 13.
        self.timed |= text == "TAP version 14";
        let Some(comment) = text.trim_start().strip_prefix("# ") else {
            let plan =
                re!(r"^\s*(1\.\.\d+|TAP version \d+|---|\.\.\.|duration_ms: .*|type: .*|\})$").is_match(text);
            return if plan { Response::Consumed(Next::Active) } else { Response::Declined(Next::Idle) };
        };
        if indent == 0 {
            self.printed.line(&Line { text: comment, ..*line }, out);
        }
        if let Some(name) = comment.strip_prefix("Subtest: ") {
            self.nested = true;
            self.subtests.retain(|(at, _)| *at < indent);
            self.subtests.push((indent, name.to_owned()));
        } else if let Some(caps) = re!(r"^(tests|pass|fail|skip|skipped) +(\d+)$").captures(comment) {
            let n = caps[2].parse().ok();
            match &caps[1] {
                "pass" => self.summary[0] = n,
                "fail" => self.summary[1] = n,
                "tests" => {}
                _ => self.summary[2] = n,
            }
        } else if indent == 0 && !self.nested {
            self.comment = Some(comment.to_owned());
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
        self.printed.finish(out);
        let [passed, failed, skipped] = self.summary;
        let (passed, failed) = (passed.unwrap_or(self.passed), failed.unwrap_or(self.failed));
        let failed_tests = failed.saturating_sub(self.files);
        if passed + failed > 0 {
            out.tests(self.runner(), passed, failed_tests, skipped.unwrap_or(self.skipped));
            if failed == 0 {
                out.succeeded();
            }
        }
    }
}

impl Tap {
    fn runner(&self) -> &'static str {
        if self.nested && !self.timed { "node-test" } else { "tap" }
    }

    fn result(&mut self, failed: bool, name: &str, directive: bool, indent: usize, line_number: u64) {
        self.subtests.retain(|(at, _)| *at <= indent);
        let own = self.subtests.last().is_some_and(|(at, n)| *at == indent && n == name);
        if own {
            self.subtests.pop();
        }
        // What failed only for its children, which were told.
        let parent = own && self.timed && self.told > 0;
        match (directive, failed) {
            (true, _) => self.skipped += 1,
            (false, true) => self.failed += 1,
            (false, false) => self.passed += 1,
        }
        if directive || !failed {
            return;
        }
        self.told += 1;
        let mut chain: Vec<&str> =
            self.subtests.iter().filter(|(at, _)| *at < indent).map(|(_, n)| n.as_str()).collect();
        if !self.nested
            && let Some(comment) = self.comment.as_deref()
        {
            chain.push(comment);
        }
        chain.push(if name.is_empty() { "(unnamed)" } else { name });
        self.open = Some(Failure {
            id: chain.join(" > "),
            indent,
            first: line_number,
            last: line_number,
            message: Message::default(),
            frames: Vec::new(),
            test: None,
            parent,
            timeout: false,
            yaml: false,
            keys: None,
            told: false,
            key: String::new(),
            file: None,
            found: Vec::new(),
        });
    }

    fn close(&mut self, out: &mut Findings) {
        let Some(open) = self.open.take().filter(|open| !open.parent) else { return };
        let category = if open.timeout { Category::Timeout } else { Category::Logic };
        if open.found.iter().any(|found| found.line.is_some()) {
            for found in open.found {
                out.bug(found.finding(&open.id).span(open.first, open.last));
            }
            return;
        }
        let message = open.message.text(&open.id);
        self.files += u64::from(self.nested && is_file(&open.id));
        let mut finding =
            FindingBuilder::new(self.runner(), category, message).span(open.first, open.last).test(open.id);
        finding.frames = open.frames;
        finding.frames.extend(open.test);
        // A file that failed as a whole has told why in what it printed.
        if finding.message == "test failed" {
            finding = finding.consequence();
        }
        out.bug(finding);
    }
}

impl Failure {
    fn line(&mut self, text: &str, indent: usize, line_number: u64) -> bool {
        let trimmed = text.trim();
        if self.yaml {
            self.last = line_number;
            if trimmed == "..." && indent <= self.indent + 4 {
                (self.yaml, self.told) = (false, true);
                return true;
            }
            self.detail(trimmed, indent);
            return true;
        }
        if self.told {
            return false;
        }
        if trimmed == "---" {
            self.yaml = true;
            return true;
        }
        // Perl's and bats' details are comments, mocha's plain indented lines.
        let message = trimmed.strip_prefix('#').map(str::trim_start);
        if message.is_none() && (indent <= self.indent || trimmed.is_empty()) {
            return trimmed.is_empty() && indent > self.indent;
        }
        let message = message.unwrap_or(trimmed);
        if let Some(caps) = re!(
            r"^\(?(?:in test |from function .* in )?(?:file )?(\S+), line (\d+)\)?,?$|^at (\S+) line (\d+)\.$"
        )
        .captures(message)
        {
            let get = |a, b| caps.get(a).or_else(|| caps.get(b)).map(|m| m.as_str());
            if let (Some(file), Some(line)) = (get(1, 3), get(2, 4)) {
                self.frames.push(location(file, line.parse().ok(), None));
            }
        } else if let Some(frame) = frames::frame(message) {
            self.message.end();
            if let Frame::At(at) = frame {
                self.frames.push(at);
            }
        } else if message.starts_with("Subtest: ")
            || re!(r"^(tests|pass|fail|skip|skipped) +\d+$").is_match(message)
        {
            return false;
        } else {
            self.message.line(message);
        }
        self.last = line_number;
        true
    }

    /// A line of YAML. Only scalars and stacks matter, so it is read as lines, not as a document.
    fn detail(&mut self, trimmed: &str, indent: usize) {
        self.linted(trimmed);
        let keys = *self.keys.get_or_insert(indent);
        let key = re!(r"^'?([A-Za-z_ ]+)'?:(?: (.*))?$").captures(trimmed).filter(|_| indent <= keys);
        if let Some(caps) = key {
            let value = caps.get(2).map_or("", |m| m.as_str()).trim_matches(['\'', '"']);
            self.key = caps[1].to_owned();
            if value.is_empty() && matches!(&*self.key, "expected" | "actual") {
                // An object: the message has the difference.
                self.key.clear();
            }
            match self.key.as_str() {
                "location" => self.test = frames::location(value),
                "failureType" => {
                    self.parent = value == "subtestsFailed";
                    self.timeout = value == "testTimeoutFailure";
                }
                "error" | "message" | "operator" | "expected" | "actual" if !is_block(value) => {
                    let lead = if matches!(&*self.key, "error" | "message") {
                        String::new()
                    } else {
                        format!("{}: ", self.key)
                    };
                    self.message.line(&format!("{lead}{value}"));
                }
                "at" => self.frame(value),
                _ => {}
            }
            return;
        }
        match self.key.as_str() {
            "stack" => self.frame(trimmed),
            "at" => match trimmed.split_once(": ") {
                Some(("file" | "fileName", file)) => {
                    self.file = Some(file.trim_matches(['\'', '"']).to_owned());
                }
                Some(("line" | "lineNumber", line)) => {
                    let line = line.parse().ok();
                    if let Some(file) = self.file.take() {
                        self.frames.push(location(&file, line, None));
                    }
                }
                _ => self.frame(trimmed),
            },
            // Vitest's is a mapping of name and message.
            "error" if trimmed.starts_with("name: \"") => {}
            "error" | "message" | "expected" | "actual" => {
                let message = trimmed.strip_prefix("message: \"").unwrap_or(trimmed);
                self.message.line(
                    message.strip_suffix('"').filter(|_| message.len() < trimmed.len()).unwrap_or(message),
                );
            }
            _ => {}
        }
    }

    /// A key of a linter's finding, where the result is a file.
    fn linted(&mut self, trimmed: &str) {
        if !re!(r"^\S+\.\w+$").is_match(&self.id) {
            return;
        }
        let Some((key, value)) = trimmed.trim_start_matches("- ").split_once(": ") else { return };
        let value = match value.as_bytes() {
            [b'\'', .., b'\''] => value[1..value.len() - 1].replace("''", "'"),
            [b'"', .., b'"'] => value[1..value.len() - 1].replace("\\\"", "\""),
            _ => value.to_owned(),
        };
        if key == "message" {
            self.found.push(Found { message: value, ..Found::default() });
            return;
        }
        let Some(found) = self.found.last_mut() else { return };
        match key {
            "line" => found.line = value.parse().ok(),
            "column" => found.column = value.parse().ok(),
            "ruleId" | "rule" => found.rule = Some(value),
            "severity" => found.warning = value == "warning",
            _ => {}
        }
    }

    fn frame(&mut self, text: &str) {
        if let Some(Frame::At(at)) = frames::frame(text).or_else(|| frames::unmarked(text)) {
            self.frames.push(at);
        }
    }
}

/// Whether a failure's name is the file that holds the tests.
pub(super) fn is_file(name: &str) -> bool {
    re!(r"^(?:[A-Za-z]:)?[^\s>]*\.[cm]?[jt]sx?$").is_match(name)
}

/// `|-`, `>-` and the like: the value stands below.
fn is_block(value: &str) -> bool {
    value.is_empty() || value.starts_with(['|', '>'])
}

#[cfg(test)]
mod tests {
    use crate::contract::bug::Category;
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_linters_results_are_its_findings() {
        for details in [
            "  message: '''b'' is not defined.'\n  severity: error\n  data:\n    line: 3\n    column: 7\n    ruleId: no-undef\n",
            "  no-undef:\n    - message: \"'b' is not defined. (no-undef)\"\n      severity: error\n      line: 3\n      column: 7\n",
        ] {
            let log = format!("TAP version 13\n1..1\nnot ok 1 - src/a.js\n  ---\n{details}  ...\n");
            let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
            let bug = &bugs[0];
            assert_eq!((bug.file.as_deref(), bug.line, bug.column), (Some("src/a.js"), Some(3), Some(7)));
            assert_eq!(
                (bug.code.as_deref(), bug.message.as_str()),
                (Some("no-undef"), "'b' is not defined.")
            );
            assert_eq!((bug.category, &bug.test), (Category::Lint, &None));
        }
    }

    #[test]
    fn children_in_braces_are_the_tests() {
        let log = "TAP version 13\n1..1\nnot ok 1 - test/a.test.ts # time=2.46ms {\n    1..1\n    not ok 1 - div # time=1.02ms {\n        1..2\n        ok 1 - works # time=2.98ms\n        not ok 2 - throws # time=2.65ms\n            ---\n            error:\n                name: \"RangeError\"\n                message: \"division by zero\"\n            at: \"/home/runner/work/app/app/src/math.ts:2:22\"\n            ...\n    }\n}\n";
        let diagnosis = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        let [bug] = &diagnosis.bugs[..] else { panic!("{:?}", diagnosis.bugs) };
        assert_eq!(bug.test.as_deref(), Some("test/a.test.ts > div > throws"));
        assert_eq!((bug.file.as_deref(), bug.line, bug.column), (Some("src/math.ts"), Some(2), Some(22)));
        assert_eq!(bug.message, "division by zero");
        let run = &diagnosis.tests[0];
        assert_eq!((run.executed, run.passed, run.failed), (Some(2), Some(1), Some(1)));
    }
}
