//! What can go wrong between us and the engine, each with what to do about it.

use std::time::Duration;

use crate::scope::Stopped;

/// Docker, an image or the machine; never the code under repair.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecutorError {
    #[error("no Docker engine answers at {address}: {cause}")]
    NoEngine { address: String, cause: String },
    #[error("the Docker engine at {address} speaks API {version}; at least {minimum} is needed")]
    TooOld { address: String, version: String, minimum: &'static str },
    #[error("the Docker engine did not answer within {} s: {what}", limit.as_secs())]
    NoAnswer { what: String, limit: Duration },
    #[error("{what}: {cause}")]
    Engine {
        what: String,
        cause: String,
        /// The HTTP status of the engine's answer, where it was one.
        status: Option<u16>,
    },
    #[error("{what}: it is larger than {limit} bytes")]
    TooLarge { what: String, limit: usize },
    #[error("image {image}: {cause}")]
    Image { image: String, cause: String, hint: String },
    #[error("{what}: {cause}")]
    Workspace { what: String, cause: String },
    #[error("service {service}: {cause}")]
    Service { service: String, cause: String },
    /// Its scope ended, whatever the engine would have answered.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl ExecutorError {
    /// What to change, where we know.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoEngine { .. } => Some(
                "start Docker, or name a running engine in DOCKER_HOST; in a checkout of ci-healer, \
                 docker/engine.sh installs and starts one on Debian and Ubuntu"
                    .to_owned(),
            ),
            Self::TooOld { .. } => Some("update Docker to 20.10 or later".to_owned()),
            Self::NoAnswer { .. } => Some("see whether `docker version` and `docker info` answer".to_owned()),
            Self::Image { hint, .. } => Some(hint.clone()),
            Self::Engine { cause, .. } if cause.contains("no space left") => {
                Some("free disk space where the engine keeps its data (`docker system df`)".to_owned())
            }
            Self::Engine { .. }
            | Self::TooLarge { .. }
            | Self::Workspace { .. }
            | Self::Service { .. }
            | Self::Stopped(_) => None,
        }
    }

    /// The client's error, and what was asked for.
    pub(super) fn engine(what: impl Into<String>, error: &bollard::errors::Error) -> Self {
        Self::Engine { what: what.into(), cause: cause_of(error), status: status_of(error) }
    }

    /// Something about the engine or a container that no answer of the engine's says.
    pub(super) fn unexpected(what: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Engine { what: what.into(), cause: cause.into(), status: None }
    }

    /// The same error, said of something more exact.
    pub(super) fn with_what(self, exactly: String) -> Self {
        match self {
            Self::Engine { cause, status, .. } => Self::Engine { what: exactly, cause, status },
            Self::NoAnswer { limit, .. } => Self::NoAnswer { what: exactly, limit },
            other => other,
        }
    }

    /// What went wrong, without what was asked for.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Engine { cause, .. } => cause.clone(),
            other => other.to_string(),
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped(_))
    }

    /// The engine knows no such thing.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Engine { status: Some(404), .. })
    }

    /// Somebody still uses the thing, or is removing it already.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Engine { status: Some(403 | 409), .. })
    }
}

/// The engine's own words, without the client's frame around them.
pub(super) fn cause_of(error: &bollard::errors::Error) -> String {
    match error {
        bollard::errors::Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        bollard::errors::Error::DockerStreamError { error } => error.trim().to_owned(),
        other => {
            let mut text = other.to_string();
            let mut source = std::error::Error::source(other);
            while let Some(inner) = source {
                let inner_text = inner.to_string();
                if !text.contains(&inner_text) {
                    text = format!("{text}: {inner_text}");
                }
                source = inner.source();
            }
            text
        }
    }
}

/// The status the engine answered with, where it answered.
fn status_of(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}
