//! Families with a grid: exponential histograms, as the specification of the data model has them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;

use super::*;
use crate::snapshot::Amount;

fn points<'a>(scopes: &'a [ScopeMetrics], name: &str) -> &'a [ExponentialHistogramDataPoint] {
    match metric(scopes, name).and_then(|metric| metric.data.as_ref()) {
        Some(Data::ExponentialHistogram(histogram)) => &histogram.data_points,
        None => &[],
        other => panic!("`{name}` is {other:?}"),
    }
}

fn cumulative(metrics: &app::Metrics) -> Vec<ScopeMetrics> {
    Encoder::new(Temporality::Cumulative, at(100)).encode(&metrics.snapshot(), at(110))
}

/// Counts by the index of their bucket.
fn by_index(point: &ExponentialHistogramDataPoint) -> BTreeMap<i32, u64> {
    let buckets = point.positive.as_ref().unwrap();
    let places = (buckets.offset..).zip(&buckets.bucket_counts);
    places.filter(|(_, count)| **count > 0).map(|(index, count)| (index, *count)).collect()
}

/// The specification's mapping by logarithm, ⌈log2(value) × 2^scale⌉ − 1, for a value that is no power of two and far
/// enough from a bound for a float to tell; else what the specification says of exact powers of two.
fn mapped(milliseconds: f64, scale: u32) -> i32 {
    let place = milliseconds.log2() * f64::from(1 << scale);
    assert!(place.fract() == 0.0 || (place - place.round()).abs() > 2e-13, "{milliseconds}");
    (-400..400).find(|index| f64::from(*index) >= place - 1.0).expect("within the grid")
}

fn milliseconds(nanoseconds: u64) -> f64 {
    Amount { stored: nanoseconds, scale: 1_000_000 }.as_f64()
}

#[test]
fn bounds_and_their_neighbours_are_in_the_buckets_of_the_specification() {
    let metrics = shard(0);
    let mut expected = BTreeMap::new();
    let mut sum = 0;
    for k in -207..272 {
        let bound = (1e6 * (f64::from(k) / 16.0).exp2()).floor();
        let bound: u64 = format!("{bound:.0}").parse().expect("a whole number");
        for nanoseconds in [bound - 1, bound, bound + 1] {
            metrics.record_wait(Outcome::Done, Duration::from_nanos(nanoseconds));
            *expected.entry(mapped(milliseconds(nanoseconds), 4)).or_insert(0) += 1;
            sum += nanoseconds;
        }
    }
    let scopes = cumulative(&metrics);
    let point = &points(&scopes, "app_wait_ms")[0];
    assert_eq!(point.scale, 4);
    assert_eq!(by_index(point), expected);
    assert_eq!((point.count, point.zero_count), (3 * 479, 0));
    assert_eq!(point.sum, Some(milliseconds(sum)));
    assert_eq!((point.min, point.max, &point.negative), (None, None, &None), "nobody keeps them");
}

#[test]
fn what_is_below_the_threshold_is_in_the_zero_count_and_counts_add_up() {
    let metrics = shard(0);
    for nanoseconds in [0, 1, 122, 123, 5_000_000] {
        metrics.record_wait(Outcome::Failed, Duration::from_nanos(nanoseconds));
    }
    (0..4).for_each(|bytes| metrics.record_size(bytes));
    let scopes = cumulative(&metrics);
    let point = &points(&scopes, "app_wait_ms")[1];
    assert_eq!((point.zero_count, point.count), (3, 5));
    // 122 ns are at most 2^-13 ms, and 123 ns are above.
    assert!((0.000_122..0.000_123).contains(&point.zero_threshold));
    let size = &points(&scopes, "app_size_bytes")[0];
    assert_eq!((size.zero_count, size.count), (1, 4));
    // 1 = 2^0, 2 = 2^1, and 3 is between 2^(25/16) and 2^(26/16).
    assert_eq!(by_index(size), BTreeMap::from([(-1, 1), (15, 1), (25, 1)]));
    for point in ["app_wait_ms", "app_size_bytes"].into_iter().flat_map(|name| points(&scopes, name)) {
        assert_eq!(point.count, point.zero_count + by_index(point).values().sum::<u64>());
    }
}

#[test]
fn what_is_above_the_fine_buckets_is_told_at_a_scale_that_holds_it() {
    let metrics = shard(0);
    for seconds in [1, 200, 100_000] {
        metrics.record_wait(Outcome::Done, Duration::from_secs(seconds));
    }
    let scopes = cumulative(&metrics);
    let point = &points(&scopes, "app_wait_ms")[0];
    assert_eq!(point.scale, 0);
    let expected: BTreeMap<_, _> = [1e3, 2e5, 1e8].map(|ms| (mapped(ms, 0), 1)).into();
    assert_eq!(by_index(point), expected);
}

#[test]
fn increments_hold_what_happened_since() {
    let metrics = shard(0);
    let mut encoder = Encoder::new(Temporality::Delta, at(100));
    metrics.record_wait(Outcome::Done, Duration::from_millis(1));
    let scopes = encoder.encode(&metrics.snapshot(), at(110));
    assert_eq!(points(&scopes, "app_wait_ms").len(), 2, "the first time, zeros are told, too");
    encoder.accept();
    metrics.record_wait(Outcome::Done, Duration::from_millis(2));
    metrics.record_wait(Outcome::Done, Duration::from_nanos(50));
    let scopes = encoder.encode(&metrics.snapshot(), at(120));
    let Some(Data::ExponentialHistogram(histogram)) = &metric(&scopes, "app_wait_ms").unwrap().data else {
        panic!("it has a grid")
    };
    assert_eq!(histogram.aggregation_temporality, AggregationTemporality::Delta as i32);
    let [point] = &histogram.data_points[..] else { panic!("what did not happen is not told") };
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (110 * SECOND, 120 * SECOND));
    assert_eq!((point.count, point.zero_count, by_index(point)), (2, 1, BTreeMap::from([(15, 1)])));
    assert_eq!(point.sum, Some(2.00005));
}

#[test]
fn totals_begin_anew_when_they_fell_and_end_with_a_mark() {
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    let before = shard(0);
    (0..3).for_each(|_| before.record_wait(Outcome::Done, Duration::from_millis(1)));
    let scopes = encoder.encode(&before.snapshot(), at(110));
    assert_eq!(points(&scopes, "app_wait_ms")[0].start_time_unix_nano, 100 * SECOND);
    let after = shard(0);
    after.record_wait(Outcome::Done, Duration::from_millis(1));
    let scopes = encoder.encode(&after.snapshot(), at(120));
    encoder.accept();
    let point = &points(&scopes, "app_wait_ms")[0];
    assert_eq!((point.count, point.start_time_unix_nano), (1, 110 * SECOND));
    let scopes = encoder.encode(&shard(1).snapshot(), at(130));
    let gone: Vec<_> = points(&scopes, "app_wait_ms").iter().filter(|point| point.flags != 0).collect();
    assert_eq!(gone.len(), 2);
    assert!(gone.iter().all(|point| point.flags == DataPointFlags::NoRecordedValueMask as u32));
    assert!(gone.iter().all(|point| point.count == 0 && point.sum.is_none()));
}

#[test]
fn explicit_bounds_on_request() {
    let metrics = shard(0);
    metrics.record_wait(Outcome::Done, Duration::from_millis(3));
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100)).with(Histograms::Explicit);
    let scopes = encoder.encode(&metrics.snapshot(), at(110));
    let Some(Data::Histogram(histogram)) = &metric(&scopes, "app_wait_ms").unwrap().data else {
        panic!("explicit was asked for")
    };
    assert_eq!(histogram.data_points[0].bucket_counts, [0, 1, 0]);
    assert_eq!(histogram.data_points[0].explicit_bounds, [1.0, 50.0]);
}
