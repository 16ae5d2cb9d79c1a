//! PromQL of panels: what follows from a family's type, and the board's choices in every selector.

use std::time::Duration;

use vsr_metrics_catalog::model::{Catalog, Family, Label, LabelId, LabelValues};

/// One query of a chart.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// PromQL with the board's variables.
    pub(super) expr: String,
    /// Name of each series.
    pub(super) legend: String,
}

/// The increase of a counter per second.
pub(super) fn rate(name: &str) -> String {
    format!("rate({name}[$__rate_interval])")
}

/// A rate, by the family's labels, or by instance where it has none.
pub(super) fn counter(catalog: &Catalog, family: &Family) -> Target {
    let by = if family.labels.is_empty() { instance(catalog) } else { names(catalog, &family.labels) };
    Target {
        expr: format!("sum by ({}) ({})", by.join(", "), rate(&family.name)),
        legend: if family.labels.is_empty() {
            instance_legend(catalog)
        } else {
            legend(catalog, &family.labels)
        },
    }
}

/// The value of each instance.
pub(super) fn gauge(catalog: &Catalog, family: &Family) -> Target {
    let labels = legend(catalog, &family.labels);
    let legend = format!("{} {labels}", instance_legend(catalog)).trim_end().to_owned();
    Target { expr: family.name.clone(), legend }
}

/// The quantiles that every latency is read by, by job and label. Over a window of their own, what happens rarely is
/// seen for as long afterwards.
pub(super) fn quantiles(catalog: &Catalog, family: &Family, window: Option<Duration>) -> Vec<Target> {
    let by = ["job".to_owned(), "le".to_owned()].into_iter().chain(names(catalog, &family.labels));
    let name = format!("{}_bucket", family.name);
    let growth =
        window.map_or_else(|| rate(&name), |window| format!("increase({name}[{}])", duration(window)));
    let buckets = format!("sum by ({}) ({growth})", by.collect::<Vec<_>>().join(", "));
    let labels = legend(catalog, &family.labels);
    let quantile = |(name, value): &(&str, &str)| Target {
        expr: format!("histogram_quantile({value}, {buckets})"),
        legend: format!("{{{{job}}}} {labels} {name}").replace("  ", " "),
    };
    [("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")].iter().map(quantile).collect()
}

/// A duration in the largest unit that leaves a whole number.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m")];
    let whole = units.into_iter().find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size));
    whole.map_or_else(|| format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}

/// Observations per second and bucket.
pub(super) fn heatmap(family: &Family) -> Target {
    let expr = format!("sum by (le) ({})", rate(&format!("{}_bucket", family.name)));
    Target { expr, legend: "{{le}}".to_owned() }
}

/// The labels that tell instances apart.
fn instance(catalog: &Catalog) -> Vec<String> {
    let constant = names(catalog, &catalog.constant_labels);
    let told_by = if constant.is_empty() { vec!["instance".to_owned()] } else { constant };
    std::iter::once("job".to_owned()).chain(told_by).collect()
}

fn instance_legend(catalog: &Catalog) -> String {
    if catalog.constant_labels.is_empty() {
        "{{job}} {{instance}}".to_owned()
    } else {
        format!("{{{{job}}}} {}", legend(catalog, &catalog.constant_labels))
    }
}

fn names(catalog: &Catalog, labels: &[LabelId]) -> Vec<String> {
    labels.iter().map(|id| catalog.label(*id).name.clone()).collect()
}

/// Values of labels side by side. A bare number says nothing, so it gets the name of its label.
fn legend(catalog: &Catalog, labels: &[LabelId]) -> String {
    let part = |id: &LabelId| {
        let Label { name, values, .. } = catalog.label(*id);
        match values {
            LabelValues::Enum(_) => format!("{{{{{name}}}}}"),
            LabelValues::Range { .. } => {
                let word = name.strip_suffix("_id").unwrap_or(name);
                format!("{} {{{{{name}}}}}", word.replace('_', " "))
            }
        }
    };
    labels.iter().map(part).collect::<Vec<_>>().join(" ")
}

/// Matchers for what was chosen on the board, by the name of the series.
pub(super) struct Selection {
    constants: String,
}

impl Selection {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let constants = names(catalog, &catalog.constant_labels);
        let matchers: Vec<String> = constants.iter().map(|name| format!(",{name}=~\"${name}\"")).collect();
        Self { constants: matchers.concat() }
    }

    /// The expression with matchers in each selector of a series that a scrape sees.
    pub(super) fn apply(&self, is_series: impl Fn(&str) -> bool, expr: &str) -> String {
        let mut out = String::with_capacity(expr.len() * 2);
        let mut rest = expr;
        while let Some(first) = rest.chars().next() {
            let length = if is_name(first) {
                rest.find(|c| !is_name(c) && !c.is_ascii_digit()).unwrap_or(rest.len())
            } else if matches!(first, '"' | '\'' | '`') {
                end_of_text(rest, first)
            } else if first.is_ascii_digit() || first == '$' {
                // Numbers, durations and variables: the letters in them begin no name.
                let end = rest[1..].find(|c: char| !is_name(c) && !c.is_ascii_digit() && c != '.');
                end.map_or(rest.len(), |end| end + 1)
            } else {
                first.len_utf8()
            };
            let (token, after) = rest.split_at(length);
            out.push_str(token);
            rest = after;
            let Some(matchers) = self.matchers(&is_series, token) else { continue };
            if let Some(inside) = rest.strip_prefix('{') {
                let comma = if inside.trim_start().starts_with('}') { "" } else { "," };
                out.push('{');
                out.push_str(&matchers);
                out.push_str(comma);
                rest = inside;
            } else {
                out.push('{');
                out.push_str(&matchers);
                out.push('}');
            }
        }
        out
    }

    /// Of a target's own series, the job and the instance are known; of an alert or a recorded series, the job.
    fn matchers(&self, is_series: impl Fn(&str) -> bool, name: &str) -> Option<String> {
        let target = "job=~\"$job\",instance=~\"$instance\"";
        if is_series(name) {
            Some(format!("{target}{}", self.constants))
        } else if name == "up" {
            Some(target.to_owned())
        } else if name == "ALERTS" || name.contains(':') && name.len() > 1 {
            Some("job=~\"$job\"".to_owned())
        } else {
            None
        }
    }
}

const fn is_name(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || letter == ':'
}

/// The length of a quoted text at the start.
fn end_of_text(text: &str, quote: char) -> usize {
    let mut letters = text.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && quote != '`' {
            letters.next();
        } else if letter == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_asks_for_what_was_chosen() {
        let all = "job=~\"$job\",instance=~\"$instance\",node=~\"$node\"";
        let cases = [
            ("app_a", format!("app_a{{{all}}}")),
            ("sum(rate(app_a{x=\"app_a\"}[5m]))", format!("sum(rate(app_a{{{all},x=\"app_a\"}}[5m]))")),
            ("app_a{} offset 1w", format!("app_a{{{all}}} offset 1w")),
            ("app_ab + app_b", "app_ab + app_b".to_owned()),
            ("up == 1", "up{job=~\"$job\",instance=~\"$instance\"} == 1".to_owned()),
            ("level:app_a:rate5m", "level:app_a:rate5m{job=~\"$job\"}".to_owned()),
            ("1e3 * app_a[$__rate_interval]", format!("1e3 * app_a{{{all}}}[$__rate_interval]")),
            ("x{y=\"\\\"app_a\"}", "x{y=\"\\\"app_a\"}".to_owned()),
        ];
        let selection = Selection { constants: ",node=~\"$node\"".into() };
        for (plain, chosen) in cases {
            assert_eq!(selection.apply(|name| name == "app_a", plain), chosen);
        }
    }
}
