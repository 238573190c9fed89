//! The Docker engine in every kind of trouble. Where the real one cannot be made to fail, a door to it does.

use std::sync::Arc;
use std::time::Duration;

use ci_healer::contract::build::{ExecutionResult, Exit, PlanStep};
use ci_healer::executor::{CLOSE_PATIENCE, Executor, ExecutorError, LogLimits, Options};
use ci_healer::scope::Scope;

use super::child::start;
use crate::executor::{Run, docker, left_by, log, plan, step};
use crate::heal::{Story, calculator, command, right};
use crate::support::engine_proxy::{EngineProxy, Trouble};
use crate::support::llm::{ScriptedLlm, Speaks};

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_old_mute_or_none_at_all_is_named() {
    let connect = async |trouble: Trouble| {
        let proxy = EngineProxy::start();
        proxy.trouble("GET /version", trouble);
        Executor::connect_to(&proxy.address(), Options::new("never"), &Scope::unbounded())
            .await
            .err()
            .unwrap()
    };
    let old = br#"{"Version":"1.12.6","ApiVersion":"1.24","MinAPIVersion":"1.12"}"#.to_vec();
    let (old, mute, gone, other, ill) = tokio::join!(
        connect(Trouble::Answer("application/json", old)),
        connect(Trouble::Hang),
        connect(Trouble::Close),
        connect(Trouble::Answer("text/html", b"<html>It works!</html>".to_vec())),
        connect(Trouble::Error(500, "dockerd is shutting down")),
    );
    assert!(matches!(&old, ExecutorError::TooOld { version, .. } if version == "1.24"), "{old}");
    for (error, word) in [(&mute, "no answer within"), (&gone, ""), (&other, ""), (&ill, "shutting down")] {
        assert!(matches!(error, ExecutorError::NoEngine { .. }), "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
    for error in [&old, &mute, &gone, &other, &ill] {
        assert!(error.hint().is_some(), "{error}");
    }
}

/// One run of a step, with the engine in trouble at one call; then without.
async fn in_trouble(run: &mut Run, proxy: &EngineProxy, call: &str, trouble: Trouble) -> ExecutionResult {
    proxy.trouble(call, trouble);
    let plan = plan(vec![step("echo one; echo A=1 >> $GITHUB_ENV"), step("echo two")]);
    let result = run.execute(&plan, false).await;
    proxy.fix();
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_at_any_call_is_never_a_verdict_and_passes() {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "trouble", |o| o.engine_wait = Duration::from_secs(2)).await;
    run.tree = crate::executor::Tree::default().with("a.txt", "a\n");
    let full = "write /var/lib/docker/x: no space left on device";
    let calls = [
        // First: a network is made once.
        (
            "POST /networks/create",
            Trouble::Error(500, "could not find an available, non-overlapping address pool"),
        ),
        (
            "POST /volumes/create",
            Trouble::Error(500, "create x: error while checking if volume exists in driver"),
        ),
        ("POST /containers/create", Trouble::Error(500, full)),
        ("PUT /containers/ /archive", Trouble::Error(500, full)),
        ("PUT /containers/ /archive", Trouble::Close),
        ("POST /containers/ /attach", Trouble::Error(500, "oops")),
        (
            "POST /containers/ /start",
            Trouble::Error(500, "OCI runtime create failed: no space left on device"),
        ),
        ("POST /containers/ /exec", Trouble::Error(500, "oops")),
        ("POST /exec/ /start", Trouble::Error(500, "OCI runtime exec failed")),
        ("POST /exec/ /start", Trouble::Close),
        ("GET /exec/ /json", Trouble::Error(500, "oops")),
        ("GET /exec/ /json", Trouble::Cut(20)),
    ];
    for (call, trouble) in calls {
        let hint = matches!(&trouble, Trouble::Error(_, m) if m.contains("no space"));
        let result = in_trouble(&mut run, &proxy, call, trouble.clone()).await;
        let Exit::Infrastructure { what } = &result.exit else {
            panic!("{call} {trouble:?}: {:?}\n{}", result.exit, log(&result));
        };
        if let Trouble::Error(_, message) = trouble {
            assert!(what.contains(message), "{call}: {what}");
        }
        assert!(!hint || what.contains("free disk space"), "{call}: {what}");
        assert!(!result.is_green() && !result.has_verdict());
    }
    // What a step says to later ones is lost with the engine's answer: that is no failure of the step's.
    let lost = in_trouble(&mut run, &proxy, "GET /containers/ /archive", Trouble::Error(500, "oops")).await;
    assert!(matches!(lost.exit, Exit::Infrastructure { .. }), "{lost:?}");
    // Memory events, removals: not even worth a failure.
    let removed = in_trouble(&mut run, &proxy, "DELETE /containers/", Trouble::Error(500, "busy")).await;
    assert!(removed.is_green(), "{removed:?}");
    assert!(run.bash("cat a.txt").await.is_green(), "after all that the run goes on");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_output_is_cut_off_gets_no_verdict() {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "cut", |o| o.engine_wait = Duration::from_secs(2)).await;
    // In the middle of what it prints, before, and behind what the engine says of a stream's start.
    for bytes in [400, 250, 3_000] {
        for script in [
            "for n in $(seq 200); do echo line $n; sleep 0.02; done",
            "yes | head -c 3000000",
            // What ends for want of a reader.
            "trap '' PIPE; for n in $(seq 200); do echo line $n || exit 3; sleep 0.02; done",
            "yes | head -c 3000000 || exit 3",
        ] {
            proxy.trouble("POST /exec/ /start", Trouble::Cut(bytes));
            let result = run.bash(script).await;
            proxy.fix();
            assert!(
                matches!(result.exit, Exit::Infrastructure { .. }),
                "{bytes} {script}: {:?}",
                result.exit
            );
        }
    }
    // What a shell says of a file that is no program is a verdict; so is what ends after it has closed its output.
    for (script, code) in [
        ("touch x; ./x", 126),
        ("exec >&- 2>&-; sleep 1; exit 3", 3),
        ("exit 126", 126),
        ("yes | head -n 1; exit 141", 141),
        ("printf unfinished >&2; kill -9 $PPID; sleep 1", 137),
        ("(sleep 1; echo late; sleep 60) & exit 4", 4),
    ] {
        let result = run.bash(script).await;
        assert_eq!(result.exit, Exit::Exited { code }, "{script}");
        assert!(
            !log(&result).contains('\u{1e}') && !log(&result).contains("has ended"),
            "{:?}",
            log(&result)
        );
    }
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_that_cannot_be_had_say_why() {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "images", |_| {}).await;
    let mut wanted = plan(vec![step("true")]);
    wanted.image.reference = "ci-healer-test.invalid/nothing:1".to_owned();
    // A job's own container is never replaced by another image.
    wanted.image.from_container = true;
    let cases = [
        (Trouble::Error(404, "manifest unknown"), "image's name and tag"),
        (Trouble::Error(500, "no space left on device"), "free disk space"),
        (Trouble::Error(500, "dial tcp: lookup ci-healer-test.invalid: no such host"), "cannot be reached"),
        (
            Trouble::Answer(
                "application/json",
                b"{\"status\":\"Pulling\"}\r\n{\"errorDetail\":{\"message\":\"failed to register layer: no space left on device\"},\"error\":\"failed to register layer: no space left on device\"}\r\n".to_vec(),
            ),
            "free disk space",
        ),
        // The pull says all is well, and nothing is there.
        (Trouble::Answer("application/json", b"{\"status\":\"Done\"}\r\n".to_vec()), "removes images"),
    ];
    for (trouble, hint) in cases {
        proxy.trouble("POST /images/create", trouble.clone());
        let result = run.execute(&wanted, false).await;
        let Exit::Infrastructure { what } = &result.exit else { panic!("{trouble:?}: {result:?}") };
        assert!(
            what.contains("ci-healer-test.invalid/nothing:1") && what.contains(hint),
            "{trouble:?}: {what}"
        );
        proxy.fix();
    }
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_in_mid_build_and_comes_back_is_waited_for() {
    let proxy = Arc::new(EngineProxy::start());
    let mut run = Run::at(&proxy.address(), "revived", |o| o.engine_wait = Duration::from_secs(60)).await;
    run.tree = crate::executor::Tree::default().with("a.txt", "a\n");
    let door = Arc::clone(&proxy);
    let dying = tokio::task::spawn_blocking(move || {
        door.wait_for("POST /exec/ /start");
        std::thread::sleep(Duration::from_millis(500));
        door.die();
    });
    let (result, dead) = tokio::join!(run.bash("echo begun; sleep 60"), dying);
    dead.unwrap();
    assert!(matches!(result.exit, Exit::Infrastructure { .. }), "{result:?}");
    let reviving = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        proxy.come_back();
    };
    let (result, ()) = tokio::join!(run.bash("cat a.txt"), reviving);
    assert!(result.is_green(), "{result:?}");
    assert_eq!(log(&result), "a\n");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_stays_dead_ends_the_run_and_is_swept_later() {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "dead", |o| o.engine_wait = Duration::from_secs(1)).await;
    assert!(run.bash("true").await.is_green());
    proxy.die();
    for _ in 0..2 {
        let result = run.bash("true").await;
        assert!(matches!(result.exit, Exit::Infrastructure { .. }), "{result:?}");
    }
    let name = run.run.clone();
    assert!(run.executor.close(CLOSE_PATIENCE).await.is_err(), "it cannot have removed anything");
    proxy.come_back();
    // This process lives, so only it may remove what it has left.
    assert!(!left_by(&name).is_empty());
    let again = Run::at(&proxy.address(), "unused", |o| o.run_id = name.clone()).await;
    again.executor.close(CLOSE_PATIENCE).await.unwrap();
    assert_eq!(left_by(&name), Vec::<String>::new());
}

/// The labelled container of the run that `pid` is, once a step of it sleeps.
fn kill_the_sandbox_of(pid: u32) {
    let owned = super::child::left_by(pid);
    let container = owned.iter().find_map(|l| l.strip_prefix("container ")).expect("it has a sandbox");
    docker(&["kill", container]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_killed_during_the_baseline_costs_a_run_and_nothing_else() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    // The first run tells that it has begun, and waits to be killed.
    let ci = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo baseline begun; sleep 3; python3 -m unittest\n";
    let story = calculator_with(ci).with_gemini(&gemini);
    let child = start(story.command(), &story.repo());
    child.wait_for("baseline begun\n");
    kill_the_sandbox_of(child.pid());
    let ended = tokio::task::spawn_blocking(move || child.finish()).await.unwrap();
    let results = ended.expect("healed", 0);
    assert_eq!(results["baseline"]["exit"]["code"], 1, "{}", ended.text);
    assert_eq!(results["final_proof"]["execution"]["exit"]["code"], 0, "{}", ended.text);
    let proof: serde_json::Value =
        serde_json::from_slice(&std::fs::read(story.repo().join(".ci-healer/proof.json")).unwrap()).unwrap();
    assert_eq!(proof["before"]["exit"]["code"], 1, "{proof:#}");
    assert_eq!(proof["after"]["exit"]["code"], 0, "{proof:#}");
    assert_eq!(proof["commands"][0]["exit_before"], 1, "{proof:#}");
    assert_eq!(proof["commands"][0]["exit_after"], 0, "{proof:#}");
    assert_eq!(gemini.asked().len(), 1, "the lost run was not asked about");
}

fn calculator_with(ci: &str) -> Story {
    let base = calculator();
    std::fs::write(base.repo().join(".github/workflows/ci.yml"), ci).unwrap();
    crate::support::git::commit_all(&base.repo(), "slower");
    base
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_killed_during_the_proof_is_no_proof() {
    let gemini = ScriptedLlm::new(Speaks::Gemini, vec![right()]).await;
    // Only a run from scratch has no trace of an earlier one.
    let ci = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: |\n          python3 -m unittest || { touch seen; exit 1; }\n          if [ ! -e seen ]; then echo proof begun; sleep 3; fi\n";
    let story = calculator_with(ci).with_gemini(&gemini);
    let child = start(story.command(), &story.repo());
    child.wait_for("proof begun\n");
    kill_the_sandbox_of(child.pid());
    let ended = tokio::task::spawn_blocking(move || child.finish()).await.unwrap();
    let results = ended.expect("healed", 0);
    assert_eq!(results["final_proof"]["execution"]["exit"]["code"], 0, "{}", ended.text);
    // The killed one is counted as none.
    assert_eq!((&results["final_proof"]["runs"], &results["final_proof"]["green"]), (&2.into(), &2.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fills_its_disk_is_the_environments() {
    let ended = command("dd if=/dev/zero of=/dev/shm/full bs=1M").heal().await;
    ended.expect("environment", 3);
    assert!(ended.text.contains("No space left on device"), "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_stay_in_the_sandbox() {
    let mut run = Run::new("bombs", |o| {
        o.pids = 120;
        o.cpus = Some(0.5);
        o.timeout = Duration::from_secs(6);
        o.log_limits = LogLimits { head: 10_000, tail: 10_000 };
    })
    .await;
    let bomb = run.bash("bomb() { bomb | bomb & }; bomb; sleep 60").await;
    assert!(!bomb.is_green(), "{bomb:?}");
    let crowd = run.bash("for i in $(seq 10000); do sleep 60 & done; wait").await;
    assert!(!crowd.is_green(), "{crowd:?}");
    // Whoever holds the output and has thrown away the mark by which it would be found.
    let script = "env -i setsid sh -c 'trap \"\" TERM INT HUP; while :; do echo still here; sleep 1; done' & echo left; exit 0";
    let held = run.bash(script).await;
    assert!(held.is_green(), "{held:?}");
    assert!(log(&held).contains("left\n"), "{}", log(&held));
    let deaf = PlanStep {
        timeout_minutes: Some(0.01),
        continue_on_error: true,
        ..step("exec env -i sh -c 'trap \"\" TERM INT HUP; while :; do sleep 1; done'")
    };
    let gone = "! grep -qsa 'tra[p] \"\" TERM' /proc/[0-9]*/cmdline && echo gone";
    let stuck = run.steps(vec![deaf, step(gone)]).await;
    assert!(stuck.is_green() && log(&stuck) == "gone\n", "{stuck:?}\n{}", log(&stuck));
    assert_eq!(stuck.steps[0].note.as_deref(), Some("ran longer than its 0.01 minutes"));
    assert!(run.bash("echo fine").await.is_green(), "the machine and the run are well");
    run.close().await;
}

/// `cargo test --test it -- --ignored --nocapture ten_gigabytes`
#[test]
#[ignore = "takes minutes; prints what it costs"]
fn ten_gigabytes_of_output_cost_no_memory() {
    let line = "a line of noise, as long as lines of logs are ".repeat(2);
    let peak_kib = |bytes: u64| {
        let story = command(&format!("{{ yes '{line}' || true; }} | head -c {bytes}"))
            .flag("time-budget", "2h")
            .flag("sandbox-timeout", "2h");
        let started = std::time::Instant::now();
        let mut child = story.command().stdout(std::process::Stdio::null()).spawn().unwrap();
        let mut peak = 0;
        let code = loop {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
            let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap_or("0");
            peak = peak.max(line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        println!("{bytes} bytes printed: {:.0} s, at most {peak} KiB", started.elapsed().as_secs_f64());
        let results =
            std::fs::read_to_string(story.repo().join(".ci-healer/results.json")).unwrap_or_default();
        assert_eq!(code, Some(0), "{results}");
        peak
    };
    let small = peak_kib(100_000_000);
    let large = peak_kib(10_000_000_000);
    assert!(large < small + (32 << 10), "{small} KiB, then {large} KiB");
}
