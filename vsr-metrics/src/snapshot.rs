//! All series at one moment, as plain data: the only thing that encoders see.
//!
//! A snapshot joins any number of instances and catalogs. Each histogram is consistent in itself, because its
//! count is the sum of the buckets that were read; two families are not of the same instant.

mod aggregate;
mod delta;
mod exponential;
mod quantile;
mod spread;
mod value;
mod view;

pub use delta::SnapshotDelta;
pub use exponential::{Exponential, ExponentialBuckets};
pub use quantile::Quantile;
pub use value::{Amount, Histogram, Number, Value};
#[cfg(feature = "text")]
pub(crate) use view::number;
#[cfg(feature = "otel")]
pub(crate) use view::value;
pub use view::{Family, LabelText, Series};
#[cfg(any(feature = "text", feature = "otel"))]
pub(crate) use view::{label_text, own_labels};

use crate::descriptor::{CatalogDescriptor, Instrument};
use crate::storage::{Gauges, Home, Sharded};

/// Something that can be frozen into a snapshot: the `Metrics` of a catalog, or several of them.
pub trait Source: Send + Sync {
    /// Adds all series to `snapshot`. Waits for nobody.
    fn collect(&self, snapshot: &mut Snapshot);

    /// All series now.
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        self.collect(&mut snapshot);
        snapshot
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn collect(&self, snapshot: &mut Snapshot) {
        (**self).collect(snapshot);
    }
}

impl<S: Source + ?Sized> Source for std::sync::Arc<S> {
    fn collect(&self, snapshot: &mut Snapshot) {
        (**self).collect(snapshot);
    }
}

impl<S: Source> Source for [S] {
    fn collect(&self, snapshot: &mut Snapshot) {
        for source in self {
            source.collect(snapshot);
        }
    }
}

impl<S: Source> Source for Vec<S> {
    fn collect(&self, snapshot: &mut Snapshot) {
        self.as_slice().collect(snapshot);
    }
}

impl<A: Source, B: Source> Source for (A, B) {
    fn collect(&self, snapshot: &mut Snapshot) {
        self.0.collect(snapshot);
        self.1.collect(snapshot);
    }
}

/// All series of one or more instances, frozen.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    parts: Vec<Part>,
    /// Emptied instances, kept for their memory.
    spare: Vec<Instance>,
}

/// The instances of one catalog.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) catalog: &'static CatalogDescriptor,
    pub(crate) instances: Vec<Instance>,
}

/// The numbers of one instance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instance {
    /// Indices of the constant labels' values.
    pub(crate) constants: Vec<Option<u32>>,
    /// Cells of counters and histograms.
    pub(crate) cells: Vec<u64>,
    /// Bits of the gauges that were set.
    pub(crate) gauges: Vec<Option<u64>>,
}

impl Snapshot {
    /// A snapshot of nothing.
    pub const fn new() -> Self {
        Self { parts: Vec::new(), spare: Vec::new() }
    }

    /// Empties the snapshot and keeps its memory, so that the next collection allocates nothing.
    pub fn clear(&mut self) {
        for part in &mut self.parts {
            self.spare.append(&mut part.instances);
        }
    }

    /// Freezes one instance of a catalog. Called by what `catalog!` generates.
    pub fn record_instance<const CELLS: usize, const GAUGES: usize, H: Home<CELLS>>(
        &mut self,
        catalog: &'static CatalogDescriptor,
        constants: &[Option<u32>],
        cells: &Sharded<CELLS, H>,
        gauges: &Gauges<GAUGES>,
    ) {
        let mut instance = self.spare.pop().unwrap_or_else(|| {
            // Room to clear into, so that only the first collection of as many instances allocates.
            self.spare.reserve(self.parts.iter().map(|part| part.instances.len()).sum::<usize>() + 1);
            Instance::default()
        });
        instance.constants.clear();
        instance.constants.extend_from_slice(constants);
        instance.cells.clear();
        instance.cells.resize(CELLS.saturating_sub(2 * crate::storage::PADDING), 0);
        cells.total(&mut instance.cells);
        for sum in sums(catalog) {
            instance.cells[sum] = cells.saturating_total(sum);
        }
        instance.gauges.clear();
        instance.gauges.extend(gauges.values());
        self.part(catalog).instances.push(instance);
    }

    /// Freezes one series of a family that is in no catalog: as an instance of a descriptor with that family alone,
    /// which may have gained a label since.
    #[cfg(feature = "metrics")]
    pub(crate) fn record_series(
        &mut self,
        catalog: &'static CatalogDescriptor,
        labels: &[Option<u32>],
        cells: impl IntoIterator<Item = u64>,
        gauges: impl IntoIterator<Item = Option<u64>>,
    ) {
        let mut instance = self.spare.pop().unwrap_or_default();
        instance.constants.clear();
        instance.constants.extend_from_slice(labels);
        instance.cells.clear();
        instance.cells.extend(cells);
        instance.gauges.clear();
        instance.gauges.extend(gauges);
        // Families are many, and mostly the descriptor is the one from last time.
        let known = self.parts.iter().position(|part| std::ptr::eq(part.catalog, catalog));
        let part = match known {
            Some(place) => &mut self.parts[place],
            None => self.part(catalog),
        };
        part.catalog = catalog;
        part.instances.push(instance);
    }

    /// All series of both, each with the labels of its own instance.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        for part in other.parts {
            self.part(part.catalog).instances.extend(part.instances);
        }
        self
    }

    /// All families that have an instance, in the order of their catalogs.
    pub fn families(&self) -> impl Iterator<Item = Family<'_>> {
        self.parts().flat_map(Family::all)
    }

    /// The family of an exported name.
    pub fn family(&self, name: &str) -> Option<Family<'_>> {
        self.families().find(|family| family.descriptor().name == name)
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| !part.instances.is_empty())
    }

    /// Whether instances of one catalog share all constant labels, so that no output could tell them apart.
    pub(crate) fn has_twins(&self) -> bool {
        self.parts().any(|part| {
            let instances = &part.instances;
            (1..instances.len()).any(|index| {
                instances[..index].iter().any(|known| known.constants == instances[index].constants)
            })
        })
    }

    fn part(&mut self, catalog: &'static CatalogDescriptor) -> &mut Part {
        let known = self.parts.iter().position(|part| same(part.catalog, catalog));
        let index = known.unwrap_or_else(|| {
            self.parts.push(Part { catalog, instances: Vec::new() });
            self.parts.len() - 1
        });
        &mut self.parts[index]
    }
}

/// Whether two descriptors are of one catalog. A constant may have several addresses, so those alone don't tell.
fn same(a: &CatalogDescriptor, b: &CatalogDescriptor) -> bool {
    std::ptr::eq(a, b)
        || (a.prefix == b.prefix
            && a.name == b.name
            && a.version == b.version
            && a.families.len() == b.families.len())
}

/// The cells that hold the sums of histograms.
fn sums(catalog: &'static CatalogDescriptor) -> impl Iterator<Item = usize> {
    catalog
        .families
        .iter()
        .filter_map(|family| match &family.instrument {
            Instrument::Histogram { bounds, .. } => Some((family, bounds.len() + 1)),
            Instrument::Counter | Instrument::Gauge(_) => None,
        })
        .flat_map(|(family, sum)| {
            let stride = family.cells_per_series();
            (0..family.series()).map(move |series| family.first + series * stride + sum)
        })
}
