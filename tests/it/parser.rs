//! Every tool the parser knows has logs recorded from the real tool (`tests/fixtures/logs/<tool>/<case>.log`, by
//! `tests/fixtures/record/`) with the diagnosis expected (`<case>.json`), and says the same under any wrapper.
//!
//! After a change that is meant: `UPDATE_FIXTURES=1 cargo test --test it parser`, and read the diff.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ci_healer::contract::bug::{BugReport, Diagnosis, Fingerprint, LogSpan, Suggestion};
use ci_healer::parser::{self, ParseOptions};

struct Case {
    name: String,
    log: Vec<u8>,
    json: PathBuf,
}

fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
    let mut cases = Vec::new();
    for folder in sorted(&root).into_iter().filter(|entry| entry.is_dir()) {
        for file in sorted(&folder).into_iter().filter(|f| f.extension().is_some_and(|e| e == "log")) {
            let name = file.strip_prefix(&root).unwrap().with_extension("").display().to_string();
            cases.push(Case { name, log: fs::read(&file).unwrap(), json: file.with_extension("json") });
        }
    }
    cases
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    entries
}

fn diagnose(log: &[u8]) -> Diagnosis {
    parser::diagnose(log, &ParseOptions::default()).unwrap()
}

/// Tools that the registries we record from do not offer (`go-lint`: golint, revive). They are held to unit tests alone.
const NOT_RECORDED: &[&str] =
    &["json", "trybuild", "semgrep", "go-lint", "actionlint", "gosec", "errcheck", "elixir"];

/// Line formats of other tools of which that holds, by name.
const FORMATS_NOT_RECORDED: &[&str] = &[
    "kotlinc under Gradle",
    "place, tab, rule, tab, message: PMD",
    "as Microsoft's compilers: MSBuild, cl",
    "golangci-lint, what could not be loaded",
];

#[test]
fn every_tool_has_recorded_logs() {
    let folders: BTreeSet<String> =
        cases().iter().map(|case| case.name.split('/').next().unwrap().to_owned()).collect();
    let without: Vec<_> =
        parser::tools().filter(|tool| !folders.contains(*tool) && !NOT_RECORDED.contains(tool)).collect();
    assert!(without.is_empty(), "no fixture pair for {without:?}");
    let unknown: Vec<_> = folders
        .iter()
        .filter(|f| *f != "clean" && *f != "unknown" && !parser::tools().any(|t| t == *f))
        .collect();
    assert!(unknown.is_empty(), "fixtures of no tool: {unknown:?}");
}

#[test]
fn every_line_format_reads_a_recorded_log_of_its_tool() {
    let cases = cases();
    for format in parser::line_formats() {
        let recorded = !NOT_RECORDED.contains(&format.tool) && !FORMATS_NOT_RECORDED.contains(&format.name);
        let pattern = regex::Regex::new(format.pattern).unwrap();
        assert!(pattern.is_match(format.example), "{}: {}", format.name, format.example);
        let mut logs = cases
            .iter()
            .filter(|case| case.name.split('/').next() == Some(format.tool))
            .map(|case| &case.log);
        let read = logs.any(|log| {
            let mut read = false;
            let mut each = |block: &log_scan::lines::Block| {
                read |= block.lines().any(|line| pattern.is_match(line.text));
            };
            log_scan::lines::for_each_block(&mut log.as_slice(), &mut each).unwrap();
            read
        });
        assert_eq!(read, recorded, "{} in tests/fixtures/logs/{}", format.name, format.tool);
    }
}

#[test]
fn the_readme_says_how_each_folder_was_recorded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/logs");
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let named: BTreeSet<_> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name.split('/').next().unwrap())
        .collect();
    let folders: BTreeSet<_> = cases().iter().map(|c| c.name.split('/').next().unwrap().to_owned()).collect();
    let missing: Vec<_> = folders.iter().filter(|folder| !named.contains(folder.as_str())).collect();
    assert!(missing.is_empty(), "tests/fixtures/logs/README.md does not say how {missing:?} were recorded");
    let gone: Vec<_> = named.iter().filter(|name| !folders.contains(**name)).collect();
    assert!(gone.is_empty(), "tests/fixtures/logs/README.md speaks of {gone:?}, which are not there");
}

#[test]
fn recorded_logs_give_the_diagnosis_beside_them() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let found = diagnose(&case.log);
        if update {
            fs::write(&case.json, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
            continue;
        }
        let json = fs::read(&case.json).unwrap_or_else(|e| panic!("{}: {e}", case.json.display()));
        // As written: what a report does not tell (where a runner's last summary stands) is none of it.
        let expected: serde_json::Value = serde_json::from_slice(&json).unwrap();
        if serde_json::to_value(&found).unwrap() != expected {
            wrong.push(format!("{}: {}", case.name, serde_json::to_string_pretty(&found).unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn logs_of_a_tool_are_reported_under_its_name_and_clean_ones_not_at_all() {
    // Of the styles, some are another tool's, and in some nothing fails: see `styles`.
    for case in cases().into_iter().filter(|case| !case.name.contains("/style-")) {
        let tool = case.name.split('/').next().unwrap();
        let found = diagnose(&case.log);
        let passing = case.name.contains("clean") || case.name.contains("pass");
        if passing {
            assert!(found.bugs.is_empty(), "{}: {:?}", case.name, found.bugs);
        } else {
            assert!(found.bugs.iter().any(|b| b.tool == tool), "{}: {:?}", case.name, found.bugs);
        }
    }
}

/// What a bug says, without where in the log it says it.
fn content(bugs: Vec<BugReport>) -> Vec<BugReport> {
    bugs.into_iter()
        .map(|b| BugReport { log: LogSpan::default(), fingerprint: Fingerprint::default(), ..b })
        .collect()
}

type Wrapper = fn(usize, &str) -> String;

const WRAPPERS: &[(&str, Wrapper)] =
    &[
        ("timestamps", |at, line| format!("2026-01-01T00:00:{:02}.0000000Z {line}", at % 60)),
        ("docker", |at, line| format!("#12 {}.{:03} {line}", at / 9, at % 1000)),
        ("ansi", |_, line| {
            if line.trim().is_empty() { line.to_owned() } else { format!("\x1b[0m\x1b[1m{line}\x1b[0m") }
        }),
        ("crlf", |_, line| format!("{line}\r")),
    ];

#[test]
fn what_ci_wraps_around_a_log_changes_nothing() {
    for case in cases() {
        let log = String::from_utf8_lossy(&case.log).into_owned();
        let plain = content(diagnose(log.as_bytes()).bugs);
        for (name, wrap) in WRAPPERS {
            let wrapped: Vec<String> = log.split('\n').enumerate().map(|(at, l)| wrap(at, l)).collect();
            let found = content(diagnose(wrapped.join("\n").as_bytes()).bugs);
            assert_eq!(found, plain, "{} with {name}", case.name);
        }
        let before = "$ npm ci\nadded 812 packages in 12:30:45\nListening at http://localhost:3000:80\nok  \texample.com/other\t0.01s\nPASS src/other.test.js\n";
        let group = "##[group]Run the build\n";
        for prelude in [before, group] {
            let found = content(diagnose(format!("{prelude}{log}").as_bytes()).bugs);
            assert_eq!(found, plain, "{} after {prelude:?}", case.name);
        }
    }
}

/// Whatever a tool has printed, another's failure behind it is found: nobody takes lines that are not its own.
#[test]
fn a_failure_behind_any_log_is_found() {
    let behind = [
        ("src/behind.ts", "src/behind.ts(7,3): error TS2304: Cannot find name 'behind'."),
        ("behind.go", "# example.com/behind\n./behind.go:7:3: undefined: behind"),
        (
            "src/behind.rs",
            "error[E0425]: cannot find value `behind` in this scope\n --> src/behind.rs:7:3\n  |\n7 |   behind\n  |   ^^^^^^ not found in this scope\n",
        ),
    ];
    let mut lost = Vec::new();
    for case in cases() {
        let log = String::from_utf8_lossy(&case.log).into_owned();
        for (file, failure) in behind {
            let bugs = diagnose(format!("{log}\n{failure}\n").as_bytes()).bugs;
            if !bugs.iter().any(|bug| bug.file.as_deref() == Some(file) && bug.line == Some(7)) {
                lost.push(format!("{} hides {file}", case.name));
            }
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// The parser and the table of write modes speak of the same commands.
#[test]
fn every_command_that_a_hint_states_is_known_to_the_plan() {
    let mut stated: BTreeSet<String> = BTreeSet::new();
    for case in cases() {
        for hint in diagnose(&case.log).bugs.into_iter().filter_map(|bug| bug.hint) {
            stated.extend(hint.suggestions.into_iter().filter_map(|suggestion| match suggestion {
                Suggestion::Command { run } => Some(run),
                _ => None,
            }));
        }
    }
    assert!(stated.len() > 10, "{stated:?}");
    // What the parsers can say and no recorded log holds.
    for command in [
        "go mod tidy",
        "go mod download example.com/a",
        "go mod vendor",
        "go work sync",
        "ruff format lint/style.py",
        "cargo update --workspace",
        "yarn install --no-immutable",
    ] {
        stated.insert(command.to_owned());
    }
    let unknown: Vec<_> = stated.iter().filter(|run| !ci_healer::plan::is_known_command(run)).collect();
    assert!(unknown.is_empty(), "no row of the table and no remedy: {unknown:?}");
    for never in ["go get example.com/a", "npm install left-pad", "npx left-pad", "pip install x", "rm -rf ."]
    {
        assert!(!ci_healer::plan::is_known_command(never), "{never}");
    }
}
