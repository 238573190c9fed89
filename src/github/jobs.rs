//! Which jobs failed, at which step, and what they printed, in every placement of the healing step.
//!
//! In the failing job itself the log does not exist yet, but the steps' conclusions do, a moment late. Beside it, in a
//! following job or workflow, both are there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::dto::{Job, Status};
use super::error::ApiError;
use crate::contract::ci::Conclusion;
use crate::contract::git::RepoSlug;

/// How often we ask again for what GitHub shows late.
const LAG_TRIES: u32 = 6;

/// The job we run in ourselves, so that it is told apart from the others.
#[derive(Debug, Clone, Default)]
pub struct OwnJob {
    /// `${{ job.check_run_id }}`, which is the job's id.
    pub check_run_id: Option<u64>,
    /// `RUNNER_NAME`, for when there is no id.
    pub runner_name: Option<String>,
    /// Between two tries for what GitHub shows late.
    pub lag: Duration,
}

/// A job that failed, or is about to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedJob {
    pub id: u64,
    pub name: String,
    pub url: Option<String>,
    /// All of them, in order; those of the healing step itself included where it runs in this job.
    pub steps: Vec<JobStep>,
    /// We run inside it: it is not over, and its log cannot be read.
    pub is_own: bool,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobStep {
    pub number: u64,
    pub name: String,
    /// `None` while it runs.
    pub conclusion: Option<Conclusion>,
}

impl JobStep {
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.conclusion.as_ref().is_some_and(Conclusion::is_failure)
    }
}

/// What a job printed; the middle is left out where it was too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLog {
    pub bytes: Vec<u8>,
    pub cut: u64,
}

/// Failed jobs of one attempt of a run. Asks again while nothing shows, as steps appear late.
pub async fn failed_jobs(
    client: &Client,
    repo: &RepoSlug,
    run_id: u64,
    attempt: u64,
    own: &OwnJob,
) -> Result<Vec<FailedJob>, ApiError> {
    let path = format!("/repos/{repo}/actions/runs/{run_id}/attempts/{attempt}/jobs?per_page=100");
    let mut tries = 0;
    loop {
        tries += 1;
        let jobs: Vec<Job> = client.get_all(&path, Some("jobs")).await?;
        let failed = select_failed(&jobs, own);
        if !failed.is_empty() || tries >= LAG_TRIES {
            return Ok(failed);
        }
        client.pause(own.lag).await?;
    }
}

fn select_failed(jobs: &[Job], own: &OwnJob) -> Vec<FailedJob> {
    let mut failed = Vec::new();
    for job in jobs {
        let is_own = is_own(job, own);
        let steps: Vec<JobStep> = job
            .steps
            .iter()
            .flatten()
            .map(|s| JobStep {
                number: s.number.unwrap_or_default(),
                name: s.name.clone().unwrap_or_default(),
                conclusion: s.conclusion.clone(),
            })
            .collect();
        let is_over = job.conclusion.as_ref().is_some_and(Conclusion::is_failure);
        if is_over || (is_own && steps.iter().any(JobStep::has_failed)) {
            failed.push(FailedJob {
                id: job.id,
                name: job.name.clone().unwrap_or_default(),
                url: job.html_url.clone(),
                steps,
                is_own,
                conclusion: job.conclusion.clone(),
            });
        }
    }
    failed
}

fn is_own(job: &Job, own: &OwnJob) -> bool {
    match (own.check_run_id, &own.runner_name) {
        (Some(id), _) => job.id == id,
        (None, Some(name)) => {
            job.status == Some(Status::InProgress) && job.runner_name.as_ref() == Some(name)
        }
        (None, None) => false,
    }
}

/// What a finished job printed, at most `limit` bytes of it. The store behind it can lag for a moment.
pub async fn job_log(
    client: &Client,
    repo: &RepoSlug,
    job: &FailedJob,
    limit: usize,
    lag: Duration,
) -> Result<JobLog, ApiError> {
    let path = format!("/repos/{repo}/actions/jobs/{}/logs", job.id);
    let mut tries = 0;
    loop {
        tries += 1;
        match client.download(&path, limit).await {
            Ok(download) => return Ok(JobLog { bytes: download.bytes, cut: download.cut }),
            // A running job has no log however long we ask.
            Err(ApiError::NotFound { .. }) if tries < LAG_TRIES && !job.is_own => client.pause(lag).await?,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn jobs() -> Vec<Job> {
        let jobs = json!([
            {"id": 1, "name": "lint", "status": "completed", "conclusion": "success"},
            {"id": 2, "name": "test (3.12)", "status": "completed", "conclusion": "failure", "html_url": "https://h/2",
             "steps": [{"name": "Set up", "number": 1, "conclusion": "success"}, {"name": "Test", "number": 3, "conclusion": "failure"}]},
            {"id": 3, "name": "heal", "status": "in_progress", "conclusion": null, "runner_name": "r1",
             "steps": [{"name": "Build", "number": 2, "status": "completed", "conclusion": "failure"}, {"name": "Heal", "number": 3, "conclusion": null}]},
            {"id": 4, "name": null, "status": "new_word", "conclusion": "startup_failure"},
            {"id": 5, "name": "x", "status": "completed", "conclusion": "brand_new"}
        ]);
        serde_json::from_value(jobs).unwrap()
    }

    #[test]
    fn beside_the_failed_job() {
        let ids: Vec<u64> = select_failed(&jobs(), &OwnJob::default()).iter().map(|j| j.id).collect();
        assert_eq!(ids, [2, 4]);
    }

    #[test]
    fn inside_the_failing_job() {
        for own in [
            OwnJob { check_run_id: Some(3), ..OwnJob::default() },
            OwnJob { runner_name: Some("r1".to_owned()), ..OwnJob::default() },
        ] {
            let failed = select_failed(&jobs(), &own);
            let job = failed.iter().find(|j| j.is_own).unwrap();
            assert_eq!((job.id, job.steps[0].name.as_str(), job.conclusion.as_ref()), (3, "Build", None));
        }
    }
}
