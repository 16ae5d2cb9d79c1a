//! Recording rules and objectives: what is recorded under which name, also for many metrics at once.

use std::collections::HashSet;
use std::time::Duration;

use super::Resolver;
use crate::lint::matches;
use crate::model::{BURNS, Family, Indicator, Instrument, Rule, Slo};
use crate::names;
use crate::spec::{CatalogSpec, Entry, RuleSpec, SloSpec, WordSpec};

/// Label under which a scrape keeps its targets apart.
const INSTANCE: &str = "instance";

/// Words in braces with what each stands for.
type Words = Vec<(String, String)>;

impl Resolver<'_> {
    pub(super) fn rules(&mut self, spec: &CatalogSpec) {
        for entry in &spec.rules {
            let rules = self.rule(entry);
            self.catalog.rules.extend(rules);
        }
        for entry in &spec.slos {
            let slo = self.slo(entry);
            let rules = self.error_ratios(&slo);
            self.catalog.rules.extend(rules);
            self.catalog.slos.push(slo);
        }
    }

    /// The rules of one entry: itself, or one for each combination of its words.
    fn rule(&mut self, entry: &Entry<RuleSpec>) -> Vec<Rule> {
        let Entry { name, path, spec, .. } = entry;
        let span = self.places.value(&format!("{path}.expr"));
        let mut combinations = vec![Words::new()];
        for (word, values) in spec.each.iter().flat_map(|each| &each.0) {
            let values = self.values(&format!("{path}.each.{word}"), word, values);
            combinations = combinations
                .into_iter()
                .flat_map(|words| {
                    let with = move |value: &String| {
                        words.iter().cloned().chain([(word.clone(), value.clone())]).collect::<Words>()
                    };
                    values.iter().map(with).collect::<Vec<_>>()
                })
                .collect();
        }
        let rules: Vec<Rule> = combinations
            .iter()
            .map(|words| Rule {
                // A rate is not a total any more.
                record: fill(name, words, |value| value.strip_suffix("_total").unwrap_or(value)),
                expr: fill(&spec.expr, words, |value| value),
                help: spec.help.clone(),
                objective: None,
                span,
            })
            .collect();
        if let Some(rule) = rules.iter().find(|rule| !is_record(&rule.record)) {
            let message = format!("`{}` is not the name of a recording rule", rule.record);
            let help = "write `level:metric:operations`, such as `cluster:app_requests:rate5m`";
            self.error("rule-name", entry.span, message, help);
        }
        rules
    }

    /// What one word stands for. A pattern stands for all metrics that it fits, and of those that the words
    /// `counter`, `gauge` and `histogram` take, for metrics of that type.
    fn values(&mut self, path: &str, word: &str, specs: &[WordSpec]) -> Vec<String> {
        let mut values: Vec<String> = Vec::new();
        for (index, spec) in specs.iter().enumerate() {
            match spec {
                WordSpec::Number(number) => values.push(number.to_string()),
                WordSpec::Text(pattern) if pattern.contains('*') => {
                    let families = self.catalog.families.iter().filter(|family| is_one(word, family));
                    let names = families.map(|family| &family.name);
                    let fitting: Vec<String> = names.filter(|name| matches(pattern, name)).cloned().collect();
                    if fitting.is_empty() {
                        let span = self.places.value(&format!("{path}[{index}]"));
                        let message = format!("`{pattern}` fits no metric");
                        self.error("rule-pattern", span, message, "correct it, or remove it");
                    }
                    values.extend(fitting);
                }
                WordSpec::Text(text) => values.push(text.clone()),
            }
        }
        let mut seen = HashSet::new();
        values.retain(|value| seen.insert(value.clone()));
        values
    }

    fn slo(&mut self, entry: &Entry<SloSpec>) -> Slo {
        let Entry { name, path, span, spec } = entry;
        if !(spec.objective > 0.0 && spec.objective < 100.0) {
            let span = self.places.value(&format!("{path}.objective"));
            let message = format!("the objective of `{name}` is `{}` percent", spec.objective);
            self.error("slo-objective", span, message, "give a share between 0 and 100, such as 99.9");
        }
        let good = format!("{path}.good");
        let indicator = match &spec.total {
            Some(total) => Indicator::Ratio { good: spec.good.clone(), total: total.clone() },
            None => self.latency(&good, &spec.good),
        };
        let window: Duration = self.positive_duration(&format!("{path}.window"), &spec.window);
        Slo {
            name: name.clone(),
            help: spec.help.clone(),
            objective: spec.objective,
            window,
            indicator,
            span: *span,
        }
    }

    /// `vsr_client_latency_ms <= 100`, where 100 is a bound of that histogram.
    fn latency(&mut self, path: &str, good: &str) -> Indicator {
        let span = self.places.value(path);
        let parts = good.split_once("<=").map(|(metric, bound)| (metric.trim(), bound.trim()));
        let Some((metric, Ok(bound))) = parts.map(|(metric, bound)| (metric, bound.parse::<f64>())) else {
            let message = format!("`{good}` is not `HISTOGRAM <= BOUND`");
            self.error(
                "slo-indicator",
                span,
                message,
                "compare a histogram, or give selectors as `good` and `total`",
            );
            return Indicator::Latency { metric: String::new(), bound: 0.0 };
        };
        let bounds = self.catalog.family(metric).map(Family::bounds);
        match bounds {
            Some([]) => {
                self.error("slo-metric", span, format!("`{metric}` is no histogram"), "name a histogram");
            }
            Some(bounds) if !bounds.iter().any(|known| known.value.total_cmp(&bound).is_eq()) => {
                let known: Vec<String> = bounds.iter().map(|bound| bound.value.to_string()).collect();
                let message = format!("`{bound}` is not a bucket bound of `{metric}`");
                self.error("slo-bound", span, message, format!("take one of {}", known.join(", ")));
            }
            // An unknown name is told by the lint over all expressions.
            _ => {}
        }
        Indicator::Latency { metric: metric.to_owned(), bound }
    }

    /// The share of bad events over each window that a burn rate looks at; none of what is not known.
    fn error_ratios(&self, slo: &Slo) -> Vec<Rule> {
        let (metric, good, total) = match &slo.indicator {
            Indicator::Latency { metric, bound } => {
                (metric.as_str(), format!("{metric}_bucket{{le=\"{bound}\"}}"), format!("{metric}_count"))
            }
            Indicator::Ratio { good, total } => (selected(total), good.clone(), total.clone()),
        };
        let Some(family) = self.catalog.family(metric) else { return Vec::new() };
        if self.catalog.family(selected(&good).trim_end_matches("_bucket")).is_none() {
            return Vec::new();
        }
        let labels = self.catalog.constant_labels.iter().chain(&family.labels);
        let mut dropped: Vec<&str> = vec![INSTANCE];
        dropped.extend(labels.map(|id| self.catalog.label(*id).name.as_str()));
        if let Instrument::Histogram { .. } = family.instrument {
            dropped.push("le");
        }
        let sum = |selector: &str, window: &str| {
            format!("sum without ({}) (rate({selector}[{window}]))", dropped.join(", "))
        };
        let mut windows: Vec<&str> = BURNS.iter().flat_map(|burn| [burn.short, burn.long]).collect();
        let mut seen = HashSet::new();
        windows.retain(|window| seen.insert(*window));
        windows
            .into_iter()
            .map(|window| Rule {
                record: slo.record(&self.catalog.prefix, window),
                expr: format!("1 - {} / {}", sum(&good, window), sum(&total, window)),
                help: Some(format!("Share of bad events in {window}. {}", slo.help)),
                objective: Some(slo.name.clone()),
                span: slo.span,
            })
            .collect()
    }
}

/// Whether a name tells a recorded series from a scraped one: words, with colons between them.
fn is_record(name: &str) -> bool {
    let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let mut words = name.split(':');
    name.contains(':')
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && words.all(|word| !word.is_empty() && word.bytes().all(is_letter))
}

/// The metric of a selector.
fn selected(selector: &str) -> &str {
    selector.split('{').next().unwrap_or(selector).trim()
}

/// Whether a family is what a word says, if that is a type at all.
fn is_one(word: &str, family: &Family) -> bool {
    match word {
        "counter" => matches!(family.instrument, Instrument::Counter),
        "gauge" => matches!(family.instrument, Instrument::Gauge(_)),
        "histogram" => matches!(family.instrument, Instrument::Histogram { .. }),
        _ => true,
    }
}

/// Replaces each `{word}`.
fn fill(text: &str, words: &Words, shown: impl Fn(&str) -> &str) -> String {
    let replace =
        |text: String, (word, value): &(String, String)| text.replace(&format!("{{{word}}}"), shown(value));
    words.iter().fold(text.to_owned(), replace)
}

/// Names of metrics in an expression.
pub(super) fn named<'a>(expr: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let words = names::words(expr).into_iter().map(|(_, word)| word);
    words.filter(move |word| word.starts_with(prefix) || word.contains(':'))
}
