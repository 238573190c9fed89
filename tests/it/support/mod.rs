//! Stand-ins: nothing here is a test.
