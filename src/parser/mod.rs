//! Build logs in, typed reports out. Deterministic; touches no file, knows no model.
//!
//! `log_scan` cleans lines and tries patterns on them, `registry` says which tools there are, `triggers` which lines
//! trigger them, `engine` runs their parsers, `findings` collects, `report` makes reports. Each family of tools has its
//! folder, each tool its file.

mod common;
mod diff;
mod engine;
mod evidence;
mod findings;
mod go;
mod java;
mod line_formats;
mod node;
mod other;
mod paths;
mod python;
mod registry;
mod report;
mod rust;
mod streams;
mod test_ids;
mod triggers;

use std::io::{self, BufRead};

use log_scan::lines;
pub use log_scan::lines::looks_binary;

pub use self::line_formats::LineFormat;
use crate::contract::bug::Diagnosis;

/// What the parser may know beside the log.
#[derive(Debug, Clone, Default)]
pub struct ParseOptions {
    /// Where the workspace lay when the log was written, beside the well-known places.
    pub workspace_roots: Vec<String>,
}

/// Reads a whole log.
pub fn diagnose(mut log: impl BufRead, options: &ParseOptions) -> io::Result<Diagnosis> {
    let mut engine = engine::Engine::new();
    let lines = lines::for_each_block(&mut log, &mut |block| engine.block(block))?;
    let (out, evidence) = engine.finish();
    Ok(report::assemble(lines, out, evidence, &options.workspace_roots))
}

/// Names of all tools the parser understands, in order of precedence.
pub fn tools() -> impl Iterator<Item = &'static str> {
    registry::tools().map(|tool| tool.name)
}

/// The formats of tools that print each finding on one line, in order of precedence.
///
/// ```
/// let yamllint = ci_healer::parser::line_formats().iter().find(|format| format.tool == "yamllint").unwrap();
/// assert_eq!(yamllint.language, "YAML");
/// ```
#[must_use]
pub fn line_formats() -> &'static [LineFormat] {
    line_formats::FORMATS
}

/// The tools of a family, for the fuzz targets.
#[cfg(fuzzing)]
pub fn family(name: &str) -> Vec<&'static str> {
    registry::family(name).iter().map(|tool| tool.name).collect()
}

/// A regex made once: `re!(r"^(\S+):(\d+)$")`.
macro_rules! re {
    ($pattern:literal) => {{
        static RE: std::sync::LazyLock<regex::Regex> =
            std::sync::LazyLock::new(|| regex::Regex::new($pattern).expect("a literal that tests compile"));
        &*RE
    }};
}
use re;
