//! git over HTTP, by git's own backend, with the refusals GitHub adds.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::http::Response;

use super::server::{Call, plain};
use super::{SLUG, Shared, actions, data};
use crate::support::git::{git, make_executable, write};

/// Makes a bare repository one that can be pushed to over HTTP, and that refuses workflow files where told to.
pub(super) fn prepare(repo_dir: &Path) {
    git(repo_dir, &["config", "http.receivepack", "true"]);
    git(repo_dir, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    write(
        repo_dir,
        "hooks/pre-receive",
        "#!/bin/sh\n\
         [ \"$FAKE_MAY_CHANGE_WORKFLOWS\" = yes ] && exit 0\n\
         while read old new name; do\n\
         \x20 if git diff-tree -r --name-only --no-commit-id \"$new\" | grep -q '^.github/workflows/'; then\n\
         \x20   echo 'refusing to allow a GitHub App to create or update workflow without `workflows` permission'\n\
         \x20   exit 1\n\
         \x20 fi\n\
         done\n",
    );
    make_executable(&repo_dir.join("hooks/pre-receive"));
}

pub(super) fn serve(shared: &Shared, call: &Call) -> Response<Body> {
    let pushes = call.path.ends_with("/git-receive-pack") || call.query.contains("git-receive-pack");
    if pushes && !call.token.contents {
        return plain(403, "Permission to the repository denied");
    }
    let before = heads(shared);
    let rest = call.path.strip_prefix(&format!("/{SLUG}.git")).unwrap_or_default();
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.repo_dir)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("PATH_INFO", rest)
        .env("QUERY_STRING", &call.query)
        .env("REQUEST_METHOD", &call.method)
        .env("CONTENT_TYPE", call.header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", call.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", call.header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", call.header("git-protocol").unwrap_or_default())
        .env("REMOTE_USER", call.token.login)
        .env("FAKE_MAY_CHANGE_WORKFLOWS", if call.token.workflows { "yes" } else { "no" })
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = call.body.clone();
    let feeder = std::thread::spawn(move || {
        let _ = stdin.write_all(&body);
    });
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    for (name, sha) in heads(shared) {
        if !before.contains(&(name.clone(), sha.clone())) {
            actions::pushed(shared, &call.token, &name, &sha);
        }
    }
    parse(&output.stdout)
}

fn heads(shared: &Shared) -> Vec<(String, String)> {
    let listing = data::text(shared, &["for-each-ref", "--format=%(refname) %(objectname)", "refs/heads"]);
    let listing = listing.unwrap_or_default();
    listing.lines().filter_map(|l| l.split_once(' ')).map(|(n, s)| (n.to_owned(), s.to_owned())).collect()
}

/// A CGI answer: headers, an empty line, the body.
fn parse(output: &[u8]) -> Response<Body> {
    let end = output.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(output.len());
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let mut builder = Response::builder();
    for (name, value) in head.lines().filter_map(|l| l.split_once(": ")) {
        builder = if name.eq_ignore_ascii_case("status") {
            builder.status(value.split(' ').next().unwrap().parse::<u16>().unwrap())
        } else {
            builder.header(name, value)
        };
    }
    builder.body(Body::from(output.get(end + 4..).unwrap_or_default().to_vec())).unwrap()
}
