//! A query to start from, by the type of a family.

use vsr_metrics_catalog::model::{Catalog, Family, GaugeValue, Instrument};

/// A query that shows what the family usually is looked at for.
pub(crate) fn example(catalog: &Catalog, family: &Family) -> String {
    let name = &family.name;
    let labels: Vec<&str> = family.labels.iter().map(|id| catalog.label(*id).name.as_str()).collect();
    match &family.instrument {
        Instrument::Counter => sum_by(&labels, &format!("rate({name}[5m])")),
        Instrument::Gauge(GaugeValue::States(states)) => match states.first() {
            Some(state) => format!("{name} != {}", state.value),
            None => name.clone(),
        },
        Instrument::Gauge(_) => name.clone(),
        Instrument::Histogram { .. } => {
            let labels: Vec<&str> = std::iter::once("le").chain(labels).collect();
            let buckets = sum_by(&labels, &format!("rate({name}_bucket[5m])"));
            format!("histogram_quantile(0.99, {buckets})")
        }
    }
}

fn sum_by(labels: &[&str], inner: &str) -> String {
    if labels.is_empty() {
        format!("sum({inner})")
    } else {
        format!("sum by ({}) ({inner})", labels.join(", "))
    }
}
