//! Stand-ins: nothing here is a test.
pub(crate) mod git;
