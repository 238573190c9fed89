//! What happens during a run, told by the layers to the report.

use std::time::Duration;

use super::bug::{BugReport, TestRun};
use super::build::{BuildPlan, ExecutionResult};
use super::ci::{CiResult, Published};
use super::fix::{FileChange, FixProposal, Rejection};

/// Told in order; the report layer alone turns them into text.
#[derive(Debug, Clone)]
pub enum Event {
    /// Something that takes more than a moment has begun: pulling an image, copying files, waiting for CI.
    Progress {
        what: String,
    },
    Planned {
        plan: Box<BuildPlan>,
    },
    StepStarted {
        index: usize,
        name: String,
        script: String,
    },
    /// Output of the step that runs, in the order it came.
    Output {
        stream: Stream,
        bytes: Vec<u8>,
    },
    StepEnded {
        index: usize,
        exit_code: Option<i64>,
        duration: Duration,
    },
    Executed {
        purpose: Purpose,
        result: Box<ExecutionResult>,
    },
    Diagnosed {
        bugs: Vec<BugReport>,
        tests: Vec<TestRun>,
    },
    Proposed {
        proposal: Box<FixProposal>,
    },
    Rejected {
        proposal: Box<FixProposal>,
        reason: Rejection,
    },
    Applied {
        changes: Vec<FileChange>,
    },
    Reverted {
        why: String,
    },
    Kept {
        improved: String,
    },
    ProviderSwitched {
        from: String,
        to: Option<String>,
        cause: String,
    },
    Published {
        published: Box<Published>,
    },
    Watched {
        result: Box<CiResult>,
    },
    Warning {
        what: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Why the plan was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Baseline,
    /// The unchanged code once more, to tell flaky from fixed.
    Repeat,
    Attempt,
    /// The whole plan from scratch.
    FinalProof,
    /// With every protected file as it was at the failing commit.
    ProtectedProof,
}

/// Receives events; never blocks for long, never fails.
pub trait EventSink: Send + Sync {
    fn emit(&self, event: Event);
}
