//! The `.git` that goes into the sandbox: as CI's checkout would leave it once the fix is pushed.
//!
//! On a branch `HEAD` is a child of the failing commit that holds the tree which runs; of a pull request it is the merge
//! of the same base and the fixed head; with nothing changed it is the failing commit itself. Author and time are those of
//! the failing commit's moment, so that the same tree has the same commit in every execution.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use gix::ObjectId;

use super::commit::{build_tree, entry_kind, write_commit};
use super::error::GitError;
use super::object_store_copy::{self, write};
use super::workspace::{Workspace, object_id};
use crate::contract::build::Checkout;
use crate::contract::fix::FileChange;
use crate::contract::git::{FileMode, Identity, RepoPath, SourceTree as _};

/// What the commit of the fix says in the sandbox. Checks of messages find nothing wrong with it.
const MESSAGE: &str = "fix: heal the failing build\n";
/// What `git init` and a checkout leave, in which the rest is written.
const FOLDERS: [&str; 7] =
    ["objects/pack", "objects/info", "refs/heads", "refs/tags", "hooks", "info", "branches"];

/// What a checkout made of a ref.
enum Head {
    Branch(String),
    /// Of a pull request with this number.
    Merge(String),
    Detached,
}

/// What the tree that runs has other than the base.
type Edits = Vec<(RepoPath, Option<(FileMode, Vec<u8>)>)>;

/// A repository's state, decided; what is left is writing it.
struct State {
    head: ObjectId,
    refs: BTreeMap<String, ObjectId>,
    shallow: Vec<ObjectId>,
}

impl Workspace {
    /// Makes the sandbox's `.git` anew, for the tree as it stands without the edits of `left_out`. The folder is ours and
    /// stays until the next call; `None` where CI had none either. `checkout` is the job's own; without one the clone's
    /// refs and depth are kept.
    pub fn sandbox_git_dir(
        &self,
        checkout: Option<&Checkout>,
        left_out: &[FileChange],
    ) -> Result<Option<PathBuf>, GitError> {
        self.sandbox_git_dir_with(checkout, left_out, &[])
    }

    /// The same with the changes `planted` made upon it.
    pub fn sandbox_git_dir_with(
        &self,
        checkout: Option<&Checkout>,
        left_out: &[FileChange],
        planted: &[FileChange],
    ) -> Result<Option<PathBuf>, GitError> {
        if self.has_synthetic_base() {
            return Ok(None);
        }
        let target = self.git_dir().with_file_name("sandbox-git");
        match fs::remove_dir_all(&target) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(GitError::io(format!("clear {}", target.display()), &e));
            }
            _ => {}
        }
        for folder in FOLDERS {
            let folder = target.join(folder);
            fs::create_dir_all(&folder)
                .map_err(|e| GitError::io(format!("make {}", folder.display()), &e))?;
        }
        let head = self.head_of(checkout);
        let state = self.sandbox_state(&head, checkout, (left_out, planted), &target)?;
        object_store_copy::copy_objects(&self.git_dir().join("objects"), &target.join("objects"))?;
        write_state(&target, &head, &state)?;
        let config = fs::read_to_string(self.git_dir().join("config"))
            .map_err(|e| GitError::io("read the clone's configuration", &e))?;
        let config = config + &checkout_config(&head, checkout);
        write(&target.join("config"), config.as_bytes())?;
        write(
            &target.join("description"),
            b"Unnamed repository; edit this file 'description' to name it.\n",
        )?;
        Ok(Some(target))
    }

    /// What CI had checked out: a branch, a pull request's merge, or a commit.
    fn head_of(&self, checkout: Option<&Checkout>) -> Head {
        let named = checkout.and_then(|c| c.reference.as_deref());
        let Some(named) = named.filter(|n| !n.is_empty()) else {
            return self.branch_name().map_or(Head::Detached, Head::Branch);
        };
        if let Some(number) = named.strip_prefix("refs/pull/").and_then(|rest| rest.strip_suffix("/merge")) {
            return Head::Merge(number.to_owned());
        }
        match named.strip_prefix("refs/heads/") {
            Some(branch) => Head::Branch(branch.to_owned()),
            None if named.starts_with("refs/") || object_id(named).is_ok() => Head::Detached,
            None => Head::Branch(named.to_owned()),
        }
    }

    /// Writes the objects that are new, and the index.
    fn sandbox_state(
        &self,
        head: &Head,
        checkout: Option<&Checkout>,
        (left_out, planted): (&[FileChange], &[FileChange]),
        target: &Path,
    ) -> Result<State, GitError> {
        let is_made = |path: &RepoPath| !left_out.iter().chain(planted).any(|c| c.path == *path);
        let mut edits: Edits = self.edited_files().filter(|(path, _)| is_made(path)).collect();
        edits.extend(planted.iter().map(|change| {
            let mode = self.entry(&change.path).map_or(FileMode::Regular, |file| file.mode);
            (change.path.clone(), change.after.clone().map(|text| (mode, text.into_bytes())))
        }));
        let mut changes: Vec<FileChange> = self.changes().into_iter().filter(|c| is_made(&c.path)).collect();
        changes.extend(planted.iter().cloned());
        let (base, base_tree) = (object_id(self.base().as_str())?, object_id(self.base_tree())?);
        let known_shallow = shallow_of(self.git_dir());
        let selection = Selection::of(head, checkout);
        let is_merge = matches!(head, Head::Merge(_));
        let index = target.join("index");
        self.store.with(move |repo| {
            let tree = edited_tree(repo, base_tree, &edits)?;
            let head =
                if tree == base_tree { base } else { fix_commit(repo, base, tree, is_merge, &changes)? };
            write_index(repo, tree, &index)?;
            let refs = selection.refs(repo, base, head)?;
            let starts = refs.values().copied().chain([head]).filter_map(|id| commit_of(repo, id)).collect();
            let shallow = boundary(repo, starts, selection.depth, &known_shallow);
            Ok(State { head, refs, shallow })
        })
    }
}

/// Which refs and how much history a checkout fetches.
struct Selection {
    /// `None`: all that is there.
    depth: Option<u32>,
    tags: bool,
    branches: bool,
    /// Every ref stays as the clone has it.
    as_cloned: bool,
    /// Those that follow the fix.
    moved: Vec<String>,
    /// A tag that was checked out: it stays where it is.
    tag: Option<String>,
}

impl Selection {
    fn of(head: &Head, checkout: Option<&Checkout>) -> Self {
        let depth = checkout.map(|c| c.fetch_depth).filter(|depth| *depth > 0);
        let reference = checkout.and_then(|c| c.reference.as_deref());
        let moved = match head {
            Head::Branch(branch) if checkout.is_some() => {
                vec![format!("refs/heads/{branch}"), format!("refs/remotes/origin/{branch}")]
            }
            Head::Branch(branch) => vec![format!("refs/heads/{branch}")],
            Head::Merge(number) => vec![format!("refs/remotes/pull/{number}/merge")],
            Head::Detached => Vec::new(),
        };
        Self {
            depth,
            tags: depth.is_none() || checkout.is_some_and(|c| c.fetch_tags),
            branches: depth.is_none(),
            as_cloned: checkout.is_none(),
            moved,
            tag: reference.filter(|r| r.starts_with("refs/tags/")).map(str::to_owned),
        }
    }

    fn refs(
        &self,
        repo: &gix::Repository,
        base: ObjectId,
        head: ObjectId,
    ) -> Result<BTreeMap<String, ObjectId>, GitError> {
        let failed = |e: gix::Error| GitError::repository("list the clone's refs", &e);
        let mut refs = BTreeMap::new();
        let all = repo.references().map_err(failed)?;
        for reference in all.all().map_err(failed)?.filter_map(Result::ok) {
            let Some(id) = reference.try_id().map(gix::Id::detach) else { continue };
            let Ok(name) = std::str::from_utf8(reference.name().as_bstr()) else { continue };
            if self.as_cloned || self.tags && name.starts_with("refs/tags/") {
                refs.insert(name.to_owned(), id);
            } else if self.branches {
                // A clone of the user's own may have branches and no remote.
                if name.starts_with("refs/remotes/origin/") {
                    refs.insert(name.to_owned(), id);
                } else if let Some(branch) = name.strip_prefix("refs/heads/") {
                    refs.entry(format!("refs/remotes/origin/{branch}")).or_insert(id);
                }
            }
            if self.tag.as_deref() == Some(name) {
                refs.insert(name.to_owned(), id);
            }
        }
        if let Some(tag) = &self.tag {
            refs.entry(tag.clone()).or_insert(base);
        }
        refs.extend(self.moved.iter().map(|name| (name.clone(), head)));
        Ok(refs)
    }
}

fn edited_tree(repo: &gix::Repository, base_tree: ObjectId, edits: &Edits) -> Result<ObjectId, GitError> {
    let root = repo.find_tree(base_tree).map_err(|e| GitError::repository("read the base's tree", &e))?;
    let mut editor = root.edit().map_err(|e| GitError::repository("edit the base's tree", &e))?;
    for (path, now) in edits {
        let failed = |e: gix::Error| GitError::repository(format!("change {path}"), &e);
        match now {
            None => {
                editor.remove(path.as_str()).map_err(failed)?;
            }
            Some((mode, bytes)) => {
                let id = repo.write_blob(bytes).map_err(failed)?.detach();
                editor.upsert(path.as_str(), entry_kind(*mode), id).map_err(failed)?;
            }
        }
    }
    editor.write().map(gix::Id::detach).map_err(|e| GitError::repository("write the tree", &e))
}

/// The commit that the fix would be: a child of the failing one, or, of a pull request, the merge of the same base with a
/// child of its head.
fn fix_commit(
    repo: &gix::Repository,
    base: ObjectId,
    tree: ObjectId,
    is_merge: bool,
    changes: &[FileChange],
) -> Result<ObjectId, GitError> {
    let failed = |e: gix::Error| GitError::repository("read the failing commit", &e);
    let commit = repo.find_commit(base).map_err(failed)?;
    let time = commit.time().map_err(failed)?.seconds;
    let time = u64::try_from(time).unwrap_or(0);
    let parents: Vec<ObjectId> = commit.parent_ids().map(gix::Id::detach).collect();
    let author = Identity::github_actions();
    let [into, head] = parents[..] else {
        return write_commit(repo, &author, time, MESSAGE, tree, Some(base));
    };
    if !is_merge {
        return write_commit(repo, &author, time, MESSAGE, tree, Some(base));
    }
    // A shallow checkout has the merge alone; what its parents hold is then seen by nobody.
    let of_head = repo.find_commit(head).ok().and_then(|c| c.tree_id().ok().map(gix::Id::detach));
    let fixed = of_head.and_then(|there| build_tree(repo, there, changes).ok());
    let fixed = fixed.map_or(tree, |(fixed, _)| fixed);
    let fixed = write_commit(repo, &author, time, MESSAGE, fixed, Some(head))?;
    let message = format!("Merge {fixed} into {into}");
    write_commit(repo, &author, time, &message, tree, [into, fixed])
}

/// An index of the tree. What it says of files on the disk is filled in where they are.
fn write_index(repo: &gix::Repository, tree: ObjectId, path: &Path) -> Result<(), GitError> {
    let mut index = repo.index_from_tree(&tree).map_err(|e| GitError::repository("make an index", &e))?;
    for (entry, name) in index.entries_mut_with_paths() {
        let is_there = std::str::from_utf8(name).is_ok_and(|name| RepoPath::new(name).is_ok());
        if !is_there {
            // The sandbox does not have it, which is no change.
            entry.flags.insert(gix::index::entry::Flags::SKIP_WORKTREE | gix::index::entry::Flags::EXTENDED);
        }
    }
    index.set_path(path);
    index
        .write(gix::index::write::Options::default())
        .map_err(|e| GitError::repository("write the index", &e))
}

/// The commit that a ref's object stands for.
fn commit_of(repo: &gix::Repository, id: ObjectId) -> Option<ObjectId> {
    let object = repo.find_object(id).ok()?;
    Some(object.peel_to_kind(gix::object::Kind::Commit).ok()?.id)
}

fn shallow_of(git_dir: &Path) -> HashSet<ObjectId> {
    let text = fs::read_to_string(git_dir.join("shallow")).unwrap_or_default();
    text.lines().filter_map(|line| object_id(line).ok()).collect()
}

/// The commits whose parents a fetch of that depth leaves out, of those that can be reached.
fn boundary(
    repo: &gix::Repository,
    starts: Vec<ObjectId>,
    depth: Option<u32>,
    known: &HashSet<ObjectId>,
) -> Vec<ObjectId> {
    let Some(depth) = depth else {
        let mut kept: Vec<ObjectId> = known.iter().copied().collect();
        kept.sort();
        return kept;
    };
    let mut seen: HashSet<ObjectId> = starts.iter().copied().collect();
    let mut shallow = Vec::new();
    let mut level = starts;
    for at in 1..=depth {
        let mut next = Vec::new();
        for id in level {
            let Ok(commit) = repo.find_commit(id) else { continue };
            let parents: Vec<ObjectId> = commit.parent_ids().map(gix::Id::detach).collect();
            let is_cut = at == depth || known.contains(&id) || parents.iter().any(|p| !repo.has_object(*p));
            if is_cut && !parents.is_empty() {
                shallow.push(id);
            } else {
                next.extend(parents.into_iter().filter(|p| seen.insert(*p)));
            }
        }
        if next.is_empty() {
            break;
        }
        level = next;
    }
    shallow.sort();
    shallow.dedup();
    shallow
}

fn write_state(target: &Path, head: &Head, state: &State) -> Result<(), GitError> {
    let head = match head {
        Head::Branch(branch) => format!("ref: refs/heads/{branch}\n"),
        Head::Merge(_) | Head::Detached => format!("{}\n", state.head),
    };
    write(&target.join("HEAD"), head.as_bytes())?;
    let packed: String = state.refs.iter().map(|(name, id)| format!("{id} {name}\n")).collect();
    if !packed.is_empty() {
        write(&target.join("packed-refs"), format!("# pack-refs with: sorted \n{packed}").as_bytes())?;
    }
    // Some build scripts follow HEAD to the file by themselves.
    for (name, id) in state.refs.iter().filter(|(_, id)| **id == state.head) {
        let path = target.join(name);
        let is_inside = !name.split('/').any(|part| part == ".." || part == ".");
        let folder = path.parent().filter(|_| is_inside);
        if folder.is_some_and(|folder| fs::create_dir_all(folder).is_ok()) {
            write(&path, format!("{id}\n").as_bytes())?;
        }
    }
    if !state.shallow.is_empty() {
        let lines: String = state.shallow.iter().map(|id| format!("{id}\n")).collect();
        write(&target.join("shallow"), lines.as_bytes())?;
    }
    Ok(())
}

/// What `actions/checkout` puts into the repository's configuration, credentials apart.
fn checkout_config(head: &Head, checkout: Option<&Checkout>) -> String {
    let mut config = "\tlogallrefupdates = true\n".to_owned();
    let Some(checkout) = checkout else { return config };
    if let Some(url) = &checkout.remote {
        config.push_str(&format!(
            "[remote \"origin\"]\n\turl = {url}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n"
        ));
    }
    config.push_str("[gc]\n\tauto = 0\n");
    if let Head::Branch(branch) = head
        && checkout.remote.is_some()
        && !branch.contains(['"', '\\', '\n'])
    {
        config
            .push_str(&format!("[branch \"{branch}\"]\n\tremote = origin\n\tmerge = refs/heads/{branch}\n"));
    }
    config
}
