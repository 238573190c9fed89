//! Title, body and commit message of a heal.
//!
//! They reach people by mail and can close issues, so foreign words carry no mention and no reference: in the body
//! they stand in code, in plain text `@` and `#1` become look-alikes that GitHub does not resolve.

use crate::contract::outcome::Outcome;
use crate::contract::report::RunReport;

use super::{clean, markdown, proof_table, summary, text, view};

/// GitHub takes 65,536 characters; what masking or GitHub itself adds must fit too.
const BODY_BYTES: usize = 60_000;
const DIFF_BYTES: usize = 20_000;
const TITLE_CHARS: usize = 100;
const BUG_ROWS: usize = 20;

/// `fix: import the missing name`
#[must_use]
pub fn title(report: &RunReport, commit_prefix: &str) -> String {
    let kept: Vec<&str> = view::kept(report).map(|proposal| proposal.fix.as_str()).collect();
    subject(commit_prefix, &kept)
}

/// The message of the heal commit: a subject, then one line per fix, then where the proof is.
#[must_use]
pub fn commit_message(report: &RunReport, commit_prefix: &str) -> String {
    let mut out = title(report, commit_prefix);
    out.push_str("\n\n");
    for proposal in view::kept(report).take(BUG_ROWS) {
        let line = text::fix(&view::bugs_of(report, proposal), &proposal.fix);
        out.push_str(&format!("{}\n", plain(&line, 500)));
    }
    let url = report.run.as_ref().and_then(|run| run.url.as_deref());
    if let Some(url) = url.filter(|url| markdown::is_plain_address(url)) {
        out.push_str(&format!("\nFailed-run: {url}\n"));
    }
    out.push_str("Healed-by: ci-healer\n");
    out
}

fn subject(commit_prefix: &str, fixes: &[&str]) -> String {
    let what = match fixes {
        [] => "heal the failing build".to_owned(),
        [one] => plain(one, TITLE_CHARS),
        [first, rest @ ..] => format!("{} (and {} more)", plain(first, TITLE_CHARS - 20), rest.len()),
    };
    let prefix = plain(commit_prefix, 40);
    if prefix.is_empty() { what } else { format!("{prefix} {what}") }
}

/// One line without anything that GitHub resolves in plain text.
fn plain(text: &str, limit: usize) -> String {
    let line = clean::line(text, limit).replace('@', "＠").replace("://", ":∕∕").replace("GH-", "GH‑");
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let reference = c == '#' && chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if reference { '＃' } else { c });
    }
    out
}

/// The body of the pull request. A `marker`, where there is one, is hidden in it for later runs to find.
#[must_use]
pub fn body(report: &RunReport, marker: &str) -> String {
    let marker: String =
        marker.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.:/".contains(*c)).collect();
    let mut out = match marker.replace("--", "-") {
        marker if marker.is_empty() => String::new(),
        marker => format!("<!-- ci-healer {marker} -->\n"),
    };
    out.push_str(&opening(report));
    out.push_str(&failures(report));
    let fixes: Vec<_> = view::kept(report).collect();
    if !fixes.is_empty() {
        out.push_str("### The fix\n\n");
        for proposal in fixes.iter().take(BUG_ROWS) {
            out.push_str(&format!(
                "- {} ({})\n",
                markdown::code(&super::results::proposal_text(report, proposal), 500),
                markdown::code(&proposal.provider, 60)
            ));
        }
        out.push('\n');
    }
    out.push_str(&format!("### Proof\n\n{}\n", proof_table::markdown(report)));
    out.push_str(&how_to_reproduce(report));
    out.push_str(&summary::cost(report));
    let note = "<sub>Made by ci-healer: the same commands ran before and after the fix, in a sandbox without secrets. \
                Review it like any other change.</sub>\n";
    let room = BODY_BYTES.saturating_sub(out.len() + note.len() + 200).min(DIFF_BYTES);
    if !report.diff.is_empty() && room > 1000 {
        out.push_str(&format!(
            "<details><summary>The diff</summary>\n\n{}\n</details>\n\n",
            markdown::fence(&report.diff, "diff", room)
        ));
    }
    out.push_str(note);
    out
}

fn opening(report: &RunReport) -> String {
    let mut out = String::from("CI failed");
    if let Some(step) = view::failing_step(report) {
        out.push_str(&format!(" in step {}", markdown::code(step, 100)));
    }
    if let Some(job) = report.run.as_ref().and_then(|run| run.job.as_deref()) {
        out.push_str(&format!(" of job {}", markdown::code(job, 100)));
    }
    if let Some(sha) = &report.sha {
        out.push_str(&format!(" at {}", sha.as_str()));
    }
    if let Some(url) = report.run.as_ref().and_then(|run| run.url.as_deref()) {
        out.push_str(&format!(" ({})", markdown::link("the run", url)));
    }
    let state = match report.outcome {
        Outcome::Healed | Outcome::Patched => "This fixes it, and nothing that passed before fails now.",
        _ => "This is a part of the fix: **the build is not green yet**.",
    };
    format!("{out}. {state}\n\n")
}

fn failures(report: &RunReport) -> String {
    let bugs = view::all_bugs(report);
    if bugs.is_empty() {
        return String::new();
    }
    let mut out = String::from("### What failed\n\n");
    for bug in bugs.iter().take(BUG_ROWS) {
        let mark = if view::is_fixed(report, &bug.fingerprint) { "" } else { " **(not fixed)**" };
        out.push_str(&format!("- {}{mark}\n", markdown::code(&text::bug_with_message(bug), 600)));
    }
    if bugs.len() > BUG_ROWS {
        out.push_str(&format!("- and {} more\n", bugs.len() - BUG_ROWS));
    }
    out.push('\n');
    out
}

/// The commands of the failing plan, in its image.
fn how_to_reproduce(report: &RunReport) -> String {
    let Some(plan) = &report.plan else { return String::new() };
    let mut script = String::new();
    for step in &plan.steps {
        script.push_str(&format!("# {}\n", clean::line(&step.name, 100)));
        if step.working_directory != "." {
            script.push_str(&format!("# in {}\n", clean::line(&step.working_directory, 200)));
        }
        script.push_str(&format!("{}\n", step.run.trim_end()));
    }
    let image = report.baseline.as_ref().map_or(&plan.image.reference, |b| &b.execution.image_ref);
    format!(
        "<details><summary>How to reproduce</summary>\n\nIn {}:\n\n{}\n</details>\n\n",
        markdown::code(image, 200),
        markdown::fence(&script, "sh", 8000)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn body_and_message_tell_the_whole_story() {
        let report = sample::healed();
        insta::assert_snapshot!(commit_message(&report, "fix:"), @r"
        fix: import the missing name (and 1 more)

        IMPORT error in src/app.py line 3 → Fix: import the missing name
        IMPORT error in src/app.py line 3 → Fix: import the missing name

        Failed-run: https://github.com/octo/widgets/actions/runs/42
        Healed-by: ci-healer
        ");
        insta::assert_snapshot!(body(&report, "fp-1"));
    }

    #[test]
    fn foreign_words_mention_and_close_nothing() {
        let mut report = sample::healed();
        sample::hostile(
            &mut report,
            "fixes #12 @octocat\n\nCo-authored-by: x GH-3 https://github.com/o/r/issues/1",
        );
        for text in [title(&report, "fix:"), commit_message(&report, "fix:")] {
            for bad in ["#12", "@", "GH-3"] {
                assert!(!text.contains(bad), "{bad} in {text}");
            }
            assert!(!text.lines().any(|line| line.starts_with("Co-authored-by")), "{text}");
        }
        assert!(!title(&report, "fix:").contains('\n'));
    }

    #[test]
    fn a_marker_cannot_end_its_comment() {
        let text = body(&sample::healed(), "a--> <img src=x> b");
        assert!(text.starts_with("<!-- ci-healer a-imgsrcxb -->\n"), "{text}");
    }

    #[test]
    fn bodies_stay_below_the_limit() {
        let mut report = sample::healed();
        sample::hostile(&mut report, &"x`\n".repeat(100_000));
        assert!(body(&report, "m").chars().count() < 65_536);
    }

    #[test]
    fn a_part_of_a_fix_never_claims_to_be_all() {
        let mut report = sample::healed();
        report.outcome = Outcome::Exhausted { why: "no idea left".to_owned() };
        let text = body(&report, "m");
        assert!(text.contains("not green yet") && !text.contains("This fixes it"));
    }
}
