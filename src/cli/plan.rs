//! `ci-healer plan [--repo PATH] [--workflow FILE] [--job ID] [--command LINES] [--format json|text]`

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::{self, Config};
use crate::error::ExpectedError;
use crate::git::DirectoryTree;
use crate::plan::{GithubFacts, PlanError, PlanRequest, plan};
use crate::report::plan::{Format, write};

use super::arguments;

const USAGE: &str =
    "usage: ci-healer plan [--repo PATH] [--workflow FILE] [--job ID] [--command LINES] [--format json|text]";

/// The exit code of what is understood and cannot be reproduced.
const EXIT_REFUSED: u8 = 1;

/// What it takes of the inputs.
const INPUTS: &[&str] = &["command", "workflow", "job", "working-directory", "sandbox-image"];

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (mut flags, rest) = config::flags(args, &["repo", "format"]).map_err(|e| match e.hint {
        None => e.hint(USAGE),
        Some(_) => e,
    })?;
    arguments::none_left("plan", &rest)?;
    let repo = flags.remove("repo").unwrap_or_else(|| ".".to_owned());
    let format = match flags.remove("format") {
        None => Format::Text,
        Some(name) => Format::from_name(&name)
            .ok_or_else(|| ExpectedError::usage(format!("--format {name:?} is neither json nor text")))?,
    };
    arguments::only("plan", &flags, INPUTS, USAGE)?;
    // What is planned depends on what is asked here, and on nothing around it.
    let config = Config::load(&flags, &BTreeMap::new())?;
    let tree = DirectoryTree::open(Path::new(&repo))
        .map_err(|e| ExpectedError::usage(format!("cannot read the repository {repo}: {e}")))?;
    let mut github = GithubFacts::default();
    if let Some(repository) = tree.origin() {
        github.values.insert("repository".to_owned(), repository);
    }
    let request = PlanRequest {
        command: config.command.as_deref(),
        workflow: config.workflow.as_deref(),
        jobs: &config.jobs,
        github,
        working_directory: &config.working_directory,
        sandbox_image: config.sandbox_image.as_deref(),
        ..PlanRequest::of(&tree)
    };
    match plan(&request) {
        Ok(planned) => {
            let plans: Vec<_> = planned.iter().map(|p| &p.plan).collect();
            write(&plans, format, &mut io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error @ PlanError::Refused { .. }) => {
            let hint = error.hint().map_or_else(String::new, |hint| format!("; {hint}"));
            writeln!(io::stderr(), "ci-healer: {error}{hint}")?;
            Ok(ExitCode::from(EXIT_REFUSED))
        }
        Err(error) => {
            let expected = ExpectedError::usage(error.to_string());
            Err(match error.hint() {
                Some(hint) => expected.hint(hint),
                None => expected,
            }
            .into())
        }
    }
}
