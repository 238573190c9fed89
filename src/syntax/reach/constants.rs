//! Expressions that have the same value each time.

use super::Reading;
use super::forms::Form;
use crate::syntax::literals::string_value;
use crate::syntax::tree::Grammar;

/// Put together from more, a text says nothing any more.
const LONGEST: usize = 10_000;

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Text(String),
    Number(f64),
}

impl Reading {
    /// The constant an expression is, where it is one.
    pub(super) fn folded(&self, node: usize) -> Option<Value> {
        self.fold(node, 0)
    }

    fn fold(&self, node: usize, depth: usize) -> Option<Value> {
        if depth > 40 {
            return None;
        }
        let (first, second) = self.sides(node);
        match self.form(node)? {
            Form::Text => self.string(node, depth),
            Form::Number => number(self.text_of(node)).map(Value::Number),
            Form::Through => self.fold(first?, depth + 1),
            Form::Unary => match (self.text_of(node).chars().next()?, self.fold(first?, depth + 1)?) {
                ('-', Value::Number(n)) => Some(Value::Number(-n)),
                ('+', Value::Number(n)) => Some(Value::Number(n)),
                _ => None,
            },
            Form::Binary => {
                let operator = self.operator(node);
                match (self.fold(first?, depth + 1)?, self.fold(second?, depth + 1)?) {
                    (Value::Text(a), Value::Text(b)) if operator == "+" => {
                        (a.len() + b.len() < LONGEST).then(|| Value::Text(a + &b))
                    }
                    (Value::Number(a), Value::Number(b)) => arithmetic(&operator, a, b).map(Value::Number),
                    _ => None,
                }
            }
            Form::Call => self.fold_call(node, depth),
            // What is given a value once.
            Form::Name => match self.bound_at(node)[..] {
                [super::Bound::Node(value)] => self.fold(self.through(*value), depth + 8),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn operator(&self, node: usize) -> String {
        let operators = self.nodes[node].children.iter().filter(|c| !self.nodes[**c].named);
        operators.map(|c| self.text_of(*c)).collect::<Vec<_>>().join(" ")
    }

    fn fold_call(&self, node: usize, depth: usize) -> Option<Value> {
        let arguments = self.arguments(node);
        let given = |i: usize| arguments.get(i).and_then(|a| self.fold(*a, depth + 1));
        // The function by its own words: what names lead to is asked for with constants.
        let function = self.sides(node).0.map_or_else(
            || {
                let part = |field| self.child(node, field).map(|n| self.text_of(n)).unwrap_or_default();
                format!("{}.{}", part("object"), part("name"))
            },
            |f| self.text_of(f).to_owned(),
        );
        match (function.as_str(), given(0)) {
            ("ord", Some(Value::Text(text))) => {
                text.chars().next().map(|c| Value::Number(f64::from(u32::from(c))))
            }
            ("len", Some(Value::Text(text))) => {
                u32::try_from(text.chars().count()).ok().map(|n| Value::Number(f64::from(n)))
            }
            ("chr" | "String.fromCharCode", Some(Value::Number(_))) => {
                let chars = (0..arguments.len()).map(|i| match given(i) {
                    Some(Value::Number(n)) if n >= 0.0 => char::from_u32(n as u32),
                    _ => None,
                });
                chars.collect::<Option<String>>().map(Value::Text)
            }
            (
                "int" | "float" | "Number" | "parseInt" | "Integer.parseInt" | "Integer.valueOf",
                Some(value),
            ) => match (value, given(1)) {
                (Value::Text(text), Some(Value::Number(base))) if (2.0..=36.0).contains(&base) => {
                    i64::from_str_radix(text.trim(), base as u32).ok().map(|n| Value::Number(n as f64))
                }
                (Value::Text(text), _) => number(text.trim()).map(Value::Number),
                (number, _) => Some(number),
            },
            (name, _) if name.ends_with(".join") || name.ends_with(".concat") => {
                let object = self.sides(node).0.and_then(|f| self.sides(f).0);
                let list = arguments.first().copied().filter(|a| self.form(*a) == Some(Form::List));
                let list = list.or(object.filter(|o| self.form(*o) == Some(Form::List)))?;
                let parts: Option<Vec<String>> = self
                    .named(list)
                    .iter()
                    .map(|part| match self.fold(*part, depth + 1)? {
                        Value::Text(text) => Some(text),
                        Value::Number(_) => None,
                    })
                    .collect();
                parts.map(|parts| Value::Text(parts.concat()))
            }
            _ => None,
        }
    }

    fn string(&self, node: usize, depth: usize) -> Option<Value> {
        let kind = self.nodes[node].kind;
        if kind == "concatenated_string" {
            let mut all = String::new();
            for part in self.named(node) {
                let Some(Value::Text(text)) = self.fold(part, depth + 1) else { return None };
                all.push_str(&text);
            }
            return Some(Value::Text(all));
        }
        let changes = |child: &usize| {
            let kind = self.nodes[*child].kind;
            kind.contains("interpolation") || kind.contains("substitution")
        };
        if self.nodes[node].children.iter().any(changes) {
            return None;
        }
        let raw = self.text_of(node);
        let open = raw.find(['"', '\'', '`'])?;
        let prefix = raw[..open].to_ascii_lowercase();
        let body = raw[open..].trim_end_matches('#');
        let quote = ["\"\"\"", "'''"].into_iter().find(|q| body.starts_with(q)).unwrap_or(&body[..1]);
        let inside = body.strip_prefix(quote)?.strip_suffix(quote)?;
        let plain = prefix.contains('r') || quote == "`" && self.grammar == Grammar::Go;
        let value = if plain { Some(inside.to_owned()) } else { string_value(inside) };
        value.map(Value::Text)
    }

    /// The texts that a folded text was put together from.
    pub(super) fn parts(&self, node: usize) -> Vec<String> {
        let is_text =
            |n: &usize| self.form(*n) == Some(Form::Text) && self.nodes[*n].kind != "concatenated_string";
        let texts = self.within(node).filter(is_text);
        texts
            .filter_map(|n| match self.folded(n) {
                Some(Value::Text(text)) => Some(text),
                _ => None,
            })
            .collect()
    }
}

fn arithmetic(operator: &str, a: f64, b: f64) -> Option<f64> {
    let whole = |n: f64| (n.fract() == 0.0 && n.abs() < 9e15).then_some(n as i64);
    Some(match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" if b != 0.0 => a / b,
        "//" if b != 0.0 => (a / b).floor(),
        "%" if b != 0.0 => a % b,
        "**" => a.powf(b),
        "|" => (whole(a)? | whole(b)?) as f64,
        "&" => (whole(a)? & whole(b)?) as f64,
        "^" => (whole(a)? ^ whole(b)?) as f64,
        "<<" => whole(a)?.checked_shl(u32::try_from(whole(b)?).ok()?)? as f64,
        ">>" => whole(a)?.checked_shr(u32::try_from(whole(b)?).ok()?)? as f64,
        _ => return None,
    })
}

/// A number's value, whatever its type and its base.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.to_ascii_lowercase().replace('_', "");
    let based = |digits: &str, base: u32| {
        let end = digits.find(|c: char| !c.is_digit(base)).unwrap_or(digits.len());
        u64::from_str_radix(&digits[..end], base).ok().map(|n| n as f64)
    };
    match text.get(..2) {
        Some("0x") => based(&text[2..], 16),
        Some("0b") => based(&text[2..], 2),
        Some("0o") => based(&text[2..], 8),
        _ => {
            let sign = usize::from(text.starts_with(['-', '+']));
            let end =
                text[sign..].find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | 'e' | '-' | '+')));
            text[..end.map_or(text.len(), |end| end + sign)].parse().ok()
        }
    }
}
