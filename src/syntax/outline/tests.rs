use super::*;

fn read(path: &str, text: &str) -> Outline {
    outline(Grammar::of(path).unwrap(), text).unwrap()
}

/// `kind container.name first-last`
fn defined(outline: &Outline) -> Vec<String> {
    let one = |d: &Definition| {
        let container = d.container.as_ref().map(|c| format!("{c}.")).unwrap_or_default();
        format!("{:?} {container}{} {}-{}", d.kind, d.name, d.lines.0, d.lines.1)
    };
    outline.definitions.iter().map(one).collect()
}

/// `module: local=member …`
fn imported(outline: &Outline) -> Vec<String> {
    let name = |n: &ImportedName| match &n.member {
        Some(member) if *member == n.local => n.local.clone(),
        Some(member) => format!("{}={member}", n.local),
        None => format!("{}=*", n.local),
    };
    let one = |i: &Import| {
        let mut names: Vec<String> = i.names.iter().map(name).collect();
        names.extend(i.wildcard.then(|| "*".to_owned()));
        format!("{:?} {}: {}", i.kind, i.module, names.join(" "))
    };
    outline.imports.iter().map(one).collect()
}

fn tests_of(outline: &Outline) -> Vec<String> {
    let one = |t: &Test| {
        let words = t.modifiers.iter().map(|m| format!(" .{m}")).collect::<String>();
        format!("{:?} {} {}-{}{words}", t.kind, t.id, t.lines.0, t.lines.1)
    };
    outline.tests.iter().map(one).collect()
}

fn called(outline: &Outline) -> Vec<String> {
    outline
        .references
        .iter()
        .filter(|r| matches!(r.kind, ReferenceKind::Call | ReferenceKind::Macro))
        .map(|r| r.qualifier.as_ref().map_or_else(|| r.name.clone(), |q| format!("{q}|{}", r.name)))
        .collect()
}

fn asserted<'t>(outline: &Outline, text: &'t str) -> Vec<&'t str> {
    outline.assertions.iter().map(|a| &text[a.bytes.clone()]).collect()
}

const PYTHON: &str = "\
import os.path
import numpy as np
from . import near
from ..pkg.calc import add, sub as minus
from star import *
LIMIT = 3


# Keeps things.
@dataclass
class Stack(Base):
    size: int = 0

    @property
    def top(self):
        \"\"\"The last.\"\"\"
        return self.items[-1]


class TestStack(unittest.TestCase):
    def setUp(self):
        self.s = Stack()

    def test_push(self):
        self.s.push(1)
        self.assertEqual(self.s.top, 1)


@pytest.fixture()
def stack():
    return Stack()


@pytest.mark.parametrize('n', [1, 2])
async def test_add(n, stack):
    def test_inner():
        pass
    assert add(n, 1) == minus(LIMIT, helper)
    with pytest.raises(ValueError):
        np.run(key=value)
";

#[test]
fn python() {
    let outline = read("a.py", PYTHON);
    assert!(outline.is_complete());
    assert_eq!(
        defined(&outline),
        [
            "Constant LIMIT 6-6",
            "Class Stack 9-16",
            "Field Stack.size 12-12",
            "Method Stack.top 14-17",
            "Class TestStack 20-26",
            "Method TestStack.setUp 21-22",
            "Method TestStack.test_push 24-26",
            "Function stack 29-31",
            "Function test_add 34-40",
            "Function test_add.test_inner 36-37",
        ]
        .map(|line| line.replace("Stack 9-16", "Stack 9-17"))
    );
    assert_eq!(
        imported(&outline),
        [
            "Plain os.path: os=*",
            "Plain numpy: np=*",
            "Plain .: near",
            "Plain ..pkg.calc: add minus=sub",
            "Plain star: *",
        ]
    );
    assert_eq!(
        tests_of(&outline),
        [
            "Suite TestStack 20-26",
            "SetUp TestStack::setUp 21-22",
            "Case TestStack::test_push 24-26",
            "SetUp stack 29-31",
            "Case test_add 34-40",
        ]
    );
    assert_eq!(
        called(&outline),
        [
            "dataclass",
            "property",
            "Stack",
            "self.s|push",
            "self|assertEqual",
            "pytest|fixture",
            "Stack",
            "pytest.mark|parametrize",
            "add",
            "minus",
            "pytest|raises",
            "np|run",
        ]
    );
    let values: Vec<&str> = outline
        .references
        .iter()
        .filter(|r| matches!(r.kind, ReferenceKind::Value | ReferenceKind::Parameter))
        .map(|r| r.name.as_str())
        .collect();
    assert_eq!(values, ["self", "self", "self", "n", "stack", "n", "LIMIT", "helper", "ValueError", "value"]);
    assert_eq!(
        asserted(&outline, PYTHON),
        [
            "self.assertEqual(self.s.top, 1)",
            "assert add(n, 1) == minus(LIMIT, helper)",
            "pytest.raises(ValueError)"
        ]
    );
    let attributes: Vec<&str> = outline.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(attributes, ["dataclass", "property", "pytest.fixture", "pytest.mark.parametrize"]);
    let docs = outline.literals.iter().filter(|l| l.kind == LiteralKind::Documentation).count();
    assert_eq!((docs, outline.comments.len()), (1, 1));
}

const SCRIPT: &str = "\
import './setup';
import calc, { add as plus, sub } from '../calc.js';
import * as all from \"all\";
export { x as y } from './x';
export * from './z';
const { a, b: c } = require('./ab');
const lib = require('lib');
const late = () => import('./late');
/** Adds. */
export const twice = (n) => n * 2, limit = 3;
export default class Stack extends Base {
  size = 0;
  push(item) { this.items.push(item); }
}
exports.run = function (job) { return job(); };
module.exports = { stop() { halt(); }, go: () => start(lib) };
";

#[test]
fn javascript() {
    for path in ["a.js", "a.ts", "a.tsx"] {
        let outline = read(path, SCRIPT);
        assert!(outline.is_complete(), "{path}");
        assert_eq!(
            defined(&outline),
            [
                "Constant lib 7-7",
                "Function late 8-8",
                "Function twice 9-10",
                "Constant limit 9-10",
                "Class Stack 11-14",
                "Field Stack.size 12-12",
                "Method Stack.push 13-13",
                "Function exports.run 15-15",
                "Method stop 16-16",
                "Method go 16-16",
            ],
            "{path}"
        );
        assert_eq!(
            imported(&outline),
            [
                "Effect ./setup: ",
                "Plain ../calc.js: calc=default plus=add sub",
                "Plain all: all=*",
                "Reexport ./x: y=x",
                "Reexport ./z: *",
                "Plain ./ab: a c=b",
                "Plain lib: lib=*",
                "Dynamic ./late: ",
            ],
            "{path}"
        );
        assert_eq!(called(&outline), ["this.items|push", "job", "halt", "start"], "{path}");
    }
}

#[test]
fn javascript_tests() {
    let text = "\
describe('stack', () => {
  beforeEach(() => { reset(); });
  describe.skip(\"when empty\", function () {
    it('pops nothing', async () => {
      expect(pop()).not.toBe(1);
      await expect(later()).resolves.toEqual({ a: 1 });
      assert.strictEqual(a, b);
      expect(x).to.be.true;
    });
    it.each([1, 2])('takes %i', (n) => {});
  });
});
test.only(`it's \"on\"`, () => {});
";
    let outline = read("a.test.ts", text);
    assert_eq!(
        tests_of(&outline),
        [
            "Suite stack 1-12",
            "SetUp stack > beforeEach 2-2",
            "Suite stack > when empty 3-11 .skip",
            "Case stack > when empty > pops nothing 4-9",
            "Case stack > when empty > takes %i 10-10 .each",
            "Case it's \"on\" 13-13 .only",
        ]
    );
    assert_eq!(
        asserted(&outline, text),
        [
            "expect(pop()).not.toBe(1);",
            "await expect(later()).resolves.toEqual({ a: 1 });",
            "assert.strictEqual(a, b);",
            "expect(x).to.be.true;",
        ]
    );
}

#[test]
fn typescript_types() {
    let text = "\
import type { Shape } from './shape';
import fs = require('fs');
export interface Area { size(): number; name: string }
export type Id = string | Shape;
enum Color { Red }
declare module 'x' { export function f(): void; }
abstract class A<T> implements Area { abstract size(): number; protected n: Id = 1; }
";
    let outline = read("a.ts", text);
    assert_eq!(
        defined(&outline),
        [
            "Interface Area 3-3",
            "Method Area.size 3-3",
            "Field Area.name 3-3",
            "Type Id 4-4",
            "Enum Color 5-5",
            "Module x 6-6",
            "Function x.f 6-6",
            "Class A 7-7",
            "Method A.size 7-7",
            "Field A.n 7-7",
        ]
    );
    assert_eq!(imported(&outline), ["Plain ./shape: Shape", "Plain fs: fs=*"]);
}

#[test]
fn go() {
    let text = "\
package shop

import (
\t\"fmt\"
\tbar \"example.com/m/v2/foo\"
\t. \"strings\"
\t_ \"embed\"
)

// Limit is it.
const Limit = 3

var (
\ta = 1
\tb = 2
)

// Stack holds.
type Stack[T any] struct {
\titems []T
}

type Id = string

func (s *Stack[T]) Pop() T {
\treturn bar.Last(s.items)
}

func TestPop(t *testing.T) {
\tt.Run(\"of an empty one\", func(t *testing.T) {
\t\tif got := New(Limit).Pop(); got != 1 {
\t\t\tt.Errorf(\"got %d\", got)
\t\t}
\t\trequire.Equal(t, 1, 2)
\t})
}

func Tested() {}
func (s *Suite) TestOne() {}
";
    let outline = read("a_test.go", text);
    assert_eq!(outline.package.as_deref(), Some("shop"));
    assert_eq!(
        defined(&outline),
        [
            "Constant Limit 10-11",
            "Constant a 14-14",
            "Constant b 15-15",
            "Class Stack 18-21",
            "Field Stack.items 20-20",
            "Type Id 23-23",
            "Method Stack.Pop 25-27",
            "Function TestPop 29-36",
            "Function Tested 38-38",
            "Method Suite.TestOne 39-39",
        ]
    );
    assert_eq!(
        imported(&outline),
        ["Plain fmt: fmt=*", "Plain example.com/m/v2/foo: bar=*", "Plain strings: *", "Effect embed: ",]
    );
    assert_eq!(
        tests_of(&outline),
        ["Case TestPop 29-36", "Case TestPop/of_an_empty_one 30-35", "Case Suite/TestOne 39-39"]
    );
    assert_eq!(called(&outline), ["bar|Last", "t|Run", "New", "New(Limit)|Pop", "t|Errorf", "require|Equal"]);
    assert_eq!(asserted(&outline, text), ["t.Errorf(\"got %d\", got)", "require.Equal(t, 1, 2)"]);
}

#[test]
fn rust() {
    let text = "\
//! A shop.
use std::{fmt, io::{self, Read as _}};
pub use crate::syntax::Stack;
use super::*;
mod cart;

/// Adds.
#[inline]
// quickly
pub fn sum(a: u8) -> u8 { helper::<u8>(a) + self::b::c(LIMIT) }

impl<T> Stack<T> {
    fn pop(&mut self) -> T { self.items.pop().unwrap() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[should_panic]
    async fn works() {
        assert_eq!(sum(1), push(2));
    }

    #[rstest]
    #[case(1)]
    fn rows(#[case] n: u8) {}

    fn helper() {}
}
";
    let outline = read("lib.rs", text);
    assert!(outline.is_complete());
    assert_eq!(
        defined(&outline),
        [
            "Function sum 7-10",
            "Implementation Stack 12-14",
            "Method Stack.pop 13-13",
            "Module tests 16-31",
            "Function tests.works 20-24",
            "Function tests.rows 26-28",
            "Function tests.helper 30-30",
        ]
    );
    assert_eq!(
        imported(&outline),
        [
            "Plain std: fmt",
            "Plain std::io: io=* _=Read",
            "Reexport crate::syntax: Stack",
            "Plain super: *",
            "Submodule cart: ",
            "Plain super: *",
        ]
    );
    assert_eq!(
        tests_of(&outline),
        ["Suite tests 16-31", "Case tests::works 20-24", "Case tests::rows 26-28"]
    );
    assert_eq!(
        called(&outline),
        ["helper", "self::b|c", "self.items|pop", "self.items.pop()|unwrap", "assert_eq", "sum", "push"]
    );
    assert_eq!(asserted(&outline, text), ["#[should_panic]", "assert_eq!(sum(1), push(2));"]);
    let top: Vec<&str> = outline.top_level().map(|d| d.name.as_str()).collect();
    assert_eq!(top, ["sum", "tests", "works", "rows", "helper"]);
}

const JAVA: &str = "\
package com.shop;

import java.util.List;
import static org.junit.Assert.*;
import static org.junit.Assert.assertEquals;
import com.shop.parts.*;

/** A calculator. */
@Deprecated
public class Calc<T> {
    private final int limit = 3;
    Calc(int limit) { this.limit = limit; }
    public int add(int a, int b) { return Helper.sum(a, b) + new Box<>(a).open(); }
    enum Color { RED }
}

class CalcTest {
    @BeforeEach
    void init() {}

    @Test
    void adds() {
        assertThat(new Calc(1).add(1, 2)).isEqualTo(3);
        assertEquals(1, 2);
    }

    @Nested
    class WhenEmpty {
        @ParameterizedTest(name = \"x\") @ValueSource(ints = {1})
        void rows(int n) {}
    }
}

class OldTest extends TestCase { public void testIt() {} }
";

#[test]
fn java() {
    let outline = read("CalcTest.java", JAVA);
    assert!(outline.is_complete());
    assert_eq!(
        defined(&outline),
        [
            "Class Calc 8-15",
            "Field Calc.limit 11-11",
            "Method Calc.Calc 12-12",
            "Method Calc.add 13-13",
            "Enum Calc.Color 14-14",
            "Field Calc.Color.RED 14-14",
            "Class CalcTest 17-32",
            "Method CalcTest.init 18-19",
            "Method CalcTest.adds 21-25",
            "Class CalcTest.WhenEmpty 27-31",
            "Method CalcTest.WhenEmpty.rows 29-30",
            "Class OldTest 34-34",
            "Method OldTest.testIt 34-34",
        ]
    );
    assert_eq!(
        imported(&outline),
        [
            "Plain java.util: List",
            "Static org.junit.Assert: *",
            "Static org.junit.Assert: assertEquals",
            "Plain com.shop.parts: *",
        ]
    );
    assert_eq!(
        tests_of(&outline),
        [
            "Suite com.shop.CalcTest 17-32",
            "SetUp com.shop.CalcTest.init 18-19",
            "Case com.shop.CalcTest.adds 21-25",
            "Suite com.shop.CalcTest.WhenEmpty 27-31",
            "Case com.shop.CalcTest$WhenEmpty.rows 29-30",
            "Suite com.shop.OldTest 34-34",
            "Case com.shop.OldTest.testIt 34-34",
        ]
    );
    assert_eq!(
        called(&outline),
        [
            "Helper|sum",
            "Box",
            "new Box<>(a)|open",
            "assertThat",
            "Calc",
            "new Calc(1)|add",
            "assertThat(new Calc(1).add(1, 2))|isEqualTo",
            "assertEquals"
        ]
    );
    assert_eq!(
        asserted(&outline, JAVA),
        ["assertThat(new Calc(1).add(1, 2)).isEqualTo(3);", "assertEquals(1, 2);"]
    );
}

#[test]
fn definitions_around_what_is_broken_come_out() {
    for (path, text, names) in [
        ("a.py", "def a():\n    return 1 +\n\n\ndef b():\n    return 2\n", ["b"].as_slice()),
        (
            "b.py",
            "class A:\n    def f(self)\n        return 1\n\n    def g(self):\n        return 2\n",
            &["A", "g"],
        ),
        ("a.js", "function a() {\n  return 1 +;\n}\nfunction b() { return 2; }\n", &["a", "b"]),
        ("a.ts", "export function a(): {\n  return 1;\n}\nexport const b = () => 2;\n", &["b"]),
        ("a.go", "package a\n\nfunc A() int {\n\treturn 1 +\n}\n\nfunc B() {}\n", &["B"]),
        ("a.rs", "fn a() -> u8 {\n    let x = ;\n    x\n}\n\nfn b() {}\n", &["a", "b"]),
        ("A.java", "class A {\n  int f() { return 1 }\n  int g() { return 2; }\n}\n", &["A", "f", "g"]),
    ] {
        let outline = read(path, text);
        assert!(!outline.is_complete() && !outline.errors.is_empty(), "{path}");
        for name in names {
            assert!(outline.defined(name).next().is_some(), "{path}: {name} of {:?}", defined(&outline));
        }
    }
}

#[test]
fn what_is_too_large_is_not_read_and_deep_ends_in_time() {
    assert_eq!(outline(Grammar::Python, &"x = 1\n".repeat(200_000)), Err(ParseError::TooLarge));
    for text in ["(".repeat(100_000), "f(".repeat(50_000), "class A {".repeat(20_000), "'".repeat(1001)] {
        for grammar in [Grammar::JavaScript, Grammar::Rust, Grammar::Java] {
            let begun = std::time::Instant::now();
            let _ = outline(grammar, &text);
            assert!(begun.elapsed().as_secs() < 60, "{grammar:?}");
        }
    }
}

/// Of a file that is so many times as long there is so many times as much, and all of it within the time of one file.
#[test]
fn long_files_cost_what_short_ones_do() {
    for (path, text) in SAMPLES {
        let (one, many) = (read(path, text), read(path, &text.repeat(40)));
        assert_eq!(many.comments.len(), one.comments.len() * 40, "{path}");
        assert_eq!(many.literals.len(), one.literals.len() * 40, "{path}");
    }
}

/// Whatever stands in a file, every range is one of its text, and lists are in order.
#[track_caller]
fn assert_sound(outline: &Outline, text: &str) {
    let all = outline
        .definitions
        .iter()
        .flat_map(|d| [&d.bytes, &d.name_bytes])
        .chain(outline.imports.iter().map(|i| &i.bytes))
        .chain(outline.references.iter().map(|r| &r.bytes))
        .chain(outline.tests.iter().map(|t| &t.bytes))
        .chain(outline.assertions.iter().map(|a| &a.bytes))
        .chain(outline.literals.iter().map(|l| &l.bytes))
        .chain(outline.attributes.iter().map(|a| &a.bytes))
        .chain(&outline.comments)
        .chain(&outline.states)
        .chain(&outline.errors);
    for bytes in all {
        assert!(text.get(bytes.clone()).is_some(), "{bytes:?} of {text}");
    }
    for definition in &outline.definitions {
        let (whole, name) = (&definition.bytes, &definition.name_bytes);
        assert!(whole.start <= name.start && name.end <= whole.end, "{definition:?} of {text}");
        let outer = definition.parent.map(|parent| &outline.definitions[parent].bytes);
        assert!(outer.is_none_or(|o| o.start <= whole.start), "{definition:?} of {text}");
    }
    for reference in &outline.references {
        assert_eq!(&text[reference.bytes.clone()], reference.name, "{text}");
    }
    for line in [1, 2, u32::MAX] {
        let _ = outline.innermost(line);
        let _ = text.get(outline.bytes_of_lines((line, line)));
    }
    assert!(outline.definitions.is_sorted_by_key(|d| d.bytes.start), "{text}");
    assert!(outline.references.is_sorted_by_key(|r| r.bytes.start), "{text}");
}

/// Files as people write them, one or more of each language.
const SAMPLES: &[(&str, &str)] = &[
    ("a.py", PYTHON),
    ("a.js", SCRIPT),
    ("a.ts", SCRIPT),
    ("a.tsx", SCRIPT),
    ("A.java", JAVA),
    ("a.rs", include_str!("use_trees.rs")),
    ("a.go", GO),
];

const GO: &str = "\
// Package cart adds up.
package cart

import (
\t\"fmt\"
\tm \"example.com/shop/money\"
)

const Rate = 0x2

type Row[T any] struct {
\tPrice T `json:\"price,omitempty\"`
}

type Adder interface{ Add(price int) error }

// Add puts one in.
func (c *Cart) Add(price int) (err error) {
\tdefer func() { _ = recover() }()
\tfor i, r := range c.rows {
\t\tif r.Price > '\\n' && i != 1 {
\t\t\treturn fmt.Errorf(\"%d: {\", m.Of(price))
\t\t}
\t}
\treturn nil
}

func TestAdd(t *testing.T) {
\tt.Run(\"a sub test\", func(t *testing.T) {
\t\tif got := Sum[int](1, 2); got != 3 { t.Errorf(`got
%d`, got) }
\t})
}
";

/// As an editor, a model or a bad merge leaves files: cut off anywhere, with a piece missing or a line twice.
#[test]
fn a_file_that_is_damaged_anywhere_is_read_as_far_as_it_goes() {
    // Always the same places: a failure can be had again.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below.max(1)).unwrap()).unwrap()
    };
    let begun = std::time::Instant::now();
    for (path, text) in SAMPLES {
        let at = |place: usize| text.floor_char_boundary(place.min(text.len()));
        let check = |damaged: &str| assert_sound(&read(path, damaged), damaged);
        // Every place of the beginning, and of the rest as many as there is time for.
        for place in (0..text.len().min(160)).chain((160..text.len()).step_by(11)) {
            check(&text[..at(place)]);
        }
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for _ in 0..40 {
            let (from, long) = (draw(text.len()), draw(40));
            check(&[&text[..at(from)], &text[at(from + long)..]].concat());
            let mut twice = lines.clone();
            twice.insert(draw(lines.len()), lines[draw(lines.len())]);
            check(&twice.concat());
            let mut swapped = lines.clone();
            swapped.swap(draw(lines.len()), draw(lines.len()));
            check(&swapped.concat());
        }
    }
    assert!(begun.elapsed().as_secs() < 240, "{:?}", begun.elapsed());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_has_an_outline(
        grammar in proptest::sample::select(vec!["a.py", "a.js", "a.ts", "a.tsx", "a.go", "a.rs", "A.java"]),
        text in "(def |class A|fn |func |#\\[test\\]|@Test|it\\('ä', |use a::\\{|import |from |\\(|\\)|\\{|\\}|\"|'|`|;|=|é|\\n|\\r\\n|    |x|/\\*|\\*/|//|#|::|=>|🎉){0,60}",
    ) {
        let outline = read(grammar, &text);
        assert_sound(&outline, &text);
    }
}
