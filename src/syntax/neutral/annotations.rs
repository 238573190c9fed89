//! A type annotation where none stood.

use super::{NeutralEdit, Pairs, Walk};
use crate::syntax::canonical::Canonical;
use crate::syntax::tree::Grammar;

/// Types that say nothing, or nothing that is checked.
const EMPTY_TYPES: &[&str] =
    &["Any", "any", "object", "Object", "unknown", "Unknown", "Function", "never", "Incomplete", "{}"];
/// What looks at annotations when it runs, or checks types as a test.
const READERS: &[&str] = &[
    "reveal_type",
    "assert_type",
    "expectTypeOf",
    "assertType",
    "expectType",
    "expectError",
    "expectAssignable",
    "get_type_hints",
    "get_annotations",
    "__annotations__",
    "signature",
    "getfullargspec",
    "typeguard",
    "beartype",
    "typechecked",
    "validate_call",
    "validate_arguments",
    "singledispatch",
    "singledispatchmethod",
    "inject",
    "reflect-metadata",
    "emitDecoratorMetadata",
    "infer",
];
/// Decorators that do not look at what they decorate.
const BLIND: &[&str] = &[
    "pytest.",
    "patch",
    "mock.",
    "unittest.",
    "staticmethod",
    "classmethod",
    "property",
    "functools.wraps",
    "wraps",
    "contextmanager",
];

impl Walk<'_> {
    pub(super) fn annotation(&mut self, old: usize, new: usize) -> Option<Pairs> {
        if !matches!(self.grammar(), Grammar::Python | Grammar::TypeScript | Grammar::Tsx) {
            return None;
        }
        let (before, after) = (&self.old.nodes[old], &self.new.nodes[new]);
        let children = &after.children;
        let is_type = |child: usize| {
            let field = self.new.nodes[child].field;
            matches!(field, Some("type" | "return_type"))
                && field.is_some_and(|f| self.old.child(old, f).is_none())
        };
        let types: Vec<usize> = children.iter().copied().filter(|c| is_type(*c)).collect();
        if types.is_empty() || !types.iter().all(|t| says_something(self.new, *t)) {
            return None;
        }
        // The sign before it goes with it.
        let rest: Vec<usize> = children
            .iter()
            .enumerate()
            .filter(|(i, c)| {
                let sign = matches!(self.new.nodes[**c].kind, ":" | "->");
                !(is_type(**c) || sign && children.get(i + 1).is_some_and(|next| is_type(*next)))
            })
            .map(|(_, c)| *c)
            .collect();
        let pairs = match (before.kind, after.kind) {
            (_, "typed_parameter") => vec![(old, *rest.first().filter(|_| rest.len() == 1)?)],
            ("default_parameter", "typed_default_parameter") => zip(&before.children, &rest)?,
            (one, other) if one == other => zip(&before.children, &rest)?,
            _ => return None,
        };
        let asked = self.findings.want_annotation(self.lines(self.header(old)))
            || self.findings.want_annotation(self.lines(old));
        if !asked || self.is_seen(old) {
            return None;
        }
        self.edits.push(NeutralEdit::AnnotationAdded);
        Some(pairs)
    }

    /// What a finding about a parameter names: the function's own line.
    fn header(&self, old: usize) -> usize {
        let code = self.old;
        let function =
            std::iter::once(old).chain(code.ancestors(old)).find(|id| is_function(code.nodes[*id].kind));
        function.and_then(|f| code.child(f, "name").or_else(|| code.child(f, "parameters"))).unwrap_or(old)
    }

    /// Something may act on an annotation here.
    fn is_seen(&self, old: usize) -> bool {
        let code = self.old;
        if code.leaves.iter().any(|leaf| READERS.contains(&code.nodes[leaf.node].text.as_str())) {
            return true;
        }
        // A class's own names with annotations are its fields.
        let holder = code.ancestors(old).find(|id| {
            is_function(code.nodes[*id].kind)
                || matches!(code.nodes[*id].kind, "class_definition" | "class_body")
        });
        let in_class = holder.is_some_and(|id| !is_function(code.nodes[id].kind));
        if in_class && !is_function(code.nodes[old].kind) {
            return true;
        }
        let function =
            std::iter::once(old).chain(code.ancestors(old)).find(|id| is_function(code.nodes[*id].kind));
        let Some(function) = function else { return false };
        let holder = code.parents[function];
        let decorators = [function, holder].into_iter().flat_map(|id| code.nodes[id].children.iter());
        match self.grammar() {
            Grammar::Python => decorators.filter(|c| code.nodes[**c].kind == "decorator").any(|decorator| {
                let words = code.words(*decorator).concat();
                !BLIND.iter().any(|blind| words.trim_start_matches('@').starts_with(blind))
            }),
            // Those of a class hand out its constructor's types.
            _ => code.leaves.iter().any(|leaf| code.nodes[leaf.node].kind == "@"),
        }
    }
}

pub(super) fn is_function(kind: &str) -> bool {
    matches!(
        kind,
        "function_definition"
            | "function_declaration"
            | "method_definition"
            | "arrow_function"
            | "function_expression"
            | "generator_function"
            | "generator_function_declaration"
            | "method_declaration"
            | "func_literal"
            | "function_item"
            | "closure_expression"
            | "lambda"
            | "lambda_expression"
            | "constructor_declaration"
    )
}

fn zip(one: &[usize], other: &[usize]) -> Option<Pairs> {
    (one.len() == other.len()).then(|| one.iter().copied().zip(other.iter().copied()).collect())
}

/// Names a type, and runs nothing where it is looked up.
fn says_something(code: &Canonical<'_>, annotation: usize) -> bool {
    let mut open = vec![annotation];
    while let Some(id) = open.pop() {
        let node = &code.nodes[id];
        if EMPTY_TYPES.contains(&node.text.as_str()) || node.kind == "object_type" && node.children.len() <= 2
        {
            return false;
        }
        if code.tree.grammar == Grammar::Python {
            let harmless = matches!(
                node.kind,
                "type"
                    | "identifier"
                    | "attribute"
                    | "subscript"
                    | "generic_type"
                    | "type_parameter"
                    | "union_type"
                    | "member_type"
                    | "none"
                    | "string"
                    | "text"
                    | "list"
                    | "tuple"
                    | "binary_operator"
                    | "ellipsis"
                    | "."
                    | "["
                    | "]"
                    | ","
                    | "|"
                    | "..."
            );
            if !harmless {
                return false;
            }
        }
        open.extend(&node.children);
    }
    // One in quotes is a type as well.
    !code
        .words(annotation)
        .iter()
        .any(|word| EMPTY_TYPES.iter().any(|t| crate::syntax::finding::has_word(word, t)))
}
