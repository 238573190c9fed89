//! `events.jsonl`: on disk as things happen, whole whenever the run is killed, and foreign text to whoever reads it. That
//! it gives the same report again is checked by every story that ends.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::heal::{Story, command, no_colon};
use crate::support::events::{kinds, report};
use crate::support::git::git;

/// Longer than any heal here takes.
const PATIENCE: Duration = Duration::from_secs(120);

fn start(story: &Story) -> Child {
    story.command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn send(child: &Child, signal: &str) {
    let status = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

fn lines(path: &Path) -> usize {
    std::fs::read(path).map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count())
}

/// Waits for line `wanted` or the end; whether it is there.
fn reaches(child: &mut Child, path: &Path, wanted: usize) -> bool {
    let end = Instant::now() + PATIENCE;
    while lines(path) < wanted {
        assert!(Instant::now() < end, "event {wanted} never came");
        if child.try_wait().unwrap().is_some() {
            return lines(path) >= wanted;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

/// What is on disk now is whole and tells what happened; nothing else of the checkout is touched.
fn check(story: &Story, path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with('\n'), "half a line: {text}");
    let (succeeded, told) = report(path, "text");
    assert!(succeeded, "{told}");
    let (succeeded, summary) = report(path, "markdown");
    assert!(succeeded, "{summary}");
    assert_eq!(git(&story.repo(), &["status", "--porcelain"]), "", "the checkout is touched");
    told
}

/// A stopped process leaves on disk exactly what a killed one does.
#[test]
fn after_each_event_the_disk_tells_what_happened() {
    let story = no_colon();
    let path = story.repo().join(".ci-healer/events.jsonl");
    let mut child = start(&story);
    let mut seen = 0;
    while reaches(&mut child, &path, seen + 1) {
        if child.try_wait().unwrap().is_some() {
            break;
        }
        send(&child, "STOP");
        seen = lines(&path);
        let told = check(&story, &path);
        if !kinds(&path).iter().any(|kind| kind == "run_finished") {
            assert!(
                told.contains("before it came to a verdict"),
                "an unfinished run claims something: {told}"
            );
        }
        send(&child, "CONT");
    }
    assert!(child.wait().unwrap().success());
    let told = kinds(&path);
    let expected = [
        "run_started",
        "repository_known",
        "checked_out",
        "planned",
        "model_servers_known",
        "step_started",
        "step_ended",
        "executed",
        "proposed",
        "iteration_started",
        "applied",
        "executed",
        "kept",
        "executed",
        "publish_started",
        "branch_moved",
        "published",
        "watched",
        "verdict_reached",
        "run_finished",
    ];
    let mut rest = told.iter();
    for kind in expected {
        assert!(rest.any(|k| k == kind), "{kind} is missing or out of order: {told:?}");
    }
    assert_eq!(told.last().map(String::as_str), Some("run_finished"));
}

#[test]
fn a_killed_run_leaves_whole_events_and_the_next_one_its_own() {
    let story = no_colon();
    let path = story.repo().join(".ci-healer/events.jsonl");
    for wanted in [1, 7, 12] {
        let _ = std::fs::remove_file(&path);
        let mut child = start(&story);
        assert!(reaches(&mut child, &path, wanted));
        child.kill().unwrap();
        child.wait().unwrap();
        check(&story, &path);
        assert!(story.heal_branches().is_empty(), "something was pushed before it was proven");
    }
    // Killed in the middle of writing another file.
    let stale = path.with_file_name(".results.json.h0123456789abcdef0123456789abcdef");
    std::fs::write(&stale, "{").unwrap();
    assert!(start(&story).wait().unwrap().success());
    assert!(!stale.exists(), "what is half-written stays");
    assert_eq!(kinds(&path).iter().filter(|kind| *kind == "run_started").count(), 1);
}

/// A report folder that takes no files is found out before anything runs.
#[test]
fn without_room_for_the_report_nothing_begins() {
    let story = command("true");
    let healer = story.command();
    // Files of this process and its children end after 512 bytes, as on a disk that is full.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh"]);
    limited.arg(healer.get_program()).args(healer.get_args());
    let output = limited.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("cannot write") && text.contains(".ci-healer"), "{text}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("plan:"), "something ran");

    std::fs::remove_dir_all(story.repo().join(".ci-healer")).unwrap();
    std::fs::write(story.repo().join(".ci-healer"), "in the way").unwrap();
    let output = story.command().output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("a file, not a folder of its own"), "{text}");
}

#[test]
fn events_are_foreign_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let hostile = "\u{1b}[2J\u{202e}::error::x\n::add-mask::y <img src=x> | `code` [l](http://h)";
    let at = |event: serde_json::Value| {
        let mut event = event;
        event["at"] = 1.into();
        event["elapsed"] = 1.0.into();
        format!("{event}\n")
    };
    let spent = serde_json::json!({"spent": 0, "limit": null});
    let budget = serde_json::json!({"attempts": spent, "time": {"spent": 0.0, "limit": null}, "tokens": spent,
        "cost": {"spent": 0.0, "limit": null}, "pushes": spent, "unpriced_calls": 0});
    let text = [
        at(serde_json::json!({"event": "run_started", "schema": "ci-healer/events/1", "version": hostile,
            "mode": hostile, "budget": budget})),
        at(serde_json::json!({"event": "repository_known", "repository": hostile, "ref": hostile})),
        at(serde_json::json!({"event": "step_started", "index": 0, "name": hostile})),
        at(serde_json::json!({"event": "warning", "what": hostile})),
        at(serde_json::json!({"event": "verdict_reached", "outcome": "error", "what": hostile, "diff": hostile})),
    ]
    .concat();
    std::fs::write(&path, &text).unwrap();
    let (succeeded, told) = report(&path, "text");
    assert!(succeeded, "{told}");
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    assert!(!told.lines().any(|line| line.trim_start().starts_with("::")), "{told}");
    let (succeeded, summary) = report(&path, "markdown");
    assert!(succeeded, "{summary}");
    // How Markdown is escaped is tested with the summary; here, that all of it goes that way.
    assert!(!summary.contains(['\u{1b}', '\u{202e}']), "{summary:?}");
    let (succeeded, json) = report(&path, "json");
    assert!(succeeded && serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");

    for (bad, named) in [("{}\n", "line 1"), ("", "does not begin"), ("nonsense\nmore\n", "line 1")] {
        std::fs::write(&path, bad).unwrap();
        let (succeeded, error) = report(&path, "text");
        assert!(!succeeded && error.contains(named), "{error}");
    }
    let (succeeded, error) = report(&path, "yaml");
    assert!(!succeeded, "{error}");
    let (succeeded, error) = report(Path::new("/nowhere"), "text");
    assert!(!succeeded && error.contains("/nowhere"), "{error}");
}
