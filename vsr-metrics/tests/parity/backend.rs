//! A recorder of the crate `metrics`, and what it was given as facts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{Key, KeyName, Metadata, Recorder, SharedString, Unit};
use vsr_metrics::Snapshot;
use vsr_metrics::snapshot::Number;

use super::handle::Handle;
use super::{Facts, SeriesKey, bounds_of, distribution, insert};

/// A recorder of the crate `metrics` that keeps what it is given.
#[derive(Clone, Default)]
pub struct Backend(Arc<Mutex<BTreeMap<SeriesKey, Kept>>>);

#[derive(Clone, Debug, Default)]
struct Kept {
    kind: &'static str,
    values: Vec<(f64, f64)>,
}

impl Backend {
    fn handle(&self, key: &Key, kind: &'static str) -> Arc<Handle> {
        let labels = key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        let key = (key.name().to_owned(), labels);
        let all = Arc::clone(&self.0);
        all.lock().expect("no panic").entry(key.clone()).or_default().kind = kind;
        Handle::new(move |value, count| {
            let weight = Number::U64(count as u64).as_f64();
            all.lock().expect("no panic").get_mut(&key).expect("registered").values.push((value, weight));
        })
    }

    pub fn facts(&self, snapshot: &Snapshot) -> Facts {
        let mut facts = Facts::new();
        for ((name, labels), Kept { kind, values }) in &*self.0.lock().expect("no panic") {
            let sum = values.iter().map(|(value, weight)| value * weight).fold(0.0, |a, b| a + b);
            match *kind {
                "counter" => insert(&mut facts, name, labels.clone(), (false, sum)),
                "gauge" => {
                    let last = values.last().expect("it was set").0;
                    insert(&mut facts, name, labels.clone(), (true, last));
                }
                _ => {
                    let bounds = bounds_of(snapshot, name);
                    let mut buckets = vec![0.0; bounds.len() + 1];
                    for (value, weight) in values {
                        buckets[bounds.iter().filter(|bound| value > bound).count()] += weight;
                    }
                    distribution(&mut facts, name, labels, &bounds, buckets.into_iter(), sum);
                }
            }
        }
        facts
    }
}

impl Recorder for Backend {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        metrics::Counter::from_arc(self.handle(key, "counter"))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::from_arc(self.handle(key, "gauge"))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::from_arc(self.handle(key, "histogram"))
    }
}
