//! The provider `history`: whether a revert may be offered at all, and which one is next.

use super::driver::Driver;
use super::evidence::Evidence;
use super::journal::Journal;
use super::publisher::Publisher;
use super::state::{LoopEvent, State};
use crate::config::Config;
use crate::contract::bug::{BugReport, Fingerprint};
use crate::contract::event::{Event, EventSink as _};
use crate::contract::fix::FixProposal;
use crate::contract::settings::ProviderName;
use crate::fixer;
use crate::github::{self, Trigger};

/// Whether a revert may be offered: as a pull request of its own, upon a branch that is no pull request's.
pub(super) async fn may_revert(
    config: &Config,
    trigger: &Trigger,
    publisher: Option<&Publisher>,
    journal: &Journal,
) -> bool {
    let is_of_a_pull_request = trigger.pull_request.is_some() || trigger.pull_request_into.is_some();
    let Some(publisher) = publisher.filter(|_| config.providers.contains(&ProviderName::History)) else {
        return false;
    };
    if is_of_a_pull_request || !publisher.may_offer() {
        return false;
    }
    if publisher.in_place {
        let what =
            "`history` is off: `branch` names the failing branch, and no revert is ever pushed upon it";
        journal.emit(Event::Warning { what: what.to_owned() });
        return false;
    }
    !is_proposed(publisher).await
}

/// The failing branch wants to be merged somewhere: what changed in it is a pull request's own, whatever event it is that
/// brought us here. What cannot be told counts as one.
async fn is_proposed(publisher: &Publisher) -> bool {
    let Some((repo, branch)) = publisher.github.as_ref().and_then(|repo| Some((repo, repo.base.as_ref()?)))
    else {
        return true;
    };
    if publisher.default_branch.as_ref() == Some(branch) {
        return false;
    }
    let found = github::has_open_pull_request(&repo.client, &repo.repository, branch).await;
    found.unwrap_or_else(|error| {
        log::debug!("whether {branch} is a pull request's is not known: {error}");
        true
    })
}

impl Driver {
    /// The revert of the most suspicious change since CI was green that was not tried yet.
    pub(super) async fn propose_revert(&mut self, state: &State, bugs: &[Fingerprint]) -> LoopEvent {
        let proposal = self.next_revert(state, bugs).await;
        self.offer(state, proposal, None).await
    }

    async fn next_revert(&mut self, state: &State, bugs: &[Fingerprint]) -> Option<FixProposal> {
        let seen: &Evidence = state.current()?;
        let bugs: Vec<BugReport> = seen.bugs(bugs).cloned().collect();
        let changes = self.last_green.changes(&mut self.workspace).await?;
        let failing = self.workspace.at(self.workspace.base()).ok()?;
        let traced = self.traces.of(&bugs);
        let rules = &self.fix_options.paths;
        let reverts =
            fixer::history_proposals(&changes, &failing, &bugs, traced.as_ref(), rules, state.history());
        let mut proposal = reverts.into_iter().next()?;
        if let Some(hunk) = &mut proposal.reverts {
            let since = (&hunk.green, self.workspace.base());
            hunk.commit = self.workspace.last_touched(since, &hunk.path, (hunk.first, hunk.count));
        }
        Some(proposal)
    }
}
