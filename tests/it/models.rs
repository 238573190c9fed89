//! Failover between model servers, over the real wire formats.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ci_healer::contract::event::{Event, EventSink};
use ci_healer::contract::model::{
    AskModel, FailureKind, Limits, ModelReply, ModelRequest, NoReply, NoReplyReason,
};
use ci_healer::contract::outcome::BudgetKind;
use ci_healer::fixer::{check_reply, reply_schema};
use ci_healer::http::{self, Redirects};
use ci_healer::llm::{ProviderConfig, Router, WireFormat};
use ci_healer::scope::Scope;
use serde_json::json;

use crate::support::llm::{Answer, ScriptedLlm, Speaks};

const FIX: &str = r#"{"reason":"r","confidence":0.9,"edits":[{"path":"a","find":"b","replace":"c"}]}"#;
const GEMINI_KEY: &str = "gemini-key-0123456789";
const GROQ_KEY: &str = "groq-key-0123456789";

#[derive(Default)]
struct Switches(Mutex<Vec<(String, Option<String>, String)>>, Mutex<Vec<String>>);

impl EventSink for Switches {
    fn emit(&self, event: Event) {
        match event {
            Event::ProviderSwitched { from, to, cause } => self.0.lock().unwrap().push((from, to, cause)),
            Event::Warning { what } => self.1.lock().unwrap().push(what),
            _ => {}
        }
    }
}

fn text() -> Answer {
    Answer::Text(FIX.to_owned())
}

fn gemini(server: &ScriptedLlm) -> ProviderConfig {
    ProviderConfig {
        name: "gemini".to_owned(),
        format: WireFormat::Gemini,
        api_key: Some(GEMINI_KEY.into()),
        model: "gemini-3.5-flash".to_owned(),
        base_url: server.base_url(),
        timeout: None,
        command: Vec::new(),
        hidden: Vec::new(),
    }
}

fn groq(server: &ScriptedLlm) -> ProviderConfig {
    groq_at(&server.base_url())
}

pub(crate) fn groq_at(base_url: &str) -> ProviderConfig {
    ProviderConfig {
        name: "groq".to_owned(),
        format: WireFormat::OpenAiCompatible,
        api_key: Some(GROQ_KEY.into()),
        model: "openai/gpt-oss-120b".to_owned(),
        base_url: base_url.to_owned(),
        timeout: None,
        command: Vec::new(),
        hidden: Vec::new(),
    }
}

fn request(limits: Limits) -> ModelRequest {
    ModelRequest {
        system: "You fix builds. Reply with JSON.".to_owned(),
        user: "error[E0425]: cannot find value `x`".to_owned(),
        schema_name: "fix",
        schema: reply_schema(),
        validate: check_reply,
        max_output_tokens: 2048,
        limits,
    }
}

pub(crate) fn limits() -> Limits {
    Limits { tokens: 100_000, cost: None, deadline: Instant::now() + Duration::from_secs(60) }
}

pub(crate) struct Asker {
    router: Router,
    switches: Arc<Switches>,
}

impl Asker {
    fn new(configs: Vec<ProviderConfig>) -> Self {
        Self::with(http::Client::new(&Scope::unbounded(), None, Redirects::Refuse).unwrap(), configs)
    }

    pub(crate) fn with(client: http::Client, configs: Vec<ProviderConfig>) -> Self {
        let switches = Arc::new(Switches::default());
        let router = Router::new(configs, client, Arc::clone(&switches) as Arc<dyn EventSink>).unwrap();
        Self { router, switches }
    }

    async fn ask(&mut self) -> Result<ModelReply, NoReply> {
        self.ask_within(limits()).await
    }

    pub(crate) async fn ask_within(&mut self, limits: Limits) -> Result<ModelReply, NoReply> {
        self.router.ask(&request(limits)).await
    }

    pub(crate) fn available(&self) -> Vec<&str> {
        self.router.available()
    }

    fn warnings(&self) -> Vec<String> {
        self.switches.1.lock().unwrap().clone()
    }

    pub(crate) fn switches(&self) -> Vec<(String, Option<String>, String)> {
        self.switches.0.lock().unwrap().clone()
    }
}

/// Gemini gives `answers`, Groq stands by; returns who answered and how often Gemini was asked.
async fn with_standby(answers: Vec<Answer>) -> (Asker, ModelReply, usize) {
    let (first, second) =
        (ScriptedLlm::new(Speaks::Gemini, answers).await, ScriptedLlm::new(Speaks::Chat, vec![text()]).await);
    let mut asker = Asker::new(vec![gemini(&first), groq(&second)]);
    let reply = asker.ask().await.unwrap();
    assert_eq!((first.complaints(), second.complaints()), (vec![], vec![]));
    let asked = first.asked().len();
    (asker, reply, asked)
}

#[tokio::test]
async fn the_first_provider_answers_and_nobody_switches() {
    let (asker, reply, _) = with_standby(vec![text()]).await;
    assert_eq!(
        (reply.provider.as_str(), reply.model.as_str(), reply.text.as_str()),
        ("gemini", "gemini-3.5-flash", FIX)
    );
    assert!(reply.usage.tokens_in > 0 && reply.usage.tokens_out > 0 && !reply.usage.estimated);
    assert!(reply.usage.cost.unwrap() > 0.0);
    assert!(asker.switches().is_empty());
}

#[tokio::test]
async fn keys_go_in_headers_alone() {
    let (first, second) = (
        ScriptedLlm::new(Speaks::Gemini, vec![Answer::gemini_error(503, "UNAVAILABLE", "x"); 2]).await,
        ScriptedLlm::new(Speaks::Chat, vec![text()]).await,
    );
    let mut asker = Asker::new(vec![gemini(&first), groq(&second)]);
    asker.ask().await.unwrap();
    assert_eq!(first.asked()[0].headers["x-goog-api-key"], GEMINI_KEY);
    assert_eq!(second.asked()[0].headers["authorization"], format!("Bearer {GROQ_KEY}"));
    for asked in first.asked().iter().chain(&second.asked()) {
        assert!(!asked.body.to_string().contains("-key-"), "a key is in a body");
    }
}

#[tokio::test]
async fn what_will_not_pass_in_this_run_is_left_at_once() {
    let quota = json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "quota",
        "details": [{ "violations": [{ "quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }] }] } });
    for (answer, cause) in [
        (
            Answer::gemini_error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            "auth",
        ),
        (Answer::gemini_error(403, "PERMISSION_DENIED", "denied"), "auth"),
        (Answer::gemini_error(404, "NOT_FOUND", "models/gemini-3.5-flash is not found"), "model"),
        (Answer::status(429, &quota), "quota"),
    ] {
        let (mut asker, reply, asked) = with_standby(vec![answer]).await;
        assert_eq!((reply.provider.as_str(), asked), ("groq", 1), "{cause}");
        let switches = asker.switches();
        assert_eq!(switches.len(), 1, "{switches:?}");
        assert_eq!((switches[0].0.as_str(), switches[0].1.as_deref()), ("gemini", Some("groq")));
        assert!(switches[0].2.starts_with(&format!("{cause}: ")), "{switches:?}");
        assert_eq!(asker.router.available(), ["groq"]);
        // The next question does not go there again, and that is no new switch.
        assert!(asker.ask().await.is_err(), "the standby's script is over");
        assert_eq!(asker.switches().len(), 2);
    }
}

#[tokio::test]
async fn an_unknown_model_names_the_input_to_set() {
    let server = ScriptedLlm::new(
        Speaks::Chat,
        vec![Answer::chat_error(400, "model_decommissioned", "The model has been decommissioned")],
    )
    .await;
    let no_reply = Asker::new(vec![groq(&server)]).ask().await.unwrap_err();
    let NoReplyReason::Exhausted(causes) = no_reply.reason else { panic!("{no_reply:?}") };
    assert_eq!(causes[0].kind, FailureKind::Model);
    assert!(
        causes[0].message.contains("`groq-model`") && causes[0].message.contains("gpt-oss-120b"),
        "{causes:?}"
    );
}

#[tokio::test]
async fn what_may_pass_is_tried_once_more() {
    for (answer, asked_want) in [
        (Answer::gemini_error(503, "UNAVAILABLE", "The model is overloaded."), 2),
        (Answer::gemini_error(500, "INTERNAL", "oops"), 2),
        (Answer::Raw { status: 502, headers: vec![], body: "<html>bad gateway</html>".to_owned() }, 2),
    ] {
        let (_, reply, asked) = with_standby(vec![answer.clone(), text()]).await;
        assert_eq!((reply.provider.as_str(), asked), ("gemini", asked_want));
        let (asker, reply, asked) = with_standby(vec![answer.clone(), answer]).await;
        assert_eq!((reply.provider.as_str(), asked), ("groq", asked_want));
        assert!(asker.switches()[0].2.starts_with("overload: "));
    }
}

#[tokio::test]
async fn replies_of_no_use_get_a_second_chance_and_are_charged() {
    for (answer, kind) in [
        (Answer::Text("I think you should add a semicolon.".to_owned()), "malformed"),
        (Answer::Text(r#"{"edits": []}"#.to_owned()), "malformed"),
        (Answer::Text(String::new()), "empty"),
        (Answer::Ends("{\"reas".to_owned(), "MAX_TOKENS"), "truncated"),
        (Answer::status(200, &json!({ "candidates": [] })), "empty"),
        (Answer::Raw { status: 200, headers: vec![], body: "<html>".to_owned() }, "malformed"),
    ] {
        let (_, reply, asked) = with_standby(vec![answer.clone(), text()]).await;
        assert_eq!((reply.provider.as_str(), asked), ("gemini", 2), "{kind}");
        let (asker, reply, asked) = with_standby(vec![answer.clone(), answer]).await;
        assert_eq!((reply.provider.as_str(), asked), ("groq", 2), "{kind}");
        assert!(asker.switches()[0].2.starts_with(&format!("{kind}: ")), "{:?}", asker.switches());
    }
    // Thrown away or not, the tokens were used.
    let (_, once, _) = with_standby(vec![text()]).await;
    let (_, twice, _) = with_standby(vec![Answer::Text("no".to_owned()), text()]).await;
    assert!(twice.usage.tokens_in > once.usage.tokens_in * 3 / 2);
}

#[tokio::test]
async fn a_truncated_reply_gets_more_room() {
    let server =
        ScriptedLlm::new(Speaks::Gemini, vec![Answer::Ends("{".to_owned(), "MAX_TOKENS"), text()]).await;
    Asker::new(vec![gemini(&server)]).ask().await.unwrap();
    let room: Vec<u64> = server
        .asked()
        .iter()
        .map(|a| a.body["generationConfig"]["maxOutputTokens"].as_u64().unwrap())
        .collect();
    assert_eq!(room, [2048, 4096]);
}

#[tokio::test]
async fn filters_and_refusals_go_to_the_next_without_a_breaker() {
    for answer in [
        Answer::Ends("x".to_owned(), "SAFETY"),
        Answer::Ends("x".to_owned(), "RECITATION"),
        Answer::status(200, &json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" } })),
    ] {
        let (asker, reply, asked) = with_standby(vec![answer]).await;
        assert_eq!((reply.provider.as_str(), asked), ("groq", 1));
        assert!(asker.switches()[0].2.starts_with("safety: "));
        assert_eq!(asker.router.available(), ["gemini", "groq"]);
    }
    let refusal = json!({ "choices": [{ "finish_reason": "stop",
        "message": { "role": "assistant", "content": null, "refusal": "I cannot" } }] });
    let server = ScriptedLlm::new(Speaks::Chat, vec![Answer::status(200, &refusal)]).await;
    let no_reply = Asker::new(vec![groq(&server)]).ask().await.unwrap_err();
    assert!(matches!(&no_reply.reason, NoReplyReason::Exhausted(c) if c[0].kind == FailureKind::Refusal));
}

#[tokio::test]
async fn a_short_rate_limit_is_waited_for_and_a_long_one_is_not() {
    let limited = || Answer::gemini_error(429, "RESOURCE_EXHAUSTED", "slow down");
    let (asker, reply, asked) = with_standby(vec![limited().header("retry-after", "1"), text()]).await;
    assert_eq!((reply.provider.as_str(), asked), ("gemini", 2));
    assert!(asker.switches().is_empty());
    let (asker, reply, asked) = with_standby(vec![limited().header("retry-after", "30")]).await;
    assert_eq!((reply.provider.as_str(), asked), ("groq", 1));
    assert!(asker.switches()[0].2.starts_with("rate_limit: "));
    assert_eq!(asker.router.available(), ["gemini", "groq"], "it may answer again later");
}

#[tokio::test]
async fn a_rate_limit_beyond_the_deadline_is_not_waited_for() {
    let limited = Answer::chat_error(429, "rate_limit_exceeded", "slow").header("retry-after", "40");
    let server = ScriptedLlm::new(Speaks::Chat, vec![limited]).await;
    let mut asker = Asker::new(vec![groq(&server)]);
    let deadline = Instant::now() + Duration::from_secs(20);
    let no_reply = asker.ask_within(Limits { deadline, ..limits() }).await.unwrap_err();
    assert!(matches!(&no_reply.reason, NoReplyReason::Exhausted(c) if c[0].kind == FailureKind::RateLimit));
    assert!(Instant::now() < deadline);
    assert_eq!(asker.switches(), [("groq".to_owned(), None, "rate_limit: slow".to_owned())]);
}

#[tokio::test]
async fn no_connection_and_no_reply_are_told_apart() {
    let gone = ScriptedLlm::new(Speaks::Gemini, vec![]).await;
    let config = gemini(&gone);
    drop(gone);
    let standby = ScriptedLlm::new(Speaks::Chat, vec![text()]).await;
    let mut asker = Asker::new(vec![config, groq(&standby)]);
    assert_eq!(asker.ask().await.unwrap().provider, "groq");
    assert!(asker.switches()[0].2.starts_with("network: "), "{:?}", asker.switches());

    let silent = ScriptedLlm::new(Speaks::Gemini, vec![Answer::Hang]).await;
    let mut asker = Asker::new(vec![gemini(&silent)]);
    let deadline = Instant::now() + Duration::from_secs(3);
    let no_reply = asker.ask_within(Limits { deadline, ..limits() }).await.unwrap_err();
    assert!(
        matches!(&no_reply.reason, NoReplyReason::Exhausted(c) if c[0].kind == FailureKind::Timeout),
        "{no_reply:?}"
    );
    assert!(no_reply.usage.tokens_in > 0 && no_reply.usage.estimated, "the server may have charged for it");
}

#[tokio::test]
async fn a_server_that_dislikes_part_of_a_request_gets_less() {
    let dislikes = |message: &str| Answer::chat_error(400, "invalid", message);
    let server = ScriptedLlm::new(
        Speaks::Chat,
        vec![
            dislikes("This model does not support response format `json_schema`."),
            dislikes("This model does not support response format `json_schema`."),
            dislikes("response_format is not supported"),
            dislikes("Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead."),
            dislikes("Unsupported value: 'temperature' does not support 0"),
            text(),
            text(),
        ],
    )
    .await;
    let config = ProviderConfig {
        name: "openai".to_owned(),
        format: WireFormat::OpenAiCompatible,
        api_key: None,
        model: "local-model".to_owned(),
        base_url: server.base_url(),
        timeout: None,
        command: Vec::new(),
        hidden: Vec::new(),
    };
    let mut asker = Asker::new(vec![config]);
    asker.ask().await.unwrap();
    asker.ask().await.unwrap();
    assert_eq!(server.complaints(), [""; 0]);
    let asked = server.asked();
    assert_eq!(asked.len(), 7, "what was learnt holds for the run");
    let formats: Vec<_> = asked.iter().map(|a| a.body["response_format"]["type"].as_str()).collect();
    assert_eq!(formats[..4], [Some("json_schema"), Some("json_schema"), Some("json_object"), None]);
    let last = &asked[6].body;
    assert!(last.get("max_tokens").is_some() && last.get("temperature").is_none());
    assert!(
        asked[6].prompt().contains("additionalProperties"),
        "without a mode of its own the schema is in the prompt"
    );
    assert!(!asked[6].headers.contains_key("authorization"));
}

/// Every kind of request and reply, kept for the official SDKs to be held against (`make sdk-check`).
#[tokio::test]
async fn requests_and_replies_are_kept_for_the_sdks() {
    let dislikes = |message: &str| Answer::chat_error(400, "invalid", message);
    let down = || {
        vec![
            dislikes("This model does not support response format `json_schema`."),
            dislikes("This model does not support response format `json_schema`."),
            dislikes("response_format is not supported"),
            dislikes("Unsupported parameter: 'max_completion_tokens'. Use 'max_tokens' instead."),
            dislikes("Unsupported value: 'temperature' does not support 0"),
            text(),
        ]
    };
    let ends = |reason| vec![Answer::Ends(FIX.to_owned(), reason); 2];
    let mut kept = Vec::new();
    for (name, model, answers) in [
        ("gemini", "gemini-3.5-flash", vec![text()]),
        ("gemini", "gemini-2.5-flash", vec![text()]),
        ("gemini", "gemini-2.5-pro", ends("MAX_TOKENS")),
        ("gemini", "gemini-2.0-flash", ends("SAFETY")),
        ("groq", "openai/gpt-oss-120b", vec![text()]),
        ("groq", "moonshotai/kimi-k2-instruct", vec![text()]),
        ("groq", "meta-llama/llama-4-scout-17b-16e-instruct", vec![text()]),
        ("groq", "qwen/qwen3-32b", vec![text()]),
        ("groq", "llama-3.3-70b-versatile", ends("length")),
        ("openai", "gpt-4o-mini", vec![text()]),
        ("openai", "gpt-5-mini", vec![text()]),
        ("openai", "o4-mini", ends("length")),
        ("openai", "gpt-4o", ends("content_filter")),
        ("openai", "local-model", down()),
    ] {
        let (speaks, format) = match name {
            "gemini" => (Speaks::Gemini, WireFormat::Gemini),
            _ => (Speaks::Chat, WireFormat::OpenAiCompatible),
        };
        let server = ScriptedLlm::new(speaks, answers).await;
        let config = ProviderConfig {
            name: name.to_owned(),
            format,
            api_key: Some(GROQ_KEY.into()),
            model: model.to_owned(),
            base_url: server.base_url(),
            timeout: None,
            command: Vec::new(),
            hidden: Vec::new(),
        };
        // Whether it is taken for a reply is for other tests.
        let _ = Asker::new(vec![config]).ask().await;
        assert_eq!(server.complaints(), [""; 0], "{model}");
        let exchanges = server.asked().into_iter().zip(server.answered());
        kept.extend(exchanges.map(|(asked, (status, reply))| {
            json!({ "provider": name, "model": model, "path": asked.path, "request": asked.body,
                "status": status, "reply": serde_json::from_str::<serde_json::Value>(&reply).unwrap() })
        }));
    }
    assert!(kept.len() >= 19, "{}", kept.len());
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("exchanges.json");
    std::fs::write(file, serde_json::to_vec_pretty(&kept).unwrap()).unwrap();
}

#[tokio::test]
async fn requests_fit_each_model_s_quirks() {
    let server = ScriptedLlm::new(Speaks::Chat, vec![text()]).await;
    Asker::new(vec![groq(&server)]).ask().await.unwrap();
    let body = &server.asked()[0].body;
    assert_eq!(body["response_format"]["json_schema"]["strict"], true);
    assert_eq!((&body["reasoning_effort"], &body["include_reasoning"]), (&json!("low"), &json!(false)));
    let server = ScriptedLlm::new(Speaks::Gemini, vec![text()]).await;
    Asker::new(vec![gemini(&server)]).ask().await.unwrap();
    let config = &server.asked()[0].body["generationConfig"];
    assert_eq!(config["responseMimeType"], "application/json");
    assert_eq!(config["responseJsonSchema"], reply_schema());
    assert_eq!(config["thinkingConfig"]["thinkingLevel"], "LOW");
    assert!(config.get("temperature").is_none());
}

#[tokio::test]
async fn nothing_is_sent_that_could_break_a_budget() {
    let server = ScriptedLlm::new(Speaks::Gemini, vec![text(); 4]).await;
    let mut asker = Asker::new(vec![gemini(&server)]);
    let budget = |no_reply: NoReply| match no_reply.reason {
        NoReplyReason::Budget(which) => which,
        other => panic!("{other:?}"),
    };
    let poor = asker.ask_within(Limits { tokens: 300, ..limits() }).await.unwrap_err();
    assert_eq!(budget(poor), BudgetKind::Tokens);
    let poor = asker.ask_within(Limits { cost: Some(0.0001), ..limits() }).await.unwrap_err();
    assert_eq!(budget(poor), BudgetKind::Cost);
    let late = asker.ask_within(Limits { deadline: Instant::now(), ..limits() }).await.unwrap_err();
    assert_eq!(budget(late), BudgetKind::Time);
    assert!(server.asked().is_empty());
    // With little left the reply's room shrinks to what fits.
    asker.ask_within(Limits { tokens: 2000, ..limits() }).await.unwrap();
    let room = server.asked()[0].body["generationConfig"]["maxOutputTokens"].as_u64().unwrap();
    assert!((256..2000).contains(&room), "{room}");
    assert!(asker.switches().is_empty());
}

#[tokio::test]
async fn a_cost_budget_needs_a_known_price() {
    let (unknown, known) =
        (ScriptedLlm::new(Speaks::Chat, vec![]).await, ScriptedLlm::new(Speaks::Gemini, vec![text()]).await);
    let mut config = groq(&unknown);
    config.model = "some/new-model".to_owned();
    let mut asker = Asker::new(vec![config, gemini(&known)]);
    let reply = asker.ask_within(Limits { cost: Some(1.0), ..limits() }).await.unwrap();
    assert_eq!(reply.provider, "gemini");
    assert!(unknown.asked().is_empty());
}

#[tokio::test]
async fn without_providers_the_end_is_honest() {
    let no_reply = Asker::new(vec![]).ask().await.unwrap_err();
    assert_eq!(no_reply.reason, NoReplyReason::Exhausted(vec![]));
}

#[tokio::test]
async fn a_server_s_words_never_carry_the_key_on() {
    let answer =
        Answer::chat_error(401, "invalid_api_key", &format!("Incorrect API key provided: {GROQ_KEY}."));
    let server = ScriptedLlm::new(Speaks::Chat, vec![answer]).await;
    let mut asker = Asker::new(vec![groq(&server)]);
    let no_reply = asker.ask().await.unwrap_err();
    let told = format!("{no_reply:?} {:?}", asker.switches());
    assert!(!told.contains(GROQ_KEY) && told.contains("`groq-api-key`"), "{told}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = ScriptedLlm::new(Speaks::Chat, vec![text()]).await;
    let answer = Answer::Raw {
        status: 307,
        headers: vec![("location", format!("{}/chat/completions", elsewhere.base_url()))],
        body: String::new(),
    };
    let server = ScriptedLlm::new(Speaks::Chat, vec![answer]).await;
    assert!(Asker::new(vec![groq(&server)]).ask().await.is_err());
    assert!(elsewhere.asked().is_empty() && elsewhere.complaints().is_empty());
}

#[tokio::test]
async fn an_answer_of_another_model_is_told_once_and_priced_as_that() {
    let answer = || Answer::Raw {
        status: 200,
        headers: Vec::new(),
        body: json!({
            "candidates": [{"content": {"parts": [{"text": FIX}]}, "finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 1_000_000, "candidatesTokenCount": 0},
            "modelVersion": "gemini-3.1-flash-lite",
        })
        .to_string(),
    };
    let server = ScriptedLlm::new(Speaks::Gemini, vec![answer(), answer()]).await;
    let mut asker = Asker::new(vec![gemini(&server)]);
    let reply = asker.ask().await.unwrap();
    assert_eq!((reply.model.as_str(), reply.usage.cost), ("gemini-3.1-flash-lite", Some(0.25)));
    asker.ask().await.unwrap();
    let told =
        r#"gemini: asked for "gemini-3.5-flash", "gemini-3.1-flash-lite" answered; it is priced as that"#;
    assert_eq!(asker.warnings(), [told]);
}

#[tokio::test]
async fn the_last_one_left_is_asked_again_when_it_was_too_slow() {
    let slow =
        |server: &ScriptedLlm| ProviderConfig { timeout: Some(Duration::from_millis(300)), ..gemini(server) };
    let server = ScriptedLlm::new(Speaks::Gemini, vec![Answer::Hang, text()]).await;
    let mut asker = Asker::new(vec![slow(&server)]);
    asker.ask().await.unwrap();
    assert_eq!(server.asked().len(), 2);
    // Where another one is there, that one is asked instead.
    let server = ScriptedLlm::new(Speaks::Gemini, vec![Answer::Hang, text()]).await;
    let standby = ScriptedLlm::new(Speaks::Chat, vec![text()]).await;
    let mut asker = Asker::new(vec![slow(&server), groq(&standby)]);
    assert_eq!(asker.ask().await.unwrap().provider, "groq");
    assert_eq!(server.asked().len(), 1);
}
