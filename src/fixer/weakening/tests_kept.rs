//! Test files before and after: the same tests, no fewer assertions, the same expectations.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::weakening;
use crate::contract::fix::{FileChange, Rejection};
use crate::diff::LineDiff;
use crate::fixer::language::{Language, code_only, indent_of};
use crate::fixer::sanitize::one_line;
use crate::syntax::{Outline, TestKind};

/// The names of tests, first group that matched.
const TEST_NAME: &str = r#"(?m)^\s*(?:async\s+)?def\s+(test\w*)|^\s*class\s+(\w*Test\w*)|\bfunc\s+((?:Test|Benchmark|Example|Fuzz)\w*)\s*\(|\b(?:it|test|describe|specify|suite)(?:\.each\([^)]*\))?\s*\(\s*['"`]([^'"`]+)|@(?:Test|ParameterizedTest|RepeatedTest)\b[^{;]*?\b(\w+)\s*\(|#\[(?:\w+::)*test\b[^\]]*\][^{;]*?\bfn\s+(\w+)|\bt\.Run\(\s*['"`]([^'"`]+)"#;

const ASSERTION: &str = r"\bassert\w*!?[\s(.]|\bexpect\s*\(|\bself\.(assert|fail)\w*\s*\(|\b\w+\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*\(|\b(require|assert|should|verify)\.\w+|\bpytest\.raises\b|\bshould_panic\b|\bassertThat\b|\bverify\s*\(|\bpanic!";

/// How far a value may be off: named, the last of an assertion's arguments, or what a difference is held against.
const TOLERANCES: &[&str] = &[
    r"(?i)\b(?:abs|rel|abs_tol|rel_tol|atol|rtol|delta|tolerance|tol|epsilon|eps|within|offset|max_relative|max_ulps|threshold|timeout)\b\s*(?:=|:|\()\s*(\d[\d._]*(?:e[-+]?\d+)?)",
    r"\b(?:assertEquals|assertArrayEquals|isCloseTo|InDelta|InDeltaf|InEpsilon|InDeltaSlice|closeTo|approximately|assert_approx_eq!|assert_relative_eq!|assert_abs_diff_eq!)\s*\(.*,.*,\s*(\d[\d._]*(?:[eE][-+]?\d+)?)[fFdD]?\s*\)",
    r"\b(?:closeTo|approximately|isCloseTo)\s*\([^,]*,\s*(\d[\d._]*(?:[eE][-+]?\d+)?)",
    r"(?i)\babs\b[^<>]*[<>]=?\s*(\d[\d._]*(?:e[-+]?\d+)?)",
];

/// Digits that must agree: fewer are laxer.
const DIGITS: &str = r"\b(?:places|precision|decimal|significant)\b\s*[=:]\s*(\d+)|\btoBeCloseTo\([^,)]+,\s*(\d+)|\bassertAlmostEqual\(.*,.*,\s*(\d+)\s*\)";

/// What tests stand in.
const SCOPE: &str = r#"(?m)^\s*(?:[\w@]+\s+)*(?:class|mod|namespace|interface|record)\s+(\w+)|\b(?:describe|suite|context)(?:\.\w+)*\s*\(\s*['"`]([^'"`]+)"#;

struct Patterns {
    name: Regex,
    assertion: Regex,
    tolerances: Vec<Regex>,
    digits: Regex,
    scope: Regex,
    literal: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    // The patterns are constant and a test compiles them.
    Some(Patterns {
        name: Regex::new(TEST_NAME).ok()?,
        assertion: Regex::new(ASSERTION).ok()?,
        tolerances: TOLERANCES.iter().map(|t| Regex::new(t).ok()).collect::<Option<_>>()?,
        digits: Regex::new(DIGITS).ok()?,
        scope: Regex::new(SCOPE).ok()?,
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
    let trees = language.whole_outline(before).zip(language.whole_outline(after));
    if let Some((had, has)) = &trees
        && let Some(rejection) = by_syntax(change, language, had, has)
    {
        return Some(rejection);
    }
    let (before, after) = (uncommented(language, before), uncommented(language, after));
    // What stands in what, the trees have told; where brackets do not match, nobody can say it.
    let nested = trees.is_none() && [&before, &after].iter().all(|text| is_balanced(language, text));
    let (had, has) = (names(patterns, language, &before, nested), names(patterns, language, &after, nested));
    for (name, count) in &had {
        if has.get(name).is_none_or(|now| now < count) {
            let what = format!("the test `{}` is removed or renamed", one_line(name, 80));
            return Some(weakening(change, "removed-test", None, what));
        }
    }
    // Of two definitions in one place Python keeps the last.
    if language == Language::Python && nested {
        for (name, count) in &has {
            if *count > 1 && had.get(name).is_none_or(|was| was < count) {
                let what =
                    format!("the test `{}` is defined once more, which hides the first", one_line(name, 80));
                return Some(weakening(change, "removed-test", None, what));
            }
        }
    }
    let assertions = |text: &str| patterns.assertion.find_iter(text).count();
    let (had, has) = (assertions(&before), assertions(&after));
    if has < had {
        return Some(weakening(change, "removed-assertion", None, format!("{had} assertions become {has}")));
    }
    widened(patterns, diff).map(|(line, old, new)| {
        weakening(change, "widened-tolerance", Some(line), format!("{old} becomes {new}"))
    })
}

/// What the trees of both sides tell, where both can be read: a test in a comment or in a string is none. Whatever
/// only looks like a test or an assertion is held against its words below.
fn by_syntax(
    change: &FileChange,
    language: Language,
    before: &Outline,
    after: &Outline,
) -> Option<Rejection> {
    let counted = |outline: &Outline| {
        let mut counts: BTreeMap<(TestKind, String), usize> = BTreeMap::new();
        for test in outline.tests.iter().filter(|test| test.kind != TestKind::SetUp) {
            // By what it stands in, as a file may move to another package.
            let path: Vec<&str> = test.suites.iter().chain([&test.name]).map(String::as_str).collect();
            *counts.entry((test.kind, path.join(" > "))).or_default() += 1;
        }
        counts
    };
    let (had, has) = (counted(before), counted(after));
    if let Some(((_, id), _)) = had.iter().find(|(key, count)| has.get(*key).is_none_or(|now| now < *count)) {
        let what = format!("the test `{}` is removed or renamed", one_line(id, 80));
        return Some(weakening(change, "removed-test", None, what));
    }
    let is_hidden = |(key, count): &(&(TestKind, String), &usize)| {
        **count > 1 && had.get(key).is_none_or(|was| was < *count)
    };
    if language == Language::Python
        && let Some(((_, id), _)) = has.iter().find(is_hidden)
    {
        let what = format!("the test `{}` is defined once more, which hides the first", one_line(id, 80));
        return Some(weakening(change, "removed-test", None, what));
    }
    let (had, has) = (before.assertions.len(), after.assertions.len());
    (has < had)
        .then(|| weakening(change, "removed-assertion", None, format!("{had} assertions become {has}")))
}

fn is_balanced(language: Language, text: &str) -> bool {
    let code = code_only(language, text);
    let count = |c: char| code.iter().map(|line| line.matches(c).count()).sum::<usize>();
    language.indents() || count('{') == count('}')
}

/// Names of tests and how often each stands, with the classes, modules and groups they stand in.
fn names(patterns: &Patterns, language: Language, text: &str, nested: bool) -> BTreeMap<String, usize> {
    let code = code_only(language, text);
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let line_of = |at: usize| starts.partition_point(|start| *start <= at) - 1;
    // What a line stands in: by indentation, or by how many braces are open where it begins.
    let depths: Vec<usize> = if language.indents() {
        text.split('\n').map(|line| indent_of(line).len()).collect()
    } else {
        let mut open = 0_usize;
        let mut depths = Vec::with_capacity(code.len());
        for line in &code {
            let closes = line.trim_start().chars().take_while(|c| *c == '}').count();
            depths.push(open.saturating_sub(closes));
            for c in line.chars() {
                match c {
                    '{' => open += 1,
                    '}' => open = open.saturating_sub(1),
                    _ => {}
                }
            }
        }
        depths
    };
    let first = |c: &regex::Captures<'_>| {
        c.iter().skip(1).flatten().next().map(|m| (m.start(), m.as_str().to_owned()))
    };
    let mut found: BTreeMap<usize, (String, bool)> = BTreeMap::new();
    for (at, name) in patterns.scope.captures_iter(text).filter_map(|c| first(&c)) {
        found.insert(at, (name, false));
    }
    for (at, name) in patterns.name.captures_iter(text).filter_map(|c| first(&c)) {
        found.insert(at, (name, true));
    }
    let mut counts = BTreeMap::new();
    let mut inside: Vec<(usize, String)> = Vec::new();
    for (at, (name, is_test)) in found {
        let depth = depths.get(line_of(at)).copied().unwrap_or_default();
        inside.retain(|(d, _)| *d < depth);
        inside.push((depth, name));
        if is_test {
            if !nested {
                inside.drain(..inside.len() - 1);
            }
            let path: Vec<&str> = inside.iter().map(|(_, name)| name.as_str()).collect();
            *counts.entry(path.join(" > ")).or_default() += 1;
        }
    }
    counts
}

/// Every tolerance on a line: larger is laxer, also where the source counts digits.
fn tolerances(patterns: &Patterns, line: &str) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    let shape =
        |at: &regex::Match<'_>| format!("{}¤{}", &line[..at.start()], &line[at.end()..]).trim().to_owned();
    for pattern in &patterns.tolerances {
        for width in pattern.captures_iter(line).filter_map(|c| c.get(1)) {
            let number = width.as_str().replace('_', "");
            if let Ok(value) = number.trim_end_matches('.').parse() {
                found.push((shape(&width), value));
            }
        }
    }
    for captures in patterns.digits.captures_iter(line) {
        let digits = captures.iter().skip(1).flatten().next();
        if let Some((at, value)) = digits.and_then(|m| Some((m, m.as_str().parse::<i32>().ok()?))) {
            found.push((shape(&at), 10_f64.powi(value.saturating_neg())));
        }
    }
    found
}

/// A tolerance that is wider than it was: held against that of the same statement; a statement that is new is held
/// against the narrowest that went.
fn widened(patterns: &Patterns, diff: &LineDiff<'_>) -> Option<(u32, f64, f64)> {
    let mut gone: Vec<(String, f64)> =
        diff.removed().iter().flat_map(|(_, line)| tolerances(patterns, line)).collect();
    let mut unknown = Vec::new();
    for (line, text) in diff.added() {
        for (shape, new) in tolerances(patterns, text) {
            match gone.iter().position(|(s, _)| *s == shape) {
                Some(i) => {
                    let (_, old) = gone.remove(i);
                    if new > old {
                        return Some((line, old, new));
                    }
                }
                None => unknown.push((line, new)),
            }
        }
    }
    unknown.into_iter().find_map(|(line, new)| {
        gone.iter().map(|(_, old)| *old).filter(|old| new > *old).reduce(f64::min).map(|old| (line, old, new))
    })
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
    fn what_is_put_into_a_comment_or_a_string_is_removed() {
        for (path, before, after, rule_of) in [
            (
                "a.test.js",
                "it('a', () => {\n  expect(f()).toBe(1);\n});\n",
                "/*\nit('a', () => {\n  expect(f()).toBe(1);\n});\n*/\n",
                "removed-test",
            ),
            (
                "test_a.py",
                "def test_a():\n    assert f()\n\n\ndef test_b():\n    assert g()\n",
                "def test_a():\n    assert f()\n\n\n\"\"\"\ndef test_b():\n    assert g()\n\"\"\"\n",
                "removed-test",
            ),
            (
                "a_test.go",
                "package a\n\nfunc TestA(t *testing.T) {\n\tif f() != 1 {\n\t\tt.Fatal(1)\n\t}\n}\n",
                "package a\n\nfunc TestA(t *testing.T) {\n\tif f() != 1 {\n\t\t/* t.Fatal(1) */\n\t}\n}\n",
                "removed-assertion",
            ),
            (
                "tests/a.rs",
                "#[test]\nfn a() {\n    assert!(f());\n}\n",
                "#[test]\nfn a() {\n    let _ = \"assert!(f());\";\n}\n",
                "removed-assertion",
            ),
        ] {
            assert_eq!(rule(path, before, after).as_deref(), Some(rule_of), "{path}");
            assert_eq!(rule(path, after, before), None, "{path}");
        }
    }

    #[test]
    fn tolerances_may_shrink_only() {
        let wide = |n: &str| format!("def test_a():\n    assert f() == approx(1, abs={n})\n");
        assert_eq!(rule("test_a.py", &wide("0.01"), &wide("0.5")).as_deref(), Some("widened-tolerance"));
        assert_eq!(rule("test_a.py", &wide("0.5"), &wide("0.01")), None);
        let close = |n: &str| format!("it('a', () => {{\n  expect(f()).toBeCloseTo(1.5, {n});\n}});\n");
        assert_eq!(rule("a.test.ts", &close("5"), &close("1")).as_deref(), Some("widened-tolerance"));
        for (path, test, narrow, wide) in [
            ("ATest.java", "@Test\nvoid a() {\n  assertEquals(1.5, f(), ¤);\n}\n", "0.01", "1.0"),
            ("a_test.go", "func TestA(t *testing.T) {\n\tassert.InDelta(t, 1.5, f(), ¤)\n}\n", "0.01", "1"),
            (
                "a_test.go",
                "func TestA(t *testing.T) {\n\tif math.Abs(f()-1.5) > ¤ {\n\t\tt.Fatal()\n\t}\n}\n",
                "0.01",
                "1",
            ),
            ("tests/a.rs", "#[test]\nfn a() {\n    assert!((f() - 1.5).abs() < ¤);\n}\n", "1e-9", "0.5"),
            ("a.test.js", "it('a', () => {\n  expect(f()).to.be.closeTo(1.5, ¤);\n});\n", "0.01", "1"),
        ] {
            let (narrow, wide) = (test.replace('¤', narrow), test.replace('¤', wide));
            assert_eq!(rule(path, &narrow, &wide).as_deref(), Some("widened-tolerance"), "{wide}");
            assert_eq!(rule(path, &wide, &narrow), None, "{narrow}");
        }
    }

    #[test]
    fn tolerances_belong_to_their_statement() {
        let two = |a: &str, b: &str| format!("def test_a():\n{a}\n{b}\n");
        let f = |n: &str| format!("    assert f() == approx(1, abs={n})");
        let g = |n: &str| format!("    assert g() == approx(1, abs={n})");
        let before = two(&f("0.01"), &g("0.5"));
        assert_eq!(
            rule("test_a.py", &before, &two(&g("0.4"), &f("0.3"))).as_deref(),
            Some("widened-tolerance")
        );
        assert_eq!(rule("test_a.py", &before, &two(&g("0.5"), &f("0.01"))), None, "moved");
        // Written anew beside it.
        let anew = "    wanted = approx(1, abs=0.3)\n    assert f() == wanted".to_owned();
        assert_eq!(rule("test_a.py", &before, &two(&anew, &g("0.5"))).as_deref(), Some("widened-tolerance"));
    }

    #[test]
    fn tests_belong_to_their_class() {
        let py = "class TestA:\n    def test_x(self):\n        assert f()\n\n\nclass TestB:\n    def test_x(self):\n        assert g()\n\n    def help(self):\n        assert h()\n";
        let less = py.replacen("    def test_x(self):\n        assert f()\n", "    y = 1\n", 1);
        let less = less.replace("assert h()", "assert h()\n        assert h()");
        assert_eq!(rule("test_a.py", py, &less).as_deref(), Some("removed-test"));
        let twice = format!("{py}\n    def test_x(self):\n        assert 1 == 1\n");
        assert_eq!(rule("test_a.py", py, &twice).as_deref(), Some("removed-test"));
        let js = "describe('a', () => {\n  it('x', () => {\n    expect(f()).toBe(1);\n  });\n});\ndescribe('b', () => {\n  it('x', () => {\n    expect(g()).toBe(1);\n  });\n});\n";
        let moved = js.replacen("it('x'", "check('x'", 1);
        assert_eq!(rule("a.test.js", js, &moved).as_deref(), Some("removed-test"));
        assert_eq!(rule("a.test.js", js, &js.replace("f()", "f(1)")), None);
        // A bracket that was missing moves all that follows.
        assert_eq!(rule("a.test.js", &js.replacen("});\n});", "});\n", 1), js), None);
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
