//! Runs a `BuildPlan` in an ephemeral, secret-free sandbox → `ExecutionResult`.
//!
//! Never fixes code, never commits, never interprets what the steps print. What callers may rely on is written down in
//! `EXECUTION_CONTRACT.md` beside this file.

mod account;
mod action_build;
mod action_container;
mod actions;
mod archive;
mod artifacts;
mod ca;
mod caches;
mod cleanup;
mod commands;
mod docker;
mod end_marker;
mod engine;
mod environment;
mod error;
mod files;
mod gunzip;
mod identity;
mod image;
mod lines;
mod log;
mod options;
mod preinstalled;
mod probe;
mod read_back;
mod run;
mod sandbox;
mod services;
mod set_up;
mod shell;
mod snapshot;
mod state_copy;
mod steps;
mod trace;
mod workspace;

pub use actions::{ActionArchive, Brought, NODE, NodePackage, check_node};
pub use artifacts::ArtifactArchive;
pub use cleanup::{Leftovers, Removed};
pub use docker::IMAGE as DOCKER_IMAGE;
pub use error::ExecutorError;
pub use log::LogLimits;
pub use run::{Executor, Request};
pub use state_copy::Copies;

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;

use crate::contract::settings::{Hardening, Network};
use crate::scope::Scope;

/// For [`Executor::close`] at a normal end: a volume of 50,000 files takes an engine ten seconds and more.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(60);
/// For [`Executor::close`] after a stop: the runner kills us a few seconds later.
pub const CLOSE_PATIENCE_STOPPED: Duration = Duration::from_secs(3);

/// How long [`Executor::close`] should wait at the end of a run with this scope.
#[must_use]
pub fn close_patience(scope: &Scope) -> Duration {
    if scope.stopped().is_some() { CLOSE_PATIENCE_STOPPED } else { CLOSE_PATIENCE }
}

/// What one run may use and sees.
#[derive(Debug, Clone)]
pub struct Options {
    /// Marks everything this run creates; letters, digits, `-` and `_`.
    pub run_id: String,
    pub network: Network,
    pub memory_bytes: u64,
    /// `None`: all there are.
    pub cpus: Option<f64>,
    pub pids: i64,
    pub hardening: Hardening,
    /// For one execution of the plan.
    pub timeout: Duration,
    /// After this time others may take the run for dead, where they cannot see whether it lives.
    pub lifetime: Duration,
    /// How long an engine that has failed may take to answer again.
    pub engine_wait: Duration,
    /// `GITHUB_*` facts; no secrets.
    pub env: BTreeMap<String, String>,
    /// What the user passes on. Steps see it; the container's description and images made of it do not.
    pub passed_on: BTreeMap<String, String>,
    /// The payload of the job's event, as `GITHUB_EVENT_PATH` has it; `None`: it is not known.
    pub event: Option<String>,
    /// The job's own token, where steps may have it: it takes the place of what stands for it in the plan.
    pub token: Option<SecretString>,
    /// The image of an engine of the steps' own, in a privileged container; `None`: they have none.
    pub docker: Option<String>,
    /// Extra certificate authorities, PEM.
    pub ca_bundle: Option<Vec<u8>>,
    pub log_limits: LogLimits,
}

impl Options {
    /// The documented defaults.
    #[must_use]
    pub fn new(run_id: &str) -> Self {
        Self {
            run_id: run_id.to_owned(),
            network: Network::On,
            memory_bytes: 4 << 30,
            cpus: None,
            pids: 4096,
            hardening: Hardening::Compatible,
            timeout: Duration::from_secs(20 * 60),
            lifetime: Duration::from_secs(6 * 3600),
            engine_wait: Duration::from_secs(60),
            env: BTreeMap::new(),
            passed_on: BTreeMap::new(),
            event: None,
            token: None,
            docker: None,
            ca_bundle: None,
            log_limits: LogLimits::default(),
        }
    }
}
