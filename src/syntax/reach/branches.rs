//! Branches that answer with a constant, and what makes code take them.

use std::collections::BTreeSet;

use super::forms::Form;
use super::{Reading, Value};

/// What the way into a branch is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// There is nothing: an empty list, no value.
    Empty,
    /// A value as it came, against constants.
    Input,
    /// A value as it came, by which is more.
    Order,
    /// What is derived from it: its length, type, parts, text; that there is anything at all.
    Derived,
    /// No branch: the function answers this whatever it is given.
    Always,
}

/// A branch, a case or a row of a table that answers with a constant.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// The function it is in; empty at the top.
    pub function: String,
    pub held: Held,
    pub compared: Vec<Value>,
    /// The constant; nothing where it is computed from a length alone.
    pub gives: Option<Value>,
    pub line: u32,
    /// Condition or lookup, on one line.
    pub head: String,
    /// The same, and the answer.
    pub text: String,
}

const MEASURES: &[&str] = &["len", "length", "size", "count", "Length", "Count"];

impl Reading {
    /// The functions that compute an answer rather than choose one.
    pub fn computing(&self) -> BTreeSet<String> {
        let answers = |node: usize| self.answers_of(node).into_iter().any(|answer| !self.is_constant(answer));
        let functions = (0..self.nodes.len()).filter(|n| self.form(*n) == Some(Form::Function));
        functions.filter(|n| answers(*n)).map(|n| self.function_name(n)).collect()
    }

    /// All branches that answer with a constant.
    pub fn branches(&self) -> Vec<Branch> {
        let mut found = Vec::new();
        for node in 0..self.nodes.len() {
            match self.form(node) {
                Some(Form::Branch) => {
                    let (Some(condition), Some(then)) = self.sides(node) else { continue };
                    self.branch(condition, then, false, &mut found);
                    let otherwise = self.child(node, "alternative").or_else(|| {
                        (self.nodes[node].kind == "conditional_expression")
                            .then(|| self.named(node).get(2).copied())?
                    });
                    if let Some(otherwise) = otherwise {
                        self.branch(condition, otherwise, true, &mut found);
                    } else if let Some(rest) = self.rest_behind(node, then) {
                        // `if not x: return a` and then `return 7` is the other half.
                        self.branch(condition, rest, true, &mut found);
                    }
                }
                // `while x: return 7` is a branch in another's clothes.
                Some(Form::Condition) => {
                    if let (Some(condition), Some(body)) = self.sides(node)
                        && self.returns_at_once(body)
                    {
                        self.branch(condition, body, false, &mut found);
                    }
                }
                Some(Form::Loop) => {
                    if let (Some(list), Some(body)) = self.sides(node)
                        && self.returns_at_once(body)
                        && let Some(answer) = self.given(body)
                    {
                        self.push(list, Held::Derived, Vec::new(), answer, &mut found);
                    }
                }
                Some(Form::Binary) => self.short_cut(node, &mut found),
                Some(Form::Arm) => self.arm(node, &mut found),
                Some(Form::Index) => {
                    if let (Some(table), Some(key)) = self.sides(node) {
                        self.lookup(table, key, node, &mut found);
                    }
                }
                Some(Form::Call) => {
                    if let Some(key) = self.arguments(node).first()
                        && let Some(table) = self.table_of_call(node)
                    {
                        self.lookup(table, *key, node, &mut found);
                    }
                }
                Some(Form::Function) => self.always(node, &mut found),
                _ => {}
            }
        }
        found
    }

    pub(super) fn function_name(&self, function: usize) -> String {
        match self.sides(function).0 {
            Some(name) => self.text_of(name).to_owned(),
            None => match self.nodes[function].parent {
                parent if self.form(parent) == Some(Form::Assign) => {
                    self.sides(parent).0.map(|n| self.text_of(n).to_owned()).unwrap_or_default()
                }
                _ => String::new(),
            },
        }
    }

    pub(super) fn name_around(&self, node: usize) -> String {
        let names = self.ancestors(node).filter(|at| self.form(*at) == Some(Form::Function));
        names.map(|at| self.function_name(at)).find(|name| !name.is_empty()).unwrap_or_default()
    }

    /// What a function may answer with.
    pub(super) fn answers_of(&self, function: usize) -> Vec<usize> {
        let Some(body) = self.child(function, "body") else { return Vec::new() };
        if !matches!(self.nodes[body].kind, "block" | "statement_block") {
            return vec![body];
        }
        let mut found: Vec<usize> = self
            .within(body)
            .filter(|n| self.form(*n) == Some(Form::Return) && self.function_of(*n) == Some(function))
            .filter_map(|n| self.sides(n).0)
            .collect();
        // What stands last is the answer in Rust.
        if self.nodes[function].kind == "function_item"
            && let Some(last) = self.named(body).last()
            && !self.nodes[*last].kind.contains("statement")
        {
            found.push(*last);
        }
        found
    }

    fn is_constant(&self, node: usize) -> bool {
        let node = self.through(node);
        match self.form(node) {
            Some(Form::List | Form::Map | Form::Pair) => {
                self.named(node).iter().all(|n| self.is_constant(*n))
            }
            Some(Form::Branch) => {
                let (_, then) = self.sides(node);
                let otherwise = self.child(node, "alternative").or_else(|| self.named(node).get(2).copied());
                then.is_some_and(|n| self.is_constant(n)) && otherwise.is_none_or(|n| self.is_constant(n))
            }
            Some(Form::Match) => self
                .within(node)
                .filter(|n| self.form(*n) == Some(Form::Arm))
                .all(|arm| self.sides(arm).1.is_none_or(|answer| self.is_constant(answer))),
            Some(Form::Return) => self.sides(node).0.is_none_or(|n| self.is_constant(n)),
            _ if self.folded(node).is_some() => true,
            _ => matches!(
                self.nodes[node].kind,
                "true"
                    | "false"
                    | "none"
                    | "null"
                    | "nil"
                    | "undefined"
                    | "boolean_literal"
                    | "null_literal"
                    | "unit_expression"
            ),
        }
    }

    /// What a branch gives: what it returns, ends with, or sets the answer to.
    fn given(&self, then: usize) -> Option<usize> {
        let node = self.through(then);
        match self.form(node) {
            Some(Form::Return) => return self.sides(node).0.map(|n| self.through(n)),
            Some(Form::Assign) => return self.sides(node).1.map(|n| self.through(n)),
            _ => {}
        }
        let statements = self.named(node);
        match self.nodes[node].kind {
            "block" | "statement_block" | "else_clause" | "switch_rule" | "statement_list"
            | "variable_list" => {
                let last = statements.last()?;
                (statements.len() <= 2).then(|| self.given(*last)).flatten()
            }
            _ => Some(node),
        }
    }

    /// The `return` right behind an `if` that returns.
    fn rest_behind(&self, node: usize, then: usize) -> Option<usize> {
        let returns = |n: usize| self.within(n).any(|n| self.form(n) == Some(Form::Return));
        let parent = self.nodes[node].parent;
        let siblings = self.named(parent);
        let at = siblings.iter().position(|n| *n == node)?;
        let next = *siblings.get(at + 1)?;
        (returns(then) && self.form(self.through(next)) == Some(Form::Return)).then_some(next)
    }

    fn returns_at_once(&self, body: usize) -> bool {
        let first = self.named(body).first().map(|n| self.through(*n));
        first.is_some_and(|n| self.form(n) == Some(Form::Return))
    }

    fn push(&self, at: usize, held: Held, compared: Vec<Value>, answer: usize, found: &mut Vec<Branch>) {
        let gives = match self.folded(answer) {
            Some(value) => Some(value),
            // As good as a number at the edge.
            None if matches!(self.nodes[answer].kind, "true" | "false") => {
                Some(Value::Number(f64::from(u8::from(self.nodes[answer].kind == "true"))))
            }
            // `max(amount, 7)`, `Some(7)`; what else is handed to a function beside others is no answer.
            None if held == Held::Derived && self.form(answer) == Some(Form::Call) => {
                let arguments = self.arguments(answer);
                let constants = (arguments.len() == 1 || self.is_choice(answer))
                    .then(|| arguments.into_iter().find_map(|a| self.folded(a)))
                    .flatten();
                match constants {
                    Some(value) => Some(value),
                    None if self.is_measure(answer) && !self.is_question(answer) => None,
                    None => return,
                }
            }
            None if self.is_measure(answer) && !self.is_question(answer) && !self.is_aside(answer) => None,
            None => return,
        };
        let words = |node: usize| self.text_of(node).split_whitespace().collect::<Vec<_>>().join(" ");
        let head = words(at);
        found.push(Branch {
            function: self.name_around(at),
            held,
            compared,
            gives,
            line: self.line(answer),
            text: format!("{head} {}", words(answer)),
            head,
        });
    }

    /// Kept under a name that nothing goes by which an answer of the function is made of.
    fn is_aside(&self, answer: usize) -> bool {
        let Some(function) = self.function_of(answer) else { return false };
        let kept = self.ancestors(answer).take_while(|at| *at != function);
        let kept = kept.filter(|at| self.form(*at) == Some(Form::Assign)).find_map(|at| self.sides(at).0);
        let Some(name) = kept.filter(|target| self.form(*target) == Some(Form::Name)) else { return false };
        !self.goes_into_answers(function).contains(self.text_of(name))
    }

    /// The names that answers of a function say, that those are given, and that are handed to what they have.
    fn goes_into_answers(&self, function: usize) -> BTreeSet<&str> {
        let names = |node: usize| {
            let is_name = |n: &usize| self.form(*n) == Some(Form::Name);
            self.within(node).filter(is_name).map(|n| self.text_of(n))
        };
        let mut known: BTreeSet<&str> = self.answers_of(function).into_iter().flat_map(names).collect();
        loop {
            let before = known.len();
            for node in self.within(function) {
                let (to, from) = match self.form(node) {
                    Some(Form::Assign) => self.sides(node),
                    Some(Form::Call) => (
                        self.sides(node).0.or_else(|| self.child(node, "object")),
                        self.child(node, "arguments"),
                    ),
                    // What a loop goes through.
                    Some(Form::Loop) => (
                        self.child(node, "left").or_else(|| self.child(node, "pattern")),
                        self.child(node, "right").or_else(|| self.child(node, "value")),
                    ),
                    _ => continue,
                };
                if let (Some(to), Some(from)) = (to, from)
                    && names(to).any(|name| known.contains(name))
                {
                    known.extend(names(from));
                }
            }
            if known.len() == before {
                return known;
            }
        }
    }

    fn branch(&self, condition: usize, then: usize, otherwise: bool, found: &mut Vec<Branch>) {
        let Some(answer) = self.given(then) else { return };
        let (held, compared) = self.held(condition, otherwise);
        self.push(condition, held, compared, answer, found);
    }

    /// `x and 7 or y`, `len(x) && 7`.
    fn short_cut(&self, node: usize, found: &mut Vec<Branch>) {
        if matches!(self.operator(node).as_str(), "and" | "&&")
            && let (Some(condition), Some(answer)) = self.sides(node)
        {
            self.branch(condition, answer, false, found);
        }
        // `7 * (len(x) == 3)`, `[a, 7][len(x) == 3]`
        if self.operator(node) == "*"
            && let (Some(a), Some(b)) = self.sides(node)
        {
            for (condition, answer) in [(a, b), (b, a)] {
                let inner = self.through(condition);
                if self.form(inner) == Some(Form::Binary) && self.compares(inner) {
                    self.branch(inner, answer, false, found);
                }
            }
        }
    }

    fn arm(&self, arm: usize, found: &mut Vec<Branch>) {
        let (Some(pattern), Some(answer)) = self.sides(arm) else { return };
        let Some(answer) = self.given(answer) else { return };
        // `switch { case len(x) == 3: … }`
        let condition = self.through(pattern);
        if self.form(condition) == Some(Form::Binary) && self.compares(condition) {
            let (held, compared) = self.held(condition, false);
            return self.push(pattern, held, compared, answer, found);
        }
        let subject = self.ancestors(arm).find(|at| self.form(*at) == Some(Form::Match));
        let subject = subject.and_then(|at| self.sides(at).0).map(|n| self.through(n));
        let compared: Vec<Value> = self.within(pattern).filter_map(|n| self.folded(n)).collect();
        let as_it_came = subject.is_none_or(|n| matches!(self.form(n), Some(Form::Name | Form::Member)))
            && !subject.is_some_and(|n| self.is_measure(n));
        let shape = self.text_of(pattern).trim_start().starts_with('[');
        let held = if as_it_came && !shape { Held::Input } else { Held::Derived };
        // What is left for all the rest.
        let rest = matches!(self.text_of(pattern).trim(), "_" | "default" | "case _");
        if !rest || held == Held::Derived && self.folded(answer).is_none() {
            self.push(pattern, held, compared, answer, found);
        }
    }

    /// `{…}.get(key)`, `new Map([…]).get(key)`: the table.
    fn table_of_call(&self, call: usize) -> Option<usize> {
        let function = self.sides(call).0;
        let (object, name) = match function {
            Some(function) => (self.sides(function).0?, self.sides(function).1?),
            None => (self.child(call, "object")?, self.child(call, "name")?),
        };
        matches!(
            self.text_of(name),
            "get" | "at" | "getOrDefault" | "pop" | "setdefault" | "__getitem__" | "elementAt"
        )
        .then_some(object)
    }

    fn lookup(&self, table: usize, key: usize, at: usize, found: &mut Vec<Branch>) {
        let mut table = self.through(table);
        // By the name of one.
        if self.form(table) == Some(Form::Name)
            && let [super::Bound::Node(value)] = self.bound_at(table)[..]
        {
            table = self.through(*value);
        }
        if self.folded(key).is_some() || self.text_of(key).starts_with(|c: char| c.is_ascii_digit()) {
            return;
        }
        let lists = |n: usize| matches!(self.form(n), Some(Form::List | Form::Map | Form::Pair));
        let holds = lists(table)
            || self.form(table) == Some(Form::Call)
                && self.arguments(table).iter().any(|a| lists(self.through(*a)) || self.folded(*a).is_some());
        if !holds {
            return;
        }
        let (held, _) = self.held(key, false);
        let held = if held == Held::Derived && self.form(self.through(key)) == Some(Form::Name) {
            Held::Input
        } else {
            held
        };
        let compared: Vec<Value> = self
            .within(table)
            .filter(|n| self.form(*n) == Some(Form::Pair))
            .filter_map(|n| self.sides(n).0.and_then(|key| self.folded(self.through(key))))
            .collect();
        for node in self.within(table).skip(1).filter(|n| !lists(*n)) {
            let is_key = self.form(self.nodes[node].parent) == Some(Form::Pair)
                && self.sides(self.nodes[node].parent).0 == Some(node);
            let whole =
                !matches!(self.form(self.nodes[node].parent), Some(Form::Binary | Form::Unary | Form::Text));
            if !is_key && whole && self.folded(node).is_some() {
                self.push(at, held, compared.clone(), node, found);
            }
        }
    }

    /// A function whose every answer is one constant.
    fn always(&self, function: usize, found: &mut Vec<Branch>) {
        let answers = self.answers_of(function);
        if let [answer] = answers[..]
            && let Some(value) = self.folded(self.through(answer))
        {
            found.push(Branch {
                function: self.function_name(function),
                held: Held::Always,
                compared: Vec::new(),
                gives: Some(value),
                line: self.line(answer),
                head: String::new(),
                text: self.text_of(answer).to_owned(),
            });
        }
    }

    /// Gives one of its arguments.
    fn is_choice(&self, call: usize) -> bool {
        let name = self.sides(call).0.or_else(|| self.child(call, "name"));
        name.is_some_and(|name| {
            let last = self.text_of(name).rsplit(['.', ':']).next().unwrap_or_default().to_ascii_lowercase();
            ["max", "min", "clamp", "get", "or", "coalesce", "nvl", "unwrap_or"].contains(&last.as_str())
        })
    }

    /// Yes or no (a part of a condition), or the length of what was found in the input, which is no shape of it.
    fn is_question(&self, answer: usize) -> bool {
        const FINDS: &[&str] = &[
            "exec",
            "match",
            "search",
            "fullmatch",
            "find",
            "FindString",
            "FindStringIndex",
            "FindIndex",
            "finditer",
            "captures",
            "matchAll",
        ];
        let last = |path: &String| path.rsplit('.').next().is_some_and(|name| FINDS.contains(&name));
        let is_found = |node: usize| {
            self.form(node) == Some(Form::Name)
                && self.bound_at(node).iter().any(|bound| match bound {
                    super::Bound::Node(value) => {
                        let value = self.through(*value);
                        self.form(value) == Some(Form::Call)
                            && (self.function_paths(value, 0).iter().any(last)
                                || self
                                    .sides(value)
                                    .0
                                    .and_then(|f| self.sides(f).1)
                                    .is_some_and(|name| FINDS.contains(&self.text_of(name))))
                    }
                    _ => false,
                })
        };
        let answer = self.through(answer);
        self.form(answer) == Some(Form::Binary) && self.compares(answer) || self.within(answer).any(is_found)
    }

    /// Computed from lengths and constants alone.
    fn is_measure(&self, node: usize) -> bool {
        self.is_measured(node, false)
    }

    /// The same, where what is built in may be called upon it.
    pub(super) fn is_measured(&self, node: usize, with_calls: bool) -> bool {
        let mut measures = false;
        let plain = self.within(node).all(|n| {
            let text = self.text_of(n);
            // `int count = 0` is a variable of the code's own.
            let length = MEASURES.contains(&text) && self.bound_at(n).is_empty();
            measures |= length;
            let in_measure = || {
                self.ancestors(n)
                    .take_while(|at| self.nodes[*at].bytes.start >= self.nodes[node].bytes.start)
                    .any(|at| {
                        let (first, second) = self.sides(at);
                        let named =
                            |part: Option<usize>| part.is_some_and(|p| MEASURES.contains(&self.text_of(p)));
                        named(first) || named(second) || named(self.child(at, "name"))
                    })
            };
            // `sum(range(len(items)))`: what is built in sees no more than it is given.
            let parent = self.nodes[n].parent;
            let built_in = || {
                with_calls
                    && self.form(parent) == Some(Form::Call)
                    && self.sides(parent).0 == Some(n)
                    && self.bound_at(n).is_empty()
            };
            self.form(n) != Some(Form::Name) || length || in_measure() || built_in()
        });
        plain && measures
    }

    pub(super) fn held(&self, condition: usize, otherwise: bool) -> (Held, Vec<Value>) {
        let mut node = self.through(condition);
        let mut negated = otherwise;
        while self.form(node) == Some(Form::Unary)
            && self.text_of(node).starts_with(['!', 'n'])
            && let Some(inner) = self.sides(node).0
        {
            node = self.through(inner);
            negated = !negated;
        }
        let compared: Vec<Value> = self
            .within(node)
            .filter(|n| matches!(self.form(*n), Some(Form::Number | Form::Text | Form::Unary)))
            .filter_map(|n| self.folded(n))
            .collect();
        let bare = |n: usize| {
            let n = self.through(n);
            matches!(self.form(n), Some(Form::Name | Form::Member)) && !self.is_measure(n)
        };
        let empty = |n: usize| {
            let n = self.through(n);
            let text = self.text_of(n);
            matches!(text, "None" | "null" | "nil" | "undefined" | "\"\"" | "''" | "[]" | "{}" | "()" | "0")
        };
        if self.form(node) == Some(Form::Binary)
            && self.compares(node)
            && let (Some(a), Some(b)) = self.sides(node)
        {
            let operator = self.operator(node);
            let same = matches!(operator.as_str(), "==" | "===" | "is");
            let other = matches!(operator.as_str(), "!=" | "!==" | "is not" | ">");
            let against_nothing = empty(a) || empty(b);
            let nothing = ["None", "null", "nil", "undefined"].contains(&self.text_of(self.through(b)));
            if against_nothing
                && (same && !negated || other && negated)
                && (nothing || !bare(a) || self.text_of(b) != "0")
            {
                return (Held::Empty, Vec::new());
            }
            let constant = |n: usize| {
                let n = self.through(n);
                let yes_or_no = matches!(self.text_of(n), "true" | "false" | "True" | "False");
                yes_or_no || self.folded(n).is_some() && !matches!(self.form(n), Some(Form::List))
            };
            if bare(a) && constant(b) || constant(a) && bare(b) {
                let held = if same || other && operator != ">" { Held::Input } else { Held::Order };
                return (held, compared);
            }
            if operator == "in" && bare(a) {
                return (Held::Input, compared);
            }
            // `a == 41 and b`
            if matches!(operator.as_str(), "and" | "&&" | "or" | "||") {
                let sides = [self.held(a, negated), self.held(b, negated)];
                let held = sides.iter().map(|(held, _)| *held).max().unwrap_or(Held::Derived);
                return (held, compared);
            }
            return (Held::Derived, compared);
        }
        let says_empty = ["is_empty", "isEmpty", "IsZero", "is_none", "isNone", "isBlank"]
            .iter()
            .any(|w| self.text_of(node).contains(w));
        if says_empty != negated && (says_empty || bare(node) || self.is_measure(node)) {
            return (Held::Empty, Vec::new());
        }
        (Held::Derived, compared)
    }
}
