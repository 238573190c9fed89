//! `ci-healer doctor`: what a run would stumble over, in seconds and before anything runs.

use std::collections::BTreeMap;
use std::process::ExitCode;

use crate::config::{self, Config};
use crate::contract::outcome::Outcome;
use crate::executor::{Executor, Options};
use crate::github::{Finding, Severity};
use crate::orchestrator::heal;
use crate::report;

/// Exit code when something would stop a run.
const EXIT_BLOCKED: u8 = 3;

pub(super) async fn run(args: &[String], variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    let (mut flags, rest) = config::flags(args, &["repo"])?;
    super::arguments::none_left("doctor", &rest)?;
    let repo = flags.remove("repo").unwrap_or_else(|| ".".to_owned());
    let config = Config::load(&flags, variables)?;
    let mut findings = vec![docker().await];
    findings.extend(models(&config));
    match heal::examine(&config, std::path::Path::new(&repo)).await {
        Ok(found) => findings.extend(found),
        Err(Outcome::Refused { why, remedy }) => {
            let finding = Finding::new(Severity::Blocking, why);
            findings.push(match remedy {
                Some(remedy) => finding.remedy(remedy),
                None => finding,
            });
        }
        Err(outcome) => findings.push(Finding::new(Severity::Blocking, report::text::outcome(&outcome))),
    }
    let lines: Vec<report::doctor::Line<'_>> = findings
        .iter()
        .map(|f| report::doctor::Line {
            mark: match f.severity {
                Severity::Blocking => report::doctor::Mark::Blocking,
                Severity::Warning => report::doctor::Mark::Warning,
                Severity::Note | Severity::Fine => report::doctor::Mark::Note,
            },
            what: &f.what,
            remedy: f.remedy.as_deref(),
        })
        .collect();
    super::write_out(&report::doctor::text(&lines))?;
    let blocked = findings.iter().any(|f| f.severity == Severity::Blocking);
    Ok(if blocked { ExitCode::from(EXIT_BLOCKED) } else { ExitCode::SUCCESS })
}

async fn docker() -> Finding {
    match Executor::connect(Options::new("doctor")).await {
        Ok(executor) => {
            // Nothing was made; closing is for form's sake.
            if let Err(error) = executor.close().await {
                log::debug!("{error}");
            }
            Finding::new(Severity::Note, "a Docker engine answers")
        }
        Err(error) => {
            let finding = Finding::new(Severity::Blocking, error.to_string());
            match error.hint() {
                Some(hint) => finding.remedy(hint),
                None => finding,
            }
        }
    }
}

fn models(config: &Config) -> Vec<Finding> {
    let servers = [("gemini", &config.gemini), ("groq", &config.groq), ("openai", &config.openai)];
    let given: Vec<&str> =
        servers.iter().filter(|(_, s)| s.api_key.is_some()).map(|(name, _)| *name).collect();
    if given.is_empty() {
        vec![
            Finding::new(
                Severity::Note,
                "no model server has a key: only what the tools themselves state is fixed",
            )
            .remedy("gemini-api-key: ${{ secrets.GEMINI_API_KEY }}"),
        ]
    } else {
        vec![Finding::new(Severity::Note, format!("keys are given for {}", given.join(", ")))]
    }
}
