//! make, ninja and cmake: which target failed (a consequence), and what is wrong with the build files themselves.

use super::super::findings::{Draft, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool = Tool {
    name: "make",
    triggers: &[
        r"^(?:g?make|mingw32-make)(?:\[[0-9]+\])?: (?:\*\*\*|Entering directory)",
        r"^[^\s:]*(?:[Mm]akefile|\.mk):[0-9]+: \*\*\* ",
        r"^ninja: (?:build stopped|error)",
        r"^CMake Error",
    ],
    new: || Box::new(Make::default()),
};

#[derive(Default)]
struct Make {
    cmake: Option<(Draft, u64)>,
}

impl ToolParser for Make {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if let Some((draft, _)) = &mut self.cmake {
            let empty = text.trim().is_empty();
            if text.starts_with("  ") || (empty && draft.message.is_empty()) {
                draft.message.push_str(text.trim());
                draft.message.push('\n');
                return Flow::Take;
            }
            Self::finish(self, out);
            return Flow::Done;
        }
        if let Some(c) = re!(r"^CMake Error(?: at ([^\s:]+):(\d+).*|: (.*)|.*)$").captures(text) {
            let mut draft = Draft::new("make", Category::Configuration, c.get(3).map_or("", |m| m.as_str()));
            if let (Some(file), Some(at)) = (c.get(1), c.get(2)) {
                draft = draft.at(file.as_str(), number(at.as_str()), None);
            }
            self.cmake = Some((draft, line.no));
            return Flow::Take;
        }
        if let Some(c) = re!(r"Entering directory ['`](/[^']+)'").captures(text) {
            out.root(&c[1]);
            return Flow::Last;
        }
        // The line make names is the recipe's; it counts where make itself found the fault.
        if let Some(c) =
            re!(r"^([^\s:]*(?:[Mm]akefile|\.mk)):(\d+): \*\*\* (.*?)(?:\.  Stop\.)?$").captures(text)
        {
            out.bug(Draft::new("make", Category::Configuration, &c[3]).at(&c[1], number(&c[2]), None));
            return Flow::Last;
        }
        if let Some(c) =
            re!(r"\*\*\* (No rule to make target .*?|No targets .*?|missing .*?)(?:\.  Stop\.)?$")
                .captures(text)
        {
            out.bug(Draft::new("make", Category::Configuration, &c[1]));
            return Flow::Last;
        }
        out.bug(Draft::new("make", Category::Unknown, text).consequence());
        Flow::Last
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some((draft, first)) = self.cmake.take() {
            let last = out.now();
            out.bug(draft.span(first, last));
        }
    }
}
