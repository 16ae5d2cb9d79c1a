//! The sender of StatsD: a thread of its own that sends what happened every ten seconds, over UDP or a Unix socket.
//!
//! It never holds anybody up: recording knows nothing of it, its sockets do not block, and it ends in time even if the
//! name server does not answer. What cannot be sent waits, as the datagrams of one emit at most; meanwhile increments
//! go on adding up where they are counted, and leave when the receiver is back.
//!
//! # What is guaranteed
//!
//! A counter's increments are never sent twice, and are kept until the system has accepted the datagram that carries
//! them. What follows depends on what the system can tell:
//!
//! - **Unix sockets**: an accepted datagram is in the receiver's queue. It is lost only if the receiver ends before it
//!   has read it.
//! - **UDP to the same machine**: that nobody listens comes back at once, and the datagram is kept. Nothing is lost over
//!   a receiver that is stopped and started, but what stood unread in its socket's buffer when it ended.
//! - **UDP over a network**: a refusal comes back a round trip later and is taken to be about the datagram sent last;
//!   datagrams leave at least a millisecond apart. So those sent within one round trip before it are lost, and those
//!   that the network drops without a word.
//!
//! The sum of the increments that arrived equals the counter, less what was lost in these ways. Gauges are sent with
//! every emit and heal by themselves.

mod delivery;
mod wire;
mod worker;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{LONGEST, up};
use crate::Source;
use crate::encode::statsd::{Dialect, Encoder};
use crate::health::{Exporter, METRICS};
use delivery::Delivery;
use wire::Target;
use worker::{Command, Worker};

/// A running sender. Dropping it sends what is left, for two seconds at most. In a process that was forked from the one
/// that started it, it sends nothing: start another one there.
///
/// ```
/// use std::time::Duration;
/// use vsr_metrics::encode::statsd::{Dialect, Encoder};
/// use vsr_metrics::export::statsd::Sender;
/// use vsr_metrics::{Snapshot, Source};
///
/// struct Nothing;
/// impl Source for Nothing {
///     fn collect(&self, _: &mut Snapshot) {}
/// }
///
/// let sender = Sender::udp("localhost:8125")
///     .encoder(Encoder::new(Dialect::DogStatsD).tag("env", "test")?)
///     .interval(Duration::from_secs(5))
///     .start(Nothing)?;
/// // Whether anybody listens is another question.
/// let _ = sender.stop(Duration::from_secs(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sender {
    commands: mpsc::Sender<Command>,
    /// Closes when the thread is through.
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    running: Option<up::Running>,
    /// The thread lives in the process that started it; a fork does not take it along.
    process: u32,
}

/// How a sender is to be.
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    target: Target,
    encoder: Encoder,
    interval: Duration,
}

/// Why a sender did not start.
#[derive(Debug)]
pub struct StartError {
    target: String,
    source: io::Error,
}

/// Not everything was accepted in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsent;

/// How long a dropped sender may go on.
const GRACE: Duration = Duration::from_secs(2);

impl Sender {
    /// A sender over UDP to `host:port`, in the plain dialect every ten seconds, to be adjusted and started. The name is
    /// looked up again every minute, and after a failure.
    pub fn udp(address: &str) -> Builder {
        Builder::new(Target::udp(address))
    }

    /// A sender over a Unix datagram socket.
    #[cfg(unix)]
    pub fn unix(path: impl Into<std::path::PathBuf>) -> Builder {
        Builder::new(Target::Unix(path.into()))
    }

    /// Sends what has happened until now, without waiting for the interval.
    ///
    /// # Errors
    /// If not everything was accepted within `timeout`. It stays to be sent.
    pub fn flush(&self, timeout: Duration) -> Result<(), Unsent> {
        self.ask(timeout, false)
    }

    /// Sends what is left and ends the thread. Returns within `timeout`, whatever happens.
    ///
    /// # Errors
    /// If not everything was accepted within `timeout`. It is lost.
    pub fn stop(mut self, timeout: Duration) -> Result<(), Unsent> {
        self.end(timeout)
    }

    fn ask(&self, timeout: Duration, is_last: bool) -> Result<(), Unsent> {
        if self.is_forked() {
            return Err(Unsent);
        }
        let (reply, done) = mpsc::channel();
        let command = Command { deadline: Instant::now() + timeout.min(LONGEST), is_last, reply };
        self.commands.send(command).map_err(|_| Unsent)?;
        match done.recv_timeout(timeout) {
            Ok(true) => Ok(()),
            _ => Err(Unsent),
        }
    }

    fn end(&mut self, timeout: Duration) -> Result<(), Unsent> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        if self.is_forked() {
            // There is no such thread here, to be waited for or let go.
            std::mem::forget(thread);
            return Err(Unsent);
        }
        // A source that drops its own sender is on the very thread to be waited for.
        if thread.thread().id() == thread::current().id() {
            return Err(Unsent);
        }
        let begin = Instant::now();
        let end = self.ask(timeout, true);
        // A source that never returns, or a look-up that takes minutes, is left behind.
        let rest = timeout.saturating_sub(begin.elapsed());
        if matches!(self.ended.recv_timeout(rest), Err(mpsc::RecvTimeoutError::Disconnected)) {
            let _ = thread.join();
        }
        // One that is left behind counts as ended, too.
        self.running = None;
        end
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _ = self.end(GRACE);
    }
}

impl Builder {
    fn new(target: Target) -> Self {
        Self { target, encoder: Encoder::new(Dialect::Plain), interval: Duration::from_secs(10) }
    }

    /// Dialect, prefix, tags and size of datagrams.
    pub fn encoder(mut self, encoder: Encoder) -> Self {
        self.encoder = encoder;
        self
    }

    /// How often, 10 s by default and at least 10 ms. The receiver's own interval is the one to choose.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.clamp(Duration::from_millis(10), LONGEST);
        self
    }

    /// Looks names up in another way than the system's, such as in a directory of services. Sockets of another kind than
    /// UDP have no name to look up.
    pub fn resolver<R>(mut self, resolver: R) -> Self
    where
        R: Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + 'static,
    {
        if let Target::Udp { resolver: known, .. } = &mut self.target {
            *known = Box::new(resolver);
        }
        self
    }

    /// Sends `source` from a thread of its own, with what the exporters tell about themselves. Whether anybody listens,
    /// and whether the name is known, does not matter yet.
    ///
    /// # Errors
    /// If the address is none, or the thread cannot be started.
    pub fn start<S: Source + 'static>(self, source: S) -> Result<Sender, StartError> {
        let target = self.target.to_string();
        let started = self.target.check().and_then(|()| self.spawn(source));
        started.map_err(|source| {
            up::could_not_start(Exporter::Statsd);
            StartError { target, source }
        })
    }

    fn spawn<S: Source + 'static>(self, source: S) -> io::Result<Sender> {
        let (commands, inbox) = mpsc::channel();
        let (ends, ended) = mpsc::channel();
        let worker = Worker::new(
            Box::new((source, &METRICS)),
            Delivery::new(self.encoder),
            Box::new(self.target.connector()),
            self.interval,
            inbox,
        );
        let thread = thread::Builder::new().name("vsr-metrics-statsd".into()).spawn(move || {
            let _ends = ends;
            worker.run();
        })?;
        let running = Some(up::Running::begin(Exporter::Statsd));
        Ok(Sender { commands, ended, thread: Some(thread), running, process: std::process::id() })
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("target", &self.target.to_string())
            .field("encoder", &self.encoder)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot send to StatsD at `{}`", self.target)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not everything was accepted in time")
    }
}

impl std::error::Error for Unsent {}
