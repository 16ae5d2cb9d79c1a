//! What arrives, and how it is wrapped.

use std::sync::Arc;
use std::time::Duration;

use vsr_metrics::export::otlp::{Compression, Headers, Histograms};
use vsr_metrics::{OtelConfig, OtelExporter, Snapshot, Source, Status};

use super::receiver::{Receiver, answer, ok};
use super::{config, replica, started, until};

#[test]
fn values_arrive_as_they_were_recorded() {
    let collector = Receiver::start(|_, _| ok());
    let metrics = replica(3);
    metrics.add_operations(Status::Success, 41);
    metrics.increment_operations(Status::Success);
    metrics.record_prepare_latency(Duration::from_micros(700));
    metrics.record_prepare_latency(Duration::from_secs(7));
    metrics.set_view_number(12);
    let exporter = started(config(&collector.url()), metrics);
    exporter.export_metrics().expect("it is taken");

    let received = collector.received().remove(0);
    assert_eq!(received.total("vsr_operations_total"), 42);
    let latency = received.exponentials("vsr_prepare_latency_ms").remove(0);
    assert_eq!((latency.count, latency.sum, latency.scale), (2, Some(7_000.7), 4));
    // 0.7 is between 2^(-9/16) and 2^(-8/16), 7,000 between 2^(204/16) and 2^(205/16).
    let buckets = latency.positive.expect("there are buckets");
    assert_eq!((buckets.offset, buckets.bucket_counts.len()), (-9, 214));
    assert_eq!((buckets.bucket_counts[0], buckets.bucket_counts[213]), (1, 1));
    assert_eq!(received.numbers("vsr_view_number").len(), 1);
    assert_eq!(received.numbers("vsr_op_number"), [], "nobody set it");
    assert!(received.metric("vsr_metrics_exports_total").is_some(), "the exporter tells about itself");
}

#[test]
fn explicit_buckets_arrive_on_request() {
    let collector = Receiver::start(|_, _| ok());
    let metrics = replica(3);
    metrics.record_prepare_latency(Duration::from_micros(700));
    metrics.record_prepare_latency(Duration::from_secs(7));
    let config = OtelConfig { histograms: Histograms::Explicit, ..config(&collector.url()) };
    started(config, metrics).export_metrics().expect("it is taken");
    let latency = collector.received().remove(0).histograms("vsr_prepare_latency_ms").remove(0);
    assert_eq!((latency.count, latency.sum), (2, Some(7_000.7)));
    assert_eq!(latency.explicit_bounds, [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0]);
    assert_eq!(latency.bucket_counts, [0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn a_request_says_what_it_is() {
    let collector = Receiver::start(|_, _| ok());
    let headers = Headers::from_iter([("x-tenant", "a b"), ("authorization", "Bearer s3cret")]);
    let config = OtelConfig { headers, service_version: "0.4.0".to_owned(), ..config(&collector.url()) };
    let exporter = started(config, replica(3));
    exporter.export_metrics().expect("it is taken");
    let received = collector.received().remove(0);
    assert_eq!(received.line, "POST /v1/metrics HTTP/1.1");
    for (name, value) in [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "gzip"),
        ("x-tenant", "a b"),
        ("authorization", "Bearer s3cret"),
    ] {
        assert_eq!(received.headers[name], value);
    }
    assert!(received.headers["user-agent"].contains(" OTel-OTLP-Exporter-Rust/"));
    let resource = received.message().resource_metrics.remove(0).resource.unwrap();
    let keys: Vec<_> = resource.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys[..3], ["service.name", "service.version", "service.instance.id"]);
}

#[test]
fn compressed_or_not_it_is_the_same() {
    let collector = Receiver::start(|_, _| ok());
    let metrics = replica(3);
    metrics.increment_operations(Status::Success);
    for (compression, encoding) in [(Compression::Gzip, Some("gzip")), (Compression::None, None)] {
        let config = OtelConfig { compression, ..config(&collector.url()) };
        started(config, metrics).export_metrics().expect("it is taken");
        // Its end exports once more.
        let received = collector.received().pop().unwrap();
        assert_eq!(received.headers.get("content-encoding").map(String::as_str), encoding);
        assert_eq!(received.total("vsr_operations_total"), 1);
    }
}

#[test]
fn the_own_address_of_the_signal_is_used_as_it_is() {
    let collector = Receiver::start(|_, _| ok());
    for (signal, base, line) in [
        (Some(""), "", "POST / HTTP/1.1"),
        (Some("/own/path?key=1"), "", "POST /own/path?key=1 HTTP/1.1"),
        (None, "/", "POST /v1/metrics HTTP/1.1"),
        (None, "/base/", "POST /base/v1/metrics HTTP/1.1"),
    ] {
        let config = OtelConfig {
            signal_endpoint: signal.map(|path| format!("{}{path}", collector.url())),
            ..config(&format!("{}{base}", collector.url()))
        };
        started(config, replica(3)).export_metrics().expect("it is taken");
        assert_eq!(collector.received().pop().unwrap().line, line);
    }
}

#[test]
fn nothing_to_send_is_no_request() {
    struct Nothing;
    impl Source for Nothing {
        fn collect(&self, _: &mut Snapshot) {}
    }
    let collector = Receiver::start(|_, _| ok());
    let mut exporter = OtelExporter::with_source(config(&collector.url()), Nothing).unwrap();
    exporter.init_otlp().unwrap();
    exporter.export_metrics().expect("there is nothing to fail");
    drop(exporter);
    assert_eq!(collector.count(), 0);
}

#[test]
fn a_disabled_exporter_does_nothing_and_does_not_fail() {
    let collector = Receiver::start(|_, _| ok());
    let config = OtelConfig { disabled: true, ..config(&collector.url()) };
    let exporter = started(config, replica(3));
    exporter.export_metrics().expect("nothing is asked of it");
    exporter.shutdown(Duration::from_secs(1)).expect("nothing is asked of it");
    drop(exporter);
    assert_eq!(collector.count(), 0);
}

#[test]
fn one_connection_serves_many_exports() {
    let collector = Receiver::start(|_, _| ok());
    let exporter = started(config(&collector.url()), replica(3));
    for _ in 0..20 {
        exporter.export_metrics().expect("it is taken");
    }
    let mut peers: Vec<_> = collector.received().iter().map(|received| received.peer).collect();
    peers.dedup();
    assert_eq!(peers.len(), 1);
}

#[test]
fn exports_come_by_themselves() {
    let collector = Receiver::start(|_, _| ok());
    let config = OtelConfig { export_interval: Duration::from_millis(20), ..config(&collector.url()) };
    let exporter = started(config, replica(3));
    until("three exports", || collector.count() >= 3);
    exporter.shutdown(Duration::from_secs(10)).expect("the last export is taken");
    let ended = collector.count();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(collector.count(), ended, "after its end, nothing comes");
    assert!(exporter.export_metrics().is_err_and(|error| error.to_string() == "the exporter is shut down"));
    assert!(exporter.shutdown(Duration::from_secs(1)).is_err(), "only the first one shuts it down");
}

#[test]
fn times_without_end_are_no_panic() {
    let collector = Receiver::start(|number, _| if number == 0 { answer(503) } else { ok() });
    let config = otlp_tests::without_end(config(&collector.url()));
    let exporter = started(config, replica(3));
    exporter.export_metrics().expect("the second attempt is taken");
    exporter.flush(Duration::MAX).expect("it is taken");
    exporter.shutdown(Duration::MAX).expect("it is taken");
}

#[test]
fn an_export_before_the_start_is_an_error() {
    let exporter = OtelExporter::with_source(config("http://127.0.0.1:1"), replica(3)).unwrap();
    assert_eq!(exporter.export_metrics().unwrap_err().to_string(), "`init_otlp` was not called");
    assert!(exporter.handle().is_err());
}

#[test]
fn asynchronous_code_awaits_an_export_without_blocking() {
    let collector = Receiver::start(|_, _| super::receiver::Reply::Late(Duration::from_millis(200)));
    let exporter = started(config(&collector.url()), replica(3));
    let handle = exporter.handle().unwrap();
    // Polled by hand: the first poll returns at once, and the waker is called when there is an end.
    let woken = Arc::new(Woken::default());
    let waker = Arc::clone(&woken).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut export = std::pin::pin!(handle.export(Duration::from_secs(10)));
    assert!(export.as_mut().poll(&mut context).is_pending());
    until("the waker", || woken.0.load(std::sync::atomic::Ordering::SeqCst));
    assert_eq!(export.as_mut().poll(&mut context), std::task::Poll::Ready(Ok(())));
    drop(exporter);
    let mut late = std::pin::pin!(handle.export(Duration::from_secs(10)));
    until("the end of what is gone", || {
        matches!(late.as_mut().poll(&mut context), std::task::Poll::Ready(Err(_)))
    });
}

#[derive(Default)]
struct Woken(std::sync::atomic::AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}

#[test]
fn a_message_larger_than_the_receiver_takes_is_halved_once() {
    const LIMIT: usize = 16 << 10;
    let collector =
        Receiver::start(|_, received| if received.body.len() > LIMIT { answer(413) } else { ok() });
    let replicas: Vec<_> = (0..4).map(replica).collect();
    for metrics in &replicas {
        metrics.increment_operations(Status::Success);
    }
    let mut exporter = OtelExporter::with_source(config(&collector.url()), replicas).unwrap();
    exporter.init_otlp().unwrap();
    // Halves of halves, one step with each export, until they fit; then for good.
    until("messages that fit", || exporter.export_metrics().is_ok());
    let before = collector.count();
    exporter.export_metrics().expect("sizes that fit are kept");
    let received = collector.received().split_off(before);
    assert!(received.len() > 1 && received.iter().all(|received| received.body.len() <= LIMIT));
    let total: i64 = received.iter().map(|received| received.total("vsr_operations_total")).sum();
    assert_eq!(total, 4);
    // Never more than one halving of one message.
    let first = collector.received();
    assert!(first[1].body.len() < first[0].body.len() && first[2].body.len() < first[0].body.len());
}

#[test]
fn lines_of_statsd_are_what_happened_since_the_last_call() {
    let metrics = replica(3);
    let exporter = OtelExporter::with_source(config("http://127.0.0.1:1"), metrics).unwrap();
    let operations = || {
        let lines = exporter.export_statsd();
        lines
            .into_iter()
            .filter(|line| line.starts_with("vsr_operations_total") && line.contains("success"))
            .collect()
    };
    metrics.add_operations(Status::Success, 5);
    let lines: Vec<String> = operations();
    assert!(lines.len() == 1 && lines[0].trim().ends_with(":5|c"), "{lines:?}");
    metrics.add_operations(Status::Success, 2);
    let lines: Vec<String> = operations();
    assert!(lines.len() == 1 && lines[0].trim().ends_with(":2|c"), "{lines:?}");
    assert_eq!(operations(), Vec::<String>::new(), "nothing happened");
}
