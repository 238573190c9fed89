//! GitHub's answers as we read them: nearly everything may be missing, and new words are no errors.

use serde::{Deserialize, Serialize};

use crate::contract::ci::Conclusion;

/// A state GitHub reports, for runs, jobs and steps alike.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    Completed,
    InProgress,
    Queued,
    Requested,
    Waiting,
    Pending,
    ActionRequired,
    #[default]
    #[serde(other)]
    Unknown,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) status: Option<Status>,
    #[serde(default)]
    pub(super) conclusion: Option<Conclusion>,
    #[serde(default)]
    pub(super) head_sha: Option<String>,
    /// `.github/workflows/ci.yml`, sometimes with `@ref`.
    #[serde(default)]
    pub(super) path: Option<String>,
    #[serde(default)]
    pub(super) run_attempt: Option<u64>,
    #[serde(default)]
    pub(super) html_url: Option<String>,
    /// When its last attempt began.
    #[serde(default)]
    pub(super) run_started_at: Option<String>,
    #[serde(default)]
    pub(super) event: Option<String>,
    #[serde(default)]
    pub(super) head_repository: Option<RepositoryName>,
}

/// What a job has uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RunArtifact {
    pub id: u64,
    pub name: String,
    /// Of all its files, packed.
    #[serde(default)]
    pub size_in_bytes: u64,
    /// It is listed, and gone.
    #[serde(default)]
    pub expired: bool,
}

/// Two commits, compared.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Comparison {
    pub(super) ahead_by: u32,
}

/// One page of them.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Runs {
    #[serde(default)]
    pub(super) workflow_runs: Vec<Run>,
}

impl Run {
    /// The workflow's file, without the ref.
    pub(super) fn file(&self) -> &str {
        let path = self.path.as_deref().unwrap_or_default();
        path.split('@').next().unwrap_or(path)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Job {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) status: Option<Status>,
    #[serde(default)]
    pub(super) conclusion: Option<Conclusion>,
    #[serde(default)]
    pub(super) html_url: Option<String>,
    #[serde(default)]
    pub(super) runner_name: Option<String>,
    #[serde(default)]
    pub(super) steps: Option<Vec<Step>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Step {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) number: Option<u64>,
    #[serde(default)]
    pub(super) conclusion: Option<Conclusion>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reference {
    pub(super) object: ReferenceTarget,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ReferenceTarget {
    pub(super) sha: String,
}

/// A commit, of which only the name is asked for.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct CommitName {
    pub(super) sha: String,
}

/// A blob or tree just made.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Object {
    pub(super) sha: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) tree: Object,
    pub(super) message: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tree {
    pub(super) sha: String,
    #[serde(default)]
    pub(super) tree: Vec<TreeEntry>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct TreeEntry {
    pub(super) path: String,
    pub(super) mode: String,
    pub(super) sha: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct BlobContent {
    pub(super) content: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
    #[serde(default)]
    pub(super) html_url: Option<String>,
    #[serde(default)]
    pub(super) body: Option<String>,
    #[serde(default)]
    pub(super) merged_at: Option<String>,
    #[serde(default)]
    pub(super) head: Option<PullEnd>,
    #[serde(default)]
    pub(super) base: Option<PullEnd>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PullEnd {
    #[serde(rename = "ref", default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) repo: Option<RepositoryName>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RepositoryName {
    #[serde(default)]
    pub(super) full_name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Repository {
    #[serde(default)]
    pub(super) default_branch: Option<String>,
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) permissions: Option<RepositoryPermissions>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct RepositoryPermissions {
    #[serde(default)]
    pub(super) push: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dispatched {
    #[serde(default)]
    pub(super) workflow_run_id: Option<u64>,
}

/// One of the rules that hold for a branch.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Rule {
    #[serde(rename = "type", default)]
    pub(super) kind: String,
}

/// Reads `bytes` as each answer of the API, for the fuzz targets.
#[cfg(fuzzing)]
pub fn read_answer(bytes: &[u8]) {
    let _ = serde_json::from_slice::<Run>(bytes).map(|run| run.file().len());
    let _ = serde_json::from_slice::<Runs>(bytes);
    let _ = serde_json::from_slice::<Job>(bytes);
    let _ = serde_json::from_slice::<Reference>(bytes);
    let _ = serde_json::from_slice::<Commit>(bytes);
    let _ = serde_json::from_slice::<CommitName>(bytes);
    let _ = serde_json::from_slice::<Tree>(bytes);
    let _ = serde_json::from_slice::<BlobContent>(bytes);
    let _ = serde_json::from_slice::<Vec<Pull>>(bytes);
    let _ = serde_json::from_slice::<Repository>(bytes);
    let _ = serde_json::from_slice::<Dispatched>(bytes);
    let _ = serde_json::from_slice::<Vec<Rule>>(bytes);
}
