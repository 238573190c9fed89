//! What only an isolated build takes: no requirement of the job's reaches it. It is bounded where the project says what it is
//! built with, else by a file of constraints that the command is given.

use std::sync::LazyLock;

use regex::Regex;

use super::python::{bound_in_quotes, constrained, project_of_uv, why};
use super::{Hold, Pin, base, in_commands};

/// Beside the manifests, named for what it holds.
const FILE: &str = "build-constraints.txt";

pub(super) fn of_build(files: &[(String, String)], scripts: &str, log: &str, hold: Hold<'_>) -> Option<Pin> {
    let bound = format!("{}<{}", hold.package, hold.below);
    let only = |path: &str, after: String| Some(Pin { path: path.to_owned(), after, ..Pin::default() });
    if is_own(files, log) {
        let manifest = files.iter().find(|(path, _)| path == "pyproject.toml");
        match manifest.and_then(|(path, text)| Some((path, text, BUILDS_WITH.as_ref()?.find(text)?))) {
            Some((path, text, list)) => {
                let (ahead, requires, behind) = (&text[..list.start()], list.as_str(), &text[list.end()..]);
                let requires = bound_in_quotes(requires, hold, false).or_else(|| {
                    let at = requires.find('[')? + 1;
                    let comma = if requires[at..].trim_start().starts_with(']') { "" } else { ", " };
                    Some(format!("{}\"{bound}\"{comma}{}", &requires[..at], &requires[at..]))
                })?;
                return only(path, format!("{ahead}{requires}{behind}"));
            }
            // What pip takes where nothing says it, and a bound.
            None => {
                let requires = if hold.package.name == "setuptools" {
                    String::new()
                } else {
                    "\"setuptools\", ".to_owned()
                };
                let table = format!(
                    "[build-system]\n# {}\nrequires = [{requires}\"{bound}\"]\nbuild-backend = \"setuptools.build_meta:__legacy__\"\n",
                    why(hold)
                );
                return match manifest {
                    Some((path, text)) => only(path, format!("{table}\n{text}")),
                    None => only("pyproject.toml", table),
                };
            }
        }
    }
    if let Some((path, text)) = project_of_uv(files, scripts) {
        return only(path, constrained(text, "build-constraint-dependencies", &bound, Some(&why(hold)))?);
    }
    let known = files.iter().find(|(path, _)| path == FILE).map_or("", |(_, text)| text.as_str());
    let newline = if known.is_empty() || known.ends_with('\n') { "" } else { "\n" };
    let text = format!("{known}{newline}{bound}  # {}\n", why(hold));
    let pin = in_commands(files, scripts, with_constraints)?;
    Some(Pin { beside: Some((FILE.to_owned(), text)), ..pin })
}

static BUILDS_WITH: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?ms)^requires\s*=\s*\[.*?\]\s*?$").ok());

/// What could not be built is the repository's own project.
fn is_own(files: &[(String, String)], log: &str) -> bool {
    static FAILED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i)failed (?:to build|building (?:wheel|editable) for)\s+(?:installable wheels for some pyproject\.toml based projects\s*\()?['"`]?([^'"`\s()]+)"#).ok()
    });
    let manifests = || {
        let is_manifest = |path: &str| matches!(base(path), "pyproject.toml" | "setup.py" | "setup.cfg");
        files.iter().filter(move |(path, _)| is_manifest(path))
    };
    // `python -m build` builds nothing else.
    if log.contains("Backend subprocess exited") {
        return true;
    }
    let Some(failed) = FAILED.as_ref() else { return false };
    failed.captures_iter(log).any(|found| {
        let name = found[1].split(['=', '@']).next().unwrap_or_default();
        let is_folder = name.starts_with("file:") || name.starts_with('.') || name.starts_with('/');
        // Names of packages are the same with any of these between their words.
        let name: Vec<String> = name.split(['-', '_', '.']).map(regex::escape).collect();
        let named = Regex::new(&format!(
            r#"(?mi)^\s*name\s*=\s*["']?{}["']?\s*,?\s*$|\bname\s*=\s*["']{0}["']"#,
            name.join("[-_.]")
        ));
        is_folder || named.is_ok_and(|named| manifests().any(|(_, text)| named.is_match(text)))
    })
}

/// The command that installs, with constraints for what it builds. pip before 25.3 reads the one, later ones the other.
fn with_constraints(line: &str) -> Option<String> {
    let trimmed = line.trim_start();
    let indent = &line[..line.len() - trimmed.len()];
    let is_uv = ["uv ", "uvx "].iter().any(|tool| trimmed.starts_with(tool));
    const PIPS: &[&str] =
        &["pip install", "pip3 install", "pip wheel", "tox", "nox", "pipx ", "python -m build"];
    if is_uv {
        return Some(format!("{indent}UV_BUILD_CONSTRAINT={FILE} {trimmed}"));
    }
    // A prefix reaches the first command of a line only.
    let first = trimmed.split("&&").next().unwrap_or(trimmed);
    let installs = PIPS.iter().any(|command| first.contains(command));
    installs.then(|| format!("{indent}PIP_CONSTRAINT={FILE} PIP_BUILD_CONSTRAINT={FILE} {trimmed}"))
}

#[cfg(test)]
mod tests {
    use super::super::pin;
    use super::*;
    use crate::drift::Package;

    fn pinned(name: &str, files: &[(&str, &str)], run: &str, log: &str) -> Pin {
        let files: Vec<_> = files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect();
        let package = Package::new("python", name);
        pin(&files, run, Hold { package: &package, below: "3.0", at: "2.3.7", build: Some(log) }).unwrap()
    }

    const OF_OTHERS: &str = "ERROR: Failed to build 'pyyaml' when getting requirements to build wheel";
    const OF_OURS: &str =
        "ERROR: Failed to build 'file:///home/runner/work/a/a' when getting requirements to build wheel";

    const BUILD: &str = "ERROR Backend subprocess exited when trying to invoke get_requires_for_build_sdist";

    #[test]
    fn what_others_are_built_with_is_constrained_beside_the_command() {
        let flow = "steps:\n  - run: pip install -r requirements.txt\n";
        let found = pinned(
            "cython",
            &[(".github/workflows/ci.yml", flow), ("requirements.txt", "pyyaml==5.4.1\n")],
            "pip install -r requirements.txt",
            OF_OTHERS,
        );
        assert_eq!(
            found.after,
            "steps:\n  - run: PIP_CONSTRAINT=build-constraints.txt PIP_BUILD_CONSTRAINT=build-constraints.txt pip install -r requirements.txt\n"
        );
        let beside =
            ("build-constraints.txt".to_owned(), "cython<3.0  # cython 3.0 breaks the build\n".to_owned());
        assert_eq!(found.beside, Some(beside));
        let uv = "[project]\nname = \"x\"\n";
        let found = pinned("cython", &[("pyproject.toml", uv)], "uv sync", "Failed to build `pyyaml==5.4.1`");
        assert!(
            found.after.ends_with("build-constraint-dependencies = [\"cython<3.0\"]\n"),
            "{}",
            found.after
        );
    }

    #[test]
    fn what_the_project_is_built_with_is_bounded_where_it_says_so() {
        let toml = "[build-system]\nrequires = [\n  \"setuptools>=61\",\n]\n\n[project]\nname = \"our-app\"\ndependencies = [\"setuptools\"]\n";
        for log in [
            OF_OURS,
            "error: failed building wheel for our_app",
            "Failed to build `our-app @ file:///w`",
            BUILD,
        ] {
            let found = pinned("setuptools", &[("pyproject.toml", toml)], "pip install .", log);
            assert!(
                found.after.contains("\"setuptools>=61,<3.0\",") && found.after.contains("[\"setuptools\"]"),
                "{}",
                found.after
            );
        }
        let toml = "[build-system]\nrequires = [\"setuptools\"]\n";
        let found = pinned("packaging", &[("pyproject.toml", toml)], "pip install .", OF_OURS);
        assert_eq!(found.after, "[build-system]\nrequires = [\"packaging<3.0\", \"setuptools\"]\n");
        let found = pinned("setuptools", &[("setup.py", "setup(name='x')\n")], "pip install .", OF_OURS);
        assert_eq!(
            (found.path.as_str(), found.after.as_str()),
            (
                "pyproject.toml",
                "[build-system]\n# setuptools 3.0 breaks the build\nrequires = [\"setuptools<3.0\"]\nbuild-backend = \"setuptools.build_meta:__legacy__\"\n"
            )
        );
    }
}
