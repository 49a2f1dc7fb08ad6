//! The certificates that are trusted: those of the system, or those of `AWS_CA_BUNDLE`.

use std::path::{Path, PathBuf};

use aws_smithy_http_client::tls::{TlsContext, TrustStore};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// `AWS_CA_BUNDLE` names no file with certificates.
#[derive(Debug, thiserror::Error)]
#[error("AWS_CA_BUNDLE names `{}`: {reason}", path.display())]
pub struct InvalidCaBundle {
    path: PathBuf,
    reason: String,
}

/// The certificates of a file in place of the system's, as other tools of AWS take them.
pub(super) fn read_bundle(path: &Path) -> Result<TlsContext, InvalidCaBundle> {
    let invalid = |reason: String| InvalidCaBundle {
        path: path.to_owned(),
        reason,
    };
    let bundle = std::fs::read(path).map_err(|error| invalid(error.to_string()))?;
    // The HTTP client panics on what it cannot read, so each certificate is tried before.
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bundle) {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| invalid(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(invalid("there is no certificate in it".to_owned()));
    }
    let trusted = TrustStore::empty().with_pem_certificate(bundle);
    let context = TlsContext::builder().with_trust_store(trusted).build();
    context.map_err(|error| invalid(error.to_string()))
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
            let error = read_bundle(&path).unwrap_err().to_string();
            assert!(
                error.contains("AWS_CA_BUNDLE") && error.contains(name),
                "{error}"
            );
        }
        assert!(read_bundle(&folder.path().join("missing")).is_err());
    }
}
