//! Comments in pull requests, which are issues to that part of the interface.

use serde_json::{Value, json};

use super::answer::{Answer, TIME, user};
use super::server::Call;
use super::{SLUG, Shared};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FakeComment {
    pub(crate) id: u64,
    /// The pull request's number.
    pub(crate) number: u64,
    pub(crate) login: String,
    pub(crate) body: String,
}

pub(super) fn route(shared: &Shared, call: &Call, parts: &[&str]) -> Answer {
    if call.method != "GET" && !call.token.pull_requests {
        return Answer::forbidden()
            .header("x-accepted-github-permissions", "issues=write; pull_requests=write");
    }
    let body = || call.json()["body"].as_str().unwrap_or_default().to_owned();
    match (call.method.as_str(), parts) {
        ("GET", [number, "comments"]) => {
            let all = shared.state().comments.clone();
            let of = all.iter().filter(|comment| comment.number.to_string() == *number);
            let shown: Vec<Value> = of.map(|comment| show(shared, comment)).collect();
            Answer::new(200, json!(shown))
        }
        ("POST", [number, "comments"]) => {
            let Ok(number) = number.parse() else { return Answer::not_found() };
            let comment = add(shared, number, call.token.login, &body());
            Answer::new(201, show(shared, &comment))
        }
        // Whoever may write may edit what others wrote.
        ("PATCH", ["comments", id]) => {
            let mut state = shared.state();
            let Some(comment) = state.comments.iter_mut().find(|c| c.id.to_string() == *id) else {
                return Answer::not_found();
            };
            comment.body = body();
            let comment = comment.clone();
            drop(state);
            Answer::new(200, show(shared, &comment))
        }
        _ => Answer::not_found(),
    }
}

pub(super) fn add(shared: &Shared, number: u64, login: &str, body: &str) -> FakeComment {
    let mut state = shared.state();
    let id = state.comments.len() as u64 + 1;
    let comment = FakeComment { id, number, login: login.to_owned(), body: body.to_owned() };
    state.comments.push(comment.clone());
    comment
}

fn show(shared: &Shared, comment: &FakeComment) -> Value {
    let issue = format!("{}/repos/{SLUG}/issues", shared.api_url);
    json!({
        "id": comment.id, "node_id": "IC", "url": format!("{issue}/comments/{}", comment.id),
        "html_url": format!("https://github.example/{SLUG}/pull/{}#issuecomment-{}", comment.number, comment.id),
        "body": comment.body, "user": user(shared, &comment.login), "created_at": TIME, "updated_at": TIME,
        "issue_url": format!("{issue}/{}", comment.number), "author_association": "CONTRIBUTOR",
        "performed_via_github_app": null,
    })
}
