//! `ci-healer demo`: heals the sample repositories compiled into the binary, offline and without keys.
//!
//! Each becomes a real repository with a bare remote of its own and goes the whole way: plan from its workflow,
//! sandbox with the language's real tools, proof, commit, push. The samples are `tests/repos/`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use include_dir::{Dir, DirEntry, include_dir};
use serde::Deserialize;

use crate::config::{Config, Flags};
use crate::contract::event::EventSink;
use crate::contract::report::RunReport;
use crate::error::ExpectedError;
use crate::git;
use crate::orchestrator::heal::{self, Heal, Push};
use crate::orchestrator::run_dir::RunDir;
use crate::report::commands::Redactor;
use crate::report::console::{Console, StepOutput, Style};
use crate::report::demo::{self, Row};
use crate::scope::Scope;

static SAMPLES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/tests/repos");

/// Bound on each git command that makes a sample.
const GIT_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Deserialize)]
struct Cases {
    case: Vec<Case>,
}

/// A sample, what is wrong with it, and how its heal ends when all is well.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    pub name: String,
    pub category: String,
    pub outcome: String,
}

/// Every sample, in the order they are healed.
pub fn cases() -> anyhow::Result<Vec<Case>> {
    let text = SAMPLES
        .get_file("cases.toml")
        .and_then(|f| f.contents_utf8())
        .context("the list of samples is missing from the binary")?;
    Ok(toml::from_str::<Cases>(text).context("the list of samples")?.case)
}

/// Writes a sample's files into `folder`.
pub fn unpack(name: &str, folder: &Path) -> anyhow::Result<()> {
    fn write(dir: &Dir<'_>, top: &Path, folder: &Path) -> anyhow::Result<()> {
        for entry in dir.entries() {
            match entry {
                DirEntry::Dir(dir) => write(dir, top, folder)?,
                DirEntry::File(file) => {
                    let path = folder.join(file.path().strip_prefix(top)?);
                    if let Some(parent) = path.parent() {
                        std::fs::create_dir_all(parent)?;
                    }
                    std::fs::write(&path, file.contents())
                        .with_context(|| format!("cannot write {}", path.display()))?;
                }
            }
        }
        Ok(())
    }
    let sample = SAMPLES.get_dir(name).with_context(|| format!("no sample is called {name}"))?;
    write(sample, Path::new(name), folder)
}

/// Heals the samples whose names contain `only` (all of them where it is empty); succeeds when each ends as it should.
pub async fn run(
    only: &str,
    flags: &Flags,
    variables: &std::collections::BTreeMap<String, String>,
    scope: &Scope,
    colour: bool,
) -> anyhow::Result<ExitCode> {
    let chosen: Vec<Case> = cases()?.into_iter().filter(|c| c.name.contains(only)).collect();
    if chosen.is_empty() {
        let names: Vec<String> = cases()?.into_iter().map(|c| c.name).collect();
        return Err(ExpectedError::usage(format!("no sample's name contains {only:?}"))
            .hint(format!("there are {}", names.join(", ")))
            .into());
    }
    let ours_alone = std::fs::Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().prefix("ci-healer-demo-").permissions(ours_alone).tempdir();
    // Kept, to be looked at.
    let folder = folder.context("cannot make a folder for the repositories")?.keep();
    let console: Arc<Console> =
        Arc::new(Console::new(Style::Terminal { colour }, StepOutput::Hide, Box::new(std::io::stdout())));
    console.redact(Redactor::new(Config::load(flags, variables)?.secrets()));
    let mut rows = Vec::new();
    for (number, case) in chosen.iter().enumerate() {
        if scope.stopped().is_some() {
            break;
        }
        console.block(&demo::header(number + 1, chosen.len(), &case.name, &case.category));
        let started = Instant::now();
        let report = heal_one(case, &folder, flags, variables, console.clone(), scope).await?;
        let row = Row {
            name: case.name.clone(),
            category: case.category.clone(),
            expected: case.outcome.clone(),
            took: started.elapsed(),
            report,
        };
        console.block(&demo::result(&row));
        rows.push(row);
    }
    console.block(&demo::table(&rows));
    console.say(&format!("The repositories and their bare remotes are in {}", folder.display()));
    let as_expected = rows.len() == chosen.len() && rows.iter().all(Row::is_as_expected);
    Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn heal_one(
    case: &Case,
    folder: &Path,
    flags: &Flags,
    variables: &std::collections::BTreeMap<String, String>,
    events: Arc<dyn EventSink>,
    scope: &Scope,
) -> anyhow::Result<RunReport> {
    let place: PathBuf = folder.join(&case.name);
    let repository = place.join("repository");
    std::fs::create_dir_all(&repository)?;
    unpack(&case.name, &repository)?;
    git::make_repository(&repository, &place.join("remote.git"), &Scope::unbounded(), GIT_TIMEOUT).await?;
    let mut flags = flags.clone();
    for (name, value) in [
        ("providers", "toolchain"),
        ("commit-mode", "git"),
        ("pull-request", "never"),
        ("wait-for-ci", "false"),
    ] {
        flags.insert(name.to_owned(), value.to_owned());
    }
    let config = Config::load(&flags, variables)?;
    Ok(heal::run(Heal {
        base: heal::Base::Event,
        config,
        started: Instant::now(),
        source: repository,
        run_dir: RunDir::new()?,
        push: Push::Yes,
        events,
        event_log: None,
        scope: scope.clone(),
        variables: variables.clone(),
    })
    .await
    .report)
}
