//! Heals reach GitHub the same by either way, move nobody else's branch, and leave one pull request per root cause.

use ci_healer::contract::fix::FileChange;
use ci_healer::contract::git::{
    BranchName, CommitSha, Identity, MoveFrom, PreparedCommit, RepoPath, RepoSlug,
};
use ci_healer::git::{self as heal_git, CommitRequest, GitError, Remote, Workspace, WorkspaceOptions};
use ci_healer::github::{
    ApiError, PullRequestMarker, PullRequestState, PullRequestText, close_pull_request,
    existing_pull_requests, open_pull_request, publish, remote_objects,
};
use ci_healer::scope::Scope;
use secrecy::SecretString;

use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{APP_TOKEN, CLASSIC_PAT, FakeGitHub, Fault, JOB_TOKEN, READ_ONLY_JOB_TOKEN};

const APP: &str = "import os\n\n\ndef answer():\n    return 41\n";
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

/// A repository, its clone on the fake, and a workspace of it.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) repo: std::path::PathBuf,
    pub(crate) hub: FakeGitHub,
}

impl Scene {
    pub(crate) fn new(workflow: &str) -> Self {
        let sandbox = Sandbox::new();
        let repo = sandbox.repository("r", &[]);
        write(&repo, ".github/workflows/ci.yml", workflow);
        commit_all(&repo, "workflow");
        let bare = sandbox.join("hub.git");
        git(sandbox.path(), &["clone", "-q", "--bare", repo.to_str().unwrap(), bare.to_str().unwrap()]);
        let hub = FakeGitHub::start(&bare);
        Self { sandbox, repo, hub }
    }

    pub(crate) fn workspace(&self) -> Workspace {
        Workspace::create_blocking(
            &WorkspaceOptions {
                with_working_tree: false,
                source: self.repo.clone(),
                work_dir: self.sandbox.join("work"),
                repository: FakeGitHub::slug(),
                commit: None,
            },
            &Scope::unbounded(),
        )
        .unwrap()
    }

    pub(crate) fn bare(&self) -> std::path::PathBuf {
        self.sandbox.join("hub.git")
    }

    fn remote(&self, token: &str) -> Remote {
        Remote { url: self.hub.git_url(), token: Some(SecretString::from(token)) }
    }
}

pub(crate) fn prepared(workspace: &Workspace, answer: &str) -> Vec<PreparedCommit> {
    let changes = vec![
        FileChange {
            path: RepoPath::new("src/app.py").unwrap(),
            before: Some(APP.to_owned()),
            after: Some(APP.replace("41", answer)),
        },
        FileChange {
            path: RepoPath::new("run.sh").unwrap(),
            before: Some("#!/bin/sh\necho hi\n".to_owned()),
            after: Some("#!/bin/sh\necho ho\n".to_owned()),
        },
        FileChange {
            path: RepoPath::new("src/new/x.py").unwrap(),
            before: None,
            after: Some("x = 'ü'\n".to_owned()),
        },
    ];
    let request = CommitRequest { message: format!("fix: answer {answer}\n\nBody."), changes };
    workspace.prepare(workspace.base(), &[request], &Identity::github_actions(), 1_800_000_000).unwrap()
}

pub(crate) fn branch(name: &str) -> BranchName {
    BranchName::new(name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_make_the_same_tree() {
    let scene = Scene::new("on: push\n");
    let workspace = scene.workspace();
    let commits = prepared(&workspace, "42");
    let client = scene.hub.client(JOB_TOKEN);
    let by_api = publish(
        &client,
        &FakeGitHub::slug(),
        &branch("main"),
        &branch("heal/a"),
        &MoveFrom::Absent,
        &commits,
    )
    .await
    .unwrap();
    let by_git = heal_git::push(
        workspace.git_dir(),
        &scene.remote(CLASSIC_PAT),
        &branch("heal/b"),
        &MoveFrom::Absent,
        &commits,
        &Scope::unbounded(),
        TIMEOUT,
    )
    .await
    .unwrap();
    let bare = scene.bare();
    let tree = |commit: &CommitSha| git(&bare, &["rev-parse", &format!("{commit}^{{tree}}")]);
    assert_eq!(tree(&by_api), tree(&by_git));
    assert_eq!(tree(&by_api), commits[0].tree);
    assert_eq!(scene.hub.branch("heal/a").as_deref(), Some(by_api.as_str()));
    assert!(git(&bare, &["ls-tree", "heal/a", "run.sh"]).starts_with("100755 "));
    assert_eq!(git(&bare, &["log", "-1", "--format=%B", "heal/a"]), "fix: answer 42\n\nBody.");
    // A typical publish is cheap: the branch, three files, the tree, the commit, the branch again.
    assert!(client.requests() <= 7, "{:?}", scene.hub.requests());
    // Doing it again changes nothing.
    let again = publish(
        &client,
        &FakeGitHub::slug(),
        &branch("main"),
        &branch("heal/a"),
        &MoveFrom::Absent,
        &commits,
    )
    .await;
    assert_eq!(again.unwrap(), by_api);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_elses_branch_is_moved() {
    let scene = Scene::new("on: push\n");
    let workspace = scene.workspace();
    let commits = prepared(&workspace, "42");
    let client = scene.hub.client(APP_TOKEN);
    let slug = FakeGitHub::slug();
    let main = branch("main");
    let go = async |name: &str, from: MoveFrom, commits: &[PreparedCommit]| {
        publish(&client, &slug, &main, &branch(name), &from, commits).await
    };
    assert!(matches!(
        go("main", MoveFrom::FastForward(workspace.base().clone()), &commits).await,
        Err(ApiError::DefaultBranch { .. })
    ));
    let first = go("heal/a", MoveFrom::Absent, &commits).await.unwrap();
    // Someone pushes to the heal branch.
    write(&scene.repo, "theirs.txt", "x");
    let theirs = commit_all(&scene.repo, "theirs");
    git(&scene.repo, &["push", "-q", "-f", scene.bare().to_str().unwrap(), "HEAD:refs/heads/heal/a"]);
    let other = prepared(&workspace, "43");
    for from in [MoveFrom::Absent, MoveFrom::FastForward(first.clone()), MoveFrom::Replace(first)] {
        let refused = go("heal/a", from, &other).await;
        assert!(matches!(refused, Err(ApiError::Moved { .. })), "{refused:?}");
    }
    assert_eq!(scene.hub.branch("heal/a").as_deref(), Some(theirs.as_str()));
    // What we know to be ours may be replaced, and only from there.
    let theirs = CommitSha::new(&theirs).unwrap();
    let replaced = go("heal/a", MoveFrom::Replace(theirs), &other).await.unwrap();
    assert_eq!(scene.hub.branch("heal/a").as_deref(), Some(replaced.as_str()));
    assert_eq!(scene.hub.branch("main").as_deref(), Some(workspace.base().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_round_goes_on_top_of_the_first() {
    let scene = Scene::new("on: push\n");
    let workspace = scene.workspace();
    let commits = prepared(&workspace, "42");
    let client = scene.hub.client(APP_TOKEN);
    let slug = FakeGitHub::slug();
    let first = publish(&client, &slug, &branch("main"), &branch("heal/a"), &MoveFrom::Absent, &commits)
        .await
        .unwrap();
    // The API's commit has another name than ours, so the next round starts from what GitHub has.
    let mut workspace = workspace;
    let path = RepoPath::new("src/app.py").unwrap();
    let objects = remote_objects(&client, &slug, &first, std::slice::from_ref(&path)).await.unwrap();
    workspace.import(objects).unwrap();
    let change =
        FileChange { path, before: Some(APP.replace("41", "42")), after: Some(APP.replace("41", "44")) };
    let request = CommitRequest { message: "fix: again".to_owned(), changes: vec![change] };
    let next = workspace.prepare(&first, &[request], &Identity::github_actions(), 1).unwrap();
    let second = publish(
        &client,
        &slug,
        &branch("main"),
        &branch("heal/a"),
        &MoveFrom::FastForward(first.clone()),
        &next,
    )
    .await
    .unwrap();
    assert_eq!(git(&scene.bare(), &["rev-parse", "heal/a^"]), first.as_str());
    assert_eq!(
        git(&scene.bare(), &["show", &format!("{second}:src/app.py")]),
        APP.replace("41", "44").trim_end()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_requests_head_is_healed_without_having_it() {
    let scene = Scene::new("on: pull_request\n");
    let workspace_repo = &scene.repo;
    git(workspace_repo, &["checkout", "-q", "-b", "topic"]);
    // On the topic the file has grown at its top.
    write(workspace_repo, "src/app.py", &format!("# topic\n{APP}"));
    let head = commit_all(workspace_repo, "topic");
    git(workspace_repo, &["push", "-q", scene.bare().to_str().unwrap(), "topic"]);
    git(workspace_repo, &["checkout", "-q", "main"]);
    git(workspace_repo, &["branch", "-q", "-D", "topic"]);
    git(workspace_repo, &["reflog", "expire", "--expire=all", "--all"]);
    git(workspace_repo, &["gc", "-q", "--prune=now"]);
    let mut workspace = scene.workspace();
    let head = CommitSha::new(&head).unwrap();
    assert!(!workspace.has_commit(&head));
    let client = scene.hub.client(JOB_TOKEN);
    let change = FileChange {
        path: RepoPath::new("src/app.py").unwrap(),
        before: Some(APP.to_owned()),
        after: Some(APP.replace("41", "42")),
    };
    let objects = remote_objects(
        &client,
        &FakeGitHub::slug(),
        &head,
        &[change.path.clone(), RepoPath::new("a/b").unwrap()],
    )
    .await
    .unwrap();
    workspace.import(objects).unwrap();
    let request = CommitRequest { message: "fix: x".to_owned(), changes: vec![change] };
    let commits = workspace.prepare(&head, &[request], &Identity::github_actions(), 1).unwrap();
    publish(&client, &FakeGitHub::slug(), &branch("main"), &branch("heal/t"), &MoveFrom::Absent, &commits)
        .await
        .unwrap();
    let healed = git(&scene.bare(), &["show", "heal/t:src/app.py"]);
    assert_eq!(healed, format!("# topic\n{}", APP.replace("41", "42")).trim_end());
    assert_eq!(git(&scene.bare(), &["rev-parse", "heal/t^"]), head.as_str());

    // Parts that are not what they claim to be are not taken.
    let mut objects =
        remote_objects(&client, &FakeGitHub::slug(), &head, &[RepoPath::new("run.sh").unwrap()])
            .await
            .unwrap();
    objects.blobs[0].bytes = b"poison".to_vec();
    assert!(matches!(workspace.import(objects), Err(GitError::Repository { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_by_git_carry_one_header_and_are_refused_in_words() {
    let scene = Scene::new("on: push\n");
    let workspace = scene.workspace();
    let commits = prepared(&workspace, "42");
    // What a checkout left in its configuration must not travel along.
    let key = format!("http.{}/.extraheader", scene.hub.api_url());
    git(&scene.repo, &["config", &key, "AUTHORIZATION: basic b2xkOm9sZA=="]);
    let go = async |token: &str, name: &str| {
        heal_git::push(
            workspace.git_dir(),
            &scene.remote(token),
            &branch(name),
            &MoveFrom::Absent,
            &commits,
            &Scope::unbounded(),
            TIMEOUT,
        )
        .await
    };
    go(JOB_TOKEN, "heal/a").await.unwrap();
    assert_eq!(scene.hub.branch("heal/a").as_deref(), Some(commits[0].commit.as_str()));
    match go(READ_ONLY_JOB_TOKEN, "heal/b").await {
        Err(GitError::Command { why, .. }) => assert!(why.contains("403"), "{why}"),
        other => panic!("{other:?}"),
    }
    match go("ghs_unknown", "heal/b").await {
        Err(error) => assert!(!error.to_string().contains("ghs_unknown"), "{error}"),
        Ok(_) => panic!("an unknown token may push"),
    }
    // A workflow file in the history that the server does not have yet.
    write(&scene.repo, ".github/workflows/new.yml", "on: push\n");
    let base = commit_all(&scene.repo, "a workflow");
    let workspace = scene.workspace();
    let commits = workspace
        .prepare(
            &CommitSha::new(&base).unwrap(),
            &[CommitRequest {
                message: "fix".to_owned(),
                changes: vec![FileChange {
                    path: RepoPath::new("src/app.py").unwrap(),
                    before: Some(APP.to_owned()),
                    after: Some("x\n".to_owned()),
                }],
            }],
            &Identity::github_actions(),
            1,
        )
        .unwrap();
    let pushed = heal_git::push(
        workspace.git_dir(),
        &scene.remote(CLASSIC_PAT),
        &branch("heal/w"),
        &MoveFrom::Absent,
        &commits,
        &Scope::unbounded(),
        TIMEOUT,
    )
    .await;
    assert!(pushed.is_ok(), "{pushed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_rights_are_told_with_the_right_that_is_missing() {
    let scene = Scene::new("on: push\n");
    let commits = prepared(&scene.workspace(), "42");
    let client = scene.hub.client(READ_ONLY_JOB_TOKEN);
    let refused = publish(
        &client,
        &FakeGitHub::slug(),
        &branch("main"),
        &branch("heal/a"),
        &MoveFrom::Absent,
        &commits,
    )
    .await
    .unwrap_err();
    assert!(matches!(refused, ApiError::Forbidden { .. }), "{refused}");
    assert!(refused.hint().unwrap().contains("contents=write"));
    assert_eq!(scene.hub.branch("heal/a"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_on_the_way_is_survived() {
    let scene = Scene::new("on: push\n");
    let commits = prepared(&scene.workspace(), "42");
    let client = scene.hub.client(APP_TOKEN);
    scene.hub.fault("GET /repos", Fault::Status(502));
    scene.hub.fault("POST /repos/octo/widget/git/blobs", Fault::SecondaryLimit { retry_after: 0 });
    scene.hub.fault("POST /repos/octo/widget/git/trees", Fault::CutOff);
    scene.hub.fault("POST /repos/octo/widget/git/commits", Fault::PrimaryLimit);
    scene.hub.fault("POST /repos/octo/widget/git/refs", Fault::Status(500));
    publish(&client, &FakeGitHub::slug(), &branch("main"), &branch("heal/a"), &MoveFrom::Absent, &commits)
        .await
        .unwrap();
    assert!(scene.hub.branch("heal/a").is_some());
    // What is no answer of GitHub's is said to be unreadable, and nothing is claimed.
    scene.hub.fault("GET /repos", Fault::NotJson);
    let unreadable = publish(
        &client,
        &FakeGitHub::slug(),
        &branch("main"),
        &branch("heal/b"),
        &MoveFrom::Absent,
        &commits,
    )
    .await;
    assert!(matches!(unreadable, Err(ApiError::Unreadable { .. })), "{unreadable:?}");
    for _ in 0..4 {
        scene.hub.fault("GET /repos", Fault::Status(503));
    }
    let down = publish(
        &client,
        &FakeGitHub::slug(),
        &branch("main"),
        &branch("heal/b"),
        &MoveFrom::Absent,
        &commits,
    )
    .await;
    assert!(matches!(down, Err(ApiError::Server { status: 503, .. })), "{down:?}");
}

fn text(cause: &str, body: &str) -> PullRequestText {
    PullRequestText {
        title: "fix: the answer\nsecond line".to_owned(),
        body: body.to_owned(),
        draft: false,
        mark: PullRequestMarker { cause: cause.to_owned(), ..PullRequestMarker::default() },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pull_requests_are_found_by_their_mark_brought_up_to_date_and_closed() {
    let scene = Scene::new("on: push\n");
    let commits = prepared(&scene.workspace(), "42");
    let client = scene.hub.client(APP_TOKEN);
    let slug: RepoSlug = FakeGitHub::slug();
    let (main, heal) = (branch("main"), branch("heal/a"));
    publish(&client, &slug, &main, &heal, &MoveFrom::Absent, &commits).await.unwrap();
    let look = async |look| existing_pull_requests(&client, &slug, &main, look).await.unwrap();
    assert_eq!(look(PullRequestState::Open).await, []);
    let opened = open_pull_request(&client, &slug, &main, &heal, &text("f00d", "first")).await.unwrap();
    // The same heal again, from a later run: found by its mark, brought up to date.
    let found = look(PullRequestState::Open).await;
    assert_eq!((&found[0].reference, &found[0].branch), (&opened, &heal));
    assert_eq!(found[0].mark.cause, "f00d");
    let updated = open_pull_request(&client, &slug, &main, &heal, &text("f00d", &"long ".repeat(20_000)))
        .await
        .unwrap();
    assert_eq!(updated.number, opened.number);
    let pulls = scene.hub.pulls();
    assert_eq!(pulls.len(), 1);
    assert_eq!(pulls[0].title, "fix: the answer");
    assert!(pulls[0].body.len() < 65_536 && pulls[0].body.contains("cause:f00d "), "{}", pulls[0].body);
    // People may close it, and then it stands for a fix they did not want; merged it does not.
    scene.hub.change_pull(1, |pull| pull.open = false);
    assert_eq!(look(PullRequestState::Open).await, []);
    assert_eq!(look(PullRequestState::Rejected).await[0].mark.cause, "f00d");
    scene.hub.change_pull(1, |pull| pull.merged = true);
    assert_eq!(look(PullRequestState::Rejected).await, []);
    // Closed by us it says why, and is no longer known.
    scene.hub.change_pull(1, |pull| (pull.open, pull.merged) = (true, false));
    let heals = look(PullRequestState::Open).await;
    close_pull_request(&client, &slug, &heals[0], "not needed").await.unwrap();
    let pull = &scene.hub.pulls()[0];
    assert!(!pull.open && pull.body.starts_with("not needed\n\nlong "), "{}", pull.body);
    assert_eq!(look(PullRequestState::Rejected).await, []);
}
