//! What became of a published heal on GitHub.

use serde::{Deserialize, Serialize};

use super::git::{BranchName, CommitSha};

/// The verdict of CI on the heal branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum CiVerdict {
    Passed,
    Failed,
    /// No run started; why, and what to change so that one does.
    NoCi {
        why: String,
        remedy: Option<String>,
    },
    AwaitingApproval,
    TimedOut,
    Cancelled,
    /// Not asked for (`wait-for-ci: false`) or nothing was published.
    Skipped {
        why: String,
    },
}

impl CiVerdict {
    /// As in the `ci-verdict` output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::NoCi { .. } => "no_ci",
            Self::AwaitingApproval => "awaiting_approval",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Skipped { .. } => "skipped",
        }
    }
}

/// One workflow run of the heal commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunReference {
    pub id: u64,
    pub attempt: u64,
    pub workflow: String,
    pub url: String,
    /// As GitHub says: `success`, `failure`, …; `None` while it runs.
    pub conclusion: Option<String>,
}

/// What watching CI gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CiResult {
    #[serde(flatten)]
    pub verdict: CiVerdict,
    /// The run the verdict is about.
    pub run: Option<RunReference>,
    /// Other workflows' runs of the same commit.
    pub others: Vec<RunReference>,
    /// Requests made to the API.
    pub requests: u64,
}

/// What publishing gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    pub branch: BranchName,
    pub commit: CommitSha,
    /// `api` or `git`
    pub mode: String,
    pub pull_request: Option<PullRequest>,
    /// The Web address of the branch, where there is one.
    pub url: Option<String>,
    /// Where the failing branch stands now, if it is not where it failed: the proof is of the older commit.
    pub base_moved_to: Option<CommitSha>,
    /// The branch is the failing one itself, as `branch` asked for.
    #[serde(default)]
    pub in_place: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    pub number: u64,
    pub url: String,
}
