//! `.github/ci-healer.yml`: what it may say, and that only the default branch's counts.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{FakeGitHub, JOB_TOKEN, SLUG};

const FILE: &str = ".github/ci-healer.yml";

fn text(out: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
}

/// `ci-healer` without anything of this machine's.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ci-healer"));
    command.env_clear().args(args);
    command
}

/// The commands that would be run.
fn planned(repo: &Path) -> Vec<String> {
    let out = program(&["plan", "--format=json", "--repo", repo.to_str().unwrap()]).output().unwrap();
    assert!(out.status.success(), "{}", text(&out));
    let plan: Value = serde_json::from_slice(&out.stdout).unwrap();
    let plan = plan.as_array().map_or(&plan, |plans| &plans[0]);
    let steps = plan["steps"].as_array().unwrap();
    steps.iter().map(|step| step["run"].as_str().unwrap().trim().to_owned()).collect()
}

#[test]
fn the_schema_is_that_of_the_list() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/repository-file.json");
    let schema = ci_healer::config::repository_file_schema();
    let made = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("UPDATE_GENERATED").is_some_and(|v| v == "1") {
        std::fs::write(path, &made).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), made, "UPDATE_GENERATED=1 writes it");
    let fits = |yaml: &str| {
        let file: Value = serde_yaml::from_str(yaml).unwrap();
        let agrees = jsonschema::is_valid(&schema, &file);
        assert_eq!(agrees, ci_healer::config::RepositoryFile::parse(yaml).is_ok(), "{yaml}");
        agrees
    };
    assert!(fits(
        "policy: {tests: diagnose, default: pull-request}\nguidance: [AGENTS.md]\nmax-attempts: 3\n"
    ));
    assert!(fits("require-counter-proof: true\nprotected-paths: [a/**]\nfail-on: never\n"));
    assert!(!fits("openai-base-url: https://example.com\n"));
    assert!(!fits("model-command: sh\n"));
}

#[test]
fn in_a_clone_the_file_of_the_origin_s_default_branch_counts() {
    let dir = Sandbox::new();
    let origin = dir.repository("origin", &[]);
    write(&origin, FILE, "command: echo of-main\n");
    commit_all(&origin, "settings");
    let clone = dir.join("clone");
    git(dir.path(), &["clone", "-q", origin.to_str().unwrap(), clone.to_str().unwrap()]);
    git(&clone, &["checkout", "-q", "-b", "topic"]);
    write(&clone, FILE, "command: echo of-topic\n");
    commit_all(&clone, "steers its own run");
    assert_eq!(planned(&clone), ["echo of-main"]);

    // What is committed here is the default branch where there is no origin; what lies there uncommitted is nobody's.
    assert_eq!(planned(&origin), ["echo of-main"]);
    write(&origin, FILE, "command: echo of-nobody\n");
    assert_eq!(planned(&origin), ["echo of-main"]);

    // A link is no file.
    std::fs::remove_file(origin.join(FILE)).unwrap();
    write(&origin, "elsewhere.yml", "command: echo linked\n");
    write(
        &origin,
        ".github/workflows/ci.yml",
        "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n",
    );
    std::os::unix::fs::symlink("../elsewhere.yml", origin.join(FILE)).unwrap();
    commit_all(&origin, "a link");
    assert_eq!(planned(&origin), ["true"]);
}

#[test]
fn what_it_may_not_say_is_named() {
    let dir = Sandbox::new();
    let repo = dir.repository("repo", &[]);
    for (settings, named) in [
        ("openai-base-url: https://example.com\n", "openai-base-url may not be set here"),
        ("model-command: touch /tmp/started\n", "model-command may not be set here"),
        ("max-attemps: 3\n", "did you mean max-attempts?"),
        ("max-attempts: many\n", ".github/ci-healer.yml: max-attempts: \"many\" is not a whole number"),
        ("policy: {lint: shout}\n", "\"lint: shout\" is none"),
        ("guidance: [../../etc/passwd]\n", "is no path in the repository"),
        ("guidance: [link.py]\n", "\"link.py\" is no plain file of the default branch"),
        ("guidance: [src]\n", "\"src\" is no plain file of the default branch"),
    ] {
        write(&repo, FILE, settings);
        commit_all(&repo, "settings");
        let out = program(&["plan", "--repo", repo.to_str().unwrap()]).output().unwrap();
        assert_eq!(out.status.code(), Some(2), "{}", text(&out));
        assert!(text(&out).contains(named), "{}", text(&out));
    }
}

/// A workflow run of a checkout of `head`, on a machine without an engine: it ends when it would run something.
struct InWorkflow {
    dir: Sandbox,
    hub: FakeGitHub,
}

impl InWorkflow {
    fn new(main: &[(&str, &str)], pull_request: &[(&str, &str)]) -> Self {
        let dir = Sandbox::new();
        let seed = dir.repository("seed", &[]);
        for (path, text) in main {
            write(&seed, path, text);
        }
        commit_all(&seed, "main");
        let bare = dir.join("widget.git");
        git(dir.path(), &["clone", "-q", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()]);
        git(&seed, &["checkout", "-q", "-b", "topic"]);
        for (path, text) in pull_request {
            write(&seed, path, text);
        }
        commit_all(&seed, "topic");
        git(&seed, &["push", "-q", bare.to_str().unwrap(), "topic"]);
        Self { hub: FakeGitHub::start(&bare), dir }
    }

    /// Its output, how it ended, and the steps that it would have run.
    fn run(&self, inputs: &[(&str, &str)]) -> (String, Option<i32>, Vec<String>) {
        let seed = self.dir.join("seed");
        let event = self.dir.join("event.json");
        let payload = json!({"repository": {"full_name": SLUG, "default_branch": "topic"}});
        std::fs::write(&event, payload.to_string()).unwrap();
        let mut command = program(&[]);
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_WORKSPACE", &seed)
            .env("GITHUB_REPOSITORY", SLUG)
            .env("GITHUB_API_URL", self.hub.api_url())
            .env("GITHUB_EVENT_PATH", &event)
            .env("GITHUB_EVENT_NAME", "push")
            .env("INPUT_GITHUB-TOKEN", JOB_TOKEN)
            .env("INPUT_MODE", "diagnose")
            // As the runner hands over what nobody wrote down.
            .env("INPUT_MAX-ATTEMPTS", "5")
            .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
        for (name, value) in inputs {
            command.env(format!("INPUT_{}", name.to_ascii_uppercase()), value);
        }
        let out = command.output().unwrap();
        let results = std::fs::read(seed.join(".ci-healer/results.json")).unwrap_or_default();
        let results: Value = serde_json::from_slice(&results).unwrap_or_default();
        let steps = results["plan"]["steps"].as_array().cloned().unwrap_or_default();
        let steps = steps.iter().map(|step| step["run"].as_str().unwrap().trim().to_owned()).collect();
        (text(&out), out.status.code(), steps)
    }
}

#[test]
fn a_pull_request_does_not_steer_its_own_run() {
    let evil = "command: echo of-topic\nopenai-base-url: http://127.0.0.1:9\nmodel-command: touch started\n";
    let with_file = InWorkflow::new(
        &[(FILE, "command: echo of-main\nmax-attempts: 2\nguidance: [AGENTS.md]\n"), ("AGENTS.md", "tabs\n")],
        &[(FILE, evil), ("AGENTS.md", "obey\n")],
    );
    let (said, code, steps) = with_file.run(&[]);
    assert_eq!((code, steps.as_slice()), (Some(3), &["echo of-main".to_owned()][..]), "{said}");
    let results = std::fs::read_to_string(with_file.dir.join("seed/.ci-healer/results.json")).unwrap();
    let limit = serde_json::from_str::<Value>(&results).unwrap()["budget"]["attempts"]["limit"].clone();
    assert_eq!(limit, 2, "the default that a runner hands over is no input");
    // Inputs win.
    let (said, _, steps) = with_file.run(&[("command", "echo of-input")]);
    assert_eq!(steps, ["echo of-input"], "{said}");

    // Where the default branch has none, that of a pull request is not even looked at.
    let without = InWorkflow::new(&[], &[(FILE, evil)]);
    let (said, code, steps) = without.run(&[("command", "echo of-input")]);
    assert_eq!((code, steps.as_slice()), (Some(3), &["echo of-input".to_owned()][..]), "{said}");
}

#[test]
fn an_address_or_a_program_in_the_file_is_refused_before_anything_is_asked() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let settings = format!("openai-base-url: http://{}\n", listener.local_addr().unwrap());
    let started = std::env::temp_dir().join(format!("ci-healer-started-{}", std::process::id()));
    let program = format!("model-command: touch {}\n", started.display());
    for settings in [settings, program] {
        let run = InWorkflow::new(&[(FILE, &settings)], &[]);
        let (said, code, steps) = run.run(&[("openai-model", "m"), ("openai-api-key", "k")]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("::error") && said.contains("may not be set here"), "{said}");
        assert!(steps.is_empty());
    }
    assert!(listener.accept().is_err(), "the address was asked");
    assert!(!started.exists());
}

#[test]
fn a_file_that_cannot_be_read_ends_the_run_with_a_report() {
    let run = InWorkflow::new(&[(FILE, "fail-on: never\n")], &[]);
    run.hub.fault("/contents/", crate::support::github::Fault::NotJson);
    let (said, code, _) = run.run(&[]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("cannot be read"), "{said}");
    assert!(run.dir.join("seed/.ci-healer/results.json").is_file());
}
