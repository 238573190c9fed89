//! `ci-healer doctor`: what a run would stumble over, in seconds and before anything runs.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use crate::config::{Config, Flags};
use crate::contract::outcome::Outcome;
use crate::executor::{CLOSE_PATIENCE_STOPPED, Executor, Options};
use crate::github::{PreflightCheck, Severity};
use crate::orchestrator::repository_file::{Unread, with_repository_file};
use crate::orchestrator::{models, preflight};
use crate::report;
use crate::scope::Scope;

/// Exit code when something would stop a run.
const EXIT_BLOCKED: u8 = 3;

/// Nobody waits longer for what is only a look ahead.
const TIME: Duration = Duration::from_secs(60);

pub(super) async fn run(mut flags: Flags, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let repo = flags.remove("repo").unwrap_or_else(|| ".".to_owned());
    let config = Config::load(&flags, variables)?;
    let mut findings = docker().await;
    let scope = Scope::unbounded().child(TIME);
    let here = std::path::Path::new(&repo);
    let config = match with_repository_file(config.clone(), &flags, variables, here, &scope).await {
        Ok(config) => config,
        Err(Unread::Wrong(error)) => return Err(error.into()),
        Err(Unread::NotHad(outcome)) => {
            findings.push(blocking(&outcome));
            config
        }
    };
    for examined in
        [models::preflight(&config, &scope).await, preflight::preflight(&config, here, &scope).await]
    {
        findings.extend(examined.unwrap_or_else(|outcome| vec![blocking(&outcome)]));
    }
    let lines: Vec<report::doctor::Line<'_>> = findings
        .iter()
        .map(|f| report::doctor::Line {
            mark: match f.severity {
                Severity::Blocking => report::doctor::Mark::Blocking,
                Severity::Warning => report::doctor::Mark::Warning,
                Severity::Note | Severity::Fine => report::doctor::Mark::Note,
            },
            what: &f.message,
            remedy: f.hint.as_deref(),
        })
        .collect();
    super::write_out(&report::doctor::text(&lines))?;
    let blocked = findings.iter().any(|f| f.severity == Severity::Blocking);
    Ok(if blocked { ExitCode::from(EXIT_BLOCKED) } else { ExitCode::SUCCESS })
}

async fn docker() -> Vec<PreflightCheck> {
    match Executor::connect(Options::new("doctor"), &Scope::unbounded()).await {
        Ok(executor) => {
            let name = executor.engine_name().await.unwrap_or_else(|_| "an engine".to_owned());
            let mut checks =
                vec![PreflightCheck::new(Severity::Note, format!("a Docker engine answers ({name})"))];
            checks.extend(executor.unheld_limits().map(|what| PreflightCheck::new(Severity::Warning, what)));
            // Nothing was made; closing is for form's sake.
            if let Err(error) = executor.close(CLOSE_PATIENCE_STOPPED).await {
                log::debug!("{error}");
            }
            checks
        }
        Err(error) => {
            let finding = PreflightCheck::new(Severity::Blocking, error.to_string());
            vec![match error.hint() {
                Some(hint) => finding.hint(hint),
                None => finding,
            }]
        }
    }
}

fn blocking(outcome: &Outcome) -> PreflightCheck {
    match outcome {
        Outcome::Refused { why, remedy: Some(remedy) } => {
            PreflightCheck::new(Severity::Blocking, why).hint(remedy)
        }
        Outcome::Refused { why, remedy: None } => PreflightCheck::new(Severity::Blocking, why),
        outcome => PreflightCheck::new(Severity::Blocking, report::text::outcome(outcome)),
    }
}
