//! Docker actions: a container beside the sandbox, started as a runner starts it, with what a sandbox has and no more.
//!
//! Of the runner's folders it sees workspace, home, workflow and file commands, out of volumes and by copy. Its network is the
//! sandbox's own, guard and all, and is gone with it. No socket, no folder of the host's, no privilege comes along, whatever
//! its image wants.

use std::collections::BTreeMap;

use bollard::container::LogOutput;
use futures_util::stream::BoxStream;

use super::Options;
use super::action_build::{Builder, Built, NoImage};
use super::archive::{self, Entry, Kind};
use super::ca;
use super::cleanup;
use super::engine::Engine;
use super::environment;
use super::error::ExecutorError;
use super::identity::Identity;
use super::image;
use super::options::CreateOptions;
use super::sandbox::{ContainerSpec, OwnEnd, OwnProcess, Privileges, Sandbox};
use super::set_up::NO_EVENT;
use super::steps::FILES;
use crate::contract::action::{ARGUMENT, ARGUMENTS, ActionStep, ENTRYPOINT};
use crate::contract::build::{BuildPlan, JobFolders};
use crate::contract::event::EventSink;

/// Where the runner mounts things.
const WORKSPACE: &str = "/github/workspace";
const HOME: &str = "/github/home";
const COMMANDS: &str = "/github/file_commands";
/// Nobody else's, and empty.
const TEMP: &str = "/github/runner_temp";
const EVENT: &str = "/github/workflow/event.json";

/// What containers of one execution have in common.
pub(super) struct ActionContainers {
    pub(super) engine: Engine,
    pub(super) identity: Identity,
    pub(super) options: Options,
    /// The execution's container, after which they are named.
    pub(super) execution: String,
    pub(super) workspace_volume: String,
    /// The sandbox itself.
    pub(super) sandbox: String,
    /// The sandbox's, as another container joins it.
    pub(super) network: String,
    /// What the run has built so far.
    pub(super) built: Built,
    /// The sandbox's environment.
    pub(super) env: BTreeMap<String, String>,
    pub(super) strict_user: Option<&'static str>,
    /// Of the job's own folders.
    pub(super) folders: JobFolders,
}

/// One that runs.
pub(super) struct ActionContainer {
    sandbox: Sandbox,
}

/// The volume with the home that actions of an execution share.
pub(super) fn home_volume(execution: &str) -> String {
    format!("{execution}-action-home")
}

fn name_of(execution: &str, index: usize) -> String {
    format!("{execution}-action-{index}")
}

/// Names of the containers that an execution of the plan may leave.
pub(super) fn names(execution: &str, plan: &BuildPlan) -> Vec<String> {
    let is_one =
        |step: &crate::contract::build::PlanStep| step.action.as_ref().is_some_and(ActionStep::is_container);
    let steps = plan.steps.iter().enumerate().filter(|(_, step)| is_one(step));
    steps.map(|(index, _)| name_of(execution, index)).collect()
}

impl ActionContainers {
    /// The image that the action's container is made of: fetched, or built.
    pub(super) async fn image(
        &self,
        index: usize,
        action: &ActionStep,
        sink: &dyn EventSink,
    ) -> Result<String, NoImage> {
        let Some(dockerfile) = action.dockerfile() else {
            let reference = action.image().unwrap_or(&action.program);
            let found = image::obtain(&self.engine, reference, sink).await?;
            return Ok(found.id.unwrap_or_else(|| reference.to_owned()));
        };
        let builder = Builder {
            engine: &self.engine,
            identity: &self.identity,
            options: &self.options,
            name: format!("{}-build-{index}", self.execution),
            sandbox: &self.sandbox,
            network: &self.network,
            strict_user: self.strict_user,
        };
        builder.build(dockerfile, &self.built, sink).await
    }

    /// Starts the step's container; its output.
    pub(super) async fn start(
        &self,
        (index, image): (usize, &str),
        env: BTreeMap<String, String>,
    ) -> Result<(ActionContainer, BoxStream<'static, Result<LogOutput, ExecutorError>>), ExecutorError> {
        let (env, process) = self.given(env);
        let name = name_of(&self.execution, index);
        // One of an earlier run of this step is over, and may not be gone.
        cleanup::remove_container(&self.engine, &name).await?;
        let spec = ContainerSpec {
            image,
            name,
            role: "action",
            env: &env,
            mounts: vec![
                (self.workspace_volume.clone(), WORKSPACE.to_owned()),
                (home_volume(&self.execution), HOME.to_owned()),
            ],
            read_only: Vec::new(),
            network: &self.network,
            create: &CreateOptions::default(),
            strict_user: self.strict_user,
            privileges: Privileges::Usual,
        };
        let mut sandbox =
            Sandbox::create_own(&self.engine, &self.identity, &self.options, spec, process).await?;
        let mut entries = folders(self.options.event.as_deref());
        if let Some(bundle) = &self.options.ca_bundle {
            entries.extend(ca::entries(&sandbox, bundle).await?);
        }
        entries.extend_from_slice(&archive::END);
        sandbox.put(entries).await?;
        let output = sandbox.start_own().await?;
        Ok((ActionContainer { sandbox }, output))
    }

    /// The environment that the runner gives, and what stands in it for the command line.
    fn given(&self, mut env: BTreeMap<String, String>) -> (BTreeMap<String, String>, OwnProcess) {
        let entrypoint = env.remove(ENTRYPOINT).filter(|text| !text.is_empty());
        let text = env.remove(ARGUMENTS).unwrap_or_default();
        let numbered: Vec<String> = env.keys().filter(|name| name.starts_with(ARGUMENT)).cloned().collect();
        let mut args: Vec<String> = numbered.iter().filter_map(|name| env.remove(name)).collect();
        args.extend(split(&text));
        // The image's own, and what others made of the sandbox's is nothing to it.
        env.remove("PATH");
        let mut all = self.env.clone();
        all.retain(|name, _| !environment::is_of_the_machine(name) && name != "PATH");
        all.extend(env);
        let mut set = |name: &str, value: &str| {
            all.insert(name.to_owned(), value.to_owned());
        };
        set("HOME", HOME);
        set("GITHUB_EVENT_PATH", EVENT);
        for (name, file) in ["ENV", "PATH", "OUTPUT", "STATE", "STEP_SUMMARY"].into_iter().zip(FILES) {
            set(&format!("GITHUB_{name}"), &format!("{COMMANDS}/{file}"));
        }
        for value in all.values_mut() {
            for (there, here) in [(&self.folders.workspace, WORKSPACE), (&self.folders.temp, TEMP)] {
                if let Some(rest) = value.strip_prefix(there.as_str())
                    && (rest.is_empty() || rest.starts_with('/'))
                {
                    *value = format!("{here}{rest}");
                }
            }
        }
        (all, OwnProcess { entrypoint, args, working_directory: WORKSPACE })
    }
}

/// The runner's folders and the empty command files. Whoever the image's user is, may write there.
fn folders(event: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    for path in
        ["github/", "github/home/", "github/workflow/", "github/file_commands/", "github/runner_temp/"]
    {
        let mode = if path == "github/" { 0o755 } else { 0o777 };
        archive::push(&mut out, &Entry { path, kind: Kind::Directory, mode, owner: (0, 0), mtime: 0 }, b"");
    }
    let mut file = |path: &str, content: &[u8]| {
        let kind = Kind::File(content.len() as u64);
        archive::push(&mut out, &Entry { path, kind, mode: 0o666, owner: (0, 0), mtime: 0 }, content);
    };
    for name in FILES {
        file(&format!("github/file_commands/{name}"), b"");
    }
    file(EVENT.trim_start_matches('/'), event.unwrap_or(NO_EVENT).as_bytes());
    out
}

impl ActionContainer {
    /// How it ended; `None` while it runs.
    pub(super) async fn ended(&self) -> Result<Option<OwnEnd>, ExecutorError> {
        self.sandbox.own_end().await
    }

    /// The end of one whose output has ended.
    pub(super) async fn end(&self) -> Result<OwnEnd, ExecutorError> {
        self.sandbox.await_own_end().await
    }

    /// The archive of its command files.
    pub(super) async fn files(&self, limit: usize) -> Result<Option<Vec<u8>>, ExecutorError> {
        self.sandbox.get(COMMANDS, limit).await
    }

    pub(super) async fn kill(&self) {
        self.sandbox.kill().await;
    }

    pub(super) async fn remove(self) -> Result<(), ExecutorError> {
        self.sandbox.remove().await
    }
}

/// Words as the runner's own command line has them: blanks part them, double quotes hold them together, and a backslash
/// before a quote makes it part of the word. Single quotes are letters like any other.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'"') => {
                chars.next();
                word.get_or_insert_default().push('"');
            }
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_split_as_the_runner_s_command_line_is() {
        assert_eq!(
            split("  -c \"a b\" 'x y' \"\" \\\"q\\\" C:\\n\n--last"),
            ["-c", "a b", "'x", "y'", "", "\"q\"", "C:\\n", "--last"]
        );
        assert!(split(" \n").is_empty());
    }
}
