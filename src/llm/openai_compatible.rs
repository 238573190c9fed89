//! Chat completions as OpenAI defines them and Groq, OpenRouter, vLLM, Ollama and gateways speak them.

use serde_json::{Value, json};

use super::tables::{ChatQuirks, JsonMode};
use super::wire::{
    Objection, Raw, Tokens, WireFailure, WireReply, by_status, duration_text, quote, retry_after,
};
use crate::contract::model::{FailureKind, ModelRequest};

pub(super) const KEY_HEADER: &str = "authorization";
pub(super) const KEY_SCHEME: &str = "Bearer ";

/// `{base}/chat/completions`; the base names its version (`…/openai/v1`).
pub(super) fn path(base: &str) -> String {
    format!("{}/chat/completions", base.trim_end_matches('/'))
}

/// Leaves out what the server objected to; false when there is nothing left to leave out.
pub(super) fn drop_part(quirks: &mut ChatQuirks, part: Objection) -> bool {
    match part {
        Objection::JsonMode => match quirks.json.weaker() {
            Some(weaker) => {
                quirks.json = weaker;
                true
            }
            None => false,
        },
        Objection::Temperature => std::mem::replace(&mut quirks.temperature, false),
        Objection::ReasoningEffort => quirks.reasoning_effort.take().is_some(),
        Objection::MaxCompletionTokens => std::mem::replace(&mut quirks.max_completion_tokens, false),
        Objection::Extra => quirks.extra.take().is_some(),
        Objection::Thinking => false,
    }
}

pub(super) fn body(
    request: &ModelRequest,
    user: &str,
    model: &str,
    max_output: u32,
    quirks: &ChatQuirks,
) -> Value {
    let mut system = request.system.clone();
    if matches!(quirks.json, JsonMode::Object | JsonMode::Prompt) {
        // `json_object` alone promises JSON of any shape, and asks for the word in the prompt.
        system.push_str("\n\nReply with one JSON object that fits this JSON Schema, and nothing else:\n");
        system.push_str(&request.schema.to_string());
    }
    let mut body = json!({
        "model": model,
        "messages": [
            { "role": "system", "content": system },
            { "role": "user", "content": user },
        ],
    });
    let limit = if quirks.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    body[limit] = json!(max_output);
    if quirks.temperature {
        body["temperature"] = json!(0);
    }
    if let Some(effort) = quirks.reasoning_effort {
        body["reasoning_effort"] = json!(effort);
    }
    if let Some((name, value)) = quirks.extra {
        body[name] = json!(value);
    }
    let schema = |strict: bool| {
        json!({ "type": "json_schema", "json_schema": {
            "name": request.schema_name, "strict": strict, "schema": request.schema } })
    };
    match quirks.json {
        JsonMode::StrictSchema => body["response_format"] = schema(true),
        JsonMode::Schema => body["response_format"] = schema(false),
        JsonMode::Object => body["response_format"] = json!({ "type": "json_object" }),
        JsonMode::Prompt => {}
    }
    body
}

pub(super) fn read(raw: &Raw) -> Result<WireReply, WireFailure> {
    let value: Value = match serde_json::from_slice(&raw.body) {
        Ok(value) => value,
        Err(_) if raw.status == 200 => {
            return Err(WireFailure::new(FailureKind::Malformed, "the response is not JSON"));
        }
        Err(_) => Value::Null,
    };
    // Some gateways answer 200 with an error inside.
    if raw.status != 200 || (value["error"].is_object() && value["choices"].get(0).is_none()) {
        return Err(error(raw, &value));
    }
    let tokens = usage(&value);
    let fail = |kind, message: String| Err(WireFailure::new(kind, message).tokens(tokens));
    let Some(choice) = value["choices"].get(0) else {
        return fail(FailureKind::Empty, "the response has no choices".to_owned());
    };
    let message = &choice["message"];
    if let Some(refusal) = message["refusal"].as_str().filter(|r| !r.trim().is_empty()) {
        return fail(FailureKind::Refusal, format!("the model declined: {}", quote(refusal)));
    }
    match choice["finish_reason"].as_str().unwrap_or("stop") {
        "length" => return fail(FailureKind::Truncated, "the reply ended at the output limit".to_owned()),
        "content_filter" => return fail(FailureKind::Safety, "the reply was blocked by a filter".to_owned()),
        "tool_calls" | "function_call" => {
            return fail(FailureKind::Malformed, "the model tried to call a tool; it has none".to_owned());
        }
        _ => {}
    }
    let text = content(&message["content"]);
    if text.trim().is_empty() {
        return fail(FailureKind::Empty, "the reply has no text".to_owned());
    }
    Ok(WireReply { text, model: value["model"].as_str().map(str::to_owned), tokens })
}

/// A string, or with some servers a list of parts.
fn content(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|p| p["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn usage(value: &Value) -> Option<Tokens> {
    let usage = &value["usage"];
    // `completion_tokens` has the reasoning in it.
    Some(Tokens { input: usage["prompt_tokens"].as_u64()?, output: usage["completion_tokens"].as_u64()? })
}

/// What a response without a reply says.
pub(super) fn failure(raw: &Raw) -> WireFailure {
    error(raw, &serde_json::from_slice(&raw.body).unwrap_or_default())
}

fn error(raw: &Raw, value: &Value) -> WireFailure {
    let error = &value["error"];
    // `{"error": "text"}`, `{"error": {"message": …}}`, `{"message": …}`, `{"detail": …}`: all are met.
    let message = [&error["message"], error, &value["message"], &value["detail"]]
        .into_iter()
        .find_map(Value::as_str)
        .unwrap_or_default();
    let code = error["code"].as_str().or_else(|| error["type"].as_str()).unwrap_or_default();
    let lower = message.to_ascii_lowercase();
    // A 200 with an error inside carries the status as `code`.
    let status = error["code"].as_u64().and_then(|c| u16::try_from(c).ok()).unwrap_or(raw.status);
    let per_day = ["per day", "(tpd)", "(rpd)", "daily"].iter().any(|t| lower.contains(t));
    let kind = match code {
        "insufficient_quota" | "billing_hard_limit_reached" | "billing_not_active" => FailureKind::Quota,
        "model_not_found" | "model_decommissioned" | "model_terms_required" | "model_not_active" => {
            FailureKind::Model
        }
        "invalid_api_key" | "invalid_authentication" | "authentication_error" => FailureKind::Auth,
        "context_length_exceeded" | "request_too_large" => FailureKind::TooLarge,
        "json_validate_failed" => FailureKind::Malformed,
        "content_filter" | "content_policy_violation" => FailureKind::Safety,
        // Too many tokens for this plan's minute at once: waiting does not help.
        "rate_limit_exceeded" | "tokens" if status == 413 || lower.contains("request too large") => {
            FailureKind::TooLarge
        }
        _ if status == 429 && per_day => FailureKind::Quota,
        "rate_limit_exceeded" => FailureKind::RateLimit,
        _ if status == 400 && lower.contains("maximum context length") => FailureKind::TooLarge,
        // `/v1/chat/completions not found` is a wrong base URL, `model 'x' not found` a wrong model.
        _ => by_status(status),
    };
    let objection = (kind == FailureKind::BadRequest).then(|| objection(error, &lower)).flatten();
    let named = lower.find("try again in ").and_then(|at| {
        let rest = &lower[at + "try again in ".len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
        duration_text(rest[..end].trim_end_matches('.'))
    });
    WireFailure {
        kind,
        message: if message.is_empty() { format!("HTTP {}", raw.status) } else { quote(message) },
        retry_after: retry_after(&raw.headers).or(named),
        tokens: None,
        objection,
    }
}

/// Which part of the request a 400 or 422 is about: by `param`, else by the words of the message.
fn objection(error: &Value, message: &str) -> Option<Objection> {
    let param = error["param"].as_str().unwrap_or_default();
    let about = |name: &str| param.starts_with(name) || message.contains(name);
    if about("max_completion_tokens") && !message.contains("use 'max_completion_tokens'") {
        Some(Objection::MaxCompletionTokens)
    } else if about("reasoning_effort") {
        Some(Objection::ReasoningEffort)
    } else if about("include_reasoning") {
        Some(Objection::Extra)
    } else if about("response_format") || about("json_schema") || message.contains("response format") {
        Some(Objection::JsonMode)
    } else if about("temperature") {
        Some(Objection::Temperature)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::tables::chat_quirks;

    fn raw(status: u16, body: &Value) -> Raw {
        Raw { status, headers: Default::default(), body: serde_json::to_vec(body).unwrap() }
    }

    fn choice(message: Value, finish: &str) -> Raw {
        raw(
            200,
            &json!({"model": "m-1", "choices": [{"message": message, "finish_reason": finish}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 4}}),
        )
    }

    #[test]
    fn replies_are_read_in_both_shapes() {
        for content in [json!("{}"), json!([{"type": "text", "text": "{}"}])] {
            let reply = read(&choice(json!({"role": "assistant", "content": content}), "stop")).unwrap();
            assert_eq!(reply.text, "{}");
            assert_eq!(reply.tokens, Some(Tokens { input: 3, output: 4 }));
        }
    }

    #[test]
    fn each_way_to_fail_is_typed() {
        let e = |status: u16, code: &str, message: &str| {
            raw(status, &json!({"error": {"message": message, "type": "x", "code": code}}))
        };
        use FailureKind as K;
        for (raw, kind) in [
            (choice(json!({"content": "{"}), "length"), K::Truncated),
            (choice(json!({"content": ""}), "stop"), K::Empty),
            (choice(json!({"content": null}), "stop"), K::Empty),
            (choice(json!({"content": null, "refusal": "no"}), "stop"), K::Refusal),
            (choice(json!({"content": "x"}), "content_filter"), K::Safety),
            (choice(json!({"content": null, "tool_calls": []}), "tool_calls"), K::Malformed),
            (raw(200, &json!({"choices": []})), K::Empty),
            (raw(200, &json!({"error": {"code": 429, "message": "upstream is busy"}})), K::RateLimit),
            (e(401, "invalid_api_key", "Invalid API Key"), K::Auth),
            (e(404, "model_not_found", "does not exist"), K::Model),
            (e(400, "model_decommissioned", "has been decommissioned"), K::Model),
            (e(429, "insufficient_quota", "You exceeded your current quota"), K::Quota),
            (e(429, "rate_limit_exceeded", "Rate limit reached on requests per minute (RPM)"), K::RateLimit),
            (e(429, "rate_limit_exceeded", "Rate limit reached on tokens per day (TPD)"), K::Quota),
            (e(413, "rate_limit_exceeded", "Request too large for model"), K::TooLarge),
            (e(400, "context_length_exceeded", "too long"), K::TooLarge),
            (e(400, "json_validate_failed", "Failed to generate JSON"), K::Malformed),
            (e(402, "", "Insufficient credits"), K::Quota),
            (e(498, "", "flex tier capacity exceeded"), K::Overload),
            (e(503, "", "Service Unavailable"), K::Overload),
            (raw(500, &json!({"detail": "boom"})), K::Overload),
            (e(422, "", "nonsense"), K::BadRequest),
        ] {
            assert_eq!(read(&raw).unwrap_err().kind, kind, "{:?}", String::from_utf8_lossy(&raw.body));
        }
    }

    #[test]
    fn objections_step_down_until_nothing_is_left() {
        let failure = read(&raw(
            400,
            &json!({"error": {"message":
            "This model does not support response format `json_schema`", "code": null}}),
        ))
        .unwrap_err();
        assert_eq!(failure.objection, Some(Objection::JsonMode));
        let mut quirks = chat_quirks("openai", "x");
        let steps = std::iter::from_fn(|| drop_part(&mut quirks, Objection::JsonMode).then_some(())).count();
        assert_eq!((steps, quirks.json), (3, JsonMode::Prompt));
    }

    #[test]
    fn the_wait_named_in_the_message_is_read() {
        let failure = read(&raw(
            429,
            &json!({"error": {"code": "rate_limit_exceeded",
            "message": "Rate limit reached. Please try again in 7.66s. Visit the console"}}),
        ))
        .unwrap_err();
        assert_eq!(failure.retry_after, Some(std::time::Duration::from_millis(7660)));
    }
}
