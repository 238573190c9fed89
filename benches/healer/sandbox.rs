//! What an execution costs beside its steps: filling the workspace, and starting from the snapshot.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::ensure;
use ci_healer::contract::build::{
    BuildPlan, ExecutionResult, ImageChoice, JobState, PlanStep, PreparedStep, StepEvaluator,
};
use ci_healer::contract::event::{Event, EventSink, Purpose};
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::executor::{CLOSE_PATIENCE, Copies, Executor, Options, Request};
use ci_healer::scope::Scope;

use crate::table::{Aim, Table, median};

pub(crate) const BASE: &str = "ci-healer/base:trixie";
/// A middling source file.
const FILE_BYTES: usize = 4 << 10;

/// Files in memory, all alike but for their first line.
struct Tree {
    files: Vec<TreeFile>,
}

impl Tree {
    fn of(count: usize) -> anyhow::Result<Self> {
        let file = |i: usize| {
            let path = RepoPath::new(&format!("src/part{:03}/file{i:05}.txt", i / 100))?;
            Ok(TreeFile { path, mode: FileMode::Regular, id: format!("{i:040x}") })
        };
        Ok(Self { files: (0..count).map(file).collect::<anyhow::Result<_>>()? })
    }
}

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let mut text = self.entry(path)?.id.clone().into_bytes();
        text.push(b'\n');
        text.resize(FILE_BYTES, b'.');
        Some(text)
    }
}

struct Plain;

impl StepEvaluator for Plain {
    fn prepare(&self, step: &PlanStep, _: &JobState) -> PreparedStep {
        PreparedStep::Run {
            script: step.run.clone(),
            env: BTreeMap::new(),
            working_directory: step.working_directory.clone(),
        }
    }
}

/// When each step began.
#[derive(Default)]
struct Clock(Mutex<Vec<(usize, Instant)>>);

impl EventSink for Clock {
    fn emit(&self, event: Event) {
        if let (Event::StepStarted { index, .. }, Ok(mut starts)) = (event, self.0.lock()) {
            starts.push((index, Instant::now()));
        }
    }
}

fn plan(steps: &[(&str, bool)]) -> BuildPlan {
    let step = |(run, setup): &(&str, bool)| PlanStep {
        name: (*run).to_owned(),
        run: (*run).to_owned(),
        working_directory: ".".to_owned(),
        setup: *setup,
        installs: setup.then(Vec::new),
        ..PlanStep::default()
    };
    BuildPlan {
        workflow: None,
        job: None,
        matrix: BTreeMap::new(),
        image: ImageChoice {
            reference: BASE.to_owned(),
            why: "measuring".to_owned(),
            from_container: false,
            runtimes: Vec::new(),
            env: BTreeMap::new(),
            options: None,
        },
        steps: steps.iter().map(step).collect(),
        services: Vec::new(),
        skipped: Vec::new(),
        passed_over: Vec::new(),
        actions: Vec::new(),
        artifacts: Vec::new(),
        checkout: None,
        notes: Vec::new(),
    }
}

struct Ran {
    result: ExecutionResult,
    began: Instant,
    clock: Clock,
}

impl Ran {
    /// Everything but the steps.
    fn overhead(&self) -> Duration {
        let steps = self.result.steps.iter().filter(|s| s.note.is_none()).map(|s| s.duration).sum();
        self.result.duration.saturating_sub(steps)
    }

    /// Until that step began.
    fn until(&self, step: usize) -> Option<Duration> {
        let starts = self.clock.0.lock().ok()?;
        let (_, at) = starts.iter().find(|(index, _)| *index == step)?;
        Some(at.duration_since(self.began))
    }
}

async fn execute(executor: &mut Executor, plan: &BuildPlan, tree: &Tree) -> Ran {
    let clock = Clock::default();
    let request = Request {
        purpose: Purpose::Attempt,
        leg: 0,
        tree,
        git_dir: None,
        fresh: false,
        from_snapshot: true,
        copies: Copies::None,
        probes: &[],
        repeats: None,
        watched: None,
        tracer: None,
    };
    let began = Instant::now();
    let result = executor.execute(plan, &Plain, &request, &clock, &Scope::unbounded()).await;
    Ran { result, began, clock }
}

/// What the engine itself takes for a container that does nothing.
pub(crate) fn floor(image: &str) -> anyhow::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        let ran = Command::new("docker").args(["run", "--rm", "--init", image, "true"]).output()?;
        ensure!(ran.status.success(), "docker run {image}: {}", String::from_utf8_lossy(&ran.stderr));
        times.push(began.elapsed());
    }
    Ok(median(times))
}

pub(crate) async fn sync(table: &mut Table) -> anyhow::Result<()> {
    let plan = plan(&[("true", false)]);
    let floor = floor(BASE)?;
    table.time("`docker run --rm` of the same image, for comparison", floor, Aim::None);
    let mut empty = Duration::ZERO;
    for count in [1, 1_000, 20_000] {
        let mut tree = Tree::of(count)?;
        let run = format!("bench-sync-{count}-{}", std::process::id());
        let mut executor = Executor::connect(Options::new(&run), &Scope::unbounded()).await?;
        let first = execute(&mut executor, &plan, &tree).await;
        ensure!(first.result.is_green(), "{:?}", first.result.exit);
        // The second one pays for the first look at what is there already; take the third.
        let mut later = first.overhead();
        for round in 0..2 {
            tree.files[0].id = format!("{:040x}", usize::MAX - round);
            let again = execute(&mut executor, &plan, &tree).await;
            ensure!(again.result.is_green(), "{:?}", again.result.exit);
            later = again.overhead();
        }
        executor.close(CLOSE_PATIENCE).await?;
        if count == 1 {
            empty = later;
            table.time("execution beside its steps, 1 file", later, Aim::None);
            let ratio = later.as_secs_f64() / floor.as_secs_f64();
            table.say("an execution costs, in `docker run`s", format!("{ratio:.1}x"));
            continue;
        }
        let more = |took: Duration| took.saturating_sub(empty);
        table.time(format!("first sync, {count} files"), more(first.overhead()), Aim::None);
        let aim = if count == 1_000 { Aim::Seconds(0.5) } else { Aim::None };
        table.time(format!("incremental sync, {count} files, 1 changed"), more(later), aim);
    }
    Ok(())
}

pub(crate) async fn snapshot(table: &mut Table) -> anyhow::Result<()> {
    // A minute in which 100 MB of dependencies in 2000 files come to be, outside of the workspace.
    const SETUP: &str = "mkdir /opt/dependencies && for i in $(seq 2000); do head -c 50000 /dev/urandom > /opt/dependencies/$i; done; \
                         sleep $((SECONDS < 60 ? 60 - SECONDS : 0))";
    let plan = plan(&[(SETUP, true), ("false", false)]);
    let mut tree = Tree::of(100)?;
    let run = format!("bench-snapshot-{}", std::process::id());
    let mut executor = Executor::connect(Options::new(&run), &Scope::unbounded()).await?;
    let first = execute(&mut executor, &plan, &tree).await;
    let mut later = Vec::new();
    for round in 0..2 {
        tree.files[0].id = format!("{:040x}", usize::MAX - round);
        let again = execute(&mut executor, &plan, &tree).await;
        later.extend(again.until(1));
    }
    executor.close(CLOSE_PATIENCE).await?;
    let Some(before) = first.until(1) else { anyhow::bail!("{:?}", first.result.exit) };
    ensure!(later.len() == 2, "an execution from the snapshot did not start");
    table.time("first start of the failing step, after a minute of set-up and keeping it", before, Aim::None);
    let slowest = later.into_iter().max().unwrap_or_default();
    table.time("start of the failing step, iterations 2 and 3", slowest, Aim::Seconds(2.0));
    table.say("the snapshot saves", format!("{:.1}x", before.as_secs_f64() / slowest.as_secs_f64()));
    Ok(())
}
