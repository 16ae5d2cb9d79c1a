//! From two readings of totals to rates.

use std::time::Duration;

/// What the process takes from its machine. What could not be measured is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Resources {
    /// Memory that is resident.
    pub memory_bytes: Option<u64>,
    /// CPU time of the registered threads, as a share of all the CPU time that the process may use: 0 to 100.
    pub cpu_percent: Option<f64>,
    /// Operations that the disk of the data completed each second, of all processes.
    pub disk_iops: Option<f64>,
    /// Bytes that the process read from disks and wrote to them each second.
    pub disk_bytes_per_second: Option<f64>,
    /// Bytes sent and received each second.
    pub network_bytes_per_second: Option<f64>,
    /// Space on the disk of the data that is left for this process.
    pub disk_free_bytes: Option<u64>,
}

/// What the system says at one moment: totals, and what is read as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    pub(super) memory: Option<u64>,
    pub(super) disk_free: Option<u64>,
    /// Since the process, or this sampler, began.
    pub(super) cpu: Option<Duration>,
    pub(super) disk_operations: Option<u64>,
    pub(super) disk_bytes: Option<u64>,
    pub(super) network_bytes: Option<u64>,
    /// CPUs that the process may use at once.
    pub(super) cpus: Option<f64>,
}

/// Totals as rates over the time between two readings; `before` is none at the first.
pub(super) fn rates(before: Option<(&Reading, Duration)>, now: &Reading) -> Resources {
    let mut resources =
        Resources { memory_bytes: now.memory, disk_free_bytes: now.disk_free, ..Resources::default() };
    let Some((before, passed)) = before.filter(|(_, passed)| !passed.is_zero()) else { return resources };
    let rate = |before: Option<u64>, now: Option<u64>| {
        // A total that fell counts something else now.
        let grown = now?.checked_sub(before?)?;
        Some(crate::snapshot::Number::U64(grown).as_f64() / passed.as_secs_f64())
    };
    resources.disk_iops = rate(before.disk_operations, now.disk_operations);
    resources.disk_bytes_per_second = rate(before.disk_bytes, now.disk_bytes);
    resources.network_bytes_per_second = rate(before.network_bytes, now.network_bytes);
    resources.cpu_percent = now.cpu.zip(before.cpu).zip(now.cpus).and_then(|((now, before), cpus)| {
        let used = now.checked_sub(before)?.as_secs_f64();
        (cpus > 0.0).then(|| (100.0 * used / (passed.as_secs_f64() * cpus)).clamp(0.0, 100.0))
    });
    resources
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn reading(total: u64) -> Reading {
        Reading {
            memory: Some(4096),
            disk_free: Some(1 << 40),
            cpu: Some(Duration::from_millis(total)),
            disk_operations: Some(total),
            disk_bytes: Some(total * 512),
            network_bytes: Some(total * 1_000),
            cpus: Some(2.0),
        }
    }

    #[test]
    fn the_first_sample_has_no_rates() {
        let first = rates(None, &reading(100));
        let expected =
            Resources { memory_bytes: Some(4096), disk_free_bytes: Some(1 << 40), ..Resources::default() };
        assert_eq!(first, expected);
        assert_eq!(rates(Some((&reading(0), Duration::ZERO)), &reading(100)), expected, "no time, no rate");
    }

    #[test]
    fn rates_are_over_the_time_that_passed() {
        for seconds in [5, 60] {
            let resources = rates(Some((&reading(1_000), seconds * SECOND)), &reading(1_000 + 60));
            let per_second = 60.0 / f64::from(seconds);
            assert_eq!(resources.disk_iops, Some(per_second));
            assert_eq!(resources.disk_bytes_per_second, Some(60.0 * 512.0 / f64::from(seconds)));
            assert_eq!(resources.network_bytes_per_second, Some(60.0 * 1_000.0 / f64::from(seconds)));
            let percent = resources.cpu_percent.expect("known");
            assert!((percent - 100.0 * 0.06 / f64::from(seconds) / 2.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_total_that_fell_gives_no_rate() {
        let resources = rates(Some((&reading(1_000), SECOND)), &reading(999));
        assert_eq!(resources.disk_iops, None);
        assert_eq!(resources.disk_bytes_per_second, None);
        assert_eq!(resources.network_bytes_per_second, None);
        assert_eq!(resources.cpu_percent, None);
        assert_eq!(resources.memory_bytes, Some(4096));
    }

    #[test]
    fn cpu_time_is_a_share_of_what_the_process_may_use() {
        let percent = |used_ms: u64, cpus: f64| {
            let now = Reading { cpus: Some(cpus), ..reading(used_ms) };
            rates(Some((&reading(0), SECOND)), &now).cpu_percent
        };
        assert_eq!(percent(500, 0.5), Some(100.0), "half a CPU is all there is");
        assert_eq!(percent(500, 4.0), Some(12.5));
        // A quota that was lowered, a CPU that was unplugged within the interval.
        assert_eq!(percent(3_000, 2.0), Some(100.0));
        assert_eq!(percent(3_000, 0.0), None);
        assert_eq!(
            rates(Some((&reading(0), SECOND)), &Reading { cpus: None, ..reading(1) }).cpu_percent,
            None
        );
    }
}
