//! The scrubber: reads the whole log again and again, a little at a time, so that damage is found while other
//! replicas still hold what it destroyed.

use std::time::Duration;

use crate::message::OpNumber;

/// Where a tour of the log is.
#[derive(Clone, Debug, Default)]
pub struct LogScrubber {
    /// The next entry to read.
    next: OpNumber,
    /// The last entry of this tour: what is appended meanwhile belongs to the next one.
    last: OpNumber,
    began: Duration,
    read: u64,
    /// Whether a read is under way.
    reading: bool,
}

/// A tour that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tour {
    /// Entries read.
    pub entries: u64,
    /// How long it took.
    pub took: Duration,
}

impl LogScrubber {
    /// What to read next: the first entry, and how many of at most `limit`. Begins a tour over `first` to `last` if
    /// none is under way. Nothing while a read is under way or if there is nothing to read.
    pub fn next(
        &mut self,
        first: OpNumber,
        last: OpNumber,
        limit: u64,
        now: Duration,
    ) -> Option<(OpNumber, u64)> {
        if self.reading {
            return None;
        }
        if self.next == 0 {
            if first > last {
                return None;
            }
            *self = Self { next: first, last, began: now, read: 0, reading: false };
        }
        // The log may have been cut at either end since the tour began.
        self.next = self.next.max(first);
        self.last = self.last.min(last);
        self.reading = true;
        Some((self.next, limit.min((self.last + 1).saturating_sub(self.next))))
    }

    /// Takes note of entries read. Returns the tour if that was its end.
    pub fn read(&mut self, entries: u64, now: Duration) -> Option<Tour> {
        self.reading = false;
        self.read += entries;
        self.next += entries;
        if entries > 0 && self.next <= self.last {
            return None;
        }
        let tour = Tour { entries: self.read, took: now.saturating_sub(self.began) };
        self.next = 0;
        (tour.entries > 0).then_some(tour)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tour_reads_every_entry_once() {
        let mut scrubber = LogScrubber::default();
        let at = Duration::from_secs;
        assert_eq!(scrubber.next(1, 0, 4, at(0)), None, "an empty log");
        assert_eq!(scrubber.next(1, 10, 4, at(1)), Some((1, 4)));
        assert_eq!(scrubber.next(1, 10, 4, at(1)), None, "a read is under way");
        assert_eq!(scrubber.read(4, at(1)), None);
        assert_eq!(scrubber.next(1, 99, 4, at(2)), Some((5, 4)));
        assert_eq!(scrubber.read(4, at(2)), None);
        assert_eq!(scrubber.next(1, 99, 4, at(3)), Some((9, 2)), "what came later belongs to the next tour");
        assert_eq!(scrubber.read(2, at(3)), Some(Tour { entries: 10, took: at(2) }));
        assert_eq!(scrubber.next(1, 99, 4, at(4)), Some((1, 4)));
    }

    #[test]
    fn a_log_cut_under_way_ends_the_tour() {
        let mut scrubber = LogScrubber::default();
        scrubber.next(1, 10, 4, Duration::ZERO);
        scrubber.read(4, Duration::ZERO);
        assert_eq!(scrubber.next(8, 9, 4, Duration::ZERO), Some((8, 2)), "dropped before, truncated after");
        assert!(scrubber.read(2, Duration::ZERO).is_some());
        scrubber.next(1, 10, 4, Duration::ZERO);
        scrubber.read(4, Duration::ZERO);
        assert_eq!(scrubber.next(1, 3, 4, Duration::ZERO), Some((5, 0)));
        assert!(scrubber.read(0, Duration::ZERO).is_some());
    }
}
