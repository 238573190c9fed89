//! `ci-healer report EVENTS`: renders the events of a run again. A report and nothing else: no decision rests on it, and
//! all of it is foreign text.

use std::fs::File;
use std::io::{self, Read as _};
use std::process::ExitCode;

use crate::config::Flags;
use crate::contract::event::EventSink as _;
use crate::error::ExpectedError;
use crate::report::console::{Console, StepOutput};
use crate::report::projection::Projection;
use crate::report::{event_log, results, summary, verdict};

/// Larger files are not ours.
const MAX_FILE: u64 = 512 << 20;

/// `ci-healer report EVENTS|-`
pub(super) fn run(flags: &Flags, rest: &[String]) -> anyhow::Result<ExitCode> {
    let [path] = rest else {
        let message = format!("report takes one file of events (or `-`), not {rest:?}");
        return Err(ExpectedError::usage(message).hint("ci-healer report .ci-healer/events.jsonl").into());
    };
    let events = event_log::read(&read(path)?).map_err(|e| ExpectedError::usage(format!("{path}: {e}")))?;
    let projection = Projection::of(&events);
    match flags.get("format").map_or("text", String::as_str) {
        "json" => super::write_out(&results::text(projection.report())),
        "markdown" => super::write_out(&summary::markdown(projection.report(), projection.files())),
        _ => {
            let console = Console::new(super::terminal(), StepOutput::Show, Box::new(io::stdout()));
            for stamped in events {
                console.emit(stamped.event);
            }
            console.block(&verdict::text(projection.report(), projection.files()));
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn read(path: &str) -> Result<Vec<u8>, ExpectedError> {
    let failed = |e: io::Error| ExpectedError::usage(format!("cannot read {path}: {e}"));
    let mut bytes = Vec::new();
    let read = if path == "-" {
        io::stdin().lock().take(MAX_FILE + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
    };
    read.map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(ExpectedError::usage(format!("{path} is larger than {} MiB", MAX_FILE >> 20)));
    }
    Ok(bytes)
}
