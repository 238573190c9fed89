//! What a run knows, held in one place, and what can happen to it. [`transition`](super::transition) is the only code
//! that changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::budget::Budget;
use super::evidence::Evidence;
use super::progress::Touched;
use super::publisher::PushedRevision;
use crate::contract::bug::Fingerprint;
use crate::contract::event::{Event, Purpose};
use crate::contract::fix::{ClassifiedFile, FileChange, FixProposal, Rejection, Usage};
use crate::contract::outcome::{BudgetKind, Outcome};
use crate::contract::report::{BudgetReport, Progress as ProgressReport, Spent};
use crate::fixer::PastAttempt;
use crate::scope::StopReason;

/// What the user allows and asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Fix attempts over the whole run; also the most pushes.
    pub max_attempts: u32,
    pub flaky_runs: u32,
    /// In the order to try them.
    pub sources: Vec<FixSource>,
    pub goal: Goal,
    pub push_partial: bool,
    /// End so after the first run, without a fix.
    pub diagnose_only: Option<Outcome>,
    /// GitHub says that this commit failed; a green sandbox then means flaky or not reproduced.
    pub ci_known_red: bool,
    pub budget: Budget,
}

/// Where proposals come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FixSource {
    /// What the tools themselves suggest in the log; free.
    ToolSuggestions,
    /// A model server.
    Model,
}

/// How far the run goes once the sandbox is green.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// `mode: patch`
    Patch,
    /// Commits, but nothing leaves the machine.
    Commit,
    Publish {
        watch: bool,
    },
}

/// The truth about a run: everything that later decisions rest on, logs and proposals included.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    pub(super) rules: Rules,
    pub(super) phase: Phase,
    pub(super) attempts: u32,
    pub(super) pushes: u32,
    pub(super) budget: Budget,
    /// The unchanged code.
    pub(super) baseline: Option<Arc<Evidence>>,
    /// Base plus what is kept: what the next attempt has to improve on.
    pub(super) current: Option<Arc<Evidence>>,
    /// What to fix next, in order; rebuilt whenever `current` changes.
    pub(super) targets: Vec<Target>,
    /// The context level each failure has reached; it never falls.
    pub(super) levels: BTreeMap<Fingerprint, u8>,
    /// Sources that have nothing more to offer for `current`.
    pub(super) exhausted_sources: BTreeSet<FixSource>,
    /// Suggestions turned down for `current`.
    pub(super) suggestions_refused: u32,
    /// What was tried for `current` and did not stay; told to the next attempt.
    pub(super) history: Vec<PastAttempt>,
    /// Fixes that stay, in order; the first `published` of them are on the heal branch.
    pub(super) kept: Vec<KeptFix>,
    pub(super) published: usize,
    pub(super) revision: Option<PushedRevision>,
    /// Some kept fix changed a protected file.
    pub(super) touches_protected: bool,
    /// Some fixed failure was one of those that come and go by chance.
    pub(super) fixed_flaky_kind: bool,
    pub(super) infrastructure_failures: u32,
    /// CI failed on a published heal, and its log says what is left.
    pub(super) after_red_ci: bool,
    pub(super) last_provider_trouble: Option<String>,
    /// Turns of the loop begun so far, and whether the last one has not come to a run yet.
    pub(super) iterations: u32,
    pub(super) iteration_is_open: bool,
    /// Proofs run since the code last changed are told in the report.
    pub(super) has_told_proof: bool,
    /// A change could not be taken back: nothing of the clone may be handed out.
    pub(super) is_untrusted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    Start,
    /// The unchanged code is run; `red` of `runs` runs so far failed.
    Reproducing {
        runs: u32,
        red: u32,
    },
    Choosing {
        source: FixSource,
        target: usize,
    },
    Trying(Trial),
    /// The proposal on trial is taken back.
    Reverting {
        trial: Trial,
        why: String,
        progress: Option<ProgressReport>,
        /// What the run with it showed.
        seen: Option<Arc<Evidence>>,
        then: Then,
    },
    Proving {
        runs_left: u32,
        protected: bool,
    },
    /// What is kept and not published is taken back.
    RevertingKept {
        why: String,
        then: Then,
    },
    Publishing {
        then: Option<Outcome>,
    },
    Watching,
    Done,
}

/// How it goes on after something was taken back.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    /// The next idea.
    Choose,
    /// From the unchanged code again.
    StartOver,
    /// No further idea; improvements may still go out.
    FinishUnhealed(Outcome),
    Finish(Outcome),
}

/// A proposal on trial: who made it for which target, and what it changes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Trial {
    pub(super) source: FixSource,
    pub(super) target: usize,
    pub(super) offer: AppliedProposal,
}

/// A proposal that passed the gates and is applied to the clone.
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedProposal {
    pub proposal: FixProposal,
    pub changes: Vec<FileChange>,
    pub touched: Vec<Touched>,
    /// What each file's change is to the tests.
    pub classes: Vec<ClassifiedFile>,
    /// It changes a protected file, which the proof restores.
    pub protected: bool,
}

/// A fix that stays: one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFix {
    pub proposal: FixProposal,
    pub changes: Vec<FileChange>,
}

/// Failures that go into one request: those of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) bugs: Vec<Fingerprint>,
}

/// What happened: the answer to an [`Action`].
#[derive(Debug, Clone, PartialEq)]
pub enum LoopEvent {
    Begin,
    /// The run that was asked for has ended.
    Ran(Arc<Evidence>),
    /// A source of fixes has answered, at this cost.
    Answered {
        usage: Usage,
        answer: Answer,
    },
    /// What was to be taken back is.
    Reverted,
    /// It is not, which would be a bug of ours.
    RevertFailed {
        what: String,
    },
    Published(Box<PushedRevision>),
    /// Publishing was refused or failed; the outcome says how.
    PublishFailed {
        outcome: Outcome,
    },
    CiPassed,
    /// CI is red although the sandbox is green; what its log shows.
    CiFailed(Arc<Evidence>),
    /// There is no verdict of CI, and why is in the report.
    CiUnknown,
    /// The time budget is spent, or somebody told us to stop.
    Stopped(StopReason),
}

/// What a source of fixes says.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Passed the gates and applied, not yet proven.
    Applied(Box<AppliedProposal>),
    /// Turned down by a gate, or empty.
    Rejected {
        proposal: Box<FixProposal>,
        /// Its name, where it could be applied at all.
        patch: Option<String>,
        diff: String,
        reason: Rejection,
    },
    /// This source has no (further) idea.
    Nothing,
    /// No model server is left to ask.
    ProvidersGone { why: String },
    /// The next request would break this budget.
    BudgetSpent(BudgetKind),
}

/// What to do next; answered by exactly one [`LoopEvent`], but for `Finish`.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    Run(Purpose),
    /// `bugs` empty: all of them, as the toolchain's own suggestions do not conflict.
    Propose {
        source: FixSource,
        bugs: Vec<Fingerprint>,
        level: u8,
    },
    /// Take these changes back, the last one first.
    Revert {
        changes: Vec<Vec<FileChange>>,
    },
    Publish {
        partial: bool,
    },
    Watch,
    Finish(Outcome),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub state: State,
    /// What the report is to know of it, in order.
    pub facts: Vec<Event>,
    pub action: Action,
}

impl State {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            budget: rules.budget.clone(),
            rules,
            phase: Phase::Start,
            attempts: 0,
            pushes: 0,
            baseline: None,
            current: None,
            targets: Vec::new(),
            levels: BTreeMap::new(),
            exhausted_sources: BTreeSet::new(),
            suggestions_refused: 0,
            history: Vec::new(),
            kept: Vec::new(),
            published: 0,
            revision: None,
            touches_protected: false,
            fixed_flaky_kind: false,
            infrastructure_failures: 0,
            after_red_ci: false,
            last_provider_trouble: None,
            iterations: 0,
            iteration_is_open: false,
            has_told_proof: false,
            is_untrusted: false,
        }
    }

    /// Fix attempts made so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// What the next attempt has to improve on.
    #[must_use]
    pub fn current(&self) -> Option<&Evidence> {
        self.current.as_deref()
    }

    /// The unchanged code's run.
    #[must_use]
    pub fn baseline(&self) -> Option<&Evidence> {
        self.baseline.as_deref()
    }

    #[must_use]
    pub fn history(&self) -> &[PastAttempt] {
        &self.history
    }

    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What is kept and not on the heal branch yet.
    #[must_use]
    pub fn unpublished(&self) -> &[KeptFix] {
        &self.kept[self.published.min(self.kept.len())..]
    }

    /// What was published last.
    #[must_use]
    pub fn revision(&self) -> Option<&PushedRevision> {
        self.revision.as_ref()
    }

    /// Whether the clone holds what the run believes; if not, no patch of it is handed out.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        !self.is_untrusted
    }

    /// What was spent of what is counted here; time is the clock's.
    #[must_use]
    pub fn budget_report(&self, limits: &BudgetReport) -> BudgetReport {
        let mut report = limits.clone();
        report.attempts = Spent { spent: self.attempts, limit: Some(self.rules.max_attempts) };
        report.pushes = Spent { spent: self.pushes, limit: Some(self.rules.max_attempts) };
        self.budget.report(&mut report);
        report
    }
}
