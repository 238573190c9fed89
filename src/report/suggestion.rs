//! A heal as one-click suggestions in a review of the failing pull request.

use crate::contract::report::RunReport;

use super::{markdown, proof_table, pull_request};

/// A comment that replaces the lines it stands at; nothing: it deletes them.
#[must_use]
pub fn comment(replacement: &str) -> String {
    markdown::fence(replacement, "suggestion", usize::MAX)
}

/// What the review says above its suggestions.
#[must_use]
pub fn review(report: &RunReport) -> String {
    let title = markdown::code(&pull_request::title(report, ""), 200);
    let proof = proof_table::line(report).map_or_else(String::new, |line| format!("**Proof:** {line}.\n\n"));
    let branch = report.push.as_ref().map_or_else(String::new, |push| {
        format!(" The branch {} has it as a commit.", markdown::code(push.branch.as_str(), 200))
    });
    format!(
        "**ci-healer** suggests: {title}\n\n{proof}The suggestions are one fix: take them together (*Files changed*, *Add \
         suggestion to batch*).{branch}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_suggestion_cannot_be_left_by_its_text() {
        assert_eq!(comment("import os\n"), "```suggestion\nimport os\n```\n");
        assert_eq!(comment(""), "```suggestion\n```\n");
        assert_eq!(comment("a\n```\n@octo\n"), "````suggestion\na\n```\n@octo\n````\n");
    }

    #[test]
    fn the_review_tells_the_fix_and_its_proof() {
        insta::assert_snapshot!(review(&sample::healed()));
    }
}
