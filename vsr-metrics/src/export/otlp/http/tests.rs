//! Connections and names, with a resolver that changes its mind.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use ureq::config::Config;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::*;

/// Every name has this address.
static ADDRESS: Mutex<SocketAddr> = Mutex::new(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1));
static ASKED: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct Changing;

impl Resolver for Changing {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        ASKED.fetch_add(1, Ordering::SeqCst);
        let mut addresses = self.empty();
        addresses.push(*ADDRESS.lock().unwrap());
        Ok(addresses)
    }
}

/// Answers one request, and is gone.
fn receiver() -> (SocketAddr, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut piece = [0; 1024];
        while !bytes.ends_with(b"\r\n\r\n") {
            let read = stream.read(&mut piece).unwrap();
            bytes.extend_from_slice(&piece[..read]);
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    (address, thread)
}

#[test]
fn a_name_is_resolved_again_for_every_connection() {
    let config = OtelConfig {
        otlp_endpoint: Some("http://collector.example:4318".to_owned()),
        compression: Compression::None,
        ..OtelConfig::built_in()
    };
    let mut http = Http::new(&config, Signal::Metrics).unwrap();
    http.connect = |config| Agent::with_parts(config.clone(), DefaultConnector::new(), Changing);
    http.reconnect();
    // An empty message: its request ends with its head.
    let message = Message::Metrics(ExportMetricsServiceRequest::default());
    let mut send = || http.send(&message, Duration::from_secs(20), &mut 0);

    let (first, ended) = receiver();
    *ADDRESS.lock().unwrap() = first;
    assert!(matches!(send(), Answer::Accepted { .. }));
    ended.join().unwrap();
    let (second, ended) = receiver();
    // Still the old one: nobody is there.
    assert!(matches!(send(), Answer::Again { .. }));
    *ADDRESS.lock().unwrap() = second;
    assert!(matches!(send(), Answer::Accepted { .. }), "the new address is found without anybody's doing");
    ended.join().unwrap();
    assert!(ASKED.load(Ordering::SeqCst) >= 3);
}
