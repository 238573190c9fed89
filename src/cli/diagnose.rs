//! `ci-healer diagnose [LOG | -] [--format json|text|github|sarif]`: a log in, bug reports out. Touches nothing else.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;

use crate::config;
use crate::contract::bug::Diagnosis;
use crate::error::ExpectedError;
use crate::parser::{self, ParseOptions};
use crate::report::diagnosis::{self, Format};

const USAGE: &str = "usage: ci-healer diagnose [LOG | -] [--format json|text|github|sarif]";

/// Read at once from the log.
const BUFFER: usize = 1 << 16;

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (flags, rest) = config::flags(args, &["format"])?;
    let format = match flags.get("format") {
        None => Format::Text,
        Some(name) => Format::from_name(name).ok_or_else(|| {
            ExpectedError::usage(format!("--format {name:?} is not one of {}", Format::NAMES))
        })?,
    };
    super::arguments::only("diagnose", &flags, &["format"], USAGE)?;
    let path = match rest.as_slice() {
        [] => "-",
        [path] => path,
        [_, extra, ..] => {
            return Err(ExpectedError::usage(format!("diagnose: unexpected argument {extra:?}"))
                .hint(USAGE)
                .into());
        }
    };
    let options = ParseOptions::default();
    let diagnosis = if path == "-" {
        read(io::stdin().lock(), "standard input", &options)?
    } else {
        let file = open(Path::new(path))?;
        read(BufReader::with_capacity(BUFFER, file), path, &options)?
    };
    match diagnosis::write(&diagnosis, format, &mut io::stdout().lock()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        other => other?,
    }
    Ok(ExitCode::SUCCESS)
}

fn read(mut log: impl BufRead, what: &str, options: &ParseOptions) -> Result<Diagnosis, ExpectedError> {
    let head = log.fill_buf().map_err(|e| unreadable(what, &e))?;
    if parser::looks_binary(head) {
        return Err(ExpectedError::usage(format!("{what} is a binary file, not a log")).hint(USAGE));
    }
    parser::diagnose(log, options).map_err(|e| unreadable(what, &e))
}

fn open(path: &Path) -> Result<std::fs::File, ExpectedError> {
    let file = std::fs::File::open(path).map_err(|e| unreadable(&path.display().to_string(), &e))?;
    let is_dir = file.metadata().is_ok_and(|m| m.is_dir());
    if is_dir {
        return Err(ExpectedError::usage(format!("{} is a folder, not a log", path.display())).hint(USAGE));
    }
    Ok(file)
}

fn unreadable(what: &str, error: &io::Error) -> ExpectedError {
    ExpectedError::usage(format!("cannot read {what}: {error}")).hint(USAGE)
}
