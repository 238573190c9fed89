//! Repositories shaped like real projects: several packages, jobs for lint, types, tests and generated code, and a gate.
//! Several jobs are red for different reasons; one run heals them all, and runs what is right at its first offer.

mod go;
mod java;
mod knowing;
mod node;
mod python;
mod rust;

use crate::heal::Ended;

/// What a heal cost, as a row of a table: runs in a sandbox, questions to models, attempts, seconds.
#[expect(clippy::print_stdout, reason = "a table for whoever looks")]
pub(crate) fn table_row(name: &str, ended: &Ended) {
    let calls = ended.text.matches("… asking for a fix").count();
    let attempts = &ended.results["budget"]["attempts"]["spent"];
    let wall = &ended.results["timings"]["total"];
    println!("| {name} | {} | {calls} | {attempts} | {wall} |", ended.executions);
}
