//! `ci-healer stats DIR…`: what many runs came to, from the `results.json` files below some folders.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::config::Flags;
use crate::error::ExpectedError;
use crate::report::results::RESULTS_FILE;
use crate::report::stats::Stats;

/// A record of a run is no longer.
const MAX_FILE: u64 = 256 << 20;
/// Folders in folders.
const MAX_DEPTH: usize = 16;
const MARKDOWN_FILE: &str = "ci-healer-stats.md";
const HTML_FILE: &str = "ci-healer-stats.html";

pub(super) fn run(flags: &Flags, rest: &[String]) -> anyhow::Result<ExitCode> {
    if rest.is_empty() {
        let error = ExpectedError::usage("stats takes the folders that hold the runs' results.json");
        return Err(error.hint("ci-healer stats downloaded-artifacts").into());
    }
    let minutes = flags.get("minutes-per-fix").map_or("30", String::as_str);
    let minutes = minutes.parse().ok().filter(|minutes| (1..=10_000).contains(minutes)).ok_or_else(|| {
        ExpectedError::usage(format!("--minutes-per-fix {minutes:?} is not a whole number from 1 to 10000"))
    })?;
    let mut stats = Stats::new(minutes);
    for dir in rest {
        let path = Path::new(dir);
        if !path.exists() {
            return Err(ExpectedError::usage(format!("there is no {dir}")).into());
        }
        for file in records(path, 0) {
            stats.add(&read(&file)?);
        }
    }
    if stats.runs() == 0 {
        return Err(ExpectedError::usage(format!(
            "no record of a run ({RESULTS_FILE}) lies below {}",
            rest.join(", ")
        ))
        .into());
    }
    let out = PathBuf::from(flags.get("output").map_or(".", String::as_str));
    let write = |name: &str, text: &str| -> Result<(), ExpectedError> {
        let path = out.join(name);
        fs::create_dir_all(&out)
            .and_then(|()| fs::write(&path, text))
            .map_err(|e| ExpectedError::usage(format!("cannot write {}: {e}", path.display())))
    };
    let markdown = stats.markdown();
    write(MARKDOWN_FILE, &markdown)?;
    write(HTML_FILE, &stats.html())?;
    super::write_out(&markdown)
}

/// The records at a path, in the order of their names; links are not followed.
fn records(path: &Path, depth: usize) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut found = Vec::new();
    for entry in entries {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_file() && entry.file_name() == RESULTS_FILE {
            found.push(entry.path());
        } else if kind.is_dir() && depth < MAX_DEPTH {
            found.extend(records(&entry.path(), depth + 1));
        }
    }
    found
}

fn read(path: &Path) -> Result<Vec<u8>, ExpectedError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|e| ExpectedError::usage(format!("cannot read {}: {e}", path.display())))?;
    Ok(bytes)
}
