//! Places where a path is used: what is done there, and what it decides.

use std::collections::{BTreeMap, BTreeSet};

use super::forms::Form;
use super::names::GIVES_MODULE;
use super::{Bound, Decides, How, Reading, Use};
use crate::syntax::tree::Grammar;

/// Those that change their first argument: with a name as the second, or with the names of an object.
const CHANGES: &[&str] = &[
    "setattr",
    "delattr",
    "Object.assign",
    "Object.defineProperty",
    "Object.defineProperties",
    "Reflect.set",
    "Reflect.defineProperty",
    "Reflect.deleteProperty",
    "Object.setPrototypeOf",
    "Reflect.setPrototypeOf",
    "object.__setattr__",
    "type.__setattr__",
];
/// Conditions of more nodes are not looked into.
const LONGEST_CONDITION: usize = 2000;

/// Methods that say yes or no.
const ASKS: &[&str] = &[
    "startswith",
    "endswith",
    "startsWith",
    "endsWith",
    "starts_with",
    "ends_with",
    "contains",
    "includes",
    "indexOf",
    "index",
    "find",
    "match",
    "matches",
    "search",
    "test",
    "exec",
    "equals",
    "equalsIgnoreCase",
    "eq",
    "is_some",
    "some",
    "any",
    "every",
    "Contains",
    "HasPrefix",
    "HasSuffix",
    "EqualFold",
    "Index",
    "MatchString",
    "bool",
    "Boolean",
    "isBefore",
    "isAfter",
    "Before",
    "After",
    "anyMatch",
    "count",
    "is_ok",
    "exists",
    "isPresent",
];

impl Reading {
    /// Whether a chain of names ends with this node, and it is used rather than defined.
    pub(super) fn is_whole(&self, node: usize) -> bool {
        let Some(form) = self.form(node) else { return false };
        if !matches!(form, Form::Name | Form::Member | Form::Index | Form::Call) || node == 0 {
            return false;
        }
        let own = &self.nodes[node];
        let parent = own.parent;
        let (first, second) = self.sides(parent);
        match self.form(parent) {
            // Within a longer one, or the name of a member.
            Some(Form::Member) => return false,
            Some(Form::Index) => return first != Some(node),
            Some(Form::Call) if first == Some(node) => return false,
            Some(Form::Call) => {
                return !(own.field == Some("name") || own.field == Some("object")) || first.is_some();
            }
            Some(Form::Assign) if first == Some(node) => return form != Form::Name,
            None if own.field != Some("right") && form == Form::Name && self.is_target(parent) => {
                return false;
            }
            Some(Form::Function) => return second == Some(node),
            Some(Form::Through) => return self.is_through_whole(parent),
            _ => {}
        }
        let kind = self.nodes[parent].kind;
        let names = own.field == Some("name") || own.field == Some("key") || own.field == Some("label");
        let imports = kind.contains("import")
            || kind.contains("use_")
            || kind == "aliased_import"
            || kind == "dotted_name";
        let defines = names && form == Form::Name;
        !(imports || defines || kind.contains("parameter") || kind == "export_specifier")
    }

    /// A list of names that are given values.
    fn is_target(&self, node: usize) -> bool {
        let is_list = matches!(self.nodes[node].kind, "expression_list" | "pattern_list");
        is_list && self.nodes[node].field == Some("left")
    }

    fn is_through_whole(&self, node: usize) -> bool {
        let parent = self.nodes[node].parent;
        match self.form(parent) {
            Some(Form::Member | Form::Index | Form::Call) => self.sides(parent).0 != Some(node),
            Some(Form::Through) => self.is_through_whole(parent),
            _ => true,
        }
    }

    /// What is done with a whole chain, and the call where it is one.
    pub(super) fn how(&self, node: usize) -> (How, Option<usize>) {
        if self.form(node) == Some(Form::Call) {
            // A module that is handed out is read.
            let brings = self.function_paths(node, 0).iter().any(|f| GIVES_MODULE.contains(&f.as_str()));
            return (if brings { How::Read } else { How::Call }, Some(node));
        }
        let parent = self.nodes[node].parent;
        let written = self.form(parent) == Some(Form::Assign) && self.sides(parent).0 == Some(node);
        let list = self.is_target(parent);
        let deleted = self.nodes[parent].kind == "delete_statement"
            || self.nodes[parent].kind == "unary_expression" && self.text_of(parent).starts_with("delete");
        if written || list || deleted { (How::Write, None) } else { (How::Read, None) }
    }

    pub(super) fn used(
        &self,
        node: usize,
        path: String,
        how: How,
        call: Option<usize>,
        conditions: &Conditions<'_>,
    ) -> Use {
        let line = self.line(node);
        let arguments = call.map(|call| self.arguments(call).iter().map(|a| self.folded(*a)).collect());
        let parent = self.nodes[node].parent;
        let given = (how == How::Write).then(|| self.sides(parent).1).flatten();
        let from = path;
        Use {
            path: from.replace("(_)", "").replace("()", ""),
            from: if how == How::Call { from.trim_end_matches("(_)").to_owned() } else { from },
            how,
            decides: self.decides(node, conditions),
            handed: matches!(self.nodes[parent].kind, "arguments" | "argument_list"),
            arguments: arguments.unwrap_or_default(),
            on_load: self.is_on_load(node),
            given_code: given.is_none_or(|value| self.is_code(value)),
            line,
            text: self.line_text(line).to_owned(),
        }
    }

    /// Runs when the file is loaded: in no function that waits to be called.
    fn is_on_load(&self, node: usize) -> bool {
        let function = self.function_of(node);
        function.is_none_or(|function| {
            self.grammar == Grammar::Go
                && self.sides(function).0.is_some_and(|name| self.text_of(name) == "init")
        }) && self
            .ancestors(node)
            .all(|at| !self.text_of(at).starts_with("if __name__") || self.nodes[at].kind != "if_statement")
    }

    /// A function, a class, or the name of one.
    fn is_code(&self, value: usize) -> bool {
        let value = self.through(value);
        match self.form(value) {
            Some(Form::Function) => true,
            Some(Form::Name) => {
                let name = self.text_of(value);
                let defines = |n: usize| {
                    (self.form(n) == Some(Form::Function) || self.nodes[n].kind.contains("class"))
                        && self.child(n, "name").is_some_and(|own| self.text_of(own) == name)
                };
                (0..self.nodes.len()).any(defines) || self.paths(value, 0).iter().any(|path| path != "?")
            }
            Some(Form::Member) => self.paths(value, 0).iter().any(|path| !path.starts_with('?')),
            Some(Form::Call) => {
                let of = self.function_paths(value, 0);
                of.iter().any(|p| {
                    matches!(
                        p.as_str(),
                        "property" | "classmethod" | "staticmethod" | "functools.partial" | "Proxy"
                    ) || p.contains("Mock")
                        || p == "?"
                })
            }
            _ => matches!(self.nodes[value].kind, "lambda" | "class" | "generator_function"),
        }
    }

    /// `setattr(x, "name", …)`, `Object.assign(x, { name })`: what they change of `x`.
    pub(super) fn written_by_call(
        &self,
        node: usize,
        call: Option<usize>,
        found: &mut Vec<Use>,
        conditions: &Conditions<'_>,
    ) {
        let Some(call) = call else { return };
        let functions = self.function_paths(call, 0);
        if !functions.iter().any(|f| CHANGES.contains(&f.as_str())) {
            return;
        }
        let arguments = self.arguments(call);
        let Some(object) = arguments.first() else { return };
        let keys: Vec<String> = match arguments.get(1) {
            Some(names) if self.form(*names) == Some(Form::Map) => self
                .named(*names)
                .iter()
                .filter_map(|part| self.child(*part, "key").or_else(|| self.child(*part, "name")))
                .map(|key| self.text_of(key).trim_matches(['"', '\'']).to_owned())
                .collect(),
            other => vec![self.key(other.copied())],
        };
        for path in self.paths(*object, 0) {
            for key in &keys {
                let path = self.tidy(&format!("{path}.{key}"));
                found.push(Use { given_code: true, ..self.used(node, path, How::Write, None, conditions) });
            }
        }
    }

    /// Paths in a macro's arguments, which the grammar leaves as they are.
    pub(super) fn macro_uses(&self, node: usize, found: &mut Vec<Use>) {
        let mut path = String::new();
        let matches = self.text_of(self.nodes[node].parent).starts_with("matches!");
        let mut last = node;
        for token in &self.nodes[node].children {
            let text = self.text_of(*token);
            match self.nodes[*token].kind {
                "identifier" | "self" | "crate" if path.is_empty() || path.ends_with('.') => {
                    if path.is_empty() && text == "self" {
                        path.push('?');
                    } else if path.is_empty() {
                        path.push_str(self.meanings(*token, 0).first().map_or("?", String::as_str));
                    } else {
                        path.push_str(text);
                    }
                    last = *token;
                }
                "::" | "." if !path.is_empty() => path.push('.'),
                kind => {
                    if path.is_empty() {
                        continue;
                    }
                    let how =
                        if kind == "token_tree" && text.starts_with('(') { How::Call } else { How::Read };
                    let line = self.line(last);
                    let from = self.tidy(path.trim_end_matches('.'));
                    found.push(Use {
                        path: from.replace("(_)", "").replace("()", ""),
                        from,
                        how,
                        // `matches!(x, …)` decides as `if` does.
                        decides: if matches { Decides::Fixed } else { Decides::Nothing },
                        handed: false,
                        arguments: Vec::new(),
                        on_load: false,
                        given_code: true,
                        line,
                        text: self.line_text(line).to_owned(),
                    });
                    path.clear();
                }
            }
        }
    }

    /// What stands in conditions.
    pub(super) fn conditions(&self) -> Conditions<'_> {
        let mut found = Conditions::default();
        for node in 0..self.nodes.len() {
            if self.form(node) == Some(Form::Name)
                && let Some(condition) = self.condition_of(node)
            {
                let fixed = self.is_fixed(condition, self.text_of(node));
                found.names.entry(self.text_of(node)).or_default().push((self.functions[node], fixed));
            }
            if self.form(node) == Some(Form::Function)
                && let Some(name) = self.sides(node).0
            {
                found.functions.entry(self.text_of(name)).or_default().push(node);
            }
        }
        found
    }

    /// The smallest expression around a node that decides something.
    fn condition_of(&self, node: usize) -> Option<usize> {
        let mut at = node;
        while at != 0 {
            let parent = self.nodes[at].parent;
            let (first, _) = self.sides(parent);
            match self.form(parent) {
                Some(Form::Binary) if self.compares(parent) => return Some(parent),
                Some(Form::Branch | Form::Condition | Form::Match) if first == Some(at) => return Some(at),
                Some(Form::Unary) if self.text_of(parent).starts_with(['!', 'n']) => return Some(parent),
                // `[a, b][at]`
                Some(Form::Index)
                    if first.is_some_and(|n| self.form(n) == Some(Form::List)) && first != Some(at) =>
                {
                    return Some(at);
                }
                Some(Form::Call) => {
                    let asks = |path: &String| path.rsplit('.').next().is_some_and(|n| ASKS.contains(&n));
                    if self.function_paths(parent, 0).iter().any(asks) {
                        return Some(parent);
                    }
                }
                _ => {}
            }
            if matches!(
                self.nodes[parent].kind,
                "block" | "statement_block" | "module" | "program" | "source_file"
            ) {
                return None;
            }
            at = parent;
        }
        None
    }

    pub(super) fn compares(&self, node: usize) -> bool {
        let children = &self.nodes[node].children;
        self.nodes[node].kind == "comparison_operator"
            || children.iter().any(|c| {
                matches!(
                    self.text_of(*c),
                    "==" | "!="
                        | "==="
                        | "!=="
                        | "<"
                        | ">"
                        | "<="
                        | ">="
                        | "in"
                        | "not in"
                        | "&&"
                        | "||"
                        | "and"
                        | "or"
                        | "instanceof"
                        | "is"
                ) && !self.nodes[*c].named
            })
    }

    /// Whether nothing else that changes stands in the condition.
    fn is_fixed(&self, condition: usize, but: &str) -> bool {
        // Nobody writes one that long; what is in it is not looked for.
        if self.within(condition).nth(LONGEST_CONDITION).is_some() {
            return true;
        }
        // What a condition binds itself is no value that came from elsewhere.
        let statement = self.ancestors(condition).find(|at| {
            let kind = self.nodes[*at].kind;
            kind.contains("statement") || kind.contains("declaration") || kind == "assignment"
        });
        let binds = |n: &usize| {
            matches!(
                self.nodes[*n].kind,
                "for_in_clause" | "lambda_parameters" | "formal_parameters" | "closure_parameters"
            ) || self.nodes[*n].kind == "arrow_function"
                || self.nodes[*n].kind == "lambda_expression"
        };
        let bound_here: BTreeSet<&str> = statement.map_or_else(BTreeSet::new, |statement| {
            let places = self.within(statement).take(LONGEST_CONDITION).filter(binds);
            let names = places.filter_map(|at| {
                let parts = ["left", "parameter", "parameters"];
                parts.iter().find_map(|part| self.child(at, part)).or(Some(at))
            });
            let short = names.filter(|n| self.form(*n) != Some(Form::Function));
            short
                .flat_map(|n| self.within(n).collect::<Vec<_>>())
                .filter(|n| self.nodes[*n].kind == "identifier")
                .map(|n| self.text_of(n))
                .collect()
        });
        let computed = |node: usize| {
            self.form(node) == Some(Form::Name)
                && !bound_here.contains(self.text_of(node))
                && self.nodes[node].field != Some("property")
                && self.nodes[node].field != Some("attribute")
                && self.text_of(node) != but
                && self.is_computed(node, 0)
        };
        let own = |node: usize| matches!(self.nodes[node].kind, "this" | "self");
        !self.within(condition).any(|node| computed(node) || own(node))
    }

    /// Whether a name stands for something that a caller gave, or that is made from it.
    fn is_computed(&self, name: usize, depth: usize) -> bool {
        let key = (self.text_of(name).to_owned(), self.functions[name]);
        if let Some(known) = self.computed.borrow().get(&key) {
            return *known;
        }
        self.computed.borrow_mut().insert(key.clone(), false);
        let computed = self.bound_at(name).iter().any(|one| match one {
            Bound::Own | Bound::Member(..) => true,
            Bound::Path(_) => false,
            Bound::Node(value) => {
                depth < 100
                    && self.within(*value).any(|n| {
                        matches!(self.nodes[n].kind, "this" | "self")
                            || self.form(n) == Some(Form::Name)
                                && self.text_of(n) != key.0
                                && !matches!(self.nodes[n].field, Some("attribute" | "property" | "name"))
                                && self.is_computed(n, depth + 1)
                    })
            }
        });
        self.computed.borrow_mut().insert(key, computed);
        computed
    }

    fn decides(&self, node: usize, conditions: &Conditions<'_>) -> Decides {
        let by = |fixed: bool| if fixed { Decides::Fixed } else { Decides::Computed };
        if let Some(condition) = self.condition_of(node) {
            return by(self.is_fixed(condition, ""));
        }
        // By a name it is kept under, or what it is returned by.
        for at in self.ancestors(node) {
            let decided = match self.form(at) {
                Some(Form::Assign) => {
                    self.sides(at).0.and_then(|target| self.target_decides(target, conditions))
                }
                Some(Form::Function) => {
                    self.sides(at).0.and_then(|name| conditions.of(self, self.text_of(name), 0))
                }
                _ => None,
            };
            if let Some(fixed) = decided {
                return by(fixed);
            }
            if self.form(at) == Some(Form::Function) {
                break;
            }
        }
        // Only a call that fills what it is given: `capture(trace)`.
        if let Some(first) = self.arguments(node).first()
            && self.form(*first) == Some(Form::Name)
            && let Some(fixed) = self.target_decides(*first, conditions)
        {
            return by(fixed);
        }
        // What another function makes of it there is more than what is decided here.
        let decides_there = self.callee_decides(node, conditions).unwrap_or_default();
        if decides_there { Decides::Computed } else { Decides::Nothing }
    }

    /// Whether what a target is given stands in a condition: one of the function's own in there, a member anywhere.
    fn target_decides(&self, target: usize, conditions: &Conditions<'_>) -> Option<bool> {
        let text = self.text_of(target);
        let name = text.split(['.', '[']).next().unwrap_or_default();
        let around = self.functions[target];
        let is_local = name == text
            && self.bound.get(name).is_some_and(|all| all.iter().any(|(function, _)| *function == around));
        conditions.of(self, name, if is_local { around } else { 0 })
    }

    /// Whether a function of this file, which is handed something, decides by it.
    fn callee_decides(&self, node: usize, conditions: &Conditions<'_>) -> Option<bool> {
        let parent = self.nodes[node].parent;
        let keyword = self.child(parent, "name").filter(|_| self.nodes[parent].kind == "keyword_argument");
        let (argument, list) =
            if keyword.is_some() { (parent, self.nodes[parent].parent) } else { (node, parent) };
        let call = self.nodes[list].parent;
        if self.form(call) != Some(Form::Call) || self.child(call, "arguments") != Some(list) {
            return None;
        }
        let place = self.named(list).iter().position(|n| *n == argument)?;
        let function = self.sides(call).0.or_else(|| self.child(call, "name"))?;
        let name = self.text_of(function).rsplit(['.', ':']).next().unwrap_or_default();
        let is_member = self.form(function) == Some(Form::Member) || self.child(call, "object").is_some();
        let decides = |function: &usize| {
            let parameters = self.parameters(*function);
            let own = usize::from(is_member && parameters.first().is_some_and(|p| p == "self" || p == "cls"));
            let parameter = match keyword {
                Some(keyword) => self.text_of(keyword),
                None => parameters.get(place + own)?,
            };
            conditions.of(self, parameter, *function)
        };
        Some(conditions.functions.get(name)?.iter().any(|function| decides(function).is_some()))
    }
}

/// What stands in conditions, and whether only against constants.
#[derive(Default)]
pub(super) struct Conditions<'a> {
    /// By name, with the function around.
    names: BTreeMap<&'a str, Vec<(usize, bool)>>,
    functions: BTreeMap<&'a str, Vec<usize>>,
}

impl Conditions<'_> {
    /// Of a name of one function, and those in it; the first node is the file.
    fn of(&self, reading: &Reading, name: &str, function: usize) -> Option<bool> {
        let is_in = |other: usize| function == 0 || other != 0 && reading.is_within(other, function);
        let met = self.names.get(name)?.iter().filter(|(other, _)| is_in(*other));
        met.map(|(_, fixed)| *fixed).reduce(|a, b| a || b)
    }
}
