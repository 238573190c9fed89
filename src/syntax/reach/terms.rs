//! Numbers that are part of an answer only where the input has a certain shape: `14 * bool(prices)`, `if prices: amount
//! += 14`; and answers that are made from lengths alone.

use super::forms::Form;
use super::{Held, Reading, Value};

/// A number as the code writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    pub value: f64,
    /// Whether it counts hangs on a length, on a yes or no, or on whether there is anything at all.
    pub shaped: bool,
    /// The function it is in; empty at the top.
    pub function: String,
    pub line: u32,
    /// The statement's first line.
    pub text: String,
}

/// An answer that is made from lengths and constants alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub function: String,
    /// How many constants are in it.
    pub constants: usize,
    pub line: u32,
    pub text: String,
}

/// What says yes or no, or how many, of what it is given.
const SHAPES: &[&str] = &[
    "bool", "len", "any", "all", "sign", "signum", "Boolean", "is_empty", "isEmpty", "length", "size",
    "count", "Length", "Count",
];

/// What makes a number of a yes.
const NUMBERS: &[&str] = &["int", "Number", "from", "float", "min", "max", "abs", "round", "sum"];

impl Reading {
    /// Every number that stands in a function, put together where it is written in parts.
    pub fn terms(&self) -> Vec<Term> {
        let number = |node: usize| match self.folded(node) {
            Some(Value::Number(value)) => Some(value),
            _ => None,
        };
        let may_be = |node: usize| matches!(self.form(node), Some(Form::Number | Form::Unary | Form::Binary));
        let mut found = Vec::new();
        for node in (0..self.nodes.len()).filter(|node| may_be(*node)) {
            let Some(value) = number(node) else { continue };
            let parent = self.nodes[node].parent;
            if node != 0 && may_be(parent) && number(parent).is_some() {
                continue;
            }
            let line = self.line(node);
            found.push(Term {
                value,
                shaped: self.is_shaped(node),
                function: self.name_around(node),
                line,
                text: self.line_text(line).to_owned(),
            });
        }
        found
    }

    fn is_shaped(&self, number: usize) -> bool {
        let mut below = number;
        for at in self.ancestors(number) {
            let (first, second) = self.sides(at);
            let other = || [first, second].into_iter().flatten().find(|side| !self.holds(*side, below));
            match self.form(at) {
                Some(Form::Function) => return false,
                Some(Form::Binary) => match self.operator(at).as_str() {
                    "*" | "and" | "&&" | "&" if other().is_some_and(|side| self.is_shape(side, 0)) => {
                        return true;
                    }
                    "and" | "&&" if other().is_some_and(|side| self.is_bare(side)) => return true,
                    // What is held against something is no part of an answer.
                    operator if self.compares(at) && !matches!(operator, "and" | "&&" | "or" | "||") => {
                        return false;
                    }
                    _ => {}
                },
                Some(Form::Index) => {
                    let key = second.filter(|key| !self.holds(*key, below));
                    if key.is_some_and(|key| self.is_shape(key, 0)) {
                        return true;
                    }
                }
                Some(Form::Branch) => {
                    let Some(condition) = first else { return false };
                    if self.holds(condition, below) {
                        return false;
                    }
                    let held = [false, true].map(|otherwise| self.held(condition, otherwise).0);
                    // In one way or the other.
                    if held.contains(&Held::Derived) && self.is_shape(condition, 0) {
                        return true;
                    }
                }
                _ => {}
            }
            below = at;
        }
        false
    }

    fn holds(&self, outer: usize, inner: usize) -> bool {
        let (outer, inner) = (&self.nodes[outer].bytes, &self.nodes[inner].bytes);
        outer.start <= inner.start && inner.end <= outer.end
    }

    /// A length, a yes or no about one, or whether there is anything.
    fn is_shape(&self, node: usize, depth: usize) -> bool {
        let node = self.through(node);
        if depth > 6 {
            return false;
        }
        let last = |node: usize| self.text_of(node).rsplit(['.', ':']).next().unwrap_or_default().to_owned();
        match self.form(node) {
            // Whether a value itself is there, as code asks everywhere.
            Some(Form::Name) => match self.bound_at(node)[..] {
                [super::Bound::Node(value)] => self.is_shape(*value, depth + 1),
                _ => self.is_condition(node),
            },
            Some(Form::Member) => SHAPES.contains(&last(node).as_str()),
            Some(Form::Unary) => self.sides(node).0.is_some_and(|inner| {
                self.text_of(node).starts_with(['!', 'n', '+'])
                    && (self.is_bare(inner) || self.is_shape(inner, depth + 1))
            }),
            Some(Form::Binary) => {
                let (a, b) = self.sides(node);
                [a, b].into_iter().flatten().any(|side| self.is_shape(side, depth + 1))
            }
            Some(Form::Call) => {
                let name = self.sides(node).0.or_else(|| self.child(node, "name"));
                let name = name.map(last).unwrap_or_default();
                SHAPES.contains(&name.as_str())
                    || NUMBERS.contains(&name.as_str())
                        && self.arguments(node).first().is_some_and(|a| self.is_shape(*a, depth + 1))
            }
            _ => false,
        }
    }

    fn is_bare(&self, node: usize) -> bool {
        matches!(self.form(self.through(node)), Some(Form::Name | Form::Member))
    }

    /// It is all that an `if` or a conditional expression asks.
    fn is_condition(&self, node: usize) -> bool {
        self.ancestors(node)
            .take_while(|at| self.form(*at) != Some(Form::Function))
            .find(|at| self.form(*at) == Some(Form::Branch))
            .and_then(|at| self.sides(at).0)
            .is_some_and(|condition| self.through(condition) == node)
    }

    /// Answers of functions that are made from lengths and constants alone.
    pub fn measured(&self) -> Vec<Measured> {
        let functions = (0..self.nodes.len()).filter(|n| self.form(*n) == Some(Form::Function));
        let answers = functions.flat_map(|f| self.answers_of(f).into_iter().map(move |answer| (f, answer)));
        answers
            .filter(|(_, answer)| self.is_measured(*answer, true))
            .map(|(function, answer)| {
                let numbers = self.within(answer).filter(|n| self.form(*n) == Some(Form::Number));
                let line = self.line(answer);
                Measured {
                    function: self.function_name(function),
                    constants: numbers.count(),
                    line,
                    text: self.line_text(line).to_owned(),
                }
            })
            .collect()
    }
}
