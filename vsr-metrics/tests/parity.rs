//! One truth on every route: from one random state of a registry, the same series with the same labels, kinds and numbers
//! arrive by Prometheus text, OpenMetrics, OTLP, both dialects of StatsD and the bridge to the crate `metrics`; totals
//! where a route carries totals, increments where it carries increments.

#[path = "parity/backend.rs"]
mod backend;
mod handle;
#[cfg(feature = "otel")]
#[path = "parity/otlp.rs"]
mod otlp;
#[path = "../examples/exposition/random.rs"]
mod random;
mod receiver;
mod unescape;

use std::collections::BTreeMap;

use backend::Backend;
use receiver::Receiver;
use vsr_metrics::Snapshot;
use vsr_metrics::descriptor::{CatalogDescriptor, GaugeKind, Instrument};
use vsr_metrics::encode::statsd::{Dialect, Encoder, Histograms};
use vsr_metrics::encode::{openmetrics_text, prometheus_text};
use vsr_metrics::facade::Bridge;
use vsr_metrics::snapshot::{Histogram, Number, Value};
use vsr_metrics::storage::{Gauges, Sharded};

/// Samples as Prometheus names them, with their labels in order, and whether they are gauges.
type Facts = BTreeMap<SeriesKey, (bool, f64)>;

/// The name of a sample and its labels.
type SeriesKey = (String, Vec<(String, String)>);

/// What is recorded into, with any catalog.
struct Registry {
    catalog: &'static CatalogDescriptor,
    cells: Sharded<65_536>,
    gauges: Gauges<4_096>,
}

impl Registry {
    fn record(&self, numbers: &mut random::Numbers) {
        for family in self.catalog.families {
            for series in 0..family.series() {
                let first = family.first + series * family.cells_per_series();
                let number = numbers.next();
                // A third of the series rests.
                if number.is_multiple_of(3) {
                    continue;
                }
                // Small enough that a receiver's floats hold every sum.
                let number = number >> 24 >> (number % 40);
                match &family.instrument {
                    Instrument::Counter => self.cells.add(first, number),
                    Instrument::Gauge(GaugeKind::F64) => {
                        let value: f64 = format!("{number}.25").parse().expect("a number");
                        self.gauges.set_f64(first, if number.is_multiple_of(2) { value } else { -value });
                    }
                    Instrument::Gauge(GaugeKind::I64) => {
                        self.gauges.set_i64(first, 500 - number.cast_signed());
                    }
                    Instrument::Gauge(_) => self.gauges.set(first, number),
                    Instrument::Histogram { bounds, grid, .. } => {
                        for shift in 0..20 {
                            self.cells.observe_slice(first, bounds, *grid, number >> shift);
                        }
                    }
                }
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        snapshot.record_instance(self.catalog, &[Some(1)], &self.cells, &self.gauges);
        snapshot
    }
}

/// The truth, read from the snapshot by its public interface.
fn truth(snapshot: &Snapshot) -> Facts {
    let mut facts = Facts::new();
    for family in snapshot.families() {
        let name = family.descriptor().name;
        for series in family.series() {
            let labels: Vec<_> =
                series.labels().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
            match series.value() {
                Value::Counter(amount) => insert(&mut facts, name, labels, (false, amount.as_f64())),
                Value::Gauge(number) => insert(&mut facts, name, labels, (true, number.as_f64())),
                Value::Histogram(histogram) => {
                    let buckets = histogram.buckets().iter().map(|count| Number::U64(*count).as_f64());
                    let sum = histogram.sum().as_f64();
                    distribution(&mut facts, name, &labels, &bounds(&histogram), buckets, sum);
                }
            }
        }
    }
    facts
}

fn bounds(histogram: &Histogram<'_>) -> Vec<f64> {
    histogram.bound_names().iter().map(|name| name.parse().expect("a number")).collect()
}

/// A histogram as the samples of Prometheus: buckets that hold those below them, sum and count.
fn distribution(
    facts: &mut Facts,
    name: &str,
    labels: &[(String, String)],
    bounds: &[f64],
    buckets: impl Iterator<Item = f64>,
    sum: f64,
) {
    let mut count = 0.0;
    let bounds = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    for (bound, bucket) in bounds.zip(buckets) {
        count += bucket;
        let labels = [labels, &[("le".to_owned(), bound)]].concat();
        insert(facts, &format!("{name}_bucket"), labels, (false, count));
    }
    insert(facts, &format!("{name}_sum"), labels.to_vec(), (false, sum));
    insert(facts, &format!("{name}_count"), labels.to_vec(), (false, count));
}

/// Labels without a value are none, in Prometheus; their order says nothing.
fn insert(facts: &mut Facts, name: &str, mut labels: Vec<(String, String)>, fact: (bool, f64)) {
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort();
    assert!(facts.insert((name.to_owned(), labels), fact).is_none(), "`{name}` stands twice");
}

/// Reads an exposition in either text format.
fn read_text(text: &str) -> Facts {
    let (mut facts, mut gauges) = (Facts::new(), Vec::new());
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            gauges.extend(kind.strip_suffix(" gauge").map(str::to_owned));
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        let (key, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = key.strip_suffix('}').and_then(|key| key.split_once('{')).unwrap_or((key, ""));
        let labels = read_labels(labels).into_iter().map(|(name, value)| {
            let is_bound = name == "le" && value != "+Inf";
            let value = if is_bound { value.parse::<f64>().expect("a number").to_string() } else { value };
            (name, value)
        });
        let is_gauge = gauges.iter().any(|gauge| gauge == name);
        insert(&mut facts, name, labels.collect(), (is_gauge, value.parse().expect("a number")));
    }
    facts
}

/// `a="1",b="2"`, with what is escaped.
fn read_labels(text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    let mut rest = text;
    while let Some((name, quoted)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next().expect("a closing quote") {
                (end, '"') => break end,
                (_, '\\') => match characters.next().expect("an escaped character").1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.push((name.trim_start_matches(',').to_owned(), value));
        rest = &quoted[end + 1..];
    }
    labels
}

/// What a receiver of StatsD knows, in the terms of Prometheus.
fn read_statsd(receiver: &Receiver, dialect: Dialect, snapshot: &Snapshot) -> Facts {
    assert_eq!(receiver.bad, [""; 0]);
    let mut facts = Facts::new();
    for (values, is_gauge) in [(&receiver.counters, false), (&receiver.gauges, true)] {
        for (key, value) in values {
            let (name, labels) = read_key(key, dialect);
            insert(&mut facts, &name, labels, (is_gauge, *value));
        }
    }
    for (key, values) in &receiver.timers {
        let (name, labels) = read_key(key, dialect);
        let bounds = bounds_of(snapshot, &name);
        let mut buckets = vec![0.0; bounds.len() + 1];
        for (value, weight) in values {
            buckets[bounds.iter().filter(|bound| value > bound).count()] += weight.round();
        }
        // The sum came as a counter of its own.
        let mut others = Facts::new();
        distribution(&mut others, &name, &labels, &bounds, buckets.into_iter(), 0.0);
        others.retain(|(name, _), _| !name.ends_with("_sum"));
        facts.extend(others);
    }
    facts
}

fn read_key(key: &str, dialect: Dialect) -> (String, Vec<(String, String)>) {
    let texts: Vec<String> = match dialect {
        Dialect::Plain => key.split('.').map(str::to_owned).collect(),
        Dialect::DogStatsD => key.split(',').flat_map(|tag| tag.splitn(2, ':')).map(str::to_owned).collect(),
    };
    let mut texts = texts.into_iter().map(|text| unescape::unescape(&text));
    let name = texts.next().expect("a name");
    let mut labels = Vec::new();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        let value = if name == "le" && value == "inf" { "+Inf".to_owned() } else { value };
        labels.push((name, value));
    }
    (name, labels)
}

fn bounds_of(snapshot: &Snapshot, name: &str) -> Vec<f64> {
    let family = snapshot.family(name).expect("in the catalog");
    let value = family.series().next().map(|series| series.value());
    let Some(Value::Histogram(histogram)) = value else { panic!("`{name}` is no histogram with series") };
    bounds(&histogram)
}

/// Every sample, with a number that differs by `tolerance` at most. A route that carries increments leaves out what is zero.
fn same(
    route: &str,
    mut facts: Facts,
    mut truth: Facts,
    carries_zeros: bool,
    tolerance: impl Fn(&str, f64) -> f64,
) {
    if !carries_zeros {
        for facts in [&mut facts, &mut truth] {
            facts.retain(|_, (is_gauge, value)| *is_gauge || *value != 0.0);
        }
    }
    let missing: Vec<_> = truth.keys().filter(|key| !facts.contains_key(key)).take(3).collect();
    let surplus: Vec<_> = facts.keys().filter(|key| !truth.contains_key(key)).take(3).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "{route} lacks {missing:?} and has {surplus:?}");
    for (key, (is_gauge, expected)) in truth {
        let (found_gauge, found) = facts[&key];
        assert_eq!(found_gauge, is_gauge, "{route}: {key:?}");
        let off = (found - expected).abs();
        assert!(off <= tolerance(&key.0, expected), "{route}: {key:?} is {found}, expected {expected}");
    }
}

/// As many digits as the sum of a few floats has.
fn rounded(_: &str, value: f64) -> f64 {
    value.abs() * 1e-12
}

#[test]
fn every_route_tells_the_same() {
    for seed in 0..6 {
        let mut numbers = random::Numbers::new(1_000 + seed);
        let registry =
            Registry { catalog: random::catalog(&mut numbers), cells: Sharded::new(), gauges: Gauges::new() };
        let pushes = [
            (Dialect::Plain, Histograms::Sampled),
            (Dialect::Plain, Histograms::Buckets),
            (Dialect::DogStatsD, Histograms::Sampled),
            (Dialect::DogStatsD, Histograms::Buckets),
        ];
        let mut receivers = pushes.map(|_| Receiver::default());
        let (backend, mut bridge) = (Backend::default(), Bridge::new());
        let mut before = Snapshot::new();
        #[cfg(feature = "otel")]
        let (mut otlp_increments, time) = (Facts::new(), std::time::SystemTime::UNIX_EPOCH);
        #[cfg(feature = "otel")]
        let mut fine_increments = otlp::Fine::new();
        for _ in 0..3 {
            registry.record(&mut numbers);
            let now = registry.snapshot();
            for ((dialect, histograms), receiver) in pushes.into_iter().zip(&mut receivers) {
                let encoder = Encoder::new(dialect).histograms(histograms);
                for packet in encoder.packets(&now.delta_since(&before)) {
                    receiver.receive(packet.bytes());
                }
            }
            bridge.push(now.clone(), &backend);
            #[cfg(feature = "otel")]
            {
                let delta = now.delta_since(&before);
                let message = vsr_metrics::encode::otlp::increments(&delta, time, time);
                let increments = otlp::read(&message, otlp::DELTA, &mut fine_increments);
                otlp::add(&mut otlp_increments, increments);
            }
            before = now;
        }
        let truth = truth(&before);
        same("Prometheus text", read_text(&prometheus_text(&before)), truth.clone(), true, rounded);
        same("OpenMetrics", read_text(&openmetrics_text(&before)), truth.clone(), true, rounded);
        #[cfg(feature = "otel")]
        {
            let message = vsr_metrics::encode::otlp::totals(&before, time, time);
            let mut fine = otlp::Fine::new();
            let mut totals = otlp::read(&message, otlp::CUMULATIVE, &mut fine);
            assert!(!fine.is_empty(), "two families have a grid");
            otlp::collapse(&mut totals, &fine, &truth);
            otlp::collapse(&mut otlp_increments, &fine_increments, &truth);
            same("OTLP totals", totals, truth.clone(), true, rounded);
            same("OTLP increments", otlp_increments, truth.clone(), false, rounded);
        }
        for ((dialect, histograms), receiver) in pushes.into_iter().zip(&receivers) {
            let route = format!("{dialect:?}, {histograms:?}");
            same(&route, read_statsd(receiver, dialect, &before), truth.clone(), false, rounded);
        }
        same("the bridge", backend.facts(&before), truth, true, |name, value| match name {
            // Sixty observations at most are given as values of their buckets, rounded to a byte or a nanosecond;
            // fractions of a counter wait.
            _ if name.ends_with("_bytes_sum") => 61.0,
            _ if name.ends_with("_sum") => 1e-3,
            _ if name.ends_with("_seconds_total") => 1.0,
            _ => rounded(name, value),
        });
    }
}
