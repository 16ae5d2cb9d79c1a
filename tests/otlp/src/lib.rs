//! What the tests of OTLP share: receivers that answer by a script, and a source that is quickly told.

pub mod grpc;
pub mod http;

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
