//! The bridge to the crate `metrics`: what other crates record, within bounds, and a catalog's families for others.

mod catalog;
mod handle;
mod receiver;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use catalog::{CATALOG, EVENTS, LATENCY, LATENCY_BOUNDS, Node, OFFSET, QUEUE};
use handle::Handle;
use metrics::{
    Key, KeyName, Metadata, Recorder, SharedString, Unit, counter, gauge, histogram, with_local_recorder,
};
use vsr_metrics::encode::statsd::{Dialect, Encoder};
use vsr_metrics::facade::{Bridge, Limits, Registry};
use vsr_metrics::snapshot::Value;
use vsr_metrics::{Snapshot, Source};

/// All series of a snapshot, as `name{label=value} number`.
fn lines(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = Vec::new();
    for family in snapshot.families() {
        for series in family.series() {
            let labels: Vec<_> = series.labels().map(|(name, value)| format!("{name}={value}")).collect();
            let value = match series.value() {
                Value::Counter(amount) => amount.to_string(),
                Value::Gauge(number) => number.as_f64().to_string(),
                Value::Histogram(histogram) => format!("{} {}", histogram.count(), histogram.sum()),
            };
            lines.push(format!("{}{{{}}} {value}", family.descriptor().name, labels.join(",")));
        }
    }
    lines
}

fn total(snapshot: &Snapshot, name: &str) -> u64 {
    let series = snapshot.family(name).into_iter().flat_map(|family| family.series());
    series.fold(0, |sum, series| match series.value() {
        Value::Counter(amount) => sum + amount.stored,
        Value::Histogram(histogram) => sum + histogram.count(),
        Value::Gauge(_) => sum,
    })
}

fn series(snapshot: &Snapshot) -> usize {
    snapshot.families().map(|family| family.series().count()).sum()
}

#[test]
fn what_the_macros_record() {
    let registry = Registry::new();
    with_local_recorder(&registry, || {
        counter!("cache.hits", "tier" => "memory").increment(3);
        counter!("cache.hits", "tier" => "disk").absolute(7);
        counter!("cache.hits", "tier" => "disk").absolute(5);
        gauge!("queue").set(2.5);
        gauge!("queue").decrement(4.0);
        let _never_set = gauge!("never");
        histogram!("wait_seconds").record(0.25);
        histogram!("wait_seconds").record_many(2.0, 3);
    });
    assert_eq!(
        lines(&registry.snapshot()),
        [
            "cache_hits_total{tier=memory} 3",
            "cache_hits_total{tier=disk} 7",
            "queue{} -1.5",
            "wait_seconds{} 4 6.25",
        ]
    );
}

#[test]
fn label_values_without_end() {
    let limits = Limits::default().series_of_a_family(10);
    let registry = Registry::beside(&[], limits);
    with_local_recorder(&registry, || {
        for user in 0..10_000 {
            counter!("logins", "user" => user.to_string()).increment(1);
            histogram!("took", "user" => user.to_string()).record(0.1);
            gauge!("age", "user" => user.to_string()).set(1.0);
        }
    });
    let snapshot = registry.snapshot();
    assert_eq!(
        series(&snapshot),
        11 + 11 + 10,
        "a series more for what is past the bound, but not of gauges"
    );
    assert_eq!(total(&snapshot, "logins_total"), 10_000, "none is lost, none is counted twice");
    assert_eq!(total(&snapshot, "took"), 10_000);
    let logins = snapshot.family("logins_total").expect("recorded");
    let rest = logins.find(&[("overflow", "true")]).expect("the series of what is past the bound");
    assert!(matches!(rest.value(), Value::Counter(amount) if amount.stored == 9_990));
}

#[test]
fn families_and_labels_without_end() {
    let limits = Limits::default().families(5).series(20);
    let registry = Registry::beside(&[], limits);
    with_local_recorder(&registry, || {
        for number in 0..1_000 {
            counter!(format!("family_{number}")).increment(1);
            let labels: Vec<(String, String)> = vec![(format!("label_{number}"), "x".into())];
            counter!("family_0", &labels).increment(1);
            metrics::describe_counter!(format!("family_{number}"), format!("Help {number}."));
        }
    });
    let snapshot = registry.snapshot();
    assert_eq!(snapshot.families().count(), 5);
    assert!(series(&snapshot) <= 20 + 5, "{}", series(&snapshot));
    assert_eq!(total(&snapshot, "family_0_total"), 1_001);
    let family = snapshot.family("family_0_total").expect("recorded");
    let labels: std::collections::BTreeSet<_> =
        family.series().flat_map(|series| series.labels()).map(|(name, _)| name).collect();
    assert_eq!(labels.len(), 9, "eight, and the one of what is past the bound: {labels:?}");
}

#[test]
fn a_name_that_belongs_to_a_catalog() {
    let registry = Registry::beside(&[&CATALOG], Limits::default());
    with_local_recorder(&registry, || {
        counter!("test_events").increment(1);
        gauge!("test_events").set(1.0);
        counter!("test_latency_ms_sum").increment(1);
        gauge!("test_latency_ms_bucket").set(1.0);
        histogram!("test_queue").record(1.0);
        counter!("vsr_metrics_scrapes").increment(1);
        // And two of its own that would expose one sample.
        histogram!("own").record(1.0);
        gauge!("own_count").set(1.0);
        gauge!("own").set(1.0);
        counter!("own_ones").increment(1);
    });
    assert_eq!(lines(&registry.snapshot()), ["own{} 1 1", "own_ones_total{} 1"]);
}

#[test]
fn units_and_help_whenever_they_are_told() {
    let registry = Registry::new();
    with_local_recorder(&registry, || {
        metrics::describe_histogram!("early_seconds", Unit::Seconds, "Told first.");
        histogram!("early_seconds").record(1.0);
        gauge!("late").set(1.0);
        metrics::describe_gauge!("late", Unit::Bytes, "Told later.");
        metrics::describe_gauge!("late", "Told twice.");
        counter!("sent_bytes").increment(1);
        metrics::describe_counter!("sent_bytes", Unit::Bytes, "");
    });
    let snapshot = registry.snapshot();
    let told = |name: &str| {
        let descriptor = snapshot.family(name).expect("recorded").descriptor();
        (descriptor.unit, descriptor.help)
    };
    assert_eq!(told("early_seconds"), ("seconds", "Told first."));
    assert_eq!(told("late"), ("", "Told later. (In bytes.)"));
    assert_eq!(told("sent_bytes_total"), ("bytes", "Not described by whoever records it."));
}

/// A label that appears later makes a descriptor anew, and no series another one.
#[test]
fn a_label_that_comes_later_counts_nothing_twice() {
    let registry = Registry::new();
    let record = |label: Option<&'static str>| {
        with_local_recorder(&registry, || match label {
            Some(name) => counter!("jobs", name => "x").increment(1),
            None => counter!("jobs").increment(1),
        });
    };
    record(None);
    let mut kept = Snapshot::new();
    registry.collect(&mut kept);
    let before = kept.clone();
    record(Some("queue"));
    record(None);
    // Into the memory of the one before, as a scrape does it.
    kept.clear();
    registry.collect(&mut kept);
    assert_eq!(lines(&kept), ["jobs_total{} 2", "jobs_total{queue=x} 1"]);
    let delta = kept.delta_since(&before);
    let grown: Vec<_> =
        delta.families().flat_map(|family| family.series()).map(|series| series.value()).collect();
    assert!(
        grown.iter().all(|value| matches!(value, Value::Counter(amount) if amount.stored == 1)),
        "{grown:?}"
    );
}

#[cfg(feature = "text")]
#[test]
fn hostile_names_and_values_make_no_line_of_their_own() {
    let registry = Registry::new();
    with_local_recorder(&registry, || {
        for hostile in ["a\nb 1", "a{b=\"c\"} 1", "\\\"", "#", "", "🦀", "le", "__name__", "a-b", "a.b"] {
            let labels = [(hostile.to_owned(), hostile.to_owned()), ("le".to_owned(), hostile.to_owned())];
            counter!(hostile.to_owned(), &labels).increment(1);
            gauge!(format!("{hostile}_gauge"), &labels).set(1.0);
            metrics::describe_counter!(hostile.to_owned(), hostile.to_owned());
        }
    });
    let snapshot = (&registry, Node::new(1)).snapshot();
    let text = vsr_metrics::encode::prometheus_text(&snapshot);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for line in text.lines().filter(|line| !line.starts_with("# ")) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        assert!(!name.is_empty() && name.chars().all(is_name), "{line}");
        assert!(line.rsplit_once(' ').is_some_and(|(_, value)| value.parse::<f64>().is_ok()), "{line}");
    }
    // As many lines as series, and no series twice.
    let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let distinct: std::collections::BTreeSet<&str> =
        samples.iter().filter_map(|line| line.rsplit_once(' ')).map(|(key, _)| key).collect();
    assert_eq!(samples.len(), distinct.len());
}

#[test]
fn threads_that_register_at_once_while_others_read() {
    let registry = Registry::beside(&[], Limits::default().series_of_a_family(50));
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let registry = &registry;
            scope.spawn(move || {
                with_local_recorder(registry, || {
                    for number in 0..2_000_u64 {
                        let value = (number * 7 + thread) % 200;
                        counter!("events", "kind" => value.to_string()).increment(1);
                    }
                });
            });
        }
        scope.spawn(|| {
            let mut before = 0;
            for _ in 0..50 {
                let now = total(&registry.snapshot(), "events_total");
                assert!(now >= before, "totals never fall");
                before = now;
            }
        });
    });
    let snapshot = registry.snapshot();
    assert_eq!(total(&snapshot, "events_total"), 8_000);
    assert_eq!(series(&snapshot), 51);
}

/// Every route, to the end: each recording arrives once, and no value makes a line of its own.
#[test]
fn two_thousand_families_with_hostile_values() {
    const FAMILIES: usize = 2_000;
    let long = "x".repeat(10_000);
    let values = ["a\nb 1", "q\"} 2", "\\", "\u{0}\u{fffd}\u{1f980}", "|c|#,:@", &long];
    let registry =
        Registry::beside(&[], Limits::default().families(FAMILIES).series(FAMILIES * values.len()));
    with_local_recorder(&registry, || {
        for family in 0..FAMILIES {
            for value in values {
                counter!(format!("family_{family}"), "value" => value.to_owned()).increment(1);
            }
        }
    });
    let snapshot = registry.snapshot();
    let expected = FAMILIES * values.len();
    let delta = snapshot.delta_since(&Snapshot::new());
    for dialect in [Dialect::Plain, Dialect::DogStatsD] {
        let mut receiver = receiver::Receiver::default();
        for packet in Encoder::new(dialect).packets(&delta) {
            receiver.receive(packet.bytes());
        }
        assert_eq!(receiver.bad, [""; 0]);
        assert_eq!(receiver.counters.len(), expected);
        assert!(receiver.counters.values().all(|value| (value - 1.0).abs() < f64::EPSILON));
    }
    #[cfg(feature = "text")]
    for text in
        [vsr_metrics::encode::prometheus_text(&snapshot), vsr_metrics::encode::openmetrics_text(&snapshot)]
    {
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines.len(), expected);
        assert!(lines.iter().all(|line| line.starts_with("family_") && line.ends_with("\"} 1")));
    }
    #[cfg(feature = "otel")]
    {
        let now = std::time::SystemTime::now();
        let bytes = vsr_metrics::encode::otlp::totals(&snapshot, now, now);
        let name = b"family_1999_total";
        assert_eq!(
            bytes.windows(name.len()).filter(|bytes| bytes == name).count(),
            1 + 1,
            "family and scope"
        );
    }
}

#[test]
fn installed_for_the_whole_process_once() {
    let registry = Registry::new();
    assert!(registry.install().is_ok());
    std::thread::spawn(|| counter!("from_another_thread").increment(1)).join().expect("it ends");
    assert_eq!(total(&registry.snapshot(), "from_another_thread_total"), 1);
    assert!(Registry::new().install().is_err(), "there is one");
}

/// A backend of somebody else: it keeps what it is given.
#[derive(Clone, Default)]
struct Backend(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

impl Backend {
    fn keep(&self, key: &Key, kind: &str) -> Arc<Handle> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{kind} {}{{{}}}", key.name(), labels.join(","));
        let all = Arc::clone(&self.0);
        all.lock().expect("no panic").entry(name.clone()).or_default();
        Handle::new(move |value, count| {
            let mut all = all.lock().expect("no panic");
            all.get_mut(&name).expect("registered").extend(std::iter::repeat_n(value, count));
        })
    }

    fn of(&self, name: &str) -> Vec<f64> {
        self.0.lock().expect("no panic").get(name).cloned().unwrap_or_default()
    }
}

impl Recorder for Backend {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, help: SharedString) {
        self.0.lock().expect("no panic").insert(format!("help {} {help}", key.as_str()), Vec::new());
    }

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, _: SharedString) {
        self.0.lock().expect("no panic").insert(format!("unit {} {unit:?}", key.as_str()), Vec::new());
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        metrics::Counter::from_arc(self.keep(key, "counter"))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        metrics::Gauge::from_arc(self.keep(key, "gauge"))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        metrics::Histogram::from_arc(self.keep(key, "histogram"))
    }
}

#[test]
fn any_recorder_receives_a_catalogs_families() {
    let (node, backend, mut bridge) = (Node::new(2), Backend::default(), Bridge::new());
    node.cells.add(EVENTS + 1, 5);
    node.gauges.set(QUEUE, 7);
    node.gauges.set_i64(OFFSET, -3);
    for value in [250_000, 250_000, 2_000_000] {
        node.cells.observe(LATENCY, &LATENCY_BOUNDS, value);
    }
    bridge.push(node.snapshot(), &backend);
    node.cells.add(EVENTS + 1, 2);
    node.cells.observe(LATENCY, &LATENCY_BOUNDS, 750_000);
    bridge.push(node.snapshot(), &backend);
    let events = "counter test_events_total{node=2,kind=read,status=failed}";
    assert_eq!(backend.of(events), [5.0, 2.0], "increments, not totals");
    assert_eq!(backend.of("gauge test_queue{node=2}"), [7.0, 7.0]);
    assert_eq!(backend.of("gauge test_offset_ms{node=2}"), [-3.0, -3.0]);
    assert_eq!(backend.of("histogram test_latency_ms{node=2}"), [0.25, 0.25, 2.0, 0.75]);
    let known = backend.0.lock().expect("no panic");
    assert!(known.contains_key("help test_events_total Something that happened."));
    assert!(known.contains_key("unit test_latency_ms Some(Milliseconds)"));
}
