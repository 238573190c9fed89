//! doctest on its own (`python -m doctest`, Sphinx): the example's place, what was expected, what came.

use super::traceback::Trace;
use crate::contract::bug::Category;
use crate::parser::findings::{FindingBuilder, Findings, number};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

/// Lines kept of what was expected or came.
const MAX_LINES: usize = 5;

pub(super) const DOCTEST: Tool = Tool {
    name: "doctest",
    triggers: &[r#"^File "[^"]+", line [0-9]+, in \S"#, r"^\*{3}Test Failed\*{3} [0-9]+ failures?"],
    new: |_| Box::new(Doctest::default()),
};

#[derive(Default)]
struct Doctest {
    open: Option<FindingBuilder>,
    confirmed: bool,
    expected: Vec<String>,
    got: Vec<String>,
    part: Part,
    trace: Option<Trace>,
    last: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Example,
    Expected,
    Got,
    Raised,
}

impl Doctest {
    fn close(&mut self, out: &mut Findings) {
        let this = std::mem::take(self);
        let Some(mut finding) = this.open.filter(|_| this.confirmed) else { return };
        finding.log.last = this.last;
        if let Some(trace) = this.trace
            && let Some(raised) = &trace.raised
        {
            finding.message = raised.message();
            finding = finding.code(raised.kind.clone());
            finding.related = trace.frames.iter().rev().cloned().collect();
        } else {
            finding.message = format!("expected {}, got {}", this.expected.join("\n"), this.got.join("\n"));
        }
        out.bug(finding);
    }
}

impl ToolParser for Doctest {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(found) = re!(r#"^File "([^"]+)", line (\d+), in (\S.*)$"#).captures(text) {
            self.close(out);
            let finding = FindingBuilder::new("doctest", Category::Logic, "")
                .at(&found[1], number(&found[2]), None)
                .test(&found[3])
                .span(line.number, line.number);
            self.open = Some(finding);
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("***Test Failed***") {
            self.close(out);
            return Response::Consumed(Next::Finished);
        }
        if self.open.is_none() {
            return Response::Declined(Next::Idle);
        }
        if !self.confirmed {
            self.confirmed = text == "Failed example:";
            return if self.confirmed {
                Response::Consumed(Next::Active)
            } else {
                Response::Declined(Next::Finished)
            };
        }
        if text.len() >= 60 && text.bytes().all(|b| b == b'*') {
            self.close(out);
            return Response::Consumed(Next::Active);
        }
        match text {
            "Expected:" => self.part = Part::Expected,
            "Expected nothing" => self.expected = vec!["nothing".to_owned()],
            "Got:" => self.part = Part::Got,
            "Got nothing" => self.got = vec!["nothing".to_owned()],
            "Exception raised:" => {
                self.part = Part::Raised;
                self.trace = Some(Trace::default());
            }
            _ if text.starts_with("    ") || text.is_empty() => {
                let body = text.strip_prefix("    ").unwrap_or(text);
                match self.part {
                    Part::Example => {}
                    Part::Expected if self.expected.len() < MAX_LINES => self.expected.push(body.to_owned()),
                    Part::Got if self.got.len() < MAX_LINES => self.got.push(body.to_owned()),
                    Part::Raised if !body.starts_with("Traceback ") => {
                        if let Some(trace) = self.trace.as_mut().filter(|t| t.raised.is_none()) {
                            trace.line(body);
                        }
                    }
                    _ => {}
                }
            }
            _ => {
                self.close(out);
                return Response::Declined(Next::Idle);
            }
        }
        if !text.is_empty() {
            self.last = line.number;
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}
