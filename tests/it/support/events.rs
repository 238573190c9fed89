//! Renders a run's events again with the built binary.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// `ci-healer report` of the events at `path`; its output, and whether it succeeded.
pub(crate) fn report(path: &Path, format: &str) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ci-healer"))
        .env_clear()
        .args(["report", "--format", format])
        .arg(path)
        .output()
        .unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// The events alone give the same `results.json` and summary as those in `dir`, byte for byte.
#[track_caller]
pub(crate) fn assert_rebuilds(dir: &Path) {
    let events = dir.join("events.jsonl");
    for (format, name) in [("json", "results.json"), ("markdown", "summary.md")] {
        let (succeeded, rebuilt) = report(&events, format);
        assert!(succeeded, "{rebuilt}");
        let written = std::fs::read_to_string(dir.join(name)).unwrap();
        if rebuilt != written {
            let line = rebuilt.lines().zip(written.lines()).find(|(a, b)| a != b);
            panic!("the events give another {name}: {line:?}");
        }
    }
    assert!(report(&events, "text").0);
    let path = format!("{}/schemas/events-1.json", env!("CARGO_MANIFEST_DIR"));
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for line in std::fs::read_to_string(&events).unwrap().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {}\n{line}", errors.join("\n"));
    }
}

/// The events at `path`, in order.
pub(crate) fn read(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Their kinds.
pub(crate) fn kinds(path: &Path) -> Vec<String> {
    read(path).iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
}
