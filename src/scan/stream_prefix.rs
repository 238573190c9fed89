//! Prefixes that mark whose output a line is: of compose services, task runners, workspaces.

use memchr::memchr;

/// Splits `api-1  | text`, `web:test: text`, `packages/a test: text`, `[web] text`.
///
/// ```
/// use log_scan::stream_prefix::split_prefix;
///
/// assert_eq!(split_prefix("api-1  | error: x"), Some(("api-1", "error: x")));
/// assert_eq!(split_prefix("error: x"), None);
/// ```
#[must_use]
pub fn split_prefix(text: &str) -> Option<(&str, &str)> {
    match text.as_bytes().first()? {
        b'[' => bracketed(text),
        b'a'..=b'z' | b'A'..=b'Z' | b'@' => named(text),
        _ => None,
    }
}

fn bracketed(text: &str) -> Option<(&str, &str)> {
    let reach = &text.as_bytes()[..text.len().min(41)];
    let close = memchr(b']', reach).filter(|at| *at >= 2)?;
    let behind = match &text.as_bytes()[close + 1..] {
        [b':', b' ', ..] => 2,
        [b' ', ..] | [b':'] => 1,
        [] => 0,
        _ => return None,
    };
    let name = text[1..close].trim_end();
    let is_name = name.bytes().all(is_name_byte)
        && !name.bytes().all(|b| b.is_ascii_uppercase())
        && !(name.starts_with("gw") && name[2..].bytes().all(|b| b.is_ascii_digit()));
    is_name.then(|| (name, &text[close + 1 + behind..]))
}

fn named(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let mut end = 1;
    while end < 80 && bytes.get(end).is_some_and(|b| is_name_byte(*b)) {
        end += 1;
    }
    let (name, after) = text.split_at(end);
    if bytes[end - 1] == b':' {
        let rest = after.strip_prefix(' ').or_else(|| after.is_empty().then_some(""))?;
        let name = &name[..end - 1];
        let Some((package, task)) = name.split_once(':') else {
            // Lerna's: the package alone.
            return (name.starts_with('@') && name.contains('/')).then_some((name, rest));
        };
        let task_like =
            task.bytes().all(|b| b.is_ascii_alphabetic() || b"-_:".contains(&b)) && !task.is_empty();
        let package_like = !package.is_empty() && !package.contains('.');
        return (task_like && package_like).then_some((name, rest));
    }
    let mut bar = end;
    while bytes.get(bar) == Some(&b' ') {
        bar += 1;
    }
    match &bytes[bar..] {
        _ if bar == end => None,
        [b'|'] | [b'|', b' ', ..] => {
            let numbered = name.trim_end_matches(|c: char| c.is_ascii_digit());
            (numbered.len() < name.len() && numbered.ends_with(['-', '_']))
                .then(|| (name, text.get(bar + 2..).unwrap_or("")))
        }
        // pnpm's recursive runs: the folder, the script, a colon.
        _ if bar == end + 1
            && memchr(b'/', name.as_bytes()).is_some()
            && memchr(b':', name.as_bytes()).is_none() =>
        {
            let script = &text[bar..];
            let stop = script.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'))?;
            let rest =
                script[stop..].strip_prefix(": ").or_else(|| (&script[stop..] == ":").then_some(""))?;
            (stop > 0).then(|| (&text[..bar + stop], rest))
        }
        _ => None,
    }
}

fn is_name_byte(b: u8) -> bool {
    matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'@' | b':')
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
