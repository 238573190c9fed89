//! Gemini's `generateContent`: request body, and every way a response can read.

use serde_json::{Value, json};

use super::tables::{GeminiThinking, gemini_thinking};
use super::wire::{
    Objection, Raw, Tokens, WireFailure, WireReply, by_status, duration_text, quote, retry_after,
};
use crate::contract::model::{FailureKind, ModelRequest};

/// The key's header; never the `key=` query parameter, which would end up in logs.
pub(super) const KEY_HEADER: &str = "x-goog-api-key";

/// What this run has learnt about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traits {
    schema: bool,
    thinking: bool,
}

impl Default for Traits {
    fn default() -> Self {
        Self { schema: true, thinking: true }
    }
}

impl Traits {
    /// Leaves out what the server objected to; false when that is out already.
    pub(super) fn drop_part(&mut self, part: Objection) -> bool {
        let flag = match part {
            Objection::JsonMode => &mut self.schema,
            Objection::Thinking => &mut self.thinking,
            _ => return false,
        };
        std::mem::replace(flag, false)
    }
}

/// `{base}/v1beta/models/{model}:generateContent`; a base that names its version keeps it.
pub(super) fn path(base: &str, model: &str) -> String {
    let base = base.trim_end_matches('/');
    let model = model.strip_prefix("models/").unwrap_or(model);
    let versioned = base.rsplit('/').next().is_some_and(|last| {
        last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    let version = if versioned { "" } else { "/v1beta" };
    format!("{base}{version}/models/{model}:generateContent")
}

pub(super) fn body(
    request: &ModelRequest,
    user: &str,
    model: &str,
    max_output: u32,
    traits: Traits,
) -> Value {
    let mut config = json!({
        "candidateCount": 1,
        "maxOutputTokens": max_output,
        "responseMimeType": "application/json",
    });
    if traits.schema {
        config["responseJsonSchema"] = request.schema.clone();
    }
    let thinking = gemini_thinking(model.strip_prefix("models/").unwrap_or(model));
    if traits.thinking {
        match thinking {
            GeminiThinking::Level(level) => config["thinkingConfig"] = json!({ "thinkingLevel": level }),
            GeminiThinking::Budget(tokens) => config["thinkingConfig"] = json!({ "thinkingBudget": tokens }),
            GeminiThinking::None => {}
        }
    }
    // The 3 series is tuned for its default temperature; lower ones make it loop.
    if !matches!(thinking, GeminiThinking::Level(_)) {
        config["temperature"] = json!(0);
    }
    json!({
        "systemInstruction": { "parts": [{ "text": request.system }] },
        "contents": [{ "role": "user", "parts": [{ "text": user }] }],
        "generationConfig": config,
    })
}

pub(super) fn read(raw: &Raw) -> Result<WireReply, WireFailure> {
    let value: Value = match serde_json::from_slice(&raw.body) {
        Ok(value) => value,
        Err(_) if raw.status == 200 => {
            return Err(WireFailure::new(FailureKind::Malformed, "the response is not JSON"));
        }
        Err(_) => Value::Null,
    };
    if raw.status != 200 {
        return Err(error(raw, &value));
    }
    let tokens = usage(&value);
    let fail = |kind, message: String| Err(WireFailure::new(kind, message).tokens(tokens));
    if let Some(reason) = value["promptFeedback"]["blockReason"].as_str() {
        return fail(FailureKind::Safety, format!("the prompt was blocked: {}", quote(reason)));
    }
    let Some(candidate) = value["candidates"].get(0) else {
        return fail(FailureKind::Empty, "the response has no candidates".to_owned());
    };
    let text: String = candidate["content"]["parts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|part| !part["thought"].as_bool().unwrap_or(false))
        .filter_map(|part| part["text"].as_str())
        .collect();
    match candidate["finishReason"].as_str().unwrap_or("STOP") {
        "STOP" | "FINISH_REASON_UNSPECIFIED" => {}
        "MAX_TOKENS" | "CONTINUATION" => {
            return fail(FailureKind::Truncated, "the reply ended at the output limit".to_owned());
        }
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MALFORMED_RESPONSE" => {
            return fail(FailureKind::Malformed, "the model tried to call a tool; it has none".to_owned());
        }
        "OTHER" | "LANGUAGE" => {
            return fail(FailureKind::Empty, "the model stopped without a reason".to_owned());
        }
        // SAFETY, RECITATION, BLOCKLIST, PROHIBITED_CONTENT, SPII and those to come.
        reason => return fail(FailureKind::Safety, format!("the reply was blocked: {}", quote(reason))),
    }
    if text.trim().is_empty() {
        return fail(FailureKind::Empty, "the reply has no text".to_owned());
    }
    Ok(WireReply { text, model: value["modelVersion"].as_str().map(str::to_owned), tokens })
}

fn usage(value: &Value) -> Option<Tokens> {
    let usage = &value["usageMetadata"];
    let count = |name: &str| usage[name].as_u64();
    let input = count("promptTokenCount")?;
    // Thinking is charged as output and counted apart from the candidates.
    let output = count("candidatesTokenCount").unwrap_or(0) + count("thoughtsTokenCount").unwrap_or(0);
    Some(Tokens { input, output })
}

/// What a response without a reply says.
pub(super) fn failure(raw: &Raw) -> WireFailure {
    error(raw, &serde_json::from_slice(&raw.body).unwrap_or_default())
}

fn error(raw: &Raw, value: &Value) -> WireFailure {
    // A streaming front end wraps the error in an array.
    let value = value.get(0).unwrap_or(value);
    let error = &value["error"];
    let message = error["message"].as_str().unwrap_or_default();
    let details = error["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let reason = details.iter().find_map(|d| d["reason"].as_str()).unwrap_or_default();
    let daily = details
        .iter()
        .flat_map(|d| d["violations"].as_array().into_iter().flatten())
        .filter_map(|v| v["quotaId"].as_str())
        .any(|id| id.contains("PerDay"));
    let lower = message.to_ascii_lowercase();
    let kind = match (raw.status, error["status"].as_str().unwrap_or_default()) {
        _ if reason == "API_KEY_INVALID"
            || lower.contains("api key not valid")
            || lower.contains("api key expired") =>
        {
            FailureKind::Auth
        }
        (_, "UNAUTHENTICATED" | "PERMISSION_DENIED") => FailureKind::Auth,
        (_, "NOT_FOUND") => FailureKind::Model,
        (_, "RESOURCE_EXHAUSTED") if daily || lower.contains("billing") && lower.contains("disabled") => {
            FailureKind::Quota
        }
        (_, "RESOURCE_EXHAUSTED") => FailureKind::RateLimit,
        (_, "UNAVAILABLE" | "INTERNAL") => FailureKind::Overload,
        (_, "DEADLINE_EXCEEDED") => FailureKind::Timeout,
        (_, "FAILED_PRECONDITION") if lower.contains("billing") || lower.contains("location") => {
            FailureKind::Auth
        }
        (400, _) if lower.contains("token count") && lower.contains("exceeds") => FailureKind::TooLarge,
        (status, _) => by_status(status),
    };
    let objection = (kind == FailureKind::BadRequest)
        .then(|| {
            if lower.contains("thinking") {
                Some(Objection::Thinking)
            } else if lower.contains("schema") || lower.contains("mimetype") || lower.contains("mime_type") {
                Some(Objection::JsonMode)
            } else {
                None
            }
        })
        .flatten();
    let delay = details.iter().find_map(|d| d["retryDelay"].as_str()).and_then(duration_text);
    WireFailure {
        kind,
        message: if message.is_empty() { format!("HTTP {}", raw.status) } else { quote(message) },
        retry_after: retry_after(&raw.headers).or(delay),
        tokens: None,
        objection,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(status: u16, body: &Value) -> Raw {
        Raw { status, headers: Default::default(), body: serde_json::to_vec(body).unwrap() }
    }

    #[test]
    fn the_address_carries_version_and_model_once() {
        let want = "https://g/v1beta/models/gemini-x:generateContent";
        for (base, model) in
            [("https://g", "gemini-x"), ("https://g/", "models/gemini-x"), ("https://g/v1beta", "gemini-x")]
        {
            assert_eq!(path(base, model), want);
        }
    }

    #[test]
    fn thoughts_are_left_out_and_charged() {
        let reply = read(&raw(200, &json!({
            "candidates": [{"content": {"parts": [{"text": "hm", "thought": true}, {"text": "{}"}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 10, "candidatesTokenCount": 2, "thoughtsTokenCount": 5},
            "modelVersion": "gemini-x-001",
        })))
        .unwrap();
        assert_eq!(reply.text, "{}");
        assert_eq!(reply.tokens, Some(Tokens { input: 10, output: 7 }));
        assert_eq!(reply.model.as_deref(), Some("gemini-x-001"));
    }

    #[test]
    fn each_way_to_fail_is_typed() {
        let e = |code: u16, status: &str, message: &str, details: Value| {
            raw(
                code,
                &json!({"error": {"code": code, "status": status, "message": message, "details": details}}),
            )
        };
        let stop = |reason: &str| {
            raw(
                200,
                &json!({"candidates": [{"finishReason": reason, "content": {"parts": [{"text": "{"}]}}]}),
            )
        };
        use FailureKind as K;
        for (raw, kind) in [
            (raw(200, &json!({"promptFeedback": {"blockReason": "SAFETY"}})), K::Safety),
            (raw(200, &json!({"candidates": []})), K::Empty),
            (raw(200, &json!({"candidates": [{"finishReason": "STOP"}]})), K::Empty),
            (stop("SAFETY"), K::Safety),
            (stop("RECITATION"), K::Safety),
            (stop("SOMETHING_NEW"), K::Safety),
            (stop("MAX_TOKENS"), K::Truncated),
            (stop("UNEXPECTED_TOOL_CALL"), K::Malformed),
            (stop("OTHER"), K::Empty),
            (Raw { status: 200, headers: Default::default(), body: b"<html>".to_vec() }, K::Malformed),
            (Raw { status: 502, headers: Default::default(), body: b"<html>".to_vec() }, K::Overload),
            (
                e(400, "INVALID_ARGUMENT", "API key not valid.", json!([{"reason": "API_KEY_INVALID"}])),
                K::Auth,
            ),
            (e(403, "PERMISSION_DENIED", "no", json!([])), K::Auth),
            (e(404, "NOT_FOUND", "models/x is not found", json!([])), K::Model),
            (e(429, "RESOURCE_EXHAUSTED", "slow", json!([])), K::RateLimit),
            (
                e(
                    429,
                    "RESOURCE_EXHAUSTED",
                    "q",
                    json!([{"violations": [{"quotaId": "RequestsPerDayPerModel"}]}]),
                ),
                K::Quota,
            ),
            (e(503, "UNAVAILABLE", "overloaded", json!([])), K::Overload),
            (e(504, "DEADLINE_EXCEEDED", "late", json!([])), K::Timeout),
            (e(400, "INVALID_ARGUMENT", "input token count (9) exceeds the maximum", json!([])), K::TooLarge),
            (e(400, "INVALID_ARGUMENT", "bad", json!([])), K::BadRequest),
        ] {
            assert_eq!(read(&raw).unwrap_err().kind, kind, "{:?}", String::from_utf8_lossy(&raw.body));
        }
    }

    #[test]
    fn the_body_s_own_delay_is_read() {
        let failure = read(&raw(
            429,
            &json!({"error": {"status": "RESOURCE_EXHAUSTED", "message": "slow",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "47s"}]}}),
        ))
        .unwrap_err();
        assert_eq!(failure.retry_after, Some(std::time::Duration::from_secs(47)));
    }
}
