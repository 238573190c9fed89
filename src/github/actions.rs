//! Actions' repositories: the commit that a ref stands for, and its archive. And what the jobs of a run have uploaded.

use bytes::Bytes;

use super::client::Client;
use super::dto::{CommitName, RunArtifact};
use super::error::ApiError;
use super::publish::encode;
use crate::contract::git::{CommitSha, RepoSlug};

/// The commit that a branch, a tag or a commit's own name stands for now; one request.
pub async fn commit_of(client: &Client, repo: &RepoSlug, reference: &str) -> Result<CommitSha, ApiError> {
    let path = format!("/repos/{repo}/commits/{}", encode(reference));
    let commit: CommitName = client.get(&path).await?;
    let unreadable = |why: String| ApiError::Unreadable { call: format!("GET {path}"), why };
    CommitSha::new(&commit.sha).map_err(|error| unreadable(error.to_string()))
}

/// The files of a commit as a `tar.gz`, of `limit` bytes at most; two requests, of which the second goes to another host
/// without our token.
pub async fn archive_of(
    client: &Client,
    repo: &RepoSlug,
    commit: &CommitSha,
    limit: usize,
) -> Result<Bytes, ApiError> {
    client.download_whole(&format!("/repos/{repo}/tarball/{commit}"), limit).await
}

/// The artifacts of a run that are still there, of each name the newest.
pub async fn artifacts_of(client: &Client, repo: &RepoSlug, run: u64) -> Result<Vec<RunArtifact>, ApiError> {
    let path = format!("/repos/{repo}/actions/runs/{run}/artifacts?per_page=100");
    let mut listed: Vec<RunArtifact> = client.get_all(&path, Some("artifacts")).await?;
    listed.retain(|artifact| !artifact.expired);
    listed.sort_by(|a, b| a.name.cmp(&b.name).then(b.id.cmp(&a.id)));
    listed.dedup_by(|later, first| later.name == first.name);
    Ok(listed)
}

/// An artifact as a zip, of `limit` bytes at most; two requests, of which the second goes to another host without our token.
pub async fn artifact(client: &Client, repo: &RepoSlug, id: u64, limit: usize) -> Result<Bytes, ApiError> {
    client.download_whole(&format!("/repos/{repo}/actions/artifacts/{id}/zip"), limit).await
}
