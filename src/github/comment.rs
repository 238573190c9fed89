//! The one comment in the failing pull request: found again by a mark in its text *and* by its author, kept up to date in
//! place.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Repeat};
use super::error::ApiError;
use crate::contract::git::RepoSlug;

/// GitHub takes 65,536 characters.
const MAX_BODY: usize = 65_000;

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
    user: Option<Author>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Author {
    pub(super) login: String,
}

/// What is to be said, and where.
#[derive(Debug, Clone)]
pub struct StatusComment<'a> {
    /// The pull request's number.
    pub number: u64,
    /// The job that it is about: hex digits and letters.
    pub job: &'a str,
    pub body: &'a str,
    /// Whether one is made where there is none yet.
    pub may_begin: bool,
}

/// Writes the comment, or brings the one that is there up to date.
pub async fn write_comment(
    client: &Client,
    repo: &RepoSlug,
    comment: &StatusComment<'_>,
) -> Result<(), ApiError> {
    let mark = mark(comment.job);
    let path = format!("/repos/{repo}/issues/{}/comments", comment.number);
    let all: Vec<Comment> = client.get_all(&format!("{path}?per_page=100"), None).await?;
    let marked: Vec<&Comment> = all.iter().filter(|one| is_marked(one, &mark)).collect();
    let own = match marked.is_empty() {
        true => None,
        // Anyone may copy the mark, and a token may be able to edit what others wrote.
        false => {
            let me = login(client).await?;
            marked.into_iter().find(|one| me.as_deref().is_some_and(|me| is_by(one.user.as_ref(), me)))
        }
    };
    let body = format!("{}\n\n{mark}", super::pull_request::cut(comment.body, MAX_BODY));
    match own {
        Some(own) if own.body.as_deref() == Some(body.as_str()) => Ok(()),
        Some(own) => {
            let path = format!("/repos/{repo}/issues/comments/{}", own.id);
            client.send::<Value>(Method::PATCH, &path, &json!({"body": body}), Repeat::Yes).await?;
            Ok(())
        }
        None if comment.may_begin => {
            // A second one would be worse than none.
            client.create::<Value>(Method::POST, &path, &json!({"body": body}), Repeat::No).await?;
            Ok(())
        }
        None => Ok(()),
    }
}

/// The last line of a comment of ours. Words of hex digits and letters only, so that no text can forge another's.
fn mark(job: &str) -> String {
    let job: String = job.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("<!-- ci-healer comment job:{job} -->")
}

fn is_marked(comment: &Comment, mark: &str) -> bool {
    comment.body.as_deref().is_some_and(|body| body.trim_end().ends_with(mark))
}

/// Whether this is the account of the token that says `me`.
pub(super) fn is_by(author: Option<&Author>, me: &str) -> bool {
    // The two interfaces name the job's own account differently.
    let name = |login: &str| match login {
        "github-actions[bot]" => "github-actions".to_owned(),
        login => login.to_ascii_lowercase(),
    };
    author.is_some_and(|author| name(&author.login) == name(me))
}

/// As whom the token speaks.
pub(super) async fn login(client: &Client) -> Result<Option<String>, ApiError> {
    let query = json!({"query": "query { viewer { login } }"});
    let answer: Value = client.create(Method::POST, "/graphql", &query, Repeat::Yes).await?;
    Ok(answer.pointer("/data/viewer/login").and_then(Value::as_str).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(login: &str, body: &str) -> Comment {
        let user = Some(Author { login: login.to_owned() });
        Comment { id: 1, body: Some(body.to_owned()), user }
    }

    #[test]
    fn a_comment_is_ours_by_mark_and_author() {
        let mark = mark("f00d --> x");
        assert_eq!(mark, "<!-- ci-healer comment job:f00dx -->");
        let ours = comment("github-actions[bot]", &format!("text\n\n{mark}\n"));
        assert!(is_marked(&ours, &mark) && is_by(ours.user.as_ref(), "github-actions"));
        let by = |login: &str, me: &str| is_by(comment(login, &mark).user.as_ref(), me);
        assert!(!by("github-actions[bot]", "octocat") && !by("octocat", "github-actions[bot]"));
        assert!(!is_marked(&comment("x", &format!("{mark} quoted")), &mark));
        assert!(!by("heal-app", "heal-app[bot]"), "a person named as the app");
    }
}
