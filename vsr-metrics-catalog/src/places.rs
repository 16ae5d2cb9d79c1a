//! Where in the YAML each node stands, by its path: `metrics.vsr_operations_total.labels[0]`.

use std::collections::HashMap;

use crate::source::Span;

/// Places by path.
#[derive(Debug, Default)]
pub(crate) struct Places {
    keys: HashMap<String, Span>,
    values: HashMap<String, Span>,
}

impl Places {
    /// The place of a key, or of the nearest node around it.
    pub(crate) fn key(&self, path: &str) -> Span {
        self.keys.get(path).copied().unwrap_or_else(|| self.value(path))
    }

    /// The place of a value, or of the nearest node around it.
    pub(crate) fn value(&self, path: &str) -> Span {
        if let Some(span) = self.values.get(path).or_else(|| self.keys.get(path)) {
            return *span;
        }
        let end = path.rfind(['.', '[']).unwrap_or(0);
        if end == 0 { Span { line: 1, column: 1, length: 1 } } else { self.key(&path[..end]) }
    }

    /// Notes a key; what was noted first stays.
    pub(crate) fn note_key(&mut self, path: &str, span: Span) {
        self.keys.entry(path.to_owned()).or_insert(span);
    }

    /// Notes a value; what was noted first stays.
    pub(crate) fn note_value(&mut self, path: &str, span: Span) {
        self.values.entry(path.to_owned()).or_insert(span);
    }

    /// Has what was meant to stand at `meant` found where it stands, misspelt, at `written`.
    pub(crate) fn respell(&mut self, written: &str, meant: &str) {
        let (key, value) = (self.key(written), self.value(written));
        self.note_key(meant, key);
        self.note_value(meant, value);
    }
}
