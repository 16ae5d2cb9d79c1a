//! Times, resets, increments and batches over several collections.

use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{DataPointFlags, Metric, NumberDataPoint};

use super::*;
use crate::Source;

mod exponential;

mod app {
    crate::catalog!(
        source = r"
        catalog: { name: app, prefix: app_, version: 1.2.3, constant_labels: [shard] }
        labels:
          shard: { range: [0, 9], help: Number of the shard. }
          outcome: { help: How it ended., values: { done: Finished., failed: Given up. } }
        metrics:
          app_jobs_total: { type: counter, labels: [outcome], group: jobs, help: Jobs that ended. }
          app_job_duration_seconds:
            { type: histogram, unit: seconds, buckets: [0.1, 1], group: jobs, help: Time to the end. }
          app_jobs_waiting: { type: gauge, group: jobs, help: Jobs that wait. }
          app_wait_ms:
            type: histogram
            unit: milliseconds
            buckets: [1, 50]
            grid: exponential
            labels: [outcome]
            group: jobs
            help: Time in the queue.
          app_size_bytes:
            { type: histogram, unit: bytes, buckets: [1024], grid: exponential, group: jobs, help: Sizes. }
        exceptions:
          - { lint: base-unit, metrics: [app_wait_ms], reason: To have a unit that is not the stored one. }
    "
    );
}

use app::Outcome;

fn shard(number: u32) -> app::Metrics {
    app::Metrics::new(app::ShardId::new(number).unwrap())
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn metric<'a>(scopes: &'a [ScopeMetrics], name: &str) -> Option<&'a Metric> {
    scopes.iter().flat_map(|scope| &scope.metrics).find(|metric| metric.name == name)
}

fn numbers<'a>(scopes: &'a [ScopeMetrics], name: &str) -> &'a [NumberDataPoint] {
    match metric(scopes, name).and_then(|metric| metric.data.as_ref()) {
        Some(Data::Sum(sum)) => &sum.data_points,
        Some(Data::Gauge(gauge)) => &gauge.data_points,
        None => &[],
        other => panic!("`{name}` is {other:?}"),
    }
}

fn done(scopes: &[ScopeMetrics]) -> &NumberDataPoint {
    &numbers(scopes, "app_jobs_total")[0]
}

const SECOND: u64 = 1_000_000_000;

#[test]
fn the_wall_clock_steps_and_no_time_goes_back() {
    let metrics = shard(0);
    let mut encoder = Encoder::new(Temporality::Cumulative, at(10_000));
    let mut last = 0;
    for now in [10_001, 10_002, 6_402, 6_403, 13_602, 9_000, 13_700] {
        let scopes = encoder.encode(&metrics.snapshot(), at(now));
        let point = done(&scopes);
        assert_eq!(point.start_time_unix_nano, 10_000 * SECOND, "the start is the same for ever");
        assert!(point.time_unix_nano >= last.max(point.start_time_unix_nano), "{now}");
        last = point.time_unix_nano;
    }
    assert_eq!(last, 13_700 * SECOND);
    // A clock that stands before the start when the first collection comes.
    let mut encoder = Encoder::new(Temporality::Delta, at(10_000));
    let scopes = encoder.encode(&metrics.snapshot(), at(1));
    assert_eq!(done(&scopes).time_unix_nano, 10_000 * SECOND);
}

#[test]
fn a_counter_that_fell_begins_anew() {
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    let before = shard(0);
    before.add_jobs(Outcome::Done, 7);
    before.increment_jobs(Outcome::Failed);
    encoder.encode(&before.snapshot(), at(110));
    // The same shard, made again within the process.
    let after = shard(0);
    after.add_jobs(Outcome::Done, 2);
    after.add_jobs(Outcome::Failed, 5);
    for now in [120, 130] {
        let scopes = encoder.encode(&after.snapshot(), at(now));
        let points = numbers(&scopes, "app_jobs_total");
        assert_eq!(points[0].start_time_unix_nano, 110 * SECOND, "seven fell to two");
        assert_eq!(points[1].start_time_unix_nano, 100 * SECOND, "one rose to five");
    }
}

#[test]
fn a_counter_past_63_bits_is_never_negative() {
    let metrics = shard(0);
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    metrics.add_jobs(Outcome::Done, i64::MAX.cast_unsigned());
    let scopes = encoder.encode(&metrics.snapshot(), at(110));
    assert_eq!(done(&scopes).value, Some(Value::AsInt(i64::MAX)));
    metrics.add_jobs(Outcome::Done, 3);
    let scopes = encoder.encode(&metrics.snapshot(), at(120));
    assert_eq!(done(&scopes).value, Some(Value::AsInt(2)));
    assert_eq!(done(&scopes).start_time_unix_nano, 110 * SECOND);
    metrics.set_jobs_waiting(u64::MAX);
    let scopes = encoder.encode(&metrics.snapshot(), at(130));
    assert_eq!(
        numbers(&scopes, "app_jobs_waiting")[0].value,
        Some(Value::AsDouble(18_446_744_073_709_551_615.0))
    );
}

#[test]
fn increments_run_from_what_was_accepted() {
    let metrics = shard(0);
    let mut encoder = Encoder::new(Temporality::Delta, at(100));
    metrics.add_jobs(Outcome::Done, 5);
    let scopes = encoder.encode(&metrics.snapshot(), at(110));
    assert_eq!(done(&scopes).value, Some(Value::AsInt(5)));
    assert_eq!(numbers(&scopes, "app_jobs_total").len(), 2, "the first time, zeros are told, too");
    // Not accepted: it is in the next one.
    metrics.add_jobs(Outcome::Done, 2);
    let scopes = encoder.encode(&metrics.snapshot(), at(120));
    assert_eq!(done(&scopes).value, Some(Value::AsInt(7)));
    assert_eq!(done(&scopes).start_time_unix_nano, 100 * SECOND);
    encoder.accept();
    metrics.add_jobs(Outcome::Done, 4);
    let scopes = encoder.encode(&metrics.snapshot(), at(130));
    let points = numbers(&scopes, "app_jobs_total");
    assert_eq!(points.len(), 1, "what did not happen is not told");
    assert_eq!(points[0].value, Some(Value::AsInt(4)));
    assert_eq!((points[0].start_time_unix_nano, points[0].time_unix_nano), (120 * SECOND, 130 * SECOND));
    assert!(metric(&scopes, "app_job_duration_seconds").is_none());
    encoder.accept();
    assert!(encoder.encode(&metrics.snapshot(), at(140)).is_empty(), "nothing happened, nothing is set");
}

#[test]
fn what_is_no_more_is_told_once() {
    let (first, second) = (shard(1), shard(2));
    for metrics in [&first, &second] {
        metrics.increment_jobs(Outcome::Done);
        metrics.set_jobs_waiting(3);
    }
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    encoder.encode(&(&first, &second).snapshot(), at(110));
    encoder.accept();
    let is_marked = |point: &NumberDataPoint| point.flags == DataPointFlags::NoRecordedValueMask as u32;
    // Until it is accepted.
    for now in [120, 130] {
        let scopes = encoder.encode(&first.snapshot(), at(now));
        let points = numbers(&scopes, "app_jobs_waiting");
        assert_eq!(points.len(), 2);
        assert!(!is_marked(&points[0]) && is_marked(&points[1]) && points[1].value.is_none());
        assert_eq!(numbers(&scopes, "app_jobs_total").iter().filter(|point| is_marked(point)).count(), 2);
        assert_eq!(scopes.len(), 1);
    }
    encoder.accept();
    let scopes = encoder.encode(&first.snapshot(), at(140));
    assert_eq!(numbers(&scopes, "app_jobs_waiting").len(), 1);
}

#[test]
fn a_gauge_that_nobody_set_is_not_told() {
    let metrics = shard(0);
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    assert!(metric(&encoder.encode(&metrics.snapshot(), at(110)), "app_jobs_waiting").is_none());
    metrics.set_jobs_waiting(0);
    let scopes = encoder.encode(&metrics.snapshot(), at(110));
    assert_eq!(numbers(&scopes, "app_jobs_waiting")[0].value, Some(Value::AsInt(0)));
}

#[test]
fn instances_that_cannot_be_told_apart_become_one() {
    let (first, second) = (shard(1), shard(1));
    first.increment_jobs(Outcome::Done);
    second.increment_jobs(Outcome::Done);
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    let scopes = encoder.encode(&(&first, &second).snapshot(), at(110));
    assert_eq!(numbers(&scopes, "app_jobs_total").len(), 2);
    assert_eq!(done(&scopes).value, Some(Value::AsInt(2)));
}

#[test]
fn batches_keep_order_and_never_have_more_points() {
    let shards: Vec<_> = (0..10).map(shard).collect();
    for metrics in &shards {
        metrics.set_jobs_waiting(1);
    }
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    let scopes = encoder.encode(&shards.snapshot(), at(110));
    assert_eq!(points_of(&scopes), 70);
    let order = |scopes: &[ScopeMetrics]| -> Vec<String> {
        let metrics = scopes.iter().flat_map(|scope| &scope.metrics);
        metrics.flat_map(|metric| vec![metric.name.clone(); points_of(&[scope_of(metric)])]).collect()
    };
    for most in [1, 3, 7, 20, 69, 70, 71, 1_000] {
        let batches = batches(scopes.clone(), most);
        assert_eq!(batches.len(), 70_usize.div_ceil(most), "{most}");
        assert!(batches.iter().all(|batch| (1..=most).contains(&points_of(batch))));
        assert_eq!(order(&batches.concat()), order(&scopes));
        assert!(batches.iter().flatten().all(|scope| scope.scope.as_ref().unwrap().version == "1.2.3"));
    }
    assert!(batches(Vec::new(), 10).is_empty(), "nothing to send is no message");
}

fn scope_of(metric: &Metric) -> ScopeMetrics {
    ScopeMetrics { metrics: vec![metric.clone()], ..ScopeMetrics::default() }
}

#[test]
fn a_message_is_never_too_large_for_a_receiver() {
    let metrics = shard(0);
    let mut encoder = Encoder::new(Temporality::Cumulative, at(100));
    let mut scopes = encoder.encode(&metrics.snapshot(), at(110));
    let Some(Data::Sum(sum)) = &mut scopes[0].metrics[0].data else {
        panic!("the first family is a counter")
    };
    let long = "x".repeat(10_000);
    sum.data_points[0].attributes.push(attribute("long", long));
    let point = sum.data_points[0].clone();
    sum.data_points = vec![point; 2_000];
    let batches = batches(scopes, 100_000);
    assert!(batches.len() >= 7, "20 MB in {} messages", batches.len());
    for batch in batches {
        let bytes = request(Vec::new(), batch).encoded_len();
        assert!(bytes < 4 << 20, "{bytes}");
    }
}
