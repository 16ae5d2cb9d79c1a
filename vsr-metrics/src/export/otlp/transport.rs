//! What carries a message to the receiver and says how it ended.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

use super::config::{OtelConfig, Protocol, Signal};
use super::error::OtelError;
use super::http::Http;
use crate::encode::otlp::{halves, points_of};

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) enum Message {
    Metrics(ExportMetricsServiceRequest),
    Traces(ExportTraceServiceRequest),
}

/// How an attempt ended.
#[derive(Debug)]
pub(super) enum Answer {
    /// The receiver has it, all but the rejected points.
    Accepted { rejected: u64, message: String },
    /// Another attempt may help.
    Again { asked: Option<Duration>, maybe_delivered: bool, why: String },
    /// Two smaller messages may do.
    TooLarge { why: String },
    /// Nothing will help.
    Refused { why: String },
}

/// A way to the receiver.
pub(super) trait Transport: Send {
    /// Sends one message, in at most as long as that. Adds the bytes handed to the network to `sent`.
    fn send(&mut self, message: &Message, timeout: Duration, sent: &mut u64) -> Answer;

    /// Forgets connections: the next attempt resolves the name again.
    fn reconnect(&mut self);
}

/// The way that the configuration asks for, checked; it is made, and used, by the exporter's thread.
pub(super) type Factory = Box<dyn FnOnce() -> Box<dyn Transport> + Send>;

/// Checks everything that can be checked before a thread is started.
///
/// # Errors
/// If the configuration cannot work.
pub(super) fn prepare(config: &OtelConfig, signal: Signal) -> Result<Factory, OtelError> {
    match config.protocol {
        Protocol::HttpProtobuf => {
            let http = Http::new(config, signal)?;
            Ok(Box::new(move || Box::new(http)))
        }
        #[cfg(feature = "otel-grpc")]
        Protocol::Grpc => {
            let grpc = super::grpc::Grpc::new(config, signal)?;
            Ok(Box::new(move || Box::new(grpc)))
        }
        #[cfg(not(feature = "otel-grpc"))]
        Protocol::Grpc => {
            super::address::address(config, signal).and_then(|_| Err(OtelError::config("no gRPC")))
        }
    }
}

impl Message {
    /// As protobuf.
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Metrics(request) => request.encode_to_vec(),
            Self::Traces(request) => request.encode_to_vec(),
        }
    }

    /// Bytes as protobuf.
    #[cfg(feature = "otel-grpc")]
    pub(super) fn size(&self) -> u64 {
        let size = match self {
            Self::Metrics(request) => request.encoded_len(),
            Self::Traces(request) => request.encoded_len(),
        };
        size as u64
    }

    /// The number of data points or spans.
    pub(super) fn points(&self) -> u64 {
        let points: usize = match self {
            Self::Metrics(request) => {
                request.resource_metrics.iter().map(|resource| points_of(&resource.scope_metrics)).sum()
            }
            Self::Traces(request) => {
                let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
                scopes.map(|scope| scope.spans.len()).sum()
            }
        };
        points as u64
    }

    /// The same content in smaller messages; nothing if it cannot be smaller.
    pub(super) fn split(self) -> Vec<Self> {
        if self.points() < 2 {
            return Vec::new();
        }
        match self {
            Self::Metrics(request) => request
                .resource_metrics
                .into_iter()
                .flat_map(|mut resource| {
                    let scopes = std::mem::take(&mut resource.scope_metrics);
                    halves(scopes).into_iter().map(move |scope_metrics| {
                        let mut half = resource.clone();
                        half.scope_metrics = scope_metrics;
                        Self::Metrics(ExportMetricsServiceRequest { resource_metrics: vec![half] })
                    })
                })
                .collect(),
            Self::Traces(request) => split_spans(request).map(Self::Traces).collect(),
        }
    }
}

fn split_spans(request: ExportTraceServiceRequest) -> impl Iterator<Item = ExportTraceServiceRequest> {
    request.resource_spans.into_iter().flat_map(|resource| {
        let (mut first, mut second) = (resource.clone(), resource);
        for (one, other) in first.scope_spans.iter_mut().zip(&mut second.scope_spans) {
            let half = one.spans.len() / 2;
            one.spans.truncate(half);
            other.spans.drain(..half);
        }
        [first, second].map(|half| ExportTraceServiceRequest { resource_spans: vec![half] })
    })
}
