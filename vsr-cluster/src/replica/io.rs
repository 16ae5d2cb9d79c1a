//! What one step of the core reads and writes: the clocks, and the outputs.

use super::{Clock, Output, Time};
use crate::message::Stamp;

/// Lent to the core for a step.
pub(super) struct Io<'a> {
    clock: &'a dyn Clock,
    outputs: &'a mut Vec<Output>,
}

impl<'a> Io<'a> {
    pub(super) fn new(clock: &'a dyn Clock, outputs: &'a mut Vec<Output>) -> Self {
        Self { clock, outputs }
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(super) fn calendar(&self) -> Stamp {
        self.clock.calendar()
    }

    /// The steady clock as a number that a message can carry.
    pub(super) fn stamp(&self) -> Stamp {
        u64::try_from(self.clock.now().as_nanos()).unwrap_or(u64::MAX)
    }

    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push(output);
    }
}
