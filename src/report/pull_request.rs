//! Title, body and commit message of a heal.
//!
//! They reach people by mail and can close issues, so foreign words carry no mention and no reference: in the body
//! they stand in code, in plain text `@` and `#1` become look-alikes that GitHub does not resolve.

use crate::contract::fix::{FileChange, FixProposal, RevertedHunk};
use crate::contract::outcome::Outcome;
use crate::contract::proof::Proof;
use crate::contract::report::RunReport;

use super::markdown::Callout;
use super::{bug_list, clean, fix_title, markdown, old_failures, proof_table, summary, view};

/// GitHub takes 65,536 characters; what masking or GitHub itself adds must fit too.
const BODY_BYTES: usize = 60_000;
const DIFF_BYTES: usize = 20_000;
/// A diff of more lines is collapsed.
const DIFF_LINES: usize = 60;
const TITLE_CHARS: usize = 100;
/// Of a commit's message.
const COMMIT_BYTES: usize = 4000;
const BUG_ROWS: usize = 20;

/// `fix: import the missing name`; `revert "count from one" (1a2b3c4)`
#[must_use]
pub fn title(report: &RunReport, commit_prefix: &str) -> String {
    if let Some(hunk) = reverted(report) {
        return revert_subject(hunk);
    }
    let offers = view::kept(report).map(|proposal| (&proposal.offer, proposal.diff.as_str()));
    let kept: Vec<String> =
        offers.map(|(offer, diff)| fix_title::of(&offer.fix, offer.command.as_deref(), diff)).collect();
    subject(commit_prefix, &kept.iter().map(String::as_str).collect::<Vec<_>>())
}

/// The last line of each commit's message, by which heals are known.
pub const TRAILER: &str = "Healed-by: ci-healer";

/// The message of the commit of one kept fix: what it does and where, and who proposed it.
#[must_use]
pub fn commit_message(commit_prefix: &str, proposal: &FixProposal, changes: &[FileChange]) -> String {
    let place = match changes {
        [only] => format!(" in {}", only.path),
        _ => String::new(),
    };
    let diff = crate::diff::unified(changes);
    let fix = format!("{}{place}", fix_title::of(&proposal.reason, proposal.command.as_deref(), &diff));
    let by = match &proposal.model {
        Some(model) => format!("{} ({model})", proposal.provider),
        None => proposal.provider.clone(),
    };
    let subject = match &proposal.reverts {
        Some(hunk) => revert_subject(hunk),
        None => subject(commit_prefix, &[&fix]),
    };
    let by = plain(&by, 200);
    format!("{subject}\n\nProposed by {by}; proven by running the failed commands again.\n\n{TRAILER}\n")
}

/// The message of the commit of a patch that another job has proven.
#[must_use]
pub fn patch_message(commit_prefix: &str, changes: &[FileChange], proof: &Proof) -> String {
    let fix = match changes {
        [only] => format!("fix {}", only.path),
        several => format!("fix {} files", several.len()),
    };
    let plan: String = proof.plan_sha256.chars().take(12).collect();
    let subject = subject(commit_prefix, &[&fix]);
    let proven = format!("Proven by running the failed commands again, before and after (plan {plan}).");
    format!("{subject}\n\n{proven}\n\n{TRAILER}\n")
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

/// What the heal takes back, where a part of it is a revert.
fn reverted(report: &RunReport) -> Option<&RevertedHunk> {
    view::kept(report).find_map(|proposal| proposal.offer.reverts.as_deref())
}

/// The commit by what its author called it.
fn revert_subject(hunk: &RevertedHunk) -> String {
    match &hunk.commit {
        Some(commit) => {
            let called = plain(commit.message.lines().next().unwrap_or_default(), TITLE_CHARS - 20);
            format!("revert \"{called}\" ({})", commit.sha.short())
        }
        None => {
            let path = plain(hunk.path.as_str(), TITLE_CHARS - 20);
            format!("revert a change of {path} since {}", hunk.green.short())
        }
    }
}

/// Whose change is taken back, in its author's words, and that this is a question.
fn taken_back(report: &RunReport) -> String {
    let Some(hunk) = reverted(report) else { return String::new() };
    let path = markdown::code(hunk.path.as_str(), 300);
    let place = match hunk.count {
        0 => format!("lines that were taken out of {path} before line {}", hunk.first),
        1 => format!("line {} of {path}", hunk.first),
        count => format!("lines {}-{} of {path}", hunk.first, hunk.first + count - 1),
    };
    let green = hunk.green.as_str();
    let mut out = format!(
        "### What is taken back\n\nOne change alone: {place}. CI was green at {green} without it. **Whether the change \
         or the test is right, only people know**: merge this only if the change was not meant.\n\n"
    );
    match &hunk.commit {
        Some(commit) => {
            let author = markdown::code(&commit.author, 100);
            let said = markdown::fence(commit.message.trim(), "text", COMMIT_BYTES);
            out.push_str(&format!("Made in {} by {author}:\n\n{said}\n", commit.sha.as_str()));
        }
        None => out.push_str("Which commit made it is not known here: the checkout has not its history.\n\n"),
    }
    out
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

/// Why an open heal is closed: the job that it fixes is green without it.
#[must_use]
pub fn no_longer_needed(report: &RunReport) -> String {
    let at = report.sha.as_ref().map_or(String::new(), |sha| format!(" at {}", sha.as_str()));
    let run = report.run.as_ref().and_then(|run| run.url.as_deref());
    let run = run.map_or(String::new(), |url| format!(" ({})", markdown::link("the run", url)));
    format!("**Closed: what this fixes is green{at} without it**{run}.")
}

/// The body of the pull request, in the order of the summary.
#[must_use]
pub fn body(report: &RunReport) -> String {
    let mut out = opening(report);
    out.push_str(&taken_back(report));
    let note = "<sub>Made by ci-healer: the same commands ran before and after the fix, in a sandbox without secrets. \
                Review it like any other change.</sub>\n";
    let mut rest = bug_list::markdown(report, BUG_ROWS);
    rest.push_str(&old_failures::markdown(report));
    rest.push_str(&proof_table::markdown(report));
    rest.push_str(&how_to_reproduce(report));
    rest.push_str(&summary::cost(report));
    let room = BODY_BYTES.saturating_sub(out.len() + rest.len() + note.len() + 200).min(DIFF_BYTES);
    if !report.diff.is_empty() && room > 1000 {
        let diff = markdown::fence(&report.diff, "diff", room);
        // The files' own page shows a long one better.
        out.push_str(&if report.diff.lines().count() <= DIFF_LINES {
            format!("{diff}\n")
        } else {
            format!("<details><summary>The diff</summary>\n\n{diff}\n</details>\n\n")
        });
    }
    out.push_str(&rest);
    out.push_str(note);
    out
}

fn opening(report: &RunReport) -> String {
    let mut said = String::from("CI failed");
    if let Some(step) = view::failing_step(report) {
        said.push_str(&format!(" in step {}", markdown::code(step, 100)));
    }
    if let Some(job) = report.run.as_ref().and_then(|run| run.job.as_deref()) {
        said.push_str(&format!(" of job {}", markdown::code(job, 100)));
    }
    if let Some(sha) = &report.sha {
        said.push_str(&format!(" at {}", sha.as_str()));
    }
    if let Some(url) = report.run.as_ref().and_then(|run| run.url.as_deref()) {
        said.push_str(&format!(" ({})", markdown::link("the run", url)));
    }
    let (kind, state) = match report.outcome {
        Outcome::Healed | Outcome::Patched => {
            (Callout::Tip, "This fixes it, and nothing that passed before fails now.")
        }
        _ => (Callout::Warning, "This is a part of the fix: **the build is not green yet**."),
    };
    markdown::callout(kind, &format!("{said}. {state}{}", moved_on(report)))
}

/// The proof is of the commit that failed, and people merge into what stands there now.
fn moved_on(report: &RunReport) -> String {
    match report.push.as_ref().and_then(|push| push.base_moved_to.as_ref()) {
        Some(now) => format!(
            "\n\n**The branch has moved on** to {} since. The proof is of the commit that failed.",
            now.as_str()
        ),
        None => String::new(),
    }
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
    use crate::contract::fix::{RevertedCommit, Usage};
    use crate::contract::git::{CommitSha, RepoPath};
    use crate::report::sample;

    #[test]
    fn body_and_message_tell_the_whole_story() {
        let report = sample::healed();
        let change = FileChange { path: RepoPath::new("src/app.py").unwrap(), before: None, after: None };
        let message = commit_message("fix:", &proposal("import the missing name."), &[change]);
        insta::assert_snapshot!(message, @r"
        fix: import the missing name in src/app.py

        Proposed by gemini (gemini-3.5-flash); proven by running the failed commands again.

        Healed-by: ci-healer
        ");
        insta::assert_snapshot!(body(&report));
    }

    fn proposal(reason: &str) -> FixProposal {
        FixProposal {
            provider: "gemini".to_owned(),
            model: Some("gemini-3.5-flash".to_owned()),
            bugs: Vec::new(),
            context_level: 1,
            confidence: 0.9,
            reason: reason.to_owned(),
            edits: Vec::new(),
            command: None,
            window: Vec::new(),
            reverts: None,
            usage: Usage::default(),
        }
    }

    /// A heal that takes back what this commit did.
    fn revert_of(message: &str) -> RunReport {
        let sha = |digit: &str| CommitSha::new(&digit.repeat(40)).unwrap();
        let mut report = sample::healed();
        let proposals = report.iterations.iter_mut().flat_map(|iteration| &mut iteration.proposals);
        let commit =
            RevertedCommit { sha: sha("b"), author: "Ada @octocat".to_owned(), message: message.to_owned() };
        for proposal in proposals {
            proposal.offer.reverts = Some(Box::new(RevertedHunk {
                path: RepoPath::new("src/app.py").unwrap(),
                first: 3,
                count: 2,
                green: sha("a"),
                commit: Some(commit.clone()),
            }));
        }
        report
    }

    #[test]
    fn a_revert_is_called_one_and_shows_whose_change_it_takes_back() {
        let report = revert_of("count from one (#12)\n\nAs @octocat asked, fixes #12\n```\n# hi");
        assert_eq!(title(&report, "fix:"), "revert \"count from one (＃12)\" (bbbbbbb)");
        let text = body(&report);
        let part = text.split("### What is taken back").nth(1).unwrap().split("### ").next().unwrap();
        insta::assert_snapshot!(part);
        let mut report = report;
        for proposal in report.iterations.iter_mut().flat_map(|iteration| &mut iteration.proposals) {
            proposal.offer.reverts.as_mut().unwrap().commit = None;
        }
        assert_eq!(title(&report, "fix:"), "revert a change of src/app.py since aaaaaaa");
        assert!(body(&report).contains("is not known here"));
        let hunk = report.iterations[0].proposals[0].offer.reverts.clone();
        let proposal = FixProposal { reverts: hunk, ..proposal("x") };
        assert!(commit_message("fix:", &proposal, &[]).starts_with("revert a change of src/app.py since"));
    }

    #[test]
    fn foreign_words_mention_and_close_nothing() {
        let mut report = sample::healed();
        let words = "fixes #12 @octocat\n\nCo-authored-by: x GH-3 https://github.com/o/r/issues/1";
        sample::hostile(&mut report, words);
        for text in [title(&report, "fix:"), commit_message("fix:", &proposal(words), &[])] {
            for bad in ["#12", "@", "GH-3"] {
                assert!(!text.contains(bad), "{bad} in {text}");
            }
            assert!(!text.lines().any(|line| line.starts_with("Co-authored-by")), "{text}");
        }
        assert!(!title(&report, "fix:").contains('\n'));
    }

    #[test]
    fn a_branch_that_moved_on_is_told() {
        let mut report = sample::healed();
        assert!(!body(&report).contains("moved on"));
        report.push.as_mut().unwrap().base_moved_to = Some(CommitSha::new(&"ab".repeat(20)).unwrap());
        assert!(body(&report).contains("moved on** to abab"));
        assert!(summary::markdown(&report, None).contains("moved on"));
    }

    #[test]
    fn bodies_stay_below_the_limit() {
        let mut report = sample::healed();
        sample::hostile(&mut report, &"x`\n".repeat(100_000));
        assert!(body(&report).chars().count() < 65_536);
    }

    #[test]
    fn a_part_of_a_fix_never_claims_to_be_all() {
        let mut report = sample::healed();
        report.outcome = Outcome::Exhausted { why: "no idea left".to_owned() };
        let text = body(&report);
        assert!(text.contains("not green yet") && !text.contains("This fixes it"));
    }
}
