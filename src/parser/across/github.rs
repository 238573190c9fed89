//! The runner's own words: `##[error]…` and `::error file=…,line=…::…`.

use super::super::findings::{Draft, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Flow, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "github-actions",
    triggers: &[
        r"^::(?:error|warning)(?: [^:].*)?::",
        r"^Process completed with exit code [1-9]",
        r"^The (?:operation was canceled|job running on runner|runner has received a shutdown)",
    ],
    new: || Box::new(Github),
};

struct Github;

impl ToolParser for Github {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Flow {
        let text = line.text;
        if text.starts_with("Process completed") {
            out.failed();
            out.bug(Draft::new("github-actions", Category::Unknown, text).consequence());
            return Flow::Last;
        }
        let Some(c) = re!(r"^::(error|warning)(?: (.*?))?::(.*)$").captures(text) else {
            let category = if text.contains("exceeded the maximum execution time") {
                Category::Timeout
            } else {
                Category::Environment
            };
            out.bug(Draft::new("github-actions", category, text));
            return Flow::Last;
        };
        let severity = if &c[1] == "error" { Severity::Error } else { Severity::Warning };
        let unescaped = |s: &str| {
            s.replace("%0A", "\n")
                .replace("%0D", "")
                .replace("%3A", ":")
                .replace("%2C", ",")
                .replace("%25", "%")
        };
        let mut draft =
            Draft::new("github-actions", Category::Lint, unescaped(&c[3])).severity(severity).fallback();
        let property = |name: &str| {
            c.get(2)?
                .as_str()
                .split(',')
                .find_map(|p| p.trim().strip_prefix(name)?.strip_prefix('=').map(unescaped))
        };
        if let Some(file) = property("file") {
            let at = |name| property(name).and_then(|v| number(&v));
            draft = draft.at(&file, at("line"), at("col"));
            draft.end_line = at("endLine");
            draft.end_column = at("endColumn");
        }
        draft.code = property("title");
        out.bug(draft);
        Flow::Last
    }
}
