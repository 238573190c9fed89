//! Another repository's files at a ref, by git itself: where no API answers, git's own protocol may.

use std::path::Path;
use std::time::Duration;

use super::command::{Bounds, check_url, create_command, last_error_line, run};
use super::error::GitError;
use crate::contract::git::{CommitSha, RepoSlug};
use crate::scope::Scope;

/// For each child.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The commit that a ref of a public repository stands for, and its files as a `tar.gz` below one folder, of `limit` bytes at
/// most. No token goes along and nothing is unpacked; `work_dir` holds git's objects while it lasts.
pub async fn archive_of_ref(
    server: &str,
    repo: &RepoSlug,
    reference: &str,
    (work_dir, limit): (&Path, u64),
    scope: &Scope,
) -> Result<(CommitSha, Vec<u8>), GitError> {
    let url = format!("{}/{repo}", server.trim_end_matches('/'));
    check_url(&url)?;
    let name: String = format!("{repo}@{reference}")
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.@".contains(c) { c } else { '-' })
        .collect();
    let place = work_dir.join("actions").join(name);
    std::fs::create_dir_all(&place).map_err(|e| GitError::io("make a folder for an action", &e))?;
    let fetched = fetch(&url, reference, (&place, limit), scope).await;
    if let Err(error) = std::fs::remove_dir_all(&place) {
        log::debug!("{} is left: {error}", place.display());
    }
    fetched
}

async fn fetch(
    url: &str,
    reference: &str,
    (place, limit): (&Path, u64),
    scope: &Scope,
) -> Result<(CommitSha, Vec<u8>), GitError> {
    let (dir, packed) = (place.join("git"), place.join("packed.tar.gz"));
    let call =
        async |name: &'static str, git_dir: Option<&Path>, args: &[&str]| -> Result<String, GitError> {
            let mut command = create_command(git_dir, url, None)?;
            // Nobody's filters and credentials: what is public needs none.
            command.env("GIT_CONFIG_GLOBAL", "/dev/null").args(args);
            let output = run(command, name, Bounds { scope, timeout: TIMEOUT }).await?;
            if !output.status.success() {
                return Err(GitError::Command { command: name.to_owned(), why: last_error_line(&output) });
            }
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
    let at = dir.to_string_lossy().into_owned();
    call("git init", None, &["init", "-q", "--bare", &at]).await?;
    let fetch = ["fetch", "-q", "--depth=1", "--no-tags", url, reference];
    call("git fetch", Some(&dir), &fetch).await?;
    let commit = call("git rev-parse", Some(&dir), &["rev-parse", "FETCH_HEAD^{commit}"]).await?;
    let commit = CommitSha::new(&commit)
        .map_err(|error| GitError::Command { command: "git rev-parse".to_owned(), why: error.to_string() })?;
    let out = format!("--output={}", packed.to_string_lossy());
    let archive = ["archive", "--format=tar.gz", "--prefix=action/", &out, commit.as_ref()];
    call("git archive", Some(&dir), &archive).await?;
    let size = std::fs::metadata(&packed).map_err(|e| GitError::io("look at an action's archive", &e))?.len();
    if size > limit {
        let why = format!("the archive has {size} bytes; at most {limit} are taken");
        return Err(GitError::Command { command: "git archive".to_owned(), why });
    }
    Ok((commit, std::fs::read(&packed).map_err(|e| GitError::io("read an action's archive", &e))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ref_s_commit_and_files_come_without_an_api() {
        let (dir, scope) = (tempfile::tempdir().unwrap(), Scope::unbounded());
        let at = dir.path().join("octo/tool");
        std::fs::create_dir_all(&at).unwrap();
        std::fs::write(at.join("action.yml"), "runs: {using: composite, steps: []}\n").unwrap();
        for args in [
            &["init", "-q", "-b", "main", "."][..],
            &["add", "-A"],
            &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "one"],
            &["tag", "v1"],
        ] {
            let mut command = create_command(None, "", None).unwrap();
            command.current_dir(&at).args(args);
            let done = run(command, "git", Bounds { scope: &scope, timeout: TIMEOUT }).await.unwrap();
            assert!(done.status.success(), "{args:?}: {}", last_error_line(&done));
        }
        let (server, repo) = (dir.path().to_string_lossy(), RepoSlug::new("octo/tool").unwrap());
        let get = async |reference: &str, limit| {
            archive_of_ref(&server, &repo, reference, (dir.path(), limit), &scope).await
        };
        let (commit, packed) = get("v1", 1 << 20).await.unwrap();
        assert_eq!(packed[..2], [0x1f, 0x8b]);
        // The commit's own name is a ref as well, as far as the server gives it.
        assert_eq!(get("main", 1 << 20).await.unwrap().0, commit);
        assert!(get("v2", 1 << 20).await.unwrap_err().to_string().contains("git fetch"));
        assert!(get("v1", 10).await.unwrap_err().to_string().contains("at most 10 are taken"));
        assert_eq!(std::fs::read_dir(dir.path().join("actions")).unwrap().count(), 0, "nothing is left");
    }
}
