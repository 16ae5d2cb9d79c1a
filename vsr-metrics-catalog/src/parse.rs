//! Text to [`CatalogSpec`]. The only file, beside the places it asks for, that knows of YAML.
//!
//! Each entry is read by itself, so that one mistake costs one entry and every mistake is told in one run.

use serde::de::DeserializeOwned;
use serde_yaml::Value;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::names;
use crate::places::{self, Places};
use crate::source::SourceFile;
use crate::spec::{CatalogSpec, Entry};

const SECTIONS: [&str; 9] =
    ["catalog", "labels", "buckets", "metrics", "exceptions", "rules", "slos", "alerts", "dashboards"];

/// Reads a file, with the places of its nodes; `None` if it is no YAML map at all.
pub(crate) fn parse(source: &SourceFile, diagnostics: &mut Diagnostics) -> Option<(CatalogSpec, Places)> {
    let places = places::walk(source.text(), diagnostics)?;
    if diagnostics.has_errors() {
        // Keys written twice: which of them was meant is not for us to guess.
        return None;
    }
    let document: Value = match serde_yaml::from_str(source.text()) {
        Ok(document) => document,
        // Keys written twice, which were told with their place.
        Err(_) if diagnostics.has_errors() => return None,
        Err(error) => {
            let place = error.location();
            let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).max(1);
            let span = place.map_or_else(
                || places.value(""),
                |place| crate::Span { line: number(place.line()), column: number(place.column()), length: 1 },
            );
            diagnostics.error("yaml-syntax", span, format!("not valid YAML: {error}"));
            return None;
        }
    };
    let Value::Mapping(document) = document else {
        let error = Diagnostic::error("wrong-type", places.value(""), "a catalog is a map of sections");
        diagnostics.push(error.help("begin with `catalog:`"));
        return None;
    };
    let mut reader = Reader { places, diagnostics };
    let mut spec = CatalogSpec::default();
    for (key, value) in document {
        let key = text(&key);
        let told = reader.diagnostics.iter().count();
        match key.as_str() {
            "catalog" => spec.header = reader.entry("catalog", "catalog", value),
            "labels" => spec.labels = reader.section("labels", value),
            "buckets" => spec.buckets = reader.section("buckets", value),
            "metrics" => spec.metrics = reader.section("metrics", value),
            "exceptions" => spec.exceptions = reader.list("exceptions", value),
            "rules" => spec.rules = reader.section("rules", value),
            "slos" => spec.slos = reader.section("slos", value),
            "alerts" => spec.alerts = reader.section("alerts", value),
            "dashboards" => spec.dashboards = reader.section("dashboards", value),
            _ => reader.unknown_key(&key, &key, &SECTIONS),
        }
        let lost = reader.diagnostics.iter().count() > told;
        let misspelt = lost && !SECTIONS.contains(&key.as_str());
        spec.labels_lost |= misspelt || lost && key == "labels";
        spec.buckets_lost |= misspelt || lost && key == "buckets";
    }
    for (section, missing) in [("catalog", spec.header.is_none()), ("metrics", spec.metrics.is_empty())] {
        if missing && !reader.diagnostics.has_errors() {
            let error =
                Diagnostic::error("missing-key", reader.places.value(""), format!("`{section}` is missing"));
            reader.diagnostics.push(error.help(format!("add the section `{section}:`")));
        }
    }
    Some((spec, reader.places))
}

struct Reader<'a> {
    places: Places,
    diagnostics: &'a mut Diagnostics,
}

impl Reader<'_> {
    fn section<T: DeserializeOwned>(&mut self, section: &str, value: Value) -> Vec<Entry<T>> {
        match value {
            Value::Mapping(entries) => entries
                .into_iter()
                .filter_map(|(name, value)| {
                    let name = text(&name);
                    self.entry(&name, &format!("{section}.{name}"), value)
                })
                .collect(),
            Value::Null => Vec::new(),
            _ => {
                let span = self.places.value(section);
                self.diagnostics.error(
                    "wrong-type",
                    span,
                    format!("`{section}` must be a map from names to entries"),
                );
                Vec::new()
            }
        }
    }

    fn list<T: DeserializeOwned>(&mut self, section: &str, value: Value) -> Vec<Entry<T>> {
        let Value::Sequence(entries) = value else {
            let span = self.places.value(section);
            self.diagnostics.error("wrong-type", span, format!("`{section}` must be a list"));
            return Vec::new();
        };
        let entries = entries.into_iter().enumerate();
        entries
            .filter_map(|(index, value)| self.entry(section, &format!("{section}[{index}]"), value))
            .collect()
    }

    fn entry<T: DeserializeOwned>(&mut self, name: &str, path: &str, value: Value) -> Option<Entry<T>> {
        match serde_path_to_error::deserialize(value) {
            Ok(spec) => {
                let span = self.places.key(path);
                Some(Entry { name: name.to_owned(), path: path.to_owned(), span, spec })
            }
            Err(error) => {
                let within = error.path().to_string();
                let whole = match within.as_str() {
                    "." => path.to_owned(),
                    within if within.starts_with('[') => format!("{path}{within}"),
                    within => format!("{path}.{within}"),
                };
                self.refuse(&whole, &error.into_inner().to_string());
                None
            }
        }
    }

    /// Turns serde's words into a finding.
    fn refuse(&mut self, path: &str, message: &str) {
        let quoted =
            |text: &str| -> Vec<String> { text.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
        if message.starts_with("unknown field") {
            let names = quoted(message);
            let known: Vec<&str> = names.iter().skip(1).map(String::as_str).collect();
            // serde's path already ends in the unknown key.
            self.unknown_key(path, names.first().map_or("", String::as_str), &known);
        } else if message.starts_with("missing field") {
            let names = quoted(message);
            let name = names.first().map_or("", String::as_str);
            let span = self.places.key(path);
            let owner = path.rsplit('.').next().unwrap_or(path);
            let error = Diagnostic::error("missing-key", span, format!("`{name}` is missing in `{owner}`"));
            self.diagnostics.push(error.help(format!("add `{name}:`")));
        } else if message.starts_with("unknown variant") {
            let names = quoted(message);
            let (name, known) =
                names.split_first().map_or(("", &[][..]), |(name, known)| (name.as_str(), known));
            let span = self.places.value(path);
            let error = Diagnostic::error("unknown-word", span, format!("`{name}` is not a word known here"));
            self.diagnostics
                .push(error.help(suggestion(name, &known.iter().map(String::as_str).collect::<Vec<_>>())));
        } else {
            let span = self.places.value(path);
            self.diagnostics.error("wrong-type", span, message.to_owned());
        }
    }

    fn unknown_key(&mut self, path: &str, name: &str, known: &[&str]) {
        let span = self.places.key(path);
        let error = Diagnostic::error("unknown-key", span, format!("unknown key `{name}`"));
        self.diagnostics.push(error.help(suggestion(name, known)));
    }
}

/// `did you mean …`, or all that would be known.
pub(crate) fn suggestion(name: &str, known: &[&str]) -> String {
    match names::closest(name, known.iter().copied()) {
        Some(close) => format!("did you mean `{close}`?"),
        None if known.is_empty() => "none is defined".to_owned(),
        None => format!(
            "known here: {}",
            known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// A key as text: YAML reads an unquoted `1` or `true` as something else.
fn text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other).unwrap_or_default().trim_end().to_owned(),
    }
}
