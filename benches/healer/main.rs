//! `make bench`: what the healer itself costs, as a table with the aims beside the figures.
//!
//! Figures, never assertions: a loaded machine is no bug. Ratios compare things measured in the same run. Needs the
//! Docker engine and the base images.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "starts programs to look at them, bound to no run")]

mod context;
mod cost;
mod heals;
mod logs;
mod plans;
mod requests;
mod sandbox;
mod sizes;
mod syntax;
mod table;

/// The stand-ins of the tests.
#[path = "../../tests/it/support"]
#[allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "made for the tests; a part of it is used here"
)]
mod support {
    pub(crate) mod git;
    pub(crate) mod github;
}

use std::process::ExitCode;

use table::Table;

fn main() -> ExitCode {
    let mut table = Table::default();
    let mut failed = 0;
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    // `cargo bench` adds flags of its own.
    let only = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default();
    let mut part = |name: &str, work: &mut dyn FnMut(&mut Table) -> anyhow::Result<()>| {
        if !name.contains(&only) {
            return;
        }
        eprintln!("measuring {name} ...");
        if let Err(error) = work(&mut table) {
            table.say(name, format!("not measured: {error:#}"));
            failed += 1;
        }
    };
    part("sizes and start-up", &mut |table| {
        sizes::measure(table);
        heals::start_up(table)
    });
    part("plans", &mut plans::measure);
    part("logs", &mut logs::measure);
    part("syntax", &mut syntax::measure);
    part("context", &mut context::measure);
    part("sync", &mut |table| runtime.block_on(sandbox::sync(table)));
    part("snapshot", &mut |table| runtime.block_on(sandbox::snapshot(table)));
    part("heals", &mut |table| {
        runtime.block_on(heals::overhead(table))?;
        runtime.block_on(cost::measure(table))
    });
    part("requests", &mut |table| runtime.block_on(requests::measure(table)));
    println!("{table}");
    if cfg!(debug_assertions) {
        println!(
            "Measured without optimisation (PROFILE=dev): what is computed is several times faster released."
        );
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
