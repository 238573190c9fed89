//! make, ninja, cmake and ctest: which target or test failed (a consequence), and what is wrong with the build files
//! themselves.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::paths::relative;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser, read_by_another};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool = Tool {
    name: "make",
    triggers: &[
        r"^(?:g?make|mingw32-make)(?:\[[0-9]+\])?: (?:\*\*\*|(?:Entering|Leaving) directory)",
        r"^g?make(?:\[[0-9]+\])?: [^\s:]+: (?:No such file or directory|Command not found|Permission denied)$",
        r"^[^\s:]+:[0-9]+: \*\*\* ",
        r"^ninja: (?:build stopped|error)",
        r"^CMake Error",
        r"^The following tests FAILED:$",
        r"^[0-9]+% tests passed, [0-9]+ tests? failed out of [0-9]+",
    ],
    new: |_| Box::new(Make::default()),
};

/// Folders entered one within the other.
const MAX_DEPTH: usize = 64;

pub(super) const CMAKE: Tool = read_by_another("cmake");
pub(super) const CTEST: Tool = read_by_another("ctest");

#[derive(Default)]
struct Make {
    cmake: Option<(FindingBuilder, u64)>,
    /// In ctest's list of failed tests.
    ctest: bool,
}

/// Which folder make is in from here on, where a line says so.
fn in_folder(text: &str, out: &mut Findings) -> bool {
    if let Some(c) = re!(r"^\w+(?:-\w+)?(?:\[(\d+)\])?: Entering directory ['`](/[^']+)'").captures(text) {
        // The outermost is the workspace, unless that is known.
        if relative(&c[2], &out.roots) == c[2] {
            out.root(&c[2]);
        }
        if out.folders.len() < MAX_DEPTH {
            let depth = c.get(1).and_then(|n| number(n.as_str())).unwrap_or(0);
            out.folders.push((depth, c[2].to_owned()));
        }
        return true;
    }
    if let Some((_, left)) = text.split_once(": Leaving directory ") {
        let left = left.trim_matches(['\'', '`']);
        match out.folders.iter().rposition(|(_, folder)| folder == left) {
            Some(at) => drop(out.folders.remove(at)),
            None => drop(out.folders.pop()),
        }
        return true;
    }
    false
}

impl ToolParser for Make {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some((finding, _)) = &mut self.cmake {
            let empty = text.trim().is_empty();
            if text.starts_with("  ") || (empty && finding.message.is_empty()) {
                finding.message.push_str(text.trim());
                finding.message.push('\n');
                return Response::Consumed(Next::Active);
            }
            Self::finish(self, out);
            return Response::Declined(Next::Finished);
        }
        if self.ctest {
            let Some(c) = re!(r"^\s+\d+ - (.+?) \(([^()]+)\)").captures(text) else {
                return Response::Declined(Next::Finished);
            };
            // What the test printed says why, where a parser speaks.
            out.failed();
            let category =
                if c[2].eq_ignore_ascii_case("timeout") { Category::Timeout } else { Category::Logic };
            out.bug(FindingBuilder::new("ctest", category, &c[2]).test(&c[1]).fallback());
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^CMake Error(?: at ([^\s:]+):(\d+).*|: (.*)|.*)$").captures(text) {
            let mut finding =
                FindingBuilder::new("cmake", Category::Configuration, c.get(3).map_or("", |m| m.as_str()));
            if let (Some(file), Some(at)) = (c.get(1), c.get(2)) {
                finding = finding.at(file.as_str(), number(at.as_str()), None);
            }
            self.cmake = Some((finding, line.number));
            return Response::Consumed(Next::Active);
        }
        if in_folder(text, out) {
            return Response::Consumed(Next::Finished);
        }
        // The line make names is the recipe's; it counts where make itself found the fault.
        if let Some(c) = re!(r"^([^\s:]+):(\d+): \*\*\* (.*?)\.  Stop\.$").captures(text) {
            out.bug(FindingBuilder::new("make", Category::Configuration, &c[3]).at(
                &c[1],
                number(&c[2]),
                None,
            ));
            return Response::Consumed(Next::Finished);
        }
        if let Some(c) =
            re!(r"\*\*\* (No rule to make target .*?|No targets .*?|missing .*?)(?:\.  Stop\.)?$")
                .captures(text)
        {
            out.bug(FindingBuilder::new("make", Category::Configuration, &c[1]));
            return Response::Consumed(Next::Finished);
        }
        // What a recipe calls: a program of the machine, or a script of the repository.
        if let Some(c) = re!(r"^g?make(?:\[\d+\])?: (([^\s:]+): [^:]+)$").captures(text) {
            let category = if c[2].contains('/') { Category::Configuration } else { Category::Environment };
            out.bug(FindingBuilder::new("make", category, &c[1]));
            return Response::Consumed(Next::Finished);
        }
        if re!(r"^[^\s:]+:\d+: ").is_match(text) {
            return Response::Declined(Next::Finished);
        }
        if let Some(c) = re!(r"^\d+% tests passed, (\d+) tests? failed out of (\d+)").captures(text) {
            let (failed, all) = (c[1].parse().unwrap_or(0), c[2].parse().unwrap_or(0_u64));
            out.tests("ctest", all.saturating_sub(failed), failed, 0);
            return Response::Consumed(Next::Finished);
        }
        if text == "The following tests FAILED:" {
            self.ctest = true;
            return Response::Consumed(Next::Active);
        }
        out.bug(FindingBuilder::new("make", Category::Unknown, text).consequence());
        Response::Consumed(Next::Finished)
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some((finding, first)) = self.cmake.take() {
            let last = out.now();
            out.bug(finding.span(first, last));
        }
    }
}
