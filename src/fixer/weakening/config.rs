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
        "pyproject.toml" => pyproject(before, after),
        "cargo.toml" => cargo(before, after),
        "setup.cfg" => ini_section(before, after),
        _ => None,
    };
    if let Some(section) = section {
        return Some(weakening(change, "judge-settings", None, format!("changes the settings in {section}")));
    }
    by_line(change, diff, &name)
}

fn package_json(before: &str, after: &str) -> Option<String> {
    let (Ok(old), Ok(new)) = (serde_json::from_str::<Value>(before), serde_json::from_str::<Value>(after))
    else {
        // A file that was broken must be mendable; what its guarded parts were, nobody can say.
        return serde_json::from_str::<Value>(after).is_err().then(|| "a file that is no JSON".to_owned());
    };
    PACKAGE_JSON.iter().find(|key| old.get(**key) != new.get(**key)).map(|key| format!("`{key}`"))
}

fn toml_value(text: &str) -> Option<toml::Value> {
    text.parse::<toml::Table>().ok().map(toml::Value::Table)
}

fn at<'v>(value: &'v toml::Value, path: &str) -> Option<&'v toml::Value> {
    path.split('.').try_fold(value, |v, key| v.get(key))
}

fn pyproject(before: &str, after: &str) -> Option<String> {
    let (old, new) = (toml_value(before)?, toml_value(after)?);
    let tools = |v: &toml::Value| v.get("tool").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let (old, new) = (tools(&old), tools(&new));
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

fn cargo(before: &str, after: &str) -> Option<String> {
    let (old, new) = (toml_value(before)?, toml_value(after)?);
    if let Some(key) = CARGO.iter().find(|key| at(&old, key) != at(&new, key)) {
        return Some(format!("`{key}`"));
    }
    for key in [
        "lib.test",
        "lib.doctest",
        "lib.harness",
        "package.autotests",
        "package.autobenches",
        "package.autobins",
    ] {
        if at(&old, key) != at(&new, key) {
            return Some(format!("`{key}`"));
        }
    }
    let members = |v: &toml::Value| {
        at(v, "workspace.members").and_then(toml::Value::as_array).cloned().unwrap_or_default()
    };
    let kept = members(&new);
    members(&old).iter().any(|m| !kept.contains(m)).then(|| "`workspace.members`".to_owned())
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
                inside = !free.iter().any(|f| line.starts_with(f));
            }
            if inside && !line.is_empty() {
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

const LINES: &[LineRow] = &[
    LineRow {
        file: r"^(tsconfig.*|jsconfig.*)\.json$",
        added: r#""(strict\w*|noImplicit\w*|noUnused\w*|noUnchecked\w*|noFallthrough\w*|noEmitOnError|checkJs|exactOptional\w*|forceConsistent\w*|useUnknown\w*)"\s*:\s*false|"(skipLibCheck|suppress\w+|noCheck|allowUnreachableCode|allowUnusedLabels)"\s*:\s*true|"(exclude|include|files)""#,
        removed: r#""(strict\w*|noImplicit\w*|noUnused\w*|noUnchecked\w*|noFallthrough\w*|noEmitOnError|checkJs|exactOptional\w*|include|files)""#,
    },
    LineRow {
        file: r"^pom\.xml$",
        added: r"(?i)skip(tests|its)?>|<(test)?excludes?>|<exclude>|<(testFailureIgnore|failIfNoTests|failOnViolation|failOnError|failsOnError|failOnWarning|haltOnFailure|ignoreFailures|groups|excludedGroups|test|reuseForks|rerunFailingTestsCount)>|<phase>none|<argLine>",
        removed: r"(?i)<artifactId>maven-(surefire|failsafe|checkstyle|pmd|enforcer)-plugin|<failOn\w+>true|<goal>|-Werror|<module>",
    },
    LineRow {
        file: r"^(build|settings)\.gradle(\.kts)?$",
        added: r"ignoreFailures|\benabled\s*=\s*false|\bexclude(Tests|Test|Category|Tags|Groups)?\b|onlyIf|isFailOnNoMatchingTests|failOnNoMatchingTests|\bfilter\s*\{|maxFailures|\bretry\s*\{|allWarningsAsErrors\s*=\s*false",
        removed: r"useJUnitPlatform|useTestNG|allWarningsAsErrors|-Werror|\binclude\b",
    },
    LineRow { file: r"^go\.mod$", added: r"^\s*replace\b|=>|^\s*ignore\b", removed: r"$^" },
    LineRow {
        file: r"^(requirements.*|constraints.*)\.txt$",
        added: r"--(index-url|extra-index-url|trusted-host|find-links)|^\s*-i\s",
        removed: r"$^",
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
