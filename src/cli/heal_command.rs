//! `ci-healer heal`: the whole loop over a checkout of one's own, or an address.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use super::{arguments, ask, exit_code, open_report, report_error, signals, terminal};
use crate::config::{Config, Flags};
use crate::error::ExpectedError;
use crate::git::{self, GitError};
use crate::orchestrator::bundle::Finished;
use crate::orchestrator::heal::{self, Heal, Push};
use crate::orchestrator::run_dir::RunDir;
use crate::report;
use crate::report::console::{Console, StepOutput};
use crate::scope::Scope;

/// `ci-healer heal`
pub(super) async fn run(mut flags: Flags, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let repo = flags.remove("repo").unwrap_or_else(|| ".".to_owned());
    let apply = flags.remove("apply").is_some();
    let push = if flags.remove("no-push").is_some() || apply { Push::No } else { Push::Yes };
    let steps = if flags.remove("verbose").is_some() { StepOutput::Show } else { StepOutput::Hide };
    let mut config = Config::load(&flags, variables)?;
    let mut started = Instant::now();
    let (scope, received) = signals::listen();
    let run_dir = RunDir::new()?;
    let (report_dir, fail_on) = (config.report_dir.clone(), config.fail_on);
    let redactor = report::commands::Redactor::new(config.secrets());
    let console = Arc::new(Console::new(terminal(), steps, Box::new(io::stdout())));
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
    let is_checkout = source.as_ref().is_some_and(|s| !s.starts_with(run_dir.path()));
    if apply && source.is_some() && !is_checkout {
        return Err(ExpectedError::usage(format!(
            "--apply changes a checkout, and --repo {repo:?} is an address"
        ))
        .into());
    }
    let checkout = source.clone().filter(|_| is_checkout);
    let report_to = checkout.clone().unwrap_or_else(|| ".".into());
    let (dir, event_log) = open_report(&report_to, &report_dir, &redactor)?;
    let event_log = Some(event_log);
    let finished = match source {
        Some(source) => {
            heal::run(Heal {
                config,
                started,
                source,
                run_dir,
                push,
                events: console.clone(),
                event_log,
                scope: scope.clone(),
                variables: variables.clone(),
            })
            .await
        }
        None => heal::cancelled(&config, started, run_dir, console.clone(), event_log),
    };
    let (proof, patch) = (finished.proof.as_ref(), finished.patch.as_deref());
    report::results::write(&finished.report, proof, patch, &dir, &finished.files, &redactor)
        .map_err(report_error)?;
    console.block(&report::verdict::text(&finished.report, Some(&finished.files)));
    if let Some(checkout) = checkout.filter(|_| apply) {
        return apply_to(&checkout, &finished, &console, &scope)
            .await
            .map(|()| exit_code(&finished.report.outcome, fail_on, received.signal()));
    }
    if let Some(line) = report::verdict::how_to_take(&finished.report, &finished.files) {
        console.block(&line);
    }
    Ok(exit_code(&finished.report.outcome, fail_on, received.signal()))
}

/// Takes a proven fix into the checkout; where none is proven, nothing is changed.
async fn apply_to(
    checkout: &Path,
    finished: &Finished,
    console: &Console,
    scope: &Scope,
) -> anyhow::Result<()> {
    let (Some(base), Some(patch), Some(_)) =
        (&finished.report.sha, &finished.files.patch_file, &finished.proof)
    else {
        return Ok(());
    };
    let applied = git::apply_to_checkout(checkout, base, &checkout.join(patch), scope).await;
    let files = applied.map_err(|error: GitError| {
        let unapplied = ExpectedError::environment(format!("--apply: {error}"));
        unapplied.hint(format!("the proven patch is in {patch}"))
    })?;
    console.say(&report::verdict::applied(&files));
    Ok(())
}
