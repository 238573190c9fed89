//! Workflows, runs, jobs and logs: CI as a story scripts it.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State as Extract};
use axum::http::Response;
use ci_healer::contract::git::BranchName;
use ci_healer::github::read_triggers;
use serde_json::{Value, json};

use super::answer::{Answer, TIME, minimal_repository};
use super::data::{resolve, text};
use super::server::{Call, plain};
use super::{DispatchApi, SLUG, Shared, State, Token};

/// Jobs a run has at most.
const JOBS: u64 = 1000;

/// What a run does.
#[derive(Debug, Clone)]
pub(crate) struct CiScript {
    /// Looks at the list until the run shows.
    pub(crate) appears_after: u32,
    /// Looks until it is over.
    pub(crate) runs_for: u32,
    /// `success`, `failure`, …; empty: never over.
    pub(crate) conclusion: &'static str,
    pub(crate) jobs: Vec<FakeJob>,
}

impl CiScript {
    pub(crate) fn passes() -> Self {
        Self {
            appears_after: 0,
            runs_for: 1,
            conclusion: "success",
            jobs: vec![FakeJob::new("test", "success", "ok\n")],
        }
    }

    pub(crate) fn fails(log: &str) -> Self {
        Self { conclusion: "failure", jobs: vec![FakeJob::new("test", "failure", log)], ..Self::passes() }
    }

    pub(crate) fn ends(conclusion: &'static str) -> Self {
        Self { conclusion, ..Self::passes() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct FakeJob {
    pub(crate) name: String,
    /// Empty: it still runs, and has no log.
    pub(crate) conclusion: &'static str,
    /// Name and conclusion; an empty one has not ended.
    pub(crate) steps: Vec<(&'static str, &'static str)>,
    pub(crate) log: String,
    pub(crate) runner: &'static str,
    /// Looks at the job until its steps show, or at the log until it is there.
    pub(crate) lag: u32,
}

impl FakeJob {
    pub(crate) fn new(name: &str, conclusion: &'static str, log: &str) -> Self {
        let steps = vec![("Set up job", "success"), ("Test", conclusion)];
        Self { name: name.to_owned(), conclusion, steps, log: log.to_owned(), runner: "runner-1", lag: 0 }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct FakeRun {
    pub(crate) id: u64,
    pub(crate) file: String,
    pub(crate) head_sha: String,
    pub(crate) branch: String,
    pub(crate) event: &'static str,
    pub(crate) attempt: u64,
    /// Waits for someone to approve it.
    pub(crate) held: bool,
    pub(super) polls: u32,
    pub(super) script: CiScript,
}

impl FakeRun {
    fn is_visible(&self) -> bool {
        self.polls > self.script.appears_after
    }

    /// Status and conclusion as GitHub would show them.
    fn state(&self) -> (&'static str, Option<&'static str>) {
        if self.held {
            return ("completed", Some("action_required"));
        }
        if self.script.conclusion == "waiting" {
            return ("waiting", None);
        }
        let over = self.polls > self.script.appears_after + self.script.runs_for;
        match self.script.conclusion {
            "" => ("in_progress", None),
            conclusion if over => ("completed", Some(conclusion)),
            _ => ("in_progress", None),
        }
    }
}

impl State {
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn new_run(
        &mut self,
        file: &str,
        head_sha: &str,
        branch: &str,
        event: &'static str,
        script: CiScript,
    ) -> u64 {
        let id = self.fresh_id();
        let (file, head_sha, branch) = (file.to_owned(), head_sha.to_owned(), branch.to_owned());
        self.runs.push(FakeRun {
            id,
            file,
            head_sha,
            branch,
            event,
            attempt: 1,
            held: false,
            polls: 0,
            script,
        });
        id
    }

    fn scripted(&mut self, file: &str) -> CiScript {
        self.scripts
            .get_mut(file)
            .and_then(std::collections::VecDeque::pop_front)
            .unwrap_or_else(CiScript::passes)
    }
}

/// Starts what a push starts, unless a job's own token made it.
pub(super) fn pushed(shared: &Shared, token: &Token, full: &str, sha: &str) {
    let Some(name) = full.strip_prefix("refs/heads/") else { return };
    if !token.starts_runs() {
        return;
    }
    let Ok(branch) = BranchName::new(name) else { return };
    for (file, workflow) in workflows(shared, sha) {
        if read_triggers(&workflow).on_push(&branch, &[]) {
            let mut state = shared.state();
            let script = state.scripted(&file);
            state.new_run(&file, sha, name, "push", script);
        }
    }
    let updated: Vec<String> =
        shared.state().pulls.iter().filter(|p| p.open && p.head == name).map(|p| p.base.clone()).collect();
    for base in updated {
        on_pull_request(shared, token, name, &base, sha, "synchronize");
    }
}

/// Starts what a pull request starts: at once, or held for approval where a job's own token opened it.
pub(super) fn on_pull_request(
    shared: &Shared,
    token: &Token,
    head: &str,
    base: &str,
    sha: &str,
    action: &str,
) {
    let Ok(base) = BranchName::new(base) else { return };
    for (file, workflow) in workflows(shared, sha) {
        if !read_triggers(&workflow).on_pull_request(&base, &[], action) {
            continue;
        }
        let mut state = shared.state();
        if !token.starts_runs() && state.settings.enterprise {
            continue;
        }
        let script = state.scripted(&file);
        let id = state.new_run(&file, sha, head, "pull_request", script);
        for run in state.runs.iter_mut().filter(|r| r.id == id) {
            run.held = !token.starts_runs();
        }
    }
}

fn workflows(shared: &Shared, sha: &str) -> Vec<(String, String)> {
    let listing = text(shared, &["ls-tree", "--name-only", sha, ".github/workflows/"]).unwrap_or_default();
    listing
        .lines()
        .map(|file| (file.to_owned(), text(shared, &["show", &format!("{sha}:{file}")]).unwrap_or_default()))
        .collect()
}

pub(super) fn route(shared: &Shared, call: &Call, parts: &[&str]) -> Answer {
    match (call.method.as_str(), parts) {
        ("GET", ["runs"]) => list_runs(shared, call),
        ("GET", ["workflows", file, "runs"]) => list_runs_of(shared, call, file),
        ("GET", ["runs", id]) => match look(shared, id) {
            Some(run) => Answer::new(200, show(shared, &run)),
            None => Answer::not_found(),
        },
        ("GET", ["runs", id, "attempts", attempt, "jobs"]) => list_jobs(shared, call, id, attempt),
        ("GET", ["jobs", id, "logs"]) => {
            let url = format!("{}/logs/{id}?sig=secret", shared.blob_url);
            Answer::new(302, Value::Null).header("location", url)
        }
        ("POST", ["workflows", file, "dispatches"]) => dispatch(shared, call, file),
        ("POST", ["runs", id, "rerun-failed-jobs"]) => match look(shared, id) {
            _ if !call.token.actions => Answer::forbidden(),
            Some(run) if run.state().1.is_some() => Answer::new(201, json!({})),
            Some(_) => Answer::error(403, "This workflow is already running"),
            None => Answer::not_found(),
        },
        _ => Answer::not_found(),
    }
}

fn list_runs(shared: &Shared, call: &Call) -> Answer {
    let wanted = call.parameter("head_sha");
    let runs: Vec<FakeRun> = {
        let mut state = shared.state();
        for run in &mut state.runs {
            run.polls = run.polls.saturating_add(1);
        }
        let fits = |r: &&FakeRun| r.is_visible() && wanted.as_ref().is_none_or(|w| *w == r.head_sha);
        state.runs.iter().filter(fits).cloned().collect()
    };
    let shown: Vec<Value> = runs.iter().map(|r| show(shared, r)).collect();
    paged(shared, call, "workflow_runs", shown)
}

/// The newest first, by the workflow's file, the branch and the conclusion asked for.
fn list_runs_of(shared: &Shared, call: &Call, file: &str) -> Answer {
    let (branch, status) = (call.parameter("branch"), call.parameter("status"));
    let fits = |run: &&FakeRun| {
        run.file.ends_with(&format!("/{file}"))
            && branch.as_ref().is_none_or(|branch| *branch == run.branch)
            && status.as_deref().is_none_or(|status| run.state().1 == Some(status))
    };
    let mut runs: Vec<FakeRun> = shared.state().runs.iter().filter(fits).cloned().collect();
    runs.reverse();
    let shown: Vec<Value> = runs.iter().map(|run| show(shared, run)).collect();
    paged(shared, call, "workflow_runs", shown)
}

fn look(shared: &Shared, id: &str) -> Option<FakeRun> {
    let id: u64 = id.parse().ok()?;
    let mut state = shared.state();
    let run = state.runs.iter_mut().find(|r| r.id == id)?;
    Some(run.clone())
}

fn paged(shared: &Shared, call: &Call, key: &str, all: Vec<Value>) -> Answer {
    let limit = shared.state().settings.page_size;
    let asked = call.parameter("per_page").and_then(|p| p.parse().ok()).unwrap_or(30);
    let size = limit.min(asked).max(1);
    let page: usize = call.parameter("page").and_then(|p| p.parse().ok()).unwrap_or(1);
    let total = all.len();
    let items: Vec<Value> = all.into_iter().skip((page - 1) * size).take(size).collect();
    let answer = Answer::new(200, json!({"total_count": total, key: items}));
    if page * size >= total {
        return answer;
    }
    let query: Vec<&str> = call.query.split('&').filter(|p| !p.starts_with("page=")).collect();
    let next = format!("{}{}?{}&page={}", shared.api_url, call.path, query.join("&"), page + 1);
    answer.header("link", format!("<{next}>; rel=\"next\""))
}

fn show(shared: &Shared, run: &FakeRun) -> Value {
    let (status, conclusion) = run.state();
    let url = format!("{}/repos/{SLUG}/actions/runs/{}", shared.api_url, run.id);
    let name = run.file.rsplit('/').next().unwrap_or_default();
    json!({
        "id": run.id, "name": name, "node_id": "RUN", "head_branch": run.branch, "run_number": 1,
        "display_title": "fix", "event": if run.event == "fork" { "pull_request" } else { run.event }, "status": status, "conclusion": conclusion,
        "head_sha": run.head_sha, "path": run.file, "workflow_id": 1, "url": url,
        "html_url": format!("https://github.example/{SLUG}/actions/runs/{}", run.id),
        "created_at": TIME, "updated_at": TIME, "run_attempt": run.attempt, "head_commit": null,
        "head_repository": head_repository(shared, run), "repository": minimal_repository(shared),
        "jobs_url": url, "logs_url": url, "check_suite_url": url, "cancel_url": url, "rerun_url": url,
        "artifacts_url": url, "workflow_url": url, "pull_requests": [],
    })
}

/// Runs of pull requests from a fork have the fork's.
fn head_repository(shared: &Shared, run: &FakeRun) -> Value {
    let mut repository = minimal_repository(shared);
    if run.event == "fork" {
        repository["full_name"] = json!("someone/fork");
    }
    repository
}

fn list_jobs(shared: &Shared, call: &Call, id: &str, attempt: &str) -> Answer {
    let Some(run) = look(shared, id).filter(|r| r.attempt.to_string() == attempt) else {
        return Answer::not_found();
    };
    let mut jobs = Vec::new();
    for (index, job) in run.script.jobs.iter().enumerate() {
        let url = format!("{}/repos/{SLUG}/actions/jobs/{}", shared.api_url, job_id(&run, index));
        let steps: Vec<Value> = job
            .steps
            .iter()
            .enumerate()
            .filter(|_| job.lag == 0)
            .map(|(n, (name, conclusion))| {
                let over = !conclusion.is_empty();
                json!({"name": name, "number": n + 1, "status": if over { "completed" } else { "in_progress" },
                    "conclusion": over.then_some(*conclusion), "started_at": TIME, "completed_at": over.then_some(TIME)})
            })
            .collect();
        let over = !job.conclusion.is_empty();
        jobs.push(json!({
            "id": job_id(&run, index), "run_id": run.id, "run_url": url, "node_id": "JOB", "head_sha": run.head_sha,
            "workflow_name": "CI", "head_branch": run.branch, "name": job.name, "url": url, "html_url": url,
            "status": if over { "completed" } else { "in_progress" }, "conclusion": over.then_some(job.conclusion),
            "created_at": TIME, "started_at": TIME, "completed_at": over.then_some(TIME), "check_run_url": url,
            "labels": ["ubuntu-latest"], "runner_id": 1, "runner_name": job.runner, "runner_group_id": 1,
            "runner_group_name": "hosted", "run_attempt": run.attempt, "steps": steps,
        }));
    }
    let mut state = shared.state();
    for run in state.runs.iter_mut().filter(|r| r.id == run.id) {
        for job in run.script.jobs.iter_mut().filter(|j| j.conclusion.is_empty()) {
            job.lag = job.lag.saturating_sub(1);
        }
    }
    drop(state);
    paged(shared, call, "jobs", jobs)
}

fn job_id(run: &FakeRun, index: usize) -> u64 {
    run.id * JOBS + index as u64
}

/// The store of logs: its address is the permission, and a token is an error.
pub(super) async fn serve_log(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response<Body> {
    if request.headers().contains_key("authorization") {
        return plain(400, "<Error><Code>InvalidAuthenticationInfo</Code></Error>");
    }
    if request.uri().query() != Some("sig=secret") {
        return plain(403, "<Error><Code>AuthenticationFailed</Code></Error>");
    }
    let path = request.uri().path();
    if let Some(archive) =
        super::repositories::serve(&shared, path).or_else(|| super::artifacts::serve(&shared, path))
    {
        return archive;
    }
    let id: u64 = request.uri().path().rsplit('/').next().and_then(|i| i.parse().ok()).unwrap_or_default();
    let missing = plain(404, "<Error><Code>BlobNotFound</Code></Error>");
    let mut state = shared.state();
    let Some(run) = state.runs.iter_mut().find(|r| r.id == id / JOBS) else { return missing };
    let Some(job) = run.script.jobs.get_mut((id % JOBS) as usize) else { return missing };
    if job.conclusion.is_empty() || job.lag > 0 {
        job.lag = job.lag.saturating_sub(1);
        return missing;
    }
    let mut stamped = String::from("\u{feff}");
    for line in job.log.lines() {
        stamped.push_str(&format!("2026-01-02T03:04:05.1234567Z {line}\n"));
    }
    plain(200, &stamped)
}

fn dispatch(shared: &Shared, call: &Call, file: &str) -> Answer {
    if !call.token.actions {
        return Answer::forbidden().header("x-accepted-github-permissions", "actions=write");
    }
    let body = call.json();
    let generation = shared.state().settings.dispatch;
    let asked = body.get("return_run_details").is_some();
    if asked && generation != DispatchApi::OnRequest {
        return Answer::error(422, "Invalid request. \"return_run_details\" is not a permitted key.");
    }
    let name = body["ref"].as_str().unwrap_or_default();
    let path = format!(".github/workflows/{file}");
    let default = format!("refs/heads/{}", shared.state().settings.default_branch);
    if resolve(shared, &default)
        .and_then(|sha| text(shared, &["show", &format!("{sha}:{path}")]).ok())
        .is_none()
    {
        return Answer::not_found();
    }
    let Some(sha) = resolve(shared, &format!("refs/heads/{name}")) else {
        return Answer::error(422, &format!("No ref found for: {name}"));
    };
    let workflow = text(shared, &["show", &format!("{sha}:{path}")]).unwrap_or_default();
    if read_triggers(&workflow).dispatch.is_none() {
        return Answer::error(422, "Workflow does not have 'workflow_dispatch' trigger");
    }
    let mut state = shared.state();
    let script = state.scripted(&path);
    let id = state.new_run(&path, &sha, name, "workflow_dispatch", script);
    if generation == DispatchApi::Always || asked {
        let url = format!("{}/repos/{SLUG}/actions/runs/{id}", shared.api_url);
        return Answer::new(200, json!({"workflow_run_id": id, "run_url": url, "html_url": url}));
    }
    Answer::new(204, Value::Null)
}
