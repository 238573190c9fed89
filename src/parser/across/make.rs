//! make, ninja, cmake and ctest: which target or test failed (a consequence), and what is wrong with the build files
//! themselves.

use super::super::findings::{Draft, Findings, number};
use super::super::lines::Line;
use super::super::paths::relative;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool = Tool {
    name: "make",
    triggers: &[
        r"^(?:g?make|mingw32-make)(?:\[[0-9]+\])?: (?:\*\*\*|(?:Entering|Leaving) directory)",
        r"^[^\s:]+:[0-9]+: \*\*\* ",
        r"^ninja: (?:build stopped|error)",
        r"^CMake Error",
        r"^The following tests FAILED:$",
    ],
    new: || Box::new(Make::default()),
};

/// Folders entered one within the other.
const MAX_DEPTH: usize = 64;

#[derive(Default)]
struct Make {
    cmake: Option<(Draft, u64)>,
    /// In ctest's list of failed tests.
    ctest: bool,
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
        if self.ctest {
            let Some(c) = re!(r"^\s+\d+ - (.+?) \(([^()]+)\)").captures(text) else { return Flow::Done };
            // What the test printed says why, where a parser speaks.
            out.failed();
            out.bug(Draft::new("make", Category::Logic, &c[2]).test(&c[1]).fallback());
            return Flow::Take;
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
            // The outermost is the workspace, unless that is known.
            if relative(&c[1], &out.roots) == c[1] {
                out.root(&c[1]);
            }
            if out.folders.len() < MAX_DEPTH {
                out.folders.push(c[1].to_owned());
            }
            return Flow::Last;
        }
        if text.contains(": Leaving directory ") {
            out.folders.pop();
            return Flow::Last;
        }
        // The line make names is the recipe's; it counts where make itself found the fault.
        if let Some(c) = re!(r"^([^\s:]+):(\d+): \*\*\* (.*?)\.  Stop\.$").captures(text) {
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
        if re!(r"^[^\s:]+:\d+: ").is_match(text) {
            return Flow::Done;
        }
        if text == "The following tests FAILED:" {
            self.ctest = true;
            return Flow::Take;
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
