//! What other jobs made: artifacts of the failed run, and the jobs that make them.

use crate::heal::{Story, right};
use crate::support::git::git;
use crate::support::github::{CiScript, FakeArtifact, FakeGitHub, FakeJob, JOB_TOKEN, SLUG};
use crate::support::llm::{ScriptedLlm, Speaks};

const CI: &str = "name: CI
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    outputs:
      factor: ${{ steps.n.outputs.factor }}
      table: ${{ steps.up.outputs.artifact-id }}
    steps:
      - uses: actions/checkout@v5
      - id: n
        run: |
          mkdir -p dist/sub && echo 'TABLE = 42' >dist/generated.py && echo built >dist/sub/stamp.txt
          echo hidden >dist/.hidden; echo junk >junk.txt; echo FROM_BUILD=1 >>$GITHUB_ENV
          echo factor=1 >>$GITHUB_OUTPUT
      - uses: actions/upload-artifact@v4
        with: {name: other, path: junk.txt}
      - id: up
        uses: actions/upload-artifact@v4
        with:
          name: table
          path: |
            dist/**
            !dist/**/*.tmp
  test:
    needs: build
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - uses: actions/download-artifact@v4
        with:
          pattern: tab*
          merge-multiple: true
      - uses: actions/download-artifact@v4
        continue-on-error: true
        with: {pattern: evil-*, path: evil}
      - uses: actions/download-artifact@v5
        with: {artifact-ids: '${{ needs.build.outputs.table }}, 99', path: by-number}
      - name: Test
        env: {FACTOR: '${{ needs.build.outputs.factor }}'}
        run: python3 -m unittest
";

const TEST: &str = "import os
import unittest

from calc import add
from generated import TABLE


class T(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(TABLE, 1), 43)

    def test_place(self):
        self.assertEqual(open('sub/stamp.txt').read(), 'built\\n')
        self.assertEqual(open('by-number/generated.py').read(), 'TABLE = 42\\n')
        self.assertFalse(os.path.exists('by-number/junk.txt') or os.path.exists('junk.txt') or os.path.exists('.hidden'))
        self.assertFalse('FROM_BUILD' in os.environ)
        if 'LOCAL' not in open('config.txt').read():
            return
        self.assertEqual(os.environ['FACTOR'], '1')
";

fn story(config: &str) -> Story {
    let asked = "        env: {FACTOR: '${{ needs.build.outputs.factor }}'}\n";
    // Of a run the server's own number, which is its place in the list here.
    let of_run = CI.replace(asked, "").replace("${{ needs.build.outputs.table }}", "1");
    let ci = if config == "LOCAL\n" { CI.to_owned() } else { of_run };
    Story::new(&[
        (".github/workflows/ci.yml", &ci),
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        ("test_calc.py", TEST),
        ("config.txt", config),
        ("sub/stamp.txt", "tracked\n"),
    ])
    .flag("flaky-runs", "1")
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_run_the_job_that_makes_an_artifact_runs_first() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = story("LOCAL\n").flag("job", "test").with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
    assert!(ended.text.contains("build / Run actions/upload-artifact@v4"), "{}", ended.text);
    assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
    // What an artifact lays over a tracked file is no part of the fix.
    assert_eq!(story.healed_file("sub/stamp.txt"), "tracked\n");
}

/// The artifact is there, others of the run are hostile; the job that made it does not run.
#[tokio::test(flavor = "multi_thread")]
async fn artifacts_of_the_failed_run_are_used_and_hostile_ones_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let bare = dir.path().join("repo.git");
    git(dir.path(), &["init", "-q", "--bare", bare.to_str().unwrap()]);
    let hub = FakeGitHub::start(&bare);
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = story("RUN\n").with_github(&hub).with_gemini(&gemini).flag("mode", "patch");
    let head = git(&story.repo(), &["rev-parse", "HEAD"]);
    let download = "Run actions/download-artifact@v4";
    let steps = vec![
        ("Set up job", "success"),
        (download, "success"),
        (download, "success"),
        ("Run actions/download-artifact@v5", "success"),
        ("Test", "failure"),
    ];
    let test = FakeJob { steps, ..FakeJob::new("test", "failure", "FAILED\n") };
    let jobs = vec![FakeJob::new("build", "success", "ok\n"), test];
    let script = CiScript { jobs, ..CiScript::ends("failure") };
    let run = hub.past_run(".github/workflows/ci.yml", &head, "main", script);
    let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    let many: Vec<(&str, u32, &str)> = many.iter().map(|name| (name.as_str(), 0, "")).collect();
    let stamp = ("sub/stamp.txt", 0, "built\n");
    let old = FakeArtifact::of(run, "table", &[("generated.py", 0, "TABLE = 0\n"), stamp]);
    for artifact in [
        old,
        FakeArtifact::of(run, "table", &[("generated.py", 0, "TABLE = 42\n"), stamp]),
        FakeArtifact::of(run, "evil-path", &[("../../etc/cron.d/x", 0, "x")]),
        FakeArtifact::of(run, "evil-link", &[("root", 0o120_777, "/")]),
        FakeArtifact::of(run, "evil-many", &many),
        FakeArtifact { expired: true, ..FakeArtifact::of(run, "table-old", &[("generated.py", 0, "")]) },
        FakeArtifact::of(run + 1, "table", &[("generated.py", 0, "TABLE = 1\n")]),
    ] {
        hub.serve_artifact(artifact);
    }
    let event = dir.path().join("event.json");
    std::fs::write(
        &event,
        format!("{{\"after\": \"{head}\", \"repository\": {{\"full_name\": \"{SLUG}\"}}}}"),
    )
    .unwrap();
    let (run, event) = (run.to_string(), event.display().to_string());
    let story = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", SLUG),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_EVENT_PATH", event.as_str()),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_SHA", head.as_str()),
        ("GITHUB_RUN_ID", run.as_str()),
        ("GITHUB_RUN_ATTEMPT", "1"),
        ("GITHUB_JOB", "heal"),
        ("GITHUB_WORKFLOW_REF", "octo/widget/.github/workflows/ci.yml@refs/heads/main"),
        ("GITHUB_SERVER_URL", "https://github.com"),
    ]
    .into_iter()
    .fold(story.flag("github-token", JOB_TOKEN), |story, (name, value)| story.variable(name, value));
    let ended = story.heal().await;
    assert_eq!(ended.verdicts(), ["kept"], "{}", ended.text);
    assert!(!ended.text.contains("no counter-proof"), "{}", ended.text);
    for (name, says) in [
        ("evil-path", "leads out of the artifact's folder"),
        ("evil-link", "is a link"),
        ("evil-many", "it holds more than 10000 files"),
    ] {
        let line = ended.text.lines().find(|line| line.contains(&format!("the artifact {name} is not used")));
        assert!(line.is_some_and(|line| line.contains(says)), "{name}: {}", ended.text);
    }
    assert!(!ended.text.contains("build / Run"), "{}", ended.text);
    let patch = std::fs::read_to_string(story.repo().join(".ci-healer/fix.patch")).unwrap_or_default();
    assert!(!patch.contains("stamp.txt"), "{patch}");
}
