//! Suggestions in a pull request's review: which of its lines can be commented on, and one review with all of them.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, Repeat};
use super::comment::{Author, is_by, login};
use super::error::ApiError;
use crate::contract::git::{CommitSha, RepoPath, RepoSlug};

/// Lines of the new side of a pull request's diff, by their numbers from 1.
pub type ReviewableLines = BTreeMap<u32, String>;

#[derive(Debug, Deserialize)]
struct ChangedFile {
    filename: String,
    /// Left out where the diff is large or binary.
    patch: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Review {
    body: Option<String>,
    user: Option<Author>,
}

/// A comment of a review on some lines of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewComment {
    pub path: RepoPath,
    /// Lines of the pull request's head, from 1.
    pub first: u32,
    pub last: u32,
    pub body: String,
}

/// The lines of a pull request's diff that a review may comment on: those of its hunks, as they are in the head.
pub async fn reviewable_lines(
    client: &Client,
    repo: &RepoSlug,
    number: u64,
) -> Result<BTreeMap<RepoPath, ReviewableLines>, ApiError> {
    let path = format!("/repos/{repo}/pulls/{number}/files?per_page=100");
    let files: Vec<ChangedFile> = client.get_all(&path, None).await?;
    let read = |file: ChangedFile| {
        Some((RepoPath::new(&file.filename).ok()?, new_side(file.patch.as_deref().unwrap_or_default())))
    };
    Ok(files.into_iter().filter_map(read).collect())
}

/// Makes one review of all comments, unless one with this mark is there already. `mark` is of hex digits and letters.
pub async fn review(
    client: &Client,
    repo: &RepoSlug,
    number: u64,
    head: &CommitSha,
    (body, mark): (&str, &str),
    comments: &[ReviewComment],
) -> Result<(), ApiError> {
    let path = format!("/repos/{repo}/pulls/{number}/reviews");
    let mark = format!("<!-- ci-healer review {mark} -->");
    let all: Vec<Review> = client.get_all(&format!("{path}?per_page=100"), None).await?;
    let marked = |one: &&Review| one.body.as_deref().is_some_and(|body| body.trim_end().ends_with(&mark));
    let marked: Vec<&Review> = all.iter().filter(marked).collect();
    if !marked.is_empty() {
        // Anyone may copy the mark.
        let me = login(client).await?;
        let is_ours = |one: &&Review| me.as_deref().is_some_and(|me| is_by(one.user.as_ref(), me));
        if marked.iter().any(is_ours) {
            return Ok(());
        }
    }
    let comments: Vec<Value> = comments.iter().map(placed).collect();
    let review = json!({
        "commit_id": head, "event": "COMMENT", "body": format!("{body}\n\n{mark}"), "comments": comments,
    });
    // A second one would be worse than none.
    client.create::<Value>(Method::POST, &path, &review, Repeat::No).await?;
    Ok(())
}

fn placed(comment: &ReviewComment) -> Value {
    let mut placed = json!({
        "path": comment.path, "line": comment.last, "side": "RIGHT", "body": comment.body,
    });
    // Of one line the first is not to be given.
    if comment.first < comment.last {
        placed["start_line"] = json!(comment.first);
        placed["start_side"] = json!("RIGHT");
    }
    placed
}

/// The new side of a unified diff's hunks.
fn new_side(patch: &str) -> ReviewableLines {
    let mut lines = ReviewableLines::new();
    let mut number: Option<u32> = None;
    for line in patch.lines() {
        if let Some(head) = line.strip_prefix("@@ -") {
            let new = head.split_once(" +").and_then(|(_, new)| new.split([',', ' ']).next());
            number = new.and_then(|first| first.parse().ok());
        } else if let Some(at) = &mut number
            && let Some(text) = line.strip_prefix([' ', '+'])
        {
            lines.insert(*at, text.to_owned());
            *at += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_new_side_of_a_diff_is_numbered() {
        let patch =
            "@@ -1,2 +1,3 @@ fn main() {\n a\n-b\n+c\n+d\n@@ -9 +10 @@\n-x\n+y\n\\ No newline at end of file";
        let lines: Vec<(u32, String)> = new_side(patch).into_iter().collect();
        let expected = [(1, "a"), (2, "c"), (3, "d"), (10, "y")].map(|(n, text)| (n, text.to_owned()));
        assert_eq!(lines, expected);
        assert!(new_side("").is_empty());
    }

    #[test]
    fn one_line_has_no_start() {
        let path = RepoPath::new("a.py").unwrap();
        let one = ReviewComment { path, first: 3, last: 3, body: String::new() };
        assert_eq!(placed(&one).get("start_line"), None);
        assert_eq!(placed(&ReviewComment { first: 2, ..one })["start_line"], json!(2));
    }
}
