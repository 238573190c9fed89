//! What a green step's verdict is held against: a verdict is not one number.

use serde::{Deserialize, Serialize};

/// A step ended with exit code 0, and another source says that it failed: it is red.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// Index into the plan's steps.
    pub step: usize,
    #[serde(flatten)]
    pub source: DisagreeingSource,
}

/// What says that a step with exit code 0 failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
pub enum DisagreeingSource {
    /// The runner's own final summary.
    Summary { runner: String, failed: u64 },
    /// The runner's machine-readable report: a file that the step wrote, or the answer to a probe.
    Report { runner: String, failed: u64 },
    /// The runner ended before it wrote the report that it was asked for.
    NoReport { runner: String },
    /// Fewer tests than before, or other ones.
    Tests { why: String },
    /// A failure that was to be healed is reported again.
    SameFailure { tool: String, what: String },
    /// A failure in the changed lines is reported.
    ChangedLines { tool: String, what: String },
}
