//! Controls in Python, for pytest and unittest.

use super::calls::{arguments, equality, other_literal};
use super::site::Site;
use super::words::Computed;
use crate::syntax::Grammar;

/// What an equality of nothing equals.
const NOTHING: &str = "object()";

pub(super) fn must_fail(site: &Site, mark: &str, computed: &Computed) -> Option<String> {
    site.definition()?;
    let Computed { letters, factor, wrong, .. } = computed;
    let name = format!("{}_{mark}", site.case.name);
    let myself = if site.case.suites.is_empty() { "" } else { "self" };
    let made = format!("sum(map(ord, \"{letters}\")) * {factor}");
    let body = if ["self.assert", "self.fail"].iter().any(|own| site.test().contains(own)) {
        format!("\tself.assertEqual({made}, {wrong})")
    } else {
        format!("\tvalue = {made}\n\tassert value == {wrong}")
    };
    Some(format!("\ndef {name}({myself}):\n{body}"))
}

pub(super) fn inverted(assertion: &str, delta: u32, mark: &str) -> Option<String> {
    if let Some(rest) = assertion.strip_prefix("assert").filter(|rest| rest.starts_with([' ', '(', '\t'])) {
        let whole = format!("({})", rest.trim());
        let (parts, _) = arguments(Grammar::Python, &whole, 0)?;
        let condition = &whole[parts.first()?.clone()];
        return Some(format!("assert {}", unequal(condition, delta, mark)));
    }
    let open = assertion.find('(')?;
    let (called, (parts, _)) = (&assertion[..open], arguments(Grammar::Python, assertion, open)?);
    let (object, name) = called.rsplit_once('.')?;
    let part = |index: usize| parts.get(index).map(|range| &assertion[range.clone()]);
    let rest = assertion.get(open..)?;
    match name {
        "assertEqual"
        | "assertEquals"
        | "assertListEqual"
        | "assertDictEqual"
        | "assertTupleEqual"
        | "assertSetEqual"
        | "assertSequenceEqual"
        | "assertCountEqual"
        | "assertMultiLineEqual" => {
            let (first, second) = other_side(part(0)?, part(1)?, delta, mark);
            Some(format!("{called}({first}, {second})"))
        }
        "assertAlmostEqual" => Some(format!("{called}({}, {NOTHING})", part(0)?)),
        "assertTrue" | "assertFalse" => Some(format!("{called}(not ({}))", part(0)?)),
        _ => Some(format!("{object}.{}{rest}", opposite(name)?)),
    }
}

fn unequal(condition: &str, delta: u32, mark: &str) -> String {
    match equality(Grammar::Python, condition) {
        Some((left, right, operator)) => {
            let (left, right) = other_side(&condition[left], &condition[right], delta, mark);
            format!("{left} {} {right}", &condition[operator])
        }
        None => format!("not ({condition})"),
    }
}

/// Both sides of an equality with another value on the side that is expected.
fn other_side(first: &str, second: &str, delta: u32, mark: &str) -> (String, String) {
    let (one, two) = (other_literal(first, delta, mark), other_literal(second, delta, mark));
    match (one, two) {
        (_, Some(other)) => (first.to_owned(), other),
        (Some(other), None) => (other, second.to_owned()),
        // What is called is what is asked; the other side says what is expected.
        (None, None) if second.contains('(') && !first.contains('(') => {
            (NOTHING.to_owned(), second.to_owned())
        }
        (None, None) => (first.to_owned(), NOTHING.to_owned()),
    }
}

fn opposite(name: &str) -> Option<&'static str> {
    const PAIRS: [(&str, &str); 8] = [
        ("assertNotEqual", "assertEqual"),
        ("assertIn", "assertNotIn"),
        ("assertIs", "assertIsNot"),
        ("assertIsNone", "assertIsNotNone"),
        ("assertIsInstance", "assertNotIsInstance"),
        ("assertRegex", "assertNotRegex"),
        ("assertGreater", "assertLessEqual"),
        ("assertLess", "assertGreaterEqual"),
    ];
    PAIRS.iter().find_map(|(one, other)| match name {
        name if name == *one => Some(*other),
        name if name == *other && *one != "assertNotEqual" => Some(*one),
        _ => None,
    })
}
