//! Runs the trace of a step that failed: after its last step and probe, so that nothing it does can change a verdict.

use std::time::Duration;

use futures_util::StreamExt;

use super::archive::{self, Entry, Found, Kind};
use super::environment::HOME;
use super::error::ExecutorError;
use super::probe::ProbeContext;
use super::sandbox::Sandbox;
use crate::contract::executed::{TRACE_FOLDER, TRACE_ROOT, Trace, TraceOutput};

/// Bytes of a trace's answer; a larger one is none.
const LIMIT: usize = 16 << 20;
/// It runs a part of what its step ran, and slower: so long beside twice the step's time.
const AT_LEAST: Duration = Duration::from_secs(20);
/// No hint is worth more.
const AT_MOST: Duration = Duration::from_secs(180);
/// Between the word to end and the end.
const GRACE: Duration = Duration::from_secs(5);

/// Ends the command in time where the image has `timeout`, so that it can still write down what it knows.
const WRAPPER: &str = r#"cd "$1" || exit; if command -v timeout >/dev/null 2>&1; then exec timeout -k 2 "$4" "$2" -c "$3"; fi; exec "$2" -c "$3""#;
/// `timeout` had to end it.
const TIMED_OUT: [i64; 2] = [124, 137];

/// Where a trace runs.
pub(super) struct TracePlace<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) user: &'a str,
    /// uid and gid, for files.
    pub(super) owner: (u32, u32),
    /// The workspace.
    pub(super) root: &'a str,
}

/// What the trace leaves; `None` where it cannot be had. Its failure is nobody's.
pub(super) async fn run(
    place: &TracePlace<'_>,
    context: &ProbeContext,
    trace: &Trace,
    step_took: Duration,
) -> Option<TraceOutput> {
    let limit = (AT_LEAST + step_took * 2).min(AT_MOST);
    let work = async {
        place.sandbox.put(files(place, trace)).await?;
        let cut = match tokio::time::timeout(limit + GRACE, command(place, context, trace, limit)).await {
            Ok(code) => TIMED_OUT.contains(&code?),
            Err(_) => true,
        };
        let files = answer(place.sandbox).await?;
        Ok::<_, ExecutorError>(TraceOutput { format: trace.format, tests: trace.tests.clone(), files, cut })
    };
    match work.await {
        Ok(output) => Some(output),
        Err(error) => {
            log::debug!("the trace of step {}: {error}", context.step);
            None
        }
    }
}

/// The trace's folder with its files, and the empty one for its answer.
fn files(place: &TracePlace<'_>, trace: &Trace) -> Vec<u8> {
    let mut out = Vec::new();
    let folder = format!("{}/trace/", HOME.trim_start_matches('/'));
    for path in [folder.clone(), format!("{folder}out/")] {
        let entry = Entry { path: &path, kind: Kind::Directory, mode: 0o755, owner: place.owner, mtime: 0 };
        archive::push(&mut out, &entry, b"");
    }
    for (name, content) in &trace.files {
        let path = format!("{folder}{name}");
        let kind = Kind::File(content.len() as u64);
        let entry = Entry { path: &path, kind, mode: 0o755, owner: place.owner, mtime: 0 };
        archive::push(&mut out, &entry, content.as_bytes());
    }
    out.extend_from_slice(&archive::END);
    out
}

/// Runs the trace's command to its end; its exit code. What it prints is nobody's.
async fn command(
    place: &TracePlace<'_>,
    context: &ProbeContext,
    trace: &Trace,
    limit: Duration,
) -> Result<i64, ExecutorError> {
    let shell = if context.has_bash { "bash" } else { "sh" };
    let seconds = limit.as_secs().to_string();
    let argv = ["sh", "-c", WRAPPER, "sh", &context.directory, shell, &trace.command, &seconds];
    let argv = argv.iter().map(|part| (*part).to_owned()).collect();
    let mut env = context.env.clone();
    env.insert(TRACE_FOLDER.to_owned(), format!("{HOME}/trace"));
    env.insert(TRACE_ROOT.to_owned(), place.root.to_owned());
    let mut exec = place.sandbox.exec(place.user, argv, &env, "/").await?;
    while let Some(item) = exec.output.next().await {
        item?;
    }
    place.sandbox.exit_code(&exec.id).await
}

/// The plain files of the answer; nothing of links, which may lead anywhere.
async fn answer(sandbox: &Sandbox) -> Result<Vec<(String, Vec<u8>)>, ExecutorError> {
    let Some(bytes) = sandbox.get(&format!("{HOME}/trace/out"), LIMIT).await? else { return Ok(Vec::new()) };
    let name = |path: &str| path.strip_prefix("out/").filter(|name| !name.is_empty()).map(str::to_owned);
    let found = archive::read(&bytes, LIMIT, name)
        .map_err(|cause| ExecutorError::unexpected("reading what a trace left".to_owned(), cause))?;
    let plain = |(name, found)| if let Found::File(bytes) = found { Some((name, bytes)) } else { None };
    Ok(found.into_iter().filter_map(plain).collect())
}
