//! A run that has failed in another workflow (`workflow_run`): its commit and its facts stand in place of ours, which are
//! of the default branch.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::Workflow;
use crate::contract::git::CommitSha;
use crate::github::Trigger;

/// The commit to look at where that is not what the checkout's `HEAD` says.
pub(super) fn commit(trigger: &Trigger) -> Option<CommitSha> {
    trigger.head.as_ref().filter(|_| trigger.run_is_over).map(|head| head.sha.clone())
}

/// Puts the failed run's facts where ours are, among those of the configuration and in the variables. What the payload of
/// its own event held is told to nobody.
pub(super) fn apply_failed_run(
    facts: &mut Workflow,
    variables: &mut BTreeMap<String, String>,
    trigger: &Trigger,
    payload: &Value,
) {
    if !trigger.run_is_over {
        return;
    }
    let text = |name: &str| payload["workflow_run"][name].as_str().map(str::to_owned);
    let number = |name: &str| payload["workflow_run"][name].as_u64();
    let actor = |name: &str| payload["workflow_run"][name]["login"].as_str().map(str::to_owned);
    let branch = trigger.head.as_ref().and_then(|head| head.branch.as_ref()).map(ToString::to_string);
    let of_pull_request = text("event").is_some_and(|event| event.starts_with("pull_request"));
    let pull_request = trigger.pull_request.filter(|_| of_pull_request);
    let (git_ref, ref_name) = match (pull_request, &branch) {
        (Some(number), _) => (Some(format!("refs/pull/{number}/merge")), Some(format!("{number}/merge"))),
        (None, Some(branch)) => (Some(format!("refs/heads/{branch}")), Some(branch.clone())),
        (None, None) => (None, None),
    };

    facts.sha = trigger.head.as_ref().map(|head| head.sha.clone());
    facts.git_ref = git_ref;
    facts.ref_name = ref_name;
    facts.head_ref = branch.filter(|_| of_pull_request);
    facts.base_ref = trigger.pull_request_into.as_ref().filter(|_| of_pull_request).map(ToString::to_string);
    facts.event_name = text("event");
    facts.actor = actor("actor");
    facts.run_id = trigger.run_id;
    facts.run_attempt = trigger.run_attempt;
    facts.run_number = number("run_number");
    facts.workflow = text("name");
    facts.job = None;
    for (name, value) in [
        ("SHA", facts.sha.as_ref().map(ToString::to_string)),
        ("REF", facts.git_ref.clone()),
        ("REF_NAME", facts.ref_name.clone()),
        ("REF_TYPE", facts.ref_name.as_ref().map(|_| "branch".to_owned())),
        ("REF_PROTECTED", None),
        ("HEAD_REF", facts.head_ref.clone()),
        ("BASE_REF", facts.base_ref.clone()),
        ("EVENT_NAME", facts.event_name.clone()),
        ("ACTOR", facts.actor.clone()),
        ("ACTOR_ID", None),
        ("TRIGGERING_ACTOR", actor("triggering_actor")),
        ("RUN_ID", facts.run_id.map(|id| id.to_string())),
        ("RUN_ATTEMPT", facts.run_attempt.map(|attempt| attempt.to_string())),
        ("RUN_NUMBER", facts.run_number.map(|number| number.to_string())),
        ("WORKFLOW", facts.workflow.clone()),
        ("WORKFLOW_REF", None),
        ("WORKFLOW_SHA", None),
    ] {
        let name = format!("GITHUB_{name}");
        match value {
            Some(value) => variables.insert(name, value),
            None => variables.remove(&name),
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::{RunContext, read_event};

    fn stood_in(run: &Value) -> (Workflow, BTreeMap<String, String>) {
        let payload = json!({"workflow_run": run, "repository": {"full_name": "o/r"}});
        let context = RunContext { event_name: "workflow_run".to_owned(), ..RunContext::default() };
        let trigger = read_event(&payload, &context);
        let mut facts = Workflow { job: Some("heal".to_owned()), ..Workflow::default() };
        let ours =
            [("GITHUB_SHA", "main's"), ("GITHUB_WORKFLOW_SHA", "main's"), ("GITHUB_SERVER_URL", "https://x")];
        let mut variables = ours.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        apply_failed_run(&mut facts, &mut variables, &trigger, &payload);
        (facts, variables)
    }

    #[test]
    fn a_push_is_seen_as_its_own_run_saw_it() {
        let sha = "4".repeat(40);
        let (facts, variables) =
            stood_in(&json!({"id": 99, "run_attempt": 2, "run_number": 7, "event": "push",
            "name": "CI", "head_sha": sha, "head_branch": "topic", "head_repository": {"full_name": "o/r"},
            "actor": {"login": "ada"}, "pull_requests": []}));
        let want = [
            ("GITHUB_ACTOR", "ada"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", "refs/heads/topic"),
            ("GITHUB_REF_NAME", "topic"),
            ("GITHUB_REF_TYPE", "branch"),
            ("GITHUB_RUN_ATTEMPT", "2"),
            ("GITHUB_RUN_ID", "99"),
            ("GITHUB_RUN_NUMBER", "7"),
            ("GITHUB_SERVER_URL", "https://x"),
            ("GITHUB_SHA", &sha),
            ("GITHUB_WORKFLOW", "CI"),
        ];
        assert_eq!(variables, want.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(
            (facts.git_ref.as_deref(), facts.run_id, facts.job),
            (Some("refs/heads/topic"), Some(99), None)
        );
    }

    #[test]
    fn so_is_a_pull_request() {
        let (facts, variables) =
            stood_in(&json!({"id": 99, "event": "pull_request", "head_sha": "4".repeat(40),
            "head_branch": "topic", "head_repository": {"full_name": "o/r"},
            "pull_requests": [{"number": 5, "base": {"ref": "main"}}]}));
        assert_eq!(variables["GITHUB_REF"], "refs/pull/5/merge");
        assert_eq!(
            (variables["GITHUB_HEAD_REF"].as_str(), variables["GITHUB_BASE_REF"].as_str()),
            ("topic", "main")
        );
        assert_eq!(facts.ref_name.as_deref(), Some("5/merge"));
    }
}
