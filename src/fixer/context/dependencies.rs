//! What is shown where something is missing that is no part of the repository: manifests, and what the plan's steps
//! install from.

use super::quoted::quoted_names;
use super::{Builder, number};
use crate::contract::bug::{BugReport, Category};
use crate::contract::git::RepoPath;
use crate::fixer::language::Language;
use crate::fixer::paths::Protection;
use crate::placing::find_file;

impl Builder<'_> {
    /// What is missing is no part of the repository, or the manifests themselves are wrong.
    pub(super) fn is_about_dependencies(&self, bug: &BugReport, from: Option<&RepoPath>) -> bool {
        match bug.category {
            Category::Dependency | Category::Configuration => true,
            Category::Import | Category::Type | Category::Runtime | Category::Logic => {
                missing_module(&bug.message).is_some_and(|module| {
                    let from = from.cloned().or_else(|| self.any_source(bug));
                    from.is_some_and(|from| self.code.dependency(&from, &module).is_some())
                })
            }
            _ => false,
        }
    }

    /// A file in the language of a report that names none.
    fn any_source(&self, bug: &BugReport) -> Option<RepoPath> {
        let named = bug.related.iter().find_map(|l| find_file(&l.file, self.tree));
        named.or_else(|| {
            let language = match bug.tool.as_str() {
                "python" | "pytest" | "unittest" | "pip" | "mypy" => Language::Python,
                "node" | "jest" | "vitest" | "mocha" | "npm" | "tsc" => Language::JavaScript,
                "rustc" | "cargo" => Language::Rust,
                "go" | "go build" | "go test" => Language::Go,
                _ => return None,
            };
            let mut files = self.tree.files().iter().map(|f| &f.path);
            files.find(|p| language.is_kin(Language::of(p.as_str()))).cloned()
        })
    }

    /// The files by which the plan's steps install and run, as they name them.
    pub(super) fn named_files(&mut self, bug: &BugReport) {
        let names = quoted_names(&bug.message);
        for file in self.leads.named.iter().take(8) {
            let why = format!("named by `{}`", file.why);
            let text = self.tree.read_text(&file.path).unwrap_or_default();
            if self.paths.protection(file.path.as_str()) != Some(Protection::Lock) {
                self.add(&file.path, 1, 60, &why);
                continue;
            }
            // Of a lock file, the lines about what is missing.
            let about = text.lines().position(|line| names.iter().any(|name| line.contains(name.as_str())));
            if let Some(at) = about {
                self.add(&file.path, number(at), number(at + 6), &why);
            }
        }
    }

    /// The manifests that apply to `folder`, nearest first.
    pub(super) fn manifests(&mut self, folder: &str, why: &str) {
        const NAMES: &[&str] = &[
            "Cargo.toml",
            "go.mod",
            "package.json",
            "pyproject.toml",
            "requirements.txt",
            "setup.cfg",
            "setup.py",
            "pom.xml",
            "build.gradle",
            "build.gradle.kts",
            "tsconfig.json",
        ];
        let mut at = folder;
        loop {
            let mut found = false;
            for name in NAMES {
                let path = if at.is_empty() { (*name).to_owned() } else { format!("{at}/{name}") };
                if let Ok(path) = RepoPath::new(&path)
                    && self.tree.entry(&path).is_some()
                {
                    self.add(&path, 1, 80, why);
                    found = true;
                }
            }
            if found || at.is_empty() {
                return;
            }
            at = at.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }
}

/// The module, package or crate that a message says is not there.
fn missing_module(message: &str) -> Option<String> {
    const BEFORE: &[&str] = &[
        "No module named ",
        "Cannot find module ",
        "Cannot find package ",
        "Could not resolve ",
        "Failed to resolve import ",
        "Can't resolve ",
        "can't find crate for ",
        "unresolved import ",
        "unresolved module or unlinked crate ",
        "no required module provides package ",
        "cannot find package ",
        "use of undeclared crate or module ",
    ];
    let rest = BEFORE.iter().find_map(|words| message.split_once(words).map(|(_, rest)| rest));
    let module = match rest {
        Some(rest) => {
            let rest = rest.trim_start_matches(['\'', '"', '`']);
            rest.split(|c: char| c.is_whitespace() || "'\"`;,)".contains(c)).next()?.to_owned()
        }
        None => {
            // javac: `package org.x does not exist`.
            let (_, rest) = message.split_once("package ")?;
            let (name, behind) = rest.split_once(' ')?;
            behind.starts_with("does not exist").then(|| name.to_owned())?
        }
    };
    let module = module.trim_end_matches(['.', ':']).to_owned();
    (!module.is_empty()).then_some(module)
}

/// The report is about a name that nothing defines or brings in.
pub(super) fn is_unresolved(bug: &BugReport) -> bool {
    const WORDS: &[&str] = &[
        "unresolved",
        "cannot find",
        "can't find",
        "could not find",
        "not found",
        "undefined",
        "is not defined",
        "no attribute",
        "does not exist",
        "cannot resolve",
        "no module",
        "undeclared",
        "no field",
        "no method",
        "not a member",
        "has no member",
        "cannot import",
        "not in scope",
        "is not exported",
        "no such",
    ];
    let message = bug.message.to_lowercase();
    bug.category == Category::Import || WORDS.iter().any(|w| message.contains(w))
}
