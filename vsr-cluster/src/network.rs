//! Channels between the threads of one process: an inbox per replica, and where clients wait for replies.

use std::collections::HashMap;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender, TrySendError};
use std::sync::{Arc, PoisonError, RwLock};

use vsr_metrics::MessageType;

use crate::message::{ClientId, Entry, Envelope, ReplicaIndex, Reply, Request};
use crate::state_machine::Outcome;

/// What arrives at a replica's thread.
#[derive(Debug)]
pub(crate) enum Delivery {
    Message(Envelope),
    Request(Request),
    Stop,
}

/// Sees what happens, without a part in it: a count that owes nothing to the metrics, a check of safety.
pub trait Observer: Send + Sync {
    /// A replica put a message on its way. It is lost if the receiver's inbox is full.
    fn sent(&self, from: ReplicaIndex, to: ReplicaIndex, kind: MessageType);
    /// A replica took a message out of its inbox.
    fn received(&self, at: ReplicaIndex, kind: MessageType);
    /// A replica executed an operation.
    fn applied(&self, at: ReplicaIndex, entry: &Entry, outcome: Outcome);
}

/// Sees nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

/// The way to every replica and client.
pub struct Network {
    /// Bounded, and never waited for: two replicas with full inboxes must not wait for each other. A message
    /// that finds no room is lost, as in any network; the protocol sends it again. One receiver each and no
    /// need to select, so the standard library's channels do.
    inboxes: Vec<SyncSender<Delivery>>,
    clients: RwLock<HashMap<ClientId, Sender<Reply>>>,
    observer: Arc<dyn Observer>,
}

/// Deliveries that an inbox holds. At 20,000 operations a second a few hundred come in a scheduler's delay.
const INBOX: usize = 1 << 14;

impl Network {
    pub(crate) fn new(replicas: usize, observer: Arc<dyn Observer>) -> (Arc<Self>, Vec<Receiver<Delivery>>) {
        let (inboxes, receivers) = (0..replicas).map(|_| mpsc::sync_channel(INBOX)).unzip();
        let network = Self { inboxes, clients: RwLock::default(), observer };
        (Arc::new(network), receivers)
    }

    /// Has replies to a client sent here from now on.
    pub fn connect(&self, client: ClientId, replies: Sender<Reply>) {
        self.clients.write().unwrap_or_else(PoisonError::into_inner).insert(client, replies);
    }

    /// Sends a request; tells whether it is on its way.
    pub fn request(&self, to: ReplicaIndex, request: Request) -> bool {
        self.deliver(to, Delivery::Request(request))
    }

    pub(crate) fn observer(&self) -> &dyn Observer {
        &*self.observer
    }

    pub(crate) fn send(&self, envelope: Envelope) {
        self.observer.sent(envelope.from, envelope.to, envelope.message.kind());
        self.deliver(envelope.to, Delivery::Message(envelope));
    }

    /// A client that is gone misses its reply.
    pub(crate) fn reply(&self, reply: Reply) {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(replies) = clients.get(&reply.client) {
            let _ = replies.send(reply);
        }
    }

    /// Has a replica stop after everything that it was sent so far.
    pub(crate) fn stop(&self, replica: ReplicaIndex) {
        if let Some(inbox) = self.inboxes.get(replica) {
            let _ = inbox.send(Delivery::Stop);
        }
    }

    fn deliver(&self, to: ReplicaIndex, delivery: Delivery) -> bool {
        self.inboxes.get(to).is_some_and(|inbox| match inbox.try_send(delivery) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        })
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("replicas", &self.inboxes.len()).finish_non_exhaustive()
    }
}

impl Observer for Nobody {
    fn sent(&self, _: ReplicaIndex, _: ReplicaIndex, _: MessageType) {}
    fn received(&self, _: ReplicaIndex, _: MessageType) {}
    fn applied(&self, _: ReplicaIndex, _: &Entry, _: Outcome) {}
}
