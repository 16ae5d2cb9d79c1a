//! A client (section 4.1, step 1 of the paper): numbers its requests, has one under way at a time, and asks again
//! until it hears.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::message::{ClientId, Reply, Request, RequestNumber};
use crate::network::Network;
use crate::state_machine::{Operation, Outcome};

/// One client session.
#[derive(Debug)]
pub struct Client {
    id: ClientId,
    number: RequestNumber,
    network: Arc<Network>,
    replies: Receiver<Reply>,
}

/// How long a client waits before it asks again.
pub const RETRY: Duration = Duration::from_millis(500);

/// The primary of view 0.
pub(crate) const PRIMARY: usize = 0;

impl Client {
    /// A client of its own id.
    pub fn new(id: ClientId, network: &Arc<Network>) -> Self {
        let (sender, replies) = mpsc::channel();
        network.connect(id, sender);
        Self { id, number: earlier_number(), network: Arc::clone(network), replies }
    }

    /// Has an operation executed, and waits. `None` when there was no answer within `patience`.
    pub fn execute(&mut self, operation: Operation, patience: Duration) -> Option<Outcome> {
        self.number += 1;
        let request = Request { client: self.id, number: self.number, operation };
        self.send(request, patience)
    }

    /// Sends the latest request again, as after a lost reply, and waits for the answer.
    pub fn repeat(&mut self, operation: Operation, patience: Duration) -> Option<Outcome> {
        self.send(Request { client: self.id, number: self.number, operation }, patience)
    }

    fn send(&self, request: Request, patience: Duration) -> Option<Outcome> {
        let began = Instant::now();
        loop {
            self.network.request(PRIMARY, request);
            let rest = patience.saturating_sub(began.elapsed());
            while let Ok(reply) = self.replies.recv_timeout(rest.min(RETRY)) {
                if reply.number == request.number {
                    return Some(reply.outcome);
                }
            }
            if began.elapsed() >= patience {
                return None;
            }
        }
    }
}

/// A number before those of all requests to come. A client that begins anew must not repeat numbers that a kept
/// log knows (the paper has it ask the replicas); the calendar is ahead of any count from before.
pub(crate) fn earlier_number() -> RequestNumber {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0)
}
