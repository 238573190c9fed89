//! Watches what becomes of a published heal: finds the runs of its very commit and waits for a typed verdict.
//!
//! Never guesses: a run counts only with the heal's `head_sha`, every wait ends, and no run is said to be none.

use std::time::Duration;

use futures_util::future::OptionFuture;
use serde_json::Value;
use tokio::time::Instant;

use super::ci_trigger::{CiTrigger, CiTriggerOptions, Permission, choose_ci_trigger};
use super::client::Client;
use super::dto::{Run, Status};
use super::error::ApiError;
use super::jobs::{FailedJob, OwnJob, failed_jobs};
use super::publish::dispatch;
use super::pull_request::{PullRequestText, open_pull_request};
use crate::contract::ci::{CiResult, CiVerdict, Conclusion, PullRequest, RunReference};
use crate::contract::event::{Event, EventSink};
use crate::contract::git::{BranchName, CommitSha, RepoSlug};
use crate::contract::settings::PullRequestMode;

/// How long to wait for what.
#[derive(Debug, Clone)]
pub struct Timeouts {
    /// For a run to appear after the push.
    pub appear: Duration,
    /// For the verdict: `ci-timeout`.
    pub total: Duration,
    /// Between the first two looks; then longer and longer.
    pub first_poll: Duration,
    pub longest_poll: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            appear: Duration::from_secs(120),
            total: Duration::from_secs(1800),
            first_poll: Duration::from_secs(5),
            // A job's own token has 1,000 requests an hour, for all jobs of the repository together.
            longest_poll: Duration::from_secs(45),
        }
    }
}

/// What is watched.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    pub client: &'a Client,
    pub repo: &'a RepoSlug,
    pub branch: &'a BranchName,
    /// The heal's commit as it is on GitHub.
    pub head: &'a CommitSha,
    /// The workflow the verdict is about; `None`: all of them.
    pub workflow_file: Option<&'a str>,
    pub trigger: &'a CiTrigger,
    pub timeouts: &'a Timeouts,
    pub sink: &'a dyn EventSink,
}

/// How the run will come about, and the pull request that was opened for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrangedRun {
    pub trigger: CiTrigger,
    pub pull_request: Option<PullRequest>,
    /// What was refused on the way.
    pub notes: Vec<String>,
}

/// Chooses the trigger and opens the pull request where it (or the policy) wants one. A refusal leads to the next trigger.
pub async fn arrange_ci_run(
    client: &Client,
    repo: &RepoSlug,
    options: &CiTriggerOptions<'_>,
    text: &PullRequestText,
) -> Result<ArrangedRun, ApiError> {
    let mut options = options.clone();
    let mut notes = Vec::new();
    let mut trigger = choose_ci_trigger(&options);
    let asked = matches!(options.pull_request, PullRequestMode::Always | PullRequestMode::Draft);
    let wanted = asked || matches!(trigger, CiTrigger::PullRequest { .. });
    let base = options.base.filter(|base| wanted && *base != options.branch);
    let opening = base.map(|base| open_pull_request(client, repo, base, options.branch, text));
    let pull_request = match OptionFuture::from(opening).await {
        None => None,
        Some(Ok(pull_request)) => Some(pull_request),
        Some(Err(
            error @ (ApiError::Forbidden { .. } | ApiError::Invalid { .. } | ApiError::NotFound { .. }),
        )) => {
            let hint = error.hint().map(|h| format!(" ({h})")).unwrap_or_default();
            notes.push(format!("{error}{hint}"));
            options.may_open_pull_request = Permission::No;
            trigger = choose_ci_trigger(&options);
            None
        }
        Some(Err(error)) => return Err(error),
    };
    Ok(ArrangedRun { trigger, pull_request, notes })
}

/// Waits for the verdict. Errors only where GitHub stops answering for good; every other end is a verdict.
pub async fn watch(watch: Watch<'_>) -> Result<CiResult, ApiError> {
    let before = watch.client.requests();
    let mut result = wait_for_verdict(&watch).await?;
    result.requests = watch.client.requests() - before;
    watch.sink.emit(Event::Watched { result: Box::new(result.clone()) });
    Ok(result)
}

async fn wait_for_verdict(watch: &Watch<'_>) -> Result<CiResult, ApiError> {
    let mut dispatched = None;
    match watch.trigger {
        CiTrigger::Nothing { reason, hint } => return Ok(no_ci(reason.clone(), Some(hint.clone()))),
        CiTrigger::Dispatch => {
            let file = watch.workflow_file.unwrap_or_default();
            match dispatch(watch.client, watch.repo, file, watch.branch).await {
                Ok(run) => dispatched = run,
                Err(
                    error @ (ApiError::Invalid { .. }
                    | ApiError::Forbidden { .. }
                    | ApiError::NotFound { .. }),
                ) => {
                    let remedy = match &error {
                        ApiError::Forbidden { .. } => {
                            "add to the healing job:\npermissions:\n  actions: write".to_owned()
                        }
                        _ => format!("add to {file}, also on the failing branch:\non:\n  workflow_dispatch:"),
                    };
                    return Ok(no_ci(error.to_string(), Some(remedy)));
                }
                Err(error) => return Err(error),
            }
        }
        CiTrigger::Push | CiTrigger::PullRequest { .. } => {}
    }
    watch.sink.emit(Event::Progress { what: format!("waiting for CI on {}", watch.branch) });
    let start = Instant::now();
    let mut pause = watch.timeouts.first_poll;
    let mut last_status = String::new();
    loop {
        let runs = match runs_of_head(watch, dispatched).await {
            Ok(runs) => runs,
            // The network may come back before the time is over.
            Err(
                error @ (ApiError::Transport { .. } | ApiError::Server { .. } | ApiError::RateLimited { .. }),
            ) if start.elapsed() < watch.timeouts.total => {
                watch.sink.emit(Event::Warning { what: error.to_string() });
                watch.client.pause(watch.timeouts.longest_poll).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let (ours, others): (Vec<&Run>, Vec<&Run>) =
            runs.iter().partition(|r| is_about(watch, r, dispatched));
        if let Some(result) = verdict(&ours, &others) {
            return Ok(result);
        }
        let elapsed = start.elapsed();
        if ours.is_empty() && elapsed >= watch.timeouts.appear.min(watch.timeouts.total) {
            return Ok(no_run_appeared(watch, &others));
        }
        if elapsed >= watch.timeouts.total {
            let waiting = ours.iter().any(|r| r.status == Some(Status::Waiting));
            let verdict = if waiting { CiVerdict::AwaitingApproval } else { CiVerdict::TimedOut };
            return Ok(result(verdict, ours.first().copied(), &others));
        }
        let status = ours.first().map_or_else(
            || "no run yet".to_owned(),
            |r| format!("{} is {}", title(r), status_word(r.status)),
        );
        if status != last_status {
            watch.sink.emit(Event::Progress { what: status.clone() });
            last_status = status;
        }
        watch.client.pause(pause.min(watch.timeouts.total.saturating_sub(elapsed))).await?;
        pause = pause.mul_f64(1.3).min(watch.timeouts.longest_poll);
    }
}

/// The runs of the heal's commit.
async fn runs_of_head(watch: &Watch<'_>, dispatched: Option<u64>) -> Result<Vec<Run>, ApiError> {
    let repo = watch.repo;
    let path = format!("/repos/{repo}/actions/runs?head_sha={}&per_page=100", watch.head);
    let mut runs: Vec<Run> = watch.client.get_all(&path, Some("workflow_runs")).await?;
    runs.retain(|r| r.head_sha.as_deref() == Some(watch.head.as_str()));
    // The list lags behind; the run itself is there at once.
    if let Some(id) = dispatched
        && runs.iter().all(|r| r.id != id)
    {
        match watch.client.get::<Run>(&format!("/repos/{repo}/actions/runs/{id}")).await {
            Ok(run) => runs.push(run),
            Err(ApiError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(runs)
}

fn is_about(watch: &Watch<'_>, run: &Run, dispatched: Option<u64>) -> bool {
    if let Some(id) = dispatched {
        return run.id == id;
    }
    let same_file = match watch.workflow_file {
        Some(file) => run.file() == file,
        None => true,
    };
    same_file && (*watch.trigger != CiTrigger::Dispatch || run.event.as_deref() == Some("workflow_dispatch"))
}

/// A verdict as soon as there is one: one bad end decides, a good one needs all.
fn verdict(ours: &[&Run], others: &[&Run]) -> Option<CiResult> {
    let ended = |run: &Run| match (run.status, &run.conclusion) {
        (Some(Status::ActionRequired), _) | (_, Some(Conclusion::ActionRequired)) => {
            Some(CiVerdict::AwaitingApproval)
        }
        (Some(Status::Completed), Some(conclusion)) => Some(match conclusion {
            Conclusion::Success | Conclusion::Neutral => CiVerdict::Passed,
            Conclusion::Failure | Conclusion::StartupFailure => CiVerdict::Failed,
            Conclusion::TimedOut => CiVerdict::TimedOut,
            Conclusion::Cancelled | Conclusion::Stale => CiVerdict::Cancelled,
            Conclusion::Skipped => CiVerdict::NoCi {
                why: format!("every job of {} was skipped", title(run)),
                remedy: Some("look at the `if:` of its jobs".to_owned()),
            },
            Conclusion::ActionRequired | Conclusion::Other(_) => CiVerdict::NoCi {
                why: format!("{} ended in a way that is neither success nor failure", title(run)),
                remedy: None,
            },
        }),
        _ => None,
    };
    let verdicts: Vec<(Option<CiVerdict>, &Run)> = ours.iter().map(|r| (ended(r), *r)).collect();
    let first = |wanted: fn(&CiVerdict) -> bool| {
        verdicts.iter().find(|(v, _)| v.as_ref().is_some_and(wanted)).map(|(v, r)| (v.clone(), *r))
    };
    let all_over = !verdicts.is_empty() && verdicts.iter().all(|(v, _)| v.is_some());
    let mut decided = first(|v| *v == CiVerdict::Failed);
    if all_over {
        decided = decided
            .or_else(|| first(|v| *v == CiVerdict::TimedOut))
            .or_else(|| first(|v| *v == CiVerdict::Cancelled))
            .or_else(|| first(|v| *v == CiVerdict::AwaitingApproval))
            // A second run of the workflow that had nothing to do does not undo the first.
            .or_else(|| first(|v| *v == CiVerdict::Passed))
            .or_else(|| first(|_| true));
    }
    let (verdict, run) = decided?;
    Some(result(verdict?, Some(run), others))
}

fn no_run_appeared(watch: &Watch<'_>, others: &[&Run]) -> CiResult {
    let seconds = watch.timeouts.appear.min(watch.timeouts.total).as_secs();
    let what = watch.workflow_file.map_or_else(|| "any workflow".to_owned(), str::to_owned);
    let mut why = format!("no run of {what} for {} appeared within {seconds} s", watch.head.short());
    if !others.is_empty() {
        let names: Vec<&str> = others.iter().map(|r| r.file()).collect();
        why.push_str(&format!(" (but of {})", names.join(", ")));
    }
    let remedy = match watch.trigger {
        CiTrigger::PullRequest { .. } => {
            "look at the pull request: it may have conflicts, which keep workflows from running"
        }
        _ => "look at the workflow's `on:` and whether Actions are switched on for the repository",
    };
    let verdict = CiVerdict::NoCi { why, remedy: Some(remedy.to_owned()) };
    result(verdict, None, others)
}

fn no_ci(why: String, remedy: Option<String>) -> CiResult {
    result(CiVerdict::NoCi { why, remedy }, None, &[])
}

fn result(verdict: CiVerdict, run: Option<&Run>, others: &[&Run]) -> CiResult {
    CiResult {
        verdict,
        run: run.map(reference),
        others: others.iter().map(|r| reference(r)).collect(),
        requests: 0,
    }
}

fn reference(run: &Run) -> RunReference {
    RunReference {
        id: run.id,
        attempt: run.run_attempt.unwrap_or(1),
        workflow: title(run),
        url: run.html_url.clone().unwrap_or_default(),
        conclusion: run.conclusion.clone(),
    }
}

fn title(run: &Run) -> String {
    run.name.clone().unwrap_or_else(|| run.file().to_owned())
}

fn status_word(status: Option<Status>) -> String {
    let word = status.and_then(|s| serde_json::to_value(s).ok());
    word.as_ref().and_then(Value::as_str).unwrap_or("unknown").replace('_', " ")
}

/// The failed jobs of a watched run, whose logs are the next round's.
pub async fn failed_run_jobs(
    client: &Client,
    repo: &RepoSlug,
    run: &RunReference,
    lag: Duration,
) -> Result<Vec<FailedJob>, ApiError> {
    let nobody = OwnJob { lag, ..OwnJob::default() };
    failed_jobs(client, repo, run.id, run.attempt, &nobody).await
}
