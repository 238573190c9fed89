//! Short, factual guidance per language and per family of bugs, picked by what the reports say.

use super::language::Language;
use crate::contract::bug::{BugReport, Category};

macro_rules! skill {
    ($name:literal) => {
        ($name, include_str!(concat!("skills/", $name, ".md")))
    };
}

const LANGUAGES: &[(&str, &str)] = &[
    skill!("rust"),
    skill!("python"),
    skill!("go"),
    skill!("java"),
    skill!("javascript"),
    skill!("typescript"),
];

const FAMILIES: &[(&str, &str)] = &[
    skill!("syntax"),
    skill!("indentation"),
    skill!("import"),
    skill!("type"),
    skill!("logic"),
    skill!("lint"),
    skill!("format"),
    skill!("runtime"),
    skill!("dependency"),
    skill!("configuration"),
];

/// Tools whose language their reports' files do not tell.
const TOOLS: &[(&str, Language)] = &[
    ("rustc", Language::Rust),
    ("cargo", Language::Rust),
    ("clippy", Language::Rust),
    ("pytest", Language::Python),
    ("unittest", Language::Python),
    ("mypy", Language::Python),
    ("ruff", Language::Python),
    ("go", Language::Go),
    ("javac", Language::Java),
    ("maven", Language::Java),
    ("surefire", Language::Java),
    ("gradle", Language::Java),
    ("tsc", Language::TypeScript),
    ("node", Language::JavaScript),
    ("jest", Language::JavaScript),
    ("eslint", Language::JavaScript),
];

/// Names and texts of the skills that fit these reports: the first language, then at most two families.
pub(crate) fn pick(bugs: &[BugReport]) -> Vec<(&'static str, String)> {
    let mut picked = Vec::new();
    let language = bugs.iter().map(language_of).find(|l| *l != Language::Other);
    if let Some(language) = language {
        picked.extend(LANGUAGES.iter().find(|(name, _)| *name == language.name()));
    }
    let mut families: Vec<&str> = Vec::new();
    for bug in bugs {
        let family = match bug.category {
            Category::Timeout => Category::Runtime.as_str(),
            other => other.as_str(),
        };
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let fitting = families.iter().filter_map(|f| FAMILIES.iter().find(|(name, _)| name == f));
    picked.extend(fitting.take(2));
    picked
        .into_iter()
        .map(|(name, text)| (name, of_these(body(text), bugs)))
        .filter(|(_, t)| !t.is_empty())
        .collect()
}

/// Of a failing test's wrong values, without what is said of errors that nothing here names: `Borrow errors: …`.
fn of_these(text: &str, bugs: &[BugReport]) -> String {
    const LONGEST_KIND: usize = 45;
    let applies = |line: &&str| {
        let Some((kind, _)) = line
            .split_once(": ")
            .filter(|(kind, _)| kind.len() <= LONGEST_KIND && !kind.contains("Wrong results"))
        else {
            return true;
        };
        let kinds = kind.trim_start_matches("- ").to_lowercase();
        let is_named = |bug: &BugReport| {
            let message = bug.message.to_lowercase();
            bug.category != Category::Logic
                || kinds.split(", ").any(|k| message.contains(k.trim_matches('`')))
        };
        bugs.iter().any(is_named)
    };
    text.lines().filter(applies).collect::<Vec<_>>().join("\n")
}

fn language_of(bug: &BugReport) -> Language {
    let by_file = bug.file.as_deref().map_or(Language::Other, Language::of);
    if by_file != Language::Other {
        return by_file;
    }
    let tool = bug.tool.to_lowercase();
    let by_tool = TOOLS.iter().find(|(name, _)| tool.split([' ', '-', '/']).any(|word| word == *name));
    by_tool.map_or(Language::Other, |(_, language)| *language)
}

/// Without the version line.
fn body(text: &'static str) -> &'static str {
    text.split_once('\n').map_or(text, |(_, body)| body).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixer::testing::bug;

    #[test]
    fn every_skill_has_a_version_and_is_short() {
        for (name, text) in LANGUAGES.iter().chain(FAMILIES) {
            let version = text.lines().next().and_then(|l| l.strip_prefix("version: "));
            assert!(version.is_some_and(|v| v.parse::<u32>().is_ok()), "{name}");
            assert!((60..900).contains(&body(text).len()), "{name}: {}", body(text).len());
        }
    }

    #[test]
    fn skills_fit_language_and_family() {
        let names = |bugs: &[BugReport]| pick(bugs).iter().map(|(n, _)| *n).collect::<Vec<_>>();
        for (file, tool, category, want) in [
            ("a.rs", "rustc", Category::Type, vec!["rust", "type"]),
            ("a.py", "cpython", Category::Indentation, vec!["python", "indentation"]),
            ("a.ts", "tsc", Category::Import, vec!["typescript", "import"]),
            ("A.java", "surefire", Category::Logic, vec!["java", "logic"]),
            ("a_test.go", "go test", Category::Timeout, vec!["go", "runtime"]),
            ("go.mod", "go build", Category::Dependency, vec!["go", "dependency"]),
            ("a.js", "node", Category::Runtime, vec!["javascript", "runtime"]),
            ("x.txt", "thing", Category::Unknown, vec![]),
        ] {
            assert_eq!(names(&[bug(tool, category, file, 1, "m")]), want, "{file}");
        }
        let guidance = |category, message| {
            pick(&[bug("pytest", category, "a.py", 1, message)])
                .into_iter()
                .map(|(_, text)| text)
                .collect::<String>()
        };
        assert!(!guidance(Category::Logic, "assert 1 == 2").contains("NameError"));
        assert!(guidance(Category::Logic, "NameError: name 'x' is not defined").contains("NameError"));
        assert!(guidance(Category::Type, "assert 1 == 2").contains("NameError"));
        let mixed = [bug("x", Category::Type, "a.rs", 1, "m"), bug("x", Category::Lint, "a.rs", 1, "m")];
        assert_eq!(names(&mixed), ["rust", "type", "lint"]);
    }
}
