//! What can go wrong with repositories, each with what to do about it.

use std::path::PathBuf;

use crate::contract::git::{BranchName, CommitSha, RepoPath};
use crate::error::ExpectedError;
use crate::scope::Stopped;

/// An expected failure of the git layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitError {
    #[error("{path} is no usable repository: {why}")]
    Source { path: PathBuf, why: String },
    #[error("{path} has no commits")]
    Empty { path: PathBuf },
    #[error("commit {commit} is not in the checkout")]
    CommitMissing { commit: CommitSha },
    #[error("{missing} files of commit {commit} are not in the checkout, {first} among them")]
    ObjectsMissing { commit: CommitSha, missing: usize, first: String },
    #[error("cannot {what}: {why}")]
    Io { what: String, why: String },
    #[error("cannot {what} in the private clone: {why}")]
    Repository { what: String, why: String },
    #[error("{path} does not hold what the change was made for: {why}")]
    DoesNotApply { path: RepoPath, why: String },
    #[error("{path} may not be changed by a heal: {why}")]
    Protected { path: RepoPath, why: &'static str },
    #[error("the change leaves every file as it was")]
    NoChange,
    #[error("git cannot be started: {why}")]
    NoGit { why: String },
    #[error("{command} took longer than {seconds} s")]
    TimedOut { command: String, seconds: u64 },
    #[error("{command} failed: {why}")]
    Command { command: String, why: String },
    #[error("{branch} is the default branch, which is never pushed to")]
    DefaultBranch { branch: BranchName },
    #[error("{branch} was moved by someone else ({why})")]
    Moved { branch: BranchName, why: String },
    #[error("the server refused {branch}: {why}")]
    Rejected { branch: BranchName, why: String },
    #[error("remote {url:?} is not {allowed}")]
    BadRemote { url: String, allowed: &'static str },
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl GitError {
    /// What to change, where there is something to change.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Source { .. } => "run actions/checkout before this step, or give --repo a git repository",
            Self::Empty { .. } => "run actions/checkout before this step, or commit something first",
            Self::CommitMissing { .. } => {
                "check out the failing commit: actions/checkout with `ref:`, after `workflow_run` with `ref: ${{ github.event.workflow_run.head_sha }}`"
            }
            Self::ObjectsMissing { .. } => {
                "check out without `filter:` and without borrowing objects from another repository"
            }
            Self::Protected { .. } => "change it by hand",
            Self::NoGit { .. } => "install git, or publish with commit-mode: api",
            Self::DefaultBranch { .. } => "choose another `branch` template",
            Self::Moved { .. } => "run the heal again on the new head",
            Self::Rejected { why, .. } if why.contains("workflow") => {
                "the token needs the right to change workflow files"
            }
            Self::Rejected { .. } => {
                "give the job `permissions: contents: write`, or a push-token with that right"
            }
            Self::DoesNotApply { .. } => {
                "the branch moved on since the failing run: run the heal again on its head"
            }
            Self::Io { .. }
            | Self::Repository { .. }
            | Self::NoChange
            | Self::TimedOut { .. }
            | Self::Command { .. }
            | Self::BadRemote { .. }
            | Self::Stopped(_) => return None,
        })
    }

    pub(super) fn io(what: impl Into<String>, why: &std::io::Error) -> Self {
        Self::Io { what: what.into(), why: why.to_string() }
    }

    pub(super) fn repository(what: impl Into<String>, why: &dyn std::fmt::Display) -> Self {
        Self::Repository { what: what.into(), why: format!("{why:#}") }
    }
}

impl From<GitError> for ExpectedError {
    fn from(error: GitError) -> Self {
        let hint = error.hint();
        let expected = Self::environment(error.to_string());
        match hint {
            Some(hint) => expected.hint(hint),
            None => expected,
        }
    }
}
