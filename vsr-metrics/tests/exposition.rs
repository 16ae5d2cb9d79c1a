//! The text formats, byte by byte, and that a scrape allocates nothing once it has been laid out.

mod catalog;
mod counting;

use catalog::{EVENTS, LATENCY, LATENCY_BOUNDS, LEADER, Node, OFFSET, PEER_BYTES, QUEUE, SHARE};
use counting::so_far;
use vsr_metrics::encode::{Encoder, Format, openmetrics_text, prometheus_text};
use vsr_metrics::{Snapshot, Source};

fn recorded(number: u32) -> Node {
    let node = Node::new(number);
    node.cells.add(EVENTS, (1 << 53) + u64::from(number));
    node.cells.add(EVENTS + 3, u64::MAX);
    node.cells.add(PEER_BYTES + 1, 1_024);
    for value in [0, 500_000, 500_001, 1_000_000, 1_000_001] {
        node.cells.observe(LATENCY, &LATENCY_BOUNDS, value);
    }
    node.gauges.set(QUEUE, 7);
    node.gauges.set_i64(OFFSET, i64::MIN);
    node.gauges.set_f64(SHARE, f64::NEG_INFINITY);
    node.gauges.set(LEADER, 1);
    node
}

#[test]
fn nothing_at_all() {
    assert_eq!(prometheus_text(&Snapshot::new()), "");
    assert_eq!(openmetrics_text(&Snapshot::new()), "# EOF\n");
}

#[test]
fn fresh() {
    let snapshot = Node::new(1).snapshot();
    insta::assert_snapshot!("fresh-prometheus", prometheus_text(&snapshot));
    insta::assert_snapshot!("fresh-openmetrics", openmetrics_text(&snapshot));
}

#[test]
fn recorded_once() {
    let snapshot = recorded(1).snapshot();
    insta::assert_snapshot!("recorded-prometheus", prometheus_text(&snapshot));
    insta::assert_snapshot!("recorded-openmetrics", openmetrics_text(&snapshot));
}

#[test]
fn joined_over_three_instances() {
    let snapshot = vec![recorded(1), Node::new(2), recorded(3)].snapshot();
    insta::assert_snapshot!("joined-prometheus", prometheus_text(&snapshot));
    insta::assert_snapshot!("joined-openmetrics", openmetrics_text(&snapshot));
}

#[test]
fn instances_that_cannot_be_told_apart_become_one() {
    let text = prometheus_text(&vec![recorded(1), recorded(1)].snapshot());
    assert_eq!(text.matches("test_latency_ms_count{node=\"1\"} 10\n").count(), 1);
    assert_eq!(text.matches("test_latency_ms_count").count(), 1);
    assert!(!text.contains("test_leader{"), "no rule says whose value it would be");
}

#[test]
fn one_encoder_over_changing_instances() {
    let mut encoder = Encoder::new(Format::Prometheus);
    for count in [1, 3, 2, 2, 1] {
        let snapshot = (1..=count).map(recorded).collect::<Vec<_>>().snapshot();
        let mut body = Vec::new();
        encoder.encode(&snapshot, &mut body);
        assert_eq!(String::from_utf8(body).expect("text"), prometheus_text(&snapshot));
    }
}

#[test]
fn a_scrape_allocates_nothing_after_the_first() {
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let nodes: Vec<Node> = (1..=3).map(recorded).collect();
        let mut encoder = Encoder::new(format);
        let (mut snapshot, mut body, mut first) = (Snapshot::new(), Vec::new(), Vec::new());
        for scrape in 0..100 {
            let before = so_far();
            snapshot.clear();
            nodes.collect(&mut snapshot);
            body.clear();
            encoder.encode(&snapshot, &mut body);
            let allocated = so_far() - before;
            if scrape == 0 {
                assert!(allocated > 0, "the count is at work");
                first.clone_from(&body);
            } else {
                assert_eq!(allocated, 0, "{format:?}, scrape {scrape}");
            }
            assert_eq!(body, first, "the order is always the same");
        }
    }
}
