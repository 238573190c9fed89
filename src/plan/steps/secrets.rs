//! Secrets that a step names and nobody has passed on: to the step they are empty, as to a fork's run.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use crate::plan::yaml::{Kind, Node};

/// The secrets in the maps `env` and in `script` that are not among `known`, each with the variables that would hold it.
/// The job's own token is never passed on, and never asked for.
pub(super) fn missing<'a>(
    env: impl IntoIterator<Item = &'a Node>,
    script: &Node,
    known: &BTreeMap<String, SecretString>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::<String, BTreeSet<String>>::new();
    let mut add = |node: &Node, variable: Option<&str>| {
        let mut names = BTreeSet::new();
        walk(node, &mut names);
        for name in names {
            found.entry(name).or_default().extend(variable.map(str::to_owned));
        }
    };
    for map in env {
        map.entries().iter().for_each(|(key, value)| add(value, Some(&key.text)));
    }
    add(script, None);
    found.retain(|name, _| {
        !name.eq_ignore_ascii_case("GITHUB_TOKEN") && !known.keys().any(|k| k.eq_ignore_ascii_case(name))
    });
    found
}

fn walk(node: &Node, names: &mut BTreeSet<String>) {
    match &node.kind {
        Kind::String { text, .. } => {
            for expression in text.split("${{").skip(1).filter_map(|rest| rest.split("}}").next()) {
                for rest in expression.split("secrets.").skip(1) {
                    let name = rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                    names.extend(name.filter(|n| !n.is_empty()).map(str::to_owned));
                }
            }
        }
        Kind::List(items) => items.iter().for_each(|item| walk(item, names)),
        Kind::Map(entries) => entries.iter().for_each(|(_, item)| walk(item, names)),
        _ => {}
    }
}
