//! Both protocols behind TLS: certificates that are right, and every way in which they are not.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use vsr_metrics::export::otlp::{ErrorKind, Protocol, TlsFiles};
use vsr_metrics::{OtelConfig, OtelExporter};

use super::{Receiver, Reply, Small, config, started};

/// An authority of our own, and a place for files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: tempfile::TempDir,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Right,
    Expired,
    OtherName,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer, directory: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str, pem: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    }

    fn ca(&self) -> PathBuf {
        self.file("ca.pem", &self.issuer.pem())
    }

    /// Certificate and key.
    fn issue(&self, kind: Kind) -> (String, String) {
        let name = if kind == Kind::OtherName { "elsewhere.example" } else { "localhost" };
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if kind == Kind::Expired {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn server(&self, kind: Kind, asks: bool) -> Arc<ServerConfig> {
        let (certificate, key) = self.issue(kind);
        let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if asks {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut config = builder.with_single_cert(chain, key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn own(&self) -> TlsFiles {
        let (certificate, key) = self.issue(Kind::Right);
        TlsFiles {
            ca: Some(self.ca()),
            certificate: Some(self.file("own.pem", &certificate)),
            key: Some(self.file("own.key", &key)),
        }
    }
}

/// An HTTP/1.1 receiver behind TLS: answers 200 to whoever gets as far as sending a request.
fn http(server: Arc<ServerConfig>) -> (String, Arc<AtomicUsize>) {
    use std::io::{Read as _, Write as _};

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let requests: Arc<AtomicUsize> = Arc::default();
    let count = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = rustls::ServerConnection::new(Arc::clone(&server)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                bytes.extend_from_slice(&piece[..read]);
                let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
                let Some(end) = head.find("\r\n\r\n") else { continue };
                let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
                let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
                if bytes.len() >= end + 4 + length {
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                    bytes.clear();
                }
            }
        }
    });
    (url, requests)
}

/// Exports over both protocols to servers of that kind: whether it was taken, and how many requests came in. What
/// should succeed gets all the time it wants; what should not is not waited for so long.
fn exports(
    authority: &Authority,
    kind: Kind,
    asks: bool,
    tls: &TlsFiles,
    is_right: bool,
) -> Vec<(bool, usize)> {
    let patience = if is_right { super::PATIENCE } else { Duration::from_millis(500) };
    let over = |protocol, url: &str| OtelConfig {
        protocol,
        tls: tls.clone(),
        timeout: patience,
        shutdown_timeout: Duration::from_millis(1),
        ..config(url)
    };
    let (url, requests) = http(authority.server(kind, asks));
    let taken = started(over(Protocol::HttpProtobuf, &url)).flush(patience).is_ok();
    let mut ends = vec![(taken, requests.load(Ordering::SeqCst))];

    let server = authority.server(kind, asks);
    let collector =
        Receiver::start_on("127.0.0.1:0".parse().unwrap(), Some(server), |_| Reply::Code(0, None));
    let url = format!("https://localhost:{}", collector.address().port());
    let taken = started(over(Protocol::Grpc, &url)).flush(patience).is_ok();
    ends.push((taken, collector.count()));
    ends
}

#[test]
fn a_receiver_with_the_right_certificate_is_believed() {
    let authority = Authority::new();
    let tls = TlsFiles { ca: Some(authority.ca()), ..TlsFiles::default() };
    for (taken, requests) in exports(&authority, Kind::Right, false, &tls, true) {
        assert!(taken && requests >= 1);
    }
}

#[test]
fn a_receiver_that_asks_for_a_certificate_gets_ours() {
    let authority = Authority::new();
    for (taken, requests) in exports(&authority, Kind::Right, true, &authority.own(), true) {
        assert!(taken && requests >= 1);
    }
    // Without one, nothing is taken.
    let tls = TlsFiles { ca: Some(authority.ca()), ..TlsFiles::default() };
    assert_eq!(exports(&authority, Kind::Right, true, &tls, false), [(false, 0), (false, 0)]);
}

#[test]
fn a_certificate_that_is_expired_or_of_another_name_is_not_believed() {
    let authority = Authority::new();
    let tls = TlsFiles { ca: Some(authority.ca()), ..TlsFiles::default() };
    for kind in [Kind::Expired, Kind::OtherName] {
        assert_eq!(exports(&authority, kind, false, &tls, false), [(false, 0), (false, 0)], "{kind:?}");
    }
}

#[test]
fn an_authority_that_nobody_named_is_not_believed() {
    let (authority, other) = (Authority::new(), Authority::new());
    let tls = TlsFiles { ca: Some(other.ca()), ..TlsFiles::default() };
    assert_eq!(exports(&authority, Kind::Right, false, &tls, false), [(false, 0), (false, 0)]);
    // Nor by default: the public ones are trusted, and ours is none of them.
    assert_eq!(
        exports(&authority, Kind::Right, false, &TlsFiles::default(), false),
        [(false, 0), (false, 0)]
    );
}

#[test]
fn a_receiver_that_speaks_plain_text_gets_nothing() {
    let collector = Receiver::start(|_| Reply::Code(0, None));
    let url = format!("https://{}", collector.address());
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let config = OtelConfig { protocol, timeout: Duration::from_millis(300), ..config(&url) };
        assert!(started(config).flush(Duration::from_secs(2)).is_err());
    }
    assert_eq!(collector.count(), 0);
}

#[test]
fn files_that_are_not_what_they_should_be_are_found_at_once() {
    let authority = Authority::new();
    let own = authority.own();
    let stranger = Authority::new().issue(Kind::Right).1;
    let nothing = Some(Path::new("/no/such/file.pem").to_owned());
    let text = Some(authority.file("text.pem", "not a certificate"));
    let torn =
        Some(authority.file("torn.pem", "-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----\n"));
    let garbage =
        Some(authority.file("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
    let other_key = Some(authority.file("other.key", &stranger));
    for (name, tls) in [
        ("no file", TlsFiles { ca: nothing.clone(), ..TlsFiles::default() }),
        ("text", TlsFiles { ca: text.clone(), ..TlsFiles::default() }),
        ("torn", TlsFiles { ca: torn, ..TlsFiles::default() }),
        ("garbage", TlsFiles { ca: garbage, ..TlsFiles::default() }),
        ("no key", TlsFiles { key: None, ..own.clone() }),
        ("no certificate", TlsFiles { certificate: None, ..own.clone() }),
        ("text for a key", TlsFiles { key: text, ..own.clone() }),
        ("no file for a key", TlsFiles { key: nothing, ..own.clone() }),
        ("the key of another certificate", TlsFiles { key: other_key, ..own }),
    ] {
        for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
            let config = OtelConfig { protocol, tls: tls.clone(), ..config("https://localhost:4317") };
            let error = OtelExporter::with_source(config, Small).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::Config, "{name}: {error}");
        }
    }
}
