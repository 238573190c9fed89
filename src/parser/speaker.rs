//! Whose output a step's is, as its command says: the name of a tool that no parser knows.

use super::re;

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
    "cd",
    "set",
    "echo",
    "export",
    "source",
    "if",
    "for",
    "while",
    "git",
    "act",
    "test",
    "exit",
    "true",
    "false",
    "cat",
    "env",
    "xargs",
    "find",
];

/// The program that a command runs, where it runs only one and that is no runner of others.
pub(super) fn speaker(command: &str) -> Option<&str> {
    if re!(r"[|;&<>`]|\$\(").is_match(command) {
        return None;
    }
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
    let name = program.rsplit('/').next()?;
    let name = name.rsplit_once('@').map_or(name, |(name, _)| name);
    let named = re!(r"^[A-Za-z][\w+-]*$").is_match(name) && !RUNNERS.contains(&name);
    named.then_some(name)
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
            ("./scripts/check.sh", None),
            ("python", None),
            ("", None),
        ] {
            assert_eq!(speaker(command), name, "{command}");
        }
    }
}
