//! When the next export is due.

use std::time::{Duration, Instant};

use crate::health::{self, Exporter};

/// When the next export is due after one that was due then. Those that should have been meanwhile are not made up for: what
/// they would have said goes with the next one. How many there were is counted, and returned.
pub(super) fn after(due: Instant, interval: Duration, exporter: Exporter) -> (Instant, u32) {
    let Some(late) = Instant::now().checked_duration_since(due) else { return (due, 0) };
    let skipped = u32::try_from(late.as_nanos() / interval.as_nanos().max(1)).unwrap_or(u32::MAX - 1);
    health::METRICS.add_skipped_exports(exporter, skipped.into());
    let next = interval.checked_mul(skipped + 1).and_then(|more| due.checked_add(more));
    (next.unwrap_or(due), skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_that_were_missed_are_left_out_and_not_made_up_for() {
        let second = Duration::from_secs(1);
        let later = Instant::now() + 60 * second;
        assert_eq!(after(later, second, Exporter::Facade), (later, 0), "it is not due yet");
        let Some(due) = Instant::now().checked_sub(Duration::from_millis(10_500)) else { return };
        let (next, skipped) = after(due, second, Exporter::Facade);
        assert!((10..20).contains(&skipped), "{skipped}");
        assert_eq!(next, due + second * (skipped + 1));
        let now = after(Instant::now(), second, Exporter::Facade);
        assert_eq!(now.1, 0, "the one that is due is none that was missed");
    }
}
