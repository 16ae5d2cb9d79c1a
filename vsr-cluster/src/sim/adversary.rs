//! Messages that no honest replica sends. The adversary has the cluster's secret, or a member's good name, where the
//! rule that it breaks is one about content; it damages or repeats frames where the rule is one about frames.

use std::sync::Arc;

use vsr_metrics::ByzantineReason;

use crate::message::{Checkpoint, Entry, Message, OpNumber, Tail, checksum};
use crate::replica::{Replica, Tuning};
use crate::state_machine::Operation;

/// What arrives that must be rejected, named by the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgery(pub ByzantineReason);

/// How a forgery is put to work.
pub(super) enum Craft {
    /// A member says this.
    Say(Message),
    /// The latest frame of that kind arrives again.
    Repeat(vsr_metrics::MessageType),
    /// Somebody says this who is no member.
    Stranger(Message),
    /// A frame that is signed with another secret.
    Unsigned,
    /// Authentic bytes that mean nothing.
    Nonsense,
    /// No message does it, or not now.
    Impossible,
}

/// How to have a replica reject something for a reason.
pub(super) fn craft(reason: ByzantineReason, target: &Replica, tuning: &Tuning) -> Craft {
    use vsr_metrics::MessageType as Kind;
    let view = target.view();
    let entry = |op| Arc::new(Entry { view, op, client: 1, request: 1, operation: Operation::OpenSession });
    let prepare = |op: OpNumber, commit: OpNumber, flip: u32| {
        let entry = entry(op);
        Message::Prepare { view, commit, checksum: entry.checksum() ^ flip, entry }
    };
    let tail = |length: u64| Tail::new(1, (1..=length).map(entry).collect());
    let handed = |tail: Tail, op: OpNumber, commit: OpNumber| {
        let (last_normal_view, configuration) = (0, target.configuration());
        Message::DoViewChange { view, last_normal_view, op, commit, configuration, tail }
    };
    match reason {
        ByzantineReason::PrepareReplay => Craft::Repeat(Kind::Prepare),
        ByzantineReason::PrepareOkReplay => Craft::Repeat(Kind::PrepareOk),
        ByzantineReason::CommitReplay => Craft::Repeat(Kind::Commit),
        ByzantineReason::StartViewChangeReplay => Craft::Repeat(Kind::StartViewChange),
        ByzantineReason::DoViewChangeReplay => Craft::Repeat(Kind::DoViewChange),
        ByzantineReason::StartViewReplay => Craft::Repeat(Kind::StartView),
        ByzantineReason::PrepareChecksumFailure => Craft::Say(prepare(1, 0, 1)),
        ByzantineReason::PipelineDepthExceeded => Craft::Say(prepare(tuning.max_in_flight as u64 + 2, 1, 0)),
        ByzantineReason::CommitExceedsOp => Craft::Say(Message::Commit { view, op: 1, commit: 2 }),
        ByzantineReason::InvalidRepairRange => {
            Craft::Say(Message::RepairRequest { nonce: 1, first: 5, last: 2 })
        }
        ByzantineReason::LogOrderingViolation => {
            Craft::Say(handed(Tail::new(1, vec![entry(2), entry(1)]), 2, 0))
        }
        ByzantineReason::OversizedLogTail => {
            let length = tuning.tail_limit() + 1;
            Craft::Say(handed(tail(length), length, 0))
        }
        ByzantineReason::LogTailLengthMismatch => Craft::Say(handed(Tail { length: 3, ..tail(2) }, 2, 0)),
        ByzantineReason::LogTailHashMismatch => {
            let sound = tail(2);
            Craft::Say(handed(Tail { hash: sound.hash ^ 1, ..sound }, 2, 0))
        }
        ByzantineReason::StartViewLogTailHashMismatch => {
            let sound = tail(2);
            let tail = Tail { hash: sound.hash ^ 1, ..sound };
            let configuration = target.configuration();
            Craft::Say(Message::StartView { view, op: 2, commit: 0, log_first: 1, configuration, tail })
        }
        ByzantineReason::InflatedCommitNumber => Craft::Say(handed(tail(2), 2, 3)),
        ByzantineReason::ViewRegression if view > 0 => {
            Craft::Say(Message::StartViewChange { view: view - 1, configuration: target.configuration() })
        }
        ByzantineReason::UnknownSender => Craft::Stranger(Message::StartViewChange {
            view: view + 1,
            configuration: target.configuration(),
        }),
        ByzantineReason::SignatureVerificationFailed => Craft::Unsigned,
        ByzantineReason::InvalidKernelCommand => Craft::Nonsense,
        ByzantineReason::RepairEntryCorrupt
        | ByzantineReason::ReorderEntryCorrupt
        | ByzantineReason::CheckpointUndecodable
        | ByzantineReason::CheckpointRootMismatch
        | ByzantineReason::ViewRegression
        | ByzantineReason::MerkleRootQuorumFailure => Craft::Impossible,
    }
}

/// Whether it takes an answer that is changed on its way, by who gives it.
pub(super) fn is_change(reason: ByzantineReason) -> bool {
    matches!(
        reason,
        ByzantineReason::RepairEntryCorrupt
            | ByzantineReason::ReorderEntryCorrupt
            | ByzantineReason::CheckpointUndecodable
            | ByzantineReason::CheckpointRootMismatch
    )
}

/// Changes an answer so that it has to be rejected for a reason. Tells whether it did.
pub(super) fn change(reason: ByzantineReason, message: &mut Message) -> bool {
    match (reason, message) {
        (ByzantineReason::RepairEntryCorrupt, Message::RepairResponse { entries, .. })
        | (ByzantineReason::ReorderEntryCorrupt, Message::WriteReorderGapResponse { entries, .. }) => {
            entries.first_mut().is_some_and(|(checksum, _)| {
                *checksum ^= 1;
                true
            })
        }
        (ByzantineReason::CheckpointRootMismatch, Message::StateTransferResponse { checkpoint, .. }) => {
            checkpoint.root ^= 1;
            true
        }
        (ByzantineReason::CheckpointUndecodable, Message::StateTransferResponse { checkpoint, .. }) => {
            let state: Arc<[u8]> = Arc::from(&b"not a state"[..]);
            *checkpoint = Checkpoint { op: checkpoint.op, root: checksum(&state), state };
            true
        }
        _ => false,
    }
}
