//! Bits that flip, and disks that belong to somebody else.

use super::*;

#[test]
fn a_flipped_bit_anywhere_in_an_entry_is_found_counted_and_repaired() {
    let at = usize::try_from(ENTRY_BYTES).expect("small");
    for byte in 0..at {
        let memory = Memory::default();
        let (mut storage, metrics) = written(memory.clone(), 20);
        let (name, offset) = storage.place(10);
        rot(storage.disk(), name, offset + byte as u64).expect("rots");
        let read = storage.read(1, 100).expect("reads");
        assert_eq!((damaged(&read), sound(&read).len()), (vec![10], 19), "byte {byte}");
        assert_eq!(failures(&metrics, "log"), 1);
        drop(storage);
        let (opened, metrics) = open(memory.clone());
        assert_eq!(damaged(&opened.log), [10]);
        assert_eq!((failures(&metrics, "log"), failures(&metrics, "superblock")), (1, 0));
        let mut storage = opened.storage;
        storage.rewrite(&entry(10)).expect("is written anew");
        assert_eq!(number(&metrics, "vsr_bytes_written_total", &[]), ENTRY_BYTES);
        drop(storage);
        assert_eq!(sound(&open(memory).0.log).len(), 20);
    }
}

#[test]
fn an_entry_that_the_log_does_not_have_is_not_written() {
    let (mut storage, _) = written(Memory::default(), 3);
    for op in [0, 4] {
        let error = storage.rewrite(&entry(op)).expect_err("no such entry");
        assert_eq!(error.to_string(), format!("the log has no entry `{op}` to write anew"));
    }
}

#[test]
fn a_lost_segment_is_damage_of_all_its_entries() {
    let memory = Memory::default();
    drop(written(memory.clone(), 20));
    memory.clone().remove(Name::Segment(1)).expect("is removed");
    let (opened, metrics) = open(memory);
    assert_eq!(damaged(&opened.log), (9..=16).collect::<Vec<_>>());
    assert_eq!((sound(&opened.log).len(), failures(&metrics, "log")), (12, 8));
}

#[test]
fn a_damaged_segment_header_is_counted_and_written_anew() {
    let mut memory = Memory::default();
    drop(written(memory.clone(), 3));
    rot(&mut memory, Name::Segment(0), 9).expect("rots");
    let (opened, metrics) = open(memory.clone());
    assert_eq!((sound(&opened.log).len(), failures(&metrics, "log"), opened.damaged_headers), (3, 1, 1));
    assert_eq!(number(&metrics, "vsr_bytes_written_total", &[]), SEGMENT_BYTES);
    assert_eq!(failures(&open(memory).1, "log"), 0);
}

#[test]
fn the_log_of_another_replica_is_refused() {
    let memory = Memory::default();
    drop(written(memory.clone(), 1));
    let layout = Layout { replica: 2, ..SMALL };
    let error = Storage::open(memory, layout, Arc::new(Metrics::unidentified())).expect_err("not its own");
    assert_eq!(error.to_string(), "`log-00000000` is not segment `0` of the log of replica `2`");
}

#[test]
fn any_three_copies_of_the_superblock_may_rot() {
    let said = Superblock { view: 5, ..Superblock::default() };
    for spared in 0..superblock::COPIES {
        let mut memory = Memory::default();
        let (mut storage, _) = written(memory.clone(), 1);
        storage.write_superblock(&said).expect("is written");
        for copy in (0..superblock::COPIES).filter(|copy| *copy != spared) {
            rot(&mut memory, Name::Superblock, copy * superblock::PAGE + 25).expect("rots");
        }
        let (opened, metrics) = open(memory.clone());
        assert_eq!(opened.superblock.map(|superblock| superblock.view), Some(5));
        assert_eq!((opened.damaged_copies, failures(&metrics, "superblock")), (3, 3));
        assert_eq!(open(memory).0.damaged_copies, 0, "opening makes them whole");
    }
}

#[test]
fn without_a_sound_copy_there_is_no_superblock() {
    let mut memory = Memory::default();
    let (mut storage, _) = written(memory.clone(), 1);
    storage.write_superblock(&Superblock::default()).expect("is written");
    (0..superblock::COPIES)
        .for_each(|copy| rot(&mut memory, Name::Superblock, copy * superblock::PAGE).expect("rots"));
    let (opened, _) = open(memory);
    assert_eq!((opened.superblock, opened.damaged_copies), (None, 4));
}

#[test]
fn a_damaged_checkpoint_is_found_wherever_the_bit_flips() {
    for byte in [0, 9, 17, 25, 29, 32, 36] {
        let mut memory = Memory::default();
        let (mut storage, metrics) = written(memory.clone(), 9);
        storage.checkpoint(9, b"state", 9, &Superblock::default()).expect("a checkpoint");
        assert_eq!(storage.read_checkpoint().expect("reads").as_deref(), Some(&b"state"[..]));
        rot(&mut memory, Name::Checkpoint(9), byte).expect("rots");
        assert_eq!(storage.read_checkpoint().expect("reads"), None, "byte {byte}");
        assert_eq!(failures(&metrics, "checkpoint"), 1);
        let (opened, metrics) = open(memory);
        assert_eq!((opened.checkpoint, failures(&metrics, "checkpoint")), (None, 1));
    }
}
