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
    row(
        "suppression",
        &[Python],
        r"\bcast\(\s*(typing\.)?Any\b|(:|->)\s*(typing\.)?Any\s*([=:,)]|$)|@(typing\.)?no_type_check\b|\bwarnings\.(filterwarnings|simplefilter)\s*\(\s*['\x22]ignore",
    ),
    raw(
        "suppression",
        SCRIPT,
        r"(eslint|oxlint|tslint|biome|prettier|stylelint|jshint|deno-lint)[-:](disable|ignore)|@ts-(ignore|expect-error|nocheck)|\b(istanbul|c8|v8|node:coverage)\s+ignore|\$Flow(FixMe|Ignore)",
    ),
    row(
        "suppression",
        &[TypeScript],
        r"\bas\s+(any|unknown\s+as|never)\b|:\s*any\s*(\[\])*\s*([=;,)\]{}>|&]|$)|<\s*any\s*>|<[^<>\n]*,\s*any\s*>",
    ),
    row(
        "suppression",
        &[Rust],
        r"#!?\[\s*(allow|expect)\s*\(|cfg_attr\([^)]*\b(allow|expect)\s*\(|#!?\[\s*rustfmt::skip|rustfmt_skip",
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
    // Ending the process before the verdict.
    row(
        "early-exit",
        &[Python],
        r#"\bos\._exit\b|\b\w+\._exit\s*\(\s*0\s*\)|\bbuiltins\.(exit|quit)\s*\(|\bfrom\s+sys\s+import\b[^\n]*\bexit\s+as\b|\bimport\b[^\n]*\b_exit\b|getattr\([^\n]*['"]_?exit\b|\b(sys\.exit)\s*\(\s*(0|None|False)?\s*\)|(^|[:;])\s*(exit|quit)\s*\(\s*0?\s*\)|\braise\s+SystemExit(\s*\(\s*(0|None)?\s*\))?\s*$|\bpytest\.exit\s*\(|\bos\.(kill|exec[lv]\w*|abort)\s*\("#,
    ),
    row(
        "early-exit",
        SCRIPT,
        r"\bprocess\.(exit|kill|abort)\s*\(\s*0?\s*\)|\breallyExit\b|\bprocess\s*\[\s*['\x22`](exit|kill|abort|reallyExit)|\{[^}]*\bexit\b[^}]*\}\s*(=\s*(globalThis\.)?process\b|=\s*require\(\s*['\x22](node:)?process|from\s*['\x22](node:)?process)|\b(Deno|Bun)\.exit\s*\(\s*0?\s*\)|\bprocess\.exitCode\s*=\s*(0|undefined|null)\b|\bprocess\.(on|once|addListener|prependListener)\s*\(\s*['\x22](exit|beforeExit|uncaughtException|unhandledRejection)",
    ),
    row(
        "early-exit",
        &[Rust],
        r"\b\w+::exit\s*\(\s*0\s*,?\s*\)|\buse\s+std::process::(\{[^}]*\b)?exit\b|\bset_hook\b|\bcatch_unwind\b|\blibc::_?exit\s*\(\s*0|\b_exit\s*\(\s*0",
    ),
    row(
        "early-exit",
        &[Go],
        r#"\b\w+\.Exit\s*\(\s*0\s*,?\s*\)|\bruntime\.Goexit\s*\(|\bsyscall\.(Exit\s*\(\s*0|Exec\s*\(|Kill\s*\()|^\s*\.\s*"(os|testing|syscall)"|\bimport\s+\.\s*"(os|testing|syscall)""#,
    ),
    row(
        "early-exit",
        &[Java],
        r"\bSystem\.exit\s*\(\s*0\s*\)|\bimport\s+static\s+java\.lang\.System\.(exit|\*)|\bset(Default)?UncaughtExceptionHandler\s*\(|\.halt\s*\(|\bRuntime\.getRuntime\(\)\.exit\s*\(",
    ),
    // Code that asks whether it is being tested.
    placed(
        "detects-tests",
        &[Python],
        FileRole::Source,
        r#"PYTEST|['"](pytest|unittest|_pytest)['"]\s+in\b|\bsys\.modules\b.*(pytest|unittest)|\binspect\.(stack|currentframe)\s*\(|\bsys\._(getframe|current_frames)\s*\(|\btraceback\.(extract_stack|format_stack|walk_stack)\s*\(|\bsys\.(gettrace|getprofile)\s*\(|\bsys\.argv\b.*test"#,
    ),
    placed(
        "detects-tests",
        SCRIPT,
        FileRole::Source,
        r#"\b(JEST_WORKER_ID|VITEST\b|NODE_TEST_CONTEXT|MOCHA_|npm_lifecycle_event|__vitest)|NODE_ENV\b['"`\]]*\s*[=!]==?\s*['"`]test|['"`]test['"`]\s*[=!]==?\s*[\w.\[\]'"]*NODE_ENV|\btypeof\s*\(?\s*((globalThis|global|window)\.)?(jest|vi|vitest|expect|describe|it|test|mocha|beforeEach|afterEach)\b|['"`](jest|vi|expect|describe|it|beforeEach)['"`]\s+in\s+(global|globalThis|window)\b|\bprocess\.(argv|execArgv|title)\b.*(test|jest|mocha|ava)|\bimport\.meta\.vitest\b|\bnew\s+Error\([^)]*\)\.stack\b"#,
    ),
    placed(
        "detects-tests",
        &[Rust],
        FileRole::Source,
        r"\bcfg!\s*\([^\]]*?\btest\b|#!?\[\s*cfg(_attr)?\s*\([^\]]*?\bnot\s*\([^\]]*?\btest\b|\bcfg\s*\(\s*any\s*\(\s*\)\s*\)|\b(NEXTEST|CARGO_TARGET_TMPDIR|RUST_TEST_THREADS)\b|\bthread::current\s*\(\s*\)\.name\b|\bcurrent_exe\s*\(",
    ),
    placed(
        "detects-tests",
        &[Go],
        FileRole::Source,
        r#"\btesting\.(Testing|Short|Benchmark)\s*\(|flag\.Lookup\(\s*"test\.|\bos\.Args\b.*test|HasSuffix\(os\.Args\[0\],\s*"\.test|"-?-?test\.(v|run|skip|short|count|timeout|parallel|paniconexit0)\b|\bruntime\.Callers?\s*\(|\bdebug\.(Stack|PrintStack)\s*\("#,
    ),
    placed(
        "detects-tests",
        &[Java],
        FileRole::Source,
        r#"\bgetStackTrace\s*\(|\bStackWalker\b|surefire\.|org\.junit|\bClass\.forName\s*\(\s*"[^"]*([Tt]est|junit)|\bgetProperty\s*\(\s*"(java\.class\.path|sun\.java\.command)"|org\.gradle\.test|\bgetInputArguments\s*\("#,
    ),
    placed(
        "detects-tests",
        ANY,
        FileRole::Source,
        r#"(getenv|environ(\.get)?|process\.env|env::var(_os)?|option_env!|Getenv|LookupEnv)\b[^\n]{0,12}['".\[(]+(CI|GITHUB_ACTIONS|CI_HEALER)\b"#,
    ),
    // Judges tampered with from the code under test.
    row(
        "rigged-judge",
        &[Python],
        r"def\s+pytest_\w+\s*\(|\bcollect_ignore(_glob)?\b|\bunittest\.(TestCase|mock)\.\w+\s*=|\bTestCase\.(assert|fail)\w*\s*=|\bbuiltins\.\w+\s*=|\bimportlib\.reload\b|\bsys\.(settrace|setprofile|excepthook\s*=)|\bfaulthandler\b|\bsetattr\s*\(\s*(unittest|pytest|_pytest|TestCase|builtins|\w*\.TestCase)\b|\b(unittest|pytest|_pytest|doctest|pluggy)(\.\w+)+\s*=[^=]|\bsys\.modules\s*\[[^\]\n]*\]\s*=[^=]|\bsys\.meta_path(\.(insert|append)|\s*\[?[^\]\n]*\]?\s*=[^=])|\b__builtins__\s*[.\[][^=\n]*=[^=]|pytest11",
    ),
    row(
        "rigged-judge",
        SCRIPT,
        r#"\b(global|globalThis|window)\s*(\.\s*|\[\s*['"`])(expect|it|test|describe|assert)\b['"`\]]*\s*=[^=]|\bassert\.\w+\s*=[^=]|\brequire\(\s*['"](node:)?(assert|test|vitest|chai|expect)[^)\n]*\)(\.\w+)+\s*=[^=]|(^|[^.\w])expect\s*=[^=]|expect\.extend\s*\(|\bObject\.is\s*=[^=]|\bdefineProperty\s*\(\s*(global|globalThis|window)\s*,\s*['"`](expect|it|test|describe|assert)\b|\bdefinePropert(y|ies)\s*\(\s*(expect|assert|chai)\b|\bfunction\s+expect\s*\(|\brequire\.cache\b|\bModule\._(load|resolveFilename|extensions)\b"#,
    ),
    row(
        "rigged-judge",
        &[Rust],
        r"#!\[\s*(test_runner|reexport_test_harness_main|no_main|feature\s*\(\s*custom_test_frameworks)|macro_rules!\s*(assert|assert_eq|assert_ne|panic|debug_assert\w*)\b",
    ),
    row("rigged-judge", &[Go], r"\bfunc\s+TestMain\s*\("),
    row(
        "rigged-judge",
        &[Java],
        r"\b(class|interface)\s+(Assertions?|Assert|Assumptions|Test)\b|\bstatic\s+(<[^>]*>\s*)?void\s+(assert(True|False|Equals|NotEquals|Same|Null|NotNull|That|Throws)|fail)\s*\(",
    ),
    // Files of tests, of their judges and of CI written at run time.
    placed(
        "rigged-judge",
        ANY,
        FileRole::Source,
        r#"\b(open|write|write_text|write_bytes|writeFile|writeFileSync|WriteFile|Create|OpenFile|rename|replace|unlink|unlinkSync|remove|removeSync|rmSync|rmtree|remove_file|remove_dir_all|Remove|RemoveAll|rm|truncate|create|delete|copy|copyFile|copyFileSync)\s*\([^()\n]*['"`][^'"`\n]*(\btests?/|_test\.go|\btest_\w*\.py|\.(test|spec)\.[jt]sx?|Test\.java|conftest\.py|pytest\.ini|pyproject\.toml|package\.json|\.github/|\.git/|__snapshots__)"#,
    ),
    // Tests named in the code under test: to read what they expect, or to be rid of them.
    placed(
        "rigged-judge",
        ANY,
        FileRole::Source,
        r#"\b(system|popen|Popen|run|call|check_call|check_output|exec|execSync|execFileSync|spawn|spawnSync|Command|exec_command|new)\s*\([^\n]*['"`][^'"`\n]*(\btests?/|\btest_\w*\.py\b|_test\.go\b|\.(test|spec)\.[cm]?[jt]sx?\b|Test\.java\b|\bconftest\.py)"#,
    ),
    placed(
        "detects-tests",
        &[Python, JavaScript, TypeScript, Java, Go, Rust],
        FileRole::Source,
        r#"['"`][^'"`\n]*(\btest_\w+\.py|_test\.go|\w\.(test|spec)\.[cm]?[jt]sx?|\w(Test|Tests|IT)\.java|\bconftest\.py)['"`]"#,
    ),
    // Code no rule can read.
    row(
        "hidden-code",
        &[Python],
        r"(^|[^.\w])(exec|eval)\s*\(|\b__import__\s*\(\s*(['\x22](os|sys|pytest|_pytest|unittest|builtins|signal|subprocess)|[^'\x22)]*\+)|\bimport_module\s*\([^'\x22)]*\+|\bmarshal\.loads\s*\(|\bctypes\.(pythonapi|CDLL\s*\(\s*None)|\bcodecs\.decode\s*\([^\n]*rot",
    ),
    row(
        "hidden-code",
        SCRIPT,
        r"(^|[^.\w])eval\s*\(|\bnew\s+Function\s*\(|\bvm\.(runIn\w+|Script)\b|\bprocess\.binding\s*\(",
    ),
    raw("hidden-code", &[Go], r"^\s*//go:linkname\b"),
    // Code that is left out.
    raw("excluded", &[Go], r"^\s*//go:build\s|^\s*//\s*\+build\s"),
    row("excluded", &[Rust], r"#!\[\s*cfg\s*\(|#!?\[\s*cfg\s*\(\s*(any\s*\(\s*\)|false|FALSE|never)"),
    row(
        "always-equal",
        &[Python],
        r"def\s+__(eq|ne|lt|le|gt|ge|contains|bool|hash)__\s*\([^)]*\)[^:]*:\s*return\s+(True|False|0|1)\b|\b__(eq|ne|lt|le|gt|ge|contains)__\s*=\s*lambda\b[^:\n]*:\s*(True|False)\b",
    ),
    row(
        "always-equal",
        &[Java],
        r"boolean\s+equals\s*\([^)]*\)\s*\{\s*return\s+true\b|int\s+compareTo\s*\([^)]*\)\s*\{\s*return\s+0\s*;",
    ),
    row(
        "always-equal",
        &[Rust],
        r"fn\s+(eq|ne)\s*\(\s*&self\s*,[^)]*\)\s*->\s*bool\s*\{\s*(let\s+_\s*=[^;]*;\s*)?(true|false)\s*\}",
    ),
    row(
        "always-equal",
        &[Go],
        r"func\s*\([^)]*\)\s*(Equal|Equals|Is)\s*\([^)]*\)\s*bool\s*\{\s*return\s+true\b",
    ),
    row(
        "always-equal",
        SCRIPT,
        r"\basymmetricMatch\b|jest\.asymmetricMatcher|\bequals\s*\([^)]*\)[^{=;]*\{\s*return\s+true\b",
    ),
    // Everything caught and dropped.
    row(
        "swallowed-failure",
        &[Python],
        r"\bexcept\s*(\(?\s*(AssertionError|Exception|BaseException)\b[^:\n]*)?:\s*(pass|\.\.\.|continue|return(\s+None)?)\s*$|\bsuppress\s*\(\s*(Exception|BaseException|AssertionError)\b",
    ),
    row(
        "swallowed-failure",
        SCRIPT,
        r"\bcatch\s*(\([^)]*\))?\s*\{\s*\}|\.catch\s*\(\s*(\(\s*\w*\s*\)|\w+)\s*=>\s*(\{\s*\}|undefined|null)\s*\)|\.catch\s*\(\s*function\s*\([^)]*\)\s*\{\s*\}",
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
    placed(
        "rigged-judge",
        &[Python],
        FileRole::Source,
        r"\b(Magic|Async|NonCallable)?Mock\s*\(|\bmock\.ANY\b|\bfrom\s+(unittest\.)?mock\s+import\b|\bimport\s+(unittest\.)?mock\b|\bmonkeypatch\b",
    ),
    placed(
        "rigged-judge",
        SCRIPT,
        FileRole::Source,
        r"\b(jest|vi)\.(fn|mock|spyOn|doMock|setTimeout|useFakeTimers)\s*\(|\bsinon\.",
    ),
    placed("rigged-judge", &[Java], FileRole::Source, r"\bMockito\.|\borg\.mockito\b"),
    // Stubs that compile and do nothing.
    placed("stub", &[Rust], FileRole::Source, r"\b(todo|unimplemented)!\s*[(\[{]"),
    placed("stub", &[Python], FileRole::Source, r"\braise\s+NotImplementedError\b"),
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
