//! What is known of a replica since it started.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::sessions::Table;
use crate::configuration::{Configuration, Version};
use crate::message::{ClientId, Nonce, OpNumber, ReplicaIndex, RequestNumber, ViewNumber};
use crate::replica::Time;

#[derive(Debug, Default)]
pub(super) struct Life {
    /// By sender: the start that was heard, the latest number, and the numbers before it.
    pub(super) seen: BTreeMap<ReplicaIndex, (u64, u64, BTreeSet<u64>)>,
    /// When each replica was heard last.
    pub(super) heard: BTreeMap<ReplicaIndex, Time>,
    pub(super) before: Before,

    /// The latest operation executed, that in the log, and that known to be flushed.
    pub(super) executed: OpNumber,
    pub(super) last: OpNumber,
    pub(super) persisted: OpNumber,
    /// Requests in the log that are not executed.
    pub(super) log: BTreeMap<OpNumber, (ClientId, RequestNumber)>,
    pub(super) sessions: Table,
    pub(super) configuration: Configuration,
    pub(super) version: Version,
    /// Writes under way that hold messages back.
    pub(super) promises: u64,

    /// Repairs that were asked for.
    pub(super) repairs: BTreeMap<Nonce, Asked>,
    /// When an entry was asked for first.
    pub(super) began: BTreeMap<OpNumber, Time>,
    /// Nanoseconds that peers take to answer, as an average that follows them.
    pub(super) answers: BTreeMap<ReplicaIndex, u128>,
    /// Entries that were seen damaged and not written anew.
    pub(super) damaged: BTreeSet<OpNumber>,
    pub(super) tour: Option<Tour>,
    /// Entries a second of the latest tour.
    pub(super) throughput: Option<f64>,

    /// Since when it recovers, is in a view change, fetches a state.
    pub(super) recovering: Option<Time>,
    pub(super) changing: Option<Time>,
    pub(super) fetching: Option<Time>,
    /// Whether it asked for a state in this step.
    pub(super) has_asked: bool,
    /// Checkpoints on their way to the disk: what stays of the log, and whether it is another replica's state.
    pub(super) checkpoint: Option<(OpNumber, bool)>,
    pub(super) has_installed: bool,

    /// Milliseconds that its calendar is ahead of the primary's.
    pub(super) offset: Option<f64>,
    /// How far its primary said that operations are committed.
    pub(super) told: OpNumber,
    pub(super) lead: Option<Lead>,
    /// Whether it led before.
    pub(super) has_led: bool,
}

/// What is known of a primary since it leads.
#[derive(Debug, Default)]
pub(super) struct Lead {
    /// Requests that it took in, and when; no time for those that an earlier primary did.
    pub(super) taken: HashMap<(ClientId, RequestNumber), Option<Time>>,
    /// Those of them that wait for their turn.
    pub(super) waiting: u64,
    /// Operations that were sent as Prepares.
    pub(super) prepared: BTreeMap<OpNumber, Time>,
    /// Operations that no message was told to be committed: when they were sent, and when they got their quorum.
    pub(super) untold: BTreeMap<OpNumber, (Time, Time)>,
    /// The latest operation that each replica said to have.
    pub(super) acknowledged: BTreeMap<ReplicaIndex, OpNumber>,
    pub(super) votes: Option<u64>,
    /// When its last heartbeat was due, whether or not it could be sent at once.
    pub(super) beat: Time,
    /// Whether it looks after its standbys at the end of this step.
    pub(super) reports: bool,
    /// Who acknowledged something in this step. If it is a standby, the primary looks after them as well.
    pub(super) heard: Option<ReplicaIndex>,
    /// How many standbys were heard lately, and how far behind each is. Nothing before it looked the first time.
    pub(super) standbys: Option<(u64, BTreeMap<ReplicaIndex, u64>)>,
}

/// Entries that a peer was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) peer: ReplicaIndex,
    pub(super) first: OpNumber,
    pub(super) last: OpNumber,
    pub(super) at: Time,
}

/// A tour of the scrubber.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tour {
    pub(super) began: Time,
    /// Where it ends.
    pub(super) last: OpNumber,
    /// Where the read under way begins.
    pub(super) from: OpNumber,
    pub(super) read: u64,
}

/// A replica before a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    pub(super) view: ViewNumber,
    pub(super) is_normal: bool,
    pub(super) leads: bool,
    pub(super) configuration: Configuration,
    pub(super) last: OpNumber,
    pub(super) by: By,
}

/// What a step was about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum By {
    #[default]
    Else,
    Start,
    Tick,
    Request,
    Prepare,
    StartViewChange,
    DoViewChange,
    StartView,
    RecoveryResponse,
}
