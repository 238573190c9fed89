//! Which way a published heal gets a CI run: a pure decision over the token, the workflow's triggers and the settings.
//!
//! A push with a job's own token starts nothing. Such a heal is dispatched where the workflow allows it, else offered as
//! a pull request whose runs wait for approval, else there is honestly no CI, with the reason and the remedy.

use serde::{Deserialize, Serialize};

use super::triggers::Triggers;
use crate::contract::git::{BranchName, RepoPath};

/// `pull-request`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestPolicy {
    Auto,
    Always,
    Draft,
    Never,
}

/// Whether a token may do something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    Yes,
    No,
    #[default]
    Unknown,
}

/// What the decision rests on.
#[derive(Debug, Clone)]
pub struct Ladder<'a> {
    /// False for a job's own token.
    pub token_starts_runs: bool,
    pub may_dispatch: Right,
    pub may_open_pull_request: Right,
    pub pull_request: PullRequestPolicy,
    /// The workflow that failed; `None` where it is not known, and then any run counts.
    pub workflow_file: Option<&'a str>,
    pub triggers: &'a Triggers,
    pub branch: &'a BranchName,
    /// Where a pull request of the heal goes.
    pub base: Option<&'a BranchName>,
    pub changed: &'a [RepoPath],
    /// The branch is the head of an open pull request into this base, so that a push updates it.
    pub open_pull_request_into: Option<&'a BranchName>,
    /// Pull requests by a job's own token get runs that wait for approval; not on GitHub Enterprise Server.
    pub has_approval_runs: bool,
}

/// How the run comes about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "rung", rename_all = "snake_case")]
pub enum Rung {
    /// The push starts it.
    Push,
    Dispatch,
    /// A pull request starts it, at once or after someone approves.
    PullRequest {
        approval: bool,
    },
    Nothing {
        why: String,
        remedy: String,
    },
}

/// Takes the first rung that bears.
#[must_use]
pub fn choose_rung(ladder: &Ladder<'_>) -> Rung {
    if ladder.workflow_file.is_none() && ladder.token_starts_runs {
        return Rung::Push;
    }
    let mut why = Vec::new();
    let push = push_rung(ladder);
    let dispatch = dispatch_rung(ladder);
    let pull_request = pull_request_rung(ladder);
    let order = if ladder.token_starts_runs {
        // A pull request is how people review the heal anyway; a dispatch says nothing about what they will see.
        [push, pull_request, dispatch]
    } else {
        // A dispatched run starts at once; a pull request's waits for someone.
        [push, dispatch, pull_request]
    };
    for rung in order {
        match rung {
            Ok(rung) => return rung,
            Err(reason) => why.push(reason),
        }
    }
    Rung::Nothing { why: why.join("; "), remedy: remedy(ladder) }
}

fn file<'a>(ladder: &Ladder<'a>) -> &'a str {
    ladder.workflow_file.unwrap_or("the workflow")
}

fn push_rung(ladder: &Ladder<'_>) -> Result<Rung, String> {
    if !ladder.token_starts_runs {
        return Err("a push with the job's own token starts no workflow run".to_owned());
    }
    if ladder.triggers.on_push(ladder.branch, ladder.changed) {
        return Ok(Rung::Push);
    }
    if let Some(base) = ladder.open_pull_request_into
        && ladder.triggers.on_pull_request(base, ladder.changed, "synchronize")
    {
        return Ok(Rung::Push);
    }
    Err(format!("{} does not run on pushes to {}", file(ladder), ladder.branch))
}

fn dispatch_rung(ladder: &Ladder<'_>) -> Result<Rung, String> {
    let file = file(ladder);
    let Some(dispatch) = &ladder.triggers.dispatch else {
        return Err(format!("{file} has no workflow_dispatch trigger"));
    };
    if !dispatch.required_inputs.is_empty() {
        let names = dispatch.required_inputs.join(", ");
        return Err(format!("{file} cannot be dispatched without its required inputs ({names})"));
    }
    if ladder.may_dispatch == Right::No {
        return Err("the token may not dispatch workflows".to_owned());
    }
    Ok(Rung::Dispatch)
}

fn pull_request_rung(ladder: &Ladder<'_>) -> Result<Rung, String> {
    if ladder.pull_request == PullRequestPolicy::Never {
        return Err("pull-request is never".to_owned());
    }
    let Some(base) = ladder.base else {
        return Err("there is no branch to open a pull request into".to_owned());
    };
    if !ladder.triggers.on_pull_request(base, ladder.changed, "opened") {
        return Err(format!("{} does not run on pull requests into {base}", file(ladder)));
    }
    if ladder.may_open_pull_request == Right::No {
        return Err("the token may not open pull requests".to_owned());
    }
    if !ladder.token_starts_runs && !ladder.has_approval_runs {
        return Err("on this server pull requests of the job's own token start no run".to_owned());
    }
    Ok(Rung::PullRequest { approval: !ladder.token_starts_runs })
}

/// The least change that would give the heal a run.
fn remedy(ladder: &Ladder<'_>) -> String {
    let file = file(ladder);
    if ladder.triggers.dispatch.as_ref().is_some_and(|d| d.required_inputs.is_empty()) {
        return "add to the healing job:\npermissions:\n  actions: write".to_owned();
    }
    if ladder.triggers.dispatch.is_some() {
        return format!("give the required inputs of {file} a `default:`");
    }
    if ladder.token_starts_runs {
        let heal = ladder.branch.as_str().split('/').next().unwrap_or("heal");
        return format!("add to {file}:\non:\n  push:\n    branches: ['{heal}/**']");
    }
    format!(
        "add to {file}:\non:\n  workflow_dispatch:\nand to the healing job:\npermissions:\n  actions: write\nor give a push-token"
    )
}

#[cfg(test)]
mod tests {
    use super::super::triggers::read_triggers;
    use super::*;

    fn rung(on: &str, change: impl Fn(&mut Ladder<'_>)) -> Rung {
        let triggers = read_triggers(on);
        let (branch, base) = (BranchName::new("heal/x").unwrap(), BranchName::new("main").unwrap());
        let mut ladder = Ladder {
            token_starts_runs: false,
            may_dispatch: Right::Yes,
            may_open_pull_request: Right::Yes,
            pull_request: PullRequestPolicy::Auto,
            workflow_file: Some(".github/workflows/ci.yml"),
            triggers: &triggers,
            branch: &branch,
            base: Some(&base),
            changed: &[],
            open_pull_request_into: None,
            has_approval_runs: true,
        };
        change(&mut ladder);
        choose_rung(&ladder)
    }

    #[test]
    fn a_jobs_own_token() {
        assert_eq!(rung("on: [push, workflow_dispatch, pull_request]", |_| ()), Rung::Dispatch);
        let no_dispatch = |l: &mut Ladder<'_>| l.may_dispatch = Right::No;
        assert_eq!(
            rung("on: [push, workflow_dispatch, pull_request]", no_dispatch),
            Rung::PullRequest { approval: true }
        );
        let Rung::Nothing { why, remedy } = rung("on: push", |_| ()) else { panic!("no rung bears") };
        assert!(
            why.contains("starts no workflow run; .github/workflows/ci.yml has no workflow_dispatch"),
            "{why}"
        );
        assert!(remedy.contains("workflow_dispatch:"), "{remedy}");
    }

    #[test]
    fn a_token_of_its_own() {
        let own = |l: &mut Ladder<'_>| l.token_starts_runs = true;
        assert_eq!(rung("on: push", own), Rung::Push);
        assert_eq!(
            rung("on: {push: {branches: [main]}, pull_request: }", own),
            Rung::PullRequest { approval: false }
        );
        assert_eq!(rung("on: {push: {branches: [main]}, workflow_dispatch: }", own), Rung::Dispatch);
        let Rung::Nothing { remedy, .. } = rung("on: {push: {branches: [main]}}", own) else {
            panic!("no rung bears")
        };
        assert!(remedy.contains("heal/**"), "{remedy}");
    }
}
