//! The end of something that another thread does: to be waited for with a limit, or awaited in any runtime.

use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::error::OtelError;

type Ended = Result<(), OtelError>;

/// Whoever holds it owes an end; if it is dropped without one, the end is that the exporter is shut down.
#[derive(Debug)]
pub(super) struct Promise(Arc<Shared>);

/// The end of an export, as a future. It belongs to no runtime, and blocks none.
#[derive(Debug)]
#[must_use = "a future does nothing until it is awaited"]
pub struct Completion(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    end: Option<Ended>,
    waker: Option<Waker>,
}

/// A promise, and the end that it owes.
pub(super) fn promise() -> (Promise, Completion) {
    let shared = Arc::new(Shared::default());
    (Promise(Arc::clone(&shared)), Completion(shared))
}

impl Promise {
    /// Ends it. The first end stands.
    pub(super) fn end(self, end: Ended) {
        self.0.end(end);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.end(Err(OtelError::shut_down()));
    }
}

impl Completion {
    /// An end that is known already.
    pub(super) fn ended(end: Ended) -> Self {
        let (promise, completion) = promise();
        promise.end(end);
        completion
    }

    /// Waits at most as long as that.
    pub(super) fn wait(&self, timeout: Duration) -> Ended {
        let deadline = super::worker::from_now(timeout);
        let mut state = self.0.lock();
        loop {
            if let Some(end) = state.end.clone() {
                return end;
            }
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Err(OtelError::timeout(timeout));
            }
            (state, _) = self.0.ended.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Future for Completion {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        let mut state = self.0.lock();
        if let Some(end) = state.end.clone() {
            return Poll::Ready(end);
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Shared {
    fn end(&self, end: Ended) {
        let mut state = self.lock();
        if state.end.is_some() {
            return;
        }
        state.end = Some(end);
        let waker = state.waker.take();
        drop(state);
        self.ended.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Nothing panics while the lock is held.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
