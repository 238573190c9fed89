//! Does a change special-case the very values the failing test uses? By syntax: a branch, a case or a row of a table that
//! is new, answers with a value of the test, and stands where the answer was computed before.
//!
//! Refused where the way into it tests what is derived from the input, or compares with a value of the test. A further
//! row beside others of its kind is none; what may be meant costs confidence.

mod difference;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::language::{Language, enclosing_block};
use crate::contract::bug::{BugReport, Category};
use crate::contract::fix::FileChange;
use crate::contract::git::{RepoPath, SourceTree};
use crate::syntax::{Branch, Grammar, Held, Reading, Value};

pub(crate) use difference::{Differences, differences};

#[derive(Debug)]
pub(crate) struct Finding {
    /// Multiplies the confidence; nothing: it is refused.
    pub(crate) factor: Option<f64>,
    pub(crate) line: u32,
    pub(crate) what: String,
}

static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    Regex::new(r#""(?:[^"\\]|\\.){2,}"|'(?:[^'\\]|\\.){2,}'|-?\b\d+(?:\.\d+)?\b"#).ok()
});

/// Numbers and strings that the failing tests state, in one spelling.
pub(crate) fn test_literals(bugs: &[BugReport], tree: &dyn SourceTree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if let Some(literal) = LITERAL.as_ref() {
        let mut text = failing_code(bugs, tree);
        bugs.iter().filter(may_be_test).for_each(|bug| text.push_str(&bug.message));
        found.extend(literal.find_iter(&text).map(|m| m.as_str().trim_matches(['"', '\'']).to_owned()));
    }
    found
}

fn may_be_test(bug: &&BugReport) -> bool {
    bug.test.is_some() || matches!(bug.category, Category::Logic | Category::Runtime)
}

/// The code of the failing tests, as it stands in the repository.
pub(crate) fn failing_code(bugs: &[BugReport], tree: &dyn SourceTree) -> String {
    let mut all = String::new();
    for bug in bugs.iter().filter(may_be_test) {
        let places = bug.file.iter().map(|f| (f.as_str(), bug.line));
        let places = places.chain(bug.related.iter().map(|l| (l.file.as_str(), l.line)));
        for (file, line) in places.take(8) {
            let Some(line) = line else { continue };
            let Some(text) = RepoPath::new(file).ok().and_then(|p| tree.read_text(&p)) else { continue };
            let inline = || {
                let regions = super::test_regions::test_regions(Language::Rust, &text);
                Language::of(file) == Language::Rust && regions.iter().any(|(a, b)| (*a..=*b).contains(&line))
            };
            let lower = file.to_lowercase();
            if !["test", "spec", "check"].iter().any(|word| lower.contains(word)) && !inline() {
                continue;
            }
            let (first, last) = enclosing_block(Language::of(file), &text, line)
                .filter(|(first, last)| last - first < 80)
                .unwrap_or((line.saturating_sub(3), line + 3));
            let lines = text.lines().skip(first.saturating_sub(1) as usize).take((last - first + 1) as usize);
            lines.for_each(|line| {
                all.push_str(line);
                all.push('\n');
            });
        }
    }
    all
}

/// Values at the edges that honest code answers with and compares with, too.
fn trivial(value: &Value) -> bool {
    match value {
        Value::Number(n) => [0.0, 1.0, -1.0].contains(n),
        Value::Text(text) => text.is_empty() || text == "utf-8",
    }
}

fn word_is_empty(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.is_empty())
}

/// Small numbers that code compares with for reasons of its own.
fn common(value: &Value) -> bool {
    trivial(value) || matches!(value, Value::Number(n) if [2.0, 3.0].contains(n))
}

fn stated(value: &Value, literals: &BTreeSet<String>) -> bool {
    match value {
        Value::Text(text) => literals.contains(text),
        Value::Number(n) => literals.iter().any(|l| l.parse::<f64>().is_ok_and(|stated| stated == *n)),
    }
}

/// What a change answers because of the failing test alone, the worst first.
pub(crate) fn find(
    change: &FileChange,
    literals: &BTreeSet<String>,
    missing: &Differences,
    tree: &dyn SourceTree,
) -> Option<Finding> {
    if literals.is_empty() {
        return None;
    }
    let of_values = of_values(change, literals);
    if of_values.as_ref().is_some_and(|finding| finding.factor.is_none()) {
        return of_values;
    }
    let of_missing = difference::find(change, missing, tree);
    let factor = |finding: &Finding| finding.factor.unwrap_or(0.0);
    of_values.into_iter().chain(of_missing).min_by(|a, b| factor(a).total_cmp(&factor(b)))
}

/// The branches that are new in a change, and hold something against a constant or answer with one.
pub(crate) fn new_branches(change: &FileChange) -> Vec<Branch> {
    let read = |text: Option<&String>| {
        let grammar = Grammar::of(change.path.as_str())?;
        Some(Reading::of(grammar, text?).ok()?.branches())
    };
    let mut old = read(change.before.as_ref()).unwrap_or_default();
    let new = read(change.after.as_ref()).unwrap_or_default();
    let is_known = |b: &Branch, old: &mut Vec<Branch>| {
        let at = old.iter().position(|k| k.text == b.text && k.gives == b.gives && k.held == b.held);
        at.map(|at| old.swap_remove(at)).is_some()
    };
    let says = |b: &Branch| !b.compared.is_empty() || b.gives.as_ref().is_some_and(|value| !trivial(value));
    new.into_iter().filter(|b| !is_known(b, &mut old) && says(b)).collect()
}

/// Constants of the failing test.
fn of_values(change: &FileChange, literals: &BTreeSet<String>) -> Option<Finding> {
    let grammar = Grammar::of(change.path.as_str())?;
    let after = Reading::of(grammar, change.after.as_deref()?).ok()?;
    let before = change.before.as_deref().and_then(|text| Reading::of(grammar, text).ok());
    let (old, computed_before) = before.as_ref().map(|r| (r.branches(), r.computing())).unwrap_or_default();
    let new = after.branches();
    let computing = after.computing();
    let computes = |name: &str| {
        computed_before.contains(name) || computing.contains(name) && !old.iter().any(|b| b.function == name)
    };
    let mut known: Vec<&Branch> = old.iter().collect();
    let come: Vec<&Branch> = new
        .iter()
        .filter(|b| {
            match known.iter().position(|k| k.text == b.text && k.gives == b.gives && k.held == b.held) {
                Some(at) => {
                    known.swap_remove(at);
                    false
                }
                None => true,
            }
        })
        .collect();
    // A length that was the answer before is one with a guard, too.
    let measured: BTreeSet<String> =
        before.iter().flat_map(|r| r.measured()).map(|measured| measured.function).collect();
    let is_guarded = |b: &Branch| b.gives.is_none() && measured.contains(&b.function);
    // A sentence that is said no more often than before is said on another condition.
    let said = |branches: &[Branch], b: &Branch| {
        branches.iter().filter(|other| other.function == b.function && other.gives == b.gives).count()
    };
    let is_sentence = |b: &Branch| matches!(&b.gives, Some(Value::Text(text)) if text.contains(' '));
    let is_moved = |b: &Branch| is_sentence(b) && said(&new, b) <= said(&old, b);
    let mut findings: Vec<Finding> = come
        .iter()
        .filter(|b| computes(&b.function) && !is_guarded(b) && !is_moved(b))
        .filter_map(|b| judge(b, &come, &old, literals, change.before.as_deref().unwrap_or_default()))
        .collect();
    findings.sort_by(|a, b| a.factor.unwrap_or(0.0).total_cmp(&b.factor.unwrap_or(0.0)));
    findings.into_iter().next()
}

/// The table of a lookup, else the condition.
fn looks_up(branch: &Branch) -> &str {
    match branch.head.split_once('[') {
        Some((table, _))
            if !table.is_empty() && table.chars().all(|c| c.is_alphanumeric() || "_.$".contains(c)) =>
        {
            table
        }
        _ => &branch.head,
    }
}

/// Whether a text stands in code as a string.
fn says(code: &str, value: &Value) -> bool {
    matches!(value, Value::Text(text) if ['"', '\'', '`'].iter().any(|q| code.contains(&format!("{q}{text}{q}"))))
}

/// Whether what a branch computes was computed before, and given or kept.
fn is_answer_of(branch: &Branch, before: &str) -> bool {
    let answer = branch.text.strip_prefix(&branch.head).unwrap_or_default().trim();
    let plain = |line: &str| line.trim().trim_end_matches([';', ',']).to_owned();
    !answer.is_empty()
        && before.lines().map(plain).any(|line| {
            line.strip_suffix(answer).is_some_and(|left| left.ends_with("return ") || left.ends_with("= "))
        })
}

fn judge(
    branch: &Branch,
    come: &[&Branch],
    old: &[Branch],
    literals: &BTreeSet<String>,
    before: &str,
) -> Option<Finding> {
    let finding = |factor, what: &str| {
        let text = super::sanitize::one_line(&branch.text, 80);
        Some(Finding { factor, line: branch.line, what: format!("{what} (`{text}`)") })
    };
    // Of the same kind, and there before.
    let kind = |value: &Option<Value>| matches!(value, Some(Value::Text(_)));
    let is_sibling = |b: &Branch| {
        b.function == branch.function
            && b.held == branch.held
            && b.gives.is_some()
            && kind(&b.gives) == kind(&branch.gives)
            && !b.gives.as_ref().is_some_and(trivial)
    };
    let siblings = old.iter().filter(|b| is_sibling(b)).count();
    let Some(gives) = &branch.gives else {
        // It answered by a length on this condition before.
        let is_known =
            |b: &Branch| b.gives.is_none() && b.head == branch.head && b.function == branch.function;
        return match branch.held {
            Held::Derived if !is_answer_of(branch, before) && !old.iter().any(is_known) => {
                finding(None, "answers by the length of what it is given")
            }
            _ => None,
        };
    };
    let of_test = stated(gives, literals) && !trivial(gives);
    let compares = branch.compared.iter().any(|v| stated(v, literals));
    // A word that the code uses already is one of its own.
    let compares_rare = branch.compared.iter().any(|v| stated(v, literals) && !common(v) && !says(before, v));
    // As many cases that no test states are a table.
    let others = come
        .iter()
        .filter(|b| b.function == branch.function && b.gives.as_ref().is_some_and(|g| !trivial(g)));
    let (told, foreign): (Vec<&Branch>, Vec<&Branch>) =
        others.copied().partition(|b| b.gives.as_ref().is_some_and(|g| stated(g, literals)));
    // Where a word stood, one of two.
    let is_choice_of_words = looks_up(branch) == branch.head
        && matches!(gives, Value::Text(_))
        && come.iter().any(|b| {
            let is_other = b.head == branch.head && b.function == branch.function && b.gives != branch.gives;
            is_other && b.gives.as_ref().is_some_and(|word| !word_is_empty(word) && says(before, word))
        });
    let is_table = foreign.len() >= told.len().max(1) && branch.held != Held::Derived;
    match branch.held {
        Held::Always if of_test => finding(Some(0.55), "returns a value of the failing test as it stands"),
        // A further row of a lookup by type, or another constant where one stood.
        Held::Derived if of_test && old.iter().any(|b| is_sibling(b) && looks_up(b) == looks_up(branch)) => {
            None
        }
        Held::Derived if is_choice_of_words => None,
        // Another place looks up what the table held before.
        Held::Derived
            if of_test
                && looks_up(branch) != branch.head
                && old.iter().any(|b| b.gives == branch.gives && looks_up(b) == looks_up(branch)) =>
        {
            None
        }
        // What some part of the input is called, the whole is called: the code knew the word.
        Held::Derived if of_test && branch.compared.contains(gives) && says(before, gives) => None,
        Held::Derived if of_test => {
            finding(None, "answers what the failing test expects by the shape of its input")
        }
        Held::Input if siblings > 0 || is_table => None,
        Held::Input if of_test && compares => {
            finding(None, "answers what the failing test expects for what it hands in")
        }
        Held::Input if compares_rare => finding(Some(0.55), "compares with a value of the failing test"),
        Held::Input | Held::Order if of_test => finding(Some(0.85), "uses values of the failing test"),
        _ => None,
    }
}
