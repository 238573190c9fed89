//! Asks a model server, before anything runs and without spending a token, whether it takes the key and has the model.

use std::time::Duration;

use serde_json::Value;

use super::router::{ProviderConfig, WireFormat, explain};
use super::tables::is_known_service;
use super::wire::{self, Raw, WireFailure};
use super::{day, family, gemini, openai_compatible};
use crate::contract::model::{FailureKind, ProviderFailure};
use crate::error::ExpectedError;
use crate::http::{Client, Url};
use crate::scope::Stopped;

/// Nobody waits longer for what is only a look ahead.
const TIMEOUT: Duration = Duration::from_secs(4);
/// A model that closes within so many days is told.
const CLOSING_DAYS: u64 = 30;
/// Of the models that a server lists, so many are named.
const NAMED: usize = 5;

/// Why nobody knows what the servers would say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The configuration makes no address.
    #[error(transparent)]
    Config(#[from] ExpectedError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// What a look at one server showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    pub provider: String,
    /// Why it cannot answer.
    pub failure: Option<ProviderFailure>,
    /// The model that is to be asked in the place of the configured one, and why.
    pub instead: Option<(String, String)>,
    /// That its model is to be closed, and what comes after it.
    pub closing: Option<String>,
}

/// What a server tells of its models.
#[derive(Debug, Default, PartialEq)]
struct Listed {
    names: Vec<String>,
    /// The day from which the configured model is gone, as the server says.
    closes: Option<String>,
    /// There is more than it lists.
    is_part: bool,
}

/// Looks at each of `providers`, all at once. What a server does not tell counts for it: many list no models, and some
/// keys may ask but not list. With `fallback` a model that is gone is replaced by one that the server lists.
pub async fn probe(
    client: &Client,
    providers: &[ProviderConfig],
    fallback: bool,
) -> Result<Vec<Look>, ProbeError> {
    let servers = providers.iter().filter(|config| config.format != WireFormat::Command);
    let looks = servers.map(|config| async move {
        let url = super::router::check(config)?;
        Ok::<_, ProbeError>(look_at(client, config, &url, fallback).await?)
    });
    futures_util::future::try_join_all(looks).await
}

async fn look_at(
    client: &Client,
    config: &ProviderConfig,
    asking: &Url,
    fallback: bool,
) -> Result<Look, Stopped> {
    let (answers, listed) = match config.format {
        WireFormat::Gemini => gemini_models(client, config, asking).await?,
        WireFormat::OpenAiCompatible | WireFormat::Command => chat_models(client, config, asking).await?,
    };
    let names: Vec<&str> = listed.names.iter().map(String::as_str).collect();
    let mut look = Look { provider: config.name.clone(), ..Look::default() };
    match answers {
        Ok(()) => look.closing = closing(config, &listed, &names),
        Err(failure) if failure.kind == FailureKind::Model && fallback => match instead(config, &names) {
            Some((model, why)) => look.instead = Some((model.to_owned(), why)),
            None => look.failure = Some(failed(config, &failure)),
        },
        Err(failure) => look.failure = Some(failed(config, &failure)),
    }
    Ok(look)
}

fn failed(config: &ProviderConfig, failure: &WireFailure) -> ProviderFailure {
    ProviderFailure {
        provider: config.name.clone(),
        model: config.model.clone(),
        kind: failure.kind,
        message: explain(config, failure),
    }
}

/// What answers in the place of a model that is gone.
fn instead<'l>(config: &ProviderConfig, listed: &[&'l str]) -> Option<(&'l str, String)> {
    let asked = format!("model {:?} is not there any more", config.model);
    let named = super::tables::closing(&config.name, &config.model).and_then(|(_, successor)| successor);
    if let Some(newest) = family::newest(&config.model, listed) {
        return Some((newest, format!("{asked}; {newest:?}, the newest of its family, is asked instead")));
    }
    if let Some(next) = listed.iter().find(|name| Some(**name) == named) {
        return Some((*next, format!("{asked}; its successor {next:?} is asked instead")));
    }
    match listed {
        // A server of one's own that holds one model calls it as it likes.
        [only] if !is_known_service(&config.base_url) && config.name == "openai" => Some((
            *only,
            format!("the server lists {only:?} alone, and not {:?}: that one is asked", config.model),
        )),
        _ => None,
    }
}

/// Within the days in which people can still do something about it.
fn closing(config: &ProviderConfig, listed: &Listed, names: &[&str]) -> Option<String> {
    let known = super::tables::closing(&config.name, &config.model);
    let day = listed.closes.as_deref().or(known.map(|(day, _)| day))?;
    if day > day::after_today(CLOSING_DAYS).as_str() {
        return None;
    }
    let newest = family::newest(&config.model, names).or_else(|| known.and_then(|(_, successor)| successor));
    let closes = if day <= day::after_today(0).as_str() { "was to close" } else { "closes" };
    let next =
        newest.map_or(String::new(), |next| format!(": set the input `{}-model` to {next:?}", config.name));
    Some(format!("model {:?} {closes} on {day}{next}", config.model))
}

type Looked = (Result<(), WireFailure>, Listed);

/// Gemini says of each model by its address whether it is there, and lists all beside it.
async fn gemini_models(client: &Client, config: &ProviderConfig, asking: &Url) -> Result<Looked, Stopped> {
    let key = config.api_key.as_ref().map(|secret| (gemini::KEY_HEADER, secret, ""));
    let model = asking.as_str().trim_end_matches(":generateContent");
    let get = async |address: &str| match Url::parse(address) {
        Ok(url) => wire::get(client, url, key, TIMEOUT).await,
        Err(e) => Ok(Err(WireFailure::new(FailureKind::Network, format!("no address: {e}")))),
    };
    let answers = get(model).await?.and_then(|raw| read_model(&raw));
    let is_closing = super::tables::closing(&config.name, &config.model).is_some();
    let is_gone = answers.as_ref().is_err_and(|failure| failure.kind == FailureKind::Model);
    if !is_gone && !is_closing {
        return Ok((answers, Listed::default()));
    }
    let all = model.rsplit_once('/').map_or(model, |(all, _)| all);
    let listed = get(&format!("{all}?pageSize=1000")).await?;
    Ok((answers, listed.ok().map(|raw| gemini_list(&raw)).unwrap_or_default()))
}

fn gemini_list(raw: &Raw) -> Listed {
    let value: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
    let answers = |model: &&Value| {
        let methods = model["supportedGenerationMethods"].as_array();
        methods.is_none_or(|all| all.iter().any(|method| method == "generateContent"))
    };
    let names = value["models"].as_array().into_iter().flatten().filter(answers);
    let names = names.filter_map(|model| model["name"].as_str());
    let names = names.map(|name| name.strip_prefix("models/").unwrap_or(name).to_owned()).collect();
    Listed { names, closes: None, is_part: value["nextPageToken"].is_string() }
}

async fn chat_models(client: &Client, config: &ProviderConfig, asking: &Url) -> Result<Looked, Stopped> {
    let (header, scheme) = (openai_compatible::KEY_HEADER, openai_compatible::KEY_SCHEME);
    let key = config.api_key.as_ref().map(|secret| (header, secret, scheme));
    let address = asking.as_str().replace("/chat/completions", "/models");
    let raw = match Url::parse(&address) {
        Ok(url) => wire::get(client, url, key, TIMEOUT).await?,
        Err(e) => Err(WireFailure::new(FailureKind::Network, format!("no address: {e}"))),
    };
    Ok(match raw {
        Ok(raw) => {
            let listed = chat_list(&raw, &config.model);
            (read_models(&raw, &config.model, &listed), listed)
        }
        Err(failure) => (Err(failure), Listed::default()),
    })
}

/// OpenAI's `GET models`: `{"data": [{"id": …, "shutdown_date": …}]}`.
fn chat_list(raw: &Raw, model: &str) -> Listed {
    let value: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
    let all = || value["data"].as_array().into_iter().flatten();
    let own = all().find(|entry| entry["id"].as_str() == Some(model));
    let closes = own.and_then(|entry| entry["shutdown_date"].as_str()).filter(|text| day::is_day(text));
    Listed {
        names: all().filter_map(|entry| entry["id"].as_str()).map(str::to_owned).collect(),
        closes: closes.map(str::to_owned),
        is_part: value["has_more"] == true,
    }
}

/// Gemini's `GET models/{model}`.
fn read_model(raw: &Raw) -> Result<(), WireFailure> {
    match raw.status {
        200 => Ok(()),
        _ => {
            let failure = gemini::failure(raw);
            match failure.kind {
                FailureKind::Auth | FailureKind::Model => Err(failure),
                _ => Ok(()),
            }
        }
    }
}

fn read_models(raw: &Raw, model: &str, listed: &Listed) -> Result<(), WireFailure> {
    match raw.status {
        // 403 is what keys get that may ask and not list.
        401 => Err(openai_compatible::failure(raw)),
        200 => {
            // Some list a page only, or name models by another path.
            let is_there = |id: &String| *id == model || id.ends_with(&format!("/{model}"));
            if listed.names.is_empty() || listed.is_part || listed.names.iter().any(is_there) {
                return Ok(());
            }
            Err(WireFailure::new(FailureKind::Model, what_is_listed(&listed.names)))
        }
        _ => Ok(()),
    }
}

/// `the server lists "a", "b" and 7 more`
fn what_is_listed(names: &[String]) -> String {
    let shown: Vec<String> =
        names.iter().take(NAMED).map(|name| format!("{:?}", wire::quote(name))).collect();
    let more = names.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the server lists {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn raw(status: u16, body: &Value) -> Raw {
        Raw { status, headers: Default::default(), body: serde_json::to_vec(body).unwrap() }
    }

    #[test]
    fn only_what_a_server_says_plainly_counts_against_it() {
        let list = json!({"data": [{"id": "openai/gpt-oss-120b"}]});
        let kind =
            |raw: &Raw, model: &str| read_models(raw, model, &chat_list(raw, model)).err().map(|f| f.kind);
        assert_eq!(kind(&raw(200, &list), "openai/gpt-oss-120b"), None);
        assert_eq!(kind(&raw(200, &list), "gpt-oss-120b"), None);
        assert_eq!(kind(&raw(200, &list), "gone"), Some(FailureKind::Model));
        assert_eq!(kind(&raw(200, &json!({"data": [], "object": "list"})), "gone"), None);
        assert_eq!(kind(&raw(200, &json!({"data": [{"id": "a"}], "has_more": true})), "gone"), None);
        assert_eq!(kind(&raw(401, &json!({"error": {"message": "no"}})), "m"), Some(FailureKind::Auth));
        for status in [403, 404, 405, 429, 500] {
            assert_eq!(kind(&raw(status, &json!({})), "m"), None, "{status}");
        }
        let gemini = |status, name: &str| {
            let body = json!({"error": {"code": status, "status": name, "message": "no"}});
            read_model(&raw(status, &body)).err().map(|f| f.kind)
        };
        assert_eq!(gemini(200, ""), None);
        assert_eq!(gemini(403, "PERMISSION_DENIED"), Some(FailureKind::Auth));
        assert_eq!(gemini(404, "NOT_FOUND"), Some(FailureKind::Model));
        assert_eq!(gemini(429, "RESOURCE_EXHAUSTED"), None);
    }

    fn config(name: &str, model: &str, base_url: &str) -> ProviderConfig {
        ProviderConfig {
            name: name.to_owned(),
            format: WireFormat::OpenAiCompatible,
            api_key: None,
            model: model.to_owned(),
            base_url: base_url.to_owned(),
            timeout: None,
            command: Vec::new(),
            hidden: Vec::new(),
        }
    }

    #[test]
    fn what_is_gone_is_replaced_by_what_the_server_lists() {
        let one = |name: &str, model: &str, url: &str, listed: &[&str]| {
            instead(&config(name, model, url), listed).map(|(model, _)| model.to_owned())
        };
        let (own, public) = ("http://localhost:8080/v1", "https://api.openai.com/v1");
        assert_eq!(one("openai", "gpt-5-mini", public, &["gpt-6.1-mini"]).as_deref(), Some("gpt-6.1-mini"));
        let groq = "https://api.groq.com/openai/v1";
        let listed = ["openai/gpt-oss-20b", "openai/gpt-oss-120b"];
        assert_eq!(one("groq", "llama-3.1-8b-instant", groq, &listed).as_deref(), Some("openai/gpt-oss-20b"));
        assert_eq!(one("openai", "gemma", own, &["/models/g.gguf"]).as_deref(), Some("/models/g.gguf"));
        assert_eq!(one("openai", "gemma", own, &["a", "b"]), None);
        assert_eq!(one("openai", "gemma", public, &["a"]), None);
    }

    #[test]
    fn a_server_with_other_names_says_some_of_them() {
        let names: Vec<String> = ["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned).into();
        assert_eq!(what_is_listed(&names), r#"the server lists "a", "b", "c", "d", "e" and 2 more"#);
        assert_eq!(what_is_listed(&names[..1]), r#"the server lists "a""#);
    }

    #[test]
    fn a_model_that_closes_soon_is_told_with_its_successor() {
        let soon = day::after_today(CLOSING_DAYS);
        let list = |day: &str| {
            let data = json!([{"id": "gpt-x-5", "shutdown_date": day}, {"id": "gpt-x-6"}]);
            chat_list(&raw(200, &json!({"data": data})), "gpt-x-5")
        };
        let told = |day: &str| {
            let config = config("openai", "gpt-x-5", "https://api.openai.com/v1");
            closing(&config, &list(day), &["gpt-x-5", "gpt-x-6"])
        };
        let said = format!("model \"gpt-x-5\" closes on {soon}: set the input `openai-model` to \"gpt-x-6\"");
        assert_eq!(told(&soon), Some(said));
        assert_eq!(told(&day::after_today(CLOSING_DAYS + 1)), None);
        assert_eq!(told("someday"), None);
    }

    #[test]
    fn gemini_s_list_holds_what_answers_questions() {
        let list = json!({"models": [
            {"name": "models/gemini-3.8-flash", "supportedGenerationMethods": ["generateContent", "countTokens"]},
            {"name": "models/text-embedding-004", "supportedGenerationMethods": ["embedContent"]},
        ]});
        assert_eq!(gemini_list(&raw(200, &list)).names, ["gemini-3.8-flash"]);
    }
}
