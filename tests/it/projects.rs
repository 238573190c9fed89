//! Repositories shaped like real projects, each with failures of several kinds at once: healed in one run.

mod go;
mod java;
mod knowing;
mod rust;

use crate::heal::Ended;

/// What a heal cost, as a row of a table.
pub(crate) fn table_row(name: &str, ended: &Ended) {
    let spent = |what: &str| ended.results["budget"][what]["spent"].clone();
    let (executions, wall) = (ended.executions, &ended.results["timings"]["total"]);
    let (calls, attempts) = (spent("requests"), spent("attempts"));
    println!("| {name} | {executions} | {calls} | {attempts} | {wall} |");
}
