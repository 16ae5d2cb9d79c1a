//! What a thread has cost so far: its own time on a core, whoever else is running; and which core that is.

use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// CPU time of the running thread in nanoseconds.
pub fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec * 1_000_000_000 + time.tv_nsec) as f64
}

/// Keeps the running thread on one core, so that two threads never share one. Where that is not allowed, they may.
pub fn stay_on_core(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    let _ = sched_setaffinity(None, &cores);
}
