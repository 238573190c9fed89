//! The private clone takes every kind of checkout, changes none, and its commits hold the edits and nothing else.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ci_healer::contract::fix::FileChange;
use ci_healer::contract::git::{
    BranchName, CommitSha, FileMode, Identity, MoveFrom, RepoPath, RepoSlug, SourceTree,
};
use ci_healer::git::{CommitRequest, GitError, Remote, Workspace, WorkspaceOptions, fetch, push};
use ci_healer::scope::Scope;

use crate::support::git::{Sandbox, commit_all, git, try_git, write};

const APP: &str = "import os\n\n\ndef answer():\n    return 41\n";
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(60);

fn open(sandbox: &Sandbox, source: &Path) -> Result<Workspace, GitError> {
    Workspace::create_blocking(
        &WorkspaceOptions {
            with_working_tree: false,
            source: source.to_owned(),
            work_dir: sandbox.join("work"),
            repository: RepoSlug::new("o/r").unwrap(),
            commit: None,
        },
        &Scope::unbounded(),
    )
}

fn path(text: &str) -> RepoPath {
    RepoPath::new(text).unwrap()
}

fn change(at: &str, before: Option<&str>, after: Option<&str>) -> FileChange {
    FileChange { path: path(at), before: before.map(str::to_owned), after: after.map(str::to_owned) }
}

fn healed() -> FileChange {
    change("src/app.py", Some(APP), Some(&APP.replace("41", "42")))
}

fn request(changes: Vec<FileChange>) -> CommitRequest {
    CommitRequest { message: "fix: answer\n\nProven.".to_owned(), changes }
}

#[test]
fn edits_lie_over_the_commit_and_can_be_taken_back() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let mut workspace = open(&sandbox, &repo).unwrap();
    assert_eq!(workspace.base().as_str(), git(&repo, &["rev-parse", "HEAD"]));
    let names: Vec<&str> = workspace.files().iter().map(|f| f.path.as_str()).collect();
    assert_eq!(names, [".github/workflows/ci.yml", "link.py", "run.sh", "src/app.py"]);
    assert_eq!(workspace.entry(&path("run.sh")).unwrap().mode, FileMode::Executable);
    assert_eq!(workspace.read(&path("link.py")).unwrap(), b"src/app.py");

    let before = workspace.entry(&path("src/app.py")).unwrap().id.clone();
    let edits = [
        healed(),
        change("new/mod.py", None, Some("x = 1\n")),
        change("run.sh", Some("#!/bin/sh\necho hi\n"), None),
    ];
    workspace.apply(&edits).unwrap();
    assert_ne!(workspace.entry(&path("src/app.py")).unwrap().id, before);
    assert_eq!(workspace.read_text(&path("new/mod.py")).as_deref(), Some("x = 1\n"));
    assert!(workspace.entry(&path("run.sh")).is_none());
    assert_eq!(workspace.changes().len(), 3);

    // A change made for other content is refused, and then none of the batch is there.
    let stale = [change("other.py", None, Some("y\n")), healed()];
    assert!(matches!(workspace.apply(&stale), Err(GitError::DoesNotApply { .. })));
    assert!(workspace.entry(&path("other.py")).is_none());

    workspace.revert(&edits).unwrap();
    assert_eq!(workspace.entry(&path("src/app.py")).unwrap().id, before);
    assert_eq!(workspace.entry(&path("run.sh")).unwrap().mode, FileMode::Executable);
    assert_eq!(workspace.changes(), []);
}

#[test]
fn git_workflows_and_links_are_never_edited() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let mut workspace = open(&sandbox, &repo).unwrap();
    for at in [".github/workflows/ci.yml", ".GitHub/workflows/x.yml", "a/.git/config", ".gitmodules"] {
        let result = workspace.apply(&[change(at, None, Some("x"))]);
        assert!(matches!(result, Err(GitError::Protected { .. })), "{at}: {result:?}");
    }
    let link = workspace.apply(&[change("link.py", Some("src/app.py"), Some("/etc/passwd"))]);
    assert!(matches!(link, Err(GitError::DoesNotApply { .. })), "{link:?}");
}

#[test]
fn commits_hold_the_parents_tree_plus_the_edits() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    // What lies about in the checkout is no part of any commit.
    write(&repo, "node_modules/x.js", "droppings");
    write(&repo, "src/app.py", "dirty\n");
    let workspace = open(&sandbox, &repo).unwrap();
    assert!(workspace.notes().iter().any(|n| n.contains("src/app.py")), "{:?}", workspace.notes());
    let script = change("run.sh", Some("#!/bin/sh\necho hi\n"), Some("#!/bin/sh\necho ho\n"));
    let commits = workspace
        .prepare(
            workspace.base(),
            &[request(vec![healed()]), request(vec![script])],
            &Identity::github_actions(),
            1_800_000_000,
        )
        .unwrap();
    assert_eq!(commits.len(), 2);
    assert_eq!(commits[1].parent, commits[0].commit);
    assert_eq!(commits[1].base_tree, commits[0].tree);
    let clone = workspace.git_dir();
    let range = format!("{}..{}", workspace.base(), commits[1].commit);
    assert_eq!(git(clone, &["diff", "--raw", "--abbrev=1", "--format=", &range]).lines().count(), 2);
    let modes = git(clone, &["ls-tree", commits[1].commit.as_str(), "run.sh"]);
    assert!(modes.starts_with("100755 "), "{modes}");
    let who = git(clone, &["log", "-1", "--format=%an <%ae> %cn %at", commits[1].commit.as_str()]);
    assert_eq!(
        who,
        "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com> github-actions[bot] 1800000000"
    );
    git(clone, &["fsck", "--strict", "--no-dangling"]);
    // The same commits again are the same objects.
    let same = workspace.prepare(
        workspace.base(),
        &[request(vec![healed()])],
        &Identity::github_actions(),
        1_800_000_000,
    );
    assert_eq!(same.unwrap()[0].commit, commits[0].commit);
    assert_eq!(
        workspace.prepare(workspace.base(), &[request(vec![])], &Identity::github_actions(), 0),
        Err(GitError::NoChange)
    );
}

#[test]
fn the_sandboxs_git_is_clean_and_carries_no_secret() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    git(&repo, &["config", "http.https://github.com/.extraheader", "AUTHORIZATION: basic canary"]);
    git(&repo, &["config", "core.fsmonitor", "/tmp/evil"]);
    git(&repo, &["remote", "add", "origin", "https://x:canary@github.com/o/r"]);
    write(&repo, ".git/hooks/pre-push", "#!/bin/sh\ntouch /tmp/owned\n");
    let id = git(&repo, &["rev-parse", "HEAD"]);
    write(&repo, &format!(".git/refs/replace/{id}"), &format!("{id}\n"));
    let workspace = open(&sandbox, &repo).unwrap();
    let dir = workspace.sandbox_git_dir(None, &[]).unwrap().unwrap();
    assert_eq!(std::fs::read_dir(dir.join("hooks")).unwrap().count(), 0);
    assert!(!dir.join("refs/replace").exists());
    let config = std::fs::read_to_string(dir.join("config")).unwrap();
    assert!(!config.contains("canary") && !config.contains("evil"), "{config}");
    // Checked out beside its files, git sees nothing to commit.
    let copy = sandbox.join("copy");
    let from = dir.to_str().unwrap();
    git(sandbox.path(), &["clone", "-q", repo.to_str().unwrap(), copy.to_str().unwrap()]);
    std::fs::remove_dir_all(copy.join(".git")).unwrap();
    let copied =
        std::process::Command::new("cp").args(["-r", from, copy.join(".git").to_str().unwrap()]).status();
    assert!(copied.unwrap().success());
    assert_eq!(git(&copy, &["status", "--porcelain"]), "");
    assert_eq!(git(&copy, &["rev-parse", "--abbrev-ref", "HEAD"]), "main");
}

#[test]
fn a_pull_requests_merge_is_run_and_its_head_is_healed() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    git(&repo, &["checkout", "-q", "-b", "topic"]);
    let head = commit_all(&repo, "on the topic");
    git(&repo, &["checkout", "-q", "main"]);
    write(&repo, "README", "base moved\n");
    commit_all(&repo, "on main");
    git(&repo, &["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    let merge = git(&repo, &["rev-parse", "HEAD"]);
    git(&repo, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    // As checkout leaves it: one commit, detached.
    let checkout = sandbox.join("checkout");
    git(sandbox.path(), &["init", "-q", checkout.to_str().unwrap()]);
    git(
        &checkout,
        &["fetch", "-q", "--depth=1", repo.to_str().unwrap(), &format!("+{merge}:refs/remotes/pull/1/merge")],
    );
    git(&checkout, &["checkout", "-q", "--detach", "refs/remotes/pull/1/merge"]);
    let workspace = open(&sandbox, &checkout).unwrap();
    assert_eq!(workspace.base().as_str(), merge);
    let head = CommitSha::new(&head).unwrap();
    assert!(!workspace.has_commit(&head));
    let missing = workspace.prepare(&head, &[request(vec![healed()])], &Identity::github_actions(), 0);
    assert!(matches!(missing, Err(GitError::CommitMissing { .. })));

    let remote = Remote { url: repo.to_str().unwrap().to_owned(), token: None };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fetch(workspace.git_dir(), &remote, &head, &Scope::unbounded(), TIMEOUT)).unwrap();
    assert!(workspace.has_commit(&head));
    let commits =
        workspace.prepare(&head, &[request(vec![healed()])], &Identity::github_actions(), 0).unwrap();
    let branch = BranchName::new("heal/topic").unwrap();
    runtime
        .block_on(push(
            workspace.git_dir(),
            &remote,
            &branch,
            &MoveFrom::Absent,
            &commits,
            &Scope::unbounded(),
            TIMEOUT,
        ))
        .unwrap();
    assert_eq!(git(&repo, &["diff", "--name-only", head.as_str(), "heal/topic"]), "src/app.py");
    assert_eq!(git(&repo, &["rev-parse", "heal/topic^"]), head.as_str());
}

#[test]
fn a_branch_is_moved_only_from_where_we_know_it() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let bare = sandbox.join("remote.git");
    git(sandbox.path(), &["clone", "-q", "--bare", repo.to_str().unwrap(), bare.to_str().unwrap()]);
    // A hook in the clone's reach must not run.
    let workspace = open(&sandbox, &repo).unwrap();
    let remote = Remote { url: bare.to_str().unwrap().to_owned(), token: None };
    let commits = workspace
        .prepare(workspace.base(), &[request(vec![healed()])], &Identity::github_actions(), 0)
        .unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let go = |branch: &str, from: MoveFrom| {
        let branch = BranchName::new(branch).unwrap();
        runtime.block_on(push(
            workspace.git_dir(),
            &remote,
            &branch,
            &from,
            &commits,
            &Scope::unbounded(),
            TIMEOUT,
        ))
    };
    assert!(matches!(
        go("main", MoveFrom::FastForward(workspace.base().clone())),
        Err(GitError::DefaultBranch { .. })
    ));
    go("heal/a", MoveFrom::Absent).unwrap();
    // Doing it twice is no error.
    go("heal/a", MoveFrom::Absent).unwrap();
    git(&repo, &["push", "-q", bare.to_str().unwrap(), "HEAD:refs/heads/heal/b"]);
    write(&repo, "theirs", "x");
    let theirs = commit_all(&repo, "someone else");
    git(&repo, &["push", "-q", bare.to_str().unwrap(), "HEAD:refs/heads/heal/b"]);
    for from in [
        MoveFrom::Absent,
        MoveFrom::FastForward(workspace.base().clone()),
        MoveFrom::Replace(workspace.base().clone()),
    ] {
        let refused = go("heal/b", from);
        assert!(matches!(refused, Err(GitError::Moved { .. })), "{refused:?}");
    }
    assert_eq!(git(&bare, &["rev-parse", "heal/b"]), theirs);
    go("heal/b", MoveFrom::Replace(CommitSha::new(&theirs).unwrap())).unwrap();
    assert_eq!(git(&bare, &["rev-parse", "heal/b"]), commits[0].commit.as_str());
    // A server's rule.
    write(&bare, "hooks/pre-receive", "#!/bin/sh\necho 'branch is protected' >&2\nexit 1\n");
    crate::support::git::make_executable(&bare.join("hooks/pre-receive"));
    match go("heal/c", MoveFrom::Absent) {
        Err(GitError::Rejected { why, .. }) => assert!(why.contains("branch is protected"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn odd_repositories() {
    let sandbox = Sandbox::new();
    // SHA-256.
    let sha256 = sandbox.repository("sha256", &["--object-format=sha256"]);
    let workspace = open(&sandbox, &sha256).unwrap();
    assert_eq!(workspace.base().as_str().len(), 64);
    let commits = workspace
        .prepare(workspace.base(), &[request(vec![healed()])], &Identity::github_actions(), 0)
        .unwrap();
    git(workspace.git_dir(), &["fsck", "--strict", "--no-dangling"]);
    assert_eq!(commits[0].tree.len(), 64);

    // No commits.
    let empty = sandbox.join("empty");
    git(sandbox.path(), &["init", "-q", empty.to_str().unwrap()]);
    assert!(matches!(open(&sandbox, &empty), Err(GitError::Empty { .. })));
    assert!(matches!(open(&sandbox, &sandbox.join("nothing")), Err(GitError::Source { .. })));

    // Names that are no text stay in commits.
    let odd = sandbox.repository("odd", &[]);
    std::fs::write(odd.join(std::ffi::OsStr::from_bytes(b"caf\xe9.txt")), "x").unwrap();
    commit_all(&odd, "latin-1");
    let workspace = open(&sandbox, &odd).unwrap();
    assert!(workspace.notes().iter().any(|n| n.contains("1 files have names")), "{:?}", workspace.notes());
    let commits = workspace
        .prepare(workspace.base(), &[request(vec![healed()])], &Identity::github_actions(), 0)
        .unwrap();
    let listed = git(workspace.git_dir(), &["ls-tree", "-r", "--name-only", commits[0].commit.as_str()]);
    assert!(listed.contains("caf\\351.txt"), "{listed}");

    // Submodules are listed and kept.
    let with_sub = sandbox.repository("with-sub", &[]);
    git(
        &with_sub,
        &["-c", "protocol.file.allow=always", "submodule", "add", "-q", odd.to_str().unwrap(), "vendor/odd"],
    );
    commit_all(&with_sub, "submodule");
    let workspace = open(&sandbox, &with_sub).unwrap();
    assert_eq!(workspace.entry(&path("vendor/odd")).unwrap().mode, FileMode::Submodule);
    assert_eq!(workspace.read(&path("vendor/odd")), None);
    // What CI had of it is there to be built, and never edited.
    assert_eq!(workspace.read(&path("vendor/odd/src/app.py")).unwrap(), APP.as_bytes());
    let mut workspace = workspace;
    let inside = workspace.apply(&[change("vendor/odd/src/app.py", Some(APP), Some("x\n"))]);
    assert!(matches!(inside, Err(GitError::DoesNotApply { .. })), "{inside:?}");
    // The submodule itself is a repository whose .git is a file.
    assert!(open(&sandbox, &with_sub.join("vendor/odd")).is_ok());

    // Linked worktrees.
    let tree = sandbox.join("tree");
    git(&odd, &["worktree", "add", "-q", tree.to_str().unwrap(), "-b", "side"]);
    let workspace = open(&sandbox, &tree).unwrap();
    assert_eq!(workspace.base().as_str(), git(&tree, &["rev-parse", "HEAD"]));
    // A planted .git file leads nowhere.
    let planted = sandbox.join("planted");
    write(&planted, ".git", &format!("gitdir: {}/.git\n", odd.display()));
    assert!(matches!(open(&sandbox, &planted), Err(GitError::Source { .. })));
    // Nor does a link.
    let linked = sandbox.join("linked");
    std::fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(odd.join(".git"), linked.join(".git")).unwrap();
    assert!(matches!(open(&sandbox, &linked), Err(GitError::Source { .. })));
}

#[test]
fn partial_dirty_and_colliding_checkouts() {
    let sandbox = Sandbox::new();
    let origin = sandbox.repository("origin", &[]);
    // On some systems these are one file; a commit holds both.
    write(&origin, "docs/Readme.txt", "upper\n");
    write(&origin, "docs/readme.txt", "lower\n");
    write(&origin, "dos.txt", "one\r\ntwo\r\n");
    std::os::unix::fs::symlink("/etc/passwd", origin.join("out")).unwrap();
    std::os::unix::fs::symlink("../../outside", origin.join("docs/up")).unwrap();
    commit_all(&origin, "second");
    let url = format!("file://{}", origin.display());
    let clone = |name: &str, extra: &[&str]| {
        let dir = sandbox.join(name);
        git(sandbox.path(), &[&["clone", "-q"][..], extra, &[&url, dir.to_str().unwrap()]].concat());
        dir
    };

    // Of a sparse checkout everything is there, and of a shallow one what CI ran.
    let sparse = clone("sparse", &[]);
    git(&sparse, &["sparse-checkout", "set", "--no-cone", "/src/"]);
    assert!(!sparse.join("dos.txt").exists());
    let shallow = clone("shallow", &["--depth=1"]);
    git(&shallow, &["checkout", "-q", "--detach"]);
    for dir in [&sparse, &shallow] {
        let mut workspace = open(&sandbox, dir).unwrap();
        assert_eq!(workspace.base().as_str(), git(&origin, &["rev-parse", "HEAD"]));
        assert_eq!(workspace.read(&path("dos.txt")).unwrap(), b"one\r\ntwo\r\n");
        assert_eq!(workspace.read(&path("docs/Readme.txt")).unwrap(), b"upper\n");
        assert_eq!(workspace.read(&path("docs/readme.txt")).unwrap(), b"lower\n");
        // Links are links, wherever they lead.
        for link in ["out", "docs/up"] {
            assert_eq!(workspace.entry(&path(link)).unwrap().mode, FileMode::Symlink);
            assert_eq!(workspace.read_text(&path(link)), None, "{link}");
        }
        let edit = change("dos.txt", Some("one\r\ntwo\r\n"), Some("one\r\n2\r\n"));
        workspace.apply(std::slice::from_ref(&edit)).unwrap();
        let commits = workspace
            .prepare(workspace.base(), &[request(vec![edit])], &Identity::github_actions(), 0)
            .unwrap();
        let changed = git(
            workspace.git_dir(),
            &["diff", "--name-status", workspace.base().as_str(), commits[0].commit.as_str()],
        );
        assert_eq!(changed, "M\tdos.txt");
        let blob = format!("{}:dos.txt", commits[0].commit);
        assert_eq!(git(workspace.git_dir(), &["cat-file", "-s", &blob]), "8");
    }

    // What lies about in a checkout is no part of the commit that failed.
    let dirty = clone("dirty", &[]);
    write(&dirty, "src/app.py", "broken by hand\n");
    write(&dirty, "stray.txt", "stray\n");
    std::fs::remove_file(dirty.join("dos.txt")).unwrap();
    let workspace = open(&sandbox, &dirty).unwrap();
    assert_eq!(workspace.read(&path("src/app.py")).unwrap(), APP.as_bytes());
    assert!(workspace.entry(&path("stray.txt")).is_none() && workspace.entry(&path("dos.txt")).is_some());
    assert_eq!(std::fs::read_to_string(dirty.join("src/app.py")).unwrap(), "broken by hand\n");
}

/// `cargo test --test it -- --ignored --nocapture large_repositories`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes and gigabytes; prints what it costs"]
async fn large_repositories_cost_no_memory() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("large", &[]);
    for i in 0..100_000 {
        write(&repo, &format!("d{:03}/f{i:06}.txt", i / 500), &format!("{i}\n"));
    }
    // GitHub takes no larger ones, but in LFS.
    let size = 100 << 20;
    for i in 0..20_u8 {
        // Noise, so that it does not shrink.
        let mut noise = std::fs::File::open("/dev/urandom").unwrap();
        let mut file = std::fs::File::create(repo.join(format!("large-{i}.bin"))).unwrap();
        std::io::copy(&mut std::io::Read::take(&mut noise, size), &mut file).unwrap();
    }
    commit_all(&repo, "100,000 files, 2 GB");
    let high_water = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
    };
    let (started, before) = (std::time::Instant::now(), high_water());
    let workspace = open(&sandbox, &repo).unwrap();
    println!("opened in {:.1} s, {before} -> {} MiB", started.elapsed().as_secs_f64(), high_water());
    let minutes = std::time::Duration::from_secs(1800);
    let mut run = crate::executor::Run::new("large", |options| options.timeout = minutes).await;
    let started = std::time::Instant::now();
    let result = run.on(&workspace, "find . -type f | wc -l; cat large-13.bin | wc -c").await;
    // Links are none to `find -type f`.
    let files = git(&repo, &["ls-files", "-s"]).lines().filter(|line| line.starts_with("100")).count();
    assert_eq!(crate::executor::log(&result), format!("{files}\n{size}\n"), "{:?}", result.exit);
    let peak = high_water();
    println!("copied and run in {:.1} s, {peak} MiB", started.elapsed().as_secs_f64());
    // A blob is held whole.
    assert!(peak < before + 3 * (size >> 20), "{before} MiB, then {peak} MiB");
    run.close().await;
}

#[test]
fn a_checkout_without_git_stands_for_itself() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let tree = git(&repo, &["rev-parse", "HEAD^{tree}"]);
    std::fs::remove_dir_all(repo.join(".git")).unwrap();
    write(&repo, ".gitignore", "node_modules\n");
    write(&repo, "node_modules/x.js", "droppings");
    std::fs::remove_file(repo.join(".gitignore")).unwrap();
    std::fs::remove_dir_all(repo.join("node_modules")).unwrap();
    let workspace = open(&sandbox, &repo).unwrap();
    assert!(workspace.has_synthetic_base());
    assert_eq!(workspace.base_tree(), tree);
    assert_eq!(workspace.sandbox_git_dir(None, &[]), Ok(None));

    write(&repo, ".gitignore", "node_modules\n");
    write(&repo, "node_modules/x.js", "droppings");
    let workspace = open(&sandbox, &repo).unwrap();
    assert!(workspace.entry(&path("node_modules/x.js")).is_none());
    assert!(workspace.entry(&path(".github/workflows/ci.yml")).is_some());
}

#[test]
fn what_a_partial_or_borrowing_clone_lacks_is_found_or_told() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    git(&repo, &["config", "uploadpack.allowFilter", "true"]);
    git(&repo, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let partial = sandbox.join("partial");
    let url = format!("file://{}", repo.display());
    git(sandbox.path(), &["clone", "-q", "--filter=blob:none", &url, partial.to_str().unwrap()]);
    open(&sandbox, &partial).unwrap();
    // Borrowed objects are not followed.
    let borrowing = sandbox.join("borrowing");
    git(sandbox.path(), &["clone", "-q", "--shared", repo.to_str().unwrap(), borrowing.to_str().unwrap()]);
    let error = open(&sandbox, &borrowing).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    assert!(try_git(&borrowing, &["status"]).0);
}

#[test]
fn a_read_only_checkout_stays_untouched() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let listing = |dir: &Path| {
        let output =
            std::process::Command::new("find").arg(dir).args(["-printf", "%p %m %T@ %s\n"]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    std::fs::set_permissions(&repo, std::fs::Permissions::from_mode(0o555)).unwrap();
    let before = listing(&repo);
    let mut workspace = open(&sandbox, &repo).unwrap();
    workspace.apply(&[healed()]).unwrap();
    workspace
        .prepare(&workspace.base().clone(), &[request(vec![healed()])], &Identity::github_actions(), 0)
        .unwrap();
    drop(workspace);
    assert_eq!(listing(&repo), before);
    std::fs::set_permissions(&repo, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn files_kept_in_lfs_are_read_as_ci_had_them_and_committed_as_they_were() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let digest = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 6\n");
    write(&repo, ".gitattributes", "*.bin filter=lfs -text\n");
    write(&repo, "model.bin", &pointer);
    write(&repo, "other.bin", &pointer);
    commit_all(&repo, "pointers");
    // As a checkout with LFS leaves it; the other file is not what its pointer says.
    write(&repo, "model.bin", "hello\n");
    write(&repo, "other.bin", "hullo\n");
    let workspace = open(&sandbox, &repo).unwrap();
    assert_eq!(workspace.read(&path("model.bin")).unwrap(), b"hello\n");
    assert_eq!(workspace.read(&path("other.bin")).unwrap(), pointer.as_bytes());
    for file in workspace.files() {
        let (size, mut content) = workspace.open(&file.path).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut content, &mut bytes).unwrap();
        assert_eq!(
            (size, &bytes),
            (bytes.len() as u64, &workspace.read(&file.path).unwrap()),
            "{}",
            file.path
        );
    }
    let parent = workspace.base().clone();
    let commits =
        workspace.prepare(&parent, &[request(vec![healed()])], &Identity::github_actions(), 0).unwrap();
    assert_eq!(
        git(workspace.git_dir(), &["show", &format!("{}:model.bin", commits[0].commit)]),
        pointer.trim_end()
    );
}

#[test]
fn a_clone_from_an_address_is_a_source_too() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let bare = sandbox.join("clone.git");
    let remote = Remote { url: format!("file://{}", repo.display()), token: None };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(ci_healer::git::clone(&remote, &bare, &Scope::unbounded(), TIMEOUT)).unwrap();
    let workspace = open(&sandbox, &bare).unwrap();
    assert_eq!(workspace.base().as_str(), git(&repo, &["rev-parse", "HEAD"]));
    let gone = Remote { url: sandbox.join("gone").display().to_string(), token: None };
    let error = runtime
        .block_on(ci_healer::git::clone(&gone, &sandbox.join("x"), &Scope::unbounded(), TIMEOUT))
        .unwrap_err();
    assert!(matches!(error, GitError::Command { .. }), "{error}");
}

#[test]
fn the_newest_commit_that_touched_lines_is_found_as_far_as_the_history_is_here() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    let sha = |text: String| CommitSha::new(&text).unwrap();
    let numbers = |change: &[(usize, &str)]| {
        let line =
            |n: usize| change.iter().find(|(at, _)| *at == n).map_or(n.to_string(), |(_, s)| (*s).to_owned());
        (1..=20).map(|n| line(n) + "\n").collect::<String>()
    };
    write(&repo, "n", &numbers(&[]));
    let green = sha(commit_all(&repo, "green"));
    write(&repo, "n", &numbers(&[(10, "ten")]));
    let ten = sha(commit_all(&repo, "say ten\n\nWhy not?"));
    // On a branch of its own, which is merged; lines above come in between.
    git(&repo, &["checkout", "-q", "-b", "side"]);
    write(&repo, "n", &numbers(&[(10, "ten"), (15, "fifteen")]));
    let fifteen = sha(commit_all(&repo, "say fifteen"));
    git(&repo, &["checkout", "-q", "main"]);
    write(&repo, "n", &numbers(&[(2, "two\nand more"), (10, "ten")]));
    commit_all(&repo, "say two");
    git(&repo, &["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    write(
        &repo,
        "n",
        &numbers(&[(2, "two\nand more"), (10, "ten"), (15, "fifteen"), (19, "19\nx")]).replace("\n5\n", "\n"),
    );
    let last = sha(commit_all(&repo, "take five out"));
    let workspace = open(&sandbox, &repo).unwrap();
    let touched = |workspace: &Workspace, first, count| {
        workspace
            .last_touched((&green, &last), &path("n"), (first, count))
            .map(|c| (c.sha, c.author, c.message))
    };
    let by_ada = |sha: &CommitSha, message: &str| Some((sha.clone(), "Ada".to_owned(), message.to_owned()));
    // Line 5 is gone and another came: what was line 10 stands there still.
    assert_eq!(touched(&workspace, 10, 1), by_ada(&ten, "say ten\n\nWhy not?\n"));
    assert_eq!(touched(&workspace, 15, 1), by_ada(&fifteen, "say fifteen\n"));
    assert_eq!(touched(&workspace, 6, 0), by_ada(&last, "take five out\n"));
    assert_eq!(touched(&workspace, 12, 1), None, "as it was when it was green");
    assert_eq!(touched(&workspace, 900, 1), None);
    // A checkout without its history.
    let shallow = sandbox.join("shallow");
    let url = format!("file://{}", repo.display());
    git(sandbox.path(), &["clone", "-q", "--depth", "1", &url, shallow.to_str().unwrap()]);
    let workspace = open(&sandbox, &shallow).unwrap();
    assert_eq!(touched(&workspace, 10, 1), None);
}
