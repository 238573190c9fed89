//! The private clone: the commit CI ran plus the edits kept or on trial, all in memory.
//!
//! Made once per run from a checkout and never checked out itself: no hook, filter or configuration of the repository
//! can run on the host. The checkout is only read. Paths that are no text stay in every commit but cannot be edited.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice;
use gix::objs::tree::EntryKind;

use super::error::GitError;
use super::object_store_copy::{self, Format, Layout};
use super::store::Store;
use super::submodules_and_lfs::{SubmodulesAndLfs, mentions_lfs};
use super::working_tree;
use super::worktree_status;
use crate::contract::fix::FileChange;
use crate::contract::git::{
    CommitSha, FileMode, Identity, RemoteObjects, RepoPath, RepoSlug, SourceTree, TreeFile,
};
use crate::scope::Scope;

/// Where the clone comes from and goes to.
#[derive(Debug, Clone)]
pub struct WorkspaceOptions {
    /// The checkout (or a bare repository); only read.
    pub source: PathBuf,
    /// Ours; the clone goes to `workspace/<owner>-<name>/` in it, replacing what a dead run left there.
    pub work_dir: PathBuf,
    pub repository: RepoSlug,
    /// What CI ran; `None` is the checkout's HEAD.
    pub commit: Option<CommitSha>,
    /// Of the checkout's HEAD, the files as they lie there: what is not committed yet counts.
    pub with_working_tree: bool,
}

/// The private clone with its edits.
#[derive(Debug)]
pub struct Workspace {
    pub(super) store: Store,
    pub(super) git_dir: PathBuf,
    base: CommitSha,
    base_tree: String,
    /// The checkout had no repository; the base commit was made of its files.
    synthetic_base: bool,
    /// The base is the working tree, which differs from the commit that is checked out.
    is_uncommitted: bool,
    notes: Vec<String>,
    unreadable_names: usize,
    pub(super) base_files: Vec<TreeFile>,
    files: Vec<TreeFile>,
    edits: BTreeMap<RepoPath, FileEdit>,
    pub(super) external: SubmodulesAndLfs,
    /// Trees of commits that the clone knows only in part.
    pub(super) imported: HashMap<CommitSha, String>,
}

#[derive(Debug, Clone)]
struct FileEdit {
    /// Mode, name and content; `None` where the edit deletes the file.
    now: Option<(FileMode, String, Vec<u8>)>,
}

impl Workspace {
    /// Makes the clone. `scope` bounds this and everything that is read of the clone later.
    pub async fn create(options: WorkspaceOptions, scope: &Scope) -> Result<Self, GitError> {
        let bounds = scope.clone();
        scope.blocking("making the private clone", move || Self::create_blocking(&options, &bounds)).await?
    }

    /// As [`Self::create`], for callers that are not async.
    pub fn create_blocking(options: &WorkspaceOptions, scope: &Scope) -> Result<Self, GitError> {
        let name = format!("{}-{}", options.repository.owner(), options.repository.name());
        let place = options.work_dir.join("workspace").join(name);
        let git_dir = place.join(".git");
        match fs::remove_dir_all(&place) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(GitError::io(format!("clear {}", place.display()), &e));
            }
            _ => {}
        }
        match object_store_copy::locate(&options.source)? {
            Some(layout) => {
                let format = object_store_copy::format(&layout)?;
                let notes = object_store_copy::copy(&layout, format, &git_dir)?;
                Self::of_repository(options, &layout, git_dir, notes, scope)
            }
            None => Self::of_files(options, git_dir, scope),
        }
    }

    fn of_repository(
        options: &WorkspaceOptions,
        layout: &Layout,
        git_dir: PathBuf,
        notes: Vec<String>,
        scope: &Scope,
    ) -> Result<Self, GitError> {
        let store = Store::open(&git_dir, scope)?;
        let wanted = options.commit.clone();
        let source = options.source.clone();
        let (base, base_tree) = store.with(move |repo| {
            let id = match &wanted {
                Some(sha) => object_id(sha.as_str())?,
                None => match repo.head_id() {
                    Ok(id) => id.detach(),
                    Err(_) => return Err(GitError::Empty { path: source }),
                },
            };
            let base = sha(id)?;
            let commit =
                repo.find_commit(id).map_err(|_| GitError::CommitMissing { commit: base.clone() })?;
            let tree = commit.tree_id().map_err(|e| GitError::repository("read the commit", &e))?;
            Ok((base, tree.to_string()))
        })?;
        if options.commit.is_some() {
            object_store_copy::write(&git_dir.join("HEAD"), format!("{base}\n").as_bytes())?;
        }
        let mut notes = notes;
        let own = options.with_working_tree && options.commit.is_none();
        let working = if own { working_tree::commit(&store, layout, (&base, &base_tree))? } else { None };
        let is_uncommitted = working.is_some();
        let (base, base_tree) = match working {
            None => (base, base_tree),
            Some(working) => {
                notes.push(format!(
                    "{} files of the working tree differ from commit {} ({} among them); the working tree is what counts, and \
                     nothing of it is pushed",
                    working.differ,
                    base.short(),
                    working.first
                ));
                object_store_copy::write(&git_dir.join("HEAD"), format!("{}\n", working.commit).as_bytes())?;
                (working.commit, working.tree)
            }
        };
        let external = SubmodulesAndLfs::new(scope);
        let mut workspace = Self::with_base(store, external, git_dir, base, base_tree, notes)?;
        workspace.is_uncommitted = is_uncommitted;
        workspace.restore_missing(layout.worktree.as_deref())?;
        if let Some(worktree) = &layout.worktree {
            workspace.read_submodules_and_lfs(worktree, &options.work_dir);
            let changed =
                worktree_status::changed(&layout.git_dir.join("index"), worktree, &workspace.base_files);
            if let Some(first) = changed.first().filter(|_| !own) {
                workspace.notes.push(format!(
                    "{} tracked files of the checkout differ from the commit ({first} among them); the commit is what counts",
                    changed.len()
                ));
            }
        }
        if workspace.unreadable_names > 0 {
            workspace.notes.push(format!(
                "{} files have names that are not plain text; they stay in every commit but are not in the sandbox",
                workspace.unreadable_names
            ));
        }
        Ok(workspace)
    }

    /// A checkout without a repository: what git would track of it becomes the base.
    fn of_files(options: &WorkspaceOptions, git_dir: PathBuf, scope: &Scope) -> Result<Self, GitError> {
        object_store_copy::skeleton(&git_dir, Format::Sha1)?;
        let store = Store::open(&git_dir, scope)?;
        let root = options.source.clone();
        let (base, base_tree) = store.with(move |repo| {
            let mut editor = repo
                .edit_tree(gix::ObjectId::empty_tree(repo.object_hash()))
                .map_err(|e| GitError::repository("start a tree", &e))?;
            let mut found = false;
            for (path, kind, bytes) in super::worktree_status::walk(&root) {
                let id = repo.write_blob(bytes).map_err(|e| GitError::repository("write a file", &e))?;
                editor
                    .upsert(path.as_str(), kind, id.detach())
                    .map_err(|e| GitError::repository(format!("add {path}"), &e))?;
                found = true;
            }
            if !found {
                return Err(GitError::Empty { path: root });
            }
            let tree = editor.write().map_err(|e| GitError::repository("write the tree", &e))?.detach();
            let who = Identity::github_actions();
            let id = super::commit::write_commit(repo, &who, 0, "checkout without history", tree, None)?;
            Ok((sha(id)?, tree.to_string()))
        })?;
        let note = "the checkout has no .git; its files stand for the commit".to_owned();
        let external = SubmodulesAndLfs::new(scope);
        let made = Self::with_base(store, external, git_dir, base, base_tree, vec![note])?;
        Ok(Self { synthetic_base: true, ..made })
    }

    pub(super) fn with_base(
        store: Store,
        external: SubmodulesAndLfs,
        git_dir: PathBuf,
        base: CommitSha,
        base_tree: String,
        notes: Vec<String>,
    ) -> Result<Self, GitError> {
        let tree = object_id(&base_tree)?;
        let (base_files, unreadable_names) = store.with(move |repo| list_files(repo, tree))?;
        Ok(Self {
            store,
            git_dir,
            base,
            base_tree,
            synthetic_base: false,
            is_uncommitted: false,
            notes,
            unreadable_names,
            files: base_files.clone(),
            base_files,
            edits: BTreeMap::new(),
            external,
            imported: HashMap::new(),
        })
    }

    /// Fetches what a partial clone left out from the files of the checkout, where those are still the same.
    pub(super) fn restore_missing(&self, worktree: Option<&Path>) -> Result<(), GitError> {
        let wanted: Vec<(RepoPath, String)> = self
            .base_files
            .iter()
            .filter(|f| f.mode != FileMode::Submodule)
            .map(|f| (f.path.clone(), f.id.clone()))
            .collect();
        let worktree = worktree.map(Path::to_owned);
        let lacking = self.store.with(move |repo| {
            let mut lacking = Vec::new();
            for (path, id) in wanted {
                let id = object_id(&id)?;
                if repo.has_object(id) {
                    continue;
                }
                let here = worktree.as_deref().and_then(|root| worktree_status::content(root, &path));
                let restored = here.and_then(|bytes| repo.write_blob(bytes).ok());
                if restored.is_none_or(|found| found.detach() != id) {
                    lacking.push(path.to_string());
                }
            }
            Ok(lacking)
        })?;
        match lacking.first() {
            None => Ok(()),
            Some(first) => Err(GitError::ObjectsMissing {
                commit: self.base.clone(),
                missing: lacking.len(),
                first: first.clone(),
            }),
        }
    }

    /// Takes up submodules and files kept in LFS, as far as the checkout has them.
    fn read_submodules_and_lfs(&mut self, worktree: &Path, work_dir: &Path) {
        let place = self.git_dir.parent().unwrap_or(work_dir);
        self.external.add_submodules(&self.base_files, worktree, place, &mut self.notes);
        let attributes = self.base_files.iter().filter(|f| f.path.file_name() == ".gitattributes");
        if attributes.filter_map(|f| self.read_object(&f.id)).any(|text| mentions_lfs(&text)) {
            self.external.use_lfs(worktree);
        }
        self.rebuild();
    }

    /// Reads, imports and commits end with `scope` from now on: publishing has a grace of its own.
    pub fn set_scope(&mut self, scope: &Scope) {
        self.store.set_scope(scope);
        self.external.set_scope(scope);
    }

    /// The commit that CI ran.
    #[must_use]
    pub fn base(&self) -> &CommitSha {
        &self.base
    }

    /// Its tree's object name.
    /// When the failing commit was made, in seconds since 1970.
    #[must_use]
    pub fn base_time(&self) -> Option<i64> {
        let id = object_id(self.base.as_str()).ok()?;
        let failed = |e: gix::Error| GitError::repository("read the failing commit", &e);
        self.store
            .with(move |repo| Ok(repo.find_commit(id).map_err(failed)?.time().map_err(failed)?.seconds))
            .ok()
    }

    #[must_use]
    pub fn base_tree(&self) -> &str {
        &self.base_tree
    }

    /// The branch that was checked out, if one was.
    #[must_use]
    pub fn branch_name(&self) -> Option<String> {
        let head = fs::read_to_string(self.git_dir.join("HEAD")).ok()?;
        head.trim().strip_prefix("ref: refs/heads/").map(str::to_owned)
    }

    /// The checkout had no repository: `base` exists nowhere else, and commits need a parent named by the caller.
    #[must_use]
    pub fn has_synthetic_base(&self) -> bool {
        self.synthetic_base
    }

    /// The base is a working tree with changes that are in no commit: it exists nowhere else, and nothing goes out upon it.
    #[must_use]
    pub fn is_uncommitted(&self) -> bool {
        self.is_uncommitted
    }

    /// What people should know about the clone.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The clone's `.git`, the place git children work in.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// True when the clone knows the commit well enough to build on it.
    pub fn has_commit(&self, commit: &CommitSha) -> bool {
        if self.imported.contains_key(commit) {
            return true;
        }
        let Ok(id) = object_id(commit.as_str()) else { return false };
        self.store
            .with(move |repo| {
                let tree = repo.find_commit(id).ok().and_then(|c| c.tree_id().ok().map(gix::Id::detach));
                Ok(tree.is_some_and(|tree| repo.has_object(tree)))
            })
            .unwrap_or(false)
    }

    /// Takes in part of a commit that another place holds, after checking that the parts are what they claim.
    pub fn import(&mut self, objects: RemoteObjects) -> Result<(), GitError> {
        let commit = objects.commit.clone();
        let root = objects.tree.clone();
        self.store.with(move |repo| super::commit::import(repo, &objects))?;
        self.imported.insert(commit, root);
        Ok(())
    }

    /// Puts changes on top, all or none. Each must start from what the file holds now.
    pub fn apply(&mut self, changes: &[FileChange]) -> Result<(), GitError> {
        let mut staged = Vec::with_capacity(changes.len());
        for change in changes {
            super::commit::check_path(&change.path)?;
            if self.external.is_submodules(&change.path) {
                return Err(does_not_apply(&change.path, "it belongs to a submodule".to_owned()));
            }
            let entry = self.entry(&change.path);
            let mode = match entry.map(|e| e.mode) {
                Some(mode @ (FileMode::Symlink | FileMode::Submodule)) => {
                    return Err(does_not_apply(&change.path, format!("it is a {mode:?}").to_lowercase()));
                }
                Some(mode) => mode,
                // A file whose content was deleted by an earlier edit keeps the mode it had.
                None => self.base_mode(&change.path),
            };
            let now = entry.is_some().then(|| self.read(&change.path)).flatten();
            if now.as_deref() != change.before.as_deref().map(str::as_bytes) {
                let why = match (&now, &change.before) {
                    (Some(_), None) => "it already exists",
                    (None, Some(_)) => "it does not exist",
                    _ => "its content is another",
                };
                return Err(does_not_apply(&change.path, why.to_owned()));
            }
            staged.push((change.path.clone(), mode, change.after.clone()));
        }
        for (path, mode, after) in staged {
            let now = match after {
                None => None,
                Some(text) => {
                    let bytes = text.into_bytes();
                    let id = self.hash(bytes.clone())?;
                    Some((mode, id, bytes))
                }
            };
            let base = self.base_entry(&path);
            let same = match (&now, base) {
                (None, None) => true,
                (Some((mode, id, _)), Some(base)) => *mode == base.mode && *id == base.id,
                _ => false,
            };
            if same {
                self.edits.remove(&path);
            } else {
                self.edits.insert(path, FileEdit { now });
            }
        }
        self.rebuild();
        Ok(())
    }

    /// Takes changes back, last first; each must end at what the file holds now.
    pub fn revert(&mut self, changes: &[FileChange]) -> Result<(), GitError> {
        let inverse: Vec<FileChange> = changes
            .iter()
            .rev()
            .map(|c| FileChange { path: c.path.clone(), before: c.after.clone(), after: c.before.clone() })
            .collect();
        self.apply(&inverse)
    }

    /// Everything that differs from the base, as text, sorted by path.
    #[must_use]
    pub fn changes(&self) -> Vec<FileChange> {
        self.edits
            .iter()
            .map(|(path, edited)| FileChange {
                path: path.clone(),
                before: self.base_text(path),
                after: edited.now.as_ref().map(|(_, _, b)| String::from_utf8_lossy(b).into_owned()),
            })
            .collect()
    }

    /// The edits as git records them; `None` where the file is deleted.
    pub(super) fn edited_files(&self) -> impl Iterator<Item = (RepoPath, Option<(FileMode, Vec<u8>)>)> {
        self.edits.iter().map(|(path, edit)| {
            (path.clone(), edit.now.as_ref().map(|(mode, _, bytes)| (*mode, bytes.clone())))
        })
    }

    /// A file as the base has it; `None` where it has none, or not as text.
    #[must_use]
    pub fn base_text(&self, path: &RepoPath) -> Option<String> {
        String::from_utf8(self.read_object(&self.base_entry(path)?.id)?).ok()
    }

    fn base_entry(&self, path: &RepoPath) -> Option<&TreeFile> {
        let at = self.base_files.binary_search_by(|f| f.path.cmp(path)).ok()?;
        self.base_files.get(at)
    }

    fn base_mode(&self, path: &RepoPath) -> FileMode {
        self.base_entry(path).map_or(FileMode::Regular, |f| f.mode)
    }

    fn hash(&self, bytes: Vec<u8>) -> Result<String, GitError> {
        self.store.with(move |repo| {
            gix::objs::compute_hash(repo.object_hash(), gix::objs::Kind::Blob, &bytes)
                .map(|id| id.to_string())
                .map_err(|e| GitError::repository("name a file", &e))
        })
    }

    fn read_object(&self, id: &str) -> Option<Vec<u8>> {
        let id = object_id(id).ok()?;
        self.store
            .with(move |repo| {
                repo.find_object(id)
                    .map(|o| o.detach().data)
                    .map_err(|e| GitError::repository("read a file", &e))
            })
            .ok()
    }

    pub(super) fn rebuild(&mut self) {
        let mut files: Vec<TreeFile> =
            self.base_files.iter().filter(|f| !self.edits.contains_key(&f.path)).cloned().collect();
        files.extend(self.edits.iter().filter_map(|(path, edited)| {
            let (mode, id, _) = edited.now.as_ref()?;
            Some(TreeFile { path: path.clone(), mode: *mode, id: id.clone() })
        }));
        files.extend(self.external.files.iter().cloned());
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.files = files;
    }
}

impl SourceTree for Workspace {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }

    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        if let Some(edited) = self.edits.get(path) {
            return edited.now.as_ref().map(|(_, _, bytes)| bytes.clone());
        }
        let entry = self.entry(path)?;
        match entry.mode {
            FileMode::Submodule => None,
            _ if self.external.is_submodules(path) => self.external.read(path),
            FileMode::Regular | FileMode::Executable | FileMode::Symlink => {
                let content = self.read_object(&entry.id)?;
                Some(self.external.lfs_content(&self.store, path, &content).ok()?.unwrap_or(content))
            }
        }
    }

    /// Files behind Git LFS pointers, which are the large ones, are streamed from the checkout. Blobs are held whole: the
    /// git library has no other way to give them.
    fn open(&self, path: &RepoPath) -> Option<(u64, Box<dyn std::io::Read + Send + '_>)> {
        let entry = self.entry(path)?;
        let bytes = if self.edits.contains_key(path) || self.external.is_submodules(path) {
            self.read(path)?
        } else {
            let content = self.read_object(&entry.id)?;
            if let Some((size, file)) = self.external.open_lfs(&self.store, path, &content).ok()? {
                return Some((size, Box::new(file)));
            }
            content
        };
        Some((bytes.len() as u64, Box::new(std::io::Cursor::new(bytes))))
    }
}

fn does_not_apply(path: &RepoPath, why: String) -> GitError {
    GitError::DoesNotApply { path: path.clone(), why }
}

/// Files of a tree, and how many more have names we do not handle.
pub(super) fn list_files(
    repo: &gix::Repository,
    tree: gix::ObjectId,
) -> Result<(Vec<TreeFile>, usize), GitError> {
    let failed = |e: gix::Error| GitError::repository("list the commit's files", &e);
    let records = repo.find_tree(tree).map_err(failed)?.traverse().breadthfirst.files().map_err(failed)?;
    let mut unreadable_names = 0;
    let mut files = Vec::with_capacity(records.len());
    for record in records {
        let Some(mode) = file_mode(record.mode.kind()) else { continue };
        match record.filepath.to_str().ok().and_then(|p| RepoPath::new(p).ok()) {
            Some(path) => files.push(TreeFile { path, mode, id: record.oid.to_string() }),
            None => unreadable_names += 1,
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, unreadable_names))
}

fn file_mode(kind: EntryKind) -> Option<FileMode> {
    match kind {
        EntryKind::Tree => None,
        EntryKind::Blob => Some(FileMode::Regular),
        EntryKind::BlobExecutable => Some(FileMode::Executable),
        EntryKind::Link => Some(FileMode::Symlink),
        EntryKind::Commit => Some(FileMode::Submodule),
    }
}

pub(super) fn object_id(hex: &str) -> Result<gix::ObjectId, GitError> {
    gix::ObjectId::from_hex(hex.as_bytes())
        .map_err(|e| GitError::repository(format!("read object name {hex}"), &e))
}

pub(super) fn sha(id: gix::ObjectId) -> Result<CommitSha, GitError> {
    CommitSha::new(&id.to_string()).map_err(|e| GitError::repository("read a commit's name", &e))
}
