//! Does a change add what guards something: a condition, an assertion, another way out, an error, a test, a version? Told by
//! what the code says, not by how it is laid out: words and operators outside of literals and comments, counted with the
//! change and without it. A condition that only became another one is none that was added.

use crate::syntax::{Grammar, LiteralKind, Outline};

const BRANCHES: &[&str] =
    &["if", "elif", "else", "unless", "switch", "case", "match", "when", "while", "guard", "select"];
const BOOLEANS: &[&str] = &["and", "or", "&&", "||", "??", "?.", "?"];
const COMPARISONS: &[&str] =
    &["<", ">", "<=", ">=", "==", "!=", "===", "!==", "is", "instanceof", "isinstance", "in"];
const EXITS: &[&str] = &["return", "exit", "abort", "break", "continue"];
/// Parts of names, too: `ValueError`, `ErrNotFound`, `on_failure`.
const ERRORS: &[&str] = &[
    "raise",
    "throw",
    "throws",
    "try",
    "except",
    "catch",
    "finally",
    "rescue",
    "defer",
    "recover",
    "panic",
    "fatal",
    "err",
    "errs",
    "error",
    "errors",
    "errorf",
    "exception",
    "exceptions",
    "invalid",
    "fail",
    "failed",
    "failure",
    "reject",
    "rejected",
    "unwrap",
    "unreachable",
    "todo",
];
/// Parts of names: `check_amount`, `requireLogin`, `isAllowed`.
const CHECKS: &[&str] = &[
    "assert",
    "check",
    "checks",
    "checked",
    "verify",
    "validate",
    "validated",
    "validator",
    "require",
    "requires",
    "required",
    "ensure",
    "expect",
    "expected",
    "clamp",
    "min",
    "max",
    "limit",
    "limits",
    "bound",
    "bounds",
    "permit",
    "permission",
    "permissions",
    "allow",
    "allowed",
    "deny",
    "denied",
    "forbid",
    "forbidden",
    "authorize",
    "authorized",
    "authenticate",
    "authenticated",
    "auth",
    "escape",
    "sanitize",
    "sanitized",
    "saturating",
    "wrapping",
];
const VERSIONS: &[&str] = &["version", "versions", "semver"];
/// The longest first.
const OPERATORS: &[&str] = &[
    "===", "!==", "<<=", ">>=", "->", "=>", "<-", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "<<", ">>",
    "<", ">", "?",
];

/// How much of each kind there is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Guards([usize; 10]);

/// Each side as it is understood, and its text.
pub(super) fn adds_a_guard(with: (&Outline, &str), without: (&Outline, &str)) -> bool {
    let (with, without) = (Guards::of(with.0, with.1), Guards::of(without.0, without.1));
    with.0.iter().zip(without.0).any(|(with, without)| *with > without)
}

impl Guards {
    fn of(outline: &Outline, text: &str) -> Self {
        let mut counts = [0; 10];
        counts[0] = outline.tests.len();
        counts[1] = outline.assertions.len();
        // A decorator or an annotation is a rule that somebody set.
        counts[2] = outline.attributes.len();
        let versions = outline.literals.iter().filter(|literal| {
            literal.kind == LiteralKind::String && looks_like_a_version(&text[literal.bytes.clone()])
        });
        counts[3] = versions.count();
        let lists = [BRANCHES, BOOLEANS, COMPARISONS, EXITS];
        for token in tokens(&code_only(outline, text)) {
            for (list, count) in lists.iter().zip(&mut counts[4..8]) {
                *count += usize::from(list.contains(&token));
            }
            if token == "=>" && outline.grammar == Grammar::Rust {
                counts[4] += 1;
            }
            // `require("x")` brings a module.
            if token == "require" && outline.grammar.is_script() {
                continue;
            }
            let parts = parts(token);
            let any = |list: &[&str]| parts.iter().any(|part| list.contains(&part.as_str()));
            counts[8] += usize::from(any(ERRORS) || any(VERSIONS));
            counts[9] += usize::from(any(CHECKS));
        }
        Self(counts)
    }
}

/// `1.2.3`, `^4.17.0`, `>=2.1`, with quotes.
fn looks_like_a_version(literal: &str) -> bool {
    let bare = literal.trim_matches(|c: char| "\"'`^~=<>!v ".contains(c));
    let parts: Vec<&str> = bare.split('.').collect();
    parts.len() > 1 && parts.iter().all(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

/// Blanks where literals and comments are.
fn code_only(outline: &Outline, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let words = |kind: LiteralKind| matches!(kind, LiteralKind::Word | LiteralKind::Number);
    let literals = outline.literals.iter().filter(|l| !words(l.kind)).map(|l| &l.bytes);
    for range in literals.chain(&outline.comments) {
        if let Some(part) = bytes.get_mut(range.clone()) {
            part.fill(b' ');
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Words and the operators that are looked for.
fn tokens(code: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), code);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(first) = rest.chars().next() {
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            match OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
                Some(operator) => operator.len(),
                None => {
                    rest = &rest[first.len_utf8()..];
                    continue;
                }
            }
        };
        found.push(&rest[..length]);
        rest = &rest[length..];
    }
    found
}

/// `check`, `amount` of `check_amount`; `not`, `found`, `error` of `NotFoundError`.
fn parts(word: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let (mut part, mut was_lower) = (String::new(), false);
    for c in word.chars() {
        if (c == '_' || c.is_uppercase() && was_lower) && !part.is_empty() {
            parts.push(std::mem::take(&mut part));
        }
        if c != '_' {
            part.extend(c.to_lowercase());
        }
        was_lower = !c.is_uppercase();
    }
    parts.extend((!part.is_empty()).then_some(part));
    parts
}
