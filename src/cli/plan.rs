//! `ci-healer plan [--repo PATH] [--workflow FILE] [--job ID] [--command LINES] [--format json|text]`

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::error::ExpectedError;
use crate::git::DirectoryTree;
use crate::plan::{GithubFacts, PlanError, PlanRequest, plan};
use crate::report::plan::{Format, write};

const USAGE: &str =
    "usage: ci-healer plan [--repo PATH] [--workflow FILE] [--job ID] [--command LINES] [--format json|text]";

/// The exit code of what is understood and cannot be reproduced.
const EXIT_REFUSED: u8 = 1;

struct Arguments {
    repo: String,
    workflow: Option<String>,
    jobs: Vec<String>,
    command: Option<String>,
    working_directory: String,
    sandbox_image: Option<String>,
    format: Format,
}

fn arguments(args: &[String]) -> Result<Arguments, ExpectedError> {
    let mut out = Arguments {
        repo: ".".to_owned(),
        workflow: None,
        jobs: Vec::new(),
        command: None,
        working_directory: ".".to_owned(),
        sandbox_image: None,
        format: Format::Text,
    };
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let (name, inline) = arg.split_once('=').map_or((arg, None), |(n, v)| (n, Some(v)));
        let mut value = || {
            inline
                .or_else(|| args.next())
                .map(str::to_owned)
                .ok_or_else(|| ExpectedError::usage(format!("plan: {name} needs a value")).hint(USAGE))
        };
        match name {
            "--repo" => out.repo = value()?,
            "--workflow" => out.workflow = Some(value()?).filter(|v| !v.is_empty()),
            "--job" => {
                out.jobs.extend(value()?.split(',').map(|j| j.trim().to_owned()).filter(|j| !j.is_empty()))
            }
            "--command" => out.command = Some(value()?),
            "--working-directory" => out.working_directory = value()?,
            "--sandbox-image" => out.sandbox_image = Some(value()?),
            "--format" => {
                let name = value()?;
                out.format = Format::from_name(&name).ok_or_else(|| {
                    ExpectedError::usage(format!("--format {name:?} is neither json nor text"))
                })?;
            }
            _ => return Err(ExpectedError::usage(format!("plan: unexpected argument {arg:?}")).hint(USAGE)),
        }
    }
    Ok(out)
}

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let args = arguments(args)?;
    let tree = DirectoryTree::open(Path::new(&args.repo))
        .map_err(|e| ExpectedError::usage(format!("cannot read the repository {}: {e}", args.repo)))?;
    let mut github = GithubFacts::default();
    if let Some(repository) = tree.origin() {
        github.values.insert("repository".to_owned(), repository);
    }
    let request = PlanRequest {
        command: args.command.as_deref(),
        workflow: args.workflow.as_deref(),
        jobs: &args.jobs,
        github,
        working_directory: &args.working_directory,
        sandbox_image: args.sandbox_image.as_deref(),
        ..PlanRequest::of(&tree)
    };
    match plan(&request) {
        Ok(planned) => {
            let plans: Vec<_> = planned.iter().map(|p| &p.plan).collect();
            write(&plans, args.format, &mut io::stdout().lock())?;
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
