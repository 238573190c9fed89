//! The prepared container of a run, kept as an image: later executions start after the set-up steps.
//!
//! An optimisation only: the final proof runs everything from scratch. A snapshot is left unused where it would lie: when
//! the set-up itself differs, or when a file changed that set-up steps install from.

use std::collections::BTreeMap;

use bollard::models::ContainerConfig;
use bollard::query_parameters::CommitContainerOptionsBuilder;

use super::engine::{Engine, Object, SLOW};
use super::error::ExecutorError;
use super::identity::Identity;
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

#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    /// The committed image.
    pub(super) image: String,
    /// What the set-up steps came to.
    pub(super) records: StepRecords,
    /// How many steps are done in it.
    pub(super) steps: usize,
    made_of: (ImageChoice, Vec<PlanStep>),
    manifests: BTreeMap<String, String>,
}

/// The plan's leading set-up steps.
pub(super) fn setup_steps(plan: &BuildPlan) -> usize {
    plan.steps.iter().take_while(|s| s.setup && !s.background).count()
}

impl Snapshot {
    /// Commits the container. Its labels go with it, so that it is removed with the run.
    pub(super) async fn take(
        engine: &Engine,
        identity: &Identity,
        container: &str,
        plan: &BuildPlan,
        tree: &dyn SourceTree,
        records: &StepRecords,
    ) -> Result<Self, ExecutorError> {
        let steps = setup_steps(plan);
        let options = CommitContainerOptionsBuilder::new().container(container).pause(true).build();
        let config =
            ContainerConfig { labels: Some(identity.labels("snapshot")), ..ContainerConfig::default() };
        let committed =
            engine.ask("keeping the prepared sandbox", SLOW, |d| d.commit_container(options, config));
        let image = committed.await?.id;
        engine.record_made(Object::Image(image.clone()));
        let mut records = records.clone();
        records.spans.fill(None);
        for step in &mut records.results {
            step.log = None;
            step.note.get_or_insert_with(|| "taken over from this run's set-up".to_owned());
        }
        Ok(Self {
            image,
            records,
            steps,
            made_of: (plan.image.clone(), plan.steps[..steps].to_vec()),
            manifests: manifests(tree),
        })
    }

    /// Whether starting here gives what starting at the beginning would.
    pub(super) fn fits(&self, plan: &BuildPlan, tree: &dyn SourceTree) -> bool {
        setup_steps(plan) == self.steps
            && plan.image == self.made_of.0
            && plan.steps[..self.steps] == self.made_of.1[..]
            && manifests(tree) == self.manifests
    }
}

fn manifests(tree: &dyn SourceTree) -> BTreeMap<String, String> {
    let decides =
        |name: &str| MANIFESTS.contains(&name) || name.starts_with("requirements") || name.ends_with(".sh");
    tree.files()
        .iter()
        .filter(|f| decides(f.path.file_name()))
        .map(|f| (f.path.as_str().to_owned(), f.id.clone()))
        .collect()
}
