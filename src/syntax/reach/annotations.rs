//! What a Python file says of types, place by place.

use super::Reading;
use crate::syntax::tree::Grammar;

/// What a type is written beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SlotKind {
    Parameter,
    Answer,
    Variable,
}

/// A parameter, a function's answer or a variable; the latter only with a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Classes and functions around it, and the function it belongs to: `Cart.total`.
    pub owner: String,
    pub name: String,
    pub kind: SlotKind,
    pub annotation: Option<String>,
    pub line: u32,
}

impl Reading {
    /// All places of a Python file that may say a type.
    pub fn slots(&self) -> Vec<Slot> {
        let mut found = Vec::new();
        if self.grammar != Grammar::Python {
            return found;
        }
        for node in 0..self.nodes.len() {
            match self.nodes[node].kind {
                "function_definition" => self.slots_of(node, &mut found),
                "assignment" => {
                    if let (Some(left), Some(annotation)) =
                        (self.child(node, "left"), self.child(node, "type"))
                    {
                        found.push(Slot {
                            owner: self.owners(node),
                            name: self.text_of(left).to_owned(),
                            kind: SlotKind::Variable,
                            annotation: Some(self.words_of(annotation)),
                            line: self.line(node),
                        });
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn slots_of(&self, function: usize, found: &mut Vec<Slot>) {
        let around = self.owners(function);
        let name = self.child(function, "name").map(|n| self.text_of(n)).unwrap_or_default();
        let owner = if around.is_empty() { name.to_owned() } else { format!("{around}.{name}") };
        let annotation = |node: usize, field: &str| self.child(node, field).map(|n| self.words_of(n));
        let mut add = |name: &str, kind, annotation, node| {
            let (owner, name, line) = (owner.clone(), name.to_owned(), self.line(node));
            found.push(Slot { owner, name, kind, annotation, line });
        };
        add("", SlotKind::Answer, annotation(function, "return_type"), function);
        let Some(parameters) = self.child(function, "parameters") else { return };
        for parameter in self.named(parameters) {
            let named = match self.nodes[parameter].kind {
                "default_parameter" | "typed_default_parameter" => self.child(parameter, "name"),
                "typed_parameter" => self.named(parameter).first().copied(),
                _ => Some(parameter),
            };
            let Some(named) = named else { continue };
            add(self.text_of(named), SlotKind::Parameter, annotation(parameter, "type"), parameter);
        }
    }

    /// The names of what stands around a node, the outermost first.
    fn owners(&self, node: usize) -> String {
        let is_owner =
            |at: &usize| matches!(self.nodes[*at].kind, "function_definition" | "class_definition");
        let names = self.ancestors(node).filter(is_owner).filter_map(|at| self.child(at, "name"));
        let mut names: Vec<&str> = names.map(|name| self.text_of(name)).collect();
        names.reverse();
        names.join(".")
    }

    fn words_of(&self, node: usize) -> String {
        self.text_of(node).split_whitespace().collect::<Vec<_>>().join(" ")
    }
}
