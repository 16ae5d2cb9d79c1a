//! A cluster in one process: a thread, a disk and a `Metrics` for each replica.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use vsr_metrics::{Metrics, OutOfRange, ReplicaId};

use crate::counts::Counts;
use crate::driver::{Driver, RealClock};
use crate::message::{Entry, OpNumber, ReplicaIndex};
use crate::network::{Delivery, Network, Observer};
use crate::replica::{Replica, Tuning};
use crate::storage::{Directory, Disk, Durability, Faults, Faulty, Layout, Slot, Storage};

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many replicas, 1 to [`MAX_REPLICAS`].
    pub replicas: usize,
    /// Where the disks are, in a directory for each replica: `replica-0` and so on.
    pub directory: PathBuf,
    /// When log entries count as kept.
    pub durability: Durability,
    /// How the replicas behave.
    pub tuning: Tuning,
}

/// Replicas that run.
pub struct Cluster {
    config: Config,
    network: Arc<Network>,
    observer: Arc<dyn Observer>,
    counts: Option<Arc<Counts>>,
    nodes: Vec<Node>,
}

/// One replica, whether it runs or not.
struct Node {
    metrics: Arc<Metrics>,
    faults: Faults,
    clock: RealClock,
    thread: Option<JoinHandle<io::Result<Replica>>>,
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
    /// The primary's log is damaged. It alone decides the order of operations, so it must not forget one.
    Damaged {
        /// The operation whose entry is damaged.
        op: OpNumber,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A disk cannot be read or written.
    Disk(ReplicaIndex, io::Error),
    /// A thread cannot be started.
    Thread(ReplicaIndex, io::Error),
    /// A thread panicked.
    Panicked(ReplicaIndex),
}

/// The largest cluster that is run here: every replica is a thread of one machine.
pub const MAX_REPLICAS: usize = 9;

impl Config {
    /// A cluster that keeps its logs in a directory.
    pub fn new(replicas: usize, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self { replicas, directory, durability: Durability::default(), tuning: Tuning::default() }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            max_in_flight: 256,
            max_waiting: 4096,
            commit_delay: Duration::from_millis(1),
            heartbeat: Duration::from_millis(100),
            resend_after: Duration::from_millis(200),
            resend_limit: 1024,
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
        let replicas = config.replicas;
        if !(1..=MAX_REPLICAS).contains(&replicas) {
            return Err(ClusterError::Size(replicas));
        }
        if metrics.len() != replicas {
            return Err(ClusterError::Metrics { found: metrics.len(), expected: replicas });
        }
        let node = |metrics: &Arc<Metrics>| Node {
            metrics: Arc::clone(metrics),
            faults: Faults::default(),
            clock: RealClock::start(),
            thread: None,
        };
        let nodes = metrics.iter().map(node).collect();
        let network = Network::new(replicas);
        let mut cluster = Self { config: config.clone(), network, observer, counts, nodes };
        let disks = (0..replicas).map(|index| cluster.open_disk(index)).collect::<Result<Vec<_>, _>>()?;
        for (index, disk) in disks.into_iter().enumerate() {
            if let Err(error) = cluster.run(index, disk) {
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
        self.nodes.iter().position(|node| node.thread.as_ref().is_some_and(JoinHandle::is_finished))
    }

    /// Stops the primary first, which tells its backups of all commits, then the backups. Returns the replicas as
    /// they ended.
    ///
    /// # Errors
    /// If a replica's disk failed, or its thread panicked.
    pub fn stop(mut self) -> Result<Vec<Replica>, ClusterError> {
        let mut ended = Vec::new();
        for index in 0..self.nodes.len() {
            let Some(thread) = self.nodes[index].thread.take() else { continue };
            self.network.tell(index, Delivery::Stop);
            ended.push(end(index, thread));
        }
        ended.into_iter().collect()
    }

    /// Opens a replica's disk and reads everything on it.
    fn open_disk(&self, index: ReplicaIndex) -> Result<OpenedDisk, ClusterError> {
        let failed = |error| ClusterError::Disk(index, error);
        let node = &self.nodes[index];
        let directory = self.config.directory.join(format!("replica-{index}"));
        let disk = Faulty::new(Directory::open(directory).map_err(failed)?, node.faults.clone());
        let disk: Box<dyn Disk> = match &self.counts {
            Some(counts) => Box::new(counts.disk(index, disk)),
            None => Box::new(disk),
        };
        let layout = Layout { durability: self.config.durability, ..Layout::of(index) };
        let mut opened = Storage::open(disk, layout, Arc::clone(&node.metrics)).map_err(failed)?;
        let mut entries = Vec::new();
        for (op, slot) in opened.log {
            match slot {
                Slot::Sound(entry) => entries.push(entry),
                // View 0: replica 0 is the primary.
                Slot::Damaged(what) if index == 0 => return Err(ClusterError::Damaged { op, what }),
                Slot::Damaged(_) => {
                    opened.storage.truncate(op - 1).map_err(failed)?;
                    break;
                }
            }
        }
        Ok((opened.storage, entries))
    }

    /// Starts a replica's thread.
    fn run(&mut self, index: ReplicaIndex, (storage, entries): OpenedDisk) -> Result<(), ClusterError> {
        let Config { replicas, tuning, .. } = self.config;
        let node = &mut self.nodes[index];
        let driver = Driver {
            replica: Replica::new(index, replicas, tuning, Arc::clone(&node.metrics), entries),
            storage,
            inbox: self.network.open(index),
            transport: Arc::new(self.network.port(index)),
            observer: Arc::clone(&self.observer),
            clock: node.clock.clone(),
        };
        let thread = std::thread::Builder::new().name(format!("replica-{index}"));
        let thread = thread.spawn(move || driver.run());
        node.thread = Some(thread.map_err(|error| ClusterError::Thread(index, error))?);
        Ok(())
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(size) => write!(f, "a cluster has 1 to {MAX_REPLICAS} replicas, not `{size}`"),
            Self::Metrics { found, expected } => {
                write!(f, "a cluster of `{expected}` replicas needs as many metrics, not `{found}`")
            }
            Self::Damaged { op, what } => write!(
                f,
                "the primary's log cannot be trusted: entry `{op}`: {what}; restore the file, or begin anew without \
                 all logs"
            ),
            Self::Disk(replica, error) => write!(f, "disk of replica `{replica}`: {error}"),
            Self::Thread(replica, error) => write!(f, "cannot start replica `{replica}`: {error}"),
            Self::Panicked(replica) => write!(f, "replica `{replica}` panicked"),
        }
    }
}

impl std::error::Error for ClusterError {}

/// A replica's storage, and the entries before the first damage.
type OpenedDisk = (Storage<Box<dyn Disk>>, Vec<Arc<Entry>>);

/// Waits for a replica's end.
fn end(index: ReplicaIndex, thread: JoinHandle<io::Result<Replica>>) -> Result<Replica, ClusterError> {
    match thread.join() {
        Ok(replica) => replica.map_err(|error| ClusterError::Disk(index, error)),
        Err(_) => Err(ClusterError::Panicked(index)),
    }
}
