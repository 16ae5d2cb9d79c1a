//! What happened between two snapshots: a type of its own, so that a running total cannot be sent as an
//! increment.

use super::{Family, Instance, Part, Snapshot, same};

/// Increments of counters and histograms between two snapshots, and the gauges of the later one.
#[derive(Clone, Debug)]
pub struct SnapshotDelta(Snapshot);

impl Snapshot {
    /// What happened since `earlier`. Instances are told apart by their constant labels, and one whose labels were
    /// fixed in between is still the same. One that `earlier` does not know counts from zero, and so does a counter
    /// that fell, because its process began anew.
    #[must_use]
    pub fn delta_since(&self, earlier: &Self) -> SnapshotDelta {
        let mut delta = self.clone();
        for part in &mut delta.parts {
            if let Some(before) = earlier.parts().find(|known| same(known.catalog, part.catalog)) {
                let known = counterparts(before, part);
                for (instance, known) in part.instances.iter_mut().zip(known) {
                    if let Some(known) = known {
                        subtract(&mut instance.cells, &before.instances[known].cells);
                    }
                }
            }
        }
        SnapshotDelta(delta)
    }
}

impl SnapshotDelta {
    /// What stands behind it, for encoders that say of it what it is.
    #[cfg(feature = "otel")]
    pub(crate) fn increments(&self) -> &Snapshot {
        &self.0
    }

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

/// For each instance its place in an earlier snapshot. Nobody is the earlier state of two.
fn counterparts(before: &Part, now: &Part) -> Vec<Option<usize>> {
    let mut found = vec![None; now.instances.len()];
    let mut claimed = vec![false; before.instances.len()];
    // Equal labels first: an instance with labels yet to be fixed may be the earlier state of several.
    for alike in [same_labels, fixed_since] {
        for (index, instance) in now.instances.iter().enumerate() {
            let is_free = |known: &usize| !claimed[*known] && alike(&before.instances[*known], instance);
            // Among equals the same place.
            let places = std::iter::once(index).chain(0..claimed.len());
            let free = places.filter(|known| *known < claimed.len()).find(is_free);
            if let (None, Some(known)) = (found[index], free) {
                found[index] = Some(known);
                claimed[known] = true;
            }
        }
    }
    found
}

fn same_labels(before: &Instance, now: &Instance) -> bool {
    before.constants == now.constants
}

/// Whether labels that were not fixed yet are all that differs, and nothing fell.
fn fixed_since(before: &Instance, now: &Instance) -> bool {
    let mut labels = before.constants.iter().zip(&now.constants);
    let mut cells = before.cells.iter().zip(&now.cells);
    labels.all(|(before, now)| before.is_none() || before == now) && cells.all(|(before, now)| before <= now)
}

fn subtract(cells: &mut [u64], before: &[u64]) {
    for (cell, before) in cells.iter_mut().zip(before) {
        *cell = cell.checked_sub(*before).unwrap_or(*cell);
    }
}
