//! googletest: each failed expectation with its place, how each test ended.

use super::super::findings::{Draft, Findings, Ran, number, place};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::Category;

/// Lines kept of one message.
const MAX_LINES: usize = 12;

pub(super) const TOOL: Tool = Tool {
    name: "googletest",
    triggers: &[
        r"^(?:[0-9]+: )?\[ RUN      \] \S",
        r"^(?:[0-9]+: )?\[  (?:PASSED|FAILED)  \] [0-9]+ tests?[.,]",
    ],
    new: || Box::new(Googletest::default()),
};

#[derive(Default)]
struct Googletest {
    test: Option<String>,
    open: Option<Draft>,
    lines: usize,
    /// The running test has been reported.
    said: bool,
}

impl Googletest {
    fn flush(&mut self, out: &mut Findings) {
        if let Some(draft) = self.open.take() {
            self.said = true;
            out.bug(draft);
        }
    }

    fn fail(&mut self, category: Category, message: &str, out: &mut Findings) {
        self.flush(out);
        if let Some(test) = self.test.take().filter(|_| !self.said) {
            out.bug(Draft::new("googletest", category, message).test(test));
        }
    }
}

impl ToolParser for Googletest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        // Under `ctest -V` the test's number stands before each line.
        let text = re!(r"^\d+: ").replace(line.text.trim_end(), "");
        let text = text.as_ref();
        if let Some(name) = text.strip_prefix("[ RUN      ] ") {
            self.flush(out);
            (self.test, self.said) = (Some(name.to_owned()), false);
            return Flow::Take;
        }
        if let Some(found) = re!(r"^\[  (PASSED|FAILED)  \] \d+ tests?[.,]").captures(text) {
            if &found[1] == "PASSED" {
                out.succeeded()
            } else {
                out.failed()
            }
            return Flow::TakeRest;
        }
        let Some(test) = self.test.clone() else { return Flow::Rest };
        let ended =
            [("[       OK ] ", Ran::Passed), ("[  SKIPPED ] ", Ran::Skipped), ("[  FAILED  ] ", Ran::Failed)];
        if let Some((_, ran)) = ended.iter().find(|(mark, _)| text.starts_with(mark)) {
            self.flush(out);
            if *ran == Ran::Failed {
                self.fail(Category::Logic, "the test failed", out);
            }
            self.test = None;
            out.test("googletest", &test, *ran);
            return Flow::TakeRest;
        }
        let failure = re!(r"^(?:unknown file|(\S.*?)(?::(\d+)|\((\d+)\))): (?:Failure|error: ?(.*))$");
        if let Some(found) = failure.captures(text) {
            self.flush(out);
            let message = found.get(4).map_or("", |m| m.as_str());
            let mut draft =
                Draft::new("googletest", Category::Logic, message).test(test).span(line.no, line.no);
            if let Some(file) = found.get(1) {
                let at = found.get(2).or_else(|| found.get(3)).and_then(|m| number(m.as_str()));
                draft = draft.at(file.as_str(), at, None);
            }
            (self.open, self.lines) = (Some(draft), 0);
            return Flow::Take;
        }
        if text.starts_with("Segmentation fault") || text.starts_with("Aborted") {
            out.test("googletest", &test, Ran::Failed);
            self.fail(Category::Runtime, text, out);
            return Flow::TakeRest;
        }
        let Some(draft) = self.open.as_mut().filter(|_| self.lines < MAX_LINES) else { return Flow::Pass };
        self.lines += 1;
        // `SCOPED_TRACE`: who called.
        if let Some(found) = re!(r"^(\S+?)(?::(\d+)|\((\d+)\)): ").captures(text) {
            let at = found.get(2).or_else(|| found.get(3)).and_then(|m| number(m.as_str()));
            draft.related.push(place(&found[1], at, None));
        } else if !text.is_empty() {
            draft.message.push('\n');
            draft.message.push_str(text);
        }
        draft.log.last = line.no;
        Flow::Take
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
