//! unittest, and Django's runner, which prints the same: blocks between rules, then how many ran.

use super::exception::without_addresses;
use super::traceback::{Trace, is_chain_link};
use crate::contract::bug::Category;
use crate::parser::findings::{FindingBuilder, Findings};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};
use crate::parser::test_ids::TestIds;

/// Lines of an assertion's explanation that go into the message.
const MAX_EXPLANATION: usize = 6;

pub(super) const UNITTEST: Tool = Tool {
    name: "unittest",
    triggers: &[
        // testtools draws it behind what it marked, green has none.
        r"^[.FEsxuX]*={70}$",
        r"^(Failure|Error) in [A-Za-z_][A-Za-z0-9_.]*$",
        r"^Ran [0-9]+ tests? in [0-9.]+s( using [0-9]+ processes)?$",
        r"^[A-Za-z_][A-Za-z0-9_]* \([A-Za-z_][A-Za-z0-9_.]*\)( \.\.\. |$)",
    ],
    new: |_| Box::new(Unittest::default()),
};

#[derive(Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    /// Behind `=====`.
    Rule,
    /// Behind the block's head: a docstring may come before the dashes.
    Head,
    Body,
    /// Behind `Ran 3 tests`.
    TestOutcome(u64),
}

#[derive(Default)]
struct Unittest {
    state: State,
    test: String,
    first: u64,
    last: u64,
    trace: Trace,
    reading: bool,
    explained: usize,
    /// Lines without a traceback.
    plain: Vec<String>,
    ids: TestIds,
    /// Tests that failed, sub-tests as one, and failures of a class's or module's own set-up.
    failed: std::collections::BTreeSet<String>,
    outside: u64,
    /// Modules that could not be loaded: the loader puts a test that fails in the place of each.
    not_loaded: u64,
    /// A test whose outcome comes on a later line.
    running: Option<String>,
}

impl Unittest {
    fn close(&mut self, out: &mut Findings) {
        if self.test.is_empty() {
            return;
        }
        let test = std::mem::take(&mut self.test);
        if test.starts_with("setUp") || test.starts_with("tearDown") {
            self.outside += 1;
        } else if stands_for_a_module(&test) {
            self.not_loaded += 1;
        } else {
            let end = test.find(')').map_or(test.len(), |at| at + 1);
            self.failed.insert(test[..end].to_owned());
        }
        let trace = std::mem::take(&mut self.trace);
        let plain = std::mem::take(&mut self.plain).join("\n");
        let mut finding = trace.finding("unittest", Category::Logic);
        if trace.raised.is_none() {
            finding.category = Category::Logic;
            finding.message = if plain.is_empty() { "unexpected success".to_owned() } else { plain };
        } else if matches!(finding.code.as_deref(), Some("AssertionError" | "MismatchError"))
            && let Some(text) = trace.raised.as_ref().map(|r| r.text.clone()).filter(|t| !t.is_empty())
        {
            finding.message = without_addresses(&text);
        }
        out.bug(finding.test(test).span(self.first, self.last));
    }

    fn open(&mut self, name: &str, line_number: u64) {
        self.test = name.trim().to_owned();
        (self.first, self.last) = (line_number, line_number);
        self.trace = Trace::default();
        self.plain.clear();
        (self.reading, self.explained) = (false, 0);
    }

    fn body(&mut self, line: &Line<'_>) {
        let text = line.text;
        if text.starts_with("Traceback (most recent call last):") {
            // A loader's failure prints words, then the traceback of the import.
            self.reading = true;
            self.trace.raised = None;
        } else if self.reading {
            if !self.trace.line(text) {
                self.reading = false;
                return;
            }
            self.last = line.number;
            self.reading = self.trace.raised.is_none();
        } else if is_chain_link(text) {
            self.trace.link();
        } else if text.trim_start().starts_with("| ") || text.trim_start().starts_with("+ Exception Group") {
            let inner = text.trim_start().trim_start_matches(['|', '+', ' ']);
            if let Some((file, at, function)) = super::traceback::frame(inner) {
                self.trace.push(file, at, function);
            }
        } else if let Some(raised) = &mut self.trace.raised {
            if text.is_empty() || text == "Stdout:" || text == "Stderr:" {
                self.explained = MAX_EXPLANATION;
            } else if self.explained < MAX_EXPLANATION {
                self.explained += 1;
                raised.text.push('\n');
                raised.text.push_str(text.trim_end());
                self.last = line.number;
            }
        } else if !text.is_empty() && self.plain.len() < MAX_EXPLANATION {
            self.plain.push(text.trim_end().to_owned());
        }
    }

    /// `test_a (m.C.test_a) ... ok`, on one line or over several.
    fn verbose(&mut self, text: &str) -> bool {
        let (head, outcome) = match text.rsplit_once(" ... ") {
            Some((head, outcome)) => (head, Some(outcome)),
            None => (text.strip_suffix(" ...").unwrap_or(text), None),
        };
        if re!(r"^\w+ \([\w.]+\)$").is_match(head) {
            self.running = Some(head.to_owned());
        }
        let Some(outcome) = outcome else { return self.running.is_some() };
        let done = matches!(outcome, "ok" | "FAIL" | "ERROR" | "expected failure" | "unexpected success");
        if let Some(id) = self.running.take_if(|_| done || outcome.starts_with("skipped"))
            && done
            && !id.starts_with("setUp")
            && !stands_for_a_module(&id)
        {
            self.ids.push(id);
        }
        true
    }

    fn count(&mut self, text: &str, ran: u64, out: &mut Findings) {
        let of = |name: &str| -> u64 {
            let found =
                text.split(['(', ',', ')']).find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('='));
            found.and_then(|n| n.parse().ok()).unwrap_or(0)
        };
        let ran = ran.saturating_sub(self.not_loaded);
        let skipped = of("skipped").min(ran);
        // The summary counts sub-tests and class set-ups too, `Ran` counts tests.
        let blocks = self.failed.len() as u64;
        let summed = of("failures") + of("errors") + of("unexpected successes");
        let inside =
            if blocks + self.outside + self.not_loaded > 0 { blocks } else { summed }.min(ran - skipped);
        let passed = ran - skipped - inside;
        let failed = inside + self.outside;
        let ids = std::mem::take(&mut self.ids);
        out.named_tests("unittest", passed, failed, skipped, ids);
        if text.starts_with("OK") && ran > 0 {
            out.succeeded();
        } else if text.starts_with("NO TESTS RAN") {
            out.bug(FindingBuilder::new("unittest", Category::Configuration, "no tests ran").fallback());
        }
    }
}

/// Whether a test is the loader's, made for a module that could not be imported: it is none of the project's.
fn stands_for_a_module(test: &str) -> bool {
    [
        "(unittest.loader._FailedTest",
        "(unittest.loader.ModuleImportFailure",
        "(unittest.loader.LoadTestsFailure",
    ]
    .iter()
    .any(|class| test.contains(class))
}

impl ToolParser for Unittest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let rule = text.trim_start_matches(['.', 'F', 'E', 's', 'x', 'u', 'X']);
        let rule = rule.len() == 70 && rule.bytes().all(|b| b == b'=');
        if let Some(found) = re!(r"^(?:Failure|Error) in (\w+(?:\.\w+){2,})$").captures(text) {
            // Its stack has no head.
            self.close(out);
            self.open(&found[1], line.number);
            self.reading = true;
            self.state = State::Body;
            return Response::Consumed(Next::Active);
        }
        if let Some(ran) = text.strip_prefix("Ran ").and_then(|r| r.split(' ').next()?.parse().ok())
            && re!(r"^Ran \d+ tests? in [\d.]+s(?: using \d+ processes)?$").is_match(text)
        {
            self.close(out);
            self.state = State::TestOutcome(ran);
            return Response::Consumed(Next::Active);
        }
        if rule {
            self.close(out);
            self.state = State::Rule;
            return Response::Consumed(Next::Active);
        }
        match self.state {
            State::Idle => {
                if self.verbose(text) {
                    return Response::Consumed(Next::Active);
                }
                Response::Declined(Next::Idle)
            }
            State::Rule => {
                let head = re!(r"^(?:FAIL|ERROR|UNEXPECTED SUCCESS): (.+)$");
                let Some(found) = head.captures(text) else {
                    self.state = State::Idle;
                    return Response::Declined(Next::Idle);
                };
                self.open(&found[1], line.number);
                self.state = State::Head;
                Response::Consumed(Next::Active)
            }
            State::Head => {
                if text.len() >= 70 && text.bytes().all(|b| b == b'-') {
                    self.state = State::Body;
                }
                Response::Consumed(Next::Active)
            }
            State::Body => {
                self.body(line);
                Response::Consumed(Next::Active)
            }
            State::TestOutcome(ran) => {
                if text.is_empty() {
                    return Response::Consumed(Next::Active);
                }
                if text.starts_with("OK") || text.starts_with("FAILED (") || text.starts_with("NO TESTS RAN")
                {
                    self.count(text, ran, out);
                    return Response::Consumed(Next::Finished);
                }
                // The runner's own last line may come behind another stream's.
                Response::Declined(Next::Active)
            }
        }
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}
