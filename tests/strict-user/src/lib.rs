//! A user who switches on every lint that judges what `catalog!` expands to, and has two catalogs.
#![forbid(unsafe_code)]
#![deny(missing_docs, warnings, clippy::pedantic, clippy::unwrap_used, clippy::panic)]

/// From a file.
pub mod store {
    vsr_metrics::catalog!("catalog.yaml");
}

/// From a text, with another prefix and the same names of types.
pub mod cache {
    vsr_metrics::catalog!(
        source = "
catalog: { name: cache, prefix: cache_, version: 1.0.0 }
labels:
  status: { help: How it ended., values: { hit: It was there., miss: It was not. } }
metrics:
  cache_lookups_total: { type: counter, group: all, labels: [status], help: Lookups in the cache. }
"
    );
}

/// Without a prelude, between names that others have, from a catalog of names and texts that are nearly something else.
#[no_implicit_prelude]
pub mod odd {
    /// A module of this name, where code says `core::option::Option`.
    pub mod core {}
    /// A module of this name, where code says `std::string::String`.
    pub mod std {}
    /// A module of this name, where code says `vsr_metrics::Snapshot`.
    pub mod vsr_metrics {}
    /// A type of this name, where code says `String`.
    #[derive(Clone, Copy, Debug)]
    pub struct String;

    ::vsr_metrics::catalog!("hostile.yaml");
}
