//! Lines of StatsD, judged by a model of its receiver.

mod catalog;
#[path = "../examples/exposition/random.rs"]
mod random;
mod receiver;
mod unescape;

use catalog::{EVENTS, LATENCY, LATENCY_BOUNDS, Node, OFFSET, PEER_BYTES, QUEUE, SHARE};
use receiver::Receiver;
use unescape::unescape;
use vsr_metrics::descriptor::{GaugeKind, Instrument};
use vsr_metrics::encode::statsd::{Dialect, Encoder, Histograms, Increments, Packets, RESERVED};
use vsr_metrics::snapshot::Value;
use vsr_metrics::storage::{Gauges, Sharded};
use vsr_metrics::{Snapshot, Source};

const BOTH: [Dialect; 2] = [Dialect::Plain, Dialect::DogStatsD];

fn lines(encoder: &Encoder, source: &impl Source) -> Vec<String> {
    encoder.lines(&source.snapshot().delta_since(&Snapshot::new()))
}

fn receive(receiver: &mut Receiver, packets: Packets) {
    for packet in packets {
        receiver.receive(packet.bytes());
    }
}

#[test]
fn both_dialects_line_by_line() {
    let node = Node::new(3);
    node.cells.add(EVENTS + 1, 5);
    node.cells.add(PEER_BYTES + 2, 1024);
    for value in [250_000, 250_000, 700_000, 2_000_000] {
        node.cells.observe(LATENCY, &LATENCY_BOUNDS, value);
    }
    node.gauges.set(QUEUE, 7);
    node.gauges.set_i64(OFFSET, -5);
    node.gauges.set_f64(SHARE, 0.25);
    let plain = Encoder::new(Dialect::Plain).prefix("shop.").and_then(|encoder| encoder.tag("env", "test"));
    assert_eq!(
        lines(&plain.expect("short"), &node),
        [
            "shop.test_events_total.env.test.node.3.kind.read.status.failed:5|c",
            "shop.test_peer_bytes_total.env.test.node.3.peer.7:1024|c",
            "shop.test_latency_ms.env.test.node.3:0.25|ms|@0.5",
            "shop.test_latency_ms.env.test.node.3:0.75|ms",
            "shop.test_latency_ms.env.test.node.3:1.95|ms",
            "shop.test_latency_ms_sum.env.test.node.3:3.2|c",
            "shop.test_queue.env.test.node.3:7|g",
            "shop.test_offset_ms.env.test.node.3:0|g\nshop.test_offset_ms.env.test.node.3:-5|g",
            "shop.test_share.env.test.node.3:0.25|g",
        ]
    );
    let datadog = Encoder::new(Dialect::DogStatsD).tag("env", "test").expect("short");
    assert_eq!(
        lines(&datadog, &node),
        [
            "test_events_total:5|c|#env:test,node:3,kind:read,status:failed",
            "test_peer_bytes_total:1024|c|#env:test,node:3,peer:7",
            "test_latency_ms_bucket:2|c|#env:test,node:3,le:0.5",
            "test_latency_ms_bucket:3|c|#env:test,node:3,le:1",
            "test_latency_ms_bucket:4|c|#env:test,node:3,le:inf",
            "test_latency_ms_sum:3.2|c|#env:test,node:3",
            "test_latency_ms_count:4|c|#env:test,node:3",
            "test_queue:7|g|#env:test,node:3",
            "test_offset_ms:-5|g|#env:test,node:3",
            "test_share:0.25|g|#env:test,node:3",
        ]
    );
    let sampled = datadog.histograms(Histograms::Sampled);
    assert_eq!(
        lines(&sampled, &node)[2..5],
        [
            "test_latency_ms:0.75:1.95|d|#env:test,node:3",
            "test_latency_ms:0.25|d|@0.5|#env:test,node:3",
            "test_latency_ms_sum:3.2|c|#env:test,node:3",
        ]
    );
}

#[test]
fn the_instance_stands_behind_the_tags_and_nowhere_else() {
    use vsr_metrics::health::{Exporter, Metrics};

    let own = Metrics::new();
    own.increment_export_retries(Exporter::Statsd);
    let node = Node::new(3);
    node.cells.add(EVENTS, 1);
    for (dialect, expected) in [
        (
            Dialect::Plain,
            [
                "vsr_metrics_export_retries_total.env.test.instance.db-3a1.exporter.statsd:1|c",
                "test_events_total.env.test.node.3.kind.read.status.ok:1|c",
            ],
        ),
        (
            Dialect::DogStatsD,
            [
                "vsr_metrics_export_retries_total:1|c|#env:test,instance:db.1,exporter:statsd",
                "test_events_total:1|c|#env:test,node:3,kind:read,status:ok",
            ],
        ),
    ] {
        let name = if dialect == Dialect::Plain { "db:1" } else { "db.1" };
        let encoder = Encoder::new(dialect).tag("env", "test").and_then(|encoder| encoder.instance(name));
        assert_eq!(lines(&encoder.expect("short"), &(&own, &node)), expected);
    }
    let long = Encoder::new(Dialect::Plain).instance(&"x".repeat(RESERVED));
    assert!(long.is_err(), "a line would not fit its datagram");
}

#[test]
fn counters_sent_as_totals() {
    for dialect in BOTH {
        let node = Node::new(1);
        let mut increments = Increments::new(Encoder::new(dialect));
        let mut receiver = Receiver::default();
        for round in 0..20 {
            // Rounds without any, too.
            node.cells.add(EVENTS, round % 3);
            for line in increments.lines(node.snapshot()) {
                receiver.receive(line.as_bytes());
            }
        }
        assert_eq!(receiver.counters.values().copied().collect::<Vec<_>>(), [19.0]);
        assert!(increments.lines(node.snapshot()).is_empty(), "nothing happened since");
    }
}

#[test]
fn the_process_begins_anew() {
    let mut receiver = Receiver::default();
    let encoder = Encoder::new(Dialect::Plain);
    let mut before = Snapshot::new();
    for first_count in [100, 7] {
        // A new process knows nothing of the old one, and an emitter that outlives it sees the counter fall.
        let node = Node::new(1);
        for step in [first_count, 3] {
            node.cells.add(EVENTS, step);
            let now = node.snapshot();
            receive(&mut receiver, encoder.packets(&now.delta_since(&before)));
            before = now;
        }
    }
    assert_eq!(receiver.counters.values().copied().reduce(|a, b| a + b), Some(113.0));
    assert_eq!(receiver.bad, [""; 0], "no negative counter");
}

#[test]
fn a_gauge_below_zero_is_taken_for_a_step() {
    for dialect in BOTH {
        let node = Node::new(1);
        let mut receiver = Receiver::default();
        for offset in [3, -5, -7, 0, -1, i64::MIN, 12] {
            node.gauges.set_i64(OFFSET, offset);
            node.gauges.set_f64(SHARE, -0.0);
            receive(
                &mut receiver,
                Encoder::new(dialect).packets(&node.snapshot().delta_since(&Snapshot::new())),
            );
            let expected: f64 = offset.to_string().parse().expect("a number");
            let gauge = |name: &str| {
                receiver.gauges.iter().find(|(key, _)| key.starts_with(name)).map(|(_, value)| *value)
            };
            assert_eq!(gauge("test_offset_ms"), Some(expected), "{dialect:?}");
            assert_eq!(gauge("test_share"), Some(0.0));
        }
        assert_eq!(receiver.bad, [""; 0]);
    }
}

#[test]
fn a_gauge_below_zero_stays_in_one_datagram() {
    // Every filling of a datagram, up to where the two lines do not fit any more.
    for padding in 0..RESERVED - 1 {
        let node = Node::new(1);
        node.cells.add(EVENTS, 1);
        node.gauges.set_i64(OFFSET, -5);
        let encoder = Encoder::new(Dialect::Plain).prefix(&"p".repeat(padding)).expect("not too long");
        for packet in encoder.packet_size(512).packets(&node.snapshot().delta_since(&Snapshot::new())) {
            let text = std::str::from_utf8(packet.bytes()).expect("ASCII");
            assert_eq!(text.contains(":0|g"), text.contains(":-5|g"), "{text}");
        }
    }
}

#[test]
fn a_histogram_as_one_average() {
    let histograms = [(Dialect::Plain, Histograms::Sampled), (Dialect::DogStatsD, Histograms::Sampled)];
    for (dialect, histograms) in histograms {
        let node = Node::new(1);
        let values: Vec<u64> = (0..1_000).map(|number| number * number % 1_700_000).collect();
        for value in &values {
            node.cells.observe(LATENCY, &LATENCY_BOUNDS, *value);
        }
        let mut receiver = Receiver::default();
        let encoder = Encoder::new(dialect).histograms(histograms);
        receive(&mut receiver, encoder.packets(&node.snapshot().delta_since(&Snapshot::new())));
        let mut buckets = [0.0; 3];
        let (mut sum, mut count) = (0.0, 0.0);
        for (value, weight) in receiver.timers.values().flatten() {
            buckets[[0.5, 1.0].iter().filter(|bound| value > bound).count()] += weight;
            sum += value * weight;
            count += weight;
        }
        let exact = node.snapshot();
        let series = exact.family("test_latency_ms").and_then(|f| f.series().next()).expect("one");
        let Value::Histogram(truth) = series.value() else { panic!("a histogram") };
        for (bucket, expected) in buckets.iter().zip(truth.buckets()) {
            assert!((bucket - f64::from(u32::try_from(*expected).expect("small"))).abs() < 1e-9);
        }
        assert!((count - 1_000.0).abs() < 1e-9);
        // Each value is a whole nanosecond.
        assert!((sum - truth.sum().as_f64()).abs() <= count * 1e-6, "the mean is right: {sum}");
        let sums: Vec<f64> =
            receiver.counters.iter().filter(|(k, _)| k.contains("_sum")).map(|(_, v)| *v).collect();
        assert_eq!(sums, [truth.sum().as_f64()]);
    }
}

#[test]
fn floats_have_no_exponent_and_nan_is_no_value() {
    let extremes = [f64::MAX, f64::MIN, 5e-324, -5e-324, 1e300, -1e-300, 1e21, 123.456, -0.0];
    let mut bits = 11_u64;
    let random = (0..2_000).map(|_| {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from_bits(bits ^ (bits >> 29))
    });
    let values: Vec<f64> = extremes.into_iter().chain(random).filter(|value| !value.is_nan()).collect();
    for dialect in BOTH {
        let node = Node::new(1);
        for value in values.iter().copied() {
            node.gauges.set_f64(SHARE, value);
            let mut receiver = Receiver::default();
            let packets = Encoder::new(dialect).packets(&node.snapshot().delta_since(&Snapshot::new()));
            let dropped = packets.dropped();
            receive(&mut receiver, packets);
            assert_eq!(receiver.bad, [""; 0], "{value:e}");
            let arrived = receiver.gauges.values().next().copied();
            assert_eq!((arrived, dropped), if value.is_finite() { (Some(value), 0) } else { (None, 1) });
        }
    }
}

/// A tag whose name or value is empty would be one that no receiver reads.
#[test]
fn a_tag_of_nothing_is_none() {
    let node = Node::new(1);
    node.cells.add(EVENTS, 1);
    let delta = node.snapshot().delta_since(&Snapshot::new());
    for dialect in BOTH {
        let lines = |tags: &[(&str, &str)]| {
            let tagged = tags
                .iter()
                .try_fold(Encoder::new(dialect), |encoder, (name, value)| encoder.tag(name, value));
            tagged.expect("short enough").lines(&delta)
        };
        let expected = lines(&[("env", "test")]);
        assert_eq!(lines(&[("", "x"), ("env", "test"), ("zone", ""), ("", "")]), expected);
        let mut receiver = Receiver::default();
        for line in lines(&[("", "x")]) {
            receiver.receive(line.trim_end().as_bytes());
        }
        assert_eq!(receiver.bad, [""; 0]);
    }
}

/// Everything in any catalog arrives, whatever characters its label values have, and no two series become one.
#[test]
fn names_and_tags_cannot_be_injected() {
    for seed in 0..40 {
        let mut numbers = random::Numbers::new(seed);
        let catalog = random::catalog(&mut numbers);
        let (cells, gauges) = (Sharded::<65_536>::new(), Gauges::<4_096>::new());
        let mut series = 0;
        for family in catalog.families {
            for index in 0..family.series() {
                let first = family.first + index * family.cells_per_series();
                match &family.instrument {
                    Instrument::Counter => cells.add(first, numbers.next() % 1_000_000 + 1),
                    Instrument::Gauge(GaugeKind::F64) => gauges.set_f64(first, 0.5),
                    Instrument::Gauge(_) => gauges.set(first, numbers.next()),
                    Instrument::Histogram { bounds, grid, .. } => {
                        cells.observe_slice(first, bounds, *grid, 5);
                    }
                }
                series += 1;
            }
        }
        let mut snapshot = Snapshot::new();
        snapshot.record_instance(catalog, &[Some(0)], &cells, &gauges);
        for dialect in BOTH {
            let encoder = Encoder::new(dialect).histograms(Histograms::Sampled);
            let mut receiver = Receiver::default();
            let packets = encoder.packets(&snapshot.delta_since(&Snapshot::new()));
            assert_eq!(packets.dropped(), 0);
            receive(&mut receiver, packets);
            assert_eq!(receiver.bad, [""; 0]);
            let counters = receiver.counters.keys().filter(|key| !key.contains("_sum")).count();
            assert_eq!(counters + receiver.gauges.len() + receiver.timers.len(), series, "{dialect:?}");
        }
    }
}

#[test]
fn a_label_value_can_be_read_back() {
    for value in ["a,b", "x|c\nevil:1|c", "#", ":", "us-east-1", "-2d", "--be", "ß", "", " ", "a.b/c"] {
        let encoder = Encoder::new(Dialect::DogStatsD).tag("tag", value).expect("short");
        let node = Node::new(1);
        node.cells.add(EVENTS, 1);
        let mut receiver = Receiver::default();
        for line in lines(&encoder, &node) {
            receiver.receive(line.as_bytes());
        }
        assert_eq!(receiver.bad, [""; 0], "{value}");
        let key = receiver.counters.keys().next().expect("one counter");
        let found = key.split(',').find_map(|tag| tag.strip_prefix("tag:")).map(unescape);
        // A tag without a value is none.
        assert_eq!(found.unwrap_or_default(), value);
    }
}

#[test]
fn a_prefix_that_leaves_no_room_is_refused() {
    let refused = Encoder::new(Dialect::Plain).prefix(&"p".repeat(RESERVED + 1)).expect_err("too long");
    assert_eq!(refused.to_string(), "prefix and tags take 513 bytes, expected at most 512");
    assert!(Encoder::new(Dialect::Plain).prefix(&"p".repeat(RESERVED)).is_ok());
    assert!(
        Encoder::new(Dialect::DogStatsD).tag("a", &"|".repeat(RESERVED / 3 + 1)).is_err(),
        "as it is escaped"
    );
}

#[cfg(feature = "vsr")]
mod whole_catalog {
    use super::*;
    use vsr_metrics::Metrics;
    use vsr_metrics::encode::statsd::{PACKET_SIZE, longest};

    /// The whole catalog of this project, every series hit in every bucket.
    fn whole_catalog(float: f64, integer: u64) -> Snapshot {
        let (cells, gauges) = (Sharded::<65_536>::new(), Gauges::<4_096>::new());
        for family in Metrics::CATALOG.families {
            for index in 0..family.series() {
                let first = family.first + index * family.cells_per_series();
                match &family.instrument {
                    Instrument::Counter => cells.add(first, integer),
                    Instrument::Gauge(GaugeKind::F64) => gauges.set_f64(first, float),
                    Instrument::Gauge(_) => gauges.set(first, integer),
                    Instrument::Histogram { bounds, grid, .. } => {
                        for bound in *bounds {
                            cells.observe_slice(first, bounds, *grid, *bound);
                        }
                        cells.observe_slice(first, bounds, *grid, u64::MAX >> 8);
                    }
                }
            }
        }
        let mut snapshot = Snapshot::new();
        snapshot.record_instance(Metrics::CATALOG, &[Some(254)], &cells, &gauges);
        snapshot
    }

    #[test]
    fn datagrams_of_the_whole_catalog() {
        let snapshot = whole_catalog(-123.456_789, 1_000_000);
        for dialect in BOTH {
            for histograms in [Histograms::Sampled, Histograms::Buckets] {
                let encoder = Encoder::new(dialect).histograms(histograms);
                let mut receiver = Receiver::default();
                receive(&mut receiver, encoder.packets(&snapshot.delta_since(&Snapshot::new())));
                println!(
                    "{dialect:?} {histograms:?}: {} of {} bytes at most",
                    receiver.datagrams, receiver.longest
                );
                assert_eq!(receiver.bad, [""; 0]);
                assert!(receiver.longest <= PACKET_SIZE);
                assert!(receiver.datagrams <= 40, "{}", receiver.datagrams);
            }
        }
    }

    /// What is known when compiling is true of the longest numbers.
    #[test]
    fn no_line_is_longer_than_the_compiler_was_told() {
        let bound = longest(Metrics::CATALOG);
        for (float, integer) in [(-f64::from_bits(1), u64::MAX), (f64::MIN, i64::MIN.cast_unsigned())] {
            let delta = whole_catalog(float, integer).delta_since(&Snapshot::new());
            for dialect in BOTH {
                for histograms in [Histograms::Sampled, Histograms::Buckets] {
                    let lines = Encoder::new(dialect).histograms(histograms).lines(&delta);
                    let longest = lines.iter().map(String::len).max().unwrap_or(0);
                    assert!(longest <= bound, "{longest} of {bound}");
                    // And not by much: a bound that holds for anything would prove nothing.
                    assert!(dialect == Dialect::DogStatsD || longest + 64 > bound, "{longest} of {bound}");
                }
            }
        }
    }
}
