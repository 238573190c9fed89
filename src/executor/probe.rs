//! Runs the probes of an execution: after its last step, so that nothing they do can change a verdict.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use bollard::container::LogOutput;
use futures_util::StreamExt;

use super::archive::{self, Found};
use super::error::ExecutorError;
use super::sandbox::Sandbox;
use crate::contract::build::{PROBE_REPORT, Probe, ProbeResult};

/// Bytes kept of what one probe says; a longer answer is none.
const LIMIT: usize = 16 << 20;
/// A probe runs what its step ran, and may take so much longer.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Where and how a step ran, for the probe that asks it again.
#[derive(Debug, Clone)]
pub(super) struct ProbeContext {
    pub(super) step: usize,
    /// As it ran.
    pub(super) script: String,
    pub(super) env: BTreeMap<String, String>,
    pub(super) directory: String,
    pub(super) has_bash: bool,
}

/// What the probe says; `None` where it said nothing in time. Its failure is nobody's.
pub(super) async fn run(
    sandbox: &Sandbox,
    user: &str,
    context: &ProbeContext,
    probe: &Probe,
    step_took: Duration,
) -> Option<ProbeResult> {
    let limit = AT_LEAST.max(step_took * 2);
    let work = async {
        let file = unknown_name();
        let (exit_code, mut report) = output(sandbox, user, context, probe, &file).await?;
        let mut lacks_report = false;
        if probe.report {
            report.push(b'\n');
            let written = plain_file(sandbox, &file, LIMIT.saturating_sub(report.len())).await?;
            lacks_report = written.is_empty();
            report.extend(written);
        }
        Ok::<_, ExecutorError>(ProbeResult {
            step: probe.step,
            report,
            exit_code,
            of_step: probe.of_step,
            lacks_report,
        })
    };
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(result)) => Some(result),
        Ok(Err(error)) => {
            log::debug!("the probe of step {}: {error}", probe.step);
            None
        }
        Err(_) => {
            log::debug!("the probe of step {} did not end within {limit:?}", probe.step);
            None
        }
    }
}

/// Where a probe's report goes: what was there before, or is written by who guesses, is none.
pub(super) fn unknown_name() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("/tmp/ci-healer-{:016x}{:016x}", random(), random())
}

async fn output(
    sandbox: &Sandbox,
    user: &str,
    context: &ProbeContext,
    probe: &Probe,
    file: &str,
) -> Result<(i64, Vec<u8>), ExecutorError> {
    let shell = if context.has_bash { "bash" } else { "sh" };
    let argv =
        ["sh", "-c", "cd \"$1\" && exec \"$2\" -c \"$3\"", "sh", &context.directory, shell, &probe.command];
    let argv = argv.iter().map(|part| (*part).to_owned()).collect();
    let mut env = context.env.clone();
    env.insert(PROBE_REPORT.to_owned(), file.to_owned());
    let mut exec = sandbox.exec(user, argv, &env, "/").await?;
    let mut out = Vec::new();
    while let Some(item) = exec.output.next().await {
        if let LogOutput::StdOut { message } = item? {
            out.extend_from_slice(&message);
        }
        if out.len() > LIMIT {
            return Err(ExecutorError::TooLarge { what: "running a probe".to_owned(), limit: LIMIT });
        }
    }
    Ok((sandbox.exit_code(&exec.id).await?, out))
}

/// A plain file's bytes; nothing of links and folders, which may lead anywhere.
async fn plain_file(sandbox: &Sandbox, path: &str, limit: usize) -> Result<Vec<u8>, ExecutorError> {
    let Some(bytes) = sandbox.get(path, limit + 4096).await? else { return Ok(Vec::new()) };
    let found = archive::read(&bytes, limit, |name| Some(name.to_owned())).unwrap_or_default();
    Ok(found
        .into_iter()
        .find_map(|(_, found)| if let Found::File(bytes) = found { Some(bytes) } else { None })
        .unwrap_or_default())
}

/// What a step's repeat has written to a file of that name.
pub(super) async fn report_of_repeat(
    sandbox: &Sandbox,
    step: usize,
    file: &str,
    exit_code: i64,
) -> Option<ProbeResult> {
    let report = plain_file(sandbox, file, LIMIT).await.ok()?;
    let lacks_report = report.is_empty();
    Some(ProbeResult { step, report, exit_code, of_step: false, lacks_report })
}
