//! The front doors: `heal`, `diagnose`, `plan`, `doctor`, `demo`, and the action.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::error::{EXIT_BUG, ExpectedError};
use crate::parser;

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
            let path = args.get(1).map_or("-", String::as_str);
            let options = parser::ParseOptions::default();
            let diagnosis = if path == "-" {
                parser::diagnose(io::stdin().lock(), &options)?
            } else {
                let file = std::fs::File::open(path)
                    .map_err(|e| ExpectedError::usage(format!("cannot read {path}: {e}")))?;
                parser::diagnose(io::BufReader::with_capacity(1 << 16, file), &options)?
            };
            let mut out = io::stdout().lock();
            serde_json::to_writer_pretty(&mut out, &diagnosis)?;
            writeln!(out)?;
            Ok(ExitCode::SUCCESS)
        }
        other => Err(ExpectedError::usage(format!("unknown command {other:?}")).into()),
    }
}
