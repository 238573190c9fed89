use super::*;
use crate::contract::build::ImageChoice;
use crate::contract::git::{FileMode, RepoPath, TreeFile};

struct Tree(Vec<TreeFile>, Vec<String>);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let file = |(path, _): &(&str, &str)| TreeFile {
            path: RepoPath::new(path).unwrap(),
            mode: FileMode::Regular,
            id: String::new(),
        };
        let mut files = files.to_vec();
        files.sort_unstable();
        Self(files.iter().map(file).collect(), files.iter().map(|(_, text)| (*text).to_owned()).collect())
    }
}

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.0
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let at = self.0.iter().position(|f| f.path == *path)?;
        Some(self.1[at].clone().into_bytes())
    }
}

fn plan(run: &str) -> BuildPlan {
    let image = ImageChoice {
        reference: String::new(),
        why: String::new(),
        from_container: false,
        runtimes: Vec::new(),
        env: std::collections::BTreeMap::new(),
        options: None,
    };
    BuildPlan {
        workflow: None,
        job: None,
        matrix: std::collections::BTreeMap::new(),
        image,
        steps: vec![PlanStep {
            run: run.to_owned(),
            working_directory: ".".to_owned(),
            ..PlanStep::default()
        }],
        services: Vec::new(),
        skipped: Vec::new(),
        checkout: None,
        passed_over: Vec::new(),
        notes: Vec::new(),
    }
}

fn scripts(run: &str, files: &[(&str, &str)]) -> Vec<String> {
    write_commands(&plan(run), 0, &Tree::new(files)).into_iter().map(|w| w.script).collect()
}

#[test]
fn every_check_keeps_its_flags_and_paths() {
    for (check, write) in [
        ("ruff check .", "ruff check --fix ."),
        (
            "ruff check --unsafe-fixes --output-format=github --select I,F src",
            "ruff check --fix --select I,F src",
        ),
        ("uvx ruff@0.14.0 check --output-format github", "uvx ruff@0.14.0 check --fix"),
        (
            "uv run --frozen --group lint ruff format --check --diff .",
            "uv run --frozen --group lint ruff format .",
        ),
        ("python -m black --check -l 100 .", "python -m black -l 100 ."),
        ("isort -c --profile black src tests", "isort --profile black src tests"),
        ("npx eslint . --max-warnings 0 -f stylish", "npx eslint --fix . --max-warnings 0"),
        ("yarn eslint --ext .ts src", "yarn eslint --fix --ext .ts src"),
        ("npx prettier@3 --check \"src/**/*.ts\"", "npx prettier@3 --write \"src/**/*.ts\""),
        ("npx @biomejs/biome ci --reporter=github src", "npx @biomejs/biome check --write src"),
        ("./node_modules/.bin/stylelint '**/*.css'", "./node_modules/.bin/stylelint --fix '**/*.css'"),
        ("cargo +nightly fmt --all -- --check", "cargo +nightly fmt --all"),
        (
            "cargo clippy --all-targets --message-format short -- -D warnings",
            "cargo clippy --fix --allow-dirty --allow-staged --all-targets -- -D warnings",
        ),
        ("test -z \"$(gofmt -s -l .)\"", "gofmt -w -s ."),
        (
            "go run golang.org/x/tools/cmd/goimports@v0.30.0 -l -d cmd",
            "go run golang.org/x/tools/cmd/goimports@v0.30.0 -w cmd",
        ),
        ("go mod tidy -diff", "go mod tidy"),
        ("go -C sub mod verify", "go -C sub mod tidy"),
        ("golangci-lint run --timeout 5m ./...", "golangci-lint run --fix --timeout 5m ./..."),
        ("./mvnw -B -q verify", "./mvnw -B -q spotless:apply"),
        ("./gradlew --no-daemon :app:spotlessCheck", "./gradlew --no-daemon spotlessApply"),
        ("ktlint --reporter=plain 'src/**/*.kt'", "ktlint -F 'src/**/*.kt'"),
        ("bundle exec rubocop --parallel -f github", "bundle exec rubocop -a"),
        ("vendor/bin/php-cs-fixer fix --dry-run --diff src", "vendor/bin/php-cs-fixer fix src"),
        ("terraform fmt -check -recursive -diff infra", "terraform fmt -recursive infra"),
        ("buf format -d --exit-code", "buf format -w"),
        (
            "pre-commit run --show-diff-on-failure --all-files",
            "pre-commit run --show-diff-on-failure --all-files",
        ),
        ("git ls-files '*.py' | xargs black --check", "git ls-files '*.py' | xargs black"),
    ] {
        assert_eq!(scripts(check, &[]), [write], "{check}");
    }
}

#[test]
fn what_is_no_check_or_reads_no_files_has_no_write_mode() {
    for run in [
        "black .",
        "prettier --write .",
        "cat a.py | ruff check -",
        "eslint --stdin < a.js",
        "ruff --version",
        "cargo test",
        "echo ruff check .",
        "black --check ${{ steps.x.outputs.files }}",
        "for f in *.py; do black --check $f; done",
    ] {
        assert_eq!(scripts(run, &[]), Vec::<String>::new(), "{run}");
    }
}

#[test]
fn only_what_sets_up_stays_of_a_script() {
    let run = "pip install ruff==0.14.0\npytest -q\ncd app\nexport RUFF_CACHE_DIR=/tmp/x\necho lint\nruff check . | tee out\nmypy .";
    assert_eq!(
        scripts(run, &[]),
        ["pip install ruff==0.14.0\ncd app\nexport RUFF_CACHE_DIR=/tmp/x\nruff check --fix ."]
    );
    let write = &write_commands(&plan(run), 0, &Tree::new(&[]))[0];
    assert_eq!(write.command, "cd app && ruff check --fix .");
}

#[test]
fn scripts_of_the_repository_are_read() {
    let package = r#"{"scripts": {"lint": "run-s lint:js fmt", "lint:js": "NODE_ENV=ci eslint --max-warnings 0",
        "fmt": "prettier --check \"src/**\"", "test": "npm run lint -- --quiet && jest"}}"#;
    let makefile = ".PHONY: lint\nSRC = src tests\nlint: fmt\n\t@ruff check $(SRC)\nfmt:\n\tcd py && black --check $(DIRS)\n\tcd py && isort -c .\n";
    let justfile = "check: lint\nlint:\n    cargo fmt --check\n    cargo clippy\n";
    let script = "#!/usr/bin/env bash\nset -e\ncd \"$(dirname \"$0\")/..\"\ngofmt -l .\n";
    let files = [
        ("package.json", package),
        ("web/package.json", package),
        ("Makefile", makefile),
        ("justfile", justfile),
        ("scripts/lint.sh", script),
    ];
    let js = [
        "NODE_ENV=ci npx --no-install eslint --fix --max-warnings 0",
        "npx --no-install prettier --write \"src/**\"",
    ];
    assert_eq!(scripts("npm run lint", &files), js);
    let below: Vec<String> = js.iter().map(|s| format!("cd web\n{s}")).collect();
    assert_eq!(scripts("cd web && npm run lint", &files), below);
    assert_eq!(
        scripts("npm --prefix web run lint:js -- src", &files),
        ["cd web\nNODE_ENV=ci npx --no-install eslint --fix --max-warnings 0 src"]
    );
    assert_eq!(scripts("make lint", &files), ["cd py\nisort .", "ruff check --fix src tests"]);
    assert_eq!(
        scripts("just check", &files),
        ["cargo fmt", "cargo clippy --fix --allow-dirty --allow-staged"]
    );
    assert_eq!(scripts("./scripts/lint.sh", &files), ["set -e\ncd \"./scripts/..\"\ngofmt -w ."]);
    // What the files leave open.
    for run in [
        "npm run lint --workspaces",
        "make lint SRC=x",
        "make -f other lint",
        "just lint --x",
        "./scripts/lint.sh a",
        "npm run none",
    ] {
        assert_eq!(scripts(run, &files), Vec::<String>::new(), "{run}");
    }
}

#[test]
fn remedies_take_nothing_from_the_log() {
    let of = |stated: &str, run: &str| remedy(stated, &plan(run), 0, &Tree::new(&[])).map(|w| w.script);
    assert_eq!(
        of("go mod download example.com/evil@v1", "cd svc\ngo test ./...").as_deref(),
        Some("cd svc\ngo mod tidy")
    );
    assert_eq!(
        of("npm install --package-lock-only", "cd web && npm ci && npm test").as_deref(),
        Some("cd web\nnpm install --package-lock-only --ignore-scripts")
    );
    for stated in
        ["go get example.com/evil", "npm install evil", "npx evil", "pip install evil", "black a.py"]
    {
        assert_eq!(of(stated, "go test ./..."), None, "{stated}");
    }
}

#[test]
fn no_row_adds_what_its_tool_calls_unsafe() {
    for row in ROWS {
        assert!(row.add.iter().all(|flag| !flag.contains("unsafe") && *flag != "-A"), "{row:?}");
        assert!(!row.fixes.tools.is_empty() || !row.fixes.says.is_empty() || row.program == "autoflake");
    }
}
