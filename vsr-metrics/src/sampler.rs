//! What the process takes from its machine, measured every five seconds on a thread of its own: memory, CPU, disk,
//! network. And whoever keeps gauges of its own up to date is called every second.
//!
//! The sampler knows no catalog: it tells a [`Sink`], which sets gauges. For the catalog of Viewstamped Replication there
//! is one ready, `Sampler::vsr`. A scrape measures nothing: rates are those between two samples, over the time
//! that really passed, so any number of scrapers see the same.
//!
//! # Absent instead of wrong
//!
//! What cannot be measured is `None`, and the gauge is taken back: the first sample has no rates; a counter of the
//! system that fell gives none; a `/proc` that is masked gives what is left of it. Failures are counted in the catalog of
//! the exporters. A sampler that hangs, as on the free space of a dead network disk, cannot take anything back: so a
//! source [watched](Sampler::watch) by it does so at the next scrape, once three samples are missing.
//!
//! # Whose CPU time
//!
//! That of the threads that [registered](register_thread), by group; of the whole process if none did. On Linux each
//! sample reads the clocks of these threads; what a thread used until its end is counted when it ends.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(any(target_os = "linux", test))]
mod parse;
// Its tests run where there is something to compare it with.
#[cfg(any(target_os = "macos", windows, all(test, target_os = "linux")))]
mod portable;
mod rates;
mod threads;
#[cfg(feature = "vsr")]
mod vsr;
mod worker;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::{Snapshot, Source};
pub use rates::Resources;
pub use threads::register_thread;
use worker::Worker;

/// Takes what was measured and sets gauges.
pub trait Sink: Send + Sync {
    /// The newest sample. What is `None` has to be taken back where it was set: nobody knows it now. A sampler that ends
    /// tells `Resources::default()`.
    fn resources(&self, resources: &Resources);

    /// What the threads of a group have used since the sample before.
    fn cpu_time(&self, group: &'static str, used: Duration) {
        let _ = (group, used);
    }
}

impl<S: Sink + ?Sized> Sink for Arc<S> {
    fn resources(&self, resources: &Resources) {
        (**self).resources(resources);
    }

    fn cpu_time(&self, group: &'static str, used: Duration) {
        (**self).cpu_time(group, used);
    }
}

/// A running sampler. Dropping it ends it. In a process that was forked from the one that started it, it measures nothing.
///
/// ```
/// use vsr_metrics::sampler::{Resources, Sampler, Sink, register_thread};
///
/// struct Print;
/// impl Sink for Print {
///     fn resources(&self, resources: &Resources) {
///         println!("{resources:?}");
///     }
/// }
///
/// register_thread("main");
/// let sampler = Sampler::builder(Print).data("/").each_second(|| println!("tick")).start()?;
/// drop(sampler);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Sampler {
    shared: Arc<Shared>,
    stop: Option<mpsc::Sender<()>>,
    /// Closes when the thread is through.
    ended: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
    /// The thread lives in the process that started it; a fork does not take it along.
    process: u32,
}

/// How a sampler is to be.
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    sink: Box<dyn Sink>,
    data: Option<PathBuf>,
    network: Option<Network>,
    hooks: Vec<Hook>,
    interval: Duration,
    pause: Duration,
}

/// A source whose sampled gauges are taken back before they mislead.
#[derive(Debug)]
pub struct Watched<S> {
    source: S,
    shared: Arc<Shared>,
}

/// All bytes that went over the network so far.
type Network = Box<dyn FnMut() -> Option<u64> + Send>;
/// Something to be done every second.
type Hook = Box<dyn FnMut() + Send>;

/// What the sampler's thread and the watched sources both see.
struct Shared {
    sink: Box<dyn Sink>,
    start: Instant,
    /// Milliseconds from the start to the last sample.
    last: AtomicU64,
    /// After so many without a sample, the values say nothing.
    stale: u64,
}

/// How long a dropped sampler waits for its thread.
const GRACE: Duration = Duration::from_secs(1);

impl Sampler {
    /// A sampler that tells `sink` every five seconds, to be adjusted and started.
    pub fn builder(sink: impl Sink + 'static) -> Builder {
        Builder {
            sink: Box::new(sink),
            data: None,
            network: None,
            hooks: Vec::new(),
            interval: Duration::from_secs(5),
            pause: Duration::from_secs(1),
        }
    }

    /// The source, with what the sampler set taken back when three samples are missing. Wrap what is scraped or sent.
    pub fn watch<S: Source>(&self, source: S) -> Watched<S> {
        Watched { source, shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        if self.process != std::process::id() {
            // There is no such thread here, to be waited for or let go.
            std::mem::forget(thread);
        // A hook that drops its own sampler is on the very thread to be waited for.
        } else if thread.thread().id() != thread::current().id()
            // One that hangs in the system is left behind.
            && matches!(self.ended.recv_timeout(GRACE), Err(mpsc::RecvTimeoutError::Disconnected))
        {
            let _ = thread.join();
        }
        self.shared.sink.resources(&Resources::default());
    }
}

impl Builder {
    /// Where the data lies: its disk is measured.
    pub fn data(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data = Some(directory.into());
        self
    }

    /// Counts the bytes that the program itself sent and received. Without it, all interfaces but loopback are counted,
    /// with what other programs on this machine send.
    pub fn network(mut self, bytes: impl FnMut() -> Option<u64> + Send + 'static) -> Self {
        self.network = Some(Box::new(bytes));
        self
    }

    /// Calls `hook` every second, for gauges that nobody sets when something changes. One that panics is called again.
    pub fn each_second(mut self, hook: impl FnMut() + Send + 'static) -> Self {
        self.hooks.push(Box::new(hook));
        self
    }

    /// Time between two samples, 5 s by default, and between two calls of the hooks, 1 s.
    pub fn intervals(mut self, sample: Duration, hook: Duration) -> Self {
        let (least, most) = (Duration::from_millis(1), Duration::from_secs(365 * 86_400));
        (self.interval, self.pause) = (sample.clamp(least, most), hook.clamp(least, most));
        self
    }

    /// Samples from a thread of its own.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start(self) -> io::Result<Sampler> {
        let shared = Arc::new(Shared {
            sink: self.sink,
            start: Instant::now(),
            last: AtomicU64::new(0),
            stale: u64::try_from((3 * self.interval).as_millis()).unwrap_or(u64::MAX),
        });
        let (stop, stopped) = mpsc::channel();
        let (ends, ended) = mpsc::channel();
        let reader = platform::Reader::new(self.data);
        let worker = Worker::new(Arc::clone(&shared), reader, self.network, self.hooks);
        let (interval, pause) = (self.interval, self.pause);
        let thread = thread::Builder::new().name("vsr-metrics-sampler".into()).spawn(move || {
            let _ends = ends;
            worker.run(&stopped, interval, pause);
        })?;
        Ok(Sampler { shared, stop: Some(stop), ended, thread: Some(thread), process: std::process::id() })
    }
}

impl<S: Source> Source for Watched<S> {
    fn collect(&self, snapshot: &mut Snapshot) {
        if self.shared.is_stale() {
            self.shared.sink.resources(&Resources::default());
        }
        self.source.collect(snapshot);
    }
}

impl Shared {
    fn sampled(&self) {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    fn is_stale(&self) -> bool {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        now.saturating_sub(self.last.load(Ordering::Relaxed)) > self.stale
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("is_stale", &self.is_stale()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("data", &self.data)
            .field("hooks", &self.hooks.len())
            .finish_non_exhaustive()
    }
}

/// The system's reader.
mod platform {
    #[cfg(target_os = "linux")]
    pub(super) use super::linux::Reader;
    #[cfg(any(target_os = "macos", windows))]
    pub(super) use super::portable::Reader;

    /// Nothing is known of other systems: all is absent.
    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    pub(super) struct Reader;

    #[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
    impl Reader {
        pub(super) fn new(_: Option<std::path::PathBuf>) -> Self {
            Self
        }

        pub(super) fn read(&mut self, _: &mut super::rates::Reading, _: bool) {}
    }
}
