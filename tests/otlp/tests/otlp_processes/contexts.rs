//! Flush and shutdown from wherever they may be called, with a receiver that never answers.

use std::cell::RefCell;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Mutex;
use std::time::Duration;

use vsr_metrics::OtelExporter;
use vsr_metrics::export::otlp::ErrorKind;

use super::{config, exporter, is_in_time};

const SHORT: Duration = Duration::from_millis(300);

fn flush_and_shut_down(exporter: &OtelExporter) {
    is_in_time(SHORT, || exporter.flush(SHORT));
    is_in_time(SHORT, || exporter.shutdown(SHORT));
}

pub fn without_a_runtime(address: &str) {
    flush_and_shut_down(&exporter(address));
}

fn runtime(mut builder: tokio::runtime::Builder) -> tokio::runtime::Runtime {
    builder.enable_all().build().expect("there are threads")
}

pub fn in_current_thread(address: &str) {
    let runtime = runtime(tokio::runtime::Builder::new_current_thread());
    runtime.block_on(async { flush_and_shut_down(&exporter(address)) });
}

fn in_workers(address: &str, workers: usize) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(workers);
    let address = address.to_owned();
    let runtime = runtime(builder);
    let handle = runtime.spawn(async move {
        let exporter = exporter(&address);
        // The handle ends in time as well, and lets others run meanwhile.
        let ended = tokio::time::timeout(super::WATCHDOG, exporter.handle().unwrap().export(SHORT)).await;
        assert!(ended.expect("it ends").is_err());
        flush_and_shut_down(&exporter);
    });
    runtime.block_on(handle).expect("it does not panic");
}

pub fn in_one_worker(address: &str) {
    in_workers(address, 1);
}

pub fn in_many_workers(address: &str) {
    in_workers(address, 4);
}

pub fn in_spawn_blocking(address: &str) {
    let runtime = runtime(tokio::runtime::Builder::new_current_thread());
    let address = address.to_owned();
    runtime.block_on(async {
        let handle = tokio::task::spawn_blocking(move || flush_and_shut_down(&exporter(&address)));
        handle.await.expect("it does not panic");
    });
}

pub fn in_drop(address: &str) {
    let mut config = config(address);
    config.shutdown_timeout = SHORT;
    let mut exporter = OtelExporter::new(config).unwrap();
    exporter.init_otlp().unwrap();
    is_in_time(SHORT, || {
        drop(exporter);
        Err(vsr_metrics::OtelExporter::with_source(super::config("no:address:at:all"), &vsr_metrics::METRICS)
            .unwrap_err())
    });
    // While a runtime ends, too.
    let runtime = runtime(tokio::runtime::Builder::new_current_thread());
    let _entered = runtime.enter();
    drop(self::exporter(address));
}

pub fn in_panic_hook(address: &str) {
    static EXPORTER: Mutex<Option<OtelExporter>> = Mutex::new(None);
    *EXPORTER.lock().unwrap() = Some(exporter(address));
    std::panic::set_hook(Box::new(|_| {
        let exporter = EXPORTER.lock().unwrap().take();
        flush_and_shut_down(&exporter.expect("it was put there"));
        println!("the hook came to its end");
    }));
    assert!(std::thread::spawn(|| panic!("meant to happen")).join().is_err());
    assert!(EXPORTER.lock().is_ok_and(|exporter| exporter.is_none()), "the hook ran to its end");
}

pub fn in_thread_local(address: &str) {
    struct AtTheEnd(OtelExporter);
    impl Drop for AtTheEnd {
        fn drop(&mut self) {
            flush_and_shut_down(&self.0);
        }
    }
    thread_local! {
        static EXPORTER: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    }
    let address = address.to_owned();
    let thread = std::thread::spawn(move || EXPORTER.set(Some(AtTheEnd(exporter(&address)))));
    thread.join().expect("its destructors do not panic");
}

pub fn after_main(address: &str) {
    static EXPORTER: Mutex<Option<OtelExporter>> = Mutex::new(None);
    extern "C" fn last() {
        let exporter = EXPORTER.lock().unwrap().take();
        flush_and_shut_down(&exporter.expect("it was put there"));
    }
    *EXPORTER.lock().unwrap() = Some(exporter(address));
    // SAFETY: the function is given to the C library to call, and unwinds into nothing: a panic in it aborts.
    assert_eq!(unsafe { libc::atexit(last) }, 0);
}

/// A child has the exporter, but not its thread.
pub fn forked(_: &str) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut exporter = exporter(&address);
    // SAFETY: the child uses what it inherited, which is what is tested, and ends without its parent's destructors.
    match unsafe { libc::fork() } {
        0 => {
            let refused = exporter.flush(SHORT).is_err_and(|error| error.kind() == ErrorKind::Forked);
            let refused =
                refused && exporter.shutdown(SHORT).is_err_and(|error| error.kind() == ErrorKind::Forked);
            let restarted = exporter.init_otlp().is_ok() && exporter.flush(SHORT * 10).is_ok();
            let code = i32::from(!(refused && restarted));
            // SAFETY: it ends the process, and nothing else.
            unsafe { libc::_exit(code) }
        }
        child => {
            assert!(child > 0, "there is room for a process");
            // The first, and only, to come is the child that was started anew.
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4];
            stream.read_exact(&mut head).unwrap();
            assert_eq!(&head, b"POST");
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            let mut status = 0;
            // SAFETY: the child is ours, and the status a place of our own.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child exported nothing by itself, and something when it was started");
        }
    }
    // The parent's goes on.
    listener.set_nonblocking(true).unwrap();
    let _ = exporter.flush(SHORT);
    assert!(listener.accept().is_ok());
}

/// Prints when and as whom it began, with counters at zero.
pub fn restarted(_: &str) {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use prost::Message as _;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config(&listener.local_addr().unwrap().to_string());
    config.compression = vsr_metrics::export::otlp::Compression::None;
    let mut exporter = OtelExporter::new(config).unwrap();
    exporter.init_otlp().unwrap();
    let body = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = Vec::new();
        let mut piece = [0; 4096];
        loop {
            let read = stream.read(&mut piece).unwrap();
            bytes.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
            let Some(end) = text.find("\r\n\r\n") else { continue };
            let length =
                text.split("content-length: ").nth(1).unwrap().lines().next().unwrap().parse().unwrap();
            // Lossy text keeps the length of a head that is ASCII.
            if bytes.len() - end - 4 >= length {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
                return bytes.split_off(end + 4);
            }
        }
    });
    exporter.flush(super::WATCHDOG).unwrap();
    let message = ExportMetricsServiceRequest::decode(&body.join().unwrap()[..]).unwrap();
    let resource = message.resource_metrics[0].resource.as_ref().unwrap();
    let instance =
        resource.attributes.iter().find(|attribute| attribute.key == "service.instance.id").unwrap();
    let scope = &message.resource_metrics[0].scope_metrics[0];
    let operations = scope.metrics.iter().find(|metric| metric.name == "vsr_operations_total").unwrap();
    let Some(Data::Sum(sum)) = &operations.data else { panic!("it is a sum") };
    let point = &sum.data_points[0];
    assert_eq!(
        point.value,
        Some(opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::AsInt(0))
    );
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let age = now - u128::from(point.start_time_unix_nano);
    assert!(age < super::WATCHDOG.as_nanos(), "it began {age} ns ago");
    println!("{} {:?}", point.start_time_unix_nano, instance.value);
}
