//! How replicas and clients reach each other: what a transport has to do, and the one within a process.
//!
//! Nobody who sends ever waits: two replicas with full inboxes must not wait for each other. A message that finds no
//! room is lost, as in any network, and the protocol sends it again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, PoisonError, RwLock};

use vsr_metrics::MessageType;

use crate::message::{ClientId, Entry, Envelope, ReplicaIndex, Reply, Request};
use crate::state_machine::Outcome;

/// What arrives at a replica's thread.
#[derive(Debug)]
pub enum Delivery {
    /// A message of another replica.
    Message(Envelope),
    /// A client's request.
    Request(Request),
    /// An operator's wish that the primary step down.
    Abdicate,
    /// Stop, with nothing left unsaid.
    Stop,
    /// Stop at once, as when the power fails.
    Crash,
}

/// A replica's way to all others and to clients.
pub trait Transport: Send + Sync {
    /// Sends a message. It may get lost.
    fn send(&self, envelope: Envelope);
    /// Answers a client. One that is gone misses its reply.
    fn reply(&self, reply: Reply);
}

/// A client's way to the replicas.
pub trait Requests: Send + Sync {
    /// How many replicas can be asked.
    fn replicas(&self) -> usize;
    /// Sends a request; tells whether it is on its way.
    fn request(&self, to: ReplicaIndex, request: Request) -> bool;
    /// Has answers to a client sent here from now on.
    fn connect(&self, client: ClientId, answers: Sender<Answer>);
    /// Has answers to a client dropped from now on.
    fn disconnect(&self, client: ClientId);
}

/// A reply, and who gave it: whom to ask next time.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The replica.
    pub from: ReplicaIndex,
    /// What it said.
    pub reply: Reply,
}

/// Sees what happens, without a part in it: a count that owes nothing to the metrics, a check of safety.
pub trait Observer: Send + Sync {
    /// A replica put a message on its way.
    fn sent(&self, from: ReplicaIndex, to: ReplicaIndex, kind: MessageType);
    /// A replica took a message out of its inbox.
    fn received(&self, at: ReplicaIndex, kind: MessageType);
    /// A replica executed an operation.
    fn applied(&self, at: ReplicaIndex, entry: &Entry, outcome: Outcome);
    /// A replica answered a client.
    fn replied(&self, at: ReplicaIndex, reply: &Reply);
}

/// Sees nothing.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

/// The way to every replica and client of one process: an inbox for each replica, and where clients wait.
pub struct Network {
    /// Bounded. One receiver each and no need to select, so the standard library's channels do.
    inboxes: RwLock<Vec<Option<SyncSender<Delivery>>>>,
    clients: RwLock<HashMap<ClientId, Sender<Answer>>>,
    /// For each replica the others that its messages do not reach, as bits.
    cut: Vec<AtomicU64>,
}

/// One replica's end of a [`Network`].
#[derive(Debug)]
pub struct Port {
    own: ReplicaIndex,
    network: Arc<Network>,
}

/// Deliveries that an inbox holds. At 50,000 operations a second a few hundred come in a scheduler's delay.
pub(crate) const INBOX: usize = 1 << 14;

impl Network {
    /// A network for so many replicas, none of which is there yet.
    pub fn new(replicas: usize) -> Arc<Self> {
        Arc::new(Self {
            inboxes: RwLock::new((0..replicas).map(|_| None).collect()),
            clients: RwLock::default(),
            cut: (0..replicas).map(|_| AtomicU64::new(0)).collect(),
        })
    }

    /// A new inbox for a replica, in place of any that it had.
    pub fn open(&self, replica: ReplicaIndex) -> Receiver<Delivery> {
        let (sender, receiver) = mpsc::sync_channel(INBOX);
        let mut inboxes = self.inboxes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inboxes.get_mut(replica) {
            *inbox = Some(sender);
        }
        receiver
    }

    /// A replica's end.
    pub fn port(self: &Arc<Self>, own: ReplicaIndex) -> Port {
        Port { own, network: Arc::clone(self) }
    }

    /// Puts something into a replica's inbox, after all that is in it; waits for room.
    pub fn tell(&self, replica: ReplicaIndex, delivery: Delivery) {
        let inbox = {
            let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
            inboxes.get(replica).cloned().flatten()
        };
        if let Some(inbox) = inbox {
            // A replica that is gone needs to be told nothing.
            let _ = inbox.send(delivery);
        }
    }

    /// Cuts a replica off from these others, in both directions, and from no one else.
    pub fn cut(&self, replica: ReplicaIndex, others: impl Fn(ReplicaIndex) -> bool) {
        for (other, links) in self.cut.iter().enumerate() {
            if other != replica {
                let is_cut = others(other);
                set_bit(links, replica, is_cut);
                set_bit(&self.cut[replica], other, is_cut);
            }
        }
    }

    fn deliver(&self, to: ReplicaIndex, delivery: Delivery) -> bool {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        inboxes.get(to).and_then(Option::as_ref).is_some_and(|inbox| inbox.try_send(delivery).is_ok())
    }
}

impl Transport for Port {
    fn send(&self, envelope: Envelope) {
        let cut = self.network.cut.get(self.own).map_or(0, |cut| cut.load(Ordering::Relaxed));
        if envelope.to < 64 && cut >> envelope.to & 1 == 0 {
            self.network.deliver(envelope.to, Delivery::Message(envelope));
        }
    }

    fn reply(&self, reply: Reply) {
        let clients = self.network.clients.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(answers) = clients.get(&reply.client) {
            let _ = answers.send(Answer { from: self.own, reply });
        }
    }
}

impl Requests for Network {
    fn replicas(&self) -> usize {
        self.cut.len()
    }

    fn request(&self, to: ReplicaIndex, request: Request) -> bool {
        self.deliver(to, Delivery::Request(request))
    }

    fn connect(&self, client: ClientId, answers: Sender<Answer>) {
        self.clients.write().unwrap_or_else(PoisonError::into_inner).insert(client, answers);
    }

    fn disconnect(&self, client: ClientId) {
        self.clients.write().unwrap_or_else(PoisonError::into_inner).remove(&client);
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("replicas", &self.cut.len()).finish_non_exhaustive()
    }
}

impl Observer for Nobody {
    fn sent(&self, _: ReplicaIndex, _: ReplicaIndex, _: MessageType) {}
    fn received(&self, _: ReplicaIndex, _: MessageType) {}
    fn applied(&self, _: ReplicaIndex, _: &Entry, _: Outcome) {}
    fn replied(&self, _: ReplicaIndex, _: &Reply) {}
}

fn set_bit(bits: &AtomicU64, place: usize, on: bool) {
    if on {
        bits.fetch_or(1 << place, Ordering::Relaxed);
    } else {
        bits.fetch_and(!(1 << place), Ordering::Relaxed);
    }
}
