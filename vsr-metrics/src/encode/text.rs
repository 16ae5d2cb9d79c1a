//! The text formats: an encoder that lays out once what does not change between two scrapes.

use super::template::Template;
use crate::Snapshot;

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// OpenMetrics text, version 1.0.0.
    OpenMetrics,
}

/// Writes snapshots in one format, and remembers between them what doesn't change.
///
/// ```
/// use vsr_metrics::{Snapshot, encode::{Encoder, Format}};
///
/// let mut encoder = Encoder::new(Format::OpenMetrics);
/// let mut body = Vec::new();
/// encoder.encode(&Snapshot::new(), &mut body);
/// assert_eq!(body, b"# EOF\n");
/// ```
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    template: Template,
}

impl Encoder {
    /// An encoder that has seen nothing yet.
    pub fn new(format: Format) -> Self {
        Self { format, template: Template::default() }
    }

    /// The format that it writes.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Appends the snapshot to `out`.
    ///
    /// Each family stands once, with its header even if it has no series. Instances of one catalog that share
    /// all constant labels could not be told apart in the output: their numbers are merged as
    /// [`Snapshot::aggregate`] does it. Of families that share a name, the first is written.
    pub fn encode(&mut self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        if snapshot.has_twins() {
            return self.encode_distinct(&snapshot.merge_twins(), out);
        }
        self.encode_distinct(snapshot, out);
    }

    fn encode_distinct(&mut self, snapshot: &Snapshot, out: &mut Vec<u8>) {
        if !self.template.fits(snapshot) {
            self.template = Template::lay_out(self.format, snapshot);
        }
        self.template.fill(snapshot, out);
    }
}

/// The snapshot as Prometheus text.
pub fn prometheus_text(snapshot: &Snapshot) -> String {
    once(Format::Prometheus, snapshot)
}

/// The snapshot as OpenMetrics text.
pub fn openmetrics_text(snapshot: &Snapshot) -> String {
    once(Format::OpenMetrics, snapshot)
}

fn once(format: Format, snapshot: &Snapshot) -> String {
    let mut out = Vec::new();
    Encoder::new(format).encode(snapshot, &mut out);
    // All input is `str`, so this never replaces anything.
    String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
