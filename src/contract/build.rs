//! What is to run (`BuildPlan`) and what came of it (`ExecutionResult`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::action::{ActionStep, UsedAction};
use super::executed::TraceOutput;
use super::git::RepoPath;
use super::verdict::Disagreement;

/// What CI ran, as the sandbox will run it. Serialised under `ci-healer/plan/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildPlan {
    /// The workflow file, relative to the repository; `None` for `command` and for detected plans.
    pub workflow: Option<String>,
    pub job: Option<String>,
    /// The matrix job this plan stands for.
    pub matrix: BTreeMap<String, serde_json::Value>,
    pub image: ImageChoice,
    /// Where the repository lies while the steps run, by GitHub's own name for it; see [`JobFolders`].
    #[serde(default = "JobFolders::usual_workspace")]
    pub workspace: String,
    pub steps: Vec<PlanStep>,
    pub services: Vec<Service>,
    pub skipped: Vec<SkippedStep>,
    /// Steps that cannot run here and passed in CI: what is proven, is proven without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<SkippedStep>,
    /// How the job's own checkout leaves the repository; `None` where no workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<Checkout>,
    /// Repositories whose actions run for real, or would once they are fetched.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<UsedAction>,
    /// Names of the failed run's artifacts that its steps put into the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// Decisions and doubts, for people.
    pub notes: Vec<String>,
}

/// What a job's checkout fetches of the repository, and what it then stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// `refs/heads/main`, `refs/pull/7/merge`, `refs/tags/v1`, a branch or a commit; `None` where that is not known.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// How many commits; 0 is all of them, with all branches and tags.
    pub fetch_depth: u32,
    pub fetch_tags: bool,
    /// The address of `origin`, without credentials.
    pub remote: Option<String>,
}

impl BuildPlan {
    /// Names the job of the matrix; the same over runs and commits. Empty for a plan that no workflow made.
    #[must_use]
    pub fn matrix_job(&self) -> String {
        match (&self.workflow, &self.job) {
            (Some(workflow), Some(job)) if self.matrix.is_empty() => format!("{workflow}#{job}"),
            (Some(workflow), Some(job)) => {
                format!("{workflow}#{job} {}", serde_json::json!(self.matrix))
            }
            _ => String::new(),
        }
    }
}

/// Stands for the job's own token in all that a plan says, where steps may have it: the executor alone knows the token.
pub const SANDBOX_TOKEN: &str = "ci-healer-stands-for-the-token-of-this-job";

/// The folders that a job has on a runner, as GitHub names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFolders {
    /// `GITHUB_WORKSPACE`
    pub workspace: String,
    /// `RUNNER_TEMP`
    pub temp: String,
    /// `RUNNER_TOOL_CACHE`
    pub tool_cache: String,
}

impl JobFolders {
    /// Of a job of `repository` (`owner/name`); one with a `container:` of its own sees other names.
    #[must_use]
    pub fn new(repository: Option<&str>, in_container: bool) -> Self {
        let name = repository.and_then(|whole| whole.rsplit('/').next());
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let is_name = |name: &&str| name.chars().all(is_plain) && name.chars().any(|c| c != '.');
        let name = name.filter(is_name).unwrap_or("repository");
        let (work, tool_cache) =
            if in_container { ("/__w", "/__t") } else { ("/home/runner/work", "/opt/hostedtoolcache") };
        Self {
            workspace: format!("{work}/{name}/{name}"),
            temp: format!("{work}/_temp"),
            tool_cache: tool_cache.to_owned(),
        }
    }

    /// `GITHUB_EVENT_PATH`
    #[must_use]
    pub fn event(&self) -> String {
        format!("{}/_github_workflow/event.json", self.temp)
    }

    /// Those that go with a workspace.
    #[must_use]
    pub fn beside(workspace: &str) -> Self {
        Self { workspace: workspace.to_owned(), ..Self::new(None, workspace.starts_with("/__w/")) }
    }

    /// Where nobody knows the repository's name.
    #[must_use]
    pub fn usual_workspace() -> String {
        Self::new(None, false).workspace
    }
}

/// The image the steps run in, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageChoice {
    /// What a registry would be asked for, or [`MULTI_RUNTIME_IMAGE`].
    #[serde(rename = "ref")]
    pub reference: String,
    pub why: String,
    /// True for the job's own `container:`, which runs as its own user and is never replaced by another image.
    #[serde(default)]
    pub from_container: bool,
    /// Toolchains the job asks for: what to say when another version ends up running.
    #[serde(default)]
    pub runtimes: Vec<Runtime>,
    /// `container.env`
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// `container.options`, as in the workflow.
    #[serde(default)]
    pub options: Option<String>,
}

/// The name by which plans ask for the image built from `docker/Dockerfile.sandbox`.
pub const MULTI_RUNTIME_IMAGE: &str = "ci-healer/sandbox";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runtime {
    /// `node`, `python`, `java`, `go`, `rust`, …
    pub language: String,
    /// As asked for: `3.12`, `lts/*`, `stable`; `None` where any will do.
    pub version: Option<String>,
}

/// A file of the repository that a step's command names: a manifest, a list of requirements, configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    pub path: RepoPath,
    /// The command.
    pub why: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// The step's `id`, by which later steps refer to its outputs.
    #[serde(default)]
    pub id: Option<String>,
    pub name: String,
    /// The script. `${{ }}` that only the run itself can resolve is left in place.
    pub run: String,
    /// `bash`, `sh`, `python`, or a template with `{0}`; `None` is GitHub's default (bash, or sh where there is no bash).
    pub shell: Option<String>,
    /// Relative to the workspace, or absolute inside the sandbox.
    pub working_directory: String,
    pub env: BTreeMap<String, String>,
    /// Where it comes from: `run`, `composite …`, `command`, `detected …`, `emulates actions/setup-node@v4`, …
    pub origin: String,
    /// The condition, where it is more than `success()`.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    pub continue_on_error: bool,
    pub timeout_minutes: Option<f64>,
    /// Prepares the failing step, as against being what failed or comes after it.
    #[serde(default)]
    pub setup: bool,
    /// Set where it is known to do nothing but install: the files that say what, beside package managers' manifests. Where
    /// those are unchanged, it need not run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installs: Option<Vec<String>>,
    /// What it needs that no sandbox has and, behind a semicolon, what helps: reaching it ends the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<String>,
    /// Secrets that it uses and nobody has passed on, each with the variables that would hold it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing_secrets: BTreeMap<String, BTreeSet<String>>,
    /// Set where it runs a JavaScript action's program; `run` then only says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionStep>,
    /// It is an action's and passed in CI: that it fails here is not the code's doing, and the run goes on without it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub passed_in_ci: bool,
    /// The steps before it are of other jobs, whose environment ends here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub begins_job: bool,
    /// Runs beside the following steps until the job ends or a step waits for it.
    #[serde(default)]
    pub background: bool,
    /// Set on a step that only waits for (or ends) background steps; its `run` is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
}

/// What a step does about background steps, which it names by their `id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    All,
    For(Vec<String>),
    /// Ends it; that is no failure.
    Cancel(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The host name by which the steps reach it.
    pub name: String,
    pub image: String,
    pub env: BTreeMap<String, String>,
    /// `5432:5432`, `6379`, `53:53/udp`
    pub ports: Vec<String>,
    #[serde(default)]
    pub volumes: Vec<String>,
    pub options: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedStep {
    pub step: String,
    pub why: String,
    /// Nobody knows what it does, nor whether it passed in CI: the steps from this index on may need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needed_from: Option<usize>,
}

impl SkippedStep {
    #[must_use]
    pub fn new(step: impl Into<String>, why: impl Into<String>) -> Self {
        Self { step: step.into(), why: why.into(), needed_from: None }
    }
}

/// What later steps may ask about the job so far.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct JobState {
    /// A step without `continue-on-error` has failed.
    pub failed: bool,
    /// In plan order, for those that have been reached.
    pub steps: Vec<StepState>,
    /// The job's environment: `GITHUB_ENV` additions over the job's own.
    pub env: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct StepState {
    pub id: Option<String>,
    pub outcome: StepOutcome,
    /// `outcome`, but `success` for a failed step with `continue-on-error`.
    pub conclusion: StepOutcome,
    pub outputs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    Success,
    Failure,
    Cancelled,
    #[default]
    Skipped,
}

/// A step's own question, asked once more in a form that says what ran: one more command, run when all steps are over, in
/// the same container, folder and environment. What it says is foreign, and makes a verdict worse or nothing at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Index into the plan's steps.
    pub step: usize,
    /// Its standard output is part of the answer.
    pub command: String,
    /// So is what it writes to the file that [`PROBE_REPORT`] names.
    pub report: bool,
    /// It runs nothing again: what it reads, the step itself has written.
    pub of_step: bool,
}

/// What a probe said: text of the sandbox's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    pub step: usize,
    pub report: Vec<u8>,
    /// Of the probe's own command.
    pub exit_code: i64,
    /// As [`Probe::of_step`].
    pub of_step: bool,
    /// A report was asked for, and there is none: the runner has not come to its end.
    pub lacks_report: bool,
}

/// A runner's own variable, by which it writes a report beside what it does anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportVariable {
    pub name: String,
    /// Is added to what the variable holds; the file's path stands behind it.
    pub option: String,
}

/// The variable that names a probe's report: a file outside the workspace that is not there yet, by a name that nobody
/// knows before.
pub const PROBE_REPORT: &str = "CI_HEALER_REPORT";

/// Decides, just before a step, whether it runs and with what: the executor itself interprets nothing.
///
/// The plan layer implements it with its expression evaluator.
pub trait StepEvaluator: Send + Sync {
    fn prepare(&self, step: &PlanStep, state: &JobState) -> PreparedStep;
}

#[derive(Debug, Clone, PartialEq)]
pub enum PreparedStep {
    Run {
        script: String,
        env: BTreeMap<String, String>,
        working_directory: String,
    },
    Skip {
        why: String,
    },
    /// The step cannot be run faithfully; counts as a failure of the reproduction, not of the code.
    Unresolved {
        what: String,
    },
}

/// Decides, once a step has ended, how often it is run again at once, in the same container, to see whether what it came
/// to comes by chance: the executor itself interprets nothing.
///
/// The orchestrator implements it with the parser.
pub trait StepRepeats: Send + Sync {
    /// `log` is what the step printed, as far as it is kept.
    fn after(&self, step: usize, exit_code: i64, log: &[u8]) -> u32;

    /// By which its last repeat writes a report.
    fn report(&self, _step: usize) -> Option<&ReportVariable> {
        None
    }
}

/// A step that was run again, and how that ended. It changes nothing of the run's own verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatedStep {
    /// Index into the plan's steps.
    pub step: usize,
    pub exit_code: i64,
}

/// What running a plan gave. Red is what [`Exit`] says; green is what no other source speaks against, either.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionResult {
    pub exit: Exit,
    pub steps: Vec<StepResult>,
    /// Index into the plan's steps of the first step that failed the job.
    pub failed_step: Option<usize>,
    #[serde(with = "seconds")]
    pub duration: Duration,
    /// The image as it ran, by content: `sha256:…`.
    pub image_id: String,
    /// The image as asked for.
    pub image_ref: String,
    /// stdout and stderr in the order they came, head and tail where it was too long.
    #[serde(skip)]
    pub log: Vec<u8>,
    /// What the probes said that were asked for.
    #[serde(skip)]
    pub probes: Vec<ProbeResult>,
    /// What the traced run left that was asked for.
    #[serde(skip)]
    pub trace: Option<TraceOutput>,
    /// Bytes cut out of the middle of `log`.
    pub log_cut: u64,
    /// What speaks against a step's exit code 0. The executor reads nothing: set by who reads the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<Disagreement>,
    /// Steps that were run again at once, in the order of their runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<RepeatedStep>,
    /// Differences from what the plan asked for (another image, an unsupported option).
    pub notes: Vec<String>,
}

impl ExecutionResult {
    /// Nothing could be run.
    #[must_use]
    pub fn infrastructure(plan: &BuildPlan, what: String) -> Self {
        Self {
            exit: Exit::Infrastructure { what },
            steps: Vec::new(),
            failed_step: None,
            duration: Duration::ZERO,
            image_id: String::new(),
            image_ref: plan.image.reference.clone(),
            log: Vec::new(),
            log_cut: 0,
            disagreement: None,
            repeats: Vec::new(),
            notes: Vec::new(),
            probes: Vec::new(),
            trace: None,
        }
    }

    /// The step that ended the run since it cannot be run faithfully, and what it lacks; those before it passed.
    #[must_use]
    pub fn unreproducible(&self) -> Option<(usize, &str)> {
        let Exit::Infrastructure { what } = &self.exit else { return None };
        let last = self.steps.len().checked_sub(1)?;
        let step = &self.steps[last];
        let note = step.note.as_deref().filter(|note| !note.is_empty())?;
        (self.failed_step.is_none() && step.outcome == StepOutcome::Skipped && what.ends_with(note))
            .then_some((last, what.as_str()))
    }

    /// Every step that counts succeeded, and no source disagrees.
    #[must_use]
    pub fn is_green(&self) -> bool {
        self.exit == Exit::Exited { code: 0 } && self.disagreement.is_none()
    }

    /// The run says something about the code: it was neither broken off nor stopped by the machine.
    #[must_use]
    pub fn has_verdict(&self) -> bool {
        !matches!(self.exit, Exit::Infrastructure { .. } | Exit::Cancelled)
    }

    /// Whether this is the better evidence of the two about the same code: any verdict before none, red before green.
    #[must_use]
    pub fn tells_more_than(&self, other: &Self) -> bool {
        let weight = |r: &Self| (r.has_verdict(), r.has_verdict() && !r.is_green());
        weight(self) > weight(other)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Exit {
    /// All steps ended; the failing step's code, else 0.
    Exited { code: i64 },
    /// A step's or the whole plan's time was over.
    TimedOut { after_seconds: u64 },
    /// The kernel killed a process of the sandbox for memory and the step failed.
    OutOfMemory { limit_bytes: u64 },
    /// Docker, the image or the machine failed. Never a bug, a pass, or a rejection of a fix.
    Infrastructure { what: String },
    /// We were told to stop.
    Cancelled,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepResult {
    pub name: String,
    pub outcome: StepOutcome,
    pub conclusion: StepOutcome,
    /// `None` where it did not run.
    pub exit_code: Option<i64>,
    #[serde(with = "seconds")]
    pub duration: Duration,
    /// The step's lines in the log, from 1; `None` where it printed none.
    pub log: Option<crate::contract::bug::LogSpan>,
    /// Why it was skipped or could not run.
    pub note: Option<String>,
}

/// Durations as fractional seconds in JSON.
pub mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        // Milliseconds are enough for people and keep the files readable.
        serializer.serialize_f64((value.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        Duration::try_from_secs_f64(seconds).map_err(serde::de::Error::custom)
    }
}
