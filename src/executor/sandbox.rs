//! One ephemeral container: created, filled, started, used by exec, removed.
//!
//! Its first process does nothing but read its standard input, which is our connection. When this process dies, however
//! it dies, the engine closes that input, the container ends, and the engine removes it. Dropping a [`Sandbox`] does the
//! same; [`Sandbox::remove`] also waits until it is gone.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::container::{AttachContainerResults, LogOutput};
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::{
    ContainerConfig, ContainerCreateBody, EndpointIpamConfig, EndpointSettings, HostConfig,
    HostConfigLogConfig, Mount, MountType, MountVolumeOptions, NetworkingConfig,
};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CommitContainerOptionsBuilder, ContainerArchiveInfoOptionsBuilder,
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder, EventsOptionsBuilder,
    UploadToContainerOptionsBuilder,
};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;

use super::Options;
use super::archive::{self, Found};
use super::cleanup;
use super::engine::{Engine, Object, QUICK, SLOW};
use super::error::ExecutorError;
use super::identity::Identity;
use super::options::CreateOptions;
use crate::contract::settings::Hardening;

/// Docker's default set less what a build has no business with: raw sockets, device nodes, the audit log, chroot, file
/// capabilities.
const DROPPED: [&str; 5] = ["NET_RAW", "MKNOD", "AUDIT_WRITE", "SYS_CHROOT", "SETFCAP"];

/// Where clouds hand out the machine's credentials.
const METADATA: &str = "169.254.169.254";

/// What a container is made of.
pub(super) struct ContainerSpec<'a> {
    pub(super) image: &'a str,
    pub(super) name: String,
    pub(super) role: &'a str,
    pub(super) env: &'a BTreeMap<String, String>,
    /// Volume names and where they are mounted.
    pub(super) mounts: Vec<(String, String)>,
    /// The same, and nothing in the container can write there.
    pub(super) read_only: Vec<(String, String)>,
    /// `none`, `bridge`, or a network's name.
    pub(super) network: &'a str,
    pub(super) create: &'a CreateOptions,
    /// The unprivileged user of strict hardening; also runs the first process.
    pub(super) strict_user: Option<&'a str>,
    pub(super) privileges: Privileges,
}

/// What runs in a container, where that is not ours to say.
pub(super) struct OwnProcess {
    /// In the place of the image's own.
    pub(super) entrypoint: Option<String>,
    /// The image's own, where there are none.
    pub(super) args: Vec<String>,
    pub(super) working_directory: &'static str,
}

/// How a container's own process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnEnd {
    pub(super) code: i64,
    pub(super) oom_killed: bool,
}

/// What a container may do on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Privileges {
    /// As the hardening says.
    Usual,
    /// Everything: the steps' own engine alone.
    All,
    /// The same, where the engine itself runs in a container without some of it.
    AllThatMayBe,
}

/// What an engine in a container of its own can usually pass on, and another engine needs.
const NEARLY_ALL: [&str; 29] = [
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_CHROOT",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TTY_CONFIG",
];

/// A container of ours.
pub(super) struct Sandbox {
    engine: Engine,
    pub(super) id: String,
    name: String,
    /// Held open: its end is the container's.
    connection: Option<AttachContainerResults>,
}

/// Output and end of one exec.
pub(super) struct Exec {
    pub(super) id: String,
    pub(super) output: BoxStream<'static, Result<LogOutput, ExecutorError>>,
}

/// A file, or whatever it is, in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundAt {
    /// Itself, or what it leads to.
    pub(super) is_folder: bool,
    /// Where a link leads.
    pub(super) link: Option<String>,
}

/// What the engine says about a container's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ContainerState {
    Running,
    /// Ended or removed, by someone else.
    Gone {
        oom_killed: bool,
    },
}

impl Sandbox {
    /// Creates the container; nothing runs yet, but files can be put into it.
    pub(super) async fn create(
        engine: &Engine,
        identity: &Identity,
        options: &Options,
        spec: ContainerSpec<'_>,
    ) -> Result<Self, ExecutorError> {
        let name = spec.name.clone();
        let body = container_body(identity, options, spec);
        let query = CreateContainerOptionsBuilder::new().name(&name).build();
        let made = Object::Container(name.clone());
        let created =
            engine.make(made, "creating the sandbox", |d| d.create_container(Some(query), body)).await?;
        Ok(Self { engine: engine.clone(), id: created.id, name, connection: None })
    }

    /// A container whose first process is its image's. It stays when that ends, so that its files can be read.
    pub(super) async fn create_own(
        engine: &Engine,
        identity: &Identity,
        options: &Options,
        spec: ContainerSpec<'_>,
        process: OwnProcess,
    ) -> Result<Self, ExecutorError> {
        let (name, strict_user) = (spec.name.clone(), spec.strict_user.map(str::to_owned));
        let body = container_body(identity, options, spec);
        let host = body.host_config.map(|host| HostConfig { auto_remove: None, init: None, ..host });
        let body = ContainerCreateBody {
            entrypoint: process.entrypoint.map(|program| vec![program]),
            cmd: Some(process.args).filter(|args| !args.is_empty()),
            user: strict_user,
            working_dir: Some(process.working_directory.to_owned()),
            attach_stdin: None,
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            open_stdin: None,
            stdin_once: None,
            host_config: host,
            ..body
        };
        let query = CreateContainerOptionsBuilder::new().name(&name).build();
        let made = Object::Container(name.clone());
        let created =
            engine.make(made, "creating an action's container", |d| d.create_container(Some(query), body));
        Ok(Self { engine: engine.clone(), id: created.await?.id, name, connection: None })
    }

    /// Starts its own process; what that prints.
    pub(super) async fn start_own(
        &mut self,
    ) -> Result<BoxStream<'static, Result<LogOutput, ExecutorError>>, ExecutorError> {
        let attach = AttachContainerOptionsBuilder::new().stdout(true).stderr(true).stream(true).build();
        let attached = self
            .engine
            .ask("attaching to an action", QUICK, |d| d.attach_container(&self.id, Some(attach)))
            .await?;
        self.engine.ask("starting an action", SLOW, |d| d.start_container(&self.id, None)).await?;
        Ok(self.engine.bound_stream("running an action", attached.output))
    }

    /// How its own process ended; `None` while it runs.
    pub(super) async fn own_end(&self) -> Result<Option<OwnEnd>, ExecutorError> {
        let asked =
            self.engine.ask("asking for an action's end", QUICK, |d| d.inspect_container(&self.id, None));
        let state = asked.await?.state.unwrap_or_default();
        let is_over = state.running == Some(false);
        Ok(is_over.then(|| OwnEnd {
            code: state.exit_code.unwrap_or_default(),
            oom_killed: state.oom_killed.unwrap_or(false),
        }))
    }

    /// The same, once its output has ended.
    pub(super) async fn await_own_end(&self) -> Result<OwnEnd, ExecutorError> {
        for attempt in 0..200u32 {
            if let Some(end) = self.own_end().await? {
                return Ok(end);
            }
            // The output's end runs ahead of the engine's own bookkeeping by a moment.
            tokio::time::sleep(Duration::from_millis(if attempt < 20 { 5 } else { 50 })).await;
        }
        Err(ExecutorError::unexpected(
            "asking for an action's end",
            "its output has ended, and yet it runs on",
        ))
    }

    pub(super) async fn kill(&self) {
        cleanup::kill_container(&self.engine, &self.id).await;
    }

    /// Starts the container, bound to the life of this process.
    pub(super) async fn start(&mut self) -> Result<(), ExecutorError> {
        let attach =
            AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stderr(true).stream(true).build();
        let attached = self
            .engine
            .ask("attaching to the sandbox", QUICK, |d| d.attach_container(&self.id, Some(attach)));
        self.connection = Some(attached.await?);
        self.engine.ask("starting the sandbox", SLOW, |d| d.start_container(&self.id, None)).await
    }

    /// Puts an archive's entries into the container, at `/`.
    pub(super) async fn put(&self, archive: Vec<u8>) -> Result<(), ExecutorError> {
        self.put_at("/", archive).await
    }

    /// Puts an archive's entries into a folder of the container that is there.
    pub(super) async fn put_at(&self, folder: &str, archive: Vec<u8>) -> Result<(), ExecutorError> {
        let options = UploadToContainerOptionsBuilder::new().path(folder).build();
        let body = bollard::body_full(archive.into());
        let put = self.engine.ask("writing files into the sandbox", SLOW, |d| {
            d.upload_to_container(&self.id, Some(options), body)
        });
        put.await
    }

    /// A file's or folder's archive; `None` where there is none. More than `limit` bytes are an error.
    pub(super) async fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ExecutorError> {
        get(&self.engine, &self.id, path, limit).await
    }

    /// One regular file's content; `None` where there is none, following links `depth` times.
    pub(super) async fn get_file(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ExecutorError> {
        let mut path = path.to_owned();
        for _ in 0..4 {
            let Some(bytes) = self.get(&path, limit + 4096).await? else { return Ok(None) };
            let found = archive::read(&bytes, limit, |name| Some(name.to_owned()))
                .map_err(|cause| ExecutorError::unexpected(format!("reading {path} of the image"), cause))?;
            match found.into_iter().next() {
                Some((_, Found::File(content))) => return Ok(Some(content)),
                Some((_, Found::Symlink(target))) => {
                    let target = String::from_utf8_lossy(&target).into_owned();
                    path = if target.starts_with('/') {
                        target
                    } else {
                        format!("{}/{target}", path.rsplit_once('/').map_or("", |(dir, _)| dir))
                    };
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Whether something exists at `path`, whatever it is.
    pub(super) async fn has(&self, path: &str) -> bool {
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        let asked = self
            .engine
            .ask("looking for a program", QUICK, |d| d.get_container_archive_info(&self.id, Some(options)));
        asked.await.is_ok()
    }

    /// What lies at `path`; `None` where nothing does.
    pub(super) async fn kind_at(&self, path: &str) -> Result<Option<FoundAt>, ExecutorError> {
        /// As the engine writes modes.
        const FOLDER: u32 = 1 << 31;
        let options = ContainerArchiveInfoOptionsBuilder::new().path(path).build();
        let asked = self
            .engine
            .ask("looking for a file", QUICK, |d| d.get_container_archive_info(&self.id, Some(options)));
        let found = match asked.await {
            Ok(found) => found,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.with_what(format!("looking for {path}"))),
        };
        if found.link_target.is_empty() || found.link_target == path {
            return Ok(Some(FoundAt { is_folder: found.file_mode & FOLDER != 0, link: None }));
        }
        // The engine has followed it to its end.
        let behind = Box::pin(self.kind_at(&found.link_target)).await?;
        let is_folder = behind.is_some_and(|behind| behind.is_folder);
        Ok(Some(FoundAt { is_folder, link: Some(found.link_target) }))
    }

    /// Starts a program and returns its output stream.
    pub(super) async fn exec(
        &self,
        user: &str,
        argv: Vec<String>,
        env: &BTreeMap<String, String>,
        working_directory: &str,
    ) -> Result<Exec, ExecutorError> {
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(false),
            env: Some(env.iter().map(|(k, v)| format!("{k}={v}")).collect()),
            cmd: Some(argv),
            user: Some(user.to_owned()),
            working_dir: Some(working_directory.to_owned()),
            ..CreateExecOptions::default()
        };
        let id = self.engine.ask("preparing a step", QUICK, |d| d.create_exec(&self.id, options)).await?.id;
        let start = StartExecOptions { output_capacity: Some(64 << 10), ..StartExecOptions::default() };
        match self.engine.ask("starting a step", SLOW, |d| d.start_exec(&id, Some(start))).await? {
            StartExecResults::Attached { output, .. } => {
                Ok(Exec { id, output: self.engine.bound_stream("running a step", output) })
            }
            StartExecResults::Detached => {
                Err(ExecutorError::unexpected("starting a step", "the engine detached from it"))
            }
        }
    }

    /// Runs a program of ours to its end; its exit code and standard output.
    pub(super) async fn run(
        &self,
        user: &str,
        argv: &[&str],
        limit: Duration,
    ) -> Result<(i64, Vec<u8>), ExecutorError> {
        const MOST: usize = 32 << 20;
        let what = argv.first().copied().unwrap_or_default().to_owned();
        let work = async {
            let argv = argv.iter().map(|a| (*a).to_owned()).collect();
            let mut exec = self.exec(user, argv, &BTreeMap::new(), "/").await?;
            let mut out = Vec::new();
            while let Some(item) = exec.output.next().await {
                if let LogOutput::StdOut { message } =
                    item.map_err(|e| e.with_what(format!("running {what}")))?
                {
                    out.extend_from_slice(&message);
                    if out.len() > MOST {
                        return Err(ExecutorError::unexpected(
                            format!("running {what}"),
                            "it printed too much",
                        ));
                    }
                }
            }
            Ok((self.exit_code(&exec.id).await?, out))
        };
        match tokio::time::timeout(limit, work).await {
            Ok(result) => result,
            Err(_) => Err(ExecutorError::NoAnswer { what: format!("running {what} in the sandbox"), limit }),
        }
    }

    /// The exit code, once there is one; `None` while the program runs.
    pub(super) async fn poll_exit(&self, exec: &str) -> Result<Option<i64>, ExecutorError> {
        let state = self.engine.ask("asking for a step's exit code", QUICK, |d| d.inspect_exec(exec)).await?;
        Ok(if state.running == Some(false) { state.exit_code } else { None })
    }

    /// The exit code of a program whose output has ended.
    pub(super) async fn exit_code(&self, exec: &str) -> Result<i64, ExecutorError> {
        for attempt in 0..200u32 {
            if let Some(code) = self.poll_exit(exec).await? {
                return Ok(code);
            }
            // The output's end runs ahead of the engine's own bookkeeping by a moment.
            tokio::time::sleep(Duration::from_millis(if attempt < 20 { 5 } else { 50 })).await;
        }
        Err(ExecutorError::unexpected(
            "asking for a step's exit code",
            "its output has ended, and yet it runs on",
        ))
    }

    /// The time on the engine's clock.
    pub(super) fn now_nanos(&self) -> i128 {
        self.engine.now_nanos()
    }

    pub(super) async fn state(&self) -> Result<ContainerState, ExecutorError> {
        let asked =
            self.engine.ask("asking for the sandbox's state", QUICK, |d| d.inspect_container(&self.id, None));
        match asked.await {
            Ok(container) => {
                let state = container.state.unwrap_or_default();
                let oom_killed = state.oom_killed.unwrap_or(false);
                Ok(if state.running.unwrap_or(false) {
                    ContainerState::Running
                } else {
                    ContainerState::Gone { oom_killed }
                })
            }
            Err(error) if error.is_absent() => Ok(ContainerState::Gone { oom_killed: false }),
            Err(error) => Err(error),
        }
    }

    /// How many processes there are, as the engine sees them.
    pub(super) async fn processes(&self) -> Result<usize, ExecutorError> {
        let listed =
            self.engine.ask("listing the sandbox's processes", QUICK, |d| d.top_processes(&self.id, None));
        Ok(listed.await?.processes.map_or(0, |processes| processes.len()))
    }

    /// Whether the kernel killed a process of this container for memory since then (the engine's clock). The flag in a
    /// container's state is set only when the container ends; the event comes at once.
    pub(super) async fn ran_out_of_memory_since(&self, nanos: i128) -> Result<bool, ExecutorError> {
        let stamp = |nanos: i128| format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        let filters = HashMap::from([("container", vec![self.id.as_str()]), ("event", vec!["oom"])]);
        let options = EventsOptionsBuilder::new()
            .since(&stamp(nanos))
            .until(&stamp(self.engine.now_nanos()))
            .filters(&filters)
            .build();
        let mut events = self.engine.stream("asking for memory events", |d| d.events(Some(options)));
        match tokio::time::timeout(QUICK, events.next()).await {
            Ok(first) => Ok(first.transpose()?.is_some()),
            Err(_) => {
                Err(ExecutorError::NoAnswer { what: "asking for memory events".to_owned(), limit: QUICK })
            }
        }
    }

    /// The container as an image. Its labels go with it, so that it is removed with the run.
    pub(super) async fn commit(
        &self,
        identity: &Identity,
        what: &'static str,
    ) -> Result<String, ExecutorError> {
        let config =
            ContainerConfig { labels: Some(identity.labels("snapshot")), ..ContainerConfig::default() };
        self.commit_as(what, config).await
    }

    /// The same, with a description of its own: what that does not say is the container's.
    pub(super) async fn commit_as(
        &self,
        what: &'static str,
        config: ContainerConfig,
    ) -> Result<String, ExecutorError> {
        let options = CommitContainerOptionsBuilder::new().container(&self.id).pause(true).build();
        let committed = self.engine.ask(what, SLOW, |d| d.commit_container(options, config)).await?;
        Ok(committed.id)
    }

    /// Ends everything in the container and waits until it is gone.
    pub(super) async fn remove(mut self) -> Result<(), ExecutorError> {
        let removed = cleanup::remove_container(&self.engine, &self.id).await;
        self.connection = None;
        if removed.is_ok() {
            self.engine.record_gone(&Object::Container(self.name));
        }
        removed
    }
}

/// What the engine is told to make.
fn container_body(
    identity: &Identity,
    options: &Options,
    mut spec: ContainerSpec<'_>,
) -> ContainerCreateBody {
    let host = host_config(identity, options, &mut spec);
    let mut env: Vec<String> = spec.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    env.extend(spec.create.env.iter().filter(|e| e.contains('=')).cloned());
    let is_shared = spec.network.starts_with("container:");
    let networking = (!is_shared && !["none", "bridge"].contains(&spec.network))
        .then(|| NetworkingConfig { endpoints_config: Some([(spec.network.to_owned(), endpoint())].into()) });
    ContainerCreateBody {
        image: Some(spec.image.to_owned()),
        entrypoint: Some(vec!["cat".to_owned()]),
        cmd: Some(Vec::new()),
        user: Some(spec.strict_user.unwrap_or("0:0").to_owned()),
        working_dir: Some("/".to_owned()),
        hostname: spec.create.hostname.clone().filter(|_| !is_shared),
        env: Some(env),
        labels: Some(identity.labels(spec.role)),
        attach_stdin: Some(true),
        open_stdin: Some(true),
        stdin_once: Some(true),
        tty: Some(false),
        // A hanging health check of the image's own is no part of a job.
        healthcheck: Some(bollard::models::HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..Default::default()
        }),
        host_config: Some(host),
        networking_config: networking,
        ..ContainerCreateBody::default()
    }
}

/// Limits, privileges and mounts.
fn host_config(identity: &Identity, options: &Options, spec: &mut ContainerSpec<'_>) -> HostConfig {
    let strict = options.hardening == Hardening::Strict;
    let (writable, read_only) = (std::mem::take(&mut spec.mounts), std::mem::take(&mut spec.read_only));
    let all =
        writable.into_iter().map(|mount| (mount, false)).chain(read_only.into_iter().map(|m| (m, true)));
    let mounts = all.map(|((volume, target), is_read_only)| Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume),
        target: Some(target),
        read_only: Some(is_read_only),
        // A volume removed while this container is on its way comes back with it: it must not come back nameless.
        volume_options: Some(MountVolumeOptions {
            labels: Some(identity.labels("volume")),
            ..MountVolumeOptions::default()
        }),
        ..Mount::default()
    });
    let privileges = spec.privileges;
    let is_usual = privileges == Privileges::Usual;
    let is_shared = spec.network.starts_with("container:");
    let all_that_may_be = (privileges == Privileges::AllThatMayBe).then_some(());
    HostConfig {
        privileged: Some(privileges == Privileges::All),
        cap_add: all_that_may_be.map(|()| NEARLY_ALL.iter().map(|c| (*c).to_owned()).collect()),
        masked_paths: all_that_may_be.map(|()| Vec::new()),
        readonly_paths: all_that_may_be.map(|()| Vec::new()),
        auto_remove: Some(true),
        init: Some(true),
        mounts: Some(mounts.collect()),
        memory: i64::try_from(options.memory_bytes).ok(),
        // As much as memory: no swap, so that the limit is the limit.
        memory_swap: i64::try_from(options.memory_bytes).ok(),
        nano_cpus: options.cpus.map(nano_cpus),
        pids_limit: Some(options.pids),
        cap_drop: is_usual.then(|| {
            let dropped: &[&str] = if strict { &["ALL"] } else { &DROPPED };
            dropped.iter().map(|c| (*c).to_owned()).collect()
        }),
        security_opt: match (is_usual && strict, all_that_may_be) {
            (true, _) => Some(vec!["no-new-privileges".to_owned()]),
            (_, Some(())) => Some(vec!["seccomp=unconfined".to_owned(), "apparmor=unconfined".to_owned()]),
            _ => None,
        },
        network_mode: Some(spec.network.to_owned()),
        shm_size: spec.create.shm_bytes,
        extra_hosts: Some(spec.create.add_hosts.clone()).filter(|h| !h.is_empty() && !is_shared),
        tmpfs: Some(spec.create.tmpfs.iter().cloned().collect()),
        // The first process prints nothing; the engine need not keep a file for it.
        log_config: Some(HostConfigLogConfig { typ: Some("none".to_owned()), config: None }),
        ..HostConfig::default()
    }
}

/// A path's archive out of a container.
pub(super) async fn get(
    engine: &Engine,
    container: &str,
    path: &str,
    limit: usize,
) -> Result<Option<Vec<u8>>, ExecutorError> {
    let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
    let mut stream = engine.stream("reading a file", |d| d.download_from_container(container, Some(options)));
    let mut bytes = Vec::new();
    let work = async {
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => bytes.extend_from_slice(&chunk),
                Err(error) if error.is_absent() => return Ok(None),
                Err(error) => return Err(error.with_what(format!("reading {path}"))),
            }
            if bytes.len() > limit {
                return Err(ExecutorError::TooLarge { what: format!("reading {path}"), limit });
            }
        }
        Ok(Some(bytes))
    };
    match tokio::time::timeout(SLOW, work).await {
        Ok(result) => result,
        Err(_) => Err(ExecutorError::NoAnswer { what: format!("reading {path}"), limit: SLOW }),
    }
}

/// How containers join a network. Clouds answer at 169.254.169.254 with the machine's credentials; in here that is the
/// container itself, and the rest of 169.254.0.0/16 leads nowhere. Where the machine's name server has such an address,
/// there would be no names either: then all stays open.
pub(super) fn endpoint() -> EndpointSettings {
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let guard = (!resolver.contains("169.254.")).then(|| EndpointIpamConfig {
        link_local_ips: Some(vec![METADATA.to_owned()]),
        ..EndpointIpamConfig::default()
    });
    EndpointSettings { ipam_config: guard, ..EndpointSettings::default() }
}

#[expect(clippy::cast_possible_truncation, reason = "a number of CPUs is far from the limits of i64")]
fn nano_cpus(cpus: f64) -> i64 {
    (cpus * 1e9).round() as i64
}
