//! What a finding of a check says about a file: which names it calls unused or missing, which lines it is about.

use std::sync::LazyLock;

use regex::Regex;

use crate::contract::bug::{BugReport, Category};

/// Findings that name one file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Findings<'f>(pub(super) &'f [&'f BugReport]);

fn matches(pattern: &'static LazyLock<Option<Regex>>, text: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(text))
}

macro_rules! pattern {
    ($text:literal) => {{
        static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
        &PATTERN
    }};
}

impl Findings<'_> {
    /// One calls `name` unused (in a statement on one of `lines`, where it does not name it).
    pub(super) fn call_unused(&self, name: &str, line: u32) -> bool {
        self.0.iter().any(|f| {
            is_unused(f) && (says(f, name) || f.code.as_deref() == Some("TS6192") && f.line == Some(line))
        })
    }

    /// One says that `name` is not defined.
    pub(super) fn miss(&self, name: &str) -> bool {
        self.0.iter().any(|f| is_undefined(f) && says(f, name))
    }

    /// One is about the order, the grouping or the layout of imports.
    pub(super) fn want_import_order(&self) -> bool {
        self.0.iter().any(|f| {
            f.category == Category::Format
                || matches(pattern!(r"(?i)^(I00\d|E401|E402|F811|W0404|C041\d)$|import.*(order|sort|first|duplicates)|sort-imports|duplicate-imports|perfectionist|organizeImports|CustomImportOrder|^(gci|goimports|isort)$"), code(f))
                || matches(pattern!(r"(?i)^(isort|gci|goimports)$"), &f.tool)
                || matches(pattern!(r"(?i)imports?\b.*\b(sort|order|un-?sorted|un-?formatted|incorrectly)|\bisort\b|organize.?imports"), &f.message)
        })
    }

    /// One is about a missing annotation on one of these lines.
    pub(super) fn want_annotation(&self, lines: (u32, u32)) -> bool {
        self.0.iter().any(|f| {
            let about = matches(pattern!(r"(?i)^(no-untyped-def|var-annotated|ANN\d+|TS70(05|06|08|10|11|18|19|22|23|24|31|34|50)|reportMissing\w*Type\w*|reportUnknown(Parameter|Variable)Type|.*(typedef|explicit-function-return-type|explicit-module-boundary-types))$"), code(f))
                || matches(pattern!(r"(?i)\b(missing|needs?|requires?|lacks?)\b.*\b(type annotation|return type|type hint)|implicitly has an? '?any|missing a(n| return)? ?type annotation"), &f.message);
            about && is_on(f, lines)
        })
    }

    /// One is about the spelling or the layout of what stands on one of these lines.
    pub(super) fn want_style(&self, lines: (u32, u32)) -> bool {
        self.0
            .iter()
            .any(|f| f.category == Category::Format || f.category == Category::Lint && is_on(f, lines))
    }
}

fn code(finding: &BugReport) -> &str {
    finding.code.as_deref().unwrap_or_default()
}

fn is_on(finding: &BugReport, (first, last): (u32, u32)) -> bool {
    let Some(line) = finding.line else { return false };
    line <= last && first <= finding.end_line.unwrap_or(line).max(line)
}

fn is_unused(finding: &BugReport) -> bool {
    matches(
        pattern!(
            r"(?i)^(F401|F841|W061[1-4]|TS6133|TS6192|TS6196|TS6198|.*no-unused-(vars|imports|variables)|noUnused\w+|unused_(imports|variables)|unused[-_]?import\w*|unused-variable|Unused\w*)$"
        ),
        code(finding),
    ) || matches(
        pattern!(
            r"(?i)\bunused\b|\b(never|not) (used|read|accessed)\b|\bnever referenced\b|\bdeclared and not used\b"
        ),
        &finding.message,
    )
}

fn is_undefined(finding: &BugReport) -> bool {
    matches(
        pattern!(
            r"(?i)^(F821|E0602|TS2304|TS2552|TS2503|E0425|E0433|E0412|E0405|E0432|no-undef|.*/no-undef|name-defined|reportUndefinedVariable|noUndeclaredVariables)$"
        ),
        code(finding),
    ) || matches(
        pattern!(
            r"(?i)\bundefined\b( name| variable|:)|\bnot defined\b|cannot find (name|symbol|value|type|macro|function|trait|struct)|use of undeclared|\bundeclared\b|not found in this scope"
        ),
        &finding.message,
    )
}

/// Whether the message or the stated fix has `name` as a word of its own.
fn says(finding: &BugReport, name: &str) -> bool {
    has_word(&finding.message, name)
}

/// Whether `name` stands in `text` as a whole.
pub(super) fn has_word(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            !text[..at].chars().next_back().is_some_and(is_part)
                && !text[at + name.len()..].chars().next().is_some_and(is_part)
        })
}
