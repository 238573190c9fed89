//! What checks a package before it is published: publint, and attw (`Are the types wrong?`).

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, ToolParser};
use crate::contract::bug::{Category, Severity};

/// Lines that trigger [`Publint`].
pub(super) const PUBLINT: &[&str] = &[r"^Running publint v[0-9]"];
/// Lines that trigger [`Attw`].
pub(super) const ATTW: &[&str] =
    &[r"^[\xe2\xf0]\S+ .*https://github\.com/(?:arethetypeswrong|microsoft/TypeScript)/"];

/// Numbered lines below `Errors:`, `Warnings:` and `Suggestions:`.
#[derive(Default)]
pub(super) struct Publint {
    severity: Option<Severity>,
}

impl ToolParser for Publint {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim_end();
        let heading = match text {
            "Errors:" => Some(Severity::Error),
            "Warnings:" => Some(Severity::Warning),
            "Suggestions:" => Some(Severity::Info),
            _ => None,
        };
        if heading.is_some() {
            self.severity = heading;
            return Response::Consumed(Next::Active);
        }
        if let Some(severity) = self.severity {
            let Some(c) = re!(r"^\d+\. (\S.*)$").captures(text) else {
                self.severity = None;
                return Response::Declined(Next::Idle);
            };
            let finding = FindingBuilder::new("publint", Category::Configuration, &c[1]);
            out.bug(finding.at("package.json", None, None).severity(severity));
            return Response::Consumed(Next::Active);
        }
        if re!(r"^(?:Running publint|Packing files|Linting\.\.\.)").is_match(text) || text.is_empty() {
            return Response::Consumed(Next::Active);
        }
        Response::Declined(Next::Idle)
    }
}

#[derive(Default)]
pub(super) struct Attw;

impl ToolParser for Attw {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let Some(c) =
            re!(r"^[^\x00-\x7f]+ (\S.*?\.) .*https://(?:\S+/docs/problems/(\w+)\.md)?").captures(line.text)
        else {
            return Response::Declined(Next::Idle);
        };
        let mut finding =
            FindingBuilder::new("attw", Category::Configuration, &c[1]).at("package.json", None, None);
        finding.code = c.get(2).map(|code| code.as_str().to_owned());
        out.failed();
        out.bug(finding);
        Response::Consumed(Next::Idle)
    }
}
