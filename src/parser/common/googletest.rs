//! googletest: each failed expectation with its place, how each test ended.

use super::super::findings::{FindingBuilder, Findings, TestOutcome, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

/// Lines kept of one message.
const MAX_LINES: usize = 12;

pub(super) const TOOL: Tool = Tool {
    name: "googletest",
    triggers: &[
        r"^(?:[0-9]+: )?\[ RUN      \] \S",
        r"^(?:[0-9]+: )?\[  (?:PASSED|FAILED|SKIPPED) +\] [0-9]+ tests?[.,]",
        r"^(?:[0-9]+: )?\[==========\] [0-9]+ tests? from [0-9]+ test (?:suite|case)s? ran\.",
        // With `--gtest_brief` no test says that it begins.
        r"^(?:[0-9]+: )?\S+:[0-9]+: Failure$",
    ],
    new: |_| Box::new(Googletest::default()),
};

#[derive(Default)]
struct Googletest {
    test: Option<String>,
    open: Option<FindingBuilder>,
    lines: usize,
    /// The running test has been reported.
    reported: bool,
    /// Tests that said that they begin.
    begun: u64,
    /// How many ran, and how many of them were skipped and passed: of a run that names none.
    brief: Option<(u64, u64, u64)>,
}

impl Googletest {
    fn flush(&mut self, out: &mut Findings) {
        if let Some(finding) = self.open.take() {
            self.reported = true;
            out.bug(finding);
        }
    }

    fn fail(&mut self, category: Category, message: &str, out: &mut Findings) {
        self.flush(out);
        if let Some(test) = self.test.take().filter(|_| !self.reported) {
            out.bug(FindingBuilder::new("googletest", category, message).test(test));
        }
    }
}

impl Googletest {
    /// A line of a run in which tests do not say that they begin.
    fn unnamed(&mut self, text: &str, line_number: u64, out: &mut Findings) -> Response {
        if let Some(found) = re!(r"^(\S+):(\d+): Failure$").captures(text) {
            self.flush(out);
            let finding = FindingBuilder::new("googletest", Category::Logic, "")
                .at(&found[1], number(&found[2]), None)
                .span(line_number, line_number);
            (self.open, self.lines) = (Some(finding), 0);
            return Response::Consumed(Next::Active);
        }
        if self.open.is_none() {
            return Response::Declined(Next::Idle);
        }
        if let Some(found) = re!(r"^\[  FAILED  \] (\S+) \(\d+ ms\)$").captures(text) {
            if let Some(finding) = &mut self.open {
                finding.test = Some(found[1].to_owned());
            }
            self.flush(out);
            return Response::Consumed(Next::Idle);
        }
        self.more(text, line_number)
    }

    /// More of a failed expectation's text.
    fn more(&mut self, text: &str, line_number: u64) -> Response {
        let Some(finding) = self.open.as_mut().filter(|_| self.lines < MAX_LINES) else {
            return Response::Declined(Next::Active);
        };
        self.lines += 1;
        // `SCOPED_TRACE`: who called.
        if let Some(found) = re!(r"^(\S+?)(?::(\d+)|\((\d+)\)): ").captures(text) {
            let at = found.get(2).or_else(|| found.get(3)).and_then(|m| number(m.as_str()));
            finding.related.push(location(&found[1], at, None));
        } else if !text.is_empty() {
            finding.message.push('\n');
            finding.message.push_str(text);
        }
        finding.log.last = line_number;
        Response::Consumed(Next::Active)
    }
}

impl ToolParser for Googletest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        // Under `ctest -V` the test's number stands before each line.
        let text = re!(r"^\d+: ").replace(line.text.trim_end(), "");
        let text = text.as_ref();
        if let Some(name) = text.strip_prefix("[ RUN      ] ") {
            self.flush(out);
            (self.test, self.reported) = (Some(name.to_owned()), false);
            self.begun += 1;
            return Response::Consumed(Next::Active);
        }
        if let Some(found) = re!(r"^\[==========\] (\d+) tests? from \d+ test \w+ ran\.").captures(text) {
            self.brief =
                (std::mem::take(&mut self.begun) == 0).then(|| (found[1].parse().unwrap_or(0), 0, 0));
            return Response::Consumed(Next::Idle);
        }
        if let Some(found) = re!(r"^\[  (PASSED|FAILED|SKIPPED) +\] (\d+) tests?[.,]").captures(text) {
            if let Some((_, skipped, passed)) = &mut self.brief {
                match &found[1] {
                    "PASSED" => *passed = found[2].parse().unwrap_or(0),
                    "SKIPPED" => *skipped = found[2].parse().unwrap_or(0),
                    _ => {}
                }
            }
            if &found[1] == "SKIPPED" {
                return Response::Consumed(Next::Idle);
            }
            if &found[1] == "PASSED" {
                out.succeeded();
            } else {
                out.failed();
            }
            return Response::Consumed(Next::Idle);
        }
        let Some(test) = self.test.clone() else { return self.unnamed(text, line.number, out) };
        let ended = [
            ("[       OK ] ", TestOutcome::Passed),
            ("[  SKIPPED ] ", TestOutcome::Skipped),
            ("[  FAILED  ] ", TestOutcome::Failed),
        ];
        if let Some((_, ran)) = ended.iter().find(|(mark, _)| text.starts_with(mark)) {
            self.flush(out);
            if *ran == TestOutcome::Failed {
                self.fail(Category::Logic, "the test failed", out);
            }
            self.test = None;
            out.test("googletest", &test, *ran);
            return Response::Consumed(Next::Idle);
        }
        let failure = re!(r"^(?:unknown file|(\S.*?)(?::(\d+)|\((\d+)\))): (?:Failure|error: ?(.*))$");
        if let Some(found) = failure.captures(text) {
            self.flush(out);
            let message = found.get(4).map_or("", |m| m.as_str());
            let mut finding = FindingBuilder::new("googletest", Category::Logic, message)
                .test(test)
                .span(line.number, line.number);
            if let Some(file) = found.get(1) {
                let at = found.get(2).or_else(|| found.get(3)).and_then(|m| number(m.as_str()));
                finding = finding.at(file.as_str(), at, None);
            }
            (self.open, self.lines) = (Some(finding), 0);
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("Segmentation fault") || text.starts_with("Aborted") {
            out.test("googletest", &test, TestOutcome::Failed);
            self.fail(Category::Runtime, text, out);
            return Response::Consumed(Next::Idle);
        }
        self.more(text, line.number)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
        if let Some((all, skipped, passed)) = self.brief.take() {
            out.tests("googletest", passed, all.saturating_sub(passed + skipped), skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn a_test_in_which_the_program_dies_is_named() {
        let found = diagnose(
            &b"[ RUN      ] Cart.Deep\nSegmentation fault (core dumped)\n"[..],
            &ParseOptions::default(),
        )
        .unwrap();
        assert_eq!(found.bugs.len(), 1);
        assert_eq!(found.bugs[0].test.as_deref(), Some("Cart.Deep"));
    }

    #[test]
    fn what_passing_tests_print_is_no_failure() {
        let log = "[ RUN      ] Err.Handled\nerror: expected\n[       OK ] Err.Handled (0 ms)\n\
                   [==========] 1 test from 1 test suite ran. (0 ms total)\n[  PASSED  ] 1 test.\n";
        let found = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        assert!(found.bugs.is_empty());
        assert_eq!(found.tests[0].passed, Some(1));
    }
}
