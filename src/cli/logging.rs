//! What `CI_HEALER_LOG` asks for, on stderr.

use env_logger::{Env, Logger};
use log::{LevelFilter, Log, Metadata, Record};

/// Libraries tell in detail what passes through them, tokens in the engine's answers included; only what they find worth
/// telling anybody is let through.
struct Discreet(Logger);

impl Log for Discreet {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        is_fit(metadata) && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if is_fit(record.metadata()) {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}

fn is_fit(metadata: &Metadata<'_>) -> bool {
    metadata.level() <= LevelFilter::Info
        || metadata.target().split("::").next() == Some(env!("CARGO_CRATE_NAME"))
}

pub(super) fn start() {
    let logger = env_logger::Builder::from_env(Env::new().filter("CI_HEALER_LOG")).build();
    let most = logger.filter();
    if log::set_boxed_logger(Box::new(Discreet(logger))).is_ok() {
        log::set_max_level(most);
    }
}
