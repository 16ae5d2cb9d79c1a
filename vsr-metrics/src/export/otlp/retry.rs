//! When to try again: the specification's tables, and pauses that grow.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

use super::config::BackOff;

/// What a receiver's word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The data was taken.
    Accepted,
    /// It may be taken later. It may have been taken already, when the word came from somebody in between.
    Again { maybe_delivered: bool },
    /// It never will be, in this form; smaller, it might.
    TooLarge,
    /// It never will be.
    Refused,
}

/// What an HTTP status means.
pub(super) fn http(status: u16) -> Verdict {
    match status {
        200..=299 => Verdict::Accepted,
        429 | 503 => Verdict::Again { maybe_delivered: false },
        // A gateway speaks, and does not know.
        502 | 504 => Verdict::Again { maybe_delivered: true },
        413 => Verdict::TooLarge,
        _ => Verdict::Refused,
    }
}

/// The pause that a `Retry-After` asks for: a number of seconds, or a date.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many seconds for a number are too many for anybody's patience, too.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    // A date that is past asks for no pause of its own.
    date.duration_since(now).ok()
}

/// The pauses of one message.
#[derive(Debug)]
pub(super) struct Pauses {
    limits: BackOff,
    next: Duration,
    random: Random,
}

impl Pauses {
    pub(super) fn new(limits: BackOff, random: Random) -> Self {
        Self { limits, next: limits.first, random }
    }

    /// The message was delivered.
    pub(super) fn reset(&mut self) {
        self.next = self.limits.first;
    }

    /// The pause before the next attempt: at least what the receiver asked for, within reason, and a little more,
    /// so that those who were asked at once don't come back at once.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let own = times(self.next, 0.5 + self.random.unit());
        let asked = asked.unwrap_or_default();
        self.next = self.next.max(asked).saturating_mul(2).min(self.limits.longest);
        let spread = times(self.limits.first, self.random.unit());
        own.max(asked.saturating_add(spread).min(self.limits.longest_asked).min(asked.saturating_mul(2)))
    }
}

/// So many times as long; what is too long for a duration is the longest.
fn times(duration: Duration, by: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * by).unwrap_or(Duration::MAX)
}

/// Chance, for jitter and identities: nothing here has to be hard to guess.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// One that no other call has.
    pub(crate) fn new() -> Self {
        let now = SystemTime::now();
        // The keys of a `RandomState` are copied by a fork; the process and the time tell parent and child apart.
        Self(RandomState::new().hash_one((std::process::id(), now)))
    }

    #[cfg(test)]
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (`SplitMix64`).
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    fn unit(&mut self) -> f64 {
        let bits = u32::try_from(self.number() >> 32).unwrap_or_default();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests;
