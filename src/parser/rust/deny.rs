//! `cargo deny`: its diagnostics have rustc's header and codespan's frame, and are read by `rustc`.

use super::super::re;
use super::super::registry::{Next, Response, Tool, ToolParser};
use super::super::{findings::FindingBuilder, findings::Findings, lines::Line};
use crate::contract::bug::Category;

pub(super) const TOOL: Tool = Tool {
    name: "cargo-deny",
    triggers: &[r"^(?:advisories|bans|licenses|sources) (?:ok|FAILED)\b"],
    new: |_| Box::new(Verdict),
};

/// The last line: `advisories ok, bans FAILED, licenses ok, sources ok`.
struct Verdict;

impl ToolParser for Verdict {
    fn line(&mut self, line: &Line<'_>, out: &mut Findings) -> Response {
        if line.text.contains("FAILED") {
            let failed: Vec<_> =
                re!(r"(\w+) FAILED").captures_iter(line.text).map(|c| c[1].to_owned()).collect();
            let message = format!("cargo deny check failed: {}", failed.join(", "));
            out.bug(FindingBuilder::new("cargo-deny", Category::Dependency, message).consequence());
        } else {
            out.succeeded();
        }
        Response::Consumed(Next::Finished)
    }
}

/// Of a diagnostic by its code (`vulnerability`, `banned`, `rejected`, …).
pub(super) fn category(code: &str) -> Category {
    if matches!(code, "deprecated" | "invalid-config" | "unknown-field") {
        Category::Configuration
    } else {
        Category::Dependency
    }
}
