//! Every value is in the cell that arithmetic without rounding says, and the specification of OTLP.

use super::*;
use crate::snapshot::Amount;

const SCALES: [u64; 3] = [1, 1_000_000, 1_000_000_000];

/// A natural number of any size, in 32-bit digits, the lowest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Natural(Vec<u32>);

impl Natural {
    /// `value` to the sixteenth, times two to `power`.
    fn sixteenth_power(value: u64, power: u32) -> Self {
        let mut number = Self(vec![1]);
        (0..16).for_each(|_| number.multiply(value));
        (0..power).for_each(|_| number.multiply(2));
        number
    }

    fn multiply(&mut self, factor: u64) {
        let mut carry = 0_u128;
        for digit in &mut self.0 {
            carry += u128::from(*digit) * u128::from(factor);
            *digit = u32::try_from(carry & 0xffff_ffff).expect("32 bits");
            carry >>= 32;
        }
        while carry > 0 {
            self.0.push(u32::try_from(carry & 0xffff_ffff).expect("32 bits"));
            carry >>= 32;
        }
    }

    fn is_at_most(&self, other: &Self) -> bool {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev())).is_le()
    }
}

/// Whether value / scale is at most 2^(k/16), without rounding: both sides to the sixteenth.
fn is_at_most(value: u64, scale: u64, k: i32) -> bool {
    let (down, up) = (k.min(0).unsigned_abs(), k.max(0).unsigned_abs());
    Natural::sixteenth_power(value, down).is_at_most(&Natural::sixteenth_power(scale, up))
}

/// The sixteenth part of an octave that is the upper bound of a cell.
fn upper(grid: &Grid, cell: usize) -> i32 {
    let fine = i32::try_from(cell.min(FINE)).expect("small");
    let octaves = i32::try_from(cell.saturating_sub(FINE)).expect("small");
    16 * (grid.bottom() + octaves) + fine
}

fn holds(grid: &Grid, cell: usize, value: u64) -> bool {
    let above = cell == 0 || !is_at_most(value, grid.scale, upper(grid, cell - 1));
    above && is_at_most(value, grid.scale, upper(grid, cell))
}

/// A number of random length, so that every octave is met.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mixed = (*state ^ (*state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (mixed ^ (mixed >> 32)) >> (*state >> 58)
}

#[test]
fn every_bound_and_its_neighbours_are_where_exact_arithmetic_says() {
    for scale in SCALES {
        let grid = Grid::of(scale);
        for cell in 0..GRID {
            let bound = grid.bound(cell);
            for value in [bound.saturating_sub(1), bound, bound.saturating_add(1)] {
                let found = grid.cell(value);
                assert!(holds(grid, found, value), "{value} of scale {scale} is in cell {found}");
            }
        }
    }
}

#[test]
fn random_values_and_extremes_are_where_exact_arithmetic_says() {
    let mut state = 11;
    let extremes = [0, 1, 2, 3, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1, (1 << 53) + 1];
    let values: Vec<u64> = extremes.into_iter().chain((0..3_000).map(|_| random(&mut state))).collect();
    for grid in SCALES.map(Grid::of) {
        for value in &values {
            let cell = grid.cell(*value);
            assert!(holds(grid, cell, *value), "{value} of scale {} is in cell {cell}", grid.scale);
            assert!(*value <= grid.bound(cell) && (cell == 0 || *value > grid.bound(cell - 1)));
        }
    }
}

/// The mapping that the specification of OTLP gives: ⌈log2(value) × 2^scale⌉ − 1. Floats cannot tell on which side
/// of a bound a value is that is very close.
#[test]
fn the_specifications_mapping_by_logarithm_agrees() {
    let mut state = 5;
    for grid in SCALES.map(Grid::of) {
        let mut compared = 0;
        for _ in 0..200_000 {
            let value = random(&mut state) >> 11;
            let cell = grid.cell(value);
            let sixteenths = Amount { stored: value, scale: grid.scale }.as_f64().log2() * 16.0;
            if !(1..=FINE).contains(&cell) || (sixteenths - sixteenths.round()).abs() < 1e-9 {
                continue;
            }
            let index = sixteenths.ceil() - 1.0;
            assert!((f64::from(upper(grid, cell)) - 1.0 - index).abs() < 0.5, "{value}");
            compared += 1;
        }
        assert!(compared > 30_000, "{compared}");
    }
}

#[test]
fn the_fine_buckets_reach_as_far_as_is_said() {
    let range = |scale| (Grid::of(scale).bound(0), Grid::of(scale).bound(FINE));
    assert_eq!(range(1), (0, 1 << 29));
    assert_eq!(range(1_000_000), (122, 131_072_000_000));
    assert_eq!(range(1_000_000_000), (119, 128_000_000_000));
    for grid in SCALES.map(Grid::of) {
        assert_eq!(grid.bound(GRID - 1), u64::MAX, "nothing is without a bucket");
    }
}
