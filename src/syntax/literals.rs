//! What literals stand for.

use super::tree::Grammar;

/// Quotes without the backslash that they may have or not.
pub(super) fn unescaped_quotes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(quote @ ('"' | '\'')) => out.push(quote),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// What JSX makes of text: lines are trimmed and joined by one blank, empty ones do not count.
pub(super) fn jsx_words(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let last = lines.len() - 1;
    let trimmed = lines.iter().enumerate().map(|(i, line)| {
        let blank = [' ', '\t'];
        let line = if i > 0 { line.trim_start_matches(blank) } else { line };
        if i < last { line.trim_end_matches(blank) } else { line }
    });
    trimmed.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A number's value and type, in a form of its own; `None` where it is not known for sure.
pub(super) fn number(grammar: Grammar, text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    if text.starts_with('_') || text.ends_with('_') || text.contains("__") {
        return None;
    }
    let digits = text.replace('_', "");
    let radix = |digits: &str, base: u32| u128::from_str_radix(digits, base).ok().map(|n| format!("int {n}"));
    let whole = |text: &str| match text.get(..2) {
        Some("0x") => radix(&text[2..], 16),
        Some("0b") => radix(&text[2..], 2),
        Some("0o") => radix(&text[2..], 8),
        // `010` is eight to some.
        Some(two) if two.starts_with('0') && two.as_bytes()[1].is_ascii_digit() => None,
        _ => radix(text, 10),
    };
    let real = |text: &str| {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'+' | b'-'));
        let value: f64 = plain.then(|| text.parse().ok()).flatten()?;
        value.is_finite().then(|| format!("real {:x}", value.to_bits()))
    };
    match grammar {
        // Beyond 2^53 not every one is there.
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => match whole(&digits) {
            Some(n) => {
                let value: u64 = n.trim_start_matches("int ").parse().ok()?;
                (value < 1 << 53).then(|| real(&value.to_string())).flatten()
            }
            None => real(&digits),
        },
        // Suffixes are types: left alone.
        Grammar::Python | Grammar::Go | Grammar::Rust | Grammar::Java => {
            whole(&digits).or_else(|| real(&digits))
        }
    }
}

/// The value of a string's inside, where every escape is one that all these languages read alike.
pub(super) fn string_value(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '\\' => out.push('\\'),
            quote @ ('"' | '\'') => out.push(quote),
            'x' => {
                let code: String = chars.by_ref().take(2).collect();
                let code = u8::from_str_radix(&code, 16).ok().filter(u8::is_ascii)?;
                out.push(char::from(code));
            }
            'u' => {
                let code: String = chars.by_ref().take(4).collect();
                let hex = code.len() == 4 && code.bytes().all(|b| b.is_ascii_hexdigit());
                out.push(
                    hex.then(|| u32::from_str_radix(&code, 16).ok()).flatten().and_then(char::from_u32)?,
                );
            }
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_values_and_types() {
        use Grammar::{Go, JavaScript, Python};
        let same = |grammar, one: &str, other: &str| {
            let (one, other) = (number(grammar, one), number(grammar, other));
            one.is_some() && one == other
        };
        assert!(same(Python, "0xFF", "255") && same(Python, "1_000", "1000") && same(Python, "1.50", "1.5"));
        assert!(!same(Python, "1", "1.0") && same(JavaScript, "1", "1.0") && !same(Go, "1", "1.0"));
        assert!(!same(Python, "010", "10") && !same(JavaScript, "9007199254740993", "9007199254740992"));
        assert!(!same(Python, "1j", "1") && !same(JavaScript, "1n", "1") && !same(Go, "1e999", "2e999"));
    }

    #[test]
    fn strings_have_values() {
        assert_eq!(string_value(r"a\x41\u00e9\n").as_deref(), Some("aA\u{e9}\n"));
        assert_eq!(string_value(r"\N{DASH}"), None);
        assert_eq!(string_value(r"\u12"), None);
        assert_eq!(unescaped_quotes(r#"it\'s \\' "x""#), r#"it's \\' "x""#);
    }

    #[test]
    fn jsx_trims_lines() {
        assert_eq!(jsx_words("\n   Hello\n   you \n"), "Hello you");
        assert_eq!(jsx_words("a "), "a ");
        assert_eq!(jsx_words(" \n "), "");
    }
}
