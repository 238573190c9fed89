//! Files that hold both dependencies and the judges' settings: only the settings are guarded.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::weakening;
use crate::contract::fix::{FileChange, Rejection};
use crate::diff::LineDiff;
use crate::fixer::sanitize::one_line;

/// Sections of `package.json` that say how the build is judged.
const PACKAGE_JSON: &[&str] = &[
    "scripts",
    "jest",
    "mocha",
    "ava",
    "nyc",
    "c8",
    "tap",
    "vitest",
    "eslintConfig",
    "eslintIgnore",
    "prettier",
    "xo",
    "standard",
    "husky",
    "lint-staged",
    "babel",
    "workspaces",
    "engines",
    "packageManager",
];
/// Below `[tool]` in `pyproject.toml`, everything but what manages dependencies.
const PYPROJECT_FREE: &[&str] =
    &["poetry", "uv", "pdm", "setuptools", "setuptools_scm", "hatch", "flit", "maturin"];
/// And below those, what runs or judges.
const PYPROJECT_GUARDED: &[(&str, &str)] = &[("hatch", "envs"), ("pdm", "scripts"), ("poetry", "scripts")];
/// In `Cargo.toml`.
const CARGO: &[&str] = &["lints", "test", "bench", "profile", "workspace.lints", "workspace.exclude"];

pub(super) fn find(change: &FileChange, diff: &LineDiff<'_>) -> Option<Rejection> {
    let name = change.path.file_name().to_ascii_lowercase();
    let (before, after) =
        (change.before.as_deref().unwrap_or_default(), change.after.as_deref().unwrap_or_default());
    let section = match name.as_str() {
        "package.json" => package_json(before, after),
        "pyproject.toml" => toml_file(before, after, pyproject, PYPROJECT_HEADINGS),
        "cargo.toml" => toml_file(before, after, cargo, CARGO_HEADINGS),
        "setup.cfg" => ini_section(before, after),
        _ => None,
    };
    if let Some(section) = section {
        return Some(weakening(change, "judge-settings", None, format!("changes the settings in {section}")));
    }
    by_line(change, diff, &name)
}

fn package_json(before: &str, after: &str) -> Option<String> {
    let Ok(new) = serde_json::from_str::<Value>(after) else {
        return Some("a file that is no JSON".to_owned());
    };
    let Ok(old) = serde_json::from_str::<Value>(before) else {
        return PACKAGE_JSON
            .iter()
            .find(|key| !stood_before(before, &format!("\"{key}\""), new.get(**key)))
            .map(|key| format!("`{key}`"));
    };
    PACKAGE_JSON
        .iter()
        .find(|key| old.get(**key) != new.get(**key))
        .map(|key| format!("`{key}`"))
        .or_else(|| foreign_package(&old, &new))
}

/// A package that is to come from somewhere else than the registry, or under another's name.
fn foreign_package(old: &Value, new: &Value) -> Option<String> {
    const LISTS: &[&str] = &[
        "dependencies",
        "devDependencies",
        "optionalDependencies",
        "peerDependencies",
        "overrides",
        "resolutions",
    ];
    fn leaves<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
        match value {
            Value::String(text) => out.push(text),
            Value::Object(map) => map.values().for_each(|v| leaves(v, out)),
            _ => {}
        }
    }
    let texts = |root: &'_ Value, list: &str| -> Vec<String> {
        let mut found = Vec::new();
        if let Some(value) = root.get(list) {
            leaves(value, &mut found);
        }
        found.into_iter().map(str::to_owned).collect()
    };
    LISTS.iter().find_map(|list| {
        let known = texts(old, list);
        let elsewhere = |text: &String| {
            ["file:", "link:", "portal:", "npm:", "git", "http:", "https:", "./", "../", "/"]
                .iter()
                .any(|scheme| text.starts_with(scheme))
                || text.split_once('/').is_some_and(|(owner, _)| !owner.is_empty() && !owner.contains(':'))
        };
        texts(new, list).into_iter().find(|t| elsewhere(t) && !known.contains(t)).map(|_| format!("`{list}`"))
    })
}

/// The words of a text: what is left of it without what a fixed comma, quote or bracket changes.
fn words(text: &str) -> Vec<&str> {
    text.split(|c: char| c.is_whitespace() || ",:=\"'{}[]".contains(c)).filter(|w| !w.is_empty()).collect()
}

/// Whether a section of a file that can be read now stood in it, word by word, when it could not.
fn stood_before(before: &str, key: &str, section: Option<&Value>) -> bool {
    let is_key = |at: usize| before[at + key.len()..].trim_start().starts_with(':');
    let Some(section) = section else { return !before.match_indices(key).any(|(at, _)| is_key(at)) };
    fn flatten(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    out.extend(words(key).into_iter().map(str::to_owned));
                    flatten(value, out);
                }
            }
            Value::Array(list) => list.iter().for_each(|v| flatten(v, out)),
            Value::String(text) => out.extend(words(text).into_iter().map(str::to_owned)),
            other => out.push(other.to_string()),
        }
    }
    let mut now = Vec::new();
    flatten(section, &mut now);
    now.sort_unstable();
    // What follows the key in the old text, as many words; JSON's own order is not kept by what reads it.
    before.match_indices(key).any(|(at, _)| {
        let rest = &before[at + key.len()..];
        let mut then: Vec<&str> = words(&rest[..section_end(rest)]);
        then.sort_unstable();
        now.iter().map(String::as_str).eq(then.iter().copied())
    })
}

/// Where the value at the beginning of `text` ends, read without trust in quotes and commas.
fn section_end(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth -= 1;
                if depth <= 0 {
                    return at;
                }
            }
            ',' | '\n' if depth == 0 && at > 0 && !text[..at].trim_matches([':', ' ']).is_empty() => {
                return at;
            }
            _ => {}
        }
    }
    text.len()
}

fn toml_value(text: &str) -> Option<toml::Value> {
    text.parse::<toml::Table>().ok().map(toml::Value::Table)
}

/// Compares the guarded parts by value where both sides can be read, else by the lines below their headings.
fn toml_file(
    before: &str,
    after: &str,
    by_value: fn(&toml::Value, &toml::Value) -> Option<String>,
    guarded: fn(&str) -> bool,
) -> Option<String> {
    let Some(new) = toml_value(after) else { return Some("a file that is no TOML".to_owned()) };
    if before.trim().is_empty() {
        return by_value(&toml::Value::Table(toml::Table::new()), &new);
    }
    if let Some(old) = toml_value(before) {
        return by_value(&old, &new);
    }
    let sections = |text: &'_ str| -> Vec<String> {
        let mut inside = false;
        let mut found = Vec::new();
        for line in text.lines() {
            let heading = line.trim().trim_start_matches('[').trim_end_matches(']').trim();
            if line.trim_start().starts_with('[') && line.trim_end().ends_with(']') {
                inside = guarded(heading);
            }
            // Also as a key with dots.
            let dotted =
                line.split_once('=').is_some_and(|(key, _)| key.contains('.') && guarded(key.trim()));
            if inside || dotted {
                found.extend(words(line).into_iter().map(str::to_owned));
            }
        }
        found
    };
    (sections(before) != sections(after)).then(|| "a section of a test or lint tool".to_owned())
}

const PYPROJECT_HEADINGS: fn(&str) -> bool = |heading| {
    heading.contains("pytest11")
        || heading.split_once('.').is_some_and(|(root, rest)| {
            let mut parts = rest.split('.');
            let (tool, part) = (parts.next().unwrap_or_default(), parts.next());
            root == "tool"
                && (!PYPROJECT_FREE.contains(&tool)
                    || PYPROJECT_GUARDED.iter().any(|(t, p)| *t == tool && Some(*p) == part))
        })
};

const CARGO_HEADINGS: fn(&str) -> bool = |heading| {
    CARGO
        .iter()
        .chain(["patch", "replace"].iter())
        .any(|key| heading == *key || heading.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
};

fn at<'v>(value: &'v toml::Value, path: &str) -> Option<&'v toml::Value> {
    path.split('.').try_fold(value, |v, key| v.get(key))
}

fn pyproject(old: &toml::Value, new: &toml::Value) -> Option<String> {
    for key in ["project.entry-points.pytest11", "build-system.build-backend", "build-system.backend-path"] {
        // A backend that was not named is the usual one; whose path is the repository's own is never.
        let missing = key == "build-system.build-backend" && at(old, key).is_none();
        if at(old, key) != at(new, key) && !missing {
            return Some(format!("`{key}`"));
        }
    }
    if let Some(reference) = direct_reference(old, new) {
        return Some(format!("where `{}` comes from", one_line(&reference, 60)));
    }
    let tools = |v: &toml::Value| v.get("tool").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let (old, new) = (tools(old), tools(new));
    let keys = old.keys().chain(new.keys()).filter(|k| !PYPROJECT_FREE.contains(&k.as_str()));
    for key in keys {
        if old.get(key) != new.get(key) {
            return Some(format!("`tool.{key}`"));
        }
    }
    PYPROJECT_GUARDED.iter().find_map(|(tool, key)| {
        let part = |t: &toml::Table| t.get(*tool).and_then(|v| v.get(*key)).cloned();
        (part(&old) != part(&new)).then(|| format!("`tool.{tool}.{key}`"))
    })
}

/// A requirement that is new and names where it is to come from: `name @ address`, `{ git = … }`.
fn direct_reference(old: &toml::Value, new: &toml::Value) -> Option<String> {
    fn references(value: &toml::Value, out: &mut Vec<String>) {
        match value {
            toml::Value::String(text) if text.contains(" @ ") => out.push(text.clone()),
            toml::Value::Array(list) => list.iter().for_each(|v| references(v, out)),
            toml::Value::Table(table) => {
                let foreign = ["git", "url", "package"].iter().find_map(|key| table.get(*key));
                out.extend(foreign.and_then(toml::Value::as_str).map(str::to_owned));
                table.values().for_each(|v| references(v, out));
            }
            _ => {}
        }
    }
    const LISTS: &[&str] = &[
        "dependencies",
        "dev-dependencies",
        "build-dependencies",
        "workspace.dependencies",
        "target",
        "project.dependencies",
        "project.optional-dependencies",
        "dependency-groups",
        "tool.poetry",
        "tool.uv",
        "tool.pdm",
    ];
    let all = |root: &toml::Value| {
        let mut found = Vec::new();
        LISTS.iter().filter_map(|list| at(root, list)).for_each(|value| references(value, &mut found));
        found
    };
    let known = all(old);
    all(new).into_iter().find(|reference| !known.contains(reference))
}

fn cargo(old: &toml::Value, new: &toml::Value) -> Option<String> {
    if let Some(key) = CARGO.iter().find(|key| at(old, key) != at(new, key)) {
        return Some(format!("`{key}`"));
    }
    for key in [
        "lib.test",
        "lib.doctest",
        "lib.harness",
        "package.autotests",
        "package.autobenches",
        "package.autobins",
        "package.build",
        "patch",
        "replace",
    ] {
        if at(old, key) != at(new, key) {
            return Some(format!("`{key}`"));
        }
    }
    if let Some(reference) = direct_reference(old, new) {
        return Some(format!("where `{}` comes from", one_line(&reference, 60)));
    }
    let members = |v: &toml::Value| {
        at(v, "workspace.members").and_then(toml::Value::as_array).cloned().unwrap_or_default()
    };
    let kept = members(new);
    members(old).iter().any(|m| !kept.contains(m)).then(|| "`workspace.members`".to_owned())
}

/// Lines of `setup.cfg` below a judge's heading.
fn ini_section(before: &str, after: &str) -> Option<String> {
    let guarded = |text: &str| {
        let mut inside = false;
        let mut lines = Vec::new();
        for line in text.lines() {
            let line = line.trim();
            if line.starts_with('[') {
                let free = ["[metadata]", "[options", "[bdist", "[sdist", "[egg_info", "[build", "[install"];
                // Plug-ins of a runner are registered among the entry points.
                let plugins = line.starts_with("[options.entry_points");
                inside = plugins && text.contains("pytest11") || !free.iter().any(|f| line.starts_with(f));
            }
            if (inside || line.contains("pytest11")) && !line.is_empty() {
                lines.push(line.to_owned());
            }
        }
        lines
    };
    (guarded(before) != guarded(after)).then(|| "a section of a test or lint tool".to_owned())
}

struct LineRow {
    file: &'static str,
    /// Must not be added.
    added: &'static str,
    /// Must not be removed.
    removed: &'static str,
}

/// Matches no line, an empty one neither.
const NOTHING: &str = "a^";

const LINES: &[LineRow] = &[
    LineRow {
        file: r"^(tsconfig.*|jsconfig.*)\.json$",
        added: r#""(strict\w*|noImplicit\w*|noUnused\w*|noUnchecked\w*|noFallthrough\w*|noEmitOnError|checkJs|exactOptional\w*|forceConsistent\w*|useUnknown\w*)"\s*:\s*false|"(skipLibCheck|suppress\w+|noCheck|allowUnreachableCode|allowUnusedLabels)"\s*:\s*true|"(exclude|include|files)"|"(@?(jest|vitest|mocha|chai|assert|expect|ava|tap|sinon)(/[^"]*)?|node:(test|assert))"\s*:"#,
        removed: r#""(strict\w*|noImplicit\w*|noUnused\w*|noUnchecked\w*|noFallthrough\w*|noEmitOnError|checkJs|exactOptional\w*|include|files)""#,
    },
    LineRow {
        file: r"^pom\.xml$",
        added: r"(?i)skip(tests|its)?>|<(test)?excludes?>|<exclude>|<(testFailureIgnore|failIfNoTests|failOnViolation|failOnError|failsOnError|failOnWarning|haltOnFailure|ignoreFailures|groups|excludedGroups|test|reuseForks|rerunFailingTestsCount)>|<phase>none|<argLine>|<testSourceDirectory>|<skip\b|[.>]skip\b|<(systemPropertyVariables|additionalClasspathElements|dependenciesToScan|useSystemClassLoader)>|<scope>system|<repositor(y|ies)>|<pluginRepositor(y|ies)>",
        removed: r"(?i)<artifactId>maven-(surefire|failsafe|checkstyle|pmd|enforcer)-plugin|<failOn\w+>true|<goal>|-Werror|<module>",
    },
    LineRow {
        file: r"\.gradle(\.kts)?$",
        added: r"ignoreFailures|\bsetEnabled\s*\(|\.enabled\s*=|\benabled\s*=\s*false|\bexclude(Tests|Test|Category|Tags|Groups)?\b|onlyIf|isFailOnNoMatchingTests|failOnNoMatchingTests|\bfilter\s*\{|maxFailures|\bretry\s*\{|allWarningsAsErrors\s*=\s*false",
        removed: r"useJUnitPlatform|useTestNG|allWarningsAsErrors|-Werror|\binclude\b",
    },
    LineRow { file: r"^go\.mod$", added: r"^\s*replace\b|=>|^\s*ignore\b", removed: NOTHING },
    LineRow {
        file: r"^gradle\.properties$",
        added: r"(?i)systemProp|\btest|skip|-D|ignore|java\.home|init",
        removed: r"(?i)-Werror|warnings?\.?mode",
    },
    LineRow {
        file: r"^vite\.config\.[cm]?[jt]s$",
        added: r"\b(exclude|include|passWithNoTests|testNamePattern|dangerouslyIgnoreUnhandledErrors|allowOnly|retry|bail|setupFiles|globalSetup|reporters?|thresholds?|testTimeout|typecheck|onUnhandledError|runner|environment|globals|root|dir)\b\s*[:(]|['\x22](vitest|chai|node:test|node:assert|assert|@testing-library[^'\x22]*)['\x22]\s*:|\btest\s*:",
        removed: r"\b(include|thresholds?|coverage|typecheck|allowOnly)\b\s*:",
    },
    LineRow {
        file: r"^(requirements.*|constraints.*)\.txt$",
        added: r"--(index-url|extra-index-url|trusted-host|find-links)|^\s*-[ief]\s|^\s*[./]|(?i)\b(pytest|pluggy|coverage|hypothesis)\s*@",
        removed: NOTHING,
    },
];

static COMPILED: LazyLock<Vec<(Regex, Regex, Regex)>> = LazyLock::new(|| {
    // The table is constant and a test compiles every row.
    LINES
        .iter()
        .filter_map(|row| {
            Some((Regex::new(row.file).ok()?, Regex::new(row.added).ok()?, Regex::new(row.removed).ok()?))
        })
        .collect()
});

fn by_line(change: &FileChange, diff: &LineDiff<'_>, name: &str) -> Option<Rejection> {
    let (_, bad_added, bad_removed) = COMPILED.iter().find(|(file, _, _)| file.is_match(name))?;
    let (removed, added) = (diff.removed(), diff.added());
    let same = |line: &str, others: &[(u32, &str)]| others.iter().any(|(_, o)| o.trim() == line.trim());
    let hit = added
        .iter()
        .find(|(_, l)| bad_added.is_match(l) && !same(l, &removed))
        .map(|(n, l)| (Some(*n), *l))
        .or_else(|| {
            removed.iter().find(|(_, l)| bad_removed.is_match(l) && !same(l, &added)).map(|(_, l)| (None, *l))
        })?;
    Some(weakening(change, "judge-settings", hit.0, one_line(hit.1, 120)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    fn found(path: &str, before: &str, after: &str) -> bool {
        let change = FileChange {
            path: RepoPath::new(path).unwrap(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
        };
        find(&change, &LineDiff::of(&change)).is_some()
    }

    #[test]
    fn rows_compile() {
        assert_eq!(COMPILED.len(), LINES.len());
    }

    #[test]
    fn settings_are_guarded_and_dependencies_are_free() {
        let package = |scripts: &str, deps: &str| {
            format!(r#"{{"scripts":{{"test":"{scripts}"}},"dependencies":{{{deps}}}}}"#)
        };
        assert!(found("package.json", &package("jest", ""), &package("exit 0", "")));
        assert!(!found("package.json", &package("jest", ""), &package("jest", r#""a":"1""#)));
        let py = "[project]\ndependencies = [\"a\"]\n[tool.ruff]\nselect = [\"E\"]\n";
        assert!(found("pyproject.toml", py, &py.replace("\"E\"", "")));
        assert!(!found("pyproject.toml", py, &py.replace("\"a\"", "\"a\", \"b\"")));
        let cargo = "[package]\nname = \"a\"\n[dependencies]\n[lints.clippy]\nall = \"deny\"\n";
        assert!(found("Cargo.toml", cargo, &cargo.replace("deny", "allow")));
        assert!(found("Cargo.toml", cargo, &format!("{cargo}[lib]\ntest = false\n")));
        assert!(!found("Cargo.toml", cargo, &cargo.replace("[dependencies]", "[dependencies]\nb = \"1\"")));
        let cfg = "[options]\ninstall_requires = a\n[tool:pytest]\naddopts = -q\n";
        assert!(found("setup.cfg", cfg, &cfg.replace("-q", "-q --ignore=tests")));
        assert!(!found("setup.cfg", cfg, &cfg.replace("= a", "= a, b")));
    }

    #[test]
    fn strictness_is_not_turned_down() {
        assert!(found("tsconfig.json", "{\n\"strict\": true\n}\n", "{\n\"strict\": false\n}\n"));
        assert!(found("tsconfig.json", "{\n\"strict\": true,\n\"a\": 1\n}\n", "{\n\"a\": 1\n}\n"));
        assert!(!found("tsconfig.json", "{\n\"target\": \"es5\"\n}\n", "{\n\"target\": \"es2022\"\n}\n"));
        assert!(found("pom.xml", "<a>\n</a>\n", "<a>\n<skipTests>true</skipTests>\n</a>\n"));
        assert!(!found(
            "pom.xml",
            "<a>\n</a>\n",
            "<a>\n<dependency><artifactId>x</artifactId></dependency>\n</a>\n"
        ));
        assert!(found("build.gradle", "test {\n}\n", "test {\n  ignoreFailures = true\n}\n"));
    }
}
