//! The runner's own words: `##[error]…` and `::error file=…,line=…::…`.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "github-actions",
    triggers: &[
        r"^::(?:error|warning)(?: [^:].*)?::",
        r"^Process completed with exit code [1-9]",
        r"^The (?:operation was canceled|job running on runner|runner has received a shutdown)",
    ],
    new: |_| Box::new(Github),
};

struct Github;

impl ToolParser for Github {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        let text = line.text;
        if text.starts_with("Process completed") {
            out.failed();
            out.step_failed = true;
            out.bug(FindingBuilder::new("github-actions", Category::Unknown, text).consequence());
            return Response::Consumed(Next::Finished);
        }
        let Some(c) = re!(r"^::(error|warning)(?: (.*?))?::(.*)$").captures(text) else {
            let category = if text.contains("exceeded the maximum execution time") {
                Category::Timeout
            } else {
                Category::Environment
            };
            out.bug(FindingBuilder::new("github-actions", category, text));
            return Response::Consumed(Next::Finished);
        };
        let severity = if &c[1] == "error" { Severity::Error } else { Severity::Warning };
        let unescaped = |s: &str| {
            s.replace("%0A", "\n")
                .replace("%0D", "")
                .replace("%3A", ":")
                .replace("%2C", ",")
                .replace("%25", "%")
        };
        let mut finding = FindingBuilder::new("github-actions", Category::Lint, unescaped(&c[3]))
            .severity(severity)
            .fallback();
        let property = |name: &str| {
            c.get(2)?
                .as_str()
                .split(',')
                .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('=').map(unescaped))
        };
        if let Some(file) = property("file") {
            let at = |name| property(name).and_then(|v| number(&v));
            finding = finding.at(&file, at("line"), at("col"));
            finding.end_line = at("endLine");
            finding.end_column = at("endColumn");
        }
        finding.code = property("title");
        out.bug(finding);
        Response::Consumed(Next::Finished)
    }
}
