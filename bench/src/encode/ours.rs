//! Our side of the encode case.

use std::sync::Barrier;

use vsr_metrics::descriptor::{CatalogDescriptor, Instrument};
use vsr_metrics::encode::{Encoder, Format};
use vsr_metrics::storage::{Gauges, PADDING, Sharded};
use vsr_metrics::{Metrics, Snapshot, Source};

use super::{OBSERVED, Scrape, large};

const CATALOG: &CatalogDescriptor = Metrics::CATALOG;

/// As many cells as the catalog's own storage has, or a few more.
const CELLS: usize = 2 * PADDING + last_cell();

/// Cells of the large one.
const LARGE: usize = 2 * PADDING + large::SERIES;

/// The same for gauges, of which there are fewer than families.
const GAUGES: usize = CATALOG.families.len();

/// Storage as `catalog!` generates it. The generated fields are private, and this case wants every series recorded
/// without naming every method.
pub struct Filled<const CELLS: usize> {
    catalog: &'static CatalogDescriptor,
    cells: Sharded<CELLS>,
    gauges: Gauges<GAUGES>,
}

impl<const CELLS: usize> Source for Filled<CELLS> {
    fn collect(&self, snapshot: &mut Snapshot) {
        snapshot.record_instance(self.catalog, &[Some(0)], &self.cells, &self.gauges);
    }
}

/// Every series of the real catalog, recorded by as many threads as there are to be shards.
pub fn real(shards: usize) -> Box<dyn Source> {
    let filled = Filled::<CELLS>::new(CATALOG);
    let all_have_recorded = Barrier::new(shards);
    std::thread::scope(|scope| {
        for _ in 0..shards {
            scope.spawn(|| {
                filled.record();
                all_have_recorded.wait();
            });
        }
    });
    filled
}

/// 100,000 series, each recorded.
pub fn filled_large() -> Box<dyn Source> {
    let filled = empty_large();
    filled.record();
    filled
}

/// 100,000 series.
pub fn empty_large() -> Box<Filled<LARGE>> {
    Filled::new(large::catalog())
}

/// Freezes and encodes.
pub fn scrape(source: Box<dyn Source>) -> Scrape {
    let mut snapshot = Snapshot::new();
    let mut encoder = Encoder::new(Format::Prometheus);
    Box::new(move |out| {
        snapshot.clear();
        source.collect(&mut snapshot);
        encoder.encode(&snapshot, out);
    })
}

/// Freezes only.
pub fn snapshot(source: Box<dyn Source>) -> Scrape {
    let mut snapshot = Snapshot::new();
    Box::new(move |_| {
        snapshot.clear();
        source.collect(&mut snapshot);
        std::hint::black_box(&snapshot);
    })
}

impl<const CELLS: usize> Filled<CELLS> {
    fn new(catalog: &'static CatalogDescriptor) -> Box<Self> {
        Box::new(Self { catalog, cells: Sharded::new(), gauges: Gauges::new() })
    }

    /// Records every series once.
    pub fn record(&self) {
        for family in self.catalog.families {
            for series in 0..family.series() {
                let first = family.first + series * family.cells_per_series();
                match &family.instrument {
                    Instrument::Counter => self.cells.add(first, 12_345 + series as u64),
                    Instrument::Gauge(_) => self.gauges.set(first, 1),
                    Instrument::Histogram { bounds, grid, .. } => OBSERVED
                        .iter()
                        .for_each(|value| self.cells.observe_slice(first, bounds, *grid, (value * 1e6) as u64)),
                }
            }
        }
    }
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
