use super::*;
use crate::contract::bug::{Category, Fingerprint, Location, LogSpan, Severity};
use crate::contract::executed::TraceFormat;
use crate::contract::git::{FileMode, RepoPath, TreeFile};

struct Texts(Vec<TreeFile>, Vec<(RepoPath, String)>);

impl SourceTree for Texts {
    fn files(&self) -> &[TreeFile] {
        &self.0
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.1.iter().find(|(own, _)| own == path).map(|(_, text)| text.as_bytes().to_vec())
    }
}

fn tree(files: &[(&str, &str)]) -> Texts {
    let path = |path: &str| RepoPath::new(path).unwrap();
    let listed = files.iter().map(|(name, _)| TreeFile {
        path: path(name),
        mode: FileMode::Regular,
        id: String::new(),
    });
    Texts(listed.collect(), files.iter().map(|(name, text)| (path(name), (*text).to_owned())).collect())
}

fn bug(tool: &str, file: Option<&str>, test: &str, related: &[&str]) -> BugReport {
    let place = |file: &&str| Location { file: (*file).to_owned(), line: Some(1), column: None };
    BugReport {
        fingerprint: Fingerprint::default(),
        tool: tool.to_owned(),
        category: Category::Logic,
        code: None,
        severity: Severity::Error,
        file: file.map(str::to_owned),
        line: None,
        column: None,
        end_line: None,
        end_column: None,
        message: String::new(),
        test: Some(test.to_owned()),
        log: LogSpan::default(),
        related: related.iter().map(place).collect(),
        hint: None,
        package: None,
    }
}

fn made(script: &str, bug: BugReport, files: &[(&str, &str)]) -> Option<Trace> {
    let failed = FailedStep { index: 0, script, working_directory: "/workspace", log: b"" };
    trace(&PlanStep::default(), &failed, &[bug], &tree(files))
}

fn command(script: &str, bug: BugReport, files: &[(&str, &str)]) -> String {
    made(script, bug, files).map(|trace| trace.command).unwrap_or_default()
}

#[test]
fn the_test_s_call_runs_with_the_tracer_behind_what_sets_the_stage() {
    let pytest = || bug("pytest", Some("shop/a.py"), "tests/test_a.py::test_x", &[]);
    let files = [("tests/test_a.py", ""), ("shop/a.py", "")];
    let script = "pip install -e .\ncd app\nA=1 uv run pytest -x --maxfail=2 -q tests";
    let text = command(script, pytest(), &files);
    assert!(text.starts_with("cd app\nexport A=1\nexport PYTHONPATH="), "{text}");
    assert!(
        text.ends_with("export CI_HEALER_TRACE_FILES='tests/test_a.py'\nuv run pytest -q tests"),
        "{text}"
    );
    // What is not understood runs whole: the tracer chooses the file.
    for whole in ["pytest a\npytest b", "case x in x) pytest;; esac"] {
        assert!(command(whole, pytest(), &files).ends_with(&format!("set -e\n{whole}")), "{whole}");
    }
    let failed = FailedStep { index: 0, script: "import x", working_directory: ".", log: b"" };
    let step = PlanStep { shell: Some("python".to_owned()), ..PlanStep::default() };
    assert_eq!(trace(&step, &failed, &[pytest()], &tree(&files)), None);
}

#[test]
fn the_file_of_a_test_is_one_of_the_tree() {
    let file =
        |bug: BugReport, files: &[(&str, &str)]| made("make test", bug, files).unwrap().tests[0].file.clone();
    let unittest =
        bug("unittest", Some("shop/cart.py"), "test_load (unit.test_stock.StockTest.test_load)", &[]);
    assert_eq!(file(unittest.clone(), &[("unit/test_stock.py", "")]).as_deref(), Some("unit/test_stock.py"));
    assert_eq!(
        file(unittest.clone(), &[("a/unit/test_stock.py", "")]).as_deref(),
        Some("a/unit/test_stock.py")
    );
    assert_eq!(file(unittest, &[("shop/cart.py", "")]), None);
    let compiled = bug("node-test", Some("dist/test/cart.test.js"), "totals", &[]);
    assert_eq!(file(compiled, &[("test/cart.test.ts", "")]).as_deref(), Some("test/cart.test.ts"));
    let jest = bug("jest", Some("src/price.js"), "a › b", &["test/price.test.js"]);
    let files = [("src/price.js", ""), ("test/price.test.js", "")];
    assert_eq!(file(jest, &files).as_deref(), Some("test/price.test.js"));
}

#[test]
fn go_and_cargo_run_what_the_step_built() {
    let go = bug("go-test", Some("srv/cart/cart_test.go"), "TestTotal/a.b", &[]);
    let files = [("srv/go.mod", ""), ("srv/cart/cart_test.go", "func TestTotal(t *testing.T) {}")];
    let text = command("cd srv && CGO_ENABLED=0 go test -race -tags=unit -v ./...", go, &files);
    assert_eq!(
        text,
        "export CGO_ENABLED=0\nexport CI_HEALER_TRACE_MODULE='srv'\nexport CI_HEALER_TRACE_PACKAGE='./cart'\n\
         export CI_HEALER_TRACE_TESTS='TestTotal'\nsh \"$CI_HEALER_TRACE/go.sh\" -tags=unit './cart'"
    );
    let lost = bug("go-test", None, "example.com/shop/cart.TestTotal", &[]);
    assert!(command("go test ./...", lost, &files).contains("PACKAGE='./cart'"));
    let rust = bug("nextest", Some("src/lib.rs"), "shop::cart tests::adds", &[]);
    let text = command("cargo nextest run -p shop --retries 2 --locked", rust, &[("src/lib.rs", "")]);
    assert!(
        text.ends_with("TESTS='tests::adds'\nsh \"$CI_HEALER_TRACE/rust.sh\" test -p shop --locked"),
        "{text}"
    );
}

#[test]
fn java_s_classes_are_told_by_two_runs() {
    let java = || bug("surefire", Some("src/test/java/shop/CartTest.java"), "shop.CartTest.totals", &[]);
    let text = command("mvn -B clean verify", java(), &[]);
    assert!(text.contains("\nmvn -B verify -DfailIfNoTests=false"), "{text}");
    assert!(
        text.contains("-Dtest='shop.CartTest#totals'\n")
            && text.contains("'shop.CartTest,!shop.CartTest#totals'\n")
            && text.ends_with("jacoco.sh\" passed")
            && text.contains(" end; ")
            && !text.contains("jacoco-maven-plugin")
    );
    let pom = [("pom.xml", "<plugin><artifactId>jacoco-maven-plugin</artifactId></plugin>")];
    let text = command("mvn -B -pl shop clean verify", java(), &pom);
    assert_eq!(
        text.matches("\nmvn -B -pl shop org.jacoco:jacoco-maven-plugin:report\n").count(),
        2,
        "{text}"
    );
    let text = command("./gradlew --info build", java(), &[]);
    let turn = "\nsh \"$CI_HEALER_TRACE/jacoco.sh\" failed";
    assert!(text.ends_with(&format!("./gradlew --info test --tests 'shop.CartTest.totals'{turn}")), "{text}");
    assert_eq!(made("mvn -B test", java(), &[]).unwrap().format, TraceFormat::Jvm);
}

#[test]
fn what_a_log_names_is_never_part_of_a_command() {
    let evil = "$(touch /tmp/x)'; rm -rf .; '";
    for (tool, script) in [
        ("pytest", "pytest"),
        ("node-test", "npm test"),
        ("go-test", "go test ./..."),
        ("cargo-test", "cargo test"),
        ("surefire", "mvn test"),
    ] {
        for id in [evil.to_owned(), format!("Test{evil}"), format!("a.Test{evil}"), format!("a.b.{evil}")] {
            let found = command(script, bug(tool, Some(evil), &id, &[evil]), &[("go.mod", "")]);
            assert!(!found.contains("touch /tmp") && !found.contains("rm -rf"), "{found}");
        }
    }
    // A file of the tree may be called anything.
    let odd = "tests/test_'a$(x).py";
    let text = command("pytest", bug("pytest", Some(odd), "t", &[]), &[(odd, "")]);
    assert!(text.contains(r"FILES='tests/test_'\''a$(x).py'"), "{text}");
}
