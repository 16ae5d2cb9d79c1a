//! OTLP over gRPC: one call for each message, on a channel that a runtime of our own drives.
//!
//! The runtime has one thread, the exporter's, and runs while a message is under way. A channel is made anew after
//! every failure, so that names are resolved again.

use std::error::Error as _;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use tokio::runtime::{Builder, Runtime};
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::address::{address, shown};
use super::config::{Compression, OtelConfig, Signal};
use super::error::OtelError;
use super::http::{clipped, headers};
use super::retry::Verdict;
use super::transport::{Answer, Message, Transport};

/// The largest answer that is read.
const LARGEST_ANSWER: usize = 4 << 20;

/// How the library below says that an answer was too large, or not to be understood. It does so with codes that are a
/// receiver's words as well.
const UNREADABLE: [&str; 3] =
    ["decoded message length too large", "Error decompressing", "failed to decode Protobuf message"];

/// How it says that there was no answer, or half of one, or something else.
const UNANSWERED: [&str; 3] =
    ["Missing response message", "Unexpected EOF decoding stream", "protocol error: "];

/// A receiver that speaks gRPC.
pub(super) struct Grpc {
    endpoint: Endpoint,
    shown: String,
    metadata: MetadataMap,
    gzip: bool,
    runtime: Option<Runtime>,
    channel: Option<Channel>,
}

impl Grpc {
    /// Checks the address, the headers and the files for TLS.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub(super) fn new(config: &OtelConfig, signal: Signal) -> Result<Self, OtelError> {
        let uri = address(config, signal)?;
        let wrong = |error: tonic::transport::Error| {
            OtelError::config(format!("`{}` cannot be reached by gRPC: {}", shown(&uri), chain(&error)))
        };
        let base = format!(
            "{}://{}",
            uri.scheme_str().unwrap_or("http"),
            uri.authority().map_or("", |authority| authority.as_str())
        );
        let endpoint = Endpoint::from_shared(base)
            .and_then(|endpoint| endpoint.user_agent(super::USER_AGENT))
            .map_err(wrong)?
            .connect_timeout(config.timeout);
        #[cfg(feature = "tls")]
        let endpoint = match uri.scheme_str() {
            Some("https") => endpoint.tls_config(super::tls::for_grpc(&config.tls)?).map_err(wrong)?,
            _ => endpoint,
        };
        let metadata = MetadataMap::from_headers(headers(config)?);
        let gzip = config.compression == Compression::Gzip;
        Ok(Self { endpoint, shown: shown(&uri), metadata, gzip, runtime: None, channel: None })
    }

    /// Makes one call, with the timeout that the receiver is told, too.
    fn call(&mut self, message: &Message, timeout: Duration) -> Result<(i64, String), Status> {
        let runtime = match &mut self.runtime {
            Some(runtime) => runtime,
            none => {
                let built = Builder::new_current_thread().enable_all().build();
                none.insert(built.map_err(|error| Status::unavailable(format!("no runtime: {error}")))?)
            }
        };
        let channel = {
            let _entered = runtime.enter();
            self.channel.get_or_insert_with(|| self.endpoint.connect_lazy()).clone()
        };
        let call = export(channel, message.clone(), self.metadata.clone(), self.gzip, timeout);
        let limited = async { tokio::time::timeout(timeout, call).await };
        runtime.block_on(limited).unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
    }

    fn failed(&self, status: &Status) -> Answer {
        if UNREADABLE.iter().any(|words| status.message().contains(words)) {
            // A message came, so the call had succeeded; what was said about it is nothing to repeat it for.
            let words = clipped(status.message());
            let message = format!("{} gave an answer that cannot be read: {words}", self.shown);
            return Answer::Accepted { rejected: 0, message };
        }
        let cause = status.source().map(|cause| format!(": {}", chain(cause))).unwrap_or_default();
        let (code, words) = (status.code(), clipped(status.message()));
        let why = format!("{} answered {code:?}: {words}{cause}", self.shown);
        let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
        let asked = asked.filter(|delay| !delay.is_zero());
        // What has a cause was made up here: the receiver said nothing of what became of the message.
        let is_silent =
            status.source().is_some() || UNANSWERED.iter().any(|words| status.message().contains(words));
        let verdict =
            if is_silent { Verdict::Again { maybe_delivered: true } } else { verdict(code, asked.is_some()) };
        match verdict {
            Verdict::Again { maybe_delivered } => Answer::Again { asked, maybe_delivered, why },
            Verdict::TooLarge => Answer::TooLarge { why },
            Verdict::Accepted | Verdict::Refused => Answer::Refused { why },
        }
    }
}

impl Transport for Grpc {
    fn send(&mut self, message: &Message, timeout: Duration, sent: &mut u64) -> Answer {
        let ended = self.call(message, timeout);
        if ended.is_ok() {
            // Before compression: what became of it, the library below keeps to itself.
            *sent += message.size();
        }
        match ended {
            Ok((rejected, message)) => Answer::Accepted {
                rejected: u64::try_from(rejected).unwrap_or(0),
                message: clipped(&message),
            },
            Err(status) => self.failed(&status),
        }
    }

    fn reconnect(&mut self) {
        self.channel = None;
    }
}

impl Drop for Grpc {
    fn drop(&mut self) {
        // A name that is still being resolved is not waited for.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a code means, by the specification's table.
pub(super) fn verdict(code: Code, is_pause_asked_for: bool) -> Verdict {
    match code {
        Code::Ok => Verdict::Accepted,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Verdict::Again { maybe_delivered: true },
        // Somebody will recover; without that word it is the message that is too much.
        Code::ResourceExhausted if is_pause_asked_for => Verdict::Again { maybe_delivered: false },
        Code::ResourceExhausted => Verdict::TooLarge,
        Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::Internal
        | Code::Unauthenticated => Verdict::Refused,
    }
}

/// One call; what the receiver rejected, and its words.
async fn export(
    channel: Channel,
    message: Message,
    metadata: MetadataMap,
    gzip: bool,
    timeout: Duration,
) -> Result<(i64, String), Status> {
    macro_rules! call {
        ($client:ident, $request:ident, $rejected:ident) => {{
            let mut client = $client::new(channel).max_decoding_message_size(LARGEST_ANSWER);
            if gzip {
                client = client
                    .send_compressed(CompressionEncoding::Gzip)
                    .accept_compressed(CompressionEncoding::Gzip);
            }
            let mut request = Request::new($request);
            *request.metadata_mut() = metadata;
            request.set_timeout(timeout);
            let partial = client.export(request).await?.into_inner().partial_success.unwrap_or_default();
            Ok((partial.$rejected, partial.error_message))
        }};
    }
    match message {
        Message::Metrics(request) => call!(MetricsServiceClient, request, rejected_data_points),
        Message::Traces(request) => call!(TraceServiceClient, request, rejected_spans),
    }
}

/// An error and its causes, without repetition.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !words.iter().any(|known| known.contains(&next)) {
            words.push(next);
        }
        cause = error.source();
    }
    words.join(": ")
}
