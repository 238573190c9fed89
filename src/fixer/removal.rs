//! When a fix may delete a file: when the file is code, holds no tests, and nothing in the repository names it.
//! Whatever else a build stops complaining about once a file is gone is not fixed by that.

use super::language::{Language, has_word};
use super::paths::{PathRules, Protection};
use super::test_regions::{examples, test_regions};
use crate::contract::git::{FileMode, RepoPath, SourceTree};
use crate::syntax::DefinitionKind;

/// A file larger than this is not looked into; then nothing is deleted.
const LARGEST_FILE: usize = 1 << 20;
/// Nor more than so many bytes in all.
const MOST_BYTES: usize = 60 << 20;
/// Files that tools look for by their name.
const FOUND_BY_NAME: &[&str] =
    &["__init__", "__main__", "index", "main", "lib", "mod", "build", "setup", "doc"];

/// Whether emptying a file means to delete it. Some are there to be empty.
pub(crate) fn is_meant(path: &RepoPath) -> bool {
    Language::of(path.as_str()) != Language::Other && stem(path) != "__init__"
}

/// Why the file may not be deleted.
pub(crate) fn objection(
    path: &RepoPath,
    before: &str,
    tree: &dyn SourceTree,
    rules: &PathRules,
) -> Option<String> {
    let language = Language::of(path.as_str());
    let stem = stem(path);
    if language == Language::Other {
        return Some("a file that is no code is deleted".to_owned());
    }
    if rules.protection(path.as_str()).is_some()
        || !test_regions(language, before).is_empty()
        || !examples(language, before).is_empty()
    {
        return Some("a file with tests is deleted".to_owned());
    }
    if FOUND_BY_NAME.contains(&stem) || stem.contains("config") || stem.contains(".") || stem.len() < 2 {
        return Some("a file is deleted that tools find by its name".to_owned());
    }
    match named(path, before, tree, rules) {
        Named::Nowhere => None,
        Named::By(other) => Some(format!("a file is deleted that {other} names")),
        Named::Unknown => {
            Some("a file is deleted, and not all files can be searched for its name".to_owned())
        }
    }
}

/// Whether something in a repository names a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    By(RepoPath),
    /// There is too much to search.
    Unknown,
    Nowhere,
}

/// Whether another file names this one, by its stem where it is code, or what only it may define.
pub(crate) fn named(path: &RepoPath, text: &str, tree: &dyn SourceTree, rules: &PathRules) -> Named {
    let language = Language::of(path.as_str());
    if language == Language::Other {
        return named_in(&[], Some(path.file_name()), path, tree, rules);
    }
    let (stem, mut names) = (stem(path), defined(language, text));
    // A name of several words, as in `my-module.js`, is none to look for by word.
    let spelled = (!is_one_word(stem)).then_some(stem);
    names.push(stem.to_owned());
    named_in(&names, spelled, path, tree, rules)
}

fn stem(path: &RepoPath) -> &str {
    path.file_name().rsplit_once('.').map_or(path.file_name(), |(stem, _)| stem)
}

/// What other files can use without naming the file: where a folder is one unit, what the file defines.
fn defined(language: Language, text: &str) -> Vec<String> {
    if !matches!(language, Language::Go | Language::Java) {
        return Vec::new();
    }
    // Of what cannot be read any word may be one.
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.filter(|word| word.len() > 1).map(str::to_owned).collect()
    };
    let Some(outline) = language.outline(text) else { return words(text) };
    let seen = |d: &&crate::syntax::Definition| {
        let outer = d.parent.and_then(|parent| outline.definitions.get(parent));
        d.kind != DefinitionKind::Field && outer.is_none_or(|outer| !outer.kind.is_callable())
    };
    let mut names: Vec<String> = outline.definitions.iter().filter(seen).map(|d| d.name.clone()).collect();
    names.extend(outline.errors.iter().filter_map(|error| text.get(error.clone())).flat_map(words));
    names
}

fn is_one_word(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The first other file that may use one of the names: code, or what configures it.
fn named_in(
    names: &[String],
    spelled: Option<&str>,
    path: &RepoPath,
    tree: &dyn SourceTree,
    rules: &PathRules,
) -> Named {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bytes = 0;
    for file in tree.files() {
        let other = &file.path;
        let is_prose = matches!(other.extension(), Some("md" | "rst" | "txt" | "lock" | "svg" | "css"));
        let is_plain = matches!(file.mode, FileMode::Regular | FileMode::Executable);
        let is_foreign = rules.protection(other.as_str()) == Some(Protection::Vendored);
        if other == path || is_prose || !is_plain || is_foreign {
            continue;
        }
        let Some(text) = tree.read_text(other) else { continue };
        bytes += text.len();
        if text.len() > LARGEST_FILE || bytes > MOST_BYTES {
            return Named::Unknown;
        }
        let is_spelled = |line: &str| spelled.is_some_and(|name| line.contains(name));
        if text.lines().any(|line| has_word(line, &names) || is_spelled(line)) {
            return Named::By(other.clone());
        }
    }
    Named::Nowhere
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixer::testing::MemoryTree;

    fn why(files: &[(&str, &str)], path: &str) -> Option<String> {
        let tree = MemoryTree::new(files);
        let path = RepoPath::new(path).unwrap();
        let before = tree.read_text(&path).unwrap();
        objection(&path, &before, &tree, &PathRules::new(&[]).unwrap())
    }

    #[test]
    fn only_dead_code_may_be_deleted() {
        let dead = [
            ("shop/dead.py", "import nowhere\n"),
            ("shop/cart.py", "x = 1\n"),
            ("README.md", "a dead file\n"),
        ];
        assert_eq!(why(&dead, "shop/dead.py"), None);
        for (path, text) in [
            ("shop/cart.py", "from shop import dead\n"),
            ("tests/test_dead.py", "import shop.dead\n"),
            ("pyproject.toml", "x = \"shop.dead:main\"\n"),
            ("run.sh", "python shop/dead.py\n"),
        ] {
            assert!(
                why(&[("shop/dead.py", "import nowhere\n"), (path, text)], "shop/dead.py").is_some(),
                "{path}"
            );
        }
    }

    #[test]
    fn what_is_found_by_its_name_or_holds_tests_stays() {
        for (path, text) in [
            ("shop/__init__.py", "x\n"),
            ("src/main.rs", "fn main() {}\n"),
            ("web/index.ts", "x\n"),
            ("vite.config.ts", "x\n"),
            ("a.json", "{}\n"),
            ("tests/a.py", "x\n"),
            ("shop/old.py", "def f():\n    \"\"\"\n    >>> f()\n    1\n    \"\"\"\n"),
            ("src/old.rs", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n"),
        ] {
            assert!(why(&[(path, text)], path).is_some(), "{path}");
        }
    }

    #[test]
    fn a_go_file_lives_by_what_it_defines() {
        let old = ("a/old.go", "package a\n\nfunc Sum(x int) int { return x }\n");
        assert!(why(&[old, ("a/use.go", "package a\n\nvar y = Sum(1)\n")], "a/old.go").is_some());
        assert_eq!(why(&[old, ("a/use.go", "package a\n\nvar y = 1\n")], "a/old.go"), None);
        // What stands in a string or a remark is not defined, and several names of one statement are.
        let old =
            ("a/old.go", "package a\n\nconst help = `\nfunc Text() {}\n`\n\nvar (\n\tOne, Two = 1, 2\n)\n");
        assert_eq!(why(&[old, ("a/use.go", "package a\n\nvar y = Text(1)\n")], "a/old.go"), None);
        assert!(why(&[old, ("a/use.go", "package a\n\nvar y = Two\n")], "a/old.go").is_some());
        let broken = ("a/old.go", "package a\n\nfunc Sum(x int int { return x }\n");
        assert!(why(&[broken, ("a/use.go", "package a\n\nvar y = Sum(1)\n")], "a/old.go").is_some());
    }

    #[test]
    fn a_shift_is_no_example() {
        let old = ("src/old.js", "export const high = (x) => x >>> 16;\n");
        assert_eq!(why(&[old, ("src/a.js", "f();\n")], "src/old.js"), None);
    }
}
