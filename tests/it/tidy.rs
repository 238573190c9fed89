//! The house rules that the compiler cannot enforce inside one crate.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Layers a layer may use beside its own and `contract`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("contract", &[]),
    ("error", &[]),
    ("diff", &[]),
    ("secrets", &[]),
    ("scope", &[]),
    ("after_panic", &[]),
    ("process_group", &["after_panic"]),
    ("http", &["error", "scope"]),
    ("config", &["diff", "error"]),
    ("placing", &[]),
    ("plan", &["error"]),
    ("executor", &["after_panic", "error", "scope"]),
    ("parser", &[]),
    ("scan", &[]),
    ("syntax", &[]),
    ("fixer", &["diff", "error", "placing", "secrets", "syntax"]),
    ("drift", &["error", "http", "scope"]),
    ("llm", &["error", "http", "process_group", "scope"]),
    ("git", &["diff", "error", "process_group", "scope"]),
    ("github", &["error", "http", "scope"]),
    ("report", &["diff", "error", "secrets"]),
];

/// The layers that wire the others together.
const WIRING: &[&str] = &["orchestrator", "cli", "demo", "lib", "main"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).expect("the source tree is readable") {
        let path = entry.expect("the source tree is readable").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(String, String, String)> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files
        .into_iter()
        .map(|path| {
            let relative = path.strip_prefix(&src).expect("below src").to_string_lossy().into_owned();
            let layer = relative.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
            let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
            (layer, relative, text)
        })
        .collect()
}

/// The `crate::x` paths of a file, outside comments.
fn edges(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|l| !l.trim_start().starts_with("//")) {
        for (at, _) in line.match_indices("crate::") {
            let preceded = line[..at].chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
            if preceded {
                continue;
            }
            let rest = &line[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                for part in group.split([',', '}']) {
                    let name: String =
                        part.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    if !name.is_empty() {
                        found.insert(name);
                    }
                }
            } else {
                found.insert(rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
            }
        }
    }
    found
}

#[test]
fn layers_depend_on_the_contract_and_never_on_each_other() {
    let mut wrong = Vec::new();
    for (layer, file, text) in sources() {
        if WIRING.contains(&layer.as_str()) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == layer) else {
            wrong.push(format!("{file}: the layer {layer} is not in the table"));
            continue;
        };
        for edge in edges(&text) {
            let fine =
                edge == layer || (edge == "contract" && layer != "error") || allowed.contains(&edge.as_str());
            if !fine {
                wrong.push(format!("{file} uses crate::{edge}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_report_prints() {
    let mut wrong = Vec::new();
    for (layer, file, text) in sources() {
        if matches!(layer.as_str(), "report" | "cli" | "demo" | "main") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let prints = ["print!(", "println!(", "eprint!(", "eprintln!(", "io::stdout()", "io::stderr()"];
            if prints.iter().any(|p| code.contains(p)) {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let mut wrong = Vec::new();
    for (layer, file, text) in sources() {
        if matches!(layer.as_str(), "config" | "cli") || file.contains("tests") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if ["\"INPUT_", "\"GITHUB_TOKEN\""].iter().any(|p| code.contains(&format!("var({p}"))) {
                wrong.push(format!("{file}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Modules that may begin what `clippy.toml` forbids the others: each of them bounds it.
const MAY_BEGIN: &[&str] = &[
    "http.rs",
    "scope.rs",
    "git/command.rs",
    "llm/command.rs",
    "github/client.rs",
    "executor/engine.rs",
    "executor/identity.rs",
];

#[test]
fn only_the_modules_that_bound_them_begin_requests_children_and_threads() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|(_, file, text)| {
            text.contains("clippy::disallowed_methods") && !MAY_BEGIN.contains(&file.as_str())
        })
        .map(|(_, file, _)| file)
        .collect();
    assert!(wrong.is_empty(), "these switch the rule off for themselves:\n{}", wrong.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let wrong: Vec<String> = sources()
        .into_iter()
        .filter(|(_, file, text)| !file.ends_with("tests.rs") && !text.trim_start().starts_with("//!"))
        .map(|(_, file, _)| file)
        .collect();
    assert!(wrong.is_empty(), "no module documentation:\n{}", wrong.join("\n"));
}

#[test]
fn the_version_is_in_the_changelog() {
    let changelog = root().join("CHANGELOG.md");
    let text = std::fs::read_to_string(&changelog).expect("CHANGELOG.md is there");
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        text.contains(&format!("[{version}]")) || text.contains("[Unreleased]"),
        "{version} is not in CHANGELOG.md"
    );
}
