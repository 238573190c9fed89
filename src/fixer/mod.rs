//! `BugReport` + source → `FixProposal`, and the gates. Never writes a file, commits, or runs a build.
//!
//! The way of a fix: `toolchain_proposals` (what the log itself states, free), `FixAgent::propose` (a model, asked with
//! as much context as the level allows) or `history_proposals` (one change since CI was green, taken back) → `apply` (edits to file contents, all or nothing) → `gate` (everything
//! that can be judged without running) → the sandbox. What was tried comes back as `PastAttempt`.

mod agent;
mod capabilities;
mod context;
pub mod controls;
mod edit_class;
mod edits;
mod gate;
mod hardcoding;
mod hints;
mod history;
mod language;
mod patch;
mod patch_file;
mod paths;
mod prompt;
mod redact;
mod removal;
mod reply;
mod sanitize;
mod skills;
mod symbols;
mod test_regions;
mod tested_by;
#[cfg(test)]
mod testing;
mod weakening;
mod window;

pub use agent::{FixAgent, FixRequest, Proposed};
pub use context::{
    Before, ChangedDefinition, Context, ContextRequest, Leads, Listing, Span, changed_definitions,
    context_for,
};
pub use edit_class::edit_class;
pub use edits::apply;
pub use gate::{FixOptions, GateNotes, TOOLCHAIN, gate};
pub use hints::{command_proposal, edits_of, toolchain_proposals};
pub use history::{HISTORY, history_proposals};
pub use patch::patch_fingerprint;
pub use patch_file::read_patch;
pub use paths::{PathRules, Protection};
pub use redact::Redactor;
pub use reply::{check_reply, reply_schema};
pub use tested_by::tests_that_name;
pub use window::widen;

use crate::contract::bug::BugReport;
use crate::contract::fix::{FixProposal, Rejection};

/// The highest context level.
pub const MAX_LEVEL: u8 = 4;

/// One proposal that was made for these bugs, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PastAttempt {
    pub proposal: FixProposal,
    /// The patch's name ([`patch_fingerprint`]), where it could be applied at all.
    pub patch: Option<String>,
    pub verdict: PastVerdict,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PastVerdict {
    /// Refused before any build.
    Refused(Rejection),
    /// Built and reverted: what the build said then.
    Reverted { why: String, bugs: Vec<BugReport> },
}

impl PastAttempt {
    #[must_use]
    pub fn refused(proposal: FixProposal, patch: Option<String>, why: Rejection) -> Self {
        Self { proposal, patch, verdict: PastVerdict::Refused(why) }
    }

    #[must_use]
    pub fn reverted(proposal: FixProposal, patch: String, why: String, bugs: Vec<BugReport>) -> Self {
        Self { proposal, patch: Some(patch), verdict: PastVerdict::Reverted { why, bugs } }
    }

    /// Whether a sandbox ran it. What was refused was never tried.
    #[must_use]
    pub fn has_run(&self) -> bool {
        matches!(self.verdict, PastVerdict::Reverted { .. })
    }
}
