//! The gauge that says which exporters run. It belongs to the process, so this is one.

use std::net::UdpSocket;
use std::time::Duration;

use vsr_metrics::export::otlp::{Signal, TraceExporter};
use vsr_metrics::export::statsd::Sender;
use vsr_metrics::snapshot::{Number, Value};
use vsr_metrics::{METRICS, OtelConfig, OtelExporter, health};

use super::{WATCHDOG, config};

fn up(exporter: &str) -> Option<u64> {
    let snapshot = health::METRICS.snapshot();
    let family = snapshot.family("vsr_metrics_exporter_up").expect("in the catalog");
    match family.find(&[("exporter", exporter)])?.value() {
        Value::Gauge(Number::U64(up)) => Some(up),
        other => panic!("{other:?} is no mark"),
    }
}

/// The mark, as soon as the thread that ends has taken it down.
fn is_down(exporter: &str) {
    let began = std::time::Instant::now();
    while up(exporter) != Some(0) {
        assert!(began.elapsed() < WATCHDOG, "{exporter} is {:?}", up(exporter));
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An address that is wrong, of each exporter; then two that run, one of which ends.
pub fn could_not_start(address: &str) {
    let broken = || OtelConfig { otlp_endpoint: Some("collector".to_owned()), ..OtelConfig::built_in() };
    assert_eq!((up("otlp"), up("otlp_traces"), up("statsd")), (None, None, None));
    assert!(OtelExporter::new(broken()).is_err());
    assert!(TraceExporter::start(&broken()).is_err());
    assert!(Sender::udp("statsd").start(&METRICS).is_err());
    assert_eq!((up("otlp"), up("otlp_traces"), up("statsd")), (Some(0), Some(0), Some(0)));

    let start = || {
        let mut exporter = OtelExporter::new(config(address)).unwrap();
        exporter.init_otlp().unwrap();
        exporter
    };
    let (one, other) = (start(), start());
    assert_eq!(up("otlp"), Some(1));
    assert!(one.shutdown(Duration::from_millis(10)).is_err(), "nobody answers");
    drop(one);
    assert!(OtelExporter::new(broken()).is_err());
    assert_eq!(up("otlp"), Some(1), "the other one runs");
    drop(other);
    is_down("otlp");

    let (config, _) = OtelConfig::from_env(Signal::Traces);
    let traces = TraceExporter::start(&config).unwrap();
    assert_eq!(up("otlp_traces"), Some(1));
    drop(traces);
    is_down("otlp_traces");

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let start = || Sender::udp(&socket.local_addr().unwrap().to_string()).start(&METRICS).unwrap();
    let (one, other) = (start(), start());
    drop(one);
    assert_eq!(up("statsd"), Some(1), "the other one runs");
    drop(other);
    assert_eq!(up("statsd"), Some(0));
}
