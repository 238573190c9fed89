//! A proposal gets to a step that CI never reached, and that step is red. The unchanged code is asked first, then, where it
//! could not do the step's work, the last green commit.

use std::sync::Arc;

use super::keep;
use crate::contract::event::Purpose;
use crate::contract::outcome::Outcome;
use crate::contract::report::Progress as ProgressReport;
use crate::orchestrator::evidence::Evidence;
use crate::orchestrator::never_reached::{Uncovered, judge_uncovered};
use crate::orchestrator::progress::{RunStatus, report, same_file};
use crate::orchestrator::state::{Action, AtLastGreen, Phase, State, Then, Transition, Trial};
use crate::orchestrator::verdict::is_said_without_the_fix;

/// What a step that CI never reached says of the unchanged code is known: judge the proposal that got there.
pub(super) fn uncovered(
    mut state: State,
    trial: Trial,
    seen: Arc<Evidence>,
    unchanged: Arc<Evidence>,
) -> Transition {
    if unchanged.observation.end == RunStatus::Cancelled {
        return cancelled(state, trial);
    }
    // The unchanged code says beside exit code 0 what spoke against it here. It is asked once.
    let by = match &seen.observation.end {
        RunStatus::Disputed { by } if state.legs[state.leg].uncovered.is_none() => Some(by),
        _ => None,
    };
    if by.is_some_and(|by| is_said_without_the_fix(&unchanged, by)) {
        let leg = state.leg;
        state.legs[leg].uncovered = Some(unchanged);
        state.phase = Phase::Trying(trial);
        return state.act(Action::Run { purpose: Purpose::Attempt, leg });
    }
    let verdict = judge_uncovered(&unchanged, &seen, &trial.offer.touched);
    let leg = state.leg;
    state.legs[leg].uncovered = Some(unchanged);
    match verdict {
        Uncovered::Refuted(why) => {
            let Some((_, made)) = compared(&state, &seen) else { return without_a_run_before(state, trial) };
            state.escalate_context(trial.source, trial.target);
            let compared = ProgressReport { made: false, ..made };
            state.revert(trial, &why, Some((seen, compared)), Then::Choose)
        }
        Uncovered::Old => stays(state, trial, seen, "without the fix, too", false),
        Uncovered::Unknown => {
            let step = seen.observation.failing_step.unwrap_or_default();
            match state.legs[leg].at_last_green.get(&step).cloned() {
                Some(known) => judged(state, trial, seen, known),
                None => {
                    state.phase = Phase::AskingLastGreen { trial, seen };
                    state.act(Action::Run { purpose: Purpose::LastGreen, leg })
                }
            }
        }
    }
}

/// The last green commit has said what it can.
pub(super) fn answered(
    mut state: State,
    trial: Trial,
    seen: Arc<Evidence>,
    known: Option<AtLastGreen>,
) -> Transition {
    if known.as_ref().is_some_and(|known| known.seen.observation.end == RunStatus::Cancelled) {
        return cancelled(state, trial);
    }
    let step = seen.observation.failing_step.unwrap_or_default();
    let leg = state.leg;
    state.legs[leg].at_last_green.insert(step, known.clone());
    judged(state, trial, seen, known)
}

/// What the last green commit has as well is not the fix's doing; all else is the next failure to heal.
fn judged(state: State, trial: Trial, seen: Arc<Evidence>, known: Option<AtLastGreen>) -> Transition {
    let old = state.legs[state.leg].old_failures(&seen.observation);
    let is_old = |key| old.as_ref().is_some_and(|old| old.failures.contains(key));
    let tested_by = &trial.offer.tested_by;
    let is_suspect = seen
        .observation
        .failures
        .iter()
        .filter(|(key, _)| !is_old(*key))
        .filter_map(|(_, failure)| failure.file.as_ref())
        .any(|file| tested_by.iter().any(|test| same_file(test, file)));
    let since = match (&old, &known) {
        (Some(old), _) if old.are_all => format!("at the last green commit {}, too", old.commit.short()),
        (_, Some(known)) => format!("since the last green commit {}", known.commit.short()),
        (_, None) => "since a change nobody ran".to_owned(),
    };
    stays(state, trial, seen, &since, is_suspect)
}

/// The proposal stays; `since` says what is known of the step that fails now.
fn stays(state: State, trial: Trial, seen: Arc<Evidence>, since: &str, is_suspect: bool) -> Transition {
    let Some((was, made)) = compared(&state, &seen) else { return without_a_run_before(state, trial) };
    let is = seen.observation.failing_step.map_or(0, |step| step + 1);
    let how = format!("step {was} passes; step {is}, which CI never reached, fails {since}");
    keep(state, trial, seen, how, made, is_suspect)
}

/// The number of the step that failed before, and what the two runs have in common.
fn compared(state: &State, seen: &Evidence) -> Option<(usize, ProgressReport)> {
    let before = &state.current.as_ref()?.observation;
    let was = before.failing_step.map_or(0, |step| step + 1);
    Some((was, report(before, &seen.observation, true)))
}

fn without_a_run_before(state: State, trial: Trial) -> Transition {
    let then = Then::Finish(Outcome::Error { what: "an attempt without a run before it".to_owned() });
    state.revert(trial, "there is nothing to compare with", None, then)
}

fn cancelled(state: State, trial: Trial) -> Transition {
    state.revert(trial, "the run ended before its verdict", None, Then::Finish(Outcome::Cancelled))
}

/// Why no fix is looked for: all that is left fails at the last green commit as well.
pub(super) fn only_old_is_left(state: &State) -> Option<String> {
    let seen = &state.current.as_ref()?.observation;
    let old = state.legs[state.leg].old_failures(seen).filter(|old| old.are_all)?;
    let step = seen.failing_step? + 1;
    Some(format!(
        "what fails in step {step} fails here at {}, the last green commit, too, which CI passed: the sandbox lacks \
         something, or something outside the code has changed",
        old.commit.short()
    ))
}
