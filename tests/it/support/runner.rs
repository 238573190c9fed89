//! A stand-in for the Actions runner: starts the action's container as actions/runner does (the `docker run` line, the
//! mounts, the environment and its path mapping, the file commands, the signals on cancellation) and reads what the
//! action prints and writes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::action_image::docker;
use super::git::git;
use super::runner_commands::{StepLog, parse_pairs};

/// A step that hangs is a bug of the action; the runner would wait for hours.
const STEP_LIMIT: Duration = Duration::from_secs(600);
/// GitHub drops a larger summary as a whole.
const SUMMARY_LIMIT: usize = 1024 * 1024;

/// A machine with a work folder, and the choices in which runners differ.
pub(crate) struct Runner {
    work: TempDir,
    /// `owner/name`
    repository: String,
    /// Since 2.329 `RUNNER_TEMP` is mounted.
    mounts_temp: bool,
    /// The network of a job with `container:` or `services:`.
    network: Option<Network>,
    /// Who owns the workspace.
    owner: u32,
    socket: bool,
}

/// A network of its own name: tests run side by side, and one that was killed leaves its network behind.
struct Network(String);

impl Network {
    const LABEL: &str = "ci-healer-test.network=runner";

    fn new() -> Self {
        // What killed tests left uses up the engine's address ranges.
        let left = format!("label={}", Self::LABEL);
        docker(&["network", "prune", "--force", "--filter", &left, "--filter", "until=2h"]);
        let name = crate::executor::unique("job");
        let (made, why) = docker(&["network", "create", "--label", Self::LABEL, &name]);
        assert!(made, "{why}");
        Self(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        docker(&["network", "rm", &self.0]);
    }
}

/// What `actions/checkout` leaves behind of its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Credentials {
    /// Up to v5: in `.git/config`.
    V5,
    /// From v6: in a file under `RUNNER_TEMP`, included from `.git/config`.
    V6,
    /// `persist-credentials: false`
    None,
}

/// What the workflow run checked out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Checkout<'a> {
    Branch(&'a str),
    /// The merge commit of a pull request: detached, without its parents.
    PullRequest {
        number: u64,
        /// The reference in the origin that holds the merge commit.
        merge_ref: &'a str,
    },
}

impl Runner {
    pub(crate) fn new(repository: &str) -> Self {
        let work = tempfile::Builder::new().prefix("ci-healer-runner-").tempdir().unwrap();
        let runner = Self {
            work,
            repository: repository.to_owned(),
            mounts_temp: true,
            network: None,
            owner: 0,
            socket: true,
        };
        for folder in ["_temp/_github_home", "_temp/_github_workflow", "_temp/_runner_file_commands"] {
            std::fs::create_dir_all(runner.work.path().join(folder)).unwrap();
        }
        std::fs::create_dir_all(runner.workspace()).unwrap();
        runner
    }

    /// A runner before 2.329: `RUNNER_TEMP` names a host path that is not mounted.
    pub(crate) fn without_runner_temp(mut self) -> Self {
        self.mounts_temp = false;
        self
    }

    /// The job has a container or services: steps join its network.
    pub(crate) fn in_a_network(mut self) -> Self {
        self.network = Some(Network::new());
        self
    }

    /// The workspace belongs to this user (hosted runners: 1001); call [`Self::settle`] after filling it by hand.
    pub(crate) fn owned_by(mut self, uid: u32) -> Self {
        self.owner = uid;
        self.settle();
        self
    }

    /// Runners in Kubernetes have no Docker socket.
    pub(crate) fn without_socket(mut self) -> Self {
        self.socket = false;
        self
    }

    fn name(&self) -> &str {
        self.repository.split('/').nth(1).unwrap()
    }

    /// `<work>/<repository>/<repository>`
    pub(crate) fn workspace(&self) -> PathBuf {
        self.work.path().join(self.name()).join(self.name())
    }

    pub(crate) fn temp(&self) -> PathBuf {
        self.work.path().join("_temp")
    }

    /// Fetches one commit of `origin` as `actions/checkout` does, and leaves its credentials.
    pub(crate) fn checkout(
        &self,
        origin: &Path,
        server: &str,
        what: Checkout<'_>,
        credentials: Credentials,
        token: &str,
    ) {
        let workspace = self.workspace();
        // The workspace may belong to another user than the one who runs the tests.
        let safe = format!("safe.directory={}", workspace.display());
        let run = |args: &[&str]| git(&workspace, &[&["-c", &safe], args].concat());
        let from = format!("file://{}", origin.display());
        run(&["init", "-q", "-b", "unused"]);
        run(&["config", "gc.auto", "0"]);
        run(&["remote", "add", "origin", &from]);
        let fetch = |spec: &str| run(&["fetch", "-q", "--no-tags", "--depth=1", "origin", spec]);
        match what {
            Checkout::Branch(branch) => {
                fetch(&format!("+refs/heads/{branch}:refs/remotes/origin/{branch}"));
                run(&["checkout", "-q", "--force", "-B", branch, &format!("refs/remotes/origin/{branch}")]);
            }
            Checkout::PullRequest { number, merge_ref } => {
                let local = format!("refs/remotes/pull/{number}/merge");
                fetch(&format!("+{merge_ref}:{local}"));
                run(&["checkout", "-q", "--force", &local]);
            }
        }
        run(&["remote", "set-url", "origin", &format!("{server}/{}", self.repository)]);
        let key = format!("http.{server}/.extraheader");
        let header = format!("AUTHORIZATION: basic {}", base64(&format!("x-access-token:{token}")));
        match credentials {
            Credentials::V5 => {
                run(&["config", &key, &header]);
            }
            Credentials::V6 => {
                let name = "git-credentials-3f1e9a52-8a0c-4c55-9d0e-2f6a64a1f7aa.config";
                let file = self.temp().join(name);
                run(&["config", "--file", file.to_str().unwrap(), &key, &header]);
                let host = format!("includeIf.gitdir:{}/.git.path", workspace.display());
                run(&["config", &host, file.to_str().unwrap()]);
                run(&[
                    "config",
                    "includeIf.gitdir:/github/workspace/.git.path",
                    &format!("/github/runner_temp/{name}"),
                ]);
            }
            Credentials::None => {}
        }
        self.settle();
    }

    /// Gives the workspace to its owner.
    pub(crate) fn settle(&self) {
        for path in walk(&self.workspace()) {
            std::os::unix::fs::lchown(&path, Some(self.owner), Some(self.owner)).unwrap();
        }
        chown(self.work.path().join(self.name()), Some(self.owner), Some(self.owner)).unwrap();
    }

    /// What in the workspace does not belong to its owner: the next checkout would fail on it.
    pub(crate) fn strangers(&self) -> Vec<PathBuf> {
        let is_strange = |path: &PathBuf| std::fs::symlink_metadata(path).unwrap().uid() != self.owner;
        walk(&self.workspace()).into_iter().filter(is_strange).collect()
    }

    /// Starts the step and lets it run to its end.
    pub(crate) fn run(&self, step: &Step) -> Finished {
        self.start(step).finish()
    }

    /// Starts the action's post step, with the state the main step saved.
    pub(crate) fn run_post(&self, step: &Step, main: &Finished) -> Finished {
        let entrypoint = metadata()["runs"]["post-entrypoint"].as_str().unwrap().to_owned();
        let mut post = step.clone();
        post.env.extend(main.state.iter().map(|(key, value)| (format!("STATE_{key}"), value.clone())));
        self.launch(&post, Some(&entrypoint)).finish()
    }

    pub(crate) fn start(&self, step: &Step) -> Running {
        self.launch(step, None)
    }

    fn launch(&self, step: &Step, entrypoint: Option<&str>) -> Running {
        let guid = unique();
        let event = self.temp().join("_github_workflow/event.json");
        std::fs::write(&event, step.event.to_string()).unwrap();
        let files = self.temp().join("_runner_file_commands");
        let file_commands: BTreeMap<&str, PathBuf> = [
            ("GITHUB_OUTPUT", "set_output_"),
            ("GITHUB_ENV", "set_env_"),
            ("GITHUB_PATH", "add_path_"),
            ("GITHUB_STATE", "save_state_"),
            ("GITHUB_STEP_SUMMARY", "step_summary_"),
        ]
        .map(|(variable, prefix)| (variable, files.join(format!("{prefix}{guid}"))))
        .into();
        for path in file_commands.values() {
            std::fs::write(path, "").unwrap();
            chown(path, Some(self.owner), Some(self.owner)).unwrap();
        }

        let mut environment = self.environment(step, &event, &file_commands);
        for value in environment.values_mut() {
            *value = self.to_container(value);
        }

        let sanitized: String = step.image.chars().filter(char::is_ascii_alphanumeric).collect();
        let container = format!("{sanitized}_{}", &guid[..6]);
        let mut docker = Command::new("docker");
        docker.args([
            "run",
            "--name",
            &container,
            "--label",
            "9a2f1c",
            "--workdir",
            "/github/workspace",
            "--rm",
        ]);
        for name in environment.keys() {
            docker.args(["-e", name]);
        }
        docker.args(["-e", "GITHUB_ACTIONS=true"]);
        if !environment.contains_key("CI") {
            docker.args(["-e", "CI=true"]);
        }
        if let Some(entrypoint) = entrypoint {
            docker.args(["--entrypoint", entrypoint]);
        }
        if let Some(network) = &self.network {
            docker.args(["--network", &network.0]);
        }
        if self.socket {
            docker.args(["-v", "/var/run/docker.sock:/var/run/docker.sock"]);
        }
        for (host, target) in self.mounts() {
            docker.args(["-v", &format!("{}:{target}", host.display())]);
        }
        docker.arg(&step.image).args(&step.args);
        // The values travel in the command line tool's own environment, where HOME is the action's.
        docker.env_clear().envs(&environment);
        for name in ["PATH", "DOCKER_HOST"] {
            if let Some(value) = std::env::var_os(name) {
                docker.env(name, value);
            }
        }
        docker.current_dir(self.workspace()).stdin(Stdio::null());
        docker.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = docker.spawn().unwrap();
        let log = Arc::new((Mutex::new(StepLog::default()), Condvar::new()));
        let readers = vec![
            read_into(child.stdout.take().unwrap(), Arc::clone(&log)),
            read_into(child.stderr.take().unwrap(), Arc::clone(&log)),
        ];
        Running { child, log, readers, file_commands, container }
    }

    /// Host path → path in the container, in the order in which the runner tries them.
    fn mounts(&self) -> Vec<(PathBuf, &'static str)> {
        let temp = self.temp();
        let mut mounts = Vec::new();
        if self.mounts_temp {
            mounts.push((temp.clone(), "/github/runner_temp"));
        }
        mounts.extend([
            (temp.join("_github_home"), "/github/home"),
            (temp.join("_github_workflow"), "/github/workflow"),
            (temp.join("_runner_file_commands"), "/github/file_commands"),
            (self.workspace(), "/github/workspace"),
        ]);
        mounts
    }

    /// Whole values that are, or lie under, a mounted path are translated; nothing inside a longer text is.
    fn to_container(&self, value: &str) -> String {
        let mut mounts = self.mounts();
        // Workspace, file commands, workflow, home, and the one that contains them last.
        mounts.reverse();
        for (host, target) in mounts {
            let host = host.to_str().unwrap();
            if value == host {
                return target.to_owned();
            }
            if let Some(rest) = value.strip_prefix(&format!("{host}/")) {
                return format!("{target}/{rest}");
            }
        }
        value.to_owned()
    }

    fn environment(
        &self,
        step: &Step,
        event: &Path,
        file_commands: &BTreeMap<&str, PathBuf>,
    ) -> BTreeMap<String, String> {
        let mut environment = step.env.clone();
        environment.extend(step.inputs());
        environment.insert("HOME".to_owned(), self.temp().join("_github_home").display().to_string());
        let workspace = self.workspace().display().to_string();
        let (owner, _) = self.repository.split_once('/').unwrap();
        let mut github: BTreeMap<&str, String> = [
            ("ACTION", "__ci-healer"),
            ("ACTION_REF", "v0"),
            ("ACTION_REPOSITORY", "ci-healer/ci-healer"),
            ("ACTOR", "octocat"),
            ("ACTOR_ID", "1"),
            ("API_URL", "https://api.github.com"),
            ("BASE_REF", ""),
            ("EVENT_NAME", "push"),
            ("GRAPHQL_URL", "https://api.github.com/graphql"),
            ("HEAD_REF", ""),
            ("JOB", "test"),
            ("REF", "refs/heads/main"),
            ("REF_NAME", "main"),
            ("REF_PROTECTED", "false"),
            ("REF_TYPE", "branch"),
            ("REPOSITORY", &self.repository),
            ("REPOSITORY_ID", "1"),
            ("REPOSITORY_OWNER", owner),
            ("REPOSITORY_OWNER_ID", "1"),
            ("RETENTION_DAYS", "90"),
            ("RUN_ATTEMPT", "1"),
            ("RUN_ID", "42"),
            ("RUN_NUMBER", "7"),
            ("SERVER_URL", "https://github.com"),
            ("SHA", ""),
            ("TRIGGERING_ACTOR", "octocat"),
            ("WORKFLOW", "CI"),
            ("WORKFLOW_SHA", ""),
            ("WORKSPACE", &workspace),
        ]
        .map(|(key, value)| (key, value.to_owned()))
        .into();
        github
            .insert("WORKFLOW_REF", format!("{}/.github/workflows/ci.yml@refs/heads/main", self.repository));
        github.insert("EVENT_PATH", event.display().to_string());
        for (key, value) in &step.context {
            github.insert(key, value.clone());
        }
        environment.extend(github.into_iter().map(|(key, value)| (format!("GITHUB_{key}"), value)));
        environment
            .extend(file_commands.iter().map(|(key, path)| ((*key).to_owned(), path.display().to_string())));
        let runner = [
            ("OS", "Linux".to_owned()),
            ("ARCH", "X64".to_owned()),
            ("NAME", "GitHub Actions 7".to_owned()),
            ("ENVIRONMENT", "github-hosted".to_owned()),
            ("TOOL_CACHE", "/opt/hostedtoolcache".to_owned()),
            ("TEMP", self.temp().display().to_string()),
            ("WORKSPACE", self.work.path().join(self.name()).display().to_string()),
        ];
        environment.extend(runner.map(|(key, value)| (format!("RUNNER_{key}"), value)));
        let actions = [
            ("RUNTIME_URL", "https://pipelines.actions.example/"),
            ("RUNTIME_TOKEN", "runtime-token-that-no-sandbox-may-see"),
            ("CACHE_URL", "https://cache.actions.example/"),
            ("RESULTS_URL", "https://results.actions.example/"),
        ];
        environment.extend(actions.map(|(key, value)| (format!("ACTIONS_{key}"), value.to_owned())));
        environment
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        // Files of other users are in the way of a test that does not run as root; nothing to be done then.
        let _ = std::fs::remove_dir_all(self.work.path());
    }
}

/// One `uses:` step.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    image: String,
    with: BTreeMap<String, String>,
    env: BTreeMap<String, String>,
    context: BTreeMap<String, String>,
    event: Value,
    args: Vec<String>,
    token: String,
    check_run_id: String,
}

impl Step {
    /// A step of the action as it stands in action.yml.
    pub(crate) fn new(image: &str) -> Self {
        Self {
            image: image.to_owned(),
            with: BTreeMap::new(),
            env: BTreeMap::new(),
            context: BTreeMap::new(),
            event: json!({}),
            args: Vec::new(),
            token: "ghs_job-token".to_owned(),
            check_run_id: "4242".to_owned(),
        }
    }

    /// `with:`
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.with.insert(name.to_owned(), value.to_owned());
        self
    }

    /// `env:`
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A field of the `github` context that is exported as `GITHUB_<name>`.
    pub(crate) fn context(mut self, name: &str, value: &str) -> Self {
        self.context.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The payload behind `GITHUB_EVENT_PATH`.
    pub(crate) fn event(mut self, event: Value) -> Self {
        self.event = event;
        self
    }

    /// `with: args:`, which the runner appends as they are.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.args = args.iter().map(|arg| (*arg).to_owned()).collect();
        self
    }

    /// `github.token`
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.token = token.to_owned();
        self
    }

    /// `INPUT_*`: every declared input, given or not, and undeclared ones too. Hyphens stay.
    fn inputs(&self) -> BTreeMap<String, String> {
        let mut values = BTreeMap::new();
        for (name, input) in metadata()["inputs"].as_object().unwrap() {
            let default = input["default"].as_str().unwrap_or_default();
            let default = match default.trim() {
                "${{ github.token }}" => self.token.clone(),
                "${{ job.check_run_id }}" => self.check_run_id.clone(),
                text => {
                    assert!(!text.contains("${{"), "the stand-in cannot evaluate {text:?}");
                    text.to_owned()
                }
            };
            values.insert(name.clone(), default);
        }
        values.extend(self.with.clone());
        let key = |name: &str| format!("INPUT_{}", name.replace(' ', "_").to_uppercase());
        values.into_iter().map(|(name, value)| (key(&name), value)).collect()
    }
}

/// action.yml
pub(crate) fn metadata() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("action.yml");
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A step that runs.
pub(crate) struct Running {
    child: Child,
    log: Arc<(Mutex<StepLog>, Condvar)>,
    readers: Vec<JoinHandle<()>>,
    file_commands: BTreeMap<&'static str, PathBuf>,
    container: String,
}

/// A step that ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) exit_code: Option<i32>,
    pub(crate) log: StepLog,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) state: BTreeMap<String, String>,
    /// As GitHub would show it: empty where it is too large.
    pub(crate) summary: String,
    /// What the runner complained about in the files.
    pub(crate) errors: Vec<String>,
}

impl Finished {
    /// The log as people see it.
    pub(crate) fn text(&self) -> String {
        self.log.shown.join("\n")
    }
}

impl Running {
    /// The engine's id of the action's container; empty where it has ended already.
    pub(crate) fn container_id(&mut self) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (found, id) = docker(&["inspect", "--format", "{{.Id}}", &self.container]);
            if found {
                return id;
            }
            if self.child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                return String::new();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until a line of the log contains `text`; panics when the step ends first.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + STEP_LIMIT;
        let (log, changed) = &*Arc::clone(&self.log);
        let mut guard = log.lock().unwrap();
        loop {
            if guard.shown.iter().any(|line| line.contains(text)) {
                return;
            }
            assert!(Instant::now() < deadline, "no line with {text:?}:\n{}", guard.shown.join("\n"));
            let (next, wait) = changed.wait_timeout(guard, Duration::from_millis(100)).unwrap();
            guard = next;
            if wait.timed_out() && self.child.try_wait().unwrap().is_some() {
                let found = guard.shown.iter().any(|line| line.contains(text));
                assert!(found, "ended without a line with {text:?}:\n{}", guard.shown.join("\n"));
            }
        }
    }

    /// Cancels the step as the runner does: SIGINT, 7.5 s later SIGTERM, 2.5 s later the end.
    pub(crate) fn cancel(mut self) -> Finished {
        for (signal, patience) in [("INT", 7500), ("TERM", 2500)] {
            signal_to(self.child.id(), signal);
            let deadline = Instant::now() + Duration::from_millis(patience);
            while Instant::now() < deadline {
                if self.child.try_wait().unwrap().is_some() {
                    return self.finish();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        self.child.kill().unwrap();
        self.finish()
    }

    /// Kills the action without any warning, as a machine that runs out of memory does.
    pub(crate) fn kill_container(self) -> Finished {
        docker(&["kill", "--signal", "KILL", &self.container]);
        self.finish()
    }

    pub(crate) fn finish(mut self) -> Finished {
        let deadline = Instant::now() + STEP_LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                docker(&["rm", "--force", &self.container]);
                let _ = self.child.kill();
                panic!("the step still runs after {STEP_LIMIT:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.readers.drain(..).for_each(|reader| reader.join().unwrap());
        let log = std::mem::take(&mut *self.log.0.lock().unwrap());
        let mut errors = Vec::new();
        let read = |variable: &str| std::fs::read_to_string(&self.file_commands[variable]).unwrap();
        let summary = read("GITHUB_STEP_SUMMARY");
        let (outputs, state) = (read("GITHUB_OUTPUT"), read("GITHUB_STATE"));
        let mut pairs = |text: &str| {
            parse_pairs(text).unwrap_or_else(|error| {
                errors.push(error);
                BTreeMap::new()
            })
        };
        let (outputs, state) = (pairs(&outputs), pairs(&state));
        let too_large = summary.len() > SUMMARY_LIMIT;
        if too_large {
            errors.push(format!("the summary has {} bytes, more than {SUMMARY_LIMIT}", summary.len()));
        }
        Finished {
            exit_code: status.code(),
            log,
            outputs,
            state,
            summary: if too_large { String::new() } else { summary },
            errors,
        }
    }
}

fn read_into(stream: impl Read + Send + 'static, log: Arc<(Mutex<StepLog>, Condvar)>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).unwrap_or(0) > 0 {
            log.0.lock().unwrap().read(&String::from_utf8_lossy(&line));
            log.1.notify_all();
            line.clear();
        }
    })
}

fn signal_to(pid: u32, signal: &str) {
    Command::new("kill").args([&format!("-{signal}"), &pid.to_string()]).status().unwrap();
}

fn walk(dir: &Path) -> Vec<PathBuf> {
    let mut found = vec![dir.to_owned()];
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn unique() -> String {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).unwrap();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}
