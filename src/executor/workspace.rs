//! The repository inside a Docker volume: everything once, then only what changed.
//!
//! The volume keeps what builds leave between executions (objects, installed packages), so that the next one is quick.
//! What steps did to *tracked* files is undone before the next execution: an execution always runs the tree it was
//! given. Nothing here writes to the host: the volume is filled through the engine's archive endpoint.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bollard::query_parameters::UploadToContainerOptionsBuilder;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::archive::{self, Entry, Kind};
use super::engine::Engine;
use super::error::ExecutorError;
use crate::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};

/// Where the volume is mounted for us, in every container that has it. Steps see it at the plan's workspace as well.
pub(super) const ROOT: &str = "/workspace";
/// The archive is extracted at `/`, so that the root folder itself gets its owner.
const PREFIX: &str = "workspace/";
/// Files go out in pieces of this size, so that large ones are never held whole.
const CHUNK: usize = 256 << 10;
/// In nanoseconds.
const SECOND: i128 = 1_000_000_000;

/// One volume and what is known to lie in it.
#[derive(Debug)]
pub(super) struct WorkspaceVolume {
    pub(super) name: String,
    /// It holds the state of another one, and has not been used yet.
    pub(super) is_copy: bool,
    uploaded: BTreeMap<RepoPath, (FileMode, String)>,
    /// The packs of `.git` that were sent, by length and time: what is in one of that name never changes.
    packs: HashMap<PathBuf, (u64, Option<SystemTime>)>,
    /// Whom the files belong to.
    pub(super) owner: Option<(u32, u32)>,
    /// The engine's clock when the volume last agreed with the tree; `None` until steps have run in it.
    pub(super) synced_at: Option<i128>,
    /// The modification time of what was sent last, on the engine's clock.
    pub(super) last_mtime: Option<i128>,
}

/// What all files of one upload have in common.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attributes {
    /// uid and gid
    pub(super) owner: (u32, u32),
    /// In nanoseconds since the epoch.
    pub(super) mtime: i128,
}

/// What has to be done to a volume so that it agrees with a tree.
#[derive(Debug, Default)]
pub(super) struct Delta {
    pub(super) upload: Vec<TreeFile>,
    pub(super) delete: Vec<RepoPath>,
    pub(super) git: GitFolder,
}

/// What `.git` consists of: files by where they lie and by their name inside, and folders, which may be empty.
#[derive(Debug, Default)]
pub(super) struct GitFolder {
    files: Vec<(PathBuf, PathBuf)>,
    folders: Vec<PathBuf>,
}

impl WorkspaceVolume {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            is_copy: false,
            uploaded: BTreeMap::new(),
            packs: HashMap::new(),
            owner: None,
            synced_at: None,
            last_mtime: None,
        }
    }

    /// A volume that was filled with what is in this one.
    pub(super) fn copied_to(&self, name: String) -> Self {
        let (uploaded, packs) = (self.uploaded.clone(), self.packs.clone());
        Self { name, is_copy: true, uploaded, packs, ..*self }
    }

    /// What differs between the volume, as far as known, and the tree.
    pub(super) fn delta(&self, tree: &dyn SourceTree) -> Delta {
        let mut delta = Delta::default();
        let mut gone: BTreeSet<&RepoPath> = self.uploaded.keys().collect();
        for file in tree.files() {
            gone.remove(&file.path);
            if self.uploaded.get(&file.path).is_none_or(|(mode, id)| (*mode, id) != (file.mode, &file.id)) {
                delta.upload.push(file.clone());
            }
        }
        delta.delete = gone.into_iter().cloned().collect();
        delta
    }

    /// The modification time for files that are sent now: newer than all that was built before, and in another second
    /// than what was sent before. Python takes a cached module for current when the source's size and whole second
    /// are the same. It may lie up to a second ahead: nothing may run before it has come.
    pub(super) fn next_mtime(&self, now: i128) -> i128 {
        let second = |time: i128| time.div_euclid(SECOND);
        match self.last_mtime {
            Some(last) if second(now) <= second(last) => (second(last) + 1) * SECOND,
            // Parts of seconds cost a kilobyte per file; before anything was built they decide nothing.
            _ if self.synced_at.is_none() => second(now) * SECOND,
            _ => now,
        }
    }

    /// How long until no file is from the future any more.
    pub(super) fn until_mtime(&self, now: i128) -> Duration {
        let ahead = self.last_mtime.map_or(0, |stamp| (stamp - now).clamp(0, SECOND));
        Duration::from_nanos(u64::try_from(ahead).unwrap_or(0))
    }

    /// Everything of the tree again, whatever is known.
    pub(super) fn forget(&mut self) {
        self.uploaded.clear();
    }

    /// These files again.
    pub(super) fn forget_files(&mut self, paths: &BTreeSet<String>) {
        self.uploaded.retain(|path, _| !covers(paths, path.as_str()));
    }

    pub(super) fn set_uploaded(&mut self, tree: &dyn SourceTree) {
        self.uploaded = tree.files().iter().map(|f| (f.path.clone(), (f.mode, f.id.clone()))).collect();
    }

    pub(super) fn tracked(&self) -> impl Iterator<Item = (&RepoPath, FileMode)> {
        self.uploaded.iter().map(|(path, (mode, _))| (path, *mode))
    }

    /// All of `dir` but the packs among `untouched`, which lie in the volume as they were sent.
    pub(super) fn git_folder(
        &mut self,
        dir: &Path,
        untouched: &BTreeSet<String>,
    ) -> Result<GitFolder, ExecutorError> {
        let fail = |path: &Path, e: std::io::Error| ExecutorError::Workspace {
            what: format!("reading {}", path.display()),
            cause: e.to_string(),
        };
        let sent = std::mem::take(&mut self.packs);
        let mut found = GitFolder::default();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).map_err(|e| fail(&folder, e))? {
                let entry = entry.map_err(|e| fail(&folder, e))?;
                let path = entry.path();
                let meta = entry.metadata().map_err(|e| fail(&path, e))?;
                let inside = path.strip_prefix(dir).unwrap_or(&path).to_owned();
                if meta.is_dir() {
                    found.folders.push(inside);
                    folders.push(path);
                } else if meta.is_file() {
                    let is_pack = inside.starts_with("objects/pack");
                    let stamp = (meta.len(), meta.modified().ok());
                    let is_there = is_pack
                        && sent.get(&inside) == Some(&stamp)
                        && inside.file_name().and_then(|n| n.to_str()).is_some_and(|n| untouched.contains(n));
                    if is_pack {
                        self.packs.insert(inside.clone(), stamp);
                    }
                    if !is_there {
                        found.files.push((path, inside));
                    }
                }
            }
        }
        found.files.sort();
        found.folders.sort();
        Ok(found)
    }
}

impl GitFolder {
    /// Commits and what points to them alone.
    pub(super) fn without_settings(mut self) -> Self {
        self.files
            .retain(|(_, inside)| *inside != Path::new("config") && *inside != Path::new("description"));
        self.folders.retain(|inside| !inside.starts_with("hooks"));
        self
    }
}

/// Whether `path` or a folder it lies in is among `paths`.
pub(super) fn covers(paths: &BTreeSet<String>, path: &str) -> bool {
    paths.contains(path) || path.match_indices('/').any(|(at, _)| paths.contains(&path[..at]))
}

impl Delta {
    /// No file of the tree is to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.upload.is_empty()
    }
}

/// Streams `delta`'s files, then `extra` (finished archive entries), to `container`. One request.
pub(super) async fn upload(
    engine: &Engine,
    container: &str,
    tree: &dyn SourceTree,
    delta: &Delta,
    attributes: Attributes,
    extra: Vec<u8>,
) -> Result<(), ExecutorError> {
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(8);
    let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let options = UploadToContainerOptionsBuilder::new().path("/").build();
    let request = engine.ask_without_limit("copying the workspace into the sandbox", |d| {
        d.upload_to_container(container, Some(options), bollard::body_try_stream(stream))
    });
    // No limit on the whole: it depends on the repository's size. The caller's deadline ends it.
    let mut writer = Writer { sender, buffer: Vec::with_capacity(2 * CHUNK), attributes };
    let produced = async {
        let result = writer.write(tree, delta, &extra).await;
        if let Err(error) = &result {
            let _ = writer.sender.send(Err(std::io::Error::other(error.to_string()))).await;
        }
        drop(writer);
        result
    };
    let (produced, sent) = tokio::join!(produced, request);
    // A failed read breaks the request as well: the cause is the better message.
    match (produced, sent) {
        (Err(UploadError::Source(error)), _) => Err(error),
        (_, sent) => sent,
    }
}

#[derive(Debug)]
enum UploadError {
    Source(ExecutorError),
    /// The engine stopped reading; its answer says why.
    Receiver,
}

impl std::fmt::Display for UploadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Source(error) => write!(f, "{error}"),
            Self::Receiver => f.write_str("the engine stopped reading"),
        }
    }
}

struct Writer {
    sender: mpsc::Sender<Result<Bytes, std::io::Error>>,
    buffer: Vec<u8>,
    attributes: Attributes,
}

impl Writer {
    async fn write(&mut self, tree: &dyn SourceTree, delta: &Delta, extra: &[u8]) -> Result<(), UploadError> {
        let mut folders = BTreeSet::new();
        // Also where no file follows: the folder itself is the user's.
        self.folder(&mut folders, "").await?;
        for file in &delta.upload {
            self.folder(&mut folders, file.path.parent()).await?;
            self.file(tree, file).await?;
        }
        for inside in &delta.git.folders {
            if let Some(inside) = inside.to_str() {
                self.folder(&mut folders, &format!(".git/{inside}")).await?;
            }
        }
        for (path, inside) in &delta.git.files {
            let Some(inside) = inside.to_str() else { continue };
            let inside = format!(".git/{inside}");
            self.folder(&mut folders, inside.rsplit_once('/').map_or("", |(dir, _)| dir)).await?;
            self.host_file(path, &inside).await?;
        }
        self.buffer.extend_from_slice(extra);
        self.buffer.extend_from_slice(&archive::END);
        self.flush().await
    }

    /// The folder and those it lies in, each once.
    async fn folder(&mut self, known: &mut BTreeSet<String>, folder: &str) -> Result<(), UploadError> {
        if known.contains(folder) {
            return Ok(());
        }
        let ends = folder.match_indices('/').map(|(at, _)| at).chain([folder.len()]);
        for part in std::iter::once("").chain(ends.map(|end| &folder[..end])) {
            if known.insert(part.to_owned()) {
                let path = format!("{PREFIX}{part}{}", if part.is_empty() { "" } else { "/" });
                self.entry(&path, Kind::Directory, 0o755).await?;
            }
        }
        Ok(())
    }

    async fn file(&mut self, tree: &dyn SourceTree, file: &TreeFile) -> Result<(), UploadError> {
        let path = format!("{PREFIX}{}", file.path);
        let missing = || {
            UploadError::Source(ExecutorError::Workspace {
                what: format!("reading {}", file.path),
                cause: "its content is not in the clone".to_owned(),
            })
        };
        match file.mode {
            FileMode::Submodule => self.entry(&format!("{path}/"), Kind::Directory, 0o755).await,
            FileMode::Symlink => {
                let target = tree.read(&file.path).ok_or_else(missing)?;
                let target = String::from_utf8_lossy(&target).into_owned();
                self.entry(&path, Kind::Symlink(&target), 0o777).await
            }
            FileMode::Regular | FileMode::Executable => {
                let (size, mut content) = tree.open(&file.path).ok_or_else(missing)?;
                let mode = if file.mode == FileMode::Executable { 0o755 } else { 0o644 };
                self.entry(&path, Kind::File(size), mode).await?;
                self.content(&mut *content, size, file.path.as_str()).await
            }
        }
    }

    async fn host_file(&mut self, from: &Path, path: &str) -> Result<(), UploadError> {
        let fail = |e: std::io::Error| {
            UploadError::Source(ExecutorError::Workspace {
                what: format!("reading {}", from.display()),
                cause: e.to_string(),
            })
        };
        let mut file = std::fs::File::open(from).map_err(fail)?;
        let size = file.metadata().map_err(fail)?.len();
        self.entry(&format!("{PREFIX}{path}"), Kind::File(size), 0o644).await?;
        self.content(&mut file, size, path).await
    }

    async fn entry(&mut self, path: &str, kind: Kind<'_>, mode: u32) -> Result<(), UploadError> {
        let Attributes { owner, mtime } = self.attributes;
        let header = archive::header(&Entry { path, kind, mode, owner, mtime });
        self.buffer.extend_from_slice(&header);
        if self.buffer.len() >= CHUNK { self.flush().await } else { Ok(()) }
    }

    /// Exactly `size` bytes: a file that changes while it is read must not shift everything after it.
    async fn content(
        &mut self,
        from: &mut (dyn Read + Send),
        size: u64,
        name: &str,
    ) -> Result<(), UploadError> {
        let mut left = size;
        while left > 0 {
            let want = CHUNK.min(usize::try_from(left).unwrap_or(CHUNK));
            let start = self.buffer.len();
            self.buffer.resize(start + want, 0);
            let read = from.read(&mut self.buffer[start..]).map_err(|e| {
                UploadError::Source(ExecutorError::Workspace {
                    what: format!("reading {name}"),
                    cause: e.to_string(),
                })
            })?;
            self.buffer.truncate(start + read);
            if read == 0 {
                return Err(UploadError::Source(ExecutorError::Workspace {
                    what: format!("reading {name}"),
                    cause: "it became shorter while it was read".to_owned(),
                }));
            }
            left -= read as u64;
            if self.buffer.len() >= CHUNK {
                self.flush().await?;
            }
        }
        self.buffer.resize(self.buffer.len() + archive::padding(size), 0);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), UploadError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender.send(Ok(chunk)).await.map_err(|_| UploadError::Receiver)
    }
}

/// Lists what disagrees with the last mirrored state, for [`WorkspaceVolume::forget_files`]: tracked files that are missing
/// or a folder, or whose inode changed since the marker. Changes times cannot hide from: `ctime` is the kernel's own.
pub(super) const FIND_CHANGED: &str = r#"
cd /workspace || exit 1
s=/ci-healer/sync
if [ -s $s/deleted ]; then xargs -0 rm -rf -- <$s/deleted || exit 1; fi
: >$s/present || exit 1
xargs -0 sh -c 'for d; do if [ -d "$d" ] || [ -L "$d" ]; then printf "%s\0" "$d"; fi; done' sh <$s/folders >$s/present || exit 1
if [ -s $s/present ]; then
  xargs -0 sh -c 'exec find "$@" -maxdepth 1 ! -type d -cnewer /ci-healer/sync/marker -print0' sh <$s/present || exit 1
fi
exec xargs -0 sh -c 'for f; do if [ ! -L "$f" ] && { [ ! -e "$f" ] || [ -d "$f" ]; }; then printf "%s\0" "$f"; fi; done' sh <$s/files
"#;

/// Takes away the `.git` that steps have had their hands on, all but the packs that no one has touched since the marker,
/// which it lists.
pub(super) const CLEAR_GIT: &str = r#"
cd /workspace || exit 1
kept=/workspace/.git-packs-kept
rm -rf "$kept" || exit 1
for part in .git .git/objects .git/objects/pack; do
  if [ -L $part ] || [ ! -d $part ]; then rm -rf .git; exit; fi
done
mv .git/objects/pack "$kept" && rm -rf .git || exit 1
find "$kept" -mindepth 1 -maxdepth 1 \( ! -type f -o -cnewer /ci-healer/sync/marker \) -exec rm -rf -- {} + || exit 1
mkdir -p .git/objects && mv "$kept" .git/objects/pack && ls .git/objects/pack
"#;

/// Makes the index agree with the files, as a checkout leaves it: some commands believe it without looking. An image
/// without git has no such command.
pub(super) const REFRESH_INDEX: &str = "command -v git >/dev/null 2>&1 || exit 0; exec git -C /workspace -c core.fsmonitor=false update-index -q --refresh";

/// The files that [`FIND_CHANGED`] reads, as archive entries below `/`.
pub(super) fn sync_files(workspace: &WorkspaceVolume, delta: &Delta, synced_at: i128) -> Vec<u8> {
    let mut files = Vec::new();
    let mut folders = BTreeSet::from(["."]);
    for (path, mode) in workspace.tracked() {
        if mode != FileMode::Submodule {
            list(&mut files, path.as_str());
            folders.insert(path.parent());
        }
    }
    let mut folder_list = Vec::new();
    for folder in folders.into_iter().filter(|f| !f.is_empty()) {
        list(&mut folder_list, folder);
    }
    let mut deleted = Vec::new();
    for path in &delta.delete {
        list(&mut deleted, path.as_str());
    }
    let mut out = Vec::new();
    let entry = |path, kind, mtime| Entry { path, kind, mode: 0o755, owner: (0, 0), mtime };
    archive::push(&mut out, &entry("ci-healer/sync/", Kind::Directory, 0), b"");
    for (name, bytes) in [
        ("ci-healer/sync/files", &files),
        ("ci-healer/sync/folders", &folder_list),
        ("ci-healer/sync/deleted", &deleted),
    ] {
        archive::push(&mut out, &entry(name, Kind::File(bytes.len() as u64), 0), bytes);
    }
    archive::push(&mut out, &entry("ci-healer/sync/marker", Kind::File(0), synced_at), b"");
    out
}

fn list(out: &mut Vec<u8>, path: &str) {
    // A name may begin with a dash.
    out.extend_from_slice(b"./");
    out.extend_from_slice(path.as_bytes());
    out.push(0);
}

/// Reads [`FIND_CHANGED`]'s answer.
pub(super) fn changed_paths(output: &[u8]) -> BTreeSet<String> {
    output
        .split(|b| *b == 0)
        .filter(|p| !p.is_empty())
        .map(|p| String::from_utf8_lossy(p).trim_start_matches("./").to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Tree(Vec<TreeFile>);

    impl SourceTree for Tree {
        fn files(&self) -> &[TreeFile] {
            &self.0
        }
        fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
            self.entry(path).map(|f| f.id.clone().into_bytes())
        }
    }

    fn tree(files: &[(&str, FileMode, &str)]) -> Tree {
        let file = |(path, mode, id): &(&str, FileMode, &str)| TreeFile {
            path: RepoPath::new(path).unwrap(),
            mode: *mode,
            id: (*id).to_owned(),
        };
        Tree(files.iter().map(file).collect())
    }

    fn names(files: &[TreeFile]) -> Vec<&str> {
        files.iter().map(|f| f.path.as_str()).collect()
    }

    #[test]
    fn only_differences_are_uploaded() {
        let mut workspace = WorkspaceVolume::new("v".to_owned());
        let first = tree(&[
            ("a", FileMode::Regular, "1"),
            ("b/c", FileMode::Regular, "2"),
            ("d", FileMode::Regular, "3"),
        ]);
        assert_eq!(names(&workspace.delta(&first).upload), ["a", "b/c", "d"]);
        workspace.set_uploaded(&first);
        assert!(workspace.delta(&first).is_empty());

        let second = tree(&[("a", FileMode::Executable, "1"), ("b/c", FileMode::Regular, "4")]);
        let delta = workspace.delta(&second);
        assert_eq!(names(&delta.upload), ["a", "b/c"]);
        assert_eq!(delta.delete, [RepoPath::new("d").unwrap()]);
    }

    #[test]
    fn what_steps_changed_is_uploaded_again() {
        let mut workspace = WorkspaceVolume::new("v".to_owned());
        let files = tree(&[
            ("a", FileMode::Regular, "1"),
            ("b/c", FileMode::Regular, "2"),
            ("b/d", FileMode::Regular, "3"),
        ]);
        workspace.set_uploaded(&files);
        // A changed file, and a folder that became a link.
        workspace.forget_files(&changed_paths(b"./a\0./unknown\0"));
        assert_eq!(names(&workspace.delta(&files).upload), ["a"]);
        workspace.set_uploaded(&files);
        workspace.forget_files(&changed_paths(b"./b\0"));
        assert_eq!(names(&workspace.delta(&files).upload), ["b/c", "b/d"]);
    }

    #[test]
    fn no_two_versions_of_a_file_share_a_second() {
        let mut workspace = WorkspaceVolume::new("v".to_owned());
        let mut stamp = |now: i128| {
            let stamp = workspace.next_mtime(now);
            (workspace.last_mtime, workspace.synced_at) = (Some(stamp), Some(now));
            stamp
        };
        assert_eq!(stamp(10 * SECOND + 7), 10 * SECOND);
        assert_eq!(stamp(10 * SECOND + 20), 11 * SECOND);
        assert_eq!(stamp(10 * SECOND + 30), 12 * SECOND);
        // Later, nothing is rounded: what was built a moment ago must be older.
        assert_eq!(stamp(13 * SECOND + 40), 13 * SECOND + 40);
        assert_eq!(stamp(14 * SECOND), 14 * SECOND);
    }

    #[test]
    fn the_git_folder_is_sent_whole_but_for_packs_that_are_there() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["hooks", "objects/pack"] {
            std::fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        std::fs::write(dir.path().join("HEAD"), "x").unwrap();
        std::fs::write(dir.path().join("objects/pack/pack-1.pack"), "y").unwrap();
        let mut workspace = WorkspaceVolume::new("v".to_owned());
        let mut sent = |untouched: &[&str]| {
            let untouched = untouched.iter().map(|n| (*n).to_owned()).collect();
            let folder = workspace.git_folder(dir.path(), &untouched).unwrap();
            assert!(folder.folders.contains(&PathBuf::from("hooks")));
            folder.files.len()
        };
        assert_eq!(sent(&["pack-1.pack"]), 2, "nothing was sent before");
        assert_eq!(sent(&["pack-1.pack"]), 1);
        assert_eq!(sent(&[]), 2, "someone has touched it");
        std::fs::write(dir.path().join("objects/pack/pack-1.pack"), "yz").unwrap();
        assert_eq!(sent(&["pack-1.pack"]), 2, "it is another");
    }
}
