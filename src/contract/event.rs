//! What happens during a run: facts, told in order. The report is a projection of them, and they are written down as
//! `events.jsonl` (`ci-healer/events/1`): one JSON object per line, with the time beside it.
//!
//! Logs are told by size and hash, changes as diffs. What is written is a report and never an input to a decision.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bug::{BugReport, Fingerprint, TestRun};
use super::build::{BuildPlan, ExecutionResult, seconds};
use super::changes::{ChangedFunctions, ChangedSinceGreen};
use super::ci::{CiResult, LastGreenRun, Published, PullRequest, Suggested};
use super::control::StepCounterProof;
use super::drift::DriftReport;
use super::executed::TracedRun;
use super::fix::{FixProposal, Rejection, RevertedHunk, Usage};
use super::git::CommitSha;
use super::outcome::Outcome;
use super::report::{BudgetReport, CommitReport, FailedRun, ModelServers, Progress, ReportFiles, Timings};

/// The value of `schema` in the first line of `events.jsonl`.
pub const EVENTS_SCHEMA: &str = "ci-healer/events/1";

/// Told in order; the report layer alone turns them into text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first one.
    RunStarted {
        /// [`EVENTS_SCHEMA`]
        schema: String,
        version: String,
        /// `heal`, `diagnose`, `patch`, `publish`
        mode: String,
        budget: BudgetReport,
    },
    /// `owner/name`, else the path or address that was given; and what of it failed.
    RepositoryKnown {
        repository: String,
        #[serde(rename = "ref")]
        reference: Option<String>,
    },
    /// The workflow run that failed, where there is one.
    FailedRunKnown {
        run: Box<FailedRun>,
    },
    /// Nothing failed in the run: GitHub says so of these jobs, and nothing is cloned or run.
    GreenInCi {
        sha: Option<CommitSha>,
        jobs: Vec<String>,
    },
    /// The last green run of the same workflow and branch; for a pull request, of the branch it wants to be merged into.
    LastGreenKnown {
        run: Box<LastGreenRun>,
    },
    /// What changed in the code since then.
    ChangedSinceGreen {
        changes: Box<ChangedSinceGreen>,
    },
    /// Which model servers may be asked for a fix.
    ModelServersKnown {
        servers: ModelServers,
    },
    /// The private clone is made, at the commit that failed.
    CheckedOut {
        sha: CommitSha,
    },
    Planned {
        plan: Box<BuildPlan>,
    },
    /// Something that takes more than a moment has begun: pulling an image, copying files, waiting for CI. Live only.
    Progress {
        what: String,
    },
    StepStarted {
        index: usize,
        name: String,
        /// Live only: the plan has it.
        #[serde(skip)]
        script: String,
    },
    /// Output of the step that runs: whole lines, in the order of their ends. Live only.
    #[serde(skip)]
    Output {
        stream: Stream,
        bytes: Vec<u8>,
    },
    StepEnded {
        index: usize,
        exit_code: Option<i64>,
        #[serde(with = "seconds")]
        duration: Duration,
    },
    /// A run of the plan, and what its log says.
    Executed {
        purpose: Purpose,
        /// Index of the failed job of the matrix whose plan was run.
        job: usize,
        result: Box<ExecutionResult>,
        log: LogFacts,
        bugs: Vec<BugReport>,
        tests: Vec<TestRun>,
    },
    /// What the failing tests of the last run executed.
    Traced {
        /// Index of the failed job of the matrix whose plan was run.
        job: usize,
        ran: Box<TracedRun>,
    },
    /// How much of what changed since CI was green the failing tests executed.
    ChangedReached {
        functions: ChangedFunctions,
    },
    /// What the log of CI on the heal branch says.
    CiDiagnosed {
        log: LogFacts,
        bugs: Vec<BugReport>,
        tests: Vec<TestRun>,
    },
    /// A turn of the loop begins: this is wrong now.
    IterationStarted {
        number: u32,
        bugs: Vec<BugReport>,
    },
    Proposed {
        proposal: Box<Offer>,
    },
    /// Turned down before it ran; `diff` is empty where the edits did not apply.
    Rejected {
        proposal: Box<Offer>,
        diff: String,
        reason: Rejection,
    },
    /// More of the repository is needed: a model asks for it, or its edits lie where nothing was shown. Not an attempt.
    NeedsContext {
        proposal: Box<Offer>,
        /// Empty where it has no edits.
        diff: String,
        /// In words: `src/cart.py lines 3-12`.
        needs: Vec<String>,
    },
    Applied {
        proposal: Box<Offer>,
        diff: String,
    },
    Reverted {
        #[serde(rename = "reason")]
        why: String,
        progress: Option<Progress>,
    },
    Kept {
        improved: String,
        progress: Option<Progress>,
    },
    /// The last `count` fixes that were kept are taken back: they are not proven.
    KeptReverted {
        count: usize,
        #[serde(rename = "reason")]
        why: String,
        /// The same as data, where there is a kind for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejection: Option<Rejection>,
    },
    /// What failures planted beside the proof of a step showed.
    CounterProven {
        /// Index of the failed job of the matrix whose plan was run.
        job: usize,
        #[serde(flatten)]
        counter_proof: StepCounterProof,
    },
    /// Which release broke an untouched repository.
    DriftSought {
        drift: Box<DriftReport>,
    },
    /// The run does not end green; these failures are fixed, each proven for itself, and these are left.
    PartiallyProven {
        fixed: Vec<Fingerprint>,
        left: Vec<Fingerprint>,
        /// Of those that are left: the code of the last green run fails so, too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        old: Vec<Fingerprint>,
    },
    /// The code is looked at anew since the last proof, which says nothing any more.
    ProofExpired,
    ProviderSwitched {
        from: String,
        to: Option<String>,
        cause: String,
    },
    /// What is spent so far.
    BudgetChanged {
        budget: Box<BudgetReport>,
    },
    /// The change that goes out: all that is kept.
    PublishStarted {
        diff: String,
        /// The proof of it has held.
        proven: bool,
    },
    /// The branch stands at the heal, whatever comes of its pull request.
    BranchMoved {
        commits: Vec<CommitReport>,
        published: Box<Published>,
    },
    Published {
        published: Box<Published>,
    },
    /// A pull request offers the heal.
    PullRequestOpened {
        pull_request: PullRequest,
    },
    /// A review of the failing pull request suggests the heal.
    Suggested {
        suggested: Suggested,
    },
    Watched {
        result: Box<CiResult>,
    },
    Warning {
        what: String,
    },
    /// The loop has come to its end; what is left is to tell it and to clear up.
    VerdictReached {
        #[serde(flatten)]
        outcome: Outcome,
        /// Everything that is kept, as one unified diff.
        diff: String,
    },
    /// The last one: everything that was made is removed, and this is how it ended.
    RunFinished {
        #[serde(flatten)]
        outcome: Outcome,
        timings: Timings,
        budget: Box<BudgetReport>,
        files: Option<ReportFiles>,
    },
    /// Of a later version; nothing is known of it here.
    #[serde(other)]
    Unknown,
}

impl Event {
    /// Whether it is written down; the others are of the moment.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        !matches!(self, Self::Progress { .. } | Self::Output { .. } | Self::Unknown)
    }
}

/// An event and when it happened: one line of `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// Milliseconds since 1970.
    pub at: u64,
    /// Since the run began.
    #[serde(with = "seconds")]
    pub elapsed: Duration,
    #[serde(flatten)]
    pub event: Event,
}

/// A proposal without its edits: who offers what for which failures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    pub provider: String,
    pub model: Option<String>,
    pub bugs: Vec<Fingerprint>,
    pub context_level: u8,
    pub confidence: f64,
    /// The provider's one line.
    pub fix: String,
    pub command: Option<String>,
    /// What it takes back, where it is a revert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<Box<RevertedHunk>>,
    pub usage: Usage,
}

impl From<&FixProposal> for Offer {
    fn from(proposal: &FixProposal) -> Self {
        Self {
            provider: proposal.provider.clone(),
            model: proposal.model.clone(),
            bugs: proposal.bugs.clone(),
            context_level: proposal.context_level,
            confidence: proposal.confidence,
            fix: proposal.reason.clone(),
            command: proposal.command.clone(),
            reverts: proposal.reverts.clone(),
            usage: proposal.usage,
        }
    }
}

/// A log, told without its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFacts {
    /// As kept: without what was cut out of its middle.
    pub bytes: u64,
    pub lines: u64,
    /// Lower-case hex.
    pub sha256: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Why the plan was run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    Baseline,
    /// The unchanged code once more, to tell flaky from fixed.
    Repeat,
    Attempt,
    /// The whole plan from scratch.
    FinalProof,
    /// The whole plan from scratch, with every protected file as it was at the failing commit.
    ProtectedProof,
    /// What is proven once more, up to the step that failed: it may have passed by chance.
    RepeatedProof,
    /// The unchanged code with no step's failure ending the run: what steps that CI never reached say of it.
    Uncover,
    /// The code of the last green run, up to a step that CI never reached: what fails there as well is old.
    LastGreen,
    /// What is proven, from scratch up to a step that was healed, over a copy with failures planted into it: can the step
    /// still say no?
    CounterProof,
}

impl Purpose {
    /// Whether the code is as it was at the failing commit.
    #[must_use]
    pub fn is_of_unchanged_code(self) -> bool {
        matches!(self, Self::Baseline | Self::Repeat | Self::Uncover)
    }

    /// Whether a failing test of it may become what a model is asked about.
    #[must_use]
    pub fn is_worth_a_trace(self) -> bool {
        matches!(self, Self::Baseline | Self::Attempt) || self.is_proof()
    }

    /// Whether everything is run from scratch.
    #[must_use]
    pub fn is_proof(self) -> bool {
        matches!(self, Self::FinalProof | Self::ProtectedProof)
    }

    /// Whether nothing of an earlier execution is used.
    #[must_use]
    pub fn is_from_scratch(self) -> bool {
        self.is_proof() || self == Self::CounterProof
    }
}

/// Receives events; never blocks for long, never fails.
pub trait EventSink: Send + Sync {
    fn emit(&self, event: Event);
}
