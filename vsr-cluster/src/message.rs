//! What replicas and clients tell each other.
//!
//! A [`Message`] says something; an [`Envelope`] says who says it to whom, and which of the sender's messages it is.
//! The wire layer turns envelopes into frames under a keyed code and back; it refuses what it cannot read or
//! whose code does not match. Whether an authentic message makes sense is judged by the replica.

use std::sync::Arc;

use vsr_metrics::MessageType;

use crate::configuration::{Configuration, Epoch, Version};
use crate::state_machine::{Operation, Outcome};

mod entry;

pub use entry::{Entry, Tail, checksum};

/// A replica's number, which it keeps as long as it lives: 0 to 63.
pub type ReplicaIndex = usize;
/// A view's number. Section 4: the view's primary follows from it.
pub type ViewNumber = u64;
/// A request's place in the order of all requests; the first one is 1.
pub type OpNumber = u64;
/// A client session. A client that lost its session goes on under another number.
pub type ClientId = u64;
/// A client's count of its own requests; 0 opens the session.
pub type RequestNumber = u64;
/// A number that a request carries and its answer repeats, never used twice by a sender.
pub type Nonce = u64;
/// Nanoseconds on a clock of the sender; only the sender can compare them.
pub type Stamp = u64;

/// What a client asks of the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub client: ClientId,
    /// Grows by at least one with each new request; the same number means the same request again.
    pub number: RequestNumber,
    /// What to do.
    pub operation: Operation,
}

/// The primary's answer, sent once the request is committed and applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// View of the primary, from which the client learns who that is.
    pub view: ViewNumber,
    /// Whom it answers.
    pub client: ClientId,
    /// Which request it answers.
    pub number: RequestNumber,
    /// What the state machine said.
    pub outcome: Outcome,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who sends it.
    pub from: ReplicaIndex,
    /// To whom.
    pub to: ReplicaIndex,
    /// How often the sender has started: what an earlier life sent is old.
    pub boot: u64,
    /// Which of the messages this is that the sender sent to this receiver since it started; the first one is 1.
    pub sequence: u64,
    /// The configuration that the sender knows.
    pub epoch: Epoch,
    /// The sender's software.
    pub version: Version,
    /// What it says.
    pub message: Message,
}

/// A state of the whole service after an operation, as one replica sends it to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The latest operation in it.
    pub op: OpNumber,
    /// Checksum of the state.
    pub root: u32,
    /// The encoded state.
    pub state: Arc<[u8]>,
}

/// Why a replica does not have what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It does not know yet that these operations are committed.
    NotYet,
    /// Its log begins later: ask for a checkpoint.
    Compacted,
    /// Its own copy is damaged.
    Damaged,
}

/// An exchange of calendar times, as NTP does it: the receiver of a heartbeat learns how its clock differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockEcho {
    /// The stamp that the backup put into its latest answer, on its own calendar.
    pub asked: Stamp,
    /// When the primary got that answer, on the primary's calendar.
    pub received: Stamp,
    /// When the primary sent this heartbeat, on the primary's calendar.
    pub sent: Stamp,
}

/// What one replica sends another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The primary asks a backup to append an entry; carries what it knows of commits (section 4.1, step 3).
    Prepare {
        /// View of the sender.
        view: ViewNumber,
        /// The primary's commit number.
        commit: OpNumber,
        /// Checksum of the entry.
        checksum: u32,
        /// The entry, which holds its op number.
        entry: Arc<Entry>,
    },
    /// The sender has this operation and all earlier ones in its log (step 4).
    PrepareOk {
        /// View of the sender.
        view: ViewNumber,
        /// The latest operation in the sender's log.
        op: OpNumber,
    },
    /// News of a commit that no Prepare came along to carry (step 6).
    Commit {
        /// View of the sender.
        view: ViewNumber,
        /// The latest operation in the primary's log.
        op: OpNumber,
        /// The primary's commit number.
        commit: OpNumber,
    },
    /// A sign of life of an idle primary. The paper sends a Commit for it; the catalog tells them apart.
    Heartbeat {
        /// View of the sender.
        view: ViewNumber,
        /// The latest operation in the primary's log.
        op: OpNumber,
        /// The primary's commit number.
        commit: OpNumber,
        /// The first operation that the primary's log still holds.
        log_first: OpNumber,
        /// When it was sent, on the primary's steady clock.
        ping: Stamp,
        /// For the receiver's clock; nothing before its first answer.
        clock: Option<ClockEcho>,
    },
    /// The answer to a heartbeat. Counted as one.
    HeartbeatOk {
        /// View of the sender.
        view: ViewNumber,
        /// The latest operation in the sender's log.
        op: OpNumber,
        /// The latest operation that the sender executed.
        commit: OpNumber,
        /// The heartbeat's own stamp.
        ping: Stamp,
        /// When it was sent, on the sender's calendar.
        asked: Stamp,
    },
    /// The sender wants this view (section 4.2, step 1). A primary in normal operation answers with its `StartView`.
    StartViewChange {
        /// The view.
        view: ViewNumber,
        /// The configuration that the sender knows: who leads the view follows from it.
        configuration: Configuration,
    },
    /// The sender hands its log to the view's primary (step 2).
    DoViewChange {
        /// The new view.
        view: ViewNumber,
        /// The latest view in which the sender was in normal operation.
        last_normal_view: ViewNumber,
        /// The latest operation in the sender's log.
        op: OpNumber,
        /// The latest operation that the sender knows to be committed.
        commit: OpNumber,
        /// The configuration that the sender knows.
        configuration: Configuration,
        /// The end of the sender's log; everything before it is committed.
        tail: Tail,
    },
    /// The new primary opens the view (step 5).
    StartView {
        /// The new view.
        view: ViewNumber,
        /// The latest operation in the primary's log.
        op: OpNumber,
        /// The primary's commit number.
        commit: OpNumber,
        /// The first operation that the primary's log still holds.
        log_first: OpNumber,
        /// The configuration of the view.
        configuration: Configuration,
        /// The end of the primary's log; everything before it is committed.
        tail: Tail,
    },
    /// A replica that crashed asks where the others are (section 4.3, step 1).
    RecoveryRequest {
        /// Repeated by the answers, so that they can be told from older ones.
        nonce: Nonce,
        /// The latest view that the sender remembers.
        view: ViewNumber,
    },
    /// A replica in normal operation answers (step 2).
    RecoveryResponse {
        /// The request's.
        nonce: Nonce,
        /// View of the sender.
        view: ViewNumber,
        /// The latest operation in the sender's log.
        op: OpNumber,
        /// The sender's commit number.
        commit: OpNumber,
        /// The first operation that the sender's log still holds.
        log_first: OpNumber,
        /// The configuration that the sender knows.
        configuration: Configuration,
        /// The end of its log, from the view's primary only.
        tail: Option<Tail>,
    },
    /// Asks for committed entries.
    RepairRequest {
        /// Repeated by the answer.
        nonce: Nonce,
        /// The first one.
        first: OpNumber,
        /// The last one.
        last: OpNumber,
    },
    /// Sends committed entries.
    RepairResponse {
        /// The request's.
        nonce: Nonce,
        /// In order, each with its checksum.
        entries: Vec<(u32, Arc<Entry>)>,
    },
    /// The answer to a request for something that the sender does not have.
    Nack {
        /// The request's.
        nonce: Nonce,
        /// Why.
        lack: Lack,
        /// The first operation that the sender's log still holds.
        log_first: OpNumber,
    },
    /// Asks for the latest checkpoint (section 5.2).
    StateTransferRequest {
        /// Repeated by the answer.
        nonce: Nonce,
        /// The latest operation that the sender executed.
        commit: OpNumber,
    },
    /// Sends it.
    StateTransferResponse {
        /// The request's.
        nonce: Nonce,
        /// The checkpoint.
        checkpoint: Checkpoint,
    },
    /// Asks the primary for entries between the end of the sender's log and a Prepare that overtook them.
    WriteReorderGapRequest {
        /// View of the sender.
        view: ViewNumber,
        /// Repeated by the answer.
        nonce: Nonce,
        /// The first one.
        first: OpNumber,
        /// The last one.
        last: OpNumber,
    },
    /// Sends them; unlike those of a repair they need not be committed.
    WriteReorderGapResponse {
        /// View of the sender.
        view: ViewNumber,
        /// The request's.
        nonce: Nonce,
        /// In order, each with its checksum.
        entries: Vec<(u32, Arc<Entry>)>,
    },
}

impl Message {
    /// The name under which the message is counted.
    pub fn kind(&self) -> MessageType {
        match self {
            Self::Prepare { .. } => MessageType::Prepare,
            Self::PrepareOk { .. } => MessageType::PrepareOk,
            Self::Commit { .. } => MessageType::Commit,
            Self::Heartbeat { .. } | Self::HeartbeatOk { .. } => MessageType::Heartbeat,
            Self::StartViewChange { .. } => MessageType::StartViewChange,
            Self::DoViewChange { .. } => MessageType::DoViewChange,
            Self::StartView { .. } => MessageType::StartView,
            Self::RecoveryRequest { .. } => MessageType::RecoveryRequest,
            Self::RecoveryResponse { .. } => MessageType::RecoveryResponse,
            Self::RepairRequest { .. } => MessageType::RepairRequest,
            Self::RepairResponse { .. } => MessageType::RepairResponse,
            Self::Nack { .. } => MessageType::Nack,
            Self::StateTransferRequest { .. } => MessageType::StateTransferRequest,
            Self::StateTransferResponse { .. } => MessageType::StateTransferResponse,
            Self::WriteReorderGapRequest { .. } => MessageType::WriteReorderGapRequest,
            Self::WriteReorderGapResponse { .. } => MessageType::WriteReorderGapResponse,
        }
    }

    /// View of the sender, for messages that mean something in one view only.
    pub fn view(&self) -> Option<ViewNumber> {
        match self {
            Self::Prepare { view, .. }
            | Self::PrepareOk { view, .. }
            | Self::Commit { view, .. }
            | Self::Heartbeat { view, .. }
            | Self::HeartbeatOk { view, .. }
            | Self::StartViewChange { view, .. }
            | Self::DoViewChange { view, .. }
            | Self::StartView { view, .. }
            | Self::WriteReorderGapRequest { view, .. }
            | Self::WriteReorderGapResponse { view, .. } => Some(*view),
            Self::RecoveryRequest { .. }
            | Self::RecoveryResponse { .. }
            | Self::RepairRequest { .. }
            | Self::RepairResponse { .. }
            | Self::Nack { .. }
            | Self::StateTransferRequest { .. }
            | Self::StateTransferResponse { .. } => None,
        }
    }
}
