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
