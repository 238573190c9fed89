//! What to reproduce: workflow, failed job or command → `BuildPlan`, with the reason of each decision.
//!
//! Reads the repository through `SourceTree` and nothing else; never runs, downloads or writes anything. Follows
//! GitHub's rules for workflows, matrices and expressions; what cannot be known here stays marked as such.

mod actions;
mod artifacts;
mod assemble;
mod availability;
mod contexts;
mod detect;
mod expr;
mod gates;
mod healing;
mod hosted;
mod image;
mod installs;
mod jobs;
mod matrix;
mod named_files;
mod out_of_reach;
mod own_place;
mod probe;
mod producers;
mod results;
mod runner;
mod select;
mod step_template;
mod steps;
mod toolchain;
mod trace;
mod unasked;
mod validation;
mod versions;
mod workflow;
mod write_modes;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use secrecy::SecretString;
use serde_json::Value as Json;

use crate::contract::action::{ActionSource, ActionTrees};
use crate::contract::artifact::{FetchedArtifact, WantedArtifacts};
use crate::contract::build::BuildPlan;
use crate::contract::ci::{Conclusion, EndedJob};
use crate::contract::git::SourceTree;
use crate::contract::settings::ActionsMode;

pub use artifacts::takes;
pub use healing::{CiWorkflow, HealingJob, Placement, Proposal, Survey, propose, survey};
pub use named_files::named_files;
pub use own_place::{OwnStep, own_place};
pub use probe::{probe, probes, report_variables};
pub use step_template::Evaluator;
pub use trace::trace;
pub use write_modes::{WriteCommand, WriteEvaluator, is_known_command, remedy, write_commands, write_modes};

/// What is asked. [`PlanRequest::of`] asks no more than it must; set what else is known.
#[derive(Clone)]
pub struct PlanRequest<'a> {
    /// The files of the repository.
    pub tree: &'a dyn SourceTree,
    /// Shell lines that replace the workflow.
    pub command: Option<&'a str>,
    /// A workflow file: its path in the repository, or its name alone.
    pub workflow: Option<&'a str>,
    /// Job ids (`caller/called` for one of a called workflow) or names as GitHub shows them.
    pub jobs: &'a [String],
    /// What CI says has failed; empty outside Actions.
    pub failed: &'a [FailedJob],
    /// How CI's other jobs ended, by the names that GitHub shows; as far as they have.
    pub ended: &'a [EndedJob],
    /// The event and the run, as far as they are known.
    pub github: GithubFacts,
    /// Secrets the user passes on. Their values are never part of a plan.
    pub secrets: BTreeMap<String, SecretString>,
    /// `vars` the user passes on.
    pub vars: BTreeMap<String, String>,
    /// For `command`; relative to the workspace.
    pub working_directory: &'a str,
    /// Replaces the image; `auto` or nothing: as the workflow says.
    pub sandbox_image: Option<&'a str>,
    /// Steps have a Docker engine of their own.
    pub sandbox_docker: bool,
    /// By which the job's folders are called, where [`PlanRequest::github`] does not know it.
    pub repository_name: Option<&'a str>,
    /// Whether actions run for real.
    pub actions_mode: ActionsMode,
    /// What has been fetched of them. A plan lists in [`BuildPlan::actions`] what it would run if it were fetched.
    pub actions: Option<&'a ActionTrees>,
    /// Takes what is not in `actions` and would have to be fetched, also where no plan comes of it.
    pub wanted: Option<&'a Mutex<BTreeSet<ActionSource>>>,
    /// Artifacts of the failed run that have been fetched.
    pub artifacts: Option<&'a [FetchedArtifact]>,
    /// Takes which artifacts the steps download.
    pub wanted_artifacts: Option<&'a Mutex<BTreeSet<WantedArtifacts>>>,
    /// Jobs whose outputs, or artifacts that are not in `artifacts`, a job needs run before it in the same sandbox.
    pub with_producers: bool,
}

impl<'a> PlanRequest<'a> {
    /// Nothing but a repository: the workflow's only job, or what its project files say. [`plan`] has an example.
    #[must_use]
    pub fn of(tree: &'a dyn SourceTree) -> Self {
        Self {
            tree,
            command: None,
            workflow: None,
            jobs: &[],
            failed: &[],
            ended: &[],
            github: GithubFacts::default(),
            secrets: BTreeMap::new(),
            vars: BTreeMap::new(),
            working_directory: ".",
            sandbox_image: None,
            sandbox_docker: false,
            repository_name: None,
            actions_mode: ActionsMode::Auto,
            actions: None,
            wanted: None,
            artifacts: None,
            wanted_artifacts: None,
            with_producers: false,
        }
    }

    /// The repository's name, as far as it is known.
    fn name(&self) -> Option<&str> {
        self.github.values.get("repository").map(String::as_str).or(self.repository_name)
    }
}

/// A failed job as the API lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedJob {
    /// As GitHub shows it, with the values of its matrix: `test (ubuntu-latest, 3.12)`.
    pub name: String,
    /// All its steps, in order.
    pub steps: Vec<CiStep>,
}

/// A step of a job as the API lists it.
///
/// ```
/// use ci_healer::contract::ci::Conclusion;
/// use ci_healer::plan::{CiStep, FailedJob};
///
/// let step = CiStep { name: "Run tests".to_owned(), conclusion: Some(Conclusion::Failure) };
/// let job = FailedJob { name: "test (ubuntu-latest, 3.12)".to_owned(), steps: vec![step] };
/// assert_eq!(job.steps[0].conclusion, Some(Conclusion::Failure));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiStep {
    /// As GitHub shows it.
    pub name: String,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
}

/// What is known of the event and the run. Anything absent is unknown to expressions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GithubFacts {
    /// By their names in the `github` context: `event_name`, `ref`, `sha`, `repository`, `actor`, `run_id`, …
    pub values: BTreeMap<String, String>,
    /// The event's payload.
    pub event: Option<Json>,
}

impl GithubFacts {
    /// From the variables of a workflow step (`GITHUB_REF`, …), without anything that is secret or about its machine.
    ///
    /// ```
    /// use ci_healer::plan::GithubFacts;
    ///
    /// let variables = [("GITHUB_REF", "refs/heads/main"), ("GITHUB_TOKEN", "secret")];
    /// let facts = GithubFacts::from_environment(variables.map(|(name, value)| (name.into(), value.into())));
    /// assert_eq!(facts.values["ref"], "refs/heads/main");
    /// assert_eq!(facts.values.len(), 1);
    /// ```
    pub fn from_environment(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        const KEPT: &[&str] = &[
            "actor",
            "actor_id",
            "api_url",
            "base_ref",
            "event_name",
            "graphql_url",
            "head_ref",
            "ref",
            "ref_name",
            "ref_protected",
            "ref_type",
            "repository",
            "repository_id",
            "repository_owner",
            "repository_owner_id",
            "retention_days",
            "run_attempt",
            "run_id",
            "run_number",
            "server_url",
            "sha",
            "triggering_actor",
            "workflow",
            "workflow_ref",
            "workflow_sha",
        ];
        let kept = |(name, value): (String, String)| {
            let name = name.strip_prefix("GITHUB_")?.to_ascii_lowercase();
            KEPT.contains(&name.as_str()).then_some((name, value))
        };
        Self { values: variables.into_iter().filter_map(kept).collect(), event: None }
    }
}

/// A plan and what completes its steps at run time.
#[derive(Debug)]
pub struct Planned {
    /// What runs, as far as it is decided before the run.
    pub plan: BuildPlan,
    /// Decides and completes the steps during the run.
    pub evaluator: Evaluator,
    /// The failed job of CI that it stands for.
    pub ci_job: Option<String>,
}

/// Why there is no plan.
///
/// ```
/// use ci_healer::plan::PlanError;
///
/// let error = PlanError::Choose { problem: "two jobs".into(), options: vec!["lint".into(), "test".into()] };
/// assert_eq!(error.to_string(), "two jobs; there are: lint, test");
/// assert!(error.is_bad_input() && error.hint().is_some());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A file that GitHub would refuse as well.
    #[error("{file}{}: {problem}", .line.map_or_else(String::new, |l| format!(", line {l}")))]
    Invalid {
        /// Its path in the repository.
        file: String,
        /// From 1, where one line is at fault.
        line: Option<u32>,
        /// What is wrong with it.
        problem: String,
    },
    /// The question does not name one thing; these are there.
    #[error("{problem}{}", choices(.options))]
    Choose {
        /// What is not clear.
        problem: String,
        /// What could be meant.
        options: Vec<String>,
    },
    /// Understood, and not ours to reproduce.
    #[error("{why}")]
    Refused {
        /// The reason.
        why: String,
        /// What to change, where something helps.
        remedy: Option<String>,
    },
}

fn choices(options: &[String]) -> String {
    if options.is_empty() { String::new() } else { format!("; there are: {}", options.join(", ")) }
}

impl PlanError {
    /// Bad input (exit 2), as against something understood that cannot be reproduced.
    #[must_use]
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// What to change.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Refused { remedy, .. } => remedy.as_deref(),
            Self::Choose { options, .. } if !options.is_empty() => {
                Some("name one of them with --workflow and --job")
            }
            _ => None,
        }
    }
}

/// One plan for each failed job (of a matrix: for each of its jobs); outside Actions one for the job asked about, or the only sensible one.
///
/// ```
/// use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
/// use ci_healer::plan::{PlanRequest, plan};
///
/// struct OneFile(TreeFile);
///
/// impl SourceTree for OneFile {
///     fn files(&self) -> &[TreeFile] {
///         std::slice::from_ref(&self.0)
///     }
///
///     fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
///         let job = "on: push\njobs: {test: {runs-on: ubuntu-latest, steps: [{run: cargo test}]}}";
///         (*path == self.0.path).then(|| job.as_bytes().to_vec())
///     }
/// }
///
/// let path = RepoPath::new(".github/workflows/ci.yml").unwrap();
/// let tree = OneFile(TreeFile { path, mode: FileMode::Regular, id: String::new() });
/// let planned = plan(&PlanRequest::of(&tree)).unwrap();
/// assert_eq!(planned[0].plan.steps[0].run, "cargo test");
/// ```
///
/// # Errors
/// Bad input names file, line and problem; `Refused` says what cannot be reproduced and why.
pub fn plan(request: &PlanRequest<'_>) -> Result<Vec<Planned>, PlanError> {
    select::select(request)
}
