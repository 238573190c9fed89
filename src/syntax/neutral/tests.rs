#![expect(clippy::too_many_lines, reason = "tables")]

use std::collections::BTreeMap;

use super::*;
use crate::contract::bug::{Category, Fingerprint, LogSpan, Severity};
use crate::contract::git::{FileMode, RepoPath, TreeFile};

struct Tree(Vec<TreeFile>, BTreeMap<RepoPath, String>);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let texts: BTreeMap<RepoPath, String> =
            files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), (*text).to_owned())).collect();
        let entry =
            |path: &RepoPath| TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() };
        Self(texts.keys().map(entry).collect(), texts)
    }
}

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.0
    }
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.1.get(path).map(|text| text.clone().into_bytes())
    }
}

/// `code line message`
fn finding(category: Category, said: &str) -> BugReport {
    let mut words = said.splitn(3, ' ');
    let code = words.next().filter(|code| *code != "-").map(str::to_owned);
    let line = words.next().and_then(|line| line.parse().ok());
    BugReport {
        fingerprint: Fingerprint(said.to_owned()),
        tool: "tool".to_owned(),
        category,
        code,
        severity: Severity::Error,
        file: None,
        line,
        column: None,
        end_line: None,
        end_column: None,
        message: words.next().unwrap_or_default().to_owned(),
        test: None,
        log: LogSpan::default(),
        related: Vec::new(),
        hint: None,
        package: None,
    }
}

const REPOSITORY: &[(&str, &str)] = &[
    ("shop/__init__.py", ""),
    (
        "shop/cart.py",
        "import os\n\nTAX = 2\n\n\nclass Cart:\n    pass\n\n\ndef total(items):\n    return sum(items)\n",
    ),
    ("shop/registry.py", "from shop.cart import Cart\n\nregister(Cart)\n\n\ndef known():\n    return 1\n"),
    (
        "tests/helpers.py",
        "import pytest\n\n\n@pytest.fixture\ndef db():\n    return 1\n\n\nclass TestBase(TestCase):\n    pass\n\n\ndef build():\n    return 1\n",
    ),
    (
        "pyproject.toml",
        "[project]\nname = \"shop\"\ndependencies = [\"attrs>=1\", \"numpy\", \"pytest-mock\"]\n",
    ),
    (
        "src/cart.ts",
        "export function total(items: number[]): number {\n  return 0;\n}\nexport const tax = 2;\n",
    ),
    ("src/setup.ts", "globalThis.x = make();\nexport const y = 1;\n"),
    (
        "package.json",
        "{\"dependencies\": {\"lodash\": \"1\"}, \"devDependencies\": {\"@testing-library/jest-dom\": \"1\"}}",
    ),
    ("go.mod", "module example.com/shop\n\nrequire github.com/google/uuid v1.0.0\n"),
    ("Cargo.toml", "[dependencies]\nserde = \"1\"\n"),
];

fn edits(path: &str, before: &str, after: &str, findings: &[(Category, &str)]) -> Option<Vec<NeutralEdit>> {
    let reports: Vec<BugReport> = findings.iter().map(|(category, said)| finding(*category, said)).collect();
    let named: Vec<&BugReport> = reports.iter().collect();
    neutral_edits(path, (before, after), &named, &Tree::new(REPOSITORY))
}

#[track_caller]
fn check(neutral: bool, cases: &[(&str, &str, &str, Category, &str)]) {
    let mut wrong = Vec::new();
    for (path, before, after, category, said) in cases {
        let found = edits(path, before, after, &[(*category, said)]);
        if found.is_some() != neutral {
            wrong.push(format!("{path}, {said}: {found:?}\n{before}\n--- to\n{after}"));
        }
        if neutral && edits(path, before, after, &[]).is_some() {
            wrong.push(format!("{path}: nobody asked for this\n{before}\n--- to\n{after}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n=====\n"));
}

use Category::{Format, Import, Lint, Logic, Type};

#[test]
fn imports_in_another_order_bind_the_same() {
    check(
        true,
        &[
            (
                "test_a.py",
                "import sys\nimport os\n\nos.x(sys)\n",
                "import os\nimport sys\n\nos.x(sys)\n",
                Lint,
                "I001 1 Import block is un-sorted or un-formatted",
            ),
            (
                "test_a.py",
                "from a import c, b\n\nb(c)\n",
                "from a import b, c\n\nb(c)\n",
                Format,
                "- 1 would be reformatted",
            ),
            (
                "test_a.py",
                "from a import b\nfrom a import c\n\nb(c)\n",
                "from a import b, c\n\nb(c)\n",
                Lint,
                "I001 1 Import block is un-sorted or un-formatted",
            ),
            (
                "a.test.ts",
                "import { c, b } from './m';\nb(c);\n",
                "import { b, c } from './m';\nb(c);\n",
                Lint,
                "sort-imports 1 Member 'b' of the import declaration should be sorted alphabetically",
            ),
            (
                "a.test.ts",
                "import b from 'b';\nimport a from 'a';\na(b);\n",
                "import a from 'a';\nimport b from 'b';\na(b);\n",
                Lint,
                "import/order 2 `a` import should occur before import of `b`",
            ),
            (
                "a_test.go",
                "package a\n\nimport (\n\t\"os\"\n\t\"fmt\"\n)\n\nvar x = fmt.X(os.Y)\n",
                "package a\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar x = fmt.X(os.Y)\n",
                Format,
                "gofmt 1 not formatted",
            ),
            (
                "tests/a.rs",
                "use b::C;\nuse a::B;\n\nfn f(_: B, _: C) {}\n",
                "use a::B;\nuse b::C;\n\nfn f(_: B, _: C) {}\n",
                Format,
                "- 1 not formatted",
            ),
            (
                "ATest.java",
                "import b.C;\nimport a.B;\nclass A { B b; C c; }",
                "import a.B;\nimport b.C;\nclass A { B b; C c; }",
                Format,
                "- 1 not formatted",
            ),
        ],
    );
    check(
        false,
        &[
            // To something else.
            (
                "test_a.py",
                "from a import c\n\nc()\n",
                "from b import c\n\nc()\n",
                Lint,
                "I001 1 Import block is un-sorted or un-formatted",
            ),
            // The last of two wins.
            (
                "test_a.py",
                "from a import c\nfrom b import c\n\nc()\n",
                "from b import c\nfrom a import c\n\nc()\n",
                Lint,
                "I001 1 Import block is un-sorted or un-formatted",
            ),
            // There for their effect.
            (
                "a.test.ts",
                "import './setup';\nimport a from 'a';\na();\n",
                "import a from 'a';\nimport './setup';\na();\n",
                Lint,
                "import/order 2 `a` import should occur before import of `./setup`",
            ),
            (
                "test_a.py",
                "from a import *\nimport b\n\nb()\n",
                "import b\nfrom a import *\n\nb()\n",
                Lint,
                "I001 1 Import block is un-sorted or un-formatted",
            ),
            (
                "a_test.go",
                "package a\n\nimport (\n\t_ \"os\"\n\t\"fmt\"\n)\n\nvar x = fmt.X\n",
                "package a\n\nimport (\n\t\"fmt\"\n\t_ \"os\"\n)\n\nvar x = fmt.X\n",
                Format,
                "gofmt 1 not formatted",
            ),
            // Over a statement.
            (
                "test_a.py",
                "import a\n\na.patch()\nimport b\n\nb()\n",
                "import a\nimport b\n\na.patch()\nb()\n",
                Lint,
                "E402 4 Module level import not at top of file",
            ),
            // A finding of another kind.
            (
                "test_a.py",
                "import b\nimport a\n\na(b)\n",
                "import a\nimport b\n\na(b)\n",
                Logic,
                "- 4 assert 1 == 2",
            ),
            // A suppression comes to another import.
            (
                "test_a.py",
                "import b  # noqa: F401\nimport a\n",
                "import a  # noqa: F401\nimport b\n",
                Lint,
                "I001 1 Import block is un-sorted or un-formatted",
            ),
        ],
    );
}

#[test]
fn an_import_that_nothing_uses_may_go() {
    check(
        true,
        &[
            (
                "test_a.py",
                "import json\nimport os\n\nos.x()\n",
                "import os\n\nos.x()\n",
                Lint,
                "F401 1 `json` imported but unused",
            ),
            (
                "test_a.py",
                "from shop.cart import Cart, total\n\ntotal([])\n",
                "from shop.cart import total\n\ntotal([])\n",
                Lint,
                "F401 1 `shop.cart.Cart` imported but unused",
            ),
            (
                "test_a.py",
                "from shop.cart import Cart\n\nassert 1\n",
                "assert 1\n",
                Lint,
                "F401 1 `shop.cart.Cart` imported but unused",
            ),
            (
                "test_a.py",
                "import numpy as np\n\nassert 1\n",
                "assert 1\n",
                Lint,
                "F401 1 `numpy` imported but unused; remove `np`",
            ),
            (
                "test_a.py",
                "import json\n\nx.json()\n",
                "x.json()\n",
                Lint,
                "F401 1 `json` imported but unused",
            ),
            (
                "src/a.test.ts",
                "import { total, tax } from './cart';\ntotal([]);\n",
                "import { total } from './cart';\ntotal([]);\n",
                Lint,
                "no-unused-vars 1 'tax' is defined but never used",
            ),
            (
                "src/a.test.ts",
                "import { total } from './cart';\nf();\n",
                "f();\n",
                Type,
                "TS6133 1 'total' is declared but its value is never read.",
            ),
            (
                "a_test.go",
                "package a\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar x = fmt.X\n",
                "package a\n\nimport (\n\t\"fmt\"\n)\n\nvar x = fmt.X\n",
                Import,
                "- 5 \"os\" imported and not used",
            ),
            (
                "src/a.rs",
                "#[cfg(test)]\nmod tests {\n    use std::fmt::Debug;\n    use super::*;\n\n    fn f() {}\n}\n",
                "#[cfg(test)]\nmod tests {\n    use super::*;\n\n    fn f() {}\n}\n",
                Lint,
                "unused_imports 3 unused import: `std::fmt::Debug`",
            ),
            (
                "ATest.java",
                "import java.util.List;\nimport a.B;\nclass A { B b; }",
                "import a.B;\nclass A { B b; }",
                Lint,
                "UnusedImports 1 Unused import - java.util.List.",
            ),
        ],
    );
    check(
        false,
        &[
            // Something uses it.
            (
                "test_a.py",
                "import json\n\njson.x()\n",
                "json.x()\n",
                Lint,
                "F401 1 `json` imported but unused",
            ),
            (
                "test_a.py",
                "import json\n\n__all__ = ['json']\n",
                "__all__ = ['json']\n",
                Lint,
                "F401 1 `json` imported but unused",
            ),
            (
                "src/a.test.tsx",
                "import React from 'react';\nconst a = <p />;\n",
                "const a = <p />;\n",
                Lint,
                "no-unused-vars 1 'React' is defined but never used",
            ),
            // Another one is named.
            (
                "test_a.py",
                "import json\nimport os\n\nos.x()\n",
                "import os\n\nos.x()\n",
                Lint,
                "F401 1 `sys` imported but unused",
            ),
            // Not called unused.
            ("test_a.py", "import json\n\nassert 1\n", "assert 1\n", Logic, "- 1 json: assert 1 == 2"),
            // For its effect, a star, a fixture, a test class.
            (
                "test_a.py",
                "import shop.registry\n\nassert 1\n",
                "assert 1\n",
                Lint,
                "F401 1 `shop.registry` imported but unused",
            ),
            (
                "test_a.py",
                "from shop.registry import known\n\nassert 1\n",
                "assert 1\n",
                Lint,
                "F401 1 `shop.registry.known` imported but unused",
            ),
            (
                "test_a.py",
                "from shop.cart import *\n\nassert 1\n",
                "assert 1\n",
                Lint,
                "F401 1 `shop.cart.*` imported but unused",
            ),
            (
                "tests/test_a.py",
                "from tests.helpers import build, db\n\nbuild()\n",
                "from tests.helpers import build\n\nbuild()\n",
                Lint,
                "F401 1 `tests.helpers.db` imported but unused",
            ),
            (
                "tests/test_a.py",
                "from tests.helpers import build, TestBase\n\nbuild()\n",
                "from tests.helpers import build\n\nbuild()\n",
                Lint,
                "F401 1 `tests.helpers.TestBase` imported but unused",
            ),
            (
                "tests/test_a.py",
                "from tests.helpers import build, db\n\n\ndef test_a(db):\n    build()\n",
                "from tests.helpers import build\n\n\ndef test_a(db):\n    build()\n",
                Lint,
                "F401 1 `tests.helpers.db` imported but unused",
            ),
            (
                "test_a.py",
                "from pytest_mock import mocker\n\nassert 1\n",
                "assert 1\n",
                Lint,
                "F401 1 `pytest_mock.mocker` imported but unused",
            ),
            (
                "test_a.py",
                "import nobody_knows\n\nassert 1\n",
                "assert 1\n",
                Lint,
                "F401 1 `nobody_knows` imported but unused",
            ),
            (
                "src/a.test.ts",
                "import './cart';\nf();\n",
                "f();\n",
                Lint,
                "no-unused-vars 1 './cart' is defined but never used",
            ),
            (
                "src/a.test.ts",
                "import { y } from './setup';\nf();\n",
                "f();\n",
                Lint,
                "no-unused-vars 1 'y' is defined but never used",
            ),
            (
                "a_test.go",
                "package a\n\nimport _ \"os\"\n\nvar x = 1\n",
                "package a\n\nvar x = 1\n",
                Import,
                "- 3 \"os\" imported and not used",
            ),
            (
                "tests/a.rs",
                "use a::B as _;\n\nfn f() {}\n",
                "fn f() {}\n",
                Lint,
                "unused_imports 1 unused import: `a::B`",
            ),
            (
                "tests/a.rs",
                "#[cfg(unix)]\nuse a::B;\n\nfn f() {}\n",
                "#[cfg(unix)]\nfn f() {}\n",
                Lint,
                "unused_imports 2 unused import: `a::B`",
            ),
            (
                "ATest.java",
                "import a.*;\nclass A { }",
                "class A { }",
                Lint,
                "UnusedImports 1 Unused import - a.*",
            ),
            // In a condition, in what others import from, in what runners load.
            (
                "test_a.py",
                "try:\n    import json\nexcept ImportError:\n    pass\n",
                "try:\n    pass\nexcept ImportError:\n    pass\n",
                Lint,
                "F401 2 `json` imported but unused",
            ),
            ("tests/__init__.py", "import json\n", "", Lint, "F401 1 `json` imported but unused"),
            (
                "tests/conftest.py",
                "import json\n\nx = 1\n",
                "x = 1\n",
                Lint,
                "F401 1 `json` imported but unused",
            ),
            // Something more goes.
            (
                "test_a.py",
                "import json\n\nassert f() == 1\n",
                "f()\n",
                Lint,
                "F401 1 `json` imported but unused",
            ),
        ],
    );
}

#[test]
fn an_import_that_is_missing_may_come() {
    check(
        true,
        &[
            (
                "test_a.py",
                "assert os.x()\n",
                "import os\n\nassert os.x()\n",
                Lint,
                "F821 1 Undefined name `os`",
            ),
            (
                "test_a.py",
                "assert total([])\n",
                "from shop.cart import total\n\nassert total([])\n",
                Lint,
                "F821 1 Undefined name `total`",
            ),
            (
                "test_a.py",
                "assert np.x\n",
                "import numpy as np\n\nassert np.x\n",
                Lint,
                "F821 1 Undefined name `np`",
            ),
            (
                "src/a.test.ts",
                "total([]);\n",
                "import { total } from './cart';\ntotal([]);\n",
                Type,
                "TS2304 1 Cannot find name 'total'.",
            ),
            (
                "src/a.test.ts",
                "fs.x();\n",
                "import fs from 'node:fs';\nfs.x();\n",
                Lint,
                "no-undef 1 'fs' is not defined",
            ),
            (
                "a_test.go",
                "package a\n\nvar x = strings.X\n",
                "package a\n\nimport \"strings\"\n\nvar x = strings.X\n",
                Type,
                "- 3 undefined: strings",
            ),
            (
                "tests/a.rs",
                "fn f(_: HashMap<u8, u8>) {}\n",
                "use std::collections::HashMap;\n\nfn f(_: HashMap<u8, u8>) {}\n",
                Type,
                "E0412 1 cannot find type `HashMap` in this scope",
            ),
            (
                "ATest.java",
                "class A { List<String> x; }",
                "import java.util.List;\nclass A { List<String> x; }",
                Type,
                "- 1 cannot find symbol class List",
            ),
        ],
    );
    check(
        false,
        &[
            // Not missing, not there, another name.
            (
                "test_a.py",
                "assert os.x()\n",
                "import os\nimport sys\n\nassert os.x()\n",
                Lint,
                "F821 1 Undefined name `os`",
            ),
            (
                "test_a.py",
                "assert add(1) == 2\n",
                "from shop.cart import add\n\nassert add(1) == 2\n",
                Lint,
                "F821 1 Undefined name `add`",
            ),
            (
                "test_a.py",
                "assert add(1) == 2\n",
                "from unknown import add\n\nassert add(1) == 2\n",
                Lint,
                "F821 1 Undefined name `add`",
            ),
            (
                "test_a.py",
                "assert add(1) == 2\n",
                "from shop.cart import total as add\n\nassert add(1) == 2\n",
                Lint,
                "F821 1 Undefined name `add`",
            ),
            (
                "test_a.py",
                "assert add(1) == 2\n",
                "from shop.cart import *\n\nassert add(1) == 2\n",
                Lint,
                "F821 1 Undefined name `add`",
            ),
            ("test_a.py", "assert os.x()\n", "import os\n\nassert os.x()\n", Logic, "- 1 assert os.x()"),
            (
                "a_test.go",
                "package a\n\nvar x = y\n",
                "package a\n\nimport _ \"strings\"\n\nvar x = y\n",
                Type,
                "- 3 undefined: strings",
            ),
        ],
    );
}

#[test]
fn an_unused_local_may_lose_its_name() {
    check(
        true,
        &[
            (
                "test_a.py",
                "def test_a():\n    x = f()\n    assert g()\n",
                "def test_a():\n    f()\n    assert g()\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            (
                "test_a.py",
                "def test_a():\n    with f() as x:\n        g()\n",
                "def test_a():\n    with f():\n        g()\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            (
                "test_a.py",
                "def test_a():\n    try:\n        f()\n    except E as x:\n        g()\n",
                "def test_a():\n    try:\n        f()\n    except E:\n        g()\n",
                Lint,
                "F841 4 Local variable `x` is assigned to but never used",
            ),
            (
                "a.test.js",
                "it('a', () => {\n  const x = f();\n  g();\n});\n",
                "it('a', () => {\n  f();\n  g();\n});\n",
                Lint,
                "no-unused-vars 2 'x' is assigned a value but never used",
            ),
            (
                "a.test.ts",
                "it('a', async () => {\n  const x = await f();\n});\n",
                "it('a', async () => {\n  await f();\n});\n",
                Type,
                "TS6133 2 'x' is declared but its value is never read.",
            ),
            (
                "a_test.go",
                "package a\n\nfunc TestA(t *T) {\n\tx := f()\n\tg()\n}\n",
                "package a\n\nfunc TestA(t *T) {\n\t_ = f()\n\tg()\n}\n",
                Type,
                "- 4 declared and not used: x",
            ),
            (
                "a_test.go",
                "package a\n\nfunc TestA(t *T) {\n\tx, err := f()\n\tg(err)\n}\n",
                "package a\n\nfunc TestA(t *T) {\n\t_, err := f()\n\tg(err)\n}\n",
                Type,
                "- 4 declared and not used: x",
            ),
            (
                "tests/a.rs",
                "fn a() {\n    let x = f();\n}\n",
                "fn a() {\n    let _x = f();\n}\n",
                Lint,
                "unused_variables 2 unused variable: `x`",
            ),
        ],
    );
    check(
        false,
        &[
            // What it called goes as well.
            (
                "test_a.py",
                "def test_a():\n    x = f()\n    assert g()\n",
                "def test_a():\n    assert g()\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            (
                "test_a.py",
                "def test_a():\n    x = f()\n    assert g()\n",
                "def test_a():\n    h()\n    assert g()\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            // It is used, it is another's, it is no local.
            (
                "test_a.py",
                "def test_a():\n    x = f()\n    assert x\n",
                "def test_a():\n    f()\n    assert x\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            (
                "test_a.py",
                "def test_a():\n    x = f()\n    assert g(locals())\n",
                "def test_a():\n    f()\n    assert g(locals())\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            (
                "test_a.py",
                "x = f()\n",
                "f()\n",
                Lint,
                "F841 1 Local variable `x` is assigned to but never used",
            ),
            (
                "test_a.py",
                "def test_a():\n    y = f()\n",
                "def test_a():\n    f()\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            // An annotation stood there.
            (
                "test_a.py",
                "def test_a():\n    x: T = f()\n",
                "def test_a():\n    f()\n",
                Lint,
                "F841 2 Local variable `x` is assigned to but never used",
            ),
            // A parameter.
            (
                "test_a.py",
                "def test_a(x):\n    f()\n",
                "def test_a():\n    f()\n",
                Lint,
                "ARG001 1 Unused function argument: `x`",
            ),
            // Dropped at once.
            (
                "tests/a.rs",
                "fn a() {\n    let x = f();\n}\n",
                "fn a() {\n    let _ = f();\n}\n",
                Lint,
                "unused_variables 2 unused variable: `x`",
            ),
        ],
    );
}

#[test]
fn remarks_may_change_where_a_finding_is() {
    check(
        true,
        &[
            (
                "test_a.py",
                "x = 1\n# y = 2\nz = 3\n",
                "x = 1\nz = 3\n",
                Lint,
                "ERA001 2 Found commented-out code",
            ),
            (
                "test_a.py",
                "x = 1  # a remark that is long\n",
                "# a long remark\nx = 1\n",
                Lint,
                "E501 1 Line too long",
            ),
            (
                "a.test.js",
                "// fixme later\nf();\n",
                "f();\n",
                Lint,
                "no-warning-comments 1 Unexpected 'fixme' comment",
            ),
            (
                "a_test.go",
                "package a\n\n// it adds\nfunc f() {}\n",
                "package a\n\n// f adds.\nfunc f() {}\n",
                Lint,
                "godot 3 Comment should end in a period",
            ),
        ],
    );
    check(
        false,
        &[
            ("test_a.py", "x = 1\ny = 2\n", "x = 1  # noqa\ny = 2\n", Lint, "E501 1 Line too long"),
            ("test_a.py", "x = 1  # type: ignore\n", "x = 1\n", Lint, "E501 1 Line too long"),
            (
                "test_a.py",
                "# -*- coding: utf-8 -*-\nx = 1\n",
                "x = 1\n",
                Lint,
                "UP009 1 UTF-8 encoding declaration is unnecessary",
            ),
            ("test_a.py", "# >>> f(1)\nx = 1\n", "x = 1\n", Lint, "ERA001 1 Found commented-out code"),
            (
                "a_test.go",
                "//go:build linux\n\npackage a\n",
                "//go:build darwin\n\npackage a\n",
                Lint,
                "x 1 wrong",
            ),
            (
                "a_test.go",
                "package a\n\nfunc ExampleA() {\n\tf()\n\t// Output: 3\n}\n",
                "package a\n\nfunc ExampleA() {\n\tf()\n\t// Output: 4\n}\n",
                Lint,
                "godot 5 Comment should end in a period",
            ),
            ("tests/a.rs", "/// ```\n/// f()\n/// ```\nfn a() {}\n", "fn a() {}\n", Lint, "x 1 wrong"),
            ("a.test.js", "/** @jest-environment jsdom */\nf();\n", "f();\n", Lint, "x 1 wrong"),
            // Elsewhere.
            (
                "test_a.py",
                "x = 1\n# y = 2\nz = 3\n",
                "x = 1\nz = 3\n",
                Lint,
                "ERA001 9 Found commented-out code",
            ),
        ],
    );
}

#[test]
fn a_literal_may_be_spelled_otherwise() {
    check(
        true,
        &[
            ("test_a.py", "x = 0xff\n", "x = 255\n", Lint, "X 1 no"),
            ("test_a.py", "x = 100000\n", "x = 100_000\n", Lint, "X 1 no"),
            ("test_a.py", "x = f'a'\n", "x = 'a'\n", Lint, "F541 1 f-string without any placeholders"),
            ("a.test.js", "const x = 1.0;\n", "const x = 1;\n", Format, "- 1 no"),
            ("a.test.ts", "const x = '\\u0041';\n", "const x = 'A';\n", Lint, "X 1 no"),
        ],
    );
    check(
        false,
        &[
            ("test_a.py", "x = 1\n", "x = 1.0\n", Lint, "X 1 no"),
            ("test_a.py", "x = 'a'\n", "x = b'a'\n", Lint, "X 1 no"),
            ("test_a.py", "x = 1\n", "x = True\n", Lint, "X 1 no"),
            ("test_a.py", "x = 'a'\n", "x = 'b'\n", Lint, "X 1 no"),
            // What is asserted, and what a test is decorated with.
            ("test_a.py", "assert f() == 0xff\n", "assert f() == 255\n", Lint, "X 1 no"),
            (
                "test_a.py",
                "@mark.parametrize('a', [0xff])\ndef test_a(a): pass\n",
                "@mark.parametrize('a', [255])\ndef test_a(a): pass\n",
                Lint,
                "X 1 no",
            ),
            ("a.test.js", "expect(a).toBe(0xff);\n", "expect(a).toBe(255);\n", Lint, "X 1 no"),
            ("test_a.py", "x = 0xff\n", "x = 255\n", Lint, "X 7 no"),
        ],
    );
}

#[test]
fn an_annotation_may_come_where_none_stood() {
    check(
        true,
        &[
            (
                "test_a.py",
                "def test_a():\n    f()\n",
                "def test_a() -> None:\n    f()\n",
                Type,
                "no-untyped-def 1 Function is missing a return type annotation",
            ),
            (
                "test_a.py",
                "def test_a(tmp):\n    f()\n",
                "def test_a(tmp: Path) -> None:\n    f()\n",
                Type,
                "no-untyped-def 1 Function is missing a type annotation",
            ),
            (
                "test_a.py",
                "def f(a, b=1):\n    return a\n",
                "def f(a: int, b: int = 1) -> int:\n    return a\n",
                Lint,
                "ANN001 1 Missing type annotation for function argument `a`",
            ),
            (
                "test_a.py",
                "def test_a():\n    x = []\n",
                "def test_a():\n    x: list[int] = []\n",
                Type,
                "var-annotated 2 Need type annotation for \"x\"",
            ),
            (
                "test_a.py",
                "@pytest.fixture\ndef a():\n    return 1\n",
                "@pytest.fixture\ndef a() -> int:\n    return 1\n",
                Type,
                "no-untyped-def 2 Function is missing a return type annotation",
            ),
            (
                "a.test.ts",
                "function f(a) { return 1; }\n",
                "function f(a: string) { return 1; }\n",
                Type,
                "TS7006 1 Parameter 'a' implicitly has an 'any' type.",
            ),
            (
                "a.test.ts",
                "const f = (a) => a;\n",
                "const f = (a: string): string => a;\n",
                Type,
                "TS7006 1 Parameter 'a' implicitly has an 'any' type.",
            ),
        ],
    );
    check(
        false,
        &[
            (
                "test_a.py",
                "def f(a):\n    return a\n",
                "def f(a: Any):\n    return a\n",
                Lint,
                "ANN001 1 Missing type annotation for function argument `a`",
            ),
            (
                "test_a.py",
                "def f(a):\n    return a\n",
                "def f(a: \"Any\"):\n    return a\n",
                Lint,
                "ANN001 1 Missing type annotation for function argument `a`",
            ),
            (
                "test_a.py",
                "def f(a):\n    return a\n",
                "def f(a: list[Any]):\n    return a\n",
                Lint,
                "ANN001 1 Missing type annotation for function argument `a`",
            ),
            (
                "a.test.ts",
                "function f(a) { return 1; }\n",
                "function f(a: any) { return 1; }\n",
                Type,
                "TS7006 1 Parameter 'a' implicitly has an 'any' type.",
            ),
            // One stood there.
            (
                "test_a.py",
                "def f(a: int):\n    return a\n",
                "def f(a: str):\n    return a\n",
                Type,
                "no-untyped-def 1 Function is missing a return type annotation",
            ),
            (
                "test_a.py",
                "def f(a: int):\n    return a\n",
                "def f(a):\n    return a\n",
                Type,
                "no-untyped-def 1 Function is missing a return type annotation",
            ),
            // It runs something, makes a field, is looked at.
            (
                "test_a.py",
                "def f(a):\n    return a\n",
                "def f(a: patch()):\n    return a\n",
                Lint,
                "ANN001 1 Missing type annotation for function argument `a`",
            ),
            (
                "test_a.py",
                "class A:\n    x = 1\n",
                "class A:\n    x: int = 1\n",
                Type,
                "var-annotated 2 Need type annotation for \"x\"",
            ),
            (
                "test_a.py",
                "@app.get\ndef f(a):\n    return a\n",
                "@app.get\ndef f(a: int):\n    return a\n",
                Lint,
                "ANN001 2 Missing type annotation for function argument `a`",
            ),
            (
                "a.test.ts",
                "const x = f();\nexpectTypeOf(x);\n",
                "const x: string = f();\nexpectTypeOf(x);\n",
                Type,
                "TS7022 1 implicitly has type 'any'",
            ),
            // Elsewhere, for another reason.
            (
                "test_a.py",
                "def f(a):\n    return a\n",
                "def f(a: int):\n    return a\n",
                Lint,
                "ANN001 9 Missing type annotation for function argument `b`",
            ),
            (
                "test_a.py",
                "def f(a):\n    return a\n",
                "def f(a: int):\n    return a\n",
                Logic,
                "- 1 assert 1 == 2",
            ),
        ],
    );
}

#[test]
fn what_a_test_is_about_is_never_neutral() {
    let said = [
        (Format, "- 1 would be reformatted"),
        (Lint, "F401 1 `json` imported but unused"),
        (Lint, "F841 2 Local variable `x` is assigned to but never used"),
        (Lint, "F821 2 Undefined name `x`"),
        (Lint, "I001 1 Import block is un-sorted or un-formatted"),
        (Type, "no-untyped-def 1 Function is missing a return type annotation"),
    ];
    for (before, after) in [
        ("def test_a():\n    assert x == 1\n", "def test_a():\n    assert x == 2\n"),
        ("def test_a():\n    assert x == 1\n", "def test_a():\n    assert x\n"),
        ("def test_a():\n    assert x == 1\n", "def test_b():\n    assert x == 1\n"),
        ("def test_a():\n    assert x == 1\n", "@skip\ndef test_a():\n    assert x == 1\n"),
        ("@mark\ndef test_a():\n    assert x == 1\n", "def test_a():\n    assert x == 1\n"),
        ("def test_a():\n    assert x == 1\n", "def test_a(x):\n    assert x == 1\n"),
        ("def test_a():\n    assert x == 1\n", "def test_a():\n    x = 1\n    assert x == 1\n"),
        ("def test_a():\n    f()\n    assert x == 1\n", "def test_a():\n    assert x == 1\n"),
        (
            "def test_a():\n    assert x == 1\n",
            "def helper():\n    pass\n\n\ndef test_a():\n    assert x == 1\n",
        ),
        ("def test_a():\n    assert not (x and y)\n", "def test_a():\n    assert not x and y\n"),
        ("@pytest.fixture\ndef a():\n    return 1\n", "@pytest.fixture\ndef a():\n    return 2\n"),
        (
            "@pytest.fixture\ndef a():\n    return 1\n",
            "@pytest.fixture(autouse=True)\ndef a():\n    return 1\n",
        ),
    ] {
        assert_eq!(edits("test_a.py", before, after, &said), None, "{before}---\n{after}");
    }
}

#[test]
fn several_kinds_may_come_together() {
    let before = "import sys\nimport json\nimport os\n\n\ndef test_a():\n    x = f( 'a' )\n    assert os.y(sys) == 1\n";
    let after = "import os\nimport sys\n\n\ndef test_a():\n    f(\"a\")\n    assert os.y(sys) == 1\n";
    let said = [
        (Lint, "I001 1 Import block is un-sorted or un-formatted"),
        (Lint, "F401 2 `json` imported but unused"),
        (Lint, "F841 7 Local variable `x` is assigned to but never used"),
    ];
    let expected = [
        NeutralEdit::ImportsReordered,
        NeutralEdit::ImportRemoved("json".to_owned()),
        NeutralEdit::LocalRemoved("x".to_owned()),
    ];
    assert_eq!(edits("test_a.py", before, after, &said).as_deref(), Some(&expected[..]));
    assert_eq!(edits("test_a.py", before, after, &said[..2]), None);
}
