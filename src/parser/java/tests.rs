//! Lines that recorded logs do not hold: newer versions, plugins Debian has not, traps.

use crate::contract::bug::{BugReport, Category};
use crate::parser::{ParseOptions, diagnose};

fn bugs(log: &str) -> Vec<BugReport> {
    diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().bugs
}

fn one(log: &str) -> BugReport {
    let mut bugs = bugs(log);
    assert_eq!(bugs.len(), 1, "{bugs:#?}");
    bugs.remove(0)
}

fn at(bug: &BugReport) -> (&str, Option<u32>, Option<u32>) {
    (bug.file.as_deref().unwrap_or(""), bug.line, bug.column)
}

#[test]
fn surefire_3_names_class_and_method_in_one() {
    let log = "[INFO] Running com.example.CartTest\n\
        [ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.04 s <<< FAILURE! -- in com.example.CartTest\n\
        [ERROR] com.example.CartTest.discount(int)[2] -- Time elapsed: 0.003 s <<< FAILURE!\n\
        org.opentest4j.AssertionFailedError: expected: <1> but was: <2>\n\
        \tat org.junit.jupiter.api.AssertionUtils.fail(AssertionUtils.java:55)\n\
        \tat com.example.Cart.check(Cart.java:9)\n\
        \tat com.example.CartTest.discount(CartTest.java:31)\n\n\
        [INFO] Results:\n[INFO] \n[ERROR] Failures: \n\
        [ERROR]   CartTest.discount:31 expected: <1> but was: <2>\n[INFO] \n\
        [ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0\n[INFO] \n[INFO] BUILD FAILURE\n\
        [ERROR] Failed to execute goal org.apache.maven.plugins:maven-surefire-plugin:3.2.5:test (default-test) on project shop: There are test failures.\n";
    let bug = one(log);
    assert_eq!(bug.test.as_deref(), Some("com.example.CartTest.discount(int)[2]"));
    assert_eq!(at(&bug), ("com/example/Cart.java", Some(9), None));
    assert_eq!(bug.related.len(), 1);
    let tests = diagnose(log.as_bytes(), &ParseOptions::default()).unwrap().tests;
    assert_eq!((tests[0].executed, tests[0].failed), (Some(2), Some(1)));
}

#[test]
fn a_summary_alone_is_enough() {
    let bug = one(
        "Results :\n\nFailed tests: \n  CartTest.discount:22->BaseTest.check:26 cents expected [225] but found [0]\n\nTests run: 6, Failures: 1, Errors: 0, Skipped: 0\n\n",
    );
    assert_eq!(at(&bug), ("BaseTest.java", Some(26), None));
    assert_eq!(bug.test.as_deref(), Some("CartTest.discount"));
}

#[test]
fn checkstyle_and_kotlin_rows_are_read() {
    let bug =
        one("[ERROR] src/main/java/a/B.java:[12,5] (naming) MethodName: Name 'X' must match pattern.\n");
    assert_eq!((bug.tool.as_str(), at(&bug)), ("checkstyle", ("src/main/java/a/B.java", Some(12), Some(5))));
    let bug = one("e: file:///home/runner/work/x/x/src/A.kt:8:27 Unresolved reference: foo\n");
    assert_eq!(at(&bug), ("src/A.kt", Some(8), Some(27)));
}

#[test]
fn gradles_nested_tests_keep_their_whole_name() {
    let bug = one(
        "> Task :test FAILED\n\nCartTest > WhenEmpty > average() FAILED\n    java.lang.ArithmeticException at CartTest.java:57\n\n\
        2 tests completed, 1 failed\n\nFAILURE: Build failed with an exception.\n\n* What went wrong:\nExecution failed for task ':test'.\n\
        > There were failing tests. See the report at: file:///x/index.html\n\n* Try:\n> Run with --scan.\n\nBUILD FAILED in 3s\n",
    );
    assert_eq!(bug.test.as_deref(), Some("CartTest > WhenEmpty > average()"));
    assert_eq!(at(&bug), ("CartTest.java", Some(57), None));
}

#[test]
fn unreachable_repositories_are_the_environments() {
    let bug = one(
        "[ERROR] Failed to execute goal on project x: Could not resolve dependencies for project a:b:jar:1: Could not transfer artifact c:d:pom:1 from/to central (https://repo.maven.apache.org/maven2): Connection timed out -> [Help 1]\n",
    );
    assert_eq!(bug.category, Category::Environment);
}

#[test]
fn a_test_that_throws_a_connections_exception_is_no_environment() {
    let thrown =
        |head: &str| one(&format!("Exception in thread \"main\" {head}\n\tat a.B.c(B.java:3)\n")).category;
    assert_ne!(thrown("java.net.ConnectException: the shop is closed"), Category::Environment);
    assert_ne!(thrown("java.net.UnknownHostException: no host was given"), Category::Environment);
    assert_eq!(thrown("java.net.ConnectException: Connection refused"), Category::Environment);
    assert_eq!(
        thrown("java.net.UnknownHostException: repo.example.org: Name or service not known"),
        Category::Environment
    );
}

#[test]
fn a_build_that_succeeds_says_nothing() {
    assert!(bugs("[WARNING] /x/src/A.java:[3,5] found raw type: List\n[INFO] BUILD SUCCESS\n").is_empty());
    assert!(bugs("A.java:3: warning: [rawtypes] found raw type\n  List a;\n  ^\n1 warning\n\nBUILD SUCCESSFUL in 2s\n").is_empty());
    for log in ["12:30:45 [main] INFO a.B - at http://localhost:3000:80\n", "at 12:30:45\n"] {
        assert!(bugs(log).iter().all(|b| b.file.is_none()), "{log}");
    }
}
