//! Runs that were kept: what a model is shown is worked on many times over the same runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ci_healer::contract::executed::{TraceFormat, TraceOutput, TracedTest};
use serde::{Deserialize, Serialize};

/// The folder for them; without it nothing is kept. Whatever changes what is run or traced needs a new one.
const FOLDER: &str = "LOCALISATION_RUNS";

/// What a red run left.
pub(crate) struct Run {
    pub(crate) log: Vec<u8>,
    pub(crate) failed_step: Option<usize>,
    pub(crate) trace: Option<TraceOutput>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    failed_step: Option<usize>,
    trace: Option<KeptTrace>,
}

#[derive(Serialize, Deserialize)]
struct KeptTrace {
    format: String,
    /// Ids and files.
    tests: Vec<(String, Option<String>)>,
    files: BTreeMap<String, String>,
    cut: bool,
}

fn file_of(name: &str) -> Option<PathBuf> {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    Some(Path::new(&std::env::var_os(FOLDER)?).join(plain))
}

/// The run of this name, where it was kept.
pub(crate) fn find(name: &str) -> anyhow::Result<Option<Run>> {
    let Some(file) = file_of(name).filter(|file| file.with_extension("json").exists()) else {
        return Ok(None);
    };
    let kept: Kept = serde_json::from_slice(&std::fs::read(file.with_extension("json"))?)?;
    let trace = kept.trace.map(|trace| -> anyhow::Result<TraceOutput> {
        let format = FORMATS.iter().find(|f| format!("{f:?}") == trace.format).context("format")?;
        Ok(TraceOutput {
            format: *format,
            tests: trace.tests.into_iter().map(|(id, file)| TracedTest { id, file }).collect(),
            files: trace.files.into_iter().map(|(name, text)| (name, text.into_bytes())).collect(),
            cut: trace.cut,
        })
    });
    let log = std::fs::read(file.with_extension("log"))?;
    Ok(Some(Run { log, failed_step: kept.failed_step, trace: trace.transpose()? }))
}

const FORMATS: [TraceFormat; 4] =
    [TraceFormat::Functions, TraceFormat::GoProfile, TraceFormat::LlvmExport, TraceFormat::Jvm];

pub(crate) fn keep(name: &str, run: &Run) -> anyhow::Result<()> {
    let Some(file) = file_of(name) else { return Ok(()) };
    std::fs::create_dir_all(file.parent().context("no folder")?)?;
    let trace = run.trace.as_ref().map(|trace| KeptTrace {
        format: format!("{:?}", trace.format),
        tests: trace.tests.iter().map(|test| (test.id.clone(), test.file.clone())).collect(),
        files: trace
            .files
            .iter()
            .map(|(name, content)| (name.clone(), String::from_utf8_lossy(content).into_owned()))
            .collect(),
        cut: trace.cut,
    });
    std::fs::write(file.with_extension("log"), &run.log)?;
    let kept = Kept { failed_step: run.failed_step, trace };
    Ok(std::fs::write(file.with_extension("json"), serde_json::to_vec(&kept)?)?)
}
