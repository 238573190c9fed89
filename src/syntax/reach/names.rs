//! Follows names to what they stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::forms::{self, Form};
use super::{Bound, Reading, Value};
use crate::syntax::tree::Grammar;

/// Names are followed so far, and to so many meanings.
const DEEPEST: usize = 100;
const MOST_MEANINGS: usize = 4;
/// Of what a name is bound to in a file, so many are looked at.
const MOST_BOUND: usize = 64;

/// Functions that hand out a member by its name: the object and the name are arguments.
const GIVES_MEMBER: &[&str] =
    &["getattr", "Reflect.get", "object.__getattribute__", "inspect.getattr_static"];
/// Those that hand out an argument as it is, or all of its members.
const GIVES_OBJECT: &[&str] = &["vars", "Object", "Object.values", "reflect.ValueOf", "functools.partial"];
/// Those that hand out a module by its name.
pub(super) const GIVES_MODULE: &[&str] = &[
    "require",
    "import",
    "__import__",
    "importlib.import_module",
    "process.getBuiltinModule",
    "importlib.__import__",
];
impl Reading {
    pub(super) fn bind_names(&mut self) {
        let outer = self.names_of_outer();
        let mut bound: BTreeMap<String, Vec<(usize, Bound)>> = BTreeMap::new();
        let mut given = Vec::new();
        // By name: where one is declared, in the order of the file, and for which block.
        let mut declared: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
        let mut bind = |name: usize, at: Option<usize>, to: Bound| {
            let text = self.text_of(name);
            let Some(at) = at else { return given.push((name, to)) };
            let function = self.functions[at];
            declared.entry(text).or_default().push((name, self.block_around(at)));
            let seen = if outer.contains(&(function, text)) { 0 } else { function };
            bound.entry(text.to_owned()).or_default().push((seen, to));
        };
        for node in 0..self.nodes.len() {
            match self.form(node) {
                Some(Form::Assign) => {
                    let (left, right) = self.sides(node);
                    if let Some(left) = left {
                        let at = self.declares(node).then_some(node);
                        self.bind_target(left, right, at, &mut bind);
                    }
                }
                Some(Form::Function) => {
                    if let Some(name) = self.sides(node).0 {
                        bind(name, Some(node), Bound::Own);
                    }
                }
                _ => {}
            }
            if matches!(self.nodes[node].kind, "class_definition" | "class_declaration")
                && let Some(name) = self.child(node, "name")
            {
                bind(name, Some(node), Bound::Own);
            }
            for name in self.own_names(node) {
                bind(name, Some(name), Bound::Own);
            }
            let kind = self.nodes[node].kind;
            // `import lib = require("x")`
            if kind == "import_require_clause"
                && let [name, module] = self.named(node)[..]
                && let Some(Value::Text(module)) = self.folded(module)
            {
                bind(name, Some(node), Bound::Path(module.trim_start_matches("node:").to_owned()));
            }
        }
        for (name, to) in given {
            let text = self.text_of(name);
            let mut declared = declared.get(text).into_iter().flatten().rev();
            // What is declared further down is another variable.
            let holds = |(known, block): &&(usize, usize)| *known < name && self.is_within(name, *block);
            let around = declared.find(holds).map_or(0, |(_, block)| *block);
            let seen =
                if self.form(around) == Some(Form::Function) { around } else { self.functions[around] };
            bound.entry(text.to_owned()).or_default().push((seen, to));
        }
        for (name, all) in bound {
            self.bound.entry(name).or_default().extend(all);
        }
    }

    /// Names that a node binds to something of the file's own: parameters, what loops go through, what is caught.
    fn own_names(&self, node: usize) -> Vec<usize> {
        let kind = self.nodes[node].kind;
        let identifiers = |node: usize| self.within(node).filter(|n| self.nodes[*n].kind == "identifier");
        match kind {
            "parameters" | "formal_parameters" | "lambda_parameters" | "parameter_list"
            | "closure_parameters" => {
                let is_name = |n: &usize| {
                    matches!(self.nodes[*n].kind, "identifier" | "shorthand_property_identifier_pattern")
                        && !matches!(self.nodes[*n].field, Some("value" | "right" | "type"))
                };
                return self.within(node).filter(is_name).collect();
            }
            "for_statement" | "for_in_statement" | "for_expression" | "for_in_clause" | "range_clause" => {
                let left = self.child(node, "left").or_else(|| self.child(node, "pattern"));
                return left.map_or_else(Vec::new, |left| identifiers(left).collect());
            }
            _ => {}
        }
        // Written by one name alone: `x => …`, `catch (e)`, `with a as b`.
        let alone = match kind {
            "arrow_function" | "catch_clause" => self.child(node, "parameter"),
            "lambda_expression" => self.child(node, "parameters"),
            "as_pattern" => self.child(node, "alias"),
            "enhanced_for_statement" => self.child(node, "name"),
            _ => None,
        };
        alone.map_or_else(Vec::new, |alone| identifiers(alone).collect())
    }

    fn bind_target(
        &self,
        left: usize,
        right: Option<usize>,
        at: Option<usize>,
        bind: &mut impl FnMut(usize, Option<usize>, Bound),
    ) {
        let kind = self.nodes[left].kind;
        let several = matches!(
            kind,
            "expression_list" | "pattern_list" | "tuple_pattern" | "array_pattern" | "list_pattern" | "tuple"
        );
        if several {
            let names = self.named(left);
            let values = right.map(|right| self.named(self.unlisted(right))).unwrap_or_default();
            for (i, name) in names.iter().enumerate() {
                let value = match values.len() {
                    // All that one call answers.
                    1 => Some(values[0]),
                    n if n == names.len() => Some(values[i]),
                    _ => None,
                };
                self.bind_target(*name, value, at, bind);
            }
            return;
        }
        if kind == "object_pattern" {
            for part in self.named(left) {
                let key = self.child(part, "key").unwrap_or(part);
                let local = self.child(part, "value").unwrap_or(part);
                if let Some(right) = right {
                    let key = self.text_of(key).trim_matches(['"', '\'']).to_owned();
                    bind(local, at, Bound::Member(right, key));
                }
            }
            return;
        }
        if kind == "mut_pattern"
            && let Some(inner) = self.named(left).last()
        {
            return self.bind_target(*inner, right, at, bind);
        }
        if self.form(left) == Some(Form::Name) || kind == "shorthand_property_identifier_pattern" {
            bind(left, at, right.map_or(Bound::Own, Bound::Node));
        }
    }

    /// Whether the name is the function's own from there on. Other languages than Python tell that from giving a
    /// variable of a function around it another value, which is seen wherever that is.
    fn declares(&self, node: usize) -> bool {
        self.grammar == Grammar::Python
            || !matches!(
                self.nodes[node].kind,
                "assignment_expression"
                    | "augmented_assignment_expression"
                    | "compound_assignment_expr"
                    | "assignment_statement"
                    | "assignment_pattern"
            )
    }

    /// The smallest part of the code around a node that names may be declared for.
    fn block_around(&self, node: usize) -> usize {
        const PARTS: &[&str] =
            &["block", "for_", "if_", "while_", "switch", "select", "case", "clause", "arm", "match", "try_"];
        let is_part = |at: &usize| {
            self.form(*at) == Some(Form::Function)
                || PARTS.iter().any(|part| self.nodes[*at].kind.contains(part))
        };
        self.ancestors(node).find(is_part).unwrap_or(0)
    }

    /// Python's `global x` and `nonlocal x`: in which function, and which name.
    fn names_of_outer(&self) -> BTreeSet<(usize, &str)> {
        let kinds = ["global_statement", "nonlocal_statement"];
        let statements = (0..self.nodes.len()).filter(|n| kinds.contains(&self.nodes[*n].kind));
        statements
            .flat_map(|node| {
                self.named(node).into_iter().map(move |n| (self.functions[node], self.text_of(n)))
            })
            .collect()
    }

    /// `a, b` is one node in some grammars and brackets around it in others.
    fn unlisted(&self, node: usize) -> usize {
        if self.form(node) == Some(Form::Through) { self.sides(node).0.unwrap_or(node) } else { node }
    }

    /// What an expression leads to: one path for each meaning it may have.
    pub(super) fn paths(&self, node: usize, depth: usize) -> Vec<String> {
        let own = || vec!["?".to_owned()];
        if depth > DEEPEST {
            return own();
        }
        let (first, second) = self.sides(node);
        let beyond = |object: usize, member: &str| -> Vec<String> {
            self.paths(object, depth + 1).iter().map(|path| self.tidy(&format!("{path}.{member}"))).collect()
        };
        match self.form(node) {
            Some(Form::Name) => self.meanings(node, depth),
            Some(Form::Member) => match (first, second) {
                (Some(object), Some(member)) => beyond(object, self.text_of(member)),
                // Rust's `::a::b`.
                (None, Some(member)) => vec![self.text_of(member).to_owned()],
                _ => own(),
            },
            Some(Form::Index) => match (first, second) {
                (Some(object), key) => beyond(object, &self.key(key)),
                _ => own(),
            },
            Some(Form::Through) => {
                // `(0, x)`
                let inner = first.map(|inner| self.paths(inner, depth + 1));
                inner.filter(|paths| !paths.is_empty()).unwrap_or_else(own)
            }
            Some(Form::Call) => self.called_paths(node, depth),
            _ if matches!(self.nodes[node].kind, "this" | "super" | "self" | "import" | "undefined") => {
                vec![if self.nodes[node].kind == "import" { "import" } else { "?" }.to_owned()]
            }
            // `a || b`: either.
            Some(Form::Binary) => {
                let sides = [first, second].into_iter().flatten();
                let mut all: Vec<String> = sides.flat_map(|side| self.paths(side, depth + 1)).collect();
                all.retain(|path| path != "?");
                all.truncate(MOST_MEANINGS);
                if all.is_empty() { own() } else { all }
            }
            _ => own(),
        }
    }

    fn called_paths(&self, node: usize, depth: usize) -> Vec<String> {
        let arguments = self.arguments(node);
        let functions = self.function_paths(node, depth);
        let mut all = Vec::new();
        for function in functions {
            let given = |index: usize| arguments.get(index).copied();
            if GIVES_MODULE.contains(&function.as_str()) {
                match given(0).and_then(|name| self.folded(name)) {
                    Some(Value::Text(module)) => {
                        all.push(self.tidy(module.trim_start_matches("node:")));
                    }
                    _ => all.push(format!("{function}.*")),
                }
            } else if GIVES_MEMBER.contains(&function.as_str())
                && let Some(object) = given(0)
            {
                let key = self.key(given(1));
                all.extend(self.paths(object, depth + 1).iter().map(|p| self.tidy(&format!("{p}.{key}"))));
            } else if GIVES_OBJECT.contains(&function.as_str())
                && let Some(object) = given(0)
            {
                all.extend(self.paths(object, depth + 1));
            } else {
                // What it makes is not the thing itself.
                all.push(format!("{function}{}", if arguments.is_empty() { "()" } else { "(_)" }));
            }
        }
        all.truncate(MOST_MEANINGS);
        all
    }

    pub(super) fn function_paths(&self, node: usize, depth: usize) -> Vec<String> {
        match self.sides(node).0 {
            Some(function) => self.paths(function, depth + 1),
            None => {
                let name = self.child(node, "name");
                match (self.child(node, "object"), name) {
                    (Some(object), _) => {
                        let name = name.map(|name| self.text_of(name)).unwrap_or_default();
                        let paths = self.paths(object, depth + 1);
                        paths.iter().map(|path| self.tidy(&format!("{path}.{name}"))).collect()
                    }
                    (None, Some(name)) => self.meanings(name, depth),
                    (None, None) => vec![String::new()],
                }
            }
        }
    }

    pub(super) fn arguments(&self, call: usize) -> Vec<usize> {
        self.child(call, "arguments").map(|list| self.named(list)).unwrap_or_default()
    }

    /// A constant key by its value, a place in a list by its number.
    pub(super) fn key(&self, key: Option<usize>) -> String {
        let Some(key) = key else { return "*".to_owned() };
        match self.folded(key) {
            Some(Value::Text(text)) => text,
            Some(Value::Number(number)) => format!("{number}"),
            None if self.text_of(key).starts_with(|c: char| c.is_ascii_digit()) => {
                self.text_of(key).to_owned()
            }
            None => "*".to_owned(),
        }
    }

    pub(super) fn meanings(&self, node: usize, depth: usize) -> Vec<String> {
        let name = self.text_of(node);
        let bound = self.bound_at(node);
        if bound.is_empty() {
            let mut all = vec![self.tidy(name)];
            all.extend(self.wildcards.iter().map(|module| self.tidy(&format!("{module}.{name}"))));
            return all;
        }
        let key = (name.to_owned(), self.functions[node]);
        if let Some(known) = self.met.borrow().get(&key) {
            return known.clone();
        }
        self.met.borrow_mut().insert(key.clone(), vec!["?".to_owned()]);
        let mut all: Vec<String> = Vec::new();
        for one in bound.into_iter().take(MOST_BOUND) {
            match one {
                Bound::Path(path) => all.push(path.clone()),
                Bound::Own => all.push("?".to_owned()),
                Bound::Node(value) => all.extend(self.paths(self.through(*value), depth + 2)),
                Bound::Member(object, member) => {
                    let paths = self.paths(*object, depth + 2);
                    all.extend(paths.iter().map(|path| self.tidy(&format!("{path}.{member}"))));
                }
            }
        }
        let mut seen = BTreeSet::new();
        all.retain(|path| seen.insert(path.clone()));
        all.sort_by_key(|path| path == "?");
        all.truncate(MOST_MEANINGS);
        self.met.borrow_mut().insert(key, all.clone());
        all
    }

    /// Without what stands for the same: the global object, a module's own dictionary, Java's folders.
    pub(super) fn tidy(&self, path: &str) -> String {
        let mut parts: Vec<&str> = path.split('.').collect();
        while parts.len() > 1 && forms::is_root_of_all(self.grammar, parts[0]) {
            parts.remove(0);
        }
        if self.grammar == Grammar::Java
            && let Some(class) = parts.iter().position(|p| p.starts_with(char::is_uppercase))
            && parts[..class].iter().all(|p| p.starts_with(char::is_lowercase))
        {
            parts.drain(..class);
        }
        let first = parts.first().copied().unwrap_or_default();
        let rest = parts.iter().skip(1).filter(|part| !forms::is_same_object(self.grammar, part));
        std::iter::once(&first).chain(rest).copied().collect::<Vec<_>>().join(".")
    }
}
