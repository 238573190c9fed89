//! stestr, and what else prints subunit's results as text: `{0} a.T.test_b [0.1s] ... FAILED`, its traceback below.

use crate::contract::bug::{Category, Location};
use crate::parser::findings::{FindingBuilder, Findings, location, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const STESTR: Tool = Tool {
    name: "stestr",
    triggers: &[r"^\{[0-9]+\} \S+.* \.\.\. (?:FAILED|ok|SKIPPED)"],
    new: |_| Box::new(Stestr::default()),
};

#[derive(Default)]
struct Stestr {
    open: Option<Failed>,
    /// The failures are listed once more.
    again: bool,
    counts: [u64; 3],
}

struct Failed {
    test: String,
    message: String,
    frames: Vec<Location>,
    /// The last line was a frame: its source follows.
    source: bool,
    first: u64,
    last: u64,
}

impl Stestr {
    fn flush(&mut self, out: &mut Findings) {
        let Some(failed) = self.open.take() else { return };
        let message = if failed.message.is_empty() { "the test failed".to_owned() } else { failed.message };
        let logic = message.contains("AssertionError") || message.contains("MismatchError");
        let category = if logic { Category::Logic } else { Category::Runtime };
        let mut finding = FindingBuilder::new("stestr", category, message)
            .test(failed.test)
            .span(failed.first, failed.last);
        finding.frames = failed.frames;
        out.bug(finding);
    }
}

impl ToolParser for Stestr {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) = re!(r"^\{\d+\} (\S+)(?: \[[\d.]+s\])? \.\.\. (FAILED|ok|SKIPPED)").captures(text) {
            self.flush(out);
            if &c[2] == "FAILED" {
                self.open = Some(Failed {
                    test: c[1].to_owned(),
                    message: String::new(),
                    frames: Vec::new(),
                    source: false,
                    first: line.number,
                    last: line.number,
                });
            }
            return Response::Consumed(Next::Active);
        }
        if re!(r"^Failed \d+ tests - output below:$").is_match(text) {
            self.flush(out);
            self.again = true;
        } else if let Some(c) = re!(r"^ - (Passed|Failed|Skipped): (\d+)$").captures(text) {
            let at = match &c[1] {
                "Passed" => 0,
                "Failed" => 1,
                _ => 2,
            };
            self.counts[at] = c[2].parse().unwrap_or(0);
        } else if text.starts_with("Sum of execute time") {
            let [passed, failed, skipped] = std::mem::take(&mut self.counts);
            out.tests("stestr", passed, failed, skipped);
            self.again = false;
            return Response::Consumed(Next::Idle);
        } else if let Some(failed) = &mut self.open {
            failed.last = line.number;
            let inner = text.trim_start();
            if let Some(c) = re!(r#"^File "([^"]+)", line (\d+), in "#).captures(inner) {
                failed.frames.insert(0, location(&c[1], number(&c[2]), None));
                failed.source = true;
            } else if std::mem::take(&mut failed.source) || inner.starts_with("Traceback ") {
            } else if text.starts_with("    ") && re!(r"^[A-Za-z_][\w.]*(?:: |$)").is_match(inner) {
                inner.clone_into(&mut failed.message);
            }
        } else if !self.again {
            return Response::Declined(Next::Active);
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
    }
}
