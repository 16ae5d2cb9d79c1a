//! What an exporter has been through, and the little that it logs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What an exporter has been through since it was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Exports that the receiver took.
    pub exports: u64,
    /// Exports that it didn't take, or not all of.
    pub failures: u64,
    /// Attempts after a failed one.
    pub retries: u64,
    /// Data points, or spans, given up.
    pub dropped: u64,
    /// Exports left out because the one before was still under way.
    pub skipped: u64,
    /// Panics of the source or of the exporter itself.
    pub panics: u64,
    /// Bytes handed to the network.
    pub bytes: u64,
    /// What was wrong with the last export.
    pub last_error: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) exports: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) panics: AtomicU64,
    pub(super) bytes: AtomicU64,
    last_error: Mutex<Option<String>>,
}

/// Warnings, at most one a minute: what hinders an export hinders the next one, too.
#[derive(Debug, Default)]
pub(super) struct Told {
    last: Option<Instant>,
    untold: u64,
}

const A_MINUTE: Duration = Duration::from_secs(60);

impl Counts {
    pub(super) fn add(count: &AtomicU64, more: u64) {
        count.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set_last_error(&self, error: Option<String>) {
        *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }

    pub(super) fn status(&self) -> Status {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Status {
            exports: read(&self.exports),
            failures: read(&self.failures),
            retries: read(&self.retries),
            dropped: read(&self.dropped),
            skipped: read(&self.skipped),
            panics: read(&self.panics),
            bytes: read(&self.bytes),
            last_error: self.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

impl Told {
    pub(super) fn warn(&mut self, text: &str) {
        if self.last.is_some_and(|last| last.elapsed() < A_MINUTE) {
            self.untold += 1;
            return;
        }
        self.last = Some(Instant::now());
        let untold = std::mem::take(&mut self.untold);
        if untold == 0 {
            log::warn!(target: super::LOG, "{text}");
        } else {
            log::warn!(target: super::LOG, "{text} ({untold} more warnings since the last one)");
        }
    }
}
