//! Makes a sandbox ready for steps: its network, its container, and a volume that agrees with the tree.

use std::collections::{BTreeMap, BTreeSet};

use bollard::models::{
    NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest, VolumeCreateRequest,
};

use super::account;
use super::actions;
use super::archive::{self, Entry, Kind};
use super::ca;
use super::caches::{self, CacheMount};
use super::docker::{self, StepsEngine};
use super::engine::{Object, QUICK, SLOW};
use super::environment;
use super::error::ExecutorError;
use super::image::Image;
use super::options::CreateOptions;
use super::preinstalled;
use super::run::{ExecutionContext, Executor};
use super::sandbox::{ContainerSpec, Exec, Privileges, Sandbox};
use super::services::Services;
use super::steps::ExecutionArgs;
use super::workspace::{self, Attributes, Delta, WorkspaceVolume};
use crate::contract::build::{BuildPlan, JobFolders};
use crate::contract::settings::{Hardening, Network};

/// Under strict hardening, where the image itself would run as root.
pub(super) const STRICT_USER: &str = "1001:1001";

/// What stands in the event's file where nobody knows the event.
pub(super) const NO_EVENT: &str = "{}";

/// A sandbox that steps can run in.
pub(super) struct ReadySandbox {
    pub(super) sandbox: Sandbox,
    /// The steps' own, where they have one.
    pub(super) docker: Option<StepsEngine>,
    pub(super) user: User,
    /// The container's environment.
    pub(super) env: BTreeMap<String, String>,
    /// Offers the services on localhost for as long as it is kept.
    _forwarder: Option<Exec>,
}

/// Who runs the steps.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// As exec takes it.
    pub(super) name: String,
    pub(super) ids: (u32, u32),
}

impl Executor {
    /// Everything that has to be there before the first step.
    pub(super) async fn set_up(
        &mut self,
        args: ExecutionArgs<'_>,
        context: &ExecutionContext<'_>,
        image: &Image,
        volume: &mut WorkspaceVolume,
        services: &mut Services,
    ) -> Result<ReadySandbox, ExecutorError> {
        let ExecutionArgs { plan, request, sink, .. } = args;
        let mut env =
            environment::of_container(image, plan, &self.options.env, self.options.ca_bundle.is_some());
        let strict = self.options.hardening == Hardening::Strict;
        let user = account::wanted(plan, image, context.create.user.as_deref());
        if user == account::RUNNER {
            env.entry("PATH".to_owned()).and_modify(|path| *path = account::path(path));
        }
        // Whatever steps put there must not carry into a proof.
        let caches = if request.fresh || strict {
            Vec::new()
        } else {
            caches::of_plan(request.tree, image, &user, &env)
        };
        let (network, beside) = self.networks(args).await?;
        let on = beside.as_ref().unwrap_or(&network);
        services.start(&self.engine, &self.identity, &plan.services, on, context.name, sink).await?;
        let read_only = self.bring_actions(plan, image).await?;
        let brings_actions = !read_only.is_empty();
        let at = (&*volume, plan.workspace.as_str());
        if at.0.tracked().next().is_none() {
            self.make_volume(at.0.name.clone(), "workspace").await?;
        }
        let docker = match self.options.docker.clone() {
            Some(reference) => Some(self.start_docker(&reference, context, at, &network, sink).await?),
            None => None,
        };
        let mut network = network;
        let outer = network.clone();
        if let Some(docker) = &docker {
            env.insert("DOCKER_HOST".to_owned(), docker::ADDRESS.to_owned());
            network = docker.network();
        }
        let mut sandbox = self
            .create(image, context, (volume, &plan.workspace), &env, &network, &caches, read_only)
            .await?;
        if let Some(docker) = &docker {
            docker.give_command(&sandbox).await?;
        }
        let (user, account) = self.user(&sandbox, image, user).await?;
        if let Some(beside) = beside.as_ref().filter(|b| **b != outer) {
            self.join(docker.as_ref().map_or(&sandbox.id, |docker| &docker.sandbox.id), beside).await?;
        }
        let mut extra = account;
        extra.extend(our_folders(&user, plan, self.options.event.as_deref()));
        extra.extend(caches::entries(&caches, user.ids));
        self.fill(&mut sandbox, volume, args, &user, extra).await?;
        if brings_actions {
            let (code, _) = sandbox.run(&user.name, &["sh", "-c", actions::COPY], SLOW).await?;
            if code != 0 {
                let what = "copying actions for the steps";
                return Err(ExecutorError::unexpected(what, format!("it ended with exit code {code}")));
            }
        }
        if user.name == account::RUNNER && !strict {
            account::give_folders(&sandbox).await?;
        }
        let forwarder = if plan.image.from_container {
            None
        } else {
            let user = if strict { user.name.as_str() } else { "0:0" };
            services.forward(&sandbox, &plan.services, user).await?
        };
        Ok(ReadySandbox { sandbox, docker, user, env, _forwarder: forwarder })
    }

    /// The network the sandbox is created on, and the one the services are on, where there are any.
    async fn networks(&mut self, args: ExecutionArgs<'_>) -> Result<(String, Option<String>), ExecutorError> {
        let outer = format!("ci-healer-{}", self.options.run_id);
        let inner = format!("{outer}-services");
        Ok(match (self.options.network, args.plan.services.is_empty()) {
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
        let known = self.networks.contains(name)
            && self
                .engine
                .ask("looking for the network", QUICK, |d| d.inspect_network(name, None))
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
        let made = Object::Network(name.to_owned());
        self.engine.make(made, "creating the sandbox's network", |d| d.create_network(request)).await?;
        self.networks.insert(name.to_owned());
        Ok(())
    }

    async fn join(&self, container: &str, network: &str) -> Result<(), ExecutorError> {
        let request =
            NetworkConnectRequest { container: container.to_owned(), ..NetworkConnectRequest::default() };
        let joined = self
            .engine
            .ask("connecting the sandbox to its services", QUICK, |d| d.connect_network(network, request));
        joined.await
    }

    pub(super) async fn disconnect(&self, container: &str) -> Result<(), ExecutorError> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        let network = format!("ci-healer-{}", self.options.run_id);
        let left = self
            .engine
            .ask("taking the network away after set-up", QUICK, |d| d.disconnect_network(&network, request));
        left.await
    }

    /// The volume with what actions bring, where the plan needs it; filled once per run, from outside, before anything
    /// runs beside it.
    async fn bring_actions(
        &mut self,
        plan: &BuildPlan,
        image: &Image,
    ) -> Result<Vec<(String, String)>, ExecutorError> {
        if !actions::needs(plan) {
            return Ok(Vec::new());
        }
        let volume = format!("ci-healer-{}-actions", self.options.run_id);
        let mount = (volume.clone(), actions::BROUGHT.to_owned());
        if !self.has_brought {
            self.make_volume(volume, "actions").await?;
            let env = BTreeMap::new();
            let spec = ContainerSpec {
                image: &image.id,
                name: format!("ci-healer-{}-actions", self.options.run_id),
                role: "actions",
                env: &env,
                mounts: vec![mount.clone()],
                read_only: Vec::new(),
                network: "none",
                create: &CreateOptions::default(),
                strict_user: None,
                privileges: Privileges::Usual,
            };
            // It is never started.
            let filler = Sandbox::create(&self.engine, &self.identity, &self.options, spec).await?;
            let filled = actions::fill(&self.engine, &self.scope, &filler.id, self.brought.clone()).await;
            filler.remove().await?;
            filled?;
            self.has_brought = true;
        }
        Ok(vec![mount])
    }

    #[expect(clippy::too_many_arguments, reason = "they are the parts of one container")]
    async fn create(
        &mut self,
        image: &Image,
        context: &ExecutionContext<'_>,
        (workspace, at): (&WorkspaceVolume, &str),
        env: &BTreeMap<String, String>,
        network: &str,
        caches: &[CacheMount],
        read_only: Vec<(String, String)>,
    ) -> Result<Sandbox, ExecutorError> {
        let mut mounts = vec![
            (workspace.name.clone(), workspace::ROOT.to_owned()),
            (workspace.name.clone(), at.to_owned()),
        ];
        for cache in caches {
            let volume = format!("ci-healer-{}-{}", self.options.run_id, cache.name);
            if !self.caches.contains(cache.name) {
                self.make_volume(volume.clone(), "cache").await?;
                self.caches.insert(cache.name);
            }
            mounts.push((volume, cache.target.clone()));
        }
        let strict = self.options.hardening == Hardening::Strict;
        let spec = ContainerSpec {
            image: &image.id,
            name: context.name.to_owned(),
            role: "sandbox",
            env,
            mounts,
            read_only,
            network,
            create: context.create,
            strict_user: strict.then_some(STRICT_USER),
            privileges: Privileges::Usual,
        };
        Sandbox::create(&self.engine, &self.identity, &self.options, spec).await
    }

    pub(super) async fn make_volume(&self, name: String, role: &str) -> Result<(), ExecutorError> {
        let made = Object::Volume(name.clone());
        let volume = VolumeCreateRequest {
            name: Some(name),
            labels: Some(self.identity.labels(role)),
            ..VolumeCreateRequest::default()
        };
        self.engine.make(made, "creating a volume", |d| d.create_volume(volume)).await.map(|_| ())
    }

    /// Who runs the steps, as which numbers files must belong to them, and archive entries that make the account.
    async fn user(
        &mut self,
        sandbox: &Sandbox,
        image: &Image,
        wanted: String,
    ) -> Result<(User, Vec<u8>), ExecutorError> {
        if wanted == account::RUNNER {
            let (ids, entries) = account::entries(sandbox).await?;
            return Ok((User { name: wanted, ids }, entries));
        }
        let key = (image.id.clone(), wanted.clone());
        let ids = if let Some(ids) = self.user_ids.get(&key) {
            *ids
        } else {
            let ids = lookup(sandbox, &wanted).await?;
            self.user_ids.insert(key, ids);
            ids
        };
        if self.options.hardening == Hardening::Strict && ids.0 == 0 {
            return Ok((User { name: STRICT_USER.to_owned(), ids: (1001, 1001) }, Vec::new()));
        }
        Ok((User { name: wanted, ids }, Vec::new()))
    }

    /// The image with `sudo` in it, where steps call it and the image's user may not be root; made once per run.
    pub(super) async fn provide_sudo(
        &mut self,
        args: ExecutionArgs<'_>,
        context: &ExecutionContext<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Option<String>, ExecutorError> {
        let (plan, image) = (args.plan, context.image);
        let user = account::wanted(plan, image, context.create.user.as_deref());
        let strict = self.options.hardening == Hardening::Strict;
        if user != account::RUNNER || strict || !account::calls_sudo(plan) {
            return Ok(None);
        }
        if let Some(known) = self.with_sudo.get(&image.id) {
            return Ok(known.clone());
        }
        let lacks = format!(
            "image {} has no sudo and it could not be installed: steps that call it fail here",
            image.reference
        );
        let made = if self.options.network == Network::Off {
            None
        } else {
            let (network, _) = self.networks(args).await?;
            let env = environment::of_container(image, plan, &self.options.env, false);
            let spec = ContainerSpec {
                image: &image.id,
                name: format!("{}-sudo", context.name),
                role: "sandbox",
                env: &env,
                mounts: Vec::new(),
                read_only: Vec::new(),
                network: &network,
                create: context.create,
                strict_user: None,
                privileges: Privileges::Usual,
            };
            let mut sandbox = Sandbox::create(&self.engine, &self.identity, &self.options, spec).await?;
            let made = if sandbox.has("/usr/bin/sudo").await {
                Some(image.id.clone())
            } else {
                sandbox.start().await?;
                account::with_sudo(&self.engine, &self.identity, &sandbox).await?
            };
            sandbox.remove().await?;
            made
        };
        if made.is_none() {
            notes.push(lacks);
        }
        self.with_sudo.insert(image.id.clone(), made.clone());
        Ok(made)
    }

    /// Makes the volume agree with the tree, and the container ready for steps; starts it.
    async fn fill(
        &mut self,
        sandbox: &mut Sandbox,
        workspace: &mut WorkspaceVolume,
        ExecutionArgs { request, sink, .. }: ExecutionArgs<'_>,
        user: &User,
        mut extra: Vec<u8>,
    ) -> Result<(), ExecutorError> {
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
        if std::mem::take(&mut workspace.is_copy) {
            return self.fill_copy(sandbox, workspace, request, user, extra).await;
        }
        let mut delta = workspace.delta(request.tree);
        let was_used = workspace.synced_at.is_some();
        match (workspace.synced_at, request.git_dir) {
            (Some(synced_at), _) => extra.extend(workspace::sync_files(workspace, &delta, synced_at)),
            (None, Some(dir)) => delta.git = workspace.git_folder(dir, &BTreeSet::new())?,
            (None, None) => {}
        }
        if delta.upload.len() > 1000 {
            sink.emit(crate::contract::event::Event::Progress {
                what: format!("copying {} files into the sandbox", delta.upload.len()),
            });
        }
        let owner = workspace.owner.unwrap_or(user.ids);
        let attributes = Attributes { owner, mtime: workspace.next_mtime(self.engine.now_nanos()) };
        if !delta.is_empty() {
            workspace.last_mtime = Some(attributes.mtime);
        }
        workspace::upload(&self.engine, &sandbox.id, request.tree, &delta, attributes, extra).await?;
        sandbox.start().await?;
        let root = if self.options.hardening == Hardening::Strict { user.name.as_str() } else { "0:0" };
        if was_used {
            self.restore_tracked_files(sandbox, workspace, request, &delta, attributes, root).await?;
            self.renew_git(sandbox, workspace, request, attributes, root).await?;
        }
        if owner != user.ids {
            let ids = format!("{}:{}", user.ids.0, user.ids.1);
            sandbox.run(root, &["chown", "-R", &ids, workspace::ROOT], SLOW).await?;
        }
        workspace.owner = Some(user.ids);
        workspace.set_uploaded(request.tree);
        if request.git_dir.is_some() {
            let refreshed = sandbox.run(&user.name, &["sh", "-c", workspace::REFRESH_INDEX], SLOW).await?;
            if refreshed.0 != 0 {
                ::log::debug!("the sandbox's index does not agree with its files: exit {}", refreshed.0);
            }
        }
        tokio::time::sleep(workspace.until_mtime(self.engine.now_nanos())).await;
        workspace.synced_at = Some(self.engine.now_nanos());
        Ok(())
    }

    /// What steps did to `.git` is gone with it: the next execution has the state its own checkout would leave.
    async fn renew_git(
        &self,
        sandbox: &Sandbox,
        workspace: &mut WorkspaceVolume,
        request: &super::Request<'_>,
        attributes: Attributes,
        root: &str,
    ) -> Result<(), ExecutorError> {
        let Some(dir) = request.git_dir else { return Ok(()) };
        let (code, listed) = sandbox.run(root, &["sh", "-c", workspace::CLEAR_GIT], SLOW).await?;
        if code != 0 {
            let what = "taking away the .git of the last execution";
            return Err(ExecutorError::unexpected(what, format!("it ended with exit code {code}")));
        }
        let untouched = String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect();
        let git = workspace.git_folder(dir, &untouched)?;
        let delta = Delta { git, ..Delta::default() };
        workspace::upload(&self.engine, &sandbox.id, request.tree, &delta, attributes, Vec::new()).await
    }

    /// Brings tracked files back that earlier steps changed or removed, and removes those that are no longer tracked.
    async fn restore_tracked_files(
        &self,
        sandbox: &Sandbox,
        workspace: &mut WorkspaceVolume,
        request: &super::Request<'_>,
        sent: &Delta,
        attributes: Attributes,
        root: &str,
    ) -> Result<(), ExecutorError> {
        let found = sandbox.run(root, &["sh", "-c", workspace::FIND_CHANGED], SLOW).await;
        workspace.set_uploaded(request.tree);
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
        let again = workspace.delta(request.tree);
        if again.is_empty() {
            return Ok(());
        }
        ::log::debug!("{} tracked files were changed by steps and are restored", again.upload.len());
        workspace.last_mtime = Some(attributes.mtime);
        workspace::upload(&self.engine, &sandbox.id, request.tree, &again, attributes, Vec::new()).await
    }
}

/// Our own folders in the container, and the job's beside its workspace.
fn our_folders(user: &User, plan: &BuildPlan, event: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut folder = |path: &str, owner| {
        let entry = Entry { path, kind: Kind::Directory, mode: 0o755, owner, mtime: 0 };
        archive::push(&mut out, &entry, b"");
    };
    folder("ci-healer/", (0, 0));
    folder("ci-healer/step/", (0, 0));
    folder("ci-healer/actions/", user.ids);
    folder("ci-healer/artifacts/", user.ids);
    let folders = JobFolders::beside(&plan.workspace);
    let above = folders.workspace.rsplit_once('/').map_or("", |(above, _)| above);
    let work = above.rsplit_once('/').map_or("", |(work, _)| work);
    for path in [work, above, &folders.temp, &folders.tool_cache] {
        folder(&format!("{}/", path.trim_start_matches('/')), user.ids);
    }
    let (event, path) = (event.unwrap_or(NO_EVENT), folders.event());
    let path = path.trim_start_matches('/');
    folder(&format!("{}/", path.rsplit_once('/').map_or("", |(above, _)| above)), user.ids);
    let kind = Kind::File(event.len() as u64);
    let file = Entry { path, kind, mode: 0o644, owner: user.ids, mtime: 0 };
    archive::push(&mut out, &file, event.as_bytes());
    let used = Entry {
        path: preinstalled::FILE.trim_start_matches('/'),
        kind: Kind::File(0),
        mode: 0o644,
        owner: user.ids,
        mtime: 0,
    };
    archive::push(&mut out, &used, b"");
    out
}

/// `USER` in numbers: names are looked up in the image's own files.
pub(super) async fn lookup(sandbox: &Sandbox, wanted: &str) -> Result<(u32, u32), ExecutorError> {
    let (user, group) = wanted.split_once(':').map_or((wanted, None), |(u, g)| (u, Some(g)));
    let unknown = |what: &str, name: &str| {
        let file = if what == "user" { "passwd" } else { "group" };
        ExecutorError::unexpected(
            format!("looking up the image's {what} {name:?}"),
            format!("/etc/{file} does not list it"),
        )
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
