//! Django's system checks: `app.A.name: (fields.E120) …` below `ERRORS:` and `WARNINGS:`.

use crate::contract::bug::{Category, Severity};
use crate::parser::findings::{FindingBuilder, Findings};
use crate::parser::lines::Line;
use crate::parser::re;
use crate::parser::registry::{Next, Response, Tool, ToolParser};

pub(super) const DJANGO: Tool = Tool {
    name: "django",
    triggers: &[
        r"^(?:django\.core\.management\.base\.)?SystemCheckError: System check identified some issues:$",
        r"^System check identified some issues:$",
    ],
    new: |_| Box::new(Django::default()),
};

#[derive(Default)]
struct Django {
    severity: Option<Severity>,
}

impl ToolParser for Django {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        if text.ends_with("System check identified some issues:") || text.is_empty() {
            return Response::Consumed(Next::Active);
        }
        if let "CRITICALS:" | "ERRORS:" | "WARNINGS:" | "INFOS:" = text {
            self.severity = Some(match text {
                "WARNINGS:" => Severity::Warning,
                "INFOS:" => Severity::Info,
                _ => Severity::Error,
            });
            return Response::Consumed(Next::Active);
        }
        if text.starts_with("System check identified ") {
            self.severity = None;
            return Response::Consumed(Next::Idle);
        }
        let Some(severity) = self.severity else { return Response::Declined(Next::Idle) };
        if let Some(c) = re!(r"^(\S+): \(([\w.]+\.[CEWID]\d{3})\) (\S.*)$").captures(text) {
            let message = format!("{}: {}", &c[1], &c[3]);
            out.bug(
                FindingBuilder::new("django", Category::Configuration, message)
                    .code(&c[2])
                    .severity(severity),
            );
            return Response::Consumed(Next::Active);
        }
        if text.starts_with([' ', '\t'])
            && let Some(finding) = out.last_of("django")
        {
            // A hint, or more of the message.
            finding.message = format!("{}\n{}", finding.message, text.trim());
            return Response::Consumed(Next::Active);
        }
        self.severity = None;
        Response::Declined(Next::Idle)
    }
}
