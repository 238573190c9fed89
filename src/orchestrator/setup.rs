//! From the configuration to a loop that can run, in stages: each takes what the ones before it found out, and ends the
//! run with an outcome where there is nothing to heal or something is in the way.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::config::Config;
use crate::contract::build::SANDBOX_TOKEN;
use crate::contract::ci::Conclusion;
use crate::contract::event::{Event, EventSink as _};
use crate::contract::git::{CommitSha, RepoSlug};
use crate::contract::outcome::Outcome;
use crate::contract::report::FailedRun;
use crate::contract::settings::{Mode, SandboxDocker, SandboxToken};
use crate::error::ExpectedError;
use crate::executor::{self, Brought, Executor};
use crate::fixer::{FixOptions, PathRules};
use crate::git::{GitError, Workspace, WorkspaceOptions};
use crate::github::{
    self, Client, ClientOptions, RetryPolicy, RunContext, Severity, Trigger, TriggerContext,
};
use crate::http;
use crate::plan::{FailedJob, GithubFacts, PlanRequest, Planned};
use crate::scope::Scope;

use super::budget::Budget;
use super::by_chance::CiLogs;
use super::ci_run::{self, CiRun};
use super::destination::{PublisherSetup, is_of_a_heal};
use super::drift::{DriftParts, DriftWatch};
use super::driver::{Clocks, Driver, PUBLISH_GRACE};
use super::failed_run;
use super::heal::{Base, Push, close};
use super::history;
use super::journal::Journal;
use super::last_green::LastGreen;
use super::models;
use super::named_run;
use super::not_here;
use super::outcome_from::{api_outcome, executor_outcome, expected_outcome, git_outcome};
use super::publisher::Publisher;
use super::real_actions;
use super::real_artifacts::ArtifactsOf;
use super::state::{Goal, Rules};
use super::token_rights;
use super::tracing::Traces;

/// What all stages work with.
pub(super) struct Session {
    pub(super) config: Config,
    /// The checkout.
    pub(super) source: PathBuf,
    pub(super) base: Base,
    pub(super) work_dir: PathBuf,
    pub(super) push: Push,
    pub(super) journal: Arc<Journal>,
    pub(super) scope: Scope,
    /// Our own variables: facts of the workflow for expressions.
    pub(super) variables: BTreeMap<String, String>,
}

/// The loop, its rules, and the commit that the heal sits on.
pub(super) struct Prepared {
    pub(super) driver: Driver,
    pub(super) rules: Rules,
    pub(super) base: CommitSha,
}

/// Goes through the stages.
pub(super) async fn prepare(mut session: Session) -> Result<Prepared, Outcome> {
    let named = named_run::trigger(&mut session).await?;
    let context = named.map_or_else(|| read_trigger(&session.config), Ok)?;
    let TriggerContext { trigger, failed_run, expression_context } = context;
    if let Some(failed) = &failed_run {
        failed_run::apply_failed_run(&mut session.config.workflow_run, &mut session.variables, failed);
    }
    let slug = slug(&session.config, &session.source);
    tell_repository(&session, &slug);
    let diagnose_only = diagnose_only(&session.config, &trigger);
    let connection = Connection::open(&session, &slug, &trigger).await?;
    if let Some(jobs) = &connection.run.green {
        tell_failed_run(&session, &slug, &trigger, &[]);
        let client = connection.client.as_ref();
        return Err(ci_run::already_green(&session, client, &slug, &trigger, jobs).await);
    }
    refuse_heals(&session, &trigger, &connection, &slug).await?;
    token_rights::check(&session.config, connection.client.as_ref(), &slug).await?;
    let workspace = check_out(&session, &slug, &trigger).await?;
    if workspace.is_uncommitted() {
        session.push = Push::No;
    }
    tell_failed_run(&session, &slug, &trigger, connection.failed_jobs());
    let event = expression_context.as_ref().map(serde_json::Value::to_string);
    let (plans, brought, only_first_red) =
        make_plans(&session, &workspace, &trigger, expression_context, &connection).await?;
    let ci_known_red =
        !connection.failed_jobs().is_empty() || session.config.workflow_run.is_active && trigger.run_is_over;
    let servers = choose_models(&session, &connection, diagnose_only.is_some()).await?;
    let base = trigger.head.as_ref().map_or_else(|| workspace.base().clone(), |h| h.sha.clone());
    let ca = connection.ca.clone();
    let workflow = plans[0].plan.workflow.clone();
    let (client, journal) = (connection.client.as_ref(), session.journal.clone());
    let listed = |planned: &Planned| {
        let name = planned.ci_job.as_ref()?;
        connection.run.listed.iter().find(|job| job.name == *name).cloned()
    };
    let ci_logs = CiLogs::new(connection.client.as_ref(), &slug, plans.iter().map(listed).collect());
    let last_green = LastGreen::new(client, &slug, workflow, &trigger, journal);
    let publisher = if diagnose_only.is_none() {
        choose_destination(&session, &slug, &trigger, &workspace, &plans, connection).await?
    } else {
        None
    };
    let may_revert =
        history::may_revert(&session.config, &trigger, publisher.as_ref(), &session.journal).await;
    let executor = connect_engine(&session, ca.clone(), &plans, (brought, event)).await?;
    let Session { config, push, journal, scope, .. } = session;
    let fix_options = fix_options(&config).map_err(|e| expected_outcome(&e))?;
    let advisor =
        models::make_advisor(&config, ca.as_deref(), &fix_options, journal.clone(), servers, &scope)
            .map_err(|e| expected_outcome(&e))?;
    let rules = rules(
        &config,
        push,
        (plans.len(), only_first_red),
        models::sources(&config, advisor.is_some(), may_revert),
        diagnose_only,
        ci_known_red,
    );
    let driver = Driver {
        workspace,
        plans,
        executor,
        advisor,
        fix_options,
        publisher,
        ci_logs,
        traces: Traces::default(),
        last_green,
        drift: DriftWatch::new(config.drift_runs, ca),
        journal,
        scope,
        commit_prefix: config.commit_prefix,
        clocks: Clocks::default(),
    };
    Ok(Prepared { driver, rules, base })
}

/// Goes through the stages that a search for a release needs: no model, nothing to publish.
pub(super) async fn prepare_drift(session: Session) -> Result<DriftParts, Outcome> {
    let TriggerContext { trigger, expression_context, .. } = read_trigger(&session.config)?;
    let slug = slug(&session.config, &session.source);
    tell_repository(&session, &slug);
    let ca = ca_bundle(&session.config)?;
    // Nobody is asked: what runs is what the repository says.
    let connection = Connection { ca: ca.clone(), client: None, run: CiRun::default() };
    let workspace = check_out(&session, &slug, &trigger).await?;
    let event = expression_context.as_ref().map(serde_json::Value::to_string);
    let (plans, brought, _) =
        make_plans(&session, &workspace, &trigger, expression_context, &connection).await?;
    let executor = connect_engine(&session, ca.clone(), &plans, (brought, event)).await?;
    let Session { config, journal, scope, .. } = session;
    Ok(DriftParts { workspace, plans, executor, ca, journal, scope, runs: config.drift_runs })
}

/// What brought us here: the event of the workflow run, read once.
pub(super) fn read_trigger(config: &Config) -> Result<TriggerContext, Outcome> {
    let facts = &config.workflow_run;
    let context = RunContext {
        event_name: facts.event_name.clone().unwrap_or_default(),
        repository: facts.repository.clone(),
        sha: facts.sha.clone(),
        ref_name: facts.ref_name.clone(),
        git_ref: facts.git_ref.clone(),
        run_id: facts.run_id,
        run_attempt: facts.run_attempt,
    };
    Ok(github::read_trigger_context(event_payload(config)?, &context))
}

pub(super) fn tell_repository(session: &Session, slug: &RepoSlug) {
    let facts = &session.config.workflow_run;
    let repository =
        if facts.repository.is_some() { slug.to_string() } else { session.source.display().to_string() };
    session.journal.emit(Event::RepositoryKnown { repository, reference: facts.git_ref.clone() });
}

/// How a run ends that may look at the failure and not touch it.
fn diagnose_only(config: &Config, trigger: &Trigger) -> Option<Outcome> {
    if !matches!(config.mode, Mode::Heal | Mode::Patch) {
        return Some(Outcome::Diagnosed);
    }
    // Foreign code is still worth a diagnosis: it runs without any right of ours.
    let remedy = || Some("use `mode: diagnose` for such runs".to_owned());
    trigger.diagnose_only.clone().map(|why| Outcome::Refused { why, remedy: remedy() })
}

/// GitHub, as far as we may ask it, and what it says of the failed run.
pub(super) struct Connection {
    /// The extra certificate authorities, PEM.
    pub(super) ca: Option<Vec<u8>>,
    pub(super) client: Option<Client>,
    pub(super) run: CiRun,
}

impl Connection {
    async fn open(session: &Session, slug: &RepoSlug, trigger: &Trigger) -> Result<Self, Outcome> {
        let ca = ca_bundle(&session.config)?;
        let client = github_client(&session.config, ca.as_deref(), &session.scope)?;
        let run = CiRun::look(session, client.as_ref(), slug, trigger).await;
        Ok(Self { ca, client, run })
    }

    fn failed_jobs(&self) -> &[FailedJob] {
        &self.run.failed
    }
}

async fn refuse_heals(
    session: &Session,
    trigger: &Trigger,
    connection: &Connection,
    slug: &RepoSlug,
) -> Result<(), Outcome> {
    if !is_of_a_heal(&session.config, trigger, connection.client.as_ref(), slug).await? {
        return Ok(());
    }
    let why = "this run is of a heal, and heals do not heal themselves".to_owned();
    Err(Outcome::Refused { why, remedy: None })
}

/// Our own copy of the repository, at the commit that failed.
pub(super) async fn check_out(
    session: &Session,
    slug: &RepoSlug,
    trigger: &Trigger,
) -> Result<Workspace, Outcome> {
    session.journal.emit(Event::Progress { what: "making a private clone of the checkout".to_owned() });
    let options = WorkspaceOptions {
        source: session.source.clone(),
        work_dir: session.work_dir.clone(),
        repository: slug.clone(),
        commit: match &session.base {
            Base::Commit(commit) => Some(commit.clone()),
            Base::Event | Base::WorkingTree => failed_run::commit(trigger),
        },
        with_working_tree: session.base == Base::WorkingTree,
    };
    let mut workspace = Workspace::create(options, &session.scope).await.map_err(|error| {
        match (&error, &trigger.diagnose_only) {
            // Nobody is told to fetch foreign code into a run that has rights.
            (GitError::CommitMissing { .. }, Some(why)) => Outcome::Refused {
                why: why.clone(),
                remedy: Some("diagnose it in its own run, where its code meets no rights".to_owned()),
            },
            _ => git_outcome(&error),
        }
    })?;
    // Reading back what goes out may take as long as publishing it.
    workspace.set_scope(&session.scope.with_grace(PUBLISH_GRACE));
    session.journal.emit(Event::CheckedOut { sha: workspace.base().clone() });
    for what in workspace.notes() {
        session.journal.emit(Event::Warning { what: what.clone() });
    }
    Ok(workspace)
}

fn tell_failed_run(session: &Session, slug: &RepoSlug, trigger: &Trigger, failed: &[FailedJob]) {
    let facts = &session.config.workflow_run;
    if !facts.is_active {
        return;
    }
    let job = failed.first();
    let step =
        job.and_then(|j| j.steps.iter().find(|s| s.conclusion.as_ref().is_some_and(Conclusion::is_failure)));
    let run = FailedRun {
        id: trigger.run_id,
        attempt: trigger.run_attempt,
        event: facts.event_name.clone(),
        workflow: facts.workflow.clone(),
        job: job.map(|j| j.name.clone()).or_else(|| facts.job.clone()),
        step: step.map(|s| s.name.clone()),
        url: match (&facts.server_url, trigger.run_id) {
            (Some(server), Some(id)) => Some(format!("{server}/{slug}/actions/runs/{id}")),
            _ => None,
        },
    };
    session.journal.emit(Event::FailedRunKnown { run: Box::new(run) });
}

/// The model servers that may be asked; none where nothing may be fixed anyway.
async fn choose_models(
    session: &Session,
    connection: &Connection,
    diagnose_only: bool,
) -> Result<Vec<crate::llm::ProviderConfig>, Outcome> {
    let mut skipped = Vec::new();
    let mut servers = models::model_servers(&session.config, &mut skipped);
    for what in skipped {
        session.journal.emit(Event::Warning { what });
    }
    let mut known = models::known_servers(&session.config, &servers);
    session.journal.emit(Event::ModelServersKnown { servers: known.clone() });
    if diagnose_only {
        return Ok(servers);
    }
    let ca = connection.ca.as_deref();
    let looked = models::check_models(&session.config, ca, &mut servers, &session.scope).await?;
    if !looked.replaced.is_empty() {
        known.replaced = looked.replaced;
        session.journal.emit(Event::ModelServersKnown { servers: known });
    }
    for check in looked.checks {
        if check.severity == Severity::Blocking {
            return Err(Outcome::Refused { why: check.message, remedy: check.hint });
        }
        session.journal.emit(Event::Warning { what: check.message });
    }
    Ok(servers)
}

/// Where the heal goes, and whether it may; `None` where it stays here.
async fn choose_destination(
    session: &Session,
    slug: &RepoSlug,
    trigger: &Trigger,
    workspace: &Workspace,
    plans: &[Planned],
    connection: Connection,
) -> Result<Option<Publisher>, Outcome> {
    if session.config.mode != Mode::Heal || session.push == Push::No {
        return Ok(None);
    }
    let first = &plans[0].plan;
    let setup = PublisherSetup {
        config: &session.config,
        slug,
        trigger,
        source: &session.source,
        job: first.matrix_job(),
        journal: &session.journal,
        scope: session.scope.with_grace(PUBLISH_GRACE),
    };
    setup.make(workspace, first.workflow.clone(), connection.client).await.map(Some)
}

fn rules(
    config: &Config,
    push: Push,
    (legs, only_first_red): (usize, bool),
    sources: Vec<super::state::FixSource>,
    diagnose_only: Option<Outcome>,
    ci_known_red: bool,
) -> Rules {
    Rules {
        legs,
        only_first_red,
        max_attempts: config.max_attempts,
        flaky_runs: config.flaky_runs,
        sources,
        goal: match (config.mode, push) {
            (Mode::Patch, _) => Goal::Patch,
            (_, Push::No) => Goal::Commit,
            (_, Push::Yes) => Goal::Publish { watch: config.wait_for_ci },
        },
        on_partial: config.on_partial,
        counter_proof: config.require_counter_proof,
        only_diagnosed: config.policy.only_diagnosed(),
        diagnose_only,
        ci_known_red,
        budget: Budget::new(config.token_budget, config.cost_budget),
    }
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

/// A client with the job's token, for reading; `None` without a token.
pub(super) fn github_client(
    config: &Config,
    ca: Option<&[u8]>,
    scope: &Scope,
) -> Result<Option<Client>, Outcome> {
    let token = config.push_token.clone().or_else(|| config.github_token.clone());
    let facts = &config.workflow_run;
    let (Some(token), Some(_)) = (token, &facts.repository) else { return Ok(None) };
    client(config, ca, token, scope).map(Some)
}

pub(super) fn client(
    config: &Config,
    ca: Option<&[u8]>,
    token: SecretString,
    scope: &Scope,
) -> Result<Client, Outcome> {
    client_with(config, ca, Some(token), RetryPolicy::default(), scope)
}

/// A client that is nobody, for what everybody may read; not a patient one.
pub(super) fn anonymous_client(config: &Config, ca: Option<&[u8]>, scope: &Scope) -> Result<Client, Outcome> {
    let policy = RetryPolicy { tries: 2, ..RetryPolicy::default() };
    client_with(config, ca, None, policy, scope)
}

fn client_with(
    config: &Config,
    ca: Option<&[u8]>,
    token: Option<SecretString>,
    policy: RetryPolicy,
    scope: &Scope,
) -> Result<Client, Outcome> {
    let http = http::Client::new(scope, ca, http::Redirects::Refuse).map_err(|e| expected_outcome(&e))?;
    let api_url = config.workflow_run.api_url.clone().unwrap_or_else(|| "https://api.github.com".to_owned());
    Client::new(http, ClientOptions { api_url, token, policy }).map_err(|e| api_outcome(&e))
}

/// What is run, what that needs of actions, and whether it is what the repository has for CI, of which only the first red
/// job is healed.
async fn make_plans(
    session: &Session,
    workspace: &Workspace,
    trigger: &Trigger,
    expression_context: Option<serde_json::Value>,
    connection: &Connection,
) -> Result<(Vec<Planned>, Brought, bool), Outcome> {
    let run = &connection.run;
    let failed = run.failed.as_slice();
    let config = &session.config;
    let facts = &config.workflow_run;
    let own_workflow = trigger.workflow_file.clone().or_else(|| own_workflow(config));
    // Our own job is the failed one only where no other workflow's failure brought us here.
    let own_job: Vec<String> = facts.job.iter().filter(|_| !trigger.run_is_over).cloned().collect();
    let jobs = if !config.jobs.is_empty() || !failed.is_empty() || config.command.is_some() {
        &config.jobs
    } else {
        &own_job
    };
    let mut github = if facts.is_active {
        GithubFacts::from_environment(session.variables.clone())
    } else {
        GithubFacts::default()
    };
    github.event = expression_context;
    let name = slug(config, &session.source);
    let mut secrets: BTreeMap<_, _> =
        config.sandbox_env.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    if config.sandbox_token == SandboxToken::Read {
        github.values.insert("token".to_owned(), SANDBOX_TOKEN.to_owned());
        secrets.insert("GITHUB_TOKEN".to_owned(), SecretString::from(SANDBOX_TOKEN));
    }
    let request = PlanRequest {
        command: config.command.as_deref(),
        workflow: config.workflow.as_deref().or(own_workflow.as_deref()),
        jobs,
        failed,
        ended: &run.ended,
        github,
        secrets,
        working_directory: &config.working_directory,
        sandbox_image: config.sandbox_image.as_deref(),
        actions_mode: config.actions_mode,
        with_producers: true,
        sandbox_docker: config.sandbox_docker == SandboxDocker::On,
        repository_name: Some(name.name()),
        ..PlanRequest::of(workspace)
    };
    let of_run = ArtifactsOf::run(config, trigger);
    let (plans, brought) =
        real_actions::plan_with_actions(session, connection.ca.as_deref(), &request, of_run.as_ref()).await?;
    let plans = distinct(plans);
    let is_unasked = request.command.is_none() && jobs.is_empty() && failed.is_empty();
    for planned in &plans {
        session.journal.emit(Event::Planned { plan: Box::new(planned.plan.clone()) });
    }
    match plans.iter().map(|planned| not_here::of_all_steps(&planned.plan)).collect::<Option<Vec<_>>>() {
        // An image would be fetched for nothing.
        Some(lacking) => Err(lacking.into_iter().next().unwrap_or_else(nothing_to_run)),
        None => Ok((plans, brought, is_unasked && !config.all_jobs)),
    }
}

fn nothing_to_run() -> Outcome {
    Outcome::Refused { why: "there is nothing to run".to_owned(), remedy: None }
}

/// Jobs of a matrix that come to the same here (another system, say) are proven once; which they are is said.
fn distinct(plans: Vec<Planned>) -> Vec<Planned> {
    let mut kept: Vec<Planned> = Vec::new();
    for planned in plans {
        let plan = &planned.plan;
        let is_same = |other: &&mut Planned| {
            other.plan.image == plan.image
                && other.plan.steps == plan.steps
                && other.plan.services == plan.services
                && other.plan.job == plan.job
        };
        match kept.iter_mut().find(is_same) {
            Some(same) => {
                let name = planned.ci_job.clone().unwrap_or_else(|| plan.matrix_job());
                same.plan
                    .notes
                    .push(format!("the failed job {name} comes to the same here, and is proven by this one"));
            }
            None => kept.push(planned),
        }
    }
    kept
}

/// `.github/workflows/ci.yml` of `owner/name/.github/workflows/ci.yml@refs/heads/main`.
fn workflow_path(reference: &str) -> Option<String> {
    let path = reference.split('@').next()?;
    path.find(".github/").map(|at| path[at..].to_owned())
}

/// A Docker engine that answers, with the plans' images ready.
async fn connect_engine(
    session: &Session,
    ca: Option<Vec<u8>>,
    plans: &[Planned],
    (brought, event): (Brought, Option<String>),
) -> Result<Executor, Outcome> {
    let Session { config, journal, .. } = session;
    let mut options = executor::Options::new(&run_id());
    options.network = config.sandbox_network;
    options.hardening = config.sandbox_hardening;
    options.memory_bytes = config.sandbox_memory;
    options.cpus = config.sandbox_cpus;
    options.pids = i64::from(config.sandbox_pids);
    options.timeout = config.sandbox_timeout;
    options.docker = (config.sandbox_docker == SandboxDocker::On).then(|| executor::DOCKER_IMAGE.to_owned());
    // Nothing of ours lives longer, so that others may take it for dead where they cannot see us.
    options.lifetime = config.time_budget + config.ci_timeout + Duration::from_secs(600);
    options.env = sandbox_environment(config);
    options.passed_on =
        config.sandbox_env.iter().map(|(name, v)| (name.clone(), v.expose_secret().to_owned())).collect();
    options.token = config.github_token.clone().filter(|_| config.sandbox_token == SandboxToken::Read);
    options.event = event;
    options.ca_bundle = ca;
    let mut executor = Executor::connect(options, &session.scope).await.map_err(|e| executor_outcome(&e))?;
    executor.bring(brought);
    for what in executor.unheld_limits() {
        journal.emit(Event::Warning { what });
    }
    match executor.sweep().await {
        Ok(removed) if !removed.is_empty() => {
            journal.emit(Event::Progress { what: "removed what an earlier run left behind".to_owned() });
        }
        Ok(_) => {}
        Err(error) => journal.emit(Event::Warning { what: error.to_string() }),
    }
    for planned in plans {
        let prepared = executor.prepare(&planned.plan, journal.as_ref(), &session.scope).await;
        if let Err(error) = prepared {
            if let Some(what) = close(executor, &session.scope).await {
                journal.emit(Event::Warning { what });
            }
            return Err(executor_outcome(&error));
        }
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
pub(super) fn fix_options(config: &Config) -> Result<FixOptions, ExpectedError> {
    Ok(FixOptions {
        min_confidence: config.min_confidence,
        max_changed_lines: config.max_changed_lines,
        max_changed_files: config.max_changed_files,
        allow_test_edits: config.allow_test_edits,
        paths: PathRules::new(&config.protected_paths)?,
        guidance: config.guidance.clone(),
    })
}
