//! What four times say about two clocks, worked out here from the definition of NTP's offset and delay (RFC 5905,
//! section 8) and not by the code that is watched.

use crate::clock::ClockTolerance;
use crate::message::{ClockEcho, Stamp};

/// What came of an exchange.
pub(super) struct Judged {
    /// Nanoseconds that the own calendar is ahead, if the times say so.
    pub(super) offset: Option<i128>,
    /// Whether the clocks do not count as synchronized.
    pub(super) is_error: bool,
}

pub(super) fn judge(echo: ClockEcho, arrived: Stamp, tolerance: ClockTolerance) -> Judged {
    let [t1, t2, t3, t4] = [echo.asked, echo.received, echo.sent, arrived].map(i128::from);
    let delay = (t4 - t1) - (t3 - t2);
    let longest = i128::try_from(tolerance.round_trip.as_nanos()).unwrap_or(i128::MAX);
    if !(0..=longest).contains(&delay) {
        return Judged { offset: None, is_error: true };
    }
    // NTP's offset is that of the other one's clock.
    let offset = -((t2 - t1) + (t3 - t4)) / 2;
    Judged { offset: Some(offset), is_error: offset.unsigned_abs() > tolerance.offset.as_nanos() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_ahead_is_ahead_and_a_slow_exchange_says_nothing() {
        let nanos = Duration::from_nanos;
        let tolerance = ClockTolerance { round_trip: nanos(100), offset: nanos(500) };
        // 300 ahead; 20 there, 40 at the primary for 1000, 20 back.
        let echo = ClockEcho { asked: 1300, received: 1020, sent: 2020 };
        let judged = judge(echo, 2340, tolerance);
        assert_eq!((judged.offset, judged.is_error), (Some(300), false));
        assert!(judge(echo, 2401, tolerance).offset.is_none(), "101 on the way");
        assert!(judge(echo, 2000, tolerance).is_error, "it arrived before it was sent");
        assert!(judge(ClockEcho { asked: 10_000, ..echo }, 11_040, tolerance).is_error, "far off");
    }
}
