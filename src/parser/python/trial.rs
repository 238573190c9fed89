//! Twisted's trial: `[FAIL]` or `[ERROR]`, a traceback, and the test's name under it.

use crate::contract::bug::{Category, Location};
use crate::parser::findings::{FindingBuilder, Findings, location, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const TRIAL: Tool =
    Tool { name: "trial", triggers: &[r"^\[(?:FAIL|ERROR)\]$"], new: |_| Box::new(Trial::default()) };

/// Lines of one failure.
const MAX_LINES: u64 = 400;

#[derive(Default)]
struct Trial {
    open: Option<Open>,
}

struct Open {
    message: String,
    frames: Vec<Location>,
    first: u64,
    /// Tests that failed in this way.
    tests: Vec<String>,
    last: u64,
}

impl Trial {
    fn close(&mut self, out: &mut Findings) {
        let Some(open) = self.open.take() else { return };
        let name = open.message.rsplit_once(": ").map_or(open.message.as_str(), |(name, _)| name);
        let logic = name.contains("FailTest") || name.contains("AssertionError");
        let category = match name {
            _ if logic => Category::Logic,
            name if name.contains("ImportError") || name.contains("ModuleNotFound") => Category::Import,
            _ => Category::Runtime,
        };
        for test in open.tests {
            let mut finding = FindingBuilder::new("trial", category, open.message.as_str()).test(test);
            finding.frames.clone_from(&open.frames);
            out.bug(finding.span(open.first, open.last));
        }
    }
}

impl ToolParser for Trial {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if text == "[FAIL]" || text == "[ERROR]" {
            self.close(out);
            let (first, last) = (line.number, line.number);
            self.open =
                Some(Open { message: String::new(), frames: Vec::new(), tests: Vec::new(), first, last });
            return Response::Consumed(Next::Active);
        }
        let Some(open) = &mut self.open else { return Response::Declined(Next::Idle) };
        if re!(r"^[-=]{20,}$").is_match(text) || line.number > open.first + MAX_LINES {
            self.close(out);
            return Response::Consumed(Next::Idle);
        }
        open.last = line.number;
        if let Some(c) = re!(r#"^  File "([^"]+)", line (\d+), in "#).captures(text) {
            open.frames.insert(0, location(&c[1], number(&c[2]), None));
        } else if open.message.is_empty() && re!(r"^[A-Za-z_][\w.]*(?:: .*)?$").is_match(text) {
            text.clone_into(&mut open.message);
        } else if !open.message.is_empty() && re!(r"^[A-Za-z_][\w.]*$").is_match(text) {
            open.tests.push(text.to_owned());
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}
