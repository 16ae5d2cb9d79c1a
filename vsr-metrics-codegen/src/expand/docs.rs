//! The rustdoc of what is generated: hovering in an editor answers what a metric is.

use std::fmt::Write as _;

use vsr_metrics_catalog::model::{
    Alert, Catalog, Family, GaugeValue, Instrument, LabelValues, State, Threshold, ThresholdUnit, Unit,
};
use vsr_metrics_catalog::names::shown;

use crate::promql;
use crate::uses::Uses;

/// Text of the catalog as Markdown: nothing in it is a link, a tag or a heading, and names in it are code.
pub(super) fn prose(text: &str) -> String {
    // A quote that is never closed quotes nothing.
    let is_balanced = text.matches('`').count().is_multiple_of(2);
    let mut code = false;
    let words = text.split_whitespace().enumerate().map(|(index, word)| {
        let quoted = is_balanced && (code || word.contains('`'));
        code ^= word.matches('`').count() % 2 == 1;
        match index {
            _ if quoted => word.to_owned(),
            0 if is_block(word) => format!("\\{word}"),
            _ => mark_code(word),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether a word at the beginning makes the text a heading, a line or an item of a list.
fn is_block(word: &str) -> bool {
    ["#", "-", "+", "~~~"].iter().any(|mark| word.starts_with(mark))
}

/// `vsr_x,` → `` `vsr_x`, ``; other words have their Markdown escaped.
fn mark_code(word: &str) -> String {
    if word.contains("://") {
        let address = word.trim_matches(|letter: char| letter.is_ascii_punctuation() && letter != '/');
        return word.replacen(address, &format!("<{address}>"), 1);
    }
    let inner = word.trim_matches(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
    // The genitive is no part of a name.
    let inner = inner.strip_suffix("'s").unwrap_or(inner);
    // `CPUs` is the plural of an abbreviation.
    let stem = inner.strip_suffix('s').unwrap_or(inner);
    let camel = stem.chars().all(char::is_alphanumeric)
        && stem.chars().skip(1).any(char::is_uppercase)
        && stem.chars().any(char::is_lowercase);
    if inner.is_empty() || !(camel || inner.contains('_') || inner.contains("::")) {
        return escape(word);
    }
    let start = word.find(inner).unwrap_or(0);
    let (before, after) = (&word[..start], &word[start + inner.len()..]);
    format!("{}`{inner}`{}", escape(before), escape(after))
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if matches!(letter, '[' | ']' | '<' | '>' | '*' | '_' | '\\' | '`' | '&') {
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

/// What an alert compares with: when it fires, the number as people say it, and for how long; and the constant's
/// unit, where it is another one.
pub(super) fn threshold(alert: &Alert, threshold: Threshold) -> Vec<String> {
    let mut words = format!("`{}`: {}", alert.name, threshold.words());
    if !alert.hold.is_zero() {
        let _ = write!(words, ", for {}", shown(alert.hold));
    }
    let unit = match threshold.unit {
        ThresholdUnit::Ratio => " The constant is a share of 1.",
        ThresholdUnit::Of(Unit::Bytes) => " The constant is in bytes.",
        ThresholdUnit::Of(Unit::BytesPerSecond) => " The constant is in bytes per second.",
        _ => "",
    };
    vec![prose(&alert.summary), String::new(), format!("{words}.{unit}")]
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
    let groups = catalog.groups();
    if !groups.is_empty() {
        let group = |(name, families): &(&str, Vec<&Family>)| format!("`{name}` ({})", families.len());
        let groups: Vec<String> = groups.iter().map(group).collect();
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
        let what = format!("{} `{}`", self.kind(), family.name);
        let action = match verb {
            "unset" => format!("Takes back the {what}: until it is set again, it is not exported."),
            _ => format!("{} {what}{}.", action(verb), self.unit()),
        };
        let mut lines = vec![prose(&family.help), String::new(), action];
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
            prose("Until PrepareOk's [quorum], see app_x_total."),
            "Until `PrepareOk`'s \\[quorum\\], see `app_x_total`."
        );
        assert_eq!(prose("A <T> and `kept as it is`."), "A \\<T\\> and `kept as it is`.");
        assert_eq!(prose("An open ` and <b>."), "An open \\` and \\<b\\>.");
        assert_eq!(prose("See (https://example.org/a_b/)."), "See (<https://example.org/a_b/>).");
        assert_eq!(prose("Of all CPUs & IDs: 0=Stable."), "Of all CPUs \\& IDs: 0=Stable.");
        assert_eq!(prose("# Answers - no more."), "\\# Answers - no more.");
    }
}
