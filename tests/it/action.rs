//! The action as the runner starts it: image, metadata, environment.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use crate::support::action_image;
use crate::support::git::{Sandbox, git};
use crate::support::runner::{Checkout, Credentials, Runner, Step, metadata};

const README: &str = include_str!("../../README.md");

/// The names in backticks that begin the rows of the table that follows `heading`.
fn table(heading: &str) -> Vec<String> {
    let (_, after) = README.split_once(heading).unwrap_or_else(|| panic!("no {heading:?} in the README"));
    let rows =
        after.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.skip(2).filter_map(|row| row.split('`').nth(1)).map(str::to_owned).collect()
}

#[test]
fn outputs_agree_everywhere() {
    let report = ci_healer::contract::report::RunReport::begun("heal");
    let mut written: Vec<String> = ci_healer::report::results::outputs(&report, None)
        .into_iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let mut declared: Vec<String> = metadata()["outputs"].as_object().unwrap().keys().cloned().collect();
    let mut documented: Vec<String> = table("## Outputs");
    for names in [&mut written, &mut declared, &mut documented] {
        names.sort();
    }
    assert_eq!(declared, written);
    assert_eq!(documented, written);
}

#[test]
fn the_image_holds_the_binary_and_nothing_to_run_it_with() {
    let tag = action_image::tag();
    let (ok, entrypoint) = action_image::docker(&["inspect", "--format", "{{json .Config.Entrypoint}}", tag]);
    assert!(ok, "{entrypoint}");
    assert_eq!(entrypoint, r#"["/ci-healer"]"#);
    let (ok, error) = action_image::docker(&["run", "--rm", "--entrypoint", "/bin/sh", tag, "-c", "true"]);
    assert!(!ok, "there is a shell in the image");
    assert!(error.contains("/bin/sh"), "{error}");
}

#[test]
fn diagnose_runs_in_the_image_without_network_or_workspace() {
    let mut child = Command::new("docker")
        .args(["run", "--rm", "--interactive", "--network", "none", action_image::tag()])
        .args(["diagnose", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"all is well\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["schema"], "ci-healer/diagnosis/1");
    assert_eq!(value["lines"], 1);
}

/// The environment, as an image with a shell sees it when the stand-in starts it.
fn seen_environment(runner: &Runner, step: Step) -> BTreeMap<String, String> {
    let finished = runner.run(&step.args(&["env"]));
    assert_eq!(finished.exit_code, Some(0), "{}", finished.text());
    let pairs = finished.log.shown.iter().filter_map(|line| line.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Debian's base image, which the tests' engine has in any case.
const BASE: &str = "ci-healer/base:trixie";

#[test]
fn the_stand_in_maps_paths_as_the_runner_does() {
    let runner = Runner::new("octo/widgets");
    let workspace = runner.workspace().display().to_string();
    let step = Step::new(BASE)
        .with("report-dir", &format!("{workspace}/out"))
        .with("command", &format!("ls {workspace}"))
        .env("GITHUB_SHA", "users cannot override this")
        .context("REF", "refs/heads/feature");
    let seen = seen_environment(&runner, step);
    assert_eq!(seen["GITHUB_WORKSPACE"], "/github/workspace");
    assert_eq!(seen["HOME"], "/github/home");
    assert_eq!(seen["RUNNER_TEMP"], "/github/runner_temp");
    assert_eq!(seen["INPUT_REPORT-DIR"], "/github/workspace/out");
    assert_eq!(seen["INPUT_COMMAND"], format!("ls {workspace}"), "only whole values are mapped");
    assert_eq!(seen["RUNNER_WORKSPACE"], runner.workspace().parent().unwrap().display().to_string());
    assert!(seen["GITHUB_OUTPUT"].starts_with("/github/file_commands/set_output_"));
    assert_eq!(seen["GITHUB_EVENT_PATH"], "/github/workflow/event.json");
    assert_eq!(seen["GITHUB_SHA"], "");
    assert_eq!(seen["GITHUB_REF"], "refs/heads/feature");
    assert_eq!(seen["INPUT_CHECK-RUN-ID"], "4242");
    assert_eq!(seen["INPUT_GITHUB-TOKEN"], "ghs_job-token");
    assert_eq!(seen["INPUT_PUSH-TOKEN"], "");
}

#[test]
fn an_older_runner_does_not_mount_its_temporary_folder() {
    let runner = Runner::new("octo/widgets").without_runner_temp();
    let seen = seen_environment(&runner, Step::new(BASE));
    assert_eq!(seen["RUNNER_TEMP"], runner.temp().display().to_string());
    assert_eq!(seen["HOME"], "/github/home");
}

#[test]
fn checkouts_leave_what_each_version_leaves() {
    let sandbox = Sandbox::new();
    let origin = sandbox.repository("origin", &[]);
    git(&origin, &["update-ref", "refs/pull/7/merge", "HEAD"]);
    let server = "https://github.example";
    for (credentials, in_config) in
        [(Credentials::V5, "AUTHORIZATION"), (Credentials::V6, "includeIf"), (Credentials::None, "")]
    {
        let runner = Runner::new("octo/widgets").owned_by(1001);
        let pull_request = Checkout::PullRequest { number: 7, merge_ref: "refs/pull/7/merge" };
        let what = if credentials == Credentials::V6 { pull_request } else { Checkout::Branch("main") };
        runner.checkout(&origin, server, what, credentials, "t0ken");
        let config = std::fs::read_to_string(runner.workspace().join(".git/config")).unwrap();
        assert!(config.contains(in_config), "{credentials:?}: {config}");
        assert_eq!(config.contains("AUTHORIZATION"), credentials == Credentials::V5, "{config}");
        let safe = format!("safe.directory={}", runner.workspace().display());
        let branch = git(&runner.workspace(), &["-c", &safe, "branch", "--show-current"]);
        assert_eq!(branch, if credentials == Credentials::V6 { "" } else { "main" });
        assert_eq!(runner.strangers(), Vec::<std::path::PathBuf>::new());
    }
}

#[test]
fn cancelling_interrupts_first() {
    let runner = Runner::new("octo/widgets");
    let script = "trap 'echo interrupted; exit 9' INT; echo ready; while :; do sleep 0.1; done";
    let mut running = runner.start(&Step::new(BASE).args(&["bash", "-c", script]));
    running.wait_for("ready");
    let finished = running.cancel();
    assert_eq!(finished.exit_code, Some(9), "{}", finished.text());
    assert!(finished.text().contains("interrupted"));
}

#[test]
fn files_are_read_after_the_end_even_of_a_failed_step() {
    let runner = Runner::new("octo/widgets").owned_by(1001);
    let script = r#"
        printf 'outcome<<D\nhea\nled\nD\n' >> "$GITHUB_OUTPUT"
        echo 'kept=1' >> "$GITHUB_STATE"
        echo '## Summary' >> "$GITHUB_STEP_SUMMARY"
        echo '::add-mask::s3cret'
        echo '::error file=a.py,line=3::the s3cret'
        echo "token: $(printenv INPUT_GITHUB-TOKEN)"
        touch /github/workspace/left-behind
        exit 3"#;
    let step =
        Step::new(BASE).args(&["bash", "-c", script]).token("s3cret").event(serde_json::json!({"a": 1}));
    let finished = runner.run(&step);
    assert_eq!(finished.exit_code, Some(3));
    assert_eq!(finished.outputs["outcome"], "hea\nled");
    assert_eq!(finished.summary, "## Summary\n");
    assert!(finished.errors.is_empty(), "{:?}", finished.errors);
    assert_eq!(finished.log.annotations[0].data, "the ***");
    assert_eq!(finished.log.named("error").count(), 1);
    assert!(finished.text().contains("token: ***"), "{}", finished.text());
    assert_eq!(finished.state["kept"], "1");
    let left: Vec<String> = runner.strangers().iter().map(|p| p.display().to_string()).collect();
    assert_eq!(left, [format!("{}/left-behind", runner.workspace().display())]);
    runner.settle();
    assert!(runner.strangers().is_empty());

    let broken = runner.run(&Step::new(BASE).args(&["bash", "-c", "echo nonsense >> $GITHUB_OUTPUT"]));
    assert_eq!(broken.errors, ["Invalid format 'nonsense'"]);
}

#[test]
fn machines_differ_in_socket_and_network() {
    let runner = Runner::new("octo/widgets").without_socket().in_a_network();
    let script = "test -e /var/run/docker.sock && echo socket; grep -c eth0 /proc/net/dev";
    let finished = runner.run(&Step::new(BASE).args(&["bash", "-c", script]));
    assert_eq!(finished.log.shown, ["1"], "{}", finished.text());
}

#[test]
fn a_killed_step_ends_as_such() {
    let runner = Runner::new("octo/widgets");
    let mut running = runner.start(&Step::new(BASE).args(&["bash", "-c", "echo ready; sleep 600"]));
    running.wait_for("ready");
    assert_eq!(running.kill_container().exit_code, Some(137));
}

#[test]
fn the_post_step_starts_the_post_entrypoint() {
    let runner = Runner::new("octo/widgets");
    let step = Step::new(BASE);
    let main = runner.run(&step.clone().args(&["bash", "-c", "echo kept=1 >> $GITHUB_STATE"]));
    let post = runner.run_post(&step, &main);
    // This image has no such program; the error names what was started.
    assert_eq!(post.exit_code, Some(127), "{}", post.text());
    assert!(post.text().contains("/ci-healer-sweep"), "{}", post.text());
}
