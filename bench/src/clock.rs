//! What a thread has cost so far: its own time on a core, whoever else is running.

use rustix::time::{ClockId, clock_gettime};

/// CPU time of the running thread in nanoseconds.
pub fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let nanoseconds = (time.tv_sec * 1_000_000_000 + time.tv_nsec) as f64;
    nanoseconds
}
