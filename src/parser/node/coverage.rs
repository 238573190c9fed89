//! Coverage below its threshold, in the words that nyc, c8 and Vitest share.

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use crate::contract::bug::Category;

/// Lines that trigger [`Coverage`].
pub(super) const TRIGGERS: &[&str] = &[r"^ERROR: Coverage for [a-z]+ \([0-9.]+%\) does not meet "];

/// All thresholds missed by one file, or by the project, are one report.
#[derive(Default)]
pub(super) struct Coverage {
    open: Option<FindingBuilder>,
}

impl ToolParser for Coverage {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let Some(caps) = re!(r"^ERROR: (Coverage for [a-z]+ \([\d.]+%\) does not meet .*?threshold \([\d.]+%\)(?: for (\S.*))?)$")
            .captures(line.text)
        else {
            self.finish(out);
            return Response::Declined(Next::Idle);
        };
        let file = caps.get(2).map(|m| m.as_str());
        match &mut self.open {
            Some(open) if open.location.as_ref().map(|location| &*location.file) == file => {
                open.message = format!("{}\n{}", open.message, &caps[1]);
                open.log.last = line.number;
            }
            _ => {
                self.finish(out);
                let finding = FindingBuilder::new("nyc", Category::Configuration, &caps[1])
                    .span(line.number, line.number);
                self.open = Some(match file {
                    Some(file) => finding.at(file, None, None),
                    None => finding,
                });
            }
        }
        Response::Consumed(Next::Active)
    }

    fn finish(&mut self, out: &mut Findings) {
        if let Some(open) = self.open.take() {
            out.bug(open);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parser::{ParseOptions, diagnose};

    #[test]
    fn thresholds_missed_are_one_report_per_file() {
        let log = "ERROR: Coverage for lines (50%) does not meet global threshold (90%)\nERROR: Coverage for branches (5.5%) does not meet global threshold (90%)\nERROR: Coverage for lines (0%) does not meet threshold (90%) for src/a.js\n";
        let bugs = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs;
        let found: Vec<_> =
            bugs.iter().map(|bug| (bug.file.as_deref(), bug.message.lines().count())).collect();
        assert_eq!(found, [(None, 2), (Some("src/a.js"), 1)]);
    }
}
