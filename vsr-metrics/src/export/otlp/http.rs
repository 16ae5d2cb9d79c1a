//! OTLP over HTTP/1.1: one POST for each message, on a connection that is kept.

use std::io::Write as _;
use std::time::{Duration, SystemTime};

use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use ureq::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

use super::address::{address, shown};
use super::config::{Compression, OtelConfig, Signal};
use super::error::OtelError;
use super::retry::{self, Verdict};
use super::transport::{Answer, Message, Transport};

/// The largest answer that is read.
const LARGEST_ANSWER: u64 = 4 << 20;

/// What stands in errors of a receiver's words.
const LONGEST_WORDS: usize = 200;

const PROTOBUF: &str = "application/x-protobuf";

/// A receiver that speaks HTTP.
pub(super) struct Http {
    uri: Uri,
    headers: HeaderMap,
    gzip: bool,
    config: ureq::config::Config,
    agent: Agent,
    connect: fn(&ureq::config::Config) -> Agent,
}

/// Why a receiver refused, in its own words: `google.rpc.Status`.
#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

impl Http {
    /// Checks the address, the headers and the files for TLS.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub(super) fn new(config: &OtelConfig, signal: Signal) -> Result<Self, OtelError> {
        let uri = address(config, signal)?;
        let headers = headers(config)?;
        let builder = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(super::USER_AGENT)
            .max_idle_connections(1)
            .max_idle_age(Duration::from_secs(60).max(config.export_interval.saturating_mul(2)));
        #[cfg(feature = "tls")]
        let builder = match uri.scheme_str() {
            Some("https") => builder.tls_config(super::tls::for_http(&config.tls)?),
            _ => builder,
        };
        let agent_config = builder.build();
        let connect = ureq::config::Config::new_agent;
        let agent = connect(&agent_config);
        let gzip = config.compression == Compression::Gzip;
        Ok(Self { uri, headers, gzip, config: agent_config, agent, connect })
    }

    fn body(&self, message: &Message) -> Vec<u8> {
        let plain = message.encode();
        if !self.gzip {
            return plain;
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), flate2::Compression::fast());
        // Writing into memory does not fail.
        let _ = encoder.write_all(&plain);
        encoder.finish().unwrap_or_default()
    }

    fn answer(&self, message: &Message, mut response: Response<Body>) -> Answer {
        let status = response.status().as_u16();
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let asked = asked.and_then(|value| retry::retry_after(value, SystemTime::now()));
        let is_protobuf = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with(PROTOBUF));
        let verdict = retry::http(status);
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER).read_to_vec();
        let why = |body: &[u8]| {
            let words =
                Status::decode(body).ok().filter(|_| is_protobuf).map(|status| clipped(&status.message));
            let words = words.filter(|words| !words.is_empty()).map(|words| format!(": {words}"));
            format!("{} answered {status}{}", shown(&self.uri), words.unwrap_or_default())
        };
        match (verdict, body) {
            (Verdict::Accepted, Ok(body)) if is_protobuf || body.is_empty() => accepted(message, &body),
            // It was taken; what was said about it is nothing to repeat the message for.
            (Verdict::Accepted, _) => Answer::Accepted {
                rejected: 0,
                message: format!("{} answered {status}, with a body that is no OTLP", shown(&self.uri)),
            },
            (Verdict::Again { maybe_delivered }, body) => {
                Answer::Again { asked, maybe_delivered, why: why(&body.unwrap_or_default()) }
            }
            (Verdict::TooLarge, body) => Answer::TooLarge { why: why(&body.unwrap_or_default()) },
            (Verdict::Refused, body) => Answer::Refused { why: why(&body.unwrap_or_default()) },
        }
    }

    /// What came in place of an answer.
    fn failed(&self, error: &ureq::Error) -> Answer {
        use ureq::Error;
        let why = format!("{}: {error}{}", shown(&self.uri), self.hint(error));
        match error {
            // Nothing was sent.
            Error::HostNotFound | Error::ConnectionFailed => {
                Answer::Again { asked: None, maybe_delivered: false, why }
            }
            Error::Io(io) => {
                let maybe_delivered = io.kind() != std::io::ErrorKind::ConnectionRefused;
                Answer::Again { asked: None, maybe_delivered, why }
            }
            Error::Timeout(at) => {
                let maybe_delivered = !matches!(at, ureq::Timeout::Resolve | ureq::Timeout::Connect);
                Answer::Again { asked: None, maybe_delivered, why }
            }
            // An answer that is none says nothing of what became of the message.
            Error::Protocol(_) | Error::LargeResponseHeader(..) => {
                Answer::Again { asked: None, maybe_delivered: true, why }
            }
            // A certificate does not become right by asking again at once, but somebody may repair it.
            _ => Answer::Refused { why },
        }
    }

    fn hint(&self, error: &ureq::Error) -> &'static str {
        let is_odd = matches!(error, ureq::Error::Protocol(_) | ureq::Error::Io(_));
        if is_odd && self.uri.port_u16() == Some(4317) { " (port 4317 usually speaks gRPC)" } else { "" }
    }
}

impl Transport for Http {
    fn send(&mut self, message: &Message, timeout: Duration, sent: &mut u64) -> Answer {
        let body = self.body(message);
        let mut request = self.agent.post(&self.uri).content_type(PROTOBUF);
        if self.gzip {
            request = request.header(CONTENT_ENCODING, "gzip");
        }
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let request = request.config().timeout_global(Some(timeout)).build();
        match request.send(&body[..]) {
            Ok(response) => {
                *sent += body.len() as u64;
                self.answer(message, response)
            }
            Err(error) => self.failed(&error),
        }
    }

    fn reconnect(&mut self) {
        self.agent = (self.connect)(&self.config);
    }
}

/// The headers of every request, checked, and marked so that nobody prints them.
///
/// # Errors
/// If a name or value is none.
pub(super) fn headers(config: &OtelConfig) -> Result<HeaderMap, OtelError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &config.headers.0 {
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| OtelError::config(format!("`{name}` is no name of a header")))?;
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| OtelError::config(format!("the value of the header `{name}` cannot be sent")))?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    Ok(headers)
}

fn accepted(message: &Message, body: &[u8]) -> Answer {
    let partial = match message {
        Message::Metrics(_) => ExportMetricsServiceResponse::decode(body).map(|response| {
            response.partial_success.map(|partial| (partial.rejected_data_points, partial.error_message))
        }),
        Message::Traces(_) => ExportTraceServiceResponse::decode(body).map(|response| {
            response.partial_success.map(|partial| (partial.rejected_spans, partial.error_message))
        }),
    };
    let (rejected, message) = match partial {
        Ok(partial) => partial.unwrap_or_default(),
        Err(_) => (0, "the receiver's answer is no OTLP".to_owned()),
    };
    Answer::Accepted { rejected: u64::try_from(rejected).unwrap_or(0), message: clipped(&message) }
}

/// So much of a receiver's words as fits a line.
pub(super) fn clipped(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(LONGEST_WORDS).collect()
}

#[cfg(test)]
mod tests;
