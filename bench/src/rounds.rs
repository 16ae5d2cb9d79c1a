//! Interleaved rounds: A B C, A B C, … so that a change of the machine's pace hits all contenders alike.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::clock;

/// Passes of each thread when several run: long enough that they do run at the same time.
const TOGETHER: u32 = 32;

/// One library's way to do a case.
pub struct Contender {
    /// Who, and with which idiom.
    pub name: &'static str,
    /// What it counts as in the goals.
    pub role: Role,
    /// Goes over the whole input once.
    pub run: Box<dyn Fn() + Sync>,
}

/// What a contender counts as in the goals.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// This project.
    Ours,
    /// A library whose value a scrape sees at once.
    Peer,
    /// What no library can beat, or a single instruction for comparison.
    Reference,
}

/// What a contender cost: CPU nanoseconds per operation.
pub struct Cost {
    /// Who.
    pub name: &'static str,
    /// What it counts as.
    pub role: Role,
    /// The middle of all rounds.
    pub median: f64,
    /// First and ninth tenth of all rounds.
    pub spread: (f64, f64),
}

impl Contender {
    /// A contender that works through its input when called.
    pub fn new(name: &'static str, role: Role, run: impl Fn() + Sync + 'static) -> Self {
        Self { name, role, run: Box::new(run) }
    }
}

/// Runs all contenders `rounds` times, each with `threads` threads that start together.
pub fn measure(contenders: &[Contender], operations: f64, threads: usize, rounds: usize) -> Vec<Cost> {
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    for contender in contenders {
        once(contender, threads); // caches, first recordings
    }
    for _ in 0..rounds {
        for (contender, samples) in contenders.iter().zip(&mut samples) {
            samples.push(once(contender, threads) / operations);
        }
    }
    contenders.iter().zip(samples).map(|(contender, samples)| cost(contender, samples)).collect()
}

/// CPU nanoseconds of one pass, averaged over the threads.
fn once(contender: &Contender, threads: usize) -> f64 {
    if threads == 1 {
        return timed(&contender.run);
    }
    let waiting = AtomicUsize::new(threads);
    let sum: f64 = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let waiting = &waiting;
                scope.spawn(move || {
                    // Nobody sleeps: whoever has to be woken comes too late for a pass this short.
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    while waiting.load(Ordering::Relaxed) > 0 {
                        std::thread::yield_now();
                    }
                    timed(|| (0..TOGETHER).for_each(|_| (contender.run)())) / f64::from(TOGETHER)
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("a contender does not panic")).sum()
    });
    let threads = threads as f64;
    sum / threads
}

fn timed(run: impl FnOnce()) -> f64 {
    let started = clock::thread_cpu();
    run();
    clock::thread_cpu() - started
}

fn cost(contender: &Contender, mut samples: Vec<f64>) -> Cost {
    samples.sort_by(f64::total_cmp);
    let tenth = samples.len() / 10;
    Cost {
        name: contender.name,
        role: contender.role,
        median: samples[samples.len() / 2],
        spread: (samples[tenth], samples[samples.len() - 1 - tenth]),
    }
}
