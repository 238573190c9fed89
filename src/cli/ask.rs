//! On a terminal the user says which of several jobs is meant.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;

use crate::config::Config;
use crate::error::ExpectedError;
use crate::git::DirectoryTree;
use crate::plan::{PlanRequest, plan};
use crate::report::choice;
use crate::report::console::Console;
use crate::scope::Scope;

/// How often an answer may be none.
const TRIES: u32 = 3;

/// What the user wants of the jobs that were listed.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    FirstRed,
    All,
    One(usize),
}

impl Answer {
    fn read(line: &str, jobs: usize) -> Option<Self> {
        match line.trim() {
            "" => Some(Self::FirstRed),
            "a" | "A" | "all" => Some(Self::All),
            number => {
                let at: usize = number.parse().ok()?;
                (1..=jobs).contains(&at).then(|| Self::One(at - 1))
            }
        }
    }
}

/// Asks where nothing says which job is meant and there is more than one; what cannot be planned is the run's to say.
pub(super) async fn which_job(
    config: &mut Config,
    source: &Path,
    console: &Console,
    scope: &Scope,
) -> Result<(), ExpectedError> {
    let is_said = !config.jobs.is_empty() || config.command.is_some() || config.all_jobs;
    if is_said || config.workflow_run.is_active || !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(());
    }
    let Ok(tree) = DirectoryTree::open(source) else { return Ok(()) };
    let request = PlanRequest { workflow: config.workflow.as_deref(), ..PlanRequest::of(&tree) };
    let Ok(planned) = plan(&request) else { return Ok(()) };
    let plans: Vec<_> = planned.iter().map(|planned| &planned.plan).collect();
    if plans.len() < 2 {
        return Ok(());
    }
    console.block(&choice::question(&plans));
    let mut last = String::new();
    for _ in 0..TRIES {
        // A run that is stopped here says so itself.
        let Some(line) = line(scope).await else { return Ok(()) };
        match Answer::read(&line, plans.len()) {
            Some(Answer::FirstRed) => return Ok(()),
            Some(Answer::All) => {
                config.all_jobs = true;
                return Ok(());
            }
            Some(Answer::One(at)) => {
                config.workflow.clone_from(&plans[at].workflow);
                config.jobs = plans[at].job.clone().into_iter().collect();
                return Ok(());
            }
            None => console.block(&choice::not_understood(line.trim(), plans.len())),
        }
        last = line.trim().to_owned();
    }
    Err(ExpectedError::usage(choice::not_understood(&last, plans.len()).trim_end().to_owned())
        .hint("`--job` names one, `--all-jobs` takes all"))
}

/// A line of the terminal; nothing at its end or once the run is stopped.
async fn line(scope: &Scope) -> Option<String> {
    let read = || {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).ok().filter(|read| *read > 0).map(|_| line)
    };
    scope.blocking("a question", read).await.ok()?
}

#[cfg(test)]
mod tests {
    use super::Answer;

    #[test]
    fn an_answer_is_a_number_all_or_nothing() {
        for (line, answer) in [
            ("\n", Some(Answer::FirstRed)),
            (" 2\n", Some(Answer::One(1))),
            ("a\n", Some(Answer::All)),
            ("3\n", None),
            ("0\n", None),
            ("-1\n", None),
            ("test\n", None),
        ] {
            assert_eq!(Answer::read(line, 2), answer, "{line:?}");
        }
    }
}
