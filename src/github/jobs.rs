//! Which jobs failed, at which step, and what they printed, in every placement of the healing step.
//!
//! In the failing job itself the log does not exist yet, but the steps' conclusions do, a moment late. Beside it, in a
//! following job or workflow, both are there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::dto::{Job, Status, Step};
use super::error::ApiError;
use crate::contract::ci::{Conclusion, EndedJob, OwnPlace};
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
    /// `None`: the run is over, and we are not in it.
    pub place: Option<OwnPlace>,
}

/// What GitHub says of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunVerdict {
    Failed(Vec<FailedJob>),
    /// Everything that counts is green; the jobs that were looked at, our own included.
    Green {
        jobs: Vec<String>,
    },
    /// Never to be taken for green.
    Unknown {
        why: String,
    },
}

/// A run's jobs, as far as they are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunJobs {
    pub verdict: RunVerdict,
    /// Those that did not fail.
    pub ended: Vec<EndedJob>,
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

/// The jobs of one attempt of a run. Asks again while the answer is unknown, as jobs and steps show late.
pub async fn run_jobs(
    client: &Client,
    repo: &RepoSlug,
    run_id: u64,
    attempt: u64,
    own: &OwnJob,
) -> Result<RunJobs, ApiError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let jobs = list_jobs(client, repo, run_id, attempt).await?;
        let verdict = judge(&jobs, own);
        if !matches!(verdict, RunVerdict::Unknown { .. }) || tries >= LAG_TRIES {
            return Ok(RunJobs { verdict, ended: ended(&jobs) });
        }
        client.pause(own.lag).await?;
    }
}

pub(super) async fn list_jobs(
    client: &Client,
    repo: &RepoSlug,
    run_id: u64,
    attempt: u64,
) -> Result<Vec<Job>, ApiError> {
    let path = format!("/repos/{repo}/actions/runs/{run_id}/attempts/{attempt}/jobs?per_page=100");
    client.get_all(&path, Some("jobs")).await
}

/// Those that failed; none where GitHub shows none in time.
pub async fn failed_jobs(
    client: &Client,
    repo: &RepoSlug,
    run_id: u64,
    attempt: u64,
    own: &OwnJob,
) -> Result<Vec<FailedJob>, ApiError> {
    Ok(match run_jobs(client, repo, run_id, attempt, own).await?.verdict {
        RunVerdict::Failed(failed) => failed,
        RunVerdict::Green { .. } | RunVerdict::Unknown { .. } => Vec::new(),
    })
}

/// What a list of jobs says of their run. Green is only what is positively so.
fn judge(jobs: &[Job], own: &OwnJob) -> RunVerdict {
    let failed = select_failed(jobs, own);
    if !failed.is_empty() {
        return RunVerdict::Failed(failed);
    }
    let green = match &own.place {
        Some(place) => green_so_far(jobs, own, place),
        None => green_to_the_end(jobs),
    };
    match green {
        Ok(jobs) => RunVerdict::Green { jobs },
        Err(why) => RunVerdict::Unknown { why },
    }
}

/// Of a run that is over.
fn green_to_the_end(jobs: &[Job]) -> Result<Vec<String>, String> {
    if !jobs.iter().any(|job| job.conclusion == Some(Conclusion::Success)) {
        return Err("it lists no job that succeeded".to_owned());
    }
    jobs.iter().map(green_name).collect()
}

/// Of the run that we are in: our own job up to our step, and the jobs it needs, else every other one that is over.
fn green_so_far(jobs: &[Job], own: &OwnJob, place: &OwnPlace) -> Result<Vec<String>, String> {
    let mine =
        jobs.iter().find(|job| is_own(job, own)).ok_or("the job of the healing step is not in its list")?;
    let needs = place
        .needs
        .as_ref()
        .ok_or("which jobs come before this one cannot be read from the workflow file")?;
    let step =
        place.step.as_ref().ok_or("which step is the healing one cannot be read from the workflow file")?;
    let steps = mine.steps.as_deref().unwrap_or_default();
    let is_ours =
        |s: &Step| s.conclusion.is_none() && s.name.as_deref().is_some_and(|n| n.trim() == step.trim());
    let ours = steps.iter().position(is_ours).ok_or("it does not show the healing step as running")?;
    for before in &steps[..ours] {
        match &before.conclusion {
            Some(Conclusion::Success | Conclusion::Skipped) => {}
            other => {
                return Err(format!(
                    "the step `{}` {}",
                    name(before.name.as_deref()),
                    ended_as(other.as_ref())
                ));
            }
        }
    }
    let mut judged = vec![name(mine.name.as_deref())];
    if needs.is_empty() {
        for job in jobs.iter().filter(|job| job.id != mine.id && job.conclusion.is_some()) {
            green_name(job)?;
        }
    }
    for need in needs {
        let mut of_need = jobs.iter().filter(|job| belongs_to(job, need)).peekable();
        if of_need.peek().is_none() {
            return Err(format!("the job `{need}` is not in its list"));
        }
        for job in of_need {
            judged.push(green_name(job)?);
        }
    }
    Ok(judged)
}

/// It is that job, one of its matrix, or one of the workflow that it calls.
fn belongs_to(job: &Job, need: &str) -> bool {
    let rest = job.name.as_deref().and_then(|name| name.trim().strip_prefix(need));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" (") || rest.starts_with(" / "))
}

fn green_name(job: &Job) -> Result<String, String> {
    let name = name(job.name.as_deref());
    match &job.conclusion {
        Some(conclusion) if conclusion.is_green() => Ok(name),
        other => Err(format!("the job `{name}` {}", ended_as(other.as_ref()))),
    }
}

fn name(name: Option<&str>) -> String {
    name.unwrap_or_default().to_owned()
}

fn ended_as(conclusion: Option<&Conclusion>) -> String {
    conclusion.map_or("shows no result yet".to_owned(), |c| format!("ended as `{}`", c.as_str()))
}

fn ended(jobs: &[Job]) -> Vec<EndedJob> {
    let of_job = |job: &Job| {
        let conclusion = job.conclusion.clone().filter(|conclusion| !conclusion.is_failure())?;
        Some(EndedJob { name: job.name.clone()?, conclusion })
    };
    jobs.iter().filter_map(of_job).collect()
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
    if job.is_own {
        // A running job has no log however long we ask.
        return log_now(client, repo, job.id, limit).await;
    }
    finished_log(client, repo, job.id, limit, lag).await
}

/// The same, by the job's id.
pub(super) async fn finished_log(
    client: &Client,
    repo: &RepoSlug,
    job: u64,
    limit: usize,
    lag: Duration,
) -> Result<JobLog, ApiError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match log_now(client, repo, job, limit).await {
            Err(ApiError::NotFound { .. }) if tries < LAG_TRIES => client.pause(lag).await?,
            ended => return ended,
        }
    }
}

async fn log_now(client: &Client, repo: &RepoSlug, job: u64, limit: usize) -> Result<JobLog, ApiError> {
    let download = client.download(&format!("/repos/{repo}/actions/jobs/{job}/logs"), limit).await?;
    Ok(JobLog { bytes: download.bytes, cut: download.cut })
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

    /// One row per list: what it holds beside our job `heal` (id 3), whose step before ours ended as `build`.
    #[test]
    #[expect(clippy::too_many_lines, reason = "one row per list")]
    fn only_a_positive_answer_is_green() {
        let place = |needs: &[&str]| {
            let needs = needs.iter().map(|n| (*n).to_owned()).collect();
            Some(OwnPlace { step: Some("Heal".to_owned()), needs: Some(needs) })
        };
        let ours = |build: &str, heal: Option<&str>| {
            let build = (!build.is_empty()).then_some(build);
            json!({"id": 3, "name": "heal", "status": "in_progress", "conclusion": null, "steps": [
                {"name": "Set up job", "number": 1, "conclusion": "success"},
                {"name": "Build", "number": 2, "conclusion": build},
                {"name": "Heal", "number": 3, "conclusion": heal},
                {"name": "Post Heal", "number": 7, "conclusion": null}]})
        };
        let job = |id: u64, name: &str, conclusion: &str| {
            let conclusion = (!conclusion.is_empty()).then_some(conclusion);
            json!({"id": id, "name": name, "status": "completed", "conclusion": conclusion})
        };
        let green = |jobs: &[&str]| Ok(jobs.iter().map(|j| (*j).to_owned()).collect::<Vec<_>>());
        let unknown = |why: &str| Err(why.to_owned());
        let fine = || ours("success", None);
        let rows = [
            ("alone", vec![fine()], place(&[]), green(&["heal"])),
            ("a step was skipped", vec![ours("skipped", None)], place(&[]), green(&["heal"])),
            (
                "siblings that are over",
                vec![
                    fine(),
                    job(1, "a", "success"),
                    job(2, "b", "skipped"),
                    job(4, "c", "neutral"),
                    job(5, "d", ""),
                ],
                place(&[]),
                green(&["heal"]),
            ),
            (
                "what it needs",
                vec![
                    job(1, "a (1)", "success"),
                    job(2, "a (2)", "success"),
                    job(4, "b / x", "skipped"),
                    job(5, "c", "cancelled"),
                    fine(),
                ],
                place(&["a", "b"]),
                green(&["heal", "a (1)", "a (2)", "b / x"]),
            ),
            (
                "a cancelled sibling",
                vec![job(1, "a", "cancelled"), fine()],
                place(&[]),
                unknown("the job `a` ended as `cancelled`"),
            ),
            (
                "a sibling that waits for someone",
                vec![job(1, "a", "action_required"), fine()],
                place(&[]),
                unknown("the job `a` ended as `action_required`"),
            ),
            (
                "a stale sibling",
                vec![job(1, "a", "stale"), fine()],
                place(&[]),
                unknown("the job `a` ended as `stale`"),
            ),
            (
                "a word nobody knows",
                vec![job(1, "a", "splendid"), fine()],
                place(&[]),
                unknown("the job `a` ended as `splendid`"),
            ),
            (
                "a need that was cancelled",
                vec![job(1, "a", "cancelled"), fine()],
                place(&["a"]),
                unknown("the job `a` ended as `cancelled`"),
            ),
            (
                "a need that shows late",
                vec![job(1, "a", ""), fine()],
                place(&["a"]),
                unknown("the job `a` shows no result yet"),
            ),
            (
                "a need that is missing",
                vec![job(1, "ab", "success"), fine()],
                place(&["a"]),
                unknown("the job `a` is not in its list"),
            ),
            (
                "our job is missing",
                vec![job(1, "a", "success")],
                place(&[]),
                unknown("the job of the healing step is not in its list"),
            ),
            (
                "a step that shows late",
                vec![ours("", None)],
                place(&[]),
                unknown("the step `Build` shows no result yet"),
            ),
            (
                "a step that was cancelled",
                vec![ours("cancelled", None)],
                place(&[]),
                unknown("the step `Build` ended as `cancelled`"),
            ),
            (
                "our step does not run",
                vec![ours("success", Some("success"))],
                place(&[]),
                unknown("it does not show the healing step as running"),
            ),
            (
                "no step of ours is known",
                vec![fine()],
                Some(OwnPlace { step: None, needs: Some(Vec::new()) }),
                unknown("which step is the healing one cannot be read from the workflow file"),
            ),
            (
                "no needs are known",
                vec![fine()],
                Some(OwnPlace { step: Some("Heal".to_owned()), needs: None }),
                unknown("which jobs come before this one cannot be read from the workflow file"),
            ),
            (
                "another run that is over",
                vec![job(1, "a", "success"), job(2, "b", "skipped")],
                None,
                green(&["a", "b"]),
            ),
            (
                "one that is not quite",
                vec![job(1, "a", "success"), job(2, "b", "")],
                None,
                unknown("the job `b` shows no result yet"),
            ),
            (
                "one in which nothing ran",
                vec![job(1, "a", "skipped")],
                None,
                unknown("it lists no job that succeeded"),
            ),
            ("nothing", vec![], None, unknown("it lists no job that succeeded")),
        ];
        for (what, jobs, place, expected) in rows {
            let jobs: Vec<Job> = serde_json::from_value(jobs.into()).unwrap();
            let own = OwnJob { check_run_id: Some(3), place, ..OwnJob::default() };
            let said = match judge(&jobs, &own) {
                RunVerdict::Green { jobs } => Ok(jobs),
                RunVerdict::Unknown { why } => Err(why),
                RunVerdict::Failed(failed) => Err(format!("failed: {failed:?}")),
            };
            assert_eq!(said, expected, "{what}");
        }
        for word in ["failure", "timed_out", "startup_failure"] {
            let jobs: Vec<Job> = serde_json::from_value(vec![job(1, "a", word), fine()].into()).unwrap();
            let own = OwnJob { check_run_id: Some(3), place: place(&[]), ..OwnJob::default() };
            assert!(matches!(judge(&jobs, &own), RunVerdict::Failed(failed) if failed[0].id == 1), "{word}");
        }
    }
}
