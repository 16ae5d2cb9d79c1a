//! Traces: what is sampled arrives, with identities that replicas agree on; what is not costs nothing and is not there.
//!
//! One test, because spans wait in one list for the whole process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use vsr_metrics::export::otlp::{Compression, OtelConfig, TraceExporter};
use vsr_metrics::trace::{Trace, set_sampling};

static OPERATION: Trace = Trace::sampled("operation");
static VIEW_CHANGE: Trace = Trace::rare("view_change");

const PATIENCE: Duration = Duration::from_secs(30);

/// Refuses the first request, takes the others, and hands over their spans.
fn receive(listener: &TcpListener, spans: &Sender<Vec<Span>>) {
    for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
        let _ = serve(&stream, number == 0, spans);
    }
}

fn serve(mut stream: &TcpStream, is_refused: bool, spans: &Sender<Vec<Span>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    loop {
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        assert_eq!(line.trim(), "POST /v1/traces HTTP/1.1");
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            match line.trim().to_ascii_lowercase().strip_prefix("content-length: ") {
                Some(value) => length = value.parse().ok()?,
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        if is_refused {
            stream.write_all(b"HTTP/1.1 503 Later\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()?;
            return None;
        }
        let request = ExportTraceServiceRequest::decode(&body[..]).expect("it is OTLP");
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        spans.send(scopes.flat_map(|scope| scope.spans).collect()).ok()?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

#[test]
fn what_is_sampled_arrives_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = OtelConfig {
        otlp_endpoint: Some(format!("http://{}", listener.local_addr().unwrap())),
        export_interval: Duration::ZERO,
        compression: Compression::None,
        ..OtelConfig::built_in()
    };
    let (sender, spans) = channel();
    std::thread::spawn(move || receive(&listener, &sender));
    let exporter = TraceExporter::start(&config).expect("the configuration works");

    // Off, as it is from the start.
    OPERATION.end(10, Duration::from_millis(2), &[]);
    VIEW_CHANGE.end(1, Duration::from_millis(2), &[]);
    exporter.flush(PATIENCE).expect("there is nothing to send");

    set_sampling(10);
    for number in 1..=30 {
        OPERATION.phase("prepare", number, Duration::from_millis(1), &[("replica", 0)]);
        OPERATION.end(number, Duration::from_millis(2), &[("replica", 0), ("bytes", 7)]);
    }
    // Another replica's word about the same operation, and something that is rare.
    OPERATION.phase("prepare", 20, Duration::from_millis(1), &[("replica", 1)]);
    VIEW_CHANGE.end(3, Duration::from_secs(1), &[]);
    exporter.flush(PATIENCE).expect("the second attempt is taken");
    let spans = spans.recv_timeout(PATIENCE).unwrap();
    assert_eq!(spans.len(), 3 * 2 + 1 + 1);

    let named = |name: &str| -> Vec<&Span> { spans.iter().filter(|span| span.name == name).collect() };
    let (wholes, phases) = (named("operation"), named("prepare"));
    assert_eq!((wholes.len(), phases.len(), named("view_change").len()), (3, 4, 1));
    for whole in &wholes {
        assert!(whole.parent_span_id.is_empty());
        assert_eq!(whole.end_time_unix_nano - whole.start_time_unix_nano, 2_000_000);
        let own: Vec<_> = phases.iter().filter(|phase| phase.trace_id == whole.trace_id).collect();
        assert!(!own.is_empty() && own.iter().all(|phase| phase.parent_span_id == whole.span_id));
    }
    let mut identities: Vec<_> = spans.iter().map(|span| &span.span_id).collect();
    identities.sort_unstable();
    identities.dedup();
    assert_eq!(identities.len(), spans.len(), "two replicas' phases are two spans");
    assert!(spans.iter().all(|span| span.trace_id.len() == 16 && span.span_id.len() == 8));

    set_sampling(0);
    OPERATION.end(10, Duration::from_millis(2), &[]);
    exporter.flush(PATIENCE).expect("there is nothing to send");
    assert_eq!(exporter.status().exports, 3);
}
