//! Where the paths of real tools' logs lead in a repository of many packages.

use std::collections::BTreeMap;

use ci_healer::contract::bug::LogSpan;
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::parser::{self, ParseOptions};
use ci_healer::placing::{StepFolder, place};

struct Tree(BTreeMap<RepoPath, String>, Vec<TreeFile>);

fn tree(files: &[(&str, &str)]) -> Tree {
    let contents: BTreeMap<_, _> =
        files.iter().map(|(path, text)| (RepoPath::new(path).unwrap(), (*text).to_owned())).collect();
    let file = |path: &RepoPath| TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() };
    let listed = contents.keys().map(file).collect();
    Tree(contents, listed)
}

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.1
    }
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.0.get(path).map(|text| text.clone().into_bytes())
    }
}

/// A repository with the same files in two packages of each kind, and at its top.
fn monorepo() -> Tree {
    let core = "{\"name\": \"@acme/core\"}";
    let web = "{\"name\": \"@acme/web\"}";
    tree(&[
        ("package.json", "{\"name\": \"acme\"}"),
        ("src/a.ts", ""),
        ("packages/core/package.json", core),
        ("packages/core/src/a.ts", ""),
        ("packages/core/src/only.ts", ""),
        ("packages/web/package.json", web),
        ("packages/web/src/a.ts", ""),
        ("go.mod", "module example.com/shop\n\ngo 1.24\n"),
        ("calc/calc_test.go", ""),
        ("tools/go.mod", "module example.com/shop/tools\n"),
        ("tools/calc/calc_test.go", ""),
        ("crates/core/Cargo.toml", "[package]\nname = \"acme-core\"\n"),
        ("crates/core/src/lib.rs", ""),
        ("crates/web/Cargo.toml", "[package]\nname = \"web\"\n"),
        ("crates/web/src/lib.rs", ""),
        ("libs/core/build.gradle", ""),
        ("libs/core/src/test/java/com/acme/CartTest.java", ""),
        ("libs/web/build.gradle", ""),
        ("libs/web/src/test/java/com/acme/CartTest.java", ""),
        ("native/src/cart.c", ""),
        ("native/old/src/cart.c", ""),
        ("py/shop/cart.py", ""),
        ("py/pyproject.toml", ""),
        ("legacy/shop/cart.py", ""),
    ])
}

/// The place of the first report of a log, with the step's folder.
fn placed(log: &str, folder: &str) -> Option<String> {
    let (mut diagnosis, origins) = parser::read(log.as_bytes(), &ParseOptions::default()).unwrap();
    let before: Vec<_> = diagnosis.bugs.iter().map(|bug| bug.fingerprint.clone()).collect();
    let step = StepFolder { log: LogSpan { first: 1, last: diagnosis.lines }, folder: folder.to_owned() };
    place(&mut diagnosis, &origins, &[step], &monorepo());
    let after: Vec<_> = diagnosis.bugs.iter().map(|bug| bug.fingerprint.clone()).collect();
    assert_eq!(before, after, "{log}");
    diagnosis.bugs.first().unwrap_or_else(|| panic!("nothing found in {log}")).file.clone()
}

const TSC: &str = "src/a.ts(7,3): error TS2304: Cannot find name 'x'.\n";

#[test]
fn each_tool_s_paths_lead_to_the_repository_s_files() {
    let go = |package: &str| {
        format!("--- FAIL: TestAdd (0.00s)\n    calc_test.go:9: wrong\nFAIL\nFAIL\t{package}\t0.003s\nFAIL\n")
    };
    let go_verbose = |package: &str| format!("=== RUN   TestAdd\n{}", go(package));
    let doc = "   Doc-tests acme_core\n\nrunning 1 test\ntest src/lib.rs - add (line 3) ... FAILED\n\nfailures:\n\n\
               ---- src/lib.rs - add (line 3) stdout ----\nTest executable failed (exit status: 101).\n\n\
               stderr:\nthread 'main' panicked at src/lib.rs:5:1:\nwrong\n\n\nfailures:\n    src/lib.rs - add (line 3)\n\n\
               test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
    let gradle = |project: &str| {
        format!(
            "> Task :libs:{project}:test FAILED\n\ncom.acme.CartTest > adds FAILED\n    \
             java.lang.AssertionError at CartTest.java:11\n\n3 tests completed, 1 failed\n"
        )
    };
    let c = "src/cart.c:3:5: error: 'x' undeclared (first use in this function)\n";
    let make = format!("make[1]: Entering directory '/home/runner/work/shop/shop/native'\n{c}");
    let python = "shop/cart.py:1:8: F401 'os' imported but unused\n";
    for (what, log, folder, file) in [
        ("the top", TSC.to_owned(), ".", "src/a.ts"),
        ("a step's working directory", TSC.to_owned(), "packages/web", "packages/web/src/a.ts"),
        ("pnpm -r", format!("packages/core test: {TSC}"), ".", "packages/core/src/a.ts"),
        ("turbo", format!("@acme/core:test: {TSC}"), ".", "packages/core/src/a.ts"),
        ("yarn workspaces foreach -v", format!("[@acme/web]: {TSC}"), ".", "packages/web/src/a.ts"),
        ("lerna run --stream", format!("@acme/web: {TSC}"), ".", "packages/web/src/a.ts"),
        (
            "npm --workspaces",
            format!("> @acme/core@1.0.0 test\n> tsc\n\n{TSC}"),
            ".",
            "packages/core/src/a.ts",
        ),
        (
            "pnpm --filter",
            format!("> @acme/web@1.0.0 test /home/runner/work/shop/shop/packages/web\n> tsc\n\n{TSC}"),
            ".",
            "packages/web/src/a.ts",
        ),
        ("nx", format!("> nx run @acme/web:test\n\n{TSC}"), ".", "packages/web/src/a.ts"),
        (
            "a full path, whoever prints it",
            format!("@acme/core:test: /home/runner/work/shop/shop/{TSC}"),
            ".",
            "src/a.ts",
        ),
        (
            "the only file of that name",
            TSC.replace("src/a.ts", "src/only.ts"),
            ".",
            "packages/core/src/only.ts",
        ),
        (
            "a path of the repository",
            format!("packages/core test: packages/web/{TSC}"),
            ".",
            "packages/web/src/a.ts",
        ),
        ("a package's way out", format!("packages/core test: ../web/{TSC}"), ".", "packages/web/src/a.ts"),
        ("go", go("example.com/shop/calc"), ".", "calc/calc_test.go"),
        ("a module in a folder", go("example.com/shop/tools/calc"), ".", "tools/calc/calc_test.go"),
        ("go -v", go_verbose("example.com/shop/tools/calc"), ".", "tools/calc/calc_test.go"),
        ("cargo's doc tests", doc.to_owned(), ".", "crates/core/src/lib.rs"),
        ("gradle", gradle("core"), ".", "libs/core/src/test/java/com/acme/CartTest.java"),
        ("another project", gradle("web"), ".", "libs/web/src/test/java/com/acme/CartTest.java"),
        ("make -C", make.clone(), ".", "native/src/cart.c"),
        ("make in a step's folder", c.to_owned(), "native", "native/src/cart.c"),
        ("python in a folder", python.to_owned(), "py", "py/shop/cart.py"),
    ] {
        assert_eq!(placed(&log, folder).as_deref(), Some(file), "{what}: {log}");
    }
}

#[test]
fn what_may_be_several_files_stays_as_the_log_has_it() {
    let python = "shop/cart.py:1:8: F401 'os' imported but unused\n";
    assert_eq!(placed(python, ".").as_deref(), Some("shop/cart.py"));
    assert_eq!(placed(python, "absent").as_deref(), Some("shop/cart.py"));
    let gone = TSC.replace("src/a.ts", "src/gone.ts");
    assert_eq!(placed(&gone, ".").as_deref(), Some("src/gone.ts"));
    let outside = TSC.replace("src/a.ts", "../../etc/passwd.ts");
    assert_eq!(placed(&outside, ".").as_deref(), Some("../../etc/passwd.ts"));
}

/// On the command line the repository is named.
#[test]
fn diagnose_annotates_the_repository_s_files() {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in [
        ("packages/core/package.json", "{\"name\": \"@acme/core\"}"),
        ("packages/core/src/a.ts", ""),
        ("packages/web/src/a.ts", ""),
        ("build.log", &format!("packages/core test: {TSC}")),
    ] {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let annotated = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ci-healer"));
        command.arg("diagnose").arg(dir.path().join("build.log")).args(["--format", "github"]).args(more);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let placed = annotated(&["--repo", dir.path().to_str().unwrap()]);
    assert!(placed.contains("file=packages/core/src/a.ts,line=7"), "{placed}");
    let printed = annotated(&[]);
    assert!(printed.contains("file=src/a.ts,line=7"), "{printed}");
}
