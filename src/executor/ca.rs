//! Extra certificate authorities in the sandbox: beside the image's own list, for every kind of tool.

use super::archive::{self, Entry, Kind};
use super::error::ExecutorError;
use super::sandbox::Sandbox;

/// Where distributions keep the list that OpenSSL and its friends read.
const SYSTEM: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Archive entries below `/`: the extra list, the whole list, a Java trust store, and the system's own list extended.
pub(super) async fn entries(sandbox: &Sandbox, extra: &[u8]) -> Result<Vec<u8>, ExecutorError> {
    let mut system = None;
    for path in SYSTEM {
        if let Some(bytes) = sandbox.get_file(path, 4 << 20).await? {
            system = Some((path, bytes));
            break;
        }
    }
    let mut all = system.as_ref().map(|(_, bytes)| bytes.clone()).unwrap_or_default();
    if !all.is_empty() && !all.ends_with(b"\n") {
        all.push(b'\n');
    }
    all.extend_from_slice(extra);
    let store = trust_store(&all);
    let mut out = Vec::new();
    let folder = Entry { path: "ci-healer/ca/", kind: Kind::Directory, mode: 0o755, owner: (0, 0), mtime: 0 };
    archive::push(&mut out, &folder, b"");
    let mut file = |path: &str, bytes: &[u8]| {
        let kind = Kind::File(bytes.len() as u64);
        archive::push(&mut out, &Entry { path, kind, mode: 0o644, owner: (0, 0), mtime: 0 }, bytes);
    };
    file("ci-healer/ca/extra.pem", extra);
    file("ci-healer/ca/all.pem", &all);
    file("ci-healer/ca/trust.jks", &store);
    if let Some((path, _)) = system {
        file(path.trim_start_matches('/'), &all);
        // Where a step installs certificates, the distribution's tool makes the list anew from this folder.
        file("usr/local/share/ca-certificates/ci-healer-extra.crt", extra);
    }
    Ok(out)
}

/// A Java key store of trusted certificates. Its check value is left empty: Java reads a trust store without a password
/// and then does not check it.
fn trust_store(pem: &[u8]) -> Vec<u8> {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).filter_map(Result::ok).collect();
    let count = u32::try_from(certificates.len()).unwrap_or(0);
    let mut out = Vec::new();
    out.extend_from_slice(&0xFEED_FEEDu32.to_be_bytes());
    out.extend_from_slice(&2u32.to_be_bytes());
    out.extend_from_slice(&count.to_be_bytes());
    for (number, certificate) in certificates.iter().enumerate() {
        out.extend_from_slice(&2u32.to_be_bytes());
        text(&mut out, &format!("ca-{number}"));
        out.extend_from_slice(&0u64.to_be_bytes());
        text(&mut out, "X.509");
        out.extend_from_slice(&u32::try_from(certificate.len()).unwrap_or(0).to_be_bytes());
        out.extend_from_slice(certificate);
    }
    out.extend_from_slice(&[0; 20]);
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&u16::try_from(text.len()).unwrap_or(0).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trust_store_holds_every_certificate() {
        let pem = b"-----BEGIN CERTIFICATE-----\nAAEC\n-----END CERTIFICATE-----\n# x\n\
                    -----BEGIN CERTIFICATE-----\nAwQF\n-----END CERTIFICATE-----\n";
        let store = trust_store(pem);
        assert_eq!(store[..12], [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2, 0, 0, 0, 2]);
        assert!(store.windows(7).any(|w| w == [0, 0, 0, 3, 3, 4, 5]));
        assert_eq!(trust_store(b"nonsense").len(), 32);
    }
}
