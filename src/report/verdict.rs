//! The last lines in the terminal: how it ended, and where to read more.

use super::{clean, ends, text};
use crate::contract::report::{ReportFiles, RunReport};

#[must_use]
pub fn text(report: &RunReport, files: Option<&ReportFiles>) -> String {
    let mut lines = vec![ends::sentence(report)];
    if let Some(push) = &report.push {
        lines.push(format!("branch {} at {}", push.branch, push.commit.short()));
        if let Some(pull_request) = &push.pull_request {
            lines.push(clean::line(&pull_request.url, 2000));
        }
    }
    if let Some(ci) = &report.ci {
        lines.push(text::ci_verdict(&ci.verdict));
    }
    if let Some(files) = files {
        lines.push(format!("summary: {}, record: {}", files.summary_file, files.results_file));
    }
    lines.join("\n")
}
