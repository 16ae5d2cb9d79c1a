//! OTLP messages as facts, by the independent decoder of `opentelemetry-proto`.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;
use vsr_metrics::snapshot::Number;

use super::{Facts, distribution, insert};

/// Increments, in the numbering of the protocol.
pub const DELTA: i32 = 1;
/// Totals.
pub const CUMULATIVE: i32 = 2;

/// What a message says; everything that counts must have this temporality.
pub fn read(bytes: &[u8], temporality: i32) -> Facts {
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
            other => panic!("`{name}` is {other:?}"),
        }
    }
    facts
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
