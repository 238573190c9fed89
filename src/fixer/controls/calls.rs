//! The parts of an assertion: a call's arguments, and what stands on both sides of `==`. Syntax tells; where a text cannot be
//! parsed by itself, its brackets and quotes do.

use std::ops::Range;

use crate::syntax::{Grammar, both_sides, call_arguments};

/// What stands between the top-level commas of the brackets that open at `open`, and where they close.
pub(super) fn arguments(grammar: Grammar, text: &str, open: usize) -> Option<(Vec<Range<usize>>, usize)> {
    call_arguments(grammar, text, open).or_else(|| by_brackets(text, open))
}

fn by_brackets(text: &str, open: usize) -> Option<(Vec<Range<usize>>, usize)> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, open + 1);
    for (at, c) in code(text, open)? {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 {
                    if !text[start..at].trim().is_empty() {
                        parts.push(trimmed(text, start..at));
                    }
                    return Some((parts, at));
                }
            }
            ',' if depth == 1 => {
                parts.push(trimmed(text, start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    None
}

/// Both sides of the only `==` (or `===`) outside of brackets, and the operator itself.
pub(super) fn equality(grammar: Grammar, text: &str) -> Option<(Range<usize>, Range<usize>, Range<usize>)> {
    both_sides(grammar, text).or_else(|| sides_by_brackets(text))
}

fn sides_by_brackets(text: &str) -> Option<(Range<usize>, Range<usize>, Range<usize>)> {
    let (mut depth, mut found): (usize, Option<Range<usize>>) = (0, None);
    let characters = code(text, 0)?;
    let mut skip_to = 0;
    for (at, c) in characters {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            '=' if depth == 0 && at >= skip_to && text[at..].starts_with("==") => {
                if found.is_some() || text[..at].ends_with(['!', '<', '>']) {
                    return None;
                }
                let end = at + if text[at..].starts_with("===") { 3 } else { 2 };
                skip_to = end;
                found = Some(at..end);
            }
            _ => {}
        }
    }
    let operator = found?;
    let (left, right) = (trimmed(text, 0..operator.start), trimmed(text, operator.end..text.len()));
    // Of `a and b == c` the sides are others.
    let joins = [" and ", " or ", "&&", "||", " not ", " if ", "?", " in ", " is ", ","];
    let is_plain = |side: &Range<usize>| {
        let side = &text[side.clone()];
        outside_brackets(side)
            .is_some_and(|bare| !joins.iter().any(|j| bare.contains(j)) && !bare.starts_with("not "))
    };
    (is_plain(&left) && is_plain(&right)).then_some((left, right, operator))
}

/// A text without what stands in its brackets and strings.
fn outside_brackets(text: &str) -> Option<String> {
    let (mut depth, mut out) = (0usize, String::new());
    for (_, c) in code(text, 0)? {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.checked_sub(1)?,
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    Some(out)
}

/// The characters of `text` from `from` on, without those of strings; `None` where that cannot be told.
fn code(text: &str, from: usize) -> Option<Vec<(usize, char)>> {
    let (mut out, mut quote) = (Vec::new(), None::<char>);
    if text.contains("\"\"\"") || text.contains("'''") || text.contains("//") || text.contains("/*") {
        // A remark may hold anything; an address in a string is no loss.
        return None;
    }
    let mut characters = text.get(from..)?.char_indices().map(|(at, c)| (at + from, c)).peekable();
    while let Some((at, c)) = characters.next() {
        match (quote, c) {
            (Some(_), '\\') => {
                characters.next();
            }
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '`') => quote = Some(c),
            // Rust's lifetimes have no end.
            (None, '\'') if text[at + 1..].contains('\'') => quote = Some('\''),
            (None, c) => out.push((at, c)),
        }
    }
    quote.is_none().then_some(out)
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    start..start + part.trim().len()
}

/// Another literal of the same kind, where `text` is a number or a string and nothing else.
pub(super) fn other_literal(text: &str, delta: u32, mark: &str) -> Option<String> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if digits(text) && text.len() <= 9 && (text == "0" || !text.starts_with('0')) {
        let number: u32 = text.parse().ok()?;
        // Small types stay in their bounds.
        return Some(if number > 120 { number - delta } else { number + delta }.to_string());
    }
    if let Some((whole, part)) = text.split_once('.')
        && digits(whole)
        && digits(part)
        && whole.len() <= 9
    {
        return Some(format!("{}.{part}", whole.parse::<u32>().ok()? + delta));
    }
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(['\\', quote, '\n'])).then(|| format!("{quote}{inner}{mark}{quote}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        let open = text.find('(').unwrap();
        by_brackets(text, open).unwrap().0.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn arguments_stand_between_the_outer_commas() {
        assert_eq!(parts("f(a, g(b, c), [1, 2], \"x, y\")"), ["a", "g(b, c)", "[1, 2]", "\"x, y\""]);
        assert_eq!(parts("f()"), Vec::<&str>::new());
        assert_eq!(by_brackets("f(a", 1), None);
        assert_eq!(by_brackets("f(a // )\n)", 1), None);
    }

    #[test]
    fn the_sides_of_the_only_equality() {
        let text = "total([1, 2]) == 3";
        let (left, right, _) = sides_by_brackets(text).unwrap();
        assert_eq!((&text[left], &text[right]), ("total([1, 2])", "3"));
        for text in ["a == b == c", "a and b == c", "f(a == b)", "a != b", "a <= b", "x == 1 if y else 2"] {
            assert_eq!(sides_by_brackets(text), None, "{text}");
        }
    }

    #[test]
    fn another_literal_is_of_the_same_kind() {
        let other = |text: &str| other_literal(text, 3, "q");
        assert_eq!(other("5").as_deref(), Some("8"));
        assert_eq!(other("255").as_deref(), Some("252"));
        assert_eq!(other("1.50").as_deref(), Some("4.50"));
        assert_eq!(other("\"ab\"").as_deref(), Some("\"abq\""));
        for text in ["x", "0x1f", "007", "f(1)", "'a\\n'", "[1]", "None"] {
            assert_eq!(other(text), None, "{text}");
        }
    }
}
