//! What the Kotlin compiler's findings are about; `line_formats` reads them.

use super::javac::category;
use crate::contract::bug::Category;
use crate::parser::findings::FindingBuilder;

/// The category that the message tells.
pub(in crate::parser) fn refine(mut finding: FindingBuilder) -> FindingBuilder {
    let lower = finding.message.to_lowercase();
    let syntax = ["expecting ", "unexpected tokens", "syntax error"];
    finding.category = if syntax.iter().any(|start| lower.starts_with(start)) {
        Category::Syntax
    } else {
        category(&finding.message, finding.severity)
    };
    finding
}
