//! Which way a published heal gets a CI run: a pure decision over the token, the workflow's triggers and the settings.
//!
//! A push with a job's own token starts nothing. Such a heal is dispatched where the workflow allows it, else offered as
//! a pull request whose runs wait for approval, else there is honestly no CI, with the reason and a hint.

use serde::{Deserialize, Serialize};

use super::triggers::Triggers;
use crate::contract::git::{BranchName, RepoPath};
use crate::contract::settings::PullRequestMode;

/// Whether a token may do something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    Yes,
    No,
    #[default]
    Unknown,
}

/// What the decision rests on.
#[derive(Debug, Clone)]
pub struct CiTriggerOptions<'a> {
    /// False for a job's own token.
    pub token_starts_runs: bool,
    pub may_dispatch: Permission,
    pub may_open_pull_request: Permission,
    pub pull_request: PullRequestMode,
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
pub enum CiTrigger {
    /// The push starts it.
    Push,
    Dispatch,
    /// A pull request starts it, at once or after someone approves.
    PullRequest {
        approval: bool,
    },
    Nothing {
        #[serde(rename = "why")]
        reason: String,
        #[serde(rename = "remedy")]
        hint: String,
    },
}

/// Takes the first trigger that bears.
#[must_use]
pub fn choose_ci_trigger(options: &CiTriggerOptions<'_>) -> CiTrigger {
    if options.workflow_file.is_none() && options.token_starts_runs {
        return CiTrigger::Push;
    }
    let mut reasons = Vec::new();
    let push = by_push(options);
    let dispatch = by_dispatch(options);
    let pull_request = by_pull_request(options);
    let order = if options.token_starts_runs {
        // A pull request is how people review the heal anyway; a dispatch says nothing about what they will see.
        [push, pull_request, dispatch]
    } else {
        // A dispatched run starts at once; a pull request's waits for someone.
        [push, dispatch, pull_request]
    };
    for trigger in order {
        match trigger {
            Ok(trigger) => return trigger,
            Err(reason) => reasons.push(reason),
        }
    }
    CiTrigger::Nothing { reason: reasons.join("; "), hint: hint(options) }
}

fn file<'a>(options: &CiTriggerOptions<'a>) -> &'a str {
    options.workflow_file.unwrap_or("the workflow")
}

fn by_push(options: &CiTriggerOptions<'_>) -> Result<CiTrigger, String> {
    if !options.token_starts_runs {
        return Err("a push with the job's own token starts no workflow run".to_owned());
    }
    if options.triggers.on_push(options.branch, options.changed) {
        return Ok(CiTrigger::Push);
    }
    if let Some(base) = options.open_pull_request_into
        && options.triggers.on_pull_request(base, options.changed, "synchronize")
    {
        return Ok(CiTrigger::Push);
    }
    Err(format!("{} does not run on pushes to {}", file(options), options.branch))
}

fn by_dispatch(options: &CiTriggerOptions<'_>) -> Result<CiTrigger, String> {
    let file = file(options);
    let Some(dispatch) = &options.triggers.dispatch else {
        return Err(format!("{file} has no workflow_dispatch trigger"));
    };
    if !dispatch.required_inputs.is_empty() {
        let names = dispatch.required_inputs.join(", ");
        return Err(format!("{file} cannot be dispatched without its required inputs ({names})"));
    }
    if options.may_dispatch == Permission::No {
        return Err("the token may not dispatch workflows".to_owned());
    }
    Ok(CiTrigger::Dispatch)
}

fn by_pull_request(options: &CiTriggerOptions<'_>) -> Result<CiTrigger, String> {
    if options.pull_request == PullRequestMode::Never {
        return Err("pull-request is never".to_owned());
    }
    let Some(base) = options.base else {
        return Err("there is no branch to open a pull request into".to_owned());
    };
    if !options.triggers.on_pull_request(base, options.changed, "opened") {
        return Err(format!("{} does not run on pull requests into {base}", file(options)));
    }
    if options.may_open_pull_request == Permission::No {
        return Err("the token may not open pull requests".to_owned());
    }
    if !options.token_starts_runs && !options.has_approval_runs {
        return Err("on this server pull requests of the job's own token start no run".to_owned());
    }
    Ok(CiTrigger::PullRequest { approval: !options.token_starts_runs })
}

/// The least change that would give the heal a run.
fn hint(options: &CiTriggerOptions<'_>) -> String {
    let file = file(options);
    if options.triggers.dispatch.as_ref().is_some_and(|d| d.required_inputs.is_empty()) {
        return "add to the healing job:\npermissions:\n  actions: write".to_owned();
    }
    if options.triggers.dispatch.is_some() {
        return format!("give the required inputs of {file} a `default:`");
    }
    if options.token_starts_runs {
        let heal = options.branch.as_str().split('/').next().unwrap_or("heal");
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

    fn trigger(on: &str, change: impl Fn(&mut CiTriggerOptions<'_>)) -> CiTrigger {
        let triggers = read_triggers(on);
        let (branch, base) = (BranchName::new("heal/x").unwrap(), BranchName::new("main").unwrap());
        let mut options = CiTriggerOptions {
            token_starts_runs: false,
            may_dispatch: Permission::Yes,
            may_open_pull_request: Permission::Yes,
            pull_request: PullRequestMode::Auto,
            workflow_file: Some(".github/workflows/ci.yml"),
            triggers: &triggers,
            branch: &branch,
            base: Some(&base),
            changed: &[],
            open_pull_request_into: None,
            has_approval_runs: true,
        };
        change(&mut options);
        choose_ci_trigger(&options)
    }

    #[test]
    fn a_jobs_own_token() {
        assert_eq!(trigger("on: [push, workflow_dispatch, pull_request]", |_| ()), CiTrigger::Dispatch);
        let no_dispatch = |l: &mut CiTriggerOptions<'_>| l.may_dispatch = Permission::No;
        assert_eq!(
            trigger("on: [push, workflow_dispatch, pull_request]", no_dispatch),
            CiTrigger::PullRequest { approval: true }
        );
        let CiTrigger::Nothing { reason, hint } = trigger("on: push", |_| ()) else {
            panic!("no trigger bears")
        };
        assert!(
            reason.contains("starts no workflow run; .github/workflows/ci.yml has no workflow_dispatch"),
            "{reason}"
        );
        assert!(hint.contains("workflow_dispatch:"), "{hint}");
        let written = serde_json::to_value(CiTrigger::Nothing { reason, hint }).unwrap();
        let keys: Vec<&String> = written.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["remedy", "rung", "why"]);
    }

    #[test]
    fn a_token_of_its_own() {
        let own = |l: &mut CiTriggerOptions<'_>| l.token_starts_runs = true;
        assert_eq!(trigger("on: push", own), CiTrigger::Push);
        assert_eq!(
            trigger("on: {push: {branches: [main]}, pull_request: }", own),
            CiTrigger::PullRequest { approval: false }
        );
        assert_eq!(trigger("on: {push: {branches: [main]}, workflow_dispatch: }", own), CiTrigger::Dispatch);
        let CiTrigger::Nothing { hint, .. } = trigger("on: {push: {branches: [main]}}", own) else {
            panic!("no trigger bears")
        };
        assert!(hint.contains("heal/**"), "{hint}");
    }
}
