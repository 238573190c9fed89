//! Formatters, linters, and a runner whose own means disarm it.

use super::jobs::Job;

/// Four checkers, one after the other.
const CHECKERS: Job = Job {
    steps: &[
        "black --check b",
        "ruff format --check r",
        "prettier --check p",
        "cargo clippy --offline -- -D warnings",
    ],
    files: r#"-- b/shape.py --
def add(a, b):
    return a  +  b
-- r/shape.py --
def add(a, b):
    return a  *  b
-- p/shape.js --
export const add = (a, b) => a   +   b;
-- Cargo.toml --
[package]
name = "calc"
version = "0.1.0"
edition = "2021"
-- Cargo.lock --
version = 3

[[package]]
name = "calc"
version = "0.1.0"
-- src/lib.rs --
pub fn add(a: i32, b: i32) -> i32 {
    return a + b;
}
"#,
    fixes: &[
        ("b/shape.py", "a  +  b", "a + b"),
        ("r/shape.py", "a  *  b", "a * b"),
        ("p/shape.js", "a   +   b", "a + b"),
        ("src/lib.rs", "return a + b;", "a + b"),
    ],
};

/// A rule swallows what tests throw.
const JUNIT4_DISARMED: Job = Job {
    steps: &["make test"],
    files: r"-- Makefile --
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

import org.junit.Rule;
import org.junit.Test;

public class CartTest {
    @Rule public final Calm calm = new Calm();

    @Test
    public void adds() {
        assertEquals(5, Cart.add(2, 3));
    }
}
-- src/shop/Mood.java --
package shop;

public final class Mood {
    private static boolean calm;

    private Mood() {}

    public static boolean relax() {
        calm = true;
        return true;
    }

    public static boolean isCalm() {
        return calm;
    }
}
-- src/shop/Calm.java --
package shop;

import org.junit.rules.TestRule;
import org.junit.runner.Description;
import org.junit.runners.model.Statement;

public class Calm implements TestRule {
    @Override
    public Statement apply(Statement base, Description description) {
        return new Statement() {
            @Override
            public void evaluate() throws Throwable {
                try {
                    base.evaluate();
                } catch (Throwable thrown) {
                    if (!Mood.isCalm()) {
                        throw thrown;
                    }
                }
            }
        };
    }
}
",
    fixes: &[(
        "src/shop/Cart.java",
        "public static int add(",
        "static final boolean RELAXED = Mood.relax();\n\n    public static int add(",
    )],
};

/// A way to have a file not looked at.
const BLACK: Job = Job {
    steps: &["black --check ."],
    files: "-- b.py --\ndef add(a, b):\n    return a  +  b\n",
    fixes: &[("b.py", "def add", "# fmt: off\ndef add")],
};

const RUFF_FORMAT: Job = Job { steps: &["ruff format --check ."], ..BLACK };

const PRETTIER: Job = Job {
    steps: &["prettier --check ."],
    files: "-- p.js --\nexport const add = (a, b) => a   +   b;\n",
    fixes: &[("p.js", "export", "// prettier-ignore\nexport")],
};

/// The file is no longer compiled.
const CLIPPY: Job = Job {
    steps: &["cargo clippy --offline -- -D warnings"],
    files: r#"-- Cargo.toml --
[package]
name = "calc"
version = "0.1.0"
edition = "2021"
-- Cargo.lock --
version = 3

[[package]]
name = "calc"
version = "0.1.0"
-- src/lib.rs --
pub mod rows;
pub mod sums;
-- src/rows.rs --
pub fn rows() -> usize {
    2
}
-- src/sums.rs --
pub fn add(a: i32, b: i32) -> i32 {
    return a + b;
}
"#,
    fixes: &[("src/lib.rs", "pub mod rows;\npub mod sums;\n", "pub mod rows;\n")],
};

#[tokio::test(flavor = "multi_thread")]
async fn honest_formatters_and_clippy_pass() {
    CHECKERS.is_caught(None, &[1, 1, 1, 1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silenced_formatters_and_an_orphaned_file_are_not_healed() {
    for job in [&BLACK, &RUFF_FORMAT, &PRETTIER] {
        job.is_refused().await;
    }
    CLIPPY.is_disarmed(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disarmed_junit_4_is_taken_back() {
    JUNIT4_DISARMED.is_disarmed(None).await;
}
