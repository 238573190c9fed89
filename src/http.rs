//! The one place that speaks HTTP: rustls with ring, the roots compiled in, extra authorities from a PEM bundle, proxies
//! from the usual variables. Never reads inputs and never holds a credential.
//!
//! A `Client` is bound to a `Scope`: sending, and reading a body, end with a typed error as soon as that is stopped,
//! whatever the server does.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
pub use reqwest::Url;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Serialize;

use crate::error::ExpectedError;
use crate::scope::{Scope, Stopped};

/// How long a connection may take to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether a client follows redirects. Clients that carry a key in a header of their own must not: only
/// `Authorization` is dropped when a redirect leaves the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    Follow,
    Refuse,
}

/// The TLS settings every connection of ours uses; `ca_bundle` is a PEM file's content.
pub fn tls_config(ca_bundle: Option<&[u8]>) -> Result<rustls::ClientConfig, ExpectedError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(pem) = ca_bundle {
        let bad = |what: String| {
            ExpectedError::usage(format!("ca-bundle: {what}"))
                .hint("give a PEM file with one or more `BEGIN CERTIFICATE` blocks")
        };
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|e| bad(format!("not readable as PEM: {e}")))?;
            roots.add(certificate).map_err(|e| bad(format!("a certificate is not usable: {e}")))?;
            found += 1;
        }
        if found == 0 {
            return Err(bad("holds no certificate".to_owned()));
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| ExpectedError::environment(format!("cannot set up TLS: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Why a request gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The client's scope is over; asking again is of no use.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// No connection, no answer in the request's own time, or no HTTP. Without the address, which may be a signed one.
    #[error(transparent)]
    Failed(reqwest::Error),
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::Failed(error.without_url())
    }
}

/// A client for any of the services we talk to. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    transport: reqwest::Client,
    scope: Scope,
}

impl Client {
    /// `ca_bundle` is a PEM file's content. Each request sets its own overall timeout.
    pub fn new(scope: &Scope, ca_bundle: Option<&[u8]>, redirects: Redirects) -> Result<Self, ExpectedError> {
        let policy = match redirects {
            Redirects::Follow => reqwest::redirect::Policy::limited(5),
            Redirects::Refuse => reqwest::redirect::Policy::none(),
        };
        #[expect(clippy::disallowed_methods, reason = "every other client is made of this one")]
        let transport = reqwest::Client::builder()
            .tls_backend_preconfigured(tls_config(ca_bundle)?)
            .redirect(policy)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("ci-healer/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| ExpectedError::environment(format!("cannot set up the HTTP client: {e}")))?;
        Ok(Self { transport, scope: scope.clone() })
    }

    /// The same connections within other bounds.
    #[must_use]
    pub fn with_scope(&self, scope: &Scope) -> Self {
        Self { transport: self.transport.clone(), scope: scope.clone() }
    }

    /// What everything this client does is bound to.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Begins a GET; nothing is sent yet.
    pub fn get(&self, url: Url) -> Request<'_> {
        Request { builder: self.transport.get(url), scope: &self.scope }
    }

    /// Begins a POST; nothing is sent yet.
    pub fn post(&self, url: Url) -> Request<'_> {
        Request { builder: self.transport.post(url), scope: &self.scope }
    }

    /// What is below, for a library that makes requests of its own. Everything such a library is asked goes through
    /// [`Client::run`]: the transport alone knows of no bounds.
    #[must_use]
    pub fn transport(&self) -> reqwest::Client {
        self.transport.clone()
    }

    /// Waits for `work`, no longer than the scope lasts.
    pub async fn run<T>(&self, during: &'static str, work: impl Future<Output = T>) -> Result<T, Stopped> {
        self.scope.run(during, work).await
    }

    /// Waits before another try, no longer than the scope lasts.
    pub async fn pause(&self, during: &'static str, wait: Duration) -> Result<(), Stopped> {
        self.scope.run(during, tokio::time::sleep(wait)).await
    }
}

/// A request on its way to be sent.
#[must_use]
pub struct Request<'c> {
    builder: reqwest::RequestBuilder,
    scope: &'c Scope,
}

impl Request<'_> {
    pub fn header(self, name: &'static str, value: HeaderValue) -> Self {
        Self { builder: self.builder.header(name, value), ..self }
    }

    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        Self { builder: self.builder.json(body), ..self }
    }

    /// For sending and for the whole answer together.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { builder: self.builder.timeout(timeout), ..self }
    }

    /// Sends it and waits for the answer's head. `during` is how an error calls what was going on.
    pub async fn send(self, during: &'static str) -> Result<Response, Error> {
        let response = self.scope.run(during, self.builder.send()).await??;
        Ok(Response { response, scope: self.scope.clone(), during })
    }
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub struct Response {
    response: reqwest::Response,
    scope: Scope,
    during: &'static str,
}

impl Response {
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece of the body; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.scope.run(self.during, self.response.chunk()).await??)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_a_usage_error() {
        for bad in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = Client::new(&Scope::unbounded(), Some(bad), Redirects::Refuse).unwrap_err();
            assert!(error.message.starts_with("ca-bundle: "), "{error:?}");
            assert!(error.hint.is_some());
        }
    }

    #[test]
    fn without_a_bundle_the_compiled_in_roots_serve() {
        assert!(Client::new(&Scope::unbounded(), None, Redirects::Follow).is_ok());
    }
}
