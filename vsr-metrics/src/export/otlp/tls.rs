//! Certificates and keys for `https`, read and checked before anything is started.
//!
//! Cryptography is `ring`'s, given explicitly: nothing depends on what a program has or has not installed as the
//! default of its process.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::config::TlsFiles;
use super::error::OtelError;

/// What the files hold, as PEM.
struct Read {
    ca: Option<Vec<u8>>,
    own: Option<(Vec<u8>, Vec<u8>)>,
}

/// For the HTTP client.
///
/// # Errors
/// If a file cannot be read, or holds something else than it should.
pub(super) fn for_http(files: &TlsFiles) -> Result<ureq::tls::TlsConfig, OtelError> {
    use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

    let read = read(files)?;
    let mut builder = TlsConfig::builder().unversioned_rustls_crypto_provider(Arc::new(default_provider()));
    if let (Some(ca), Some(path)) = (&read.ca, &files.ca) {
        let roots = certificates(ca, path)?;
        let roots = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect::<Vec<_>>();
        builder = builder.root_certs(RootCerts::new_with_certs(&roots));
    }
    if let (Some((chain, key)), Some(path)) = (&read.own, &files.certificate) {
        let chain = certificates(chain, path)?;
        let chain = chain.iter().map(|one| Certificate::from_der(one).to_owned()).collect::<Vec<_>>();
        let key =
            PrivateKey::from_pem(key).map_err(|_| OtelError::config("the private key cannot be used"))?;
        builder = builder.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(builder.build())
}

/// For the gRPC channel.
///
/// # Errors
/// If a file cannot be read, or holds something else than it should.
#[cfg(feature = "otel-grpc")]
pub(super) fn for_grpc(files: &TlsFiles) -> Result<tonic::transport::ClientTlsConfig, OtelError> {
    use tonic::transport::{Certificate, ClientTlsConfig, Identity};

    let read = read(files)?;
    let mut config = match read.ca {
        Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
        None => ClientTlsConfig::new().with_webpki_roots(),
    };
    if let Some((chain, key)) = read.own {
        config = config.identity(Identity::from_pem(chain, key));
    }
    Ok(config)
}

/// Reads the files and sees whether they would do.
fn read(files: &TlsFiles) -> Result<Read, OtelError> {
    let mut roots = RootCertStore::empty();
    let ca = files.ca.as_deref().map(|path| {
        let pem = contents(path)?;
        for certificate in certificates(&pem, path)? {
            roots.add(certificate).map_err(|error| unusable(path, &error))?;
        }
        Ok(pem)
    });
    let ca = ca.transpose()?;
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| OtelError::config(format!("TLS cannot be used: {error}")))?
        .with_root_certificates(roots);
    let own = match (&files.certificate, &files.key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            let (chain, pem) = (contents(certificate)?, contents(key)?);
            let der = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unusable(key, &error))?;
            // That they belong together is seen here, and not by the first receiver that asks.
            builder
                .with_client_auth_cert(certificates(&chain, certificate)?, der)
                .map_err(|error| unusable(certificate, &error))?;
            Some((chain, pem))
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(OtelError::config("a certificate needs its key, and a key its certificate"));
        }
    };
    Ok(Read { ca, own })
}

fn contents(path: &Path) -> Result<Vec<u8>, OtelError> {
    std::fs::read(path).map_err(|error| unusable(path, &error))
}

fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, OtelError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| unusable(path, &error))?;
    if certificates.is_empty() {
        return Err(unusable(path, &"there is no certificate in it"));
    }
    Ok(certificates)
}

/// What is wrong with a file; of a key, no byte is shown.
fn unusable(path: &Path, error: &dyn std::fmt::Display) -> OtelError {
    OtelError::config(format!("`{}` cannot be used for TLS: {error}", path.display()))
}
