//! A receiver of OTLP over HTTP/1.1 that answers by a script, and remembers what it got.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::Inbox;

/// What to do with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// An answer, whole.
    Answer {
        /// The status line's number.
        status: u16,
        /// All headers but the length.
        headers: Vec<(&'static str, String)>,
        /// What follows them.
        body: Vec<u8>,
    },
    /// These bytes, and the end of the connection.
    Raw(Vec<u8>),
    /// These bytes, one every few milliseconds, as long as anybody listens.
    Drip(Vec<u8>),
    /// Nothing, for ever.
    Hang,
    /// An orderly answer, after a while.
    Late(Duration),
    /// The end of the connection.
    Close,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it was there as a whole.
    pub at: Instant,
    /// Its first line.
    pub line: String,
    /// By name, in small letters.
    pub headers: HashMap<String, String>,
    /// After decompression.
    pub body: Vec<u8>,
    /// Who sent it: connections have a peer each.
    pub peer: SocketAddr,
}

type Script = Arc<dyn Fn(usize, &Received) -> Reply + Send + Sync>;

/// A receiver of HTTP.
pub type Receiver = crate::Receiver<Received>;

/// The thread that takes connections, until this is dropped.
struct Running {
    address: SocketAddr,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    stopped: Arc<AtomicBool>,
    accepting: Option<thread::JoinHandle<()>>,
}

/// Takes whatever comes.
pub fn ok() -> Reply {
    answer(200)
}

/// A status, with nothing to say.
pub fn answer(status: u16) -> Reply {
    let headers = vec![("content-type", "application/x-protobuf".to_owned())];
    Reply::Answer { status, headers, body: Vec::new() }
}

impl Receiver {
    /// Listens on a free port; the script gets the number of the request, counted from 0.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), script)
    }

    /// The same on an address.
    ///
    /// # Panics
    /// If somebody else has it.
    pub fn start_on(
        address: SocketAddr,
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("the port is free");
        let address = listener.local_addr().unwrap();
        let streams: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let stopped: Arc<AtomicBool> = Arc::default();
        let (kept, is_stopped) = (Arc::clone(&streams), Arc::clone(&stopped));
        let inbox = Inbox::default();
        let (received, script): (_, Script) = (inbox.clone(), Arc::new(script));
        let accepting = thread::spawn(move || {
            for stream in listener.incoming() {
                if is_stopped.load(Ordering::SeqCst) {
                    break;
                }
                let Some((stream, own)) =
                    stream.ok().and_then(|stream| Some((stream.try_clone().ok()?, stream)))
                else {
                    // As without a file descriptor.
                    thread::sleep(Duration::from_millis(10));
                    continue;
                };
                kept.lock().unwrap().push(own);
                let (received, script) = (received.clone(), Arc::clone(&script));
                thread::spawn(move || serve(&stream, &received, &script));
            }
        });
        let running = Running { address, streams, stopped, accepting: Some(accepting) };
        Self { address, received: inbox, _running: Box::new(running) }
    }
}

/// Ends as a process does: nobody listens, and connections are closed.
impl Drop for Running {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // The listener sits in `accept`: a last visitor wakes it. Once its thread has ended, nobody listens any more.
        if TcpStream::connect(self.address).is_ok() {
            let _ = self.accepting.take().map(thread::JoinHandle::join);
        }
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

fn serve(stream: &TcpStream, received: &Inbox<Received>, script: &Script) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let request = read(&mut reader)?;
        let number = received.take(request.clone());
        match script(number, &request) {
            Reply::Answer { status, headers, body } => write(stream, status, &headers, &body)?,
            Reply::Late(pause) => {
                thread::sleep(pause);
                write(stream, 200, &[], &[])?;
            }
            Reply::Raw(bytes) => {
                stream.write_all(&bytes).ok()?;
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return None;
            }
            Reply::Drip(bytes) => {
                for byte in bytes {
                    stream.write_all(&[byte]).ok()?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            Reply::Hang => {
                // Until the other end gives up.
                let _ = stream.read(&mut [0]);
                return None;
            }
            Reply::Close => {
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return None;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = HashMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).expect("it is gzip");
        body = plain;
    }
    let peer = reader.get_ref().peer_addr().ok()?;
    Some(Received { at: Instant::now(), line: line.trim().to_owned(), headers, body, peer })
}

fn write(mut stream: &TcpStream, status: u16, headers: &[(&str, String)], body: &[u8]) -> Option<()> {
    let mut head = format!("HTTP/1.1 {status} Word\r\n");
    // The others have no body, and say nothing about one.
    let has_body = status >= 200 && status != 204 && status != 304;
    if has_body {
        let _ = write!(head, "content-length: {}\r\n", body.len());
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head += "\r\n";
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(if has_body { body } else { &[] });
    // In one piece: of two, the second would wait until the first is acknowledged.
    stream.write_all(&bytes).ok()
}

impl Received {
    /// The metrics in it.
    ///
    /// # Panics
    /// If it is no message of metrics.
    pub fn message(&self) -> ExportMetricsServiceRequest {
        ExportMetricsServiceRequest::decode(&self.body[..]).expect("it is OTLP")
    }

    /// The spans in it.
    ///
    /// # Panics
    /// If it is no message of traces.
    pub fn spans(&self) -> Vec<Span> {
        let message = ExportTraceServiceRequest::decode(&self.body[..]).expect("it is OTLP");
        let scopes = message.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// The family of that name.
    pub fn metric(&self, name: &str) -> Option<Metric> {
        let resources = self.message().resource_metrics.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_metrics);
        scopes.flat_map(|scope| scope.metrics).find(|metric| metric.name == name)
    }

    /// The points of a sum or gauge.
    pub fn numbers(&self, name: &str) -> Vec<NumberDataPoint> {
        match self.metric(name).and_then(|metric| metric.data) {
            Some(Data::Sum(sum)) => sum.data_points,
            Some(Data::Gauge(gauge)) => gauge.data_points,
            _ => Vec::new(),
        }
    }

    /// The points of an exponential histogram.
    pub fn exponentials(&self, name: &str) -> Vec<ExponentialHistogramDataPoint> {
        match self.metric(name).and_then(|metric| metric.data) {
            Some(Data::ExponentialHistogram(histogram)) => histogram.data_points,
            _ => Vec::new(),
        }
    }

    /// The points of a histogram.
    pub fn histograms(&self, name: &str) -> Vec<HistogramDataPoint> {
        match self.metric(name).and_then(|metric| metric.data) {
            Some(Data::Histogram(histogram)) => histogram.data_points,
            _ => Vec::new(),
        }
    }

    /// All points of a counter, added up.
    pub fn total(&self, name: &str) -> i64 {
        let value = |point: &NumberDataPoint| match point.value {
            Some(Value::AsInt(value)) => value,
            _ => 0,
        };
        self.numbers(name).iter().map(value).sum()
    }
}
