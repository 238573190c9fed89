//! `ci-healer plan`: what would be run.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::config::{Config, Flags};
use crate::error::ExpectedError;
use crate::git::DirectoryTree;
use crate::orchestrator::repository_file::{Unread, with_repository_file};
use crate::plan::{GithubFacts, PlanError, PlanRequest, plan};
use crate::report::plan::{Format, write};
use crate::scope::Scope;

/// The exit code of what is understood and cannot be reproduced.
const EXIT_REFUSED: u8 = 1;

pub(super) async fn run(mut flags: Flags) -> anyhow::Result<ExitCode> {
    let repo = flags.remove("repo").unwrap_or_else(|| ".".to_owned());
    let format = flags.remove("format").as_deref().and_then(Format::from_name).unwrap_or(Format::Text);
    // What is planned depends on what is asked here, and on nothing around it.
    let (variables, scope) = (BTreeMap::new(), Scope::unbounded());
    let config = Config::load(&flags, &variables)?;
    let config = match with_repository_file(config, &flags, &variables, Path::new(&repo), &scope).await {
        Ok(config) => config,
        Err(Unread::Wrong(error)) => return Err(error.into()),
        Err(Unread::NotHad(outcome)) => return Err(ExpectedError::environment(outcome.reason()).into()),
    };
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
