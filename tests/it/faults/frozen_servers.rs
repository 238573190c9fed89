//! Whatever a server does, what is asked of it ends with the run: within a second of the scope's end, as stopped.

use std::fmt::{Debug, Display};
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ci_healer::config::{Config, Flags};
use ci_healer::contract::ci::{LastGreenRun, OwnPlace, RunReference};
use ci_healer::contract::git::{CommitSha, MoveFrom, RepoPath};
use ci_healer::contract::model::NoReplyReason;
use ci_healer::contract::outcome::{BudgetKind, Outcome};
use ci_healer::contract::settings::PullRequestMode;
use ci_healer::git::{self as heal_git, GitError, Remote};
use ci_healer::github::{
    ApiError, CiTrigger, CiTriggerOptions, Client, ClientOptions, OwnJob, Permission, PreflightInput,
    PullRequestMarker, PullRequestState, PullRequestText, RetryPolicy, RunContext, Timeouts, Triggers, Watch,
    arrange_ci_run, branch_head, commit_message, commit_tree, commits_between, dispatch, examine_token,
    existing_pull_requests, failed_jobs, failed_run_jobs, has_open_pull_request, job_log, last_green_log,
    last_green_run, missing_objects, open_pull_request, preflight, publish, read_event, remote_objects,
    run_jobs, watch,
};
use ci_healer::http::{self, Redirects};
use ci_healer::llm::{self, ProbeError};
use ci_healer::orchestrator::heal::{self, Heal, Push};
use ci_healer::orchestrator::run_dir::RunDir;
use ci_healer::scope::{Scope, StopReason, Stopped};
use secrecy::SecretString;

use crate::models::{Asker, groq_at, limits};
use crate::publish::{Scene, branch, prepared};
use crate::support::frozen::{FROZEN, Manner, frozen, frozen_url};
use crate::support::github::{CiScript, FakeGitHub, JOB_TOKEN};
use crate::watch::Heard;

/// How long the run has.
const BUDGET: Duration = Duration::from_millis(250);
/// How late the end may be noticed, on a busy machine.
const SLACK: Duration = Duration::from_secs(1);

fn short() -> Scope {
    Scope::unbounded().with_time_budget(Instant::now() + BUDGET)
}

fn http_client(scope: &Scope) -> http::Client {
    http::Client::new(scope, None, Redirects::Refuse).unwrap()
}

/// A client with the patience of the real one.
fn patient(api_url: &str, scope: &Scope) -> Client {
    let options = ClientOptions {
        api_url: api_url.to_owned(),
        token: Some(SecretString::from(JOB_TOKEN)),
        policy: RetryPolicy::default(),
    };
    Client::new(http_client(scope), options).unwrap()
}

/// Fails unless `work` ends as stopped, by the time budget and in time.
async fn stops<T: Debug>(what: impl Display, work: impl Future<Output = Result<T, ApiError>>) {
    let started = Instant::now();
    let ended = tokio::time::timeout(BUDGET + SLACK, work).await;
    let ended =
        ended.unwrap_or_else(|_| panic!("{what} went on {:?} after its end", started.elapsed() - BUDGET));
    match ended {
        Err(ApiError::Stopped(Stopped { reason: StopReason::TimeBudget, .. })) => {}
        other => panic!("{what}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "one row per call")]
async fn every_call_to_a_github_that_hangs_ends_with_the_run() {
    let slug = FakeGitHub::slug();
    let token = SecretString::from(JOB_TOKEN);
    let sha = CommitSha::new(&"1".repeat(40)).unwrap();
    let (main, heal) = (branch("main"), branch("heal/a"));
    let lag = Duration::from_secs(30);
    let scene = Scene::new("on: push\n");
    let commits = prepared(&scene.workspace(), "42");
    let text = PullRequestText {
        title: "t".into(),
        body: "b".into(),
        draft: false,
        mark: PullRequestMarker::default(),
    };
    let run =
        RunReference { id: 1, attempt: 1, workflow: "CI".to_owned(), url: String::new(), conclusion: None };
    let green = LastGreenRun {
        run_id: 1,
        attempt: 1,
        commit: sha.clone(),
        branch: main.clone(),
        url: None,
        at: None,
    };
    let trigger = read_event(&serde_json::Value::Null, &RunContext::default());
    let triggers = Triggers::default();
    for manner in FROZEN {
        let url = frozen_url(manner);
        let base = patient(&url, &Scope::unbounded());
        let client = || base.with_scope(&short());
        let name = |what: &str| format!("{what}, {manner:?}");
        let own = OwnJob { lag, ..OwnJob::default() };
        let input = PreflightInput {
            repo: &slug,
            trigger: &trigger,
            token: None,
            publishes: true,
            waits_for_ci: true,
            pull_request: PullRequestMode::Auto,
            workflow_file: None,
            triggers: &triggers,
            branch: &heal,
            has_approval_runs: true,
            commits_by_api: true,
            findings: Vec::new(),
        };
        let options = CiTriggerOptions {
            token_starts_runs: true,
            may_dispatch: Permission::Yes,
            may_open_pull_request: Permission::Yes,
            pull_request: PullRequestMode::Always,
            workflow_file: None,
            triggers: &triggers,
            branch: &heal,
            base: Some(&main),
            changed: &[],
            open_pull_request_into: None,
            has_approval_runs: true,
        };
        let paths = [RepoPath::new("a/b").unwrap()];
        let heard = Heard::default();
        let watched = async |trigger: CiTrigger| {
            watch(Watch {
                client: &client(),
                repo: &slug,
                branch: &heal,
                head: &sha,
                workflow_file: Some(".github/workflows/ci.yml"),
                trigger: &trigger,
                timeouts: &Timeouts::default(),
                sink: &heard,
            })
            .await
        };
        tokio::join!(
            stops(name("examine_token"), async { examine_token(&client(), &slug, &token, None, true).await }),
            stops(name("preflight"), async { preflight(&client(), input).await }),
            stops(name("failed_jobs"), async { failed_jobs(&client(), &slug, 1, 1, &own).await }),
            stops(name("run_jobs"), async { run_jobs(&client(), &slug, 1, 1, &own).await }),
            stops(name("last_green_run"), async { last_green_run(&client(), &slug, "ci.yml", &main).await }),
            stops(name("commits_between"), async { commits_between(&client(), &slug, &sha, &sha).await }),
            stops(name("last_green_log"), async {
                last_green_log(&client(), &slug, &green, "test", 1 << 20, lag).await
            }),
            stops(name("failed_run_jobs"), async { failed_run_jobs(&client(), &slug, &run, lag).await }),
            stops(name("branch_head"), async { branch_head(&client(), &slug, &main).await }),
            stops(name("commit_message"), async { commit_message(&client(), &slug, &sha).await }),
            stops(name("commit_tree"), async { commit_tree(&client(), &slug, &sha).await }),
            stops(name("remote_objects"), async { remote_objects(&client(), &slug, &sha, &paths).await }),
            stops(name("missing_objects"), async {
                missing_objects(&client(), &slug, &sha, &|_| false).await
            }),
            stops(name("publish"), async {
                publish(&client(), &slug, &main, &heal, &MoveFrom::Absent, &commits).await
            }),
            stops(name("dispatch"), async { dispatch(&client(), &slug, "ci.yml", &heal).await }),
            stops(name("existing_pull_requests"), async {
                existing_pull_requests(&client(), &slug, &main, PullRequestState::Open).await
            }),
            stops(name("has_open_pull_request"), async {
                has_open_pull_request(&client(), &slug, &heal).await
            }),
            stops(name("open_pull_request"), async {
                open_pull_request(&client(), &slug, &main, &heal, &text).await
            }),
            stops(name("arrange_ci_run"), async { arrange_ci_run(&client(), &slug, &options, &text).await }),
            stops(name("watch"), watched(CiTrigger::Push)),
            stops(name("watch a dispatch"), watched(CiTrigger::Dispatch)),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_logs_that_hangs_ends_with_the_run() {
    let slug = FakeGitHub::slug();
    let scene = Scene::new("on: push\n");
    let run = scene.hub.past_run("ci.yml", &"1".repeat(40), "main", CiScript::fails("x\n"));
    let own = OwnJob { lag: Duration::from_millis(5), ..OwnJob::default() };
    let jobs = failed_jobs(&scene.hub.client(JOB_TOKEN), &slug, run, 1, &own).await.unwrap();
    for manner in FROZEN {
        let url = frozen_url(Manner::RedirectsTo(frozen(manner)));
        let client = patient(&url, &Scope::unbounded());
        stops(format!("job_log, {manner:?}"), async {
            job_log(&client.with_scope(&short()), &slug, &jobs[0], 1 << 20, Duration::from_secs(30)).await
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_end_with_the_run() {
    let slug = FakeGitHub::slug();
    let scene = Scene::new("on: push\n");
    // Our own job does not show yet, so that one looks again.
    let run = scene.hub.past_run("ci.yml", &"1".repeat(40), "main", CiScript::ends(""));
    let place = Some(OwnPlace::default());
    let own = OwnJob { lag: Duration::from_secs(30), place, ..OwnJob::default() };
    stops("looking again for jobs", async {
        failed_jobs(&scene.hub.client(JOB_TOKEN).with_scope(&short()), &slug, run, 1, &own).await
    })
    .await;
    // The run does not appear.
    let timeouts = Timeouts { first_poll: Duration::from_secs(30), ..Timeouts::default() };
    stops("looking again for a run", async {
        watch(Watch {
            client: &scene.hub.client(JOB_TOKEN).with_scope(&short()),
            repo: &slug,
            branch: &branch("heal/a"),
            head: &CommitSha::new(&"1".repeat(40)).unwrap(),
            workflow_file: None,
            trigger: &CiTrigger::Push,
            timeouts: &timeouts,
            sink: &Heard::default(),
        })
        .await
    })
    .await;
    // What would have to be waited for longer than there is time is not waited for.
    let started = Instant::now();
    let client = patient(&frozen_url(Manner::Limits(30)), &short());
    let limited = branch_head(&client, &slug, &branch("main")).await;
    assert!(matches!(limited, Err(ApiError::RateLimited { .. })), "{limited:?}");
    assert!(started.elapsed() < SLACK);
    // A wait that would fit ends when somebody says stop.
    let scope = Scope::unbounded();
    let client = patient(&frozen_url(Manner::Limits(30)), &scope);
    let waiting =
        tokio::spawn(async move { branch_head(&client, &FakeGitHub::slug(), &branch("main")).await });
    tokio::time::sleep(BUDGET).await;
    scope.stop(StopReason::Terminated);
    let stopped = tokio::time::timeout(SLACK, waiting).await.unwrap().unwrap();
    assert!(
        matches!(stopped, Err(ApiError::Stopped(s)) if s.reason == StopReason::Terminated),
        "{stopped:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_outlasts_the_run_by_its_grace() {
    let scene = Scene::new("on: push\n");
    let (slug, main) = (FakeGitHub::slug(), branch("main"));
    let run = Scope::unbounded().with_time_budget(Instant::now());
    let client = scene.hub.client(JOB_TOKEN).with_scope(&run);
    stops("asking after the end", branch_head(&client, &slug, &main)).await;
    let publishing = client.with_scope(&run.with_grace(Duration::from_secs(30)));
    let commits = prepared(&scene.workspace(), "42");
    publish(&publishing, &slug, &main, &branch("heal/a"), &MoveFrom::Absent, &commits).await.unwrap();
    assert_eq!(client.requests(), publishing.requests(), "the counter is shared");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_server_that_hangs_ends_with_the_run_and_is_not_blamed() {
    for manner in FROZEN {
        let base = format!("{}/openai/v1", frozen_url(manner));
        let mut asker = Asker::with(http_client(&short()), vec![groq_at(&base)]);
        let started = Instant::now();
        let no_reply = asker.ask_within(limits()).await.unwrap_err();
        assert!(started.elapsed() < BUDGET + SLACK, "{manner:?}: {:?}", started.elapsed());
        let NoReplyReason::Stopped(stopped) = no_reply.reason else { panic!("{manner:?}: {no_reply:?}") };
        assert_eq!(stopped.reason, StopReason::TimeBudget);
        assert!(no_reply.usage.tokens_in > 0 && no_reply.usage.estimated, "it may have worked all the while");
        assert_eq!(asker.available(), ["groq"]);
        assert!(asker.switches().is_empty(), "nobody was switched from");

        let started = Instant::now();
        let probed = llm::probe(&http_client(&short()), &[groq_at(&base)], true).await;
        assert!(matches!(probed, Err(ProbeError::Stopped(_))), "{manner:?}: {probed:?}");
        assert!(started.elapsed() < BUDGET + SLACK);
    }
    // Waiting for a server that asks to be left alone.
    let scope = Scope::unbounded();
    let base = format!("{}/openai/v1", frozen_url(Manner::Limits(20)));
    let mut asker = Asker::with(http_client(&scope), vec![groq_at(&base)]);
    let waiting = tokio::spawn(async move { asker.ask_within(limits()).await });
    tokio::time::sleep(BUDGET).await;
    scope.stop(StopReason::Interrupted);
    let no_reply = tokio::time::timeout(SLACK, waiting).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(no_reply.reason, NoReplyReason::Stopped(_)), "{no_reply:?}");
}

/// Command lines of living processes that speak of `word`.
fn processes_with(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(word) {
            found.push(line);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn git_children_of_a_remote_that_hangs_end_with_the_run() {
    let scene = Scene::new("on: push\n");
    let workspace = scene.workspace();
    let commits = prepared(&workspace, "42");
    let (main, heal) = (branch("main"), branch("heal/a"));
    let timeout = Duration::from_secs(60);
    for manner in FROZEN {
        let url = format!("{}/octo/widget.git", frozen_url(manner));
        let remote = Remote { url: url.clone(), token: Some(SecretString::from(JOB_TOKEN)) };
        let target = scene.sandbox.join(&format!("{manner:?}"));
        let (a, b, c, d) = (short(), short(), short(), short());
        let started = Instant::now();
        let (heads, pushed, fetched, cloned) = tokio::join!(
            heal_git::heads(&remote, &main, &a, timeout),
            heal_git::push(workspace.git_dir(), &remote, &heal, &MoveFrom::Absent, &commits, &b, timeout),
            heal_git::fetch(workspace.git_dir(), &remote, workspace.base(), &c, timeout),
            heal_git::clone(&remote, &target, &d, timeout),
        );
        assert!(started.elapsed() < BUDGET + SLACK, "{manner:?}: {:?}", started.elapsed());
        for ended in [heads.map(drop), pushed.map(drop), fetched, cloned] {
            assert!(matches!(ended, Err(GitError::Stopped(_))), "{manner:?}: {ended:?}");
        }
        // What git had started is gone with it.
        let since = Instant::now();
        while !processes_with(&url).is_empty() && since.elapsed() < SLACK {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(processes_with(&url), Vec::<String>::new(), "{manner:?}");
        // Its own limit still says so as before.
        let timed_out = heal_git::heads(&remote, &main, &Scope::unbounded(), BUDGET).await;
        assert!(matches!(timed_out, Err(GitError::TimedOut { .. })), "{timed_out:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_github_hangs_ends_with_its_time_budget() {
    for manner in [Manner::Silent, Manner::SlowBody] {
        let scene = Scene::new("on: push\n");
        let variables = [
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_REPOSITORY", FakeGitHub::slug().to_string()),
            ("GITHUB_API_URL", frozen_url(manner)),
            ("GITHUB_EVENT_NAME", "push".to_owned()),
            ("GITHUB_REF", "refs/heads/main".to_owned()),
            ("GITHUB_REF_NAME", "main".to_owned()),
            ("GITHUB_RUN_ID", "1".to_owned()),
            ("INPUT_GITHUB-TOKEN", JOB_TOKEN.to_owned()),
            ("INPUT_COMMAND", "false".to_owned()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value)).into();
        let mut config = Config::load(&Flags::default(), &variables).unwrap();
        config.time_budget = Duration::from_secs(1);
        let started = Instant::now();
        let finished = heal::run(Heal {
            base: heal::Base::Event,
            config,
            started,
            source: scene.repo.clone(),
            run_dir: RunDir::new().unwrap(),
            push: Push::Yes,
            events: Arc::new(Heard::default()),
            event_log: None,
            scope: Scope::unbounded(),
            variables,
        })
        .await;
        let took = started.elapsed();
        let outcome = finished.report.outcome;
        assert_eq!(outcome, Outcome::BudgetSpent { which: BudgetKind::Time }, "{manner:?}");
        assert!(took < Duration::from_secs(1) + SLACK, "{manner:?}: {took:?}");
    }
}
