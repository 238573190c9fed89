//! What would stop or spoil a run is said before it starts: by `ci-healer doctor`, and at the start of every run.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{FakeGitHub, JOB_TOKEN, READ_ONLY_JOB_TOKEN, SLUG};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

const CI_FILE: &str = ".github/workflows/ci.yml";

/// A checkout with a workflow, and GitHub beside it.
fn scene(on: &str) -> (Sandbox, FakeGitHub) {
    let dir = Sandbox::new();
    let seed = dir.join("seed");
    git(dir.path(), &["init", "-q", "-b", "main", seed.to_str().unwrap()]);
    write(
        &seed,
        CI_FILE,
        &format!("{on}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'false'\n"),
    );
    commit_all(&seed, "first");
    let bare = dir.join("widget.git");
    git(dir.path(), &["clone", "-q", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()]);
    let hub = FakeGitHub::start(&bare);
    (dir, hub)
}

/// The binary in a workflow's environment, as far as the commands look at it.
fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ci-healer"));
    command.env_clear();
    for name in ["PATH", "HOME", "DOCKER_HOST", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.args(arguments).envs(variables.iter().copied());
    command
}

async fn run(mut command: Command) -> (i32, String) {
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    (status.code().unwrap_or(-1), text)
}

fn on_github<'a>(hub: &'a FakeGitHub, seed: &'a Path, token: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_REPOSITORY", SLUG),
        ("GITHUB_API_URL", hub.api_url()),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_EVENT_NAME", "push"),
        ("GITHUB_REF", "refs/heads/main"),
        ("GITHUB_REF_NAME", "main"),
        ("GITHUB_WORKSPACE", seed.to_str().unwrap()),
        ("GITHUB_WORKFLOW_REF", "octo/widget/.github/workflows/ci.yml@refs/heads/main"),
        ("INPUT_GITHUB-TOKEN", token),
        ("INPUT_COMMIT-MODE", "api"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_keys_and_unknown_models_are_told_before_a_run() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, Vec::new()).await;
    let groq = ScriptedLlm::new(Speaks::Chat, Vec::new()).await;
    let (gemini_url, groq_url) = (gemini.base_url(), groq.base_url());
    let doctor = || {
        command(
            &["doctor", "--gemini-base-url", &gemini_url, "--groq-base-url", &groq_url],
            &[("GEMINI_API_KEY", "gemini-canary"), ("GROQ_API_KEY", "groq-canary")],
        )
    };
    let (code, text) = run(doctor()).await;
    assert!(code == 0 && text.contains("may be asked for a fix: gemini, groq"), "{text}");

    let invalid = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid.",
        "details": [{"reason": "API_KEY_INVALID"}]}});
    gemini.seen_as(400, invalid);
    groq.seen_as(200, json!({"object": "list", "data": [{"id": "llama-4"}]}));
    let (code, text) = run(doctor()).await;
    assert_eq!(code, 0, "what the tools state is fixed all the same:\n{text}");
    for part in ["warning  gemini: API key not valid.; check the input `gemini-api-key`", "`groq-model`"] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert!(!text.contains("canary") && !text.contains("may be asked"), "{text}");
    let mut blocked = doctor();
    blocked.arg("--providers=gemini,groq");
    let (code, text) = run(blocked).await;
    assert!(code == 3 && text.contains("blocked  gemini: "), "{code}\n{text}");
    assert_eq!(gemini.complaints(), Vec::<String>::new());
    assert!(gemini.asked().is_empty() && groq.asked().is_empty(), "looking costs no token");

    // One that is gone is replaced by the newest of its family, unless that is switched off.
    let gone = json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "models/x is not found"}});
    gemini.seen_as(404, gone);
    gemini.lists(&["gemini-3.8-flash-lite", "gemini-3.9-flash", "gemini-3.10-flash"]);
    let (code, text) = run(doctor()).await;
    let told = "gemini: model \"gemini-3.8-flash\" is not there any more; \"gemini-3.10-flash\", the newest of its family";
    assert!(code == 0 && text.contains(told) && text.contains("may be asked for a fix: gemini"), "{text}");
    let mut strict = doctor();
    strict.arg("--model-fallback=false");
    let (_, text) = run(strict).await;
    assert!(text.contains("set the input `gemini-model`") && !text.contains("may be asked"), "{text}");
    // Other names are told, and a server of one's own that has only one is asked for that.
    let own = ScriptedLlm::new(Speaks::Chat, Vec::new()).await;
    let url = own.base_url();
    let asks = |listed: &[&str]| {
        let data: Vec<_> = listed.iter().map(|id| json!({ "id": id })).collect();
        own.seen_as(200, json!({ "object": "list", "data": data }));
        command(
            &["doctor", "--providers=openai", "--openai-model=gemma", "--openai-base-url", &url],
            &[("OPENAI_API_KEY", "own-canary")],
        )
    };
    let (_, text) = run(asks(&["a", "b"])).await;
    assert!(text.contains("the server lists \"a\", \"b\"") && text.contains("`openai-model`"), "{text}");
    let (_, text) = run(asks(&["/models/gemma.gguf"])).await;
    assert!(text.contains("lists \"/models/gemma.gguf\" alone") && text.contains("fix: openai"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_can_only_ask_the_dead_is_refused_at_its_start() {
    let (dir, _hub) = scene("on: push");
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![Answer::fix(0.9, &[])]).await;
    let gone = json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "models/old is not found"}});
    gemini.seen_as(404, gone);
    let seed = dir.join("seed");
    let url = gemini.base_url();
    let heal = command(
        &[
            "heal",
            "--no-push",
            "--providers=gemini",
            "--gemini-base-url",
            &url,
            "--repo",
            seed.to_str().unwrap(),
        ],
        &[("GEMINI_API_KEY", "gemini-canary")],
    );
    let (code, text) = run(heal).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("`gemini-model`"), "{text}");
    let results = std::fs::read_to_string(seed.join(".ci-healer/results.json")).unwrap();
    let results: serde_json::Value = serde_json::from_str(&results).unwrap();
    assert_eq!((&results["outcome"], &results["baseline"]), (&json!("refused"), &json!(null)));
    assert!(gemini.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_will_do_is_told_with_what_to_change() {
    let (dir, hub) = scene("on: [push, workflow_dispatch]");
    let seed = dir.join("seed");
    let doctor =
        |token: &str| command(&["doctor", "--repo", seed.to_str().unwrap()], &on_github(&hub, &seed, token));
    let (code, text) = run(doctor(JOB_TOKEN)).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("dispatch"), "how CI will be started is said:\n{text}");
    let (code, text) = run(doctor(READ_ONLY_JOB_TOKEN)).await;
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("blocked") && text.contains("contents: write"), "{text}");
    assert!(!text.contains(READ_ONLY_JOB_TOKEN), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_not_there_is_told() {
    let mut doctor = command(&["doctor"], &[]);
    doctor.env("DOCKER_HOST", "unix:///nowhere/docker.sock").current_dir("/");
    let (code, text) = run(doctor).await;
    assert_eq!(code, 3, "{text}");
    assert!(text.contains("blocked") && text.contains("/nowhere/docker.sock"), "{text}");
}
