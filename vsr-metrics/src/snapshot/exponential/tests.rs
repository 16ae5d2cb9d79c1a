//! Indices, quantiles and what is outside of the fine buckets, through what a snapshot shows.

use super::*;
use crate::snapshot::{Amount, Histogram};
use crate::storage::{GRID, Gridded, PADDING, Sharded};

const SCALE: u64 = 1_000_000;
const BOUNDS: [u64; 2] = [1_000_000, 50_000_000];
static MILLISECONDS: Gridded<2> = Gridded::new(BOUNDS, SCALE);

/// Cells of a histogram that observed these nanoseconds.
fn observed(values: &[u64]) -> Vec<u64> {
    let cells = Sharded::<{ PADDING + 4 + GRID + PADDING }>::new();
    for value in values {
        cells.observe(0, &MILLISECONDS, *value);
    }
    let mut totals = vec![0; 4 + GRID];
    cells.total(&mut totals);
    totals
}

fn histogram(cells: &[u64]) -> Histogram<'_> {
    let (cells, fine) = cells.split_at(4);
    let exponential = Some(Exponential { grid: Grid::of(SCALE), cells: fine });
    Histogram { bounds: &BOUNDS, bound_names: &["1", "50"], scale: SCALE, cells, exponential }
}

fn buckets(values: &[u64]) -> ExponentialBuckets {
    let cells = observed(values);
    histogram(&cells).exponential().expect("it has a grid").buckets()
}

#[test]
fn declared_buckets_and_sum_stay_exact_beside_the_grid() {
    let cells = observed(&[999_999, 1_000_000, 1_000_001, 60_000_000]);
    assert_eq!(cells[..4], [2, 1, 1, 63_000_000]);
    assert_eq!(histogram(&cells).exponential().map(|it| it.count()), Some(4));
}

#[test]
fn indices_are_those_of_the_protocol() {
    // 1 ms = 2^0 is at most the bound at index -1; 2 ms = 2^(16/16) at index 15; just above is one more.
    let expected = |offset, counts: &[u64]| ExponentialBuckets { scale: 4, offset, counts: counts.into() };
    assert_eq!(buckets(&[1_000_000]), expected(-1, &[1]));
    assert_eq!(buckets(&[1_000_001, 1_000_001]), expected(0, &[2]));
    assert_eq!(buckets(&[2_000_000]), expected(15, &[1]));
    assert_eq!(buckets(&[1_000_000, 1_044_273, 1_044_274]), expected(-1, &[1, 1, 1]));
    assert_eq!(buckets(&[123]), expected(-208, &[1]));
    assert_eq!(buckets(&[131_072_000_000]), expected(271, &[1]));
}

#[test]
fn what_is_too_small_is_zero() {
    let cells = observed(&[0, 1, 122, 123]);
    let exponential = histogram(&cells).exponential().expect("it has a grid");
    assert_eq!((exponential.zero_count(), exponential.count()), (3, 4));
    assert!((exponential.zero_threshold() - 0.000_122_070_312_5).abs() < f64::EPSILON / 1e6);
    assert_eq!(buckets(&[0]), ExponentialBuckets { scale: 4, offset: -208, counts: Vec::new() });
}

#[test]
fn what_is_above_the_fine_buckets_lowers_the_scale() {
    // 200,000 ms are between 2^17 and 2^18; 3 ms between 2^1 and 2^2.
    let mut counts = vec![0; 17];
    (counts[0], counts[16]) = (2, 1);
    let expected = ExponentialBuckets { scale: 0, offset: 1, counts };
    assert_eq!(buckets(&[3_000_000, 3_900_000, 200_000_000_000]), expected);
    // 2^64 ns are less than 2^45 ms.
    assert_eq!(buckets(&[u64::MAX]), ExponentialBuckets { scale: 0, offset: 44, counts: vec![1] });
}

/// Against the observations themselves, sorted.
#[test]
fn quantiles_are_within_two_percent() {
    let mut state = 3_u64;
    for spread in [4, 12, 20, 29] {
        let mut values: Vec<u64> = (0..5_000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                123 + ((state >> 28) >> (state % spread))
            })
            .collect();
        values.sort_unstable();
        let cells = observed(&values);
        for (q, rank) in [(0.0, 1), (0.5, 2_500), (0.95, 4_750), (0.99, 4_950), (0.999, 4_995), (1.0, 5_000)]
        {
            let truth = exported(values[rank - 1]);
            let quantile = histogram(&cells).quantile(q).expect("observed");
            assert!((quantile.estimate / truth - 1.0).abs() <= 0.022, "{q}: {truth} {quantile:?}");
            assert!(quantile.above < truth && truth <= quantile.at_most, "{q}: {truth} {quantile:?}");
        }
    }
}

#[test]
fn quantiles_outside_of_the_fine_buckets_say_so() {
    let cells = observed(&[0, 100, u64::MAX, u64::MAX]);
    let quantile = |q| histogram(&cells).quantile(q).expect("observed");
    assert_eq!((quantile(0.5).above, quantile(0.5).at_most), (0.0, exported(122)));
    assert!((quantile(0.5).estimate - exported(61)).abs() < 1e-12);
    let largest = exported(u64::MAX);
    assert!((quantile(0.99).estimate / largest - 1.0).abs() <= 1.0 / 3.0, "{:?}", quantile(0.99));
    assert!(quantile(0.99).above < largest && quantile(0.99).at_most >= largest);
}

fn exported(stored: u64) -> f64 {
    Amount { stored, scale: SCALE }.as_f64()
}
