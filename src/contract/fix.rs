//! What the fix agent proposes and why a proposal is turned down.

use serde::{Deserialize, Serialize};

use super::bug::Fingerprint;
use super::git::{CommitSha, RepoPath};

/// A change offered by a provider, not yet applied, gated or proven.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FixProposal {
    /// `toolchain`, `gemini`, `groq`, `openai`, `history`, `drift`
    pub provider: String,
    /// The model, as its server names it; `None` where none was asked.
    pub model: Option<String>,
    /// The reports it means to fix.
    pub bugs: Vec<Fingerprint>,
    /// 1 to 4; 0 where none was needed.
    pub context_level: u8,
    /// The provider's own estimate, 0 to 1.
    pub confidence: f64,
    /// One line: `import the missing name`.
    pub reason: String,
    pub edits: Vec<Edit>,
    /// A tool's own fixing command to run in the sandbox instead of edits; its changes are read back as edits.
    pub command: Option<String>,
    /// Where edits may lie at this context level; empty: anywhere the other gates allow.
    pub window: Vec<LineWindow>,
    /// What it takes back, where it is a revert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<Box<RevertedHunk>>,
    pub usage: Usage,
}

/// One stretch of lines that changed since CI was green, and that a fix makes what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertedHunk {
    pub path: RepoPath,
    /// Its first line in the failing commit, from 1, and how many there are; none where it only took lines out.
    pub first: u32,
    pub count: u32,
    /// The last green commit.
    pub green: CommitSha,
    /// The newest commit since then that touched its lines, as far as the history is here.
    pub commit: Option<RevertedCommit>,
}

/// A commit as its author made it; its words are foreign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevertedCommit {
    pub sha: CommitSha,
    pub author: String,
    pub message: String,
}

/// Replaces the one place in `path` where `find` stands by `replace`. An empty `find` creates the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    pub path: RepoPath,
    pub find: String,
    pub replace: String,
}

/// The new content of one file, computed by applying edits; what gates judge, sandboxes run and commits hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    pub path: RepoPath,
    /// `None`: the file is new.
    pub before: Option<String>,
    /// `None`: the file is deleted.
    pub after: Option<String>,
}

/// What the change of a file is to the tests, told by syntax alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditClass {
    /// Equal syntax trees.
    LayoutOnly,
    /// Small edits that change nothing a test is about, each asked for by a finding in this very file.
    Neutral,
    /// Everything else, and what cannot be parsed.
    Other,
}

/// A changed file and its class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassifiedFile {
    pub path: RepoPath,
    pub class: EditClass,
}

/// Lines `first..=last` of a file, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineWindow {
    pub path: RepoPath,
    pub first: u32,
    pub last: u32,
}

/// A part of the repository that a fix needs shown beside what its context level shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ContextNeed {
    /// Lines `first..=last` of a file, from 1.
    Lines { path: RepoPath, first: u32, last: u32 },
    /// The names of the files in a folder, before a new one is put there; empty: the repository's root.
    Folder { path: String },
}

impl std::fmt::Display for ContextNeed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lines { path, first, last } => write!(out, "{path} lines {first}-{last}"),
            Self::Folder { path } if path.is_empty() => write!(out, "the files in the root"),
            Self::Folder { path } => write!(out, "the files in {path}/"),
        }
    }
}

/// What a model call cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// Dollars, where the price table knows the model.
    pub cost: Option<f64>,
    /// The provider gave no numbers and these are estimates.
    pub estimated: bool,
}

impl Usage {
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens_in + self.tokens_out
    }
}

/// Why a proposal was not applied. Reported, and told to the next attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rejection {
    /// The provider offered nothing to apply.
    NoChange,
    LowConfidence {
        confidence: f64,
        minimum: f64,
    },
    TooManyLines {
        changed: u64,
        maximum: u64,
    },
    TooManyFiles {
        changed: u64,
        maximum: u64,
    },
    /// `.git/`, `.github/`, ignored, protected, outside, a link, …
    Path {
        path: String,
        why: String,
    },
    OutsideWindow {
        path: String,
        line: u32,
    },
    /// It needs more of the repository shown: a request, not an attempt.
    NeedsContext {
        /// In words: `src/cart.py lines 3-12`.
        needs: Vec<String>,
    },
    /// The text to find is not there, or more than once.
    NotApplicable {
        path: String,
        why: String,
    },
    /// The same patch was run before.
    Repeated {
        patch: String,
    },
    TestWeakening {
        path: String,
        rule: String,
        line: Option<u32>,
        what: String,
    },
    /// Test files may be edited only with `allow-test-edits`.
    TestEdit {
        path: String,
    },
    /// The diff checks against a content rule: binary, executable bit, size.
    Content {
        path: String,
        why: String,
    },
    /// It is green in a step that does not report failures planted into it.
    JudgeDisarmed {
        why: String,
    },
    /// It answers the failing test alone: not when that runs again, or with another of its own cases.
    Overfitted {
        why: String,
    },
    /// Nothing shows that its step can still fail, and that is required.
    NoCounterProof {
        why: String,
    },
}

impl Rejection {
    /// Its kind, as in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NoChange => "no_change",
            Self::LowConfidence { .. } => "low_confidence",
            Self::TooManyLines { .. } => "too_many_lines",
            Self::TooManyFiles { .. } => "too_many_files",
            Self::Path { .. } => "path",
            Self::OutsideWindow { .. } => "outside_window",
            Self::NeedsContext { .. } => "needs_context",
            Self::NotApplicable { .. } => "not_applicable",
            Self::Repeated { .. } => "repeated",
            Self::TestWeakening { .. } => "test_weakening",
            Self::TestEdit { .. } => "test_edit",
            Self::Content { .. } => "content",
            Self::JudgeDisarmed { .. } => "judge_disarmed",
            Self::Overfitted { .. } => "overfitted",
            Self::NoCounterProof { .. } => "no_counter_proof",
        }
    }
}
