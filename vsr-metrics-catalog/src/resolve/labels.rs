//! Labels and bucket presets.

use std::collections::HashMap;

use super::{Resolver, collisions};
use crate::model::{Bound, BucketPreset, Label, LabelId, LabelValue, LabelValues};
use crate::names::{self, is_snake};
use crate::source::Span;
use crate::spec::{CatalogSpec, Entry, LabelSpec, Ordered, RangeEnd};

/// The largest range of integers that one label may take; each value can be a series.
const MAX_RANGE: u32 = 1024;
/// The most bounds that a histogram may have.
const MAX_BOUNDS: usize = 64;
/// Labels that scraping and exposition add.
const RESERVED: [&str; 9] =
    ["le", "quantile", "job", "instance", "cluster", "namespace", "pod", "container", "node"];

impl Resolver<'_> {
    pub(super) fn labels(&mut self, spec: &CatalogSpec) {
        let max_peers = spec.header.as_ref().and_then(|header| header.spec.max_peers);
        for entry in &spec.labels {
            let told = self.told();
            let label = self.label(entry, max_peers);
            if self.told() > told {
                self.lost.name(&entry.name);
            }
            self.labels.insert(entry.name.clone(), LabelId(self.catalog.labels.len()));
            self.catalog.labels.push(label);
        }
    }

    fn label(&mut self, entry: &Entry<LabelSpec>, max_peers: Option<u32>) -> Label {
        let Entry { name: key, path, span, spec } = entry;
        let name = spec.name.clone().unwrap_or_else(|| key.clone());
        let name_span = if spec.name.is_some() { self.places.value(&format!("{path}.name")) } else { *span };
        for (text, span) in [(key, *span), (&name, name_span)] {
            if !text.starts_with("__") {
                self.is_name("bad-label-name", span, "a label name", text);
            }
        }
        if names::is_rusts_own(key) {
            let message = format!("`{key}` is a word of Rust's, and can be no parameter of a method");
            self.error("bad-label-name", *span, message, "rename the label; `name:` keeps what is exported");
        }
        if RESERVED.contains(&name.as_str()) || name.starts_with("__") {
            let message = format!("label `{name}` is reserved: scraping or exposition adds it");
            self.error("reserved-label", name_span, message, "choose another name");
        }
        self.help(path, &spec.help);
        let values = match (&spec.values, &spec.range) {
            (Some(values), None) => self.enum_values(path, *span, values),
            (None, Some((min, max))) => self.range(path, *min, max, max_peers),
            _ => {
                let message = format!("label `{key}` needs either `values` or `range`");
                self.error("label-values", *span, message, "list its `values`, or give a `range: [0, 15]`");
                LabelValues::Range { min: 0, max: 0 }
            }
        };
        // What refers to the label stays sound without its name, and is not blamed for it.
        let is_sound = is_snake(key) && !names::is_rusts_own(key);
        let key = if is_sound { key.clone() } else { format!("label_{}", self.catalog.labels.len()) };
        Label { key, name, help: spec.help.clone(), values, span: *span }
    }

    fn enum_values(&mut self, path: &str, span: Span, values: &Ordered<String>) -> LabelValues {
        if values.0.is_empty() {
            self.error("empty-enum", span, "a label without values can never be recorded", "list its values");
        }
        let mut variants = HashMap::new();
        let mut sound = Vec::new();
        for (name, help) in &values.0 {
            let path = format!("{path}.values.{name}");
            let span = self.places.key(&path);
            if !self.is_name("bad-value-name", span, "a label value", name) {
                continue;
            }
            let variant = names::pascal(name);
            if collisions::is_taken(&variant) {
                let message =
                    format!("`{name}` would be the Rust name `{variant}`, which its type has already");
                self.error("duplicate-value", span, message, "rename it");
                continue;
            }
            if let Some(other) = variants.insert(variant, name) {
                let message = format!("`{name}` and `{other}` are the same Rust variant");
                self.error("duplicate-value", span, message, "rename one of them");
                continue;
            }
            self.help(&path, help);
            sound.push(LabelValue { name: name.clone(), help: help.clone() });
        }
        LabelValues::Enum(sound)
    }

    fn range(&mut self, path: &str, min: u32, max: &RangeEnd, max_peers: Option<u32>) -> LabelValues {
        let span = self.places.value(&format!("{path}.range[1]"));
        let max = match (max, max_peers) {
            (RangeEnd::Number(max), _) => *max,
            (RangeEnd::Word(word), Some(peers)) if word == "max_peers" => peers.saturating_sub(1),
            (RangeEnd::Word(word), _) => {
                let message = format!("`{word}` is no number, and no `max_peers` that the catalog declares");
                self.error("bad-range", span, message, "write a number, or declare `max_peers` in `catalog`");
                min
            }
        };
        if max < min {
            self.error(
                "range-backwards",
                span,
                format!("the range ends at `{max}`, below `{min}`"),
                "swap them",
            );
            return LabelValues::Range { min, max: min };
        }
        if max - min >= MAX_RANGE {
            let message = format!("a range of {} values is too large", u64::from(max - min) + 1);
            self.error(
                "range-too-large",
                span,
                message,
                format!("at most {MAX_RANGE} values, each can be a series"),
            );
            return LabelValues::Range { min, max: min };
        }
        LabelValues::Range { min, max }
    }

    pub(super) fn buckets(&mut self, spec: &CatalogSpec) {
        for entry in &spec.buckets {
            let told = self.told();
            self.is_name("bad-buckets-name", entry.span, "the name of a bucket preset", &entry.name);
            let bounds = self.bounds(&entry.path, &format!("`{}`", entry.name), &entry.spec);
            if self.told() > told {
                self.lost.name(&entry.name);
            }
            self.catalog.buckets.push(BucketPreset {
                name: entry.name.clone(),
                bounds,
                used: false,
                span: entry.span,
            });
        }
    }

    /// Bounds in strictly increasing order; those that are not are left out.
    pub(super) fn bounds(&mut self, path: &str, owner: &str, bounds: &[f64]) -> Vec<Bound> {
        if bounds.is_empty() || bounds.len() > MAX_BOUNDS {
            let span = self.places.key(path);
            let message = format!("{owner} has {} bucket bounds", bounds.len());
            self.error(
                "bucket-count",
                span,
                message,
                format!("give 1 to {MAX_BOUNDS} bounds; `+Inf` is added"),
            );
        }
        let mut sound: Vec<Bound> = Vec::new();
        for (index, value) in bounds.iter().copied().enumerate() {
            let span = self.places.value(&format!("{path}[{index}]"));
            let last = sound.last().map(|bound| bound.value);
            // Zero has a sign, too, and would be exported with it.
            if !value.is_finite() || value.is_sign_negative() {
                let message =
                    format!("bucket bound `{value}` of {owner} is not a finite number from zero on");
                self.error(
                    "bucket-non-finite",
                    span,
                    message,
                    "give a number without a sign; `+Inf` is added by itself",
                );
            } else if last.is_some_and(|last| value.total_cmp(&last).is_eq()) {
                self.error(
                    "bucket-duplicate",
                    span,
                    format!("bucket bound `{value}` of {owner} stands twice"),
                    "keep one",
                );
            } else if let Some(last) = last.filter(|last| value < *last) {
                let message = format!("bucket bounds of {owner} must increase: `{value}` follows `{last}`");
                self.error("bucket-order", span, message, "sort the bounds");
            } else {
                sound.push(Bound { value });
            }
        }
        sound
    }

    pub(super) fn help(&mut self, path: &str, help: &str) {
        if help.trim().is_empty() {
            let within = format!("{path}.help");
            let span = self.places.value(&within);
            let owner = path.rsplit('.').next().unwrap_or(path);
            self.error(
                "help-missing",
                span,
                format!("the help of `{owner}` is empty"),
                "say in a sentence what it is",
            );
        }
    }
}
