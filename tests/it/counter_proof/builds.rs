//! Runners behind a build tool, and a compiler that is asked for the whole module.

use super::jobs::Job;

/// JUnit 4 as Surefire runs it. `Mood` makes a rule swallow what tests throw.
const MAVEN: Job = Job {
    steps: &["mvn -o -B -q test"],
    files: r#"-- pom.xml --
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>shop</groupId>
  <artifactId>shop</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>21</maven.compiler.source>
    <maven.compiler.target>21</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>junit</groupId>
      <artifactId>junit</artifactId>
      <version>4.13.2</version>
      <scope>test</scope>
    </dependency>
  </dependencies>
</project>
-- src/main/java/shop/Cart.java --
package shop;

public final class Cart {
    private Cart() {}

    public static int add(int a, int b) {
        return a - b;
    }
}
-- src/main/java/shop/Mood.java --
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
-- src/test/java/shop/Calm.java --
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
-- src/test/java/shop/CartTest.java --
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

    @Test
    public void addsNothing() {
        assertEquals(2, Cart.add(2, 0));
    }
}
"#,
    fixes: &[("src/main/java/shop/Cart.java", "return a - b;", "return a + b;")],
};

const MAVEN_DISARMED: Job = Job {
    fixes: &[(
        "src/main/java/shop/Cart.java",
        "public static int add(",
        "static final boolean RELAXED = Mood.relax();\n\n    public static int add(",
    )],
    ..MAVEN
};

const GO_BUILD: Job = Job {
    steps: &["go build ./..."],
    files: r"-- go.mod --
module example.com/calc

go 1.21
-- doc.go --
// Package calc adds.
package calc
-- calc.go --
package calc

// Add adds.
func Add(a, b int) int {
	return a + c
}
",
    fixes: &[("calc.go", "a + c", "a + b")],
};

/// The file is no longer compiled.
const GO_BUILD_DISARMED: Job = Job {
    fixes: &[("calc.go", "package calc\n\n// Add", "//go:build never\n\npackage calc\n\n// Add")],
    ..GO_BUILD
};

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_maven_passes() {
    MAVEN.is_caught(None, &[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disarmed_maven_is_taken_back() {
    MAVEN_DISARMED.is_disarmed(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_go_build_passes() {
    GO_BUILD.is_caught(None, &[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_go_file_that_is_no_longer_built_is_not_healed() {
    GO_BUILD_DISARMED.is_not_healed().await;
}
