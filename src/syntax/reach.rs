//! What code reaches by name: every expression that leads to something, spelled out as one path through imports, other
//! names for the same thing, reflection and strings put together. `from os import _exit as e; e(0)`,
//! `getattr(os, "_" + "exit")(0)` and `vars(os)["_exit"](0)` all call `os._exit`.
//!
//! Read as far as the file can be parsed. A path that begins with `?` is something of the file's own.

mod annotations;
mod branches;
mod constants;
mod equality;
mod forms;
mod handlers;
mod names;
mod places;
mod promises;
mod terms;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::outline::{Bytes, Import, Outline};
use super::shared::shared_outline;
use super::tree::{Grammar, MAX_TIME, Node, ParseError, flatten, recover};
use forms::Form;

pub use annotations::{Slot, SlotKind};
pub use branches::{Branch, Held};
pub use constants::Value;
pub use equality::{Equality, Looks};
pub use handlers::Dropped;
pub use promises::{Promise, Promised};
pub use terms::{Measured, Term};

/// What is done with what a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    Read,
    Call,
    /// Given another value, or taken away.
    Write,
}

/// What a value decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decides {
    Nothing,
    /// It is held against something that the code computes.
    Computed,
    /// It is held against constants alone.
    Fixed,
}

/// One place where a path is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Use {
    /// `os._exit`; `*` stands for a key that is not known.
    pub path: String,
    /// The same with `()` behind what is made by a call: what is done to a thing made is not done to its maker.
    pub from: String,
    pub how: How,
    pub decides: Decides,
    /// It is an argument of a call.
    pub handed: bool,
    /// The arguments of a call, as far as they are constant.
    pub arguments: Vec<Option<Value>>,
    /// It runs when the file is loaded.
    pub on_load: bool,
    /// What it is given is a function, a class or the like.
    pub given_code: bool,
    pub line: u32,
    /// The statement's first line.
    pub text: String,
}

/// Text as the program sees it: put together where it was taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spelled {
    pub text: String,
    /// What it was put together from.
    pub parts: Vec<String>,
    pub line: u32,
}

enum Bound {
    Path(String),
    Node(usize),
    Member(usize, String),
    /// Something of the file's own.
    Own,
}

/// A file that names are followed in.
pub struct Reading {
    grammar: Grammar,
    text: String,
    nodes: Vec<Node>,
    /// The function around each node; the first node, which is the file, where there is none.
    functions: Vec<usize>,
    /// What names are given, and the function in which that is seen.
    bound: BTreeMap<String, Vec<(usize, Bound)>>,
    /// What names were found to stand for in a function: they lead to each other, and in circles.
    met: RefCell<BTreeMap<(String, usize), Vec<String>>>,
    computed: RefCell<BTreeMap<(String, usize), bool>>,
    /// Modules all of whose names are here.
    wildcards: Vec<String>,
    starts: Vec<usize>,
}

impl Reading {
    pub fn of(grammar: Grammar, text: &str) -> Result<Self, ParseError> {
        let tree = recover(grammar, text, Instant::now() + MAX_TIME)?;
        let nodes = flatten(&tree, grammar.language())?;
        let outline = shared_outline(grammar, text)?;
        let mut starts = vec![0];
        starts.extend(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        let mut reading = Self {
            grammar,
            text: text.to_owned(),
            functions: Vec::with_capacity(nodes.len()),
            nodes,
            bound: BTreeMap::new(),
            met: RefCell::default(),
            computed: RefCell::default(),
            wildcards: Vec::new(),
            starts,
        };
        reading.find_functions();
        reading.bind_imports(&outline);
        reading.bind_names();
        // Asked before all names were known.
        reading.met.get_mut().clear();
        Ok(reading)
    }

    /// The modules that are imported, by the names that patterns use.
    pub fn imported(&self) -> BTreeSet<String> {
        let paths = self.bound.values().flatten().filter_map(|bound| match bound {
            (_, Bound::Path(path)) => Some(path.clone()),
            _ => None,
        });
        paths.chain(self.wildcards.iter().cloned()).collect()
    }

    /// Every use of something by a path, in the order of the file.
    pub fn uses(&self) -> Vec<Use> {
        let conditions = self.conditions();
        let mut found = Vec::new();
        for node in 0..self.nodes.len() {
            if self.nodes[node].kind == "token_tree" {
                self.macro_uses(node, &mut found);
                continue;
            }
            if !self.is_whole(node) {
                continue;
            }
            let (how, call) = self.how(node);
            for path in self.paths(node, 0) {
                if path.starts_with("?") && !path.contains('.') {
                    continue;
                }
                found.push(self.used(node, path, how, call, &conditions));
            }
            self.written_by_call(node, call, &mut found, &conditions);
        }
        found
    }

    /// Strings and what is put together from strings.
    pub fn spelled(&self) -> Vec<Spelled> {
        let mut found = Vec::new();
        for node in 0..self.nodes.len() {
            let form = self.form(node);
            let joins = matches!(form, Some(Form::Text | Form::Binary | Form::Call))
                || self.nodes[node].kind == "macro_invocation";
            let parent = self.nodes[node].parent;
            let inside = node != 0
                && matches!(self.form(parent), Some(Form::Text | Form::Binary))
                && self.folded(parent).is_some();
            if !joins || inside {
                continue;
            }
            let line = self.line(node);
            match self.folded(node) {
                Some(Value::Text(text)) => {
                    found.push(Spelled { text, parts: self.parts(node), line });
                }
                // With something in it that is only known at run time.
                None if form == Some(Form::Text) => {
                    found.push(Spelled { text: self.text_of(node).to_owned(), parts: Vec::new(), line });
                }
                _ => {}
            }
        }
        found
    }

    /// Names as they are written, once each.
    pub fn identifiers(&self) -> BTreeSet<&str> {
        let is_name = |node: &&Node| node.kind.ends_with("identifier") && node.children.is_empty();
        self.nodes.iter().filter(is_name).map(|node| &self.text[node.bytes.clone()]).collect()
    }

    /// How often each kind of node stands in the file, with its text on one line.
    pub fn count(&self, kinds: &[&str]) -> BTreeMap<String, (usize, u32)> {
        let mut found: BTreeMap<String, (usize, u32)> = BTreeMap::new();
        for (id, node) in self.nodes.iter().enumerate().filter(|(_, n)| kinds.contains(&n.kind)) {
            let words: Vec<&str> = self.text[node.bytes.clone()].split_whitespace().collect();
            let line = self.line(id);
            let entry = found.entry(words.join(" ")).or_insert((0, line));
            *entry = (entry.0 + 1, line);
        }
        found
    }

    fn form(&self, node: usize) -> Option<Form> {
        forms::row(self.grammar, self.nodes[node].kind).map(|row| row.1)
    }

    /// The two parts of a node, as its form names them.
    fn sides(&self, node: usize) -> (Option<usize>, Option<usize>) {
        let Some((_, _, first, second)) = forms::row(self.grammar, self.nodes[node].kind) else {
            return (None, None);
        };
        (self.child(node, first), self.child(node, second))
    }

    fn child(&self, node: usize, field: &str) -> Option<usize> {
        let children = &self.nodes[node].children;
        if let Some(index) = field.strip_prefix('#') {
            let named: Vec<usize> = self.named(node);
            return match index.parse::<usize>() {
                Ok(index) => named.get(index).copied(),
                Err(_) => named.last().copied(),
            };
        }
        children.iter().copied().find(|child| !field.is_empty() && self.nodes[*child].field == Some(field))
    }

    fn named(&self, node: usize) -> Vec<usize> {
        let is_code =
            |child: &usize| self.nodes[*child].named && !self.nodes[*child].kind.contains("comment");
        self.nodes[node].children.iter().copied().filter(is_code).collect()
    }

    fn text_of(&self, node: usize) -> &str {
        self.text.get(self.nodes[node].bytes.clone()).unwrap_or_default()
    }

    fn line(&self, node: usize) -> u32 {
        let at = self.nodes[node].bytes.start;
        u32::try_from(self.starts.partition_point(|start| *start <= at)).unwrap_or(u32::MAX)
    }

    fn line_text(&self, line: u32) -> &str {
        let start = self.starts.get(line.saturating_sub(1) as usize).copied().unwrap_or(self.text.len());
        self.text[start..].lines().next().unwrap_or_default().trim()
    }

    /// What a node stands for without brackets, casts and the like.
    fn through(&self, mut node: usize) -> usize {
        while self.form(node) == Some(Form::Through)
            && let (Some(inner), _) = self.sides(node)
        {
            node = inner;
        }
        // A block or list of one.
        while matches!(self.nodes[node].kind, "expression_list" | "block" | "else_clause" | "statement_block")
            && let [one] = self.named(node)[..]
        {
            node = self.through(one);
        }
        node
    }

    fn ancestors(&self, node: usize) -> impl Iterator<Item = usize> {
        std::iter::successors((node != 0).then(|| self.nodes[node].parent), |at| {
            (*at != 0).then(|| self.nodes[*at].parent)
        })
    }

    /// All nodes in a node, itself first.
    fn within(&self, node: usize) -> impl Iterator<Item = usize> {
        let bytes = self.nodes[node].bytes.clone();
        let inside = move |id: &usize| {
            let other: &Bytes = &self.nodes[*id].bytes;
            bytes.start <= other.start && other.end <= bytes.end
        };
        (node..self.nodes.len()).take_while(inside)
    }

    fn function_of(&self, node: usize) -> Option<usize> {
        Some(self.functions[node]).filter(|function| *function != 0)
    }

    /// Parents come before what is in them.
    fn find_functions(&mut self) {
        for node in 0..self.nodes.len() {
            let parent = self.nodes[node].parent;
            let around = match self.form(parent) {
                _ if node == 0 => 0,
                Some(Form::Function) => parent,
                _ => self.functions[parent],
            };
            self.functions.push(around);
        }
    }

    /// What a name may stand for at a place: what it is given there and in each function around it. What another
    /// function calls by the same name is something else.
    fn bound_at(&self, name: usize) -> Vec<&Bound> {
        let all = self.bound.get(self.text_of(name)).into_iter().flatten();
        all.filter(|(function, _)| self.is_within(name, *function)).map(|(_, bound)| bound).collect()
    }

    /// Everything is in the first node, which is the file.
    fn is_within(&self, node: usize, around: usize) -> bool {
        let (inner, outer) = (&self.nodes[node].bytes, &self.nodes[around].bytes);
        around == 0 || outer.start <= inner.start && inner.end <= outer.end
    }
}

fn module_path(grammar: Grammar, import: &Import) -> String {
    let module = import.module.trim_start_matches("node:");
    let path = module.replace("::", ".");
    match grammar {
        Grammar::Java => path.rsplit('.').next().unwrap_or_default().to_owned(),
        _ => path,
    }
}

impl Reading {
    fn bind_imports(&mut self, outline: &Outline) {
        for import in &outline.imports {
            let module = module_path(self.grammar, import);
            if import.wildcard {
                self.wildcards.push(module.clone());
            }
            if import.names.is_empty() && self.grammar == Grammar::Go {
                let local = module.rsplit('/').next().unwrap_or_default().to_owned();
                self.bound.entry(local).or_default().push((0, Bound::Path(module.clone())));
            }
            for name in &import.names {
                let path = match &name.member {
                    Some(member) if member != "default" => match self.grammar {
                        // A class goes by its own name, wherever it is.
                        Grammar::Java if import.kind != super::outline::ImportKind::Static => member.clone(),
                        _ => format!("{module}.{member}"),
                    },
                    _ => module.clone(),
                };
                // `import a.b` binds `a`.
                let (local, path) = match name.local.split_once('.') {
                    Some((first, _)) if self.grammar == Grammar::Python => (first, first.to_owned()),
                    _ => (name.local.as_str(), path),
                };
                if local == "." {
                    self.wildcards.push(path);
                    continue;
                }
                let path = self.tidy(&path);
                self.bound.entry(local.to_owned()).or_default().push((0, Bound::Path(path)));
            }
        }
    }
}
