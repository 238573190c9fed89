//! The examples are what people copy: each workflow lacks nothing, the script behind `/heal` checks what it says, and the
//! recipes make patch and branch with each CI's own variables.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::plan;

use crate::support::git::{Sandbox, commit_all, git, write};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Workflows as they would lie in a repository.
struct Workflows(Vec<TreeFile>, BTreeMap<String, Vec<u8>>);

impl Workflows {
    fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        let entry = |path: &String| TreeFile {
            path: RepoPath::new(path).unwrap(),
            mode: FileMode::Regular,
            id: String::new(),
        };
        Self(files.keys().map(entry).collect(), files)
    }
}

impl SourceTree for Workflows {
    fn files(&self) -> &[TreeFile] {
        &self.0
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.1.get(path.as_str()).cloned()
    }
}

fn workflow(name: &str) -> Vec<u8> {
    std::fs::read(root().join("examples/workflows").join(name)).unwrap()
}

#[test]
fn each_workflow_lacks_nothing() {
    for (name, also_ci) in [("job-of-its-own.yml", false), ("split.yml", false), ("after-ci.yml", true)] {
        let mut files = BTreeMap::from([(format!(".github/workflows/{name}"), workflow(name))]);
        if also_ci {
            let ci = "name: CI\non: [push, workflow_dispatch]\njobs: {test: {runs-on: ubuntu-latest, steps: [{run: make}]}}\n";
            files.insert(".github/workflows/ci.yml".to_owned(), ci.as_bytes().to_vec());
        }
        let survey = plan::survey(&Workflows::new(files));
        assert!(!survey.healing.is_empty(), "{name}");
        for job in survey.healing {
            assert!(job.lacks.is_empty(), "{name}: {job:?}");
        }
    }
    // GitHub takes the others, too; so does our reader.
    for name in ["on-comment.yml", "on-label.yml", "organisation.yml"] {
        let files = BTreeMap::from([(format!(".github/workflows/{name}"), workflow(name))]);
        let others = plan::survey(&Workflows::new(files)).others;
        assert!(others.iter().all(|(_, why)| !why.contains("line")), "{name}: {others:?}");
    }
}

/// The script of a workflow's only step.
fn script_of(name: &str) -> String {
    let workflow: serde_yaml::Value = serde_yaml::from_slice(&workflow(name)).unwrap();
    let steps = workflow["jobs"]["dispatch"]["steps"].as_sequence().unwrap().clone();
    assert!(steps.iter().all(|step| step.get("uses").is_none()), "{name} runs something of somebody's");
    steps[0]["run"].as_str().unwrap().to_owned()
}

/// A `gh` that answers from files and writes down what it is asked to do. `heads` are given out one after the other.
fn fake_gh(dir: &Path, permission: &str, heads: &[&str], run: &str) {
    write(dir, "permission", permission);
    write(dir, "heads", &(heads.join("\n") + "\n"));
    write(dir, "run", run);
    write(
        dir,
        "bin/gh",
        "#!/bin/sh\ncase \"$*\" in\n  'workflow run'*) echo \"$*\" >>dispatched ;;\n  *collaborators*) cat permission ;;\n  *pulls/*) head -n 1 heads; sed -i 1d heads ;;\n  *actions/runs*) echo \"$*\" >>asked; cat run ;;\n  *) exit 9 ;;\nesac\n",
    );
    std::fs::set_permissions(dir.join("bin/gh"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_comment_dispatches_for_who_may_write_and_the_head_of_that_moment() {
    let script = script_of("on-comment.yml");
    assert_eq!(script, script_of("on-label.yml"));
    let (url, head) = ("https://github.com/o/r/actions/runs/7", "4444444");
    for (permission, heads, run, dispatched) in [
        ("write", [head, head], url, true),
        ("admin", [head, head], url, true),
        ("read", [head, head], url, false),
        ("none", [head, head], url, false),
        ("write", [head, "5555555"], url, false),
        ("write", [head, head], "", false),
        ("write", ["", ""], "", false),
    ] {
        let dir = Sandbox::new();
        fake_gh(dir.path(), permission, &heads, run);
        let path = format!("{}:{}", dir.join("bin").display(), std::env::var("PATH").unwrap());
        let out = Command::new("bash")
            .args(["-e", "-o", "pipefail", "-c", &script])
            .env("PATH", path)
            .env("GITHUB_REPOSITORY", "o/r")
            .env("NUMBER", "5")
            .env("ASKED_BY", "ada")
            .env("ASKED_AT", "2026-01-01T00:00:00Z")
            .current_dir(dir.path())
            .output()
            .unwrap();
        let told = std::fs::read_to_string(dir.join("dispatched")).unwrap_or_default();
        let case = format!("{permission} {heads:?} {run}: {told}{out:?}");
        assert_eq!((out.status.success(), !told.is_empty()), (dispatched, dispatched), "{case}");
        if dispatched {
            assert_eq!(
                told.trim(),
                format!("workflow run ci-healer.yml --repo o/r --field run={url}"),
                "{case}"
            );
            let asked = std::fs::read_to_string(dir.join("asked")).unwrap();
            assert!(
                asked.contains("head_sha=4444444") && asked.contains("< \"2026-01-01T00:00:00Z\""),
                "{asked}"
            );
        }
    }
}

/// A clone with a commit to heal, and a `ci-healer` that writes a patch and the proof of it.
fn broken(dir: &Sandbox) -> (PathBuf, String) {
    let repo = dir.join("repo");
    git(dir.path(), &["init", "-q", "-b", "topic", repo.to_str().unwrap()]);
    write(&repo, "calc.py", "def add(a, b)\n    return a + b\n");
    write(&repo, ".gitignore", ".ci-healer/\n");
    let head = commit_all(&repo, "broken");
    git(dir.path(), &["clone", "-q", "--bare", repo.to_str().unwrap(), dir.join("origin").to_str().unwrap()]);
    git(&repo, &["remote", "add", "origin", dir.join("origin").to_str().unwrap()]);
    write(
        dir.path(),
        "bin/ci-healer",
        "#!/bin/sh\n[ -z \"${GITHUB_ACTIONS:-}\" ] || exit 7\necho \"$*\" >asked\n[ -n \"${NO_FIX:-}\" ] && exit 1\nmkdir -p .ci-healer\necho '{}' >.ci-healer/proof.json\ncat >.ci-healer/fix.patch <<'PATCH'\n--- a/calc.py\n+++ b/calc.py\n@@ -1,2 +1,2 @@\n-def add(a, b)\n+def add(a, b):\n     return a + b\nPATCH\n",
    );
    std::fs::set_permissions(dir.join("bin/ci-healer"), std::fs::Permissions::from_mode(0o755)).unwrap();
    (repo, head)
}

fn heal(dir: &Sandbox, repo: &Path, variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let out = Command::new("sh")
        .arg(root().join("examples/recipes/heal.sh"))
        .args(["--command", "python3 calc.py"])
        .env_clear()
        .env("PATH", format!("{}:{}", dir.join("bin").display(), std::env::var("PATH").unwrap()))
        .envs(variables.iter().copied())
        .current_dir(repo)
        .output()
        .unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    (text, out.status.code())
}

#[test]
fn recipes_make_patch_and_branch_with_each_ci_s_variables() {
    let dir = Sandbox::new();
    let (repo, head) = broken(&dir);
    let short = &head[..7];
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("topic", &[("GITLAB_CI", "true"), ("CI_COMMIT_SHA", &head), ("CI_COMMIT_REF_NAME", "topic")]),
        (
            "mr",
            &[
                ("GITLAB_CI", "true"),
                ("CI_COMMIT_SHA", &head),
                ("CI_COMMIT_REF_NAME", "refs/merge-requests/1/head"),
                ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "mr"),
            ],
        ),
        ("kite", &[("BUILDKITE", "true"), ("BUILDKITE_COMMIT", "HEAD"), ("BUILDKITE_BRANCH", "kite")]),
        ("butler", &[("JENKINS_URL", "http://ci"), ("GIT_COMMIT", &head), ("GIT_BRANCH", "origin/butler")]),
        (
            "change",
            &[
                ("JENKINS_URL", "http://ci"),
                ("GIT_COMMIT", &head),
                ("BRANCH_NAME", "PR-1"),
                ("CHANGE_BRANCH", "change"),
            ],
        ),
        (
            "forge",
            &[
                ("GITHUB_ACTIONS", "true"),
                ("FORGEJO_ACTIONS", "true"),
                ("GITHUB_SHA", &head),
                ("GITHUB_REF_NAME", "forge"),
            ],
        ),
        (
            "tea",
            &[
                ("GITHUB_ACTIONS", "true"),
                ("GITEA_ACTIONS", "true"),
                ("GITHUB_SHA", &head),
                ("GITHUB_REF_NAME", "tea"),
            ],
        ),
        ("topic", &[]),
    ];
    for (branch, variables) in cases {
        let (said, code) = heal(&dir, &repo, variables);
        assert_eq!(code, Some(0), "{variables:?}: {said}");
        let asked = std::fs::read_to_string(repo.join("asked")).unwrap();
        assert_eq!(asked.trim(), format!("heal --no-push --commit {head} --command python3 calc.py"));
        let heal = format!("heal/{branch}-{short}");
        assert_eq!(git(&repo, &["rev-parse", &format!("{heal}^")]), head, "{said}");
        assert_eq!(git(&repo, &["show", &format!("{heal}:calc.py")]), "def add(a, b):\n    return a + b");
        std::fs::remove_file(repo.join("asked")).unwrap();
        assert_eq!(git(&repo, &["status", "--porcelain"]), "", "the checkout stays as it is");
    }
    let pushed = |name: &str| git(&dir.join("origin"), &["for-each-ref", &format!("refs/heads/{name}")]);
    assert_eq!(pushed(&format!("heal/topic-{short}")), "");
    heal(&dir, &repo, &[("HEAL_PUSH", "true")]);
    assert!(pushed(&format!("heal/topic-{short}")).contains("commit"));
    let (_, code) = heal(&dir, &repo, &[("NO_FIX", "1")]);
    assert_eq!(code, Some(1));
    assert!(!repo.join(".ci-healer/fix.patch").exists(), "an earlier run's patch is none of this one");
}
