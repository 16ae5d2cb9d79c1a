//! The reader on roots made by hand: what is missing, denied, masked, or changes.

use std::fs;

use super::*;

const STATM: &str = "1234 567 89 1 0 200 0\n";
const IO: &str = "read_bytes: 8192\nwrite_bytes: 4096\ncancelled_write_bytes: 1024\n";
const DEV: &str = "head\nhead\n  eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n";

struct Roots(tempfile::TempDir);

impl Roots {
    fn new() -> Self {
        let roots = Self(tempfile::tempdir().expect("a directory"));
        for (path, text) in [
            ("proc/self/statm", STATM),
            ("proc/self/io", IO),
            ("proc/self/net/dev", DEV),
            ("proc/self/cgroup", "1:cpu:/old\n0::/box\n"),
            ("groups/box/cpu.max", "50000 100000\n"),
        ] {
            roots.write(path, text);
        }
        roots
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    fn reader(&self) -> Reader {
        Reader::below(&self.0.path().join("proc"), &self.0.path().join("groups"), None)
    }
}

fn read(reader: &mut Reader) -> Reading {
    let mut reading = Reading::default();
    reader.read(&mut reading, true);
    reading
}

#[test]
fn all_is_there() {
    let reading = read(&mut Roots::new().reader());
    assert_eq!(
        reading.memory,
        Some(567 * sysconf(SysconfVar::PAGE_SIZE).expect("known").expect("known").unsigned_abs())
    );
    assert_eq!(reading.disk_bytes, Some(8192 + 4096 - 1024));
    assert_eq!(reading.network_bytes, Some(120));
    assert_eq!(reading.cpus, Some(0.5), "the quota of its control group");
    assert_eq!((reading.disk_operations, reading.disk_free), (None, None), "nobody said where the data is");
}

#[test]
fn no_proc_at_all() {
    let nowhere = Path::new("/nowhere");
    let mut reader = Reader::below(nowhere, nowhere, Some(nowhere.into()));
    for _ in 0..3 {
        let reading = read(&mut reader);
        assert_eq!(Reading { cpus: None, ..reading }, Reading::default());
    }
}

/// Container runtimes put an empty file over what they mask; a directory cannot be read like a file.
#[test]
fn one_file_is_masked_or_denied() {
    let errors = |resource| {
        let snapshot = METRICS.snapshot();
        let family = snapshot.family("vsr_metrics_sampler_errors_total").expect("in the catalog");
        family.find(&[("resource", resource)]).map(|series| format!("{:?}", series.value()))
    };
    let (disk, network) = (errors("disk"), errors("network"));
    let roots = Roots::new();
    roots.write("proc/self/io", "");
    fs::remove_file(roots.0.path().join("proc/self/net/dev")).expect("it was there");
    fs::create_dir(roots.0.path().join("proc/self/net/dev")).expect("it is not there");
    let reading = read(&mut roots.reader());
    assert_eq!((reading.disk_bytes, reading.network_bytes), (None, None));
    assert!(reading.memory.is_some(), "the others are there");
    assert_ne!((errors("disk"), errors("network")), (disk, network), "and it is counted");
}

#[test]
fn a_file_that_goes_and_comes_again() {
    let roots = Roots::new();
    let mut reader = roots.reader();
    assert_eq!(read(&mut reader).disk_bytes, Some(11_264));
    // The same file, read through the descriptor that was kept.
    roots.write("proc/self/io", &IO.replace("8192", "10192"));
    assert_eq!(read(&mut reader).disk_bytes, Some(13_264));
    roots.write("proc/self/io", "read_bytes: none\n");
    assert_eq!(read(&mut reader).disk_bytes, None);
    fs::remove_file(roots.0.path().join("proc/self/io")).expect("it was there");
    roots.write("proc/self/io", IO);
    assert_eq!(read(&mut reader).disk_bytes, Some(11_264), "opened anew");
}

#[test]
fn a_file_longer_than_the_buffer() {
    let roots = Roots::new();
    let many = "veth: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n".repeat(9_000);
    roots.write("proc/self/net/dev", &many);
    assert_eq!(read(&mut roots.reader()).network_bytes, Some(18_000));
    // A million of them is no list of interfaces.
    roots.write("proc/self/net/dev", &many.repeat(4));
    assert_eq!(read(&mut roots.reader()).network_bytes, None);
}

#[test]
fn a_quota_changes_while_the_program_runs() {
    let roots = Roots::new();
    let mut reader = roots.reader();
    assert_eq!(read(&mut reader).cpus, Some(0.5));
    roots.write("groups/box/cpu.max", "25000 100000\n");
    let seen = (0..=COUNTED_EVERY).map(|_| read(&mut reader).cpus).last().flatten();
    assert_eq!(seen, Some(0.25), "within a minute");
    roots.write("groups/box/cpu.max", "max 100000\n");
    let seen = (0..=COUNTED_EVERY).map(|_| read(&mut reader).cpus).last().flatten();
    assert!(seen.is_some_and(|cpus| cpus >= 1.0), "{seen:?}");
}

/// Bytes and operations of a known write, by readers that share no code with ours.
#[test]
fn what_goes_to_the_disk_is_what_other_readers_count() {
    const WRITTEN: u64 = 8 << 20;
    let data = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bytes = || {
        let io = procfs::process::Process::myself().and_then(|process| process.io()).expect("it can be read");
        io.read_bytes + io.write_bytes - io.cancelled_write_bytes
    };
    // The block layer's own file for the device: reads and writes that are through.
    let operations = || -> Option<u64> {
        let (major, minor) = device_of(data)?;
        let text = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/stat")).ok()?;
        let numbers: Vec<u64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
        Some(numbers.first()? + numbers.get(4)?)
    };
    let mut reader = Reader::new(Some(data.into()));
    let mut read = || {
        let mut reading = Reading::default();
        reader.read(&mut reading, false);
        reading
    };
    let (first, before) = ((bytes(), operations()), read());
    let mut file = tempfile::tempfile_in(data).expect("a file");
    io::Write::write_all(&mut file, &vec![7; usize::try_from(WRITTEN).expect("it fits")]).expect("written");
    file.sync_all().expect("it is synchronized");
    let (after, last) = (read(), (bytes(), operations()));

    let grown = |before: Option<u64>, after: Option<u64>| Some(after? - before?);
    let ours = grown(before.disk_bytes, after.disk_bytes).expect("it is known");
    // Other tests of this process write a little meanwhile, and what they remove before it is written counts as
    // cancelled: either may be the larger one.
    assert!(ours.abs_diff(last.0 - first.0) < 1 << 20, "{ours} of {}", last.0 - first.0);
    if let Some(theirs) = grown(first.1, last.1) {
        // On a disk the file is there now, every byte of it.
        assert!(ours >= WRITTEN - (1 << 20), "{ours}");
        let ours = grown(before.disk_operations, after.disk_operations).expect("it is known");
        assert!((1..=theirs).contains(&ours), "{ours} of {theirs}");
    } else {
        assert_eq!(after.disk_operations, None, "no device, no operations");
    }
}
