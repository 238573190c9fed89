//! Comments: which of them a tool or a runner reads, and where they stand.

use std::sync::LazyLock;

use regex::Regex;

use super::brackets::is_comment;
use super::canonical::Canonical;
use super::tree::Grammar;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    /// As it is compared.
    pub(super) text: String,
    /// Leaves before it.
    pub(super) anchor: usize,
    /// First and last line, from 1.
    pub(super) first: u32,
    pub(super) last: u32,
    /// Code stands before it on its line.
    pub(super) trails: bool,
    /// Something acts on it.
    pub(super) is_read: bool,
}

impl Comment {
    pub(super) fn all(code: &Canonical<'_>) -> Vec<Self> {
        let tree = code.tree;
        let nodes = tree.nodes.iter().enumerate().filter(|(_, node)| is_comment(node.kind));
        let mut found: Vec<Self> = Vec::new();
        for (id, node) in nodes {
            let raw = tree.text_of(id);
            let first = code.line(node.bytes.start);
            let is_read = is_read(tree.grammar, raw);
            found.push(Self {
                text: if is_read { exact(raw) } else { plain(raw) },
                anchor: code.leaves_before(node.bytes.start),
                first,
                last: code.line(node.bytes.end.saturating_sub(usize::from(raw.ends_with('\n')))),
                trails: code.leaves_on(first).iter().any(|leaf| leaf.start < node.bytes.start),
                is_read,
            });
        }
        found
    }

    /// Leaves whose judge this comment may be: those on its line, and on the next one where it stands alone.
    pub(super) fn reach(&self, code: &Canonical<'_>) -> (usize, usize) {
        let on = |line: u32| code.leaves_on(line).iter().map(|leaf| code.leaves_before(leaf.start));
        let lines =
            if self.trails { self.first..=self.last } else { self.first..=self.last.saturating_add(1) };
        let all: Vec<usize> = lines.flat_map(on).collect();
        match (all.iter().min(), all.iter().max()) {
            (Some(first), Some(last)) => (*first, *last + 1),
            _ => (self.anchor, self.anchor),
        }
    }
}

/// Blanks at the ends of lines say nothing.
fn exact(raw: &str) -> String {
    raw.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// The words, whatever stands between them and however the comment begins.
fn plain(raw: &str) -> String {
    let marker: String = raw.chars().take_while(|c| matches!(c, '#' | '/' | '*' | '!')).collect();
    let words: Vec<&str> = raw[marker.len()..].split_whitespace().filter(|word| *word != "*").collect();
    format!("{marker} {}", words.join(" "))
}

/// Suppressions, pragmas, directives, tests in comments: whatever some tool acts on. Wide on purpose: to take a remark
/// for a directive costs a permission, the other way round would give one.
fn is_read(grammar: Grammar, raw: &str) -> bool {
    static READ: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?xi)
            ^\#! | -\*- | \b(en)?coding\s*[:=] | \bvim?: | >>>\s | ```
            | no-?qa | nosec | noinspection | nolint | nopmd | nosonar | no-?check | no-?cover
            | \b(pyright|mypy|pylint|pyre|pytype|ty|pyrefly|flake8|ruff|bandit|isort|yapf|black|autopep8|autoflake|fmt|pragma)\b\s*:
            | \btype\s*: | \bpragma\b | \bskip(\s*file)?\b
            | \b(eslint|oxlint|jshint|jslint|tslint|biome|deno|prettier|stylelint|dprint|rome)\b
            | \b(istanbul|c8|v8|nyc|webpack|vite|rollup|turbopack|ts|jest|vitest|mocha|flow|sourceMappingURL)\b
            | \bglobals?\b | \bexported\b
            | @ | \+build | ^//[a-z]+: | ^//(line|export)\b | ^//~ | \boutput:
            | \blint\b | \bsuppress | checkstyle | spotbugs | spotless | errorprone | sonar | formatter
            | shellcheck | hadolint | cspell | codespell | spell-?checker | semgrep | codeql | gitleaks
            | spdx | licen[sc]e | copyright | generated | do\ not\ edit | \$\w+\$ | <editor-fold | \#\s*(end)?region
            | \bdoctest | \bexpect(ed)?(-?error)?\s*[:=] | ^[\#/*!\s]*[\w./-]+:\S
            ",
        )
        .ok()
    });
    // A pattern that does not compile makes every comment one to keep.
    let directive = READ.as_ref().is_none_or(|read| read.is_match(raw));
    let documents = match grammar {
        Grammar::Rust => ["///", "//!", "/**", "/*!"].iter().any(|m| raw.starts_with(m)),
        Grammar::Java => raw.starts_with("/**"),
        // Documentation, examples' output and directives all look alike.
        Grammar::Go => raw.starts_with("/*"),
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => raw.starts_with("///"),
        Grammar::Python => raw.starts_with("#:"),
    };
    directive || documents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_reads_is_told_from_remarks() {
        use Grammar::{Go, Java, JavaScript, Python, Rust};
        for (grammar, text) in [
            (Python, "#!/usr/bin/env python"),
            (Python, "# -*- coding: utf-8 -*-"),
            (Python, "# noqa: F401"),
            (Python, "# type: ignore[arg-type]"),
            (Python, "#type:ignore"),
            (Python, "# pragma: no cover"),
            (Python, "# pylint: disable=x"),
            (Python, "# fmt: off"),
            (Python, "# >>> add(1, 2)"),
            (Python, "# isort:skip"),
            (JavaScript, "// eslint-disable-next-line no-undef"),
            (JavaScript, "/* istanbul ignore next */"),
            (JavaScript, "/** @jest-environment jsdom */"),
            (JavaScript, "// @ts-expect-error"),
            (JavaScript, "/* global window */"),
            (Go, "//go:build linux"),
            (Go, "// +build linux"),
            (Go, "//nolint:errcheck"),
            (Go, "// Output: 3"),
            (Go, "// Unordered output:"),
            (Go, "//export Add"),
            (Rust, "/// ```"),
            (Rust, "//~ ERROR mismatched"),
            (Java, "// NOSONAR"),
            (Java, "// CHECKSTYLE:OFF"),
        ] {
            assert!(is_read(grammar, text), "{text}");
        }
        for (grammar, text) in [
            (Python, "# adds two numbers"),
            (Python, "# TODO: more cases"),
            (JavaScript, "// the second call is cached"),
            (Go, "// It adds two numbers."),
            (Rust, "// why this holds"),
            (Java, "/* the usual */"),
        ] {
            assert!(!is_read(grammar, text), "{text}");
        }
    }

    #[test]
    fn blanks_in_remarks_say_nothing() {
        assert_eq!(plain("#a  b"), plain("# a b "));
        assert_eq!(plain("/*\n * a\n   b */"), plain("/* a b */"));
        assert_ne!(plain("# a b"), plain("# a c"));
        assert_eq!(exact("# noqa  \n"), "# noqa");
    }
}
