//! What import statements bind: names to things, in each language, and which of them are there for their effect.

use super::canonical::Canonical;
use super::tree::Grammar;

/// One name that an import binds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Binding {
    pub(super) name: String,
    /// Where it comes from: the module, package or crate path.
    pub(super) module: String,
    /// What it is there; `None`: the module itself.
    pub(super) member: Option<String>,
    /// What else tells it from others: types only, static, visibility.
    pub(super) how: String,
}

/// One import statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Import {
    Binds(Vec<Binding>),
    /// Runs something, or binds names nobody can list; as its words.
    Effect(String),
}

/// The import that a statement is, if it is one that can be taken apart.
pub(super) fn read(code: &Canonical<'_>, statement: usize) -> Option<Import> {
    let kind = code.nodes[statement].kind;
    match (code.tree.grammar, kind) {
        (Grammar::Python, "import_statement") => Some(python_modules(code, statement)),
        (Grammar::Python, "import_from_statement") => Some(python_names(code, statement)),
        (Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx, "import_statement") => {
            script(code, statement)
        }
        (Grammar::Go, "import_declaration") => Some(go(code, statement)),
        (Grammar::Rust, "use_declaration") => Some(rust(code, statement)),
        (Grammar::Java, "import_declaration") => Some(java(code, statement)),
        _ => None,
    }
}

fn joined(code: &Canonical<'_>, node: usize) -> String {
    code.words(node).concat()
}

fn effect(code: &Canonical<'_>, statement: usize) -> Import {
    Import::Effect(code.words(statement).join(" "))
}

fn binding(name: &str, module: &str, member: Option<&str>, how: &str) -> Binding {
    Binding {
        name: name.to_owned(),
        module: module.to_owned(),
        member: member.map(str::to_owned),
        how: how.to_owned(),
    }
}

fn python_modules(code: &Canonical<'_>, statement: usize) -> Import {
    let names =
        code.nodes[statement].children.iter().copied().filter(|c| code.nodes[*c].field == Some("name"));
    Import::Binds(
        names
            .map(|name| {
                if code.nodes[name].kind == "aliased_import" {
                    let part = |field| code.child(name, field).map(|n| joined(code, n)).unwrap_or_default();
                    return binding(&part("alias"), &part("name"), None, "as");
                }
                let module = joined(code, name);
                binding(module.split('.').next().unwrap_or(&module), &module, None, "")
            })
            .collect(),
    )
}

fn python_names(code: &Canonical<'_>, statement: usize) -> Import {
    let module = code.child(statement, "module_name").map(|n| joined(code, n)).unwrap_or_default();
    let children = &code.nodes[statement].children;
    if children.iter().any(|c| code.nodes[*c].kind == "wildcard_import") {
        return effect(code, statement);
    }
    let names = children.iter().copied().filter(|c| code.nodes[*c].field == Some("name"));
    Import::Binds(
        names
            .map(|name| {
                let part = |field| code.child(name, field).map(|n| joined(code, n)).unwrap_or_default();
                let (member, name) = match code.nodes[name].kind {
                    "aliased_import" => (part("name"), part("alias")),
                    _ => (joined(code, name), joined(code, name)),
                };
                binding(&name, &module, Some(&member), "")
            })
            .collect(),
    )
}

fn script(code: &Canonical<'_>, statement: usize) -> Option<Import> {
    let children = &code.nodes[statement].children;
    let of_kind = |kind: &str| children.iter().copied().find(|c| code.nodes[*c].kind == kind);
    if of_kind("import_require_clause").is_some() || of_kind("import_attribute").is_some() {
        return None;
    }
    let module = code.nodes[code.child(statement, "source")?].text.clone();
    let Some(clause) = of_kind("import_clause") else { return Some(effect(code, statement)) };
    let types = if children.iter().any(|c| code.nodes[*c].text == "type") { "type" } else { "" };
    let mut found = Vec::new();
    for part in &code.nodes[clause].children {
        let node = &code.nodes[*part];
        match node.kind {
            "identifier" => found.push(binding(&node.text, &module, Some("default"), types)),
            "namespace_import" => {
                let name = code.words(*part).pop().unwrap_or_default();
                found.push(binding(name, &module, None, types));
            }
            "named_imports" => {
                for specifier in
                    node.children.iter().copied().filter(|c| code.nodes[*c].kind == "import_specifier")
                {
                    let name = joined(code, code.child(specifier, "name")?);
                    let alias =
                        code.child(specifier, "alias").map_or_else(|| name.clone(), |a| joined(code, a));
                    let first = code.nodes[specifier].children.first()?;
                    let how = if code.nodes[*first].kind == "type" { "type" } else { types };
                    found.push(binding(&alias, &module, Some(&name), how));
                }
            }
            _ => {}
        }
    }
    Some(if found.is_empty() { effect(code, statement) } else { Import::Binds(found) })
}

fn go(code: &Canonical<'_>, statement: usize) -> Import {
    let mut found = Vec::new();
    let mut open = vec![statement];
    while let Some(node) = open.pop() {
        if code.nodes[node].kind != "import_spec" {
            open.extend(code.nodes[node].children.iter().rev());
            continue;
        }
        let path = code.child(node, "path").map(|p| joined(code, p)).unwrap_or_default();
        let path = path.trim_matches(['"', '`']);
        match code.child(node, "name").map(|n| joined(code, n)) {
            Some(name) if name == "_" || name == "." => return effect(code, statement),
            _ if path == "C" => return effect(code, statement),
            Some(name) => found.push(binding(&name, path, None, "as")),
            None => found.push(binding(go_package(path), path, None, "")),
        }
    }
    Import::Binds(found)
}

/// The name a package most likely has: the last part of its path that is no version.
pub(super) fn go_package(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or(path);
    let is_version =
        last.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let name = if is_version { parts.next().unwrap_or(last) } else { last };
    name.split_once(".v").map_or(name, |(name, _)| name).trim_start_matches("go-")
}

fn java(code: &Canonical<'_>, statement: usize) -> Import {
    let words = code.words(statement);
    if words.contains(&"*") {
        return effect(code, statement);
    }
    let how = if words.contains(&"static") { "static" } else { "" };
    let path: String = words.iter().filter(|w| !matches!(**w, "import" | "static" | ";")).copied().collect();
    match path.rsplit_once('.') {
        Some((package, name)) => Import::Binds(vec![binding(name, package, Some(name), how)]),
        None => effect(code, statement),
    }
}

fn rust(code: &Canonical<'_>, statement: usize) -> Import {
    let how: String = code.nodes[statement]
        .children
        .iter()
        .filter(|c| code.nodes[**c].kind == "visibility_modifier")
        .map(|c| joined(code, *c))
        .collect();
    let Some(argument) = code.child(statement, "argument") else { return effect(code, statement) };
    // What others see is no private import.
    if !how.is_empty() {
        return effect(code, statement);
    }
    let mut found = Vec::new();
    let mut open = vec![(argument, String::new())];
    while let Some((node, prefix)) = open.pop() {
        let under =
            |path: &str| if prefix.is_empty() { path.to_owned() } else { format!("{prefix}::{path}") };
        match code.nodes[node].kind {
            "use_list" => {
                let items = code.nodes[node]
                    .children
                    .iter()
                    .rev()
                    .filter(|c| !matches!(code.nodes[**c].kind, "{" | "}" | ","));
                open.extend(items.map(|c| (*c, prefix.clone())));
            }
            "scoped_use_list" => {
                let path = code.child(node, "path").map(|p| joined(code, p));
                let prefix = path.map_or_else(|| prefix.clone(), |p| under(&p));
                open.extend(code.child(node, "list").map(|list| (list, prefix)));
            }
            "use_as_clause" => {
                let path = code.child(node, "path").map(|p| joined(code, p)).unwrap_or_default();
                let alias = code.child(node, "alias").map(|p| joined(code, p)).unwrap_or_default();
                // A trait for its methods.
                if alias == "_" {
                    return effect(code, statement);
                }
                let path = under(&path);
                let (module, member) = path.rsplit_once("::").unwrap_or(("", path.as_str()));
                found.push(binding(&alias, module, Some(member), ""));
            }
            "identifier" | "scoped_identifier" | "self" | "crate" | "super" => {
                let path = under(&joined(code, node));
                let (module, member) = path.rsplit_once("::").unwrap_or(("", path.as_str()));
                if member == "self" {
                    let (outer, name) = module.rsplit_once("::").unwrap_or(("", module));
                    found.push(binding(name, outer, Some(name), "self"));
                } else {
                    found.push(binding(member, module, Some(member), ""));
                }
            }
            _ => return effect(code, statement),
        }
    }
    Import::Binds(found)
}
