//! Trusted certificates: those of the system, or those of a file in place of them.

use std::path::Path;

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The certificates of a file in place of the system's, as other tools of AWS take them; or what is
/// wrong with the file.
pub(super) fn read_bundle(path: &Path) -> Result<TlsContext, String> {
    let invalid = |reason: &dyn ToString| format!("`{}`: {}", path.display(), reason.to_string());
    let bundle = std::fs::read(path).map_err(|error| invalid(&error))?;
    // The HTTP client panics on what it cannot read, so each certificate is tried before.
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bundle) {
        let certificate = certificate.map_err(|error| invalid(&error))?;
        roots.add(certificate).map_err(|error| invalid(&error))?;
    }
    if roots.is_empty() {
        return Err(invalid(&"there is no certificate in it"));
    }
    let trusted = TrustStore::empty().with_pem_certificate(bundle);
    let context = TlsContext::builder().with_trust_store(trusted).build();
    context.map_err(|error| invalid(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundle_without_usable_certificate_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            ("empty", ""),
            ("text", "no certificate"),
            (
                "broken",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            ),
            ("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
        ];
        for (name, text) in cases {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            let error = read_bundle(&path).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
        assert!(read_bundle(&folder.path().join("missing")).is_err());
    }
}
