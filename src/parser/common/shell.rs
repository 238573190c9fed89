//! What shells say themselves: `command not found`, `unbound variable`, syntax errors, signals.

use super::super::findings::{FindingBuilder, Findings, number};
use super::super::lines::Line;
use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool = Tool {
    name: "shell",
    triggers: &[
        r"^(?:/\S+/)?(?:-?(?:ba|da|z|k)?sh|[^\s:]+\.(?:sh|bash)|/home/runner/work/_temp/\S+|/__w/_temp/\S+): ",
        r"^(?:Segmentation fault|Illegal instruction|Bus error|Aborted)\b",
    ],
    new: |_| Box::new(Shell),
};

struct Shell;

impl ToolParser for Shell {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        // mkdocs says so of warnings.
        if line.text.starts_with("Aborted with ") {
            return Response::Declined(Next::Finished);
        }
        let Some(c) = re!(r"^([^:]+?): (?:(?:line )?(\d+): )?(?:[^:]*: )?(.*)$").captures(line.text) else {
            out.bug(FindingBuilder::new("shell", Category::Runtime, line.text).fallback());
            return Response::Consumed(Next::Finished);
        };
        let message = line.text.split_once(": ").map_or(line.text, |(_, m)| m);
        let category = if re!(r"(?:command |: )not found$").is_match(message) {
            Category::Environment
        } else if re!(r"unbound variable$|parameter not set$|parameter null or not set$").is_match(message) {
            Category::Configuration
        } else if re!(r"syntax error|unexpected end of file|unexpected EOF|bad substitution|Syntax error")
            .is_match(message)
        {
            Category::Syntax
        } else if message.ends_with("Permission denied") {
            Category::Environment
        } else if re!(r"No such file or directory$|cannot execute|bad interpreter").is_match(message) {
            Category::Configuration
        } else if re!(r"Segmentation fault|Killed|Aborted").is_match(message) {
            Category::Runtime
        } else {
            return Response::Declined(Next::Finished);
        };
        let text = re!(r"^(?:line )?\d+: ").replace(message, "").into_owned();
        let mut finding = FindingBuilder::new("shell", category, text).fallback();
        let script = c[1].ends_with(".sh") || c[1].ends_with(".bash");
        // The runner's own script of a step is no file of the repository.
        if script && !c[1].contains("/_temp/") {
            finding = finding.at(&c[1], c.get(2).and_then(|m| number(m.as_str())), None);
        }
        out.bug(finding);
        Response::Consumed(Next::Finished)
    }
}
