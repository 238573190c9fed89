//! A run that is named by its address: what GitHub says of it stands for the event that its end would have been.

use serde_json::{Value, json};

use super::client::Client;
use super::error::ApiError;
use crate::contract::git::RepoSlug;

/// The payload that `on: workflow_run` would have brought for a run of `repo`, and whether the run is over.
pub async fn run_payload(client: &Client, repo: &RepoSlug, run: u64) -> Result<(Value, bool), ApiError> {
    let run: Value = client.get(&format!("/repos/{repo}/actions/runs/{run}")).await?;
    let is_over = run["status"] == "completed";
    // What the payload of an event says of its repository; the run names the same.
    let repository = json!({
        "full_name": repo.to_string(),
        "default_branch": run["repository"]["default_branch"],
    });
    Ok((json!({"action": "completed", "workflow_run": run, "repository": repository}), is_over))
}
