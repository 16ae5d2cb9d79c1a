//! Rust names that two things in the catalog would share, other than types and methods of families.

use std::collections::HashSet;

use super::Resolver;
use crate::names;

/// Fields and functions that every `Metrics` has.
const TAKEN: [&str; 9] = [
    "cells",
    "gauges",
    "new",
    "unidentified",
    "default",
    "snapshot",
    "collect",
    "retire",
    "export_prometheus",
];
/// Names within label types; a variant of that name would hide one.
const WITHIN: [&str; 4] = ["ALL", "COUNT", "DESCRIPTOR", "Self"];

/// Whether no variant may have the name.
pub(super) fn is_taken(variant: &str) -> bool {
    WITHIN.contains(&variant)
}

impl Resolver<'_> {
    /// A constant label becomes a field and two methods of `Metrics`: its key, and `set_` and its key.
    pub(super) fn constant_label_methods(&mut self) {
        let mut taken: HashSet<String> = TAKEN.map(str::to_owned).into();
        for family in &self.catalog.families {
            taken.extend(names::verbs(family).iter().map(|verb| format!("{verb}_{}", family.stem)));
        }
        let mut clashes = Vec::new();
        for (index, id) in self.catalog.constant_labels.iter().enumerate() {
            let key = &self.catalog.label(*id).key;
            let methods = [key.clone(), format!("set_{key}")];
            if let Some(method) = methods.iter().find(|method| taken.contains(*method)) {
                let span = self.places.value(&format!("catalog.constant_labels[{index}]"));
                let message =
                    format!("`{key}` as a constant label would be a second `{method}` of `Metrics`");
                clashes.push((span, message));
            }
            taken.extend(methods);
        }
        for (span, message) in clashes {
            let help = "rename the label; `name:` keeps what is exported";
            self.error("constant-label-clash", span, message, help);
        }
    }
}
