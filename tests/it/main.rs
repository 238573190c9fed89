//! One binary, one file per capability; `support/` holds the stand-ins for GitHub, the model servers and the runner.

mod support;
mod workspace;
