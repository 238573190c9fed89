//! The executor against a real Docker engine: each promise of `EXECUTION_CONTRACT.md` that a container can break.
//!
//! Without an engine these fail, they do not skip: `docker/engine.sh` brings one up.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use ci_healer::contract::action::{ActionPhase, ActionStep, ENTRYPOINT};
use ci_healer::contract::build::{
    BuildPlan, ExecutionResult, Exit, ImageChoice, JobFolders, JobState, PlanStep, PreparedStep, Service,
    StepEvaluator, StepOutcome, StepRepeats,
};
use ci_healer::contract::ci::Conclusion;
use ci_healer::contract::event::{Event, EventSink, Purpose, Stream};
use ci_healer::contract::git::{FileMode, RepoPath, SourceTree, TreeFile};
use ci_healer::contract::settings::{Hardening, Network};
use ci_healer::executor::{CLOSE_PATIENCE, Copies, Executor, LogLimits, Options, Request};
use ci_healer::plan::{CiStep, FailedJob, PlanRequest, plan as plan_of};
use ci_healer::scope::{Scope, StopReason};

/// A small image with bash, coreutils, findutils and perl: the base of all of ours.
pub(crate) const BASE: &str = "ci-healer/base:trixie";

pub(crate) fn docker(args: &[&str]) -> String {
    let out = Command::new("docker").args(args).output().expect("the docker command runs");
    assert!(out.status.success(), "docker {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).trim().to_owned()
}

pub(crate) fn need_engine() {
    let answers = Command::new("docker").arg("version").output().is_ok_and(|o| o.status.success());
    assert!(answers, "no Docker engine answers: run docker/engine.sh, then docker/base-images.sh");
    let base = Command::new("docker").args(["image", "inspect", BASE]).output();
    assert!(base.is_ok_and(|o| o.status.success()), "image {BASE} is missing: run docker/base-images.sh");
}

/// Everything in the engine that carries this run's label.
pub(crate) fn left_by(run: &str) -> Vec<String> {
    let filter = format!("label=ci-healer.run={run}");
    let mut left = Vec::new();
    for (what, extra) in [("container", Some("-a")), ("volume", None), ("network", None), ("image", None)] {
        let mut args = vec![what, "ls", "-q", "--filter", &filter];
        args.extend(extra);
        left.extend(docker(&args).lines().map(|id| format!("{what} {id}")));
    }
    left
}

/// Files in memory.
#[derive(Default, Clone)]
pub(crate) struct Tree {
    files: Vec<TreeFile>,
    pub(crate) contents: BTreeMap<RepoPath, Vec<u8>>,
}

impl Tree {
    pub(crate) fn with(mut self, path: &str, content: &str) -> Self {
        self.set(path, FileMode::Regular, content.as_bytes());
        self
    }

    pub(crate) fn set(&mut self, path: &str, mode: FileMode, content: &[u8]) {
        let path = RepoPath::new(path).unwrap();
        self.remove(&path);
        let id = format!(
            "{:x?}",
            content.iter().fold(0u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(*b)))
        );
        self.files.push(TreeFile { path: path.clone(), mode, id });
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        self.contents.insert(path, content.to_vec());
    }

    fn remove(&mut self, path: &RepoPath) {
        self.files.retain(|f| f.path != *path);
        self.contents.remove(path);
    }
}

impl SourceTree for Tree {
    fn files(&self) -> &[TreeFile] {
        &self.files
    }
    fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        self.contents.get(path).cloned()
    }
}

/// Runs every step as written while nothing has failed; `always()` steps always.
pub(crate) struct Plain;

impl StepEvaluator for Plain {
    fn prepare(&self, step: &PlanStep, state: &JobState) -> PreparedStep {
        if state.failed && step.condition.as_deref() != Some("always()") {
            return PreparedStep::Skip { why: "an earlier step failed".to_owned() };
        }
        let outputs = state.steps.iter().flat_map(|s| {
            s.outputs
                .iter()
                .map(|(k, v)| (format!("${{{{ steps.{}.outputs.{k} }}}}", s.id.as_deref().unwrap_or("")), v))
        });
        let script = outputs.fold(step.run.clone(), |text, (from, to)| text.replace(&from, to));
        PreparedStep::Run { script, env: step.env.clone(), working_directory: step.working_directory.clone() }
    }
}

#[derive(Default)]
pub(crate) struct Recorder(Mutex<Vec<Event>>);

impl Recorder {
    /// Whether steps have printed this.
    pub(crate) fn has_output(&self, text: &str) -> bool {
        let events = self.0.lock().unwrap();
        let output = events.iter().filter_map(|e| match e {
            Event::Output { bytes, .. } => Some(String::from_utf8_lossy(bytes)),
            _ => None,
        });
        output.collect::<String>().contains(text)
    }
}

impl EventSink for Recorder {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

pub(crate) fn step(run: &str) -> PlanStep {
    PlanStep { name: run.lines().next().unwrap_or("").to_owned(), run: run.to_owned(), ..blank_step() }
}

fn blank_step() -> PlanStep {
    PlanStep {
        id: None,
        name: String::new(),
        run: String::new(),
        shell: None,
        working_directory: ".".to_owned(),
        env: BTreeMap::new(),
        origin: "run".to_owned(),
        condition: None,
        continue_on_error: false,
        timeout_minutes: None,
        setup: false,
        installs: None,
        lacks: None,
        missing_secrets: BTreeMap::new(),
        action: None,
        passed_in_ci: false,
        begins_job: false,
        background: false,
        wait: None,
    }
}

pub(crate) fn plan(steps: Vec<PlanStep>) -> BuildPlan {
    BuildPlan {
        workflow: None,
        job: None,
        matrix: BTreeMap::new(),
        image: ImageChoice {
            reference: BASE.to_owned(),
            why: "a test".to_owned(),
            from_container: false,
            runtimes: Vec::new(),
            env: BTreeMap::new(),
            options: None,
        },
        workspace: JobFolders::usual_workspace(),
        steps,
        services: Vec::new(),
        skipped: Vec::new(),
        passed_over: Vec::new(),
        actions: Vec::new(),
        artifacts: Vec::new(),
        checkout: None,
        notes: Vec::new(),
    }
}

pub(crate) fn unique(name: &str) -> String {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("test-{name}-{nanos:x}")
}

/// One run of ours: an executor, a tree, and the check that nothing is left of it.
pub(crate) struct Run {
    pub(crate) executor: Executor,
    pub(crate) run: String,
    pub(crate) tree: Tree,
    pub(crate) events: std::sync::Arc<Recorder>,
    pub(crate) scope: Scope,
}

impl Run {
    pub(crate) async fn new(name: &str, change: impl FnOnce(&mut Options)) -> Self {
        let address = std::env::var("DOCKER_HOST").ok().filter(|h| !h.is_empty());
        Self::at(&address.unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned()), name, change).await
    }

    /// The same, with the engine at `address`.
    pub(crate) async fn at(address: &str, name: &str, change: impl FnOnce(&mut Options)) -> Self {
        need_engine();
        let run = unique(name);
        let mut options = Options::new(&run);
        options.timeout = Duration::from_secs(60);
        options.memory_bytes = 512 << 20;
        change(&mut options);
        let scope = Scope::unbounded();
        let executor = Executor::connect_to(address, options, &scope).await.unwrap();
        Self { executor, run, tree: Tree::default(), events: std::sync::Arc::default(), scope }
    }

    /// One step on another tree than its own.
    pub(crate) async fn on(&mut self, tree: &dyn SourceTree, script: &str) -> ExecutionResult {
        let request = Request {
            purpose: Purpose::Baseline,
            leg: 0,
            tree,
            git_dir: None,
            fresh: false,
            from_snapshot: false,
            copies: Copies::None,
            probes: &[],
            repeats: None,
            watched: None,
            tracer: None,
        };
        self.executor
            .execute(&plan(vec![step(script)]), &Plain, &request, self.events.as_ref(), &self.scope)
            .await
    }

    pub(crate) async fn execute(&mut self, plan: &BuildPlan, fresh: bool) -> ExecutionResult {
        self.request(plan, fresh, !fresh, None).await
    }

    async fn repeating(&mut self, plan: &BuildPlan, repeats: &dyn StepRepeats) -> ExecutionResult {
        self.request(plan, true, false, Some(repeats)).await
    }

    async fn request(
        &mut self,
        plan: &BuildPlan,
        fresh: bool,
        from_snapshot: bool,
        repeats: Option<&dyn StepRepeats>,
    ) -> ExecutionResult {
        let request = Request {
            purpose: Purpose::Baseline,
            leg: 0,
            tree: &self.tree,
            git_dir: None,
            fresh,
            from_snapshot,
            copies: Copies::None,
            probes: &[],
            repeats,
            watched: None,
            tracer: None,
        };
        self.executor.execute(plan, &Plain, &request, self.events.as_ref(), &self.scope).await
    }

    pub(crate) async fn steps(&mut self, steps: Vec<PlanStep>) -> ExecutionResult {
        self.execute(&plan(steps), false).await
    }

    pub(crate) async fn bash(&mut self, script: &str) -> ExecutionResult {
        self.steps(vec![step(script)]).await
    }

    pub(crate) async fn close(self) {
        let run = self.run.clone();
        self.executor.close(CLOSE_PATIENCE).await.unwrap();
        assert_eq!(left_by(&run), Vec::<String>::new());
    }
}

pub(crate) fn log(result: &ExecutionResult) -> String {
    String::from_utf8_lossy(&result.log).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_share_environment_path_and_outputs() {
    let mut run = Run::new("files", |o| {
        o.env.insert("GITHUB_SHA".to_owned(), "abc123".to_owned());
    })
    .await;
    let first = PlanStep {
        id: Some("one".to_owned()),
        ..step(
            "echo CI=$CI sha=$GITHUB_SHA at $PWD\nmkdir -p $RUNNER_TEMP/bin\nprintf '#!/bin/sh\\necho tool ran\\n' > $RUNNER_TEMP/bin/tool\nchmod +x $RUNNER_TEMP/bin/tool\n\
             echo $RUNNER_TEMP/bin >> $GITHUB_PATH\necho 'A=first' >> $GITHUB_ENV\nprintf 'B<<E\\nx\\ny\\nE\\n' >> $GITHUB_ENV\necho result=42 >> $GITHUB_OUTPUT",
        )
    };
    let second = step("tool\necho \"A=$A B=$B out=${{ steps.one.outputs.result }}\"");
    let result = run.steps(vec![first, second]).await;
    assert!(result.is_green(), "{result:?}\n{}", log(&result));
    assert_eq!(
        log(&result),
        "CI=true sha=abc123 at /home/runner/work/repository/repository\ntool ran\nA=first B=x\ny out=42\n"
    );
    assert_eq!(result.steps[1].log.map(|s| (s.first, s.last)), Some((2, 4)));
    assert!(result.image_id.starts_with("sha256:"));
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_run_as_the_user_of_hosted_runners_whatever_the_image() {
    let mut run = Run::new("user", |o| o.timeout = Duration::from_secs(240)).await;
    // Nothing but root is in this image.
    let result = run
        .bash(
            "test \"$(id -un):$(id -u):$HOME\" = runner:1001:/home/runner\n\
             echo secret >f; chmod 000 f; ! cat f 2>/dev/null\n\
             test . -ef \"$GITHUB_WORKSPACE\"; test f -ef /workspace/f; test . -ef \"$RUNNER_WORKSPACE/repository\"\n\
             touch \"$HOME/x\" ../x /usr/local/bin/tool /opt/hostedtoolcache/x \"$RUNNER_TEMP/x\"\n\
             ! touch /usr/bin/tool 2>/dev/null",
        )
        .await;
    assert!(result.is_green(), "{:?}\n{}", result.exit, log(&result));
    // It has no sudo, which steps may count on.
    let result = run.bash("sudo -n sh -c 'id -u; touch /usr/bin/tool' 2>/dev/null; id -u").await;
    assert!(result.is_green(), "{:?}\n{}", result.exit, log(&result));
    assert_eq!(log(&result), "0\n1001\n");
    // GitHub runs a job's own container as the image says.
    let mut own = plan(vec![step("id -u; id -un")]);
    own.image.from_container = true;
    own.workspace = JobFolders::new(Some("o/shop"), true).workspace;
    own.steps[0].run.push_str("; pwd; echo $RUNNER_TOOL_CACHE; touch $RUNNER_TEMP/x /__w/shop/x");
    assert_eq!(log(&run.execute(&own, true).await), "0\nroot\n/__w/shop/shop\n/__t\n");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_installed_for_everyone_without_root() {
    let mut run = Run::new("install", |o| o.timeout = Duration::from_secs(240)).await;
    let mut put = |path: &str, text: &str| run.tree.set(path, FileMode::Regular, text.as_bytes());
    put("n/package.json", r#"{"name": "n", "version": "1.0.0", "bin": {"from-npm": "x.js"}}"#);
    put("n/x.js", "#!/usr/bin/env node\nconsole.log('npm')\n");
    put("c/Cargo.toml", "[package]\nname = \"from-cargo\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    put("c/src/main.rs", "fn main() { println!(\"cargo\") }\n");
    put("g/go.mod", "module from-go\n\ngo 1.21\n");
    put("g/main.go", "package main\n\nfunc main() { println(\"go\") }\n");
    put(
        "wheel.py",
        "import sys, zipfile\nn = sys.argv[1]\nz = zipfile.ZipFile(n + '-99-py3-none-any.whl', 'w')\nd = n + '-99.dist-info/'\n\
         z.writestr(n + '.py', 'def main(): print(\"pip\")\\n')\n\
         z.writestr(d + 'METADATA', 'Metadata-Version: 2.1\\nName: ' + n + '\\nVersion: 99\\n')\n\
         z.writestr(d + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')\n\
         z.writestr(d + 'entry_points.txt', '[console_scripts]\\n' + n + ' = ' + n + ':main\\n')\n\
         z.writestr(d + 'RECORD', '')\nz.close()\n",
    );
    let mut plan = plan(vec![
        step("npm install -g --no-audit --no-fund ./n && from-npm"),
        step(
            "python3 wheel.py frompip && pip install -q --no-index ./frompip-99-py3-none-any.whl && frompip",
        ),
        // What the image has for want of a registry is in nobody's way, and is told where nobody installed it.
        step(
            "test \"$(pip list --format freeze | cut -d= -f1)\" = \"$(printf 'frompip\\npip')\"\n\
             ruff --version >/dev/null && python -m pytest --version >/dev/null && ! python -c 'import packaging' 2>/dev/null",
        ),
        step(
            "python3 wheel.py ruff && pip install -q --no-index --find-links . ruff && test \"$(ruff)\" = pip",
        ),
        step("cargo install -q --offline --path c && from-cargo"),
        step("cd g && go install . && from-go"),
        step(
            "rustup component add rustfmt clippy && rustup show && sudo -n apt-get install -s -y hello >/dev/null",
        ),
    ]);
    plan.image.reference = ci_healer::contract::build::MULTI_RUNTIME_IMAGE.to_owned();
    let result = run.execute(&plan, false).await;
    assert!(result.is_green(), "{:?}\n{}", result.exit, log(&result));
    let told = result.notes.iter().find(|note| note.starts_with("no step installed ruff ")).expect("a note");
    assert!(told.contains(", pytest ") && !told.contains("99"), "{told}");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_conditions_and_continue_on_error() {
    let mut run = Run::new("exits", |_| {}).await;
    let tolerated = PlanStep { continue_on_error: true, ..step("exit 3") };
    let always = PlanStep { condition: Some("always()".to_owned()), ..step("echo always") };
    let result =
        run.steps(vec![tolerated, step("false; true"), step("exit 7"), step("echo never"), always]).await;
    // The default shell is `bash -e`: `false; true` fails at once.
    assert_eq!(result.exit, Exit::Exited { code: 1 });
    assert_eq!(result.failed_step, Some(1));
    let outcomes: Vec<_> = result.steps.iter().map(|s| s.outcome).collect();
    use StepOutcome::{Failure, Skipped, Success};
    assert_eq!(outcomes, [Failure, Failure, Skipped, Skipped, Success]);
    assert_eq!(result.steps[0].conclusion, Success);
    assert_eq!(log(&result), "always\n");

    let piped = |shell: Option<&str>| PlanStep { shell: shell.map(str::to_owned), ..step("false | true") };
    assert!(run.steps(vec![piped(None)]).await.is_green());
    assert_eq!(run.steps(vec![piped(Some("bash"))]).await.exit, Exit::Exited { code: 1 });
    let missing = PlanStep { working_directory: "nowhere".to_owned(), ..step("true") };
    assert!(matches!(run.steps(vec![missing]).await.exit, Exit::Exited { code } if code != 0));
    run.close().await;
}

/// What the last execution's steps printed, as it came.
fn live(run: &Run) -> String {
    let events = run.events.0.lock().unwrap();
    let begun = events.iter().rposition(|e| matches!(e, Event::StepStarted { index: 0, .. })).unwrap();
    let shown = events[begun..].iter().filter_map(|event| match event {
        Event::Output { bytes, .. } => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    shown.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_told_apart_and_huge_output_is_cut() {
    let mut run = Run::new("output", |o| o.log_limits = LogLimits { head: 10_000, tail: 10_000 }).await;
    let result = run.bash("echo out; sleep 0.2; echo err >&2; sleep 0.2; echo out2").await;
    assert_eq!(log(&result), "out\nerr\nout2\n");
    let streams: Vec<(Stream, String)> = run
        .events
        .0
        .lock()
        .unwrap()
        .iter()
        .filter_map(|e| match e {
            Event::Output { stream, bytes } => Some((*stream, String::from_utf8_lossy(bytes).into_owned())),
            _ => None,
        })
        .collect();
    let want = [(Stream::Stdout, "out\n"), (Stream::Stderr, "err\n"), (Stream::Stdout, "out2\n")];
    assert_eq!(streams, want.map(|(s, t)| (s, t.to_owned())));

    // Half lines of one stream never stand inside the other's, and none is lost.
    let halves =
        "printf 'test one ... '; printf '::set-output na' >&2; sleep 0.3; printf 'ok\\nleft'; sleep 0.3
        printf 'me=a::1\\n' >&2; sleep 0.3; printf ' over' >&2";
    let mut halves = step(halves);
    halves.id = Some("halves".to_owned());
    let result = run.steps(vec![halves, step("echo next")]).await;
    assert_eq!(log(&result), "test one ... ok\n::set-output name=a::1\nleft\n over\nnext\n");
    assert_eq!(live(&run), log(&result));
    let lines = result.steps.iter().map(|s| s.log.map(|l| (l.first, l.last))).collect::<Vec<_>>();
    assert_eq!(lines, [Some((1, 4)), Some((5, 5))]);

    let result =
        run.bash("echo first; yes 'a line of noise' | head -c 50000000; echo; echo last; exit 9").await;
    assert_eq!(result.exit, Exit::Exited { code: 9 });
    assert!(result.log.len() < 21_000);
    assert!(log(&result).starts_with("first\n") && log(&result).ends_with("last\n"));
    assert!(result.log_cut > 49_000_000);
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_memory_and_processes_are_limited() {
    let mut run = Run::new("limits", |o| {
        o.timeout = Duration::from_secs(15);
        o.memory_bytes = 128 << 20;
        o.pids = 60;
    })
    .await;
    let hog = "perl -e 'my @a; push @a, \"x\" x (8<<20) while 1'";
    assert_eq!(run.bash(hog).await.exit, Exit::OutOfMemory { limit_bytes: 128 << 20 });

    let bomb = run.bash("for i in $(seq 100); do sleep 30 & done; wait").await;
    assert!(!bomb.is_green(), "{bomb:?}");

    let slow =
        PlanStep { timeout_minutes: Some(0.02), continue_on_error: true, ..step("echo begun; sleep 60") };
    let result = run.steps(vec![slow.clone(), step("echo next")]).await;
    assert!(result.is_green(), "{result:?}");
    // Between them the shell may still get to say what became of its child.
    let said = log(&result);
    assert!(said.starts_with("begun\n") && said.ends_with("next\n"), "{said}");
    let result = run.steps(vec![PlanStep { continue_on_error: false, ..slow }]).await;
    assert_eq!(result.exit, Exit::TimedOut { after_seconds: 1 });
    run.close().await;

    let mut run = Run::new("timeout", |o| o.timeout = Duration::from_secs(6)).await;
    let result = run.bash("echo quiet; printf 'half a line'; sleep 100").await;
    assert_eq!(result.exit, Exit::TimedOut { after_seconds: 6 });
    assert_eq!(log(&result), "quiet\nhalf a line");
    run.close().await;
}

/// Each step that ended so is run again so often.
struct Again(i64, u32);

impl StepRepeats for Again {
    fn after(&self, _: usize, exit_code: i64, log: &[u8]) -> u32 {
        assert!(log.ends_with(b"\n") && !log.starts_with(b"first"), "the step's own output");
        if exit_code == self.0 { self.1 } else { 0 }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_is_run_again_leaves_the_run_as_it_was() {
    let mut run = Run::new("again", |_| {}).await;
    let count = "n=$(($(cat /tmp/n 2>/dev/null || echo 0) + 1)); echo $n >/tmp/n; echo seen ${SEEN:-0}";
    let tell = "echo SEEN=$n >>$GITHUB_ENV; echo n=$n >>$GITHUB_OUTPUT";
    let steps = vec![
        step("echo 1; sleep 300 >/dev/null 2>&1 & echo $! >/tmp/pid"),
        step(&format!("{count}; {tell}; exit $((n == 3))")),
        step("kill -0 $(cat /tmp/pid) || exit 9; echo SEEN=$SEEN n=$(cat /tmp/n)"),
    ];
    let (green, red) = (Again(0, 3), Again(1, 1));
    let result = run.repeating(&plan(steps), &green).await;
    assert!(result.is_green(), "{result:?}");
    assert_eq!(log(&result), "1\nseen 0\nSEEN=1 n=4\n", "repeats print nothing and tell later steps nothing");
    let codes: Vec<_> = result.repeats.iter().map(|r| (r.step, r.exit_code)).collect();
    assert_eq!(codes.iter().filter(|(step, _)| *step == 1).collect::<Vec<_>>(), [&(1, 0), &(1, 1), &(1, 0)]);
    assert_eq!(result.steps.len(), 3);

    let result = run.repeating(&plan(vec![step("echo no; exit 1"), step("echo never")]), &red).await;
    assert_eq!((result.exit.clone(), result.failed_step), (Exit::Exited { code: 1 }, Some(0)));
    assert_eq!(result.repeats.iter().map(|r| r.exit_code).collect::<Vec<_>>(), [1]);
    assert_eq!(log(&result), "no\n");
    // A repeat that hangs is none, and costs the run nothing.
    let hangs = "echo x; test -e /tmp/once && sleep 300; touch /tmp/once";
    let result = run.repeating(&plan(vec![step(hangs)]), &Again(0, 2)).await;
    assert!(result.is_green() && result.repeats.is_empty(), "{result:?}");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_that_holds_the_output_does_not_hold_the_job() {
    let mut run = Run::new("pipes", |_| {}).await;
    let result = run.steps(vec![step("setsid sleep 300 & echo done"), step("echo next")]).await;
    assert!(result.is_green(), "{result:?}");
    assert_eq!(log(&result), "done\nnext\n");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_volume_follows_the_tree() {
    let mut run = Run::new("mirror", |_| {}).await;
    run.tree =
        Tree::default().with("a.txt", "one\n").with("dir/b.txt", "two\n").with("gone/c.txt", "three\n");
    run.tree.set("run.sh", FileMode::Executable, b"#!/bin/sh\necho ran\n");
    run.tree.set("link", FileMode::Symlink, b"dir/b.txt");
    let result =
        run.bash("cat a.txt link; ./run.sh; echo built > built; echo dirty > a.txt; rm -rf dir").await;
    assert!(result.is_green(), "{}", log(&result));
    assert_eq!(log(&result), "one\ntwo\nran\n");

    // What steps did to tracked files is undone, what they built stays, what is no longer tracked goes.
    run.tree.remove(&RepoPath::new("gone/c.txt").unwrap());
    run.tree.set("new.txt", FileMode::Regular, b"new\n");
    let result = run.bash("cat a.txt dir/b.txt new.txt built; test ! -e gone/c.txt").await;
    assert!(result.is_green(), "{}", log(&result));
    assert_eq!(log(&result), "one\ntwo\nnew\nbuilt\n");

    // From scratch, nothing that was built is there.
    let result = run.execute(&plan(vec![step("test ! -e built; cat a.txt")]), true).await;
    assert!(result.is_green(), "{}", log(&result));

    // A tool's own fix is read back, and hostile shapes are no files.
    let script = "echo fixed > a.txt; rm new.txt; rm dir/b.txt; ln -s /etc/passwd dir/b.txt";
    assert!(run.bash(script).await.is_green());
    let changed = run.executor.changed_files(&run.tree, &run.scope).await.unwrap();
    let changed: Vec<_> =
        changed.into_iter().map(|(p, c)| (p.to_string(), c.map(|c| String::from_utf8(c).unwrap()))).collect();
    assert_eq!(
        changed,
        [
            ("a.txt".to_owned(), Some("fixed\n".to_owned())),
            ("dir/b.txt".to_owned(), None),
            ("new.txt".to_owned(), None)
        ]
    );
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_holds_nothing_worth_stealing() {
    let mut run = Run::new("secrets", |o| {
        o.network = Network::Off;
        o.env.insert("ACTIONS_RUNTIME_TOKEN".to_owned(), "canary".to_owned());
        o.env.insert("INPUT_PUSH-TOKEN".to_owned(), "canary".to_owned());
    })
    .await;
    let result = run
        .bash(
            "test ! -e /var/run/docker.sock; if env | grep canary; then exit 1; fi\n\
             grep CapBnd /proc/self/status\nls /sys/class/net\ncat /proc/1/comm",
        )
        .await;
    assert!(result.is_green(), "{}", log(&result));
    // Docker's default set less NET_RAW, MKNOD, AUDIT_WRITE, SYS_CHROOT and SETFCAP; no network but loopback.
    assert_eq!(log(&result), "CapBnd:\t00000000000005fb\nlo\ndocker-init\n");
    run.close().await;

    let mut run = Run::new("strict", |o| o.hardening = Hardening::Strict).await;
    run.tree = Tree::default().with("a", "x");
    let result = run.bash("id -u; grep -E 'CapEff|NoNewPrivs' /proc/self/status; echo y > a; cat a").await;
    assert!(result.is_green(), "{}", log(&result));
    assert_eq!(log(&result), "1001\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\ny\n");
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_from_us_or_from_outside_is_told_and_leaves_nothing() {
    let mut run = Run::new("stop", |_| {}).await;
    let scope = run.scope.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(2)).await;
        scope.stop(StopReason::Interrupted);
    });
    assert_eq!(run.bash("sleep 100").await.exit, Exit::Cancelled);
    let name = run.run.clone();
    run.close().await;
    assert!(left_by(&name).is_empty());

    let mut run = Run::new("killed", |_| {}).await;
    let filter = format!("label=ci-healer.run={}", run.run);
    let killer = tokio::task::spawn_blocking(move || {
        for _ in 0..600 {
            std::thread::sleep(Duration::from_millis(200));
            let id = docker(&["ps", "-q", "--filter", &filter]);
            if !id.is_empty() {
                std::thread::sleep(Duration::from_millis(1500));
                docker(&["kill", &id]);
                return;
            }
        }
    });
    let result = run.bash("sleep 100").await;
    killer.await.unwrap();
    assert!(matches!(result.exit, Exit::Infrastructure { .. }), "{result:?}");
    assert!(run.bash("true").await.is_green(), "the next execution works");
    let name = run.run.clone();
    // Dropped instead of closed, as on a panic.
    drop(run);
    assert_eq!(left_by(&name), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_removes_dead_runs_and_spares_live_ones() {
    let mut live = Run::new("live", |_| {}).await;
    assert!(live.bash("true").await.is_green());
    let dead = unique("dead");
    let label = format!("ci-healer.run={dead}");
    let labels =
        ["--label", &label, "--label", "ci-healer.owner=process x y 1 1", "--label", "ci-healer.expires=1"];
    docker(&[&["volume", "create"], &labels[..], &[&dead]].concat());
    docker(&[&["network", "create"], &labels[..], &[&dead]].concat());
    docker(&[&["create"], &labels[..], &[BASE, "true"]].concat());
    let unknown = unique("elsewhere");
    let label = format!("ci-healer.run={unknown}");
    let labels = [
        "--label",
        &label,
        "--label",
        "ci-healer.owner=process x y 1 1",
        "--label",
        "ci-healer.expires=99999999999",
    ];
    docker(&[&["volume", "create"], &labels[..], &[&unknown]].concat());

    let other = Run::new("sweeper", |_| {}).await;
    other.executor.sweep().await.unwrap();
    assert_eq!(left_by(&dead), Vec::<String>::new());
    assert_eq!(left_by(&unknown).len(), 1, "a run that cannot be seen from here lives until it expires");
    assert!(!left_by(&live.run).is_empty());
    assert!(live.bash("true").await.is_green());
    docker(&["volume", "rm", &unknown]);
    other.close().await;
    live.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_out_of_sight_lives_while_its_sandbox_or_its_kernel_s_time_does() {
    need_engine();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let boot = boot.trim();
    let label = |name: &str, value: &str| format!("--label=ci-healer.{name}={value}");
    // Another pid namespace of this kernel, as in a container that the engine does not know.
    let owner = label("owner", &format!("process {boot} pid:[1] 1 1"));
    // The clock was set forward: its date is over, its time is not.
    let jumped = unique("jumped");
    let uptime = label("expires-uptime", &format!("{boot} 99999999999"));
    docker(&["volume", "create", &label("run", &jumped), &owner, &label("expires", "1"), &uptime, &jumped]);
    // It takes longer than it said, and is still at work. (Others sweep as well: until that runs, it has time left.)
    let late = unique("late");
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let over = now() + 30;
    let (run, expires) = (label("run", &late), label("expires", &over.to_string()));
    let of_late = [&run, &owner, &expires].map(String::as_str);
    docker(&[&["network", "create"], &of_late[..], &[&late]].concat());
    let sandbox = label("role", "sandbox");
    let start = ["run", "-d", "--rm", "--name", &late, "--network", &late, &sandbox];
    docker(&[&start[..], &of_late[..], &[BASE, "sleep", "300"]].concat());
    // A service runs on when everybody else is gone.
    let gone = unique("gone");
    let run = label("run", &gone);
    let of_gone = [&run, &owner, &expires].map(String::as_str);
    let service = label("role", "service");
    docker(&[&["run", "-d", "--rm", &service], &of_gone[..], &[BASE, "sleep", "300"]].concat());

    let sweeper = Run::new("sweeper", |_| {}).await;
    while now() <= over {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    sweeper.executor.sweep().await.unwrap();
    let left = [&jumped, &late, &gone].map(|run| left_by(run).len());
    docker(&["rm", "-f", &late]);
    sweeper.executor.sweep().await.unwrap();
    let then = left_by(&late);
    docker(&["volume", "rm", "-f", &jumped]);
    assert_eq!(left, [1, 2, 0], "jumped, late, gone");
    assert_eq!(then, Vec::<String>::new(), "its sandbox has ended, and with it the run");
    sweeper.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn later_executions_start_from_the_prepared_sandbox() {
    let mut run = Run::new("snapshot", |_| {}).await;
    let setup = PlanStep {
        setup: true,
        installs: Some(vec!["scripts/install".to_owned()]),
        ..step("sleep 3.2; echo installed > /opt/tool; echo READY=yes >> $GITHUB_ENV; echo set up")
    };
    let plan = plan(vec![setup, step("cat /opt/tool; echo ready=$READY; test -e fixed")]);
    let first = run.execute(&plan, false).await;
    assert_eq!((first.failed_step, log(&first).as_str()), (Some(1), "set up\ninstalled\nready=yes\n"));
    run.tree.set("fixed", FileMode::Regular, b"");
    let second = run.execute(&plan, false).await;
    assert!(second.is_green(), "{second:?}");
    assert_eq!(log(&second), "installed\nready=yes\n");
    assert_eq!(second.image_id, first.image_id);
    // A manifest changed: the set-up has to run again. From scratch it runs anyway.
    run.tree.set("requirements.txt", FileMode::Regular, b"x");
    assert!(log(&run.execute(&plan, false).await).starts_with("set up\n"));
    assert!(log(&run.execute(&plan, true).await).starts_with("set up\n"));
    // So does what a script of its own decides.
    assert!(!log(&run.execute(&plan, false).await).starts_with("set up\n"));
    // Nothing of earlier executions, but what was set up: as runs with the packages of another day have it.
    let leaves = |script: &str| {
        let mut plan = plan.clone();
        plan.steps[1] = step(script);
        plan
    };
    run.execute(&leaves("touch left"), false).await;
    let again = run.request(&leaves("cat /opt/tool; test ! -e left"), true, true, None).await;
    assert_eq!((again.is_green(), log(&again).as_str()), (true, "installed\n"), "{again:?}");
    run.tree.set("scripts/install", FileMode::Executable, b"x");
    assert!(log(&run.execute(&plan, false).await).starts_with("set up\n"));
    run.close().await;
}

/// Steps before the failing one as CI's record has them, on a source that is fixed between two executions.
async fn rebuilds(files: &[(&str, &str)], steps: &[&str], fix: (&str, &str)) {
    let mut run = Run::new("rebuilds", |o| {
        o.timeout = Duration::from_secs(240);
        o.memory_bytes = 1 << 30;
    })
    .await;
    for (path, text) in files {
        run.tree.set(path, FileMode::Regular, text.as_bytes());
    }
    run.tree.set("scripts/install", FileMode::Executable, b"#!/bin/sh\nset -e\nsleep 3.1\necho installed\n");
    let mut workflow = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - name: Install\n        run: scripts/install\n".to_owned();
    let mut ci = vec![("Install".to_owned(), "success")];
    for (number, script) in steps.iter().enumerate() {
        workflow.push_str(&format!("      - name: Step {number}\n        run: {script}\n"));
        ci.push((format!("Step {number}"), if number + 1 == steps.len() { "failure" } else { "success" }));
    }
    run.tree.set(".github/workflows/ci.yml", FileMode::Regular, workflow.as_bytes());
    let ci = ci
        .into_iter()
        .map(|(name, conclusion)| CiStep { name, conclusion: Some(Conclusion::from(conclusion.to_owned())) });
    let failed = [FailedJob { name: "test".to_owned(), steps: ci.collect() }];
    let mut planned =
        plan_of(&PlanRequest { failed: &failed, ..PlanRequest::of(&run.tree) }).unwrap().remove(0).plan;
    planned.image.reference = ci_healer::contract::build::MULTI_RUNTIME_IMAGE.to_owned();
    assert!(planned.steps[..steps.len()].iter().all(|s| s.setup), "{planned:?}");
    let first = run.execute(&planned, false).await;
    assert!(log(&first).starts_with("installed\n"), "{}", log(&first));
    assert_eq!(first.failed_step, Some(steps.len()), "{}", log(&first));
    run.tree.set(fix.0, FileMode::Regular, fix.1.as_bytes());
    let second = run.execute(&planned, false).await;
    assert!(second.is_green(), "{}", log(&second));
    assert!(!log(&second).contains("installed"), "what only installs runs once: {}", log(&second));
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn typescript_is_compiled_again_with_the_fix() {
    let right = "export function add(a: number, b: number): number {\n  return a + b;\n}\n";
    let wrong = right.replace('+', "-");
    let manifest = r#"{"name": "w", "version": "1.0.0", "scripts": {"build": "tsc --outDir dist --module commonjs src/sum.ts", "test": "node test.js"}}"#;
    let test = "require('node:assert').strictEqual(require('./dist/sum.js').add(2, 3), 5);\n";
    let files = [("src/sum.ts", &*wrong), ("package.json", manifest), ("test.js", test)];
    rebuilds(&files, &["npm run build", "npm test"], ("src/sum.ts", right)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn java_is_compiled_again_with_the_fix() {
    let right = "public class Sum {\n  static int add(int a, int b) { return a + b; }\n  public static void main(String[] x) {\n    if (add(2, 3) != 5) throw new AssertionError(\"5\");\n  }\n}\n";
    let wrong = right.replace("a + b", "a - b");
    rebuilds(
        &[("src/Sum.java", &*wrong)],
        &["javac -d out src/Sum.java", "java -cp out Sum"],
        ("src/Sum.java", right),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_may_end_with_the_set_up() {
    let mut run = Run::new("setup-only", |o| o.network = Network::SetupOnly).await;
    let look = "ls /sys/class/net | grep -qx eth0 && echo outside || echo alone";
    let plan = plan(vec![PlanStep { setup: true, ..step(look) }, step(look)]);
    for fresh in [false, true] {
        assert_eq!(log(&run.execute(&plan, fresh).await), "outside\nalone\n");
    }
    run.close().await;
}

/// Not a test by itself: what [`a_killed_run_is_swept_by_the_next`] kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, which kills it"]
async fn runs_until_killed() {
    let Ok(run_id) = std::env::var("TEST_RUN_ID") else { return };
    let mut run = Run::new("unused", |o| o.run_id = run_id).await;
    run.bash("sleep 120").await;
}

/// Not a test by itself: its panic unwinds no thread that holds the sandbox, as none does in a build that aborts.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by another test, as a process of its own"]
async fn panics_with_a_sandbox_running() {
    let Ok(run_id) = std::env::var("TEST_RUN_ID") else { return };
    ci_healer::after_panic::end_the_process(Duration::from_secs(10));
    let mut run = Run::new("unused", |o| o.run_id = run_id.clone()).await;
    std::thread::spawn(move || {
        wait_until_running(&run_id);
        // Whoever started this looks for the sandbox as well.
        std::thread::sleep(Duration::from_secs(2));
        panic!("a fault of our own");
    });
    run.bash("sleep 120").await;
}

/// Starts one of the above under the given run id.
fn as_a_process(test: &str, run: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored"])
        .env("TEST_RUN_ID", run)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

fn running(run: &str) -> String {
    docker(&["ps", "-q", "--filter", &format!("label=ci-healer.run={run}")])
}

fn wait_until_running(run: &str) {
    for _ in 0..600 {
        if !running(run).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("the sandbox did not come up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_leaves_nothing_though_no_destructor_runs() {
    need_engine();
    let name = unique("panic");
    let mut child = as_a_process("executor::panics_with_a_sandbox_running", &name);
    wait_until_running(&name);
    assert_eq!(child.wait().unwrap().code(), Some(101));
    assert_eq!(left_by(&name), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_run_is_swept_by_the_next() {
    need_engine();
    let name = unique("sigkill");
    let mut child = as_a_process("executor::runs_until_killed", &name);
    wait_until_running(&name);
    let volumes = left_by(&name).into_iter().filter(|l| l.starts_with("volume ")).count();
    assert!(volumes > 0, "there is something to leave behind");
    child.kill().unwrap();
    child.wait().unwrap();
    // The container ends by itself: its input was our connection. What it leaves may be gone at once: every run that
    // starts beside this test sweeps as well.
    for _ in 0..600 {
        if running(&name).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(running(&name), "");
    let next = Run::new("next", |_| {}).await;
    next.executor.sweep().await.unwrap();
    assert_eq!(left_by(&name), Vec::<String>::new());
    next.close().await;
}

/// An engine makes a volume anew that is removed while a container with it is on its way, as when a run is stopped at
/// that moment. It must carry our labels then, or no sweep would find it.
#[tokio::test(flavor = "multi_thread")]
async fn a_volume_that_an_engine_makes_by_itself_is_ours_as_well() {
    let mut run = Run::new("volume", |_| {}).await;
    let filter = format!("label=ci-healer.run={}", run.run);
    let look = async {
        for _ in 0..100 {
            let id = docker(&["ps", "-q", "--filter", &filter]);
            if !id.is_empty() {
                return docker(&["inspect", "--format", "{{json .HostConfig.Mounts}}", &id]);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        String::new()
    };
    let (result, mounts) = tokio::join!(run.bash("sleep 2"), look);
    assert!(result.is_green(), "{result:?}");
    let mounts: serde_json::Value = serde_json::from_str(&mounts).unwrap();
    for mount in mounts.as_array().unwrap() {
        assert_eq!(mount["VolumeOptions"]["Labels"]["ci-healer.run"], run.run.as_str(), "{mount}");
    }
    run.close().await;
}

fn service(name: &str, image: &str, port: &str, options: &str) -> Service {
    Service {
        name: name.to_owned(),
        image: image.to_owned(),
        env: BTreeMap::from([("POSTGRES_PASSWORD".to_owned(), "pw".to_owned())]),
        ports: vec![port.to_owned()],
        volumes: Vec::new(),
        options: Some(options.to_owned()),
    }
}

/// PostgreSQL and Redis from Debian's packages, built once.
fn service_images() {
    test_images(&["redis", "postgres"]);
}

fn test_images(targets: &[&str]) {
    need_engine();
    let context = concat!(env!("CARGO_MANIFEST_DIR"), "/docker/test-services");
    for target in targets {
        let image = format!("ci-healer/test-{target}");
        let there =
            Command::new("docker").args(["image", "inspect", &image]).output().unwrap().status.success();
        if !there {
            let base = format!("BASE={BASE}");
            let args = ["build", "-q", "--build-arg", &base, "--target", target, "-t", &image, context];
            let built = Command::new("docker").args(args).env("DOCKER_BUILDKIT", "0").status().unwrap();
            assert!(built.success(), "building {image} failed");
        }
    }
}

/// A container of the step's own, with these arguments for bash.
fn container(script: &str, minutes: Option<f64>) -> PlanStep {
    let env = [
        (ENTRYPOINT, "bash"),
        ("CI_HEALER_ACTION_ARGUMENT_000", "-c"),
        ("CI_HEALER_ACTION_ARGUMENT_001", script),
        ("INPUT_ODD-DIR", "/home/runner/work/repository/repository/sub"),
    ];
    PlanStep {
        id: Some("box".to_owned()),
        name: "a container".to_owned(),
        env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        timeout_minutes: minutes,
        action: Some(ActionStep {
            program: format!("docker://{BASE}"),
            phase: ActionPhase::Main,
            instance: 1,
        }),
        ..blank_step()
    }
}

/// What SECURITY.md promises of a sandbox holds for a Docker action's container, and it has the runner's folders.
#[tokio::test(flavor = "multi_thread")]
async fn a_docker_action_has_what_a_sandbox_has_and_no_more() {
    const SCRIPT: &str = "\
        id -u; pwd; cat made; echo \"$HOME $GITHUB_WORKSPACE $GITHUB_EVENT_PATH\"; cat $GITHUB_EVENT_PATH\n\
        env | grep '^INPUT_ODD'; env | grep -c 'canary\\|CI_HEALER_ACTION'; printenv SHELL ImageOS\n\
        test ! -e /var/run/docker.sock || echo socket; grep CapBnd /proc/self/status\n\
        cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null\n\
        cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null\n\
        for at in 169.254.169.254 169.254.170.2; do timeout 2 bash -c \"</dev/tcp/$at/80\" 2>/dev/null && echo reached; done\n\
        grep -c ' /\\(host\\|home\\|ci-healer\\)[ /]' /proc/mounts; ls /github/home\n\
        echo kept >~/kept; echo 42 >made-by-it; echo SAYS=hi >>$GITHUB_ENV; echo value=7 >>$GITHUB_OUTPUT\n\
        mount -t tmpfs none /mnt 2>/dev/null && echo mounted; exit 0";
    let mut run = Run::new("container", |o| {
        o.memory_bytes = 512 << 20;
        o.pids = 300;
        o.event = Some("{\"ref\":1}".to_owned());
        o.env.insert("ACTIONS_RUNTIME_TOKEN".to_owned(), "canary".to_owned());
    })
    .await;
    let again = container("cat ~/kept; cat $GITHUB_ENV; exit 3", None);
    let again = PlanStep { id: None, continue_on_error: true, ..again };
    let never_ends = container("echo begun; sleep 100", Some(0.05));
    let steps = vec![
        step("echo x >made"),
        container(SCRIPT, None),
        step("cat made-by-it; echo \"$SAYS ${{ steps.box.outputs.value }}\""),
        again,
        never_ends,
    ];
    let result = run.execute(&plan(steps), false).await;
    let limits = format!("{}\n300\n", 512 << 20);
    let said = format!(
        "0\n/github/workspace\nx\n/github/home /github/workspace /github/workflow/event.json\n{{\"ref\":1}}\
         INPUT_ODD-DIR=/github/workspace/sub\n0\nCapBnd:\t00000000000005fb\n{limits}0\n42\nhi 7\nkept\nbegun\n"
    );
    assert_eq!(log(&result), said);
    assert_eq!(result.steps[3].exit_code, Some(3));
    assert!(matches!(result.exit, Exit::TimedOut { .. }), "{:?}", result.exit);
    let name = run.run.clone();
    run.close().await;
    assert!(left_by(&name).is_empty());
}

/// A container of what this Dockerfile of the repository makes.
fn built(dockerfile: &str) -> PlanStep {
    let folder = "/home/runner/work/repository/repository/.github/actions";
    let program = format!("dockerfile:{folder}/{dockerfile}");
    PlanStep {
        id: Some("built".to_owned()),
        name: "a build".to_owned(),
        env: BTreeMap::from([("INPUT_WHO".to_owned(), "canary of the step".to_owned())]),
        action: Some(ActionStep { program, phase: ActionPhase::Main, instance: 1 }),
        ..blank_step()
    }
}

/// Says what the place is like that it runs in.
const LOOK: &str = "\
    id -u; pwd; grep CapBnd /proc/self/status; grep NoNewPrivs /proc/self/status\n\
    cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null\n\
    cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null\n\
    test ! -e /var/run/docker.sock || echo socket; env | grep -c canary\n\
    for at in 169.254.169.254 169.254.170.2; do timeout 2 bash -c \"</dev/tcp/$at/80\" 2>/dev/null && echo reached; done\n\
    grep -c ' /\\(host\\|home\\|github\\|workspace\\|ci-healer\\)[ /]' /proc/mounts; ls; echo \"$GREETING ${NOT_SET-none}\"\n\
    mount -t tmpfs none /mnt 2>/dev/null && echo mounted; true\n";

/// A `RUN` runs it, another stage takes what it said, and the action's own program shows it.
const DOCKERFILE: &str = "\
ARG BASE=ci-healer/base:trixie
FROM scratch AS never
COPY absent /
FROM $BASE AS look
ARG WHO=world NOT_SET
ENV GREETING=\"hello ${WHO}\"
WORKDIR /look/here
COPY *.sh more ./
RUN bash look.sh >said && \\
    # nothing of this line is run
    chmod 644 said
FROM scratch AS files
COPY --from=look /look/here/said /all/said
FROM ${BASE}
ENV PREFIX=it
COPY --from=files /all /
COPY --chmod=755 --chown=1001 <<'EOF' /bin/run
#!/bin/sh
echo \"$PREFIX is $*\"; stat -c '%a %u:%g' /bin/run; cat /said; cat made; echo built >by-it; echo value=7 >>$GITHUB_OUTPUT
EOF
ENTRYPOINT [\"/bin/run\"]
CMD [\"by\", \"default\"]
";

/// What SECURITY.md promises of a sandbox holds for each `RUN` of a Dockerfile, which an engine's own build does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_of_an_action_has_what_a_sandbox_has_and_no_more() {
    let mut run = Run::new("build", |o| {
        o.memory_bytes = 512 << 20;
        o.pids = 300;
        o.env.insert("ACTIONS_RUNTIME_TOKEN".to_owned(), "canary".to_owned());
        o.passed_on.insert("DEPLOY_KEY".to_owned(), "canary".to_owned());
    })
    .await;
    let folder = ".github/actions";
    run.tree = Tree::default()
        .with(&format!("{folder}/Dockerfile"), DOCKERFILE)
        .with(&format!("{folder}/look.sh"), LOOK)
        .with(&format!("{folder}/left-out.sh"), "exit 1")
        .with(&format!("{folder}/more/deep/file"), "")
        .with(&format!("{folder}/.dockerignore"), "left-*\n");
    let steps = vec![
        step("echo from the workspace >made"),
        built("Dockerfile"),
        step("cat by-it; echo ${{ steps.built.outputs.value }}"),
    ];
    let plan = plan(steps);
    let result = run.execute(&plan, false).await;
    let said = format!(
        "it is by default\n755 1001:1001\n0\n/look/here\nCapBnd:\t00000000000005fb\nNoNewPrivs:\t0\n{}\n300\n0\n0\n\
         deep\nlook.sh\nsaid\nhello world none\nfrom the workspace\nbuilt\n7\n",
        512 << 20
    );
    assert!(result.is_green(), "{:?}\n{}", result.exit, log(&result));
    assert_eq!(log(&result), said);
    let role = |role: &str| {
        let mine = format!("label=ci-healer.run={}", run.run);
        let role = format!("label=ci-healer.role={role}");
        docker(&["ps", "-aq", "--filter", &mine, "--filter", &role]).lines().count()
    };
    assert_eq!((role("build"), role("action")), (0, 0), "its containers are gone");
    let images =
        |run: &str| left_by(run).into_iter().filter(|left| left.starts_with("image ")).collect::<Vec<_>>();
    let built = images(&run.run);
    assert!(!built.is_empty());
    assert_eq!(log(&run.execute(&plan, true).await), said, "the same files make the same image");
    assert_eq!(images(&run.run), built, "and it is built once");
    let name = run.run.clone();
    run.close().await;
    assert!(left_by(&name).is_empty(), "{:?}", left_by(&name));
}

/// Whatever a Dockerfile wants, its step fails by its name, and nothing stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_wants_more_than_a_sandbox_fails_its_step_by_name() {
    let mut run = Run::new("hostile-build", |o| o.memory_bytes = 512 << 20).await;
    let wants = [
        (
            "metadata",
            "RUN echo asking; timeout 5 bash -c 'cat </dev/tcp/169.254.169.254/80'\n",
            "line 2 of its Dockerfile, `RUN echo asking; timeout 5",
        ),
        (
            "memory",
            "RUN bash -c 'x=$(head -c 900000000 /dev/zero | tr \"\\0\" a); echo ${#x}'\n",
            "the kernel killed a process at the memory limit of 536870912 bytes",
        ),
        ("privilege", "RUN --security=insecure true\n", "`RUN --security=insecure` is not done here"),
        ("address", "ADD http://169.254.169.254/x /x\n", "would fetch from outside of the sandbox"),
        (
            "outside",
            "COPY ../../../../etc/passwd /x\n",
            "`../../../../etc/passwd` is not in what is copied from",
        ),
        ("archive", "ADD packed /x\n", "it would unpack an archive"),
    ];
    for (name, text, _) in &wants {
        let path = format!(".github/actions/{name}.Dockerfile");
        run.tree.set(&path, FileMode::Regular, format!("FROM {BASE}\n{text}").as_bytes());
    }
    run.tree.set(".github/actions/packed", FileMode::Regular, b"\x1f\x8b\x08 and so on");
    for (name, _, says) in &wants {
        let result = run.execute(&plan(vec![built(&format!("{name}.Dockerfile"))]), false).await;
        assert_eq!(result.exit, Exit::Exited { code: 1 }, "{name}: {}", log(&result));
        let note = result.steps[0].note.as_deref().unwrap_or_default();
        assert!(note.starts_with("its image could not be built: ") && note.contains(says), "{name}: {note}");
        assert!(log(&result).contains(note), "{name}: {}", log(&result));
    }
    let name = run.run.clone();
    run.close().await;
    assert!(left_by(&name).is_empty(), "{:?}", left_by(&name));
}

/// Under strict hardening a build is no root either, and says so where it would have to be.
#[tokio::test(flavor = "multi_thread")]
async fn under_strict_hardening_no_build_is_root() {
    let mut run = Run::new("strict-build", |o| o.hardening = Hardening::Strict).await;
    let own = format!(
        "FROM {BASE}\nRUN (id -u; grep CapBnd /proc/self/status; grep NoNewPrivs /proc/self/status) >/tmp/said\n\
         ENTRYPOINT [\"cat\", \"/tmp/said\"]\n"
    );
    run.tree.set(".github/actions/Dockerfile", FileMode::Regular, own.as_bytes());
    let result = run.execute(&plan(vec![built("Dockerfile")]), false).await;
    assert_eq!(log(&result), "1001\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n");
    let of_root = format!("FROM {BASE}\nUSER root\nRUN touch /of-root\n");
    run.tree.set(".github/actions/Dockerfile", FileMode::Regular, of_root.as_bytes());
    let result = run.execute(&plan(vec![built("Dockerfile")]), false).await;
    let note = result.steps[0].note.clone().unwrap_or_default();
    assert!(note.ends_with("it ended with exit code 1; under `hardening: strict` nothing is root"), "{note}");
    run.close().await;
}

/// Another repository's action is built before the network is taken away; a local one when its step's turn comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_brought_action_is_built_while_there_is_a_network() {
    let mut run = Run::new("ahead", |o| o.network = Network::SetupOnly).await;
    let text = format!("FROM {BASE}\nRUN ls /sys/class/net >/nets\nENTRYPOINT [\"cat\", \"/nets\"]\n");
    run.tree.set(".github/actions/Dockerfile", FileMode::Regular, format!("{text}CMD []\n").as_bytes());
    run.tree.set("Dockerfile", FileMode::Regular, text.as_bytes());
    let brings = "mkdir /ci-healer/actions/x; cp Dockerfile /ci-healer/actions/x";
    let mut brought = built("");
    brought.action.as_mut().unwrap().program = "dockerfile:/ci-healer/actions/x/Dockerfile".to_owned();
    let first = PlanStep { setup: true, ..step(brings) };
    let result = run.execute(&plan(vec![first, brought, built("Dockerfile")]), false).await;
    assert!(result.is_green(), "{:?}\n{}", result.exit, log(&result));
    assert_eq!(log(&result), "eth0\nlo\nlo\n");
    run.close().await;
}

/// What a Docker action's image, or its base, cannot be had for is no word of the code's; where CI shows that the step did
/// its work, the run goes on without it.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_an_action_that_cannot_be_had_is_no_fault_of_the_code() {
    let mut run = Run::new("no-image", |_| {}).await;
    run.tree.set(".github/actions/Dockerfile", FileMode::Regular, b"FROM 127.0.0.1:1/absent\n");
    let mut named = built("Dockerfile");
    named.action.as_mut().unwrap().program = "docker://127.0.0.1:1/absent".to_owned();
    for mut absent in [named, built("Dockerfile")] {
        let result = run.execute(&plan(vec![absent.clone()]), false).await;
        assert_eq!(result.exit, Exit::Exited { code: 1 });
        let note = result.steps[0].note.clone().unwrap_or_default();
        assert!(note.starts_with("its image could not be had: image 127.0.0.1:1/absent: "), "{note}");
        assert!(note.contains("the registry cannot be reached"), "{note}");
        (absent.passed_in_ci, absent.continue_on_error) = (true, true);
        let result = run.execute(&plan(vec![absent, step("echo goes on")]), false).await;
        assert!(result.is_green(), "{:?}", result.exit);
        assert!(log(&result).contains(&note), "{}", log(&result));
        let says = "passed in CI and fails here";
        assert!(result.notes.iter().any(|note| note.contains(says)), "{:?}", result.notes);
    }
    run.close().await;
}

/// Debian's engine stands for Docker's own image, which only a registry has.
#[tokio::test(flavor = "multi_thread")]
async fn steps_have_a_docker_engine_of_their_own_where_that_is_asked_for() {
    test_images(&["docker"]);
    let mut run = Run::new("docker", |o| o.docker = Some("ci-healer/test-docker".to_owned())).await;
    let result = run
        .bash(
            "docker version --format 'client {{.Client.Os}} server {{.Server.Os}}'\n\
             tar -C / -c bin lib lib64 usr/bin/cat usr/lib64 usr/lib/x86_64-linux-gnu/libc.so.6 \
             usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 | docker import - tiny >/dev/null\n\
             echo inside >made; printf 'FROM tiny\\nCOPY made /made\\nRUN [\"cat\", \"/made\"]\\n' >Dockerfile\n\
             DOCKER_BUILDKIT=0 docker build -q -t built . >/dev/null 2>&1 && docker run --rm built cat /made\n\
             docker run --rm -v \"$PWD:/src\" tiny cat /src/made\n\
             docker ps -aq | wc -l; ! mount -t tmpfs none /mnt 2>/dev/null",
        )
        .await;
    assert!(result.is_green(), "{:?}\n{}", result.exit, log(&result));
    assert_eq!(log(&result), "client linux server linux\ninside\ninside\n0\n");
    run.close().await;
    // Nothing brings one without a word.
    let mut run = Run::new("no-docker", |_| {}).await;
    let result = run.bash("docker version").await;
    assert_eq!(result.exit, Exit::Exited { code: 127 });
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_ends_before_its_job_is_told_of_when_that_fails() {
    need_engine();
    let image = unique("brief");
    let container = docker(&["create", BASE, "true"]);
    let words = r#"CMD ["sh", "-c", "echo out of licences; sleep 2; exit 9"]"#;
    docker(&["commit", "--change", words, &container, &image]);
    docker(&["rm", &container]);
    let mut run = Run::new("brief", |_| {}).await;
    let mut plan = plan(vec![step("sleep 5; exit 1")]);
    plan.services = vec![service("licences", &image, "1:1", "")];
    let failed = run.execute(&plan, false).await;
    assert_eq!(failed.exit, Exit::Exited { code: 1 });
    let told = "service licences ended with exit code 9 before the job did; its last lines:\nout of licences";
    assert!(failed.notes.iter().any(|n| n == told), "{:?}", failed.notes);
    plan.steps = vec![step("sleep 5")];
    let green = run.execute(&plan, false).await;
    assert!(green.is_green() && green.notes.is_empty(), "{:?}", green.notes);
    run.close().await;
    docker(&["rmi", &image]);
}

#[tokio::test(flavor = "multi_thread")]
async fn services_answer_by_name_and_on_localhost() {
    service_images();
    for network in [Network::On, Network::Off] {
        let mut run = Run::new("services", |o| o.network = network).await;
        let health =
            "--health-cmd \"redis-cli ping\" --health-interval 1s --health-timeout 5s --health-retries 20";
        let ready = "--health-cmd \"/usr/lib/postgresql/17/bin/pg_isready -h localhost\" --health-interval 1s --health-retries 30";
        let mut plan = plan(vec![step(
            "ask() { perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => $ARGV[1]) or die $!; \
             binmode $s; syswrite $s, pack(\"H*\", $ARGV[2]); sysread $s, $b, 100; print unpack(\"H*\", $b), \"\\n\"' $1 $2 $3; }\n\
             ask cache 6379 50494e470d0a\nask localhost 6380 50494e470d0a\n\
             ask db 5432 0000000804d2162f\nask localhost 5432 0000000804d2162f",
        )]);
        plan.services = vec![
            service("cache", "ci-healer/test-redis", "6380:6379", health),
            service("db", "ci-healer/test-postgres", "5432:5432", ready),
        ];
        let result = run.execute(&plan, false).await;
        assert!(result.is_green(), "{result:?}\n{}", log(&result));
        // Redis: `+PONG`; PostgreSQL, asked for TLS: a plain yes or no.
        let log = log(&result);
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!(lines[..2], ["2b504f4e470d0a"; 2]);
        assert!(lines[2..].iter().all(|l| ["4e", "53"].contains(l)) && lines.len() == 4, "{log}");
        assert_eq!(result.notes, Vec::<String>::new());
        run.close().await;
    }
    let mut run = Run::new("sick", |_| {}).await;
    let mut plan = plan(vec![step("true")]);
    // The health check keeps the start waiting until the service has had the time to end.
    let ends = "-e POSTGRES_PASSWORD= --health-cmd true --health-interval 5s";
    plan.services = vec![service("db", "ci-healer/test-postgres", "1:1", ends)];
    plan.services[0].env.clear();
    let result = run.execute(&plan, false).await;
    assert!(
        matches!(&result.exit, Exit::Infrastructure { what } if what.contains("service db")),
        "{result:?}"
    );
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_kept_for_the_run_but_not_for_the_proof() {
    let mut run = Run::new("caches", |_| {}).await;
    run.tree = Tree::default().with("Cargo.toml", "[package]\n");
    let look = "cat ~/.cargo/registry/crate; stat -c %u ~/.cargo ~/.cargo/registry; test ! -e ~/.npm";
    let script = format!("echo evil > ~/.cargo/registry/crate; {look}");
    assert!(run.bash(&script).await.is_green());
    let again = run.bash(look).await;
    assert!(again.is_green() && log(&again) == "evil\n1001\n1001\n", "{}", log(&again));

    // What steps put there must not reach a proof, and a proof changes nothing for later attempts.
    let look_only = plan(vec![step("ls ~/.cargo/registry/crate")]);
    assert!(!run.execute(&look_only, true).await.is_green());
    assert!(run.execute(&look_only, false).await.is_green());
    assert_eq!(left_by(&run.run).iter().filter(|l| l.ends_with("cargo-registry")).count(), 1);
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_version_of_a_file_is_newer_by_a_whole_second_and_none_from_the_future() {
    let mut run = Run::new("versions", |_| {}).await;
    let mut last = 0;
    for version in 0..6 {
        run.tree.set("calc.py", FileMode::Regular, format!("answer = {version}\n").as_bytes());
        // The last step of each changes the file itself, which the next execution has to undo.
        let script = "cat calc.py; stat -c %Y calc.py; find . -newermt now -name '*.py'; echo >>calc.py";
        let result = run.bash(script).await;
        let log = log(&result);
        let lines: Vec<&str> = log.lines().collect();
        assert_eq!((lines.len(), lines[0]), (2, format!("answer = {version}").as_str()), "{log}");
        let second: u64 = lines[1].parse().unwrap();
        assert!(second > last, "{second} after {last}");
        last = second;
    }
    run.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_files_are_found_among_thousands() {
    let mut run = Run::new("changed", |_| {}).await;
    for i in 0..2_000 {
        run.tree.set(&format!("d{:02}/f{i:04}.txt", i / 100), FileMode::Regular, b"same\n");
    }
    run.tree.set("d06/passwd", FileMode::Regular, b"ours\n");
    let script = "echo other > d03/f0301.txt; rm d04/f0401.txt; ln -sf /etc/passwd d05/f0501.txt; \
                  rm -r d06; ln -s /etc d06; touch d07/f0701.txt; echo new > untracked.txt";
    assert!(run.bash(script).await.is_green());
    let changed = run.executor.changed_files(&run.tree, &run.scope).await.unwrap();
    let contents: Vec<(&str, Option<&[u8]>)> =
        changed.iter().take(3).map(|(p, c)| (p.as_str(), c.as_deref())).collect();
    let want = [("d03/f0301.txt", Some(&b"other\n"[..])), ("d04/f0401.txt", None), ("d05/f0501.txt", None)];
    assert_eq!(contents, want);
    // A folder that became a link is gone, with all its files; a touched file has not changed.
    assert_eq!(changed.len(), 3 + 101);
    assert!(changed[3..].iter().all(|(p, c)| p.as_str().starts_with("d06/") && c.is_none()));
    run.close().await;
}
