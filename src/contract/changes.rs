//! What changed in the code between two commits.

use serde::{Deserialize, Serialize};

use super::git::{CommitSha, RepoPath};

/// From the last green commit to the failing one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedSinceGreen {
    /// The last green commit.
    #[serde(rename = "sha")]
    pub commit: CommitSha,
    /// How many commits came upon it, where the history is known.
    pub commits_ago: Option<u32>,
    /// Sorted by path.
    pub files: Vec<ChangedFile>,
    /// Changed files beyond those listed.
    pub more_files: usize,
}

/// One file that is another one now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedFile {
    pub path: RepoPath,
    pub change: FileChangeKind,
    pub role: FileRole,
    /// In order; empty where it is no text, or too large to compare.
    pub hunks: Vec<ChangedHunk>,
    /// There are more hunks, or they are not known.
    pub is_cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileChangeKind {
    Added,
    Modified,
    Deleted,
}

/// What a file is to a build, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// What says which dependencies there are.
    Manifest,
    LockFile,
    /// What says which toolchain builds it.
    Toolchain,
    Workflow,
    Other,
}

/// A stretch of lines that is another one now. Lines count from 1; where one side has none, `first` is the line that
/// comes behind the place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedHunk {
    pub old_first: u32,
    pub old_count: u32,
    pub new_first: u32,
    pub new_count: u32,
    /// The lines as they were, without their ends; at most so many as there is room for. Not part of any report.
    #[serde(skip)]
    pub old_lines: Vec<String>,
}
