//! Git Data: every object is a real one, made by the real git.

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::answer::{Answer, TIME};
use super::server::Call;
use super::{SLUG, Shared, actions};

pub(super) fn route(shared: &Shared, call: &Call, parts: &[&str]) -> Answer {
    let writes = call.method != "GET";
    if writes && !call.token.contents {
        return Answer::forbidden().header("x-accepted-github-permissions", "contents=write");
    }
    let body = call.json();
    match (call.method.as_str(), parts) {
        ("GET", ["ref", "heads", name @ ..]) => {
            let full = format!("refs/heads/{}", name.join("/"));
            match resolve(shared, &full) {
                Some(sha) => Answer::new(200, reference(shared, &full, &sha)),
                None => Answer::not_found(),
            }
        }
        ("POST", ["refs"]) => create_ref(shared, call, &body),
        ("PATCH", ["refs", "heads", name @ ..]) => update_ref(shared, call, &name.join("/"), &body),
        ("POST", ["blobs"]) => create_blob(shared, &body),
        ("GET", ["blobs", id]) => match output(shared, &["cat-file", "blob", id], b"") {
            Ok(bytes) => {
                let content = BASE64_STANDARD.encode(&bytes);
                Answer::new(
                    200,
                    json!({"sha": id, "node_id": "B", "size": bytes.len(), "url": "x", "content": content, "encoding": "base64"}),
                )
            }
            Err(_) => Answer::not_found(),
        },
        ("POST", ["trees"]) => create_tree(shared, &body),
        ("GET", ["trees", id]) => match text(shared, &["ls-tree", "-z", id]) {
            Ok(listing) => {
                let tree: Vec<Value> = listing.split('\0').filter_map(entry).collect();
                Answer::new(200, json!({"sha": id, "url": "x", "tree": tree, "truncated": false}))
            }
            Err(_) => Answer::not_found(),
        },
        ("POST", ["commits"]) => create_commit(shared, call, &body),
        ("GET", ["commits", id]) => commit(shared, id, 200),
        _ => Answer::not_found(),
    }
}

/// What the default branch has at a path: no more of it than that it is there.
pub(super) fn contents(shared: &Shared, path: &str) -> Answer {
    let branch = shared.state().settings.default_branch.clone();
    match text(shared, &["rev-parse", "--verify", "--quiet", &format!("{branch}:{path}")]) {
        Ok(id) => Answer::new(200, json!({"path": path, "sha": id.trim(), "type": "file"})),
        Err(_) => Answer::not_found(),
    }
}

fn entry(line: &str) -> Option<Value> {
    let (meta, path) = line.split_once('\t')?;
    let mut meta = meta.split(' ');
    Some(json!({"mode": meta.next()?, "type": meta.next()?, "sha": meta.next()?, "path": path}))
}

fn create_blob(shared: &Shared, body: &Value) -> Answer {
    let content = body["content"].as_str().unwrap_or_default();
    let bytes = match body["encoding"].as_str() {
        Some("base64") => match BASE64_STANDARD.decode(content) {
            Ok(bytes) => bytes,
            Err(_) => return Answer::invalid("Blob", "content is not base64"),
        },
        _ => content.as_bytes().to_vec(),
    };
    let sha = String::from_utf8(output(shared, &["hash-object", "-w", "--stdin"], &bytes).unwrap()).unwrap();
    Answer::new(
        201,
        json!({"sha": sha.trim(), "url": format!("{}/repos/{SLUG}/git/blobs/x", shared.api_url)}),
    )
}

fn create_tree(shared: &Shared, body: &Value) -> Answer {
    let index = shared.repo_dir.join(format!("index-{}", shared.state().fresh_id()));
    let git = |args: &[&str], input: &[u8]| {
        let mut command = command(&shared.repo_dir, args);
        command.env("GIT_INDEX_FILE", &index);
        run(command, input)
    };
    let base = body["base_tree"].as_str();
    if git(&["read-tree", base.unwrap_or("--empty")], b"").is_err() {
        return Answer::error(404, "base_tree not found");
    }
    let mut lines = String::new();
    for entry in body["tree"].as_array().into_iter().flatten() {
        let path = entry["path"].as_str().unwrap_or_default();
        match entry["sha"].as_str() {
            Some(sha) => {
                lines.push_str(&format!("{} {sha}\t{path}\n", entry["mode"].as_str().unwrap_or("100644")));
            }
            None => lines.push_str(&format!("0 {}\t{path}\n", "0".repeat(40))),
        }
    }
    let written =
        git(&["update-index", "--index-info"], lines.as_bytes()).and_then(|_| git(&["write-tree"], b""));
    let _ = std::fs::remove_file(&index);
    match written {
        Ok(sha) => {
            let sha = String::from_utf8(sha).unwrap().trim().to_owned();
            let listing = text(shared, &["ls-tree", "-z", &sha]).unwrap();
            let tree: Vec<Value> = listing.split('\0').filter_map(entry).collect();
            Answer::new(201, json!({"sha": sha, "url": "x", "tree": tree, "truncated": false}))
        }
        Err(why) => Answer::invalid("Tree", &why),
    }
}

fn create_commit(shared: &Shared, call: &Call, body: &Value) -> Answer {
    let tree = body["tree"].as_str().unwrap_or_default().to_owned();
    let mut args = vec!["commit-tree".to_owned(), tree];
    for parent in body["parents"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        args.extend(["-p".to_owned(), parent.to_owned()]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = command(&shared.repo_dir, &args);
    let name = body["author"]["name"].as_str().unwrap_or(call.token.login);
    let email = body["author"]["email"].as_str().unwrap_or("bot@users.noreply.github.com");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), name).env(format!("GIT_{role}_EMAIL"), email);
    }
    match run(command, body["message"].as_str().unwrap_or_default().as_bytes()) {
        Ok(sha) => commit(shared, String::from_utf8(sha).unwrap().trim(), 201),
        Err(why) => Answer::invalid("Commit", &why),
    }
}

fn commit(shared: &Shared, id: &str, status: u16) -> Answer {
    let Ok(shown) = text(shared, &["show", "-s", "--format=%H%n%T%n%P%n%an%n%ae%n%B", id]) else {
        return Answer::not_found();
    };
    let mut lines = shown.lines();
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let (sha, tree, parents, name, email) = (next(), next(), next(), next(), next());
    let url = format!("{}/repos/{SLUG}/git/commits/{sha}", shared.api_url);
    let who = json!({"name": name, "email": email, "date": TIME});
    let parents: Vec<Value> =
        parents.split_whitespace().map(|p| json!({"sha": p, "url": url, "html_url": url})).collect();
    let body = json!({
        "sha": sha, "node_id": "C", "url": url, "html_url": url, "author": who, "committer": who,
        "tree": {"sha": tree, "url": url}, "message": lines.collect::<Vec<_>>().join("\n"), "parents": parents,
        "verification": {"verified": true, "reason": "valid", "signature": null, "payload": null, "verified_at": null},
    });
    Answer::new(status, body)
}

/// How far the second commit is from the first.
pub(super) fn compare(shared: &Shared, commits: &str) -> Answer {
    let count =
        |range: String| text(shared, &["rev-list", "--count", &range]).ok()?.trim().parse::<u64>().ok();
    let Some((older, newer)) = commits.split_once("...") else { return Answer::not_found() };
    let (ahead, behind) = (count(format!("{older}..{newer}")), count(format!("{newer}..{older}")));
    let (Some(ahead), Some(behind)) = (ahead, behind) else { return Answer::not_found() };
    let url = format!("{}/repos/{SLUG}/compare/{commits}", shared.api_url);
    let base = commit(shared, older, 200).body;
    let base = json!({
        "url": url, "sha": older, "node_id": "C", "html_url": url, "comments_url": url, "author": null,
        "committer": null, "parents": [],
        "commit": {"url": url, "author": base["author"], "committer": base["committer"], "message": "m",
                   "comment_count": 0, "tree": base["tree"]},
    });
    let status = if ahead == 0 { "identical" } else { "ahead" };
    let answer = json!({
        "url": url, "html_url": url, "permalink_url": url, "diff_url": url, "patch_url": url, "base_commit": base,
        "merge_base_commit": base, "status": status, "ahead_by": ahead, "behind_by": behind,
        "total_commits": ahead, "commits": [], "files": [],
    });
    Answer::new(200, answer)
}

fn create_ref(shared: &Shared, call: &Call, body: &Value) -> Answer {
    let (full, sha) = (body["ref"].as_str().unwrap_or_default(), body["sha"].as_str().unwrap_or_default());
    if resolve(shared, full).is_some() {
        return Answer::error(422, "Reference already exists");
    }
    if text(shared, &["cat-file", "-e", &format!("{sha}^{{commit}}")]).is_err() {
        return Answer::error(422, "Object does not exist");
    }
    if let Some(refused) = refuse_workflows(shared, call, sha) {
        return refused;
    }
    text(shared, &["update-ref", full, sha, &"0".repeat(40)]).unwrap();
    actions::pushed(shared, &call.token, full, sha);
    Answer::new(201, reference(shared, full, sha))
}

fn update_ref(shared: &Shared, call: &Call, name: &str, body: &Value) -> Answer {
    let full = format!("refs/heads/{name}");
    let sha = body["sha"].as_str().unwrap_or_default();
    let Some(old) = resolve(shared, &full) else { return Answer::error(422, "Reference does not exist") };
    let forward = text(shared, &["merge-base", "--is-ancestor", &old, sha]).is_ok();
    if !forward && body["force"] != json!(true) {
        return Answer::error(422, "Update is not a fast forward");
    }
    if let Some(refused) = refuse_workflows(shared, call, sha) {
        return refused;
    }
    text(shared, &["update-ref", &full, sha, &old]).unwrap();
    actions::pushed(shared, &call.token, &full, sha);
    Answer::new(200, reference(shared, &full, sha))
}

fn refuse_workflows(shared: &Shared, call: &Call, sha: &str) -> Option<Answer> {
    let changed =
        text(shared, &["diff-tree", "-r", "--name-only", "--no-commit-id", sha]).unwrap_or_default();
    let touched = changed.lines().any(|p| p.starts_with(".github/workflows/"));
    (touched && !call.token.workflows).then(Answer::forbidden)
}

/// `viewer` and `updateRefs`, the two things GraphQL alone can do.
pub(super) fn graphql(shared: &Shared, call: &Call) -> Answer {
    let body = call.json();
    let query = body["query"].as_str().unwrap_or_default();
    if query.contains("viewer") {
        return Answer::new(200, json!({"data": {"viewer": {"login": call.token.login}}}));
    }
    let (variables, refused) = (&body["variables"], |why: &str| {
        Answer::new(200, json!({"data": null, "errors": [{"message": why}]}))
    });
    if !query.contains("updateRefs") || !call.token.contents {
        return refused("Resource not accessible by integration");
    }
    let value = |name: &str| variables[name].as_str().unwrap_or_default().to_owned();
    let (name, before, after) = (value("name"), value("before"), value("after"));
    match text(shared, &["update-ref", &name, &after, &before]) {
        Ok(_) => {
            actions::pushed(shared, &call.token, &name, &after);
            Answer::new(200, json!({"data": {"updateRefs": {"clientMutationId": null}}}))
        }
        Err(_) => refused("the ref is no longer at the expected oid"),
    }
}

fn reference(shared: &Shared, full: &str, sha: &str) -> Value {
    let url = format!("{}/repos/{SLUG}/git/{full}", shared.api_url);
    json!({"ref": full, "node_id": "REF", "url": url, "object": {"type": "commit", "sha": sha, "url": url}})
}

pub(super) fn resolve(shared: &Shared, full: &str) -> Option<String> {
    text(shared, &["rev-parse", "--verify", "-q", full]).ok()
}

pub(super) fn text(shared: &Shared, args: &[&str]) -> Result<String, String> {
    let bytes = output(shared, args, b"")?;
    Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}

fn output(shared: &Shared, args: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    run(command(&shared.repo_dir, args), input)
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .arg("--git-dir")
        .arg(dir)
        .args(args)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(mut command: Command, input: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Write;
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
