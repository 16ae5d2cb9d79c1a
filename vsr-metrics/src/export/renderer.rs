//! An exposition for whoever asks: the piece to mount in a server of one's own.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::negotiation::negotiate;
use crate::encode::{Encoder, Format};
use crate::{Snapshot, Source};

/// Renders a source in the format that an `Accept` header asks for.
///
/// Any number of threads may render at once; none waits for another. What one scrape allocated serves the next.
///
/// ```
/// use vsr_metrics::{Snapshot, Source, export::Renderer};
///
/// struct Nothing;
/// impl Source for Nothing {
///     fn collect(&self, _: &mut Snapshot) {}
/// }
///
/// let renderer = Renderer::new(Nothing);
/// let rendered = renderer.render(Some("application/openmetrics-text;version=1.0.0"));
/// assert_eq!(rendered.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
/// assert_eq!(rendered.body, b"# EOF\n");
/// ```
pub struct Renderer<S> {
    source: S,
    idle: Mutex<Vec<Bench>>,
}

/// An exposition and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// For the header `Content-Type`.
    pub content_type: &'static str,
    /// The exposition.
    pub body: Vec<u8>,
}

/// What one rendering works with.
struct Bench {
    snapshot: Snapshot,
    prometheus: Encoder,
    open_metrics: Encoder,
}

impl<S: Source> Renderer<S> {
    /// A renderer of everything that `source` collects.
    pub fn new(source: S) -> Self {
        Self { source, idle: Mutex::new(Vec::new()) }
    }

    /// All series now, in the format that the `Accept` header asks for; Prometheus text if it asks for none
    /// that there is.
    pub fn render(&self, accept: Option<&str>) -> Rendered {
        let mut body = Vec::new();
        let content_type = self.render_into(accept, &mut body);
        Rendered { content_type, body }
    }

    /// [`render`](Self::render) into a buffer of the caller's: empties it, fills it, returns the content type.
    pub fn render_into(&self, accept: Option<&str>, body: &mut Vec<u8>) -> &'static str {
        let offer = negotiate(accept);
        let mut bench = self.idle().pop().unwrap_or_else(Bench::new);
        bench.snapshot.clear();
        self.source.collect(&mut bench.snapshot);
        body.clear();
        let encoder = match offer.format {
            Format::Prometheus => &mut bench.prometheus,
            Format::OpenMetrics => &mut bench.open_metrics,
        };
        encoder.encode(&bench.snapshot, body);
        self.idle().push(bench);
        offer.content_type
    }

    /// The lock is held for a push or a pop; a panic in between cannot be.
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Bench>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bench {
    fn new() -> Self {
        Self {
            snapshot: Snapshot::new(),
            prometheus: Encoder::new(Format::Prometheus),
            open_metrics: Encoder::new(Format::OpenMetrics),
        }
    }
}

impl<S> fmt::Debug for Renderer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renderer").finish_non_exhaustive()
    }
}
