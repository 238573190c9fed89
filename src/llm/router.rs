//! Failover between providers, typed by the kind of failure, within the question's limits.
//!
//! One request at a time. A provider that can never answer in this run (bad key, spent quota, retired model) is
//! left alone for the rest of it; one that asks to wait is waited for when nobody else can answer sooner. A switch
//! is reported when the next provider is really asked, never before.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use super::tables::{self, ChatQuirks};
use super::wire::{self, Objection, Raw, Tokens, WireFailure, WireReply};
use super::{gemini, openai_compatible};
use crate::contract::event::{Event, EventSink};
use crate::contract::fix::Usage;
use crate::contract::model::{
    AskModel, FailureKind, ModelReply, ModelRequest, NoReply, NoReplyReason, ProviderFailure,
};
use crate::contract::outcome::BudgetKind;
use crate::error::ExpectedError;

/// One exchange may take so long.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// A provider is given this long to recover while another one could answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// And this long when no other can.
const LONGEST_WAIT: Duration = Duration::from_secs(90);
/// For one question, everybody is waited for this often.
const MOST_WAITS: u32 = 3;
/// Between two tries after an overload or a broken connection; doubled each time.
const BACKOFF: Duration = Duration::from_millis(400);
/// Waiting time of a rate limit that names none.
const DEFAULT_RATE_LIMIT_WAIT: Duration = Duration::from_secs(20);
/// Kept free before the deadline, so that a reply can still be used.
const MARGIN: Duration = Duration::from_secs(2);
/// Failures in a row, over all questions, after which a provider is left alone for the run.
const BREAKER_LIMIT: u32 = 4;
/// No reply of use is shorter.
const LEAST_OUTPUT: u64 = 256;
/// A truncated reply is asked for once more with at most this much room.
const MOST_OUTPUT: u32 = 16_384;

/// The wire format a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireFormat {
    Gemini,
    OpenAiCompatible,
}

/// One model server, as configured.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// `gemini`, `groq`, `openai`: also the stem of its inputs (`gemini-model`, …).
    pub name: String,
    pub format: WireFormat,
    /// `None` for local servers that want no key.
    pub api_key: Option<SecretString>,
    pub model: String,
    pub base_url: String,
}

/// Asks the configured providers in order. Lives for the whole run: its breakers remember.
pub struct Router {
    providers: Vec<Provider>,
    client: reqwest::Client,
    events: Arc<dyn EventSink>,
}

struct Provider {
    config: ProviderConfig,
    url: reqwest::Url,
    gemini: gemini::Traits,
    chat: ChatQuirks,
    /// Why it is left alone for the rest of the run.
    open: Option<ProviderFailure>,
    failures_in_a_row: u32,
    /// It asked to be left alone until then.
    not_before: Option<Instant>,
}

/// What became of one provider's turn.
enum Turn {
    Reply(WireReply),
    /// Ask the next one.
    Next(ProviderFailure),
    /// A request of this size could break the budget.
    Budget(BudgetKind),
}

/// The state of one question.
struct Question<'r> {
    request: &'r ModelRequest,
    usage: Usage,
    /// Provider whose failure is to be reported as a switch once the next one is asked.
    left: Option<ProviderFailure>,
}

impl Router {
    /// Checks the addresses; `client` must not follow redirects (see `http::Redirects`).
    pub fn new(
        configs: Vec<ProviderConfig>,
        client: reqwest::Client,
        events: Arc<dyn EventSink>,
    ) -> Result<Self, ExpectedError> {
        let providers = configs.into_iter().map(Provider::new).collect::<Result<_, _>>()?;
        Ok(Self { providers, client, events })
    }

    /// Names of the providers that may still answer in this run.
    #[must_use]
    pub fn available(&self) -> Vec<&str> {
        self.providers.iter().filter(|p| p.open.is_none()).map(|p| p.config.name.as_str()).collect()
    }

    async fn answer(&mut self, request: &ModelRequest) -> Result<ModelReply, NoReply> {
        let mut question =
            Question { request, usage: Usage { cost: Some(0.0), ..Usage::default() }, left: None };
        let mut causes: Vec<ProviderFailure> = Vec::new();
        let mut budget = None;
        let mut waits = 0;
        loop {
            let now = Instant::now();
            let ready = |p: &Provider| p.open.is_none() && p.not_before.is_none_or(|at| at <= now);
            // Those not asked in this question yet, or asked to wait and now due.
            let next = (0..self.providers.len()).find(|&i| {
                let p = &self.providers[i];
                let asked = causes.iter().any(|c| c.provider == p.config.name);
                ready(p) && (!asked || p.not_before.is_some())
            });
            let Some(index) = next else {
                // Everybody has been asked. Whoever asked us to wait gets another turn if the wait fits.
                let due =
                    self.providers.iter().filter(|p| p.open.is_none()).filter_map(|p| p.not_before).min();
                let latest = request.limits.deadline.checked_sub(MARGIN);
                match due {
                    Some(at)
                        if latest.is_some_and(|l| at < l)
                            && at <= now + LONGEST_WAIT
                            && budget.is_none()
                            && waits < MOST_WAITS =>
                    {
                        waits += 1;
                        tokio::time::sleep(at.saturating_duration_since(now)).await;
                        continue;
                    }
                    _ => break,
                }
            };
            let others =
                self.providers.iter().enumerate().any(|(i, p)| {
                    i != index && ready(p) && !causes.iter().any(|c| c.provider == p.config.name)
                });
            self.providers[index].not_before = None;
            match self.turn(index, &mut question, others).await {
                Turn::Reply(reply) => {
                    let config = &self.providers[index].config;
                    return Ok(ModelReply {
                        provider: config.name.clone(),
                        model: reply.model.unwrap_or_else(|| config.model.clone()),
                        text: reply.text,
                        usage: question.usage,
                    });
                }
                Turn::Next(failure) => {
                    causes.retain(|c| c.provider != failure.provider);
                    causes.push(failure.clone());
                    question.left = Some(failure);
                }
                Turn::Budget(which) => {
                    budget = Some(which);
                    if which != BudgetKind::Cost {
                        break;
                    }
                    // Another provider may be cheaper.
                    let config = &self.providers[index].config;
                    causes.push(ProviderFailure {
                        provider: config.name.clone(),
                        model: config.model.clone(),
                        kind: FailureKind::UnknownPrice,
                        message: "the request could break the cost budget".to_owned(),
                    });
                }
            }
        }
        if let Some(left) = question.left.take() {
            self.switched(&left, None);
        }
        let reason = match budget {
            Some(which) => NoReplyReason::Budget(which),
            None => {
                // Those left alone since an earlier question are causes, too.
                let open = self.providers.iter().filter_map(|p| p.open.as_ref());
                for failure in open {
                    if !causes.iter().any(|c| c.provider == failure.provider) {
                        causes.push(failure.clone());
                    }
                }
                NoReplyReason::Exhausted(causes)
            }
        };
        Err(NoReply { reason, usage: question.usage })
    }

    fn switched(&self, from: &ProviderFailure, to: Option<&str>) {
        self.events.emit(Event::ProviderSwitched {
            from: from.provider.clone(),
            to: to.map(str::to_owned),
            cause: format!("{}: {}", from.kind.as_str(), from.message),
        });
    }

    /// Asks one provider until it answers, or the kind of its failure says to leave it.
    async fn turn(&mut self, index: usize, question: &mut Question<'_>, others: bool) -> Turn {
        let request = question.request;
        let mut user = request.user.clone();
        let mut max_output = request.max_output_tokens;
        let mut tries: u32 = 0;
        let (mut truncated, mut malformed) = (false, false);
        loop {
            let provider = &self.providers[index];
            let room = match room(provider, question, &user, max_output) {
                Ok(room) => room,
                Err(Refusal::Budget(which)) => return Turn::Budget(which),
                Err(Refusal::UnknownPrice) => {
                    let failure = WireFailure::new(
                        FailureKind::UnknownPrice,
                        "`cost-budget` is set and the price of this model is not known",
                    );
                    return self.leave(index, failure);
                }
            };
            let left = request.limits.deadline.saturating_duration_since(Instant::now());
            if left <= MARGIN {
                return Turn::Budget(BudgetKind::Time);
            }
            if let Some(from) = question.left.take() {
                self.switched(&from, Some(&self.providers[index].config.name));
            }
            let timeout = REQUEST_TIMEOUT.min(left);
            let asked = self.exchange(index, request, &user, room, timeout).await;
            let asked = asked.and_then(|reply| match (request.validate)(&reply.text) {
                Ok(()) => Ok(reply),
                Err(why) => {
                    let tokens = reply.tokens.or_else(|| Some(likely(request, &user, &reply.text)));
                    Err(WireFailure::new(FailureKind::Malformed, format!("not the JSON asked for: {why}"))
                        .tokens(tokens))
                }
            });
            let model = self.providers[index].config.model.clone();
            let failure = match asked {
                Ok(reply) => {
                    let estimated = reply.tokens.is_none();
                    let tokens = reply.tokens.unwrap_or_else(|| likely(request, &user, &reply.text));
                    book(&mut question.usage, &model, tokens, estimated);
                    self.providers[index].failures_in_a_row = 0;
                    return Turn::Reply(reply);
                }
                Err(failure) => failure,
            };
            if let Some(tokens) = failure.tokens {
                book(&mut question.usage, &model, tokens, false);
            } else if failure.kind == FailureKind::Timeout {
                // The server may have worked, and charged, all the while.
                book(&mut question.usage, &model, likely(request, &user, ""), true);
            }
            let wait = match failure.kind {
                FailureKind::BadRequest if self.step_down(index, failure.objection) => Duration::ZERO,
                FailureKind::Truncated if !truncated && max_output < MOST_OUTPUT => {
                    truncated = true;
                    max_output = (max_output * 2).min(MOST_OUTPUT);
                    Duration::ZERO
                }
                FailureKind::Malformed | FailureKind::Empty if !malformed => {
                    malformed = true;
                    user = format!(
                        "{}\n\nYour previous reply could not be used ({}). Reply with exactly one JSON object that \
                         fits the schema, without any text around it.",
                        request.user, failure.message
                    );
                    Duration::ZERO
                }
                FailureKind::RateLimit => {
                    let wait = failure.retry_after.unwrap_or(DEFAULT_RATE_LIMIT_WAIT);
                    let patience = if others { PATIENCE } else { LONGEST_WAIT };
                    if wait > patience || wait + MARGIN >= left || tries >= 2 {
                        self.providers[index].not_before = Some(Instant::now() + wait);
                        return self.leave(index, failure);
                    }
                    tries += 1;
                    wait
                }
                FailureKind::Overload | FailureKind::Network if tries < 1 => {
                    let wait = failure.retry_after.unwrap_or(BACKOFF * 2_u32.pow(tries));
                    if wait > PATIENCE || wait + MARGIN >= left {
                        return self.leave(index, failure);
                    }
                    tries += 1;
                    wait
                }
                _ => return self.leave(index, failure),
            };
            tokio::time::sleep(wait).await;
        }
    }

    fn step_down(&mut self, index: usize, objection: Option<Objection>) -> bool {
        let provider = &mut self.providers[index];
        match (provider.config.format, objection) {
            (WireFormat::Gemini, Some(part)) => provider.gemini.drop_part(part),
            (WireFormat::OpenAiCompatible, Some(part)) => {
                openai_compatible::drop_part(&mut provider.chat, part)
            }
            (_, None) => false,
        }
    }

    /// Notes the failure against the provider and says why it is left.
    fn leave(&mut self, index: usize, failure: WireFailure) -> Turn {
        let provider = &mut self.providers[index];
        let config = &provider.config;
        let failure = ProviderFailure {
            provider: config.name.clone(),
            model: config.model.clone(),
            kind: failure.kind,
            message: explain(config, &failure),
        };
        match failure.kind {
            // These will not pass in this run.
            FailureKind::Auth | FailureKind::Quota | FailureKind::Model | FailureKind::UnknownPrice => {
                provider.open = Some(failure.clone());
            }
            // These are about this question, not about the provider.
            FailureKind::Safety | FailureKind::Refusal | FailureKind::TooLarge | FailureKind::RateLimit => {}
            _ => {
                provider.failures_in_a_row += 1;
                if provider.failures_in_a_row >= BREAKER_LIMIT {
                    provider.open = Some(failure.clone());
                }
            }
        }
        Turn::Next(failure)
    }

    async fn exchange(
        &self,
        index: usize,
        request: &ModelRequest,
        user: &str,
        max_output: u32,
        timeout: Duration,
    ) -> Result<WireReply, WireFailure> {
        let provider = &self.providers[index];
        let config = &provider.config;
        let (body, header, scheme, read): (_, _, _, fn(&Raw) -> _) = match config.format {
            WireFormat::Gemini => {
                let body = gemini::body(request, user, &config.model, max_output, provider.gemini);
                (body, gemini::KEY_HEADER, "", gemini::read)
            }
            WireFormat::OpenAiCompatible => {
                let body = openai_compatible::body(request, user, &config.model, max_output, &provider.chat);
                let (header, scheme) = (openai_compatible::KEY_HEADER, openai_compatible::KEY_SCHEME);
                (body, header, scheme, openai_compatible::read)
            }
        };
        let key = config.api_key.as_ref().map(|secret| (header, secret, scheme));
        read(&wire::post(&self.client, provider.url.clone(), key, &body, timeout).await?)
    }
}

impl AskModel for Router {
    fn ask<'a>(
        &'a mut self,
        request: &'a ModelRequest,
    ) -> Pin<Box<dyn Future<Output = Result<ModelReply, NoReply>> + Send + 'a>> {
        Box::pin(self.answer(request))
    }
}

impl Provider {
    fn new(config: ProviderConfig) -> Result<Self, ExpectedError> {
        let url = check(&config)?;
        let chat = tables::chat_quirks(&config.name, &config.model);
        Ok(Self {
            config,
            url,
            gemini: gemini::Traits::default(),
            chat,
            open: None,
            failures_in_a_row: 0,
            not_before: None,
        })
    }
}

/// The address that answers questions; an error where the configuration makes none.
pub(super) fn check(config: &ProviderConfig) -> Result<reqwest::Url, ExpectedError> {
    let name = &config.name;
    let bad = |what: String| {
        ExpectedError::usage(format!("{name}-base-url {:?} {what}", config.base_url))
            .hint("give an address such as https://host/v1, without user, password, query or key")
    };
    let base = reqwest::Url::parse(&config.base_url).map_err(|e| bad(format!("is not an address: {e}")))?;
    if !matches!(base.scheme(), "http" | "https") {
        return Err(bad("is neither http nor https".to_owned()));
    }
    if !base.username().is_empty() || base.password().is_some() || base.query().is_some() {
        return Err(bad("carries more than host and path".to_owned()));
    }
    let model_ok = !config.model.is_empty()
        && config.model.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@+".contains(&b))
        && !config.model.contains("..");
    if !model_ok {
        return Err(ExpectedError::usage(format!("{name}-model {:?} is not a model id", config.model))
            .hint("letters, digits and -_./:@+ as in the provider's model list"));
    }
    let text = match config.format {
        WireFormat::Gemini => gemini::path(&config.base_url, &config.model),
        WireFormat::OpenAiCompatible => openai_compatible::path(&config.base_url),
    };
    reqwest::Url::parse(&text).map_err(|e| bad(format!("is not an address: {e}")))
}

enum Refusal {
    Budget(BudgetKind),
    UnknownPrice,
}

/// How many tokens the reply may have, so that the whole request stays inside the budgets whatever it contains.
fn room(provider: &Provider, question: &Question<'_>, user: &str, wanted: u32) -> Result<u32, Refusal> {
    let request = question.request;
    let prompt = tables::tokens_at_most(&request.system)
        + tables::tokens_at_most(user)
        // In the weaker JSON modes the schema is part of the prompt.
        + tables::tokens_at_most(&request.schema.to_string());
    let tokens_left = request.limits.tokens.saturating_sub(question.usage.tokens());
    let mut room = u64::from(wanted).min(tokens_left.saturating_sub(prompt));
    if room < LEAST_OUTPUT {
        return Err(Refusal::Budget(BudgetKind::Tokens));
    }
    if let Some(limit) = request.limits.cost {
        let price = tables::price(&provider.config.model).ok_or(Refusal::UnknownPrice)?;
        let spent = question.usage.cost.unwrap_or(0.0);
        #[expect(clippy::cast_precision_loss, reason = "token counts are small")]
        let left = limit - spent - prompt as f64 * price.input / 1e6;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded by `room` below"
        )]
        let affordable = (left.max(0.0) * 1e6 / price.output) as u64;
        room = room.min(affordable);
        if room < LEAST_OUTPUT {
            return Err(Refusal::Budget(BudgetKind::Cost));
        }
    }
    Ok(u32::try_from(room).unwrap_or(wanted))
}

fn likely(request: &ModelRequest, user: &str, reply: &str) -> Tokens {
    Tokens {
        input: tables::tokens_likely(&request.system) + tables::tokens_likely(user),
        output: tables::tokens_likely(reply),
    }
}

fn book(usage: &mut Usage, model: &str, tokens: Tokens, estimated: bool) {
    usage.tokens_in += tokens.input;
    usage.tokens_out += tokens.output;
    usage.estimated |= estimated;
    // One unknown price makes the sum unknown.
    usage.cost = match (usage.cost, tables::cost(model, tokens.input, tokens.output)) {
        (Some(sum), Some(cost)) => Some(sum + cost),
        _ => None,
    };
}

/// The server's words without the key, and the input to change where there is one.
pub(super) fn explain(config: &ProviderConfig, failure: &WireFailure) -> String {
    let mut message = failure.message.clone();
    if let Some(key) = &config.api_key
        && !key.expose_secret().is_empty()
    {
        message = message.replace(key.expose_secret(), "***");
    }
    let name = &config.name;
    match failure.kind {
        FailureKind::Model => {
            format!("model {:?} is not available ({message}); set the input `{name}-model`", config.model)
        }
        FailureKind::Auth => format!("{message}; check the input `{name}-api-key`"),
        FailureKind::Network => format!("{message}; check the input `{name}-base-url`"),
        FailureKind::UnknownPrice => format!("{message}; unset `cost-budget` or set `{name}-model`"),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(base_url: &str, model: &str) -> ProviderConfig {
        ProviderConfig {
            name: "openai".to_owned(),
            format: WireFormat::OpenAiCompatible,
            api_key: Some("sekret".into()),
            model: model.to_owned(),
            base_url: base_url.to_owned(),
        }
    }

    #[test]
    fn addresses_and_models_are_checked_before_anything_is_sent() {
        for bad in ["", "host/v1", "ftp://h/v1", "https://u:p@h/v1", "https://h/v1?key=1"] {
            let error =
                Provider::new(config(bad, "m")).err().unwrap_or_else(|| panic!("{bad:?} was accepted"));
            assert!(error.message.contains("openai-base-url"), "{error:?}");
        }
        for bad in ["", "a b", "../x", "m?key=1", "m#x"] {
            assert!(Provider::new(config("https://h/v1", bad)).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn explanations_name_the_input_and_never_the_key() {
        let config = config("https://h/v1", "m");
        let failure = WireFailure::new(FailureKind::Auth, "Incorrect API key provided: sekret");
        let text = explain(&config, &failure);
        assert!(text.contains("openai-api-key") && !text.contains("sekret"), "{text}");
        let text = explain(&config, &WireFailure::new(FailureKind::Model, "gone"));
        assert!(text.contains("`openai-model`"), "{text}");
    }
}
