//! A run of GitHub's, named by its address from a clone: whose it has to be, and which commit is looked at. Without an
//! engine: the run ends when it would run something.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{CiScript, FakeGitHub, FakeJob, JOB_TOKEN, SLUG};

const CI: &str = ".github/workflows/ci.yml";

struct Clone {
    dir: Sandbox,
    hub: FakeGitHub,
    /// The failed commit of `topic`.
    failed: String,
}

impl Clone {
    fn new() -> Self {
        let dir = Sandbox::new();
        let seed = dir.repository("seed", &[]);
        write(
            &seed,
            CI,
            "name: CI\non: push\njobs:\n  lint:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - name: Test\n        run: echo of-the-run\n",
        );
        git(&seed, &["checkout", "-q", "-b", "topic"]);
        let failed = commit_all(&seed, "failed");
        let bare = dir.join("widget.git");
        git(dir.path(), &["clone", "-q", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()]);
        git(&seed, &["remote", "add", "origin", &format!("git@github.com:{SLUG}.git")]);
        git(&seed, &["checkout", "-q", "main"]);
        Self { hub: FakeGitHub::start(&bare), dir, failed }
    }

    fn seed(&self) -> PathBuf {
        self.dir.join("seed")
    }

    /// A run of `topic` whose job `test` failed.
    fn failed_run(&self) -> u64 {
        let steps = vec![("Set up job", "success"), ("Test", "failure")];
        let jobs = vec![
            FakeJob::new("lint", "success", "ok\n"),
            FakeJob { steps, ..FakeJob::new("test", "failure", "no\n") },
        ];
        let script = CiScript { conclusion: "failure", jobs, ..CiScript::passes() };
        self.hub.past_run(CI, &self.failed, "topic", script)
    }

    fn heal(&self, run: &str, flags: &[&str]) -> (String, Value) {
        let report = self.seed().join(".ci-healer");
        let _ = std::fs::remove_dir_all(&report);
        let out = Command::new(env!("CARGO_BIN_EXE_ci-healer"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("GITHUB_API_URL", self.hub.api_url())
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
            .args(["heal", "--no-push", "--providers=toolchain", "--repo", self.seed().to_str().unwrap()])
            .arg(format!("--run={run}"))
            .args(flags)
            .output()
            .unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        let results = std::fs::read(report.join("results.json")).unwrap_or_default();
        (said, serde_json::from_slice(&results).unwrap_or_default())
    }
}

#[test]
fn a_run_is_healed_as_it_saw_itself() {
    let clone = Clone::new();
    let run = clone.failed_run();
    let token = format!("--github-token={JOB_TOKEN}");
    let address = format!("https://github.com/{SLUG}/actions/runs/{run}/job/1");
    // Its own commit and failed job, whatever is checked out or lies there.
    write(&clone.seed(), CI, "nonsense: [");
    for named in [address.as_str(), &run.to_string()] {
        let (said, results) = clone.heal(named, &[&token]);
        assert_eq!(results["sha"], clone.failed, "{said}");
        assert_eq!(results["plan"]["job"], "test", "{said}");
        assert_eq!(results["run"]["id"], run, "{said}");
        assert!(said.contains("Docker"), "{said}");
    }

    let (said, results) = clone.heal(&address, &[]);
    assert_eq!(results["outcome"], "refused", "{said}");
    assert!(said.contains("there is no token to ask for the run"), "{said}");
    let (said, results) = clone.heal("https://github.com/octo/other/actions/runs/1", &[&token]);
    assert_eq!(results["outcome"], "refused", "{said}");
    assert!(said.contains("is of octo/other, and this is octo/widget"), "{said}");

    // Somebody pushed since.
    let seed = clone.seed();
    git(&seed, &["checkout", "-q", "-f", "topic"]);
    write(&seed, "new.txt", "new\n");
    commit_all(&seed, "moved");
    git(&seed, &["push", "-q", clone.dir.join("widget.git").to_str().unwrap(), "topic"]);
    let (said, results) = clone.heal(&address, &[&token]);
    assert_eq!(results["outcome"], "refused", "{said}");
    assert!(said.contains("topic has moved on"), "{said}");
    // Of a fork, it is looked at and no more.
    clone.hub.is_from_a_fork(run);
    let (said, results) = clone.heal(&address, &[&token]);
    assert_eq!(results["plan"]["job"], "test", "{said}");
}
