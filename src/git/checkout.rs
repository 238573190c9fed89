//! Puts a proven patch into the files of somebody's checkout: all of it or nothing, and nothing else of theirs is touched.

use std::path::Path;
use std::process::Output;

use super::command::{Bounds, create_command, last_error_line, run};
use super::error::GitError;
use super::push::DEFAULT_GIT_TIMEOUT;
use super::worktree_status::content;
use crate::contract::git::{CommitSha, RepoPath};
use crate::scope::{Scope, Stopped};

/// Applies the patch in the file `patch` to the checkout at `root`, and returns the files it changes. The index stays as it is.
/// `before` is what the files of the patch held when it was proven.
///
/// # Errors
///
/// [`GitError::DoesNotApply`] names a file that is no longer so; then nothing is written.
pub async fn apply_to_checkout(
    root: &Path,
    before: &[(RepoPath, Option<String>)],
    patch: &Path,
    scope: &Scope,
) -> Result<Vec<RepoPath>, GitError> {
    let git = Git { root, scope };
    let listed =
        git.run("git apply", |args| args.args(["apply", "--numstat", "-z", "--"]).arg(patch)).await?;
    let files = paths_of(&String::from_utf8_lossy(&listed.stdout))?;
    for path in &files {
        let was = before.iter().find(|(known, _)| known == path).and_then(|(_, text)| text.as_deref());
        // Line ends are the checkout's own.
        let plain = |text: &str| text.replace("\r\n", "\n");
        let now = content(root, path).map(|bytes| plain(&String::from_utf8_lossy(&bytes)));
        if now != was.map(plain) {
            let why = "it changed since it was healed; nothing was written".to_owned();
            return Err(GitError::DoesNotApply { path: path.clone(), why });
        }
    }
    // It looks at all files before it writes the first.
    git.run("git apply", |args| args.args(["apply", "--whitespace=nowarn", "--"]).arg(patch)).await?;
    Ok(files)
}

/// The commit that `revision` names in the checkout at `root`.
///
/// # Errors
///
/// Where it names none.
pub async fn resolve_commit(root: &Path, revision: &str, scope: &Scope) -> Result<CommitSha, GitError> {
    let git = Git { root, scope };
    let wanted = format!("{revision}^{{commit}}");
    let found = git
        .run("git rev-parse", |args| {
            args.args(["rev-parse", "--verify", "--quiet", "--end-of-options"]).arg(wanted)
        })
        .await;
    let unknown = |why: String| GitError::Command { command: "git rev-parse".to_owned(), why };
    let output = found.map_err(|error| match error {
        GitError::Command { .. } => unknown(format!("{revision:?} names no commit of the checkout")),
        other => other,
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    CommitSha::new(text.trim()).map_err(|error| unknown(error.to_string()))
}

/// Whether the checkout at `root` has this commit.
pub async fn has_commit(root: &Path, commit: &CommitSha, scope: &Scope) -> Result<bool, Stopped> {
    match resolve_commit(root, commit.as_str(), scope).await {
        Ok(_) => Ok(true),
        Err(GitError::Stopped(stopped)) => Err(stopped),
        Err(_) => Ok(false),
    }
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
