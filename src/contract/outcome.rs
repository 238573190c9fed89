//! How a run ends.

use serde::{Deserialize, Serialize};

/// Exactly one per run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Proven in the sandbox, and published unless told not to.
    Healed,
    AlreadyGreen,
    /// Failed `failed` times in `runs` runs of the unchanged code.
    Flaky {
        failed: u32,
        runs: u32,
    },
    /// CI is red and the sandbox is green.
    NotReproduced {
        runs: u32,
    },
    /// The failure is not the code's.
    Environment {
        why: String,
    },
    /// Every idea was tried.
    Exhausted {
        why: String,
    },
    BudgetSpent {
        which: BudgetKind,
    },
    /// Not ours to do.
    Refused {
        why: String,
        remedy: Option<String>,
    },
    Error {
        what: String,
    },
    /// `mode: diagnose`
    Diagnosed,
    /// `mode: patch`
    Patched,
    /// Some failures are fixed, each proven for itself; others are still red, and this is why.
    Partial {
        why: String,
    },
    /// A release of a dependency or a tool broke it, and this is which.
    Drift {
        why: String,
    },
    Cancelled,
}

/// In the note of a run that failed for a tool which only hosted runners have.
pub const ONLY_HOSTED: &str = "which GitHub's hosted runners have";

/// In the note of a run whose image could not be had.
pub const STAND_IN: &str = "the multi-runtime image ran instead";

/// How an environment failure begins that is for secrets which nobody has passed on.
pub const MISSING_SECRET: &str = "not passed on: ";

impl Outcome {
    /// As in the `outcome` output.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Healed => "healed",
            Self::AlreadyGreen => "already_green",
            Self::Flaky { .. } => "flaky",
            Self::NotReproduced { .. } => "not_reproduced",
            Self::Environment { .. } => "environment",
            Self::Exhausted { .. } => "exhausted",
            Self::BudgetSpent { .. } => "budget_spent",
            Self::Refused { .. } => "refused",
            Self::Error { .. } => "error",
            Self::Diagnosed => "diagnosed",
            Self::Patched => "patched",
            Self::Partial { .. } => "partial",
            Self::Drift { .. } => "drift",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Outcome {
    /// What it says beyond its name; the name where that is all.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Environment { why }
            | Self::Exhausted { why }
            | Self::Partial { why }
            | Self::Drift { why }
            | Self::Refused { why, .. } => why.clone(),
            Self::Error { what } => what.clone(),
            Self::BudgetSpent { which } => format!("the budget of {} is spent", which.as_str()),
            Self::Flaky { failed, runs } => {
                format!("a job failed {failed} times in {runs} runs of the unchanged code")
            }
            other => other.as_str().to_owned(),
        }
    }
}

impl BudgetKind {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Time => "time",
            Self::Tokens => "tokens",
            Self::Cost => "cost",
            Self::Pushes => "pushes",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    Attempts,
    Time,
    Tokens,
    Cost,
    Pushes,
}
