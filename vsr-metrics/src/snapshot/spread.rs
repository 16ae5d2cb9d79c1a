//! A histogram as values with weights, for receivers that take observations and know nothing of buckets.

use super::{Amount, Histogram};

impl<'a> Histogram<'a> {
    /// For each bucket that was hit a value within it and how often it was hit.
    ///
    /// Buckets are kept exactly. The values are chosen so that, weighted, they add up to the sum: all lie at the
    /// same share of their buckets' widths. So a receiver computes the right mean, and each of its quantiles is in
    /// the right bucket. Without an upper bound, values of the last bucket take what is left of the sum.
    pub fn spread(&self) -> impl Iterator<Item = (Amount, u64)> + use<'a> {
        let (bounds, scale, sum) = (self.bounds, self.scale, self.sum().stored);
        let (buckets, spread) = (self.buckets(), Spread::new(bounds, self.buckets(), sum));
        buckets.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(index, count)| {
            let stored = match bounds.get(index) {
                Some(_) => spread.within(bounds, index),
                None => spread.above,
            };
            (Amount { stored, scale }, *count)
        })
    }
}

/// Where in its bucket each value lies.
struct Spread {
    /// Share of the bucket's width, from its lower bound: a fraction of 64-bit integers, at most 1.
    share: (u128, u128),
    /// The value of the bucket without an upper bound.
    above: u64,
}

impl Spread {
    fn new(bounds: &[u64], buckets: &[u64], sum: u64) -> Self {
        let (mut lowest, mut widths) = (0_u128, 0_u128);
        for (index, count) in buckets.iter().enumerate().take(bounds.len()) {
            let (lower, upper) = edges(bounds, index);
            lowest = lowest.saturating_add(u128::from(lower) * u128::from(*count));
            widths = widths.saturating_add(u128::from(upper - lower) * u128::from(*count));
        }
        let beyond = u128::from(buckets.last().copied().unwrap_or(0));
        let least_above = bounds.last().map_or(0, |last| last.saturating_add(1));
        // What the bucket without an upper bound takes at least is not there for the others.
        let taken = lowest.saturating_add(beyond * u128::from(least_above));
        // With somebody to take the rest, the others stay in the middle.
        let most = if beyond > 0 { widths / 2 } else { widths };
        let left = u128::from(sum).saturating_sub(taken).min(most);
        let shift = (128 - widths.leading_zeros()).saturating_sub(64);
        let mut spread = Self { share: (left >> shift, (widths >> shift).max(1)), above: least_above };
        if beyond != 0 {
            let below = (0..bounds.len())
                .map(|index| u128::from(spread.within(bounds, index)) * u128::from(buckets[index]))
                .fold(0, u128::saturating_add);
            let rest = u128::from(sum).saturating_sub(below).checked_div(beyond);
            let rest = rest.map_or(0, |rest| u64::try_from(rest).unwrap_or(u64::MAX));
            spread.above = rest.max(least_above);
        }
        spread
    }

    /// The value in a bucket with an upper bound: above the lower one, at most the upper one.
    fn within(&self, bounds: &[u64], index: usize) -> u64 {
        let (lower, upper) = edges(bounds, index);
        let (part, whole) = self.share;
        let rounded = (u128::from(upper - lower) * part).saturating_add(whole / 2) / whole;
        let offset = u64::try_from(rounded).unwrap_or(u64::MAX);
        let least = if index == 0 { 0 } else { lower + 1 };
        lower.saturating_add(offset).clamp(least.min(upper), upper)
    }
}

/// The bounds of a bucket; the first begins at zero.
fn edges(bounds: &[u64], index: usize) -> (u64, u64) {
    (index.checked_sub(1).map_or(0, |lower| bounds[lower]), bounds[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [u64; 3] = [1_000_000, 2_000_000, 5_000_000];

    fn spread(cells: &[u64]) -> Vec<(u64, u64)> {
        let bound_names = &["1", "2", "5"];
        let histogram =
            Histogram { bounds: &BOUNDS, bound_names, scale: 1_000_000, cells, exponential: None };
        histogram.spread().map(|(amount, count)| (amount.stored, count)).collect()
    }

    #[test]
    fn values_and_weights_give_the_sum() {
        assert_eq!(spread(&[2, 0, 1, 0, 4_000_000]), [(400_000, 2), (3_200_000, 1)]);
        assert_eq!(spread(&[0, 0, 1, 2, 14_000_000]), [(3_500_000, 1), (5_250_000, 2)]);
        assert_eq!(spread(&[3, 0, 0, 0, 0]), [(0, 3)]);
        assert_eq!(spread(&[0, 0, 0, 0, 0]), []);
    }

    #[test]
    fn a_sum_that_is_behind_or_ahead_keeps_every_value_in_its_bucket() {
        assert_eq!(spread(&[0, 1, 0, 0, 0]), [(1_000_001, 1)]);
        assert_eq!(spread(&[0, 1, 0, 0, u64::MAX]), [(2_000_000, 1)]);
        assert_eq!(spread(&[0, 1, 0, 1, 0]), [(1_000_001, 1), (5_000_001, 1)]);
        assert_eq!(spread(&[0, 0, 0, 1, u64::MAX]), [(u64::MAX, 1)]);
        assert_eq!(spread(&[u64::MAX, 0, 0, u64::MAX, u64::MAX]).len(), 2);
    }

    #[test]
    fn random_observations_keep_buckets_and_mean() {
        let mut state = 7_u64;
        for _ in 0..500 {
            let values: Vec<u64> = (0..23)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 33) % 8_000_000
                })
                .collect();
            let mut cells = [0; 5];
            for value in &values {
                cells[BOUNDS.iter().filter(|bound| value > *bound).count()] += 1;
                cells[4] += value;
            }
            let mut again = [0; 4];
            let mut sum = 0;
            for (value, count) in spread(&cells) {
                again[BOUNDS.iter().filter(|bound| value > **bound).count()] += count;
                sum += value * count;
            }
            assert_eq!(again, cells[..4]);
            // Each value is rounded to a nanosecond; where the last bucket has to give in, by more.
            if cells[3] == 0 {
                assert!(sum.abs_diff(cells[4]) <= 23, "{sum} {cells:?}");
            }
        }
    }
}
