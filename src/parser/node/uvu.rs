//! uvu: `FAIL  suite  "test"`, the error and its frames below, indented; the counts at the end.

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use super::frames::{self, Frame};
use super::message::Message;
use crate::contract::bug::Category;

/// Lines that trigger [`Uvu`].
pub(super) const TRIGGERS: &[&str] = &[r#"^   FAIL  .*".*"$"#, r"^  Total:     [0-9]+$"];

#[derive(Default)]
pub(super) struct Uvu {
    open: Option<(FindingBuilder, Message)>,
    total: u64,
    passed: u64,
}

impl ToolParser for Uvu {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if let Some(caps) = re!(r#"^   FAIL  (?:(\S.*?)  )?"(.*)"$"#).captures(text) {
            self.close(out);
            let suite = caps.get(1).map(|suite| format!("{} > ", suite.as_str())).unwrap_or_default();
            let finding = FindingBuilder::new("uvu", Category::Logic, "").span(line.number, line.number);
            self.open = Some((finding.test(format!("{suite}{}", &caps[2])), Message::default()));
            return Response::Consumed(Next::Active);
        }
        if let Some(caps) = re!(r"^  (Total|Passed|Skipped):\s+(\d+)$").captures(text) {
            self.close(out);
            let n = caps[2].parse().unwrap_or(0);
            match &caps[1] {
                "Total" => self.total = n,
                "Passed" => self.passed = n,
                _ => {
                    let failed = self.total.saturating_sub(self.passed);
                    out.tests("uvu", self.passed, failed, n);
                    if failed == 0 && self.passed > 0 {
                        out.succeeded();
                    }
                    return Response::Consumed(Next::Idle);
                }
            }
            return Response::Consumed(Next::Active);
        }
        let Some((finding, message)) = &mut self.open else { return Response::Declined(Next::Idle) };
        if text.trim().is_empty() {
            message.blank();
            return Response::Consumed(Next::Active);
        }
        if !text.starts_with("    ") {
            self.close(out);
            return Response::Declined(Next::Idle);
        }
        finding.log.last = line.number;
        match frames::frame(text) {
            Some(frame) => {
                message.end();
                if let Frame::At(at) = frame {
                    finding.frames.push(at);
                }
            }
            None => message.line(text.trim()),
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        self.close(out);
    }
}

impl Uvu {
    fn close(&mut self, out: &mut Findings) {
        if let Some((mut finding, message)) = self.open.take() {
            finding.message = message.text("the test failed");
            out.bug(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn each_failure_is_a_report() {
        let log = "a.js\n Cart   ✘ •   (1 / 2)\n\n   FAIL  Cart  \"adds\"\n    Expected values to be strictly equal:  (is)\n\n        ++1    (Expected)\n        --0    (Actual)\n\n    at assert (/home/runner/work/app/app/node_modules/uvu/assert/index.js:33:8)\n    at Object.handler (/home/runner/work/app/app/t/a.js:4:26)\n\n\n\n  Total:     2\n  Passed:    1\n  Skipped:   0\n  Duration:  3.04ms\n\n";
        let diagnosis = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap();
        let [bug] = &diagnosis.bugs[..] else { panic!("{:?}", diagnosis.bugs) };
        assert_eq!(
            (bug.test.as_deref(), bug.file.as_deref(), bug.line),
            (Some("Cart > adds"), Some("t/a.js"), Some(4))
        );
        let run = &diagnosis.tests[0];
        assert_eq!((run.runner.as_str(), run.passed, run.failed), ("uvu", Some(1), Some(1)));
    }
}
