//! What the kernel's text files say. Whatever stands in them: a number that is there, or `None`.
//!
//! No file with the name of a program in it is read, so no name can be mistaken for numbers.

/// Pages that are resident, of `statm`.
pub(super) fn resident_pages(statm: &[u8]) -> Option<u64> {
    number(words(statm).nth(1)?)
}

/// Bytes read from disks and written to them, of `io`. What was written to files that were deleted before it came to a
/// disk is not counted.
pub(super) fn disk_bytes(io: &[u8]) -> Option<u64> {
    let value = |name: &[u8]| lines(io).find_map(|line| number(line.strip_prefix(name)?.trim_ascii()));
    let written = value(b"write_bytes:")?.saturating_sub(value(b"cancelled_write_bytes:").unwrap_or(0));
    value(b"read_bytes:")?.checked_add(written)
}

/// Reads and writes that a device completed, of `diskstats`.
pub(super) fn disk_operations(diskstats: &[u8], (major, minor): (u32, u32)) -> Option<u64> {
    lines(diskstats).find_map(|line| {
        let mut words = words(line);
        let device = (number(words.next()?)?, number(words.next()?)?);
        // The name, then reads, merged reads, sectors, milliseconds, writes.
        let reads = number(words.nth(1)?)?;
        let writes = number(words.nth(3)?)?;
        (device == (u64::from(major), u64::from(minor))).then(|| reads.checked_add(writes))?
    })
}

/// Bytes received and sent over all interfaces but loopback, of `net/dev`; `None` if there is no other.
pub(super) fn network_bytes(dev: &[u8]) -> Option<u64> {
    let mut sum = None;
    for line in lines(dev) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let (Some(name), Some(numbers)) = (parts.next(), parts.next()) else { continue };
        let mut words = words(numbers);
        let (Some(received), Some(sent)) = (words.next().and_then(number), words.nth(7).and_then(number))
        else {
            continue;
        };
        if name.trim_ascii() != b"lo" {
            sum = Some(sum.unwrap_or(0_u64).saturating_add(received).saturating_add(sent));
        }
    }
    sum
}

/// CPUs that a control group may use, of `cpu.max`: the quota in each period; `None` without a quota.
pub(super) fn cpu_quota(max: &[u8]) -> Option<f64> {
    let mut words = words(max);
    let (quota, period) = (number(words.next()?)?, number(words.next()?)?);
    let as_f64 = |number| crate::snapshot::Number::U64(number).as_f64();
    (quota > 0 && period > 0).then(|| as_f64(quota) / as_f64(period))
}

/// The path of the unified control group, of `cgroup`.
pub(super) fn unified_group(cgroup: &[u8]) -> Option<&str> {
    let path = lines(cgroup).find_map(|line| line.strip_prefix(b"0::/"))?;
    std::str::from_utf8(path).ok()
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn number(text: &[u8]) -> Option<u64> {
    // Kernels print no sign; `parse` would accept one.
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const IO: &[u8] = b"rchar: 4292\nwchar: 0\nsyscr: 13\nsyscw: 0\nread_bytes: 8192\nwrite_bytes: 4096\n\
        cancelled_write_bytes: 1024\n";
    const DISKSTATS: &[u8] = b"   7       0 loop0 11 0 28 0 0 0 0 0 0 4 0 0 0 0 0 0\n \
        254       0 vda 1000 10 20000 300 500 20 9000 400 0 600 700 0 0 0 0 5 6\n";
    const DEV: &[u8] = b"Inter-|   Receive                                                |  Transmit\n \
        face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n    \
        lo: 10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n  \
        eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\nwlan0:7 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n";

    #[test]
    fn what_kernels_write_is_read() {
        assert_eq!(resident_pages(b"1234 567 89 1 0 200 0\n"), Some(567));
        assert_eq!(disk_bytes(IO), Some(8192 + 4096 - 1024));
        assert_eq!(disk_operations(DISKSTATS, (254, 0)), Some(1500));
        assert_eq!(disk_operations(DISKSTATS, (7, 0)), Some(11));
        assert_eq!(disk_operations(DISKSTATS, (8, 0)), None);
        assert_eq!(network_bytes(DEV), Some(132));
        assert_eq!(cpu_quota(b"150000 100000\n"), Some(1.5));
        assert_eq!(cpu_quota(b"max 100000\n"), None);
        assert_eq!(unified_group(b"9:name=systemd:/x\n0::/user.slice/a b\n"), Some("user.slice/a b"));
    }

    #[test]
    fn what_is_not_there_is_no_zero() {
        for text in
            [&b""[..], b"\n", b"max", b"-1 -1", b"+1 +1", b"1", b"99999999999999999999999 1", b"\xff\xfe 7"]
        {
            assert_eq!(disk_bytes(text), None);
            assert_eq!(disk_operations(text, (1, 1)), None);
            assert_eq!(network_bytes(text), None);
            assert_eq!(cpu_quota(text), None);
        }
        assert_eq!(resident_pages(b"1"), None);
        assert_eq!(
            network_bytes(b"    lo: 10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n"),
            None,
            "nothing but loopback"
        );
        assert_eq!(disk_bytes(b"read_bytes: 1\n"), None, "half of it would be wrong");
        assert_eq!(cpu_quota(b"0 100000"), None);
        assert_eq!(cpu_quota(b"100000 0"), None);
    }

    /// Damaged files: bytes flipped, cut, repeated. Nothing panics, and no total comes out of thin air.
    #[test]
    fn damaged_files() {
        let mut state = 3_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).expect("31 bits") % below
        };
        for round in 0..50_000 {
            let mut text =
                [IO, DISKSTATS, DEV, b"150000 100000\n", b"1 2 3 4\n", b"0::/a\n"][round % 6].to_vec();
            for _ in 0..=next(4) {
                let at = next(text.len());
                match next(4) {
                    0 => text[at] = u8::try_from(next(256)).expect("a byte"),
                    1 => text.truncate(at + 1),
                    2 => text.insert(at, b"\n: -9\0"[next(6)]),
                    _ => text.extend_from_within(at..),
                }
            }
            let _ = (resident_pages(&text), disk_bytes(&text), network_bytes(&text), cpu_quota(&text));
            let _ = (disk_operations(&text, (254, 0)), unified_group(&text));
        }
    }
}
