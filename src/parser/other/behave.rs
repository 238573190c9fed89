//! behave: steps of scenarios with their places, and below the one that failed what it says.

use super::super::findings::{FindingBuilder, Findings, location, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Location};

pub(super) const TOOL: Tool = Tool {
    name: "behave",
    triggers: &[
        r"^\s+Scenario[^#:]*: .*# \S+\.feature:[0-9]+$",
        r"^[0-9]+ scenarios? passed, [0-9]+ failed, ",
    ],
    new: |_| Box::new(Behave::default()),
};

/// Lines kept of a message.
const MAX_MESSAGE: usize = 40;

#[derive(Default)]
struct Behave {
    scenario: Option<(String, Location)>,
    /// Of the last step: where it is defined.
    step: Option<(String, Location, u64)>,
    open: Option<FindingBuilder>,
    lines: usize,
}

impl Behave {
    fn flush(&mut self, out: &mut Findings) {
        if let Some(finding) = self.open.take() {
            out.bug(finding);
        }
    }

    /// The step failed: what it says begins.
    fn fail(&mut self, text: &str, line_number: u64) -> Option<FindingBuilder> {
        let (name, place, first) = self.step.take()?;
        let asserted = text.starts_with("ASSERT FAILED") || text.starts_with("Assertion Failed");
        let category = if asserted { Category::Logic } else { Category::Runtime };
        let (scenario, at) = self.scenario.clone()?;
        let mut finding = FindingBuilder::new("behave", category, format!("{name}\n{text}"))
            .test(scenario)
            .span(first, line_number);
        finding.frames.push(place);
        finding.related.push(at);
        Some(finding)
    }
}

impl ToolParser for Behave {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim();
        if let Some(c) = re!(r"^Scenario[^#:]*: (.+?)\s+# (\S+\.feature):(\d+)$").captures(text) {
            self.flush(out);
            self.scenario = Some((c[1].to_owned(), location(&c[2], number(&c[3]), None)));
            self.step = None;
            return Response::Consumed(Next::Active);
        }
        if let Some(c) = re!(r"^(\d+) scenarios? passed, (\d+) failed, (\d+) skipped").captures(text) {
            self.flush(out);
            let count = |at: usize| c[at].parse().unwrap_or(0);
            out.tests("behave", count(1), count(2), count(3));
            self.scenario = None;
            return Response::Consumed(Next::Idle);
        }
        if self.scenario.is_none() {
            return Response::Declined(Next::Idle);
        }
        if let Some(c) =
            re!(r"^((?:Given|When|Then|And|But|\*) .+?)\s+# (\S+\.py):(\d+)(?: [\d.]+s)?$").captures(text)
        {
            self.flush(out);
            self.step = Some((c[1].to_owned(), location(&c[2], number(&c[3]), None), line.number));
            return Response::Consumed(Next::Active);
        }
        if let Some(finding) = &mut self.open {
            if text.is_empty() || text == "Failing scenarios:" {
                self.flush(out);
            } else if let Some(c) = re!(r#"^File "([^"]+)", line (\d+), in "#).captures(text) {
                finding.frames.insert(0, location(&c[1], number(&c[2]), None));
            } else if self.lines < MAX_MESSAGE {
                self.lines += 1;
                finding.message = format!("{}\n{text}", finding.message);
                finding.log.last = line.number;
            }
            return Response::Consumed(Next::Active);
        }
        let failed = re!(
            r"^(?:ASSERT FAILED|Assertion Failed|ASSERT-FAILED|Traceback \(most recent call last\)|ERROR: )"
        );
        if failed.is_match(text) {
            self.open = self.fail(text, line.number);
            self.lines = 0;
            if self.open.is_some() {
                return Response::Consumed(Next::Active);
            }
        }
        Response::Declined(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.flush(out);
    }
}
