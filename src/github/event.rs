//! The event that started this run: what failed, where a heal may go, and whether it may go anywhere at all.
//!
//! A pure reader of the payload; who sent it decides what we may do, so anything unclear counts as foreign.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::git::{BranchName, CommitSha, RepoSlug};

/// Everything that is taken from the event, read once per run.
#[derive(Debug, Clone, PartialEq)]
pub struct TriggerContext {
    pub trigger: Trigger,
    /// The run of another workflow whose failure is to be healed (`workflow_run`).
    pub failed_run: Option<FailedRunFacts>,
    /// `github.event`, as expressions of what failed may see it. The payload of a failed run's own event is told to nobody.
    pub expression_context: Option<Value>,
}

/// A failed run of another workflow, as its own variables described it to itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FailedRunFacts {
    pub sha: Option<CommitSha>,
    pub git_ref: Option<String>,
    pub ref_name: Option<String>,
    /// Both of a pull request's run alone.
    pub head_ref: Option<String>,
    pub base_ref: Option<String>,
    pub event_name: Option<String>,
    pub actor: Option<String>,
    pub triggering_actor: Option<String>,
    pub run_id: Option<u64>,
    pub run_attempt: Option<u64>,
    pub run_number: Option<u64>,
    pub workflow: Option<String>,
}

/// What the runner's variables say, for what the payload leaves out.
#[derive(Debug, Clone, Default)]
pub struct RunContext {
    pub event_name: String,
    pub repository: Option<RepoSlug>,
    pub sha: Option<CommitSha>,
    pub ref_name: Option<String>,
    /// `refs/heads/…`, `refs/pull/…/merge`, `refs/tags/…`
    pub git_ref: Option<String>,
    pub run_id: Option<u64>,
    pub run_attempt: Option<u64>,
}

/// The commit that a heal sits on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The pull request's head, not the merge that CI ran.
    pub sha: CommitSha,
    /// `None` for tags and detached commits.
    pub branch: Option<BranchName>,
}

/// Read once per run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    pub event: String,
    pub head: Option<Head>,
    /// Where a pull request of the heal would go: the failing branch.
    pub base_branch: Option<BranchName>,
    pub default_branch: Option<BranchName>,
    pub pull_request: Option<u64>,
    /// Where that pull request wants to be merged.
    pub pull_request_into: Option<BranchName>,
    /// The run whose failure is to be healed: the triggering one for `workflow_run`, else our own.
    pub run_id: Option<u64>,
    pub run_attempt: Option<u64>,
    /// The file of the triggering run's workflow, where another one failed than ours.
    pub workflow_file: Option<String>,
    /// The triggering run is over and its logs are there.
    pub run_is_over: bool,
    /// Why nothing may be published, where that is so.
    pub diagnose_only: Option<String>,
}

impl Trigger {
    /// True for a branch that a heal made: its runs never start another heal.
    #[must_use]
    pub fn is_heal_branch(&self, prefix: &str) -> bool {
        let branch = self.head.as_ref().and_then(|h| h.branch.as_ref());
        !prefix.is_empty() && branch.is_some_and(|b| b.as_str().starts_with(prefix))
    }
}

/// Events that people without any right in the repository cause, in runs that have the repository's permissions.
const EVENTS_ANYBODY_CAUSES: &[&str] =
    &["issue_comment", "issues", "discussion", "discussion_comment", "fork", "watch"];

/// Reads the payload of `GITHUB_EVENT_PATH`; null outside of a workflow.
#[must_use]
pub fn read_trigger_context(payload: Value, context: &RunContext) -> TriggerContext {
    let trigger = read_event(&payload, context);
    let failed_run = trigger.run_is_over.then(|| failed_run_facts(&Payload(&payload), &trigger));
    let expression_context = Some(payload).filter(|event| !event.is_null() && !trigger.run_is_over);
    TriggerContext { trigger, failed_run, expression_context }
}

/// A payload, of which anything may be missing.
struct Payload<'p>(&'p Value);

impl<'p> Payload<'p> {
    fn text(&self, pointer: &str) -> Option<&'p str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }

    fn owned(&self, pointer: &str) -> Option<String> {
        self.text(pointer).map(str::to_owned)
    }

    fn number(&self, pointer: &str) -> Option<u64> {
        self.0.pointer(pointer).and_then(Value::as_u64)
    }

    fn branch(&self, pointer: &str) -> Option<BranchName> {
        self.text(pointer).and_then(|name| BranchName::new(name).ok())
    }

    fn commit(&self, pointer: &str) -> Option<CommitSha> {
        self.text(pointer).and_then(|sha| CommitSha::new(sha).ok())
    }

    /// Whether the repository at `pointer` is ours. A deleted fork has no name any more; it is still not ours.
    fn is_ours(&self, pointer: &str, context: &RunContext) -> bool {
        let own = context.repository.as_ref().map(ToString::to_string);
        let own = own.as_deref().or(self.text("/repository/full_name"));
        own.is_some_and(|own| self.text(pointer).is_some_and(|r| r.eq_ignore_ascii_case(own)))
    }
}

/// What started this run, from the payload of its event.
#[must_use]
pub fn read_event(payload: &Value, context: &RunContext) -> Trigger {
    let payload = Payload(payload);
    let mut trigger = Trigger {
        event: context.event_name.clone(),
        head: None,
        base_branch: None,
        default_branch: payload.branch("/repository/default_branch"),
        pull_request: None,
        pull_request_into: None,
        run_id: context.run_id,
        run_attempt: context.run_attempt,
        workflow_file: None,
        run_is_over: false,
        diagnose_only: None,
    };
    match context.event_name.as_str() {
        "pull_request" | "pull_request_target" | "pull_request_review" | "pull_request_review_comment" => {
            read_pull_request(&mut trigger, &payload, context);
        }
        "workflow_run" => read_workflow_run(&mut trigger, &payload, context),
        _ => read_other(&mut trigger, &payload, context),
    }
    trigger
}

fn read_pull_request(trigger: &mut Trigger, payload: &Payload<'_>, context: &RunContext) {
    trigger.pull_request = payload.number("/pull_request/number").or(payload.number("/number"));
    trigger.base_branch = payload.branch("/pull_request/head/ref");
    trigger.head =
        payload.commit("/pull_request/head/sha").map(|sha| Head { sha, branch: trigger.base_branch.clone() });
    trigger.pull_request_into = payload.branch("/pull_request/base/ref");
    if context.event_name == "pull_request_target" {
        trigger.diagnose_only = Some(
            "pull_request_target runs with the base branch's rights, so it is only diagnosed; use pull_request"
                .to_owned(),
        );
    } else if !payload.is_ours("/pull_request/head/repo/full_name", context) {
        trigger.diagnose_only = Some(foreign("the pull request"));
    } else if payload.text("/sender/login") == Some("dependabot[bot]") {
        trigger.diagnose_only = Some(
            "runs started by Dependabot have a read-only token and no secrets, so the failure is only diagnosed"
                .to_owned(),
        );
    }
}

fn read_workflow_run(trigger: &mut Trigger, payload: &Payload<'_>, context: &RunContext) {
    trigger.run_id = payload.number("/workflow_run/id");
    trigger.run_attempt = payload.number("/workflow_run/run_attempt");
    trigger.run_is_over = true;
    // `.github/workflows/ci.yml`, or the same with `@ref`.
    trigger.workflow_file =
        payload.text("/workflow_run/path").and_then(|path| path.split('@').next()).map(str::to_owned);
    trigger.pull_request = payload.number("/workflow_run/pull_requests/0/number");
    trigger.base_branch = payload.branch("/workflow_run/head_branch");
    trigger.head =
        payload.commit("/workflow_run/head_sha").map(|sha| Head { sha, branch: trigger.base_branch.clone() });
    trigger.pull_request_into = payload.branch("/workflow_run/pull_requests/0/base/ref");
    if !payload.is_ours("/workflow_run/head_repository/full_name", context) {
        trigger.diagnose_only = Some(foreign("the failed run"));
    } else if payload.text("/workflow_run/event") == Some("pull_request_target") {
        trigger.diagnose_only =
            Some("the failed run is of pull_request_target, so it is only diagnosed".to_owned());
    }
}

fn read_other(trigger: &mut Trigger, payload: &Payload<'_>, context: &RunContext) {
    let sha = payload.commit("/after").or_else(|| context.sha.clone());
    let is_branch = context.git_ref.as_deref().is_none_or(|r| r.starts_with("refs/heads/"));
    let name = context.ref_name.as_deref().filter(|_| is_branch);
    let name = name.and_then(|n| BranchName::new(n).ok());
    trigger.base_branch.clone_from(&name);
    trigger.head = sha.map(|sha| Head { sha, branch: name });
    if EVENTS_ANYBODY_CAUSES.contains(&context.event_name.as_str()) {
        trigger.diagnose_only = Some(format!(
            "anybody can start a run by {}, and what it has checked out may be anybody's, so it is only diagnosed",
            context.event_name
        ));
    }
}

fn foreign(what: &str) -> String {
    format!(
        "{what} comes from another repository, so it is only diagnosed: its code must not meet our rights"
    )
}

fn failed_run_facts(payload: &Payload<'_>, trigger: &Trigger) -> FailedRunFacts {
    let event_name = payload.owned("/workflow_run/event");
    let branch = trigger.head.as_ref().and_then(|head| head.branch.as_ref()).map(ToString::to_string);
    let of_pull_request = event_name.as_deref().is_some_and(|event| event.starts_with("pull_request"));
    let (git_ref, ref_name) = match (trigger.pull_request.filter(|_| of_pull_request), &branch) {
        (Some(number), _) => (Some(format!("refs/pull/{number}/merge")), Some(format!("{number}/merge"))),
        (None, Some(branch)) => (Some(format!("refs/heads/{branch}")), Some(branch.clone())),
        (None, None) => (None, None),
    };
    FailedRunFacts {
        sha: trigger.head.as_ref().map(|head| head.sha.clone()),
        git_ref,
        ref_name,
        head_ref: branch.filter(|_| of_pull_request),
        base_ref: trigger.pull_request_into.as_ref().filter(|_| of_pull_request).map(ToString::to_string),
        event_name,
        actor: payload.owned("/workflow_run/actor/login"),
        triggering_actor: payload.owned("/workflow_run/triggering_actor/login"),
        run_id: trigger.run_id,
        run_attempt: trigger.run_attempt,
        run_number: payload.number("/workflow_run/run_number"),
        workflow: payload.owned("/workflow_run/name"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn context(event: &str) -> RunContext {
        RunContext {
            event_name: event.to_owned(),
            repository: Some(RepoSlug::new("o/r").unwrap()),
            sha: Some(CommitSha::new(&"1".repeat(40)).unwrap()),
            ref_name: Some("main".to_owned()),
            git_ref: Some("refs/heads/main".to_owned()),
            run_id: Some(7),
            run_attempt: Some(1),
        }
    }

    #[test]
    fn a_push() {
        let payload =
            json!({"after": "2".repeat(40), "repository": {"default_branch": "main", "full_name": "o/r"}});
        let trigger = read_event(&payload, &context("push"));
        assert_eq!(trigger.head.as_ref().unwrap().sha.as_str(), "2".repeat(40));
        assert_eq!(trigger.base_branch.unwrap().as_str(), "main");
        assert_eq!(trigger.diagnose_only, None);
        let tag = RunContext {
            git_ref: Some("refs/tags/v1".to_owned()),
            ref_name: Some("v1".to_owned()),
            ..context("push")
        };
        assert_eq!(read_event(&payload, &tag).base_branch, None);
    }

    fn pull(repo: Value) -> Value {
        json!({"number": 5, "sender": {"login": "ada"}, "pull_request": {"number": 5,
            "head": {"sha": "3".repeat(40), "ref": "topic", "repo": repo}, "base": {"ref": "main"}}})
    }

    #[test]
    fn pull_requests_of_our_own_and_of_forks() {
        let own = read_event(&pull(json!({"full_name": "O/R"})), &context("pull_request"));
        assert_eq!(own.diagnose_only, None);
        assert_eq!(own.base_branch.unwrap().as_str(), "topic");
        assert_eq!(own.pull_request, Some(5));
        for repo in [json!({"full_name": "evil/r"}), Value::Null] {
            let fork = read_event(&pull(repo), &context("pull_request"));
            assert!(fork.diagnose_only.unwrap().contains("another repository"));
        }
        let target = read_event(&pull(json!({"full_name": "o/r"})), &context("pull_request_target"));
        assert!(target.diagnose_only.unwrap().contains("pull_request_target"));
    }

    #[test]
    fn a_failed_run_of_another_workflow() {
        let payload = json!({"workflow_run": {"id": 99, "run_attempt": 2, "head_sha": "4".repeat(40),
            "head_branch": "heal/x-1234567", "event": "push", "head_repository": {"full_name": "o/r"}, "pull_requests": []}});
        let trigger = read_event(&payload, &context("workflow_run"));
        assert_eq!((trigger.run_id, trigger.run_attempt), (Some(99), Some(2)));
        assert!(trigger.run_is_over && trigger.is_heal_branch("heal/"));
        assert!(!trigger.is_heal_branch(""));
        let fork = json!({"workflow_run": {"id": 1, "head_sha": "4".repeat(40), "head_repository": {"full_name": "evil/r"}}});
        assert!(read_event(&fork, &context("workflow_run")).diagnose_only.is_some());
    }

    #[test]
    fn expressions_see_the_event_of_what_failed_and_of_nothing_else() {
        let read = |payload: Value, event: &str| read_trigger_context(payload, &context(event));
        let push = json!({"after": "2".repeat(40)});
        let own = read(push.clone(), "push");
        assert_eq!((own.expression_context, own.failed_run), (Some(push), None));
        assert_eq!(read(Value::Null, "").expression_context, None);
        let other =
            read(json!({"workflow_run": {"id": 9, "event": "push", "head_branch": "x"}}), "workflow_run");
        assert_eq!(other.expression_context, None);
        let failed = other.failed_run.unwrap();
        assert_eq!((failed.run_id, failed.event_name.as_deref(), failed.sha), (Some(9), Some("push"), None));
    }

    #[test]
    fn rubbish_never_panics() {
        for payload in
            [Value::Null, json!([]), json!({"pull_request": 1}), json!({"workflow_run": {"id": "x"}})]
        {
            for event in ["push", "pull_request", "workflow_run", "schedule", ""] {
                let _ = read_trigger_context(payload.clone(), &context(event));
            }
        }
    }

    #[test]
    fn what_anybody_can_start_is_only_diagnosed() {
        for event in EVENTS_ANYBODY_CAUSES {
            let trigger = read_event(&json!({"repository": {"full_name": "o/r"}}), &context(event));
            assert!(trigger.diagnose_only.is_some_and(|why| why.contains(event)), "{event}");
        }
        for event in ["push", "schedule", "workflow_dispatch", "repository_dispatch", "merge_group", ""] {
            assert_eq!(read_event(&json!({}), &context(event)).diagnose_only, None, "{event}");
        }
    }
}
