//! The standalone endpoint: `/metrics` for scrapers, on a thread of its own.
//!
//! It listens on loopback unless told otherwise, answers GET and HEAD on its own paths, and lets nobody hold it
//! up: connections are few, each stage of a request has a deadline, and a newcomer takes the place of whoever
//! has kept the endpoint waiting longest.

mod answer;
mod connection;
mod env;
mod server;
mod watch;

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::{LONGEST, up};
use crate::Source;
use crate::health::Exporter;
pub use env::address_from_env;

/// A running endpoint. Dropping it stops it. In a process that was forked from the one that started it, it answers nobody.
///
/// ```
/// use vsr_metrics::{Snapshot, Source, export::http::Endpoint};
///
/// struct Nothing;
/// impl Source for Nothing {
///     fn collect(&self, _: &mut Snapshot) {}
/// }
///
/// let endpoint = Endpoint::builder().listen(([127, 0, 0, 1], 0)).start(Nothing)?;
/// println!("listening on http://{}", endpoint.address());
/// endpoint.stop();
/// # Ok::<(), vsr_metrics::export::http::StartError>(())
/// ```
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    counts: Arc<Counts>,
    stop: tokio::sync::watch::Sender<bool>,
    /// Closes when the thread is through.
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    limits: Limits,
    /// The thread lives in the process that started it; a fork does not take it along.
    process: u32,
}

/// How an endpoint is to be.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    address: SocketAddr,
    limits: Limits,
}

/// What keeps one client from harming the others.
#[derive(Clone, Copy, Debug)]
struct Limits {
    connections: usize,
    header: Duration,
    collect: Duration,
    write: Duration,
    idle: Duration,
    grace: Duration,
}

/// Why an endpoint did not start.
#[derive(Debug)]
pub struct StartError {
    address: SocketAddr,
    source: io::Error,
}

/// What an endpoint has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Events {
    /// Scrapes answered with an exposition.
    pub scrapes: u64,
    /// Scrapes answered with an error because the source panicked.
    pub panics: u64,
    /// Scrapes answered with an error because the source did not return in time.
    pub stalled: u64,
    /// Connections closed because a deadline had passed.
    pub expired: u64,
    /// Connections that held us up, closed to make room for a new one.
    pub displaced: u64,
    /// Connections turned away because all others were being served.
    pub refused: u64,
    /// Connections that the system could not give us, such as for want of file descriptors.
    pub accept_errors: u64,
}

#[derive(Debug, Default)]
struct Counts {
    scrapes: AtomicU64,
    panics: AtomicU64,
    stalled: AtomicU64,
    expired: AtomicU64,
    displaced: AtomicU64,
    refused: AtomicU64,
    accept_errors: AtomicU64,
}

impl Endpoint {
    /// An endpoint on `127.0.0.1:9464`, to be adjusted and started. It speaks plain HTTP and asks nobody who they are:
    /// where others than the own machine may reach it, it belongs behind a proxy that does both.
    pub fn builder() -> Builder {
        Builder {
            address: env::BUILT_IN,
            limits: Limits {
                connections: 16,
                header: Duration::from_secs(5),
                collect: Duration::from_secs(5),
                write: Duration::from_secs(10),
                idle: Duration::from_secs(60),
                grace: Duration::from_secs(1),
            },
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has been through so far.
    pub fn events(&self) -> Events {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Events {
            scrapes: read(&self.counts.scrapes),
            panics: read(&self.counts.panics),
            stalled: read(&self.counts.stalled),
            expired: read(&self.counts.expired),
            displaced: read(&self.counts.displaced),
            refused: read(&self.counts.refused),
            accept_errors: read(&self.counts.accept_errors),
        }
    }

    /// Stops listening, lets answers under way finish for a second at most, and waits for the thread to end.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        let Some(thread) = self.thread.take() else { return };
        if self.process != std::process::id() {
            // There is no such thread here, to be waited for or let go.
            return std::mem::forget(thread);
        }
        // A source that owns its endpoint may be dropped by the very thread to be waited for.
        if thread.thread().id() == thread::current().id() {
            return;
        }
        // A source may refuse to be dropped: the thread that tries is left behind.
        let patience = self.limits.grace + Duration::from_millis(500);
        if matches!(self.ended.recv_timeout(patience), Err(mpsc::RecvTimeoutError::Disconnected)) {
            let _ = thread.join();
        }
    }
}

impl Builder {
    /// Where to listen; port 0 takes a free one. Whoever can reach the address can read all metrics.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// How many connections are served at once, 16 by default and at least 1.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// How long a client may take to send a request, 5 s by default.
    pub fn header_deadline(mut self, deadline: Duration) -> Self {
        self.limits.header = deadline.min(LONGEST);
        self
    }

    /// How long a scrape waits for the source, 5 s by default. After that it is answered with 503, and `/healthz`
    /// is answered all the time.
    pub fn collect_deadline(mut self, deadline: Duration) -> Self {
        self.limits.collect = deadline.min(LONGEST);
        self
    }

    /// How long a client may take to read an answer, 10 s by default. A client that takes nothing for a second may
    /// have to make room for another one earlier.
    pub fn write_deadline(mut self, deadline: Duration) -> Self {
        self.limits.write = deadline.min(LONGEST);
        self
    }

    /// How long a connection stays open between two requests, 60 s by default.
    pub fn idle_deadline(mut self, deadline: Duration) -> Self {
        self.limits.idle = deadline.min(LONGEST);
        self
    }

    /// Listens, and serves `source` from a thread of its own.
    ///
    /// # Errors
    /// When the address cannot be listened on, as when the port is taken, or the thread cannot be started.
    pub fn start<S: Source + 'static>(self, source: S) -> Result<Endpoint, StartError> {
        let address = self.address;
        self.run(source).map_err(|source| {
            up::could_not_start(Exporter::Prometheus);
            StartError { address, source }
        })
    }

    fn run<S: Source + 'static>(self, source: S) -> io::Result<Endpoint> {
        let Self { address, limits } = self;
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .thread_name("vsr-metrics-collect")
            // One scrape collects at a time, and the next source stuck is the same one.
            .max_blocking_threads(1)
            // Longer than scrapers pause between two scrapes.
            .thread_keep_alive(Duration::from_secs(90))
            .build()?;
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let (ends, ended) = mpsc::channel();
        let answerer = answer::Answerer::new(source, Arc::clone(&counts), limits.collect);
        let server =
            server::Server { answerer: Arc::new(answerer), counts: Arc::clone(&counts), limits, stopped };
        let running = up::Running::begin(Exporter::Prometheus);
        let thread = thread::Builder::new().name("vsr-metrics-http".into()).spawn(move || {
            let _ends = ends;
            let _running = running;
            runtime.block_on(server.run(listener));
            // A source that never returns keeps its thread, and nobody waits for it.
            runtime.shutdown_background();
        })?;
        let process = std::process::id();
        Ok(Endpoint { address, counts, stop, ended, thread: Some(thread), limits, process })
    }
}

impl Counts {
    fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl StartError {
    /// Whether somebody else listens there already.
    pub fn is_address_in_use(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot serve metrics on `{}`", self.address)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
