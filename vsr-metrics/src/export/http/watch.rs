//! What each connection is doing and since when: the ground for deadlines, and for who has to make room.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A request is to come or on its way.
    Reading,
    /// An answer is on its way.
    Serving,
    /// An answer was read, and no byte of the next request has come.
    Idle,
    /// It has to make room for another.
    Displaced,
}

/// The phase of a connection, seen from outside.
#[derive(Debug)]
pub(super) struct Watch {
    phase: Mutex<(Phase, Instant)>,
    /// The phase changed in a way that may bring its deadline closer.
    pub(super) changed: Notify,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { phase: Mutex::new((Phase::Reading, Instant::now())), changed: Notify::new() }
    }

    /// The phase and when it began.
    pub(super) fn phase(&self) -> (Phase, Instant) {
        *self.lock()
    }

    /// When the phase has lasted too long.
    pub(super) fn deadline(&self, limits: &Limits) -> Instant {
        let (phase, since) = self.phase();
        match phase {
            Phase::Reading => since + limits.header,
            Phase::Serving => since + limits.write,
            Phase::Idle => since + limits.idle,
            Phase::Displaced => since,
        }
    }

    /// Since when the connection has kept us waiting, if it does.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let (phase, since) = self.phase();
        matches!(phase, Phase::Reading | Phase::Idle).then_some(since)
    }

    /// Asks the connection to close.
    pub(super) fn displace(&self) {
        self.advance(|_| true, Phase::Displaced);
        self.changed.notify_one();
    }

    /// A request has come. Requests sent ahead do not extend the deadline of the answer before them.
    pub(super) fn serving(&self) {
        if self.advance(|phase| matches!(phase, Phase::Reading | Phase::Idle), Phase::Serving) {
            self.changed.notify_one();
        }
    }

    fn received(&self) {
        if self.advance(|phase| phase == Phase::Idle, Phase::Reading) {
            self.changed.notify_one();
        }
    }

    fn flushed(&self) {
        self.advance(|phase| phase == Phase::Serving, Phase::Idle);
    }

    fn advance(&self, applies: impl Fn(Phase) -> bool, next: Phase) -> bool {
        let mut current = self.lock();
        let advances = applies(current.0);
        if advances {
            *current = (next, Instant::now());
        }
        advances
    }

    fn lock(&self) -> MutexGuard<'_, (Phase, Instant)> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream that tells its watch what passes through.
pub(super) struct Watched {
    pub(super) stream: TcpStream,
    pub(super) watch: Arc<Watch>,
}

impl Read for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        let most = bytes.len().min(buffer.remaining());
        let mut read = ReadBuf::new(&mut bytes[..most]);
        let polled = Pin::new(&mut self.stream).poll_read(context, &mut read);
        if !read.filled().is_empty() {
            buffer.put_slice(read.filled());
            self.watch.received();
        }
        polled
    }
}

impl Write for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    /// Called when everything has been handed to the system.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        if polled.is_ready() {
            self.watch.flushed();
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }
}
