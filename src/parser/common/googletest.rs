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
        r"^(?:[0-9]+: )?\[  (?:PASSED|FAILED)  \] [0-9]+ tests?[.,]",
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

impl ToolParser for Googletest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        // Under `ctest -V` the test's number stands before each line.
        let text = re!(r"^\d+: ").replace(line.text.trim_end(), "");
        let text = text.as_ref();
        if let Some(name) = text.strip_prefix("[ RUN      ] ") {
            self.flush(out);
            (self.test, self.reported) = (Some(name.to_owned()), false);
            return Response::Consumed(Next::Active);
        }
        if let Some(found) = re!(r"^\[  (PASSED|FAILED)  \] \d+ tests?[.,]").captures(text) {
            if &found[1] == "PASSED" {
                out.succeeded();
            } else {
                out.failed();
            }
            return Response::Consumed(Next::Idle);
        }
        let Some(test) = self.test.clone() else { return Response::Declined(Next::Idle) };
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
        finding.log.last = line.number;
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
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
        assert_eq!(found.tests[0].passed, 1);
    }
}
