//! A run that has failed in another workflow (`workflow_run`): its commit and its facts stand in place of ours, which are
//! of the default branch.

use std::collections::BTreeMap;

use crate::config::Workflow;
use crate::contract::git::CommitSha;
use crate::github::{FailedRunFacts, Trigger};

/// The commit to look at where that is not what the checkout's `HEAD` says.
pub(super) fn commit(trigger: &Trigger) -> Option<CommitSha> {
    trigger.head.as_ref().filter(|_| trigger.run_is_over).map(|head| head.sha.clone())
}

/// Puts the failed run's facts where ours are, among those of the configuration and in the variables. What the payload of
/// its own event held is told to nobody.
pub(super) fn apply_failed_run(
    facts: &mut Workflow,
    variables: &mut BTreeMap<String, String>,
    failed: &FailedRunFacts,
) {
    facts.sha.clone_from(&failed.sha);
    facts.git_ref.clone_from(&failed.git_ref);
    facts.ref_name.clone_from(&failed.ref_name);
    facts.head_ref.clone_from(&failed.head_ref);
    facts.base_ref.clone_from(&failed.base_ref);
    facts.event_name.clone_from(&failed.event_name);
    facts.actor.clone_from(&failed.actor);
    facts.run_id = failed.run_id;
    facts.run_attempt = failed.run_attempt;
    facts.run_number = failed.run_number;
    facts.workflow.clone_from(&failed.workflow);
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
        ("TRIGGERING_ACTOR", failed.triggering_actor.clone()),
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
    use serde_json::{Value, json};

    use super::*;
    use crate::github::{RunContext, read_trigger_context};

    fn stood_in(run: &Value) -> (Workflow, BTreeMap<String, String>) {
        let payload = json!({"workflow_run": run, "repository": {"full_name": "o/r"}});
        let context = RunContext { event_name: "workflow_run".to_owned(), ..RunContext::default() };
        let failed = read_trigger_context(payload, &context).failed_run.unwrap();
        let mut facts = Workflow { job: Some("heal".to_owned()), ..Workflow::default() };
        let ours =
            [("GITHUB_SHA", "main's"), ("GITHUB_WORKFLOW_SHA", "main's"), ("GITHUB_SERVER_URL", "https://x")];
        let mut variables = ours.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        apply_failed_run(&mut facts, &mut variables, &failed);
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
