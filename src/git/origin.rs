//! Where a checkout came from.

use std::path::Path;

/// The push address of the remote `origin`, as the checkout's own configuration has it.
///
/// Read, never acted upon without the checks that every address goes through.
#[must_use]
pub fn origin(source: &Path) -> Option<String> {
    let repository = gix::open_opts(source, gix::open::Options::isolated()).ok()?;
    let config = repository.config_snapshot();
    let url = config.string("remote.origin.pushurl").or_else(|| config.string("remote.origin.url"))?;
    Some(url.to_string())
}
