//! The log against real files, sound and damaged.

use super::*;
use vsr_metrics::snapshot::Value;

fn entries(count: u64) -> impl Iterator<Item = Entry> {
    (1..=count).map(|op| Entry {
        view: 0,
        op,
        client: 7,
        request: op,
        operation: Operation::Add { register: op, amount: 1 },
    })
}

fn open(path: &Path) -> (Opened, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::unidentified());
    (Log::open(path, 1, Durability::Flush, Arc::clone(&metrics)).expect("the log opens"), metrics)
}

fn written(path: &Path, count: u64) -> Log {
    let (mut opened, _) = open(path);
    for entry in entries(count) {
        opened.log.append(&entry).expect("appends");
    }
    assert_eq!(opened.log.flush().expect("flushes"), Some(count));
    opened.log
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("readable");
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).expect("writable");
}

fn failures(metrics: &Metrics, component: &str) -> Option<f64> {
    let snapshot = metrics.snapshot();
    match snapshot.family("vsr_checksum_failures_total")?.find(&[("component", component)])?.value() {
        Value::Counter(amount) => Some(amount.as_f64()),
        _ => None,
    }
}

#[test]
fn what_was_flushed_is_read_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    let mut log = written(&path, 600);
    let (opened, metrics) = open(&path);
    assert_eq!(opened.damage, None);
    assert!(opened.entries.iter().map(|entry| &**entry).eq(entries(600).collect::<Vec<_>>().iter()));
    assert_eq!(failures(&metrics, "log"), Some(0.0));
    let ops = |first, limit, log: &mut Log| -> Vec<u64> {
        log.read(first, limit).expect("reads").iter().map(|entry| entry.op).collect()
    };
    assert_eq!(ops(300, 3, &mut log), [300, 301, 302]);
    assert_eq!(ops(599, 10, &mut log), [599, 600]);
    assert_eq!(ops(601, 10, &mut log), [0; 0]);
}

#[test]
fn an_entry_out_of_order_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = written(&directory.path().join("log"), 2);
    let late = entries(4).last().expect("four");
    assert_eq!(log.append(&late).expect_err("a gap").to_string(), "entry `4` does not follow entry `2`");
}

#[test]
fn a_flipped_bit_anywhere_in_an_entry_is_found_and_counted() {
    for byte in 0..format::ENTRY {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("log");
        written(&path, 3);
        let second = FILE_HEADER + format::ENTRY;
        flip(&path, second + byte);
        let (opened, metrics) = open(&path);
        let damage = opened.damage.expect("damage");
        assert_eq!((damage.op, damage.offset), (2, second as u64), "byte {byte}");
        assert_eq!(opened.entries.len(), 1);
        assert_eq!(failures(&metrics, "log"), Some(1.0));
        assert_eq!(failures(&metrics, "superblock"), Some(0.0));
    }
}

#[test]
fn an_entry_cut_short_is_cut_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    written(&path, 3);
    let whole = std::fs::read(&path).expect("readable");
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("writable");
    let (opened, metrics) = open(&path);
    assert_eq!((opened.damage, opened.entries.len()), (None, 2));
    assert_eq!(failures(&metrics, "log"), Some(0.0));
    let size = std::fs::metadata(&path).expect("a file").len();
    assert_eq!(size, (FILE_HEADER + 2 * format::ENTRY) as u64);
}

#[test]
fn the_log_of_another_replica_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    written(&path, 1);
    let metrics = Arc::new(Metrics::unidentified());
    let error = Log::open(&path, 2, Durability::Flush, metrics).expect_err("not its own");
    assert!(error.to_string().ends_with("does not begin as a log of replica `2`"), "{error}");
}

#[test]
fn damage_is_put_aside_and_written_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    written(&path, 3);
    flip(&path, FILE_HEADER + format::ENTRY + 5);
    let (mut opened, _) = open(&path);
    let aside = opened.log.set_aside(&opened.damage.expect("damage")).expect("is put aside");
    assert_eq!(std::fs::metadata(aside).expect("a file").len(), 2 * format::ENTRY as u64);
    for entry in entries(3).skip(1) {
        opened.log.append(&entry).expect("appends");
    }
    opened.log.flush().expect("flushes");
    let (again, _) = open(&path);
    assert_eq!((again.damage, again.entries.len()), (None, 3));
}
