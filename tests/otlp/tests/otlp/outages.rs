//! Receivers that are late, gone, hung, or somewhere else.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use otlp_tests::Reserved;
use vsr_metrics::export::otlp::{Compression, ErrorKind, Temporality};
use vsr_metrics::{Metrics, OtelConfig, OtelExporter, Snapshot, Source, Status};

use super::receiver::{Received, Receiver, Reply, answer, ok};
use super::{config, replica, started, until};

/// An interval, and a timeout, that let many exports pass within a test.
fn brisk(endpoint: &str) -> OtelConfig {
    OtelConfig {
        export_interval: Duration::from_millis(50),
        timeout: Duration::from_millis(500),
        ..config(endpoint)
    }
}

fn increments(received: &[Received]) -> i64 {
    received.iter().map(|received| received.total("vsr_operations_total")).sum()
}

#[test]
fn the_receiver_comes_later_than_the_exporter() {
    let port = Reserved::anywhere();
    let metrics = replica(0);
    metrics.increment_operations(Status::Success);
    let exporter = started(brisk(&format!("http://{}", port.address())), metrics);
    until("exports that fail", || exporter.status().failures >= 2);
    assert_eq!(exporter.status().exports, 0);
    let collector = Receiver::start_on(port.address(), |_, _| ok());
    until("an export", || exporter.status().exports >= 1);
    assert_eq!(collector.received()[0].total("vsr_operations_total"), 1);
}

#[test]
fn the_receiver_restarts_and_totals_lose_nothing() {
    let metrics = replica(0);
    let port = Reserved::anywhere();
    let mut collector = Receiver::start_on(port.address(), |_, _| ok());
    let exporter = started(brisk(&collector.url()), metrics);
    for round in 1..=3 {
        metrics.add_operations(Status::Success, 10);
        until("an export", || {
            collector.received().last().is_some_and(|last| last.total("vsr_operations_total") == round * 10)
        });
        drop(collector);
        let failures = exporter.status().failures;
        until("an outage", || exporter.status().failures > failures);
        collector = Receiver::start_on(port.address(), |_, _| ok());
    }
    until("an export", || {
        collector.received().last().is_some_and(|last| last.total("vsr_operations_total") == 30)
    });
}

#[test]
fn the_receiver_moves_to_another_address_of_its_name() {
    let first = Receiver::start(|_, _| ok());
    let port = first.address().port();
    let has_both =
        ("localhost", port).to_socket_addrs().is_ok_and(|all| all.filter(SocketAddr::is_ipv6).count() > 0);
    if !has_both || TcpListener::bind(("::1", port)).is_err() {
        // The name has one address here, or somebody else has the other one.
        return;
    }
    let exporter = started(brisk(&format!("http://localhost:{port}")), replica(0));
    until("an export", || first.count() >= 1);
    drop(first);
    let second = Receiver::start_on(format!("[::1]:{port}").parse().unwrap(), |_, _| ok());
    until("an export to the other address", || second.count() >= 1);
    drop(exporter);
}

#[test]
fn a_black_hole_costs_an_attempt_and_nobody_else_anything() {
    let hole = Receiver::start(|_, _| Reply::Hang);
    let metrics = replica(0);
    let config = OtelConfig {
        export_interval: Duration::from_millis(100),
        timeout: Duration::from_millis(100),
        ..config(&hole.url())
    };
    let exporter = started(config, metrics);
    let collector = Receiver::start(|_, _| ok());
    let other = started(brisk(&collector.url()), metrics);
    // Recording goes on meanwhile, and so does the other exporter.
    until("exports that fail", || {
        metrics.increment_operations(Status::Success);
        exporter.status().failures >= 5
    });
    other.export_metrics().expect("the other one is not affected");
    assert_eq!(exporter.status().exports, 0);
    let began = Instant::now();
    let error = exporter.flush(Duration::from_millis(200)).unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// The message is far larger than what systems keep for a receiver that does not read.
#[test]
fn a_receiver_that_stops_reading_within_a_message() {
    use std::io::Read as _;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read_exact(&mut [0; 1_000]);
            open.push(stream);
        }
    });
    let config = OtelConfig {
        resource: vec![("large".to_owned(), "x".repeat(32 << 20))],
        compression: Compression::None,
        timeout: Duration::from_millis(200),
        ..config(&endpoint)
    };
    let metrics = replica(0);
    metrics.increment_operations(Status::Success);
    let exporter = started(config, metrics);
    let began = Instant::now();
    assert!(exporter.flush(Duration::from_millis(500)).unwrap_err().is_transient());
    assert!(exporter.shutdown(Duration::from_millis(500)).is_err());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    until("an attempt that was given up", || exporter.status().failures >= 1);
}

#[test]
fn an_export_slower_than_the_interval_leaves_others_out() {
    let collector = Receiver::start(|_, _| Reply::Late(Duration::from_millis(300)));
    let config = OtelConfig { export_interval: Duration::from_millis(10), ..config(&collector.url()) };
    let exporter = started(config, replica(0));
    until("exports", || exporter.status().exports >= 3);
    let status = exporter.status();
    assert!(status.skipped > status.exports, "{status:?}");
    // Never two at once: each came after the end of the one before.
    let received = collector.received();
    for pair in received.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_millis(300));
    }
}

#[test]
fn the_receiver_hangs_up_in_place_of_an_answer() {
    let collector = Receiver::start(|number, _| if number == 0 { Reply::Close } else { ok() });
    let exporter = started(config(&collector.url()), replica(0));
    exporter.export_metrics().expect("the second attempt is taken");
    assert_eq!(collector.count(), 2);
    assert_eq!(exporter.status().retries, 1);
}

#[test]
fn increments_survive_definite_failures() {
    let metrics = replica(0);
    let collector = Receiver::start(|number, _| match number {
        0 | 5 => answer(503),
        1 | 6 => answer(400),
        2 => answer(429),
        _ => ok(),
    });
    let config = OtelConfig {
        temporality: Temporality::Delta,
        timeout: Duration::from_secs(20),
        ..config(&collector.url())
    };
    let exporter = started(config, metrics);
    let mut taken = 0;
    for round in 0..10 {
        metrics.add_operations(Status::Success, 1_u64 << round);
        let before = collector.count();
        if exporter.export_metrics().is_ok() {
            let received = collector.received().split_off(before);
            taken += increments(&received[received.len() - 1..]);
        }
    }
    assert_eq!(taken, (1 << 10) - 1);
    assert_eq!(
        exporter.status().dropped,
        0,
        "what was refused is told with what follows: nothing was given up"
    );
}

#[test]
fn increments_of_an_outage_arrive_once_it_is_over() {
    let metrics = replica(0);
    let port = Reserved::anywhere();
    let endpoint = format!("http://{}", port.address());
    let config = OtelConfig { temporality: Temporality::Delta, ..brisk(&endpoint) };
    let exporter = started(config, metrics);
    for _ in 0..10 {
        metrics.increment_operations(Status::Success);
        std::thread::sleep(Duration::from_millis(20));
    }
    until("an outage", || exporter.status().failures >= 2);
    let collector = Receiver::start_on(port.address(), |_, _| ok());
    until("all increments", || increments(&collector.received()) == 10);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(increments(&collector.received()), 10, "and none twice");
}

#[test]
fn increments_that_may_have_arrived_are_repeated_as_they_were() {
    let metrics = replica(0);
    let hung = Arc::new(AtomicBool::new(true));
    let is_hung = Arc::clone(&hung);
    let collector =
        Receiver::start(move |_, _| if is_hung.load(Ordering::SeqCst) { Reply::Hang } else { ok() });
    let config = OtelConfig {
        temporality: Temporality::Delta,
        timeout: Duration::from_millis(200),
        ..config(&collector.url())
    };
    let exporter = started(config, metrics);
    metrics.add_operations(Status::Success, 5);
    assert!(exporter.export_metrics().is_err());
    metrics.add_operations(Status::Success, 3);
    assert!(exporter.export_metrics().is_err());
    hung.store(false, Ordering::SeqCst);
    until("an export", || exporter.export_metrics().is_ok());
    let mut received = collector.received();
    let bodies: Vec<_> = received.iter().map(|received| received.body.clone()).collect();
    let repeated = bodies.iter().filter(|body| **body == bodies[0]).count();
    assert!(repeated >= 3, "{repeated} of {} are as the first", bodies.len());
    // A receiver knows the repetitions by their times, and counts them once.
    received.dedup_by_key(|received| {
        received
            .numbers("vsr_operations_total")
            .first()
            .map(|point| (point.start_time_unix_nano, point.time_unix_nano))
    });
    assert_eq!(increments(&received), 8);
    // Increments follow on each other without gap.
    let times: Vec<_> = received
        .iter()
        .filter_map(|received| received.numbers("vsr_operations_total").first().cloned())
        .map(|point| (point.start_time_unix_nano, point.time_unix_nano))
        .collect();
    assert!(times.windows(2).all(|pair| pair[0].1 == pair[1].0), "{times:?}");
}

#[test]
fn a_source_that_panics_costs_its_export() {
    struct Faulty(&'static Metrics, AtomicBool);
    impl Source for Faulty {
        fn collect(&self, snapshot: &mut Snapshot) {
            assert!(!self.1.fetch_xor(true, Ordering::SeqCst), "meant to happen");
            self.0.collect(snapshot);
        }
    }
    let collector = Receiver::start(|_, _| ok());
    let source = Faulty(replica(0), AtomicBool::new(true));
    let mut exporter = OtelExporter::with_source(config(&collector.url()), source).unwrap();
    exporter.init_otlp().unwrap();
    for _ in 0..50 {
        assert_eq!(exporter.export_metrics().unwrap_err().kind(), ErrorKind::Panicked);
        exporter.export_metrics().expect("the next one goes on");
    }
    assert_eq!((exporter.status().panics, exporter.status().exports), (50, 50));
}

#[test]
fn a_source_that_never_returns_holds_nobody_up() {
    struct Stuck;
    impl Source for Stuck {
        fn collect(&self, _: &mut Snapshot) {
            loop {
                std::thread::park();
            }
        }
    }
    let mut exporter = OtelExporter::with_source(config("http://127.0.0.1:1"), Stuck).unwrap();
    exporter.init_otlp().unwrap();
    let began = Instant::now();
    assert_eq!(exporter.flush(Duration::from_millis(100)).unwrap_err().kind(), ErrorKind::Timeout);
    assert!(exporter.shutdown(Duration::from_millis(100)).is_err());
    drop(exporter);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
