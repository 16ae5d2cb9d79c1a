//! One replica as a process of its own: the others are reached over TCP.
//!
//! Started by hand, it is told the addresses of all and runs until a signal. Started by [`crate::processes`], it
//! takes orders from its standard input, a line each, and ends with it: `peers ADDRESS…` once, then trouble.

use std::error::Error;
use std::io::BufRead as _;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, mpsc::sync_channel};
use std::time::Duration;

use vsr_metrics::export::http::Endpoint;
use vsr_metrics::sampler::Sampler;
use vsr_metrics::{Metrics, ReplicaId};

use crate::configuration::Configuration;
use crate::limits::Limits;
use crate::message::ReplicaIndex;
use crate::network::{Delivery, INBOX, Links, Nobody};
use crate::node::{Connections, Node, Setup, Trouble};
use crate::push::{Push, Receivers};
use crate::say::{Signals, say, tell};
use crate::storage::Durability;
use crate::tcp::{Addresses, Peers};
use crate::wire::{Keyring, Secret};

/// What one replica has to know.
#[derive(Clone, Debug)]
pub struct SoloOptions {
    /// Its number.
    pub index: ReplicaIndex,
    /// How many replicas vote.
    pub replicas: usize,
    /// How many others listen.
    pub standbys: usize,
    /// Where it listens for replicas and clients.
    pub at: SocketAddr,
    /// Where `/metrics` is served.
    pub listen: SocketAddr,
    /// Where all replicas listen, in order; nothing if it takes orders.
    pub peers: Option<Vec<SocketAddr>>,
    /// Its disk.
    pub data: PathBuf,
    /// A file with the cluster's secret.
    pub secret: PathBuf,
    /// When log entries count as kept.
    pub durability: Durability,
    /// What it keeps.
    pub limits: Limits,
    /// Who receives what it pushes.
    pub receivers: Receivers,
}

/// What a replica is told.
enum Order {
    Peers(Vec<SocketAddr>),
    Trouble(Trouble),
    Stop,
}

/// How often it is seen whether the replica still runs.
const NAP: Duration = Duration::from_millis(200);

/// Runs the replica until it is told to stop.
///
/// # Errors
/// If it does not start, or its disk fails.
pub fn run(options: &SoloOptions) -> Result<(), Box<dyn Error>> {
    let secret = std::fs::read(&options.secret)
        .map_err(|error| format!("the secret `{}`: {error}", options.secret.display()))?;
    let metrics = Arc::new(Metrics::new(ReplicaId::new(u32::try_from(options.index)?)?));
    let sampler = Sampler::vsr(Arc::clone(&metrics)).data(&options.data).start()?;
    let source = || sampler.watch(vec![Arc::clone(&metrics)]);
    let endpoint = Endpoint::builder().listen(options.listen).start(source())?;
    let push = Push::start(&options.receivers, Some(options.index), source)?;
    let listener = TcpListener::bind(options.at).map_err(|error| format!("`{}`: {error}", options.at))?;
    say(&format!("replica {} at {}", options.index, listener.local_addr()?))?;
    say(&format!("listening on http://{}", endpoint.address()))?;
    let orders = orders(options)?;
    let Ok(Order::Peers(peers)) = orders.recv() else { return Ok(()) };

    let ring = Keyring::of_replica(options.index, &Secret::new(&secret));
    let (inbox, deliveries) = sync_channel(INBOX);
    let links = Arc::<Links>::default();
    let addresses = Addresses::new(peers);
    let transport =
        Peers::start(listener, ring, &addresses, Arc::clone(&metrics), inbox.clone(), Arc::clone(&links))?;
    let setup = Setup {
        index: options.index,
        founding: Configuration::initial(options.replicas, options.standbys),
        directory: options.data.clone(),
        durability: options.durability,
        limits: options.limits,
    };
    let mut node = Node::new(setup, Arc::clone(&metrics), links);
    let transport = Arc::new(transport);
    let failed = |error| format!("replica `{}`: {error}", options.index);
    let observer = Arc::new(Nobody);
    node.start(Connections { deliveries, inbox, transport, observer, counts: None }).map_err(failed)?;
    while !node.has_failed() {
        match orders.recv_timeout(NAP) {
            Ok(Order::Trouble(trouble)) => node.trouble(trouble)?,
            Ok(Order::Peers(peers)) => addresses.set(peers),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    node.stop(Delivery::Stop).map_err(failed)?;
    if let Some(told) = push.stop() {
        tell(&format!("replica {}: {told}", options.index));
    }
    endpoint.stop();
    Ok(())
}

/// Orders from the standard input, or the peers at once and then a signal.
fn orders(options: &SoloOptions) -> Result<Receiver<Order>, Box<dyn Error>> {
    let (sender, orders) = mpsc::channel();
    let signals = Signals::new()?;
    let is_told = options.peers.is_none();
    if let Some(peers) = options.peers.clone() {
        sender.send(Order::Peers(peers))?;
    } else {
        let sender = sender.clone();
        std::thread::Builder::new().name("orders".to_owned()).spawn(move || take_orders(&sender))?;
    }
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        // A signal from the terminal reaches all processes; one that takes orders is told by its parent.
        while signals.wait(Duration::MAX) {
            if !is_told && sender.send(Order::Stop).is_err() {
                break;
            }
        }
    })?;
    Ok(orders)
}

fn take_orders(orders: &Sender<Order>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let order = match line.strip_prefix("peers ") {
            Some(peers) => {
                peers.split(' ').map(|peer| peer.parse().ok()).collect::<Option<_>>().map(Order::Peers)
            }
            None => line.parse().ok().map(Order::Trouble),
        };
        let Some(order) = order else {
            tell(&format!("error: unknown order `{line}`"));
            continue;
        };
        if orders.send(order).is_err() {
            return;
        }
    }
    // Nobody is left who could give orders.
    let _ = orders.send(Order::Stop);
}
