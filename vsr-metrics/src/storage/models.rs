//! Models of the storage's two races, for every interleaving and every value that the memory model allows.
//!
//! Run with `RUSTFLAGS="--cfg vsr_metrics_loom" cargo test --release -p vsr-metrics --no-default-features --lib models`.

use loom::sync::Arc;
use loom::thread;

use super::cell::Cell;
use super::taken::Taken;

/// Threads that hold one slot after another add to its cell with plain loads and stores; nothing is lost.
#[test]
fn a_slot_handed_over_loses_nothing() {
    loom::model(|| {
        let storage = Arc::new((Taken::<1>::none(), Cell::zero()));
        let record = |storage: Arc<(Taken<1>, Cell)>| {
            storage.0.take_from(0).is_some_and(|slot| {
                storage.1.add_alone(1);
                storage.1.add_alone(1);
                storage.0.give_back(slot);
                true
            })
        };
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let storage = Arc::clone(&storage);
                thread::spawn(move || record(storage))
            })
            .collect();
        let own = record(Arc::clone(&storage));
        let held: u64 = threads.into_iter().map(|thread| u64::from(thread.join().expect("no panic"))).sum();
        assert_eq!(storage.1.load(), 2 * (held + u64::from(own)));
    });
}

/// Two slots are never held by one more thread than there are slots.
#[test]
fn no_two_threads_hold_one_slot() {
    loom::model(|| {
        let taken = Arc::new(Taken::<2>::none());
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let taken = Arc::clone(&taken);
                thread::spawn(move || taken.take_from(0))
            })
            .collect();
        let mut slots: Vec<_> =
            threads.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect();
        slots.sort_unstable();
        assert_eq!(slots, [0, 1]);
    });
}

/// Threads without a slot add to shared cells at the same time; nothing is lost.
#[test]
fn the_shared_shard_loses_nothing() {
    loom::model(|| {
        let cells = Arc::new([Cell::zero(), Cell::zero()]);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let cells = Arc::clone(&cells);
                thread::spawn(move || {
                    cells[0].add_shared(1);
                    cells[1].saturating_add_shared(u64::MAX - 1);
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no panic");
        }
        assert_eq!([cells[0].load(), cells[1].load()], [2, u64::MAX]);
    });
}

/// A histogram read while it is written: buckets never fall, and bucket and sum differ by at most the
/// observations under way.
#[test]
fn a_histogram_read_while_written_is_sound() {
    const OBSERVATIONS: u64 = 2;
    loom::model(|| {
        let histogram = Arc::new([Cell::zero(), Cell::zero()]);
        let writer = {
            let histogram = Arc::clone(&histogram);
            thread::spawn(move || {
                for _ in 0..OBSERVATIONS {
                    histogram[0].add_alone(1);
                    histogram[1].saturating_add_alone(10);
                }
            })
        };
        let first = histogram[0].load();
        let sum = histogram[1].load();
        let second = histogram[0].load();
        assert!(first <= second && second <= OBSERVATIONS, "a bucket fell");
        assert!(sum % 10 == 0 && sum <= 10 * OBSERVATIONS, "a sum that no recording made");
        writer.join().expect("no panic");
        assert_eq!([histogram[0].load(), histogram[1].load()], [OBSERVATIONS, 10 * OBSERVATIONS]);
    });
}
