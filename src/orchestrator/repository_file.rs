//! What the repository itself says of its runs: `.github/ci-healer.yml` and the files that its guidance names. Always those
//! of the default branch: what a pull request adds or changes there counts once it is merged.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::outcome_from::{api_outcome, expected_outcome, git_outcome};
use super::setup::{ca_bundle, github_client};
use crate::config::{Config, Flags, MOST_BYTES, REPOSITORY_FILE, RepositoryFile};
use crate::contract::git::{RepoPath, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::error::ExpectedError;
use crate::git::DefaultBranch;
use crate::github::{self, Client, DefaultBranchAt};
use crate::scope::Scope;

/// How long reading it may take.
const TIME: Duration = Duration::from_secs(120);
/// Files that guidance may name.
const MOST_FILES: usize = 10;
/// Bytes read of each.
const MOST_OF_A_FILE: usize = 16 * 1024;

/// Why there is no configuration with what the file says.
#[derive(Debug)]
pub enum Unread {
    /// What it says is wrong.
    Wrong(ExpectedError),
    /// It cannot be had, and it may hold what limits us.
    NotHad(Outcome),
}

/// Where the default branch is read.
#[expect(clippy::large_enum_variant, reason = "there is one in a run")]
enum Place {
    /// In a workflow run the checkout is of the failing commit, and whatever ran before us may have changed it.
    GitHub(Client, RepoSlug, DefaultBranchAt),
    Clone(DefaultBranch),
}

impl Place {
    async fn read(&self, path: &RepoPath, scope: &Scope) -> Result<Option<Vec<u8>>, Outcome> {
        match self {
            Self::GitHub(client, slug, at) => at.read(client, slug, path).await.map_err(|e| api_outcome(&e)),
            Self::Clone(branch) => {
                branch.read(path, MOST_BYTES + 1, scope).await.map_err(|e| git_outcome(&e))
            }
        }
    }
}

/// The configuration with what the default branch's file says beneath the inputs.
pub async fn with_repository_file(
    config: Config,
    flags: &Flags,
    variables: &BTreeMap<String, String>,
    source: &Path,
    scope: &Scope,
) -> Result<Config, Unread> {
    let scope = scope.with_time_budget(Instant::now() + config.time_budget).child(TIME);
    let Some(path) = RepoPath::new(REPOSITORY_FILE).ok() else { return Ok(config) };
    let wants_files = files_of(&config.guidance).next().is_some();
    let place = place(&config, &path, wants_files, source, &scope).await.map_err(Unread::NotHad)?;
    let Some(place) = place else {
        return if wants_files { Err(Unread::Wrong(no_branch(&config.guidance))) } else { Ok(config) };
    };
    let text = place.read(&path, &scope).await.map_err(Unread::NotHad)?;
    let mut config = match text {
        None => config,
        Some(bytes) => {
            let file = RepositoryFile::parse(&String::from_utf8_lossy(&bytes)).map_err(Unread::Wrong)?;
            Config::load_with(flags, variables, &file).map_err(Unread::Wrong)?
        }
    };
    config.guidance = guidance(&config.guidance, &place, &scope).await?;
    Ok(config)
}

/// Where to read; `None` where there is no file, or nobody to ask.
async fn place(
    config: &Config,
    path: &RepoPath,
    wants_files: bool,
    source: &Path,
    scope: &Scope,
) -> Result<Option<Place>, Outcome> {
    let facts = &config.workflow_run;
    let named = config.run.as_ref().and_then(|run| run.repository.clone());
    let Some(slug) = facts.repository.clone().filter(|_| facts.is_active).or(named) else {
        return Ok(Some(Place::Clone(DefaultBranch::of(source))));
    };
    let ca = ca_bundle(config)?;
    let mut asking = config.clone();
    asking.workflow_run.repository = Some(slug.clone());
    let Some(client) = github_client(&asking, ca.as_deref(), scope)? else { return Ok(None) };
    let slug = &slug;
    let failed = |e: github::ApiError| api_outcome(&e);
    if !wants_files && !github::default_branch_has(&client, slug, path).await.map_err(failed)? {
        return Ok(None);
    }
    let at = github::default_branch(&client, slug).await.map_err(failed)?;
    Ok(at.map(|at| Place::GitHub(client, slug.clone(), at)))
}

/// The files that guidance names.
fn files_of(guidance: &str) -> impl Iterator<Item = &str> {
    guidance.lines().filter_map(|line| line.trim().strip_prefix('@'))
}

fn no_branch(guidance: &str) -> ExpectedError {
    let file = files_of(guidance).next().unwrap_or_default();
    ExpectedError::usage(format!("guidance: {file:?} is a file of the default branch, which cannot be read"))
        .hint("give a github-token that may read the repository, or write the text itself")
}

/// Guidance with its files' text in place of their names.
async fn guidance(written: &str, place: &Place, scope: &Scope) -> Result<String, Unread> {
    let wrong =
        |file: &str, why: &str| {
            Unread::Wrong(ExpectedError::usage(format!("guidance: {file:?} {why}")).hint(
                "name plain files of the default branch, as paths in the repository: no links, no folders",
            ))
        };
    let mut text = String::new();
    let mut files = 0;
    for line in written.lines() {
        let Some(file) = line.trim().strip_prefix('@') else {
            text.push_str(line);
            text.push('\n');
            continue;
        };
        files += 1;
        if files > MOST_FILES {
            return Err(wrong(file, &format!("is one too many: at most {MOST_FILES} files are read")));
        }
        let path = RepoPath::new(file).map_err(|_| wrong(file, "is no path in the repository"))?;
        let content = place.read(&path, scope).await.map_err(Unread::NotHad)?;
        let mut content = content.ok_or_else(|| wrong(file, "is no plain file of the default branch"))?;
        content.truncate(MOST_OF_A_FILE);
        text.push_str(&format!("{file}:\n{}\n", String::from_utf8_lossy(&content).trim()));
    }
    Ok(text)
}

impl From<Unread> for Outcome {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Wrong(error) => expected_outcome(&error),
            Unread::NotHad(outcome) => outcome,
        }
    }
}
