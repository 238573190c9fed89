//! The entry points: the action, and `heal`, `diagnose`, `plan`, `doctor`, `demo` on the command line.
//!
//! Wires the layers together and turns outcomes into exit codes; every sentence for people is the report layer's.

mod action;
mod arguments;
mod ask;
mod commands;
mod diagnose;
mod doctor;
mod heal_command;
mod init;
mod logging;
mod plan;
mod report_command;
mod signals;
mod stats_command;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::after_panic;
use crate::config::Flags;
use crate::contract::git::RepoPath;
use crate::contract::outcome::Outcome;
use crate::contract::settings::FailOn;
use crate::error::{EXIT_BUG, ErrorKind, ExpectedError};
use crate::report::console::Style;
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
    let Some((name, rest)) = args.split_first() else {
        if variables.get("GITHUB_ACTIONS").is_some_and(|v| v == "true") {
            return action::run(variables).await;
        }
        return help_command(&[]);
    };
    let name = match name.as_str() {
        "--help" | "-h" => "help",
        "--version" | "-V" => "version",
        name => name,
    };
    let command = commands::find(name)?;
    if commands::asks_for_help(rest) {
        return write_out(&report::help::command(&command.described()));
    }
    let (flags, rest) = command.parse(rest)?;
    match command.name {
        "diagnose" => diagnose::run(&flags, &rest, &command.usage()),
        "init" => init::run(&flags),
        "plan" => plan::run(flags).await,
        "heal" => heal_command::run(flags, variables).await,
        "drift" => heal_command::drift(flags, variables).await,
        "doctor" => doctor::run(flags, variables).await,
        "demo" => demo_command(&flags, &rest, variables).await,
        "report" => report_command::run(&flags, &rest),
        "stats" => stats_command::run(&flags, &rest),
        "sweep" => action::sweep().await,
        "completions" => completions_command(&rest),
        "man" => write_out(&report::man::page(&commands::version(), &commands::described())),
        "version" => write_out(&commands::version()),
        _ => help_command(&rest),
    }
}

/// `ci-healer help [COMMAND]`
fn help_command(rest: &[String]) -> anyhow::Result<ExitCode> {
    match rest.first() {
        Some(name) => write_out(&report::help::command(&commands::find(name)?.described())),
        None => write_out(&report::help::overview(&commands::described())),
    }
}

/// `ci-healer completions SHELL`
fn completions_command(rest: &[String]) -> anyhow::Result<ExitCode> {
    let shells = commands::SHELLS;
    let shell = rest.first().map_or("", String::as_str);
    match report::completions::script(shell, &commands::described(), shells) {
        Some(script) => write_out(&script),
        None => Err(ExpectedError::usage(format!(
            "completions: the shell {shell:?} is not one of {}",
            shells.join(", ")
        ))
        .into()),
    }
}

fn write_out(text: &str) -> anyhow::Result<ExitCode> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        other => other.map(|()| ExitCode::SUCCESS).map_err(Into::into),
    }
}

/// The folder for the report, with room in it, and the file that takes the events: found out before anything runs.
fn open_report(
    workspace: &Path,
    report_dir: &str,
    redactor: &report::commands::Redactor,
) -> Result<(Directory, EventLog), ExpectedError> {
    let open = || {
        let dir = match RepoPath::new(report_dir.trim_end_matches('/')) {
            Ok(_) => Directory::open(workspace, report_dir)?,
            Err(_) => Directory::open_anywhere(&workspace.join(report_dir))?,
        };
        dir.check_room()?;
        let log = EventLog::create(&dir, redactor.clone())?;
        Ok((dir, log))
    };
    open().map_err(report_error)
}

fn report_error(error: ReportError) -> ExpectedError {
    ExpectedError::environment(error.to_string())
        .hint("make room, or choose another folder with `report-dir`")
}

/// `ci-healer demo [NAME]`
async fn demo_command(
    flags: &Flags,
    rest: &[String],
    variables: &BTreeMap<String, String>,
) -> anyhow::Result<ExitCode> {
    let only = rest.first().map_or("", String::as_str);
    let (scope, received) = signals::listen();
    let code = demo::run(only, flags, variables, &scope, io::stdout().is_terminal()).await?;
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
