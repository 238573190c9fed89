//! The transition table of the retry loop: `transition(state, event) → (state, facts, action)`, pure.
//!
//! `legs` holds what concerns several failed jobs, `proof` the proofs from scratch and what may go out after them,
//! `counter_proof` whether what is proven could have failed,
//! `unreached` what becomes of a fix that gets to a step that CI never reached.
//!
//! What it guarantees, whatever the events (see the property tests): it ends; it publishes only what the final
//! proof has shown green since the last change; a reverted fix is never committed; it spends no more attempts and
//! pushes than allowed; after a change that could not be taken back nothing is handed out.

mod counter_proof;
mod legs;
mod proof;
mod unreached;

use std::sync::Arc;

use super::evidence::Evidence;
use super::outcome_from::stopped_outcome;
use super::progress::{Progress, RunStatus, compare, missing_tests, report};
use super::state::{
    Action, Answer, AppliedProposal, AtLastGreen, FixSource, Goal, KeptFix, LegStatus, LoopEvent, Phase,
    State, Target, Then, Transition, Trial,
};
use super::verdict::red_step;
use crate::contract::bug::{Category, Fingerprint};
use crate::contract::event::{Event, Offer, Purpose};
use crate::contract::fix::{ContextNeed, FixProposal, Rejection};
use crate::contract::outcome::{BudgetKind, Outcome};
use crate::contract::report::Progress as ProgressReport;
use crate::fixer::{PastAttempt, patch_fingerprint};
use crate::scope::{StopReason, Stopped};

/// The last context level: a bug that a fix with this much context does not heal is given up.
pub const LAST_LEVEL: u8 = 4;
/// Suggestions of tools that may be turned down for one state of the code; each is another one, so this is a backstop.
const MAX_SUGGESTIONS_REFUSED: u32 = 200;
/// How often, for one failure, a proposal may become a request for more of the repository instead of an attempt.
const MAX_CONTEXT_REQUESTS: u32 = 2;

/// Fixes that may stay in one run; a backstop, since each gives its attempt back.
const MOST_KEPT: u32 = 60;

/// The table.
#[must_use]
pub fn transition(mut state: State, event: LoopEvent) -> Transition {
    let phase = std::mem::replace(&mut state.phase, Phase::Done);
    match (phase, event) {
        (Phase::Done, _) => {
            // Nothing follows the end; saying it again keeps the table total.
            state.finish(Outcome::Error { what: "an event came after the end".to_owned() })
        }
        (phase, LoopEvent::Stopped(reason)) => stopped(state, phase, reason),
        (Phase::Start, LoopEvent::Begin) => legs::reproduce(state),
        (Phase::Reproducing { runs, red }, LoopEvent::Ran(seen)) => legs::reproduced(state, runs, red, seen),
        (Phase::Choosing { source, target }, LoopEvent::Answered { usage, answer }) => {
            state.budget.book(usage);
            answered(state, source, target, answer)
        }
        (Phase::Trying(trial), LoopEvent::Ran(seen)) => tried(state, trial, seen),
        (Phase::Uncovering { trial, seen }, LoopEvent::Ran(unchanged)) => {
            unreached::uncovered(state, trial, seen, unchanged)
        }
        (Phase::AskingLastGreen { trial, seen }, LoopEvent::LastGreenSaid { commit, seen: green }) => {
            unreached::answered(state, trial, seen, Some(AtLastGreen { commit, seen: green }))
        }
        (Phase::AskingLastGreen { trial, seen }, LoopEvent::LastGreenUnknown) => {
            unreached::answered(state, trial, seen, None)
        }
        (Phase::Reverting { trial, why, progress, seen, then }, LoopEvent::Reverted) => {
            let bugs = seen.map(|seen| seen.diagnosis.bugs.clone()).unwrap_or_default();
            let patch = patch_fingerprint(&trial.offer.changes);
            state.history.push(PastAttempt::reverted(trial.offer.proposal, patch, why.clone(), bugs));
            go_on(state, then).told_first(vec![Event::Reverted { why, progress }])
        }
        (Phase::Proving(proof), LoopEvent::Ran(seen)) => proof::proved(state, proof, seen),
        (Phase::CounterProving { proof, seen, step }, LoopEvent::CounterProven(answer)) => {
            counter_proof::answered(state, proof, seen, step, answer)
        }
        (Phase::Comparing { leg, seen }, LoopEvent::Ran(unchanged)) => {
            legs::compared(state, leg, seen, unchanged)
        }
        (Phase::RevertingKept { from, why, rejection, then }, LoopEvent::Reverted) => {
            proof::kept_reverted(state, from, why, rejection, then)
        }
        (Phase::Reverting { .. } | Phase::RevertingKept { .. }, LoopEvent::RevertFailed { what }) => {
            state.is_untrusted = true;
            state.finish(Outcome::Error { what: format!("a change could not be taken back: {what}") })
        }
        (Phase::Publishing { then }, LoopEvent::Published(revision)) => published(state, then, *revision),
        (Phase::Publishing { then: None }, LoopEvent::PublishFailed { outcome }) => state.finish(outcome),
        (Phase::Publishing { then: Some(then) }, LoopEvent::PublishFailed { outcome }) => {
            let what = format!("what is proven could not be published: {}", outcome.reason());
            state.finish(then).told_first(vec![Event::Warning { what }])
        }
        (Phase::Watching, LoopEvent::CiPassed | LoopEvent::CiUnknown) => state.finish(Outcome::Healed),
        (Phase::Watching, LoopEvent::CiFailed(seen)) => ci_failed(state, seen),
        (phase, event) => {
            // Whatever is applied may still be there.
            state.is_untrusted = matches!(
                phase,
                Phase::Trying(_)
                    | Phase::Uncovering { .. }
                    | Phase::AskingLastGreen { .. }
                    | Phase::Reverting { .. }
            );
            let what = format!("unexpected {} in {}", name(&event), name(&phase));
            state.finish(Outcome::Error { what })
        }
    }
}

/// The name of a variant, without what it holds.
fn name(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

impl State {
    fn act(self, action: Action) -> Transition {
        Transition { state: self, facts: Vec::new(), action }
    }

    fn finish(mut self, outcome: Outcome) -> Transition {
        self.phase = Phase::Done;
        self.act(Action::Finish(outcome))
    }

    /// Takes the proposal on trial back.
    fn revert(
        mut self,
        trial: Trial,
        why: &str,
        seen: Option<(Arc<Evidence>, ProgressReport)>,
        then: Then,
    ) -> Transition {
        let changes = vec![trial.offer.changes.clone()];
        let (seen, progress) = seen.unzip();
        self.phase = Phase::Reverting { trial, why: why.to_owned(), progress, seen, then };
        self.act(Action::Revert { changes })
    }

    /// What is kept is other code now: no proof of it counts.
    fn code_changed(&mut self) {
        self.is_proof_current = false;
        for leg in &mut self.legs {
            leg.is_proven = false;
            leg.seen = None;
            leg.counter_proofs.clear();
        }
    }

    /// Some fix that is kept and not out changes a protected file.
    pub(super) fn touches_protected(&self) -> bool {
        self.unpublished().iter().any(|kept| kept.protected)
    }

    /// Makes `seen` what the next attempt has to improve on.
    fn set_target(&mut self, seen: Arc<Evidence>) {
        let mut groups: Vec<(Option<String>, u8, Vec<Fingerprint>)> = Vec::new();
        let old =
            self.legs[self.leg].old_failures(&seen.observation).map(|old| old.failures).unwrap_or_default();
        for (fingerprint, failure) in &seen.observation.failures {
            let is_left = self.rules.only_diagnosed.contains(&failure.category);
            if failure.category == Category::Environment || is_left || old.contains(fingerprint) {
                continue;
            }
            let level = self.levels.get(fingerprint).copied().unwrap_or(1);
            // Failing tests are asked for one by one: their fixes lie in different places.
            let alone = failure.category == Category::Logic || failure.file.is_none();
            match groups.iter_mut().find(|(file, l, _)| !alone && *file == failure.file && *l == level) {
                Some((_, _, bugs)) => bugs.push(fingerprint.clone()),
                None => {
                    groups.push((failure.file.clone().filter(|_| !alone), level, vec![fingerprint.clone()]));
                }
            }
        }
        self.targets = groups.into_iter().map(|(_, _, bugs)| Target { bugs }).collect();
        self.order_targets();
        self.exhausted_sources.clear();
        self.suggestions_refused = 0;
        self.current = Some(seen);
    }

    /// Every failure of this run is of a kind that is only diagnosed.
    fn all_only_diagnosed(&self, seen: &Evidence) -> bool {
        let failures = &seen.observation.failures;
        let is_left = |category| self.rules.only_diagnosed.contains(&category);
        !failures.is_empty() && failures.values().all(|failure| is_left(failure.category))
    }

    /// A failure of what the next attempt would improve on is of a kind that is only diagnosed.
    fn leaves_some(&self) -> bool {
        let seen = self.current.as_ref();
        seen.is_some_and(|seen| {
            let mut failures = seen.observation.failures.values();
            failures.any(|failure| self.rules.only_diagnosed.contains(&failure.category))
        })
    }

    /// What only a permission would open comes last.
    fn order_targets(&mut self) {
        let missing = |bug: &Fingerprint| self.permission_missing.get(bug).copied().unwrap_or_default();
        self.targets.sort_by_key(|target| target.bugs.iter().map(missing).max());
    }

    fn level_of(&self, target: &Target) -> u8 {
        target.bugs.iter().filter_map(|b| self.levels.get(b)).copied().max().unwrap_or(1)
    }

    /// The next attempt at this target gets more context; past the last level it is given up.
    fn escalate_context(&mut self, source: FixSource, target: usize) {
        if source != FixSource::Model {
            return;
        }
        let Some(chosen) = self.targets.get(target) else { return };
        let level = self.level_of(chosen) + 1;
        for bug in chosen.bugs.clone() {
            self.levels.insert(bug, level);
        }
    }

    /// A fix of this target was refused for a rule that no context changes: the others come first, and the second time
    /// it is given up.
    fn defer(&mut self, target: usize) {
        let Some(chosen) = self.targets.get(target) else { return };
        for bug in chosen.bugs.clone() {
            let times = self.permission_missing.entry(bug.clone()).or_default();
            *times += 1;
            if *times > 1 {
                self.levels.insert(bug, LAST_LEVEL + 1);
            }
        }
        self.order_targets();
    }

    /// A turn of the loop begins, unless the last one has not come to a run yet.
    fn begin_iteration(&mut self) -> Vec<Event> {
        if self.iteration_is_open {
            return Vec::new();
        }
        self.iterations += 1;
        self.iteration_is_open = true;
        let bugs = self.current.as_ref().map(|seen| seen.diagnosis.bugs.clone()).unwrap_or_default();
        vec![Event::IterationStarted { number: self.iterations, bugs }]
    }
}

impl Transition {
    /// What was already so before this transition's own facts.
    fn told_first(mut self, mut facts: Vec<Event>) -> Self {
        facts.append(&mut self.facts);
        self.facts = facts;
        self
    }
}

/// The run is over for a reason from outside.
fn stopped(state: State, phase: Phase, reason: StopReason) -> Transition {
    let outcome = stopped_outcome(Stopped { reason, during: "the run" });
    match phase {
        Phase::Trying(trial) | Phase::Uncovering { trial, .. } | Phase::AskingLastGreen { trial, .. } => {
            let then = if reason.is_signal() { Then::Finish(outcome) } else { Then::FinishUnhealed(outcome) };
            state.revert(trial, "the run ended before its verdict", None, then)
        }
        // What was to be taken back may still be there.
        Phase::Reverting { .. } | Phase::RevertingKept { .. } => {
            State { is_untrusted: true, ..state }.finish(outcome)
        }
        // What is kept has no proof yet, or is out already: either way nothing more may be pushed.
        Phase::Proving(_)
        | Phase::CounterProving { .. }
        | Phase::Comparing { .. }
        | Phase::Publishing { .. }
        | Phase::Watching => state.finish(outcome),
        _ if reason.is_signal() => state.finish(outcome),
        _ => finish_unhealed(state, outcome),
    }
}

fn go_on(state: State, then: Then) -> Transition {
    match then {
        Then::Choose => choose(state),
        Then::StartOver { leg } => legs::start_over(state, leg),
        Then::ProvePartial(outcome) => proof::prove_partly(state, outcome),
        Then::FinishUnhealed(outcome) => finish_unhealed(state, outcome),
        Then::Finish(outcome) => state.finish(outcome),
    }
}

/// Asks the next source that is not exhausted for the first target that is not given up.
fn choose(mut state: State) -> Transition {
    if let Some(why) = unreached::only_old_is_left(&state) {
        return legs::give_up(state, Outcome::Environment { why });
    }
    if state.attempts() >= state.rules.max_attempts || state.given_back >= MOST_KEPT {
        return finish_unhealed(state, Outcome::BudgetSpent { which: BudgetKind::Attempts });
    }
    for source in state.rules.sources.clone() {
        if state.exhausted_sources.contains(&source) {
            continue;
        }
        match source {
            // Also where the log names no failure: a check may have a write mode all the same.
            FixSource::ToolSuggestions => {
                state.phase = Phase::Choosing { source, target: 0 };
                return state.act(Action::Propose { source, bugs: Vec::new(), level: 0 });
            }
            FixSource::Model => {
                let open = state
                    .targets
                    .iter()
                    .enumerate()
                    .map(|(i, t)| (i, state.level_of(t)))
                    .find(|(_, level)| *level <= LAST_LEVEL);
                let Some((target, level)) = open else { continue };
                if let Err(which) = state.budget.left() {
                    return finish_unhealed(state, Outcome::BudgetSpent { which });
                }
                let bugs = state.targets[target].bugs.clone();
                state.phase = Phase::Choosing { source, target };
                return state.act(Action::Propose { source, bugs, level });
            }
            // The search begins at the failing commit; what is kept or out explains too much.
            FixSource::Pin => {
                if !state.kept.is_empty() || state.published > 0 || state.after_red_ci {
                    continue;
                }
                let bugs = state.targets.iter().flat_map(|target| target.bugs.clone()).collect();
                state.phase = Phase::Choosing { source, target: 0 };
                return state.act(Action::Propose { source, bugs, level: 0 });
            }
            // One hunk of one run, never upon what is out, and only where the failure is known by name.
            FixSource::History => {
                let is_used = state.kept.iter().any(|kept| kept.proposal.reverts.is_some());
                if is_used || state.published > 0 || state.after_red_ci || state.targets.is_empty() {
                    continue;
                }
                let bugs = state.targets.iter().flat_map(|target| target.bugs.clone()).collect();
                state.phase = Phase::Choosing { source, target: 0 };
                return state.act(Action::Propose { source, bugs, level: 0 });
            }
        }
    }
    let why = match (&state.last_provider_trouble, &state.missing_permission) {
        (Some(trouble), _) => trouble.clone(),
        (None, Some(rule)) => format!("a fix was offered that {rule}"),
        (None, None) if !state.rules.sources.contains(&FixSource::Model) => {
            "the tools state no fix, and no model server has a key".to_owned()
        }
        (None, None) if state.targets.is_empty() && state.leaves_some() => {
            "what is left is of a kind that the policy only diagnoses".to_owned()
        }
        (None, None) if state.targets.is_empty() => "the log names no failure in the code".to_owned(),
        (None, None) => "no proposal made the build better".to_owned(),
    };
    legs::give_up(state, Outcome::Exhausted { why })
}

/// After an answer of a source of fixes.
fn answered(mut state: State, source: FixSource, target: usize, answer: Answer) -> Transition {
    // What was not asked begins nothing.
    let was_asked = !matches!(answer, Answer::BudgetSpent(_));
    let mut facts = if was_asked { state.begin_iteration() } else { Vec::new() };
    let next = match answer {
        Answer::Applied(offer) => {
            state.attempts += 1;
            let diff = crate::diff::unified(&offer.changes);
            facts.push(Event::Applied { proposal: Box::new(Offer::from(&offer.proposal)), diff });
            let leg = state.leg;
            state.phase = Phase::Trying(Trial { source, target, offer: *offer });
            state.act(Action::Run { purpose: Purpose::Attempt, leg })
        }
        Answer::Rejected { proposal, patch, diff, reason } => {
            facts.push(rejected(&proposal, diff, &reason));
            let was_empty = reason == Rejection::NoChange;
            let permission = missing_permission(&reason);
            state.history.push(PastAttempt::refused(*proposal, patch, reason));
            match source {
                FixSource::ToolSuggestions => {
                    // Not counted as an attempt: a suggestion that does not fit costs nothing.
                    state.suggestions_refused += 1;
                    if state.suggestions_refused >= MAX_SUGGESTIONS_REFUSED {
                        state.exhausted_sources.insert(source);
                    }
                }
                // More context changes nothing about the rule, and nothing was tried.
                FixSource::Model if permission.is_some() => {
                    state.missing_permission = permission;
                    state.defer(target);
                }
                FixSource::Model => {
                    state.attempts += u32::from(!was_empty);
                    state.escalate_context(source, target);
                }
                // The next one is of another place.
                FixSource::History if !was_empty => state.attempts += 1,
                FixSource::History | FixSource::Pin => {
                    state.exhausted_sources.insert(source);
                }
            }
            choose(state)
        }
        Answer::NeedsContext { proposal, diff, needs } => {
            needs_context(state, source, target, proposal, diff, needs)
        }
        Answer::Nothing => {
            match source {
                FixSource::ToolSuggestions | FixSource::History | FixSource::Pin => {
                    state.exhausted_sources.insert(source);
                }
                FixSource::Model => state.escalate_context(source, target),
            }
            choose(state)
        }
        Answer::ProvidersGone { why } => {
            state.exhausted_sources.insert(source);
            state.last_provider_trouble = Some(why);
            choose(state)
        }
        Answer::BudgetSpent(which) => finish_unhealed(state, Outcome::BudgetSpent { which }),
    };
    next.told_first(facts)
}

/// The rule, in words, where a fix needs a permission and not a better idea.
fn missing_permission(reason: &Rejection) -> Option<String> {
    match reason {
        Rejection::TestEdit { path } => {
            Some(format!("changes the test file {path}, which needs `allow-test-edits: true`"))
        }
        Rejection::Path { path, why } => Some(format!("changes {path}, and that {why}")),
        _ => None,
    }
}

/// More of the repository is needed. A request costs no attempt, so each failure has but a few; after those it is an
/// answer like any other that cannot be tried.
fn needs_context(
    mut state: State,
    source: FixSource,
    target: usize,
    proposal: Box<FixProposal>,
    diff: String,
    needs: Vec<ContextNeed>,
) -> Transition {
    let bugs = state.targets.get(target).map(|t| t.bugs.clone()).unwrap_or_default();
    let granted = bugs.iter().filter_map(|b| state.needs.get(b)).map(|n| n.granted).max().unwrap_or(0);
    let words: Vec<String> = needs.iter().map(ToString::to_string).collect();
    let has_edits = !proposal.edits.is_empty();
    // Shown from now on in any case.
    for bug in &bugs {
        let needed = state.needs.entry(bug.clone()).or_default();
        needed.granted += 1;
        let fresh: Vec<_> = needs.iter().filter(|n| !needed.shown.contains(n)).cloned().collect();
        needed.shown.extend(fresh);
    }
    if source == FixSource::Model && !bugs.is_empty() && granted < MAX_CONTEXT_REQUESTS {
        let fact = Event::NeedsContext { proposal: Box::new(Offer::from(&*proposal)), diff, needs: words };
        let next = if has_edits {
            state.phase = Phase::Choosing { source, target };
            state.act(Action::Reconsider { proposal })
        } else {
            choose(state)
        };
        return next.told_first(vec![fact]);
    }
    let reason = if has_edits { Rejection::NeedsContext { needs: words } } else { Rejection::NoChange };
    let fact = rejected(&proposal, diff, &reason);
    state.history.push(PastAttempt::refused(*proposal, None, reason));
    match source {
        FixSource::ToolSuggestions | FixSource::History | FixSource::Pin => {
            state.exhausted_sources.insert(source);
        }
        FixSource::Model => {
            state.attempts += u32::from(has_edits);
            state.escalate_context(source, target);
        }
    }
    choose(state).told_first(vec![fact])
}

fn rejected(proposal: &FixProposal, diff: String, reason: &Rejection) -> Event {
    Event::Rejected { proposal: Box::new(Offer::from(proposal)), diff, reason: reason.clone() }
}

/// Ends without a heal; what is kept may go out where it is proven for its own failure.
fn finish_unhealed(state: State, outcome: Outcome) -> Transition {
    proof::prove_partly(state, outcome)
}

/// After a run with a proposal applied.
fn tried(mut state: State, trial: Trial, seen: Arc<Evidence>) -> Transition {
    state.iteration_is_open = false;
    if let RunStatus::Infrastructure { what } = &seen.observation.end {
        // Neither for nor against the fix: once more, then the machine is to blame.
        state.infrastructure_failures += 1;
        if state.infrastructure_failures > 1 {
            let then = Then::Finish(Outcome::Error { what: what.clone() });
            return state.revert(trial, "the run ended before its verdict", None, then);
        }
        let leg = state.leg;
        state.phase = Phase::Trying(trial);
        return state.act(Action::Run { purpose: Purpose::Attempt, leg });
    }
    if seen.observation.end == RunStatus::Cancelled {
        let then = Then::Finish(Outcome::Cancelled);
        return state.revert(trial, "the run ended before its verdict", None, then);
    }
    let Some(before) = state.current.clone() else {
        let then = Then::Finish(Outcome::Error { what: "an attempt without a run before it".to_owned() });
        return state.revert(trial, "there is nothing to compare with", None, then);
    };
    let progress = if state.after_red_ci && seen.observation.end != RunStatus::Green {
        // The sandbox was green before; what CI shows can only be judged there.
        Progress::None("the sandbox, green before, fails now".to_owned())
    } else {
        compare(&before.observation, &seen.observation, &trial.offer.touched)
    };
    // The run before may not say what ran; the unchanged code's does, where anything does.
    let baseline = state.legs[state.leg].baseline.as_ref();
    let progress = match baseline.and_then(|b| missing_tests(&b.observation, &seen.observation)) {
        Some(why) if progress == Progress::Green => Progress::None(why),
        _ => progress,
    };
    let compared = report(&before.observation, &seen.observation, !matches!(progress, Progress::None(_)));
    match progress {
        Progress::Green => keep(state, trial, seen, "every step passes".to_owned(), compared, false),
        // All that can be run here passes.
        Progress::Better(how) if matches!(seen.observation.end, RunStatus::Unreproducible { .. }) => {
            keep(state, trial, seen, how, compared, false)
        }
        // CI never came to that step: what it says of the unchanged code tells whether the fix broke it.
        Progress::Better(_) if seen.observation.failing_step > before.observation.failing_step => {
            match state.legs[state.leg].uncovered.clone() {
                Some(unchanged) => unreached::uncovered(state, trial, seen, unchanged),
                None => {
                    let leg = state.leg;
                    state.phase = Phase::Uncovering { trial, seen };
                    state.act(Action::Run { purpose: Purpose::Uncover, leg })
                }
            }
        }
        Progress::Better(how) => keep(state, trial, seen, how, compared, false),
        Progress::None(why) => {
            // A model's next try at these bugs sees more; the toolchain's next idea is another one anyway.
            state.escalate_context(trial.source, trial.target);
            state.revert(trial, &why, Some((seen, compared)), Then::Choose)
        }
    }
}

/// The proposal on trial stays.
fn keep(
    mut state: State,
    trial: Trial,
    seen: Arc<Evidence>,
    improved: String,
    compared: ProgressReport,
    is_suspect: bool,
) -> Transition {
    let said = state.current.as_deref().and_then(red_step).map(|(_, said)| said);
    let before = state.current.as_ref().map(|before| &before.observation);
    let fixed = before.map(|before| before.gone_in(&seen.observation)).unwrap_or_default();
    let known = state.current.iter().flat_map(|before| &before.diagnosis.bugs);
    let reports = known.filter(|bug| fixed.contains_key(&bug.fingerprint)).cloned().collect();
    let (step, flaky_kind) =
        before.map_or((None, false), |before| (before.failing_step, before.may_be_flaky()));
    let AppliedProposal { proposal, changes, touched, classes, protected, tested_by, needs_counter_proof } =
        trial.offer;
    let leg = state.leg;
    state.kept.push(KeptFix {
        proposal,
        changes,
        touched,
        classes,
        protected,
        tested_by,
        needs_counter_proof,
        leg,
        step,
        fixed,
        reports,
        said,
        flaky_kind,
        is_suspect,
    });
    state.given_back += 1;
    state.code_changed();
    state.history.clear();
    let facts = vec![Event::Kept { improved, progress: Some(compared) }];
    let next = match &seen.observation.end {
        RunStatus::Green => {
            state.current = Some(seen);
            state.legs[leg].status = LegStatus::Green { kept: state.kept.len(), end: None };
            legs::advance(state)
        }
        RunStatus::Unreproducible { what } => {
            let outcome = legs::cannot_run(what);
            state.current = Some(seen);
            legs::give_up(state, outcome)
        }
        _ => {
            state.set_target(seen);
            choose(state)
        }
    };
    next.told_first(facts)
}

/// The heal branch stands at what is kept.
fn published(
    mut state: State,
    then: Option<Outcome>,
    revision: super::publisher::PushedRevision,
) -> Transition {
    state.pushes += 1;
    state.published = state.kept.len();
    state.revision = Some(revision);
    match then {
        Some(outcome) => state.finish(outcome),
        None if state.rules.goal == (Goal::Publish { watch: true }) => {
            state.phase = Phase::Watching;
            state.act(Action::Watch)
        }
        None => state.finish(Outcome::Healed),
    }
}

/// CI is red on the heal: its log is the next turn's.
fn ci_failed(mut state: State, seen: Arc<Evidence>) -> Transition {
    state.has_told_proof = false;
    state.code_changed();
    state.history.clear();
    let next = if state.pushes >= state.rules.max_attempts {
        state.finish(Outcome::BudgetSpent { which: BudgetKind::Pushes })
    } else if seen.observation.is_environment_only() {
        let why = "CI failed on the heal branch for a reason outside the code".to_owned();
        state.finish(Outcome::Environment { why })
    } else {
        state.after_red_ci = true;
        state.set_target(seen);
        choose(state)
    };
    next.told_first(vec![Event::ProofExpired])
}

#[cfg(test)]
mod tests;
