//! What GitHub says of the run that is to be healed: which jobs failed, or that it is green, or that it does not say.

use std::time::Duration;

use crate::contract::ci::{EndedJob, OwnPlace};
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::RepoSlug;
use crate::contract::outcome::Outcome;
use crate::contract::settings::Mode;
use crate::git::DirectoryTree;
use crate::github::{
    self, Client, ExistingPullRequest, OwnJob, PullRequestState, RunJobs, RunVerdict, StatusComment, Trigger,
};
use crate::plan::{self, CiStep, FailedJob, GithubFacts, OwnStep, PlanRequest};
use crate::report::{comment, pull_request};

use super::bundle::short_name;
use super::heal::Push;
use super::review::{close_heals, no_comment};
use super::setup::{Session, own_workflow};

/// Between two looks for what GitHub shows late.
const LAG: Duration = Duration::from_millis(1500);

/// The run, as far as GitHub tells.
#[derive(Debug, Default)]
pub(super) struct CiRun {
    pub(super) failed: Vec<FailedJob>,
    /// The same, as GitHub lists them.
    pub(super) listed: Vec<github::FailedJob>,
    /// Jobs that are over and did not fail.
    pub(super) ended: Vec<EndedJob>,
    /// The jobs by which it is green; `None` where it is not, or nobody knows.
    pub(super) green: Option<Vec<String>>,
}

impl CiRun {
    /// Asks GitHub. What it does not say is told as a warning.
    pub(super) async fn look(
        session: &Session,
        client: Option<&Client>,
        slug: &RepoSlug,
        trigger: &Trigger,
    ) -> Self {
        if !session.config.workflow_run.is_active {
            return Self::default();
        }
        match Self::ask(session, client, slug, trigger).await {
            Ok(RunJobs { verdict, ended }) => match verdict {
                RunVerdict::Failed(failed) => {
                    let listed = failed.clone();
                    Self { failed: failed.into_iter().map(for_plan).collect(), listed, ended, green: None }
                }
                RunVerdict::Green { jobs } => Self { ended, green: Some(jobs), ..Self::default() },
                RunVerdict::Unknown { why } => {
                    session.journal.emit(Event::Warning {
                        what: format!(
                            "GitHub does not say which job failed, nor that the run is green: {why}"
                        ),
                    });
                    Self { ended, ..Self::default() }
                }
            },
            Err(what) => {
                session.journal.emit(Event::Warning { what });
                Self::default()
            }
        }
    }

    async fn ask(
        session: &Session,
        client: Option<&Client>,
        slug: &RepoSlug,
        trigger: &Trigger,
    ) -> Result<RunJobs, String> {
        let unread = |why: &str| format!("the run's jobs could not be read: {why}");
        let client = client.ok_or_else(|| unread("there is no token to ask with"))?;
        let run = trigger.run_id.ok_or_else(|| unread("the number of the run is not known"))?;
        let config = &session.config;
        let own = OwnJob {
            check_run_id: config.check_run_id,
            runner_name: config.workflow_run.runner_name.clone(),
            lag: LAG,
            place: (!trigger.run_is_over).then(|| own_place(session)),
        };
        github::run_jobs(client, slug, run, trigger.run_attempt.unwrap_or(1), &own)
            .await
            .map_err(|error| unread(&error.to_string()))
    }
}

fn for_plan(job: github::FailedJob) -> FailedJob {
    let step = |step: github::JobStep| CiStep { name: step.name, conclusion: step.conclusion };
    FailedJob { name: job.name, steps: job.steps.into_iter().map(step).collect() }
}

/// Read from the checkout as it lies there: it decides nothing but whether there is anything to do.
fn own_place(session: &Session) -> OwnPlace {
    let config = &session.config;
    let variable = |name: &str| session.variables.get(name).map_or("", String::as_str);
    let (Some(workflow), Some(job), Ok(tree)) =
        (own_workflow(config), &config.workflow_run.job, DirectoryTree::open(&session.source))
    else {
        return OwnPlace::default();
    };
    let own = OwnStep {
        workflow: &workflow,
        job,
        action: variable("GITHUB_ACTION"),
        repository: variable("GITHUB_ACTION_REPOSITORY"),
    };
    plan::own_place(&tree, own, &config.jobs)
}

/// Ends a run in which nothing failed: heals that are open for its jobs are not needed.
pub(super) async fn already_green(
    session: &Session,
    client: Option<&Client>,
    slug: &RepoSlug,
    trigger: &Trigger,
    jobs: &[String],
) -> Outcome {
    let sha = session.config.workflow_run.sha.clone();
    session.journal.emit(Event::GreenInCi { sha, jobs: jobs.to_vec() });
    let publishes = session.config.mode == Mode::Heal && session.push == Push::Yes;
    if let Some(client) = client.filter(|_| publishes && trigger.diagnose_only.is_none()) {
        let closed = close_obsolete(session, client, slug, trigger, jobs).await;
        let said = last_word(session, client, slug, trigger, jobs).await;
        for what in [closed, said].into_iter().filter_map(Result::err) {
            session.journal.emit(Event::Warning { what });
        }
    }
    Outcome::AlreadyGreen
}

/// Says in the pull request's comments, where there are any of ours, that they are over.
async fn last_word(
    session: &Session,
    client: &Client,
    slug: &RepoSlug,
    trigger: &Trigger,
    jobs: &[String],
) -> Result<(), String> {
    let Some(number) = trigger.pull_request else { return Ok(()) };
    let body = comment::closed(&session.journal.report());
    for job in names_in_heals(session, trigger, jobs) {
        let said = StatusComment { number, job: &job, body: &body, may_begin: false };
        github::write_comment(client, slug, &said).await.map_err(|error| no_comment(&error))?;
    }
    Ok(())
}

async fn close_obsolete(
    session: &Session,
    client: &Client,
    slug: &RepoSlug,
    trigger: &Trigger,
    jobs: &[String],
) -> Result<(), String> {
    let Some(base) = &trigger.base_branch else { return Ok(()) };
    let heals: Vec<ExistingPullRequest> =
        github::existing_pull_requests(client, slug, base, PullRequestState::Open)
            .await
            .map_err(|e| format!("heals that are no longer needed may be open: {e}"))?;
    if heals.is_empty() {
        return Ok(());
    }
    let why = pull_request::no_longer_needed(&session.journal.report());
    close_heals(client, slug, &heals, &names_in_heals(session, trigger, jobs), &why, &session.journal).await
}

/// The names by which heals know these jobs: those of the plans that they would have, had they failed.
fn names_in_heals(session: &Session, trigger: &Trigger, jobs: &[String]) -> Vec<String> {
    let Ok(tree) = DirectoryTree::open(&session.source) else { return Vec::new() };
    let of_run = trigger.workflow_file.clone().or_else(|| own_workflow(&session.config));
    let as_failed: Vec<FailedJob> =
        jobs.iter().map(|name| FailedJob { name: name.clone(), steps: Vec::new() }).collect();
    let request = PlanRequest {
        workflow: session.config.workflow.as_deref().or(of_run.as_deref()),
        failed: &as_failed,
        github: GithubFacts::from_environment(session.variables.clone()),
        ..PlanRequest::of(&tree)
    };
    let plans = plan::plan(&request).unwrap_or_default();
    plans.iter().map(|planned| short_name(&planned.plan.matrix_job())).collect()
}
