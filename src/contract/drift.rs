//! Which release broke an untouched repository.

use serde::{Deserialize, Serialize};

/// What a search for it came to. Without `package` nobody is named, and `reason` says why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriftReport {
    pub package: Option<String>,
    /// `python`, `npm`
    pub ecosystem: Option<String>,
    /// The last release that does not break it.
    pub from: Option<String>,
    /// The first that does.
    pub to: Option<String>,
    /// When `to` was published, in UTC.
    pub published: Option<String>,
    /// The date whose packages were compared with today's.
    pub since: Option<String>,
    /// What moves together with it, as far as that was not told apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// How often the commands were run, in any world.
    pub executions: u32,
    /// The commands are green with the one release and red with the other, and nothing else differs.
    pub proven: bool,
    /// The file whose pin was proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned_in: Option<String>,
    pub reason: Option<String>,
}
