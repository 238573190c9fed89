//! The transition table of the retry loop: `transition(state, event) → (state, facts, action)`, pure.
//!
//! What it guarantees, whatever the events (see the property tests): it ends; it publishes only what the final
//! proof has shown green since the last change; a reverted fix is never committed; it spends no more attempts and
//! pushes than allowed; after a change that could not be taken back nothing is handed out.

use std::sync::Arc;

use super::evidence::Evidence;
use super::outcome_from::stopped_outcome;
use super::progress::{Progress, RunStatus, compare, fewer_tests, report};
use super::state::{
    Action, Answer, AppliedProposal, FixSource, Goal, KeptFix, LoopEvent, Phase, State, Target, Then,
    Transition, Trial,
};
use crate::contract::bug::{Category, Fingerprint};
use crate::contract::event::{Event, Offer, Purpose};
use crate::contract::fix::{FixProposal, Rejection};
use crate::contract::outcome::{BudgetKind, Outcome};
use crate::contract::report::Progress as ProgressReport;
use crate::fixer::{PastAttempt, patch_fingerprint};
use crate::scope::{StopReason, Stopped};

/// The last context level: a bug that a fix with this much context does not heal is given up.
pub const LAST_LEVEL: u8 = 4;
/// Suggestions of tools that may be turned down for one state of the code; each is another one, so this is a backstop.
const MAX_SUGGESTIONS_REFUSED: u32 = 200;

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
        (Phase::Start, LoopEvent::Begin) => {
            state.phase = Phase::Reproducing { runs: 0, red: 0 };
            state.act(Action::Run(Purpose::Baseline))
        }
        (Phase::Reproducing { runs, red }, LoopEvent::Ran(seen)) => reproduced(state, runs, red, seen),
        (Phase::Choosing { source, target }, LoopEvent::Answered { usage, answer }) => {
            state.budget.book(usage);
            answered(state, source, target, answer)
        }
        (Phase::Trying(trial), LoopEvent::Ran(seen)) => tried(state, trial, seen),
        (Phase::Reverting { trial, why, progress, seen, then }, LoopEvent::Reverted) => {
            let bugs = seen.map(|seen| seen.diagnosis.bugs.clone()).unwrap_or_default();
            let patch = patch_fingerprint(&trial.offer.changes);
            state.history.push(PastAttempt::reverted(trial.offer.proposal, patch, why.clone(), bugs));
            go_on(state, then).told_first(vec![Event::Reverted { why, progress }])
        }
        (Phase::Proving { runs_left, protected }, LoopEvent::Ran(seen)) => {
            proved(state, runs_left, protected, &seen)
        }
        (Phase::RevertingKept { why, then }, LoopEvent::Reverted) => {
            let kept = state.kept.split_off(state.published.min(state.kept.len()));
            let count = kept.len();
            for KeptFix { proposal, changes } in kept.into_iter().rev() {
                let patch = patch_fingerprint(&changes);
                state.history.push(PastAttempt::reverted(proposal, patch, why.clone(), Vec::new()));
            }
            state.touches_protected = false;
            go_on(state, then).told_first(vec![Event::KeptReverted { count, why }])
        }
        (Phase::Reverting { .. } | Phase::RevertingKept { .. }, LoopEvent::RevertFailed { what }) => {
            state.is_untrusted = true;
            state.finish(Outcome::Error { what: format!("a change could not be taken back: {what}") })
        }
        (Phase::Publishing { then }, LoopEvent::Published(revision)) => published(state, then, *revision),
        (Phase::Publishing { then }, LoopEvent::PublishFailed { outcome }) => {
            state.finish(then.unwrap_or(outcome))
        }
        (Phase::Watching, LoopEvent::CiPassed | LoopEvent::CiUnknown) => state.finish(Outcome::Healed),
        (Phase::Watching, LoopEvent::CiFailed(seen)) => ci_failed(state, seen),
        (phase, event) => {
            // Whatever is applied may still be there.
            state.is_untrusted = matches!(phase, Phase::Trying(_) | Phase::Reverting { .. });
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

    /// Takes everything back that is kept and not published.
    fn revert_kept(mut self, why: String, then: Then) -> Transition {
        let changes = self.unpublished().iter().rev().map(|kept| kept.changes.clone()).collect();
        self.phase = Phase::RevertingKept { why, then };
        self.act(Action::Revert { changes })
    }

    /// Makes `seen` what the next attempt has to improve on.
    fn set_target(&mut self, seen: Arc<Evidence>) {
        let mut groups: Vec<(Option<String>, u8, Vec<Fingerprint>)> = Vec::new();
        for (fingerprint, failure) in &seen.observation.failures {
            if failure.category == Category::Environment {
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
        self.exhausted_sources.clear();
        self.suggestions_refused = 0;
        self.current = Some(seen);
    }

    fn level_of(&self, target: &Target) -> u8 {
        target.bugs.iter().filter_map(|b| self.levels.get(b)).copied().max().unwrap_or(1)
    }

    /// The next attempt at this target gets more context; past the last level it is given up.
    fn escalate_context(&mut self, source: FixSource, target: usize) {
        if source == FixSource::ToolSuggestions {
            return;
        }
        let Some(chosen) = self.targets.get(target) else { return };
        let level = self.level_of(chosen) + 1;
        for bug in chosen.bugs.clone() {
            self.levels.insert(bug, level);
        }
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
        Phase::Trying(trial) => {
            let then = if reason.is_signal() { Then::Finish(outcome) } else { Then::FinishUnhealed(outcome) };
            state.revert(trial, "the run ended before its verdict", None, then)
        }
        // What was to be taken back may still be there.
        Phase::Reverting { .. } | Phase::RevertingKept { .. } => {
            State { is_untrusted: true, ..state }.finish(outcome)
        }
        // What is kept has no proof yet, or is out already: either way nothing more may be pushed.
        Phase::Proving { .. } | Phase::Publishing { .. } | Phase::Watching => state.finish(outcome),
        _ if reason.is_signal() => state.finish(outcome),
        _ => finish_unhealed(state, outcome),
    }
}

fn go_on(mut state: State, then: Then) -> Transition {
    match then {
        Then::Choose => choose(state),
        Then::StartOver => match state.baseline.clone() {
            Some(baseline) => {
                state.set_target(baseline);
                choose(state)
            }
            None => state.finish(Outcome::Error { what: "a proof without a baseline".to_owned() }),
        },
        Then::FinishUnhealed(outcome) => finish_unhealed(state, outcome),
        Then::Finish(outcome) => state.finish(outcome),
    }
}

/// After a run of the unchanged code: red and real, flaky, green, or not ours.
fn reproduced(mut state: State, runs: u32, red: u32, seen: Arc<Evidence>) -> Transition {
    let runs = runs + 1;
    let environment = |why: String| Outcome::Environment { why };
    match &seen.observation.end {
        RunStatus::Infrastructure { what } => {
            state.infrastructure_failures += 1;
            if state.infrastructure_failures > 1 {
                return state.finish(Outcome::Error { what: what.clone() });
            }
            state.phase = Phase::Reproducing { runs: runs - 1, red };
            let purpose = if runs == 1 { Purpose::Baseline } else { Purpose::Repeat };
            return state.act(Action::Run(purpose));
        }
        RunStatus::Cancelled => return state.finish(Outcome::Cancelled),
        RunStatus::TimedOut { after_seconds } => {
            let why =
                format!("the build did not end within {after_seconds} s; `sandbox-timeout` allows more");
            return state.finish(environment(why));
        }
        RunStatus::OutOfMemory => {
            let why = "the build ran out of memory; `sandbox-memory` allows more".to_owned();
            return state.finish(environment(why));
        }
        RunStatus::Green if red > 0 => return state.finish(Outcome::Flaky { failed: red, runs }),
        RunStatus::Green if !state.rules.ci_known_red => return state.finish(Outcome::AlreadyGreen),
        RunStatus::Green if runs <= state.rules.flaky_runs => {
            state.phase = Phase::Reproducing { runs, red };
            return state.act(Action::Run(Purpose::Repeat));
        }
        RunStatus::Green => return state.finish(Outcome::NotReproduced { runs }),
        // An earlier run was green.
        RunStatus::Red if runs > red + 1 => {
            return state.finish(Outcome::Flaky { failed: red + 1, runs });
        }
        RunStatus::Red => {}
    }
    let red = red + 1;
    if seen.observation.is_environment_only() {
        return state.finish(environment("every failure the build shows lies outside the code".to_owned()));
    }
    if let Some(outcome) = state.rules.diagnose_only.clone() {
        return state.finish(outcome);
    }
    // A failing test may fail by chance; seeing it twice costs one run, healing a ghost costs the whole budget.
    if seen.observation.may_be_flaky() && runs == 1 && state.rules.flaky_runs > 0 {
        state.baseline = Some(seen);
        state.phase = Phase::Reproducing { runs, red };
        return state.act(Action::Run(Purpose::Repeat));
    }
    state.baseline.get_or_insert_with(|| seen.clone());
    state.set_target(seen);
    choose(state)
}

/// Asks the next source that is not exhausted for the first target that is not given up.
fn choose(mut state: State) -> Transition {
    if state.attempts >= state.rules.max_attempts {
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
        }
    }
    let why = match &state.last_provider_trouble {
        Some(trouble) => trouble.clone(),
        None if !state.rules.sources.contains(&FixSource::Model) => {
            "the tools state no fix, and no model server has a key".to_owned()
        }
        None if state.targets.is_empty() => "the log names no failure in the code".to_owned(),
        None => "no proposal made the build better".to_owned(),
    };
    finish_unhealed(state, Outcome::Exhausted { why })
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
            state.phase = Phase::Trying(Trial { source, target, offer: *offer });
            state.act(Action::Run(Purpose::Attempt))
        }
        Answer::Rejected { proposal, patch, diff, reason } => {
            facts.push(rejected(&proposal, diff, &reason));
            let was_empty = reason == Rejection::NoChange;
            state.history.push(PastAttempt::refused(*proposal, patch, reason));
            match source {
                FixSource::ToolSuggestions => {
                    // Not counted as an attempt: a suggestion that does not fit costs nothing.
                    state.suggestions_refused += 1;
                    if state.suggestions_refused >= MAX_SUGGESTIONS_REFUSED {
                        state.exhausted_sources.insert(source);
                    }
                }
                FixSource::Model => {
                    state.attempts += u32::from(!was_empty);
                    state.escalate_context(source, target);
                }
            }
            choose(state)
        }
        Answer::Nothing => {
            match source {
                FixSource::ToolSuggestions => {
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

fn rejected(proposal: &FixProposal, diff: String, reason: &Rejection) -> Event {
    Event::Rejected { proposal: Box::new(Offer::from(proposal)), diff, reason: reason.clone() }
}

/// Ends without a heal; what is kept goes out only where the user wants that.
fn finish_unhealed(mut state: State, outcome: Outcome) -> Transition {
    let may_push = matches!(state.rules.goal, Goal::Publish { .. });
    let has_more = !state.unpublished().is_empty();
    if has_more && state.rules.push_partial && may_push && state.pushes < state.rules.max_attempts {
        state.phase = Phase::Publishing { then: Some(outcome) };
        return state.act(Action::Publish { partial: true });
    }
    state.finish(outcome)
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
        state.phase = Phase::Trying(trial);
        return state.act(Action::Run(Purpose::Attempt));
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
    let compared = report(&before.observation, &seen.observation, !matches!(progress, Progress::None(_)));
    let is_green = progress == Progress::Green;
    match progress {
        Progress::Green | Progress::Better(_) => {
            let improved = match progress {
                Progress::Better(how) => how,
                _ => "every step passes".to_owned(),
            };
            state.touches_protected |= trial.offer.protected;
            state.fixed_flaky_kind |= before.observation.may_be_flaky();
            let AppliedProposal { proposal, changes, .. } = trial.offer;
            state.kept.push(KeptFix { proposal, changes });
            state.history.clear();
            let mut facts = vec![Event::Kept { improved, progress: Some(compared) }];
            let next = if is_green {
                let runs_left = if state.fixed_flaky_kind { state.rules.flaky_runs } else { 0 };
                state.current = Some(seen);
                state.phase = Phase::Proving { runs_left, protected: false };
                // An earlier proof was of other code.
                facts.extend(
                    std::mem::replace(&mut state.has_told_proof, true).then_some(Event::ProofExpired),
                );
                state.act(Action::Run(Purpose::FinalProof))
            } else {
                state.set_target(seen);
                choose(state)
            };
            next.told_first(facts)
        }
        Progress::None(why) => {
            // A model's next try at these bugs sees more; the toolchain's next idea is another one anyway.
            state.escalate_context(trial.source, trial.target);
            state.revert(trial, &why, Some((seen, compared)), Then::Choose)
        }
    }
}

/// After a run from scratch of what is kept.
fn proved(mut state: State, runs_left: u32, protected: bool, seen: &Evidence) -> Transition {
    let seen = &seen.observation;
    if let RunStatus::Infrastructure { what } = &seen.end {
        state.infrastructure_failures += 1;
        if state.infrastructure_failures > 1 {
            return state.finish(Outcome::Error { what: what.clone() });
        }
        state.phase = Phase::Proving { runs_left, protected };
        let purpose = if protected { Purpose::ProtectedProof } else { Purpose::FinalProof };
        return state.act(Action::Run(purpose));
    }
    if seen.end == RunStatus::Cancelled {
        return state.finish(Outcome::Cancelled);
    }
    let vanished = state.baseline.as_ref().and_then(|b| fewer_tests(&b.observation, seen));
    if seen.end == RunStatus::Green && vanished.is_none() {
        if runs_left > 0 {
            state.phase = Phase::Proving { runs_left: runs_left - 1, protected };
            return state.act(Action::Run(Purpose::FinalProof));
        }
        if state.touches_protected && !protected {
            state.phase = Phase::Proving { runs_left: 0, protected: true };
            return state.act(Action::Run(Purpose::ProtectedProof));
        }
        return match state.rules.goal {
            Goal::Patch => state.finish(Outcome::Patched),
            Goal::Commit => state.finish(Outcome::Healed),
            Goal::Publish { .. } if state.pushes >= state.rules.max_attempts => {
                state.finish(Outcome::BudgetSpent { which: BudgetKind::Pushes })
            }
            Goal::Publish { .. } => {
                state.phase = Phase::Publishing { then: None };
                state.act(Action::Publish { partial: false })
            }
        };
    }
    // The fix does not hold from scratch: nothing of it may stay.
    let why = vanished.unwrap_or_else(|| {
        if protected {
            "the fix holds only with its changes to protected files".to_owned()
        } else {
            "the fix did not hold in a run from scratch".to_owned()
        }
    });
    let failures = state.baseline.iter().flat_map(|b| b.observation.failures.keys()).cloned();
    for bug in failures.collect::<Vec<Fingerprint>>() {
        let level = state.levels.get(&bug).copied().unwrap_or(1) + 1;
        state.levels.insert(bug, level);
    }
    let then = if state.after_red_ci {
        let why = "what CI shows could not be fixed without breaking the proof".to_owned();
        Then::Finish(Outcome::Exhausted { why })
    } else {
        Then::StartOver
    };
    state.revert_kept(why, then)
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
