//! The failed jobs of a run ("legs"), one after the other: each is reproduced on the unchanged code, healed, and at the
//! end proven with all that is kept. A failure of another leg that the unchanged code has as well is the next thing to
//! heal; only a new one speaks against what is kept.

use std::sync::Arc;

use super::proof;
use super::{choose, finish_unhealed};
use crate::contract::event::Purpose;
use crate::contract::outcome::Outcome;
use crate::orchestrator::by_chance::looks_wanted;
use crate::orchestrator::evidence::Evidence;
use crate::orchestrator::progress::{RunStatus, regression};
use crate::orchestrator::state::{Action, LegStatus, Phase, Proof, State, Then, Transition};
use crate::orchestrator::verdict::is_said_without_the_fix;

/// Runs the unchanged code of the leg at hand.
pub(super) fn reproduce(mut state: State) -> Transition {
    state.phase = Phase::Reproducing { runs: 0, red: 0 };
    let leg = state.leg;
    state.act(Action::Run { purpose: Purpose::Baseline, leg })
}

/// After a run of the unchanged code: red and real, flaky, green, or not ours.
pub(super) fn reproduced(mut state: State, runs: u32, red: u32, seen: Arc<Evidence>) -> Transition {
    let leg = state.leg;
    let runs = runs + 1;
    let repeat = Action::Run { purpose: Purpose::Repeat, leg };
    match &seen.observation.end {
        RunStatus::Infrastructure { what } => {
            state.infrastructure_failures += 1;
            if state.infrastructure_failures > 1 {
                return nothing_to_heal(state, Outcome::Error { what: what.clone() });
            }
            state.phase = Phase::Reproducing { runs: runs - 1, red };
            let purpose = if runs == 1 { Purpose::Baseline } else { Purpose::Repeat };
            return state.act(Action::Run { purpose, leg });
        }
        RunStatus::Cancelled => return state.finish(Outcome::Cancelled),
        // What failed before passes now.
        RunStatus::Unreproducible { .. } if red > 0 => {
            return nothing_to_heal(state, Outcome::Flaky { failed: red, runs });
        }
        RunStatus::Unreproducible { what } => return nothing_to_heal(state, cannot_run(what)),
        RunStatus::TimedOut { .. } | RunStatus::OutOfMemory => {
            let why = limits(&seen.observation.end).unwrap_or_default();
            return nothing_to_heal(state, Outcome::Environment { why });
        }
        RunStatus::Green if red > 0 => return nothing_to_heal(state, Outcome::Flaky { failed: red, runs }),
        RunStatus::Green if !state.rules.ci_known_red => return is_green(state, Outcome::AlreadyGreen),
        RunStatus::Green if runs <= state.rules.flaky_runs => {
            state.phase = Phase::Reproducing { runs, red };
            return state.act(repeat);
        }
        RunStatus::Green => return is_green(state, Outcome::NotReproduced { runs }),
        // An earlier run was green.
        RunStatus::Red | RunStatus::Disputed { .. } if runs > red + 1 => {
            return nothing_to_heal(state, Outcome::Flaky { failed: red + 1, runs });
        }
        RunStatus::Red | RunStatus::Disputed { .. } => {}
    }
    let red = red + 1;
    if seen.observation.is_environment_only() {
        return nothing_to_heal(state, outside_the_code(&seen));
    }
    let left = state.all_only_diagnosed(&seen).then_some(Outcome::Diagnosed);
    if let Some(outcome) = state.rules.diagnose_only.clone().or(left) {
        is_the_one(&mut state, leg);
        state.legs[leg].baseline = Some(seen);
        state.legs[leg].status = LegStatus::GivenUp(outcome);
        return advance(state);
    }
    if let Some(outcome) = seen.not_here.as_deref().cloned() {
        return nothing_to_heal(state, outcome);
    }
    // A failing test may fail by chance; seeing it twice costs little, healing a ghost costs the whole budget.
    let first = state.legs[leg].baseline.as_ref().unwrap_or(&seen);
    if runs < looks_wanted(first, state.rules.flaky_runs) {
        state.legs[leg].baseline.get_or_insert(seen);
        state.phase = Phase::Reproducing { runs, red };
        return state.act(repeat);
    }
    // A repeat ends behind the failing step, so the first run is the one to compare with.
    let baseline = state.legs[leg].baseline.get_or_insert(seen).clone();
    begin(state, leg, baseline)
}

/// How a job ends in which no failure is the code's: by what is known of it, where something is.
fn outside_the_code(seen: &Evidence) -> Outcome {
    match seen.not_here.as_deref() {
        Some(known @ Outcome::Environment { .. }) => known.clone(),
        _ => Outcome::Environment { why: "every failure the build shows lies outside the code".to_owned() },
    }
}

/// Why a limit of the sandbox ended a run.
fn limits(end: &RunStatus) -> Option<String> {
    match end {
        RunStatus::TimedOut { after_seconds } => {
            Some(format!("the build did not end within {after_seconds} s; `sandbox-timeout` allows more"))
        }
        RunStatus::OutOfMemory => {
            Some("the build ran out of memory; `sandbox-memory` allows more".to_owned())
        }
        _ => None,
    }
}

/// How a job ends that comes to a step which cannot be run here.
pub(super) fn cannot_run(what: &str) -> Outcome {
    let (why, remedy) = what.split_once("; ").unwrap_or((what, "give the commands that fail as `command`"));
    Outcome::Refused { why: why.to_owned(), remedy: Some(remedy.to_owned()) }
}

/// Where only the first red leg is healed: this is it.
fn is_the_one(state: &mut State, leg: usize) {
    if state.rules.only_first_red && state.kept.is_empty() {
        state.legs.truncate(leg + 1);
        // Only those that could not be judged without a fix: what was green is proven with it, or the heal is none.
        for earlier in &mut state.legs[..leg] {
            if matches!(earlier.status, LegStatus::Unjudged(_)) {
                earlier.status = LegStatus::PassedOver;
            }
        }
    }
}

/// Begins to heal a leg that is red like `seen` with what is kept.
fn begin(mut state: State, leg: usize, seen: Arc<Evidence>) -> Transition {
    state.leg = leg;
    is_the_one(&mut state, leg);
    state.legs[leg].status = LegStatus::Open;
    state.legs[leg].entry = Some((seen.clone(), state.kept.len()));
    state.history.clear();
    state.set_target(seen);
    choose(state)
}

/// The leg's failure is none that could be healed here.
fn nothing_to_heal(mut state: State, outcome: Outcome) -> Transition {
    let leg = state.leg;
    state.legs[leg].status = LegStatus::Unjudged(outcome);
    advance(state)
}

/// The leg's unchanged code is green here.
fn is_green(mut state: State, end: Outcome) -> Transition {
    let (leg, kept) = (state.leg, state.kept.len());
    state.legs[leg].status = LegStatus::Green { kept, end: Some(end) };
    advance(state)
}

/// The leg at hand has no further idea for it.
pub(super) fn give_up(mut state: State, outcome: Outcome) -> Transition {
    // What CI showed of a published heal is no leg's.
    if state.after_red_ci {
        return finish_unhealed(state, outcome);
    }
    let leg = state.leg;
    state.legs[leg].status = LegStatus::GivenUp(outcome);
    advance(state)
}

/// The next thing to do once the leg at hand is green, given up or not ours.
pub(super) fn advance(mut state: State) -> Transition {
    if let Some(open) = state.legs.iter().position(|leg| leg.status == LegStatus::Open) {
        if !state.kept.is_empty() {
            return proof::prove(state, open);
        }
        // With nothing kept, its unchanged code is all there is to look at.
        let known = state.legs[open].baseline.clone();
        return match known.filter(|seen| !seen.observation.is_green()) {
            Some(baseline) => begin(state, open, baseline),
            None => {
                state.leg = open;
                reproduce(state)
            }
        };
    }
    let given_up = state.legs.iter().find_map(|leg| match &leg.status {
        LegStatus::GivenUp(outcome) => Some(outcome.clone()),
        _ => None,
    });
    let unjudged = state.legs.iter().find_map(|leg| match &leg.status {
        LegStatus::Unjudged(outcome) => Some(outcome.clone()),
        _ => None,
    });
    if let Some(outcome) = given_up.or(unjudged) {
        return finish_unhealed(state, outcome);
    }
    if state.kept.is_empty() {
        let end = state.legs.iter().find_map(|leg| match &leg.status {
            LegStatus::Green { end, .. } => end.clone(),
            _ => None,
        });
        return state.finish(end.unwrap_or(Outcome::AlreadyGreen));
    }
    match state.legs.iter().position(|leg| !leg.is_proven && leg.status != LegStatus::PassedOver) {
        Some(leg) => proof::prove(state, leg),
        None => proof::all_proven(state),
    }
}

/// A leg is red with what is kept, and this is its unchanged code.
pub(super) fn compared(
    mut state: State,
    leg: usize,
    seen: Arc<Evidence>,
    unchanged: Arc<Evidence>,
) -> Transition {
    match &unchanged.observation.end {
        RunStatus::Cancelled => return state.finish(Outcome::Cancelled),
        RunStatus::Infrastructure { what } => {
            state.leg = leg;
            return nothing_to_heal(state, Outcome::Error { what: what.clone() });
        }
        RunStatus::Unreproducible { what } => {
            state.leg = leg;
            return nothing_to_heal(state, cannot_run(what));
        }
        RunStatus::TimedOut { .. } | RunStatus::OutOfMemory => {
            state.leg = leg;
            let why = limits(&unchanged.observation.end).unwrap_or_default();
            return nothing_to_heal(state, Outcome::Environment { why });
        }
        RunStatus::Green | RunStatus::Red if is_the_unchanged_codes(&seen, &unchanged) => {
            state.legs[leg].baseline = Some(unchanged);
            return proof::prove(state, leg);
        }
        RunStatus::Green => {
            state.legs[leg].baseline = Some(unchanged);
            // A test may have failed by chance, with the fix or in CI: once more, before a right fix is lost to it.
            if seen.observation.may_be_flaky() && state.rules.flaky_runs > 0 {
                return proof::prove(state, leg);
            }
            return red_as_before(state, leg, seen);
        }
        RunStatus::Red | RunStatus::Disputed { .. } => {}
    }
    if let Some(outcome) = unchanged.not_here.as_deref().cloned() {
        state.leg = leg;
        return nothing_to_heal(state, outcome);
    }
    state.legs[leg].baseline = Some(unchanged);
    red_as_before(state, leg, seen)
}

/// What speaks against exit code 0 with what is kept, speaks so without it.
fn is_the_unchanged_codes(seen: &Evidence, unchanged: &Evidence) -> bool {
    match &seen.observation.end {
        RunStatus::Disputed { by } => is_said_without_the_fix(unchanged, by),
        _ => false,
    }
}

/// A leg that was not healed yet is red with what is kept: the next thing to heal, unless what is kept broke it.
pub(super) fn red_as_before(mut state: State, leg: usize, seen: Arc<Evidence>) -> Transition {
    let Some(baseline) = state.legs[leg].baseline.clone() else {
        state.phase = Phase::Comparing { leg, seen };
        return state.act(Action::Run { purpose: Purpose::Baseline, leg });
    };
    if baseline.observation.is_green() {
        let (kept, end) = (0, Some(Outcome::NotReproduced { runs: 1 }));
        state.legs[leg].status = LegStatus::Green { kept, end };
        return proof::does_not_hold(state, leg, "another failed job, green without the fix, fails with it");
    }
    let touched: Vec<_> = state.kept.iter().flat_map(|kept| kept.touched.clone()).collect();
    if let Some(why) = regression(&baseline.observation, &seen.observation, &touched) {
        return proof::does_not_hold(state, leg, &format!("in another failed job {why}"));
    }
    state.leg = leg;
    if let RunStatus::Unreproducible { what } = &seen.observation.end {
        return nothing_to_heal(state, cannot_run(what));
    }
    if seen.observation.is_environment_only() {
        return nothing_to_heal(state, outside_the_code(&seen));
    }
    begin(state, leg, seen)
}

/// With a leg again from where its healing began; the fixes kept since then are taken back.
pub(super) fn start_over(mut state: State, leg: usize) -> Transition {
    let kept = state.kept.len();
    for other in &mut state.legs {
        other.is_proven = false;
        other.seen = None;
        // What was green only with the fixes that are gone is looked at again.
        if matches!(other.status, LegStatus::Green { kept: with, .. } if with > kept) {
            other.status = LegStatus::Open;
        }
    }
    let from = state.legs[leg].entry.clone().filter(|(_, with)| *with == kept).map(|(seen, _)| seen);
    match from.or_else(|| state.legs[leg].baseline.clone().filter(|_| kept == 0)) {
        Some(seen) if !seen.observation.is_green() => begin(state, leg, seen),
        // It is run again with what is left, and healed from there.
        _ => advance(state),
    }
}

/// A proof of a leg, not told to end the run.
pub(super) fn plain_proof(leg: usize) -> Proof {
    Proof { leg, repeats: 0, partial: None }
}

/// How it goes on once fixes are taken back because a leg did not hold.
pub(super) fn after_a_fix_that_did_not_hold(state: &State, leg: usize) -> Then {
    if state.after_red_ci {
        let why = "what CI shows could not be fixed without breaking the proof".to_owned();
        Then::Finish(Outcome::Exhausted { why })
    } else {
        Then::StartOver { leg }
    }
}
