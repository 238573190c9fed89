//! A repository on the in-memory GitHub whose run has just failed, a runner with its checkout, and what a step left.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::action_image::{self, docker};
use crate::support::events::assert_rebuilds;
use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{CiScript, FakeGitHub, FakeJob, JOB_TOKEN, SLUG};
use crate::support::llm::ScriptedLlm;
use crate::support::runner::{Checkout, Credentials, Finished, Runner, Running, Step};

pub(crate) const CI_FILE: &str = ".github/workflows/ci.yml";
/// Shows in every log what the sandbox can see.
pub(crate) const CI: &str = "\
name: CI
on:
  push:
    branches: [main]
  pull_request:
  workflow_dispatch:
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: Test
        run: |
          env
          cat .git/config || true
          python3 -m unittest
      - name: Heal
        if: failure()
        uses: ci-healer/ci-healer@v1
";
pub(crate) const MENDED: &str = "def add(a, b):\n    return a + b\n";
/// What the log itself says how to fix.
pub(crate) const NO_COLON: &str = "def add(a, b)\n    return a + b\n";
pub(crate) const TEST: &str = "\
import unittest

from calc import add


class AddTest(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)
";
pub(crate) const MODEL_KEY: &str = "model-key-canary-5b1d";

/// The address under which containers reach this machine.
pub(crate) fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| {
        let format = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}{{end}}";
        let (ok, text) = docker(&["network", "inspect", "bridge", "--format", format]);
        assert!(ok, "{text}");
        // Some engines leave the gateway out; it is the first address of the network.
        let (gateway, subnet) = text.split_once(' ').unwrap_or(("", &text));
        if gateway.parse::<IpAddr>().is_ok() {
            return gateway.to_owned();
        }
        let (base, _) = subnet.trim().rsplit_once('.').unwrap();
        format!("{base}.1")
    })
}

pub(crate) struct Stage {
    dir: Sandbox,
    pub(crate) hub: FakeGitHub,
    /// The failing commit on `main`.
    pub(crate) head: String,
    pub(crate) run: u64,
}

impl Stage {
    /// `main` holds `files`, and its run has failed in the step Test, in which job the healing step runs.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self::with_message(files, "broken")
    }

    pub(crate) fn with_message(files: &[(&str, &str)], message: &str) -> Self {
        Self::of_commits(&[(files, message)]).0
    }

    /// `main` was green with the first files, then the second ones came upon them. Gives the green commit as well; its run
    /// is the caller's to tell of.
    pub(super) fn since_green(green: &[(&str, &str)], failing: &[(&str, &str)]) -> (Self, String) {
        let (stage, mut commits) = Self::of_commits(&[(green, "green"), (failing, "broken")]);
        (stage, commits.swap_remove(0))
    }

    /// Files upon files; the last commit is the failing one.
    fn of_commits(commits: &[(&[(&str, &str)], &str)]) -> (Self, Vec<String>) {
        let dir = Sandbox::new();
        let seed = dir.join("seed");
        git(dir.path(), &["init", "-q", "-b", "main", seed.to_str().unwrap()]);
        let commit = |(files, message): &(&[(&str, &str)], &str)| {
            for (path, text) in *files {
                write(&seed, path, text);
            }
            commit_all(&seed, message)
        };
        let commits: Vec<String> = commits.iter().map(commit).collect();
        let head = commits.last().unwrap().clone();
        let bare = dir.join("widget.git");
        git(dir.path(), &["clone", "-q", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()]);
        let hub = FakeGitHub::start_on(&bare, host().parse().unwrap(), host());
        let mut stage = Self { dir, hub, head, run: 0 };
        stage.run = stage.failed_run(&stage.head, "main");
        (stage, commits)
    }

    /// A calculator that lacks a colon.
    pub(crate) fn calculator() -> Self {
        Self::new(&[(CI_FILE, CI), ("calc.py", NO_COLON), ("test_calc.py", TEST)])
    }

    /// The run we are in: the test step has failed, the healing step runs.
    pub(crate) fn failed_run(&self, sha: &str, branch: &str) -> u64 {
        let steps = vec![("Set up job", "success"), ("Test", "failure"), ("Heal", "")];
        let job = FakeJob { steps, runner: "GitHub Actions 7", ..FakeJob::new("test", "", "") };
        let script = CiScript { conclusion: "", jobs: vec![job], ..CiScript::passes() };
        self.hub.past_run(CI_FILE, sha, branch, script)
    }

    /// The same, with nothing failed.
    pub(super) fn green_run(&self, sha: &str, branch: &str) -> u64 {
        let steps = vec![("Set up job", "success"), ("Test", "success"), ("Heal", "")];
        let job = FakeJob { steps, runner: "GitHub Actions 7", ..FakeJob::new("test", "", "") };
        let script = CiScript { conclusion: "", jobs: vec![job], ..CiScript::passes() };
        self.hub.past_run(CI_FILE, sha, branch, script)
    }

    pub(crate) fn seed(&self) -> PathBuf {
        self.dir.join("seed")
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.dir.join("widget.git")
    }

    /// A hosted runner after `actions/checkout` of `main`.
    pub(crate) fn runner(&self) -> Runner {
        let runner = Runner::new(SLUG).owned_by(1001);
        self.check_out(&runner, Checkout::Branch("main"), Credentials::V6);
        runner
    }

    pub(crate) fn check_out(&self, runner: &Runner, what: Checkout<'_>, credentials: Credentials) {
        runner.checkout(&self.bare(), "https://github.com", what, credentials, JOB_TOKEN);
    }

    /// The healing step after a failed push to `main`.
    pub(crate) fn step(&self) -> Step {
        let event = json!({"after": self.head, "repository": {"full_name": SLUG, "default_branch": "main"}});
        Step::new(action_image::tag())
            .context("API_URL", self.hub.api_url())
            .context("SHA", &self.head)
            .context("RUN_ID", &self.run.to_string())
            .with("check-run-id", &(self.run * 1000).to_string())
            .with("flaky-runs", "1")
            .with("gemini-api-key", MODEL_KEY)
            .with("providers", "toolchain")
            .token(JOB_TOKEN)
            .event(event)
    }

    /// Lets the step run, and checks what holds for every end.
    pub(crate) fn heal(&self, runner: &Runner, step: &Step) -> Ended {
        Ended::of(runner, runner.start(step))
    }

    /// The same, for ends that come before there is anything to check.
    pub(crate) fn attempt(&self, runner: &Runner, step: &Step) -> Finished {
        let finished = runner.run(step);
        assert!(finished.errors.is_empty() && finished.log.errors.is_empty(), "{}", finished.text());
        finished
    }

    pub(crate) fn heal_branches(&self) -> Vec<String> {
        let out = git(&self.bare(), &["for-each-ref", "--format=%(refname:short)", "refs/heads/heal"]);
        out.lines().map(str::to_owned).collect()
    }

    pub(crate) fn show(&self, what: &str) -> String {
        // `git` trims the end.
        git(&self.bare(), &["show", what]) + "\n"
    }

    /// The only heal branch: its name, commit, parent, and the paths that the commit changes.
    #[track_caller]
    pub(crate) fn heal_commit(&self) -> (String, String, String, Vec<String>) {
        let branches = self.heal_branches();
        let [branch] = branches.as_slice() else { panic!("not one heal branch: {branches:?}") };
        let sha = git(&self.bare(), &["rev-parse", branch]);
        let parent = git(&self.bare(), &["rev-parse", &format!("{branch}^")]);
        let changed = git(&self.bare(), &["diff", "--name-only", &parent, &sha]);
        (branch.clone(), sha, parent, changed.lines().map(str::to_owned).collect())
    }
}

/// Everything in the engine that the container `owner` made.
pub(crate) fn leftovers(owner: &str) -> String {
    let label = format!("label=ci-healer.owner=container {owner}");
    let list = |args: &[&str]| docker(&[args, &["--filter", &label]].concat()).1;
    list(&["ps", "-aq"])
        + &list(&["volume", "ls", "-q"])
        + &list(&["network", "ls", "-q"])
        + &list(&["images", "-aq"])
}

pub(crate) trait WithModel {
    fn with_gemini(self, server: &ScriptedLlm) -> Self;
}

impl WithModel for Step {
    fn with_gemini(self, server: &ScriptedLlm) -> Self {
        self.with("providers", "toolchain,gemini").with("gemini-base-url", &server.base_url())
    }
}

/// A step that ended, with its files.
pub(crate) struct Ended {
    pub(crate) step: Finished,
    pub(crate) results: Value,
    pub(crate) proof: Option<Value>,
    owner: String,
}

impl Ended {
    #[track_caller]
    pub(crate) fn of(runner: &Runner, mut running: Running) -> Self {
        let owner = running.container_id();
        Self::after(runner, running.finish(), owner)
    }

    #[track_caller]
    pub(crate) fn after(runner: &Runner, step: Finished, owner: String) -> Self {
        let text = step.text();
        let dir = runner.workspace().join(".ci-healer");
        let read = |name: &str| -> Option<Value> {
            let bytes = std::fs::read(dir.join(name)).ok()?;
            Some(serde_json::from_slice(&bytes).unwrap())
        };
        let results = read("results.json").unwrap_or_else(|| panic!("no results.json\n{text}"));
        assert_valid("results-1", &results);
        let proof = read("proof.json");
        if let Some(proof) = &proof {
            assert_valid("proof-1", proof);
        }
        let ended = Self { step, results, proof, owner };
        ended.check(runner, &dir);
        ended
    }

    /// What holds however it ended.
    #[track_caller]
    fn check(&self, runner: &Runner, dir: &Path) {
        let text = self.step.text();
        assert!(self.step.errors.is_empty(), "{:?}\n{text}", self.step.errors);
        assert!(self.step.log.errors.is_empty(), "{:?}\n{text}", self.step.log.errors);
        assert!(!self.step.log.is_stopped(), "commands stay switched off\n{text}");
        assert_eq!(self.step.outputs["outcome"], self.results["outcome"], "{text}");
        assert_eq!(self.step.outputs["results-file"], ".ci-healer/results.json");
        assert!(!self.step.summary.is_empty(), "no summary\n{text}");
        assert_eq!(std::fs::read_to_string(dir.join("summary.md")).unwrap(), self.step.summary);
        assert_rebuilds(dir);
        assert_eq!(runner.strangers(), Vec::<PathBuf>::new(), "not the workspace owner's");
        let basic = base64::prelude::BASE64_STANDARD.encode(format!("x-access-token:{JOB_TOKEN}"));
        let mut seen = vec![("the log".to_owned(), self.step.log.raw.clone())];
        seen.push(("the outputs".to_owned(), format!("{:?}", self.step.outputs)));
        for file in std::fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            seen.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
        for secret in [JOB_TOKEN, &basic, MODEL_KEY, "runtime-token-that-no-sandbox-may-see"] {
            for (place, text) in &seen {
                assert!(!text.contains(secret), "{secret} in {place}:\n{text}");
            }
        }
        assert_ne!(self.owner, "", "the step ended before it could be looked at\n{text}");
        assert_eq!(leftovers(&self.owner), "", "left in the engine\n{text}");
    }

    #[track_caller]
    pub(crate) fn expect(&self, outcome: &str, code: i32) -> &Self {
        assert_eq!(self.step.outputs["outcome"], outcome, "{}", self.step.text());
        assert_eq!(self.step.exit_code, Some(code), "{}", self.step.text());
        self
    }

    pub(crate) fn output(&self, name: &str) -> &str {
        &self.step.outputs[name]
    }

    #[track_caller]
    pub(crate) fn says(&self, part: &str) {
        assert!(self.step.summary.contains(part), "{part:?} is not in the summary:\n{}", self.step.summary);
    }
}

#[track_caller]
pub(crate) fn assert_valid(name: &str, document: &Value) {
    let path = format!("{}/schemas/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{path}:\n{}\n{document:#}", errors.join("\n"));
}
