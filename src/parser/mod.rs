//! Build logs in, typed reports out. Deterministic; touches no file, knows no model.
//!
//! `log_scan` cleans lines and tries patterns on them, `registry` says which tools there are, `triggers` which lines
//! trigger them, `engine` runs their parsers, `findings` collects, `report` makes reports. Each family of tools has its
//! folder, each tool its file.

mod common;
mod coverage;
mod diff;
mod drawing;
mod engine;
mod evidence;
mod findings;
mod go;
mod java;
mod line_formats;
mod node;
mod origin;
mod other;
mod paths;
mod python;
mod registry;
mod report;
mod rust;
mod speaker;
mod streams;
mod test_ids;
mod triggers;
mod unread;

use std::io::{self, BufRead};

use log_scan::lines;
pub use log_scan::lines::looks_binary;

pub use self::coverage::{executed, rank_functions, traced};
pub use self::line_formats::LineFormat;
use crate::contract::bug::{Diagnosis, Origins};

/// What the parser may know beside the log.
///
/// ```
/// use ci_healer::parser::{ParseOptions, diagnose};
///
/// let options = ParseOptions { workspace_roots: vec!["/build/shop".to_owned()] };
/// let log = "/build/shop/src/a.py:1:8: F401 'os' imported but unused\n";
/// let diagnosis = diagnose(log.as_bytes(), &options)?;
/// assert_eq!(diagnosis.bugs[0].file.as_deref(), Some("src/a.py"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ParseOptions {
    /// Where the workspace lay when the log was written, beside the well-known places.
    pub workspace_roots: Vec<String>,
}

/// Reads a whole log.
///
/// ```
/// use ci_healer::parser::{ParseOptions, diagnose};
///
/// let log = "src/a.ts(7,3): error TS2304: Cannot find name 'x'.\n";
/// let diagnosis = diagnose(log.as_bytes(), &ParseOptions::default())?;
/// let bug = &diagnosis.bugs[0];
/// assert_eq!((bug.tool.as_str(), bug.code.as_deref(), bug.line), ("tsc", Some("TS2304"), Some(7)));
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Where the log cannot be read; whatever it holds is no error.
pub fn diagnose(log: impl BufRead, options: &ParseOptions) -> io::Result<Diagnosis> {
    read(log, options).map(|(diagnosis, _)| diagnosis)
}

/// Reads a whole log, and what it says of where each report's tool ran.
///
/// ```
/// use ci_healer::parser::{ParseOptions, read};
///
/// let log = "packages/core test: src/a.ts(7,3): error TS2304: Cannot find name 'x'.\n";
/// let (diagnosis, origins) = read(log.as_bytes(), &ParseOptions::default())?;
/// let bug = &diagnosis.bugs[0];
/// assert_eq!(bug.file.as_deref(), Some("src/a.ts"));
/// assert_eq!(origins[&bug.fingerprint].packages, ["packages/core test"]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Where the log cannot be read; whatever it holds is no error.
pub fn read(mut log: impl BufRead, options: &ParseOptions) -> io::Result<(Diagnosis, Origins)> {
    let mut engine = engine::Engine::new();
    let lines = lines::for_each_block(&mut log, &mut |block| engine.block(block))?;
    let (out, evidence) = engine.finish();
    Ok(report::assemble(lines, out, evidence, &options.workspace_roots))
}

/// Names of all tools the parser understands, in order of precedence.
///
/// ```
/// assert!(ci_healer::parser::tools().any(|tool| tool == "pytest"));
/// ```
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
