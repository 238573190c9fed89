//! What both wire formats share: one exchange over HTTP, and what it came to.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::contract::model::FailureKind;
use crate::http::{Client, Error, Request, Url};
use crate::scope::Stopped;

/// No reply we can use is longer.
const MAX_REPLY_BYTES: usize = 4 << 20;
/// Error texts of servers are quoted up to here.
const MAX_QUOTE: usize = 300;

/// What a server said when it answered the question.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WireReply {
    pub(super) text: String,
    pub(super) model: Option<String>,
    pub(super) tokens: Option<Tokens>,
}

/// As the server counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) output: u64,
}

/// Why an exchange gave no reply.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WireFailure {
    pub(super) kind: FailureKind,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
    /// What it cost all the same.
    pub(super) tokens: Option<Tokens>,
    /// The server dislikes this part of the request; without it the question may pass.
    pub(super) objection: Option<Objection>,
}

/// A part of the request that a server does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Objection {
    JsonMode,
    Temperature,
    ReasoningEffort,
    MaxCompletionTokens,
    Extra,
    Thinking,
}

impl WireFailure {
    pub(super) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, tokens: None, objection: None }
    }

    pub(super) fn tokens(mut self, tokens: Option<Tokens>) -> Self {
        self.tokens = tokens;
        self
    }
}

/// A response as it came over the wire.
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// A key's header, the key, and what stands before it.
pub(super) type Key<'k> = Option<(&'static str, &'k SecretString, &'static str)>;

/// What errors say was going on when an exchange was stopped.
const DURING: &str = "asking a model server";

/// What one exchange came to. Stopping is no failure of the server's, so that it is told apart by type.
pub(super) type Exchanged<T> = Result<Result<T, WireFailure>, Stopped>;

/// Sends one POST with a JSON body and reads the whole response within `timeout`.
pub(super) async fn post(
    client: &Client,
    url: Url,
    key: Key<'_>,
    body: &Value,
    timeout: Duration,
) -> Exchanged<Raw> {
    exchange(client.post(url).json(body), key, timeout).await
}

/// Sends one GET and reads the whole response within `timeout`.
pub(super) async fn get(client: &Client, url: Url, key: Key<'_>, timeout: Duration) -> Exchanged<Raw> {
    exchange(client.get(url), key, timeout).await
}

async fn exchange(mut request: Request<'_>, key: Key<'_>, timeout: Duration) -> Exchanged<Raw> {
    if let Some((header, secret, scheme)) = key {
        let Ok(mut value) = HeaderValue::from_str(&format!("{scheme}{}", secret.expose_secret())) else {
            let message = "the key holds characters no header can carry";
            return Ok(Err(WireFailure::new(FailureKind::Auth, message)));
        };
        value.set_sensitive(true);
        request = request.header(header, value);
    }
    match read_all(request.timeout(timeout)).await {
        Ok(Some(raw)) => Ok(Ok(raw)),
        Ok(None) => Ok(Err(WireFailure::new(FailureKind::Malformed, "the reply is longer than 4 MiB"))),
        Err(Error::Failed(error)) => Ok(Err(transport(&error, timeout))),
        Err(Error::Stopped(stopped)) => Err(stopped),
    }
}

/// The whole response; `None` where it is longer than any reply we can use.
async fn read_all(request: Request<'_>) -> Result<Option<Raw>, Error> {
    let mut response = request.send(DURING).await?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_REPLY_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(Raw { status: response.status().as_u16(), headers: response.headers().clone(), body }))
}

fn transport(error: &reqwest::Error, timeout: Duration) -> WireFailure {
    if error.is_timeout() && !error.is_connect() {
        return WireFailure::new(FailureKind::Timeout, format!("no reply within {} s", timeout.as_secs()));
    }
    // The innermost cause says most; reqwest's own text would repeat the address.
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    WireFailure::new(FailureKind::Network, format!("cannot reach the server: {}", quote(&cause.to_string())))
}

/// `Retry-After` in seconds or as a date; also the milliseconds some servers send.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    if let Some(ms) = text("retry-after-ms").and_then(|t| t.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(ms / 1000.0).ok();
    }
    let value = text("retry-after")?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let at = httpdate::parse_http_date(value).ok();
    at.map(|at| at.duration_since(SystemTime::now()).unwrap_or_default())
}

/// `47s`, `1.5s`, `250ms`, `2m59.56s`, `1h2m`: as servers write waiting times into JSON and messages.
pub(super) fn duration_text(text: &str) -> Option<Duration> {
    let mut total = 0.0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        total += number
            * match &rest[..unit] {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(total).ok()
}

/// A server's words, on one line and short.
pub(super) fn quote(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_QUOTE).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() > MAX_QUOTE { format!("{line}…") } else { line }
}

/// The kind by status alone, where the body says nothing better.
pub(super) fn by_status(status: u16) -> FailureKind {
    match status {
        401 | 403 => FailureKind::Auth,
        402 => FailureKind::Quota,
        404 | 410 => FailureKind::Model,
        408 | 504 => FailureKind::Timeout,
        413 => FailureKind::TooLarge,
        429 => FailureKind::RateLimit,
        // 498: the provider's flexible tier is full; 529: overloaded.
        498 | 500..=599 => FailureKind::Overload,
        _ => FailureKind::BadRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        headers
    }

    #[test]
    fn waiting_times_in_each_form() {
        assert_eq!(retry_after(&header("retry-after", "7")), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(&header("retry-after-ms", "1500")), Some(Duration::from_millis(1500)));
        assert_eq!(
            retry_after(&header("retry-after", "Thu, 01 Jan 1970 00:00:10 GMT")),
            Some(Duration::ZERO),
            "a date in the past means now"
        );
        assert_eq!(retry_after(&header("retry-after", "soon")), None);
        assert_eq!(retry_after(&header("retry-after", "-5")), None);
        assert_eq!(duration_text("47s"), Some(Duration::from_secs(47)));
        assert_eq!(duration_text("2m59.5s"), Some(Duration::from_millis(179_500)));
        assert_eq!(duration_text("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(duration_text("7"), None);
        assert_eq!(duration_text("x"), None);
    }

    #[test]
    fn quotes_are_short_and_on_one_line() {
        assert_eq!(quote("a\r\n\u{1b}[31m b"), "a [31m b");
        assert!(quote(&"x".repeat(1000)).chars().count() <= MAX_QUOTE + 1);
    }
}
