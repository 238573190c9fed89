//! The counter-proof: beside a proof, which shows that the failing step says yes, one run of the same step over a copy with
//! failures planted into it, which shows that it can still say no.

use serde::{Deserialize, Serialize};

use super::bug::TestRun;
use super::fix::FileChange;
use super::git::RepoPath;

/// One thing that is planted, and what the run has to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    pub kind: ControlKind,
    pub path: RepoPath,
    /// In the test's name, and nowhere else in the repository; `None`: only the exit code tells.
    pub mark: Option<String>,
    /// What its message holds, where the runner shows one; it stands in no file, and comes out only by running.
    pub value: Option<String>,
    /// Where it is not reported as a failure although it ran, the judge cannot say no.
    pub decides: bool,
}

/// What kind of control it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlKind {
    /// A test that must fail, in the failing test's file and suite.
    MustFail,
    /// The failing test under another name, with its decisive assertion turned round; must fail.
    Inverted,
    /// The failing test under another name; must pass.
    Renamed,
    /// The failing test with another input and what follows for it from the test's own cases; must pass.
    Variant,
    /// What the fix changed in the source is as it was, all else as the fix leaves it; must be red.
    FaultPutBack,
    /// The same diagnostic once more at another place of the same file; must be red.
    FreshInstance,
}

impl ControlKind {
    /// Whether the run has to be red because of it.
    #[must_use]
    pub fn must_fail(self) -> bool {
        !matches!(self, Self::Renamed | Self::Variant)
    }
}

/// The controls of one step, as they are laid over the code that was proven.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Planted {
    pub controls: Vec<Control>,
    /// `before` as the proof ran it.
    pub changes: Vec<FileChange>,
    /// Why the step may not come to run them, as the plan shows.
    pub may_be_left_out: Option<String>,
    /// The runner comes to every test of a file whatever fails before.
    pub goes_on: bool,
    /// Where the fix newly keeps something from one call to the next.
    pub keeps_state: Option<String>,
    /// Where the fix newly holds its input against a constant, or answers with one.
    pub special_case: Option<String>,
    /// What ran in the proof, where that is known.
    pub ran_before: Vec<TestRun>,
}

/// What the planted failures showed of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum CounterProof {
    /// All that ran of the planted failures were reported.
    Caught { caught: u32, of: u32 },
    /// A planted failure ran and was not reported: the green of the proof says nothing.
    JudgeDisarmed { why: String },
    /// The fix answers what the failing test asks, once and as it asks it, and nothing else.
    Overfitted { why: String },
    /// Nothing is shown either way.
    None { why: String },
}

impl CounterProof {
    #[must_use]
    pub fn none(why: impl Into<String>) -> Self {
        Self::None { why: why.into() }
    }

    #[must_use]
    pub fn is_caught(&self) -> bool {
        matches!(self, Self::Caught { .. })
    }
}

/// The counter-proof of one step that was healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCounterProof {
    /// Index into the plan's steps.
    pub step: usize,
    #[serde(flatten)]
    pub proof: CounterProof,
}

/// The same with what people are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldCounterProof {
    /// `Counter-proof: 3 of 3 planted failures were caught`
    pub text: String,
    #[serde(flatten)]
    pub shown: StepCounterProof,
}
