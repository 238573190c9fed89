//! What can go wrong between us and the engine, each with what to do about it.

use std::time::Duration;

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
    Engine { what: String, cause: String },
    #[error("{what}: it is larger than {limit} bytes")]
    TooLarge { what: String, limit: usize },
    #[error("image {image}: {cause}")]
    Image { image: String, cause: String, hint: String },
    #[error("{what}: {cause}")]
    Workspace { what: String, cause: String },
    #[error("service {service}: {cause}")]
    Service { service: String, cause: String },
    #[error("cancelled")]
    Cancelled,
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
            | Self::Cancelled => None,
        }
    }

    pub(super) fn engine(what: impl Into<String>, cause: &bollard::errors::Error) -> Self {
        Self::Engine { what: what.into(), cause: cause_of(cause) }
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
pub(super) fn status_of(error: &bollard::errors::Error) -> Option<u16> {
    match error {
        bollard::errors::Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}
