//! Every tool the parser understands: a name, the lines that wake it, and its machine. Order is precedence.
//!
//! To add a tool: one file in its family's folder, one entry in the family's table, one fixture pair.

use super::findings::Findings;
use super::lines::Line;
use super::{across, go, java, node, other, python, rust};

/// One tool.
pub(crate) struct Tool {
    /// As in `BugReport::tool` and as the folder of its fixtures.
    pub(crate) name: &'static str,
    /// Patterns over a clean line, all tried at once on every line of the log. Anchor them with `^` and keep them
    /// selective: noise must die after a few bytes, or for want of a word (`^.*word`). ASCII classes; no Unicode.
    pub(crate) triggers: &'static [&'static str],
    pub(crate) new: fn() -> Box<dyn ToolParser>,
}

/// A tool's machine. It is made when one of its triggers first matches, and gets that line first.
pub(crate) trait ToolParser {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow;

    /// The output ended (the log, or the CI step): say what is still held back.
    fn finish(&mut self, _out: &mut Findings) {}
}

/// A tool whose output another tool's machine reads (the shapes are the same) and reports under this name.
pub(crate) const fn read_by_another(name: &'static str) -> Tool {
    Tool { name, triggers: &[], new: || Box::new(Silent) }
}

struct Silent;

impl ToolParser for Silent {
    fn line(&mut self, _line: &Line<'_>, _out: &mut Findings) -> Flow {
        Flow::Done
    }
}

/// What a machine did with a line, and when it wants the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// My line; give me the next one, whatever it is.
    Take,
    /// Not my line (others may look at it); give me the next one, whatever it is.
    Pass,
    /// My line; keep my state, wake me at my next trigger.
    TakeRest,
    /// Not my line; keep my state, wake me at my next trigger.
    Rest,
    /// My line, my last: forget me.
    Last,
    /// Not my line: forget me.
    Done,
}

impl Flow {
    pub(super) fn took(self) -> bool {
        matches!(self, Self::Take | Self::TakeRest | Self::Last)
    }
}

/// All tools, in order of precedence.
pub(crate) fn tools() -> impl Iterator<Item = &'static Tool> {
    [rust::TOOLS, go::TOOLS, python::TOOLS, java::TOOLS, node::TOOLS, across::TOOLS, other::TOOLS]
        .into_iter()
        .flatten()
}

#[cfg(fuzzing)]
pub(super) fn family(name: &str) -> &'static [Tool] {
    match name {
        "rust" => rust::TOOLS,
        "go" => go::TOOLS,
        "python" => python::TOOLS,
        "java" => java::TOOLS,
        "node" => node::TOOLS,
        "across" => across::TOOLS,
        _ => other::TOOLS,
    }
}
