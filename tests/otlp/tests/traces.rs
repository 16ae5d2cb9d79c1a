//! Traces: what is sampled arrives, with identities that replicas agree on; what is not costs nothing and is not there.
//!
//! One test, because spans wait in one list for the whole process.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::trace::v1::Span;
use otlp_tests::http::{Receiver, answer, ok};
use otlp_tests::{PATIENCE, config};
use vsr_metrics::export::otlp::TraceExporter;
use vsr_metrics::trace::{Trace, set_sampling};

static OPERATION: Trace = Trace::sampled("operation");
static VIEW_CHANGE: Trace = Trace::rare("view_change");

#[test]
fn what_is_sampled_arrives_and_nothing_else() {
    let collector = Receiver::start(|number, _| if number == 0 { answer(503) } else { ok() });
    let config = config(&collector.url());
    let exporter = TraceExporter::start(&config).expect("the configuration works");

    // Off, as it is from the start.
    OPERATION.end(10, Duration::from_millis(2), &[]);
    VIEW_CHANGE.end(1, Duration::from_millis(2), &[]);
    exporter.flush(PATIENCE).expect("there is nothing to send");

    set_sampling(10);
    for number in 1..=30 {
        OPERATION.phase("prepare", number, Duration::from_millis(1), &[("replica", 0)]);
        OPERATION.end(number, Duration::from_millis(2), &[("replica", 0), ("bytes", 7)]);
    }
    // Another replica's word about the same operation, and something that is rare.
    OPERATION.phase("prepare", 20, Duration::from_millis(1), &[("replica", 1)]);
    VIEW_CHANGE.end(3, Duration::from_secs(1), &[]);
    exporter.flush(PATIENCE).expect("the second attempt is taken");
    let received = collector.received();
    assert_eq!(received.len(), 2);
    assert!(received.iter().all(|received| received.line == "POST /v1/traces HTTP/1.1"));
    assert_eq!(received[0].body, received[1].body, "what was refused for now is told again");
    let spans = received[1].spans();
    assert_eq!(spans.len(), 3 * 2 + 1 + 1);

    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|span| span.name == name).collect() };
    let (wholes, phases) = (named("operation"), named("prepare"));
    assert_eq!((wholes.len(), phases.len(), named("view_change").len()), (3, 4, 1));
    for whole in &wholes {
        assert!(whole.parent_span_id.is_empty());
        assert_eq!(whole.end_time_unix_nano - whole.start_time_unix_nano, 2_000_000);
        let own: Vec<_> = phases.iter().filter(|phase| phase.trace_id == whole.trace_id).collect();
        assert!(!own.is_empty() && own.iter().all(|phase| phase.parent_span_id == whole.span_id));
    }
    let mut identities: Vec<_> = spans.iter().map(|span| &span.span_id).collect();
    identities.sort_unstable();
    identities.dedup();
    assert_eq!(identities.len(), spans.len(), "two replicas' phases are two spans");
    assert!(spans.iter().all(|span| span.trace_id.len() == 16 && span.span_id.len() == 8));

    // Of several phases that are told at once, each has its place.
    let second = Duration::from_secs(1);
    let start = SystemTime::UNIX_EPOCH + 1_700_000_000 * second;
    OPERATION.past_phase("prepare", 40, start, second, &[]);
    OPERATION.past_phase("quorum", 40, start + second, 2 * second, &[]);
    OPERATION.past_end(40, start, 3 * second, &[]);
    OPERATION.past_end(41, start, second, &[]);
    exporter.flush(PATIENCE).expect("it is taken");
    let spans = collector.received()[2].spans();
    let times = |span: &Span| (span.name.clone(), span.start_time_unix_nano, span.end_time_unix_nano);
    let at = |seconds: u64| (1_700_000_000 + seconds) * 1_000_000_000;
    assert_eq!(
        spans.iter().map(times).collect::<Vec<_>>(),
        [
            ("prepare".to_owned(), at(0), at(1)),
            ("quorum".to_owned(), at(1), at(3)),
            ("operation".to_owned(), at(0), at(3)),
        ]
    );

    assert!(OPERATION.is_traced(50) && !OPERATION.is_traced(51));
    set_sampling(0);
    OPERATION.end(10, Duration::from_millis(2), &[]);
    VIEW_CHANGE.past_end(1, start, second, &[]);
    assert!(!OPERATION.is_traced(50) && !VIEW_CHANGE.is_traced(50));
    exporter.flush(PATIENCE).expect("there is nothing to send");
    assert_eq!(collector.count(), 3);
}
