//! Brings kept commits to where people see them, and fetches the verdict of CI on them.
//!
//! Joins the git and GitHub layers: both publish modes make the same trees from the same edits; the branch moves only by
//! compare-and-swap.

use std::time::{Duration, SystemTime};

use crate::contract::bug::Fingerprint;
use crate::contract::ci::{CiResult, CiVerdict, Published};
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::{BranchName, CommitSha, Identity, MoveFrom, PreparedCommit, RepoPath, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::contract::report::CommitReport;
use crate::contract::settings::{CommitMode, PullRequestMode};
use crate::git::{self, CommitRequest, DEFAULT_GIT_TIMEOUT, GitError, Remote, Workspace};
use crate::github::{self, ApiError, ArrangedRun, Client, Permission, TokenFacts, Triggers, Watch};
use crate::report::commands::Redactor;
use crate::scope::Scope;

use super::bundle::short_name;
use super::evidence::Evidence;
use super::journal::Journal;
use super::outcome_from::{api_outcome, git_outcome};
use super::way_out::WaysOut;

/// Branch names tried when the first is someone else's.
const NAMES: u32 = 9;
/// Between two looks for what GitHub shows late.
const LAG: Duration = Duration::from_secs(3);

/// Most of a CI job's log that is kept: head and tail.
const LOG_BYTES: usize = 16 << 20;

/// The repository on GitHub, where we talk to it.
pub struct GitHubRepo {
    pub client: Client,
    pub repository: RepoSlug,
    pub token: TokenFacts,
    pub triggers: Triggers,
    /// The workflow that failed: the verdict is about it.
    pub workflow_file: Option<String>,
    /// Where a pull request of the heal goes: the failing branch.
    pub base: Option<BranchName>,
    /// Where the failing branch itself wants to be merged, by a pull request that is open.
    pub open_pull_request_into: Option<BranchName>,
    pub pull_request: PullRequestMode,
    /// The pull request whose run failed.
    pub failing_pull_request: Option<u64>,
    /// What becomes of the failed run where its failure does not repeat.
    pub rerun: Rerun,
    pub has_approval_runs: bool,
    pub timeouts: github::Timeouts,
}

/// Whether the failed jobs are run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rerun {
    /// Nobody wants it.
    Off,
    /// We are part of the run, which GitHub runs again only when it is over.
    NotOver,
    /// It is a second attempt already.
    WasAgain,
    Run(u64),
}

impl Rerun {
    /// What `rerun-flaky` comes to for the run that failed.
    #[must_use]
    pub fn of(is_wanted: bool, run_is_over: bool, run: Option<u64>, attempt: Option<u64>) -> Self {
        match (is_wanted, run_is_over, run, attempt) {
            (false, ..) | (true, true, None, _) => Self::Off,
            (true, false, ..) => Self::NotOver,
            (true, true, Some(run), None | Some(1)) => Self::Run(run),
            (true, true, Some(_), Some(_)) => Self::WasAgain,
        }
    }
}

/// Where and how heals go out.
pub struct Publisher {
    pub mode: CommitMode,
    /// For `git`: where to push.
    pub remote: Option<Remote>,
    pub github: Option<GitHubRepo>,
    pub default_branch: Option<BranchName>,
    pub branch: BranchName,
    /// Where a heal goes that is not whole: a branch of its own, whatever `branch` says.
    pub partial_branch: BranchName,
    /// The heal goes upon the failing branch itself, as `branch` says, and not on one of its own.
    pub in_place: bool,
    /// The commit a heal sits on: the branch's or the pull request's head.
    pub head: CommitSha,
    pub commit_prefix: String,
    /// What is said on GitHub passes it.
    pub redactor: Redactor,
    /// The job that failed, in a word that stays the same over runs.
    pub job: String,
    /// For links.
    pub server_url: Option<String>,
    pub repository: Option<RepoSlug>,
    /// How heals may go out beside a pull request of their own.
    pub ways: WaysOut,
    /// What publishing is bound to: longer than the run by its grace.
    pub scope: Scope,
}

/// What was pushed last, and all that later rounds need to know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushedRevision {
    pub branch: BranchName,
    pub tip: CommitSha,
    /// The tip's commit in the private clone, on which the next round builds.
    pub local_tip: CommitSha,
    pub cause: RootCause,
    pub arranged: Option<ArrangedRun>,
}

/// The root cause of a heal, in a word that stays the same over runs and matrix jobs: they see the same failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCause(String);

impl RootCause {
    /// Named by the failures of the unchanged code. Where none is known, only the same commit's heal is the same.
    #[must_use]
    pub fn of(mut failures: Vec<Fingerprint>, head: &CommitSha) -> Self {
        failures.sort();
        failures.dedup();
        let names: Vec<String> = failures.into_iter().map(|f| f.0).collect();
        Self(short_name(&if names.is_empty() { head.to_string() } else { names.join("\n") }))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is to go out.
pub struct Publication<'a> {
    /// One upon the other.
    pub commits: &'a [CommitRequest],
    pub cause: RootCause,
    /// What went out before, where this is not the first.
    pub previous: Option<&'a PushedRevision>,
}

/// What CI showed.
pub enum CiOutcome {
    Verdict(CiVerdict),
    /// Red, and its log says this.
    Red(Box<Evidence>),
}

impl Publisher {
    /// The commit a heal sits on.
    #[must_use]
    pub fn head(&self) -> &CommitSha {
        &self.head
    }

    /// Whether a pull request may be opened here.
    #[must_use]
    pub fn may_offer(&self) -> bool {
        self.github.as_ref().is_some_and(|repo| {
            repo.pull_request != PullRequestMode::Never
                && repo.token.permissions.pull_requests != Permission::No
                && repo.base.is_some()
        })
    }

    /// From here on for what people have to decide on, such as a heal that is not whole: on a branch of its own, and only
    /// where a pull request can say what it is.
    pub fn only_offer(&mut self, what: &str) -> Result<(), Outcome> {
        self.forget_review();
        if !self.may_offer() {
            return Err(Outcome::Refused {
                why: format!("{what} is only published with a pull request, and none may be opened here"),
                remedy: Some(
                    "allow `pull-requests: write` and `pull-request`, or apply the patch by hand".to_owned(),
                ),
            });
        }
        self.branch = self.partial_branch.clone();
        self.in_place = false;
        Ok(())
    }

    /// Publishes. The outcome says why not, where that is so.
    pub async fn publish(
        &self,
        workspace: &mut Workspace,
        publication: Publication<'_>,
        journal: &Journal,
    ) -> Result<PushedRevision, Outcome> {
        let Publication { commits: requests, cause, previous } = publication;
        let parent = previous.map_or_else(|| self.head.clone(), |r| r.local_tip.clone());
        let paths: Vec<RepoPath> =
            requests.iter().flat_map(|r| r.changes.iter().map(|c| c.path.clone())).collect();
        self.ensure_commit(workspace, &parent, &paths).await?;
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let mut commits = workspace
            .prepare(&parent, requests, &Identity::github_actions(), time)
            .map_err(|e| stale_or_error(&e, &parent))?;
        // A commit of an earlier round has another name on GitHub than in the clone.
        if let (Some(round), Some(first)) = (previous, commits.first_mut()) {
            first.parent = round.tip.clone();
        }
        journal.emit(Event::Progress { what: format!("publishing {}", self.branch) });
        let base_moved_to = self.moved_base().await?;
        let target = self.branch_target(previous, &cause, journal, &commits).await?;
        let (branch, tip) = self.move_branch(workspace, target, &commits).await?;
        let published = self.published(&branch, &tip, base_moved_to);
        let told = commits.iter().enumerate().map(|(i, c)| CommitReport {
            sha: if i + 1 == commits.len() { tip.clone() } else { c.commit.clone() },
            message: c.message.clone(),
            files: c.entries.iter().map(|e| e.path.clone()).collect(),
        });
        journal.emit(Event::BranchMoved { commits: told.collect(), published: Box::new(published.clone()) });
        let local_tip = commits.last().map_or_else(|| parent.clone(), |c| c.commit.clone());
        let mut revision = PushedRevision { branch, tip, local_tip, cause, arranged: None };
        revision.arranged = self.arrange_ci_run(&paths, previous, &revision, journal).await?;
        let mut published = published;
        if let Some(arranged) = &revision.arranged {
            published.pull_request.clone_from(&arranged.pull_request);
            for note in &arranged.notes {
                journal.emit(Event::Warning { what: note.clone() });
            }
        }
        journal.emit(Event::Published { published: Box::new(published) });
        Ok(revision)
    }

    /// Puts the commits where they go; the branch and its tip.
    async fn move_branch(
        &self,
        workspace: &Workspace,
        target: BranchTarget,
        commits: &[PreparedCommit],
    ) -> Result<(BranchName, CommitSha), Outcome> {
        let (names, from) = match target {
            BranchTarget::UpToDate(branch, tip) => return Ok((branch, tip)),
            BranchTarget::Existing(branch, from) => (vec![branch], from),
            BranchTarget::New => (self.names(), MoveFrom::Absent),
        };
        match self.mode {
            CommitMode::Git => self.push(workspace, &names, &from, commits).await,
            CommitMode::Api => self.create(&names, &from, commits).await,
        }
    }

    fn published(&self, branch: &BranchName, tip: &CommitSha, base_moved_to: Option<CommitSha>) -> Published {
        let url = match (&self.server_url, &self.repository) {
            (Some(server), Some(repository)) => Some(format!("{server}/{repository}/tree/{branch}")),
            _ => None,
        };
        Published {
            branch: branch.clone(),
            commit: tip.clone(),
            mode: self.mode.as_str().to_owned(),
            pull_request: None,
            url,
            base_moved_to,
            in_place: self.in_place,
            suggested: None,
        }
    }

    /// Makes sure the clone knows the commit to build on.
    async fn ensure_commit(
        &self,
        workspace: &mut Workspace,
        parent: &CommitSha,
        paths: &[RepoPath],
    ) -> Result<(), Outcome> {
        if workspace.has_commit(parent) {
            return Ok(());
        }
        match (&self.github, &self.remote) {
            (Some(repo), _) => {
                let objects = github::remote_objects(&repo.client, &repo.repository, parent, paths)
                    .await
                    .map_err(|e| api_outcome(&e))?;
                workspace.import(objects).map_err(|e| git_outcome(&e))
            }
            (None, Some(remote)) => {
                git::fetch(workspace.git_dir(), remote, parent, &self.scope, DEFAULT_GIT_TIMEOUT)
                    .await
                    .map_err(|e| git_outcome(&e))
            }
            (None, None) => Err(Outcome::Refused {
                why: format!("commit {} is not in the checkout", parent.short()),
                remedy: Some("check the branch out with its history, or pass repo-token".to_owned()),
            }),
        }
    }

    async fn push(
        &self,
        workspace: &Workspace,
        names: &[BranchName],
        from: &MoveFrom,
        commits: &[PreparedCommit],
    ) -> Result<(BranchName, CommitSha), Outcome> {
        let Some(remote) = &self.remote else {
            return Err(Outcome::Refused {
                why: "the repository has no remote to push to".to_owned(),
                remedy: Some("add a remote named origin, or use --no-push".to_owned()),
            });
        };
        let tip = commits.last().map(|c| c.commit.clone()).ok_or_else(nothing_to_publish)?;
        for branch in names {
            let heads = git::heads(remote, branch, &self.scope, DEFAULT_GIT_TIMEOUT)
                .await
                .map_err(|e| git_outcome(&e))?;
            if heads.default_branch.as_ref() == Some(branch) {
                return Err(default_branch(branch));
            }
            if *from == MoveFrom::Absent && heads.branch.is_some() {
                // Someone's, or an earlier run's: theirs to keep.
                continue;
            }
            let (dir, timeout) = (workspace.git_dir(), DEFAULT_GIT_TIMEOUT);
            return match git::push(dir, remote, branch, from, commits, &self.scope, timeout).await {
                Ok(_) => Ok((branch.clone(), tip)),
                Err(error) => Err(git_outcome(&error)),
            };
        }
        Err(names_taken(&self.branch))
    }

    async fn create(
        &self,
        names: &[BranchName],
        from: &MoveFrom,
        commits: &[PreparedCommit],
    ) -> Result<(BranchName, CommitSha), Outcome> {
        let Some(repo) = &self.github else {
            return Err(Outcome::Refused {
                why: "commit-mode api needs GitHub's API".to_owned(),
                remedy: Some("pass repo-token, or use commit-mode: git".to_owned()),
            });
        };
        let Some(default) = &self.default_branch else {
            return Err(Outcome::Refused {
                why: "GitHub does not say which branch is the default".to_owned(),
                remedy: None,
            });
        };
        for branch in names {
            match github::publish(&repo.client, &repo.repository, default, branch, from, commits).await {
                Ok(tip) => return Ok((branch.clone(), tip)),
                Err(ApiError::Moved { .. }) if *from == MoveFrom::Absent => {}
                Err(error) => return Err(api_outcome(&error)),
            }
        }
        Err(names_taken(&self.branch))
    }

    /// The branch, then the same with a number, should it be taken.
    fn names(&self) -> Vec<BranchName> {
        let numbered = (2..=NAMES).filter_map(|n| BranchName::new(&format!("{}-{n}", self.branch)).ok());
        std::iter::once(self.branch.clone()).chain(numbered).collect()
    }

    /// Waits for CI on what was published.
    pub async fn watch(&self, revision: &PushedRevision, journal: &Journal) -> Result<CiOutcome, ApiError> {
        let skipped = |why: &str| {
            let verdict = CiVerdict::Skipped { why: why.to_owned() };
            journal.emit(Event::Watched { result: Box::new(no_verdict(verdict.clone())) });
            Ok(CiOutcome::Verdict(verdict))
        };
        let Some(repo) = &self.github else { return skipped("nothing is known of GitHub here") };
        let Some(arranged) = &revision.arranged else { return skipped("no CI was asked for") };
        let result = github::watch(Watch {
            client: &repo.client,
            repo: &repo.repository,
            branch: &revision.branch,
            head: &revision.tip,
            workflow_file: repo.workflow_file.as_deref(),
            trigger: &arranged.trigger,
            timeouts: &repo.timeouts,
            sink: journal,
        })
        .await?;
        let Some(run) = result.run.as_ref().filter(|_| result.verdict == CiVerdict::Failed) else {
            return Ok(CiOutcome::Verdict(result.verdict));
        };
        let mut log = Vec::new();
        for job in github::failed_run_jobs(&repo.client, &repo.repository, run, LAG).await? {
            log.extend(github::job_log(&repo.client, &repo.repository, &job, LOG_BYTES, LAG).await?.bytes);
            log.push(b'\n');
        }
        Ok(CiOutcome::Red(Box::new(Evidence::of_log(log))))
    }
}

/// Where commits go.
pub(super) enum BranchTarget {
    /// A branch of its own.
    New,
    /// An earlier heal's branch, or the last round's.
    Existing(BranchName, MoveFrom),
    /// There already.
    UpToDate(BranchName, CommitSha),
}

#[must_use]
pub fn no_verdict(verdict: CiVerdict) -> CiResult {
    CiResult { verdict, run: None, others: Vec::new(), requests: 0 }
}

fn nothing_to_publish() -> Outcome {
    Outcome::Error { what: "there is nothing to publish".to_owned() }
}

fn names_taken(branch: &BranchName) -> Outcome {
    Outcome::Refused {
        why: format!("branch {branch} and the names after it exist already"),
        remedy: Some("delete heal branches that are no longer needed, or change `branch`".to_owned()),
    }
}

fn default_branch(branch: &BranchName) -> Outcome {
    Outcome::Refused {
        why: format!("{branch} is the default branch, which is never pushed to"),
        remedy: Some("choose another `branch` template".to_owned()),
    }
}

/// The branch has moved on and the edits do not fit any more, or something broke.
fn stale_or_error(error: &GitError, parent: &CommitSha) -> Outcome {
    match error {
        GitError::DoesNotApply { .. } => Outcome::Refused {
            why: format!("the fix, proven on what CI ran, does not apply to {}: {error}", parent.short()),
            remedy: Some("bring the branch up to date with its base, and run again".to_owned()),
        },
        error => git_outcome(error),
    }
}
