//! Nobody says which workflow or job: the jobs of the CI of pushes and pull requests that a Linux container can run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::actions;
use super::assemble::assemble;
use super::jobs::Candidate;
use super::results::Results;
use super::runner::Runner;
use super::select::{best, by_path, candidates, runs_something, with_notes};
use super::workflow::{Trigger, Workflow};
use super::{PlanError, PlanRequest, Planned};

/// Names of workflows and jobs that CI is not judged by, and what they are for. A name that also says that something is
/// checked is no such name.
const OTHER_WORK: [(&str, &[&str]); 4] = [
    (
        "releases",
        &["release", "releases", "publish", "publishing", "deploy", "deployment", "deployments", "cd"],
    ),
    ("documentation", &["doc", "docs", "documentation", "website", "pages", "book", "site"]),
    (
        "the care of issues and pull requests",
        &[
            "stale",
            "label",
            "labels",
            "labeler",
            "labeller",
            "triage",
            "lock",
            "welcome",
            "greetings",
            "cla",
            "assign",
        ],
    ),
    (
        "dependencies and security scans",
        &["dependabot", "renovate", "codeql", "scorecard", "scorecards", "backport"],
    ),
];
const CHECKS: [&str; 12] = [
    "ci", "test", "tests", "testing", "check", "checks", "lint", "linting", "linters", "build", "format",
    "verify",
];

/// What is not run, by the reason: which it is.
#[derive(Default)]
struct LeftOut(BTreeMap<String, Vec<String>>);

impl LeftOut {
    fn add(&mut self, why: impl Into<String>, what: impl Into<String>) {
        self.0.entry(why.into()).or_default().push(what.into());
    }

    /// A sentence for each reason.
    fn notes(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(why, what)| format!("left out, {why}: {}", what.join(", ")))
    }
}

/// Plans all jobs of the workflows that stand for CI, cheap ones first.
pub(super) fn plan_ci(
    workflows: &[Arc<Workflow>],
    request: &PlanRequest<'_>,
) -> Result<Vec<Planned>, PlanError> {
    let mut left_out = LeftOut::default();
    let mut ci: Vec<&Arc<Workflow>> = Vec::new();
    for workflow in workflows {
        match is_no_ci(workflow).filter(|_| workflows.len() > 1) {
            Some(why) => left_out.add(why, &workflow.file),
            None => ci.push(workflow),
        }
    }
    if ci.is_empty() {
        return Err(PlanError::Choose {
            problem: "no workflow is started by pushes or pull requests to test them: say which one"
                .to_owned(),
            options: workflows.iter().map(|workflow| workflow.file.clone()).collect(),
        });
    }
    let (mut plans, mut lacking, mut gates, mut refused) = (Vec::new(), Vec::new(), Vec::new(), None);
    for workflow in &ci {
        let all = candidates(workflow, None, request, &Results::default())?;
        let groups = by_path(all.clone());
        // Whatever they are called, jobs without others beside them are what there is to run.
        let has_checks = groups.iter().any(|group| !group[0].is_gate && is_no_job_of_ci(group).is_none());
        for group in groups {
            let job = format!("`{}`", group[0].path_text());
            if group[0].is_gate {
                gates.push(group[0].clone());
            } else if let Some(why) = is_no_job_of_ci(&group).filter(|_| has_checks) {
                left_out.add(why, job);
            } else if let Some(candidate) = best(&group) {
                match assemble(candidate, None, &all, request) {
                    Ok(planned) if planned.plan.steps.iter().all(|step| step.lacks.is_some()) => {
                        left_out.add("their steps cannot be run here", job);
                        lacking.push(planned);
                    }
                    Ok(planned) => plans.push(planned),
                    Err(error @ PlanError::Refused { .. }) => {
                        left_out.add("nothing of it can be run here", job);
                        refused.get_or_insert(error);
                    }
                    Err(error) => return Err(error),
                }
            } else {
                left_out.add(format!("a {} runner is not supported", system(&group[0])), job);
                refused = refused.or_else(|| super::select::refuse_runner(&group));
            }
        }
    }
    if plans.is_empty() && !lacking.is_empty() {
        return Ok(lacking);
    }
    if plans.is_empty() {
        return Err(refused.unwrap_or_else(|| PlanError::Choose {
            problem: format!("no job of {} runs anything: say which one", files(&ci)),
            options: ci
                .iter()
                .flat_map(|workflow| workflow.jobs.iter().map(|job| job.id.clone()))
                .take(100)
                .collect(),
        }));
    }
    // Of two red jobs the one that says so sooner is the better one to begin with; one without another job's files may
    // be red for their sake.
    plans.sort_by_key(|Planned { plan, .. }| {
        let lacks_files = plan.skipped.iter().any(|step| step.why == actions::ARTIFACT);
        (lacks_files, plan.services.len(), plan.steps.len())
    });
    let mut plans = with_notes(plans, &gates);
    let several = plans.len() > 1;
    let jobs: Vec<String> = plans.iter().map(|p| p.plan.job.clone().unwrap_or_default()).collect();
    let notes = &mut plans[0].plan.notes;
    if several {
        notes.push(format!(
            "no job was named: those of {} are run in this order, and the first red one is healed: {} (`--workflow` and \
             `--job` choose, `--all-jobs` heals all)",
            files(&ci),
            jobs.join(", ")
        ));
    } else if workflows.len() > 1 {
        notes.push(format!("no job was named: {} stands for CI (`--workflow` chooses)", files(&ci)));
    }
    notes.extend(left_out.notes());
    Ok(plans)
}

fn files(workflows: &[&Arc<Workflow>]) -> String {
    workflows.iter().map(|workflow| workflow.file.as_str()).collect::<Vec<_>>().join(", ")
}

fn system(candidate: &Candidate) -> &'static str {
    if candidate.runner == Runner::Windows { "Windows" } else { "macOS" }
}

/// Why a workflow does not test pushes or pull requests.
pub(super) fn is_no_ci(workflow: &Workflow) -> Option<String> {
    if !workflow.jobs.iter().any(runs_something) {
        return Some("they run no command".to_owned());
    }
    if !workflow.triggers.iter().any(Trigger::is_of_changes) {
        return Some("neither pushes to branches nor pull requests start them".to_owned());
    }
    let stem = workflow.file.rsplit('/').next().unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default();
    is_for(stem).or_else(|| is_for(workflow.name.as_deref().unwrap_or_default()))
}

/// Why a job of CI's workflow is none of its checks.
fn is_no_job_of_ci(group: &[Candidate]) -> Option<String> {
    let candidate = &group[0];
    if !runs_something(candidate.job()) {
        return Some("they run no command".to_owned());
    }
    if candidate.is_switched_off {
        return Some("their own condition is false here".to_owned());
    }
    candidate.path.iter().find_map(|id| is_for(id))
}

/// What else than a check something with this name does.
fn is_for(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    if words.iter().any(|word| CHECKS.contains(word)) {
        return None;
    }
    OTHER_WORK
        .iter()
        .find(|(_, names)| words.iter().any(|word| names.contains(word)))
        .map(|(what, _)| format!("for {what} by their name"))
}
