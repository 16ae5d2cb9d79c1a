//! A cluster in one process: a thread, a log and a `Metrics` for each replica.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use vsr_metrics::{Metrics, OutOfRange, ReplicaId};

use crate::driver::{Driver, RealClock};
use crate::message::{Entry, OpNumber, ReplicaIndex};
use crate::network::{Network, Observer};
use crate::replica::{Replica, Tuning};
use crate::storage::{Directory, Durability, Layout, Slot, Storage};

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Config {
    /// How many replicas, 1 to [`MAX_REPLICAS`].
    pub replicas: usize,
    /// Where the logs are, in a directory for each replica: `replica-0` and so on.
    pub directory: PathBuf,
    /// When log entries count as kept.
    pub durability: Durability,
    /// How the replicas behave.
    pub tuning: Tuning,
}

/// Replicas that run.
#[derive(Debug)]
pub struct Cluster {
    network: Arc<Network>,
    threads: Vec<JoinHandle<io::Result<Replica>>>,
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
    /// A log cannot be read or written.
    Log(ReplicaIndex, io::Error),
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
    /// Opens and verifies all logs, then starts the replicas.
    ///
    /// A backup with a damaged log keeps the part before the damage; the primary sends the rest again.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub fn start(
        config: &Config,
        metrics: &[Arc<Metrics>],
        observer: Arc<dyn Observer>,
    ) -> Result<Self, ClusterError> {
        let Config { replicas, tuning, .. } = *config;
        if !(1..=MAX_REPLICAS).contains(&replicas) {
            return Err(ClusterError::Size(replicas));
        }
        if metrics.len() != replicas {
            return Err(ClusterError::Metrics { found: metrics.len(), expected: replicas });
        }
        let logs = metrics.iter().enumerate().map(|(index, metrics)| open_log(config, index, metrics));
        let logs = logs.collect::<Result<Vec<_>, _>>()?;
        let (network, inboxes) = Network::new(replicas, observer);
        let clock = RealClock::start();
        let mut cluster = Self { network: Arc::clone(&network), threads: Vec::new() };
        for (index, (opened, inbox)) in logs.into_iter().zip(inboxes).enumerate() {
            let (storage, entries) = opened;
            let replica = Replica::new(index, replicas, tuning, Arc::clone(&metrics[index]), entries);
            let driver = Driver { replica, storage, inbox, network: Arc::clone(&network), clock };
            let thread = std::thread::Builder::new().name(format!("replica-{index}"));
            match thread.spawn(move || driver.run()) {
                Ok(thread) => cluster.threads.push(thread),
                Err(error) => {
                    // The replicas already started end; this error is the one to report.
                    let _ = cluster.stop();
                    return Err(ClusterError::Thread(index, error));
                }
            }
        }
        Ok(cluster)
    }

    /// The way to the replicas.
    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// Whether a replica ended without having been told to.
    pub fn has_failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Stops the primary first, which tells its backups of all commits, then the backups. Returns the replicas as
    /// they ended.
    ///
    /// # Errors
    /// If a replica's log failed, or its thread panicked.
    pub fn stop(self) -> Result<Vec<Replica>, ClusterError> {
        let mut ended = Vec::new();
        for (index, thread) in self.threads.into_iter().enumerate() {
            self.network.stop(index);
            ended.push(match thread.join() {
                Ok(replica) => replica.map_err(|error| ClusterError::Log(index, error)),
                Err(_) => Err(ClusterError::Panicked(index)),
            });
        }
        ended.into_iter().collect()
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
            Self::Log(replica, error) => write!(f, "log of replica `{replica}`: {error}"),
            Self::Thread(replica, error) => write!(f, "cannot start replica `{replica}`: {error}"),
            Self::Panicked(replica) => write!(f, "replica `{replica}` panicked"),
        }
    }
}

impl std::error::Error for ClusterError {}

/// A replica's storage, and the entries before the first damage.
type OpenedLog = (Storage<Directory>, Vec<Arc<Entry>>);

fn open_log(config: &Config, index: ReplicaIndex, metrics: &Arc<Metrics>) -> Result<OpenedLog, ClusterError> {
    let failed = |error| ClusterError::Log(index, error);
    let disk = Directory::open(config.directory.join(format!("replica-{index}"))).map_err(failed)?;
    let layout = Layout { durability: config.durability, ..Layout::of(index) };
    let mut opened = Storage::open(disk, layout, Arc::clone(metrics)).map_err(failed)?;
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
