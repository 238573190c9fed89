//! The Docker engine in every kind of trouble. Where the real one cannot be made to fail, a door to it does.

use std::time::Duration;

use ci_healer::contract::build::{Exit, PlanStep};
use ci_healer::executor::{Executor, ExecutorError, LogLimits, Options};

use crate::executor::{Run, left_by, log, plan, step};
use crate::heal::command;
use crate::support::engine_proxy::{EngineProxy, Trouble};

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_old_mute_or_none_at_all_is_named() {
    let connect = async |trouble: Trouble| {
        let proxy = EngineProxy::start();
        proxy.trouble("GET /version", trouble);
        Executor::connect_to(&proxy.address(), Options::new("never")).await.err().unwrap()
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
        proxy.mend();
    }
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
    assert!(run.executor.close().await.is_err(), "it cannot have removed anything");
    proxy.come_back();
    // This process lives, so only it may remove what it has left.
    assert!(!left_by(&name).is_empty());
    let again = Run::at(&proxy.address(), "unused", |o| o.run_id = name.clone()).await;
    again.executor.close().await.unwrap();
    assert_eq!(left_by(&name), Vec::<String>::new());
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
    let stuck = run.steps(vec![deaf, step("echo next")]).await;
    assert!(matches!(stuck.exit, Exit::TimedOut { .. }), "{stuck:?}");
    assert!(run.bash("echo fine").await.is_green(), "the machine and the run are well");
    run.close().await;
}
