//! A small catalog written by hand, for tests of the runtime that do without the macro.

use std::sync::atomic::{AtomicU32, Ordering};
use vsr_metrics::descriptor::{
    Aggregate, CatalogDescriptor, Descriptor, GaugeKind, Instrument, LabelDescriptor, LabelValues,
};

use vsr_metrics::storage::{Gauges, PADDING, Sharded};
use vsr_metrics::{Snapshot, Source};

pub const EVENTS: usize = 0;
pub const PEER_BYTES: usize = 4;
pub const LATENCY: usize = 7;
pub const LATENCY_BOUNDS: [u64; 2] = [500_000, 1_000_000];
pub const QUEUE: usize = 0;
pub const OFFSET: usize = 1;
pub const SHARE: usize = 2;
pub const LEADER: usize = 3;
const CELLS: usize = 11;

static NODE: LabelDescriptor =
    LabelDescriptor { name: "node", values: LabelValues::Range { min: 1, max: 9 } };
static KIND: LabelDescriptor =
    LabelDescriptor { name: "kind", values: LabelValues::Enum(&["read", "write"]) };
static STATUS: LabelDescriptor =
    LabelDescriptor { name: "status", values: LabelValues::Enum(&["ok", "failed"]) };
static PEER: LabelDescriptor =
    LabelDescriptor { name: "peer", values: LabelValues::Range { min: 5, max: 7 } };

pub static CATALOG: CatalogDescriptor = CatalogDescriptor {
    name: "test",
    prefix: "test_",
    version: "1.0.0",
    constant_labels: &[&NODE],
    families: &[
        family("test_events_total", "", &[&KIND, &STATUS], Instrument::Counter, None, 1, EVENTS),
        family("test_peer_bytes_total", "bytes", &[&PEER], Instrument::Counter, None, 1, PEER_BYTES),
        family(
            "test_latency_ms",
            "ms",
            &[],
            Instrument::Histogram { bounds: &LATENCY_BOUNDS, bound_names: &["0.5", "1"], grid: None },
            None,
            1_000_000,
            LATENCY,
        ),
        family("test_queue", "", &[], Instrument::Gauge(GaugeKind::U64), Some(Aggregate::Sum), 1, QUEUE),
        family(
            "test_offset_ms",
            "ms",
            &[],
            Instrument::Gauge(GaugeKind::I64),
            Some(Aggregate::Min),
            1,
            OFFSET,
        ),
        family("test_share", "", &[], Instrument::Gauge(GaugeKind::F64), Some(Aggregate::Sum), 1, SHARE),
        family("test_leader", "", &[], Instrument::Gauge(GaugeKind::U64), None, 1, LEADER),
    ],
};

const fn family(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static LabelDescriptor],
    instrument: Instrument,
    aggregate: Option<Aggregate>,
    scale: u64,
    first: usize,
) -> Descriptor {
    let (help, group, owner) = ("Something that happened.", "test", "");
    Descriptor { name, help, unit, group, owner, stable: true, labels, instrument, aggregate, scale, first }
}

/// One instance of the catalog.
pub struct Node {
    pub cells: Sharded<{ PADDING + CELLS + PADDING }>,
    pub gauges: Gauges<4>,
    /// Its constant label, counted from 1; 0 stands for one that is not fixed yet.
    pub number: AtomicU32,
}

impl Node {
    /// A node with its constant label.
    pub fn new(number: u32) -> Self {
        Self { cells: Sharded::new(), gauges: Gauges::new(), number: AtomicU32::new(number) }
    }
}

impl Source for Node {
    fn collect(&self, snapshot: &mut Snapshot) {
        let label = self.number.load(Ordering::Relaxed).checked_sub(1);
        snapshot.record_instance(&CATALOG, &[label], &self.cells, &self.gauges);
    }
}
