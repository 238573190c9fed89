//! Runs a plan's steps one by one in a started sandbox, with GitHub's semantics between them.
//!
//! Each step is one exec: its shell, its environment, its own files for `GITHUB_ENV`, `GITHUB_PATH`, `GITHUB_OUTPUT`,
//! `GITHUB_STATE` and `GITHUB_STEP_SUMMARY`. What a step prints is passed on line by line; what it means is for others.

mod repeat;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bollard::container::LogOutput;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, SelectAll};
use secrecy::{ExposeSecret, SecretString};

use self::repeat::Ran;
use super::action_build::NoImage;
use super::action_container::{ActionContainer, ActionContainers};
use super::actions::NODE_PROGRAM;
use super::archive::{self, Entry, Found, Kind};
use super::commands::Commands;
use super::end_marker::EndMarker;
use super::environment::HOME;
use super::error::ExecutorError;
use super::files;
use super::lines::UnendedLines;
use super::log::{LogBuffer, LogLimits};
use super::probe::{self, ProbeContext};
use super::run::Request;
use super::sandbox::{ContainerState, Sandbox};
use super::shell::Shell;
use super::trace::{self, TracePlace};
use crate::contract::action::{ACTIONS_FOLDER, ActionStep};
use crate::contract::build::{
    BuildPlan, Exit, JobState, PlanStep, PreparedStep, ProbeResult, RepeatedStep, SANDBOX_TOKEN,
    StepEvaluator, StepOutcome, StepResult, StepState, Wait,
};
use crate::contract::event::{Event, EventSink, Purpose, Stream};
use crate::contract::executed::{FailedStep, TraceOutput};
use crate::scope::Scope;

/// A step whose process has ended may leave others holding its output; as on a runner they get five seconds.
const LEAK_TIMEOUT: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(250);
/// How often a quiet step is asked whether its process has ended.
const POLL: Duration = Duration::from_secs(1);
/// What a step may say to later steps, over all its files: outputs are limited to 1 MiB per job on GitHub.
const FILES_LIMIT: usize = 8 << 20;

/// How much is shown of a line that does not go on.
const QUIET_SHOWN: usize = 200;

pub(super) const FILES: [&str; 5] = ["env", "path", "output", "state", "summary"];

/// Around a step's shell: its end marker, the folder, the command line. A missing folder is the step's failure, as on a
/// runner; the engine would call it its own. That a signal ended the step is said by the exit code alone, as there.
///
/// The end marker, on stderr and for us alone, tells output that ended from output that was cut off: an engine that lost
/// a step has an exit code for it all the same.
const STEP_WRAPPER: &str = r#"cd "$2" || { printf %s "$1" >&2; exit 1; }; marker=$1; shift 2; exec 9>&2 2>/dev/null; "$@" 2>&9 9>&-; code=$?; printf %s "$marker" >&9; exit "$code""#;

/// Whether such an exit code may tell of a signal that left nobody to print the end marker. A broken pipe's is what
/// writing to nobody ends with.
fn is_signal(code: i64) -> bool {
    const SIGPIPE: i64 = 128 + 13;
    code >= 128 && code != SIGPIPE
}

/// Ends the whole job at once.
#[derive(Debug, PartialEq)]
pub(super) enum Abort {
    Cancelled,
    TimedOut,
    Infrastructure(String),
}

impl From<ExecutorError> for Abort {
    fn from(error: ExecutorError) -> Self {
        if error.is_stopped() { Self::Cancelled } else { Self::Infrastructure(error.to_string()) }
    }
}

/// What the steps need to know about where they run.
pub(super) struct StepContext<'a> {
    pub(super) sandbox: &'a Sandbox,
    /// For exec.
    pub(super) user: &'a str,
    /// uid and gid, for files.
    pub(super) owner: (u32, u32),
    /// The container's PATH.
    pub(super) path: &'a str,
    pub(super) memory_bytes: u64,
    /// What the user passes on to steps.
    pub(super) passed_on: BTreeMap<String, String>,
    /// Known from an earlier execution; `false`: not known.
    pub(super) has_bash: bool,
    /// Of the plan's Docker actions, where it has any.
    pub(super) containers: Option<ActionContainers>,
    /// The job's own, where steps may have it.
    pub(super) token: Option<SecretString>,
}

/// What one execution was asked for.
#[derive(Clone, Copy)]
pub(super) struct ExecutionArgs<'a> {
    pub(super) plan: &'a BuildPlan,
    pub(super) evaluator: &'a dyn StepEvaluator,
    pub(super) request: &'a Request<'a>,
    pub(super) sink: &'a dyn EventSink,
    pub(super) scope: &'a Scope,
}

/// What an execution leaves, however it ends.
pub(super) struct ExecutionTrace {
    pub(super) log: LogBuffer,
    pub(super) records: StepRecords,
    pub(super) image_id: String,
    pub(super) notes: Vec<String>,
    pub(super) probes: Vec<ProbeResult>,
    pub(super) traced: Option<TraceOutput>,
    pub(super) repeats: Vec<RepeatedStep>,
}

impl ExecutionTrace {
    pub(super) fn new(limits: LogLimits) -> Self {
        Self {
            log: LogBuffer::new(limits),
            records: StepRecords::default(),
            image_id: String::new(),
            notes: Vec::new(),
            probes: Vec::new(),
            traced: None,
            repeats: Vec::new(),
        }
    }
}

/// One run of a plan's steps.
pub(super) struct Job<'a> {
    context: StepContext<'a>,
    args: ExecutionArgs<'a>,
    /// When the plan's own time is over.
    deadline: tokio::time::Instant,
    log: &'a mut LogBuffer,
    pub(super) records: &'a mut StepRecords,
    answers: &'a mut Vec<ProbeResult>,
    traced: &'a mut Option<TraceOutput>,
    pub(super) repeats: &'a mut Vec<RepeatedStep>,
    /// Of the steps that a probe asks about; of all of them where the one that fails is to be traced.
    probed: Vec<ProbeContext>,
    running: Vec<Running>,
    /// The stream of a step in the middle of whose line the log is.
    in_line_of: Option<(usize, Stream)>,
    streams: SelectAll<BoxStream<'static, (usize, OutputItem)>>,
}

/// What the steps so far have come to; what a snapshot keeps.
#[derive(Debug, Clone, Default)]
pub(super) struct StepRecords {
    pub(super) state: JobState,
    pub(super) results: Vec<StepResult>,
    /// Where each step's output begins and ends in the log.
    pub(super) spans: Vec<Option<(u64, u64)>>,
    /// `GITHUB_PATH` additions, in order.
    pub(super) paths: Vec<String>,
    /// What the programs of one use of an action save for those that come later.
    pub(super) action_state: BTreeMap<usize, BTreeMap<String, String>>,
    /// The first step that failed the job, and how.
    pub(super) failure: Option<(usize, Exit)>,
    pub(super) notes: Vec<String>,
}

enum OutputItem {
    Output(Result<LogOutput, ExecutorError>),
    End,
}

/// What a step's process is to the engine.
enum Process {
    Exec(String),
    Container(Box<ActionContainer>),
}

/// How it ended.
struct Ended {
    code: i64,
    /// The kernel has ended the container for its memory.
    oom_killed: bool,
}

struct Running {
    index: usize,
    process: Process,
    started: Instant,
    limit: Option<Duration>,
    /// The step's time was over and its processes have been killed.
    timed_out: bool,
    asked: Instant,
    exited: Option<Instant>,
    marker: EndMarker,
    unended: UnendedLines,
    commands: Commands,
    /// Why its output could not be read to the end.
    broken: Option<String>,
    log_start: u64,
    /// When it was started, on the engine's clock.
    since: i128,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        context: StepContext<'a>,
        args: ExecutionArgs<'a>,
        deadline: tokio::time::Instant,
        trace: &'a mut ExecutionTrace,
    ) -> Self {
        Self {
            context,
            args,
            deadline,
            log: &mut trace.log,
            records: &mut trace.records,
            answers: &mut trace.probes,
            traced: &mut trace.traced,
            repeats: &mut trace.repeats,
            probed: Vec::new(),
            running: Vec::new(),
            in_line_of: None,
            streams: SelectAll::new(),
        }
    }

    pub(super) fn has_bash(&self) -> bool {
        self.context.has_bash
    }

    /// Whether no step runs.
    pub(super) fn is_alone(&self) -> bool {
        self.running.is_empty()
    }

    /// What took so long was none of the plan's.
    pub(super) fn postpone_deadline(&mut self, time: Duration) {
        self.deadline += time;
    }

    /// Runs the steps `from..to`. What happened is in [`Job::records`], also after a stop.
    pub(super) async fn run(&mut self, from: usize, to: usize) -> Result<(), Abort> {
        let plan = self.args.plan;
        for (index, step) in plan.steps.iter().enumerate().take(to).skip(from) {
            if self.args.scope.stopped().is_some() {
                return Err(Abort::Cancelled);
            }
            self.reach(step);
            if step.begins_job {
                self.records.state.env.clear();
                self.records.paths.clear();
            }
            if let Some(wait) = &step.wait {
                self.wait(index, wait).await?;
                continue;
            }
            match self.args.evaluator.prepare(step, &self.records.state) {
                PreparedStep::Skip { why } => self.skip(index, why),
                PreparedStep::Unresolved { what } => {
                    self.records.results[index].note = Some(what.clone());
                    return Err(Abort::Infrastructure(format!(
                        "step {:?} cannot be reproduced: {what}",
                        step.name
                    )));
                }
                PreparedStep::Run { script, env, working_directory } => {
                    let before = self.records.clone();
                    let begun =
                        Box::pin(self.begin(index, step, &script, env.clone(), &working_directory)).await?;
                    if begun && !step.background {
                        self.until_done(|running, _| running == index).await?;
                        let (script, env, working_directory) = (&script, &env, &working_directory);
                        self.repeat(index, step, Ran { script, env, working_directory, before }).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The job ends when its background steps have.
    pub(super) async fn finish(&mut self) -> Result<(), Abort> {
        self.until_done(|_, _| true).await
    }

    /// Nobody waits any longer for what the steps that still run have begun to print.
    pub(super) fn break_off(&mut self) {
        for mut running in std::mem::take(&mut self.running) {
            self.print_rest(&mut running);
            self.records.spans[running.index] = Some((running.log_start, self.log.position()));
        }
    }

    /// Asks the probes of the steps that ran. The verdict is settled: what they do and say changes nothing of it.
    pub(super) async fn probe(&mut self) -> Result<(), Abort> {
        // A red attempt is judged by its failures.
        if self.args.request.purpose == Purpose::Attempt && self.records.failure.is_some() {
            return Ok(());
        }
        for context in &self.probed {
            let ran = &self.records.results[context.step];
            let asked = self.args.request.probes.iter().find(|probe| probe.step == context.step);
            let Some(probe) = asked.filter(|_| ran.exit_code.is_some()) else { continue };
            let run = probe::run(self.context.sandbox, self.context.user, context, probe, ran.duration);
            tokio::select! {
                biased;
                _ = self.args.scope.ended() => return Ok(()),
                () = tokio::time::sleep_until(self.deadline) => return Ok(()),
                answer = run => self.answers.extend(answer),
            }
        }
        Ok(())
    }

    /// Traces the step that failed the job, where the request's tracer finds something to trace. As with probes, the verdict
    /// is settled, and no trace is as good as none.
    pub(super) async fn trace(&mut self) {
        let Some(tracer) = self.args.request.tracer else { return };
        let Some((index, Exit::Exited { .. } | Exit::TimedOut { .. })) = self.records.failure else { return };
        let Some(context) = self.probed.iter().find(|context| context.step == index) else { return };
        let log = self.log.since(self.records.spans[index].map_or(0, |(start, _)| start));
        let (script, working_directory) = (context.script.as_str(), context.directory.as_str());
        let Some(asked) = tracer.trace(&FailedStep { index, script, working_directory, log: &log }) else {
            return;
        };
        let place = TracePlace {
            sandbox: self.context.sandbox,
            user: self.context.user,
            owner: self.context.owner,
            root: &self.args.plan.workspace,
        };
        let took = self.records.results[index].duration;
        tokio::select! {
            biased;
            _ = self.args.scope.ended() => {}
            () = tokio::time::sleep_until(self.deadline) => {}
            output = trace::run(&place, context, &asked, took) => *self.traced = output,
        }
    }

    fn reach(&mut self, step: &PlanStep) {
        self.records.results.push(StepResult {
            name: step.name.clone(),
            outcome: StepOutcome::Skipped,
            conclusion: StepOutcome::Skipped,
            exit_code: None,
            duration: Duration::ZERO,
            log: None,
            note: None,
        });
        self.records.spans.push(None);
        self.records.state.steps.push(StepState { id: step.id.clone(), ..StepState::default() });
    }

    fn skip(&mut self, index: usize, why: String) {
        self.records.results[index].note = Some(why);
    }

    async fn wait(&mut self, index: usize, wait: &Wait) -> Result<(), Abort> {
        match wait {
            Wait::All => self.until_done(|_, _| true).await?,
            Wait::For(ids) => {
                self.until_done(|_, id| id.is_some_and(|id| ids.iter().any(|i| i == id))).await?;
            }
            Wait::Cancel(id) => self.end_background(id).await?,
        }
        self.records.results[index].outcome = StepOutcome::Success;
        self.records.results[index].conclusion = StepOutcome::Success;
        self.records.state.steps[index].outcome = StepOutcome::Success;
        self.records.state.steps[index].conclusion = StepOutcome::Success;
        Ok(())
    }

    /// Ends a background step; that is no failure.
    async fn end_background(&mut self, id: &str) -> Result<(), Abort> {
        let plan = self.args.plan;
        let found = self.running.iter().position(|r| plan.steps[r.index].id.as_deref() == Some(id));
        let Some(at) = found else { return Ok(()) };
        self.kill(self.running[at].index).await;
        let mut running = self.running.swap_remove(at);
        self.print_rest(&mut running);
        let index = running.index;
        self.records.spans[index] = Some((running.log_start, self.log.position()));
        self.records.results[index].duration = running.started.elapsed();
        self.conclude(index, StepOutcome::Cancelled, StepOutcome::Cancelled, None);
        Ok(())
    }

    /// Starts a step; `false` where it could not be started and has failed already.
    async fn begin(
        &mut self,
        index: usize,
        step: &PlanStep,
        script: &str,
        env: BTreeMap<String, String>,
        working_directory: &str,
    ) -> Result<bool, Abort> {
        if let Some((_, stream)) = self.in_line_of.take() {
            self.write(stream, b"\n");
        }
        let sandbox = self.context.sandbox;
        self.args.sink.emit(Event::StepStarted { index, name: step.name.clone(), script: script.to_owned() });
        if let Some(action) = step.action.as_ref().filter(|action| action.is_container()) {
            let mut full = self.environment(index, env);
            let saved = self.records.action_state.get(&action.instance).into_iter().flatten();
            full.extend(saved.map(|(name, value)| (format!("STATE_{name}"), value.clone())));
            return Box::pin(self.begin_container((index, step), action, full)).await;
        }
        let default_shell = step.shell.as_deref().is_none_or(|s| s.trim().is_empty());
        if default_shell && !self.context.has_bash {
            self.context.has_bash =
                sandbox.has("/bin/bash").await || sandbox.has("/usr/local/bin/bash").await;
        }
        let shell = match Shell::resolve(step.shell.as_deref(), !default_shell || self.context.has_bash) {
            Ok(shell) => shell,
            Err(problem) => {
                self.print((index, Stream::Stderr), format!("Error: {problem}\n").as_bytes());
                self.fail(index, step, 1, Some(problem), Instant::now());
                return Ok(false);
            }
        };
        let folder = format!("{HOME}/step/{index}");
        let path = format!("{folder}/script{}", shell.extension);
        let mut text = shell.script(script);
        self.put_token(&mut text);
        self.context.sandbox.put(self.step_files(index, &path, &text)).await?;

        let mut full = self.environment(index, env);
        let directory = if working_directory.starts_with('/') {
            working_directory.to_owned()
        } else {
            format!("{}/{}", self.args.plan.workspace, working_directory.trim_start_matches("./"))
        };
        let request = self.args.request;
        let is_script = step.action.is_none();
        if is_script && (request.tracer.is_some() || request.probes.iter().any(|probe| probe.step == index)) {
            let mut env = full.clone();
            // What it writes there would be lost; what reports are newer than tells which are the step's own.
            for name in ["ENV", "PATH", "OUTPUT", "STATE", "STEP_SUMMARY"] {
                env.insert(format!("GITHUB_{name}"), "/dev/null".to_owned());
            }
            env.insert("CI_HEALER_STEP".to_owned(), path.clone());
            let (directory, has_bash) = (directory.clone(), self.context.has_bash);
            let script = script.to_owned();
            self.probed.push(ProbeContext { step: index, script, env, directory, has_bash });
        }
        let marker = EndMarker::of(index);
        let mut argv: Vec<String> = ["sh", "-c", STEP_WRAPPER, "sh", marker.text(), &directory]
            .into_iter()
            .map(str::to_owned)
            .collect();
        match &step.action {
            Some(action) => {
                let saved = self.records.action_state.get(&action.instance).into_iter().flatten();
                full.extend(saved.map(|(name, value)| (format!("STATE_{name}"), value.clone())));
                argv.extend(program_argv(&action.program, &mut full));
            }
            None => argv.extend(shell.argv(&path)),
        }
        let (started, since) = (Instant::now(), sandbox.now_nanos());
        let exec = sandbox.exec(self.context.user, argv, &full, "/").await;
        let exec = match exec {
            Ok(exec) => exec,
            Err(error) => return Err(self.gone_or(error).await),
        };
        self.follow((index, step), Process::Exec(exec.id), exec.output, (started, since));
        Ok(true)
    }

    /// Takes what the process prints into the run's own order.
    fn follow(
        &mut self,
        (index, step): (usize, &PlanStep),
        process: Process,
        output: BoxStream<'static, Result<LogOutput, ExecutorError>>,
        (started, since): (Instant, i128),
    ) {
        let pieces = output.map(move |item| (index, OutputItem::Output(item)));
        let end = futures_util::stream::once(async move { (index, OutputItem::End) });
        self.streams.push(pieces.chain(end).boxed());
        self.running.push(Running {
            index,
            process,
            started,
            limit: step.timeout_minutes.and_then(|m| Duration::try_from_secs_f64(m * 60.0).ok()),
            timed_out: false,
            asked: started,
            exited: None,
            marker: EndMarker::of(index),
            unended: UnendedLines::default(),
            commands: Commands::default(),
            broken: None,
            log_start: self.log.position(),
            since,
        });
    }

    /// Starts a container of the step's own; `false` where that could not be had and the step has failed already.
    async fn begin_container(
        &mut self,
        (index, step): (usize, &PlanStep),
        action: &ActionStep,
        env: BTreeMap<String, String>,
    ) -> Result<bool, Abort> {
        let Some(containers) = &self.context.containers else {
            let program = &action.program;
            return Err(Abort::Infrastructure(format!(
                "{program}: nothing is ready for containers of actions"
            )));
        };
        let asked = Instant::now();
        let begun = match containers.image(index, action, self.args.sink).await {
            Ok(image) => containers.start((index, &image), env).await,
            Err(NoImage::Infrastructure(error @ ExecutorError::Image { .. })) => {
                let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let why = format!("its image could not be had: {error}{hint}");
                self.fail_without_image((index, step), why, &[], asked);
                return Ok(false);
            }
            Err(NoImage::Infrastructure(error)) => Err(error),
            Err(NoImage::Failed { why, output }) => {
                let why = format!("its image could not be built: {why}");
                self.fail_without_image((index, step), why, &output, asked);
                return Ok(false);
            }
        };
        // Having the image is no time of the step's.
        self.deadline += asked.elapsed();
        match begun {
            Ok((container, output)) => {
                let since = self.context.sandbox.now_nanos();
                self.follow(
                    (index, step),
                    Process::Container(Box::new(container)),
                    output,
                    (Instant::now(), since),
                );
                Ok(true)
            }
            Err(error) if error.is_stopped() => Err(error.into()),
            // In CI it did its work, and the run goes on without it.
            Err(error) if step.passed_in_ci => {
                self.print((index, Stream::Stderr), format!("Error: {error}\n").as_bytes());
                self.fail(index, step, 1, Some(error.to_string()), asked);
                Ok(false)
            }
            Err(error) => {
                let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
                let name = &step.name;
                Err(Abort::Infrastructure(format!(
                    "the container of `{name}` could not be had: {error}{hint}"
                )))
            }
        }
    }

    /// The step's failure, and the end of what its build printed.
    fn fail_without_image(
        &mut self,
        (index, step): (usize, &PlanStep),
        why: String,
        output: &[u8],
        asked: Instant,
    ) {
        let start = self.log.position();
        self.print((index, Stream::Stdout), output);
        self.print((index, Stream::Stderr), format!("Error: {why}\n").as_bytes());
        self.records.spans[index] = Some((start, self.log.position()));
        self.deadline += asked.elapsed();
        self.fail(index, step, 1, Some(why), asked);
    }

    /// Builds the images of other repositories' actions from step `from` on, as runners do before a job's first step. What
    /// comes of it is told when its step's turn comes.
    pub(super) async fn build_ahead(&mut self, from: usize) -> Result<(), Abort> {
        let Some(containers) = &self.context.containers else { return Ok(()) };
        let asked = Instant::now();
        for (index, step) in self.args.plan.steps.iter().enumerate().skip(from) {
            let is_brought = |path: &str| path.starts_with(&format!("{ACTIONS_FOLDER}/"));
            let Some(action) = step.action.as_ref().filter(|a| a.dockerfile().is_some_and(is_brought)) else {
                continue;
            };
            match containers.image(index, action, self.args.sink).await {
                Err(NoImage::Infrastructure(error)) if error.is_stopped() => return Err(error.into()),
                _ => {}
            }
        }
        self.deadline += asked.elapsed();
        Ok(())
    }

    /// All that the step's process sees.
    fn environment(&self, index: usize, env: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut full = self.context.passed_on.clone();
        full.extend(self.records.state.env.clone());
        full.extend(env);
        let base = full.get("PATH").cloned().unwrap_or_else(|| self.context.path.to_owned());
        full.insert("PATH".to_owned(), files::join_path(&self.records.paths, &base));
        for (name, file) in ["ENV", "PATH", "OUTPUT", "STATE", "STEP_SUMMARY"].into_iter().zip(FILES) {
            full.insert(format!("GITHUB_{name}"), format!("{HOME}/step/{index}/{file}"));
        }
        full.insert("RUNNER_TRACKING_ID".to_owned(), tracking_id(index));
        for value in full.values_mut() {
            self.put_token(value);
        }
        full
    }

    /// Puts the token where something stands for it, if steps may have it.
    fn put_token(&self, text: &mut String) {
        if text.contains(SANDBOX_TOKEN) {
            let token = self.context.token.as_ref().map_or("", |token| token.expose_secret());
            *text = text.replace(SANDBOX_TOKEN, token);
        }
    }

    /// The step's script and its empty command files.
    fn step_files(&self, index: usize, script_path: &str, script: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let folder = format!("ci-healer/step/{index}/");
        let entry = |path, kind, mode, owner| Entry { path, kind, mode, owner, mtime: 0 };
        archive::push(&mut out, &entry(&folder, Kind::Directory, 0o755, self.context.owner), b"");
        let script_path = script_path.trim_start_matches('/');
        let size = script.len() as u64;
        archive::push(
            &mut out,
            &entry(script_path, Kind::File(size), 0o755, self.context.owner),
            script.as_bytes(),
        );
        for name in FILES {
            let path = format!("{folder}{name}");
            let file =
                Entry { path: &path, kind: Kind::File(0), mode: 0o666, owner: self.context.owner, mtime: 0 };
            archive::push(&mut out, &file, b"");
        }
        out.extend_from_slice(&archive::END);
        out
    }

    /// Waits until no running step is `wanted` any more, passing on what all of them print.
    async fn until_done(&mut self, wanted: impl Fn(usize, Option<&str>) -> bool) -> Result<(), Abort> {
        let plan = self.args.plan;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.running.iter().any(|r| wanted(r.index, plan.steps[r.index].id.as_deref())) {
            tokio::select! {
                biased;
                _ = self.args.scope.ended() => return Err(Abort::Cancelled),
                () = tokio::time::sleep_until(self.deadline) => return Err(Abort::TimedOut),
                _ = tick.tick() => self.watch().await?,
                piece = self.streams.next(), if !self.streams.is_empty() => match piece {
                    Some((index, piece)) => self.take(index, piece).await?,
                    None => self.streams = SelectAll::new(),
                },
            }
        }
        Ok(())
    }

    async fn take(&mut self, index: usize, piece: OutputItem) -> Result<(), Abort> {
        let Some(at) = self.running.iter().position(|r| r.index == index) else {
            // Somebody the step left behind still prints; the step is over.
            return Ok(());
        };
        match piece {
            OutputItem::Output(Ok(LogOutput::StdErr { message })) => {
                let bytes = self.running[at].marker.take_out(&message);
                self.take_output(at, Stream::Stderr, &bytes);
                Ok(())
            }
            OutputItem::Output(Ok(output)) => {
                self.take_output(at, Stream::Stdout, &output.into_bytes());
                Ok(())
            }
            OutputItem::Output(Err(error)) if error.is_stopped() => Err(error.into()),
            // The stream broke; its end follows, and perhaps the container's state tells why.
            OutputItem::Output(Err(error)) => {
                self.running[at].broken = Some(error.cause());
                Ok(())
            }
            OutputItem::End => {
                let running = self.running.swap_remove(at);
                self.end(running).await
            }
        }
    }

    fn take_output(&mut self, at: usize, stream: Stream, bytes: &[u8]) {
        let running = &mut self.running[at];
        let lines = running.unended.take(stream, bytes, Instant::now());
        running.commands.read(&lines);
        let index = running.index;
        self.print((index, stream), &lines);
    }

    /// Nothing more will come of it.
    fn print_rest(&mut self, running: &mut Running) {
        let held = running.marker.take_held();
        let lines = running.unended.take(Stream::Stderr, &held, Instant::now());
        running.commands.read(&lines);
        self.print((running.index, Stream::Stderr), &lines);
        for (stream, rest) in running.unended.rest() {
            running.commands.read(&rest);
            running.commands.end_line();
            self.print((running.index, stream), &rest);
        }
    }

    /// What a step prints through one of its streams. The lines of others are not gone on with.
    fn print(&mut self, from: (usize, Stream), bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some((_, stream)) = self.in_line_of.filter(|of| *of != from) {
            self.write(stream, b"\n");
        }
        self.write(from.1, bytes);
        self.in_line_of = (!bytes.ends_with(b"\n")).then_some(from);
    }

    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        self.log.push(bytes);
        self.args.sink.emit(Event::Output { stream, bytes: bytes.to_vec() });
    }

    /// A step that waits in the middle of a line may wait for an answer that nobody gives.
    fn tell_quiet(&mut self) {
        let now = Instant::now();
        for running in &mut self.running {
            let Some(line) = running.unended.quiet(now) else { continue };
            let shown = String::from_utf8_lossy(&line[line.len().saturating_sub(QUIET_SHOWN)..]).into_owned();
            // A progress bar redraws its line.
            let shown = shown.trim().rsplit('\r').next().unwrap_or_default().to_owned();
            let name = &self.args.plan.steps[running.index].name;
            self.args.sink.emit(Event::Progress {
                what: format!("step {name:?} is quiet in the middle of a line: {shown}"),
            });
        }
    }

    /// Time limits, and processes that have ended while others hold their output.
    async fn watch(&mut self) -> Result<(), Abort> {
        self.tell_quiet();
        let now = Instant::now();
        for at in (0..self.running.len()).rev() {
            let running = &self.running[at];
            let (index, started) = (running.index, running.started);
            if let Some(limit) = running.limit.filter(|l| !running.timed_out && now - started > *l) {
                log::debug!("step {index} ran longer than {limit:?}");
                self.running[at].timed_out = true;
                self.kill(index).await;
                continue;
            }
            // Killed and still there: only the container's end helps.
            if running.timed_out && running.limit.is_some_and(|l| now - started > l + LEAK_TIMEOUT * 2) {
                return Err(Abort::TimedOut);
            }
            match running.exited {
                Some(exited) if now - exited > LEAK_TIMEOUT => {
                    let running = self.running.swap_remove(at);
                    self.end(running).await?;
                }
                Some(_) => {}
                None if now - running.asked > POLL => {
                    let has_ended = match &running.process {
                        Process::Exec(exec) => {
                            self.context.sandbox.poll_exit(exec).await.map(|code| code.is_some())
                        }
                        Process::Container(container) => container.ended().await.map(|end| end.is_some()),
                    };
                    self.running[at].asked = now;
                    match has_ended {
                        Ok(true) => self.running[at].exited = Some(now),
                        Ok(false) => {}
                        Err(error) => return Err(self.gone_or(error).await),
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Kills a step's processes: those with its mark in their environment, and their children without it. Best effort: a
    /// step that has made others' processes is ended with the container.
    async fn kill(&self, index: usize) {
        let process = self.running.iter().find(|running| running.index == index).map(|r| &r.process);
        if let Some(Process::Container(container)) = process {
            container.kill().await;
            return;
        }
        // Children that have thrown the mark away are found while their parents still stand. What multiplies faster than
        // it is listed must not put off the kill, so nobody waits for the list to be complete.
        let script = format!(
            "mark=RUNNER_TRACKING_ID={}\n\
             for n in 1 2 3; do\n\
             all=' '\n\
             for p in /proc/[0-9]*; do grep -qs \"$mark\" \"$p/environ\" && all=\"$all${{p#/proc/}} \"; done\n\
             for pass in 1 2; do\n\
             for p in /proc/[0-9]*; do\n\
             pid=${{p#/proc/}}; case \"$all\" in *\" $pid \"*) continue;; esac\n\
             parent=; while read -r key value; do [ \"$key\" = PPid: ] && parent=$value && break; done \\\n\
             <\"$p/status\" 2>/dev/null\n\
             case \"$all\" in *\" ${{parent:-none}} \"*) all=\"$all$pid \";; esac\n\
             done; done\n\
             for pid in $all; do kill -9 \"$pid\" 2>/dev/null; done; done",
            tracking_id(index)
        );
        let argv = ["sh", "-c", script.as_str()];
        if let Err(error) = self.context.sandbox.run(self.context.user, &argv, Duration::from_secs(5)).await {
            log::debug!("ending step {index}: {error}");
        }
    }

    /// A step's process has ended.
    async fn end(&mut self, mut running: Running) -> Result<(), Abort> {
        let index = running.index;
        let plan = self.args.plan;
        let step = &plan.steps[index];
        let is_container = matches!(running.process, Process::Container(_));
        let was_seen = is_container || running.marker.was_seen();
        self.print_rest(&mut running);
        let ended = match self.end_of(&running.process).await {
            Ok(ended) => ended,
            Err(error) => return Err(self.gone_or(error).await),
        };
        let code = ended.code;
        self.records.spans[index] = Some((running.log_start, self.log.position()));
        let oom = code != 0
            && !running.timed_out
            && (ended.oom_killed || self.ran_out_of_memory(code, running.since).await?);
        // Whatever it printed after that is lost, and writing to nobody may have been its end.
        let was_cut = running.broken.is_some() || !was_seen && !is_signal(code);
        if was_cut && !running.timed_out && !oom {
            let (name, cause) =
                (&step.name, running.broken.unwrap_or_else(|| "the engine lost it".to_owned()));
            return Err(Abort::Infrastructure(format!("the output of step {name:?} broke off: {cause}")));
        }
        let commands = running.commands;
        self.records.state.steps[index].outputs.extend(commands.outputs);
        self.save_state(index, commands.state);
        let said = self.read_files(index, running.process).await?;
        let problem = said.err();
        if let Some(problem) = &problem {
            self.print((index, Stream::Stderr), format!("Error: {problem}\n").as_bytes());
        }
        if code == 0 && problem.is_none() && !running.timed_out {
            self.records.results[index].duration = running.started.elapsed();
            self.args.sink.emit(Event::StepEnded {
                index,
                exit_code: Some(0),
                duration: running.started.elapsed(),
            });
            self.conclude(index, StepOutcome::Success, StepOutcome::Success, Some(0));
            return Ok(());
        }
        let code = if code == 0 { 1 } else { code };
        let note = if running.timed_out {
            Some(format!("ran longer than its {} minutes", step.timeout_minutes.unwrap_or_default()))
        } else if oom {
            Some(format!(
                "the kernel killed a process at the memory limit of {} bytes",
                self.context.memory_bytes
            ))
        } else {
            problem
        };
        self.fail(index, step, code, note, running.started);
        if let Some((failed, exit)) = &mut self.records.failure
            && *failed == index
        {
            if running.timed_out {
                *exit = Exit::TimedOut { after_seconds: running.limit.unwrap_or_default().as_secs() };
            } else if oom {
                *exit = Exit::OutOfMemory { limit_bytes: self.context.memory_bytes };
            }
        }
        Ok(())
    }

    fn fail(&mut self, index: usize, step: &PlanStep, code: i64, note: Option<String>, started: Instant) {
        self.records.results[index].duration = started.elapsed();
        self.records.results[index].note = note;
        self.args.sink.emit(Event::StepEnded { index, exit_code: Some(code), duration: started.elapsed() });
        if step.passed_in_ci {
            self.records.notes.push(format!(
                "{:?} passed in CI and fails here: what is shown and proven, is shown and proven without it",
                step.name
            ));
        }
        if step.continue_on_error {
            self.conclude(index, StepOutcome::Failure, StepOutcome::Success, Some(code));
            return;
        }
        self.conclude(index, StepOutcome::Failure, StepOutcome::Failure, Some(code));
        self.records.state.failed = true;
        if self.records.failure.is_none() {
            self.records.failure = Some((index, Exit::Exited { code }));
        }
    }

    fn conclude(&mut self, index: usize, outcome: StepOutcome, conclusion: StepOutcome, code: Option<i64>) {
        let result = &mut self.records.results[index];
        (result.outcome, result.conclusion, result.exit_code) = (outcome, conclusion, code);
        let state = &mut self.records.state.steps[index];
        (state.outcome, state.conclusion) = (outcome, conclusion);
    }

    /// Asked after every failure: was it the memory limit, or has someone ended the container?
    async fn ran_out_of_memory(&self, code: i64, since: i128) -> Result<bool, Abort> {
        const SIGKILL: i64 = 128 + 9;
        let sandbox = self.context.sandbox;
        // A kill's cause may reach the engine's books a moment after the exit code.
        for look in 0..4 {
            if look > 0 {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            if sandbox.ran_out_of_memory_since(since).await? {
                return Ok(true);
            }
            match sandbox.state().await? {
                ContainerState::Running => {}
                ContainerState::Gone { oom_killed: true } => return Ok(true),
                ContainerState::Gone { oom_killed: false } => {
                    return Err(Abort::Infrastructure(ended_from_outside()));
                }
            }
            if code != SIGKILL {
                break;
            }
        }
        Ok(false)
    }

    /// An error of the engine's that may only say that somebody removed the container.
    async fn gone_or(&self, error: ExecutorError) -> Abort {
        match self.context.sandbox.state().await {
            Ok(ContainerState::Gone { .. }) => Abort::Infrastructure(ended_from_outside()),
            _ => error.into(),
        }
    }

    async fn end_of(&self, process: &Process) -> Result<Ended, ExecutorError> {
        match process {
            Process::Exec(exec) => {
                Ok(Ended { code: self.context.sandbox.exit_code(exec).await?, oom_killed: false })
            }
            Process::Container(container) => {
                let end = container.end().await?;
                Ok(Ended { code: end.code, oom_killed: end.oom_killed })
            }
        }
    }

    /// Takes over what the step told later steps. The inner error is the step's, the outer one the engine's.
    async fn read_files(&mut self, index: usize, process: Process) -> Result<Result<(), String>, Abort> {
        let folder = format!("{HOME}/step/{index}");
        let (prefix, got) = match process {
            Process::Exec(_) => (format!("{index}/"), self.context.sandbox.get(&folder, FILES_LIMIT).await),
            Process::Container(container) => {
                let got = container.files(FILES_LIMIT).await;
                container.remove().await?;
                ("file_commands/".to_owned(), got)
            }
        };
        let bytes = match got {
            Ok(bytes) => bytes.unwrap_or_default(),
            // That is the step's own doing.
            Err(error @ ExecutorError::TooLarge { .. }) => return Ok(Err(error.to_string())),
            Err(error) => return Err(self.gone_or(error).await),
        };
        let found = archive::read(&bytes, FILES_LIMIT, |name| {
            name.strip_prefix(&prefix).filter(|n| FILES.contains(n)).map(str::to_owned)
        });
        let found = match found {
            Ok(found) => found,
            Err(problem) => return Ok(Err(problem)),
        };
        let text = |name: &str| {
            found.iter().find_map(|(n, f)| match f {
                Found::File(content) if n == name => Some(String::from_utf8_lossy(content).into_owned()),
                _ => None,
            })
        };
        Ok(self.take_over(index, &text))
    }

    fn save_state(&mut self, index: usize, saved: Vec<(String, String)>) {
        if let Some(action) = &self.args.plan.steps[index].action {
            self.records.action_state.entry(action.instance).or_default().extend(saved);
        }
    }

    fn take_over(&mut self, index: usize, text: &dyn Fn(&str) -> Option<String>) -> Result<(), String> {
        let pairs = |name: &str| files::parse_pairs(&text(name).unwrap_or_default());
        let in_file =
            |name: &str, problem: String| format!("unable to process file command '{name}': {problem}");
        for (name, value) in pairs("env").map_err(|p| in_file("env", p))? {
            if files::is_blocked(&name) {
                self.records
                    .notes
                    .push(format!("a step tried to set {name} for later steps, which is not allowed"));
            } else {
                self.records.state.env.insert(name, value);
            }
        }
        self.records.paths.extend(files::parse_paths(&text("path").unwrap_or_default()));
        let state = pairs("state").map_err(|p| in_file("state", p))?;
        self.save_state(index, state);
        let outputs = pairs("output").map_err(|p| in_file("output", p))?;
        self.records.state.steps[index].outputs.extend(outputs);
        Ok(())
    }
}

/// The command line of an action's program. Shells drop variables whose names they could not write, so those go through
/// `env`.
fn program_argv(program: &str, env: &mut BTreeMap<String, String>) -> Vec<String> {
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let odd: Vec<String> = env.keys().filter(|name| !is_name(name)).cloned().collect();
    let mut argv = if odd.is_empty() { Vec::new() } else { vec!["env".to_owned()] };
    argv.extend(odd.into_iter().filter_map(|name| env.remove(&name).map(|value| format!("{name}={value}"))));
    argv.extend([NODE_PROGRAM.to_owned(), program.to_owned()]);
    argv
}

fn tracking_id(index: usize) -> String {
    format!("ci-healer-step-{index}-end")
}

fn ended_from_outside() -> String {
    "the sandbox's container was ended or removed from outside".to_owned()
}

/// The verdict: the failing step's, else success.
pub(super) fn verdict(records: &StepRecords) -> Exit {
    records.failure.as_ref().map_or(Exit::Exited { code: 0 }, |(_, exit)| exit.clone())
}
