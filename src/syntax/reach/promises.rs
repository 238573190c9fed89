//! What the heads of TypeScript's functions promise of a type, and whether their code does anything for it.

use super::Reading;
use super::forms::Form;

/// A function whose head says more of types than its code can be held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// What it is called; empty where nothing says it.
    pub name: String,
    pub kind: Promise,
    /// Up to its body, on one line.
    pub head: String,
    /// The whole, on one line.
    pub text: String,
    pub line: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// `x is T`, `asserts x is T`, and nothing asks what `x` is.
    Unasked,
    /// It answers with a type of the caller's choice that nothing it is given has.
    OfNothing,
}

/// Operators that ask something of a value.
const ASKS: &[&str] = &["instanceof", "in", "==", "!=", "===", "!=="];

impl Reading {
    /// Functions that promise what nothing in them shows.
    pub fn promised(&self) -> Vec<Promised> {
        let functions = (0..self.nodes.len()).filter(|node| self.form(*node) == Some(Form::Function));
        functions.filter_map(|node| Some(self.promise(node, self.promise_of(node)?))).collect()
    }

    fn promise_of(&self, node: usize) -> Option<Promise> {
        let answer = self.child(node, "return_type")?;
        let is_predicate = |n: usize| self.nodes[n].kind.starts_with("type_predicate");
        if self.within(answer).any(is_predicate) {
            let body = self.child(node, "body")?;
            return (!self.within(body).any(|n| self.asks(n))).then_some(Promise::Unasked);
        }
        let names = self.child(node, "type_parameters")?;
        let parameters = self.child(node, "parameters")?;
        let holds = |within: usize, name: &str| {
            let mut names = self.within(within).filter(|n| self.nodes[*n].kind == "type_identifier");
            names.any(|n| self.text_of(n) == name)
        };
        // One with a default may hang on another.
        let names = self.named(names).into_iter().filter(|one| self.child(*one, "value").is_none());
        let names = names.filter_map(|one| self.child(one, "name"));
        names
            .map(|name| self.text_of(name))
            .any(|name| holds(answer, name) && !holds(parameters, name))
            .then_some(Promise::OfNothing)
    }

    fn asks(&self, node: usize) -> bool {
        let called = |call: usize| {
            let function = self.child(call, "function")?;
            let name = self.child(function, "property").unwrap_or(function);
            Some(self.text_of(name))
        };
        match self.nodes[node].kind {
            "unary_expression" => self.child(node, "operator").is_some_and(|o| self.text_of(o) == "typeof"),
            "binary_expression" => {
                self.child(node, "operator").is_some_and(|o| ASKS.contains(&self.text_of(o)))
            }
            "switch_statement" => true,
            "call_expression" => called(node).is_some_and(|name| {
                let is_question =
                    name.strip_prefix("is").is_some_and(|rest| rest.starts_with(char::is_uppercase));
                is_question || matches!(name, "has" | "test")
            }),
            _ => false,
        }
    }

    fn promise(&self, node: usize, kind: Promise) -> Promised {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let bytes = &self.nodes[node].bytes;
        let body = self.child(node, "body").map_or(bytes.end, |body| self.nodes[body].bytes.start);
        let own = self.child(node, "name");
        // `const sure = (…) => …`
        let declared = || {
            let parent = self.nodes[node].parent;
            (self.nodes[parent].kind == "variable_declarator").then(|| self.child(parent, "name")).flatten()
        };
        Promised {
            name: own.or_else(declared).map(|name| self.text_of(name).to_owned()).unwrap_or_default(),
            kind,
            head: one_line(self.text.get(bytes.start..body).unwrap_or_default()),
            text: one_line(self.text_of(node)),
            line: self.line(node),
        }
    }
}
