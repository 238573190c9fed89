//! Whose output a step's is, as its command says: the name of a tool that no parser knows.

use super::findings::FindingBuilder;
use super::{re, registry};
use crate::contract::bug::Category;

/// Programs that run others, whose names they do not say.
const RUNNERS: &[&str] = &[
    "bash",
    "sh",
    "zsh",
    "dash",
    "fish",
    "pwsh",
    "make",
    "gmake",
    "cmake",
    "just",
    "task",
    "npm",
    "npx",
    "pnpm",
    "yarn",
    "bun",
    "bunx",
    "node",
    "deno",
    "python",
    "python3",
    "py",
    "pip",
    "pip3",
    "pipx",
    "uv",
    "uvx",
    "tox",
    "nox",
    "hatch",
    "poetry",
    "pdm",
    "pipenv",
    "pre-commit",
    "prek",
    "cargo",
    "go",
    "mvn",
    "mvnw",
    "gradle",
    "gradlew",
    "sbt",
    "bundle",
    "rake",
    "composer",
    "php",
    "ruby",
    "perl",
    "java",
    "docker",
    "podman",
    "turbo",
    "nx",
    "lerna",
    "rush",
    "bazel",
    "ninja",
    "meson",
];

/// Programs that set a stage, or pass on what another one says.
const SILENT: &[&str] = &[
    "cd", "set", "echo", "printf", "export", "unset", "source", ".", "true", "false", "exit", "test", "[",
    "[[", "mkdir", "rm", "cp", "mv", "ln", "ls", "touch", "chmod", "sleep", "pwd", "date", "which",
    "command", "type", "git", "tee", "cat", "grep", "head", "tail", "sed", "awk", "sort", "uniq", "wc", "tr",
    "cut",
];

/// The program that a step's commands run, where it is only one beside those that say nothing of their own, and no
/// runner of others.
pub(super) fn speaker(commands: &str) -> Option<&str> {
    if commands.contains("$(") || commands.contains(['`', '\\']) {
        return None;
    }
    let mut found = None;
    for command in re!(r"&&|\|\||[;|\n]").split(commands) {
        let command = command.trim_matches([' ', '{', '}', '(', ')']);
        let command = re!(r"\d?>|<|&>").split(command).next().unwrap_or_default();
        if command.trim().is_empty() || SILENT.contains(&command.split_whitespace().next()?) {
            continue;
        }
        let program = program(command)?;
        if found.is_some_and(|known| known != program) {
            return None;
        }
        found = Some(program);
    }
    found
}

/// What one command runs.
fn program(command: &str) -> Option<&str> {
    let mut words =
        command.split_whitespace().skip_while(|word| re!(r"^[A-Za-z_]\w*=").is_match(word)).peekable();
    let mut program = words.next()?;
    loop {
        let next = words.peek().copied();
        let passed_on = matches!(
            (program, next.unwrap_or_default()),
            ("sudo" | "time" | "env" | "npx" | "bunx" | "uvx" | "pipx" | "xvfb-run", _)
                | ("npm" | "pnpm" | "yarn", "exec" | "dlx" | "x")
                | ("uv" | "poetry" | "pipenv" | "hatch" | "pdm" | "rye", "run")
                | ("bundle", "exec")
                | ("python" | "python3" | "py", "-m")
        );
        if !passed_on {
            break;
        }
        if !matches!(program, "sudo" | "time" | "env" | "npx" | "bunx" | "uvx" | "xvfb-run") {
            words.next();
        }
        program = words.find(|word| !word.starts_with('-'))?;
    }
    // A file of the repository is a script, which may run anything.
    let script = program.contains('/') && !re!(r"(?:^|/)(?:bin|\.bin|Scripts)/[^/]+$").is_match(program);
    if script {
        return None;
    }
    let name = program.rsplit('/').next()?;
    let name = name.rsplit_once('@').map_or(name, |(name, _)| name);
    let named = re!(r"^[A-Za-z][\w+-]*$").is_match(name) && !RUNNERS.contains(&name);
    named.then_some(name)
}

/// Tools whose shape of a finding others print, too, whatever they are called.
const ANYONES: &[&str] = &["lint", "jshint", "buf", "errcheck", "cargo-deny", "ruff-format"];

/// Formats that carry what a linter found.
const CARRIERS: &[&str] = &["tap", "junit-xml", "checkstyle-xml", "sarif", "github-actions"];

/// Tools whose shape is that of some that have no parser here.
const LENT: &[&str] = &["ruff", "eslint", "stylelint", "oxlint"];

/// Programs that run linters of other names.
const HOSTS: &[&str] = &[
    "next",
    "react-scripts",
    "vue-cli-service",
    "ng",
    "nuxt",
    "astro",
    "gatsby",
    "expo",
    "webpack",
    "vite",
    "rollup",
    "ember",
    "lint-staged",
    "pytest",
    "prospector",
    "pylama",
    "nbqa",
    "reviewdog",
    "trunk",
    "lefthook",
    "wireit",
];

/// Whether a finding in a tool's shape is the program's that the step runs.
pub(super) fn says(program: &str, finding: &FindingBuilder) -> bool {
    let (tool, code) = (finding.tool, finding.code.as_deref().unwrap_or_default());
    if tool == program || tool.strip_prefix(program).is_some_and(|rest| rest.starts_with('-')) {
        return false;
    }
    if ANYONES.contains(&tool) || CARRIERS.contains(&tool) && finding.category == Category::Lint {
        return true;
    }
    let lent = match tool {
        // The codes that flake8's own checks have.
        "flake8" => !re!(r"^(?:[EWFC]\d|$)").is_match(code),
        "markdownlint" => !code.starts_with("MD"),
        _ => LENT.contains(&tool),
    };
    // What ruff alone prints so, ruff prints.
    lent && tool == "ruff" && !HOSTS.contains(&program)
        || lent && !HOSTS.contains(&program) && !registry::tools().any(|known| known.name == program)
}

/// What a program of which nothing else is known finds, as its name and its first words say.
pub(super) fn category(command: &str) -> Category {
    let words: Vec<&str> = command.split_whitespace().take_while(|word| !word.starts_with('-')).collect();
    let command = &*words.join(" ");
    if re!(r"(?i)fmt|format|prettier|black|beautify|fix(?:er)?\b|rewrit|sort").is_match(command) {
        Category::Format
    } else if re!(r"(?i)\btyp(?:e|es|ing|echeck)\b|type-|-type|mypy|pyre|tsc\b").is_match(command) {
        Category::Type
    } else {
        Category::Lint
    }
}

#[cfg(test)]
mod tests {
    use super::speaker;

    #[test]
    fn the_program_of_a_command_is_named_where_there_is_one() {
        for (command, name) in [
            ("vale docs", Some("vale")),
            ("vale", Some("vale")),
            ("npx --yes vale@3 docs", Some("vale")),
            ("A=1 ./node_modules/.bin/vale docs", Some("vale")),
            ("uv run vale docs", Some("vale")),
            ("python -m vale docs", Some("vale")),
            ("pnpm exec vale", Some("vale")),
            ("npm run lint", None),
            ("make lint", None),
            ("vale docs && other", None),
            ("cd docs && vale . 2>&1 | tee vale.log", Some("vale")),
            ("set -e\nmkdir -p out\nvale docs > out/log || { cat out/log; exit 1; }", Some("vale")),
            ("vale docs\nvale more", Some("vale")),
            ("vale docs\nnpm test", None),
            ("vale --ext <<< 'a b'", Some("vale")),
            ("git diff --exit-code", None),
            ("vale $(git ls-files)", None),
            ("./scripts/check.sh", None),
            ("./scripts/check", None),
            ("python", None),
            ("", None),
        ] {
            assert_eq!(speaker(command), name, "{command}");
        }
    }
}
