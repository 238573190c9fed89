//! Where a repository's workflows heal: which of them are CI, what an existing healing job lacks, and the workflow that
//! would fit. Reads files alone; whoever asks decides what is written.

mod check;
mod write;

use crate::contract::git::{RepoPath, SourceTree};

use super::unasked::is_no_ci;
use super::workflow::{self, StepAction, Workflow};
use super::{PlanError, yaml};

pub use write::{Placement, Proposal, propose};

const FOLDER: &str = ".github/workflows/";

/// The action, as workflows name it.
const ACTION: &str = "ci-healer/ci-healer";

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Workflows that stand for CI.
    pub ci: Vec<CiWorkflow>,
    /// Workflows that do not, each with the reason.
    pub others: Vec<(String, String)>,
    /// Jobs that call ci-healer.
    pub healing: Vec<HealingJob>,
}

/// A workflow that pushes or pull requests start to test them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiWorkflow {
    /// Its path.
    pub file: String,
    /// As GitHub shows it, and as `workflow_run` calls it.
    pub name: String,
    /// Its jobs, without those that heal.
    pub jobs: Vec<String>,
    /// It has `workflow_dispatch`: it can be started on a heal branch without a token of its own.
    pub dispatches: bool,
}

/// A job that calls ci-healer, with what it lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealingJob {
    /// The workflow's path.
    pub file: String,
    /// Its id.
    pub job: String,
    /// Where it begins, from 1.
    pub line: u32,
    /// Each a sentence: what is missing, and what to write.
    pub lacks: Vec<String>,
}

/// Looks at all workflows of a repository.
///
/// ```
/// use std::collections::BTreeMap;
/// # use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
/// # struct Files(Vec<TreeFile>, String);
/// # impl SourceTree for Files {
/// #     fn files(&self) -> &[TreeFile] { &self.0 }
/// #     fn read(&self, _: &RepoPath) -> Option<Vec<u8>> { Some(self.1.clone().into_bytes()) }
/// # }
/// # let file = |path: &str| TreeFile { path: RepoPath::new(path).unwrap(), mode: FileMode::Regular, id: String::new() };
/// let ci = "on: push\njobs: {test: {runs-on: ubuntu-latest, steps: [{run: make test}]}}\n";
/// let tree = Files(vec![file(".github/workflows/ci.yml")], ci.to_owned());
/// let survey = ci_healer::plan::survey(&tree);
/// assert_eq!(survey.ci[0].jobs, ["test"]);
/// assert!(survey.healing.is_empty());
/// ```
#[must_use]
pub fn survey(tree: &dyn SourceTree) -> Survey {
    let mut found = Survey::default();
    let mut read = Vec::new();
    for file in workflow_files(tree) {
        match load(tree, &file) {
            Ok((workflow, root)) => read.push((workflow, root)),
            Err(error) => found.others.push((file, error.to_string())),
        }
    }
    let several = read.len() > 1;
    for (workflow, _) in &read {
        let jobs: Vec<String> =
            workflow.jobs.iter().filter(|job| !heals(job)).map(|job| job.id.clone()).collect();
        let why = match is_no_ci(workflow).filter(|_| several) {
            Some(why) => Some(why),
            None if jobs.is_empty() => Some("it only heals".to_owned()),
            None if !workflow.triggers.iter().any(workflow::Trigger::is_of_changes) => {
                Some("neither pushes nor pull requests start it".to_owned())
            }
            None => None,
        };
        match why {
            Some(why) => found.others.push((workflow.file.clone(), why)),
            None => found.ci.push(CiWorkflow {
                file: workflow.file.clone(),
                name: workflow.name.clone().unwrap_or_else(|| workflow.file.clone()),
                jobs,
                dispatches: workflow.triggers.iter().any(|trigger| trigger.event == "workflow_dispatch"),
            }),
        }
    }
    for (workflow, root) in &read {
        found.healing.extend(check::healing_jobs(workflow, root, &found.ci));
    }
    found
}

fn workflow_files(tree: &dyn SourceTree) -> Vec<String> {
    let files = tree.files().iter().map(|file| file.path.as_str());
    let is_workflow = |path: &&str| {
        path.strip_prefix(FOLDER)
            .is_some_and(|name| !name.contains('/') && (name.ends_with(".yml") || name.ends_with(".yaml")))
    };
    files.filter(is_workflow).map(str::to_owned).collect()
}

fn load(tree: &dyn SourceTree, file: &str) -> Result<(Workflow, yaml::Node), PlanError> {
    let unreadable =
        || PlanError::Invalid { file: file.to_owned(), line: None, problem: "cannot be read".to_owned() };
    let bytes = RepoPath::new(file).ok().and_then(|path| tree.read(&path)).ok_or_else(unreadable)?;
    Ok((workflow::read(file, &bytes, false)?, yaml::parse(file, &bytes)?))
}

/// `owner/ci-healer@v1`, or the reusable workflow of that repository.
fn is_ours(uses: &str) -> bool {
    let path = uses.split('@').next().unwrap_or(uses);
    path.split('/').nth(1).is_some_and(|repository| repository.eq_ignore_ascii_case("ci-healer"))
}

fn heals(job: &workflow::Job) -> bool {
    let calls = job.uses.as_ref().and_then(|uses| uses.as_str()).is_some_and(is_ours);
    calls
        || job.steps.iter().any(|step| matches!(&step.action, StepAction::Uses { uses, .. } if is_ours(uses)))
}

#[cfg(test)]
mod tests;
