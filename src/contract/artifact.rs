//! Artifacts: what jobs hand to jobs that need them.

use serde::{Deserialize, Serialize};

/// Where the sandbox has those that its own steps made: `<folder>/<name>`.
pub const MADE_HERE: &str = "/ci-healer/artifacts";
/// Where it has those of the failed run; nothing in the sandbox can write there.
pub const OF_THE_RUN: &str = "/ci-healer/brought/artifacts";
/// In either of them: the number and the name of each, on a line.
pub const NUMBERS: &str = ".numbers";

/// Which artifacts of its run a step downloads. Without name, numbers and pattern: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WantedArtifacts {
    pub name: Option<String>,
    /// The server's own numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<u64>,
    /// As `minimatch` reads it.
    pub pattern: Option<String>,
}

impl std::fmt::Display for WantedArtifacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.name, &self.pattern) {
            (Some(name), _) => write!(f, "the artifact `{name}`"),
            _ if !self.ids.is_empty() => {
                let ids: Vec<String> = self.ids.iter().map(u64::to_string).collect();
                write!(f, "artifacts by number: {}", ids.join(", "))
            }
            (None, Some(pattern)) => write!(f, "artifacts like `{pattern}`"),
            (None, None) => f.write_str("all artifacts"),
        }
    }
}

/// An artifact of the failed run that has been looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedArtifact {
    pub name: String,
    /// The server's own number.
    pub id: u64,
    /// Its files' paths.
    pub files: Vec<String>,
}
