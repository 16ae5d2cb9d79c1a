//! A client (section 4.1, step 1 of the paper): opens a session, numbers its requests, has one under way at a time,
//! and asks again until it hears.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::message::{ClientId, ReplicaIndex, Request, RequestNumber};
use crate::network::{Answer, Requests};
use crate::state_machine::{Operation, Outcome};

/// One client session.
pub struct Client {
    id: ClientId,
    number: RequestNumber,
    network: Arc<dyn Requests>,
    answers: Receiver<Answer>,
    /// The replica that answered last.
    primary: ReplicaIndex,
}

/// How long a client waits before it asks again.
pub const RETRY: Duration = Duration::from_millis(500);

impl Client {
    /// A client of an id that nobody used before.
    pub fn new<N: Requests + 'static>(id: ClientId, network: &Arc<N>) -> Self {
        Self::over(id, Arc::clone(network) as _)
    }

    /// The same, over any way to the replicas.
    pub fn over(id: ClientId, network: Arc<dyn Requests>) -> Self {
        let (sender, answers) = mpsc::channel();
        network.connect(id, sender);
        Self { id, number: 0, network, answers, primary: 0 }
    }

    /// Opens the session. `None` when there was no answer within `patience`.
    pub fn open(&mut self, patience: Duration) -> Option<Outcome> {
        self.repeat(Operation::OpenSession, patience)
    }

    /// Has an operation executed, and waits. `None` when there was no answer within `patience`.
    pub fn execute(&mut self, operation: Operation, patience: Duration) -> Option<Outcome> {
        self.number += 1;
        self.repeat(operation, patience)
    }

    /// Sends the latest request again, as after a lost reply, and waits for the answer.
    pub fn repeat(&mut self, operation: Operation, patience: Duration) -> Option<Outcome> {
        let request = Request { client: self.id, number: self.number, operation };
        let began = Instant::now();
        self.network.request(self.primary, request);
        loop {
            let rest = patience.saturating_sub(began.elapsed());
            while let Ok(Answer { from, reply }) = self.answers.recv_timeout(rest.min(RETRY)) {
                if reply.number == request.number {
                    self.primary = from;
                    return Some(reply.outcome);
                }
            }
            if began.elapsed() >= patience {
                return None;
            }
            for replica in 0..self.network.replicas() {
                self.network.request(replica, request);
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.network.disconnect(self.id);
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("id", &self.id).field("number", &self.number).finish_non_exhaustive()
    }
}

/// Ids that no client had before, in this process or an earlier one: the calendar is ahead of any count from before.
pub(crate) fn fresh_ids() -> std::ops::RangeFrom<ClientId> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(0) << 8..
}
