//! Names to files, as each language does it: where an import leads in the repository, and which files a file sees
//! without one. By manifests and path rules; what a file itself says (its imports, what it exports again) is the caller's
//! to follow: a place may hold names that are left over.

mod go;
mod java;
mod javascript;
mod package_json;
mod python;
mod python_roots;
mod rust;
mod rust_crates;
#[cfg(test)]
mod testing;
mod tsconfig;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::tree::Grammar;
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile, join};

/// Manifests of one kind that are read at most, and how long each may be.
const MOST_MANIFESTS: usize = 300;
const LARGEST_MANIFEST: usize = 400_000;
/// Answers that are kept.
const MOST_KEPT: usize = 50_000;

/// Where names lead in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// One file, or those of a package that may hold the name.
    pub files: Vec<RepoPath>,
    /// What is left of the path: to be found in these files, or among what they bring in themselves.
    pub rest: Vec<String>,
}

/// What an import is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    Repository(Place),
    /// The language's own.
    Standard,
    /// Neither here nor the language's own: somebody else's package, by the name manifests would have.
    Dependency(String),
    /// A path inside of the repository at which nothing is.
    Missing,
}

impl Resolution {
    #[must_use]
    pub fn place(self) -> Option<Place> {
        match self {
            Self::Repository(place) => Some(place),
            _ => None,
        }
    }
}

/// Resolves names over one tree. Manifests are read once, when first needed.
pub struct Resolver<'t> {
    tree: &'t dyn SourceTree,
    by_name: OnceCell<HashMap<&'t str, Vec<&'t RepoPath>>>,
    python: OnceCell<python_roots::Roots>,
    packages: OnceCell<Vec<package_json::Package>>,
    tsconfigs: OnceCell<tsconfig::Configs>,
    modules: OnceCell<Vec<go::Module>>,
    crates: OnceCell<Vec<rust_crates::Crate>>,
    builds: OnceCell<Vec<java::Build>>,
    /// Folders that stand for folders, on the way at once.
    depth: Cell<u8>,
    texts: RefCell<HashMap<RepoPath, Option<Rc<str>>>>,
    kept: RefCell<HashMap<Question, Resolution>>,
    aliases: RefCell<HashMap<String, Rc<[tsconfig::Aliases]>>>,
    beside: RefCell<HashMap<RepoPath, Rc<[RepoPath]>>>,
}

/// File, module, and the names below it.
type Question = (RepoPath, String, Vec<String>);

impl<'t> Resolver<'t> {
    #[must_use]
    pub fn new(tree: &'t dyn SourceTree) -> Self {
        Self {
            tree,
            by_name: OnceCell::new(),
            python: OnceCell::new(),
            packages: OnceCell::new(),
            tsconfigs: OnceCell::new(),
            modules: OnceCell::new(),
            crates: OnceCell::new(),
            builds: OnceCell::new(),
            depth: Cell::new(0),
            texts: RefCell::default(),
            kept: RefCell::default(),
            aliases: RefCell::default(),
            beside: RefCell::default(),
        }
    }

    /// Where `module`, as an import of `from` writes it, and the names `below` it lead. `from a.b import c`: the module
    /// `a.b` and `["c"]`; `use a::b::c`: `a::b::c` and nothing, or `a::b` and `["c"]`.
    #[must_use]
    pub fn resolve(&self, from: &RepoPath, module: &str, below: &[&str]) -> Resolution {
        let question = (from.clone(), module.to_owned(), names(below));
        if let Some(known) = self.kept.borrow().get(&question) {
            return known.clone();
        }
        let answer = self.resolve_anew(from, module, below);
        if self.kept.borrow().len() < MOST_KEPT {
            self.kept.borrow_mut().insert(question, answer.clone());
        }
        answer
    }

    fn resolve_anew(&self, from: &RepoPath, module: &str, below: &[&str]) -> Resolution {
        match language(from) {
            Some(Source::Python) => self.python(from, module, below),
            Some(Source::Script) => self.script(from, module, below),
            Some(Source::Go) => self.go(from, module, below),
            Some(Source::Rust) => self.rust(from, module, below),
            Some(Source::Java) => self.java(from, module, below),
            None => Resolution::Missing,
        }
    }

    /// The files whose names `from` sees without an import, nearest first: of its package, and what its test runner brings in.
    #[must_use]
    pub fn neighbours(&self, from: &RepoPath) -> Rc<[RepoPath]> {
        if let Some(known) = self.beside.borrow().get(from) {
            return known.clone();
        }
        let found: Rc<[RepoPath]> = self.neighbours_anew(from).into();
        self.beside.borrow_mut().insert(from.clone(), found.clone());
        found
    }

    fn neighbours_anew(&self, from: &RepoPath) -> Vec<RepoPath> {
        match language(from) {
            Some(Source::Python) => self.conftests(from),
            Some(Source::Go) => self.go_package(from),
            Some(Source::Rust) => self.rust_neighbours(from),
            Some(Source::Java) => self.java_package(from),
            Some(Source::Script) | None => Vec::new(),
        }
    }

    /// A file's text, read once.
    fn text(&self, path: &RepoPath) -> Option<Rc<str>> {
        if let Some(known) = self.texts.borrow().get(path) {
            return known.clone();
        }
        let text = self.tree.read_text(path).filter(|t| t.len() <= LARGEST_MANIFEST).map(Rc::from);
        if self.texts.borrow().len() < MOST_MANIFESTS {
            self.texts.borrow_mut().insert(path.clone(), text.clone());
        }
        text
    }

    fn file(&self, path: &str) -> Option<RepoPath> {
        let path = RepoPath::new(path).ok()?;
        let entry = self.tree.entry(&path)?;
        matches!(entry.mode, FileMode::Regular | FileMode::Executable).then_some(path)
    }

    /// The files below a folder, those in its folders included; all for `""`.
    fn below(&self, folder: &str) -> &'t [TreeFile] {
        let files = self.tree.files();
        if folder.is_empty() {
            return files;
        }
        // `/` and what sorts right behind it enclose all that begins so.
        let (inside, behind) = (format!("{folder}/"), format!("{folder}0"));
        let first = files.partition_point(|f| f.path.as_str() < inside.as_str());
        let end = files.partition_point(|f| f.path.as_str() < behind.as_str());
        files.get(first..end).unwrap_or_default()
    }

    fn is_folder(&self, folder: &str) -> bool {
        !self.below(folder).is_empty()
    }

    /// The files in a folder itself.
    fn in_folder(&self, folder: &str) -> impl Iterator<Item = &'t RepoPath> {
        let depth = if folder.is_empty() { 0 } else { folder.len() + 1 };
        self.below(folder).iter().map(|f| &f.path).filter(move |p| !p.as_str()[depth..].contains('/'))
    }

    /// Files by their own name.
    fn named(&self, name: &str) -> &[&'t RepoPath] {
        let by_name = self.by_name.get_or_init(|| {
            let mut by_name: HashMap<&str, Vec<&RepoPath>> = HashMap::new();
            for file in self.tree.files() {
                by_name.entry(file.path.file_name()).or_default().push(&file.path);
            }
            by_name
        });
        by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The manifests of a name with their texts, without those of installed packages.
    fn manifests(&self, name: &str) -> impl Iterator<Item = (&'t RepoPath, String)> {
        let found = self.named(name).iter().copied().filter(|p| !is_installed(p)).take(MOST_MANIFESTS);
        found.filter_map(|path| {
            let text = self.tree.read_text(path).filter(|t| t.len() <= LARGEST_MANIFEST)?;
            Some((path, text))
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Python,
    Script,
    Go,
    Rust,
    Java,
}

fn language(path: &RepoPath) -> Option<Source> {
    Some(match Grammar::of(path.as_str()) {
        Some(Grammar::Python) => Source::Python,
        Some(Grammar::JavaScript | Grammar::TypeScript | Grammar::Tsx) => Source::Script,
        Some(Grammar::Go) => Source::Go,
        Some(Grammar::Rust) => Source::Rust,
        Some(Grammar::Java) => Source::Java,
        None => match path.extension()? {
            "vue" | "svelte" => Source::Script,
            "kt" | "kts" => Source::Java,
            _ => return None,
        },
    })
}

/// Lies where package managers put what others wrote.
fn is_installed(path: &RepoPath) -> bool {
    path.as_str()
        .split('/')
        .any(|part| matches!(part, "node_modules" | "vendor" | "site-packages" | "target"))
}

/// The folder that holds `path`; `None` above the root.
fn parent(path: &str) -> Option<&str> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').map_or("", |(parent, _)| parent)) }
}

/// `folder` and all above it, the root last.
fn upwards(folder: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder), |at| parent(at))
}

/// Whether `path` lies in `folder`, or is it.
fn is_in(path: &str, folder: &str) -> bool {
    folder.is_empty() || path == folder || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

fn names(below: &[&str]) -> Vec<String> {
    below.iter().map(|name| (*name).to_owned()).collect()
}

fn one(path: RepoPath, rest: &[&str]) -> Resolution {
    Resolution::Repository(Place { files: vec![path], rest: names(rest) })
}

#[cfg(test)]
mod tests {
    use super::testing::Tree;
    use super::*;

    #[test]
    fn folders_are_read_off_the_sorted_list() {
        let tree =
            Tree::new(&[("a-b/x.go", ""), ("a/b/c.go", ""), ("a/d.go", ""), ("a.go", ""), ("b.go", "")]);
        let resolver = Resolver::new(&tree);
        let inside: Vec<&str> = resolver.in_folder("a").map(RepoPath::as_str).collect();
        assert_eq!(inside, ["a/d.go"]);
        let root: Vec<&str> = resolver.in_folder("").map(RepoPath::as_str).collect();
        assert_eq!(root, ["a.go", "b.go"]);
        assert!(resolver.is_folder("a/b") && !resolver.is_folder("a/b/c.go") && !resolver.is_folder("c"));
    }

    #[test]
    fn paths_stay_inside() {
        assert_eq!(join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
        assert_eq!(join("a", "../.."), None);
        assert_eq!(upwards("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert!(is_in("a/b", "a") && !is_in("ab", "a") && is_in("x", ""));
    }
}
