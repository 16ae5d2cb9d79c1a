//! What the tests of OTLP share: receivers that answer by a script, and a source that is quickly told.

pub mod grpc;
pub mod http;

use std::any::Any;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use vsr_metrics::export::otlp::BackOff;
use vsr_metrics::{OtelConfig, Snapshot, Source};

/// Far more than anything here takes, on a machine that does other things, too.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A source that is quickly told: one counter.
#[derive(Clone, Copy, Debug)]
pub struct Small;

mod small {
    vsr_metrics::catalog!(
        source = r"
        catalog: { name: small, prefix: small_, version: 1.0.0 }
        metrics: { small_things_total: { type: counter, group: things, help: Things. } }
    "
    );
}

impl Small {
    /// Counts some things.
    pub fn count(more: u64) {
        small::METRICS.add_things(more);
    }
}

impl Source for Small {
    fn collect(&self, snapshot: &mut Snapshot) {
        small::METRICS.collect(snapshot);
    }
}

/// A receiver that answers by a script, and remembers what it got. It ends with this value, as a process does.
pub struct Receiver<T> {
    address: SocketAddr,
    received: Inbox<T>,
    /// What ends it when it is dropped.
    _running: Box<dyn Any + Send + Sync>,
}

impl<T: Clone> Receiver<T> {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that came so far.
    pub fn received(&self) -> Vec<T> {
        self.received.all()
    }

    /// How much came so far.
    pub fn count(&self) -> usize {
        self.received.count()
    }
}

/// What came to a receiver, in order. Its clones are the same one.
#[derive(Debug)]
pub(crate) struct Inbox<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Inbox<T> {
    /// Keeps something; its number, counted from 0.
    pub(crate) fn take(&self, received: T) -> usize {
        let mut all = self.0.lock().expect("nobody panics while it is held");
        all.push(received);
        all.len() - 1
    }

    /// All that came.
    pub(crate) fn all(&self) -> Vec<T> {
        self.0.lock().expect("nobody panics while it is held").clone()
    }

    /// How much came.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().expect("nobody panics while it is held").len()
    }
}

impl<T> Clone for Inbox<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

/// A port at which nobody listens but who is told of it: the system gives it to no other listener and no connection.
#[derive(Debug)]
pub struct Reserved {
    address: SocketAddr,
    _socket: tokio::net::TcpSocket,
}

impl Reserved {
    /// A free one.
    ///
    /// # Panics
    /// If there is none.
    pub fn anywhere() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("there is a socket");
        // A listener that is told the port may share it then; one that takes any port gets another.
        socket.set_reuseaddr(true).expect("it is not bound yet");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("there is a port");
        Self { address: socket.local_addr().expect("it is bound"), _socket: socket }
    }

    /// Where to listen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Short pauses, and exports only when told to.
pub fn config(endpoint: &str) -> OtelConfig {
    OtelConfig {
        otlp_endpoint: Some(endpoint.to_owned()),
        export_interval: Duration::ZERO,
        timeout: Duration::from_secs(10),
        service_name: "test".to_owned(),
        back_off: BackOff {
            first: Duration::from_millis(10),
            longest: Duration::from_millis(50),
            longest_asked: Duration::from_secs(30),
        },
        ..OtelConfig::built_in()
    }
}

/// The same, with all the time in the world.
pub fn without_end(config: OtelConfig) -> OtelConfig {
    let (timeout, export_interval, shutdown_timeout) = (Duration::MAX, Duration::MAX, Duration::MAX);
    OtelConfig { timeout, export_interval, shutdown_timeout, export_timeout: Some(timeout), ..config }
}

/// Waits until something is so.
///
/// # Panics
/// If it takes longer than anything here does.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "waited for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
