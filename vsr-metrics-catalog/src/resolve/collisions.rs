//! Rust names that two things in the catalog would share, other than types and methods of families.

use std::collections::HashSet;

use super::Resolver;

/// Fields and functions that every `Metrics` has.
const TAKEN: [&str; 8] =
    ["cells", "gauges", "new", "unidentified", "default", "snapshot", "collect", "export_prometheus"];
/// What methods of families begin with.
const VERBS: [&str; 7] = ["increment_", "add_", "set_", "sub_", "unset_", "record_", "time_"];
/// Associated constants of label types; a variant of that name would hide one.
const CONSTANTS: [&str; 3] = ["ALL", "COUNT", "DESCRIPTOR"];

/// Whether no variant may have the name.
pub(super) fn is_constant(variant: &str) -> bool {
    CONSTANTS.contains(&variant)
}

impl Resolver<'_> {
    /// A constant label becomes a field and two methods of `Metrics`: its key, and `set_` and its key.
    pub(super) fn constant_label_methods(&mut self) {
        let stems: HashSet<&str> = self.catalog.families.iter().map(|family| family.stem.as_str()).collect();
        let mut clashes = Vec::new();
        for (index, id) in self.catalog.constant_labels.iter().enumerate() {
            let key = &self.catalog.label(*id).key;
            let verb =
                VERBS.iter().find_map(|verb| key.strip_prefix(verb)).filter(|rest| stems.contains(rest));
            let method = if TAKEN.contains(&key.as_str()) || verb.is_some() {
                key.clone()
            } else if stems.contains(key.as_str()) {
                format!("set_{key}")
            } else {
                continue;
            };
            let span = self.places.value(&format!("catalog.constant_labels[{index}]"));
            clashes.push((
                span,
                format!("`{key}` as a constant label would be a second `{method}` of `Metrics`"),
            ));
        }
        for (span, message) in clashes {
            self.error(
                "constant-label-clash",
                span,
                message,
                "rename the label; `name:` keeps what is exported",
            );
        }
    }
}
