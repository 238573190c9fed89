//! Text with `${{ }}` in it, and the conditions of `if:`.

use std::sync::Arc;

use super::super::availability::Available;
use super::{Contexts, EvalError, MAX_TEXT, Value, asks_status, eval, functions, out_of_place, parse};

/// A text with its expressions replaced; those that cannot be known stay in place as they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::plan) struct Rendered {
    pub(in crate::plan) text: String,
    /// What was missing, in order.
    pub(in crate::plan) unknown: Vec<Arc<str>>,
}

enum Piece<'t> {
    Text(&'t str),
    /// The expression, and it with its braces.
    Expression(&'t str, &'t str, usize),
}

/// Cuts a text into what stands inside and outside `${{ }}`. A `}}` within a quoted string does not end it.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (usize, EvalError)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find("${{").map(|i| i + at) {
        let mut quoted = false;
        let bytes = text.as_bytes();
        let end = (start + 3..bytes.len()).find(|&i| {
            quoted ^= bytes[i] == b'\'';
            !quoted && bytes[i..].starts_with(b"}}")
        });
        let Some(end) = end else {
            return Err((
                start,
                EvalError("an expression starts with `${{` and is never closed by `}}`".to_owned()),
            ));
        };
        if start > at {
            found.push(Piece::Text(&text[at..start]));
        }
        found.push(Piece::Expression(&text[start + 3..end], &text[start..end + 2], start));
        at = end + 2;
    }
    if at < text.len() {
        found.push(Piece::Text(&text[at..]));
    }
    Ok(found)
}

/// Whether every expression in the text parses and names what is there; else the offset of the one that does not.
pub(in crate::plan) fn check(text: &str, available: Option<&Available>) -> Result<(), (usize, EvalError)> {
    if !text.contains("${{") {
        return Ok(());
    }
    for piece in pieces(text)? {
        if let Piece::Expression(expression, _, start) = piece {
            check_one(expression, available).map_err(|e| (start, e))?;
        }
    }
    Ok(())
}

/// The same for an expression without its braces.
pub(in crate::plan) fn check_one(expression: &str, available: Option<&Available>) -> Result<(), EvalError> {
    let parsed = parse(expression)?;
    match available.and_then(|available| out_of_place(&parsed, available)) {
        Some(name) => {
            let shown = expression.trim().chars().take(120).collect::<String>();
            Err(EvalError(format!("the expression `{shown}` names {name}, which is not available here")))
        }
        None => Ok(()),
    }
}

/// The expression of a text that is nothing else.
pub(in crate::plan) fn whole_expression(text: &str) -> Option<&str> {
    if !text.contains("${{") {
        return None;
    }
    match pieces(text.trim()).ok()?.as_slice() {
        [Piece::Expression(expression, ..)] => Some(expression),
        _ => None,
    }
}

/// Replaces what can be known.
pub(in crate::plan) fn render(text: &str, contexts: &dyn Contexts) -> Result<Rendered, EvalError> {
    if !text.contains("${{") {
        return Ok(Rendered { text: text.to_owned(), unknown: Vec::new() });
    }
    let mut out = Rendered::default();
    for piece in pieces(text).map_err(|(_, e)| e)? {
        match piece {
            Piece::Text(text) => out.text.push_str(text),
            Piece::Expression(expression, source, _) => {
                let value = eval(&parse(expression)?, contexts)?;
                match value.text() {
                    Some(text) => out.text.push_str(&text),
                    None => {
                        out.text.push_str(source);
                        out.unknown.push(functions::what(&value));
                    }
                }
            }
        }
        if out.text.len() > MAX_TEXT {
            return Err(EvalError("the text is too long once its expressions are replaced".to_owned()));
        }
    }
    Ok(out)
}

/// The text with another in the place of each expression; `None` where an expression is never closed.
pub(in crate::plan) fn replace(text: &str, mut with: impl FnMut(&str) -> &'static str) -> Option<String> {
    let pieces = pieces(text).ok()?;
    Some(
        pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Expression(expression, ..) => with(expression),
            })
            .collect(),
    )
}

/// What an `if:` amounts to.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Condition {
    pub(in crate::plan) value: Value,
    /// It calls a status function itself; otherwise GitHub puts `success() &&` before it.
    pub(in crate::plan) asks_status: bool,
}

/// Evaluates an `if:`. GitHub wraps it in `${{ }}` unless it has them; one with text around them is a string, which
/// is always true.
pub(in crate::plan) fn condition_kind(text: &str, contexts: &dyn Contexts) -> Result<Condition, EvalError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Condition { value: Value::Bool(true), asks_status: false });
    }
    if text.contains("${{") && whole_expression(text).is_none() {
        let rendered = render(text, contexts)?;
        let value = match rendered.unknown.first() {
            Some(what) => Value::Unknown(super::Unknown { what: what.clone(), truth: Some(true) }),
            None => Value::string(rendered.text),
        };
        return Ok(Condition { value, asks_status: false });
    }
    let expr = parse(whole_expression(text).unwrap_or(text))?;
    Ok(Condition { value: eval(&expr, contexts)?, asks_status: asks_status(&expr) })
}
