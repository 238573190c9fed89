//! What GitHub may answer instead of what was asked for.

use std::time::Duration;

use crate::error::ExpectedError;
use crate::scope::Stopped;

/// A failed call. Messages carry GitHub's own words where it has some.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    #[error("GitHub does not accept the token ({call})")]
    Unauthorized { call: String },
    #[error("GitHub forbids {call}: {message}")]
    Forbidden {
        call: String,
        message: String,
        /// Which rights would do, where GitHub says so.
        accepted: Option<String>,
    },
    #[error("GitHub finds nothing at {call}")]
    NotFound { call: String },
    #[error("GitHub refuses {call}: {message}")]
    Invalid { call: String, status: u16, message: String },
    #[error("GitHub's rate limit is reached ({call}); it opens again in {} s", wait.as_secs())]
    RateLimited { call: String, wait: Duration },
    #[error("GitHub answers {call} with status {status}")]
    Server { call: String, status: u16 },
    #[error("GitHub cannot be reached ({call}): {why}")]
    Transport { call: String, why: String },
    #[error("GitHub's answer to {call} cannot be read: {why}")]
    Unreadable { call: String, why: String },
    #[error("{branch} is the default branch, which is never written to")]
    DefaultBranch { branch: String },
    #[error("{branch} was moved by someone else ({why})")]
    Moved { branch: String, why: String },
    #[error("what GitHub made of the change is not what was proven: {why}")]
    OtherTree { why: String },
    #[error("branch template {template:?}: {why}")]
    Template { template: String, why: String },
    /// Never retried, and no failure of GitHub's.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl ApiError {
    /// What to change, where there is something to change.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unauthorized { .. } => {
                Some("give a valid token in github-token or push-token; a job's own token dies with the job".into())
            }
            Self::Forbidden { accepted: Some(rights), .. } => {
                Some(format!("give the token one of these permissions: {rights}"))
            }
            Self::Forbidden { message, .. } if message.contains("create or approve pull requests") => Some(
                "allow it: repository settings, Actions, General, \"Allow GitHub Actions to create and approve pull requests\""
                    .into(),
            ),
            Self::Forbidden { .. } => Some("add the right to the job's `permissions:`".into()),
            Self::NotFound { .. } => {
                Some("where the repository is private, the token may lack the right to read it".into())
            }
            Self::RateLimited { .. } => Some("run again later, or give a push-token with a limit of its own".into()),
            Self::Transport { .. } => Some("look at the runner's network, proxy and ca-bundle".into()),
            Self::DefaultBranch { .. } | Self::Template { .. } => Some("choose another `branch` template".into()),
            Self::Moved { .. } => Some("run the heal again on the new head".into()),
            Self::Invalid { .. } | Self::Server { .. } | Self::Unreadable { .. } | Self::OtherTree { .. } | Self::Stopped(_) => {
                None
            }
        }
    }
}

impl From<ApiError> for ExpectedError {
    fn from(error: ApiError) -> Self {
        let hint = error.hint();
        let expected = Self::environment(error.to_string());
        match hint {
            Some(hint) => expected.hint(hint),
            None => expected,
        }
    }
}
