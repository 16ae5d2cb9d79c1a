//! One connection from its first byte to its last.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

use super::answer::Answerer;
use super::watch::{Phase, Watch, Watched};
use super::{Counts, Limits};
use crate::Source;
use crate::health::{self, Rejection};

/// Longest request line and headers together.
const LONGEST_HEADER: usize = 16 * 1024;
/// How long a client that is turned away has to read why.
const FAREWELL: Duration = Duration::from_millis(250);

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Length: 0\r\n\r\n";
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/// Serves requests until the client leaves, a deadline passes, or the connection has to make room.
pub(super) async fn serve<S: Source + 'static>(
    stream: TcpStream,
    watch: Arc<Watch>,
    answerer: Arc<Answerer<S>>,
    counts: Arc<Counts>,
    limits: Limits,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) {
    let watched = Watched { stream, watch: Arc::clone(&watch) };
    let seen = Arc::clone(&watch);
    let service = service_fn(move |request: Request<Incoming>| {
        seen.serving();
        let (seen, answer) = (Arc::clone(&seen), answerer.answer(&request));
        async move {
            let answer = answer.await;
            seen.answered();
            Ok::<Response<_>, std::convert::Infallible>(answer)
        }
    });
    let mut connection =
        http1::Builder::new().max_buf_size(LONGEST_HEADER).serve_connection(watched, service);
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            // Errors are the client's: it broke off, or sent what is no request.
            _ = &mut connection => return,
            _ = stopped.wait_for(|stopped| *stopped), if !stopping => {
                if watch.phase() != Phase::Serving {
                    return;
                }
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
            () = watch.changed.notified() => {}
            () = sleep_until(watch.deadline(&limits)) => {}
        }
        if watch.deadline(&limits) <= tokio::time::Instant::now() {
            break;
        }
    }
    let phase = watch.phase();
    let stream = connection.into_parts().io.stream;
    if phase == Phase::Displaced {
        Counts::add(&counts.displaced);
        health::METRICS.increment_rejected_connections(Rejection::TooManyConnections);
        drop(watch);
        return refuse(stream, BUSY).await;
    }
    if phase == Phase::CutOff {
        Counts::add(&counts.displaced);
        health::METRICS.increment_rejected_connections(Rejection::TooManyConnections);
        return;
    }
    Counts::add(&counts.expired);
    // An idle connection that is closed was not turned away.
    if phase != Phase::Idle {
        health::METRICS.increment_rejected_connections(Rejection::Timeout);
    }
    if phase == Phase::Reading {
        refuse(stream, TOO_SLOW).await;
    }
}

/// Turns a client away before it sent a request.
pub(super) async fn turn_away(stream: TcpStream) {
    refuse(stream, BUSY).await;
}

/// Says why, then reads what the client still sends: closing with bytes unread would reset the connection and
/// take the answer with it.
async fn refuse(mut stream: TcpStream, answer: &[u8]) {
    let farewell = async {
        stream.write_all(answer).await?;
        stream.shutdown().await?;
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // Whether the client listened or not, this is the end.
    let _ = timeout(FAREWELL, farewell).await;
}
