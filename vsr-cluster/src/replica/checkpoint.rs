//! Checkpoints (section 5.1 of the paper): the state is written now and then, and the log before it goes.

use std::sync::Arc;

use super::{Io, OpNumber, Output, Replica};
use crate::storage::Superblock;

/// The latest checkpoint, and one on its way to the disk.
#[derive(Debug)]
pub(super) struct Checkpoints {
    op: OpNumber,
    under_way: Option<UnderWay>,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    keep_after: OpNumber,
    /// Whether it replaced this replica's own state.
    is_installed: bool,
}

impl Checkpoints {
    pub(super) fn at(op: OpNumber) -> Self {
        Self { op, under_way: None }
    }

    /// The operation of the latest checkpoint.
    pub(super) fn op(&self) -> OpNumber {
        self.op
    }

    /// Whether a state of another replica is on its way to the disk.
    pub(super) fn is_installing(&self) -> bool {
        self.under_way.is_some_and(|one| one.is_installed)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }
}

impl Replica {
    /// Writes a checkpoint if enough was executed since the last one.
    pub(super) fn checkpoint_if_due(&mut self, io: &mut Io<'_>) {
        let op = self.service.op();
        if !self.checkpoint.is_under_way() && op >= self.checkpoint.op + self.tuning.checkpoint_every {
            let keep_after = op.saturating_sub(self.tuning.keep_entries);
            self.write_checkpoint(self.service.encode().into(), keep_after, false, io);
        }
    }

    /// Writes the current state.
    pub(super) fn write_checkpoint(
        &mut self,
        state: Arc<[u8]>,
        keep_after: OpNumber,
        is_installed: bool,
        io: &mut Io<'_>,
    ) {
        let op = self.service.op();
        if is_installed {
            self.outbound.begin_write();
        }
        self.checkpoint.under_way = Some(UnderWay { keep_after, is_installed });
        let superblock = Superblock { checkpoint: op, ..self.superblock() };
        io.push(Output::WriteCheckpoint { op, state, keep_after, superblock });
    }

    /// A checkpoint is safe.
    pub(super) fn on_checkpoint_written(&mut self, op: OpNumber, io: &mut Io<'_>) {
        let Some(UnderWay { keep_after, is_installed }) = self.checkpoint.under_way.take() else { return };
        self.checkpoint.op = op;
        self.log.compacted(keep_after + 1);
        self.repairs.forget_through(keep_after);
        if is_installed {
            let is_last = self.outbound.end_write();
            if is_last {
                self.release(io);
            }
            self.end_transfer(io);
            if is_last {
                self.on_promises_kept(io);
            }
        }
    }
}
