//! Everything that is logged, by this library and by those it is built on.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use vsr_metrics::export::otlp::Headers;
use vsr_metrics::{OtelConfig, OtelExporter};

use super::config;

/// Keeps every line.
struct Everything(Mutex<Vec<(String, String)>>);

static LINES: Everything = Everything(Mutex::new(Vec::new()));

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.lock().unwrap().push((record.target().to_owned(), record.args().to_string()));
    }

    fn flush(&self) {}
}

fn listen() {
    log::set_logger(&LINES).expect("nobody else does");
    log::set_max_level(log::LevelFilter::Trace);
}

const SECRET: &str = "s3cret-0123456789";

pub fn secrets(address: &str) {
    listen();
    let headers =
        Headers::from_iter([("authorization", format!("Bearer {SECRET}")), ("x-key", SECRET.to_owned())]);
    let mut texts = Vec::new();
    let config = OtelConfig { headers, timeout: Duration::from_millis(100), ..config(address) };
    let mut exporter = OtelExporter::new(config.clone()).unwrap();
    exporter.init_otlp().unwrap();
    let error = exporter.export_metrics().unwrap_err();
    texts.push(format!("{config:?} {exporter:?} {error} {error:?}"));
    drop(exporter);
    // A port that nobody listens on, a value that cannot be sent, passwords in addresses.
    let headers = Headers::from_iter([("authorization", format!("{SECRET}\n"))]);
    for broken in [
        OtelConfig { headers, ..config.clone() },
        OtelConfig { otlp_endpoint: Some(format!("http://user:{SECRET}@localhost:1")), ..config.clone() },
        OtelConfig { otlp_endpoint: Some(format!("http://user:{SECRET}@local host:1")), ..config.clone() },
        OtelConfig { signal_endpoint: Some(format!("htp://localhost:1/?key={SECRET}")), ..config.clone() },
    ] {
        let error = OtelExporter::new(broken).expect_err("it cannot work");
        texts.push(format!("{error} {error:?}"));
    }
    texts.extend(LINES.0.lock().unwrap().iter().map(|(_, line)| line.clone()));
    // Addresses are logged by the client below, so a key belongs in a header; errors don't show it all the same.
    let endpoint = Some(format!("http://127.0.0.1:1/v1/metrics?key={SECRET}"));
    let mut exporter = OtelExporter::new(OtelConfig { signal_endpoint: endpoint, ..config }).unwrap();
    exporter.init_otlp().unwrap();
    texts.push(exporter.export_metrics().unwrap_err().to_string());
    assert!(texts.len() > 10, "the libraries below say something: {texts:#?}");
    for text in texts {
        assert!(!text.contains(SECRET), "{text}");
    }
}

pub fn one_line(_: &str) {
    listen();
    let config = OtelConfig {
        export_interval: Duration::from_millis(1),
        timeout: Duration::from_millis(10),
        ..config("127.0.0.1:1")
    };
    let mut exporter = OtelExporter::new(config).unwrap();
    exporter.init_otlp().unwrap();
    let began = Instant::now();
    while exporter.status().failures < 20 {
        assert!(began.elapsed() < super::WATCHDOG, "{:?}", exporter.status());
        std::thread::sleep(Duration::from_millis(10));
    }
    let lines = LINES.0.lock().unwrap();
    let own: Vec<_> = lines.iter().filter(|(target, _)| target == "vsr_metrics::otlp").collect();
    assert_eq!(own.len(), 1, "{own:#?}");
    assert!(own[0].1.contains("127.0.0.1:1"), "{own:#?}");
}
