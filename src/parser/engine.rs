//! Runs the machines over the lines: who is awake gets the line, else the trigger set says whom to wake.
//!
//! Interleaved output is untangled here: a prefix that marks its process (`[gw0] `, `web:test: `, `api-1  | `) opens
//! a lane of its own, in which tools run as if they were alone.

use super::evidence::Evidence;
use super::findings::Findings;
use super::lanes::Lanes;
use super::lines::{Block, Line, Mark};
use super::registry::{Flow, Tool, ToolParser};
use super::triggers::{Found, Scanner};

pub(super) struct Engine {
    scanner: Scanner,
    /// Of the line being read.
    found: Found,
    lanes: Lanes<Lane>,
    pub(super) out: Findings,
    evidence: Evidence,
}

/// The machines of one process's output.
#[derive(Default)]
pub(super) struct Lane {
    /// Latest woken first.
    awake: Vec<(usize, Box<dyn ToolParser>)>,
    resting: Vec<(usize, Box<dyn ToolParser>)>,
}

impl Engine {
    pub(super) fn new() -> Self {
        let (lanes, out) = (Lanes::default(), Findings::default());
        Self { scanner: Scanner::new(), found: Found::default(), lanes, out, evidence: Evidence::new() }
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
        self.out.at(line.no);
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
        let Self { scanner, found, lanes, out, evidence } = self;
        let (lane, text) = lanes.of(line.text, |rest| {
            // A whole line that is some tool's has no prefix.
            found.tools.is_empty() && scanner.any(rest)
        });
        if text.len() < line.text.len() {
            scanner.scan_line(text, found);
        }
        let in_lane = Line { text, ..*line };
        if lane.offer_awake(&in_lane, out) {
            return;
        }
        for tool in &found.tools {
            if lane.wake(*tool, Scanner::tool(*tool), &in_lane, out) {
                return;
            }
        }
        if line.mark != Mark::Group {
            evidence.line(&in_lane, found.weight, out);
        }
    }

    pub(super) fn finish(mut self) -> (Findings, Evidence) {
        self.end_of_step();
        (self.out, self.evidence)
    }

    fn end_of_step(&mut self) {
        for lane in self.lanes.drain() {
            lane.finish(&mut self.out);
        }
        // Where the step's make died, it left its folders unsaid.
        self.out.folders.clear();
    }
}

impl Lane {
    /// Whether one of those awake took the line.
    fn offer_awake(&mut self, line: &Line<'_>, out: &mut Findings) -> bool {
        let mut at = 0;
        while at < self.awake.len() {
            let flow = self.awake[at].1.line(line, out);
            match flow {
                Flow::Take | Flow::Pass => at += 1,
                Flow::TakeRest | Flow::Rest => {
                    let slot = self.awake.remove(at);
                    self.resting.push(slot);
                }
                Flow::Last | Flow::Done => {
                    let (_, mut machine) = self.awake.remove(at);
                    machine.finish(out);
                }
            }
            if flow.took() {
                return true;
            }
        }
        false
    }

    /// Gives a line that triggers `tool` to its machine; whether it took it.
    fn wake(&mut self, index: usize, tool: &Tool, line: &Line<'_>, out: &mut Findings) -> bool {
        // Those awake have seen the line and passed on it.
        if self.awake.iter().any(|(at, _)| *at == index) {
            return false;
        }
        let resting = self.resting.iter().position(|(at, _)| *at == index);
        let mut machine = resting.map_or_else(|| (tool.new)(), |at| self.resting.swap_remove(at).1);
        let flow = machine.line(line, out);
        match flow {
            Flow::Take | Flow::Pass => self.awake.insert(0, (index, machine)),
            Flow::TakeRest | Flow::Rest => self.resting.push((index, machine)),
            Flow::Last | Flow::Done => machine.finish(out),
        }
        flow.took()
    }

    fn finish(mut self, out: &mut Findings) {
        let mut left: Vec<_> = self.awake.drain(..).chain(self.resting.drain(..)).collect();
        left.sort_by_key(|(at, _)| *at);
        for (_, mut machine) in left {
            machine.finish(out);
        }
    }
}
