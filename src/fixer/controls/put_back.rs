//! A fault put back: what a fix changed in the source is as it was, and all that tells a checker what to report is as the
//! fix has it.

use std::collections::{BTreeMap, BTreeSet};

use crate::contract::bug::BugReport;
use crate::contract::fix::FileChange;
use crate::contract::git::{RepoPath, SourceTree};
use crate::diff::LineDiff;
use crate::fixer::language::has_word;
use crate::placing::find_file;

/// In a line: it speaks to a checker, and is no source.
const DIRECTIVES: [&str; 37] = [
    "noqa",
    "type: ignore",
    "pyright:",
    "mypy:",
    "pylint:",
    "ruff:",
    "flake8",
    "fmt: off",
    "fmt: skip",
    "isort:",
    "nosec",
    "coding:",
    "coding=",
    "eslint",
    "@ts-",
    "tslint",
    "prettier-ignore",
    "biome-ignore",
    "oxlint",
    "jshint",
    "jslint",
    "istanbul ignore",
    "c8 ignore",
    "v8 ignore",
    "#![",
    "#[cfg",
    "#[allow",
    "#[warn",
    "#[deny",
    "#[forbid",
    "#[expect",
    "rustfmt::skip",
    "nolint",
    "lint:ignore",
    "go:build",
    "+build",
    "@SuppressWarnings",
];

/// Files that are read as configuration, by their endings and names.
const CONFIGURATION: [&str; 15] = [
    ".toml",
    ".ini",
    ".cfg",
    ".json",
    ".yaml",
    ".yml",
    ".lock",
    ".xml",
    ".properties",
    ".mod",
    ".sum",
    ".work",
    ".gradle",
    ".kts",
    ".mk",
];
const CONFIGURATION_NAMES: [&str; 12] = [
    "conftest.py",
    "setup.py",
    "noxfile.py",
    "build.rs",
    "makefile",
    "gnumakefile",
    "dockerfile",
    "justfile",
    "gulpfile.js",
    "gruntfile.js",
    "sitecustomize.py",
    "usercustomize.py",
];

/// What a line begins with that brings another file to the compiler or checker.
const BRINGING: [&str; 9] =
    ["mod ", "pub mod ", "pub(", "use ", "import ", "from ", "export ", "include!", "#[path"];

/// The source changes among `changes`, made back upon `tree`.
pub(super) fn put_back(
    changes: &[FileChange],
    tree: &dyn SourceTree,
    faults: &[BugReport],
) -> Vec<FileChange> {
    let of_faults: BTreeSet<RepoPath> =
        faults.iter().filter_map(|bug| find_file(bug.file.as_deref()?, tree)).collect();
    let stems: Vec<&str> = of_faults.iter().map(stem).collect();
    let mut first: BTreeMap<&RepoPath, Option<&str>> = BTreeMap::new();
    for change in changes {
        first.entry(&change.path).or_insert(change.before.as_deref());
    }
    let sources = first.into_iter().filter(|(path, _)| !is_configuration(path.as_str()));
    sources
        .filter_map(|(path, before)| {
            let now = tree.read_text(path);
            let after = match (&now, before) {
                (Some(now), Some(before)) => {
                    let brought = if of_faults.contains(path) { &[][..] } else { &stems };
                    Some(without_hunks(before, now, brought))
                }
                (None, Some(before)) => Some(before.to_owned()),
                (_, None) => None,
            };
            (after != now).then(|| FileChange { path: path.clone(), before: now, after })
        })
        .collect()
}

/// A change of what the project depends on may repair the fault alone.
pub(super) fn touches_manifest(changes: &[FileChange]) -> bool {
    const MANIFESTS: [&str; 11] = [
        "package.json",
        "pyproject.toml",
        "setup.cfg",
        "setup.py",
        "Pipfile",
        "Cargo.toml",
        "go.mod",
        "pom.xml",
        "build.gradle",
        "build.gradle.kts",
        "environment.yml",
    ];
    changes.iter().any(|change| {
        let name = change.path.file_name();
        MANIFESTS.contains(&name) || name.starts_with("requirements")
    })
}

fn is_configuration(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    path.split('/').any(|part| part.starts_with('.'))
        || CONFIGURATION.iter().any(|ending| name.ends_with(ending))
        || CONFIGURATION_NAMES.contains(&name.as_str())
        || name.contains(".config.")
        || name.starts_with("requirements")
}

/// What other files name a file by.
fn stem(path: &RepoPath) -> &str {
    let stem = |name: &'_ str| name.find('.').map_or(name.len(), |at| at);
    let name = path.file_name();
    match &name[..stem(name)] {
        "mod" | "__init__" | "index" => path.parent().rsplit('/').next().unwrap_or_default(),
        own => own,
    }
}

/// `now` with each hunk as it was `before`, but for those that speak to a checker, and those that no longer bring it one of
/// the files called `brought`: whether it is still looked at is the question.
fn without_hunks(before: &str, now: &str, brought: &[&str]) -> String {
    let diff = LineDiff::between(before, now);
    let brings = |line: &str| {
        let line = line.trim();
        has_word(line, brought)
            && (line.contains("require(") || BRINGING.iter().any(|word| line.starts_with(word)))
    };
    let lets_go = |old: &[&str], new: &[&str]| {
        old.iter().any(|line| brings(line)) && !new.iter().any(|line| brings(line))
    };
    let speaks = |lines: &[&str]| lines.iter().any(|line| DIRECTIVES.iter().any(|word| line.contains(word)));
    let (mut out, mut at) = (String::new(), 0);
    for hunk in diff.hunks() {
        let (old, new) = (&diff.old[hunk.old_range()], &diff.new[hunk.new_range()]);
        out.extend(diff.new[at..hunk.new_range().start].iter().copied());
        let kept = if speaks(old) || speaks(new) || lets_go(old, new) { new } else { old };
        out.extend(kept.iter().copied());
        at = hunk.new_range().end;
    }
    out.extend(diff.new[at..].iter().copied());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::bug::Category;
    use crate::fixer::testing::{self, MemoryTree};

    #[test]
    fn source_goes_back_and_what_speaks_to_a_checker_stays() {
        let before = "import os\na = 1\nb = x\nc = 3\nd = 4\n";
        let now = "a = 1\nb = x  # noqa: F821\nc = 3\nd = 4\n";
        assert_eq!(without_hunks(before, now, &[]), "import os\na = 1\nb = x  # noqa: F821\nc = 3\nd = 4\n");
        assert_eq!(without_hunks("#![deny(warnings)]\nfn a() {}\n", "fn a() {}\n", &[]), "fn a() {}\n");
    }

    #[test]
    fn what_no_longer_brings_the_file_stays_as_the_fix_has_it() {
        let tree = MemoryTree::new(&[("src/lib.rs", "pub mod rows;\n"), ("src/sums/mod.rs", "fn a() {}\n")]);
        let fault = testing::bug("clippy", Category::Lint, "src/sums/mod.rs", 1, "no");
        let change = |before: &str| FileChange {
            path: RepoPath::new("src/lib.rs").unwrap(),
            before: Some(before.to_owned()),
            after: Some("pub mod rows;\n".to_owned()),
        };
        let back = |before: &str| put_back(&[change(before)], &tree, std::slice::from_ref(&fault));
        assert_eq!(back("pub mod rows;\npub mod sums;\n"), []);
        assert_eq!(back("pub mod rows;\npub fn sums() {}\n").len(), 1, "that is source");
        assert_eq!(back("pub mod rows;\npub mod other;\n").len(), 1, "that is another file");
    }

    #[test]
    fn what_tools_are_configured_by_is_no_source() {
        for path in [
            "eslint.config.js",
            "tsconfig.json",
            ".eslintrc.js",
            "a/pyproject.toml",
            "conftest.py",
            "Makefile",
        ] {
            assert!(is_configuration(path), "{path}");
        }
        assert!(!is_configuration("src/app.py") && !is_configuration("src/config.ts"));
    }
}
