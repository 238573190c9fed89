//! The transition table of the retry loop: `step(state, event) → (state, effects, next action)`, pure.
//!
//! What it guarantees, whatever the events (see the property tests): it ends; it publishes only what the final
//! proof has shown green since the last change; a reverted fix is never committed; it spends no more attempts and
//! pushes than allowed.

use std::collections::{BTreeMap, BTreeSet};

use super::progress::{End, Observation, Progress, Touched, compare, fewer_tests};
use crate::contract::bug::{Category, Fingerprint};
use crate::contract::event::Purpose;
use crate::contract::outcome::{Budget, Outcome};

/// The last context level: a bug that a fix with this much context does not fix is given up.
pub const LAST_LEVEL: u8 = 4;

/// What the user allows and asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Fix attempts over the whole run; also the most pushes.
    pub max_attempts: u32,
    pub flaky_runs: u32,
    /// In the order to try them.
    pub sources: Vec<Source>,
    pub goal: Goal,
    pub push_partial: bool,
    /// End so after the first run, without a fix.
    pub diagnose_only: Option<Outcome>,
    /// GitHub says that this commit failed; a green sandbox then means flaky or not reproduced.
    pub ci_known_red: bool,
}

/// Where proposals come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// What the log itself states; free.
    Toolchain,
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

#[derive(Debug, Clone, PartialEq)]
pub struct State {
    rules: Rules,
    phase: Phase,
    attempts: u32,
    pushes: u32,
    /// The unchanged code.
    baseline: Option<Observation>,
    /// Base plus what is kept: what the next attempt has to improve on.
    current: Option<Observation>,
    /// What to fix next, in order; rebuilt whenever `current` changes.
    targets: Vec<Target>,
    /// The context level each failure has reached; it never falls.
    levels: BTreeMap<Fingerprint, u8>,
    /// Sources that have nothing more to offer for `current`.
    dry: BTreeSet<Source>,
    /// Fixes kept and not yet published.
    kept: u32,
    /// Some kept fix changed a protected file.
    touches_protected: bool,
    /// Some fixed failure was one of those that come and go by chance.
    fixed_flaky_kind: bool,
    infrastructure_failures: u32,
    /// CI failed on a published heal, and its log says what is left.
    after_red_ci: bool,
    last_provider_trouble: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Start,
    /// The unchanged code is run; `red` of `runs` runs so far failed.
    Reproducing {
        runs: u32,
        red: u32,
    },
    Choosing {
        source: Source,
        target: usize,
    },
    Trying(Trial),
    Proving {
        runs_left: u32,
        protected: bool,
    },
    Publishing {
        then: Option<Outcome>,
    },
    Watching,
    Done,
}

/// A proposal on trial: who made it for which target, and what it touches.
#[derive(Debug, Clone, PartialEq)]
struct Trial {
    source: Source,
    target: usize,
    touched: Vec<Touched>,
    protected: bool,
}

/// Failures that go into one request: those of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    bugs: Vec<Fingerprint>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    Begin,
    /// The run that was asked for has ended.
    Ran(Observation),
    /// A proposal passed the gates and is applied, not yet proven.
    Offered {
        touched: Vec<Touched>,
        protected: bool,
    },
    /// A model's proposal did not pass the gates.
    Rejected,
    /// This source has no (further) idea.
    NothingOffered,
    /// No model server is left to ask.
    ProvidersGone {
        why: String,
    },
    /// The next request or run would break this budget.
    BudgetSpent(Budget),
    Published,
    /// Publishing was refused or failed; the outcome says how.
    PublishFailed {
        outcome: Outcome,
    },
    CiPassed,
    /// CI is red although the sandbox is green; what its log shows.
    CiFailed(Observation),
    /// There is no verdict of CI, and why is in the report.
    CiUnknown,
    Cancelled,
}

/// What to do at once; gives no event back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Commit the applied proposal.
    Keep,
    /// Take the applied proposal back.
    Revert,
    /// Take back everything kept since the last publication.
    RevertKept,
}

/// What to do next; gives exactly one event back, but for `Finish`.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    Run(Purpose),
    /// `bugs` empty: all of them, as the toolchain's own suggestions do not conflict.
    Propose {
        source: Source,
        bugs: Vec<Fingerprint>,
        level: u8,
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
    pub effects: Vec<Effect>,
    pub next: Next,
    /// Why, for the report.
    pub note: Option<String>,
}

impl State {
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            phase: Phase::Start,
            attempts: 0,
            pushes: 0,
            baseline: None,
            current: None,
            targets: Vec::new(),
            levels: BTreeMap::new(),
            dry: BTreeSet::new(),
            kept: 0,
            touches_protected: false,
            fixed_flaky_kind: false,
            infrastructure_failures: 0,
            after_red_ci: false,
            last_provider_trouble: None,
        }
    }

    /// Fix attempts made so far.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    #[must_use]
    pub fn pushes(&self) -> u32 {
        self.pushes
    }

    #[must_use]
    pub fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }
}

/// The table.
#[must_use]
pub fn step(mut state: State, event: Happened) -> Transition {
    let phase = std::mem::replace(&mut state.phase, Phase::Done);
    match (phase, event) {
        (Phase::Done, _) => {
            // Nothing follows the end; saying it again keeps the table total.
            let outcome = Outcome::Error { what: "an event came after the end".to_owned() };
            transition(state, Vec::new(), Next::Finish(outcome))
        }
        (Phase::Trying(_), Happened::Cancelled) => {
            transition(state, vec![Effect::Revert], Next::Finish(Outcome::Cancelled))
        }
        (_, Happened::Cancelled) => transition(state, Vec::new(), Next::Finish(Outcome::Cancelled)),
        (Phase::Trying(_), Happened::BudgetSpent(which)) => {
            wind_up(state, vec![Effect::Revert], Outcome::BudgetSpent { which })
        }
        (
            Phase::Proving { .. } | Phase::Publishing { .. } | Phase::Watching,
            Happened::BudgetSpent(which),
        ) => {
            // What is kept has no proof yet, or is out already: either way nothing more may be pushed.
            transition(state, Vec::new(), Next::Finish(Outcome::BudgetSpent { which }))
        }
        (_, Happened::BudgetSpent(which)) => wind_up(state, Vec::new(), Outcome::BudgetSpent { which }),
        (Phase::Start, Happened::Begin) => {
            state.phase = Phase::Reproducing { runs: 0, red: 0 };
            transition(state, Vec::new(), Next::Run(Purpose::Baseline))
        }
        (Phase::Reproducing { runs, red }, Happened::Ran(seen)) => reproduced(state, runs, red, seen),
        (Phase::Choosing { source, target }, Happened::Offered { touched, protected }) => {
            state.attempts += 1;
            state.phase = Phase::Trying(Trial { source, target, touched, protected });
            transition(state, Vec::new(), Next::Run(Purpose::Attempt))
        }
        (Phase::Choosing { source, target }, Happened::Rejected) => {
            state.attempts += 1;
            raise(&mut state, source, target);
            choose(state, Vec::new())
        }
        (Phase::Choosing { source, target }, Happened::NothingOffered) => {
            match source {
                Source::Toolchain => {
                    state.dry.insert(source);
                }
                Source::Model => raise(&mut state, source, target),
            }
            choose(state, Vec::new())
        }
        (Phase::Choosing { source, .. }, Happened::ProvidersGone { why }) => {
            state.dry.insert(source);
            state.last_provider_trouble = Some(why);
            choose(state, Vec::new())
        }
        (Phase::Trying(trial), Happened::Ran(seen)) => tried(state, trial, seen),
        (Phase::Proving { runs_left, protected }, Happened::Ran(seen)) => {
            proved(state, runs_left, protected, seen)
        }
        (Phase::Publishing { then: Some(outcome) }, Happened::Published) => {
            transition(state, Vec::new(), Next::Finish(outcome))
        }
        (Phase::Publishing { then: None }, Happened::Published) => {
            state.pushes += 1;
            state.kept = 0;
            if state.rules.goal == (Goal::Publish { watch: true }) {
                state.phase = Phase::Watching;
                transition(state, Vec::new(), Next::Watch)
            } else {
                transition(state, Vec::new(), Next::Finish(Outcome::Healed))
            }
        }
        (Phase::Publishing { then }, Happened::PublishFailed { outcome }) => {
            transition(state, Vec::new(), Next::Finish(then.unwrap_or(outcome)))
        }
        (Phase::Watching, Happened::CiPassed | Happened::CiUnknown) => {
            transition(state, Vec::new(), Next::Finish(Outcome::Healed))
        }
        (Phase::Watching, Happened::CiFailed(seen)) => {
            if state.pushes >= state.rules.max_attempts {
                return finish_unhealed(state, Outcome::BudgetSpent { which: Budget::Pushes });
            }
            if seen.is_environment_only() {
                let why = "CI failed on the heal branch for a reason outside the code".to_owned();
                return transition(state, Vec::new(), Next::Finish(Outcome::Environment { why }));
            }
            state.after_red_ci = true;
            aim(&mut state, seen);
            choose(state, Vec::new())
        }
        (phase, event) => {
            let what = format!("unexpected {event:?} in {phase:?}");
            transition(state, Vec::new(), Next::Finish(Outcome::Error { what }))
        }
    }
}

fn transition(state: State, effects: Vec<Effect>, next: Next) -> Transition {
    Transition { state, effects, next, note: None }
}

fn noted(mut t: Transition, note: String) -> Transition {
    t.note = Some(note);
    t
}

/// After a run of the unchanged code: red and real, flaky, green, or not ours.
fn reproduced(mut state: State, runs: u32, red: u32, seen: Observation) -> Transition {
    let runs = runs + 1;
    match &seen.end {
        End::Infrastructure { what } => {
            state.infrastructure_failures += 1;
            if state.infrastructure_failures > 1 {
                return transition(state, Vec::new(), Next::Finish(Outcome::Error { what: what.clone() }));
            }
            state.phase = Phase::Reproducing { runs: runs - 1, red };
            let purpose = if runs == 1 { Purpose::Baseline } else { Purpose::Repeat };
            return transition(state, Vec::new(), Next::Run(purpose));
        }
        End::Cancelled => return transition(state, Vec::new(), Next::Finish(Outcome::Cancelled)),
        End::TimedOut { after_seconds } => {
            let why =
                format!("the build did not end within {after_seconds} s; `sandbox-timeout` allows more");
            return transition(state, Vec::new(), Next::Finish(Outcome::Environment { why }));
        }
        End::OutOfMemory => {
            let why = "the build ran out of memory; `sandbox-memory` allows more".to_owned();
            return transition(state, Vec::new(), Next::Finish(Outcome::Environment { why }));
        }
        End::Green if red > 0 => {
            return transition(state, Vec::new(), Next::Finish(Outcome::Flaky { failed: red, runs }));
        }
        End::Green if !state.rules.ci_known_red => {
            return transition(state, Vec::new(), Next::Finish(Outcome::AlreadyGreen));
        }
        End::Green if runs <= state.rules.flaky_runs => {
            state.phase = Phase::Reproducing { runs, red };
            return transition(state, Vec::new(), Next::Run(Purpose::Repeat));
        }
        End::Green => {
            return transition(state, Vec::new(), Next::Finish(Outcome::NotReproduced { runs }));
        }
        End::Red if runs > red + 1 => {
            // An earlier run was green.
            return transition(state, Vec::new(), Next::Finish(Outcome::Flaky { failed: red + 1, runs }));
        }
        End::Red => {}
    }
    let red = red + 1;
    if seen.is_environment_only() {
        let why = "every failure the build shows lies outside the code".to_owned();
        return transition(state, Vec::new(), Next::Finish(Outcome::Environment { why }));
    }
    if let Some(outcome) = state.rules.diagnose_only.clone() {
        return transition(state, Vec::new(), Next::Finish(outcome));
    }
    // A failing test may fail by chance; seeing it twice costs one run, healing a ghost costs the whole budget.
    if seen.may_be_flaky() && runs == 1 && state.rules.flaky_runs > 0 {
        state.baseline = Some(seen);
        state.phase = Phase::Reproducing { runs, red };
        return transition(state, Vec::new(), Next::Run(Purpose::Repeat));
    }
    let baseline = state.baseline.take().unwrap_or_else(|| seen.clone());
    state.baseline = Some(baseline);
    aim(&mut state, seen);
    choose(state, Vec::new())
}

/// Makes `seen` what the next attempt has to improve on.
fn aim(state: &mut State, seen: Observation) {
    let mut groups: Vec<(Option<String>, u8, Vec<Fingerprint>)> = Vec::new();
    for (fingerprint, failure) in &seen.failures {
        if failure.category == Category::Environment {
            continue;
        }
        let level = state.levels.get(fingerprint).copied().unwrap_or(1);
        // Failing tests are asked for one by one: their fixes lie in different places.
        let alone = failure.category == Category::Logic || failure.file.is_none();
        match groups.iter_mut().find(|(file, l, _)| !alone && *file == failure.file && *l == level) {
            Some((_, _, bugs)) => bugs.push(fingerprint.clone()),
            None => groups.push((failure.file.clone().filter(|_| !alone), level, vec![fingerprint.clone()])),
        }
    }
    state.targets = groups.into_iter().map(|(_, _, bugs)| Target { bugs }).collect();
    state.dry.clear();
    state.current = Some(seen);
}

fn level_of(state: &State, target: &Target) -> u8 {
    target.bugs.iter().filter_map(|b| state.levels.get(b)).copied().max().unwrap_or(1)
}

/// The next attempt at this target gets more context; past the last level it is given up.
fn raise(state: &mut State, source: Source, target: usize) {
    if source == Source::Toolchain {
        return;
    }
    let Some(chosen) = state.targets.get(target) else { return };
    let level = level_of(state, chosen) + 1;
    for bug in chosen.bugs.clone() {
        state.levels.insert(bug, level);
    }
}

/// Asks the next source that is not dry for the first target that is not given up.
fn choose(mut state: State, effects: Vec<Effect>) -> Transition {
    if state.attempts >= state.rules.max_attempts {
        return wind_up(state, effects, Outcome::BudgetSpent { which: Budget::Attempts });
    }
    for source in state.rules.sources.clone() {
        if state.dry.contains(&source) {
            continue;
        }
        match source {
            Source::Toolchain if !state.targets.is_empty() => {
                state.phase = Phase::Choosing { source, target: 0 };
                return transition(state, effects, Next::Propose { source, bugs: Vec::new(), level: 0 });
            }
            Source::Toolchain => {}
            Source::Model => {
                let open = state
                    .targets
                    .iter()
                    .enumerate()
                    .map(|(i, t)| (i, level_of(&state, t)))
                    .find(|(_, level)| *level <= LAST_LEVEL);
                if let Some((target, level)) = open {
                    let bugs = state.targets[target].bugs.clone();
                    state.phase = Phase::Choosing { source, target };
                    return transition(state, effects, Next::Propose { source, bugs, level });
                }
            }
        }
    }
    let why = match &state.last_provider_trouble {
        Some(trouble) => trouble.clone(),
        None if !state.rules.sources.contains(&Source::Model) => {
            "the tools state no fix, and no model server has a key".to_owned()
        }
        None if state.targets.is_empty() => "the log names no failure in the code".to_owned(),
        None => "no proposal made the build better".to_owned(),
    };
    wind_up(state, effects, Outcome::Exhausted { why })
}

/// Ends without a heal; what is kept goes out only where the user wants that.
fn wind_up(mut state: State, effects: Vec<Effect>, outcome: Outcome) -> Transition {
    let may_push = matches!(state.rules.goal, Goal::Publish { .. });
    if state.kept > 0 && state.rules.push_partial && may_push && state.pushes < state.rules.max_attempts {
        state.pushes += 1;
        state.phase = Phase::Publishing { then: Some(outcome) };
        return transition(state, effects, Next::Publish { partial: true });
    }
    transition(state, effects, Next::Finish(outcome))
}

fn finish_unhealed(state: State, outcome: Outcome) -> Transition {
    transition(state, Vec::new(), Next::Finish(outcome))
}

/// After a run with a proposal applied.
fn tried(mut state: State, trial: Trial, seen: Observation) -> Transition {
    if let End::Infrastructure { what } = &seen.end {
        // Neither for nor against the fix: once more, then the machine is to blame.
        state.infrastructure_failures += 1;
        if state.infrastructure_failures > 1 {
            let outcome = Outcome::Error { what: what.clone() };
            return transition(state, vec![Effect::Revert], Next::Finish(outcome));
        }
        state.phase = Phase::Trying(trial);
        return transition(state, Vec::new(), Next::Run(Purpose::Attempt));
    }
    if seen.end == End::Cancelled {
        return transition(state, vec![Effect::Revert], Next::Finish(Outcome::Cancelled));
    }
    let Some(before) = state.current.clone() else {
        let outcome = Outcome::Error { what: "an attempt without a run before it".to_owned() };
        return transition(state, vec![Effect::Revert], Next::Finish(outcome));
    };
    let progress = if state.after_red_ci && seen.end != End::Green {
        // The sandbox was green before; what CI shows can only be judged there.
        Progress::None("the sandbox, green before, fails now".to_owned())
    } else {
        compare(&before, &seen, &trial.touched)
    };
    match progress {
        Progress::Green => {
            state.kept += 1;
            state.touches_protected |= trial.protected;
            state.fixed_flaky_kind |= before.may_be_flaky();
            let runs_left = if state.fixed_flaky_kind { state.rules.flaky_runs } else { 0 };
            state.phase = Phase::Proving { runs_left, protected: false };
            noted(
                transition(state, vec![Effect::Keep], Next::Run(Purpose::FinalProof)),
                "every step passes".to_owned(),
            )
        }
        Progress::Better(how) => {
            state.kept += 1;
            state.touches_protected |= trial.protected;
            state.fixed_flaky_kind |= before.may_be_flaky();
            aim(&mut state, seen);
            noted(choose(state, vec![Effect::Keep]), how)
        }
        Progress::None(why) => {
            // A model's next try at these bugs sees more; the toolchain's next idea is another one anyway.
            raise(&mut state, trial.source, trial.target);
            noted(choose(state, vec![Effect::Revert]), why)
        }
    }
}

/// After a run from scratch of what is kept.
fn proved(mut state: State, runs_left: u32, protected: bool, seen: Observation) -> Transition {
    if let End::Infrastructure { what } = &seen.end {
        state.infrastructure_failures += 1;
        if state.infrastructure_failures > 1 {
            return transition(state, Vec::new(), Next::Finish(Outcome::Error { what: what.clone() }));
        }
        state.phase = Phase::Proving { runs_left, protected };
        let purpose = if protected { Purpose::ProtectedProof } else { Purpose::FinalProof };
        return transition(state, Vec::new(), Next::Run(purpose));
    }
    if seen.end == End::Cancelled {
        return transition(state, Vec::new(), Next::Finish(Outcome::Cancelled));
    }
    let vanished = state.baseline.as_ref().and_then(|b| fewer_tests(b, &seen));
    if seen.end == End::Green && vanished.is_none() {
        if runs_left > 0 {
            state.phase = Phase::Proving { runs_left: runs_left - 1, protected };
            return transition(state, Vec::new(), Next::Run(Purpose::FinalProof));
        }
        if state.touches_protected && !protected {
            state.phase = Phase::Proving { runs_left: 0, protected: true };
            return transition(state, Vec::new(), Next::Run(Purpose::ProtectedProof));
        }
        return match state.rules.goal {
            Goal::Patch => transition(state, Vec::new(), Next::Finish(Outcome::Patched)),
            Goal::Commit => transition(state, Vec::new(), Next::Finish(Outcome::Healed)),
            Goal::Publish { .. } if state.pushes >= state.rules.max_attempts => {
                transition(state, Vec::new(), Next::Finish(Outcome::BudgetSpent { which: Budget::Pushes }))
            }
            Goal::Publish { .. } => {
                state.phase = Phase::Publishing { then: None };
                transition(state, Vec::new(), Next::Publish { partial: false })
            }
        };
    }
    // The fix does not hold from scratch: nothing of it may stay.
    state.kept = 0;
    state.touches_protected = false;
    let note = vanished.unwrap_or_else(|| {
        if protected {
            "the fix holds only with its changes to protected files".to_owned()
        } else {
            "the fix did not hold in a run from scratch".to_owned()
        }
    });
    let Some(baseline) = state.baseline.clone() else {
        let outcome = Outcome::Error { what: "a proof without a baseline".to_owned() };
        return transition(state, vec![Effect::RevertKept], Next::Finish(outcome));
    };
    let bugs: Vec<Fingerprint> = baseline.failures.keys().cloned().collect();
    for bug in bugs {
        let level = state.levels.get(&bug).copied().unwrap_or(1) + 1;
        state.levels.insert(bug, level);
    }
    if state.after_red_ci {
        let why = "what CI shows could not be fixed without breaking the proof".to_owned();
        return noted(
            transition(state, vec![Effect::RevertKept], Next::Finish(Outcome::Exhausted { why })),
            note,
        );
    }
    aim(&mut state, baseline);
    noted(choose(state, vec![Effect::RevertKept]), note)
}

#[cfg(test)]
mod tests;
