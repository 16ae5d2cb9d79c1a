//! OTLP messages as facts, by the independent decoder of `opentelemetry-proto`.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::ExponentialHistogramDataPoint;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;
use vsr_metrics::snapshot::Number;

use super::{Facts, SeriesKey, distribution, insert};

/// Increments, in the numbering of the protocol.
pub const DELTA: i32 = 1;
/// Totals.
pub const CUMULATIVE: i32 = 2;

/// Exponential histograms: each bucket with the bound that its values are above, the one that they are at most, and
/// their number.
pub type Fine = BTreeMap<SeriesKey, Vec<(f64, f64, f64)>>;

/// What a message says; everything that counts must have this temporality. Of exponential histograms the facts have
/// sum and count, and `fine` gets the buckets.
pub fn read(bytes: &[u8], temporality: i32, fine: &mut Fine) -> Facts {
    let request = ExportMetricsServiceRequest::decode(bytes).expect("a message");
    let mut facts = Facts::new();
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics) {
        let name = &metric.name;
        match metric.data.expect("data") {
            Data::Sum(sum) => {
                assert!(sum.is_monotonic, "{name}");
                assert_eq!(sum.aggregation_temporality, temporality, "{name}");
                for point in sum.data_points {
                    insert(&mut facts, name, labels(&point.attributes), (false, number(point.value)));
                }
            }
            Data::Gauge(gauge) => {
                for point in gauge.data_points {
                    insert(&mut facts, name, labels(&point.attributes), (true, number(point.value)));
                }
            }
            Data::Histogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality, temporality, "{name}");
                for point in histogram.data_points {
                    let buckets = point.bucket_counts.iter().map(|count| Number::U64(*count).as_f64());
                    let (labels, sum) = (labels(&point.attributes), point.sum.expect("a sum"));
                    distribution(&mut facts, name, &labels, &point.explicit_bounds, buckets, sum);
                }
            }
            Data::ExponentialHistogram(histogram) => {
                assert_eq!(histogram.aggregation_temporality, temporality, "{name}");
                for point in histogram.data_points {
                    let count = Number::U64(point.count).as_f64();
                    let labels = labels(&point.attributes);
                    insert(&mut facts, &format!("{name}_count"), labels.clone(), (false, count));
                    let sum = (false, point.sum.expect("a sum"));
                    insert(&mut facts, &format!("{name}_sum"), labels.clone(), sum);
                    fine.entry(key(name, labels)).or_default().extend(buckets(&point));
                }
            }
            Data::Summary(summary) => panic!("`{name}` is {summary:?}"),
        }
    }
    facts
}

/// Adds the declared buckets to the facts, as the truth has them, if the finer ones allow it: buckets that end below a
/// bound are counted by it, those that begin above are not, and only one can be on both sides.
pub fn collapse(facts: &mut Facts, fine: &Fine, truth: &Facts) {
    for ((name, labels), buckets) in fine {
        let bucket = format!("{name}_bucket");
        let mut bounds = 0;
        for (key, (_, expected)) in truth.iter().filter(|((name, _), _)| *name == bucket) {
            let (bound, others): (Vec<_>, Vec<_>) = key.1.iter().cloned().partition(|(name, _)| name == "le");
            if others != *labels {
                continue;
            }
            let bound =
                if bound[0].1 == "+Inf" { f64::INFINITY } else { bound[0].1.parse().expect("a number") };
            let count = |is_counted: &dyn Fn(f64, f64) -> bool| -> f64 {
                let counted = buckets.iter().filter(|(above, at_most, _)| is_counted(*above, *at_most));
                counted.map(|(_, _, count)| count).sum()
            };
            let least = count(&|_, at_most| at_most <= bound);
            let most = count(&|above, _| above < bound);
            assert!((least..=most).contains(expected), "{key:?} is {expected}, not {least} to {most}");
            facts.insert(key.clone(), (false, *expected));
            bounds += 1;
        }
        assert!(bounds > 1, "`{name}` has declared buckets");
    }
}

/// Buckets with their bounds, powers of the base by the specification; the zero count is below the first.
fn buckets(point: &ExponentialHistogramDataPoint) -> Vec<(f64, f64, f64)> {
    let positive = point.positive.as_ref().expect("buckets");
    let base = |index: i32| (f64::from(index) * (-f64::from(point.scale)).exp2()).exp2();
    let bounded = (positive.offset..).zip(&positive.bucket_counts);
    let bounded = bounded.map(|(index, count)| (base(index), base(index + 1), Number::U64(*count).as_f64()));
    let zero = (f64::NEG_INFINITY, point.zero_threshold, Number::U64(point.zero_count).as_f64());
    let buckets: Vec<_> = std::iter::once(zero).chain(bounded).collect();
    let count: f64 = buckets.iter().map(|(_, _, count)| count).sum();
    assert!((count - Number::U64(point.count).as_f64()).abs() < 0.5, "the count is that of all buckets");
    buckets
}

fn key(name: &str, mut labels: Vec<(String, String)>) -> SeriesKey {
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort();
    (name.to_owned(), labels)
}

/// Adds one message of increments to those before it.
pub fn add(facts: &mut Facts, more: Facts) {
    for (key, (is_gauge, value)) in more {
        let known = facts.entry(key).or_insert((is_gauge, 0.0));
        known.1 = if is_gauge { value } else { known.1 + value };
    }
}

fn labels(attributes: &[KeyValue]) -> Vec<(String, String)> {
    let text = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        other => panic!("`{}` is {other:?}", attribute.key),
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}

fn number(value: Option<Value>) -> f64 {
    match value.expect("a number") {
        Value::AsInt(value) => Number::I64(value).as_f64(),
        Value::AsDouble(value) => value,
    }
}
