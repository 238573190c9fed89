//! Where a checkout came from.

use std::path::Path;

use crate::scope::{Scope, Stopped};

/// The push address of the remote `origin`, as the checkout's own configuration has it.
///
/// Read, never acted upon without the checks that every address goes through.
pub async fn origin(source: &Path, scope: &Scope) -> Result<Option<String>, Stopped> {
    let source = source.to_owned();
    scope.blocking("reading the checkout's configuration", move || read(&source)).await
}

fn read(source: &Path) -> Option<String> {
    let repository = gix::open_opts(source, gix::open::Options::isolated()).ok()?;
    let config = repository.config_snapshot();
    let url = config.string("remote.origin.pushurl").or_else(|| config.string("remote.origin.url"))?;
    Some(url.to_string())
}
