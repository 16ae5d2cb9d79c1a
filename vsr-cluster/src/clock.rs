//! Clock synchronization: how far a backup's calendar is from the primary's, in the manner of NTP.
//!
//! A backup puts its calendar's time into its answer to a heartbeat; the next heartbeat brings it back with the times
//! at which the primary got it and sent it. The four times give the offset and the time that was spent on the way.

use std::time::Duration;

use crate::message::{ClockEcho, Stamp};

/// What four times say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Nanoseconds that the own calendar is ahead of the primary's.
    pub offset: i64,
    /// Nanoseconds on the way, there and back. The offset is off by half of that at most.
    pub round_trip: u64,
}

/// Why clocks count as not synchronized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockFault {
    /// The four times cannot be: a calendar was set meanwhile.
    Stepped,
    /// The exchange took so long that it says nothing.
    TooSlow,
    /// The calendars are further apart than they may be.
    TooFar,
}

/// What is asked of clocks.
#[derive(Clone, Copy, Debug)]
pub struct ClockTolerance {
    /// Longest round trip of a sample that says something.
    pub round_trip: Duration,
    /// Largest offset of clocks that count as synchronized.
    pub offset: Duration,
}

/// The sample of one exchange; `arrived` is when the heartbeat came, on the own calendar.
///
/// # Errors
/// If the times contradict each other, or say too little.
pub fn sample(echo: ClockEcho, arrived: Stamp, tolerance: ClockTolerance) -> Result<Sample, ClockFault> {
    let between = |later: Stamp, earlier: Stamp| i128::from(later) - i128::from(earlier);
    let round_trip = between(arrived, echo.asked) - between(echo.sent, echo.received);
    let round_trip = u64::try_from(round_trip).map_err(|_| ClockFault::Stepped)?;
    if u128::from(round_trip) > tolerance.round_trip.as_nanos() {
        return Err(ClockFault::TooSlow);
    }
    // Ahead of the primary is positive.
    let offset = between(echo.asked, echo.received).midpoint(between(arrived, echo.sent));
    let offset = i64::try_from(offset).map_err(|_| ClockFault::Stepped)?;
    Ok(Sample { offset, round_trip })
}

impl Sample {
    /// Whether the calendars are close enough together.
    ///
    /// # Errors
    /// [`ClockFault::TooFar`] if they are not.
    pub fn within(self, tolerance: ClockTolerance) -> Result<Self, ClockFault> {
        let is_close = u128::from(self.offset.unsigned_abs()) <= tolerance.offset.as_nanos();
        if is_close { Ok(self) } else { Err(ClockFault::TooFar) }
    }

    /// The offset in milliseconds.
    pub fn milliseconds(self) -> f64 {
        let size = Duration::from_nanos(self.offset.unsigned_abs()).as_secs_f64() * 1e3;
        if self.offset < 0 { -size } else { size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: ClockTolerance =
        ClockTolerance { round_trip: Duration::from_nanos(100), offset: Duration::from_nanos(500) };

    #[test]
    fn the_offset_is_found_whatever_the_primary_waited() {
        // The own calendar is 300 ahead; 20 there, 40 at the primary for 1000, 20 back.
        let echo = ClockEcho { asked: 1300, received: 1020, sent: 2020 };
        let sample = sample(echo, 2340, TOLERANCE).expect("a sample");
        assert_eq!(sample, Sample { offset: 300, round_trip: 40 });
        assert!((sample.milliseconds() - 0.0003).abs() < 1e-12);
        assert_eq!(sample.within(TOLERANCE), Ok(sample));
    }

    #[test]
    fn samples_that_say_nothing_are_errors() {
        let echo = ClockEcho { asked: 1300, received: 1020, sent: 2020 };
        assert_eq!(sample(echo, 2401, TOLERANCE), Err(ClockFault::TooSlow));
        assert_eq!(sample(echo, 2000, TOLERANCE), Err(ClockFault::Stepped));
        let far = sample(ClockEcho { asked: 10_000, received: 20, sent: 30 }, 10_050, TOLERANCE);
        assert_eq!(far.and_then(|sample| sample.within(TOLERANCE)), Err(ClockFault::TooFar));
    }
}
