//! Flags of the command line, before they are understood.

use std::collections::BTreeMap;

use super::inputs::{INPUTS, Kind};
use crate::diff::similarity;
use crate::error::ExpectedError;

/// Flags as given, before they are understood: `name` → value.
pub type Flags = BTreeMap<String, String>;

/// Splits `--name value`, `--name=value` and, for switches, a bare `--name` into flags; the rest is positional. A list may be
/// given in several flags of its name.
///
/// `extra` names flags that belong to one command only (`repo`, `format`); those ending in `!` take no value.
pub fn flags(args: &[String], extra: &[&str]) -> Result<(Flags, Vec<String>), ExpectedError> {
    let mut found = Flags::new();
    let mut positional = Vec::new();
    let mut args = args.iter().peekable();
    while let Some(arg) = args.next() {
        let Some(flag) = arg.strip_prefix("--").filter(|f| !f.is_empty()) else {
            positional.push(arg.clone());
            continue;
        };
        let (name, inline) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let bare = extra.iter().any(|e| e.strip_suffix('!') == Some(name));
        let input = INPUTS.iter().find(|i| i.name == name);
        if !bare && !extra.contains(&name) && input.is_none() {
            let near = nearest(name, INPUTS.iter().map(|i| i.name).chain(extra.iter().copied()));
            let error = ExpectedError::usage(format!("unknown flag --{name}"));
            return Err(match near {
                Some(near) => error.hint(format!("did you mean --{}?", near.trim_end_matches('!'))),
                None => error,
            });
        }
        let is_switch = input.is_some_and(|i| i.kind == Kind::Switch);
        let value = match inline {
            Some(value) => value,
            None if bare => "true".to_owned(),
            None if is_switch
                && args.peek().is_none_or(|next| !matches!(next.as_str(), "true" | "false")) =>
            {
                "true".to_owned()
            }
            None => {
                args.next().cloned().ok_or_else(|| ExpectedError::usage(format!("--{name} needs a value")))?
            }
        };
        match found.get_mut(name) {
            None => {
                found.insert(name.to_owned(), value);
            }
            Some(list) if input.is_some_and(|i| i.kind.is_list()) => {
                list.push('\n');
                list.push_str(&value);
            }
            Some(_) => return Err(ExpectedError::usage(format!("--{name} is given twice"))),
        }
    }
    Ok((found, positional))
}

/// The candidate that looks most like `name`, where one looks like it at all.
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|c| (similarity(name, c), c))
        .filter(|(ratio, _)| *ratio > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}
