//! The files that a build may copy: an archive of the engine's, kept in memory as it came and never unpacked here.

use std::collections::BTreeMap;

use bytes::Bytes;
use globset::{GlobBuilder, GlobMatcher};
use sha2::{Digest, Sha256};

use crate::executor::actions::{MAX_BYTES, MAX_FILES};

/// Below a folder, by path; the folder itself has the empty one.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    nodes: BTreeMap<String, Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) mode: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NodeKind {
    Folder,
    File(Bytes),
    Link(String),
}

/// Something that is copied, and where to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Copied<'f> {
    pub(super) to: String,
    pub(super) node: &'f Node,
}

impl Files {
    /// The archive of one folder, as the engine gives it.
    pub(super) fn of_folder(archive: &Bytes) -> Result<Self, String> {
        Self::read(archive, |name| name.split_once('/').map_or("", |(_, below)| below))
    }

    /// The archive of a file or folder, under its own name.
    pub(super) fn of(archive: &Bytes) -> Result<Self, String> {
        Self::read(archive, |name| name)
    }

    fn read(archive: &Bytes, below: impl Fn(&str) -> &str) -> Result<Self, String> {
        let broken = |error: std::io::Error| format!("the archive cannot be read: {error}");
        let mut files = Self::default();
        let mut whole = tar::Archive::new(&archive[..]);
        let mut size = 0_u64;
        for entry in whole.entries().map_err(broken)? {
            let entry = entry.map_err(broken)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = below(name.trim_matches('/')).to_owned();
            let mode = entry.header().mode().map_err(broken)? & 0o7777;
            let link = || String::from_utf8_lossy(&entry.link_name_bytes().unwrap_or_default()).into_owned();
            let kind = match entry.header().entry_type() {
                tar::EntryType::Directory => NodeKind::Folder,
                tar::EntryType::Regular | tar::EntryType::Continuous => {
                    size += entry.size();
                    let from = usize::try_from(entry.raw_file_position()).map_err(|e| e.to_string())?;
                    let to = from + usize::try_from(entry.size()).map_err(|e| e.to_string())?;
                    if to > archive.len() {
                        return Err(format!("{name} ends in the middle"));
                    }
                    NodeKind::File(archive.slice(from..to))
                }
                tar::EntryType::Symlink => NodeKind::Link(link()),
                // The same file under another name.
                tar::EntryType::Link => match files.nodes.get(below(link().trim_matches('/'))) {
                    Some(node) => node.kind.clone(),
                    None => return Err(format!("{name} is a link to nothing")),
                },
                _ => continue,
            };
            files.nodes.insert(path, Node { kind, mode });
            if files.nodes.len() > MAX_FILES {
                return Err(format!("it holds more than {MAX_FILES} files"));
            }
            if size > MAX_BYTES {
                return Err(format!("it holds more than {} MB", MAX_BYTES / 1_000_000));
            }
        }
        Ok(files)
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        match &self.nodes.get(path)?.kind {
            NodeKind::File(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }

    /// Without what a `.dockerignore` names; of its rules the last that fits decides.
    pub(super) fn without(mut self, rules: &str) -> Result<Self, String> {
        let mut all = Vec::new();
        for line in rules.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (keeps, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            let pattern = clean(pattern);
            if !pattern.is_empty() {
                all.push((keeps, glob(&pattern)?, glob(&format!("{pattern}/**"))?));
            }
        }
        let is_left_out = |path: &str| {
            let fitting =
                all.iter().rev().find(|(_, itself, below)| itself.is_match(path) || below.is_match(path));
            fitting.is_some_and(|(keeps, ..)| !keeps)
        };
        self.nodes.retain(|path, _| path.is_empty() || !is_left_out(path));
        Ok(self)
    }

    /// The paths that a source of a `COPY` means.
    pub(super) fn matching(&self, source: &str) -> Result<Vec<&str>, String> {
        let path = clean(source);
        if path.contains(['*', '?', '[']) {
            let glob = glob(&path)?;
            let found: Vec<&str> = self
                .nodes
                .keys()
                .map(String::as_str)
                .filter(|path| !path.is_empty() && glob.is_match(path))
                .collect();
            if !found.is_empty() {
                return Ok(found);
            }
        } else if let Some((path, _)) = self.nodes.get_key_value(&path) {
            return Ok(vec![path]);
        } else if self.nodes.keys().any(|known| known.starts_with(&format!("{path}/"))) {
            // Its own entry was left out, and something in it was not.
            let first = self.nodes.keys().find(|known| known.starts_with(&format!("{path}/")));
            return Ok(first.map(|first| &first[..path.len()]).into_iter().collect());
        }
        Err(format!("`{source}` is not in what is copied from"))
    }

    /// What lies where once these are copied to `to`, which has no slash at its end; into it, where it is a folder.
    pub(super) fn copied(
        &self,
        sources: &[&str],
        to: &str,
        is_folder: bool,
    ) -> Result<Vec<Copied<'_>>, String> {
        let mut all = Vec::new();
        for source in sources {
            let path = self.followed(source)?;
            let name = source.rsplit('/').next().unwrap_or_default();
            match self.nodes.get(&path) {
                Some(node @ Node { kind: NodeKind::File(_), .. }) if is_folder => {
                    all.push(Copied { to: format!("{to}/{name}"), node });
                }
                Some(node @ Node { kind: NodeKind::File(_), .. }) => {
                    all.push(Copied { to: to.to_owned(), node });
                }
                _ => {
                    let top = if path.is_empty() { String::new() } else { format!("{path}/") };
                    let below = self.nodes.iter().filter_map(|(path, node)| {
                        let rest = path.strip_prefix(&top).filter(|rest| !rest.is_empty())?;
                        Some(Copied { to: format!("{to}/{rest}"), node })
                    });
                    all.extend(below);
                }
            }
        }
        Ok(all)
    }

    /// A link that is named itself is what it leads to.
    fn followed(&self, path: &str) -> Result<String, String> {
        let mut path = path.to_owned();
        for _ in 0..8 {
            let Some(Node { kind: NodeKind::Link(target), .. }) = self.nodes.get(&path) else {
                return Ok(path);
            };
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            path =
                clean(&if target.starts_with('/') { target.clone() } else { format!("{folder}/{target}") });
        }
        Err(format!("`{path}` leads in a circle"))
    }

    /// The same for the same files, whatever their times.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for (path, node) in &self.nodes {
            part(path.as_bytes());
            part(&node.mode.to_le_bytes());
            match &node.kind {
                NodeKind::Folder => part(b"folder"),
                NodeKind::File(bytes) => part(bytes),
                NodeKind::Link(target) => part(format!("link {target}").as_bytes()),
            }
        }
        hash.finalize().into()
    }
}

/// Blanks and stars as paths have them: a star ends at a slash, braces are letters.
fn glob(pattern: &str) -> Result<GlobMatcher, String> {
    let plain = pattern.replace('{', "[{]").replace('}', "[}]");
    let glob = GlobBuilder::new(&plain).literal_separator(true).backslash_escape(true).build();
    Ok(glob.map_err(|error| format!("`{pattern}` is no pattern: {error}"))?.compile_matcher())
}

/// A path inside of a root that nothing leads out of: without its dots, and without slashes around it.
pub(super) fn clean(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::archive::{self, Entry, Kind};

    fn files(list: &[(&str, Kind<'_>, &str)]) -> Files {
        let mut tar = Vec::new();
        for (path, kind, content) in list {
            let entry = Entry { path, kind: *kind, mode: 0o755, owner: (0, 0), mtime: 0 };
            archive::push(&mut tar, &entry, content.as_bytes());
        }
        tar.extend_from_slice(&archive::END);
        Files::of_folder(&tar.into()).unwrap()
    }

    fn tree() -> Files {
        let file = |text: &'static str| (Kind::File(text.len() as u64), text);
        let (a, b, c) = (file("a"), file("bb"), file("c"));
        files(&[
            ("x/", Kind::Directory, ""),
            ("x/run.sh", a.0, a.1),
            ("x/src/", Kind::Directory, ""),
            ("x/src/one.py", b.0, b.1),
            ("x/src/deep/", Kind::Directory, ""),
            ("x/src/deep/two.py", c.0, c.1),
            ("x/here", Kind::Symlink("src/deep"), ""),
        ])
    }

    fn copied(files: &Files, sources: &[&str], to: &str, is_folder: bool) -> Vec<String> {
        let sources: Vec<&str> = sources.iter().flat_map(|source| files.matching(source).unwrap()).collect();
        files.copied(&sources, to, is_folder).unwrap().into_iter().map(|copied| copied.to).collect()
    }

    #[test]
    fn files_go_where_docker_puts_them() {
        let tree = tree();
        assert_eq!(copied(&tree, &["run.sh"], "/run", false), ["/run"]);
        assert_eq!(copied(&tree, &["./run.sh"], "/bin", true), ["/bin/run.sh"]);
        let content = ["/app/deep", "/app/deep/two.py", "/app/one.py"];
        assert_eq!(copied(&tree, &["src"], "/app", false), content);
        assert_eq!(copied(&tree, &["/src/"], "/app", true), content);
        assert_eq!(copied(&tree, &["src/*.py", "run.*"], "/app", true), ["/app/one.py", "/app/run.sh"]);
        assert_eq!(
            copied(&tree, &["here"], "/app", false),
            ["/app/two.py"],
            "a link that is named is followed"
        );
        assert_eq!(copied(&tree, &["../../."], "", true).len(), 6, "nothing leads out");
        assert!(tree.matching("absent").unwrap_err().contains("`absent` is not in"));
        assert!(tree.matching("*.rs").is_err());
    }

    #[test]
    fn what_is_ignored_is_not_there_unless_a_later_rule_keeps_it() {
        let left = tree().without("# all\n*\n!src\nsrc/deep\n!**/two.py\n").unwrap();
        let paths: Vec<&str> = left.nodes.keys().map(String::as_str).collect();
        assert_eq!(paths, ["", "src", "src/deep/two.py", "src/one.py"]);
        assert_eq!(copied(&left, &["src/deep"], "/d", false), ["/d/two.py"]);
        assert_ne!(left.digest(), tree().digest());
        assert_eq!(tree().digest(), tree().digest());
    }
}
