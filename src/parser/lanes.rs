//! Tells interleaved outputs apart by the prefix that marks them: compose services, task runners, workspaces.

use std::collections::BTreeMap;

/// Lanes open at once; further prefixes are read as plain text.
const MAX_LANES: usize = 64;

#[derive(Default)]
pub(super) struct Lanes<L> {
    main: L,
    marked: BTreeMap<String, L>,
}

impl<L: Default> Lanes<L> {
    /// The lane of a line and its text without the prefix. A lane opens only where `is_trigger` says that the text
    /// behind the prefix is some tool's and the whole line (`whole_triggers`) is not.
    pub(super) fn of<'a>(
        &mut self,
        text: &'a str,
        whole_triggers: bool,
        is_trigger: impl Fn(&str) -> bool,
    ) -> (&mut L, &'a str) {
        let Some((key, rest)) = split_prefix(text) else { return (&mut self.main, text) };
        let known = self.marked.contains_key(key);
        let opens = || !whole_triggers && self.marked.len() < MAX_LANES && is_trigger(rest);
        if known || opens() {
            (self.marked.entry(key.to_owned()).or_default(), rest)
        } else {
            (&mut self.main, text)
        }
    }

    pub(super) fn drain(&mut self) -> Vec<L> {
        let marked = std::mem::take(&mut self.marked);
        std::iter::once(std::mem::take(&mut self.main)).chain(marked.into_values()).collect()
    }
}

/// Splits `api-1  | text`, `web:test: text`, `packages/a test: text`, `[web] text`.
fn split_prefix(text: &str) -> Option<(&str, &str)> {
    let first = *text.as_bytes().first()?;
    if first == b'[' {
        let close = text.find(']').filter(|at| (2..=40).contains(at))?;
        let name = text[1..close].trim_end();
        let rest = text[close + 1..].strip_prefix(':').unwrap_or(&text[close + 1..]);
        let rest = rest.strip_prefix(' ').or_else(|| rest.is_empty().then_some(""))?;
        let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./@:".contains(&b))
            && !name.bytes().all(|b| b.is_ascii_uppercase())
            && !(name.starts_with("gw") && name[2..].bytes().all(|b| b.is_ascii_digit()));
        return named.then_some((name, rest));
    }
    if !(first.is_ascii_alphabetic() || first == b'@') {
        return None;
    }
    let head =
        text.as_bytes().iter().take(80).take_while(|b| b.is_ascii_alphanumeric() || b"-_./@:".contains(b));
    let end = head.count();
    let name = &text[..end];
    if let Some(name) = name.strip_suffix(':') {
        let rest = text[end..].strip_prefix(' ').or_else(|| text[end..].is_empty().then_some(""))?;
        let (package, task) = name.split_once(':')?;
        let task_like =
            task.bytes().all(|b| b.is_ascii_alphabetic() || b"-_:".contains(&b)) && !task.is_empty();
        let package_like = !package.is_empty() && !package.contains('.');
        return (task_like && package_like).then_some((name, rest));
    }
    let after = &text[end..];
    let bar = after.trim_start_matches(' ');
    if bar.len() < after.len() && (bar.starts_with("| ") || bar == "|") {
        let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
        return (numbered.len() < name.len() && numbered.ends_with(['-', '_']))
            .then(|| (name, bar.get(2..).unwrap_or("")));
    }
    // pnpm's recursive runs: the folder, the script, a colon.
    let script = after.strip_prefix(' ')?;
    let stop = script.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))?;
    let rest = script[stop..].strip_prefix(": ").or_else(|| (&script[stop..] == ":").then_some(""))?;
    (name.contains('/') && !name.contains(':') && stop > 0).then(|| (&text[..end + 1 + stop], rest))
}

#[cfg(test)]
mod tests {
    use super::split_prefix;

    #[test]
    fn prefixes_of_task_runners_are_split_off() {
        for (line, want) in [
            ("api-1  | error: x", Some(("api-1", "error: x"))),
            ("web:test: FAIL a", Some(("web:test", "FAIL a"))),
            ("web:test:", Some(("web:test", ""))),
            ("@acme/web:build: x", Some(("@acme/web:build", "x"))),
            ("packages/a test: FAIL a", Some(("packages/a test", "FAIL a"))),
            ("[web] FAIL", Some(("web", "FAIL"))),
            ("[0] FAIL", Some(("0", "FAIL"))),
            ("[@acme/a]: FAIL", Some(("@acme/a", "FAIL"))),
            ("[ERROR] x", None),
            ("[gw0] PASSED", None),
            ("LL | let x", None),
            ("12 | let x", None),
            ("src/a.c:main: x", None),
            ("a.go:12:3: x", None),
            ("error: x", None),
        ] {
            assert_eq!(split_prefix(line), want, "{line}");
        }
    }
}
