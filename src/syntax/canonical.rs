//! A tree without what formatters may change: brackets, commas and semicolons that say nothing, the kind of quotes.
//! Comments stand beside it. Two files whose canonical trees and comments are equal differ in their layout only.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use super::brackets::{are_redundant, is_comment, is_filler};
use super::comments::Comment;
use super::literals::{jsx_words, unescaped_quotes};
use super::tree::{Grammar, Node, SyntaxTree};

#[derive(Debug)]
pub(super) struct Canon {
    pub(super) kind: &'static str,
    pub(super) field: Option<&'static str>,
    /// Of a leaf, as it is compared.
    pub(super) text: String,
    pub(super) children: Vec<usize>,
    /// Where it begins and ends in the file.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Of all that is below it.
    pub(super) hash: u64,
}

/// One leaf: where it begins, and its node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) node: usize,
}

#[derive(Debug)]
pub(super) struct Canonical<'t> {
    pub(super) tree: &'t SyntaxTree,
    pub(super) nodes: Vec<Canon>,
    pub(super) parents: Vec<usize>,
    pub(super) root: usize,
    /// In the order of the file.
    pub(super) leaves: Vec<Leaf>,
    pub(super) comments: Vec<Comment>,
    /// Where each line begins.
    lines: Vec<usize>,
}

impl<'t> Canonical<'t> {
    pub(super) fn of(tree: &'t SyntaxTree) -> Self {
        let mut built = Builder { tree, nodes: Vec::new(), parts: vec![Vec::new(); tree.nodes.len()] };
        // Children come after their parents, so backwards each finds its own ready.
        for id in (0..tree.nodes.len()).rev() {
            built.parts[id] = built.part(id);
        }
        let parts = std::mem::take(&mut built.parts[0]);
        // An empty file's root is a leaf or nothing.
        let root = match parts[..] {
            [root] => root,
            _ => built.push(tree.nodes[0].kind, &tree.nodes[0], parts, String::new()),
        };
        let mut lines = vec![0];
        lines.extend(tree.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1));
        let mut canonical = Canonical {
            tree,
            parents: vec![root; built.nodes.len()],
            nodes: built.nodes,
            root,
            leaves: Vec::new(),
            comments: Vec::new(),
            lines,
        };
        canonical.walk();
        canonical.comments = Comment::all(&canonical);
        canonical
    }

    /// Parents and leaves.
    fn walk(&mut self) {
        let mut open = vec![self.root];
        while let Some(id) = open.pop() {
            let node = &self.nodes[id];
            if node.children.is_empty() {
                // What is empty has no place.
                if node.end > node.start {
                    self.leaves.push(Leaf { start: node.start, end: node.end, node: id });
                }
                continue;
            }
            for child in node.children.iter().rev() {
                self.parents[*child] = id;
                open.push(*child);
            }
        }
        self.leaves.sort_by_key(|leaf| leaf.start);
    }

    /// The line (from 1) of a byte.
    pub(super) fn line(&self, at: usize) -> u32 {
        u32::try_from(self.lines.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }

    /// How many leaves begin before this byte.
    pub(super) fn leaves_before(&self, at: usize) -> usize {
        self.leaves.partition_point(|leaf| leaf.start < at)
    }

    /// The leaves that stand (partly) on a line, from 1.
    pub(super) fn leaves_on(&self, line: u32) -> &[Leaf] {
        let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        let first = self.lines.get(index).copied().unwrap_or(self.tree.text.len());
        let last = self.lines.get(index + 1).copied().unwrap_or(self.tree.text.len());
        let from = self.leaves.partition_point(|leaf| leaf.end <= first);
        let to = self.leaves.partition_point(|leaf| leaf.start < last);
        &self.leaves[from..to.max(from)]
    }

    pub(super) fn child(&self, node: usize, field: &str) -> Option<usize> {
        self.nodes[node].children.iter().copied().find(|c| self.nodes[*c].field == Some(field))
    }

    /// The text of all leaves below a node, without blanks between.
    pub(super) fn words(&self, node: usize) -> Vec<&str> {
        let mut found = Vec::new();
        let mut open = vec![node];
        while let Some(id) = open.pop() {
            let node = &self.nodes[id];
            if node.children.is_empty() {
                found.push(node.text.as_str());
            }
            open.extend(node.children.iter().rev());
        }
        found
    }

    /// What holds `node`, from the nearest.
    pub(super) fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        let mut at = node;
        std::iter::from_fn(move || {
            let next = (at != self.root).then(|| self.parents[at])?;
            at = next;
            Some(next)
        })
    }
}

struct Builder<'t> {
    tree: &'t SyntaxTree,
    nodes: Vec<Canon>,
    /// What each node of the tree comes to in its parent: nothing, itself, or what is in it.
    parts: Vec<Vec<usize>>,
}

impl Builder<'_> {
    fn push(&mut self, kind: &'static str, from: &Node, children: Vec<usize>, text: String) -> usize {
        let mut hasher = DefaultHasher::new();
        (kind, &text, children.len()).hash(&mut hasher);
        for child in &children {
            self.nodes[*child].hash.hash(&mut hasher);
        }
        let (start, end) = (from.bytes.start, from.bytes.end);
        self.nodes.push(Canon { kind, field: from.field, text, children, start, end, hash: hasher.finish() });
        self.nodes.len() - 1
    }

    fn leaf(&mut self, kind: &'static str, bytes: std::ops::Range<usize>, text: String) -> usize {
        let from = Node { kind, named: false, field: None, bytes, parent: 0, children: Vec::new() };
        self.push(kind, &from, Vec::new(), text)
    }

    fn part(&mut self, id: usize) -> Vec<usize> {
        let tree = self.tree;
        let node = &tree.nodes[id];
        if is_comment(node.kind) || node.kind == "line_continuation" {
            return Vec::new();
        }
        if let Some(done) = self.text_part(id, node) {
            return done;
        }
        if node.children.is_empty() {
            let text = tree.text_of(id);
            // Nothing is there where the language sets a token by itself.
            if text.is_empty() {
                return Vec::new();
            }
            let text = if is_number(tree.grammar, node.kind) { text.to_lowercase() } else { text.to_owned() };
            return vec![self.push(node.kind, node, Vec::new(), text)];
        }
        let brackets = node.kind == "parenthesized_expression" && are_redundant(tree, id);
        let children = self.children(id, node, brackets);
        if brackets {
            for child in &children {
                self.nodes[*child].field = node.field;
            }
            return children;
        }
        self.named(id, node, children)
    }

    /// The parts of the children in order, and whatever stands between them and is no blank.
    fn children(&mut self, id: usize, node: &Node, brackets: bool) -> Vec<usize> {
        let tree = self.tree;
        let siblings: Vec<usize> =
            node.children.iter().copied().filter(|c| !is_comment(tree.nodes[*c].kind)).collect();
        let mut children = Vec::new();
        let mut at = node.bytes.start;
        for child in &node.children {
            let next = &tree.nodes[*child];
            self.gap(at..next.bytes.start.max(at), &mut children);
            at = next.bytes.end.max(at);
            let index = siblings.iter().position(|s| s == child);
            let filler = index.is_some_and(|index| is_filler(tree, id, &siblings, index));
            if filler || brackets && !next.named {
                continue;
            }
            children.append(&mut std::mem::take(&mut self.parts[*child]));
        }
        self.gap(at..node.bytes.end.max(at), &mut children);
        children
    }

    fn gap(&mut self, bytes: std::ops::Range<usize>, children: &mut Vec<usize>) {
        let text = self.tree.text[bytes.clone()].trim();
        if !text.is_empty() && text != "\\" {
            let text = text.to_owned();
            children.push(self.leaf("gap", bytes, text));
        }
    }

    /// A node under the name it is compared by.
    fn named(&mut self, id: usize, node: &Node, children: Vec<usize>) -> Vec<usize> {
        let kind = match (self.tree.grammar, node.kind) {
            // Brackets around them are the writer's choice.
            (Grammar::Python, "expression_list") => "tuple",
            (Grammar::Python, "pattern_list") => "tuple_pattern",
            // `class A():`
            (Grammar::Python, "argument_list")
                if self.tree.nodes[node.parent].kind == "class_definition" && node.children.len() == 2 =>
            {
                return Vec::new();
            }
            // `x => x` is `(x) => x`.
            (_, "arrow_function") if self.tree.grammar.is_script() => return self.arrow(node, children),
            // A bar before the first of several.
            (_, "union_type" | "intersection_type") if children.len() == 2 => {
                return children.into_iter().skip(1).collect();
            }
            (_, kind) => kind,
        };
        let _ = id;
        vec![self.push(kind, node, children, String::new())]
    }

    fn arrow(&mut self, node: &Node, mut children: Vec<usize>) -> Vec<usize> {
        let alone = children.iter().position(|c| self.nodes[*c].field == Some("parameter"));
        if let Some(index) = alone {
            let name = children[index];
            let (start, end) = (self.nodes[name].start, self.nodes[name].end);
            self.nodes[name].field = None;
            let from = |field| Node {
                kind: "",
                named: true,
                field,
                bytes: start..end,
                parent: 0,
                children: Vec::new(),
            };
            let mut inner = name;
            if self.tree.grammar != Grammar::JavaScript {
                self.nodes[name].field = Some("pattern");
                inner = self.push("required_parameter", &from(None), vec![name], String::new());
            }
            let [open, close] = ["(", ")"].map(|b| self.leaf(b, start..start, b.to_owned()));
            let list = vec![open, inner, close];
            children[index] = self.push("formal_parameters", &from(Some("parameters")), list, String::new());
        }
        vec![self.push("arrow_function", node, children, String::new())]
    }

    /// Strings and what else is text: compared to the letter, but for their quotes.
    fn text_part(&mut self, id: usize, node: &Node) -> Option<Vec<usize>> {
        let tree = self.tree;
        let exact =
            |this: &mut Self| Some(vec![this.push(node.kind, node, Vec::new(), tree.text_of(id).to_owned())]);
        match (tree.grammar, node.kind) {
            (Grammar::Python, "string") => {
                let parts = self.python_string(id, node);
                Some(vec![parts])
            }
            (Grammar::Python, "concatenated_string") => Some(self.python_strings(node)),
            (Grammar::Python, "format_specifier" | "type_conversion") => exact(self),
            (Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx, "string") => {
                let raw = tree.text_of(id);
                let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
                let parent = &tree.nodes[node.parent];
                let (kind, text) = match parent.kind {
                    "jsx_attribute" => ("jsx_string", inner.to_owned()),
                    "pair" | "pair_pattern" if node.field == Some("key") && is_name(inner) => {
                        ("property_identifier", inner.to_owned())
                    }
                    "property_signature" if node.field == Some("name") && is_name(inner) => {
                        ("property_identifier", inner.to_owned())
                    }
                    _ => ("string", unescaped_quotes(inner)),
                };
                Some(vec![self.push(kind, node, Vec::new(), text)])
            }
            (_, "jsx_text") => {
                let words = jsx_words(tree.text_of(id));
                Some(if words.is_empty() {
                    Vec::new()
                } else {
                    vec![self.push("jsx_text", node, Vec::new(), words)]
                })
            }
            (_, "template_string" | "template_literal_type") => {
                let pieces = self.pieces(node, |text| text.to_owned());
                Some(vec![self.push("template_string", node, pieces, String::new())])
            }
            (
                _,
                "regex"
                | "string_literal"
                | "raw_string_literal"
                | "interpreted_string_literal"
                | "char_literal"
                | "rune_literal"
                | "character_literal",
            ) => exact(self),
            _ => None,
        }
    }

    /// Text as it stands between what is put in.
    fn pieces(&mut self, node: &Node, text: impl Fn(&str) -> String) -> Vec<usize> {
        let tree = self.tree;
        let mut children = Vec::new();
        let mut at = node.bytes.start;
        let piece = |this: &mut Self, bytes: std::ops::Range<usize>, children: &mut Vec<usize>| {
            if !bytes.is_empty() {
                let text = text(&tree.text[bytes.clone()]);
                children.push(this.leaf("text", bytes, text));
            }
        };
        for child in &node.children {
            let next = &tree.nodes[*child];
            if matches!(next.kind, "template_substitution" | "template_type") {
                piece(self, at..next.bytes.start.max(at), &mut children);
                children.append(&mut std::mem::take(&mut self.parts[*child]));
                at = next.bytes.end;
            }
        }
        piece(self, at..node.bytes.end.max(at), &mut children);
        children
    }

    fn python_string(&mut self, id: usize, node: &Node) -> usize {
        let tree = self.tree;
        let raw = tree.text_of(id);
        let prefix: String =
            raw.chars().take_while(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect();
        let quotes = match raw[prefix.len()..].get(..3) {
            Some("\"\"\"" | "'''") => 3,
            _ => 1,
        };
        let is_raw = prefix.contains('r');
        let (first, last) = (node.bytes.start + prefix.len() + quotes, node.bytes.end.saturating_sub(quotes));
        let mut children = Vec::new();
        let mut at = first;
        let piece = |this: &mut Self, bytes: std::ops::Range<usize>, children: &mut Vec<usize>| {
            if bytes.start < bytes.end {
                let text = &tree.text[bytes.clone()];
                let (kind, text) =
                    if is_raw { ("raw_text", text.to_owned()) } else { ("text", unescaped_quotes(text)) };
                children.push(this.leaf(kind, bytes, text));
            }
        };
        for child in &node.children {
            let next = &tree.nodes[*child];
            if next.kind == "interpolation" {
                piece(self, at..next.bytes.start.max(at), &mut children);
                // `{x = }` prints its own text.
                if next.children.iter().any(|c| tree.nodes[*c].kind == "=") {
                    let (bytes, text) = (next.bytes.clone(), tree.text_of(*child).to_owned());
                    children.push(self.leaf("interpolation", bytes, text));
                } else {
                    children.append(&mut std::mem::take(&mut self.parts[*child]));
                }
                at = next.bytes.end;
            }
        }
        piece(self, at..last.max(at), &mut children);
        let kind = match (prefix.contains('b'), prefix.contains('f'), prefix.contains('t')) {
            (true, ..) => "bytes",
            (_, true, _) => "format_string",
            (.., true) => "template",
            _ => "string",
        };
        self.push(kind, node, children, String::new())
    }

    /// Neighbours are one string.
    fn python_strings(&mut self, node: &Node) -> Vec<usize> {
        let parts: Vec<usize> =
            node.children.iter().flat_map(|c| std::mem::take(&mut self.parts[*c])).collect();
        let kinds: Vec<&str> = parts.iter().map(|p| self.nodes[*p].kind).collect();
        let kind = if kinds.iter().all(|k| *k == "bytes") {
            "bytes"
        } else if kinds.iter().all(|k| matches!(*k, "string" | "format_string")) {
            if kinds.contains(&"format_string") { "format_string" } else { "string" }
        } else {
            return vec![self.push("concatenated_string", node, parts, String::new())];
        };
        let mut children: Vec<usize> = Vec::new();
        let pieces: Vec<usize> =
            parts.into_iter().flat_map(|p| std::mem::take(&mut self.nodes[p].children)).collect();
        for piece in pieces {
            let joins = children
                .last()
                .is_some_and(|last| self.nodes[*last].kind == "text" && self.nodes[piece].kind == "text");
            match children.pop() {
                Some(last) if joins => {
                    let text = format!("{}{}", self.nodes[last].text, self.nodes[piece].text);
                    let bytes = self.nodes[last].start..self.nodes[piece].end;
                    children.push(self.leaf("text", bytes, text));
                }
                last => {
                    children.extend(last);
                    children.push(piece);
                }
            }
        }
        vec![self.push(kind, node, children, String::new())]
    }
}

fn is_number(grammar: Grammar, kind: &str) -> bool {
    match grammar {
        Grammar::Python => matches!(kind, "integer" | "float"),
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => kind == "number",
        Grammar::Go => matches!(kind, "int_literal" | "float_literal" | "imaginary_literal"),
        Grammar::Rust | Grammar::Java => false,
    }
}

fn is_name(text: &str) -> bool {
    text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '$'))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '$'))
}
