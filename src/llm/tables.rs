//! What differs between models, read from one dated file of data: prices, quirks, closing days. Nothing else in this
//! room knows a model by name.

use std::sync::LazyLock;

use serde::Deserialize;

use super::day;

const FILE: &str = include_str!("models.toml");

/// As in the file, whose head says what each field means.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    read: String,
    services: Vec<String>,
    models: Vec<Row>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    provider: String,
    name: String,
    input: Option<f64>,
    output: Option<f64>,
    until: Option<String>,
    then_input: Option<f64>,
    then_output: Option<f64>,
    thinking: Option<String>,
    json: Option<JsonMode>,
    effort: Option<String>,
    temperature: Option<bool>,
    extra: Option<String>,
    closes: Option<String>,
    successor: Option<String>,
}

/// A file that cannot be read would know no model; a test reads it.
static TABLE: LazyLock<Table> = LazyLock::new(|| toml::from_str(FILE).unwrap_or_default());

/// When the table was read off the providers' public lists.
#[must_use]
pub fn models_as_of() -> &'static str {
    &TABLE.read
}

/// Whether an address is that of a public service, which answers soon or not at all.
pub(super) fn is_known_service(base_url: &str) -> bool {
    let host = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    TABLE.services.iter().any(|name| host == name || host.ends_with(&format!(".{name}")))
}

/// Of the rows that fit and say something of it, what the one with the longest name says.
fn longest<T>(provider: Option<&str>, model: &str, says: impl Fn(&'static Row) -> Option<T>) -> Option<T> {
    let model = model.strip_prefix("models/").unwrap_or(model);
    let fits = |row: &&Row| model.starts_with(&row.name) && provider.is_none_or(|name| name == row.provider);
    let said = TABLE.models.iter().filter(fits).filter_map(|row| Some((row.name.len(), says(row)?)));
    said.max_by_key(|(length, _)| *length).map(|(_, said)| said)
}

/// Dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Price {
    pub(super) input: f64,
    pub(super) output: f64,
}

/// What a model costs today, where the table knows it.
pub(super) fn price(model: &str) -> Option<Price> {
    price_on(model, &day::after_today(0))
}

fn price_on(model: &str, today: &str) -> Option<Price> {
    let row = longest(None, model, |row| row.input.and(Some(row)))?;
    let is_over = row.until.as_deref().is_some_and(|last| last < today);
    let (input, output) =
        if is_over { (row.then_input?, row.then_output?) } else { (row.input?, row.output?) };
    (input > 0.0 || output > 0.0).then_some(Price { input, output })
}

/// Dollars for so many tokens of this model.
pub(super) fn cost(model: &str, tokens_in: u64, tokens_out: u64) -> Option<f64> {
    let price = price(model)?;
    // Token counts are far below 2^53.
    #[expect(clippy::cast_precision_loss, reason = "token counts are small")]
    let cost = (tokens_in as f64 * price.input + tokens_out as f64 * price.output) / 1e6;
    Some(cost)
}

/// The day from which a model is gone, and what its provider names in its place, as far as the table knows.
pub(super) fn closing(provider: &str, model: &str) -> Option<(&'static str, Option<&'static str>)> {
    let row = longest(Some(provider), model, |row| row.closes.is_some().then_some(row))?;
    let day = row.closes.as_deref().filter(|day| !day.is_empty())?;
    Some((day, row.successor.as_deref()))
}

/// How to ask for JSON, from the strictest down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum JsonMode {
    /// `json_schema` with `strict: true`: decoding is held to the schema.
    #[serde(rename = "strict")]
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

/// The quirks to start with; the client steps down from them when a server says no.
pub(super) fn chat_quirks(provider: &str, model: &str) -> ChatQuirks {
    let of = Some(provider);
    ChatQuirks {
        json: longest(of, model, |row| row.json).unwrap_or(JsonMode::StrictSchema),
        max_completion_tokens: true,
        reasoning_effort: longest(of, model, |row| row.effort.as_deref()),
        temperature: longest(of, model, |row| row.temperature).unwrap_or(true),
        extra: longest(of, model, |row| row.extra.as_deref()).map(|name| (name, false)),
    }
}

/// How a Gemini model is told to think little: the 3 series by level, 2.5 by a budget, older ones not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GeminiThinking {
    Level(&'static str),
    Budget(i32),
    None,
}

pub(super) fn gemini_thinking(model: &str) -> GeminiThinking {
    match longest(Some("gemini"), model, |row| row.thinking.as_deref()) {
        None | Some("none") => GeminiThinking::None,
        Some(word) => word.parse().map_or(GeminiThinking::Level(word), GeminiThinking::Budget),
    }
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
    fn the_file_is_read_and_says_each_thing_once() {
        let table: Table = toml::from_str(FILE).unwrap();
        assert_eq!(models_as_of(), table.read);
        let mut names: Vec<_> = table.models.iter().map(|row| (&row.provider, &row.name)).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count, "a model has two rows");
        for row in &table.models {
            let days = [&row.closes, &row.until].into_iter().flatten().filter(|day| !day.is_empty());
            for day in days.chain([&table.read]) {
                assert!(day::is_day(day), "{}: {day}", row.name);
            }
            assert_eq!(row.input.is_some(), row.output.is_some(), "{}", row.name);
            assert!(["gemini", "groq", "openai"].contains(&row.provider.as_str()), "{}", row.provider);
        }
    }

    #[test]
    fn the_longest_name_gives_the_price_of_the_day() {
        let on = |model, day| price_on(model, day).map(|price| (price.input, price.output));
        assert_eq!(on("gemini-3.5-flash", "2026-12-01"), Some((1.50, 9.00)));
        assert_eq!(on("gemini-3.8-flash", "2026-12-31"), Some((0.75, 3.75)));
        assert_eq!(on("gemini-3.8-flash", "2027-01-01"), Some((1.50, 7.50)));
        assert_eq!(on("gemini-3.5-flash-lite", "2026-12-01"), None, "not the price of its bigger brother");
        assert_eq!(on("models/gemini-2.5-flash-lite-001", "2026-12-01"), Some((0.10, 0.40)));
        assert_eq!(on("gpt-4o-mini-2024-07-18", "2026-12-01"), Some((0.15, 0.60)));
        assert_eq!(on("gpt-5.4", "2026-12-01"), None);
        assert_eq!(on("llama-3", "2026-12-01"), None);
    }

    #[test]
    fn public_services_are_known_by_their_host() {
        assert!(is_known_service("https://api.groq.com/openai/v1"));
        assert!(is_known_service("https://mine.openai.azure.com/openai/v1"));
        assert!(!is_known_service("http://localhost:11434/v1"));
        assert!(!is_known_service("https://api.groq.com.example.org/v1"));
    }

    #[test]
    fn costs_are_per_million() {
        assert_eq!(cost("openai/gpt-oss-120b", 1_000_000, 1_000_000), Some(0.75));
    }

    #[test]
    fn closing_days_are_of_the_provider_s_own_models() {
        let gone = closing("gemini", "gemini-2.5-pro-001");
        assert_eq!(gone, Some(("2026-12-01", Some("gemini-3.8-flash"))));
        assert_eq!(closing("openai", "gpt-5-mini"), Some(("2026-12-11", None)));
        assert_eq!(closing("openai", "gpt-5.4-mini"), None);
        assert_eq!(closing("openai", "gemini-2.5-pro"), None, "a gateway has its own days");
    }

    #[test]
    fn quirks_fit_provider_and_model() {
        assert_eq!(chat_quirks("groq", "openai/gpt-oss-120b").json, JsonMode::StrictSchema);
        assert_eq!(chat_quirks("groq", "openai/gpt-oss-120b").extra, Some(("include_reasoning", false)));
        assert_eq!(chat_quirks("groq", "qwen/qwen3.6-27b").reasoning_effort, Some("none"));
        assert_eq!(chat_quirks("groq", "some/new").json, JsonMode::Object);
        assert!(!chat_quirks("openai", "gpt-5-mini").temperature);
        assert_eq!(chat_quirks("openai", "local-model").json, JsonMode::StrictSchema);
        assert!(chat_quirks("openai", "local-model").temperature);
        assert_eq!(gemini_thinking("gemini-3.8-flash"), GeminiThinking::Level("LOW"));
        assert_eq!(gemini_thinking("gemini-2.5-flash"), GeminiThinking::Budget(512));
        assert_eq!(gemini_thinking("gemini-2.0-flash"), GeminiThinking::None);
    }
}
