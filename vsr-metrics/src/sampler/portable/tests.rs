//! The portable reader on Linux, where another one can say whether it is right.

use std::io::Write as _;

use super::*;
use crate::sampler::linux;

const MIB: u64 = 1 << 20;

/// A directory on a disk.
fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn both() -> (Reading, Reading) {
    let (mut ours, mut theirs) = (Reading::default(), Reading::default());
    Reader::new(Some(data())).read(&mut ours, true);
    linux::Reader::new(Some(data())).read(&mut theirs, true);
    (ours, theirs)
}

/// CPU time of this process, by the kernel's own file.
fn cpu_time() -> Duration {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat()).expect("it can be read");
    Duration::from_millis(1_000 * (stat.utime + stat.stime) / procfs::ticks_per_second())
}

#[test]
fn what_can_be_read_at_once_is_what_linux_says() {
    let taken = vec![1_u8; usize::try_from(64 * MIB).expect("it fits")];
    let (ours, theirs) = both();
    let close = |name: &str, ours: Option<u64>, theirs: Option<u64>, by: u64| {
        let (Some(ours), Some(theirs)) = (ours, theirs) else { panic!("{name}: {ours:?} and {theirs:?}") };
        assert!(ours.abs_diff(theirs) <= by, "{name}: {ours} and {theirs}");
    };
    close("memory", ours.memory, theirs.memory, 16 * MIB);
    assert!(ours.memory.is_some_and(|bytes| bytes > 64 * MIB), "{:?} with {}", ours.memory, taken.len());
    // Others write to the disk and send meanwhile.
    close("free space", ours.disk_free, theirs.disk_free, 1 << 30);
    assert_eq!(ours.network_bytes.is_some(), theirs.network_bytes.is_some());
    if theirs.network_bytes.is_some() {
        close("network", ours.network_bytes, theirs.network_bytes, 64 * MIB);
    }
    assert_eq!(ours.disk_operations, None, "nobody tells");
    assert!(ours.cpus.is_some_and(|cpus| cpus >= 1.0));
}

#[test]
fn cpu_time_grows_as_the_kernel_counts_it() {
    let mut reader = Reader::new(None);
    let mut read = || {
        let mut reading = Reading::default();
        reader.read(&mut reading, false);
        reading.cpu.expect("it is known")
    };
    let (ours, theirs) = (read(), cpu_time());
    let mut number = 1_u64;
    while cpu_time() < theirs + Duration::from_millis(300) {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
    // Reading our own first and last: what they see lies between.
    let (theirs, ours) = (cpu_time().saturating_sub(theirs), read().saturating_sub(ours));
    assert!(ours + Duration::from_millis(40) >= theirs, "{ours:?} and {theirs:?}");
    assert!(ours >= Duration::from_millis(260), "{ours:?}");
}

#[test]
fn bytes_on_their_way_to_the_disk_are_those_that_linux_counts() {
    let mut reader = Reader::new(Some(data()));
    let mut linux = linux::Reader::new(Some(data()));
    let mut read = || {
        let (mut ours, mut theirs) = (Reading::default(), Reading::default());
        reader.read(&mut ours, false);
        linux.read(&mut theirs, false);
        (ours.disk_bytes.expect("it is known"), theirs.disk_bytes.expect("it is known"))
    };
    let before = read();
    let mut file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).expect("a file");
    file.write_all(&vec![7; usize::try_from(8 * MIB).expect("it fits")]).expect("it is written");
    file.sync_all().expect("it is synchronized");
    let after = read();
    let (ours, theirs) = (after.0 - before.0, after.1 - before.1);
    // Other tests of this process write a little as well, between the two.
    assert!(ours.abs_diff(theirs) <= MIB, "{ours} and {theirs}");
}

#[test]
fn loopback_is_no_network() {
    for (name, expected) in [
        ("lo", true),
        ("lo0", true),
        ("Loopback Pseudo-Interface 1", true),
        ("eth0", false),
        ("lowpan0", false),
        ("Local Area Connection", false),
    ] {
        assert_eq!(is_loopback(name), expected, "{name}");
    }
}
