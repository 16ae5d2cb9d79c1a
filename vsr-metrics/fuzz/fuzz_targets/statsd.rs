//! Whatever names, labels and numbers are, lines of StatsD are lines: a model of the receiver understands each of them,
//! none is longer than it may be, and every increment arrives.
//!
//! `cargo +nightly fuzz run statsd -- -detect_leaks=0 -rss_limit_mb=6000`: what the bridge interns is never freed.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder as _};
use vsr_metrics::encode::statsd::{Dialect, Encoder, Histograms};
use vsr_metrics::facade::Registry;
use vsr_metrics::snapshot::Value;
use vsr_metrics::{Snapshot, Source as _};

#[path = "../../tests/receiver/mod.rs"]
mod receiver;

#[derive(Arbitrary, Debug)]
struct Input {
    prefix: String,
    tags: Vec<(String, String)>,
    is_plain: bool,
    in_buckets: bool,
    packet_size: u16,
    recordings: Vec<Recording>,
}

#[derive(Arbitrary, Debug)]
struct Recording {
    name: String,
    labels: Vec<(String, String)>,
    value: Recorded,
}

#[derive(Arbitrary, Debug)]
enum Recorded {
    Counter(u32),
    Gauge(f64),
    Histogram(f64),
}

fuzz_target!(|input: Input| {
    let registry = Registry::new();
    let metadata = Metadata::new("fuzz", Level::INFO, None);
    for Recording { name, labels, value } in &input.recordings {
        let labels: Vec<Label> =
            labels.iter().map(|(name, value)| Label::new(name.clone(), value.clone())).collect();
        let key = Key::from_parts(KeyName::from(name.clone()), labels);
        match value {
            Recorded::Counter(more) => registry.register_counter(&key, &metadata).increment((*more).into()),
            Recorded::Gauge(value) => registry.register_gauge(&key, &metadata).set(*value),
            Recorded::Histogram(value) => registry.register_histogram(&key, &metadata).record(*value),
        }
    }
    let dialect = if input.is_plain { Dialect::Plain } else { Dialect::DogStatsD };
    let encoder = Encoder::new(dialect).packet_size(input.packet_size.into());
    let encoder = if input.in_buckets { encoder.histograms(Histograms::Buckets) } else { encoder };
    let Ok(mut encoder) = encoder.prefix(&input.prefix) else { return };
    for (name, value) in &input.tags {
        encoder = match encoder.tag(name, value) {
            Ok(encoder) => encoder,
            Err(_) => return,
        };
    }
    let delta = registry.snapshot().delta_since(&Snapshot::new());
    let mut model = receiver::Receiver::default();
    let packets = encoder.packets(&delta);
    // A prefix and tags of the longest that are allowed leave a line no room in the smallest of datagrams.
    let is_dropped = packets.dropped() > 0;
    for packet in packets {
        model.receive(packet.bytes());
    }
    assert!(model.bad.is_empty(), "{:?}", model.bad);
    assert!(model.longest <= usize::from(input.packet_size).clamp(512, 8932), "{}", model.longest);
    if is_dropped
        || input.recordings.iter().any(|recording| matches!(recording.value, Recorded::Histogram(_)))
    {
        // Their sums and buckets are counters, too.
        return;
    }
    let counted = |value| if let Value::Counter(amount) = value { amount.as_f64() } else { 0.0 };
    let series = delta
        .families()
        .flat_map(|family| family.series().map(|series| counted(series.value())).collect::<Vec<_>>());
    let (sent, arrived): (f64, f64) = (series.sum(), model.counters.values().sum());
    assert!((sent - arrived).abs() < 1e-6 * sent.max(1.0), "{arrived} of {sent}");
});
