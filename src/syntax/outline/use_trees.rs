//! Takes Rust's `use` trees apart: one import per module that is named.

use tree_sitter::Node;

use super::{Bytes, Import, ImportKind, ImportedName};

/// Deeper or wider trees are not followed to their end.
const MAX_PARTS: usize = 2000;

pub(super) fn use_tree(text: &str, tree: Node<'_>, bytes: &Bytes, kind: ImportKind) -> Vec<Import> {
    let of = |node: Node<'_>| -> String {
        text.get(node.byte_range()).unwrap_or_default().split_whitespace().collect()
    };
    let mut found: Vec<Import> = Vec::new();
    let mut add = |module: &str, name: Option<ImportedName>| {
        let known = found.iter().position(|i| i.module == module);
        let index = known.unwrap_or_else(|| {
            found.push(Import {
                kind,
                module: module.to_owned(),
                names: Vec::new(),
                wildcard: false,
                bytes: bytes.clone(),
                lines: (0, 0),
            });
            found.len() - 1
        });
        match name {
            Some(name) => found[index].names.push(name),
            None => found[index].wildcard = true,
        }
    };
    let under = |prefix: &str, path: &str| match (prefix, path) {
        ("", path) => path.to_owned(),
        (prefix, "self") => prefix.to_owned(),
        (prefix, path) => format!("{prefix}::{path}"),
    };
    // What is at the end of a path: a thing in a module, or (of `self` and single names) a module itself.
    let leaf = |prefix: &str, path: &str, alias: Option<String>| {
        let full = under(prefix, path);
        let is_self = path == "self" && !prefix.is_empty();
        let (module, member) = match full.rsplit_once("::") {
            Some((module, member)) if !is_self => (module.to_owned(), Some(member.to_owned())),
            _ => (full.clone(), None),
        };
        let last = full.rsplit("::").next().unwrap_or(&full).to_owned();
        (module, ImportedName { local: alias.unwrap_or(last), member })
    };
    let mut open = vec![(tree, String::new())];
    let mut parts = 0;
    while let Some((node, prefix)) = open.pop() {
        parts += 1;
        if parts > MAX_PARTS || prefix.len() > MAX_PARTS {
            break;
        }
        let mut cursor = node.walk();
        match node.kind() {
            "use_list" => {
                let mut items: Vec<_> =
                    node.named_children(&mut cursor).take(MAX_PARTS).map(|c| (c, prefix.clone())).collect();
                items.reverse();
                open.append(&mut items);
            }
            "scoped_use_list" => {
                let path = node.child_by_field_name("path").map(of);
                let prefix = path.map_or_else(|| prefix.clone(), |p| under(&prefix, &p));
                open.extend(node.child_by_field_name("list").map(|list| (list, prefix)));
            }
            "use_wildcard" => {
                let path = node.named_child(0).map(of).unwrap_or_default();
                add(&under(&prefix, &path), None);
            }
            "use_as_clause" => {
                let path = node.child_by_field_name("path").map(of).unwrap_or_default();
                let (module, name) = leaf(&prefix, &path, node.child_by_field_name("alias").map(of));
                add(&module, Some(name));
            }
            "identifier" | "scoped_identifier" | "self" | "crate" | "super" => {
                let (module, name) = leaf(&prefix, &of(node), None);
                add(&module, Some(name));
            }
            _ => {}
        }
    }
    found
}
