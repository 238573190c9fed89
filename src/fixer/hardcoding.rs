//! Does a change special-case the very values the failing test uses? Not proof of cheating, so never a refusal by
//! itself: it lowers confidence and is reported.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::language::{Language, enclosing_block};
use super::patch::LineDiff;
use crate::contract::bug::BugReport;
use crate::contract::git::{RepoPath, SourceTree};

pub(crate) struct Finding {
    /// Multiplies the confidence.
    pub(crate) factor: f64,
    pub(crate) what: String,
}

static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    Regex::new(r#""(?:[^"\\]|\\.){2,}"|'(?:[^'\\]|\\.){2,}'|-?\b\d+(?:\.\d+)?\b"#).ok()
});

static EQUALITY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"\bif\b.*(==|\.equals\(|\.is\(|\bis\b|\bin\b|matches!|\.includes\()|\b(case|when|elif|else if)\b|\?.*:|=>|==").ok()
});

/// Numbers and strings that the failing tests state, in one spelling; those any code may use are left out.
pub(crate) fn test_literals(bugs: &[BugReport], tree: &dyn SourceTree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for bug in bugs.iter().filter(|b| b.test.is_some()) {
        collect(&bug.message, &mut found);
        let places = bug.file.iter().map(|f| (f.as_str(), bug.line));
        let places = places.chain(bug.related.iter().map(|l| (l.file.as_str(), l.line)));
        for (file, line) in places.take(8) {
            let Some(line) = line else { continue };
            let Some(text) = RepoPath::new(file).ok().and_then(|p| tree.read_text(&p)) else { continue };
            let looks_like_test = file.to_lowercase().contains("test") || file.contains("spec");
            if !looks_like_test {
                continue;
            }
            let (first, last) = enclosing_block(Language::of(file), &text, line)
                .filter(|(first, last)| last - first < 80)
                .unwrap_or((line.saturating_sub(3), line + 3));
            for line in text.lines().skip(first.saturating_sub(1) as usize).take((last - first + 1) as usize)
            {
                collect(line, &mut found);
            }
        }
    }
    found
}

fn collect(text: &str, into: &mut BTreeSet<String>) {
    let Some(literal) = LITERAL.as_ref() else { return };
    into.extend(literal.find_iter(text).map(|m| spelling(m.as_str())).filter(|l| !trivial(l)));
}

fn spelling(literal: &str) -> String {
    literal.trim_matches(['"', '\'']).to_owned()
}

fn trivial(literal: &str) -> bool {
    matches!(literal, "0" | "1" | "-1" | "0.0" | "1.0" | "utf-8")
}

/// Looks at added lines for comparisons with, and results of, the test's own values.
pub(crate) fn find(diff: &LineDiff<'_>, literals: &BTreeSet<String>) -> Option<Finding> {
    let (literal, equality) = (LITERAL.as_ref()?, EQUALITY.as_ref()?);
    let removed = diff.removed();
    let stated = |line: &str| -> Vec<String> {
        literal
            .find_iter(line)
            .map(|m| spelling(m.as_str()))
            .filter(|l| literals.contains(l) && !removed.iter().any(|(_, old)| old.contains(l.as_str())))
            .collect()
    };
    let mut compared = Vec::new();
    let mut returned = Vec::new();
    for (_, line) in diff.added() {
        let used = stated(line);
        if used.is_empty() {
            continue;
        }
        if equality.is_match(line) {
            compared.extend(used.clone());
        }
        if only_a_literal(line, literal) {
            returned.extend(used);
        }
    }
    let quote =
        |list: &[String]| list.iter().take(3).map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ");
    match (compared.is_empty(), returned.is_empty()) {
        (false, _) => Some(Finding {
            factor: 0.55,
            what: format!("compares with a value of the failing test ({})", quote(&compared)),
        }),
        (true, false) => Some(Finding {
            factor: 0.6,
            what: format!("returns a value of the failing test as it stands ({})", quote(&returned)),
        }),
        (true, true) => None,
    }
}

/// `return 5`, `5`, `x => 5`: nothing but the value.
fn only_a_literal(line: &str, literal: &Regex) -> bool {
    let body = line.trim().trim_end_matches([';', ',', '}', ' ']);
    let body = ["return ", "yield ", "=> "]
        .iter()
        .find_map(|w| body.rfind(w).map(|at| &body[at + w.len()..]))
        .unwrap_or(body);
    literal.find(body.trim()).is_some_and(|m| m.as_str() == body.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::fix::FileChange;

    #[test]
    fn values_of_the_test_stand_out() {
        let literals: BTreeSet<String> = ["41", "1764", "hello"].map(str::to_owned).into();
        let hit = |before: &str, after: &str| {
            let change = FileChange {
                path: RepoPath::new("a.py").unwrap(),
                before: Some(before.to_owned()),
                after: Some(after.to_owned()),
            };
            find(&LineDiff::of(&change), &literals).is_some()
        };
        assert!(hit("return n\n", "if n == 41: return 1764\nreturn n\n"));
        assert!(hit("return n\n", "return 1764\n"));
        assert!(hit("return n\n", "return 'hello'\n"));
        assert!(!hit("return n\n", "return n * 1764 // 41 + 0\n"));
        assert!(!hit("return n + 1\n", "return n * 2\n"));
        assert!(!hit("if n == 41:\n", "if n >= 41:\n"), "the value was there before");
    }
}
