//! Values of expressions, with GitHub's loose comparison rules and one addition: `Unknown`.
//!
//! Facts: GitHub's documentation of expressions ("Operators", "Literals") and the runner's published sources.

use std::cmp::Ordering;
use std::sync::Arc;

/// A value of the expression language.
#[derive(Debug, Clone)]
pub(in crate::plan) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    String(Arc<str>),
    Array(Arc<Vec<Self>>),
    Object(Arc<Object>),
    /// Cannot be known here.
    Unknown(Unknown),
}

/// Something that cannot be known when the question is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan) struct Unknown {
    /// The context that is missing: `steps.build.outputs.version`.
    pub(in crate::plan) what: Arc<str>,
    /// Whether it counts as true, where at least that is certain.
    pub(in crate::plan) truth: Option<bool>,
}

/// Keys and values in their order. Keys are found without regard to case, as GitHub does, except in `env`.
#[derive(Debug, Clone, Default)]
pub(in crate::plan) struct Object {
    pub(in crate::plan) entries: Vec<(String, Value)>,
    pub(in crate::plan) case_sensitive: bool,
    /// Set where there may be more than the entries: a key that is not among them is unknown, not null.
    pub(in crate::plan) open: Option<Arc<str>>,
    /// What every other key gives.
    pub(in crate::plan) fallback: Option<Arc<str>>,
}

impl Object {
    pub(in crate::plan) fn get(&self, key: &str) -> Value {
        let found = self
            .entries
            .iter()
            .find(|(k, _)| if self.case_sensitive { k == key } else { k.eq_ignore_ascii_case(key) });
        match (found, &self.open, &self.fallback) {
            (Some((_, value)), ..) => value.clone(),
            (None, Some(path), _) => Value::unknown(format!("{path}.{key}")),
            (None, None, Some(fallback)) => Value::String(fallback.clone()),
            (None, None, None) => Value::Null,
        }
    }

    /// The same, but for its entries.
    pub(in crate::plan) fn with_entries(&self, entries: Vec<(String, Value)>) -> Value {
        Value::Object(Arc::new(Self { entries, ..self.clone() }))
    }
}

impl Value {
    pub(in crate::plan) fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    pub(in crate::plan) fn unknown(what: impl Into<Arc<str>>) -> Self {
        Self::Unknown(Unknown { what: what.into(), truth: None })
    }

    pub(in crate::plan) fn array(items: Vec<Self>) -> Self {
        Self::Array(Arc::new(items))
    }

    pub(in crate::plan) fn object<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        let entries = entries.into_iter().map(|(k, v)| (k.into(), v)).collect();
        Self::Object(Arc::new(Object { entries, ..Object::default() }))
    }

    /// An object of which only some keys are known.
    pub(in crate::plan) fn partial<K: Into<String>>(
        path: &str,
        entries: impl IntoIterator<Item = (K, Self)>,
    ) -> Self {
        let entries = entries.into_iter().map(|(k, v)| (k.into(), v)).collect();
        Self::Object(Arc::new(Object { entries, open: Some(path.into()), ..Object::default() }))
    }

    /// From JSON; nesting beyond `depth` becomes null, so that foreign data cannot exhaust the stack.
    pub(in crate::plan) fn from_json(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(b) => Self::Bool(*b),
            serde_json::Value::Number(n) => Self::Number(n.as_f64().unwrap_or(f64::NAN)),
            serde_json::Value::String(s) => Self::string(s.as_str()),
            serde_json::Value::Array(items) => Self::array(items.iter().map(Self::from_json).collect()),
            serde_json::Value::Object(map) => {
                Self::object(map.iter().map(|(k, v)| (k.clone(), Self::from_json(v))))
            }
        }
    }

    /// As JSON; `None` where something in it is unknown.
    pub(in crate::plan) fn to_json(&self) -> Option<serde_json::Value> {
        Some(match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(b) => (*b).into(),
            Self::Number(n) => number_to_json(*n),
            Self::String(s) => s.as_ref().into(),
            Self::Array(items) => {
                serde_json::Value::Array(items.iter().map(Self::to_json).collect::<Option<_>>()?)
            }
            Self::Object(object) => {
                if object.open.is_some() {
                    return None;
                }
                let entries = object.entries.iter().map(|(k, v)| Some((k.clone(), v.to_json()?)));
                serde_json::Value::Object(entries.collect::<Option<_>>()?)
            }
            Self::Unknown(_) => return None,
        })
    }

    /// As a condition sees it; `None` where it cannot be known.
    pub(in crate::plan) fn truth(&self) -> Option<bool> {
        Some(match self {
            Self::Null => false,
            Self::Bool(b) => *b,
            Self::Number(n) => *n != 0.0 && !n.is_nan(),
            Self::String(s) => !s.is_empty(),
            Self::Array(_) | Self::Object(_) => true,
            Self::Unknown(unknown) => return unknown.truth,
        })
    }

    /// As text puts it; `None` where it cannot be known.
    pub(in crate::plan) fn text(&self) -> Option<String> {
        Some(match self {
            Self::Null => String::new(),
            Self::Bool(b) => b.to_string(),
            Self::Number(n) => number_text(*n),
            Self::String(s) => s.to_string(),
            Self::Array(_) => "Array".to_owned(),
            Self::Object(_) => "Object".to_owned(),
            Self::Unknown(_) => return None,
        })
    }

    pub(in crate::plan) fn is_primitive(&self) -> bool {
        matches!(self, Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_))
    }

    fn number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Bool(b) => f64::from(u8::from(*b)),
            Self::Number(n) => *n,
            Self::String(s) => parse_number(s),
            Self::Array(_) | Self::Object(_) | Self::Unknown(_) => f64::NAN,
        }
    }

    /// `==` as GitHub has it: same types compare as such (strings without regard to case), others as numbers,
    /// arrays and objects only when they are the same instance. `None` where a side is unknown.
    pub(in crate::plan) fn loosely_equals(&self, other: &Self) -> Option<bool> {
        Some(match (self, other) {
            (Self::Unknown(_), _) | (_, Self::Unknown(_)) => return None,
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::String(a), Self::String(b)) => same_ignoring_case(a, b),
            (Self::Array(a), Self::Array(b)) => Arc::ptr_eq(a, b),
            (Self::Object(a), Self::Object(b)) => Arc::ptr_eq(a, b),
            (a, b) => {
                #[expect(clippy::float_cmp, reason = "GitHub compares doubles exactly")]
                let equal = a.number() == b.number();
                equal
            }
        })
    }

    /// For `<`, `>` and their kin. `None` inside: not comparable (always false). `None` outside: unknown.
    pub(in crate::plan) fn loosely_compares(&self, other: &Self) -> Option<Option<Ordering>> {
        Some(match (self, other) {
            (Self::Unknown(_), _) | (_, Self::Unknown(_)) => return None,
            (Self::String(a), Self::String(b)) => Some(a.to_uppercase().cmp(&b.to_uppercase())),
            (a, b) => a.number().partial_cmp(&b.number()),
        })
    }
}

pub(in crate::plan) fn same_ignoring_case(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_uppercase() == b.to_uppercase()
}

/// Whole numbers stay whole in JSON.
pub(in crate::plan) fn number_to_json(n: f64) -> serde_json::Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
    if n.fract() == 0.0 && n.abs() < 9e15 {
        return (n as i64).into();
    }
    serde_json::Number::from_f64(n).map_or(serde_json::Value::Null, serde_json::Value::Number)
}

/// A string's number: decimal, `0x`, `0o`, `Infinity`; empty is 0, anything else not a number.
pub(in crate::plan) fn parse_number(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    #[expect(
        clippy::cast_possible_wrap,
        reason = "the runner reads hexadecimal and octal as 32-bit two's complement"
    )]
    let wrap =
        |digits: &str, radix| u32::from_str_radix(digits, radix).map_or(f64::NAN, |n| f64::from(n as i32));
    if let Some(hex) = text.strip_prefix("0x") {
        return wrap(hex, 16);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return wrap(octal, 8);
    }
    match text {
        "Infinity" | "+Infinity" => return f64::INFINITY,
        "-Infinity" => return f64::NEG_INFINITY,
        _ => {}
    }
    let decimal = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    if decimal { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

/// Fifteen significant digits, as .NET's `G15`.
pub(in crate::plan) fn number_text(n: f64) -> String {
    if n.is_nan() {
        return "NaN".to_owned();
    }
    if n.is_infinite() {
        return if n > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if n == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{n:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: &str| {
        if digits.contains('.') {
            digits.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            digits.to_owned()
        }
    };
    if !(-4..15).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}E{sign}{:02}", trim(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(14 - exponent).unwrap_or(0);
    trim(&format!("{n:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_like_dotnet() {
        for (n, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (3.1, "3.1"),
            (0.1 + 0.2, "0.3"),
            (1e14, "100000000000000"),
            (1e15, "1E+15"),
            (1.5e-7, "1.5E-07"),
            (0.00001, "1E-05"),
            (0.0001, "0.0001"),
            (1_234_567.891, "1234567.891"),
        ] {
            assert_eq!(number_text(n), text);
        }
    }

    #[test]
    fn strings_become_numbers_as_documented() {
        assert_eq!(parse_number(""), 0.0);
        assert_eq!(parse_number(" 12.5 "), 12.5);
        assert_eq!(parse_number("0xff"), 255.0);
        assert_eq!(parse_number("0o17"), 15.0);
        assert_eq!(parse_number("-1e3"), -1000.0);
        assert_eq!(parse_number("Infinity"), f64::INFINITY);
        assert!(parse_number("1_000").is_nan());
        assert!(parse_number("abc").is_nan());
        assert!(parse_number("inf").is_nan());
    }

    #[test]
    fn equality_is_loose() {
        let string = |s: &str| Value::string(s);
        for (a, b, equal) in [
            (Value::Null, string(""), true),
            (Value::Null, Value::Number(0.0), true),
            (Value::Null, Value::Bool(false), true),
            (Value::Bool(true), string("1"), true),
            (Value::Bool(true), string("true"), false),
            (Value::Number(10.0), string("10"), true),
            (Value::Number(10.0), string("10.0"), true),
            (string("ABC"), string("abc"), true),
            (string("abc"), Value::Number(0.0), false),
            (Value::Number(f64::NAN), Value::Number(f64::NAN), false),
            (Value::array(vec![]), Value::array(vec![]), false),
        ] {
            assert_eq!(a.loosely_equals(&b), Some(equal), "{a:?} == {b:?}");
            assert_eq!(b.loosely_equals(&a), Some(equal), "{b:?} == {a:?}");
        }
        let array = Value::array(vec![Value::Null]);
        assert_eq!(array.loosely_equals(&array.clone()), Some(true));
        assert_eq!(Value::unknown("x").loosely_equals(&Value::Null), None);
    }
}
