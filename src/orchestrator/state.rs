//! What a run knows, held in one place, and what can happen to it. [`transition`](super::transition) is the only code
//! that changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::budget::Budget;
use super::by_chance::Repeats;
use super::evidence::Evidence;
use super::never_reached::old_at_last_green;
use super::progress::{Failure, Observation, Touched};
use super::publisher::PushedRevision;
use super::step_said::StepSaid;
use crate::contract::bug::{BugReport, Category, Fingerprint};
use crate::contract::build::ReportVariable;
use crate::contract::control::CounterProof;
use crate::contract::event::{Event, Purpose};
use crate::contract::fix::{ClassifiedFile, ContextNeed, FileChange, FixProposal, Rejection, Usage};
use crate::contract::git::CommitSha;
use crate::contract::outcome::{BudgetKind, Outcome};
use crate::contract::report::{BudgetReport, Progress as ProgressReport, Spent};
use crate::contract::settings::{CounterProofRule, OnPartial};
use crate::fixer::PastAttempt;
use crate::scope::StopReason;

/// What the user allows and asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How many failed jobs there are to heal, each with a plan of its own; at least one.
    pub legs: usize,
    /// Nobody named the jobs: the first red one is healed, and what cannot be judged before it is passed over.
    pub only_first_red: bool,
    /// Fix attempts over the whole run that do not stay; also the most pushes.
    pub max_attempts: u32,
    pub flaky_runs: u32,
    /// In the order to try them.
    pub sources: Vec<FixSource>,
    pub goal: Goal,
    pub on_partial: OnPartial,
    pub counter_proof: CounterProofRule,
    /// Kinds of failures that no fix is asked for.
    pub only_diagnosed: BTreeSet<Category>,
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
    /// The pin that holds back the release which broke it, where manifests may be edited for that.
    Pin,
    /// The revert of one change since CI was green; always the last.
    History,
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
    /// Attempts made, and how many of them gave theirs back because the fix stayed.
    pub(super) attempts: u32,
    pub(super) given_back: u32,
    pub(super) pushes: u32,
    pub(super) budget: Budget,
    /// The failed jobs, in the order of their plans; `leg` is the one that is being healed.
    pub(super) legs: Vec<Leg>,
    pub(super) leg: usize,
    /// The leg with what is kept: what the next attempt has to improve on.
    pub(super) current: Option<Arc<Evidence>>,
    /// What to fix next, in order; rebuilt whenever `current` changes.
    pub(super) targets: Vec<Target>,
    /// The context level each failure has reached; it never falls.
    pub(super) levels: BTreeMap<Fingerprint, u8>,
    /// What each failure's fixes turned out to need shown, and how often that was granted.
    pub(super) needs: BTreeMap<Fingerprint, Needed>,
    /// Sources that have nothing more to offer for `current`.
    pub(super) exhausted_sources: BTreeSet<FixSource>,
    /// Suggestions turned down for `current`.
    pub(super) suggestions_refused: u32,
    /// What was tried for `current` and did not stay; told to the next attempt.
    pub(super) history: Vec<PastAttempt>,
    /// How often a fix of a failure was refused for a rule that no context changes; such failures come last.
    pub(super) permission_missing: BTreeMap<Fingerprint, u8>,
    /// The last such rule, in words.
    pub(super) missing_permission: Option<String>,
    /// Fixes that stay, in order; the first `published` of them are on the heal branch.
    pub(super) kept: Vec<KeptFix>,
    pub(super) published: usize,
    pub(super) revision: Option<PushedRevision>,
    pub(super) infrastructure_failures: u32,
    /// CI failed on a published heal, and its log says what is left.
    pub(super) after_red_ci: bool,
    pub(super) last_provider_trouble: Option<String>,
    /// Turns of the loop begun so far, and whether the last one has not come to a run yet.
    pub(super) iterations: u32,
    pub(super) iteration_is_open: bool,
    /// A proof is told in the report, and whether it is of what is kept now.
    pub(super) has_told_proof: bool,
    pub(super) is_proof_current: bool,
    /// A change could not be taken back: nothing of the clone may be handed out.
    pub(super) is_untrusted: bool,
}

/// One failed job of CI, as far as the run has come with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Leg {
    pub(super) status: LegStatus,
    /// Its run on the unchanged code.
    pub(super) baseline: Option<Arc<Evidence>>,
    /// The same with the results of the failing step and of all behind it ignored: what steps that CI never reached say
    /// of the unchanged code.
    pub(super) uncovered: Option<Arc<Evidence>>,
    /// What the last green commit says of steps that CI never reached, by the step; `None`: it could not be asked.
    pub(super) at_last_green: BTreeMap<usize, Option<AtLastGreen>>,
    /// Its run when its healing began, and how many fixes were kept then.
    pub(super) entry: Option<(Arc<Evidence>, usize)>,
    /// Green from scratch with exactly what is kept now.
    pub(super) is_proven: bool,
    /// Its last run from scratch with exactly what is kept now.
    pub(super) seen: Option<Arc<Evidence>>,
    /// What planted failures showed of its healed steps with exactly what is kept now.
    pub(super) counter_proofs: BTreeMap<usize, CounterProof>,
}

/// What the last green commit shows in a step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AtLastGreen {
    pub(super) commit: CommitSha,
    pub(super) seen: Arc<Evidence>,
}

/// What of a run's failures the last green commit has as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OldFailures {
    pub(super) commit: CommitSha,
    pub(super) failures: BTreeSet<Fingerprint>,
    /// There are no others.
    pub(super) are_all: bool,
}

impl Leg {
    /// What of the failures of a run the last green commit is known to have as well.
    pub(super) fn old_failures(&self, seen: &Observation) -> Option<OldFailures> {
        let AtLastGreen { commit, seen: green } = self.at_last_green.get(&seen.failing_step?)?.as_ref()?;
        let failures = old_at_last_green(green, seen)?;
        let are_all = failures.len() == seen.failures.len();
        Some(OldFailures { commit: commit.clone(), failures, are_all })
    }
}

/// What is known of a leg with what is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum LegStatus {
    /// Not looked at yet.
    #[default]
    Open,
    /// Green with the first `kept` fixes; `end` is how a run of it alone would have ended, where nothing was wrong.
    Green { kept: usize, end: Option<Outcome> },
    /// Red, and there is no further idea.
    GivenUp(Outcome),
    /// Its failure cannot be judged here.
    Unjudged(Outcome),
    /// Nobody named it, it cannot be judged here, and another one is red: nothing is asked of it.
    PassedOver,
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
    /// The proposal on trial gets to a step that CI never reached, and that step is red: the unchanged code is asked.
    Uncovering {
        trial: Trial,
        seen: Arc<Evidence>,
    },
    /// The unchanged code could not do that step's work: the last green commit is asked.
    AskingLastGreen {
        trial: Trial,
        seen: Arc<Evidence>,
    },
    /// The proposal on trial is taken back.
    Reverting {
        trial: Trial,
        why: String,
        progress: Option<ProgressReport>,
        /// What the run with it showed.
        seen: Option<Arc<Evidence>>,
        then: Then,
    },
    /// A leg is run from scratch with what is kept.
    Proving(Proof),
    /// A leg's run from scratch is green up to a healed step: can the step still say no?
    CounterProving {
        proof: Proof,
        seen: Arc<Evidence>,
        step: usize,
    },
    /// A leg is red with what is kept: `seen`. Its unchanged code is asked whether that is new.
    Comparing {
        leg: usize,
        seen: Arc<Evidence>,
    },
    /// What is kept from `from` on is taken back.
    RevertingKept {
        from: usize,
        why: String,
        rejection: Option<Rejection>,
        then: Then,
    },
    Publishing {
        then: Option<Outcome>,
    },
    Watching,
    Done,
}

/// A run from scratch of one leg.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Proof {
    pub(super) leg: usize,
    /// How often its fixed step is still to be run again, since its failure could have come by chance.
    pub(super) repeats: u32,
    /// The run ends so, whatever this shows: only what is proven for its own failure may still go out.
    pub(super) partial: Option<Outcome>,
}

/// How it goes on after something was taken back.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Then {
    /// The next idea.
    Choose,
    /// With this leg again, from where its healing began.
    StartOver {
        leg: usize,
    },
    /// What is left of the kept fixes is proven.
    ProvePartial(Outcome),
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
    /// Test files that name what it changes.
    pub tested_by: BTreeSet<String>,
    /// What it newly can do that only a counter-proof can judge.
    pub needs_counter_proof: Vec<String>,
}

/// A fix that stays: one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptFix {
    pub proposal: FixProposal,
    pub changes: Vec<FileChange>,
    pub touched: Vec<Touched>,
    /// What each file's change is to the tests.
    pub classes: Vec<ClassifiedFile>,
    pub protected: bool,
    /// Test files that name what it changes.
    pub tested_by: BTreeSet<String>,
    /// What it newly can do that only a counter-proof can judge.
    pub needs_counter_proof: Vec<String>,
    /// The leg whose failures it fixes, the step that failed then, and the failures that went with it.
    pub leg: usize,
    pub step: Option<usize>,
    pub fixed: BTreeMap<Fingerprint, Failure>,
    /// What was reported of them.
    pub reports: Vec<BugReport>,
    /// What that step said when it failed.
    pub said: Option<Arc<StepSaid>>,
    /// What it fixes may come and go by chance.
    pub flaky_kind: bool,
    /// A step that CI never reached fails with it, in tests of what it changes, and nobody knows since when.
    pub is_suspect: bool,
}

/// What is shown for a failure beside what its context level shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needed {
    pub(super) shown: Vec<ContextNeed>,
    /// How often a proposal for it became a request for more instead of an attempt.
    pub(super) granted: u32,
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
    /// What the last green commit shows in the step in question: in CI's log, or run here.
    LastGreenSaid {
        commit: CommitSha,
        seen: Arc<Evidence>,
    },
    /// What planted failures showed of the step in question; `Err`: the machine failed.
    CounterProven(Result<CounterProof, String>),
    /// There is no last green commit, or its code cannot be had.
    LastGreenUnknown,
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
    /// It needs more of the repository shown. `proposal` has a window that holds its edits, or no edits.
    NeedsContext { proposal: Box<FixProposal>, diff: String, needs: Vec<ContextNeed> },
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
    /// Run this leg's plan.
    Run {
        purpose: Purpose,
        leg: usize,
    },
    /// `bugs` empty: all of them, as the toolchain's own suggestions do not conflict. Of history: all that are left.
    Propose {
        source: FixSource,
        bugs: Vec<Fingerprint>,
        level: u8,
    },
    /// Judge a proposal once more, whose window holds now what its edits need.
    Reconsider {
        proposal: Box<FixProposal>,
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
            legs: vec![Leg::default(); rules.legs.max(1)],
            leg: 0,
            rules,
            phase: Phase::Start,
            attempts: 0,
            given_back: 0,
            pushes: 0,
            current: None,
            targets: Vec::new(),
            levels: BTreeMap::new(),
            needs: BTreeMap::new(),
            exhausted_sources: BTreeSet::new(),
            suggestions_refused: 0,
            history: Vec::new(),
            permission_missing: BTreeMap::new(),
            missing_permission: None,
            kept: Vec::new(),
            published: 0,
            revision: None,
            infrastructure_failures: 0,
            after_red_ci: false,
            last_provider_trouble: None,
            iterations: 0,
            iteration_is_open: false,
            has_told_proof: false,
            is_proof_current: false,
            is_untrusted: false,
        }
    }

    /// Fix attempts made so far that did not stay: a fix that is kept gives its attempt back.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts.saturating_sub(self.given_back)
    }

    /// The leg that is being healed.
    #[must_use]
    pub fn leg(&self) -> usize {
        self.leg
    }

    /// What the next attempt has to improve on.
    #[must_use]
    pub fn current(&self) -> Option<&Evidence> {
        self.current.as_deref()
    }

    /// The run of a leg's unchanged code.
    #[must_use]
    pub fn baseline(&self, leg: usize) -> Option<&Evidence> {
        self.legs.get(leg)?.baseline.as_deref()
    }

    /// What the fixes of these failures turned out to need shown.
    #[must_use]
    pub fn needs_of(&self, bugs: &[Fingerprint]) -> Vec<ContextNeed> {
        let mut needs: Vec<ContextNeed> = Vec::new();
        for need in bugs.iter().filter_map(|bug| self.needs.get(bug)).flat_map(|needed| &needed.shown) {
            if !needs.contains(need) {
                needs.push(need.clone());
            }
        }
        needs
    }

    /// The step of a leg that a run is about: the one that failed on the unchanged code; for a proof's repeat the last one
    /// that a fix was for, which may be behind it; for the last green commit the step that CI never reached.
    #[must_use]
    pub fn last_failed_step(&self, leg: usize, purpose: Purpose) -> Option<usize> {
        if let (Purpose::LastGreen, Phase::AskingLastGreen { seen, .. }) = (purpose, &self.phase) {
            return seen.observation.failing_step;
        }
        let first = self.baseline(leg)?.observation.failing_step;
        let fixed = self.kept.iter().filter(|kept| kept.leg == leg).filter_map(|kept| kept.step).max();
        if purpose == Purpose::RepeatedProof { fixed.max(first) } else { first }
    }

    /// The steps of a leg whose failures, fixed now, may have come and gone by chance. Empty where one is not known.
    #[must_use]
    pub fn steps_fixed_by_chance(&self, leg: usize) -> BTreeSet<usize> {
        let fixed = self.kept.iter().filter(|kept| kept.leg == leg && kept.flaky_kind);
        fixed.map(|kept| kept.step).collect::<Option<_>>().unwrap_or_default()
    }

    /// Which steps the run that begins now is to run again at once.
    pub(super) fn repeats(
        &self,
        in_ci: &Arc<OnceLock<BTreeSet<Fingerprint>>>,
        reports: BTreeMap<usize, ReportVariable>,
    ) -> Option<Repeats> {
        let times = self.rules.flaky_runs;
        match &self.phase {
            Phase::Reproducing { runs: 0, .. } if times > 0 && self.rules.diagnose_only.is_none() => {
                Some(Repeats::OfFailure { in_ci: in_ci.clone() })
            }
            Phase::Proving(proof) if times > 0 && proof.partial.is_none() && proof.repeats == 0 => {
                Some(Repeats::OfFixed { steps: self.steps_fixed_by_chance(proof.leg), times, reports })
            }
            _ => None,
        }
    }

    /// The step that is asked whether it can still say no, and what its proof showed.
    #[must_use]
    pub fn counter_proving(&self) -> Option<(usize, &Evidence)> {
        match &self.phase {
            Phase::CounterProving { step, seen, .. } => Some((*step, seen)),
            _ => None,
        }
    }

    /// The fixes of one step of a leg, in the order in which they were kept.
    pub fn kept_for(&self, leg: usize, step: usize) -> impl Iterator<Item = &KeptFix> {
        self.kept.iter().filter(move |kept| kept.leg == leg && self.step_of(kept) == Some(step))
    }

    /// The steps of a leg that were healed and that nothing is known of; none where no counter-proof is wanted.
    pub(super) fn open_counter_proofs(&self, leg: usize) -> BTreeSet<usize> {
        let healed = self.kept.iter().filter(|kept| kept.leg == leg).filter_map(|kept| self.step_of(kept));
        healed.filter(|step| !self.legs[leg].counter_proofs.contains_key(step)).collect()
    }

    /// The step that a fix was for: where no run says so, the one that failed on the unchanged code.
    pub(super) fn step_of(&self, kept: &KeptFix) -> Option<usize> {
        kept.step.or_else(|| self.baseline(kept.leg)?.observation.failing_step)
    }

    /// The failures that the last green commit is asked about.
    #[must_use]
    pub fn in_question(&self) -> Option<&Observation> {
        match &self.phase {
            Phase::AskingLastGreen { seen, .. } => Some(&seen.observation),
            _ => None,
        }
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

    /// Everything that is kept.
    #[must_use]
    pub fn kept(&self) -> &[KeptFix] {
        &self.kept
    }

    /// A revert may be offered in the end: what failing tests run is of use whether or not a model is asked.
    #[must_use]
    pub fn may_revert(&self) -> bool {
        self.rules.sources.contains(&FixSource::History)
    }

    /// Something of what is kept and not published yet takes a change back.
    #[must_use]
    pub fn holds_a_revert(&self) -> bool {
        self.unpublished().iter().any(|kept| kept.proposal.reverts.is_some())
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
        // A fix that stays gives its attempt back.
        let limit = Some(self.rules.max_attempts.saturating_add(self.given_back));
        report.attempts = Spent { spent: self.attempts, limit };
        report.pushes = Spent { spent: self.pushes, limit: Some(self.rules.max_attempts) };
        self.budget.report(&mut report);
        report
    }
}
