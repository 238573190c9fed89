//! Catch and Catch2, the console reporter: each failed assertion with its place and test case, the counts.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

/// Lines kept of one message.
const MAX_LINES: usize = 12;

pub(super) const TOOL: Tool = Tool {
    name: "catch2",
    triggers: &[
        r"^\S+ is a Catch2? v[0-9.]+\S* host application",
        // The compact reporter has neither heads nor rules.
        r"^\S+:[0-9]+: failed: ",
        r"^test cases: [0-9]+ \| ",
        r"^All tests passed \([0-9]+ assertions? in [0-9]+ test cases?\)",
    ],
    new: |_| Box::new(Catch::default()),
};

#[derive(Default)]
struct Catch {
    /// The next line names the test case.
    named: bool,
    test: Option<String>,
    open: Option<FindingBuilder>,
    lines: usize,
}

impl ToolParser for Catch {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if let Some(found) = re!(r"^All tests passed \(\d+ assertions? in (\d+) test").captures(text) {
            out.tests("catch2", found[1].parse().unwrap_or(0), 0, 0);
            out.succeeded();
            return Response::Consumed(Next::Finished);
        }
        if text.starts_with("test cases: ") {
            self.finish(out);
            let n = |what: &str| {
                text.split('|')
                    .find_map(|part| part.trim().strip_suffix(what)?.trim().parse().ok())
                    .unwrap_or(0)
            };
            out.tests("catch2", n("passed") + n("failed as expected"), n("failed"), n("skipped"));
            out.failed();
            return Response::Consumed(Next::Finished);
        }
        if let Some(found) = re!(r"^(\S.*?)(?::(\d+)|\((\d+)\)): FAILED:$").captures(text) {
            self.finish(out);
            let at = found.get(2).or_else(|| found.get(3)).and_then(|m| number(m.as_str()));
            let mut finding = FindingBuilder::new("catch2", Category::Logic, "")
                .at(&found[1], at, None)
                .span(line.number, line.number);
            finding.test.clone_from(&self.test);
            (self.open, self.lines) = (Some(finding), 0);
            return Response::Consumed(Next::Active);
        }
        if let Some(found) = re!(r"^(\S+):(\d+): failed: (.*)$").captures(text) {
            self.finish(out);
            let finding = FindingBuilder::new("catch2", Category::Logic, &found[3]);
            out.bug(finding.at(&found[1], number(&found[2]), None).span(line.number, line.number));
            return Response::Consumed(Next::Active);
        }
        let rule = text.len() > 70 && text.bytes().all(|b| b == b'-');
        if let Some(finding) =
            self.open.as_mut().filter(|_| !rule && !text.is_empty() && self.lines < MAX_LINES)
        {
            self.lines += 1;
            finding.message.push_str(text.trim());
            finding.message.push('\n');
            finding.log.last = line.number;
            return Response::Consumed(Next::Active);
        }
        self.finish(out);
        if rule {
            self.named = true;
            return Response::Consumed(Next::Active);
        }
        // Sections are indented, under the name; behind the second rule comes the place.
        if std::mem::take(&mut self.named) && !re!(r"(?::\d+|\(\d+\))$").is_match(text) {
            self.test = Some(text.to_owned());
        }
        Response::Declined(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some(finding) = self.open.take() {
            out.bug(finding);
        }
    }
}
