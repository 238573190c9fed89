use super::*;
use crate::contract::executed::TracedTest;
use crate::contract::git::{FileMode, RepoPath, TreeFile};

struct Paths(Vec<TreeFile>);

impl SourceTree for Paths {
    fn files(&self) -> &[TreeFile] {
        &self.0
    }

    fn read(&self, _: &RepoPath) -> Option<Vec<u8>> {
        None
    }
}

fn tree(paths: &[&str]) -> Paths {
    let file = |path: &&str| TreeFile {
        path: RepoPath::new(path).unwrap(),
        mode: FileMode::Regular,
        id: String::new(),
    };
    Paths(paths.iter().map(file).collect())
}

fn output(format: TraceFormat, files: &[(&str, &str)]) -> TraceOutput {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
    let tests = vec![TracedTest { id: "x".to_owned(), file: None }];
    TraceOutput { format, tests, files: files.collect(), cut: false }
}

fn first(traced: &TracedFunctions) -> (&str, &str, Option<(u32, u32)>) {
    let first = &traced.functions[0];
    (&first.file, &first.name, first.lines)
}

/// As pytest with Python 3.13 and `node --test` with Node 20 left them.
const PYTHON: &str = r#"{"in_order": true, "functions": [["tests/test_calc.py", "", 0, 0], ["calc.py", "", 0, 0], ["tests/test_calc.py", "test_double", 4, 5], ["calc.py", "double", 3, 4], ["calc.py", "twice", 6, 7], ["tests/test_calc.py", "test_total", 7, 10], ["calc.py", "Cart.__init__", 10, 11], ["calc.py", "Cart.add", 13, 14], ["calc.py", "Cart.total", 16, 17]], "tests": [["tests/test_calc.py::test_double", false, [2, 3, 4]], ["tests/test_calc.py::test_total", true, [5, 6, 7, 3, 4, 8]], ["", null, [0, 1]]]}"#;
const NODE: &str = r#"{"in_order":false,"functions":[["test/a.test.js","",4,4],["index.js","double",1,3],["test/a.test.js","",6,6],["index.js","Cart",5,5],["index.js","add",6,8],["index.js","total",9,11],["index.js","",10,10],null,["index.js","<instance_members_initializer>",5,12]],"tests":[["doubles",false,[0,1]],["Cart > totals",true,[2,1,3,4,5,6,7,8]],["",null,[0]]]}"#;

#[test]
fn our_own_tracers_are_read() {
    let paths = tree(&["calc.py", "tests/test_calc.py", "index.js"]);
    let python = output(TraceFormat::Functions, &[("python-9.json", PYTHON), ("x.part", "{")]);
    let traced = super::traced(&python, &paths);
    assert_eq!(first(&traced).1, "test_total");
    assert_eq!(traced.functions[3].name, "Cart.total");
    assert!(traced.functions[3].order > traced.functions[2].order);
    let node = output(TraceFormat::Functions, &[("node-1-0.json", NODE)]);
    let traced = super::traced(&node, &paths);
    let names: Vec<&str> = traced.functions.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["Cart", "add", "total", "double"]);
    assert_eq!(traced.functions[0].order, None);
    // Both together keep their numbers apart.
    let both = output(TraceFormat::Functions, &[("a.json", PYTHON), ("b.json", NODE)]);
    assert!(super::executed(&both, &paths).functions.len() > 10);
}

/// As Go 1.24 left them.
const FUNCTIONS: &str = "example.com/shop/cart/cart.go:5:\tDouble\t\t100.0%\nexample.com/shop/cart/cart.go:9:\tAdd\t\t100.0%\nexample.com/shop/cart/cart.go:13:\tTotal\t\t100.0%\ntotal:\t(statements)\t100.0%\n";
const FAILED: &str = "mode: set\nexample.com/shop/cart/cart.go:5.24,7.2 1 1\nexample.com/shop/cart/cart.go:9.30,11.2 1 1\nexample.com/shop/cart/cart.go:13.28,15.32 2 1\nexample.com/shop/cart/cart.go:15.32,17.3 1 1\nexample.com/shop/cart/cart.go:18.2,18.12 1 1\n";
const PASSED: &str = "mode: set\nexample.com/shop/cart/cart.go:5.24,7.2 1 1\nexample.com/shop/cart/cart.go:9.30,11.2 1 1\nexample.com/shop/cart/cart.go:13.28,15.32 2 0\n";

#[test]
fn go_profiles_are_read_by_function_and_without_it_by_file() {
    let paths = tree(&["srv/cart/cart.go", "cart.go", "other/cart.go"]);
    let files =
        [("functions.txt", FUNCTIONS), ("TestAdd.passed.out", PASSED), ("TestTotal.failed.out", FAILED)];
    let traced = super::traced(&output(TraceFormat::GoProfile, &files), &paths);
    assert_eq!(first(&traced), ("srv/cart/cart.go", "Total", Some((13, 18))));
    assert_eq!(traced.functions.len(), 3);
    let two = tree(&["a/cart/cart.go", "b/cart/cart.go"]);
    assert!(super::traced(&output(TraceFormat::GoProfile, &files), &two).is_empty());
    let traced = super::traced(&output(TraceFormat::GoProfile, &files[1..]), &paths);
    assert_eq!(first(&traced), ("srv/cart/cart.go", "", None));
}

/// As llvm-cov 19 left it, cut.
const LLVM: &str = r#"{"data":[{"files":[],"functions":[{"branches":[],"count":1,"filenames":["/workspace/src/lib.rs"],"mcdc_records":[],"name":"_RNvMCs1_4shopNtB2_4Cart5total","regions":[[15,5,17,6,1,0,0,0]]},{"branches":[],"count":0,"filenames":["/workspace/src/lib.rs"],"mcdc_records":[],"name":"_RNvCs1_4shop6unused","regions":[[19,1,21,2,0,0,0,0]]},{"branches":[],"count":1,"filenames":["/rustc/x/library/core/src/iter.rs"],"mcdc_records":[],"name":"_RNvCs1_4core4iter","regions":[[1,1,2,2,1,0,0,0]]}]}],"type":"llvm.coverage.json.export","version":"2.0.1"}"#;

#[test]
fn llvm_exports_are_read() {
    let files = [("totals.failed.json", LLVM), ("broken.passed.json", "{\"data\": [")];
    let traced = super::traced(&output(TraceFormat::LlvmExport, &files), &tree(&["src/lib.rs"]));
    assert_eq!(first(&traced), ("src/lib.rs", "shop::Cart::total", Some((15, 17))));
    assert_eq!(traced.functions.len(), 1);
}

/// As OpenJDK 21 left them, cut.
const LOADED: &str = "[0.011s][info][class,load] java.lang.Object source: shared objects file\n[0.412s][info][class,load] shop.CartTest source: file:/workspace/target/test-classes/\n[0.420s][info][class,load] shop.Total source: file:/workspace/target/classes/\n[0.421s][info][class,load] shop.Twice$Inner source: file:/workspace/target/classes/\n[0.422s][info][class,load] org.junit.Assert source: file:/usr/share/java/junit4.jar\n";

#[test]
fn the_lines_that_ran_are_told_where_the_tool_tells_them() {
    let ran = |traced: &TracedFunctions| -> Vec<((u32, u32), f64)> {
        traced.functions[0].ran.iter().map(|r| (r.lines, (r.suspicion * 100.0).round())).collect()
    };
    let paths = tree(&["src/lib.rs", "cart/cart.go", "calc.py"]);
    let export = |regions: &str| {
        format!(
            r#"{{"data":[{{"functions":[{{"count":1,"filenames":["/workspace/src/lib.rs"],"name":"f","regions":[{regions}]}}]}}]}}"#
        )
    };
    // The function, a branch that did not run, one that did, and code of a macro of another file.
    let failed = export("[10,1,30,2,1,0,0,0],[14,9,18,5,0,0,0,0],[20,9,24,5,1,0,0,0],[1,1,9,2,1,1,0,0]");
    let passed = export("[10,1,30,2,1,0,0,0],[14,9,18,5,1,0,0,0],[20,9,24,5,0,0,0,0]");
    let files = [("a.failed.json", failed.as_str()), ("b.passed.json", passed.as_str())];
    let traced = super::traced(&output(TraceFormat::LlvmExport, &files), &paths);
    assert_eq!(ran(&traced), [((10, 14), 71.0), ((18, 20), 71.0), ((21, 23), 100.0), ((24, 30), 71.0)]);
    let files =
        [("functions.txt", FUNCTIONS), ("TestAdd.passed.out", PASSED), ("TestTotal.failed.out", FAILED)];
    let traced = super::traced(&output(TraceFormat::GoProfile, &files), &paths);
    assert_eq!(ran(&traced), [((13, 18), 100.0)]);
    let json = r#"{"in_order":true,"functions":[["calc.py","f",1,9]],"tests":[["a",true,[0],[[0,[[2,3],[7,9],[5,4],[0,1]]],[8,[[1,1]]]]],["b",false,[0],[[0,[[2,2]]]]]]}"#;
    let traced = super::traced(&output(TraceFormat::Functions, &[("a.json", json)]), &paths);
    assert_eq!(ran(&traced), [((2, 2), 71.0), ((3, 3), 100.0), ((7, 9), 100.0)]);
    // They are for choosing what is shown, and no part of what is reported.
    assert!(crate::contract::executed::TracedRun::of(traced).suspects[0].ran.is_empty());
}

#[test]
fn loaded_classes_are_read() {
    let paths = tree(&["src/main/java/shop/Total.java", "src/main/java/shop/Twice.java", "b/Total.java"]);
    let passed = LOADED.replace("shop.Total", "shop.Other");
    let files = [("tests.failed.7.log", LOADED), ("tests.passed.8.log", &passed)];
    let traced = super::traced(&output(TraceFormat::Jvm, &files), &paths);
    assert_eq!(first(&traced), ("src/main/java/shop/Total.java", "Total", None));
    assert_eq!((traced.functions[0].suspicion, traced.functions.len()), (Some(1.0), 2));
}

#[test]
fn of_the_jvm_the_kind_that_tells_most_is_read_alone() {
    let paths = tree(&["src/main/java/shop/Total.java", "src/main/java/shop/Twice.java"]);
    let report = |name: &str, covered: &str| {
        format!(
            "<package name=\"shop\"><class name=\"shop/{name}\" sourcefilename=\"{name}.java\"><method name=\"of\" line=\"5\">\
             <counter type=\"METHOD\" missed=\"0\" covered=\"{covered}\"/></method></class>\
             <sourcefile name=\"{name}.java\"><line nr=\"5\" ci=\"1\"/></sourcefile></package>"
        )
    };
    let (red, green, empty) = (report("Total", "1"), report("Twice", "1"), report("Total", "0"));
    let told = |files: &[(&str, &str)]| {
        let traced = super::traced(&output(TraceFormat::Jvm, files), &paths);
        traced.functions.iter().map(|f| (f.name.clone(), f.lines, f.ran.len())).collect::<Vec<_>>()
    };
    let log = ("tests.failed.7.log", LOADED);
    let both = told(&[log, ("tests.failed.1.xml", &red), ("tests.passed.1.xml", &green)]);
    assert_eq!(both, [("Total.of".to_owned(), Some((5, 5)), 1)]);
    // A report of nothing, or of another run, is none.
    for nothing in [("tests.failed.1.xml", empty.as_str()), ("tests.passed.1.xml", green.as_str())] {
        assert!(told(&[log, nothing]).iter().all(|(_, lines, _)| lines.is_none()), "{nothing:?}");
    }
}

#[test]
fn foreign_input_is_bounded_and_never_trusted() {
    let paths = tree(&["a.py"]);
    let outside = r#"{"in_order":true,"functions":[["../a.py","x",1,2],["/etc/passwd","x",1,2],["a.py","y",9,1],["a.py","a\u001bb",1,4294967295]],"tests":[["t",true,[0,1,2,3,99,18446744073709551615]]]}"#;
    let executed = super::executed(&output(TraceFormat::Functions, &[("a.json", outside)]), &paths);
    let names: Vec<_> = executed.functions.iter().map(|f| (f.name.as_str(), f.lines)).collect();
    assert_eq!(names, [("y", None), ("ab", Some((1, u32::MAX)))]);
    for text in ["", "null", "[]", "{}", r#"{"in_order":true,"functions":[1],"tests":[]}"#, "\u{0}\u{ff}"] {
        for (format, name) in [
            (TraceFormat::Functions, "a.json"),
            (TraceFormat::GoProfile, "T.failed.out"),
            (TraceFormat::GoProfile, "functions.txt"),
            (TraceFormat::LlvmExport, "T.failed.json"),
            (TraceFormat::Jvm, "T.failed.1.log"),
            (TraceFormat::Jvm, "T.failed.1.exec"),
            (TraceFormat::Jvm, "T.failed.1.xml"),
        ] {
            assert!(super::executed(&output(format, &[(name, text)]), &paths).functions.is_empty());
        }
    }
    let many: Vec<String> = (0..30_000).map(|n| format!("[\"a.py\",\"f{n}\",1,2]")).collect();
    let many = format!("{{\"in_order\":true,\"functions\":[{}],\"tests\":[]}}", many.join(","));
    let executed = super::executed(&output(TraceFormat::Functions, &[("a.json", &many)]), &paths);
    assert_eq!(executed.functions.len(), MOST_FUNCTIONS);
}

proptest::proptest! {
    #[test]
    fn nothing_makes_the_readers_fail(text in "(?s)[\\[\\]{}\":,.0-9 a-z\n/-]{0,300}") {
        let paths = tree(&["a.go", "a.py"]);
        for (format, name) in [
            (TraceFormat::Functions, "a.json"),
            (TraceFormat::GoProfile, "T.failed.out"),
            (TraceFormat::GoProfile, "functions.txt"),
            (TraceFormat::LlvmExport, "T.failed.json"),
            (TraceFormat::Jvm, "T.failed.1.log"),
            (TraceFormat::Jvm, "T.failed.1.exec"),
            (TraceFormat::Jvm, "T.failed.1.xml"),
        ] {
            let _ = super::traced(&output(format, &[(name, &text), ("U.passed.out", &text)]), &paths);
        }
    }
}
