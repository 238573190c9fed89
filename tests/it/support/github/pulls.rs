//! Pull requests.

use serde_json::{Value, json};

use super::answer::{Answer, TIME, full_repository, user};
use super::data::{resolve, text};
use super::server::Call;
use super::{SLUG, Shared, actions};

#[derive(Debug, Clone, Default)]
pub(crate) struct FakePull {
    pub(crate) number: u64,
    pub(crate) head: String,
    pub(crate) base: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) draft: bool,
    pub(crate) open: bool,
    pub(crate) merged: bool,
}

/// A review with comments on lines.
#[derive(Debug, Clone)]
pub(crate) struct FakeReview {
    pub(crate) login: String,
    pub(crate) commit: String,
    pub(crate) body: String,
    pub(crate) comments: Vec<Value>,
}

pub(super) fn route(shared: &Shared, call: &Call, parts: &[&str]) -> Answer {
    let writes = call.method != "GET";
    if writes && !call.token.pull_requests {
        return Answer::forbidden().header("x-accepted-github-permissions", "pull_requests=write");
    }
    match (call.method.as_str(), parts) {
        ("GET", []) => {
            let (head, base) = (call.parameter("head"), call.parameter("base"));
            let closed = call.parameter("state").as_deref() == Some("closed");
            let pulls = shared.state().pulls.clone();
            let fits = |p: &&FakePull| {
                p.open != closed
                    && head.as_ref().is_none_or(|h| *h == format!("octo:{}", p.head))
                    && base.as_ref().is_none_or(|b| *b == p.base)
            };
            let shown: Vec<Value> = pulls.iter().filter(fits).map(|p| show(shared, p)).collect();
            Answer::new(200, json!(shown))
        }
        ("GET", [number, "files"]) => files(shared, number),
        ("GET", [_, "reviews"]) => {
            let reviews = shared.state().reviews.clone();
            let show =
                |review: &FakeReview| json!({"body": review.body, "user": user(shared, &review.login)});
            Answer::new(200, json!(reviews.iter().map(show).collect::<Vec<_>>()))
        }
        ("POST", [number, "reviews"]) => review(shared, call, number),
        ("POST", []) => open(shared, call),
        ("PATCH", [number]) => {
            let body = call.json();
            let mut state = shared.state();
            let Some(pull) = state.pulls.iter_mut().find(|p| p.number.to_string() == *number) else {
                return Answer::not_found();
            };
            if let Some(title) = body["title"].as_str() {
                pull.title = title.to_owned();
            }
            if let Some(text) = body["body"].as_str() {
                pull.body = text.to_owned();
            }
            if let Some(state) = body["state"].as_str() {
                pull.open = state == "open";
            }
            let pull = pull.clone();
            drop(state);
            Answer::new(200, show(shared, &pull))
        }
        _ => Answer::not_found(),
    }
}

fn pull(shared: &Shared, number: &str) -> Option<FakePull> {
    shared.state().pulls.iter().find(|pull| pull.number.to_string() == number).cloned()
}

/// What the branch changes since it left its base, with three lines around.
fn diff(shared: &Shared, pull: &FakePull, path: &str) -> String {
    let ends = format!("refs/heads/{}...refs/heads/{}", pull.base, pull.head);
    let shown = text(shared, &["diff", "--no-color", &ends, "--", path]).unwrap_or_default();
    shown.find("@@ -").map_or_else(String::new, |hunks| shown[hunks..].trim_end().to_owned())
}

fn files(shared: &Shared, number: &str) -> Answer {
    let Some(pull) = pull(shared, number) else { return Answer::not_found() };
    let ends = format!("refs/heads/{}...refs/heads/{}", pull.base, pull.head);
    let names = text(shared, &["diff", "--name-only", &ends]).unwrap_or_default();
    let shown: Vec<Value> = names
        .lines()
        .map(|name| json!({"filename": name, "status": "modified", "patch": diff(shared, &pull, name)}))
        .collect();
    Answer::new(200, json!(shown))
}

/// Comments lie within the diff's hunks, or nothing of the review is made.
fn review(shared: &Shared, call: &Call, number: &str) -> Answer {
    let Some(pull) = pull(shared, number) else { return Answer::not_found() };
    let body = call.json();
    let comments = body["comments"].as_array().cloned().unwrap_or_default();
    let is_inside = |comment: &Value| {
        let (path, line) = (comment["path"].as_str().unwrap_or_default(), comment["line"].as_u64());
        let first = comment["start_line"].as_u64().or(line);
        let in_order = comment.get("start_line").is_none_or(|start| start.as_u64() < line);
        diff(shared, &pull, path).lines().filter_map(|head| head.strip_prefix("@@ -")).any(|head| {
            let new = head.split_once(" +").and_then(|(_, new)| new.split(' ').next()).unwrap_or_default();
            let (start, count) = new.split_once(',').unwrap_or((new, "1"));
            let (start, count): (u64, u64) = (start.parse().unwrap(), count.parse().unwrap());
            let lines = start..start + count;
            in_order && line.is_some_and(|l| lines.contains(&l)) && first.is_some_and(|l| lines.contains(&l))
        })
    };
    if !comments.iter().all(is_inside) {
        return Answer::invalid("PullRequestReviewComment", "line must be part of the diff");
    }
    let said = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let review = FakeReview {
        login: call.token.login.to_owned(),
        commit: said("commit_id"),
        body: said("body"),
        comments,
    };
    shared.state().reviews.push(review);
    Answer::new(200, json!({"id": 1}))
}

fn open(shared: &Shared, call: &Call) -> Answer {
    let body = call.json();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (head, base) = (text("head"), text("base"));
    if !call.token.starts_runs() && !shared.state().settings.actions_may_open_pull_requests {
        return Answer::error(403, "GitHub Actions is not permitted to create or approve pull requests.");
    }
    let Some(sha) = resolve(shared, &format!("refs/heads/{head}")) else {
        return Answer::invalid("PullRequest", "head is invalid");
    };
    if resolve(shared, &format!("refs/heads/{base}")).is_none() {
        return Answer::invalid("PullRequest", "base is invalid");
    }
    let exists = shared.state().pulls.iter().any(|p| p.open && p.head == head && p.base == base);
    if exists {
        return Answer::invalid("PullRequest", &format!("A pull request already exists for octo:{head}."));
    }
    let pull = {
        let mut state = shared.state();
        let number = state.pulls.len() as u64 + 1;
        let draft = body["draft"] == json!(true);
        let (head, base) = (head.clone(), base.clone());
        let pull = FakePull {
            number,
            head,
            base,
            title: text("title"),
            body: text("body"),
            draft,
            open: true,
            merged: false,
        };
        state.pulls.push(pull.clone());
        pull
    };
    actions::on_pull_request(shared, &call.token, &head, &base, &sha, "opened");
    Answer::new(201, show(shared, &pull))
}

fn show(shared: &Shared, pull: &FakePull) -> Value {
    let url = format!("{}/repos/{SLUG}/pulls/{}", shared.api_url, pull.number);
    let link = json!({"href": url});
    let end = |name: &str| {
        let sha = resolve(shared, &format!("refs/heads/{name}")).unwrap_or_default();
        json!({"label": format!("octo:{name}"), "ref": name, "sha": sha, "user": user(shared, "octo"),
            "repo": full_repository(shared, true)})
    };
    let mut shown = json!({
        "id": pull.number, "node_id": "PR", "number": pull.number, "url": url,
        "html_url": format!("https://github.example/{SLUG}/pull/{}", pull.number),
        "diff_url": url, "patch_url": url, "issue_url": url, "commits_url": url, "review_comments_url": url,
        "review_comment_url": url, "comments_url": url, "statuses_url": url,
        "state": if pull.open { "open" } else { "closed" }, "locked": false, "title": pull.title, "body": pull.body,
        "draft": pull.draft, "user": user(shared, "octo"), "labels": [], "milestone": null, "assignee": null,
        "created_at": TIME, "updated_at": TIME, "closed_at": null,
        "merged_at": pull.merged.then_some(TIME), "merge_commit_sha": null,
    });
    let more = json!({
        "head": end(&pull.head), "base": end(&pull.base), "author_association": "MEMBER", "auto_merge": null,
        "_links": {"comments": link, "commits": link, "statuses": link, "html": link, "issue": link,
            "review_comments": link, "review_comment": link, "self": link},
        "additions": 1, "changed_files": 1, "comments": 0, "commits": 1, "deletions": 1, "mergeable": null,
        "mergeable_state": "unknown", "merged": false, "maintainer_can_modify": true, "merged_by": null,
        "review_comments": 0,
    });
    let Value::Object(more) = more else { unreachable!("it is an object") };
    shown.as_object_mut().unwrap().extend(more);
    shown
}
