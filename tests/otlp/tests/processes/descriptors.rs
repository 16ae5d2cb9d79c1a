//! No file descriptor is left, for a while.

use std::fs::File;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use otlp_tests::http::{Receiver, ok};
use vsr_metrics::export::otlp::{ErrorKind, OtelError, Protocol};
use vsr_metrics::export::statsd::{Sender, Unsent};
use vsr_metrics::{METRICS, OtelConfig, OtelExporter, Status};

use super::{WATCHDOG, config};

/// Exporters that need a socket get none; with the first that is free again they go on, and lose nothing.
pub fn used_up(_: &str) {
    let http = Receiver::start(|_, _| ok());
    let grpc = otlp_tests::grpc::Receiver::start(|_| otlp_tests::grpc::Reply::Code(0, None));
    let statsd = UdpSocket::bind("127.0.0.1:0").unwrap();
    statsd.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let start = |address: String, protocol| {
        let config = OtelConfig { protocol, ..config(&address) };
        let mut exporter = OtelExporter::new(config).unwrap();
        exporter.init_otlp().unwrap();
        exporter
    };
    let exporters = [
        start(http.address().to_string(), Protocol::HttpProtobuf),
        start(grpc.address().to_string(), Protocol::Grpc),
    ];
    let sender = Sender::udp(&statsd.local_addr().unwrap().to_string());
    let sender = sender.interval(Duration::from_secs(3_600)).start(&METRICS).unwrap();
    METRICS.add_operations(Status::Success, 7);

    let few = libc::rlimit { rlim_cur: 40, rlim_max: 40 };
    // SAFETY: the limit is a place of our own, and the process ends with it.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const few) }, 0);
    let mut taken = Vec::new();
    let mut take_all = || taken.extend(std::iter::from_fn(|| File::open("/dev/null").ok()));
    let began = Instant::now();
    for exporter in &exporters {
        loop {
            // What another thread gave back in the meantime is taken, too.
            take_all();
            let ended = exporter.flush(Duration::from_millis(300));
            let is_for_want_of_one = |error: &OtelError| error.to_string().contains("Too many open files");
            if ended.as_ref().is_err_and(is_for_want_of_one) {
                assert_eq!(ended.unwrap_err().kind(), ErrorKind::Unavailable);
                break;
            }
            assert!(began.elapsed() < WATCHDOG / 2, "{ended:?}");
        }
    }
    take_all();
    assert_eq!(sender.flush(Duration::from_millis(300)), Err(Unsent));

    drop(taken);
    for exporter in &exporters {
        assert_eq!(exporter.flush(WATCHDOG), Ok(()));
        assert_eq!(exporter.status().panics, 0);
    }
    assert_eq!(sender.flush(WATCHDOG), Ok(()));
    assert_eq!(http.received().last().unwrap().total("vsr_operations_total"), 7);
    let mut buffer = [0; 2_048];
    let mut lines = String::new();
    while let Ok(length) = statsd.recv(&mut buffer) {
        lines += std::str::from_utf8(&buffer[..length]).unwrap();
        lines.push('\n');
    }
    assert!(lines.contains("vsr_operations_total.status.success:7|c"), "{lines}");
}
