//! An in-memory GitHub over HTTP with a real git repository behind it: REST, Git Data, smart HTTP, a scripted CI, and the
//! habits that trip programs up (tokens whose pushes start nothing, late runs, redirects that want no token, limits).

mod actions;
mod answer;
mod artifacts;
mod comments;
mod contract;
mod data;
mod pulls;
mod repositories;
mod server;
mod smart_http;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use ci_healer::contract::git::RepoSlug;
use ci_healer::github::{Client, ClientOptions, RetryPolicy};
use ci_healer::http::{self, Redirects};
use ci_healer::scope::Scope;
use secrecy::SecretString;

use super::git::git;

pub(crate) use actions::{CiScript, FakeJob, FakeRun};
pub(crate) use artifacts::FakeArtifact;
pub(crate) use comments::FakeComment;
pub(crate) use pulls::{FakePull, FakeReview};
pub(crate) use repositories::FakeAction;

/// The repository's name on the fake.
pub(crate) const SLUG: &str = "octo/widget";

/// Tokens every fake knows, by kind.
pub(crate) const JOB_TOKEN: &str = "ghs_job";
pub(crate) const READ_ONLY_JOB_TOKEN: &str = "ghs_readonly";
pub(crate) const APP_TOKEN: &str = "ghs_app";
pub(crate) const CLASSIC_PAT: &str = "ghp_classic";
pub(crate) const FINE_GRAINED_PAT: &str = "github_pat_fine";

/// What a token may do there.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    /// `github-actions[bot]` is the job's own, whose pushes start nothing.
    pub(crate) login: &'static str,
    pub(crate) scopes: Option<&'static str>,
    pub(crate) contents: bool,
    pub(crate) actions: bool,
    pub(crate) pull_requests: bool,
    pub(crate) workflows: bool,
}

impl Token {
    fn starts_runs(&self) -> bool {
        self.login != "github-actions[bot]"
    }
}

/// The three generations of the dispatch call, and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DispatchApi {
    /// 204, and an unknown field is an error.
    Strict,
    /// 204, or the run's details on request.
    OnRequest,
    /// Always the run's details; the field that asked for them is gone.
    Always,
}

/// Something that goes wrong with the next matching request.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    Status(u16),
    SecondaryLimit {
        retry_after: u64,
    },
    PrimaryLimit,
    /// The body ends early.
    CutOff,
    NotJson,
    /// No answer within any patience.
    Hang,
}

/// What can be set before and changed during a story.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) default_branch: String,
    pub(crate) archived: bool,
    /// "Allow GitHub Actions to create and approve pull requests"
    pub(crate) actions_may_open_pull_requests: bool,
    pub(crate) dispatch: DispatchApi,
    /// GitHub Enterprise Server: no approval runs.
    pub(crate) enterprise: bool,
    /// Types of the rules for every branch.
    pub(crate) rules: Vec<&'static str>,
    pub(crate) page_size: usize,
}

#[derive(Debug)]
struct State {
    settings: Settings,
    tokens: BTreeMap<String, Token>,
    scripts: BTreeMap<String, VecDeque<CiScript>>,
    runs: Vec<FakeRun>,
    pulls: Vec<FakePull>,
    comments: Vec<FakeComment>,
    reviews: Vec<FakeReview>,
    faults: VecDeque<(String, Fault)>,
    actions: Vec<FakeAction>,
    artifacts: Vec<FakeArtifact>,
    requests: Vec<String>,
    not_modified: usize,
    violations: Vec<String>,
    next_id: u64,
}

/// The running fake; it stops when dropped, and then nothing may have broken GitHub's contract.
pub(crate) struct FakeGitHub {
    shared: Arc<Shared>,
    api_url: String,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    repo_dir: PathBuf,
    api_url: String,
    /// Another host, as the stores of logs are.
    blob_url: String,
    contract: &'static contract::Contract,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl FakeGitHub {
    /// Serves the bare repository at `repo_dir` on the loopback interface.
    pub(crate) fn start(repo_dir: &Path) -> Self {
        Self::start_on(repo_dir, IpAddr::V4(Ipv4Addr::LOCALHOST), "127.0.0.1")
    }

    /// Serves on `address`; clients reach it by `host`.
    pub(crate) fn start_on(repo_dir: &Path, address: IpAddr, host: &str) -> Self {
        smart_http::prepare(repo_dir);
        let listener = std::net::TcpListener::bind((address, 0)).unwrap();
        let blobs = std::net::TcpListener::bind((address, 0)).unwrap();
        let api_url = format!("http://{host}:{}", listener.local_addr().unwrap().port());
        let blob_url = format!("http://{host}:{}", blobs.local_addr().unwrap().port());
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                settings: Settings {
                    default_branch: "main".to_owned(),
                    archived: false,
                    actions_may_open_pull_requests: true,
                    dispatch: DispatchApi::OnRequest,
                    enterprise: false,
                    rules: Vec::new(),
                    page_size: 100,
                },
                tokens: tokens(),
                scripts: BTreeMap::new(),
                runs: Vec::new(),
                pulls: Vec::new(),
                comments: Vec::new(),
                reviews: Vec::new(),
                faults: VecDeque::new(),
                actions: Vec::new(),
                artifacts: Vec::new(),
                requests: Vec::new(),
                not_modified: 0,
                violations: Vec::new(),
                next_id: 1000,
            }),
            repo_dir: repo_dir.to_owned(),
            api_url: api_url.clone(),
            blob_url,
            contract: contract::Contract::shared(),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::spawn(move || server::serve(served, listener, blobs, stopped));
        Self { shared, api_url, stop: Some(stop), thread: Some(thread) }
    }

    pub(crate) fn api_url(&self) -> &str {
        &self.api_url
    }

    pub(crate) fn git_url(&self) -> String {
        format!("{}/{SLUG}.git", self.api_url)
    }

    pub(crate) fn slug() -> RepoSlug {
        RepoSlug::new(SLUG).unwrap()
    }

    /// A client in a hurry. Needs a running runtime.
    pub(crate) fn client(&self, token: &str) -> Client {
        let policy = RetryPolicy {
            tries: 4,
            first_delay: std::time::Duration::from_millis(5),
            secondary_delay: std::time::Duration::from_millis(5),
            request_timeout: std::time::Duration::from_secs(30),
            call_timeout: std::time::Duration::from_secs(60),
        };
        let options =
            ClientOptions { api_url: self.api_url.clone(), token: Some(SecretString::from(token)), policy };
        let http = http::Client::new(&Scope::unbounded(), None, Redirects::Refuse).unwrap();
        Client::new(http, options).unwrap()
    }

    pub(crate) fn settings(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.shared.state().settings);
    }

    pub(crate) fn token(&self, name: &str, change: impl FnOnce(&mut Token)) {
        change(self.shared.state().tokens.get_mut(name).unwrap());
    }

    /// What the next run of a workflow file does; without one it passes at once.
    pub(crate) fn script(&self, file: &str, script: CiScript) {
        self.shared.state().scripts.entry(file.to_owned()).or_default().push_back(script);
    }

    /// Lets the next request whose `METHOD path` contains `part` fail.
    pub(crate) fn fault(&self, part: &str, fault: Fault) {
        self.shared.state().faults.push_back((part.to_owned(), fault));
    }

    /// Serves another repository, to everybody.
    pub(crate) fn serve_action(&self, action: FakeAction) {
        self.shared.state().actions.push(action);
    }

    /// Keeps an artifact; of one name in one run the last is the newest.
    pub(crate) fn serve_artifact(&self, artifact: FakeArtifact) {
        self.shared.state().artifacts.push(artifact);
    }

    /// Adds a run from before the story; returns its id.
    pub(crate) fn past_run(&self, file: &str, head_sha: &str, branch: &str, script: CiScript) -> u64 {
        let mut state = self.shared.state();
        let id = state.new_run(file, head_sha, branch, "push", script);
        for run in state.runs.iter_mut().filter(|r| r.id == id) {
            run.polls = u32::MAX / 2;
        }
        id
    }

    /// Makes a run that of a pull request from a fork.
    pub(crate) fn is_from_a_fork(&self, id: u64) {
        for run in self.shared.state().runs.iter_mut().filter(|r| r.id == id) {
            run.event = "fork";
        }
    }

    pub(crate) fn runs(&self) -> Vec<FakeRun> {
        self.shared.state().runs.clone()
    }

    pub(crate) fn comments(&self) -> Vec<FakeComment> {
        self.shared.state().comments.clone()
    }

    pub(crate) fn reviews(&self) -> Vec<FakeReview> {
        self.shared.state().reviews.clone()
    }

    /// Somebody says something in a pull request.
    pub(crate) fn comment(&self, number: u64, login: &str, body: &str) {
        comments::add(&self.shared, number, login, body);
    }

    pub(crate) fn pulls(&self) -> Vec<FakePull> {
        self.shared.state().pulls.clone()
    }

    /// A pull request that someone else opened; numbered anew.
    pub(crate) fn add_pull(&self, pull: FakePull) {
        let mut state = self.shared.state();
        let number = state.pulls.len() as u64 + 1;
        state.pulls.push(FakePull { number, ..pull });
    }

    /// What people do with a pull request: close it, merge it, change its text.
    pub(crate) fn change_pull(&self, number: u64, change: impl FnOnce(&mut FakePull)) {
        change(self.shared.state().pulls.iter_mut().find(|p| p.number == number).unwrap());
    }

    /// Every request so far, as `METHOD path`.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.shared.state().requests.clone()
    }

    /// Answers that cost nothing of the limit.
    pub(crate) fn not_modified(&self) -> usize {
        self.shared.state().not_modified
    }

    /// Where a branch stands.
    pub(crate) fn branch(&self, name: &str) -> Option<String> {
        let full = format!("refs/heads/{name}");
        let found = git(&self.shared.repo_dir, &["for-each-ref", "--format=%(objectname)", &full]);
        (!found.is_empty()).then_some(found)
    }
}

impl Drop for FakeGitHub {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        if !std::thread::panicking() {
            let violations = std::mem::take(&mut self.shared.state().violations);
            assert!(violations.is_empty(), "against GitHub's contract:\n{}", violations.join("\n"));
        }
    }
}

fn tokens() -> BTreeMap<String, Token> {
    let all = Token {
        login: "github-actions[bot]",
        scopes: None,
        contents: true,
        actions: true,
        pull_requests: true,
        workflows: false,
    };
    [
        (JOB_TOKEN, all.clone()),
        (READ_ONLY_JOB_TOKEN, Token { contents: false, actions: false, pull_requests: false, ..all.clone() }),
        (APP_TOKEN, Token { login: "healer-app[bot]", ..all.clone() }),
        (CLASSIC_PAT, Token { login: "ada", scopes: Some("repo, workflow"), workflows: true, ..all.clone() }),
        (FINE_GRAINED_PAT, Token { login: "ada", ..all }),
    ]
    .into_iter()
    .map(|(name, token)| (name.to_owned(), token))
    .collect()
}
