//! Frames on their way: what cuts, weather and traitors do to them.

use super::{Envelope, Event, Input, Message, Parcel, ReplicaIndex, World, adversary};
use crate::network::Observer as _;

impl World<'_> {
    /// Puts a message on its way.
    pub(super) fn send(&mut self, mut envelope: Envelope) {
        let Envelope { from, to, .. } = envelope;
        let wanted = self
            .changes
            .iter()
            .position(|(victim, reason)| *victim == to && adversary::change(*reason, &mut envelope.message));
        let changed = wanted.map(|place| self.changes.remove(place).1);
        let Some(frame) = self.nodes[from].keys.seal(&Parcel::Message(envelope)) else { return };
        if let Some(reason) = changed {
            self.changed.insert(frame.clone(), reason);
        }
        if to >= self.nodes.len() || !self.cuts.is_open(from, to) {
            return;
        }
        for passage in self.weather.carry(&mut self.random) {
            let (frame, is_damaged) = (frame.clone(), passage.is_damaged);
            self.after(passage.after, Event::Frame { to, frame, is_damaged });
        }
    }

    /// A frame arrives.
    pub(super) fn arrive(&mut self, to: ReplicaIndex, mut frame: Vec<u8>, is_damaged: bool) {
        if self.nodes[to].running.is_none() {
            return;
        }
        self.nodes[to].machine.receive();
        if is_damaged {
            let place = self.random.index(frame.len());
            frame[place] ^= 0x20;
            self.observer.damaged_frame(to);
        }
        let opened = self.nodes[to].keys.open(&frame, &self.nodes[to].metrics);
        match opened {
            Ok(Parcel::Message(envelope)) => {
                self.counts.received(to, envelope.message.kind());
                if let Some(reason) = self.changed.get(&frame).copied()
                    && self.is_awaited(to, &envelope)
                {
                    self.observer.forged(to, reason);
                }
                self.frames.insert((to, envelope.message.kind()), (envelope.boot, frame));
                self.step(to, Input::Message(envelope));
            }
            Ok(_) => {}
            Err(fault) => self.step(to, Input::Refused(fault)),
        }
    }

    /// Whether an answer is one that its receiver waits for; others are not looked at.
    pub(super) fn is_awaited(&self, to: ReplicaIndex, envelope: &Envelope) -> bool {
        let Some(running) = &self.nodes[to].running else { return false };
        match &envelope.message {
            Message::RepairResponse { nonce, .. } => self.observer.awaits_repair(to, envelope.from, *nonce),
            message => running.replica.awaits(envelope.from, message),
        }
    }
}
