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
use super::wire::{self, Exchanged, Objection, Raw, Tokens, WireFailure, WireReply};
use super::{command, family, gemini, openai_compatible};
use crate::contract::event::{Event, EventSink};
use crate::contract::fix::Usage;
use crate::contract::model::{
    AskModel, FailureKind, ModelReply, ModelRequest, NoReply, NoReplyReason, ProviderFailure,
};
use crate::contract::outcome::BudgetKind;
use crate::error::ExpectedError;
use crate::http::{Client, Url};
use crate::scope::Stopped;

/// One exchange with a public service may take so long, where nobody says otherwise.
const SERVICE_TIMEOUT: Duration = Duration::from_secs(90);
/// And one with any other server: on somebody's own machine a model may think for minutes.
const OWN_TIMEOUT: Duration = Duration::from_secs(600);
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
/// With less time left, what timed out is not asked again.
const WORTH_ASKING: Duration = Duration::from_secs(5);
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
    /// A program is started.
    Command,
}

/// One model server, as configured.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    /// `gemini`, `groq`, `openai`: also the stem of its inputs (`gemini-model`, …).
    pub name: String,
    pub format: WireFormat,
    /// `None` for local servers that want no key.
    pub api_key: Option<SecretString>,
    /// Of a program its name.
    pub model: String,
    pub base_url: String,
    /// For one exchange; `None`: as the server is a public service or not.
    pub timeout: Option<Duration>,
    /// The program and its arguments; empty for servers.
    pub command: Vec<String>,
    /// What a program may not find in its environment.
    pub hidden: Vec<SecretString>,
}

impl ProviderConfig {
    fn timeout(&self) -> Duration {
        let default = || if tables::is_known_service(&self.base_url) { SERVICE_TIMEOUT } else { OWN_TIMEOUT };
        self.timeout.unwrap_or_else(default)
    }
}

/// Asks the configured providers in order. Lives for the whole run: its breakers remember.
pub struct Router {
    providers: Vec<Provider>,
    client: Client,
    events: Arc<dyn EventSink>,
}

struct Provider {
    config: ProviderConfig,
    /// `None`: it is a program.
    url: Option<Url>,
    gemini: gemini::Traits,
    chat: ChatQuirks,
    /// Why it is left alone for the rest of the run.
    disabled: Option<ProviderFailure>,
    failures_in_a_row: u32,
    /// It asked to be left alone until then.
    not_before: Option<Instant>,
    /// Models that answered in the place of the one asked for, and have been told.
    told: Vec<String>,
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
    /// The last cause of each provider that has been asked.
    causes: Vec<ProviderFailure>,
    /// Why the next request was not sent.
    budget: Option<BudgetKind>,
    /// How often everybody was waited for.
    waits: u32,
    /// Provider whose failure is to be reported as a switch once the next one is asked.
    switched_from: Option<ProviderFailure>,
}

impl<'r> Question<'r> {
    fn new(request: &'r ModelRequest) -> Self {
        Self {
            request,
            usage: Usage { cost: Some(0.0), ..Usage::default() },
            causes: Vec::new(),
            budget: None,
            waits: 0,
            switched_from: None,
        }
    }

    fn has_asked(&self, provider: &Provider) -> bool {
        self.causes.iter().any(|c| c.provider == provider.config.name)
    }
}

/// The state of one provider's turn.
struct Attempt {
    /// The question, perhaps with what was wrong with the last reply.
    user: String,
    max_output: u32,
    tries: u32,
    truncated: bool,
    malformed: bool,
    timed_out: bool,
}

impl Router {
    /// Checks the addresses; `client` must not follow redirects (see `http::Redirects`), and its scope bounds every question.
    pub fn new(
        configs: Vec<ProviderConfig>,
        client: Client,
        events: Arc<dyn EventSink>,
    ) -> Result<Self, ExpectedError> {
        let providers = configs.into_iter().map(Provider::new).collect::<Result<_, _>>()?;
        Ok(Self { providers, client, events })
    }

    /// Names of the providers that may still answer in this run.
    #[must_use]
    pub fn available(&self) -> Vec<&str> {
        self.providers.iter().filter(|p| p.disabled.is_none()).map(|p| p.config.name.as_str()).collect()
    }

    async fn answer(&mut self, request: &ModelRequest) -> Result<ModelReply, NoReply> {
        let mut question = Question::new(request);
        match self.ask_in_order(&mut question).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(self.no_reply(question)),
            Err(stopped) => Err(NoReply { reason: NoReplyReason::Stopped(stopped), usage: question.usage }),
        }
    }

    /// Asks provider after provider; `None` where nobody is left to ask.
    async fn ask_in_order(&mut self, question: &mut Question<'_>) -> Result<Option<ModelReply>, Stopped> {
        loop {
            let now = Instant::now();
            let ready = |p: &Provider| p.disabled.is_none() && p.not_before.is_none_or(|at| at <= now);
            // Those not asked in this question yet, or asked to wait and now due.
            let next = self
                .providers
                .iter()
                .position(|p| ready(p) && (!question.has_asked(p) || p.not_before.is_some()));
            let Some(index) = next else {
                // Everybody has been asked. Whoever asked us to wait gets another turn if the wait fits.
                let Some(wait) = self.wait_that_fits(question, now) else { return Ok(None) };
                question.waits += 1;
                self.client.pause("waiting for a model server", wait).await?;
                continue;
            };
            let others = self
                .providers
                .iter()
                .enumerate()
                .any(|(i, p)| i != index && ready(p) && !question.has_asked(p));
            self.providers[index].not_before = None;
            match self.turn(index, question, others).await? {
                Turn::Reply(reply) => {
                    let config = &self.providers[index].config;
                    return Ok(Some(ModelReply {
                        provider: config.name.clone(),
                        model: reply.model.unwrap_or_else(|| config.model.clone()),
                        text: reply.text,
                        usage: question.usage,
                    }));
                }
                Turn::Next(failure) => {
                    question.causes.retain(|c| c.provider != failure.provider);
                    question.causes.push(failure.clone());
                    question.switched_from = Some(failure);
                }
                Turn::Budget(which) => {
                    question.budget = Some(which);
                    if which != BudgetKind::Cost {
                        return Ok(None);
                    }
                    // Another provider may be cheaper.
                    let config = &self.providers[index].config;
                    question.causes.push(ProviderFailure {
                        provider: config.name.clone(),
                        model: config.model.clone(),
                        kind: FailureKind::UnknownPrice,
                        message: "the request could break the cost budget".to_owned(),
                    });
                }
            }
        }
    }

    /// How long until the first provider that asked us to wait may be asked again, where that is worth it.
    fn wait_that_fits(&self, question: &Question<'_>, now: Instant) -> Option<Duration> {
        let due =
            self.providers.iter().filter(|p| p.disabled.is_none()).filter_map(|p| p.not_before).min()?;
        let latest = question.request.limits.deadline.checked_sub(MARGIN)?;
        let wait = due.saturating_duration_since(now);
        let fits = due < latest && wait <= LONGEST_WAIT && question.waits < MOST_WAITS;
        (fits && question.budget.is_none()).then_some(wait)
    }

    fn no_reply(&self, mut question: Question<'_>) -> NoReply {
        if let Some(from) = question.switched_from.take() {
            self.switched(&from, None);
        }
        let reason = match question.budget {
            Some(which) => NoReplyReason::Budget(which),
            None => {
                // Those left alone since an earlier question are causes, too.
                let disabled: Vec<ProviderFailure> = self
                    .providers
                    .iter()
                    .filter(|p| !question.has_asked(p))
                    .filter_map(|p| p.disabled.clone())
                    .collect();
                question.causes.extend(disabled);
                NoReplyReason::Exhausted(question.causes)
            }
        };
        NoReply { reason, usage: question.usage }
    }

    fn switched(&self, from: &ProviderFailure, to: Option<&str>) {
        self.events.emit(Event::ProviderSwitched {
            from: from.provider.clone(),
            to: to.map(str::to_owned),
            cause: format!("{}: {}", from.kind.as_str(), from.message),
        });
    }

    /// Asks one provider until it answers, or the kind of its failure says to leave it.
    async fn turn(
        &mut self,
        index: usize,
        question: &mut Question<'_>,
        others: bool,
    ) -> Result<Turn, Stopped> {
        let request = question.request;
        let mut attempt = Attempt {
            user: request.user.clone(),
            max_output: request.max_output_tokens,
            tries: 0,
            truncated: false,
            malformed: false,
            timed_out: false,
        };
        loop {
            let provider = &self.providers[index];
            let room = match affordable_output(provider, question, &attempt.user, attempt.max_output) {
                Ok(room) => room,
                Err(Refusal::Budget(which)) => return Ok(Turn::Budget(which)),
                Err(Refusal::UnknownPrice) => {
                    let failure = WireFailure::new(
                        FailureKind::UnknownPrice,
                        "`cost-budget` is set and the price of this model is not known",
                    );
                    return Ok(self.give_up(index, failure));
                }
            };
            let left = request.limits.deadline.saturating_duration_since(Instant::now());
            if left <= MARGIN {
                return Ok(Turn::Budget(BudgetKind::Time));
            }
            if let Some(from) = question.switched_from.take() {
                self.switched(&from, Some(&provider.config.name));
            }
            let failure = match self.ask_once(index, question, &attempt, room, left).await? {
                Ok(reply) => {
                    self.providers[index].failures_in_a_row = 0;
                    self.tell_who_answered(index, reply.model.as_deref());
                    return Ok(Turn::Reply(reply));
                }
                Err(failure) => failure,
            };
            match self.next_try(index, request, &mut attempt, &failure, left, others) {
                Some(wait) => self.client.pause("waiting for a model server", wait).await?,
                None => return Ok(self.give_up(index, failure)),
            }
        }
    }

    /// A server may hand a question on to another model than the one asked for; said once of each.
    fn tell_who_answered(&mut self, index: usize, answered: Option<&str>) {
        let provider = &mut self.providers[index];
        let config = &provider.config;
        let Some(other) = answered.filter(|name| family::is_other(&config.model, name)) else { return };
        if provider.told.iter().any(|name| name == other) {
            return;
        }
        provider.told.push(other.to_owned());
        let priced =
            if tables::price(other).is_some() { "it is priced as that" } else { "its price is not known" };
        let other = wire::quote(other);
        let what = format!("{}: asked for {:?}, {other:?} answered; {priced}", config.name, config.model);
        self.events.emit(Event::Warning { what });
    }

    /// One exchange, its reply checked and its cost booked.
    async fn ask_once(
        &self,
        index: usize,
        question: &mut Question<'_>,
        attempt: &Attempt,
        room: u32,
        left: Duration,
    ) -> Exchanged<WireReply> {
        let request = question.request;
        let (model, user) = (&self.providers[index].config.model, &attempt.user);
        let timeout = self.providers[index].config.timeout().min(left);
        let asked = self.exchange(index, request, user, room, timeout).await;
        // Where nothing came, the server may have worked, and charged, all the while.
        let nothing_came = match &asked {
            Err(_) => true,
            Ok(asked) => asked.as_ref().is_err_and(|f| f.kind == FailureKind::Timeout && f.tokens.is_none()),
        };
        if nothing_came {
            add_usage(&mut question.usage, model, estimated_tokens(request, user, ""), true);
        }
        let reply = match asked? {
            Ok(reply) => reply,
            Err(failure) => {
                if let Some(tokens) = failure.tokens {
                    add_usage(&mut question.usage, model, tokens, false);
                }
                return Ok(Err(failure));
            }
        };
        let is_estimated = reply.tokens.is_none();
        let tokens = reply.tokens.unwrap_or_else(|| estimated_tokens(request, user, &reply.text));
        let other = reply.model.as_deref().filter(|name| family::is_other(model, name));
        add_usage(&mut question.usage, other.unwrap_or(model), tokens, is_estimated);
        Ok((request.validate)(&reply.text).map(|()| reply).map_err(|why| {
            WireFailure::new(FailureKind::Malformed, format!("not the JSON asked for: {why}"))
        }))
    }

    /// What another try of the same provider should change, and how long to wait before it; `None` to leave it.
    fn next_try(
        &mut self,
        index: usize,
        request: &ModelRequest,
        attempt: &mut Attempt,
        failure: &WireFailure,
        left: Duration,
        others: bool,
    ) -> Option<Duration> {
        match failure.kind {
            FailureKind::BadRequest if self.step_down(index, failure.objection) => Some(Duration::ZERO),
            FailureKind::Truncated if !attempt.truncated && attempt.max_output < MOST_OUTPUT => {
                attempt.truncated = true;
                attempt.max_output = (attempt.max_output * 2).min(MOST_OUTPUT);
                Some(Duration::ZERO)
            }
            FailureKind::Malformed | FailureKind::Empty if !attempt.malformed => {
                attempt.malformed = true;
                attempt.user = format!(
                    "{}\n\nYour previous reply could not be used ({}). Reply with exactly one JSON object that \
                     fits the schema, without any text around it.",
                    request.user, failure.message
                );
                Some(Duration::ZERO)
            }
            FailureKind::RateLimit => {
                let wait = failure.retry_after.unwrap_or(DEFAULT_RATE_LIMIT_WAIT);
                let patience = if others { PATIENCE } else { LONGEST_WAIT };
                if wait > patience || wait + MARGIN >= left || attempt.tries >= 2 {
                    self.providers[index].not_before = Some(Instant::now() + wait);
                    return None;
                }
                attempt.tries += 1;
                Some(wait)
            }
            FailureKind::Overload | FailureKind::Network if attempt.tries < 1 => {
                let wait = failure.retry_after.unwrap_or(BACKOFF * 2_u32.pow(attempt.tries));
                let fits = wait <= PATIENCE && wait + MARGIN < left;
                fits.then(|| attempt.tries += 1).map(|()| wait)
            }
            // Nobody else is left to ask, and what was slow once may have been loading its model.
            FailureKind::Timeout if !others && !attempt.timed_out => {
                attempt.timed_out = true;
                let left = request.limits.deadline.saturating_duration_since(Instant::now());
                (left > MARGIN + WORTH_ASKING).then_some(Duration::ZERO)
            }
            _ => None,
        }
    }

    fn step_down(&mut self, index: usize, objection: Option<Objection>) -> bool {
        let provider = &mut self.providers[index];
        match (provider.config.format, objection) {
            (WireFormat::Gemini, Some(part)) => provider.gemini.drop_part(part),
            (WireFormat::OpenAiCompatible, Some(part)) => {
                openai_compatible::drop_part(&mut provider.chat, part)
            }
            (WireFormat::Command, Some(_)) | (_, None) => false,
        }
    }

    /// Notes the failure against the provider and says why it is left.
    fn give_up(&mut self, index: usize, failure: WireFailure) -> Turn {
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
                provider.disabled = Some(failure.clone());
            }
            // These are about this question, not about the provider.
            FailureKind::Safety | FailureKind::Refusal | FailureKind::TooLarge | FailureKind::RateLimit => {}
            _ => {
                provider.failures_in_a_row += 1;
                if provider.failures_in_a_row >= BREAKER_LIMIT {
                    provider.disabled = Some(failure.clone());
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
    ) -> Exchanged<WireReply> {
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
            WireFormat::Command => {
                return command::ask(self.client.scope(), config, request, user, timeout).await;
            }
        };
        let Some(url) = provider.url.clone() else {
            return Ok(Err(WireFailure::new(FailureKind::Network, "there is no address")));
        };
        let key = config.api_key.as_ref().map(|secret| (header, secret, scheme));
        let raw = wire::post(&self.client, url, key, &body, timeout).await?;
        Ok(raw.and_then(|raw| read(&raw)))
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
        let url = if config.format == WireFormat::Command { None } else { Some(check(&config)?) };
        let chat = tables::chat_quirks(&config.name, &config.model);
        Ok(Self {
            config,
            url,
            gemini: gemini::Traits::default(),
            chat,
            disabled: None,
            failures_in_a_row: 0,
            not_before: None,
            told: Vec::new(),
        })
    }
}

/// The address that answers questions; an error where the configuration makes none.
pub(super) fn check(config: &ProviderConfig) -> Result<Url, ExpectedError> {
    let name = &config.name;
    let bad = |what: String| {
        ExpectedError::usage(format!("{name}-base-url {:?} {what}", config.base_url))
            .hint("give an address such as https://host/v1, without user, password, query or key")
    };
    let base = Url::parse(&config.base_url).map_err(|e| bad(format!("is not an address: {e}")))?;
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
        WireFormat::OpenAiCompatible | WireFormat::Command => openai_compatible::path(&config.base_url),
    };
    Url::parse(&text).map_err(|e| bad(format!("is not an address: {e}")))
}

enum Refusal {
    Budget(BudgetKind),
    UnknownPrice,
}

/// How many tokens the reply may have, so that the whole request stays inside the budgets whatever it contains.
fn affordable_output(
    provider: &Provider,
    question: &Question<'_>,
    user: &str,
    wanted: u32,
) -> Result<u32, Refusal> {
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
    // What a program costs is between its owner and its maker.
    if let Some(limit) = request.limits.cost.filter(|_| provider.config.format != WireFormat::Command) {
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

fn estimated_tokens(request: &ModelRequest, user: &str, reply: &str) -> Tokens {
    Tokens {
        input: tables::tokens_likely(&request.system) + tables::tokens_likely(user),
        output: tables::tokens_likely(reply),
    }
}

fn add_usage(usage: &mut Usage, model: &str, tokens: Tokens, estimated: bool) {
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
    if config.format == WireFormat::Command {
        return format!("{}: {message}", wire::quote(&config.command.join(" ")));
    }
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
            timeout: None,
            command: Vec::new(),
            hidden: Vec::new(),
        }
    }

    #[test]
    fn a_server_of_one_s_own_may_think_longer() {
        assert_eq!(config("https://api.openai.com/v1", "m").timeout(), SERVICE_TIMEOUT);
        let own = config("http://localhost:8080/v1", "m");
        assert_eq!(own.timeout(), OWN_TIMEOUT);
        let named = ProviderConfig { timeout: Some(Duration::from_secs(5)), ..own };
        assert_eq!(named.timeout(), Duration::from_secs(5));
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
