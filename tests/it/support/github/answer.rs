//! Answers in the shapes GitHub gives them, complete as its contract wants them.

use serde_json::{Map, Value, json};

use super::{SLUG, Shared};

/// Status, headers, JSON (`Null`: no body).
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

impl Answer {
    pub(super) fn new(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn error(status: u16, message: &str) -> Self {
        let url = "https://docs.github.com/rest";
        Self::new(status, json!({"message": message, "documentation_url": url, "status": status.to_string()}))
    }

    pub(super) fn not_found() -> Self {
        Self::error(404, "Not Found")
    }

    pub(super) fn forbidden() -> Self {
        Self::error(403, "Resource not accessible by integration")
    }

    pub(super) fn invalid(resource: &str, message: &str) -> Self {
        let mut answer = Self::error(422, "Validation Failed");
        answer.body["errors"] = json!([{"resource": resource, "code": "custom", "message": message}]);
        answer
    }
}

pub(super) const TIME: &str = "2026-01-02T03:04:05Z";

fn urls(base: &str, names: &[&str]) -> Map<String, Value> {
    names.iter().map(|n| ((*n).to_owned(), json!(format!("{base}/{}", n.trim_end_matches("_url"))))).collect()
}

fn merged(mut into: Value, from: Map<String, Value>) -> Value {
    into.as_object_mut().unwrap().extend(from);
    into
}

pub(super) fn user(shared: &Shared, login: &str) -> Value {
    let names = [
        "avatar_url",
        "events_url",
        "followers_url",
        "following_url",
        "gists_url",
        "html_url",
        "organizations_url",
        "received_events_url",
        "repos_url",
        "starred_url",
        "subscriptions_url",
        "url",
    ];
    let user = json!({"id": 1, "node_id": "U_1", "login": login, "gravatar_id": "", "site_admin": false, "type": "User"});
    merged(user, urls(&format!("{}/users/x", shared.api_url), &names))
}

/// The short form, as runs and pull requests carry it.
pub(super) fn minimal_repository(shared: &Shared) -> Value {
    let names = [
        "archive_url",
        "assignees_url",
        "blobs_url",
        "branches_url",
        "collaborators_url",
        "comments_url",
        "commits_url",
        "compare_url",
        "contents_url",
        "contributors_url",
        "deployments_url",
        "downloads_url",
        "events_url",
        "forks_url",
        "git_commits_url",
        "git_refs_url",
        "git_tags_url",
        "hooks_url",
        "html_url",
        "issue_comment_url",
        "issue_events_url",
        "issues_url",
        "keys_url",
        "labels_url",
        "languages_url",
        "merges_url",
        "milestones_url",
        "notifications_url",
        "pulls_url",
        "releases_url",
        "stargazers_url",
        "statuses_url",
        "subscribers_url",
        "subscription_url",
        "tags_url",
        "teams_url",
        "trees_url",
        "url",
    ];
    let (_, name) = SLUG.split_once('/').unwrap();
    let repository = json!({
        "id": 7, "node_id": "R_7", "name": name, "full_name": SLUG, "private": false, "fork": false,
        "description": null, "owner": user(shared, "octo"),
    });
    merged(repository, urls(&format!("{}/repos/{SLUG}", shared.api_url), &names))
}

pub(super) fn full_repository(shared: &Shared, may_push: bool) -> Value {
    let settings = shared.state().settings.clone();
    let more = json!({
        "clone_url": format!("{}/{SLUG}.git", shared.api_url), "default_branch": settings.default_branch,
        "forks": 0, "forks_count": 0, "git_url": "git://x", "ssh_url": "git@x", "svn_url": "https://x.example",
        "has_issues": true, "has_downloads": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_discussions": false,
        "homepage": null, "language": null, "archived": settings.archived, "disabled": false, "mirror_url": null,
        "open_issues": 0, "open_issues_count": 0, "license": null, "pushed_at": TIME, "size": 1,
        "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "created_at": TIME, "updated_at": TIME,
        "network_count": 0, "subscribers_count": 0,
        "permissions": {"admin": false, "maintain": false, "push": may_push, "triage": may_push, "pull": true},
    });
    let Value::Object(more) = more else { unreachable!("it is an object") };
    merged(minimal_repository(shared), more)
}
