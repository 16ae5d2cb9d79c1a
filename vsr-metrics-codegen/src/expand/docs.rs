//! The rustdoc of what is generated: hovering in an editor answers what a metric is.

use std::fmt::Write as _;

use vsr_metrics_catalog::model::{
    Alert, Catalog, Family, GaugeValue, Instrument, LabelValues, State, Threshold, Unit,
};

use crate::promql;
use crate::uses::Uses;

/// Text of the catalog as Markdown: nothing in it is a link or a tag, and names in it are code.
pub(super) fn prose(text: &str) -> String {
    let mut code = false;
    let words = text.split_whitespace().map(|word| {
        let quoted = code || word.contains('`');
        code ^= word.matches('`').count() % 2 == 1;
        if quoted { word.to_owned() } else { mark_code(word) }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `vsr_x,` → `` `vsr_x`, ``; other words have their Markdown escaped.
fn mark_code(word: &str) -> String {
    let inner = word.trim_matches(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    let camel = inner.chars().skip(1).any(char::is_uppercase) && inner.chars().any(char::is_lowercase);
    if inner.is_empty() || !(camel || inner.contains('_') || inner.contains("::")) {
        return escape(word);
    }
    // The genitive is no part of a name.
    let inner = inner.strip_suffix("'s").unwrap_or(inner);
    let start = word.find(inner).unwrap_or(0);
    let (before, after) = (&word[..start], &word[start + inner.len()..]);
    format!("{}`{inner}`{}", escape(before), escape(after))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '[' | ']' | '<' | '>' | '*' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// A state: its sentence, or its name where it has none.
pub(super) fn state(state: &State) -> String {
    state.help.as_deref().map_or_else(|| format!("`{}`, exported as {}.", state.name, state.value), prose)
}

/// The heading of a group's methods.
pub(super) fn group(name: &str) -> String {
    format!("Recordings of the group `{name}`.")
}

/// What an alert compares with: when it fires, the number with its unit, and for how long.
pub(super) fn threshold(alert: &Alert, threshold: Threshold) -> Vec<String> {
    let mut words = format!("`{}`: {}", alert.name, threshold.words());
    if !alert.hold.is_zero() {
        let _ = write!(words, ", for {} s", alert.hold.as_secs_f64());
    }
    vec![prose(&alert.summary), String::new(), format!("{words}.")]
}

/// The struct: what there is, by group, and how it looks when used.
pub(super) fn instance(catalog: &Catalog) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Everything that the catalog `{}` records: {} metric families.",
            catalog.name,
            catalog.families.len()
        ),
        String::new(),
        "Recording takes no lock, cannot fail and never panics.".to_owned(),
    ];
    let mut groups: Vec<(&str, usize)> = Vec::new();
    for family in &catalog.families {
        match groups.iter_mut().find(|(name, _)| *name == family.group) {
            Some((_, count)) => *count += 1,
            None => groups.push((&family.group, 1)),
        }
    }
    if !groups.is_empty() {
        let groups: Vec<String> = groups.iter().map(|(name, count)| format!("`{name}` ({count})")).collect();
        lines.extend([String::new(), format!("Groups and their families: {}.", groups.join(", "))]);
    }
    lines
}

/// What is told about one family.
pub(super) struct FamilyDocs<'a> {
    catalog: &'a Catalog,
    family: &'a Family,
    alerts: Vec<&'a str>,
}

impl<'a> FamilyDocs<'a> {
    pub(super) fn new(catalog: &'a Catalog, uses: &Uses<'a>, family: &'a Family) -> Self {
        Self { catalog, family, alerts: uses.alerts(family) }
    }

    /// The rustdoc of a method. The first one of a family tells everything, the others what differs.
    pub(super) fn method(&self, verb: &str, first: bool) -> Vec<String> {
        let family = self.family;
        let mut lines = vec![prose(&family.help), String::new()];
        lines.push(format!("{} {} `{}`{}.", action(verb), self.kind(), family.name, self.unit()));
        if !first {
            return lines;
        }
        lines.extend(self.facts());
        if let Some(usage) = &family.usage {
            lines.push(String::new());
            lines.push(prose(usage));
        }
        lines.extend([String::new(), "```promql".to_owned()]);
        lines.extend([promql::example(self.catalog, family), "```".to_owned()]);
        lines
    }

    /// Labels, buckets, states and alerts, as a list.
    fn facts(&self) -> Vec<String> {
        let mut facts = Vec::new();
        for id in &self.family.labels {
            let label = self.catalog.label(*id);
            let values = match &label.values {
                LabelValues::Enum(values) => code_list(values.iter().map(|value| value.name.as_str())),
                LabelValues::Range { min, max } => format!("{min} to {max}"),
            };
            facts.push(format!("- Label `{}`: {values}", label.name));
        }
        match &self.family.instrument {
            Instrument::Histogram { bounds, .. } => {
                let bounds: Vec<String> = bounds.iter().map(|bound| bound.value.to_string()).collect();
                facts.push(format!("- Buckets: {}", bounds.join(", ")));
                if self.family.has_grid() {
                    facts.push("- Grid: exponential, for quantiles within 2.2 % and for OTLP".to_owned());
                }
            }
            Instrument::Gauge(GaugeValue::States(states)) => {
                let states: Vec<String> =
                    states.iter().map(|state| format!("{} `{}`", state.value, state.name)).collect();
                facts.push(format!("- States: {}", states.join(", ")));
            }
            Instrument::Counter | Instrument::Gauge(_) => {}
        }
        if !self.alerts.is_empty() {
            facts.push(format!("- Alerts: {}", code_list(self.alerts.iter().copied())));
        }
        if !facts.is_empty() {
            facts.insert(0, String::new());
        }
        facts
    }

    fn kind(&self) -> &'static str {
        match self.family.instrument {
            Instrument::Counter => "counter",
            Instrument::Gauge(_) => "gauge",
            Instrument::Histogram { .. } => "histogram",
        }
    }

    fn unit(&self) -> String {
        self.family.unit.map_or_else(String::new, |unit| format!(", in {}", unit_words(unit)))
    }
}

fn action(verb: &str) -> &'static str {
    match verb {
        "increment" => "Adds one to the",
        "add" => "Adds to the",
        "sub" => "Subtracts from the",
        "set" => "Sets the",
        "unset" => "Takes back, until it is set again, the",
        "time" => "Records the time until the returned timer is dropped in the",
        _ => "Records one observation in the",
    }
}

fn unit_words(unit: Unit) -> String {
    unit.name().replace('_', " ")
}

fn code_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_prose_become_code_and_nothing_becomes_markup() {
        assert_eq!(
            prose("Until PrepareOk [quorum], see app_x_total."),
            "Until `PrepareOk` \\[quorum\\], see `app_x_total`."
        );
        assert_eq!(prose("A <T> and `kept as it is`."), "A \\<T\\> and `kept as it is`.");
    }
}
