//! The last lines in the terminal: how it ended, and where to read more.

use super::results::Written;
use super::{clean, text};
use crate::contract::report::RunReport;

#[must_use]
pub fn text(report: &RunReport, written: &Written) -> String {
    let mut lines = vec![text::outcome(&report.outcome)];
    if let Some(push) = &report.push {
        lines.push(format!("branch {} at {}", push.branch, push.commit.short()));
        if let Some(pull_request) = &push.pull_request {
            lines.push(clean::line(&pull_request.url, 2000));
        }
    }
    if let Some(ci) = &report.ci {
        lines.push(text::ci_verdict(&ci.verdict));
    }
    lines.push(format!("summary: {}, record: {}", written.summary_file, written.results_file));
    lines.join("\n")
}
