//! The model servers of a run: which may be asked, whether they answer, and the agent that asks them.

use std::sync::Arc;

use crate::config::Config;
use crate::contract::event::EventSink;
use crate::contract::model::{AskModel, FailureKind, ProviderFailure};
use crate::contract::outcome::Outcome;
use crate::contract::report::{ModelServers, ReplacedModel};
use crate::contract::settings::ProviderName;
use crate::error::ExpectedError;
use crate::fixer::{FixAgent, FixOptions, Redactor};
use crate::github::{PreflightCheck, Severity};
use crate::http;
use crate::llm::{ProbeError, ProviderConfig, Router, WireFormat};
use crate::scope::Scope;

use super::outcome_from::{expected_outcome, stopped_outcome};
use super::setup::ca_bundle;
use super::state::FixSource;

/// The fix agent, and the model servers it may ask.
pub type Advisor = (FixAgent, Box<dyn AskModel>);

/// The model servers that may be asked, in order. One without a key is left out, and `skipped` says so.
pub(super) fn model_servers(config: &Config, skipped: &mut Vec<String>) -> Vec<ProviderConfig> {
    let mut servers = Vec::new();
    for provider in &config.providers {
        let (settings, format) = match provider {
            ProviderName::Toolchain | ProviderName::History => continue,
            ProviderName::Command => {
                servers.extend(program(config));
                continue;
            }
            ProviderName::Gemini => (&config.gemini, WireFormat::Gemini),
            ProviderName::Groq => (&config.groq, WireFormat::OpenAiCompatible),
            ProviderName::OpenAi => (&config.openai, WireFormat::OpenAiCompatible),
        };
        // A server of one's own may want no key; the public ones always do.
        let own_server = *provider == ProviderName::OpenAi && settings.base_url.is_some();
        match (&settings.model, &settings.base_url) {
            (Some(model), Some(base_url)) if settings.api_key.is_some() || own_server => {
                servers.push(ProviderConfig {
                    name: provider.as_str().to_owned(),
                    format,
                    api_key: settings.api_key.clone(),
                    model: model.clone(),
                    base_url: base_url.clone(),
                    timeout: config.model_timeout,
                    command: Vec::new(),
                    hidden: Vec::new(),
                });
            }
            _ if *provider == ProviderName::OpenAi && settings.api_key.is_none() => {}
            _ => skipped
                .push(format!("{name} is skipped: {name}-api-key is not given", name = provider.as_str())),
        }
    }
    servers
}

/// The program that is asked in the place of a model server, where one is named.
fn program(config: &Config) -> Option<ProviderConfig> {
    let program = config.model_command.first()?;
    let name = program.rsplit('/').next().unwrap_or(program);
    Some(ProviderConfig {
        name: ProviderName::Command.as_str().to_owned(),
        format: WireFormat::Command,
        api_key: None,
        model: name.to_owned(),
        base_url: String::new(),
        timeout: config.model_timeout,
        command: config.model_command.clone(),
        hidden: config.secrets().to_vec(),
    })
}

/// Those of the providers that may be asked, and those that nobody gave a key for.
pub(super) fn known_servers(config: &Config, servers: &[ProviderConfig]) -> ModelServers {
    let ready: Vec<String> = servers.iter().map(|server| server.name.clone()).collect();
    let is_server = |name: &&ProviderName| {
        !matches!(name, ProviderName::Toolchain | ProviderName::History | ProviderName::Command)
    };
    let named = config.providers.iter().filter(is_server);
    let without_key =
        named.map(|name| name.as_str().to_owned()).filter(|name| !ready.contains(name)).collect();
    ModelServers { ready, without_key, replaced: Vec::new() }
}

/// What a look at the model servers came to.
pub(super) struct Looked {
    /// What is to be said.
    pub(super) checks: Vec<PreflightCheck>,
    /// Those that cannot answer.
    pub(super) silent: Vec<String>,
    pub(super) replaced: Vec<ReplacedModel>,
}

/// Looks whether the model servers take their keys and have their models, and asks for another model where one is gone.
/// `toolchain` heals without any of them, so that only a run which asks models alone, and none that can answer, is blocked.
pub(super) async fn check_models(
    config: &Config,
    ca: Option<&[u8]>,
    servers: &mut [ProviderConfig],
    scope: &Scope,
) -> Result<Looked, Outcome> {
    let client = http::Client::new(scope, ca, http::Redirects::Refuse).map_err(|e| expected_outcome(&e))?;
    let looks = crate::llm::probe(&client, servers, config.model_fallback).await.map_err(|e| match e {
        ProbeError::Config(error) => expected_outcome(&error),
        ProbeError::Stopped(stopped) => stopped_outcome(stopped),
    })?;
    let failures: Vec<&ProviderFailure> = looks.iter().filter_map(|look| look.failure.as_ref()).collect();
    let is_dead = |kind| matches!(kind, FailureKind::Auth | FailureKind::Model);
    let dead = failures.iter().filter(|f| is_dead(f.kind)).count();
    let blocks =
        dead == servers.len() && !servers.is_empty() && !config.providers.contains(&ProviderName::Toolchain);
    let severity = if blocks { Severity::Blocking } else { Severity::Warning };
    let mut checks: Vec<PreflightCheck> = failures
        .iter()
        .map(|f| PreflightCheck::new(severity, format!("{}: {}", f.provider, f.message)))
        .collect();
    let mut replaced = Vec::new();
    for look in &looks {
        let said = look.instead.as_ref().map(|(_, why)| why).into_iter().chain(&look.closing);
        checks.extend(
            said.map(|said| PreflightCheck::new(Severity::Warning, format!("{}: {said}", look.provider))),
        );
        let server = servers.iter_mut().find(|server| server.name == look.provider);
        if let (Some((model, _)), Some(server)) = (&look.instead, server) {
            let configured = std::mem::replace(&mut server.model, model.clone());
            let (provider, asked) = (look.provider.clone(), model.clone());
            replaced.push(ReplacedModel { provider, configured, asked });
        }
    }
    let silent = failures.iter().map(|f| f.provider.clone()).collect();
    Ok(Looked { checks, silent, replaced })
}

/// What is to be said of the model servers before a run; for people who want to know beforehand.
pub async fn preflight(config: &Config, scope: &Scope) -> Result<Vec<PreflightCheck>, Outcome> {
    let mut skipped = Vec::new();
    let mut servers = model_servers(config, &mut skipped);
    if servers.is_empty() {
        let what = "no model server has a key: only what the tools themselves state is fixed";
        return Ok(vec![
            PreflightCheck::new(Severity::Note, what).hint("gemini-api-key: ${{ secrets.GEMINI_API_KEY }}"),
        ]);
    }
    let ca = ca_bundle(config)?;
    let Looked { checks: mut findings, silent, .. } =
        check_models(config, ca.as_deref(), &mut servers, scope).await?;
    let answering: Vec<&str> = servers
        .iter()
        .map(|s| s.name.as_str())
        .filter(|name| !silent.iter().any(|other| other == name))
        .collect();
    if !answering.is_empty() {
        findings.push(PreflightCheck::new(
            Severity::Note,
            format!("may be asked for a fix: {}", answering.join(", ")),
        ));
    }
    Ok(findings)
}

pub(super) fn make_advisor(
    config: &Config,
    ca: Option<&[u8]>,
    options: &FixOptions,
    events: Arc<dyn EventSink>,
    servers: Vec<ProviderConfig>,
    scope: &Scope,
) -> Result<Option<Advisor>, ExpectedError> {
    if servers.is_empty() {
        return Ok(None);
    }
    let client = http::Client::new(scope, ca, http::Redirects::Refuse)?;
    let router = Router::new(servers, client, events)?;
    Ok(Some((FixAgent::new(options.clone(), Redactor::new(config.secrets())), Box::new(router))))
}

/// Where fixes come from, in order. A pin comes after what fits the code to the release, a revert is the last of them,
/// wherever it is named.
pub(super) fn sources(config: &Config, has_model: bool, may_revert: bool) -> Vec<FixSource> {
    let mut sources = Vec::new();
    for provider in &config.providers {
        let source = match provider {
            ProviderName::Toolchain => FixSource::ToolSuggestions,
            ProviderName::History => continue,
            _ if has_model => FixSource::Model,
            _ => continue,
        };
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources.extend(config.allow_manifest_edits.then_some(FixSource::Pin));
    sources.extend(may_revert.then_some(FixSource::History));
    sources
}
