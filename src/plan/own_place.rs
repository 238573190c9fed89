//! Where the healing step stands in its own workflow: its step's name, and the jobs that come before its job.

use crate::contract::ci::OwnPlace;
use crate::contract::git::{RepoPath, SourceTree};

use super::workflow::{self, Job, Step, StepAction, Workflow};

/// What the runner says of the step that asks.
///
/// ```
/// use ci_healer::plan::OwnStep;
///
/// let step = OwnStep { workflow: ".github/workflows/ci.yml", job: "test", action: "heal", repository: "o/ci-healer" };
/// assert_eq!(step.job, "test");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnStep<'a> {
    /// The workflow file.
    pub workflow: &'a str,
    /// The job's key in it.
    pub job: &'a str,
    /// `GITHUB_ACTION`: the step's id, where it has one.
    pub action: &'a str,
    /// `GITHUB_ACTION_REPOSITORY`: the action that the step uses.
    pub repository: &'a str,
}

/// Finds the step in its workflow. What is left to expressions there is not known; nothing is where the file, or the job
/// in it, cannot be read. The jobs in `also` count as needed too.
///
/// ```
/// use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
/// use ci_healer::plan::{OwnStep, own_place};
///
/// struct OneFile(TreeFile);
///
/// impl SourceTree for OneFile {
///     fn files(&self) -> &[TreeFile] {
///         std::slice::from_ref(&self.0)
///     }
///
///     fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
///         let jobs = "on: push
/// jobs:
///   test: {name: Tests, runs-on: ubuntu-latest, steps: [{run: make}]}
///   heal: {needs: test, runs-on: ubuntu-latest, steps: [{uses: o/ci-healer@v1}]}
/// ";
///         (*path == self.0.path).then(|| jobs.into())
///     }
/// }
///
/// let path = RepoPath::new(".github/workflows/ci.yml").unwrap();
/// let tree = OneFile(TreeFile { path, mode: FileMode::Regular, id: String::new() });
/// let step = OwnStep { workflow: ".github/workflows/ci.yml", job: "heal", action: "", repository: "o/ci-healer" };
/// let place = own_place(&tree, step, &[]);
/// assert_eq!(place.step.as_deref(), Some("Run o/ci-healer@v1"));
/// assert_eq!(place.needs, Some(vec!["Tests".to_owned()]));
/// ```
#[must_use]
pub fn own_place(tree: &dyn SourceTree, own: OwnStep<'_>, also: &[String]) -> OwnPlace {
    let read = RepoPath::new(own.workflow).ok().and_then(|path| tree.read(&path));
    let workflow = read.and_then(|bytes| workflow::read(own.workflow, &bytes, true).ok());
    let Some((workflow, job)) = workflow.as_ref().and_then(|w| Some((w, find(w, own.job)?))) else {
        return OwnPlace::default();
    };
    let also = also.iter().map(|id| id.split('/').next().unwrap_or(id).trim());
    let also = also.filter(|id| !id.eq_ignore_ascii_case(&job.id));
    let needs = job.needs.iter().map(String::as_str).chain(also);
    let needs = needs.map(|id| shown(find(workflow, id)?)).collect();
    OwnPlace { step: step_name(job, own), needs }
}

fn find<'w>(workflow: &'w Workflow, id: &str) -> Option<&'w Job> {
    workflow.jobs.iter().find(|job| job.id.eq_ignore_ascii_case(id))
}

/// The name of a job, without what tells the jobs of a matrix apart.
fn shown(job: &Job) -> Option<String> {
    let Some(name) = &job.name else { return Some(job.id.clone()) };
    workflow::plain_text(name).filter(|name| !name.contains("${{")).map(|name| name.trim().to_owned())
}

fn step_name(job: &Job, own: OwnStep<'_>) -> Option<String> {
    let by_id = job.steps.iter().find(|step| step.id.as_deref().is_some_and(|id| id == own.action));
    let mut by_action = job.steps.iter().filter(|step| is_the_action(step, own.repository));
    // Of two, nobody says which.
    let ((Some(step), ..) | (None, Some(step), None)) = (by_id, by_action.next(), by_action.next()) else {
        return None;
    };
    match (&step.name, &step.action) {
        (Some(name), _) => workflow::plain_text(name).filter(|name| !name.contains("${{")),
        (None, StepAction::Uses { uses, .. }) => Some(format!("Run {uses}")),
        (None, _) => None,
    }
}

fn is_the_action(step: &Step, repository: &str) -> bool {
    let StepAction::Uses { uses, .. } = &step.action else { return false };
    let action = uses.split('@').next().unwrap_or(uses).to_ascii_lowercase();
    let repository = repository.to_ascii_lowercase();
    let of_repository =
        action.strip_prefix(&repository).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    !repository.is_empty() && of_repository || action.ends_with("/ci-healer")
}
