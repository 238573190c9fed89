//! The functions of the expression language that only look at their arguments.

use super::EvalError;
use super::value::{Object, Value, number_text, same_ignoring_case};

/// `contains(search, item)`: part of a string, or an item of an array; never regards case.
pub(super) fn contains(search: &Value, item: &Value) -> Value {
    if let (Value::Unknown(u), _) | (_, Value::Unknown(u)) = (search, item) {
        return Value::Unknown(super::value::Unknown { what: u.what.clone(), truth: None });
    }
    match search {
        Value::Array(items) => {
            let mut doubt = None;
            for candidate in items.iter() {
                match (candidate.loosely_equals(item), candidate) {
                    (Some(true), _) => return Value::Bool(true),
                    (Some(false), _) => {}
                    (None, Value::Unknown(u)) => doubt = Some(u.what.clone()),
                    (None, _) => {}
                }
            }
            doubt.map_or(Value::Bool(false), Value::unknown)
        }
        _ => on_text(search, item, |a, b| a.contains(b)),
    }
}

/// For two primitives as upper-case text; false for anything else.
pub(super) fn on_text(a: &Value, b: &Value, test: fn(&str, &str) -> bool) -> Value {
    if let (Value::Unknown(u), _) | (_, Value::Unknown(u)) = (a, b) {
        return Value::unknown(u.what.clone());
    }
    if !a.is_primitive() || !b.is_primitive() {
        return Value::Bool(false);
    }
    let upper = |v: &Value| v.text().unwrap_or_default().to_uppercase();
    Value::Bool(test(&upper(a), &upper(b)))
}

/// `format('{0} {1}', a, b)`, where `{{` and `}}` stand for braces.
pub(super) fn format(args: &[Value]) -> Result<Value, EvalError> {
    let Some((Some(template), rest)) = args.split_first().map(|(t, rest)| (t.text(), rest)) else {
        return Ok(first_unknown(args));
    };
    let bad = |why: &str| EvalError(std::format!("format: {why} in {template:?}"));
    let mut out = String::new();
    let mut unknown = None;
    let mut rest_of = template.as_str();
    while let Some(at) = rest_of.find(['{', '}']) {
        out.push_str(&rest_of[..at]);
        let brace = &rest_of[at..=at];
        let after = &rest_of[at + 1..];
        if let Some(escaped) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest_of = escaped;
            continue;
        }
        if brace == "}" {
            return Err(bad("an unescaped `}`"));
        }
        let Some((inside, tail)) = after.split_once('}') else { return Err(bad("an unclosed `{`")) };
        let digits: String = inside.chars().take_while(char::is_ascii_digit).collect();
        let specifier = &inside[digits.len()..];
        let index: usize = digits.parse().map_err(|_| bad("a `{` without a number"))?;
        if !(specifier.is_empty() || specifier.starts_with(':')) {
            return Err(bad("an invalid placeholder"));
        }
        let Some(value) = rest.get(index) else {
            return Err(bad(&std::format!("a reference to argument {index}, which is not given,")));
        };
        match value.text() {
            Some(text) => out.push_str(&text),
            None => unknown = unknown.or(Some(value)),
        }
        if out.len() > super::MAX_TEXT {
            return Err(bad("a result that is too long"));
        }
        rest_of = tail;
    }
    out.push_str(rest_of);
    Ok(unknown.map_or_else(|| Value::string(out), |value| Value::unknown(what(value))))
}

pub(super) fn join(args: &[Value]) -> Value {
    let separator = match args.get(1).map(Value::text) {
        None => ",".to_owned(),
        Some(Some(text)) => text,
        Some(None) => return first_unknown(args),
    };
    match &args[0] {
        Value::Array(items) => match items.iter().map(Value::text).collect::<Option<Vec<_>>>() {
            Some(texts) => Value::string(texts.join(&separator)),
            None => first_unknown(items),
        },
        Value::Object(_) => Value::string(""),
        other => other.text().map_or_else(|| first_unknown(args), Value::string),
    }
}

/// `toJSON`, indented by two spaces as GitHub prints it.
pub(super) fn to_json(value: &Value) -> Value {
    let mut out = String::new();
    match write_json(value, 0, &mut out) {
        Ok(()) => Value::string(out),
        Err(what) => Value::unknown(what),
    }
}

fn write_json(value: &Value, indent: usize, out: &mut String) -> Result<(), std::sync::Arc<str>> {
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Number(n) => out.push_str(&number_text(*n)),
        Value::String(s) => out.push_str(&serde_json::Value::from(s.as_ref()).to_string()),
        Value::Unknown(u) => return Err(u.what.clone()),
        Value::Array(items) if items.is_empty() => out.push_str("[]"),
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                write_json(item, indent + 1, out)?;
            }
            line(out, indent);
            out.push(']');
        }
        Value::Object(object) => {
            let Object { entries, open, .. } = object.as_ref();
            if let Some(path) = open {
                return Err(path.clone());
            }
            if entries.is_empty() {
                out.push_str("{}");
                return Ok(());
            }
            out.push('{');
            for (i, (key, item)) in entries.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(out, indent + 1);
                out.push_str(&serde_json::Value::from(key.as_str()).to_string());
                out.push_str(": ");
                write_json(item, indent + 1, out)?;
            }
            line(out, indent);
            out.push('}');
        }
    }
    Ok(())
}

pub(super) fn from_json(value: &Value) -> Result<Value, EvalError> {
    let Some(text) = value.text() else { return Ok(Value::unknown(what(value))) };
    let strict = serde_json::from_str::<serde_json::Value>(&text);
    let read = strict.or_else(|e| serde_json::from_str(&without_trailing_commas(&text)).map_err(|_| e));
    read.map(|json| Value::from_json(&json)).map_err(|e| {
        let shown: String = text.chars().take(80).collect();
        EvalError(std::format!("fromJSON: {shown:?} is not JSON ({e})"))
    })
}

/// GitHub's own reader takes a comma before a closing bracket.
fn without_trailing_commas(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for (at, c) in json.char_indices() {
        let is_trailing = c == ',' && !in_string && json[at + 1..].trim_start().starts_with([']', '}']);
        if !is_trailing {
            out.push(c);
        }
        if c == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && c == '\\' && !escaped;
    }
    out
}

pub(super) fn what(value: &Value) -> std::sync::Arc<str> {
    match value {
        Value::Unknown(u) => u.what.clone(),
        _ => "an unknown value".into(),
    }
}

pub(super) fn first_unknown(values: &[Value]) -> Value {
    let unknown = values.iter().find(|v| matches!(v, Value::Unknown(_)));
    Value::unknown(unknown.map_or_else(|| "an unknown value".into(), what))
}

/// `a` is one of `names`, regardless of case.
pub(super) fn is_any(a: &str, names: &[&str]) -> bool {
    names.iter().any(|name| same_ignoring_case(a, name))
}
