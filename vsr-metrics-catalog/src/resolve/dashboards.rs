//! Dashboards: what is drawn, with sizes and colors that Grafana can draw.

use super::Resolver;
use crate::model::{Dashboard, Mark, Panel, PanelKind, Query, Row};
use crate::spec::{DashboardSpec, Entry, FullPanelSpec, PanelSpec, ThresholdsSpec};

/// Grafana refuses longer identifiers.
const LONGEST_UID: usize = 40;
/// Columns of Grafana's grid.
const COLUMNS: u32 = 24;
const HEIGHTS: std::ops::RangeInclusive<u32> = 2..=40;

impl Resolver<'_> {
    pub(super) fn dashboard(&mut self, entry: &Entry<DashboardSpec>) -> Dashboard {
        let Entry { name, path, span, spec } = entry;
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > LONGEST_UID || !name.chars().all(is_plain) {
            let message = format!("`{name}` is no uid of a dashboard");
            let help = format!("use lower-case letters, digits and `-`, at most {LONGEST_UID} of them");
            self.error("dashboard-uid", *span, message, help);
        }
        let mut rows = Vec::new();
        for (row_index, row) in spec.rows.iter().enumerate() {
            let mut panels = Vec::new();
            for (index, panel) in row.panels.iter().enumerate() {
                panels.push(self.panel(&format!("{path}.rows[{row_index}].panels[{index}]"), panel));
            }
            rows.push(Row { title: row.title.clone(), panels });
        }
        let range = self.duration(&format!("{path}.range"), &spec.range);
        Dashboard {
            uid: name.clone(),
            title: spec.title.clone(),
            help: spec.help.clone(),
            range,
            choice: spec.choose,
            rows,
            span: *span,
        }
    }

    fn panel(&mut self, path: &str, spec: &PanelSpec) -> Panel {
        let span = self.places.value(path);
        match spec {
            PanelSpec::Metric(metric) => Panel { metrics: vec![metric.clone()], span, ..Panel::default() },
            PanelSpec::Full(spec) => self.full_panel(path, spec),
        }
    }

    fn full_panel(&mut self, path: &str, spec: &FullPanelSpec) -> Panel {
        let span = self.places.value(path);
        let queries = self.queries(path, spec);
        if spec.metrics.is_empty() && queries.is_empty() {
            let message = "a panel without `metrics` and `expr` shows nothing";
            self.error("empty-panel", span, message, "name a metric");
        }
        if !queries.is_empty() && spec.title.is_none() {
            let message = "a panel with queries of its own has no title";
            self.error("untitled-panel", span, message, "add `title:`");
        }
        self.fits(path, spec);
        self.size(path, "width", spec.width, 1..=COLUMNS);
        self.size(path, "height", spec.height, HEIGHTS);
        Panel {
            title: spec.title.clone(),
            metrics: spec.metrics.clone(),
            queries,
            kind: spec.kind,
            unit: self.unit(&format!("{path}.unit"), spec.unit.as_deref()),
            help: spec.help.clone(),
            window: spec.window.as_ref().map(|window| self.duration(&format!("{path}.window"), window)),
            width: spec.width,
            height: spec.height,
            marks: spec.thresholds.as_ref().map(|marks| self.marks(path, marks)).unwrap_or_default(),
            span,
        }
    }

    /// `expr` with its `legend`, then the list.
    fn queries(&self, path: &str, spec: &FullPanelSpec) -> Vec<Query> {
        let query = |path: String, expr: &str, legend: &Option<String>| Query {
            expr: expr.to_owned(),
            legend: legend.clone(),
            span: self.places.value(&path),
        };
        let single = spec.expr.iter().map(|expr| query(format!("{path}.expr"), expr, &spec.legend));
        let listed = spec
            .queries
            .iter()
            .enumerate()
            .map(|(index, one)| query(format!("{path}.queries[{index}].expr"), &one.expr, &one.legend));
        single.chain(listed).collect()
    }

    /// Quantiles and heatmaps are drawn from the buckets of a histogram.
    fn fits(&mut self, path: &str, spec: &FullPanelSpec) {
        let Some(word @ (PanelKind::Quantiles | PanelKind::Heatmap)) = spec.kind else { return };
        let other = spec
            .metrics
            .iter()
            .find(|metric| self.catalog.family(metric).is_some_and(|family| family.bounds().is_empty()));
        if let Some(other) = other {
            let span = self.places.value(&format!("{path}.kind"));
            let drawn = if matches!(word, PanelKind::Heatmap) { "a heatmap" } else { "quantiles" };
            let message = format!("`{other}` is no histogram and has no buckets for {drawn}");
            self.error("panel-kind", span, message, "leave `kind` out, or name a histogram");
        }
    }

    fn size(&mut self, path: &str, key: &str, value: Option<u32>, allowed: std::ops::RangeInclusive<u32>) {
        if let Some(value) = value.filter(|value| !allowed.contains(value)) {
            let span = self.places.value(&format!("{path}.{key}"));
            let message = format!("a {key} of {value} does not fit Grafana's grid");
            let help = format!("give a number from {} to {}", allowed.start(), allowed.end());
            self.error("panel-size", span, message, help);
        }
    }

    /// `base`, then numbers that increase.
    fn marks(&mut self, path: &str, spec: &ThresholdsSpec) -> Vec<Mark> {
        let mut marks: Vec<Mark> = Vec::new();
        for (key, color) in &spec.0 {
            let from = key.parse::<f64>().ok();
            let before = marks.last().map(|mark| mark.from.unwrap_or(f64::NEG_INFINITY));
            let is_sound = match (before, from) {
                (None, None) => key == "base",
                (Some(before), Some(from)) => from > before,
                _ => false,
            };
            if !is_sound {
                let span = self.places.key(&format!("{path}.thresholds.{key}"));
                let message = format!("`{key}` is no threshold here");
                self.error(
                    "panel-thresholds",
                    span,
                    message,
                    "begin with `base`, then numbers that increase",
                );
                break;
            }
            marks.push(Mark { from, color: *color });
        }
        marks
    }
}
