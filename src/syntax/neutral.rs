//! Edits that change nothing a test is about, told by syntax: two versions are walked side by side, and every difference
//! must be of a known kind that a finding of the failing check asks for in this very file. Where it is unclear, the
//! answer is no.

mod annotations;
mod import_lists;
mod locals;
mod remarks;

use super::canonical::Canonical;
use super::finding::Findings;
use super::layout::same_code;
use super::literals::{number, string_value};
use super::tree::{Grammar, parse};
use crate::contract::bug::BugReport;
use crate::contract::git::SourceTree;

/// One edit that changes nothing a test is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NeutralEdit {
    /// Imports are reordered or merged; each name is bound to the same thing.
    ImportsReordered,
    /// Nothing uses the name.
    ImportRemoved(String),
    /// The name was missing, and this is where it comes from.
    ImportAdded(String),
    /// Nothing uses the local; what it called stays.
    LocalRemoved(String),
    /// No tool reads it.
    Comment,
    /// The value and its type are the same.
    LiteralRespelled,
    /// There was none.
    AnnotationAdded,
}

/// The neutral edits that make `after` of `before`, if it is those and layout alone. `findings` are those of the failing
/// check that name this file; `tree` is the repository without the change.
#[must_use]
pub fn neutral_edits(
    path: &str,
    (before, after): (&str, &str),
    findings: &[&BugReport],
    tree: &dyn SourceTree,
) -> Option<Vec<NeutralEdit>> {
    let grammar = Grammar::of(path)?;
    // What stands there is for others to find.
    if path.rsplit('/').next() == Some("conftest.py") {
        return None;
    }
    let (before, after) = (parse(grammar, before).ok()?, parse(grammar, after).ok()?);
    let (old, new) = (Canonical::of(&before), Canonical::of(&after));
    let mut walk = Walk { path, old: &old, new: &new, findings: Findings(findings), tree, edits: Vec::new() };
    walk.code()?;
    walk.comments()?;
    let mut edits = walk.edits;
    edits.sort();
    edits.dedup();
    Some(edits)
}

struct Walk<'w> {
    path: &'w str,
    old: &'w Canonical<'w>,
    new: &'w Canonical<'w>,
    findings: Findings<'w>,
    tree: &'w dyn SourceTree,
    edits: Vec<NeutralEdit>,
}

/// Nodes that must be compared next.
type Pairs = Vec<(usize, usize)>;

impl Walk<'_> {
    fn grammar(&self) -> Grammar {
        self.old.tree.grammar
    }

    fn code(&mut self) -> Option<()> {
        let mut open = vec![(self.old.root, self.new.root)];
        while let Some((old, new)) = open.pop() {
            let (one, other) = (&self.old.nodes[old], &self.new.nodes[new]);
            if one.hash == other.hash && same_code((self.old, old), (self.new, new)) {
                continue;
            }
            if self.has_imports(old, new) {
                open.append(&mut self.imports(old, new)?);
                continue;
            }
            if self.is_respelled(old, new) {
                self.edits.push(NeutralEdit::LiteralRespelled);
                continue;
            }
            if let Some(mut pairs) = self.annotation(old, new).or_else(|| self.local(old, new)) {
                open.append(&mut pairs);
                continue;
            }
            if one.kind != other.kind || one.children.is_empty() || one.children.len() != other.children.len()
            {
                return None;
            }
            open.extend(one.children.iter().copied().zip(other.children.iter().copied()));
        }
        Some(())
    }

    /// First and last line of a node before the change.
    fn lines(&self, old: usize) -> (u32, u32) {
        let node = &self.old.nodes[old];
        (self.old.line(node.start), self.old.line(node.end.saturating_sub(1).max(node.start)))
    }

    /// The same value of the same type, outside of what is asserted, and asked for.
    fn is_respelled(&self, old: usize, new: usize) -> bool {
        let value = self.value(self.old, old);
        value.is_some()
            && value == self.value(self.new, new)
            && !self.is_judged(old)
            && self.findings.want_style(self.lines(old))
    }

    fn value(&self, code: &Canonical<'_>, id: usize) -> Option<String> {
        let node = &code.nodes[id];
        let inner = |text: &str| text.get(1..text.len().checked_sub(1)?).map(str::to_owned);
        match (self.grammar(), node.kind) {
            (
                _,
                "integer"
                | "float"
                | "number"
                | "int_literal"
                | "float_literal"
                | "integer_literal"
                | "decimal_integer_literal"
                | "hex_integer_literal"
                | "binary_integer_literal"
                | "decimal_floating_point_literal",
            ) => number(self.grammar(), &node.text),
            (Grammar::Python, "string" | "format_string" | "bytes") => {
                let mut text = String::new();
                for piece in &node.children {
                    let piece = &code.nodes[*piece];
                    match piece.kind {
                        // Doubled braces are one where values are put in.
                        _ if node.kind == "format_string" && piece.text.contains(['{', '}']) => return None,
                        _ if node.kind == "bytes" && piece.text.contains("\\u") => return None,
                        "text" => text.push_str(&string_value(&piece.text)?),
                        "raw_text" => text.push_str(&piece.text),
                        _ => return None,
                    }
                }
                Some(format!("{} {text}", if node.kind == "bytes" { "bytes" } else { "string" }))
            }
            (Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx, "string") => {
                string_value(&node.text).map(|text| format!("string {text}"))
            }
            (Grammar::Go, "interpreted_string_literal")
            | (Grammar::Java | Grammar::Rust, "string_literal") => {
                let text = node.text.starts_with('"').then(|| inner(&node.text)).flatten()?;
                // Over several lines their rules part.
                (!text.contains('\n'))
                    .then(|| string_value(&text))
                    .flatten()
                    .map(|text| format!("string {text}"))
            }
            _ => None,
        }
    }

    /// Stands in an assertion, in a decorator or by itself, where it documents or directs.
    fn is_judged(&self, old: usize) -> bool {
        let code = self.old;
        let parent = code.nodes[code.parents[old]].kind;
        if parent == "expression_statement" {
            return true;
        }
        code.ancestors(old).any(|id| {
            let node = &code.nodes[id];
            match node.kind {
                "assert_statement"
                | "decorator"
                | "annotation"
                | "marker_annotation"
                | "attribute_item"
                | "token_tree"
                | "concatenated_string" => true,
                "call" | "call_expression" | "method_invocation" => {
                    let callee = node
                        .children
                        .iter()
                        .take_while(|c| !matches!(code.nodes[**c].kind, "argument_list" | "arguments"));
                    callee.flat_map(|c| code.words(*c)).any(|word| {
                        let word = word.to_lowercase();
                        [
                            "assert", "expect", "should", "require", "verify", "check", "equal", "match",
                            "raises", "throw", "snapshot", "contain", "error", "fatal", "fail", "each",
                        ]
                        .iter()
                        .any(|judge| word.contains(judge))
                    })
                }
                _ => false,
            }
        })
    }
}

#[cfg(test)]
mod tests;
