//! Words that must not be added, one row each.

use super::FileRole;
use crate::fixer::language::Language::{self, Go, Java, JavaScript, Other, Python, Rust, TypeScript};

pub(super) struct Row {
    /// The rule's name in reports.
    pub(super) rule: &'static str,
    /// Empty: any file.
    pub(super) languages: &'static [Language],
    /// `None`: anywhere.
    pub(super) role: Option<FileRole>,
    /// Looks at the text as it stands, line by line, comments too; else at statements without comments and empty
    /// lines, so that nothing harmless between two lines hides what they do together.
    pub(super) raw: bool,
    pub(super) pattern: &'static str,
}

const SCRIPT: &[Language] = &[JavaScript, TypeScript];
const ANY: &[Language] = &[];

const fn row(rule: &'static str, languages: &'static [Language], pattern: &'static str) -> Row {
    Row { rule, languages, role: None, raw: false, pattern }
}

const fn raw(rule: &'static str, languages: &'static [Language], pattern: &'static str) -> Row {
    Row { rule, languages, role: None, raw: true, pattern }
}

const fn placed(
    rule: &'static str,
    languages: &'static [Language],
    role: FileRole,
    pattern: &'static str,
) -> Row {
    Row { rule, languages, role: Some(role), raw: false, pattern }
}

pub(super) const ROWS: &[Row] = &[
    // Tests skipped, or others picked out.
    row(
        "skipped-test",
        &[Python],
        r"\bmark\.(skip|skipif|xfail)\b|\bpytest\.(skip|xfail|importorskip)\s*\(|\bimport\s+(_?pytest|unittest)\s+as\b|\bfrom\s+(_?pytest|unittest)\b[^\n]*\bimport\b[^\n]*\b(skip\w*|xfail|importorskip|SkipTest|expectedFailure)\b|\braise\s+\w*\.?(SkipTest|Skipped)\b|^\s*(del\s+(\w+\.)?test\w*|test\w*\s*=\s*None)\b",
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
        r"@(Disabled|Ignore)\b|@(Disabled|Enabled)(If|On|For)\w*|\bassume(True|False|That|NoException)\s*\(|@Test\s*\([^)]*enabled\s*=\s*false|\bSkipException\b|\bTestAbortedException\b|\bAssumptions?\.abort\b",
    ),
    // Findings suppressed in source.
    raw(
        "suppression",
        &[Python],
        r"#\s*(type:\s*ignore|noqa\b|pylint:\s*(disable|skip)|pyright:\s*(ignore|basic)|mypy:|ruff:\s*noqa|flake8:\s*noqa|nosec\b|pragma:\s*no\s*cover|fmt:\s*(off|skip)|yapf:\s*disable|isort:\s*skip|ty:\s*ignore|pyrefly:\s*ignore)",
    ),
    raw(
        "suppression",
        SCRIPT,
        r"/\*\s*(eslint|globals?|exported|jshint|jslint)\s|(eslint|oxlint|tslint|biome|prettier|stylelint|jshint|deno-lint)[-:](disable|ignore)|@ts-(ignore|expect-error|nocheck)|\b(istanbul|c8|v8|node:coverage)\s+ignore|\$Flow(FixMe|Ignore)",
    ),
    raw(
        "suppression",
        SCRIPT,
        r"@type\s*\{\s*(any|\*|Function|object)\s*\}|\bdeclare\s+module\s+['\x22]\*['\x22]",
    ),
    raw("suppression", &[Go], r"//\s*(nolint\b|lint:(file-)?ignore|nosec\b|#nosec|revive:disable)"),
    raw(
        "suppression",
        &[Java],
        r"@SuppressWarnings\b|@SuppressFBWarnings\b|@SuppressLint\b|\bNOSONAR\b|\bNOPMD\b|CHECKSTYLE[.:]?\s*(OFF|SUPPRESS)|//\s*noinspection\b",
    ),
    // The shell's and CI's ways to look away.
    raw(
        "suppression",
        ANY,
        r"\b(stylelint|markdownlint|htmlhint|yamllint|hadolint|shellcheck|checkov|tfsec|trivy|semgrep|codespell|cspell)[-: ]+(global\s+)?(disable|ignore|skip)",
    ),
    raw(
        "ignored-failure",
        ANY,
        r"\|\|\s*(true|:|exit\s+0|echo\b)|\bcontinue-on-error\b|\bset\s+\+e\b|\ballow_failure\b|--exit-zero\b|--passWithNoTests\b|--no-verify\b|--skip-?[tT]ests?\b|-DskipTests|-Dmaven\.test\.skip|testFailureIgnore|maven\.test\.failure\.ignore",
    ),
    // Code no rule can read.
    raw("hidden-code", &[Go], r"^\s*//go:linkname\b"),
    // Code that is left out.
    raw("excluded", &[Go], r"^\s*//go:build\s|^\s*//\s*\+build\s"),
    // Everything caught and dropped.
    row(
        "swallowed-failure",
        &[Python],
        r"\bexcept\s*(\(?\s*(AssertionError|Exception|BaseException)\b[^:\n]*)?:\s*(pass|\.\.\.|continue|return(\s+None)?)\s*$|\bsuppress\s*\(\s*(Exception|BaseException|AssertionError)\b",
    ),
    row(
        "swallowed-failure",
        SCRIPT,
        r"\.catch\s*\(\s*(\(\s*\w*\s*\)|\w+)\s*=>\s*(\{\s*\}|undefined|null)\s*\)|\.catch\s*\(\s*function\s*\([^)]*\)\s*\{\s*\}",
    ),
    row(
        "swallowed-failure",
        &[Java],
        r"\bcatch\s*\(\s*(final\s+)?(java\.lang\.)?(Exception|Throwable|RuntimeException|Error|AssertionError)\s+\w+\s*\)\s*\{\s*\}",
    ),
    row(
        "swallowed-failure",
        &[Go],
        r"\bif\s+(\w+\s*:?=[^;{]*;\s*)?err\s*!=\s*nil\s*\{\s*\}|^\s*(_\s*=\s*)?recover\s*\(\s*\)\s*$|\bdefer\s+recover\s*\(",
    ),
    // Stubs that compile and do nothing.
    placed("stub", &[Rust], FileRole::Source, r"\b(todo|unimplemented)!\s*[(\[{]"),
    placed("stub", SCRIPT, FileRole::Source, r#"throw\s+new\s+Error\(\s*['"`](not implemented|todo)"#),
    placed("stub", &[Java], FileRole::Source, r"throw\s+new\s+UnsupportedOperationException\b"),
    placed("stub", &[Go], FileRole::Source, r#"panic\(\s*"(not implemented|todo|unimplemented)"#),
    // Assertions that cannot fail, or fail less.
    placed(
        "loosened-assertion",
        &[Python],
        FileRole::Test,
        r"\bassert\s+(True|1|not\s+False|not\s+None)\b|\bassert\b.*\bor\s+(True|1)\b|\bassertTrue\s*\(\s*True|\bassertFalse\s*\(\s*False|\bassert\s*\(.*,.*\)\s*$",
    ),
    placed(
        "loosened-assertion",
        &[Python],
        FileRole::Test,
        r"\bassert(NotEqual|IsNotNone|IsInstance|In|Greater\w*|Less\w*|AlmostEqual|NotIn|Regex)\s*\(|\bassert\b.*(!=|>=|<=|\bis not None\b|\bisinstance\()|\bmock\.ANY\b|\bapprox\(",
    ),
    placed(
        "loosened-assertion",
        SCRIPT,
        FileRole::Test,
        r"\.(toBeDefined|toBeTruthy|toBeFalsy|not|toBeGreaterThan\w*|toBeLessThan\w*|toBeCloseTo|toBeInstanceOf|toMatchObject|toContain)\b|\bexpect\.(any|anything|objectContaining|arrayContaining)\b|expect\(\s*(true|1)\s*\)|\bassert\.(ok|notEqual|notStrictEqual|doesNotThrow)\s*\(|\bassert\(\s*true",
    ),
    placed(
        "loosened-assertion",
        &[Rust],
        FileRole::Test,
        r"\bassert_ne!|\bassert!\s*\(\s*true|\bassert!\(.*(>=|<=|!=|\.is_ok\(\)|\.is_some\(\)|\|\|)|#\[should_panic",
    ),
    placed(
        "loosened-assertion",
        &[Java],
        FileRole::Test,
        r"\bassert(NotNull|NotEquals|NotSame|DoesNotThrow|InstanceOf)\s*\(|\bassertTrue\s*\(\s*true|\bassertFalse\s*\(\s*false|\bassertThat\(.*(anything|notNullValue|isNotNull|isNotEqualTo|isGreaterThan\w*|isLessThan\w*|isCloseTo)|\bany\w*\(\)|@Test\s*\(\s*expected",
    ),
    placed(
        "swallowed-failure",
        &[Python],
        FileRole::Test,
        r"\bexcept\b\s*(AssertionError|Exception|BaseException)?\s*(as\s+\w+)?\s*:|\bcontextlib\.suppress\b|\bsuppress\s*\(",
    ),
    placed("swallowed-failure", SCRIPT, FileRole::Test, r"\bcatch\b\s*(\(\w*\))?\s*\{|\.catch\s*\("),
    placed("swallowed-failure", &[Java], FileRole::Test, r"\bcatch\s*\("),
    placed("swallowed-failure", &[Go], FileRole::Test, r"\brecover\s*\("),
    placed("emptied-test", &[Python], FileRole::Test, r"^\s*(pass|\.\.\.|return(\s+(None|True))?)\s*(#.*)?$"),
    placed(
        "emptied-test",
        &[JavaScript, TypeScript, Java, Go, Rust],
        FileRole::Test,
        r"^\s*return\s*(\(\s*\))?\s*;?\s*$|=>\s*\{\s*\}|\)\s*(error)?\s*\{\s*\}",
    ),
    // Coverage and other thresholds in whatever file.
    row(
        "lowered-threshold",
        &[Other],
        r"\b(fail[_-]under|coverageThreshold|minimum_coverage|max-warnings)\b",
    ),
];
