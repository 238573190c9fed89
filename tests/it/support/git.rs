//! Real repositories for stories, made by the real git.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A directory with git in it, gone when dropped.
pub(crate) struct Sandbox {
    dir: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A repository `name` on branch `main` with one commit of a few files.
    pub(crate) fn repository(&self, name: &str, extra: &[&str]) -> PathBuf {
        let dir = self.join(name);
        let mut args = vec!["init", "-q", "-b", "main"];
        args.extend(extra);
        args.push(dir.to_str().unwrap());
        git(self.path(), &args);
        write(&dir, "src/app.py", "import os\n\n\ndef answer():\n    return 41\n");
        write(&dir, "run.sh", "#!/bin/sh\necho hi\n");
        make_executable(&dir.join("run.sh"));
        std::os::unix::fs::symlink("src/app.py", dir.join("link.py")).unwrap();
        write(&dir, ".github/workflows/ci.yml", "on: push\njobs: {}\n");
        commit_all(&dir, "first");
        dir
    }
}

pub(crate) fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

pub(crate) fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

pub(crate) fn commit_all(dir: &Path, message: &str) -> String {
    git(dir, &["add", "-A"]);
    git(dir, &["commit", "-q", "--allow-empty", "-m", message]);
    git(dir, &["rev-parse", "HEAD"])
}

/// Runs git without the machine's configuration and returns what it printed, trimmed.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let (ok, out, err) = try_git(dir, args);
    assert!(ok, "git {args:?} in {}: {err}", dir.display());
    out
}

pub(crate) fn try_git(dir: &Path, args: &[&str]) -> (bool, String, String) {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
        .env("GIT_ALLOW_PROTOCOL", "file:https:http")
        .output()
        .unwrap();
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}
