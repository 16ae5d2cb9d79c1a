//! One replica that runs in real time: its disk, its clock, its thread, and what can be done to it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use vsr_metrics::Metrics;
use vsr_metrics::sampler::register_thread;

use crate::configuration::{Configuration, ReplicaSet, Version};
use crate::counts::Counts;
use crate::driver::{Driver, RealClock};
use crate::limits::Limits;
use crate::message::{Envelope, Message, ReplicaIndex};
use crate::network::{Delivery, Links, Observer, Transport};
use crate::replica::{Replica, Restored};
use crate::storage::{
    Directory, Disk, Durability, ENTRY_BYTES, Faults, Faulty, Layout, Name, Opened, SEGMENT_BYTES, Storage,
    rot,
};
use crate::wire::{Keyring, Parcel, Secret};

/// What a replica is.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its number.
    pub index: ReplicaIndex,
    /// The configuration that the cluster was founded with.
    pub founding: Configuration,
    /// Where its disk is.
    pub directory: PathBuf,
    /// When log entries count as kept.
    pub durability: Durability,
    /// What it keeps.
    pub limits: Limits,
}

/// A replica, whether it runs or not.
pub struct Node {
    setup: Setup,
    metrics: Arc<Metrics>,
    faults: Faults,
    clock: RealClock,
    links: Arc<Links>,
    running: Option<Running>,
}

struct Running {
    inbox: SyncSender<Delivery>,
    thread: JoinHandle<io::Result<Replica>>,
    /// Held as long as it runs: two replicas on one disk would destroy it.
    _lock: Flock<File>,
}

/// What a replica is connected to while it runs.
pub struct Connections {
    /// What arrives.
    pub deliveries: Receiver<Delivery>,
    /// The other end of that.
    pub inbox: SyncSender<Delivery>,
    /// The way to others.
    pub transport: Arc<dyn Transport>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Who counts what is written to the disk.
    pub counts: Option<Arc<Counts>>,
}

/// Something that goes wrong, or right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// These replicas are cut off, and no others.
    Cut(ReplicaSet),
    /// The next messages are sent twice.
    Twice(u64),
    /// Each synchronization of the disk takes longer.
    SlowDisk(Duration),
    /// The next write fails.
    FailWrite,
    /// A bit of an entry in the log flips, so many entries before the last.
    Rot(u64),
    /// The calendar goes wrong by milliseconds.
    Skew(i64),
    /// Frames arrive whose code is wrong.
    Forge(u64),
    /// Frames arrive that the network damaged.
    Damage(u64),
    /// Authentic messages arrive of a replica that does not belong to the cluster.
    Strange(u64),
    /// The primary is asked to step down.
    Abdicate,
}

/// Why a replica does not start, or not end well.
#[derive(Debug)]
pub enum NodeError {
    /// Its disk, in this directory, cannot be read or written.
    Disk(PathBuf, io::Error),
    /// Another replica runs on its disk, in this directory.
    InUse(PathBuf),
    /// Its disk held something and lost what it must not forget. It has to be replaced by a new replica.
    Forgot,
    /// A thread cannot be started.
    Thread(io::Error),
    /// Its thread panicked.
    Panicked,
}

/// The software that runs here.
pub const VERSION: Version = Version { major: 1, minor: 0 };

/// A replica's number that no cluster here has.
const STRANGER: ReplicaIndex = 63;

impl Node {
    /// A replica that does not run yet.
    pub fn new(setup: Setup, metrics: Arc<Metrics>, links: Arc<Links>) -> Self {
        let (faults, clock) = (Faults::default(), RealClock::start());
        Self { setup, metrics, faults, clock, links, running: None }
    }

    /// Opens the disk, verifies everything on it, and starts the thread.
    ///
    /// # Errors
    /// See [`NodeError`].
    pub fn start(&mut self, connections: Connections) -> Result<(), NodeError> {
        let Connections { deliveries, inbox, transport, observer, counts } = connections;
        let Setup { index, durability, .. } = self.setup;
        let directory = Directory::open(&self.setup.directory).map_err(|error| self.disk(error))?;
        let lock = self.lock()?;
        let disk = Faulty::new(directory, self.faults.clone());
        let disk: Box<dyn Disk> = match counts {
            Some(counts) => Box::new(counts.disk(index, disk)),
            None => Box::new(disk),
        };
        let segment = self.setup.limits.segment();
        let layout = Layout { replica: index, durability, segment };
        let opened =
            Storage::open(disk, layout, Arc::clone(&self.metrics)).map_err(|error| self.disk(error))?;
        let (replica, storage) = self.restore(opened)?;
        let clock = self.clock.clone();
        let driver = Driver { replica, storage, inbox: deliveries, transport, observer, clock };
        let thread = std::thread::Builder::new().name(format!("replica-{index}"));
        let run = move || {
            register_thread("replica");
            driver.run()
        };
        let thread = thread.spawn(run).map_err(NodeError::Thread)?;
        self.running = Some(Running { inbox, thread, _lock: lock });
        Ok(())
    }

    /// Whether it runs, as far as anybody knows: its thread may have ended with an error.
    pub fn is_started(&self) -> bool {
        self.running.is_some()
    }

    /// Whether its thread ended without having been told to.
    pub fn has_failed(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.thread.is_finished())
    }

    /// Stops it with nothing left unsaid, or at once. Returns it as it ended; nothing if it did not run.
    ///
    /// # Errors
    /// If its disk failed, or its thread panicked.
    pub fn stop(&mut self, last: Delivery) -> Result<Option<Replica>, NodeError> {
        let Some(Running { inbox, thread, _lock }) = self.running.take() else { return Ok(None) };
        let is_crash = matches!(last, Delivery::Crash);
        // One that ended already needs to be told nothing.
        let _ = inbox.send(last);
        let ended = thread.join();
        if is_crash {
            // Its counters go on where they were; what they describe is gone.
            self.metrics.retire();
        }
        match ended {
            Ok(replica) => replica.map(Some).map_err(|error| self.disk(error)),
            Err(_) => Err(NodeError::Panicked),
        }
    }

    /// Has something go wrong.
    ///
    /// # Errors
    /// If the disk cannot be opened to be damaged.
    pub fn trouble(&self, trouble: Trouble) -> io::Result<()> {
        let own = self.setup.index;
        match trouble {
            Trouble::Cut(others) => self.links.cut(others),
            Trouble::Twice(messages) => self.links.send_twice(messages),
            Trouble::SlowDisk(by) => self.faults.slow_down(by),
            Trouble::FailWrite => self.faults.fail_writes(1),
            Trouble::Rot(before_last) => self.rot(before_last)?,
            Trouble::Skew(milliseconds) => self.clock.skew(milliseconds.saturating_mul(1_000_000)),
            Trouble::Forge(frames) => self.refuse(frames, &Secret::new(b"not ours"), |_| {}),
            Trouble::Damage(frames) => self.refuse(frames, &forged_by(), |frame| frame[20] ^= 1),
            Trouble::Strange(messages) => {
                (1..=messages).for_each(|sequence| self.deliver(Delivery::Message(strange(own, sequence))));
            }
            Trouble::Abdicate => self.deliver(Delivery::Abdicate),
        }
        Ok(())
    }

    /// Puts frames through the wire layer that it must refuse.
    fn refuse(&self, frames: u64, secret: &Secret, damage: impl Fn(&mut [u8])) {
        let own = self.setup.index;
        let ring = Keyring::of_replica(own, &forged_by());
        let sender = Keyring::of_replica(STRANGER, secret);
        for sequence in 1..=frames {
            let Some(mut frame) = sender.seal(&Parcel::Message(strange(own, sequence))) else { continue };
            damage(&mut frame);
            if let Err(fault) = ring.open(&frame, &self.metrics) {
                self.deliver(Delivery::Refused(fault));
            }
        }
    }

    fn deliver(&self, delivery: Delivery) {
        if let Some(running) = &self.running {
            // Trouble that finds no room does not happen.
            let _ = running.inbox.try_send(delivery);
        }
    }

    /// Flips a bit of an entry on the disk, behind the back of whoever has it open.
    fn rot(&self, before_last: u64) -> io::Result<()> {
        let mut disk = Directory::open(&self.setup.directory)?;
        let mut back = before_last.saturating_add(1).saturating_mul(ENTRY_BYTES);
        let mut names = disk.names()?;
        names.sort_unstable();
        for name in names.into_iter().rev().filter(|name| matches!(name, Name::Segment(_))) {
            let entries = disk.length(name)?.saturating_sub(SEGMENT_BYTES);
            if back <= entries {
                return rot(&mut disk, name, SEGMENT_BYTES + entries - back + 30);
            }
            back -= entries;
        }
        Ok(())
    }

    /// Keeps others off its disk. The lock goes with the process, however that ends; its file stays.
    fn lock(&self) -> Result<Flock<File>, NodeError> {
        let path = self.setup.directory.join("lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(|error| self.disk(error))?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, error)| match error {
            Errno::EWOULDBLOCK => NodeError::InUse(self.setup.directory.clone()),
            error => self.disk(error.into()),
        })
    }

    fn disk(&self, error: io::Error) -> NodeError {
        NodeError::Disk(self.setup.directory.clone(), error)
    }

    /// The replica as its disk has it.
    fn restore(&self, opened: Opened<Box<dyn Disk>>) -> Result<(Replica, Storage<Box<dyn Disk>>), NodeError> {
        let Setup { index, founding, limits, .. } = &self.setup;
        let (storage, restored) = Restored::of(opened, *founding, VERSION).ok_or(NodeError::Forgot)?;
        let replica = Replica::new(*index, VERSION, limits.tuning(), Arc::clone(&self.metrics), restored);
        Ok((replica, storage))
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("setup", &self.setup).finish_non_exhaustive()
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(directory, error) => {
                write!(f, "its disk `{}`: {error}", directory.display())?;
                if error.kind() == io::ErrorKind::StorageFull {
                    f.write_str("; make room and start it again, nothing that was acknowledged is lost")?;
                }
                Ok(())
            }
            Self::InUse(directory) => {
                let directory = directory.display();
                write!(
                    f,
                    "its disk `{directory}` is in use; stop the one that runs there, or take another directory"
                )
            }
            Self::Forgot => f.write_str("its disk lost what it must not forget; replace it by a new replica"),
            Self::Thread(error) => write!(f, "its thread: {error}"),
            Self::Panicked => f.write_str("it panicked"),
        }
    }
}

impl std::error::Error for NodeError {}

/// One word and one number: how trouble is told to another process.
impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut(others) => write!(f, "cut {}", others.bits()),
            Self::Twice(messages) => write!(f, "twice {messages}"),
            Self::SlowDisk(by) => write!(f, "slow-disk {}", by.as_millis()),
            Self::FailWrite => write!(f, "fail-write 1"),
            Self::Rot(before_last) => write!(f, "rot {before_last}"),
            Self::Skew(milliseconds) => write!(f, "skew {milliseconds}"),
            Self::Forge(frames) => write!(f, "forge {frames}"),
            Self::Damage(frames) => write!(f, "damage {frames}"),
            Self::Strange(messages) => write!(f, "strange {messages}"),
            Self::Abdicate => write!(f, "abdicate 1"),
        }
    }
}

impl FromStr for Trouble {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (word, number) = text.split_once(' ').ok_or(())?;
        if word == "skew" {
            return number.parse().map(Self::Skew).map_err(drop);
        }
        let number: u64 = number.parse().map_err(drop)?;
        match word {
            "cut" => Ok(Self::Cut(ReplicaSet::from_bits(number))),
            "twice" => Ok(Self::Twice(number)),
            "slow-disk" => Ok(Self::SlowDisk(Duration::from_millis(number))),
            "fail-write" => Ok(Self::FailWrite),
            "rot" => Ok(Self::Rot(number)),
            "forge" => Ok(Self::Forge(number)),
            "damage" => Ok(Self::Damage(number)),
            "strange" => Ok(Self::Strange(number)),
            "abdicate" => Ok(Self::Abdicate),
            _ => Err(()),
        }
    }
}

/// The secret under which troubled frames are read: what the cluster's own is does not matter to them.
fn forged_by() -> Secret {
    Secret::new(b"of the troubled")
}

/// A message of a replica that does not belong to the cluster.
fn strange(to: ReplicaIndex, sequence: u64) -> Envelope {
    let message = Message::StartViewChange { view: u64::MAX, configuration: Configuration::default() };
    Envelope { from: STRANGER, to, boot: 1, sequence, epoch: 0, version: VERSION, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_survives_the_way_to_another_process() {
        let all = [
            Trouble::Cut([1, 2].into_iter().collect()),
            Trouble::Twice(3),
            Trouble::SlowDisk(Duration::from_millis(30)),
            Trouble::FailWrite,
            Trouble::Rot(5),
            Trouble::Skew(-400),
            Trouble::Forge(6),
            Trouble::Damage(7),
            Trouble::Strange(8),
            Trouble::Abdicate,
        ];
        for trouble in all {
            assert_eq!(trouble.to_string().parse(), Ok(trouble));
        }
        for text in ["", "cut", "cut x", "dance 1"] {
            assert_eq!(text.parse::<Trouble>(), Err(()));
        }
    }
}
