//! Which steps do nothing but install, and which files of the repository say so.
//!
//! Scripts, make targets, just recipes and npm scripts are looked through. What cannot be told is taken to do more: it runs
//! again in every attempt, since what it makes may be made of the code that a fix changes.

mod commands;
mod recipes;
mod shell;

use std::collections::BTreeSet;

use super::actions::{self, Rule};
use crate::contract::action::ActionPhase;
use crate::contract::build::PlanStep;
use crate::contract::git::{RepoPath, SourceTree, join};

/// Scripts call scripts.
const MAX_DEPTH: usize = 8;
/// Of one script.
const MAX_SCRIPT: usize = 256 << 10;

/// Names of scripts and targets that install. In what they hold, words like `build` say otherwise.
const INSTALLING: [&str; 16] = [
    "bootstrap",
    "dependencies",
    "deps",
    "dev-deps",
    "dev-setup",
    "install",
    "install-deps",
    "install-dependencies",
    "install-dev",
    "install-tools",
    "requirements",
    "setup",
    "setup-dev",
    "setup-env",
    "tools",
    "venv",
];

/// The files that decide what the step installs, beside the manifests of package managers; `None` where it may do more
/// than install.
pub(super) fn installs(step: &PlanStep, tree: &dyn SourceTree) -> Option<Vec<String>> {
    if let Some(action) = &step.action {
        let does = step.origin.trim_start_matches("uses ").split('@').next().and_then(actions::rule);
        let sets_up = action.phase != ActionPhase::Post && matches!(does, Some(Rule::Toolchain(_)));
        return (sets_up && !step.background).then(Vec::new);
    }
    if step.wait.is_some() || step.background {
        return None;
    }
    if step.shell.as_deref().is_some_and(|shell| !["bash", "sh"].iter().any(|s| shell.starts_with(s))) {
        return None;
    }
    let mut look = Look { tree, files: BTreeSet::new(), depth: 0 };
    let folder = step.working_directory.trim_start_matches("./").trim_end_matches('/');
    let folder = if folder == "." { "" } else { folder };
    let emulates_setup = step.origin.starts_with("emulates")
        && ["setup", "toolchain", "install"].iter().any(|word| step.origin.contains(word));
    (look.script(&step.run, folder) || emulates_setup).then(|| look.files.into_iter().collect())
}

/// One look through a step and all that it calls.
struct Look<'a> {
    tree: &'a dyn SourceTree,
    /// What was read on the way, or is read by what runs.
    files: BTreeSet<String>,
    depth: usize,
}

impl Look<'_> {
    /// Whether all commands of a shell script only install. `folder` is where it runs, relative to the repository.
    fn script(&mut self, script: &str, folder: &str) -> bool {
        if self.depth >= MAX_DEPTH {
            return false;
        }
        self.depth += 1;
        let mut folder = folder.to_owned();
        let known = shell::commands(script).is_some_and(|commands| {
            !commands.is_empty() && commands.iter().all(|command| self.command(command, &mut folder))
        });
        self.depth -= 1;
        known
    }

    /// A file of the repository that is a script, called by its name.
    fn script_file(&mut self, path: &str, folder: &str) -> bool {
        let Some((path, text)) = self.text(path, folder) else { return false };
        self.files.insert(path.clone());
        let first = text.lines().next().unwrap_or_default();
        let is_shell = if first.starts_with("#!") {
            ["sh", "bash", "dash"].iter().any(|s| first.split(['/', ' ']).any(|word| word == *s))
        } else {
            path.ends_with(".sh")
                || path.ends_with(".bash")
                || !path.rsplit('/').next().unwrap_or_default().contains('.')
        };
        if is_shell && self.script(&text, folder) {
            return true;
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        is_installing(name.split('.').next().unwrap_or_default()) && !builds(&text)
    }

    /// A tracked text file: its path in the repository, and what it holds.
    fn text(&self, path: &str, folder: &str) -> Option<(String, String)> {
        let path = join(folder, path)?;
        let text = self.tree.read_text(&RepoPath::new(&path).ok()?)?;
        (text.len() <= MAX_SCRIPT).then_some((path, text))
    }

    /// Takes note of an argument that is a file of the repository; `false` where it is a folder or may be several files.
    fn reads(&mut self, argument: &str, folder: &str) -> bool {
        if is_outside(argument) || argument.starts_with('-') {
            return true;
        }
        if argument.contains(['*', '?', '[', '$', '{']) {
            return false;
        }
        let Some(path) = join(folder, argument) else { return false };
        let Ok(path) = RepoPath::new(&path) else { return false };
        if self.tree.entry(&path).is_some() {
            self.files.insert(path.as_str().to_owned());
            return true;
        }
        // Not tracked: made by an earlier step of the same kind, or about to be made. A folder of the repository is not.
        !self.is_folder(path.as_str())
    }

    fn is_folder(&self, path: &str) -> bool {
        let inside = format!("{path}/");
        self.tree.files().iter().any(|f| f.path.as_str().starts_with(&inside))
    }
}

fn is_installing(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['_', ':'], "-");
    INSTALLING.contains(&name.as_str())
}

/// A text in which something is made of the code, by its words.
fn builds(text: &str) -> bool {
    const WORDS: [&str; 20] = [
        "build", "codegen", "compile", "cp", "esbuild", "gen", "generate", "gradle", "gradlew", "javac",
        "make", "mvn", "mvnw", "package", "protoc", "rollup", "test", "tsc", "vite", "webpack",
    ];
    let lines = text.lines().map(str::trim).filter(|l| !l.starts_with('#') && !l.starts_with("//"));
    lines.flat_map(|l| l.split(|c: char| !c.is_ascii_alphanumeric())).any(|word| WORDS.contains(&word))
}

/// A command's words without what only says how it runs.
pub(super) use commands::without_prefixes;
/// A shell script's commands, as far as a plain reading tells them.
pub(super) use shell::commands as commands_of;

/// Where nothing of the repository lies.
fn is_outside(path: &str) -> bool {
    ["/", "~", "$HOME", "${HOME}", "$RUNNER_TEMP", "$GITHUB_", "\"$HOME", "http://", "https://"]
        .iter()
        .any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests;
