//! What of a fix makes an answer that fails beside its test one that was made for it: state that outlives a call, and
//! branches or rows that answer with constants.

use std::sync::LazyLock;

use regex::Regex;

use crate::contract::fix::FileChange;
use crate::diff::LineDiff;
use crate::fixer::hardcoding;
use crate::fixer::language::Language;
use crate::fixer::sanitize::one_line;

const PYTHON: &str = r"^\s*(global|nonlocal)\s|^\w+\s*(:[^=]+)?=\s*(\[|\{|list\(|dict\(|set\(|iter\(|(\w+\.)?(count|cycle|Counter|defaultdict|deque)\()|^\s*(async\s+)?def\s.*=\s*(\[|\{|list\(|dict\(|set\()|\bsetattr\(";
const SCRIPT: &str =
    r"^(export\s+)?(let|var)\s|^(export\s+)?const\s+[\w$]+[^=]*=\s*(\[|\{|new\s)|^\s*static\s+[\w$]+\s*=";
const GO: &str = r"^var\s|\bsync\.Once\b|\batomic\.";
const RUST: &str = r"\bstatic\s|\bthread_local!|\bAtomic[A-Z]\w+|\bOnce(Lock|Cell)\b";
const JAVA: &str = r"^\s*((private|public|protected|volatile)\s+)*static\s+[\w<>\[\], .]+\s\w+\s*(=|;)|\bAtomic[A-Z]\w+|static final [\w<>, ]+=\s*new\s";

static STATE: LazyLock<Vec<(&'static [Language], Option<Regex>)>> = LazyLock::new(|| {
    // The table is constant and a test uses every row.
    vec![
        (&[Language::Python], Regex::new(PYTHON).ok()),
        (&[Language::JavaScript, Language::TypeScript], Regex::new(SCRIPT).ok()),
        (&[Language::Go], Regex::new(GO).ok()),
        (&[Language::Rust], Regex::new(RUST).ok()),
        (&[Language::Java], Regex::new(JAVA).ok()),
    ]
});

/// A line of the fix that keeps something from one call to the next.
pub(super) fn keeps_state(changes: &[FileChange]) -> Option<String> {
    changes.iter().find_map(|change| {
        let language = Language::of(change.path.as_str());
        let pattern = STATE.iter().find(|(languages, _)| languages.contains(&language))?.1.as_ref()?;
        let diff = LineDiff::of(change);
        let (added, removed) = (diff.added(), diff.removed());
        let is_new = |text: &str| !removed.iter().any(|(_, old)| old.trim() == text.trim());
        let found = added.into_iter().find(|(_, text)| pattern.is_match(text) && is_new(text));
        found.map(|(line, text)| format!("{} line {line}: `{}`", change.path, one_line(text, 80)))
    })
}

/// A branch or a row of the fix that answers with a constant, or holds its input against one.
pub(super) fn special_case(changes: &[FileChange]) -> Option<String> {
    changes.iter().find_map(|change| {
        let branch = hardcoding::new_branches(change).into_iter().next()?;
        Some(format!("{} line {}: `{}`", change.path, branch.line, one_line(&branch.text, 80)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    fn change(path: &str, before: &str, after: &str) -> [FileChange; 1] {
        let path = RepoPath::new(path).unwrap();
        [FileChange { path, before: Some(before.to_owned()), after: Some(after.to_owned()) }]
    }

    #[test]
    fn state_is_what_outlives_a_call() {
        for (path, after) in [
            ("a.py", "calls = []\ndef f(n):\n    return n\n"),
            ("a.py", "def f(n):\n    global calls\n    return n\n"),
            ("a.py", "def f(n, seen=[]):\n    return n\n"),
            ("a.py", "turns = itertools.count()\n"),
            ("a.js", "let calls = 0;\n"),
            ("a.ts", "const seen = new Map<string, number>();\n"),
            ("a.go", "var calls int\n"),
            ("a.rs", "static CALLS: AtomicU64 = AtomicU64::new(0);\n"),
            ("A.java", "    private static int calls = 0;\n"),
        ] {
            assert!(keeps_state(&change(path, "x\n", after)).is_some(), "{after}");
            assert!(keeps_state(&change(path, after, after)).is_none(), "{after}");
        }
        for (path, after) in [
            ("a.py", "def f(n):\n    found = []\n    return found\n"),
            ("a.py", "LIMIT = 7\n"),
            ("a.js", "function f(n) {\n  let found = [];\n  return found;\n}\n"),
            ("a.js", "const LIMIT = 7;\n"),
            ("a.go", "func f() int {\n\tvar n int\n\treturn n\n}\n"),
            ("a.rs", "fn f() -> &str { \"static\" }\n"),
            ("A.java", "    static int of(int n) {\n        return n;\n    }\n"),
        ] {
            assert_eq!(keeps_state(&change(path, "x\n", after)), None, "{after}");
        }
    }

    #[test]
    fn special_cases_are_new_branches_with_constants() {
        let before = "def f(n):\n    return n\n";
        let special = "def f(n):\n    if n == 8:\n        return 16\n    return n\n";
        assert!(special_case(&change("a.py", before, special)).is_some());
        assert_eq!(special_case(&change("a.py", before, "def f(n):\n    return 2 * n\n")), None);
    }
}
