//! Alerts: thresholds filled in, rules that follow from objectives and from missing metrics.

use super::Resolver;
use super::rules::named;
use crate::model::{
    Alert, AlertRule, AlertTest, BURNS, Condition, Instrument, Runbook, Severity, Step, Threshold,
    ThresholdUnit,
};
use crate::names;
use crate::spec::{
    AlertSpec, AlertTestSpec, CatalogSpec, Entry, OneOrMany, RunbookSpec, StepSpec, ThresholdSpec,
};

/// Stands for the threshold: its number in expressions, its words in texts.
const THRESHOLD: &str = "threshold";

impl Resolver<'_> {
    pub(super) fn alerts(&mut self, spec: &CatalogSpec) {
        let mut alerts: Vec<Alert> = spec
            .alerts
            .iter()
            .map(|entry| {
                let told = self.told();
                let alert = self.alert(entry);
                if self.told() > told {
                    self.lost.name(&entry.name);
                }
                alert
            })
            .collect();
        for (entry, index) in spec.alerts.iter().zip(0..) {
            if let Some(missing) = &entry.spec.missing {
                let needed = self.needed(&alerts, &missing.beside, &missing.except);
                for (index, metric) in missing.except.iter().enumerate() {
                    self.known_metric(&format!("{}.missing.except[{index}]", entry.path), metric);
                }
                self.known_metric(&format!("{}.missing.beside", entry.path), &missing.beside);
                expect_all(&mut alerts[index], &missing.beside, needed);
            }
        }
        self.catalog.alerts = alerts;
    }

    fn alert(&mut self, entry: &Entry<AlertSpec>) -> Alert {
        let Entry { name, path, span, spec } = entry;
        let threshold =
            spec.threshold.as_ref().and_then(|spec| self.threshold(&format!("{path}.threshold"), spec));
        let expr = self.condition(entry, threshold);
        if let Some(dashboard) = &spec.dashboard {
            self.known_dashboard(&format!("{path}.dashboard"), dashboard);
        }
        let words = |text: &str| fill(text, THRESHOLD, &threshold.map(Threshold::words).unwrap_or_default());
        let number = threshold.map(|threshold| threshold.value.to_string()).unwrap_or_default();
        let mut alert = Alert {
            name: name.clone(),
            severity: spec.severity,
            priority: spec.priority.clone(),
            expr,
            hold: self.duration(&format!("{path}.for"), &spec.hold),
            labels: Vec::new(),
            group: spec.group.clone().unwrap_or_else(|| self.catalog.name.clone()),
            summary: words(&spec.summary),
            description: words(&spec.description),
            others: Vec::new(),
            condition: Condition::Expression,
            threshold,
            note: spec.note.as_deref().map(words),
            dashboard: spec.dashboard.clone(),
            runbook: spec.runbook.as_ref().map(|book| runbook(book, words, &number)).unwrap_or_default(),
            tests: spec
                .tests
                .iter()
                .enumerate()
                .map(|(index, test)| self.alert_test(&format!("{path}.tests[{index}]"), test))
                .collect(),
            changed: spec.changed,
            span: *span,
            expr_span: self.places.value(&format!("{path}.expr")),
        };
        if let Some(slo) = &spec.burn {
            alert.expr_span = self.places.value(&format!("{path}.burn"));
            self.burn(&mut alert, slo);
        }
        alert
    }

    /// The expression with the threshold's number; empty where the rules follow from something else.
    fn condition(&mut self, entry: &Entry<AlertSpec>, threshold: Option<Threshold>) -> String {
        let Entry { name, path, span, spec } = entry;
        let conditions = [spec.expr.is_some(), spec.burn.is_some(), spec.missing.is_some()];
        match conditions.into_iter().filter(|given| *given).count() {
            0 => self.error("missing-key", *span, format!("`expr` is missing in `{name}`"), "add `expr:`"),
            1 => {}
            _ => {
                let message = format!("`{name}` has more than one of `expr`, `burn` and `missing`");
                self.error("several-conditions", *span, message, "keep one of them");
            }
        }
        let Some(expr) = &spec.expr else { return String::new() };
        let at = self.places.value(&format!("{path}.expr"));
        let named = names_it(expr, THRESHOLD);
        match threshold {
            Some(threshold) if named => return fill(expr, THRESHOLD, &threshold.value.to_string()),
            Some(_) => {
                let message = format!("the expression of `{name}` does not name its threshold");
                self.error(
                    "threshold-unused",
                    at,
                    message,
                    "write `{{ threshold }}` where the number belongs",
                );
            }
            None if named && spec.threshold.is_none() => {
                let message = format!("`{name}` has no threshold");
                self.error("threshold-missing", at, message, "add `threshold: { value: …, unit: … }`");
            }
            None => {}
        }
        expr.clone()
    }

    fn threshold(&mut self, path: &str, spec: &ThresholdSpec) -> Option<Threshold> {
        if !spec.value.is_finite() {
            let span = self.places.value(&format!("{path}.value"));
            self.error("threshold-value", span, "a threshold is a finite number", "give a number");
            return None;
        }
        let unit = ThresholdUnit::from_name(&spec.unit);
        if unit.is_none() {
            let span = self.places.value(&format!("{path}.unit"));
            let help = crate::parse::suggestion(&spec.unit, &ThresholdUnit::names());
            self.error("unknown-unit", span, format!("unit `{}` is not known", spec.unit), help);
        }
        Some(Threshold { value: spec.value, unit: unit? })
    }

    /// One rule for each pair of windows over which the budget of an objective is watched.
    fn burn(&mut self, alert: &mut Alert, slo: &str) {
        let Some(slo) = self.catalog.slos.iter().find(|known| known.name == slo) else {
            if self.lost.may_define(slo) {
                return;
            }
            let known: Vec<&str> = self.catalog.slos.iter().map(|slo| slo.name.as_str()).collect();
            let help = crate::parse::suggestion(slo, &known);
            self.error("unknown-slo", alert.expr_span, format!("objective `{slo}` is not defined"), help);
            return;
        };
        let mut rules = BURNS.iter().map(|burn| {
            let over = |window| {
                format!("{} > {} * {}", slo.record(&self.catalog.prefix, window), burn.factor, slo.budget())
            };
            AlertRule {
                severity: if burn.pages { alert.severity } else { Severity::Warning },
                expr: format!("{} and {}", over(burn.long), over(burn.short)),
                hold: alert.hold,
                labels: vec![("window".to_owned(), burn.long.to_owned())],
                description: fill(
                    &fill(&alert.description, "window", burn.long),
                    "factor",
                    &burn.factor.to_string(),
                ),
            }
        });
        let first = rules.next();
        let others = rules.collect();
        alert.condition = Condition::Burn { slo: slo.name.clone() };
        take(alert, first, others);
    }

    /// The metrics that alerts look at, also by way of recording rules, in the order of the catalog.
    fn needed(&self, alerts: &[Alert], beside: &str, except: &[String]) -> Vec<String> {
        let mut found: Vec<&str> = Vec::new();
        let mut expressions: Vec<&str> = alerts.iter().map(|alert| alert.expr.as_str()).collect();
        while let Some(expr) = expressions.pop() {
            for name in named(expr, &self.catalog.prefix) {
                if !found.contains(&name) {
                    found.push(name);
                    let recorded = self.catalog.rules.iter().filter(|rule| rule.record == name);
                    expressions.extend(recorded.map(|rule| rule.expr.as_str()));
                }
            }
        }
        let is_needed = |name: &str| name != beside && !except.iter().any(|other| other == name);
        let families = self.catalog.families.iter().filter(|family| is_needed(&family.name));
        families
            .filter_map(|family| match family.instrument {
                Instrument::Histogram { .. } => {
                    let names =
                        ["_bucket", "_sum", "_count"].map(|suffix| format!("{}{suffix}", family.name));
                    names.into_iter().find(|name| found.contains(&name.as_str()))
                }
                Instrument::Counter | Instrument::Gauge(_) => {
                    found.contains(&family.name.as_str()).then(|| family.name.clone())
                }
            })
            .collect()
    }

    fn known_metric(&mut self, path: &str, metric: &str) {
        if self.catalog.family(metric).is_none() && !self.lost.may_define(metric) {
            let span = self.places.value(path);
            let known = self.catalog.families.iter().map(|family| family.name.as_str());
            let help = names::closest(metric, known)
                .map_or_else(|| "name a metric".to_owned(), |close| format!("did you mean `{close}`?"));
            self.error("unknown-metric", span, format!("`{metric}` is not exported by this catalog"), help);
        }
    }

    fn known_dashboard(&mut self, path: &str, uid: &str) {
        let is_known = self.catalog.dashboards.iter().any(|dashboard| dashboard.uid == uid);
        if !is_known && !self.lost.may_define(uid) {
            let span = self.places.value(path);
            let known: Vec<&str> = self.catalog.dashboards.iter().map(|board| board.uid.as_str()).collect();
            let help = crate::parse::suggestion(uid, &known);
            self.error("unknown-dashboard", span, format!("dashboard `{uid}` is not defined"), help);
        }
    }

    fn alert_test(&mut self, path: &str, spec: &AlertTestSpec) -> AlertTest {
        let mut times = |key: &str, times: &OneOrMany| -> Vec<_> {
            times.as_slice().iter().map(|time| self.duration(&format!("{path}.{key}"), time)).collect()
        };
        let quiet_at = times("quiet_at", &spec.quiet_at);
        let fires_at = times("fires_at", &spec.fires_at);
        let clears_at = times("quiet_again_at", &spec.quiet_again_at);
        let interval = spec.interval.as_deref().unwrap_or("15s");
        AlertTest {
            name: spec.name.clone(),
            interval: self.positive_duration(&format!("{path}.interval"), interval),
            series: spec.series.iter().map(|(series, values)| (series.clone(), values.clone())).collect(),
            quiet_at,
            fires_at,
            clears_at,
        }
    }
}

/// One rule for each metric that should be there beside another one.
fn expect_all(alert: &mut Alert, beside: &str, metrics: Vec<String>) {
    let mut rules = metrics.iter().map(|metric| AlertRule {
        severity: alert.severity,
        expr: format!("absent({metric}) unless on () absent({beside})"),
        hold: alert.hold,
        labels: vec![("metric".to_owned(), metric.clone())],
        description: fill(&alert.description, "metric", metric),
    });
    let first = rules.next();
    let others = rules.collect();
    alert.condition = Condition::Missing { beside: beside.to_owned(), metrics };
    take(alert, first, others);
}

/// Makes rules the rules of an alert.
fn take(alert: &mut Alert, first: Option<AlertRule>, others: Vec<AlertRule>) {
    if let Some(first) = first {
        alert.severity = first.severity;
        alert.expr = first.expr;
        alert.labels = first.labels;
        alert.description = first.description;
    }
    alert.others = others;
}

/// Texts with the threshold's words, queries with its number.
fn runbook(spec: &RunbookSpec, words: impl Fn(&str) -> String, number: &str) -> Runbook {
    let step = |spec| step(spec, &words, number);
    Runbook {
        meaning: words(&spec.meaning),
        impact: words(&spec.impact),
        diagnosis: spec.diagnosis.iter().map(step).collect(),
        mitigation: spec.mitigation.iter().map(step).collect(),
        avoid: spec.avoid.iter().map(|text| words(text)).collect(),
        resolved_when: words(&spec.resolved_when),
    }
}

/// A step, its text and its query with what they name filled in.
pub(super) fn step(spec: &StepSpec, words: impl Fn(&str) -> String, number: &str) -> Step {
    match spec {
        StepSpec::Short(text) => Step { text: words(text), query: None },
        StepSpec::Full(full) => {
            let query = full.query.as_deref().map(|query| fill(query, THRESHOLD, number));
            Step { text: words(&full.text), query }
        }
    }
}

/// Whether a text has `{{ word }}`.
fn names_it(text: &str, word: &str) -> bool {
    text.contains(&format!("{{{{ {word} }}}}"))
}

/// Replaces `{{ word }}`, which the templates of Prometheus would not know.
fn fill(text: &str, word: &str, value: &str) -> String {
    text.replace(&format!("{{{{ {word} }}}}"), value)
}
