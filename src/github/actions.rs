//! Actions' repositories: the commit that a ref stands for, and its archive.

use bytes::Bytes;

use super::client::Client;
use super::dto::CommitName;
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
