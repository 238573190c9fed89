//! Traced runs through the real engine: the function at fault is among the first, and nothing is left of it.

use std::collections::BTreeMap;
use std::time::Duration;

use ci_healer::contract::build::{BuildPlan, ExecutionResult, MULTI_RUNTIME_IMAGE, PlanStep};
use ci_healer::contract::event::Purpose;
use ci_healer::contract::executed::TracedFunctions;
use ci_healer::executor::{Copies, Request};
use ci_healer::orchestrator::tracing::{TestTracer, Traces};
use ci_healer::parser;

use crate::executor::{Plain, Run, Tree, log, plan, step};

/// What was traced of the last step, and what the steps printed.
struct Traced {
    functions: TracedFunctions,
    result: ExecutionResult,
    took: Duration,
}

impl Traced {
    /// Among the first `n`.
    #[track_caller]
    fn expect(&self, file: &str, name: &str, n: usize) {
        let first = self.functions.functions.iter().take(n);
        let found = first.clone().any(|f| f.file == file && f.name == name);
        assert!(found, "{file} {name} is not among {:#?}\n{}", first.collect::<Vec<_>>(), log(&self.result));
    }
}

async fn run_traced(name: &str, files: &[(&str, &str)], steps: Vec<PlanStep>) -> Traced {
    let plan = in_sandbox_image(steps);
    let mut run = Run::new(name, |options| {
        options.timeout = Duration::from_secs(300);
        options.memory_bytes = 2 << 30;
        // Only where something is installed: of Java's options Surefire makes a file each time.
        if name == "trace-vitest" {
            options.ca_bundle = std::env::var_os("SSL_CERT_FILE").and_then(|path| std::fs::read(path).ok());
        }
    })
    .await;
    run.tree = files.iter().fold(Tree::default(), |tree, (path, content)| tree.with(path, content));
    // What lies in the workspace when the steps are over, and when the trace is.
    let seen = execute(&mut run, &plan, false).await;
    let looks = in_sandbox_image(vec![step(LIST)]);
    let before = log(&execute(&mut run, &looks, false).await);
    let traced = execute(&mut run, &plan, true).await;
    let after = log(&execute(&mut run, &looks, false).await);
    assert_eq!(before, after, "a trace left something in the workspace");
    assert_eq!(seen.exit, traced.exit);
    let functions = traced.trace.as_ref().map(|trace| parser::traced(trace, &run.tree)).unwrap_or_default();
    run.close().await;
    Traced { functions, took: traced.duration.saturating_sub(seen.duration), result: traced }
}

const LIST: &str = "find . -path ./.git -prune -o -type f -print | sort";

fn in_sandbox_image(steps: Vec<PlanStep>) -> BuildPlan {
    let mut plan = plan(steps);
    plan.image.reference = MULTI_RUNTIME_IMAGE.to_owned();
    plan
}

async fn execute(run: &mut Run, plan: &BuildPlan, traced: bool) -> ExecutionResult {
    let known = Traces::default();
    let tracer = TestTracer { plan, tree: &run.tree, known: &known };
    let request = Request {
        purpose: Purpose::Baseline,
        leg: 0,
        tree: &run.tree,
        git_dir: None,
        fresh: false,
        from_snapshot: true,
        copies: Copies::None,
        probes: &[],
        repeats: None,
        watched: None,
        tracer: traced.then_some(&tracer),
    };
    run.executor.execute(plan, &Plain, &request, run.events.as_ref(), &run.scope).await
}

const CART_PY: &str = "\
RATE = 2


def double(n):
    return n + n


class Cart:
    def __init__(self):
        self.items = []

    def add(self, price):
        self.items.append(double(price))

    def total(self):
        return sum(self.items) - 1
";
const TEST_CART_PY: &str = "\
from shop.cart import Cart, double


def test_double():
    assert double(2) == 4


def test_add():
    cart = Cart()
    cart.add(1)
    assert cart.items == [2]


def test_total():
    cart = Cart()
    cart.add(2)
    assert cart.total() == 4
";

#[tokio::test(flavor = "multi_thread")]
async fn pytest_tells_the_function_at_fault() {
    let other = "def test_other():\n    assert True\n";
    let files = [
        ("shop/__init__.py", ""),
        ("shop/cart.py", CART_PY),
        ("tests/test_cart.py", TEST_CART_PY),
        ("tests/test_other.py", other),
    ];
    let steps = vec![step("export A=1\npython3 -m pytest -q -x tests")];
    let traced = run_traced("trace-pytest", &files, steps).await;
    traced.expect("shop/cart.py", "Cart.total", 1);
    let first = &traced.functions.functions[0];
    assert_eq!((first.lines, first.suspicion), (Some((15, 16)), Some(1.0)));
    assert_eq!(first.ran.iter().map(|ran| ran.lines).collect::<Vec<_>>(), [(16, 16)]);
    assert!(traced.functions.functions.iter().all(|f| f.file != "tests/test_other.py"));
    assert!(traced.took < Duration::from_secs(20), "{:?}", traced.took);
}

/// The repository's own `sitecustomize` does its work all the same, and so does a wrapper.
#[tokio::test(flavor = "multi_thread")]
async fn unittest_behind_make_with_a_sitecustomize_of_the_repositorys_own() {
    let test = "\
import unittest

from shop.cart import Cart, double


class CartTest(unittest.TestCase):
    def test_double(self):
        self.assertEqual(double(2), 4)

    def test_total(self):
        cart = Cart()
        cart.add(2)
        self.assertEqual(cart.total(), 4)

    def test_site(self):
        import builtins
        self.assertEqual(builtins.from_site, 7)
";
    let files = [
        ("Makefile", "test:\n\tPYTHONPATH=site python3 -m unittest discover -s tests -t .\n"),
        ("site/sitecustomize.py", "import builtins\nbuiltins.from_site = 7\n"),
        ("shop/__init__.py", ""),
        ("shop/cart.py", CART_PY),
        ("tests/__init__.py", ""),
        ("tests/test_cart.py", test),
    ];
    // Set by make for its own child: the step's call is all that can be traced here.
    let by_make = run_traced("trace-make", &files, vec![step("make test")]).await;
    assert!(by_make.functions.is_empty(), "{:?}", by_make.functions);
    let steps = vec![step("PYTHONPATH=site python3 -m unittest discover -s tests -t .")];
    let traced = run_traced("trace-unittest", &files, steps).await;
    traced.expect("shop/cart.py", "Cart.total", 3);
    assert!(log(&traced.result).contains("FAILED (failures=1)"), "{}", log(&traced.result));
    let order: BTreeMap<&str, Option<u32>> =
        traced.functions.functions.iter().map(|f| (f.name.as_str(), f.order)).collect();
    assert!(order["Cart.__init__"] < order["Cart.add"] && order["Cart.add"] < order["Cart.total"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_hangs_is_cut_and_tells_what_ran_until_then() {
    let source = "import os\n\n\ndef wait():\n    while True:\n        pass\n\n\ndef answer():\n    if 'CI_HEALER_TRACE' in os.environ:\n        wait()\n    return 41\n";
    let test = "from calc import answer\n\n\ndef test_answer():\n    assert answer() == 42\n";
    let files = [("calc.py", source), ("test_calc.py", test)];
    let traced = run_traced("trace-hangs", &files, vec![step("python3 -m pytest -q")]).await;
    assert!(traced.result.trace.as_ref().unwrap().cut);
    assert!((15..60).contains(&traced.took.as_secs()), "{:?}", traced.took);
    traced.expect("calc.py", "wait", 2);
}

const CART_JS: &str = "\
function double(n) {
  return n + n;
}

class Cart {
  constructor() {
    this.items = [];
  }

  add(price) {
    this.items.push(double(price));
  }

  total() {
    return this.items.reduce((sum, item) => sum + item, 0) - 1;
  }
}

module.exports = { double, Cart };
";

#[tokio::test(flavor = "multi_thread")]
async fn node_test_tells_the_function_at_fault() {
    let test = "\
const { test, describe, it } = require('node:test');
const assert = require('node:assert');
const { double, Cart } = require('../');
test('doubles', () => assert.equal(double(2), 4));
describe('cart', () => {
  it('adds', () => { const cart = new Cart(); cart.add(1); assert.deepEqual(cart.items, [2]); });
  it('totals', () => { const cart = new Cart(); cart.add(1); assert.equal(cart.total(), 2); });
});
";
    let files = [
        ("package.json", "{\"scripts\": {\"test\": \"node --test test/\"}}"),
        ("index.js", CART_JS),
        ("test/cart.test.js", test),
        ("test/other.test.js", "const { Cart } = require('../');\nnew Cart().total();\n"),
    ];
    let traced = run_traced("trace-node", &files, vec![step("npm test")]).await;
    traced.expect("index.js", "total", 1);
    assert!(!traced.functions.functions[0].ran.is_empty(), "{:#?}", traced.functions);
    assert!(traced.functions.functions.iter().all(|f| f.file != "test/other.test.js"));
}

/// Each test for itself, also in threads, which end without an event, and the lines of its sources.
#[tokio::test(flavor = "multi_thread")]
async fn vitest_tells_the_function_and_the_lines_at_fault() {
    let source = "\
export interface Row { price: number }

export function double(n: number): number {
  return n + n;
}

export class Cart {
  rows: Row[] = [];

  total(): number {
    let sum = 0;
    if (this.rows.length === 0) {
      sum = 5;
      return sum;
    }
    for (const row of this.rows) {
      sum += double(row.price);
    }
    return sum - 1;
  }
}
";
    let test = "\
import { describe, expect, it } from 'vitest';
import { Cart, double } from '../src/cart';

describe('cart', () => {
  it('doubles', () => { expect(double(2)).toBe(4); });
  it('is empty', () => { expect(new Cart().total()).toBe(5); });
  it('totals', () => { const cart = new Cart(); cart.rows.push({ price: 1 }); expect(cart.total()).toBe(2); });
});
";
    let other = "import { expect, it } from 'vitest';\nit('other', () => { expect(1).toBe(1); });\n";
    let files = [
        ("package.json", "{\"type\": \"module\", \"scripts\": {\"test\": \"vitest run\"}}"),
        ("src/cart.ts", source),
        ("test/cart.test.ts", test),
        ("test/other.test.ts", other),
    ];
    let install = "npm install --no-save --no-audit --no-fund --ignore-scripts vitest@3.2.4";
    let steps = vec![step(install), step("npm test -- --pool=threads")];
    let traced = run_traced("trace-vitest", &files, steps).await;
    // Others' tests ran all of them, too: which lines the failing one ran alone says more.
    traced.expect("src/cart.ts", "total", 3);
    let total = traced.functions.functions.iter().find(|f| f.name == "total").unwrap();
    // The empty cart's test ran it, too, and went another way.
    assert!(total.suspicion.is_some_and(|s| s < 1.0), "{total:#?}");
    let alone: Vec<_> = total.ran.iter().filter(|ran| ran.suspicion > 0.99).map(|ran| ran.lines).collect();
    let holds = |line| alone.iter().any(|(first, last)| (*first..=*last).contains(&line));
    assert!(holds(17) && !holds(11), "{total:#?}");
    assert!(!total.ran.iter().any(|ran| (ran.lines.0..=ran.lines.1).contains(&14)), "{total:#?}");
    assert!(traced.functions.functions.iter().all(|f| f.file != "test/other.test.ts"));
}

#[tokio::test(flavor = "multi_thread")]
async fn compiled_typescript_is_told_by_its_sources() {
    let source = "\
export interface Item {
  price: number;
}

/** Twice as much. */
export function double(n: number): number {
  return n + n;
}

export const total = (items: Item[]): number => {
  let sum = -1;
  for (const item of items) {
    sum += double(item.price);
  }
  return sum;
};
";
    let test = "\
import { test } from 'node:test';
import assert from 'node:assert';
import { double, total } from '../src/cart';
test('doubles', () => { assert.equal(double(2), 4); });
test('totals', () => { assert.equal(total([{ price: 1 }]), 2); });
";
    let options = "{\"compilerOptions\": {\"outDir\": \"dist\", \"rootDir\": \".\", \"sourceMap\": true, \"module\": \"commonjs\", \"target\": \"es2022\", \"strict\": true, \"esModuleInterop\": true, \"types\": [\"node\"], \"typeRoots\": [\"/opt/ci-healer/node/lib/node_modules/@types\"]}, \"include\": [\"src\", \"test\"]}";
    let files = [
        ("package.json", "{\"scripts\": {\"test\": \"tsc && node --test dist/test\"}}"),
        ("tsconfig.json", options),
        ("src/cart.ts", source),
        ("test/cart.test.ts", test),
    ];
    let traced = run_traced("trace-ts", &files, vec![step("npm test")]).await;
    traced.expect("src/cart.ts", "total", 1);
    assert_eq!(traced.functions.functions[0].lines, Some((10, 16)));
}

#[tokio::test(flavor = "multi_thread")]
async fn go_tells_the_function_at_fault() {
    let source = "\
package cart

type Cart struct{ items []int }

func Double(n int) int {
	return n + n
}

func (c *Cart) Add(price int) {
	c.items = append(c.items, Double(price))
}

func (c *Cart) Total() int {
	sum := -1
	for _, item := range c.items {
		sum += item
	}
	return sum
}
";
    let test = "\
package cart

import \"testing\"

func TestDouble(t *testing.T) {
	if Double(2) != 4 {
		t.Error(\"double\")
	}
}

func TestAdd(t *testing.T) {
	c := Cart{}
	c.Add(1)
	if len(c.items) != 1 {
		t.Error(\"add\")
	}
}

func TestTotal(t *testing.T) {
	t.Run(\"one\", func(t *testing.T) {
		c := Cart{}
		c.Add(1)
		if got := c.Total(); got != 2 {
			t.Errorf(\"Total() = %d, want 2\", got)
		}
	})
}
";
    let files = [
        ("srv/go.mod", "module example.com/shop\n\ngo 1.24\n"),
        ("srv/cart/cart.go", source),
        ("srv/cart/cart_test.go", test),
    ];
    let traced = run_traced("trace-go", &files, vec![step("cd srv && go test ./...")]).await;
    traced.expect("srv/cart/cart.go", "Total", 1);
    let first = &traced.functions.functions[0];
    assert_eq!((first.lines, first.suspicion, first.order), (Some((13, 18)), Some(1.0), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_tells_the_function_at_fault_where_the_llvm_tools_are() {
    let source = "\
pub fn double(n: u32) -> u32 {
    n + n
}

#[derive(Default)]
pub struct Cart {
    items: Vec<u32>,
}

impl Cart {
    pub fn add(&mut self, price: u32) {
        self.items.push(double(price));
    }

    pub fn total(&self) -> u32 {
        self.items.iter().sum::<u32>() - 1
    }
}
";
    let test = "\
use shop::{Cart, double};

#[test]
fn doubles() {
    assert_eq!(double(2), 4);
}

#[test]
fn adds() {
    Cart::default().add(1);
}

#[test]
fn totals() {
    let mut cart = Cart::default();
    cart.add(1);
    assert_eq!(cart.total(), 2);
}
";
    let manifest = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let lock = "version = 4\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n";
    let files =
        [("Cargo.toml", manifest), ("Cargo.lock", lock), ("src/lib.rs", source), ("tests/cart.rs", test)];
    let without = run_traced("trace-rust", &files, vec![step("cargo test --offline")]).await;
    assert!(without.functions.is_empty());
    let tools = "sudo apt-get install -q -y --no-install-recommends llvm-19 >/dev/null 2>&1";
    let traced = run_traced("trace-llvm", &files, vec![step(tools), step("cargo test --offline")]).await;
    traced.expect("src/lib.rs", "shop::Cart::total", 1);
    assert_eq!(traced.functions.functions[0].lines, Some((15, 17)));
}

#[tokio::test(flavor = "multi_thread")]
async fn java_tells_the_classes_that_the_failing_test_loads() {
    let class = |name: &str, body: &str| format!("package shop;\n\npublic class {name} {{\n{body}\n}}\n");
    let total = class(
        "Total",
        "  public static int of(int... prices) { int sum = -1; for (int p : prices) sum += Twice.of(p); return sum; }",
    );
    let twice = class("Twice", "  public static int of(int n) { return n + n; }");
    let loaded = class("Loaded", "  public static int of(int n) { return n; }");
    let unused = class("Unused", "  public static int of(int n) { return n; }");
    let test = "package shop;\n\nimport static org.junit.Assert.assertEquals;\n\nimport org.junit.Test;\n\npublic class CartTest {\n  @Test public void doubles() { assertEquals(4, Twice.of(2)); }\n  @Test public void totals() { assertEquals(\"shop.Loaded\", Loaded.class.getName()); assertEquals(2, Total.of(1)); }\n}\n";
    let pom = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion><groupId>shop</groupId><artifactId>shop</artifactId><version>1</version><properties><maven.compiler.source>21</maven.compiler.source><maven.compiler.target>21</maven.compiler.target><project.build.sourceEncoding>UTF-8</project.build.sourceEncoding></properties><dependencies><dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version><scope>test</scope></dependency></dependencies></project>";
    let files = [
        ("pom.xml", pom),
        ("src/main/java/shop/Total.java", total.as_str()),
        ("src/main/java/shop/Twice.java", twice.as_str()),
        ("src/main/java/shop/Loaded.java", loaded.as_str()),
        ("src/main/java/shop/Unused.java", unused.as_str()),
        ("src/test/java/shop/CartTest.java", test),
    ];
    let traced = run_traced("trace-java", &files, vec![step("mvn -o -B test")]).await;
    let names = |traced: &Traced| -> Vec<String> {
        traced.functions.functions.iter().map(|f| f.name.clone()).collect()
    };
    assert_eq!(names(&traced), ["Loaded", "Total", "Twice", "CartTest"], "{}", log(&traced.result));
}
