//! Arguments that several commands share.

use std::path::{Path, PathBuf};

use crate::contract::git::RepoSlug;
use crate::error::ExpectedError;
use crate::git::{self, DEFAULT_GIT_TIMEOUT, Remote};
use crate::scope::Scope;

/// The checkout that `--repo` names; an address is cloned into `dir` first.
pub(super) async fn source(repo: &str, dir: &Path, scope: &Scope) -> Result<PathBuf, ExpectedError> {
    let path = PathBuf::from(repo);
    if path.is_dir() {
        return path
            .canonicalize()
            .map_err(|e| ExpectedError::usage(format!("--repo {repo:?} cannot be opened: {e}")));
    }
    let is_address = repo.contains("://") || repo.starts_with("git@");
    let url = match (is_address, RepoSlug::new(repo)) {
        (true, _) => repo.to_owned(),
        (false, Ok(slug)) if !path.exists() => format!("https://github.com/{slug}.git"),
        _ => {
            return Err(ExpectedError::usage(format!(
                "--repo {repo:?} is not a folder, a git address, or owner/name on GitHub"
            )));
        }
    };
    let target = dir.join("source");
    git::clone(&Remote { url, token: None }, &target, scope, DEFAULT_GIT_TIMEOUT).await.map_err(|e| {
        let error = ExpectedError::environment(format!("--repo {repo:?}: {e}"));
        match e.hint() {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })?;
    Ok(target)
}
