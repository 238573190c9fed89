//! commitlint: the commit message that it read, and each rule that the message breaks.

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool =
    Tool { name: "commitlint", triggers: &[r"^\xe2\xa7\x97   input: "], new: |_| Box::new(Commitlint) };

struct Commitlint;

impl ToolParser for Commitlint {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if text.starts_with("⧗   input: ") || text.is_empty() {
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^✖   (.+) \[([a-z-]+)\]$").captures(text) {
            out.bug(FindingBuilder::new("commitlint", Category::Lint, &c[1]).code(&c[2]));
            return Response::Consumed(Next::Active);
        }
        // Warnings, the count, the reference, and the message's own further lines.
        if re!(r"^(?:⚠   |✖   found \d|✔   found 0|ⓘ   Get help)").is_match(text) {
            return Response::Consumed(Next::Active);
        }
        Response::Declined(Next::Idle)
    }
}
