//! Which functions and calls are tests, and what their runners call them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::collect::RawTest;
use super::extents::Extents;
use super::{Definition, DefinitionKind, Test, TestKind, line_of, lines_of};
use crate::syntax::tree::Grammar;

/// Deeper groups are not named.
const MAX_SUITES: usize = 64;

pub(super) fn tests(
    grammar: Grammar,
    package: Option<&str>,
    definitions: &[Definition],
    raw: Vec<RawTest>,
    attributes: &[(usize, TestKind)],
    extents: &Extents<'_>,
    starts: &[usize],
) -> Vec<Test> {
    let by_head: BTreeMap<usize, usize> = definitions.iter().enumerate().map(|(i, d)| (d.head, i)).collect();
    let mut all: Vec<(RawTest, Option<usize>)> = raw
        .into_iter()
        .map(|mut test| {
            let definition = by_head.get(&test.head).copied().filter(|i| definitions[*i].name == test.name);
            test.bytes =
                definition.map_or_else(|| extents.widen(&test.bytes), |i| definitions[i].bytes.clone());
            (test, definition)
        })
        .collect();
    all.extend(attributes.iter().filter_map(|(at, kind)| {
        let index = definitions.partition_point(|d| d.bytes.start <= *at).checked_sub(1)?;
        let definition = definitions.get(index).filter(|d| *at < d.head)?;
        let test = RawTest {
            kind: *kind,
            name: definition.name.clone(),
            modifiers: Vec::new(),
            bytes: definition.bytes.clone(),
            head: definition.head,
        };
        Some((test, Some(index)))
    }));
    // Nobody collects a function that is defined while another runs.
    all.retain(|(_, definition)| {
        let outer = definition.and_then(|i| definitions[i].parent);
        outer.is_none_or(|outer| !definitions[outer].kind.is_callable())
    });
    all.sort_by_key(|(test, _)| (test.bytes.start, Reverse(test.bytes.end), test.kind));
    all.dedup_by(|a, b| a.0.head == b.0.head && a.0.name == b.0.name);
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut named = Vec::with_capacity(all.len());
    for (test, definition) in all {
        open.retain(|(end, _)| *end > test.bytes.start);
        let suites = match definition {
            Some(id) => holders(definitions, id),
            None => open.iter().take(MAX_SUITES).map(|(_, name)| name.clone()).collect(),
        };
        if test.kind != TestKind::SetUp {
            open.push((test.bytes.end, test.name.clone()));
        }
        named.push(Test {
            id: id(grammar, package, &suites, &test.name),
            kind: test.kind,
            name: test.name,
            suites,
            modifiers: test.modifiers,
            lines: lines_of(starts, &test.bytes),
            head_line: definition.map_or_else(|| line_of(starts, test.head), |id| definitions[id].head_line),
            bytes: test.bytes,
        });
    }
    named
}

/// The classes and modules a definition stands in, outermost first; of Go's methods the receiver.
fn holders(definitions: &[Definition], id: usize) -> Vec<String> {
    let mut names = Vec::new();
    let mut parent = definitions[id].parent;
    while let Some(outer) = parent.filter(|_| names.len() < MAX_SUITES) {
        if !definitions[outer].kind.is_callable() {
            names.push(definitions[outer].name.clone());
        }
        parent = definitions[outer].parent;
    }
    names.reverse();
    let of_receiver = definitions[id].parent.is_none() && definitions[id].kind == DefinitionKind::Method;
    if of_receiver {
        names.extend(definitions[id].container.clone());
    }
    names
}

fn id(grammar: Grammar, package: Option<&str>, suites: &[String], name: &str) -> String {
    let joined = |separator: &str, name: &str| {
        let mut parts: Vec<&str> = suites.iter().map(String::as_str).collect();
        parts.push(name);
        parts.join(separator)
    };
    match grammar {
        Grammar::Python | Grammar::Rust => joined("::", name),
        // The runner writes blanks of sub-tests so.
        Grammar::Go => joined("/", name).replace(' ', "_"),
        Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx => joined(" > ", name),
        Grammar::Java => {
            let classes = suites.join("$");
            [package.unwrap_or_default(), &classes, name]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(".")
        }
    }
}
