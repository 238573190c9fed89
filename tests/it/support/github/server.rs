//! The two hosts: the API with git beside it, and the store of logs that wants no token.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpListener;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Extract};
use axum::http::{HeaderMap, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::answer::{Answer, full_repository};
use super::{
    Fault, SLUG, Shared, Token, actions, artifacts, comments, data, pulls, repositories, smart_http,
};

/// Serves until told to stop.
pub(super) fn serve(
    shared: Arc<Shared>,
    api: TcpListener,
    blobs: TcpListener,
    stopped: tokio::sync::oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        let open = |listener: TcpListener| {
            listener.set_nonblocking(true).unwrap();
            tokio::net::TcpListener::from_std(listener).unwrap()
        };
        let api_app = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let blob_app = Router::new().fallback(actions::serve_log).with_state(shared);
        let api = axum::serve(open(api), api_app).into_future();
        let blobs = axum::serve(open(blobs), blob_app).into_future();
        tokio::select! {
            _ = async { tokio::join!(api, blobs) } => {}
            _ = stopped => {}
        }
    });
    runtime.shutdown_background();
}

/// A request, read whole.
pub(super) struct Call {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) token: Token,
}

impl Call {
    /// One parameter, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key == name).then(|| decode(value))
        })
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

async fn handle(Extract(shared): Extract<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 64 << 20).await.unwrap_or_default().to_vec();
    let path = decode(parts.uri.path());
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let method = parts.method.to_string();
    // Real servers run one thing of a connection at a time; git children block.
    tokio::task::spawn_blocking(move || respond(&shared, method, path, query, parts.headers, body))
        .await
        .unwrap()
}

fn respond(
    shared: &Shared,
    method: String,
    path: String,
    query: String,
    headers: HeaderMap,
    body: Vec<u8>,
) -> Response<Body> {
    shared.state().requests.push(format!("{method} {path}"));
    let auth: Vec<&str> = headers.get_all("authorization").iter().filter_map(|h| h.to_str().ok()).collect();
    if auth.len() > 1 {
        return plain(400, "Duplicate header: \"Authorization\"");
    }
    if let Some(answer) = repositories::route(shared, &method, &path) {
        return render(answer, None);
    }
    let token = auth.first().and_then(|a| secret(a)).and_then(|t| shared.state().tokens.get(&t).cloned());
    if let Some(answer) = token.as_ref().and_then(|_| artifacts::route(shared, &method, &path)) {
        return render(answer, None);
    }
    let is_git = path.starts_with(&format!("/{SLUG}.git/"));
    let Some(token) = token else {
        if is_git {
            let mut response = plain(401, "who are you?");
            response.headers_mut().insert("www-authenticate", "Basic realm=\"GitHub\"".parse().unwrap());
            return response;
        }
        return render(Answer::error(401, "Bad credentials"), None);
    };
    let call = Call { method, path, query, headers, body, token };
    if is_git {
        return smart_http::serve(shared, &call);
    }
    if let Some(fault) = take_fault(shared, &call) {
        return fail(&fault);
    }
    if call.header("user-agent").is_none() {
        return plain(
            403,
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
        );
    }
    let answer = route(shared, &call);
    let request = if call.body.is_empty() { Value::Null } else { call.json() };
    let wrong =
        shared.contract.check(&call.method, &call.path, &call.query, &request, answer.status, &answer.body);
    shared.state().violations.extend(wrong);
    if call.header("x-github-api-version").is_none() {
        shared.state().violations.push(format!("{} {}: no API version", call.method, call.path));
    }
    let known = call.header("if-none-match").map(str::to_owned);
    if call.method != "GET" || answer.status != 200 {
        return render(answer, None);
    }
    let mut hasher = DefaultHasher::new();
    answer.body.to_string().hash(&mut hasher);
    let etag = format!("W/\"{:x}\"", hasher.finish());
    if known.as_deref() == Some(&etag) {
        shared.state().not_modified += 1;
        return render(Answer::new(304, Value::Null), Some(&etag));
    }
    render(answer, Some(&etag))
}

fn take_fault(shared: &Shared, call: &Call) -> Option<Fault> {
    let mut state = shared.state();
    let line = format!("{} {}", call.method, call.path);
    let at = state.faults.iter().position(|(part, _)| line.contains(part))?;
    state.faults.remove(at).map(|(_, fault)| fault)
}

fn fail(fault: &Fault) -> Response<Body> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    match fault {
        Fault::Status(status) => render(Answer::error(*status, "Server Error"), None),
        Fault::SecondaryLimit { retry_after } => render(
            Answer::error(403, "You have exceeded a secondary rate limit.")
                .header("retry-after", retry_after.to_string()),
            None,
        ),
        // Over by GitHub's clock, which is what counts.
        Fault::PrimaryLimit => render(
            Answer::error(403, "API rate limit exceeded")
                .header("x-ratelimit-remaining", "0")
                .header("x-ratelimit-reset", (now - 1).to_string()),
            None,
        ),
        Fault::CutOff => {
            let broken = futures_util::stream::iter([
                Ok(bytes::Bytes::from_static(b"{\"half\": ")),
                Err(std::io::Error::other("cut")),
            ]);
            Response::builder().status(200).body(Body::from_stream(broken)).unwrap()
        }
        // Each request has a thread of its own.
        Fault::Hang => loop {
            std::thread::park();
        },
        Fault::NotJson => plain(200, "<html>a proxy's log-in page</html>"),
    }
}

fn route(shared: &Shared, call: &Call) -> Answer {
    let Some(rest) = call.path.strip_prefix(&format!("/repos/{SLUG}")) else {
        return match call.path.as_str() {
            "/graphql" => data::graphql(shared, call),
            _ => Answer::not_found(),
        };
    };
    let parts: Vec<&str> = rest.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        [""] => {
            let answer = Answer::new(200, full_repository(shared, call.token.contents));
            match call.token.scopes {
                Some(scopes) => answer.header("x-oauth-scopes", scopes),
                None => answer,
            }
        }
        ["rules", "branches", ..] => {
            let rules = shared.state().settings.rules.clone();
            let rules: Vec<Value> = rules.iter().map(|r| json!({"type": r, "ruleset_id": 1})).collect();
            Answer::new(200, json!(rules))
        }
        ["compare", commits] if call.method == "GET" => data::compare(shared, commits),
        ["contents", path @ ..] if call.method == "GET" => data::contents(shared, &path.join("/")),
        ["git", rest @ ..] => data::route(shared, call, rest),
        ["actions", rest @ ..] => actions::route(shared, call, rest),
        ["pulls", rest @ ..] => pulls::route(shared, call, rest),
        ["issues", rest @ ..] => comments::route(shared, call, rest),
        _ => Answer::not_found(),
    }
}

fn render(answer: Answer, etag: Option<&str>) -> Response<Body> {
    let mut builder = Response::builder()
        .status(answer.status)
        .header("content-type", "application/json; charset=utf-8")
        .header("x-ratelimit-limit", "1000");
    if let Some(etag) = etag {
        builder = builder.header("etag", etag);
    }
    for (name, value) in &answer.headers {
        builder = builder.header(name, value);
    }
    let body = if answer.body.is_null() { Body::empty() } else { Body::from(answer.body.to_string()) };
    builder.body(body).unwrap()
}

pub(super) fn plain(status: u16, text: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .body(Body::from(text.to_owned()))
        .unwrap()
}

/// The token in an `Authorization` header, of the API or of git.
fn secret(header: &str) -> Option<String> {
    let (scheme, rest) = header.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => Some(rest.to_owned()),
        "basic" => {
            let decoded = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
            decoded.strip_prefix("x-access-token:").map(str::to_owned)
        }
        _ => None,
    }
}

pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first == b'%'
            && let Some(byte) =
                tail.get(..2).and_then(|h| u8::from_str_radix(std::str::from_utf8(h).ok()?, 16).ok())
        {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
