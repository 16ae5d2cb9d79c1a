//! Why something was not exported, or never will be.

use std::fmt;
use std::time::Duration;

/// What went wrong. Its text never holds the value of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtelError {
    kind: ErrorKind,
    text: String,
}

/// Kinds of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The configuration cannot work: an address, a header, a file.
    Config,
    /// The exporter's thread was not started, or could not be.
    NotStarted,
    /// It was shut down.
    ShutDown,
    /// It belongs to the process that this one was forked from.
    Forked,
    /// It did not end in time. What was under way goes on.
    Timeout,
    /// The receiver could not be reached or asked to come back; the next export tries again.
    Unavailable,
    /// The receiver refused the data.
    Refused,
    /// The source of the metrics, or the exporter itself, panicked.
    Panicked,
}

impl OtelError {
    pub(super) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }

    pub(super) fn config(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, text)
    }

    pub(super) fn timeout(after: Duration) -> Self {
        Self::new(ErrorKind::Timeout, format!("the export did not end within {after:?}"))
    }

    pub(super) fn shut_down() -> Self {
        Self::new(ErrorKind::ShutDown, "the exporter is shut down")
    }

    pub(super) fn panicked() -> Self {
        Self::new(
            ErrorKind::Panicked,
            "the source of the metrics or the exporter panicked; the next export goes on",
        )
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the next export may succeed without anybody's doing.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::Panicked)
    }
}

impl fmt::Display for OtelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for OtelError {}
