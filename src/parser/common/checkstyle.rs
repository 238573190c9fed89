//! Checkstyle's XML, which linters of many languages print: a file and its findings.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::junit::attribute;
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "checkstyle-xml",
    triggers: &[r"^\s*(?:<\?xml .*\?>\s*)?<checkstyle[\s>]"],
    new: |_| Box::new(Checkstyle::default()),
};

#[derive(Default)]
struct Checkstyle {
    file: Option<String>,
}

impl ToolParser for Checkstyle {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text.trim();
        // Other text is another program's: the document was cut off.
        if !text.is_empty() && !text.starts_with('<') {
            return Response::Declined(Next::Finished);
        }
        for tag in text.split_inclusive('>') {
            let Some(at) = tag.find('<') else { continue };
            let tag = &tag[at..];
            if tag.starts_with("<file ") {
                self.file = attribute(tag, "name");
            } else if tag.starts_with("<error ")
                && let (Some(file), Some(finding)) = (&self.file, finding(tag))
            {
                let at = |name| attribute(tag, name).and_then(|text| number(&text));
                out.bug(finding.at(file, at("line"), at("column")));
            } else if tag.starts_with("</checkstyle") {
                return Response::Consumed(Next::Finished);
            }
        }
        Response::Consumed(Next::Active)
    }
}

fn finding(tag: &str) -> Option<FindingBuilder> {
    let source = attribute(tag, "source").unwrap_or_default();
    let (owner, rule) = source.rsplit_once('.').unwrap_or(("", &source));
    let tool = match owner.split('.').next().unwrap_or_default() {
        "ShellCheck" => "shellcheck",
        "eslint" => "eslint",
        "stylelint" => "stylelint",
        "Hadolint" => "hadolint",
        _ if owner.starts_with("com.puppycrawl.") => "checkstyle",
        _ if owner.starts_with("detekt") => "kotlin",
        _ => "checkstyle-xml",
    };
    let severity = match attribute(tag, "severity").as_deref() {
        Some("warning") => Severity::Warning,
        Some("info" | "ignore") => Severity::Info,
        _ => Severity::Error,
    };
    let mut finding =
        FindingBuilder::new(tool, Category::Lint, attribute(tag, "message")?).severity(severity);
    // Only of the tools that are known is it known where the rule's name begins.
    let rule = if tool == "checkstyle-xml" { &source } else { rule };
    finding.code = (!rule.is_empty()).then(|| rule.to_owned());
    finding.counts = tool == "shellcheck";
    Some(finding)
}
