//! Everything that is logged, by this library and by those it is built on.

use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use vsr_metrics::export::otlp::{Headers, Protocol};
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

/// Who reported something to `tracing`: the name of the thread, and what the report is about.
static REPORTS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Takes every report, as a subscriber does that exports them.
struct Reports;

impl Reports {
    fn note(about: &Metadata<'_>) {
        let thread = std::thread::current().name().unwrap_or("nameless").to_owned();
        REPORTS.lock().unwrap().push((thread, format!("{} {}", about.target(), about.name())));
    }
}

impl Subscriber for Reports {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        Self::note(span.metadata());
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        Self::note(event.metadata());
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What exports is not itself reported: a subscriber that exports would never come to rest.
pub fn silence(address: &str) {
    tracing::subscriber::set_global_default(Reports).expect("nobody else does");
    // By name, so that it is looked up; where somebody listens, and where nobody does.
    let port = address.rsplit(':').next().expect("it has a port");
    for protocol in [Protocol::HttpProtobuf, Protocol::Grpc] {
        for address in [format!("localhost:{port}"), "localhost:1".to_owned()] {
            let config = OtelConfig { protocol, timeout: Duration::from_millis(200), ..config(&address) };
            let mut exporter = OtelExporter::new(config).unwrap();
            exporter.init_otlp().unwrap();
            assert!(exporter.export_metrics().is_err(), "nobody answers");
        }
    }
    // The same library, used by the program itself.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let connected = h2::client::handshake(stream).await;
        assert!(connected.is_ok(), "{:?}", connected.err());
    });
    let reports = REPORTS.lock().unwrap();
    let is_own = |(thread, about): &&(String, String)| thread == "main" && about.starts_with("h2");
    assert!(reports.iter().any(|report| is_own(&report)), "the library reports what the program does");
    let others: Vec<_> = reports.iter().filter(|(thread, _)| thread != "main").collect();
    assert!(others.is_empty(), "{others:#?}");
}

/// A logger that exports when it is told something is called by the very thread that would export.
pub fn logger_that_exports(_: &str) {
    static EXPORTER: OnceLock<OtelExporter> = OnceLock::new();
    struct Eager;
    impl log::Log for Eager {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            if record.target() == "vsr_metrics::otlp" {
                let ended = EXPORTER.get().map(|exporter| exporter.flush(Duration::from_millis(200)));
                REPORTS.lock().unwrap().push((String::new(), format!("{ended:?}")));
            }
        }

        fn flush(&self) {}
    }
    log::set_logger(&Eager).expect("nobody else does");
    log::set_max_level(log::LevelFilter::Warn);
    let config = OtelConfig { timeout: Duration::from_millis(100), ..config("127.0.0.1:1") };
    let mut exporter = OtelExporter::new(config).unwrap();
    exporter.init_otlp().unwrap();
    let exporter = EXPORTER.get_or_init(|| exporter);
    let began = Instant::now();
    for _ in 0..3 {
        assert!(exporter.flush(Duration::from_millis(500)).is_err_and(|error| error.is_transient()));
    }
    assert_eq!(REPORTS.lock().unwrap().len(), 1, "it was told once");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
