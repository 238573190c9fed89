//! The whole loop against the real thing: real containers, compilers and git; scripted model servers.
//!
//! Each story makes a repository with a bare remote, runs the built binary on it, and looks at what it left.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::events::assert_rebuilds;
use crate::support::git::git;
use crate::support::github::FakeGitHub;
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

/// A repository with a bare remote, and the flags of one heal.
pub(crate) struct Story {
    dir: TempDir,
    flags: Vec<String>,
    variables: Vec<(String, String)>,
    api_url: String,
}

/// Where no server answers.
const NOBODY: &str = "http://127.0.0.1:9";

pub(crate) struct Ended {
    code: i32,
    pub(crate) text: String,
    pub(crate) results: Value,
    /// How often a plan was run in a sandbox.
    pub(crate) executions: usize,
}

pub(crate) const CI: &str = "\
name: CI
on: [push, workflow_dispatch]
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v5
      - name: Test
        run: python3 -m unittest
";

impl Story {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let story = Self { dir, flags: Vec::new(), variables: Vec::new(), api_url: NOBODY.to_owned() };
        let repo = story.repo();
        std::fs::create_dir_all(&repo).unwrap();
        for (path, text) in files {
            let path = repo.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        git(&repo, &["init", "-q", "-b", "main"]);
        git(&repo, &["add", "-A", "-f"]);
        git(&repo, &["commit", "-q", "-m", "broken"]);
        let remote = story.remote();
        git(&repo, &["init", "-q", "--bare", "-b", "main", remote.to_str().unwrap()]);
        git(&repo, &["remote", "add", "origin", remote.to_str().unwrap()]);
        git(&repo, &["push", "-q", "origin", "main"]);
        story
    }

    pub(crate) fn repo(&self) -> PathBuf {
        self.dir.path().join("repo")
    }

    fn remote(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    /// Actions come from there; by default from nowhere.
    pub(crate) fn with_github(mut self, hub: &FakeGitHub) -> Self {
        self.api_url = hub.api_url().to_owned();
        self
    }

    pub(crate) fn flag(mut self, name: &str, value: &str) -> Self {
        self.flags.push(format!("--{name}={value}"));
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// It tells all that the steps print.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.terse_command();
        command.arg("--verbose");
        command
    }

    pub(crate) fn terse_command(&self) -> Command {
        self.command_named("heal")
    }

    pub(crate) fn drift_command(&self) -> Command {
        self.command_named("drift")
    }

    fn command_named(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ci-healer"));
        command.env_clear();
        for name in ["PATH", "HOME", "DOCKER_HOST", "SSL_CERT_FILE", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("GITHUB_API_URL", &self.api_url);
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.arg(name).arg("--repo").arg(self.repo()).args(&self.flags);
        command
    }

    pub(crate) async fn heal(&self) -> Ended {
        Self::ended(self.command(), self.repo()).await
    }

    pub(crate) async fn drift(&self) -> Ended {
        Self::ended(self.drift_command(), self.repo()).await
    }

    async fn ended(mut command: Command, repo: PathBuf) -> Ended {
        let started = std::time::Instant::now();
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = format!("{}\n{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        let results =
            std::fs::read(repo.join(".ci-healer/results.json")).unwrap_or_else(|e| panic!("{e}\n{text}"));
        assert_rebuilds(&repo.join(".ci-healer"));
        let results: Value = serde_json::from_slice(&results).unwrap();
        let timings = &results["timings"];
        let (wall, total) = (started.elapsed().as_secs_f64(), timings["total"].as_f64().unwrap());
        // All of the run is told: what is left is starting the process and writing the files.
        assert!(total <= wall && wall - total < 2.0 + wall / 4.0, "{timings} of {wall} s\n{text}");
        let events = std::fs::read_to_string(repo.join(".ci-healer/events.jsonl")).unwrap();
        let executions = events.lines().filter(|e| e.contains(r#""event":"executed""#)).count();
        Ended { code: status.code().unwrap_or(-1), text, results, executions }
    }

    /// Branches of the remote beside `main`.
    pub(crate) fn heal_branches(&self) -> Vec<String> {
        let out = git(&self.remote(), &["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        out.lines().filter(|l| *l != "main").map(str::to_owned).collect()
    }

    pub(crate) fn healed_file(&self, path: &str) -> String {
        let branch = self.heal_branches().pop().expect("there is a heal branch");
        let out = Command::new("git")
            .arg("--git-dir")
            .arg(self.remote())
            .arg("show")
            .arg(format!("{branch}:{path}"))
            .output();
        String::from_utf8(out.unwrap().stdout).unwrap()
    }

    pub(crate) fn with_gemini(self, server: &ScriptedLlm) -> Self {
        let url = server.base_url();
        self.flag("gemini-api-key", "k-gemini").flag("gemini-base-url", &url)
    }

    pub(crate) fn with_groq(self, server: &ScriptedLlm) -> Self {
        let url = server.base_url();
        self.flag("groq-api-key", "k-groq").flag("groq-base-url", &url)
    }
}

impl Ended {
    pub(crate) fn outcome(&self) -> &str {
        self.results["outcome"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn expect(&self, outcome: &str, code: i32) -> &Self {
        assert_eq!(self.outcome(), outcome, "{}", self.text);
        assert_eq!(self.code, code, "{}", self.text);
        self
    }

    pub(crate) fn verdicts(&self) -> Vec<String> {
        let iterations = self.results["iterations"].as_array().unwrap();
        iterations
            .iter()
            .flat_map(|i| i["proposals"].as_array().unwrap())
            .map(|p| p["verdict"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub(crate) fn docker(args: &[&str]) -> String {
    let out = Command::new("docker").args(args).output().expect("docker is there: run docker/engine.sh");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// The run whose sandbox runs `process`.
pub(crate) fn run_of(process: &str) -> String {
    let all = docker(&["ps", "-q", "--filter", "label=ci-healer.run"]);
    let ours = all.lines().find(|id| docker(&["top", id]).contains(process)).expect("a sandbox runs it");
    docker(&["inspect", "--format", "{{index .Config.Labels \"ci-healer.run\"}}", ours]).trim().to_owned()
}

/// Everything in the engine that belongs to `run`.
pub(crate) fn leftovers(run: &str) -> String {
    let label = format!("label=ci-healer.run={run}");
    docker(&["ps", "-aq", "--filter", &label])
        + &docker(&["volume", "ls", "-q", "--filter", &label])
        + &docker(&["network", "ls", "-q", "--filter", &label])
}

const ADD: &str = "def add(a, b):\n    return a - b\n";
pub(crate) const ADD_TEST: &str = "\
import unittest

from calc import add


class AddTest(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)
";

pub(crate) fn calculator() -> Story {
    Story::new(&[(".github/workflows/ci.yml", CI), ("calc.py", ADD), ("test_calc.py", ADD_TEST)])
        .flag("flaky-runs", "1")
}

pub(crate) fn right() -> Answer {
    Answer::fix(0.9, &[("calc.py", "return a - b", "return a + b")])
}

/// A program without a colon: Python itself says so.
pub(crate) fn no_colon() -> Story {
    let program = "def add(a, b)\n    return a + b\n";
    Story::new(&[(".github/workflows/ci.yml", CI), ("calc.py", program), ("test_calc.py", ADD_TEST)])
        .flag("providers", "toolchain")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_toolchain_hint_heals_without_any_model() {
    let story = no_colon();
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
    assert_eq!(ended.results["budget"]["tokens"]["spent"], 0);
    assert_eq!(ended.results["baseline"]["exit"]["code"], 1, "{}", ended.text);
    assert_eq!(ended.results["final_proof"]["execution"]["exit"]["code"], 0);
    // The commit holds the edit and nothing that the build left behind.
    let branch = story.heal_branches().pop().unwrap();
    let changed = git(&story.remote(), &["diff", "--name-only", "main", &branch]);
    assert_eq!(changed.trim(), "calc.py");
}

#[tokio::test(flavor = "multi_thread")]
async fn gemini_heals_a_failing_test() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = calculator().with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
    let prompt = gemini.asked()[0].prompt();
    assert!(prompt.contains("test_add"), "{prompt}");
    assert!(!ended.text.contains("k-gemini"), "a key was printed");
    assert!(ended.results["budget"]["tokens"]["spent"].as_u64().unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_heals_in_the_place_of_a_model_server() {
    let story = calculator();
    let program = story.repo().parent().unwrap().join("agent.sh");
    let answer = r#"{"reason":"add instead of subtract","confidence":0.9,"edits":[{"path":"calc.py","find":"return a - b","replace":"return a + b"}]}"#;
    let seen = program.with_extension("seen");
    let script = format!("#!/bin/sh\nenv >{seen}\ncat >>{seen}\necho '{answer}'\n", seen = seen.display());
    std::fs::write(&program, script).unwrap();
    let command = format!("sh {}", program.display());
    let story = story
        .flag("providers", "toolchain,command")
        .flag("model-command", &command)
        .variable("GEMINI_API_KEY", "gemini-canary");
    let ended = story.heal().await;
    ended.expect("healed", 0);
    let kept = &ended.results["iterations"][0]["proposals"][0];
    assert_eq!(
        (kept["provider"].as_str(), kept["model"].as_str()),
        (Some("command"), Some("sh")),
        "{kept:#}"
    );
    let seen = std::fs::read_to_string(seen).unwrap();
    assert!(seen.contains("test_calc") && seen.contains("PATH=") && !seen.contains("canary"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn groq_takes_over_where_gemini_is_down() {
    let gemini =
        ScriptedLlm::answering(Speaks::Gemini, |_, _| Answer::gemini_error(503, "UNAVAILABLE", "overloaded"))
            .await;
    let groq = ScriptedLlm::new(Speaks::Chat, vec![right()]).await;
    let story = calculator().with_gemini(&gemini).with_groq(&groq);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert!(!gemini.asked().is_empty(), "Gemini was asked first");
    let proposal = &ended.results["iterations"][0]["proposals"][0];
    assert_eq!(proposal["provider"], "groq");
    assert!(ended.text.contains("gemini"), "the switch is told: {}", ended.text);
}

/// Two jobs that fail for the same reason; `also` is what the second one asks beside.
fn two_jobs(also: &str) -> Story {
    let other = "  strict:\n    runs-on: ubuntu-latest\n    steps:\n      - name: Strict\n        run: |\n";
    let ci = format!("{CI}{other}          python3 -W error -m unittest\n          {also}\n");
    let files = [
        (".github/workflows/ci.yml", ci.as_str()),
        ("calc.py", "def add(a, b)\n    return a + b\n"),
        ("test_calc.py", ADD_TEST),
    ];
    Story::new(&files).flag("providers", "toolchain").flag("job", "test,strict")
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_fail_together_are_one_heal_proven_on_each() {
    let story = two_jobs("echo strict is content");
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
    assert!(ended.text.contains("strict is content"), "{}", ended.text);

    // What fixes one of them only is a part of a heal. Without a pull request that says so it stays here.
    let story = two_jobs("false");
    let ended = story.heal().await;
    ended.expect("partial", 1);
    assert_eq!(story.heal_branches(), Vec::<String>::new());
    assert_eq!(ended.results["partial"]["fixed"].as_array().unwrap().len(), 1);
    assert!(ended.results["diff"].as_str().unwrap().contains("+def add(a, b):"));
}

/// Nobody says which: the release is none of CI, the Mac's job cannot run here, and the style is fine.
#[tokio::test(flavor = "multi_thread")]
async fn a_clone_of_several_workflows_and_jobs_needs_no_flag() {
    let job = |name: &str, runner: &str, run: &str| {
        format!("  {name}:\n    runs-on: {runner}\n    steps:\n      - uses: actions/checkout@v5\n{run}")
    };
    let ci = [
        "name: CI\non: [push, pull_request]\njobs:\n".to_owned(),
        job("test", "ubuntu-latest", "      - run: python3 --version\n      - run: python3 -m unittest\n"),
        job("mac", "macos-15", "      - run: python3 -m unittest\n"),
    ]
    .concat();
    let style = format!(
        "name: Style\non: [pull_request]\njobs:\n{}",
        job("lint", "ubuntu-latest", "      - run: python3 -m compileall -q .\n")
    );
    let release = format!(
        "name: Release\non: {{push: {{branches: [main]}}}}\njobs:\n{}",
        job("wheel", "ubuntu-latest", "      - run: 'false'\n")
    );
    let files = [
        (".github/workflows/ci.yml", ci.as_str()),
        (".github/workflows/style.yml", style.as_str()),
        (".github/workflows/release.yml", release.as_str()),
        ("calc.py", ADD),
        ("test_calc.py", ADD_TEST),
    ];
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let ended = Story::new(&files).with_gemini(&gemini).heal().await;
    ended.expect("healed", 0);
    assert!(ended.text.contains("the first red one is healed: lint, test"), "{}", ended.text);
    assert!(!ended.text.contains("Which one is to be healed?"), "nobody sits there");
    assert_eq!(ended.text.matches("a macOS runner is not supported: `mac`").count(), 1, "{}", ended.text);
}

/// `script` gives the program a terminal.
#[test]
fn on_a_terminal_the_user_says_which_job() {
    let job = |name: &str, run: &str| {
        format!("  {name}:\n    runs-on: ubuntu-latest\n    steps:\n      - run: {run}\n")
    };
    let ci = format!(
        "name: CI\non: [push]\njobs:\n{}{}",
        job("style", "python3 -m compileall -q . && echo styled"),
        job("unit", "python3 -m unittest && echo tested")
    );
    let fixed = [("calc.py", "def add(a, b):\n    return a + b\n"), ("test_calc.py", ADD_TEST)];
    let files = [&[(".github/workflows/ci.yml", ci.as_str())], fixed.as_slice()].concat();
    let story = Story::new(&files);
    let answered = |answer: &str| {
        let command = story.command();
        let line = std::iter::once(command.get_program()).chain(command.get_args());
        let line = line.map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ");
        let mut script = Command::new("script");
        script.env("NO_COLOR", "1").args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::piped());
        let mut child = script.stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), answer.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (text, code) = answered("7\n2\n");
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "Which one is to be healed?",
        "1  style in .github/workflows/ci.yml",
        "2  unit in",
        "\"7\" is no answer",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.contains("│ tested") && !text.contains("│ styled"), "{text}");
    // Nobody answers with a job: all are run, and nothing is red.
    let (text, code) = answered("\n");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("│ tested") && text.contains("│ styled"), "{text}");
    let (text, code) = answered("x\ny\nz\n");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("\"z\" is no answer: a number from 1 to 2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_job_beside_the_failed_one_is_left_to_ci() {
    let gate = "  all-green:\n    if: always()\n    needs: [test]\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          echo '${{ toJSON(needs) }}'\n          [ \"${{ needs.test.result }}\" = success ]\n";
    let ci = format!("{CI}{gate}");
    let files = [
        (".github/workflows/ci.yml", ci.as_str()),
        ("calc.py", "def add(a, b)\n    return a + b\n"),
        ("test_calc.py", ADD_TEST),
    ];
    for jobs in ["test,all-green", "all-green"] {
        let story = Story::new(&files).flag("providers", "toolchain").flag("job", jobs);
        let ended = story.heal().await;
        ended.expect("healed", 0);
        assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
        let note = "the job `all-green` only looks at the results of other jobs; it is judged by CI";
        assert!(ended.results["plan"]["notes"].as_array().unwrap().iter().any(|n| n == note), "{jobs}");
        assert!(ended.text.contains(note), "{}", ended.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_bugs_in_two_files_are_both_mended() {
    let story = Story::new(&[
        (".github/workflows/ci.yml", CI),
        ("calc.py", "def add(a, b)\n    return a + b\n"),
        ("area.py", "def area(r):\n    return math.pi * r * r\n"),
        ("test_calc.py", ADD_TEST),
        (
            "test_area.py",
            "import unittest\n\nfrom area import area\n\n\nclass AreaTest(unittest.TestCase):\n    def test_area(self):\n        self.assertAlmostEqual(area(1), 3.14159, places=4)\n",
        ),
    ])
    .flag("providers", "toolchain");
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert!(story.healed_file("area.py").starts_with("import math\n"));
    assert!(story.healed_file("calc.py").starts_with("def add(a, b):\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_test_behind_a_syntax_error_is_mended_too() {
    let story = Story::new(&[
        (".github/workflows/ci.yml", CI),
        ("calc.py", "def add(a, b)\n    return a - b\n"),
        ("test_calc.py", ADD_TEST),
    ])
    .flag("flaky-runs", "0");
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    let story = story.with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["kept", "kept"], "{}", ended.text);
    assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_fix_is_taken_back_and_told_to_the_next() {
    let wrong = Answer::fix(0.9, &[("calc.py", "return a - b", "return a * b")]);
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![wrong, right()]).await;
    let story = calculator().with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["reverted", "kept"], "{}", ended.text);
    let second = gemini.asked()[1].prompt();
    assert!(second.contains("return a * b"), "the second question tells of the first answer: {second}");
    assert_eq!(story.healed_file("calc.py"), "def add(a, b):\n    return a + b\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_fix_ends_exhausted_and_nothing_is_pushed() {
    let useless = |n: usize| Answer::fix(0.9, &[("calc.py", "return a - b", &format!("return a - b - {n}"))]);
    let gemini = ScriptedLlm::answering(Speaks::Gemini, move |n, _| useless(n + 1)).await;
    let story = calculator().with_gemini(&gemini).flag("max-attempts", "6");
    let ended = story.heal().await;
    ended.expect("exhausted", 1);
    assert!(story.heal_branches().is_empty());
    assert!(ended.verdicts().iter().all(|v| v != "kept"), "{:?}", ended.verdicts());
    assert_eq!(ended.results["diff"], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weakened_test_is_never_a_heal() {
    let cheat =
        Answer::fix(0.99, &[("test_calc.py", "self.assertEqual(add(2, 3), 5)", "self.assertTrue(True)")]);
    let skip =
        Answer::fix(0.99, &[("test_calc.py", "    def test_add", "    @unittest.skip\n    def test_add")]);
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![cheat, skip, right()]).await;
    let story = calculator().with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    assert_eq!(ended.verdicts(), ["rejected", "rejected", "kept"], "{}", ended.text);
    assert_eq!(story.healed_file("test_calc.py"), ADD_TEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_green_is_left_alone() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![]).await;
    let story = Story::new(&[
        (".github/workflows/ci.yml", CI),
        ("calc.py", "def add(a, b):\n    return a + b\n"),
        ("test_calc.py", ADD_TEST),
    ])
    .with_gemini(&gemini);
    story.heal().await.expect("already_green", 0);
    assert!(gemini.asked().is_empty(), "no question without a failure");
    assert!(story.heal_branches().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaky_test_costs_no_token() {
    // Fails in the first run over a volume and passes in the next.
    let flaky = "import os\nimport unittest\n\n\nclass FlakyTest(unittest.TestCase):\n    def test_now_and_then(self):\n        seen = os.path.exists('seen')\n        open('seen', 'w').close()\n        self.assertTrue(seen)\n";
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![]).await;
    let story =
        Story::new(&[(".github/workflows/ci.yml", CI), ("test_flaky.py", flaky)]).with_gemini(&gemini);
    let ended = story.heal().await;
    ended.expect("flaky", 1);
    assert_eq!(ended.results["failed"], 1, "{}", ended.results);
    assert!(gemini.asked().is_empty());
}

pub(crate) fn command(line: &str) -> Story {
    Story::new(&[("README.md", "x\n")]).flag("command", line).flag("providers", "toolchain")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_never_ends_is_ended() {
    let ended = command("echo begun; sleep 600").flag("sandbox-timeout", "5s").heal().await;
    ended.expect("environment", 3);
    assert!(ended.text.contains("sandbox-timeout"), "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_takes_all_memory_is_told_so() {
    let hog = "python3 -c 'x = []\nwhile True: x.append(bytearray(10_000_000))'";
    let ended = command(hog).flag("sandbox-memory", "128m").heal().await;
    ended.expect("environment", 3);
    assert!(ended.text.contains("memory"), "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_in_mid_build_leaves_nothing_behind() {
    let story = command("echo begun; sleep 6131");
    let mut command = story.command();
    command.stdout(std::process::Stdio::piped());
    let (code, text, run) = tokio::task::spawn_blocking(move || {
        use std::io::{BufRead as _, Read as _};
        let mut child = command.spawn().unwrap();
        let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains("begun\n") {
            assert!(out.read_line(&mut text).unwrap() > 0, "it ended early: {text}");
        }
        let run = run_of("sleep 6131");
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        out.read_to_string(&mut text).unwrap();
        (child.wait().unwrap().code(), text, run)
    })
    .await
    .unwrap();
    assert_eq!(code, Some(143), "{text}");
    let results: Value =
        serde_json::from_slice(&std::fs::read(story.repo().join(".ci-healer/results.json")).unwrap())
            .unwrap();
    assert_eq!(results["outcome"], "cancelled");
    assert_eq!(leftovers(&run), "");
}

#[test]
fn bad_input_is_named_before_anything_runs() {
    let story = command("true").flag("max-attempts", "none");
    let out = story.command().output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        text.contains("max-attempts") && text.contains("none") && text.contains("from 1 to 100"),
        "{text}"
    );
    assert!(!story.repo().join(".ci-healer").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_run_left_is_swept_by_the_next_start() {
    let story = command("echo begun; sleep 6132");
    let mut killed = story.command();
    killed.stdout(std::process::Stdio::piped());
    let run = tokio::task::spawn_blocking(move || {
        use std::io::BufRead as _;
        let mut child = killed.spawn().unwrap();
        let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut text = String::new();
        while !text.contains("begun\n") {
            assert!(out.read_line(&mut text).unwrap() > 0, "it ended early: {text}");
        }
        let run = run_of("sleep 6132");
        child.kill().unwrap();
        child.wait().unwrap();
        run
    })
    .await
    .unwrap();
    command("true").heal().await.expect("already_green", 0);
    assert_eq!(leftovers(&run), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_cannot_run_here_ends_the_run_by_its_name() {
    let docker = "      - name: Database\n        run: docker run -d postgres:16\n      - name: Test\n";
    let ci = CI.replace("      - name: Test\n", docker);
    let broken = "def add(a, b)\n    return a + b\n";
    let story = Story::new(&[(".github/workflows/ci.yml", &ci), ("calc.py", broken)]).flag("no-push", "true");
    let ended = story.heal().await;
    assert_ne!(ended.outcome(), "environment", "{}", ended.text);
    for word in ["\"Database\" cannot be reproduced", "a Docker engine", "services:"] {
        assert!(ended.text.contains(word), "{word}: {}", ended.text);
    }
}
