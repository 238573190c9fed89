//! Robot Framework's console: `Name | FAIL |`, and below it why; suites, too, end with a line of that kind.

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool =
    Tool { name: "robot", triggers: &[r"^={78}$"], new: |_| Box::new(Robot::default()) };

/// Lines kept of a message.
const MAX_MESSAGE: usize = 40;

#[derive(Default)]
struct Robot {
    open: Option<(String, Vec<String>, u64)>,
    /// Of the last suite that ended: the outermost ends last.
    counts: Option<(u64, u64, u64)>,
}

impl Robot {
    fn flush(&mut self, last: u64, out: &mut Findings) {
        let Some((test, lines, first)) = self.open.take() else { return };
        let message = if lines.is_empty() { "the test failed".to_owned() } else { lines.join("\n") };
        out.bug(FindingBuilder::new("robot", Category::Logic, message).test(test).span(first, last));
    }
}

impl ToolParser for Robot {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(c) = re!(r"^(\S.*?)\s*(?: :: .*)?\| (FAIL|PASS) \|$").captures(text) {
            self.flush(line.number, out);
            self.open = (&c[2] == "FAIL").then(|| (c[1].to_owned(), Vec::new(), line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^(\d+) tests?, (\d+) passed, (\d+) failed(?:, (\d+) skipped)?$").captures(text)
        {
            let count = |at: usize| c.get(at).and_then(|n| n.as_str().parse().ok()).unwrap_or(0);
            self.counts = Some((count(2), count(3), count(4)));
            // That was a suite.
            self.open = None;
            return Response::Consumed(Next::Active);
        }
        if re!(r"^[-=]{20,}$").is_match(text) {
            let own = self.open.is_some() || self.counts.is_some();
            self.flush(line.number, out);
            return if own { Response::Consumed(Next::Active) } else { Response::Declined(Next::Active) };
        }
        if text.starts_with("Output:  ") || text.starts_with("Report:  ") {
            self.finish(out);
            return Response::Consumed(Next::Finished);
        }
        let Some((_, lines, _)) = &mut self.open else { return Response::Declined(Next::Active) };
        if lines.len() < MAX_MESSAGE && !text.is_empty() {
            lines.push(text.to_owned());
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        let now = out.now();
        self.flush(now, out);
        if let Some((passed, failed, skipped)) = self.counts.take() {
            out.tests("robot", passed, failed, skipped);
        }
    }
}
