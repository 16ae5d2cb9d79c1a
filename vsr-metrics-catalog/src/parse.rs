//! From values to [`CatalogSpec`]: each entry is read by itself, so that one mistake costs one entry at most, and
//! every mistake is told in one run.

#[cfg(feature = "promql")]
mod overlay;
mod repair;
mod words;

use serde::de::DeserializeOwned;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lost::Lost;
use crate::names;
use crate::node::Node;
use crate::places::Places;
use crate::source::SourceFile;
use crate::spec::{CatalogSpec, Entry};
use crate::tree;
#[cfg(feature = "promql")]
pub(crate) use overlay::overlay;

const SECTIONS: [&str; 10] = [
    "catalog",
    "labels",
    "buckets",
    "metrics",
    "exceptions",
    "rules",
    "slos",
    "alerts",
    "dashboards",
    "playbook",
];

/// What was read of a file.
pub(crate) struct Parsed {
    pub(crate) spec: CatalogSpec,
    pub(crate) places: Places,
    pub(crate) lost: Lost,
}

/// Reads a file; `None` if it is no YAML map at all.
pub(crate) fn parse(source: &SourceFile, diagnostics: &mut Diagnostics) -> Option<Parsed> {
    let tree = tree::read(source.text(), diagnostics)?;
    let Node::Map(document) = tree.root else {
        let span = tree.places.value("");
        let error = Diagnostic::error("wrong-type", span, "a catalog is a map of sections");
        diagnostics.push(error.help("begin with `catalog:`"));
        return None;
    };
    let mut lost = Lost::default();
    lost.section = tree.lost_section;
    let mut reader = Reader { places: tree.places, diagnostics, lost };
    let mut spec = CatalogSpec::default();
    let written: Vec<String> = document.iter().map(|(key, _)| key.clone()).collect();
    for (key, value) in document {
        reader.top_level(&mut spec, &key, value, &written);
    }
    let mut missing = false;
    for section in ["catalog", "metrics"] {
        if !written.iter().any(|key| key == section) && !reader.lost.section {
            let message = format!("`{section}` is missing");
            let error = Diagnostic::error("missing-key", reader.places.value(""), message);
            reader.diagnostics.push(error.help(format!("add the section `{section}:`")));
            missing = true;
        }
    }
    reader.lost.section |= missing;
    reader.lost.header |= spec.header.is_none();
    Some(Parsed { spec, places: reader.places, lost: reader.lost })
}

struct Reader<'a> {
    places: Places,
    diagnostics: &'a mut Diagnostics,
    lost: Lost,
}

impl Reader<'_> {
    fn top_level(&mut self, spec: &mut CatalogSpec, key: &str, value: Node, written: &[String]) {
        match key {
            "catalog" => spec.header = self.entry("catalog", "catalog", value),
            "labels" => spec.labels = self.section("labels", value),
            "buckets" => spec.buckets = self.section("buckets", value),
            "metrics" => {
                spec.metrics = self.section("metrics", value);
                if spec.metrics.is_empty() && !self.lost.anything() {
                    let span = self.places.key("metrics");
                    let error = Diagnostic::error("missing-key", span, "`metrics` has no entry");
                    self.diagnostics.push(error.help("define at least one metric"));
                }
            }
            "exceptions" => spec.exceptions = self.list("exceptions", value),
            "rules" => spec.rules = self.section("rules", value),
            "slos" => spec.slos = self.section("slos", value),
            "alerts" => spec.alerts = self.section("alerts", value),
            "playbook" => spec.playbook = self.entry("playbook", "playbook", value),
            "dashboards" => spec.dashboards = self.section("dashboards", value),
            _ => {
                self.unknown_key(key, key, &SECTIONS);
                let meant =
                    names::closest(key, SECTIONS).filter(|close| !written.iter().any(|key| key == close));
                match meant {
                    Some(meant) => {
                        self.places.respell(key, meant);
                        self.lost.section = true;
                        self.top_level(spec, meant, value, written);
                    }
                    None => self.lost.section = true,
                }
            }
        }
    }

    fn section<T: DeserializeOwned>(&mut self, section: &str, value: Node) -> Vec<Entry<T>> {
        match value {
            Node::Map(entries) => entries
                .into_iter()
                .filter_map(|(name, value)| self.entry(&name, &format!("{section}.{name}"), value))
                .collect(),
            Node::Null => Vec::new(),
            _ => {
                let span = self.places.value(section);
                let message = format!("`{section}` must be a map from names to entries");
                let error = Diagnostic::error("wrong-type", span, message);
                self.diagnostics
                    .push(error.help("write `NAME:` in a line below it, and what belongs to it below that"));
                self.lost.section = true;
                Vec::new()
            }
        }
    }

    fn list<T: DeserializeOwned>(&mut self, section: &str, value: Node) -> Vec<Entry<T>> {
        let entries = match value {
            Node::List(entries) => entries,
            Node::Null => Vec::new(),
            _ => {
                let span = self.places.value(section);
                let error = Diagnostic::error("wrong-type", span, format!("`{section}` must be a list"));
                self.diagnostics.push(error.help("begin each entry with `- `"));
                self.lost.exception = true;
                Vec::new()
            }
        };
        let entries = entries.into_iter().enumerate();
        entries
            .filter_map(|(index, value)| self.entry(section, &format!("{section}[{index}]"), value))
            .collect()
    }

    fn entry<T: DeserializeOwned>(&mut self, name: &str, path: &str, value: Node) -> Option<Entry<T>> {
        let spec = self.read(path, value);
        if spec.is_none() {
            self.lost.name(name);
            self.lost.exception |= path.starts_with("exceptions");
        }
        let entry =
            |spec| Entry { name: name.to_owned(), path: path.to_owned(), span: self.places.key(path), spec };
        spec.map(entry)
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
