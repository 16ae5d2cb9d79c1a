//! The thread of the sampler: when to sample, and what is told.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use super::platform::Reader;
use super::rates::{Reading, rates};
use super::threads::{clock, registry};
use super::{Hook, Network, Shared};
use crate::health::{METRICS, Resource};

/// What the thread owns.
pub(super) struct Worker {
    shared: Arc<Shared>,
    reader: Reader,
    network: Option<Network>,
    hooks: Vec<Hook>,
    before: Option<(Reading, Instant)>,
    /// What was told of each group so far.
    told: Vec<Duration>,
    /// What the groups have used since: kept for its memory.
    used: Vec<(&'static str, Duration)>,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        reader: Reader,
        network: Option<Network>,
        hooks: Vec<Hook>,
    ) -> Self {
        Self { shared, reader, network, hooks, before: None, told: Vec::new(), used: Vec::new() }
    }

    /// Samples until told to stop.
    pub(super) fn run(mut self, stop: &Receiver<()>, interval: Duration, pause: Duration) {
        let (mut next_sample, mut next_hook) = (Instant::now(), Instant::now());
        loop {
            let now = Instant::now();
            if now >= next_hook {
                self.call_hooks();
                next_hook = after(next_hook, pause);
            }
            if now >= next_sample {
                self.attempt();
                next_sample = after(next_sample, interval);
            }
            let rest = next_sample.min(next_hook).saturating_duration_since(Instant::now());
            if !matches!(stop.recv_timeout(rest), Err(RecvTimeoutError::Timeout)) {
                return;
            }
        }
    }

    /// A hook that panics costs this call of it.
    fn call_hooks(&mut self) {
        for hook in &mut self.hooks {
            if catch_unwind(AssertUnwindSafe(hook)).is_err() {
                METRICS.increment_sampler_errors(Resource::Callback);
            }
        }
    }

    fn attempt(&mut self) {
        if catch_unwind(AssertUnwindSafe(|| self.sample())).is_err() {
            METRICS.increment_sampler_errors(Resource::Callback);
            return;
        }
        self.shared.sampled();
        if let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            METRICS.set_sampler_last_success_timestamp(now.as_secs_f64());
        }
    }

    /// One sample, told to the sink.
    pub(super) fn sample(&mut self) {
        let mut reading = Reading::default();
        self.reader.read(&mut reading, self.network.is_none());
        let now = Instant::now();
        self.read_clocks(&mut reading);
        if let Some(network) = &mut self.network {
            reading.network_bytes = network();
        }
        let before = self.before.as_ref().map(|(before, then)| (before, now - *then));
        let resources = rates(before, &reading);
        self.before = Some((reading, now));
        self.shared.sink.resources(&resources);
        for (index, (group, total)) in self.used.iter().enumerate() {
            if index == self.told.len() {
                self.told.push(Duration::ZERO);
            }
            let used = total.saturating_sub(self.told[index]);
            if !used.is_zero() {
                self.shared.sink.cpu_time(group, used);
                self.told[index] = *total;
            }
        }
    }

    /// The CPU time of the registered threads, by group; of the process if there are none.
    fn read_clocks(&mut self, reading: &mut Reading) {
        self.used.clear();
        {
            // Threads that begin or end wait for this, for microseconds; nobody who records does.
            let mut registry = registry();
            registry.sample(clock::of);
            self.used.extend(registry.totals());
        }
        if self.used.is_empty() {
            reading.cpu = reading.cpu.or_else(clock::process);
        } else {
            reading.cpu = Some(self.used.iter().map(|(_, used)| *used).sum());
        }
    }
}

/// The next time, with those that were missed left out.
fn after(time: Instant, interval: Duration) -> Instant {
    let next = time + interval;
    if next > Instant::now() { next } else { Instant::now() + interval }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::AtomicU64;

    use super::*;
    use crate::sampler::{Resources, Sink, register_thread};

    struct Nobody;
    impl Sink for Nobody {
        fn resources(&self, _: &Resources) {}
    }

    /// What a sample costs with so many threads that registered.
    fn cost(threads: usize) -> Duration {
        let barrier = Arc::new(Barrier::new(threads + 1));
        for _ in 0..threads {
            let barrier = Arc::clone(&barrier);
            std::thread::spawn(move || {
                register_thread("idle");
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        let shared =
            Shared { sink: Box::new(Nobody), start: Instant::now(), last: AtomicU64::new(0), stale: 1 };
        let reader = Reader::new(Some("/".into()));
        let mut worker = Worker::new(Arc::new(shared), reader, None, Vec::new());
        let mut times: Vec<_> = (0..1_000)
            .map(|_| {
                let begin = Instant::now();
                worker.sample();
                begin.elapsed()
            })
            .collect();
        barrier.wait();
        times.sort_unstable();
        times[times.len() / 2]
    }

    #[test]
    #[ignore = "a figure: run with --release, --ignored and --nocapture on a quiet machine"]
    fn figures_of_a_sample() {
        for threads in [1, 64, 500] {
            println!("{threads} threads: {:?}", cost(threads));
        }
    }

    #[test]
    fn ticks_that_were_missed_are_not_made_up_for() {
        let second = Duration::from_secs(1);
        let now = Instant::now();
        assert_eq!(after(now, second), now + second);
        let late = now.checked_sub(60 * second).unwrap_or(now);
        assert!(after(late, second) > now, "one sample, not sixty");
    }
}
