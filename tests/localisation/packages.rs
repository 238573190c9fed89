//! Real packages: the recipes of `packages.yaml`, downloaded into a cache outside of git and checked by hash, each with
//! the fault that `plant.py` found for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use ci_healer::contract::git::{FileMode, RepoPath};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::look::{Case, Kind, Repository};

const PACKAGES: &str = include_str!("packages.yaml");
const FETCH: &str = "tests/localisation/fetch.sh";
/// Where sources are kept; this variable names another place.
const CACHE: (&str, &str) = ("LOCALISATION_CACHE", "target/localisation");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recipe {
    registry: String,
    pub(crate) name: String,
    version: String,
    /// Of the archive as downloaded.
    sha256: String,
    /// What its tests need of the registry.
    #[serde(default)]
    needs: Vec<String>,
    /// Files that its repository has and the archive has not.
    #[serde(default)]
    adds: BTreeMap<String, String>,
    command: String,
    /// How the fault was made.
    kind: String,
    file: String,
    line: usize,
    /// The line there, without its indentation.
    find: String,
    /// What it becomes; a line without one was dropped.
    replace: Option<String>,
    /// It was not there when what is shown was worked on.
    #[serde(default)]
    held_out: bool,
}

/// All recipes whose names hold `filter`; of `held-out` those that are.
pub(crate) fn recipes(filter: &str) -> anyhow::Result<Vec<Recipe>> {
    let all: Vec<Recipe> = serde_yaml::from_str(PACKAGES).context("packages.yaml")?;
    let is_asked_for = |recipe: &Recipe| match filter {
        "held-out" => recipe.held_out,
        name => recipe.name.contains(name),
    };
    Ok(all.into_iter().filter(is_asked_for).collect())
}

impl Recipe {
    fn group(&self) -> anyhow::Result<&'static str> {
        Ok(match self.registry.as_str() {
            "pypi" => "python",
            "npm" => "node",
            "crates" => "rust",
            "debian" if self.name.starts_with("golang-") => "go",
            "debian" => "java",
            other => bail!("registry '{other}' of {} is none of pypi, npm, crates, debian", self.name),
        })
    }

    /// The package's tree with its fault.
    pub(crate) fn case(&self) -> anyhow::Result<Case> {
        let folder = self.fetched()?;
        let mut files = read_folder(&folder.join("source"))?;
        for (path, text) in &self.adds {
            files.retain(|(known, _, _)| known.as_str() != path);
            files.push((RepoPath::new(path)?, FileMode::Regular, text.clone().into_bytes()));
        }
        let lines = self.plant(&mut files)?;
        Ok(Case {
            name: format!("{} {}, {}", self.name, self.version, self.kind),
            group: self.group()?,
            kind: Kind::Test,
            command: self.command.clone(),
            tree: Repository::new(files),
            installed: Repository::new(read_folder(&folder.join("installed"))?),
            file: self.file.clone(),
            lines,
        })
    }

    /// Changes the one line. Gives the faulty lines as they are then.
    fn plant(&self, files: &mut [(RepoPath, FileMode, Vec<u8>)]) -> anyhow::Result<Vec<usize>> {
        let (_, _, content) = files
            .iter_mut()
            .find(|(path, _, _)| path.as_str() == self.file)
            .with_context(|| format!("there is no {}", self.file))?;
        let text = String::from_utf8(std::mem::take(content))?;
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        let index = self.line.checked_sub(1).context("lines count from 1")?;
        let line =
            lines.get_mut(index).with_context(|| format!("{} has no line {}", self.file, self.line))?;
        ensure!(
            line.trim() == self.find,
            "line {} of {} is {line:?}, not {:?}",
            self.line,
            self.file,
            self.find
        );
        let faulty = if let Some(replace) = &self.replace {
            *line = line.replace(&self.find, replace);
            vec![self.line]
        } else {
            lines.remove(index);
            vec![self.line - 1, self.line]
        };
        *content = lines.join("\n").into_bytes();
        Ok(faulty)
    }

    /// The folder with the package, downloaded where it is not there yet.
    fn fetched(&self) -> anyhow::Result<PathBuf> {
        let cache = std::env::var_os(CACHE.0).map_or_else(|| PathBuf::from(CACHE.1), PathBuf::from);
        std::fs::create_dir_all(&cache)?;
        let folder = cache.canonicalize()?.join(format!(
            "{}-{}-{}",
            self.registry,
            self.name.replace('/', "+"),
            self.version
        ));
        let archive = folder.join("archive");
        if !archive.exists() {
            let done = Command::new(FETCH)
                .args([&self.registry, &self.name, &self.version])
                .arg(&folder)
                .args(&self.needs)
                .status()
                .context(FETCH)?;
            ensure!(done.success(), "{} {} cannot be downloaded: {done}", self.name, self.version);
        }
        let digest = Sha256::digest(std::fs::read(&archive)?);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        ensure!(hex == self.sha256, "{}: sha256 is {hex}, not {}", archive.display(), self.sha256);
        Ok(folder)
    }
}

fn read_folder(root: &Path) -> anyhow::Result<Vec<(RepoPath, FileMode, Vec<u8>)>> {
    let mut files = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let (path, kind) = entry.and_then(|e| Ok((e.path(), e.file_type()?)))?;
            if kind.is_dir() {
                open.push(path);
                continue;
            }
            // A link is content of its own to a tree; no test of these needs one.
            if !kind.is_file() {
                continue;
            }
            let Some(name) = path.strip_prefix(root)?.to_str() else { continue };
            // A name that no repository may have.
            let Ok(name) = RepoPath::new(name) else { continue };
            files.push((name, mode_of(&path)?, std::fs::read(&path)?));
        }
    }
    Ok(files)
}

#[cfg(unix)]
fn mode_of(path: &Path) -> anyhow::Result<FileMode> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path)?.permissions().mode();
    Ok(if mode & 0o100 == 0 { FileMode::Regular } else { FileMode::Executable })
}

#[cfg(not(unix))]
fn mode_of(_: &Path) -> anyhow::Result<FileMode> {
    Ok(FileMode::Regular)
}
