//! The grammar of GitHub's file commands: `GITHUB_ENV`, `GITHUB_OUTPUT`, `GITHUB_STATE` and `GITHUB_PATH`.
//!
//! Follows the runner's own reader: a malformed file fails the step, as it does there.

/// `KEY=VALUE` lines and `KEY<<DELIMITER` blocks, in order.
pub(super) fn parse_pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split_inclusive('\n');
    while let Some(raw) = lines.next() {
        let line = raw.strip_suffix('\n').unwrap_or(raw);
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        match (equals, heredoc) {
            (Some(at), other) if other.is_none_or(|h| at < h) => {
                let (key, value) = (&line[..at], &line[at + 1..]);
                if key.is_empty() {
                    return Err(format!("invalid format '{}': a name must stand before '='", short(line)));
                }
                pairs.push((key.to_owned(), value.to_owned()));
            }
            (_, Some(at)) => {
                let (key, delimiter) = (&line[..at], &line[at + 2..]);
                if key.is_empty() || delimiter.is_empty() {
                    return Err(format!("invalid format '{}': NAME<<DELIMITER is needed", short(line)));
                }
                let mut value = String::new();
                loop {
                    let Some(raw) = lines.next() else {
                        return Err(format!("matching delimiter not found '{}'", short(delimiter)));
                    };
                    let inner = raw.strip_suffix('\n').unwrap_or(raw);
                    if inner == delimiter {
                        break;
                    }
                    value.push_str(raw);
                }
                // The line break before the delimiter belongs to the grammar.
                if value.ends_with('\n') {
                    value.pop();
                }
                pairs.push((key.to_owned(), value));
            }
            _ => return Err(format!("invalid format '{}'", short(line))),
        }
    }
    Ok(pairs)
}

/// One directory per line, in the order written.
pub(super) fn parse_paths(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().filter(|l| !l.is_empty()).map(str::to_owned).collect()
}

/// Names a step may not set for the steps after it.
pub(super) fn is_blocked(name: &str) -> bool {
    name.eq_ignore_ascii_case("NODE_OPTIONS") || name.starts_with("GITHUB_") || name.starts_with("RUNNER_")
}

/// `added` before `base`, the latest first, as the runner prepends them.
pub(super) fn join_path(added: &[String], base: &str) -> String {
    let mut parts: Vec<&str> = added.iter().rev().map(String::as_str).collect();
    parts.push(base);
    parts.join(":")
}

fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse_pairs(text).unwrap()
    }

    #[test]
    fn single_lines_and_blocks() {
        let got = pairs("A=1\n\nB=x=y<<z\nC<<EOF\nfirst\n\nEOF2\nEOF\nD<<X\nX\nE=last");
        let want = [("A", "1"), ("B", "x=y<<z"), ("C", "first\n\nEOF2"), ("D", ""), ("E", "last")]
            .map(|(k, v)| (k.into(), v.into()));
        assert_eq!(got, want);
    }

    #[test]
    fn a_carriage_return_stays_in_the_value() {
        assert_eq!(pairs("A=1\r\n"), [("A".to_owned(), "1\r".to_owned())]);
    }

    #[test]
    fn what_the_runner_refuses_is_refused() {
        for bad in ["novalue\n", "A<<EOF\nx\n", "=x\n", "<<EOF\nx\nEOF\n", "A<<\n"] {
            assert!(parse_pairs(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn the_latest_path_comes_first() {
        let added = parse_paths("/a\n/b\n");
        assert_eq!(join_path(&added, "/usr/bin"), "/b:/a:/usr/bin");
        assert_eq!(join_path(&[], "/usr/bin"), "/usr/bin");
    }

    #[test]
    fn steps_cannot_replace_the_runner_s_own_facts() {
        assert!(is_blocked("NODE_OPTIONS") && is_blocked("GITHUB_SHA") && is_blocked("RUNNER_OS"));
        assert!(!is_blocked("PATH") && !is_blocked("MY_VAR") && !is_blocked("CI"));
    }
}
