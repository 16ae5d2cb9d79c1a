//! What a snapshot says: labels, absence, joining, aggregating, increments.

mod catalog;

use std::sync::atomic::Ordering;

use catalog::{EVENTS, LATENCY, LATENCY_BOUNDS, LEADER, Node, OFFSET, PEER_BYTES, QUEUE, SHARE};
use vsr_metrics::snapshot::{Amount, Family, Number, Value};
use vsr_metrics::{Snapshot, Source};

/// Every series of a family as `label=value,… number`.
fn lines(family: &Family<'_>) -> Vec<String> {
    let line = |series: vsr_metrics::snapshot::Series<'_>| {
        let labels: Vec<_> = series.labels().map(|(name, value)| format!("{name}={value}")).collect();
        let value = match series.value() {
            Value::Counter(amount) => amount.to_string(),
            Value::Gauge(Number::U64(value)) => value.to_string(),
            Value::Gauge(Number::I64(value)) => value.to_string(),
            Value::Gauge(Number::F64(value)) => value.to_string(),
            Value::Histogram(histogram) => format!("{:?} {}", histogram.buckets(), histogram.sum()),
        };
        format!("{} {value}", labels.join(","))
    };
    family.series().map(line).collect()
}

fn of(snapshot: &Snapshot, name: &str) -> Vec<String> {
    lines(&snapshot.family(name).expect("in the catalog"))
}

fn cluster() -> (Node, Node) {
    let (first, second) = (Node::new(1), Node::new(2));
    first.cells.add(EVENTS + 1, 5);
    second.cells.add(EVENTS + 1, 7);
    second.cells.add(PEER_BYTES + 2, 100);
    first.cells.observe(LATENCY, &LATENCY_BOUNDS, 500_000);
    second.cells.observe(LATENCY, &LATENCY_BOUNDS, 2_250_000);
    for (node, sign) in [(&first, 1), (&second, -1)] {
        node.gauges.add(QUEUE, 4);
        node.gauges.set_i64(OFFSET, 3 * sign);
        node.gauges.set(LEADER, 1);
    }
    first.gauges.set_f64(SHARE, 0.25);
    first.gauges.set_f64(SHARE, f64::NAN);
    (first, second)
}

#[test]
fn closed_names_are_there_from_the_start_and_the_rest_once_recorded() {
    let fresh = Node::new(1).snapshot();
    assert_eq!(
        of(&fresh, "test_events_total"),
        [
            "node=1,kind=read,status=ok 0",
            "node=1,kind=read,status=failed 0",
            "node=1,kind=write,status=ok 0",
            "node=1,kind=write,status=failed 0",
        ]
    );
    assert_eq!(of(&fresh, "test_latency_ms"), ["node=1 [0, 0, 0] 0"]);
    assert_eq!(of(&fresh, "test_queue"), [""; 0]);
    assert_eq!(of(&fresh, "test_peer_bytes_total"), [""; 0]);
}

#[test]
fn joined_snapshots_keep_every_instance_apart() {
    let (first, second) = cluster();
    let joined = first.snapshot().join(second.snapshot());
    assert_eq!(of(&joined, "test_latency_ms"), ["node=1 [1, 0, 0] 0.5", "node=2 [0, 0, 1] 2.25"]);
    assert_eq!(of(&joined, "test_peer_bytes_total"), ["node=2,peer=7 100"]);
    assert_eq!(of(&joined, "test_share"), ["node=1 0.25"]);
    let events = joined.family("test_events_total").expect("in the catalog");
    let found = events.find(&[("status", "failed"), ("node", "2"), ("kind", "read")]).expect("recorded");
    assert_eq!(found.value(), Value::Counter(Amount { stored: 7, scale: 1 }));
}

#[test]
fn aggregated_snapshots_follow_the_rule_of_each_family() {
    let (first, second) = cluster();
    let whole = first.snapshot().join(second.snapshot()).aggregate();
    assert_eq!(of(&whole, "test_events_total")[1], "kind=read,status=failed 12");
    assert_eq!(of(&whole, "test_latency_ms"), [" [1, 0, 1] 2.75"]);
    assert_eq!(of(&whole, "test_queue"), [" 8"]);
    assert_eq!(of(&whole, "test_offset_ms"), [" -3"]);
    assert_eq!(of(&whole, "test_share"), [" 0.25"]);
    assert_eq!(of(&whole, "test_leader"), [""; 0], "no single number would be true");
}

#[test]
fn a_delta_holds_increments_and_the_gauges_of_now() {
    let (first, second) = cluster();
    let earlier = first.snapshot();
    first.cells.add(EVENTS + 1, 2);
    first.gauges.sub(QUEUE, 9);
    let later = second.snapshot().join(first.snapshot());
    let delta = later.delta_since(&earlier);
    let events = lines(&delta.family("test_events_total").expect("in the catalog"));
    assert_eq!(events[1], "node=2,kind=read,status=failed 7", "unknown before, so all of it is new");
    assert_eq!(events[5], "node=1,kind=read,status=failed 2");
    assert_eq!(lines(&delta.family("test_latency_ms").expect("in the catalog"))[1], "node=1 [0, 0, 0] 0");
    assert_eq!(lines(&delta.family("test_queue").expect("in the catalog")), ["node=2 4", "node=1 0"]);
}

#[test]
fn a_counter_that_fell_began_anew() {
    let (first, _) = cluster();
    let restarted = Node::new(1);
    restarted.cells.add(EVENTS + 1, 3);
    let delta = restarted.snapshot().delta_since(&first.snapshot());
    assert_eq!(
        lines(&delta.family("test_events_total").expect("in the catalog"))[1],
        "node=1,kind=read,status=failed 3"
    );
}

#[test]
fn a_cleared_snapshot_is_filled_again() {
    let (first, second) = cluster();
    let mut snapshot = first.snapshot();
    snapshot.clear();
    assert_eq!(snapshot.families().count(), 0);
    snapshot = snapshot.join(second.snapshot());
    assert_eq!(of(&snapshot, "test_latency_ms"), ["node=2 [0, 0, 1] 2.25"]);
}

/// The process learns who it is between two snapshots: what it had counted before is no increment.
#[test]
fn an_instance_whose_label_was_fixed_in_between_is_not_counted_twice() {
    let node = Node::new(0);
    node.cells.add(EVENTS + 1, 5);
    let (other, _) = cluster();
    let earlier = node.snapshot().join(other.snapshot());
    node.number.store(7, Ordering::Relaxed);
    node.cells.add(EVENTS + 1, 2);
    let newcomer = Node::new(9);
    newcomer.cells.add(EVENTS + 1, 1);
    // The newcomer stands where the one without a name stood.
    let later = newcomer.snapshot().join(node.snapshot()).join(other.snapshot());
    let delta = later.delta_since(&earlier);
    let events = lines(&delta.family("test_events_total").expect("in the catalog"));
    let failed: Vec<_> = events.iter().filter(|line| line.contains("kind=read,status=failed")).collect();
    assert_eq!(
        failed,
        [
            "node=9,kind=read,status=failed 1",
            "node=7,kind=read,status=failed 2",
            "node=1,kind=read,status=failed 0"
        ]
    );
}

/// Instances without any labels fixed, in the same order: each is subtracted from itself.
#[test]
fn instances_that_cannot_be_told_apart_keep_their_places() {
    let (first, second) = (Node::new(1), Node::new(1));
    first.cells.add(EVENTS, 5);
    second.cells.add(EVENTS, 50);
    let earlier = first.snapshot().join(second.snapshot());
    second.cells.add(EVENTS, 1);
    let delta = first.snapshot().join(second.snapshot()).delta_since(&earlier);
    let events = lines(&delta.family("test_events_total").expect("in the catalog"));
    assert_eq!(
        (events[0].as_str(), events[4].as_str()),
        ("node=1,kind=read,status=ok 0", "node=1,kind=read,status=ok 1")
    );
}

/// No number is the sum of opposite infinities, and a NaN is never exported.
#[test]
fn opposite_infinities_have_no_sum() {
    let nodes = [Node::new(1), Node::new(2), Node::new(3)];
    for (node, share) in nodes.iter().zip([f64::INFINITY, f64::NEG_INFINITY, 1.0]) {
        node.gauges.set_f64(SHARE, share);
    }
    assert_eq!(of(&nodes.as_slice().snapshot().aggregate(), "test_share"), [""; 0]);
    nodes[1].gauges.set_f64(SHARE, 2.0);
    assert_eq!(of(&nodes.as_slice().snapshot().aggregate(), "test_share"), [" inf"]);
}

#[test]
fn gauges_that_are_withdrawn_are_not_exported_until_set_again() {
    let (first, _) = cluster();
    first.gauges.unset(QUEUE);
    assert_eq!(of(&first.snapshot(), "test_queue"), [""; 0]);
    assert_eq!(of(&first.snapshot(), "test_offset_ms"), ["node=1 3"], "only that one");
    first.gauges.set(QUEUE, 3);
    assert_eq!(of(&first.snapshot(), "test_queue"), ["node=1 3"]);
    first.gauges.unset_all();
    for gauge in ["test_queue", "test_offset_ms", "test_share", "test_leader"] {
        assert_eq!(of(&first.snapshot(), gauge), [""; 0], "{gauge}");
    }
    assert_eq!(of(&first.snapshot(), "test_latency_ms"), ["node=1 [1, 0, 0] 0.5"], "distributions stay");
}
