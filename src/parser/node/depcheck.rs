//! depcheck: `Unused dependencies` and `Missing dependencies`, and the packages below.

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use crate::contract::bug::Category;

/// Lines that trigger [`Depcheck`].
pub(super) const TRIGGERS: &[&str] = &[r"^(?:Unused (?:devDependencies|dependencies)|Missing dependencies)$"];

#[derive(Default)]
pub(super) struct Depcheck {
    kind: String,
}

impl ToolParser for Depcheck {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) = re!(r"^\* (\S+?)(?:: (\S+))?$").captures(text) {
            let file = c.get(2).map_or("package.json", |file| file.as_str());
            let message = format!("{}: {}", self.kind, &c[1]);
            out.bug(FindingBuilder::new("depcheck", Category::Dependency, message).at(file, None, None));
            return Response::Consumed(Next::Active);
        }
        if re!(r"^(?:Unused|Missing) \w+$").is_match(text) {
            self.kind = text.to_lowercase();
            return Response::Consumed(Next::Active);
        }
        Response::Declined(Next::Idle)
    }
}
