//! A fork, and a restart.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use vsr_metrics::export::otlp::ErrorKind;
use vsr_metrics::export::statsd::{Sender, Unsent};
use vsr_metrics::{METRICS, OtelExporter, Status};

use super::{config, exporter};

const SHORT: Duration = Duration::from_millis(300);

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

/// A child has the sender, but not its thread.
pub fn forked_statsd(_: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let sender = Sender::udp(&address).interval(Duration::from_secs(3_600)).start(&METRICS).unwrap();
    METRICS.add_operations(Status::Success, 7);
    // SAFETY: the child uses what it inherited, which is what is tested, and ends without its parent's destructors.
    match unsafe { libc::fork() } {
        0 => {
            let began = Instant::now();
            let refused = sender.flush(super::WATCHDOG) == Err(Unsent);
            let refused = refused && sender.stop(super::WATCHDOG) == Err(Unsent);
            let at_once = began.elapsed() < super::WATCHDOG / 2;
            // SAFETY: it ends the process, and nothing else.
            unsafe { libc::_exit(i32::from(!(refused && at_once))) }
        }
        child => {
            assert!(child > 0, "there is room for a process");
            let mut status = 0;
            // SAFETY: the child is ours, and the status a place of our own.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child sent nothing, and did not wait to find that out");
        }
    }
    socket.set_nonblocking(true).unwrap();
    assert!(socket.recv(&mut [0; 1]).is_err(), "nothing came of the child");
    // The parent's goes on.
    assert_eq!(sender.flush(super::WATCHDOG), Ok(()));
    assert!(socket.recv(&mut [0; 1_500]).is_ok());
}

/// A child has both, but none of their threads: dropping them takes no time.
pub fn forked_with_endpoint_and_sampler(_: &str) {
    use vsr_metrics::export::http::Endpoint;
    use vsr_metrics::sampler::Sampler;

    let endpoint = Endpoint::builder().listen(([127, 0, 0, 1], 0)).start(&METRICS).unwrap();
    let sampler = Sampler::vsr(&METRICS).start().unwrap();
    // SAFETY: the child uses what it inherited, which is what is tested, and ends without its parent's destructors.
    match unsafe { libc::fork() } {
        0 => {
            let began = Instant::now();
            drop((endpoint, sampler));
            // Either would wait for a second at least for a thread that is not there.
            let at_once = began.elapsed() < Duration::from_millis(900);
            // SAFETY: it ends the process, and nothing else.
            unsafe { libc::_exit(i32::from(!at_once)) }
        }
        child => {
            assert!(child > 0, "there is room for a process");
            let mut status = 0;
            // SAFETY: the child is ours, and the status a place of our own.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child waited for nobody");
        }
    }
    // The parent's goes on.
    let mut stream = std::net::TcpStream::connect(endpoint.address()).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(sampler);
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
