//! Nothing recorded is lost: totals are exact however many threads record, come, go, or are being torn down.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, MutexGuard};
use std::thread;

use vsr_metrics::storage::{GRID, Gridded, Home, Kept, Own, PADDING, Sharded};

const COUNTER: usize = 0;
/// Three bounds, `+Inf` and the sum.
const HISTOGRAM: usize = 1;
const BOUNDS: [u64; 3] = [10, 20, 30];
const CELLS: usize = 6;

const SHARD: usize = PADDING + CELLS + PADDING;

type Storage = Sharded<SHARD>;

/// Storage that never moves, as the static of a catalog is.
static AT_HOME: Sharded<SHARD, AtHome> = Sharded::new();

struct AtHome;

thread_local! {
    static OWN: Own<SHARD> = const { Own::none() };
}

impl Home<SHARD> for AtHome {
    fn kept() -> Option<Kept<SHARD, Self>> {
        Some(Kept { cells: &AT_HOME, own: &OWN })
    }
}

/// Slots belong to the process: a test that counts on their number runs alone.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn totals<H: Home<SHARD>>(storage: &Sharded<SHARD, H>) -> [u64; CELLS] {
    let mut totals = [0; CELLS];
    storage.total(&mut totals);
    totals
}

/// How much the sanitizers, which slow everything down tenfold, leave of a test.
fn scaled(count: u64) -> u64 {
    std::env::var("VSR_METRICS_SCALE")
        .ok()
        .and_then(|share| share.parse::<u64>().ok())
        .map_or(count, |n| count / n)
}

#[test]
fn sixty_four_threads_at_once() {
    let _alone = alone();
    let storage = Storage::new();
    let each = scaled(1_000_000);
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for value in 0..each {
                    storage.add(COUNTER, 1);
                    storage.observe(HISTOGRAM, &BOUNDS, value % 40);
                }
            });
        }
    });
    let [counter, buckets @ .., sum] = totals(&storage);
    assert_eq!(counter, 64 * each);
    assert_eq!(buckets.iter().sum::<u64>(), 64 * each);
    assert_eq!(sum, 64 * (0..each).map(|value| value % 40).sum::<u64>());
}

#[test]
fn ten_thousand_threads_that_come_and_go() {
    let _alone = alone();
    let storage = Storage::new();
    let before = totals(&AT_HOME)[COUNTER];
    let threads = scaled(10_000);
    for _ in 0..threads / 10 {
        thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    storage.add(COUNTER, 1);
                    AT_HOME.add(COUNTER, 2);
                });
            }
        });
    }
    assert_eq!(totals(&storage)[COUNTER], threads / 10 * 10);
    assert_eq!(totals(&AT_HOME)[COUNTER] - before, threads / 10 * 20);
}

#[test]
fn more_threads_than_slots() {
    const THREADS: usize = 300;
    let _alone = alone();
    let storage = Storage::new();
    let all_have_recorded = Barrier::new(THREADS);
    let each = scaled(10_000);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                storage.add(COUNTER, 1);
                all_have_recorded.wait();
                for _ in 1..each {
                    storage.add(COUNTER, 1);
                    storage.observe(HISTOGRAM, &BOUNDS, 15);
                }
            });
        }
    });
    let [counter, _, second, _, _, sum] = totals(&storage);
    assert_eq!(counter, THREADS as u64 * each);
    assert_eq!([second, sum], [THREADS as u64 * (each - 1), THREADS as u64 * (each - 1) * 15]);
}

#[test]
fn more_threads_than_slots_and_a_grid() {
    const THREADS: u64 = 300;
    static BUCKETS: Gridded<3> = Gridded::new(BOUNDS, 1);
    let _alone = alone();
    let storage = Sharded::<{ PADDING + 5 + GRID + PADDING }>::new();
    let all_have_recorded = Barrier::new(300);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                storage.observe(0, &BUCKETS, 0);
                all_have_recorded.wait();
                (1..=40).for_each(|value| storage.observe(0, &BUCKETS, value));
            });
        }
    });
    let mut totals = [0; 5 + GRID];
    storage.total(&mut totals);
    let (declared, grid) = totals.split_at(5);
    assert_eq!(declared, [11, 10, 10, 10, 820].map(|once| once * THREADS));
    assert_eq!(grid.iter().sum::<u64>(), 41 * THREADS);
    assert_eq!((grid[0], grid[16], grid[32]), (THREADS, THREADS, THREADS), "0, 1 and 2");
}

#[test]
fn recording_from_destructors_while_the_thread_is_torn_down() {
    static STORAGE: Storage = Storage::new();
    static RECORDED: AtomicBool = AtomicBool::new(false);

    struct RecordsWhenDropped;
    impl Drop for RecordsWhenDropped {
        fn drop(&mut self) {
            STORAGE.add(COUNTER, 1);
            STORAGE.observe(HISTOGRAM, &BOUNDS, 10);
            RECORDED.store(true, Ordering::Relaxed);
        }
    }
    thread_local! {
        static EARLY: Cell<Option<RecordsWhenDropped>> = const { Cell::new(None) };
        static LATE: Cell<Option<RecordsWhenDropped>> = const { Cell::new(None) };
    }

    let _alone = alone();
    // Destructors run in the order of registration or against it, depending on the platform: one lies on
    // each side of the storage's own.
    for _ in 0..100 {
        thread::spawn(|| {
            EARLY.set(Some(RecordsWhenDropped));
            STORAGE.add(COUNTER, 1);
            LATE.set(Some(RecordsWhenDropped));
        })
        .join()
        .expect("no panic");
    }
    // A thread whose very first recording happens in a destructor.
    thread::spawn(|| EARLY.set(Some(RecordsWhenDropped))).join().expect("no panic");
    assert!(RECORDED.load(Ordering::Relaxed));
    assert_eq!(totals(&STORAGE), [301, 201, 0, 0, 0, 2010]);
}

/// A destructor that records through a static after its thread gave the slot back, while the slot's next holder
/// records too. A shard that the first thread still kept at hand would have two plain writers.
#[test]
fn a_shard_at_hand_is_let_go_before_the_slot_is_given_back() {
    const EACH: u64 = 200_000;

    struct RecordsWhenDropped;
    impl Drop for RecordsWhenDropped {
        fn drop(&mut self) {
            let record = || (0..EACH).for_each(|_| AT_HOME.add(COUNTER, 1));
            thread::scope(|scope| {
                scope.spawn(record);
                record();
            });
        }
    }
    thread_local! {
        static EARLY: Cell<Option<RecordsWhenDropped>> = const { Cell::new(None) };
        static LATE: Cell<Option<RecordsWhenDropped>> = const { Cell::new(None) };
    }

    let _alone = alone();
    let before = totals(&AT_HOME)[COUNTER];
    for _ in 0..5 {
        thread::spawn(|| {
            EARLY.set(Some(RecordsWhenDropped));
            AT_HOME.add(COUNTER, 1);
            LATE.set(Some(RecordsWhenDropped));
        })
        .join()
        .expect("no panic");
    }
    assert_eq!(totals(&AT_HOME)[COUNTER] - before, 5 * (1 + 4 * EACH));
}

/// The static and other instances of its type, in turn, from many threads: each gets its own.
#[test]
fn a_static_and_instances_that_move() {
    let _alone = alone();
    let before = totals(&AT_HOME);
    let each = scaled(100_000);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(move || {
                let mut moving = vec![Sharded::<SHARD, AtHome>::new()];
                for _ in 0..each {
                    AT_HOME.add(COUNTER, 1);
                    AT_HOME.observe(HISTOGRAM, &BOUNDS, 10);
                    moving[0].add(COUNTER, 3);
                    AT_HOME.add(COUNTER, 1);
                }
                // Another place for the first, and another instance where the first stood.
                moving.insert(0, Sharded::new());
                moving[0].add(COUNTER, 1);
                moving.swap(0, 1);
                moving[1].add(COUNTER, 1);
                assert_eq!(moving.iter().map(|one| totals(one)[COUNTER]).collect::<Vec<_>>(), [3 * each, 2]);
            });
        }
    });
    let after = totals(&AT_HOME);
    let grown: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(grown, [16 * each, 8 * each, 0, 0, 0, 80 * each]);
}

#[test]
fn every_bound_is_inclusive_to_the_nanosecond() {
    let _alone = alone();
    for (index, bound) in BOUNDS.iter().enumerate() {
        let storage = Storage::new();
        for value in [bound - 1, *bound, bound + 1] {
            storage.observe(HISTOGRAM, &BOUNDS, value);
        }
        let buckets = &totals(&storage)[HISTOGRAM..=HISTOGRAM + BOUNDS.len()];
        assert_eq!(buckets.iter().sum::<u64>(), 3);
        assert_eq!([buckets[index], buckets[index + 1]], [2, 1]);
    }
}

#[test]
fn a_counter_wraps_and_a_sum_stays() {
    let _alone = alone();
    let storage = Storage::new();
    storage.add(COUNTER, u64::MAX);
    storage.add(COUNTER, 2);
    storage.observe(HISTOGRAM, &BOUNDS, u64::MAX);
    storage.observe(HISTOGRAM, &BOUNDS, u64::MAX);
    thread::scope(|scope| {
        scope.spawn(|| storage.observe(HISTOGRAM, &BOUNDS, u64::MAX));
    });
    assert_eq!(totals(&storage)[COUNTER], 1);
    assert_eq!(storage.saturating_total(CELLS - 1), u64::MAX);
}

/// Readers never wait and never see a total fall, whatever the writers do.
#[test]
fn totals_never_fall_while_threads_record() {
    let _alone = alone();
    let storage = Storage::new();
    let done = AtomicBool::new(false);
    let each = scaled(500_000);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut last = [0; CELLS];
                    while !done.load(Ordering::Acquire) {
                        let now = totals(&storage);
                        assert!(
                            now.iter().zip(&last).all(|(now, last)| now >= last),
                            "{last:?} then {now:?}"
                        );
                        last = now;
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| (0..each).for_each(|value| storage.observe(HISTOGRAM, &BOUNDS, value % 40)))
            })
            .collect();
        for writer in writers {
            writer.join().expect("no panic");
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            reader.join().expect("no total fell");
        }
    });
}
