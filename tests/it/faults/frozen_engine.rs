//! An engine that takes bytes and answers nothing any more, at each phase of an execution: who is told to stop stops,
//! and says what is left.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ci_healer::contract::build::{BuildPlan, Exit};
use ci_healer::executor::{CLOSE_PATIENCE, Executor, ExecutorError, Leftovers, Options};
use ci_healer::scope::{Scope, StopReason};

use crate::executor::{BASE, Run, Tree, docker, left_by, plan, step, unique};
use crate::support::engine_proxy::{EngineProxy, Trouble};

/// Within this time after a stop every call of the executor's returns.
const AFTER_A_STOP: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(1);

/// Stops `scope` a moment after the engine has frozen; when that was.
async fn stop_when_frozen(proxy: &EngineProxy, scope: &Scope, reason: StopReason) -> Instant {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !proxy.is_frozen() {
        assert!(Instant::now() < deadline, "the call at which the engine freezes was never made");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    scope.stop(reason);
    Instant::now()
}

/// Closes the executor of a frozen engine: in time, and with everything that is left by name.
#[track_caller]
fn assert_left(left: &Leftovers, took: Duration, run: &str, has_container: bool, has_volume: bool) {
    assert!(took < PATIENCE + Duration::from_secs(1), "closing took {took:?}");
    let own = format!("ci-healer-{run}");
    assert_eq!(left.networks, [own.as_str()], "{left}");
    let first = [format!("{own}-1")];
    assert_eq!(left.containers, &first[..usize::from(has_container)], "{left}");
    assert_eq!(left.volumes, &first[..usize::from(has_volume)], "{left}");
    assert!(matches!(*left.cause, ExecutorError::Stopped(_)), "{left}");
}

/// Removes what a run behind a frozen proxy has left in the real engine.
async fn clean_up(run: &str) {
    let again = Run::new("unused", |o| o.run_id = run.to_owned()).await;
    again.executor.close(CLOSE_PATIENCE).await.unwrap();
    assert_eq!(left_by(run), Vec::<String>::new());
}

/// One execution of `plan` on an engine that freezes at `call`; stopped then, closed, and cleaned up.
async fn frozen_at(call: &str, plan: &BuildPlan, has_container: bool, has_volume: bool) {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "frozen", |_| {}).await;
    run.tree = Tree::default().with("a.txt", "a\n");
    let (scope, name) = (run.scope.clone(), run.run.clone());
    proxy.freeze_at(call);
    let (result, told) =
        tokio::join!(run.execute(plan, false), stop_when_frozen(&proxy, &scope, StopReason::Terminated));
    assert!(told.elapsed() < AFTER_A_STOP, "{call}: it took {:?}", told.elapsed());
    assert_eq!(result.exit, Exit::Cancelled, "{call}");
    let closing = Instant::now();
    let left = run.executor.close(PATIENCE).await.expect_err(call);
    assert_left(&left, closing.elapsed(), &name, has_container, has_volume);
    clean_up(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_an_execution_in_every_phase() {
    let plan = plan(vec![step("echo A=1 >> $GITHUB_ENV")]);
    for (call, has_container, has_volume) in [
        ("POST /networks/create", false, false),
        ("POST /volumes/create", false, true),
        ("POST /containers/create", true, true),
        ("GET /containers/ /archive", true, true),
        ("PUT /containers/ /archive", true, true),
        ("POST /containers/ /attach", true, true),
        ("POST /containers/ /start", true, true),
        ("POST /containers/ /exec", true, true),
        ("POST /exec/ /start", true, true),
        ("GET /exec/ /json", true, true),
    ] {
        frozen_at(call, &plan, has_container, has_volume).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_a_step_whose_engine_freezes_in_the_middle_of_its_output() {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "frozen", |_| {}).await;
    let (scope, name) = (run.scope.clone(), run.run.clone());
    let events = Arc::clone(&run.events);
    let freezing = async {
        while !events.has_output("begun") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        proxy.freeze();
        stop_when_frozen(&proxy, &scope, StopReason::Interrupted).await
    };
    let (result, told) = tokio::join!(run.bash("echo begun; while echo more; do sleep 0.1; done"), freezing);
    assert!(told.elapsed() < AFTER_A_STOP, "it took {:?}", told.elapsed());
    assert_eq!(result.exit, Exit::Cancelled);
    assert!(String::from_utf8_lossy(&result.log).starts_with("begun\n"), "what it printed is kept");
    let closing = Instant::now();
    let left = run.executor.close(PATIENCE).await.unwrap_err();
    assert_left(&left, closing.elapsed(), &name, true, true);
    clean_up(&name).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_connecting_preparing_and_reading_back() {
    let proxy = EngineProxy::start();
    let (scope, address) = (Scope::unbounded(), proxy.address());
    proxy.freeze_at("GET /version");
    let (connected, told) = tokio::join!(
        Executor::connect_to(&address, Options::new("never"), &scope),
        stop_when_frozen(&proxy, &scope, StopReason::Interrupted),
    );
    assert!(told.elapsed() < AFTER_A_STOP, "connecting: {:?}", told.elapsed());
    let error = connected.err().unwrap();
    assert!(matches!(&error, ExecutorError::Stopped(s) if s.reason == StopReason::Interrupted), "{error}");

    let mut absent = plan(vec![step("true")]);
    absent.image.reference = "ci-healer-test.invalid/nothing:1".to_owned();
    for (call, wanted) in [("GET /images/", plan(vec![step("true")])), ("POST /images/create", absent)] {
        let proxy = EngineProxy::start();
        let mut run = Run::at(&proxy.address(), "frozen", |_| {}).await;
        proxy.freeze_at(call);
        let scope = run.scope.clone();
        let (prepared, told) = tokio::join!(
            run.executor.prepare(&wanted, run.events.as_ref(), &scope),
            stop_when_frozen(&proxy, &scope, StopReason::Interrupted),
        );
        assert!(told.elapsed() < AFTER_A_STOP, "{call}: {:?}", told.elapsed());
        assert!(matches!(prepared, Err(ExecutorError::Stopped(_))), "{call}: {prepared:?}");
        // Nothing was asked of the engine, so that nothing can be left.
        let closing = Instant::now();
        run.executor.close(PATIENCE).await.unwrap();
        assert!(closing.elapsed() < PATIENCE + Duration::from_secs(1), "{call}: {:?}", closing.elapsed());
    }

    for call in ["POST /containers/create", "POST /exec/ /start", "GET /containers/ /archive"] {
        let proxy = EngineProxy::start();
        let mut run = Run::at(&proxy.address(), "frozen", |_| {}).await;
        run.tree = Tree::default().with("a.txt", "a\n");
        assert!(run.bash("echo b > a.txt").await.is_green());
        proxy.freeze_at(call);
        let (scope, name) = (run.scope.clone(), run.run.clone());
        let (changed, told) = tokio::join!(
            run.executor.changed_files(&run.tree, &scope),
            stop_when_frozen(&proxy, &scope, StopReason::TimeBudget),
        );
        assert!(told.elapsed() < AFTER_A_STOP, "{call}: {:?}", told.elapsed());
        assert!(matches!(changed, Err(ExecutorError::Stopped(_))), "{call}: {changed:?}");
        let left = run.executor.close(PATIENCE).await.unwrap_err();
        assert_eq!(left.containers, [format!("ci-healer-{name}-reader-1")], "{left}");
        clean_up(&name).await;
    }
}

/// The limit of an execution is not the run's end: the next one works, and a time-out of the plan's is told apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_after_the_limit_of_one_execution() {
    let mut run = Run::new("limit", |o| o.timeout = Duration::from_secs(2)).await;
    run.tree = Tree::default().with("a.txt", "a\n");
    assert_eq!(run.bash("sleep 100").await.exit, Exit::TimedOut { after_seconds: 2 });
    let whole = std::mem::replace(&mut run.scope, Scope::unbounded().child(Duration::from_millis(1500)));
    let started = Instant::now();
    assert_eq!(run.bash("sleep 100").await.exit, Exit::Cancelled);
    assert!(started.elapsed() < Duration::from_millis(1500) + AFTER_A_STOP, "{:?}", started.elapsed());
    run.scope = whole;
    assert!(run.bash("cat a.txt").await.is_green());
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_waits_for_what_the_engine_is_still_removing() {
    // A volume is held for a while by a container that nobody lists any more.
    let proxy = Arc::new(EngineProxy::start());
    let mut run = Run::at(&proxy.address(), "held", |_| {}).await;
    assert!(run.bash("true").await.is_green());
    proxy.trouble("DELETE /volumes/", Trouble::Error(409, "remove x: volume is in use - [a container]"));
    let door = Arc::clone(&proxy);
    let released = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(4)).await;
        door.fix();
    });
    run.close().await;
    released.await.unwrap();

    // A container that takes long: waited for, or named.
    for patience in [Duration::from_secs(30), PATIENCE] {
        let proxy = EngineProxy::start();
        let mut run = Run::at(&proxy.address(), "slow", |_| {}).await;
        assert!(run.bash("true").await.is_green());
        let (name, label) = (run.run.clone(), format!("ci-healer.run={}", run.run));
        let mount = format!("ci-healer-{name}-1:/workspace");
        let slow = unique("slow-container");
        docker(&["run", "-d", "--name", &slow, "--label", &label, "-v", &mount, BASE, "sleep", "300"]);
        proxy.trouble("DELETE /containers/", Trouble::Late(Duration::from_secs(4)));
        let closing = Instant::now();
        let closed = run.executor.close(patience).await;
        if patience > PATIENCE {
            assert_eq!(closed.unwrap().containers, 1);
            assert_eq!(left_by(&name), Vec::<String>::new());
        } else {
            assert!(closing.elapsed() < patience + Duration::from_secs(1), "{:?}", closing.elapsed());
            let left = closed.unwrap_err();
            assert_eq!(left.containers, [slow], "{left}");
            assert_eq!(left.volumes, [format!("ci-healer-{name}-1")], "{left}");
            assert!(left.to_string().contains(&format!("container {}", left.containers[0])), "{left}");
            clean_up(&name).await;
        }
    }
}

/// A stop in the middle of a patient end makes it an impatient one.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_closing_shortens_it() {
    let proxy = EngineProxy::start();
    let mut run = Run::at(&proxy.address(), "hurried", |_| {}).await;
    assert!(run.bash("true").await.is_green());
    proxy.freeze();
    let (scope, name) = (run.scope.clone(), run.run.clone());
    let (closed, told) = tokio::join!(
        run.executor.close(CLOSE_PATIENCE),
        stop_when_frozen(&proxy, &scope, StopReason::Interrupted),
    );
    assert!(told.elapsed() < Duration::from_secs(4), "{:?}", told.elapsed());
    assert!(closed.is_err());
    clean_up(&name).await;
}
