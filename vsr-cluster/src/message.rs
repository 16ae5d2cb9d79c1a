//! What replicas and clients tell each other: the messages of normal operation (section 4.1 of the paper).

use std::sync::Arc;

use vsr_metrics::MessageType;

use crate::state_machine::{Operation, Outcome};

/// A replica's place in the configuration: 0 to cluster size - 1.
pub type ReplicaIndex = usize;
/// A view's number. The primary of view `v` is replica `v` modulo the cluster size (section 4).
pub type ViewNumber = u64;
/// A request's place in the order of all requests; the first one is 1.
pub type OpNumber = u64;
/// A client session.
pub type ClientId = u64;
/// A client's count of its own requests.
pub type RequestNumber = u64;

/// A request in the order that the primary gave it: what the log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// View in which the primary assigned the op number.
    pub view: ViewNumber,
    /// Place in the order.
    pub op: OpNumber,
    /// Who asked.
    pub client: ClientId,
    /// Which of the client's requests this is.
    pub request: RequestNumber,
    /// What to do.
    pub operation: Operation,
}

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

/// What one replica sends another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The primary asks a backup to append an entry; carries what it knows of commits.
    Prepare {
        /// The primary's commit number.
        commit: OpNumber,
        /// View of the sender.
        view: ViewNumber,
        /// The entry, which holds its op number.
        entry: Arc<Entry>,
    },
    /// A backup has this operation and all earlier ones in its log.
    PrepareOk {
        /// View of the sender.
        view: ViewNumber,
        /// The latest operation in the sender's log.
        op: OpNumber,
    },
    /// News of a commit that no Prepare came along to carry.
    Commit {
        /// View of the sender.
        view: ViewNumber,
        /// The primary's commit number.
        commit: OpNumber,
    },
    /// A sign of life of an idle primary. The paper sends a Commit for it; the catalog tells them apart.
    Heartbeat {
        /// View of the sender.
        view: ViewNumber,
        /// The primary's commit number.
        commit: OpNumber,
    },
}

impl Message {
    /// The name under which the message is counted.
    pub fn kind(&self) -> MessageType {
        match self {
            Self::Prepare { .. } => MessageType::Prepare,
            Self::PrepareOk { .. } => MessageType::PrepareOk,
            Self::Commit { .. } => MessageType::Commit,
            Self::Heartbeat { .. } => MessageType::Heartbeat,
        }
    }

    /// View of the sender.
    pub fn view(&self) -> ViewNumber {
        match self {
            Self::Prepare { view, .. }
            | Self::PrepareOk { view, .. }
            | Self::Commit { view, .. }
            | Self::Heartbeat { view, .. } => *view,
        }
    }
}
