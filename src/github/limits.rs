//! What an unsuccessful answer means: a limit to wait for, a right that is missing, a fault that may pass.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde_json::Value;

use super::client::{Answer, RetryPolicy};
use super::error::ApiError;

/// The error behind an answer, and how long to wait before another try could be worth it.
pub(super) fn classify(
    call: &str,
    answer: &Answer,
    policy: &RetryPolicy,
    attempt: u32,
) -> (ApiError, Option<Duration>) {
    let call = call.to_owned();
    let message = message(&answer.body);
    let header = |name: &str| answer.headers.get(name).and_then(|v| v.to_str().ok());
    match answer.status.as_u16() {
        401 => (ApiError::Unauthorized { call }, None),
        403 | 429 => match limit_wait(&answer.headers, answer.status.as_u16(), &message, policy, attempt) {
            Some(wait) => (ApiError::RateLimited { call, wait }, Some(wait)),
            None => {
                let accepted = header("x-accepted-github-permissions").map(str::to_owned);
                (ApiError::Forbidden { call, message, accepted }, None)
            }
        },
        404 => (ApiError::NotFound { call }, None),
        status @ (408 | 500..=599) => {
            (ApiError::Server { call, status }, Some(backoff(policy.first_delay, attempt)))
        }
        status => (ApiError::Invalid { call, status, message }, None),
    }
}

/// How long a limit lasts; `None` where it is no limit but a missing right.
fn limit_wait(
    headers: &HeaderMap,
    status: u16,
    message: &str,
    policy: &RetryPolicy,
    attempt: u32,
) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(seconds) = number(RETRY_AFTER.as_str()) {
        return Some(Duration::from_secs(seconds));
    }
    if number("x-ratelimit-remaining") == Some(0)
        && let Some(reset) = number("x-ratelimit-reset")
    {
        // By GitHub's own clock where it tells it: the runner's may be off.
        let now = headers
            .get(http::header::DATE)
            .and_then(|d| d.to_str().ok())
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .unwrap_or_else(SystemTime::now);
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        return Some(Duration::from_secs(reset.saturating_sub(now) + 1));
    }
    let secondary = message.to_ascii_lowercase().contains("rate limit");
    (status == 429 || secondary).then(|| backoff(policy.secondary_delay, attempt))
}

pub(super) fn backoff(first: Duration, attempt: u32) -> Duration {
    first.saturating_mul(1 << attempt.saturating_sub(1).min(6))
}

/// GitHub's own words: the message and what its list of errors adds.
fn message(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return "it gives no reason".to_owned();
    };
    let mut text = value.get("message").and_then(Value::as_str).unwrap_or("it gives no reason").to_owned();
    for error in value.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = match error {
            Value::String(text) => text.clone(),
            other => {
                let field = |name| other.get(name).and_then(Value::as_str);
                field("message").map_or_else(
                    || [field("field"), field("code")].into_iter().flatten().collect::<Vec<_>>().join(" "),
                    str::to_owned,
                )
            }
        };
        if !part.is_empty() {
            text.push_str("; ");
            text.push_str(&part);
        }
    }
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (http::HeaderName::from_static(k), v.parse().unwrap())).collect()
    }

    #[test]
    fn limits_and_missing_rights_are_told_apart() {
        let policy = RetryPolicy::default();
        let wait = |status, pairs: &[(&'static str, &str)], message: &str| {
            limit_wait(&headers(pairs), status, message, &policy, 1).map(|d| d.as_secs())
        };
        assert_eq!(wait(403, &[("retry-after", "7")], ""), Some(7));
        let primary = [
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "784111787"),
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        assert_eq!(wait(403, &primary, "API rate limit exceeded"), Some(11));
        assert_eq!(wait(403, &[], "You have exceeded a secondary rate limit."), Some(60));
        assert_eq!(wait(429, &[], ""), Some(60));
        assert_eq!(
            wait(403, &[("x-ratelimit-remaining", "12")], "Resource not accessible by integration"),
            None
        );
    }

    #[test]
    fn reasons() {
        let body = br#"{"message":"Validation Failed","errors":[{"resource":"PullRequest","message":"A pull request already exists"},{"field":"head","code":"invalid"},"plain"]}"#;
        assert_eq!(message(body), "Validation Failed; A pull request already exists; head invalid; plain");
        assert_eq!(message(b"<html>"), "it gives no reason");
    }
}
