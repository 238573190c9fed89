//! Pull requests of heals: one per root cause and branch, found again by a mark in its text, updated in place.

use http::Method;
use serde_json::{Value, json};

use super::client::{Client, Repeat};
use super::dto;
use super::error::ApiError;
use super::publish::encode;
use crate::contract::ci::PullRequest;
use crate::contract::git::{BranchName, RepoSlug};

/// GitHub's limit on a pull request's text, less some room.
const MAX_BODY: usize = 65_000;
const MAX_TITLE: usize = 250;

/// What people read; the report layer writes it.
#[derive(Debug, Clone)]
pub struct PullRequestText {
    pub title: String,
    pub body: String,
    pub draft: bool,
    /// What the heal is about; the same again means the same pull request.
    pub fingerprint: String,
}

/// The mark that ties a pull request to its root cause. Only hex digits go in, so no text can forge another's.
fn mark(fingerprint: &str) -> String {
    let clean: String = fingerprint.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("<!-- ci-healer:{clean} -->")
}

/// The open heal of this root cause into `base`, and the branch it comes from.
pub async fn find_pull_request(
    client: &Client,
    repo: &RepoSlug,
    base: &BranchName,
    fingerprint: &str,
) -> Result<Option<(PullRequest, BranchName)>, ApiError> {
    let path = format!("/repos/{repo}/pulls?state=open&base={}&per_page=100", encode(base.as_str()));
    let mark = mark(fingerprint);
    let pulls: Vec<dto::Pull> = client.get_all(&path, None).await?;
    Ok(pulls.into_iter().find_map(|pull| {
        let head = pull.head.as_ref()?;
        // Anyone may copy the mark into a pull request from a fork; the branch must be in our own repository.
        let owner = head.repo.as_ref()?.full_name.as_deref()?;
        let is_ours = owner.eq_ignore_ascii_case(&repo.to_string());
        let is_marked = pull.body.as_deref().is_some_and(|b| b.contains(&mark));
        let branch = BranchName::new(&head.name).ok()?;
        (is_ours && is_marked).then(|| (reference(&pull, repo), branch))
    }))
}

/// Opens the pull request from `branch` into `base`, or brings the text of the one already open up to date.
pub async fn open_pull_request(
    client: &Client,
    repo: &RepoSlug,
    base: &BranchName,
    branch: &BranchName,
    text: &PullRequestText,
) -> Result<PullRequest, ApiError> {
    let body = format!("{}\n\n{}", cut(&text.body, MAX_BODY), mark(&text.fingerprint));
    let title = cut(text.title.lines().next().unwrap_or_default(), MAX_TITLE);
    if let Some(pull) = from_branch(client, repo, base, branch).await? {
        return update(client, repo, pull, title, &body).await;
    }
    let path = format!("/repos/{repo}/pulls");
    let request = json!({
        "head": branch, "base": base, "title": title, "body": body, "draft": text.draft,
        "maintainer_can_modify": true,
    });
    match client.create::<dto::Pull>(Method::POST, &path, &request, Repeat::Yes).await {
        Ok(pull) => Ok(reference(&pull, repo)),
        // Opened by a lost try of our own, or beside us.
        Err(error @ ApiError::Invalid { status: 422, .. }) => {
            match from_branch(client, repo, base, branch).await? {
                Some(pull) => update(client, repo, pull, title, &body).await,
                None if text.draft => {
                    // Drafts are not to be had for every repository.
                    let plain = PullRequestText { draft: false, ..text.clone() };
                    Box::pin(open_pull_request(client, repo, base, branch, &plain)).await.map_err(|_| error)
                }
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Closes a heal that is no longer needed.
pub async fn close_pull_request(client: &Client, repo: &RepoSlug, number: u64) -> Result<(), ApiError> {
    let path = format!("/repos/{repo}/pulls/{number}");
    client.send::<Value>(Method::PATCH, &path, &json!({"state": "closed"}), Repeat::Yes).await?;
    Ok(())
}

async fn from_branch(
    client: &Client,
    repo: &RepoSlug,
    base: &BranchName,
    branch: &BranchName,
) -> Result<Option<dto::Pull>, ApiError> {
    let head = encode(&format!("{}:{branch}", repo.owner()));
    let path = format!("/repos/{repo}/pulls?state=open&head={head}&base={}", encode(base.as_str()));
    let pulls: Vec<dto::Pull> = client.get_all(&path, None).await?;
    // Some servers ignore a filter they do not understand.
    Ok(pulls.into_iter().find(|p| {
        p.head.as_ref().is_some_and(|h| h.name == branch.as_str())
            && p.base.as_ref().is_some_and(|b| b.name == base.as_str())
    }))
}

async fn update(
    client: &Client,
    repo: &RepoSlug,
    pull: dto::Pull,
    title: &str,
    body: &str,
) -> Result<PullRequest, ApiError> {
    let path = format!("/repos/{repo}/pulls/{}", pull.number);
    let request = json!({"title": title, "body": body});
    client.send::<Value>(Method::PATCH, &path, &request, Repeat::Yes).await?;
    Ok(reference(&pull, repo))
}

fn reference(pull: &dto::Pull, repo: &RepoSlug) -> PullRequest {
    let url = pull.html_url.clone().unwrap_or_else(|| format!("{repo}#{}", pull.number));
    PullRequest { number: pull.number, url }
}

fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
