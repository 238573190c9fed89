//! The action's front door: inputs from the workflow, everything people and later steps read at the end, always.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use crate::config::{Config, Flags, Mode};
use crate::contract::event::Event;
use crate::contract::event::EventSink as _;
use crate::error::ExpectedError;
use crate::executor::{Executor, Options, close_patience};
use crate::orchestrator::bundle::Finished;
use crate::orchestrator::heal::{self, Heal, Push};
use crate::orchestrator::publish;
use crate::report::annotations;
use crate::report::commands::{Annotation, Level, Redactor, mask_commands};
use crate::report::console::{Console, StepOutput, Style};
use crate::report::results::{self, Written};

use super::place::Place;
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
    let secrets = super::all_secrets(&config);
    console.commands(&mask_commands(&secrets));
    let redactor = Redactor::new(&secrets);
    let facts = config.workflow_run.clone();
    let workspace = facts.workspace.clone().filter(|w| w.is_dir()).ok_or_else(|| {
        let error = ExpectedError::usage("there is no workspace: GITHUB_WORKSPACE names no folder")
            .hint("run actions/checkout before this step");
        annotate(&console, &error);
        error
    })?;
    let (fail_on, report_dir) = (config.fail_on, config.report_dir.clone());
    let (cancel, received) = signals::listen();
    let place = Place::new()?;
    let mode = config.mode;
    let heal = Heal {
        config,
        source: workspace.clone(),
        work_dir: place.path().to_owned(),
        push: Push::Yes,
        events: console.clone(),
        cancel,
        variables: variables.clone(),
    };
    let finished = match mode {
        Mode::Publish => publish::run(heal).await,
        Mode::Heal | Mode::Patch | Mode::Diagnose => heal::run(heal).await,
    };
    let written = write_files(&finished, &workspace, &report_dir, &redactor, &console);
    let report = &finished.report;
    if let Some(path) = &facts.summary_file {
        warn(&console, results::write_summary(path, report, written.as_ref(), &redactor));
    }
    if let Some(path) = &facts.output_file {
        warn(&console, results::write_outputs(path, &results::outputs(report, written.as_ref())));
    }
    let annotations = annotations::for_run(report);
    console.commands(&annotations.iter().map(|a| redactor.redact(&a.command())).collect::<Vec<_>>());
    place.remove();
    Ok(super::exit_code(&report.outcome, fail_on, received.signal()))
}

fn write_files(
    finished: &Finished,
    workspace: &Path,
    report_dir: &str,
    redactor: &Redactor,
    console: &Console,
) -> Option<Written> {
    let written = results::write(
        &finished.report,
        finished.proof.as_ref(),
        finished.patch.as_deref(),
        workspace,
        report_dir,
        redactor,
    );
    match written {
        Ok(written) => Some(written),
        Err(error) => {
            console.emit(Event::Warning { what: error.to_string() });
            None
        }
    }
}

/// A report that cannot be written must not hide the verdict.
fn warn(console: &Console, result: Result<(), results::ReportError>) {
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
