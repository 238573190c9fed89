//! What a heal asks of GitHub's API, counted at the API: a whole heal as a step of a workflow, and a long wait for CI.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use ci_healer::contract::event::{Event, EventSink};
use ci_healer::contract::git::{BranchName, CommitSha};
use ci_healer::github::{CiTrigger, Timeouts, Watch, watch};
use serde_json::{Value, json};

use crate::sizes::BINARY;
use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{CiScript, FakeGitHub, FakeJob, JOB_TOKEN, SLUG};
use crate::table::{Aim, Table};

const CI_FILE: &str = ".github/workflows/ci.yml";
const CI: &str = "\
on: [push, workflow_dispatch]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: Test
        run: python3 -c 'import calc'
      - uses: ci-healer/ci-healer@v1
        if: failure()
";
/// The wait for CI passes this much faster than in life.
const HURRY: u32 = 100;
const TEN_MINUTES: Duration = Duration::from_secs(600);

pub(crate) async fn measure(table: &mut Table) -> anyhow::Result<()> {
    let dir = Sandbox::new();
    let seed = dir.join("seed");
    git(dir.path(), &["init", "-q", "-b", "main", text(&seed)?]);
    write(&seed, CI_FILE, CI);
    write(&seed, "calc.py", "def add(a, b)\n    return a + b\n");
    let head = commit_all(&seed, "broken");
    let bare = dir.join("widget.git");
    git(dir.path(), &["clone", "-q", "--bare", text(&seed)?, text(&bare)?]);
    let hub = FakeGitHub::start(&bare);
    let steps = vec![("Set up job", "success"), ("Test", "failure"), ("Heal", "")];
    let job = FakeJob { steps, runner: "bench", ..FakeJob::new("test", "", "") };
    let run = hub.past_run(
        CI_FILE,
        &head,
        "main",
        CiScript { conclusion: "", jobs: vec![job], ..CiScript::passes() },
    );
    let watching = heal(&dir, &seed, &hub, &head, run)?;
    let all = hub.requests().len();
    let waiting = wait(&hub, &head).await?;
    table.count("requests to GitHub of a heal, less the wait for CI", all - watching, Aim::None);
    table.count("requests to GitHub in 10 minutes of waiting for CI", waiting, Aim::None);
    table.count(
        "requests to GitHub of a heal with 10 minutes of CI",
        all - watching + waiting,
        Aim::Count(40),
    );
    Ok(())
}

/// One heal by the built binary, in the environment of a step. Returns how many requests its wait for CI took.
fn heal(dir: &Sandbox, checkout: &Path, hub: &FakeGitHub, head: &str, run: u64) -> anyhow::Result<usize> {
    write(dir.path(), "event.json", &json!({"after": head}).to_string());
    let run = run.to_string();
    let ended = Command::new(BINARY)
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "DOCKER_HOST")))
        .envs([
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_WORKSPACE", text(checkout)?),
            ("GITHUB_REPOSITORY", SLUG),
            ("GITHUB_API_URL", hub.api_url()),
            ("GITHUB_SERVER_URL", "https://github.com"),
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_EVENT_PATH", text(&dir.join("event.json"))?),
            ("GITHUB_SHA", head),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_RUN_ID", &run),
            ("GITHUB_RUN_ATTEMPT", "1"),
            ("GITHUB_JOB", "test"),
            ("GITHUB_WORKFLOW_REF", &format!("{SLUG}/{CI_FILE}@refs/heads/main")),
            ("GITHUB_OUTPUT", text(&dir.join("output"))?),
            ("GITHUB_STEP_SUMMARY", text(&dir.join("summary"))?),
            ("RUNNER_TEMP", text(dir.path())?),
            ("INPUT_GITHUB-TOKEN", JOB_TOKEN),
            ("INPUT_CHECK-RUN-ID", &format!("{run}000")),
            ("INPUT_PROVIDERS", "toolchain"),
            ("INPUT_FLAKY-RUNS", "1"),
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let results = std::fs::read(checkout.join(".ci-healer/results.json")).context("there is no report")?;
    let results: Value = serde_json::from_slice(&results)?;
    ensure!(
        ended.success() && results["outcome"] == "healed" && results["ci"]["verdict"] == "passed",
        "not healed: {} {}",
        results["outcome"],
        results["ci"]
    );
    let watching = results["ci"]["requests"].as_u64().context("the report counts no requests")?;
    Ok(usize::try_from(watching)?)
}

struct Silent;

impl EventSink for Silent {
    fn emit(&self, _: Event) {}
}

/// Watches a run that does not end for ten minutes.
async fn wait(hub: &FakeGitHub, head: &str) -> anyhow::Result<usize> {
    hub.script(CI_FILE, CiScript { conclusion: "", ..CiScript::passes() });
    let usual = Timeouts::default();
    let timeouts = Timeouts {
        appear: usual.appear / HURRY,
        total: TEN_MINUTES / HURRY,
        first_poll: usual.first_poll / HURRY,
        longest_poll: usual.longest_poll / HURRY,
    };
    let before = hub.requests().len();
    watch(Watch {
        client: &hub.client(JOB_TOKEN),
        repo: &FakeGitHub::slug(),
        branch: &BranchName::new("main")?,
        head: &CommitSha::new(head)?,
        workflow_file: Some(CI_FILE),
        trigger: &CiTrigger::Dispatch,
        timeouts: &timeouts,
        sink: &Silent,
    })
    .await?;
    Ok(hub.requests().len() - before)
}

fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("the temporary folder has no UTF-8 name")
}
