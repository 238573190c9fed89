//! What a failing test shows first, over small repositories.

use super::*;
use crate::contract::bug::Location;
use crate::contract::build::NamedFile;
use crate::contract::executed::{RanLines, TracedFunction, TracedFunctions};
use crate::fixer::testing::{MemoryTree, bug};

fn failing(file: &str, line: u32, test: &str) -> BugReport {
    let mut report = bug("tests", Category::Logic, file, line, "assertion failed");
    report.test = Some(test.to_owned());
    report
}

fn seen(tree: &MemoryTree, bugs: &[BugReport], level: u8, leads: Leads<'_>) -> Context {
    let rules = PathRules::new(&[]).unwrap();
    let request = ContextRequest { bugs, needs: &[], tree, level, leads };
    context_for(&request, &rules, false, &Redactor::default())
}

fn first_level(tree: &MemoryTree, bug: BugReport) -> Context {
    seen(tree, &[bug], 1, Leads::default())
}

fn shows(context: &Context, path: &str, part: &str) -> bool {
    context.spans.iter().any(|s| s.path.as_str() == path && s.text.contains(part))
}

/// Lines that belong to nothing.
fn filler(sign: &str) -> String {
    (0..90).map(|n| format!("{sign} filler {n}\n")).collect()
}

#[test]
fn requiring_the_folder_above_brings_the_package() {
    let tree = MemoryTree::new(&[
        ("package.json", "{\"name\": \"app\"}"),
        ("index.js", "exports.total = function (items) {\n  return items.length - 1;\n};\n"),
        ("examples/app.js", "const app = 1;\nfunction total() {}\n"),
        (
            "test/app.js",
            "const app = require('../');\n\nit('adds', () => {\n  assert.equal(app.total([1]), 1);\n});\n",
        ),
    ]);
    let context = first_level(&tree, failing("test/app.js", 4, "adds"));
    assert!(shows(&context, "index.js", "items.length - 1"), "{context:#?}");
    assert!(!context.spans.iter().any(|s| s.path.as_str() == "examples/app.js"), "{context:#?}");
}

#[test]
fn an_index_that_passes_on_leads_further() {
    let tree = MemoryTree::new(&[
        ("package.json", "{\"name\": \"app\"}"),
        ("index.js", "module.exports = require('./lib/app');\n"),
        ("lib/app.js", "module.exports = createApp;\n\nfunction createApp() {\n  return { size: 0 };\n}\n"),
        (
            "test/a.js",
            "const app = require('..');\n\nit('is new', () => {\n  assert.equal(app().size, 1);\n});\n",
        ),
    ]);
    let context = first_level(&tree, failing("test/a.js", 4, "is new"));
    assert!(shows(&context, "lib/app.js", "size: 0"), "{context:#?}");
}

#[test]
fn a_rust_integration_test_shows_the_library() {
    let tree = MemoryTree::new(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\n"),
        ("src/lib.rs", "pub fn sum(values: &[i32]) -> i32 {\n    values.iter().sum::<i32>() + 1\n}\n"),
        ("tests/sum.rs", "#[test]\nfn sums() {\n    assert_eq!(shop::sum(&[1, 2]), 3);\n}\n"),
    ]);
    let context = first_level(&tree, failing("tests/sum.rs", 3, "sums"));
    assert!(shows(&context, "src/lib.rs", "+ 1"), "{context:#?}");
}

#[test]
fn methods_that_a_rust_test_calls_come_first() {
    let source = "pub struct Stack {\n    items: Vec<i32>,\n}\n\nimpl Stack {\n    pub fn new() -> Self {\n        Self { items: Vec::new() }\n    }\n\n    pub fn drain_all(&mut self) {\n        self.items.clear();\n    }\n\n    pub fn push(&mut self, item: i32) {\n        self.items.push(item + 1);\n    }\n\n    pub fn peek(&self) -> Option<&i32> {\n        self.items.last()\n    }\n\n    pub fn len(&self) -> usize {\n        self.items.len()\n    }\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn counts() {\n        let mut stack = Stack::new();\n        stack.push(1);\n        assert_eq!(stack.len(), 2);\n    }\n}\n";
    let tree = MemoryTree::new(&[("Cargo.toml", "[package]\nname = \"shop\"\n"), ("src/lib.rs", source)]);
    let context = first_level(&tree, failing("src/lib.rs", 34, "tests::counts"));
    for method in ["pub fn push", "pub fn len", "pub fn new"] {
        assert!(shows(&context, "src/lib.rs", method), "{method} {context:#?}");
    }
    for method in ["pub fn drain_all", "pub fn peek"] {
        assert!(!shows(&context, "src/lib.rs", method), "{method} {context:#?}");
    }
}

#[test]
fn code_under_test_in_a_go_test_s_package() {
    let parts =
        format!("package widget\n\n{}\nfunc (b *Box) Weight() int {{\n\treturn b.n * 2\n}}\n", filler("//"));
    let tree = MemoryTree::new(&[
        ("go.mod", "module example.com/widget\n"),
        ("other.go", "package widget\n\nfunc Unused() {}\n"),
        (
            "make.go",
            "package widget\n\ntype Box struct{ n int }\n\nfunc NewBox(n int) *Box {\n\treturn &Box{n}\n}\n",
        ),
        ("parts.go", &parts),
        (
            "sizes_test.go",
            "package widget\n\nimport \"testing\"\n\nfunc TestWeight(t *testing.T) {\n\tbox := NewBox(1)\n\tif box.Weight() != 1 {\n\t\tt.Fatal(\"wrong\")\n\t}\n}\n",
        ),
    ]);
    let context = first_level(&tree, failing("sizes_test.go", 8, "TestWeight"));
    assert!(shows(&context, "make.go", "func NewBox"), "{context:#?}");
    assert!(shows(&context, "parts.go", "b.n * 2"), "{context:#?}");
    assert!(!shows(&context, "parts.go", "filler 3"), "{context:#?}");
}

#[test]
fn a_fixture_by_its_name_leads_to_what_it_makes() {
    let cart = format!(
        "{}\n\nclass Cart:\n    def __init__(self):\n        self.items = []\n\n    def count(self):\n        return len(self.items) + 1\n",
        filler("#")
    );
    let tree = MemoryTree::new(&[
        ("src/shop/__init__.py", ""),
        ("src/shop/cart.py", &cart),
        (
            "tests/conftest.py",
            "import pytest\nfrom shop.cart import Cart\n\n\n@pytest.fixture\ndef cart():\n    return Cart()\n",
        ),
        ("tests/test_cart.py", "def test_count(cart):\n    assert cart.count() == 0\n"),
    ]);
    let context = first_level(&tree, failing("tests/test_cart.py", 2, "tests/test_cart.py::test_count"));
    assert!(shows(&context, "tests/conftest.py", "return Cart()"), "{context:#?}");
    assert!(shows(&context, "src/shop/cart.py", "len(self.items) + 1"), "{context:#?}");
}

#[test]
fn what_changed_since_green_comes_first_with_its_lines_as_they_were() {
    let long: String = (0..100).map(|n| format!("    x{n} = {n}\n")).collect();
    let code = format!("def first():\n{long}    return x1\n\n\ndef second():\n    return 3\n");
    let tree = MemoryTree::new(&[
        ("app.py", &code),
        (
            "test_app.py",
            "from app import first, second\n\n\ndef test_it():\n    assert first() + second() == 2\n",
        ),
    ]);
    let changed = [ChangedDefinition {
        path: RepoPath::new("app.py").unwrap(),
        name: "second".to_owned(),
        lines: (106, 107),
        before: Some("def second():\n    return 1\n".to_owned()),
    }];
    let leads = Leads { changed: &changed, ..Leads::default() };
    let context = seen(&tree, &[failing("test_app.py", 5, "test_it")], 1, leads);
    assert!(shows(&context, "app.py", "return 3"), "{context:#?}");
    assert!(context.spans.iter().any(|s| s.why.contains("changed since the build was green")));
    assert_eq!(context.before[0].text, "def second():\n    return 1");
}

#[test]
fn what_the_test_ran_outranks_what_its_words_say() {
    let body: String = (0..50).map(|n| format!("    x{n} = {n}\n")).collect();
    let code = format!(
        "def one(x):\n{body}    return x\n\n\ndef two(x):\n{body}    return x\n\n\ndef three(x):\n{body}    return x - 1\n"
    );
    let tree = MemoryTree::new(&[
        ("app.py", &code),
        (
            "test_app.py",
            "from app import one, two, three\n\n\ndef test_it():\n    assert one(two(three(1))) == 1\n",
        ),
    ]);
    let function = |name: &str, lines, suspicion| TracedFunction {
        file: "app.py".to_owned(),
        name: name.to_owned(),
        lines: Some(lines),
        suspicion: Some(suspicion),
        order: None,
        ran: Vec::new(),
    };
    let traced = TracedFunctions {
        functions: vec![function("three", (109, 160), 1.0), function("one", (1, 52), 0.2)],
    };
    let leads = Leads { traced: Some(&traced), ..Leads::default() };
    let context = seen(&tree, &[failing("test_app.py", 5, "test_it")], 1, leads);
    assert!(shows(&context, "app.py", "return x - 1"), "{context:#?}");
    assert!(!shows(&context, "app.py", "def two"), "{context:#?}");
    assert!(
        context.map.iter().any(|line| line.contains("app.py") && line.contains("two")),
        "{:?}",
        context.map
    );
}

#[test]
fn a_dependency_that_is_missing_shows_what_the_steps_install() {
    let tree = MemoryTree::new(&[
        ("app.py", "def f():\n    pass\n"),
        ("requirements-test.txt", "pytest\n"),
        ("test_app.py", "import yaml\n\nfrom app import f\n"),
    ]);
    let named = [NamedFile {
        path: RepoPath::new("requirements-test.txt").unwrap(),
        why: "pip install -r requirements-test.txt".to_owned(),
    }];
    let leads = Leads { named: &named, ..Leads::default() };
    let missing = |module: &str| {
        bug(
            "python",
            Category::Import,
            "test_app.py",
            1,
            &format!("ModuleNotFoundError: No module named '{module}'"),
        )
    };
    let context = seen(&tree, &[missing("yaml")], 1, leads);
    assert!(shows(&context, "requirements-test.txt", "pytest"), "{context:#?}");
    // What the repository has is no dependency.
    let context = seen(&tree, &[missing("app")], 1, leads);
    assert!(!shows(&context, "requirements-test.txt", "pytest"), "{context:#?}");
}

#[test]
fn the_map_names_what_is_left_out_and_is_short() {
    let files: Vec<(String, String)> =
        (0..300).map(|n| (format!("pkg/m{n}.py"), format!("def helper_{n}():\n    pass\n"))).collect();
    let mut all: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    all.push(("test_x.py", "from pkg.m7 import helper_7\n\n\ndef test_x():\n    assert helper_7()\n"));
    let tree = MemoryTree::new(&all);
    for level in 1..=4 {
        let context = seen(&tree, &[failing("test_x.py", 5, "test_x")], level, Leads::default());
        assert!(!context.map.is_empty() && context.map.len() <= 60, "{level}: {}", context.map.len());
        assert!(context.map.last().unwrap().starts_with("and "), "{:?}", context.map);
        assert!(shows(&context, "pkg/m7.py", "helper_7"));
    }
}

#[test]
fn secrets_are_in_no_map_and_in_no_line_as_it_was() {
    let secret = "correct_horse_battery";
    let helper = format!("def {secret}():\n    pass\n");
    let tree = MemoryTree::new(&[
        ("pkg/a.py", "def total():\n    return 1\n"),
        ("pkg/b.py", &helper),
        ("test_x.py", "from pkg.a import total\n\n\ndef test_x():\n    assert total() == 2\n"),
    ]);
    let changed = [ChangedDefinition {
        path: RepoPath::new("pkg/a.py").unwrap(),
        name: "total".to_owned(),
        lines: (1, 2),
        before: Some(format!("def total():\n    return {secret}\n")),
    }];
    let leads = Leads { changed: &changed, ..Leads::default() };
    let bugs = [failing("test_x.py", 5, "test_x")];
    let request = ContextRequest { bugs: &bugs, needs: &[], tree: &tree, level: 1, leads };
    let rules = PathRules::new(&[]).unwrap();
    let told = |redactor: &Redactor| format!("{:?}", context_for(&request, &rules, false, redactor));
    assert_eq!(told(&Redactor::default()).matches(secret).count(), 2, "{}", told(&Redactor::default()));
    assert!(!told(&Redactor::new(&[secret.into()])).contains(secret));
}

/// Names come from the repository and from what ran there: a function can be called anything.
#[test]
fn every_span_says_why_it_is_there_and_no_reason_tells_a_secret() {
    let secret = "correct_horse_battery";
    let tree = MemoryTree::new(&[
        ("app.py", &format!("def total():\n    return {secret}()\n\n\ndef {secret}():\n    return 1\n")),
        ("test_app.py", "from app import total\n\n\ndef test_total():\n    assert total() == 2\n"),
    ]);
    let function = |name: &str, lines| TracedFunction {
        file: "app.py".to_owned(),
        name: name.to_owned(),
        lines: Some(lines),
        suspicion: Some(1.0),
        order: None,
        ran: Vec::new(),
    };
    let traced = TracedFunctions { functions: vec![function("total", (1, 2)), function(secret, (5, 6))] };
    let leads = Leads { traced: Some(&traced), ..Leads::default() };
    let bugs = [failing("test_app.py", 5, "test_total")];
    let request = ContextRequest { bugs: &bugs, needs: &[], tree: &tree, level: 1, leads };
    let rules = PathRules::new(&[]).unwrap();
    let told = |redactor: &Redactor| context_for(&request, &rules, false, redactor);
    let open = told(&Redactor::default());
    assert!(open.spans.iter().all(|span| !span.why.is_empty()), "{open:#?}");
    assert!(open.spans.iter().any(|s| s.why.contains(secret) && s.why.contains("it ran")), "{open:#?}");
    let closed = format!("{:?}", told(&Redactor::new(&[secret.into()])));
    assert!(closed.contains("it ran") && !closed.contains(secret), "{closed}");
}

#[test]
fn what_leads_back_to_itself_ends() {
    let tree = MemoryTree::new(&[
        ("m.py", "from m import Outer\nfrom n import *\n\n\nclass Outer(Outer.Inner):\n    pass\n"),
        ("n.py", "from m import *\nfrom n import *\n"),
        (
            "test_m.py",
            "from m import Outer\nfrom n import nothing\n\n\ndef test_it():\n    assert Outer.Inner.x() == nothing(Outer.y)\n",
        ),
    ]);
    let context = first_level(&tree, failing("test_m.py", 6, "test_it"));
    assert!(shows(&context, "m.py", "class Outer"), "{context:#?}");
}

#[test]
fn what_is_exported_from_an_object_leads_to_its_function() {
    let parse = |name: &str| {
        format!("var {name} = {{}};\n\n{name}.parse = function (path) {{\n  return '{name}' + path;\n}};\n")
    };
    let index = format!(
        "{}\n{}{}\nmodule.exports = posix.parse;\nmodule.exports.posix = posix.parse;\nmodule.exports.win32 = win32.parse;\n",
        parse("win32"),
        filler("//"),
        parse("posix")
    );
    let test = "var assert = require('assert');\nvar parsePath = require('./index');\n\ncheck(parsePath.win32);\n\nfunction check(parse) {\n  [1].forEach(function (one) {\n    assert.equal(parse(one), 2);\n  });\n}\n";
    let tree =
        MemoryTree::new(&[("package.json", "{\"name\": \"a\"}"), ("index.js", &index), ("test.js", test)]);
    let mut report = bug("node", Category::Logic, "test.js", 8, "AssertionError");
    report.related =
        [7, 4].map(|line| Location { file: "test.js".to_owned(), line: Some(line), column: None }).to_vec();
    let context = first_level(&tree, report);
    assert!(shows(&context, "index.js", "return 'win32' + path"), "{context:#?}");
}

#[test]
fn a_long_function_leaves_room_for_what_it_calls() {
    let lines = |count: usize| (0..count).map(|n| format!("    b{n} = {n}\n")).collect::<String>();
    let code = format!(
        "def long(a):\n    b = later(a)\n{}    return b\n\n\ndef later(a):\n{}    return a + 1\n",
        lines(150),
        lines(48)
    );
    let test = format!("from shop import long\n\n\ndef test_long():\n{}    assert long(1) == 3\n", lines(15));
    let tree = MemoryTree::new(&[("shop.py", &code), ("test_shop.py", &test)]);
    let context = first_level(&tree, failing("test_shop.py", 20, "test_long"));
    assert!(shows(&context, "shop.py", "return a + 1"), "{context:#?}");
}

#[test]
fn the_deepest_call_of_a_trace_comes_first() {
    let function = |name: &str, calls: &str| {
        let body: String = (0..30).map(|n| format!("    y{n} = x + {n}\n")).collect();
        format!("def {name}(x):\n{body}    return {calls}\n\n\n")
    };
    let names = ["a", "b", "c", "d"];
    let mut code: String = names.windows(2).map(|of| function(of[0], &format!("{}(x)", of[1]))).collect();
    code.push_str(&function("d", "x - 'a'"));
    let test = "from shop import a\n\n\ndef test_a():\n    assert a(1) == 3\n";
    let tree = MemoryTree::new(&[("shop.py", &code), ("test_shop.py", test)]);
    // As the parser gives them: the place is the deepest, and the test comes last.
    let mut report = failing("shop.py", 3 * 34 + 32, "test_a");
    let at = |file: &str, line| Location { file: file.to_owned(), line: Some(line), column: None };
    report.related = vec![at("shop.py", 2 * 34 + 32), at("shop.py", 34 + 32), at("shop.py", 32)];
    report.related.push(at("test_shop.py", 5));
    let context = first_level(&tree, report);
    assert!(shows(&context, "shop.py", "return x - 'a'"), "{context:#?}");
}

#[test]
fn what_ran_far_from_the_test_is_no_less_than_what_no_name_leads_to() {
    let function = |name: &str, gives: &str| {
        let body: String = (0..57).map(|n| format!("    y{n} = x + {n}\n")).collect();
        format!("def {name}(x):\n{body}    return {gives}\n\n")
    };
    let chain: String =
        ["a", "b", "c"].windows(2).map(|of| function(of[0], &format!("{}(x)", of[1]))).collect();
    let chain = format!("{chain}{}{}", function("c", "d(x)"), function("d", "x - 1"));
    let other: String = (0..8).map(|n| function(&format!("f{n}"), "x")).collect();
    let test = "from shop import a\n\n\ndef test_a():\n    assert a(1) == 3\n";
    let tree = MemoryTree::new(&[("other.py", &other), ("shop.py", &chain), ("test_shop.py", test)]);
    let ran = |file: &str, name: String, at: u32, suspicion| TracedFunction {
        file: file.to_owned(),
        name,
        lines: Some((at * 60 + 1, at * 60 + 59)),
        suspicion: Some(suspicion),
        order: None,
        ran: Vec::new(),
    };
    let mut functions = vec![ran("shop.py", "d".to_owned(), 3, 0.6)];
    functions.extend((0..8).map(|n| ran("other.py", format!("f{n}"), n, 0.5)));
    let traced = TracedFunctions { functions };
    let leads = Leads { traced: Some(&traced), ..Leads::default() };
    let context = seen(&tree, &[failing("test_shop.py", 5, "test_a")], 3, leads);
    assert!(shows(&context, "shop.py", "return x - 1"), "{context:#?}");
}

#[test]
fn a_trait_s_method_leads_to_what_implements_it() {
    let library = format!(
        "pub trait ToSnake {{\n    fn to_snake(&self) -> String;\n}}\n\n{}impl<T: AsRef<str>> ToSnake for T {{\n    fn to_snake(&self) -> String {{\n        joined(self.as_ref(), \"-\")\n    }}\n}}\n\nfn joined(text: &str, with: &str) -> String {{\n    text.replace(' ', with)\n}}\n",
        filler("//")
    );
    let test = "use names::ToSnake;\n\n#[test]\nfn snakes() {\n    assert_eq!(ToSnake::to_snake(\"a b\"), \"a_b\");\n}\n";
    let tree = MemoryTree::new(&[
        ("Cargo.toml", "[package]\nname = \"names\"\nedition = \"2021\"\n"),
        ("src/lib.rs", &library),
        ("tests/names.rs", test),
    ]);
    let context = first_level(&tree, failing("tests/names.rs", 5, "snakes"));
    assert!(shows(&context, "src/lib.rs", "joined(self.as_ref(), \"-\")"), "{context:#?}");
    assert!(shows(&context, "src/lib.rs", "text.replace(' ', with)"), "{context:#?}");
}

#[test]
fn a_test_in_documentation_shows_what_it_calls() {
    let source = format!(
        "//! Sums.\n//!\n//! ```\n//! use shop::total;\n//! assert_eq!(total(&[1, 2]), 3);\n//! ```\n\n{}\npub fn total(values: &[i32]) -> i32 {{\n    values.iter().sum::<i32>() + 1\n}}\n",
        filler("//")
    );
    let tree = MemoryTree::new(&[("Cargo.toml", "[package]\nname = \"shop\"\n"), ("src/lib.rs", &source)]);
    let context = first_level(&tree, failing("src/lib.rs", 3, "src/lib.rs - (line 3)"));
    assert!(shows(&context, "src/lib.rs", "use shop::total"), "{context:#?}");
    assert!(shows(&context, "src/lib.rs", "+ 1"), "{context:#?}");
    assert!(!shows(&context, "src/lib.rs", "filler 40"), "{context:#?}");
}

#[test]
fn what_a_type_implements_runs_without_being_named() {
    let source = format!(
        "use std::fmt;\n\npub struct Kebab<'a>(pub &'a str);\n\n{}\nimpl fmt::Display for Kebab<'_> {{\n    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{\n        join(self.0, \"--\", f)\n    }}\n}}\n\n{}\nfn join(text: &str, between: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {{\n    let parts: Vec<&str> = text.split(' ').collect();\n    f.write_str(&parts.join(between))\n}}\n",
        filler("//"),
        filler("//")
    );
    let tree = MemoryTree::new(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\n"),
        ("src/lib.rs", &source),
        (
            "tests/kebab.rs",
            "use shop::Kebab;\n\n#[test]\nfn joins() {\n    assert_eq!(Kebab(\"a b\").to_string(), \"a-b\");\n}\n",
        ),
    ]);
    let context = first_level(&tree, failing("tests/kebab.rs", 5, "joins"));
    assert!(shows(&context, "src/lib.rs", "join(self.0"), "{context:#?}");
    // A function that only passes on is hardly a step.
    assert!(shows(&context, "src/lib.rs", "parts.join(between)"), "{context:#?}");
}

#[test]
fn a_name_that_is_imported_under_conditions_leads_to_all_of_them() {
    let tree = MemoryTree::new(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\n"),
        (
            "src/lib.rs",
            "pub struct Cart {\n    items: Vec<i32>,\n}\n\nimpl Cart {\n    pub fn total(&self) -> i32 {\n        self.items.iter().sum::<i32>() - 1\n    }\n}\n",
        ),
        ("tests/other/mod.rs", "pub struct Cart;\n\npub fn cart() -> Cart {\n    Cart\n}\n"),
        (
            "tests/cart.rs",
            "mod other;\n\n#[cfg(other)]\nuse other::{cart, Cart};\n#[cfg(not(other))]\nuse shop::Cart;\n\nfn check(cart: &Cart) {\n    assert!(cart.total() == 1);\n}\n\n#[test]\nfn totals() {\n    check(&Cart { items: vec![1] });\n}\n",
        ),
    ]);
    let context = first_level(&tree, failing("tests/cart.rs", 14, "totals"));
    assert!(shows(&context, "src/lib.rs", "- 1"), "{context:#?}");
}

#[test]
fn a_default_of_a_parameter_is_followed() {
    let tree = MemoryTree::new(&[
        ("shop.py", "def total(items):\n    return len(items) - 1\n"),
        (
            "test_shop.py",
            "from shop import total\n\n\ndef test_total(count=total):\n    assert count([1]) == 1\n",
        ),
    ]);
    let context = first_level(&tree, failing("test_shop.py", 5, "test_shop.py::test_total"));
    assert!(shows(&context, "shop.py", "len(items) - 1"), "{context:#?}");
}

#[test]
fn long_documentation_leaves_its_room_to_code() {
    let words = (0..60).map(|n| format!("    Word {n}.\n")).collect::<String>();
    let source =
        format!("def total(items):\n    \"\"\"Adds.\n{words}    \"\"\"\n    return len(items) - 1\n");
    let tree = MemoryTree::new(&[
        ("shop.py", &source),
        ("test_shop.py", "from shop import total\n\n\ndef test_total():\n    assert total([1]) == 1\n"),
    ]);
    let context = first_level(&tree, failing("test_shop.py", 5, "test_shop.py::test_total"));
    assert!(
        shows(&context, "shop.py", "Adds.") && shows(&context, "shop.py", "len(items) - 1"),
        "{context:#?}"
    );
    assert!(!shows(&context, "shop.py", "Word 30"), "{context:#?}");
}

/// Functions of `lines` lines each, in a file of their own.
fn long_functions(names: &[&str], lines: usize) -> String {
    let body = |name: &str| (0..lines).map(|n| format!("    {name}_{n} = {n}\n")).collect::<String>();
    names.iter().map(|name| format!("def {name}(a):\n{}    return {name}_0\n\n\n", body(name))).collect()
}

#[test]
fn what_is_called_just_before_the_failing_line_comes_first() {
    let calls: String = (0..6).map(|n| format!("    a{n} = far{n}(1)\n")).collect();
    let names = ["far0", "far1", "far2", "far3", "far4", "far5", "near"];
    let test = format!(
        "from shop import *\n\n\ndef test_it():\n{calls}{}    b = near(1)\n    c = 2\n    assert b == c\n",
        "\n".repeat(10)
    );
    let tree = MemoryTree::new(&[("shop.py", &long_functions(&names, 50)), ("test_shop.py", &test)]);
    let context = first_level(&tree, failing("test_shop.py", 23, "test_shop.py::test_it"));
    assert!(shows(&context, "shop.py", "near_40 = 40"), "{context:#?}");
    assert!(!shows(&context, "shop.py", "far5_40 = 40"), "{context:#?}");
}

#[test]
fn what_the_last_call_before_the_failure_calls_comes_first() {
    let code = format!(
        "def enter(a):\n    b = early(a)\n    e = 0\n    return last(b)\n\n\ndef last(b):\n    c = deep(b)\n    d = 0\n    return c.x\n\n\n{}",
        long_functions(&["early", "deep"], 55)
    );
    let test = "from shop import enter\n\n\ndef test_it():\n    assert enter(1) == 2\n";
    let tree = MemoryTree::new(&[("shop.py", &code), ("test_shop.py", test)]);
    let mut bug = failing("shop.py", 10, "test_shop.py::test_it");
    bug.related = [("shop.py", 4), ("test_shop.py", 5)]
        .map(|(file, line)| Location { file: file.to_owned(), line: Some(line), column: None })
        .to_vec();
    let context = first_level(&tree, bug);
    assert!(shows(&context, "shop.py", "deep_40 = 40"), "{context:#?}");
    assert!(!shows(&context, "shop.py", "early_40 = 40"), "{context:#?}");
}

#[test]
fn what_a_crate_exports_again_leads_to_its_module() {
    let cart = "pub struct Cart {\n    pub items: Vec<i32>,\n}\n\nimpl Cart {\n    pub fn total(&self) -> i32 {\n        self.items.iter().sum::<i32>() - 1\n    }\n}\n";
    for exports in ["pub use cart::Cart;", "pub use cart::*;", "pub use self::cart::{Cart as Basket, Cart};"]
    {
        let tree = MemoryTree::new(&[
            ("Cargo.toml", "[package]\nname = \"shop\"\n"),
            ("src/lib.rs", &format!("mod cart;\n{exports}\n")),
            ("src/cart.rs", cart),
            (
                "tests/total.rs",
                "use shop::Cart;\n\n#[test]\nfn totals() {\n    let cart = Cart { items: vec![1] };\n    assert_eq!(cart.total(), 1);\n}\n",
            ),
        ]);
        let context = first_level(&tree, failing("tests/total.rs", 6, "totals"));
        assert!(shows(&context, "src/cart.rs", "sum::<i32>() - 1"), "{exports}: {context:#?}");
    }
}

#[test]
fn a_function_that_is_cut_begins_with_its_own_statements() {
    let words = (0..8).map(|n| format!("/// Word {n}.\n")).collect::<String>();
    let kinds = (0..20).map(|n| format!("        Kind{n},\n")).collect::<String>();
    let steps = (0..70).map(|n| format!("    let step{n} = {n};\n")).collect::<String>();
    let source = format!(
        "{words}pub fn total(items: &[u32]) -> u32 {{\n    enum Mode {{\n{kinds}    }}\n{steps}    0\n}}\n\n{words}pub fn near() {{}}\n"
    );
    let test = "#[test]\nfn totals() {\n    shop::near();\n    assert_eq!(shop::total(&[1]), 1);\n}\n";
    let tree = MemoryTree::new(&[
        ("Cargo.toml", "[package]\nname = \"shop\"\n"),
        ("src/lib.rs", &source),
        ("tests/total.rs", test),
    ]);
    let context = first_level(&tree, failing("tests/total.rs", 4, "totals"));
    for part in ["pub fn total", "step0 ", "step40 ", "pub fn near"] {
        assert!(shows(&context, "src/lib.rs", part), "{part}: {context:#?}");
    }
    for part in ["Kind3", "Word 0", "step69"] {
        assert!(!shows(&context, "src/lib.rs", part), "{part}: {context:#?}");
    }
}

#[test]
fn data_of_tests_is_shown_by_its_first_lines() {
    let rows = (0..40).map(|n| format!("    {n},\n")).collect::<String>();
    let test = format!(
        "from shop import total\n\nROWS = [\n{rows}]\n\n\ndef test_total():\n    assert total(ROWS) == 1\n"
    );
    let tree = MemoryTree::new(&[
        ("shop.py", "def total(items):\n    return len(items) - 1\n"),
        ("test_shop.py", &test),
    ]);
    let context = first_level(&tree, failing("test_shop.py", 48, "test_shop.py::test_total"));
    assert!(shows(&context, "shop.py", "len(items) - 1") && shows(&context, "test_shop.py", "ROWS = ["));
    assert!(!shows(&context, "test_shop.py", "    20,"), "{context:#?}");
}

#[test]
fn later_levels_show_what_earlier_ones_did_not() {
    let long = |name: &str| {
        let lines = (0..140).map(|n| format!("    value = step({n})  # {name} {n}\n")).collect::<String>();
        format!("def {name}(value):\n{lines}    return value\n\n\n")
    };
    let names = ["one", "two", "three", "four", "five"];
    let source: String = names.iter().map(|name| long(name)).collect();
    let calls = names.iter().map(|name| format!("    {name}(1)\n")).collect::<String>();
    let test = format!("from shop import *\n\n\ndef test_all():\n{calls}    assert one(1) == 2\n");
    let tree = MemoryTree::new(&[("shop.py", &source), ("test_shop.py", &test)]);
    let failing = [failing("test_shop.py", 10, "test_shop.py::test_all")];
    let up_to = |most: u8| {
        let levels = (1..=most).map(|level| seen(&tree, &failing, level, Leads::default()));
        let mut lines: Vec<(u32, u32)> = Vec::new();
        levels.for_each(|context| lines.extend(context.window().iter().map(|w| (w.first, w.last))));
        (1..=source.lines().count())
            .filter(|line| {
                lines.iter().any(|(first, last)| (*first as usize..=*last as usize).contains(line))
            })
            .count()
    };
    assert!(up_to(3) > up_to(2) + 100, "{} {}", up_to(2), up_to(3));
    assert!(up_to(4) > up_to(3) + 80, "{} {}", up_to(3), up_to(4));
}

#[test]
fn a_function_within_a_long_one_is_shown_for_itself() {
    let filler = |name: &str| (0..40).map(|n| format!("  {name}({n});\n")).collect::<String>();
    let source = format!(
        "module.exports = function (args) {{\n{}  function set(key) {{\n    return args[key] - 1;\n  }}\n{}  return set('a');\n}};\n",
        filler("before"),
        filler("after")
    );
    let tree = MemoryTree::new(&[
        ("package.json", "{\"name\": \"app\"}"),
        ("index.js", &source),
        (
            "test/a.js",
            "const app = require('..');\n\nit('sets', () => {\n  assert.equal(app({ a: 1 }), 1);\n});\n",
        ),
    ]);
    let ran = |name: &str, lines| TracedFunction {
        file: "index.js".to_owned(),
        name: name.to_owned(),
        lines: Some(lines),
        suspicion: Some(1.0),
        order: None,
        ran: Vec::new(),
    };
    let traced = TracedFunctions { functions: vec![ran("module.exports", (1, 86)), ran("set", (42, 44))] };
    let leads = Leads { traced: Some(&traced), ..Leads::default() };
    let context = seen(&tree, &[failing("test/a.js", 4, "sets")], 1, leads);
    assert!(shows(&context, "index.js", "args[key] - 1"), "{context:#?}");
}

const PLUGINS: &str = "from importlib import import_module\n\n_known = {\n    'table': 'shop.plugins.table.make_table',\n    'lists': 'shop.plugins.lists.make_lists',\n}\n\n\ndef load(name):\n    path, made = _known[name].rsplit('.', 1)\n    return getattr(import_module(path), made)\n";

#[test]
fn a_module_that_a_string_names_is_reached_last() {
    let plugin = |name: &str| format!("{}def make_{name}(rows):\n    return len(rows) - 1\n", filler("#"));
    let (table, lists) = (plugin("table"), plugin("lists"));
    let test =
        "from shop.plugins import load\n\n\ndef test_make_lists():\n    assert load('lists')([1]) == 1\n";
    let mut files = vec![
        ("shop/__init__.py", ""),
        ("shop/plugins/__init__.py", PLUGINS),
        ("shop/plugins/table.py", &table),
        ("shop/plugins/lists.py", &lists),
        ("tests/test_shop.py", test),
    ];
    let report = || vec![failing("tests/test_shop.py", 5, "tests/test_shop.py::test_make_lists")];
    let context = seen(&MemoryTree::new(&files), &report(), 2, Leads::default());
    assert!(shows(&context, "shop/plugins/lists.py", "len(rows) - 1"), "{context:#?}");
    let at = |path: &str| context.spans.iter().position(|s| s.path.as_str() == path);
    assert!(at("shop/plugins/__init__.py") < at("shop/plugins/lists.py"), "{context:#?}");
    assert!(at("shop/plugins/table.py").is_none_or(|table| Some(table) > at("shop/plugins/lists.py")));
    // Put together from a name, it may be any of them.
    files[1].1 = "from importlib import import_module\n\n\ndef load(name):\n    return import_module(f'shop.plugins.{name}').make_lists\n";
    let context = seen(&MemoryTree::new(&files), &report(), 3, Leads::default());
    assert!(shows(&context, "shop/plugins/lists.py", "len(rows) - 1"), "{context:#?}");
}

#[test]
fn a_test_that_is_made_when_it_runs_is_known_by_what_makes_it() {
    let test = "from shop import load\nfrom tests import Base\n\n\ndef make(name):\n    load(name)\n    globals()['Test_table_' + name] = type(name, (Base,), {})\n\n\nmake('table')\nmake('lists')\n";
    let tree = MemoryTree::new(&[
        ("shop.py", "def load(name):\n    return name[1:]\n"),
        ("tests/__init__.py", "class Base:\n    def test_all(self):\n        assert self.made == 1\n"),
        ("tests/test_shop.py", test),
    ]);
    let report = failing("tests/__init__.py", 3, "tests/test_shop.py::Test_table_lists::test_all");
    let context = first_level(&tree, report);
    assert!(shows(&context, "tests/test_shop.py", "make('lists')"), "{context:#?}");
    assert!(shows(&context, "shop.py", "name[1:]"), "{context:#?}");
}

#[test]
fn a_long_function_is_cut_to_the_lines_that_ran() {
    let arms = |from: u32| {
        (from..from + 30).map(|n| format!("    if kind == {n}:\n        return {n}\n")).collect::<String>()
    };
    let source = format!("def pick(kind):\n{}    if kind == 'x':\n        kind = 7\n{}", arms(0), arms(40));
    let tree = MemoryTree::new(&[
        ("shop.py", &source),
        ("test_shop.py", "from shop import pick\n\n\ndef test_x():\n    assert pick('x') == 8\n"),
    ]);
    let failing = [failing("test_shop.py", 5, "test_shop.py::test_x")];
    let lines = |first, last, suspicion| RanLines { lines: (first, last), suspicion };
    let function = TracedFunction {
        file: "shop.py".to_owned(),
        name: "pick".to_owned(),
        lines: Some((1, 124)),
        suspicion: Some(1.0),
        order: None,
        ran: vec![lines(2, 2, 0.3), lines(62, 63, 1.0)],
    };
    let traced = TracedFunctions { functions: vec![function] };
    let leads = Leads { traced: Some(&traced), ..Leads::default() };
    let context = seen(&tree, &failing, 1, leads);
    assert!(shows(&context, "shop.py", "kind = 7") && shows(&context, "shop.py", "def pick"), "{context:#?}");
    assert!(!shows(&seen(&tree, &failing, 1, Leads::default()), "shop.py", "kind = 7"));
}
