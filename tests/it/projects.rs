//! Repositories shaped like real projects: several packages, jobs for lint, types, tests and generated code, and a gate.
//! Three jobs are red for different reasons; one run heals them all, and runs what is right at its first offer.

mod node;
mod perfect;
mod python;

use serde_json::Value;

use crate::heal::Ended;

/// What a heal cost, as a row of a table: sandbox executions, model calls, attempts, wall seconds.
pub(crate) fn table_row(name: &str, ended: &Ended) {
    let iterations = ended.results["iterations"].as_array().unwrap();
    let proposals = iterations.iter().flat_map(|i| i["proposals"].as_array().unwrap());
    // What is judged again with more of the repository shown is one answer, told twice.
    let answers = |p: &&Value| !p["model"].is_null() && p["rejection"]["kind"] != "needs_context";
    let calls = proposals.filter(answers).count();
    let (executions, attempts) = (ended.executions, &ended.results["budget"]["attempts"]["spent"]);
    println!("| {name} | {executions} | {calls} | {attempts} | {} |", ended.results["timings"]["total"]);
}
