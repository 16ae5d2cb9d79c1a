//! What each connection is doing and since when: the ground for deadlines, and for who has to make room.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

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
    /// It has to make room in the middle of an answer.
    CutOff,
}

/// How long a client may take nothing of its answer before another one may have its place.
const STALL: Duration = Duration::from_secs(1);

/// The phase of a connection, seen from outside.
#[derive(Debug)]
pub(super) struct Watch {
    state: Mutex<State>,
    /// The phase changed in a way that may bring its deadline closer.
    pub(super) changed: Notify,
}

#[derive(Clone, Copy, Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// When the client last took something of its answer, or the phase began.
    progress: Instant,
    /// Whether the answer is there, and only has to be written.
    answered: bool,
    /// Whether something was written in this phase, if only the answer to an earlier request.
    begun: bool,
}

impl State {
    fn begin(phase: Phase) -> Self {
        let now = Instant::now();
        Self { phase, since: now, progress: now, answered: false, begun: false }
    }
}

impl Watch {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::begin(Phase::Reading)), changed: Notify::new() }
    }

    /// What the connection is doing.
    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// When the phase has lasted too long.
    pub(super) fn deadline(&self, limits: &Limits) -> Instant {
        let State { phase, since, .. } = *self.lock();
        match phase {
            Phase::Reading => since + limits.header,
            Phase::Serving => since + limits.write,
            Phase::Idle => since + limits.idle,
            Phase::Displaced | Phase::CutOff => since,
        }
    }

    /// Since when the connection has kept us waiting, if it does.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let State { phase, since, .. } = *self.lock();
        matches!(phase, Phase::Reading | Phase::Idle).then_some(since)
    }

    /// Since when an answer has made no progress, if that is longer than anybody needs.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        let State { phase, progress, .. } = *self.lock();
        (phase == Phase::Serving && progress.elapsed() >= STALL).then_some(progress)
    }

    /// Asks the connection to close.
    pub(super) fn displace(&self) {
        // Who has got nothing yet can be told why.
        let next = if self.lock().begun { Phase::CutOff } else { Phase::Displaced };
        self.advance(|_| true, next);
        self.changed.notify_one();
    }

    /// A request has come. Requests sent ahead do not extend the deadline of the answer before them.
    pub(super) fn serving(&self) {
        if self.advance(|phase| matches!(phase, Phase::Reading | Phase::Idle), Phase::Serving) {
            self.changed.notify_one();
        } else {
            self.lock().answered = false;
        }
    }

    /// The answer is there.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        (state.answered, state.begun) = (true, true);
    }

    fn received(&self) {
        if self.advance(|phase| phase == Phase::Idle, Phase::Reading) {
            self.changed.notify_one();
        }
    }

    fn written(&self, polled: &Poll<io::Result<usize>>) {
        if matches!(polled, Poll::Ready(Ok(1..))) {
            self.lock().progress = Instant::now();
        }
    }

    /// What there was to write is written: nothing, where the answer is still to come.
    fn flushed(&self) {
        if self.lock().answered {
            self.advance(|phase| phase == Phase::Serving, Phase::Idle);
        }
    }

    fn advance(&self, applies: impl Fn(Phase) -> bool, next: Phase) -> bool {
        let mut current = self.lock();
        let advances = applies(current.phase);
        if advances {
            *current = State::begin(next);
        }
        advances
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch.written(&polled);
        polled
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
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.watch.written(&polled);
        polled
    }
}
