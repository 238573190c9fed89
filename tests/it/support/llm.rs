//! A model server that speaks Gemini's and OpenAI's wire formats over local HTTP and answers by script. It takes
//! only requests the real ones would: a field they do not know, a key in the address, a missing header is a 400.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Which wire format the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Gemini,
    Chat,
}

/// One answer of the script.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A model's reply text, with usage.
    Text(String),
    /// The same, but the reply ends for this reason (`MAX_TOKENS`, `length`, `SAFETY`, `content_filter`, …).
    Ends(String, &'static str),
    /// A whole response.
    Raw { status: u16, headers: Vec<(&'static str, String)>, body: String },
    /// No response within any patience.
    Hang,
}

impl Answer {
    /// A fix as the schema wants it.
    pub(crate) fn fix(confidence: f64, edits: &[(&str, &str, &str)]) -> Self {
        let edits: Vec<Value> = edits
            .iter()
            .map(|(path, find, replace)| json!({ "path": path, "find": find, "replace": replace }))
            .collect();
        Self::Text(json!({ "reason": "scripted", "confidence": confidence, "edits": edits }).to_string())
    }

    pub(crate) fn status(status: u16, body: &Value) -> Self {
        Self::Raw { status, headers: Vec::new(), body: body.to_string() }
    }

    pub(crate) fn header(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Raw { status, mut headers, body } => {
                headers.push((name, value.to_owned()));
                Self::Raw { status, headers, body }
            }
            other => other,
        }
    }

    /// Gemini's error body.
    pub(crate) fn gemini_error(code: u16, status: &str, message: &str) -> Self {
        Self::status(code, &json!({ "error": { "code": code, "status": status, "message": message } }))
    }

    /// OpenAI's and Groq's error body.
    pub(crate) fn chat_error(status: u16, code: &str, message: &str) -> Self {
        let error =
            json!({ "message": message, "type": "invalid_request_error", "param": null, "code": code });
        Self::status(status, &json!({ "error": error }))
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) headers: HeaderMap,
}

impl Asked {
    /// Everything a model would read.
    pub(crate) fn prompt(&self) -> String {
        let parts = |v: &Value| -> String {
            v["parts"].as_array().into_iter().flatten().filter_map(|p| p["text"].as_str()).collect()
        };
        let gemini = parts(&self.body["systemInstruction"]) + &parts(&self.body["contents"][0]);
        let chat: String = self.body["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|m| m["content"].as_str())
            .collect::<Vec<_>>()
            .join("\n");
        gemini + &chat
    }
}

type Script = dyn Fn(usize, &Asked) -> Answer + Send + Sync;

struct Shared {
    speaks: Speaks,
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    /// What was answered, one per question that was taken: status and body.
    answered: Mutex<Vec<(u16, String)>>,
    complaints: Mutex<Vec<String>>,
    /// Status and body for those who look whether the server is live.
    look: Mutex<Option<(u16, Value)>>,
    /// What is said to those who want all of Gemini's models.
    list: Mutex<Option<Value>>,
}

pub(crate) struct ScriptedLlm {
    url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for ScriptedLlm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ScriptedLlm {
    /// Answers in this order; more questions than answers are a 500 that says so.
    pub(crate) async fn new(speaks: Speaks, answers: Vec<Answer>) -> Self {
        let queue = Mutex::new(VecDeque::from(answers));
        Self::answering(speaks, move |_, _| {
            let next = queue.lock().unwrap().pop_front();
            next.unwrap_or_else(|| {
                Answer::status(500, &json!({ "error": { "message": "the script is over" } }))
            })
        })
        .await
    }

    /// Answers as `script` says, by the number of the question (from 0) and the question.
    pub(crate) async fn answering(
        speaks: Speaks,
        script: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::answering_on(speaks, "127.0.0.1", script).await
    }

    /// The same on another address of this machine, for those in containers.
    pub(crate) async fn answering_on(
        speaks: Speaks,
        host: &str,
        script: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            speaks,
            script: Box::new(script),
            asked: Mutex::default(),
            answered: Mutex::default(),
            complaints: Mutex::default(),
            look: Mutex::default(),
            list: Mutex::default(),
        });
        let app = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind((host, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, shared, task }
    }

    /// What the provider's `*-base-url` input is to hold.
    pub(crate) fn base_url(&self) -> String {
        match self.shared.speaks {
            Speaks::Gemini => self.url.clone(),
            Speaks::Chat => format!("{}/openai/v1", self.url),
        }
    }

    /// What is said to those who look whether the server is live.
    pub(crate) fn seen_as(&self, status: u16, body: Value) {
        *self.shared.look.lock().unwrap() = Some((status, body));
    }

    /// The names that Gemini lists.
    pub(crate) fn lists(&self, names: &[&str]) {
        let models: Vec<Value> =
            names.iter().map(|name| json!({ "name": format!("models/{name}") })).collect();
        *self.shared.list.lock().unwrap() = Some(json!({ "models": models }));
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub(crate) fn answered(&self) -> Vec<(u16, String)> {
        self.shared.answered.lock().unwrap().clone()
    }

    /// What no real server would have taken; must be empty.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.shared.complaints.lock().unwrap().clone()
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method == Method::GET {
        return looked_at(&shared, &uri, &headers);
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let checked = match shared.speaks {
        Speaks::Gemini => check_gemini(&uri, &headers, &body),
        Speaks::Chat => check_chat(&uri, &headers, &body),
    };
    if let Err(why) = checked {
        shared.complaints.lock().unwrap().push(why.clone());
        return (StatusCode::BAD_REQUEST, json!({ "error": { "message": why } }).to_string()).into_response();
    }
    let asked = Asked { path: uri.path().to_owned(), body, headers };
    let number = {
        let mut all = shared.asked.lock().unwrap();
        all.push(asked.clone());
        all.len() - 1
    };
    let model = match shared.speaks {
        Speaks::Gemini => {
            uri.path().rsplit('/').next().and_then(|m| m.split(':').next()).unwrap_or_default().to_owned()
        }
        Speaks::Chat => asked.body["model"].as_str().unwrap_or_default().to_owned(),
    };
    let (status, headers, body) = match (shared.script)(number, &asked) {
        Answer::Text(text) => {
            let reason = if shared.speaks == Speaks::Gemini { "STOP" } else { "stop" };
            (200, Vec::new(), reply(shared.speaks, &model, &text, reason, &asked))
        }
        Answer::Ends(text, reason) => (200, Vec::new(), reply(shared.speaks, &model, &text, reason, &asked)),
        Answer::Raw { status, headers, body } => (status, headers, body),
        Answer::Hang => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            return StatusCode::GATEWAY_TIMEOUT.into_response();
        }
    };
    shared.answered.lock().unwrap().push((status, body.clone()));
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

/// What the server says of itself: the key and the model are live unless the story says otherwise.
fn looked_at(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Response {
    let (path, has_key) = match shared.speaks {
        Speaks::Gemini => ("/v1beta/models/", headers.contains_key("x-goog-api-key")),
        Speaks::Chat => ("/openai/v1/models", headers.contains_key("authorization")),
    };
    if shared.speaks == Speaks::Gemini && uri.path() == "/v1beta/models" && has_key {
        let listed = shared.list.lock().unwrap().clone();
        return listed.unwrap_or_else(|| json!({ "models": [] })).to_string().into_response();
    }
    if !uri.path().starts_with(path) || uri.query().is_some() || !has_key {
        shared.complaints.lock().unwrap().push(format!("no such look: {uri}"));
        return StatusCode::BAD_REQUEST.into_response();
    }
    match shared.look.lock().unwrap().clone() {
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response(),
        None if shared.speaks == Speaks::Gemini => json!({ "name": uri.path() }).to_string().into_response(),
        None => json!({ "object": "list", "data": [] }).to_string().into_response(),
    }
}

fn reply(speaks: Speaks, model: &str, text: &str, reason: &str, asked: &Asked) -> String {
    // About what the real ones count.
    let tokens = |text: &str| text.len() / 4 + 1;
    let (input, output) = (tokens(&asked.prompt()), tokens(text));
    match speaks {
        Speaks::Gemini => json!({
            "candidates": [{
                "content": { "role": "model", "parts": [{ "text": text }] },
                "finishReason": reason,
                "index": 0,
            }],
            "usageMetadata": {
                "promptTokenCount": input,
                "candidatesTokenCount": output,
                "thoughtsTokenCount": 5,
                "totalTokenCount": input + output + 5,
            },
            "modelVersion": model,
            "responseId": "scripted",
        }),
        Speaks::Chat => json!({
            "id": "chatcmpl-scripted",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": text },
                "logprobs": null,
                "finish_reason": reason,
            }],
            "usage": { "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output },
        }),
    }
    .to_string()
}

fn known_keys(what: &str, value: &Value, allowed: &[&str]) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{what} is no object: {value}"))?;
    match object.keys().find(|k| !allowed.contains(&k.as_str())) {
        Some(key) => Err(format!("unknown name {key:?} at {what:?}")),
        None => Ok(()),
    }
}

fn common(uri: &Uri, headers: &HeaderMap) -> Result<(), String> {
    if uri.query().is_some() {
        return Err(format!("the address carries a query: {uri}"));
    }
    match headers.get("content-type").and_then(|v| v.to_str().ok()) {
        Some("application/json") => Ok(()),
        other => Err(format!("content type {other:?}")),
    }
}

fn check_gemini(uri: &Uri, headers: &HeaderMap, body: &Value) -> Result<(), String> {
    common(uri, headers)?;
    let path = uri.path();
    let fits = path.strip_prefix("/v1beta/models/").and_then(|m| m.strip_suffix(":generateContent"));
    if fits.is_none_or(|m| m.is_empty() || m.contains('/')) {
        return Err(format!("no such method: {path}"));
    }
    if headers.get("x-goog-api-key").is_none_or(axum::http::HeaderValue::is_empty)
        || headers.contains_key("authorization")
    {
        return Err("the key belongs into x-goog-api-key alone".to_owned());
    }
    known_keys("body", body, &["contents", "systemInstruction", "generationConfig", "safetySettings"])?;
    for content in body["contents"].as_array().ok_or("contents is no list")? {
        known_keys("contents", content, &["role", "parts"])?;
        if !matches!(content["role"].as_str(), Some("user" | "model")) {
            return Err(format!("role {}", content["role"]));
        }
        content["parts"][0]["text"].as_str().ok_or("a part without text")?;
    }
    body["systemInstruction"]["parts"][0]["text"].as_str().ok_or("no system text")?;
    let config = &body["generationConfig"];
    let allowed = [
        "candidateCount",
        "maxOutputTokens",
        "responseMimeType",
        "responseJsonSchema",
        "temperature",
        "thinkingConfig",
        "topP",
        "topK",
        "seed",
        "stopSequences",
    ];
    known_keys("generationConfig", config, &allowed)?;
    config["maxOutputTokens"].as_u64().filter(|n| *n > 0).ok_or("maxOutputTokens is no positive number")?;
    if config.get("responseJsonSchema").is_some() && config["responseMimeType"] != "application/json" {
        return Err("responseJsonSchema needs responseMimeType application/json".to_owned());
    }
    if let Some(thinking) = config.get("thinkingConfig") {
        known_keys("thinkingConfig", thinking, &["thinkingLevel", "thinkingBudget", "includeThoughts"])?;
        if thinking.get("thinkingLevel").is_some() && thinking.get("thinkingBudget").is_some() {
            return Err("thinking level and budget exclude each other".to_owned());
        }
        if thinking
            .get("thinkingLevel")
            .is_some_and(|level| !matches!(level.as_str(), Some("MINIMAL" | "LOW" | "MEDIUM" | "HIGH")))
        {
            return Err(format!("thinking level {}", thinking["thinkingLevel"]));
        }
    }
    Ok(())
}

fn check_chat(uri: &Uri, headers: &HeaderMap, body: &Value) -> Result<(), String> {
    common(uri, headers)?;
    if uri.path() != "/openai/v1/chat/completions" {
        return Err(format!("no such path: {}", uri.path()));
    }
    if headers.contains_key("x-goog-api-key") {
        return Err("another provider's key".to_owned());
    }
    let allowed = [
        "model",
        "messages",
        "max_completion_tokens",
        "max_tokens",
        "temperature",
        "reasoning_effort",
        "include_reasoning",
        "response_format",
        "seed",
        "stop",
        "top_p",
        "n",
        "stream",
    ];
    known_keys("body", body, &allowed)?;
    body["model"].as_str().filter(|m| !m.is_empty()).ok_or("no model")?;
    for message in body["messages"].as_array().ok_or("messages is no list")? {
        known_keys("messages", message, &["role", "content", "name"])?;
        if !matches!(message["role"].as_str(), Some("system" | "user" | "assistant" | "developer")) {
            return Err(format!("role {}", message["role"]));
        }
        message["content"].as_str().ok_or("content is no text")?;
    }
    if body.get("max_tokens").is_some() && body.get("max_completion_tokens").is_some() {
        return Err("max_tokens and max_completion_tokens exclude each other".to_owned());
    }
    if let Some(effort) = body.get("reasoning_effort")
        && !matches!(effort.as_str(), Some("none" | "minimal" | "default" | "low" | "medium" | "high"))
    {
        return Err(format!("reasoning_effort {effort}"));
    }
    let Some(format) = body.get("response_format") else { return Ok(()) };
    match format["type"].as_str() {
        Some("json_schema") => {
            known_keys("response_format", format, &["type", "json_schema"])?;
            let spec = &format["json_schema"];
            known_keys("json_schema", spec, &["name", "description", "schema", "strict"])?;
            let name = spec["name"].as_str().unwrap_or_default();
            if name.is_empty()
                || name.len() > 64
                || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
            {
                return Err(format!("schema name {name:?}"));
            }
            if spec["strict"] == true { strict(&spec["schema"]) } else { Ok(()) }
        }
        Some("json_object") => {
            // The servers insist on the word.
            let said = body["messages"].to_string().to_lowercase().contains("json");
            if said { Ok(()) } else { Err("'messages' must contain the word 'json'".to_owned()) }
        }
        other => Err(format!("response_format {other:?}")),
    }
}

/// Strict decoding wants every property required and none additional, at every depth.
fn strict(schema: &Value) -> Result<(), String> {
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().ok_or("an object without properties")?;
            let required: Vec<&str> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if schema["additionalProperties"] != false
                || properties.keys().any(|k| !required.contains(&k.as_str()))
            {
                return Err(format!("not strict: {schema}"));
            }
            properties.values().try_for_each(strict)
        }
        Some("array") => strict(&schema["items"]),
        _ => Ok(()),
    }
}
