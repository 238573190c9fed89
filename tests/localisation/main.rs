//! `make localisation`: is the fault in what a model is shown? Runs repositories with one known fault each in the sandbox,
//! reads their logs, and looks for the faulty line in the context of every level. This bounds what a perfect model could heal.
//!
//! Fails where an aim is missed: compile errors on level 1 in nine of ten, everything on level 3, failing tests within
//! 400 lines.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, that reports")]

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use ci_healer::contract::event::{Event, EventSink, Purpose};
use ci_healer::contract::fix::LineWindow;
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::executor::{Executor, Options, Request, close_patience};
use ci_healer::fixer::{self, FixAgent, FixOptions, FixRequest, Redactor};
use ci_healer::orchestrator::evidence::excerpt;
use ci_healer::parser::{self, ParseOptions};
use ci_healer::plan::{PlanRequest, plan};
use ci_healer::scope::Scope;
use serde::Deserialize;

const FAULTS: &str = include_str!("faults.yaml");
/// Above and below every source file.
const MARGIN: usize = 60;
const LEVELS: usize = fixer::MAX_LEVEL as usize;
const MOST_LINES: usize = 400;
/// In the middle, on the first level.
const MOST_TOKENS: (usize, usize) = (1_500, 300);
/// What the servers' tokenizers make of code and English, roughly.
const CHARACTERS_PER_TOKEN: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    name: String,
    kind: Kind,
    command: String,
    files: BTreeMap<String, String>,
    /// File, and a part of the faulty line.
    fault: (String, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Compile,
    Test,
}

struct Repository {
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
    fn of(fault: &Fault) -> anyhow::Result<Self> {
        let mut contents = BTreeMap::new();
        for (path, text) in &fault.files {
            contents.insert(RepoPath::new(path)?, with_margins(path, text).into_bytes());
        }
        let file = |path: &RepoPath| TreeFile {
            path: path.clone(),
            mode: FileMode::Regular,
            id: format!("{}:{path}", fault.name),
        };
        Ok(Self { files: contents.keys().map(file).collect(), contents })
    }
}

/// Comments around the code: true to no language's taste, and harmless in each.
fn with_margins(path: &str, text: &str) -> String {
    let sign = match path.rsplit('.').next() {
        Some("py") => "#",
        Some("js" | "ts" | "go" | "java" | "rs") => "//",
        _ => return text.to_owned(),
    };
    let lines = |what: &str| (0..MARGIN).map(|i| format!("{sign} {what} {i}\n")).collect::<String>();
    format!("{}\n{text}\n{}", lines("above"), lines("below"))
}

struct Silent;

impl EventSink for Silent {
    fn emit(&self, _: Event) {}
}

/// On which levels the faulty line is shown, and how many lines each shows.
struct Seen {
    kind: Kind,
    shown: [bool; LEVELS],
    lines: [usize; LEVELS],
    /// Of a question on each level.
    tokens: [usize; LEVELS],
    /// Of a reply that fixes the faulty line and says so.
    reply: usize,
}

fn main() -> ExitCode {
    match tokio::runtime::Runtime::new().context("cannot start").and_then(|rt| rt.block_on(run())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("localisation: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<bool> {
    let faults: Vec<Fault> = serde_yaml::from_str(FAULTS)?;
    let mut seen = Vec::new();
    println!("{:62} {:8} shown on level (lines)", "fault", "kind");
    for fault in &faults {
        let one = look(fault).await.with_context(|| fault.name.clone())?;
        let levels: Vec<String> = (0..LEVELS)
            .map(|i| format!("{}{}({})", if one.shown[i] { "" } else { "-" }, i + 1, one.lines[i]))
            .collect();
        println!("{:62} {:8} {}", fault.name, format!("{:?}", one.kind).to_lowercase(), levels.join(" "));
        seen.push(one);
    }
    Ok(judge(&seen))
}

async fn look(fault: &Fault) -> anyhow::Result<Seen> {
    let tree = Repository::of(fault)?;
    let (file, part) = &fault.fault;
    let text = tree.read_text(&RepoPath::new(file)?).context("the faulty file is not there")?;
    let line =
        text.lines().position(|l| l.contains(part.as_str())).context("the faulty line is not there")? + 1;
    let planned = plan(&PlanRequest { command: Some(&fault.command), ..PlanRequest::of(&tree) })?;
    let planned = planned.first().context("there is no plan")?;
    let scope = Scope::unbounded();
    let mut executor =
        Executor::connect(Options::new(&format!("localisation-{}", std::process::id())), &scope).await?;
    let request = Request {
        purpose: Purpose::Baseline,
        leg: 0,
        tree: &tree,
        git_dir: None,
        fresh: false,
        from_snapshot: false,
        probes: &[],
        repeats: None,
        watched: None,
        tracer: None,
        repeats: None,
    };
    let result = executor.execute(&planned.plan, &planned.evaluator, &request, &Silent, &scope).await;
    executor.close(close_patience(&scope)).await?;
    let log = String::from_utf8_lossy(&result.log).into_owned();
    ensure!(result.has_verdict() && !result.is_green(), "it does not fail: {:?}\n{log}", result.exit);
    let diagnosis = parser::diagnose(result.log.as_slice(), &ParseOptions::default())?;
    ensure!(!diagnosis.bugs.is_empty(), "nothing is reported\n{log}");
    let faulty = text.lines().nth(line - 1).unwrap_or_default();
    let reply = serde_json::json!({
        "reason": "the line does not do what its name and its test say", "confidence": 0.9,
        "edits": [{"path": file, "find": faulty, "replace": faulty}],
    });
    let mut seen = Seen {
        kind: fault.kind,
        shown: [false; LEVELS],
        lines: [0; LEVELS],
        tokens: [0; LEVELS],
        reply: reply.to_string().len() / CHARACTERS_PER_TOKEN,
    };
    let agent = FixAgent::new(FixOptions::new(&[])?, Redactor::new(&[]));
    // Models are asked about the first report first.
    let bugs = &diagnosis.bugs[..1];
    let log = excerpt(&result.log, bugs);
    for level in 1..=fixer::MAX_LEVEL {
        let (question, window) = agent.request(&FixRequest {
            bugs,
            tree: &tree,
            level,
            needs: &[],
            history: &[],
            log: &log,
            facts: "step \"Test\"",
            leads: fixer::Leads::default(),
            tokens_left: 200_000,
            cost_left: None,
            deadline: std::time::Instant::now(),
        });
        let at = usize::from(level) - 1;
        let characters = question.system.len() + question.user.len() + question.schema.to_string().len();
        seen.tokens[at] = characters / CHARACTERS_PER_TOKEN;
        let holds = |shown: &LineWindow| {
            shown.path.as_str() == file && (shown.first as usize..=shown.last as usize).contains(&line)
        };
        seen.shown[at] = window.iter().any(holds);
        seen.lines[at] = window.iter().map(|w| (w.last - w.first + 1) as usize).sum();
    }
    Ok(seen)
}

fn middle(seen: &[Seen], of: impl Fn(&Seen) -> usize) -> usize {
    let mut all: Vec<usize> = seen.iter().map(of).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}

/// The table, and whether it is as good as it should be.
fn judge(seen: &[Seen]) -> bool {
    let mut good = true;
    println!();
    for kind in [Kind::Compile, Kind::Test] {
        let of_kind: Vec<&Seen> = seen.iter().filter(|s| s.kind == kind).collect();
        for level in 1..=LEVELS {
            let shown = of_kind.iter().filter(|s| s.shown[..level].iter().any(|s| *s)).count();
            let mut lines: Vec<usize> = of_kind.iter().map(|s| s.lines[level - 1]).collect();
            lines.sort_unstable();
            let (middle, most) =
                (lines.get(lines.len() / 2).copied().unwrap_or(0), lines.last().copied().unwrap_or(0));
            let missed = match (kind, level) {
                (Kind::Compile, 1) => shown * 10 < of_kind.len() * 9,
                (_, 3) => shown < of_kind.len(),
                (Kind::Test, LEVELS) => most > MOST_LINES,
                _ => false,
            };
            good &= !missed;
            println!(
                "{:8} up to level {level}: {shown} of {} faults shown, {middle} lines in the middle, {most} at most{}",
                format!("{kind:?}").to_lowercase(),
                of_kind.len(),
                if missed { "  MISSED" } else { "" }
            );
        }
    }
    for level in 1..=LEVELS {
        println!(
            "tokens of a question on level {level}: {} in the middle",
            middle(seen, |s| s.tokens[level - 1])
        );
    }
    println!("tokens of a reply that fixes it: {} in the middle", middle(seen, |s| s.reply));
    if middle(seen, |s| s.tokens[0]) > MOST_TOKENS.0 || middle(seen, |s| s.reply) > MOST_TOKENS.1 {
        println!("MISSED: at most {MOST_TOKENS:?} in and out");
        good = false;
    }
    let first = seen.iter().filter(|s| s.shown[0]).count();
    println!("all      on level 1: {first} of {} (aim: nine of ten)", seen.len());
    good & (first * 10 >= seen.len() * 9)
}
