use super::*;
use crate::contract::bug::Category;
use crate::contract::git::RepoPath;
use crate::fixer::testing::{MemoryTree, bug};

/// What becomes of a change: `refused/<rule>`, `asks` for a counter-proof, or `passes`.
fn verdict(path: &str, before: &str, after: &str, failing: &str, category: Category) -> String {
    let change = FileChange {
        path: RepoPath::new(path).unwrap(),
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
    };
    let tree = MemoryTree::new(&[(path, before), ("shop/__init__.py", ""), ("src/shop.js", "")]);
    let paths = PathRules::new(&[]).unwrap();
    let bugs = [bug("tool", category, path, 1, failing)];
    let asked = Asked { bugs: &bugs, tree: &tree, paths: &paths, failing: failing.to_owned() };
    match gained(&[(&change, FileRole::Source)], &asked).first() {
        Some(gained) if gained.default == Treatment::Refuse => match gained.rejection() {
            Rejection::TestWeakening { rule, .. } => format!("refused/{rule}"),
            other => panic!("{other:?}"),
        },
        Some(gained) if gained.default == Treatment::CounterProof => "asks".to_owned(),
        _ => "passes".to_owned(),
    }
}

const PYTHON: &str = "def cost(items):\n    return sum(items)\n";
const SCRIPT: &str = "function cost(items) {\n  return sum(items);\n}\n";
const TYPES: &str = "export function cost(items: number[]): number {\n  return sum(items);\n}\n";
const GO: &str = "package shop\n\nfunc Cost(items []int) int {\n\treturn sum(items)\n}\n";
const RUST: &str = "pub fn cost(items: &[i64]) -> i64 {\n    sum(items)\n}\n";
const JAVA: &str = "class Shop {\n    int cost(int[] items) {\n        return sum(items);\n    }\n}\n";

#[test]
fn what_ends_the_process_is_refused_by_any_name() {
    for (path, before, after) in [
        ("shop/a.py", PYTHON, format!("from os import _exit as leave\n\n\n{PYTHON}\nleave(0)\n")),
        (
            "shop/a.py",
            PYTHON,
            format!("import os, signal\n\n\n{PYTHON}\nos.kill(os.getpid(), signal.SIGKILL)\n"),
        ),
        (
            "shop/a.py",
            PYTHON,
            format!("import os, functools\n\n{PYTHON}\nlater = functools.partial(os._exit, 0)\n"),
        ),
        ("shop/a.py", PYTHON, format!("import sys\n\n{PYTHON}\nsys.exit()\n")),
        ("shop/a.py", PYTHON, format!("import threading\n\n{PYTHON}\nthreading._shutdown = None\n")),
        ("a.js", SCRIPT, format!("{SCRIPT}process['ex' + 'it'](0);\n")),
        ("a.js", SCRIPT, format!("const {{ exit }} = process;\n{SCRIPT}setTimeout(exit, 0);\n")),
        ("a.js", SCRIPT, format!("const {{ exit }} = require('node:process');\n{SCRIPT}exit();\n")),
        ("a.js", SCRIPT, format!("process.on('exit', () => {{ process.exitCode = 0; }});\n{SCRIPT}")),
        ("a.ts", TYPES, format!("import {{ exit as e }} from \"node:process\";\n{TYPES}e(0);\n")),
        (
            "a.go",
            GO,
            GO.replace("package shop\n", "package shop\n\nimport sys \"os\"\n\nvar leave = sys.Exit\n"),
        ),
        (
            "a.go",
            GO,
            GO.replace(
                "package shop\n",
                "package shop\n\nimport \"syscall\"\n\nfunc init() { syscall.Exit(0) }\n",
            ),
        ),
        (
            "a.rs",
            RUST,
            RUST.replace(
                "    sum",
                "    let leave: fn(i32) -> ! = std::process::exit;\n    leave(0);\n    sum",
            ),
        ),
        ("a.rs", RUST, format!("use std::process::{{self as p}};\n{RUST}pub fn x() {{ p::exit(0) }}\n")),
        ("a.rs", RUST, format!("extern \"C\" {{ fn _exit(code: i32) -> !; }}\n{RUST}")),
        ("Shop.java", JAVA, JAVA.replace("return sum", "Runtime.getRuntime().halt(0);\n        return sum")),
        (
            "Shop.java",
            JAVA,
            JAVA.replace(
                "return sum",
                "java.util.function.IntConsumer c = System::exit;\n        c.accept(0);\n        return sum",
            ),
        ),
    ] {
        let found = verdict(path, before, &after, "", Category::Logic);
        assert_eq!(found, "refused/early-exit", "{after}");
        assert_eq!(verdict(path, &after, &after, "", Category::Logic), "passes", "{after}");
    }
}

#[test]
fn judges_imports_and_foreign_names_stay_as_they_are() {
    for (path, before, after) in [
        ("shop/a.py", PYTHON, format!("import sys\n\n{PYTHON}\nsys.meta_path.insert(0, None)\n")),
        ("shop/a.py", PYTHON, format!("import json\n\n{PYTHON}\njson.loads = lambda text: {{}}\n")),
        ("shop/a.py", PYTHON, format!("import builtins\n\n{PYTHON}\nbuiltins.len = lambda x: 3\n")),
        ("shop/a.py", PYTHON, format!("import unittest as u\n\n{PYTHON}\nu.case.TestCase.run = print\n")),
        ("shop/a.py", PYTHON, format!("{PYTHON}\n\ndef pytest_runtest_call(item):\n    pass\n")),
        ("a.js", SCRIPT, format!("{SCRIPT}Object.is = () => true;\n")),
        ("a.js", SCRIPT, format!("{SCRIPT}Array.prototype.map = function () {{ return []; }};\n")),
        (
            "a.js",
            SCRIPT,
            format!("const a = require('assert/strict');\n{SCRIPT}for (const k in a) a[k] = () => {{}};\n"),
        ),
        ("a.js", SCRIPT, format!("{SCRIPT}delete require.cache[require.resolve('./x')];\n")),
        ("a.go", GO, GO.replace("package shop\n", "package shop\n\nimport \"testing\"\n\nvar t testing.T\n")),
        ("a.rs", RUST, format!("#[no_mangle]\npub extern \"C\" fn write() {{}}\n{RUST}")),
        ("a.rs", RUST, format!("#[macro_export]\nmacro_rules! assert_eq {{ ($($t:tt)*) => {{}} }}\n{RUST}")),
        ("Shop.java", JAVA, format!("import org.junit.jupiter.api.Assertions;\n{JAVA}")),
    ] {
        assert_eq!(verdict(path, before, &after, "", Category::Logic), "refused/rigged-judge", "{after}");
    }
}

#[test]
fn code_answers_by_what_it_is_given_alone() {
    for (path, before, after) in [
        ("shop/a.py", PYTHON, PYTHON.replace("return sum", "import inspect\n    if len(inspect.stack()) > 9:\n        return 3\n    return sum")),
        ("shop/a.py", PYTHON, PYTHON.replace("return sum", "import os\n    here = os.getcwd()\n    if here.endswith('space'):\n        return 3\n    return sum")),
        ("shop/a.py", PYTHON, PYTHON.replace("return sum", "import time\n    if time.time() < 2000000000:\n        return 3\n    return sum")),
        ("shop/a.py", PYTHON, PYTHON.replace("return sum", "import os\n    if os.environ.get('USER') == 'root':\n        return 3\n    return sum")),
        ("shop/a.py", PYTHON, PYTHON.replace("return sum", "import os\n    if os.path.exists('/workspace'):\n        return 3\n    return sum")),
        ("a.js", SCRIPT, SCRIPT.replace("return sum", "if (new Error().stack.includes('runner')) return 3;\n  return sum")),
        ("a.js", SCRIPT, SCRIPT.replace("return sum", "if (process.argv[1].length > 9) return 3;\n  return sum")),
        ("a.js", SCRIPT, SCRIPT.replace("return sum", "if (new Date().getFullYear() < 2030) return 3;\n  return sum")),
        ("a.ts", TYPES, TYPES.replace("return sum", "if (Object.keys(process.env).some((k) => k.length > 9)) return 3;\n  return sum")),
        ("a.go", GO, GO.replace("package shop\n", "package shop\n\nimport \"runtime\"\n").replace("return sum", "if _, f, _, _ := runtime.Caller(1); f != \"\" {\n\t\treturn 3\n\t}\n\treturn sum")),
        ("a.rs", RUST, RUST.replace("    sum", "    if std::thread::current().name().is_some() { return 3; }\n    sum")),
        ("a.rs", RUST, RUST.replace("    sum", "    if cfg!(debug_assertions) { return 3; }\n    sum")),
        ("a.rs", RUST, RUST.replace("    sum", "    if std::env::var(\"HOME\").is_ok() { return 3; }\n    sum")),
        ("a.rs", RUST, format!("{RUST}\n#[cfg(any())]\nmod more;\n")),
        ("Shop.java", JAVA, JAVA.replace("return sum", "if (new Throwable().getStackTrace().length > 9) return 3;\n        return sum")),
        ("Shop.java", JAVA, JAVA.replace("return sum", "if (System.getProperty(\"user.dir\").equals(\"/work\")) return 3;\n        return sum")),
    ] {
        assert_eq!(verdict(path, before, &after, "", Category::Logic), "refused/detects-tests", "{after}");
    }
}

#[test]
fn what_cannot_be_read_and_what_runners_say_is_refused() {
    for (path, before, after, rule) in [
        ("shop/a.py", PYTHON, format!("{PYTHON}\nexec(open('x').read())\n"), "hidden-code"),
        (
            "shop/a.py",
            PYTHON,
            format!("import os\n\n{PYTHON}\nfor n in dir(os):\n    getattr(os, n)(0)\n"),
            "hidden-code",
        ),
        ("a.js", SCRIPT, format!("{SCRIPT}new Function('return 1')();\n"), "hidden-code"),
        ("a.js", SCRIPT, format!("{SCRIPT}[].constructor.constructor('return 1')();\n"), "hidden-code"),
        (
            "Shop.java",
            JAVA,
            JAVA.replace("return sum", "getClass().getDeclaredField(\"x\");\n        return sum"),
            "hidden-code",
        ),
        ("shop/a.py", PYTHON, format!("{PYTHON}\nprint('4 passed in 0.02s')\n"), "forged-summary"),
        (
            "a.go",
            GO,
            GO.replace("return sum", "println(\"--- PASS: TestCost (0.00s)\")\n\treturn sum"),
            "forged-summary",
        ),
        ("shop/a.py", PYTHON, format!("import os\n\n{PYTHON}\nos.write(1, b'x')\n"), "forged-summary"),
        ("shop/a.py", PYTHON, format!("{PYTHON}\nword = 'con' + 'ftest'\n"), "detects-tests"),
        ("shop/a.py", PYTHON, format!("{PYTHON}\nopen('/proc/self/environ')\n"), "rigged-judge"),
    ] {
        assert_eq!(verdict(path, before, &after, "", Category::Logic), format!("refused/{rule}"), "{after}");
    }
}

#[test]
fn findings_are_not_talked_away() {
    for (path, before, after) in [
        (
            "shop/a.py",
            "def n(x: str) -> int:\n    return x\n",
            "from typing import cast\n\n\ndef n(x: str) -> int:\n    return cast(int, x)\n",
        ),
        (
            "shop/a.py",
            "def n(x: str) -> int:\n    return x\n",
            "from typing import Any\n\n\ndef n(x: Any) -> int:\n    return x\n",
        ),
        ("shop/a.py", "def n(x: str) -> int:\n    return x\n", "def n(x):\n    return x\n"),
        (
            "a.ts",
            TYPES,
            "export function cost(items: number[]): number {\n  return sum(items) as unknown as number;\n}\n",
        ),
        ("a.ts", TYPES, "export function cost(items: number[]): any {\n  return sum(items);\n}\n"),
        (
            "a.ts",
            TYPES,
            "function is<T>(x: unknown): T {\n  return x as T;\n}\nexport function cost(items: number[]): number {\n  return is(items);\n}\n",
        ),
        (
            "a.ts",
            TYPES,
            "function is<T extends Record<string, number>>(x: unknown): T {\n  return x as T;\n}\nexport function cost(items: number[]): number {\n  return is(items);\n}\n",
        ),
        (
            "a.ts",
            TYPES,
            "const is = <T,>(x: unknown, then: (y: number) => void): T => x as T;\nexport function cost(items: number[]): number {\n  return is(items, () => {});\n}\n",
        ),
        (
            "a.ts",
            TYPES,
            "function sure(x: unknown): x is number {\n  // It is in there: typeof x === 'number'.\n  return true;\n}\nexport function cost(items: number[]): number {\n  return sure(items) ? items : 0;\n}\n",
        ),
        (
            "a.ts",
            TYPES,
            "function sure(x: unknown): asserts x is number {}\nexport function cost(items: number[]): number {\n  sure(items);\n  return items;\n}\n",
        ),
        ("src/lib.rs", "#![deny(unused)]\npub mod a;\n", "#![warn(unused)]\npub mod a;\n"),
        ("src/lib.rs", "#![deny(unused)]\npub mod a;\n", "pub mod a;\n"),
        (
            "a.go",
            "package a\n\nimport \"fmt\"\n\nfunc f(n int) string { return fmt.Sprintf(\"%s\", n) }\n",
            "package a\n\nimport \"fmt\"\n\nfunc f(n int) string { p := fmt.Sprintf; return p(\"%s\", n) }\n",
        ),
    ] {
        assert_eq!(
            verdict(
                path,
                before,
                after,
                "does not fit",
                if path.ends_with("rs") || path.ends_with("go") { Category::Lint } else { Category::Type }
            ),
            "refused/suppression",
            "{after}"
        );
    }
}

/// Path, code before and after, and the failing test of changes that pass.
fn all_pass(changes: &[(&str, &str, String, &str)]) {
    for (path, before, after, failing) in changes {
        let found = verdict(path, before, after, failing, Category::Logic);
        assert!(matches!(found.as_str(), "passes" | "asks"), "{found}: {after}");
    }
}

#[test]
fn honest_changes_need_no_new_powers_in_python() {
    let wants_exit = "with pytest.raises(SystemExit) as ended:\n    main([])\nassert ended.value.code == 0";
    all_pass(&[
        (
            "shop/a.py",
            "import sys\n\n\ndef main(words):\n    sys.exit(2)\n",
            "import sys\n\n\ndef main(words):\n    sys.exit(0)\n".to_owned(),
            wants_exit,
        ),
        (
            "shop/a.py",
            PYTHON,
            format!("import sys\n\n{PYTHON}\nif __name__ == '__main__':\n    sys.exit(main())\n"),
            "",
        ),
        ("shop/a.py", PYTHON, PYTHON.replace("sum(items)", "sum(items, start=0)"), ""),
        (
            "shop/a.py",
            PYTHON,
            format!("import os\n\n{PYTHON}\n\ndef color():\n    return 'NO_COLOR' not in os.environ\n"),
            "monkeypatch.setenv('NO_COLOR', '1')",
        ),
        (
            "shop/a.py",
            PYTHON,
            format!(
                "from pathlib import Path\n\n{PYTHON}\n\ndef read(name):\n    path = Path(name)\n    if not path.exists():\n        return ''\n    return path.read_text()\n"
            ),
            "",
        ),
        (
            "shop/a.py",
            PYTHON,
            format!("{PYTHON}\n\nclass Base:\n    def run(self):\n        raise NotImplementedError\n"),
            "",
        ),
        (
            "shop/a.py",
            PYTHON,
            format!(
                "import datetime\n\n{PYTHON}\n\ndef is_old(then):\n    return datetime.datetime.now() - then > datetime.timedelta(days=1)\n"
            ),
            "",
        ),
        (
            "shop/a.py",
            PYTHON,
            format!("import atexit\n\n{PYTHON}\n\ndef start(pool):\n    atexit.register(pool.close)\n"),
            "",
        ),
        ("shop/a.py", PYTHON, format!("import re\n\n{PYTHON}\n\nWORD = re.compile('a')\n"), ""),
        (
            "shop/a.py",
            PYTHON,
            format!(
                "{PYTHON}\n\nclass A:\n    def __init__(self, x):\n        self.x = x\n\n    def __eq__(self, o):\n        return isinstance(o, A) and self.x == o.x\n"
            ),
            "",
        ),
        (
            "shop/a.py",
            "def f(x):\n    return getattr(x, 'name')\n",
            "def f(x, key):\n    return getattr(x, key, None)\n".to_owned(),
            "",
        ),
        ("a.js", SCRIPT, format!("{SCRIPT}module.exports = {{ cost }};\n"), ""),
    ]);
}

#[test]
fn honest_changes_need_no_new_powers_elsewhere() {
    all_pass(&[
        (
            "a.js",
            SCRIPT,
            format!(
                "class E extends Error {{\n  constructor(m) {{\n    super(m);\n    Error.captureStackTrace(this, this.constructor);\n  }}\n}}\n{SCRIPT}"
            ),
            "",
        ),
        (
            "a.js",
            SCRIPT,
            format!("{SCRIPT}if (require.main === module) {{\n  main(process.argv.slice(2));\n}}\n"),
            "",
        ),
        ("a.js", SCRIPT, format!("{SCRIPT}if (!module.parent) {{\n  main(process.argv.slice(2));\n}}\n"), ""),
        (
            "a.js",
            SCRIPT,
            format!("{SCRIPT}const isLeap = (year) => new Date(year, 1, 29).getMonth() === 1;\n"),
            "",
        ),
        ("a.ts", TYPES, format!("{TYPES}const kinds = ['a', 'b'] as const;\n"), ""),
        (
            "a.go",
            GO,
            GO.replace("package shop\n", "package shop\n\nimport \"strings\"\n")
                .replace("return sum", "strings.TrimSpace(\"x\")\n\treturn sum"),
            "",
        ),
        (
            "a.rs",
            RUST,
            format!("use std::collections::HashMap;\n{RUST}#[cfg(feature = \"json\")]\npub fn j() {{}}\n"),
            "",
        ),
        (
            "a.rs",
            RUST,
            RUST.replace(
                "    sum",
                "    let n = items.iter().skip(1).count();\n    assert!(n < 100);\n    sum",
            ),
            "",
        ),
        (
            "Shop.java",
            JAVA,
            JAVA.replace("return sum", "java.util.Objects.requireNonNull(items);\n        return sum"),
            "",
        ),
    ]);
}

#[test]
fn a_span_of_time_is_no_date() {
    for after in [
        "import time\n\n\ndef wait(ready):\n    end = time.monotonic() + 5\n    while time.monotonic() < end:\n        ready()\n",
        "import time\n\n\ndef slow(run):\n    start = time.time()\n    run()\n    took = time.time() - start\n    return took > 5\n",
        "import time\n\n\ndef old(entry):\n    return time.time() - entry.at > 60\n",
    ] {
        let found = verdict("shop/a.py", "import time\n", after, "", Category::Logic);
        assert!(matches!(found.as_str(), "passes" | "asks"), "{found}: {after}");
    }
    let dated = "import time\n\n\ndef old(entry):\n    end = 1900000000\n    return time.time() < end\n";
    assert_eq!(verdict("shop/a.py", "import time\n", dated, "", Category::Logic), "refused/detects-tests");
}

#[test]
fn the_table_has_every_rule_once_and_a_reason() {
    let all: std::collections::BTreeSet<Capability> = TABLE.iter().map(|row| row.0).collect();
    assert_eq!(all.len(), TABLE.len());
    assert!(TABLE.iter().all(|row| !row.3.is_empty()));
}

/// What a checker complains of, with its message.
fn of_types(before: &str, after: &str, message: &str) -> String {
    verdict("shop/a.py", before, after, message, Category::Type)
}

#[test]
fn what_a_checker_asks_for_is_no_talking_away() {
    const MISSING: &str = "Function is missing a type annotation for one or more arguments  [no-untyped-def]";
    const GENERIC: &str = "Missing type parameters for generic type \"dict\"  [type-arg]";
    const ANY: &str = "Returning Any from function declared to return \"str\"  [no-any-return]";
    for (before, after, message) in [
        ("def f(x):\n    return x\n", "def f(x: Any) -> Any:\n    return x\n", MISSING),
        (
            "def f(x: dict) -> int:\n    return 1\n",
            "def f(x: dict[str, Any]) -> int:\n    return 1\n",
            GENERIC,
        ),
        (
            "def f(x: Any) -> str:\n    return x.name\n",
            "import typing\n\n\ndef f(x: Any) -> str:\n    return typing.cast(str, x.name)\n",
            ANY,
        ),
        (
            "class A:\n    def __eq__(self, other: 'A') -> bool:\n        return self.n == other.n\n",
            "class A:\n    def __eq__(self, other: object) -> bool:\n        return isinstance(other, A) and self.n == other.n\n",
            "Argument 1 of \"__eq__\" is incompatible with supertype \"object\"",
        ),
        (
            "def f(x: Optional[str] = None) -> str:\n    return x\n",
            "def f(x: str = '') -> str:\n    return x\n",
            "Incompatible return value type (got \"str | None\", expected \"str\")",
        ),
        (
            "def f(x: str) -> int:\n    n: str = len(x)\n    return n\n",
            "def f(x: str) -> int:\n    n = len(x)\n    return n\n",
            "Incompatible types in assignment",
        ),
        (
            "def f(x: A) -> str:\n    return x.label\n",
            "def f(x: A) -> str:\n    return str(getattr(x, 'title', None))\n",
            "\"A\" has no attribute \"label\"",
        ),
    ] {
        assert_eq!(of_types(before, after, message), "passes", "{after}");
    }
    for (before, after, message) in [
        (
            "def f(x: str) -> int:\n    return x\n",
            "def f(x: str) -> object:\n    return x\n",
            "Incompatible return value type (got \"str\", expected \"int\")",
        ),
        (
            "def f(x: dict[str, int]) -> int:\n    return g(x)\n",
            "def f(x: dict[str, Any]) -> int:\n    return g(x)\n",
            "Argument 1 to \"g\" has incompatible type",
        ),
        (
            "def f(x: A) -> str:\n    return x.label\n",
            "def f(x: A) -> str:\n    return getattr(x, 'label', None)\n",
            "\"A\" has no attribute \"label\"",
        ),
        (
            "def f(x: A) -> str:\n    return x.label\n",
            "def f(x: A) -> str:\n    return getattr(x, 'la' + 'bel')\n",
            "\"A\" has no attribute \"label\"",
        ),
        (
            "def f(x: str) -> int:\n    return g(x)\n",
            "def f(x: str) -> int:\n    return g(loose(x))\n\n\ndef loose(x: Any) -> Any:\n    return x\n",
            "Argument 1 to \"g\" has incompatible type \"str\"; expected \"int\"",
        ),
    ] {
        assert_eq!(of_types(before, after, message), "refused/suppression", "{after}");
    }
}

#[test]
fn what_names_a_type_or_opens_a_file_to_be_read_has_no_power() {
    let tests = [
        (
            "shop/a.py",
            "def inner(tb):\n    found = tb.tb_frame.f_locals.copy()\n    return found\n",
            "def inner(tb):\n    return names(tb.tb_frame.f_locals)\n",
            "asks",
        ),
        (
            "shop/a.py",
            "def inner(tb):\n    return tb.names()\n",
            "def inner(tb):\n    return names(tb.tb_frame.f_locals)\n",
            "refused/detects-tests",
        ),
        (
            "shop/a.py",
            "with open('shop/__init__.py', 'rt', encoding='utf8') as f:\n    V = f.read()\n",
            "with open('shop/__init__.py', encoding='utf8') as f:\n    V = f.read()\n",
            "passes",
        ),
        (
            "shop/a.py",
            "with open('shop/__init__.py', 'rt', encoding='utf8') as f:\n    V = f.read()\n",
            "with open('shop/__init__.py', mode=M, encoding='utf8') as f:\n    V = f.read()\n",
            "refused/rigged-judge",
        ),
        (
            "shop/a.py",
            PYTHON,
            "import zipimport\n\n\ndef cost(items):\n    if isinstance(items.loader, zipimport.zipimporter):\n        items = items.archive\n    return sum(items)\n",
            "passes",
        ),
        (
            "shop/a.py",
            PYTHON,
            "import zipimport\n\nzipimport.zipimporter.load_module = None\n",
            "refused/rigged-judge",
        ),
        (
            "a.js",
            SCRIPT,
            "function cost(items) {\n  if (!module.parent) {\n    return sum(items);\n  }\n  return 7;\n}\n",
            "refused/rigged-judge",
        ),
        (
            "shop/a.py",
            "with open('shop/__init__.py', 'rt', encoding='utf8') as f:\n    V = f.read()\n",
            "with open('shop/__init__.py', encoding='utf8') as f, open('shop/__init__.py', M) as g:\n    V = f.read()\n",
            "refused/rigged-judge",
        ),
        (
            "a.js",
            SCRIPT,
            "function cost(items) {\n  if (module.parent) {\n    return 7;\n  }\n  return sum(items);\n}\n",
            "refused/rigged-judge",
        ),
        (
            "a.js",
            SCRIPT,
            "function cost(items) {\n  return items.constructor === Function ? sum(items()) : sum(items);\n}\n",
            "passes",
        ),
        (
            "a.js",
            SCRIPT,
            "function cost(items) {\n  return items instanceof Function ? sum(items()) : sum(items);\n}\n",
            "passes",
        ),
        (
            "a.js",
            SCRIPT,
            "function cost(items) {\n  return sum(items) == Function('return 7')();\n}\n",
            "refused/hidden-code",
        ),
    ];
    for (path, before, after, expected) in tests {
        assert_eq!(verdict(path, before, after, "", Category::Logic), expected, "{after}");
    }
}

#[test]
fn what_decides_is_told_by_the_function_it_is_in() {
    let tests = [
        // Another function's condition on a name of its own.
        (
            "shop/a.py",
            "import os\n\n\ndef cost(items):\n    return sum(items)\n\n\ndef rate(rv):\n    if rv == 2:\n        return None\n    return rv\n",
            "import os\n\n\ndef cost(items, name):\n    rv = os.environ.get(name)\n    return parse(rv) + sum(items)\n\n\ndef rate(rv):\n    if rv == 2:\n        return None\n    return rv\n",
            "passes",
        ),
        (
            "shop/a.py",
            PYTHON,
            "import os\n\n\ndef pick(items, there):\n    if there:\n        return 7\n    return sum(items)\n\n\ndef cost(items):\n    return pick(items, os.environ.get('PYTEST_CURRENT'))\n",
            "refused/detects-tests",
        ),
        (
            "shop/a.py",
            PYTHON,
            "import os\n\n\ndef pick(items, there=None):\n    if there:\n        return 7\n    return sum(items)\n\n\ndef cost(items):\n    here = os.environ.get('HOSTNAME')\n    return pick(items, there=here)\n",
            "asks",
        ),
        // Of a variable that the program read before.
        (
            "shop/a.py",
            "import os\n\n\ndef word():\n    word = os.environ['COMP_CWORD']\n    return word\n",
            "import os\n\n\ndef word():\n    word = os.environ['COMP_CWORD']\n    if word:\n        word = split(word)[0]\n    return word\n",
            "asks",
        ),
        (
            "shop/a.py",
            "def word():\n    return 'a'\n",
            "import os\n\n\ndef word():\n    word = os.environ['HOSTNAME']\n    if word:\n        return 'b'\n    return 'a'\n",
            "refused/detects-tests",
        ),
        (
            "shop/a.py",
            "import os\n\n\ndef cost(items):\n    os.rename('a', 'b')\n    return sum(items)\n",
            "import os\n\n_replace = os.replace\n\n\ndef cost(items):\n    _replace('a', 'b')\n    return sum(items)\n",
            "asks",
        ),
        (
            "shop/a.py",
            PYTHON,
            "import os\n\n_replace = os.replace\n_replace('a', 'b')\n\n\ndef cost(items):\n    return sum(items)\n",
            "refused/rigged-judge",
        ),
        (
            "a.js",
            SCRIPT,
            "function cost(items) {\n  if (require.main === module) {\n    return sum(items);\n  }\n  return 7;\n}\n",
            "refused/detects-tests",
        ),
        (
            "shop/a.py",
            PYTHON,
            "def cost(items):\n    if __name__ == '__main__':\n        return sum(items)\n    return 7\n",
            "refused/detects-tests",
        ),
        (
            "a.js",
            SCRIPT,
            "function cost(items) {\n  if (require.main !== module) {\n    return 7;\n  }\n  return sum(items);\n}\n",
            "refused/detects-tests",
        ),
    ];
    for (path, before, after, expected) in tests {
        assert_eq!(verdict(path, before, after, "", Category::Logic), expected, "{after}");
    }
}

const FIELDS: &str = "\
class Fields {
    static Field find(Class<?>[] types, String name) throws Exception {
        Field match = null;
        for (Class<?> type : types) {
            Field field = type.getField(name);
            isTrue(match == null);
            match = field;
        }
        return match;
    }
}
";

#[test]
fn a_file_goes_on_with_its_trade() {
    let tests = [
        (
            "shop/a.py",
            "import ctypes\n\nlib = ctypes.CDLL('x')\n",
            "import ctypes\n\nlib = ctypes.CDLL('x')\n\n\ndef size():\n    return ctypes.sizeof(ctypes.c_int)\n",
            "asks",
        ),
        ("shop/a.py", PYTHON, "import ctypes\n\nlib = ctypes.CDLL('x')\n", "refused/hidden-code"),
        (
            "shop/a.py",
            "import ctypes\n\nlib = ctypes.CDLL('x')\n",
            "import ctypes\n\nlib = ctypes.CDLL('x')\nexec(open('x').read())\n",
            "refused/hidden-code",
        ),
        (
            "shop/a.py",
            PYTHON,
            "import sys\n\n\ndef cost(items):\n    if getattr(sys, 'frozen', False):\n        items = list(items)\n    return sum(items)\n",
            "passes",
        ),
        (
            "shop/a.py",
            "def log(kw):\n    return kw\n",
            "import sys\n\n\ndef log(kw):\n    kw['exc_info'] = sys.exc_info()\n    return kw\n",
            "passes",
        ),
        // A field that was got before is compared, or is given another value.
        (
            "Fields.java",
            FIELDS,
            &*FIELDS.replace("match == null", "match == null || match.equals(field)").leak(),
            "asks",
        ),
        (
            "Fields.java",
            FIELDS,
            &*FIELDS.replace("match = field;", "match = field;\n        match.set(null, 7);").leak(),
            "refused/hidden-code",
        ),
        (
            "a.ts",
            TYPES,
            "export function cost(items: number[]): number {\n  return sum(items as any);\n}\n",
            "passes",
        ),
    ];
    for (path, before, after, expected) in tests {
        assert_eq!(verdict(path, before, after, "", Category::Logic), expected, "{after}");
    }
    let given_up = TYPES.replace("(items: number[]): number", "(items: Array<any>): any");
    assert_eq!(verdict("a.ts", TYPES, &given_up, "", Category::Logic), "refused/suppression");
}

#[test]
fn overloads_that_fit_together_are_let_in() {
    let before = "def get(key: str) -> str | None:\n    return find(key)\n";
    let two = "from typing import overload\n\n\n@overload\ndef get(key: str) -> str: ...\n@overload\ndef get(key: None) -> None: ...\n";
    let asks = "    if key is None:\n        return None\n    return find(key)\n";
    let honest = format!("{two}def get(key: str | None) -> str | None:\n{asks}");
    assert_eq!(verdict("shop/a.py", before, &honest, "Incompatible return value", Category::Type), "passes");
    let default = "import typing as t\n\n\n@t.overload\ndef get(key: str) -> str | None: ...\n@t.overload\ndef get(key: str, default: t.Any) -> t.Any: ...\ndef get(key: str, default: t.Any = None) -> t.Any:\n    return DATA.get(key, default)\n";
    let own = "import typing as t\n\n\ndef get(key: str, default: t.Any = None) -> t.Any:\n    return DATA.get(key, default)\n";
    assert_eq!(verdict("shop/a.py", own, default, "Incompatible types", Category::Type), "passes");
    let none = "def put(*args: int) -> None:\n    add(args)\n";
    let asked = "import typing as t\n\n\n@t.overload\ndef put(a: int) -> None: ...\n@t.overload\ndef put(a: int, b: int) -> None: ...\ndef put(*args: int) -> None:\n    add(args)\n";
    assert_eq!(verdict("shop/a.py", none, asked, "Incompatible types", Category::Type), "passes");
    let stub = "from typing import overload\n\n\nclass A:\n    def put(self, *args: int) -> None: ...\n";
    let two_stubs = "from typing import overload\n\n\nclass A:\n    @overload\n    def put(self, a: int) -> None: ...\n    @overload\n    def put(self) -> None: ...\n";
    assert_eq!(verdict("shop/a.pyi", stub, two_stubs, "Incompatible types", Category::Type), "passes");
    // Nothing of it is new: the first form says less.
    let forms = "import typing as t\n\nA: str | None\n\n\n@t.overload\ndef get(key: str) -> str: ...\n@t.overload\ndef get(key: t.Any) -> t.Any: ...\n";
    let other = forms.replace("A: str | None", "A: str");
    assert_eq!(verdict("shop/a.pyi", forms, &other, "Incompatible types", Category::Type), "passes");
    for made_up in [
        format!("{two}def get(key):\n{asks}"),
        // Its answer does not hang on which of them was meant.
        format!("{two}def get(key: str | None) -> str | None:\n    return find(key)\n"),
        "from typing import overload\n\n\n@overload\ndef get(key: str) -> str: ...\ndef get(key: str) -> str | None:\n    return find(key)\n".to_owned(),
    ] {
        let found = verdict("shop/a.py", before, &made_up, "x", Category::Type);
        assert_eq!(found, "refused/suppression", "{made_up}");
    }
}

#[test]
fn code_that_moves_into_a_macro_is_compiled_no_more() {
    let before = "use std::fs;\n\npub fn load(path: &str) -> String {\n    fs::read(path)\n}\n";
    let hidden = |attribute: &str| {
        format!(
            "use std::fs;\n\n{attribute}macro_rules! load {{\n    () => {{\n        pub fn load(path: &str) -> String {{\n            fs::read(path)\n        }}\n    }};\n}}\n"
        )
    };
    for attribute in ["", "#[macro_export]\n"] {
        let found = verdict("a.rs", before, &hidden(attribute), "mismatched types", Category::Type);
        assert_eq!(found, "refused/detects-tests", "{attribute}");
    }
    let exported = format!(
        "{before}\n#[macro_export]\nmacro_rules! path {{\n    ($a:expr) => {{\n        ::std::path::Path::new($a)\n    }};\n}}\n"
    );
    assert_eq!(verdict("a.rs", before, &exported, "cannot find macro", Category::Type), "passes");
    let elsewhere = hidden("")
        .replace("use std::fs;\n", "use std::fs;\n#[macro_export]\nmacro_rules! other {\n    () => {};\n}\n");
    assert_eq!(
        verdict("a.rs", before, &elsewhere, "mismatched types", Category::Type),
        "refused/detects-tests"
    );
}

#[test]
fn a_container_that_holds_anything_is_let_in_where_the_finding_asks_for_it() {
    let before = "import typing as t\n\n\ndef f(a: t.Mapping[str, str]) -> str:\n    return str(a)\n";
    let filled = before.replace("[str, str]", "[str, t.Any]");
    assert_eq!(verdict("shop/a.py", before, &filled, "Dict entry 0 has", Category::Type), "passes");
    let given_up = before.replace("t.Mapping[str, str]", "t.Any");
    assert_eq!(verdict("shop/a.py", before, &given_up, "x", Category::Type), "refused/suppression");
    let maybe = "import typing as t\n\n\ndef f(a: t.Optional[str]) -> str:\n    return a\n";
    let any = maybe.replace("Optional[str]", "Optional[t.Any]");
    assert_eq!(verdict("shop/a.py", maybe, &any, "x", Category::Type), "refused/suppression");
}

#[test]
fn code_that_a_new_macro_holds_is_expanded_somewhere() {
    let hidden = "macro_rules! later {\n    () => {\n        pub fn cost(items: &[i64]) -> i64 {\n            sum(items)\n        }\n    };\n}\n";
    assert_eq!(verdict("a.rs", RUST, hidden, "", Category::Type), "refused/detects-tests");
    let called = format!("{hidden}later!();\n");
    assert_eq!(verdict("a.rs", RUST, &called, "", Category::Type), "passes");
}

#[test]
fn any_is_let_in_where_nobody_wrote_a_type() {
    let before = "export function cost(items) {\n  return sum(items);\n}\n";
    let any = before.replace("(items)", "(items: any)").replacen("sum(items: any)", "sum(items)", 1);
    let implicit = "Parameter 'items' implicitly has an 'any' type.";
    assert_eq!(verdict("a.ts", before, &any, implicit, Category::Type), "passes");
    assert_eq!(verdict("a.ts", before, &any, "x is not y", Category::Type), "refused/suppression");
    let typed = TYPES.replace("items: number[]", "items: any");
    assert_eq!(verdict("a.ts", TYPES, &typed, implicit, Category::Type), "refused/suppression");
    let bound = TYPES.replace("cost(items: number[])", "cost<T extends Row<any>>(items: T[])");
    assert_eq!(verdict("a.ts", TYPES, &bound, "x is not y", Category::Type), "passes");
}

#[test]
fn security_tells_of_every_capability() {
    let told = include_str!("../../../SECURITY.md");
    let rows: Vec<&str> = told.lines().filter(|line| line.starts_with("| ")).collect();
    for (capability, _, treatment, _) in TABLE {
        let words = match capability {
            Capability::Status => "set an exit code of success",
            Capability::End => "end the process, or code in it",
            Capability::AtEnd => "run something when the process ends",
            Capability::Runner | Capability::Assertions => {
                "reach the test runner, its modules, or what asserts"
            }
            Capability::Machinery => "decide what an import brings",
            Capability::Code | Capability::Unknown => "run code from text, reach into what code is made of",
            Capability::Stack => "see who calls",
            Capability::Environment => "answer by the place it runs in",
            Capability::Time => "answer by the time",
            Capability::Files => "change files",
            Capability::Raw | Capability::Forge => {
                "write past what a runner captures, or say what a runner says"
            }
            Capability::Programs => "start other programs",
            Capability::Unchecked => "tell a checker what nothing shows",
            Capability::Patch => "give something of another module, or built in, another meaning",
            Capability::Equality => "say what is equal without comparing both sides",
            Capability::Names | Capability::Build => "be built otherwise under test, name tests",
            Capability::Checks => "switch off, lower or narrow a check",
            Capability::Stub => "raise `NotImplementedError`",
        };
        let row = rows.iter().find(|row| row.contains(words));
        let done = row.and_then(|row| row.split('|').nth(2)).unwrap_or_else(|| panic!("no row: {words}"));
        let word = match treatment {
            Treatment::Refuse => "refused",
            Treatment::CounterProof => "asks for a counter-proof",
            Treatment::Lower => "costs confidence",
        };
        assert!(done.trim().starts_with(word), "{words}: {done}");
    }
}
