//! Follows names to what they stand for.

use std::collections::{BTreeMap, BTreeSet};

use super::forms::{self, Form};
use super::{Bound, Decides, How, Reading, Use, Value};
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
const GIVES_MODULE: &[&str] = &[
    "require",
    "import",
    "__import__",
    "importlib.import_module",
    "process.getBuiltinModule",
    "importlib.__import__",
];
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
    pub(super) fn bind_names(&mut self) {
        let mut bound: BTreeMap<String, Vec<Bound>> = BTreeMap::new();
        let mut bind = |name: &str, to: Bound| bound.entry(name.to_owned()).or_default().push(to);
        for node in 0..self.nodes.len() {
            match self.form(node) {
                Some(Form::Assign) => {
                    let (left, right) = self.sides(node);
                    if let Some(left) = left {
                        self.bind_target(left, right, &mut bind);
                    }
                }
                Some(Form::Function) => {
                    if let Some(name) = self.sides(node).0 {
                        bind(self.text_of(name), Bound::Own);
                    }
                }
                _ => {}
            }
            if matches!(self.nodes[node].kind, "class_definition" | "class_declaration")
                && let Some(name) = self.child(node, "name")
            {
                bind(self.text_of(name), Bound::Own);
            }
            let kind = self.nodes[node].kind;
            if matches!(
                kind,
                "parameters"
                    | "formal_parameters"
                    | "lambda_parameters"
                    | "parameter_list"
                    | "closure_parameters"
            ) {
                for inner in self.within(node).filter(|n| self.nodes[*n].kind == "identifier") {
                    let field = self.nodes[inner].field;
                    if !matches!(field, Some("value" | "right" | "type")) {
                        bind(self.text_of(inner), Bound::Own);
                    }
                }
            }
            let loops = matches!(
                kind,
                "for_statement" | "for_in_statement" | "for_expression" | "for_in_clause" | "range_clause"
            );
            if loops && let Some(left) = self.child(node, "left").or_else(|| self.child(node, "pattern")) {
                for inner in self.within(left).filter(|n| self.nodes[*n].kind == "identifier") {
                    bind(self.text_of(inner), Bound::Own);
                }
            }
            // `import lib = require("x")`
            if kind == "import_require_clause"
                && let [name, module] = self.named(node)[..]
                && let Some(Value::Text(module)) = self.folded(module)
            {
                bind(self.text_of(name), Bound::Path(module.trim_start_matches("node:").to_owned()));
            }
        }
        for (name, all) in bound {
            self.bound.entry(name).or_default().extend(all);
        }
    }

    fn bind_target(&self, left: usize, right: Option<usize>, bind: &mut impl FnMut(&str, Bound)) {
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
                self.bind_target(*name, value, bind);
            }
            return;
        }
        if kind == "object_pattern" {
            for part in self.named(left) {
                let key = self.child(part, "key").unwrap_or(part);
                let local = self.child(part, "value").unwrap_or(part);
                if let Some(right) = right {
                    let key = self.text_of(key).trim_matches(['"', '\'']).to_owned();
                    bind(self.text_of(local), Bound::Member(right, key));
                }
            }
            return;
        }
        if kind == "mut_pattern"
            && let Some(inner) = self.named(left).last()
        {
            return self.bind_target(*inner, right, bind);
        }
        if self.form(left) == Some(Form::Name) || kind == "shorthand_property_identifier_pattern" {
            bind(self.text_of(left), right.map_or(Bound::Own, Bound::Node));
        }
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
            Some(Form::Name) => self.meanings(self.text_of(node), depth),
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
                let name = self.child(node, "name").map(|n| self.text_of(n)).unwrap_or_default();
                match self.child(node, "object") {
                    Some(object) => {
                        let paths = self.paths(object, depth + 1);
                        paths.iter().map(|path| self.tidy(&format!("{path}.{name}"))).collect()
                    }
                    None => self.meanings(name, depth),
                }
            }
        }
    }

    pub(super) fn arguments(&self, call: usize) -> Vec<usize> {
        self.child(call, "arguments").map(|list| self.named(list)).unwrap_or_default()
    }

    /// A constant key by its value, a place in a list by its number.
    fn key(&self, key: Option<usize>) -> String {
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

    fn meanings(&self, name: &str, depth: usize) -> Vec<String> {
        let Some(bound) = self.bound.get(name) else {
            let mut all = vec![self.tidy(name)];
            all.extend(self.wildcards.iter().map(|module| self.tidy(&format!("{module}.{name}"))));
            return all;
        };
        if let Some(known) = self.met.borrow().get(name) {
            return known.clone();
        }
        self.met.borrow_mut().insert(name.to_owned(), vec!["?".to_owned()]);
        let mut all: Vec<String> = Vec::new();
        for one in bound.iter().take(MOST_BOUND) {
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
        self.met.borrow_mut().insert(name.to_owned(), all.clone());
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
        conditions: &BTreeMap<String, bool>,
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
        conditions: &BTreeMap<String, bool>,
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
                        path.push_str(self.meanings(text, 0).first().map_or("?", String::as_str));
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

    /// Names that stand in conditions, and whether only against constants.
    pub(super) fn condition_names(&self) -> BTreeMap<String, bool> {
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        for node in 0..self.nodes.len() {
            if self.form(node) == Some(Form::Name)
                && let Some(condition) = self.condition_of(node)
            {
                let fixed = self.is_fixed(condition, self.text_of(node));
                let entry = found.entry(self.text_of(node).to_owned()).or_default();
                *entry = *entry || fixed;
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
            let places = self.within(statement).filter(binds);
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
                && self.is_computed(self.text_of(node), 0)
        };
        let own = |node: usize| matches!(self.nodes[node].kind, "this" | "self");
        !self.within(condition).any(|node| computed(node) || own(node))
    }

    /// Whether a name stands for something that a caller gave, or that is made from it.
    fn is_computed(&self, name: &str, depth: usize) -> bool {
        let Some(bound) = self.bound.get(name) else { return false };
        if let Some(known) = self.computed.borrow().get(name) {
            return *known;
        }
        self.computed.borrow_mut().insert(name.to_owned(), false);
        let computed = bound.iter().any(|one| match one {
            Bound::Own | Bound::Member(..) => true,
            Bound::Path(_) => false,
            Bound::Node(value) => {
                depth < 100
                    && self.within(*value).any(|n| {
                        matches!(self.nodes[n].kind, "this" | "self")
                            || self.form(n) == Some(Form::Name)
                                && self.text_of(n) != name
                                && !matches!(self.nodes[n].field, Some("attribute" | "property" | "name"))
                                && self.is_computed(self.text_of(n), depth + 1)
                    })
            }
        });
        self.computed.borrow_mut().insert(name.to_owned(), computed);
        computed
    }

    fn decides(&self, node: usize, conditions: &BTreeMap<String, bool>) -> Decides {
        let by = |fixed: bool| if fixed { Decides::Fixed } else { Decides::Computed };
        if let Some(condition) = self.condition_of(node) {
            return by(self.is_fixed(condition, ""));
        }
        // By a name it is kept under, or what it is returned by.
        for at in self.ancestors(node) {
            let name = match self.form(at) {
                Some(Form::Assign | Form::Function) => self.sides(at).0,
                _ => None,
            };
            let name = name.map(|name| self.text_of(name).split(['.', '[']).next().unwrap_or_default());
            if let Some(fixed) = name.and_then(|name| conditions.get(name)) {
                return by(*fixed);
            }
            if self.form(at) == Some(Form::Function) {
                break;
            }
        }
        // Only a call that fills what it is given: `capture(trace)`.
        if let Some(first) = self.arguments(node).first()
            && let Some(fixed) = conditions.get(self.text_of(*first))
            && self.form(*first) == Some(Form::Name)
        {
            return by(*fixed);
        }
        Decides::Nothing
    }
}
