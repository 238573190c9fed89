//! `make hints`: what rustc and clippy suggest in words, read back from their rendered output, applied, and compiled again.
//!
//! `broken.txt` holds small broken crates. Of those for which the compiler itself calls a suggestion applicable by machine
//! (its JSON says so; the rendered text, all that a log has, does not), nine in ten must compile afterwards.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, that reports")]
#![allow(clippy::disallowed_methods, reason = "starts programs to look at them, bound to no run")]

use std::path::Path;
use std::process::{Command, ExitCode, Output};

use anyhow::{Context as _, ensure};
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::fixer;
use ci_healer::parser::{self, ParseOptions};
use serde_json::Value;

const BROKEN: &str = include_str!("broken.txt");
const FILE: &str = "src/lib.rs";
/// Of the machine-applicable ones.
const MOST_FAIL: f64 = 0.1;

/// A crate of one file.
struct OneFile {
    files: [TreeFile; 1],
    text: String,
}

impl SourceTree for OneFile {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        (*path == self.files[0].path).then(|| self.text.clone().into_bytes())
    }
}

/// What became of one broken crate.
enum Ended {
    /// The compiler does not call its suggestion applicable by machine.
    NotAsked,
    Compiles,
    /// The parser or the provider found nothing to apply.
    NothingFound(String),
    StillBroken(String),
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<bool> {
    let (mut asked, mut compile, mut others) = (0u32, 0u32, 0u32);
    for (number, case) in BROKEN.split("=== ").skip(1).enumerate() {
        let (tool, source) = case.split_once('\n').context("a case without source")?;
        let ended = one(tool, source).with_context(|| format!("case {}", number + 1))?;
        let (what, why) = match ended {
            Ended::NotAsked => {
                others += 1;
                continue;
            }
            Ended::Compiles => {
                asked += 1;
                compile += 1;
                continue;
            }
            Ended::NothingFound(log) => ("nothing found to apply", log),
            Ended::StillBroken(log) => ("does not compile", log),
        };
        asked += 1;
        println!("-- case {}: {what}\n{source}\n{why}\n", number + 1);
    }
    println!(
        "{compile} of {asked} machine-applicable suggestions compile ({others} more crates have none that is applicable)"
    );
    ensure!(asked > 0, "no compiler spoke");
    Ok(f64::from(asked - compile) <= MOST_FAIL * f64::from(asked))
}

fn one(tool: &str, source: &str) -> anyhow::Result<Ended> {
    let dir = tempfile::tempdir()?;
    std::fs::create_dir(dir.path().join("src"))?;
    std::fs::write(dir.path().join(FILE), source)?;
    let json = compile(tool, dir.path(), &["--error-format=json"])?;
    if json.status.success() {
        // Compilers and their lints change.
        println!("-- not broken for this {tool}:\n{source}");
        return Ok(Ended::NotAsked);
    }
    if !is_machine_applicable(&String::from_utf8_lossy(&json.stderr)) {
        return Ok(Ended::NotAsked);
    }
    // Several stretches of a crate may be broken, as a heal's iterations find them.
    for _ in 0..3 {
        let log = compile(tool, dir.path(), &[])?.stderr;
        let text = std::fs::read_to_string(dir.path().join(FILE))?;
        let path = RepoPath::new(FILE)?;
        let files = [TreeFile { path, mode: FileMode::Regular, id: String::new() }];
        let tree = OneFile { files, text };
        let diagnosis = parser::diagnose(log.as_slice(), &ParseOptions::default())?;
        let proposals = fixer::toolchain_proposals(&diagnosis.bugs, &tree, &[]);
        let log = String::from_utf8_lossy(&log).into_owned();
        let Some(proposal) = proposals.iter().find(|p| p.command.is_none()) else {
            return Ok(Ended::NothingFound(log));
        };
        let Ok(changes) = fixer::apply(&proposal.edits, &proposal.window, &tree) else {
            return Ok(Ended::NothingFound(log));
        };
        for change in changes {
            std::fs::write(dir.path().join(FILE), change.after.unwrap_or_default())?;
        }
        let after = compile(tool, dir.path(), &[])?;
        if after.status.success() {
            return Ok(Ended::Compiles);
        }
    }
    let text = std::fs::read_to_string(dir.path().join(FILE))?;
    let after = compile(tool, dir.path(), &[])?;
    Ok(Ended::StillBroken(format!("became\n{text}\n{}", String::from_utf8_lossy(&after.stderr))))
}

fn compile(tool: &str, dir: &Path, more: &[&str]) -> anyhow::Result<Output> {
    let (program, lints): (&str, &[&str]) = match tool {
        "rustc" => ("rustc", &[]),
        "clippy" => ("clippy-driver", &["-Dwarnings"]),
        other => anyhow::bail!("no such tool: {other}"),
    };
    Command::new(program)
        .current_dir(dir)
        .args(["--edition=2021", "--crate-type=lib", "--emit=metadata", "--out-dir=out", FILE])
        .args(lints)
        .args(more)
        .output()
        .with_context(|| format!("cannot run {program}"))
}

/// Does any error, or a note of one, carry a suggestion that the compiler would apply itself?
fn is_machine_applicable(json: &str) -> bool {
    fn any(diagnostic: &Value) -> bool {
        let spans = diagnostic["spans"].as_array().into_iter().flatten();
        let children = diagnostic["children"].as_array().into_iter().flatten();
        spans.clone().any(|s| s["suggestion_applicability"] == "MachineApplicable")
            || children.clone().any(any)
    }
    json.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .any(|d| d["level"] == "error" && any(&d))
}
