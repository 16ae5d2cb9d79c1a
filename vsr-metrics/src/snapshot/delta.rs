//! What happened between two snapshots: a type of its own, so that a running total cannot be sent as an
//! increment.

use super::{Family, Instance, Part, Snapshot, same};

/// Increments of counters and histograms between two snapshots, and the gauges of the later one.
#[derive(Clone, Debug)]
pub struct SnapshotDelta(Snapshot);

impl Snapshot {
    /// What happened since `earlier`. Instances are told apart by their constant labels; one that `earlier`
    /// does not know counts from zero, and so does a counter that fell, because its process began anew.
    #[must_use]
    pub fn delta_since(&self, earlier: &Self) -> SnapshotDelta {
        let mut delta = self.clone();
        for part in &mut delta.parts {
            let before = earlier.parts().find(|known| same(known.catalog, part.catalog));
            for (index, instance) in part.instances.iter_mut().enumerate() {
                if let Some(before) = before.and_then(|part| counterpart(part, instance, index)) {
                    subtract(&mut instance.cells, &before.cells);
                }
            }
        }
        SnapshotDelta(delta)
    }
}

impl SnapshotDelta {
    /// All families, with increments in place of totals.
    pub fn families(&self) -> impl Iterator<Item = Family<'_>> {
        self.0.families()
    }

    /// Whether instances of one catalog share all constant labels, so that no output could tell them apart.
    pub(crate) fn has_twins(&self) -> bool {
        self.0.has_twins()
    }

    /// Instances of one catalog that share all constant labels, merged into one each.
    pub(crate) fn merge_twins(&self) -> Self {
        Self(self.0.merge_twins())
    }

    /// The family of an exported name.
    pub fn family(&self, name: &str) -> Option<Family<'_>> {
        self.0.family(name)
    }
}

/// The same instance in an earlier snapshot: equal constant labels, and among equals the same place.
fn counterpart<'a>(before: &'a Part, instance: &Instance, index: usize) -> Option<&'a Instance> {
    let alike = |known: &&Instance| known.constants == instance.constants;
    before.instances.get(index).filter(alike).or_else(|| before.instances.iter().find(alike))
}

fn subtract(cells: &mut [u64], before: &[u64]) {
    for (cell, before) in cells.iter_mut().zip(before) {
        *cell = cell.checked_sub(*before).unwrap_or(*cell);
    }
}
