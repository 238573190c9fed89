//! The last green run of a workflow on a branch: what was so before the failure came.

use std::time::Duration;

use super::client::Client;
use super::dto::{Comparison, Run, Runs};
use super::error::ApiError;
use super::jobs::{JobLog, finished_log, list_jobs};
use super::publish::encode;
use crate::contract::ci::{Conclusion, LastGreenRun};
use crate::contract::git::{BranchName, CommitSha, RepoSlug};

/// Looked at; a run of a fork's branch of the same name is passed over.
const RUNS: usize = 5;

/// The newest green run of the workflow in `file` on `branch`; one request. `None`: there is none.
pub async fn last_green_run(
    client: &Client,
    repo: &RepoSlug,
    file: &str,
    branch: &BranchName,
) -> Result<Option<LastGreenRun>, ApiError> {
    // GitHub takes the file's name for the workflow's id.
    let workflow = encode(file.rsplit('/').next().unwrap_or(file));
    let filter = format!("branch={}&status=success&per_page={RUNS}", encode(branch.as_str()));
    let path = format!("/repos/{repo}/actions/workflows/{workflow}/runs?{filter}");
    let answer: Runs = client.get(&path).await?;
    let is_ours = |run: &Run| {
        let name = run.head_repository.as_ref().and_then(|head| head.full_name.as_deref());
        name.is_some_and(|name| name.eq_ignore_ascii_case(&repo.to_string()))
    };
    let green = answer
        .workflow_runs
        .into_iter()
        .filter(|run| run.conclusion == Some(Conclusion::Success) && is_ours(run));
    Ok(green.into_iter().find_map(|run| {
        Some(LastGreenRun {
            run_id: run.id,
            attempt: run.run_attempt.unwrap_or(1),
            commit: CommitSha::new(run.head_sha.as_deref()?).ok()?,
            branch: branch.clone(),
            url: run.html_url,
            at: run.run_started_at,
        })
    }))
}

/// How many commits `newer` has that `older` has not; one request.
pub async fn commits_between(
    client: &Client,
    repo: &RepoSlug,
    older: &CommitSha,
    newer: &CommitSha,
) -> Result<u32, ApiError> {
    let path = format!("/repos/{repo}/compare/{older}...{newer}?per_page=1");
    let compared: Comparison = client.get(&path).await?;
    Ok(compared.ahead_by)
}

/// What the job of that name printed in the run, at most `limit` bytes of it; two requests. `None`: it has no such job.
pub async fn last_green_log(
    client: &Client,
    repo: &RepoSlug,
    run: &LastGreenRun,
    job: &str,
    limit: usize,
    lag: Duration,
) -> Result<Option<JobLog>, ApiError> {
    let jobs = list_jobs(client, repo, run.run_id, run.attempt).await?;
    match jobs.iter().find(|listed| listed.name.as_deref() == Some(job)) {
        Some(found) => finished_log(client, repo, found.id, limit, lag).await.map(Some),
        None => Ok(None),
    }
}
