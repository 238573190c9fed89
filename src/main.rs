//! Which entry point, logging, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    ci_healer::cli::main()
}
