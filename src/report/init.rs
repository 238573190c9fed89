//! What `ci-healer init` says: the workflow that it would write, what an existing one lacks, and what is left to do.

use std::fmt::Write as _;

use super::clean;

/// Bytes of a file that are shown.
const MOST_SHOWN: usize = 100_000;

/// A job that calls ci-healer.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub file: &'a str,
    pub job: &'a str,
    pub line: u32,
    pub lacks: &'a [String],
}

/// `--check`: what each job lacks.
#[must_use]
pub fn check(jobs: &[Job<'_>]) -> String {
    let mut out = String::new();
    for job in jobs {
        let place = clean::line(&format!("{}:{}: job {}", job.file, job.line, job.job), 300);
        if job.lacks.is_empty() {
            let _ = writeln!(out, "{place}: nothing is missing");
            continue;
        }
        let _ = writeln!(out, "{place} lacks");
        for lack in job.lacks {
            let _ = writeln!(out, "  - {}", clean::line(lack, 1000));
        }
    }
    if jobs.is_empty() {
        out.push_str("no workflow calls ci-healer; `ci-healer init` writes one\n");
    }
    out
}

/// The file that would be written, as a difference to what is there.
#[must_use]
pub fn proposal(file: &str, diff: &str, notes: &[String]) -> String {
    let mut out = format!("{}\n\n", clean::line(file, 300));
    out.push_str(&clean::block(diff, MOST_SHOWN));
    out.push('\n');
    for note in notes {
        let _ = writeln!(out, "note: {}", clean::line(note, 1000));
    }
    out
}

pub const QUESTION: &str = "Write it? [y/N] ";
pub const NOT_WRITTEN: &str = "nothing is written; `--yes` writes it\n";

/// What is left to do once it is written. `repository`: `owner/name` on github.com, where that is known.
#[must_use]
pub fn next_steps(file: &str, repository: Option<&str>, uses_token: bool) -> String {
    let name = repository.unwrap_or("OWNER/REPOSITORY");
    let owner = name.split('/').next().unwrap_or_default();
    let secrets = format!("https://github.com/{name}/settings/secrets/actions/new");
    let mut out = format!("written: {}\n\nLeft to do:\n", clean::line(file, 300));
    let _ = writeln!(
        out,
        "  1. A key of a model server, as the secret GEMINI_API_KEY (without one, what the toolchain itself can fix is fixed)\n     \
         make it: https://aistudio.google.com/apikey\n     save it: {secrets}"
    );
    let mut number = 2;
    if uses_token {
        let _ = writeln!(
            out,
            "  {number}. A token whose pushes start CI, as the secret HEAL_TOKEN (without one, CI is dispatched on the heal branch)\n     \
             make it: https://github.com/settings/personal-access-tokens/new?name=ci-healer&description=Pushes+heals&target_name={owner}&expires_in=90&contents=write&pull_requests=write&actions=write\n     \
             save it: {secrets}\n     or an App's instead of a person's: docs/github-app.md of ci-healer"
        );
        number += 1;
    }
    let _ = writeln!(
        out,
        "  {number}. \"Allow GitHub Actions to create and approve pull requests\"\n     \
         switch it on: https://github.com/{name}/settings/actions\n  {}. Commit and push the workflow",
        number + 1
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_names_the_pages() {
        let said = next_steps(".github/workflows/ci.yml", Some("octo/widget"), true);
        assert!(said.contains("https://github.com/octo/widget/settings/secrets/actions/new"), "{said}");
        assert!(said.contains("target_name=octo&expires_in=90&contents=write"), "{said}");
        assert!(said.contains("  4. Commit and push"), "{said}");
        assert!(next_steps("x", None, false).contains("OWNER/REPOSITORY"));
    }

    #[test]
    fn names_of_a_repository_s_jobs_are_text() {
        let lacks = ["`if:`".to_owned()];
        let said = check(&[Job { file: "a.yml", job: "\u{1b}[31mx", line: 3, lacks: &lacks }]);
        assert!(!said.contains('\u{1b}'), "{said}");
        assert!(said.starts_with("a.yml:3: job") && said.ends_with("  - `if:`\n"), "{said}");
        assert!(check(&[]).contains("`ci-healer init` writes one"));
    }
}
