//! Puts a proven patch into the files of somebody's checkout: all of it or nothing, and nothing else of theirs is touched.

use std::path::Path;
use std::process::Output;

use super::command::{Bounds, create_command, last_error_line, run};
use super::error::GitError;
use super::push::DEFAULT_GIT_TIMEOUT;
use crate::contract::git::{CommitSha, RepoPath};
use crate::scope::Scope;

/// Applies the patch in the file `patch` to the checkout at `root`, and returns the files it changes. The index stays as it is.
///
/// # Errors
///
/// [`GitError::DoesNotApply`] names a file that is no longer as it was in `base`, for which the patch was proven; then
/// nothing is written.
pub async fn apply_to_checkout(
    root: &Path,
    base: &CommitSha,
    patch: &Path,
    scope: &Scope,
) -> Result<Vec<RepoPath>, GitError> {
    let git = Git { root, scope };
    let listed =
        git.run("git apply", |args| args.args(["apply", "--numstat", "-z", "--"]).arg(patch)).await?;
    let files = paths_of(&String::from_utf8_lossy(&listed.stdout))?;
    let changed = git
        .run("git diff", |args| {
            let args = args.args([
                "--literal-pathspecs",
                "diff",
                "--name-only",
                "-z",
                "--no-ext-diff",
                "--no-textconv",
            ]);
            args.arg(base.as_str()).arg("--").args(files.iter().map(RepoPath::as_str))
        })
        .await?;
    if let Some(path) = String::from_utf8_lossy(&changed.stdout).split('\0').find(|path| !path.is_empty()) {
        let path = RepoPath::new(path).map_err(|why| unreadable(path, &why.to_string()))?;
        let why = "it is not as it was in the commit that was healed; nothing was written".to_owned();
        return Err(GitError::DoesNotApply { path, why });
    }
    // It looks at all files before it writes the first.
    git.run("git apply", |args| args.args(["apply", "--whitespace=nowarn", "--"]).arg(patch)).await?;
    Ok(files)
}

struct Git<'a> {
    root: &'a Path,
    scope: &'a Scope,
}

impl Git<'_> {
    async fn run(
        &self,
        name: &'static str,
        with: impl FnOnce(&mut tokio::process::Command) -> &mut tokio::process::Command,
    ) -> Result<Output, GitError> {
        let mut command = create_command(None, "", None)?;
        with(command.current_dir(self.root));
        let output = run(command, name, Bounds { scope: self.scope, timeout: DEFAULT_GIT_TIMEOUT }).await?;
        if output.status.success() {
            return Ok(output);
        }
        Err(GitError::Command { command: name.to_owned(), why: last_error_line(&output) })
    }
}

/// The paths of `git apply --numstat -z`: `added<TAB>removed<TAB>path<NUL>`.
fn paths_of(numstat: &str) -> Result<Vec<RepoPath>, GitError> {
    let lines = numstat.split('\0').filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let path = line.splitn(3, '\t').nth(2).unwrap_or_default();
            RepoPath::new(path).map_err(|why| unreadable(path, &why.to_string()))
        })
        .collect()
}

fn unreadable(path: &str, why: &str) -> GitError {
    GitError::Command { command: "git apply".to_owned(), why: format!("the path {path:?}: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_with_spaces_and_of_binaries() {
        let paths = paths_of("1\t1\tsrc/a b.py\0-\t-\tlogo.png\0").unwrap();
        assert_eq!(paths.iter().map(RepoPath::as_str).collect::<Vec<_>>(), ["src/a b.py", "logo.png"]);
        assert!(paths_of("1\t1\t../x\0").is_err());
    }
}
