//! Controls in Java, for JUnit 3, 4 and 5.

use super::calls::{arguments, other_literal};
use super::rust::replaced;
use super::site::Site;
use super::words::Computed;
use crate::syntax::Grammar;

/// Where the assertions of a file come from, by what it imports.
const CLASSES: [(&str, &str); 2] =
    [("org.junit.jupiter", "org.junit.jupiter.api.Assertions"), ("org.junit.", "org.junit.Assert")];

pub(super) fn must_fail(site: &Site, mark: &str, computed: &Computed) -> Option<String> {
    let definition = site.definition()?;
    let Computed { letters, factor, wrong, .. } = computed;
    let name = format!("{}_{mark}", site.case.name);
    let head = &site.text[definition.bytes.start..definition.name_bytes.start];
    let annotation = head.split(|c: char| c.is_whitespace() || c == '(').find_map(|word| {
        let name = word.strip_prefix('@')?.rsplit('.').next()?;
        match name {
            "Test" => Some(word),
            "ParameterizedTest" | "RepeatedTest" => Some("@org.junit.jupiter.api.Test"),
            _ => None,
        }
    });
    let check = match asserted_with(site.test()) {
        Some(called) => format!("{called}({wrong}, value);"),
        None => format!("throw new AssertionError(value + \" is not {wrong}\");"),
    };
    let annotation = annotation.map_or(String::new(), |annotation| format!("{annotation}\n"));
    Some(format!(
        "\n{annotation}public void {name}() {{\n\tint value = 0;\n\tfor (char c : \"{letters}\".toCharArray()) {{\n\t\t\
         value += c;\n\t}}\n\tvalue *= {factor};\n\t{check}\n}}"
    ))
}

/// `assertEquals`, with what the test calls it on.
fn asserted_with(test: &str) -> Option<&str> {
    let end = test.find("assertEquals(")? + "assertEquals".len();
    let start =
        test[..end].rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).map_or(0, |at| at + 1);
    Some(&test[start..end])
}

pub(super) fn inverted(file: &str, assertion: &str, delta: u32, mark: &str) -> Option<String> {
    let open = assertion.find('(')?;
    let (called, (parts, close)) = (&assertion[..open], arguments(Grammar::Java, assertion, open)?);
    let name = called.rsplit('.').next()?;
    let literal = |range: &std::ops::Range<usize>| other_literal(&assertion[range.clone()], delta, mark);
    match (name, parts.as_slice()) {
        ("assertEquals" | "assertSame", [one, two]) => {
            match [one, two].into_iter().find_map(|range| Some((range.clone(), literal(range)?))) {
                Some((range, other)) => Some(replaced(assertion, range, &other)),
                None => {
                    let (_, class) = CLASSES.iter().find(|(lead, _)| file.contains(lead))?;
                    let opposite = name.replace("assert", "assertNot");
                    Some(format!("{class}.{opposite}{}", &assertion[open..]))
                }
            }
        }
        // A message comes last in JUnit 5, and nowhere else.
        ("assertEquals" | "assertSame", [one, two, three])
            if assertion[three.clone()].starts_with('"') && file.contains(CLASSES[0].0) =>
        {
            let (range, other) =
                [one, two].into_iter().find_map(|range| Some((range.clone(), literal(range)?)))?;
            Some(replaced(assertion, range, &other))
        }
        // With a message before or behind: only a string in the middle is certain to be compared.
        ("assertEquals" | "assertSame", [_, two, _]) => {
            let other = literal(two).filter(|other| other.starts_with('"'))?;
            Some(replaced(assertion, two.clone(), &other))
        }
        ("assertTrue" | "assertFalse", [one]) => {
            let other = format!("!({})", &assertion[one.clone()]);
            Some(replaced(assertion, one.clone(), &other))
        }
        ("assertThat", [_]) => {
            let chain = &assertion[close + 1..];
            let again = chain.strip_prefix(".isEqualTo(")?;
            let at = assertion.len() - again.len() - 1;
            let (expected, _) = arguments(Grammar::Java, assertion, at)?;
            let range = expected.first()?.clone();
            let other = literal(&range)?;
            Some(replaced(assertion, range, &other))
        }
        _ => None,
    }
}
