//! Interleaved rounds: A B C, A B C, … so that a change of the machine's pace hits all contenders alike.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::clock;

/// CPU nanoseconds of each thread when several run: long beside the start of a thread, and short enough that a busy
/// machine leaves them their cores for so long now and then.
const TOGETHER: f64 = 1.5e6;

/// The most passes that make up this time.
const PASSES: f64 = 32.0;

/// How often a round is tried until all threads run at the same time.
const PATIENCE: u32 = 60;

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
    /// Rounds that count: those in which all threads ran at the same time, where they can.
    pub rounds: usize,
}

impl Contender {
    /// A contender that works through its input when called.
    pub fn new(name: &'static str, role: Role, run: impl Fn() + Sync + 'static) -> Self {
        Self { name, role, run: Box::new(run) }
    }
}

/// Runs all contenders `rounds` times, each with `threads` threads that start together.
///
/// A round in which two threads did not run at the same time says nothing about threads that meet on a cell, so it is
/// tried again. More threads than cores cannot run at the same time; of those every round counts.
pub fn measure(contenders: &[Contender], operations: f64, threads: usize, rounds: usize) -> Vec<Cost> {
    let mut samples = vec![Vec::with_capacity(rounds); contenders.len()];
    let passes = |contender| {
        let warm = once(contender, threads, 1); // caches, first recordings
        if threads == 1 { 1.0 } else { (TOGETHER / warm.cpu).clamp(1.0, PASSES) }
    };
    let passes: Vec<u32> = contenders.iter().map(|contender| passes(contender) as u32).collect();
    for _ in 0..rounds {
        for ((contender, passes), samples) in contenders.iter().zip(&passes).zip(&mut samples) {
            let mut laps = (0..PATIENCE).map(|_| once(contender, threads, *passes));
            let lap = laps.find(|lap| threads > cores() || lap.met);
            samples.extend(lap.map(|lap| lap.cpu / operations));
        }
    }
    contenders.iter().zip(samples).map(|(contender, samples)| cost(contender, samples)).collect()
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Some passes of all threads.
struct Lap {
    /// CPU nanoseconds of one pass, averaged over the threads.
    cpu: f64,
    /// Whether all threads ran at the same time, on a core each.
    met: bool,
}

/// What one thread did.
struct Run {
    cpu: f64,
    began: Instant,
    ended: Instant,
}

fn once(contender: &Contender, threads: usize, passes: u32) -> Lap {
    if threads == 1 {
        return Lap { cpu: timed(&contender.run).cpu, met: true };
    }
    let has_a_core_each = threads <= cores();
    let waiting = AtomicUsize::new(threads);
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                let waiting = &waiting;
                scope.spawn(move || {
                    if has_a_core_each {
                        clock::stay_on_core(thread);
                    }
                    // Nobody sleeps: whoever has to be woken comes too late for a pass this short.
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    while waiting.load(Ordering::Relaxed) > 0 {
                        if has_a_core_each {
                            std::hint::spin_loop();
                        } else {
                            std::thread::yield_now();
                        }
                    }
                    timed(|| (0..passes).for_each(|_| (contender.run)()))
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("a contender does not panic")).collect()
    });
    let cpu = runs.iter().map(|run| run.cpu).sum::<f64>() / threads as f64 / f64::from(passes);
    Lap { cpu, met: met(&runs) }
}

/// Whether nine tenths of the time that anybody ran, everybody ran, and nobody was off its core for long.
fn met(runs: &[Run]) -> bool {
    let span = |begin: Option<Instant>, end: Option<Instant>| match (begin, end) {
        (Some(begin), Some(end)) => end.saturating_duration_since(begin).as_nanos() as f64,
        _ => 0.0,
    };
    let (began, ended) = (|| runs.iter().map(|run| run.began), || runs.iter().map(|run| run.ended));
    let anybody = span(began().min(), ended().max());
    let everybody = span(began().max(), ended().min());
    let on_core = |run: &Run| run.cpu >= 0.9 * span(Some(run.began), Some(run.ended));
    everybody >= 0.9 * anybody && runs.iter().all(on_core)
}

fn timed(run: impl FnOnce()) -> Run {
    let (cpu, began) = (clock::thread_cpu(), Instant::now());
    run();
    Run { cpu: clock::thread_cpu() - cpu, began, ended: Instant::now() }
}

fn cost(contender: &Contender, mut samples: Vec<f64>) -> Cost {
    samples.sort_by(f64::total_cmp);
    let tenth = samples.len() / 10;
    let at = |index: usize| samples.get(index).copied().unwrap_or(f64::NAN);
    Cost {
        name: contender.name,
        role: contender.role,
        median: at(samples.len() / 2),
        spread: (at(tenth), at(samples.len().saturating_sub(1 + tenth))),
        rounds: samples.len(),
    }
}
