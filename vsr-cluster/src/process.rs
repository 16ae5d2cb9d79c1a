//! What this process takes from the machine, as the operating system counts it.

use std::fmt;
use std::fs;

/// Memory, threads and file descriptors at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Memory in RAM, in bytes.
    pub resident: u64,
    /// Threads.
    pub threads: u64,
    /// Open files and sockets.
    pub descriptors: u64,
}

/// Memory that may come without being a leak: queues that filled once, and what the allocator keeps.
const SLACK: u64 = 16 << 20;

impl Usage {
    /// Measures this process; `None` where there is no `/proc`.
    pub fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        // The directory that is read here is one of them.
        let descriptors = (fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1);
        Some(Self { resident: field("VmRSS:")? * 1024, threads: field("Threads:")?, descriptors })
    }

    /// What grew since an earlier moment, past what may: a tenth and 16 MiB of memory, and nothing else at all.
    pub fn growth_since(self, earlier: Self) -> Vec<String> {
        let mut grown = Vec::new();
        if self.resident > earlier.resident + earlier.resident / 10 + SLACK {
            grown.push(format!("memory grew from {} to {}", mebibytes(earlier), mebibytes(self)));
        }
        for (what, before, after) in [
            ("threads", earlier.threads, self.threads),
            ("file descriptors", earlier.descriptors, self.descriptors),
        ] {
            if after > before {
                grown.push(format!("{what} grew from {before} to {after}"));
            }
        }
        grown
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { threads, descriptors, .. } = *self;
        write!(f, "{}, {threads} threads, {descriptors} file descriptors", mebibytes(*self))
    }
}

fn mebibytes(usage: Usage) -> String {
    let tenths = usage.resident * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_told_and_slack_is_not() {
        let before = Usage { resident: 100 << 20, threads: 5, descriptors: 9 };
        let after =
            |resident: u64, threads, descriptors| Usage { resident: resident << 20, threads, descriptors };
        assert_eq!(after(125, 5, 9).growth_since(before), [""; 0]);
        assert_eq!(after(127, 5, 9).growth_since(before), ["memory grew from 100.0 MiB to 127.0 MiB"]);
        assert_eq!(after(90, 6, 8).growth_since(before), ["threads grew from 5 to 6"]);
        assert_eq!(after(90, 5, 10).growth_since(before), ["file descriptors grew from 9 to 10"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_and_a_file_are_seen() {
        let before = Usage::now().expect("there is /proc");
        let _file = std::fs::File::open("/proc/self/status").expect("there is /proc");
        let (stop, waits) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || waits.recv().is_err());
        let after = Usage::now().expect("there is /proc");
        assert!(after.threads > before.threads && after.descriptors > before.descriptors);
        drop(stop);
        thread.join().expect("it ends");
    }
}
