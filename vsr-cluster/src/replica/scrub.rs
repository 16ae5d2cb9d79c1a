//! What the scrubber asks for and finds.

use super::{Duration, Io, OpNumber, Output, Purpose, Replica, Slot, Time};

impl Replica {
    pub(super) fn scrub_deadline(&self) -> Option<Time> {
        (self.service.op() >= self.log.log_first()).then_some(self.next_scrub)
    }

    /// Reads a little more of the log, as far as it is executed: the rest may still change.
    pub(super) fn scrub_tick(&mut self, io: &mut Io<'_>) {
        let now = io.now();
        if self.next_scrub > now {
            return;
        }
        self.next_scrub = now + self.tuning.scrub_every;
        let (first, last) = (self.log.log_first(), self.service.op());
        if let Some((first, limit)) = self.scrubber.next(first, last, self.tuning.scrub_batch, now) {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            io.push(Output::Read { purpose: Purpose::Scrub, first, limit });
        }
    }

    /// What was read is sound, or to be repaired.
    pub(super) fn on_scrubbed(&mut self, slots: &[(OpNumber, Slot)], io: &mut Io<'_>) {
        let executed = self.service.op();
        for (op, slot) in slots {
            if matches!(slot, Slot::Damaged(_)) && *op <= executed && self.repairs.note_damaged(*op) {
                self.metrics.increment_scrub_corruptions_detected();
            }
        }
        if let Some(tour) = self.scrubber.read(slots.len() as u64, io.now()) {
            self.metrics.increment_scrub_tours_completed();
            // The quotient of two times is that of entries and seconds.
            let throughput =
                Duration::from_secs(tour.entries).div_duration_f64(tour.took.max(self.tuning.scrub_every));
            self.metrics.set_scrub_throughput(throughput);
        }
    }
}
