//! The crates of a repository: their names, roots and dependencies, as Cargo has them.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::{Resolver, is_in, join, upwards};
use crate::contract::git::RepoPath;

#[derive(Debug)]
pub(super) struct Crate {
    pub(super) folder: String,
    /// As code writes it.
    pub(super) name: String,
    pub(super) package: String,
    pub(super) lib: Option<RepoPath>,
    /// Roots of other targets whose place is set by hand.
    pub(super) roots: Vec<RepoPath>,
    /// The folders of dependencies in the repository, by the names that code calls them.
    dependencies: BTreeMap<String, Dependency>,
    pub(super) is_proc_macro: bool,
}

#[derive(Debug)]
struct Dependency {
    folder: Option<String>,
    package: String,
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

impl Crate {
    pub(super) fn all(resolver: &Resolver<'_>) -> Vec<Self> {
        let manifests: Vec<(String, Table)> = resolver
            .manifests("Cargo.toml")
            .filter_map(|(path, text)| Some((path.parent().to_owned(), text.parse().ok()?)))
            .collect();
        let shared: BTreeMap<&str, &Table> = manifests
            .iter()
            .filter_map(|(folder, m)| {
                let table = m.get("workspace")?.get("dependencies")?.as_table()?;
                Some((folder.as_str(), table))
            })
            .collect();
        manifests.iter().filter_map(|(folder, m)| Self::read(resolver, folder, m, &shared)).collect()
    }

    fn read(
        resolver: &Resolver<'_>,
        folder: &str,
        manifest: &Table,
        shared: &BTreeMap<&str, &Table>,
    ) -> Option<Self> {
        let package = manifest.get("package")?.get("name")?.as_str()?.to_owned();
        let lib = manifest.get("lib");
        let text = |key: &str| lib.and_then(|lib| lib.get(key)).and_then(Value::as_str);
        let flag = |key: &str| lib.and_then(|lib| lib.get(key)).and_then(Value::as_bool).unwrap_or(false);
        let at = |path: &str| resolver.file(&join(folder, path)?);
        let mut dependencies = BTreeMap::new();
        let around = upwards(folder).find_map(|at| Some((at, *shared.get(at)?)));
        for table in dependency_tables(manifest) {
            for (name, value) in table {
                let is_shared = value.get("workspace").and_then(Value::as_bool).unwrap_or(false);
                let inherited =
                    around.filter(|_| is_shared).and_then(|(at, table)| Some((at, table.get(name)?)));
                let (base, value) = inherited.unwrap_or((folder, value));
                let path = value.get("path").and_then(Value::as_str);
                let package = value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned();
                let folder = path.and_then(|path| join(base, path));
                dependencies.insert(snake(name), Dependency { folder, package });
            }
        }
        let mut roots = Vec::new();
        for kind in ["bin", "test", "example", "bench"] {
            let targets = manifest.get(kind).and_then(Value::as_array).into_iter().flatten();
            roots.extend(targets.filter_map(|t| at(t.get("path")?.as_str()?)));
        }
        Some(Self {
            folder: folder.to_owned(),
            name: text("name").map_or_else(|| snake(&package), str::to_owned),
            lib: text("path").map_or_else(|| at("src/lib.rs"), at),
            is_proc_macro: flag("proc-macro") || flag("proc_macro"),
            package,
            roots,
            dependencies,
        })
    }

    /// The folder that holds a file's crate decides.
    pub(super) fn of<'c>(crates: &'c [Self], from: &RepoPath) -> Option<&'c Self> {
        crates.iter().filter(|c| is_in(from.as_str(), &c.folder)).max_by_key(|c| c.folder.len())
    }

    /// The crate that code of this one calls `name`: itself from its other targets, a dependency, or any of that name.
    pub(super) fn called<'c>(&'c self, name: &str, crates: &'c [Self]) -> Option<&'c Self> {
        if let Some(dependency) = self.dependencies.get(name) {
            let by_path = |folder: &String| crates.iter().find(|c| c.folder == *folder);
            let by_name = || crates.iter().find(|c| c.package == dependency.package);
            return dependency.folder.as_ref().and_then(by_path).or_else(by_name);
        }
        if self.name == name {
            return Some(self);
        }
        crates.iter().find(|c| c.name == name)
    }

    /// The root of the target that `file` belongs to.
    pub(super) fn root_of(&self, file: &RepoPath, resolver: &Resolver<'_>) -> Option<RepoPath> {
        if self.roots.contains(file) || self.lib.as_ref() == Some(file) {
            return Some(file.clone());
        }
        let inner = file.as_str()[self.folder.len()..].trim_start_matches('/');
        let at = |path: &str| resolver.file(&join(&self.folder, path)?);
        for folder in ["tests", "benches", "examples", "src/bin"] {
            let Some(rest) = inner.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) else {
                continue;
            };
            return match rest.split_once('/') {
                None => Some(file.clone()),
                Some((target, _)) => at(&format!("{folder}/{target}/main.rs")),
            };
        }
        if inner == "build.rs" || inner == "src/main.rs" {
            return Some(file.clone());
        }
        self.lib.clone().or_else(|| at("src/main.rs")).or_else(|| self.roots.first().cloned())
    }
}

fn dependency_tables(manifest: &Table) -> Vec<&Table> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = std::iter::once(manifest).chain(targets.filter_map(|(_, target)| target.as_table()));
    tables.flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table())).collect()
}
