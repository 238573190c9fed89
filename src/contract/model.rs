//! Asking a language model: what goes out, what comes back, and why nothing came. The fix agent asks, the
//! model layer answers; neither knows the other.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::fix::Usage;
use super::outcome::BudgetKind;
use super::stop::Stopped;

/// One question. The model gets text and returns JSON; it has no tools.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The standing rules.
    pub system: String,
    /// The case at hand, already redacted and delimited.
    pub user: String,
    /// The name some servers want beside the schema: letters, digits, `_`.
    pub schema_name: &'static str,
    /// JSON Schema of the reply; every property required, no additional ones.
    pub schema: serde_json::Value,
    /// Says what is wrong with a reply's text; a provider that fails this twice is left for the next.
    pub validate: fn(&str) -> Result<(), String>,
    pub max_output_tokens: u32,
    pub limits: Limits,
}

/// What this question may cost at most, over all its attempts.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Tokens in and out.
    pub tokens: u64,
    /// Dollars; `None` where nobody set a limit.
    pub cost: Option<f64>,
    pub deadline: Instant,
}

/// A reply that passed `validate`.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelReply {
    pub provider: String,
    /// As the server names it.
    pub model: String,
    pub text: String,
    /// Everything this question cost, replies thrown away included.
    pub usage: Usage,
}

/// No reply, after everything allowed was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct NoReply {
    pub reason: NoReplyReason,
    /// Spent all the same.
    pub usage: Usage,
}

#[derive(Debug, Clone, PartialEq)]
pub enum NoReplyReason {
    /// No provider left; the last cause of each. Empty: none is configured.
    Exhausted(Vec<ProviderFailure>),
    /// The next request could break this budget, so it was not sent.
    Budget(BudgetKind),
    /// The run was stopped; no provider is to blame.
    Stopped(Stopped),
}

/// Why a provider gave no usable reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProviderFailure {
    pub provider: String,
    pub model: String,
    pub kind: FailureKind,
    /// For people; redacted, with the input to change where there is one.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// 429 that passes by itself.
    RateLimit,
    /// The day's or the account's allowance is used up.
    Quota,
    /// 5xx and its kin.
    Overload,
    Timeout,
    /// No connection, TLS, DNS.
    Network,
    Auth,
    /// Retired, unknown or not open to this key.
    Model,
    /// The prompt is longer than the model or the plan takes.
    TooLarge,
    /// The server turned the request down for a reason of its own.
    BadRequest,
    /// Blocked by the provider's filters.
    Safety,
    /// The model declined in words.
    Refusal,
    /// The reply ended at the output limit.
    Truncated,
    Empty,
    Malformed,
    /// `cost-budget` is set and the price table does not know the model.
    UnknownPrice,
}

impl FailureKind {
    /// As in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RateLimit => "rate_limit",
            Self::Quota => "quota",
            Self::Overload => "overload",
            Self::Timeout => "timeout",
            Self::Network => "network",
            Self::Auth => "auth",
            Self::Model => "model",
            Self::TooLarge => "too_large",
            Self::BadRequest => "bad_request",
            Self::Safety => "safety",
            Self::Refusal => "refusal",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Malformed => "malformed",
            Self::UnknownPrice => "unknown_price",
        }
    }
}

/// Answers questions, failing over between providers as needed.
pub trait AskModel: Send {
    fn ask<'a>(
        &'a mut self,
        request: &'a ModelRequest,
    ) -> Pin<Box<dyn Future<Output = Result<ModelReply, NoReply>> + Send + 'a>>;
}
