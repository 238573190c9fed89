//! SARIF printed into a log, on one line or pretty.

use serde_json::Value;

use super::super::findings::{FindingBuilder, Findings};
use super::super::lines::{Line, MAX_LINE};
use super::super::registry::{Next, Response, Tool, ToolParser};
use crate::contract::bug::{Category, Severity};

pub(super) const TOOL: Tool = Tool {
    name: "sarif",
    triggers: &[r"^\{\s*$", r#"^\{.*"runs"\s*:\s*\["#],
    new: |_| Box::new(Sarif::default()),
};

#[derive(Default)]
struct Sarif {
    text: String,
    first: u64,
}

impl ToolParser for Sarif {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if self.text.is_empty() {
            self.first = line.number;
        }
        if self.text.len() + line.text.len() > 4 * MAX_LINE {
            return Response::Declined(Next::Finished);
        }
        self.text.push_str(line.text);
        self.text.push('\n');
        let closes =
            line.text == "}" || line.text.len() > 1 && line.text.ends_with('}') && line.number == self.first;
        if !closes {
            // Any object may start so; SARIF says what it is within its first lines.
            let known = self.text.contains("sarif") || self.text.contains("\"runs\"");
            return if !known && line.number > self.first + 4 {
                Response::Declined(Next::Finished)
            } else {
                Response::Declined(Next::Active)
            };
        }
        if let Ok(value) = serde_json::from_str::<Value>(&self.text) {
            for run in value.get("runs").and_then(Value::as_array).into_iter().flatten() {
                for result in run.get("results").and_then(Value::as_array).into_iter().flatten() {
                    out.bug(read(result).span(self.first, line.number));
                }
            }
        }
        Response::Declined(Next::Finished)
    }
}

fn read(result: &Value) -> FindingBuilder {
    let text = |pointer: &str| result.pointer(pointer).and_then(Value::as_str);
    let severity = match text("/level") {
        Some("error") => Severity::Error,
        Some("note" | "none") => Severity::Info,
        _ => Severity::Warning,
    };
    let mut finding =
        FindingBuilder::new("sarif", Category::Lint, text("/message/text").unwrap_or("")).severity(severity);
    finding.code = text("/ruleId").map(str::to_owned);
    let location = "/locations/0/physicalLocation";
    if let Some(file) = text(&format!("{location}/artifactLocation/uri")) {
        let at = |name: &str| {
            result
                .pointer(&format!("{location}/region/{name}"))
                .and_then(Value::as_u64)
                .and_then(|n| u32::try_from(n).ok())
        };
        finding = finding.at(file, at("startLine"), at("startColumn"));
        finding.end_line = at("endLine");
        finding.end_column = at("endColumn");
    }
    finding
}
