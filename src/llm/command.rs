//! A program in the place of a model server: the prompt goes to its standard input, the answer comes from its standard
//! output. For tools that somebody has signed in to, so that no key is needed.
//!
//! It starts without a shell, in an empty folder, with our environment less every key and token that is known to us, and
//! ends, with all that it has started, at the latest with its time.

use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::router::ProviderConfig;
use super::wire::{Exchanged, WireFailure, WireReply, quote};
use crate::contract::model::{FailureKind, ModelRequest};
use crate::process_group::ProcessGroup;
use crate::scope::Scope;

/// No answer of use is longer.
const MAX_OUTPUT: u64 = 4 << 20;
/// What it says of a failure is quoted from the end of so much.
const MAX_WORDS: u64 = 64 << 10;
/// Shorter values are no secrets that could be told apart from other words.
const SHORTEST_SECRET: usize = 6;
/// Variables that hold keys and tokens of ours, whether or not they were given to us as inputs.
const HIDDEN: &[&str] = &[
    "GEMINI_API_KEY",
    "GROQ_API_KEY",
    "OPENAI_API_KEY",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "GH_ENTERPRISE_TOKEN",
    "GITHUB_ENTERPRISE_TOKEN",
    "CI_JOB_TOKEN",
    "CI_JOB_JWT",
    "GITLAB_TOKEN",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
];
/// The same, by how their names begin: the action's inputs and the runner's own tokens.
const HIDDEN_PREFIXES: &[&str] = &["INPUT_", "ACTIONS_"];

/// Asks the program once.
pub(super) async fn ask(
    scope: &Scope,
    config: &ProviderConfig,
    request: &ModelRequest,
    user: &str,
    timeout: Duration,
) -> Exchanged<WireReply> {
    let prompt = format!(
        "{}\n\nReply with one JSON object that fits this JSON Schema, and nothing else:\n{}\n\n{user}\n",
        request.system, request.schema
    );
    let work = async {
        match tokio::time::timeout(timeout, run(config, prompt.as_bytes())).await {
            Ok(answer) => answer,
            Err(_) => {
                let message = format!("no answer within {} s", timeout.as_secs());
                Err(WireFailure::new(FailureKind::Timeout, message))
            }
        }
    };
    scope.run("asking a program", work).await
}

async fn run(config: &ProviderConfig, prompt: &[u8]) -> Result<WireReply, WireFailure> {
    let cannot = |what: &str, error: &std::io::Error| {
        // It will not be different the next time.
        WireFailure::new(FailureKind::Model, format!("cannot {what}: {error}"))
    };
    let [program, arguments @ ..] = config.command.as_slice() else {
        return Err(WireFailure::new(FailureKind::Model, "no program is named"));
    };
    let folder = tempfile::tempdir().map_err(|e| cannot("make an empty folder", &e))?;
    #[expect(
        clippy::disallowed_methods,
        reason = "ends with its group, which ends with the time and the scope"
    )]
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(environment(std::env::vars_os(), &config.hidden))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .process_group(0);
    let mut child = command.spawn().map_err(|e| cannot(&format!("start {}", quote(program)), &e))?;
    let group = ProcessGroup::of(child.id());
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        // It may answer without having read all of it.
        if let Some(mut stdin) = stdin {
            let _ = stdin.write_all(prompt).await;
        }
    };
    let ended = async {
        let status = child.wait().await;
        // What it has left running would hold its output open.
        drop(group);
        status
    };
    let ((), answer, words, status) =
        tokio::join!(write, read(stdout, MAX_OUTPUT), read(stderr, MAX_WORDS), ended);
    let status = status.map_err(|e| cannot("wait for it", &e))?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    if !status.success() {
        let words = String::from_utf8_lossy(&words);
        let last =
            words.lines().rev().find(|line| !line.trim().is_empty()).or_else(|| text.lines().next_back());
        let message = format!("it ended with {status}: {}", quote(last.unwrap_or("it says nothing")));
        return Err(WireFailure::new(FailureKind::BadRequest, message));
    }
    if text.trim().is_empty() {
        return Err(WireFailure::new(FailureKind::Empty, "it answered nothing"));
    }
    Ok(WireReply { text, model: None, tokens: None })
}

async fn read(from: Option<impl AsyncRead + Unpin>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut from) = from {
        let _ = (&mut from).take(most).read_to_end(&mut bytes).await;
        // What is longer is read on, so that the program does not wait for us.
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    bytes
}

/// Our environment less what is secret: by name, and by value.
fn environment(
    ours: impl Iterator<Item = (std::ffi::OsString, std::ffi::OsString)>,
    secrets: &[SecretString],
) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    let is_hidden =
        |name: &str| HIDDEN.contains(&name) || HIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let holds_secret = |value: &str| {
        let mut known = secrets.iter().map(|secret| secret.expose_secret().trim());
        known.any(|secret| secret.len() >= SHORTEST_SECRET && value.contains(secret))
    };
    ours.filter(|(name, value)| {
        !is_hidden(&name.to_string_lossy()) && !holds_secret(&value.to_string_lossy())
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::contract::model::Limits;
    use crate::llm::WireFormat;

    fn config(command: &[&str]) -> ProviderConfig {
        ProviderConfig {
            name: "command".to_owned(),
            format: WireFormat::Command,
            api_key: None,
            model: "program".to_owned(),
            base_url: String::new(),
            timeout: None,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            hidden: vec!["s3cret-value".into()],
        }
    }

    fn request() -> ModelRequest {
        ModelRequest {
            system: "rules".to_owned(),
            user: "case".to_owned(),
            schema_name: "fix",
            schema: serde_json::json!({"type": "object"}),
            validate: |_| Ok(()),
            max_output_tokens: 100,
            limits: Limits { tokens: 10_000, cost: None, deadline: Instant::now() + Duration::from_secs(60) },
        }
    }

    async fn said(script: &str, timeout: Duration) -> Result<String, WireFailure> {
        let config = config(&["sh", "-c", script]);
        let answer = ask(&Scope::unbounded(), &config, &request(), "case", timeout).await.unwrap();
        answer.map(|reply| reply.text.trim().to_owned())
    }

    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn the_prompt_goes_in_and_the_answer_comes_out_in_an_empty_folder() {
        let prompt = said("cat", LONG).await.unwrap();
        assert!(prompt.starts_with("rules") && prompt.ends_with("case") && prompt.contains("JSON Schema"));
        assert_eq!(said("ls -A | wc -l", LONG).await.unwrap(), "0");
        assert_eq!(said("echo early", LONG).await.unwrap(), "early", "who does not read is no failure");
    }

    #[tokio::test]
    async fn a_program_that_fails_says_why() {
        let failure = said("echo not signed in >&2; exit 3", LONG).await.unwrap_err();
        assert!(failure.message.contains("exit status: 3: not signed in"), "{}", failure.message);
        assert_eq!(said("true", LONG).await.unwrap_err().kind, FailureKind::Empty);
        let none =
            ask(&Scope::unbounded(), &config(&["no-such-program"]), &request(), "x", LONG).await.unwrap();
        assert_eq!(none.unwrap_err().kind, FailureKind::Model);
    }

    #[tokio::test]
    async fn what_takes_too_long_is_ended_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let mark = dir.path().join("mark");
        let script = format!("(sleep 2; touch {}) & sleep 60", mark.display());
        let begun = Instant::now();
        let failure = said(&script, Duration::from_millis(500)).await.unwrap_err();
        assert!(failure.kind == FailureKind::Timeout && begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(2500)).await;
        assert!(!mark.exists(), "a child went on");
    }

    #[test]
    fn keys_and_tokens_stay_here() {
        let ours = [
            ("PATH", "/bin"),
            ("ANTHROPIC_API_KEY", "its own"),
            ("OPENAI_API_KEY", "k"),
            ("INPUT_PUSH-TOKEN", "t"),
            ("ACTIONS_RUNTIME_TOKEN", "t"),
            ("ELSEWHERE", "a s3cret-value in it"),
        ];
        let ours = ours.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        let left = environment(ours, &["s3cret-value".into(), "a".into()]);
        let names: Vec<_> = left.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["PATH", "ANTHROPIC_API_KEY"]);
    }
}
