//! TCP between processes: a connection for each direction of each pair of replicas, and one from a process of
//! clients to each replica.
//!
//! Whoever sends puts frames into a bounded queue and never waits; a thread of its own writes them, and connects
//! again after failures. Whoever reads waits for room in the replica's inbox, so a replica that cannot keep up slows
//! its peers' connections down, their queues fill, and what does not fit is lost. No cycle of waiting can close,
//! because no replica waits for a queue.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use vsr_metrics::Metrics;

use crate::message::{ClientId, Envelope, ReplicaIndex, Reply, Request};
use crate::network::{Answer, Delivery, Links, Requests, Transport};
use crate::wire::{Keyring, Parcel};

mod incoming;
mod outgoing;

use outgoing::Outgoing;

/// Where each replica listens. Its clones are the same table, and connections made later follow it.
#[derive(Clone, Debug, Default)]
pub struct Addresses(Arc<RwLock<Vec<SocketAddr>>>);

/// A replica's connections.
pub struct Peers {
    shared: Arc<Shared>,
    outgoing: Vec<Option<Outgoing>>,
    acceptor: Option<std::thread::JoinHandle<()>>,
    listening: SocketAddr,
}

/// The connections of a process of clients.
pub struct Clients {
    ring: Keyring,
    outgoing: Vec<Outgoing>,
    waiting: Arc<Mutex<HashMap<ClientId, Sender<Answer>>>>,
}

/// What the threads of a replica's connections share.
struct Shared {
    own: ReplicaIndex,
    ring: Keyring,
    metrics: Arc<Metrics>,
    inbox: SyncSender<Delivery>,
    /// Through which connection each client asked last.
    clients: Mutex<HashMap<ClientId, Back>>,
    links: Arc<Links>,
    stopped: AtomicBool,
    /// Open connections, to be closed in the end.
    streams: Mutex<HashMap<u64, TcpStream>>,
}

/// The way back to a client: the connection's number, and its queue.
#[derive(Clone)]
struct Back {
    connection: u64,
    queue: SyncSender<Vec<u8>>,
}

/// Clients whose way back is remembered; more are forgotten, all at once, and ask again.
const MOST_CLIENTS: usize = 1 << 16;

impl Addresses {
    /// A table of these addresses, by replica.
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self(Arc::new(RwLock::new(addresses)))
    }

    /// Replaces the table.
    pub fn set(&self, addresses: Vec<SocketAddr>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = addresses;
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn of(&self, replica: ReplicaIndex) -> Option<SocketAddr> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(replica).copied()
    }
}

impl Peers {
    /// Takes in connections, and makes those to all others.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(
        listener: TcpListener,
        ring: Keyring,
        addresses: &Addresses,
        metrics: Arc<Metrics>,
        inbox: SyncSender<Delivery>,
        links: Arc<Links>,
    ) -> io::Result<Self> {
        let own = ring.own().unwrap_or_default();
        let listening = listener.local_addr()?;
        let shared = Arc::new(Shared {
            own,
            ring,
            metrics,
            inbox,
            clients: Mutex::default(),
            links,
            stopped: AtomicBool::new(false),
            streams: Mutex::default(),
        });
        let link = |other| {
            let others = (other != own).then(|| Outgoing::start(addresses.clone(), other, |_| ()));
            others.transpose()
        };
        let outgoing = (0..addresses.count()).map(link).collect::<io::Result<_>>()?;
        let acceptor = incoming::accept(listener, Arc::clone(&shared))?;
        Ok(Self { shared, outgoing, acceptor: Some(acceptor), listening })
    }
}

impl Drop for Peers {
    /// Closes all connections and waits for their threads.
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.outgoing.clear();
        self.shared.clients().clear();
        for stream in self.shared.streams().values() {
            // One that is closed already needs no closing.
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.listening);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Transport for Peers {
    fn send(&self, envelope: Envelope) {
        if self.shared.links.is_cut(envelope.to) {
            return;
        }
        let Some(Some(outgoing)) = self.outgoing.get(envelope.to) else { return };
        let Some(frame) = self.shared.ring.seal(&Parcel::Message(envelope)) else { return };
        if self.shared.links.takes_two() {
            outgoing.send(frame.clone());
        }
        outgoing.send(frame);
    }

    fn reply(&self, reply: Reply) {
        let Some(frame) = self.shared.ring.seal(&Parcel::Reply { from: self.shared.own, reply }) else {
            return;
        };
        let back = self.shared.clients().get(&reply.client).cloned();
        if let Some(back) = back {
            // A client that does not read loses its replies.
            let _ = back.queue.try_send(frame);
        }
    }
}

impl Shared {
    fn clients(&self) -> MutexGuard<'_, HashMap<ClientId, Back>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn streams(&self) -> MutexGuard<'_, HashMap<u64, TcpStream>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, client: ClientId, back: &Back) {
        let mut clients = self.clients();
        if clients.len() >= MOST_CLIENTS {
            clients.clear();
        }
        clients.insert(client, back.clone());
    }
}

impl Clients {
    /// Connects to all replicas.
    ///
    /// # Errors
    /// If a thread cannot be started.
    pub fn start(ring: impl Fn() -> Keyring, addresses: &Addresses) -> io::Result<Arc<Self>> {
        let waiting: Arc<Mutex<HashMap<ClientId, Sender<Answer>>>> = Arc::default();
        let link = |replica| {
            let (ring, waiting) = (Arc::new(ring()), Arc::clone(&waiting));
            Outgoing::start(addresses.clone(), replica, move |stream| {
                incoming::read_replies(&stream, &ring, &waiting);
            })
        };
        let outgoing = (0..addresses.count()).map(link).collect::<io::Result<_>>()?;
        Ok(Arc::new(Self { ring: ring(), outgoing, waiting }))
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<ClientId, Sender<Answer>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requests for Clients {
    fn replicas(&self) -> usize {
        self.outgoing.len()
    }

    fn request(&self, to: ReplicaIndex, request: Request) -> bool {
        let frame = self.ring.seal(&Parcel::Request { to, request });
        frame.zip(self.outgoing.get(to)).is_some_and(|(frame, outgoing)| outgoing.send(frame))
    }

    fn connect(&self, client: ClientId, answers: Sender<Answer>) {
        self.waiting().insert(client, answers);
    }

    fn disconnect(&self, client: ClientId) {
        self.waiting().remove(&client);
    }
}

#[cfg(test)]
mod tests;
