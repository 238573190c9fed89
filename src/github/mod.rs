//! GitHub's API: the event, runs, jobs and logs; publishing; watching; preflight.
//!
//! Never fixes, never builds, never touches the disk. Every answer is read through types of our own in which GitHub may
//! leave out or add whatever it likes. Facts: GitHub's REST documentation (version 2022-11-28) and its changelog.

mod actions;
mod ci_trigger;
mod client;
mod comment;
mod default_branch;
mod dto;
mod error;
mod event;
mod jobs;
mod last_green;
mod limits;
mod monitor;
mod named_run;
mod preflight;
mod publish;
mod pull_request;
mod review;
mod triggers;

pub use actions::{archive_of, artifact, artifacts_of, commit_of};
pub use ci_trigger::{CiTrigger, CiTriggerOptions, Permission, choose_ci_trigger};
pub use client::{Client, ClientOptions, RetryPolicy};
pub use comment::{StatusComment, write_comment};
pub use default_branch::{DefaultBranchAt, default_branch, default_branch_has};
pub use dto::RunArtifact;
#[cfg(fuzzing)]
pub use dto::read_answer;
pub use error::ApiError;
pub use event::{
    FailedRunFacts, Head, RunContext, Trigger, TriggerContext, read_event, read_trigger_context,
};
pub use jobs::{FailedJob, JobLog, JobStep, OwnJob, RunJobs, RunVerdict, failed_jobs, job_log, run_jobs};
pub use last_green::{commits_between, last_green_log, last_green_run};
pub use monitor::{ArrangedRun, Timeouts, Watch, arrange_ci_run, failed_run_jobs, watch};
pub use named_run::run_payload;
pub use preflight::{
    Permissions, Preflight, PreflightCheck, PreflightInput, Severity, TokenFacts, TokenKind, examine_token,
    preflight,
};
pub use publish::{
    BranchFacts, branch_head, commit_message, commit_tree, dispatch, missing_objects, publish,
    remote_objects, render_branch, rerun_failed_jobs,
};
pub use pull_request::{
    ExistingPullRequest, PullRequestMarker, PullRequestState, PullRequestText, close_pull_request,
    existing_pull_requests, has_open_pull_request, open_pull_request,
};
pub use review::{ReviewComment, ReviewableLines, review, reviewable_lines};
pub use triggers::{Triggers, read_triggers};
