//! A histogram over the fine grid: `OpenTelemetry`'s exponential histogram.

use crate::storage::{FINE, Grid, PARTS};

/// The observations of a histogram, counted a second time over buckets whose bounds grow by the factor 2^(1/16).
///
/// While threads record, its count may differ from the histogram's by the observations under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exponential<'a> {
    pub(crate) grid: &'static Grid,
    /// Observations of zero, of each fine bucket, and of each octave above them.
    pub(crate) cells: &'a [u64],
}

/// Buckets in the terms of OTLP: with a base of 2^(2^-scale), the bucket at place `i` holds what is above
/// base^(offset + i) and at most base^(offset + i + 1), in the exported unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExponentialBuckets {
    /// 4; or 0 as soon as an observation is above the fine buckets, since only that is known of it.
    pub scale: i32,
    /// Index of the first bucket.
    pub offset: i32,
    /// Observations of each bucket, from the first to the last that has any.
    pub counts: Vec<u64>,
}

impl Exponential<'_> {
    /// All observations: the sum of all buckets and the zero count.
    pub fn count(&self) -> u64 {
        self.cells.iter().fold(0, |count, cell| count.wrapping_add(*cell))
    }

    /// Observations from zero to the [threshold](Self::zero_threshold).
    pub fn zero_count(&self) -> u64 {
        self.cells.first().copied().unwrap_or(0)
    }

    /// Where the buckets begin, in the exported unit: about 120 ns, and for other units than time a half.
    pub fn zero_threshold(&self) -> f64 {
        2_f64.powi(self.grid.bottom())
    }

    /// The buckets, without those at both ends that are empty.
    pub fn buckets(&self) -> ExponentialBuckets {
        let (fine, octaves) = self.cells.get(1..).unwrap_or_default().split_at(FINE);
        let bottom = self.grid.bottom();
        if octaves.iter().all(|count| *count == 0) {
            return ExponentialBuckets::trimmed(4, bottom << 4, fine.to_vec());
        }
        let sum = |octave: &[u64]| octave.iter().fold(0_u64, |sum, count| sum.wrapping_add(*count));
        let counts = fine.chunks_exact(PARTS).map(sum).chain(octaves.iter().copied());
        ExponentialBuckets::trimmed(0, bottom, counts.collect())
    }
}

impl ExponentialBuckets {
    fn trimmed(scale: i32, offset: i32, mut counts: Vec<u64>) -> Self {
        counts.truncate(counts.iter().rposition(|count| *count != 0).map_or(0, |last| last + 1));
        let empty = counts.iter().take_while(|count| **count == 0).count();
        counts.drain(..empty);
        Self { scale, offset: offset.saturating_add(i32::try_from(empty).unwrap_or(i32::MAX)), counts }
    }
}

#[cfg(test)]
mod tests;
