use super::*;

fn calls(grammar: Grammar, text: &str) -> Vec<String> {
    let uses = Reading::of(grammar, text).unwrap().uses();
    uses.into_iter().map(|one| format!("{:?} {}", one.how, one.path)).collect()
}

#[test]
fn a_path_is_followed_through_names_imports_and_reflection() {
    use Grammar::{Go, Java, JavaScript, Python, Rust, TypeScript};
    for (grammar, text, path) in [
        (Python, "from os import _exit as e\ne(0)\n", "Call os._exit"),
        (Python, "import os\nbye = os._exit\nbye(0)\n", "Call os._exit"),
        (Python, "import os\ngetattr(os, '_' + 'exit')(0)\n", "Call os._exit"),
        (Python, "import os\nvars(os)['_ex' 'it'](0)\n", "Call os._exit"),
        (Python, "import atexit, os\natexit.register(os.__dict__['_' 'exit'], 0)\n", "Read os._exit"),
        (Python, "__import__('os')._exit(0)\n", "Call os._exit"),
        (Python, "from os import *\n_exit(0)\n", "Call os._exit"),
        (
            Python,
            "from _pytest import python\npython.Function.runtest = lambda s: None\n",
            "Write _pytest.python.Function.runtest",
        ),
        (Python, "import unittest\nsetattr(unittest.TestCase, 'run', None)\n", "Write unittest.TestCase.run"),
        (JavaScript, "const { exit: bye } = process;\nbye(0);\n", "Call process.exit"),
        (JavaScript, "const bye = process.exit.bind(process, 0);\nbye();\n", "Call process.exit"),
        (JavaScript, "globalThis['ev' + 'al']('1');\n", "Call eval"),
        (
            JavaScript,
            "const lib = require('node:assert');\nlib['strictEqual'] = () => {};\n",
            "Write assert.strictEqual",
        ),
        (TypeScript, "Reflect.get(process, \"ex\" + \"it\")(0);\n", "Call process.exit"),
        (
            TypeScript,
            "import lib = require(\"node:assert\");\nObject.assign(lib, { strictEqual() {} });\n",
            "Write assert.strictEqual",
        ),
        (Go, "package a\n\nimport \"os\"\n\nfunc f() {\n\tbye := os.Exit\n\tbye(0)\n}\n", "Call os.Exit"),
        (Go, "package a\n\nimport o \"os\"\n\nfunc f() { o.Exit(0) }\n", "Call os.Exit"),
        (Rust, "fn f() { let bye = std::process::exit; bye(0); }\n", "Call process.exit"),
        (Rust, "use std::process as p;\nfn f() { p::exit(0); }\n", "Call process.exit"),
        (Rust, "fn f() { assert!(std::env::args().count() > 1); }\n", "Call env.args"),
        (
            Java,
            "class A { void f() { Runtime r = Runtime.getRuntime(); r.exit(0); } }\n",
            "Call Runtime.getRuntime.exit",
        ),
        (Java, "class A { void f() { java.lang.System.exit(0); } }\n", "Call System.exit"),
        (
            Java,
            "import static java.lang.System.exit;\nclass A { void f() { exit(0); } }\n",
            "Call System.exit",
        ),
        (
            Java,
            "class A { void f() { System.class.getMethod(\"exit\").invoke(null, 0); } }\n",
            "Call System.getMethod.invoke",
        ),
    ] {
        let found = calls(grammar, text);
        assert!(found.iter().any(|f| f == path), "{text}{path} is not in {found:?}");
    }
}

#[test]
fn a_name_means_what_it_is_given_in_the_functions_around_it() {
    use Grammar::{Go, JavaScript, Python, Rust};
    for (grammar, text) in [
        (
            Python,
            "class A:\n    def f(*args):\n        self, x = args[:2]\n\n    def g(self, x):\n        self.x = x\n",
        ),
        (Python, "import os\n\ndef f():\n    stop = os._exit\n\ndef g(stop):\n    stop.x = 1\n"),
        (JavaScript, "function f(...a) { const [self] = a; }\nfunction g(self) { self.x = 1; }\n"),
        (Go, "package a\n\nfunc f(a []T) { s := a[0]; s.y() }\n\nfunc g(s *T) { s.x = 1 }\n"),
        (
            Go,
            "package a\n\nimport \"os\"\n\nfunc f(s []string) { if s == nil { s = os.Args } }\n\nfunc g(s *T) { s.x = 1 }\n",
        ),
        (Rust, "fn f() { let s = std::env::args(); }\nfn g(s: &mut T) { s.x = 1; }\n"),
    ] {
        let found = calls(grammar, text);
        let writes: Vec<&String> = found.iter().filter(|f| f.ends_with(".x")).collect();
        assert!(writes.iter().all(|f| f.starts_with("Write ?")) && !writes.is_empty(), "{text}{found:?}");
    }
    // Given in one function, called in another.
    for (grammar, text) in [
        (Python, "import os\n\ndef f():\n    global bye\n    bye = os._exit\n\ndef g():\n    bye(0)\n"),
        (
            Python,
            "import os\n\ndef f():\n    bye = 1\n    def h():\n        nonlocal bye\n        bye = os._exit\n    h()\n    bye(0)\n",
        ),
        (Python, "import os\nbye = os._exit\n\ndef g():\n    [bye for bye in ()]\n    bye(0)\n"),
        (Python, "import os\nbye = os._exit\n\ndef g():\n    class A:\n        bye = 1\n    bye(0)\n"),
        (
            Go,
            "package a\n\nimport \"os\"\n\nvar bye func(int)\n\nfunc f() { bye = os._exit; bye := 1; _ = bye }\n\nfunc g() { bye(0) }\n",
        ),
        (JavaScript, "let bye;\nfunction f() { bye = process._exit; }\nfunction g() { bye(0); }\n"),
        (JavaScript, "const bye = process._exit;\nfunction g() { { let bye = 1; } bye(0); }\n"),
        (
            JavaScript,
            "let bye;\nfunction f() { { let bye = 1; } bye = process._exit; }\nfunction g() { bye(0); }\n",
        ),
        (
            Go,
            "package a\n\nimport \"os\"\n\nvar bye func(int)\n\nfunc f() { bye = os._exit }\n\nfunc g() { bye(0) }\n",
        ),
        (Rust, "fn f() { let bye; { bye = std::os::_exit; } let g = || { bye(0) }; let bye = 1; }\n"),
    ] {
        let found = calls(grammar, text);
        assert!(found.iter().any(|f| f.starts_with("Call ") && f.ends_with("._exit")), "{text}{found:?}");
    }
}

#[test]
fn what_the_file_defines_is_its_own() {
    for text in [
        "def exit(code):\n    return code\n\nexit(0)\n",
        "def f(exit):\n    exit(0)\n",
        "class A:\n    def f(self):\n        self.exit(0)\n",
    ] {
        let found = calls(Grammar::Python, text);
        assert!(!found.iter().any(|f| f == "Call exit"), "{text}{found:?}");
    }
}

#[test]
fn texts_are_put_together() {
    for (grammar, text) in [
        (Grammar::Python, "x = 'py' 'test'\n"),
        (Grammar::Python, "x = 'py' + \"test\"\n"),
        (Grammar::Python, "x = ''.join(['py', 'test'])\n"),
        (Grammar::JavaScript, "x = 'py' + `test`;\n"),
        (Grammar::Go, "package a\n\nvar x = \"py\" + \"test\"\n"),
        (Grammar::Java, "class A { String x = \"py\" + \"test\"; }\n"),
    ] {
        let spelled = Reading::of(grammar, text).unwrap().spelled();
        assert!(
            spelled
                .iter()
                .any(|s| s.text == "pytest" && s.parts.ends_with(&["py".to_owned(), "test".to_owned()])),
            "{text}{spelled:?}"
        );
    }
}

#[test]
fn equality_looks_at_both() {
    let looks = |grammar, text: &str| {
        let all = Reading::of(grammar, text).unwrap().equalities();
        all.first().map(|e| e.looks)
    };
    use Grammar::{Go, Java, Python, Rust, TypeScript};
    for (grammar, text) in [
        (Python, "class A:\n    def __eq__(self, other):\n        return isinstance(other, A)\n"),
        (Python, "class A(int):\n    __eq__ = int.__le__\n"),
        (Python, "class A:\n    def __eq__(self, other):\n        return self.x == other.x or True\n"),
        (Python, "A = type('A', (int,), {'__eq__': lambda *both: 1})\n"),
        (Java, "class A { public boolean equals(Object o) { return o instanceof A c && c.x == c.x; } }"),
        (Java, "class A { public boolean equals(Object o) { return this == o || o instanceof A; } }"),
        (Rust, "impl PartialEq for A { fn eq(&self, other: &A) -> bool { matches!(other, A(_)) } }"),
        (Rust, "impl PartialEq for A { fn eq(&self, _: &A) -> bool { 1 < 2 } }"),
        (Go, "package a\n\nfunc (a A) Equal(b A) bool { return a == a }\n"),
        (TypeScript, "class A { equals(other: A): boolean { return !!this; } }"),
    ] {
        assert_eq!(looks(grammar, text), Some(Looks::Not), "{text}");
    }
    for (grammar, text) in [
        (
            Python,
            "class A:\n    def __eq__(self, other):\n        return isinstance(other, A) and self.x == other.x\n",
        ),
        (
            Python,
            "class A:\n    def __eq__(self, other):\n        if self is other:\n            return True\n        return (self.x, self.y) == (other.x, other.y)\n",
        ),
        (
            Java,
            "class A { public boolean equals(Object o) { if (this == o) return true; A c = (A) o; return x == c.x; } }",
        ),
        (
            Java,
            "class A { public boolean equals(Object o) { return o instanceof A c && Objects.equals(name, c.name); } }",
        ),
        (Rust, "impl PartialEq for A { fn eq(&self, other: &A) -> bool { self.0 == other.0 } }"),
        (
            Rust,
            "impl PartialEq for A { fn eq(&self, other: &A) -> bool { match (self, other) { (A::X, A::X) => true, _ => false } } }",
        ),
        (Go, "package a\n\nfunc (a A) Equal(b A) bool { return a == b }\n"),
        (TypeScript, "class A { equals(other: A): boolean { return this.x === other.x; } }"),
    ] {
        assert_eq!(looks(grammar, text), Some(Looks::Both), "{text}");
    }
}

#[test]
fn branches_are_told_by_what_they_are_held_against() {
    let held = |grammar, text: &str| {
        Reading::of(grammar, text).unwrap().branches().iter().map(|b| b.held).collect::<Vec<_>>()
    };
    use Grammar::{Go, Java, JavaScript, Python, Rust};
    for (grammar, text, want) in [
        (Python, "def f(x):\n    if len(x) == 3:\n        return 7\n    return g(x)\n", Held::Derived),
        (Python, "def f(x):\n    return 7 if x else g(x)\n", Held::Derived),
        (Python, "def f(x):\n    return {3: 7}.get(len(x), g(x))\n", Held::Derived),
        (Python, "def f(x):\n    if x == 41:\n        return 7\n    return g(x)\n", Held::Input),
        (Python, "def f(x):\n    if not x:\n        return 7\n    return g(x)\n", Held::Empty),
        (Python, "def f(x):\n    return len(x) * 2 + 1 if x else g(x)\n", Held::Derived),
        (JavaScript, "function f(x) {\n  return x.length ? 7 : g(x);\n}\n", Held::Derived),
        (JavaScript, "function f(x) {\n  return x.open === false ? 7 : g(x);\n}\n", Held::Input),
        (JavaScript, "function f(x) {\n  return (x.length > 3) === false ? 7 : g(x);\n}\n", Held::Derived),
        (
            JavaScript,
            "function f(x) {\n  return new Map([[3, 7]]).get(x.length) ?? g(x);\n}\n",
            Held::Derived,
        ),
        (
            Go,
            "package a\n\nfunc f(x []int) int {\n\tif v, ok := map[int]int{3: 0b111}[len(x)]; ok {\n\t\treturn v\n\t}\n\treturn g(x)\n}\n",
            Held::Derived,
        ),
        (Rust, "fn f(x: &[i64]) -> i64 { if x.is_empty() { g(x) } else { 0b111 } }", Held::Derived),
        (Rust, "fn f(x: &[i64]) -> i64 { match x { [_, _, _] => 6 + 1, _ => g(x) } }", Held::Derived),
        (
            Java,
            "class A { int f(int[] x) { return switch (x.length) { case 3 -> 0b111; default -> g(x); }; } }",
            Held::Derived,
        ),
        (Java, "class A { int f(int x) { if (x < 18) { return 5; } return g(x); } }", Held::Order),
    ] {
        assert!(held(grammar, text).contains(&want), "{text} {:?}", held(grammar, text));
    }
}
