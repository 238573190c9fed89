//! Definitions of what is equal: do they hold their own against the other's?

use std::collections::BTreeSet;

use super::Reading;
use super::forms::Form;
use crate::syntax::tree::Grammar;

/// What a comparison looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looks {
    /// Something of its own is held against the same of the other, whatever it answers.
    Both,
    /// It may say yes without that.
    Not,
    /// It says nothing: no body, or it raises.
    Silent,
}

/// A definition of what is equal, or which of two is more.
#[derive(Debug, Clone, PartialEq)]
pub struct Equality {
    /// With its type's name, where it has one.
    pub name: String,
    pub looks: Looks,
    /// Its type is a number, a text or another type that is equal by value already.
    pub of_value_type: bool,
    /// The whole, on one line.
    pub text: String,
    pub line: u32,
}

const PYTHON: &[&str] = &["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"];
const VALUE_TYPES: &[&str] = &[
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "bool",
    "tuple",
    "list",
    "dict",
    "set",
    "frozenset",
    "Decimal",
    "Number",
    "String",
    "Array",
];
/// Calls that compare what they are given.
const COMPARES: &[&str] = &[
    "equals",
    "eq",
    "ne",
    "cmp",
    "partial_cmp",
    "total_cmp",
    "compareTo",
    "compare",
    "Compare",
    "__eq__",
    "__ne__",
    "__lt__",
    "Equal",
    "Equals",
    "isEqual",
    "deepEqual",
    "DeepEqual",
    "localeCompare",
    "isclose",
    "compare_digest",
    "is",
    "equalsIgnoreCase",
    "eq_ignore_ascii_case",
    "EqualFold",
    "then_with",
    "then",
    "thenComparing",
    "same",
    "Is",
];

fn names(grammar: Grammar) -> &'static [&'static str] {
    match grammar {
        Grammar::Python => PYTHON,
        Grammar::Java => &["equals", "compareTo"],
        Grammar::Rust => &["eq", "ne", "cmp", "partial_cmp", "lt", "le", "gt", "ge"],
        Grammar::Go => &["Equal", "Equals", "Is"],
        _ => &["equals", "asymmetricMatch"],
    }
}

impl Reading {
    /// Everything that says what is equal.
    pub fn equalities(&self) -> Vec<Equality> {
        let mut found = Vec::new();
        for node in 0..self.nodes.len() {
            let (first, second) = self.sides(node);
            let Some(name) = first.map(|n| self.text_of(n).trim_matches(['"', '\''])) else { continue };
            let name = name.rsplit('.').next().unwrap_or_default();
            if !names(self.grammar).contains(&name) {
                continue;
            }
            let looks = match self.form(node) {
                Some(Form::Function) => self.looks(node, name),
                Some(Form::Assign | Form::Pair) => match second.map(|value| self.through(value)) {
                    Some(value) if self.form(value) == Some(Form::Function) => self.looks(value, name),
                    _ => Looks::Not,
                },
                _ => continue,
            };
            let class = self.ancestors(node).find(|at| {
                self.nodes[*at].kind.contains("class") && self.child(*at, "name").is_some()
                    || self.nodes[*at].kind == "impl_item"
            });
            let owner =
                class.and_then(|class| self.child(class, "name").or_else(|| self.child(class, "type")));
            let bases = class.and_then(|class| {
                self.child(class, "superclasses").or_else(|| {
                    self.nodes[class]
                        .children
                        .iter()
                        .copied()
                        .find(|c| self.nodes[*c].kind == "class_heritage")
                })
            });
            let of_value_type =
                bases.is_some_and(|bases| self.within(bases).any(|n| VALUE_TYPES.contains(&self.text_of(n))));
            let words: Vec<&str> = self.text_of(node).split_whitespace().collect();
            found.push(Equality {
                name: owner
                    .map_or_else(|| name.to_owned(), |owner| format!("{}.{name}", self.text_of(owner))),
                looks,
                of_value_type,
                text: words.join(" "),
                line: self.line(node),
            });
        }
        found
    }

    fn looks(&self, function: usize, name: &str) -> Looks {
        let Some(body) = self.child(function, "body") else { return Looks::Silent };
        if name == "asymmetricMatch" {
            return Looks::Not;
        }
        let parameters = self.parameters(function);
        let skipped = usize::from(self.grammar == Grammar::Python);
        let Some(other) = parameters.get(skipped) else {
            // A function of another kind that only has the name; one that takes what comes is none of those.
            let takes_all = self.within(function).any(|n| {
                let kind = self.nodes[n].kind;
                kind.contains("splat") || kind.contains("rest") || kind.contains("spread")
            });
            return if takes_all { Looks::Not } else { Looks::Silent };
        };
        if self.named(body).is_empty() && matches!(self.nodes[body].kind, "block" | "statement_block") {
            return Looks::Silent;
        }
        let mut others: BTreeSet<&str> = [other.as_str()].into();
        let own: Vec<&str> = match self.grammar {
            Grammar::Python => parameters.first().map(String::as_str).into_iter().collect(),
            _ => Vec::new(),
        };
        self.widen(body, &mut others);
        let receiver = self.child(function, "receiver").map(|r| {
            self.within(r)
                .find(|n| self.nodes[*n].kind == "identifier")
                .map(|n| self.text_of(n))
                .unwrap_or_default()
        });
        let sees = Sides { reading: self, others, own, receiver };
        let all: Vec<usize> = self.within(body).collect();
        let says_no = ["raise ", "throw ", "panic!", "todo!", "unimplemented!"];
        if !all.iter().any(|n| sees.holds_both(*n)) {
            let raises = says_no.iter().any(|word| self.text_of(body).contains(word))
                || self.text_of(body).trim_end().ends_with("NotImplemented");
            return if raises && !self.text_of(body).contains("rue") { Looks::Silent } else { Looks::Not };
        }
        if all.iter().any(|n| sees.says_yes_anyway(*n)) { Looks::Not } else { Looks::Both }
    }

    /// The names of a function's parameters, in order; Rust's `self` is none.
    pub(super) fn parameters(&self, function: usize) -> Vec<String> {
        let list = self.child(function, "parameters").or_else(|| self.child(function, "parameter"));
        let Some(list) = list else { return Vec::new() };
        if self.nodes[list].kind == "identifier" {
            return vec![self.text_of(list).to_owned()];
        }
        let mut found = Vec::new();
        for parameter in self.named(list) {
            if self.nodes[parameter].kind == "self_parameter" {
                continue;
            }
            let name = ["name", "pattern"]
                .iter()
                .find_map(|field| self.child(parameter, field))
                .unwrap_or(parameter);
            let is_name = |n: &usize| matches!(self.nodes[*n].kind, "identifier" | "_");
            match self.within(name).find(is_name) {
                Some(name) => found.push(self.text_of(name).to_owned()),
                None => found.push("_".to_owned()),
            }
        }
        found
    }

    /// Names for the other, or for parts of it.
    fn widen<'r>(&'r self, body: usize, others: &mut BTreeSet<&'r str>) {
        for _ in 0..3 {
            for node in self.within(body) {
                let (left, right) = match self.form(node) {
                    Some(Form::Assign) => self.sides(node),
                    _ if self.nodes[node].kind == "instanceof_expression" => {
                        let pattern = self.child(node, "pattern").or_else(|| self.child(node, "name"));
                        (pattern, self.child(node, "left"))
                    }
                    _ if self.nodes[node].kind == "let_condition" => {
                        (self.child(node, "pattern"), self.child(node, "value"))
                    }
                    _ => continue,
                };
                let (Some(left), Some(right)) = (left, right) else { continue };
                let mentions =
                    |n: usize| self.form(n) == Some(Form::Name) && others.contains(self.text_of(n));
                if self.within(right).any(mentions) {
                    let names: Vec<&str> = self
                        .within(left)
                        .filter(|n| self.nodes[*n].kind == "identifier")
                        .map(|n| self.text_of(n))
                        .collect();
                    others.extend(names);
                }
            }
        }
    }
}

struct Sides<'r> {
    reading: &'r Reading,
    others: BTreeSet<&'r str>,
    own: Vec<&'r str>,
    receiver: Option<&'r str>,
}

impl Sides<'_> {
    fn is_other(&self, node: usize) -> bool {
        let r = self.reading;
        r.nodes[node].kind == "identifier"
            && r.nodes[node].field != Some("property")
            && r.nodes[node].field != Some("attribute")
            && self.others.contains(r.text_of(node))
    }

    fn is_own(&self, node: usize) -> bool {
        let r = self.reading;
        let (kind, text) = (r.nodes[node].kind, r.text_of(node));
        match r.grammar {
            Grammar::Python => kind == "identifier" && (self.own.contains(&text) || text == "super"),
            Grammar::Go => kind == "identifier" && self.receiver == Some(text),
            Grammar::Rust => kind == "self",
            // A field needs no `this`.
            Grammar::Java => {
                let field = matches!(r.nodes[node].field, Some("name" | "field"));
                matches!(kind, "this" | "super")
                    || kind == "identifier"
                        && !field
                        && !self.others.contains(text)
                        && text.starts_with(|c: char| c.is_lowercase() || c == '_')
            }
            _ => matches!(kind, "this" | "super"),
        }
    }

    fn mentions(&self, node: usize) -> (bool, bool) {
        let r = self.reading;
        // `hash()` of a class's own, without `this`.
        let bare = |n: usize| {
            r.grammar == Grammar::Java
                && r.nodes[n].kind == "method_invocation"
                && r.child(n, "object").is_none()
        };
        let own = r.within(node).any(|n| self.is_own(n) || bare(n));
        (own, r.within(node).any(|n| self.is_other(n)))
    }

    /// `self is other`: the same thing is equal to itself.
    fn is_identity(&self, node: usize) -> bool {
        let r = self.reading;
        let bare = |n: usize| {
            let n = r.through(n);
            r.nodes[n].children.is_empty() && (self.is_own(n) || self.is_other(n))
        };
        let (a, b) = r.sides(node);
        r.grammar != Grammar::Go && a.is_some_and(bare) && b.is_some_and(bare)
    }

    /// Compares something of its own with something of the other's.
    fn holds_both(&self, node: usize) -> bool {
        let r = self.reading;
        if r.nodes[node].kind == "macro_invocation" || r.form(node) == Some(Form::Match) {
            let whole = r.sides(node).0.unwrap_or(node);
            return self.mentions(whole) == (true, true);
        }
        let text = r.text_of(node);
        let of_types =
            ["type(", "getClass", "__class__", ".constructor", "typeof"].iter().any(|t| text.contains(t));
        match r.form(node) {
            Some(Form::Binary) if !of_types && !self.is_identity(node) => {
                let operator = r.operator(node);
                let (Some(a), Some(b)) = r.sides(node) else { return false };
                let (a, b) = (self.mentions(a), self.mentions(b));
                let across = a.0 && b.1 && !(a.1 && b.0 && a == b && text.is_empty()) || a.1 && b.0;
                match operator.as_str() {
                    "==" | "!=" | "===" | "!==" | "is" | "is not" | "<" | ">" | "<=" | ">=" => {
                        across && (a != (false, true) || b != (false, true))
                            // `abs(a - b) < 1e-9`
                            || a == (true, true) && operator.starts_with('<') && text.contains('-')
                    }
                    // `Integer.compare(a, b)` in the shape of a difference.
                    "-" => across,
                    _ => false,
                }
            }
            Some(Form::Call) => {
                let name = r.function_paths(node, 0);
                let name = name.first().and_then(|p| p.rsplit('.').next()).unwrap_or_default().to_owned();
                COMPARES.contains(&name.as_str()) && self.mentions(node) == (true, true)
            }
            _ => false,
        }
    }

    fn contains_both(&self, node: usize) -> bool {
        self.reading.within(node).any(|n| self.holds_both(n) || self.is_identity(n))
    }

    /// A yes that is not owed to a comparison of both.
    fn says_yes_anyway(&self, node: usize) -> bool {
        let r = self.reading;
        let is_yes =
            |n: usize| matches!(r.text_of(r.through(n)).trim_end_matches(';'), "True" | "true" | "1");
        match r.form(node) {
            Some(Form::Binary) if matches!(r.operator(node).as_str(), "or" | "||" | "|") => {
                let (a, b) = r.sides(node);
                [a, b].into_iter().flatten().any(|side| !self.contains_both(side))
            }
            Some(Form::Branch) => {
                let (Some(condition), Some(then)) = r.sides(node) else { return false };
                let gives = r.named(then);
                let returns = gives.iter().copied().find_map(|n| match r.form(r.through(n)) {
                    Some(Form::Return) => r.sides(r.through(n)).0,
                    _ => None,
                });
                let value = returns.unwrap_or(then);
                is_yes(value) && !self.contains_both(condition)
            }
            _ => false,
        }
    }
}
