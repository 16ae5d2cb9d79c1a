//! Storage on real files and in memory, sound, damaged and interrupted.

use vsr_metrics::snapshot::{Number, Value};

use super::*;
use crate::configuration::{Configuration, Version};

mod crashes;
mod damage;

const SMALL: Layout = Layout { replica: 1, durability: Durability::Sync, segment: 8 };

fn entry(op: OpNumber) -> Entry {
    Entry { view: 0, op, client: 7, request: op, operation: Operation::Add { register: op, amount: 1 } }
}

fn open<D: Disk>(disk: D) -> (Opened<D>, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::unidentified());
    (Storage::open(disk, SMALL, Arc::clone(&metrics)).expect("it opens"), metrics)
}

/// Storage with entries 1 to `last`, flushed.
fn written<D: Disk>(disk: D, last: OpNumber) -> (Storage<D>, Arc<Metrics>) {
    let (opened, metrics) = open(disk);
    let mut storage = opened.storage;
    extend(&mut storage, last);
    (storage, metrics)
}

fn extend(storage: &mut Storage<impl Disk>, last: OpNumber) {
    for op in storage.last() + 1..=last {
        storage.append(&entry(op)).expect("appends");
    }
    assert_eq!(storage.flush().expect("flushes"), Some(last));
}

/// Operations of sound entries, after making sure that they are what was written.
fn sound(log: &[(OpNumber, Slot)]) -> Vec<OpNumber> {
    let sound = log.iter().filter_map(|(op, slot)| match slot {
        Slot::Sound(found) => {
            assert_eq!(**found, entry(*op));
            Some(*op)
        }
        Slot::Damaged(_) => None,
    });
    sound.collect()
}

fn damaged(log: &[(OpNumber, Slot)]) -> Vec<OpNumber> {
    log.iter().filter(|(_, slot)| matches!(slot, Slot::Damaged(_))).map(|(op, _)| *op).collect()
}

fn number(metrics: &Metrics, family: &str, labels: &[(&str, &str)]) -> u64 {
    let snapshot = metrics.snapshot();
    match snapshot.family(family).and_then(|family| family.find(labels)).map(|series| series.value()) {
        Some(Value::Counter(amount)) => amount.stored,
        Some(Value::Gauge(Number::U64(number))) => number,
        _ => panic!("no {family}"),
    }
}

fn failures(metrics: &Metrics, component: &str) -> u64 {
    number(metrics, "vsr_checksum_failures_total", &[("component", component)])
}

/// Runs a test on both kinds of disks.
fn on_each_disk(test: impl Fn(Box<dyn Fn() -> Box<dyn Disk>>)) {
    let memory = Memory::default();
    test(Box::new(move || Box::new(memory.clone())));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().to_owned();
    test(Box::new(move || Box::new(Directory::open(&path).expect("a directory"))));
}

#[test]
fn what_was_flushed_is_read_back_from_either_disk() {
    on_each_disk(|disk| {
        let (mut storage, metrics) = written(disk(), 20);
        storage.append(&entry(21)).expect("appends");
        let bytes = 20 * ENTRY_BYTES + 3 * SEGMENT_BYTES;
        assert_eq!(number(&metrics, "vsr_bytes_written_total", &[]), bytes);
        assert_eq!(number(&metrics, "vsr_log_size_bytes", &[]), bytes);
        assert_eq!(number(&metrics, "vsr_log_entry_count", &[]), 20);
        assert_eq!(sound(&storage.read(7, 4).expect("reads")), [7, 8, 9, 10]);
        assert_eq!(sound(&storage.read(19, 10).expect("reads")), [19, 20]);
        assert_eq!(storage.read(21, 10).expect("reads"), []);
        drop(storage);
        let (opened, metrics) = open(disk());
        assert_eq!(sound(&opened.log), (1..=20).collect::<Vec<_>>());
        assert_eq!((failures(&metrics, "log"), opened.superblock), (0, None));
    });
}

#[test]
fn both_disks_hold_the_same_bytes() {
    let directory = tempfile::tempdir().expect("a directory");
    let memory = Memory::default();
    let superblock = Superblock { view: 3, ..Superblock::default() };
    let bytes = |disk: Box<dyn Disk>| {
        let (mut storage, _) = written(disk, 30);
        storage.checkpoint(20, b"state", 20, &superblock).expect("a checkpoint");
        storage.truncate(27).expect("is cut");
        let disk = storage.disk();
        let names = disk.names().expect("names");
        let read = |name| {
            let mut bytes = vec![0; usize::try_from(disk.length(name).unwrap()).unwrap()];
            disk.read(name, 0, &mut bytes).expect("reads");
            (name, bytes)
        };
        names.into_iter().map(read).collect::<Vec<_>>()
    };
    let real = bytes(Box::new(Directory::open(directory.path()).expect("a directory")));
    assert_eq!(real, bytes(Box::new(memory)));
    let names: Vec<String> = real.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["superblock", "checkpoint-000000000020", "log-00000002", "log-00000003"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_long_log_keeps_one_file_open() {
    let directory = tempfile::tempdir().expect("a directory");
    let (storage, _) = written(Directory::open(directory.path()).expect("a directory"), 100);
    let open = std::fs::read_dir("/proc/self/fd").expect("there is /proc").flatten().filter(|descriptor| {
        std::fs::read_link(descriptor.path()).is_ok_and(|path| path.starts_with(directory.path()))
    });
    assert_eq!(open.count(), 1);
    drop(storage);
}

#[test]
fn an_entry_out_of_order_is_refused() {
    let (mut storage, _) = written(Memory::default(), 2);
    let error = storage.append(&entry(4)).expect_err("a gap");
    assert_eq!(error.to_string(), "entry `4` does not follow entry `2`");
}

#[test]
fn the_tail_is_cut_off_and_written_anew() {
    on_each_disk(|disk| {
        for last in [0, 1, 7, 8, 9, 15, 16, 19, 20] {
            let (mut storage, metrics) = written(disk(), 20);
            storage.append(&entry(21)).expect("appends");
            storage.truncate(last).expect("is cut");
            assert_eq!(storage.last(), last);
            assert_eq!(number(&metrics, "vsr_log_entry_count", &[]), last);
            drop(storage);
            let (opened, _) = open(disk());
            assert_eq!(sound(&opened.log), (1..=last).collect::<Vec<_>>(), "after {last}");
            let mut storage = opened.storage;
            extend(&mut storage, 23);
            storage.truncate(0).expect("is cut");
        }
    });
}

#[test]
fn entries_that_were_not_flushed_can_be_taken_back() {
    let (mut storage, _) = written(Memory::default(), 5);
    (6..=9).for_each(|op| storage.append(&entry(op)).expect("appends"));
    storage.truncate(7).expect("is cut");
    storage.append(&entry(8)).expect("appends");
    assert_eq!(storage.flush().expect("flushes"), Some(8));
    assert_eq!(sound(&storage.read(1, 100).expect("reads")), (1..=8).collect::<Vec<_>>());
}

#[test]
fn a_checkpoint_bounds_the_log() {
    on_each_disk(|disk| {
        let (mut storage, metrics) = written(disk(), 20);
        for round in 1..20 {
            let op = round * 20;
            storage.checkpoint(op, &op.to_le_bytes(), op - 5, &Superblock::default()).expect("a checkpoint");
            assert!(storage.first() <= op - 4, "what is to be kept is kept");
            assert!(number(&metrics, "vsr_log_entry_count", &[]) < 5 + 8);
            extend(&mut storage, op + 20);
        }
        let first = storage.first();
        drop(storage);
        let (opened, metrics) = open(disk());
        assert_eq!(opened.checkpoint.as_deref(), Some(&380_u64.to_le_bytes()[..]));
        assert_eq!(opened.superblock.map(|superblock| superblock.checkpoint), Some(380));
        assert_eq!(sound(&opened.log), (first..=400).collect::<Vec<_>>());
        assert_eq!(number(&metrics, "vsr_log_entry_count", &[]), 401 - first);
    });
}

#[test]
fn a_log_begins_anew_after_a_checkpoint_from_elsewhere() {
    on_each_disk(|disk| {
        let (mut storage, _) = written(disk(), 5);
        storage.checkpoint(1003, b"from a peer", 1003, &Superblock::default()).expect("a checkpoint");
        assert_eq!((storage.first(), storage.last()), (1004, 1003));
        drop(storage);
        let (opened, _) = open(disk());
        assert_eq!((opened.storage.last(), opened.log.len()), (1003, 0));
        let mut storage = opened.storage;
        extend(&mut storage, 1010);
        drop(storage);
        let (opened, metrics) = open(disk());
        assert_eq!(sound(&opened.log), (1004..=1010).collect::<Vec<_>>());
        assert_eq!(failures(&metrics, "log"), 0);
    });
}

#[test]
fn a_superblock_is_read_back_and_counts_its_writes() {
    on_each_disk(|disk| {
        let (mut storage, _) = written(disk(), 1);
        let said = Superblock {
            view: 9,
            last_normal_view: 8,
            commit: 1,
            boot: 3,
            configuration: Configuration::initial(3, 1),
            version: Version { major: 1, minor: 4 },
            ..Superblock::default()
        };
        storage.write_superblock(&said).expect("is written");
        storage.write_superblock(&said).expect("is written");
        drop(storage);
        let (opened, _) = open(disk());
        assert_eq!(opened.superblock, Some(Superblock { sequence: 2, ..said }));
    });
}

#[test]
fn a_log_of_which_nothing_is_kept_begins_after_the_checkpoint() {
    let memory = Memory::default();
    let (mut storage, _) = written(memory.clone(), 6);
    for op in 7..=12 {
        storage.append(&entry(op)).expect("appends");
    }
    // Two entries wait for the disk that come before its end, and four that come after it.
    storage.checkpoint(8, b"state", 8, &Superblock::default()).expect("is written");
    assert_eq!((storage.first(), storage.last()), (9, 12));
    assert_eq!(storage.flush().expect("flushes"), Some(12));
    assert_eq!(sound(&storage.read(1, 99).expect("reads")), [9, 10, 11, 12]);
    drop(storage);
    let (opened, metrics) = open(memory);
    assert_eq!(sound(&opened.log), [9, 10, 11, 12]);
    assert_eq!(number(&metrics, "vsr_log_entry_count", &[]), 4);
}
