//! What a receiver can say, and what it can say wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
};
use otlp_tests::Small;
use prost::Message as _;
use vsr_metrics::export::otlp::{BackOff, Compression, ErrorKind};
use vsr_metrics::{OtelConfig, OtelExporter, Status};

use super::receiver::{Receiver, Reply, answer, ok};
use super::{config, replica, started, until};

fn small(config: OtelConfig) -> OtelExporter {
    let config = OtelConfig { compression: Compression::None, ..config };
    let mut exporter = OtelExporter::with_source(config, Small).unwrap();
    exporter.init_otlp().unwrap();
    exporter
}

/// What becomes of a message whose first answer has that status: whether it is taken in the end, and the attempts.
fn expected(status: u16) -> (bool, usize) {
    match status {
        200..=299 => (true, 1),
        429 | 502 | 503 | 504 => (true, 2),
        // In two halves, once.
        413 => (true, 3),
        _ => (false, 1),
    }
}

#[test]
fn every_status_with_and_without_a_body_and_a_pause_that_is_asked_for() {
    // A second answer, if there is one, is a success: the receiver comes to its senses.
    let words = b"\x08\x0d\x12\x05sorry".to_vec();
    for body in [Vec::new(), words] {
        for asked in [None, Some("0"), Some("soon")] {
            let first = Arc::new(AtomicU16::new(0));
            let current = Arc::clone(&first);
            let body = body.clone();
            let collector = Receiver::start(move |_, _| {
                let status = current.swap(200, Ordering::SeqCst);
                let mut headers = vec![("content-type", "application/x-protobuf".to_owned())];
                headers.extend(asked.map(|asked| ("retry-after", asked.to_owned())));
                let body = if status == 200 { Vec::new() } else { body.clone() };
                Reply::Answer { status, headers, body }
            });
            let mut exporter = small(config(&collector.url()));
            for status in 200..=599 {
                let before = collector.count();
                first.store(status, Ordering::SeqCst);
                let ended = exporter.export_metrics();
                let attempts = collector.count() - before;
                let case = format!("{status}, {asked:?}: {ended:?}, {attempts} attempts");
                assert_eq!((ended.is_ok(), attempts), expected(status), "{case}");
                if let Err(error) = ended {
                    assert_eq!(error.kind(), ErrorKind::Refused, "{case}");
                    assert!(error.to_string().contains(&format!("answered {status}")), "{case}");
                }
                if status == 413 {
                    // That smaller messages are wanted is kept in mind: the next ones would be two.
                    exporter = small(config(&collector.url()));
                }
            }
        }
    }
}

/// Only these may be tried again, and then not before the time that was asked for.
#[test]
fn each_status_that_is_tried_again_keeps_the_pause_that_is_asked_for() {
    let cases = [429, 502, 503, 504].map(|status| {
        std::thread::spawn(move || {
            let collector = Receiver::start(move |number, _| match number {
                0 => {
                    let headers = vec![("retry-after", "1".to_owned())];
                    Reply::Answer { status, headers, body: Vec::new() }
                }
                _ => ok(),
            });
            small(config(&collector.url())).export_metrics().expect("the second attempt is taken");
            let received = collector.received();
            let pause = received[1].at - received[0].at;
            assert!(pause >= Duration::from_secs(1), "{status}: {pause:?}");
        })
    });
    for case in cases {
        case.join().expect("it holds");
    }
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    for status in 100..=199_u16 {
        // The answer follows at once; one that is refused already must not be taken for it.
        let collector = Receiver::start(move |_, _| {
            Reply::Raw(
                format!("HTTP/1.1 {status} W\r\n\r\nHTTP/1.1 400 No\r\ncontent-length: 0\r\n\r\n").into(),
            )
        });
        let exporter = small(config(&collector.url()));
        let error = exporter.export_metrics().expect_err("no success was told");
        assert_eq!((error.kind(), collector.count()), (ErrorKind::Refused, 1), "{status}: {error}");
    }
}

#[test]
fn an_interim_answer_and_nothing_more() {
    let collector = Receiver::start(move |number, _| if number == 0 { answer(103) } else { ok() });
    let exporter = small(OtelConfig { timeout: Duration::from_millis(200), ..config(&collector.url()) });
    exporter.flush(Duration::from_secs(20)).expect("the second attempt is taken");
    assert_eq!(collector.count(), 2);
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Receiver::start(|_, _| ok());
    for status in [301, 302, 303, 307, 308] {
        let location = format!("{}/v1/metrics", other.url());
        let collector = Receiver::start(move |_, _| Reply::Answer {
            status,
            headers: vec![("location", location.clone())],
            body: Vec::new(),
        });
        let exporter = started(config(&collector.url()), replica(0));
        assert_eq!(exporter.export_metrics().unwrap_err().kind(), ErrorKind::Refused);
        assert_eq!(collector.count(), 1, "{status}");
    }
    assert_eq!(other.count(), 0, "credentials were sent to whoever the receiver named");
}

#[test]
fn a_pause_without_end_is_cut_short_and_outlasts_the_export() {
    let collector = Receiver::start(move |number, _| match number {
        0 => Reply::Answer {
            status: 503,
            headers: vec![("retry-after", "1000000000000".into())],
            body: vec![],
        },
        _ => ok(),
    });
    let back_off = BackOff { longest_asked: Duration::from_millis(1_500), ..config("").back_off };
    let config = OtelConfig { back_off, timeout: Duration::from_millis(300), ..config(&collector.url()) };
    let exporter = started(config, replica(0));
    assert!(
        exporter.export_metrics().unwrap_err().is_transient(),
        "the pause is longer than the export may take"
    );
    assert!(exporter.export_metrics().is_err(), "and is not over with the next one");
    assert_eq!(collector.count(), 1);
    until("the pause is over", || exporter.export_metrics().is_ok());
    let received = collector.received();
    assert!(received[1].at - received[0].at >= Duration::from_millis(1_500));
}

#[test]
fn a_partial_success_is_never_tried_again() {
    let response = |rejected_data_points, error_message: &str| {
        let error_message = error_message.to_owned();
        let partial = ExportMetricsPartialSuccess { rejected_data_points, error_message };
        ExportMetricsServiceResponse { partial_success: Some(partial) }.encode_to_vec()
    };
    for (rejected, message, dropped) in [(7, "no more than seven", 7), (0, "deprecated", 0), (-5, "odd", 0)] {
        let body = response(rejected, message);
        let collector = Receiver::start(move |_, _| Reply::Answer {
            status: 200,
            headers: vec![("content-type", "application/x-protobuf".to_owned())],
            body: body.clone(),
        });
        let exporter = started(config(&collector.url()), replica(0));
        exporter.export_metrics().expect("it is a success");
        assert_eq!((collector.count(), exporter.status().dropped), (1, dropped));
    }
}

/// A success whose body is no OTLP, in every way: what was sent was taken, and is not sent again.
#[test]
fn an_answer_that_cannot_be_read_is_bounded_and_not_repeated() {
    let protobuf = ("content-type", "application/x-protobuf".to_owned());
    let large = vec![0_u8; 5 << 20];
    let truncated = b"\x0a\x7f\x08".to_vec();
    let cases = [
        ("5 MiB", vec![protobuf.clone()], large.clone()),
        ("another type", vec![("content-type", "text/html".to_owned())], b"<html>".to_vec()),
        ("truncated", vec![protobuf], truncated),
        ("no type, 5 MiB", Vec::new(), large),
    ];
    for (name, headers, body) in cases {
        let collector = Receiver::start(move |_, _| Reply::Answer {
            status: 200,
            headers: headers.clone(),
            body: body.clone(),
        });
        let exporter = started(config(&collector.url()), replica(0));
        assert_eq!(exporter.export_metrics(), Ok(()), "{name}");
        assert_eq!(collector.count(), 1, "{name}");
    }
}

#[test]
fn an_answer_that_trickles_in_takes_no_longer_than_an_attempt() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 100000\r\n\r\n".to_vec();
    for bytes in [head.iter().copied().chain(vec![0; 100_000]).collect(), vec![b'H'; 100_000]] {
        let collector = Receiver::start(move |_, _| Reply::Drip(bytes.clone()));
        let config = OtelConfig { timeout: Duration::from_millis(300), ..config(&collector.url()) };
        let exporter = started(config, replica(0));
        let began = Instant::now();
        let _ = exporter.flush(Duration::from_secs(4));
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        until("an end", || exporter.status().last_error.is_some() || exporter.status().exports == 1);
    }
}

#[test]
fn a_receiver_that_speaks_something_else() {
    for bytes in
        [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"\x00\x00\x12\x04\x00", b"SSH-2.0-OpenSSH\r\n", b"\r\n"]
    {
        let collector = Receiver::start(move |_, _| Reply::Raw(bytes.to_vec()));
        let config = OtelConfig { timeout: Duration::from_millis(500), ..config(&collector.url()) };
        let exporter = started(config, replica(0));
        assert!(exporter.export_metrics().is_err());
        assert_eq!(exporter.status().panics, 0);
    }
}

#[test]
fn a_refusal_in_the_receivers_own_words() {
    let collector = Receiver::start(|_, _| Reply::Answer {
        status: 400,
        headers: vec![("content-type", "application/x-protobuf".to_owned())],
        body: b"\x08\x03\x12\x0abad\ntenant".to_vec(),
    });
    let metrics = replica(0);
    metrics.increment_operations(Status::Success);
    let exporter = started(config(&collector.url()), metrics);
    let error = exporter.export_metrics().unwrap_err();
    assert_eq!(error.to_string(), format!("{}/v1/metrics answered 400: badtenant", collector.url()));
    assert!(exporter.status().dropped > 0, "its points are given up");
    assert_eq!(exporter.status().last_error, Some(error.to_string()));
}
