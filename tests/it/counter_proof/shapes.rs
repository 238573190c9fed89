//! Honest fixes of tests of many shapes: what is planted beside them is caught.

use super::jobs::Job;

/// Parameters, fixtures, a class of tests.
const PYTEST_SHAPES: Job = Job {
    steps: &["python3 -m pytest -q"],
    files: r#"-- calc.py --
def add(a, b):
    return a - b
-- test_calc.py --
import pytest

from calc import add

ROWS = [(2, 3, 5), (1, 1, 2)]


@pytest.fixture
def base():
    return 2


@pytest.mark.parametrize("a, b, want", ROWS)
def test_rows(a, b, want):
    assert add(a, b) == want


class TestAdd:
    def setup_method(self):
        self.start = 1

    @pytest.mark.parametrize("b", [1, 4])
    def test_from_start(self, b):
        assert add(self.start, b) == b + 1

    def test_base(self, base):
        got = add(base, 3)
        assert got == 5, f"got {got}"
"#,
    fixes: &[("calc.py", "return a - b", "return a + b")],
};

/// Sub-tests, a common base, tests that wait.
const UNITTEST_SHAPES: Job = Job {
    steps: &["python3 -m unittest -v"],
    files: r"-- calc.py --
def add(a, b):
    return a - b
-- test_calc.py --
import unittest

from calc import add


class Base(unittest.TestCase):
    def setUp(self):
        self.one = 1


class AddTest(Base):
    def test_sub(self):
        for a, b in [(1, 2), (4, 5)]:
            with self.subTest(a=a, b=b):
                self.assertEqual(add(a, b), b + a)

    def test_one(self):
        self.assertEqual(add(self.one, 2), 3)


class AsyncTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.two = 2

    async def test_later(self):
        self.assertEqual(add(self.two, 2), 4)
",
    fixes: &[("calc.py", "return a - b", "return a + b")],
};

/// A table with parallel sub-tests, a helper, a fuzz target.
const GO_SHAPES: Job = Job {
    steps: &["go test ./..."],
    files: r#"-- go.mod --
module example.com/calc

go 1.21
-- calc.go --
package calc

// Add adds.
func Add(a, b int) int {
	return a - b
}
-- calc_test.go --
package calc

import "testing"

func TestTable(t *testing.T) {
	for _, tc := range []struct {
		name       string
		a, b, want int
	}{
		{"small", 1, 2, 3},
		{"large", 10, 20, 30},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := Add(tc.a, tc.b); got != tc.want {
				t.Errorf("Add(%d, %d) = %d, want %d", tc.a, tc.b, got, tc.want)
			}
		})
	}
}

func check(t *testing.T, got, want int) {
	t.Helper()
	if got != want {
		t.Fatalf("got %d, want %d", got, want)
	}
}

func TestHelper(t *testing.T) {
	check(t, Add(2, 3), 5)
}

func FuzzAdd(f *testing.F) {
	f.Add(1, 2)
	f.Fuzz(func(t *testing.T, a, b int) {
		if Add(a, b) != Add(b, a) {
			t.Errorf("not the same")
		}
	})
}
"#,
    fixes: &[("calc.go", "return a - b", "return a + b")],
};

/// An attribute that makes tests of functions that wait, one that returns an error, one that is to panic.
const RUST_SHAPES: Job = Job {
    steps: &["cargo test --offline --workspace"],
    files: r##"-- Cargo.toml --
[workspace]
members = ["macros"]

[package]
name = "calc"
version = "0.1.0"
edition = "2021"

[dev-dependencies]
macros = { path = "macros" }
-- macros/Cargo.toml --
[package]
name = "macros"
version = "0.1.0"
edition = "2021"

[lib]
proc-macro = true
-- macros/src/lib.rs --
use proc_macro::{TokenStream, TokenTree};

/// Runs an async test.
#[proc_macro_attribute]
pub fn test(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut tokens: Vec<TokenTree> = item.into_iter().collect();
    let TokenTree::Group(body) = tokens.pop().unwrap() else { panic!() };
    let at = tokens.iter().position(|t| t.to_string() == "async").unwrap();
    tokens.remove(at);
    let head: TokenStream = tokens.into_iter().collect();
    format!("#[::core::prelude::v1::test] {head} {{ crate::wait(async {{ {} }}) }}", body.stream()).parse().unwrap()
}
-- src/lib.rs --
pub fn add(a: i32, b: i32) -> i32 {
    a - b
}

#[cfg(test)]
pub(crate) fn wait<T>(f: impl std::future::Future<Output = T>) -> T {
    use std::task::{Context, Poll, Waker};
    let mut f = std::pin::pin!(f);
    match f.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[macros::test]
    async fn adds_later() {
        assert_eq!(add(2, 3), 5);
    }

    mod inner {
        use super::*;

        #[test]
        fn adds_or_says_why() -> Result<(), String> {
            let sum = add(1, 2);
            if sum != 3 {
                return Err(format!("{sum} is not 3"));
            }
            Ok(())
        }
    }

    #[test]
    #[should_panic(expected = "five")]
    fn panics_at_five() {
        assert!(add(2, 3) != 5, "five");
    }
}
"##,
    fixes: &[("src/lib.rs", "    a - b", "    a + b")],
};

/// Suites with hooks, tests made in a loop, tests within a test.
const NODE_SHAPES: Job = Job {
    steps: &["node --test"],
    files: r#"-- package.json --
{"name": "calc", "version": "1.0.0", "type": "module"}
-- calc.js --
export function add(a, b) {
  return a - b;
}
-- calc.test.js --
import { describe, it, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { add } from './calc.js';

describe('add', () => {
  let two;
  before(() => {
    two = 2;
  });
  it('adds later', async () => {
    assert.equal(await Promise.resolve(add(two, 3)), 5);
  });
  for (const [a, b] of [[1, 2], [3, 4]]) {
    it(`adds ${a} and ${b}`, () => {
      assert.equal(add(a, b), b + a);
    });
  }
});

test('parent', async (t) => {
  await t.test('child', () => {
    assert.deepEqual([add(1, 1)], [2]);
  });
});
"#,
    fixes: &[("calc.js", "return a - b;", "return a + b;")],
};

/// Hooks, a time limit, a message, parameters.
const JUNIT4: Job = Job {
    steps: &["make test"],
    files: r#"-- Makefile --
CP := /usr/share/java/junit4.jar:/usr/share/java/hamcrest-core.jar:/usr/share/java/hamcrest.jar

test:
	mkdir -p out
	javac -cp $(CP) -d out $$(find src -name '*.java')
	java -cp out:$(CP) org.junit.runner.JUnitCore $$(cd src && find . -name '*Test.java' | sed 's|^\./||; s|\.java$$||; s|/|.|g')
-- src/shop/Cart.java --
package shop;

public final class Cart {
    private Cart() {}

    public static int add(int a, int b) {
        return a - b;
    }
}
-- src/shop/CartTest.java --
package shop;

import static org.junit.Assert.assertEquals;

import org.junit.Before;
import org.junit.Test;

public class CartTest {
    private int two;

    @Before
    public void setUp() {
        two = 2;
    }

    @Test
    public void addsFromTwo() {
        assertEquals(5, Cart.add(two, 3));
    }

    @Test(timeout = 1000)
    public void addsInTime() throws Exception {
        assertEquals("two numbers", 3, Cart.add(1, 2));
    }
}
-- src/shop/RowsTest.java --
package shop;

import java.util.Arrays;
import java.util.Collection;
import org.junit.Assert;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.junit.runners.Parameterized;

@RunWith(Parameterized.class)
public class RowsTest {
    private final int a;
    private final int b;
    private final int want;

    public RowsTest(int a, int b, int want) {
        this.a = a;
        this.b = b;
        this.want = want;
    }

    @Parameterized.Parameters
    public static Collection<Object[]> rows() {
        return Arrays.asList(new Object[][] {{1, 2, 3}, {4, 5, 9}});
    }

    @Test
    public void adds() {
        Assert.assertEquals(want, Cart.add(a, b));
    }
}
"#,
    fixes: &[("src/shop/Cart.java", "a - b", "a + b")],
};

/// Parameters, nested classes, names for people, assertions in functions.
const JUNIT5_SHAPES: Job = Job {
    steps: &["make test"],
    files: r#"-- Makefile --
JARS := $(wildcard /usr/share/java/junit-jupiter*.jar /usr/share/java/junit-platform*.jar /usr/share/java/opentest4j*.jar /usr/share/java/apiguardian*.jar /usr/share/java/picocli*.jar /usr/share/java/univocity-parsers*.jar)
empty :=
space := $(empty) $(empty)
CP := $(subst $(space),:,$(JARS))

test:
	mkdir -p out
	javac -cp $(CP) -d out $$(find src -name '*.java')
	java -cp out:$(CP) org.junit.platform.console.ConsoleLauncher --scan-classpath=out --disable-banner
-- src/shop/Cart.java --
package shop;

public final class Cart {
    private Cart() {}

    public static int add(int a, int b) {
        return a - b;
    }
}
-- src/shop/CartTest.java --
package shop;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@DisplayName("A cart")
class CartTest {
    private int two;

    @BeforeEach
    void setUp() {
        two = 2;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2})
    void addsOne(int value) {
        assertEquals(value + 1, Cart.add(value, 1));
    }

    @Nested
    class Inside {
        @Test
        @DisplayName("adds two numbers")
        void adds() {
            assertEquals(5, Cart.add(two, 3), "two and three");
        }
    }

    @Test
    void addsAll() {
        assertAll(() -> assertEquals(3, Cart.add(1, 2)), () -> assertEquals(7, Cart.add(3, 4)));
    }
}
"#,
    fixes: &[("src/shop/Cart.java", "a - b", "a + b")],
};

/// A test counts what others call.
const PYTEST_COUNTS: Job = Job {
    steps: &["python3 -m pytest -q"],
    files: r"-- calc.py --
CALLS = []


def add(a, b):
    CALLS.append((a, b))
    return a - b
-- test_calc.py --
import calc


def test_add():
    assert calc.add(2, 3) == 5


def test_counts():
    assert len(calc.CALLS) == 1
",
    fixes: &[("calc.py", "return a - b", "return a + b")],
};

#[tokio::test(flavor = "multi_thread")]
async fn tests_of_many_shapes_in_python_pass() {
    PYTEST_SHAPES.is_caught(None, &[4]).await;
    UNITTEST_SHAPES.is_caught(None, &[4]).await;
    PYTEST_COUNTS.heals_without("test_counts fails beside the planted ones").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_of_many_shapes_in_compiled_languages_pass() {
    GO_SHAPES.is_caught(None, &[3]).await;
    RUST_SHAPES.is_caught(None, &[2]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tests_of_many_shapes_in_scripts_and_java_pass() {
    NODE_SHAPES.is_caught(None, &[3]).await;
    JUNIT4.is_caught(None, &[3]).await;
    JUNIT5_SHAPES.is_caught(None, &[1]).await;
}
