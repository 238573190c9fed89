//! What differs between models: prices and quirks, each in one dated table. Nothing else in this room knows a
//! model by name.

/// Dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Price {
    pub(super) input: f64,
    pub(super) output: f64,
}

/// When the prices below were read off the providers' public lists.
pub const PRICES_AS_OF: &str = "2026-11";

/// Model-name prefix → price for text. The longest prefix that fits wins, so dated variants inherit.
/// Thinking tokens cost as output tokens.
const PRICES: &[(&str, f64, f64)] = &[
    ("gemini-3.5-flash", 1.50, 9.00),
    ("gemini-3-flash", 0.50, 3.00),
    ("gemini-3.1-flash-lite", 0.25, 1.50),
    ("gemini-3.1-pro", 2.00, 12.00),
    ("gemini-3-pro", 2.00, 12.00),
    ("gemini-2.5-flash-lite", 0.10, 0.40),
    ("gemini-2.5-flash", 0.30, 2.50),
    ("gemini-2.5-pro", 1.25, 10.00),
    ("openai/gpt-oss-120b", 0.15, 0.60),
    ("openai/gpt-oss-20b", 0.075, 0.30),
    ("gpt-4o-mini", 0.15, 0.60),
    ("gpt-4o", 2.50, 10.00),
    ("gpt-4.1-mini", 0.40, 1.60),
    ("gpt-4.1-nano", 0.10, 0.40),
    ("gpt-4.1", 2.00, 8.00),
    ("gpt-5-nano", 0.05, 0.40),
    ("gpt-5-mini", 0.25, 2.00),
    ("gpt-5", 1.25, 10.00),
];

/// What a model costs, where the table knows it.
pub(super) fn price(model: &str) -> Option<Price> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    longest(PRICES, model, |row| row.0).map(|row| Price { input: row.1, output: row.2 })
}

/// Dollars for so many tokens of this model.
pub(super) fn cost(model: &str, tokens_in: u64, tokens_out: u64) -> Option<f64> {
    let price = price(model)?;
    // Token counts are far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "token counts are small")]
    let cost = (tokens_in as f64 * price.input + tokens_out as f64 * price.output) / 1e6;
    Some(cost)
}

/// How to ask for JSON, from the strictest down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonMode {
    /// `json_schema` with `strict: true`: decoding is held to the schema.
    StrictSchema,
    /// `json_schema` as best effort.
    Schema,
    /// `json_object`: JSON, of any shape.
    Object,
    /// Nothing but the prompt.
    Prompt,
}

impl JsonMode {
    /// The next one down, after the server refused this one.
    pub(super) fn weaker(self) -> Option<Self> {
        match self {
            Self::StrictSchema => Some(Self::Schema),
            Self::Schema => Some(Self::Object),
            Self::Object => Some(Self::Prompt),
            Self::Prompt => None,
        }
    }
}

/// Peculiarities of a chat-completions model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChatQuirks {
    pub(super) json: JsonMode,
    /// `max_completion_tokens`; older servers know only `max_tokens`.
    pub(super) max_completion_tokens: bool,
    /// `reasoning_effort`, where the model reasons.
    pub(super) reasoning_effort: Option<&'static str>,
    /// Reasoning models turn down any `temperature` but their own.
    pub(super) temperature: bool,
    /// A switch only this family has.
    pub(super) extra: Option<(&'static str, bool)>,
}

const PLAIN: ChatQuirks = ChatQuirks {
    json: JsonMode::StrictSchema,
    max_completion_tokens: true,
    reasoning_effort: None,
    temperature: true,
    extra: None,
};

/// Provider and model-name prefix → quirks.
const CHAT_QUIRKS: &[(&str, &str, ChatQuirks)] = &[
    // Groq: `strict` only where decoding is constrained, which is the gpt-oss family; `include_reasoning: false`
    // keeps the thinking out of the reply.
    (
        "groq",
        "openai/gpt-oss-",
        ChatQuirks {
            reasoning_effort: Some("low"),
            temperature: true,
            extra: Some(("include_reasoning", false)),
            ..PLAIN
        },
    ),
    ("groq", "moonshotai/", ChatQuirks { json: JsonMode::Schema, ..PLAIN }),
    ("groq", "meta-llama/", ChatQuirks { json: JsonMode::Schema, ..PLAIN }),
    ("groq", "qwen/", ChatQuirks { json: JsonMode::Object, reasoning_effort: Some("none"), ..PLAIN }),
    ("groq", "", ChatQuirks { json: JsonMode::Object, ..PLAIN }),
    ("openai", "o1", ChatQuirks { reasoning_effort: Some("low"), temperature: false, ..PLAIN }),
    ("openai", "o3", ChatQuirks { reasoning_effort: Some("low"), temperature: false, ..PLAIN }),
    ("openai", "o4", ChatQuirks { reasoning_effort: Some("low"), temperature: false, ..PLAIN }),
    ("openai", "gpt-5", ChatQuirks { reasoning_effort: Some("low"), temperature: false, ..PLAIN }),
    ("openai", "", PLAIN),
];

/// The quirks to start with; the client steps down from them when a server says no.
pub(super) fn chat_quirks(provider: &str, model: &str) -> ChatQuirks {
    CHAT_QUIRKS
        .iter()
        .filter(|(p, prefix, _)| *p == provider && model.starts_with(prefix))
        .max_by_key(|(_, prefix, _)| prefix.len())
        .map_or(PLAIN, |(_, _, quirks)| *quirks)
}

/// How a Gemini model is told to think little: the 3 series by level, 2.5 by a budget, older ones not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GeminiThinking {
    Level(&'static str),
    Budget(i32),
    None,
}

const GEMINI_THINKING: &[(&str, GeminiThinking)] = &[
    ("gemini-3", GeminiThinking::Level("LOW")),
    ("gemini-2.5-flash", GeminiThinking::Budget(512)),
    ("gemini-2.5-pro", GeminiThinking::Budget(512)),
    ("gemini-", GeminiThinking::None),
];

pub(super) fn gemini_thinking(model: &str) -> GeminiThinking {
    longest(GEMINI_THINKING, model, |row| row.0).map_or(GeminiThinking::None, |row| row.1)
}

fn longest<'t, T>(table: &'t [T], model: &str, prefix: impl Fn(&T) -> &'static str) -> Option<&'t T> {
    table.iter().filter(|row| model.starts_with(prefix(row))).max_by_key(|row| prefix(row).len())
}

/// Tokens a text has at the very most in practice: two bytes each. Reservations use this, so that no request
/// breaks a budget; what was really spent comes from the reply.
pub(super) fn tokens_at_most(text: &str) -> u64 {
    (text.len() as u64).div_ceil(2)
}

/// The likely number, for booking where a provider gives none.
pub(super) fn tokens_likely(text: &str) -> u64 {
    (text.chars().count() as u64 * 2).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_gives_the_price() {
        assert_eq!(price("gemini-3.5-flash").unwrap().output, 9.0);
        assert_eq!(price("models/gemini-2.5-flash-lite-001").unwrap().input, 0.10);
        assert_eq!(price("gpt-4o-mini-2024-07-18").unwrap().input, 0.15);
        assert!(price("llama-3").is_none());
    }

    #[test]
    fn costs_are_per_million() {
        assert_eq!(cost("openai/gpt-oss-120b", 1_000_000, 1_000_000), Some(0.75));
    }

    #[test]
    fn quirks_fit_provider_and_model() {
        assert_eq!(chat_quirks("groq", "openai/gpt-oss-120b").json, JsonMode::StrictSchema);
        assert_eq!(chat_quirks("groq", "some/new").json, JsonMode::Object);
        assert!(!chat_quirks("openai", "gpt-5-mini").temperature);
        assert!(chat_quirks("openai", "local-model").temperature);
        assert_eq!(gemini_thinking("gemini-3.5-flash"), GeminiThinking::Level("LOW"));
        assert_eq!(gemini_thinking("gemini-2.0-flash"), GeminiThinking::None);
    }
}
