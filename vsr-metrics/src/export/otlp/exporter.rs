//! The exporter as a program holds it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::completion::{Completion, promise};
use super::config::{OtelConfig, Signal};
use super::counts::{Counts, Status};
use super::error::{ErrorKind, OtelError};
use super::metrics::Metrics;
use super::resource::start_of_process;
use super::transport::{Factory, prepare};
use super::worker::{Command, Feed, Worker, from_now};
use crate::Source;
use crate::encode::statsd::{Dialect, Encoder, Increments};
use crate::export::up;
use crate::health::Exporter;

/// Pushes metrics over OTLP, from a thread of its own. Dropping it exports a last time and ends the thread, within
/// [`shutdown_timeout`](OtelConfig::shutdown_timeout).
///
/// ```no_run
/// use vsr_metrics::{OtelConfig, OtelExporter};
///
/// let config = OtelConfig {
///     otlp_endpoint: Some("http://localhost:4318".to_string()),
///     service_name: "my-database".to_string(),
///     ..OtelConfig::default()
/// };
/// # #[cfg(feature = "vsr")] {
/// let mut exporter = OtelExporter::new(config)?;
/// exporter.init_otlp()?; // from now on, every 10 seconds
/// # }
/// # Ok::<(), vsr_metrics::export::otlp::OtelError>(())
/// ```
pub struct OtelExporter {
    config: OtelConfig,
    source: Arc<dyn Source>,
    counts: Arc<Counts>,
    running: Option<Running>,
    statsd: Mutex<Increments>,
}

/// Exports on demand from asynchronous code, without blocking its runtime. It keeps nothing alive.
#[derive(Clone, Debug)]
pub struct OtelHandle {
    commands: Sender<Command>,
    process: u32,
}

/// The exporter's thread, seen from outside.
#[derive(Debug)]
pub(super) struct Running {
    commands: Sender<Command>,
    /// The thread lives in the process that started it; a fork does not take it along.
    process: u32,
    is_shut_down: AtomicBool,
}

impl OtelExporter {
    /// An exporter of [`METRICS`](crate::METRICS), not started yet.
    ///
    /// # Errors
    /// If the configuration cannot work: an address that is none, a header that cannot be sent, `https` without the
    /// feature `tls`, a certificate that cannot be read.
    #[cfg(feature = "vsr")]
    pub fn new(config: OtelConfig) -> Result<Self, OtelError> {
        Self::with_source(config, &crate::METRICS)
    }

    /// An exporter of a source of one's own, not started yet.
    ///
    /// # Errors
    /// If the configuration cannot work.
    pub fn with_source(config: OtelConfig, source: impl Source + 'static) -> Result<Self, OtelError> {
        // Whatever is wrong is found here; what is made is made again when it starts.
        drop(checked(&config, Signal::Metrics)?);
        let statsd = Mutex::new(Increments::new(Encoder::new(Dialect::Plain)));
        Ok(Self { config, source: Arc::new(source), counts: Arc::default(), running: None, statsd })
    }

    /// Starts the thread that exports every [`export_interval`](OtelConfig::export_interval). Called again, it does
    /// nothing, unless this process was forked from the one that called it: then the thread is started here, too.
    ///
    /// # Errors
    /// If the thread cannot be started, or the exporter is shut down.
    pub fn init_otlp(&mut self) -> Result<(), OtelError> {
        match &self.running {
            Some(running) if !running.is_forked() => return running.alive().map(drop),
            _ => {}
        }
        if self.config.disabled {
            return Ok(());
        }
        // Read again, so that files that have changed since are seen.
        let factory = checked(&self.config, Signal::Metrics)?;
        let feed = Metrics::new(Arc::clone(&self.source), self.config.clone(), start_of_process());
        self.running =
            Some(Running::start(feed, factory, &self.config, Arc::clone(&self.counts), Exporter::Otlp)?);
        Ok(())
    }

    /// Exports now, and waits for the end of it: at most [`timeout`](OtelConfig::timeout). Needs no runtime, and may
    /// be called in one, if blocking its thread for so long is acceptable; [`handle`](Self::handle) doesn't.
    ///
    /// # Errors
    /// If it was not exported, or not in time.
    pub fn export_metrics(&self) -> Result<(), OtelError> {
        self.flush(self.config.timeout)
    }

    /// Exports now, and waits for the end of it, at most as long as that.
    ///
    /// # Errors
    /// If it was not exported, or not in time.
    pub fn flush(&self, timeout: Duration) -> Result<(), OtelError> {
        match &self.running {
            Some(running) => running.export(timeout).wait(timeout),
            None if self.config.disabled => Ok(()),
            None => Err(OtelError::new(ErrorKind::NotStarted, "`init_otlp` was not called")),
        }
    }

    /// Exports a last time and ends the thread, within that time. A thread that still waits for the receiver then
    /// ends by itself.
    ///
    /// # Errors
    /// If the last export did not succeed, or the exporter was shut down before.
    pub fn shutdown(&self, timeout: Duration) -> Result<(), OtelError> {
        match &self.running {
            Some(running) => running.shut_down(timeout),
            None if self.config.disabled => Ok(()),
            None => Err(OtelError::new(ErrorKind::NotStarted, "`init_otlp` was not called")),
        }
    }

    /// What happened since the last call, as lines of plain StatsD for a socket of one's own: a line that is then not
    /// sent is lost. Nothing else is needed for it, no start and no receiver of OTLP. A sender that tries again is
    /// behind the feature `statsd`.
    ///
    /// ```
    /// use std::net::UdpSocket;
    /// use vsr_metrics::{OtelConfig, OtelExporter};
    ///
    /// # #[cfg(feature = "vsr")] {
    /// let socket = UdpSocket::bind("127.0.0.1:0")?;
    /// let exporter = OtelExporter::new(OtelConfig::default())?;
    ///
    /// for line in exporter.export_statsd() {
    ///     socket.send_to(line.as_bytes(), "127.0.0.1:8125")?;
    /// }
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn export_statsd(&self) -> Vec<String> {
        let now = self.source.snapshot();
        self.statsd.lock().unwrap_or_else(PoisonError::into_inner).lines(now)
    }

    /// For asynchronous code.
    ///
    /// # Errors
    /// If [`init_otlp`](Self::init_otlp) was not called.
    pub fn handle(&self) -> Result<OtelHandle, OtelError> {
        let running = self.running.as_ref();
        running
            .map(|running| OtelHandle { commands: running.commands.clone(), process: running.process })
            .ok_or_else(|| OtelError::new(ErrorKind::NotStarted, "`init_otlp` was not called"))
    }

    /// What it has been through.
    pub fn status(&self) -> Status {
        self.counts.status()
    }

    /// What it was made with.
    pub fn config(&self) -> &OtelConfig {
        &self.config
    }
}

impl Drop for OtelExporter {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            // Nobody is left to tell how it ended.
            let _ = running.shut_down(self.config.shutdown_timeout);
        }
    }
}

impl OtelHandle {
    /// Exports now. The future ends when the export does: within that time, if the source does its part.
    pub fn export(&self, timeout: Duration) -> Completion {
        if self.process != std::process::id() {
            return Completion::ended(Err(forked()));
        }
        let (promise, completion) = promise();
        // A command that nobody takes ends its own promise.
        let _ = self.commands.send(Command::Export(from_now(timeout), promise));
        completion
    }
}

impl Running {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start<F: Feed + 'static>(
        feed: F,
        factory: Factory,
        config: &OtelConfig,
        counts: Arc<Counts>,
        exporter: Exporter,
    ) -> Result<Self, OtelError> {
        let (commands, received) = mpsc::channel();
        let config = config.clone();
        let name = match exporter {
            Exporter::OtlpTraces => "vsr-metrics-otlp-traces",
            _ => "vsr-metrics-otlp",
        };
        let running = up::Running::begin(exporter);
        let started = thread::Builder::new().name(name.into()).spawn(move || {
            let _running = running;
            let _quiet = super::without_tracing();
            Worker::new(feed, factory(), received, &config, counts, exporter).run();
        });
        started.map_err(|error| {
            OtelError::new(ErrorKind::NotStarted, format!("no thread for the exporter: {error}"))
        })?;
        Ok(Self { commands, process: std::process::id(), is_shut_down: AtomicBool::new(false) })
    }

    /// Asks for an export that is over by then.
    pub(super) fn export(&self, timeout: Duration) -> Completion {
        if let Err(error) = self.alive() {
            return Completion::ended(Err(error));
        }
        let (promise, completion) = promise();
        let _ = self.commands.send(Command::Export(from_now(timeout), promise));
        completion
    }

    /// Asks for a last export and the end; waits for both, within that time.
    pub(super) fn shut_down(&self, timeout: Duration) -> Result<(), OtelError> {
        if self.is_forked() {
            return Err(forked());
        }
        if self.is_shut_down.swap(true, Ordering::Relaxed) {
            return Err(OtelError::shut_down());
        }
        let (promise, completion) = promise();
        let _ = self.commands.send(Command::ShutDown(from_now(timeout), promise));
        completion.wait(timeout)
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    fn alive(&self) -> Result<(), OtelError> {
        if self.is_forked() {
            return Err(forked());
        }
        if self.is_shut_down.load(Ordering::Relaxed) {
            return Err(OtelError::shut_down());
        }
        Ok(())
    }
}

/// [`prepare`], and the mark of an exporter that cannot start if it fails.
pub(super) fn checked(config: &OtelConfig, signal: Signal) -> Result<Factory, OtelError> {
    prepare(config, signal).inspect_err(|_| {
        up::could_not_start(match signal {
            Signal::Metrics => Exporter::Otlp,
            Signal::Traces => Exporter::OtlpTraces,
        });
    })
}

fn forked() -> OtelError {
    OtelError::new(
        ErrorKind::Forked,
        "the exporter belongs to the process that this one was forked from; `init_otlp` starts it here",
    )
}

impl fmt::Debug for OtelExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtelExporter")
            .field("config", &self.config)
            .field("is_running", &self.running.is_some())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
