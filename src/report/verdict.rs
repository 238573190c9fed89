//! The last lines in the terminal: how it ended, and where to read more.

use super::{clean, ends, text};
use crate::contract::git::RepoPath;
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

/// How to take the fix that lies in the report folder; nothing where none is proven, or where it was pushed.
#[must_use]
pub fn how_to_take(report: &RunReport, files: &ReportFiles) -> Option<String> {
    let patch =
        files.patch_file.as_ref().filter(|_| report.push.is_none() && report.final_proof.is_some())?;
    Some(format!("patch: {patch}\ntake it with: git apply {patch}"))
}

/// Between two runs of `--watch`.
pub const WATCHING: &str = "watching for changed files; Ctrl-C ends it";

/// What was written into the checkout.
#[must_use]
pub fn applied(files: &[RepoPath]) -> String {
    let names = files.iter().map(RepoPath::as_str).collect::<Vec<_>>().join(", ");
    format!("written: {names}")
}
