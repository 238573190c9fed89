//! `ci-healer init` as people meet it: shown, written, checked.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::git::{Sandbox, git, write};

fn init(repo: &Path, flags: &[&str]) -> (String, Option<i32>) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_ci-healer"))
        .env_clear()
        .args(["init", "--repo", repo.to_str().unwrap()])
        .args(flags)
        .output()
        .unwrap();
    (format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr)), status.code())
}

const CI: &str = "name: CI\non:\n  pull_request:\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v7\n      - run: make test\n";
const FILE: &str = ".github/workflows/ci.yml";

#[test]
fn what_is_written_is_shown_first_and_lacks_nothing_then() {
    let dir = Sandbox::new();
    let repo = dir.join("repo");
    git(dir.path(), &["init", "-q", repo.to_str().unwrap()]);
    git(&repo, &["remote", "add", "origin", "git@github.com:octo/widget.git"]);
    write(&repo, FILE, CI);
    let here = || std::fs::read_to_string(repo.join(FILE)).unwrap();

    let (said, code) = init(&repo, &["--check"]);
    assert_eq!((code, said.contains("no workflow calls ci-healer")), (Some(1), true), "{said}");
    for flags in [&["--dry-run"][..], &[]] {
        let (said, code) = init(&repo, flags);
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("+  heal:\n") && said.contains("+  workflow_dispatch:\n"), "{said}");
        assert_eq!(here(), CI, "nobody answered");
    }
    let (said, code) = init(&repo, &["--yes"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("https://github.com/octo/widget/settings/secrets/actions/new"), "{said}");
    assert!(here().contains("    needs: [test]\n"), "{}", here());
    let (said, code) = init(&repo, &["--check"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("job heal: nothing is missing"), "{said}");

    // Something of it is taken away.
    std::fs::write(repo.join(FILE), here().replace("      actions: write ", "      actions: read ")).unwrap();
    let (said, code) = init(&repo, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("`actions: write` under `permissions:`"), "{said}");
    // Whoever wants another placement says so, and a link is not written through.
    std::os::unix::fs::symlink("/nonexistent/x", repo.join(".github/workflows/ci-healer.yml")).unwrap();
    let (said, code) = init(&repo, &["--placement=workflow", "--yes"]);
    assert_eq!(code, Some(2), "{said}");
}
