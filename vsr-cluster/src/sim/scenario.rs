//! Scenarios as data.

use std::time::Duration;

use super::adversary::Forgery;
use super::machine::Hardware;
use super::network::Weather;
use crate::clock::ClockTolerance;
use crate::configuration::{ReplicaSet, Version};
use crate::message::ReplicaIndex;
use crate::replica::Tuning;

/// What happens to a cluster.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where all chance comes from.
    pub seed: u64,
    /// Replicas that vote at first: 0 and so on.
    pub members: usize,
    /// Replicas after them that only listen at first.
    pub standbys: usize,
    /// How long it takes. Faults end with it: what is down starts, what is cut is joined, and then everything has to
    /// come right again.
    pub length: Duration,
    /// How the replicas behave.
    pub tuning: Tuning,
    /// What clients do.
    pub load: Load,
    /// The network, where nothing else is said.
    pub weather: Weather,
    /// How long a disk takes to write something and keep it.
    pub disk: Duration,
    /// The machine under each replica, which the replica samples. On a machine, a replica that starts is a new
    /// process, whose counters begin at zero. Without one, nothing is sampled and counters go on.
    pub machine: Option<Hardware>,
    /// What happens when, in any order.
    pub steps: Vec<Step>,
}

/// What clients do: each waits for an answer, pauses, and asks for something else.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many there are.
    pub clients: usize,
    /// The longest pause.
    pub pause: Duration,
    /// What they ask for.
    pub requests: Requests,
}

/// What clients ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests {
    /// Everything alike; what only changes a register that holds something else is refused for the most part.
    Mixed,
    /// What a program asks for that knows what it does, but for so many out of a thousand, which are refused.
    Refused(u64),
}

/// Something that happens at some time.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Duration,
    /// What.
    pub action: Action,
}

/// Something that happens.
#[derive(Clone, Debug)]
pub enum Action {
    /// A replica loses power: what its disk was not told to keep may be torn.
    Crash(Target),
    /// A replica that is down starts.
    Restart(Target),
    /// All that are down start.
    RestartAll,
    /// A replica restarts with other software.
    Upgrade(Target, Version),
    /// A replica is cut off from all others and from clients.
    Isolate(Target),
    /// The network falls apart: these replicas on one side, all others on the other.
    Partition(ReplicaSet),
    /// Nothing is cut off any more.
    Heal,
    /// The network becomes better or worse.
    Weather(Weather),
    /// A bit flips on a disk.
    Rot(Target, Rot),
    /// A disk takes so long to write something, from now on.
    SlowDisk(Target, Duration),
    /// A disk fails. Its replica cannot keep its promises and stops; somebody has to start it again.
    FailDisk(Target, DiskFailure),
    /// A calendar is off by milliseconds, from now on.
    Skew(Target, i64),
    /// Frames arrive that no honest replica sends.
    Forge(Target, Forgery),
    /// The primary is asked to step down.
    Abdicate,
    /// An operator's client asks for other members and standbys.
    Reconfigure(ReplicaSet, ReplicaSet),
    /// So many clients come once each: they open sessions and never return.
    Visitors(usize),
    /// A client sends a request again that was answered already.
    Repeat,
    /// Clients pause no longer than this, from now on.
    Pause(Duration),
    /// So many clients go on, from now on: others come, or the latest go home.
    Clients(usize),
    /// What clients ask for, from now on.
    Requests(Requests),
    /// Metrics of a replica cannot be scraped, or can be again.
    Scrapeable(Target, bool),
    /// A replica's program keeps every frame in memory, from now on. It ends with the next start.
    Leak(Target),
    /// Another program writes so many bytes a second to a replica's disk, from now on.
    Fill(Target, u64),
    /// Nothing is left of what another program wrote to a disk.
    Clean(Target),
}

/// A replica, by number or by what it is doing at that time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The replica of that number.
    Replica(ReplicaIndex),
    /// The one that leads the latest view.
    Primary,
    /// The first member that does not.
    Backup,
    /// The last member that does not.
    LastBackup,
}

/// How a disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFailure {
    /// The next write fails.
    Write,
    /// The next write fails after so many bytes.
    TornWrite(usize),
    /// The next synchronization fails; what was written before may be lost.
    Sync,
    /// Files can grow no more.
    Full,
    /// There is room again.
    Freed,
}

/// Where a bit flips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rot {
    /// In an entry of the log, so many before the last one that was executed.
    Log(u64),
    /// In one copy of the superblock.
    Superblock(u64),
    /// In the checkpoint.
    Checkpoint,
}

impl Scenario {
    /// Three replicas, a few clients, good weather, and nothing else.
    pub fn quiet(seed: u64, length: Duration) -> Self {
        Self {
            seed,
            members: 3,
            standbys: 0,
            length,
            tuning: Self::tuning(),
            load: Load { clients: 4, pause: Duration::from_millis(40), requests: Requests::Mixed },
            weather: Weather::fair(),
            disk: Duration::from_micros(500),
            machine: None,
            steps: Vec::new(),
        }
    }

    /// The same with something more that happens.
    #[must_use]
    pub fn at(mut self, at: Duration, action: Action) -> Self {
        self.steps.push(Step { at, action });
        self
    }

    /// Limits that are small enough for a short time to reach all of them.
    pub fn tuning() -> Tuning {
        Tuning {
            max_in_flight: 32,
            max_waiting: 64,
            max_sessions: 32,
            checkpoint_every: 256,
            keep_entries: 256,
            repair_credits: 64,
            repair_batch: 8,
            scrub_every: Duration::from_millis(10),
            scrub_batch: 128,
            heartbeat: Duration::from_millis(50),
            heartbeat_timeout: Duration::from_millis(400),
            view_change_timeout: Duration::from_millis(400),
            abdicate_after: Duration::from_millis(800),
            resend_after: Duration::from_millis(60),
            answer_timeout: Duration::from_millis(200),
            clock: ClockTolerance {
                round_trip: Duration::from_millis(400),
                offset: Duration::from_millis(500),
            },
            ..Tuning::default()
        }
    }
}
