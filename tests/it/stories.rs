//! The whole product as GitHub runs it: the action's image under the runner stand-in, against the in-memory GitHub and
//! the scripted model server, with real sandboxes. What these stories see is what people get.

mod drift;
mod green;
mod history;
mod hostile;
mod never_reached;
mod partial;
mod placements;
mod publishing;
mod refusals;
mod review;
mod settings;
mod split;
pub(crate) mod stage;
mod triage;
mod way_out;
