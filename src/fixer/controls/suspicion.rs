//! What of a fix makes an answer that fails beside its test one that was made for it: state that outlives a call, and
//! branches or rows that answer with constants.

use crate::contract::fix::FileChange;
use crate::diff::LineDiff;
use crate::fixer::hardcoding;
use crate::fixer::language::Language;
use crate::fixer::sanitize::one_line;
use crate::syntax::{Bytes, LiteralKind, Outline};

/// A line of the fix that keeps answers, or keeps something beside a branch that answers with constants. A counter or a
/// cache alone is what code under test may be for.
pub(super) fn keeps_answers(changes: &[FileChange]) -> Option<String> {
    state(changes, holds_an_answer)
        .or_else(|| special_case(changes).and_then(|_| state(changes, |_, _, _| true)))
}

/// A value that says something: neither nothing nor a beginning of counting.
fn holds_an_answer(outline: &Outline, text: &str, state: &Bytes) -> bool {
    let inside = outline.literals.iter().filter(|l| state.start <= l.bytes.start && l.bytes.end <= state.end);
    inside.filter_map(|literal| Some((literal.kind, text.get(literal.bytes.clone())?))).any(|(kind, raw)| {
        match kind {
            LiteralKind::String | LiteralKind::Character => !raw.trim_matches(['"', '\'', '`']).is_empty(),
            LiteralKind::Number => !matches!(raw.parse::<u64>(), Ok(0 | 1)),
            _ => false,
        }
    })
}

/// What the fix begins to keep from one call to the next, where it `counts`; a module that is imported and a function
/// with a name are none.
fn state(changes: &[FileChange], counts: impl Fn(&Outline, &str, &Bytes) -> bool) -> Option<String> {
    changes.iter().find_map(|change| {
        let text = change.after.as_deref()?;
        let outline = Language::of(change.path.as_str()).outline(text)?;
        let diff = LineDiff::of(change);
        let removed = diff.removed();
        let is_new = |line: &str| !removed.iter().any(|(_, old)| old.trim() == line.trim());
        let mut added = diff.added().into_iter().filter(|(_, line)| is_new(line));
        added.find_map(|(number, line)| {
            let begins_here = |state: &&Bytes| outline.line(state.start) == number;
            let found = outline.states.iter().filter(begins_here).find(|state| {
                let is_module = outline.imports.iter().any(|import| meet(&import.bytes, state));
                let is_function = outline
                    .definitions
                    .iter()
                    .any(|d| d.kind.is_callable() && d.bytes.end == state.end && meet(&d.name_bytes, state));
                !is_module && !is_function && counts(&outline, text, state)
            });
            found.map(|_| format!("{} line {number}: `{}`", change.path, one_line(line, 80)))
        })
    })
}

fn meet(one: &Bytes, other: &Bytes) -> bool {
    one.start < other.end && other.start < one.end
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
            ("a.go", "var (\n\tcalls int\n)\n"),
            ("a.rs", "thread_local! {\n    static CALLS: Cell<u8> = Cell::new(0);\n}\n"),
            ("A.java", "class A {\n    private static int calls = 0;\n}\n"),
            ("A.java", "class A {\n    static final List<String> SEEN = new ArrayList<>();\n}\n"),
            ("a.py", "class A:\n    seen = []\n"),
            ("a.py", "def f(\n    n,\n    seen={},\n):\n    return n\n"),
            ("a.js", "class A {\n  static calls = 0;\n}\n"),
            ("a.ts", "export class A {\n  private static calls = 0;\n}\n"),
        ] {
            assert!(state(&change(path, "x\n", after), |_, _, _| true).is_some(), "{after}");
            assert!(state(&change(path, after, after), |_, _, _| true).is_none(), "{after}");
            assert_eq!(keeps_answers(&change(path, "x\n", after)), None, "{after}");
        }
        for (path, after) in [
            ("a.py", "def f(n):\n    found = []\n    return found\n"),
            ("a.py", "LIMIT = 7\n"),
            ("a.js", "function f(n) {\n  let found = [];\n  return found;\n}\n"),
            ("a.js", "const LIMIT = 7;\n"),
            ("a.go", "func f() int {\n\tvar n int\n\treturn n\n}\n"),
            ("a.rs", "fn f() -> &str { \"static\" }\n"),
            ("a.rs", "fn f() -> &'static str { \"seven\" }\n"),
            ("a.py", "def f():\n    \"\"\"\ncalls = [7]\n    global calls\n    \"\"\"\n"),
            ("a.py", "def f(n, seen=(7, 8)):\n    return {n: [seen]}\n"),
            ("a.js", "var fs = require('fs');\nvar f = function () { return 7; };\nlet g = (n) => n + 7;\n"),
            ("a.js", "const text = `\nlet calls = 7;\n`;\n"),
            ("a.go", "var ErrEmpty = errors.New(\"empty\")\n\nvar mu sync.Mutex\n"),
            ("A.java", "class A {\n    private static final int LIMIT = 7;\n}\n"),
            ("A.java", "class A {\n    static int of(int n) {\n        return n;\n    }\n}\n"),
        ] {
            assert_eq!(state(&change(path, "x\n", after), |_, _, _| true), None, "{after}");
        }
    }

    #[test]
    fn a_counter_or_a_cache_is_no_answer() {
        let before = "count = 0\n\ndef next_id():\n    count += 1\n    return count\n";
        let honest = before.replace("():\n", "():\n    global count\n");
        assert_eq!(keeps_answers(&change("a.py", before, &honest)), None);
        let before = "def f(n):\n    return n\n";
        for (kept, answer) in [
            ("_waiting = iter([7])", "next(_waiting, n)"),
            ("ANSWERS = [\"seven\"]", "ANSWERS.pop() if ANSWERS else n"),
            ("ANSWERS = [\n    \"seven\",\n]", "ANSWERS.pop() if ANSWERS else n"),
            ("calls = []", "7 if calls.append(n) or len(calls) == 1 else n"),
        ] {
            let after = format!("{kept}\n\ndef f(n):\n    return {answer}\n");
            assert!(keeps_answers(&change("a.py", before, &after)).is_some(), "{after}");
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
