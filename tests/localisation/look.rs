//! Runs one repository with a fault in the sandbox, and reads what every level would send of it to a model server.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use ci_healer::contract::bug::{BugReport, LogSpan};
use ci_healer::contract::build::BuildPlan;
use ci_healer::contract::event::{Event, EventSink, Purpose};
use ci_healer::contract::executed::{TraceOutput, TracedFunctions, TracedTest};
use ci_healer::contract::fix::LineWindow;
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::executor::{Copies, Executor, Options, Request, close_patience};
use ci_healer::fixer::{self, FixAgent, FixOptions, FixRequest, Leads, Redactor};
use ci_healer::orchestrator::evidence::excerpt;
use ci_healer::orchestrator::tracing::{TestTracer, Traces};
use ci_healer::parser::{self, ParseOptions};
use ci_healer::placing::{self, StepFolder};
use ci_healer::plan::{self, PlanRequest};
use ci_healer::scope::Scope;
use serde::Deserialize;

use crate::kept::{self, Run};

pub(crate) const LEVELS: usize = fixer::MAX_LEVEL as usize;
/// What the servers' tokenizers make of code and English, roughly.
const CHARACTERS_PER_TOKEN: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Compile,
    Test,
}

/// Files in memory.
#[derive(Default, Clone)]
pub(crate) struct Repository {
    files: Vec<TreeFile>,
    contents: BTreeMap<RepoPath, Vec<u8>>,
}

impl SourceTree for Repository {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }
}

impl Repository {
    /// Files of the same id have the same content, in whichever repository.
    pub(crate) fn new(files: Vec<(RepoPath, FileMode, Vec<u8>)>) -> Self {
        let mut repository = Self::default();
        for (path, mode, content) in files {
            let hash = content
                .iter()
                .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
            repository.files.push(TreeFile {
                path: path.clone(),
                mode,
                id: format!("{hash:x}-{}", content.len()),
            });
            repository.contents.insert(path, content);
        }
        repository.files.sort_by(|a, b| a.path.cmp(&b.path));
        repository
    }

    /// The same, with files that a checkout does not hold: what was installed.
    fn with(&self, installed: &Self) -> Self {
        let mut both = self.clone();
        for file in &installed.files {
            if !both.contents.contains_key(&file.path) {
                both.files.push(file.clone());
            }
        }
        for (path, content) in &installed.contents {
            both.contents.entry(path.clone()).or_insert_with(|| content.clone());
        }
        both.files.sort_by(|a, b| a.path.cmp(&b.path));
        both
    }
}

/// A repository with one known fault.
pub(crate) struct Case {
    pub(crate) name: String,
    /// The language, for the table.
    pub(crate) group: &'static str,
    pub(crate) kind: Kind,
    pub(crate) command: String,
    pub(crate) tree: Repository,
    pub(crate) installed: Repository,
    pub(crate) file: String,
    /// The faulty lines, from 1. Of a line that was dropped: those above and below.
    pub(crate) lines: Vec<usize>,
}

/// What one way of asking shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// All faulty lines, by level.
    pub(crate) all: [bool; LEVELS],
    pub(crate) lines: [usize; LEVELS],
    /// Of a question.
    pub(crate) tokens: [usize; LEVELS],
}

pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) group: &'static str,
    pub(crate) kind: Kind,
    /// From the log and the code alone.
    pub(crate) plain: Shown,
    /// With what the failing test ran; `None` where no traced run was to be had.
    pub(crate) traced: Option<Shown>,
    /// Tokens of a reply that fixes the faulty line and says so.
    pub(crate) reply: usize,
}

struct Silent;

impl EventSink for Silent {
    fn emit(&self, _: Event) {}
}

/// With this variable set, what misses the fault is printed as it is sent; with `all` in it, whatever is sent.
fn debug() -> Option<String> {
    std::env::var("LOCALISATION_DEBUG").ok()
}

pub(crate) async fn look(case: &Case) -> anyhow::Result<Seen> {
    let planned = plan::plan(&PlanRequest { command: Some(&case.command), ..PlanRequest::of(&case.tree) })?;
    let planned = planned.first().context("there is no plan")?;
    let result = match kept::find(&case.name)? {
        Some(known) => known,
        None => run(case, &planned.plan, &planned.evaluator).await?,
    };
    let text = String::from_utf8_lossy(&result.log).into_owned();
    let (mut diagnosis, origins) = parser::read(result.log.as_slice(), &ParseOptions::default())?;
    let folder = StepFolder { log: LogSpan { first: 1, last: diagnosis.lines }, folder: ".".to_owned() };
    placing::place(&mut diagnosis, &origins, &[folder], &case.tree);
    ensure!(!diagnosis.bugs.is_empty(), "nothing is reported\n{text}");
    // Models are asked about the first report first.
    let bugs = &diagnosis.bugs[..1];
    if debug().is_some() {
        eprintln!("{}: {bugs:#?}\n{text}", case.name);
    }
    let named = plan::named_files(&planned.plan, result.failed_step, &case.tree);
    let of_these = result.trace.as_ref().and_then(|output| ran(output, bugs, &case.tree));
    let ask = |traced| {
        asked(case, bugs, &excerpt(&result.log, bugs), Leads { named: &named, changed: &[], traced })
    };
    Ok(Seen {
        name: case.name.clone(),
        group: case.group,
        kind: case.kind,
        plain: ask(None)?,
        traced: of_these.as_ref().map(|traced| ask(Some(traced))).transpose()?,
        reply: reply_tokens(case),
    })
}

/// What the tests of the reports ran; `None` where the trace shows nothing of it.
fn ran(output: &TraceOutput, bugs: &[BugReport], tree: &Repository) -> Option<TracedFunctions> {
    let is_of = |test: &&TracedTest| bugs.iter().any(|bug| bug.test.as_ref() == Some(&test.id));
    let tests: Vec<TracedTest> = output.tests.iter().filter(is_of).cloned().collect();
    let executed = parser::executed(output, tree);
    (!tests.is_empty() && !executed.functions.is_empty()).then(|| parser::rank_functions(&executed, &tests))
}

async fn run(case: &Case, plan: &BuildPlan, evaluator: &plan::Evaluator) -> anyhow::Result<Run> {
    let known = Traces::default();
    let tracer = TestTracer { plan, tree: &case.tree, known: &known };
    let tree = case.tree.with(&case.installed);
    let scope = Scope::unbounded();
    let options = Options::new(&format!("localisation-{}", std::process::id()));
    let mut executor = Executor::connect(options, &scope).await?;
    let request = Request {
        purpose: Purpose::Baseline,
        leg: 0,
        tree: &tree,
        git_dir: None,
        fresh: false,
        from_snapshot: false,
        copies: Copies::None,
        probes: &[],
        repeats: None,
        watched: None,
        tracer: Some(&tracer),
    };
    let result = executor.execute(plan, evaluator, &request, &Silent, &scope).await;
    executor.close(close_patience(&scope)).await?;
    let text = String::from_utf8_lossy(&result.log);
    ensure!(result.has_verdict() && !result.is_green(), "it does not fail: {:?}\n{text}", result.exit);
    let run = Run { failed_step: result.failed_step, trace: result.trace, log: result.log };
    kept::keep(&case.name, &run)?;
    Ok(run)
}

fn line_of(case: &Case, line: usize) -> Option<String> {
    let text = case.tree.read_text(&RepoPath::new(&case.file).ok()?)?;
    text.lines().nth(line.checked_sub(1)?).map(str::to_owned)
}

fn reply_tokens(case: &Case) -> usize {
    let faulty = case.lines.first().and_then(|line| line_of(case, *line)).unwrap_or_default();
    let reply = serde_json::json!({
        "reason": "the line does not do what its name and its test say", "confidence": 0.9,
        "edits": [{"path": case.file, "find": faulty, "replace": faulty}],
    });
    reply.to_string().len() / CHARACTERS_PER_TOKEN
}

/// What the requests of every level hold.
fn asked(case: &Case, bugs: &[BugReport], log: &str, leads: Leads<'_>) -> anyhow::Result<Shown> {
    let agent = FixAgent::new(FixOptions::new(&[])?, Redactor::new(&[]));
    let mut seen = Shown::default();
    for level in 1..=fixer::MAX_LEVEL {
        let (question, window) = agent.request(&FixRequest {
            bugs,
            tree: &case.tree,
            level,
            needs: &[],
            history: &[],
            log,
            facts: "step \"Test\"",
            leads,
            tokens_left: 200_000,
            cost_left: None,
            deadline: std::time::Instant::now(),
        });
        let at = usize::from(level) - 1;
        let characters = question.system.len() + question.user.len() + question.schema.to_string().len();
        seen.tokens[at] = characters / CHARACTERS_PER_TOKEN;
        let may_be_edited = |line: usize| {
            let holds = |shown: &LineWindow| {
                shown.path.as_str() == case.file
                    && (shown.first as usize..=shown.last as usize).contains(&line)
            };
            window.iter().any(holds)
        };
        let is_sent = |line: usize| {
            line_of(case, line).is_some_and(|text| question.user.contains(text.trim())) && may_be_edited(line)
        };
        seen.all[at] = case.lines.iter().all(|line| is_sent(*line));
        seen.lines[at] = window.iter().map(|w| (w.last - w.first + 1) as usize).sum();
        if debug().is_some_and(|what| what == "all" || !seen.all[at]) {
            let way = if leads.traced.is_some() { "traced" } else { "plain" };
            eprintln!("{}, level {level}, {way}\n{}", case.name, question.user);
        }
    }
    Ok(seen)
}
