//! Every tool the parser understands: a name, the lines that trigger it, and its parser. Order is precedence.
//!
//! To add a tool that prints each finding on one line: one row in `line_formats`, one fixture pair. Any other: one file
//! in its family's folder, one entry in the family's table, one fixture pair.

use super::findings::Findings;
use super::lines::Line;
use super::{common, go, java, line_formats, node, other, python, rust};

/// One tool.
pub(crate) struct Tool {
    /// As in `BugReport::tool` and as the folder of its fixtures.
    pub(crate) name: &'static str,
    /// Patterns over a clean line, all tried at once on every line of the log. Anchor them with `^` and keep them
    /// selective: noise must die after a few bytes, or for want of a word (`^.*word`). ASCII classes; no Unicode.
    pub(crate) triggers: &'static [&'static str],
    /// Makes its parser; given the tool's name.
    pub(crate) new: fn(&'static str) -> Box<dyn ToolParser>,
}

/// A tool's parser, a state machine over lines. It is made when one of the triggers first matches, and gets that line
/// first.
pub(crate) trait ToolParser {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response;

    /// The output ended (the log, or the CI step): report what is still held back.
    fn finish(&mut self, _out: &mut Findings) {}
}

/// A tool whose output another tool's parser reads (the shapes are the same) and reports under this name.
pub(crate) const fn read_by_another(name: &'static str) -> Tool {
    Tool { name, triggers: &[], new: |_| Box::new(Silent) }
}

struct Silent;

impl ToolParser for Silent {
    fn line(&mut self, _line: &Line<'_>, _out: &mut Findings) -> Response {
        Response::Declined(Next::Finished)
    }
}

/// What a parser did with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Response {
    /// The line was this parser's: no other one sees it.
    Consumed(Next),
    /// It was not: other parsers may look at it.
    Declined(Next),
}

/// Which lines a parser gets next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Every line, whatever it is.
    Active,
    /// The next one that matches a trigger; the parser's state is kept.
    Idle,
    /// None: the parser is dropped.
    Finished,
}

impl Response {
    pub(super) fn is_consumed(self) -> bool {
        matches!(self, Self::Consumed(_))
    }

    pub(super) fn next(self) -> Next {
        let (Self::Consumed(next) | Self::Declined(next)) = self;
        next
    }
}

/// All tools, in order of precedence.
pub(crate) fn tools() -> impl Iterator<Item = &'static Tool> {
    [rust::TOOLS, go::TOOLS, python::TOOLS, java::TOOLS, node::TOOLS, common::TOOLS]
        .into_iter()
        .flatten()
        .chain(line_formats::tools())
        .chain(other::sentences::tools())
        .chain(other::TOOLS)
}

#[cfg(fuzzing)]
pub(super) fn family(name: &str) -> Vec<&'static Tool> {
    let tools = match name {
        "rust" => rust::TOOLS,
        "go" => go::TOOLS,
        "python" => python::TOOLS,
        "java" => java::TOOLS,
        "node" => node::TOOLS,
        "common" => common::TOOLS,
        _ => return line_formats::tools().chain(other::sentences::tools()).chain(other::TOOLS).collect(),
    };
    tools.iter().collect()
}
