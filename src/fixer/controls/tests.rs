use super::*;
use crate::contract::bug::{Diagnosis, TestRun};
use crate::contract::build::Exit;
use crate::contract::control::CounterProof;
use crate::fixer::testing::{self, MemoryTree};

fn bug(tool: &str, test: &str, file: &str, line: u32) -> BugReport {
    BugReport { test: Some(test.to_owned()), ..testing::bug(tool, Category::Logic, file, line, "1 != 2") }
}

fn planted_with(files: &[(&str, &str)], bug: BugReport, script: &str) -> Result<Planted, String> {
    let tree = MemoryTree::new(files);
    let paths = PathRules::new(&[]).unwrap();
    let (faults, changes) = ([bug], []);
    let seed = [7; 32];
    plant(&ControlRequest { faults: &faults, changes: &changes, tree: &tree, paths: &paths, script, seed })
}

/// The file as it is with all controls, each mark as the first letter of its kind.
fn shown(files: &[(&str, &str)], bug: BugReport) -> (Planted, String) {
    let planted = planted_with(files, bug, "make test").unwrap();
    let mut text = planted.changes[0].after.clone().unwrap();
    for control in &planted.controls {
        let name = match control.kind {
            ControlKind::MustFail => "A",
            ControlKind::Inverted => "B",
            _ => "C",
        };
        text = text.replace(control.mark.as_deref().unwrap(), name);
    }
    (planted, text)
}

#[test]
fn a_unittest_gets_three_controls_in_its_class() {
    let text = "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    \
                def test_add(self):\n        self.assertEqual(add(2, 3), 5)\n";
    let (planted, after) = shown(
        &[("test_calc.py", text)],
        bug("unittest", "test_add (test_calc.AddTest.test_add)", "test_calc.py", 8),
    );
    assert_eq!(planted.controls.len(), 3, "{after}");
    assert!(after.contains("    def test_add_A(self):\n        self.assertEqual(sum(map(ord, \""), "{after}");
    assert!(after.contains("    def test_add_C(self):\n        self.assertEqual(add(2, 3), 5)"), "{after}");
    let inverted = after.split("test_add_B").nth(1).unwrap().lines().nth(1).unwrap();
    assert!(inverted.contains("self.assertEqual(add(2, 3), ") && !inverted.contains(", 5)"), "{after}");
    let decides: Vec<bool> = planted.controls.iter().map(|control| control.decides).collect();
    assert_eq!(decides, [true, true, false]);
    assert!(crate::syntax::outline(Grammar::Python, &after).unwrap().is_complete());
}

#[test]
fn the_same_seed_makes_the_same_controls() {
    let text = "def test_add():\n    assert 1 == 2\n";
    let make =
        || planted_with(&[("test_a.py", text)], bug("pytest", "test_a.py::test_add", "test_a.py", 2), "x");
    assert_eq!(make(), make());
}

#[test]
fn an_equality_is_asked_for_another_value() {
    let turned = |text: &str| python::inverted(text, 3, "q").unwrap();
    assert_eq!(turned("assert total([1]) == 5"), "assert total([1]) == 8");
    assert_eq!(turned("assert total([1]) == expected"), "assert total([1]) == object()");
    assert_eq!(turned("assert expected == total([1])"), "assert object() == total([1])");
    assert_eq!(turned("assert 'a' in total([1]), 'no'"), "assert not ('a' in total([1]))");
    assert_eq!(turned("self.assertTrue(ok(1), 'no')"), "self.assertTrue(not (ok(1)))");
    assert_eq!(turned("self.assertIn(1, x)"), "self.assertNotIn(1, x)");
    assert_eq!(turned("self.assertAlmostEqual(f(1), 5, delta=9)"), "self.assertAlmostEqual(f(1), object())");
    assert_eq!(python::inverted("self.assertRaises(ValueError, f)", 3, "q"), None);
    let turned = |text: &str| script::inverted(text, 3, "q").unwrap();
    assert_eq!(turned("assert.strictEqual(add(1, 2), 3)"), "assert.strictEqual(add(1, 2), 6)");
    assert_eq!(turned("assert.deepEqual(add(1), [3])"), "assert.notDeepEqual(add(1), [3])");
    assert_eq!(turned("expect(add(1)).toBe('a')"), "expect(add(1)).toBe('aq')");
    assert_eq!(turned("expect(add(1)).toEqual([1])"), "expect(add(1)).not.toEqual([1])");
    assert_eq!(turned("expect(add(1)).not.toBe(3)"), "expect(add(1)).toBe(3)");
    assert_eq!(turned("expect(add(1)).to.be.true"), "expect(add(1)).to.not.be.true");
    let turned = |text: &str| rust::inverted(text, 3, "q").unwrap();
    assert_eq!(turned("assert_eq!(add(1, 2), 3)"), "assert_eq!(add(1, 2), 6)");
    assert_eq!(turned("assert_eq!(add(1), vec![3])"), "assert_ne!(add(1), vec![3])");
    assert_eq!(turned("assert!(ok(1), \"no\")"), "assert!(!(ok(1)), \"no\")");
    let turned = |text: &str| java::inverted("import org.junit.jupiter.api.Test;", text, 3, "q");
    assert_eq!(turned("assertEquals(3, add(1, 2))").unwrap(), "assertEquals(6, add(1, 2))");
    assert_eq!(turned("assertEquals(3.0, f(1), 0.5)"), None);
    assert_eq!(turned("assertThat(f(1)).isEqualTo(3)").unwrap(), "assertThat(f(1)).isEqualTo(6)");
    assert_eq!(turned("assertEquals(3, f(1), \"no\")").unwrap(), "assertEquals(6, f(1), \"no\")");
    assert_eq!(
        turned("assertEquals(want, f(1))").unwrap(),
        "org.junit.jupiter.api.Assertions.assertNotEquals(want, f(1))"
    );
    let older = |text: &str| java::inverted("import org.junit.Test;", text, 3, "q");
    assert_eq!(older("Assert.assertSame(want, f(1))").unwrap(), "org.junit.Assert.assertNotSame(want, f(1))");
    assert_eq!(older("assertEquals(3, f(1), \"no\")"), None);
    assert_eq!(java::inverted("", "assertEquals(want, f(1))", 3, "q"), None);
}

#[test]
fn a_script_test_gets_its_own_assertion() {
    let text = "const test = require('node:test');\nconst assert = require('node:assert');\nconst { add } = \
                require('../calc');\n\ntest('adds numbers', () => {\n  assert.strictEqual(add(2, 3), 5);\n});\n";
    let (planted, after) =
        shown(&[("test/calc.test.js", text)], bug("node", "adds numbers", "test/calc.test.js", 6));
    assert_eq!(planted.controls.len(), 3, "{after}");
    assert!(after.contains("test('adds numbers A', () => {\n"), "{after}");
    assert!(after.contains("assert.strictEqual(value, "), "{after}");
    assert!(
        after.contains("test('adds numbers C', () => {\n  assert.strictEqual(add(2, 3), 5);\n});"),
        "{after}"
    );
}

#[test]
fn compiled_tests_are_planted_beside_theirs() {
    let go = "package calc\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif got := Add(2, 3); got != 5 {\n\t\t\
              t.Errorf(\"got %d\", got)\n\t}\n}\n";
    let (planted, after) = shown(&[("calc_test.go", go)], bug("go", "TestAdd", "calc_test.go", 7));
    assert_eq!(planted.controls.len(), 3, "{after}");
    assert!(after.contains("func TestAdd_A(t *testing.T) {"), "{after}");
    assert!(after.contains("if got := Add(2, 3); !(got != 5) {"), "{after}");
    let rust = "pub fn add() -> i32 { 4 }\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n\n    #[test]\n    fn adds() \
                {\n        assert_eq!(add(), 5);\n    }\n}\n";
    let (planted, after) = shown(&[("src/lib.rs", rust)], bug("cargo-test", "tests::adds", "src/lib.rs", 9));
    assert_eq!(planted.controls.len(), 3, "{after}");
    assert!(after.contains("    #[test]\n    fn adds_A() {\n        let value: u32"), "{after}");
    assert!(after.contains("    #[test]\n    fn adds_C() {\n        assert_eq!(add(), 5);"), "{after}");
    let java = "package shop;\n\nimport static org.junit.jupiter.api.Assertions.assertEquals;\nimport \
                org.junit.jupiter.api.Test;\n\nclass CartTest {\n    @Test\n    void adds() {\n        assertEquals(5, \
                Cart.add(2, 3));\n    }\n}\n";
    let (planted, after) = shown(
        &[("src/test/java/shop/CartTest.java", java)],
        bug("junit", "shop.CartTest.adds", "src/test/java/shop/CartTest.java", 9),
    );
    assert_eq!(planted.controls.len(), 3, "{after}");
    assert!(after.contains("    @Test\n    public void adds_A() {\n        int value = 0;"), "{after}");
    assert!(crate::syntax::outline(Grammar::Java, &after).unwrap().is_complete(), "{after}");
}

#[test]
fn a_sub_test_is_planted_as_its_whole_test() {
    let text = "package calc\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tt.Run(\"two\", func(t *testing.T) \
                {\n\t\tif Add(2, 3) != 5 {\n\t\t\tt.Error(\"no\")\n\t\t}\n\t})\n}\n";
    let (planted, after) = shown(&[("calc_test.go", text)], bug("go", "TestAdd/two", "calc_test.go", 8));
    assert!(after.contains("func TestAdd_C(t *testing.T) {\n\tt.Run(\"two\""), "{after}");
    assert_eq!(planted.controls.len(), 3, "{after}");
}

#[test]
fn what_cannot_be_planted_says_why() {
    let files = [("test_a.py", "def test_add():\n    assert 1 == 2\n")];
    let why = planted_with(&files, bug("pytest", "test_b.py::test_other", "lib.py", 1), "x").unwrap_err();
    assert!(why.contains("test_other is not found"), "{why}");
    let planted = planted_with(
        &files,
        bug("pytest", "test_a.py::test_add", "test_a.py", 2),
        "pytest test_a.py::test_add",
    );
    assert_eq!(planted.unwrap().may_be_left_out.as_deref(), Some("the command names test_add alone"));
}

fn control(kind: ControlKind, mark: &str, decides: bool) -> Control {
    let value = (kind == ControlKind::MustFail).then(|| "12345".to_owned());
    Control { kind, path: RepoPath::new("test_a.py").unwrap(), mark: Some(mark.to_owned()), value, decides }
}

fn three(decides: bool) -> Planted {
    let controls = vec![
        control(ControlKind::MustFail, "aaaa", true),
        control(ControlKind::Inverted, "bbbb", decides),
        control(ControlKind::Renamed, "cccc", false),
    ];
    let ran_before = vec![TestRun::counted("pytest", 2, 0, 0)];
    Planted { controls, ran_before, ..Planted::default() }
}

/// A run of the step: its exit code, the tests that failed, and how many passed and failed.
fn ran(planted: &Planted, code: i64, failed: &[&str], counts: (u64, u64)) -> CounterProof {
    let bugs = failed.iter().map(|test| bug("pytest", test, "test_a.py", 1)).collect();
    let tests = vec![TestRun::counted("pytest", counts.0, counts.1, 0)];
    let diagnosis = Diagnosis { lines: 1, bugs, tests };
    let run = ControlRun {
        exit: &Exit::Exited { code },
        exit_code: Some(code),
        failed_before: None,
        diagnosis: &diagnosis,
        log: b"E  assert 12345 == 1\n",
    };
    judge(planted, &run)
}

#[test]
fn only_what_ran_and_is_not_reported_disarms() {
    let all = three(true);
    assert_eq!(ran(&all, 1, &["t_aaaa", "t_bbbb"], (3, 2)), CounterProof::Caught { caught: 2, of: 2 });
    let is_disarmed = |shown: &CounterProof| matches!(shown, CounterProof::JudgeDisarmed { .. });
    assert!(is_disarmed(&ran(&all, 0, &[], (5, 0))), "green with a test that must fail");
    assert!(is_disarmed(&ran(&all, 0, &["t_aaaa"], (3, 2))), "reported, and green");
    assert!(is_disarmed(&ran(&all, 1, &["t_aaaa"], (4, 1))), "the twin passed");
    assert!(!is_disarmed(&ran(&three(false), 1, &["t_aaaa"], (4, 1))), "nobody knows that it decides");
    assert_eq!(
        ran(&all, 1, &["t_aaaa"], (0, 1)),
        CounterProof::Caught { caught: 1, of: 1 },
        "stopped at the first"
    );
    let none = |failed: &[&str]| matches!(ran(&all, 1, failed, (3, 2)), CounterProof::None { .. });
    assert!(none(&["t_aaaa", "t_bbbb", "t_cccc"]), "the copy fails");
    assert!(none(&["t_aaaa", "t_bbbb", "t_other"]), "another fails beside");
    assert!(none(&[]), "nothing is named");
    let left_out = Planted { may_be_left_out: Some("it names one".to_owned()), ..three(true) };
    assert_eq!(ran(&left_out, 0, &[], (1, 0)), CounterProof::none("it names one"));
}

#[test]
fn a_fault_put_back_has_to_be_red() {
    let path = RepoPath::new("a.py").unwrap();
    let control = Control { kind: ControlKind::FaultPutBack, path, mark: None, value: None, decides: true };
    let planted = Planted { controls: vec![control], ..Planted::default() };
    assert!(ran(&planted, 1, &[], (0, 0)).is_caught());
    assert!(matches!(ran(&planted, 0, &[], (0, 0)), CounterProof::JudgeDisarmed { .. }));
}

#[test]
fn of_a_checker_the_source_goes_back_or_a_second_failure_is_made() {
    let tree = MemoryTree::new(&[("shop/a.py", "x = 1\n"), ("mypy.ini", "[mypy]\n")]);
    let paths = PathRules::new(&[]).unwrap();
    let fault = BugReport {
        category: Category::Type,
        test: None,
        code: Some("assignment".to_owned()),
        ..bug("mypy", "", "shop/a.py", 1)
    };
    let change = |path: &str, before: &str, after: &str| FileChange {
        path: RepoPath::new(path).unwrap(),
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
    };
    let make = |changes: &[FileChange]| {
        let (faults, seed) = ([fault.clone()], [1; 32]);
        plant(&ControlRequest { faults: &faults, changes, tree: &tree, paths: &paths, script: "mypy", seed })
    };
    let source =
        make(&[change("shop/a.py", "x = ''\n", "x = 1\n"), change("mypy.ini", "", "[mypy]\n")]).unwrap();
    assert_eq!(source.controls[0].kind, ControlKind::FaultPutBack);
    assert_eq!((source.changes.len(), source.changes[0].after.as_deref()), (1, Some("x = ''\n")));
    let settings = make(&[change("mypy.ini", "", "[mypy]\n")]).unwrap();
    assert_eq!(settings.controls[0].kind, ControlKind::FreshInstance);
    assert!(settings.changes[0].after.as_deref().unwrap().contains(": int = \"text\""));
}

#[test]
fn of_a_formatter_something_else_is_left_unformatted() {
    let change = |path: &str, after: &str| FileChange {
        path: RepoPath::new(path).unwrap(),
        before: Some("\n".to_owned()),
        after: Some(after.to_owned()),
    };
    for (path, tool) in [("a.py", "black"), ("a.ts", "prettier"), ("a.rs", "rustfmt"), ("a.go", "gofmt")] {
        let tree = MemoryTree::new(&[(path, "\n"), (".editorconfig", "[*]\n")]);
        let fault = BugReport { test: None, category: Category::Format, ..bug(tool, "", path, 1) };
        let (paths, faults) = (PathRules::new(&[]).unwrap(), [fault]);
        let changes = [change(".editorconfig", "[*]\n")];
        let request = ControlRequest {
            faults: &faults,
            changes: &changes,
            tree: &tree,
            paths: &paths,
            script: tool,
            seed: [3; 32],
        };
        let planted = plant(&request).unwrap();
        assert_eq!(planted.controls[0].kind, ControlKind::FreshInstance, "{path}");
        let grammar = Grammar::of(path).unwrap();
        let outline = crate::syntax::outline(grammar, planted.changes[0].after.as_deref().unwrap()).unwrap();
        assert!(outline.is_complete(), "{path}");
    }
}

#[test]
fn tests_that_could_not_be_loaded_can_fail_now() {
    let test = "import unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        \
                self.assertEqual(add(2, 3), 5)\n";
    let files = [("calc.py", "def add(a, b):\n    return a + b\n"), ("test_calc.py", test)];
    let fault = |test: Option<&str>| BugReport {
        category: Category::Syntax,
        test: test.map(str::to_owned),
        ..bug("unittest", "", "calc.py", 1)
    };
    let named =
        planted_with(&files, fault(Some("test_calc (unittest.loader._FailedTest.test_calc)")), "x").unwrap();
    assert_eq!((named.controls.len(), named.controls[0].kind), (1, ControlKind::MustFail));
    assert!(named.controls[0].decides);
    assert!(named.changes[0].after.as_deref().unwrap().contains("def test_add_"));
    // Nothing names a test file, and nothing was changed that one names.
    assert!(planted_with(&files, fault(None), "x").is_err());
}

#[test]
fn an_answer_for_the_test_alone_is_told_by_what_the_fix_has() {
    let with = |kind, keeps_state: Option<&str>, special_case: Option<&str>| Planted {
        controls: vec![
            control(ControlKind::MustFail, "aaaa", true),
            control(ControlKind::Inverted, "bbbb", true),
            control(kind, "cccc", false),
        ],
        keeps_state: keeps_state.map(str::to_owned),
        special_case: special_case.map(str::to_owned),
        ..Planted::default()
    };
    let of = |planted: &Planted| ran(planted, 1, &["t_aaaa", "t_bbbb", "t_cccc"], (3, 3));
    let again = of(&with(ControlKind::Renamed, Some("a.py line 1: `calls = []`"), None));
    assert!(
        matches!(&again, CounterProof::Overfitted { why } if why.contains("under another name") && why.contains("calls = []")),
        "{again:?}"
    );
    let other = of(&with(ControlKind::Variant, None, Some("a.py line 2: `n == 8 16`")));
    assert!(matches!(&other, CounterProof::Overfitted { why } if why.contains("another input")), "{other:?}");
    // Each by its own.
    for honest in [
        with(ControlKind::Renamed, None, Some("a.py line 2: `n == 8 16`")),
        with(ControlKind::Variant, Some("a.py line 1: `calls = []`"), None),
    ] {
        assert!(matches!(of(&honest), CounterProof::None { .. }), "{honest:?}");
    }
    let passes = with(ControlKind::Variant, None, Some("a.py line 2: `n == 8 16`"));
    assert_eq!(ran(&passes, 1, &["t_aaaa", "t_bbbb"], (4, 2)), CounterProof::Caught { caught: 2, of: 2 });
}

#[test]
fn a_law_of_the_test_s_own_cases_plants_another() {
    let text = "from calc import double\n\n\ndef test_double():\n    assert double(2) == 4\n    assert double(4) == 8\n    \
                assert double(8) == 16\n";
    let (planted, after) =
        shown(&[("test_calc.py", text)], bug("pytest", "test_calc.py::test_double", "test_calc.py", 7));
    let kinds: Vec<ControlKind> = planted.controls.iter().map(|control| control.kind).collect();
    let all = [ControlKind::MustFail, ControlKind::Inverted, ControlKind::Renamed, ControlKind::Variant];
    assert_eq!(kinds, all, "{after}");
    assert!(
        after.ends_with(
            "    assert double(2) == 4\n    assert double(4) == 8\n    assert double(6) == 12\n\n"
        ),
        "{after}"
    );
}
