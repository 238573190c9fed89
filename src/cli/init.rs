//! `ci-healer init`: the workflow that fits a repository, shown and then written; `--check`: what an existing one lacks.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::config::Flags;
use crate::contract::fix::FileChange;
use crate::contract::git::RepoPath;
use crate::diff;
use crate::error::ExpectedError;
use crate::git::DirectoryTree;
use crate::plan::{self, Placement, Proposal, Survey};
use crate::report::init as words;

/// The exit code where something is missing.
const EXIT_LACKING: u8 = 1;

pub(super) fn run(flags: &Flags) -> anyhow::Result<ExitCode> {
    let repo = flags.get("repo").map_or(".", String::as_str);
    let tree = DirectoryTree::open_with_untracked(Path::new(repo))
        .map_err(|e| ExpectedError::usage(format!("cannot read the repository {repo}: {e}")))?;
    let survey = plan::survey(&tree);
    let placement = flags.get("placement").and_then(|name| Placement::from_name(name));
    if flags.contains_key("check") || !survey.healing.is_empty() && placement.is_none() {
        return check(&survey);
    }
    let proposal = plan::propose(&tree, &survey, placement).map_err(ExpectedError::usage)?;
    let path = RepoPath::new(&proposal.file)?;
    let change = FileChange { path, before: proposal.before.clone(), after: Some(proposal.after.clone()) };
    let diff = diff::unified(&[change]);
    super::write_out(&words::proposal(&proposal.file, &diff, &proposal.notes))?;
    if flags.contains_key("dry-run") {
        return Ok(ExitCode::SUCCESS);
    }
    if !flags.contains_key("yes") && !is_wanted()? {
        return super::write_out(words::NOT_WRITTEN);
    }
    write(Path::new(repo), &proposal)?;
    let uses_token = proposal.after.contains("push-token:");
    super::write_out(&words::next_steps(&proposal.file, tree.origin().as_deref(), uses_token))
}

fn check(survey: &Survey) -> anyhow::Result<ExitCode> {
    let jobs: Vec<words::Job<'_>> = survey
        .healing
        .iter()
        .map(|job| words::Job { file: &job.file, job: &job.job, line: job.line, lacks: &job.lacks })
        .collect();
    super::write_out(&words::check(&jobs))?;
    let is_whole = !jobs.is_empty() && jobs.iter().all(|job| job.lacks.is_empty());
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(EXIT_LACKING) })
}

/// Asks on a terminal; nobody else answers.
fn is_wanted() -> io::Result<bool> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(false);
    }
    let mut out = io::stdout().lock();
    out.write_all(words::QUESTION.as_bytes())?;
    out.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// Writes the file whole, where it is still as it was shown.
fn write(repo: &Path, proposal: &Proposal) -> Result<(), ExpectedError> {
    let place = repo.join(&proposal.file);
    let failed = |e: io::Error| ExpectedError::environment(format!("cannot write {}: {e}", place.display()));
    let here = match std::fs::symlink_metadata(&place) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(failed(e)),
        Ok(meta) if meta.is_file() => Some(std::fs::read_to_string(&place).map_err(failed)?),
        Ok(_) => return Err(ExpectedError::usage(format!("{} is no plain file", place.display()))),
    };
    if here != proposal.before {
        return Err(ExpectedError::usage(format!(
            "{} is not as it was read; nothing is written",
            place.display()
        ))
        .hint("run `ci-healer init` again"));
    }
    let folder = place.parent().unwrap_or(repo);
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(proposal.after.as_bytes()).map_err(failed)?;
    // A temporary file is its owner's alone.
    let open = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    file.as_file().set_permissions(open).map_err(failed)?;
    file.persist(&place).map_err(|e| failed(e.error))?;
    Ok(())
}
