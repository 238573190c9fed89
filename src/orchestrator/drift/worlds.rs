//! Runs a plan in a world of packages, and reads back what was resolved there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use crate::contract::bug::Fingerprint;
use crate::contract::build::{
    BuildPlan, ExecutionResult, Exit, JobState, PlanStep, PreparedStep, StepEvaluator, StepRepeats,
};
use crate::contract::event::{Event, EventSink as _, Purpose};
use crate::contract::fix::FileChange;
use crate::contract::git::SourceTree as _;
use crate::contract::outcome::Outcome;
use crate::drift::{self, Package, Resolved, Time, Verdict, World};
use crate::executor::{Copies, Executor, Request};
use crate::git::Workspace;
use crate::plan::Planned;
use crate::scope::Scope;

use super::super::driver::Clocks;
use super::super::evidence::{Evidence, lines_of, step_folders};
use super::super::journal::Journal;

/// What one world showed.
pub(super) struct Look {
    pub(super) verdict: Verdict,
    /// Index into the job's plan.
    pub(super) failed_step: Option<usize>,
    pub(super) failures: BTreeSet<Fingerprint>,
    /// Names of the tests that failed.
    pub(super) tests: BTreeSet<String>,
    pub(super) resolved: Option<Resolved>,
    /// Of the step that failed.
    pub(super) log: String,
    /// The machine's, not the world's: nothing can be said.
    pub(super) trouble: Option<Outcome>,
}

impl Look {
    /// Of a world that could not be made.
    pub(super) fn unclear() -> Self {
        Self {
            verdict: Verdict::Unclear,
            failed_step: None,
            failures: BTreeSet::new(),
            tests: BTreeSet::new(),
            resolved: None,
            log: String::new(),
            trouble: None,
        }
    }

    /// How it came out for what fails in `today`: where both name failing tests and share none, it is red for another reason.
    pub(super) fn verdict_for(&self, today: &Self) -> Verdict {
        let is_other =
            !self.tests.is_empty() && !today.tests.is_empty() && self.tests.is_disjoint(&today.tests);
        if self.verdict == Verdict::Red && is_other { Verdict::Unclear } else { self.verdict }
    }
}

/// Everything that worlds are run with.
pub(super) struct Worlds<'a> {
    pub(super) workspace: &'a mut Workspace,
    executor: &'a mut Executor,
    journal: Arc<Journal>,
    scope: Scope,
    /// Packages that are bounded by their publish times, since their installer knows no cut-off.
    pub(super) by_times: Option<BTreeSet<Package>>,
    /// Only what is bounded is as of the date, all else is today's: the world of the date cannot be built here.
    pub(super) is_partial: bool,
    pub(super) executions: u32,
    pub(super) clocks: Clocks,
    /// Lines of scripts that are run in another way: a pin in a command.
    pub(super) scripts: Vec<(String, String)>,
    /// What the proven pin changes in workflows, which no fix may touch.
    pub(super) of_workflows: Vec<FileChange>,
    /// Today's run is the report's first run.
    pub(super) tells_runs: bool,
    /// What the step in question warned of in a green world.
    pub(super) deprecations: String,
    /// How often the step in question is run again in each world.
    pub(super) again: u32,
    locks: Vec<String>,
    warned: BTreeSet<String>,
}

/// How often the step in question is run again in its container: a test that fails half the time must not look like two
/// worlds.
pub(super) const AGAIN: u32 = 2;
/// Within a search, whose end is proven anyway.
pub(super) const AGAIN_WITHIN: u32 = 1;

/// What the inserted steps' origins are.
const INSTALLERS: &str = "lays what installs packages";
const BEFORE: &str = "prepares the world of packages";
const AFTER: &str = "reads back what was resolved";

struct InWorld<'a> {
    inner: &'a dyn StepEvaluator,
    world: &'a World,
    inserted: Inserted,
    locks: Vec<&'a str>,
    scripts: &'a [(String, String)],
}

impl StepEvaluator for InWorld<'_> {
    fn prepare(&self, step: &PlanStep, state: &JobState) -> PreparedStep {
        if [INSTALLERS, BEFORE, AFTER].contains(&step.origin.as_str()) {
            let script = step.run.clone();
            // What reads back may have to ask once more what is resolved.
            let env = if step.origin == AFTER {
                self.world.environment(&script, &[], Time::now())
            } else {
                BTreeMap::new()
            };
            return PreparedStep::Run { script, env, working_directory: ".".to_owned() };
        }
        // The job's own expressions know nothing of the steps that were put in.
        let mut state = state.clone();
        let known = state.steps.len();
        state.steps.drain(self.inserted.at.min(known)..self.inserted.end().min(known));
        match self.inner.prepare(step, &state) {
            PreparedStep::Run { mut script, mut env, working_directory } => {
                for (old, new) in self.scripts {
                    script = script.replace(old.as_str(), new);
                }
                env.extend(self.world.environment(&script, &self.locks, Time::now()));
                if let Some(before) = drift::before_script(self.world, &script, &self.locks) {
                    script.insert_str(0, &before);
                }
                PreparedStep::Run { script, env, working_directory }
            }
            other => other,
        }
    }
}

/// Where steps were put in, and how many.
#[derive(Debug, Clone, Copy)]
struct Inserted {
    at: usize,
    count: usize,
}

impl Inserted {
    fn end(self) -> usize {
        self.at + self.count
    }

    /// Where a step of the job's is.
    fn shifted(self, step: usize) -> usize {
        if step >= self.at { step + self.count } else { step }
    }

    /// Which of the job's steps this is; of those that were put in, the next.
    fn own(self, step: usize) -> usize {
        if step >= self.end() { step - self.count } else { step.min(self.at) }
    }
}

/// The step in question is looked at again, whatever it came to; before one is known, the one that fails.
struct LooksAgain {
    target: Option<usize>,
    often: u32,
}

impl StepRepeats for LooksAgain {
    fn after(&self, step: usize, exit_code: i64, _log: &[u8]) -> u32 {
        let is_it = self.target.map_or(exit_code != 0, |target| target == step);
        if is_it { self.often } else { 0 }
    }
}

const LOCKS: &[&str] =
    &["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock", "uv.lock", "Cargo.lock"];

/// The lock files that there are, by name.
pub(super) fn locks_in(workspace: &Workspace) -> Vec<&'static str> {
    let is_there =
        |lock: &&str| workspace.files().iter().any(|f| f.path.as_str().rsplit('/').next() == Some(*lock));
    LOCKS.iter().copied().filter(is_there).collect()
}

impl<'a> Worlds<'a> {
    pub(super) fn new(
        workspace: &'a mut Workspace,
        executor: &'a mut Executor,
        journal: Arc<Journal>,
        scope: Scope,
    ) -> Self {
        let locks = locks_in(workspace).into_iter().map(str::to_owned).collect();
        Self {
            workspace,
            executor,
            journal,
            scope,
            by_times: None,
            is_partial: false,
            executions: 0,
            clocks: Clocks::default(),
            scripts: Vec::new(),
            of_workflows: Vec::new(),
            tells_runs: true,
            deprecations: String::new(),
            again: AGAIN,
            locks,
            warned: BTreeSet::new(),
        }
    }

    /// Once.
    pub(super) fn warn(&mut self, what: String) {
        if self.warned.insert(what.clone()) {
            self.journal.emit(Event::Warning { what });
        }
    }

    /// Runs the job in a world, up to the step in question; from scratch, since what another world left would stay.
    pub(super) async fn look(
        &mut self,
        planned: &Planned,
        leg: usize,
        world: &World,
        target: Option<usize>,
    ) -> Look {
        let (plan, inserted) = plan_of(&planned.plan, world, target);
        let locks = self.locks.iter().map(String::as_str).collect();
        let evaluator = InWorld { inner: &planned.evaluator, world, inserted, locks, scripts: &self.scripts };
        let repeats = LooksAgain { target: target.map(|step| inserted.shifted(step)), often: self.again };
        let git_dir = match self.workspace.sandbox_git_dir(planned.plan.checkout.as_ref(), &[]) {
            Ok(dir) => dir,
            Err(error) => return trouble(Outcome::Error { what: error.to_string() }),
        };
        let request = Request {
            purpose: Purpose::Baseline,
            leg,
            tree: &*self.workspace,
            git_dir: git_dir.as_deref(),
            fresh: true,
            from_snapshot: true,
            copies: Copies::None,
            probes: &[],
            repeats: Some(&repeats),
            watched: None,
            tracer: None,
        };
        self.journal.emit(Event::Progress { what: in_words(world) });
        let started = Instant::now();
        let mut result =
            self.executor.execute(&plan, &evaluator, &request, self.journal.as_ref(), &self.scope).await;
        self.clocks.build += started.elapsed();
        self.executions += 1;
        let look = self.read(&plan, &mut result, target, inserted);
        let log = String::from_utf8_lossy(&look.1.log);
        if let Some((stands_in, asked)) = drift::stood_in(&log) {
            self.warn(format!(
                "Debian's Python {stands_in} ran for the Python {asked} that the job asks for"
            ));
        }
        if look.0.verdict == Verdict::Green && target.is_some() {
            self.deprecations = warnings_in(&String::from_utf8_lossy(&look.1.log));
        }
        if target.is_none() && self.tells_runs {
            let is_last = |at: &usize| *at == plan.steps.len() - 1;
            // The report shows the job's own steps.
            let all = std::mem::take(&mut result.steps);
            result.steps = all
                .into_iter()
                .enumerate()
                .filter(|(at, _)| !(inserted.at..inserted.end()).contains(at) && !is_last(at))
                .map(|(_, s)| s)
                .collect();
            result.failed_step = look.0.failed_step;
            result.repeats.clear();
            self.journal.emit(Event::Executed {
                purpose: Purpose::Baseline,
                job: leg,
                result: Box::new(result),
                log: look.1.log_facts(),
                bugs: look.1.diagnosis.bugs.clone(),
                tests: look.1.diagnosis.tests.clone(),
            });
        }
        look.0
    }

    fn read(
        &self,
        plan: &BuildPlan,
        result: &mut ExecutionResult,
        target: Option<usize>,
        inserted: Inserted,
    ) -> (Look, Evidence) {
        let steps = step_folders(result, plan);
        let failed = result.failed_step;
        let log_of_failed = failed
            .and_then(|step| result.steps.get(step)?.log)
            .map_or(String::new(), |span| String::from_utf8_lossy(lines_of(&result.log, span)).into_owned());
        let resolved = Resolved::read(&String::from_utf8_lossy(&result.log));
        let evidence = Evidence::of_run(result).placed(&steps, self.workspace);
        let step = failed.map(|step| inserted.own(step));
        let again = |at: usize| result.repeats.iter().filter(move |r| r.step == at);
        let verdict = match (failed, target) {
            (None, None) => Verdict::Green,
            (None, Some(target)) if again(inserted.shifted(target)).all(|r| r.exit_code == 0) => {
                Verdict::Green
            }
            (Some(at), None) if again(at).all(|r| r.exit_code != 0) => Verdict::Red,
            (Some(at), Some(target))
                if at == inserted.shifted(target) && again(at).all(|r| r.exit_code != 0) =>
            {
                Verdict::Red
            }
            _ => Verdict::Unclear,
        };
        let trouble = match &result.exit {
            Exit::Infrastructure { what } => Some(Outcome::Environment { why: what.clone() }),
            Exit::Cancelled => Some(Outcome::Cancelled),
            Exit::Exited { .. } | Exit::TimedOut { .. } | Exit::OutOfMemory { .. } => None,
        };
        let failures = evidence.observation.failures.keys().cloned().collect();
        let tests = evidence.diagnosis.bugs.iter().filter_map(|bug| bug.test.clone()).collect();
        (
            Look { verdict, failed_step: step, failures, tests, resolved, log: log_of_failed, trouble },
            evidence,
        )
    }
}

fn trouble(outcome: Outcome) -> Look {
    Look { trouble: Some(outcome), ..Look::unclear() }
}

/// Lines that tell of what will go.
fn warnings_in(log: &str) -> String {
    const MOST: usize = 8;
    let mut lines: Vec<&str> = Vec::new();
    for line in log.lines().map(str::trim) {
        let small = line.to_ascii_lowercase();
        let tells = small.contains("deprecat") || small.contains("will be removed");
        if tells && lines.len() < MOST && !lines.contains(&line) {
            lines.push(line);
        }
    }
    // An index may be private, and its address may hold who may read it.
    let without_addresses = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().filter(|word| !word.contains("://")).collect();
        words.join(" ").chars().take(300).collect::<String>()
    };
    lines.iter().map(without_addresses).collect::<Vec<_>>().join("\n")
}

fn in_words(world: &World) -> String {
    let mut what = match world.until {
        None => "running the commands with today's packages".to_owned(),
        Some(until) => format!("running the commands with the packages of {until}"),
    };
    if !world.held.is_empty() && world.held.len() <= 3 {
        let held: Vec<String> = world.held.iter().map(|(p, v)| format!("{p} {v}")).collect();
        what.push_str(&format!(", held: {}", held.join(", ")));
    }
    what
}

/// Before the first step that is not a set-up action's.
fn inserted_at(plan: &BuildPlan) -> usize {
    plan.steps.iter().position(|s| s.action.is_none() && !s.origin.starts_with("emulates")).unwrap_or(0)
}

/// The plan of a world, and where in it steps are that are not the job's. What installs is laid as set-up is, and taken over
/// by the worlds after the first.
fn plan_of(plan: &BuildPlan, world: &World, target: Option<usize>) -> (BuildPlan, Inserted) {
    let scripts = plan.steps.iter().map(|s| s.run.as_str()).collect::<Vec<_>>().join("\n");
    let asked = plan.image.runtimes.iter().find(|r| r.language == "python");
    let python = asked.and_then(|r| r.version.as_deref()).filter(|_| !plan.image.from_container);
    let at = inserted_at(plan);
    let mut plan = plan.clone();
    if let Some(target) = target {
        plan.steps.truncate(target + 1);
    }
    let step = |name: &str, run: String, origin: &str| PlanStep {
        name: name.to_owned(),
        run,
        shell: Some("sh".to_owned()),
        working_directory: ".".to_owned(),
        origin: origin.to_owned(),
        continue_on_error: true,
        ..PlanStep::default()
    };
    let mut before = Vec::new();
    if let Some(script) = drift::installers(&scripts, python) {
        let installs = Some(Vec::new());
        before.push(PlanStep { installs, ..step("Lay what installs packages", script, INSTALLERS) });
    }
    before.push(step("Prepare the world of packages", drift::preparation(world), BEFORE));
    for step in &mut before {
        step.setup = true;
    }
    let inserted = Inserted { at, count: before.len() };
    plan.steps.splice(at..at, before);
    plan.steps.push(step("Read back what was resolved", drift::read_back(), AFTER));
    (plan, inserted)
}

#[cfg(test)]
mod tests {
    #[test]
    fn warnings_tell_no_address_of_an_index() {
        let log = "ok\nDEPRECATION: --index https://me:secret@pypi.example.org/simple will be removed\n\
            a.py:3: DeprecationWarning: url_quote is deprecated\n";
        assert_eq!(
            super::warnings_in(log),
            "DEPRECATION: --index will be removed\na.py:3: DeprecationWarning: url_quote is deprecated"
        );
    }
}
