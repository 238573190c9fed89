//! Controls in Rust, for its own test harness and what runs it.

use super::calls::{arguments, other_literal};
use super::site::Site;
use super::words::Computed;
use crate::syntax::Grammar;

pub(super) fn must_fail(site: &Site, mark: &str, computed: &Computed) -> Option<String> {
    site.definition()?;
    let Computed { letters, factor, wrong, .. } = computed;
    let name = format!("{}_{mark}", site.case.name);
    Some(format!(
        "\n#[test]\nfn {name}() {{\n\tlet value: u32 = \"{letters}\".bytes().map(u32::from).sum::<u32>() * {factor};\n\t\
         assert_eq!(value, {wrong});\n}}"
    ))
}

pub(super) fn inverted(assertion: &str, delta: u32, mark: &str) -> Option<String> {
    let open = assertion.find(['(', '['])?;
    let (called, (parts, _)) = (&assertion[..open], arguments(Grammar::Rust, assertion, open)?);
    let name = called.trim_end_matches('!').rsplit("::").next()?;
    let part = |index: usize| parts.get(index).cloned();
    match name {
        "assert_eq" => {
            let literal = [part(1)?, part(0)?].into_iter().find_map(|range| {
                Some((
                    range.clone(),
                    other_literal(&assertion[range], delta, mark).filter(|t| !t.starts_with('\''))?,
                ))
            });
            Some(match literal {
                Some((range, other)) => replaced(assertion, range, &other),
                None => format!("assert_ne!{}", &assertion[open..]),
            })
        }
        "assert_ne" => Some(format!("assert_eq!{}", &assertion[open..])),
        "assert" => {
            let range = part(0)?;
            let other = format!("!({})", &assertion[range.clone()]);
            Some(replaced(assertion, range, &other))
        }
        _ => None,
    }
}

pub(super) fn replaced(text: &str, range: std::ops::Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..range.start], &text[range.end..])
}
