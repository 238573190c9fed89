//! What changed since CI was green, offered the other way round: the revert of exactly one suspicious hunk.
//!
//! Pure. A revert makes a test pass by taking back what somebody meant to do, so whatever may have been the point of the
//! change is left alone: a check, a test, an error path, a version ([`guards`]), and every change that brought the
//! failing test itself ([`came_with`]).

mod came_with;
mod guards;
#[cfg(test)]
mod tests;

use super::PastAttempt;
use super::paths::{self, PathRules};
use crate::contract::bug::{BugReport, Category};
use crate::contract::changes::{ChangedFile, ChangedHunk, ChangedSinceGreen, FileChangeKind, FileRole};
use crate::contract::executed::TracedFunctions;
use crate::contract::fix::{Edit, FixProposal, RevertedHunk, Usage};
use crate::contract::git::SourceTree;
use crate::syntax::{Grammar, Outline, is_generated, is_minified, outline, shared_outline};

/// The provider whose proposals take back what changed since CI was green.
pub const HISTORY: &str = "history";

/// A larger change says little of where the cause is.
const MOST_FILES: usize = 100;
/// Offered for one state of the code; each costs an attempt.
const MOST_REVERTS: usize = 3;
/// The failing test ran what changed, and CI was green before it did.
const RAN: f64 = 0.7;
/// The failure names its file.
const NAMED: f64 = 0.6;
/// Lines around a hunk that are quoted at most to tell its place.
const MOST_CONTEXT: usize = 12;
/// Longer lines are not kept whole.
const MOST_COLUMNS: usize = 400;

/// Why a hunk is suspected; the first is the strongest.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Suspicion {
    /// The failing test ran it: how much more than passing tests did, where that is known.
    Ran(f64),
    /// The failure names its file, so many lines away.
    Named(u32),
}

impl Suspicion {
    fn key(self) -> (u8, f64) {
        match self {
            Self::Ran(suspicion) => (0, -suspicion),
            Self::Named(lines) => (1, f64::from(lines)),
        }
    }
}

/// The reverts worth a try, the most suspicious first. `tree` is the failing commit; what `past` has is not offered again.
#[must_use]
pub fn history_proposals(
    changes: &ChangedSinceGreen,
    tree: &dyn SourceTree,
    bugs: &[BugReport],
    traced: Option<&TracedFunctions>,
    rules: &PathRules,
    past: &[PastAttempt],
) -> Vec<FixProposal> {
    let bugs: Vec<&BugReport> = bugs.iter().filter(|bug| is_of_code(bug.category)).collect();
    if bugs.is_empty() || changes.more_files > 0 || came_with::came_with(changes, tree, &bugs, rules) {
        return Vec::new();
    }
    let mut found: Vec<(Suspicion, FixProposal)> = Vec::new();
    let may_change = |file: &&ChangedFile| {
        file.change == FileChangeKind::Modified
            && file.role == FileRole::Other
            && rules.protection(file.path.as_str()).is_none()
            && paths::check(&file.path, tree, rules).is_ok()
    };
    for file in changes.files.iter().filter(may_change).take(MOST_FILES) {
        let Some(source) = Source::read(file, tree) else { continue };
        for hunk in &file.hunks {
            let Some(suspicion) = source.suspicion(hunk, &bugs, traced) else { continue };
            let Some(edit) = source.revert(hunk) else { continue };
            let is_known = |past: &PastAttempt| {
                past.proposal.provider == HISTORY && past.proposal.edits.first() == Some(&edit)
            };
            if !past.iter().any(is_known) {
                let proposal = proposal(changes, &source, hunk, (suspicion, edit), &bugs);
                found.push((suspicion, proposal));
            }
        }
    }
    found.sort_by(|(a, _), (b, _)| {
        let ((a, a_by), (b, b_by)) = (a.key(), b.key());
        a.cmp(&b).then(a_by.total_cmp(&b_by))
    });
    found.into_iter().map(|(_, proposal)| proposal).take(MOST_REVERTS).collect()
}

/// What a change of the code breaks; how code looks is the toolchain's, what it stands on no hunk's.
fn is_of_code(category: Category) -> bool {
    matches!(
        category,
        Category::Syntax
            | Category::Indentation
            | Category::Import
            | Category::Type
            | Category::Logic
            | Category::Runtime
    )
}

fn proposal(
    changes: &ChangedSinceGreen,
    source: &Source<'_>,
    hunk: &ChangedHunk,
    (suspicion, edit): (Suspicion, Edit),
    bugs: &[&BugReport],
) -> FixProposal {
    let path = &source.file.path;
    let place = match source.outline.innermost(hunk.new_first) {
        Some(definition) => format!("`{}` in {path}", definition.name),
        None => path.to_string(),
    };
    FixProposal {
        provider: HISTORY.to_owned(),
        model: None,
        bugs: bugs.iter().map(|bug| bug.fingerprint.clone()).collect(),
        context_level: 0,
        confidence: if matches!(suspicion, Suspicion::Ran(_)) { RAN } else { NAMED },
        reason: format!("revert what changed in {place} since {}", changes.commit.short()),
        edits: vec![edit],
        command: None,
        window: Vec::new(),
        reverts: Some(Box::new(RevertedHunk {
            path: path.clone(),
            first: hunk.new_first,
            count: hunk.new_count,
            green: changes.commit.clone(),
            commit: None,
        })),
        usage: Usage::default(),
    }
}

/// A changed file as it is, read once.
struct Source<'c> {
    file: &'c ChangedFile,
    grammar: Grammar,
    outline: std::sync::Arc<Outline>,
    /// With line feeds only.
    text: String,
}

impl<'c> Source<'c> {
    fn read(file: &'c ChangedFile, tree: &dyn SourceTree) -> Option<Self> {
        let path = file.path.as_str();
        let grammar = Grammar::of(path)?;
        let text = tree.read_text(&file.path)?.replace("\r\n", "\n");
        if is_generated(path, &text) || is_minified(path, &text) {
            return None;
        }
        let outline = shared_outline(grammar, &text).ok()?;
        Some(Self { file, grammar, outline, text })
    }

    /// Whether a failure may come from this hunk. Where it is known what the failing test ran, a function that did not
    /// run is none of it.
    fn suspicion(
        &self,
        hunk: &ChangedHunk,
        bugs: &[&BugReport],
        traced: Option<&TracedFunctions>,
    ) -> Option<Suspicion> {
        let (first, last) = (hunk.new_first, hunk.new_first + hunk.new_count.max(1) - 1);
        let path = self.file.path.as_str();
        let ran = traced.into_iter().flat_map(|traced| &traced.functions).filter(|function| {
            function.file == path && function.lines.is_none_or(|(from, to)| from <= last && first <= to)
        });
        let most = ran.map(|function| function.suspicion.unwrap_or_default()).max_by(f64::total_cmp);
        if let Some(most) = most {
            return Some(Suspicion::Ran(most));
        }
        let is_in_a_function = self.outline.enclosing(first).any(|around| around.kind.is_callable());
        if traced.is_some_and(|traced| !traced.is_empty()) && is_in_a_function {
            return None;
        }
        let named = bugs.iter().flat_map(|bug| named_places(bug)).filter(|(file, _)| *file == path);
        let away = |line: Option<u32>| match line {
            Some(line) if line < first => first - line,
            Some(line) => line.saturating_sub(last),
            None => u32::MAX,
        };
        named.map(|(_, line)| away(line)).min().map(Suspicion::Named)
    }

    /// The edit that takes a hunk back: quoted with as many lines around it as tell its place. `None` where it is not
    /// known what was there, and where the hunk may be there for a reason.
    fn revert(&self, hunk: &ChangedHunk) -> Option<Edit> {
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let is_whole = hunk.old_lines.len() == number(hunk.old_count)
            && hunk.old_lines.iter().all(|line| line.chars().count() < MOST_COLUMNS);
        let lines: Vec<&str> = self.text.lines().collect();
        let from = number(hunk.new_first).checked_sub(1)?;
        let to = from.checked_add(number(hunk.new_count)).filter(|to| *to <= lines.len())?;
        if !is_whole || self.is_in_a_test(hunk) {
            return None;
        }
        let old = || hunk.old_lines.iter().map(String::as_str);
        let without = joined(lines[..from].iter().copied().chain(old()).chain(lines[to..].iter().copied()));
        let before = outline(self.grammar, &without).ok()?;
        if guards::adds_a_guard((&self.outline, &self.text), (&before, &without)) {
            return None;
        }
        (1..=MOST_CONTEXT).find_map(|around| {
            let (start, end) = (from.saturating_sub(around), (to + around).min(lines.len()));
            let find = lines[start..end].join("\n");
            let parts = lines[start..from].iter().copied().chain(old()).chain(lines[to..end].iter().copied());
            let replace = parts.collect::<Vec<_>>().join("\n");
            let is_unique = !find.is_empty() && self.text.matches(&find).count() == 1;
            is_unique.then(|| Edit { path: self.file.path.clone(), find, replace })
        })
    }

    /// Tests may stand beside the code.
    fn is_in_a_test(&self, hunk: &ChangedHunk) -> bool {
        let (first, last) = (hunk.new_first, hunk.new_first + hunk.new_count.max(1) - 1);
        self.outline.tests.iter().any(|test| test.lines.0 <= last && first <= test.lines.1)
    }
}

/// Whole lines, each with its end.
fn joined<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The files that a failure names, and where in them.
fn named_places(bug: &BugReport) -> impl Iterator<Item = (&str, Option<u32>)> {
    let own = bug.file.as_deref().map(|file| (file, bug.line));
    own.into_iter().chain(bug.related.iter().map(|place| (place.file.as_str(), place.line)))
}
