//! Where Python looks for modules: what the projects' files say of their layout, and what editable installs and test
//! runners add to the path.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{Resolver, join, upwards};
use crate::contract::git::RepoPath;

/// The folders of a project's modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) folder: String,
    /// On the path, the surest first.
    pub(super) roots: Vec<String>,
    /// Packages that lie elsewhere than their name says.
    pub(super) packages: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub(super) struct Roots {
    pub(super) projects: Vec<Project>,
}

impl Roots {
    pub(super) fn of(resolver: &Resolver<'_>) -> Self {
        let mut projects: BTreeMap<String, Project> = BTreeMap::new();
        for name in ["pyproject.toml", "setup.cfg", "setup.py", "pytest.ini", "tox.ini"] {
            for (path, text) in resolver.manifests(name) {
                let folder = path.parent().to_owned();
                let project = projects
                    .entry(folder.clone())
                    .or_insert_with(|| Project { folder, ..Project::default() });
                match name {
                    "pyproject.toml" => project.pyproject(&text),
                    "setup.py" => project.setup_py(&text),
                    _ => project.ini(&text),
                }
            }
        }
        projects.entry(String::new()).or_default();
        let mut projects: Vec<Project> = projects.into_values().collect();
        for project in &mut projects {
            for usual in ["src", "", "lib", "python"] {
                let Some(folder) = join(&project.folder, usual) else { continue };
                if usual.is_empty() || resolver.is_folder(&folder) {
                    project.root(usual);
                }
            }
        }
        Self { projects }
    }

    /// The project of a file first, then those around it, then all others.
    pub(super) fn nearest_first(&self, from: &RepoPath) -> Vec<&Project> {
        let own: Vec<&str> = upwards(from.parent()).collect();
        let mut projects: Vec<&Project> = self.projects.iter().collect();
        projects.sort_by_key(|project| own.iter().position(|f| *f == project.folder).unwrap_or(own.len()));
        projects
    }
}

impl Project {
    fn root(&mut self, folder: &str) {
        if let Some(root) = join(&self.folder, folder.trim_matches(['"', '\'', ' ']))
            && !self.roots.contains(&root)
        {
            self.roots.push(root);
        }
    }

    fn package(&mut self, name: &str, folder: &str) {
        match (name.trim(), join(&self.folder, folder)) {
            ("", _) => self.root(folder),
            (name, Some(folder)) => {
                self.packages.insert(name.replace('.', "/"), folder);
            }
            _ => {}
        }
    }

    fn pyproject(&mut self, text: &str) {
        let Ok(manifest) = text.parse::<toml::Table>() else { return };
        let at = |keys: &[&str]| {
            let tool = manifest.get("tool")?;
            keys.iter().try_fold(tool, |table, key| table.get(key))
        };
        let texts = |value: Option<&toml::Value>| -> Vec<String> {
            match value {
                Some(toml::Value::String(one)) => one.split_whitespace().map(str::to_owned).collect(),
                Some(toml::Value::Array(all)) => {
                    all.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
                }
                _ => Vec::new(),
            }
        };
        for (name, folder) in
            at(&["setuptools", "package-dir"]).and_then(|t| t.as_table()).into_iter().flatten()
        {
            self.package(name, folder.as_str().unwrap_or_default());
        }
        for keys in [
            &["setuptools", "packages", "find", "where"][..],
            &["pytest", "ini_options", "pythonpath"],
            &["pdm", "build", "package-dir"],
            &["maturin", "python-source"],
            &["hatch", "build", "dev-mode-dirs"],
            &["hatch", "build", "sources"],
            &["uv", "build-backend", "module-root"],
        ] {
            texts(at(keys)).iter().for_each(|root| self.root(root));
        }
        for package in at(&["poetry", "packages"]).and_then(|p| p.as_array()).into_iter().flatten() {
            self.root(package.get("from").and_then(|f| f.as_str()).unwrap_or_default());
        }
        // Where a package lies says what is on the path.
        for keys in [&["hatch", "build", "targets", "wheel", "packages"][..], &["hatch", "build", "packages"]]
        {
            for package in texts(at(keys)) {
                self.root(package.rsplit_once('/').map_or("", |(root, _)| root));
            }
        }
    }

    /// `setup.cfg`, `tox.ini` and `pytest.ini`.
    fn ini(&mut self, text: &str) {
        let (mut section, mut key) = ("", "");
        for line in text.lines().filter(|l| !l.trim_start().starts_with(['#', ';']) && !l.trim().is_empty()) {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end().trim_end_matches(']');
                key = "";
                continue;
            }
            let value = if line.starts_with([' ', '\t']) {
                line.trim()
            } else {
                let (name, value) = line.split_once('=').unwrap_or((line, ""));
                key = name.trim();
                value.trim()
            };
            match (section, key) {
                ("options", "package_dir" | "package-dir") if value.contains('=') => {
                    let (name, folder) = value.split_once('=').unwrap_or_default();
                    self.package(name.trim(), folder.trim());
                }
                ("options.packages.find", "where") | ("pytest" | "tool:pytest", "pythonpath") => {
                    value.split_whitespace().for_each(|root| self.root(root));
                }
                _ => {}
            }
        }
    }

    fn setup_py(&mut self, text: &str) {
        static PAIR: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r#"['"]([\w.]*)['"]\s*:\s*['"]([\w./-]*)['"]"#).ok());
        static FIND: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r#"find(?:_namespace)?_packages\(\s*(?:where\s*=\s*)?['"]([\w./-]+)['"]"#).ok()
        });
        if let Some((_, rest)) = text.split_once("package_dir") {
            let map = rest.split('}').next().unwrap_or_default();
            for pair in PAIR.iter().flat_map(|p| p.captures_iter(map)) {
                self.package(&pair[1], &pair[2]);
            }
        }
        for found in FIND.iter().flat_map(|p| p.captures_iter(text)) {
            self.root(&found[1]);
        }
    }
}
