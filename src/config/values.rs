//! How values are written.

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

/// `90s`, `30m`, `1h30m`
pub(super) fn duration(text: &str) -> Option<Duration> {
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
}

/// `512m`, `4g`, or plain bytes; binary units, as Docker reads them.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, shift) = match lower.trim_end_matches('b') {
        t if t.ends_with('k') => (&t[..t.len() - 1], 10),
        t if t.ends_with('m') => (&t[..t.len() - 1], 20),
        t if t.ends_with('g') => (&t[..t.len() - 1], 30),
        t => (t, 0),
    };
    digits.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift))
}

/// Lines `NAME` (passed on from our environment) or `NAME=value`. The error says what is wrong where it is not the form.
pub(super) fn environment(
    text: &str,
    variables: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, SecretString>, Option<String>> {
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
            return Err(None);
        }
        // What would hand the sandbox our own rights is never passed on.
        if name.starts_with("ACTIONS_")
            || name.starts_with("INPUT_")
            || name == "GITHUB_TOKEN" && !line.contains('=')
        {
            return Err(Some(format!(
                "allowed to name {name}: the sandbox holds none of the runner's tokens"
            )));
        }
        passed.insert(name.to_owned(), SecretString::from(value));
    }
    Ok(passed)
}

/// What stands for something in the branch's name.
pub(super) const PLACEHOLDERS: &[&str] = &["{ref}", "{sha7}", "{sha}", "{run}", "{fingerprint}"];

/// `heal/{ref}-{sha7}`: a branch name once its placeholders are filled in.
pub(super) fn is_branch_template(text: &str) -> bool {
    let filled =
        PLACEHOLDERS.iter().fold(text.to_owned(), |text, placeholder| text.replace(placeholder, "x"));
    BranchName::new(&filled).is_ok() && !filled.contains(['{', '}'])
}

/// An address of a server, without its last slash.
pub(super) fn url(text: &str) -> Option<String> {
    let url = reqwest::Url::parse(text).ok().filter(|u| matches!(u.scheme(), "http" | "https"))?;
    (url.username().is_empty() && url.password().is_none()).then(|| text.trim_end_matches('/').to_owned())
}
