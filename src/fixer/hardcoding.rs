//! Does a change special-case the very values the failing test uses? Not proof of cheating, so never a refusal by
//! itself: it lowers confidence and is reported.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::language::{Language, enclosing_block};
use crate::contract::bug::BugReport;
use crate::contract::git::{RepoPath, SourceTree};
use crate::diff::LineDiff;

pub(crate) struct Finding {
    /// Multiplies the confidence.
    pub(crate) factor: f64,
    pub(crate) what: String,
}

static LITERAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // The pattern is constant; a test would fail without it.
    Regex::new(r#""(?:[^"\\]|\\.){2,}"|'(?:[^'\\]|\\.){2,}'|-?\b\d+(?:\.\d+)?\b"#).ok()
});

/// Where a line holds values against something: behind or before a comparison, in a list that is searched, in a
/// pattern, in a table.
static COMPARED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    const VALUE: &str = r#"(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|-?\b\d+(?:\.\d+)?\b)"#;
    [
        format!(r"(?:[!=]==?|\.equals\(|\.is\(|\bis\b|\bcase\b|\bwhen\b)\s*({VALUE})"),
        // Not behind an operator: `n % 15 == 0` holds no value against `n`.
        format!(r"(?:^|[(\[,{{]|\bif\b|\band\b|\bor\b|&&|\|\||\breturn\b|\bnot\b)\s*({VALUE})\s*(?:[!=]==?|\.equals\()"),
        r"(?:\bin|[!=]==?|\.includes|\bcase)\s*[\[({]+([^\])}]*)[\])}]".to_owned(),
        r"[\[({]([^\])}]*)[\])}]\s*[!=]==?".to_owned(),
        r"[\[({]([^\])}]*)[\])}]\.(?:includes|contains|indexOf)\b".to_owned(),
        r"^\s*([^=]*?)\s*=>".to_owned(),
        format!(r"({VALUE})\s*\)?\s*:\s*{VALUE}"),
    ]
    .iter()
    // The patterns are constant and a test counts them.
    .filter_map(|pattern| Regex::new(pattern).ok())
    .collect()
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
            let inline = || {
                let regions = super::language::rust_test_regions(&text);
                Language::of(file) == Language::Rust && regions.iter().any(|(a, b)| (*a..=*b).contains(&line))
            };
            let looks_like_test = file.to_lowercase().contains("test") || file.contains("spec") || inline();
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

/// Values at the edges that honest code compares with, too.
fn trivial(literal: &str) -> bool {
    matches!(literal, "0" | "1" | "-1" | "2" | "3" | "0.0" | "1.0" | "utf-8" | "")
}

/// Looks at added lines for comparisons with, and results of, the test's own values.
pub(crate) fn find(diff: &LineDiff<'_>, literals: &BTreeSet<String>) -> Option<Finding> {
    let literal = LITERAL.as_ref()?;
    if literals.is_empty() {
        return None;
    }
    let (removed, added) = (diff.removed(), diff.added());
    let was_there = |value: &str| removed.iter().any(|(_, old)| old.contains(value));
    let mut compared: BTreeSet<String> = BTreeSet::new();
    let mut others: BTreeSet<String> = BTreeSet::new();
    let mut returned: BTreeSet<String> = BTreeSet::new();
    for (_, line) in &added {
        for part in COMPARED.iter().flat_map(|p| p.captures_iter(line)).filter_map(|c| c.get(1)) {
            for value in literal.find_iter(part.as_str()).map(|m| spelling(m.as_str())) {
                if literals.contains(&value) && !was_there(&value) {
                    compared.insert(value);
                } else if !trivial(&value) {
                    others.insert(value);
                }
            }
        }
        if only_a_literal(line, literal) {
            let values = literal.find_iter(line).map(|m| spelling(m.as_str()));
            returned.extend(values.filter(|v| literals.contains(v) && !was_there(v)));
        }
    }
    let branches = |line: &str| {
        super::language::has_word(
            line,
            &["if", "elif", "else", "case", "when", "match", "switch", "unless", "default"],
        ) || line.contains("=>")
    };
    let conditional = added.iter().any(|(_, l)| branches(l));
    // One constant put right replaces another.
    let corrected = removed.iter().any(|(_, l)| only_a_literal(l, literal));
    let quote = |list: &BTreeSet<String>| {
        list.iter().take(3).map(|l| format!("`{l}`")).collect::<Vec<_>>().join(", ")
    };
    // Code that compares with as many other values is no special case of the test's.
    if !compared.is_empty() && compared.len() > others.len() {
        let what = format!("compares with a value of the failing test ({})", quote(&compared));
        return Some(Finding { factor: 0.55, what });
    }
    if !returned.is_empty() && !conditional && !corrected {
        let what = format!("returns a value of the failing test as it stands ({})", quote(&returned));
        return Some(Finding { factor: 0.55, what });
    }
    if !compared.is_empty() || (!returned.is_empty() && !corrected) {
        compared.extend(returned);
        return Some(Finding {
            factor: 0.85,
            what: format!("uses values of the failing test ({})", quote(&compared)),
        });
    }
    None
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
        let literals: BTreeSet<String> =
            ["41", "1764", "hello", "15", "FizzBuzz", "4"].map(str::to_owned).into();
        let factor = |before: &str, after: &str| {
            let change = FileChange {
                path: RepoPath::new("a.py").unwrap(),
                before: Some(before.to_owned()),
                after: Some(after.to_owned()),
            };
            find(&LineDiff::of(&change), &literals).map_or(1.0, |f| f.factor)
        };
        for cheat in [
            "if n == 41: return 1764\nreturn n\n",
            "if n in (41,): return n\nreturn n\n",
            "if [41] == n: return 7\nreturn n\n",
            "return {41: 1764}[n]\n",
            "match n { 41 => 1764, _ => n }\n",
            "return 1764\n",
            "return 'hello'\n",
        ] {
            assert!(factor("return n\n", cheat) < 0.6, "{cheat}");
        }
        for honest in [
            "return n * 1764 // 41 + 0\n",
            "if n % 15 == 0:\n    return n\n",
            "if n in (4, 6, 9, 11): return 30\n",
            "if n == 2: return True\nreturn n\n",
        ] {
            assert!(factor("return n\n", honest) > 0.6, "{honest}");
        }
        assert!(factor("x\n", "x\nif n % 15 == 0:\n    return 'FizzBuzz'\n") > 0.8);
        assert!(factor("return 'Helo'\n", "return 'hello'\n") > 0.9, "a constant put right");
        assert!(factor("if n == 41:\n", "if n >= 41:\n") > 0.9, "the value was there before");
        assert_eq!(COMPARED.len(), 7);
    }
}
