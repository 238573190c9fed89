//! The one comment in the failing pull request: verdict, diff, proof line, what to do. It reaches people by mail, and its
//! foreign words stand in code.

use crate::contract::outcome::Outcome;
use crate::contract::report::RunReport;

use super::{bug_list, markdown, old_failures, proof_table, summary};

/// GitHub takes 65,536 characters.
const BODY_BYTES: usize = 60_000;
const DIFF_BYTES: usize = 20_000;
/// A diff of more lines is collapsed.
const DIFF_LINES: usize = 60;
const BUG_ROWS: usize = 20;

/// Whether there is something to say that the failed job itself does not.
#[must_use]
pub fn is_worth_it(report: &RunReport) -> bool {
    match report.outcome {
        Outcome::Healed | Outcome::Partial { .. } => report.push.is_some(),
        Outcome::Flaky { .. } | Outcome::Drift { .. } => true,
        Outcome::Exhausted { .. } => !report.bugs().is_empty(),
        _ => false,
    }
}

/// What the comment says of a run.
#[must_use]
pub fn body(report: &RunReport) -> String {
    let mut out = summary::callout(report, None);
    let rest = [
        bug_list::markdown(report, BUG_ROWS),
        old_failures::markdown(report),
        proof_table::line(report).map_or_else(String::new, |line| format!("**Proof:** {line}.\n\n")),
        "<sub>Kept up to date by ci-healer. The job summary has the rest.</sub>\n".to_owned(),
    ]
    .concat();
    let room = BODY_BYTES.saturating_sub(out.len() + rest.len()).min(DIFF_BYTES);
    if !report.diff.is_empty() && room > 1000 {
        let diff = markdown::fence(&report.diff, "diff", room);
        out.push_str(&if report.diff.lines().count() <= DIFF_LINES {
            format!("{diff}\n")
        } else {
            format!("<details><summary>The diff</summary>\n\n{diff}\n</details>\n\n")
        });
    }
    out + &rest
}

/// The last word: what the comment told of is green.
#[must_use]
pub fn closed(report: &RunReport) -> String {
    let at = report.sha.as_ref().map_or(String::new(), |sha| format!(" at `{}`", sha.short()));
    let run = report.run.as_ref().and_then(|run| run.url.as_deref());
    let run = run.map_or(String::new(), |url| format!(" ({})", markdown::link("the run", url)));
    markdown::callout(markdown::Callout::Tip, &format!("✅ Green{at}{run}: nothing is left to do here."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_comment_reads_as_the_summary_begins() {
        insta::assert_snapshot!(body(&sample::healed()));
        insta::assert_snapshot!(closed(&sample::healed()), @"
        > [!TIP]
        > ✅ Green at `aaaaaaa` ([the run](https://github.com/octo/widgets/actions/runs/42)): nothing is left to do here.
        ");
    }

    #[test]
    fn nothing_is_said_where_the_failed_job_says_it() {
        let with = |outcome| RunReport { outcome, ..sample::healed() };
        assert!(is_worth_it(&with(Outcome::Healed)));
        assert!(is_worth_it(&with(Outcome::Flaky { failed: 1, runs: 3 })));
        for outcome in [
            Outcome::Cancelled,
            Outcome::Error { what: "x".to_owned() },
            Outcome::Refused { why: "x".to_owned(), remedy: None },
            Outcome::Environment { why: "x".to_owned() },
        ] {
            assert!(!is_worth_it(&with(outcome)));
        }
    }

    #[test]
    fn comments_stay_below_the_limit() {
        let mut report = sample::healed();
        sample::hostile(&mut report, &"x`\n".repeat(100_000));
        assert!(body(&report).chars().count() < 65_536);
    }
}
