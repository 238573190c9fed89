//! The record of one run: everything `results.json` (`ci-healer/results/1`) promises.
//!
//! It is a projection of the run's events (`report::projection`); the report layer turns it into text, files and outputs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bug::{BugReport, Fingerprint, TestRun};
use super::build::{BuildPlan, ExecutionResult, seconds};
use super::changes::{ChangedFunctions, ChangedSinceGreen};
use super::ci::{CiResult, LastGreenRun, Published};
use super::control::StepCounterProof;
use super::drift::DriftReport;
use super::event::Offer;
use super::executed::TracedRun;
use super::fix::Rejection;
use super::git::{CommitSha, RepoPath};
use super::outcome::Outcome;

/// One run, from its inputs to its verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// `heal`, `diagnose`, `patch`, `publish`
    pub mode: String,
    /// `owner/name`, else the path or address that was given.
    pub repository: Option<String>,
    /// The commit that failed, as CI ran it.
    pub sha: Option<CommitSha>,
    /// `refs/heads/main`, `refs/pull/7/merge`
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The workflow run that failed.
    pub run: Option<FailedRun>,
    /// The last green run of its workflow on its branch, where that was asked for.
    #[serde(default)]
    pub last_green: Option<LastGreenRun>,
    /// What changed in the code since then, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_since_green: Option<ChangedSinceGreen>,
    /// How many of the functions that changed since then the failing tests executed, where both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_functions: Option<ChangedFunctions>,
    /// What the failing tests executed, one for each run that was traced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub traced: Vec<TracedRun>,
    /// Which model servers might be asked; `None` where it never came to that.
    #[serde(default)]
    pub model_servers: Option<ModelServers>,
    #[serde(flatten)]
    pub outcome: Outcome,
    /// This, `baseline` and `final_proof` are of the job whose failure was reproduced first.
    pub plan: Option<BuildPlan>,
    pub baseline: Option<Baseline>,
    pub iterations: Vec<Iteration>,
    pub final_proof: Option<FinalProof>,
    /// Every failed job with a plan of its own, where there are several; that job among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobReport>,
    /// Which release broke it, where that was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftReport>,
    /// What is proven of a run that does not end green.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialProof>,
    /// How often a plan was run in the sandbox.
    #[serde(default)]
    pub executions: u32,
    /// Everything that was kept, as one unified diff; empty where nothing was.
    pub diff: String,
    pub commits: Vec<CommitReport>,
    pub push: Option<Published>,
    pub ci: Option<CiResult>,
    pub budget: BudgetReport,
    pub timings: Timings,
    /// `ci-healer`, `docker`, … → version.
    pub versions: BTreeMap<String, String>,
    /// What the user should know although it did not decide the run.
    pub warnings: Vec<String>,
}

impl RunReport {
    /// A run that has only begun. Its outcome says so: a report written too early never claims success.
    #[must_use]
    pub fn begun(mode: &str) -> Self {
        Self {
            mode: mode.to_owned(),
            repository: None,
            sha: None,
            reference: None,
            run: None,
            last_green: None,
            changed_since_green: None,
            changed_functions: None,
            traced: Vec::new(),
            model_servers: None,
            outcome: Outcome::Error { what: "the run ended before it came to a verdict".to_owned() },
            plan: None,
            baseline: None,
            iterations: Vec::new(),
            final_proof: None,
            jobs: Vec::new(),
            drift: None,
            partial: None,
            executions: 0,
            diff: String::new(),
            commits: Vec::new(),
            push: None,
            ci: None,
            budget: BudgetReport::default(),
            timings: Timings::default(),
            versions: BTreeMap::from([("ci-healer".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]),
            warnings: Vec::new(),
        }
    }

    /// The bugs of the failing commit: those of the baseline, of every job.
    #[must_use]
    pub fn bugs(&self) -> Vec<&BugReport> {
        let baselines = if self.jobs.is_empty() {
            self.baseline.iter().collect()
        } else {
            self.jobs.iter().filter_map(|job| job.baseline.as_ref()).collect::<Vec<_>>()
        };
        let mut bugs: Vec<&BugReport> = Vec::new();
        for bug in baselines.into_iter().flat_map(|baseline| &baseline.bugs) {
            // Jobs of a matrix see the same failures.
            if !bugs.iter().any(|known| known.fingerprint == bug.fingerprint && known.file == bug.file) {
                bugs.push(bug);
            }
        }
        bugs
    }

    /// How long the failed jobs took by themselves: one run each of the unchanged code, where there was one.
    #[must_use]
    pub fn jobs_alone(&self) -> Duration {
        let baselines: Vec<&Baseline> = if self.jobs.is_empty() {
            self.baseline.iter().collect()
        } else {
            self.jobs.iter().filter_map(|job| job.baseline.as_ref()).collect()
        };
        baselines.into_iter().map(|baseline| baseline.execution.duration).sum()
    }

    /// Nothing is known against the judges of the proof: none of them failed to report what was planted, or was not asked.
    #[must_use]
    pub fn has_counter_proof(&self) -> bool {
        let proofs: Vec<&FinalProof> = if self.jobs.is_empty() {
            self.final_proof.iter().collect()
        } else {
            self.jobs.iter().filter_map(|job| job.final_proof.as_ref()).collect()
        };
        proofs.iter().flat_map(|proof| &proof.counter_proofs).all(|shown| shown.proof.is_caught())
    }

    /// Every job that can be judged here is proven with all that is kept.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        let holds = |proof: &Option<FinalProof>| proof.as_ref().is_some_and(FinalProof::holds);
        if self.jobs.is_empty() {
            holds(&self.final_proof)
        } else {
            self.jobs.iter().all(|job| holds(&job.final_proof))
        }
    }
}

/// One failed job of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    pub plan: BuildPlan,
    /// The unchanged code; `None` where it was never run: it was green with what is kept.
    pub baseline: Option<Baseline>,
    pub final_proof: Option<FinalProof>,
}

/// What is proven of a run that does not end green.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialProof {
    /// Failures that are fixed, each proven for itself.
    pub fixed: Vec<Fingerprint>,
    /// Failures that the last run from scratch still shows.
    pub left: Vec<Fingerprint>,
    /// Of those that are left: what the code of the last green run fails with, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub old: Vec<Fingerprint>,
}

/// Where the files of a run lie, relative to the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportFiles {
    pub results_file: String,
    pub patch_file: Option<String>,
    pub proof_file: Option<String>,
    pub summary_file: String,
    pub events_file: String,
}

/// The workflow run (and job in it) that is to be healed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRun {
    pub id: Option<u64>,
    pub attempt: Option<u64>,
    /// `push`, `pull_request`, …
    pub event: Option<String>,
    pub workflow: Option<String>,
    pub job: Option<String>,
    /// The step that failed in CI, as far as CI says so.
    pub step: Option<String>,
    pub url: Option<String>,
}

/// The model servers of a run, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelServers {
    /// They may be asked for a fix.
    pub ready: Vec<String>,
    /// They are among the providers, and nobody gave their key.
    pub without_key: Vec<String>,
    /// Their configured model is not there, and another one is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced: Vec<ReplacedModel>,
}

/// A model that is asked in the place of the configured one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedModel {
    pub provider: String,
    pub configured: String,
    pub asked: String,
}

/// The unchanged code, run as CI ran it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    #[serde(flatten)]
    pub execution: ExecutionResult,
    /// How often the unchanged code was run.
    pub runs: u32,
    /// How many of those runs failed.
    pub failed: u32,
    pub bugs: Vec<BugReport>,
    pub tests: Vec<TestRun>,
}

/// One turn of the loop: what was wrong, what was offered, what running it gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// From 1.
    pub number: u32,
    /// What was wrong at the start of this turn.
    pub bugs: Vec<BugReport>,
    pub proposals: Vec<ProposalReport>,
    /// The run with the applied proposal; `None` where no proposal passed the gates.
    pub execution: Option<ExecutionResult>,
    pub progress: Option<Progress>,
}

/// A proposal and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProposalReport {
    #[serde(flatten)]
    pub offer: Offer,
    /// Unified; empty where the edits did not apply.
    pub diff: String,
    #[serde(flatten)]
    pub verdict: ProposalVerdict,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum ProposalVerdict {
    Kept,
    /// Run, and taken back.
    Reverted {
        why: String,
        /// The same as data, where there is a kind for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rejection: Option<Rejection>,
    },
    /// Turned down by a gate before it ran.
    Rejected {
        rejection: Rejection,
    },
}

impl ProposalVerdict {
    /// As in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Reverted { .. } => "reverted",
            Self::Rejected { .. } => "rejected",
        }
    }
}

/// The failure sets before and after an applied proposal, compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Whether it counts: the set shrank or the failing step moved forward, and nothing new fails.
    pub made: bool,
    pub fixed: Vec<Fingerprint>,
    pub remaining: Vec<Fingerprint>,
    pub new: Vec<Fingerprint>,
    /// Index of the failing step; `None` where none failed.
    pub step_before: Option<usize>,
    pub step_after: Option<usize>,
}

/// The whole plan from scratch, with everything kept applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FinalProof {
    pub execution: ExecutionResult,
    pub tests: Vec<TestRun>,
    pub bugs: Vec<BugReport>,
    /// How often it was run, and how often it was green.
    pub runs: u32,
    pub green: u32,
    /// The run with every protected file as it was at the failing commit; `None` where the fix touches none of them
    /// and the run would be the same.
    pub protected: Option<ExecutionResult>,
    /// Of each step that was healed: what failures planted into it showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counter_proofs: Vec<StepCounterProof>,
}

impl FinalProof {
    /// Every run was green, also the one with the protected files restored.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.runs > 0
            && self.green == self.runs
            && self.execution.is_green()
            && self.protected.as_ref().is_none_or(ExecutionResult::is_green)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitReport {
    pub sha: CommitSha,
    pub message: String,
    pub files: Vec<RepoPath>,
}

/// What each limit allowed and what was used of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BudgetReport {
    pub attempts: Spent<u32>,
    /// Seconds of wall clock.
    pub time: Spent<f64>,
    pub tokens: Spent<u64>,
    /// Dollars; `spent` counts the calls whose price is known.
    pub cost: Spent<f64>,
    pub pushes: Spent<u32>,
    /// Model calls whose price is not in the table.
    pub unpriced_calls: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent<T> {
    pub spent: T,
    /// `None`: no limit.
    pub limit: Option<T>,
}

/// Where the time went, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    #[serde(with = "seconds")]
    pub total: Duration,
    /// Running the plan in sandboxes.
    #[serde(with = "seconds")]
    pub build: Duration,
    /// Waiting for models.
    #[serde(with = "seconds")]
    pub llm: Duration,
    /// Waiting for CI on the heal branch.
    #[serde(with = "seconds")]
    pub ci: Duration,
    /// Everything else: our own work.
    #[serde(with = "seconds")]
    pub own: Duration,
}
