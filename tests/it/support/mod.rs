//! Stand-ins: nothing here is a test.
pub(crate) mod action_image;
pub(crate) mod engine_proxy;
pub(crate) mod events;
pub(crate) mod frozen;
pub(crate) mod git;
pub(crate) mod github;
pub(crate) mod llm;
pub(crate) mod runner;
pub(crate) mod runner_commands;
pub(crate) mod script_runners;
