//! What one run of the plan showed: its log, what the parser reads in it, and what of it decides.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::bug::{BugReport, Diagnosis, Fingerprint, LogSpan, Origins};
use crate::contract::build::{BuildPlan, ExecutionResult, PlanStep, RepeatedStep, StepOutcome, StepResult};
use crate::contract::event::LogFacts;
use crate::contract::git::SourceTree;
use crate::contract::outcome::Outcome;
use crate::contract::verdict::Disagreement;
use crate::parser::{self, ParseOptions};
use crate::placing::{self, StepFolder};

use super::bundle::sha256;
use super::missing_tools;
use super::not_here;
use super::progress::{Observation, RunStatus};
use super::step_said::{self, StepsSaid};
use super::tests_ran;

/// Kept once and shared: logs are long.
#[derive(Debug, PartialEq)]
pub struct Evidence {
    pub observation: Observation,
    pub diagnosis: Diagnosis,
    pub log: Vec<u8>,
    /// What each step came to, where all of them were run whatever failed before.
    pub steps: BTreeMap<usize, StepEvidence>,
    /// What each step that ran says of itself.
    pub said: StepsSaid,
    /// Why it is red for what is not here, and no fix is to be looked for.
    pub not_here: Option<Box<Outcome>>,
    /// Steps that were run again at once.
    pub repeats: Vec<RepeatedStep>,
    /// CI's own log of the job shows the same failures.
    pub is_red_in_ci: bool,
    /// What the log says of where each report's tool ran.
    origins: Origins,
}

/// What one step of a run showed.
#[derive(Debug, Default, PartialEq)]
pub struct StepEvidence {
    pub succeeded: bool,
    pub failed: bool,
    pub failures: BTreeSet<Fingerprint>,
}

impl Evidence {
    /// Takes the log out of `result`.
    #[must_use]
    pub fn of_run(result: &mut ExecutionResult) -> Self {
        let log = std::mem::take(&mut result.log);
        let (diagnosis, origins) = read_log(&log, result);
        result.notes.extend(missing_tools::note(result, &diagnosis));
        let mut observation = Observation::new(result, &diagnosis);
        let mut said = step_said::of_log(&log, result);
        for probe in result.probes.drain(..) {
            let runs = tests_ran::of_probe(&probe.report);
            step_said::add_report(&mut said, &probe, &runs);
            observation.tests.extend(runs);
        }
        let repeats = result.repeats.clone();
        Self { repeats, said, ..Self::of(observation, diagnosis, log, origins) }
    }

    fn of(observation: Observation, diagnosis: Diagnosis, log: Vec<u8>, origins: Origins) -> Self {
        let (steps, said, repeats) = (BTreeMap::new(), StepsSaid::new(), Vec::new());
        let (is_red_in_ci, not_here) = (false, None);
        Self { observation, diagnosis, log, steps, said, repeats, is_red_in_ci, not_here, origins }
    }

    /// Of a run in which no step's failure ended it: takes the log out of `result`.
    #[must_use]
    pub fn of_every_step(result: &mut ExecutionResult) -> Self {
        let log = std::mem::take(&mut result.log);
        let (diagnosis, origins) = read(&log);
        let failures_of = |span: Option<LogSpan>| -> BTreeSet<Fingerprint> {
            let inside = |b: &&BugReport| {
                span.is_some_and(|span| b.log.last >= span.first && b.log.first <= span.last)
            };
            diagnosis.bugs.iter().filter(inside).map(|b| b.fingerprint.clone()).collect()
        };
        let steps = result.steps.iter().enumerate().map(|(index, step)| {
            let (succeeded, failed) =
                (step.outcome == StepOutcome::Success, step.outcome == StepOutcome::Failure);
            (index, StepEvidence { succeeded, failed, failures: failures_of(step.log) })
        });
        let steps = steps.collect();
        let end = Observation::new(result, &diagnosis).end;
        let observation = Observation { end, ..Observation::of_log(&diagnosis) };
        let said = step_said::of_log(&log, result);
        Self { steps, said, ..Self::of(observation, diagnosis, log, origins) }
    }

    /// Of a run of which only the log is known: CI's.
    #[must_use]
    pub fn of_log(log: Vec<u8>) -> Self {
        let (diagnosis, origins) = read(&log);
        let observation = Observation::of_log(&diagnosis);
        Self::of(observation, diagnosis, log, origins)
    }

    /// Of no run at all.
    #[must_use]
    pub fn of_nothing(observation: Observation, diagnosis: Diagnosis) -> Self {
        Self::of(observation, diagnosis, Vec::new(), Origins::new())
    }

    /// With what each step came to.
    #[must_use]
    pub fn with_steps(self, steps: BTreeMap<usize, StepEvidence>) -> Self {
        Self { steps, ..self }
    }

    /// With what its steps say of themselves.
    #[must_use]
    pub fn with_said(self, said: StepsSaid) -> Self {
        Self { said, ..self }
    }

    /// Red, since another source speaks against a step's exit code 0: what that step reports is what failed.
    #[must_use]
    pub fn disputed(mut self, by: Disagreement) -> Self {
        if let Some(said) = self.said.get(&by.step) {
            self.diagnosis.bugs = said.bugs.clone();
            self.observation.failures = Observation::of_log(&self.diagnosis).failures;
        }
        self.observation.failing_step = Some(by.step);
        self.observation.end = RunStatus::Disputed { by };
        self
    }

    /// With steps that were run again.
    #[must_use]
    pub fn with_repeats(self, repeats: Vec<RepeatedStep>) -> Self {
        Self { repeats, ..self }
    }

    /// With the paths of its reports as the repository has them. Before anything else uses them.
    #[must_use]
    pub fn placed(mut self, steps: &[StepFolder], tree: &dyn SourceTree) -> Self {
        placing::place(&mut self.diagnosis, &self.origins, steps, tree);
        self.observation.take_places(&self.diagnosis);
        self
    }

    /// With what the plan's scripts say of how their runners speak.
    #[must_use]
    pub fn spoken(mut self, plan: &BuildPlan) -> Self {
        for runs in [&mut self.diagnosis.tests, &mut self.observation.tests] {
            tests_ran::mark_silent(plan.steps.iter().map(|step| step.run.as_str()), runs);
        }
        self
    }

    /// Judged by what the plan misses; see `not_here`.
    #[must_use]
    pub fn judged(mut self, result: &ExecutionResult, plan: &BuildPlan, tree: &dyn SourceTree) -> Self {
        let span = result.failed_step.and_then(|i| result.steps.get(i)).and_then(|step| step.log);
        let output = span.filter(|_| result.log_cut == 0).map_or(&[][..], |span| lines_of(&self.log, span));
        self.not_here = not_here::judge(plan, &self, &result.steps, output, tree).map(Box::new);
        self
    }

    #[must_use]
    pub fn log_facts(&self) -> LogFacts {
        LogFacts { bytes: self.log.len() as u64, lines: self.diagnosis.lines, sha256: sha256(&self.log) }
    }

    /// The reports among `bugs` by their fingerprints.
    pub fn bugs<'a>(
        &'a self,
        bugs: &'a [crate::contract::bug::Fingerprint],
    ) -> impl Iterator<Item = &'a BugReport> {
        self.diagnosis.bugs.iter().filter(|bug| bugs.contains(&bug.fingerprint))
    }
}

/// Where each step of a run wrote into its log, and the folder it ran in.
#[must_use]
pub fn step_folders(result: &ExecutionResult, plan: &BuildPlan) -> Vec<StepFolder> {
    let of = |(step, planned): (&StepResult, &PlanStep)| {
        let folder = planned.working_directory.clone();
        step.log.filter(|_| result.log_cut == 0).map(|log| StepFolder { log, folder })
    };
    result.steps.iter().zip(&plan.steps).filter_map(of).collect()
}

/// The bytes of the lines of a span.
pub(super) fn lines_of(log: &[u8], span: LogSpan) -> &[u8] {
    let mut ends = log.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let (first, last) = (span.first.saturating_sub(1) as usize, span.last as usize);
    let start = if first == 0 { Some(0) } else { ends.nth(first - 1) };
    let Some(start) = start else { return &[] };
    let end = ends.nth(last.saturating_sub(first).saturating_sub(1)).unwrap_or(log.len());
    &log[start..end]
}

pub(super) fn read(log: &[u8]) -> (Diagnosis, Origins) {
    // Reading from memory cannot fail.
    let (mut diagnosis, origins) = parser::read(log, &ParseOptions::default()).unwrap_or_default();
    tests_ran::leave_out_unloaded(&mut diagnosis);
    (diagnosis, origins)
}

/// What a run's log says. Only the failing step's reports count: an earlier step that was allowed to fail is no cause.
fn read_log(log: &[u8], result: &ExecutionResult) -> (Diagnosis, Origins) {
    let (mut diagnosis, origins) = read(log);
    // What a run broken off by the machine left in its log is no bug.
    if result.is_green() || !result.has_verdict() {
        diagnosis.bugs.clear();
        return (diagnosis, origins);
    }
    let span = result.failed_step.and_then(|i| result.steps.get(i)).and_then(|s| s.log);
    if let Some(span) = span.filter(|_| result.log_cut == 0) {
        let inside = |b: &BugReport| b.log.last >= span.first && b.log.first <= span.last;
        if diagnosis.bugs.iter().any(inside) {
            diagnosis.bugs.retain(inside);
        }
    }
    (diagnosis, origins)
}

/// The part of the log that belongs to the reports, else its end: what a model is shown of it.
#[must_use]
pub fn excerpt(log: &[u8], bugs: &[BugReport]) -> String {
    const BEFORE: u64 = 3;
    const LINES: usize = 120;
    let text = String::from_utf8_lossy(log);
    let spans: Vec<(u64, u64)> = bugs
        .iter()
        .filter(|b| b.log.first > 0)
        .map(|b| (b.log.first.saturating_sub(BEFORE), b.log.last))
        .collect();
    let inside: Vec<&str> = text
        .lines()
        .enumerate()
        .filter(|(i, _)| {
            let number = *i as u64 + 1;
            spans.iter().any(|(first, last)| (*first..=*last).contains(&number))
        })
        .map(|(_, line)| line)
        .take(LINES)
        .collect();
    if !inside.is_empty() {
        return inside.join("\n");
    }
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(LINES)..].join("\n")
}
