//! Images of Docker actions that come as a Dockerfile: built by sandboxes of ours, not by the engine.
//!
//! An engine's own build takes a limit of memory and a network, but none of processes, and drops no capability. So each
//! `RUN` is a program in a container that is held to all that the sandbox is held to, on the sandbox's own network, and what
//! is copied goes through the engine's archives. What comes out is an image of the run's own, gone with it. What a Dockerfile
//! may say that is not done here is refused by its line.

mod context;
mod dockerfile;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::models::{ContainerConfig, ImageConfig};
use bollard::query_parameters::CreateImageOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt as _;
use sha2::{Digest, Sha256};

use self::context::{Copied, Files, NodeKind, clean};
use self::dockerfile::{Copy, Dockerfile, Instruction, Source, Stage, What, expand};
use super::Options;
use super::actions::MAX_BYTES;
use super::archive::{self, Entry, Kind};
use super::ca;
use super::engine::Engine;
use super::environment;
use super::error::ExecutorError;
use super::identity::Identity;
use super::image;
use super::options::CreateOptions;
use super::sandbox::{self, ContainerSpec, Privileges, Sandbox};
use super::set_up::lookup;
use crate::contract::event::{Event, EventSink};

/// For one image, its base and all that it runs.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// Whoever a `RUN` leaves behind may hold its output for so long.
const LEFT_BEHIND: Duration = Duration::from_secs(5);
/// Of what the build prints; its end is kept.
const OUTPUT: usize = 256 << 10;
/// An archive's headers and padding come on top of its files.
const MAX_ARCHIVE: usize = MAX_BYTES as usize + (32 << 20);
const SHELL: [&str; 2] = ["/bin/sh", "-c"];
const ARCHIVES: [&[u8]; 4] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"];

/// Images by what they are made of: each is built once per run.
pub(super) type Built = Arc<Mutex<HashMap<[u8; 32], String>>>;

/// What sources of a `COPY` stand for: files, and which of them.
type Found = Vec<(Files, Vec<String>)>;
/// By their names.
type Texts = Vec<(String, Bytes)>;

/// Where an image is built.
pub(super) struct Builder<'a> {
    pub(super) engine: &'a Engine,
    pub(super) identity: &'a Identity,
    pub(super) options: &'a Options,
    /// What its containers are named after.
    pub(super) name: String,
    /// The sandbox that has the Dockerfile and all beside it.
    pub(super) sandbox: &'a str,
    /// The sandbox's, as another container joins it.
    pub(super) network: &'a str,
    pub(super) strict_user: Option<&'a str>,
}

/// Why there is no image.
#[derive(Debug)]
pub(super) enum NoImage {
    /// The engine's, or the base image's.
    Infrastructure(ExecutorError),
    /// The Dockerfile's; the end of what it printed.
    Failed { why: String, output: Vec<u8> },
}

impl From<ExecutorError> for NoImage {
    fn from(error: ExecutorError) -> Self {
        Self::Infrastructure(error)
    }
}

/// What ends a build, before its output is known.
enum Trouble {
    Engine(ExecutorError),
    Dockerfile(String),
}

impl From<ExecutorError> for Trouble {
    fn from(error: ExecutorError) -> Self {
        Self::Engine(error)
    }
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Self::Dockerfile(why)
    }
}

/// One stage, as far as it has come.
struct Begun {
    sandbox: Sandbox,
    is_started: bool,
    env: Vec<(String, String)>,
    arguments: BTreeMap<String, String>,
    user: String,
    folder: String,
    shell: Vec<String>,
    entrypoint: Vec<String>,
    cmd: Vec<String>,
    /// Not the base image's.
    has_own_cmd: bool,
}

/// A build under way.
struct Work<'a> {
    builder: &'a Builder<'a>,
    sink: &'a dyn EventSink,
    file: Dockerfile,
    files: Files,
    stages: Vec<Option<Begun>>,
    /// Of images that files are copied from.
    others: Vec<(String, Sandbox)>,
    containers: usize,
    output: Vec<u8>,
}

impl Builder<'_> {
    /// The image that the Dockerfile at `path` of the sandbox makes. Its context is the folder that it lies in.
    pub(super) async fn build(
        &self,
        path: &str,
        built: &Built,
        sink: &dyn EventSink,
    ) -> Result<String, NoImage> {
        let failed = |why: String| NoImage::Failed { why, output: Vec::new() };
        let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = if folder.is_empty() { "/" } else { folder };
        let archive = match sandbox::get(self.engine, self.sandbox, folder, MAX_ARCHIVE).await {
            Ok(Some(archive)) => Bytes::from(archive),
            Ok(None) => return Err(failed(format!("there is no folder {folder}"))),
            Err(ExecutorError::TooLarge { .. }) => {
                return Err(failed(format!("{folder} holds more than {} MB", MAX_BYTES / 1_000_000)));
            }
            Err(error) => return Err(error.into()),
        };
        let files = Files::of_folder(&archive).map_err(|why| failed(format!("{folder}: {why}")))?;
        let text = files.text(file).ok_or_else(|| failed(format!("there is no file {path}")))?;
        let rules = files.text(&format!("{file}.dockerignore")).or_else(|| files.text(".dockerignore"));
        let files = files.without(&rules.unwrap_or_default()).map_err(failed)?;
        let mut key = Sha256::new();
        key.update(files.digest());
        key.update(&text);
        let key = key.finalize().into();
        let known = built.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let file = dockerfile::parse(&text).map_err(failed)?;
        let stages = file.stages.iter().map(|_| None).collect();
        let (others, output) = (Vec::new(), Vec::new());
        let mut work = Work { builder: self, sink, file, files, stages, others, containers: 0, output };
        let outcome = tokio::time::timeout(LIMIT, Box::pin(work.all())).await;
        let output = std::mem::take(&mut work.output);
        work.remove().await;
        match outcome {
            Ok(Ok(image)) => {
                built.lock().unwrap_or_else(PoisonError::into_inner).insert(key, image.clone());
                Ok(image)
            }
            Ok(Err(Trouble::Engine(error))) => Err(error.into()),
            Ok(Err(Trouble::Dockerfile(why))) => Err(NoImage::Failed { why, output }),
            Err(_) => {
                Err(NoImage::Failed { why: format!("it takes longer than {} s", LIMIT.as_secs()), output })
            }
        }
    }
}

impl Work<'_> {
    /// Builds the last stage, and of the others those that it needs.
    async fn all(&mut self) -> Result<String, Trouble> {
        let needed = needed(&self.file)?;
        let last = self.file.stages.len() - 1;
        for at in 0..=last {
            if needed.contains(&at) {
                self.stage(at).await?;
            }
        }
        let Some(Some(stage)) = self.stages.last() else { return Err("it has no stage".to_owned().into()) };
        self.commit(stage).await
    }

    async fn stage(&mut self, at: usize) -> Result<(), Trouble> {
        let Stage { from, line, .. } = &self.file.stages[at];
        let line = *line;
        let fault = |why: String| format!("line {line} of its Dockerfile: {why}");
        let from = expand(from, self.file.escape, &globals(&self.file)?).map_err(fault)?;
        if from.is_empty() {
            return Err(fault("FROM names no image".to_owned()).into());
        }
        self.tell(&format!("FROM {from}"));
        let (image, config) = match self.earlier(&from, at) {
            Some(stage) => (self.commit(stage).await?, None),
            None if from == "scratch" => (self.nothing().await?, Some(ImageConfig::default())),
            None => {
                let found = image::obtain(self.builder.engine, &from, self.sink).await?;
                (found.id.unwrap_or(from), Some(found.config.unwrap_or_default()))
            }
        };
        let config = match config {
            Some(config) => config,
            None => image::obtain(self.builder.engine, &image, self.sink).await?.config.unwrap_or_default(),
        };
        let sandbox = self.container(&image).await?;
        let triggers = config.on_build.clone().unwrap_or_default();
        let begun = Begun::new(sandbox, config);
        begun.see_to_folder().await?;
        self.stages[at] = Some(begun);
        let mut instructions = Vec::new();
        for trigger in &triggers {
            instructions.extend(dockerfile::parse_trigger(trigger).map_err(|why| format!("ONBUILD: {why}"))?);
        }
        instructions.append(&mut self.file.stages[at].instructions);
        for instruction in instructions {
            self.tell(&instruction.shown);
            self.carry_out(at, &instruction).await.map_err(|trouble| match trouble {
                Trouble::Dockerfile(why) => Trouble::Dockerfile(format!(
                    "line {} of its Dockerfile, `{}`: {why}",
                    instruction.line, instruction.shown
                )),
                engine @ Trouble::Engine(_) => engine,
            })?;
        }
        Ok(())
    }

    fn tell(&mut self, what: &str) {
        self.sink.emit(Event::Progress { what: format!("building the image of an action: {what}") });
        self.print(format!("{what}\n").as_bytes());
    }

    fn print(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        if self.output.len() > 2 * OUTPUT {
            self.output.drain(..self.output.len() - OUTPUT);
        }
    }

    /// The stage before `at` of that name or number.
    fn earlier(&self, name: &str, at: usize) -> Option<&Begun> {
        self.stages.get(earlier(&self.file, name, at)?)?.as_ref()
    }

    fn next_name(&mut self) -> String {
        self.containers += 1;
        format!("{}-{}", self.builder.name, self.containers)
    }

    /// A container with all that holds the sandbox.
    async fn container(&mut self, image: &str) -> Result<Sandbox, ExecutorError> {
        let Builder { engine, identity, options, network, strict_user, .. } = *self.builder;
        let spec = ContainerSpec {
            image,
            name: self.next_name(),
            role: "build",
            env: &BTreeMap::new(),
            mounts: Vec::new(),
            read_only: Vec::new(),
            network,
            create: &CreateOptions::default(),
            strict_user,
            privileges: Privileges::Usual,
        };
        Sandbox::create(engine, identity, options, spec).await
    }

    /// An image without a file.
    async fn nothing(&self) -> Result<String, ExecutorError> {
        const WHAT: &str = "making an empty image";
        let labels = self.builder.identity.labels("build");
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("LABEL {name}={value:?}")).collect();
        let options = CreateImageOptionsBuilder::new().from_src("-").changes(labels).build();
        let body = bollard::body_full(archive::END.to_vec().into());
        let mut answers =
            self.builder.engine.stream(WHAT, |d| d.create_image(Some(options), Some(body), None));
        let mut made = None;
        while let Some(answer) = answers.next().await {
            made = answer?.status.filter(|status| status.starts_with("sha256:")).or(made);
        }
        made.ok_or_else(|| ExecutorError::unexpected(WHAT, "the engine does not say which"))
    }

    /// The stage as an image, which is removed with the run.
    async fn commit(&self, stage: &Begun) -> Result<String, Trouble> {
        let config = ContainerConfig {
            labels: Some(self.builder.identity.labels("build")),
            env: Some(stage.env.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            user: Some(stage.user.clone()),
            working_dir: Some(stage.folder.clone()),
            shell: Some(stage.shell.clone()),
            entrypoint: Some(stage.entrypoint.clone()),
            cmd: Some(stage.cmd.clone()),
            ..ContainerConfig::default()
        };
        Ok(stage.sandbox.commit_as("keeping an action's image", config).await?)
    }

    async fn carry_out(&mut self, at: usize, instruction: &Instruction) -> Result<(), Trouble> {
        let (escape, globals) = (self.file.escape, globals(&self.file)?);
        let Some(Some(stage)) = self.stages.get_mut(at) else { return Ok(()) };
        let variables = stage.variables();
        let put_in = |text: &str| expand(text, escape, &variables);
        match &instruction.what {
            What::Nothing => {}
            What::Argument(arguments) => {
                for (name, value) in arguments {
                    let value = match value {
                        Some(value) => Some(expand(value, escape, &stage.variables())?),
                        None => globals.get(name).cloned(),
                    };
                    stage.arguments.extend(value.map(|value| (name.clone(), value)));
                }
            }
            What::Env(pairs) => {
                for (name, value) in pairs {
                    let pair = (put_in(name)?, put_in(value)?);
                    stage.env.retain(|(known, _)| *known != pair.0);
                    stage.env.push(pair);
                }
            }
            What::Folder(folder) => {
                stage.folder = stage.absolute(&put_in(folder)?);
                stage.see_to_folder().await?;
            }
            What::User(user) => stage.user = put_in(user)?,
            What::Shell(words) => stage.shell.clone_from(words),
            What::Entrypoint(command) => {
                stage.entrypoint = command.words(&stage.shell);
                // What the base image hands to its own program is nothing to this one.
                if !stage.has_own_cmd {
                    stage.cmd.clear();
                }
            }
            What::Arguments(command) => {
                stage.cmd = command.words(&stage.shell);
                stage.has_own_cmd = true;
            }
            What::Run(command) => {
                let words = command.words(&stage.shell);
                self.run(at, words).await?;
            }
            What::Copy(copy) => self.copy(at, copy, &variables).await?,
        }
        Ok(())
    }

    async fn run(&mut self, at: usize, words: Vec<String>) -> Result<(), Trouble> {
        let Builder { options, strict_user, .. } = *self.builder;
        let Some(Some(stage)) = self.stages.get_mut(at) else { return Ok(()) };
        if !stage.is_started {
            if let Some(bundle) = &options.ca_bundle {
                let mut entries = ca::entries(&stage.sandbox, bundle).await?;
                entries.extend_from_slice(&archive::END);
                stage.sandbox.put(entries).await?;
            }
            stage.sandbox.start().await?;
            stage.is_started = true;
        }
        let mut env = environment::of_authorities(options.ca_bundle.is_some());
        env.extend(stage.variables());
        let user = strict_user.unwrap_or(if stage.user.is_empty() { "0:0" } else { &stage.user });
        let (since, folder) = (stage.sandbox.now_nanos(), stage.folder.clone());
        let mut exec = stage.sandbox.exec(user, words, &env, &folder).await?;
        let mut output = Vec::new();
        let mut ended: Option<tokio::time::Instant> = None;
        while ended.is_none_or(|at| at.elapsed() < LEFT_BEHIND) {
            match tokio::time::timeout(Duration::from_secs(1), exec.output.next()).await {
                Ok(None) => break,
                Ok(Some(Ok(LogOutput::StdErr { message } | LogOutput::StdOut { message }))) => {
                    output.extend_from_slice(&message);
                    if output.len() > 2 * OUTPUT {
                        output.drain(..output.len() - OUTPUT);
                    }
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(error))) => return Err(error.into()),
                Err(_) => {}
            }
            if ended.is_none() && stage.sandbox.poll_exit(&exec.id).await?.is_some() {
                ended = Some(tokio::time::Instant::now());
            }
        }
        let code = stage.sandbox.exit_code(&exec.id).await?;
        let out_of_memory = code != 0 && stage.sandbox.ran_out_of_memory_since(since).await?;
        self.print(&output);
        match code {
            0 => Ok(()),
            _ if out_of_memory => {
                let limit = options.memory_bytes;
                Err(format!("the kernel killed a process at the memory limit of {limit} bytes").into())
            }
            code => {
                let of_user =
                    if strict_user.is_some() { "; under `hardening: strict` nothing is root" } else { "" };
                Err(format!("it ended with exit code {code}{of_user}").into())
            }
        }
    }

    async fn copy(
        &mut self,
        at: usize,
        copy: &Copy,
        variables: &BTreeMap<String, String>,
    ) -> Result<(), Trouble> {
        let escape = self.file.escape;
        let (found, texts) = self.sources(at, copy, variables).await?;
        let to = expand(&copy.to, escape, variables)?;
        let Some(Some(stage)) = self.stages.get(at) else { return Ok(()) };
        let count = found.iter().map(|(_, paths)| paths.len()).sum::<usize>() + texts.len();
        let target = stage.absolute(&to);
        let is_folder = to.ends_with('/')
            || [".", ".."].contains(&to.rsplit('/').next().unwrap_or_default())
            || count > 1
            || stage.sandbox.kind_at(&target).await?.is_some_and(|found| found.is_folder);
        let target = format!("/{}", clean(&target));
        let target = target.trim_end_matches('/');
        let mut all = Vec::new();
        for (files, paths) in &found {
            let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
            let copied = files.copied(&paths, target, is_folder)?;
            all.extend(copied.into_iter().map(|Copied { to, node }| (to, node.clone())));
        }
        for (name, content) in texts {
            let to = if is_folder { format!("{target}/{name}") } else { target.to_owned() };
            all.push((to, context::Node { kind: NodeKind::File(content), mode: 0o644 }));
        }
        if copy.unpacks && all.iter().any(|(_, node)| is_archive(node)) {
            return Err("it would unpack an archive, which is not done here".to_owned().into());
        }
        let mode = match &copy.mode {
            Some(mode) => {
                let text = expand(mode, escape, variables)?;
                let read =
                    u32::from_str_radix(&text, 8).map_err(|_| format!("`--chmod={text}` is no number"))?;
                Some(read & 0o7777)
            }
            None => None,
        };
        let owner = match &copy.owner {
            Some(owner) => stage.owner(&expand(owner, escape, variables)?).await?,
            None => (0, 0),
        };
        let fills_folder = is_folder || all.iter().any(|(to, _)| to != target);
        Ok(stage.put(target, fills_folder, &all, owner, mode).await?)
    }

    /// The files that are copied, by where they come from, and texts of the Dockerfile itself by their names.
    async fn sources(
        &mut self,
        at: usize,
        copy: &Copy,
        variables: &BTreeMap<String, String>,
    ) -> Result<(Found, Texts), Trouble> {
        let escape = self.file.escape;
        let (mut found, mut texts) = (Vec::new(), Vec::new());
        for source in &copy.sources {
            match (source, &copy.from) {
                (Source::Text { name, content, expands }, _) => {
                    let content =
                        if *expands { expand(content, escape, variables)? } else { content.clone() };
                    texts.push((name.clone(), content.into()));
                }
                (Source::Path(path), Some(from)) => {
                    let path = expand(path, escape, variables)?;
                    found.push(self.of_other(from, at, &path).await?);
                }
                (Source::Path(path), None) => {
                    let paths = owned(&self.files.matching(&expand(path, escape, variables)?)?);
                    found.push((self.files.clone(), paths));
                }
            }
        }
        Ok((found, texts))
    }

    /// What a path of another stage, or of an image, stands for.
    async fn of_other(&mut self, from: &str, at: usize, path: &str) -> Result<(Files, Vec<String>), Trouble> {
        let is_known =
            earlier(&self.file, from, at).is_some() || self.others.iter().any(|(name, _)| name == from);
        if !is_known {
            let found = image::obtain(self.builder.engine, from, self.sink).await?;
            let container = self.container(found.id.as_deref().unwrap_or(from)).await?;
            self.others.push((from.to_owned(), container));
        }
        let other = self.others.iter().find(|(name, _)| name == from).map(|(_, sandbox)| sandbox);
        let Some(sandbox) = self.earlier(from, at).map(|stage| &stage.sandbox).or(other) else {
            return Err(format!("`{from}` is no stage").into());
        };
        let mut whole = format!("/{}", clean(path));
        if let Some(target) = sandbox.kind_at(&whole).await?.and_then(|found| found.link) {
            whole = target;
        }
        let (folder, name) = whole.rsplit_once('/').unwrap_or(("", &whole));
        let (asked, pattern) = if name.contains(['*', '?', '[']) {
            let above = folder.rsplit('/').next().unwrap_or_default();
            (folder, if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") })
        } else {
            (whole.as_str(), name.to_owned())
        };
        let got = sandbox.get(if asked.is_empty() { "/" } else { asked }, MAX_ARCHIVE).await;
        let archive = match got {
            Ok(Some(archive)) => Bytes::from(archive),
            Ok(None) => return Err(format!("`{path}` is not in `{from}`").into()),
            Err(ExecutorError::TooLarge { .. }) => {
                return Err(format!("`{path}` holds more than {} MB", MAX_BYTES / 1_000_000).into());
            }
            Err(error) => return Err(error.into()),
        };
        let files = Files::of(&archive)?;
        let paths = owned(&files.matching(&pattern)?);
        Ok((files, paths))
    }

    /// Nothing of it stays but the image.
    async fn remove(self) {
        let stages = self.stages.into_iter().flatten().map(|stage| stage.sandbox);
        for sandbox in stages.chain(self.others.into_iter().map(|(_, sandbox)| sandbox)) {
            if let Err(error) = sandbox.remove().await {
                ::log::warn!("{error}");
            }
        }
    }
}

impl Begun {
    fn new(sandbox: Sandbox, config: ImageConfig) -> Self {
        let pair =
            |text: String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let env = config.env.unwrap_or_default().into_iter().filter_map(pair).collect();
        let folder = config.working_dir.filter(|folder| !folder.is_empty());
        let shell = SHELL.iter().map(|word| (*word).to_owned()).collect();
        Self {
            sandbox,
            is_started: false,
            env,
            arguments: BTreeMap::new(),
            user: config.user.unwrap_or_default(),
            folder: folder.unwrap_or_else(|| "/".to_owned()),
            shell: config.shell.filter(|words| !words.is_empty()).unwrap_or(shell),
            entrypoint: config.entrypoint.unwrap_or_default(),
            cmd: config.cmd.unwrap_or_default(),
            has_own_cmd: false,
        }
    }

    /// What instructions see; the environment comes before arguments.
    fn variables(&self) -> BTreeMap<String, String> {
        let mut all = self.arguments.clone();
        all.extend(self.env.iter().cloned());
        all
    }

    fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            path.to_owned()
        } else {
            format!("/{}", clean(&format!("{}/{path}", self.folder)))
        }
    }

    /// A working folder is there, whoever names it.
    async fn see_to_folder(&self) -> Result<(), ExecutorError> {
        let mut entries = self.missing_folders(&self.folder).await?;
        if entries.is_empty() {
            return Ok(());
        }
        entries.extend_from_slice(&archive::END);
        self.sandbox.put(entries).await
    }

    /// Archive entries of the folders on the way to a path, and of that, which are not there.
    async fn missing_folders(&self, path: &str) -> Result<Vec<u8>, ExecutorError> {
        let path = clean(path);
        let mut missing = Vec::new();
        let mut above = path.as_str();
        while !above.is_empty() && self.sandbox.kind_at(&format!("/{above}")).await?.is_none() {
            missing.push(format!("{above}/"));
            above = above.rsplit_once('/').map_or("", |(above, _)| above);
        }
        let mut entries = Vec::new();
        for path in missing.iter().rev() {
            let entry = Entry { path, kind: Kind::Directory, mode: 0o755, owner: (0, 0), mtime: 0 };
            archive::push(&mut entries, &entry, b"");
        }
        Ok(entries)
    }

    /// `--chown`: a group that is not named has the user's name.
    async fn owner(&self, wanted: &str) -> Result<(u32, u32), Trouble> {
        let whole = if wanted.contains(':') { wanted.to_owned() } else { format!("{wanted}:{wanted}") };
        match lookup(&self.sandbox, &whole).await {
            Ok(ids) => Ok(ids),
            Err(_) => match lookup(&self.sandbox, wanted).await {
                Ok(ids) => Ok(ids),
                Err(error) if error.is_stopped() => Err(error.into()),
                Err(error) => Err(error.to_string().into()),
            },
        }
    }

    async fn put(
        &self,
        target: &str,
        is_folder: bool,
        all: &[(String, context::Node)],
        owner: (u32, u32),
        mode: Option<u32>,
    ) -> Result<(), ExecutorError> {
        let above = if is_folder { target } else { target.rsplit_once('/').map_or("", |(above, _)| above) };
        let mut entries = self.missing_folders(above).await?;
        let is_new = !entries.is_empty();
        for (to, node) in all {
            let path = to.trim_start_matches('/');
            let mtime = self.sandbox.now_nanos();
            let entry = |path, kind| Entry { path, kind, mode: mode.unwrap_or(node.mode), owner, mtime };
            match &node.kind {
                NodeKind::Folder => {
                    // One that is there keeps what it is.
                    if is_new || self.sandbox.kind_at(to).await?.is_none() {
                        archive::push(&mut entries, &entry(&format!("{path}/"), Kind::Directory), b"");
                    }
                }
                NodeKind::File(bytes) => {
                    archive::push(&mut entries, &entry(path, Kind::File(bytes.len() as u64)), bytes);
                }
                NodeKind::Link(link) => archive::push(&mut entries, &entry(path, Kind::Symlink(link)), b""),
            }
        }
        entries.extend_from_slice(&archive::END);
        self.sandbox.put(entries).await
    }
}

/// The stage before `at` of that name or number.
fn earlier(file: &Dockerfile, name: &str, at: usize) -> Option<usize> {
    let named =
        file.stages[..at].iter().rposition(|stage| stage.name.as_deref() == Some(&name.to_ascii_lowercase()));
    named.or_else(|| name.parse().ok().filter(|number| *number < at))
}

/// Arguments that stand before the first stage, and what each build knows of its machine.
fn globals(file: &Dockerfile) -> Result<BTreeMap<String, String>, String> {
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let mut known = BTreeMap::new();
    for kind in ["TARGET", "BUILD"] {
        known.insert(format!("{kind}PLATFORM"), format!("linux/{machine}"));
        known.insert(format!("{kind}OS"), "linux".to_owned());
        known.insert(format!("{kind}ARCH"), machine.to_owned());
    }
    for (name, value) in &file.arguments {
        if let Some(value) = value {
            known.insert(name.clone(), expand(value, file.escape, &known)?);
        }
    }
    Ok(known)
}

/// The stages that the last one is made of.
fn needed(file: &Dockerfile) -> Result<BTreeSet<usize>, String> {
    let globals = globals(file)?;
    let mut needed = BTreeSet::new();
    let mut open = vec![file.stages.len().saturating_sub(1)];
    while let Some(at) = open.pop() {
        if !needed.insert(at) {
            continue;
        }
        let stage = &file.stages[at];
        open.extend(earlier(file, &expand(&stage.from, file.escape, &globals)?, at));
        let copied = stage.instructions.iter().filter_map(|instruction| match &instruction.what {
            What::Copy(copy) => copy.from.as_deref(),
            _ => None,
        });
        open.extend(copied.filter_map(|from| earlier(file, from, at)));
    }
    Ok(needed)
}

/// What `ADD` would unpack.
fn is_archive(node: &context::Node) -> bool {
    let NodeKind::File(bytes) = &node.kind else { return false };
    ARCHIVES.iter().any(|magic| bytes.starts_with(magic)) || bytes.get(257..262) == Some(&b"ustar"[..])
}

fn owned(paths: &[&str]) -> Vec<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stages_that_the_last_one_needs_are_built() {
        let text = "FROM a AS one\nFROM one AS two\nFROM b AS unused\nFROM c\nCOPY --from=two /x /x\n";
        assert_eq!(needed(&dockerfile::parse(text).unwrap()).unwrap(), [0, 1, 3].into());
        let text = "ARG LAST=two\nFROM a\nFROM b AS two\nFROM ${LAST}\nCOPY --from=0 /x /x\n";
        assert_eq!(needed(&dockerfile::parse(text).unwrap()).unwrap(), [0, 1, 2].into());
        let text = "ARG BASE=a\nFROM a AS unused\nFROM $BASE\n";
        assert_eq!(needed(&dockerfile::parse(text).unwrap()).unwrap(), [1].into());
        let file = dockerfile::parse("FROM a AS x\nFROM b\nFROM c\n").unwrap();
        assert_eq!(
            (earlier(&file, "X", 2), earlier(&file, "1", 2), earlier(&file, "2", 2)),
            (Some(0), Some(1), None)
        );
    }
}
