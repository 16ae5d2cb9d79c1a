//! When a message may be sent: not before what it promises is written.
//!
//! Views, configurations and installed states are promises. While one of them is on its way to the disk, everything
//! that is to be sent waits; it is a matter of milliseconds, and of no rule that could be forgotten somewhere.

use super::{Io, Output, Replica};
use crate::configuration::ReplicaSet;
use crate::message::{Envelope, Message, ReplicaIndex};
use crate::storage::Superblock;

/// What waits, and what was sent.
#[derive(Debug)]
pub(super) struct Outbound {
    /// Messages sent since the start, by receiver.
    sent: Vec<u64>,
    held: Vec<(ReplicaIndex, Message)>,
    /// Promises on their way to the disk.
    writes: usize,
}

impl Default for Outbound {
    fn default() -> Self {
        Self { sent: vec![0; ReplicaSet::CAPACITY], held: Vec::new(), writes: 0 }
    }
}

impl Outbound {
    /// A promise is on its way to the disk.
    pub(super) fn begin_write(&mut self) {
        self.writes += 1;
    }

    /// Whether nothing can be sent now.
    pub(super) fn is_holding(&self) -> bool {
        self.writes > 0
    }

    /// Tells whether all promises are kept now.
    pub(super) fn end_write(&mut self) -> bool {
        self.writes = self.writes.saturating_sub(1);
        self.writes == 0
    }
}

impl Replica {
    /// Sends one message: the only way out for any of them.
    pub(super) fn send(&mut self, to: ReplicaIndex, message: Message, io: &mut Io<'_>) {
        if self.outbound.writes > 0 {
            self.outbound.held.push((to, message));
        } else {
            self.put_out(to, message, io);
        }
    }

    pub(super) fn broadcast(&mut self, to: ReplicaSet, message: &Message, io: &mut Io<'_>) {
        for to in to.iter() {
            self.send(to, message.clone(), io);
        }
    }

    /// Writes what is to be remembered; nothing is sent before it is safe.
    pub(super) fn write_superblock(&mut self, io: &mut Io<'_>) {
        self.outbound.begin_write();
        io.push(Output::WriteSuperblock(self.superblock()));
    }

    /// What is to be remembered now. Storage knows the rest.
    pub(super) fn superblock(&self) -> Superblock {
        Superblock {
            boot: self.boot,
            view: self.view,
            last_normal_view: self.last_normal_view,
            commit: self.service.op(),
            checkpoint: self.checkpoint.op(),
            configuration: self.configuration,
            version: self.version,
            ..Superblock::default()
        }
    }

    /// A superblock is safe.
    pub(super) fn on_written(&mut self, io: &mut Io<'_>) {
        if self.outbound.end_write() {
            self.release(io);
            self.on_promises_kept(io);
        }
    }

    /// Sends what waited for a write.
    pub(super) fn release(&mut self, io: &mut Io<'_>) {
        for (to, message) in std::mem::take(&mut self.outbound.held) {
            self.put_out(to, message, io);
        }
    }

    /// A message as this replica would send it next. For simulations, in which somebody else speaks in its name.
    #[inline]
    pub(crate) fn envelope(&mut self, to: ReplicaIndex, message: Message) -> Envelope {
        let sent = &mut self.outbound.sent[to % ReplicaSet::CAPACITY];
        *sent += 1;
        let (from, boot, sequence) = (self.index, self.boot, *sent);
        let (epoch, version) = (self.configuration.epoch, self.version);
        Envelope { from, to, boot, sequence, epoch, version, message }
    }

    #[inline]
    fn put_out(&mut self, to: ReplicaIndex, message: Message, io: &mut Io<'_>) {
        let kind = message.kind();
        if let Message::Prepare { commit, .. }
        | Message::Commit { commit, .. }
        | Message::Heartbeat { commit, .. } = message
        {
            self.announced(commit, io);
        }
        let envelope = self.envelope(to, message);
        io.push(Output::Send(envelope));
        self.metrics.increment_messages_sent(kind);
    }
}
