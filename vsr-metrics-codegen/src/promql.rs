//! A query to start from, by the type of a family; and bounds that match however a server spells them.

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

/// The expression with each whole bound matched in both spellings: Prometheus 3 stores `le="100"` as `"100.0"`, and
/// so does Prometheus 2 once it scrapes OpenMetrics.
#[cfg(feature = "render")]
pub(crate) fn both_spellings(expr: &str) -> String {
    each_bound(expr, |bound| format!("le=~\"{bound}(\\\\.0)?\""))
}

/// The same with each whole bound spelled as a decimal fraction.
#[cfg(feature = "render")]
pub(crate) fn other_spelling(expr: &str) -> String {
    each_bound(expr, |bound| format!("le=\"{bound}.0\""))
}

/// Rewrites the matchers of whole bounds.
#[cfg(feature = "render")]
fn each_bound(expr: &str, written: impl Fn(&str) -> String) -> String {
    const OPENING: &str = "le=\"";
    let mut text = String::with_capacity(expr.len());
    let mut rest = expr;
    while let Some(at) = rest.find(OPENING) {
        let (before, matcher) = rest.split_at(at);
        let value = &matcher[OPENING.len()..];
        let end = value.find('"').unwrap_or(value.len());
        let (bound, after) = value.split_at(end);
        text.push_str(before);
        // A label whose name merely ends in these letters is another one.
        let is_le = !before.ends_with(|last: char| last.is_ascii_alphanumeric() || last == '_');
        let is_whole = !bound.is_empty() && bound.chars().all(|digit| digit.is_ascii_digit());
        if is_le && is_whole && after.starts_with('"') {
            text += &written(bound);
            rest = &after[1..];
        } else {
            text.push_str(OPENING);
            rest = value;
        }
    }
    text + rest
}

#[cfg(all(test, feature = "render"))]
mod tests {
    use super::*;

    #[test]
    fn whole_bounds_match_in_both_spellings_and_nothing_else_changes() {
        let cases = [
            ("a{le=\"100\"} / b", "a{le=~\"100(\\\\.0)?\"} / b"),
            ("a{le=\"0.5\",x=\"1\"}", "a{le=\"0.5\",x=\"1\"}"),
            ("a{le=\"+Inf\"}", "a{le=\"+Inf\"}"),
            ("a{title=\"1\",le=\"5\"}", "a{title=\"1\",le=~\"5(\\\\.0)?\"}"),
        ];
        for (expr, expected) in cases {
            assert_eq!(both_spellings(expr), expected);
        }
        assert_eq!(other_spelling("a{le=\"100\"}"), "a{le=\"100.0\"}");
    }
}
