//! One run's executor: images resolved once, one workspace volume, one container per execution, and nothing left.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use bollard::models::{
    NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest, VolumeCreateRequest,
};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::archive::{self, Entry, Found, Kind};
use super::caches::{self, Mounted};
use super::cancel::Cancel;
use super::cleanup::{self, Removed};
use super::engine::{Engine, QUICK, SLOW};
use super::environment;
use super::error::ExecutorError;
use super::identity::Identity;
use super::image::{Image, Images};
use super::log::LogBuffer;
use super::options::{self, CreateOptions};
use super::sandbox::{Sandbox, Spec};
use super::services::Services;
use super::snapshot::{Snapshot, setup_steps};
use super::steps::{Job, Place, Record, Stop, verdict};
use super::workspace::{self, Attributes, Delta, Workspace};
use super::{Options, ca};
use crate::contract::build::{BuildPlan, ExecutionResult, Exit, StepEvaluator};
use crate::contract::event::{Event, EventSink, Purpose};
use crate::contract::git::{FileMode, RepoPath, SourceTree};
use crate::contract::settings::{Hardening, Network};

/// What to run the plan on, and how.
pub struct Request<'a> {
    pub purpose: Purpose,
    pub tree: &'a dyn SourceTree,
    /// A sanitised `.git` for the sandbox: no credentials, no hooks.
    pub git_dir: Option<&'a Path>,
    /// From scratch: a new volume, every step, nothing left of earlier executions.
    pub fresh: bool,
    /// Start after the set-up steps, where an earlier execution of this run has kept their result and it still holds.
    pub from_snapshot: bool,
}

/// Runs plans for one run of ours. Everything it creates in the engine is removed by [`Executor::close`], or when it is
/// dropped, or, after a kill, by the next start's [`Executor::sweep`].
pub struct Executor {
    engine: Engine,
    identity: Identity,
    options: Options,
    images: Images,
    workspace: Option<Workspace>,
    /// The last execution's image, for reading back.
    image_id: Option<String>,
    snapshot: Option<Snapshot>,
    networks: HashSet<String>,
    /// Names of the caches that have their volume.
    caches: HashSet<&'static str>,
    /// Archive entries of the certificate authorities, by image.
    authorities: HashMap<String, Vec<u8>>,
    /// Images with bash.
    with_bash: HashSet<String>,
    passwords: HashMap<(String, String), (u32, u32)>,
    executions: u32,
    /// The last execution was broken off by the machine: the engine may be starting anew.
    in_doubt: bool,
    closed: bool,
}

/// Who runs the steps.
#[derive(Debug, Clone)]
struct User {
    /// As exec takes it.
    name: String,
    ids: (u32, u32),
}

impl Executor {
    /// Finds the engine (`DOCKER_HOST`, else the default socket).
    pub async fn connect(options: Options) -> Result<Self, ExecutorError> {
        Self::connect_to(&Engine::default_address(), options).await
    }

    /// The engine at `address`, as `DOCKER_HOST` writes it.
    pub async fn connect_to(address: &str, options: Options) -> Result<Self, ExecutorError> {
        let engine = Engine::connect_to(address).await?;
        let identity = Identity::new(&engine, &options.run_id, options.lifetime).await;
        Ok(Self {
            engine,
            identity,
            options,
            images: Images::default(),
            workspace: None,
            image_id: None,
            snapshot: None,
            networks: HashSet::new(),
            caches: HashSet::new(),
            authorities: HashMap::new(),
            with_bash: HashSet::new(),
            passwords: HashMap::new(),
            executions: 0,
            in_doubt: false,
            closed: false,
        })
    }

    /// Removes what dead runs left in the engine; never what belongs to a live one.
    pub async fn sweep(&self) -> Result<Removed, ExecutorError> {
        cleanup::sweep(&self.engine, Some(&self.options.run_id)).await
    }

    /// Makes the plan's image ready: pulled, or built. [`Executor::execute`] does it as well; this one says why not.
    pub async fn prepare(
        &mut self,
        plan: &BuildPlan,
        sink: &dyn EventSink,
        cancel: &Cancel,
    ) -> Result<(), ExecutorError> {
        self.image(plan, sink, cancel).await.map(|_| ())
    }

    /// Runs the plan on a tree. Every trouble is told by the result's `exit`.
    pub async fn execute(
        &mut self,
        plan: &BuildPlan,
        evaluator: &dyn StepEvaluator,
        request: &Request<'_>,
        sink: &dyn EventSink,
        cancel: &Cancel,
    ) -> ExecutionResult {
        let started = Instant::now();
        self.executions += 1;
        let mut seen = Seen { log: Some(LogBuffer::new(self.options.log_limits)), ..Seen::default() };
        let outcome = self.try_execute(plan, evaluator, request, sink, cancel, &mut seen).await;
        let exit = match outcome {
            Ok(()) => verdict(&seen.record),
            Err(Stop::Cancelled) => Exit::Cancelled,
            Err(Stop::TimedOut) => Exit::TimedOut { after_seconds: self.options.timeout.as_secs() },
            Err(Stop::Infrastructure(what)) => Exit::Infrastructure { what },
        };
        let log = seen.log.take().unwrap_or_else(|| LogBuffer::new(self.options.log_limits));
        let log = log.finish(&seen.record.spans);
        let mut steps = seen.record.results;
        for (step, span) in steps.iter_mut().zip(log.spans) {
            step.log = span;
        }
        let mut notes = seen.notes;
        notes.append(&mut seen.record.notes);
        notes.dedup();
        let result = ExecutionResult {
            exit,
            steps,
            failed_step: seen.record.failure.map(|(index, _)| index),
            duration: started.elapsed(),
            image_id: seen.image_id,
            image_ref: plan.image.reference.clone(),
            log: log.bytes,
            log_cut: log.cut,
            notes,
        };
        result
    }

    async fn try_execute(
        &mut self,
        plan: &BuildPlan,
        evaluator: &dyn StepEvaluator,
        request: &Request<'_>,
        sink: &dyn EventSink,
        cancel: &Cancel,
        seen: &mut Seen,
    ) -> Result<(), Stop> {
        if std::mem::take(&mut self.in_doubt) {
            self.wait_for_engine(sink, cancel).await.map_err(with_hint)?;
        }
        let image = self.image(plan, sink, cancel).await.map_err(with_hint)?;
        seen.image_id.clone_from(&image.id);
        seen.notes.extend(image.notes.iter().cloned());
        self.image_id = Some(image.id.clone());
        let create = plan.image.options.as_deref().map(options::parse).unwrap_or_default();
        seen.notes.extend(create.notes.iter().cloned());

        let name = format!("ci-healer-{}-{}", self.options.run_id, self.executions);
        let mut workspace = match self.workspace.take() {
            Some(workspace) if !request.fresh => workspace,
            kept => {
                if request.fresh {
                    self.workspace = kept;
                }
                Workspace::new(name.clone())
            }
        };
        let mut services = Services::default();
        let surroundings = ExecutionContext { image: &image, create: &create, name: &name };
        let outcome = self
            .in_sandbox(
                plan,
                evaluator,
                request,
                sink,
                cancel,
                seen,
                &surroundings,
                &mut workspace,
                &mut services,
            )
            .await;
        seen.notes.append(&mut services.notes);
        if outcome.is_ok() && seen.record.failure.is_some() {
            seen.notes.extend(services.ended(&self.engine).await);
        }
        if matches!(outcome, Err(Stop::Cancelled)) {
            // Whoever stopped us gives us seconds. The sandbox's end is under way; [`Executor::close`] removes the rest.
            self.caches.clear();
            return outcome;
        }
        services.remove(&self.engine).await;
        // Whatever happened, the container goes first: it holds the volume.
        let removed = cleanup::remove_container(&self.engine, &name).await;
        let broken = matches!(outcome, Err(Stop::Infrastructure(_)));
        if broken {
            self.caches.clear();
            self.in_doubt = true;
        }
        // What a volume holds after a failure is uncertain; the next execution fills a new one.
        if request.fresh || broken {
            // One of many files takes the engine seconds to remove. [`Executor::close`] sees that it is gone.
            let engine = self.engine.clone();
            tokio::spawn(async move {
                if let Err(error) = cleanup::remove_volume(&engine, &workspace.volume).await {
                    ::log::warn!("{error}");
                }
            });
        } else {
            self.workspace = Some(workspace);
        }
        if let Err(error) = removed {
            ::log::warn!("{error}");
        }
        outcome
    }

    #[expect(clippy::too_many_arguments, reason = "the caller owns what must be cleaned up")]
    async fn in_sandbox(
        &mut self,
        plan: &BuildPlan,
        evaluator: &dyn StepEvaluator,
        request: &Request<'_>,
        sink: &dyn EventSink,
        cancel: &Cancel,
        seen: &mut Seen,
        around: &ExecutionContext<'_>,
        workspace: &mut Workspace,
        services: &mut Services,
    ) -> Result<(), Stop> {
        let deadline = tokio::time::Instant::now() + self.options.timeout;
        let snapshot = self
            .snapshot
            .clone()
            .filter(|s| request.from_snapshot && !request.fresh && s.fits(plan, request.tree));
        let mut image = around.image.clone();
        if let Some(snapshot) = &snapshot {
            image.id.clone_from(&snapshot.image);
        }
        let env =
            environment::of_container(&image, plan, &self.options.env, self.options.ca_bundle.is_some());
        let strict = self.options.hardening == Hardening::Strict;
        let user = around.create.user.as_deref().unwrap_or(&image.user);
        // Whatever steps put there must not carry into a proof.
        let caches = if request.fresh || strict {
            Vec::new()
        } else {
            caches::of_plan(request.tree, &image, user, &env)
        };
        let made = async {
            let (network, beside) = self.networks(plan).await?;
            let on = beside.as_ref().unwrap_or(&network);
            services.start(&self.engine, &self.identity, &plan.services, on, around.name, sink).await?;
            let mut sandbox = self.create(&image, around, workspace, &env, &network, &caches).await?;
            let user = self.user(&sandbox, &image, around.create).await?;
            if let Some(beside) = beside.as_ref().filter(|b| **b != network) {
                self.join(&sandbox.id, beside).await?;
            }
            self.fill(&mut sandbox, workspace, request, &user, &caches, sink).await?;
            let forwarder = if plan.image.from_container {
                None
            } else {
                let user = if strict { user.name.as_str() } else { "0:0" };
                services.forward(&sandbox, &plan.services, user).await?
            };
            Ok::<_, ExecutorError>((sandbox, user, forwarder))
        };
        let (sandbox, user, _forwarder) = tokio::select! {
            made = made => made.map_err(with_hint)?,
            () = cancel.cancelled() => return Err(Stop::Cancelled),
            () = tokio::time::sleep_until(deadline) => return Err(Stop::TimedOut),
        };
        let place = Place {
            sandbox: &sandbox,
            user: &user.name,
            owner: user.ids,
            path: env.get("PATH").map_or("", String::as_str),
            memory_bytes: self.options.memory_bytes,
            passed_on: environment::for_steps(plan, &self.options.passed_on),
            has_bash: self.with_bash.contains(&around.image.id),
        };
        // The time for the steps begins with the steps.
        let begun = Instant::now();
        let deadline = tokio::time::Instant::now() + self.options.timeout;
        let log = seen.log.take().unwrap_or_else(|| LogBuffer::new(self.options.log_limits));
        let (from, record) = snapshot.map_or_else(Default::default, |s| (s.steps, s.record));
        let mut job = Job::new(place, plan, evaluator, sink, cancel, deadline, log, record);
        let setup = setup_steps(plan).max(from);
        let outcome = async {
            job.run(from, setup).await?;
            if from < setup
                && !request.fresh
                && job.record.failure.is_none()
                && begun.elapsed() > WORTH_A_SNAPSHOT
            {
                let taken = Snapshot::take(
                    &self.engine,
                    &self.identity,
                    &sandbox.id,
                    plan,
                    request.tree,
                    &job.record,
                    SLOW,
                );
                match taken.await {
                    Ok(snapshot) => self.snapshot = Some(snapshot),
                    Err(error) => ::log::warn!("{error}"),
                }
            }
            if self.options.network == Network::SetupOnly {
                self.disconnect(&sandbox.id).await?;
            }
            job.run(setup, plan.steps.len()).await?;
            job.finish().await
        }
        .await;
        if job.has_bash() {
            self.with_bash.insert(around.image.id.clone());
        }
        seen.log = Some(job.log);
        seen.record = job.record;
        // Otherwise its end is its connection's.
        if !matches!(outcome, Err(Stop::Cancelled))
            && let Err(error) = sandbox.remove().await
        {
            ::log::warn!("{error}");
        }
        outcome
    }

    async fn wait_for_engine(&self, sink: &dyn EventSink, cancel: &Cancel) -> Result<(), ExecutorError> {
        let deadline = Instant::now() + self.options.engine_wait;
        let mut told = false;
        loop {
            let asked =
                self.engine.ask("asking whether the engine is there", QUICK, self.engine.docker.ping());
            let answer = tokio::select! {
                answer = asked => answer,
                () = cancel.cancelled() => return Err(ExecutorError::Cancelled),
            };
            match answer {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) if told => {}
                Err(_) => {
                    told = true;
                    let what = "the Docker engine does not answer; waiting for it to come back".to_owned();
                    sink.emit(Event::Progress { what });
                }
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
                () = cancel.cancelled() => return Err(ExecutorError::Cancelled),
            }
        }
    }

    async fn image(
        &mut self,
        plan: &BuildPlan,
        sink: &dyn EventSink,
        cancel: &Cancel,
    ) -> Result<Image, ExecutorError> {
        let ca = self.options.ca_bundle.clone().unwrap_or_default();
        tokio::select! {
            image = self.images.resolve(&self.engine, &plan.image, &ca, sink) => image,
            () = cancel.cancelled() => Err(ExecutorError::Cancelled),
        }
    }

    /// The network the sandbox is created on, and the one the services are on, where there are any.
    async fn networks(&mut self, plan: &BuildPlan) -> Result<(String, Option<String>), ExecutorError> {
        let outer = format!("ci-healer-{}", self.options.run_id);
        let inner = format!("{outer}-services");
        Ok(match (self.options.network, plan.services.is_empty()) {
            (Network::Off, true) => ("none".to_owned(), None),
            (Network::Off, false) => {
                self.ensure_network(&inner, true).await?;
                (inner.clone(), Some(inner))
            }
            (Network::SetupOnly, false) => {
                self.ensure_network(&outer, false).await?;
                self.ensure_network(&inner, true).await?;
                (outer, Some(inner))
            }
            (Network::On | Network::SetupOnly, empty) => {
                self.ensure_network(&outer, false).await?;
                (outer.clone(), (!empty).then_some(outer))
            }
        })
    }

    /// A network of this run's own: other containers on this machine are not on it. An internal one leads nowhere else.
    async fn ensure_network(&mut self, name: &str, internal: bool) -> Result<(), ExecutorError> {
        // Someone else's clean-up, or an engine that came back, may have taken it away since.
        let docker = &self.engine.docker;
        let known = self.networks.contains(name)
            && self
                .engine
                .ask("looking for the network", QUICK, docker.inspect_network(name, None))
                .await
                .is_ok();
        if known {
            return Ok(());
        }
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            internal: Some(internal),
            labels: Some(self.identity.labels("network")),
            ..NetworkCreateRequest::default()
        };
        self.engine
            .ask("creating the sandbox's network", SLOW, self.engine.docker.create_network(request))
            .await?;
        self.networks.insert(name.to_owned());
        Ok(())
    }

    async fn join(&self, container: &str, network: &str) -> Result<(), ExecutorError> {
        let request =
            NetworkConnectRequest { container: container.to_owned(), ..NetworkConnectRequest::default() };
        let request = self.engine.docker.connect_network(network, request);
        self.engine.ask("connecting the sandbox to its services", QUICK, request).await
    }

    async fn disconnect(&self, container: &str) -> Result<(), ExecutorError> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        let network = format!("ci-healer-{}", self.options.run_id);
        let request = self.engine.docker.disconnect_network(&network, request);
        self.engine.ask("taking the network away after set-up", QUICK, request).await
    }

    async fn create(
        &mut self,
        image: &Image,
        around: &ExecutionContext<'_>,
        workspace: &Workspace,
        env: &std::collections::BTreeMap<String, String>,
        network: &str,
        caches: &[Mounted],
    ) -> Result<Sandbox, ExecutorError> {
        if workspace.tracked().next().is_none() {
            self.make_volume(workspace.volume.clone(), "workspace").await?;
        }
        let mut mounts = vec![(workspace.volume.clone(), workspace::ROOT.to_owned())];
        for cache in caches {
            let volume = format!("ci-healer-{}-{}", self.options.run_id, cache.name);
            if !self.caches.contains(cache.name) {
                self.make_volume(volume.clone(), "cache").await?;
                self.caches.insert(cache.name);
            }
            mounts.push((volume, cache.target.clone()));
        }
        let strict = self.options.hardening == Hardening::Strict;
        let spec = Spec {
            image: &image.id,
            name: around.name.to_owned(),
            role: "sandbox",
            env,
            mounts,
            network,
            create: around.create,
            strict_user: strict.then_some(STRICT_USER),
        };
        Sandbox::create(&self.engine, &self.identity, &self.options, spec).await
    }

    async fn make_volume(&self, name: String, role: &str) -> Result<(), ExecutorError> {
        let volume = VolumeCreateRequest {
            name: Some(name),
            labels: Some(self.identity.labels(role)),
            ..VolumeCreateRequest::default()
        };
        let request = self.engine.docker.create_volume(volume);
        self.engine.ask("creating a volume", SLOW, request).await.map(|_| ())
    }

    /// Who runs the steps, and as which numbers files must belong to them.
    async fn user(
        &mut self,
        sandbox: &Sandbox,
        image: &Image,
        create: &CreateOptions,
    ) -> Result<User, ExecutorError> {
        let wanted = create.user.clone().unwrap_or_else(|| image.user.clone());
        let wanted = if wanted.is_empty() { "0:0".to_owned() } else { wanted };
        let key = (image.id.clone(), wanted.clone());
        let ids = if let Some(ids) = self.passwords.get(&key) {
            *ids
        } else {
            let ids = lookup(sandbox, &wanted).await?;
            self.passwords.insert(key, ids);
            ids
        };
        if self.options.hardening == Hardening::Strict && ids.0 == 0 {
            return Ok(User { name: STRICT_USER.to_owned(), ids: (1001, 1001) });
        }
        Ok(User { name: wanted, ids })
    }

    /// Makes the volume agree with the tree, and the container ready for steps; starts it.
    async fn fill(
        &mut self,
        sandbox: &mut Sandbox,
        workspace: &mut Workspace,
        request: &Request<'_>,
        user: &User,
        caches: &[Mounted],
        sink: &dyn EventSink,
    ) -> Result<(), ExecutorError> {
        let mut extra = self.home(user);
        extra.extend(caches::entries(caches, user.ids));
        if let Some(bundle) = &self.options.ca_bundle {
            let image = self.image_id.clone().unwrap_or_default();
            match self.authorities.get(&image) {
                Some(entries) => extra.extend_from_slice(entries),
                None => {
                    let entries = ca::entries(sandbox, bundle).await?;
                    extra.extend_from_slice(&entries);
                    self.authorities.insert(image, entries);
                }
            }
        }
        let mut delta = workspace.delta(request.tree, request.git_dir)?;
        if let Some(agreed) = workspace.agreed {
            extra.extend(workspace::sync_files(workspace, &delta, agreed));
        }
        if delta.upload.len() > 1000 {
            sink.emit(Event::Progress {
                what: format!("copying {} files into the sandbox", delta.upload.len()),
            });
        }
        let owner = workspace.owner.unwrap_or(user.ids);
        let attributes = Attributes { owner, mtime: workspace.next_stamp(self.engine.now_nanos()) };
        if !delta.is_empty() {
            workspace.stamped = Some(attributes.mtime);
        }
        workspace::upload(&self.engine, &sandbox.id, request.tree, &delta, attributes, extra).await?;
        sandbox.start().await?;
        let root = if self.options.hardening == Hardening::Strict { user.name.as_str() } else { "0:0" };
        if workspace.agreed.is_some() {
            self.undo(sandbox, workspace, request, &delta, attributes, root).await?;
            delta.delete.clear();
        }
        if owner != user.ids {
            let ids = format!("{}:{}", user.ids.0, user.ids.1);
            sandbox.run(root, &["chown", "-R", &ids, workspace::ROOT], SLOW).await?;
        }
        workspace.owner = Some(user.ids);
        workspace.agree_with(request.tree);
        tokio::time::sleep(workspace.until_stamp(self.engine.now_nanos())).await;
        workspace.agreed = Some(self.engine.now_nanos());
        Ok(())
    }

    /// Brings tracked files back that earlier steps changed or removed, and removes those that are no longer tracked.
    async fn undo(
        &self,
        sandbox: &Sandbox,
        workspace: &mut Workspace,
        request: &Request<'_>,
        sent: &Delta,
        attributes: Attributes,
        root: &str,
    ) -> Result<(), ExecutorError> {
        let found = sandbox.run(root, &["sh", "-c", workspace::FIND_CHANGED], SLOW).await;
        workspace.agree_with(request.tree);
        match found {
            Ok((0, output)) => {
                let mut changed = workspace::changed_paths(&output);
                // What was sent a moment ago is new as well, but not by the steps.
                for file in &sent.upload {
                    changed.remove(file.path.as_str());
                }
                workspace.forget_files(&changed);
            }
            // An image without `find` or `xargs`: everything is copied again.
            Ok(_) => workspace.forget(),
            Err(error) => return Err(error),
        }
        let again = workspace.delta(request.tree, None)?;
        if again.is_empty() {
            return Ok(());
        }
        ::log::debug!("{} tracked files were changed by steps and are restored", again.upload.len());
        workspace.stamped = Some(attributes.mtime);
        workspace::upload(&self.engine, &sandbox.id, request.tree, &again, attributes, Vec::new()).await
    }

    /// Our own folders in the container.
    fn home(&self, user: &User) -> Vec<u8> {
        let mut out = Vec::new();
        let mut folder = |path: &str, owner| {
            let entry = Entry { path, kind: Kind::Directory, mode: 0o755, owner, mtime: 0 };
            archive::push(&mut out, &entry, b"");
        };
        folder("ci-healer/", (0, 0));
        folder("ci-healer/step/", (0, 0));
        folder("ci-healer/temp/", user.ids);
        out
    }

    /// Every tracked file that the last execution changed, with its new content; `None` where it is gone or no longer a
    /// regular file. For a tool's own fixing command.
    pub async fn changed_files(
        &mut self,
        tree: &dyn SourceTree,
    ) -> Result<Vec<(RepoPath, Option<Vec<u8>>)>, ExecutorError> {
        let Some(mut reader) = self.reader().await? else { return Ok(Vec::new()) };
        let files = self.look_for_changes(&mut reader, tree).await;
        reader.remove().await?;
        let mut files = files?;
        files.retain(|(path, content)| *content != tree.read(path));
        Ok(files)
    }

    /// Asks the volume which files may have changed, and reads only those. The answer is a hint: what is not tracked is
    /// left out, and contents are compared on this side.
    async fn look_for_changes(
        &self,
        reader: &mut Sandbox,
        tree: &dyn SourceTree,
    ) -> Result<Vec<(RepoPath, Option<Vec<u8>>)>, ExecutorError> {
        let tracked =
            tree.files().iter().filter(|f| matches!(f.mode, FileMode::Regular | FileMode::Executable));
        let mut paths: Vec<RepoPath> = tracked.map(|f| f.path.clone()).collect();
        let Some((workspace, agreed)) = self.workspace.as_ref().and_then(|w| Some((w, w.agreed?))) else {
            return Ok(Vec::new());
        };
        let mut files = workspace::sync_files(workspace, &Delta::default(), agreed);
        files.extend_from_slice(&archive::END);
        reader.put(files).await?;
        reader.start().await?;
        let (code, output) = reader.run("0:0", &["sh", "-c", workspace::FIND_CHANGED], SLOW).await?;
        if code != 0 {
            // Reading every file instead would follow folders that have become links.
            return Err(ExecutorError::Workspace {
                what: "looking for what was changed".to_owned(),
                cause: format!("exit code {code}; the image needs `find` and `xargs`"),
            });
        }
        let changed = workspace::changed_paths(&output);
        paths.retain(|path| workspace::covers(&changed, path.as_str()));
        // A folder that is listed is none any more: nothing may be read through what took its place.
        let (own, below): (Vec<_>, Vec<_>) =
            paths.into_iter().partition(|path| changed.contains(path.as_str()));
        let mut files = read_files(reader, &own).await?;
        files.extend(below.into_iter().map(|path| (path, None)));
        Ok(files)
    }

    /// A container that only has the workspace; `None` where nothing has run yet.
    async fn reader(&self) -> Result<Option<Sandbox>, ExecutorError> {
        let (Some(workspace), Some(image)) = (&self.workspace, &self.image_id) else { return Ok(None) };
        let spec = Spec {
            image,
            name: format!("ci-healer-{}-reader", self.options.run_id),
            role: "reader",
            env: &std::collections::BTreeMap::new(),
            mounts: vec![(workspace.volume.clone(), workspace::ROOT.to_owned())],
            network: "none",
            create: &CreateOptions::default(),
            strict_user: None,
        };
        Sandbox::create(&self.engine, &self.identity, &self.options, spec).await.map(Some)
    }

    /// Removes everything of this run from the engine.
    pub async fn close(mut self) -> Result<Removed, ExecutorError> {
        self.closed = true;
        cleanup::remove_run(&self.engine, &self.options.run_id).await
    }
}

impl Drop for Executor {
    /// On a panic or an early return: the same as [`Executor::close`], on a thread of its own, since a runtime that
    /// unwinds runs nothing any more.
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let (address, run) = (self.engine.address.clone(), self.options.run_id.clone());
        let worker = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let work = async {
                    let engine = Engine::connect_to(&address).await?;
                    cleanup::remove_run(&engine, &run).await
                };
                tokio::time::timeout(DROPPED_WITHIN, work).await.ok()
            })
        });
        let _ = worker.join();
    }
}

/// Regular files out of the workspace.
async fn read_files(
    reader: &Sandbox,
    paths: &[RepoPath],
) -> Result<Vec<(RepoPath, Option<Vec<u8>>)>, ExecutorError> {
    const MOST: usize = 64 << 20;
    let reads = futures_util::stream::iter(paths.to_vec()).map(|path| async move {
        let bytes = reader.get(&format!("{}/{path}", workspace::ROOT), MOST).await?;
        let found = bytes.map(|bytes| {
            archive::read(&bytes, MOST, |name| (name == path.file_name()).then(String::new))
                .unwrap_or_default()
        });
        let content = match found.unwrap_or_default().into_iter().next() {
            Some((_, Found::File(content))) => Some(content),
            _ => None,
        };
        Ok((path, content))
    });
    reads.buffered(4).try_collect().await
}

/// How long a dropped executor may hold up its thread.
const DROPPED_WITHIN: Duration = Duration::from_secs(5);

/// Setting up again is quicker than keeping less than this.
const WORTH_A_SNAPSHOT: Duration = Duration::from_secs(3);

/// What an execution runs in.
struct ExecutionContext<'a> {
    image: &'a Image,
    create: &'a CreateOptions,
    name: &'a str,
}

/// What an execution leaves, however it ends.
#[derive(Default)]
struct Seen {
    log: Option<LogBuffer>,
    record: Record,
    image_id: String,
    notes: Vec<String>,
}

/// Under strict hardening, where the image itself would run as root.
const STRICT_USER: &str = "1001:1001";

fn with_hint(error: ExecutorError) -> Stop {
    if error == ExecutorError::Cancelled {
        return Stop::Cancelled;
    }
    match error.hint() {
        Some(hint) => Stop::Infrastructure(format!("{error} ({hint})")),
        None => error.into(),
    }
}

/// `USER` in numbers: names are looked up in the image's own files.
async fn lookup(sandbox: &Sandbox, wanted: &str) -> Result<(u32, u32), ExecutorError> {
    let (user, group) = wanted.split_once(':').map_or((wanted, None), |(u, g)| (u, Some(g)));
    let unknown = |what: &str, name: &str| ExecutorError::Engine {
        what: format!("looking up the image's {what} {name:?}"),
        cause: format!("/etc/{} does not list it", if what == "user" { "passwd" } else { "group" }),
    };
    let mut ids = (None, None);
    if let Ok(uid) = user.parse() {
        ids = (Some(uid), Some(0));
    }
    let passwd = sandbox.get_file("/etc/passwd", 1 << 20).await?.unwrap_or_default();
    for line in String::from_utf8_lossy(&passwd).lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if fields.len() > 3 && (fields[0] == user || fields[2] == user) {
            ids = (fields[2].parse().ok(), fields[3].parse().ok());
            break;
        }
    }
    if let Some(group) = group {
        ids.1 = group.parse().ok();
        if ids.1.is_none() {
            let groups = sandbox.get_file("/etc/group", 1 << 20).await?.unwrap_or_default();
            let groups = String::from_utf8_lossy(&groups).into_owned();
            let line = groups.lines().find(|l| l.split(':').next() == Some(group));
            ids.1 = line.and_then(|l| l.split(':').nth(2)).and_then(|id| id.parse().ok());
        }
        if ids.1.is_none() {
            return Err(unknown("group", group));
        }
    }
    match ids {
        (Some(uid), Some(gid)) => Ok((uid, gid)),
        _ => Err(unknown("user", user)),
    }
}
