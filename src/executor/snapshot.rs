//! The prepared container of a run, kept as an image: later executions start after the leading steps that only install.
//!
//! An optimisation only: the final proof runs everything from scratch. A snapshot is left unused where it would lie: when
//! the steps themselves differ, or when a file changed that they install from.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Engine, Object};
use super::error::ExecutorError;
use super::identity::Identity;
use super::sandbox::Sandbox;
use super::steps::StepRecords;
use crate::contract::build::{BuildPlan, ImageChoice, PlanStep};
use crate::contract::git::SourceTree;

/// Files that decide what set-up steps install or generate.
const MANIFESTS: [&str; 24] = [
    "package.json",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "npm-shrinkwrap.json",
    ".npmrc",
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Pipfile",
    "Pipfile.lock",
    "poetry.lock",
    "uv.lock",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "settings.gradle",
    "gradle.properties",
    "go.mod",
    "go.sum",
    "Cargo.toml",
    "Cargo.lock",
    "Makefile",
    "Dockerfile",
];

/// Where an execution begins that does not begin with the first step.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// The committed image.
    pub(super) image: String,
    /// What the steps in it came to.
    pub(super) records: StepRecords,
    /// How many steps are done in it.
    pub(super) steps: usize,
}

impl Start {
    /// Commits the container. Its labels go with it, so that it is removed with the run.
    pub(super) async fn take(
        engine: &Engine,
        identity: &Identity,
        sandbox: &Sandbox,
        records: &StepRecords,
        steps: usize,
    ) -> Result<Self, ExecutorError> {
        let image = sandbox.commit(identity, "keeping the prepared sandbox").await?;
        engine.record_made(Object::Image(image.clone()));
        let mut records = records.clone();
        records.spans.fill(None);
        for step in &mut records.results {
            step.log = None;
            step.note.get_or_insert_with(|| "taken over from this run's set-up".to_owned());
        }
        Ok(Self { image, records, steps })
    }
}

#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) start: Start,
    made_of: (ImageChoice, Vec<PlanStep>),
    manifests: BTreeMap<String, String>,
}

/// The leading steps that are known to do nothing but install: what any other makes may be made of the code that a fix
/// changes, so it runs again.
pub(super) fn installing_steps(plan: &BuildPlan) -> usize {
    plan.steps.iter().take_while(|s| s.setup && s.installs.is_some() && !s.background).count()
}

impl Snapshot {
    pub(super) async fn take(
        engine: &Engine,
        identity: &Identity,
        sandbox: &Sandbox,
        plan: &BuildPlan,
        tree: &dyn SourceTree,
        records: &StepRecords,
    ) -> Result<Self, ExecutorError> {
        let steps = installing_steps(plan);
        let start = Start::take(engine, identity, sandbox, records, steps).await?;
        Ok(Self {
            start,
            made_of: (plan.image.clone(), plan.steps[..steps].to_vec()),
            manifests: manifests(&plan.steps[..steps], tree),
        })
    }

    /// Whether starting here gives what starting at the beginning would.
    pub(super) fn fits(&self, plan: &BuildPlan, tree: &dyn SourceTree) -> bool {
        let steps = self.start.steps;
        installing_steps(plan) == steps
            && plan.image == self.made_of.0
            && plan.steps[..steps] == self.made_of.1[..]
            && manifests(&plan.steps[..steps], tree) == self.manifests
    }
}

/// What the steps install from, by content: manifests, and the scripts that the steps are known to consist of.
fn manifests(steps: &[PlanStep], tree: &dyn SourceTree) -> BTreeMap<String, String> {
    let scripts: BTreeSet<&str> =
        steps.iter().filter_map(|s| s.installs.as_ref()).flatten().map(String::as_str).collect();
    let decides =
        |name: &str| MANIFESTS.contains(&name) || name.starts_with("requirements") || name.ends_with(".sh");
    tree.files()
        .iter()
        .filter(|f| decides(f.path.file_name()) || scripts.contains(f.path.as_str()))
        .map(|f| (f.path.as_str().to_owned(), f.id.clone()))
        .collect()
}
