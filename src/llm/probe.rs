//! Asks a model server, before anything runs and without spending a token, whether it takes the key and has the model.

use std::time::Duration;

use serde_json::Value;

use super::router::{ProviderConfig, WireFormat, explain};
use super::wire::{self, Exchanged, Raw, WireFailure};
use super::{gemini, openai_compatible};
use crate::contract::model::{FailureKind, ProviderFailure};
use crate::error::ExpectedError;
use crate::http::{Client, Url};
use crate::scope::Stopped;

/// Nobody waits longer for what is only a look ahead.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Why nobody knows what the servers would say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// The configuration makes no address.
    #[error(transparent)]
    Config(#[from] ExpectedError),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Looks at each of `providers`, all at once; those that cannot answer come back with the reason. What a server does not
/// tell counts for it: many list no models, and some keys may ask but not list.
pub async fn probe(
    client: &Client,
    providers: &[ProviderConfig],
) -> Result<Vec<ProviderFailure>, ProbeError> {
    let looks = providers.iter().map(|config| async move {
        let url = super::router::check(config)?;
        let failed = probe_one(client, config, url).await?.err();
        Ok::<_, ProbeError>(failed.map(|failure| ProviderFailure {
            provider: config.name.clone(),
            model: config.model.clone(),
            kind: failure.kind,
            message: explain(config, &failure),
        }))
    });
    Ok(futures_util::future::try_join_all(looks).await?.into_iter().flatten().collect())
}

async fn probe_one(client: &Client, config: &ProviderConfig, asking: Url) -> Exchanged<()> {
    // Both servers keep what they know of models beside the address that answers questions.
    let (url, header, scheme, read): (_, _, _, fn(&Raw, &str) -> _) = match config.format {
        WireFormat::Gemini => {
            let text = asking.as_str().trim_end_matches(":generateContent").to_owned();
            (text, gemini::KEY_HEADER, "", read_model)
        }
        WireFormat::OpenAiCompatible => {
            let text = asking.as_str().replace("/chat/completions", "/models");
            (text, openai_compatible::KEY_HEADER, openai_compatible::KEY_SCHEME, read_models)
        }
    };
    let url = match Url::parse(&url) {
        Ok(url) => url,
        Err(e) => return Ok(Err(WireFailure::new(FailureKind::Network, format!("no address: {e}")))),
    };
    let key = config.api_key.as_ref().map(|secret| (header, secret, scheme));
    let raw = wire::get(client, url, key, TIMEOUT).await?;
    Ok(raw.and_then(|raw| read(&raw, &config.model)))
}

/// Gemini's `GET models/{model}`.
fn read_model(raw: &Raw, _: &str) -> Result<(), WireFailure> {
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

/// OpenAI's `GET models`: `{"data": [{"id": …}]}`.
fn read_models(raw: &Raw, model: &str) -> Result<(), WireFailure> {
    match raw.status {
        // 403 is what keys get that may ask and not list.
        401 => Err(openai_compatible::failure(raw)),
        200 => {
            let value: Value = serde_json::from_slice(&raw.body).unwrap_or_default();
            let ids: Vec<&str> =
                value["data"].as_array().into_iter().flatten().filter_map(|m| m["id"].as_str()).collect();
            // Some list a page only, or name models by another path.
            let is_there = |id: &&str| *id == model || id.ends_with(&format!("/{model}"));
            if ids.is_empty() || value["has_more"] == true || ids.iter().any(is_there) {
                return Ok(());
            }
            Err(WireFailure::new(FailureKind::Model, "the server does not list it"))
        }
        _ => Ok(()),
    }
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
        let kind = |raw: &Raw, model: &str| read_models(raw, model).err().map(|f| f.kind);
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
            read_model(&raw(status, &body), "m").err().map(|f| f.kind)
        };
        assert_eq!(gemini(200, ""), None);
        assert_eq!(gemini(403, "PERMISSION_DENIED"), Some(FailureKind::Auth));
        assert_eq!(gemini(404, "NOT_FOUND"), Some(FailureKind::Model));
        assert_eq!(gemini(429, "RESOURCE_EXHAUSTED"), None);
    }
}
