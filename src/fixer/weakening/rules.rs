//! Words that must not be added, one row each.

use std::sync::LazyLock;

use regex::Regex;

use super::{Place, weakening};
use crate::contract::fix::{FileChange, Rejection};
use crate::diff::LineDiff;
use crate::fixer::language::Language::{self, Go, Java, JavaScript, Other, Python, Rust, TypeScript};
use crate::fixer::sanitize::one_line;

struct Row {
    /// The rule's name in reports.
    rule: &'static str,
    /// Empty: any file.
    languages: &'static [Language],
    /// `None`: anywhere.
    place: Option<Place>,
    pattern: &'static str,
}

const SCRIPT: &[Language] = &[JavaScript, TypeScript];
const ANY: &[Language] = &[];

const fn row(rule: &'static str, languages: &'static [Language], pattern: &'static str) -> Row {
    Row { rule, languages, place: None, pattern }
}

const fn placed(
    rule: &'static str,
    languages: &'static [Language],
    place: Place,
    pattern: &'static str,
) -> Row {
    Row { rule, languages, place: Some(place), pattern }
}

const ROWS: &[Row] = &[
    // Tests skipped, or others picked out.
    row(
        "skipped-test",
        &[Python],
        r"pytest\.mark\.(skip|skipif|xfail)\b|\bpytest\.(skip|xfail|importorskip)\s*\(",
    ),
    row(
        "skipped-test",
        &[Python],
        r"\bunittest\.(skip|skipIf|skipUnless|expectedFailure|SkipTest)\b|\.skipTest\s*\(|^\s*@(skip|skipIf|skipUnless|expectedFailure)\b|\b__test__\s*=\s*False",
    ),
    row(
        "skipped-test",
        SCRIPT,
        r"\b(it|test|describe|suite|context|specify|bench)\s*\.\s*(skip|todo|fixme|fails|skipIf|runIf|failing)\b",
    ),
    row("skipped-test", SCRIPT, r"\b(xit|xtest|xdescribe|xcontext|xspecify)\s*\("),
    row(
        "skipped-test",
        SCRIPT,
        r"\bthis\.skip\s*\(|\bt\.skip\s*\(|\bpending\s*\(|[{,]\s*(skip|todo)\s*:\s*(true|['\x22])",
    ),
    row(
        "focused-test",
        SCRIPT,
        r"\b(it|test|describe|suite|context|specify)\s*\.\s*only\b|\b(fit|fdescribe|ftest)\s*\(|[{,]\s*only\s*:\s*true",
    ),
    row("skipped-test", &[Rust], r"#\[\s*ignore\b|\bcfg_attr\([^)]*\bignore\b"),
    row("skipped-test", &[Go], r"\b\w+\.(Skip|SkipNow|Skipf)\s*\(|testing\.Short\s*\("),
    row(
        "skipped-test",
        &[Java],
        r"@(Disabled|Ignore)\b|@(Disabled|Enabled)(If|On|For)\w*|\bassume(True|False|That|NoException)\s*\(|@Test\s*\([^)]*enabled\s*=\s*false|\bSkipException\b|\bTestAbortedException\b",
    ),
    // Findings suppressed in source.
    row(
        "suppression",
        &[Python],
        r"#\s*(type:\s*ignore|noqa\b|pylint:\s*(disable|skip)|pyright:\s*(ignore|basic)|mypy:|ruff:\s*noqa|flake8:\s*noqa|nosec\b|pragma:\s*no\s*cover|fmt:\s*(off|skip)|yapf:\s*disable|isort:\s*skip|ty:\s*ignore|pyrefly:\s*ignore)",
    ),
    row(
        "suppression",
        &[Python],
        r"\bcast\(\s*(typing\.)?Any\b|(:|->)\s*(typing\.)?Any\s*([=:,)]|$)|@(typing\.)?no_type_check\b|\bwarnings\.(filterwarnings|simplefilter)\s*\(\s*['\x22]ignore",
    ),
    row(
        "suppression",
        SCRIPT,
        r"(eslint|oxlint|tslint|biome|prettier|stylelint|jshint|deno-lint)[-:](disable|ignore)|@ts-(ignore|expect-error|nocheck)|\b(istanbul|c8|v8|node:coverage)\s+ignore|\$Flow(FixMe|Ignore)",
    ),
    row(
        "suppression",
        &[TypeScript],
        r"\bas\s+(any|unknown\s+as|never)\b|:\s*any\s*([=;,)\]{]|$)|<any>\s*[\w(\[{]",
    ),
    row(
        "suppression",
        &[Rust],
        r"#!?\[\s*(allow|expect)\s*\(|cfg_attr\([^)]*\b(allow|expect)\s*\(|#!?\[\s*rustfmt::skip|rustfmt_skip",
    ),
    row("suppression", &[Go], r"//\s*(nolint\b|lint:(file-)?ignore|nosec\b|#nosec|revive:disable)"),
    row(
        "suppression",
        &[Java],
        r"@SuppressWarnings\b|@SuppressFBWarnings\b|@SuppressLint\b|\bNOSONAR\b|\bNOPMD\b|CHECKSTYLE[.:]?\s*(OFF|SUPPRESS)|//\s*noinspection\b",
    ),
    // The shell's and CI's ways to look away.
    row(
        "ignored-failure",
        ANY,
        r"\|\|\s*(true|:|exit\s+0|echo\b)|\bcontinue-on-error\b|\bset\s+\+e\b|\ballow_failure\b|--exit-zero\b|--passWithNoTests\b|--no-verify\b|--skip-?[tT]ests?\b|-DskipTests|-Dmaven\.test\.skip|testFailureIgnore|maven\.test\.failure\.ignore",
    ),
    // Ending the process before the verdict.
    row(
        "early-exit",
        &[Python],
        r"\b(os\._exit|sys\.exit)\s*\(\s*0?\s*\)|^\s*(exit|quit)\s*\(\s*0?\s*\)|\braise\s+SystemExit(\s*\(\s*0?\s*\))?\s*$|\bpytest\.exit\s*\(|\bos\.kill\s*\(",
    ),
    row(
        "early-exit",
        SCRIPT,
        r"\bprocess\.(exit|kill|abort)\s*\(\s*0?\s*\)|\bprocess\.exitCode\s*=\s*0|\bprocess\.on\s*\(\s*['\x22](exit|beforeExit|uncaughtException|unhandledRejection)",
    ),
    row("early-exit", &[Rust], r"\bprocess::exit\s*\(\s*0\s*\)|\bpanic::set_hook\b|\bcatch_unwind\b"),
    row("early-exit", &[Go], r"\bos\.Exit\s*\(\s*0\s*\)|\bruntime\.Goexit\s*\(|\bsyscall\.Exit\s*\(\s*0"),
    row("early-exit", &[Java], r"\bSystem\.exit\s*\(\s*0\s*\)|\bRuntime\.getRuntime\(\)\.(halt|exit)\s*\("),
    // Code that asks whether it is being tested.
    placed(
        "detects-tests",
        &[Python],
        Place::Source,
        r#"PYTEST_CURRENT_TEST|['"](pytest|unittest|_pytest)['"]\s+in\s+sys\.modules|\bsys\.modules\b.*(pytest|unittest)|\binspect\.(stack|currentframe)\s*\(|\bsys\._getframe\s*\("#,
    ),
    placed(
        "detects-tests",
        SCRIPT,
        Place::Source,
        r#"\b(JEST_WORKER_ID|VITEST\b|NODE_TEST_CONTEXT|MOCHA_|npm_lifecycle_event)|NODE_ENV\s*[=!]==?\s*['"]test|\bimport\.meta\.vitest\b|\bnew\s+Error\(\)\.stack\b"#,
    ),
    placed(
        "detects-tests",
        &[Rust],
        Place::Source,
        r#"\bcfg!\s*\(\s*(not\s*\(\s*)?test\b|#\[cfg\(\s*not\s*\(\s*test\s*\)\s*\)\]|\bcfg\(any\(\)\)|\b(NEXTEST|CARGO_TARGET_TMPDIR|RUST_TEST_THREADS)\b"#,
    ),
    placed(
        "detects-tests",
        &[Go],
        Place::Source,
        r#"\btesting\.(Testing|Short|Benchmark)\s*\(|flag\.Lookup\(\s*"test\.|HasSuffix\(os\.Args\[0\],\s*"\.test"#,
    ),
    placed(
        "detects-tests",
        &[Java],
        Place::Source,
        r"\bgetStackTrace\s*\(|\bStackWalker\b|surefire\.|org\.junit",
    ),
    placed(
        "detects-tests",
        ANY,
        Place::Source,
        r#"(getenv|environ(\.get)?|process\.env|env::var(_os)?|Getenv|LookupEnv)\b[^\n]{0,12}['".\[(]+(CI|GITHUB_ACTIONS|CI_HEALER)\b"#,
    ),
    // Judges tampered with from the code under test.
    row(
        "rigged-judge",
        &[Python],
        r"def\s+pytest_\w+\s*\(|\bcollect_ignore(_glob)?\b|\batexit\.register\b|\bunittest\.(TestCase|mock)\.\w+\s*=|\bTestCase\.(assert|fail)\w*\s*=|\bbuiltins\.\w+\s*=|\bimportlib\.reload\b|\bsys\.settrace\b|\bfaulthandler\b",
    ),
    row(
        "rigged-judge",
        SCRIPT,
        r"\b(global|globalThis|window)\s*\.\s*(expect|it|test|describe|assert)\s*=|\bassert\.\w+\s*=[^=]|\bexpect\s*=[^=]|expect\.extend\s*\(|\bObject\.is\s*=[^=]|\brequire\.cache\b",
    ),
    row("rigged-judge", &[Rust], r"macro_rules!\s+(assert|assert_eq|assert_ne|panic|debug_assert\w*)\b"),
    row(
        "rigged-judge",
        &[Go],
        r"\bfunc\s+TestMain\s*\(|^\s*//go:build\s+(ignore|never)|^\s*//\s*\+build\s+ignore",
    ),
    row(
        "always-equal",
        &[Python],
        r"def\s+__(eq|ne|lt|le|gt|ge|contains|bool|hash)__\s*\([^)]*\)[^:]*:\s*return\s+(True|False|0|1)\b",
    ),
    row("always-equal", &[Java], r"boolean\s+equals\s*\([^)]*\)\s*\{\s*return\s+true"),
    // Stubs that compile and do nothing.
    placed("stub", &[Rust], Place::Source, r"\b(todo|unimplemented)!\s*[(\[{]"),
    placed("stub", &[Python], Place::Source, r"\braise\s+NotImplementedError\b"),
    placed("stub", SCRIPT, Place::Source, r#"throw\s+new\s+Error\(\s*['"`](not implemented|todo)"#),
    placed("stub", &[Java], Place::Source, r"throw\s+new\s+UnsupportedOperationException\b"),
    placed("stub", &[Go], Place::Source, r#"panic\(\s*"(not implemented|todo|unimplemented)"#),
    // Assertions that cannot fail, or fail less.
    placed(
        "loosened-assertion",
        &[Python],
        Place::Test,
        r"\bassert\s+(True|1|not\s+False|not\s+None)\b|\bassert\b.*\bor\s+(True|1)\b|\bassertTrue\s*\(\s*True|\bassertFalse\s*\(\s*False|\bassert\s*\(.*,.*\)\s*$",
    ),
    placed(
        "loosened-assertion",
        &[Python],
        Place::Test,
        r"\bassert(NotEqual|IsNotNone|IsInstance|In|Greater\w*|Less\w*|AlmostEqual|NotIn|Regex)\s*\(|\bassert\b.*(!=|>=|<=|\bis not None\b|\bisinstance\()|\bmock\.ANY\b|\bapprox\(",
    ),
    placed(
        "loosened-assertion",
        SCRIPT,
        Place::Test,
        r"\.(toBeDefined|toBeTruthy|toBeFalsy|not|toBeGreaterThan\w*|toBeLessThan\w*|toBeCloseTo|toBeInstanceOf|toMatchObject|toContain)\b|\bexpect\.(any|anything|objectContaining|arrayContaining)\b|expect\(\s*(true|1)\s*\)|\bassert\.(ok|notEqual|notStrictEqual|doesNotThrow)\s*\(|\bassert\(\s*true",
    ),
    placed(
        "loosened-assertion",
        &[Rust],
        Place::Test,
        r"\bassert_ne!|\bassert!\s*\(\s*true|\bassert!\(.*(>=|<=|!=|\.is_ok\(\)|\.is_some\(\)|\|\|)|#\[should_panic",
    ),
    placed(
        "loosened-assertion",
        &[Java],
        Place::Test,
        r"\bassert(NotNull|NotEquals|NotSame|DoesNotThrow|InstanceOf)\s*\(|\bassertTrue\s*\(\s*true|\bassertFalse\s*\(\s*false|\bassertThat\(.*(anything|notNullValue|isNotNull|isNotEqualTo|isGreaterThan\w*|isLessThan\w*|isCloseTo)|\bany\w*\(\)|@Test\s*\(\s*expected",
    ),
    placed(
        "swallowed-failure",
        &[Python],
        Place::Test,
        r"\bexcept\b\s*(AssertionError|Exception|BaseException)?\s*(as\s+\w+)?\s*:|\bcontextlib\.suppress\b|\bsuppress\s*\(",
    ),
    placed("swallowed-failure", SCRIPT, Place::Test, r"\bcatch\b\s*(\(\w*\))?\s*\{|\.catch\s*\("),
    placed("swallowed-failure", &[Java], Place::Test, r"\bcatch\s*\("),
    placed("swallowed-failure", &[Go], Place::Test, r"\brecover\s*\("),
    placed("emptied-test", &[Python], Place::Test, r"^\s*(pass|\.\.\.|return(\s+(None|True))?)\s*(#.*)?$"),
    placed(
        "emptied-test",
        &[JavaScript, TypeScript, Java, Go, Rust],
        Place::Test,
        r"^\s*return\s*(\(\s*\))?\s*;?\s*$|=>\s*\{\s*\}|\)\s*(error)?\s*\{\s*\}",
    ),
    // Coverage and other thresholds in whatever file.
    row(
        "lowered-threshold",
        &[Other],
        r"\b(fail[_-]under|coverageThreshold|minimum_coverage|max-warnings)\b",
    ),
];

static COMPILED: LazyLock<Vec<(&'static Row, Regex)>> = LazyLock::new(|| {
    // The table is constant and a test compiles every row.
    ROWS.iter().filter_map(|row| Some((row, Regex::new(row.pattern).ok()?))).collect()
});

pub(super) fn find(change: &FileChange, diff: &LineDiff<'_>, place: Place) -> Option<Rejection> {
    let language = Language::of(change.path.as_str());
    let (removed, added) = (diff.removed(), diff.added());
    for (row, pattern) in COMPILED.iter() {
        let fits = (row.languages.is_empty() || row.languages.contains(&language))
            && row.place.is_none_or(|p| p == place);
        if !fits {
            continue;
        }
        let count = |lines: &[(u32, &str)]| lines.iter().filter(|(_, l)| pattern.is_match(l)).count();
        if count(&added) > count(&removed) {
            let known: Vec<&str> = removed.iter().map(|(_, l)| l.trim()).collect();
            let hit = added.iter().find(|(_, l)| pattern.is_match(l) && !known.contains(&l.trim()));
            let (line, text) = hit.or_else(|| added.iter().find(|(_, l)| pattern.is_match(l)))?;
            return Some(weakening(change, row.rule, Some(*line), one_line(text, 120)));
        }
    }
    across_lines(change, &added)
}

/// Two lines that are harmless alone: a comparison that is always true.
fn across_lines(change: &FileChange, added: &[(u32, &str)]) -> Option<Rejection> {
    let head = ["def __eq__", "def __ne__", "boolean equals("];
    for pair in added.windows(2) {
        let [(line, first), (_, second)] = pair else { continue };
        let second = second.trim().trim_end_matches(';');
        if head.iter().any(|h| first.contains(h))
            && matches!(second, "return True" | "return true" | "return False")
        {
            return Some(weakening(change, "always-equal", Some(*line), one_line(first, 120)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::git::RepoPath;

    #[test]
    fn every_row_compiles() {
        for row in ROWS {
            assert!(Regex::new(row.pattern).is_ok(), "{}: {}", row.rule, row.pattern);
        }
        assert_eq!(COMPILED.len(), ROWS.len());
    }

    fn added(path: &str, place: Place, line: &str) -> Option<String> {
        let change = FileChange {
            path: RepoPath::new(path).unwrap(),
            before: Some("first\n".to_owned()),
            after: Some(format!("first\n{line}\n")),
        };
        match find(&change, &LineDiff::of(&change), place) {
            Some(Rejection::TestWeakening { rule, .. }) => Some(rule),
            other => {
                assert_eq!(other, None);
                None
            }
        }
    }

    #[test]
    fn what_looks_away_is_found() {
        use Place::{Source, Test};
        for (path, place, line, rule) in [
            ("a.py", Test, "@pytest.mark.skip(reason='flaky')", "skipped-test"),
            ("a.py", Test, "    self.skipTest('x')", "skipped-test"),
            ("a.py", Source, "x = f()  # type: ignore", "suppression"),
            ("a.py", Source, "import os  # noqa: F401", "suppression"),
            ("a.py", Source, "    os._exit(0)", "early-exit"),
            ("a.py", Source, "if 'pytest' in sys.modules:", "detects-tests"),
            ("a.py", Source, "    if os.environ.get('CI'):", "detects-tests"),
            ("a.py", Source, "def __eq__(self, other): return True", "always-equal"),
            ("a.py", Source, "    def __eq__(self, other):\n        return True", "always-equal"),
            ("a.py", Test, "    assert True", "loosened-assertion"),
            ("a.py", Test, "    except AssertionError:", "swallowed-failure"),
            ("a.ts", Source, "// @ts-ignore", "suppression"),
            ("a.ts", Source, "const a = b as any;", "suppression"),
            ("a.js", Source, "/* eslint-disable */", "suppression"),
            ("a.test.js", Test, "it.skip('works', () => {", "skipped-test"),
            ("a.test.js", Test, "xit('works', () => {", "skipped-test"),
            ("a.test.js", Test, "describe.only('x', () => {", "focused-test"),
            ("a.js", Source, "process.exit(0)", "early-exit"),
            ("a.js", Source, "if (process.env.NODE_ENV === 'test') {", "detects-tests"),
            ("a.rs", Source, "#[allow(unused)]", "suppression"),
            ("a.rs", Test, "#[ignore]", "skipped-test"),
            ("a.rs", Source, "if cfg!(test) {", "detects-tests"),
            ("a.rs", Source, "    todo!()", "stub"),
            ("a.go", Source, "x := f() //nolint:errcheck", "suppression"),
            ("a_test.go", Test, "\tt.Skip(\"later\")", "skipped-test"),
            ("A.java", Source, "@SuppressWarnings(\"unchecked\")", "suppression"),
            ("ATest.java", Test, "@Disabled", "skipped-test"),
            ("run.txt", Source, "pytest || true", "ignored-failure"),
        ] {
            assert_eq!(added(path, place, line).as_deref(), Some(rule), "{path}: {line}");
        }
    }

    #[test]
    fn honest_lines_pass() {
        for (path, line) in [
            ("a.py", "    return a + b"),
            ("a.py", "import os"),
            ("a.py", "    except ValueError:"),
            ("a.py", "    if value is not None and value >= 3:"),
            ("a.py", "    sys.exit(1)"),
            ("a.py", "    sys.exit(main())"),
            ("a.js", "  if (a || b) {"),
            ("a.js", "const exists = list.some((x) => x.only);"),
            ("a.ts", "const n: number = Number(value);"),
            ("a.rs", "    let x = values.iter().skip(1).sum::<u32>();"),
            ("a.rs", "use std::collections::HashMap;"),
            ("a.go", "\tif err != nil { return err }"),
            ("A.java", "    return Math.max(a, b);"),
            ("A.java", "    } catch (IOException e) {"),
            ("a.js", "  skip: 10,"),
        ] {
            assert_eq!(added(path, Place::Source, line), None, "{path}: {line}");
        }
    }

    #[test]
    fn moving_a_line_is_no_finding() {
        let change = FileChange {
            path: RepoPath::new("a.py").unwrap(),
            before: Some("import os  # noqa\nx = 1\ny = 2\n".to_owned()),
            after: Some("x = 1\ny = 2\nimport os  # noqa\n".to_owned()),
        };
        assert_eq!(find(&change, &LineDiff::of(&change), Place::Source), None);
    }
}
