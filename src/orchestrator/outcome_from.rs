//! How errors of the layers end a run: the one place that turns them into outcomes.

use crate::contract::outcome::{BudgetKind, Outcome};
use crate::error::{ErrorKind, ExpectedError};
use crate::executor::ExecutorError;
use crate::git::GitError;
use crate::github::ApiError;
use crate::plan::PlanError;
use crate::scope::{StopReason, Stopped};

pub(super) fn git_outcome(error: &GitError) -> Outcome {
    match error {
        GitError::Stopped(stopped) => stopped_outcome(*stopped),
        GitError::Source { .. } | GitError::Empty { .. } | GitError::CommitMissing { .. } => {
            Outcome::Refused { why: error.to_string(), remedy: error.hint().map(str::to_owned) }
        }
        _ => failed(error, error.hint()),
    }
}

pub(super) fn api_outcome(error: &ApiError) -> Outcome {
    match error {
        ApiError::Stopped(stopped) => stopped_outcome(*stopped),
        ApiError::Forbidden { .. } | ApiError::DefaultBranch { .. } | ApiError::Moved { .. } => {
            Outcome::Refused { why: error.to_string(), remedy: error.hint() }
        }
        _ => failed(error, error.hint()),
    }
}

pub(super) fn executor_outcome(error: &ExecutorError) -> Outcome {
    match error {
        ExecutorError::Stopped(stopped) => stopped_outcome(*stopped),
        _ => failed(error, error.hint()),
    }
}

pub(super) fn expected_outcome(error: &ExpectedError) -> Outcome {
    match error.kind {
        ErrorKind::Usage => Outcome::Refused { why: error.message.clone(), remedy: error.hint.clone() },
        ErrorKind::Environment => Outcome::Error { what: error.message.clone() },
    }
}

pub(super) fn plan_outcome(error: PlanError) -> Outcome {
    match error {
        PlanError::Refused { why, remedy } => Outcome::Refused { why, remedy },
        error => Outcome::Refused { why: error.to_string(), remedy: None },
    }
}

pub(super) fn stopped_outcome(stopped: Stopped) -> Outcome {
    match stopped.reason {
        StopReason::Interrupted | StopReason::Terminated => Outcome::Cancelled,
        StopReason::TimeBudget => Outcome::BudgetSpent { which: BudgetKind::Time },
        StopReason::Limit => Outcome::Error { what: stopped.to_string() },
    }
}

fn failed(error: &dyn std::fmt::Display, hint: Option<impl std::fmt::Display>) -> Outcome {
    Outcome::Error {
        what: match hint {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        },
    }
}
