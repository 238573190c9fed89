//! Names of git things, checked once at the edge and trusted afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A full object name, 40 (SHA-1) or 64 (SHA-256) lower-case hex digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitSha(String);

impl CommitSha {
    /// Checks that `text` is a full object name.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let lower = text.trim().to_ascii_lowercase();
        let hex = lower.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && (lower.len() == 40 || lower.len() == 64) {
            Ok(Self(lower))
        } else {
            Err(InvalidName::new("commit", text, "40 or 64 hex digits"))
        }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, as people quote commits.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }
}

/// A path inside the repository: relative, `/`-separated, without `.`, `..`, empty parts or control characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(String);

/// `folder` and `path` below it, without `.` and `..`; `None` where that leaves the repository.
///
/// ```
/// use ci_healer::contract::git::join;
///
/// assert_eq!(join("packages/core", "../app/./src").as_deref(), Some("packages/app/src"));
/// assert_eq!(join("packages", "../.."), None);
/// ```
#[must_use]
pub fn join(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')).filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

impl RepoPath {
    /// Accepts `a/b` and `./a/b`; refuses everything that could leave the repository.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        const RULE: &str = "a relative path inside the repository, separated by `/`";
        let path = text.strip_prefix("./").unwrap_or(text);
        let sound = !path.is_empty()
            && !path.contains(['\\', '\0'])
            && !path.chars().any(char::is_control)
            && path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        if sound { Ok(Self(path.to_owned())) } else { Err(InvalidName::new("path", text, RULE)) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder, `""` at the top.
    #[must_use]
    pub fn parent(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(dir, _)| dir)
    }

    /// The file name's extension, without the dot.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.file_name().rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).map(|(_, ext)| ext)
    }
}

/// A branch name as in `refs/heads/<name>`, held against `git check-ref-format`'s rules.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

impl BranchName {
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        const RULE: &str = "a branch name as `git check-ref-format --branch` allows";
        let name = text.strip_prefix("refs/heads/").unwrap_or(text);
        let bad = name.is_empty()
            || name == "@"
            || name == "HEAD"
            || name.len() > 240
            || name.starts_with('-')
            || name.ends_with('.')
            || name.contains("..")
            || name.contains("@{")
            || name.chars().any(|c| c.is_control() || " ~^:?*[\\\u{7f}".contains(c))
            || name.split('/').any(|part| {
                part.is_empty() || part.starts_with('.') || part.to_ascii_lowercase().ends_with(".lock")
            });
        if bad { Err(InvalidName::new("branch", text, RULE)) } else { Ok(Self(name.to_owned())) }
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `refs/heads/<name>`.
    #[must_use]
    pub fn full_ref(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

/// `owner/name` of a repository on GitHub.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoSlug {
    owner: String,
    name: String,
}

impl RepoSlug {
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        let part = |s: &str| {
            !s.is_empty()
                && s != "."
                && s != ".."
                && s.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if part(owner) && part(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(InvalidName::new("repository", text, "owner/name")),
        }
    }

    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for RepoSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

impl fmt::Debug for RepoSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl From<RepoSlug> for String {
    fn from(slug: RepoSlug) -> Self {
        slug.to_string()
    }
}

impl TryFrom<String> for RepoSlug {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(&text)
    }
}

/// A name that breaks its rule: what it is, what it was, what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not {allowed}")]
pub struct InvalidName {
    pub what: &'static str,
    pub value: String,
    pub allowed: &'static str,
}

impl InvalidName {
    fn new(what: &'static str, value: &str, allowed: &'static str) -> Self {
        let value = value.chars().take(200).collect();
        Self { what, value, allowed }
    }
}

macro_rules! text_newtype {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(&text)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    )*};
}
text_newtype!(CommitSha, RepoPath, BranchName);

/// How git records a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// 100644
    Regular,
    /// 100755
    Executable,
    /// 120000: the content is the link's target
    Symlink,
    /// 160000: another repository's commit; has no content here
    Submodule,
}

/// A file of the workspace as the executor mirrors it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeFile {
    pub path: RepoPath,
    pub mode: FileMode,
    /// The blob's object name: equal ids are equal contents, so only changed ones are mirrored again.
    pub id: String,
}

/// Read access to the workspace as it stands: base commit plus the edits kept or on trial.
///
/// The git layer provides it; the executor mirrors from it, the fix agent reads context from it.
pub trait SourceTree: Send + Sync {
    /// Every tracked file, sorted by path.
    fn files(&self) -> &[TreeFile];
    /// A file's bytes (a symlink's target), `None` where no such file is tracked.
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>>;

    /// A regular file's length and content, for files too large to hold; what [`SourceTree::read`] gives, in pieces.
    fn open(&self, path: &RepoPath) -> Option<(u64, Box<dyn std::io::Read + Send + '_>)> {
        let bytes = self.read(path)?;
        Some((bytes.len() as u64, Box::new(std::io::Cursor::new(bytes))))
    }

    /// One tracked file.
    fn entry(&self, path: &RepoPath) -> Option<&TreeFile> {
        let files = self.files();
        files.binary_search_by(|f| f.path.cmp(path)).ok().map(|i| &files[i])
    }

    /// A file as text; `None` where it is missing, a link, or not UTF-8.
    fn read_text(&self, path: &RepoPath) -> Option<String> {
        match self.entry(path)?.mode {
            FileMode::Regular | FileMode::Executable => String::from_utf8(self.read(path)?).ok(),
            FileMode::Symlink | FileMode::Submodule => None,
        }
    }
}

/// Who a commit is by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub name: String,
    pub email: String,
}

impl Identity {
    /// The account GitHub shows for what workflows do.
    #[must_use]
    pub fn github_actions() -> Self {
        Self {
            name: "github-actions[bot]".to_owned(),
            email: "41898282+github-actions[bot]@users.noreply.github.com".to_owned(),
        }
    }
}

/// A commit ready to be published: both publish modes make the same tree of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedCommit {
    pub parent: CommitSha,
    /// The parent's tree.
    pub base_tree: String,
    /// The tree that `base_tree` with `entries` must give.
    pub tree: String,
    /// The commit object in the private clone. A commit made through the API has another name.
    pub commit: CommitSha,
    pub message: String,
    pub author: Identity,
    pub entries: Vec<TreeChange>,
}

/// One changed file of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeChange {
    pub path: RepoPath,
    pub mode: FileMode,
    /// `None`: the file is deleted.
    pub blob: Option<Blob>,
}

/// A file's content and the name git gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub id: String,
    pub bytes: Vec<u8>,
}

/// What is needed of a commit that the clone does not hold (a pull request's head beside its checked-out merge):
/// the trees along the changed paths and the files at their ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteObjects {
    pub commit: CommitSha,
    pub tree: String,
    pub trees: Vec<RemoteTree>,
    pub blobs: Vec<Blob>,
}

/// One directory, as its host listed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteTree {
    pub id: String,
    pub entries: Vec<RemoteEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteEntry {
    /// Six octal digits, as git writes them: `100644`, `040000`, …
    pub mode: String,
    pub name: String,
    pub id: String,
}

/// Where a branch may be moved from. There is no unconditional way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MoveFrom {
    /// The branch must not exist yet.
    Absent,
    /// The branch must stand there, and the new commit must come after it.
    FastForward(CommitSha),
    /// The branch must stand there, at a commit this program made earlier, which the new one takes the place of.
    Replace(CommitSha),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_leave_the_repository_are_refused() {
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", "a\\b", "a\nb", "a/./b"] {
            assert!(RepoPath::new(bad).is_err(), "{bad:?} was accepted");
        }
        for good in ["a", "./a/b.rs", "a b/c", "ümlaut/ß.txt", "..a/b.."] {
            assert!(RepoPath::new(good).is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn branch_names_follow_check_ref_format() {
        for bad in [
            "",
            "-x",
            "a..b",
            "a b",
            "a/.b",
            "x.lock",
            "a/b.lock/c",
            "a@{b",
            "a/",
            "/a",
            "a:b",
            "HEAD",
            "a\nb",
        ] {
            assert!(BranchName::new(bad).is_err(), "{bad:?} was accepted");
        }
        for good in ["heal/main-1234567", "refs/heads/x", "feature/ü", "a.b"] {
            assert!(BranchName::new(good).is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn commits_and_slugs() {
        assert!(CommitSha::new("abc").is_err());
        assert_eq!(CommitSha::new(&"A".repeat(40)).unwrap().short(), "aaaaaaa");
        assert!(RepoSlug::new("a/b/c").is_err());
        assert!(RepoSlug::new("a/..").is_err());
        assert_eq!(RepoSlug::new("o/r.x").unwrap().to_string(), "o/r.x");
    }
}
