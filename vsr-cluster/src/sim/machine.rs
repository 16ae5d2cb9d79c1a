//! The machine under a simulated replica, as far as the replica samples it: memory, the processor, room on the disk.
//!
//! A simulation has no process, so this is a model of one. What drives it is what the simulation does: the entries
//! that a replica keeps, the frames that arrive, the inputs that its core takes in, the bytes on its disk.

use std::time::Duration;

use vsr_metrics::Metrics;

use crate::replica::Time;

/// A machine, when nothing is on it yet.
#[derive(Clone, Copy, Debug)]
pub struct Hardware {
    /// Bytes of memory that the program takes before it keeps anything.
    pub program: u64,
    /// Bytes that the disk has room for.
    pub disk: u64,
}

/// A machine at work.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// Inputs that the core took in since the last sample.
    inputs: u32,
    sampled: Time,
    /// Whether frames that arrive stay in memory for ever.
    pub(super) is_leaking: bool,
    leaked: u64,
    /// Bytes a second that another program writes to the disk, and what it wrote.
    pub(super) filling: u64,
    filled: u64,
}

/// How often a replica samples its machine, as the sampler of `vsr-metrics` does.
pub(super) const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// What an input costs the processor.
const PER_INPUT: Duration = Duration::from_micros(50);
/// What a frame that is never freed keeps: the page that it arrived in.
const PAGE: u64 = 4096;

impl Machine {
    /// The core takes in something.
    pub(super) fn work(&mut self) {
        self.inputs += 1;
    }

    /// A frame arrives.
    pub(super) fn receive(&mut self) {
        if self.is_leaking {
            self.leaked += PAGE;
        }
    }

    /// The program ends; its memory is free again.
    pub(super) fn end_program(&mut self) {
        (self.inputs, self.is_leaking, self.leaked) = (0, false, 0);
    }

    /// What another program wrote is removed, and it writes no more.
    pub(super) fn clean(&mut self) {
        (self.filling, self.filled) = (0, 0);
    }

    /// What the program writes to the disk, and what another one does, until now. Goes on also while the replica is
    /// down.
    pub(super) fn pass(&mut self, now: Time) -> Duration {
        let passed = now.saturating_sub(self.sampled);
        self.sampled = now;
        self.filled += self.filling.saturating_mul(passed.as_secs());
        passed
    }

    /// The replica samples its machine: it keeps so many bytes in memory and on the disk.
    pub(super) fn sample(
        &mut self,
        passed: Duration,
        on: &Hardware,
        kept: u64,
        stored: u64,
        metrics: &Metrics,
    ) {
        let busy = (PER_INPUT * std::mem::take(&mut self.inputs)).div_duration_f64(passed);
        metrics.set_memory_used(on.program + kept + self.leaked);
        metrics.set_cpu_utilization((100.0 * busy).min(100.0));
        metrics.set_disk_free(on.disk.saturating_sub(stored + self.filled));
    }
}

#[cfg(test)]
mod tests {
    use vsr_metrics::ReplicaId;
    use vsr_metrics::snapshot::Value;

    use super::*;

    fn gauge(metrics: &Metrics, name: &str) -> Option<f64> {
        let snapshot = metrics.snapshot();
        let value = snapshot.family(name)?.series().next()?.value();
        match value {
            Value::Gauge(gauge) => Some(gauge.as_f64()),
            _ => None,
        }
    }

    #[test]
    fn a_machine_tells_what_was_done_on_it() {
        let metrics = Metrics::new(ReplicaId::new(0).expect("small"));
        let hardware = Hardware { program: 1000, disk: 1 << 20 };
        let mut machine = Machine { is_leaking: true, filling: 100, ..Machine::default() };
        (0..10_000).for_each(|_| machine.work());
        machine.receive();
        let passed = machine.pass(Duration::from_secs(5));
        machine.sample(passed, &hardware, 10, 24, &metrics);
        assert_eq!(gauge(&metrics, "vsr_memory_used_bytes"), Some(1010.0 + 4096.0));
        assert_eq!(gauge(&metrics, "vsr_cpu_utilization_percent"), Some(10.0));
        assert_eq!(gauge(&metrics, "vsr_disk_free_bytes"), Some(f64::from((1 << 20) - 524)));

        machine.end_program();
        machine.clean();
        let passed = machine.pass(Duration::from_secs(10));
        machine.sample(passed, &hardware, 0, 24, &metrics);
        assert_eq!(gauge(&metrics, "vsr_memory_used_bytes"), Some(1000.0), "what leaked is free again");
        assert_eq!(gauge(&metrics, "vsr_disk_free_bytes"), Some(f64::from((1 << 20) - 24)));
    }
}
