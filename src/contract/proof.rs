//! The proof bundle (`proof.json`, `ci-healer/proof/1`): enough to run the proof again elsewhere, and for
//! `mode: publish` to check it without trusting whoever made it.

use serde::{Deserialize, Serialize};

use super::bug::{BugReport, Fingerprint, TestRun};
use super::build::Exit;
use super::control::ToldCounterProof;
use super::git::{CommitSha, RepoPath};
use super::report::PartialProof;

/// The value of `schema` in `proof.json`.
pub const PROOF_SCHEMA: &str = "ci-healer/proof/1";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// [`PROOF_SCHEMA`]
    pub schema: String,
    /// Version of ci-healer that made it.
    pub version: String,
    /// `owner/name`, else the path or address that was given.
    pub repository: Option<String>,
    /// What the sandbox ran: the commit of the checkout.
    pub tested: CommitSha,
    /// What the patch applies to and the heal commit's parent: the branch's or pull request's head.
    pub base: CommitSha,
    /// Where the heal belongs: `refs/heads/main`.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Lower-case hex SHA-256 of the patch file's bytes.
    pub patch_sha256: String,
    /// Lower-case hex SHA-256 of the plan's JSON.
    pub plan_sha256: String,
    /// The job of the matrix that failed; empty where no workflow made the plan.
    #[serde(default)]
    pub job: String,
    /// The image as asked for.
    pub image_ref: String,
    /// The image as it ran, by content: `sha256:…`.
    pub image_id: String,
    /// Steps of the job that could not run here; CI's record shows that they passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<crate::contract::build::SkippedStep>,
    pub commands: Vec<ProvenCommand>,
    pub before: ProofSide,
    pub after: ProofSide,
    /// How often the patched code was run from scratch, and how often it was green.
    pub repeats: u32,
    pub green: u32,
    pub protected: ProtectedCheck,
    /// Of each step that was healed: what failures planted into it showed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counter_proofs: Vec<ToldCounterProof>,
    pub changed: Vec<RepoPath>,
    /// Every failed job with a plan of its own, where there are several; the one above among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<ProvenJob>,
    /// Only some failures are fixed: which of them is proven for itself, and what is still red.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<PartialProof>,
    /// Protected files whose changes the protected proof did not take back, and why.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// What the failing check named in changed test files: what neutral edits are held against.
    #[serde(default)]
    pub findings: Vec<BugReport>,
    /// Who offered the kept fixes, and at what cost (attempts that failed included).
    pub providers: Vec<ProviderShare>,
}

/// One failed job of several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProvenJob {
    pub job: String,
    /// Lower-case hex SHA-256 of the plan's JSON.
    pub plan_sha256: String,
    /// The image as it ran, by content.
    pub image_id: String,
    pub commands: Vec<ProvenCommand>,
    /// `None` where the unchanged code was never run: the job was green with the fixes.
    pub before: Option<ProofSide>,
    /// `None` where it could not be judged here.
    pub after: Option<ProofSide>,
    pub repeats: u32,
    pub green: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counter_proofs: Vec<ToldCounterProof>,
}

/// One step, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenCommand {
    pub name: String,
    pub run: String,
    pub working_directory: String,
    /// `None` where the step did not run.
    pub exit_before: Option<i64>,
    pub exit_after: Option<i64>,
}

/// What one state of the code gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofSide {
    pub exit: Exit,
    pub failures: Vec<Fingerprint>,
    pub tests: Vec<TestRun>,
}

/// A protected file that the protected proof left as the fix makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub path: RepoPath,
    pub reason: LeftOutReason,
}

/// Why an edit of a protected file needs no proof without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// The syntax trees are equal.
    LayoutOnly,
    /// Nothing changes that a test is about, the check asked for it, and the same tests ran (or the job runs none).
    Neutral,
    /// The user allows edits of tests.
    AllowTestEdits,
}

/// Does the fix hold with every protected file as it was at the failing commit?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "snake_case")]
pub enum ProtectedCheck {
    /// The fix changes no protected file, so the proof itself is the check.
    Untouched,
    /// Run again with these files restored: green.
    Passed { restored: Vec<RepoPath> },
    /// Run again with these files restored: not green.
    Failed { restored: Vec<RepoPath> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderShare {
    pub provider: String,
    pub model: Option<String>,
    pub proposals: u32,
    pub kept: u32,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// Dollars, where the price table knows the model.
    pub cost: Option<f64>,
}
