//! Requests in, answers out: paths, methods, content negotiation, compression.

use std::convert::Infallible;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    VARY,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};

use super::Counts;
use crate::Source;
use crate::encode;
use crate::export::negotiation::{negotiate, quality};
use crate::export::{Rendered, Renderer};
use crate::health::{self, Exporter, Outcome};

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const INDEX: &str = "vsr-metrics\n\n/metrics  all series, as Prometheus text or OpenMetrics\n\
    /healthz  whether this endpoint answers\n";

/// Answers the requests of all connections.
pub(super) struct Answerer<S> {
    renderer: Renderer<(S, &'static health::Metrics)>,
    counts: Arc<Counts>,
    /// How long a scrape waits for the source.
    patience: Duration,
}

type Answer = Response<Whole>;

/// A body that is there as a whole, until it is taken.
pub(super) struct Whole(Option<Bytes>);

/// What a request comes to, once it was looked at.
enum Wish {
    /// Something that is known already.
    Known(Answer),
    /// A scrape.
    Metrics(Scrape),
}

/// What a scraper said it takes.
struct Scrape {
    accept: Option<String>,
    gzip: bool,
}

/// A collection that is under way on another thread, and not begun if nobody waits for it any more.
struct Collection(tokio::task::JoinHandle<Option<Answer>>);

impl Drop for Collection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<S: Source + 'static> Answerer<S> {
    pub(super) fn new(source: S, counts: Arc<Counts>, patience: Duration) -> Self {
        Self { renderer: Renderer::new((source, &health::METRICS)), counts, patience }
    }

    /// The answer to one request. For HEAD the server keeps the body to itself.
    pub(super) fn answer<B>(
        self: &Arc<Self>,
        request: &Request<B>,
    ) -> impl Future<Output = Answer> + Send + use<S, B> {
        let wish = wish(request);
        let answerer = Arc::clone(self);
        async move {
            match wish {
                Wish::Known(answer) => answer,
                Wish::Metrics(scrape) => answerer.scrape(scrape).await,
            }
        }
    }

    /// Collects on a thread for that purpose: a source that takes its time must not keep anybody else waiting,
    /// and one that never returns keeps that thread alone.
    async fn scrape(self: Arc<Self>, scrape: Scrape) -> Answer {
        let format = asked(scrape.accept.as_deref());
        let answerer = Arc::clone(&self);
        let mut collection = Collection(tokio::task::spawn_blocking(move || answerer.metrics(&scrape)));
        match tokio::time::timeout(self.patience, &mut collection.0).await {
            Ok(Ok(Some(answer))) => {
                Counts::add(&self.counts.scrapes);
                health::METRICS.increment_scrapes(format, Outcome::Success);
                health::METRICS.set_last_success_timestamp(Exporter::Prometheus, seconds_since_1970());
                answer
            }
            Ok(_) => failed(format, &self.counts.panics, "a source of metrics panicked\n"),
            Err(_) => {
                let mut answer = failed(format, &self.counts.stalled, "a source of metrics is stuck\n");
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
                answer
            }
        }
    }

    /// An exposition; `None` if a source panicked.
    fn metrics(&self, scrape: &Scrape) -> Option<Answer> {
        let timer = health::METRICS.time_encode_duration();
        // Renderer and source stay usable: the renderer drops what it was working with.
        let rendered = catch_unwind(AssertUnwindSafe(|| self.renderer.render(scrape.accept.as_deref())));
        let Ok(Rendered { content_type, body }) = rendered else {
            timer.discard();
            return None;
        };
        drop(timer); // records
        let zipped = scrape.gzip.then(|| gzip(&body)).flatten();
        let compressed = zipped.is_some();
        let mut answer = Response::new(Whole(Some(Bytes::from(zipped.unwrap_or(body)))));
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if compressed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Some(answer)
    }
}

/// What a request comes to.
fn wish<B>(request: &Request<B>) -> Wish {
    let path = request.uri().path();
    if !matches!(path, "/" | "/metrics" | "/healthz") {
        return Wish::Known(text(StatusCode::NOT_FOUND, "not found: try /metrics\n"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Wish::Known(answer);
    }
    let headers = request.headers();
    match path {
        "/metrics" => Wish::Metrics(Scrape {
            accept: joined(headers, &ACCEPT),
            gzip: accepts_gzip(joined(headers, &ACCEPT_ENCODING).as_deref()),
        }),
        "/healthz" => Wish::Known(text(StatusCode::OK, "ok\n")),
        _ => Wish::Known(text(StatusCode::OK, INDEX)),
    }
}

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    let mut answer = Response::new(Whole(Some(Bytes::from_static(body.as_bytes()))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, PLAIN);
    answer
}

fn failed(format: health::Format, count: &AtomicU64, why: &'static str) -> Answer {
    Counts::add(count);
    health::METRICS.increment_scrapes(format, Outcome::Failure);
    text(StatusCode::INTERNAL_SERVER_ERROR, why)
}

/// Zero on a machine whose clock stands before 1970.
fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The format that a scraper gets, as the exporters' own catalog names it.
fn asked(accept: Option<&str>) -> health::Format {
    match negotiate(accept).format {
        encode::Format::Prometheus => health::Format::Text,
        encode::Format::OpenMetrics => health::Format::Openmetrics,
    }
}

/// All values of a header that may stand several times. Values that are no text say nothing.
fn joined(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether gzip is welcome: named with a quality above zero, or covered by a `*` that is.
fn accepts_gzip(accept: Option<&str>) -> bool {
    let (mut named, mut any) = (None, None);
    for coding in accept.unwrap_or("").split(',') {
        let mut pieces = coding.split(';').map(str::trim);
        let name = pieces.next().unwrap_or("");
        let q = pieces.filter_map(|piece| piece.split_once('=')).find(|(name, _)| name.trim() == "q");
        let welcome = q.is_none_or(|(_, value)| quality(value.trim()).is_some_and(|quality| quality > 0));
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            named = Some(welcome);
        } else if name == "*" {
            any = Some(welcome);
        }
    }
    named.or(any).unwrap_or(false)
}

/// Compressed at the fastest level: an exposition shrinks to a tenth of its size even so.
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 8), Compression::fast());
    // Writing to memory does not fail; if it did, the body would go out as it is.
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_only_to_those_who_take_it() {
        for (header, expected) in [
            (None, false),
            (Some(""), false),
            (Some("gzip"), true),
            (Some("x-gzip"), true),
            (Some("GZIP;q=0.1"), true),
            (Some("deflate, gzip;q=1.0, *;q=0.5"), true),
            (Some("gzip;q=0"), false),
            (Some("gzip; q=0.000, *"), false),
            (Some("*"), true),
            (Some("*;q=0"), false),
            (Some("identity"), false),
            (Some("br, deflate"), false),
            (Some("gzip;q=nonsense"), false),
        ] {
            assert_eq!(accepts_gzip(header), expected, "{header:?}");
        }
    }
}
