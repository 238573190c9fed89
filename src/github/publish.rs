//! Publishes commits through the Git Data API: blobs → tree on the parent's tree → commit → branch, each checked against
//! what was proven; and starts workflows by dispatch.
//!
//! A branch is made or moved by compare-and-swap. The default branch is never touched.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Client, Repeat};
use super::dto;
use super::error::ApiError;
use crate::contract::git::{
    Blob, BranchName, CommitSha, FileMode, Identity, MoveFrom, PreparedCommit, RemoteEntry, RemoteObjects,
    RemoteTree, RepoPath, RepoSlug,
};

/// Reads the parts of `commit` that changes to `paths` need: the directories on the way and the files.
pub async fn remote_objects(
    client: &Client,
    repo: &RepoSlug,
    commit: &CommitSha,
    paths: &[RepoPath],
) -> Result<RemoteObjects, ApiError> {
    let head: dto::Commit = client.get(&format!("/repos/{repo}/git/commits/{commit}")).await?;
    let mut objects = RemoteObjects {
        commit: commit.clone(),
        tree: head.tree.sha.clone(),
        trees: Vec::new(),
        blobs: Vec::new(),
    };
    let mut known = BTreeSet::new();
    for path in paths {
        let mut here = head.tree.sha.clone();
        let mut parts = path.as_str().split('/').peekable();
        while let Some(part) = parts.next() {
            if known.insert(here.clone()) {
                objects.trees.push(directory(client, repo, &here).await?);
            }
            let entry = objects
                .trees
                .iter()
                .find(|t| t.id == here)
                .and_then(|t| t.entries.iter().find(|e| e.name == part))
                .cloned();
            match entry {
                Some(entry) if parts.peek().is_some() && is_tree(&entry.mode) => here = entry.id,
                Some(entry) if parts.peek().is_none() && !is_tree(&entry.mode) && entry.mode != "160000" => {
                    if known.insert(entry.id.clone()) {
                        objects.blobs.push(blob(client, repo, entry.id).await?);
                    }
                }
                // New here, or something else than a file: the git layer says what follows from it.
                _ => break,
            }
        }
    }
    Ok(objects)
}

/// Reads all of `commit` that is not here yet (`is_here`, by object name). `None` where that is too much: each directory
/// and each file is one request.
pub async fn missing_objects(
    client: &Client,
    repo: &RepoSlug,
    commit: &CommitSha,
    is_here: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Option<RemoteObjects>, ApiError> {
    const MOST_REQUESTS: usize = 200;
    const MOST_BYTES: usize = 64 << 20;
    let head: dto::Commit = client.get(&format!("/repos/{repo}/git/commits/{commit}")).await?;
    let (commit, tree) = (commit.clone(), head.tree.sha.clone());
    let mut objects = RemoteObjects { commit, tree, trees: Vec::new(), blobs: Vec::new() };
    let (mut open, mut bytes) = (vec![(head.tree.sha, true)], 0);
    let mut known = BTreeSet::new();
    while let Some((id, is_directory)) = open.pop() {
        if is_here(&id) || !known.insert(id.clone()) {
            continue;
        }
        if known.len() > MOST_REQUESTS || bytes > MOST_BYTES {
            return Ok(None);
        }
        if !is_directory {
            let blob = blob(client, repo, id).await?;
            bytes += blob.bytes.len();
            objects.blobs.push(blob);
            continue;
        }
        let tree = directory(client, repo, &id).await?;
        let inside = tree.entries.iter().filter(|entry| entry.mode != "160000");
        open.extend(inside.map(|entry| (entry.id.clone(), is_tree(&entry.mode))));
        objects.trees.push(tree);
    }
    Ok(Some(objects))
}

async fn directory(client: &Client, repo: &RepoSlug, id: &str) -> Result<RemoteTree, ApiError> {
    let path = format!("/repos/{repo}/git/trees/{id}");
    let tree: dto::Tree = client.get(&path).await?;
    if tree.truncated {
        let why = "the directory is too large".to_owned();
        return Err(ApiError::Unreadable { call: format!("GET {path}"), why });
    }
    let entries = tree.tree.into_iter().map(|e| RemoteEntry { mode: e.mode, name: e.path, id: e.sha });
    Ok(RemoteTree { id: tree.sha, entries: entries.collect() })
}

fn is_tree(mode: &str) -> bool {
    mode.trim_start_matches('0') == "40000"
}

async fn blob(client: &Client, repo: &RepoSlug, id: String) -> Result<Blob, ApiError> {
    let path = format!("/repos/{repo}/git/blobs/{id}");
    let blob: dto::BlobContent = client.get(&path).await?;
    let text: String = blob.content.split_whitespace().collect();
    let bytes = BASE64_STANDARD
        .decode(text)
        .map_err(|e| ApiError::Unreadable { call: format!("GET {path}"), why: e.to_string() })?;
    Ok(Blob { id, bytes })
}

/// Where a branch stands; `None` where there is none.
pub async fn branch_head(
    client: &Client,
    repo: &RepoSlug,
    branch: &BranchName,
) -> Result<Option<CommitSha>, ApiError> {
    let path = format!("/repos/{repo}/git/ref/heads/{}", encode(branch.as_str()));
    match client.get::<dto::Reference>(&path).await {
        Ok(reference) => read_sha(&reference.object.sha, &path).map(Some),
        Err(ApiError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the commits on GitHub and moves `branch` to the last. Returns its name there.
pub async fn publish(
    client: &Client,
    repo: &RepoSlug,
    default_branch: &BranchName,
    branch: &BranchName,
    from: &MoveFrom,
    commits: &[PreparedCommit],
) -> Result<CommitSha, ApiError> {
    let refuse = |why: &str| ApiError::OtherTree { why: why.to_owned() };
    if branch == default_branch {
        return Err(ApiError::DefaultBranch { branch: branch.to_string() });
    }
    let Some(first) = commits.first() else { return Err(refuse("there is no commit")) };
    let moved = |at: Option<&CommitSha>| ApiError::Moved {
        branch: branch.to_string(),
        why: at.map_or("it is gone".to_owned(), |at| format!("it stands at {at}")),
    };
    // Looked at before anything is written, so that a lost race leaves no litter.
    let current = branch_head(client, repo, branch).await?;
    match (from, &current) {
        (MoveFrom::Absent, None) => {}
        (MoveFrom::Absent, Some(at)) if is_already_published(client, repo, at, commits).await? => {
            return Ok(at.clone());
        }
        (MoveFrom::FastForward(old), Some(at)) if old == at && first.parent == *old => {}
        (MoveFrom::Replace(old), Some(at)) if old == at => {}
        (_, at) => return Err(moved(at.as_ref())),
    }
    let mut parent = first.parent.clone();
    for commit in commits {
        parent = make_commit(client, repo, &parent, commit).await?;
    }
    let full = branch.full_ref();
    match from {
        MoveFrom::Absent => {
            let body = json!({"ref": full, "sha": parent});
            let path = format!("/repos/{repo}/git/refs");
            match client.create::<dto::Reference>(Method::POST, &path, &body, Repeat::Yes).await {
                Ok(_) => {}
                // Made by our own lost try, or by someone else at this moment.
                Err(ApiError::Invalid { .. }) => {
                    let at = branch_head(client, repo, branch).await?;
                    if at.as_ref() != Some(&parent) {
                        return Err(moved(at.as_ref()));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        MoveFrom::FastForward(_) => {
            let path = format!("/repos/{repo}/git/refs/heads/{}", encode(branch.as_str()));
            let body = json!({"sha": parent, "force": false});
            match client.create::<dto::Reference>(Method::PATCH, &path, &body, Repeat::Yes).await {
                Ok(_) => {}
                // Not a fast-forward any more.
                Err(ApiError::Invalid { status: 422 | 409, .. }) => {
                    return Err(moved(branch_head(client, repo, branch).await?.as_ref()));
                }
                Err(error) => return Err(error),
            }
        }
        MoveFrom::Replace(old) => replace(client, repo, branch, old, &parent).await?,
    }
    Ok(parent)
}

/// Is what stands there already the last of these commits, from an earlier try? Then there is nothing to do.
async fn is_already_published(
    client: &Client,
    repo: &RepoSlug,
    at: &CommitSha,
    commits: &[PreparedCommit],
) -> Result<bool, ApiError> {
    let Some(last) = commits.last() else { return Ok(false) };
    Ok(commit_tree(client, repo, at).await? == last.tree)
}

/// The message of a commit.
pub async fn commit_message(client: &Client, repo: &RepoSlug, at: &CommitSha) -> Result<String, ApiError> {
    let commit: dto::Commit = client.get(&format!("/repos/{repo}/git/commits/{at}")).await?;
    Ok(commit.message)
}

/// The tree of a commit.
pub async fn commit_tree(client: &Client, repo: &RepoSlug, at: &CommitSha) -> Result<String, ApiError> {
    let commit: dto::Commit = client.get(&format!("/repos/{repo}/git/commits/{at}")).await?;
    Ok(commit.tree.sha)
}

async fn make_commit(
    client: &Client,
    repo: &RepoSlug,
    parent: &CommitSha,
    commit: &PreparedCommit,
) -> Result<CommitSha, ApiError> {
    let mut entries = Vec::with_capacity(commit.entries.len());
    for entry in &commit.entries {
        let sha = match &entry.blob {
            None => Value::Null,
            Some(blob) => {
                let body = json!({"content": BASE64_STANDARD.encode(&blob.bytes), "encoding": "base64"});
                let path = format!("/repos/{repo}/git/blobs");
                let made: dto::Object = client.create(Method::POST, &path, &body, Repeat::Yes).await?;
                if made.sha != blob.id {
                    let why = format!("{} became object {}, not {}", entry.path, made.sha, blob.id);
                    return Err(ApiError::OtherTree { why });
                }
                Value::String(made.sha)
            }
        };
        entries.push(json!({"path": entry.path, "mode": mode(entry.mode), "type": "blob", "sha": sha}));
    }
    let body = json!({"base_tree": commit.base_tree, "tree": entries});
    let made: dto::Object =
        client.create(Method::POST, &format!("/repos/{repo}/git/trees"), &body, Repeat::Yes).await?;
    if made.sha != commit.tree {
        let why = format!("the tree became {}, not {}", made.sha, commit.tree);
        return Err(ApiError::OtherTree { why });
    }
    let mut body = json!({"message": commit.message, "tree": made.sha, "parents": [parent]});
    // GitHub signs commits for which it fills in the author itself.
    if commit.author != Identity::github_actions() {
        body["author"] = json!({"name": commit.author.name, "email": commit.author.email});
    }
    let path = format!("/repos/{repo}/git/commits");
    let made: dto::Commit = client.create(Method::POST, &path, &body, Repeat::Yes).await?;
    if made.tree.sha != commit.tree {
        return Err(ApiError::OtherTree { why: format!("the commit's tree is {}", made.tree.sha) });
    }
    read_sha(&made.sha, &path)
}

/// Only GraphQL can move a branch on condition of where it stands.
async fn replace(
    client: &Client,
    repo: &RepoSlug,
    branch: &BranchName,
    old: &CommitSha,
    new: &CommitSha,
) -> Result<(), ApiError> {
    let repository: Value = client.get(&format!("/repos/{repo}")).await?;
    let query = "mutation($repository: ID!, $name: GitRefname!, $before: GitObjectID!, $after: GitObjectID!) { \
                 updateRefs(input: {repositoryId: $repository, refUpdates: \
                 [{name: $name, beforeOid: $before, afterOid: $after, force: true}]}) { clientMutationId } }";
    let body = json!({"query": query, "variables": {
        "repository": repository.get("node_id"), "name": branch.full_ref(), "before": old, "after": new,
    }});
    let answer: Value = client.create(Method::POST, "/graphql", &body, Repeat::No).await?;
    match answer.pointer("/errors/0/message").and_then(Value::as_str) {
        None => Ok(()),
        Some(why) => Err(ApiError::Moved { branch: branch.to_string(), why: why.to_owned() }),
    }
}

/// Starts a workflow on a branch. Returns the run's id where this generation of the API tells it.
pub async fn dispatch(
    client: &Client,
    repo: &RepoSlug,
    workflow_file: &str,
    branch: &BranchName,
) -> Result<Option<u64>, ApiError> {
    let file = workflow_file.rsplit('/').next().unwrap_or(workflow_file);
    let path = format!("/repos/{repo}/actions/workflows/{}/dispatches", encode(file));
    let send = async |body: Value| -> Result<Option<u64>, ApiError> {
        let (status, run) = client.send::<dto::Dispatched>(Method::POST, &path, &body, Repeat::No).await?;
        Ok(run.and_then(|r| r.workflow_run_id).filter(|_| status == StatusCode::OK))
    };
    match send(json!({"ref": branch, "return_run_details": true})).await {
        // Older servers know no such field, and newer ones no longer do.
        Err(ApiError::Invalid { message, .. }) if !message.contains("workflow_dispatch") => {
            send(json!({"ref": branch})).await
        }
        other => other,
    }
}

/// Runs the failed jobs of a run that is over once more.
pub async fn rerun_failed_jobs(client: &Client, repo: &RepoSlug, run: u64) -> Result<(), ApiError> {
    let path = format!("/repos/{repo}/actions/runs/{run}/rerun-failed-jobs");
    client.send::<Value>(Method::POST, &path, &json!({}), Repeat::No).await?;
    Ok(())
}

/// What a branch template may speak of.
#[derive(Debug, Clone)]
pub struct BranchFacts<'a> {
    /// The failing branch.
    pub reference: &'a str,
    pub sha: &'a CommitSha,
    pub run_id: Option<u64>,
    pub fingerprint: &'a str,
}

/// Fills `{ref}`, `{sha}`, `{sha7}`, `{run}`, `{fingerprint}` into a template; characters that no branch name has become `-`.
pub fn render_branch(template: &str, facts: &BranchFacts<'_>) -> Result<BranchName, ApiError> {
    let refuse = |why: String| ApiError::Template { template: template.to_owned(), why };
    let mut name = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((key, tail)) = after.split_once('}') else {
            return Err(refuse("a `{` is not closed".to_owned()));
        };
        name.push_str(before);
        match key {
            "ref" => name.push_str(&plain(facts.reference)),
            "sha" => name.push_str(facts.sha.as_str()),
            "sha7" => name.push_str(facts.sha.short()),
            "run" => name.push_str(&facts.run_id.unwrap_or_default().to_string()),
            "fingerprint" => name.push_str(&plain(&facts.fingerprint.chars().take(12).collect::<String>())),
            other => {
                return Err(refuse(format!(
                    "{{{other}}} is unknown; allowed are {{ref}}, {{sha}}, {{sha7}}, {{run}}, {{fingerprint}}"
                )));
            }
        }
        rest = tail;
    }
    name.push_str(rest);
    BranchName::new(&name).map_err(|e| refuse(e.to_string()))
}

/// A ref as part of a branch name.
fn plain(reference: &str) -> String {
    let name = reference.strip_prefix("refs/heads/").unwrap_or(reference);
    let mut out = String::new();
    for part in name.split('/').filter(|p| !p.is_empty()) {
        let clean: String = part
            .chars()
            .map(|c| if c.is_control() || " ~^:?*[\\{}@".contains(c) { '-' } else { c })
            .take(80)
            .collect();
        let mut clean = clean.replace("..", "-");
        while let Some(shorter) = clean.strip_suffix('.').or_else(|| clean.strip_suffix(".lock")) {
            clean = shorter.to_owned();
        }
        let clean = clean.trim_start_matches(['.', '-']);
        if !clean.is_empty() {
            if !out.is_empty() {
                out.push('/');
            }
            out.push_str(clean);
        }
    }
    if out.is_empty() { "detached".to_owned() } else { out }
}

fn mode(mode: FileMode) -> &'static str {
    match mode {
        FileMode::Regular => "100644",
        FileMode::Executable => "100755",
        FileMode::Symlink => "120000",
        FileMode::Submodule => "160000",
    }
}

fn read_sha(text: &str, call: &str) -> Result<CommitSha, ApiError> {
    CommitSha::new(text).map_err(|e| ApiError::Unreadable { call: call.to_owned(), why: e.to_string() })
}

/// Percent-encodes what may not stand in a path or query; slashes stay.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, reference: &str) -> Result<String, ApiError> {
        let sha = CommitSha::new(&"0123456789".repeat(4)).unwrap();
        let facts = BranchFacts { reference, sha: &sha, run_id: Some(9), fingerprint: "abcdef0123456789" };
        render_branch(template, &facts).map(|b| b.to_string())
    }

    #[test]
    fn branch_templates() {
        assert_eq!(render("heal/{ref}-{sha7}", "feature/x").unwrap(), "heal/feature/x-0123456");
        assert_eq!(render("heal/{run}/{fingerprint}", "x").unwrap(), "heal/9/abcdef012345");
        for hostile in
            ["a..b", "-x", "a b\n::error::x", ".hidden", "x.lock", "${{ github.token }}", "", "a//b", "ü"]
        {
            let name = render("heal/{ref}-{sha7}", hostile);
            assert!(name.is_ok(), "{hostile:?}: {name:?}");
        }
        for bad in ["{nope}", "heal/{ref", "a b"] {
            assert!(matches!(render(bad, "x"), Err(ApiError::Template { .. })), "{bad}");
        }
    }

    #[test]
    fn paths_are_encoded() {
        assert_eq!(encode("heal/ü#?%"), "heal/%C3%BC%23%3F%25");
    }
}
