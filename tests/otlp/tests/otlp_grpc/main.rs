//! OTLP over gRPC against a scripted receiver, and both protocols behind TLS.

mod tls;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use otlp_tests::grpc::{Receiver, Reply};
use otlp_tests::{PATIENCE, Reserved, Small, until};
use prost::Message as _;
use vsr_metrics::export::otlp::{Compression, ErrorKind, Headers, Protocol, Temporality};
use vsr_metrics::{OtelConfig, OtelExporter};

fn config(endpoint: &str) -> OtelConfig {
    OtelConfig { protocol: Protocol::Grpc, ..otlp_tests::config(endpoint) }
}

fn started(config: OtelConfig) -> OtelExporter {
    let mut exporter = OtelExporter::with_source(config, Small).expect("the configuration works");
    exporter.init_otlp().expect("there is a thread");
    exporter
}

#[test]
fn a_call_says_what_it_is() {
    for (compression, is_compressed) in [(Compression::Gzip, true), (Compression::None, false)] {
        let collector = Receiver::start(|_| Reply::Code(0, None));
        let headers = Headers::from_iter([("x-tenant", "a b")]);
        let exporter = started(OtelConfig { compression, headers, ..config(&collector.url()) });
        exporter.export_metrics().expect("it is taken");
        let received = collector.received().remove(0);
        assert_eq!(received.path, "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export");
        assert_eq!(received.is_compressed, is_compressed);
        assert_eq!(received.headers["x-tenant"], "a b");
        assert!(received.headers["user-agent"].to_str().unwrap().contains("OTel-OTLP-Exporter-Rust/"));
        assert!(received.headers.contains_key("grpc-timeout"));
        let scope = &received.message.resource_metrics[0].scope_metrics[0];
        assert_eq!(scope.metrics[0].name, "small_things_total");
    }
}

#[test]
fn every_code_with_and_without_a_pause_that_is_asked_for() {
    let pause = Duration::from_millis(60);
    let retried = [1, 4, 10, 11, 14, 15];
    for code in 0..=16 {
        for delay in [None, Some(Duration::ZERO), Some(pause)] {
            let collector =
                Receiver::start(move |number| Reply::Code(if number == 0 { code } else { 0 }, delay));
            let exporter = started(config(&collector.url()));
            let ended = exporter.export_metrics();
            let received = collector.received();
            let case = format!("code {code}, {delay:?}: {ended:?}, {} calls", received.len());
            let is_paused = delay.is_some_and(|delay| !delay.is_zero());
            match code {
                0 => assert!(ended.is_ok() && received.len() == 1, "{case}"),
                8 if !is_paused => {
                    // Too much for the receiver, perhaps: in halves, once.
                    assert!(ended.is_ok() && received.len() == 3, "{case}");
                }
                code if retried.contains(&code) || code == 8 => {
                    assert!(ended.is_ok() && received.len() == 2, "{case}");
                    assert!(!is_paused || received[1].at - received[0].at >= pause, "{case}");
                }
                _ => {
                    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Refused, "{case}");
                    assert_eq!(received.len(), 1, "{case}");
                }
            }
        }
    }
}

#[test]
fn answers_that_are_no_grpc() {
    for (status, is_retried) in
        [(400, false), (401, false), (404, false), (429, true), (502, true), (503, true)]
    {
        let collector = Receiver::start(
            move |number| if number == 0 { Reply::Http(status) } else { Reply::Code(0, None) },
        );
        let exporter = started(config(&collector.url()));
        assert_eq!(exporter.export_metrics().is_ok(), is_retried, "{status}");
        assert_eq!(collector.count(), if is_retried { 2 } else { 1 }, "{status}");
    }
}

#[test]
fn a_stream_that_is_reset_is_tried_again() {
    let collector = Receiver::start(|number| if number == 0 { Reply::Reset } else { Reply::Code(0, None) });
    let exporter = started(config(&collector.url()));
    exporter.export_metrics().expect("the second attempt is taken");
    assert_eq!(collector.count(), 2);
}

#[test]
fn a_partial_success_is_never_tried_again() {
    let partial = ExportMetricsPartialSuccess { rejected_data_points: 7, error_message: "seven".to_owned() };
    let message = ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let collector = Receiver::start(move |_| Reply::Message(message.clone()));
    let exporter = started(config(&collector.url()));
    exporter.export_metrics().expect("it is a success");
    assert_eq!((collector.count(), exporter.status().dropped), (1, 7));
}

#[test]
fn an_answer_that_cannot_be_read_is_bounded_and_not_repeated() {
    let collector = Receiver::start(|_| Reply::Message(vec![0; 5 << 20]));
    let exporter = started(config(&collector.url()));
    exporter.export_metrics().expect("the call itself succeeded");
    assert_eq!(collector.count(), 1);
}

/// The call has succeeded before its answer is read: what was sent was taken, and in no form is it sent again.
#[test]
fn an_answer_that_cannot_be_read_doubles_nothing() {
    let bomb = vec![0; 8 << 20];
    let broken = b"\x0a\x7f\x08".to_vec();
    for (name, reply) in [
        ("8 MiB, compressed", Reply::Compressed(bomb)),
        ("broken", Reply::Message(broken.clone())),
        ("broken, compressed", Reply::Compressed(broken)),
    ] {
        let collector = Receiver::start(move |_| reply.clone());
        let temporality = Temporality::Delta;
        let exporter = started(OtelConfig { temporality, ..config(&collector.url()) });
        Small::count(1);
        assert_eq!(exporter.export_metrics(), Ok(()), "{name}");
        Small::count(1);
        assert_eq!(exporter.export_metrics(), Ok(()), "{name}");
        let received = collector.received();
        assert_eq!(received.len(), 2, "{name}");
        let starts = received.iter().map(|received| times(&received.message));
        let starts: Vec<_> = starts.collect();
        assert_eq!(starts[1].0, starts[0].1, "{name}: the second begins where the first ended");
    }
}

/// The call may have succeeded all the same: what was sent is repeated as it was, and added to nothing that follows.
#[test]
fn an_answer_that_is_missing_or_breaks_off_doubles_nothing() {
    for (name, body) in [
        ("none", &b""[..]),
        ("half a head", b"\0\0"),
        ("half a message", b"\0\0\0\0\x09\x0a"),
        ("a page", b"<html></html>"),
    ] {
        let body = body.to_vec();
        let collector = Receiver::start(move |number| match number {
            0 => Reply::Body(body.clone()),
            _ => Reply::Code(0, None),
        });
        let temporality = Temporality::Delta;
        let exporter = started(OtelConfig { temporality, ..config(&collector.url()) });
        Small::count(1);
        assert_eq!(exporter.export_metrics(), Ok(()), "{name}");
        let received = collector.received();
        assert_eq!(received.len(), 2, "{name}");
        assert_eq!(received[0].message, received[1].message, "{name}");
    }
}

/// The start and the end that the first counter tells.
fn times(message: &ExportMetricsServiceRequest) -> (u64, u64) {
    let metric = &message.resource_metrics[0].scope_metrics[0].metrics[0];
    let Some(Data::Sum(sum)) = &metric.data else { panic!("`{}` is no counter", metric.name) };
    let point = &sum.data_points[0];
    (point.start_time_unix_nano, point.time_unix_nano)
}

#[test]
fn a_black_hole_costs_an_attempt() {
    let collector = Receiver::start(|_| Reply::Hang);
    let exporter = started(OtelConfig { timeout: Duration::from_millis(200), ..config(&collector.url()) });
    let began = Instant::now();
    assert!(exporter.flush(Duration::from_millis(500)).unwrap_err().is_transient());
    assert!(exporter.shutdown(Duration::from_millis(200)).is_err());
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
}

#[test]
fn the_receiver_is_late_and_starts_again() {
    let port = Reserved::anywhere();
    let exporter = started(OtelConfig {
        export_interval: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
        ..config(&format!("http://{}", port.address()))
    });
    until("exports that fail", || exporter.status().failures >= 2);
    for _ in 0..2 {
        let collector = Receiver::start_on(port.address(), None, |_| Reply::Code(0, None));
        until("an export", || collector.count() >= 1);
        drop(collector);
        let failures = exporter.status().failures;
        until("an outage", || exporter.status().failures > failures);
    }
    assert_eq!(exporter.status().panics, 0);
}

#[test]
fn times_without_end_are_no_panic() {
    let collector = Receiver::start(|number| Reply::Code(if number == 0 { 14 } else { 0 }, None));
    let exporter = started(otlp_tests::without_end(config(&collector.url())));
    exporter.export_metrics().expect("the second attempt is taken");
    exporter.shutdown(Duration::MAX).expect("it is taken");
}

#[test]
fn a_receiver_that_speaks_http_1() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        use std::io::Write as _;
        for stream in listener.incoming().take(1) {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let exporter = started(OtelConfig { timeout: Duration::from_millis(300), ..config(&url) });
    assert!(exporter.export_metrics().is_err());
    assert_eq!(exporter.status().panics, 0);
    server.join().unwrap();
}

#[test]
fn an_address_without_a_scheme_is_secure_unless_told_otherwise() {
    let collector = Receiver::start(|_| Reply::Code(0, None));
    let address = collector.address().to_string();
    let exporter = started(OtelConfig { insecure: true, ..config(&address) });
    exporter.export_metrics().expect("plain text was asked for");
    let exporter = started(OtelConfig { timeout: Duration::from_millis(300), ..config(&address) });
    assert!(exporter.export_metrics().is_err());
    assert_eq!(collector.count(), 1, "nothing was sent in plain text");
}
