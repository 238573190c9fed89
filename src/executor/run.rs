//! One run's executor: images resolved once, one workspace volume, one container per execution, and nothing left.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::action_build::Built;
use super::action_container::{self, ActionContainers};
use super::actions::Brought;
use super::cleanup::{self, Leftovers, Removed};
use super::docker;
use super::engine::{Engine, Object, QUICK};
use super::environment;
use super::error::ExecutorError;
use super::identity::Identity;
use super::image::{Image, Images};
use super::options::{self, CreateOptions};
use super::preinstalled;
use super::services::Services;
use super::set_up::{ReadySandbox, STRICT_USER};
use super::snapshot::{Snapshot, Start, installing_steps};
use super::state_copy::{Copies, StateCopy};
use super::steps::{Abort, ExecutionArgs, ExecutionTrace, Job, StepContext, verdict};
use super::workspace::WorkspaceVolume;
use super::{CLOSE_PATIENCE_STOPPED, Options};
use crate::after_panic::{self, Duty};
use crate::contract::build::{
    BuildPlan, ExecutionResult, Exit, JobFolders, Probe, StepEvaluator, StepRepeats,
};
use crate::contract::event::{Event, EventSink, Purpose};
use crate::contract::executed::Tracer;
use crate::contract::git::{RepoPath, SourceTree};
use crate::contract::settings::{Hardening, Network};
use crate::scope::Scope;

/// How long a stopped execution may wait for the engine to end its containers.
const END_CONTAINERS: Duration = Duration::from_secs(1);
/// A stopped execution that has not returned by then is dropped where it waits.
const STOP_PATIENCE: Duration = Duration::from_millis(1500);
/// How long a dropped executor may hold up its thread.
const DROPPED_WITHIN: Duration = Duration::from_secs(5);
/// Setting up again is quicker than keeping less than this.
const WORTH_A_SNAPSHOT: Duration = Duration::from_secs(3);

/// What to run the plan on, and how.
pub struct Request<'a> {
    pub purpose: Purpose,
    /// Which of the run's plans it is: each has a volume and a snapshot of its own.
    pub leg: usize,
    pub tree: &'a dyn SourceTree,
    /// The `.git` for the sandbox, made for this very tree: no credentials, no hooks.
    pub git_dir: Option<&'a Path>,
    /// From scratch: a new volume, every step, nothing left of earlier executions but what `from_snapshot` takes over.
    pub fresh: bool,
    /// Start after the leading installing steps, where an earlier execution of this run has kept their result and it still holds.
    pub from_snapshot: bool,
    /// Of an execution with `fresh`: states to keep for a later one, or the one to start from.
    pub copies: Copies<'a>,
    /// Asked when all steps are over; see [`Probe`].
    pub probes: &'a [Probe],
    /// Asked after each step whether it is run again at once; `None`: none is.
    pub repeats: Option<&'a dyn StepRepeats>,
    /// The step whose own changes [`Executor::changed_files`] gives afterwards; `None`: those of all steps.
    pub watched: Option<usize>,
    /// Asked for a traced run where a step failed the job, when all steps and probes are over; see [`Trace`].
    ///
    /// [`Trace`]: crate::contract::executed::Trace
    pub tracer: Option<&'a dyn Tracer>,
}

/// Runs plans for one run of ours. Everything it creates in the engine is removed by [`Executor::close`], or when it is
/// dropped, or after a panic, or, after a kill, by the next start's [`Executor::sweep`].
pub struct Executor {
    /// In the bounds of what it is asked for now.
    pub(super) engine: Engine,
    /// The run's.
    pub(super) scope: Scope,
    pub(super) identity: Identity,
    pub(super) options: Options,
    images: Images,
    pub(super) workspace: Option<WorkspaceVolume>,
    /// The last execution's image, for reading back.
    pub(super) image_id: Option<String>,
    snapshot: Option<Snapshot>,
    /// By leg and step; `Err`: why there is none.
    pub(super) copies: HashMap<(usize, usize), Result<StateCopy, String>>,
    /// The leg that `workspace` and `snapshot` are of, and those of the others.
    leg: usize,
    parked: HashMap<usize, (Option<WorkspaceVolume>, Option<Snapshot>)>,
    pub(super) networks: HashSet<String>,
    /// Names of the caches that have their volume.
    pub(super) caches: HashSet<&'static str>,
    /// What actions bring, and whether it has its volume.
    pub(super) brought: Arc<Brought>,
    pub(super) has_brought: bool,
    /// Images that were built of actions.
    built: Built,
    /// Archive entries of the certificate authorities, by image.
    pub(super) authorities: HashMap<String, Vec<u8>>,
    /// Images with bash.
    with_bash: HashSet<String>,
    /// Images that steps call `sudo` in, and what they became with it; `None` where it could not be had.
    pub(super) with_sudo: HashMap<String, Option<String>>,
    /// The numbers of users, by image and name.
    pub(super) user_ids: HashMap<(String, String), (u32, u32)>,
    executions: u32,
    pub(super) readers: u32,
    /// What differed from the tree just before the watched step of the last execution.
    pub(super) changed_before: BTreeSet<RepoPath>,
    /// The last execution was broken off: the engine may be starting anew.
    in_doubt: bool,
    closed: bool,
    _on_panic: Duty,
}

/// What an execution runs in.
pub(super) struct ExecutionContext<'a> {
    pub(super) image: &'a Image,
    pub(super) create: &'a CreateOptions,
    /// The container's.
    pub(super) name: &'a str,
}

impl Executor {
    /// Finds the engine (`DOCKER_HOST`, else the default socket). `scope` is the run's.
    pub async fn connect(options: Options, scope: &Scope) -> Result<Self, ExecutorError> {
        Self::connect_to(&Engine::default_address(), options, scope).await
    }

    /// The engine at `address`, as `DOCKER_HOST` writes it.
    pub async fn connect_to(address: &str, options: Options, scope: &Scope) -> Result<Self, ExecutorError> {
        let engine = Engine::connect_to(address, scope).await?;
        let identity = Identity::new(&engine, &options.run_id, options.lifetime);
        let identity = scope.run("asking the Docker engine who we are", identity).await?;
        let (address, run) = (engine.address.clone(), options.run_id.clone());
        let on_panic = after_panic::duty(move || remove_in_haste(&address, &run));
        Ok(Self {
            engine,
            scope: scope.clone(),
            identity,
            options,
            images: Images::default(),
            workspace: None,
            image_id: None,
            snapshot: None,
            copies: HashMap::new(),
            leg: 0,
            parked: HashMap::new(),
            networks: HashSet::new(),
            caches: HashSet::new(),
            brought: Arc::default(),
            has_brought: false,
            built: Built::default(),
            authorities: HashMap::new(),
            with_bash: HashSet::new(),
            with_sudo: HashMap::new(),
            user_ids: HashMap::new(),
            executions: 0,
            readers: 0,
            changed_before: BTreeSet::new(),
            in_doubt: false,
            closed: false,
            _on_panic: on_panic,
        })
    }

    /// What the run's actions are made of; to be given before the first execution.
    pub fn bring(&mut self, brought: Brought) {
        self.brought = Arc::new(brought);
    }

    /// Which engine it is: its name and version.
    pub async fn engine_name(&self) -> Result<String, ExecutorError> {
        let version = self.engine.ask("asking for its version", QUICK, |docker| docker.version()).await?;
        let is_podman = |name: &str| name.to_ascii_lowercase().contains("podman");
        let of_podman = version.components.unwrap_or_default().into_iter().find(|part| is_podman(&part.name));
        Ok(match (of_podman, version.version) {
            (Some(podman), _) => format!("Podman {}", podman.version),
            (None, Some(version)) => format!("Docker {version}"),
            (None, None) => "an engine without a version".to_owned(),
        })
    }

    /// What the engine does not hold the sandbox to, in words that name the input.
    pub fn unheld_limits(&self) -> impl Iterator<Item = String> {
        self.engine.unheld.iter().map(|input| {
            format!(
                "the container engine does not enforce `{input}` here: nothing limits that in the sandbox"
            )
        })
    }

    /// Removes what dead runs left in the engine; never what belongs to a live one.
    pub async fn sweep(&self) -> Result<Removed, ExecutorError> {
        cleanup::sweep(&self.engine.within(&self.scope), Some(&self.options.run_id)).await
    }

    /// Makes the plan's image ready: pulled, or built. [`Executor::execute`] does it as well; this one says why not.
    pub async fn prepare(
        &mut self,
        plan: &BuildPlan,
        sink: &dyn EventSink,
        scope: &Scope,
    ) -> Result<(), ExecutorError> {
        self.engine = self.engine.within(scope);
        self.image(plan, sink, scope).await.map(|_| ())
    }

    /// Runs the plan on a tree. Every trouble is told by the result's `exit`. A stop of `scope` ends it within moments.
    pub async fn execute(
        &mut self,
        plan: &BuildPlan,
        evaluator: &dyn StepEvaluator,
        request: &Request<'_>,
        sink: &dyn EventSink,
        scope: &Scope,
    ) -> ExecutionResult {
        let started = Instant::now();
        self.executions += 1;
        self.switch_to(request.leg);
        self.drop_copies(request);
        self.engine = self.engine.within(scope);
        let mut trace = ExecutionTrace::new(self.options.log_limits);
        let args = ExecutionArgs { plan, evaluator, request, sink, scope };
        let too_late = async {
            scope.ended().await;
            tokio::time::sleep(STOP_PATIENCE).await;
        };
        let outcome = tokio::select! {
            biased;
            outcome = self.try_execute(args, &mut trace) => outcome,
            () = too_late => Err(Abort::Cancelled),
        };
        let exit = match outcome {
            Ok(()) => verdict(&trace.records),
            Err(Abort::TimedOut) => Exit::TimedOut { after_seconds: self.options.timeout.as_secs() },
            Err(Abort::Infrastructure(what)) if scope.stopped().is_none() => Exit::Infrastructure { what },
            Err(Abort::Cancelled | Abort::Infrastructure(_)) => Exit::Cancelled,
        };
        if exit == Exit::Cancelled {
            self.caches.clear();
            self.has_brought = false;
            self.in_doubt = true;
        }
        self.result(args, exit, trace, started.elapsed())
    }

    /// What one leg's steps left in the workspace is nothing to another's.
    fn switch_to(&mut self, leg: usize) {
        if leg != self.leg {
            self.parked.insert(self.leg, (self.workspace.take(), self.snapshot.take()));
            (self.workspace, self.snapshot) = self.parked.remove(&leg).unwrap_or_default();
            self.leg = leg;
        }
    }

    fn result(
        &self,
        args: ExecutionArgs<'_>,
        exit: Exit,
        trace: ExecutionTrace,
        duration: Duration,
    ) -> ExecutionResult {
        let ExecutionTrace { log, mut records, image_id, mut notes, probes, traced, repeats } = trace;
        let log = log.finish(&records.spans);
        for (step, span) in records.results.iter_mut().zip(log.spans) {
            step.log = span;
        }
        notes.append(&mut records.notes);
        notes.dedup();
        ExecutionResult {
            exit,
            steps: records.results,
            failed_step: records.failure.map(|(index, _)| index),
            duration,
            image_id,
            image_ref: args.plan.image.reference.clone(),
            log: log.bytes,
            probes,
            trace: traced,
            log_cut: log.cut,
            disagreement: None,
            repeats,
            notes,
        }
    }

    async fn try_execute(
        &mut self,
        args: ExecutionArgs<'_>,
        trace: &mut ExecutionTrace,
    ) -> Result<(), Abort> {
        let ExecutionArgs { plan, request, sink, scope, .. } = args;
        if std::mem::take(&mut self.in_doubt) {
            self.wait_for_engine(sink).await.map_err(with_hint)?;
        }
        let image = self.image(plan, sink, scope).await.map_err(with_hint)?;
        trace.image_id.clone_from(&image.id);
        trace.notes.extend(image.notes.iter().cloned());
        self.image_id = Some(image.id.clone());
        let create = plan.image.options.as_deref().map(options::parse).unwrap_or_default();
        trace.notes.extend(create.notes.iter().cloned());

        let name = format!("ci-healer-{}-{}", self.options.run_id, self.executions);
        let (copied, start) = self.take_copy(plan, request, &mut trace.notes).unzip();
        let started_from = start.as_ref().map(|start| start.image.clone());
        let mut volume = match (copied, self.workspace.take()) {
            (None, Some(volume)) if !request.fresh => volume,
            (copied, kept) => {
                if request.fresh {
                    self.workspace = kept;
                }
                copied.unwrap_or_else(|| WorkspaceVolume::new(name.clone()))
            }
        };
        let mut services = Services::default();
        let context = ExecutionContext { image: &image, create: &create, name: &name };
        // What an execution holds is more than a thread's stack is for.
        let outcome =
            Box::pin(self.in_sandbox(args, trace, &context, (&mut volume, start), &mut services)).await;
        trace.notes.append(&mut services.notes);
        if outcome.is_ok() && trace.records.failure.is_some() {
            trace.notes.extend(services.ended(&self.engine).await);
        }
        if matches!(outcome, Err(Abort::Cancelled)) {
            // Whoever stopped us gives us seconds. [`Executor::close`] removes the rest.
            let engine = self.engine.within(&Scope::unbounded().child(END_CONTAINERS));
            let actions = action_container::names(&name, plan);
            let actions = actions.iter().map(|action| cleanup::kill_container(&engine, action));
            let actions = futures_util::future::join_all(actions);
            futures_util::join!(cleanup::kill_container(&engine, &name), services.kill(&engine), actions);
            return outcome;
        }
        services.remove(&self.engine).await;
        self.remove_actions(plan, &name).await;
        let is_broken = matches!(outcome, Err(Abort::Infrastructure(_)));
        self.clean_up_after(&name, (volume, started_from), request.fresh, is_broken).await;
        outcome
    }

    /// After an execution: its container goes, and its volume where nothing can be built on it, with the image that it
    /// started from.
    async fn clean_up_after(
        &mut self,
        name: &str,
        (volume, started_from): (WorkspaceVolume, Option<String>),
        fresh: bool,
        broken: bool,
    ) {
        // Whatever happened, the container goes first: it holds the volume.
        match cleanup::remove_container(&self.engine, name).await {
            Ok(()) => self.engine.record_gone(&Object::Container(name.to_owned())),
            Err(error) => ::log::warn!("{error}"),
        }
        if self.options.docker.is_some() {
            let docker = docker::volume_of(name);
            if let Err(error) = cleanup::remove_container(&self.engine, &docker).await {
                ::log::warn!("{error}");
            }
            self.remove_later(Some(docker), None);
        }
        if broken {
            self.caches.clear();
            self.has_brought = false;
            self.in_doubt = true;
        }
        // What a volume holds after a failure is uncertain; the next execution fills a new one.
        if fresh || broken {
            // One of many files takes the engine seconds to remove.
            self.remove_later(Some(volume.name), started_from);
        } else {
            self.workspace = Some(volume);
        }
    }

    async fn in_sandbox(
        &mut self,
        args: ExecutionArgs<'_>,
        trace: &mut ExecutionTrace,
        context: &ExecutionContext<'_>,
        (volume, start): (&mut WorkspaceVolume, Option<Start>),
        services: &mut Services,
    ) -> Result<(), Abort> {
        let ExecutionArgs { plan, request, scope, .. } = args;
        let deadline = tokio::time::Instant::now() + self.options.timeout;
        let snapshot = self.snapshot.as_ref().filter(|s| request.from_snapshot && s.fits(plan, request.tree));
        let start = start.or_else(|| snapshot.map(|s| s.start.clone()));
        let mut image = context.image.clone();
        let notes = &mut trace.notes;
        let ready = async {
            let with_sudo = self.provide_sudo(args, context, notes).await?;
            if let Some(prepared) = start.as_ref().map(|s| s.image.clone()).or(with_sudo) {
                image.id = prepared;
            }
            self.set_up(args, context, &image, volume, services).await
        };
        let ready = tokio::select! {
            biased;
            _ = scope.ended() => return Err(Abort::Cancelled),
            () = tokio::time::sleep_until(deadline) => return Err(Abort::TimedOut),
            ready = ready => ready.map_err(with_hint)?,
        };
        let outcome = Box::pin(self.run_steps(args, trace, context, start, &ready, volume)).await;
        // After a stop its end is its connection's.
        if !matches!(outcome, Err(Abort::Cancelled)) {
            if let Err(error) = ready.sandbox.remove().await {
                ::log::warn!("{error}");
            }
            if let Some(docker) = ready.docker
                && let Err(error) = docker.remove().await
            {
                ::log::warn!("{error}");
            }
        }
        outcome
    }

    async fn run_steps(
        &mut self,
        args: ExecutionArgs<'_>,
        trace: &mut ExecutionTrace,
        context: &ExecutionContext<'_>,
        start: Option<Start>,
        ready: &ReadySandbox,
        volume: &WorkspaceVolume,
    ) -> Result<(), Abort> {
        let ExecutionArgs { plan, request, .. } = args;
        let sandbox = &ready.sandbox;
        self.changed_before.clear();
        let step_context = StepContext {
            sandbox,
            user: &ready.user.name,
            owner: ready.user.ids,
            path: ready.env.get("PATH").map_or("", String::as_str),
            memory_bytes: self.options.memory_bytes,
            passed_on: environment::for_steps(plan, &self.options.passed_on),
            has_bash: self.with_bash.contains(&context.image.id),
            token: self.options.token.clone(),
            containers: self.action_containers(plan, context, ready, volume).await.map_err(with_hint)?,
        };
        // The time for the steps begins with the steps.
        let begun = Instant::now();
        let deadline = tokio::time::Instant::now() + self.options.timeout;
        let from = start.as_ref().map_or(0, |s| s.steps);
        if let Some(start) = start {
            trace.records = start.records;
        }
        let mut job = Job::new(step_context, args, deadline, trace);
        let installed = installing_steps(plan).max(from);
        let setup = plan.steps.iter().take_while(|s| s.setup && !s.background).count().max(installed);
        let mut used = None;
        let outcome = async {
            let (run, place) = ((args, context), (sandbox, volume));
            self.run_keeping(&mut job, run, place, (from, installed)).await?;
            let keeps_set_up = !request.fresh || request.from_snapshot;
            let is_set_up = from < installed && keeps_set_up && job.records.failure.is_none();
            if is_set_up && begun.elapsed() > WORTH_A_SNAPSHOT {
                let (engine, identity) = (&self.engine, &self.identity);
                let taken = Snapshot::take(engine, identity, sandbox, plan, request.tree, job.records).await;
                match taken {
                    Ok(snapshot) => self.snapshot = Some(snapshot),
                    Err(error) => ::log::warn!("{error}"),
                }
            }
            self.run_keeping(&mut job, run, place, (installed, setup)).await?;
            if self.options.network == Network::SetupOnly {
                job.build_ahead(setup).await?;
                self.disconnect(ready.docker.as_ref().map_or(&sandbox.id, |docker| &docker.sandbox.id))
                    .await?;
            }
            let mut at = setup;
            if let Some(watched) = request.watched.filter(|w| (setup..plan.steps.len()).contains(w)) {
                job.run(setup, watched).await?;
                at = watched;
                let before = self.read_changes(volume, request.tree).await.map_err(with_hint)?;
                self.changed_before = before.into_iter().map(|(path, _)| path).collect();
            }
            self.run_keeping(&mut job, run, place, (at, plan.steps.len())).await?;
            job.finish().await?;
            if context.image.runtimes.is_some() {
                used = preinstalled::note(sandbox).await.map_err(with_hint)?;
            }
            job.probe().await?;
            job.trace().await;
            Ok(())
        }
        .await;
        if outcome.is_err() {
            job.break_off();
        }
        let has_bash = job.has_bash();
        trace.notes.extend(used);
        if has_bash {
            self.with_bash.insert(context.image.id.clone());
        }
        outcome
    }

    /// What containers of the plan's Docker actions need; their common home.
    async fn action_containers(
        &self,
        plan: &BuildPlan,
        context: &ExecutionContext<'_>,
        ready: &ReadySandbox,
        volume: &WorkspaceVolume,
    ) -> Result<Option<ActionContainers>, ExecutorError> {
        if action_container::names(context.name, plan).is_empty() {
            return Ok(None);
        }
        self.make_volume(action_container::home_volume(context.name), "action-home").await?;
        let beside = ready.docker.as_ref().map_or(&ready.sandbox.id, |docker| &docker.sandbox.id);
        Ok(Some(ActionContainers {
            engine: self.engine.clone(),
            identity: self.identity.clone(),
            options: self.options.clone(),
            execution: context.name.to_owned(),
            workspace_volume: volume.name.clone(),
            sandbox: ready.sandbox.id.clone(),
            network: format!("container:{beside}"),
            built: self.built.clone(),
            env: ready.env.clone(),
            strict_user: (self.options.hardening == Hardening::Strict).then_some(STRICT_USER),
            folders: JobFolders::beside(&plan.workspace),
        }))
    }

    /// Containers that a Docker action was broken off in, and the home of all of them.
    async fn remove_actions(&self, plan: &BuildPlan, execution: &str) {
        let names = action_container::names(execution, plan);
        for name in &names {
            match cleanup::remove_container(&self.engine, name).await {
                Ok(()) => self.engine.record_gone(&Object::Container(name.clone())),
                Err(error) => ::log::warn!("{error}"),
            }
        }
        if !names.is_empty() {
            self.remove_later(Some(action_container::home_volume(execution)), None);
        }
    }

    async fn wait_for_engine(&self, sink: &dyn EventSink) -> Result<(), ExecutorError> {
        let deadline = Instant::now() + self.options.engine_wait;
        let mut told = false;
        loop {
            match self.engine.ask("asking whether the engine is there", QUICK, |docker| docker.ping()).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_stopped() || Instant::now() >= deadline => return Err(error),
                Err(_) if told => {}
                Err(_) => {
                    told = true;
                    let what = "the Docker engine does not answer; waiting for it to come back".to_owned();
                    sink.emit(Event::Progress { what });
                }
            }
            self.engine.sleep("waiting for the Docker engine", Duration::from_millis(500)).await?;
        }
    }

    async fn image(
        &mut self,
        plan: &BuildPlan,
        sink: &dyn EventSink,
        scope: &Scope,
    ) -> Result<Image, ExecutorError> {
        let ca = self.options.ca_bundle.clone().unwrap_or_default();
        scope.run("preparing the image", self.images.resolve(&self.engine, &plan.image, &ca, sink)).await?
    }

    /// Removes everything of this run from the engine, and waits for that up to `patience`, also when the run was
    /// stopped before; see [`super::close_patience`]. A run that is stopped meanwhile has no more than a stopped one's.
    pub async fn close(mut self, patience: Duration) -> Result<Removed, Leftovers> {
        self.closed = true;
        let bounds = Scope::unbounded();
        let engine = self.engine.within(&bounds);
        let removal = cleanup::remove_run(&engine, &self.options.run_id, patience);
        tokio::pin!(removal);
        if self.scope.stopped().is_some() {
            return removal.await;
        }
        let hurry = async {
            let reason = self.scope.ended().await;
            tokio::time::sleep(CLOSE_PATIENCE_STOPPED).await;
            reason
        };
        tokio::select! {
            removed = &mut removal => removed,
            reason = hurry => {
                bounds.stop(reason);
                removal.await
            }
        }
    }
}

impl Drop for Executor {
    /// On an early return, or on a panic that unwinds: the same as [`Executor::close`].
    fn drop(&mut self) {
        if !self.closed {
            remove_in_haste(&self.engine.address, &self.options.run_id);
        }
    }
}

/// Removes everything of `run`, on a thread of its own: a runtime that ends runs nothing any more.
fn remove_in_haste(address: &str, run: &str) {
    let (address, run) = (address.to_owned(), run.to_owned());
    let worker = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        let done = runtime.block_on(async {
            let bounds = Scope::unbounded().child(DROPPED_WITHIN);
            let engine = Engine::connect_to(&address, &bounds).await.ok()?;
            if let Err(left) = cleanup::remove_run(&engine, &run, DROPPED_WITHIN).await {
                ::log::warn!("left in the Docker engine: {left}");
            }
            Some(())
        });
        // A look-up of a name that hangs must not hold us up.
        runtime.shutdown_background();
        done
    });
    let _ = worker.join();
}

fn with_hint(error: ExecutorError) -> Abort {
    if error.is_stopped() {
        return Abort::Cancelled;
    }
    match error.hint() {
        Some(hint) => Abort::Infrastructure(format!("{error} ({hint})")),
        None => error.into(),
    }
}
