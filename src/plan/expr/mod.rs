//! Evaluates `${{ }}` expressions over contexts, with an explicit unknown that propagates.
//!
//! The grammar is the `github-actions-expressions` crate's; the semantics are ours, after GitHub's documentation of
//! expressions and the runner's published sources. Nothing here reads files or the environment.

mod functions;
mod template;
mod value;

use std::sync::Arc;

use super::availability::Available;
use github_actions_expressions::call::{Call, Function};
use github_actions_expressions::literal::Literal;
use github_actions_expressions::op::{BinExpr, BinOp, UnOp};
use github_actions_expressions::{Expr, SpannedExpr};

pub(super) use template::{Rendered, check, check_one, condition_kind, render, replace, whole_expression};
pub(super) use value::{Object, Unknown, Value};

/// GitHub's own limit on one expression.
const MAX_EXPRESSION: usize = 21_000;
/// Keeps the tree of `a || b || …` shallow enough for any stack.
const MAX_OPERATORS: usize = 1_000;
/// A text built by an expression may not grow beyond this.
const MAX_TEXT: usize = 1 << 20;

/// An expression that GitHub would refuse, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct EvalError(pub(super) String);

/// What the expression may ask.
pub(super) trait Contexts {
    /// A named context: `github`, `matrix`, …; already in lower case.
    fn context(&self, name: &str) -> Value;
    /// `steps.<id>`, without making the whole context.
    fn step(&self, id: &str) -> Value {
        index(&self.context("steps"), &Value::string(id))
    }
    /// `success()`, `failure()`, `cancelled()`; `None` where only the run will tell.
    fn status(&self, which: Status) -> Option<bool>;
    /// `hashFiles(patterns…)`; `None` where the files cannot be seen.
    fn hash_files(&self, patterns: &[String]) -> Option<String>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Success,
    Failure,
    Cancelled,
}

const CONTEXTS: &[&str] = &[
    "github", "env", "job", "jobs", "steps", "runner", "secrets", "vars", "strategy", "matrix", "needs",
    "inputs",
];

/// Parses an expression (without `${{ }}`) and checks the names in it.
pub(super) fn parse(text: &str) -> Result<SpannedExpr<'_>, EvalError> {
    let shown = || text.trim().chars().take(120).collect::<String>();
    if text.len() > MAX_EXPRESSION {
        return Err(EvalError(format!("the expression is longer than {MAX_EXPRESSION} characters")));
    }
    let operators = text.bytes().filter(|b| matches!(b, b'<' | b'>' | b'=' | b'&' | b'|')).count();
    if operators > MAX_OPERATORS {
        return Err(EvalError(format!("the expression has more than {MAX_OPERATORS} operator characters")));
    }
    let expr = Expr::parse(text)
        .map_err(|e| EvalError(format!("the expression `{}` does not parse: {e}", shown())))?;
    for (context, _) in expr.contexts() {
        if let Some(Expr::Identifier(name)) = context.parts.first().map(|part| &part.inner)
            && !functions::is_any(name.as_str(), CONTEXTS)
        {
            return Err(EvalError(format!(
                "the expression `{}` names `{}`, which is not a context (there are {})",
                shown(),
                name.as_str(),
                CONTEXTS.join(", ")
            )));
        }
    }
    Ok(expr)
}

/// Parses and evaluates.
pub(super) fn evaluate(text: &str, contexts: &dyn Contexts) -> Result<Value, EvalError> {
    eval(&parse(text)?, contexts)
}

fn is_status(func: &Function) -> bool {
    matches!(func, Function::Success | Function::Failure | Function::Always | Function::Cancelled)
}

/// Whether the expression calls `success`, `failure`, `always` or `cancelled`.
pub(super) fn asks_status(expr: &SpannedExpr<'_>) -> bool {
    calls(expr, is_status)
}

/// What the expression asks of contexts, each by its parts in lower case: `needs`, `*`, `result`. A part that is computed
/// is `?`. Nothing where the expression does not parse.
pub(super) fn context_paths(text: &str) -> Vec<Vec<String>> {
    let Ok(expr) = parse(text) else { return Vec::new() };
    let part = |part: &SpannedExpr<'_>| match &part.inner {
        Expr::Identifier(name) => name.as_str().to_ascii_lowercase(),
        Expr::Star => "*".to_owned(),
        Expr::Index(inner) => match &inner.inner {
            Expr::Literal(Literal::String(name)) => name.to_ascii_lowercase(),
            Expr::Star => "*".to_owned(),
            _ => "?".to_owned(),
        },
        _ => "?".to_owned(),
    };
    expr.contexts().into_iter().map(|(context, _)| context.parts.iter().map(part).collect()).collect()
}

/// A context or function that the place of the expression does not have.
fn out_of_place(expr: &SpannedExpr<'_>, available: &Available) -> Option<String> {
    let context = expr.contexts().into_iter().find_map(|(context, _)| match &context.parts.first()?.inner {
        Expr::Identifier(name) if !functions::is_any(name.as_str(), available.contexts) => {
            Some(format!("`{}`", name.as_str()))
        }
        _ => None,
    });
    let status = || (!available.status && asks_status(expr)).then(|| "a status function".to_owned());
    let files = || {
        let called = !available.files && calls(expr, |func| *func == Function::HashFiles);
        called.then(|| "`hashFiles`".to_owned())
    };
    context.or_else(status).or_else(files)
}

fn calls(expr: &SpannedExpr<'_>, which: impl Fn(&Function) -> bool) -> bool {
    let mut pending = vec![expr];
    while let Some(expr) = pending.pop() {
        match &expr.inner {
            Expr::Call(Call { func, args }) => {
                if which(func) {
                    return true;
                }
                pending.extend(args);
            }
            Expr::Context(context) => pending.extend(&context.parts),
            Expr::Index(inner) => pending.push(inner),
            Expr::BinExpr(BinExpr { lhs, rhs, .. }) => pending.extend([lhs.as_ref(), rhs.as_ref()]),
            Expr::UnExpr { expr, .. } => pending.push(expr),
            Expr::Literal(_) | Expr::Star | Expr::Identifier(_) => {}
        }
    }
    false
}

fn eval(expr: &SpannedExpr<'_>, contexts: &dyn Contexts) -> Result<Value, EvalError> {
    match &expr.inner {
        Expr::Literal(literal) => Ok(match literal {
            Literal::Number(n) => Value::Number(*n),
            Literal::String(s) => Value::string(s.as_ref()),
            Literal::Boolean(b) => Value::Bool(*b),
            Literal::Null => Value::Null,
        }),
        Expr::BinExpr(_) => eval_operators(expr, contexts),
        Expr::UnExpr { op: UnOp::Not, expr } => {
            let value = eval(expr, contexts)?;
            Ok(match value.truth() {
                Some(truth) => Value::Bool(!truth),
                None => value,
            })
        }
        Expr::Call(call) => eval_call(call, contexts),
        Expr::Context(context) => eval_access(&context.parts, contexts),
        Expr::Identifier(name) => Ok(contexts.context(&name.as_str().to_ascii_lowercase())),
        Expr::Index(_) | Expr::Star => Err(EvalError("an index without anything to index".to_owned())),
    }
}

/// Operators chain to the left, so the left spine is walked in a loop: its depth is bounded only by the text.
fn eval_operators(expr: &SpannedExpr<'_>, contexts: &dyn Contexts) -> Result<Value, EvalError> {
    let mut chain = Vec::new();
    let mut first = expr;
    while let Expr::BinExpr(BinExpr { lhs, op, rhs }) = &first.inner {
        chain.push((op, rhs.as_ref()));
        first = lhs;
    }
    let mut left = eval(first, contexts)?;
    for (op, rhs) in chain.into_iter().rev() {
        left = match op {
            BinOp::And | BinOp::Or => {
                let stops_at = matches!(op, BinOp::Or);
                match left.truth() {
                    Some(truth) if truth == stops_at => left,
                    Some(_) => eval(rhs, contexts)?,
                    None => {
                        let right = eval(rhs, contexts)?.truth();
                        let truth = right.filter(|truth| *truth == stops_at);
                        Value::Unknown(Unknown { what: functions::what(&left), truth })
                    }
                }
            }
            _ => compare(op, &left, &eval(rhs, contexts)?),
        };
    }
    Ok(left)
}

fn compare(op: &BinOp, left: &Value, right: &Value) -> Value {
    let result = match op {
        BinOp::Eq => left.loosely_equals(right),
        BinOp::Neq => left.loosely_equals(right).map(|equal| !equal),
        BinOp::Gt => left.loosely_compares(right).map(|o| o.is_some_and(std::cmp::Ordering::is_gt)),
        BinOp::Ge => left.loosely_compares(right).map(|o| o.is_some_and(std::cmp::Ordering::is_ge)),
        BinOp::Lt => left.loosely_compares(right).map(|o| o.is_some_and(std::cmp::Ordering::is_lt)),
        BinOp::Le => left.loosely_compares(right).map(|o| o.is_some_and(std::cmp::Ordering::is_le)),
        BinOp::And | BinOp::Or => None,
    };
    result.map_or_else(|| functions::first_unknown(&[left.clone(), right.clone()]), Value::Bool)
}

fn eval_call(call: &Call<'_>, contexts: &dyn Contexts) -> Result<Value, EvalError> {
    let status = |which, name: &str| {
        contexts.status(which).map_or_else(|| Value::unknown(format!("{name}()")), Value::Bool)
    };
    if call.func == Function::Case {
        return eval_case(&call.args, contexts);
    }
    let args = call.args.iter().map(|arg| eval(arg, contexts)).collect::<Result<Vec<_>, _>>()?;
    let missing = |name: &str| EvalError(format!("{name} needs an argument"));
    let result = match call.func {
        Function::Contains => functions::contains(&args[0], &args[1]),
        Function::StartsWith => functions::on_text(&args[0], &args[1], |a, b| a.starts_with(b)),
        Function::EndsWith => functions::on_text(&args[0], &args[1], |a, b| a.ends_with(b)),
        Function::Format if args.is_empty() => return Err(missing("format")),
        Function::Format => functions::format(&args)?,
        Function::Join => functions::join(&args),
        Function::ToJSON => functions::to_json(&args[0]),
        Function::FromJSON => functions::from_json(&args[0])?,
        Function::HashFiles => match args.iter().map(Value::text).collect::<Option<Vec<_>>>() {
            Some(patterns) => contexts
                .hash_files(&patterns)
                .map_or_else(|| Value::unknown(format!("hashFiles({})", patterns.join(", "))), Value::string),
            None => functions::first_unknown(&args),
        },
        Function::Success => status(Status::Success, "success"),
        Function::Failure => status(Status::Failure, "failure"),
        Function::Cancelled => status(Status::Cancelled, "cancelled"),
        Function::Always => Value::Bool(true),
        Function::Case => Value::Null,
    };
    match &result {
        Value::String(text) if text.len() > MAX_TEXT => Err(EvalError("the result is too long".to_owned())),
        _ => Ok(result),
    }
}

/// `case(condition, value, …, default)`: only the branch taken is evaluated.
fn eval_case(args: &[SpannedExpr<'_>], contexts: &dyn Contexts) -> Result<Value, EvalError> {
    let mut args = args;
    while let [condition, value, rest @ ..] = args {
        let condition = eval(condition, contexts)?;
        match condition.truth() {
            Some(true) => return eval(value, contexts),
            Some(false) => args = rest,
            None => return Ok(Value::unknown(functions::what(&condition))),
        }
    }
    args.first().map_or(Ok(Value::Null), |default| eval(default, contexts))
}

fn eval_access(parts: &[SpannedExpr<'_>], contexts: &dyn Contexts) -> Result<Value, EvalError> {
    let Some((head, rest)) = parts.split_first() else { return Ok(Value::Null) };
    let (mut value, rest) = match (&head.inner, rest.first().map(|part| &part.inner)) {
        (Expr::Identifier(name), Some(Expr::Identifier(id)))
            if name.as_str().eq_ignore_ascii_case("steps") =>
        {
            (contexts.step(id.as_str()), &rest[1..])
        }
        _ => (eval(head, contexts)?, rest),
    };
    // After `.*` every further access applies to each item, and items without it drop out.
    let mut filtered = false;
    for part in rest {
        let key = match &part.inner {
            Expr::Star => None,
            Expr::Identifier(name) => Some(Value::string(name.as_str())),
            Expr::Index(inner) if matches!(inner.inner, Expr::Star) => None,
            Expr::Index(inner) => Some(eval(inner, contexts)?),
            _ => return Err(EvalError("an access that is neither a name nor an index".to_owned())),
        };
        value = match (value, key, filtered) {
            (Value::Unknown(unknown), key, _) => {
                let suffix =
                    key.map_or_else(|| "*".to_owned(), |k| k.text().unwrap_or_else(|| "?".to_owned()));
                Value::unknown(format!("{}.{suffix}", unknown.what))
            }
            (Value::Array(items), Some(key), true) => {
                let found = items.iter().map(|item| index(item, &key)).filter(|v| !matches!(v, Value::Null));
                Value::array(found.collect())
            }
            (Value::Array(items), None, true) => Value::array(items.iter().flat_map(children).collect()),
            (value, None, _) => {
                filtered = true;
                match &value {
                    Value::Object(object) if object.open.is_some() => {
                        Value::unknown(format!("{}.*", object.open.as_deref().unwrap_or_default()))
                    }
                    other => Value::array(children(other)),
                }
            }
            (value, Some(key), _) => index(&value, &key),
        };
    }
    Ok(value)
}

fn children(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items.as_ref().clone(),
        Value::Object(object) => object.entries.iter().map(|(_, v)| v.clone()).collect(),
        _ => Vec::new(),
    }
}

fn index(value: &Value, key: &Value) -> Value {
    match (value, key) {
        (Value::Unknown(unknown), _) => Value::Unknown(unknown.clone()),
        (_, Value::Unknown(unknown)) => Value::Unknown(Unknown { what: unknown.what.clone(), truth: None }),
        (Value::Object(object), key) if key.is_primitive() => object.get(&key.text().unwrap_or_default()),
        (Value::Array(items), key) if key.is_primitive() => {
            let n = match key {
                Value::Number(n) => *n,
                Value::String(s) => value::parse_number(s),
                _ => f64::NAN,
            };
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be small and positive"
            )]
            if (0.0..1e9).contains(&n) {
                items.get(n.floor() as usize).cloned().unwrap_or(Value::Null)
            } else {
                Value::Null
            }
        }
        _ => Value::Null,
    }
}

/// An object whose keys keep their case apart: `env` on Linux.
pub(super) fn case_sensitive(entries: Vec<(String, Value)>, open: Option<&str>) -> Value {
    Value::Object(Arc::new(Object {
        entries,
        case_sensitive: true,
        open: open.map(Into::into),
        fallback: None,
    }))
}

#[cfg(test)]
mod tests;
