//! What is known beside the reports: what the failing test ran, what changed since the build was green, and the files
//! that the plan's steps name.

use crate::contract::build::NamedFile;
use crate::contract::executed::TracedFunctions;
use crate::contract::git::RepoPath;

/// All of it may be missing; it ranks what is shown, and decides nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leads<'a> {
    pub traced: Option<&'a TracedFunctions>,
    pub changed: &'a [ChangedDefinition],
    /// Manifests, lock files and configuration that the failing step names, or the steps before it that install.
    pub named: &'a [NamedFile],
}

/// A function, class or the like that is not as it was at the last green commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedDefinition {
    pub path: RepoPath,
    pub name: String,
    /// As it stands, from 1.
    pub lines: (u32, u32),
    /// Its lines as they were; `None` where it is new.
    pub before: Option<String>,
}
