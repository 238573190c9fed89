//! Talks to remotes through hardened git children: look, fetch one commit, clone, push with compare-and-swap.
//!
//! Nothing here can move a branch from another place than the caller says, nor the default branch at all.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;

use super::command::{Bounds, check_url, create_command, last_error_line, run};
use super::error::GitError;
use crate::contract::git::{BranchName, CommitSha, MoveFrom, PreparedCommit};
use crate::scope::Scope;

/// For one child, within its scope; a push of a heal is a few objects.
pub const DEFAULT_GIT_TIMEOUT: Duration = Duration::from_secs(120);

/// Where to push, and with what.
#[derive(Debug, Clone)]
pub struct Remote {
    /// `https://host/owner/name.git`, an ssh address, or a path. Never with a password in it.
    pub url: String,
    /// For `http(s)`; without one the user's own git login is used.
    pub token: Option<SecretString>,
}

/// What a remote says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteHeads {
    pub default_branch: Option<BranchName>,
    /// Where the asked-for branch stands.
    pub branch: Option<CommitSha>,
}

/// Asks where `branch` stands and which branch is the default.
pub async fn heads(
    remote: &Remote,
    branch: &BranchName,
    scope: &Scope,
    timeout: Duration,
) -> Result<RemoteHeads, GitError> {
    check_url(&remote.url)?;
    let mut command = create_command(None, &remote.url, remote.token.as_ref())?;
    command.args(["ls-remote", "--symref", "--"]).arg(&remote.url).arg("HEAD").arg(branch.full_ref());
    let output = run(command, "git ls-remote", Bounds { scope, timeout }).await?;
    if !output.status.success() {
        return Err(GitError::Command { command: "git ls-remote".to_owned(), why: last_error_line(&output) });
    }
    Ok(parse_heads(&String::from_utf8_lossy(&output.stdout), branch))
}

fn parse_heads(text: &str, branch: &BranchName) -> RemoteHeads {
    let mut heads = RemoteHeads::default();
    for line in text.lines() {
        let Some((value, name)) = line.split_once('\t') else { continue };
        if let Some(target) = value.strip_prefix("ref: ") {
            if name == "HEAD" {
                heads.default_branch = BranchName::new(target).ok();
            }
        } else if name == branch.full_ref() {
            heads.branch = CommitSha::new(value).ok();
        }
    }
    heads
}

/// Pushes the last of `commits`, moving `branch` from where `from` says it stands.
pub async fn push(
    git_dir: &Path,
    remote: &Remote,
    branch: &BranchName,
    from: &MoveFrom,
    commits: &[PreparedCommit],
    scope: &Scope,
    timeout: Duration,
) -> Result<CommitSha, GitError> {
    let Some(last) = commits.last() else { return Err(GitError::NoChange) };
    let heads = heads(remote, branch, scope, timeout).await?;
    if heads.default_branch.as_ref() == Some(branch) {
        return Err(GitError::DefaultBranch { branch: branch.clone() });
    }
    if heads.branch.as_ref() == Some(&last.commit) {
        return Ok(last.commit.clone());
    }
    let lease = match from {
        MoveFrom::Absent => String::new(),
        MoveFrom::FastForward(old) | MoveFrom::Replace(old) => old.to_string(),
    };
    let current = heads.branch.as_ref().map(ToString::to_string).unwrap_or_default();
    if current != lease {
        return Err(moved(branch, &current));
    }
    if let MoveFrom::FastForward(old) = from
        && commits.first().is_none_or(|first| first.parent != *old)
    {
        return Err(moved(branch, &current));
    }
    let mut command = create_command(Some(git_dir), &remote.url, remote.token.as_ref())?;
    command
        .args(["push", "--porcelain", "--no-verify", "--no-follow-tags"])
        .arg(format!("--force-with-lease={}:{lease}", branch.full_ref()))
        .arg("--")
        .arg(&remote.url)
        .arg(format!("{}:{}", last.commit, branch.full_ref()));
    let output = run(command, "git push", Bounds { scope, timeout }).await?;
    match parse_push(&String::from_utf8_lossy(&output.stdout), branch) {
        Pushed::Done if output.status.success() => Ok(last.commit.clone()),
        Pushed::Refused(why) if why.contains("stale info") => Err(moved(branch, "it changed just now")),
        Pushed::Refused(why) => {
            // The server's own words about a refusal by rule stand on stderr.
            let message = server_message(&String::from_utf8_lossy(&output.stderr));
            let why = if message.is_empty() { why } else { format!("{why}: {message}") };
            Err(GitError::Rejected { branch: branch.clone(), why })
        }
        Pushed::Done | Pushed::Unknown => {
            Err(GitError::Command { command: "git push".to_owned(), why: last_error_line(&output) })
        }
    }
}

fn moved(branch: &BranchName, current: &str) -> GitError {
    let why = if current.is_empty() { "it is gone".to_owned() } else { format!("it stands at {current}") };
    GitError::Moved { branch: branch.clone(), why }
}

#[derive(Debug, PartialEq, Eq)]
enum Pushed {
    Done,
    Refused(String),
    Unknown,
}

/// Reads `<flag>\t<from>:<to>\t<summary> (<reason>)`.
fn parse_push(porcelain: &str, branch: &BranchName) -> Pushed {
    for line in porcelain.lines() {
        let mut fields = line.splitn(3, '\t');
        let (Some(flag), Some(refs), Some(summary)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        if !refs.ends_with(&format!(":{}", branch.full_ref())) {
            continue;
        }
        return match flag {
            " " | "+" | "*" | "=" => Pushed::Done,
            _ => {
                let reason =
                    summary.split_once('(').map_or(summary, |(_, r)| r.trim_end().trim_end_matches(')'));
                Pushed::Refused(reason.to_owned())
            }
        };
    }
    Pushed::Unknown
}

fn server_message(stderr: &str) -> String {
    let lines: Vec<&str> = stderr
        .lines()
        .filter_map(|l| l.strip_prefix("remote:"))
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    lines.join(" ").chars().take(400).collect()
}

/// Fetches one commit, without its history, into the private clone.
pub async fn fetch(
    git_dir: &Path,
    remote: &Remote,
    commit: &CommitSha,
    scope: &Scope,
    timeout: Duration,
) -> Result<(), GitError> {
    check_url(&remote.url)?;
    let mut command = create_command(Some(git_dir), &remote.url, remote.token.as_ref())?;
    command
        .args(["fetch", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"])
        .args(["--no-auto-maintenance", "--"])
        .arg(&remote.url)
        .arg(commit.as_str());
    let output = run(command, "git fetch", Bounds { scope, timeout }).await?;
    if output.status.success() {
        Ok(())
    } else {
        Err(GitError::Command { command: "git fetch".to_owned(), why: last_error_line(&output) })
    }
}

/// Clones a remote without a worktree to `target`, as the source of a workspace.
pub async fn clone(remote: &Remote, target: &Path, scope: &Scope, timeout: Duration) -> Result<(), GitError> {
    check_url(&remote.url)?;
    let mut command = create_command(None, &remote.url, remote.token.as_ref())?;
    command
        .args(["clone", "--bare", "--no-tags", "--template=", "--no-recurse-submodules", "--"])
        .arg(&remote.url)
        .arg(target);
    let output = run(command, "git clone", Bounds { scope, timeout }).await?;
    if output.status.success() {
        Ok(())
    } else {
        Err(GitError::Command { command: "git clone".to_owned(), why: last_error_line(&output) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn porcelain() {
        let branch = BranchName::new("heal/x").unwrap();
        let done = "To https://h/o/r\n*\tabc:refs/heads/heal/x\t[new branch]\nDone\n";
        assert_eq!(parse_push(done, &branch), Pushed::Done);
        let stale = "To /r\n!\tabc:refs/heads/heal/x\t[rejected] (stale info)\nDone\n";
        assert_eq!(parse_push(stale, &branch), Pushed::Refused("stale info".to_owned()));
        let rule = "!\tabc:refs/heads/heal/x\t[remote rejected] (pre-receive hook declined)\n";
        assert_eq!(parse_push(rule, &branch), Pushed::Refused("pre-receive hook declined".to_owned()));
        assert_eq!(parse_push("", &branch), Pushed::Unknown);
        assert_eq!(parse_push("*\tabc:refs/heads/other\t[new branch]\n", &branch), Pushed::Unknown);
    }

    #[test]
    fn heads_of_a_remote() {
        let id = "b".repeat(40);
        let text = format!("ref: refs/heads/main\tHEAD\n{id}\tHEAD\n{id}\trefs/heads/heal/x\n");
        let heads = parse_heads(&text, &BranchName::new("heal/x").unwrap());
        assert_eq!(heads.default_branch, Some(BranchName::new("main").unwrap()));
        assert_eq!(heads.branch.unwrap().as_str(), id);
    }
}
