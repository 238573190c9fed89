//! Is a step with exit code 0 green? What it says of itself has to agree: its runner's final summary, its report, the tests
//! that ran, and the failures that it reports. What is not known is no reason; and what the unchanged code says beside exit
//! code 0, or CI's log of the last green commit, speaks against no fix.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use super::evidence::Evidence;
use super::progress::{Touched, same_file};
use super::state::{Phase, State};
use super::step_said::StepSaid;
use super::tests_ran;
use crate::contract::bug::{BugReport, Category, Fingerprint};
use crate::contract::build::{BuildPlan, PlanStep};
use crate::contract::event::Purpose;
use crate::contract::verdict::{DisagreeingSource, Disagreement};

/// What a run with a fix is held against.
pub(super) struct Known<'a> {
    pub(super) plan: &'a BuildPlan,
    /// Runs of the unchanged code; the first one is the baseline.
    pub(super) unchanged: Vec<&'a Evidence>,
    /// What a step said when it failed, the latest first.
    pub(super) red: Vec<(usize, Arc<StepSaid>)>,
    /// Lines of the fix.
    pub(super) touched: Vec<Touched>,
    /// The unchanged code can be asked of steps that it never came to.
    pub(super) may_ask: bool,
    /// CI's own log of the last green commit.
    pub(super) last_green: Option<&'a Evidence>,
}

impl<'a> Known<'a> {
    /// What `state` knows for a run of this leg.
    pub(super) fn of(state: &'a State, leg: usize, purpose: Purpose, plan: &'a BuildPlan) -> Self {
        let of_leg = &state.legs[leg];
        let at_last_green = of_leg.at_last_green.values().flatten().map(|green| green.seen.as_ref());
        let unchanged = [&of_leg.baseline, &of_leg.uncovered].into_iter().flatten().map(AsRef::as_ref);
        let current = state.current.as_deref().filter(|_| leg == state.leg);
        let kept = state.kept.iter().rev().filter(|kept| kept.leg == leg);
        let red = current
            .and_then(red_step)
            .into_iter()
            .chain(kept.filter_map(|kept| Some((kept.step?, kept.said.clone()?))))
            .chain(of_leg.baseline.as_deref().and_then(red_step))
            .collect();
        let mut touched: Vec<_> = state.kept.iter().flat_map(|kept| kept.touched.clone()).collect();
        if let Phase::Trying(trial) = &state.phase {
            touched.extend(trial.offer.touched.clone());
        }
        let unchanged = unchanged.chain(at_last_green).collect();
        Self { plan, unchanged, red, touched, may_ask: purpose == Purpose::Attempt, last_green: None }
    }

    /// The first step with exit code 0 that another source calls red.
    pub(super) fn disagreement(&self, seen: &Evidence) -> Option<Disagreement> {
        let until = seen.observation.failing_step.unwrap_or(usize::MAX);
        seen.said.range(..until).find_map(|(step, said)| {
            let planned = self.plan.steps.get(*step)?;
            if said.exit_code != Some(0) || planned.continue_on_error {
                return None;
            }
            let source = self
                .summary(*step, planned, said)
                .or_else(|| self.report(*step, planned, said))
                .or_else(|| self.tests(*step, planned, said))
                .or_else(|| self.failures(*step, seen, said))?;
            Some(Disagreement { step: *step, source })
        })
    }

    /// The runner's own final summary.
    fn summary(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> Option<DisagreeingSource> {
        let (run, failed, _) = said.last_word().filter(|(_, failed, _)| *failed > 0)?;
        let is_old = self.passing(step).any(|was| was.says_failed(&run.runner));
        let was_green = |green: &Evidence| {
            green.diagnosis.tests.iter().any(|was| was.runner == run.runner && was.failed.unwrap_or(0) > 0)
        };
        if is_old || self.last_green.is_some_and(was_green) || !self.decides(step, planned, said) {
            return None;
        }
        Some(DisagreeingSource::Summary { runner: run.runner.clone(), failed })
    }

    /// What the runner wrote, or says when it is asked for a report.
    fn report(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> Option<DisagreeingSource> {
        let (runner, failed) = said.reported()?;
        let is_old = self.passing(step).any(|was| was.reported().is_some());
        if is_old || !self.was_asked(step) || !self.decides(step, planned, said) {
            return None;
        }
        Some(DisagreeingSource::Report { runner: runner.to_owned(), failed })
    }

    /// Fewer tests than on the unchanged code, or other ones.
    fn tests(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> Option<DisagreeingSource> {
        let was = self.unchanged.first()?.said.get(&step)?;
        let (mut before, mut after) = (was.tests.clone(), said.tests.clone());
        for runs in [&mut before, &mut after] {
            tests_ran::mark_silent([planned.run.as_str()], runs);
        }
        let why = tests_ran::missing(&before, &after).filter(|_| planned.installs.is_none())?;
        Some(DisagreeingSource::Tests { why })
    }

    /// A failure that was to be healed, or one in the changed lines.
    fn failures(&self, step: usize, seen: &Evidence, said: &StepSaid) -> Option<DisagreeingSource> {
        let old = self.printed_beside_success(step, seen);
        let shown = || said.errors().filter(|bug| !old.contains(&bug.fingerprint));
        if let Some(bug) = self.to_heal(step, &shown().collect::<Vec<_>>()) {
            return Some(DisagreeingSource::SameFailure { tool: bug.tool.clone(), what: named(bug) });
        }
        // A stack alone is no failure: code prints those of the errors that it handles.
        let is_report = |bug: &BugReport| bug.test.is_some() || bug.category != Category::Runtime;
        let was_shown = |bug: &BugReport| self.red.iter().any(|(_, red)| red.shows(&bug.fingerprint));
        let bug = shown().find(|bug| is_report(bug) && !was_shown(bug) && lies_in(bug, &self.touched))?;
        Some(DisagreeingSource::ChangedLines { tool: bug.tool.clone(), what: named(bug) })
    }

    /// The first of the failures shown that was to be healed and is not.
    ///
    /// A step that fails may report more than its runner counts: tests that passed when they were run again, runs of other
    /// runners in its tests. Which of them made it fail is not said: but as many as were counted have to be gone.
    fn to_heal<'b>(&self, step: usize, shown: &[&'b BugReport]) -> Option<&'b BugReport> {
        let own = self.red.iter().find(|(red, _)| *red == step);
        let (expected, counted): (BTreeSet<&Fingerprint>, usize) = match own {
            Some((_, red)) => {
                let all: BTreeSet<_> =
                    red.errors().chain(red.failed_behind()).map(|bug| &bug.fingerprint).collect();
                let failed = red.last_word().map(|(_, failed, _)| failed).filter(|failed| *failed > 0);
                let counted = failed.and_then(|n| usize::try_from(n).ok()).unwrap_or(all.len());
                let counted = counted.min(all.len());
                (all, counted)
            }
            None => {
                let all: BTreeSet<_> =
                    self.red.iter().flat_map(|(_, red)| red.errors()).map(|bug| &bug.fingerprint).collect();
                let counted = all.len();
                (all, counted)
            }
        };
        let again: Vec<_> = shown.iter().filter(|bug| expected.contains(&bug.fingerprint)).copied().collect();
        let gone = expected.len().saturating_sub(again.len());
        again.first().copied().filter(|_| gone < counted)
    }

    /// What earlier steps of this run, steps of the unchanged code, and CI's last green log print beside success.
    fn printed_beside_success(&self, step: usize, seen: &Evidence) -> BTreeSet<Fingerprint> {
        let earlier = seen.said.range(..step).map(|(_, said)| said);
        let unchanged = self.unchanged.iter().flat_map(|run| run.said.values());
        let printed = earlier.chain(unchanged).filter(|said| said.exit_code == Some(0));
        let printed = printed.flat_map(|said| said.errors()).map(|bug| bug.fingerprint.clone());
        let green = self.last_green.into_iter().flat_map(|green| green.observation.failures.keys().cloned());
        printed.chain(green).collect()
    }

    /// This step of the unchanged code, where it passed.
    fn passing(&self, step: usize) -> impl Iterator<Item = &StepSaid> {
        let said = self.unchanged.iter().filter_map(move |run| run.said.get(&step));
        said.map(AsRef::as_ref).filter(|said| said.exit_code == Some(0))
    }

    /// The unchanged code came to this step.
    fn was_asked(&self, step: usize) -> bool {
        self.unchanged.iter().any(|run| run.said.contains_key(&step))
    }

    /// Whether failed tests make this step fail, as far as is known: where the script itself lets them pass, or where the
    /// step failed for something behind them, they do not.
    fn decides(&self, step: usize, planned: &PlanStep, said: &StepSaid) -> bool {
        let red = self.red.iter().find(|(red, _)| *red == step).map(|(_, red)| red);
        match red.filter(|red| red.last_word().is_some_and(|(_, failed, _)| failed > 0)) {
            // What failed behind the summary is gone: that is what the step failed for.
            Some(red) => red.failed_behind().all(|bug| said.shows(&bug.fingerprint)),
            None => (self.may_ask || self.was_asked(step)) && !lets_pass(&planned.run),
        }
    }
}

/// What `source` says of a step, the unchanged code says beside exit code 0 as well.
#[must_use]
pub(super) fn is_said_without_the_fix(unchanged: &Evidence, by: &Disagreement) -> bool {
    let said = unchanged.said.get(&by.step).filter(|said| said.exit_code == Some(0));
    said.is_some_and(|said| match &by.source {
        DisagreeingSource::Summary { runner, .. } => said.says_failed(runner),
        DisagreeingSource::Report { .. } => said.reported().is_some(),
        DisagreeingSource::SameFailure { what, .. } | DisagreeingSource::ChangedLines { what, .. } => {
            said.errors().any(|bug| named(bug) == *what)
        }
        DisagreeingSource::Tests { .. } => false,
    })
}

/// The step that failed a run, and what it said.
pub(super) fn red_step(run: &Evidence) -> Option<(usize, Arc<StepSaid>)> {
    let step = run.observation.failing_step?;
    Some((step, run.said.get(&step)?.clone()))
}

/// The script goes on, or ends well, where a command of it fails.
fn lets_pass(script: &str) -> bool {
    static PASSES: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x) \|\| | \| | \bset\s+\+e\b | \bset\s+\+o\s+errexit\b | ;\s*(true|:|exit\s+0)\b | --exit-zero\b
            | ^\s*(if|while|until)\s | \btrap\b | &\s*$",
        )
        .ok()
    });
    PASSES.as_ref().is_some_and(|passes| script.lines().any(|line| passes.is_match(line)))
}

fn lies_in(bug: &BugReport, touched: &[Touched]) -> bool {
    let (Some(file), Some(line)) = (&bug.file, bug.line) else { return false };
    touched.iter().any(|t| same_file(file, &t.file) && (t.first..=t.last).contains(&line))
}

/// A failure as people know it.
fn named(bug: &BugReport) -> String {
    let place = || Some(format!("{}:{}", bug.file.as_ref()?, bug.line?));
    let first = || bug.message.lines().next().unwrap_or_default().to_owned();
    bug.test.clone().or_else(place).unwrap_or_else(first)
}
