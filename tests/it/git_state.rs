//! The sandbox's `.git` is what CI's checkout would leave after the fix is pushed: looked at with the real git, by steps in
//! real containers, and by whole heals whose checks ask git.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ci_healer::contract::build::{BuildPlan, Checkout, ImageChoice, MULTI_RUNTIME_IMAGE};
use ci_healer::contract::event::Purpose;
use ci_healer::contract::fix::FileChange;
use ci_healer::contract::git::{CommitSha, RepoPath, RepoSlug};
use ci_healer::executor::{Copies, Request};
use ci_healer::git::{Workspace, WorkspaceOptions};
use ci_healer::scope::Scope;

use crate::executor::{Plain, Run, log, plan, step};
use crate::heal::Story;
use crate::support::git::{Sandbox, commit_all, git, try_git, write};

fn open(sandbox: &Sandbox, source: &Path, commit: Option<&str>) -> Workspace {
    let options = WorkspaceOptions {
        with_working_tree: false,
        source: source.to_owned(),
        work_dir: sandbox.join("work"),
        repository: RepoSlug::new("o/r").unwrap(),
        commit: commit.map(|c| CommitSha::new(c).unwrap()),
    };
    Workspace::create_blocking(&options, &Scope::unbounded()).unwrap()
}

fn checkout(reference: &str, fetch_depth: u32, fetch_tags: bool) -> Checkout {
    Checkout {
        reference: Some(reference.to_owned()),
        fetch_depth,
        fetch_tags,
        remote: Some("https://github.com/o/r".to_owned()),
    }
}

fn fixed(workspace: &Workspace) -> FileChange {
    let path = RepoPath::new("src/app.py").unwrap();
    let before = workspace.base_text(&path).unwrap();
    FileChange { path, after: Some(before.replace("41", "42")), before: Some(before) }
}

/// A worktree that has the workspace's files and the `.git` made for them.
fn lay_out(
    sandbox: &Sandbox,
    workspace: &Workspace,
    checkout: &Checkout,
    left_out: &[FileChange],
) -> PathBuf {
    let dir = workspace.sandbox_git_dir(Some(checkout), left_out).unwrap().unwrap();
    let place = sandbox.join("place");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).unwrap();
    let (from, to) = (dir.to_str().unwrap(), place.join(".git"));
    let copied = Command::new("cp").args(["-r", from, to.to_str().unwrap()]).status();
    assert!(copied.unwrap().success());
    // Brings the files of HEAD, as a checkout does.
    git(&place, &["checkout", "-q", "--", "."]);
    place
}

fn history(place: &Path) -> Vec<String> {
    git(place, &["log", "--format=%H"]).lines().map(str::to_owned).collect()
}

#[test]
fn on_a_branch_head_is_a_child_of_the_failing_commit() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    git(&repo, &["tag", "v1"]);
    let head = commit_all(&repo, "second");
    git(&repo, &["branch", "other"]);
    let mut workspace = open(&sandbox, &repo, Some(&head));
    let main = checkout("refs/heads/main", 0, false);

    let place = lay_out(&sandbox, &workspace, &main, &[]);
    assert_eq!(git(&place, &["rev-parse", "HEAD"]), head, "with nothing changed it is the failing commit");

    workspace.apply(&[fixed(&workspace)]).unwrap();
    let place = lay_out(&sandbox, &workspace, &main, &[]);
    let id = git(&place, &["rev-parse", "HEAD"]);
    assert_eq!(git(&place, &["rev-parse", "HEAD^"]), head);
    assert_eq!(git(&place, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(git(&place, &["rev-parse", "refs/remotes/origin/main"]), id);
    assert_eq!(git(&place, &["diff", "--name-only", "HEAD^"]), "src/app.py");
    assert_eq!(git(&place, &["status", "--porcelain"]), "");
    assert_eq!(git(&place, &["remote", "get-url", "origin"]), "https://github.com/o/r");
    assert_eq!(git(&place, &["describe", "--tags"]), format!("v1-2-g{}", &id[..7]));
    let refs = git(&place, &["for-each-ref", "--format=%(refname)"]);
    assert_eq!(refs, "refs/heads/main\nrefs/remotes/origin/main\nrefs/remotes/origin/other\nrefs/tags/v1");
    git(&place, &["fsck", "--strict", "--no-dangling"]);

    // The same tree is the same commit, whatever came between.
    let change = fixed(&workspace);
    let back = FileChange { before: change.after.clone(), after: change.before.clone(), path: change.path };
    let there = workspace.changes();
    workspace.revert(&there).unwrap();
    let place = lay_out(&sandbox, &workspace, &main, &[]);
    assert_eq!(git(&place, &["rev-parse", "HEAD"]), head);
    workspace.apply(&there).unwrap();
    let place = lay_out(&sandbox, &workspace, &main, &[]);
    assert_eq!(git(&place, &["rev-parse", "HEAD"]), id);
    // And what the protected proof restores is not in its commit.
    let place = lay_out(&sandbox, &workspace, &main, &[back]);
    assert_eq!(git(&place, &["rev-parse", "HEAD"]), head);
}

#[test]
fn depth_and_tags_are_those_of_the_checkouts_inputs() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    git(&repo, &["tag", "v1"]);
    for n in 2..5 {
        commit_all(&repo, &format!("commit {n}"));
    }
    let mut workspace = open(&sandbox, &repo, None);
    workspace.apply(&[fixed(&workspace)]).unwrap();
    for (depth, commits, is_shallow) in
        [(1, 1, "true"), (2, 2, "true"), (4, 4, "true"), (9, 5, "false"), (0, 5, "false")]
    {
        let place = lay_out(&sandbox, &workspace, &checkout("refs/heads/main", depth, false), &[]);
        assert_eq!(history(&place).len(), commits, "depth {depth}");
        assert_eq!(git(&place, &["rev-parse", "--is-shallow-repository"]), is_shallow, "depth {depth}");
        assert_eq!(git(&place, &["tag"]), if depth == 0 { "v1" } else { "" }, "depth {depth}");
        git(&place, &["fsck", "--strict", "--no-dangling"]);
    }
    let place = lay_out(&sandbox, &workspace, &checkout("refs/heads/main", 1, true), &[]);
    assert_eq!((history(&place).len(), git(&place, &["tag"])), (1, "v1".to_owned()));

    // A checkout as actions/checkout makes it stays one commit deep.
    let shallow = sandbox.join("shallow");
    let url = format!("file://{}", repo.display());
    git(sandbox.path(), &["clone", "-q", "--depth=1", &url, shallow.to_str().unwrap()]);
    let mut workspace = open(&sandbox, &shallow, None);
    workspace.apply(&[fixed(&workspace)]).unwrap();
    let place = lay_out(&sandbox, &workspace, &checkout("refs/heads/main", 1, false), &[]);
    assert_eq!(history(&place).len(), 1);
    let place = lay_out(&sandbox, &workspace, &checkout("refs/heads/main", 0, false), &[]);
    assert_eq!(history(&place).len(), 2, "what the checkout lacks cannot be had here");
}

#[test]
fn of_a_pull_request_it_is_the_merge_with_the_fixed_head() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    git(&repo, &["checkout", "-q", "-b", "topic"]);
    write(&repo, "topic.txt", "of the topic\n");
    let topic = commit_all(&repo, "on the topic");
    git(&repo, &["checkout", "-q", "main"]);
    write(&repo, "README", "base moved\n");
    let base = commit_all(&repo, "on main");
    git(&repo, &["merge", "-q", "--no-ff", "-m", "merge", "topic"]);
    let merge = git(&repo, &["rev-parse", "HEAD"]);
    let mut workspace = open(&sandbox, &repo, Some(&merge));
    let pull = |depth| checkout("refs/pull/7/merge", depth, false);
    let place = lay_out(&sandbox, &workspace, &pull(1), &[]);
    assert_eq!(history(&place), [merge]);

    workspace.apply(&[fixed(&workspace)]).unwrap();
    let place = lay_out(&sandbox, &workspace, &pull(0), &[]);
    assert!(!try_git(&place, &["symbolic-ref", "-q", "HEAD"]).0, "HEAD is detached");
    let head = git(&place, &["rev-parse", "HEAD"]);
    assert_eq!(git(&place, &["rev-parse", "refs/remotes/pull/7/merge"]), head);
    assert_eq!(git(&place, &["rev-parse", "HEAD^1"]), base);
    assert_eq!(git(&place, &["rev-parse", "HEAD^2^"]), topic);
    // What the base brought is not in the head's commit; the fix is.
    assert_eq!(git(&place, &["diff", "--name-only", "HEAD^2^", "HEAD^2"]), "src/app.py");
    assert_eq!(git(&place, &["diff", "--name-only", "HEAD^2", "HEAD"]), "README");
    let place = lay_out(&sandbox, &workspace, &pull(1), &[]);
    assert_eq!(history(&place), [head]);
    assert_eq!(git(&place, &["status", "--porcelain"]), "");
}

/// The image with git in it.
fn git_plan(script: &str) -> BuildPlan {
    let image = ImageChoice {
        reference: MULTI_RUNTIME_IMAGE.to_owned(),
        why: "a test".to_owned(),
        from_container: false,
        runtimes: Vec::new(),
        env: BTreeMap::new(),
        options: None,
    };
    BuildPlan { image, ..plan(vec![step(script)]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_execution_has_its_own_clean_git() {
    let sandbox = Sandbox::new();
    let repo = sandbox.repository("r", &[]);
    git(&repo, &["repack", "-q", "-a", "-d"]);
    let mut run = Run::new("git-state", |o| o.timeout = Duration::from_secs(120)).await;
    let mut workspace = open(&sandbox, &repo, None);
    workspace.apply(&[fixed(&workspace)]).unwrap();
    let main = checkout("refs/heads/main", 1, false);
    let mut ids = Vec::new();
    // Each one makes of git what no later one may see.
    let spoil = "git diff-index --quiet HEAD || { echo 'the index is not clean'; exit 1; }\n\
         test -z \"$(git status --porcelain)\" && git diff --exit-code && test -d .git/hooks && test -z \"$(ls .git/hooks)\"\n\
         git log -1 --format=%H\ngit tag v9\necho x >.git/hooks/pre-commit\necho y >>src/app.py\n\
         git -c user.name=x -c user.email=x@y commit -qam later\ngit gc -q --prune=now";
    for (script, fresh) in [
        (spoil, false),
        (spoil, false),
        (&*format!("{spoil}\nrm -rf .git"), false),
        (spoil, false),
        (spoil, true),
    ] {
        let git_dir = workspace.sandbox_git_dir(Some(&main), &[]).unwrap();
        let request = Request {
            purpose: Purpose::Attempt,
            tree: &workspace,
            git_dir: git_dir.as_deref(),
            fresh,
            from_snapshot: !fresh,
            copies: Copies::None,
            leg: 0,
            probes: &[],
            repeats: None,
            watched: None,
            tracer: None,
        };
        let result =
            run.executor.execute(&git_plan(script), &Plain, &request, run.events.as_ref(), &run.scope).await;
        assert!(result.is_green(), "{:?}\n{}", result.exit, log(&result));
        // Other lines are git's hints on stderr.
        let log = log(&result);
        ids.push(log.lines().find(|l| l.len() == 40 && !l.contains(' ')).unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_ne!(ids[0], workspace.base().as_str());
    run.close().await;
}

/// The fault that all heals below have: the log itself says what to do about it.
const NO_COLON: &str = "def add(a, b)\n    return a + b\n";

/// A workflow of one job with these steps after the checkout.
fn workflow(checkout_inputs: &str, steps: &[&str]) -> String {
    let mut text = format!(
        "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n{checkout_inputs}"
    );
    for step in steps {
        text.push_str("      - run: |\n");
        for line in step.lines() {
            text.push_str(&format!("          {line}\n"));
        }
    }
    text
}

async fn heals(files: &[(&str, &str)], workflow: &str, before: impl FnOnce(&Path)) {
    let mut all = vec![(".github/workflows/ci.yml", workflow), ("calc.py", NO_COLON)];
    all.extend_from_slice(files);
    let mut story = Story::new(&all).flag("no-push", "true").flag("flaky-runs", "1");
    if let Ok(bundle) = std::env::var("SSL_CERT_FILE") {
        story = story.flag("ca-bundle", &bundle);
    }
    before(&story.repo());
    story.heal().await.expect("healed", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_generated_code_pass_with_the_fix() {
    let generate = "import calc\nopen('sum.txt', 'w').write(f'{calc.add(2, 3)}\\n')\n";
    let workflow = workflow(
        "",
        &[
            "python3 gen.py",
            "git diff --exit-code\ntest -z \"$(git status --porcelain -uno)\"\ngit diff-index --quiet HEAD --",
        ],
    );
    heals(&[("gen.py", generate), ("sum.txt", "5\n")], &workflow, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_need_a_clean_tree_run_after_the_fix() {
    let workflow = workflow(
        "        with:\n          fetch-depth: 0\n",
        &[
            "python3 -B -c 'import calc'",
            "git describe --tags --dirty | tee version\ngrep -q '^v1-2-g.......$' version\nrm version",
            "cargo package --offline --no-verify",
            "rm -rf target\ngit config user.name x\ngit config user.email x@example.org\nnpm version patch",
            "git describe --exact-match --tags HEAD",
        ],
    );
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"widget\"\nversion = \"0.1.0\"\nedition = \"2021\"\nlicense = \"MIT\"\ndescription = \"x\"\n",
        ),
        ("src/lib.rs", ""),
        ("package.json", "{\"name\": \"widget\", \"version\": \"1.0.0\"}\n"),
    ];
    heals(&files, &workflow, |repo| {
        git(repo, &["tag", "v1"]);
        commit_all(repo, "after the tag");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_compares_with_the_commit_passes() {
    let workflow = workflow(
        "",
        &[
            "python3 -m py_compile calc.py",
            "cp check.sh .git/hooks/pre-commit\nchmod +x .git/hooks/pre-commit\ngit hook run pre-commit",
        ],
    );
    let check = "#!/bin/sh\nset -e\ngit diff --cached --quiet\ngit diff --quiet\ngit ls-files -m | grep . && exit 1\nexit 0\n";
    heals(&[("check.sh", check), (".gitignore", "__pycache__\n")], &workflow, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_ask_git_for_a_version_or_for_changes_run_after_the_fix() {
    // The version has the distance to the tag, and no date, which only a changed tree has.
    let version = "pip install -q .\npip show widget | tee version\n\
        grep -Eq '^Version: 1\\.0\\.1\\.dev2\\+g[0-9a-f]+$' version\nrm version\n\
        pyproject-build -w\nls dist/widget-1.0.1.dev2+g*.whl";
    let install = "uv tool install -q build\nuv tool install -q 'pre-commit==4.*'";
    let hooks = "pre-commit run --from-ref HEAD~1 --to-ref HEAD\ngrep -qx calc.py .git/seen\n\
        pre-commit run --all-files\ngrep -q pyproject.toml .git/seen\n\
        pre-commit install\ngit -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m more";
    let workflow = workflow(
        "        with:\n          fetch-depth: 0\n",
        &[install, "python3 -B -c 'import calc'", version, hooks],
    );
    let files = [
        (
            "pyproject.toml",
            "[build-system]\nrequires = [\"setuptools>=77\", \"setuptools-scm>=8\"]\nbuild-backend = \"setuptools.build_meta\"\n\n[project]\nname = \"widget\"\ndynamic = [\"version\"]\n\n[tool.setuptools]\npy-modules = [\"calc\"]\n\n[tool.setuptools_scm]\n",
        ),
        (
            ".pre-commit-config.yaml",
            "repos:\n  - repo: local\n    hooks:\n      - id: seen\n        name: seen\n        entry: sh -c 'printf \"%s\\n\" \"$@\" >.git/seen' --\n        language: system\n        require_serial: true\n",
        ),
    ];
    heals(&files, &workflow, |repo| {
        git(repo, &["tag", "v1.0.0"]);
        commit_all(repo, "after the tag");
    })
    .await;
}
