//! Single files of a repository's default branch, with what kind of entry each is.

use super::client::Client;
use super::dto;
use super::error::ApiError;
use super::publish::{branch_head, encode, remote_objects};
use crate::contract::git::{BranchName, CommitSha, RepoPath, RepoSlug};

/// The default branch at one commit: what is read of it belongs together.
#[derive(Debug, Clone)]
pub struct DefaultBranchAt {
    pub commit: CommitSha,
}

/// Whether the default branch has something at `path`: one request, where mostly there is nothing.
pub async fn default_branch_has(client: &Client, repo: &RepoSlug, path: &RepoPath) -> Result<bool, ApiError> {
    let path = format!("/repos/{repo}/contents/{}", encode(path.as_str()));
    match client.get::<serde_json::Value>(&path).await {
        Ok(_) => Ok(true),
        Err(ApiError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Where the default branch stands; `None` where there is none yet.
pub async fn default_branch(client: &Client, repo: &RepoSlug) -> Result<Option<DefaultBranchAt>, ApiError> {
    let repository: dto::Repository = client.get(&format!("/repos/{repo}")).await?;
    let Some(name) = repository.default_branch.and_then(|name| BranchName::new(&name).ok()) else {
        return Ok(None);
    };
    let commit = branch_head(client, repo, &name).await?;
    Ok(commit.map(|commit| DefaultBranchAt { commit }))
}

impl DefaultBranchAt {
    /// A plain file's content; `None` where there is none of that name, or something else: a link leads nowhere.
    pub async fn read(
        &self,
        client: &Client,
        repo: &RepoSlug,
        path: &RepoPath,
    ) -> Result<Option<Vec<u8>>, ApiError> {
        // The contents of a path would follow a link; the trees say what it is.
        let objects = remote_objects(client, repo, &self.commit, std::slice::from_ref(path)).await?;
        let mut here = objects.tree.clone();
        let mut parts = path.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            let tree = objects.trees.iter().find(|tree| tree.id == here);
            let Some(entry) = tree.and_then(|tree| tree.entries.iter().find(|entry| entry.name == part))
            else {
                return Ok(None);
            };
            if parts.peek().is_some() {
                here.clone_from(&entry.id);
                continue;
            }
            let is_plain = matches!(entry.mode.as_str(), "100644" | "100755");
            let blob = objects.blobs.into_iter().find(|blob| is_plain && blob.id == entry.id);
            return Ok(blob.map(|blob| blob.bytes));
        }
        Ok(None)
    }
}
