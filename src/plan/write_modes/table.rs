//! Which check has which write mode. Data: a row for each check, and nothing about how commands are read.
//!
//! A row never adds a flag that applies what the tool itself calls unsafe, and takes such flags off where the step has
//! them. What a log states as a command only ever chooses a row; what runs is rebuilt from the plan's own step.

use super::Findings;

/// One check and its write mode.
#[derive(Debug)]
pub(super) struct Row {
    /// The program, without folder and version.
    pub(super) program: &'static str,
    /// The words that make it this check.
    pub(super) command: Command,
    /// One of these must be there; without any the program writes by itself, or checks something else.
    pub(super) needs: &'static [&'static str],
    /// Flags that only check or print, and those that widen what is changed.
    pub(super) drop: &'static [&'static str],
    /// The same with a value of their own.
    pub(super) drop_valued: &'static [&'static str],
    /// Flags that make it write.
    pub(super) add: &'static [&'static str],
    /// With one of these there is no write mode.
    pub(super) never: &'static [&'static str],
    pub(super) fixes: Findings,
    /// It may renew lock files.
    pub(super) locks: bool,
    /// Whether a test runs this row with the real tool (`tests/it/write_modes.rs`).
    pub(super) tested: Tested,
}

#[derive(Debug)]
pub(super) enum Command {
    /// These words come first behind the program and stay.
    Words(&'static [&'static str]),
    /// These words come first and become others.
    Becomes(&'static [&'static str], &'static [&'static str]),
    /// One of these is among the words; all words that are no options become the other.
    Task(&'static [&'static str], &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tested {
    /// In a real sandbox, with the real tool.
    Run,
    /// How the command is rebuilt, by unit tests only.
    Rebuilt,
}

const NOTHING: Row = Row {
    program: "",
    command: Command::Words(&[]),
    needs: &[],
    drop: &[],
    drop_valued: &[],
    add: &[],
    never: &[],
    fixes: of(&[]),
    locks: false,
    tested: Tested::Rebuilt,
};

const fn of(tools: &'static [&'static str]) -> Findings {
    Findings { tools, says: &[], not: "" }
}

const RUFF_OUTPUT: &[&str] = &["--output-format", "--format", "-o", "--output-file"];
const ESLINT_OUTPUT: &[&str] = &["-f", "--format", "-o", "--output-file"];

/// In no order that matters: each check of a step has one row.
pub(super) const ROWS: &[Row] = &[
    Row {
        program: "ruff",
        command: Command::Words(&["check"]),
        drop: &[
            "--unsafe-fixes",
            "--diff",
            "--no-fix",
            "--fix-only",
            "--show-fixes",
            "--statistics",
            "--exit-zero",
        ],
        drop_valued: RUFF_OUTPUT,
        add: &["--fix"],
        never: &["-", "--watch", "-w", "--stdin-filename", "--add-noqa"],
        fixes: of(&["ruff"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "ruff",
        command: Command::Words(&["format"]),
        drop: &["--check", "--diff"],
        drop_valued: RUFF_OUTPUT,
        never: &["-", "--stdin-filename"],
        fixes: of(&["ruff-format", "black"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "black",
        needs: &["--check", "--diff"],
        drop: &["--check", "--diff", "--color"],
        never: &["-", "--stdin-filename", "-c", "--code"],
        fixes: of(&["black"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "isort",
        needs: &["--check-only", "--check", "-c", "--diff", "-d"],
        drop: &["--check-only", "--check", "-c", "--diff", "-d"],
        never: &["-", "--stdout"],
        fixes: of(&["isort"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "autoflake",
        needs: &["--check", "-c", "--check-diff", "-cd"],
        drop: &["--check", "-c", "--check-diff", "-cd"],
        add: &["--in-place"],
        never: &["-", "--stdout"],
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "yapf",
        needs: &["--diff", "-d", "-q", "--quiet"],
        drop: &["--diff", "-d"],
        add: &["--in-place"],
        fixes: of(&["black", "ruff-format"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "docformatter",
        needs: &["--check", "-c"],
        drop: &["--check", "-c", "--diff", "-d"],
        add: &["--in-place"],
        never: &["-"],
        fixes: of(&["docformatter", "lint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "clang-format",
        needs: &["--dry-run", "-n"],
        drop: &["--dry-run", "-n", "--Werror", "-Werror"],
        add: &["-i"],
        fixes: of(&["cc"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "shfmt",
        needs: &["-d", "--diff", "-l", "--list"],
        drop: &["-d", "--diff", "-l", "--list"],
        add: &["-w"],
        never: &["-", "-f", "--find"],
        fixes: of(&["shfmt"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "eslint",
        drop: &["--fix-dry-run", "--no-fix"],
        drop_valued: ESLINT_OUTPUT,
        add: &["--fix"],
        never: &["--stdin", "--stdin-filename", "--init", "--suppress-all"],
        fixes: of(&["eslint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "prettier",
        needs: &["--check", "-c", "--list-different", "-l"],
        drop: &["--check", "-c", "--list-different", "-l"],
        add: &["--write"],
        never: &["--stdin-filepath"],
        fixes: of(&["prettier"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "biome",
        command: Command::Words(&["check"]),
        drop: &["--unsafe", "--apply-unsafe"],
        drop_valued: &["--reporter"],
        add: &["--write"],
        never: &["--stdin-file-path", "--apply"],
        fixes: of(&["biome"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "biome",
        // `ci` is `check` that refuses to write.
        command: Command::Becomes(&["ci"], &["check"]),
        drop: &["--unsafe"],
        drop_valued: &["--reporter", "--threads"],
        add: &["--write"],
        fixes: of(&["biome"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "biome",
        command: Command::Words(&["lint"]),
        drop: &["--unsafe", "--apply-unsafe"],
        drop_valued: &["--reporter"],
        add: &["--write"],
        never: &["--stdin-file-path", "--apply"],
        fixes: of(&["biome"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "biome",
        command: Command::Words(&["format"]),
        drop_valued: &["--reporter"],
        add: &["--write"],
        never: &["--stdin-file-path"],
        fixes: of(&["biome"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "stylelint",
        drop_valued: ESLINT_OUTPUT,
        add: &["--fix"],
        never: &["--stdin", "--stdin-filename"],
        fixes: of(&["stylelint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "standard",
        add: &["--fix"],
        never: &["--stdin"],
        fixes: of(&["standard", "eslint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "oxlint",
        // Both of the last may change what the code does.
        drop: &["--fix-suggestions", "--fix-dangerously"],
        drop_valued: &["-f", "--format"],
        add: &["--fix"],
        never: &["--init", "--rules", "--print-config", "--lsp"],
        fixes: of(&["oxlint", "eslint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "markdownlint",
        drop: &["-j", "--json", "-q", "--quiet"],
        drop_valued: &["-o", "--output"],
        add: &["--fix"],
        never: &["-s", "--stdin"],
        fixes: of(&["markdownlint", "lint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "markdownlint-cli2",
        add: &["--fix"],
        never: &["-", "--format"],
        fixes: of(&["markdownlint", "lint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "taplo",
        command: Command::Words(&["fmt"]),
        needs: &["--check"],
        drop: &["--check", "--diff"],
        never: &["-"],
        fixes: of(&["taplo"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "cargo",
        command: Command::Words(&["fmt"]),
        needs: &["--check"],
        drop: &["--check", "-l", "--files-with-diff"],
        drop_valued: &["--message-format"],
        fixes: of(&["rustfmt"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "rustfmt",
        needs: &["--check"],
        drop: &["--check", "-l"],
        fixes: of(&["rustfmt"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "cargo",
        command: Command::Words(&["clippy"]),
        drop: &["--broken-code"],
        drop_valued: &["--message-format"],
        add: &["--fix", "--allow-dirty", "--allow-staged"],
        // clippy's lints go by rustc's name in a log; what does not compile is not fixed.
        fixes: Findings { not: "E0", ..of(&["clippy", "rustc"]) },
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        // Where warnings are errors; a build that is no check has nothing to fix by itself.
        program: "cargo",
        command: Command::Becomes(&["check"], &["fix"]),
        drop: &["--broken-code"],
        drop_valued: &["--message-format"],
        add: &["--allow-dirty", "--allow-staged"],
        fixes: Findings { not: "E0", ..of(&["rustc"]) },
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "gofmt",
        needs: &["-l", "-d"],
        drop: &["-l", "-d"],
        add: &["-w"],
        fixes: of(&["gofmt"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "gofumpt",
        needs: &["-l", "-d"],
        drop: &["-l", "-d"],
        add: &["-w"],
        fixes: of(&["gofmt"]),
        ..NOTHING
    },
    Row {
        program: "goimports",
        needs: &["-l", "-d"],
        drop: &["-l", "-d"],
        add: &["-w"],
        fixes: of(&["gofmt"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "go",
        command: Command::Words(&["fmt"]),
        drop: &["-n"],
        fixes: of(&["gofmt"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "go",
        command: Command::Words(&["mod", "tidy"]),
        drop: &["-diff"],
        fixes: of(&["go-modules", "go-build"]),
        locks: true,
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "go",
        command: Command::Becomes(&["mod", "verify"], &["mod", "tidy"]),
        fixes: of(&["go-modules"]),
        locks: true,
        ..NOTHING
    },
    Row {
        program: "golangci-lint",
        command: Command::Words(&["run"]),
        drop_valued: &["--out-format"],
        add: &["--fix"],
        fixes: of(&["lint", "gofmt", "golangci-lint", "go-lint", "staticcheck", "errcheck", "gosec"]),
        ..NOTHING
    },
    Row {
        program: "golangci-lint",
        command: Command::Words(&["fmt"]),
        needs: &["--diff", "-d"],
        drop: &["--diff", "-d"],
        fixes: of(&["gofmt"]),
        ..NOTHING
    },
    Row {
        program: "mvn",
        command: Command::Task(
            &["spotless:check", "verify", "install", "package", "test", "compile"],
            "spotless:apply",
        ),
        fixes: Findings { says: &["spotless"], ..of(&[]) },
        ..NOTHING
    },
    Row {
        program: "gradle",
        command: Command::Task(&["spotlessCheck", "check", "build"], "spotlessApply"),
        fixes: Findings { says: &["spotless"], ..of(&[]) },
        ..NOTHING
    },
    Row {
        program: "ktlint",
        drop: &["--color"],
        drop_valued: &["--reporter"],
        add: &["-F"],
        never: &["--stdin"],
        fixes: of(&["ktlint", "lint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "rubocop",
        // `-A` is what it calls unsafe.
        drop: &["-A", "--autocorrect-all", "--auto-correct-all", "--parallel", "-P"],
        drop_valued: &["-f", "--format", "-o", "--out"],
        add: &["-a"],
        never: &["-s", "--stdin", "--auto-gen-config", "--regenerate-todo"],
        fixes: of(&["rubocop", "lint"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "php-cs-fixer",
        command: Command::Words(&["fix"]),
        drop: &["--dry-run", "--diff"],
        drop_valued: &["--format", "--allow-risky"],
        fixes: of(&["php-cs-fixer"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "php-cs-fixer",
        command: Command::Becomes(&["check"], &["fix"]),
        drop: &["--diff"],
        drop_valued: &["--format", "--allow-risky"],
        fixes: of(&["php-cs-fixer"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        program: "terraform",
        command: Command::Words(&["fmt"]),
        drop: &["-check", "-check=true", "-diff", "-diff=true", "-write=false"],
        never: &["-"],
        fixes: of(&["terraform"]),
        ..NOTHING
    },
    Row {
        program: "buf",
        command: Command::Words(&["format"]),
        drop: &["-d", "--diff", "--exit-code"],
        add: &["-w"],
        never: &["-o", "--output"],
        fixes: of(&["buf"]),
        tested: Tested::Run,
        ..NOTHING
    },
    Row {
        // Hooks write by themselves, and fail where they did.
        program: "pre-commit",
        command: Command::Words(&["run"]),
        fixes: Findings { says: &[""], ..of(&[]) },
        tested: Tested::Run,
        ..NOTHING
    },
];

/// A command that a tool's error names and that takes nothing from the log: what runs is this very text.
#[derive(Debug)]
pub(super) struct Remedy {
    /// How the log states it; more words may follow, and are not used.
    pub(super) stated: &'static str,
    pub(super) runs: &'static str,
    /// The program of the step whose environment it runs in.
    pub(super) program: &'static str,
}

pub(super) const REMEDIES: &[Remedy] = &[
    Remedy { stated: "go mod tidy", runs: "go mod tidy", program: "go" },
    Remedy { stated: "go mod download", runs: "go mod tidy", program: "go" },
    Remedy { stated: "go mod vendor", runs: "go mod vendor", program: "go" },
    Remedy { stated: "go work sync", runs: "go work sync", program: "go" },
    Remedy { stated: "cargo update --workspace", runs: "cargo update --workspace", program: "cargo" },
    Remedy { stated: "uv lock", runs: "uv lock", program: "uv" },
    Remedy {
        stated: "npm install --package-lock-only",
        runs: "npm install --package-lock-only --ignore-scripts",
        program: "npm",
    },
    Remedy {
        stated: "yarn install --no-frozen-lockfile",
        runs: "yarn install --no-frozen-lockfile --ignore-scripts",
        program: "yarn",
    },
    Remedy {
        stated: "yarn install --no-immutable",
        runs: "yarn install --no-immutable --mode=update-lockfile",
        program: "yarn",
    },
    Remedy {
        stated: "pnpm install --lockfile-only --no-frozen-lockfile",
        runs: "pnpm install --lockfile-only --no-frozen-lockfile",
        program: "pnpm",
    },
];

/// A program that starts another one: its own words, and options of it that have a value.
pub(super) const LAUNCHERS: &[(&[&str], &[&str])] = &[
    (&["time"], &[]),
    (&["command"], &[]),
    (&["exec"], &[]),
    (&["sudo"], &["-u"]),
    (&["env"], &["-u"]),
    (&["cross-env"], &[]),
    (&["npx"], &["-p", "--package", "-c", "-w", "--workspace"]),
    (&["bunx"], &["-p", "--package"]),
    (&["npm", "exec"], &["-p", "--package", "-w", "--workspace", "--prefix"]),
    (&["npm", "x"], &["-p", "--package", "-w", "--workspace", "--prefix"]),
    (&["pnpm", "exec"], &[]),
    (&["pnpm", "dlx"], &["--package"]),
    (&["yarn", "run"], &[]),
    (&["yarn", "exec"], &[]),
    (&["yarn", "dlx"], &["-p", "--package"]),
    (&["bun", "x"], &["-p", "--package"]),
    (&["python", "-m"], &[]),
    (&["python3", "-m"], &[]),
    (
        &["uv", "run"],
        &[
            "--with",
            "--group",
            "--extra",
            "--python",
            "-p",
            "--package",
            "--project",
            "--only-group",
            "--no-group",
            "--with-requirements",
        ],
    ),
    (&["uvx"], &["--from", "--with", "--python", "-p"]),
    (&["uv", "tool", "run"], &["--from", "--with", "--python", "-p"]),
    (&["pipx", "run"], &["--spec"]),
    (&["poetry", "run"], &[]),
    (&["pdm", "run"], &[]),
    (&["pipenv", "run"], &[]),
    (&["rye", "run"], &[]),
    (&["hatch", "run"], &[]),
    (&["tox", "exec"], &["-e"]),
    (&["bundle", "exec"], &[]),
    (&["mise", "exec"], &[]),
    (&["go", "run"], &["-modfile"]),
    (&["go", "tool"], &["-modfile"]),
    (&["composer", "exec"], &[]),
];

/// What a package script may begin with that npm finds in `node_modules/.bin`.
pub(super) const NODE_PROGRAMS: &[&str] = &[
    "eslint",
    "prettier",
    "biome",
    "stylelint",
    "standard",
    "oxlint",
    "markdownlint",
    "markdownlint-cli2",
    "taplo",
    "ktlint",
    "buf",
    "turbo",
    "nx",
    "lerna",
    "cross-env",
];
