//! Where the paths of a log lead in the repository. Tools print them from the folder they ran in: a step's working
//! directory, a package of a workspace, a folder that make entered. Pure: it looks at the source tree alone.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use crate::contract::bug::{Diagnosis, LogSpan, Origin, Origins};
use crate::contract::git::{FileMode, RepoPath, SourceTree, join};

/// Manifests read for the names of packages, at most, and how long each may be.
const MOST_MANIFESTS: usize = 2_000;
const LARGEST_MANIFEST: u64 = 1 << 18;

/// A step's lines in the log and the folder it ran in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFolder {
    pub log: LogSpan,
    pub folder: String,
}

/// Gives every path of the reports as the repository has it, where it is known which file is meant; the others stay as
/// the log has them. Fingerprints stay, too: they are of what the log says, and earlier heals are found by them.
pub fn place(diagnosis: &mut Diagnosis, origins: &Origins, steps: &[StepFolder], tree: &dyn SourceTree) {
    if diagnosis.bugs.is_empty() {
        return;
    }
    let places = Places::new(tree);
    let unknown = Origin::default();
    for bug in &mut diagnosis.bugs {
        let origin = origins.get(&bug.fingerprint).unwrap_or(&unknown);
        let inside = |step: &&StepFolder| step.log.first <= bug.log.first && bug.log.first <= step.log.last;
        let mut folders = Vec::new();
        for package in &origin.packages {
            folders.extend(places.folders_of(package));
        }
        folders.extend(steps.iter().find(inside).and_then(|step| places.folder(&step.folder)));
        let put = |file: &mut String| {
            let rooted = origin.rooted.contains(file);
            if let Some(path) = places.resolve(file, rooted, &folders) {
                *file = path.as_str().to_owned();
            }
        };
        bug.file.iter_mut().for_each(put);
        bug.related.iter_mut().map(|place| &mut place.file).for_each(put);
        let suggestions = bug.hint.iter_mut().flat_map(|hint| &mut hint.suggestions);
        suggestions.filter_map(|suggestion| suggestion.file_mut()).for_each(put);
    }
}

/// The file a tool names: as it stands, or the only one that ends so.
#[must_use]
pub fn find_file(file: &str, tree: &dyn SourceTree) -> Option<RepoPath> {
    let path = RepoPath::new(file.trim_start_matches("./")).ok()?;
    if tree.entry(&path).is_some() {
        return Some(path);
    }
    let tail = format!("/{path}");
    let mut fits = tree.files().iter().filter(|f| f.path.as_str().ends_with(&tail));
    match (fits.next(), fits.next()) {
        (Some(only), None) => Some(only.path.clone()),
        _ => None,
    }
}

/// The tree, by what logs say of it.
struct Places<'a> {
    tree: &'a dyn SourceTree,
    by_name: OnceCell<HashMap<&'a str, Vec<&'a RepoPath>>>,
    packages: OnceCell<Packages>,
}

/// Folders by the names that manifests give them.
#[derive(Default)]
struct Packages {
    named: BTreeMap<String, Vec<String>>,
    /// Go modules: their names are the beginnings of their packages' names.
    modules: Vec<(String, String)>,
}

impl<'a> Places<'a> {
    fn new(tree: &'a dyn SourceTree) -> Self {
        Self { tree, by_name: OnceCell::new(), packages: OnceCell::new() }
    }

    /// The file that is meant by `file`, printed by a tool that ran in one of `folders` (the surest first).
    fn resolve(&self, file: &str, rooted: bool, folders: &[String]) -> Option<RepoPath> {
        if file.starts_with('/') {
            return self.tail_of(file);
        }
        let at = |folder: &str| self.file(&join(folder, file)?);
        if rooted && let Some(path) = at("") {
            return Some(path);
        }
        if let Some(path) = folders.iter().find_map(|folder| at(folder)).or_else(|| at("")) {
            return Some(path);
        }
        let fits = self.ending_with(file.trim_start_matches("./").trim_start_matches("../"));
        let only = |below: &str| {
            let mut found = fits.iter().filter(|path| below.is_empty() || path.as_str().starts_with(below));
            match (found.next(), found.next()) {
                (Some(only), None) => Some((*only).clone()),
                _ => None,
            }
        };
        folders
            .iter()
            .filter(|folder| !folder.is_empty())
            .find_map(|folder| only(&format!("{folder}/")))
            .or_else(|| only(""))
    }

    fn file(&self, path: &str) -> Option<RepoPath> {
        let path = RepoPath::new(path).ok()?;
        self.tree.entry(&path).map(|_| path)
    }

    /// A path of another machine, from the root of its file system: as much of its end as there is here.
    fn tail_of(&self, path: &str) -> Option<RepoPath> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        // A name alone says too little.
        (0..parts.len().saturating_sub(1)).find_map(|from| self.file(&parts[from..].join("/")))
    }

    fn ending_with(&self, tail: &str) -> Vec<&'a RepoPath> {
        let by_name = self.by_name.get_or_init(|| {
            let mut by_name: HashMap<&str, Vec<&RepoPath>> = HashMap::new();
            for file in self.tree.files() {
                by_name.entry(file.path.file_name()).or_default().push(&file.path);
            }
            by_name
        });
        let name = tail.rsplit('/').next().unwrap_or(tail);
        let whole = format!("/{tail}");
        let fits = |path: &&&RepoPath| path.as_str().ends_with(&whole);
        by_name.get(name).into_iter().flatten().filter(fits).copied().collect()
    }

    /// A folder that is there; `""` for the repository's own.
    fn folder(&self, folder: &str) -> Option<String> {
        let folder = join("", folder)?;
        let inside = format!("{folder}/");
        let files = self.tree.files();
        let next = files.partition_point(|file| file.path.as_str() < inside.as_str());
        let there =
            folder.is_empty() || files.get(next).is_some_and(|f| f.path.as_str().starts_with(&inside));
        there.then_some(folder)
    }

    /// The folders a log may mean by a package, project, module or folder.
    fn folders_of(&self, name: &str) -> Vec<String> {
        if name.starts_with('/') {
            let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty()).collect();
            return (0..parts.len())
                .find_map(|from| self.folder(&parts[from..].join("/")))
                .into_iter()
                .collect();
        }
        // Gradle's `:libs:core`
        if let Some(project) = name.strip_prefix(':') {
            return self.folder(&project.replace(':', "/")).into_iter().collect();
        }
        // `packages/core test`, `@acme/core:test`
        let name = name.split(' ').next().unwrap_or(name);
        let package = name.split(':').next().unwrap_or(name);
        let packages = self.packages.get_or_init(|| Packages::of(self.tree));
        let mut folders = packages.folders_of(package);
        folders.extend(self.folder(package).filter(|folder| !folder.is_empty()));
        folders
    }
}

impl Packages {
    fn of(tree: &dyn SourceTree) -> Self {
        let mut packages = Self::default();
        let is_manifest = |path: &RepoPath| {
            matches!(path.file_name(), "package.json" | "project.json" | "Cargo.toml" | "go.mod" | "pom.xml")
        };
        let manifests = tree
            .files()
            .iter()
            .filter(|f| matches!(f.mode, FileMode::Regular | FileMode::Executable) && is_manifest(&f.path));
        for file in manifests.take(MOST_MANIFESTS) {
            let Some(text) = small_text(tree, &file.path) else { continue };
            let folder = file.path.parent().to_owned();
            let name = match file.path.file_name() {
                "package.json" | "project.json" => json_name(&text),
                "Cargo.toml" => cargo_name(&text),
                "pom.xml" => maven_name(&text),
                _ => {
                    let module = text.lines().find_map(|line| line.strip_prefix("module "));
                    let module = module.map(|name| name.trim().trim_matches('"').to_owned());
                    packages.modules.extend(module.map(|module| (module, folder.clone())));
                    None
                }
            };
            if let Some(name) = name {
                packages.named.entry(name).or_default().push(folder);
            }
        }
        packages
    }

    fn folders_of(&self, name: &str) -> Vec<String> {
        // Crates are called with underscores where their packages have dashes.
        let dashed = name.replace('_', "-");
        let named = self.named.get(name).or_else(|| self.named.get(&dashed));
        let module = self
            .modules
            .iter()
            .filter_map(|(module, folder)| {
                let rest = name.strip_prefix(module.as_str())?;
                let rest = rest.strip_prefix('/').or_else(|| rest.is_empty().then_some(""))?;
                Some((module.len(), join(folder, rest)?))
            })
            .max();
        named.into_iter().flatten().cloned().chain(module.map(|(_, folder)| folder)).collect()
    }
}

fn small_text(tree: &dyn SourceTree, path: &RepoPath) -> Option<String> {
    let (length, _) = tree.open(path)?;
    if length <= LARGEST_MANIFEST { tree.read_text(path) } else { None }
}

fn json_name(text: &str) -> Option<String> {
    let manifest: serde_json::Value = serde_json::from_str(text).ok()?;
    manifest.get("name")?.as_str().map(str::to_owned)
}

fn cargo_name(text: &str) -> Option<String> {
    let package = text.lines().map(str::trim).skip_while(|line| *line != "[package]").skip(1);
    let mut keys = package.take_while(|line| !line.starts_with('['));
    keys.find_map(|line| line.strip_prefix("name")?.trim_start().strip_prefix('='))
        .map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
}

/// The artifact's own name: the first that is not its parent's.
fn maven_name(text: &str) -> Option<String> {
    let own = match (text.find("<parent>"), text.find("</parent>")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &text[..from], &text[to..]),
        _ => text.to_owned(),
    };
    let (_, rest) = own.split_once("<artifactId>")?;
    rest.split_once("</artifactId>").map(|(name, _)| name.trim().to_owned())
}

#[cfg(test)]
mod tests;
