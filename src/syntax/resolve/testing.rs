//! Layouts in memory, and what an import leads to in them.

use std::collections::BTreeMap;

use super::{Resolution, Resolver};
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};

pub(super) struct Tree {
    files: Vec<TreeFile>,
    contents: BTreeMap<RepoPath, String>,
}

impl Tree {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let contents: BTreeMap<_, _> =
            files.iter().map(|(p, t)| (RepoPath::new(p).unwrap(), (*t).to_owned())).collect();
        let file =
            |path: &RepoPath| TreeFile { path: path.clone(), mode: FileMode::Regular, id: String::new() };
        Self { files: contents.keys().map(file).collect(), contents }
    }

    /// `a/b.py: rest.of.it`, files parted by blanks; `standard`, `missing`, `dependency x`.
    pub(super) fn leads(&self, from: &str, module: &str, below: &[&str]) -> String {
        match Resolver::new(self).resolve(&RepoPath::new(from).unwrap(), module, below) {
            Resolution::Repository(place) => {
                let files: Vec<&str> = place.files.iter().map(RepoPath::as_str).collect();
                let rest =
                    if place.rest.is_empty() { String::new() } else { format!(": {}", place.rest.join(".")) };
                format!("{}{rest}", files.join(" "))
            }
            Resolution::Standard => "standard".to_owned(),
            Resolution::Dependency(name) => format!("dependency {name}"),
            Resolution::Missing => "missing".to_owned(),
        }
    }

    pub(super) fn neighbours(&self, from: &str) -> Vec<String> {
        let found = Resolver::new(self).neighbours(&RepoPath::new(from).unwrap());
        found.iter().map(|p| p.as_str().to_owned()).collect()
    }
}

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.contents.get(path).map(|text| text.clone().into_bytes())
    }
}
