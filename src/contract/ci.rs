//! What became of a published heal on GitHub.

use serde::{Deserialize, Serialize};

use super::git::{BranchName, CommitSha, RepoSlug};

/// A workflow run as people name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAddress {
    /// `https://github.com`; `None` where only the number is given, as is `repository`.
    pub server: Option<String>,
    pub repository: Option<RepoSlug>,
    pub id: u64,
}

impl RunAddress {
    /// Reads `https://github.com/owner/name/actions/runs/123`, whatever follows, or the number alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse().ok().filter(|id| *id > 0);
        if let Some(id) = number(text) {
            return Some(Self { server: None, repository: None, id });
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
        let scheme = &text[..text.len() - rest.len()];
        let path = rest.split(['?', '#']).next()?;
        let [host, owner, name, "actions", "runs", id, ..] = path.split('/').collect::<Vec<_>>()[..] else {
            return None;
        };
        let is_host = !host.is_empty()
            && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':'));
        let repository = RepoSlug::new(&format!("{owner}/{name}")).ok().filter(|_| is_host)?;
        Some(Self { server: Some(format!("{scheme}{host}")), repository: Some(repository), id: number(id)? })
    }
}

/// How a run, a job or a step ended, in GitHub's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Conclusion {
    Success,
    Failure,
    Cancelled,
    TimedOut,
    StartupFailure,
    ActionRequired,
    Neutral,
    Skipped,
    Stale,
    /// A word that GitHub did not use when this was written.
    Other(String),
}

impl Conclusion {
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::StartupFailure => "startup_failure",
            Self::ActionRequired => "action_required",
            Self::Neutral => "neutral",
            Self::Skipped => "skipped",
            Self::Stale => "stale",
            Self::Other(word) => word,
        }
    }

    /// It is green as far as it goes: it passed, or there was nothing for it to do.
    #[must_use]
    pub fn is_green(&self) -> bool {
        matches!(self, Self::Success | Self::Skipped | Self::Neutral)
    }

    /// It is red: it failed, ran out of time, or could not start.
    #[must_use]
    pub fn is_failure(&self) -> bool {
        matches!(self, Self::Failure | Self::TimedOut | Self::StartupFailure)
    }
}

impl From<String> for Conclusion {
    fn from(word: String) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "success" => Self::Success,
            "failure" => Self::Failure,
            "cancelled" => Self::Cancelled,
            "timed_out" => Self::TimedOut,
            "startup_failure" => Self::StartupFailure,
            "action_required" => Self::ActionRequired,
            "neutral" => Self::Neutral,
            "skipped" => Self::Skipped,
            "stale" => Self::Stale,
            _ => Self::Other(word),
        }
    }
}

impl From<Conclusion> for String {
    fn from(conclusion: Conclusion) -> Self {
        conclusion.as_str().to_owned()
    }
}

/// A job of CI that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedJob {
    /// As GitHub shows it.
    pub name: String,
    pub conclusion: Conclusion,
}

/// Where the healing step is in its run, as the workflow file says. What is not known cannot be taken for green.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnPlace {
    /// The name that GitHub shows for the step.
    pub step: Option<String>,
    /// The jobs that come before its own, by their names without what tells the jobs of a matrix apart; empty where there
    /// are none.
    pub needs: Option<Vec<String>>,
}

/// The last run of the failed run's workflow that was green.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastGreenRun {
    pub run_id: u64,
    pub attempt: u64,
    #[serde(rename = "sha")]
    pub commit: CommitSha,
    /// Of the failed run; for a pull request the one that it wants to be merged into.
    pub branch: BranchName,
    pub url: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

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
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
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
    /// The branch is the failing one itself, as `branch` or the policy asked for.
    #[serde(default)]
    pub in_place: bool,
    /// The heal stands as suggestions in a review.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested: Option<Suggested>,
}

/// Suggestions in a review of the failing pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggested {
    /// The pull request's number.
    pub pull_request: u64,
    pub count: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    pub number: u64,
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conclusions_are_written_as_they_were_read() {
        for word in [
            "success",
            "failure",
            "cancelled",
            "timed_out",
            "startup_failure",
            "action_required",
            "neutral",
            "skipped",
            "stale",
            "brand_new",
        ] {
            let read: Conclusion = serde_json::from_value(word.into()).unwrap();
            assert_eq!(matches!(read, Conclusion::Other(_)), word == "brand_new", "{word}");
            assert_eq!(serde_json::to_value(&read).unwrap(), word);
            assert_eq!(read.is_failure(), ["failure", "timed_out", "startup_failure"].contains(&word));
        }
    }
}
