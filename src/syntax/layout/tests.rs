#![expect(clippy::too_many_lines, reason = "tables")]

use super::*;

/// Pairs that must compare as said, in both directions.
fn check(path: &str, wanted: Sameness, pairs: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (one, other) in pairs {
        for (before, after) in [(one, other), (other, one)] {
            let found = same_syntax(path, before, after);
            if found != wanted {
                wrong.push(format!("{found:?} instead of {wanted:?}:\n{before}\n--- and\n{after}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{path}\n{}", wrong.join("\n=====\n"));
}

#[test]
fn python() {
    check(
        "test_a.py",
        Sameness::Same,
        &[
            ("x=1\n", "x = 1\n"),
            ("f(a,b)\n", "f(\n    a,\n    b,\n)\n"),
            ("x = 'a'\n", "x = \"a\"\n"),
            ("x = 'it\\'s'", "x = \"it's\""),
            ("x = '''a'''\n", "x = \"\"\"a\"\"\"\n"),
            ("x = U'a' + B'b'\n", "x = 'a' + b\"b\"\n"),
            ("x = 'a' 'b'\n", "x = 'ab'\n"),
            ("x = f'{a}' 'b'\n", "x = f\"{a}b\"\n"),
            ("if (a and b):\n  f()\n", "if a and b:\n    f()\n"),
            ("if (a):\n    pass\n", "if a:\n    pass\n"),
            ("return_ = (a + b)\n", "return_ = a + b\n"),
            ("assert (a == b)\n", "assert a == b\n"),
            ("assert add(2,3)==5, 'x'\n", "assert add(2, 3) == 5, (\n    \"x\"\n)\n"),
            ("x = (a * b) + c\n", "x = a * b + c\n"),
            ("x = a + \\\n    b\n", "x = a + b\n"),
            ("for (a, b) in c:\n    pass\n", "for a, b in c:\n    pass\n"),
            ("x = a, b\n", "x = (\n    a,\n    b,\n)\n"),
            ("x = (a,)\n", "x = a,\n"),
            ("from a import b, c\n", "from a import (\n    b,\n    c,\n)\n"),
            (
                "with open(a) as f, open(b) as g:\n    pass\n",
                "with (\n    open(a) as f,\n    open(b) as g,\n):\n    pass\n",
            ),
            ("class A():\n    pass\n", "class A:\n    pass\n"),
            ("a = 1; b = 2\n", "a = 1\nb = 2\n"),
            ("x = 0XFF + 1E5\n", "x = 0xff + 1e5\n"),
            ("#note\nx = 1\n", "# note\nx = 1\n"),
            ("def f():\n\treturn 1\n", "def f():\n    return 1\n"),
            ("x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
            ("x = [\n    1,  # one\n    2\n]\n", "x = [\n    1,  # one\n    2,\n]\n"),
            ("del (a, b)\n", "del a, b\n"),
            ("if a: f()\n", "if a:\n    f()\n"),
        ],
    );
    check(
        "test_a.py",
        Sameness::Different,
        &[
            ("assert not (a and b)\n", "assert not a and b\n"),
            ("x = (a,)\n", "x = (a)\n"),
            ("x = a,\n", "x = a\n"),
            ("x = m[a,]\n", "x = m[a]\n"),
            ("f((a, b))\n", "f(a, b)\n"),
            ("f((x for x in y))\n", "f([x for x in y])\n"),
            ("x = ['a' 'b']\n", "x = ['a', 'b']\n"),
            ("assert (a, 'b')\n", "assert a, 'b'\n"),
            ("x = a & (b ^ c)\n", "x = a & b ^ c\n"),
            ("x = await (a ** b)\n", "x = await a ** b\n"),
            ("x = (a < b) < c\n", "x = a < b < c\n"),
            ("x = a - (b - c)\n", "x = a - b - c\n"),
            ("(x): int = 1\n", "x: int = 1\n"),
            ("if a:\n    f()\n    g()\n", "if a:\n    f()\ng()\n"),
            (
                "if a:\n    if b:\n        f()\nelse:\n    g()\n",
                "if a:\n    if b:\n        f()\n    else:\n        g()\n",
            ),
            ("x = f'{a}'\n", "x = '{a}'\n"),
            ("x = f'{a=}'\n", "x = f'{a = }'\n"),
            ("x = f'{a!r:>10}'\n", "x = f'{a!r:>11}'\n"),
            ("x = f'{a}'\n", "x = f'{b}'\n"),
            ("x = 'a'\n", "x = b'a'\n"),
            (r"x = '\n'", r"x = r'\n'"),
            ("x = 'a  b'\n", "x = 'a b'\n"),
            ("def f():\n    '''Doc.\n    More.\n    '''\n", "def f():\n    '''Doc.\n      More.\n    '''\n"),
            ("x = 1  # noqa\n", "x = 1\n"),
            ("x = 1  # type: ignore\ny = 2\n", "x = 1\ny = 2  # type: ignore\n"),
            ("# one thing\nx = 1\n", "# another thing\nx = 1\n"),
            ("x = 1\n", "x = 2\n"),
            ("x = 1\n", "x = 1.0\n"),
            ("@a\ndef f(): pass\n", "@b\ndef f(): pass\n"),
            ("match a:\n    case (b):\n        pass\n", "match a:\n    case (b,):\n        pass\n"),
        ],
    );
    check("test_a.py", Sameness::Unknown, &[("def f(:\n", "def f():\n    pass\n")]);
}

#[test]
fn javascript() {
    check(
        "a.test.js",
        Sameness::Same,
        &[
            ("f(a,b)", "f(\n  a,\n  b,\n);\n"),
            ("const x = 'a'", "const x = \"a\";\n"),
            ("const x = 'it\\'s';", "const x = \"it's\";"),
            ("a()\nb()\n", "a();\nb();\n"),
            ("xs.map(x => x + 1);", "xs.map((x) => x + 1);"),
            ("const f = () => (a);", "const f = () => a;"),
            ("const o = {'a': 1, b: 2}", "const o = { a: 1, b: 2 };"),
            ("if ((a && b)) { f() }", "if (a && b) {\n  f();\n}"),
            ("x = (a * b) + c", "x = a * b + c;"),
            ("x = (a && b) || c", "x = a && b || c"),
            ("import {a,b} from './m'", "import { a, b } from \"./m\";"),
            ("import {\n  a,\n  b,\n} from './m'", "import { a, b } from './m';"),
            ("class A { x = 1; f() {}; }", "class A {\n  x = 1\n  f() {}\n}"),
            ("const x = [1, 2, ]", "const x = [1, 2];"),
            ("/* a\n * b */\nf()", "/* a b */\nf();"),
            ("return_ = !(a)", "return_ = !a;"),
            ("const e = <p>\n  Hi you\n</p>;", "const e = <p>Hi you</p>;"),
            ("const e = (\n  <p className='a'>x</p>\n);", "const e = <p className=\"a\">x</p>;"),
            ("x = 0XAB", "x = 0xab;"),
        ],
    );
    check(
        "a.test.js",
        Sameness::Different,
        &[
            ("return_ = !(a && b)", "return_ = !a && b"),
            ("x = (a?.b).c", "x = a?.b.c"),
            ("x = [a, , b]", "x = [a, b]"),
            ("x = [a, ,]", "x = [a,]"),
            ("f((a, b))", "f(a, b)"),
            ("const f = () => ({})", "const f = () => {}"),
            ("function f() { return\na }", "function f() { return a }"),
            ("('use strict'); f()", "'use strict'; f()"),
            ("x = `a b`", "x = `a  b`"),
            ("x = `a${b}`", "x = `a${c}`"),
            ("x = 'a'", "x = `a`"),
            ("x = /a b/", "x = /a  b/"),
            ("x = a ? b : (c ? d : e)", "x = (a ? b : c) ? d : e"),
            ("if (a) f(); g()", "if (a) { f(); g() }"),
            ("for (;a();) {}", "for (a();;) {}"),
            ("new (f())()", "new f()()"),
            ("// eslint-disable-next-line\nf();\ng();", "// eslint-disable-next-line\nf(); g();"),
            ("f(); // note", "f(); // another"),
            ("// @ts-ignore\nf();\ng();", "f();\n// @ts-ignore\ng();"),
            ("expect(a).toBe(1)", "expect(a).toBe(2)"),
            ("const e = <p>a b</p>", "const e = <p>a  b</p>"),
            ("x = a\n++b", "x = a++\nb"),
        ],
    );
    check("a.js", Sameness::Unknown, &[("f(", "f()")]);
}

#[test]
fn typescript() {
    for path in ["a.test.ts", "a.test.tsx"] {
        check(
            path,
            Sameness::Same,
            &[
                ("const x:number=1", "const x: number = 1;\n"),
                ("interface A { a: string, b: number }", "interface A {\n  a: string;\n  b: number;\n}"),
                ("type A = { a: string; b: number }", "type A = {\n  a: string\n  b: number\n}"),
                ("type A = 'a' | 'b'", "type A =\n  | \"a\"\n  | \"b\";"),
                ("enum A { B, C }", "enum A {\n  B,\n  C,\n}"),
                ("const f = async x => x", "const f = async (x) => x;"),
                ("f<A,B>(a)", "f<A, B>(a);"),
                ("import type {A} from './a'", "import type { A } from \"./a\";"),
                (
                    "it('adds', () => { expect(add(1,2)).toBe(3) })",
                    "it(\"adds\", () => {\n  expect(add(1, 2)).toBe(3);\n});",
                ),
                ("class A { private x: number = 1; }", "class A {\n  private x: number = 1\n}"),
                ("const x = (a as B);", "const x = a as B;"),
                ("const o = { 'a': 1 }", "const o = { a: 1 }"),
            ],
        );
        check(
            path,
            Sameness::Different,
            &[
                ("const x: number = 1", "const x = 1"),
                ("const x: number = 1", "const x: any = 1"),
                ("type A = 'a' | 'b'", "type A = 'a' | 'c'"),
                ("type A = (B | C)[]", "type A = B | C[]"),
                ("const x = (a as B).c", "const x = a as B.c"),
                ("interface A { a: string }", "interface A { a?: string }"),
                ("// @ts-expect-error\nf()", "f()"),
                ("import type { A } from './a'", "import { A } from './a'"),
                ("it('a', () => {})", "it.skip('a', () => {})"),
                ("const x = a!", "const x = a"),
                ("class A { private x = 1 }", "class A { x = 1 }"),
                ("f<A>(a)", "f(a)"),
            ],
        );
    }
}

#[test]
fn go() {
    check(
        "a_test.go",
        Sameness::Same,
        &[
            ("package a\nfunc f() {return}\n", "package a\n\nfunc f() {\n\treturn\n}\n"),
            ("package a\nvar x = f(a,b)\n", "package a\n\nvar x = f(\n\ta,\n\tb,\n)\n"),
            ("package a\nfunc f() { a(); b() }\n", "package a\n\nfunc f() {\n\ta()\n\tb()\n}\n"),
            (
                "package a\nfunc f() { if (x) { a() } }\n",
                "package a\n\nfunc f() {\n\tif x {\n\t\ta()\n\t}\n}\n",
            ),
            (
                "package a\ntype T struct{a int; b string}\n",
                "package a\n\ntype T struct {\n\ta int\n\tb string\n}\n",
            ),
            ("package a\nimport (\"a\"; \"b\")\n", "package a\n\nimport (\n\t\"a\"\n\t\"b\"\n)\n"),
            ("package a\nvar x = []int{1,2}\n", "package a\n\nvar x = []int{\n\t1,\n\t2,\n}\n"),
            ("package a\nvar x = a*b+c\n", "package a\n\nvar x = (a * b) + c\n"),
            ("package a\nvar x = 0XFF\n", "package a\n\nvar x = 0xFF\n"),
            ("package a\n// a  b\nvar x = 1\n", "package a\n\n// a b\nvar x = 1\n"),
            (
                "package a\nfunc f(a int,b int) (int,error) { return 1,nil }\n",
                "package a\n\nfunc f(a int, b int) (int, error) {\n\treturn 1, nil\n}\n",
            ),
            (
                "package a\nfunc f() {\nswitch x {\ncase 1: a()\n}\n}\n",
                "package a\n\nfunc f() {\n\tswitch x {\n\tcase 1:\n\t\ta()\n\t}\n}\n",
            ),
        ],
    );
    check(
        "a_test.go",
        Sameness::Different,
        &[
            ("package a\nvar x = (a + b) * c\n", "package a\nvar x = a + b * c\n"),
            ("package a\nvar x = (*p).x\n", "package a\nvar x = *p.x\n"),
            ("package a\nvar x = `a b`\n", "package a\nvar x = `a  b`\n"),
            ("package a\nvar x = !(a && b)\n", "package a\nvar x = !a && b\n"),
            ("package a\nfunc f() { for a(); ; {} }\n", "package a\nfunc f() { for ; a(); {} }\n"),
            ("//go:build linux\n\npackage a\n", "//go:build darwin\n\npackage a\n"),
            ("//go:build linux\n\npackage a\n", "package a\n"),
            ("package a\nfunc f() {\n\t// Output: 3\n}\n", "package a\nfunc f() {\n\t// Output: 4\n}\n"),
            ("package a\nimport (\"a\"; \"b\")\n", "package a\nimport (\"b\"; \"a\")\n"),
            ("package a\nvar x = 1 //nolint:x\nvar y = 2\n", "package a\nvar x = 1\nvar y = 2 //nolint:x\n"),
            ("package a\nvar x = 'a'\n", "package a\nvar x = \"a\"\n"),
            ("package a\nvar x = 1\n", "package a\nvar x = 2\n"),
        ],
    );
}

#[test]
fn rust() {
    check(
        "tests/a.rs",
        Sameness::Same,
        &[
            ("fn  a( ) { b() }", "fn a() {\n    b()\n}\n"),
            ("fn a() { f(a,b) }", "fn a() {\n    f(\n        a,\n        b,\n    )\n}\n"),
            ("use a::{b,c};", "use a::{\n    b,\n    c,\n};\n"),
            ("fn a() { assert_eq!(a,b) }", "fn a() {\n    assert_eq!(\n        a,\n        b,\n    )\n}\n"),
            (
                "fn a() { assert_eq!(f(a,b),c) }",
                "fn a() {\n    assert_eq!(\n        f(\n            a,\n            b,\n        ),\n        c\n    )\n}\n",
            ),
            ("fn a() { if (x) { b() } }", "fn a() {\n    if x {\n        b()\n    }\n}\n"),
            (
                "fn a() { match x { A => { b() }, B => c() } }",
                "fn a() {\n    match x {\n        A => { b() }\n        B => c(),\n    }\n}\n",
            ),
            ("struct A { a: u8 }", "struct A {\n    a: u8,\n}\n"),
            ("fn a() -> u8 { return (1) + 2; }", "fn a() -> u8 {\n    return 1 + 2;\n}\n"),
            ("fn a() { let x = (a * b) + c; }", "fn a() {\n    let x = a * b + c;\n}\n"),
            ("//  note\nfn a() {}", "// note\nfn a() {}\n"),
            ("fn a<T>(x:T) where T:B {}", "fn a<T>(x: T)\nwhere\n    T: B,\n{\n}\n"),
            (
                "fn a() { let v = vec![1,2]; }",
                "fn a() {\n    let v = vec![\n        1,\n        2,\n    ];\n}\n",
            ),
        ],
    );
    check(
        "tests/a.rs",
        Sameness::Different,
        &[
            ("fn a() { (x.f)() }", "fn a() { x.f() }"),
            ("fn a() { let x = (a,); }", "fn a() { let x = (a); }"),
            ("fn a() { let (x,) = y; }", "fn a() { let (x) = y; }"),
            ("fn a() { !(a && b) }", "fn a() { !a && b }"),
            ("fn a() { m!(a, b) }", "fn a() { m!(a, b,) }"),
            ("fn a() { assert_eq!((a), (b,)) }", "fn a() { assert_eq!((a), (b)) }"),
            ("fn a() { assert_eq!(a, b) }", "fn a() { assert_eq!(a, c) }"),
            ("fn a() { f(); }", "fn a() { f() }"),
            ("#[test]\nfn a() {}", "fn a() {}"),
            ("#[test]\nfn a() {}", "#[test]\n#[ignore]\nfn a() {}"),
            ("/// ```\n/// f()\n/// ```\nfn a() {}", "/// ```\n/// g()\n/// ```\nfn a() {}"),
            ("fn a() { -1i32.abs() }", "fn a() { (-1i32).abs() }"),
            ("fn a() { let x = \"a b\"; }", "fn a() { let x = \"a  b\"; }"),
            ("fn a() { let x = 1; }", "fn a() { let x = 1.0; }"),
            ("fn a() { (a..b).c() }", "fn a() { a..b.c() }"),
        ],
    );
}

#[test]
fn java() {
    check(
        "ATest.java",
        Sameness::Same,
        &[
            ("class A{int x=1;}", "class A {\n  int x = 1;\n}\n"),
            (
                "class A { void f(){g(a,b);} }",
                "class A {\n  void f() {\n    g(\n        a,\n        b);\n  }\n}\n",
            ),
            ("class A { int[] x = {1,2}; }", "class A {\n  int[] x = {\n    1, 2,\n  };\n}\n"),
            ("class A { int f() { return (a); } }", "class A { int f() { return a; } }"),
            ("class A { int x = (a * b) + c; }", "class A { int x = a * b + c; }"),
            (
                "class A { void f() { if(a) { g(); } } }",
                "class A {\n  void f() {\n    if (a) {\n      g();\n    }\n  }\n}\n",
            ),
            ("@Test void f();", "@Test\nvoid f();"),
            ("class A { @Test void f() {} }", "class A {\n  @Test\n  void f() {}\n}\n"),
            ("// a  b\nclass A {}", "// a b\nclass A {}\n"),
            ("import a.B;\nimport a.C;\nclass A {}", "import a.B;\n\nimport a.C;\n\nclass A {}\n"),
            ("enum A { B, C }", "enum A {\n  B,\n  C,\n}\n"),
            ("class A { Object f = x->x; }", "class A {\n  Object f = x -> x;\n}\n"),
        ],
    );
    check(
        "ATest.java",
        Sameness::Different,
        &[
            ("class A { int x = a * (b + c); }", "class A { int x = a * b + c; }"),
            ("class A { String x = \"a\" + (1 + 2); }", "class A { String x = \"a\" + 1 + 2; }"),
            ("class A { boolean x = !(a && b); }", "class A { boolean x = !a && b; }"),
            ("class A { @Test void f() {} }", "class A { void f() {} }"),
            ("class A { @Test void f() {} }", "class A { @Test @Disabled void f() {} }"),
            ("class A { int x = 1; }", "class A { int x = 2; }"),
            ("class A { int x = 1; }", "class A { long x = 1; }"),
            ("class A { char x = 'a'; }", "class A { String x = \"a\"; }"),
            (
                "class A { String x = \"\"\"\n    a\n    \"\"\"; }",
                "class A { String x = \"\"\"\n    a\n  \"\"\"; }",
            ),
            ("class A { void f() { if (a) g(); h(); } }", "class A { void f() { if (a) { g(); h(); } } }"),
            (
                "class A { int x = 1; // NOSONAR\n int y = 2; }",
                "class A { int x = 1;\n int y = 2; // NOSONAR\n }",
            ),
            ("import a.B;\nimport a.C;\nclass A {}", "import a.C;\nimport a.B;\nclass A {}"),
        ],
    );
}

#[test]
fn other_languages_are_not_known() {
    assert_eq!(same_syntax("a.kt", "x", "x"), Sameness::Unknown);
    assert_eq!(same_syntax("tests/data.json", "{}", "{ }"), Sameness::Unknown);
}

/// Brackets between binary operators are left out because the grammar shows the grouping; so the grammar must group as
/// the language does.
#[test]
fn grammars_bind_as_their_languages_do() {
    // Tightest first.
    let of: [(&str, &str, &str, &[&[&str]]); 5] = [
        (
            "a.py",
            "x = ",
            "\n",
            &[&["*", "/", "//", "%", "@"], &["+", "-"], &["<<", ">>"], &["<"], &["and"], &["or"]],
        ),
        (
            "a.js",
            "x = ",
            ";",
            &[
                &["*", "/", "%"],
                &["+", "-"],
                &["<<", ">>", ">>>"],
                &["<", ">", "in", "instanceof"],
                &["==", "==="],
                &["&"],
                &["^"],
                &["|"],
                &["&&"],
                &["||"],
            ],
        ),
        (
            "a.go",
            "package a\nvar x = ",
            "\n",
            &[&["*", "/", "%", "<<", ">>", "&", "&^"], &["+", "-", "|", "^"], &["==", "<"], &["&&"], &["||"]],
        ),
        (
            "a.rs",
            "fn f() { let x = ",
            "; }",
            &[
                &["*", "/", "%"],
                &["+", "-"],
                &["<<", ">>"],
                &["&"],
                &["^"],
                &["|"],
                &["=="],
                &["&&"],
                &["||"],
            ],
        ),
        (
            "A.java",
            "class A { int x = ",
            "; }",
            &[
                &["*", "/", "%"],
                &["+", "-"],
                &["<<", ">>", ">>>"],
                &["<", ">"],
                &["==", "!="],
                &["&"],
                &["^"],
                &["|"],
                &["&&"],
                &["||"],
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for (path, head, tail, levels) in of {
        for (i, one) in levels.iter().enumerate() {
            for (j, other) in levels.iter().enumerate() {
                for first in *one {
                    for second in *other {
                        // Comparisons chain in Python and do not in Rust.
                        if i == j && (["<", "=="].contains(first) || ["<", "=="].contains(second)) {
                            continue;
                        }
                        let of = |text: String| format!("{head}{text}{tail}");
                        let bare = of(format!("a {first} b {second} c"));
                        let left = of(format!("(a {first} b) {second} c"));
                        let right = of(format!("a {first} (b {second} c)"));
                        let (binds, not) = if i <= j { (left, right) } else { (right, left) };
                        if same_syntax(path, &bare, &not) != Sameness::Different {
                            wrong.push(format!("{bare} is not {not}"));
                        }
                        if same_syntax(path, &bare, &binds) != Sameness::Same
                            && !(path == "a.py" && *first == "@")
                        {
                            wrong.push(format!("{bare} is {binds}"));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const SAMPLES: &[(&str, &str)] = &[
    (
        "a.py",
        "import os\n\n\n@mark\ndef test_a(tmp, n=3):\n    x = {'a': [1, 2], \"b\": (n, f'{n:>3} x')}\n    if not (x and n) or tmp:\n        assert f(x, *n)[0] == 'v', 'why'\n    return lambda y: y + 1\n",
    ),
    (
        "a.ts",
        "import { a } from './a';\n\nit('adds', async () => {\n  const x: number[] = [1, ...(await a('b', { c: 2 }))];\n  expect(!(x && x[0])).toBe(`v${x}`);\n});\n",
    ),
    (
        "a.go",
        "package a\n\nimport \"fmt\"\n\nfunc TestA(t *testing.T) {\n\tif x := f(1, \"a\"); x != 2 && !(x > 3) {\n\t\tt.Errorf(\"no %d\", x)\n\t}\n}\n",
    ),
    (
        "a.rs",
        "#[test]\nfn a() -> u8 {\n    let x = f(1, \"a\").map(|n| n + 1);\n    assert_eq!(x, Some(2));\n    match x { Some(n) if n > 1 => 1, _ => 2 }\n}\n",
    ),
    (
        "A.java",
        "class A {\n  @Test\n  void f() {\n    int x = g(1, \"a\") + 2;\n    if (!(x > 3)) { assertEquals(2, x); }\n  }\n}\n",
    ),
];

/// Where each token of a sample stands.
fn tokens(path: &str, text: &str) -> Vec<(usize, usize)> {
    let parsed = parse(Grammar::of(path).unwrap(), text).unwrap();
    Canonical::of(&parsed).leaves.iter().map(|leaf| (leaf.start, leaf.end)).collect()
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]
    /// Blanks between tokens say nothing, whatever their number; in brackets, line breaks neither.
    #[test]
    fn blanks_say_nothing(sample in 0..SAMPLES.len(), at in proptest::collection::vec((0..200usize, 1..4usize), 1..8)) {
        let (path, text) = SAMPLES[sample];
        let mut spots: Vec<(usize, usize)> = at.iter().map(|(i, n)| {
            let all = tokens(path, text);
            (all[i % all.len()].1, *n)
        }).collect();
        spots.sort_unstable();
        let mut after = text.to_owned();
        for (spot, n) in spots.iter().rev() {
            // Inside of texts blanks count.
            if !tokens(path, text).iter().any(|(start, end)| start < spot && spot < end) && !is_in_text(path, text, *spot) {
                after.insert_str(*spot, &" ".repeat(*n));
            }
        }
        proptest::prop_assert_eq!(same_syntax(path, text, &after), Sameness::Same, "{}", after);
    }

    /// Another token is another program: it compares as different, or is none at all.
    #[test]
    fn tokens_count(sample in 0..SAMPLES.len(), at in 0..200usize, new in "(zz|7|\"q\"|not|!|-|\\+|%)") {
        let (path, text) = SAMPLES[sample];
        let all = tokens(path, text);
        let (start, end) = all[at % all.len()];
        if text[start..end] != new {
            let after = format!("{}{new}{}", &text[..start], &text[end..]);
            proptest::prop_assert_ne!(same_syntax(path, text, &after), Sameness::Same, "{}", after);
        }
    }

    /// Whatever two texts are: there is an answer, and it does not depend on the order.
    #[test]
    fn any_two_texts_compare(
        path in "a\\.(py|js|tsx|go|rs|java)",
        one in "(def f\\(\\):\n|    |x = |\\(|\\)|\\[|\\]|\\{|\\}|'|\"|`|,|;|\n|# noqa|// a|/\\*|\\*/|é|<a>|</a>|=>|fn |package a\n|class A ){0,24}",
        other in "(def f\\(\\):\n|    |x = |\\(|\\)|\\[|\\]|\\{|\\}|'|\"|`|,|;|\n|# noqa|// a|/\\*|\\*/|é|<a>|</a>|=>|fn |package a\n|class A ){0,24}",
    ) {
        let known = same_syntax(&path, &one, &one);
        proptest::prop_assert!(known != Sameness::Different, "{}", one);
        let (there, back) = (same_syntax(&path, &one, &other), same_syntax(&path, &other, &one));
        proptest::prop_assert_eq!(there == Sameness::Unknown, back == Sameness::Unknown);
    }
}

fn is_in_text(path: &str, text: &str, spot: usize) -> bool {
    let parsed = parse(Grammar::of(path).unwrap(), text).unwrap();
    parsed.nodes.iter().any(|n| {
        ["string", "template_string", "string_literal", "interpreted_string_literal"].contains(&n.kind)
            && n.bytes.start < spot
            && spot < n.bytes.end
    })
}

#[test]
fn a_suppression_may_come_to_judge_less_and_never_more() {
    let (one, several) = ("x = f(aaa, bbb)  # noqa\n", "x = f(\n    aaa, bbb\n)  # noqa\n");
    assert_eq!(same_syntax("a.py", one, several), Sameness::Same);
    assert_eq!(same_syntax("a.py", several, one), Sameness::Different);
    assert_eq!(same_syntax("a.py", "x = 1\ny = 2  # noqa\n", "x = 1; y = 2  # noqa\n"), Sameness::Different);
}
