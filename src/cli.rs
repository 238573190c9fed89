//! The front doors: `heal`, `diagnose`, `plan`, `doctor`, `demo`, and the action.

mod plan;

use std::io::{self, Write};
use std::process::ExitCode;

use crate::error::{EXIT_BUG, ExpectedError};
use crate::report::diagnosis::Format;
use crate::{parser, report};

/// Runs the command line and says how it went.
#[must_use]
pub fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::new().filter("CI_HEALER_LOG")).init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            let code = error.downcast_ref::<ExpectedError>().map_or(EXIT_BUG, |e| e.kind.exit_code());
            let _ = writeln!(io::stderr(), "ci-healer: {error:#}");
            ExitCode::from(code)
        }
    }
}

fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    match args.first().map(String::as_str) {
        Some("diagnose") => {
            let (path, format) = diagnose_arguments(&args[1..])?;
            let options = parser::ParseOptions::default();
            let diagnosis = if path == "-" {
                parser::diagnose(io::stdin().lock(), &options)?
            } else {
                let file = std::fs::File::open(path)
                    .map_err(|e| ExpectedError::usage(format!("cannot read {path}: {e}")))?;
                parser::diagnose(io::BufReader::with_capacity(1 << 16, file), &options)?
            };
            report::diagnosis::write(&diagnosis, format, &mut io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Some("plan") => plan::run(&args[1..]),
        other => Err(ExpectedError::usage(format!("unknown command {other:?}")).into()),
    }
}

/// `diagnose [LOG | -] [--format FORMAT]`
fn diagnose_arguments(args: &[String]) -> Result<(&str, Format), ExpectedError> {
    let (mut path, mut format) = (None, Format::Text);
    let mut args = args.iter().map(String::as_str);
    while let Some(arg) = args.next() {
        let value = match arg.split_once('=') {
            Some(("--format", value)) => Some(value),
            _ if arg == "--format" => Some(args.next().unwrap_or_default()),
            _ => None,
        };
        if let Some(value) = value {
            format = Format::from_name(value).ok_or_else(|| {
                ExpectedError::usage(format!("--format {value:?} is not one of {}", Format::NAMES))
            })?;
        } else if path.is_none() && (arg == "-" || !arg.starts_with('-')) {
            path = Some(arg);
        } else {
            return Err(ExpectedError::usage(format!("diagnose: unexpected argument {arg:?}"))
                .hint("usage: ci-healer diagnose [LOG | -] [--format json|text|github|sarif]"));
        }
    }
    Ok((path.unwrap_or("-"), format))
}
