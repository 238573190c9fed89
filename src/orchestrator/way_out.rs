//! How a heal goes out, by the repository's policy: onto the failing pull request's branch, as suggestions in a review of
//! it, or, where neither may be, as a pull request of its own.

use std::collections::BTreeMap;

use crate::contract::ci::Suggested;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::fix::{EditClass, FileChange};
use crate::contract::git::{BranchName, RepoPath};
use crate::contract::outcome::Outcome;
use crate::contract::policy::{Policy, Way};
use crate::contract::settings::PullRequestMode;
use crate::diff::LineDiff;
use crate::fixer::TOOLCHAIN;
use crate::github::{self, Permission, ReviewComment, ReviewableLines};
use crate::report::{pull_request, suggestion};

use super::bundle::short_name;
use super::journal::Journal;
use super::outcome_from::api_outcome;
use super::publisher::{GitHubRepo, Publisher, PushedRevision};
use super::state::KeptFix;

/// What the repository says of the way out, and what there is to go it.
#[derive(Debug, Clone, Default)]
pub struct WaysOut {
    pub policy: Policy,
    /// Only with one does a push start the checks of the new head.
    pub has_push_token: bool,
    /// The heal went onto the failing branch by the policy.
    pub is_pushed: bool,
    /// What goes into a review when the heal holds; nothing: it does not go that way.
    pub review: Option<Review>,
}

/// A heal as suggestions.
#[derive(Debug, Clone)]
pub struct Review {
    number: u64,
    comments: Vec<ReviewComment>,
    /// What was asked for before the review took its place.
    pull_request: PullRequestMode,
}

impl Publisher {
    /// Chooses the way of a whole heal that is about to go out: `kept` are its fixes, `changes` what they come to.
    /// Whatever is in the way of the policy's is told.
    pub(super) async fn choose_way(
        &mut self,
        kept: &[KeptFix],
        changes: &[FileChange],
        previous: Option<&PushedRevision>,
        journal: &Journal,
    ) -> Result<(), Outcome> {
        self.forget_review();
        // Where `branch` itself names the failing one, that is what people want of every heal.
        if self.in_place && !self.ways.is_pushed {
            return Ok(());
        }
        let wanted = wanted(&self.ways.policy, kept);
        if wanted == Some(Way::Push) {
            match self.may_push(kept, previous).await? {
                Ok(()) => {
                    self.go_onto_the_branch();
                    return Ok(());
                }
                Err(why) => tell(journal, Way::Push, &why),
            }
        }
        if let Some(round) = previous
            && self.ways.is_pushed
        {
            return Err(Outcome::Refused {
                why: format!("what is left to fix may not be pushed onto {}", round.branch),
                remedy: Some("its next failing run offers the rest in another way".to_owned()),
            });
        }
        if matches!(wanted, Some(Way::Push | Way::Suggest)) {
            match self.suggestions(changes).await {
                Ok(review) => self.go_into_a_review(review),
                Err(why) => tell(journal, Way::Suggest, &why),
            }
        }
        Ok(())
    }

    /// Why a heal may not go onto the failing branch, where it may not.
    async fn may_push(
        &self,
        kept: &[KeptFix],
        previous: Option<&PushedRevision>,
    ) -> Result<Result<(), String>, Outcome> {
        let no = |why: &str| Ok(Err(why.to_owned()));
        let Some((repo, base)) = self.pull_request() else {
            return no("what failed is no pull request of this repository");
        };
        if !self.ways.has_push_token {
            return no(
                "there is no `push-token`, without which the new head's checks would wait for approval",
            );
        }
        if self.default_branch.as_ref() == Some(base) {
            return no("the failing branch is the default branch");
        }
        if let Some(why) = kept.iter().find_map(needs_people) {
            return Ok(Err(why));
        }
        // One push for each head that people made.
        if previous.is_none() {
            let message = github::commit_message(&repo.client, &repo.repository, &self.head)
                .await
                .map_err(|e| api_outcome(&e))?;
            if message.lines().any(|line| line.trim() == pull_request::TRAILER) {
                return no("the head is a heal's own commit");
            }
            let now = github::branch_head(&repo.client, &repo.repository, base)
                .await
                .map_err(|e| api_outcome(&e))?;
            if now.as_ref() != Some(&self.head) {
                return no("the branch has moved on since it failed");
            }
        }
        Ok(Ok(()))
    }

    /// The repository and the branch of the failing pull request.
    fn pull_request(&self) -> Option<(&GitHubRepo, &BranchName)> {
        let repo = self.github.as_ref()?;
        repo.failing_pull_request?;
        Some((repo, repo.base.as_ref()?))
    }

    fn go_onto_the_branch(&mut self) {
        if let Some((_, base)) = self.pull_request() {
            self.branch = base.clone();
            self.in_place = true;
            self.ways.is_pushed = true;
        }
    }

    /// The heal as suggestions, else why it cannot be one.
    async fn suggestions(&self, changes: &[FileChange]) -> Result<Review, String> {
        let Some((repo, _)) = self.pull_request() else {
            return Err("what failed is no pull request of this repository".to_owned());
        };
        if repo.token.permissions.pull_requests == Permission::No {
            return Err("the token may not write pull requests".to_owned());
        }
        let number = repo.failing_pull_request.unwrap_or_default();
        let lines = github::reviewable_lines(&repo.client, &repo.repository, number)
            .await
            .map_err(|e| format!("the pull request's diff cannot be read: {e}"))?;
        let mut comments = Vec::new();
        for Place { path, first, last, replacement } in places(changes, &lines)? {
            let body = suggestion::comment(&replacement);
            // What is hidden from people cannot be handed to them as code.
            if !body.contains(&replacement) || self.redactor.redact(&body) != body {
                return Err(format!("{path}:{first} holds what may not be shown as it is"));
            }
            comments.push(ReviewComment { path, first, last, body });
        }
        Ok(Review { number, comments, pull_request: repo.pull_request })
    }

    fn go_into_a_review(&mut self, review: Review) {
        if let Some(repo) = &mut self.github {
            repo.pull_request = PullRequestMode::Never;
            self.ways.review = Some(review);
        }
    }

    pub(super) fn forget_review(&mut self) {
        if let (Some(repo), Some(review)) = (&mut self.github, self.ways.review.take()) {
            repo.pull_request = review.pull_request;
        }
    }

    /// Suggests what has held, in a review of the failing pull request.
    pub(super) async fn suggest(&self, journal: &Journal) -> Result<(), String> {
        let report = journal.report();
        let (Some(repo), Some(review), Outcome::Healed) = (&self.github, &self.ways.review, &report.outcome)
        else {
            return Ok(());
        };
        let body = self.redactor.redact(&suggestion::review(&report));
        let mark = short_name(&report.diff);
        let (client, slug) = (&repo.client, &repo.repository);
        github::review(client, slug, review.number, &self.head, (&body, &mark), &review.comments)
            .await
            .map_err(|e| format!("the heal is not suggested in the pull request: {e}"))?;
        let count = u32::try_from(review.comments.len()).unwrap_or(u32::MAX);
        let suggested = Suggested { pull_request: review.number, count };
        journal.emit(Event::Suggested { suggested });
        Ok(())
    }
}

fn tell(journal: &Journal, way: Way, why: &str) {
    let instead = match way {
        Way::Push => "it is suggested instead, or offered as a pull request",
        _ => "it is offered as a pull request",
    };
    journal.emit(Event::Warning { what: format!("policy `{}`: {why}; {instead}", way.as_str()) });
}

/// The way that all kinds of failures allow which the fixes are for: the policy's word for one is none for another.
fn wanted(policy: &Policy, kept: &[KeptFix]) -> Option<Way> {
    let ways: Vec<Option<Way>> =
        kept.iter().flat_map(|fix| &fix.reports).map(|bug| policy.way(bug.category)).collect();
    let fixes_nothing_known = kept.iter().any(|fix| fix.reports.is_empty());
    match ways[..] {
        [] => None,
        _ if fixes_nothing_known => None,
        _ if ways.iter().all(|way| *way == Some(Way::Push)) => Some(Way::Push),
        _ if ways.iter().all(|way| matches!(way, Some(Way::Push | Way::Suggest))) => Some(Way::Suggest),
        _ => None,
    }
}

/// Why people have to look at a fix before it is on their branch: it is neither what a tool does to its own findings, nor
/// nothing but layout.
fn needs_people(fix: &KeptFix) -> Option<String> {
    let of_tool = fix.proposal.provider == TOOLCHAIN && fix.needs_counter_proof.is_empty();
    if of_tool {
        return None;
    }
    let more = fix.classes.iter().find(|file| file.class == EditClass::Other);
    match more {
        Some(file) => Some(format!("{} changes in more than its layout, and not by its own tool", file.path)),
        None => fix.classes.is_empty().then(|| "nothing is known of what it changes".to_owned()),
    }
}

/// Lines of the pull request's head, and what stands there instead.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    path: RepoPath,
    first: u32,
    last: u32,
    replacement: String,
}

/// Where each stretch of the changes lies in the pull request's diff; the error says which does not.
fn places(changes: &[FileChange], lines: &BTreeMap<RepoPath, ReviewableLines>) -> Result<Vec<Place>, String> {
    let mut found = Vec::new();
    for change in changes.iter().filter(|change| change.before != change.after) {
        let path = &change.path;
        let (Some(before), Some(after)) = (&change.before, &change.after) else {
            return Err(format!("{path} is made or deleted, which no suggestion can do"));
        };
        if before.contains('\r') || after.contains('\r') || before.ends_with('\n') != after.ends_with('\n') {
            return Err(format!("{path} changes in how its lines end"));
        }
        let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
        let reviewable =
            lines.get(path).ok_or_else(|| format!("{path} is not in the pull request's diff"))?;
        for op in LineDiff::of(change).hunks() {
            let (mut from, mut to) = (op.old_range(), op.new_range());
            // What is only put in stands in the place of the line before it, or after.
            if from.is_empty() {
                if from.start > 0 {
                    (from.start, to.start) = (from.start - 1, to.start.saturating_sub(1));
                } else {
                    (from.end, to.end) = (from.end + 1, to.end + 1);
                }
            }
            let stood = old.get(from.clone()).unwrap_or_default();
            let stands = new.get(to).unwrap_or_default();
            let first = located(stood, from.start, reviewable)
                .ok_or_else(|| format!("{path}:{} is not in the pull request's diff", from.start + 1))?;
            let last = first + u32::try_from(stood.len()).unwrap_or(1).saturating_sub(1);
            let replacement = stands.iter().flat_map(|line| [line, "\n"]).collect();
            found.push(Place { path: path.clone(), first, last, replacement });
        }
    }
    if found.is_empty() { Err("nothing changes".to_owned()) } else { Ok(found) }
}

/// The number of the first of these lines in the head. It failed as merged with its base, where lines may stand elsewhere.
fn located(lines: &[&str], index: usize, reviewable: &ReviewableLines) -> Option<u32> {
    let stands_at = |first: u32| {
        (first..).zip(lines).all(|(number, line)| reviewable.get(&number).is_some_and(|text| text == line))
    };
    let here = u32::try_from(index).ok()? + 1;
    if lines.is_empty() {
        return None;
    }
    if stands_at(here) {
        return Some(here);
    }
    let mut all = reviewable.keys().copied().filter(|first| stands_at(*first));
    all.next().filter(|_| all.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path() -> RepoPath {
        RepoPath::new("a.py").unwrap()
    }

    fn change(before: &str, after: &str) -> [FileChange; 1] {
        [FileChange { path: path(), before: Some(before.to_owned()), after: Some(after.to_owned()) }]
    }

    fn reviewable(first: u32, lines: &[&str]) -> BTreeMap<RepoPath, ReviewableLines> {
        let lines = (first..).zip(lines).map(|(n, line)| (n, (*line).to_owned())).collect();
        [(path(), lines)].into()
    }

    fn placed(
        before: &str,
        after: &str,
        lines: &BTreeMap<RepoPath, ReviewableLines>,
    ) -> Result<Vec<(u32, u32, String)>, String> {
        let places = places(&change(before, after), lines)?;
        Ok(places.into_iter().map(|place| (place.first, place.last, place.replacement)).collect())
    }

    #[test]
    fn stretches_are_placed_in_the_diff() {
        let before = "a\nb\nc\nd\n";
        let all = reviewable(1, &["a", "b", "c", "d"]);
        let one = |first, last, text: &str| Ok(vec![(first, last, text.to_owned())]);
        assert_eq!(placed(before, "a\nB\nc\nd\n", &all), one(2, 2, "B\n"));
        assert_eq!(placed(before, "a\nd\n", &all), one(2, 3, ""));
        assert_eq!(placed(before, "a\nb\nx\nc\nd\n", &all), one(2, 2, "b\nx\n"));
        assert_eq!(placed(before, "x\na\nb\nc\nd\n", &all), one(1, 1, "x\na\n"));
        // Merged with its base it stands two lines further down than in the head.
        let shifted =
            placed(&format!("1\n2\n{before}"), &format!("1\n2\n{}", before.replace('c', "C")), &all);
        assert_eq!(shifted, one(3, 3, "C\n"));
    }

    #[test]
    fn what_no_suggestion_can_say_is_named() {
        let part = reviewable(3, &["c", "d"]);
        for (before, after, lines, named) in [
            ("a\nb\nc\nd\n", "a\nB\nc\nd\n", &part, "a.py:2 is not in the pull request's diff"),
            ("a\n", "b\n", &BTreeMap::new(), "a.py is not in the pull request's diff"),
            ("a\n", "b", &part, "a.py changes in how its lines end"),
            ("c\r\n", "d\r\n", &part, "a.py changes in how its lines end"),
            // Twice in the diff, and not where it stood: nobody knows which is meant.
            ("x\ny\n", "z\ny\n", &reviewable(5, &["x", "x"]), "a.py:1 is not in the pull request's diff"),
        ] {
            assert_eq!(placed(before, after, lines).unwrap_err(), named);
        }
        let deleted = FileChange { path: path(), before: Some("a\n".to_owned()), after: None };
        assert!(places(&[deleted], &part).unwrap_err().contains("deleted"));
    }
}
