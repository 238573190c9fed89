//! Makes a repository of a folder, with a bare remote beside it: what the demo heals and pushes to.

use std::path::Path;
use std::time::Duration;

use super::command::{Bounds, create_command, last_error_line, run};
use super::error::GitError;
use crate::scope::Scope;

/// Puts everything in `folder` into one commit on `main`, and pushes it to the new bare repository `remote`.
pub async fn make_repository(
    folder: &Path,
    remote: &Path,
    scope: &Scope,
    timeout: Duration,
) -> Result<(), GitError> {
    let target = remote.to_string_lossy().into_owned();
    let git = |args: &[&str]| -> Result<tokio::process::Command, GitError> {
        let mut command = create_command(None, &target, None)?;
        command.current_dir(folder).args(args);
        Ok(command)
    };
    let identity = ["-c", "user.name=ci-healer", "-c", "user.email=ci-healer@localhost"];
    let commit = [&identity[..], &["commit", "--quiet", "--message", "Sample"]].concat();
    let steps: [&[&str]; 6] = [
        &["init", "--quiet", "--initial-branch=main", "--template="],
        &["add", "--all", "--force"],
        &commit,
        &["init", "--quiet", "--bare", "--initial-branch=main", "--template=", &target],
        &["remote", "add", "origin", &target],
        &["push", "--quiet", "origin", "main"],
    ];
    for args in steps {
        let output = run(git(args)?, "git", Bounds { scope, timeout }).await?;
        if !output.status.success() {
            let command = format!("git {}", args.iter().find(|a| !a.starts_with('-')).unwrap_or(&"init"));
            return Err(GitError::Command { command, why: last_error_line(&output) });
        }
    }
    Ok(())
}
