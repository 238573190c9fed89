//! Brings kept commits to where people see them, and fetches the verdict of CI on them.
//!
//! Joins the git and GitHub layers: both publish modes make the same trees from the same edits; the branch moves only by
//! compare-and-swap.

use std::time::{Duration, SystemTime};

use crate::contract::bug::{Diagnosis, Fingerprint};
use crate::contract::ci::{CiResult, CiVerdict, Published};
use crate::contract::event::{Event, EventSink};
use crate::contract::git::{BranchName, CommitSha, Identity, MoveFrom, PreparedCommit, RepoPath, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::contract::report::{CommitReport, RunReport};
use crate::contract::settings::{CommitMode, PullRequestMode};
use crate::git::{self, CommitRequest, DEFAULT_GIT_TIMEOUT, GitError, Remote, Workspace};
use crate::github::{self, ApiError, ArrangedRun, Client, TokenFacts, Triggers, Watch};
use crate::parser::{self, ParseOptions};

use super::offer::name;

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
    /// Where the failing branch itself wants to be merged, by a pull request that is open.
    pub open_pull_request_into: Option<BranchName>,
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
    /// The heal goes upon the failing branch itself, as `branch` says, and not on one of its own.
    pub in_place: bool,
    /// The commit a heal sits on: the branch's or the pull request's head.
    pub head: CommitSha,
    pub commit_prefix: String,
    /// The root cause, for finding an earlier heal of it.
    pub cause: String,
    /// The job that failed, in a word that stays the same over runs.
    pub job: String,
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
    pub arranged: Option<ArrangedRun>,
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
        let base_moved_to = self.moved_base().await?;
        let place = self.place(report, &commits).await?;
        let (branch, tip) = match (place, self.mode) {
            (Place::Standing(branch, tip), _) => (branch, tip),
            (Place::At(branch, from), CommitMode::Git) => {
                self.push(workspace, &[branch], &from, &commits).await?
            }
            (Place::At(branch, from), CommitMode::Api) => self.create(&[branch], &from, &commits).await?,
            (Place::New, CommitMode::Git) => {
                self.push(workspace, &self.names(), &MoveFrom::Absent, &commits).await?
            }
            (Place::New, CommitMode::Api) => self.create(&self.names(), &MoveFrom::Absent, &commits).await?,
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
            mode: self.mode.as_str().to_owned(),
            pull_request: None,
            url,
            base_moved_to,
            in_place: self.in_place,
        };
        report.push = Some(published.clone());
        let arranged = self.arrange_ci_run(&paths, report, &tip).await?;
        if let Some(arranged) = &arranged {
            published.pull_request.clone_from(&arranged.pull_request);
            for note in &arranged.notes {
                sink.emit(Event::Warning { what: note.clone() });
                report.warnings.push(note.clone());
            }
        }
        report.push = Some(published.clone());
        sink.emit(Event::Published { published: Box::new(published) });
        let local_tip = commits.last().map_or_else(|| parent.clone(), |c| c.commit.clone());
        self.last = Some(Round { tip, local_tip, arranged });
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
            let heads = git::heads(remote, branch, DEFAULT_GIT_TIMEOUT).await.map_err(|e| git_outcome(&e))?;
            if heads.default_branch.as_ref() == Some(branch) {
                return Err(default_branch(branch));
            }
            if *from == MoveFrom::Absent && heads.branch.is_some() {
                // Someone's, or an earlier run's: theirs to keep.
                continue;
            }
            return match git::push(workspace.git_dir(), remote, branch, from, commits, DEFAULT_GIT_TIMEOUT)
                .await
            {
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
        for branch in names {
            match github::publish(&hub.client, &hub.repository, default, branch, from, commits).await {
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

    /// Names the root cause by the failures of the unchanged code; matrix legs and later runs see the same ones.
    pub fn be_about(&mut self, mut failures: Vec<Fingerprint>) {
        failures.sort();
        failures.dedup();
        let mut text: Vec<String> = failures.into_iter().map(|f| f.0).collect();
        if text.is_empty() {
            // Nothing is known of the cause: only the same commit's heal is the same.
            text.push(self.head.to_string());
        }
        self.cause = name(&text.join("\n"));
    }

    /// Waits for CI on what was published last.
    pub async fn watch(&self, sink: &dyn EventSink) -> Result<Seen, ApiError> {
        let (Some(hub), Some(round)) = (&self.hub, &self.last) else {
            let why = "nothing is known of GitHub here".to_owned();
            return Ok(Seen::Verdict(no_verdict(CiVerdict::Skipped { why })));
        };
        let Some(arranged) = &round.arranged else {
            let why = "no CI was asked for".to_owned();
            return Ok(Seen::Verdict(no_verdict(CiVerdict::Skipped { why })));
        };
        let result = github::watch(Watch {
            client: &hub.client,
            repo: &hub.repository,
            branch: &self.branch,
            head: &round.tip,
            workflow_file: hub.workflow_file.as_deref(),
            trigger: &arranged.trigger,
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

/// Where a round goes.
pub(super) enum Place {
    /// A branch of its own.
    New,
    /// An earlier heal's branch, or the last round's.
    At(BranchName, MoveFrom),
    /// There already.
    Standing(BranchName, CommitSha),
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
