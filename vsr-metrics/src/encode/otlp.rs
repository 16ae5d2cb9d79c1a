//! Snapshot in, OTLP messages out: monotonic sums, gauges that were set, histograms with their own bounds or, with a
//! grid, exponential ones.
//!
//! The encoder remembers between two collections what the protocol wants to be constant: since when something is
//! counted, and what the receiver already knows.

mod batch;
mod points;
mod unit;

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

use crate::snapshot::{Instance, Part};
use crate::{Snapshot, SnapshotDelta};

pub(crate) use batch::{batches, halves, points_of};
use points::Frame;

/// What a number of a counter or histogram counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// Everything since the start: a message that is lost costs nothing, the next one makes up for it.
    #[default]
    Cumulative,
    /// What happened since the message before.
    Delta,
}

/// Which buckets histograms are sent with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Histograms {
    /// What the catalog says: exponential buckets where it says `grid: exponential`, else the declared bounds.
    #[default]
    AsDeclared,
    /// The declared bounds of all: for receivers that don't take exponential histograms.
    Explicit,
}

/// The snapshot as one `ExportMetricsServiceRequest`, in protobuf: totals since `start`, as of `time`.
pub fn totals(snapshot: &Snapshot, start: SystemTime, time: SystemTime) -> Vec<u8> {
    let mut encoder = Encoder::new(Temporality::Cumulative, start);
    request(Vec::new(), encoder.encode(snapshot, time)).encode_to_vec()
}

/// The increments as one `ExportMetricsServiceRequest`, in protobuf: what happened from `start` to `time`.
pub fn increments(delta: &SnapshotDelta, start: SystemTime, time: SystemTime) -> Vec<u8> {
    let (start, time) = (nanoseconds(start), nanoseconds(time));
    let delta = delta.increments();
    let (temporality, histograms) = (Temporality::Delta, Histograms::default());
    let frame = Frame { temporality, histograms, time: time.max(start), has_zeros: true };
    request(Vec::new(), scopes(delta, &frame, &|_, _, _| start)).encode_to_vec()
}

/// Turns one snapshot after another into messages.
#[derive(Debug)]
pub(crate) struct Encoder {
    temporality: Temporality,
    histograms: Histograms,
    /// When counting began.
    start: u64,
    /// Time of the last collection; it never goes back, whatever the wall clock does.
    time: u64,
    /// The last collection.
    last: Snapshot,
    /// Counters that began anew, and when.
    anew: HashMap<SeriesKey, u64>,
    /// What the receiver has accepted, and as of when.
    accepted: Snapshot,
    accepted_time: Option<u64>,
}

/// A series within everything that was ever collected: its catalog, its instance and its first cell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct SeriesKey(&'static str, Vec<Option<u32>>, usize);

impl Encoder {
    /// An encoder for what is counted since `start`.
    pub(crate) fn new(temporality: Temporality, start: SystemTime) -> Self {
        let start = nanoseconds(start);
        Self {
            temporality,
            histograms: Histograms::default(),
            start,
            time: start,
            last: Snapshot::new(),
            anew: HashMap::new(),
            accepted: Snapshot::new(),
            accepted_time: None,
        }
    }

    /// The same with these buckets.
    pub(crate) fn with(self, histograms: Histograms) -> Self {
        Self { histograms, ..self }
    }

    /// The messages of a collection. In delta temporality they say what happened since the last one that was
    /// [accepted](Self::accept).
    pub(crate) fn encode(&mut self, snapshot: &Snapshot, now: SystemTime) -> Vec<ScopeMetrics> {
        let before = self.time;
        self.time = nanoseconds(now).max(self.time);
        let snapshot = if snapshot.has_twins() { snapshot.merge_twins() } else { snapshot.clone() };
        let mut scopes = match self.temporality {
            Temporality::Cumulative => {
                self.note_resets(&snapshot, before);
                self.totals(&snapshot)
            }
            Temporality::Delta => self.increments(&snapshot),
        };
        let frame = self.frame();
        points::gone(&self.accepted, &snapshot, &frame, &mut scopes);
        self.last = snapshot;
        scopes
    }

    /// The receiver has all of the last collection.
    pub(crate) fn accept(&mut self) {
        self.accepted = self.last.clone();
        self.accepted_time = Some(self.time);
    }

    fn totals(&self, snapshot: &Snapshot) -> Vec<ScopeMetrics> {
        let start = |part: &Part, instance: &Instance, cell| {
            if self.anew.is_empty() {
                return self.start;
            }
            let key = SeriesKey(part.catalog.name, instance.constants.clone(), cell);
            self.anew.get(&key).copied().unwrap_or(self.start)
        };
        scopes(snapshot, &self.frame(), &start)
    }

    fn increments(&self, snapshot: &Snapshot) -> Vec<ScopeMetrics> {
        let delta = snapshot.delta_since(&self.accepted);
        let start = self.accepted_time.unwrap_or(self.start);
        scopes(delta.increments(), &self.frame(), &|_, _, _| start)
    }

    fn frame(&self) -> Frame {
        let has_zeros = self.temporality == Temporality::Cumulative || self.accepted_time.is_none();
        let Self { temporality, histograms, time, .. } = *self;
        Frame { temporality, histograms, time, has_zeros }
    }

    /// A total that fell counts from the collection before.
    fn note_resets(&mut self, snapshot: &Snapshot, before: u64) {
        for part in snapshot.parts() {
            for instance in &part.instances {
                let Some(known) = counterpart(&self.last, part, instance) else { continue };
                for cell in points::fallen(part, known, instance) {
                    self.anew.insert(SeriesKey(part.catalog.name, instance.constants.clone(), cell), before);
                }
            }
        }
    }
}

/// One message, for a resource with these attributes.
pub(crate) fn request(resource: Vec<KeyValue>, scopes: Vec<ScopeMetrics>) -> ExportMetricsServiceRequest {
    let resource = Resource { attributes: resource, ..Resource::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: scopes,
            schema_url: String::new(),
        }],
    }
}

/// An attribute with a text.
pub(crate) fn attribute(key: &str, value: impl Into<String>) -> KeyValue {
    let value = AnyValue { value: Some(Any::StringValue(value.into())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// Nanoseconds since 1970; a clock before that, or centuries after, is taken for its limit.
pub(crate) fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A scope for each catalog; families without a point are left out, and so are catalogs without a family.
fn scopes(
    snapshot: &Snapshot,
    frame: &Frame,
    start: &dyn Fn(&Part, &Instance, usize) -> u64,
) -> Vec<ScopeMetrics> {
    let scope = |part| {
        let metrics: Vec<_> = points::metrics(part, frame, start).collect();
        (!metrics.is_empty()).then(|| points::scope(part.catalog, metrics))
    };
    snapshot.parts().filter_map(scope).collect()
}

/// The same instance in another snapshot.
fn counterpart<'a>(other: &'a Snapshot, part: &Part, instance: &Instance) -> Option<&'a Instance> {
    let same = other.parts().find(|known| known.catalog.name == part.catalog.name)?;
    same.instances.iter().find(|known| known.constants == instance.constants)
}

/// The enumeration's number, as messages carry it.
fn wire(temporality: Temporality) -> i32 {
    match temporality {
        Temporality::Cumulative => AggregationTemporality::Cumulative.into(),
        Temporality::Delta => AggregationTemporality::Delta.into(),
    }
}

#[cfg(test)]
mod tests;
