//! The entry points: the action, and `heal`, `diagnose`, `plan`, `doctor`, `demo` on the command line.
//!
//! Wires the layers together and turns outcomes into exit codes; every sentence for people is the report layer's.

mod action;
mod arguments;
mod ask;
mod diagnose;
mod doctor;
mod logging;
mod plan;
mod report_command;
mod signals;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::after_panic;
use crate::config::{self, Config};
use crate::contract::outcome::Outcome;
use crate::contract::settings::FailOn;
use crate::drift::Time;
use crate::error::{EXIT_BUG, ErrorKind, ExpectedError};
use crate::orchestrator::heal::{self, Heal, Push};
use crate::orchestrator::run_dir::RunDir;
use crate::report::console::{Console, StepOutput, Style};
use crate::report::directory::{Directory, ReportError};
use crate::report::event_log::EventLog;
use crate::{demo, report};

/// The name under which the image's binary only cleans up (the action's `post-entrypoint`).
const SWEEP_NAME: &str = "ci-healer-sweep";

/// How long a panic may go on removing what the run has made.
const UNDONE_WITHIN: Duration = Duration::from_secs(10);

/// Runs the command line and says how it went.
#[must_use]
pub fn main() -> ExitCode {
    // Our memory holds tokens: it goes into no core file, and nobody else of this user reads it.
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        log::warn!("cannot switch core dumps off: {error}");
    }
    logging::start();
    after_panic::end_the_process(UNDONE_WITHIN);
    let mut args = std::env::args();
    let own_name = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let sweeps = Path::new(&own_name).file_name().is_some_and(|n| n == SWEEP_NAME);
    // Names that are not Unicode cannot be inputs or facts of ours.
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("cannot start")),
    };
    let result =
        runtime.block_on(async { if sweeps { action::sweep().await } else { run(&args, &variables).await } });
    // Threads blocked in a system call must not keep a cancelled run alive.
    runtime.shutdown_background();
    result.unwrap_or_else(|error| fail(&error))
}

fn fail(error: &anyhow::Error) -> ExitCode {
    let expected = error.downcast_ref::<ExpectedError>();
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "ci-healer: {error:#}");
    if let Some(hint) = expected.and_then(|e| e.hint.as_ref()) {
        let _ = writeln!(err, "  {hint}");
    }
    ExitCode::from(expected.map_or(EXIT_BUG, |e| e.kind.exit_code()))
}

async fn run(args: &[String], variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", args),
    };
    match command {
        "" if variables.get("GITHUB_ACTIONS").is_some_and(|v| v == "true") => action::run(variables).await,
        "" | "help" | "--help" | "-h" => write_out(&report::help::text(config::INPUTS.iter().map(help_row))),
        "version" | "--version" | "-V" => write_out(&format!("ci-healer {}\n", env!("CARGO_PKG_VERSION"))),
        "diagnose" => diagnose::run(rest),
        "plan" => plan::run(rest),
        "heal" => heal_command(rest, variables).await,
        "drift" => drift_command(rest, variables).await,
        "doctor" => doctor::run(rest, variables).await,
        "demo" => demo_command(rest, variables).await,
        "report" => report_command::run(rest),
        "sweep" => action::sweep().await,
        other => Err(ExpectedError::usage(format!(
            "unknown command {other:?}; there are heal, drift, diagnose, plan, doctor, demo, report, sweep, help and version"
        ))
        .into()),
    }
}

fn help_row(input: &config::Input) -> report::help::Row {
    let allowed = if input.kind == config::Kind::Text { String::new() } else { input.kind.allowed() };
    report::help::Row { name: input.name, default: input.own_default(), doc: input.doc, allowed }
}

fn write_out(text: &str) -> anyhow::Result<ExitCode> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        other => other.map(|()| ExitCode::SUCCESS).map_err(Into::into),
    }
}

/// `ci-healer heal [--repo PATH|URL] [--no-push] [flags]`
async fn heal_command(args: &[String], variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let (flags, rest) = config::flags(args, &["repo", "no-push!"])?;
    arguments::none_left("heal", &rest)?;
    run_on(flags, variables, Task::Heal).await
}

/// `ci-healer drift [--repo PATH|URL] [--since DATE] [flags]`
async fn drift_command(args: &[String], variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let (mut flags, rest) = config::flags(args, &["repo", "since"])?;
    arguments::none_left("drift", &rest)?;
    let since = match flags.remove("since") {
        None => None,
        Some(text) => Some(Time::parse(&text).filter(|since| *since < Time::now()).ok_or_else(|| {
            ExpectedError::usage(format!("--since {text:?} is no date in the past"))
                .hint("give a date like 2025-01-20, or a time like 2025-01-20T13:00:00Z")
        })?),
    };
    run_on(flags, variables, Task::Drift(since)).await
}

/// What is done with a repository.
enum Task {
    Heal,
    Drift(Option<Time>),
}

async fn run_on(
    mut flags: config::Flags,
    variables: &BTreeMap<String, String>,
    task: Task,
) -> anyhow::Result<ExitCode> {
    let repo = flags.remove("repo").unwrap_or_else(|| ".".to_owned());
    let push = if flags.remove("no-push").is_some() { Push::No } else { Push::Yes };
    let mut config = Config::load(&flags, variables)?;
    let mut started = Instant::now();
    let (scope, received) = signals::listen();
    let run_dir = RunDir::new()?;
    let (report_dir, fail_on) = (config.report_dir.clone(), config.fail_on);
    let redactor = report::commands::Redactor::new(config.secrets());
    let console = Arc::new(Console::new(terminal(), StepOutput::Show, Box::new(io::stdout())));
    console.redact(redactor.clone());
    // A clone that was stopped is no error.
    let source = match arguments::source(&repo, run_dir.path(), &scope).await {
        Err(_) if scope.stopped().is_some() => None,
        source => Some(source?),
    };
    if let Some(source) = &source {
        let asked = Instant::now();
        ask::which_job(&mut config, source, &console, &scope).await?;
        // Nobody's time to think is the run's.
        started += asked.elapsed();
    }
    // A clone of ours goes at the end; its report is for whoever called.
    let report_to = source.clone().filter(|s| !s.starts_with(run_dir.path())).unwrap_or_else(|| ".".into());
    let (dir, event_log) = open_report(&report_to, &report_dir, &redactor)?;
    let event_log = Some(event_log);
    let finished = match source {
        Some(source) => {
            let heal = Heal {
                config,
                started,
                source,
                run_dir,
                push,
                events: console.clone(),
                event_log,
                scope,
                variables: variables.clone(),
            };
            match task {
                Task::Heal => heal::run(heal).await,
                Task::Drift(since) => heal::run_drift(heal, since).await,
            }
        }
        None => heal::cancelled(&config, started, run_dir, console.clone(), event_log),
    };
    let (proof, patch) = (finished.proof.as_ref(), finished.patch.as_deref());
    report::results::write(&finished.report, proof, patch, &dir, &finished.files, &redactor)
        .map_err(report_error)?;
    console.block(&report::verdict::text(&finished.report, Some(&finished.files)));
    Ok(exit_code(&finished.report.outcome, fail_on, received.signal()))
}

/// The folder for the report, with room in it, and the file that takes the events: found out before anything runs.
fn open_report(
    workspace: &Path,
    report_dir: &str,
    redactor: &report::commands::Redactor,
) -> Result<(Directory, EventLog), ExpectedError> {
    let open = || {
        let dir = Directory::open(workspace, report_dir)?;
        dir.check_room()?;
        let log = EventLog::create(&dir, redactor.clone())?;
        Ok((dir, log))
    };
    open().map_err(report_error)
}

fn report_error(error: ReportError) -> ExpectedError {
    ExpectedError::environment(error.to_string())
        .hint("make room, or choose another folder of the workspace with `report-dir`")
}

/// `ci-healer demo [NAME]`
async fn demo_command(args: &[String], variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let (flags, rest) = config::flags(args, &[])?;
    let only = match rest.as_slice() {
        [] => "",
        [only] => only,
        more => return Err(ExpectedError::usage(format!("demo takes one name at most, not {more:?}")).into()),
    };
    let (scope, received) = signals::listen();
    let code = demo::run(only, &flags, variables, &scope, io::stdout().is_terminal()).await?;
    Ok(received.signal().map_or(code, ExitCode::from))
}

fn terminal() -> Style {
    Style::Terminal { colour: io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
}

/// The documented exit codes.
fn exit_code(outcome: &Outcome, fail_on: FailOn, signal: Option<u8>) -> ExitCode {
    if let Some(signal) = signal {
        return ExitCode::from(signal);
    }
    let code = match outcome {
        Outcome::Healed | Outcome::AlreadyGreen | Outcome::Diagnosed | Outcome::Patched => 0,
        Outcome::Flaky { .. }
        | Outcome::NotReproduced { .. }
        | Outcome::Exhausted { .. }
        | Outcome::Partial { .. }
        | Outcome::Drift { .. }
        | Outcome::BudgetSpent { .. }
        | Outcome::Refused { .. }
        | Outcome::Cancelled => 1,
        Outcome::Environment { .. } | Outcome::Error { .. } => ErrorKind::Environment.exit_code(),
    };
    let is_error = matches!(outcome, Outcome::Error { .. });
    match fail_on {
        FailOn::Never => ExitCode::SUCCESS,
        FailOn::Error if !is_error => ExitCode::SUCCESS,
        FailOn::Error | FailOn::Unhealed => ExitCode::from(code),
    }
}
