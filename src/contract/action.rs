//! Actions of other repositories: which ones a plan uses, and what has been fetched of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::git::{CommitSha, RepoSlug};

/// Where the sandbox has the actions of other repositories: `<folder>/<owner>/<name>/<commit>`.
pub const ACTIONS_FOLDER: &str = "/ci-healer/actions";

/// How deep composite actions may use others.
pub const MAX_DEPTH: usize = 10;

/// A repository at a ref, as `uses:` names it: `owner/name[/folder]@ref` without the folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionSource {
    /// `owner/name`, in lower case: GitHub does not tell names by it.
    pub repository: String,
    #[serde(rename = "ref")]
    pub reference: String,
}

impl ActionSource {
    /// The source and the folder of the action in it, which is empty at the top; `None` for what names no repository.
    #[must_use]
    pub fn of(uses: &str) -> Option<(Self, String)> {
        let (place, reference) = uses.split_once('@')?;
        let mut parts = place.splitn(3, '/');
        let repository = format!("{}/{}", parts.next()?, parts.next()?).to_ascii_lowercase();
        let folder = parts.next().unwrap_or_default().trim_matches('/').to_owned();
        RepoSlug::new(&repository).ok()?;
        let leaves = folder.split('/').any(|part| part == "..");
        // A ref that git itself would not take leads nowhere.
        let sound = !reference.is_empty()
            && reference.len() <= 250
            && !reference.contains("..")
            && reference.bytes().all(|b| b.is_ascii_graphic() && !b"?#\\^~:*[".contains(&b));
        (sound && !leaves).then(|| (Self { repository, reference: reference.to_owned() }, folder))
    }

    /// Where the sandbox has it.
    #[must_use]
    pub fn folder_at(&self, commit: &CommitSha) -> String {
        format!("{ACTIONS_FOLDER}/{}/{commit}", self.repository)
    }
}

impl std::fmt::Display for ActionSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.repository, self.reference)
    }
}

/// What planning needs of a fetched repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionTree {
    pub commit: CommitSha,
    /// The text of each `action.yml` and `action.yaml`, by its path.
    pub texts: BTreeMap<String, String>,
}

/// What has been fetched so far, or why it could not be.
pub type ActionTrees = BTreeMap<ActionSource, Result<ActionTree, String>>;

/// A repository whose actions a plan runs, or would run once it is fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedAction {
    #[serde(flatten)]
    pub source: ActionSource,
    /// `None`: it is not fetched.
    pub commit: Option<CommitSha>,
    /// Why it could not be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What stands before the name of an image.
pub const IMAGE: &str = "docker://";
/// What stands before the path of a Dockerfile in the sandbox.
pub const DOCKERFILE: &str = "dockerfile:";

/// Variables that say how an action's container is started. They end there: nothing in it sees them.
pub const ENTRYPOINT: &str = "CI_HEALER_ACTION_ENTRYPOINT";
/// The arguments as one text, which is split as a command line is.
pub const ARGUMENTS: &str = "CI_HEALER_ACTION_ARGUMENTS";
/// Each argument by its number.
pub const ARGUMENT: &str = "CI_HEALER_ACTION_ARGUMENT_";

/// When an action's program or container runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionPhase {
    /// Before the job's first step.
    Pre,
    Main,
    /// Behind the job's last step.
    Post,
}

/// A step that runs a program of a JavaScript action, or a container of a Docker action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionStep {
    /// The program, inside the sandbox; `docker://image` or `dockerfile:/path` for a container.
    pub program: String,
    pub phase: ActionPhase,
    /// The same for all programs of one use: they share what they save as state.
    pub instance: usize,
}

impl ActionStep {
    /// The image, where it is a container of one that has a name.
    #[must_use]
    pub fn image(&self) -> Option<&str> {
        self.program.strip_prefix(IMAGE)
    }

    /// The Dockerfile inside the sandbox, where it is a container of what that makes.
    #[must_use]
    pub fn dockerfile(&self) -> Option<&str> {
        self.program.strip_prefix(DOCKERFILE)
    }

    /// It is no program of the sandbox's, but a container beside it.
    #[must_use]
    pub fn is_container(&self) -> bool {
        self.image().is_some() || self.dockerfile().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_name_a_repository_a_folder_and_a_ref() {
        let (source, folder) = ActionSource::of("Owner/Name/a/b@releases/v1").unwrap();
        assert_eq!((source.to_string().as_str(), folder.as_str()), ("owner/name@releases/v1", "a/b"));
        assert_eq!(ActionSource::of("o/n@v1").unwrap().1, "");
        for bad in
            ["o/n", "o@v1", "./x", "o/n@", "o/../n@v1", "o/n/../x@v1", "o/n@a..b", "o/n@a b", "o/n@a?b"]
        {
            assert_eq!(ActionSource::of(bad), None, "{bad}");
        }
    }
}
