//! The whole binary against peers that freeze, in each phase: after a signal, and when the time budget is spent, the
//! report is written and the process gone within seven seconds. (Calls one by one: `frozen_engine`, `frozen_servers`.)

use std::time::{Duration, Instant};

use serde_json::Value;

use super::child::{Started, Stopped, start};
use crate::heal::{Story, calculator, command};
use crate::support::engine_proxy::EngineProxy;
use crate::support::frozen::{Manner, frozen_url};
use crate::support::git::git;
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

/// The runner kills after 7.5 s.
const IN_TIME: Duration = Duration::from_secs(7);

/// The calls at which the engine freezes, in the order of the phases.
const PHASES: [&str; 7] = [
    "GET /info",
    "GET /images/",
    "POST /containers/create",
    "PUT /containers/ /archive",
    "POST /exec/ /start",
    "POST /containers/ /kill",
    "DELETE /containers/",
];

fn at(proxy: &EngineProxy, phase: &str, story: &Story) -> Started {
    proxy.freeze_at(phase);
    let mut command = story.command();
    command.env("DOCKER_HOST", proxy.address());
    start(command, &story.repo())
}

fn results(ended: &Stopped) -> &Value {
    ended.results.as_ref().unwrap_or_else(|| panic!("no report\n{}", ended.text))
}

/// A step that is still running when the engine freezes, or that has ended when it is closed.
fn story(phase: &str) -> Story {
    let line = if phase.contains("kill") { "sleep 6137" } else { "true" };
    command(line).flag("sandbox-image", "ci-healer/base:trixie")
}

#[test]
fn a_signal_while_the_engine_is_frozen() {
    std::thread::scope(|threads| {
        for phase in PHASES {
            threads.spawn(move || {
                let (proxy, story) = (EngineProxy::start(), story(phase));
                let child = at(&proxy, phase, &story);
                if phase.contains("kill") {
                    // Only a run that is being stopped kills: frozen from then on.
                    proxy.wait_for("POST /exec/ /start");
                } else {
                    while !proxy.is_frozen() {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
                let told = Instant::now();
                let ended = child.stop("TERM");
                assert!(told.elapsed() < IN_TIME, "{phase}: {:?}\n{}", told.elapsed(), ended.text);
                assert_eq!(ended.code, Some(143), "{phase}: {}", ended.text);
                let outcome = results(&ended)["outcome"].as_str().unwrap().to_owned();
                // When closing, the verdict stands already; a start that sweeps up after others deletes as well.
                let expected: &[&str] = if phase.starts_with("DELETE") {
                    &["already_green", "cancelled"]
                } else {
                    &["cancelled"]
                };
                assert!(expected.contains(&outcome.as_str()), "{phase}: {outcome}\n{}", ended.text);
            });
        }
    });
}

#[test]
fn a_time_budget_that_ends_while_the_engine_is_frozen() {
    std::thread::scope(|threads| {
        for phase in PHASES {
            threads.spawn(move || {
                let budget = Duration::from_secs(15);
                let (proxy, story) = (EngineProxy::start(), story(phase).flag("time-budget", "15s"));
                let begun = Instant::now();
                let ended = at(&proxy, phase, &story).finish();
                let took = begun.elapsed();
                assert!(took < budget + IN_TIME, "{phase}: {took:?}\n{}", ended.text);
                let results = results(&ended);
                let outcome = results["outcome"].as_str().unwrap();
                // An engine that does not answer at first is none, and that is found out sooner.
                let expected: &[&str] = match phase {
                    "DELETE /containers/" => &["already_green", "budget_spent"],
                    "GET /info" => &["budget_spent", "error"],
                    _ => &["budget_spent"],
                };
                assert!(expected.contains(&outcome), "{phase}: {outcome}\n{}", ended.text);
                if outcome == "budget_spent" {
                    assert_eq!(results["which"], "time", "{phase}");
                    assert!(!ended.text.contains("sandbox-timeout"), "{phase}: {}", ended.text);
                }
            });
        }
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_budget_that_ends_while_a_model_is_frozen() {
    let gemini = ScriptedLlm::answering(Speaks::Gemini, |_, _| Answer::Hang).await;
    let story = calculator().with_gemini(&gemini).flag("time-budget", "40s");
    let begun = Instant::now();
    let child = start(story.command(), &story.repo());
    let ended = tokio::task::spawn_blocking(move || child.finish()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(40) + IN_TIME, "{}", ended.text);
    assert!(!gemini.asked().is_empty(), "the model was never asked: {}", ended.text);
    let results = results(&ended);
    assert_eq!(
        (results["outcome"].as_str(), results["which"].as_str()),
        (Some("budget_spent"), Some("time"))
    );
    assert_eq!(ended.temporary_files(), Vec::<std::path::PathBuf>::new());
}

/// A push to a remote that takes the connection and says nothing: nothing of it is left half done or running.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_while_the_remote_is_frozen() {
    for manner in [Manner::Deaf, Manner::Silent] {
        let story = crate::heal::no_colon();
        let address = format!("{}/o/r.git", frozen_url(manner));
        git(&story.repo(), &["remote", "set-url", "origin", &address]);
        let child = start(story.command(), &story.repo());
        child.wait_for("publishing ");
        let told = Instant::now();
        let ended = tokio::task::spawn_blocking(move || child.stop("INT")).await.unwrap();
        assert!(told.elapsed() < IN_TIME, "{manner:?}: {:?}\n{}", told.elapsed(), ended.text);
        assert_eq!(results(&ended)["outcome"], "cancelled", "{}", ended.text);
        assert_eq!(ended.code, Some(130), "{}", ended.text);
        // The fix is proven and not lost with the run.
        assert!(results(&ended)["diff"].as_str().unwrap().contains("+def add(a, b):"), "{}", ended.text);
        assert_eq!(super::signals::processes_with(&address), Vec::<String>::new(), "git is still at it");
    }
}
