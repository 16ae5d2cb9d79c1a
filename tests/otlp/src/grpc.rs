//! A receiver of gRPC on bare HTTP/2 that answers by a script, and remembers what it got.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;

use crate::Inbox;

/// What to do with a call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A code, with `RetryInfo` if there is a delay.
    Code(i32, Option<Duration>),
    /// A success with this message.
    Message(Vec<u8>),
    /// A success with this message, compressed.
    Compressed(Vec<u8>),
    /// A success whose body is these bytes and nothing more.
    Body(Vec<u8>),
    /// No success in HTTP's own words.
    Http(u16),
    /// Nothing, for ever.
    Hang,
    /// The stream is reset.
    Reset,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Received {
    /// When it was there as a whole.
    pub at: Instant,
    /// The method that was called.
    pub path: String,
    /// What came with it.
    pub headers: HeaderMap,
    /// The message, after decompression.
    pub message: ExportMetricsServiceRequest,
    /// Whether it was compressed.
    pub is_compressed: bool,
}

type Script = Arc<dyn Fn(usize) -> Reply + Send + Sync>;

/// A receiver of gRPC.
pub type Receiver = crate::Receiver<Received>;

/// What serves, until this is dropped.
struct Running(Option<tokio::runtime::Runtime>);

/// `google.rpc.Status`, with one detail.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<Delay>,
}

#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Receiver {
    /// Listens on a free port; the script gets the number of the call, counted from 0.
    ///
    /// # Panics
    /// If there is no port.
    pub fn start(script: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on("127.0.0.1:0".parse().unwrap(), None, script)
    }

    /// On an address, behind TLS if there is something for it.
    ///
    /// # Panics
    /// If somebody else has the address.
    pub fn start_on(
        address: SocketAddr,
        tls: Option<Arc<rustls::ServerConfig>>,
        script: impl Fn(usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(address)).expect("the port is free");
        let address = listener.local_addr().unwrap();
        let received = Inbox::default();
        let (calls, script): (_, Script) = (received.clone(), Arc::new(script));
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    // As without a file descriptor.
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let (calls, script, tls) = (calls.clone(), Arc::clone(&script), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(config) => {
                            let stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await;
                            if let Ok(stream) = stream {
                                serve(stream, calls, script).await;
                            }
                        }
                        None => serve(stream, calls, script).await,
                    }
                });
            }
        });
        Self { address, received, _running: Box::new(Running(Some(runtime))) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(stream: S, calls: Inbox<Received>, script: Script) {
    let Ok(mut connection) = h2::server::handshake(stream).await else { return };
    while let Some(Ok((request, respond))) = connection.accept().await {
        tokio::spawn(answer(request, respond, calls.clone(), Arc::clone(&script)));
    }
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    calls: Inbox<Received>,
    script: Script,
) -> Option<()> {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.ok()?;
        let _ = body.flow_control().release_capacity(piece.len());
        bytes.extend_from_slice(&piece);
    }
    let is_compressed = bytes.first() == Some(&1);
    let mut message = bytes.split_off(5);
    if is_compressed {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&message[..]).read_to_end(&mut plain).expect("it is gzip");
        message = plain;
    }
    let number = calls.take(Received {
        at: Instant::now(),
        path: head.uri.path().to_owned(),
        headers: head.headers,
        message: ExportMetricsServiceRequest::decode(&message[..]).expect("it is OTLP"),
        is_compressed,
    });
    let response = Response::builder().header("content-type", "application/grpc");
    match script(number) {
        Reply::Code(0, _) => success(&mut respond, &[], false),
        Reply::Message(message) => success(&mut respond, &message, false),
        Reply::Compressed(message) => success(&mut respond, &gzip(&message)?, true),
        Reply::Code(code, delay) => {
            let mut response = response.header("grpc-status", code).header("grpc-message", "scripted");
            if let Some(delay) = delay {
                response = response.header("grpc-status-details-bin", details(code, delay));
            }
            respond.send_response(response.body(()).ok()?, true).ok().map(drop)
        }
        Reply::Body(bytes) => {
            let mut stream = respond.send_response(response.body(()).ok()?, bytes.is_empty()).ok()?;
            if bytes.is_empty() { Some(()) } else { stream.send_data(bytes.into(), true).ok() }
        }
        Reply::Http(status) => {
            let response = Response::builder().status(status).body(()).ok()?;
            respond.send_response(response, true).ok().map(drop)
        }
        Reply::Hang => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            None
        }
        Reply::Reset => {
            respond.send_reset(h2::Reason::INTERNAL_ERROR);
            None
        }
    }
}

fn success(respond: &mut SendResponse<Bytes>, message: &[u8], is_compressed: bool) -> Option<()> {
    let mut response = Response::builder().header("content-type", "application/grpc");
    if is_compressed {
        response = response.header("grpc-encoding", "gzip");
    }
    let mut stream = respond.send_response(response.body(()).ok()?, false).ok()?;
    let mut frame = BytesMut::new();
    frame.put_u8(is_compressed.into());
    frame.put_u32(u32::try_from(message.len()).ok()?);
    frame.put_slice(message);
    stream.send_data(frame.freeze(), false).ok()?;
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().ok()?);
    stream.send_trailers(trailers).ok()
}

fn gzip(message: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(message).ok()?;
    encoder.finish().ok()
}

fn details(code: i32, delay: Duration) -> String {
    let delay = Delay {
        seconds: delay.as_secs().try_into().unwrap(),
        nanos: delay.subsec_nanos().try_into().unwrap(),
    };
    let info = Any {
        type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(),
        value: RetryInfo { delay: Some(delay) }.encode_to_vec(),
    };
    let status = Status { code, message: "scripted".to_owned(), details: vec![info] };
    STANDARD_NO_PAD.encode(status.encode_to_vec())
}
