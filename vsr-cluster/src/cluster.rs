//! A cluster in one process: a node for each replica, connected by channels.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use vsr_metrics::{Metrics, OutOfRange, ReplicaId};

use crate::configuration::Configuration;
use crate::counts::Counts;
use crate::limits::Limits;
use crate::message::ReplicaIndex;
use crate::network::{Delivery, Network, Observer};
use crate::node::{Connections, Node, NodeError, Setup, Trouble};
use crate::replica::Replica;
use crate::storage::Durability;

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many replicas vote, 1 to [`MAX_REPLICAS`].
    pub replicas: usize,
    /// How many others only listen; all together no more than [`MAX_REPLICAS`].
    pub standbys: usize,
    /// Where the disks are, in a directory for each replica: `replica-0` and so on.
    pub directory: PathBuf,
    /// When log entries count as kept.
    pub durability: Durability,
    /// What they keep.
    pub limits: Limits,
}

/// Replicas that run, or did.
pub struct Cluster {
    network: Arc<Network>,
    observer: Arc<dyn Observer>,
    counts: Option<Arc<Counts>>,
    nodes: Vec<Node>,
}

/// Why a cluster does not start, or not end well.
#[derive(Debug)]
pub enum ClusterError {
    /// Not within 1 to [`MAX_REPLICAS`].
    Size(usize),
    /// As many metrics are needed as there are replicas.
    Metrics {
        /// How many there are.
        found: usize,
        /// How many are needed.
        expected: usize,
    },
    /// A replica does not start, or ended badly.
    Node(ReplicaIndex, NodeError),
}

/// The largest cluster that is run here: every replica is a thread of one machine.
pub const MAX_REPLICAS: usize = 9;

impl Config {
    /// A cluster that keeps its logs in a directory.
    pub fn new(replicas: usize, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            replicas,
            standbys: 0,
            directory,
            durability: Durability::default(),
            limits: Limits::default(),
        }
    }
}

/// One `Metrics` for each replica of a cluster.
///
/// # Errors
/// If there are more replicas than the catalog has ids.
pub fn metrics_of(replicas: usize) -> Result<Vec<Arc<Metrics>>, OutOfRange> {
    let ids = 0..u32::try_from(replicas).unwrap_or(u32::MAX);
    ids.map(|id| Ok(Arc::new(Metrics::new(ReplicaId::new(id)?)))).collect()
}

impl Cluster {
    /// Opens and verifies all disks, then starts the replicas.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn start(
        config: &Config,
        metrics: &[Arc<Metrics>],
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ClusterError> {
        Self::begin(config, metrics, observer, None)
    }

    /// The same with everything counted, bytes of the disks included.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn start_counted(
        config: &Config,
        metrics: &[Arc<Metrics>],
        counts: &Arc<Counts>,
    ) -> Result<Self, ClusterError> {
        Self::begin(config, metrics, Arc::clone(counts) as Arc<dyn Observer>, Some(Arc::clone(counts)))
    }

    fn begin(
        config: &Config,
        metrics: &[Arc<Metrics>],
        observer: Arc<dyn Observer>,
        counts: Option<Arc<Counts>>,
    ) -> Result<Self, ClusterError> {
        let replicas = config.replicas + config.standbys;
        if config.replicas == 0 || replicas > MAX_REPLICAS {
            return Err(ClusterError::Size(replicas));
        }
        if metrics.len() != replicas {
            return Err(ClusterError::Metrics { found: metrics.len(), expected: replicas });
        }
        let network = Network::new(replicas);
        let node = |(index, metrics): (ReplicaIndex, &Arc<Metrics>)| {
            let setup = Setup {
                index,
                founding: Configuration::initial(config.replicas, config.standbys),
                directory: config.directory.join(format!("replica-{index}")),
                durability: config.durability,
                limits: config.limits,
            };
            Node::new(setup, Arc::clone(metrics), network.links(index))
        };
        let nodes = metrics.iter().enumerate().map(node).collect();
        let mut cluster = Self { network, observer, counts, nodes };
        for index in 0..replicas {
            if let Err(error) = cluster.restart(index) {
                // The replicas already started end; this error is the one to report.
                let _ = cluster.stop();
                return Err(error);
            }
        }
        Ok(cluster)
    }

    /// The way to the replicas.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// A replica that ended without having been told to.
    pub fn failed(&self) -> Option<ReplicaIndex> {
        self.nodes.iter().position(Node::has_failed)
    }

    /// How many replicas there are, whether they run or not.
    pub fn replicas(&self) -> usize {
        self.nodes.len()
    }

    /// Whether a replica was started and not stopped.
    pub fn is_started(&self, replica: ReplicaIndex) -> bool {
        self.nodes.get(replica).is_some_and(Node::is_started)
    }

    /// Stops a replica at once, as when its power fails.
    ///
    /// # Errors
    /// If it ended badly before.
    pub fn crash(&mut self, replica: ReplicaIndex) -> Result<(), ClusterError> {
        let Some(node) = self.nodes.get_mut(replica) else { return Ok(()) };
        node.stop(Delivery::Crash).map(drop).map_err(|error| ClusterError::Node(replica, error))
    }

    /// Starts a replica that does not run.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn restart(&mut self, replica: ReplicaIndex) -> Result<(), ClusterError> {
        let Some(node) = self.nodes.get_mut(replica) else { return Ok(()) };
        let (inbox, deliveries) = self.network.open(replica);
        let connections = Connections {
            deliveries,
            inbox,
            transport: Arc::new(self.network.port(replica)),
            observer: Arc::clone(&self.observer),
            counts: self.counts.clone(),
        };
        node.start(connections).map_err(|error| ClusterError::Node(replica, error))
    }

    /// Has something go wrong with a replica.
    ///
    /// # Errors
    /// If the trouble cannot be made.
    pub fn trouble(&self, replica: ReplicaIndex, trouble: Trouble) -> io::Result<()> {
        self.nodes.get(replica).map_or(Ok(()), |node| node.trouble(trouble))
    }

    /// Stops all replicas, those of low numbers first: the first primary tells its backups of all commits. Returns the
    /// replicas as they ended.
    ///
    /// # Errors
    /// If a replica's disk failed, or its thread panicked.
    pub fn stop(mut self) -> Result<Vec<Replica>, ClusterError> {
        let stop = |(index, node): (ReplicaIndex, &mut Node)| {
            node.stop(Delivery::Stop).map_err(|error| ClusterError::Node(index, error)).transpose()
        };
        let ended: Vec<_> = self.nodes.iter_mut().enumerate().filter_map(stop).collect();
        ended.into_iter().collect()
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "a cluster has 1 to {MAX_REPLICAS} replicas, not `{size}`"),
            Self::Metrics { found, expected } => {
                write!(f, "a cluster of `{expected}` replicas needs as many metrics, not `{found}`")
            }
            Self::Node(replica, error) => write!(f, "replica `{replica}`: {error}"),
        }
    }
}

impl std::error::Error for ClusterError {}
