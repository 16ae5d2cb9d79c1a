//! A cluster of processes: each replica is this program again, told what to do through its standard input.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits::Limits;
use crate::message::ReplicaIndex;
use crate::network::Requests;
use crate::node::Trouble;
use crate::push::Receivers;
use crate::stage::Stage;
use crate::storage::Durability;
use crate::tcp::{Addresses, Clients};
use crate::wire::{Keyring, Secret};

/// What all processes of a cluster have in common.
#[derive(Clone, Debug)]
pub struct ProcessesConfig {
    /// How many replicas vote.
    pub replicas: usize,
    /// How many others listen.
    pub standbys: usize,
    /// Where the disks and the secret are.
    pub directory: PathBuf,
    /// When log entries count as kept.
    pub durability: Durability,
    /// What they keep.
    pub limits: Limits,
    /// Where the first replica serves its metrics, the others on the ports after it; port 0 takes free ones.
    pub listen: SocketAddr,
    /// Who receives what each replica pushes.
    pub receivers: Receivers,
}

/// Replicas that run as processes, or did.
pub struct Processes {
    config: ProcessesConfig,
    clients: Arc<Clients>,
    replicas: Vec<Replica>,
}

/// One of them, where it was reached first and is reached again after a restart.
struct Replica {
    at: SocketAddr,
    metrics: SocketAddr,
    running: Option<Running>,
}

struct Running {
    child: Child,
    orders: ChildStdin,
}

/// How long a process may take to stop.
const PATIENCE: Duration = Duration::from_secs(10);

impl Processes {
    /// Starts all replicas, and tells each where the others are.
    ///
    /// # Errors
    /// If one does not start.
    pub fn start(config: &ProcessesConfig) -> Result<Self, Box<dyn Error>> {
        std::fs::create_dir_all(&config.directory)?;
        let secret = secret(&config.directory)?;
        let addresses = Addresses::default();
        let mut replicas = Vec::new();
        let all = 0..config.replicas + config.standbys;
        for (index, metrics) in all.clone().zip(metrics_addresses(config.listen, all)?) {
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            replicas.push(spawn(config, index, at, metrics)?);
        }
        addresses.set(replicas.iter().map(|replica| replica.at).collect());
        let clients = Clients::start(|| Keyring::of_clients(&secret), &addresses)?;
        let mut processes = Self { config: config.clone(), clients, replicas };
        for index in 0..processes.replicas.len() {
            processes.introduce(index)?;
        }
        Ok(processes)
    }

    /// Where the replicas serve their metrics.
    pub fn metrics(&self) -> impl Iterator<Item = SocketAddr> {
        self.replicas.iter().map(|replica| replica.metrics)
    }

    /// Tells a replica where all are.
    fn introduce(&mut self, index: ReplicaIndex) -> Result<(), Box<dyn Error>> {
        let peers: Vec<String> = self.replicas.iter().map(|replica| replica.at.to_string()).collect();
        self.order(index, &format!("peers {}", peers.join(" ")))
    }

    fn order(&mut self, index: ReplicaIndex, order: &str) -> Result<(), Box<dyn Error>> {
        let running = self.replicas.get_mut(index).and_then(|replica| replica.running.as_mut());
        let Some(Running { child, orders }) = running else { return Ok(()) };
        match writeln!(orders, "{order}") {
            // One that has just ended takes no orders; its end is for `failed` to tell.
            Err(_) if matches!(child.try_wait(), Ok(Some(_))) => Ok(()),
            Err(error) => {
                let process = child.id();
                Err(format!("replica `{index}` (process {process}) takes no orders: {error}").into())
            }
            Ok(()) => Ok(()),
        }
    }
}

impl Stage for Processes {
    fn replicas(&self) -> usize {
        self.replicas.len()
    }

    fn requests(&self) -> Arc<dyn Requests> {
        Arc::clone(&self.clients) as _
    }

    fn is_started(&self, replica: ReplicaIndex) -> bool {
        self.replicas.get(replica).is_some_and(|replica| replica.running.is_some())
    }

    fn failed(&mut self) -> Option<ReplicaIndex> {
        let has_ended = |running: &mut Running| !matches!(running.child.try_wait(), Ok(None));
        self.replicas.iter_mut().position(|replica| replica.running.as_mut().is_some_and(has_ended))
    }

    fn crash(&mut self, replica: ReplicaIndex) -> Result<(), Box<dyn Error>> {
        let running = self.replicas.get_mut(replica).and_then(|replica| replica.running.take());
        if let Some(mut running) = running {
            let process = running.child.id();
            // One that ended by itself is gone already; that is no error to `kill`.
            running.child.kill().and_then(|()| running.child.wait()).map_err(|error| {
                format!("replica `{replica}` (process {process}) cannot be stopped: {error}")
            })?;
        }
        Ok(())
    }

    fn restart(&mut self, replica: ReplicaIndex) -> Result<(), Box<dyn Error>> {
        let Some(before) = self.replicas.get(replica) else { return Ok(()) };
        let again = spawn(&self.config, replica, before.at, before.metrics)?;
        self.replicas[replica] = again;
        self.introduce(replica)
    }

    fn trouble(&mut self, replica: ReplicaIndex, trouble: Trouble) -> Result<(), Box<dyn Error>> {
        self.order(replica, &trouble.to_string())
    }

    fn stop(mut self: Box<Self>) -> Result<(), Box<dyn Error>> {
        let mut ended = Ok(());
        for (index, replica) in self.replicas.iter_mut().enumerate() {
            let Some(Running { mut child, orders }) = replica.running.take() else { continue };
            drop(orders);
            let end = Instant::now() + PATIENCE;
            let status = loop {
                match child.try_wait()? {
                    Some(status) => break Some(status),
                    None if Instant::now() >= end => break None,
                    None => std::thread::sleep(Duration::from_millis(10)),
                }
            };
            match status {
                Some(status) if status.success() => {}
                Some(status) => ended = Err(format!("replica `{index}` ended with {status}").into()),
                None => {
                    child.kill()?;
                    child.wait()?;
                    ended = Err(format!("replica `{index}` did not stop within {PATIENCE:?}").into());
                }
            }
        }
        ended
    }
}

impl Drop for Processes {
    /// Leaves no process behind.
    fn drop(&mut self) {
        for running in self.replicas.iter_mut().filter_map(|replica| replica.running.take()) {
            let mut child = running.child;
            // Both fail only for a process that is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Where each replica serves its metrics.
fn metrics_addresses(
    first: SocketAddr,
    replicas: std::ops::Range<ReplicaIndex>,
) -> Result<Vec<SocketAddr>, String> {
    let none = |index| format!("`{first}` leaves no port for replica `{index}`; take a lower one, or port 0");
    let address = |index: ReplicaIndex| {
        let after = if first.port() == 0 { 0 } else { index };
        let port = u16::try_from(usize::from(first.port()) + after).map_err(|_| none(index))?;
        Ok(SocketAddr::new(first.ip(), port))
    };
    replicas.map(address).collect()
}

/// A secret that nobody else knows, in a file that nobody else can read.
fn secret(directory: &Path) -> Result<Secret, Box<dyn Error>> {
    let path = directory.join("secret");
    if let Ok(bytes) = std::fs::read(&path) {
        return Ok(Secret::new(&bytes));
    }
    let mut bytes = [0; 32];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    let written = tempfile::NamedTempFile::new_in(directory).and_then(|mut file| {
        file.write_all(&bytes)?;
        Ok(file.persist(&path)?)
    });
    written.map_err(|error| format!("the secret `{}` cannot be written: {error}", path.display()))?;
    Ok(Secret::new(&bytes))
}

/// Starts a replica and waits until it says where it listens.
fn spawn(
    config: &ProcessesConfig,
    index: ReplicaIndex,
    at: SocketAddr,
    metrics: SocketAddr,
) -> Result<Replica, Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("replica");
    for (name, number) in
        [("--index", index), ("--replicas", config.replicas), ("--standbys", config.standbys)]
    {
        command.arg(name).arg(number.to_string());
    }
    let Limits { checkpoint_every, sessions } = config.limits;
    command.arg("--checkpoint-every").arg(checkpoint_every.to_string());
    command.arg("--sessions").arg(sessions.to_string());
    command.arg("--at").arg(at.to_string()).arg("--listen").arg(metrics.to_string());
    command.arg("--data").arg(config.directory.join(format!("replica-{index}")));
    command.arg("--secret").arg(config.directory.join("secret"));
    if config.durability == Durability::Sync {
        command.arg("--fsync");
    }
    for (name, address) in [("--otlp", &config.receivers.otlp), ("--statsd", &config.receivers.statsd)] {
        if let Some(address) = address {
            command.arg(name).arg(address);
        }
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let (Some(orders), Some(said)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("a replica's process has no pipes".into());
    };
    let mut said = BufReader::new(said);
    let mut next = |prefix: &str| {
        let mut line = String::new();
        said.read_line(&mut line)?;
        if line.is_empty() {
            // Why stands above, on standard error.
            return Err(
                format!("replica `{index}` does not start: it ended before it said where it is").into()
            );
        }
        let address = line.trim_end().strip_prefix(prefix).and_then(|address| address.parse().ok());
        address
            .ok_or_else(|| format!("replica `{index}` does not start: it says `{}`", line.trim_end()).into())
    };
    let addresses = next(&format!("replica {index} at "))
        .and_then(|at| next("listening on http://").map(|metrics| (at, metrics)));
    match addresses {
        Ok((at, metrics)) => Ok(Replica { at, metrics, running: Some(Running { child, orders }) }),
        Err(error) => {
            let error: Box<dyn Error> = error;
            // It is of no use, and its own word stands on standard error.
            let _ = child.kill();
            let _ = child.wait();
            Err(error)
        }
    }
}
