//! Test files before and after: the same tests, no fewer assertions, the same expectations.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::weakening;
use crate::contract::fix::{FileChange, Rejection};
use crate::diff::LineDiff;
use crate::fixer::language::Language;
use crate::fixer::sanitize::one_line;

/// The names of tests, first group that matched.
const TEST_NAME: &str = r#"(?m)^\s*(?:async\s+)?def\s+(test\w*)|^\s*class\s+(\w*Test\w*)|\bfunc\s+((?:Test|Benchmark|Example|Fuzz)\w*)\s*\(|\b(?:it|test|describe|specify|suite)(?:\.each\([^)]*\))?\s*\(\s*['"`]([^'"`]+)|@(?:Test|ParameterizedTest|RepeatedTest)\b[^{;]*?\b(\w+)\s*\(|#\[(?:\w+::)*test\b[^\]]*\][^{;]*?\bfn\s+(\w+)|\bt\.Run\(\s*['"`]([^'"`]+)"#;

const ASSERTION: &str = r"\bassert\w*!?[\s(.]|\bexpect\s*\(|\bself\.(assert|fail)\w*\s*\(|\b\w+\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(|\b(require|assert|should|verify)\.\w+|\bpytest\.raises\b|\bshould_panic\b|\bassertThat\b|\bverify\s*\(|\bpanic!";

const TOLERANCE: &str = r"\b(abs|rel|atol|rtol|delta|tolerance|epsilon|eps|within|InDelta|InEpsilon|timeout)\b\W{0,4}(\d[\d._]*(?:[eE]-?\d+)?)|\b(places|precision|toBeCloseTo\([^,)]+,)\W{0,4}(\d+)";

struct Patterns {
    name: Regex,
    assertion: Regex,
    tolerance: Regex,
    literal: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    // The patterns are constant and a test compiles them.
    Some(Patterns {
        name: Regex::new(TEST_NAME).ok()?,
        assertion: Regex::new(ASSERTION).ok()?,
        tolerance: Regex::new(TOLERANCE).ok()?,
        literal: Regex::new(r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|-?\b\d[\w.]*|\b(?:[Tt]rue|[Ff]alse|None|null|nil|undefined)\b"#).ok()?,
    })
});

pub(super) fn find(change: &FileChange, diff: &LineDiff<'_>) -> Option<Rejection> {
    let patterns = PATTERNS.as_ref()?;
    let (before, after) = (change.before.as_deref()?, change.after.as_deref()?);
    let language = Language::of(change.path.as_str());
    if language == Language::Other {
        // Snapshots, golden files, fixtures: data a test compares with.
        return Some(weakening(
            change,
            "changed-expectation",
            None,
            "data that tests compare with is changed",
        ));
    }
    let (before, after) = (uncommented(language, before), uncommented(language, after));
    let names = |text: &str| -> BTreeSet<String> {
        patterns
            .name
            .captures_iter(text)
            .filter_map(|c| c.iter().skip(1).flatten().next().map(|m| m.as_str().to_owned()))
            .collect()
    };
    let kept = names(&after);
    if let Some(gone) = names(&before).into_iter().find(|name| !kept.contains(name)) {
        let what = format!("the test `{}` is removed or renamed", one_line(&gone, 80));
        return Some(weakening(change, "removed-test", None, what));
    }
    let assertions = |text: &str| patterns.assertion.find_iter(text).count();
    let (had, has) = (assertions(&before), assertions(&after));
    if has < had {
        return Some(weakening(change, "removed-assertion", None, format!("{had} assertions become {has}")));
    }
    let (removed, added) = (diff.removed(), diff.added());
    for ((_, old), (line, new)) in removed.iter().zip(&added) {
        if let (Some(old), Some(new)) = (tolerance(patterns, old), tolerance(patterns, new))
            && new > old
        {
            return Some(weakening(change, "widened-tolerance", Some(*line), format!("{old} becomes {new}")));
        }
    }
    None
}

/// How wide a tolerance is: larger is laxer, also where the source counts digits.
fn tolerance(patterns: &Patterns, line: &str) -> Option<f64> {
    let captures = patterns.tolerance.captures(line)?;
    if let Some(width) = captures.get(2) {
        return width.as_str().replace('_', "").trim_end_matches('.').parse().ok();
    }
    let digits: i32 = captures.get(4)?.as_str().parse().ok()?;
    Some(10_f64.powi(-digits))
}

/// An assertion whose expected value is another than before: `(line, old, new)`.
pub(crate) fn changed_expectation(diff: &LineDiff<'_>) -> Option<(u32, String, String)> {
    let patterns = PATTERNS.as_ref()?;
    let skeleton = |line: &str| patterns.literal.replace_all(line.trim(), "¤").into_owned();
    let removed = diff.removed();
    diff.added().iter().find_map(|(line, new)| {
        if !patterns.literal.is_match(new) {
            return None;
        }
        let shape = skeleton(new);
        let (_, old) = removed.iter().find(|(_, old)| skeleton(old) == shape && old.trim() != new.trim())?;
        Some((*line, one_line(old, 100), one_line(new, 100)))
    })
}

/// Without whole-line comments: a test commented out is a test removed.
fn uncommented(language: Language, text: &str) -> String {
    let mark = language.line_comment();
    text.lines().filter(|l| !l.trim_start().starts_with(mark)).fold(String::new(), |mut out, line| {
        out.push_str(line);
        out.push('\n');
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    fn rule(path: &str, before: &str, after: &str) -> Option<String> {
        let change = FileChange {
            path: RepoPath::new(path).unwrap(),
            before: Some(before.to_owned()),
            after: Some(after.to_owned()),
        };
        match find(&change, &LineDiff::of(&change)) {
            Some(Rejection::TestWeakening { rule, .. }) => Some(rule),
            other => {
                assert_eq!(other, None);
                None
            }
        }
    }

    #[test]
    fn patterns_compile() {
        assert!(PATTERNS.is_some());
    }

    #[test]
    fn tests_are_kept_by_name() {
        let py = "def test_a():\n    assert f(1) == 2\n\ndef test_b():\n    assert g()\n";
        assert_eq!(
            rule("test_a.py", py, "def test_b():\n    assert g()\n    assert f(1) == 2\n").as_deref(),
            Some("removed-test")
        );
        assert_eq!(rule("test_a.py", py, &py.replace("test_b", "check_b")).as_deref(), Some("removed-test"));
        assert_eq!(
            rule("test_a.py", py, &py.replace("def test_b", "# def test_b")).as_deref(),
            Some("removed-test")
        );
        let js = "it('adds', () => {\n  expect(add(1, 2)).toBe(3);\n});\n";
        assert_eq!(rule("a.test.js", js, "").as_deref(), Some("removed-test"));
        assert_eq!(
            rule("a.test.js", js, &js.replace("  expect(add(1, 2)).toBe(3);", "")).as_deref(),
            Some("removed-assertion")
        );
        let go = "func TestA(t *testing.T) {\n\tif f() != 1 {\n\t\tt.Fatal(\"x\")\n\t}\n}\n";
        assert_eq!(
            rule("a_test.go", go, &go.replace("\t\tt.Fatal(\"x\")\n", "")).as_deref(),
            Some("removed-assertion")
        );
        let rs = "#[test]\nfn adds() {\n    assert_eq!(add(1, 2), 3);\n}\n";
        assert_eq!(
            rule("tests/a.rs", rs, "#[test]\nfn other() {\n    assert_eq!(add(1, 2), 3);\n}\n").as_deref(),
            Some("removed-test")
        );
        let java = "@Test\nvoid adds() { assertEquals(3, add(1, 2)); }\n";
        assert_eq!(rule("ATest.java", java, "// nothing\n").as_deref(), Some("removed-test"));
        assert_eq!(rule("test_a.py", py, &format!("{py}\ndef test_c():\n    assert h()\n")), None);
    }

    #[test]
    fn tolerances_may_shrink_only() {
        let wide = |n: &str| format!("def test_a():\n    assert f() == approx(1, abs={n})\n");
        assert_eq!(rule("test_a.py", &wide("0.01"), &wide("0.5")).as_deref(), Some("widened-tolerance"));
        assert_eq!(rule("test_a.py", &wide("0.5"), &wide("0.01")), None);
        let close = |n: &str| format!("it('a', () => {{\n  expect(f()).toBeCloseTo(1.5, {n});\n}});\n");
        assert_eq!(rule("a.test.ts", &close("5"), &close("1")).as_deref(), Some("widened-tolerance"));
    }

    #[test]
    fn other_expectations_are_noticed() {
        let change = FileChange {
            path: RepoPath::new("test_a.py").unwrap(),
            before: Some("assert f(1) == 2\n".to_owned()),
            after: Some("assert f(1) == 3\n".to_owned()),
        };
        assert_eq!(changed_expectation(&LineDiff::of(&change)).unwrap().2, "assert f(1) == 3");
        assert_eq!(rule("__snapshots__/a.snap", "1\n", "2\n").as_deref(), Some("changed-expectation"));
    }
}
