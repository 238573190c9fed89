//! Proofs: runs from scratch of every leg with all that is kept, and what may go out of a run that does not end green.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{counter_proof, legs};
use crate::contract::bug::Fingerprint;
use crate::contract::event::{Event, Purpose};
use crate::contract::fix::{FileChange, Rejection};
use crate::contract::outcome::{BudgetKind, Outcome};
use crate::contract::settings::OnPartial;
use crate::fixer::{PastAttempt, patch_fingerprint};
use crate::orchestrator::by_chance::proofs_wanted;
use crate::orchestrator::evidence::Evidence;
use crate::orchestrator::partial::is_proven_fixed;
use crate::orchestrator::progress::{Observation, RunStatus, missing_tests, regression, same_file};
use crate::orchestrator::state::{
    Action, Goal, KeptFix, Leg, LegStatus, Phase, Proof, State, Then, Transition,
};
use crate::report::text;

/// Runs a leg from scratch with what is kept.
pub(super) fn prove(state: State, leg: usize) -> Transition {
    run(state, legs::plain_proof(leg))
}

fn run(mut state: State, proof: Proof) -> Transition {
    let leg = proof.leg;
    // One run with the protected files restored says more than one with them changed, which was green before.
    let purpose = if state.touches_protected() { Purpose::ProtectedProof } else { Purpose::FinalProof };
    // An earlier proof was of other code.
    let expired = state.has_told_proof && !state.is_proof_current;
    state.has_told_proof = true;
    state.is_proof_current = true;
    state.phase = Phase::Proving(proof);
    let next = state.act(Action::Run { purpose, leg });
    if expired { next.told_first(vec![Event::ProofExpired]) } else { next }
}

/// After a run from scratch of one leg.
pub(super) fn proved(mut state: State, proof: Proof, seen: Arc<Evidence>) -> Transition {
    let leg = proof.leg;
    match &seen.observation.end {
        RunStatus::Cancelled => return state.finish(Outcome::Cancelled),
        RunStatus::Infrastructure { what } => {
            let what = what.clone();
            return without_verdict(state, proof, what);
        }
        _ => {}
    }
    let vanished =
        state.legs[leg].baseline.as_ref().and_then(|b| missing_tests(&b.observation, &seen.observation));
    if proof.repeats == 0 || seen.observation.end != RunStatus::Green {
        state.legs[leg].seen = Some(seen.clone());
    }
    if proof.partial.is_some() {
        return proved_partly(state, proof, seen, vanished.is_some());
    }
    if seen.observation.end == RunStatus::Green && vanished.is_none() {
        return counter_proof::holds(state, proof, seen);
    }
    let is_healed = matches!(state.legs[leg].status, LegStatus::Green { .. });
    if !is_healed && vanished.is_none() {
        return legs::red_as_before(state, leg, seen);
    }
    let disputed = match &seen.observation.end {
        RunStatus::Disputed { by } => Some(text::disagreement(by)),
        _ => None,
    };
    let why = vanished.or(disputed).unwrap_or_else(|| {
        if state.touches_protected() {
            "the fix holds only with its changes to protected files".to_owned()
        } else {
            "the fix did not hold in a run from scratch".to_owned()
        }
    });
    does_not_hold(state, leg, &why)
}

/// A leg is green from scratch; what may be green by chance is run again, unless it was at once.
pub(super) fn holds(mut state: State, proof: &Proof, seen: &Evidence) -> Transition {
    let leg = proof.leg;
    let is_first = !state.legs[leg].is_proven;
    let fixed_by_chance = state.kept.iter().any(|kept| kept.leg == leg && kept.flaky_kind);
    let repeats = match (is_first, fixed_by_chance) {
        (true, true) => proofs_wanted(seen, &state.steps_fixed_by_chance(leg), state.rules.flaky_runs),
        (true, false) => 0,
        (false, _) => proof.repeats - 1,
    };
    state.legs[leg].is_proven = true;
    if !matches!(state.legs[leg].status, LegStatus::Green { .. }) {
        state.legs[leg].status = LegStatus::Green { kept: state.kept.len(), end: None };
    }
    if repeats > 0 {
        state.phase = Phase::Proving(Proof { repeats, ..proof.clone() });
        return state.act(Action::Run { purpose: Purpose::RepeatedProof, leg });
    }
    legs::advance(state)
}

/// The machine failed: once more, then a leg that nothing was fixed in is left to CI.
fn without_verdict(mut state: State, proof: Proof, what: String) -> Transition {
    state.infrastructure_failures += 1;
    if state.infrastructure_failures == 1 {
        return run(state, proof);
    }
    let leg = proof.leg;
    if let Some(outcome) = proof.partial {
        return state.finish(outcome);
    }
    if state.legs.len() > 1 && state.kept.iter().all(|kept| kept.leg != leg) {
        state.legs[leg].status = LegStatus::Unjudged(Outcome::Error { what });
        return legs::advance(state);
    }
    state.finish(Outcome::Error { what })
}

/// What is kept does not hold in a leg: the fixes since it was right go.
pub(super) fn does_not_hold(state: State, leg: usize, why: &str) -> Transition {
    let own = state.kept.iter().position(|kept| kept.leg == leg);
    let since = match &state.legs[leg].status {
        LegStatus::Green { kept, .. } if *kept < state.kept.len() => Some(*kept),
        _ => own,
    };
    let from = since.unwrap_or(0);
    take_back(state, leg, from, why.to_owned(), None)
}

/// Takes back what is kept from `from` on, and begins anew with more context.
pub(super) fn take_back(
    mut state: State,
    leg: usize,
    from: usize,
    why: String,
    rejection: Option<Rejection>,
) -> Transition {
    let from = from.max(state.published);
    // Whose fixes they are begins anew, with more context.
    let begins_anew = state.kept.get(from).map_or(leg, |kept| kept.leg);
    let failures = state.legs[begins_anew].baseline.iter().flat_map(|b| b.observation.failures.keys());
    for bug in failures.cloned().collect::<Vec<_>>() {
        let level = state.levels.get(&bug).copied().unwrap_or(1) + 1;
        state.levels.insert(bug, level);
    }
    let then = legs::after_a_fix_that_did_not_hold(&state, begins_anew);
    revert_kept(state, from, why, rejection, then)
}

/// Takes back what is kept from `from` on; nothing that is published.
pub(super) fn revert_kept(
    mut state: State,
    from: usize,
    why: String,
    rejection: Option<Rejection>,
    then: Then,
) -> Transition {
    let from = from.max(state.published);
    let changes: Vec<Vec<FileChange>> =
        state.kept.iter().skip(from).rev().map(|kept| kept.changes.clone()).collect();
    state.phase = Phase::RevertingKept { from, why, rejection, then };
    state.act(Action::Revert { changes })
}

pub(super) fn kept_reverted(
    mut state: State,
    from: usize,
    why: String,
    rejection: Option<Rejection>,
    then: Then,
) -> Transition {
    let kept = state.kept.split_off(from.min(state.kept.len()));
    let count = kept.len();
    state.given_back = state.given_back.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    let facts = vec![Event::KeptReverted { count, why: why.clone(), rejection }];
    let reverted: Vec<PastAttempt> = kept
        .into_iter()
        .rev()
        .map(|KeptFix { proposal, changes, .. }| {
            let patch = patch_fingerprint(&changes);
            PastAttempt::reverted(proposal, patch, why.clone(), Vec::new())
        })
        .collect();
    state.code_changed();
    let mut next = super::go_on(state, then);
    next.state.history.extend(reverted);
    next.told_first(facts)
}

/// Every leg is green from scratch.
pub(super) fn all_proven(mut state: State) -> Transition {
    match state.rules.goal {
        Goal::Patch => state.finish(Outcome::Patched),
        Goal::Commit => state.finish(Outcome::Healed),
        Goal::Publish { .. } if state.pushes >= state.rules.max_attempts => {
            state.finish(Outcome::BudgetSpent { which: BudgetKind::Pushes })
        }
        Goal::Publish { .. } => {
            state.phase = Phase::Publishing { then: None };
            state.act(Action::Publish { partial: false })
        }
    }
}

/// The run ends unhealed: each fix that stays is proven for its own failure, or does not leave the run.
pub(super) fn prove_partly(mut state: State, cause: Outcome) -> Transition {
    if state.unpublished().is_empty() {
        return state.finish(cause);
    }
    let open = (0..state.legs.len()).find(|leg| {
        state.legs[*leg].seen.is_none()
            && !matches!(state.legs[*leg].status, LegStatus::Unjudged(_) | LegStatus::PassedOver)
    });
    match open {
        Some(leg) => run(state, Proof { partial: Some(cause), ..legs::plain_proof(leg) }),
        None => match counter_proof::of_a_part(&mut state) {
            Some((proof, seen, step)) => {
                counter_proof::ask(state, Proof { partial: Some(cause), ..proof }, seen, step)
            }
            None => partly_proven(state, cause),
        },
    }
}

fn proved_partly(mut state: State, proof: Proof, seen: Arc<Evidence>, has_fewer_tests: bool) -> Transition {
    let leg = proof.leg;
    let Some(cause) = proof.partial else { return state.finish(Outcome::Cancelled) };
    let is_green = seen.observation.end == RunStatus::Green && !has_fewer_tests;
    state.legs[leg].is_proven = is_green;
    if is_green {
        state.legs[leg].status = LegStatus::Green { kept: state.kept.len(), end: None };
    }
    prove_partly(state, cause)
}

/// Every leg that can be judged was run from scratch: what of it is proven?
fn partly_proven(mut state: State, cause: Outcome) -> Transition {
    if state.legs.iter().all(|leg| leg.is_proven || leg.status == LegStatus::PassedOver) {
        return all_proven(state);
    }
    let touched: Vec<_> = state.kept.iter().flat_map(|kept| kept.touched.clone()).collect();
    let broken = state.legs.iter().find_map(|leg| {
        let (before, after) = (leg.baseline.as_ref()?, leg.seen.as_ref()?);
        regression(&before.observation, &after.observation, &touched)
    });
    let first_unproven = if broken.is_some() {
        Some(state.published)
    } else {
        (state.published..state.kept.len()).find(|at| !is_proven(&state, &state.kept[*at]))
    };
    if let Some(from) = first_unproven {
        let why = broken
            .unwrap_or_else(|| "nothing shows that it fixes its own failure while others are red".to_owned());
        return revert_kept(state, from, why, None, Then::ProvePartial(cause));
    }
    let fixed: Vec<_> = state.unpublished().iter().flat_map(|kept| kept.fixed.keys().cloned()).collect();
    let seen = state.legs.iter().filter_map(|leg| leg.seen.as_ref());
    let left: Vec<_> = seen.flat_map(|seen| seen.observation.failures.keys().cloned()).collect();
    let seen = state.legs.iter().filter_map(|leg| Some((leg, leg.seen.as_ref()?)));
    let old = seen.flat_map(|(leg, seen)| old_failures(leg, &seen.observation)).collect();
    let facts = vec![Event::PartiallyProven { fixed, left, old }];
    let outcome = Outcome::Partial { why: cause.reason() };
    let may_publish = state.rules.on_partial == OnPartial::Publish
        && matches!(state.rules.goal, Goal::Publish { .. })
        && state.pushes < state.rules.max_attempts;
    if may_publish {
        state.phase = Phase::Publishing { then: Some(outcome) };
        return state.act(Action::Publish { partial: true }).told_first(facts);
    }
    state.finish(outcome).told_first(facts)
}

/// What of a run's failures the last green commit has as well.
fn old_failures(leg: &Leg, seen: &Observation) -> BTreeSet<Fingerprint> {
    leg.old_failures(seen).map(|old| old.failures).unwrap_or_default()
}

/// A kept fix is proven for its own failure by its leg's run from scratch.
fn is_proven(state: &State, kept: &KeptFix) -> bool {
    let leg = &state.legs[kept.leg];
    let (Some(before), Some(after)) = (&leg.baseline, &leg.seen) else { return false };
    let after = &after.observation;
    !kept.is_suspect
        && !state.legs.iter().any(|leg| its_tests_fail(leg, kept))
        && is_proven_fixed(&before.observation, after, &old_failures(leg, after), kept.step, &kept.fixed)
}

/// A failed job shows, behind what failed there at first, failures in tests of what the fix changes: in those that name
/// it, and in those that stand in the same file.
fn its_tests_fail(leg: &Leg, kept: &KeptFix) -> bool {
    let (Some(before), Some(after)) = (&leg.baseline, &leg.seen) else { return false };
    let (before, after) = (&before.observation, &after.observation);
    let old = old_failures(leg, after);
    let is_new = |key: &Fingerprint| !before.failures.contains_key(key) && !old.contains(key);
    let own = kept.changes.iter().map(|change| change.path.as_str());
    let tests: Vec<&str> = own.chain(kept.tested_by.iter().map(String::as_str)).collect();
    after.failures.iter().filter(|(key, failure)| is_new(key) && failure.is_of_running()).any(
        |(_, failure)| {
            failure.file.as_ref().is_some_and(|file| tests.iter().any(|test| same_file(test, file)))
        },
    )
}
