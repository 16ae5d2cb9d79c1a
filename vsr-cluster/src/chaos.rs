//! Chaos: something goes wrong every few seconds, in turn, and right again, so that every dashboard moves.

use std::error::Error;
use std::time::{Duration, Instant};

use crate::client::{Client, fresh_ids};
use crate::configuration::ReplicaSet;
use crate::limits::Limits;
use crate::load::Load;
use crate::message::ReplicaIndex;
use crate::node::Trouble;
use crate::stage::Stage;
use crate::state_machine::Operation;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    CrashPrimary,
    CrashBackup,
    Abdicate,
    CutPrimary,
    CutBackup,
    Rot,
    SlowDisk,
    FailWrite,
    Forge,
    Damage,
    Strange,
    Repeat,
    Skew,
    Visitors,
    AskTwice,
    Reconfigure,
}

/// The acts in their order, each with the time until it is put right again. What takes a family of the catalog to move
/// comes first: after half a minute, each has.
const PROGRAM: [(Act, Duration); 16] = [
    (Act::Visitors, Duration::from_secs(1)),
    (Act::CrashPrimary, Duration::from_secs(2)),
    (Act::Rot, Duration::from_secs(2)),
    // So long that the log that it lacks is gone.
    (Act::CrashBackup, Duration::from_secs(8)),
    (Act::Reconfigure, Duration::from_secs(3)),
    (Act::Forge, Duration::from_secs(1)),
    (Act::CutBackup, Duration::from_secs(3)),
    (Act::AskTwice, Duration::from_secs(1)),
    (Act::Skew, Duration::from_secs(4)),
    (Act::Damage, Duration::from_secs(1)),
    (Act::Strange, Duration::from_secs(1)),
    (Act::SlowDisk, Duration::from_secs(3)),
    (Act::Repeat, Duration::from_secs(1)),
    (Act::Abdicate, Duration::from_secs(1)),
    (Act::FailWrite, Duration::from_secs(2)),
    (Act::CutPrimary, Duration::from_secs(3)),
];

/// Pause between two acts.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a change of the configuration may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who has it all happen.
#[derive(Debug)]
pub struct Chaos {
    next: usize,
    at: Instant,
    under_way: Option<UnderWay>,
    /// Members that vote, and standbys: what the latest reconfiguration asked for.
    members: ReplicaSet,
    standbys: ReplicaSet,
    visitors: u64,
}

/// An act that is not put right yet.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    act: Act,
    replica: ReplicaIndex,
    until: Instant,
}

impl Chaos {
    /// Chaos that begins after a pause, in a cluster of so many voters and standbys within these limits.
    pub fn new(replicas: usize, standbys: usize, limits: Limits) -> Self {
        let members = ReplicaSet::first(replicas);
        Self {
            next: 0,
            at: Instant::now() + PAUSE,
            under_way: None,
            members,
            standbys: ReplicaSet::first(replicas + standbys).without(members),
            visitors: limits.sessions + 64,
        }
    }

    /// Does what is due. Returns what it was, for whoever watches.
    ///
    /// # Errors
    /// If a replica does not come back.
    pub fn tick(&mut self, stage: &mut dyn Stage, load: &Load) -> Result<Option<String>, Box<dyn Error>> {
        let now = Instant::now();
        if let Some(under_way) = self.under_way {
            if now < under_way.until {
                return Ok(None);
            }
            self.under_way = None;
            self.at = now + PAUSE;
            under_way.put_right(stage)?;
            return Ok(None);
        }
        if now < self.at {
            return Ok(None);
        }
        // A disk that failed took its replica along: a person would start it again.
        if let Some(replica) = stage.failed() {
            self.at = now + PAUSE;
            let ended = match stage.crash(replica) {
                Ok(()) => format!("replica `{replica}` has ended"),
                Err(error) => error.to_string(),
            };
            stage.restart(replica)?;
            return Ok(Some(format!("{ended}; it is started again")));
        }
        let place = self.next % PROGRAM.len();
        let (act, time) = PROGRAM[place];
        // Another one in the next round.
        let turn = place + self.next / PROGRAM.len();
        self.next += 1;
        let primary = load.primary();
        let backups: Vec<ReplicaIndex> = self.members.iter().filter(|member| *member != primary).collect();
        let backup = backups.get(turn % backups.len().max(1)).copied().unwrap_or(primary);
        let replica = match act {
            Act::CrashPrimary | Act::Abdicate | Act::CutPrimary | Act::AskTwice | Act::Visitors => primary,
            _ => backup,
        };
        self.under_way = Some(UnderWay { act, replica, until: now + time });
        self.begin(act, replica, stage, load)?;
        Ok(Some(format!("{act:?} at replica {replica}")))
    }

    /// No more of it. What a failing disk took along just now is no bad end of the cluster.
    pub fn end(self, stage: &mut dyn Stage) {
        if let Some(UnderWay { act: Act::FailWrite, replica, .. }) = self.under_way
            && stage.failed() == Some(replica)
        {
            let _ = stage.crash(replica);
        }
    }

    fn begin(
        &mut self,
        act: Act,
        replica: ReplicaIndex,
        stage: &mut dyn Stage,
        load: &Load,
    ) -> Result<(), Box<dyn Error>> {
        let everyone_else = ReplicaSet::first(stage.replicas()).without([replica].into_iter().collect());
        match act {
            Act::CrashPrimary | Act::CrashBackup => stage.crash(replica),
            Act::Abdicate => stage.trouble(replica, Trouble::Abdicate),
            Act::CutPrimary | Act::CutBackup => stage.trouble(replica, Trouble::Cut(everyone_else)),
            Act::Rot => (1..=3).try_for_each(|entry| stage.trouble(replica, Trouble::Rot(entry * 50))),
            Act::SlowDisk => stage.trouble(replica, Trouble::SlowDisk(Duration::from_millis(20))),
            Act::FailWrite => stage.trouble(replica, Trouble::FailWrite),
            Act::Forge => stage.trouble(replica, Trouble::Forge(50)),
            Act::Damage => stage.trouble(replica, Trouble::Damage(20)),
            Act::Strange => stage.trouble(replica, Trouble::Strange(30)),
            Act::Repeat => {
                (0..stage.replicas()).try_for_each(|replica| stage.trouble(replica, Trouble::Twice(40)))
            }
            Act::Skew => stage.trouble(replica, Trouble::Skew(400)),
            Act::Visitors => {
                // More than there may be sessions.
                load.visit(self.visitors);
                Ok(())
            }
            Act::AskTwice => {
                load.ask_twice(50);
                Ok(())
            }
            Act::Reconfigure => self.reconfigure(stage, load.primary()),
        }
    }

    /// A standby takes the place of a voter that is not the primary, which becomes a standby.
    fn reconfigure(&mut self, stage: &dyn Stage, primary: ReplicaIndex) -> Result<(), Box<dyn Error>> {
        let Some(promoted) = self.standbys.iter().next() else { return Ok(()) };
        let Some(demoted) = self.members.iter().filter(|member| *member != primary).last() else {
            return Ok(());
        };
        let one = |replica: ReplicaIndex| -> ReplicaSet { [replica].into_iter().collect() };
        self.members = self.members.without(one(demoted)).union(one(promoted));
        self.standbys = self.standbys.without(one(promoted)).union(one(demoted));
        let change = Operation::Reconfigure { members: self.members.bits(), standbys: self.standbys.bits() };
        let requests = stage.requests();
        // The answer takes as long as the change; the show goes on meanwhile.
        std::thread::Builder::new().name("reconfigure".to_owned()).spawn(move || {
            let mut client = Client::over(fresh_ids().start, requests);
            if client.open(PATIENCE).is_some() {
                client.execute(change, PATIENCE);
            }
        })?;
        Ok(())
    }
}

impl UnderWay {
    fn put_right(self, stage: &mut dyn Stage) -> Result<(), Box<dyn Error>> {
        let Self { act, replica, .. } = self;
        match act {
            Act::CrashPrimary | Act::CrashBackup => stage.restart(replica),
            Act::CutPrimary | Act::CutBackup => stage.trouble(replica, Trouble::Cut(ReplicaSet::EMPTY)),
            Act::SlowDisk => stage.trouble(replica, Trouble::SlowDisk(Duration::ZERO)),
            Act::Skew => stage.trouble(replica, Trouble::Skew(0)),
            _ => Ok(()),
        }
    }
}
