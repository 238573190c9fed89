//! What a job that calls ci-healer lacks.

use super::super::workflow::{self, Job, StepAction, Workflow};
use super::super::yaml::{Key, Kind, Node};
use super::{CiWorkflow, HealingJob, heals, is_ours};

/// Rights by mode: what they are for is said where one is missing.
const WRITES: &[(&str, &str, &str)] = &[
    ("contents", "write", "the heal branch"),
    ("actions", "write", "the failed jobs' logs, and starting CI on the heal branch"),
    ("pull-requests", "write", "offering the heal for review"),
];
const READS: &[(&str, &str, &str)] =
    &[("contents", "read", "the repository's files"), ("actions", "read", "the failed jobs' logs")];

/// The jobs of a workflow that call ci-healer.
pub(super) fn healing_jobs(workflow: &Workflow, root: &Node, ci: &[CiWorkflow]) -> Vec<HealingJob> {
    let healing = workflow.jobs.iter().filter(|job| heals(job) && job.uses.is_none());
    healing.map(|job| of_job(workflow, root, job, ci)).collect()
}

fn of_job(workflow: &Workflow, root: &Node, job: &Job, ci: &[CiWorkflow]) -> HealingJob {
    let node = root.get("jobs").and_then(|jobs| jobs.get(&job.id));
    let (at, with) = call(job);
    let input = |name: &str| with.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
    let mode = input("mode").and_then(|mode| mode.as_str()).unwrap_or("heal");
    let hears = workflow.triggers.iter().any(|trigger| trigger.event == "workflow_run");
    let mut lacks = Vec::new();
    if mode != "publish" {
        lacks.extend(no_condition(workflow, job, at, hears));
        lacks.extend(no_needs(workflow, job, at, hears));
    }
    if hears {
        lacks.extend(deaf(root, ci));
    }
    lacks.extend(no_checkout(job, at, hears));
    let rights = if matches!(mode, "heal" | "publish") { WRITES } else { READS };
    lacks.extend(no_rights(node.and_then(|node| node.get("permissions")), root.get("permissions"), rights));
    if node.is_some_and(|node| node.get("timeout-minutes").is_none()) {
        lacks.push("`timeout-minutes` on the job: without it a hanging job ends after six hours".to_owned());
    }
    let starts_ci = input("push-token").is_some();
    let of_failed: Vec<&CiWorkflow> = ci.iter().filter(|ci| hears || ci.file == workflow.file).collect();
    for ci in of_failed.iter().filter(|ci| !ci.dispatches && !starts_ci && mode != "diagnose") {
        lacks.push(format!(
            "`workflow_dispatch:` among the triggers of {}, or a `push-token`: else nothing starts CI on the heal branch",
            ci.file
        ));
    }
    HealingJob { file: workflow.file.clone(), job: job.id.clone(), line: job.line, lacks }
}

/// The step that calls us, and its inputs.
fn call(job: &Job) -> (usize, &[(Key, Node)]) {
    let steps = job.steps.iter().enumerate();
    let mut calls = steps.filter_map(|(at, step)| match &step.action {
        StepAction::Uses { uses, with } if is_ours(uses) => Some((at, with.as_slice())),
        _ => None,
    });
    calls.next().unwrap_or((0, &[]))
}

fn text(node: Option<&Node>) -> String {
    node.and_then(workflow::plain_text).unwrap_or_default()
}

/// It has to run on red builds, which nothing does by itself.
fn no_condition(workflow: &Workflow, job: &Job, at: usize, hears: bool) -> Option<String> {
    let of_job = text(job.condition.as_ref());
    let of_step = text(job.steps.get(at).and_then(|step| step.condition.as_ref()));
    let runs_on_red =
        |condition: &str| ["failure()", "always()", "!cancelled()"].iter().any(|f| condition.contains(f));
    if hears {
        let asks = of_job.contains("conclusion") || of_step.contains("conclusion");
        return (!asks).then(|| {
            "`if: ${{ github.event.workflow_run.conclusion == 'failure' }}`: it would start for green runs as well".to_owned()
        });
    }
    let runs_work = job.steps[..at].iter().any(|step| matches!(step.action, StepAction::Run { .. }));
    let is_red = if job.needs.is_empty() { runs_on_red(&of_step) } else { runs_on_red(&of_job) };
    let asks_nothing = job.needs.is_empty() && !runs_work && workflow.jobs.len() == 1;
    (!is_red && !asks_nothing).then(|| {
        let what = if job.needs.is_empty() { "step" } else { "job" };
        format!("`if: ${{{{ failure() }}}}` on the {what}: without it, it is skipped when something failed")
    })
}

/// What it can be red for.
fn no_needs(workflow: &Workflow, job: &Job, at: usize, hears: bool) -> Option<String> {
    let runs_work = job.steps[..at].iter().any(|step| matches!(step.action, StepAction::Run { .. }));
    if hears || runs_work {
        return None;
    }
    let others: Vec<&str> =
        workflow.jobs.iter().filter(|other| !heals(other)).map(|other| other.id.as_str()).collect();
    let is_needed = |id: &&str| reaches(workflow, job, id);
    let missing: Vec<&str> = others.iter().copied().filter(|id| !is_needed(id)).collect();
    (!missing.is_empty())
        .then(|| format!("`needs: [{}]`: it does not wait for {}", others.join(", "), missing.join(", ")))
}

/// A job waits for another, by whatever way.
fn reaches(workflow: &Workflow, job: &Job, id: &str) -> bool {
    job.needs.iter().any(|needed| {
        let next = workflow.jobs.iter().find(|other| other.id.eq_ignore_ascii_case(needed));
        needed.eq_ignore_ascii_case(id) || next.is_some_and(|next| reaches(workflow, next, id))
    })
}

/// Workflows of CI whose failures it does not hear of, and names that no workflow has.
fn deaf(root: &Node, ci: &[CiWorkflow]) -> Vec<String> {
    let on = root.get("on").and_then(|on| on.get("workflow_run")).and_then(|run| run.get("workflows"));
    let named: Vec<&str> = match on.map(|on| &on.kind) {
        Some(Kind::List(names)) => names.iter().filter_map(Node::as_str).collect(),
        Some(Kind::String { text, .. }) => vec![text],
        _ => Vec::new(),
    };
    let unheard = ci.iter().filter(|ci| !named.contains(&ci.name.as_str()));
    unheard
        .map(|ci| format!("{:?} under `on.workflow_run.workflows`: {} is CI as well", ci.name, ci.file))
        .collect()
}

fn no_checkout(job: &Job, at: usize, hears: bool) -> Vec<String> {
    let checkout = job.steps[..at].iter().find_map(|step| match &step.action {
        StepAction::Uses { uses, with } if uses.starts_with("actions/checkout@") => Some(with),
        _ => None,
    });
    let Some(with) = checkout else {
        return vec!["a step `uses: actions/checkout@v7` before it".to_owned()];
    };
    let given = |name: &str| text(with.iter().find(|(key, _)| key.text == name).map(|(_, value)| value));
    let mut lacks = Vec::new();
    if hears && !given("ref").contains("workflow_run.head_sha") {
        lacks.push(
            "`ref: ${{ github.event.workflow_run.head_sha }}` at the checkout: by itself it takes the default branch"
                .to_owned(),
        );
    }
    if given("persist-credentials") != "false" {
        lacks.push("`persist-credentials: false` at the checkout: the token stays out of `.git`".to_owned());
    }
    lacks
}

fn no_rights(
    of_job: Option<&Node>,
    of_workflow: Option<&Node>,
    wanted: &[(&str, &str, &str)],
) -> Vec<String> {
    let Some(granted) = of_job.or(of_workflow) else {
        let rights: Vec<String> =
            wanted.iter().map(|(right, level, _)| format!("{right}: {level}")).collect();
        return vec![format!(
            "`permissions:` with {}: what a token may do without it is the repository's setting",
            rights.join(", ")
        )];
    };
    let has = |right: &str, level: &str| match granted.as_str() {
        Some("write-all") => true,
        Some("read-all") => level == "read",
        _ => {
            let given = granted.get(right).and_then(Node::as_str).unwrap_or_default();
            given == "write" || given == level
        }
    };
    let missing = wanted.iter().filter(|(right, level, _)| !has(right, level));
    missing.map(|(right, level, why)| format!("`{right}: {level}` under `permissions:`: {why}")).collect()
}
