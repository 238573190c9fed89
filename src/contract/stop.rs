//! Why a run, or a part of it, had to stop; what enforces it is `crate::scope`.

use std::fmt;

/// Why something had to stop. In order: a later reason takes the place of an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StopReason {
    /// This part's own limit is over; the run goes on.
    Limit,
    /// The run's `time-budget` is spent.
    TimeBudget,
    /// SIGINT.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl StopReason {
    /// Somebody told us to stop, as against time that ran out.
    #[must_use]
    pub fn is_signal(self) -> bool {
        self >= Self::Interrupted
    }
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limit => "its time is over",
            Self::TimeBudget => "the time budget is spent",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        })
    }
}

/// A wait that its scope ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{during} was stopped: {reason}")]
pub struct Stopped {
    pub reason: StopReason,
    /// What was going on: `asking for a fix`.
    pub during: &'static str,
}
