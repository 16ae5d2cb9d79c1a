//! Messages say what the snapshot says, to an independent decoder.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Point;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};
use prost::Message as _;
use vsr_metrics::encode::otlp::{increments, totals};
use vsr_metrics::snapshot::{Family, Number, Series, Value};
use vsr_metrics::{MessageType, Metrics, PeerId, Snapshot, Source, Status};

use super::replica;

/// Numbers that look like chance and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Of every size.
        (self.0 >> 16) >> (self.0 % 48)
    }
}

fn record(metrics: &Metrics, numbers: &mut Numbers) {
    for _ in 0..200 {
        metrics.record_prepare_latency(Duration::from_nanos(numbers.next()));
        metrics.record_client_latency(Duration::from_nanos(numbers.next()));
        metrics.record_view_change_latency(Duration::from_nanos(numbers.next()));
        metrics.record_consensus_round_trip(Duration::from_nanos(numbers.next()));
    }
    metrics.add_operations(Status::Success, numbers.next());
    metrics.add_messages_sent(MessageType::PrepareOk, numbers.next());
    metrics.set_view_number(numbers.next());
    if let Ok(peer) = PeerId::new(u32::try_from(numbers.next() % 20).unwrap()) {
        metrics.add_peer_sent(peer, numbers.next());
    }
}

#[test]
fn totals_decode_to_what_the_snapshot_says() {
    for seed in 0..20 {
        let (first, second) = (replica(0), replica(7));
        let mut numbers = Numbers(seed);
        record(first, &mut numbers);
        record(second, &mut numbers);
        let snapshot = (first, second).snapshot();
        // With a grid and without one, and both scales: what is compared while it is empty shows nothing.
        for name in
            ["vsr_prepare_latency_ms", "vsr_view_change_latency_ms", "vsr_consensus_round_trip_seconds"]
        {
            let family = snapshot.family(name).expect("in the catalog");
            let series = family.series().next().expect("there from the start");
            let Value::Histogram(read) = series.value() else { panic!("{name} is no histogram") };
            let hit = read.buckets().iter().filter(|bucket| **bucket > 0).count();
            assert!(hit > 2, "{name}, seed {seed}: {:?}", read.buckets());
        }
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let message = totals(&snapshot, start, start + Duration::from_secs(5));
        let message = ExportMetricsServiceRequest::decode(&message[..]).expect("it is OTLP");
        let scopes = &message.resource_metrics[0].scope_metrics;
        assert_eq!(scopes.len(), 1);
        let mut metrics = scopes[0].metrics.iter();
        for family in snapshot.families().filter(|family| family.series().next().is_some()) {
            let metric = metrics.next().expect("no family is left out");
            assert_eq!(metric.name, family.descriptor().name);
            compare(metric, &family, AggregationTemporality::Cumulative);
        }
        assert!(metrics.next().is_none());
    }
}

#[test]
fn increments_decode_to_what_happened_between() {
    let metrics = replica(0);
    let mut numbers = Numbers(99);
    record(metrics, &mut numbers);
    let before = metrics.snapshot();
    record(metrics, &mut numbers);
    let delta = metrics.snapshot().delta_since(&before);
    let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let message = increments(&delta, start, start + Duration::from_secs(5));
    let message = ExportMetricsServiceRequest::decode(&message[..]).expect("it is OTLP");
    let mut metrics = message.resource_metrics[0].scope_metrics[0].metrics.iter();
    for family in delta.families().filter(|family| family.series().next().is_some()) {
        compare(metrics.next().expect("no family is left out"), &family, AggregationTemporality::Delta);
    }
}

#[test]
fn a_snapshot_of_nothing_is_an_empty_message() {
    let message = totals(&Snapshot::new(), SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
    let message = ExportMetricsServiceRequest::decode(&message[..]).expect("it is OTLP");
    assert_eq!(message.resource_metrics[0].scope_metrics, []);
}

fn compare(metric: &Metric, family: &Family<'_>, temporality: AggregationTemporality) {
    let series: Vec<_> = family.series().collect();
    match metric.data.as_ref().expect("it has points") {
        Data::Sum(sum) => {
            assert!(sum.is_monotonic);
            assert_eq!(sum.aggregation_temporality(), temporality);
            assert_eq!(sum.data_points.len(), series.len());
            for (point, series) in sum.data_points.iter().zip(&series) {
                let Value::Counter(amount) = series.value() else { panic!("{} is no counter", metric.name) };
                let expected = match amount.scale {
                    1 => Point::AsInt(i64::try_from(amount.stored).unwrap()),
                    _ => Point::AsDouble(amount.as_f64()),
                };
                assert_eq!(point.value, Some(expected));
                times(point.start_time_unix_nano, point.time_unix_nano);
                labels(&point.attributes, series);
            }
        }
        Data::Gauge(gauge) => {
            assert_eq!(gauge.data_points.len(), series.len());
            for (point, series) in gauge.data_points.iter().zip(&series) {
                let Value::Gauge(number) = series.value() else { panic!("{} is no gauge", metric.name) };
                let expected = match number {
                    Number::U64(value) => Point::AsInt(i64::try_from(value).unwrap()),
                    Number::I64(value) => Point::AsInt(value),
                    Number::F64(value) => Point::AsDouble(value),
                };
                assert_eq!(point.value, Some(expected));
                labels(&point.attributes, series);
            }
        }
        Data::Histogram(histogram) => {
            assert_eq!(histogram.aggregation_temporality(), temporality);
            assert_eq!(histogram.data_points.len(), series.len());
            for (point, series) in histogram.data_points.iter().zip(&series) {
                let Value::Histogram(read) = series.value() else {
                    panic!("{} is no histogram", metric.name)
                };
                assert_eq!(point.count, point.bucket_counts.iter().sum::<u64>());
                assert_eq!(point.bucket_counts, read.buckets());
                assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
                let bounds: Vec<f64> =
                    read.bound_names().iter().map(|bound| bound.parse().unwrap()).collect();
                assert_eq!(point.explicit_bounds, bounds, "the nearest float to the exported text");
                assert_eq!(point.sum, Some(read.sum().as_f64()));
                times(point.start_time_unix_nano, point.time_unix_nano);
                labels(&point.attributes, series);
            }
        }
        Data::ExponentialHistogram(histogram) => {
            assert_eq!(histogram.aggregation_temporality(), temporality);
            assert_eq!(histogram.data_points.len(), series.len());
            for (point, series) in histogram.data_points.iter().zip(&series) {
                let Value::Histogram(read) = series.value() else {
                    panic!("{} is no histogram", metric.name)
                };
                let fine = read.exponential().expect("the catalog says so");
                let (found, expected) = (point.positive.as_ref().expect("buckets"), fine.buckets());
                assert_eq!((point.scale, found.offset), (expected.scale, expected.offset));
                assert_eq!(found.bucket_counts, expected.counts);
                assert_eq!(point.count, point.zero_count + found.bucket_counts.iter().sum::<u64>());
                assert_eq!(point.count, read.count(), "nobody records meanwhile");
                assert_eq!(point.sum, Some(read.sum().as_f64()));
                times(point.start_time_unix_nano, point.time_unix_nano);
                labels(&point.attributes, series);
            }
        }
        other @ Data::Summary(_) => panic!("{other:?}"),
    }
}

fn times(start: u64, time: u64) {
    assert_eq!((start, time), (1_700_000_000_000_000_000, 1_700_000_005_000_000_000));
}

fn labels(attributes: &[KeyValue], series: &Series<'_>) {
    let found =
        attributes.iter().map(|attribute| match attribute.value.as_ref().and_then(|it| it.value.as_ref()) {
            Some(Any::StringValue(text)) => (attribute.key.clone(), text.clone()),
            other => panic!("{other:?}"),
        });
    let expected = series.labels().map(|(name, text)| (name.to_owned(), text.to_string()));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}
