//! What a panel shows: its queries, run on a Prometheus over the time of the picture.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::judges::{Prometheus, Times, substituted};

/// The time that a picture shows, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub start: f64,
    pub end: f64,
    pub step: f64,
}

impl Span {
    /// What Grafana's own variables stand for: smooth rates, and the whole of the picture.
    fn times(self) -> Times {
        Times { rate_interval: 10.max(self.step as u64 * 2), range: (self.end - self.start) as u64 }
    }
}

/// One line of a panel.
#[derive(Clone, Debug)]
pub struct Series {
    pub name: String,
    /// Time and value; what is not finite is left out.
    pub points: Vec<(f64, f64)>,
}

/// All series of a panel, in the order of its queries and of their names.
///
/// # Errors
/// If Prometheus refuses a query.
pub fn series(
    prometheus: &Prometheus,
    board: &Value,
    panel: &Value,
    span: Span,
) -> Result<Vec<Series>, String> {
    let mut found = Vec::new();
    for target in panel["targets"].as_array().into_iter().flatten() {
        let expr = substituted(board, target["expr"].as_str().unwrap_or_default(), "0", span.times());
        let legend = target["legendFormat"].as_str().unwrap_or_default();
        let range = [("start", span.start), ("end", span.end), ("step", span.step)];
        let answer = prometheus.ask("query_range", &expr, &range)?;
        let mut series: Vec<Series> =
            answer.as_array().into_iter().flatten().map(|one| read(one, legend)).collect();
        series.sort_by_key(|one| natural(&one.name));
        found.extend(series);
    }
    Ok(found)
}

fn read(series: &Value, legend: &str) -> Series {
    let point = |pair: &Value| {
        let value: f64 = pair[1].as_str()?.parse().ok()?;
        value.is_finite().then_some((pair[0].as_f64()?, value))
    };
    let points = series["values"].as_array().into_iter().flatten().filter_map(point).collect();
    Series { name: named(&series["metric"], legend), points }
}

/// A legend with the labels' values in it.
fn named(labels: &Value, legend: &str) -> String {
    let labels: BTreeMap<&str, &str> = labels
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
        .collect();
    labels
        .iter()
        .fold(legend.to_owned(), |legend, (name, value)| legend.replace(&format!("{{{{{name}}}}}"), value))
}

/// A key by which `le` sorts as the number that it is.
fn natural(name: &str) -> (u64, String) {
    let number = name.parse::<f64>().map_or(0, |number| if number < 0.0 { 0 } else { number.to_bits() });
    (number, name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legend_holds_the_labels() {
        let labels = serde_json::json!({ "job": "vsr", "replica_id": "2" });
        assert_eq!(named(&labels, "{{job}} replica {{replica_id}}"), "vsr replica 2");
    }

    #[test]
    fn buckets_are_in_the_order_of_their_bounds() {
        let mut names = ["+Inf", "10", "0.5", "2"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["0.5", "2", "10", "+Inf"]);
    }
}
