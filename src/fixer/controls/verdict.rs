//! What a run with planted failures shows. Pure.

use crate::contract::bug::{BugReport, Diagnosis, Severity, TestRun};
use crate::contract::build::Exit;
use crate::contract::control::{Control, ControlKind, CounterProof, Planted};

/// A run of the step with controls planted.
pub struct ControlRun<'a> {
    pub exit: &'a Exit,
    /// The step's own; `None`: it did not run.
    pub exit_code: Option<i64>,
    /// A step before it that failed with the controls.
    pub failed_before: Option<&'a str>,
    pub diagnosis: &'a Diagnosis,
    pub log: &'a [u8],
}

/// Only what ran and was not reported says that the judge is disarmed. What cannot be told is no counter-proof.
#[must_use]
pub fn judge(planted: &Planted, run: &ControlRun<'_>) -> CounterProof {
    match (run.exit, run.exit_code) {
        (Exit::TimedOut { .. }, _) => {
            return CounterProof::none("the run with the planted failures did not end in time");
        }
        (Exit::OutOfMemory { .. }, _) => {
            return CounterProof::none("the run with the planted failures ran out of memory");
        }
        (Exit::Infrastructure { what }, _) => return CounterProof::none(what.clone()),
        (Exit::Cancelled, _) => return CounterProof::none("the run with the planted failures was stopped"),
        (Exit::Exited { .. }, None) => {
            return CounterProof::none("the step did not run with the planted failures");
        }
        (Exit::Exited { .. }, Some(0)) => return says_yes(planted, run),
        (Exit::Exited { .. }, Some(_)) => {}
    }
    if planted.controls.iter().all(|control| control.mark.is_none()) {
        return count(planted.controls.iter().filter(|control| control.kind.must_fail()).count());
    }
    says_no(planted, run)
}

/// Whether the runner came to what was planted, whatever it made of it: it names a planted test, or counts them all.
#[must_use]
pub fn has_run(planted: &Planted, diagnosis: &Diagnosis) -> bool {
    let listed = diagnosis.tests.iter().filter_map(|tests| tests.ids.as_ref()).flatten();
    let named = diagnosis.bugs.iter().filter_map(|bug| bug.test.as_ref());
    let names: Vec<&String> = listed.chain(named).collect();
    let mut marks = planted.controls.iter().filter_map(|control| control.mark.as_ref());
    let counts_all = || {
        executed(planted, &diagnosis.tests)
            .is_some_and(|(before, now)| now >= before.saturating_add(planted_tests(planted)))
    };
    marks.any(|mark| names.iter().any(|name| name.contains(mark.as_str())))
        || planted.controls.iter().all(|control| control.mark.is_some()) && counts_all()
}

/// How many tests were planted.
fn planted_tests(planted: &Planted) -> u64 {
    planted.controls.len() as u64
}

fn count(caught: usize) -> CounterProof {
    let caught = u32::try_from(caught).unwrap_or(u32::MAX);
    CounterProof::Caught { caught, of: caught }
}

/// Green, whatever was planted.
fn says_yes(planted: &Planted, run: &ControlRun<'_>) -> CounterProof {
    if let Some(step) = run.failed_before {
        return CounterProof::none(format!(
            "step {step:?} fails with the planted failures, before they can run"
        ));
    }
    let ids = || run.diagnosis.tests.iter().filter_map(|tests| tests.ids.as_ref()).flatten();
    let ran = |control: &Control| control.mark.as_ref().is_some_and(|mark| ids().any(|id| id.contains(mark)));
    let deciding = || planted.controls.iter().filter(|control| control.decides);
    if let (Some(why), false) = (&planted.may_be_left_out, deciding().any(ran)) {
        return CounterProof::none(why.clone());
    }
    match deciding().next() {
        Some(control) => {
            CounterProof::JudgeDisarmed { why: format!("{} and the step is green", said(control)) }
        }
        None => CounterProof::none("a planted failure is not reported, and may be none"),
    }
}

/// Red: is it so for each of the controls, and for nothing else?
fn says_no(planted: &Planted, run: &ControlRun<'_>) -> CounterProof {
    let bugs: Vec<&BugReport> = run.diagnosis.bugs.iter().filter(|b| b.severity == Severity::Error).collect();
    let is_of = |bug: &BugReport, control: &Control| {
        let mark = control.mark.as_deref().unwrap_or_default();
        !mark.is_empty()
            && (bug.test.as_deref().is_some_and(|t| t.contains(mark)) || bug.message.contains(mark))
    };
    let is_red = |control: &&Control| bugs.iter().any(|bug| is_of(bug, control));
    if let Some(said) = copies_fail(planted, is_red) {
        return said;
    }
    let stranger = |bug: &&&BugReport| bug.test.is_some() && !planted.controls.iter().any(|c| is_of(bug, c));
    if let Some(test) = bugs.iter().find(stranger).and_then(|bug| bug.test.as_deref()) {
        return CounterProof::none(format!("test {test} fails beside the planted ones"));
    }
    let must_fail: Vec<&Control> = planted.controls.iter().filter(|c| c.kind.must_fail()).collect();
    let (red, silent): (Vec<&Control>, Vec<&Control>) = must_fail.iter().partition(|c| is_red(c));
    if red.is_empty() {
        return CounterProof::none("the step fails, and its log names none of the planted failures");
    }
    let unlike =
        |control: &&&Control| control.value.as_ref().is_some_and(|value| !holds_number(run.log, value));
    if let Some(control) = red.iter().find(unlike) {
        return CounterProof::none(format!(
            "the test planted into {} fails for another reason",
            control.path
        ));
    }
    if silent.is_empty() {
        return count(red.len());
    }
    let ran_beside = |c: &Control| planted.goes_on && red.iter().any(|other| other.path == c.path);
    let all_ran =
        silent.iter().all(|c| ran_beside(c)) || all_ran(planted, &run.diagnosis.tests, must_fail.len());
    if !all_ran {
        // A runner that stops at its first failure comes to no other.
        return if fewer_ran(planted, &run.diagnosis.tests) {
            count(red.len())
        } else {
            CounterProof::none(
                "not every planted failure is reported, and nothing says whether all of them ran",
            )
        };
    }
    match silent.iter().find(|control| control.decides) {
        Some(control) => {
            CounterProof::JudgeDisarmed { why: format!("{} and is not reported", said(control)) }
        }
        None => CounterProof::none("the failing test passes with its only assertion turned round"),
    }
}

/// The failing test fails when it runs again, or with another of its cases. That is the fix's doing only where the fix
/// shows how: tests may hold state of their own, and a law that all cases follow may be none.
fn copies_fail(planted: &Planted, is_red: impl Fn(&&Control) -> bool) -> Option<CounterProof> {
    let of = |kind| planted.controls.iter().find(|c| c.kind == kind && is_red(c));
    let (words, shows) = match (of(ControlKind::Renamed), of(ControlKind::Variant)) {
        (Some(copy), _) => {
            (format!("the failing test fails under another name (in {})", copy.path), &planted.keeps_state)
        }
        (None, Some(copy)) => (
            format!(
                "the failing test fails with another input that its own cases speak for (in {})",
                copy.path
            ),
            &planted.special_case,
        ),
        (None, None) => return None,
    };
    Some(match shows {
        Some(line) => CounterProof::Overfitted { why: format!("{words}, and the fix has {line}") },
        None => CounterProof::none(words),
    })
}

fn said(control: &Control) -> String {
    let path = &control.path;
    match control.kind {
        ControlKind::MustFail => format!("a test that must fail was planted into {path}"),
        ControlKind::Inverted => {
            format!("the failing test of {path} was run with its decisive assertion turned round")
        }
        ControlKind::Renamed => format!("the failing test of {path} was run under another name"),
        ControlKind::Variant => format!("the failing test of {path} was run with another input"),
        ControlKind::FaultPutBack => format!("the fault was put back into {path}"),
        ControlKind::FreshInstance => format!("the same failure was planted into {path}"),
    }
}

/// How many tests ran in the proof and now, where the same runners say so of both.
fn executed(planted: &Planted, now: &[TestRun]) -> Option<(u64, u64)> {
    let before = &planted.ran_before;
    let are_same = before.iter().map(|run| &run.runner).eq(now.iter().map(|run| &run.runner));
    let sum =
        |runs: &[TestRun]| runs.iter().try_fold(0u64, |sum, run| Some(sum.saturating_add(run.executed?)));
    (are_same && !now.is_empty()).then_some(())?;
    Some((sum(before)?, sum(now)?))
}

/// The counts say that every planted test ran, and that fewer failed than had to.
fn all_ran(planted: &Planted, now: &[TestRun], must_fail: usize) -> bool {
    let failed = now.iter().try_fold(0u64, |sum, run| Some(sum.saturating_add(run.failed?)));
    let (Some((before, after)), Some(failed)) = (executed(planted, now), failed) else { return false };
    after >= before.saturating_add(planted_tests(planted)) && failed < must_fail as u64
}

/// The counts say that not every test ran.
fn fewer_ran(planted: &Planted, now: &[TestRun]) -> bool {
    executed(planted, now)
        .is_some_and(|(before, after)| after < before.saturating_add(planted_tests(planted)))
}

/// Whether a text holds a number as such, and not as a part of another.
fn holds_number(log: &[u8], number: &str) -> bool {
    let number = number.as_bytes();
    let is_digit = |at: Option<usize>| at.and_then(|at| log.get(at)).is_some_and(u8::is_ascii_digit);
    let finder = memchr::memmem::Finder::new(number);
    finder.find_iter(log).any(|at| !is_digit(at.checked_sub(1)) && !is_digit(Some(at + number.len())))
}
