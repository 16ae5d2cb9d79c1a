//! The bridge to the crate `metrics`, both ways.
//!
//! [`Bridge`] gives a catalog's families to any [`metrics::Recorder`], so that a backend written for that crate receives
//! them. [`Registry`] is such a recorder itself: what other crates record by the macros of `metrics` appears beside the
//! catalog's families, in every format and on every route.
//!
//! ```
//! use vsr_metrics::Source as _;
//! use vsr_metrics::facade::Registry;
//!
//! let registry = Registry::new();
//! metrics::with_local_recorder(&registry, || {
//!     metrics::describe_counter!("http.requests", "Requests that were answered.");
//!     metrics::counter!("http.requests", "status" => "200").increment(1);
//! });
//! let snapshot = registry.snapshot();
//! let family = snapshot.family("http_requests_total").expect("it was recorded");
//! assert_eq!(family.descriptor().help, "Requests that were answered.");
//! assert!(family.find(&[("status", "200")]).is_some());
//! ```
//!
//! # What becomes of names
//!
//! Characters that Prometheus does not allow become `_`, and a counter's name ends with `_total`. A family whose name, or
//! that of one of its samples, belongs to a catalog or to another family is refused. A unit is told as such where the name
//! ends with it; in any other case it stands in the help text, because a name that changed with its description would be
//! worse.
//!
//! # Bounds
//!
//! Other crates choose names and label values while the program runs, so each number of them is bounded: families, series
//! of a family, all series, labels of a family. Past a bound, counters and histograms go on in one series of their family
//! that says `overflow="true"`; gauges, of which no sum would make sense, and families past the bound are left out. Each
//! such recording is counted in `vsr_metrics_facade_overflow_total`. Nothing is ever removed: a series that was there
//! stays.

mod cells;
mod family;
mod names;
mod push;
mod registry;

pub use push::Bridge;
pub use registry::{Limits, Registry};
