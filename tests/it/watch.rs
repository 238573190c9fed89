//! Watching tells the truth about the very commit, in bounded time, for every way a run comes about or does not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ci_healer::contract::ci::{CiResult, CiVerdict, Conclusion};
use ci_healer::contract::event::{Event, EventSink};
use ci_healer::contract::git::{BranchName, CommitSha, MoveFrom, RepoPath, SourceTree as _};
use ci_healer::git::{Workspace, WorkspaceOptions};
use ci_healer::github::{
    CiTrigger, FailedJob, OwnJob, PullRequestMarker, PullRequestText, RunContext, Timeouts, Watch,
    failed_jobs, failed_run_jobs, job_log, last_green_log, last_green_run, open_pull_request, publish,
    read_event, watch,
};
use ci_healer::orchestrator::journal::Journal;
use ci_healer::orchestrator::last_green::LastGreen;
use ci_healer::scope::Scope;

use crate::publish::{Scene, branch, prepared};
use crate::support::git::{commit_all, git, write};
use crate::support::github::{APP_TOKEN, CiScript, DispatchApi, FakeGitHub, FakeJob, Fault, JOB_TOKEN};

const CI: &str = ".github/workflows/ci.yml";

#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl EventSink for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(format!("{event:?}"));
    }
}

pub(crate) fn hurried() -> Timeouts {
    Timeouts {
        appear: Duration::from_millis(400),
        total: Duration::from_secs(20),
        first_poll: Duration::from_millis(5),
        longest_poll: Duration::from_millis(20),
    }
}

/// Publishes a heal to `heal/a` and returns its commit.
async fn published(scene: &Scene, token: &str) -> CommitSha {
    let commits = prepared(&scene.workspace(), "42");
    let client = scene.hub.client(token);
    publish(&client, &FakeGitHub::slug(), &branch("main"), &branch("heal/a"), &MoveFrom::Absent, &commits)
        .await
        .unwrap()
}

async fn watched(
    scene: &Scene,
    token: &str,
    head: &CommitSha,
    trigger: CiTrigger,
    timeouts: Timeouts,
) -> CiResult {
    let heard = Heard::default();
    let heal: BranchName = branch("heal/a");
    let result = watch(Watch {
        client: &scene.hub.client(token),
        repo: &FakeGitHub::slug(),
        branch: &heal,
        head,
        workflow_file: Some(CI),
        trigger: &trigger,
        timeouts: &timeouts,
        sink: &heard,
    })
    .await
    .unwrap();
    assert!(heard.0.lock().unwrap().last().unwrap().starts_with("Watched"));
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_comes_late_and_passes() {
    let scene = Scene::new("on: push\n");
    scene.hub.script(CI, CiScript { appears_after: 3, runs_for: 4, ..CiScript::passes() });
    let head = published(&scene, APP_TOKEN).await;
    let result = watched(&scene, APP_TOKEN, &head, CiTrigger::Push, hurried()).await;
    assert_eq!(result.verdict, CiVerdict::Passed);
    let run = result.run.unwrap();
    assert!(run.url.contains("/actions/runs/"));
    assert_eq!(run.conclusion, Some(Conclusion::Success));
    assert!(result.requests >= 7, "{}", result.requests);
    // Looking at what has not changed costs nothing of the limit.
    assert!(scene.hub.not_modified() >= 3, "{}", scene.hub.not_modified());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_red_run_gives_the_next_rounds_log() {
    let scene = Scene::new("on: push\n");
    let mut script = CiScript::fails("E   AssertionError: 41 != 42\n");
    script.jobs.push(FakeJob::new("lint", "success", "fine\n"));
    script.jobs[0].lag = 2;
    scene.hub.script(CI, script);
    let head = published(&scene, APP_TOKEN).await;
    let result = watched(&scene, APP_TOKEN, &head, CiTrigger::Push, hurried()).await;
    assert_eq!(result.verdict, CiVerdict::Failed);
    let client = scene.hub.client(APP_TOKEN);
    let lag = Duration::from_millis(5);
    let jobs = failed_run_jobs(&client, &FakeGitHub::slug(), &result.run.unwrap(), lag).await.unwrap();
    assert_eq!(jobs.len(), 1);
    let log = job_log(&client, &FakeGitHub::slug(), &jobs[0], 1 << 20, lag).await.unwrap();
    let text = String::from_utf8(log.bytes).unwrap();
    assert!(text.starts_with("\u{feff}2026-") && text.contains("AssertionError: 41 != 42"), "{text}");
    // A huge log is cut in its middle.
    let short = job_log(&client, &FakeGitHub::slug(), &jobs[0], 40, lag).await.unwrap();
    assert!(short.cut > 0 && short.bytes.ends_with(b"42\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_of_a_run_has_its_verdict() {
    let cases = [
        ("success", CiVerdict::Passed),
        ("neutral", CiVerdict::Passed),
        ("failure", CiVerdict::Failed),
        ("startup_failure", CiVerdict::Failed),
        ("timed_out", CiVerdict::TimedOut),
        ("cancelled", CiVerdict::Cancelled),
        ("stale", CiVerdict::Cancelled),
        ("action_required", CiVerdict::AwaitingApproval),
    ];
    for (conclusion, verdict) in cases {
        let scene = Scene::new("on: push\n");
        scene.hub.script(CI, CiScript::ends(conclusion));
        let head = published(&scene, APP_TOKEN).await;
        assert_eq!(
            watched(&scene, APP_TOKEN, &head, CiTrigger::Push, hurried()).await.verdict,
            verdict,
            "{conclusion}"
        );
    }
    for conclusion in ["skipped", "brand_new_word"] {
        let scene = Scene::new("on: push\n");
        scene.hub.script(CI, CiScript::ends(conclusion));
        let head = published(&scene, APP_TOKEN).await;
        let result = watched(&scene, APP_TOKEN, &head, CiTrigger::Push, hurried()).await;
        assert!(matches!(result.verdict, CiVerdict::NoCi { .. }), "{conclusion}: {:?}", result.verdict);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn waits_end_with_the_link() {
    let scene = Scene::new("on: push\n");
    scene.hub.script(CI, CiScript::ends(""));
    let head = published(&scene, APP_TOKEN).await;
    let short = Timeouts { total: Duration::from_millis(300), ..hurried() };
    let result = watched(&scene, APP_TOKEN, &head, CiTrigger::Push, short.clone()).await;
    assert_eq!(result.verdict, CiVerdict::TimedOut);
    assert!(result.run.unwrap().url.contains("/actions/runs/"));
    // A run that waits for an environment's reviewers is waiting, not slow.
    let scene = Scene::new("on: push\n");
    scene.hub.script(CI, CiScript::ends("waiting"));
    let head = published(&scene, APP_TOKEN).await;
    assert_eq!(
        watched(&scene, APP_TOKEN, &head, CiTrigger::Push, short).await.verdict,
        CiVerdict::AwaitingApproval
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_runs_of_the_very_commit_count() {
    let scene = Scene::new("on: {push: {branches: [main]}}\n");
    let head = published(&scene, APP_TOKEN).await;
    // A newer run on the same branch, of another commit, and another workflow's run of ours.
    scene.hub.past_run(CI, &"9".repeat(40), "heal/a", CiScript::passes());
    scene.hub.past_run(".github/workflows/lint.yml", head.as_str(), "heal/a", CiScript::passes());
    let result = watched(&scene, APP_TOKEN, &head, CiTrigger::Push, hurried()).await;
    match result.verdict {
        CiVerdict::NoCi { why, remedy } => {
            assert!(why.contains("no run of .github/workflows/ci.yml") && why.contains("lint.yml"), "{why}");
            assert!(remedy.is_some());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(result.others.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_red_run_of_the_workflow_is_red() {
    let scene = Scene::new("on: push\n");
    let head = published(&scene, APP_TOKEN).await;
    scene.hub.past_run(CI, head.as_str(), "heal/a", CiScript::fails("x\n"));
    let result = watched(&scene, APP_TOKEN, &head, CiTrigger::Push, hurried()).await;
    assert_eq!(result.verdict, CiVerdict::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_in_all_generations_of_the_api() {
    for generation in [DispatchApi::Strict, DispatchApi::OnRequest, DispatchApi::Always] {
        let scene = Scene::new("on: [push, workflow_dispatch]\n");
        scene.hub.settings(|s| s.dispatch = generation);
        let head = published(&scene, JOB_TOKEN).await;
        assert_eq!(scene.hub.runs().len(), 0, "the job's own token started a run");
        let result = watched(&scene, JOB_TOKEN, &head, CiTrigger::Dispatch, hurried()).await;
        assert_eq!(result.verdict, CiVerdict::Passed, "{generation:?}");
        assert_eq!(scene.hub.runs()[0].event, "workflow_dispatch");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatch_that_cannot_be_says_why() {
    let scene = Scene::new("on: push\n");
    let head = published(&scene, JOB_TOKEN).await;
    match watched(&scene, JOB_TOKEN, &head, CiTrigger::Dispatch, hurried()).await.verdict {
        CiVerdict::NoCi { why, remedy } => {
            assert!(why.contains("does not have 'workflow_dispatch' trigger"), "{why}");
            assert!(remedy.unwrap().contains("workflow_dispatch:"));
        }
        other => panic!("{other:?}"),
    }
    let scene = Scene::new("on: workflow_dispatch\n");
    let head = published(&scene, JOB_TOKEN).await;
    scene.hub.token(JOB_TOKEN, |t| t.actions = false);
    match watched(&scene, JOB_TOKEN, &head, CiTrigger::Dispatch, hurried()).await.verdict {
        CiVerdict::NoCi { remedy, .. } => assert!(remedy.unwrap().contains("actions: write")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_of_the_jobs_own_token_waits_for_approval() {
    let scene = Scene::new("on: pull_request\n");
    let head = published(&scene, JOB_TOKEN).await;
    let text = PullRequestText {
        title: "t".into(),
        body: "b".into(),
        draft: false,
        mark: PullRequestMarker::default(),
    };
    let client = scene.hub.client(JOB_TOKEN);
    open_pull_request(&client, &FakeGitHub::slug(), &branch("main"), &branch("heal/a"), &text).await.unwrap();
    let trigger = CiTrigger::PullRequest { approval: true };
    let result = watched(&scene, JOB_TOKEN, &head, trigger, hurried()).await;
    assert_eq!(result.verdict, CiVerdict::AwaitingApproval);
    assert!(result.run.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_while_watching_is_waited_out() {
    let scene = Scene::new("on: push\n");
    scene.hub.script(CI, CiScript { appears_after: 1, runs_for: 2, ..CiScript::passes() });
    let head = published(&scene, APP_TOKEN).await;
    for fault in [
        Fault::Status(502),
        Fault::Status(500),
        Fault::CutOff,
        Fault::SecondaryLimit { retry_after: 0 },
        Fault::Status(503),
        Fault::Status(503),
    ] {
        scene.hub.fault("actions/runs", fault);
    }
    assert_eq!(
        watched(&scene, APP_TOKEN, &head, CiTrigger::Push, hurried()).await.verdict,
        CiVerdict::Passed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_jobs_in_each_placement() {
    let scene = Scene::new("on: push\n");
    let slug = FakeGitHub::slug();
    let head = "5".repeat(40);
    let mut jobs: Vec<FakeJob> = (0..130).map(|n| FakeJob::new(&format!("leg {n}"), "success", "")).collect();
    jobs.push(FakeJob::new("late", "failure", "boom\n"));
    let mut own = FakeJob::new("heal", "", "");
    own.steps = vec![("Build", "failure"), ("Heal", "")];
    own.runner = "our-runner";
    own.lag = 2;
    jobs.push(own);
    let run = scene.hub.past_run(CI, &head, "main", CiScript { jobs, ..CiScript::ends("") });
    let client = scene.hub.client(JOB_TOKEN);
    let lag = Duration::from_millis(2);

    // A following job: the failed one is over, on the second page of the list.
    let beside = failed_jobs(&client, &slug, run, 1, &OwnJob { lag, ..OwnJob::default() }).await.unwrap();
    assert_eq!(beside.len(), 1);
    let failed_step = |job: &FailedJob| job.steps.iter().find(|s| s.has_failed()).map(|s| s.name.clone());
    assert_eq!((beside[0].name.as_str(), failed_step(&beside[0]).as_deref()), ("late", Some("Test")));
    let log = job_log(&client, &slug, &beside[0], 1 << 20, lag).await.unwrap();
    assert!(String::from_utf8_lossy(&log.bytes).contains("boom"));

    // The failing job itself: its steps show late, its log not at all.
    let mut script = CiScript::ends("");
    let mut own = FakeJob::new("test", "", "");
    own.steps = vec![("Build", "success"), ("Test", "failure"), ("Heal", "")];
    own.runner = "our-runner";
    own.lag = 2;
    script.jobs = vec![own];
    let run = scene.hub.past_run(CI, &head, "main", script);
    let own = OwnJob { runner_name: Some("our-runner".to_owned()), lag, ..OwnJob::default() };
    let inside = failed_jobs(&client, &slug, run, 1, &own).await.unwrap();
    assert_eq!(inside.len(), 1);
    assert!(inside[0].is_own);
    assert_eq!(failed_step(&inside[0]).as_deref(), Some("Test"));
    assert!(job_log(&client, &slug, &inside[0], 1 << 20, lag).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_green_run_is_of_the_same_workflow_and_branch() {
    let scene = Scene::new("on: push\n");
    let slug = FakeGitHub::slug();
    let (main, client) = (BranchName::new("main").unwrap(), scene.hub.client(JOB_TOKEN));
    assert_eq!(last_green_run(&client, &slug, CI, &main).await.unwrap(), None);
    let past = |file: &str, digit: &str, branch: &str, script| {
        scene.hub.past_run(file, &digit.repeat(40), branch, script)
    };
    past(CI, "1", "main", CiScript::passes());
    let jobs =
        vec![FakeJob::new("lint", "success", "clean\n"), FakeJob::new("test", "success", "12 passed\n")];
    let green = past(CI, "2", "main", CiScript { jobs, ..CiScript::passes() });
    past(CI, "3", "main", CiScript::fails("boom\n"));
    past(CI, "4", "topic", CiScript::passes());
    past(".github/workflows/docs.yml", "5", "main", CiScript::passes());
    // A fork may call its branch the same.
    scene.hub.is_from_a_fork(past(CI, "6", "main", CiScript::passes()));
    let before = scene.hub.requests().len();
    let found = last_green_run(&client, &slug, CI, &main).await.unwrap().unwrap();
    assert_eq!(scene.hub.requests().len() - before, 1);
    assert_eq!((found.run_id, found.attempt, found.commit.as_str()), (green, 1, "2".repeat(40).as_str()));
    assert!(found.url.as_ref().unwrap().ends_with(&format!("/actions/runs/{green}")));
    let lag = Duration::from_millis(2);
    let log = last_green_log(&client, &slug, &found, "test", 1 << 20, lag).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&log.bytes).contains("12 passed"));
    assert_eq!(last_green_log(&client, &slug, &found, "other", 1 << 20, lag).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_last_green_run_come_without_a_fetch() {
    let scene = Scene::new("on: push\n");
    let slug = FakeGitHub::slug();
    let path = RepoPath::new("notes/a.txt").unwrap();
    write(&scene.repo, path.as_str(), "as it was\n");
    let green = commit_all(&scene.repo, "green");
    write(&scene.repo, path.as_str(), "as it is\n");
    let head = commit_all(&scene.repo, "red");
    git(&scene.repo, &["push", "-q", scene.bare().to_str().unwrap(), "HEAD:main"]);
    scene.hub.past_run(CI, &green, "main", CiScript::passes());
    let payload = serde_json::json!({"after": head, "repository": {"full_name": slug.to_string()}});
    let context = RunContext { ref_name: Some("main".to_owned()), ..RunContext::default() };
    let trigger = read_event(&payload, &context);
    let objects = |repo: &std::path::Path| git(repo, &["count-objects", "-v"]);

    // A checkout of one commit, as CI makes it: the API has the rest.
    let shallow = scene.sandbox.join("shallow");
    let from = format!("file://{}", scene.bare().display());
    git(scene.sandbox.path(), &["clone", "-q", "--depth=1", &from, shallow.to_str().unwrap()]);
    for (source, asks) in [(scene.repo.clone(), false), (shallow, true)] {
        let options = WorkspaceOptions {
            with_working_tree: false,
            source: source.clone(),
            work_dir: scene.sandbox.join("work"),
            repository: slug.clone(),
            commit: None,
        };
        let mut workspace = Workspace::create(options, &Scope::unbounded()).await.unwrap();
        let journal = Arc::new(Journal::new(std::time::Instant::now(), None, Arc::new(Heard::default())));
        let client = scene.hub.client(JOB_TOKEN);
        let last = LastGreen::new(Some(&client), &slug, Some(CI.to_owned()), &trigger, journal.clone());
        let (before, asked) = (objects(&source), scene.hub.requests().len());
        assert_eq!(last.file(&mut workspace, &path).await.as_deref(), Some(&b"as it was\n"[..]), "{asks}");
        let other = RepoPath::new(CI).unwrap();
        assert_eq!(last.file(&mut workspace, &other).await.as_deref(), Some(&b"on: push\n"[..]), "{asks}");
        assert_eq!(last.file(&mut workspace, &RepoPath::new("none").unwrap()).await, None);
        assert_eq!(scene.hub.requests().len() - asked > 1, asks, "{:?}", scene.hub.requests());
        let past = last.tree(&mut workspace).await.unwrap();
        assert_eq!(past.read(&path).as_deref(), Some(&b"as it was\n"[..]));
        assert_eq!(past.files().len(), workspace.files().len());
        let changes = last.changes(&mut workspace).await.unwrap();
        assert_eq!((changes.commit.as_str(), changes.commits_ago), (green.as_str(), Some(1)), "{asks}");
        assert_eq!((changes.files.len(), &changes.files[0].path), (1, &path));
        assert_eq!(changes.files[0].hunks[0].old_lines, ["as it was"]);
        assert_eq!(journal.report().changed_since_green.unwrap().files.len(), 1);
        assert_eq!(objects(&source), before, "the checkout is as it was");
        assert_eq!(journal.report().last_green.unwrap().commit.as_str(), green);
    }
    let nobody = LastGreen::new(
        None,
        &slug,
        Some(CI.to_owned()),
        &trigger,
        Arc::new(Journal::new(std::time::Instant::now(), None, Arc::new(Heard::default()))),
    );
    assert!(nobody.run().await.is_none());
}
