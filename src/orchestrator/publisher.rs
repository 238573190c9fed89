//! Brings kept commits to where people see them, and fetches the verdict of CI on them.
//!
//! Joins the git and GitHub layers: both publish modes make the same trees from the same edits; the branch moves only by
//! compare-and-swap.

use std::time::{Duration, SystemTime};

use crate::config::{CommitMode, PullRequestMode};
use crate::contract::bug::{Diagnosis, Fingerprint};
use crate::contract::ci::{CiResult, CiVerdict, Published};
use crate::contract::event::{Event, EventSink};
use crate::contract::git::{BranchName, CommitSha, Identity, MoveFrom, PreparedCommit, RepoPath, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::contract::report::{CommitReport, RunReport};
use crate::git::{self, CommitRequest, DEFAULT_GIT_TIMEOUT, GitError, Remote, Workspace};
use crate::github::{
    self, ApiError, Client, Climbed, Ladder, PullRequestPolicy, PullRequestText, TokenFacts, Triggers, Watch,
};
use crate::parser::{self, ParseOptions};
use crate::report::pull_request;

use super::bundle::sha256;

/// Branch names tried when the first is someone else's.
const NAMES: u32 = 9;
/// Between two looks for what GitHub shows late.
const LAG: Duration = Duration::from_secs(3);

/// Most of a CI job's log that is kept: head and tail.
const LOG_BYTES: usize = 16 << 20;

/// GitHub, where we talk to it.
pub struct Hub {
    pub client: Client,
    pub repository: RepoSlug,
    pub token: TokenFacts,
    pub triggers: Triggers,
    /// The workflow that failed: the verdict is about it.
    pub workflow_file: Option<String>,
    /// Where a pull request of the heal goes: the failing branch.
    pub base: Option<BranchName>,
    pub pull_request: PullRequestMode,
    pub has_approval_runs: bool,
    pub timeouts: github::Timeouts,
}

/// Where and how heals go out.
pub struct Publisher {
    pub mode: CommitMode,
    /// For `git`: where to push.
    pub remote: Option<Remote>,
    pub hub: Option<Hub>,
    pub default_branch: Option<BranchName>,
    pub branch: BranchName,
    /// The commit a heal sits on: the branch's or the pull request's head.
    pub head: CommitSha,
    pub commit_prefix: String,
    /// The root cause, for finding an earlier heal of it.
    pub fingerprint: String,
    /// For links.
    pub server_url: Option<String>,
    pub repository: Option<RepoSlug>,
    /// What the last round published.
    pub last: Option<Round>,
}

#[derive(Debug, Clone)]
pub struct Round {
    pub tip: CommitSha,
    /// The tip's commit in the private clone, on which the next round builds.
    pub local_tip: CommitSha,
    pub climbed: Option<Climbed>,
}

/// What CI showed.
pub enum Seen {
    Verdict(CiResult),
    /// Red, and its log says this.
    Red(CiResult, Box<Diagnosis>, Vec<u8>),
}

impl Publisher {
    /// Publishes `requests` one upon the other. The outcome says why not, where that is so.
    pub async fn publish(
        &mut self,
        workspace: &mut Workspace,
        requests: &[CommitRequest],
        report: &mut RunReport,
        sink: &dyn EventSink,
    ) -> Result<(), Outcome> {
        let parent = self.last.as_ref().map_or_else(|| self.head.clone(), |r| r.local_tip.clone());
        let paths: Vec<RepoPath> =
            requests.iter().flat_map(|r| r.changes.iter().map(|c| c.path.clone())).collect();
        self.have(workspace, &parent, &paths).await?;
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let mut commits = workspace
            .prepare(&parent, requests, &Identity::github_actions(), time)
            .map_err(|e| stale_or_error(&e, &parent))?;
        // A commit of an earlier round has another name on GitHub than in the clone.
        if let (Some(round), Some(first)) = (&self.last, commits.first_mut()) {
            first.parent = round.tip.clone();
        }
        sink.emit(Event::Progress { what: format!("publishing {}", self.branch) });
        let (branch, tip) = match self.mode {
            CommitMode::Git => self.push(workspace, &commits).await?,
            CommitMode::Api => self.create(&commits).await?,
        };
        self.branch = branch;
        let url = match (&self.server_url, &self.repository) {
            (Some(server), Some(repository)) => Some(format!("{server}/{repository}/tree/{}", self.branch)),
            _ => None,
        };
        report.commits.extend(commits.iter().enumerate().map(|(i, c)| CommitReport {
            sha: if i + 1 == commits.len() { tip.clone() } else { c.commit.clone() },
            message: c.message.clone(),
            files: c.entries.iter().map(|e| e.path.clone()).collect(),
        }));
        let mut published = Published {
            branch: self.branch.clone(),
            commit: tip.clone(),
            mode: match self.mode {
                CommitMode::Api => "api".to_owned(),
                CommitMode::Git => "git".to_owned(),
            },
            pull_request: None,
            url,
        };
        report.push = Some(published.clone());
        let climbed = self.climb(&paths, report).await?;
        if let Some(climbed) = &climbed {
            published.pull_request.clone_from(&climbed.pull_request);
            for note in &climbed.notes {
                sink.emit(Event::Warning { what: note.clone() });
                report.warnings.push(note.clone());
            }
        }
        report.push = Some(published.clone());
        sink.emit(Event::Published { published: Box::new(published) });
        let local_tip = commits.last().map_or_else(|| parent.clone(), |c| c.commit.clone());
        self.last = Some(Round { tip, local_tip, climbed });
        Ok(())
    }

    /// Makes sure the clone knows the commit to build on.
    async fn have(
        &self,
        workspace: &mut Workspace,
        parent: &CommitSha,
        paths: &[RepoPath],
    ) -> Result<(), Outcome> {
        if workspace.has_commit(parent) {
            return Ok(());
        }
        match (&self.hub, &self.remote) {
            (Some(hub), _) => {
                let objects = github::remote_objects(&hub.client, &hub.repository, parent, paths)
                    .await
                    .map_err(|e| api_outcome(&e))?;
                workspace.import(objects).map_err(|e| git_outcome(&e))
            }
            (None, Some(remote)) => git::fetch(workspace.git_dir(), remote, parent, DEFAULT_GIT_TIMEOUT)
                .await
                .map_err(|e| git_outcome(&e)),
            (None, None) => Err(Outcome::Refused {
                why: format!("commit {} is not in the checkout", parent.short()),
                remedy: Some("check the branch out with its history, or pass github-token".to_owned()),
            }),
        }
    }

    async fn push(
        &self,
        workspace: &Workspace,
        commits: &[PreparedCommit],
    ) -> Result<(BranchName, CommitSha), Outcome> {
        let Some(remote) = &self.remote else {
            return Err(Outcome::Refused {
                why: "the repository has no remote to push to".to_owned(),
                remedy: Some("add a remote named origin, or use --no-push".to_owned()),
            });
        };
        let tip = commits.last().map(|c| c.commit.clone()).ok_or_else(nothing_to_publish)?;
        for branch in self.names() {
            let heads =
                git::heads(remote, &branch, DEFAULT_GIT_TIMEOUT).await.map_err(|e| git_outcome(&e))?;
            if heads.default_branch.as_ref() == Some(&branch) {
                return Err(default_branch(&branch));
            }
            let from = match (&self.last, heads.branch) {
                (Some(round), _) => MoveFrom::FastForward(round.tip.clone()),
                (None, None) => MoveFrom::Absent,
                // Someone's, or an earlier run's: theirs to keep.
                (None, Some(_)) => continue,
            };
            return match git::push(workspace.git_dir(), remote, &branch, &from, commits, DEFAULT_GIT_TIMEOUT)
                .await
            {
                Ok(_) => Ok((branch, tip)),
                Err(error) => Err(git_outcome(&error)),
            };
        }
        Err(names_taken(&self.branch))
    }

    async fn create(&self, commits: &[PreparedCommit]) -> Result<(BranchName, CommitSha), Outcome> {
        let Some(hub) = &self.hub else {
            return Err(Outcome::Refused {
                why: "commit-mode api needs GitHub's API".to_owned(),
                remedy: Some("pass github-token, or use commit-mode: git".to_owned()),
            });
        };
        let Some(default) = &self.default_branch else {
            return Err(Outcome::Refused {
                why: "GitHub does not say which branch is the default".to_owned(),
                remedy: None,
            });
        };
        let mut names = self.names();
        let mut from = self.last.as_ref().map(|r| MoveFrom::FastForward(r.tip.clone()));
        if from.is_none()
            && let Some(base) = &hub.base
            && let Some((_, branch)) =
                github::find_pull_request(&hub.client, &hub.repository, base, &self.fingerprint)
                    .await
                    .map_err(|e| api_outcome(&e))?
        {
            // The same root cause has an open heal: it is brought up to date instead of another one being opened.
            let at = github::branch_head(&hub.client, &hub.repository, &branch)
                .await
                .map_err(|e| api_outcome(&e))?;
            from = at.map(MoveFrom::Replace);
            names = vec![branch];
        }
        let from = from.unwrap_or(MoveFrom::Absent);
        for branch in names {
            match github::publish(&hub.client, &hub.repository, default, &branch, &from, commits).await {
                Ok(tip) => return Ok((branch, tip)),
                Err(ApiError::Moved { .. }) if from == MoveFrom::Absent => {}
                Err(error) => return Err(api_outcome(&error)),
            }
        }
        Err(names_taken(&self.branch))
    }

    /// The branch, then the same with a number, should it be taken. Later rounds stay on theirs.
    fn names(&self) -> Vec<BranchName> {
        let mut names = vec![self.branch.clone()];
        if self.last.is_none() {
            let numbered = (2..=NAMES).filter_map(|n| BranchName::new(&format!("{}-{n}", self.branch)).ok());
            names.extend(numbered);
        }
        names
    }

    /// Chooses how CI gets to run, and opens the pull request where one is wanted.
    async fn climb(&self, changed: &[RepoPath], report: &RunReport) -> Result<Option<Climbed>, Outcome> {
        let Some(hub) = &self.hub else { return Ok(None) };
        if let Some(climbed) = self.last.as_ref().and_then(|r| r.climbed.clone()) {
            return Ok(Some(climbed));
        }
        let text = self.text(hub, report);
        let ladder = Ladder {
            token_starts_runs: hub.token.kind.starts_runs(),
            may_dispatch: hub.token.rights.actions,
            may_open_pull_request: hub.token.rights.pull_requests,
            pull_request: policy(hub.pull_request),
            workflow_file: hub.workflow_file.as_deref(),
            triggers: &hub.triggers,
            branch: &self.branch,
            base: hub.base.as_ref(),
            changed,
            open_pull_request_into: None,
            has_approval_runs: hub.has_approval_runs,
        };
        github::climb(&hub.client, &hub.repository, &ladder, &text)
            .await
            .map(Some)
            .map_err(|e| api_outcome(&e))
    }

    fn text(&self, hub: &Hub, report: &RunReport) -> PullRequestText {
        PullRequestText {
            title: pull_request::title(report, &self.commit_prefix),
            body: pull_request::body(report, ""),
            draft: hub.pull_request == PullRequestMode::Draft,
            fingerprint: self.fingerprint.clone(),
        }
    }

    /// Names the root cause by the failures of the unchanged code; matrix legs and later runs see the same ones.
    pub fn be_about(&mut self, mut failures: Vec<Fingerprint>) {
        failures.sort();
        failures.dedup();
        let mut text: Vec<String> = failures.into_iter().map(|f| f.0).collect();
        if text.is_empty() {
            // Nothing is known of the cause: only the same commit's heal is the same.
            text.push(self.head.to_string());
        }
        self.fingerprint = sha256(text.join("\n").as_bytes()).chars().take(16).collect();
    }

    /// Tells the open pull request how it ended.
    pub async fn update_pull_request(&self, report: &mut RunReport) {
        let opened =
            self.last.as_ref().and_then(|r| r.climbed.as_ref()).and_then(|c| c.pull_request.as_ref());
        let (Some(hub), Some(_)) = (&self.hub, opened) else { return };
        let Some(base) = &hub.base else { return };
        let text = self.text(hub, report);
        let updated =
            github::open_pull_request(&hub.client, &hub.repository, base, &self.branch, &text).await;
        if let Err(error) = updated {
            report.warnings.push(format!("the pull request does not show the end of the run: {error}"));
        }
    }

    /// Waits for CI on what was published last.
    pub async fn watch(&self, sink: &dyn EventSink) -> Result<Seen, ApiError> {
        let (Some(hub), Some(round)) = (&self.hub, &self.last) else {
            let why = "nothing is known of GitHub here".to_owned();
            return Ok(Seen::Verdict(no_verdict(CiVerdict::Skipped { why })));
        };
        let Some(climbed) = &round.climbed else {
            let why = "no CI was asked for".to_owned();
            return Ok(Seen::Verdict(no_verdict(CiVerdict::Skipped { why })));
        };
        let result = github::watch(Watch {
            client: &hub.client,
            repo: &hub.repository,
            branch: &self.branch,
            head: &round.tip,
            workflow_file: hub.workflow_file.as_deref(),
            rung: &climbed.rung,
            timeouts: &hub.timeouts,
            sink,
        })
        .await?;
        if result.verdict != CiVerdict::Failed {
            return Ok(Seen::Verdict(result));
        }
        let Some(run) = &result.run else { return Ok(Seen::Verdict(result)) };
        let mut log = Vec::new();
        for job in github::failed_run_jobs(&hub.client, &hub.repository, run, LAG).await? {
            log.extend(github::job_log(&hub.client, &hub.repository, &job, LOG_BYTES, LAG).await?.bytes);
            log.push(b'\n');
        }
        let diagnosis = parser::diagnose(log.as_slice(), &ParseOptions::default()).unwrap_or_default();
        Ok(Seen::Red(result, Box::new(diagnosis), log))
    }
}

#[must_use]
pub fn policy(mode: PullRequestMode) -> PullRequestPolicy {
    match mode {
        PullRequestMode::Auto => PullRequestPolicy::Auto,
        PullRequestMode::Always => PullRequestPolicy::Always,
        PullRequestMode::Draft => PullRequestPolicy::Draft,
        PullRequestMode::Never => PullRequestPolicy::Never,
    }
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

fn git_outcome(error: &GitError) -> Outcome {
    Outcome::Error { what: with_hint(error.to_string(), error.hint()) }
}

pub fn api_outcome(error: &ApiError) -> Outcome {
    match error {
        ApiError::Forbidden { .. } | ApiError::DefaultBranch { .. } | ApiError::Moved { .. } => {
            Outcome::Refused { why: error.to_string(), remedy: error.hint() }
        }
        error => Outcome::Error { what: with_hint(error.to_string(), error.hint()) },
    }
}

fn with_hint(what: String, hint: Option<impl std::fmt::Display>) -> String {
    match hint {
        Some(hint) => format!("{what} ({hint})"),
        None => what,
    }
}
