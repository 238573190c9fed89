//! ci-healer: re-runs what failed in CI, fixes it minimally, proves the fix.
//!
//! The map, in the order data flows. `ARCHITECTURE.md` tells the story.

/// Duties that are seen to although a panic aborts.
pub mod after_panic;
/// The entry points.
pub mod cli;
/// The only reader of inputs, flags and the workflow environment.
pub mod config;
/// Plain data that passes between the layers.
pub mod contract;
/// Heals the sample repositories compiled into the binary.
pub mod demo;
/// How two texts differ.
pub mod diff;
/// Which release broke an untouched repository: worlds, the search, publish times; runs nothing.
pub mod drift;
/// Expected errors, with their exit code and a hint.
pub mod error;
/// Runs a `BuildPlan` in a sandbox → `ExecutionResult`; never interprets.
pub mod executor;
/// `BugReport` + source → `FixProposal`, and the gates; never writes or runs.
pub mod fixer;
/// The private clone, commits and pushes; never fixes or builds.
pub mod git;
/// GitHub's API: events, runs, publishing, watching.
pub mod github;
/// The one way to HTTP: clients that end with the run.
pub mod http;
/// The wire formats of the model servers, and failover between them.
pub mod llm;
/// The retry loop: a pure transition table and its driver.
pub mod orchestrator;
/// Log → `Diagnosis`, deterministic; never touches files.
#[warn(missing_docs)]
pub mod parser;
/// Where the paths of a log lead in the repository.
pub mod placing;
/// Workflow, job and inputs → `BuildPlan`; never runs anything.
#[warn(missing_docs)]
pub mod plan;
/// A child with all that it has started.
pub mod process_group;
/// The only place that makes text for people.
pub mod report;
/// The bounds of a run: one deadline and one word to stop, for every wait.
pub mod scope;
/// Finds known secrets in text, in the forms in which they leak.
pub mod secrets;
/// Source code as syntax trees: whether two versions say the same.
pub mod syntax;
