//! What could not be read or understood. Nothing is blamed for missing what its own finding tells of.

use std::collections::HashSet;

/// Names that a catalog defines, or may define, although the model does not have them as written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lost {
    /// A section could not be read, or not be told from another: any name may be defined there.
    pub(crate) section: bool,
    /// The catalog's own facts: prefix, budget, scrape interval.
    pub(crate) header: bool,
    /// An exception, which may excuse anything.
    pub(crate) exception: bool,
    /// Names of all kinds of entries.
    names: HashSet<String>,
}

impl Lost {
    /// Notes an entry that the model lacks, or has only in part.
    pub(crate) fn name(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Whether a name may be defined, or its definition mean something else than the model says.
    pub(crate) fn may_define(&self, name: &str) -> bool {
        self.section || self.names.contains(name)
    }

    /// Whether any entry may be missing.
    pub(crate) fn anything(&self) -> bool {
        self.section || !self.names.is_empty()
    }

    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }
}
