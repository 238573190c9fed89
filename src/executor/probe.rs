//! Runs the probes of an execution: after its last step, so that nothing they do can change a verdict.

use std::collections::BTreeMap;
use std::time::Duration;

use bollard::container::LogOutput;
use futures_util::StreamExt;

use super::archive::{self, Found};
use super::error::ExecutorError;
use super::sandbox::Sandbox;
use crate::contract::build::{Probe, ProbeResult};

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
        let mut report = Vec::new();
        if let Some(command) = &probe.command {
            report = output(sandbox, user, context, command).await?;
        }
        for file in &probe.files {
            report.push(b'\n');
            report.extend(plain_file(sandbox, file, LIMIT.saturating_sub(report.len())).await?);
        }
        Ok::<_, ExecutorError>(report)
    };
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(report)) => Some(ProbeResult { step: probe.step, report }),
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

async fn output(
    sandbox: &Sandbox,
    user: &str,
    context: &ProbeContext,
    command: &str,
) -> Result<Vec<u8>, ExecutorError> {
    let shell = if context.has_bash { "bash" } else { "sh" };
    let argv = ["sh", "-c", "cd \"$1\" && exec \"$2\" -c \"$3\"", "sh", &context.directory, shell, command];
    let argv = argv.iter().map(|part| (*part).to_owned()).collect();
    let mut exec = sandbox.exec(user, argv, &context.env, "/").await?;
    let mut out = Vec::new();
    while let Some(item) = exec.output.next().await {
        if let LogOutput::StdOut { message } = item? {
            out.extend_from_slice(&message);
        }
        if out.len() > LIMIT {
            return Err(ExecutorError::TooLarge { what: "running a probe".to_owned(), limit: LIMIT });
        }
    }
    Ok(out)
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
