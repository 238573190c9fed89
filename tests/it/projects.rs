//! Repositories shaped like real projects, each with failures of several kinds at once: healed in one run.

mod go;
mod java;
mod knowing;
mod rust;

use crate::heal::Ended;

/// What a heal cost, as a row of a table: runs in a sandbox, questions to models, attempts, seconds.
pub(crate) fn table_row(name: &str, ended: &Ended) {
    let calls = ended.text.matches("… asking for a fix").count();
    let attempts = &ended.results["budget"]["attempts"]["spent"];
    let wall = &ended.results["timings"]["total"];
    println!("| {name} | {} | {calls} | {attempts} | {wall} |", ended.executions);
}
