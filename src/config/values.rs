//! How values are written: each parser's error completes the sentence "… is not …".

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::contract::git::BranchName;

/// A comma- or newline-separated list; blanks around entries do not count.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split([',', '\n']).map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

/// One entry a line, as globs may hold commas.
pub(super) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

pub(super) fn one_of<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        format!("one of {}", names.join(", "))
    })
}

pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("true or false".to_owned()),
    }
}

pub(super) fn number<T>(text: &str, least: T, most: T) -> Result<T, String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    text.parse::<T>()
        .ok()
        .filter(|n| *n >= least && *n <= most)
        .ok_or_else(|| format!("a whole number from {least} to {most}"))
}

pub(super) fn fraction(text: &str, least: f64, most: f64) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|n| n.is_finite() && *n >= least && *n <= most)
        .ok_or_else(|| format!("a number from {least} to {most}"))
}

/// `90s`, `30m`, `1h30m`
pub(super) fn duration(text: &str, least: &str, most: &str) -> Result<Duration, String> {
    let parse = |text: &str| -> Option<Duration> {
        let mut total: u64 = 0;
        let mut digits = String::new();
        let mut any = false;
        for c in text.chars() {
            if c.is_ascii_digit() {
                digits.push(c);
                continue;
            }
            let unit = match c {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return None,
            };
            let amount: u64 = digits.parse().ok()?;
            total = total.checked_add(amount.checked_mul(unit)?)?;
            digits.clear();
            any = true;
        }
        (any && digits.is_empty()).then(|| Duration::from_secs(total))
    };
    parse(text)
        .filter(|d| parse(least).is_none_or(|l| *d >= l) && parse(most).is_none_or(|m| *d <= m))
        .ok_or_else(|| format!("a duration from {least} to {most}, such as 90s, 30m or 1h30m"))
}

/// `512m`, `4g`, or plain bytes; binary units, as Docker reads them.
pub(super) fn bytes(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, shift) = match lower.trim_end_matches('b') {
        t if t.ends_with('k') => (&t[..t.len() - 1], 10),
        t if t.ends_with('m') => (&t[..t.len() - 1], 20),
        t if t.ends_with('g') => (&t[..t.len() - 1], 30),
        t => (t, 0),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(1 << shift))
        .filter(|n| *n >= least && *n <= most)
        .ok_or_else(|| format!("an amount of memory of at least {}m, such as 512m or 4g", least >> 20))
}

/// Lines `NAME` (passed on from our environment) or `NAME=value`.
pub(super) fn environment(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, SecretString>, String> {
    let mut passed = BTreeMap::new();
    for line in lines(text) {
        let (name, value) = match line.split_once('=') {
            Some((name, value)) => (name.trim(), value.to_owned()),
            None => (line.as_str(), variables.get(&line).cloned().unwrap_or_default()),
        };
        let sound = !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !sound {
            return Err("lines of NAME or NAME=value, names of letters, digits and _".to_owned());
        }
        // What would hand the sandbox our own rights is never passed on.
        if name.starts_with("ACTIONS_")
            || name.starts_with("INPUT_")
            || name == "GITHUB_TOKEN" && !line.contains('=')
        {
            return Err(format!("allowed to name {name}: the sandbox holds none of the runner's tokens"));
        }
        passed.insert(name.to_owned(), SecretString::from(value));
    }
    Ok(passed)
}

/// `heal/{ref}-{sha7}`: a branch name once its placeholders are filled in.
pub(super) fn branch_template(text: &str) -> Result<String, String> {
    const PLACEHOLDERS: &[&str] = &["{ref}", "{sha7}", "{sha}", "{run}", "{fingerprint}"];
    let mut filled = text.to_owned();
    for placeholder in PLACEHOLDERS {
        filled = filled.replace(placeholder, "x");
    }
    if BranchName::new(&filled).is_ok() && !filled.contains(['{', '}']) {
        Ok(text.to_owned())
    } else {
        Err(format!("a branch name, with the placeholders {}", PLACEHOLDERS.join(", ")))
    }
}
