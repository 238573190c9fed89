//! Signals in every phase, sent as the runner sends them; kills, and what the next start makes of them.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;

use serde_json::json;

use super::child::{Started, Stopped, left_by, start};
use crate::heal::{Story, calculator, command};
use crate::stories::stage::{CI, CI_FILE, Ended, NO_COLON, Stage, TEST};
use crate::support::engine_proxy::{EngineProxy, Trouble};
use crate::support::github::{CiScript, Fault};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

async fn stopped(child: Started, signal: &'static str) -> Stopped {
    tokio::task::spawn_blocking(move || child.stop(signal)).await.unwrap()
}

/// A server that takes connections and says nothing; its port, and the first bytes it got.
fn silent_server() -> (u16, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = vec![0; 4096];
            let read = stream.read(&mut buffer).unwrap_or(0);
            buffer.truncate(read);
            let _ = sender.send(buffer);
            open.push(stream);
        }
    });
    (port, receiver)
}

/// Command lines of this machine's processes that contain `part`.
pub(super) fn processes_with(part: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(part) {
            found.push(line);
        }
    }
    found
}

#[test]
fn while_cloning_from_an_address() {
    let (port, asked) = silent_server();
    let here = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ci-healer"));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).current_dir(here.path());
    let address = format!("http://127.0.0.1:{port}/o/r.git");
    command.args(["heal", "--repo", &address]);
    let child = start(command, here.path());
    asked.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    let ended = child.stop("INT");
    ended.expect("cancelled", 130);
    assert_eq!(processes_with(&address), Vec::<String>::new(), "git's own children are still at it");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_workspace_is_copied_into_the_sandbox() {
    let proxy = EngineProxy::start();
    proxy.trouble("PUT /containers/ /archive", Trouble::Hang);
    let story = command("true");
    let mut command = story.command();
    command.env("DOCKER_HOST", proxy.address());
    let child = start(command, &story.repo());
    tokio::task::block_in_place(|| proxy.wait_for("PUT /containers/ /archive"));
    let ended = stopped(child, "TERM").await;
    ended.expect("cancelled", 143);
}

/// The worst moment: the engine has stopped answering, so that not even cleaning up works.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_engine_hangs() {
    let proxy = EngineProxy::start();
    let story = command("echo begun; sleep 6133");
    let mut command = story.command();
    command.env("DOCKER_HOST", proxy.address());
    let child = start(command, &story.repo());
    child.wait_for("begun\n");
    proxy.freeze();
    let pid = child.pid();
    let ended = stopped(child, "INT").await;
    assert_eq!(ended.code, Some(130), "{}", ended.text);
    let results = ended.results.as_ref().expect("a report");
    assert_eq!(results["outcome"], "cancelled");
    let warnings = results["warnings"].to_string();
    assert!(warnings.contains("did not remove everything of this run"), "what is left is told: {warnings}");
    // The frozen engine is none; the real one has it all, and the next start removes it.
    crate::heal::command("true").heal().await.expect("already_green", 0);
    assert_eq!(left_by(pid), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_model_is_asked() {
    let gemini = ScriptedLlm::answering(Speaks::Gemini, |_, _| Answer::Hang).await;
    let story = calculator().with_gemini(&gemini);
    let child = start(story.command(), &story.repo());
    while gemini.asked().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let ended = stopped(child, "INT").await;
    let results = ended.expect("cancelled", 130);
    // What was found so far is in the report.
    assert_eq!(results["baseline"]["exit"]["code"], 1);
    assert!(ended.text.contains("test_add"), "{}", ended.text);
    assert!(story.heal_branches().is_empty());
}

/// The action in a workflow, stopped once GitHub has got so many requests with these words in them.
#[track_caller]
fn stopped_at(stage: &Stage, request: &str, times: usize) -> Ended {
    let runner = stage.runner();
    let mut running = runner.start(&stage.step());
    let owner = running.container_id();
    let (method, part) = request.split_once(' ').unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    let count = || stage.hub.requests().iter().filter(|r| r.starts_with(method) && r.contains(part)).count();
    while count() < times {
        assert!(std::time::Instant::now() < deadline, "no {request}: {:?}", stage.hub.requests());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let ended = Ended::after(&runner, running.cancel(), owner);
    ended.expect("cancelled", 130);
    ended.says("ancelled");
    // The proof was made, and the fix is not lost with the run.
    assert_eq!(ended.results["final_proof"]["execution"]["exit"]["code"], 0);
    assert!(ended.results["diff"].as_str().unwrap().contains("+def add(a, b):"), "{}", ended.results["diff"]);
    assert_eq!(ended.output("patch-file"), ".ci-healer/fix.patch");
    ended
}

#[test]
fn while_the_commit_is_made() {
    let stage = Stage::calculator();
    stage.hub.fault("/git/trees", Fault::Hang);
    let ended = stopped_at(&stage, "POST /git/trees", 1);
    assert!(stage.heal_branches().is_empty());
    assert_eq!(ended.output("branch"), "");
}

#[test]
fn while_the_branch_is_pushed() {
    let stage = Stage::calculator();
    stage.hub.fault("/git/refs", Fault::Hang);
    let ended = stopped_at(&stage, "POST /git/refs", 1);
    assert!(stage.heal_branches().is_empty());
    assert_eq!(ended.output("branch"), "");
}

#[test]
fn while_ci_is_watched() {
    let stage = Stage::new(&[(CI_FILE, CI), ("calc.py", NO_COLON), ("test_calc.py", TEST)]);
    stage.hub.script(CI_FILE, CiScript { runs_for: u32::MAX, ..CiScript::passes() });
    // The first asks what the token may do.
    let ended = stopped_at(&stage, "POST /dispatches", 2);
    let (branch, sha, _, _) = stage.heal_commit();
    // What went out before the signal is reported.
    assert_eq!((ended.output("branch"), ended.output("commit")), (branch.as_str(), sha.as_str()));
}

/// Eight runs on one engine at once. Half of them are killed, each in another phase; the others, and the starts that
/// sweep up after the dead, must not notice.
#[tokio::test(flavor = "multi_thread")]
async fn kills_disturb_nobody_and_the_next_start_sweeps() {
    let quick = |line: &str| command(line).flag("sandbox-image", "ci-healer/base:trixie");
    let living: Vec<Story> = (0..4).map(|_| quick("echo begun; sleep 8; echo done; exit 7")).collect();
    let living: Vec<(Started, Story)> =
        living.into_iter().map(|s| (start(s.command(), &s.repo()), s)).collect();

    let proxy = EngineProxy::start();
    proxy.trouble("PUT /containers/ /archive", Trouble::Hang);
    let copying = quick("true");
    let mut copies = copying.command();
    copies.env("DOCKER_HOST", proxy.address());
    let copies = start(copies, &copying.repo());
    let building = quick("echo begun; sleep 6134");
    let builds = start(building.command(), &building.repo());
    let gemini = ScriptedLlm::answering(Speaks::Gemini, |_, _| Answer::Hang).await;
    let asking = calculator().with_gemini(&gemini);
    let asks = start(asking.command(), &asking.repo());
    let (port, asked) = silent_server();
    let mut clones = Command::new(env!("CARGO_BIN_EXE_ci-healer"));
    clones.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).current_dir(copying.repo());
    clones.args(["heal", "--repo", &format!("http://127.0.0.1:{port}/o/r.git")]);
    let clones = start(clones, &copying.repo());

    tokio::task::block_in_place(|| {
        asked.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
        proxy.wait_for("PUT /containers/ /archive");
        builds.wait_for("begun\n");
    });
    while gemini.asked().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let dead: Vec<u32> = [&copies, &builds, &asks].iter().map(|c| c.pid()).collect();
    let mut killed = Vec::new();
    for child in [copies, builds, asks, clones] {
        killed.push(tokio::task::spawn_blocking(move || child.kill()).await.unwrap());
    }
    assert!(killed.iter().all(|k| k.code.is_none() && !k.temporary_files().is_empty()));
    // A start while the others are at work.
    crate::heal::command("true").heal().await.expect("already_green", 0);
    for pid in dead {
        assert_eq!(left_by(pid), Vec::<String>::new());
    }
    for (child, _story) in living {
        let ended = tokio::task::spawn_blocking(move || child.finish()).await.unwrap();
        let results = ended.expect("exhausted", 1);
        assert_eq!(results["baseline"]["exit"], json!({"kind": "exited", "code": 7}), "{}", ended.text);
        assert!(ended.text.contains("done"), "{}", ended.text);
    }
    // The folder of a dead run goes with the next start that looks there.
    let temp = killed.remove(1);
    let again = quick("true");
    let mut next = again.command();
    next.env("TMPDIR", temp.temp_folder());
    assert!(next.output().unwrap().status.success());
    assert_eq!(temp.temporary_files(), Vec::<std::path::PathBuf>::new());
}
