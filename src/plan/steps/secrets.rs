//! Secrets that a step names and nobody has passed on: to the step they are empty, as to a fork's run.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::SecretString;

use crate::plan::yaml::{Kind, Node};

/// Names of the secrets in `nodes` that are not among `known`. The job's own token is never passed on, and never asked for.
pub(super) fn missing<'a>(
    nodes: impl IntoIterator<Item = &'a Node>,
    known: &BTreeMap<String, SecretString>,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    nodes.into_iter().for_each(|node| walk(node, &mut names));
    names.retain(|name| {
        !name.eq_ignore_ascii_case("GITHUB_TOKEN") && !known.keys().any(|k| k.eq_ignore_ascii_case(name))
    });
    names
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
