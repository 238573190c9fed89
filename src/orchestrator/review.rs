//! Offers heals for review: one pull request per root cause and branch. An earlier run's is found again and brought up to
//! date, what people rejected is not offered twice, and what is no longer needed is closed.

use crate::contract::ci::PullRequest;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::{BranchName, CommitSha, MoveFrom, PreparedCommit, RepoPath, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::contract::report::RunReport;
use crate::contract::settings::PullRequestMode;
use crate::github::{
    self, ApiError, ArrangedRun, CiTriggerOptions, Client, ExistingPullRequest, Permission,
    PullRequestMarker, PullRequestState, PullRequestText, StatusComment,
};
use crate::report::{comment, pull_request};

use super::bundle::short_name;
use super::journal::Journal;
use super::outcome_from::api_outcome;
use super::publisher::{BranchTarget, GitHubRepo, Publisher, PushedRevision, Rerun, RootCause};

impl Publisher {
    /// Where the failing branch stands now, if that is no longer where it failed.
    pub(super) async fn moved_base(&self) -> Result<Option<CommitSha>, Outcome> {
        let Some((repo, base)) = self.github.as_ref().and_then(|repo| Some((repo, repo.base.as_ref()?)))
        else {
            return Ok(None);
        };
        let now =
            github::branch_head(&repo.client, &repo.repository, base).await.map_err(|e| api_outcome(&e))?;
        Ok(now.filter(|now| *now != self.head))
    }

    /// Where `commits` go: on the last round's, on the failing branch where the user wants them there, on an earlier heal
    /// of the same root cause, or on a branch of their own.
    pub(super) async fn branch_target(
        &self,
        previous: Option<&PushedRevision>,
        cause: &RootCause,
        journal: &Journal,
        commits: &[PreparedCommit],
    ) -> Result<BranchTarget, Outcome> {
        if let Some(round) = previous {
            let from = MoveFrom::FastForward(round.tip.clone());
            return Ok(BranchTarget::Existing(round.branch.clone(), from));
        }
        if self.in_place {
            return Ok(BranchTarget::Existing(self.branch.clone(), MoveFrom::FastForward(self.head.clone())));
        }
        let Some((repo, base)) = self.github.as_ref().and_then(|repo| Some((repo, repo.base.as_ref()?)))
        else {
            return Ok(BranchTarget::New);
        };
        let look = async |look| {
            github::existing_pull_requests(&repo.client, &repo.repository, base, look)
                .await
                .map_err(|e| api_outcome(&e))
        };
        let same_cause = |heal: &ExistingPullRequest| heal.mark.cause == cause.as_str();
        for heal in look(PullRequestState::Open).await?.into_iter().filter(same_cause) {
            let at = github::branch_head(&repo.client, &repo.repository, &heal.branch)
                .await
                .map_err(|e| api_outcome(&e))?;
            let Some(at) = at else { continue };
            if heal.mark.tip.as_ref().is_some_and(|tip| *tip != at) {
                return Err(worked_on(&heal));
            }
            let tree = github::commit_tree(&repo.client, &repo.repository, &at)
                .await
                .map_err(|e| api_outcome(&e))?;
            if commits.last().is_some_and(|last| last.tree == tree) {
                return Ok(BranchTarget::UpToDate(heal.branch, at));
            }
            return Ok(BranchTarget::Existing(heal.branch, MoveFrom::Replace(at)));
        }
        let patch = short_name(&journal.report().diff);
        let rejected = look(PullRequestState::Rejected).await?;
        match rejected.into_iter().find(|heal| same_cause(heal) && heal.mark.patch == patch) {
            Some(heal) => Err(rejected_before(&heal)),
            None => Ok(BranchTarget::New),
        }
    }

    /// Chooses how CI gets to run, and opens the pull request where one is wanted. Later rounds stay on theirs.
    pub(super) async fn arrange_ci_run(
        &self,
        changed: &[RepoPath],
        previous: Option<&PushedRevision>,
        revision: &PushedRevision,
        journal: &Journal,
    ) -> Result<Option<ArrangedRun>, Outcome> {
        let Some(repo) = &self.github else { return Ok(None) };
        let text = self.text(repo, &journal.report(), revision);
        if let Some(arranged) = previous.and_then(|r| r.arranged.clone()) {
            if arranged.pull_request.is_some() {
                self.open(repo, &revision.branch, &text).await.map_err(|e| api_outcome(&e))?;
            }
            return Ok(Some(arranged));
        }
        let options = CiTriggerOptions {
            token_starts_runs: repo.token.kind.starts_runs(),
            may_dispatch: repo.token.permissions.actions,
            may_open_pull_request: repo.token.permissions.pull_requests,
            pull_request: repo.pull_request,
            workflow_file: repo.workflow_file.as_deref(),
            triggers: &repo.triggers,
            branch: &revision.branch,
            base: repo.base.as_ref().filter(|_| !self.in_place),
            changed,
            open_pull_request_into: repo.open_pull_request_into.as_ref().filter(|_| self.in_place),
            has_approval_runs: repo.has_approval_runs,
        };
        github::arrange_ci_run(&repo.client, &repo.repository, &options, &text)
            .await
            .map(Some)
            .map_err(|e| api_outcome(&e))
    }

    fn text(&self, repo: &GitHubRepo, report: &RunReport, revision: &PushedRevision) -> PullRequestText {
        PullRequestText {
            title: self.redactor.redact(&pull_request::title(report, &self.commit_prefix)),
            body: self.redactor.redact(&pull_request::body(report)),
            draft: repo.pull_request == PullRequestMode::Draft,
            mark: PullRequestMarker {
                cause: revision.cause.as_str().to_owned(),
                job: self.job.clone(),
                patch: short_name(&report.diff),
                tip: Some(revision.tip.clone()),
            },
        }
    }

    async fn open(
        &self,
        repo: &GitHubRepo,
        branch: &BranchName,
        text: &PullRequestText,
    ) -> Result<Option<PullRequest>, ApiError> {
        match repo.base.as_ref().filter(|base| *base != branch) {
            Some(base) => {
                github::open_pull_request(&repo.client, &repo.repository, base, branch, text).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// What is left to say on GitHub at the end of a run. Trouble with it is a warning: the verdict stands.
    pub async fn conclude(&self, revision: Option<&PushedRevision>, journal: &Journal) {
        let report = journal.report();
        let trouble = match report.outcome {
            Outcome::AlreadyGreen => self.close_obsolete(&report, journal).await,
            _ => match revision {
                Some(revision) => self.offer_for_review(&report, revision, journal).await,
                None => Ok(()),
            },
        };
        let unsuggested = self.suggest(journal).await;
        let not_rerun = self.run_again(&report).await;
        let unsaid = self.comment(journal).await;
        for what in [trouble, unsuggested, not_rerun, unsaid].into_iter().filter_map(Result::err) {
            journal.emit(Event::Warning { what });
        }
    }

    /// Has the failed jobs run once more where the failure does not repeat.
    async fn run_again(&self, report: &RunReport) -> Result<(), String> {
        let Some(repo) = &self.github else { return Ok(()) };
        if !matches!(report.outcome, Outcome::Flaky { .. } | Outcome::NotReproduced { .. }) {
            return Ok(());
        }
        match repo.rerun {
            Rerun::Off => Ok(()),
            Rerun::NotOver => {
                Err("`rerun-flaky` has no effect here: GitHub runs a job again only when its run is \
                                   over; heal from a workflow of its own (`workflow_run`)"
                    .to_owned())
            }
            Rerun::WasAgain => {
                Err("the failed jobs are not run a third time (`rerun-flaky` does it once)".to_owned())
            }
            Rerun::Run(run) => {
                github::rerun_failed_jobs(&repo.client, &repo.repository, run).await.map_err(|e| {
                    format!("the failed jobs could not be run again, which needs actions: write: {e}")
                })
            }
        }
    }

    /// Says in the failing pull request how it ended, in one comment that is kept up to date.
    async fn comment(&self, journal: &Journal) -> Result<(), String> {
        let Some(repo) = &self.github else { return Ok(()) };
        let Some(number) = repo.failing_pull_request else { return Ok(()) };
        if repo.token.permissions.pull_requests == Permission::No {
            return Ok(());
        }
        let report = journal.report();
        let body = match report.outcome {
            Outcome::AlreadyGreen => comment::closed(&report),
            _ => comment::body(&report),
        };
        let body = self.redactor.redact(&body);
        let said =
            StatusComment { number, job: &self.job, body: &body, may_begin: comment::is_worth_it(&report) };
        github::write_comment(&repo.client, &repo.repository, &said).await.map_err(|e| no_comment(&e))
    }

    /// Tells the open pull request how it ended; opens one for a heal that needed none to get its CI run.
    async fn offer_for_review(
        &self,
        report: &RunReport,
        revision: &PushedRevision,
        journal: &Journal,
    ) -> Result<(), String> {
        let Some(repo) = &self.github else { return Ok(()) };
        let arranged = revision.arranged.as_ref();
        let is_open = arranged.is_some_and(|c| c.pull_request.is_some());
        // What GitHub refused once has been told already.
        let was_refused = arranged.is_some_and(|c| !c.notes.is_empty());
        let is_wanted = match report.outcome {
            Outcome::Healed => repo.pull_request == PullRequestMode::Auto,
            // Only with one may it be out at all.
            Outcome::Partial { .. } => repo.pull_request != PullRequestMode::Never,
            _ => false,
        };
        let opens = is_wanted
            && !self.in_place
            && repo.token.permissions.pull_requests != Permission::No
            && !was_refused;
        if !is_open && !opens {
            return Ok(());
        }
        let text = self.text(repo, report, revision);
        match self.open(repo, &revision.branch, &text).await {
            Ok(pull_request) => {
                if let Some(pull_request) = pull_request.filter(|_| !is_open) {
                    journal.emit(Event::PullRequestOpened { pull_request });
                }
                Ok(())
            }
            Err(error) if is_open => {
                Err(format!("the pull request does not show the end of the run: {error}"))
            }
            Err(error) => {
                let hint = error.hint().map_or(String::new(), |hint| format!(" ({hint})"));
                Err(format!("the heal is not offered as a pull request: {error}{hint}"))
            }
        }
    }

    /// The job is green without a heal: those that are open for it are not needed.
    async fn close_obsolete(&self, report: &RunReport, journal: &Journal) -> Result<(), String> {
        let Some((repo, base)) = self.github.as_ref().and_then(|repo| Some((repo, repo.base.as_ref()?)))
        else {
            return Ok(());
        };
        let trouble = |e: ApiError| format!("heals that are no longer needed may be open: {e}");
        let heals =
            github::existing_pull_requests(&repo.client, &repo.repository, base, PullRequestState::Open)
                .await
                .map_err(trouble)?;
        let why = pull_request::no_longer_needed(report);
        let jobs = std::slice::from_ref(&self.job);
        close_heals(&repo.client, &repo.repository, &heals, jobs, &why, journal).await
    }
}

pub(super) fn no_comment(error: &ApiError) -> String {
    format!("the comment in the pull request does not show the end of the run: {error}")
}

/// Closes the heals of these jobs.
pub(super) async fn close_heals(
    client: &Client,
    repo: &RepoSlug,
    heals: &[ExistingPullRequest],
    jobs: &[String],
    why: &str,
    journal: &Journal,
) -> Result<(), String> {
    for heal in heals.iter().filter(|heal| jobs.contains(&heal.mark.job)) {
        github::close_pull_request(client, repo, heal, why)
            .await
            .map_err(|e| format!("heals that are no longer needed may be open: {e}"))?;
        let what = format!("closed {}: the branch is green without it", heal.reference.url);
        journal.emit(Event::Progress { what });
    }
    Ok(())
}

fn worked_on(heal: &ExistingPullRequest) -> Outcome {
    Outcome::Refused {
        why: format!("{} heals the same failure, and its branch has commits of others", heal.reference.url),
        remedy: Some("merge or close it, then run again; the fix is in the patch file".to_owned()),
    }
}

fn rejected_before(heal: &ExistingPullRequest) -> Outcome {
    Outcome::Refused {
        why: format!("the same fix was offered in {} and closed without being merged", heal.reference.url),
        remedy: Some("reopen it, or fix the failure in another way".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_run_again_once_and_only_when_it_is_over() {
        assert_eq!(Rerun::of(false, true, Some(7), Some(1)), Rerun::Off);
        assert_eq!(Rerun::of(true, false, Some(7), Some(1)), Rerun::NotOver);
        assert_eq!(Rerun::of(true, true, Some(7), Some(1)), Rerun::Run(7));
        assert_eq!(Rerun::of(true, true, Some(7), Some(2)), Rerun::WasAgain);
    }
}
