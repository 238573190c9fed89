//! Requests that end: own retries within a deadline, rate limits obeyed, answers cached by ETag, pages followed by
//! `Link`, redirects to other hosts followed without our credentials, and every request counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ETAG, IF_NONE_MATCH, LINK, LOCATION};
use http::{HeaderMap, Method, StatusCode};
use http_body_util::BodyExt;
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::error::ApiError;
use super::limits::{backoff, classify};
use crate::http::{self as transport, Url};
use crate::scope::{Scope, Stopped};

/// The largest JSON answer we read.
const MAX_ANSWER: usize = 64 << 20;
/// Pages followed at most; GitHub gives a hundred things on each.
const MAX_PAGES: usize = 20;
/// Redirects followed at most for one request.
const MAX_REDIRECTS: usize = 5;

/// What errors say was going on when a call was stopped.
const ASKING: &str = "asking GitHub";
const DOWNLOADING: &str = "downloading from GitHub";

/// How patient a client is.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Tries of one request, the first included.
    pub tries: u32,
    /// Before the second try; doubled each time.
    pub first_delay: Duration,
    /// After a secondary limit that names no time; doubled each time.
    pub secondary_delay: Duration,
    /// For one request and its answer.
    pub request_timeout: Duration,
    /// For one call with all its tries and waits.
    pub call_timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            tries: 5,
            first_delay: Duration::from_secs(1),
            secondary_delay: Duration::from_secs(60),
            request_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(300),
        }
    }
}

/// What a client is made of.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// `https://api.github.com`, or `GITHUB_API_URL`.
    pub api_url: String,
    pub token: Option<SecretString>,
    pub policy: RetryPolicy,
}

/// A connection to GitHub's API with one token. Clones share their cache and counter.
#[derive(Clone)]
pub struct Client {
    inner: Octocrab,
    http: transport::Client,
    api_url: String,
    policy: RetryPolicy,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    requests: AtomicU64,
    cache: Mutex<HashMap<String, Cached>>,
}

#[derive(Clone)]
struct Cached {
    etag: String,
    body: Bytes,
    next: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("api_url", &self.api_url).finish_non_exhaustive()
    }
}

/// May a request be sent again when nobody knows whether it was carried out?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Yes,
    No,
}

/// An answer with a success status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A downloaded text, cut in the middle where it was too long.
pub(super) struct Download {
    pub(super) bytes: Vec<u8>,
    pub(super) cut: u64,
}

impl Client {
    /// `http` must not follow redirects by itself; its scope bounds every call. Needs a running async runtime.
    pub fn new(http: transport::Client, options: ClientOptions) -> Result<Self, ApiError> {
        let api_url = options.api_url.trim_end_matches('/').to_owned();
        let failed = |e: octocrab::Error| ApiError::Transport { call: api_url.clone(), why: explain(&e) };
        #[expect(clippy::disallowed_methods, reason = "`call` bounds all that it is asked")]
        let transport = http.transport();
        #[expect(clippy::disallowed_methods, reason = "every client of GitHub is made here")]
        let builder = Octocrab::builder();
        let mut builder = builder.base_uri(api_url.as_str()).map_err(failed)?;
        // Our own layer decides about tries: it knows which requests may be sent twice, and the deadline.
        builder = builder.add_retry_config(RetryConfig::None);
        if let Some(token) = options.token {
            builder = builder.personal_token(token);
        }
        let inner = builder.build_with_reqwest(transport).map_err(failed)?;
        Ok(Self { inner, http, api_url, policy: options.policy, shared: Arc::default() })
    }

    /// The same client within other bounds: cache and counter stay shared.
    #[must_use]
    pub fn with_scope(&self, scope: &Scope) -> Self {
        Self { http: self.http.with_scope(scope), ..self.clone() }
    }

    /// Waits for what GitHub shows late, no longer than the scope lasts.
    pub(super) async fn pause(&self, wait: Duration) -> Result<(), Stopped> {
        self.http.pause("waiting for GitHub", wait).await
    }

    /// Requests made so far, by this client and its clones.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// Reads one thing; an unchanged one costs nothing of the rate limit.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        let (body, _) = self.get_cached(path).await?;
        decode(&format!("GET {path}"), &body)
    }

    /// Reads one thing with the answer's headers.
    pub(super) async fn get_with_headers<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<(T, HeaderMap), ApiError> {
        let answer = self.call(Method::GET, path, None, Repeat::Yes, None).await?;
        Ok((decode(&format!("GET {path}"), &answer.body)?, answer.headers))
    }

    /// Reads all pages of a list; `key` names the list inside the answer, `None` where the answer is the list.
    pub(super) async fn get_all<T: DeserializeOwned>(
        &self,
        path: &str,
        key: Option<&str>,
    ) -> Result<Vec<T>, ApiError> {
        let mut all = Vec::new();
        let mut next = Some(path.to_owned());
        for _ in 0..MAX_PAGES {
            let Some(path) = next.take() else { break };
            let call = format!("GET {path}");
            let (body, link) = self.get_cached(&path).await?;
            let mut page: Value = decode(&call, &body)?;
            let list = match key {
                Some(key) => page.get_mut(key).map(Value::take).unwrap_or_default(),
                None => page,
            };
            let Value::Array(items) = list else {
                return Err(ApiError::Unreadable { call, why: "there is no list in it".to_owned() });
            };
            // One odd item must not cost the others.
            all.extend(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()));
            next = link.and_then(|url| self.relative(&url));
        }
        Ok(all)
    }

    /// Sends something and reads the answer; `None` for an empty one.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &(impl Serialize + ?Sized),
        repeat: Repeat,
    ) -> Result<(StatusCode, Option<T>), ApiError> {
        let call = format!("{method} {path}");
        let body = serde_json::to_value(body)
            .map_err(|e| ApiError::Unreadable { call: call.clone(), why: e.to_string() })?;
        let answer = self.call(method, path, Some(&body), repeat, None).await?;
        let value = if answer.body.is_empty() { None } else { Some(decode(&call, &answer.body)?) };
        Ok((answer.status, value))
    }

    /// As [`Self::send`], for calls that always answer with something.
    pub(super) async fn create<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &(impl Serialize + ?Sized),
        repeat: Repeat,
    ) -> Result<T, ApiError> {
        let call = format!("{method} {path}");
        let (_, value) = self.send(method, path, body, repeat).await?;
        value.ok_or_else(|| ApiError::Unreadable { call, why: "it is empty".to_owned() })
    }

    /// Downloads what the API redirects to, at most `limit` bytes of it: the first quarter and the end.
    pub(super) async fn download(&self, path: &str, limit: usize) -> Result<Download, ApiError> {
        let mut kept = HeadTail::new(limit);
        let whole = self.pieces(path, |chunk| {
            kept.push(chunk);
            Ok(())
        });
        Ok(match whole.await? {
            Some(body) => Download { bytes: body.to_vec(), cut: 0 },
            None => kept.finish(),
        })
    }

    /// Downloads what the API redirects to; more than `limit` bytes are an error.
    pub(super) async fn download_whole(&self, path: &str, limit: usize) -> Result<Bytes, ApiError> {
        let too_long = || ApiError::Unreadable {
            call: format!("GET {path}"),
            why: format!("it is longer than {limit} bytes"),
        };
        let mut all = Vec::new();
        let whole = self.pieces(path, |chunk| {
            all.extend_from_slice(chunk);
            if all.len() > limit { Err(too_long()) } else { Ok(()) }
        });
        let body = whole.await?.unwrap_or_else(|| all.into());
        if body.len() > limit { Err(too_long()) } else { Ok(body) }
    }

    /// Hands on what the API redirects to, piece by piece; what it answers itself is returned.
    async fn pieces(
        &self,
        path: &str,
        mut take: impl FnMut(&[u8]) -> Result<(), ApiError>,
    ) -> Result<Option<Bytes>, ApiError> {
        let call = format!("GET {path}");
        let answer = self.call(Method::GET, path, None, Repeat::Yes, None).await?;
        let Some(target) = location(&answer.headers) else { return Ok(Some(answer.body)) };
        // The signed address itself is the permission; our token has no business there.
        let failed = |e: transport::Error| match e {
            transport::Error::Stopped(stopped) => ApiError::Stopped(stopped),
            transport::Error::Failed(e) => ApiError::Transport { call: call.clone(), why: explain(&e) },
        };
        let target = Url::parse(&target).map_err(|e| ApiError::Unreadable {
            call: call.clone(),
            why: format!("it leads nowhere: {e}"),
        })?;
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let patience = self.policy.request_timeout;
        let sending = self.http.get(target).send(DOWNLOADING);
        let mut response =
            timeout(patience, sending).await.map_err(|_| no_answer(&call, patience))?.map_err(failed)?;
        match response.status() {
            status if status.is_success() => {}
            StatusCode::NOT_FOUND => return Err(ApiError::NotFound { call }),
            status => return Err(ApiError::Server { call, status: status.as_u16() }),
        }
        loop {
            let chunk = timeout(patience, response.chunk()).await.map_err(|_| no_answer(&call, patience))?;
            match chunk.map_err(failed)? {
                Some(chunk) => take(&chunk)?,
                None => return Ok(None),
            }
        }
    }

    async fn get_cached(&self, path: &str) -> Result<(Bytes, Option<String>), ApiError> {
        let known = self.cache().get(path).cloned();
        let etag = known.as_ref().map(|c| c.etag.as_str());
        let answer = self.call(Method::GET, path, None, Repeat::Yes, etag).await?;
        if let (StatusCode::NOT_MODIFIED, Some(known)) = (answer.status, known) {
            return Ok((known.body, known.next));
        }
        let next = answer.headers.get(LINK).and_then(|l| l.to_str().ok()).and_then(next_link);
        if let Some(etag) = answer.headers.get(ETAG).and_then(|e| e.to_str().ok()) {
            let cached = Cached { etag: etag.to_owned(), body: answer.body.clone(), next: next.clone() };
            self.cache().insert(path.to_owned(), cached);
        }
        Ok((answer.body, next))
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, HashMap<String, Cached>> {
        self.shared.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path of an address on our own host; nothing for others, which must not see the token.
    fn relative(&self, url: &str) -> Option<String> {
        let rest = url.strip_prefix(&self.api_url)?;
        rest.starts_with('/').then(|| rest.to_owned())
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        repeat: Repeat,
        etag: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let call = format!("{method} {}", path.split('?').next().unwrap_or(path));
        let deadline = Instant::now() + self.policy.call_timeout;
        let mut path = path.to_owned();
        let mut redirects = 0;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let patience = self.policy.request_timeout;
            let once = timeout(patience, self.once(&call, method.clone(), &path, body, etag));
            let outcome =
                self.http.run(ASKING, once).await?.unwrap_or_else(|_| Err(no_answer(&call, patience)));
            let (error, wait) = match outcome {
                Ok(answer) if answer.status.is_redirection() && answer.status != StatusCode::NOT_MODIFIED => {
                    // A moved repository answers on our own host; another host is for `download` to go to.
                    let moved = location(&answer.headers)
                        .and_then(|l| self.relative(&l))
                        .filter(|_| method == Method::GET || answer.status.as_u16() >= 307);
                    match moved {
                        Some(next) if redirects < MAX_REDIRECTS => {
                            (path, redirects, attempt) = (next, redirects + 1, 0);
                            continue;
                        }
                        _ => return Ok(answer),
                    }
                }
                Ok(answer) if answer.status.is_success() || answer.status == StatusCode::NOT_MODIFIED => {
                    return Ok(answer);
                }
                Ok(answer) => match classify(&call, &answer, &self.policy, attempt) {
                    // Limits are told before anything is done, so sending again is always right.
                    (error @ ApiError::RateLimited { .. }, wait) => (error, wait),
                    (error, Some(wait)) if repeat == Repeat::Yes => (error, Some(wait)),
                    (error, _) => (error, None),
                },
                Err(error) if repeat == Repeat::Yes => {
                    (error, Some(backoff(self.policy.first_delay, attempt)))
                }
                Err(error) => (error, None),
            };
            let fits = |wait: &Duration| {
                Instant::now() + *wait < deadline
                    && self.http.scope().time_left().is_none_or(|left| *wait < left)
            };
            let Some(wait) = wait.filter(|w| attempt < self.policy.tries && fits(w)) else {
                return Err(error);
            };
            log::info!("{error}; trying again in {} ms", wait.as_millis());
            self.pause(wait).await?;
        }
    }

    async fn once(
        &self,
        call: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
        etag: Option<&str>,
    ) -> Result<Answer, ApiError> {
        let failed = |e: octocrab::Error| ApiError::Transport { call: call.to_owned(), why: explain(&e) };
        let mut builder =
            http::Request::builder().method(method).uri(path).header(ACCEPT, "application/vnd.github+json");
        if let Some(etag) = etag {
            builder = builder.header(IF_NONE_MATCH, etag);
        }
        let request = self.inner.build_request(builder, body).map_err(failed)?;
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let response = self.inner.execute(request).await.map_err(failed)?;
        let (parts, mut stream) = response.into_parts();
        let mut body = Vec::new();
        while let Some(frame) = stream.frame().await {
            if let Ok(data) = frame.map_err(failed)?.into_data() {
                body.extend_from_slice(&data);
                if body.len() > MAX_ANSWER {
                    let why = format!("it is longer than {MAX_ANSWER} bytes");
                    return Err(ApiError::Unreadable { call: call.to_owned(), why });
                }
            }
        }
        Ok(Answer { status: parts.status, headers: parts.headers, body: body.into() })
    }
}

fn decode<T: DeserializeOwned>(call: &str, body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|e| ApiError::Unreadable { call: call.to_owned(), why: e.to_string() })
}

fn location(headers: &HeaderMap) -> Option<String> {
    headers.get(LOCATION).and_then(|l| l.to_str().ok()).map(str::to_owned)
}

/// The address of `rel="next"`.
fn next_link(header: &str) -> Option<String> {
    header.split(',').find_map(|part| {
        let (url, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        parameters.split(';').any(|p| p.trim() == r#"rel="next""#).then(|| url.to_owned())
    })
}

fn no_answer(call: &str, after: Duration) -> ApiError {
    ApiError::Transport { call: call.to_owned(), why: format!("no answer within {} s", after.as_secs()) }
}

/// An error with its causes; never the address, which may be a signed one.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        let line = error.to_string();
        let line = line.lines().next().unwrap_or_default();
        if !text.contains(line) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(line);
        }
        cause = error.source();
    }
    text.chars().take(400).collect()
}

/// Keeps the first quarter and the end of a stream within a limit.
struct HeadTail {
    limit: usize,
    head: Vec<u8>,
    tail: std::collections::VecDeque<u8>,
    cut: u64,
}

impl HeadTail {
    fn new(limit: usize) -> Self {
        Self { limit, head: Vec::new(), tail: std::collections::VecDeque::new(), cut: 0 }
    }

    fn push(&mut self, mut chunk: &[u8]) {
        let room = (self.limit / 4).saturating_sub(self.head.len()).min(chunk.len());
        self.head.extend_from_slice(&chunk[..room]);
        chunk = &chunk[room..];
        self.tail.extend(chunk);
        let tail_limit = self.limit - self.limit / 4;
        if self.tail.len() > tail_limit {
            let excess = self.tail.len() - tail_limit;
            self.tail.drain(..excess);
            self.cut += excess as u64;
        }
    }

    fn finish(self) -> Download {
        let mut bytes = self.head;
        if self.cut > 0 {
            bytes.extend_from_slice(format!("\n[{} bytes left out]\n", self.cut).as_bytes());
        }
        bytes.extend(self.tail);
        Download { bytes, cut: self.cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let link =
            r#"<https://api.github.com/x?page=1>; rel="prev", <https://api.github.com/x?page=3>; rel="next""#;
        assert_eq!(next_link(link).as_deref(), Some("https://api.github.com/x?page=3"));
        assert_eq!(next_link(r#"<https://api.github.com/x?page=1>; rel="last""#), None);
    }

    #[test]
    fn long_texts_keep_both_ends() {
        let mut kept = HeadTail::new(40);
        for n in 0..10u8 {
            kept.push(&[b'0' + n; 10]);
        }
        let download = kept.finish();
        assert_eq!(download.cut, 60);
        let text = String::from_utf8(download.bytes).unwrap();
        assert!(text.starts_with("0000000000\n[60 bytes left out]\n7777"), "{text}");
        assert!(text.ends_with("9999999999"));
    }
}
