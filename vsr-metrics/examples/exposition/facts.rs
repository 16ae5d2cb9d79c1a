//! What a parser should find in an exposition, taken from the snapshot by its public interface and not from the
//! encoder's text.

use serde_json::{Value as Json, json};
use vsr_metrics::Snapshot;
use vsr_metrics::snapshot::{Number, Series, Value};

/// Helps by family and samples with their labels; numbers as text, so that none is rounded on the way.
pub fn json(snapshot: &Snapshot) -> String {
    let mut helps = serde_json::Map::new();
    let mut samples = Vec::new();
    for family in snapshot.families() {
        let descriptor = family.descriptor();
        helps.insert(descriptor.name.into(), descriptor.help.into());
        for series in family.series() {
            collect(descriptor.name, &series, &mut samples);
        }
    }
    format!("{:#}\n", json!({ "help": helps, "samples": samples }))
}

fn collect(name: &str, series: &Series<'_>, samples: &mut Vec<Json>) {
    let mut sample = |suffix: &str, bound: Option<&str>, value: String| {
        let mut labels: serde_json::Map<_, _> =
            series.labels().map(|(name, value)| (name.to_owned(), value.to_string().into())).collect();
        if let Some(bound) = bound {
            labels.insert("le".into(), bound.into());
        }
        samples.push(json!({ "name": format!("{name}{suffix}"), "labels": labels, "value": value }));
    };
    match series.value() {
        Value::Counter(total) => sample("", None, total.to_string()),
        Value::Gauge(Number::U64(value)) => sample("", None, value.to_string()),
        Value::Gauge(Number::I64(value)) => sample("", None, value.to_string()),
        Value::Gauge(Number::F64(value)) => sample("", None, value.to_string()),
        Value::Histogram(histogram) => {
            let mut count = 0;
            let bounds = histogram.bound_names().iter().copied().chain(["+Inf"]);
            for (bound, bucket) in bounds.zip(histogram.buckets()) {
                count += bucket;
                sample("_bucket", Some(bound), count.to_string());
            }
            sample("_sum", None, histogram.sum().to_string());
            sample("_count", None, histogram.count().to_string());
        }
    }
}
