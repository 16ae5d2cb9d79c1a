//! What operators read: exceptions, rules, objectives, alerts, dashboards.

use super::Resolver;
use crate::model::{Alert, AlertTest, Exception, Indicator, Rule, Runbook, Severity, Slo, Step};
use crate::spec::{
    AlertSpec, AlertTestSpec, CatalogSpec, Entry, OneOrMany, RunbookSpec, SeveritySpec, SloSpec, StepSpec,
};

impl Resolver<'_> {
    pub(super) fn operators(&mut self, spec: &CatalogSpec) {
        self.catalog.exceptions = spec
            .exceptions
            .iter()
            .map(|entry| Exception {
                lint: entry.spec.lint.clone(),
                metrics: entry.spec.metrics.clone(),
                reason: entry.spec.reason.clone(),
                span: entry.span,
            })
            .collect();
        self.catalog.rules = spec
            .rules
            .iter()
            .map(|entry| Rule {
                record: entry.name.clone(),
                expr: entry.spec.expr.clone(),
                help: entry.spec.help.clone(),
                span: self.places.value(&format!("{}.expr", entry.path)),
            })
            .collect();
        self.catalog.slos = spec.slos.iter().map(|entry| self.slo(entry)).collect();
        self.catalog.alerts = spec.alerts.iter().map(|entry| self.alert(entry)).collect();
        self.catalog.dashboards = spec.dashboards.iter().map(|entry| self.dashboard(entry)).collect();
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
        let window = self.duration(&format!("{path}.window"), &spec.window);
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
        let bounds = self.catalog.family(metric).map(crate::model::Family::bounds);
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

    fn alert(&mut self, entry: &Entry<AlertSpec>) -> Alert {
        let Entry { name, path, span, spec } = entry;
        Alert {
            name: name.clone(),
            severity: match spec.severity {
                SeveritySpec::Critical => Severity::Critical,
                SeveritySpec::Warning => Severity::Warning,
                SeveritySpec::Info => Severity::Info,
            },
            priority: spec.priority.clone(),
            expr: spec.expr.clone(),
            hold: self.duration(&format!("{path}.for"), &spec.hold),
            group: spec.group.clone().unwrap_or_else(|| self.catalog.name.clone()),
            summary: spec.summary.clone(),
            description: spec.description.clone(),
            runbook: spec.runbook.as_ref().map(runbook).unwrap_or_default(),
            tests: spec
                .tests
                .iter()
                .enumerate()
                .map(|(index, test)| self.alert_test(&format!("{path}.tests[{index}]"), test))
                .collect(),
            span: *span,
            expr_span: self.places.value(&format!("{path}.expr")),
        }
    }

    fn alert_test(&mut self, path: &str, spec: &AlertTestSpec) -> AlertTest {
        let mut times = |key: &str, times: &OneOrMany| -> Vec<_> {
            times.as_slice().iter().map(|time| self.duration(&format!("{path}.{key}"), time)).collect()
        };
        let mut quiet_at = times("quiet_at", &spec.quiet_at);
        quiet_at.extend(times("quiet_again_at", &spec.quiet_again_at));
        let fires_at = times("fires_at", &spec.fires_at);
        let interval = spec.interval.as_deref().unwrap_or("15s");
        AlertTest {
            name: spec.name.clone(),
            interval: self.duration(&format!("{path}.interval"), interval),
            series: spec.series.iter().map(|(series, values)| (series.clone(), values.clone())).collect(),
            quiet_at,
            fires_at,
        }
    }
}

fn runbook(spec: &RunbookSpec) -> Runbook {
    let steps = |steps: &[StepSpec]| steps.iter().map(step).collect();
    Runbook {
        meaning: spec.meaning.clone(),
        impact: spec.impact.clone(),
        diagnosis: steps(&spec.diagnosis),
        mitigation: steps(&spec.mitigation),
        resolved_when: spec.resolved_when.clone(),
    }
}

fn step(spec: &StepSpec) -> Step {
    match spec {
        StepSpec::Text(text) => Step { text: text.clone(), query: None },
        StepSpec::Full { text, query } => Step { text: text.clone(), query: query.clone() },
    }
}
