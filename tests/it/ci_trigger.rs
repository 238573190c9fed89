//! Every token kind × placement × workflow trigger × repository setting ends as it must, in so many words: from the
//! event's payload through preflight, publishing and pull request to the verdict of CI.

use ci_healer::contract::ci::CiVerdict;
use ci_healer::contract::git::{BranchName, MoveFrom, PreparedCommit, RepoPath};
use ci_healer::contract::settings::PullRequestMode;
use ci_healer::github::{
    CiTrigger, CiTriggerOptions, Permissions, PreflightInput, PullRequestMarker, PullRequestText, RunContext,
    TokenFacts, Trigger, Watch, arrange_ci_run, choose_ci_trigger, examine_token, preflight, publish,
    read_event, read_triggers, watch,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::publish::{Scene, branch, prepared};
use crate::support::git::git;
use crate::support::github::{
    APP_TOKEN, CLASSIC_PAT, FINE_GRAINED_PAT, FakeGitHub, JOB_TOKEN, READ_ONLY_JOB_TOKEN,
};
use crate::watch::{Heard, hurried};

const CI: &str = ".github/workflows/ci.yml";

const WORKFLOWS: [&str; 5] = [
    "on: push",
    "on: {push: {branches: [main]}}",
    "on: {push: {branches: [main]}, pull_request: }",
    "on: {push: {branches: [main]}, workflow_dispatch: }",
    "on: [pull_request, workflow_dispatch]",
];

const TOKENS: [(&str, &str); 5] = [
    ("job", JOB_TOKEN),
    ("job, read-only", READ_ONLY_JOB_TOKEN),
    ("app", APP_TOKEN),
    ("classic pat", CLASSIC_PAT),
    ("fine-grained pat", FINE_GRAINED_PAT),
];

const PLACES: [&str; 3] = ["push", "pull request", "workflow_run"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    Default,
    /// Actions may not open pull requests, and preflight found out.
    NoPullRequests,
    /// … and it shows only when one is to be opened.
    NoPullRequestsUnnoticed,
    NeverPullRequest,
    Enterprise,
    Archived,
    SignedCommits,
    NoNewBranches,
    NoDispatchRight,
}

fn event(place: &str, sha: &str) -> (&'static str, Value) {
    let full = |owner: &str| json!({"full_name": format!("{owner}/widget")});
    let pull = |owner: &str| {
        json!({"number": 1, "sender": {"login": "ada"}, "pull_request": {"number": 1,
            "head": {"sha": sha, "ref": "topic", "repo": full(owner)}, "base": {"ref": "main"}}})
    };
    let run = |owner: &str| {
        json!({"workflow_run": {"id": 5, "run_attempt": 1, "head_sha": sha, "head_branch": "topic", "event": "push",
            "head_repository": full(owner), "pull_requests": []}})
    };
    match place {
        "push" => ("push", json!({"after": sha})),
        "pull request" => ("pull_request", pull("octo")),
        "fork's pull request" => ("pull_request", pull("mallory")),
        "pull_request_target" => ("pull_request_target", pull("octo")),
        "fork's workflow_run" => ("workflow_run", run("mallory")),
        _ => ("workflow_run", run("octo")),
    }
}

fn trigger(place: &str, sha: &str) -> Trigger {
    let (name, payload) = event(place, sha);
    let context = RunContext {
        event_name: name.to_owned(),
        repository: Some(FakeGitHub::slug()),
        ref_name: Some("main".to_owned()),
        git_ref: Some("refs/heads/main".to_owned()),
        ..RunContext::default()
    };
    read_event(&payload, &context)
}

struct Case<'a> {
    workflow: &'static str,
    token: (&'static str, &'static str),
    place: &'static str,
    setting: Setting,
    scene: &'a Scene,
    commits: &'a [PreparedCommit],
    branch: BranchName,
}

fn set(scene: &Scene, setting: Setting) {
    scene.hub.settings(|s| {
        s.actions_may_open_pull_requests =
            !matches!(setting, Setting::NoPullRequests | Setting::NoPullRequestsUnnoticed);
        s.enterprise = setting == Setting::Enterprise;
        s.archived = setting == Setting::Archived;
        s.rules = match setting {
            Setting::SignedCommits => vec!["required_signatures"],
            Setting::NoNewBranches => vec!["creation"],
            _ => Vec::new(),
        };
    });
    scene.hub.token(JOB_TOKEN, |t| t.actions = setting != Setting::NoDispatchRight);
}

/// Runs one case to its end and says in one line how it went.
#[expect(clippy::too_many_lines, reason = "a story, step by step")]
async fn outcome(case: &Case<'_>) -> String {
    set(case.scene, case.setting);
    let (slug, client) = (FakeGitHub::slug(), case.scene.hub.client(case.token.1));
    let commits = case.commits;
    let trigger = trigger(case.place, commits[0].parent.as_str());
    let triggers = read_triggers(case.workflow);
    let policy = match case.setting {
        Setting::NeverPullRequest => PullRequestMode::Never,
        _ => PullRequestMode::Auto,
    };
    let secret = SecretString::from(case.token.1);
    let mut token = examine_token(&client, &slug, &secret, Some(CI), true).await.unwrap();
    if case.setting == Setting::NoPullRequestsUnnoticed {
        token = TokenFacts { permissions: Permissions::default(), ..token };
    }
    let looked = preflight(
        &client,
        PreflightInput {
            repo: &slug,
            trigger: &trigger,
            token: Some(&token),
            publishes: true,
            waits_for_ci: true,
            pull_request: policy,
            workflow_file: Some(CI),
            triggers: &triggers,
            branch: &case.branch,
            has_approval_runs: case.setting != Setting::Enterprise,
            commits_by_api: case.setting != Setting::SignedCommits,
            findings: Vec::new(),
        },
    )
    .await
    .unwrap();
    if let Some(why) = looked.diagnose_only {
        return format!("diagnose only: {why}");
    }
    if let Some(finding) = looked.blocking() {
        return format!("refused: {} [{}]", finding.message, finding.hint.as_deref().unwrap_or("-"));
    }
    let default = looked.default_branch.unwrap();
    let head = publish(&client, &slug, &default, &case.branch, &MoveFrom::Absent, commits).await.unwrap();
    let changed: Vec<RepoPath> = commits[0].entries.iter().map(|e| e.path.clone()).collect();
    let options = CiTriggerOptions {
        token_starts_runs: token.kind.starts_runs(),
        may_dispatch: token.permissions.actions,
        may_open_pull_request: token.permissions.pull_requests,
        pull_request: policy,
        workflow_file: Some(CI),
        triggers: &triggers,
        branch: &case.branch,
        base: trigger.base_branch.as_ref(),
        changed: &changed,
        open_pull_request_into: None,
        has_approval_runs: case.setting != Setting::Enterprise,
    };
    // What preflight promised is what comes, unless something shows later.
    if case.setting != Setting::NoPullRequestsUnnoticed {
        assert_eq!(looked.trigger, choose_ci_trigger(&options));
    }
    let text = PullRequestText {
        title: "fix".to_owned(),
        body: "body".to_owned(),
        draft: false,
        mark: PullRequestMarker {
            cause: case.branch.as_str().replace(['/', '-'], ""),
            ..PullRequestMarker::default()
        },
    };
    let arranged = arrange_ci_run(&client, &slug, &options, &text).await.unwrap();
    let heard = Heard::default();
    let watched = watch(Watch {
        client: &client,
        repo: &slug,
        branch: &case.branch,
        head: &head,
        workflow_file: Some(CI),
        trigger: &arranged.trigger,
        timeouts: &hurried(),
        sink: &heard,
    })
    .await
    .unwrap();
    let by = match arranged.trigger {
        CiTrigger::Push => "push",
        CiTrigger::Dispatch => "dispatch",
        CiTrigger::PullRequest { approval: false } => "pull request",
        CiTrigger::PullRequest { approval: true } => "pull request, approval",
        CiTrigger::Nothing { .. } => "nothing",
    };
    let notes =
        if arranged.notes.is_empty() { String::new() } else { format!(" ({})", arranged.notes.join("; ")) };
    // A run counts only if it is there, and is about our commit.
    let runs: Vec<_> = case.scene.hub.runs().into_iter().filter(|r| r.head_sha == head.as_str()).collect();
    assert_eq!(runs.is_empty(), watched.run.is_none(), "{runs:?}");
    match watched.verdict {
        CiVerdict::NoCi { why, remedy } => {
            format!("no_ci: {why} [{}]{notes}", remedy.as_deref().unwrap_or("-"))
        }
        verdict => format!("{} by {by}{notes}", verdict.as_str()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_combination_ends_as_it_must() {
    let mut lines = Vec::new();
    for workflow in WORKFLOWS {
        let scene = Scene::new(&format!("{workflow}\n"));
        git(&scene.bare(), &["branch", "topic", "main"]);
        let workspace = scene.workspace();
        let mut cases = Vec::new();
        for token in TOKENS {
            for place in PLACES {
                cases.push((token, place, Setting::Default));
            }
        }
        for setting in [
            Setting::NoPullRequests,
            Setting::NoPullRequestsUnnoticed,
            Setting::NeverPullRequest,
            Setting::Enterprise,
            Setting::Archived,
            Setting::SignedCommits,
            Setting::NoNewBranches,
            Setting::NoDispatchRight,
        ] {
            cases.push((TOKENS[0], "push", setting));
        }
        for place in ["fork's pull request", "pull_request_target", "fork's workflow_run"] {
            cases.push((TOKENS[2], place, Setting::Default));
        }
        for (number, (token, place, setting)) in cases.into_iter().enumerate() {
            let branch = branch(&format!("heal/{number}"));
            // Each another commit: runs are told apart by nothing else.
            let commits = prepared(&workspace, &format!("{}", 1000 + number));
            let case = Case { workflow, token, place, setting, scene: &scene, commits: &commits, branch };
            let line = outcome(&case).await.replace('\n', " | ");
            lines.push(format!("{workflow} / {} / {place} / {setting:?}\n    {line}", token.0));
        }
    }
    assert!(lines.len() >= 60);
    insta::assert_snapshot!(lines.join("\n"));
}
