//! Copies the data of a `.git` (objects, refs, shallow boundary) into a fresh one, and nothing else: no configuration,
//! hooks, credentials, alternates, replacements, and never through a symbolic link.
//!
//! Objects are linked where both lie on one file system, as `git clone --local` does; git never writes to an object.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::GitError;

/// The largest `packed-refs` we read.
const MAX_PACKED_REFS: u64 = 64 << 20;
/// A loose ref is one line.
const MAX_REF: u64 = 4096;

/// Where a checkout keeps its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Holds `HEAD` and `index`.
    pub(super) git_dir: PathBuf,
    /// Holds `objects`, `refs`, `shallow` (another directory for linked worktrees).
    pub(super) common_dir: PathBuf,
    /// Where the files lie; `None` for a bare repository.
    pub(super) worktree: Option<PathBuf>,
}

/// What configuration decides about the formats, the only thing read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Sha1,
    Sha256,
}

/// Finds the repository of a checkout; `None` where there is none (a downloaded archive).
pub(super) fn locate(checkout: &Path) -> Result<Option<Layout>, GitError> {
    let refuse = |why: &str| GitError::Source { path: checkout.to_owned(), why: why.to_owned() };
    let dot_git = checkout.join(".git");
    match fs::symlink_metadata(&dot_git) {
        Ok(meta) if meta.is_dir() => Ok(Some(Layout {
            git_dir: dot_git.clone(),
            common_dir: dot_git,
            worktree: Some(checkout.to_owned()),
        })),
        Ok(meta) if meta.is_file() => linked(checkout, &dot_git).map(Some),
        Ok(_) => Err(refuse("its .git is a link or a special file")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            if checkout.join("HEAD").is_file() && checkout.join("objects").is_dir() {
                let bare = checkout.to_owned();
                return Ok(Some(Layout { git_dir: bare.clone(), common_dir: bare, worktree: None }));
            }
            if checkout.is_dir() { Ok(None) } else { Err(refuse("there is no such directory")) }
        }
        Err(e) => Err(refuse(&e.to_string())),
    }
}

/// A `.git` file of a linked worktree or a submodule. It is followed only where the other side knows of it too, so that
/// a planted file cannot lead to some other repository of the machine.
fn linked(checkout: &Path, dot_git: &Path) -> Result<Layout, GitError> {
    let refuse = |why: String| GitError::Source { path: checkout.to_owned(), why };
    let text = read_small(dot_git, MAX_REF).map_err(|e| refuse(format!("its .git cannot be read: {e}")))?;
    let target = text
        .strip_prefix("gitdir:")
        .map(str::trim)
        .ok_or_else(|| refuse("its .git is a file without `gitdir:`".to_owned()))?;
    let git_dir = fs::canonicalize(checkout.join(target))
        .map_err(|e| refuse(format!("its .git points to {target}: {e}")))?;
    let here = fs::canonicalize(checkout).map_err(|e| refuse(e.to_string()))?;
    let points_back = read_small(&git_dir.join("gitdir"), MAX_REF)
        .ok()
        .and_then(|back| fs::canonicalize(git_dir.join(back.trim())).ok())
        .is_some_and(|back| back == here.join(".git"));
    let inside_parent =
        here.ancestors().skip(1).any(|parent| git_dir.starts_with(parent.join(".git/modules")));
    if !points_back && !inside_parent {
        return Err(refuse(format!("its .git points to {}, which does not point back", git_dir.display())));
    }
    let common_dir = match read_small(&git_dir.join("commondir"), MAX_REF) {
        Ok(common) => {
            fs::canonicalize(git_dir.join(common.trim())).map_err(|e| refuse(format!("commondir: {e}")))?
        }
        Err(_) => git_dir.clone(),
    };
    Ok(Layout { git_dir, common_dir, worktree: Some(here) })
}

/// The formats a repository says it uses; unknown ones are refused.
pub(super) fn format(layout: &Layout) -> Result<Format, GitError> {
    let text = match read_small(&layout.common_dir.join("config"), 1 << 20) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Format::Sha1),
        Err(e) => return Err(GitError::io("read the repository's format", &e)),
    };
    let mut section = String::new();
    let mut format = Format::Sha1;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').trim().to_ascii_lowercase();
        } else if section == "extensions"
            && let Some((key, value)) = line.split_once('=')
        {
            let refuse = |why: String| GitError::Source { path: layout.common_dir.clone(), why };
            match (key.trim().to_ascii_lowercase().as_str(), value.trim().to_ascii_lowercase().as_str()) {
                ("objectformat", "sha256") => format = Format::Sha256,
                ("objectformat", "sha1") | ("refstorage", "files") => {}
                ("objectformat", other) => return Err(refuse(format!("object format {other} is unknown"))),
                ("refstorage", other) => {
                    return Err(refuse(format!("ref storage {other} is not read here, only files")));
                }
                _ => {}
            }
        }
    }
    Ok(format)
}

/// Makes `target` a repository with the data of `layout`. Returns what was left out, for people.
pub(super) fn copy(layout: &Layout, format: Format, target: &Path) -> Result<Vec<String>, GitError> {
    let mut notes = Vec::new();
    skeleton(target, format)?;
    let head =
        read_small(&layout.git_dir.join("HEAD"), MAX_REF).map_err(|e| GitError::io("read HEAD", &e))?;
    if !is_ref_value(head.trim()) {
        return Err(GitError::Source {
            path: layout.git_dir.clone(),
            why: "HEAD names neither commit nor branch".into(),
        });
    }
    write(&target.join("HEAD"), format!("{}\n", head.trim()).as_bytes())?;
    if let Ok(shallow) = read_small(&layout.common_dir.join("shallow"), MAX_PACKED_REFS)
        && shallow.lines().all(is_object_name)
        && !shallow.is_empty()
    {
        write(&target.join("shallow"), shallow.as_bytes())?;
    }
    if let Ok(packed) = read_small(&layout.common_dir.join("packed-refs"), MAX_PACKED_REFS) {
        write(&target.join("packed-refs"), kept_refs(&packed).as_bytes())?;
    }
    copy_refs(&layout.common_dir.join("refs"), &target.join("refs"), "refs", 0)?;
    copy_objects(&layout.common_dir.join("objects"), &target.join("objects"))?;
    if layout.common_dir.join("objects/info/alternates").exists() {
        notes.push("the checkout borrows objects from another repository; they are not followed".to_owned());
    }
    Ok(notes)
}

/// An empty repository: the directories, a HEAD and the least configuration.
pub(super) fn skeleton(target: &Path, format: Format) -> Result<(), GitError> {
    for dir in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
        let path = target.join(dir);
        fs::create_dir_all(&path).map_err(|e| GitError::io(format!("make {}", path.display()), &e))?;
    }
    let config = match format {
        Format::Sha1 => "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n",
        Format::Sha256 => {
            "[core]\n\trepositoryformatversion = 1\n\tfilemode = true\n\tbare = false\n[extensions]\n\tobjectFormat = sha256\n"
        }
    };
    write(&target.join("config"), config.as_bytes())?;
    write(&target.join("HEAD"), b"ref: refs/heads/main\n")
}

/// Links the objects of one repository into another.
pub(super) fn copy_objects(from: &Path, to: &Path) -> Result<(), GitError> {
    for entry in list(from)? {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_fanout = name.len() == 2 && name.bytes().all(|b| b.is_ascii_hexdigit());
        if !(is_fanout || name == "pack") || !entry.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        let target = to.join(name);
        fs::create_dir_all(&target).map_err(|e| GitError::io(format!("make {}", target.display()), &e))?;
        for object in list(&entry.path())? {
            let file = object.file_name();
            let Some(file) = file.to_str() else { continue };
            let wanted = if is_fanout {
                matches!(file.len(), 38 | 62) && file.bytes().all(|b| b.is_ascii_hexdigit())
            } else {
                file.starts_with("pack-") && [".pack", ".idx", ".rev"].iter().any(|end| file.ends_with(end))
            };
            if wanted {
                link_or_copy(&object.path(), &target.join(file))?;
            }
        }
    }
    Ok(())
}

/// Links or copies one regular file; anything else is left out.
fn link_or_copy(from: &Path, to: &Path) -> Result<(), GitError> {
    // `link` does not follow a symbolic link, so looking at what was linked leaves no moment to swap it.
    if fs::hard_link(from, to).is_ok() {
        if !fs::symlink_metadata(to).is_ok_and(|m| m.is_file()) {
            let _ = fs::remove_file(to);
        }
        return Ok(());
    }
    let failed = |e: &io::Error| GitError::io(format!("copy {}", from.display()), e);
    let Some(mut source) = open_regular(from).map_err(|e| failed(&e))? else { return Ok(()) };
    let mut target = fs::File::create_new(to).map_err(|e| failed(&e))?;
    io::copy(&mut source, &mut target).map_err(|e| failed(&e))?;
    Ok(())
}

/// Opens a file that is no link, also when someone swaps it at this moment.
pub(super) fn open_regular(path: &Path) -> io::Result<Option<fs::File>> {
    let named = fs::symlink_metadata(path)?;
    if !named.is_file() {
        return Ok(None);
    }
    let file = fs::File::open(path)?;
    let opened = file.metadata()?;
    Ok((opened.dev() == named.dev() && opened.ino() == named.ino()).then_some(file))
}

pub(super) fn read_small(path: &Path, limit: u64) -> io::Result<String> {
    let file = open_regular(path)?
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"))?;
    let mut text = String::new();
    file.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too large"));
    }
    Ok(text)
}

fn copy_refs(from: &Path, to: &Path, name: &str, depth: usize) -> Result<(), GitError> {
    // Refs deeper than this are nobody's.
    if depth > 32 || !from.is_dir() {
        return Ok(());
    }
    for entry in list(from)? {
        let Some(part) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let full = format!("{name}/{part}");
        let Ok(kind) = entry.file_type() else { continue };
        if !is_kept_ref(&full) {
            continue;
        }
        let target = to.join(&part);
        if kind.is_dir() {
            copy_refs(&entry.path(), &target, &full, depth + 1)?;
        } else if kind.is_file()
            && let Ok(value) = read_small(&entry.path(), MAX_REF)
            && is_ref_value(value.trim())
        {
            fs::create_dir_all(to).map_err(|e| GitError::io(format!("make {}", to.display()), &e))?;
            write(&target, format!("{}\n", value.trim()).as_bytes())?;
        }
    }
    Ok(())
}

/// Replacement refs make git read other objects than the named ones.
fn is_kept_ref(full: &str) -> bool {
    !full.starts_with("refs/replace") && !full.starts_with("refs/stash") && !full.ends_with(".lock")
}

fn kept_refs(packed: &str) -> String {
    packed
        .lines()
        .filter(|line| {
            line.starts_with('#')
                || line.strip_prefix('^').is_some_and(is_object_name)
                || line.split_once(' ').is_some_and(|(id, name)| {
                    is_object_name(id) && name.starts_with("refs/") && is_kept_ref(name)
                })
        })
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn is_object_name(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_ref_value(text: &str) -> bool {
    is_object_name(text)
        || text.strip_prefix("ref: ").is_some_and(|name| {
            name.starts_with("refs/") && !name.contains("..") && !name.chars().any(char::is_control)
        })
}

fn list(dir: &Path) -> Result<Vec<fs::DirEntry>, GitError> {
    fs::read_dir(dir)
        .and_then(Iterator::collect)
        .map_err(|e| GitError::io(format!("read {}", dir.display()), &e))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), GitError> {
    fs::write(path, bytes).map_err(|e| GitError::io(format!("write {}", path.display()), &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refs_that_replace_objects_are_left_out() {
        let id = "a".repeat(40);
        let packed = format!(
            "# pack-refs with: peeled\n{id} refs/heads/main\n{id} refs/replace/{id}\nrubbish\n^{id}\n{id} ../x\n"
        );
        assert_eq!(kept_refs(&packed), format!("# pack-refs with: peeled\n{id} refs/heads/main\n^{id}\n"));
    }

    #[test]
    fn ref_values() {
        assert!(is_ref_value("ref: refs/heads/x"));
        assert!(is_ref_value(&"0".repeat(64)));
        assert!(!is_ref_value("ref: ../../etc/passwd"));
        assert!(!is_ref_value("ref: refs/heads/../../x"));
    }
}
