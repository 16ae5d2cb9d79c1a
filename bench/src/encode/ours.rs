//! Our side of the encode case.

use std::sync::Arc;

use vsr_metrics::descriptor::{CatalogDescriptor, Instrument};
use vsr_metrics::encode::{Encoder, Format};
use vsr_metrics::storage::{Gauges, PADDING, Sharded};
use vsr_metrics::{Metrics, Snapshot, Source};

use super::{OBSERVED, Scrape};

const CATALOG: &CatalogDescriptor = Metrics::CATALOG;

/// As many cells as the catalog's own storage has, or a few more.
const CELLS: usize = 2 * PADDING + last_cell();

/// The same for gauges, of which there are fewer than families.
const GAUGES: usize = CATALOG.families.len();

/// Storage as `catalog!` generates it. The generated fields are private, and this case wants every series recorded
/// without naming every method.
struct Filled {
    cells: Sharded<CELLS>,
    gauges: Gauges<GAUGES>,
}

impl Source for Filled {
    fn collect(&self, snapshot: &mut Snapshot) {
        snapshot.record_instance(CATALOG, &[Some(0)], &self.cells, &self.gauges);
    }
}

/// Freezes and encodes.
pub fn scrape() -> Scrape {
    let filled = fill();
    let mut snapshot = Snapshot::new();
    let mut encoder = Encoder::new(Format::Prometheus);
    Box::new(move |out| {
        snapshot.clear();
        filled.collect(&mut snapshot);
        encoder.encode(&snapshot, out);
    })
}

/// Freezes only.
pub fn snapshot() -> Scrape {
    let filled = fill();
    let mut snapshot = Snapshot::new();
    Box::new(move |_| {
        snapshot.clear();
        filled.collect(&mut snapshot);
        std::hint::black_box(&snapshot);
    })
}

fn fill() -> Arc<Filled> {
    let filled = Arc::new(Filled { cells: Sharded::new(), gauges: Gauges::new() });
    for family in CATALOG.families {
        for series in 0..family.series() {
            let first = family.first + series * family.cells_per_series();
            match &family.instrument {
                Instrument::Counter => filled.cells.add(first, 12_345 + series as u64),
                Instrument::Gauge(_) => filled.gauges.set(first, 1),
                Instrument::Histogram { bounds, .. } => {
                    for value in OBSERVED {
                        let stored = (value * 1e6) as u64;
                        filled.cells.observe_slice(first, bounds, stored);
                    }
                }
            }
        }
    }
    filled
}

const fn last_cell() -> usize {
    let mut last = 0;
    let mut index = 0;
    while index < CATALOG.families.len() {
        let family = &CATALOG.families[index];
        let end = family.first + family.series() * family.cells_per_series();
        if end > last {
            last = end;
        }
        index += 1;
    }
    last
}
