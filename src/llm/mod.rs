//! The wire formats of the model servers, and failover between them. Implements `contract::model::AskModel`.
//!
//! Knows nothing of bugs or fixes, never retries past a deadline, never sends a request that could break a
//! budget, and keeps keys in headers only. Facts come from the servers' official SDKs and documentation.

mod command;
mod day;
mod family;
mod gemini;
mod openai_compatible;
mod probe;
mod router;
mod tables;
mod wire;

pub use probe::{Look, ProbeError, probe};
pub use router::{ProviderConfig, Router, WireFormat};
pub use tables::models_as_of;
