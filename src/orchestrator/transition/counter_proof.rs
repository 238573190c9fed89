//! Beside each proof stands a counter-proof: every step that was healed is asked once more, over a copy with failures
//! planted into it, whether it can still say no. What cannot is no proof, and its fixes go.

use std::sync::Arc;

use super::{legs, proof};
use crate::contract::control::{CounterProof, StepCounterProof};
use crate::contract::event::{Event, Purpose};
use crate::contract::fix::Rejection;
use crate::contract::settings::CounterProofRule;
use crate::orchestrator::evidence::Evidence;
use crate::orchestrator::progress::RunStatus;
use crate::orchestrator::state::{Action, Phase, Proof, State, Then, Transition};

/// A leg is green from scratch.
pub(super) fn holds(state: State, proof: Proof, seen: Arc<Evidence>) -> Transition {
    match state.open_counter_proofs(proof.leg).first().copied() {
        Some(step) => ask(state, proof, seen, step),
        None => proof::holds(state, &proof, &seen),
    }
}

pub(super) fn ask(mut state: State, proof: Proof, seen: Arc<Evidence>, step: usize) -> Transition {
    if state.rules.counter_proof == CounterProofRule::Off {
        let shown = CounterProof::none("`require-counter-proof` is false");
        return answered(state, proof, seen, step, Ok(shown));
    }
    let leg = proof.leg;
    state.phase = Phase::CounterProving { proof, seen, step };
    state.act(Action::Run { purpose: Purpose::CounterProof, leg })
}

/// Of a run that does not end green: the next healed step that its leg's run from scratch came through.
pub(super) fn of_a_part(state: &mut State) -> Option<(Proof, Arc<Evidence>, usize)> {
    (0..state.legs.len()).find_map(|leg| {
        let seen = state.legs[leg].seen.clone()?;
        let step = *state.open_counter_proofs(leg).first()?;
        let is_through = seen.observation.failing_step.is_none_or(|failing| failing > step)
            && matches!(
                seen.observation.end,
                RunStatus::Green | RunStatus::Red | RunStatus::Unreproducible { .. }
            );
        is_through.then(|| (legs::plain_proof(leg), seen, step))
    })
}

/// After the run with planted failures.
pub(super) fn answered(
    mut state: State,
    proof: Proof,
    seen: Arc<Evidence>,
    step: usize,
    answer: Result<CounterProof, String>,
) -> Transition {
    let leg = proof.leg;
    let shown = match answer {
        Ok(shown) => shown,
        Err(what) => {
            state.infrastructure_failures += 1;
            if state.infrastructure_failures == 1 {
                return ask(state, proof, seen, step);
            }
            CounterProof::None { why: what }
        }
    };
    state.legs[leg].counter_proofs.insert(step, shown.clone());
    let fact =
        Event::CounterProven { job: leg, counter_proof: StepCounterProof { step, proof: shown.clone() } };
    let asked_for = match state.rules.counter_proof {
        CounterProofRule::Off => None,
        _ => state.kept_for(leg, step).flat_map(|kept| &kept.needs_counter_proof).next().cloned(),
    };
    let is_required = state.rules.counter_proof == CounterProofRule::Required || asked_for.is_some();
    let next = match (shown, proof.partial.clone()) {
        (CounterProof::JudgeDisarmed { why }, _) => {
            let words = format!("the step is green and cannot fail any more: {why}");
            take_back(state, &proof, step, words, Rejection::JudgeDisarmed { why })
        }
        (CounterProof::Overfitted { why }, _) => {
            let words = format!("it answers the failing test alone: {why}");
            take_back(state, &proof, step, words, Rejection::Overfitted { why })
        }
        (CounterProof::None { why }, _) if is_required => {
            let why = asked_for.map_or(why.clone(), |power| format!("{why}; the fix asks for one: {power}"));
            let words = format!("no counter-proof: {why}");
            take_back(state, &proof, step, words, Rejection::NoCounterProof { why })
        }
        (_, Some(cause)) => proof::prove_partly(state, cause),
        (_, None) => holds(state, proof, seen),
    };
    next.told_first(vec![fact])
}

/// The step's fixes go, and all that is kept upon them.
fn take_back(state: State, proof: &Proof, step: usize, why: String, rejection: Rejection) -> Transition {
    let leg = proof.leg;
    let first = state.kept.iter().position(|kept| kept.leg == leg && state.step_of(kept) == Some(step));
    let from = first.unwrap_or(0).max(state.published);
    if from >= state.kept.len() {
        // It is out: nothing of it is confirmed any more.
        let what = format!("what was published does not hold: {why}");
        return state.finish(crate::contract::outcome::Outcome::Exhausted { why: what });
    }
    match proof.partial.clone() {
        Some(cause) => proof::revert_kept(state, from, why, Some(rejection), Then::ProvePartial(cause)),
        None => proof::take_back(state, leg, from, why, Some(rejection)),
    }
}
