//! A catalog's families for any recorder of the crate `metrics`.

use std::collections::{HashMap, HashSet};
use std::fmt;

use metrics::{Key, Label, Level, Metadata, Recorder, Unit};

use crate::Snapshot;
use crate::descriptor::{Descriptor, Instrument};
use crate::snapshot::{Series, Value};

/// Gives snapshots to a recorder: counters as increments since the snapshot before, gauges as they are, histograms as
/// values with weights, see [`Histogram::spread`](crate::snapshot::Histogram::spread).
///
/// Counters of the crate `metrics` are whole numbers. Of one that counts fractions, such as seconds, the whole ones are
/// given, and the rest with the next.
///
/// ```
/// use vsr_metrics::Source as _;
/// use vsr_metrics::facade::{Bridge, Registry};
///
/// let (backend, other) = (Registry::new(), Registry::new());
/// let mut bridge = Bridge::new();
/// bridge.push(other.snapshot(), &backend);
/// ```
#[derive(Default)]
pub struct Bridge {
    before: Snapshot,
    described: HashSet<&'static str>,
    /// Fractions that were not given yet, in stored integers.
    rests: HashMap<Key, u64>,
}

const METADATA: Metadata<'static> = Metadata::new("vsr_metrics", Level::INFO, None);

impl Bridge {
    /// A bridge that has given nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the recorder what happened since the last call.
    pub fn push(&mut self, now: Snapshot, recorder: &dyn Recorder) {
        let delta = now.delta_since(&self.before);
        let delta = if delta.has_twins() { delta.merge_twins() } else { delta };
        for family in delta.families() {
            let descriptor = family.descriptor();
            if self.described.insert(descriptor.name) {
                describe(descriptor, recorder);
            }
            for series in family.series() {
                self.give(descriptor.name, &series, recorder);
            }
        }
        self.before = now;
    }

    fn give(&mut self, name: &'static str, series: &Series<'_>, recorder: &dyn Recorder) {
        let labels: Vec<Label> =
            series.labels().map(|(name, value)| Label::new(name, value.to_string())).collect();
        let key = Key::from_parts(name, labels);
        match series.value() {
            Value::Counter(amount) => {
                let mut stored = amount.stored;
                if amount.scale > 1 {
                    let rest = self.rests.entry(key.clone()).or_default();
                    stored = stored.saturating_add(*rest);
                    *rest = stored % amount.scale;
                }
                // Without an increment too: the series exists.
                recorder.register_counter(&key, &METADATA).increment(stored / amount.scale);
            }
            Value::Gauge(number) => recorder.register_gauge(&key, &METADATA).set(number.as_f64()),
            Value::Histogram(histogram) => {
                let handle = recorder.register_histogram(&key, &METADATA);
                for (value, count) in histogram.spread() {
                    handle.record_many(value.as_f64(), usize::try_from(count).unwrap_or(usize::MAX));
                }
            }
        }
    }
}

fn describe(family: &Descriptor, recorder: &dyn Recorder) {
    let (name, help) = (family.name.into(), family.help.into());
    let unit = match family.unit {
        "seconds" => Some(Unit::Seconds),
        "ms" => Some(Unit::Milliseconds),
        "bytes" => Some(Unit::Bytes),
        "percent" => Some(Unit::Percent),
        "ops_per_sec" => Some(Unit::CountPerSecond),
        _ => None,
    };
    match family.instrument {
        Instrument::Counter => recorder.describe_counter(name, unit, help),
        Instrument::Gauge(_) => recorder.describe_gauge(name, unit, help),
        Instrument::Histogram { .. } => recorder.describe_histogram(name, unit, help),
    }
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bridge").finish_non_exhaustive()
    }
}
