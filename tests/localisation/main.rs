//! `make localisation`: is the fault in what a model is shown? Runs repositories with one known fault each in the sandbox
//! (small ones of our own, and real packages), reads their logs, and looks for the faulty lines in the request of every
//! level as it goes to a model server, with and without the traced run. This bounds what a perfect model could heal.
//!
//! `own` or `packages` as an argument runs one part alone, `held-out` the packages that nothing was tuned on; another word
//! runs the packages whose names hold it. With a
//! folder in `LOCALISATION_RUNS`, runs are kept there and read again: what is shown can be worked on without running.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, that reports")]

mod kept;
mod look;
mod packages;
mod table;

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context as _;
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree as _};
use serde::Deserialize;

use look::{Case, Kind, LEVELS, Repository, Seen, Shown, look};

const FAULTS: &str = include_str!("faults.yaml");
/// Above and below every source file.
const MARGIN: usize = 60;

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

impl Fault {
    fn case(&self) -> anyhow::Result<Case> {
        let mut files = Vec::new();
        for (path, text) in &self.files {
            files.push((RepoPath::new(path)?, FileMode::Regular, with_margins(path, text).into_bytes()));
        }
        let tree = Repository::new(files);
        let (file, part) = &self.fault;
        let text = tree.read_text(&RepoPath::new(file)?).context("the faulty file is not there")?;
        let line =
            text.lines().position(|l| l.contains(part.as_str())).context("the faulty line is not there")?;
        Ok(Case {
            name: self.name.clone(),
            group: group_of(&self.name),
            kind: self.kind,
            command: self.command.clone(),
            tree,
            installed: Repository::default(),
            file: file.clone(),
            lines: vec![line + 1],
        })
    }
}

/// What a fault's name begins with.
fn group_of(name: &str) -> &'static str {
    match name.split_once(',').map_or(name, |(language, _)| language) {
        "python" => "python",
        "node" | "typescript" => "node",
        "go" => "go",
        "java" => "java",
        "rust" => "rust",
        _ => "other",
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
    let which = std::env::args().nth(1).unwrap_or_default();
    let mut good = true;
    if matches!(which.as_str(), "" | "own") {
        let faults: Vec<Fault> = serde_yaml::from_str(FAULTS)?;
        println!("{:62} {:8} shown on level (lines)", "fault", "kind");
        let mut seen = Vec::new();
        for fault in &faults {
            let one = look(&fault.case()?).await.with_context(|| fault.name.clone())?;
            print_row(&one);
            seen.push(one);
        }
        good &= table::judge(&seen);
    }
    if which != "own" {
        let filter = if which == "packages" { "" } else { which.as_str() };
        println!("{:62} {:8} shown on level (lines)", "package", "kind");
        let (mut seen, mut failed) = (Vec::new(), 0_usize);
        for recipe in packages::recipes(filter)? {
            // One that cannot be had is told, and the others still count.
            match async { look(&recipe.case()?).await }.await {
                Ok(one) => {
                    print_row(&one);
                    seen.push(one);
                }
                Err(error) => {
                    eprintln!("{}: {error:#}", recipe.name);
                    failed += 1;
                }
            }
        }
        good &= table::judge_packages(&seen, failed);
    }
    Ok(good)
}

fn print_row(one: &Seen) {
    let levels = |shown: &Shown| -> String {
        let level = |i| format!("{}{}({})", if shown.all[i] { "" } else { "-" }, i + 1, shown.lines[i]);
        (0..LEVELS).map(level).collect::<Vec<_>>().join(" ")
    };
    let traced = one.traced.as_ref().map_or("no trace".to_owned(), levels);
    let kind = format!("{:?}", one.kind).to_lowercase();
    println!("{:62} {kind:8} {} | {traced}", one.name, levels(&one.plain));
}
