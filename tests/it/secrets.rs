//! A canary for every token and key, and no place that shows one: log, summary, outputs, report files, questions to
//! models, what GitHub gets, containers and images, command lines, core files.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine as _;

use crate::executor::{Run, docker, left_by, plan, step};
use crate::heal::command;
use crate::stories::stage::*;
use crate::support::git::git;
use crate::support::github::{CLASSIC_PAT, JOB_TOKEN};
use crate::support::llm::{Answer, ScriptedLlm, Speaks};

const GROQ_KEY: &str = "gsk_groq-canary-2c7f41aa";
const OPENAI_KEY: &str = "sk-openai-canary-90b1d3ee";
const PASSED_ON: &str = "deploy-canary-77e0c5b9f2";
const OF_THE_JOB: &str = "another-steps-canary-41d2";
const RUNTIME_TOKEN: &str = "runtime-token-that-no-sandbox-may-see";

/// Each canary as it is and as credentials are usually wrapped.
fn canaries() -> Vec<String> {
    let plain =
        [JOB_TOKEN, CLASSIC_PAT, MODEL_KEY, GROQ_KEY, OPENAI_KEY, PASSED_ON, OF_THE_JOB, RUNTIME_TOKEN];
    let base64 = &base64::prelude::BASE64_STANDARD;
    let mut all: Vec<String> = plain.iter().map(|s| (*s).to_owned()).collect();
    for secret in plain {
        all.push(base64.encode(secret));
        all.push(base64.encode(format!("x-access-token:{secret}")));
    }
    all
}

#[track_caller]
fn none_in(place: &str, text: &str) {
    for canary in canaries() {
        assert!(!text.contains(&canary), "{canary} in {place}:\n{text}");
    }
}

/// Looks at every process of the action and its sandboxes and at everything of the run in the engine, until told to stop.
/// (Other tests hand the same values to programs of theirs, as people do on a command line.)
fn watch(owner: String, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<(BTreeSet<String>, usize)> {
    std::thread::spawn(move || {
        let mut seen = BTreeSet::new();
        let mut looks = 0;
        while !stop.load(Ordering::SeqCst) {
            let label = format!("label=ci-healer.owner=container {owner}");
            let list = |args: &[&str]| crate::heal::docker(&[args, &["--filter", &label]].concat());
            let sandboxes = list(&["ps", "-aq"]);
            let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
            let main = |id| crate::heal::docker(&["inspect", "--format", "{{.State.Pid}}", id]);
            let of_the_run: Vec<_> = sandboxes
                .lines()
                .chain([owner.as_str()])
                .filter_map(|id| namespace(main(id).trim()))
                .collect();
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                let pid = entry.file_name().to_string_lossy().into_owned();
                if namespace(&pid).is_some_and(|namespace| of_the_run.contains(&namespace)) {
                    let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    seen.insert(String::from_utf8_lossy(&line).replace('\0', " "));
                }
            }
            for id in sandboxes.lines() {
                seen.insert(crate::heal::docker(&["inspect", id]));
            }
            for id in list(&["images", "-aq"]).lines() {
                seen.insert(crate::heal::docker(&["image", "inspect", id]));
                seen.insert(crate::heal::docker(&["history", "--no-trunc", id]));
            }
            looks += 1;
            std::thread::sleep(Duration::from_millis(30));
        }
        (seen, looks)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn no_canary_is_seen_anywhere() {
    // A test that prints all it can get hold of, into the very message that a model is asked about.
    let test = "import os\nimport unittest\n\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(2, 3), 5, dict(os.environ))\n";
    let stage = Stage::new(&[
        (CI_FILE, CI),
        ("calc.py", "def add(a, b):\n    return a - b\n"),
        ("test_calc.py", test),
    ]);
    // One server repeats the key it was given, as some do.
    let gemini = ScriptedLlm::answering_on(Speaks::Gemini, host(), |_, _| {
        Answer::gemini_error(400, "INVALID_ARGUMENT", &format!("API key not valid: {MODEL_KEY}"))
    })
    .await;
    let fix = Answer::fix(0.9, &[("calc.py", "return a - b", "return a + b")]);
    let groq = ScriptedLlm::answering_on(Speaks::Chat, host(), move |_, _| fix.clone()).await;
    let step = stage
        .step()
        .with("providers", "gemini,groq,openai")
        .with("gemini-base-url", &gemini.base_url())
        .with("groq-base-url", &groq.base_url())
        .with("groq-api-key", GROQ_KEY)
        .with("openai-api-key", OPENAI_KEY)
        .with("openai-base-url", &groq.base_url())
        .with("openai-model", "none")
        .with("push-token", CLASSIC_PAT)
        .with("pull-request", "always")
        .with("sandbox-env", &format!("DEPLOY_KEY={PASSED_ON}"))
        .env("OF_THE_JOB", OF_THE_JOB)
        .env("RUNNER_DEBUG", "1")
        .env("CI_HEALER_LOG", "trace");
    let runner = stage.runner();
    let mut running = runner.start(&step);
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(running.container_id(), Arc::clone(&stop));
    let ended = Ended::of(&runner, running);
    stop.store(true, Ordering::SeqCst);
    let (seen, looks) = watching.join().unwrap();
    ended.expect("healed", 0);

    // What would be seen if it were not kept away is there to be seen.
    assert!(ended.step.log.raw.contains("DEPLOY_KEY="), "the step prints its environment");
    assert!(looks > 10 && seen.iter().any(|s| s.contains("GITHUB_REPOSITORY=")), "{looks} looks");
    for program in ["/ci-healer", "unittest"] {
        assert!(seen.iter().any(|s| s.contains(program)), "no command line of {program} was seen");
    }
    let asked = groq.asked();
    assert!(asked.iter().any(|a| a.prompt().contains("DEPLOY_KEY")), "the model was shown the message");

    none_in("the log", &ended.step.text());
    none_in("the summary", &ended.step.summary);
    none_in("the outputs", &format!("{:?} {:?}", ended.step.outputs, ended.step.state));
    for file in std::fs::read_dir(runner.workspace().join(".ci-healer")).unwrap() {
        let path = file.unwrap().path();
        none_in(&path.display().to_string(), &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
    }
    for (server, asked) in [("gemini", gemini.asked()), ("groq", asked)] {
        for question in asked {
            none_in(&format!("a question to {server}"), &question.body.to_string());
        }
    }
    for pull in stage.hub.pulls() {
        none_in("the pull request", &format!("{} {}", pull.title, pull.body));
    }
    none_in("the commits", &git(&stage.bare(), &["log", "--all", "-p", "--format=%B%an%ae"]));
    none_in("GitHub's addresses", &stage.hub.requests().join("\n"));
    let seen: Vec<String> = seen.into_iter().collect();
    for text in &seen {
        // The runner itself hands the step its inputs.
        none_in("a command line, a container or an image", text);
    }
    println!(
        "{} canaries, {} texts from {looks} looks at processes and engine",
        canaries().len(),
        seen.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_sandbox_holds_none_of_what_is_passed_on() {
    let mut run = Run::new("kept", |o| {
        o.passed_on.insert("DEPLOY_KEY".to_owned(), PASSED_ON.to_owned());
    })
    .await;
    let setup = ci_healer::contract::build::PlanStep {
        setup: true,
        installs: Some(Vec::new()),
        ..step("sleep 3.2; test -n \"$DEPLOY_KEY\"")
    };
    let plan = plan(vec![setup, step("test -n \"$DEPLOY_KEY\"")]);
    for _ in 0..2 {
        let result = run.execute(&plan, false).await;
        assert!(result.is_green(), "{result:?}");
    }
    let images: Vec<String> =
        left_by(&run.run).iter().filter_map(|l| l.strip_prefix("image ").map(str::to_owned)).collect();
    assert_eq!(images.len(), 1, "the set-up is kept");
    none_in("the image", &docker(&["image", "inspect", &images[0]]));
    none_in("the image's history", &docker(&["history", "--no-trunc", &images[0]]));
    run.close().await;
}

#[test]
fn a_crash_leaves_no_core_file() {
    // Whether the machine writes such files at all is told by a program that minds nobody.
    let dumps = |program: &mut Command, until: &dyn Fn(&mut std::process::Child)| {
        let mut child = program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        until(&mut child);
        Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap();
        child.wait().unwrap()
    };
    let here = tempfile::tempdir().unwrap();
    let with_cores = |program: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -c unlimited; exec {program}")]).current_dir(here.path());
        shell
    };
    let moment = |_: &mut std::process::Child| std::thread::sleep(Duration::from_millis(300));
    let control = dumps(&mut with_cores("sleep 60"), &moment);
    let story = command("echo begun; sleep 6135");
    let own = story.command();
    let line: Vec<String> = std::iter::once(own.get_program())
        .chain(own.get_args())
        .map(|a| format!("'{}'", a.to_string_lossy()))
        .collect();
    let begun = |child: &mut std::process::Child| {
        use std::io::BufRead as _;
        let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|l| l.unwrap().ends_with("begun")));
    };
    let ended = dumps(&mut with_cores(&line.join(" ")), &begun);
    println!("a program that minds nobody leaves a core file here: {}", control.core_dumped());
    assert!(ended.signal().is_some(), "{ended:?}");
    assert!(!ended.core_dumped(), "a core file of a process that holds tokens");
    let left: Vec<_> = std::fs::read_dir(here.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.len() <= usize::from(control.core_dumped()), "{left:?}");
    // A crash is a kill: the next start sweeps.
    let out = command("true").command().output().unwrap();
    assert!(out.status.success());
}
