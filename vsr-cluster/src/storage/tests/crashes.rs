//! Writes that fail, and crashes in the middle of them.

use super::*;

/// Does everything that storage can do, as far as the disk lets it. Returns the latest entry and the latest
/// superblock's view that were promised.
fn work(storage: &mut Storage<Faulty<Memory>>) -> (OpNumber, u64) {
    let mut promised = (0, 0);
    let mut done = || -> io::Result<()> {
        for round in 1..=3 {
            (storage.last() + 1..=round * 10).try_for_each(|op| storage.append(&entry(op)))?;
            promised.0 = storage.flush()?.unwrap_or(promised.0);
            let superblock = Superblock { view: round, ..Superblock::default() };
            storage.checkpoint(round * 10, &round.to_le_bytes(), round * 10 - 3, &superblock)?;
            promised.1 = round;
        }
        Ok(())
    };
    let _ = done();
    promised
}

#[test]
fn after_a_torn_write_anywhere_nothing_promised_is_lost() {
    let mut fates = std::collections::BTreeSet::new();
    for write in 0..60 {
        for kept in [0, 1, 30, 69, 100, usize::MAX] {
            let memory = Memory::default();
            let faults = Faults::default();
            faults.tear_write_after(write, kept);
            let (opened, _) = open(Faulty::new(memory.clone(), faults));
            let (op, view) = work(&mut { opened.storage });
            memory.crash(|length| length.min(kept / 2));
            let (opened, metrics) = open(memory);
            let superblock = opened.superblock.unwrap_or_default();
            assert!(superblock.view >= view, "write {write}: view {} after {view}", superblock.view);
            assert!(opened.storage.last() >= op, "write {write}: entry {} after {op}", opened.storage.last());
            assert_eq!(opened.checkpoint.is_some(), superblock.checkpoint > 0, "write {write}");
            assert_eq!(failures(&metrics, "checkpoint"), 0);
            assert!(damaged(&opened.log).iter().all(|damaged| *damaged > op), "write {write}, {kept} kept");
            fates.insert((op, view));
        }
    }
    assert!(fates.len() > 5, "the crash hit all stages: {fates:?}");
}

#[test]
fn a_torn_copy_of_the_superblock_leaves_the_old_state_or_the_new_one() {
    for write in 0..superblock::COPIES {
        for kept in 0..=80 {
            let memory = Memory::default();
            let faults = Faults::default();
            let (opened, _) = open(Faulty::new(memory.clone(), faults.clone()));
            let mut storage = opened.storage;
            let view = |view| Superblock { view, ..Superblock::default() };
            storage.write_superblock(&view(1)).expect("is written");
            faults.tear_write_after(u32::try_from(write).expect("small"), kept);
            storage.write_superblock(&view(2)).expect_err("is torn");
            let (opened, _) = open(memory.clone());
            let found = opened.superblock.expect("a superblock").view;
            assert!([1, 2].contains(&found));
            // Whatever it was, it stays so.
            assert_eq!(open(memory).0.superblock.map(|superblock| superblock.view), Some(found));
        }
    }
}

#[test]
fn entries_that_were_not_synchronized_may_be_gone_after_a_crash() {
    let memory = Memory::default();
    let layout = Layout { durability: Durability::Flush, ..SMALL };
    let open = || Storage::open(memory.clone(), layout, Arc::new(Metrics::unidentified())).expect("it opens");
    let mut storage = open().storage;
    extend(&mut storage, 5);
    memory.crash(|_| 0);
    assert_eq!(open().storage.last(), 0);
}

#[test]
fn a_failed_write_is_an_error_and_promises_nothing() {
    let faults = Faults::default();
    let (mut storage, metrics) = written(Faulty::new(Memory::default(), faults.clone()), 3);
    faults.fail_writes(1);
    storage.append(&entry(4)).expect("appends");
    let written = number(&metrics, "vsr_bytes_written_total", &[]);
    assert_eq!(storage.flush().expect_err("fails").to_string(), "the disk failed to write");
    assert_eq!(number(&metrics, "vsr_log_entry_count", &[]), 3);
    assert_eq!(number(&metrics, "vsr_bytes_written_total", &[]), written);
    assert_eq!(storage.flush().expect("flushes"), Some(4), "the next attempt writes it");
}

#[test]
fn a_full_disk_is_an_error_of_its_kind() {
    let faults = Faults::default();
    let (mut storage, _) = written(Faulty::new(Memory::default(), faults.clone()), 3);
    faults.leave_room(Some(ENTRY_BYTES));
    storage.append(&entry(4)).expect("appends");
    assert_eq!(storage.flush().expect("there is room for one"), Some(4));
    storage.append(&entry(5)).expect("appends");
    assert_eq!(storage.flush().expect_err("no room").kind(), io::ErrorKind::StorageFull);
    faults.leave_room(None);
    assert_eq!(storage.flush().expect("flushes"), Some(5));
}

#[test]
fn a_full_disk_takes_what_is_written_in_place_and_what_is_removed_makes_room() {
    let faults = Faults::default();
    let (mut storage, _) = written(Faulty::new(Memory::default(), faults.clone()), 20);
    let view = |view| Superblock { view, ..Superblock::default() };
    storage.write_superblock(&view(1)).expect("is written");
    faults.leave_room(Some(0));
    storage.write_superblock(&view(2)).expect("the copies have their places");
    storage.rewrite(&entry(10)).expect("and so does an entry");
    let state = storage.checkpoint(20, b"state", 20, &view(3)).expect_err("a checkpoint does not");
    assert_eq!((state.kind(), faults.failures()), (io::ErrorKind::StorageFull, 1));
    storage.truncate(8).expect("removes segments");
    extend(&mut storage, 10);
}

#[test]
fn a_failed_synchronization_is_an_error_and_promises_nothing() {
    let faults = Faults::default();
    let (mut storage, _) = written(Faulty::new(Memory::default(), faults.clone()), 3);
    faults.fail_syncs(1);
    storage.append(&entry(4)).expect("appends");
    assert_eq!(storage.flush().expect_err("fails").to_string(), "the disk failed to synchronize");
    faults.end_process();
    assert_eq!((faults.failures(), storage.last()), (1, 4));
}

#[test]
fn a_flush_that_stopped_between_segments_goes_on_there() {
    let faults = Faults::default();
    let memory = Memory::default();
    let (mut storage, _) = written(Faulty::new(memory.clone(), faults.clone()), 6);
    (7..=12).for_each(|op| storage.append(&entry(op)).expect("appends"));
    faults.leave_room(Some(2 * ENTRY_BYTES));
    storage.flush().expect_err("no room for the second segment");
    faults.leave_room(None);
    assert_eq!(storage.flush().expect("flushes"), Some(12));
    assert_eq!(sound(&open(memory).0.log), (1..=12).collect::<Vec<_>>());
}

#[test]
fn a_slow_disk_is_slow_and_right() {
    let faults = Faults::default();
    let (mut storage, _) = written(Faulty::new(Memory::default(), faults.clone()), 1);
    faults.slow_down(std::time::Duration::from_millis(20));
    let began = std::time::Instant::now();
    extend(&mut storage, 2);
    assert!(began.elapsed() >= std::time::Duration::from_millis(20));
}
