//! What is left of a part although nobody looked for a fix: the code of the last green run fails with it, too.

use crate::contract::report::RunReport;

use super::{markdown, text, view};

const ROWS: usize = 20;

/// A section for summary and pull request; empty where nothing is old.
pub(super) fn markdown(report: &RunReport) -> String {
    let old = view::old_bugs(report);
    if old.is_empty() {
        return String::new();
    }
    let run = report.last_green.as_ref();
    let at = run.map_or(String::new(), |run| {
        let commit = format!("`{}`", run.commit.short());
        let run = run.url.as_deref().map(|url| markdown::link("the run", url));
        format!(" ({commit}{})", run.map_or(String::new(), |run| format!(", {run}")))
    });
    let heading = match run {
        Some(run) => format!("Also fails on {}", markdown::code(run.branch.as_str(), 200)),
        None => "Old failures".to_owned(),
    };
    let mut out = format!(
        "### {heading}\n\nThe code of the last green run{at} fails with these, too, and CI passed it: they come from \
         what the sandbox lacks, or from what has changed outside the code. No fix was looked for.\n\n"
    );
    for bug in old.iter().take(ROWS) {
        out.push_str(&format!("- {}\n", markdown::code(&text::bug_with_message(bug), 600)));
    }
    if old.len() > ROWS {
        out.push_str(&format!("- and {} more\n", old.len() - ROWS));
    }
    out.push('\n');
    out
}
