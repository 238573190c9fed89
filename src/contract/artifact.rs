//! Artifacts: what jobs hand to jobs that need them.

use serde::{Deserialize, Serialize};

/// Where the sandbox has those that its own steps made: `<folder>/<name>`.
pub const MADE_HERE: &str = "/ci-healer/artifacts";
/// Where it has those of the failed run; nothing in the sandbox can write there.
pub const OF_THE_RUN: &str = "/ci-healer/brought/artifacts";

/// Which artifacts of its run a step downloads. Without name and pattern: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WantedArtifacts {
    pub name: Option<String>,
    /// As `minimatch` reads it.
    pub pattern: Option<String>,
}

impl std::fmt::Display for WantedArtifacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.name, &self.pattern) {
            (Some(name), _) => write!(f, "the artifact `{name}`"),
            (None, Some(pattern)) => write!(f, "artifacts like `{pattern}`"),
            (None, None) => f.write_str("all artifacts"),
        }
    }
}

/// An artifact of the failed run that has been looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedArtifact {
    pub name: String,
    /// Its files' paths.
    pub files: Vec<String>,
}
