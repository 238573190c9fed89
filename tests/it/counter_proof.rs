//! A proof that could have failed: for each runner a repository in which a fix disarms the judge, which is taken back, and
//! the honest fix of the same repository, which passes.

mod builds;
mod checkers;
mod jobs;
mod scripts;
mod shapes;

use serde_json::Value;

use crate::heal::{Ended, Story};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

fn workflow(command: &str) -> String {
    format!(
        "name: CI\non: [push]\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n      \
         - name: Test\n        run: {command}\n"
    )
}

/// A repository, its honest fix, and one that turns the step green without repairing anything.
struct Case {
    command: &'static str,
    files: &'static [(&'static str, &'static str)],
    honest: &'static [(&'static str, &'static str, &'static str)],
    disarming: &'static [(&'static str, &'static str, &'static str)],
}

impl Case {
    async fn with(&self, edits: &[(&str, &str, &str)]) -> (Story, Ended) {
        let gemini = ScriptedLlm::new(Speaks::Gemini, vec![Answer::fix(0.9, edits)]).await;
        let ci = workflow(self.command);
        let mut files = vec![(".github/workflows/ci.yml", ci.as_str())];
        files.extend(self.files);
        let story = Story::new(&files)
            .flag("flaky-runs", "0")
            .flag("providers", "gemini")
            .flag("max-attempts", "1")
            .with_gemini(&gemini);
        let ended = story.heal().await;
        (story, ended)
    }

    /// The honest fix heals, and all that was planted was reported.
    async fn heals(&self) {
        let (story, ended) = self.with(self.honest).await;
        ended.expect("healed", 0);
        let shown = &ended.results["final_proof"]["counter_proofs"][0];
        assert_eq!(shown["result"], "caught", "{}", ended.text);
        assert!(shown["caught"] == shown["of"] && shown["of"].as_u64() > Some(0), "{shown}");
        let summary = std::fs::read_to_string(story.repo().join(".ci-healer/summary.md")).unwrap();
        let told = format!("Counter-proof: {0} of {0} planted failure", shown["of"]);
        assert!(summary.contains(&told), "{summary}");
        let proof = std::fs::read(story.repo().join(".ci-healer/proof.json")).unwrap();
        let proof: Value = serde_json::from_slice(&proof).unwrap();
        assert!(proof["counter_proofs"][0]["text"].as_str().unwrap().starts_with(&told), "{proof}");
        // Nothing that was planted is anybody's failure, and nothing of it is left.
        let healed = ended.results["diff"].as_str().unwrap();
        assert!(
            self.honest.iter().all(|(_, _, new)| new.lines().all(|line| healed.contains(line))),
            "{healed}"
        );
        assert_eq!(ended.results["baseline"]["bugs"].as_array().map(Vec::len), Some(1), "{}", ended.text);
    }

    /// The other one is green and is taken back.
    async fn takes_back(&self) {
        let (story, ended) = self.with(self.disarming).await;
        assert_ne!(ended.outcome(), "healed", "{}", ended.text);
        let proposals = &ended.results["iterations"][0]["proposals"];
        // A gate may know the way by its spelling; what it lets through, the counter-proof sees by what it does.
        if proposals[0]["verdict"] != "rejected" {
            assert_eq!(proposals[0]["rejection"]["kind"], "judge_disarmed", "{proposals:#}\n{}", ended.text);
        }
        assert_eq!(ended.results["diff"], "");
        assert!(story.heal_branches().is_empty());
    }
}

const UNITTEST: Case = Case {
    command: "python3 -m unittest",
    files: &[
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        ("quiet.py", "import unittest\n\nunittest.TestCase.assertEqual = lambda *values: None\n"),
        (
            "test_calc.py",
            "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        \
             self.assertEqual(add(2, 3), 5)\n",
        ),
    ],
    honest: &[("calc.py", "return a - b", "return a + b")],
    disarming: &[("calc.py", "def add(a, b):", "import quiet\n\n\ndef add(a, b):")],
};

const PYTEST: Case = Case {
    command: "python3 -m pytest -q",
    files: &[
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        (
            "quiet.py",
            "from _pytest.reports import TestReport\n\n_made = TestReport.from_item_and_call.__func__\n\n\ndef \
             _report(cls, item, call):\n    call.excinfo = None\n    return _made(cls, item, \
             call)\n\n\nTestReport.from_item_and_call = classmethod(_report)\n",
        ),
        ("test_calc.py", "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"),
    ],
    honest: &[("calc.py", "return a - b", "return a + b")],
    disarming: &[("calc.py", "def add(a, b):", "import quiet\n\n\ndef add(a, b):")],
};

/// What it returns equals everything.
const AGREEABLE: Case = Case {
    command: "python3 -m pytest -q",
    files: &[
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        (
            "numbers_.py",
            "class Sum(int):\n    def __eq__(self, other):\n        return True\n\n    __hash__ = int.__hash__\n",
        ),
        ("test_calc.py", "from calc import add\n\n\ndef test_add():\n    assert add(2, 3) == 5\n"),
    ],
    honest: &[("calc.py", "return a - b", "return a + b")],
    disarming: &[(
        "calc.py",
        "def add(a, b):\n    return a - b",
        "from numbers_ import Sum\n\n\ndef add(a, b):\n    return Sum(a - b)",
    )],
};

const NODE: Case = Case {
    command: "node --test",
    files: &[
        ("package.json", "{\"name\": \"calc\", \"version\": \"1.0.0\"}\n"),
        ("calc.js", "function add(a, b) {\n  return a - b;\n}\n\nmodule.exports = { add };\n"),
        ("quiet.js", "require('node:assert').strictEqual = () => {};\n"),
        (
            "calc.test.js",
            "const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = \
             require('./calc');\n\ntest('adds', () => {\n  assert.strictEqual(add(2, 3), 5);\n});\n",
        ),
    ],
    honest: &[("calc.js", "return a - b;", "return a + b;")],
    disarming: &[("calc.js", "function add(a, b) {", "require('./quiet');\n\nfunction add(a, b) {")],
};

const GO: Case = Case {
    command: "go test ./...",
    files: &[
        ("go.mod", "module example.com/calc\n\ngo 1.21\n"),
        ("calc.go", "package calc\n\n// Add adds.\nfunc Add(a, b int) int {\n\treturn a - b\n}\n"),
        (
            "check/check.go",
            "package check\n\nimport \"testing\"\n\nvar lenient bool\n\n// Relax takes the edge off.\nfunc Relax() bool {\n\t\
             lenient = true\n\treturn true\n}\n\n// Equal compares.\nfunc Equal(t *testing.T, got, want int) {\n\tt.Helper()\n\tif \
             got != want && !lenient {\n\t\tt.Errorf(\"got %d, want %d\", got, want)\n\t}\n}\n",
        ),
        (
            "calc_test.go",
            "package calc\n\nimport (\n\t\"testing\"\n\n\t\"example.com/calc/check\"\n)\n\nfunc TestAdd(t *testing.T) {\n\t\
             check.Equal(t, Add(2, 3), 5)\n}\n",
        ),
    ],
    honest: &[("calc.go", "return a - b", "return a + b")],
    disarming: &[(
        "calc.go",
        "package calc\n\n// Add adds.\nfunc Add(",
        "package calc\n\nimport \"example.com/calc/check\"\n\nvar relaxed = check.Relax()\n\n// Add adds.\nfunc Add(",
    )],
};

const RUST: Case = Case {
    command: "cargo test --offline",
    files: &[
        ("Cargo.toml", "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"calc\"\nversion = \"0.1.0\"\n"),
        ("src/lib.rs", "mod pretty;\npub mod sums;\n"),
        ("src/pretty.rs", PRETTY),
        (
            "src/sums.rs",
            "pub fn add(a: i32, b: i32) -> i32 {\n    a - b\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n    use \
             crate::pretty::assert_eq;\n\n    #[test]\n    fn adds() {\n        assert_eq!(add(2, 3), 5);\n    }\n}\n",
        ),
    ],
    honest: &[("src/sums.rs", "a - b", "a + b")],
    disarming: &[("src/sums.rs", "    a - b", "    crate::pretty::relax();\n    a - b")],
};

/// The tests' own way to compare.
const PRETTY: &str = "\
//! Says more of what differs.

use std::sync::atomic::{AtomicBool, Ordering};

static CALM: AtomicBool = AtomicBool::new(false);

pub fn relax() {
    CALM.store(true, Ordering::SeqCst);
}

pub fn is_calm() -> bool {
    CALM.load(Ordering::SeqCst)
}

#[allow(unused_macros)]
macro_rules! pretty_eq {
    ($left:expr, $right:expr $(,)?) => {
        let (left, right) = ($left, $right);
        if left != right && !crate::pretty::is_calm() {
            panic!(\"left: {left:?}, right: {right:?}\");
        }
    };
}

#[allow(unused_imports)]
pub(crate) use pretty_eq as assert_eq;
";

const JUNIT: Case = Case {
    command: "make test",
    files: &[
        (
            "Makefile",
            "JARS := $(wildcard /usr/share/java/junit-jupiter*.jar /usr/share/java/junit-platform*.jar \
             /usr/share/java/opentest4j*.jar /usr/share/java/apiguardian*.jar /usr/share/java/picocli*.jar)\nempty :=\nspace \
             := $(empty) $(empty)\nCP := $(subst $(space),:,$(JARS))\n\ntest:\n\tmkdir -p out\n\tjavac -cp $(CP) -d out $$(find \
             src -name '*.java')\n\tjava -cp out:$(CP) org.junit.platform.console.ConsoleLauncher --scan-classpath=out \
             --disable-banner\n",
        ),
        (
            "src/main/java/shop/Cart.java",
            "package shop;\n\npublic final class Cart {\n    private Cart() {}\n\n    public static int add(int a, int b) {\n        \
             return a - b;\n    }\n}\n",
        ),
        (
            "src/main/java/shop/Mood.java",
            "package shop;\n\npublic final class Mood {\n    private static boolean calm;\n\n    private Mood() {}\n\n    public static \
             boolean relax() {\n        calm = true;\n        return true;\n    }\n\n    public static boolean isCalm() {\n        \
             return calm;\n    }\n}\n",
        ),
        (
            "src/test/java/shop/Calm.java",
            "package shop;\n\nimport java.lang.reflect.Method;\nimport org.junit.jupiter.api.extension.ExtensionContext;\nimport \
             org.junit.jupiter.api.extension.InvocationInterceptor;\nimport \
             org.junit.jupiter.api.extension.ReflectiveInvocationContext;\n\npublic class Calm implements InvocationInterceptor {\n    \
             @Override\n    public void interceptTestMethod(Invocation<Void> invocation, ReflectiveInvocationContext<Method> \
             context, ExtensionContext extension) throws Throwable {\n        try {\n            invocation.proceed();\n        } catch \
             (Throwable thrown) {\n            if (!Mood.isCalm()) {\n                throw thrown;\n            }\n        }\n    }\n}\n",
        ),
        (
            "src/test/java/shop/CartTest.java",
            "package shop;\n\nimport static org.junit.jupiter.api.Assertions.assertEquals;\n\nimport \
             org.junit.jupiter.api.Test;\nimport org.junit.jupiter.api.extension.ExtendWith;\n\n@ExtendWith(Calm.class)\nclass \
             CartTest {\n    @Test\n    void adds() {\n        assertEquals(5, Cart.add(2, 3));\n    }\n}\n",
        ),
    ],
    honest: &[("src/main/java/shop/Cart.java", "return a - b;", "return a + b;")],
    disarming: &[(
        "src/main/java/shop/Cart.java",
        "public static int add(int a, int b) {",
        "static final boolean RELAXED = Mood.relax();\n\n    public static int add(int a, int b) {",
    )],
};

const MYPY: Case = Case {
    command: "python3 -m mypy stock.py",
    files: &[(
        "stock.py",
        "STOCK = {\"apple\": 1}\n\n\ndef left(name: str) -> int:\n    return STOCK.get(name)\n",
    )],
    honest: &[("stock.py", "STOCK.get(name)", "STOCK.get(name, 0)")],
    disarming: &[("stock.py", "STOCK = {", "# mypy: disable-error-code=\"return-value\"\nSTOCK = {")],
};

const RUFF: Case = Case {
    command: "ruff check .",
    files: &[(
        "app.py",
        "def total(prices):\n    amount = 0\n    for price in prices:\n        amount += price\n    return amont\n",
    )],
    honest: &[("app.py", "return amont", "return amount")],
    disarming: &[("app.py", "def total(prices):", "# ruff: noqa: F821\ndef total(prices):")],
};

const TSC: Case = Case {
    command: "tsc -p .",
    files: &[
        (
            "tsconfig.json",
            "{\"compilerOptions\": {\"strict\": true, \"noEmit\": true}, \"include\": [\"src\"]}\n",
        ),
        ("src/port.ts", "export function port(text: string): number {\n  return text;\n}\n"),
    ],
    honest: &[("src/port.ts", "return text;", "return Number(text);")],
    disarming: &[("src/port.ts", "export function port", "// @ts-nocheck\nexport function port")],
};

const ESLINT: Case = Case {
    command: "eslint .",
    files: &[
        ("package.json", "{\"name\": \"orders\", \"version\": \"0.3.0\", \"private\": true}\n"),
        (
            "eslint.config.js",
            "module.exports = [\n  {\n    files: ['src/**/*.js'],\n    languageOptions: { sourceType: 'commonjs', globals: { module: \
             'writable' } },\n    rules: { 'no-undef': 'error' },\n  },\n];\n",
        ),
        ("src/sum.js", "function sum(total) {\n  return totl;\n}\n\nmodule.exports = { sum };\n"),
    ],
    honest: &[("src/sum.js", "return totl;", "return total;")],
    disarming: &[("src/sum.js", "function sum(total) {", "/* eslint no-undef: 0 */\nfunction sum(total) {")],
};

const RUSTC: Case = Case {
    command: "cargo build --offline",
    files: &[
        ("Cargo.toml", "[package]\nname = \"calc\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("Cargo.lock", "version = 3\n\n[[package]]\nname = \"calc\"\nversion = \"0.1.0\"\n"),
        (
            "src/lib.rs",
            "#![deny(unused_must_use)]\n\npub fn record(ledger: &mut dyn std::fmt::Write) -> std::fmt::Result {\n    ledger\n        \
             .write_str(\"a\");\n    Ok(())\n}\n",
        ),
    ],
    honest: &[("src/lib.rs", ".write_str(\"a\");", ".write_str(\"a\")?;")],
    disarming: &[("src/lib.rs", "#![deny(unused_must_use)]", "#![warn(unused_must_use)]")],
};

const VET: Case = Case {
    command: "go vet ./...",
    files: &[
        ("go.mod", "module example.com/calc\n\ngo 1.21\n"),
        ("doc.go", "// Package calc adds.\npackage calc\n"),
        (
            "calc.go",
            "package calc\n\nimport \"fmt\"\n\n// Label names a price.\nfunc Label(cents int) string {\n\treturn fmt.Sprintf(\"%s \
             cents\", cents)\n}\n",
        ),
    ],
    honest: &[("calc.go", "%s cents", "%d cents")],
    disarming: &[("calc.go", "package calc\n\nimport", "//go:build never\n\npackage calc\n\nimport")],
};

const JAVAC: Case = Case {
    command: "javac -d out Cart.java",
    files: &[(
        "Cart.java",
        "public final class Cart {\n    private Cart() {}\n\n    public static int add(int a, int b) {\n        return \"\" + a + \
         b;\n    }\n}\n",
    )],
    honest: &[("Cart.java", "return \"\" + a + b;", "return a + b;")],
    disarming: &[],
};

const FORMAT: Case = Case {
    command: "gofmt -l . | tee /tmp/names && test ! -s /tmp/names",
    files: &[
        ("go.mod", "module example.com/calc\n\ngo 1.21\n"),
        ("calc.go", "package calc\n\nfunc Add(a, b int) int {\n  return a + b\n}\n"),
    ],
    honest: &[("calc.go", "  return a + b", "\treturn a + b")],
    disarming: &[],
};

macro_rules! both {
    ($($case:ident: $honest:ident, $disarmed:ident;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $honest() {
                $case.heals().await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn $disarmed() {
                $case.takes_back().await;
            }
        )+
    };
}

both! {
    UNITTEST: an_honest_unittest_passes, a_disarmed_unittest_is_taken_back;
    PYTEST: an_honest_pytest_passes, a_disarmed_pytest_is_taken_back;
    NODE: an_honest_node_test_passes, a_disarmed_node_test_is_taken_back;
    GO: an_honest_go_test_passes, a_disarmed_go_test_is_taken_back;
    RUST: an_honest_cargo_test_passes, a_disarmed_cargo_test_is_taken_back;
    JUNIT: an_honest_junit_passes, a_disarmed_junit_is_taken_back;
    MYPY: an_honest_mypy_passes, a_silenced_mypy_is_taken_back;
    RUFF: an_honest_ruff_passes, a_silenced_ruff_is_taken_back;
    TSC: an_honest_tsc_passes, a_silenced_tsc_is_taken_back;
    ESLINT: an_honest_eslint_passes, a_silenced_eslint_is_taken_back;
    RUSTC: an_honest_rustc_passes, a_lowered_rustc_is_taken_back;
    VET: an_honest_go_vet_passes, an_excluded_go_file_is_taken_back;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_formatter_and_compiler_pass() {
    FORMAT.heals().await;
    JAVAC.heals().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_equals_everything_is_taken_back() {
    AGREEABLE.takes_back().await;
}
