//! The private clone, commits and pushes.
//!
//! Reads the checkout once, never writes to it; never fixes code, never runs builds, and trusts no configuration or
//! hook that came with the checkout. Facts: git's own documentation of its formats and of `push --porcelain`.

mod apply_patch;
mod changes_of;
mod checkout;
mod command;
mod commit;
mod default_branch;
mod directory;
mod error;
mod object_store_copy;
mod origin;
mod other_repository;
mod past_files;
mod push;
mod sample;
mod sandbox_git;
mod store;
mod submodules_and_lfs;
mod working_tree;
mod workspace;
mod worktree_status;

pub use changes_of::Snapshot;
pub use checkout::{apply_to_checkout, has_commit, resolve_commit};
pub use commit::CommitRequest;
pub use default_branch::DefaultBranch;
pub use directory::DirectoryTree;
pub use error::GitError;
pub use origin::origin;
pub use other_repository::archive_of_ref;
pub use push::{DEFAULT_GIT_TIMEOUT, Remote, RemoteHeads, clone, fetch, heads, push};
pub use sample::make_repository;
pub use workspace::{Workspace, WorkspaceOptions};
