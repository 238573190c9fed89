//! Sass: `Error: …`, the drawn source, and below it the place.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use crate::contract::bug::Category;

/// Lines that trigger [`Sass`].
pub(super) const TRIGGERS: &[&str] = &[r"^Error: [^:]+\.$"];

/// Lines between the message and the place.
const BETWEEN: u64 = 20;

#[derive(Default)]
pub(super) struct Sass {
    open: Option<(String, u64)>,
    /// The source is drawn below.
    drawn: bool,
}

impl ToolParser for Sass {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(message) = text.strip_prefix("Error: ") {
            self.open = Some((message.to_owned(), line.number));
            self.drawn = false;
            return Response::Declined(Next::Active);
        }
        let Some((message, first)) = &self.open else { return Response::Declined(Next::Idle) };
        self.drawn |= re!(r"^ +[╷,]$").is_match(text);
        if self.drawn
            && let Some(c) = re!(r"^ {2,}(\S+\.(?:scss|sass|css)) (\d+):(\d+) ").captures(&format!("{text} "))
        {
            let import = message.contains("Can't find stylesheet");
            let category = if import { Category::Import } else { Category::Syntax };
            let finding = FindingBuilder::new("sass", category, message.as_str())
                .at(&c[1], number(&c[2]), number(&c[3]))
                .span(*first, line.number);
            out.bug(finding);
            self.open = None;
            return Response::Consumed(Next::Idle);
        }
        if line.number > first + BETWEEN || !self.drawn && line.number > first + 3 {
            self.open = None;
            return Response::Declined(Next::Idle);
        }
        Response::Declined(Next::Active)
    }
}
