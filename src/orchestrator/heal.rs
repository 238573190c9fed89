//! From the configuration to a running loop: reads the event, makes the private clone, plans, connects, and hands all of
//! it to the driver. Whatever stops it on the way becomes a typed outcome; the record comes back in every case.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret, SecretString};

use crate::config::{CommitMode, Config, Hardening, Mode, Network, ProviderName};
use crate::contract::event::{Event, EventSink};
use crate::contract::git::{BranchName, CommitSha, RepoSlug};
use crate::contract::model::{AskModel, FailureKind};
use crate::contract::outcome::Outcome;
use crate::contract::report::{FailedRun, RunReport, Spent};
use crate::error::{ErrorKind, ExpectedError};
use crate::executor::{self, Executor, ExecutorError};
use crate::fixer::{FixAgent, FixOptions, PathRules, Redactor};
use crate::git::{self, GitError, Workspace, WorkspaceOptions};
use crate::github::{
    self, Client, ClientOptions, OwnJob, Policy, PreflightCheck, RunContext, Severity, Trigger,
};
use crate::http;
use crate::llm::{ProviderConfig, Router, WireFormat};
use crate::plan::{self, CiStep, GithubFacts, PlanError, PlanRequest, Planned};
use crate::scope::Scope;

use super::budget::Purse;
use super::bundle::Finished;
use super::destination::{PublisherSetup, is_of_a_heal};
use super::driver::{Driver, Working};
use super::failed_run;
use super::record::Record;
use super::state::{Goal, Rules, Source};

/// Whether heals leave the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    Yes,
    No,
}

/// What to heal, and with what.
pub struct Heal {
    pub config: Config,
    /// The checkout.
    pub source: PathBuf,
    /// Ours: the private clone goes here.
    pub work_dir: PathBuf,
    pub push: Push,
    pub events: Arc<dyn EventSink>,
    pub cancel: Scope,
    /// Our own variables: facts of the workflow for expressions.
    pub variables: BTreeMap<String, String>,
}

/// What is reported of a run that was stopped before there was anything to heal.
#[must_use]
pub fn cancelled(config: &Config) -> Finished {
    let mut report = begun(config);
    report.outcome = Outcome::Cancelled;
    Finished::without_proof(report)
}

fn begun(config: &Config) -> RunReport {
    let mode = match config.mode {
        Mode::Heal => "heal",
        Mode::Diagnose => "diagnose",
        Mode::Patch => "patch",
        Mode::Publish => "publish",
    };
    let mut report = RunReport::begun(mode);
    let limits = &mut report.budget;
    limits.attempts.limit = Some(config.max_attempts);
    limits.pushes.limit = Some(config.max_attempts);
    limits.time = Spent { spent: 0.0, limit: Some(config.time_budget.as_secs_f64()) };
    limits.tokens.limit = Some(config.token_budget);
    limits.cost.limit = config.cost_budget;
    report
}

/// Runs the whole loop. The record's outcome says how it went.
pub async fn run(heal: Heal) -> Finished {
    let started = Instant::now();
    let mut record = Record::new(begun(&heal.config), started);
    let cancel = heal.cancel.clone();
    let events = heal.events.clone();
    let prepared = tokio::select! {
        prepared = prepare(heal, &mut record, started) => prepared,
        _ = cancel.ended() => Err(Outcome::Cancelled),
    };
    match prepared {
        Err(outcome) => {
            record.report.outcome = outcome;
            record.stop_clocks();
            Finished::without_proof(record.report)
        }
        Ok((mut driver, rules, base)) => {
            driver.record = record;
            driver.run(rules).await;
            let (mut finished, executor) = driver.finish(&base);
            if let Some(what) = close(executor, executor::close_patience(&cancel)).await {
                events.emit(Event::Warning { what: what.clone() });
                finished.report.warnings.push(what);
            }
            finished
        }
    }
}

/// Removes what the run made in the engine; says what has to wait for the next start's sweep.
async fn close(executor: Executor, patience: Duration) -> Option<String> {
    let left = executor.close(patience).await.err()?;
    Some(format!("the Docker engine did not remove everything of this run; the next start does: {left}"))
}

/// The loop, its rules, and the commit that the heal sits on.
type Prepared = (Driver, Rules, CommitSha);

async fn prepare(heal: Heal, record: &mut Record, started: Instant) -> Result<Prepared, Outcome> {
    let Heal { mut config, source, work_dir, push, events, cancel, mut variables } = heal;
    let say = |what: &str| events.emit(Event::Progress { what: what.to_owned() });
    let trigger = read_trigger(&config)?;
    let payload = event_payload(&config)?;
    failed_run::stand_in(&mut config.workflow_run, &mut variables, &trigger, &payload);
    let facts = &config.workflow_run;
    let slug = slug(&config, &source);
    record.report.repository =
        Some(if facts.repository.is_some() { slug.to_string() } else { source.display().to_string() });
    record.report.reference.clone_from(&facts.git_ref);

    let fixes = matches!(config.mode, Mode::Heal | Mode::Patch);
    // Foreign code is still worth a diagnosis: it runs without any right of ours.
    let refused = trigger
        .diagnose_only
        .clone()
        .filter(|_| fixes)
        .map(|why| Outcome::Refused { why, remedy: Some("use `mode: diagnose` for such runs".to_owned()) });
    let diagnose_only = match (refused, fixes) {
        (Some(refused), _) => Some(refused),
        (None, false) => Some(Outcome::Diagnosed),
        (None, true) => None,
    };
    let ca = ca_bundle(&config)?;
    let hub_client = github_client(&config, ca.as_deref())?;
    let failed = match &hub_client {
        Some(client) if facts.is_active => failed_jobs(client, &slug, &trigger, &config, record).await,
        _ => None,
    };
    if is_of_a_heal(&config, &trigger, hub_client.as_ref(), &slug).await? {
        // Where the step runs on green builds too, it must not make this one red.
        let green = failed.as_ref().is_some_and(Vec::is_empty);
        let why = "this run is of a heal, and heals do not heal themselves".to_owned();
        return Err(if green { Outcome::AlreadyGreen } else { Outcome::Refused { why, remedy: None } });
    }
    let failed = failed.unwrap_or_default();

    say("making a private clone of the checkout");
    let workspace = private_clone(source.clone(), work_dir, &slug, &trigger).await?;
    record.report.sha = Some(workspace.base().clone());
    record.report.warnings.extend(workspace.notes().iter().cloned());

    record.report.run = facts.is_active.then(|| FailedRun {
        id: trigger.run_id,
        attempt: trigger.run_attempt,
        event: facts.event_name.clone(),
        workflow: facts.workflow.clone(),
        job: failed.first().map(|j| j.name.clone()).or_else(|| facts.job.clone()),
        step: failed
            .first()
            .and_then(|j| j.steps.iter().find(|s| s.conclusion == "failure"))
            .map(|s| s.name.clone()),
        url: match (&facts.server_url, trigger.run_id) {
            (Some(server), Some(id)) => Some(format!("{server}/{slug}/actions/runs/{id}")),
            _ => None,
        },
    });

    let plans = make_plans(&config, &workspace, &trigger, &failed, variables)?;
    let Some(first) = plans.first() else {
        return Err(Outcome::Refused { why: "there is nothing to run".to_owned(), remedy: None });
    };
    record.report.plan = Some(first.plan.clone());
    events.emit(Event::Planned { plan: Box::new(first.plan.clone()) });
    let workflow_file = first.plan.workflow.clone();

    let servers = model_servers(&config, &mut record.report.warnings);
    if fixes && diagnose_only.is_none() {
        let looked =
            look_at_models(&config, ca.as_deref(), &servers).await.map_err(|e| expected_outcome(&e))?;
        for finding in looked {
            if finding.severity == Severity::Blocking {
                return Err(Outcome::Refused { why: finding.what, remedy: finding.remedy });
            }
            events.emit(Event::Warning { what: finding.what.clone() });
            record.report.warnings.push(finding.what);
        }
    }

    let publishes = config.mode == Mode::Heal && push == Push::Yes && diagnose_only.is_none();
    let base = trigger.head.as_ref().map_or_else(|| workspace.base().clone(), |h| h.sha.clone());
    let publisher = if publishes {
        let setup = PublisherSetup {
            config: &config,
            slug: &slug,
            trigger: &trigger,
            source: &source,
            leg: first.plan.leg(),
        };
        Some(setup.make(&workspace, workflow_file, hub_client, record, events.as_ref()).await?)
    } else {
        None
    };

    let executor = connect(&config, ca.clone(), &events, &cancel, &plans).await?;
    let fix_options = fix_options(&config).map_err(|e| expected_outcome(&e))?;
    let agent = make_agent(&config, ca.as_deref(), &fix_options, events.clone(), servers)
        .map_err(|e| expected_outcome(&e))?;
    let rules = Rules {
        max_attempts: config.max_attempts,
        flaky_runs: config.flaky_runs,
        sources: sources(&config, agent.is_some()),
        goal: match (config.mode, push) {
            (Mode::Patch, _) => Goal::Patch,
            (_, Push::No) => Goal::Commit,
            (_, Push::Yes) => Goal::Publish { watch: config.wait_for_ci },
        },
        push_partial: config.push_partial,
        diagnose_only,
        ci_known_red: !failed.is_empty() || facts.is_active && trigger.run_is_over,
    };
    let purse = Purse::new(started, config.time_budget, config.token_budget, config.cost_budget);
    // The caller's record takes this one's place.
    let placeholder = Record::new(RunReport::begun("heal"), started);
    let driver = Driver {
        workspace,
        plans,
        executor,
        agent,
        fix_options,
        publisher,
        events,
        cancel,
        purse,
        record: placeholder,
        commit_prefix: config.commit_prefix.clone(),
        working: Working::default(),
    };
    Ok((driver, rules, base))
}

/// Our own copy of the repository, at the commit that failed.
pub(super) async fn private_clone(
    source: PathBuf,
    work_dir: PathBuf,
    slug: &RepoSlug,
    trigger: &Trigger,
) -> Result<Workspace, Outcome> {
    let commit = failed_run::commit(trigger);
    let options = WorkspaceOptions { source, work_dir, repository: slug.clone(), commit };
    Workspace::create(options).await.map_err(|error| match (&error, &trigger.diagnose_only) {
        // Nobody is told to fetch foreign code into a run that has permissions.
        (GitError::CommitMissing { .. }, Some(why)) => Outcome::Refused {
            why: why.clone(),
            remedy: Some("diagnose it in its own run, where its code meets no rights".to_owned()),
        },
        _ => git_outcome(&error),
    })
}

/// What GitHub says to a run of `config` from the checkout at `source`; for people who want to know beforehand.
pub async fn examine(config: &Config, source: &Path) -> Result<Vec<PreflightCheck>, Outcome> {
    let trigger = read_trigger(config)?;
    let slug = match (&config.workflow_run.repository, git::origin(source).as_deref().and_then(slug_of)) {
        (Some(slug), _) => slug.clone(),
        (None, Some(slug)) => slug,
        (None, None) => {
            return Ok(vec![PreflightCheck::new(
                Severity::Note,
                "the checkout has no origin on GitHub, so GitHub is not asked",
            )]);
        }
    };
    let Some(token) = config.push_token.clone().or_else(|| config.github_token.clone()) else {
        let finding = PreflightCheck::new(Severity::Warning, "there is no token, so GitHub is not asked")
            .remedy("pass github-token: ${{ github.token }}");
        return Ok(vec![finding]);
    };
    let client = client(config, ca_bundle(config)?.as_deref(), token.clone())?;
    let outcome = |e: github::ApiError| super::publisher::api_outcome(&e);
    let workflow =
        config.workflow.clone().or_else(|| trigger.workflow_file.clone()).or_else(|| own_workflow(config));
    let facts =
        github::examine_token(&client, &slug, &token, workflow.as_deref(), true).await.map_err(outcome)?;
    let text = workflow.as_deref().and_then(|file| std::fs::read_to_string(source.join(file)).ok());
    let triggers = github::read_triggers(&text.unwrap_or_default());
    let branch = BranchName::new("heal/doctor").map_err(|e| Outcome::Error { what: e.to_string() })?;
    let input = github::PreflightInput {
        repo: &slug,
        trigger: &trigger,
        token: Some(&facts),
        publishes: config.mode == Mode::Heal,
        waits_for_ci: config.wait_for_ci,
        pull_request: super::publisher::policy(config.pull_request),
        workflow_file: workflow.as_deref(),
        triggers: &triggers,
        branch: &branch,
        has_approval_runs: config
            .workflow_run
            .server_url
            .as_deref()
            .is_none_or(|u| u == "https://github.com"),
        commits_by_api: config.commit_mode == CommitMode::Api,
        findings: Vec::new(),
    };
    Ok(github::preflight(&client, input).await.map_err(outcome)?.findings)
}

/// `owner/name` of an address on github.com.
fn slug_of(url: &str) -> Option<RepoSlug> {
    let rest = url.split_once("github.com").map(|(_, rest)| rest.trim_start_matches([':', '/']))?;
    RepoSlug::new(rest.trim_end_matches('/').trim_end_matches(".git")).ok()
}

/// The repository's name; made up of the folder's outside of a workflow.
pub(super) fn slug(config: &Config, source: &Path) -> RepoSlug {
    config.workflow_run.repository.clone().unwrap_or_else(|| local_slug(source))
}

/// The extra certificate authorities, PEM.
pub(super) fn ca_bundle(config: &Config) -> Result<Option<Vec<u8>>, Outcome> {
    let read = |path: &PathBuf| {
        std::fs::read(path)
            .map_err(|e| Outcome::Error { what: format!("cannot read {}: {e}", path.display()) })
    };
    config.ca_bundle.as_ref().map(read).transpose()
}

/// The workflow file we run in.
pub(super) fn own_workflow(config: &Config) -> Option<String> {
    config.workflow_run.workflow_ref.as_deref().and_then(workflow_path)
}

fn local_slug(source: &Path) -> RepoSlug {
    let name: String = source
        .canonicalize()
        .unwrap_or_else(|_| source.to_owned())
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .collect();
    RepoSlug::new(&format!("local/{name}"))
        .or_else(|_| RepoSlug::new("local/repository"))
        .expect("a name of letters is a repository's name")
}

/// The payload of the event that started the workflow; null outside of one.
fn event_payload(config: &Config) -> Result<serde_json::Value, Outcome> {
    let facts = &config.workflow_run;
    Ok(match &facts.event_path {
        None => serde_json::Value::Null,
        Some(path) => {
            let what = |e: String| Outcome::Error {
                what: format!("cannot read the event at {}: {e}", path.display()),
            };
            let bytes = std::fs::read(path).map_err(|e| what(e.to_string()))?;
            serde_json::from_slice(&bytes).map_err(|e| what(e.to_string()))?
        }
    })
}

pub(super) fn read_trigger(config: &Config) -> Result<Trigger, Outcome> {
    let facts = &config.workflow_run;
    let payload = event_payload(config)?;
    let context = RunContext {
        event_name: facts.event_name.clone().unwrap_or_default(),
        repository: facts.repository.clone(),
        sha: facts.sha.clone(),
        ref_name: facts.ref_name.clone(),
        git_ref: facts.git_ref.clone(),
        run_id: facts.run_id,
        run_attempt: facts.run_attempt,
    };
    Ok(github::read_event(&payload, &context))
}

/// A client with the job's token, for reading; `None` without a token.
pub(super) fn github_client(config: &Config, ca: Option<&[u8]>) -> Result<Option<Client>, Outcome> {
    let token = config.push_token.clone().or_else(|| config.github_token.clone());
    let facts = &config.workflow_run;
    let (Some(token), Some(_)) = (token, &facts.repository) else { return Ok(None) };
    client(config, ca, token).map(Some)
}

fn client(config: &Config, ca: Option<&[u8]>, token: SecretString) -> Result<Client, Outcome> {
    let http = http::client(ca, http::Redirects::Refuse).map_err(|e| expected_outcome(&e))?;
    let api_url = config.workflow_run.api_url.clone().unwrap_or_else(|| "https://api.github.com".to_owned());
    Client::new(http, ClientOptions { api_url, token: Some(token), policy: Policy::default() })
        .map_err(|e| super::publisher::api_outcome(&e))
}

/// `None` where GitHub does not say.
async fn failed_jobs(
    client: &Client,
    slug: &RepoSlug,
    trigger: &Trigger,
    config: &Config,
    record: &mut Record,
) -> Option<Vec<plan::FailedJob>> {
    let run = trigger.run_id?;
    let own = OwnJob {
        check_run_id: config.check_run_id,
        runner_name: config.workflow_run.runner_name.clone(),
        lag: Duration::from_millis(1500),
    };
    match github::failed_jobs(client, slug, run, trigger.run_attempt.unwrap_or(1), &own).await {
        Ok(jobs) => Some(
            jobs.into_iter()
                .map(|job| plan::FailedJob {
                    name: job.name,
                    steps: job
                        .steps
                        .into_iter()
                        .map(|s| CiStep {
                            // To the plan a step that ran out of time has failed.
                            conclusion: if s.has_failed() {
                                "failure".to_owned()
                            } else {
                                s.conclusion.unwrap_or_default()
                            },
                            name: s.name,
                        })
                        .collect(),
                })
                .collect(),
        ),
        Err(error) => {
            record.report.warnings.push(format!("the run's jobs could not be read: {error}"));
            None
        }
    }
}

fn make_plans(
    config: &Config,
    workspace: &Workspace,
    trigger: &Trigger,
    failed: &[plan::FailedJob],
    variables: BTreeMap<String, String>,
) -> Result<Vec<Planned>, Outcome> {
    let facts = &config.workflow_run;
    let own_workflow = trigger.workflow_file.clone().or_else(|| own_workflow(config));
    // Our own job is the failed one only where no other workflow's failure brought us here.
    let own_job: Vec<String> = facts.job.iter().filter(|_| !trigger.run_is_over).cloned().collect();
    let jobs = if !config.jobs.is_empty() || !failed.is_empty() || config.command.is_some() {
        &config.jobs
    } else {
        &own_job
    };
    let mut github =
        if facts.is_active { GithubFacts::from_environment(variables) } else { GithubFacts::default() };
    github.event = Some(event_payload(config)?).filter(|event| !event.is_null() && !trigger.run_is_over);
    let secrets = config.sandbox_env.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    let request = PlanRequest {
        command: config.command.as_deref(),
        workflow: config.workflow.as_deref().or(own_workflow.as_deref()),
        jobs,
        failed,
        github,
        secrets,
        working_directory: &config.working_directory,
        sandbox_image: config.sandbox_image.as_deref(),
        ..PlanRequest::of(workspace)
    };
    plan::plan(&request).map_err(|error| match error {
        PlanError::Refused { why, remedy } => Outcome::Refused { why, remedy },
        error => Outcome::Refused { why: error.to_string(), remedy: None },
    })
}

/// `.github/workflows/ci.yml` of `owner/name/.github/workflows/ci.yml@refs/heads/main`.
fn workflow_path(reference: &str) -> Option<String> {
    let path = reference.split('@').next()?;
    path.find(".github/").map(|at| path[at..].to_owned())
}

async fn connect(
    config: &Config,
    ca: Option<Vec<u8>>,
    events: &Arc<dyn EventSink>,
    cancel: &Scope,
    plans: &[Planned],
) -> Result<Executor, Outcome> {
    let mut options = executor::Options::new(&run_id());
    options.network = match config.sandbox_network {
        Network::On => executor::Network::On,
        Network::Off => executor::Network::Off,
        Network::SetupOnly => executor::Network::SetupOnly,
    };
    options.hardening = match config.sandbox_hardening {
        Hardening::Compatible => executor::Hardening::Compatible,
        Hardening::Strict => executor::Hardening::Strict,
    };
    options.memory_bytes = config.sandbox_memory;
    options.cpus = config.sandbox_cpus;
    options.pids = i64::from(config.sandbox_pids);
    options.timeout = config.sandbox_timeout;
    // Nothing of ours lives longer, so that others may take it for dead where they cannot see us.
    options.lifetime = config.time_budget + config.ci_timeout + Duration::from_secs(600);
    options.env = sandbox_environment(config);
    options.passed_on =
        config.sandbox_env.iter().map(|(name, v)| (name.clone(), v.expose_secret().to_owned())).collect();
    options.ca_bundle = ca;
    let mut executor = Executor::connect(options, cancel).await.map_err(|e| executor_outcome(&e))?;
    match executor.sweep().await {
        Ok(removed) if !removed.is_empty() => {
            events.emit(Event::Progress { what: "removed what an earlier run left behind".to_owned() })
        }
        Ok(_) => {}
        Err(error) => events.emit(Event::Warning { what: error.to_string() }),
    }
    for planned in plans {
        executor.prepare(&planned.plan, events.as_ref(), cancel).await.map_err(|e| executor_outcome(&e))?;
    }
    Ok(executor)
}

/// Unlike process ids, unique over restarts and machines that share an engine.
fn run_id() -> String {
    let mut bytes = [0u8; 8];
    if getrandom::fill(&mut bytes).is_err() {
        let now =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
        bytes = u64::try_from(now & u128::from(u64::MAX)).unwrap_or_default().to_le_bytes();
    }
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// `GITHUB_*` facts without secrets.
fn sandbox_environment(config: &Config) -> BTreeMap<String, String> {
    let facts = &config.workflow_run;
    let mut env = BTreeMap::new();
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            env.insert(name.to_owned(), value);
        }
    };
    set("GITHUB_REPOSITORY", facts.repository.as_ref().map(ToString::to_string));
    set("GITHUB_REPOSITORY_OWNER", facts.repository.as_ref().map(|r| r.owner().to_owned()));
    set("GITHUB_SHA", facts.sha.as_ref().map(ToString::to_string));
    set("GITHUB_REF", facts.git_ref.clone());
    set("GITHUB_REF_NAME", facts.ref_name.clone());
    set("GITHUB_HEAD_REF", facts.head_ref.clone());
    set("GITHUB_BASE_REF", facts.base_ref.clone());
    set("GITHUB_EVENT_NAME", facts.event_name.clone());
    set("GITHUB_ACTOR", facts.actor.clone());
    set("GITHUB_RUN_ID", facts.run_id.map(|n| n.to_string()));
    set("GITHUB_RUN_NUMBER", facts.run_number.map(|n| n.to_string()));
    set("GITHUB_RUN_ATTEMPT", facts.run_attempt.map(|n| n.to_string()));
    set("GITHUB_JOB", facts.job.clone());
    set("GITHUB_WORKFLOW", facts.workflow.clone());
    set("GITHUB_SERVER_URL", facts.server_url.clone());
    set("GITHUB_API_URL", facts.api_url.clone());
    env
}

/// The gates, as configured.
pub fn fix_options(config: &Config) -> Result<FixOptions, ExpectedError> {
    Ok(FixOptions {
        min_confidence: config.min_confidence,
        max_changed_lines: config.max_changed_lines,
        max_changed_files: config.max_changed_files,
        allow_test_edits: config.allow_test_edits,
        paths: PathRules::new(&config.protected_paths)?,
    })
}

fn sources(config: &Config, has_model: bool) -> Vec<Source> {
    let mut sources = Vec::new();
    for provider in &config.providers {
        let source = match provider {
            ProviderName::Toolchain => Source::Toolchain,
            _ if has_model => Source::Model,
            _ => continue,
        };
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    sources
}

/// The fix agent, and the model servers it may ask.
pub type Advisor = (FixAgent, Box<dyn AskModel>);

/// The model servers that may be asked, in order. One without a key is left out, and `skipped` says so.
fn model_servers(config: &Config, skipped: &mut Vec<String>) -> Vec<ProviderConfig> {
    let mut servers = Vec::new();
    for provider in &config.providers {
        let (settings, format) = match provider {
            ProviderName::Toolchain => continue,
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
                });
            }
            _ if *provider == ProviderName::OpenAi && settings.api_key.is_none() => {}
            _ => skipped
                .push(format!("{name} is skipped: {name}-api-key is not given", name = provider.as_str())),
        }
    }
    servers
}

/// Looks whether the model servers take their keys and have their models. `toolchain` heals without any of them, so
/// that only a run which asks models alone, and none that can answer, is blocked.
async fn look_at_models(
    config: &Config,
    ca: Option<&[u8]>,
    servers: &[ProviderConfig],
) -> Result<Vec<PreflightCheck>, ExpectedError> {
    let client = http::client(ca, http::Redirects::Refuse)?;
    let failures = crate::llm::probe(&client, servers).await?;
    let is_dead = |kind| matches!(kind, FailureKind::Auth | FailureKind::Model);
    let dead = failures.iter().filter(|f| is_dead(f.kind)).count();
    let blocks =
        dead == servers.len() && !servers.is_empty() && !config.providers.contains(&ProviderName::Toolchain);
    let severity = if blocks { Severity::Blocking } else { Severity::Warning };
    Ok(failures
        .iter()
        .map(|f| PreflightCheck::new(severity, format!("{}: {}", f.provider, f.message)))
        .collect())
}

/// What is to be said of the model servers before a run; for people who want to know beforehand.
pub async fn examine_models(config: &Config) -> Result<Vec<PreflightCheck>, Outcome> {
    let mut skipped = Vec::new();
    let servers = model_servers(config, &mut skipped);
    if servers.is_empty() {
        let what = "no model server has a key: only what the tools themselves state is fixed";
        return Ok(vec![
            PreflightCheck::new(Severity::Note, what).remedy("gemini-api-key: ${{ secrets.GEMINI_API_KEY }}"),
        ]);
    }
    let ca = ca_bundle(config)?;
    let mut findings =
        look_at_models(config, ca.as_deref(), &servers).await.map_err(|e| expected_outcome(&e))?;
    let answering: Vec<&str> = servers
        .iter()
        .map(|s| s.name.as_str())
        .filter(|name| !findings.iter().any(|f| f.what.starts_with(&format!("{name}: "))))
        .collect();
    if !answering.is_empty() {
        findings.push(PreflightCheck::new(
            Severity::Note,
            format!("may be asked for a fix: {}", answering.join(", ")),
        ));
    }
    Ok(findings)
}

fn make_agent(
    config: &Config,
    ca: Option<&[u8]>,
    options: &FixOptions,
    events: Arc<dyn EventSink>,
    servers: Vec<ProviderConfig>,
) -> Result<Option<Advisor>, ExpectedError> {
    if servers.is_empty() {
        return Ok(None);
    }
    let client = http::client(ca, http::Redirects::Refuse)?;
    let router = Router::new(servers, client, events)?;
    let secrets: Vec<SecretString> =
        config.secrets().into_iter().cloned().chain(config.sandbox_env.values().cloned()).collect();
    Ok(Some((FixAgent::new(options.clone(), Redactor::new(&secrets)), Box::new(router))))
}

fn git_outcome(error: &GitError) -> Outcome {
    let what = match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    };
    match error {
        GitError::Source { .. } | GitError::Empty { .. } | GitError::CommitMissing { .. } => {
            Outcome::Refused { why: error.to_string(), remedy: error.hint().map(str::to_owned) }
        }
        _ => Outcome::Error { what },
    }
}

fn executor_outcome(error: &ExecutorError) -> Outcome {
    if matches!(error, ExecutorError::Stopped(_)) {
        return Outcome::Cancelled;
    }
    Outcome::Error {
        what: match error.hint() {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        },
    }
}

fn expected_outcome(error: &ExpectedError) -> Outcome {
    match error.kind {
        ErrorKind::Usage => Outcome::Refused { why: error.message.clone(), remedy: error.hint.clone() },
        ErrorKind::Environment => Outcome::Error { what: error.message.clone() },
    }
}
