//! The one place that builds HTTP clients: rustls with ring, the roots compiled in, extra authorities from a PEM
//! bundle, proxies from the usual variables. Never reads inputs and never holds a credential.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::error::ExpectedError;

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

/// A client for any of the services we talk to. Each request sets its own overall timeout.
pub fn client(ca_bundle: Option<&[u8]>, redirects: Redirects) -> Result<reqwest::Client, ExpectedError> {
    let policy = match redirects {
        Redirects::Follow => reqwest::redirect::Policy::limited(5),
        Redirects::Refuse => reqwest::redirect::Policy::none(),
    };
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls_config(ca_bundle)?)
        .redirect(policy)
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("ci-healer/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| ExpectedError::environment(format!("cannot set up the HTTP client: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_without_certificates_is_a_usage_error() {
        for bad in [&b""[..], b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let error = client(Some(bad), Redirects::Refuse).unwrap_err();
            assert!(error.message.starts_with("ca-bundle: "), "{error:?}");
            assert!(error.hint.is_some());
        }
    }

    #[test]
    fn without_a_bundle_the_compiled_in_roots_serve() {
        assert!(client(None, Redirects::Follow).is_ok());
    }
}
