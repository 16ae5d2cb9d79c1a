//! What is counted and measured of one replica over all its lives.

use std::collections::BTreeMap;
use std::time::Duration;

use vsr_metrics::Snapshot;
use vsr_metrics::snapshot::Histogram;

/// By family and label value.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    counts: BTreeMap<(&'static str, &'static str), u64>,
    durations: BTreeMap<&'static str, Durations>,
}

/// Durations of one family, in its buckets.
#[derive(Clone, Debug)]
struct Durations {
    bounds: &'static [u64],
    buckets: Vec<u64>,
    nanoseconds: u64,
}

impl Numbers {
    /// Nothing yet, for the histograms of this catalog.
    pub(super) fn of(catalog: &Snapshot) -> Self {
        let durations = catalog.families().filter_map(|family| match &family.descriptor().instrument {
            vsr_metrics::descriptor::Instrument::Histogram { bounds, .. } => {
                let durations = Durations { bounds, buckets: vec![0; bounds.len() + 1], nanoseconds: 0 };
                Some((family.descriptor().name, durations))
            }
            _ => None,
        });
        Self { counts: BTreeMap::new(), durations: durations.collect() }
    }

    pub(super) fn add(&mut self, family: &'static str, label: &'static str, amount: u64) {
        *self.counts.entry((family, label)).or_default() += amount;
    }

    /// Something took so long.
    pub(super) fn took(&mut self, family: &'static str, duration: Duration) {
        let Some(durations) = self.durations.get_mut(family) else { return };
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = durations.bounds.iter().take_while(|bound| **bound < nanoseconds).count();
        durations.buckets[bucket] += 1;
        durations.nanoseconds = durations.nanoseconds.saturating_add(nanoseconds);
    }

    pub(super) fn count(&self, family: &'static str, label: &'static str) -> u64 {
        self.counts.get(&(family, label)).copied().unwrap_or(0)
    }

    /// Compares durations. Returns how many numbers were compared, and how they differ if they do.
    pub(super) fn compare(&self, family: &str, recorded: &Histogram<'_>) -> (usize, Option<String>) {
        let Some(Durations { buckets, nanoseconds, .. }) = self.durations.get(family) else {
            return (0, Some("has no buckets".to_owned()));
        };
        let found = (recorded.buckets(), recorded.sum().stored);
        let differing = (found != (buckets, *nanoseconds))
            .then(|| format!("says {found:?} (buckets, nanoseconds), counted {:?}", (buckets, nanoseconds)));
        (buckets.len() + 1, differing)
    }
}
