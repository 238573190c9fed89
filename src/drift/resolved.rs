//! What was resolved in a world, read back from what the sandbox printed at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::version;

/// A package of a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package {
    /// `python`, `npm`, `cargo`
    pub ecosystem: String,
    /// As the registry compares names.
    pub name: String,
}

impl Package {
    /// Where its installer knows no cut-off, it is bounded by publish times.
    #[must_use]
    pub fn can_be_bounded(&self) -> bool {
        [PYTHON, CARGO].contains(&self.ecosystem.as_str())
    }

    #[must_use]
    pub fn new(ecosystem: &str, name: &str) -> Self {
        let name = if ecosystem == PYTHON { normalised(name) } else { name.to_owned() };
        Self { ecosystem: ecosystem.to_owned(), name }
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

pub(super) const PYTHON: &str = "python";
pub(super) const NPM: &str = "npm";
pub(super) const CARGO: &str = "cargo";

/// Runs of `-`, `_` and `.` are one `-`.
fn normalised(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            c => out.extend(c.to_lowercase()),
        }
    }
    out
}

pub(super) const BEGIN: &str = "ci-healer-resolved-begin";
pub(super) const END: &str = "ci-healer-resolved-end";

/// Every package of a world with its versions: the same name may be installed more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    pub versions: BTreeMap<Package, BTreeSet<String>>,
    /// By which names code imports them, where that is not the package's own.
    pub modules: BTreeMap<Package, BTreeSet<String>>,
    /// What isolated builds took, in versions that no environment of the job holds.
    pub in_builds: BTreeSet<Package>,
}

/// A package that differs between two worlds; the versions that only one of them has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub package: Package,
    pub before: BTreeSet<String>,
    pub after: BTreeSet<String>,
}

/// They are exempt from every cut-off, and differ by what brought them.
const INSTALLERS: &[&str] = &["pip", "uv", "npm", "corepack"];

impl Resolved {
    /// Reads the last answer in the log; `None` where there is none, or it is cut.
    #[must_use]
    pub fn read(log: &str) -> Option<Self> {
        let begin = log.rfind(BEGIN)?;
        let body = &log[begin + BEGIN.len()..];
        let body = &body[..body.find(END)?];
        let mut read = Self::default();
        let mut collected = Vec::new();
        let (mut lies_there, mut in_builds) = (BTreeSet::new(), BTreeSet::new());
        for line in body.lines() {
            let mut words = line.split_whitespace();
            match words.next() {
                Some("dist") => {
                    let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
                    let package = read.add(PYTHON, name, version);
                    let modules = words.filter(|m| !m.starts_with('_')).map(str::to_lowercase);
                    read.modules.entry(package.clone()).or_default().extend(modules);
                    lies_there.insert((package, version));
                }
                // uv keeps what it unpacked for a build only, and tells of it nowhere else.
                Some("cached") => {
                    if let (Some(name), Some(version)) = (words.next(), words.next()) {
                        in_builds.insert((read.add(PYTHON, name, version), version));
                    }
                }
                // What an installation that failed had come to: all is installed at its end.
                Some("collected") => collected.extend(words.next().and_then(of_file)),
                Some("installed") => {
                    for (name, version) in words.filter_map(|word| word.rsplit_once('-')) {
                        in_builds.insert((read.add(PYTHON, name, version), version));
                    }
                }
                Some(ecosystem @ (NPM | CARGO)) => {
                    if let (Some(name), Some(version)) = (words.next(), words.next()) {
                        read.add(ecosystem, name, version);
                    }
                }
                _ => {}
            }
        }
        for (name, version) in collected {
            if read.of(&Package::new(PYTHON, &name)).is_none() {
                read.add(PYTHON, &name, &version);
            }
        }
        read.in_builds = in_builds.difference(&lies_there).map(|(package, _)| package.clone()).collect();
        read.versions.retain(|package, _| !INSTALLERS.contains(&package.name.as_str()));
        Some(read)
    }

    fn add(&mut self, ecosystem: &str, name: &str, version: &str) -> Package {
        let package = Package::new(ecosystem, name);
        // The project itself is nobody's release.
        if version != "0.0.0" {
            self.versions.entry(package.clone()).or_default().insert(version.to_owned());
        }
        package
    }

    #[must_use]
    pub fn of(&self, package: &Package) -> Option<&BTreeSet<String>> {
        self.versions.get(package)
    }

    /// The highest version of a package.
    #[must_use]
    pub fn highest(&self, package: &Package) -> Option<&str> {
        self.of(package)?.iter().map(String::as_str).max_by(|a, b| version::compare(a, b))
    }

    /// What differs in `later`.
    #[must_use]
    pub fn differences(&self, later: &Self) -> Vec<Difference> {
        let none = BTreeSet::new();
        let names: BTreeSet<&Package> = self.versions.keys().chain(later.versions.keys()).collect();
        names
            .into_iter()
            .filter_map(|package| {
                let before = self.of(package).unwrap_or(&none);
                let after = later.of(package).unwrap_or(&none);
                (before != after).then(|| Difference {
                    package: package.clone(),
                    before: before.difference(after).cloned().collect(),
                    after: after.difference(before).cloned().collect(),
                })
            })
            .collect()
    }
}

/// Name and version of a wheel or a source archive.
fn of_file(file: &str) -> Option<(String, String)> {
    if let Some(wheel) = file.strip_suffix(".whl") {
        let mut parts = wheel.split('-');
        return Some((parts.next()?.to_owned(), parts.next()?.to_owned()));
    }
    let bare = [".tar.gz", ".zip", ".tar.bz2"].iter().find_map(|end| file.strip_suffix(end))?;
    let (name, version) = bare.rsplit_once('-')?;
    Some((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_back_and_compared_by_all_versions() {
        let read = |lines: &str| Resolved::read(&format!("noise\n{BEGIN}\n{lines}\n{END}\n")).unwrap();
        let then = read(
            "dist Flask_SQLAlchemy 3.0 flask_sqlalchemy\ndist setuptools 65.5.1\ninstalled setuptools-69.0 wheel-0.4\nnpm qs 6.14.0\ndist pip 24.0",
        );
        let now = read(
            "dist Flask_SQLAlchemy 3.0\ndist setuptools 65.5.1\ninstalled setuptools-82.0 wheel-0.4\nnpm qs 6.14.0\nnpm qs 6.5.3\ndist pip 26.0",
        );
        let differ: Vec<String> = then
            .differences(&now)
            .iter()
            .map(|d| format!("{}: {:?} {:?}", d.package, d.before, d.after))
            .collect();
        assert_eq!(differ, [r#"qs: {} {"6.5.3"}"#, r#"setuptools: {"69.0"} {"82.0"}"#]);
        assert!(then.of(&Package::new("python", "flask.sqlalchemy")).is_some());
        assert_eq!(
            now.in_builds,
            BTreeSet::from(["setuptools", "wheel"].map(|name| Package::new("python", name)))
        );
        let failed = read(
            "collected pandas-2.0.tar.gz\ncollected my_lib-1.2-py3-none-any.whl\ndist pandas 1.5\ncollected x",
        );
        let versions: Vec<String> = failed.versions.iter().map(|(p, v)| format!("{p} {v:?}")).collect();
        assert_eq!(versions, [r#"my-lib {"1.2"}"#, r#"pandas {"1.5"}"#], "what is there counts more");
        assert_eq!(Resolved::read("ci-healer-resolved-begin\nnpm qs 6.5.3\n"), None, "cut");
    }
}
