//! The action's entry point: inputs from the workflow, everything people and later steps read at the end, always.

use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use crate::config::{Config, Flags};
use crate::contract::event::Event;
use crate::contract::event::EventSink as _;
use crate::contract::report::ReportFiles;
use crate::error::ExpectedError;
use crate::executor::{Executor, Options, close_patience};
use crate::orchestrator::bundle::Finished;
use crate::orchestrator::heal::{self, Base, Heal, Push};
use crate::orchestrator::repository_file::{Unread, with_repository_file};
use crate::orchestrator::run_dir::RunDir;
use crate::report::annotations;
use crate::report::commands::{Annotation, Level, Redactor, mask_commands};
use crate::report::console::{Console, StepOutput, Style};
use crate::report::directory::{Directory, ReportError};
use crate::report::results;

use super::signals;

/// Runs in a workflow.
pub(super) async fn run(variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let console = Arc::new(Console::new(Style::Actions, StepOutput::Show, Box::new(io::stdout())));
    let config = match Config::load(&Flags::new(), variables) {
        Ok(config) => config,
        Err(error) => {
            annotate(&console, &error);
            return Err(error.into());
        }
    };
    console.commands(&mask_commands(config.secrets()));
    let redactor = Redactor::new(config.secrets());
    console.redact(redactor.clone());
    let facts = config.workflow_run.clone();
    let workspace = facts.workspace.clone().filter(|w| w.is_dir()).ok_or_else(|| {
        let error = ExpectedError::usage("there is no workspace: GITHUB_WORKSPACE names no folder")
            .hint("run actions/checkout before this step");
        annotate(&console, &error);
        error
    })?;
    let started = Instant::now();
    let (dir, event_log) =
        super::open_report(&workspace, &config.report_dir, &redactor).inspect_err(|error| {
            annotate(&console, error);
        })?;
    let (scope, received) = signals::listen();
    let (run_dir, events, event_log) = (RunDir::new()?, console.clone(), Some(event_log));
    let read = with_repository_file(config.clone(), &Flags::new(), variables, &workspace, &scope).await;
    let fail_on = read.as_ref().map_or(config.fail_on, |config| config.fail_on);
    let finished = match read {
        Ok(config) => {
            let (source, variables) = (workspace.clone(), variables.clone());
            let (push, base) = (Push::Yes, Base::Event);
            let heal =
                Heal { config, started, source, base, run_dir, push, events, event_log, scope, variables };
            heal::run(heal).await
        }
        Err(Unread::Wrong(error)) => {
            annotate(&console, &error);
            return Err(error.into());
        }
        Err(Unread::NotHad(outcome)) => heal::ended(outcome, &config, started, run_dir, events, event_log),
    };
    let written = write_files(&finished, &dir, &redactor, &console);
    let report = &finished.report;
    if let Some(path) = &facts.summary_file {
        warn(&console, results::write_summary(path, report, written, &redactor));
    }
    if let Some(path) = &facts.output_file {
        warn(&console, results::write_outputs(path, &results::outputs(report, written)));
    }
    let annotations = annotations::for_run(report);
    console.commands(&annotations.iter().map(|a| redactor.redact(&a.command())).collect::<Vec<_>>());
    Ok(super::exit_code(&report.outcome, fail_on, received.signal()))
}

fn write_files<'a>(
    finished: &'a Finished,
    dir: &Directory,
    redactor: &Redactor,
    console: &Console,
) -> Option<&'a ReportFiles> {
    let (proof, patch) = (finished.proof.as_ref(), finished.patch.as_deref());
    match results::write(&finished.report, proof, patch, dir, &finished.files, redactor) {
        Ok(()) => Some(&finished.files),
        Err(error) => {
            console.emit(Event::Warning { what: error.to_string() });
            None
        }
    }
}

/// A report that cannot be written must not hide the verdict.
fn warn(console: &Console, result: Result<(), ReportError>) {
    if let Err(error) = result {
        console.emit(Event::Warning { what: error.to_string() });
    }
}

fn annotate(console: &Console, error: &ExpectedError) {
    let message = match &error.hint {
        Some(hint) => format!("{error}\n{hint}"),
        None => error.to_string(),
    };
    console.commands(&[Annotation::general(Level::Error, "ci-healer", message).command()]);
}

/// Removes what dead runs left in the engine. Without an engine there is nothing to remove.
pub(super) async fn sweep() -> anyhow::Result<ExitCode> {
    let (scope, _) = signals::listen();
    match Executor::connect(Options::new("sweep"), &scope).await {
        Ok(executor) => {
            let removed = executor.sweep().await?;
            log::info!("{removed:?}");
            executor.close(close_patience(&scope)).await?;
        }
        Err(error) => log::info!("{error}"),
    }
    Ok(ExitCode::SUCCESS)
}
