//! The ways out, each with somebody at the other end who never says a word.

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use vsr_metrics::export::otlp::Protocol;
use vsr_metrics::export::statsd::Sender;
use vsr_metrics::{METRICS, OtelConfig, OtelExporter, Status};

use super::config;

/// An exporter, as whoever flushes it or shuts it down sees it.
pub trait Pushing: Send {
    /// Flushes it. Whether everything was delivered.
    fn flush(&self, timeout: Duration) -> bool;

    /// Shuts it down. Whether everything was delivered.
    fn shut_down(&mut self, timeout: Duration) -> bool;
}

/// One way out: its name, and how an exporter is started that can deliver nothing. The directory is for files.
pub type Route = (&'static str, fn(&Path) -> Box<dyn Pushing>);

pub const ROUTES: [Route; 4] = [
    ("OTLP over HTTP", |_| otlp(Protocol::HttpProtobuf)),
    ("OTLP over gRPC", |_| otlp(Protocol::Grpc)),
    ("StatsD whose name server is silent", statsd_without_a_name),
    ("StatsD whose receiver's queue is full", statsd_with_a_full_queue),
];

/// How long an exporter may take that is dropped: the default of both kinds.
pub const DROPPED_WITHIN: Duration = Duration::from_secs(2);

impl Pushing for OtelExporter {
    fn flush(&self, timeout: Duration) -> bool {
        Self::flush(self, timeout).is_ok()
    }

    fn shut_down(&mut self, timeout: Duration) -> bool {
        self.shutdown(timeout).is_ok()
    }
}

/// A sender, until it is stopped.
struct Statsd(Option<Sender>);

impl Pushing for Statsd {
    fn flush(&self, timeout: Duration) -> bool {
        self.0.as_ref().is_some_and(|sender| sender.flush(timeout).is_ok())
    }

    fn shut_down(&mut self, timeout: Duration) -> bool {
        self.0.take().is_some_and(|sender| sender.stop(timeout).is_ok())
    }
}

/// To a listener of this very process that takes connections, as the system does for it, and reads nothing.
fn otlp(protocol: Protocol) -> Box<dyn Pushing> {
    METRICS.increment_operations(Status::Success);
    let hole = Box::leak(Box::new(TcpListener::bind("127.0.0.1:0").expect("there is a port")));
    let address = hole.local_addr().expect("it is bound").to_string();
    let config = OtelConfig { protocol, shutdown_timeout: DROPPED_WITHIN, ..config(&address) };
    let mut exporter = OtelExporter::new(config).expect("the configuration works");
    exporter.init_otlp().expect("there is a thread");
    Box::new(exporter)
}

/// An interval that never comes.
const NEVER: Duration = Duration::from_secs(3_600);

fn statsd_without_a_name(_: &Path) -> Box<dyn Pushing> {
    METRICS.increment_operations(Status::Success);
    let resolver = |_: &str| {
        std::thread::sleep(NEVER);
        Err(std::io::ErrorKind::TimedOut.into())
    };
    let sender = Sender::udp("statsd.test:8125").resolver(resolver).interval(NEVER).start(&METRICS);
    Box::new(Statsd(Some(sender.expect("there is a thread"))))
}

fn statsd_with_a_full_queue(directory: &Path) -> Box<dyn Pushing> {
    METRICS.increment_operations(Status::Success);
    let path = directory.join(std::process::id().to_string());
    // Open until this process ends.
    Box::leak(Box::new(UnixDatagram::bind(&path).expect("it can be bound")));
    let filler = UnixDatagram::unbound().expect("a socket");
    filler.set_nonblocking(true).expect("a socket of ours");
    while filler.send_to(b"full", &path).is_ok() {}
    let sender = Sender::unix(&path).interval(NEVER).start(&METRICS).expect("there is a thread");
    Box::new(Statsd(Some(sender)))
}
