//! `ci-healer heal` and `ci-healer drift`: the whole loop, or the search for a release, over a checkout of one's own or an
//! address.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::signals::Received;
use super::{arguments, ask, exit_code, open_report, report_error, signals, terminal};
use crate::config::{Config, Flags};
use crate::contract::outcome::Outcome;
use crate::drift::Time;
use crate::error::ExpectedError;
use crate::git::{self, GitError, Snapshot};
use crate::orchestrator::bundle::Finished;
use crate::orchestrator::heal::{self, Base, Heal, Push};
use crate::orchestrator::repository_file::{Unread, with_repository_file};
use crate::orchestrator::run_dir::RunDir;
use crate::report;
use crate::report::console::{Console, StepOutput};
use crate::scope::Scope;

/// Between two looks for changed files, which is also how long they have to stay as they are.
const LOOK: Duration = Duration::from_millis(700);

/// What is done with a repository.
#[derive(Clone, Copy)]
enum Task {
    Heal,
    Drift(Option<Time>),
}

/// What the flags of the command itself say.
struct Wanted {
    repo: String,
    commit: Option<String>,
    apply: bool,
    watch: bool,
    push: Push,
    task: Task,
}

/// What all runs of a command share.
struct Command<'a> {
    wanted: Wanted,
    flags: Flags,
    variables: &'a BTreeMap<String, String>,
    console: Arc<Console>,
    scope: Scope,
    received: Received,
}

/// How one run ended.
struct Ended {
    code: ExitCode,
    /// What was written into the checkout, as it was written.
    written: Snapshot,
    /// The checkout, and where its report lies; `None` for an address.
    checkout: Option<(PathBuf, PathBuf)>,
}

/// `ci-healer heal`
pub(super) async fn run(flags: Flags, variables: &BTreeMap<String, String>) -> anyhow::Result<ExitCode> {
    run_on(flags, variables, Task::Heal).await
}

/// `ci-healer drift`
pub(super) async fn drift(
    mut flags: Flags,
    variables: &BTreeMap<String, String>,
) -> anyhow::Result<ExitCode> {
    let since = match flags.remove("since") {
        None => None,
        Some(text) => Some(Time::parse(&text).filter(|since| *since < Time::now()).ok_or_else(|| {
            ExpectedError::usage(format!("--since {text:?} is no date in the past"))
                .hint("give a date like 2025-01-20, or a time like 2025-01-20T13:00:00Z")
        })?),
    };
    run_on(flags, variables, Task::Drift(since)).await
}

async fn run_on(
    mut flags: Flags,
    variables: &BTreeMap<String, String>,
    task: Task,
) -> anyhow::Result<ExitCode> {
    let repo = flags.remove("repo").unwrap_or_else(|| ".".to_owned());
    let apply = flags.remove("apply").is_some();
    let watch = flags.remove("watch").is_some();
    let commit = flags.remove("commit");
    let stays = flags.remove("no-push").is_some() || apply || watch;
    let push = if stays { Push::No } else { Push::Yes };
    let steps = if flags.remove("verbose").is_some() { StepOutput::Show } else { StepOutput::Hide };
    let config = Config::load(&flags, variables)?;
    check(&config, watch, commit.as_deref())?;
    let console = Arc::new(Console::new(terminal(), steps, Box::new(io::stdout())));
    let (scope, received) = signals::listen();
    let wanted = Wanted { repo, commit, apply, watch, push, task };
    let command = Command { wanted, flags, variables, console, scope, received };
    if watch { command.watch().await } else { command.once(config).await.map(|ended| ended.code) }
}

/// Flags that do not go together.
fn check(config: &Config, watch: bool, commit: Option<&str>) -> Result<(), ExpectedError> {
    let given = |both: &str| Err(ExpectedError::usage(format!("{both} are given together")));
    match (watch, commit, &config.run) {
        (_, Some(_), Some(_)) => given("--commit and --run"),
        (true, Some(_), _) => given("--watch and --commit"),
        (true, _, Some(_)) => given("--watch and --run"),
        _ => Ok(()),
    }
}

impl Command<'_> {
    /// One run after the other, each begun by a change of files, until somebody ends it.
    async fn watch(&self) -> anyhow::Result<ExitCode> {
        loop {
            let root = PathBuf::from(&self.wanted.repo);
            let config = Config::load(&self.flags, self.variables)?;
            let report = root.join(&config.report_dir);
            let before = self.look(&root, &report).await?;
            let ended = self.once(config).await?;
            let (Some((root, report)), None) = (&ended.checkout, self.received.signal()) else {
                return Ok(ended.code);
            };
            self.console.block(report::verdict::WATCHING);
            // What changed while it ran counts, but for what it wrote itself.
            let mut last = before.with(&ended.written);
            loop {
                tokio::time::sleep(LOOK).await;
                if self.scope.stopped().is_some() {
                    return Ok(self.received.signal().map_or(ended.code, ExitCode::from));
                }
                let now = self.look(root, report).await?;
                if now.changed_since(&last).is_empty() {
                    continue;
                }
                // Somebody may still be writing.
                tokio::time::sleep(LOOK).await;
                if self.look(root, report).await? == now {
                    break;
                }
                last = now;
            }
        }
    }

    async fn look(&self, root: &Path, report: &Path) -> Result<Snapshot, ExpectedError> {
        let (root, report) = (root.to_owned(), report.to_owned());
        let looked = self.scope.blocking("looking for changed files", move || Snapshot::of(&root, &report));
        looked.await.map_err(|stopped| ExpectedError::environment(stopped.to_string()))
    }

    /// One run.
    async fn once(&self, mut config: Config) -> anyhow::Result<Ended> {
        let Self { wanted, console, scope, .. } = self;
        let mut started = Instant::now();
        let run_dir = RunDir::new()?;
        let report_dir = config.report_dir.clone();
        let redactor = report::commands::Redactor::new(config.secrets());
        console.redact(redactor.clone());
        // A clone that was stopped is no error.
        let source = match arguments::source(&wanted.repo, run_dir.path(), scope).await {
            Err(_) if scope.stopped().is_some() => None,
            source => Some(source?),
        };
        let mut in_the_way = None;
        let mut base = Base::Event;
        if let Some(source) = &source {
            match with_repository_file(config.clone(), &self.flags, self.variables, source, scope).await {
                Ok(with_file) => config = with_file,
                Err(Unread::Wrong(error)) => return Err(error.into()),
                Err(Unread::NotHad(outcome)) => in_the_way = Some(outcome),
            }
            base = self.base(&config, source).await?;
            let asked = Instant::now();
            ask::which_job(&mut config, source, console, scope).await?;
            // Nobody's time to think is the run's.
            started += asked.elapsed();
        }
        // A clone of ours goes at the end; its report is for whoever called.
        let is_checkout = source.as_ref().is_some_and(|s| !s.starts_with(run_dir.path()));
        if (wanted.apply || wanted.watch) && source.is_some() && !is_checkout {
            let flag = if wanted.apply { "--apply changes" } else { "--watch looks at" };
            let repo = &wanted.repo;
            return Err(ExpectedError::usage(format!(
                "{flag} a checkout, and --repo {repo:?} is an address"
            ))
            .into());
        }
        let checkout = source.clone().filter(|_| is_checkout);
        let report_to = checkout.clone().unwrap_or_else(|| ".".into());
        let (dir, event_log) = open_report(&report_to, &report_dir, &redactor)?;
        let event_log = Some(event_log);
        let fail_on = config.fail_on;
        let finished = match (source, in_the_way) {
            (Some(source), None) => {
                let heal = Heal {
                    config,
                    started,
                    source,
                    base,
                    run_dir,
                    push: wanted.push,
                    events: console.clone(),
                    event_log,
                    scope: scope.clone(),
                    variables: self.variables.clone(),
                };
                match wanted.task {
                    Task::Heal => heal::run(heal).await,
                    Task::Drift(since) => heal::run_drift(heal, since).await,
                }
            }
            (_, in_the_way) => {
                let outcome = in_the_way.unwrap_or(Outcome::Cancelled);
                heal::ended(outcome, &config, started, run_dir, console.clone(), event_log)
            }
        };
        let (proof, patch) = (finished.proof.as_ref(), finished.patch.as_deref());
        report::results::write(&finished.report, proof, patch, &dir, &finished.files, &redactor)
            .map_err(report_error)?;
        console.block(&report::verdict::text(&finished.report, Some(&finished.files)));
        let written = self.take(checkout.as_deref(), &finished).await?;
        let code = exit_code(&finished.report.outcome, fail_on, self.received.signal());
        Ok(Ended { code, written, checkout: checkout.map(|root| (root.clone(), root.join(&report_dir))) })
    }

    /// What is healed: a named commit, the run that is named, else the files as they are.
    async fn base(&self, config: &Config, source: &Path) -> Result<Base, ExpectedError> {
        match (&self.wanted.commit, self.wanted.task) {
            (Some(revision), _) => {
                let found = git::resolve_commit(source, revision, &self.scope).await;
                found
                    .map(Base::Commit)
                    .map_err(|e| ExpectedError::usage(format!("--commit {revision:?}: {e}")))
            }
            (None, Task::Heal) if config.run.is_none() && !config.workflow_run.is_active => {
                Ok(Base::WorkingTree)
            }
            (None, _) => Ok(Base::Event),
        }
    }

    /// Takes a proven fix into the checkout where that is wanted, and says how to where not.
    async fn take(&self, checkout: Option<&Path>, finished: &Finished) -> Result<Snapshot, ExpectedError> {
        if let Some(checkout) = checkout.filter(|_| self.wanted.apply) {
            return apply_to(checkout, finished, &self.console, &self.scope).await;
        }
        if let Some(line) = report::verdict::how_to_take(&finished.report, &finished.files) {
            self.console.block(&line);
        }
        Ok(Snapshot::default())
    }
}

/// Takes a proven fix into the checkout; where none is proven, nothing is changed.
async fn apply_to(
    checkout: &Path,
    finished: &Finished,
    console: &Console,
    scope: &Scope,
) -> Result<Snapshot, ExpectedError> {
    let (Some(patch), Some(_)) = (&finished.files.patch_file, &finished.proof) else {
        return Ok(Snapshot::default());
    };
    let applied = git::apply_to_checkout(checkout, &finished.before, &checkout.join(patch), scope).await;
    let files = applied.map_err(|error: GitError| {
        let unapplied = ExpectedError::environment(format!("--apply: {error}"));
        unapplied.hint(format!("the proven patch is in {patch}"))
    })?;
    let written = Snapshot::of_files(checkout, &files);
    console.say(&report::verdict::applied(&files));
    Ok(written)
}
