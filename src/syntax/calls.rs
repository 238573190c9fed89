//! The parts of a call and of a comparison, in a piece of code by itself: an assertion, an expression.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::tree::{Grammar, Node, flatten, recover};

/// A piece of code is short.
const MOST_BYTES: usize = 20_000;
const MAX_TIME: Duration = Duration::from_millis(300);

type Bytes = Range<usize>;

/// What stands between the commas of the brackets that open at `open`, and where they close; `None` where that cannot be
/// read, or what they hold begins with an error.
#[must_use]
pub fn call_arguments(grammar: Grammar, text: &str, open: usize) -> Option<(Vec<Bytes>, usize)> {
    let nodes = read(grammar, text)?;
    let opens = |node: &Node| {
        node.bytes == (open..open + 1) && matches!(text.get(open..=open), Some("(" | "[" | "{"))
    };
    let list = &nodes[nodes.iter().find(|node| opens(node))?.parent];
    let (first, last) = (list.children.first()?, list.children.last()?);
    let closing = &nodes[*last];
    let closes = text.get(closing.bytes.clone()).is_some_and(|end| matches!(end, ")" | "]" | "}"));
    if nodes[*first].bytes.start != open || !closes {
        return None;
    }
    let mut parts = Vec::new();
    let mut part: Option<Bytes> = None;
    for child in list.children.get(1..list.children.len() - 1)?.iter().map(|child| &nodes[*child]) {
        match child.kind {
            "," => parts.extend(part.take()),
            // What a remark says is no part of an argument.
            kind if kind.contains("comment") => {}
            _ => part = Some(part.map_or(child.bytes.start, |part| part.start)..child.bytes.end),
        }
    }
    parts.extend(part);
    Some((parts, closing.bytes.start))
}

/// Both sides of a comparison for equality and its operator, where that is all that `text` is.
#[must_use]
pub fn both_sides(grammar: Grammar, text: &str) -> Option<(Bytes, Bytes, Bytes)> {
    let nodes = read(grammar, text)?;
    let whole = text.len() - text.trim_start().len()..text.trim_end().len();
    let comparison = nodes.iter().find(|node| {
        node.bytes == whole && matches!(node.kind, "comparison_operator" | "binary_expression")
    })?;
    let [left, operator, right] = comparison.children.as_slice() else { return None };
    let bytes = |node: usize| nodes[node].bytes.clone();
    matches!(nodes[*operator].kind, "==" | "===").then(|| (bytes(*left), bytes(*right), bytes(*operator)))
}

/// The nodes of a piece of code without an error.
fn read(grammar: Grammar, text: &str) -> Option<Vec<Node>> {
    // Statements end so.
    let ending = if matches!(grammar, Grammar::Java | Grammar::Rust) { ";" } else { "\n" };
    if text.len() > MOST_BYTES {
        return None;
    }
    let tree = recover(grammar, &format!("{text}{ending}"), Instant::now() + MAX_TIME).ok()?;
    if tree.root_node().has_error() {
        return None;
    }
    flatten(&tree, grammar.language()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(grammar: Grammar, text: &str) -> Vec<&str> {
        let (parts, close) = call_arguments(grammar, text, text.find('(').unwrap()).unwrap();
        assert!(text[close..].starts_with(')'));
        parts.into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn arguments_are_the_call_s_own() {
        for (grammar, text, wanted) in [
            (Grammar::Python, "self.assertEqual(f(1, 2), 'a, b')", vec!["f(1, 2)", "'a, b'"]),
            (
                Grammar::Python,
                "assertEqual(a,  # ), b\n  \"\"\"http://x, y\"\"\", msg='m')",
                vec!["a", "\"\"\"http://x, y\"\"\"", "msg='m'"],
            ),
            (Grammar::Python, "(a == b, 'why')", vec!["a == b", "'why'"]),
            (
                Grammar::JavaScript,
                "expect(`a, ${f(1, 2)}`, /[,)]/).toBe(2)",
                vec!["`a, ${f(1, 2)}`", "/[,)]/"],
            ),
            (Grammar::TypeScript, "f(x as Map<a, b>, 1)", vec!["x as Map<a, b>", "1"]),
            (Grammar::Go, "assert.Equal(t, \"http://x\", f(1))", vec!["t", "\"http://x\"", "f(1)"]),
            (Grammar::Java, "assertEquals(3, of(1, 2), \"//\")", vec!["3", "of(1, 2)", "\"//\""]),
            (
                Grammar::Rust,
                "assert_eq!(of::<'a>(',', 1), [1, 2], \"{}\", x)",
                vec!["of::<'a>(',', 1)", "[1, 2]", "\"{}\"", "x"],
            ),
            (Grammar::Rust, "f()", vec![]),
        ] {
            assert_eq!(parts(grammar, text), wanted, "{text}");
        }
        assert_eq!(call_arguments(Grammar::Python, "f(a", 1), None);
        assert_eq!(call_arguments(Grammar::Python, "f(a)", 9), None);
    }

    #[test]
    fn both_sides_of_an_equality_that_is_all_there_is() {
        let sides = |text: &str| {
            let (left, right, _) = both_sides(Grammar::Python, text)?;
            Some((text[left].to_owned(), text[right].to_owned()))
        };
        assert_eq!(sides("f('==') == {'a': 1}"), Some(("f('==')".to_owned(), "{'a': 1}".to_owned())));
        for text in ["a == b == c", "a and b == c", "f(a == b)", "a != b", "x == 1 if y else 2", "not a == b"]
        {
            assert_eq!(sides(text), None, "{text}");
        }
        assert!(both_sides(Grammar::JavaScript, "a === 'b // c'").is_some());
    }
}
