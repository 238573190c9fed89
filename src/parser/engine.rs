//! Runs the tools' parsers over the lines: active ones get every line, the others are activated by their triggers.
//!
//! Interleaved output is untangled here: a prefix that marks its process (`web:test: `, `api-1  | `) opens an output
//! stream of its own, in which tools run as if they were alone.

use super::evidence::Evidence;
use super::findings::Findings;
use super::lines::{Block, Line, Mark};
use super::registry::{Next, Tool, ToolParser};
use super::streams::OutputStreams;
use super::triggers::{LineMatches, Scanner};

pub(super) struct Engine {
    scanner: Scanner,
    /// Of the line being read.
    found: LineMatches,
    streams: OutputStreams<OutputStream>,
    pub(super) out: Findings,
    evidence: Evidence,
}

/// The parsers of one process's output.
#[derive(Default)]
pub(super) struct OutputStream {
    /// Latest activated first.
    active: Vec<(usize, Box<dyn ToolParser>)>,
    idle: Vec<(usize, Box<dyn ToolParser>)>,
}

impl Engine {
    pub(super) fn new() -> Self {
        let (streams, out) = (OutputStreams::default(), Findings::default());
        Self {
            scanner: Scanner::new(),
            found: LineMatches::default(),
            streams,
            out,
            evidence: Evidence::new(),
        }
    }

    pub(super) fn block(&mut self, block: &Block) {
        self.scanner.scan(block);
        for (at, line) in block.lines().enumerate() {
            self.scanner.of(at, &mut self.found);
            self.line(&line);
        }
    }

    /// A line of which is known what it is.
    fn line(&mut self, line: &Line<'_>) {
        self.out.at(line.number);
        match line.mark {
            Mark::Group => {
                // A new CI step: whatever ran before has ended.
                if !line.text.starts_with("Run ") {
                    return;
                }
                self.end_of_step();
            }
            Mark::EndGroup => return,
            _ => {}
        }
        let Self { scanner, found, streams, out, evidence } = self;
        let (stream, text, prefix) = streams.of(line.text, |rest| {
            // A whole line that is some tool's has no prefix.
            found.tools.is_empty() && scanner.any(rest)
        });
        if text.len() < line.text.len() {
            scanner.scan_line(text, found);
        }
        if out.stream != prefix {
            prefix.clone_into(&mut out.stream);
        }
        out.headings.line(prefix, text, line.number);
        let in_stream = Line { text, ..*line };
        if stream.offer_to_active(&in_stream, out) {
            return;
        }
        for tool in &found.tools {
            if stream.activate(*tool, Scanner::tool(*tool), &in_stream, out) {
                return;
            }
        }
        if line.mark != Mark::Group {
            evidence.line(&in_stream, found.weight, out);
        }
    }

    pub(super) fn finish(mut self) -> (Findings, Evidence) {
        self.end_of_step();
        (self.out, self.evidence)
    }

    fn end_of_step(&mut self) {
        for (prefix, stream) in self.streams.drain() {
            self.out.stream = prefix;
            stream.finish(&mut self.out);
        }
        // Where the step's make died, it did not say that it left its folders.
        self.out.folders.clear();
    }
}

impl OutputStream {
    /// Whether an active parser consumed the line.
    fn offer_to_active(&mut self, line: &Line<'_>, out: &mut Findings) -> bool {
        let mut at = 0;
        while at < self.active.len() {
            let response = self.active[at].1.line(line, out);
            match response.next() {
                Next::Active => at += 1,
                Next::Idle => {
                    let parser = self.active.remove(at);
                    self.idle.push(parser);
                }
                Next::Finished => {
                    let (_, mut parser) = self.active.remove(at);
                    parser.finish(out);
                }
            }
            if response.is_consumed() {
                return true;
            }
        }
        false
    }

    /// Gives a line that triggers `tool` to its parser, and says whether that consumed it.
    fn activate(&mut self, index: usize, tool: &Tool, line: &Line<'_>, out: &mut Findings) -> bool {
        // Active parsers have seen the line and declined it.
        if self.active.iter().any(|(at, _)| *at == index) {
            return false;
        }
        let idle = self.idle.iter().position(|(at, _)| *at == index);
        let mut parser = idle.map_or_else(|| (tool.new)(tool.name), |at| self.idle.swap_remove(at).1);
        let response = parser.line(line, out);
        match response.next() {
            Next::Active => self.active.insert(0, (index, parser)),
            Next::Idle => self.idle.push((index, parser)),
            Next::Finished => parser.finish(out),
        }
        response.is_consumed()
    }

    fn finish(mut self, out: &mut Findings) {
        let mut left: Vec<_> = self.active.drain(..).chain(self.idle.drain(..)).collect();
        left.sort_by_key(|(at, _)| *at);
        for (_, mut parser) in left {
            parser.finish(out);
        }
    }
}
