//! Answers that are set right by what the failing test says is missing: `amount + 14 * bool(prices)` where it wants 7 and
//! got -7. A number that is new, is what expected and actual differ by, and counts by the shape of the input alone, was
//! made for the test. What the code, its folder or its README know already is a constant of theirs.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::{Finding, failing_code, may_be_test};
use crate::contract::bug::BugReport;
use crate::contract::fix::FileChange;
use crate::contract::git::SourceTree;
use crate::syntax::{Grammar, Measured, Reading, Term};

/// Numbers of one message that are held against each other.
const MOST: usize = 8;
/// Files beside the changed one that are searched for a constant.
const MOST_FILES: usize = 40;
/// A file that is searched is at most as large.
const LARGEST: usize = 256 * 1024;

/// Numbers that honest code adds, multiplies by and asks for.
const COMMON: &[f64] = &[0.0, 1.0, 2.0, 3.0, 10.0, 60.0, 100.0, 1000.0];

static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    Regex::new(r"-?\b\d{1,12}(?:\.\d{1,9})?\b").ok()
});

fn numbers(text: &str) -> Vec<f64> {
    let found =
        NUMBER.iter().flat_map(|pattern| pattern.find_iter(text)).filter_map(|m| m.as_str().parse().ok());
    found.collect()
}

/// What the failing assertions' expected and actual values differ by.
#[derive(Debug, Default)]
pub(crate) struct Differences(Vec<f64>);

impl Differences {
    fn holds(&self, value: f64) -> bool {
        self.0.iter().any(|known| (known.abs() - value.abs()).abs() < 1e-9)
    }
}

/// By message and code of the failing tests: expected is what both say, actual what the message alone says.
pub(crate) fn differences(bugs: &[BugReport], tree: &dyn SourceTree) -> Differences {
    let mut found = Vec::new();
    for bug in bugs.iter().filter(may_be_test) {
        let stated = numbers(&failing_code(std::slice::from_ref(bug), tree));
        let (mut expected, mut actual): (Vec<f64>, Vec<f64>) =
            numbers(&bug.message).into_iter().partition(|number| stated.contains(number));
        // A message may say nothing of what is wanted.
        if expected.is_empty() {
            expected.clone_from(&stated);
        }
        for list in [&mut expected, &mut actual] {
            list.truncate(MOST);
        }
        for one in &expected {
            for other in &actual {
                found.push(one - other);
                if *other != 0.0 && *one != 0.0 {
                    found.extend([one / other, other / one]);
                }
            }
        }
    }
    found.retain(|value| value.is_finite() && !COMMON.contains(&value.abs()));
    Differences(found)
}

/// What a change answers with because the test misses it.
pub(crate) fn find(change: &FileChange, differences: &Differences, tree: &dyn SourceTree) -> Option<Finding> {
    let grammar = Grammar::of(change.path.as_str())?;
    let after = Reading::of(grammar, change.after.as_deref()?).ok()?;
    let before = change.before.as_deref().and_then(|text| Reading::of(grammar, text).ok())?;
    let old = before.terms();
    let is_new = |term: &Term| !old.iter().any(|known| known.value.abs() == term.value.abs());
    let missing = after
        .terms()
        .into_iter()
        .filter(|term| !term.function.is_empty() && differences.holds(term.value) && is_new(term))
        .find(|term| !is_known(change, term.value, tree));
    let finding = |factor, line, what: &str, text: &str| Finding {
        factor,
        line,
        what: format!("{what} (`{}`)", super::super::sanitize::one_line(text, 80)),
    };
    if let Some(term) = missing {
        return Some(if term.shaped {
            finding(
                None,
                term.line,
                "adds what the failing test misses by the shape of its input",
                &term.text,
            )
        } else {
            finding(Some(0.85), term.line, "adds what the failing test misses", &term.text)
        });
    }
    // Before, what was in the input counted.
    let computing = before.computing();
    let measured_before: BTreeSet<String> = before.measured().into_iter().map(|m| m.function).collect();
    let is_made = |m: &Measured| {
        m.constants > 0 && computing.contains(&m.function) && !measured_before.contains(&m.function)
    };
    let is_about_values = !differences.0.is_empty();
    let measured = after.measured().into_iter().find(|m| is_about_values && is_made(m))?;
    let factor = (measured.constants == 1).then_some(0.75);
    Some(finding(factor, measured.line, "answers by the length of its input alone", &measured.text))
}

/// Whether the repository knows the number: its README, or code of the same folder that is no test.
fn is_known(change: &FileChange, value: f64, tree: &dyn SourceTree) -> bool {
    let folder = |path: &str| path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let own = folder(change.path.as_str());
    let lower = |path: &str| path.to_lowercase();
    let beside = tree.files().iter().filter(|file| {
        let path = file.path.as_str();
        path != change.path.as_str()
            && (lower(path).starts_with("readme")
                || folder(path) == own
                    && Grammar::of(path).is_some()
                    && !["test", "spec"].iter().any(|w| lower(path).contains(w)))
    });
    let holds = |text: &str| numbers(text).iter().any(|known| known.abs() == value.abs());
    change.before.as_deref().is_some_and(holds)
        || beside
            .take(MOST_FILES)
            .filter_map(|file| tree.read_text(&file.path))
            .any(|text| text.len() <= LARGEST && holds(&text))
}
