//! Receivers that mean harm, or are broken: answers without end, answers that are none, answers that break off.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use otlp_tests::PATIENCE;
use vsr_metrics::export::otlp::{ErrorKind, Temporality};
use vsr_metrics::{OtelConfig, Status};

use super::receiver::{Receiver, Reply, answer, ok};
use super::{config, replica, started, until};

const SHORT: Duration = Duration::from_millis(200);

/// What an answer without end comes to, if nobody stops it.
const ENDLESS: u64 = 100 << 20;

/// Answers each request with this head and a piece over and over, as long as anybody takes it. Says how much the greediest
/// connection took.
fn endless(head: String, piece: String) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let most: Arc<AtomicU64> = Arc::default();
    let greediest = Arc::clone(&most);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut vec![0; 1 << 16]);
            let mut taken = 0;
            let mut is_taken = stream.write_all(head.as_bytes()).is_ok();
            while is_taken && taken < ENDLESS {
                is_taken = stream.write_all(piece.as_bytes()).is_ok();
                taken += piece.len() as u64;
            }
            greediest.fetch_max(taken, Ordering::SeqCst);
        }
    });
    (address, most)
}

/// Of a hundred megabytes no more is read than an answer may have, and what is on its way by then.
#[test]
fn an_answer_without_end_is_cut_off() {
    let piece = "x".repeat(1 << 16);
    for status in [200, 400, 503] {
        for (kind, piece) in [
            ("content-length: 1000000000\r\n", piece.clone()),
            ("transfer-encoding: chunked\r\n", format!("10000\r\n{piece}\r\n")),
            ("", piece.clone()),
            ("x-endless: ", piece.clone()),
        ] {
            let is_head_whole = !kind.ends_with(' ');
            let end = if is_head_whole { "\r\n" } else { "" };
            let (address, most) = endless(format!("HTTP/1.1 {status} W\r\n{kind}{end}"), piece);
            let config = OtelConfig { shutdown_timeout: SHORT, ..config(&format!("http://{address}")) };
            let exporter = started(config, replica(0));
            // What is tried again goes on until time is up.
            let is_final = status != 503 && is_head_whole;
            let ended = exporter.flush(if is_final { PATIENCE } else { SHORT });
            assert_eq!(ended.is_ok(), status == 200 && is_head_whole, "{status}, {kind}: {ended:?}");
            drop(exporter);
            until("the connection is closed", || most.load(Ordering::SeqCst) > 0);
            let most = most.load(Ordering::SeqCst);
            assert!(most < ENDLESS / 2, "{status}, {kind}: {most} bytes");
        }
    }
}

/// A success that breaks off is one; a refusal is one as well, and its words are not half of something.
#[test]
fn an_answer_that_breaks_off_or_is_garbage_inside_is_what_its_first_line_says() {
    let bodies = [
        "content-length: 100\r\n\r\nhalf",
        "transfer-encoding: chunked\r\n\r\n5\r\nab",
        "transfer-encoding: chunked\r\n\r\nno length\r\n",
        "content-encoding: gzip\r\ncontent-length: 9\r\n\r\nno gzip\0\0",
        "content-encoding: br\r\ncontent-length: 4\r\n\r\n\0\0\0\0",
    ];
    for body in bodies {
        for (status, attempts) in [(200, 1), (400, 1), (503, 2)] {
            let bytes = format!("HTTP/1.1 {status} W\r\ncontent-type: application/x-protobuf\r\n{body}");
            let collector = Receiver::start(move |number, _| match number {
                0 => Reply::Raw(bytes.clone().into()),
                _ => ok(),
            });
            let exporter = started(config(&collector.url()), replica(0));
            let ended = exporter.export_metrics();
            let case = format!("{status} {body:?}: {ended:?}");
            assert_eq!((ended.is_ok(), collector.count()), (status != 400, attempts), "{case}");
            if let Err(error) = ended {
                assert_eq!(error.kind(), ErrorKind::Refused, "{case}");
            }
            exporter.export_metrics().expect("and the next one is taken");
        }
    }
}

/// The receiver has the message by then, and may have counted it: it is repeated as it was, and the receiver can tell.
#[test]
fn an_answer_that_is_none_doubles_no_increment() {
    for bytes in [
        &b"\r\n\r\n"[..],
        b"\0\0\x12\x04\0",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 2",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: one\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
    ] {
        let collector = Receiver::start(move |number, _| match number {
            0 => Reply::Raw(bytes.to_vec()),
            1 => answer(503),
            _ => ok(),
        });
        let temporality = Temporality::Delta;
        let metrics = replica(0);
        let exporter = started(OtelConfig { temporality, ..config(&collector.url()) }, metrics);
        metrics.add_operations(Status::Success, 5);
        exporter.export_metrics().expect("it is taken in the end");
        metrics.add_operations(Status::Success, 3);
        exporter.export_metrics().expect("it is taken");
        let received = collector.received();
        let case = String::from_utf8_lossy(bytes);
        assert_eq!(received.len(), 4, "{case}");
        assert!(received[..3].windows(2).all(|pair| pair[0].body == pair[1].body), "{case}");
        let told = received[2..].iter().map(|received| received.total("vsr_operations_total"));
        assert_eq!(told.collect::<Vec<_>>(), [5, 3], "{case}");
    }
}

/// Threads that come, record once and go, while one export follows the other.
#[test]
fn threads_that_come_and_go_while_exports_run_lose_nothing() {
    const THREADS: u64 = 3_000;
    let collector = Receiver::start(|_, _| ok());
    let metrics = replica(0);
    let config = OtelConfig {
        temporality: Temporality::Delta,
        export_interval: Duration::from_millis(1),
        ..config(&collector.url())
    };
    let exporter = started(config, metrics);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..THREADS / 8 {
                    let recording = std::thread::spawn(|| metrics.increment_operations(Status::Success));
                    recording.join().expect("it records");
                }
            });
        }
    });
    exporter.flush(PATIENCE).expect("it is taken");
    let told: i64 = collector.received().iter().map(|received| received.total("vsr_operations_total")).sum();
    assert_eq!(told, 3_000);
    assert!(collector.count() > 1, "not all at once");
}
