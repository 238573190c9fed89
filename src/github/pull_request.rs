//! Pull requests of heals: one per root cause and branch, found again by a mark in its text, updated in place, closed when
//! no longer needed.

use http::Method;
use serde_json::{Value, json};

use super::client::{Client, Repeat};
use super::dto;
use super::error::ApiError;
use super::publish::encode;
use crate::contract::ci::PullRequest;
use crate::contract::git::{BranchName, CommitSha, RepoSlug};

/// GitHub's limit on a pull request's text, less some room.
const MAX_BODY: usize = 65_000;
const MAX_TITLE: usize = 250;

/// What people read; the report layer writes it.
#[derive(Debug, Clone)]
pub struct PullRequestText {
    pub title: String,
    pub body: String,
    pub draft: bool,
    pub mark: PullRequestMarker,
}

/// What a heal says of itself, hidden in its pull request for later runs to read. Words of hex digits and letters only,
/// so that no text can end the comment or forge another's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullRequestMarker {
    /// The root cause; the same again means the same pull request.
    pub cause: String,
    /// The job that failed.
    pub job: String,
    /// The whole change.
    pub patch: String,
    /// Where we left the branch.
    pub tip: Option<CommitSha>,
}

const MARKER_START: &str = "<!-- ci-healer ";

impl PullRequestMarker {
    fn render(&self) -> String {
        let clean = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let tip = self.tip.as_ref().map_or("", CommitSha::as_str);
        let (cause, job, patch) = (clean(&self.cause), clean(&self.job), clean(&self.patch));
        format!("{MARKER_START}cause:{cause} job:{job} patch:{patch} tip:{tip} -->")
    }

    /// The last one in `body`: ours is added at its end.
    fn read(body: &str) -> Option<Self> {
        let (_, rest) = body.rsplit_once(MARKER_START)?;
        let (words, _) = rest.split_once(" -->")?;
        let mut mark = Self::default();
        for (key, value) in words.split(' ').filter_map(|word| word.split_once(':')) {
            match key {
                "cause" => mark.cause = value.to_owned(),
                "job" => mark.job = value.to_owned(),
                "patch" => mark.patch = value.to_owned(),
                "tip" => mark.tip = CommitSha::new(value).ok(),
                _ => {}
            }
        }
        (!mark.cause.is_empty()).then_some(mark)
    }

    /// The text without its mark: no later run knows it again.
    fn removed_from(body: &str) -> &str {
        body.rsplit_once(MARKER_START).map_or(body, |(before, _)| before.trim_end())
    }
}

/// A pull request of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingPullRequest {
    pub reference: PullRequest,
    pub branch: BranchName,
    pub mark: PullRequestMarker,
    body: String,
}

/// Which pull requests are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestState {
    Open,
    /// Closed without being merged; the last hundred.
    Rejected,
}

/// Whether an open pull request wants to merge this branch.
pub async fn has_open_pull_request(
    client: &Client,
    repo: &RepoSlug,
    branch: &BranchName,
) -> Result<bool, ApiError> {
    let head = encode(&format!("{}:{branch}", repo.owner()));
    let pulls: Vec<dto::Pull> =
        client.get(&format!("/repos/{repo}/pulls?state=open&head={head}&per_page=1")).await?;
    Ok(!pulls.is_empty())
}

/// The heals offered into `base`.
pub async fn existing_pull_requests(
    client: &Client,
    repo: &RepoSlug,
    base: &BranchName,
    state: PullRequestState,
) -> Result<Vec<ExistingPullRequest>, ApiError> {
    let base = encode(base.as_str());
    let pulls: Vec<dto::Pull> = match state {
        PullRequestState::Open => {
            client.get_all(&format!("/repos/{repo}/pulls?state=open&base={base}&per_page=100"), None).await?
        }
        PullRequestState::Rejected => {
            let order = "sort=updated&direction=desc&per_page=100";
            client.get(&format!("/repos/{repo}/pulls?state=closed&base={base}&{order}")).await?
        }
    };
    Ok(pulls
        .into_iter()
        .filter(|pull| state == PullRequestState::Open || pull.merged_at.is_none())
        .filter_map(|pull| {
            let head = pull.head.as_ref()?;
            // Anyone may copy the mark into a pull request from a fork; the branch must be in our own repository.
            let owner = head.repo.as_ref()?.full_name.as_deref()?;
            let mark = PullRequestMarker::read(pull.body.as_deref()?)?;
            let branch = BranchName::new(&head.name).ok()?;
            owner.eq_ignore_ascii_case(&repo.to_string()).then(|| ExistingPullRequest {
                reference: reference(&pull, repo),
                branch,
                mark,
                body: pull.body.clone().unwrap_or_default(),
            })
        })
        .collect())
}

/// Opens the pull request from `branch` into `base`, or brings the text of the one already open up to date.
pub async fn open_pull_request(
    client: &Client,
    repo: &RepoSlug,
    base: &BranchName,
    branch: &BranchName,
    text: &PullRequestText,
) -> Result<PullRequest, ApiError> {
    let body = format!("{}\n\n{}", cut(&text.body, MAX_BODY), text.mark.render());
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
                    let opening = Box::pin(open_pull_request(client, repo, base, branch, &plain));
                    opening.await.map_err(|second| match second {
                        ApiError::Stopped(_) => second,
                        _ => error,
                    })
                }
                None => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// Closes a heal that is no longer needed, and says `why` in it. It loses its mark: should the failure come back, it may
/// be offered again.
pub async fn close_pull_request(
    client: &Client,
    repo: &RepoSlug,
    heal: &ExistingPullRequest,
    why: &str,
) -> Result<(), ApiError> {
    let path = format!("/repos/{repo}/pulls/{}", heal.reference.number);
    let body = format!("{why}\n\n{}", PullRequestMarker::removed_from(&heal.body));
    let request = json!({"state": "closed", "body": cut(&body, MAX_BODY)});
    client.send::<Value>(Method::PATCH, &path, &request, Repeat::Yes).await?;
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

pub(super) fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_back_and_no_text_forges_one() {
        let tip = CommitSha::new(&"0123456789".repeat(4)).unwrap();
        let mark = PullRequestMarker {
            cause: "f00d".to_owned(),
            job: "c0de".to_owned(),
            patch: "beef".to_owned(),
            tip: Some(tip),
        };
        assert_eq!(PullRequestMarker::read(&mark.render()), Some(mark.clone()));
        let foreign = "quoted: <!-- ci-healer cause:bad job:bad patch:bad tip: -->";
        let body = format!("{foreign}\n\n{}", mark.render());
        assert_eq!(PullRequestMarker::read(&body), Some(mark.clone()));
        assert_eq!(PullRequestMarker::removed_from(&body), foreign);
        let hostile = PullRequestMarker { cause: "a --> <img src=x> tip:1".to_owned(), ..mark.clone() };
        assert_eq!(PullRequestMarker::read(&hostile.render()).unwrap().cause, "aimgsrcxtip1");
        assert_eq!(PullRequestMarker::read("nothing"), None);
        assert_eq!(PullRequestMarker::read("<!-- ci-healer cause:f00d"), None);
        assert_eq!(PullRequestMarker::read(&PullRequestMarker::default().render()), None);
    }
}
