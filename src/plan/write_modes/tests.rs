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
        actions: Vec::new(),
        artifacts: Vec::new(),
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
        ("npx oxlint --fix-suggestions -D correctness src", "npx oxlint --fix -D correctness src"),
        ("npx markdownlint -o out.txt '**/*.md'", "npx markdownlint --fix '**/*.md'"),
        ("npx markdownlint-cli2 '**/*.md'", "npx markdownlint-cli2 --fix '**/*.md'"),
        ("npx @taplo/cli fmt --check --diff", "npx @taplo/cli fmt"),
        ("docformatter --check -r src", "docformatter --in-place -r src"),
        (
            "find src -name '*.c' | xargs clang-format --dry-run -Werror",
            "find src -name '*.c' | xargs clang-format -i",
        ),
        ("shfmt -i 2 -d .", "shfmt -w -i 2 ."),
        ("cargo check --all-targets", "cargo fix --allow-dirty --allow-staged --all-targets"),
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
        "npm run lint --ignore-scripts",
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

const ESLINT: &str = r#"{"name": "@x/a", "scripts": {"lint": "eslint .", "test": "jest"}}"#;

/// Two packages, of which each has its own flags.
fn workspace(lock: &'static str) -> Vec<(&'static str, &'static str)> {
    let other = r#"{"name": "@x/b", "scripts": {"lint": "eslint --quiet src"}}"#;
    let root = r#"{"private": true, "scripts": {"lint": "turbo run lint", "all": "lerna run lint"}}"#;
    vec![
        ("package.json", root),
        ("packages/a/package.json", ESLINT),
        ("packages/b/package.json", other),
        (lock, ""),
    ]
}

fn commands_of(run: &str, files: &[(&str, &str)]) -> Vec<String> {
    write_commands(&plan(run), 0, &Tree::new(files)).into_iter().map(|w| w.command).collect()
}

#[test]
fn one_package_of_a_workspace_is_read() {
    let b = |launcher: &str| [format!("cd packages/b && {launcher} eslint --fix --quiet src")];
    for (run, lock, launcher) in [
        ("npm run lint -w @x/b", "package-lock.json", "npx --no-install"),
        ("npm -w packages/b run lint", "package-lock.json", "npx --no-install"),
        ("npm run lint --workspace=@x/b", "package-lock.json", "npx --no-install"),
        ("pnpm --filter @x/b lint", "pnpm-lock.yaml", "pnpm exec"),
        ("pnpm -F './packages/b' run lint", "pnpm-lock.yaml", "pnpm exec"),
        ("pnpm run --filter '*/b' lint", "pnpm-lock.yaml", "pnpm exec"),
        ("yarn workspace @x/b lint", "yarn.lock", "yarn run"),
        ("yarn workspace @x/b run lint", "yarn.lock", "yarn run"),
        ("yarn workspaces foreach --include @x/b run lint", "yarn.lock", "yarn run"),
        ("bun run --filter @x/b lint", "bun.lock", "bun x --no-install"),
        ("npx turbo run lint --filter=@x/b", "package-lock.json", "npx --no-install"),
        ("pnpm turbo lint -F @x/b", "pnpm-lock.yaml", "pnpm exec"),
        ("yarn lerna run lint --scope @x/b", "yarn.lock", "yarn run"),
        ("npx nx run @x/b:lint", "package-lock.json", "npx --no-install"),
        ("pnpm exec nx run-many -t lint -p @x/b", "pnpm-lock.yaml", "pnpm exec"),
    ] {
        assert_eq!(commands_of(run, &workspace(lock)), b(launcher), "{run}");
    }
    assert_eq!(
        commands_of("pnpm --filter @x/b lint --max-warnings 0", &workspace("pnpm-lock.yaml")),
        ["cd packages/b && pnpm exec eslint --fix --quiet src --max-warnings 0"]
    );
}

#[test]
fn all_packages_of_a_workspace_are_one_command() {
    for (run, lock, launcher) in [
        ("npm run lint --workspaces --if-present", "package-lock.json", "npx --no-install"),
        ("npm run lint", "package-lock.json", "npx --no-install"),
        ("npm run all", "package-lock.json", "npx --no-install"),
        ("pnpm -r lint", "pnpm-lock.yaml", "pnpm exec"),
        ("pnpm recursive run lint", "pnpm-lock.yaml", "pnpm exec"),
        ("yarn workspaces run lint", "yarn.lock", "yarn run"),
        ("yarn workspaces foreach -Ap run lint", "yarn.lock", "yarn run"),
        ("yarn turbo run lint test", "yarn.lock", "yarn run"),
        ("npx lerna run lint --stream", "package-lock.json", "npx --no-install"),
        ("npx nx run-many --target=lint --all --parallel=3", "package-lock.json", "npx --no-install"),
    ] {
        let expected = format!(
            "cd packages/a && {launcher} eslint --fix .; cd packages/b && {launcher} eslint --fix --quiet src"
        );
        assert_eq!(commands_of(run, &workspace(lock)), [expected], "{run}");
    }
    assert_eq!(
        scripts("pnpm -r lint", &workspace("pnpm-lock.yaml")),
        [
            "failed=0\n(\ncd packages/a\npnpm exec eslint --fix .\n) || failed=$?\n(\ncd packages/b\npnpm exec eslint --fix --quiet src\n) || failed=$?\nexit $failed"
        ]
    );
}

#[test]
fn what_only_the_workspace_tool_knows_is_left_alone() {
    for run in [
        "npx turbo run lint --filter=...[origin/main]",
        "npx turbo run lint --affected",
        "npx nx affected -t lint",
        "pnpm --filter '!@x/a' lint",
        "pnpm -r exec true",
        "npm run lint -w @x/none",
        "npx lerna run lint --since main",
    ] {
        assert_eq!(commands_of(run, &workspace("package-lock.json")), Vec::<String>::new(), "{run}");
    }
}

#[test]
fn programs_behind_package_managers_are_found() {
    for (check, write) in [
        ("pnpm --filter web exec eslint .", "pnpm --filter web exec eslint --fix ."),
        ("pnpm -r exec eslint .", "pnpm -r exec eslint --fix ."),
        ("yarn workspace web eslint .", "yarn workspace web eslint --fix ."),
        ("npm exec -w web -- eslint .", "npm exec -w web -- eslint --fix ."),
        ("bunx eslint .", "bunx eslint --fix ."),
        ("pnpm exec prettier -c .", "pnpm exec prettier --write ."),
        ("uv run --frozen ruff check", "uv run --frozen ruff check --fix"),
        ("poetry run black --check .", "poetry run black ."),
        ("pipenv run isort -c .", "pipenv run isort ."),
        ("pdm run ruff format --check", "pdm run ruff format"),
        ("hatch run ruff check", "hatch run ruff check --fix"),
        ("bundle exec rubocop", "bundle exec rubocop -a"),
    ] {
        assert_eq!(scripts(check, &[]), [write], "{check}");
    }
}

const PYPROJECT: &str = r#"
[tool.hatch.envs.lint.scripts]
style = ["ruff check {args:.}", "black --check src"]
all = ["style", "typing"]
typing = "mypy ."

[tool.pdm.scripts]
lint = "ruff check src"
fmt = {cmd = ["black", "--check", "src"]}
both = {composite = ["lint", "fmt"]}
there = {cmd = "black --check .", working_dir = "x"}

[tool.poe.tasks]
lint = "ruff check src"
fmt.shell = "black --check src"
both = ["lint", "fmt"]
"#;

#[test]
fn task_runners_of_python_are_read() {
    let tox = "[tox]\nenvlist = py3, lint\n[testenv]\ncommands = pytest {posargs}\n[testenv:lint]\ndeps = ruff\ncommands =\n    ruff check {posargs:src}\n    - black --check \\\n      src\n[testenv:there]\nchangedir = x\ncommands = ruff check\n";
    let nox = "import nox\n\n\n@nox.session(reuse_venv=True)\ndef lint(session):\n    session.install(\"ruff\")\n    session.run(\"ruff\", \"check\", \"src\")\n    session.run(\n        \"black\",\n        \"--check\",\n        \"src\",\n    )\n\n\n@nox.session(python=[\"3.12\", \"3.13\"])\ndef types(session):\n    session.run(\"ruff\", \"check\")\n";
    let files = [
        ("pyproject.toml", PYPROJECT),
        ("tox.ini", tox),
        ("noxfile.py", nox),
        ("Pipfile", "[scripts]\nlint = \"ruff check src\"\n"),
    ];
    let hatch =
        ["export HATCH_ENV=lint\nhatch run ruff check --fix .", "export HATCH_ENV=lint\nhatch run black src"];
    assert_eq!(scripts("hatch run lint:style", &files), hatch);
    assert_eq!(scripts("hatch -e lint run style", &files), hatch);
    assert_eq!(
        scripts("hatch run lint:ruff check src", &files),
        ["export HATCH_ENV=lint\nhatch run ruff check --fix src"]
    );
    let all = hatch.map(|line| format!("export HATCH_ENV=lint\n{line}"));
    assert_eq!(scripts("hatch run lint:all", &files), all);
    let pdm = ["pdm run ruff check --fix src", "pdm run black src"];
    assert_eq!(scripts("pdm run both", &files), pdm);
    assert_eq!(scripts("pdm lint", &files), pdm[..1]);
    assert_eq!(scripts("pdm run there", &files), Vec::<String>::new());
    assert_eq!(scripts("pipenv run lint", &files), ["pipenv run ruff check --fix src"]);
    assert_eq!(
        scripts("poetry run poe both", &files),
        ["poetry run ruff check --fix src", "poetry run black src"]
    );
    assert_eq!(scripts("uv run poe lint", &files), ["uv run ruff check --fix src"]);
    let tox = |prefix: &str, paths: &str| {
        [
            format!("{prefix}tox exec -e lint -- ruff check --fix {paths}"),
            format!("{prefix}tox exec -e lint -- black src"),
        ]
    };
    assert_eq!(scripts("tox -e lint", &files), tox("", "src"));
    assert_eq!(scripts("tox", &files), tox("", "src"));
    assert_eq!(scripts("uvx tox run -q -e lint -- tests", &files), tox("uvx ", "tests"));
    assert_eq!(scripts("python -m tox -e there", &files), Vec::<String>::new());
    let set_up = "nox -s lint --install-only\nexport PATH=\"$PWD/.nox/lint/bin:$PATH\"\n";
    assert_eq!(
        scripts("nox -s lint", &files),
        [format!("{set_up}ruff check --fix src"), format!("{set_up}black src")]
    );
    // An environment for each of several Pythons.
    assert_eq!(scripts("nox -s types", &files), Vec::<String>::new());
}

#[test]
fn the_native_form_of_tox_is_read() {
    let toml = "[env.lint]\ncommands = [[\"ruff\", \"check\", \"src\"]]\n";
    assert_eq!(scripts("tox -e lint", &[("tox.toml", toml)]), ["tox exec -e lint -- ruff check --fix src"]);
}
