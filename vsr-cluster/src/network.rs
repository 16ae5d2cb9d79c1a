//! How replicas and clients reach each other: what a transport has to do, and the one within a process.
//!
//! Nobody who sends ever waits: two replicas with full inboxes must not wait for each other. A message that finds no
//! room is lost, as in any network, and the protocol sends it again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, PoisonError, RwLock};

use vsr_metrics::MessageType;

use crate::configuration::ReplicaSet;
use crate::message::{ClientId, Entry, Envelope, OpNumber, ReplicaIndex, Reply, Request};
use crate::replica::WireFault;
use crate::state_machine::Outcome;

/// What arrives at a replica's thread.
#[derive(Debug)]
pub enum Delivery {
    /// A message of another replica.
    Message(Envelope),
    /// A frame that was refused.
    Refused(WireFault),
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
    /// A replica took over a state, operations through `op` included, without executing them.
    fn installed(&self, at: ReplicaIndex, op: OpNumber);
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
    links: Vec<Arc<Links>>,
}

/// What is wrong with a replica's links, at will.
#[derive(Debug, Default)]
pub struct Links {
    /// Replicas that neither hear this one nor are heard, as bits.
    cut: AtomicU64,
    /// Messages still to be sent twice.
    twice: AtomicU64,
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
            links: (0..replicas).map(|_| Arc::default()).collect(),
        })
    }

    /// A new inbox for a replica, in place of any that it had: both ends.
    pub fn open(&self, replica: ReplicaIndex) -> (SyncSender<Delivery>, Receiver<Delivery>) {
        let (sender, receiver) = mpsc::sync_channel(INBOX);
        let mut inboxes = self.inboxes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(inbox) = inboxes.get_mut(replica) {
            *inbox = Some(sender.clone());
        }
        (sender, receiver)
    }

    /// A replica's end.
    pub fn port(self: &Arc<Self>, own: ReplicaIndex) -> Port {
        Port { own, network: Arc::clone(self) }
    }

    /// A replica's links; those of one that does not exist belong to nobody.
    pub fn links(&self, replica: ReplicaIndex) -> Arc<Links> {
        self.links.get(replica).map(Arc::clone).unwrap_or_default()
    }

    fn links_between(&self, one: ReplicaIndex, other: ReplicaIndex) -> Option<[&Links; 2]> {
        Some([self.links.get(one)?, self.links.get(other)?])
    }

    fn deliver(&self, to: ReplicaIndex, delivery: Delivery) -> bool {
        let inboxes = self.inboxes.read().unwrap_or_else(PoisonError::into_inner);
        inboxes.get(to).and_then(Option::as_ref).is_some_and(|inbox| inbox.try_send(delivery).is_ok())
    }
}

impl Links {
    /// Cuts these replicas off, and no one else.
    pub fn cut(&self, others: ReplicaSet) {
        self.cut.store(others.bits(), Ordering::Relaxed);
    }

    /// Has so many messages sent twice, as a network does that repeats itself.
    pub fn send_twice(&self, messages: u64) {
        self.twice.store(messages, Ordering::Relaxed);
    }

    /// Whether a replica is cut off.
    pub(crate) fn is_cut(&self, other: ReplicaIndex) -> bool {
        ReplicaSet::from_bits(self.cut.load(Ordering::Relaxed)).contains(other)
    }

    /// Whether this message is one of those to be sent twice.
    pub(crate) fn takes_two(&self) -> bool {
        self.twice.load(Ordering::Relaxed) > 0
            && self
                .twice
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                .is_ok()
    }
}

impl Transport for Port {
    fn send(&self, envelope: Envelope) {
        let Some([own, other]) = self.network.links_between(self.own, envelope.to) else { return };
        if own.is_cut(envelope.to) || other.is_cut(self.own) {
            return;
        }
        if own.takes_two() {
            self.network.deliver(envelope.to, Delivery::Message(envelope.clone()));
        }
        self.network.deliver(envelope.to, Delivery::Message(envelope));
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
        self.links.len()
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
        f.debug_struct("Network").field("replicas", &self.links.len()).finish_non_exhaustive()
    }
}

impl Observer for Nobody {
    fn sent(&self, _: ReplicaIndex, _: ReplicaIndex, _: MessageType) {}
    fn received(&self, _: ReplicaIndex, _: MessageType) {}
    fn applied(&self, _: ReplicaIndex, _: &Entry, _: Outcome) {}
    fn installed(&self, _: ReplicaIndex, _: OpNumber) {}
    fn replied(&self, _: ReplicaIndex, _: &Reply) {}
}
