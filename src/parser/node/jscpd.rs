//! jscpd: code that stands in two places. It fails only where there is too much of it, which its last line says.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use crate::contract::bug::{Category, Location, Severity};

/// Lines that trigger [`Jscpd`].
pub(super) const TRIGGERS: &[&str] = &[r"^Clone found \(", r"^ERROR: jscpd found too many duplicates"];

/// Clones kept until it is known whether they count.
const MAX_HELD: usize = 1_000;

#[derive(Default)]
pub(super) struct Jscpd {
    held: Vec<FindingBuilder>,
    /// A clone was announced: its first and its second place are to come.
    first: Option<u64>,
    at: Option<Location>,
}

impl ToolParser for Jscpd {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if text.starts_with("Clone found (") {
            (self.first, self.at) = (Some(line.number), None);
            return Response::Consumed(Next::Active);
        }
        if let Some(message) = text.strip_prefix("ERROR: ") {
            if text.starts_with("ERROR: jscpd found too many duplicates") {
                out.failed();
                for finding in self.held.drain(..) {
                    out.bug(finding.counted());
                }
                out.bug(FindingBuilder::new("jscpd", Category::Lint, message).consequence());
                return Response::Consumed(Next::Idle);
            }
            return Response::Declined(Next::Active);
        }
        if let Some(first) = self.first
            && let Some(c) = re!(r"^ (?:- |  )(\S.*?) \[(\d+):(\d+) - \d+:\d+\]").captures(text)
        {
            let place = location(&c[1], number(&c[2]), number(&c[3]));
            match self.at.take() {
                None => self.at = Some(place),
                Some(at) => {
                    self.first = None;
                    let column = at.column;
                    let mut finding =
                        FindingBuilder::new("jscpd", Category::Lint, "the same code stands in two places")
                            .at(&at.file, at.line, column)
                            .severity(Severity::Warning)
                            .span(first, line.number);
                    finding.related.push(place);
                    if self.held.len() < MAX_HELD {
                        self.held.push(finding);
                    }
                }
            }
            return Response::Consumed(Next::Active);
        }
        Response::Declined(Next::Active)
    }
}
