//! Pull requests.

use serde_json::{Value, json};

use super::answer::{Answer, TIME, full_repository, user};
use super::data::resolve;
use super::server::Call;
use super::{SLUG, Shared, actions};

#[derive(Debug, Clone)]
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
