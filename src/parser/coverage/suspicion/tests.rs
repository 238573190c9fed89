use super::*;
use crate::contract::executed::ExecutedFunction;

fn function(file: &str, name: &str, lines: Option<(u32, u32)>) -> ExecutedFunction {
    ExecutedFunction { file: file.to_owned(), name: name.to_owned(), lines }
}

fn test(id: &str, failed: Option<bool>, ran: &[usize]) -> ExecutedTest {
    ExecutedTest { id: id.to_owned(), failed, ran: ran.to_vec(), ..ExecutedTest::default() }
}

fn asked(id: &str) -> Vec<TracedTest> {
    vec![TracedTest { id: id.to_owned(), file: Some("t.py".to_owned()) }]
}

fn four() -> Vec<ExecutedFunction> {
    let lines = |n| Some((n, n + 3));
    vec![
        function("a.py", "shared", lines(1)),
        function("a.py", "faulty", lines(11)),
        function("t.py", "test_x", lines(1)),
        function("a.py", "", Some((12, 13))),
    ]
}

fn names(traced: &TracedFunctions) -> Vec<&str> {
    traced.functions.iter().map(|f| f.name.as_str()).collect()
}

#[test]
fn what_ran_in_failing_tests_alone_comes_first_and_the_test_itself_last() {
    let tests = vec![
        test("t.py::test_a", Some(false), &[0]),
        test("t.py::test_x", Some(true), &[2, 0, 1, 3]),
        test("t.py::test_b", Some(true), &[1]),
    ];
    let executed = Executed { functions: four(), tests, in_order: true };
    let traced = rank(&executed, &asked("t.py::test_x"));
    assert_eq!(names(&traced), ["faulty", "shared", "test_x"]);
    assert_eq!(traced.functions[0].suspicion, Some(1.0));
    let shared = traced.functions[1].suspicion.unwrap();
    assert!((shared - 0.5_f64.sqrt()).abs() < 1e-9);
    assert_eq!(traced.functions[0].order, Some(2));
}

#[test]
fn tests_are_known_by_other_spellings_and_by_how_they_ended() {
    let tests = || {
        vec![
            test("Cart › adds", None, &[0]),
            test("Cart › totals", None, &[1, 0]),
            test("totals", None, &[0]),
        ]
    };
    let executed = Executed { functions: four(), tests: tests(), in_order: false };
    assert_eq!(names(&rank(&executed, &asked("Cart > totals"))), ["faulty", "shared"]);
    assert_eq!(names(&rank(&executed, &asked("test/cart.test.js > Cart totals")))[0], "faulty");
    let mut ended = tests();
    ended[1].failed = Some(true);
    let executed = Executed { functions: four(), tests: ended, in_order: false };
    assert_eq!(names(&rank(&executed, &asked("something else")))[0], "faulty");
    let unittest = vec![test("unit.test_stock.StockTest.test_load", Some(true), &[1])];
    let executed = Executed { functions: four(), tests: unittest, in_order: true };
    let id = "test_load (unit.test_stock.StockTest.test_load)";
    assert_eq!(names(&rank(&executed, &asked(id))), ["faulty"]);
}

#[test]
fn without_tests_there_is_no_ranking_and_what_runs_when_loaded_is_suspicious_last() {
    let executed = Executed { functions: four(), tests: vec![test("", None, &[1, 0])], in_order: true };
    let traced = rank(&executed, &asked("x"));
    assert_eq!(names(&traced), ["faulty", "shared"]);
    assert!(traced.functions.iter().all(|f| f.suspicion.is_none()));
    let tests = vec![test("", None, &[0]), test("x", Some(true), &[1])];
    let executed = Executed { functions: four(), tests, in_order: true };
    let traced = rank(&executed, &asked("x"));
    assert_eq!(names(&traced), ["faulty", "shared"]);
    assert!(traced.functions[1].suspicion < Some(1.0));
    assert!(rank(&Executed::default(), &asked("x")).is_empty());
}
