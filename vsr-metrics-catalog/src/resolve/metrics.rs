//! Metric families.

use std::collections::HashMap;

use super::{Resolver, collisions};
use crate::model::{Bound, Family, GaugeValue, Instrument, LabelId, State, Unit};
use crate::names::{self, is_snake};
use crate::source::Span;
use crate::spec::{BucketsSpec, CatalogSpec, Entry, Kind, MetricSpec, Ordered, StateSpec, ValueKind};

/// States are drawn and named one by one; more of them are a number.
const MAX_STATES: usize = 64;

/// Whatever the budget says, a family of more series is a mistake, and its storage would not compile.
const MAX_SERIES: u64 = 65_536;

/// The same for a family with a grid: each of its series takes four kilobytes for every thread that records.
const MAX_GRID_SERIES: u64 = 1_024;

impl Resolver<'_> {
    pub(super) fn metrics(&mut self, spec: &CatalogSpec) {
        let mut stems: HashMap<String, String> = HashMap::new();
        let mut types = self.label_types();
        let owner = spec.header.as_ref().and_then(|header| header.spec.owner.clone());
        for entry in &spec.metrics {
            let told = self.told();
            let mut family = self.family(entry);
            let preset = match &entry.spec.buckets {
                Some(BucketsSpec::Preset(preset)) => Some(preset),
                _ => None,
            };
            let is_doubtful = entry.spec.labels.iter().chain(preset).any(|name| self.lost.may_define(name));
            if is_doubtful || self.told() > told {
                self.lost.name(&entry.name);
            }
            family.owner = family.owner.or_else(|| owner.clone());
            if !is_snake(&family.stem) {
                // No method could be named after it; that was told.
                continue;
            }
            if let Some(other) = stems.insert(family.stem.clone(), family.name.clone()) {
                let message = format!("`{}` and `{other}` would have the same methods", family.name);
                self.error("duplicate-method", entry.span, message, "rename one of them");
                self.lost.name(&entry.name);
                continue;
            }
            if let Instrument::Gauge(GaugeValue::States(_)) = family.instrument {
                let name = names::pascal(&family.stem);
                if let Some(other) = types.insert(name.clone(), family.name.clone()) {
                    let message =
                        format!("`{}` and `{other}` would both be the Rust type `{name}`", family.name);
                    self.error("duplicate-type", entry.span, message, "rename one of them");
                    self.lost.name(&entry.name);
                    continue;
                }
            }
            let series = self.catalog.series(&family);
            let (most, remedy) = if family.has_grid() {
                (MAX_GRID_SERIES, " with a `grid`; drop a label, or the grid")
            } else {
                (MAX_SERIES, "; drop a label")
            };
            if series > most {
                let message = format!("`{}` would have {series} series", family.name);
                let help = format!("at most {most}{remedy}");
                self.error("too-many-series", entry.span, message, help);
                self.lost.name(&entry.name);
                continue;
            }
            self.catalog.families.push(family);
        }
        self.series_names();
    }

    /// No two families may expose series of one name, in any format: OpenMetrics names a counter's family without
    /// `_total`, and reserves what a family of its type could have beside that name.
    fn series_names(&mut self) {
        let mut exposed: HashMap<String, String> = HashMap::new();
        let mut clashes = Vec::new();
        for Family { name, instrument, span, .. } in &self.catalog.families {
            let (bare, suffixes): (_, &[&str]) = match instrument {
                Instrument::Counter => {
                    (name.strip_suffix("_total").unwrap_or(name), &["", "_total", "_created"])
                }
                Instrument::Gauge(_) => (name.as_str(), &[""]),
                Instrument::Histogram { .. } => (name, &["", "_bucket", "_sum", "_count", "_created"]),
            };
            // One of them tells enough.
            let series = suffixes.iter().map(|suffix| format!("{bare}{suffix}"));
            let clash = series.filter_map(|series| {
                exposed.insert(series.clone(), name.clone()).map(|other| (*span, name, other, series))
            });
            clashes.extend(clash.collect::<Vec<_>>().into_iter().next());
        }
        let told = |(span, name, other, series)| {
            (span, format!("`{name}` and `{other}` would both expose `{series}`"))
        };
        let clashes: Vec<_> = clashes.into_iter().map(told).collect();
        for (span, message) in clashes {
            self.error("series-clash", span, message, "rename one of them");
        }
    }

    /// Rust types of the labels, and the names that every expansion has.
    fn label_types(&mut self) -> HashMap<String, String> {
        let fixed = ["Metrics", "Self"].map(|name| (name.to_owned(), "the expansion itself".to_owned()));
        let mut types: HashMap<String, String> = fixed.into();
        let labels: Vec<_> = self
            .catalog
            .labels
            .iter()
            .map(|label| (names::label_type(label), label.key.clone(), label.span))
            .collect();
        for (name, key, span) in labels {
            if let Some(other) = types.insert(name.clone(), key.clone()) {
                let message = format!("`{key}` and `{other}` would both be the Rust type `{name}`");
                self.error("duplicate-type", span, message, "rename one of them");
            }
        }
        types
    }

    fn family(&mut self, entry: &Entry<MetricSpec>) -> Family {
        let Entry { name, path, span, spec } = entry;
        self.family_name(name, *span, spec.kind);
        self.help(path, &spec.help);
        let unit = self.unit(&format!("{path}.unit"), spec.unit.as_deref());
        let labels = self.label_ids(&format!("{path}.labels"), &spec.labels);
        self.constant_among(path, &labels);
        self.same_name_twice(path, &labels);
        let group_span = self.places.value(&format!("{path}.group"));
        self.is_name("bad-group", group_span, "the name of a group", &spec.group);
        if spec.aggregate.is_some() && spec.kind != Kind::Gauge {
            let span = self.places.key(&format!("{path}.aggregate"));
            let message = format!("`aggregate` is for gauges, and `{name}` is none");
            self.error(
                "misplaced-key",
                span,
                message,
                "leave it out: counters and histograms are always summed",
            );
        }
        Family {
            name: name.clone(),
            stem: names::stem(name, &self.catalog.prefix, unit),
            help: spec.help.trim().to_owned(),
            usage: spec.usage.as_ref().map(|usage| usage.trim().to_owned()),
            unit,
            group: spec.group.clone(),
            labels,
            instrument: self.instrument(entry, unit),
            aggregate: spec.aggregate,
            owner: spec.owner.clone(),
            stability: spec.stability,
            span: *span,
        }
    }

    fn family_name(&mut self, name: &str, span: Span, kind: Kind) {
        if self.is_name("bad-metric-name", span, "a metric name", name)
            && self.catalog.prefix.ends_with('_')
            && !name.strip_prefix(&self.catalog.prefix).is_some_and(is_snake)
        {
            let message = format!(
                "`{name}` must begin with the catalog's prefix `{}` and a letter",
                self.catalog.prefix
            );
            self.error(
                "wrong-prefix",
                span,
                message,
                format!("rename it to `{}{name}`", self.catalog.prefix),
            );
        }
        let total = name.ends_with("_total");
        if kind == Kind::Counter && !total {
            let message = format!("counter `{name}` must end in `_total`");
            self.error("counter-without-total", span, message, format!("rename it to `{name}_total`"));
        }
        if kind != Kind::Counter && total {
            let message = format!("`{name}` ends in `_total`, but is no counter");
            self.error("total-without-counter", span, message, "drop the suffix, or make it a counter");
        }
        if let Some(suffix) =
            ["_bucket", "_sum", "_created", "_info"].into_iter().find(|end| name.ends_with(end))
        {
            let message = format!("`{name}` ends in `{suffix}`, which exposition reserves");
            self.error("reserved-suffix", span, message, "choose another name");
        }
    }

    pub(super) fn unit(&mut self, path: &str, unit: Option<&str>) -> Option<Unit> {
        let unit = unit?;
        let known = Unit::ALL.iter().find(|(name, _)| *name == unit).map(|(_, unit)| *unit);
        if known.is_none() {
            let span = self.places.value(path);
            let help = crate::parse::suggestion(unit, &Unit::ALL.map(|(name, _)| name));
            self.error("unknown-unit", span, format!("`{unit}` is not a unit"), help);
        }
        known
    }

    fn constant_among(&mut self, path: &str, labels: &[LabelId]) {
        for (index, id) in labels.iter().enumerate() {
            if self.catalog.constant_labels.contains(id) {
                let span = self.places.value(&format!("{path}.labels[{index}]"));
                let message =
                    format!("`{}` is a constant label, on every series already", self.catalog.label(*id).key);
                self.error("constant-label", span, message, "leave it out");
            }
        }
    }

    /// Labels of different keys may be exported under one name, but not on the same series.
    fn same_name_twice(&mut self, path: &str, labels: &[LabelId]) {
        for (index, id) in labels.iter().enumerate() {
            let label = self.catalog.label(*id);
            let before = self.catalog.constant_labels.iter().chain(&labels[..index]);
            let other = before.map(|other| self.catalog.label(*other));
            if let Some(other) =
                other.into_iter().find(|other| other.name == label.name && other.key != label.key)
            {
                let message =
                    format!("`{}` and `{}` are both exported as `{}`", label.key, other.key, label.name);
                let span = self.places.value(&format!("{path}.labels[{index}]"));
                self.error("label-clash", span, message, "give one of them another `name:`");
            }
        }
    }

    fn instrument(&mut self, entry: &Entry<MetricSpec>, unit: Option<Unit>) -> Instrument {
        let Entry { path, spec, .. } = entry;
        for (key, given, owner) in [
            ("buckets", spec.buckets.is_some(), Kind::Histogram),
            ("grid", spec.grid.is_some(), Kind::Histogram),
            ("value", spec.value.is_some(), Kind::Gauge),
            ("states", spec.states.is_some(), Kind::Gauge),
        ] {
            if given && spec.kind != owner {
                let span = self.places.key(&format!("{path}.{key}"));
                let message =
                    format!("`{key}` does not belong to a {}", format!("{:?}", spec.kind).to_lowercase());
                self.error("misplaced-key", span, message, "leave it out, or change `type`");
            }
        }
        match spec.kind {
            Kind::Counter => Instrument::Counter,
            Kind::Histogram => {
                Instrument::Histogram { bounds: self.histogram_bounds(entry, unit), grid: spec.grid }
            }
            Kind::Gauge => Instrument::Gauge(self.gauge_value(entry)),
        }
    }

    fn gauge_value(&mut self, entry: &Entry<MetricSpec>) -> GaugeValue {
        let Entry { path, spec, .. } = entry;
        match (&spec.states, spec.value) {
            (Some(_), Some(_)) => {
                let span = self.places.key(&format!("{path}.value"));
                self.error(
                    "states-and-value",
                    span,
                    "a gauge has either `states` or a `value` type",
                    "drop one of them",
                );
                GaugeValue::U64
            }
            (Some(states), None) => GaugeValue::States(self.states(path, states)),
            (None, None | Some(ValueKind::U64)) => GaugeValue::U64,
            (None, Some(ValueKind::I64)) => GaugeValue::I64,
            (None, Some(ValueKind::F64)) => GaugeValue::F64,
        }
    }

    fn states(&mut self, path: &str, states: &Ordered<StateSpec>) -> Vec<State> {
        if states.0.is_empty() || states.0.len() > MAX_STATES {
            let span = self.places.key(&format!("{path}.states"));
            let message = format!("{} states", states.0.len());
            self.error("state-count", span, message, format!("name 1 to {MAX_STATES} states"));
        }
        let mut sound: Vec<State> = Vec::new();
        for (name, spec) in &states.0 {
            let (value, help) = match spec {
                StateSpec::Short(value) => (*value, None),
                StateSpec::Full(full) => (full.value, full.help.clone()),
            };
            let span = self.places.key(&format!("{path}.states.{name}"));
            if !self.is_name("bad-state-name", span, "a state name", name) {
                continue;
            }
            if let Some(other) = sound.iter().find(|other| names::pascal(&other.name) == names::pascal(name))
            {
                let message = format!("states `{}` and `{name}` are the same Rust variant", other.name);
                self.error("duplicate-state", span, message, "rename one of them");
            } else if collisions::is_taken(&names::pascal(name)) {
                let variant = names::pascal(name);
                let message =
                    format!("`{name}` would be the Rust name `{variant}`, which its type has already");
                self.error("duplicate-state", span, message, "rename it");
            } else if let Some(other) = sound.iter().find(|other| other.value == value) {
                let message = format!("states `{}` and `{name}` have the same number `{value}`", other.name);
                self.error("duplicate-state", span, message, "number them differently");
            } else {
                sound.push(State { name: name.clone(), value, help });
            }
        }
        sound
    }

    fn histogram_bounds(&mut self, entry: &Entry<MetricSpec>, unit: Option<Unit>) -> Vec<Bound> {
        let Entry { name, path, span, spec } = entry;
        let path = format!("{path}.buckets");
        let bounds = match &spec.buckets {
            Some(BucketsSpec::Bounds(bounds)) => self.bounds(&path, &format!("`{name}`"), bounds),
            Some(BucketsSpec::Preset(preset)) => {
                if let Some(known) = self.catalog.buckets.iter_mut().find(|known| known.name == *preset) {
                    known.used = true;
                    known.bounds.clone()
                } else if self.lost.may_define(preset) {
                    Vec::new()
                } else {
                    let known: Vec<&str> =
                        self.catalog.buckets.iter().map(|known| known.name.as_str()).collect();
                    let help = crate::parse::suggestion(preset, &known);
                    let span = self.places.value(&path);
                    self.error(
                        "unknown-buckets",
                        span,
                        format!("bucket preset `{preset}` is not defined"),
                        help,
                    );
                    Vec::new()
                }
            }
            None => {
                let message = format!("histogram `{name}` has no buckets");
                self.error(
                    "buckets-missing",
                    *span,
                    message,
                    "add `buckets:` with a preset's name or a list",
                );
                Vec::new()
            }
        };
        // Without a unit that is known there is nothing to compare with.
        if spec.unit.is_some() && unit.is_none() { bounds } else { self.exact(name, &path, unit, bounds) }
    }

    /// Bounds are kept as integers: nanoseconds for time, else the unit itself.
    fn exact(&mut self, name: &str, path: &str, unit: Option<Unit>, bounds: Vec<Bound>) -> Vec<Bound> {
        bounds
            .into_iter()
            .filter(|bound| {
                let sound = bound.stored(unit).is_some();
                if !sound {
                    let of = if unit.is_some_and(|unit| unit.nanoseconds().is_some()) {
                        "nanosecond"
                    } else {
                        "unit"
                    };
                    let span = self.places.value(path);
                    let message = format!("bound `{}` of `{name}` is not a whole {of}", bound.value);
                    self.error("bucket-precision", span, message, "round it");
                }
                sound
            })
            .collect()
    }
}
