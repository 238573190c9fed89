//! What failed in a build log, as a library: `cargo run --example diagnose < build.log`.

use std::io::{self, Write as _};

use ci_healer::parser::{ParseOptions, diagnose};

fn main() -> io::Result<()> {
    let diagnosis = diagnose(io::stdin().lock(), &ParseOptions::default())?;
    let mut out = io::stdout().lock();
    for bug in &diagnosis.bugs {
        let place = match (&bug.file, bug.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            (None, _) => String::new(),
        };
        writeln!(out, "{place}{} ({}): {}", bug.tool, bug.category.as_str(), bug.message)?;
    }
    Ok(())
}
